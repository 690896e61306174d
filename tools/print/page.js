// What the printed page needs done in the browser: formulas set, what is too wide made to fit, and
// a list of what is not as it should be.
window.bookPrint = (() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const article = () => document.querySelector("article");
  const KEEP = 280; // pixels: a lower box stays on one page, a higher one may break
  const SMALLEST = 0.55; // share of its size to which a table or formula may be reduced

  // Paper is as narrow as a tablet, but is read from as near as a book: it takes no rules for
  // narrow screens, nor any for wide ones.
  function forgetWidths() {
    for (const sheet of document.styleSheets) {
      for (let k = sheet.cssRules.length - 1; k >= 0; k--) {
        const rule = sheet.cssRules[k];
        if (rule instanceof CSSMediaRule && /width|height/.test(rule.conditionText)) {
          sheet.deleteRule(k);
        }
      }
    }
  }

  async function typeset() {
    await MathJax.startup.promise;
    await MathJax.typesetPromise();
    for (const item of MathJax.startup.document.math) {
      item.typesetRoot.setAttribute("role", "img");
      item.typesetRoot.setAttribute("aria-label", item.math.trim());
    }
    await Promise.all([...document.images].map((image) => {
      image.loading = "eager";
      return image.decode().catch(() => null);
    }));
    await document.fonts.ready;
  }

  // A display formula's container is as wide as the text, so what counts is the formula in it.
  function fit() {
    const complaints = [];
    const reduce = (element, ratio, what) => {
      if (ratio < SMALLEST) complaints.push(`${what} does not fit: ${name(element)}`);
      return ratio;
    };
    for (const math of all(".math > mjx-container")) {
      const room = math.hasAttribute("display") ? math : math.closest("p, li, td, th, dd, section, article");
      const ratio = (room.clientWidth - 1) / math.querySelector("mjx-math").offsetWidth;
      if (ratio < 1) {
        const size = parseFloat(getComputedStyle(math).fontSize);
        math.style.fontSize = `${size * reduce(math, ratio, "a formula")}px`;
      }
    }
    for (const table of all("table")) {
      const ratio = (table.parentElement.clientWidth - 1) / table.scrollWidth;
      if (ratio < 1) table.style.zoom = reduce(table, ratio, "a table");
    }
    for (const box of all(".admonition, table, pre, .unfolded, aside")) {
      box.classList.toggle("keep", box.getBoundingClientRect().height < KEEP);
    }
    return complaints;
  }

  function name(element) {
    const page = element.closest("section.page");
    return `${page ? page.id : "front"}: ${(element.textContent || element.outerHTML).trim().slice(0, 60)}`;
  }

  // Which formulas are not set, which pictures are missing, what is cut off at the right.
  function complaints() {
    const found = [];
    for (const math of all(".math")) {
      if (!math.querySelector("mjx-container")) found.push(`a formula is not set: ${name(math)}`);
      // MathJax writes the name of a macro that it does not know in red.
      if (math.querySelector("mjx-merror, [data-mjx-error], mjx-mtext[style*=red]")) {
        found.push(`a formula has an error: ${name(math)}`);
      }
    }
    for (const image of document.images) {
      if (!image.naturalWidth) found.push(`a picture is missing: ${image.src.slice(0, 120)}`);
    }
    for (const link of all("a[href^='#']")) {
      if (!document.getElementById(decodeURIComponent(link.hash.slice(1)))) {
        if (!link.hash.endsWith("--last-formula")) found.push(`a link leads nowhere: ${link.hash.slice(1)}`);
      }
    }
    const right = article().getBoundingClientRect().right + 2;
    for (const element of all("p, li, pre, table, img, svg, mjx-math", article())) {
      if (element.closest("svg") && element.tagName !== "svg") continue;
      const box = element.getBoundingClientRect();
      if (box.width && box.right > right) {
        found.push(`${element.localName} is cut off by ${Math.round(box.right - right)} pixels: ${name(element)}`);
      }
    }
    for (const pre of all("pre")) {
      if (pre.scrollWidth > pre.clientWidth + 2) found.push(`code is cut off: ${name(pre)}`);
    }
    return found;
  }

  // Each page's last formula gets an id, so that it can be found on paper, and half a millimetre
  // on each side, so that a picture of it does not have the full stop after it:
  // {page: [width, height, fraction of a pixel at its left]}.
  function lastFormulas() {
    const boxes = {};
    for (const page of all("section.page")) {
      const formula = all("mjx-math", page).pop();
      if (formula) {
        formula.parentElement.style.paddingInline = "2px";
        formula.id = `${page.id}--last-formula`;
        const { left, width, height } = formula.getBoundingClientRect();
        boxes[page.id] = [width, height, left - Math.floor(left)];
      }
    }
    return boxes;
  }

  return { forgetWidths, typeset, fit, complaints, lastFormulas };
})();
