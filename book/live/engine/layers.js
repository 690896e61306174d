/**
 * Layers: each can go forwards, backwards, and through its backward pass once more.
 *
 * A gradient penalty is a function of the gradient g = ∂f/∂x of a network's output by its input. Its
 * own gradient by the weights needs three passes after forward():
 *
 *     backward   from the output to the input: g, every layer keeps the gradient of its output
 *     second     from the input to the output: what the penalty's value loses or gains when a layer's
 *                outgoing gradient changes, given the same for its incoming one
 *     backward   once more: g also depends on the values that forward() computed, through the slope of
 *                each activation; what came of that in `second` is sent down to the weights
 *
 * A layer has `shape`, the shape of its output; `weights`, a list of {shape, initializer}; and
 *
 *     forward(x, n)          -> y
 *     backward(dy, n, weights, mixed) -> dx; adds the weights' gradients if `weights`; adds what
 *                               `second` kept if `mixed`
 *     second(bdx, n)         -> bdy, the adjoint of dy; adds the weights' gradients
 *
 * The arrays that it returns are its own and are overwritten by the next call. The network gives it
 * `values` and `gradients`, one array for each of its weights.
 */
import { chosen } from "./chosen.js";
import { denseAdjoint, denseApply, denseOuter } from "./kernels.js";

/** How many numbers a shape holds. */
export const size = (shape) => shape.reduce((a, b) => a * b, 1);

/** Returns a layer's array of a name, with room for `length` numbers; new ones are zero. */
export function room(layer, name, length) {
  if (!layer[name] || layer[name].length < length) layer[name] = new layer.Float(length);
  return layer[name];
}

/** y = A(W) x + b. What A does is in the three products of `kernels.js`. */
export class Linear {
  build(products, inputs, shape, kernel, bias, initializer) {
    Object.assign(this, products, { inputs, outputs: size(shape), shape, bias });
    this.weights = [{ shape: kernel, initializer }];
    if (bias) this.weights.push({ shape: [shape.at(-1)], initializer: "zeros" });
  }

  forward(x, n) {
    const y = room(this, "y", n * this.outputs);
    this.x = x;
    y.fill(0, 0, n * this.outputs);
    if (this.bias) {
      const b = this.values[1], end = n * this.outputs;
      for (let p = 0; p < end; p += b.length) y.set(b, p);
    }
    this.apply(x, this.values[0], y, n);
    return y;
  }

  backward(dy, n, weights) {
    const dx = room(this, "dx", n * this.inputs);
    this.dy = dy;
    dx.fill(0, 0, n * this.inputs);
    this.adjoint(dy, this.values[0], dx, n);
    if (weights) {
      this.outer(this.x, dy, this.gradients[0], n);
      if (this.bias) {
        const db = this.gradients[1], end = n * this.outputs;
        for (let p = 0; p < end; p += db.length) for (let c = 0; c < db.length; c++) db[c] += dy[p + c];
      }
    }
    return dx;
  }

  second(bdx, n) {
    const bdy = room(this, "bdy", n * this.outputs);
    bdy.fill(0, 0, n * this.outputs);
    this.apply(bdx, this.values[0], bdy, n);
    this.outer(bdx, this.dy, this.gradients[0], n);
    return bdy;
  }
}

/** A fully connected layer. */
export class Dense extends Linear {
  constructor(input, { units, bias = true, shape = [units], initializer = "glorot_uniform" }) {
    super();
    const i = size(input), o = units;
    const products = {
      apply: (x, W, y, n) => denseApply(x, W, y, n, i, o),
      adjoint: (y, W, x, n) => denseAdjoint(y, W, x, n, i, o),
      outer: (x, y, dW, n) => denseOuter(x, y, dW, n, i, o),
    };
    this.build(products, i, [units], [i, o], bias, initializer);
    this.shape = shape; // the same numbers, such as those of an image
  }
}

/** Activations φ that bend at zero alone: their slope is 1 above it and `leak` below. `images.js` adds others. */
export const ACTIVATIONS = {
  relu: { leak: 0 },
  leaky_relu: { leak: 0.2 },
};

/** y = φ(x), number by number. A `leak` can be given another value. */
export class Activation {
  constructor(input, { name, ...options }) {
    Object.assign(this, { shape: input, weights: [] }, chosen(ACTIVATIONS, name, "activation"), options);
  }

  /** The slopes φ'(x) times other numbers. */
  slopes(dy, name, n) {
    const length = n * size(this.shape), dx = room(this, name, length), { x, leak } = this;
    for (let j = 0; j < length; j++) dx[j] = x[j] > 0 ? dy[j] : leak * dy[j];
    return dx;
  }

  forward(x, n) {
    this.x = x;
    return this.slopes(x, "y", n); // since φ is linear on either side
  }

  backward(dy, n) {
    return this.slopes(dy, "dx", n);
  }

  second(bdx, n) {
    return this.slopes(bdx, "bdy", n);
  }
}
