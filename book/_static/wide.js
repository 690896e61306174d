// A formula wider than the screen scrolls in its own box. The Tab key has to stop there, so that the
// arrows scroll it, but not at the many that fit. The theme does the same for code, outputs and tables.
(() => {
  const mark = () => {
    for (const box of document.querySelectorAll("mjx-container")) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  window.addEventListener("load", async () => {
    if (!window.MathJax?.startup) return;
    await MathJax.startup.promise;
    mark();
    document.fonts.addEventListener("loadingdone", mark); // formulas get their width with their font
    // The article changes its size when the window does, and when a folded solution opens.
    new ResizeObserver(mark).observe(document.querySelector("article") ?? document.body);
  });
})();
