// Gives the glossary a line of letters that lead to their first terms, and a field that leaves the
// terms which have what one types in one of their names; without such a term, in what is said of it.
(() => {
  const list = document.querySelector("dl.glossary");
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const entries = []; // {names: text, text, first: its first dt, parts: all its elements}
  let open = null;
  for (const part of list.children) {
    if (part.localName === "dt" && !open) {
      entries.push((open = { names: "", text: "", first: part, parts: [] }));
    }
    open.parts.push(part);
    if (part.localName === "dt") open.names += ` ${fold(part.textContent.replace("#", ""))}`;
    else {
      open.text = fold(part.textContent);
      open = null;
    }
  }

  const bar = document.createElement("div");
  bar.className = "glossary-bar";
  bar.innerHTML =
    '<label>Filter <input type="search" autocomplete="off" spellcheck="false"></label>' +
    '<nav aria-label="Letters"></nav><p role="status"></p>';
  const [label, nav, status] = bar.children;
  const input = label.querySelector("input");
  const letters = new Map();
  for (const { first } of entries) {
    const letter = fold(first.textContent)[0].toUpperCase();
    const name = /[A-Z]/.test(letter) ? letter : "0–9";
    if (!letters.has(name)) letters.set(name, first.id);
  }
  for (const [name, id] of letters) {
    nav.append(Object.assign(document.createElement("a"), { href: `#${id}`, textContent: name }));
  }

  function filter() {
    const wanted = fold(input.value.trim());
    let left = entries.filter(({ names }) => names.includes(wanted));
    if (!left.length) left = entries.filter(({ text }) => text.includes(wanted));
    const kept = new Set(left);
    for (const entry of entries) for (const part of entry.parts) part.hidden = !kept.has(entry);
    status.textContent = wanted ? `${left.length} of ${entries.length} terms` : "";
    nav.hidden = wanted !== "";
  }
  input.addEventListener("input", filter);
  // A link from elsewhere may lead to a term that is filtered out.
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target?.hidden) return;
    input.value = "";
    filter();
    target.scrollIntoView();
  });
  list.before(bar);
})();
