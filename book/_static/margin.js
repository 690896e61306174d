// Writes what a paragraph cites beside it, each work once on a page, where a screen has the room. The
// words are those of the link's title; on narrower screens custom.css leaves them out.
(() => {
  const seen = new Set();
  // The formulas of a title, between dollars, as they can be read without being set: "W_2 distance".
  const plain = (title) =>
    title.replace(/\$([^$]+)\$/g, (_, formula) => formula.replace(/\\[a-z]+\s*|[{}]/gi, ""));

  for (const paragraph of document.querySelectorAll(".bd-article section > p")) {
    const works = [...paragraph.querySelectorAll(".bibtex-citation a[title]")].filter(
      ({ title }) => !seen.has(title) && seen.add(title),
    );
    if (!works.length) continue;
    const note = document.createElement("aside");
    note.className = "margin cited";
    note.ariaHidden = "true"; // the link says the same
    for (const { title } of works) {
      note.append(Object.assign(document.createElement("p"), { textContent: plain(title) }));
    }
    paragraph.before(note);
  }
})();
