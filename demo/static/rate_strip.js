// The heart rate over time, below the waveforms of <rppg-viewer>: a line with its interval, hatched where there is none.
//
// A strip holds the limits of its axis (bpm), the true rate of each window (empty if unknown), and the windows as pieces
// from left to right: where each is drawn, the middle of its window, rate, interval, and the words that describe it.
"use strict";
(() => {
  const GAP = 14, HEIGHT = 64; // pixels: above the strip, and the strip
  const HATCH = 7; // pixels between two lines
  const FONT = "system-ui, sans-serif";

  // What is known of the heart rate at a time.
  function wordsAt({ pieces }, time) {
    const piece = pieces.find(({ left, right }) => time >= left && time <= right);
    return piece ? `Heart rate, ${piece.words}` : "No heart rate at this time: the face was out of view.";
  }

  function draw(pen, { strip, colour }, view, top, { ink, line }) {
    const { pieces, limits, truth } = strip;
    const above = top + GAP, below = above + HEIGHT;
    const x = (time) => view.left + (time - view.start) * view.scale;
    const y = (bpm) => below - ((bpm - limits[0]) / (limits[1] - limits[0])) * HEIGHT;
    const right = x(view.start + view.span);
    pen.save();
    if (truth.length || pieces.some(({ bpm }) => bpm !== null)) drawTicks(pen, limits, y, view.left, right, { ink, line });
    pen.fillStyle = ink;
    pen.font = `600 12px ${FONT}`;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillText("bpm", 0, (above + below) / 2);
    pen.beginPath();
    pen.rect(view.left, above, right - view.left, HEIGHT);
    pen.clip();
    for (const piece of pieces) if (piece.bpm === null) hatch(pen, x(piece.left), above, x(piece.right), below, colour.reference);
    const shown = runs(pieces.filter(({ bpm }) => bpm !== null));
    for (const run of shown) {
      const band = new Path2D();
      trace(band, run, run.map(({ interval }) => interval[0]), x, y);
      trace(band, [...run].reverse(), run.map(({ interval }) => interval[1]).reverse(), x, y, true);
      pen.globalAlpha = 0.2;
      pen.fillStyle = colour.estimate;
      pen.fill(band);
      pen.globalAlpha = 1;
    }
    if (truth.length) {
      pen.setLineDash([6, 4]);
      for (const run of runs(pieces)) strokeRun(pen, run, run.map((piece) => truth[pieces.indexOf(piece)]), x, y, colour.reference);
      pen.setLineDash([]);
    }
    for (const run of shown) {
      strokeRun(pen, run, run.map(({ bpm }) => bpm), x, y, colour.estimate);
      for (const { middle, bpm } of run) {
        pen.beginPath();
        pen.arc(x(middle), y(bpm), 3.5, 0, 2 * Math.PI);
        pen.fillStyle = colour.estimate;
        pen.fill();
      }
    }
    pen.restore();
  }

  // Pieces that touch.
  function runs(pieces) {
    const found = [];
    for (const piece of pieces) {
      if (found.at(-1)?.at(-1).right === piece.left) found.at(-1).push(piece);
      else found.push([piece]);
    }
    return found;
  }

  // A line through the middles of the windows, level at both ends.
  function trace(path, run, values, x, y, back = false) {
    const [first, last] = back ? [run[0].right, run.at(-1).left] : [run[0].left, run.at(-1).right];
    const points = [[first, values[0]], ...run.map(({ middle }, k) => [middle, values[k]]), [last, values.at(-1)]];
    for (const [time, bpm] of points) path.lineTo(x(time), y(bpm));
  }

  function strokeRun(pen, run, values, x, y, colour) {
    const path = new Path2D();
    trace(path, run, values, x, y);
    pen.strokeStyle = colour;
    pen.lineWidth = 2;
    pen.stroke(path);
  }

  function hatch(pen, left, above, right, below, colour) {
    pen.save();
    pen.beginPath();
    pen.rect(left + 0.5, above, right - left - 1, below - above);
    pen.clip();
    pen.beginPath();
    for (let start = left - (below - above); start < right; start += HATCH) {
      pen.moveTo(start, below);
      pen.lineTo(start + below - above, above);
    }
    pen.strokeStyle = colour;
    pen.lineWidth = 1;
    pen.stroke();
    pen.restore();
  }

  function drawTicks(pen, limits, y, left, right, { ink, line }) {
    const step = [5, 10, 20, 50].find((size) => (limits[1] - limits[0]) / size <= 4) ?? 100;
    pen.font = `12px ${FONT}`;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.fillStyle = ink;
    pen.strokeStyle = line;
    pen.lineWidth = 1;
    for (let bpm = Math.ceil(limits[0] / step) * step; bpm <= limits[1]; bpm += step) {
      pen.beginPath();
      pen.moveTo(left, Math.round(y(bpm)) + 0.5);
      pen.lineTo(right, Math.round(y(bpm)) + 0.5);
      pen.stroke();
      if (y(bpm) < y(limits[0]) - 4 && y(bpm) > y(limits[1]) + 4) pen.fillText(bpm, left - 6, y(bpm));
    }
  }

  window.rppgRateStrip = { height: GAP + HEIGHT, draw, wordsAt };
})();
