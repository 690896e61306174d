// Writes what a paragraph cites beside it, each work once on a page, where a screen has the room. The
// words are those of the link's title; on narrower screens custom.css leaves them out.
(() => {
  const seen = new Set();

  // A title with its formulas, which the list of references has between dollars.
  function text(title) {
    const line = document.createElement("p");
    title.split(/\$([^$]+)\$/).forEach((piece, i) => {
      const isFormula = i % 2 === 1 && window.MathJax;
      const span = document.createElement("span");
      if (isFormula) span.className = "math notranslate nohighlight";
      span.textContent = isFormula ? `\\(${piece}\\)` : piece;
      line.append(span);
    });
    return line;
  }

  for (const paragraph of document.querySelectorAll(".bd-article section > p")) {
    const works = [...paragraph.querySelectorAll(".bibtex-citation a[title]")].filter(
      ({ title }) => !seen.has(title) && seen.add(title),
    );
    if (!works.length) continue;
    const note = document.createElement("aside");
    note.className = "margin cited";
    note.ariaHidden = "true"; // the link says the same
    note.append(...works.map(({ title }) => text(title)));
    paragraph.before(note);
  }
})();
