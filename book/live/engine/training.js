/** The training of a pair in the plane, as `ganlib.training` does it: whole steps, or arrow by arrow. */
import { DISTRIBUTIONS } from "./distributions.js";
import { lossOf, LOSSES, smoothed } from "./losses.js";
import { Network } from "./network.js";
import { OPTIMIZERS } from "./optimizers.js";
import { clip, PENALTIES } from "./penalties.js";
import { Random } from "./random.js";

const WIDTH = 64, DEPTH = 3; // of `ganlib.models.mlp`
const MOST_STEPS = 10; // of the discriminator within one step

/** A fully connected network between points of the plane and `units` numbers. */
function mlp(name, units) {
  const hidden = [{ type: "dense", units: WIDTH, initializer: "he_normal" }, { type: "activation", name }];
  return { input: [2], layers: [...Array(DEPTH).fill(hidden).flat(), { type: "dense", units }] };
}

export const GENERATOR = mlp("relu", 2), DISCRIMINATOR = mlp("leaky_relu", 1);

export class Run {
  /**
   * @param {object} settings see `settings.js`
   * @param {number[][]} points the reader's own, for the data "drawn"
   * @param {Function} Float Float32Array, or Float64Array for comparisons
   */
  constructor(settings, points = [], Float = Float32Array) {
    this.settings = settings;
    this.distribution = DISTRIBUTIONS[settings.data](points);
    this.generator = new Network(GENERATOR, Float);
    this.discriminator = new Network(DISCRIMINATOR, Float);
    this.generator.initialize(new Random(settings.seed, "generator"));
    this.discriminator.initialize(new Random(settings.seed, "discriminator"));
    const [Optimizer, options] = OPTIMIZERS[settings.optimizer];
    this.generatorOptimizer = new Optimizer(this.generator, options);
    this.discriminatorOptimizer = new Optimizer(this.discriminator, options);
    this.setRates(settings);
    const loss = LOSSES[settings.loss];
    this.loss = loss.labels ? smoothed(loss, settings.smoothing) : loss;
    this.steps = 0;
    /** Both losses of each step. */
    this.history = { discriminator: [], generator: [] };
    const n = settings.batch;
    this.latents = new Float(2 * n);
    this.points = new Float(4 * n); // the real ones, then the generated ones
    this.logits = new Float(2 * n);
    this.slopes = new Float(2 * n); // of the loss by the logits
  }

  /** The learning rates act at once. */
  setRates({ g_rate, d_rate }) {
    this.generatorOptimizer.rate = Number(g_rate);
    this.discriminatorOptimizer.rate = Number(d_rate);
  }

  /** One training step. */
  step() {
    const stages = this.stages();
    while (!stages.next().done);
  }

  /**
   * One training step that pauses after each of its arrows. A stage has a `name`, the `player` whose
   * turn it is, and the numbers that its sentence needs; what else there is to see is in the run.
   */
  *stages() {
    const { settings } = this;
    for (let turn = 0; turn < settings.k; turn++) yield* this.#discriminatorStages(turn);
    yield* this.#generatorStages();
    this.steps++;
  }

  #random(purpose, turn) {
    return new Random(this.settings.seed, purpose, this.steps * (MOST_STEPS + 1) + turn);
  }

  #drawReal(turn) {
    this.points.set(this.distribution.sample(this.#random("real", turn), this.settings.batch));
  }

  #generate(turn) {
    const n = this.settings.batch;
    this.#random("latents", turn).normals(this.latents);
    this.points.set(this.generator.forward(this.latents, n).subarray(0, 2 * n), 2 * n);
  }

  *#discriminatorStages(turn) {
    const { settings, discriminator: D, points, slopes, loss } = this, n = settings.batch;
    const player = "discriminator", of = { turn: turn + 1, turns: settings.k };
    this.#generate(turn);
    yield { name: "latents", player, ...of };
    yield { name: "fake", player };
    this.#drawReal(turn);
    yield { name: "real", player };
    const logits = D.forward(points, 2 * n);
    yield { name: "logits", player, real: mean(logits.subarray(0, n)), fake: mean(logits.subarray(n, 2 * n)) };
    const value = lossOf(loss.discriminator, logits, slopes, n);
    yield { name: "loss", player, value };
    D.backward(slopes, 2 * n);
    yield { name: "gradient", player };
    yield* this.#penaltyStages(turn);
    this.discriminatorOptimizer.step();
    if (settings.penalty === "clip") clip(D, settings.weight);
    this.history.discriminator[this.steps] = value;
    yield { name: "update", player, before: value, after: this.#lossNow(loss.discriminator) };
  }

  *#penaltyStages(turn) {
    const { settings, points, discriminator: D } = this, n = settings.batch;
    const real = points.subarray(0, 2 * n), fake = points.subarray(2 * n);
    const random = this.#random("between", turn);
    this.between = Float64Array.from({ length: n }, () => random.uniform());
    for (const [name, penalty] of Object.entries(PENALTIES[settings.penalty])) {
      const value = penalty(D, real, fake, n, settings.weight, this.between);
      yield { name, player: "discriminator", value, weight: settings.weight };
    }
  }

  *#generatorStages() {
    const { settings, generator: G, discriminator: D, points, slopes, loss } = this, n = settings.batch;
    const player = "generator";
    this.#generate(MOST_STEPS);
    yield { name: "fake", player };
    if (loss.paired) this.#drawReal(MOST_STEPS);
    // real points matter only to a loss that pairs
    const begin = loss.paired ? 0 : n, count = 2 * n - begin, { logits } = this;
    logits.set(D.forward(points.subarray(2 * begin), count).subarray(0, count), begin);
    yield { name: "logits", player, fake: mean(logits.subarray(n)) };
    const value = lossOf(loss.generator, logits, slopes, n);
    yield { name: "loss", player, value };
    const back = D.backward(slopes.subarray(begin), count, false);
    const arrows = back.subarray(2 * (n - begin), 2 * count); // at the generated points
    yield { name: "arrows", player, length: n * meanLength(arrows) };
    G.backward(arrows, n);
    yield { name: "gradient", player };
    this.generatorOptimizer.step();
    this.history.generator[this.steps] = value;
    yield { name: "update", player, before: value, after: this.#lossNow(loss.generator) };
  }

  /** The loss of the batch of now with the weights of now; only a step that is looked at asks for it. */
  #lossNow(part) {
    return () => {
      const { settings, generator: G, discriminator: D, points } = this, n = settings.batch;
      points.set(G.forward(this.latents, n).subarray(0, 2 * n), 2 * n);
      return lossOf(part, D.forward(points, 2 * n), new Float64Array(2 * n), n);
    };
  }

  /** Whether a loss or a weight is no longer a number, so that no step makes sense any more. */
  get lost() {
    const { steps, history: { discriminator, generator } } = this;
    return steps > 0 && !Number.isFinite(discriminator[steps - 1] + generator[steps - 1]);
  }
}

export const mean = (values) => values.reduce((a, b) => a + b) / values.length;

/** The mean length of arrows in the plane. */
export const meanLength = (arrows) => mean(arrows.map((x, j) => (j % 2 ? 0 : 2 * Math.hypot(x, arrows[j + 1]))));
