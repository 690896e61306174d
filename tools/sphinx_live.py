r"""A Sphinx extension: pages that compute in the browser.

The sources in ``book/live/`` are ECMAScript modules, which a browser does not load from a file that
a person opens. So each page gets one classic script, made of the modules that it needs, the
worker's among them, and minified. (The minifier has no wheel for Macs with an Apple chip. There
the script is the longer by its names.) A page has the scripts of the blocks that it holds:
``{div} live live-train``. What stands in such a block is shown where no script runs, and is
replaced where one does.

``{live}`see it collapse <collapse>` `` links to such a page, with the settings that
``book/live/links.json`` has under that name.
"""

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.errors import SphinxError
from sphinx.util.docutils import ReferenceRole

from ganlib import data, pretrained

try:
    import live  # beside this module, where Sphinx loads extensions from
except ImportError:
    from tools import live

try:
    import minify
except ImportError:
    minify = None

SOURCE = Path("book") / "live"
SCRIPTS = {
    "train": ("train/page.js", "train/worker.js"),
    "dirac": ("dirac/page.js", None),
    "draw": ("draw/page.js", None),
    "pull": ("pull/page.js", None),
    "clouds": ("clouds/page.js", None),
    "attack": ("attack/page.js", None),
}
GENERATORS = {  # of ganlib.pretrained, with the names of their classes
    "fashion_dcgan": (),
    "fashion_conditional": data.FASHION_CLASSES,
    "emoji_dcgan": (),
}
IMPORT = re.compile(r'^import (?:[^;"]*? from )?"([^"]+)";\n', re.MULTILINE | re.DOTALL)
EXPORT = re.compile(r"^export (?=const|function|class|async)", re.MULTILINE)
INDENT = re.compile(r"^[ \t]+|\n(?=\n)", re.MULTILINE)  # within texts a minifier leaves them
COMMENT = re.compile(
    r"^[ \t]*(?://[^\n]*|/\*\*?(?:(?!\*/).)*\*/[ \t]*)\n", re.MULTILINE | re.DOTALL
)


def modules(path, found=None):
    """Returns the text of a module and of all that it imports, each once, after what it needs."""
    found = {} if found is None else found
    path = path.resolve()
    if path not in found:
        text = path.read_text(encoding="utf-8")
        for name in IMPORT.findall(text):
            modules(path.parent / name, found)
        found[path] = EXPORT.sub("", IMPORT.sub("", text))
    return found


def bundle(entry, worker=None):
    """Returns a classic script.

    The names of all its modules are in one scope: two that are equal are an error.

    Args:
        entry: path of the module that the page runs.
        worker: path of the module that its worker runs; its text is the script's `WORKER`.

    Returns:
        str.
    """
    text = "\n".join(modules(entry).values())
    if worker is not None:
        inner = "\n".join(modules(worker).values())
        text = f"const WORKER = `(${{() => {{\n{inner}}}}})()`;\n{text}"  # a function as a text
    text = INDENT.sub("", COMMENT.sub("", f'(() => {{\n"use strict";\n{text}}})();\n'))
    return minify.string("application/javascript", text) + "\n" if minify else text


def write_scripts(app):
    """Writes the scripts to where the static files of the book are."""
    folder = Path(app.outdir) / "_static"
    source = Path(app.srcdir) / SOURCE
    if app.builder.format != "html" or not source.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, (entry, worker) in SCRIPTS.items():
        text = bundle(source / entry, worker and source / worker)
        (folder / f"live_{name}.js").write_text(text, encoding="utf-8")
    for name, class_names in GENERATORS.items():
        text = live.script(name, getattr(pretrained, name)(), class_names)
        (folder / f"live_{name}.js").write_text(text, encoding="utf-8")
    css = (source / "live.css").read_text(encoding="utf-8")
    (folder / "live.css").write_text(css, encoding="utf-8")


class Link(ReferenceRole):
    """Links to the page that trains, with settings that have a name."""

    def run(self):
        """Returns the link."""
        path = Path(self.env.srcdir) / SOURCE / "links.json"
        self.env.note_dependency(str(path))
        links = json.loads(path.read_text(encoding="utf-8"))
        if self.target not in links:
            raise SphinxError(
                f"{self.env.docname}: there are no settings {self.target!r}; {path} has "
                f"{', '.join(links)}."
            )
        link = links[self.target]
        page = f"book/{link.get('page', 'live')}"
        uri = self.env.app.builder.get_relative_uri(self.env.docname, page)
        uri = f"{uri}#{link['settings']}"
        return [nodes.reference(self.rawtext, self.title, refuri=uri, internal=True)], []


def finish_page(app, pagename, templatename, context, doctree):
    """Adds the scripts and the style to the pages that need them."""
    body = context.get("body", "")
    names = [name for name in SCRIPTS if re.search(rf'class="[^"]*\blive-{name}\b', body)]
    for name in names:
        app.add_js_file(f"live_{name}.js", loading_method="defer")
    if names:
        app.add_css_file("live.css")


def setup(app):
    app.add_role("live", Link())
    app.connect("builder-inited", write_scripts)
    app.connect("html-page-context", finish_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
