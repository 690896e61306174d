r"""A Sphinx extension: small things of type that neither the source nor a style sheet can say.

A browser may break a line between a formula and the full stop after it, which then begins the next
line alone: here the two are held together. The page with the glossary gets its script.
"""

import re

FORMULA = r'<span class="math notranslate nohighlight">[^<]*</span>'
HELD = re.compile(rf"([(\[“‘]*){FORMULA}([.,;:!?)\]”’]+)")


def hold_together(body):
    """Returns a page's HTML in which no formula is parted from the sign that follows it."""
    return HELD.sub(lambda match: f'<span class="held">{match[0]}</span>', body)


def finish_page(app, pagename, templatename, context, doctree):
    """Changes the body of a page, and adds its script to the glossary."""
    body = context.get("body", "")
    context["body"] = hold_together(body)
    if '<dl class="glossary' in body:
        app.add_js_file("glossary.js", loading_method="defer")


def setup(app):
    app.connect("html-page-context", finish_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
