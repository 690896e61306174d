/** The page of two numbers: an orbit, the multipliers of its step, and where steps converge. */
import { palette, prepare } from "../canvas.js";
import { digits } from "../digits.js";
import { factor, GAMES, multipliers, orbit } from "../engine/dirac.js";
import { Panel } from "../panel.js";

const STEPS = 400, REACH = 2, FINE = 64; // steps drawn, half of the plane's side, cells of the map
const SLIDERS = {
  h: ["Learning rate h", 0.01, 2, 0.01, 0.2],
  gamma: ["Weight of R1, γ", 0, 2, 0.01, 0],
  beta: ["Momentum β", -0.5, 0.9, 0.05, 0],
  theta: ["Start, θ", -2, 2, 0.05, 1],
  psi: ["Start, ψ", -2, 2, 0.05, 0],
};
const CHOICES = {
  game: ["Game", { bilinear: "bilinear", minimax: "Dirac-GAN, minimax", non_saturating: "Dirac-GAN, non-saturating" }],
  order: ["Steps", { simultaneous: "simultaneous", alternating: "alternating" }],
};
const PICTURES = ["The orbit", "Multipliers of a step", "Where steps converge"];

class Page extends Panel {
  constructor(root) {
    super(root, { choices: CHOICES, sliders: SLIDERS, pictures: PICTURES });
    const start = ({ theta, psi }) => [[(theta / REACH + 1) / 2, (1 - psi / REACH) / 2]];
    this.drag(
      this.canvases[0],
      (u, v) => ({ theta: (2 * u - 1) * REACH, psi: (1 - 2 * v) * REACH }),
      () => start(this.settings),
    );
    const chosen = ({ gamma, h }) => [[gamma / 2, 1 - h / 2]];
    this.drag(this.canvases[2], (u, v) => ({ gamma: 2 * u, h: 2 * (1 - v) }), () => chosen(this.settings));
  }

  draw(settings) {
    const largest = factor(settings), places = orbit(settings, [settings.theta, settings.psi], STEPS);
    const end = Math.hypot(...places.at(-1)), begin = Math.hypot(...places[0]);
    this.plane(this.canvases[0], settings, places);
    this.circle(this.canvases[1], multipliers(settings));
    this.map(this.canvases[2], settings);
    const text = verdict(largest, begin, end, places.length - 1);
    return [
      text,
      `The orbit of θ and ψ over ${places.length - 1} steps. ${text}`,
      `Multipliers beside the unit circle; the largest has the size ${digits(largest, 3)}.`,
      `Learning rate against weight: dark where steps converge. The cross is at γ = ${settings.gamma}, h = ${settings.h}.`,
    ];
  }

  /** The field as short lines, and the orbit: its places, joined. */
  plane(canvas, { game, gamma }, places) {
    const { context, width: size } = prepare(canvas), colours = palette(canvas);
    const X = (x) => ((x + REACH) / (2 * REACH)) * size, Y = (y) => size - X(y);
    axes(context, size, colours, ["θ", "ψ"], `±${REACH}`);
    context.beginPath();
    for (let t = -1.875; t < REACH; t += 0.25) {
      for (let p = -1.875; p < REACH; p += 0.25) {
        const [u, v] = GAMES[game].field(t, p, gamma), length = Math.hypot(u, v) || 1;
        context.moveTo(X(t), Y(p));
        context.lineTo(X(t + (0.14 * u) / length), Y(p + (0.14 * v) / length));
      }
    }
    context.strokeStyle = colours.muted;
    context.lineWidth = 0.8;
    context.stroke();
    context.beginPath();
    for (const [t, p] of places) context.lineTo(X(t), Y(p));
    context.strokeStyle = colours.blue;
    context.stroke();
    context.fillStyle = colours.blue;
    for (const [t, p] of places) context.fillRect(X(t) - 1.5, Y(p) - 1.5, 3, 3);
    ring(context, X(places[0][0]), Y(places[0][1]), colours.text);
  }

  circle(canvas, found) {
    const { context, width: size } = prepare(canvas), colours = palette(canvas), reach = 1.6;
    const X = (x) => ((x + reach) / (2 * reach)) * size, Y = (y) => size - X(y);
    axes(context, size, colours, ["Re", "Im"], "");
    context.beginPath();
    context.arc(X(0), Y(0), size / (2 * reach), 0, 7);
    context.fillStyle = colours.line;
    context.globalAlpha = 0.4;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = colours.text;
    context.stroke();
    for (const [re, im] of found) {
      const outside = Math.hypot(re, im) > 1 + 1e-9;
      const [x, y] = [X, Y].map((place, k) => place(Math.max(-reach, Math.min(reach, [re, im][k]))));
      context.fillStyle = outside ? colours.vermilion : colours.blue;
      context.beginPath();
      if (outside) context.rect(x - 5, y - 5, 10, 10);
      else context.arc(x, y, 5, 0, 7);
      context.fill();
    }
  }

  /** For each weight and rate whether steps converge; computed anew where the rest of the settings changes. */
  map(canvas, settings) {
    const { context, width: size } = prepare(canvas), colours = palette(canvas);
    const { game, order, beta } = settings, key = [game, order, beta].join();
    if (this.mapKey !== key) {
      this.mapKey = key;
      this.factors = Array.from({ length: FINE * FINE }, (_, c) =>
        factor({ ...settings, gamma: (2 * ((c % FINE) + 0.5)) / FINE, h: (2 * (Math.floor(c / FINE) + 0.5)) / FINE }),
      );
    }
    const cell = size / FINE;
    context.fillStyle = colours.blue;
    this.factors.forEach((value, c) => {
      if (value >= 1 - 1e-9) return;
      context.globalAlpha = 0.25 + 0.6 * (1 - value);
      const column = c % FINE, row = FINE - 1 - Math.floor(c / FINE), edge = (k) => Math.round(k * cell);
      const [x, y] = [edge(column), edge(row)]; // whole pixels, so that no seams are seen
      context.fillRect(x, y, edge(column + 1) - x, edge(row + 1) - y);
    });
    context.globalAlpha = 1;
    context.fillStyle = colours.text;
    context.textAlign = "right";
    context.fillText("γ → 2", size - 4, size - 6);
    context.textAlign = "left";
    context.fillText("h ↑ 2", 4, 14);
    ring(context, (settings.gamma / 2) * size, size - (settings.h / 2) * size, colours.text);
  }
}

/** What becomes of the players, in words. */
function verdict(largest, begin, end, steps) {
  const near =
    Math.abs(largest - 1) < 1e-6
      ? "Near the solution a step neither shrinks nor widens the circle, to first order"
      : `Near the solution a step multiplies the distance by ${digits(largest, 3)} in the long run: the players ${largest < 1 ? "arrive" : "run away"}`;
  return `${near}. Here, after ${steps} steps, the distance has gone from ${digits(begin)} to ${digits(end, 3)}.`;
}

function axes(context, size, colours, [across, up], corner) {
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(0, size / 2);
  context.lineTo(size, size / 2);
  context.moveTo(size / 2, 0);
  context.lineTo(size / 2, size);
  context.stroke();
  context.fillStyle = colours.muted;
  context.textAlign = "right";
  context.fillText(across, size - 4, size / 2 - 6);
  context.fillText(corner, size - 4, size - 6);
  context.textAlign = "left";
  context.fillText(up, size / 2 + 6, 14);
}

/** Where the reader's finger is: a ring with a cross. */
function ring(context, x, y, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  context.arc(x, y, 7, 0, 7);
  context.moveTo(x - 11, y);
  context.lineTo(x + 11, y);
  context.moveTo(x, y - 11);
  context.lineTo(x, y + 11);
  context.stroke();
}

for (const root of document.querySelectorAll(".live-dirac")) new Page(root);
