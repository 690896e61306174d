// Shows the definition of a glossary term while the pointer or the focus is on a link to it.
// tools/sphinx_terms.py puts the definition into the link. After WCAG 1.4.13: Escape closes it, the
// pointer may move onto it, and it stays until the pointer or the focus leaves.
(() => {
  const tip = document.createElement("div");
  tip.id = "term-definition";
  tip.className = "term-definition";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  let link = null; // the one whose definition is shown
  let leaving;

  function place() {
    const line = link.getClientRects()[0]; // of a broken link, the first line
    const room = document.documentElement.clientWidth;
    const below = line.bottom + tip.offsetHeight + 12 < window.innerHeight;
    const top = below ? line.bottom + 4 : line.top - tip.offsetHeight - 4;
    const left = Math.min(line.left, room - tip.offsetWidth - 8);
    tip.style.top = `${top + window.scrollY}px`;
    tip.style.left = `${Math.max(8, left) + window.scrollX}px`;
  }

  function show(target) {
    clearTimeout(leaving);
    if (target === link) return;
    hide();
    link = target;
    const text = link.dataset.definition;
    const typeset = window.MathJax && window.MathJax.typesetPromise;
    tip.textContent = typeset ? text : text.replace(/\\[()]/g, "");
    tip.hidden = false;
    link.setAttribute("aria-describedby", tip.id);
    place();
    if (typeset && text.includes("\\(")) {
      window.MathJax.typesetClear([tip]);
      window.MathJax.typesetPromise([tip]).then(() => link && place());
    }
  }

  function hide() {
    clearTimeout(leaving);
    if (link) link.removeAttribute("aria-describedby");
    link = null;
    tip.hidden = true;
  }

  function hideSoon() {
    clearTimeout(leaving);
    leaving = setTimeout(hide, 250); // time to reach the definition with the pointer
  }

  const term = (event) => event.target.closest && event.target.closest("a[data-definition]");
  const inside = (event) => term(event) || tip.contains(event.target);
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return; // there a tap follows the link
    if (term(event)) show(term(event));
    else if (tip.contains(event.target)) clearTimeout(leaving);
  });
  document.addEventListener("pointerout", (event) => {
    if (link && inside(event) && link !== document.activeElement) hideSoon();
  });
  document.addEventListener("focusin", (event) => {
    if (term(event)) show(term(event));
  });
  document.addEventListener("focusout", (event) => {
    if (term(event) === link) hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && link) hide();
  });
})();
