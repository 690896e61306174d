/** The page of a loss's pull: two logits on a line, the forces on them, and the same as curves. */
import { palette, prepare } from "../canvas.js";
import { digits } from "../digits.js";
import { sigmoid } from "../engine/losses.js";
import { pull } from "../engine/pull.js";
import { Panel } from "../panel.js";

const REACH = 6;
const NAMES = {
  non_saturating: "non-saturating",
  minimax: "minimax",
  least_squares: "least squares",
  hinge: "hinge",
  wasserstein: "Wasserstein",
  relativistic: "relativistic",
};
const CHOICES = { loss: ["Loss", NAMES], beside: ["Beside it", { none: "no other", ...NAMES }] };
const SLIDERS = {
  real: ["Logit of a real image", -REACH, REACH, 0.1, 1.5],
  fake: ["Logit of a generated one", -REACH, REACH, 0.1, -2],
};
const PICTURES = ["The pulls on both logits", "Pull on the generated logit", "Both losses"];

class Page extends Panel {
  constructor(root) {
    super(root, { choices: CHOICES, sliders: SLIDERS, pictures: PICTURES });
    const place = (x) => (2 * x - 1) * REACH;
    this.drag(this.canvases[0], (x, y, begins) => {
      const { real, fake } = this.settings;
      if (begins) this.taken = Math.abs(place(x) - real) < Math.abs(place(x) - fake) ? "real" : "fake";
      return { [this.taken]: place(x) };
    });
    for (const canvas of this.canvases.slice(1)) this.drag(canvas, (x) => ({ fake: place(x) }));
  }

  draw(settings) {
    const { loss, beside, real, fake } = settings, now = pull(loss, real, fake);
    const names = beside === "none" || beside === loss ? [loss] : [loss, beside];
    this.line(this.canvases[0], settings, names);
    this.curves(this.canvases[1], fake, names, (name, f) => {
      const found = pull(name, real, f);
      return [found.fake, found.generator];
    });
    this.curves(this.canvases[2], fake, names, (name, f) => pull(name, real, f).losses);
    const text = names.map((name) => verdict(name, real, fake)).join(" ");
    const losses = `The discriminator’s loss is ${digits(now.losses[0])}, the generator’s ${digits(now.losses[1])}.`;
    return [text, `A real logit at ${digits(real)}, a generated one at ${digits(fake)}. ${text}`,
      `Pulls of both players on the generated logit, as it moves from −${REACH} to ${REACH}. ${text}`,
      `Both losses against the generated logit. ${losses}`];
  }

  /** The line of logits: crosses and dots, and arrows of both players, a row for each loss. */
  line(canvas, { real, fake }, names) {
    const { context, width: size } = prepare(canvas), colours = palette(canvas);
    const X = (l) => ((l + REACH) / (2 * REACH)) * size;
    names.forEach((name, k) => {
      const y = (size * (k + 0.62)) / names.length, found = pull(name, real, fake);
      const arrow = (from, by, up, colour, dash, player) => {
        const end = Math.max(4, Math.min(size - 4, X(from) + (by * size) / 5)), tip = Math.sign(by) * 6;
        context.strokeStyle = colour;
        context.lineWidth = 2;
        context.setLineDash(dash);
        context.beginPath();
        context.moveTo(X(from), y + up);
        context.lineTo(end, y + up);
        context.stroke();
        context.setLineDash([]);
        context.fillStyle = colour;
        context.textAlign = by < 0 ? "left" : "right";
        context.fillText(player, X(from) + (by < 0 ? 4 : -4), y + up + 4);
        if (Math.abs(end - X(from)) < 2) return;
        context.beginPath();
        context.moveTo(end - tip, y + up - 5);
        context.lineTo(end, y + up);
        context.lineTo(end - tip, y + up + 5);
        context.stroke();
      };
      context.fillStyle = colours.text;
      context.textAlign = "center";
      context.fillText(NAMES[name], size / 2, Math.max(12, y - 66));
      context.strokeStyle = colours.line;
      context.fillStyle = colours.muted;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(size, y);
      for (let l = -REACH + 2; l < REACH; l += 2) {
        context.moveTo(X(l), y);
        context.lineTo(X(l), y + 5);
        context.fillText(String(l).replace("-", "−"), X(l), y + 18);
      }
      context.stroke();
      arrow(real, found.real, -18, colours.green, [], "D");
      arrow(fake, found.fake, -32, colours.green, [], "D");
      arrow(fake, found.generator, -48, colours.purple, [5, 3], "G");
      cross(context, X(real), y, colours.blue);
      context.fillStyle = colours.vermilion;
      context.beginPath();
      context.arc(X(fake), y, 6, 0, 7);
      context.fill();
    });
  }

  /** Two curves over the generated logit: the discriminator's a full line, the generator's a dashed one. */
  curves(canvas, fake, names, values) {
    const { context, width: size } = prepare(canvas), colours = palette(canvas), steps = 240;
    const at = (k) => -REACH + (2 * REACH * k) / steps;
    const all = names.map((name) => Array.from({ length: steps + 1 }, (_, k) => values(name, at(k))));
    const reach = Math.min(3.2, Math.max(1.1, ...all.flat(2).map(Math.abs)) * 1.05);
    const X = (l) => ((l + REACH) / (2 * REACH)) * size, Y = (v) => size / 2 - (v / reach) * (size / 2);
    context.strokeStyle = colours.line;
    context.beginPath();
    context.moveTo(0, size / 2);
    context.lineTo(size, size / 2);
    context.moveTo(X(fake), 0);
    context.lineTo(X(fake), size);
    context.stroke();
    context.fillStyle = colours.muted;
    context.textAlign = "left";
    for (let v = -3; v <= 3; v++) if (v && Math.abs(v) < reach) context.fillText(String(v).replace("-", "−"), 4, Y(v) + (v > 0 ? 14 : -5));
    context.textAlign = "right";
    context.fillText("ℓ", size - 4, size / 2 - 6);
    all.forEach((found, n) => {
      for (const [player, colour, dash] of [[0, colours.green, []], [1, colours.purple, [6, 4]]]) {
        context.beginPath();
        found.forEach((pair, k) => context.lineTo(X(at(k)), Y(pair[player])));
        context.strokeStyle = colour;
        context.lineWidth = n ? 1 : 2.2; // the other loss is thin
        context.setLineDash(dash);
        context.stroke();
        context.setLineDash([]);
        const value = Y(values(names[n], fake)[player]);
        context.fillStyle = colour;
        context.beginPath();
        if (player) context.rect(X(fake) - 4, value - 4, 8, 8);
        else context.arc(X(fake), value, 4.5, 0, 7);
        context.fill();
        if (n === 0) context.fillText("DG"[player], X(fake) - 8, Math.max(12, Math.min(size - 6, value + (player ? -6 : 14))));
      }
    });
  }
}

function cross(context, x, y, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 3;
  context.beginPath();
  context.moveTo(x - 7, y);
  context.lineTo(x + 7, y);
  context.moveTo(x, y - 7);
  context.lineTo(x, y + 7);
  context.stroke();
}

const by = (x) => (Math.abs(x) < 0.005 ? "not at all" : `${x > 0 ? "up" : "down"} by ${digits(Math.abs(x))}`);

/** What a loss does at these logits, in words. */
function verdict(name, real, fake) {
  const found = pull(name, real, fake), words = NAMES[name];
  const share = ["minimax", "non_saturating"].includes(name) ? ` (it takes the generated image for real with probability ${digits(sigmoid(fake))})` : "";
  return (
    `${words[0].toUpperCase()}${words.slice(1)}: the discriminator${share} pulls the real logit ${by(found.real)} and the generated one ${by(found.fake)}; ` +
    `the generator pulls it ${by(found.generator)}.`
  );
}

for (const root of document.querySelectorAll(".live-pull")) new Page(root);
