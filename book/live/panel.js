/** What the pages of pictures and sliders share: controls, their link, the words, a pointer that moves sliders. */
import { digits } from "./digits.js";
import { drag } from "./pointer.js";

let panels = 0;

export class Panel {
  /**
   * @param {Element} root the block of the page
   * @param {{choices: object, sliders: object, pictures: string[]}} parts choices: name -> [label, {value:
   *   text}]; sliders: name -> [label, low, high, step, value]; the pictures' captions
   */
  constructor(root, { choices = {}, sliders, pictures }) {
    Object.assign(this, { root, choices, sliders });
    const id = `live-panel-${++panels}-`;
    const options = (texts) => Object.entries(texts).map(([value, text]) => `<option value="${value}">${text}</option>`);
    const chosen = Object.entries(choices).map(
      ([name, [label, texts]]) =>
        `<label for="${id}${name}">${label}</label><select id="${id}${name}" data-name="${name}">${options(texts).join("")}</select><span></span>`,
    );
    const slid = Object.entries(sliders).map(
      ([name, [label, low, high, step]]) =>
        `<label for="${id}${name}">${label}</label><input type="range" id="${id}${name}" data-name="${name}"
          min="${low}" max="${high}" step="${step}"><output for="${id}${name}"></output>`,
    );
    root.innerHTML = `<div class="live-three">${pictures
      .map((title) => `<figure><canvas role="img"></canvas><figcaption>${title}</figcaption></figure>`)
      .join("")}</div>
      <p class="live-verdict" role="status" aria-live="polite"></p>
      <div class="live-sliders">${chosen.join("")}${slid.join("")}</div>
      <p class="live-foot"><a class="live-link">Link to these settings</a></p>`;
    this.controls = [...root.querySelectorAll("[data-name]")];
    this.canvases = [...root.querySelectorAll("canvas")];
    for (const control of this.controls) control.oninput = () => this.renew();
    root.classList.add("live-ready");
    addEventListener("hashchange", () => {
      this.read();
      root.scrollIntoView();
    });
    this.read();
    new ResizeObserver(() => this.renew()).observe(root);
    new MutationObserver(() => this.renew()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  /** Moving the pointer over a picture, pressed, moves sliders: values(u, v, begins), see `drag`. */
  drag(canvas, values, handles) {
    const move = (...where) => {
      for (const [name, value] of Object.entries(values(...where))) this.control(name).value = value;
      this.renew();
    };
    drag(canvas, move, handles);
  }

  control(name) {
    return this.controls.find((one) => one.dataset.name === name);
  }

  /** Takes the settings of the page's address. */
  read() {
    const given = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    for (const control of this.controls) {
      const { name } = control.dataset;
      const usual = this.choices[name] ? Object.keys(this.choices[name][1])[0] : this.sliders[name][4];
      control.value = given.get(name) ?? usual;
      if (control.value === "") control.value = usual;
    }
    this.renew();
  }

  get settings() {
    return Object.fromEntries(
      this.controls.map((one) => [one.dataset.name, one.type === "range" ? Number(one.value) : one.value]),
    );
  }

  /** Draws the pictures of now; `draw` of a page returns what is said of them: a text, and one for each picture. */
  renew() {
    const { settings } = this;
    for (const one of this.controls) if (one.type === "range") one.nextElementSibling.value = digits(Number(one.value), one.step < 1 ? 2 : 0);
    const [text, ...labels] = this.draw(settings), said = this.root.querySelector(".live-verdict");
    if (said.textContent !== text) said.textContent = text;
    labels.forEach((label, k) => this.canvases[k].setAttribute("aria-label", label));
    this.root.querySelector(".live-link").href = `#${new URLSearchParams(Object.entries(settings))}`;
  }
}
