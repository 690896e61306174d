"""A Sphinx extension: chapters have the number of their file, and so has what stands in them.

Sphinx can number figures, tables, equations, theorems and exercises by chapter, but it counts the
chapters itself, one after the other. Here a chapter's number is the one its file name starts with,
and that of its title; a lab has the number of its chapter, and goes on where the chapter's counts
end. The pages of the appendix have no number and count together: Table A.1, A.2, ...

``{doc}`07_dcgan` `` becomes "chapter 7", or "Chapter 7" where a sentence begins, with the title on
hover: "the networks of chapter 7" can be read in print as well. A lab is cited as "lab 7".
``[](07_dcgan.md)`` is still the whole title.
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import docname_join
from sphinx.util.nodes import clean_astext, make_refnode

NUMBERED = re.compile(r"(?:.*/)?(\d\d)_[^/]*")
LAB = "notebooks/"
APPENDIX = "A"
SENTENCE_BEGINS = re.compile(r"""(?:^|[.!?]["”’)]*\s)\s*$""")


def chapter_number(docname):
    """Returns the number that a page's file name starts with, or None."""
    match = NUMBERED.fullmatch(docname)
    return int(match[1]) if match else None


def number_by_chapter(app, env):
    """Numbers figures and all that is counted like them anew; Sphinx has counted without chapters.

    Returns the pages whose numbers Sphinx has not seen yet, as ``env-get-updated`` asks.
    """
    sections = {
        docname: {"": (chapter_number(docname) or APPENDIX,)}
        for docname in env.all_docs
        if docname != app.config.root_doc
    }
    env.toc_secnumbers = sections
    try:
        return TocTreeCollector().assign_figure_numbers(env)
    finally:
        env.toc_secnumbers = {}  # else each heading would carry the chapter's number


def begins_sentence(node):
    """Returns whether a node is the first word of a sentence in its paragraph."""
    before = node.parent.children[: node.parent.index(node)]
    return bool(SENTENCE_BEGINS.search("".join(sibling.astext() for sibling in before)))


class CiteByNumber(SphinxPostTransform):
    """Resolves ``{doc}`` references to chapters and labs that come without a text of their own."""

    default_priority = 5  # Sphinx's own resolver, at 10, would write the title

    def run(self, **kwargs):
        """Replaces the references of one page."""
        for node in list(self.document.findall(addnodes.pending_xref)):
            if node["reftype"] != "doc" or node["refexplicit"]:
                continue
            docname = docname_join(node["refdoc"], node["reftarget"])
            number = chapter_number(docname)
            if number is None or docname not in self.env.titles:
                continue  # Sphinx writes the title, or warns
            name = f"{'lab' if docname.startswith(LAB) else 'chapter'} {number}"
            text = name.capitalize() if begins_sentence(node) else name
            node.replace_self(
                make_refnode(
                    self.app.builder,
                    node["refdoc"],
                    docname,
                    None,
                    nodes.inline(text, text, classes=["doc"]),
                    clean_astext(self.env.titles[docname]),
                )
            )


def setup(app):
    app.connect("env-get-updated", number_by_chapter, priority=900)  # after Sphinx's own
    app.add_post_transform(CiteByNumber)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
