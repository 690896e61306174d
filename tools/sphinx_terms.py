r"""A Sphinx extension: a link to a glossary term carries the term's definition.

Sphinx turns ``{term}`` into a link to the glossary. This adds the definition to the link as
``data-definition``, when the book is rendered, and ``book/_static/terms.js`` shows it on hover and
on focus. So nothing is fetched, and without JavaScript the link still leads to the glossary.

Formulas stay TeX between ``\(`` and ``\)``, for MathJax. Citations and a closing "See chapter …"
are left out: the glossary has them.
"""

import html
import re

from docutils import nodes
from sphinx import addnodes

# What Sphinx's HTML writer makes of a reference to a term.
LINK = re.compile(
    r'<a class="reference internal" href="(?P<href>[^"#]*#(?P<anchor>[^"]+))"(?: title="[^"]*")?>'
    r'(?=<span class="xref std std-term">)'
)
SEE = re.compile(r"\s*See (?:also )?[^.]*\.$")


def plain_text(paragraph):
    """Returns the text of a definition's paragraph, as the tooltip needs it."""
    pieces = []
    for node in paragraph.children:
        if isinstance(node, nodes.math):
            pieces.append(rf"\({node.astext()}\)")
        elif not (isinstance(node, addnodes.pending_xref) and node["refdomain"] == "cite"):
            pieces.append(node.astext())
    text = " ".join("".join(pieces).split())
    return SEE.sub("", re.sub(r" ([.,;:])", r"\1", text))


def definitions(doctree):
    """Returns the definitions of a page's glossary: anchor of the term -> text."""
    found = {}
    for item in doctree.findall(nodes.definition_list_item):
        paragraph = next(item.findall(nodes.paragraph), None)
        for term in item.children:
            if isinstance(term, nodes.term) and paragraph is not None:
                found |= dict.fromkeys(term["ids"], plain_text(paragraph))
    return found


def all_definitions(app):
    """Returns the definitions of all glossaries, read once per build."""
    if not hasattr(app, "book_definitions"):
        objects = app.env.get_domain("std").get_objects()
        pages = {docname for _, _, kind, docname, *_ in objects if kind == "term"}
        app.book_definitions = {}
        for docname in sorted(pages):
            app.book_definitions |= definitions(app.env.get_doctree(docname))
    return app.book_definitions


def add_definitions(body, found):
    """Returns a page's HTML with ``data-definition`` on its links to terms."""

    def with_definition(match):
        text = found.get(match["anchor"])
        if not text:
            return match[0]
        attributes = f'href="{match["href"]}" data-definition="{html.escape(text)}"'
        return f'<a class="reference internal term" {attributes}>'

    return LINK.sub(with_definition, body)


def finish_page(app, pagename, templatename, context, doctree):
    """Adds the definitions to a page, and the script to the pages that have any."""
    if "std-term" not in context.get("body", ""):
        return
    context["body"] = add_definitions(context["body"], all_definitions(app))
    app.add_js_file("terms.js", loading_method="defer")


def setup(app):
    app.connect("html-page-context", finish_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
