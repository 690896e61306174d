"""A Sphinx extension: what the book's search reads, in place of Sphinx's own index.

Sphinx's index knows which pages have a word, neither where nor how often, and takes the excerpts of
its results from the rendered page, menus and all. Here each section, each term of the glossary and
each name of the library is a part with a heading, a text and a place to lead to. The file is loaded
where somebody searches, and nowhere else; ``book/_static/search.js`` ranks what is in it.

It is a script, not JSON: a page that a person opens from a file may load no other kind.
"""

import json
import posixpath
import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.search.en import SearchEnglish

DATA = "searchdata.js"
BEGIN = "bookSearch.read("
NUMBERED = re.compile(r".*/\d\d_[^/]*")
PLAIN = re.compile(r"[\w\s.,:;|/()<>=+−-]*")  # of a formula: what can be read without being set
# What is no prose: code, pictures, formulas in lines of their own, what a cell printed.
SKIPPED = (
    nodes.literal_block,
    nodes.math_block,
    nodes.raw,
    nodes.comment,
    nodes.image,
    nodes.label,
    addnodes.toctree,
    addnodes.index,
    addnodes.desc_signature,
)


def kind(docname):
    """Returns what kind of page a document is, by where it stands."""
    folder, _, name = docname.rpartition("/")
    if folder == "notebooks":
        return "lab"
    if name.partition("_")[0] in ("api", "glossary", "references"):
        return name.partition("_")[0]
    return "chapter" if NUMBERED.fullmatch(docname) else "page"


def text_of(node):
    """Returns the text of a paragraph; a formula that is not plain becomes an ellipsis."""
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, nodes.math):
        return node.astext() if PLAIN.fullmatch(node.astext()) else "…"
    if isinstance(node, SKIPPED):
        return ""
    return "".join(map(text_of, node.children))


def is_heading(node):
    """Returns whether a node is the title of a section; those of theorems are text."""
    return isinstance(node, nodes.title) and isinstance(node.parent, nodes.section)


def is_part(node):
    """Returns whether a node is a section below a heading of its own, and not the whole page."""
    return (
        isinstance(node, nodes.section)
        and not isinstance(node.parent, nodes.document)
        and bool(node.children)
        and isinstance(node[0], nodes.title)
    )


def clean(node):
    """Returns the text of a heading."""
    return " ".join("".join(map(text_of, node.children)).split())


def is_backlink(node):
    """Returns whether a node says where a theorem is used (tools/sphinx_uses.py)."""
    return isinstance(node, nodes.paragraph) and "used" in node["classes"]


class Parts:
    """The parts of one page.

    Attributes:
        found: list of [anchor, heading, text, pages that the text leads to], the first for what
            stands above the first heading.
    """

    def __init__(self, docname, doctree):
        self.docname, self.found = docname, []
        self._begin("", "")
        self._collect(doctree)
        for part in self.found:
            part[2] = re.sub(r"\s+([.,;:])(?=\s)", r"\1", " ".join(" ".join(part[2]).split()))

    def _begin(self, anchor, heading):
        self.found.append([anchor, " ".join(heading.split()), [], []])

    def _collect(self, node):
        for child in node.children:
            if is_part(child):
                self._begin(child["ids"][0], clean(child[0]))
                self._collect(child)
            elif isinstance(child, addnodes.desc) and child[0].get("ids"):
                self._begin(child[0]["ids"][0], child[0]["ids"][0])
                self._collect(child)
            elif isinstance(child, nodes.definition_list_item) and any(
                term["ids"] for term in child.findall(nodes.term)
            ):
                terms = [term for term in child if isinstance(term, nodes.term)]
                self._begin(terms[0]["ids"][0], " · ".join(map(clean, terms)))
                self._collect(child[-1])
                self.found[-1][3] += self._leads_to(child)
            elif isinstance(child, nodes.citation):
                self._begin(child["ids"][0], "")
                self._collect(child)
            elif isinstance(child, SKIPPED) or is_heading(child) or is_backlink(child):
                continue
            elif isinstance(child, (nodes.TextElement, nodes.Text)):
                self.found[-1][2].append(text_of(child))
            elif child.get("nb_element") != "cell_code":
                self._collect(child)

    def _leads_to(self, node):
        """Returns the pages that a node links to, without the list of references."""
        targets = [
            posixpath.normpath(posixpath.join(self.docname, "..", link["refuri"].partition("#")[0]))
            for link in node.findall(nodes.reference)
            if link.get("internal") and "refuri" in link
        ]
        pages = [target.removesuffix(".html") for target in targets]
        return [page for page in dict.fromkeys(pages) if kind(page) in ("chapter", "page")]


def begin(app):
    """Turns Sphinx's own search off, and takes up what an earlier build has found."""
    app.book_search = {}
    if app.builder.format != "html":
        return
    app.builder.search = False
    path = Path(app.outdir, DATA)
    if path.exists():
        text = path.read_text(encoding="utf-8").partition(BEGIN)[2]
        app.book_search = json.loads(text.rstrip(");\n"))["pages"]


def read_page(app, pagename, templatename, context, doctree):
    """Collects the parts of one page; on the page that searches, adds the script."""
    if doctree is not None and pagename in app.env.titles:
        title = clean(app.env.titles[pagename])
        app.book_search[pagename] = [kind(pagename), title, Parts(pagename, doctree).found]
    if pagename == "search":
        app.add_js_file("search.js", loading_method="defer", **{"data-parts": DATA})


def pages(app):
    """Yields the page that searches."""
    yield "search", {}, "search.html"


def write(app, exception):
    """Writes what the pages hold, with the words that count for nothing and the stemmer."""
    if exception or app.builder.format != "html":
        return
    known = {page: found for page, found in app.book_search.items() if page in app.env.all_docs}
    data = {"stopwords": sorted(SearchEnglish.stopwords), "pages": dict(sorted(known.items()))}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    code = f"{SearchEnglish.js_stemmer_code}\n{BEGIN}{text});\n"
    Path(app.outdir, DATA).write_text(code, encoding="utf-8")


def setup(app):
    app.connect("builder-inited", begin)
    app.connect("html-page-context", read_page)
    app.connect("html-collect-pages", pages)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
