// <rppg-viewer clip="{numbers}">: plays the visitor's own file with regions and beats drawn on it; below it are
// the waveforms and the heart rate over time (rate_strip.js).
//
// Files: the server deletes an upload once it is decoded, so the page keeps what it sent. Picked, dropped, pasted and
// recorded files are all sent by a POST to .../upload, and the answer names the server's folder for the file; a result
// refers to the file by that folder. Nothing is sent anywhere from here.
//
// The drawing is in a shadow root: Gradio patches the HTML of a component in place and would remove what we add to it.
"use strict";
(() => {
  if (customElements.get("rppg-viewer")) return;

  const strip = window.rppgRateStrip;
  const KEPT = 3; // uploads that are kept
  const uploads = new Map(); // folder on the server -> File, the newest last
  const send = window.fetch;
  window.fetch = async function (address, options) {
    const answer = await send.apply(this, arguments);
    const url = String(address?.url ?? address).split("?")[0];
    if (answer.ok && url.endsWith("/upload") && options?.body instanceof FormData) {
      remember(options.body.getAll("files"), answer.clone());
    }
    return answer;
  };

  async function remember(files, answer) {
    const paths = await answer.json().catch(() => []);
    files.forEach((file, k) => {
      const folder = String(paths[k] ?? "").split(/[\\/]/).at(-2) ?? "";
      uploads.delete(folder);
      uploads.set(folder, file);
    });
    while (uploads.size > KEPT) uploads.delete(uploads.keys().next().value);
  }

  // For "delete now": the page releases every file, and players fall back to the still.
  window.rppgForget = () => {
    uploads.clear();
    document.querySelectorAll("rppg-viewer").forEach((viewer) => viewer.load());
  };

  const STYLE = `
    :host { display: block; container-type: inline-size; color: var(--body-text-color, #1f2328);
            --soft: color-mix(in srgb, currentColor 74%, transparent); --line: var(--border-color-primary, #d1d9e0);
            --paper: var(--viewer-paper, var(--body-background-fill, #fff)); font-size: .875rem; line-height: 1.4; }
    .frame { display: grid; gap: .5rem 1.5rem; grid-template-columns: minmax(0, 1fr);
             grid-template-areas: "stage" "transport" "waves" "marks" "words"; }
    @container (min-width: 44rem) {
      .frame { grid-template-columns: minmax(0, 20rem) minmax(0, 1fr); grid-template-rows: 1fr auto auto;
               grid-template-areas: "stage waves" "marks transport" "words words"; }
    }
    .stage { grid-area: stage; position: relative; overflow: hidden; border-radius: 8px; background: #000;
             justify-self: center; align-self: center; cursor: pointer; max-width: 100%; }
    .stage video, .stage canvas, .stage ::slotted(img) { position: absolute; inset: 0; width: 100% !important;
             height: 100% !important; max-width: none !important; margin: 0 !important; }
    .stage video { object-fit: fill; }
    .heart { position: absolute; top: .75rem; right: .75rem; width: 1.75rem; color: var(--accent);
             opacity: calc(.35 + .65 * var(--pulse)); transform: scale(calc(.85 + .3 * var(--pulse)));
             filter: drop-shadow(0 0 1px #fff) drop-shadow(0 1px 3px rgb(0 0 0 / .6)); }
    .waves { grid-area: waves; align-self: center; position: relative; cursor: ew-resize; touch-action: pan-y; user-select: none; }
    .waves canvas { display: block; width: 100%; }
    .window { margin: .25rem 0 0; min-height: 2.8em; color: var(--soft); cursor: auto;
              user-select: text; font-variant-numeric: tabular-nums; }
    .ahead { position: absolute; top: 0; right: 0; border-left: 2px solid currentColor; pointer-events: none;
             background: color-mix(in srgb, var(--paper) 55%, transparent); }
    .transport { grid-area: transport; display: flex; align-items: center; gap: .75rem; }
    .transport input { flex: 1; min-width: 0; height: 1.5rem; margin: 0; accent-color: var(--accent); }
    .transport output { min-width: 5.75em; text-align: right; font-variant-numeric: tabular-nums; color: var(--soft); }
    button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: 6px;
             min-width: 4.25rem; min-height: 2.25rem; padding: 0 .5rem; cursor: pointer; }
    button:hover { border-color: currentColor; }
    .marks { grid-area: marks; display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 0; padding: 0; border: 0; }
    .marks label { display: flex; align-items: center; gap: .4rem; min-height: 1.75rem; cursor: pointer; }
    .marks label:has(:disabled) { color: var(--soft); cursor: default; }
    .marks input { accent-color: var(--accent); width: 1rem; height: 1rem; margin: 0; }
    .words { grid-area: words; color: var(--soft); }
    .words p, .words ::slotted(p) { margin: 0 !important; color: inherit !important; font-size: inherit !important; }
    .legend { display: flex; flex-wrap: wrap; gap: 0 1.25rem; margin: 0 0 .25rem !important; padding: 0; list-style: none; }
    .legend i { display: inline-block; width: 1.5rem; margin-right: .4rem; vertical-align: middle; border-top: 2px solid; }
    .legend i.hatched { height: .8rem; border: 0 !important; background: repeating-linear-gradient(-45deg, var(--hatch) 0 1px, transparent 1px 5px); }
    @media (prefers-reduced-motion: reduce) { .heart { transform: none; } }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    [hidden] { display: none !important; }`;
  const HEART = "M12 21C5 15 2 11.5 2 7.8 2 5 4.2 3 6.8 3 9 3 11 4.3 12 6.2 13 4.3 15 3 17.2 3 19.8 3 22 5 22 7.8 22 11.5 19 15 12 21z";
  const PARTS = `
    <style>${STYLE}</style>
    <div class="frame" role="group" aria-label="The video with its regions, beats and waveforms">
      <div class="stage"><slot name="still"></slot><canvas class="face"></canvas>
        <svg class="heart" viewBox="0 0 24 24" aria-hidden="true"><path fill="currentColor" d="${HEART}"/></svg></div>
      <div class="transport"><button type="button">Play</button>
        <input type="range" min="0" step="any" value="0" aria-label="Position in the clip" aria-describedby="window"><output></output></div>
      <div class="waves"><canvas role="img" aria-label="Waveforms of the methods and heart rate over time"></canvas><div class="ahead"></div>
        <p class="window" id="window"></p></div>
      <fieldset class="marks" aria-label="What is drawn">
        <label><input type="checkbox" name="outlines" checked>Outlines</label>
        <label><input type="checkbox" name="marks">Beat mark</label>
        <label><input type="checkbox" name="sound">Beat sound</label>
      </fieldset>
      <div class="words"><ul class="legend"></ul><p class="notice" role="status"></p><slot name="words"></slot></div>
    </div>`;

  // A clock for the still picture, which is shown when there is no file.
  class StillPlayer {
    #from = 0; // s, position when it was started or moved
    #since = null; // ms, when it was started; null while it is paused
    constructor(seconds) { this.seconds = seconds; }
    get time() {
      const gone = this.#since === null ? 0 : (performance.now() - this.#since) / 1000;
      return Math.min(this.#from + gone, this.seconds);
    }
    get playing() { return this.#since !== null && this.time < this.seconds; }
    seek(time) { [this.#since, this.#from] = [this.playing ? performance.now() : null, time]; }
    play() { this.seek(this.time >= this.seconds ? 0 : this.time); this.#since = performance.now(); }
    pause() { this.#from = this.time; this.#since = null; }
    close() { this.pause(); }
  }

  // The visitor's file, from an object URL, without its sound.
  class FilePlayer {
    constructor(file, seconds, changed, failed) {
      this.seconds = seconds;
      this.video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, preload: "auto" });
      this.video.tabIndex = -1;
      this.video.setAttribute("aria-label", "Your video");
      for (const event of ["play", "pause", "seeked", "loadeddata", "ended"]) this.video.addEventListener(event, changed);
      this.video.addEventListener("error", failed);
      this.url = URL.createObjectURL(file);
      this.video.src = this.url;
    }
    get time() { return Math.min(this.video.currentTime, this.seconds); }
    get playing() { return !this.video.paused && !this.video.ended; }
    seek(time) { this.video.currentTime = time; }
    play() { if (this.time >= this.seconds) this.seek(0); this.video.play().catch(() => {}); }
    pause() { this.video.pause(); }
    close() { this.video.removeAttribute("src"); this.video.load(); this.video.remove(); URL.revokeObjectURL(this.url); }
  }

  class Viewer extends HTMLElement {
    static observedAttributes = ["clip"];
    #clip; #player; #file; #resized; #audio;
    #view = { start: 0, span: 1 }; // the stretch of the waveforms that is shown
    #drawn = ""; // what the waveforms were last drawn for
    #frame = 0; // animation frame that is due
    #pointed = null; // s, the time below the mouse
    #sounded = 0; // s, beats up to here have been sounded

    connectedCallback() {
      if (!this.shadowRoot) this.#build();
      this.#resized = new ResizeObserver(() => this.draw());
      this.#resized.observe(this);
      this.load();
    }

    disconnectedCallback() {
      this.#resized.disconnect();
      this.#player?.close();
      this.#player = this.#file = undefined;
    }

    attributeChangedCallback() { if (this.shadowRoot && this.isConnected) this.load(); }

    #part(selector) { return this.shadowRoot.querySelector(selector); }
    #on(name) { return this.#part(`input[name=${name}]`).checked; }

    #build() {
      this.attachShadow({ mode: "open" }).innerHTML = PARTS;
      this.#part("[name=marks]").checked = !matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.#part("button").addEventListener("click", () => this.toggle());
      this.#part(".stage").addEventListener("click", () => this.toggle());
      this.#part("[type=range]").addEventListener("input", (event) => this.seek(Number(event.target.value)));
      this.#part(".marks").addEventListener("change", () => this.draw());
      this.#part("[name=sound]").addEventListener("change", () => { this.#audio ??= new AudioContext(); });
      this.shadowRoot.addEventListener("keydown", (event) => this.#key(event));
      const waves = this.#part(".waves canvas");
      waves.addEventListener("pointerdown", (event) => { waves.setPointerCapture(event.pointerId); this.#drag(event); });
      waves.addEventListener("pointermove", (event) => { this.#point(event); });
      waves.addEventListener("pointerleave", () => { this.#pointed = null; this.draw(); });
    }

    // Numbers have come or changed: keep the player and its position where it is the same clip.
    load() {
      const before = this.#clip;
      const clip = (this.#clip = JSON.parse(this.getAttribute("clip")));
      const file = clip.file === "none" ? undefined : clip.file === "newest" ? [...uploads.values()].at(-1) : uploads.get(clip.file);
      this.style.setProperty("--accent", clip.colour.estimate);
      if (!this.#player || file !== this.#file || before?.seconds !== clip.seconds) this.#open(file);
      this.#drawn = "";
      this.#legend();
      this.draw();
    }

    #open(file, notice = "") {
      this.#player?.close();
      this.#file = file;
      this.#view.start = this.#sounded = 0;
      const seconds = this.#clip.seconds;
      const cannot = "This browser cannot play that kind of file, so the still picture stands in for it.";
      this.#player = file
        ? new FilePlayer(file, seconds, () => this.draw(), () => this.#open(undefined, cannot))
        : new StillPlayer(seconds);
      if (file) this.#part(".stage").prepend(this.#player.video);
      this.#part("slot[name=still]").hidden = Boolean(file);
      this.#part(".notice").textContent = notice;
      this.#part("[type=range]").max = seconds;
      for (const name of ["marks", "sound"]) this.#part(`[name=${name}]`).disabled = !this.#clip.beats.length;
      const still = this.#clip.still;
      const [width, height] = file || !still ? this.#clip.size : still.size;
      const stage = this.#part(".stage").style;
      stage.aspectRatio = `${width} / ${height}`;
      stage.width = `min(100%, ${((26 * width) / height).toFixed(2)}rem)`;
      this.#part(".stage").hidden = !file && !still;
      this.draw();
    }

    toggle() {
      if (this.#player.playing) this.#player.pause();
      else this.#player.play();
      this.draw();
    }

    seek(time) {
      this.#player.seek(Math.min(Math.max(time, 0), this.#clip.seconds));
      this.#sounded = this.#player.time;
      this.draw();
    }

    #key(event) {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) this.seek(this.#player.time + step);
      else if (event.key === " " && event.target.type === "range") this.toggle();
      else return;
      event.preventDefault();
    }

    #drag(event) { this.seek(this.#timeAt(event)); }

    // Dragging moves the playhead; a mouse that only passes shows the heart rate at its place.
    #point(event) {
      this.#pointed = event.pointerType === "mouse" ? this.#timeAt(event) : null;
      if (event.target.hasPointerCapture(event.pointerId)) this.#drag(event);
      else this.draw();
    }

    #timeAt(event) {
      const { left, scale, start, span } = this.#view;
      const x = event.clientX - this.#part(".waves").getBoundingClientRect().left;
      return start + Math.min(Math.max((x - left) / scale, 0), span);
    }

    // Everything that depends on the time; runs once per frame while playing.
    draw() {
      cancelAnimationFrame(this.#frame);
      if (!this.#player || !this.isConnected) return;
      const { time, playing, seconds } = this.#player;
      this.style.colorScheme = document.body.classList.contains("dark") ? "dark" : "light";
      const marks = this.#on("marks") && this.#clip.beats.length > 0;
      const pulse = marks ? pulseAt(this.#clip.beats, time) : 0;
      const stage = this.#part(".stage");
      stage.style.setProperty("--pulse", pulse.toFixed(3));
      this.#part(".heart").style.display = marks ? "" : "none";
      drawFace(this.#part(".face"), this.#clip, this.#place(time), this.#on("outlines"), pulse);
      this.#drawWaves(time);
      const words = strip.wordsAt(this.#clip.strip, this.#pointed ?? time);
      if (this.#part(".window").textContent !== words) this.#part(".window").textContent = words;
      this.#part("button").textContent = playing ? "Pause" : "Play";
      const range = this.#part("[type=range]");
      range.value = time;
      range.setAttribute("aria-valuetext", `${time.toFixed(1)} of ${seconds.toFixed(1)} seconds`);
      this.#part("output").textContent = `${time.toFixed(1)} / ${seconds.toFixed(1)} s`;
      if (playing) {
        this.#sound(time);
        this.#frame = requestAnimationFrame(() => this.draw());
      }
    }

    // Where the face is in the picture that is shown, and how large that picture is; null where it was lost.
    #place(time) {
      const { still, size, boxes, unit } = this.#clip;
      if (!this.#file) return still && { ...still };
      const k = Math.min(Math.max(time * unit.boxHz, 0), boxes.x.length - 1);
      const at = (track) => {
        const [before, after] = [track[Math.floor(k)], track[Math.ceil(k)]];
        return before === null || after === null ? NaN : before + (k - Math.floor(k)) * (after - before);
      };
      const place = { size, x: at(boxes.x), y: at(boxes.y), w: at(boxes.w) };
      return Number.isFinite(place.w) ? place : null;
    }

    #drawWaves(time) {
      const canvas = this.#part(".waves canvas");
      const view = this.#view;
      layOut(canvas, this.#clip, view);
      if (time < view.start || time > view.start + view.span) view.start = time - 0.1 * view.span;
      view.start = Math.max(0, Math.min(view.start, this.#clip.seconds - view.span));
      const ink = getComputedStyle(this).color;
      const key = [view.start, view.width, ink, devicePixelRatio].join();
      if (key !== this.#drawn) drawWaves(canvas, this.#clip, view, { ink, line: getComputedStyle(this).getPropertyValue("--line") });
      this.#drawn = key;
      const ahead = this.#part(".ahead").style;
      ahead.background = time > 0 ? "" : "none"; // nothing is pale before the first play
      ahead.left = `${(view.left + (time - view.start) * view.scale).toFixed(1)}px`;
      ahead.height = `${view.height - AXIS}px`;
    }

    #sound(time) {
      const step = time - this.#sounded;
      const passed = this.#clip.beats.some((beat) => beat > this.#sounded && beat <= time);
      this.#sounded = time;
      if (passed && step < 0.5 && this.#on("sound")) blip(this.#audio);
    }

    #legend() {
      const { lanes, truth, colour, strip: { pieces } } = this.#clip;
      const entries = [["solid", colour.estimate, "estimate"]];
      if (lanes.some((lane) => lane.rate === null)) entries.push(["dotted", colour.estimate, "no heart rate from it"]);
      if (truth) entries.push(["solid", colour.reference, "truth (simulated)"]);
      if (pieces.some(({ bpm }) => bpm === null)) entries.push(["hatched", colour.reference, "no heart rate at that time"]);
      this.#part(".legend").replaceChildren(...entries.map(([style, ink, text]) => {
        const entry = document.createElement("li");
        const line = document.createElement("i");
        line.className = style;
        line.style.setProperty("--hatch", ink);
        if (style !== "hatched") line.style.borderTop = `${ink === colour.reference ? 4 : 2}px ${style} ${ink}`;
        entry.append(line, text);
        return entry;
      }));
    }
  }

  // ---- drawing: numbers to pixels, no state

  const LANE = 42, TOP = 26, AXIS = 36; // pixels: a method, the row of beats, the time axis
  const FONT = "system-ui, sans-serif";

  // How much of the mark shows: up within 60 ms of a beat, away in a quarter of a second.
  function pulseAt(beats, time) {
    const last = beats.findLast((beat) => beat <= time);
    if (last === undefined) return 0;
    const since = time - last;
    return since < 0.06 ? since / 0.06 : Math.exp((0.06 - since) / 0.22);
  }

  function prepared(canvas, width, height) {
    const ratio = devicePixelRatio;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.lineJoin = "round";
    return pen;
  }

  function drawFace(canvas, { outlines, unit, colour }, place, outlined, pulse) {
    const { clientWidth: width, clientHeight: height } = canvas;
    const pen = prepared(canvas, width, height);
    if (!place || !width) return;
    const [wide, high] = [width / place.size[0], height / place.size[1]];
    for (const [name, points] of Object.entries(outlines)) {
      const line = new Path2D();
      for (const [u, v] of points) {
        line.lineTo((place.x + (u / unit.outline) * place.w) * wide, (place.y + (v / unit.outline) * place.w) * high);
      }
      line.closePath();
      if (name !== "face" || Object.keys(outlines).length === 1) fill(pen, line, colour.estimate, 0.45 * pulse);
      if (!outlined) continue;
      stroke(pen, line, "#141414", 0.45, name === "face" ? 3 : 4.5);
      stroke(pen, line, name === "face" ? "#ffffff" : colour.estimate, name === "face" ? 0.75 : 1, name === "face" ? 1.25 : 2);
    }
    if (!Object.keys(outlines).length) {
      const all = new Path2D();
      all.rect(0, 0, width, height);
      fill(pen, all, colour.estimate, 0.3 * pulse);
    }
  }

  function fill(pen, path, colour, alpha) {
    pen.globalAlpha = alpha;
    pen.fillStyle = colour;
    pen.fill(path);
    pen.globalAlpha = 1;
  }

  function stroke(pen, path, colour, alpha, width) {
    pen.globalAlpha = alpha;
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.stroke(path);
    pen.globalAlpha = 1;
  }

  const label = (lane) => `${lane.name} ${lane.rate ?? "–"}`;

  // Sizes: `left` of the first second, pixels per second, and the stretch that fits: 6 s on a phone, up to 20 s.
  function layOut(canvas, { lanes, seconds }, view) {
    const width = canvas.parentElement.clientWidth;
    if (width === view.width && view.lanes === lanes.length && view.seconds === seconds) return;
    const pen = canvas.getContext("2d");
    pen.font = `600 12px ${FONT}`;
    const left = Math.ceil(Math.max(48, ...lanes.map((lane) => pen.measureText(label(lane)).width))) + 12;
    const room = Math.max(width - left - 8, 1);
    const span = Math.min(seconds, Math.max(6, Math.min(20, room / 44)));
    Object.assign(view, { width, left, span, seconds, scale: room / span, lanes: lanes.length, height: TOP + LANE * lanes.length + strip.height + AXIS });
  }

  function drawWaves(canvas, clip, view, { ink, line }) {
    canvas.style.height = `${view.height}px`;
    const pen = prepared(canvas, view.width, view.height);
    const right = view.left + view.span * view.scale;
    const bottom = view.height - AXIS;
    drawAxis(pen, view, bottom, ink, line);
    strip.draw(pen, clip, view, bottom - strip.height, { ink, line });
    pen.font = `600 12px ${FONT}`;
    pen.textBaseline = "middle";
    pen.fillStyle = ink;
    if (clip.beats.length) pen.fillText("beats", 0, TOP / 2);
    clip.lanes.forEach((lane, k) => pen.fillText(label(lane), 0, TOP + LANE * (k + 0.5)));
    pen.save();
    pen.beginPath();
    pen.rect(view.left, 0, right - view.left, bottom - strip.height);
    pen.clip();
    pen.fillStyle = clip.colour.estimate;
    for (const beat of clip.beats) {
      pen.beginPath();
      pen.arc(view.left + (beat - view.start) * view.scale, TOP / 2, 4, 0, 2 * Math.PI);
      pen.fill();
    }
    const unit = (LANE / 5.4) / clip.unit.wave;
    clip.lanes.forEach((lane, k) => {
      const middle = TOP + LANE * (k + 0.5);
      if (clip.truth) stroke(pen, waveLine(clip.truth, view, middle, unit), clip.colour.reference, 0.55, 4);
      pen.setLineDash(lane.rate === null ? [2, 3] : []);
      stroke(pen, waveLine(lane, view, middle, unit), clip.colour.estimate, lane.rate === null ? 0.75 : 1, 1.6);
      pen.setLineDash([]);
    });
    pen.restore();
  }

  function drawAxis(pen, view, bottom, ink, line) {
    const step = view.scale < 30 ? 5 : view.scale < 70 ? 2 : 1;
    pen.font = `12px ${FONT}`;
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (let second = Math.ceil(view.start / step) * step; second <= view.start + view.span + 1e-6; second += step) {
      const x = Math.round(view.left + (second - view.start) * view.scale) + 0.5;
      const grid = new Path2D(`M${x} ${TOP}V${bottom}`);
      stroke(pen, grid, line, 1, 1);
      pen.fillStyle = ink;
      pen.fillText(second, x, bottom + 6);
    }
    pen.fillText("time (s)", view.left + (view.span * view.scale) / 2, bottom + 21);
    pen.textAlign = "left";
  }

  function waveLine(wave, view, middle, unit) {
    const path = new Path2D();
    const first = Math.max(0, Math.floor((view.start - wave.t0) * wave.fs) - 1);
    const last = Math.min(wave.z.length - 1, Math.ceil((view.start + view.span - wave.t0) * wave.fs) + 1);
    for (let k = first, drawn = false; k <= last; k++) {
      const z = wave.z[k];
      if (z === null) { drawn = false; continue; }
      const x = view.left + (wave.t0 + k / wave.fs - view.start) * view.scale;
      if (drawn) path.lineTo(x, middle - z * unit);
      else path.moveTo(x, middle - z * unit);
      drawn = true;
    }
    return path;
  }

  function blip(audio) {
    const tone = new OscillatorNode(audio, { frequency: 520 });
    const volume = new GainNode(audio, { gain: 0 });
    volume.gain.linearRampToValueAtTime(0.12, audio.currentTime + 0.015);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.12);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.13);
  }

  customElements.define("rppg-viewer", Viewer);
})();
