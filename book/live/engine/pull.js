/** How each loss of `ganlib.losses` pulls at logits: minus its derivatives, of one real and one generated logit. */
import { LOSSES } from "./losses.js";

/**
 * @param {string} name of the loss
 * @param {number} r logit of a real point
 * @param {number} f logit of a generated one
 * @returns {{real: number, fake: number, generator: number, losses: number[]}} where the discriminator pulls
 *   both, where the generator pulls its own, and both losses
 */
export function pull(name, r, f) {
  const { discriminator, generator } = LOSSES[name];
  const [lossD, real, fake] = discriminator(r, f), [lossG, , own] = generator(r, f);
  return { real: -real, fake: -fake, generator: -own, losses: [lossD, lossG] };
}
