/**
 * The worker of the page that trains. It trains in bursts, listens in between, and answers each
 * request for a frame as soon as frames have not taken more than their share of the time.
 *
 * Orders: start {runs, points}, rates {runs}, train {until}, pause, step, slow, frame {wanted}.
 */
import { Run } from "../engine/training.js";
import { View } from "../engine/view.js";

const BURST = 25; // milliseconds
const SHARE = 4; // times as long for training as for what is shown

let runs = [], views = [], stages = null, until = 0, request = null, quiet = 0, told = 0, waiting = false;

const isTraining = () => runs.length > 0 && runs[0].steps < until && !runs.some((run) => run.lost);

/** Goes to the end of a step that has been begun arrow by arrow. */
function finishStep() {
  for (const one of stages ?? []) while (!one.next().done);
  stages = null;
}

function step() {
  finishStep();
  for (const run of runs) run.step();
}

const ORDERS = {
  start({ runs: settings, points }) {
    runs = settings.map((one) => new Run(one, points));
    views = runs.map((run) => new View(run));
    stages = null;
    until = quiet = told = 0;
  },
  rates: ({ runs: settings }) => settings.forEach((one, k) => runs[k].setRates(one)),
  train(order) {
    until = order.until;
  },
  pause() {
    until = 0;
  },
  step() {
    until = 0;
    if (stages) finishStep();
    else step();
  },
  slow() {
    until = 0;
    stages ??= runs.map((run) => run.stages());
    const next = stages.map((one) => one.next());
    if (next[0].done) {
      stages = null;
      return ORDERS.slow();
    }
    const seen = next.map(({ value }, k) => {
      const now = { ...value, ...views[k].stage(value) };
      return { ...now, after: now.after?.() };
    });
    postMessage({ stages: seen });
  },
  frame({ wanted, every }) {
    request = { wanted, every };
  },
};

function answer() {
  const begin = performance.now(), { wanted } = request;
  request = null;
  const frames = views.map((view, k) => {
    const { discriminator, generator } = runs[k].history;
    const news = { since: told, discriminator: discriminator.slice(told), generator: generator.slice(told) };
    return { ...view.frame(wanted), news };
  });
  told = runs[0].steps;
  postMessage({ frames });
  quiet = performance.now() + SHARE * (performance.now() - begin);
}

/** Works for a burst, and comes again while there is something to do. */
function work() {
  waiting = false;
  const end = performance.now() + BURST;
  while (isTraining() && performance.now() < end) step();
  const due = request && (!isTraining() || (performance.now() >= quiet && runs[0].steps - told >= request.every));
  if (due) answer();
  if (isTraining() || request) wake();
}

function wake() {
  if (!waiting) setTimeout(work);
  waiting = true;
}

onmessage = ({ data: { order, ...rest } }) => {
  ORDERS[order](rest);
  wake();
};
