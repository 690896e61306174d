// Searches the book. tools/sphinx_search.py writes the parts of its pages to a file that is loaded
// when there is something to search for. The page that fits best comes first: where the words stand
// in its title, in the heading of one of its parts, or near each other in its text.
//
// A page's score is BM25 (Robertson and Zaragoza, 2009) with its three fields weighted, of the page
// as a whole and of its best part, times a weight for the kind of page. Beyond that, three things
// count: how much of the query is found, whether it is what a heading says, and whether the glossary
// sends those who look the term up to this page.
const bookSearch = (() => {
  const SATURATION = 1.2; // BM25's k1
  const LENGTH = 0.6; // BM25's b
  const TITLE = 6;
  const HEADING = 4;
  const LEAD = 3; // what stands above a page's first heading says what the page is about
  const KINDS = { chapter: 1, glossary: 0.95, page: 0.85, lab: 0.75, api: 0.6, references: 0.5 };
  const ENTRIES = { glossary: 2, api: 3 }; // results that one page may give; others give one
  const ENOUGH = 0.3; // of a query, in the words' weights: what has less of it does not fit
  const SHOWN = 40;
  const EXCERPT = 240; // characters

  let stemmer;
  let stopwords;
  let units = []; // the parts of all pages
  let pages = [];
  const stems = new Map();

  // --- words ------------------------------------------------------------------------------------

  const HAN = /\p{Script=Han}/u;
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

  // One form for the forms of an English word, in British or American spelling.
  function stem(word) {
    if (!stems.has(word)) {
      const american = word
        .replace(/is(e|ed|es|er|ers|ing|ation|ations)$/, "iz$1")
        .replace(/our(s|ed|ing)?$/, "or$1");
      const isPlain = /^[a-z]{3,}$/.test(word) && !stopwords.has(word);
      stems.set(word, isPlain ? stemmer.stemWord(american) : word);
    }
    return stems.get(word);
  }

  // Words of a text, in its order; of a run of Chinese, its pairs of characters.
  function words(text) {
    const found = [];
    for (const run of fold(text).match(/[\p{L}\p{N}]+/gu) ?? []) {
      for (const piece of run.match(/\p{Script=Han}+|[^\p{Script=Han}]+/gu)) {
        if (!HAN.test(piece)) found.push(stem(piece));
        else if (piece.length === 1) found.push(piece);
        else for (let i = 0; i + 1 < piece.length; i++) found.push(piece.slice(i, i + 2));
      }
    }
    return found;
  }

  function wanted(query) {
    const said = query.replace(/['’]s\b/g, "");
    const all = [...new Set(words(said))];
    const telling = all.filter((word) => !stopwords.has(word));
    return telling.length ? telling : all;
  }

  // --- what is searched ---------------------------------------------------------------------------

  const count = (list, into = new Map(), weight = 1) => {
    for (const word of list) into.set(word, (into.get(word) ?? 0) + weight);
    return into;
  };

  function read(data) {
    stemmer = new Stemmer();
    stopwords = new Set(data.stopwords);
    pages = Object.entries(data.pages).map(([name, [kind, title, parts]]) => {
      const slug = name.replace(/^.*\//, "").replaceAll("_", " ");
      return { name, kind, title, parts, titleWords: words(title), slugWords: words(slug) };
    });
    for (const page of pages) {
      page.terms = new Map();
      page.length = 0;
      page.parts = page.parts.map(([anchor, heading, text, leadsTo]) => {
        const [body, head] = [words(text), words(heading)];
        const terms = count(head, count(body), HEADING);
        count(head, count(body, page.terms, anchor ? 1 : LEAD));
        page.length += body.length + head.length;
        const telling = body.filter((word) => !stopwords.has(word));
        return { page, anchor, heading, text, leadsTo, telling, terms, length: body.length };
      });
      count(new Set([...page.titleWords, ...page.slugWords]), page.terms, TITLE);
    }
    units = pages.flatMap((page) => page.parts);
    waiting?.();
  }

  // --- ranking ------------------------------------------------------------------------------------

  // BM25 over a list of things that have terms and a length; returns a score for each.
  function bm25(things, query) {
    const mean = things.reduce((sum, thing) => sum + thing.length, 0) / things.length;
    const scores = new Map();
    let whole = 0;
    for (const forms of query) {
      const having = things.filter((thing) => forms.some((form) => thing.terms.has(form)));
      const rarity = Math.log(1 + (things.length - having.length + 0.5) / (having.length + 0.5));
      whole += rarity;
      for (const thing of having) {
        const times = forms.reduce((sum, form) => sum + (thing.terms.get(form) ?? 0), 0);
        const norm = SATURATION * (1 - LENGTH + (LENGTH * thing.length) / mean);
        const [score, found] = scores.get(thing) ?? [0, 0];
        const gain = (rarity * times * (SATURATION + 1)) / (times + norm);
        scores.set(thing, [score + gain, found + rarity]);
      }
    }
    return (thing) => {
      const [score, found] = scores.get(thing) ?? [0, 0];
      return found > whole * ENOUGH ? (score / whole) * (found / whole) ** 2 : 0;
    };
  }

  // How much of a heading the query is, if all its words are there: 1 where they are the same.
  function covers(head, query) {
    const has = (forms) => head.some((word) => forms.includes(word));
    if (!head.length || !query.every(has)) return 0;
    const telling = head.filter((word) => !stopwords.has(word) && !/^\d+$/.test(word));
    return Math.min(1, query.length / Math.max(1, new Set(telling).size));
  }

  // The same of a heading below a title: "How many?" in "Your own images" is about how many images.
  function coversBelow(title, head, query) {
    const inHead = query.filter((forms) => head.some((word) => forms.includes(word)));
    if (!inHead.length || !covers([...title, ...head], query)) return 0;
    return Math.max(covers(head, query), 0.7 * covers(head, inHead));
  }

  // Whether the words of the query stand side by side, in any order: "images are few".
  function together(list, query) {
    if (query.length < 2) return false;
    return list.some((_, i) => {
      const here = list.slice(i, i + query.length);
      return query.every((forms) => here.some((word) => forms.includes(word)));
    });
  }

  // The terms for each word that was typed: itself or, where the book does not have it, those that
  // begin like it, or the longest that it begins with ("debugger").
  function forms(word, vocabulary) {
    if (vocabulary.has(word) || word.length < 3) return [word];
    const terms = [...vocabulary.keys()];
    const longer = terms.filter((term) => term.startsWith(word));
    if (longer.length) return longer;
    const shorter = terms.filter((term) => term.length > 4 && word.startsWith(term));
    return shorter.length ? [shorter.reduce((a, b) => (b.length > a.length ? b : a))] : [word];
  }

  function search(text) {
    const vocabulary = count(pages.flatMap((page) => [...page.terms.keys()]));
    const query = wanted(text).map((word) => forms(word, vocabulary));
    if (!query.length) return [];
    const ofPage = bm25(pages, query);
    const ofPart = bm25(units, query);
    // Each name of a term in the glossary is a heading of its own.
    const says = ({ page, heading }) =>
      page.kind in ENTRIES
        ? Math.max(...heading.split(" · ").map((name) => covers(words(name), query)))
        : coversBelow(page.titleWords, words(heading), query);
    // What is typed as in code, and ends as the name of something does, is that.
    const isCode = /[\w.]*[._]\w|[a-z][A-Z]/.test(text);
    const named = ({ page, heading }) =>
      isCode && page.kind === "api" && `.${heading}`.endsWith(`.${text.replace(/\(.*/, "")}`);

    const sent = new Map(); // pages that the glossary sends to
    for (const part of units) {
      if (part.page.kind !== "glossary") continue;
      const share = says(part);
      part.leadsTo.forEach((name, i) => {
        sent.set(name, Math.max(sent.get(name) ?? 0, share ** 2 / (1 + i)));
      });
    }

    const results = [];
    for (const page of pages) {
      const title = Math.max(covers(page.titleWords, query), covers(page.slugWords, query));
      const whole = ofPage(page);
      const parts = page.parts
        .map((part) => {
          const near = together(part.telling, query) ? 0.4 : 0;
          const score = ofPart(part);
          const said = says(part);
          const entry = page.kind === "glossary" ? 2.5 * said ** 2 : named(part) ? 9 : 0;
          return { page, part, score: score && score + near + 1.2 * said + entry };
        })
        .filter(({ score }) => score > 0)
        .sort((a, b) => b.score - a.score)
        .slice(0, ENTRIES[page.kind] ?? 1);
      const base = page.kind in ENTRIES ? 0 : whole + 1.5 * title + 2 * (sent.get(page.name) ?? 0);
      for (const found of parts) {
        const part = title > 0.7 ? page.parts[0] : found.part;
        results.push({ ...found, part, score: (base + found.score) * KINDS[page.kind] });
      }
      if (!parts.length && (whole || sent.get(page.name) === 1)) {
        results.push({ page, part: page.parts[0], score: (base + whole) * KINDS[page.kind] });
      }
    }
    return results.sort((a, b) => b.score - a.score);
  }

  // --- the page -----------------------------------------------------------------------------------

  let waiting = null;

  // [text, is it a word of the query] of an excerpt around the place where most words stand.
  function excerpt(text, typed) {
    const telling = new Set(wanted(typed));
    const hits = [...text.matchAll(/[\p{L}\p{N}]+/gu)].filter(([word]) =>
      words(word).some((term) => telling.has(term)),
    );
    const within = (first) => {
      const there = hits.filter(({ index }) => index >= first && index < first + EXCERPT - 40);
      return new Set(there.flatMap(([word]) => words(word))).size;
    };
    const best = hits.reduce((a, b) => (within(b.index) > within(a.index) ? b : a), hits[0]);
    let begin = Math.max(0, (best?.index ?? 0) - 40);
    if (begin) begin = text.indexOf(" ", begin) + 1;
    let end = Math.min(text.length, begin + EXCERPT);
    if (end < text.length) end = text.lastIndexOf(" ", end);
    const pieces = [[begin ? "… " : "", false]];
    let last = begin;
    for (const { 0: word, index } of hits) {
      if (index < begin || index + word.length > end) continue;
      pieces.push([text.slice(last, index), false], [word, true]);
      last = index + word.length;
    }
    pieces.push([text.slice(last, end) + (end < text.length ? " …" : ""), false]);
    return pieces;
  }

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function show(text) {
    const found = search(text).slice(0, SHOWN);
    const list = element("ul", { className: "search" });
    for (const { page, part } of found) {
      const name = part.heading ? `${page.title} › ${part.heading}` : page.title;
      const href = `${page.name}.html${part.anchor && `#${part.anchor}`}`;
      const item = element("li", {}, element("a", { href }, name));
      const pieces = excerpt(part.text, text).map(([piece, hit]) =>
        hit ? element("mark", {}, piece) : piece,
      );
      if (part.text) item.append(element("p", { className: "context" }, ...pieces));
      list.append(item);
    }
    const said = found.length
      ? `The places that fit “${text}” best, the best one first.`
      : `Nothing in the book fits “${text}”. Perhaps another word for it does; the glossary has many.`;
    const results = document.getElementById("search-results");
    results.replaceChildren(
      element("p", { className: "search-summary", role: "status" }, said),
      list,
    );
  }

  function begin(script) {
    const query = new URLSearchParams(location.search).get("q")?.trim();
    for (const input of document.querySelectorAll('input[name="q"]')) input.value = query ?? "";
    if (!query) return;
    waiting = () => show(query);
    document.body.append(element("script", { src: script.dataset.parts }));
  }

  return { read, search, excerpt, begin };
})();

if (typeof document !== "undefined") bookSearch.begin(document.currentScript);
