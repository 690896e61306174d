/** A network: layers one after the other, its weights in one flat array and their gradients in another. */
import { chosen } from "./chosen.js";
import { Activation, Dense, room, size } from "./layers.js";
import { root } from "./root.js";

/** The kinds of layers by name; `images.js` adds more. */
export const LAYERS = { dense: Dense, activation: Activation };

/** Returns the layers of a description, and gives them the shape of what they receive. */
function make(input, descriptions) {
  let shape = input;
  return descriptions.map(({ type, ...options }) => {
    const layer = new (chosen(LAYERS, type, "type of layer"))(shape, options, make);
    shape = layer.shape;
    return layer;
  });
}

/** All layers, those within others too. */
const flat = (layers) => layers.flatMap((layer) => [layer, ...flat(layer.layers ?? [])]);

export class Network {
  /**
   * @param {{input: number[], layers: object[]}} description such as {input: [2], layers: [{type: "dense",
   *   units: 64}, {type: "activation", name: "relu"}, {type: "dense", units: 1}]}
   * @param {Function} Float Float32Array, or Float64Array for comparisons
   */
  constructor({ input, layers }, Float = Float32Array) {
    this.Float = Float;
    this.layers = make(input, layers);
    this.inputs = size(input);
    this.outputs = size(this.layers.at(-1).shape);
    const all = flat(this.layers);
    const count = (layers) => layers.flatMap((one) => one.weights).reduce((sum, { shape }) => sum + size(shape), 0);
    const length = count(all);
    /** The weights, layer by layer, as a Keras model lists them. */
    this.values = new Float(length);
    /** Their gradients: backward() and addPenalty() add to them, clear() sets them to zero. */
    this.gradients = new Float(length);
    let at = 0;
    for (const layer of all) {
      const views = (array) => {
        let begin = at;
        return layer.weights.map(({ shape }) => array.subarray(begin, (begin += size(shape))));
      };
      Object.assign(layer, { Float, values: views(this.values), gradients: views(this.gradients) });
      at += count([layer]);
    }
    this.all = all;
    this.bends = all.some((layer) => layer.bend);
  }

  /**
   * Draws the weights as Keras does.
   *
   * @param {{uniform: Function, normal: Function}} random numbers of [0, 1), and of N(0, 1)
   */
  initialize(random) {
    for (const layer of this.all) {
      layer.weights.forEach(({ shape, initializer }, k) => {
        const values = layer.values[k], area = size(shape.slice(0, -2));
        const fanIn = area * shape.at(-2), fanOut = area * shape.at(-1);
        // normal numbers beyond two standard deviations are drawn again, which takes from the spread
        const limit = root(6 / (fanIn + fanOut)), std = root(2 / fanIn) / 0.8796256610342398;
        for (let j = 0; j < values.length; j++) {
          let z = initializer === "ones" ? 1 : 0;
          if (initializer === "glorot_uniform") z = limit * (2 * random.uniform() - 1);
          else if (initializer === "he_normal") {
            do z = random.normal();
            while (Math.abs(z) > 2);
            z *= std;
          }
          values[j] = z;
        }
      });
    }
  }

  /** Returns the outputs (n, ...) for inputs (n, ...); the array is overwritten by the next call. */
  forward(x, n) {
    return this.layers.reduce((h, layer) => layer.forward(h, n), x);
  }

  /**
   * After forward(): returns the gradient by the inputs, given the one by the outputs, and adds the
   * weights' gradients unless `weights` is false.
   */
  backward(dy, n, weights = true) {
    return this.#back(dy, n, weights, false);
  }

  #back(dy, n, weights, mixed) {
    return this.layers.reduceRight((h, layer) => layer.backward(h, n, weights, mixed), dy);
  }

  /** Sets the gradients to zero. */
  clear() {
    this.gradients.fill(0);
  }

  /**
   * Returns the gradients (n, ...) of the sum of all outputs by the inputs: of samples that do not
   * interact, each one's own.
   */
  inputGradients(x, n) {
    this.forward(x, n);
    return this.backward(this.#constant("ones", 1, n), n, false);
  }

  /**
   * Adds weight · mean of h(‖g‖²) to what is minimised, g being the gradient of the output by one
   * input, and returns the mean.
   *
   * @param {ArrayLike<number>} x inputs (n, ...), at which the gradients are taken
   * @param {{value: Function, slope: Function}} h a function of ‖g‖², and its derivative
   */
  addPenalty(x, n, h, weight) {
    const g = this.inputGradients(x, n), m = this.inputs, bg = room(this, "bg", n * m);
    let total = 0;
    for (let r = 0; r < n; r++) {
      let square = 0;
      for (let p = r * m; p < (r + 1) * m; p++) square += g[p] * g[p];
      total += h.value(square) / n;
      const factor = (weight * 2 * h.slope(square)) / n;
      for (let p = r * m; p < (r + 1) * m; p++) bg[p] = factor * g[p];
    }
    this.layers.reduce((b, layer) => layer.second(b, n), bg);
    if (this.bends) this.#back(this.#constant("zeros", 0, n), n, true, true);
    return total;
  }

  #constant(name, value, n) {
    return room(this, name, n * this.outputs).fill(value);
  }
}
