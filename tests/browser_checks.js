// What tests/test_browser.py asks of a page, from within. Each function returns a list of complaints.
(() => {
  const tag = (e) => `<${[e.tagName.toLowerCase(), ...e.classList].join(" ")}>`;
  const name = (e) => `${tag(e)} ${e.textContent.replace(/\s+/g, " ").trim().slice(0, 50)}`;
  const visible = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  // The boxes that a reader must see in full: lines of text, and things that are not text.
  function* boxes() {
    const things = "img, svg, canvas, video, input, button, select, mjx-container, iframe";
    for (const e of document.body.querySelectorAll(things)) {
      if (visible(e)) yield [e, e.getBoundingClientRect(), e.parentElement];
    }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || parent.closest("script, style, noscript")) continue;
      if (parent.closest("mjx-container") || !visible(parent)) continue;
      range.selectNodeContents(walker.currentNode);
      yield [parent, range.getBoundingClientRect(), parent];
    }
  }

  // Widens the question from a box to the scroll box around it: what scrolls by itself is whole.
  function cutBy(box, around) {
    for (let e = around; e && e !== document.body; e = e.parentElement) {
      const style = getComputedStyle(e);
      const edge = e.getBoundingClientRect();
      if (edge.width <= 1 || style.clipPath !== "none") return null; // for screen readers only
      if (style.overflowX !== "visible" && style.display !== "inline") {
        const scrolls = /auto|scroll/.test(style.overflowX);
        const outside = box.right > edge.right + 1.5 || box.left < edge.left - 1.5;
        if (outside && !scrolls) return e;
        if (outside) box = edge;
      }
      if (style.position === "fixed" && (edge.right <= 0 || edge.left >= innerWidth)) return null;
    }
    const width = document.documentElement.clientWidth;
    return box.right > width + 1.5 || box.left < -1.5 ? document.documentElement : null;
  }

  function layout() {
    const root = document.scrollingElement;
    const complaints = [];
    if (root.scrollWidth > root.clientWidth) {
      complaints.push(`the page scrolls sideways: ${root.scrollWidth} in ${root.clientWidth} pixels`);
    }
    const reported = new Set();
    for (const [element, box, around] of boxes()) {
      const cutter = box.width && cutBy(box, around);
      if (!cutter || reported.has(cutter)) continue;
      reported.add(cutter);
      const where = cutter === document.documentElement ? "the window" : tag(cutter);
      complaints.push(`cut off by ${where}: ${name(element)}`);
    }
    return complaints;
  }

  function mathematics() {
    const wanted = document.querySelectorAll(".math").length;
    const found = document.querySelectorAll(".math mjx-container").length;
    const complaints = [...document.querySelectorAll("mjx-merror")].map((e) => `TeX error: ${name(e)}`);
    if (wanted !== found) complaints.push(`${found} of ${wanted} equations are typeset`);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const tex = /\\[([]|\\begin\{|\$[^$\n]+\$/;
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      if (parent.closest("pre, code, script, style, mjx-container")) continue;
      if (tex.test(walker.currentNode.data) && visible(parent)) {
        complaints.push(`raw TeX: ${name(parent)}`);
      }
    }
    return complaints;
  }

  function widgets() {
    const views = 'script[type="application/vnd.jupyter.widget-view+json"]';
    const wanted = document.querySelectorAll(views).length;
    const found = document.querySelectorAll(".widget-subarea > *").length;
    return wanted === found ? [] : [`${found} of ${wanted} widgets are drawn`];
  }

  // One element of each combination of what decides its contrast: axe needs seconds for all of them.
  function samples() {
    const found = new Map();
    const grounds = new Map();
    const ground = (e) => {
      if (!e) return "";
      if (!grounds.has(e)) {
        const { backgroundColor, backgroundImage, opacity, filter } = getComputedStyle(e);
        const own = [backgroundColor, backgroundImage, opacity, filter].join();
        const clear = own === "rgba(0, 0, 0, 0),none,1,none";
        grounds.set(e, (clear ? "" : own) + ground(e.parentElement));
      }
      return grounds.get(e);
    };
    for (const e of document.body.querySelectorAll(":not(script, style, mjx-container *)")) {
      if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !visible(e)) continue;
      const { color, fontSize, fontWeight } = getComputedStyle(e);
      const key = [color, fontSize, fontWeight, ground(e)].join("|");
      if (!found.has(key)) found.set(key, e);
    }
    return [...found.values()];
  }

  // Takes away what axe would look at a thousand times: the parts of formulas that do not scroll,
  // and all but the first of the equally coloured words of code.
  function thin() {
    for (const e of document.querySelectorAll("mjx-container")) {
      if (e.scrollWidth <= e.clientWidth) e.replaceWith("x");
    }
    const kept = new Set();
    for (const e of document.querySelectorAll("pre span[class]:not(:has(*))")) {
      if (kept.has(e.className)) e.replaceWith(e.textContent);
      kept.add(e.className);
    }
    return [];
  }

  const standards = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const options = { resultTypes: ["violations"], preload: false };

  async function violations(context, more) {
    const { violations } = await axe.run(context, { ...options, ...more });
    return violations.flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map((n) => {
        const reasons = [...n.any, ...n.all, ...n.none].map((check) => check.message);
        return `axe ${id}: ${n.html.slice(0, 120)}: ${reasons[0]}`;
      }),
    );
  }

  async function contrast(theme) {
    const root = document.documentElement;
    for (let i = 0; i < 60 && root.dataset.theme !== theme; i++) await new Promise(requestAnimationFrame);
    if ((root.dataset.theme ?? theme) !== theme) return [`the theme does not turn ${theme}`];
    return violations({ include: samples() }, { runOnly: ["color-contrast"] });
  }

  const structure = () =>
    violations(document, { runOnly: standards, rules: { "color-contrast": { enabled: false } } });

  // What fades from one colour to another is caught in between.
  const still = "*, ::before, ::after { transition: none !important; }";
  document.addEventListener("DOMContentLoaded", () => {
    document.head.append(Object.assign(document.createElement("style"), { textContent: still }));
  });

  window.bookChecks = { layout, mathematics, widgets, thin, structure, contrast };
})();
