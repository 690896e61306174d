/**
 * What networks of images need beside dense layers: convolutions both ways, batch normalisation as it
 * is after training, sums of a layer's input and output, smooth activations. Importing this makes them
 * known to `Network`.
 */
import { Activation, ACTIVATIONS, Linear, room, size } from "./layers.js";
import { LAYERS } from "./network.js";

/**
 * The geometry of a convolution with padding "same".
 *
 * @param {number[]} image [height, width, channels] of the larger image
 * @param {number} size side of the kernel
 * @param {number} stride pixels from one place of the kernel to the next
 * @param {number} filters channels of the smaller image
 */
export function convolution(image, size, stride, filters) {
  const [height, width, channels] = image;
  const rows = Math.ceil(height / stride), columns = Math.ceil(width / stride);
  const before = (length, out) => Math.floor(Math.max((out - 1) * stride + size - length, 0) / 2);
  const top = before(height, rows), left = before(width, columns);
  return { height, width, channels, rows, columns, filters, size, stride, top, left };
}

/**
 * Calls visit(place in the image, place in the output, place in the kernel) for each pair of pixels
 * that a convolution joins, n images one after the other.
 */
function pairs(c, n, visit) {
  for (let sample = 0; sample < n; sample++) {
    for (let r = 0; r < c.rows; r++) {
      for (let s = 0; s < c.columns; s++) {
        const out = ((sample * c.rows + r) * c.columns + s) * c.filters;
        for (let a = 0; a < c.size; a++) {
          const y = r * c.stride + a - c.top;
          if (y < 0 || y >= c.height) continue;
          for (let b = 0; b < c.size; b++) {
            const x = s * c.stride + b - c.left;
            if (x < 0 || x >= c.width) continue;
            visit(((sample * c.height + y) * c.width + x) * c.channels, out, (a * c.size + b) * c.channels * c.filters);
          }
        }
      }
    }
  }
}

/** y (n, rows, columns, filters) += the convolution of x (n, height, width, channels). */
export function convApply(c, x, W, y, n) {
  const { channels, filters } = c;
  pairs(c, n, (p, q, w) => {
    const end = q + filters;
    for (let k = 0; k < channels; k++) {
      const value = x[p + k];
      if (value === 0) w += filters; // after a ReLU half of them are
      else for (let j = q; j < end; j++) y[j] += value * W[w++];
    }
  });
}

/** x += the adjoint of the convolution, applied to y. It is a transposed convolution. */
export function convAdjoint(c, y, W, x, n) {
  const { channels, filters } = c;
  pairs(c, n, (p, q, w) => {
    const end = q + filters;
    for (let k = 0; k < channels; k++) {
      let sum = 0;
      for (let j = q; j < end; j++) sum += y[j] * W[w++];
      x[p + k] += sum;
    }
  });
}

/** dW (size, size, channels, filters) += the gradient of the kernel. */
export function convOuter(c, x, y, dW, n) {
  const { channels, filters } = c;
  pairs(c, n, (p, q, w) => {
    const end = q + filters;
    for (let k = 0; k < channels; k++) {
      const value = x[p + k];
      for (let j = q; j < end; j++) dW[w++] += value * y[j];
    }
  });
}

/** A convolution with padding "same"; its kernel is (size, size, channels, filters). */
export class Conv extends Linear {
  constructor(input, { filters, size: side, stride = 1, bias = true, initializer = "glorot_uniform" }) {
    super();
    const c = convolution(input, side, stride, filters);
    const products = {
      apply: (x, W, y, n) => convApply(c, x, W, y, n),
      adjoint: (y, W, x, n) => convAdjoint(c, y, W, x, n),
      outer: (x, y, dW, n) => convOuter(c, x, y, dW, n),
    };
    const kernel = [side, side, input[2], filters];
    this.build(products, size(input), [c.rows, c.columns, filters], kernel, bias, initializer);
  }
}

/**
 * A transposed convolution with padding "same": the adjoint of the convolution that leads the other
 * way. Its kernel is (size, size, filters, channels).
 */
export class ConvTranspose extends Linear {
  constructor(input, { filters, size: side, stride = 1, bias = true, initializer = "glorot_uniform" }) {
    super();
    const shape = [input[0] * stride, input[1] * stride, filters];
    const c = convolution(shape, side, stride, input[2]);
    const products = {
      apply: (x, W, y, n) => convAdjoint(c, x, W, y, n),
      adjoint: (y, W, x, n) => convApply(c, y, W, x, n),
      outer: (x, y, dW, n) => convOuter(c, y, x, dW, n),
    };
    const kernel = [side, side, filters, input[2]];
    this.build(products, size(input), shape, kernel, bias, initializer);
  }
}

/** y = scale · x + offset, channel by channel: batch normalisation of a network that is trained. */
export class Scale {
  constructor(input) {
    this.shape = input;
    const shape = [input.at(-1)];
    this.weights = [
      { shape, initializer: "ones" },
      { shape, initializer: "zeros" },
    ];
  }

  #times(x, name, n, offset) {
    const scale = this.values[0], length = n * size(this.shape), channels = scale.length;
    const y = room(this, name, length);
    for (let p = 0; p < length; p += channels) {
      for (let c = 0; c < channels; c++) y[p + c] = scale[c] * x[p + c] + (offset ? offset[c] : 0);
    }
    return y;
  }

  #outer(x, dy, n) {
    const ds = this.gradients[0], length = n * size(this.shape), channels = ds.length;
    for (let p = 0; p < length; p += channels) for (let c = 0; c < channels; c++) ds[c] += x[p + c] * dy[p + c];
  }

  forward(x, n) {
    this.x = x;
    return this.#times(x, "y", n, this.values[1]);
  }

  backward(dy, n, weights) {
    this.dy = dy;
    if (weights) {
      this.#outer(this.x, dy, n);
      const db = this.gradients[1], length = n * size(this.shape);
      for (let p = 0; p < length; p += db.length) for (let c = 0; c < db.length; c++) db[c] += dy[p + c];
    }
    return this.#times(dy, "dx", n);
  }

  second(bdx, n) {
    this.#outer(bdx, this.dy, n);
    return this.#times(bdx, "bdy", n);
  }
}

/** y = x + f(x), where f is a list of layers that ends in the shape it began with. */
export class Residual {
  constructor(input, { layers }, make) {
    this.shape = input;
    this.layers = make(input, layers);
    this.weights = [];
  }

  #sum(a, b, name, n) {
    const length = n * size(this.shape), y = room(this, name, length);
    for (let j = 0; j < length; j++) y[j] = a[j] + b[j];
    return y;
  }

  forward(x, n) {
    return this.#sum(x, this.layers.reduce((h, layer) => layer.forward(h, n), x), "y", n);
  }

  backward(dy, n, weights, mixed) {
    const dx = this.layers.reduceRight((h, layer) => layer.backward(h, n, weights, mixed), dy);
    return this.#sum(dy, dx, "dx", n);
  }

  second(bdx, n) {
    return this.#sum(bdx, this.layers.reduce((h, layer) => layer.second(h, n), bdx), "bdy", n);
  }
}

/** Activations `f` of the input; their derivatives `slope` and `bend` are functions of the output h. */
const SMOOTH = {
  tanh: { f: Math.tanh, slope: (h) => 1 - h * h, bend: (h) => -2 * h * (1 - h * h) },
  sigmoid: { f: (a) => 1 / (1 + Math.exp(-a)), slope: (h) => h * (1 - h), bend: (h) => h * (1 - h) * (1 - 2 * h) },
};

/** y = f(x), number by number. */
class Smooth extends Activation {
  slopes(dy, name, n) {
    const length = n * size(this.shape), dx = room(this, name, length), { y, slope } = this;
    for (let j = 0; j < length; j++) dx[j] = dy[j] * slope(y[j]);
    return dx;
  }

  forward(x, n) {
    const length = n * size(this.shape), y = room(this, "y", length), { f } = this;
    for (let j = 0; j < length; j++) y[j] = f(x[j]);
    return y;
  }

  backward(dy, n, weights, mixed) {
    const dx = super.backward(dy, n);
    if (!mixed) this.dy = dy;
    else for (let j = 0; j < n * size(this.shape); j++) dx[j] += this.bent[j];
    return dx;
  }

  second(bdx, n) {
    const length = n * size(this.shape), bent = room(this, "bent", length), { y, dy, bend } = this;
    for (let j = 0; j < length; j++) bent[j] = bdx[j] * dy[j] * bend(y[j]);
    return super.second(bdx, n);
  }
}

/** An activation of either kind. */
class AnyActivation {
  constructor(input, options) {
    return new (options.name in SMOOTH ? Smooth : Activation)(input, options);
  }
}

Object.assign(ACTIVATIONS, SMOOTH);
Object.assign(LAYERS, {
  activation: AnyActivation,
  conv: Conv,
  conv_transpose: ConvTranspose,
  scale: Scale,
  residual: Residual,
});
