/**
 * What a run can be given: names, values and limits in one place, for the controls, the links and the
 * training. A setting is a choice among `options`, or a number from `low` to `high`.
 */

const RATES = { options: ["0.0001", "0.0002", "0.0005", "0.001", "0.002", "0.005", "0.01", "0.03", "0.1", "0.3"] };

/** `shared`: of both runs that stand beside each other. `live`: acts at once, without a new start. */
export const SETTINGS = {
  data: { options: ["ring", "grid", "spiral", "moons", "drawn"], value: "ring", shared: true },
  batch: { low: 8, high: 512, whole: true, value: 128, shared: true },
  seed: { low: 0, high: 9999, whole: true, value: 0, shared: true },
  loss: {
    options: ["non_saturating", "minimax", "least_squares", "hinge", "wasserstein", "relativistic"],
    value: "non_saturating",
  },
  smoothing: { low: 0, high: 0.45, value: 0 },
  penalty: { options: ["none", "r1", "r2", "r1r2", "wgan_gp", "clip"], value: "r1" },
  weight: { low: 0, high: 100, value: 0.1 },
  k: { low: 1, high: 10, whole: true, value: 1 },
  optimizer: { options: ["adam0", "adam5", "adam9", "sgd", "momentum"], value: "adam0" },
  g_rate: { ...RATES, value: "0.001", live: true },
  d_rate: { ...RATES, value: "0.002", live: true },
};

/** What the colour of the ground can show: what this discriminator says, the best one, or nothing. */
export const GROUNDS = ["own", "best", "none"];

/** Returns the settings that hold where nobody chose. */
export const defaults = () => Object.fromEntries(Object.entries(SETTINGS).map(([name, one]) => [name, one.value]));

/** Returns a value as its setting allows it, or undefined where it is none of its values. */
export function allowed(name, text) {
  const one = SETTINGS[name];
  if (one.options) return one.options.find((option) => option === text || Number(option) === Number(text));
  const value = Number(text);
  if (String(text).trim() === "" || !(value >= one.low && value <= one.high)) return undefined;
  return one.whole ? Math.round(value) : value;
}

/**
 * Reads the settings of a link, such as `loss=minimax&penalty=none`. A name that begins with `b.`
 * belongs to the second run, which has the first one's settings but for these.
 *
 * @returns {{runs: object[], points: number[][], ground: string, unknown: string[]}} the settings of one
 *   run or two, the reader's own points, what the ground shows, and what was not understood
 */
export function readLink(text) {
  const first = defaults(), second = {}, unknown = [];
  let points = [], ground;
  for (const [name, value] of new URLSearchParams(text.replace(/^#/, ""))) {
    const own = name.startsWith("b.") ? name.slice(2) : name;
    const fits = Object.hasOwn(SETTINGS, own) && !(own !== name && SETTINGS[own].shared);
    const read = fits ? allowed(own, value) : undefined;
    if (name === "points") points = readPoints(value);
    else if (name === "ground" && GROUNDS.includes(value)) ground = value;
    else if (read === undefined) unknown.push(`${name}=${value}`);
    else if (own === name) first[own] = read;
    else second[own] = read;
  }
  const runs = Object.keys(second).length ? [first, { ...first, ...second }] : [first];
  return { runs, points, ground, unknown };
}

/** Returns the link of one run or two: what differs from the defaults, or from the first run. */
export function writeLink(runs, points = []) {
  const parts = new URLSearchParams(), usual = defaults();
  for (const name of Object.keys(SETTINGS)) {
    if (runs[0][name] !== usual[name]) parts.set(name, runs[0][name]);
  }
  for (const name of runs[1] ? Object.keys(SETTINGS) : []) {
    if (runs[1][name] !== runs[0][name]) parts.set(`b.${name}`, runs[1][name]);
  }
  if (runs[0].data === "drawn") parts.set("points", writePoints(points));
  return parts.toString();
}

const LEVELS = 36 * 36 - 1, REACH = 3; // two digits of base 36 a coordinate, from −3 to 3

function writePoints(points) {
  const digits = (x) => Math.round(((x + REACH) / (2 * REACH)) * LEVELS).toString(36).padStart(2, "0");
  return points.flat().map(digits).join("");
}

function readPoints(text) {
  const number = (digits) => (parseInt(digits, 36) / LEVELS) * 2 * REACH - REACH;
  const found = text.match(/[0-9a-z]{4}/g) ?? [];
  return found.slice(0, 400).map((four) => [number(four.slice(0, 2)), number(four.slice(2))]);
}
