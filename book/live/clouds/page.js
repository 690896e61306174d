/** The page of two clouds: what the Fréchet distance, precision and recall say while one drags them. */
import { palette, prepare } from "../canvas.js";
import { digits } from "../digits.js";
import { cloud, frechet, moments, precisionRecall } from "../engine/clouds.js";
import { Panel } from "../panel.js";

const REACH = 4;
const SHAPE_NAMES = { lump: "a lump", ring: "a ring", pair: "two lumps", few: "four heaps" };
const CHOICES = { real: ["Real points", SHAPE_NAMES], fake: ["Generated points", SHAPE_NAMES] };
const SLIDERS = {
  x: ["Generated centre, across", -3, 3, 0.05, 1],
  y: ["Generated centre, up", -3, 3, 0.05, 0.5],
  width: ["Generated width", 0.05, 2, 0.05, 1],
  rx: ["Real centre, across", -3, 3, 0.05, -0.5],
  ry: ["Real centre, up", -3, 3, 0.05, 0],
  n: ["Points of each kind", 20, 400, 10, 150],
  k: ["Neighbours k", 1, 10, 1, 3],
  seed: ["Seed", 0, 20, 1, 0],
};
const PICTURES = [
  "The fitted Gaussians: all that the Fréchet distance sees",
  "Precision: generated points within the balls of real ones",
  "Recall: real points within the balls of generated ones",
];

class Page extends Panel {
  constructor(root) {
    super(root, { choices: CHOICES, sliders: SLIDERS, pictures: PICTURES });
    const values = (u, v, begins) => {
      const { x, y, rx, ry } = this.settings, [a, b] = [(2 * u - 1) * REACH, (1 - 2 * v) * REACH];
      if (begins) {
        this.real = Math.hypot(a - rx, b - ry) < Math.hypot(a - x, b - y);
        this.offset = this.real ? [rx - a, ry - b] : [x - a, y - b];
      }
      const [p, q] = [a + this.offset[0], b + this.offset[1]];
      return this.real ? { rx: p, ry: q } : { x: p, y: q };
    };
    const centres = ({ x, y, rx, ry }) => [[x, y], [rx, ry]].map(([a, b]) => [(a / REACH + 1) / 2, (1 - b / REACH) / 2]);
    for (const canvas of this.canvases) this.drag(canvas, values, () => centres(this.settings));
  }

  draw({ real: shape, fake: otherShape, x, y, width, rx, ry, n, k, seed }) {
    const real = cloud(shape, [rx, ry], 1, n, seed, "real");
    const fake = cloud(otherShape, [x, y], width, n, seed, "latents");
    const [ofReal, ofFake] = [moments(real), moments(fake)], { means, covariances } = frechet(ofReal, ofFake);
    const found = precisionRecall(real, fake, k), percent = (share) => `${Math.round(100 * share)}%`;
    this.gaussians(this.canvases[0], real, fake, ofReal, ofFake);
    this.balls(this.canvases[1], real, found.realRadii, "blue", fake, found.fakeInside, dot, "vermilion");
    this.balls(this.canvases[2], fake, found.fakeRadii, "vermilion", real, found.realInside, cross, "blue");
    const distance =
      `Fréchet distance ${digits(means + covariances)}: ${digits(means)} from the means and ${digits(covariances)} from the covariances.`;
    const precision = `Precision ${percent(found.precision)} of the generated points`;
    const recall = `recall ${percent(found.recall)} of the real ones`;
    return [`${distance} ${precision}, ${recall}.`, `Two clouds and their ellipses. ${distance}`,
      `Balls round real points. ${precision}.`, `Balls round generated points: ${recall}.`];
  }

  scene(canvas) {
    const { context, width: size } = prepare(canvas);
    const X = (a) => ((a + REACH) / (2 * REACH)) * size;
    return { context, colours: palette(canvas), X, Y: (b) => size - X(b), unit: size / (2 * REACH) };
  }

  gaussians(canvas, real, fake, ...fitted) {
    const { context, colours, X, Y, unit } = this.scene(canvas);
    context.globalAlpha = 0.6;
    for (const [a, b] of real) cross(context, X(a), Y(b), colours.blue);
    for (const [a, b] of fake) dot(context, X(a), Y(b), colours.vermilion, true);
    context.globalAlpha = 1;
    fitted.forEach(({ mean, covariance: [xx, xy, yy] }, k) => {
      const half = (xx + yy) / 2, gap = Math.hypot((xx - yy) / 2, xy), angle = Math.atan2(2 * xy, xx - yy) / 2;
      context.beginPath();
      context.ellipse(X(mean[0]), Y(mean[1]), 2 * unit * Math.sqrt(half + gap), 2 * unit * Math.sqrt(Math.max(0, half - gap)), -angle, 0, 7);
      context.strokeStyle = k ? colours.vermilion : colours.blue;
      context.lineWidth = 2.5;
      context.setLineDash(k ? [7, 4] : []);
      context.stroke();
      context.setLineDash([]);
    });
  }

  /** Balls of one sample as one area, and the points of the other: full ones inside, hollow or pale ones outside. */
  balls(canvas, centres, squares, ground, points, inside, mark, ink) {
    const { context, colours, X, Y, unit } = this.scene(canvas);
    context.beginPath();
    centres.forEach(([a, b], j) => {
      const radius = unit * Math.sqrt(squares[j]);
      context.moveTo(X(a) + radius, Y(b));
      context.arc(X(a), Y(b), radius, 0, 7);
    });
    context.fillStyle = colours[ground];
    context.globalAlpha = 0.25;
    context.fill();
    context.globalAlpha = 1;
    points.forEach(([a, b], j) => mark(context, X(a), Y(b), inside[j] ? colours[ink] : colours.muted, inside[j]));
  }
}

function dot(context, x, y, colour, full) {
  context.beginPath();
  context.arc(x, y, full ? 2.5 : 2.2, 0, 7);
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = 1;
  if (full) context.fill();
  else context.stroke();
}

/** A cross; outside, where it does not count, only its slanting half. */
function cross(context, x, y, colour, full = true) {
  context.beginPath();
  context.moveTo(x - 3, y + (full ? 0 : 3));
  context.lineTo(x + 3, y - (full ? 0 : 3));
  if (full) {
    context.moveTo(x, y - 3);
    context.lineTo(x, y + 3);
  }
  context.strokeStyle = colour;
  context.lineWidth = full ? 1.5 : 1;
  context.stroke();
}

for (const root of document.querySelectorAll(".live-clouds")) new Page(root);
