"""A Sphinx extension: drawings of `ganlib.viz` become part of the page that shows them.

An SVG that is loaded as a picture knows neither the page's mode nor its font, and its text can be
neither found nor copied. In the page's source it has both, by the rules in custom.css.
"""

import html
import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

IMAGE = re.compile(r'<img\b(?P<attributes>[^>]*?\bsrc="(?P<src>[^"]+\.svg)"[^>]*?)/?>')
ALT = re.compile(r'\balt="([^"]*)"')
MARK = '<svg class="ganlib-figure"'


def put_inside(body, text_of):
    """Returns a page's HTML with its drawings inside.

    Args:
        body: the HTML.
        text_of: function of a picture's file name -> its text, or None where there is none.
    """

    def inside(match):
        text = text_of(PurePosixPath(unquote(html.unescape(match["src"]))).name)
        if text is None or not text.startswith(MARK):
            return match[0]
        alt = ALT.search(match["attributes"])
        name = f'role="img" aria-label="{alt[1]}"' if alt and alt[1] else 'aria-hidden="true"'
        return text.rstrip().replace("<svg ", f"<svg {name} ", 1)

    return IMAGE.sub(inside, body)


def finish_page(app, pagename, templatename, context, doctree):
    """Puts the drawings of a page inside it."""
    if ".svg" not in context.get("body", ""):
        return
    sources = {name: Path(app.srcdir, source) for source, name in app.builder.images.items()}

    def text_of(name):
        return sources[name].read_text(encoding="utf-8") if name in sources else None

    context["body"] = put_inside(context["body"], text_of)


def setup(app):
    app.connect("html-page-context", finish_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
