/** Draws a run's frame, and its losses, on canvases, in the colours of the page. */
import { CELLS, HALF } from "../engine/plane.js";
import { palette, prepare } from "../canvas.js";
import { digits } from "../digits.js";

const ARROW = 0.3, LONGEST = 0.6; // how long an arrow of length 1 is drawn, and the longest, in the plane's units

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/** What a cell's value means for its colour: from −1, generated, to 1, real. */
function leaning({ surface, border, probability }) {
  let reach = 0.5;
  if (!probability) {
    const sizes = Array.from(surface, (value) => Math.abs(value - border)).sort((a, b) => a - b);
    reach = sizes[Math.floor(0.95 * sizes.length)] || 1;
  }
  return (value) => Math.max(-1, Math.min(1, (value - border) / reach));
}

let tile; // the surface, a pixel for a cell

function drawSurface(context, size, values, lean, colours) {
  tile ??= Object.assign(document.createElement("canvas"), { width: CELLS, height: CELLS });
  const pixels = new ImageData(CELLS, CELLS), paper = rgb(colours.paper);
  const sides = { real: rgb(colours.blue), fake: rgb(colours.vermilion) };
  for (let c = 0; c < CELLS * CELLS; c++) {
    const at = 4 * ((CELLS - 1 - Math.floor(c / CELLS)) * CELLS + (c % CELLS)), t = lean(values[c]);
    const side = t > 0 ? sides.real : sides.fake, share = Number.isNaN(t) ? 0 : 0.5 * Math.abs(t) ** 0.7; // a weak opinion can be seen
    for (let k = 0; k < 3; k++) pixels.data[at + k] = paper[k] + share * (side[k] - paper[k]);
    pixels.data[at + 3] = 255;
  }
  tile.getContext("2d").putImageData(pixels, 0, 0);
  context.drawImage(tile, 0, 0, size, size);
}

/** The line between "real" and "generated": in each square of four cells' centres, straight. */
function drawBorder(context, size, values, border, colours) {
  const cell = size / CELLS, place = (c, r) => [(c + 0.5) * cell, size - (r + 0.5) * cell];
  context.beginPath();
  for (let r = 0; r + 1 < CELLS; r++) {
    for (let c = 0; c + 1 < CELLS; c++) {
      const corners = [[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]];
      const above = corners.map(([x, y]) => values[y * CELLS + x] - border);
      const crossings = [];
      for (let k = 0; k < 4; k++) {
        const a = above[k], b = above[(k + 1) % 4];
        if (a > 0 === b > 0 || Number.isNaN(a + b)) continue;
        const t = a / (a - b), [p, q] = [corners[k], corners[(k + 1) % 4]];
        crossings.push(place(p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])));
      }
      for (let k = 0; k + 1 < crossings.length; k += 2) {
        context.moveTo(...crossings[k]);
        context.lineTo(...crossings[k + 1]);
      }
    }
  }
  context.strokeStyle = colours.muted;
  context.lineWidth = 1.5;
  context.stroke();
}

function drawNumbers(context, size, values, colours, wide) {
  const count = size > 340 ? 6 : 4, cell = size / CELLS, places = wide ? 1 : 2;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = colours.paper;
  context.fillStyle = colours.text;
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < count; b++) {
      const c = Math.floor(((a + 0.5) / count) * CELLS), r = Math.floor(((b + 0.5) / count) * CELLS);
      const value = values[r * CELLS + c];
      if (Number.isNaN(value)) continue;
      const text = digits(value, places), at = [(c + 0.5) * cell, size - (r + 0.5) * cell];
      context.strokeText(text, ...at);
      context.fillText(text, ...at);
    }
  }
}

/**
 * Draws one run.
 *
 * @param {object} frame what the worker sent
 * @param {{show: object, stage: object}} options what is to be seen; the arrow of a slow step, if any
 */
export function drawRun(canvas, frame, { show, stage, own }) {
  const { context, width: size } = prepare(canvas), colours = palette(canvas);
  const X = (x) => ((x + HALF) / (2 * HALF)) * size, Y = (y) => size - X(y);
  const each = (points, draw) => points.forEach((x, j) => j % 2 || draw(X(x), Y(points[j + 1]), j));
  const best = show.ground === "best" && frame.best;
  const values = best ? frame.best.probability : show.ground === "own" && frame.surface;
  if (values) {
    const border = best ? 0.5 : frame.border;
    drawSurface(context, size, values, best ? (p) => 2 * p - 1 : leaning(frame), colours);
    drawBorder(context, size, values, border, colours);
  }
  if (show.grid && frame.lines && !stage) {
    const { points, along } = frame.lines;
    context.beginPath();
    for (let j = 0; j < points.length / 2; j++) {
      context[j % along ? "lineTo" : "moveTo"](X(points[2 * j]), Y(points[2 * j + 1]));
    }
    context.strokeStyle = colours.purple;
    context.lineWidth = 0.8;
    context.stroke();
  }
  const crosses = (points) => {
    context.beginPath();
    each(points, (x, y) => {
      context.moveTo(x - 3, y);
      context.lineTo(x + 3, y);
      context.moveTo(x, y - 3);
      context.lineTo(x, y + 3);
    });
    context.strokeStyle = colours.blue;
    context.lineWidth = 1.2;
    context.stroke();
  };
  const dots = (points) => {
    context.beginPath();
    each(points, (x, y) => {
      context.moveTo(x + 2.2, y);
      context.arc(x, y, 2.2, 0, 7);
    });
    context.fillStyle = colours.vermilion;
    context.fill();
  };
  const arrows = (points, vectors, scale, longest) => {
    const head = 5;
    context.beginPath();
    each(points, (x, y, j) => {
      const length = Math.hypot(vectors[j], vectors[j + 1]), drawn = Math.min(longest, scale * length);
      const pixels = (drawn / (2 * HALF)) * size;
      if (!(pixels > 1)) return;
      const [u, v] = [vectors[j] / length, -vectors[j + 1] / length];
      const [a, b] = [x + u * pixels, y + v * pixels], h = Math.min(head, pixels);
      context.moveTo(x, y);
      context.lineTo(a, b);
      context.moveTo(a - h * (u + 0.6 * v), b - h * (v - 0.6 * u));
      context.lineTo(a, b);
      context.lineTo(a - h * (u - 0.6 * v), b - h * (v + 0.6 * u));
    });
    context.strokeStyle = colours.text;
    context.lineWidth = 1.1;
    context.stroke();
  };
  if (stage) {
    const { player, name } = stage;
    if (player === "discriminator" && name !== "latents" && name !== "fake") crosses(stage.real);
    if (name !== "latents") dots(stage.fake);
    if (stage.slopes) drawPulls(context, stage, colours, X, Y);
    if (stage.arrows) arrows(stage.points, stage.arrows, ARROW, LONGEST);
    if (stage.moves) arrows(stage.points, stage.moves, 1, 2 * HALF);
  } else {
    if (show.points) {
      crosses(frame.real);
      dots(frame.fake);
    }
    if (show.arrows && frame.arrows) arrows(frame.arrows.points, frame.arrows.arrows, ARROW, LONGEST);
  }
  if (own) {
    context.strokeStyle = colours.blue;
    context.lineWidth = 2;
    for (const [x, y] of own) context.strokeRect(X(x) - 3, Y(y) - 3, 6, 6);
  }
  if (values && show.numbers) drawNumbers(context, size, values, colours, !best && !frame.probability);
}

/** Triangles at the batch's points, upwards where the loss would have a higher logit. */
function drawPulls(context, { real, fake, slopes }, colours, X, Y) {
  const n = real.length / 2, largest = slopes.reduce((most, s) => Math.max(most, Math.abs(s)), 1e-12);
  const mark = (points, j, slope, colour) => {
    const r = 7 * Math.sqrt(Math.abs(slope) / largest), up = slope < 0 ? -1 : 1;
    const [x, y] = [X(points[2 * j]), Y(points[2 * j + 1])];
    context.beginPath();
    context.moveTo(x - r, y);
    context.lineTo(x + r, y);
    context.lineTo(x, y + up * 1.6 * r);
    context.fillStyle = colour;
    context.fill();
  };
  for (let j = 0; j < n; j++) {
    mark(real, j, slopes[j], colours.blue);
    mark(fake, j, slopes[n + j], colours.vermilion);
  }
}

/** Draws both losses of a run: the discriminator's a full line, the generator's a dashed one. */
export function drawLosses(canvas, { discriminator, generator }, last) {
  const { context, width, height } = prepare(canvas), colours = palette(canvas);
  const left = 34, right = 12, top = 8, bottom = 20, steps = Math.max(100, last);
  const finite = [...discriminator, ...generator].filter(Number.isFinite).sort((a, b) => a - b);
  const at = (share) => finite[Math.floor(share * (finite.length - 1))] ?? 0;
  const low = Math.min(0, at(0.01)), high = Math.max(low + 1.5, at(0.99) * 1.05);
  const X = (k) => left + (k / steps) * (width - left - right);
  const Y = (v) => height - bottom - ((Math.max(low, Math.min(high, v)) - low) / (high - low)) * (height - top - bottom);
  context.strokeStyle = colours.line;
  context.fillStyle = colours.muted;
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  const rough = (high - low) / 3, power = 10 ** Math.floor(Math.log10(rough));
  const tick = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.7);
  for (let v = Math.ceil(low / tick) * tick; v <= high; v += tick) {
    context.beginPath();
    context.moveTo(left, Y(v));
    context.lineTo(width - right, Y(v));
    context.stroke();
    context.fillText(String(Number(v.toPrecision(3))).replace("-", "−"), left - 6, Y(v));
  }
  context.textBaseline = "alphabetic";
  context.fillText(`step ${steps.toLocaleString("en")}`, width - right, height - 4);
  context.textAlign = "left";
  context.fillText("0", left, height - 4);
  const curves = [[discriminator, colours.green, [], 1.5], [generator, colours.purple, [5, 3], 2]];
  for (const [values, colour, dash, wide] of curves) {
    const stride = Math.max(1, Math.floor(values.length / (width - left)));
    context.beginPath();
    for (let k = 0; k < values.length; k += stride) {
      // the mean over what one pixel holds
      let sum = 0;
      const end = Math.min(values.length, k + stride);
      for (let j = k; j < end; j++) sum += values[j];
      context.lineTo(X(k + (end - k) / 2), Y(sum / (end - k)));
    }
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.setLineDash(dash);
    context.stroke();
    context.setLineDash([]);
  }
}
