/**
 * Measures what `index.html` says. See README.md beside it.
 *
 * TensorFlow.js has no gradient of the gradient of a leaky ReLU (it asks for one of `Greater`), so
 * the network there is written with relu(x) − 0.2 relu(−x), which is the same function.
 */
import { defaults } from "../../book/live/engine/settings.js";
import { Run } from "../../book/live/engine/training.js";

const { tf } = globalThis;
const BATCH = 128, WIDTH = 64, STRETCH = 1000, STRETCHES = 5;

/** Steps per second: the median of some stretches, after a first one that does not count. */
async function speed(step) {
  const rates = [];
  for (let k = 0; k <= STRETCHES; k++) {
    let steps = 0;
    const begin = performance.now();
    while (performance.now() - begin < STRETCH) {
      await step();
      steps++;
    }
    if (k) rates.push((1000 * steps) / (performance.now() - begin));
    await new Promise((resolve) => setTimeout(resolve));
  }
  return rates.sort((a, b) => a - b)[(STRETCHES - 1) / 2];
}

function ours(penalty) {
  const run = new Run({ ...defaults(), penalty });
  return () => run.step();
}

/** Two networks and their step in TensorFlow.js. */
function theirs(penalty) {
  const layers = (outputs) =>
    [2, WIDTH, WIDTH, WIDTH].map((inputs, k) => ({
      kernel: tf.variable(tf.randomNormal([inputs, k < 3 ? WIDTH : outputs], 0, Math.sqrt(2 / inputs))),
      bias: tf.variable(tf.zeros([k < 3 ? WIDTH : outputs])),
    }));
  const apply = (weights, x, activation) =>
    weights.reduce((h, { kernel, bias }, k) => {
      const y = h.matMul(kernel).add(bias);
      return k < weights.length - 1 ? activation(y) : y;
    }, x);
  const leaky = (x) => tf.relu(x).sub(tf.relu(x.neg()).mul(0.2));
  const generator = layers(2), discriminator = layers(1);
  const G = (z) => apply(generator, z, tf.relu), D = (x) => apply(discriminator, x, leaky);
  const flat = (weights) => weights.flatMap(({ kernel, bias }) => [kernel, bias]);
  const optimizers = [tf.train.adam(0.002, 0, 0.99), tf.train.adam(0.001, 0, 0.99)];
  const discriminatorLoss = () => {
    const real = tf.randomNormal([BATCH, 2]), fake = G(tf.randomNormal([BATCH, 2]));
    const loss = tf.softplus(D(real).neg()).mean().add(tf.softplus(D(fake)).mean());
    if (penalty === "none") return loss;
    const slopes = tf.grad((x) => D(x).sum())(real);
    return loss.add(slopes.square().sum().mul(0.1 / 2 / BATCH));
  };
  const generatorLoss = () => tf.softplus(D(G(tf.randomNormal([BATCH, 2]))).neg()).mean();
  return async () => {
    optimizers[0].minimize(discriminatorLoss, false, flat(discriminator));
    const loss = optimizers[1].minimize(generatorLoss, true, flat(generator));
    await loss.data(); // until the numbers are there
    loss.dispose();
  };
}

function row(name, rates) {
  const cells = [name, ...rates.map((rate) => (typeof rate === "number" ? rate.toFixed(1) : rate))];
  document.querySelector("#rows").insertRow().append(...cells.map((text) => {
    const cell = document.createElement("td");
    cell.textContent = text;
    return cell;
  }));
}

async function main() {
  document.querySelector("#where").textContent = navigator.userAgent;
  const kinds = ["none", "r1"], found = [];
  for (const kind of kinds) found.push(await speed(ours(kind)));
  row("the book's, one thread", found);
  tf?.wasm?.setWasmPaths("node_modules/@tensorflow/tfjs-backend-wasm/dist/");
  for (const backend of tf ? ["cpu", "wasm", "webgl"] : []) {
    const rates = [];
    for (const kind of kinds) {
      try {
        if (!(await tf.setBackend(backend))) throw new Error("not available here");
        rates.push(await speed(theirs(kind)));
      } catch (error) {
        rates.push(error.message.slice(0, 60));
      }
    }
    row(`TensorFlow.js ${tf.version.tfjs}, ${backend}`, rates);
  }
  document.querySelector("#state").textContent = tf ? "Done." : "Done, without TensorFlow.js: see README.md.";
}

main();
