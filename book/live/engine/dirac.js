/**
 * Games of two numbers, of chapter 4: the generator's θ and the discriminator's ψ.
 *
 * `a` is f′(0), which decides what happens near the solution at zero; `field` gives (θ̇, ψ̇).
 */
import { sigmoid } from "./losses.js";

export const GAMES = {
  bilinear: { a: 1, field: (t, p, gamma) => [p, -t - gamma * p] },
  minimax: { a: 0.5, field: (t, p, gamma) => [p * sigmoid(t * p), -t * sigmoid(t * p) - gamma * p] },
  non_saturating: { a: 0.5, field: (t, p, gamma) => [p * sigmoid(-t * p), -t * sigmoid(t * p) - gamma * p] },
};

/**
 * Returns the places of an orbit, the start among them; it ends early where it has run away.
 *
 * @param {{game: string, h: number, gamma: number, beta: number, order: string}} settings learning rate,
 *   weight of R1, heavy-ball momentum, "simultaneous" or "alternating"
 * @param {number[]} start θ and ψ
 */
export function orbit({ game, h, gamma, beta, order }, start, steps) {
  const { field } = GAMES[game], places = [start];
  let [t, p] = start, dt = 0, dp = 0;
  for (let k = 0; k < steps && Math.abs(t) + Math.abs(p) < 1e6; k++) {
    dp = beta * dp + h * field(t, p, gamma)[1];
    dt = beta * dt + h * field(t, order === "alternating" ? p + dp : p, gamma)[0];
    t += dt;
    p += dp;
    places.push([t, p]);
  }
  return places;
}

/**
 * Returns what a step multiplies by near the solution: complex numbers [re, im], the roots of
 * q² + hγ z q + h²a² z² (simultaneous) or z³ (alternating) with q = (z − 1)(z − β). There are four, and
 * without momentum two, beside two zeros.
 */
export function multipliers({ game, h, gamma, beta, order }) {
  const { a } = GAMES[game], b = 1 + beta, c = h * gamma, d = (h * a) ** 2;
  const alternating = order === "alternating";
  const third = -2 * b + c + (alternating ? d : 0), second = b * b + 2 * beta - c * b + (alternating ? 0 : d);
  return beta ? roots([beta * beta, -2 * b * beta + c * beta, second, third]) : quadratic(third, second);
}

/** The roots of z² + pz + q. */
function quadratic(p, q) {
  const half = -p / 2, under = half * half - q, root = Math.sqrt(Math.abs(under));
  return under < 0 ? [[half, root], [half, -root]] : [[half + root, 0], [half - root, 0]];
}

/** The roots of z⁴ + c₃z³ + c₂z² + c₁z + c₀, all at once (Durand and Kerner). */
function roots(coefficients) {
  const times = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];
  let found = [0, 1, 2, 3].map((k) => [Math.cos(0.4 + 1.6 * k) * 1.1, Math.sin(0.4 + 1.6 * k) * 1.1]);
  for (let round = 0; round < 120; round++) {
    let moved = 0;
    found = found.map((z, k) => {
      let value = [1, 0], below = [1, 0];
      for (let j = 3; j >= 0; j--) {
        value = times(value, z);
        value[0] += coefficients[j];
      }
      found.forEach(([re, im], j) => {
        if (j !== k) below = times(below, [z[0] - re, z[1] - im]);
      });
      const size = below[0] ** 2 + below[1] ** 2 || 1e-300;
      const change = times(value, [below[0] / size, -below[1] / size]);
      moved = Math.max(moved, Math.abs(change[0]) + Math.abs(change[1]));
      return [z[0] - change[0], z[1] - change[1]];
    });
    if (moved < 1e-14) break;
  }
  return found;
}

/** The largest of their sizes: below 1 the players approach the solution from nearby. */
export const factor = (settings) => Math.max(...multipliers(settings).map(([re, im]) => Math.hypot(re, im)));
