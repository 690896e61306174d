/** What the page says: names of settings and their values, and a sentence for each arrow of a step. */

import { digits } from "../digits.js";

export const LABELS = {
  data: "Data",
  batch: "Batch",
  seed: "Seed",
  loss: "Loss",
  smoothing: "Label smoothing",
  penalty: "Penalty",
  weight: "Penalty’s weight",
  k: "Discriminator steps",
  optimizer: "Optimizer",
  g_rate: "Generator’s rate",
  d_rate: "Discriminator’s rate",
};

export const OPTIONS = {
  ring: "ring of 8",
  grid: "grid of 25",
  spiral: "spiral",
  moons: "two moons",
  drawn: "draw your own",
  non_saturating: "non-saturating",
  minimax: "minimax",
  least_squares: "least squares",
  hinge: "hinge",
  wasserstein: "Wasserstein",
  relativistic: "relativistic",
  none: "none",
  r1: "R1, at real points",
  r2: "R2, at generated ones",
  r1r2: "R1 and R2",
  wgan_gp: "WGAN-GP, between",
  clip: "clipping of weights",
  adam0: "Adam, β₁ = 0",
  adam5: "Adam, β₁ = 0.5",
  adam9: "Adam, β₁ = 0.9",
  sgd: "gradient descent",
  momentum: "momentum 0.9",
};

const times = (turn, turns) => (turns > 1 ? ` (${turn} of ${turns})` : "");

const WHERE = {
  r1: "at the real points",
  r2: "at the generated points",
  wassersteinGP: "at points between real and generated ones, whose length should be 1",
};

/** The arrows of one step in order: player and stage, what stands on its label, and its sentence, both in HTML. */
export const ARROWS = [
  [
    "discriminator.latents", "draw z",
    (s) => `The discriminator’s turn${times(s.turn, s.turns)}. Latent vectors z are drawn, two normal numbers each.`,
  ],
  [
    "discriminator.fake", "z → x̂",
    () => "The generator turns each z into a point x̂: the dots of this batch. It will not be changed in this turn.",
  ],
  ["discriminator.real", "draw x", () => "As many real points x are drawn: the crosses of this batch."],
  [
    "discriminator.logits", "x, x̂ → ℓ",
    (s) => `The discriminator gives each point a logit ℓ. Real points have ${digits(s.real)} in the mean, generated ones ${digits(s.fake)}.`,
  ],
  [
    "discriminator.loss", "ℓ → L<sub>D</sub>",
    (s) => `The loss sums up how far the logits are from what the discriminator wants: L<sub>D</sub> = ${digits(s.value, 3)}.`,
  ],
  [
    "discriminator.gradient", "L<sub>D</sub> → ∇",
    () => "Each logit pulls: up at crosses (▲), down at dots (▼), a large mark where the pull is strong. Backwards through D this becomes a gradient of its weights.",
  ],
  [
    "discriminator.penalty", "+ penalty",
    (s) => `The penalty asks for flat ground: the arrows are the slopes of ℓ ${WHERE[s.name]}. Its value is ${digits(s.value, 3)}, and ${digits(s.weight, 3)} times its gradient is added.`,
  ],
  [
    "discriminator.update", "D moves",
    (s) => `The optimizer moves the discriminator’s weights, and the colour shifts. On this batch its loss goes from ${digits(s.before, 3)} to ${digits(s.after, 3)}.`,
  ],
  ["generator.fake", "z → x̂", () => "The generator’s turn. New latents, new points."],
  [
    "generator.logits", "x̂ → ℓ",
    (s) => `The discriminator judges them: ℓ = ${digits(s.fake)} in the mean. It will not be changed in this turn.`,
  ],
  [
    "generator.loss", "ℓ → L<sub>G</sub>",
    (s) => `What the generator wants is a higher ℓ. Its loss is L<sub>G</sub> = ${digits(s.value, 3)}.`,
  ],
  [
    "generator.arrows", "L<sub>G</sub> → x̂",
    (s) => `Back through the discriminator, each point gets an arrow: the way it would have to go. Their mean length is ${digits(s.length, 3)}.`,
  ],
  [
    "generator.gradient", "x̂ → ∇",
    () => "A point cannot go alone: all come from the same weights. Back through the generator the arrows become one gradient of its weights.",
  ],
  [
    "generator.update", "G moves",
    (s) => `The optimizer moves the generator’s weights, and all points move at once: from the dots along the lines. L<sub>G</sub> goes from ${digits(s.before, 3)} to ${digits(s.after, 3)}. That was one step.`,
  ],
];

/** Which entry of `ARROWS` a stage is. */
export const arrowOf = ({ player, name }) =>
  ARROWS.findIndex(([key]) => key === `${player}.${WHERE[name] ? "penalty" : name}`);

/** The sentence of a stage. */
export const sentence = (stage) => ARROWS[arrowOf(stage)][2](stage);

/** What is to be told of a frame: pairs of a name and a text. */
export function facts({ steps, coverage, losses, means, probability, arrows, best }) {
  const found = [["step", steps.toLocaleString("en")]];
  if (coverage) {
    const { reached, modes, filled, close } = coverage;
    found.push(["modes reached", `${reached} of ${modes}`], ["filled", filled], ["points at a mode", `${Math.round(100 * close)}%`]);
  }
  if (steps) found.push(["D’s loss", digits(losses.discriminator)], ["G’s loss", digits(losses.generator)]);
  const name = probability ? "D" : "ℓ";
  found.push([`mean ${name}, real`, digits(means.real)], [`mean ${name}, generated`, digits(means.fake)]);
  if (arrows) found.push(["mean arrow", digits(arrows.length, 3)]);
  if (best && probability) found.push(["least possible loss of D", digits(best.loss)]);
  return found;
}

/** The same as a sentence. */
export function describe(frame) {
  const text = facts(frame).map((pair) => pair.join(" ")).join(", ");
  return frame.lost ? `${text}. The numbers have run away: a loss is no number any more. Start anew.` : `${text}.`;
}
