/**
 * Distributions in the plane. Each is a set of centres, or a curve of them, with normal noise round
 * it, so that its density can be computed: a mean of normal densities.
 *
 * A distribution has `std`, `sample(random, n)` -> Float64Array (2n), `density(x, y)`, and `modes`, a
 * list of centres, empty where it is one connected piece.
 */
import { root } from "./root.js";

const STD = 0.05;
const NODES = 600; // along a curve: closer together than the noise is wide

/** Centres that are equally likely. */
const mixture = (modes) => finish({ std: STD, modes, centre: (u) => modes[Math.floor(u * modes.length)], nodes: modes });

/** A curve [0, 1] -> plane, whose parameter is uniform. */
function curve(centre, std = STD) {
  return finish({ std, modes: [], centre, nodes: Array.from({ length: NODES }, (_, k) => centre((k + 0.5) / NODES)) });
}

function finish(one) {
  const { std, centre, nodes } = one;
  const sample = (random, n) => {
    const points = new Float64Array(2 * n);
    for (let j = 0; j < n; j++) {
      const [x, y] = centre(random.uniform());
      points[2 * j] = x + std * random.normal();
      points[2 * j + 1] = y + std * random.normal();
    }
    return points;
  };
  const density = (x, y) => {
    const scale = -0.5 / (std * std);
    let sum = 0;
    for (const [a, b] of nodes) sum += Math.exp(scale * ((x - a) ** 2 + (y - b) ** 2));
    return sum / (nodes.length * 2 * Math.PI * std * std);
  };
  return { ...one, sample, density };
}

/** The ring, grid and spiral of `ganlib.toy`, two moons, and the reader's own points. */
export const DISTRIBUTIONS = {
  ring: () => {
    const angle = (k) => (2 * Math.PI * k) / 8;
    return mixture(Array.from({ length: 8 }, (_, k) => [2 * Math.cos(angle(k)), 2 * Math.sin(angle(k))]));
  },
  grid: () => mixture(Array.from({ length: 25 }, (_, k) => [Math.floor(k / 5) - 2, (k % 5) - 2])),
  spiral: () =>
    curve((u) => {
      const along = root(u), angle = 3 * Math.PI * along;
      return [2 * along * Math.cos(angle), 2 * along * Math.sin(angle)];
    }),
  moons: () =>
    curve((u) => {
      const sign = u < 0.5 ? 1 : -1, angle = 2 * Math.PI * (u % 0.5);
      return [1.3 * sign * (Math.cos(angle) - 0.5), 1.3 * sign * (Math.sin(angle) - 0.25)];
    }, 0.1),
  /** @param {number[][]} points in the plane, each as likely as the others */
  drawn: (points) => ({ ...mixture(points.length ? points : [[0, 0]]), modes: [] }),
};
