/** Two clouds of points in the plane, and the metrics of `ganlib.metrics` that compare them. */
import { Random } from "./random.js";
import { root } from "./root.js";

/** Shapes with mean 0 and covariance near the identity: a normal draw (x, y) and a number of [0, 1) -> a point. */
export const SHAPES = {
  lump: (x, y) => [x, y],
  ring: (x, y, u) => {
    const angle = 2 * Math.PI * u, radius = root(2) * (1 + 0.05 * x);
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  },
  pair: (x, y, u) => [(u < 0.5 ? -1 : 1) * 0.96 + 0.28 * x, y],
  few: (x, y, u) => {
    const angle = (2 * Math.PI * Math.floor(4 * u)) / 4;
    return [root(2) * Math.cos(angle) + 0.02 * x, root(2) * Math.sin(angle) + 0.02 * y];
  },
};

/**
 * Returns n points [x, y] of a shape, moved and widened. They follow from the seed and the purpose: a
 * cloud that is dragged keeps its points.
 */
export function cloud(shape, [x, y], width, n, seed, purpose) {
  const random = new Random(seed, purpose);
  return Array.from({ length: n }, () => {
    const [a, b] = SHAPES[shape](random.normal(), random.normal(), random.uniform());
    return [x + width * a, y + width * b];
  });
}

/** Mean and covariance (divided by n − 1) of points: {mean, covariance: [xx, xy, yy]}. */
export function moments(points) {
  const n = points.length, mean = [0, 1].map((k) => points.reduce((sum, p) => sum + p[k], 0) / n);
  const of = (i, j) => points.reduce((sum, p) => sum + (p[i] - mean[i]) * (p[j] - mean[j]), 0) / (n - 1);
  return { mean, covariance: [of(0, 0), of(0, 1), of(1, 1)] };
}

/**
 * The squared Fréchet distance of two Gaussians in the plane, as its two parts. There
 * tr (ΣΣ′)^½ = √(tr ΣΣ′ + 2 √(det Σ det Σ′)), by the theorem of Cayley and Hamilton.
 */
export function frechet(real, fake) {
  const [a, b, c] = real.covariance, [d, e, f] = fake.covariance;
  const determinants = Math.max(0, (a * c - b * b) * (d * f - e * e));
  const traces = a * d + 2 * b * e + c * f + 2 * root(determinants);
  return {
    means: (real.mean[0] - fake.mean[0]) ** 2 + (real.mean[1] - fake.mean[1]) ** 2,
    covariances: Math.max(0, a + c + d + f - 2 * root(Math.max(0, traces))),
  };
}

/** The squared radius of the ball round each point that just reaches its k-th nearest other one. */
export function radii(points, k) {
  return points.map(([x, y], i) => {
    const squares = points.map(([a, b], j) => (i === j ? Infinity : (x - a) ** 2 + (y - b) ** 2));
    return squares.sort((p, q) => p - q)[k - 1];
  });
}

/** Which points lie within one of the balls; a boundary is inside. */
export const covered = (points, centres, squares) =>
  points.map(([x, y]) => centres.some(([a, b], j) => (x - a) ** 2 + (y - b) ** 2 <= squares[j]));

/** Precision and recall of Kynkäänniemi et al., and what they come from. */
export function precisionRecall(real, fake, k) {
  const realRadii = radii(real, k), fakeRadii = radii(fake, k);
  const fakeInside = covered(fake, real, realRadii), realInside = covered(real, fake, fakeRadii);
  const share = (inside) => inside.filter(Boolean).length / inside.length;
  return { realRadii, fakeRadii, fakeInside, realInside, precision: share(fakeInside), recall: share(realInside) };
}
