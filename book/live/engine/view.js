/** What of a run can be seen: arrays to be drawn and numbers to be told. Nothing here changes the run. */
import { sigmoid } from "./losses.js";
import { Network } from "./network.js";
import { mixed } from "./penalties.js";
import { CELLS, HALF } from "./plane.js";
import { Random } from "./random.js";
import { DISCRIMINATOR, GENERATOR, mean, meanLength } from "./training.js";

const SHOWN = 500; // points of a kind
const LINES = 13, ALONG = 49; // of the latent grid, from −2.4 to 2.4
const ARROWS = 60;
const DENSE = 8192; // generated points for the best discriminator

/** The centres of the cells, row by row from the bottom. */
function lattice() {
  return Float32Array.from({ length: 2 * CELLS * CELLS }, (_, k) => {
    const column = (k >> 1) % CELLS, row = Math.floor(k / 2 / CELLS);
    return (((k % 2 ? row : column) + 0.5) / CELLS) * 2 * HALF - HALF;
  });
}

/** The latents of the grid's lines: first those with equal z₂, then those with equal z₁. */
function latentLines() {
  const at = (k, count) => -2.4 + (4.8 * k) / (count - 1), points = [];
  for (const swap of [false, true]) {
    for (let line = 0; line < LINES; line++) {
      for (let k = 0; k < ALONG; k++) {
        const pair = [at(k, ALONG), at(line, LINES)];
        points.push(...(swap ? pair.reverse() : pair));
      }
    }
  }
  return Float32Array.from(points);
}

const PLACES = lattice(), LINE_LATENTS = latentLines();

export class View {
  constructor(run) {
    this.run = run;
    // networks of its own: a look between two arrows of a step must not disturb the step
    this.generator = new Network(GENERATOR);
    this.discriminator = new Network(DISCRIMINATOR);
    const random = new Random(run.settings.seed, "shown");
    this.latents = random.normals(new Float32Array(2 * SHOWN));
    this.real = Float32Array.from(run.distribution.sample(random, SHOWN));
  }

  /**
   * Returns what is shown now.
   *
   * @param {{surface: boolean, arrows: boolean, grid: boolean, best: boolean}} wanted
   */
  frame(wanted) {
    const { run, generator: G } = this;
    this.follow();
    const fake = G.forward(this.latents, SHOWN).slice(0, 2 * SHOWN);
    const frame = { steps: run.steps, real: this.real, fake, lost: run.lost };
    frame.losses = { discriminator: run.history.discriminator.at(-1), generator: run.history.generator.at(-1) };
    frame.coverage = coverage(fake, run.distribution);
    Object.assign(frame, this.reading(fake, wanted.surface));
    if (wanted.arrows) frame.arrows = this.push(fake.subarray(0, 2 * ARROWS));
    if (wanted.grid) {
      const count = LINE_LATENTS.length / 2;
      frame.lines = { points: G.forward(LINE_LATENTS, count).slice(0, 2 * count), along: ALONG };
    }
    if (wanted.best) frame.best = this.best();
    return frame;
  }

  /** Takes the weights of now. */
  follow() {
    for (const name of ["generator", "discriminator"]) this[name].values.set(this.run[name].values);
  }

  /**
   * What the discriminator shows: σ(logit) if that is a probability, else the logit; its means at real
   * and at generated points, and the border between "real" and "generated". Where a loss looks at
   * differences of logits alone, the border lies midway between the two means.
   */
  reading(fake, wanted) {
    const { run: { loss }, discriminator: D } = this, probability = Boolean(loss.labels);
    const of = (points, n) => {
      const logits = D.forward(points, n).slice(0, n);
      return probability ? logits.map(sigmoid) : logits;
    };
    const means = { real: mean(of(this.real, SHOWN)), fake: mean(of(fake, SHOWN)) };
    const border = probability ? 0.5 : (loss.border ?? (means.real + means.fake) / 2);
    return { probability, means, border, surface: wanted ? of(PLACES, CELLS * CELLS) : null };
  }

  /** Where the generator's loss pushes points: minus the gradient of one point's loss by its place. */
  push(points) {
    const { run: { loss }, discriminator: D } = this, n = points.length / 2;
    const paired = loss.paired ? D.forward(this.real, SHOWN).slice(0, SHOWN) : [0];
    const logits = D.forward(points, n).slice(0, n), slopes = new D.Float(n);
    for (let j = 0; j < n; j++) {
      for (const real of paired) slopes[j] -= loss.generator(real, logits[j])[2] / paired.length;
    }
    const arrows = D.backward(slopes, n, false).slice(0, 2 * n);
    return { points: points.slice(), arrows, length: meanLength(arrows) };
  }

  /**
   * What one arrow of the algorithm adds to the picture: the batch, and small arrows at its points.
   *
   * @param {{name: string, player: string}} stage as `Run.stages` gives it
   */
  stage({ name, player }) {
    const { run, discriminator: D, generator: G } = this, n = run.settings.batch;
    const real = run.points.slice(0, 2 * n);
    const fake = run.points.slice(2 * n);
    this.follow();
    const at = (points, arrows) => ({ real, fake, points, arrows: arrows.slice(0, 2 * n) });
    if (name === "r1") return at(real, D.inputGradients(real, n));
    if (name === "r2") return at(fake, D.inputGradients(fake, n));
    if (name === "wassersteinGP") {
      const between = mixed(D, real, fake, run.between);
      return at(between, D.inputGradients(between, n));
    }
    if (player === "generator" && (name === "arrows" || name === "gradient")) return at(fake, this.push(fake).arrows);
    if (player === "generator" && name === "update") {
      const after = G.forward(run.latents, n);
      return { real, fake, points: fake, moves: fake.map((x, j) => after[j] - x) };
    }
    const slopes = player === "discriminator" && name === "gradient" ? run.slopes.slice() : null;
    return { real, fake, slopes };
  }

  /**
   * The best discriminator of those that see only the cell in which a point lies: P / (P + Q), with
   * the probabilities of the cell under the data and under the generator. Of the generator's it has
   * many points. `loss` is the least cross-entropy that such a discriminator can have,
   * log 4 − 2 JSD(P, Q); what lies outside the picture is one more cell.
   */
  best() {
    const P = (this.data ??= cellProbabilities(this.run.distribution)), Q = new Float64Array(P.length);
    this.dense ??= new Random(this.run.settings.seed, "shown", 1).normals(new Float32Array(2 * DENSE));
    const points = this.generator.forward(this.dense, DENSE);
    for (let j = 0; j < DENSE; j++) Q[cellOf(points[2 * j], points[2 * j + 1])] += 1 / DENSE;
    let loss = 0;
    const probability = new Float32Array(CELLS * CELLS).fill(NaN); // where there is nothing
    for (let c = 0; c < P.length; c++) {
      const sum = P[c] + Q[c];
      if (P[c] > 0) loss -= P[c] * Math.log(P[c] / sum);
      if (Q[c] > 0) loss -= Q[c] * Math.log(Q[c] / sum);
      if (c < CELLS * CELLS && sum > 1e-6) probability[c] = P[c] / sum;
    }
    return { probability, loss };
  }
}

/** The cell of a point; the last one is the outside. */
function cellOf(x, y) {
  const [column, row] = [x, y].map((at) => Math.floor(((at + HALF) / (2 * HALF)) * CELLS));
  return [column, row].every((k) => k >= 0 && k < CELLS) ? row * CELLS + column : CELLS * CELLS;
}

/** The probability of each cell under a distribution, by its density at 5 × 5 places of the cell. */
function cellProbabilities({ density }) {
  const P = new Float64Array(CELLS * CELLS + 1), width = (2 * HALF) / CELLS, fine = 5;
  for (let c = 0; c < CELLS * CELLS; c++) {
    for (let a = 0; a < fine * fine; a++) {
      const x = PLACES[2 * c] + ((a % fine) + 0.5 - fine / 2) * (width / fine);
      const y = PLACES[2 * c + 1] + (Math.floor(a / fine) + 0.5 - fine / 2) * (width / fine);
      P[c] += density(x, y) * (width / fine) ** 2;
    }
  }
  P[CELLS * CELLS] = Math.max(0, 1 - P.reduce((a, b) => a + b));
  return P;
}

/**
 * How a generator's points are shared among the modes, by chapter 15: a point belongs to the nearest
 * mode if it is within 3 σ; a mode is reached by one point, filled by half of its share.
 */
export function coverage(points, { modes, std }) {
  if (!modes.length) return null;
  const counts = new Array(modes.length).fill(0), n = points.length / 2;
  for (let j = 0; j < n; j++) {
    let nearest = 0, least = Infinity;
    modes.forEach(([x, y], k) => {
      const distance = Math.hypot(points[2 * j] - x, points[2 * j + 1] - y);
      if (distance < least) [nearest, least] = [k, distance];
    });
    if (least <= 3 * std) counts[nearest]++;
  }
  const share = counts.reduce((a, b) => a + b) / n;
  const filled = counts.filter((count) => count / n >= 0.5 / modes.length).length;
  return { modes: modes.length, reached: counts.filter(Boolean).length, filled, close: share };
}
