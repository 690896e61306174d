"""A Sphinx extension: names and roles for screen readers that the theme and docutils lack.

tests/test_browser.py fails without it. Each function says what was wrong.
"""


def name_toggles(app, page, template, context, doctree):
    """Gives the arrows of the sidebar, which hold only an icon, a name for screen readers."""
    generate = context.get("generate_toctree_html")
    if generate is None:  # a page without the theme's sidebar
        return

    def generate_named(*args, **options):
        tree = generate(*args, **options)
        for toggle in tree.select("summary") if tree else []:
            link = toggle.find_parent("li").find("a")
            toggle["aria-label"] = f"Pages below {link.get_text(' ', strip=True)}"
        return tree

    context["generate_toctree_html"] = generate_named


def mend_roles(app, page, template, context, doctree):
    """Replaces the role of the references, which ARIA has given up, by that of a list's item."""
    body = context.get("body")
    if body:
        context["body"] = body.replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app):
    """Connects the functions, after those of the theme."""
    for function in (name_toggles, mend_roles):
        app.connect("html-page-context", function, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
