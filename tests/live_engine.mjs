// Runs the tasks of tests/test_live.py on the engine in the browser's pages; JSON in, JSON out.
//   node live_engine.mjs FOLDER_OF_THE_ENGINE < tasks.json
import fs from "node:fs";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(process.argv[2] + "/");
const load = (name) => import(new URL(`${name}.js`, folder));
const { Network } = await load("network");
await load("images");
const { Run } = await load("training");
const { DISTRIBUTIONS } = await load("distributions");
const { Random } = await load("random");
const { coverage, View } = await load("view");
const { PENALTIES } = await load("penalties");
const settings = await load("settings");

const FLOATS = { 32: Float32Array, 64: Float64Array };
const list = (array) => (array ? Array.from(array) : array);

const TASKS = {
  // Some steps of a run; what it drew, and the gradients before each step of an optimizer.
  train({ link, float, steps }) {
    const { runs, points, unknown } = settings.readLink(link);
    if (unknown.length) throw new Error(`not understood: ${unknown}`);
    const run = new Run(runs[0], points, FLOATS[float]);
    const networks = { discriminator: run.discriminator, generator: run.generator };
    const values = () => ({ discriminator: list(run.discriminator.values), generator: list(run.generator.values) });
    const answer = { settings: runs[0], first: values(), turns: [] };
    for (let k = 0; k < steps; k++) {
      let turn = {};
      for (const stage of run.stages()) {
        const { player, name } = stage;
        if (name === "update") {
          answer.turns.push({ player, ...turn, after: list(networks[player].values) });
          turn = {};
        } else {
          if (["r1", "r2", "wassersteinGP"].includes(name)) (turn.penalties ??= []).push(stage.value);
          if (name === "loss") turn.loss = stage.value;
          turn.points = list(run.points);
          turn.latents = list(run.latents);
          turn.between = list(run.between);
          turn.gradients = list(networks[player].gradients);
        }
      }
    }
    return { ...answer, last: values(), history: run.history };
  },

  // One network: what it computes, its gradients, and those of a penalty.
  network({ description, values, x, dy, n, float, penalty }) {
    const F = FLOATS[float], network = new Network(description, F);
    network.values.set(values);
    const answer = { y: list(network.forward(F.from(x), n).subarray(0, n * network.outputs)) };
    if (!dy) return answer;
    answer.dx = list(network.backward(F.from(dy), n).subarray(0, n * network.inputs));
    answer.gradients = list(network.gradients);
    network.clear();
    if (penalty) {
      const h = penalty === "wgan_gp" ? new Float64Array(n).fill(1) : undefined; // at x itself
      answer.penalty = Object.values(PENALTIES[penalty])[0](network, F.from(x), F.from(x), n, 1, h);
      answer.penaltyGradients = list(network.gradients);
    }
    return answer;
  },

  sample: ({ data, points, n, at }) => {
    const one = DISTRIBUTIONS[data](points);
    const sample = one.sample(new Random(0, "real"), n);
    return { sample: list(sample), modes: one.modes, std: one.std, density: at.map(([x, y]) => one.density(x, y)) };
  },

  coverage: ({ points, modes, std }) => coverage(Float64Array.from(points), { modes, std }),

  // What a run shows after some steps.
  show({ link, steps }) {
    const { runs, points } = settings.readLink(link), run = new Run(runs[0], points), view = new View(run);
    while (run.steps < steps && !run.lost) run.step();
    const frame = view.frame({ surface: true, arrows: true, grid: true, best: true });
    const { best, arrows, coverage: reached, losses, lost, means, surface, fake } = frame;
    return {
      least: best.loss, best: list(best.probability), surface: list(surface), fake: list(fake), means,
      push: arrows.length, places: list(arrows.points), arrows: list(arrows.arrows),
      reached, losses, lost, steps: run.steps, values: list(run.discriminator.values), history: run.history,
    };
  },

  // A run that is looked at after each of its arrows, as a slow step is.
  watch({ link, steps }) {
    const { runs, points } = settings.readLink(link), run = new Run(runs[0], points), view = new View(run);
    for (let k = 0; k < steps; k++) {
      for (const stage of run.stages()) {
        view.stage(stage);
        view.frame({ surface: true, arrows: true, grid: true, best: true });
        if (stage.after) stage.after();
      }
    }
    return { discriminator: list(run.discriminator.values), generator: list(run.generator.values) };
  },

  // The runs of a link, until the last of them has reached so many modes, or for so many steps; the way
  // that the centre of the generated points has gone, looked at every ten steps, is its path.
  claim({ link, steps, reached = Infinity }) {
    return settings.readLink(link).runs.map((chosen) => {
      const run = new Run(chosen), view = new View(run);
      let path = 0, last = null, frame;
      while (run.steps < steps && !run.lost && !(frame?.coverage.reached >= reached)) {
        for (let k = 0; k < 10; k++) run.step();
        frame = view.frame({ arrows: true, best: run.steps >= steps });
        const centre = [0, 1].map((axis) => frame.fake.reduce((sum, x, j) => sum + (j % 2 === axis ? x : 0), 0));
        const now = centre.map((sum) => (2 * sum) / frame.fake.length);
        if (last) path += Math.hypot(now[0] - last[0], now[1] - last[1]);
        last = now;
      }
      const { coverage: modes, arrows, losses, best } = frame;
      return { steps: run.steps, lost: run.lost, ...modes, arrow: arrows.length, loss: losses.discriminator, least: best?.loss, path };
    });
  },

  links: ({ texts }) => texts.map((text) => {
    const { runs, points, unknown } = settings.readLink(text);
    return { runs, points, unknown, again: settings.writeLink(runs, points) };
  }),
};

const tasks = JSON.parse(fs.readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(tasks.map(({ task, ...options }) => TASKS[task](options))));
