"""A Sphinx extension: the book's contents on its first page, with a small picture for each chapter.

The directive ``chapters`` lists the parts and chapters of `_toc.yml`. The pictures are those of
`tools/thumbnails.py`; a chapter that has none gets an empty frame. A reader's browser fetches them
as the page is scrolled.
"""

from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

THUMBNAILS = "_static/thumbnails"  # seen from book/
APPENDIX = "Appendix"  # is listed in the sidebar only


def chapters(toc):
    """Yields the parts of a table of contents: the name, and for each chapter page and lab."""
    for part in toc["parts"]:
        if part["caption"] == APPENDIX:
            continue
        pages = []
        for chapter in part["chapters"]:
            under = [section["file"] for section in chapter.get("sections", [])]
            labs = [file for file in under if file.startswith("notebooks/")]
            pages.append((Path(chapter["file"]).name, labs[0] if labs else None))
        yield part["caption"], pages


def text(toc, has_picture):
    """Returns the contents as MyST.

    Args:
        toc: what `_toc.yml` holds.
        has_picture: function of a chapter's stem -> whether there is a thumbnail.
    """
    lines = []
    for caption, pages in chapters(toc):
        lines += [":::{div} contents-part", caption, ":::", ""]
        for stem, lab in pages:
            lines += ["::::{div} contents-chapter"]
            for theme in ("light", "dark") if has_picture(stem) else ():
                lines += [f":::{{image}} {THUMBNAILS}/{stem}_{theme}.webp", ":alt:"]
                lines += [":loading: lazy", f":class: only-{theme}", ":::", ""]
            also = f" · {{doc}}`Lab <../{lab}>`" if lab else ""
            lines += [f"[]({stem}.md){also}", "::::", ""]
    return lines


class Chapters(SphinxDirective):
    """The directive ``chapters``: no argument, no content."""

    def run(self):
        """Returns a container with all parts."""
        root = Path(self.env.srcdir)
        toc_path = root / "_toc.yml"
        self.env.note_dependency(str(toc_path))
        toc = yaml.safe_load(toc_path.read_text(encoding="utf-8"))
        folder = root / "book" / THUMBNAILS
        lines = text(toc, lambda stem: (folder / f"{stem}_light.webp").exists())
        container = nodes.container(classes=["book-contents"])
        self.state.nested_parse(StringList(lines, source=""), self.content_offset, container)
        return [container]


def setup(app):
    app.add_directive("chapters", Chapters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
