/** Scores of an attack that asks whether a record was in the training data, and how well a threshold does. */
import { Random } from "./random.js";

/**
 * Returns scores of n members and n outsiders, normal with standard deviation 1: an outsider's mean is 0,
 * and so is a member's, but for a share of them whose mean is `shift`.
 */
export function scores({ shift, share, n, seed }) {
  const noise = new Random(seed, "real"), chance = new Random(seed, "between");
  const members = Array.from({ length: n }, () => noise.normal() + (chance.uniform() < share / 100 ? shift : 0));
  return { members, outsiders: Array.from({ length: n }, () => noise.normal()) };
}

/** The share of scores at or above a threshold. */
export const above = (values, threshold) => values.filter((score) => score >= threshold).length / values.length;

/** The thresholds' points [false positive rate, true positive rate], the highest threshold first. */
export function curve({ members, outsiders }) {
  const thresholds = [Infinity, ...[...members, ...outsiders].sort((a, b) => b - a)];
  return thresholds.map((threshold) => [above(outsiders, threshold), above(members, threshold)]);
}

/** The area under such points. */
export const area = (points) =>
  points.slice(1).reduce((sum, [x, y], k) => sum + ((x - points[k][0]) * (y + points[k][1])) / 2, 0);

/** The largest share of members that is recognised while no more than `rate` of the outsiders are accused. */
export const recognised = (points, rate) => Math.max(...points.filter(([x]) => x <= rate).map(([, y]) => y));

/** The share of members among the accused, in a pool with this share of members; NaN if nobody is accused. */
export const guilty = (fpr, tpr, members) => (tpr * members) / (tpr * members + fpr * (1 - members));

/** P(Z > z) of a standard normal Z, to 1e-7 (Abramowitz and Stegun, 26.2.17). */
export function tail(z) {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const sum = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const beyond = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum;
  return z < 0 ? 1 - beyond : beyond;
}

/** The same rates for endless records. */
export const rates = ({ shift, share }, threshold) => [
  tail(threshold),
  (share / 100) * tail(threshold - shift) + (1 - share / 100) * tail(threshold),
];
