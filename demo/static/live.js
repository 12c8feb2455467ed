// <rppg-live>: a heart rate from the camera. The picture stays in this browser; only the numbers of COLUMNS are sent.
//
// Every frame is drawn on a small canvas, and fixed regions of a guided oval are averaged. Regions do not follow the
// head and do not choose skin frame by frame: pixels that cross a threshold with the beat would make a false pulse.
// Once a second the last half minute is sent to the server, which keeps nothing, and its answer is shown.
"use strict";
(() => {
  if (customElements.get("rppg-live")) return;

  const WIDTH = 320, HEIGHT = 240; // of the canvas: half of 640 x 480, so that four pixels are averaged into one
  const OVAL = { x: 160, y: 120, rx: 51, ry: 66 };
  const EYES = -0.3; // height of the eyes in the oval, in half heights below its middle (negative: above it)
  const REGIONS = [ // left, right, top, bottom in half widths and half heights of the oval: forehead and two cheeks
    [-0.5, 0.5, -0.82, -0.54], [-0.75, -0.3, -0.05, 0.3], [0.3, 0.75, -0.05, 0.3],
  ];
  const BESIDE = 1.5, ABOVE_SHOULDERS = 0.5; // where the background begins and ends
  const CELL = 8; // pixels of the canvas; the oval is compared with itself in cells
  const USUAL_MS = 3000; // time constant of the average that the oval is compared with
  const KEPT_MS = 30000, SEND_MS = 1000, STALE_MS = 2000, MIN_STEP_MS = 12;
  const SHOWN_MS = 8000; // of the waveform
  const COLUMNS = [ // name, digits, what it is; the order of demo/live_estimate.py
    ["time ms", 1, "since the start, when the camera took the frame"],
    ["red", 2, "mean of forehead and cheeks, 0 to 255"], ["green", 2, ""], ["blue", 2, ""],
    ["background red", 2, "mean of the corners beside the head"], ["background green", 2, ""], ["background blue", 2, ""],
    ["skin", 2, "share of the oval with the colour of skin"],
    ["clipped", 2, "share of forehead and cheeks that is too bright or too dark"],
    ["motion", 4, "change of the oval since the frame before"],
    ["likeness", 2, "of the oval to what it showed in the last seconds"],
  ];
  const WORDS = {
    off: "The camera is off.",
    asking: "Your browser asks whether this page may use the camera.",
    looking: "Put your face into the oval.",
    still: "The camera sends no pictures.",
    late: "No answer from the server for two seconds; still trying.",
    stopped: "The camera is off and all numbers are deleted.",
    left: "You left this tab, so the camera was turned off and all numbers were deleted.",
    gone: "The camera was unplugged or taken by another program.",
    insecure: "Browsers open a camera only on https pages and on localhost. Open this page there.",
    old: "This browser does not report when a frame was taken. Use a current Chrome, Edge, Safari or Firefox.",
    NotAllowedError: "The camera was not allowed. Allow it in the address bar of your browser, then press Start again.",
    NotFoundError: "No camera was found. Connect one, then press Start again.",
    NotReadableError: "The camera is busy or cannot be read. Close other programs that use it, then press Start again.",
  };

  // Which pixels of the canvas belong to the skin regions, the oval and the background.
  function places() {
    const found = { skin: [], oval: [], cell: [], beside: [] };
    for (let y = 0, i = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++, i += 4) {
        const u = (x + 0.5 - OVAL.x) / OVAL.rx, v = (y + 0.5 - OVAL.y) / OVAL.ry;
        if (REGIONS.some(([l, r, t, b]) => u >= l && u <= r && v >= t && v <= b)) found.skin.push(i);
        if (u * u + v * v <= 0.81) {
          found.oval.push(i);
          found.cell.push(Math.floor(y / CELL) * Math.ceil(WIDTH / CELL) + Math.floor(x / CELL));
        }
        if (Math.abs(u) > BESIDE && v < ABOVE_SHOULDERS) found.beside.push(i);
      }
    }
    const names = [...new Set(found.cell)];
    found.cell = found.cell.map((cell) => names.indexOf(cell));
    found.cells = names.length;
    return found;
  }

  // Colours of skin lie on one side of grey, from very light to very dark; brightness plays no part.
  function skinColoured(r, g, b) {
    const sum = r + g + b;
    return sum >= 36 && r - g >= 0.02 * sum && g - b >= -0.03 * sum && r <= 0.62 * sum && g >= 0.24 * sum;
  }

  // Turns frames into rows of numbers.
  class Sampler {
    #context = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT })
      .getContext("2d", { willReadFrequently: true, alpha: false });
    #places = places();
    #before; #usual; #before_ms;

    row(video, timeMs) {
      const scale = Math.min(video.videoWidth / WIDTH, video.videoHeight / HEIGHT);
      const w = WIDTH * scale, h = HEIGHT * scale;
      this.#context.drawImage(video, (video.videoWidth - w) / 2, (video.videoHeight - h) / 2, w, h, 0, 0, WIDTH, HEIGHT);
      const pixels = this.#context.getImageData(0, 0, WIDTH, HEIGHT).data;
      const row = [timeMs, ...mean(pixels, this.#places.skin), ...mean(pixels, this.#places.beside),
        share(pixels, this.#places.oval, skinColoured),
        share(pixels, this.#places.skin, (r, g, b) => Math.max(r, g, b) >= 250 || Math.max(r, g, b) <= 5),
        ...this.#compared(pixels, timeMs)];
      return row.map((number, k) => Number(number.toFixed(COLUMNS[k][1])));
    }

    // How much the oval changed since the frame before, and how much it is like its last seconds.
    #compared(pixels, timeMs) {
      const { oval, cell, cells } = this.#places;
      const now = new Float64Array(cells), count = new Float64Array(cells);
      oval.forEach((i, k) => { now[cell[k]] += pixels[i] + pixels[i + 1] + pixels[i + 2]; count[cell[k]]++; });
      for (let k = 0; k < cells; k++) now[k] /= count[k];
      const level = now.reduce((a, b) => a + b) / cells;
      for (let k = 0; k < cells; k++) now[k] = level > 0 ? now[k] / level - 1 : 0;
      this.#before ??= now;
      this.#usual ??= now.slice();
      const motion = now.reduce((sum, value, k) => sum + Math.abs(value - this.#before[k]), 0) / cells;
      const norm = Math.sqrt(dot(now, now) * dot(this.#usual, this.#usual));
      const likeness = norm > 0 ? Math.max(-1, Math.min(1, dot(now, this.#usual) / norm)) : 0;
      const step = Math.min(1, (timeMs - (this.#before_ms ?? timeMs)) / USUAL_MS);
      for (let k = 0; k < cells; k++) this.#usual[k] += step * (now[k] - this.#usual[k]);
      this.#before = now;
      this.#before_ms = timeMs;
      return [Math.min(motion, 100), likeness];
    }
  }

  function mean(pixels, indices) {
    let r = 0, g = 0, b = 0;
    for (const i of indices) { r += pixels[i]; g += pixels[i + 1]; b += pixels[i + 2]; }
    return [r / indices.length, g / indices.length, b / indices.length];
  }

  function share(pixels, indices, holds) {
    let n = 0;
    for (const i of indices) if (holds(pixels[i], pixels[i + 1], pixels[i + 2])) n++;
    return n / indices.length;
  }

  const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);

  const box = ([l, r, t, b]) => {
    const x = OVAL.x + l * OVAL.rx, y = OVAL.y + t * OVAL.ry;
    return `<rect x="${x}" y="${y}" width="${(r - l) * OVAL.rx}" height="${(b - t) * OVAL.ry}" rx="4"/>`;
  };
  const ellipse = ({ x, y, rx, ry }) => `M${x - rx} ${y}a${rx} ${ry} 0 1 0 ${2 * rx} 0a${rx} ${ry} 0 1 0 ${-2 * rx} 0z`;
  const beside = [OVAL.x - BESIDE * OVAL.rx, OVAL.x + BESIDE * OVAL.rx, OVAL.y + ABOVE_SHOULDERS * OVAL.ry];
  const eyes = OVAL.y + EYES * OVAL.ry;
  const GUIDE = `
    <svg class="guide" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true">
      <path class="shade" fill-rule="evenodd" d="M0 0H${WIDTH}V${HEIGHT}H0z${ellipse(OVAL)}"/>
      <path class="oval" d="${ellipse(OVAL)}"/>
      <g class="regions">${REGIONS.map(box).join("")}</g>
      <path class="beside" d="M0 ${beside[2]}H${beside[0]}V0M${WIDTH} ${beside[2]}H${beside[1]}V0"/>
      <path class="eyes" d="M${OVAL.x - OVAL.rx - 12} ${eyes}h16M${OVAL.x + OVAL.rx + 12} ${eyes}h-16"/>
      <text x="${OVAL.x + OVAL.rx + 3}" y="${eyes - 4}">eyes</text>
    </svg>`;
  const STYLE = `
    :host { display: block; container-type: inline-size; color: var(--body-text-color, #1f2328); line-height: 1.45;
            --line: var(--border-color-primary, #d1d9e0); --accent: #d55e00; }
    .frame { display: grid; gap: 1rem 2rem; grid-template-columns: minmax(0, 1fr); }
    @container (min-width: 44rem) { .frame { grid-template-columns: minmax(0, 28rem) minmax(0, 1fr); } }
    .stage { position: relative; aspect-ratio: ${WIDTH} / ${HEIGHT}; overflow: hidden; border-radius: 8px; background: #1b1f24; }
    video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; transform: scaleX(-1); }
    .guide { position: absolute; inset: 0; width: 100%; height: 100%; }
    .guide path, .guide g { fill: none; stroke: #fff; }
    .guide .shade { fill: rgb(0 0 0 / .45); stroke: none; }
    .guide .oval { stroke-width: 2; stroke-dasharray: 6 5; }
    [data-state="collecting"] .oval, [data-state="value"] .oval, [data-state="refused"] .oval { stroke-dasharray: none; }
    .guide .regions { stroke-width: 1; stroke: #ffb27a; }
    .guide .beside { stroke-width: 1; stroke-dasharray: 1 4; stroke-linecap: round; }
    .guide text { fill: #fff; font: 9px system-ui, sans-serif; }
    .buttons { display: flex; gap: .75rem; }
    button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: 6px;
             min-width: 6rem; min-height: 2.5rem; padding: 0 1rem; cursor: pointer; }
    button:hover:enabled { border-color: currentColor; }
    button:disabled { opacity: .5; cursor: default; }
    .start { background: #b34e00; border-color: #b34e00; color: #fff; font-weight: 600; }
    .words { min-height: 3em; margin: .75rem 0; }
    .number { display: block; font-size: 3rem; line-height: 1.1; font-weight: 600; font-variant-numeric: tabular-nums; }
    .number.old { color: var(--soft, #767676); }
    .number small { font-size: 1.1rem; font-weight: 400; color: var(--soft, #767676); }
    .range, .facts, caption, figcaption, .stage + p { color: var(--soft, #767676); font-size: .875rem; font-variant-numeric: tabular-nums; }
    caption { text-align: left; } .stage + p { margin: .5rem 0 0; }
    .range { min-height: 1.5em; margin: .1rem 0 .75rem; }
    progress { width: min(100%, 16rem); height: .6rem; accent-color: var(--accent); vertical-align: middle; }
    figure { margin: 0; } figure canvas { display: block; width: 100%; height: 6rem; border-bottom: 1px solid var(--line); }
    .facts { margin: .5rem 0 0; min-height: 1.5em; }
    details { grid-column: 1 / -1; border-top: 1px solid var(--line); padding-top: .5rem; }
    summary { cursor: pointer; min-height: 2rem; font-weight: 600; }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
    th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line); font-weight: 400; }
    td:nth-child(2) { text-align: right; white-space: nowrap; }
    td:nth-child(3) { color: var(--soft, #767676); }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    [hidden] { display: none !important; }`;
  const PARTS = `
    <style>${STYLE}</style>
    <div class="frame" data-state="off">
      <div>
        <div class="stage"><video muted playsinline aria-label="Your own picture, mirrored"></video>${GUIDE}</div>
        <p>Orange boxes: the skin that is averaged. Dotted corners: the control, which has no pulse.</p>
      </div>
      <div>
        <div class="buttons"><button type="button" class="start">Start</button><button type="button" class="stop" disabled>Stop</button></div>
        <p class="words" role="status">${WORDS.off}</p>
        <output class="number" aria-live="off">—</output>
        <p class="range"></p>
        <figure hidden><canvas role="img" aria-label="Pulse waveform of the last eight seconds"></canvas>
          <figcaption></figcaption></figure>
        <p class="facts"></p>
      </div>
      <details><summary>What leaves this device</summary>
        <p>Numbers, once a second: one row for each frame of the last half minute. No picture, no sound, no name of the
          device. The server computes with them, answers and forgets them.</p>
        <div class="scroll" tabindex="0" role="region" aria-label="Numbers of the last packet">
          <table><caption>Nothing has been sent.</caption>
            <thead><tr><th scope="col">column</th><th scope="col">last frame</th><th scope="col">what it is</th></tr></thead>
            <tbody>${COLUMNS.map(([name, , what]) => `<tr><th scope="row">${name}</th><td>—</td><td>${what}</td></tr>`).join("")}</tbody>
          </table></div>
      </details>
    </div>`;

  class Live extends HTMLElement {
    #run = 0; // counts starts and stops: what belongs to an earlier one is dropped
    #stream; #sampler; #timer; #rows = []; #wave; #first; #clock; #newest; #answered; #waiting = false;

    connectedCallback() {
      if (!this.shadowRoot) {
        this.attachShadow({ mode: "open" }).innerHTML = PARTS;
        this.part(".start").onclick = () => this.start();
        this.part(".stop").onclick = () => this.stop(WORDS.stopped);
      }
      window.addEventListener("pagehide", this.#leave);
    }

    disconnectedCallback() {
      window.removeEventListener("pagehide", this.#leave);
      this.stop(WORDS.left);
    }

    #leave = () => this.stop(WORDS.left);

    part(selector) { return this.shadowRoot.querySelector(selector); }

    async start() {
      const run = ++this.#run;
      const video = this.part("video");
      this.#buttons(true);
      try {
        if (!navigator.mediaDevices?.getUserMedia) throw new Error(WORDS.insecure);
        if (!video.requestVideoFrameCallback) throw new Error(WORDS.old);
        this.#say("off", WORDS.asking);
        const stream = await navigator.mediaDevices.getUserMedia({
          audio: false,
          video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 }, facingMode: "user" },
        });
        if (run !== this.#run) return stream.getTracks().forEach((track) => track.stop());
        this.#stream = stream;
        stream.getVideoTracks()[0].onended = () => this.stop(WORDS.gone);
        video.srcObject = stream;
        await video.play();
      } catch (error) {
        if (run === this.#run) this.stop(WORDS[error.name] ?? `${WORDS.off} ${error.message}`);
        return;
      }
      if (run !== this.#run) return;
      this.#sampler = new Sampler();
      this.#first = this.#clock = undefined;
      this.#answered = performance.now();
      this.#say("nobody", WORDS.looking);
      video.requestVideoFrameCallback((now, frame) => this.#sample(run, now, frame));
      this.#timer = setInterval(() => this.#tick(run), SEND_MS);
      requestAnimationFrame(() => this.#scroll(run));
    }

    stop(words) {
      this.#run++;
      clearInterval(this.#timer);
      this.#stream?.getTracks().forEach((track) => { track.onended = null; track.stop(); });
      this.#stream = this.#sampler = this.#newest = undefined;
      this.#rows = [];
      this.part("video").srcObject = null;
      this.#sent([]);
      this.#blank("off", words);
      this.part(".facts").textContent = "";
      this.#buttons(false);
    }

    #buttons(on) {
      const [start, stop] = [this.part(".start"), this.part(".stop")];
      const focused = this.shadowRoot.activeElement;
      [start.disabled, stop.disabled] = [on, !on];
      if (focused === start || focused === stop) (on ? stop : start).focus();
    }

    // The most exact frame time that the browser offers, of the same kind for the whole run: when the camera took the
    // frame, its time in the stream if that advances (it does not in every browser), or when it was shown.
    #choose(frame) {
      if (frame.captureTime !== undefined) return "captureTime";
      return frame.mediaTime > this.#first.mediaTime ? "mediaTime" : "presentationTime";
    }

    #sample(run, now, frame) {
      if (run !== this.#run) return;
      const video = this.part("video");
      video.requestVideoFrameCallback((...next) => this.#sample(run, ...next));
      if (!this.#first) return void (this.#first = frame);
      this.#clock ??= this.#choose(frame);
      const at = (frame[this.#clock] - this.#first[this.#clock]) * (this.#clock === "mediaTime" ? 1000 : 1);
      const last = this.#rows.at(-1)?.[0] ?? 0;
      if (!(at >= last + MIN_STEP_MS)) return;
      this.#rows.push(this.#sampler.row(video, at));
      this.#newest = frame.captureTime ?? now; // on the clock of performance.now()
      this.#forget(at - KEPT_MS);
    }

    #forget(before) {
      const first = this.#rows.findIndex((row) => row[0] >= before);
      this.#rows.splice(0, first < 0 ? this.#rows.length : first);
    }

    async #tick(run) {
      if (!this.checkVisibility()) return this.stop(WORDS.left);
      const now = performance.now();
      if (now - (this.#newest ?? this.#answered) > STALE_MS) return this.#blank("nobody", WORDS.still);
      if (now - this.#answered > STALE_MS) this.#blank("nobody", WORDS.late);
      if (this.#waiting || this.#rows.length < 2) return;
      this.#waiting = true;
      const rows = this.#rows.slice(), newest = this.#newest;
      this.#sent(rows);
      const answer = await this.estimate({ rows }).catch(() => null);
      this.#waiting = false;
      if (run !== this.#run || !answer) return;
      this.#answered = performance.now();
      this.#forget(answer.start_ms ?? -Infinity);
      this.#show(answer, rows, this.#answered - newest);
    }

    #show(answer, rows, latencyMs) {
      const { state, words, seconds, needed, hr, wave } = answer;
      if (state === "nobody" || state === "error") return this.#blank(state, words);
      this.#say(state, words);
      const now = Boolean(hr) && !hr.ago_s; // the rate is that of the newest seconds
      this.part(".number").classList.toggle("old", Boolean(hr) && !now);
      this.part(".number").innerHTML = hr ? `${Math.round(hr.value)}<small> bpm</small>` : "—";
      this.part(".range").innerHTML = hr
        ? `95 % between ${Math.floor(hr.interval[0])} and ${Math.ceil(hr.interval[1])}, confidence ${percent(hr.confidence)}` +
          (now ? "" : `; ${Math.round(hr.ago_s)} s old`)
        : state === "collecting"
          ? `<progress max="${needed}" value="${seconds}" aria-label="Collecting"></progress> collecting ${Math.floor(seconds)} of ${needed} s`
          : "";
      this.#wave = wave && { ...wave, sure: now, arrived: performance.now() };
      this.part("figure").hidden = !wave;
      this.part("figcaption").textContent = `Pulse wave of POS, last 8 s${now ? "" : ": no reliable pulse in it"}`;
      const rate = (1000 * (rows.length - 1)) / (rows.at(-1)[0] - rows[0][0]);
      this.part(".facts").textContent = `From ${Math.floor(seconds)} s of face, ${rate.toFixed(1)} frames a second. ` +
        `${(latencyMs / 1000).toFixed(2)} s from the newest frame to this number.`;
      if (still.matches) this.#draw(0);
    }

    #blank(state, words) {
      this.#say(state, words);
      this.#wave = undefined;
      this.part(".number").textContent = "—";
      this.part(".range").textContent = this.part(".facts").textContent = "";
      this.part("figure").hidden = true;
    }

    // Said only when it is new: a screen reader reads every change.
    #say(state, words) {
      this.part(".frame").dataset.state = state;
      if (this.part(".words").textContent !== words) this.part(".words").textContent = words;
    }

    #sent(rows) {
      this.part("caption").textContent = rows.length
        ? `Last packet: ${rows.length} rows of ${COLUMNS.length} numbers, ${Math.ceil(JSON.stringify(rows).length / 1000)} kB. Frame times: ${this.#clock}.`
        : "Nothing has been sent.";
      this.part("tbody").querySelectorAll("td:nth-child(2)").forEach((cell, k) => {
        cell.textContent = rows.length ? rows.at(-1)[k].toFixed(COLUMNS[k][1]) : "—";
      });
    }

    // Between two answers the waveform scrolls on, so that it catches up by the second it is behind.
    #scroll(run) {
      if (run !== this.#run) return;
      if (this.#wave && !still.matches) this.#draw(Math.max(0, SEND_MS - (performance.now() - this.#wave.arrived)));
      requestAnimationFrame(() => this.#scroll(run));
    }

    #draw(behindMs) {
      const canvas = this.part("figure canvas"), dots = window.devicePixelRatio || 1;
      const { clientWidth: width, clientHeight: height } = canvas;
      if (canvas.width !== Math.round(width * dots)) { canvas.width = width * dots; canvas.height = height * dots; }
      const { start_ms, fs, samples, sure } = this.#wave;
      const end = start_ms + (1000 * samples.length) / fs - behindMs;
      const pen = canvas.getContext("2d");
      pen.setTransform(dots, 0, 0, dots, 0, 0);
      pen.clearRect(0, 0, width, height);
      pen.strokeStyle = sure ? "#d55e00" : "#8c8c8c";
      pen.lineWidth = 2;
      pen.lineJoin = "round";
      pen.beginPath();
      samples.forEach((value, k) => {
        if (value === null) return;
        const x = width * (1 - (end - start_ms - (1000 * k) / fs) / SHOWN_MS), y = height * (0.5 - value / 7);
        samples[k - 1] == null ? pen.moveTo(x, y) : pen.lineTo(x, y);
      });
      pen.stroke();
    }
  }

  const percent = (share) => (share > 0.99 ? "over 99 %" : `${Math.floor(100 * share)} %`);
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  customElements.define("rppg-live", Live);
})();
