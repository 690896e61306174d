/**
 * The losses of `ganlib.losses`: functions of a batch of real and a batch of generated logits.
 *
 * Each player's part takes one real and one generated logit and returns its value and its two
 * derivatives. The loss of a batch is the mean over the pairs (real[i], fake[i]); where a loss does not pair,
 * that is the sum of the two means.
 */

/** log(1 + eᵃ), finite for every a. */
export const softplus = (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));
export const sigmoid = (a) => 1 / (1 + Math.exp(-a));

const crossEntropy = (r, f) => [softplus(-r) + softplus(f), -sigmoid(-r), sigmoid(f)];
const negativeFake = (r, f) => [-f, 0, -1];

/**
 * `border` is the logit between "real" and "generated", null where only differences of logits count;
 * `labels` says whether σ(logit) is a probability, and so whether its label can be smoothed.
 */
export const LOSSES = {
  minimax: {
    discriminator: crossEntropy,
    generator: (r, f) => [-softplus(f), 0, -sigmoid(f)],
    border: 0,
    labels: true,
  },
  non_saturating: {
    discriminator: crossEntropy,
    generator: (r, f) => [softplus(-f), 0, -sigmoid(-f)],
    border: 0,
    labels: true,
  },
  least_squares: {
    discriminator: (r, f) => [0.5 * ((r - 1) ** 2 + f ** 2), r - 1, f],
    generator: (r, f) => [0.5 * (f - 1) ** 2, 0, f - 1],
    border: 0.5,
  },
  hinge: {
    discriminator: (r, f) => [Math.max(0, 1 - r) + Math.max(0, 1 + f), r < 1 ? -1 : 0, f > -1 ? 1 : 0],
    generator: negativeFake,
    border: 0,
  },
  wasserstein: { discriminator: (r, f) => [f - r, -1, 1], generator: negativeFake, border: null },
  relativistic: {
    discriminator: (r, f) => [softplus(f - r), -sigmoid(f - r), sigmoid(f - r)],
    generator: (r, f) => [softplus(r - f), sigmoid(r - f), -sigmoid(r - f)],
    border: null,
    paired: true,
  },
};

/** Returns a loss with `labels` whose label of real points is 1 − share: `ganlib.losses.smoothed`. */
export function smoothed(loss, share) {
  const discriminator = (r, f) => {
    const [value, dr, df] = loss.discriminator(r, f);
    return [value + share * r, dr + share, df];
  };
  return { ...loss, discriminator };
}

/**
 * Returns the mean of one player's loss over a batch; writes its gradients by the logits.
 *
 * @param {Function} part one of a loss's two functions
 * @param {ArrayLike<number>} logits (2n): the real ones, then the generated ones
 * @param {ArrayLike<number>} gradients (2n), which is overwritten
 */
export function lossOf(part, logits, gradients, n) {
  let total = 0;
  for (let j = 0; j < n; j++) {
    const [value, dr, df] = part(logits[j], logits[n + j]);
    total += value;
    gradients[j] = dr / n;
    gradients[n + j] = df / n;
  }
  return total / n;
}
