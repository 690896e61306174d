/** Ways through the latents of a generator. */
import { floats, fill } from "./halves.js";
import "./images.js";
import { Network } from "./network.js";

/**
 * A generator of the book, as `tools/live.py` writes it.
 *
 * `seeds` are latents (count, dimension), `directions` unit vectors of the latents, `classes` what is put beside them.
 */
export class Generator {
  constructor({ description, weights, latents, directions, dimension, classes, classNames }) {
    this.network = new Network(description);
    fill(this.network, weights);
    this.dimension = dimension;
    const rows = (text, length = dimension) => {
      const all = floats(text), count = all.length / length;
      return Array.from({ length: count }, (_, k) => all.subarray(k * length, (k + 1) * length));
    };
    this.seeds = rows(latents);
    this.directions = rows(directions);
    this.classNames = classNames;
    this.classes = classes ? rows(classes, description.input[0] - dimension) : [];
    [this.height, this.width, this.channels] = this.network.layers.at(-1).shape;
  }

  /**
   * The latents of the explorer in ganbook.widgets: ψ (cos(πt/2) a + sin(πt/2) b + Σ sᵢ vᵢ).
   *
   * @param {{a: number, b: number, blend: number, truncation: number, shares: number[]}} settings seeds, t, ψ, s
   */
  latents({ a, b, blend, truncation, shares = [] }) {
    const angle = (Math.PI / 2) * blend, [from, to] = [this.seeds[a], this.seeds[b]];
    return from.map((x, j) => {
      const moved = shares.reduce((sum, share, k) => sum + share * this.directions[k][j], 0);
      return truncation * (Math.cos(angle) * x + Math.sin(angle) * to[j] + moved);
    });
  }

  /** The image of some latents, and of a label where there are classes: numbers of 0 to 255, rounded half to even as ganlib.data.to_uint8 does; (height, width, channels). */
  image(latents, label = 0) {
    const input = this.classes.length ? Float32Array.from([...latents, ...this.classes[label]]) : latents;
    const y = this.network.forward(input, 1), length = this.height * this.width * this.channels;
    return Uint8ClampedArray.from(y.subarray(0, length), (x) => Math.fround(Math.fround(x + 1) * 127.5));
  }
}
