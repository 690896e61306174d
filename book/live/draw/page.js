/** The page that draws: a generator of the book, its latents under the reader's fingers. */
import { palette } from "../canvas.js";
import { digits } from "../digits.js";
import { Generator } from "../engine/latents.js";
import { drag } from "../pointer.js";

const HOME = document.currentScript.src; // the weights lie beside the script
const NAMES = {
  fashion_dcgan: "garments, chapter 7",
  fashion_conditional: "garments on demand, chapter 9",
  emoji_dcgan: "emoji faces, chapter 8",
};
const SIZES = { fashion_dcgan: "0.9 MB", fashion_conditional: "1.2 MB", emoji_dcgan: "1.9 MB" };
const STOPS = 9; // images of the strip
const USUAL = { a: 0, b: 1, blend: 0.5, truncation: 1, class: 0 };

let pages = 0;

/** Loads a generator's script, once; a script and not a request, so that it works from a file. */
const loaded = {};
const load = (name) =>
  (loaded[name] ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(`live_${name}.js`, HOME);
    script.onload = () => resolve(new Generator(globalThis.liveGenerators[name]));
    script.onerror = reject;
    document.head.append(script);
  }));

class Page {
  constructor(root) {
    this.root = root;
    this.id = `live-draw-${++pages}`;
    this.brief = root.classList.contains("live-brief"); // without the sliders of the directions
    const offer = document.createElement("div");
    offer.innerHTML = `<p class="live-offer"><button type="button">Draw here: load the network</button>
      <span role="status" aria-live="polite">${this.brief ? SIZES.fashion_dcgan : ""}</span></p>`;
    offer.className = "live-ready";
    root.append(offer);
    const button = offer.querySelector("button");
    if (!this.brief) {
      button.insertAdjacentHTML("beforebegin", `<label>Generator <select>${Object.entries(NAMES)
        .map(([name, text]) => `<option value="${name}">${text} (${SIZES[name]})</option>`)
        .join("")}</select></label> `);
    }
    button.onclick = () => this.open(offer.querySelector("select")?.value ?? "fashion_dcgan", offer);
    if (!this.brief) {
      addEventListener("hashchange", () => this.read());
      const given = new URLSearchParams(location.hash.slice(1)).get("net");
      if (given in NAMES) offer.querySelector("select").value = given;
    }
  }

  async open(name, offer) {
    const said = offer.querySelector("[role=status]");
    offer.querySelector("button").disabled = true;
    said.textContent = "Loading …";
    try {
      this.generator = await load(name);
    } catch {
      said.textContent = "The file with the weights could not be read.";
      delete loaded[name];
      offer.querySelector("button").disabled = false;
      return;
    }
    this.name = name;
    this.build();
  }

  build() {
    const { brief, id, generator } = this, last = generator.seeds.length - 1;
    const number = (name, label) =>
      `<label for="${id}-${name}">${label}</label><input type="number" id="${id}-${name}" data-name="${name}" min="0" max="${last}"><span></span>`;
    const slider = (name, label, low, high, step) =>
      `<label for="${id}-${name}">${label}</label><input type="range" id="${id}-${name}" data-name="${name}"
        min="${low}" max="${high}" step="${step}"><output for="${id}-${name}"></output>`;
    const directions = generator.directions.map((_, k) => slider(`d${k + 1}`, `Direction ${k + 1}`, -6, 6, 0.25));
    const choice = `<label for="${id}-net">Generator</label><select id="${id}-net">${Object.entries(NAMES)
      .map(([name, text]) => `<option value="${name}">${text}</option>`)
      .join("")}</select><span></span>`;
    const kind = `<label for="${id}-class" hidden>Class</label><select id="${id}-class" data-name="class" hidden></select><span hidden></span>`;
    this.root.innerHTML = `<canvas class="live-strip" role="img"></canvas>
      <div class="live-draw-body"><canvas class="live-image" role="img"></canvas>
      <div><div class="live-sliders">${brief ? "" : choice + kind}${slider("blend", "From the first to the last", 0, 1, 0.01)}
      ${number("a", "Seed of the first")}${number("b", "Seed of the last")}
      ${brief ? "" : slider("truncation", "Truncation ψ", 0, 1.5, 0.05) + directions.join("")}</div>
      <p class="live-foot"><button type="button" data-do="others">Two others</button>
      ${brief ? '<a href="live_draw.html">Its other controls, and what is to be seen</a>' : '<button type="button" data-do="back">Directions to zero</button> <a class="live-link">Link to these settings</a>'}</p></div></div>
      <p class="live-verdict" role="status" aria-live="polite"></p>`;
    this.root.classList.add("live-ready");
    this.controls = [...this.root.querySelectorAll("[data-name]")];
    [this.strip, this.image] = this.root.querySelectorAll("canvas");
    for (const control of this.controls) control.oninput = () => this.draw();
    for (const button of this.root.querySelectorAll("[data-do]")) button.onclick = () => this[button.dataset.do]();
    const net = this.root.querySelector(`#${id}-net`);
    if (net) {
      net.value = this.name;
      net.onchange = () => this.turn(net.value);
    }
    // dragging along the strip goes from one seed to the other
    drag(this.strip, (u) => {
      this.control("blend").value = (u * STOPS - 0.5) / (STOPS - 1);
      this.draw();
    });
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this.name_classes();
    this.read();
    this.control("blend").focus({ preventScroll: true });
  }

  /** Offers the classes of the generator; without any, the choice is not there. */
  name_classes() {
    const choice = this.control("class"), { classNames } = this.generator;
    if (!choice) return;
    choice.replaceChildren(...classNames.map((name, label) => new Option(name, label)));
    for (const one of [choice, choice.previousElementSibling, choice.nextElementSibling]) one.hidden = !classNames.length;
  }

  control(name) {
    return this.controls.find((one) => one.dataset.name === name);
  }

  read() {
    if (!this.controls) return;
    const given = new URLSearchParams(this.brief ? "" : location.hash.slice(1));
    const set = () => {
      for (const control of this.controls) control.value = given.get(control.dataset.name) ?? USUAL[control.dataset.name] ?? 0;
    };
    set();
    const name = given.get("net");
    if (name in NAMES && name !== this.name) this.turn(name, set);
    else this.draw();
  }

  /** Goes over to another generator. */
  async turn(name, set) {
    this.generator = await load(name);
    this.name = name;
    this.root.querySelector(`#${this.id}-net`).value = name;
    this.name_classes();
    set?.();
    this.draw();
  }

  others() {
    const count = this.generator.seeds.length, next = (Number(this.control("b").value) + 1) % count;
    this.control("a").value = next;
    this.control("b").value = (next + 1) % count;
    this.draw();
  }

  back() {
    for (const control of this.controls) if (/^d\d/.test(control.dataset.name)) control.value = 0;
    this.draw();
  }

  get settings() {
    const found = { ...USUAL, shares: [] }, count = this.generator.seeds.length;
    for (const { dataset: { name }, value } of this.controls) {
      if (/^d\d/.test(name)) found.shares[name.slice(1) - 1] = Number(value);
      else if (name === "a" || name === "b") found[name] = Math.max(0, Math.min(count - 1, Math.round(Number(value) || 0)));
      else found[name] = Number(value);
    }
    return found;
  }

  draw() {
    const { settings, generator } = this, latents = generator.latents(settings);
    for (const one of this.controls) if (one.type === "range") one.nextElementSibling.value = digits(Number(one.value));
    paint(this.image, generator, [generator.image(latents, settings.class)]);
    this.fillStrip(settings);
    const { a, b, blend, truncation, shares } = settings;
    const moved = shares.flatMap((share, k) => (share ? [`direction ${k + 1}: ${share > 0 ? "+" : ""}${digits(share)}`] : []));
    const kind = generator.classNames[settings.class];
    const text =
      `${kind ? `${kind}: ` : ""}${Math.round(100 * blend)}% of the way from seed ${a} to seed ${b}` +
      `${this.brief ? "" : `, truncation ${digits(truncation)}`}${moved.map((one) => `, ${one}`).join("")}. ` +
      `The latent vector has length ${digits(Math.hypot(...latents), 1)}; a random one has about ${digits(Math.sqrt(generator.dimension), 1)}.`;
    const said = this.root.querySelector(".live-verdict");
    if (said.textContent !== text) said.textContent = text;
    this.image.setAttribute("aria-label", `Generated image. ${text}`);
    this.strip.setAttribute("aria-label", `${STOPS} generated images in equal steps from seed ${a} to seed ${b}; a frame marks the stop nearest to the large image.`);
    const link = this.root.querySelector(".live-link"), values = this.controls.map((one) => [one.dataset.name, one.value]);
    if (link) link.href = `#${new URLSearchParams([["net", this.name], ...values.filter(([name, value]) => Number(value) !== (USUAL[name] ?? 0))])}`;
  }

  /** The strip: what does not change with the place on it is computed once, an image at a time. */
  fillStrip(settings) {
    const { generator } = this, key = JSON.stringify([this.name, { ...settings, blend: 0 }]);
    const show = () => paint(this.strip, generator, this.images, Math.round(settings.blend * (STOPS - 1)), palette(this.strip).text);
    this.now = settings;
    if (this.key === key) return show();
    this.key = key;
    this.images = new Array(STOPS).fill(null);
    const next = (k) => {
      if (this.key !== key || k === STOPS) return;
      this.images[k] = generator.image(generator.latents({ ...settings, blend: k / (STOPS - 1) }), settings.class);
      const nearest = Math.round(this.now.blend * (STOPS - 1));
      paint(this.strip, generator, this.images, nearest, palette(this.strip).text);
      setTimeout(next, 0, k + 1);
    };
    next(0);
  }
}

/** Puts images beside each other, pixel by pixel; the page enlarges them. A frame marks one of several. */
function paint(canvas, { height, width, channels }, images, marked, colour) {
  const gap = images.length > 1 ? 4 : 0, wide = width + gap;
  canvas.width = images.length * wide;
  canvas.height = height + gap;
  const context = canvas.getContext("2d");
  images.forEach((image, k) => {
    if (!image) return;
    const pixels = new ImageData(width, height);
    for (let p = 0; p < width * height; p++) {
      for (let c = 0; c < 3; c++) pixels.data[4 * p + c] = image[p * channels + (channels === 3 ? c : 0)];
      pixels.data[4 * p + 3] = 255;
    }
    context.putImageData(pixels, k * wide + gap / 2, gap / 2);
  });
  if (marked === undefined) return;
  context.strokeStyle = colour;
  context.strokeRect(marked * wide + 0.5, 0.5, width + 3, height + 3);
}

for (const root of document.querySelectorAll(".live-draw")) new Page(root);
