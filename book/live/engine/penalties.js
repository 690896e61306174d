/**
 * The penalties of `ganlib.penalties`: each adds to the discriminator's gradients, and returns its
 * value without its weight.
 */
import { root } from "./root.js";

const HALF_SQUARE = { value: (q) => q / 2, slope: () => 0.5 };
const EPSILON = 1e-12; // under the root: its derivative is infinite at a zero gradient
const FROM_ONE = {
  value: (q) => (root(q + EPSILON) - 1) ** 2,
  slope: (q) => 1 - 1 / root(q + EPSILON),
};

/** ½ E‖∇D‖² at real points, the R1 of Mescheder et al., ICML 2018. */
export const r1 = (D, real, fake, n, weight) => D.addPenalty(real, n, HALF_SQUARE, weight);

/** ½ E‖∇D‖² at generated points. */
export const r2 = (D, real, fake, n, weight) => D.addPenalty(fake, n, HALF_SQUARE, weight);

/** Points α·real + (1 − α)·fake, one α in [0, 1) for each pair. */
export const mixed = (D, real, fake, alpha) =>
  real.map((x, j) => {
    const a = alpha[Math.floor(j / D.inputs)];
    return a * x + (1 - a) * fake[j];
  });

/** E(‖∇D‖ − 1)² at such points (Gulrajani et al., NIPS 2017). */
export const wassersteinGP = (D, real, fake, n, weight, alpha) =>
  D.addPenalty(mixed(D, real, fake, alpha), n, FROM_ONE, weight);

/** What the choice of a penalty stands for: the functions that are added, by name. */
export const PENALTIES = { none: {}, r1: { r1 }, r2: { r2 }, r1r2: { r1, r2 }, wgan_gp: { wassersteinGP }, clip: {} };

/** Clips each weight to [−bound, bound] (Arjovsky, Chintala and Bottou, ICML 2017). */
export function clip(network, bound) {
  const { values } = network;
  for (let j = 0; j < values.length; j++) values[j] = Math.min(bound, Math.max(-bound, values[j]));
}
