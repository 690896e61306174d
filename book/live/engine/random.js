/**
 * Random numbers as a function of a seed, a step and a purpose, as in `ganlib`: what one purpose draws
 * does not depend on how many numbers another one has drawn, so that two runs of one seed see the same
 * data and the same latents whatever else differs.
 */

import { chosen } from "./chosen.js";
import { root } from "./root.js";

const PURPOSES = { generator: 0, discriminator: 1, real: 2, latents: 3, between: 4, shown: 5 };

/** Mixes the bits of a 32-bit integer (the finalizer of MurmurHash3). */
function mix(h) {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export class Random {
  /**
   * @param {number} seed
   * @param {string} purpose one of a few, such as "latents"; a network's name for its weights
   * @param {number} step
   */
  constructor(seed, purpose, step = 0) {
    this.state = [seed, chosen(PURPOSES, purpose, "purpose"), step].reduce((h, part) => mix(h ^ mix(part + 0x9e3779b9)), 0x2545f491);
    this.spare = null;
  }

  /** A number of [0, 1): mulberry32. */
  uniform() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** A number of N(0, 1): Box and Muller. */
  normal() {
    if (this.spare !== null) {
      const z = this.spare;
      this.spare = null;
      return z;
    }
    const radius = root(-2 * Math.log(1 - this.uniform())), angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Fills an array with numbers of N(0, 1). */
  normals(array) {
    for (let j = 0; j < array.length; j++) array[j] = this.normal();
    return array;
  }
}
