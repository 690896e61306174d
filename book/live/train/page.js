/** The page that trains a GAN in the plane: its controls, its pictures, and the words for both. */
import { allowed, defaults, GROUNDS, readLink, SETTINGS, writeLink } from "../engine/settings.js";
import { HALF } from "../engine/plane.js";
import { drawLosses, drawRun } from "./picture.js";
import { ARROWS, arrowOf, describe, facts, LABELS, OPTIONS, sentence } from "./words.js";

const STRETCH = 2000; // steps of one press on Train, so that a forgotten page comes to rest
const SAID = 5000; // milliseconds from one text for screen readers to the next, while it trains
const MOST_POINTS = 400;
const GROUND_TEXTS = { own: "what the discriminator says", best: "what the best one would say", none: "nothing" };
const SHOWN = { points: "points", numbers: "numbers", arrows: "arrows", grid: "latent grid" };

const options = (values, texts) => values.map((value) => `<option value="${value}">${texts[value] ?? value}</option>`).join("");

/** The reader's first points, until some are drawn: a figure of eight. */
const eight = () => Array.from({ length: 36 }, (_, k) => [1.8 * Math.cos(k * 0.1745), 1.2 * Math.sin(k * 0.349)]);

let pages = 0;

class Page {
  constructor(root) {
    this.root = root;
    this.name = `live-${++pages}`;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.show = { points: true, numbers: true, arrows: true, grid: false, ground: "own" };
    this.opened = !root.classList.contains("live-brief");
    this.worker = new Worker(URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" })));
    this.worker.onmessage = ({ data }) => (data.frames ? this.take(data.frames) : (this.stages = data.stages));
    this.read();
    addEventListener("hashchange", () => {
      const { hash } = location;
      if (!hash.includes("=") || hash === this.parts.link.hash) return; // the settings of now
      this.read();
      root.scrollIntoView();
    });
    new ResizeObserver(() => this.draw()).observe(root);
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  /** Begins with the settings of the page's address. */
  read() {
    const { runs, points, ground } = readLink(location.hash.includes("=") ? location.hash : "");
    this.runs = runs;
    this.show.ground = ground ?? "own";
    this.points = points.length ? points : eight();
    this.build();
    this.start();
  }

  order(order, values = {}) {
    this.worker.postMessage({ order, ...values });
  }

  // ---- what is on the page ----

  build() {
    const two = this.runs.length === 2;
    this.root.innerHTML = `
      <div class="live-buttons" role="group" aria-label="Training">
        <button type="button" data-do="toggle">Train</button>
        <button type="button" data-do="step">One step</button>
        <button type="button" data-do="slow">Slow: next arrow</button>
        <button type="button" data-do="start">Start anew</button>
      </div>
      <div class="live-slow" hidden>
        <ol class="live-arrows" aria-label="The arrows of one step">${ARROWS.map(
          ([key, text]) => `<li class="${key.split(".")[0]}">${text}</li>`,
        ).join("")}</ol>
        <p class="live-sentence"></p>
      </div>
      <div class="live-body ${two ? "two" : ""}">
        <div>
        <div class="live-pictures">${this.runs.map((_, k) => this.panel(k, two)).join("")}</div>
      <ul class="live-key" aria-label="Marks in the picture">
        <li><span class="real" aria-hidden="true">+</span> real points</li>
        <li><span class="fake" aria-hidden="true">●</span> generated points</li>
        <li><span class="ink" aria-hidden="true">→</span> where the generator’s loss pushes a point</li>
        <li><span aria-hidden="true">—</span> border: as real as generated</li>
      </ul>
      <fieldset class="live-looks"><legend>Show</legend>${Object.entries(SHOWN)
        .map(([name, text]) => `<label><input type="checkbox" data-show="${name}"> ${text}</label>`)
        .join("")}
        <label>colour: <select data-show="ground">${options(GROUNDS, GROUND_TEXTS)}</select></label>
      </fieldset>
        </div>
        <details class="live-more" ${this.opened ? "open" : ""}><summary>Settings</summary>${this.settings(two)}</details>
      </div>
      <p class="live-said" role="status" aria-live="polite"></p>`;
    const all = (selector) => [...this.root.querySelectorAll(selector)];
    const one = (selector) => this.root.querySelector(selector);
    this.parts = {
      play: one("button"), slow: one(".live-slow"), arrows: all(".live-arrows li"), sentence: one(".live-sentence"),
      said: one(".live-said"), link: one(".live-link"), count: one(".live-count"),
      panels: all(".live-panel").map((box) => [...box.querySelectorAll("canvas, .live-words")]),
    };
    for (const button of all("[data-do]")) button.onclick = () => this[button.dataset.do]();
    for (const control of all("[data-show]")) {
      const name = control.dataset.show, kind = control.type === "checkbox" ? "checked" : "value";
      control[kind] = this.show[name];
      control.onchange = () => {
        this.show[name] = control[kind];
        this.refresh();
      };
    }
    for (const control of all("[data-setting]")) {
      const { setting: name, run: k } = control.dataset;
      control.value = this.runs[k][name];
      control.onchange = () => {
        const value = allowed(name, control.value) ?? this.runs[k][name];
        control.value = value;
        if (value !== this.runs[k][name]) this.set(name, Number(k), value);
      };
    }
    one("details").ontoggle = ({ target }) => {
      this.opened = target.open;
    };
    if (this.runs[0].data === "drawn") this.parts.panels.forEach(([canvas]) => this.pencil(canvas));
    this.root.classList.add("live-ready");
    this.label();
  }

  /** A run's picture, its numbers and its losses. */
  panel(k, two) {
    return `<div class="live-panel">${two ? `<p class="live-title">Run ${"AB"[k]}</p>` : ""}
      <canvas class="live-plane" role="img"></canvas>
      <p class="live-words"></p>
      <canvas class="live-losses" role="img"></canvas>
      <p class="live-legend"><span class="d">discriminator’s loss</span> <span class="g">generator’s loss</span></p>
    </div>`;
  }

  /** The settings: one column for each run, one value for what both share. */
  settings(two) {
    const rows = Object.entries(SETTINGS).map(([name, { options: values, low, high, whole, shared }]) => {
      const columns = shared || !two ? [0] : [0, 1];
      const controls = columns.map((k) => {
        const attributes =
          `id="${this.name}-${name}-${k}" data-setting="${name}" data-run="${k}" ${shared ? 'class="shared"' : ""} ` +
          (k ? `aria-label="${LABELS[name]}, run B"` : "");
        return values
          ? `<select ${attributes}>${options(values, OPTIONS)}</select>`
          : `<input type="number" min="${low}" max="${high}" step="${whole ? 1 : "any"}" ${attributes}>`;
      });
      return `<label for="${this.name}-${name}-0">${LABELS[name]}</label>${controls.join("")}`;
    });
    return `${this.runs[0].data === "drawn" ? this.drawing() : ""}
      <div class="live-settings">${two ? "<span></span><span>Run A</span><span>Run B</span>" : ""}${rows.join("")}</div>
      <p class="live-foot"><button type="button" data-do="pair">${
        two ? "Take run B away" : "A second run beside it"
      }</button> <a class="live-link">Link to these settings</a></p>`;
  }

  set(name, k, value) {
    for (const [j, run] of this.runs.entries()) if (j === k || SETTINGS[name].shared) run[name] = value;
    if (name === "penalty") this.weigh(k, value);
    if (SETTINGS[name].live) {
      this.order("rates", { runs: this.runs });
      this.label();
      return;
    }
    const wasTraining = this.training;
    if (name === "data") {
      this.build();
      this.root.querySelector('[data-setting="data"]').focus();
    }
    this.label();
    this.start();
    if (wasTraining) this.toggle();
  }

  /** Another penalty wants another weight: those of the papers, or of the book's labs. */
  weigh(k, penalty) {
    const usual = { wgan_gp: 10, clip: 0.1 }[penalty] ?? defaults().weight;
    this.runs[k].weight = usual;
    this.root.querySelector(`#${this.name}-weight-${k}`).value = usual;
  }

  pair() {
    this.runs = this.runs.length === 2 ? [this.runs[0]] : [this.runs[0], { ...this.runs[0] }];
    this.build();
    this.start();
    this.root.querySelector('[data-do="pair"]').focus();
  }

  /** Keeps the link, and greys out what has no effect. */
  label() {
    this.parts.link.href = `#${writeLink(this.runs, this.points) || "data=ring"}`;
    for (const [k, run] of this.runs.entries()) {
      const control = (name) => this.root.querySelector(`#${this.name}-${name}-${k}`);
      control("weight").disabled = run.penalty === "none";
      control("smoothing").disabled = !["minimax", "non_saturating"].includes(run.loss);
    }
  }

  // ---- the reader's own points ----

  /** A finger or a mouse draws on the picture. */
  pencil(canvas) {
    canvas.classList.add("live-pencil");
    const put = (event) => {
      const box = canvas.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * 2 * HALF - HALF;
      const y = HALF - ((event.clientY - box.top) / box.height) * 2 * HALF;
      const last = this.points.at(-1);
      if (last && Math.hypot(last[0] - x, last[1] - y) < 0.07) return;
      if (Math.max(Math.abs(x), Math.abs(y)) < HALF && this.points.length < MOST_POINTS) this.points.push([x, y]);
      this.draw();
    };
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      put(event);
    };
    canvas.onpointermove = (event) => event.buttons && put(event);
    canvas.onlostpointercapture = () => this.drawn();
  }

  drawn() {
    this.label();
    this.start();
    this.parts.count.textContent = this.counted();
  }

  counted() {
    const count = this.points.length;
    return count ? `${count} point${count === 1 ? "" : "s"}, each as likely as the others.` : "No points yet.";
  }

  /** The same without a pointer: two numbers and a button. */
  drawing() {
    const field = (axis) =>
      `<label>${axis} <input type="number" min="-2.9" max="2.9" step="0.1" value="0" data-axis="${axis}"></label>`;
    return `<div class="live-drawing">
      <p>Draw on the picture with the mouse or a finger, or add points by number.
        <span class="live-count">${this.counted()}</span></p>
      ${field("x")} ${field("y")} <button type="button" data-do="add">Add the point</button>
      <button type="button" data-do="wipe">Clear</button></div>`;
  }

  add() {
    const fields = [...this.root.querySelectorAll("[data-axis]")];
    if (this.points.length >= MOST_POINTS || !fields.every((field) => field.reportValidity())) return;
    this.points.push(fields.map((field) => Number(field.value)));
    this.drawn();
  }

  wipe() {
    this.points = [];
    this.drawn();
  }

  // ---- training ----

  start() {
    this.training = false;
    this.frames = this.stages = null;
    this.last = 0;
    this.history = this.runs.map(() => ({ discriminator: [], generator: [] }));
    this.order("start", { runs: this.runs, points: this.points });
    this.refresh();
  }

  toggle() {
    if (this.training) return this.act("pause");
    this.training = true;
    this.stages = null;
    this.until = (Math.floor(this.last / STRETCH) + 1) * STRETCH;
    this.order("train", { until: this.until });
    this.refresh();
  }

  step() {
    this.act("step");
  }

  slow() {
    this.act("slow");
  }

  act(order) {
    this.training = false;
    if (order !== "slow") this.stages = null;
    this.order(order);
    this.refresh();
  }

  /** Renews the words, and asks for a picture; the worker sends it when it has one. */
  refresh() {
    this.tell();
    const { ground } = this.show;
    const wanted = {
      surface: ground === "own", best: ground === "best", arrows: this.show.arrows, grid: this.show.grid,
    };
    this.order("frame", { wanted, every: this.still.matches ? 100 : 0 });
  }

  take(frames) {
    if (frames.length !== this.runs.length) return this.refresh(); // of before a second run came
    this.frames = frames;
    this.last = frames[0].steps;
    frames.forEach(({ news, steps }, k) => {
      const old = this.history[k];
      if (news.since > old.discriminator.length || steps < old.discriminator.length) return;
      for (const player of ["discriminator", "generator"]) {
        old[player].length = Math.min(old[player].length, news.since);
        old[player].push(...news[player]);
      }
    });
    // not what the worker says of itself: this may be a frame of before Train was pressed
    this.training &&= this.last < this.until && !frames.some((one) => one.lost);
    requestAnimationFrame(() => {
      this.draw();
      if (this.training) this.refresh();
      else this.tell();
    });
  }

  draw() {
    if (!this.frames) return;
    const own = this.runs[0].data === "drawn" ? this.points : null;
    this.frames.forEach((frame, k) => {
      const [canvas, , losses] = this.parts.panels[k];
      drawRun(canvas, frame, { show: this.show, stage: this.stages?.[k], own });
      drawLosses(losses, this.history[k], this.last);
    });
  }

  // ---- words ----

  /** Renews the texts: what is seen always, what is said aloud now and then. */
  tell() {
    const { play, slow, arrows, sentence: shown, said, panels } = this.parts;
    play.textContent = this.training ? "Pause" : "Train";
    this.root.dataset.steps = this.last;
    const name = (text, k) => (this.runs.length === 2 ? `Run ${"AB"[k]}: ${text}` : text);
    slow.hidden = !this.stages;
    if (this.stages) {
      const at = arrowOf(this.stages[0]);
      arrows.forEach((item, k) => (k === at ? item.setAttribute("aria-current", "step") : item.removeAttribute("aria-current")));
      const [first, second] = this.stages.map(sentence);
      shown.innerHTML = !second || second === first ? first : [first, second].map(name).join("\n");
    }
    if (!this.frames) return;
    const texts = this.frames.map(describe);
    this.frames.forEach((frame, k) => {
      const [canvas, words, losses] = panels[k];
      const list = facts(frame).map(([what, value]) => `<span>${what} <b>${value}</b></span>`);
      words.innerHTML = frame.lost ? `<strong>${texts[k]}</strong>` : list.join(" ");
      canvas.setAttribute("aria-label", `Real and generated points in the plane: ${texts[k]}`);
      losses.setAttribute("aria-label", `Both losses over ${frame.steps} steps.`);
    });
    const now = performance.now();
    if (!this.training || now - (this.saidAt ?? 0) > SAID) {
      this.saidAt = now;
      const text = this.stages ? shown.textContent : texts.map(name).join(" ");
      if (said.textContent !== text) said.textContent = text;
    }
  }
}

for (const root of document.querySelectorAll(".live-train")) new Page(root);
