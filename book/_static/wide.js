// What is wider than the screen: formulas, code, tables, outputs. Each scrolls in its own box.
//
// A formula that scrolls needs a stop of the Tab key, so that the arrows scroll it, but the many that
// fit do not; the theme sees to code, outputs and tables. A box that is cut fades where it is, so that
// one sees that there is more. On a phone a table that would be cut, or squeezed, becomes a list of
// its rows, with the head of its column beside each value.
(() => {
  const BOXES =
    "mjx-container, .bd-article pre, .pst-scrollable-table-container, div.cell_output .output";
  const CRAMPED = 120; // pixels: a row of a table that is squeezed into a phone's width is as high
  const phone = matchMedia("(max-width: 600px)");

  function fade(box) {
    const end = box.scrollLeft + box.clientWidth;
    box.classList.toggle("cut-left", box.scrollLeft > 1);
    box.classList.toggle("cut-right", end < box.scrollWidth - 1);
  }

  // Reads all sizes before it writes, or the browser would lay out the page for each box.
  function mark() {
    const boxes = [...document.querySelectorAll(BOXES)];
    const wide = boxes.map((box) => box.scrollWidth > box.clientWidth + 1);
    const ends = boxes.map((box) => box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
    const begins = boxes.map((box) => box.scrollLeft > 1);
    boxes.forEach((box, i) => {
      box.classList.toggle("cut-right", wide[i] && ends[i]);
      box.classList.toggle("cut-left", wide[i] && begins[i]);
      if (box.localName !== "mjx-container") return;
      if (wide[i] && !box.closest("[aria-hidden=true]")) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
  }

  // --- tables on a phone --------------------------------------------------------------------------

  // A table loses its roles with its layout, so they are said aloud.
  const ROLES = { thead: "rowgroup", tbody: "rowgroup", tr: "row", th: "columnheader", td: "cell" };

  let number = 0; // of a caption whose table has no name

  function label(table) {
    const heads = [...table.tHead.rows[0].cells];
    for (const row of table.tBodies[0].rows) {
      [...row.cells].forEach((cell, i) => {
        const value = document.createElement("div");
        value.className = "value";
        value.append(...cell.childNodes);
        const name = document.createElement("div");
        name.className = "name";
        name.ariaHidden = "true"; // the head of the column says it
        name.append(...[...heads[i].childNodes].map((node) => node.cloneNode(true)));
        for (const link of name.querySelectorAll("a")) link.replaceWith(...link.childNodes); // nothing to focus
        cell.append(name, value);
        cell.classList.toggle("empty", !value.textContent.trim() && !value.querySelector("img, svg"));
      });
    }
    if (table.caption) {
      // A table of ARIA's may hold rows only.
      const caption = document.createElement("div");
      caption.className = "table-caption";
      caption.id = `${table.id || `table-${number++}`}-caption`;
      caption.append(...table.caption.childNodes);
      table.caption.remove();
      table.before(caption);
      table.setAttribute("aria-labelledby", caption.id);
    }
    for (const element of [table, ...table.querySelectorAll("thead, tbody, tr, th, td")]) {
      element.setAttribute("role", ROLES[element.localName] ?? element.localName);
    }
    table.classList.add("labelled");
  }

  function stack() {
    for (const table of document.querySelectorAll(".bd-article table.table")) {
      if (!phone.matches) {
        table.classList.remove("stacked");
        continue;
      }
      const box = table.parentElement;
      const rows = [...(table.tBodies[0]?.rows ?? [])];
      const columns = table.tHead?.rows.length === 1 ? table.tHead.rows[0].cells.length : 0;
      if (table.closest(".cell_output") || columns < 2) continue;
      const cut = box.scrollWidth > box.clientWidth + 1;
      if (!cut && rows.every((row) => row.offsetHeight < CRAMPED)) continue;
      if (rows.some((row) => row.cells.length !== columns)) continue;
      if (!table.matches(".labelled")) label(table);
      table.classList.add("stacked");
    }
  }

  window.addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    stack();
    mark();
    phone.addEventListener("change", stack);
    document.fonts.addEventListener("loadingdone", mark); // formulas get their width with their font
    document.addEventListener("scroll", ({ target }) => target.matches?.(BOXES) && fade(target), {
      capture: true,
      passive: true,
    });
    // The article changes its size when the window does, and when a folded solution opens.
    new ResizeObserver(mark).observe(document.querySelector("article") ?? document.body);
  });
})();
