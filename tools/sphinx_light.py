"""A Sphinx extension: pages that weigh less, without another look.

The theme brings all of Font Awesome, as a script, as a font and as names in its style sheet: more
bytes than the rest of a page together, for a dozen icons. Here each icon is drawn in the page.
Pictures are asked for when they come near the window, and have their size before they are there, so
that the text does not jump. What a notebook or a drawing holds as base64 becomes a file of its own.

Sphinx has no event for a finished page, so this stands in for what renders its templates.
"""

import base64
import hashlib
import html
import re
import shutil
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pydata_sphinx_theme
from PIL import Image
from sphinx.jinja2glue import BuiltinTemplateLoader

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
# Sphinx's own search, which tools/sphinx_search.py replaces, Font Awesome, and Thebe, which nothing
# here uses. The theme's templates name them one by one.
UNUSED = re.compile(
    r'\s*<(?:script|link)\b[^>]*(?:src|href)="[^"]*'
    r'\b(?:searchtools|language_data|searchindex|fontawesome|sphinx-thebe)\.(?:js|css)\b[^"]*"'
    r"[^>]*>(?:</script>)?"
)
ICON = re.compile(
    r'<i\b(?P<before>[^>]*?)class="(?P<classes>[^"]*\bfa-[^"]*)"(?P<after>[^>]*)></i>'
)
STYLES = {"fas": "fas", "fa-solid": "fas", "far": "far", "fa-regular": "far"}
STYLES |= {"fab": "fab", "fa-brands": "fab"}
SHAPE = r'[{{,]"?{}"?:\[(\d+),(\d+),\[[^\]]*\],"[^"]*","([^"]+)"'
OLD_NAME = r'[{{,]"?[\w-]+"?:\[(\d+),(\d+),\[[^\]]*"{}"[^\]]*\],"[^"]*","([^"]+)"'
# What the font would be needed for, in the theme's style sheet.
GLYPHS = re.compile(
    r'(?:\.fa-[\w-]+:before,?)+\{content:"[^"]*"\}|@font-face\{[^}]*Font Awesome[^}]*\}'
)
IMAGE = re.compile(r"<img\b(?P<attributes>[^>]*?)\s*/?>")
SOURCE = re.compile(r'\bsrc="([^":]+)"')
WITHIN = re.compile(r'(?<==")data:image/(png|webp|jpeg|gif);base64,([A-Za-z0-9+/=\s]{2000,})(?=")')


# --- icons ---------------------------------------------------------------------------------------


@cache
def icons():
    """Returns the theme's icons: short name of a style -> text that has the shapes."""
    text = (THEME / "scripts" / "fontawesome.js").read_text(encoding="utf-8")
    pieces = re.split(r'\b\w\("(fab|far|fas)",\w\)', text)  # each set ends with its name
    return dict(zip(pieces[1::2], pieces[0::2], strict=False))


@cache
def drawing(style, name):
    """Returns the (width, height, path) of an icon.

    Raises:
        KeyError: if the theme has no such icon.
    """
    for form in (SHAPE, OLD_NAME):  # an icon has its name, and those that it had before
        match = re.search(form.format(re.escape(name)), icons()[style])
        if match:
            break
    else:
        raise KeyError(f"the theme's Font Awesome has no icon {name!r} in the style {style!r}")
    return match.groups()


def draw_icon(match):
    """Returns an icon as a drawing, with what else its element says."""
    classes = match["classes"].split()
    style = next((STYLES[name] for name in classes if name in STYLES), "fas")
    names = [name.removeprefix("fa-") for name in classes if name.startswith("fa-")]
    name = next(name for name in names if f"fa-{name}" not in STYLES and name not in ("lg", "fw"))
    width, height, path = drawing(style, name)
    kept = " ".join(classes)
    return (
        f'<svg{match["before"]}class="drawn-icon {kept}"{match["after"]} aria-hidden="true" '
        f'viewBox="0 0 {width} {height}"><path fill="currentColor" d="{path}"/></svg>'
    )


# --- pictures ------------------------------------------------------------------------------------


@cache
def size(path):
    """Returns the (width, height) of a picture of pixels in a file, or None."""
    if path.suffix not in (".png", ".webp", ".jpg", ".jpeg", ".gif") or not path.exists():
        return None
    with Image.open(path) as image:
        return image.size


def lazy(text, file_of):
    """Returns a page whose pictures are loaded late, into a space that is kept for them.

    Args:
        text: the page.
        file_of: function of a picture's address -> its file.
    """

    def with_attributes(match):
        attributes = match["attributes"]
        for name, value in (("loading", "lazy"), ("decoding", "async")):
            if not re.search(rf"\b{name}=", attributes):
                attributes += f' {name}="{value}"'
        source = SOURCE.search(attributes)
        known = source and size(file_of(unquote(html.unescape(source[1]))))
        if known and not re.search(r"\b(?:width|height)=", attributes):
            attributes += ' width="{}" height="{}"'.format(*known)
        return f"<img{attributes}>"

    return IMAGE.sub(with_attributes, text)


def into_files(text, folder, address):
    """Returns a page whose pictures are files of their own.

    Args:
        text: the page.
        folder: where the files go.
        address: function of a file's name -> its address, as seen from the page.
    """

    def as_file(match):
        data = base64.b64decode(match[2])
        name = f"{hashlib.sha256(data).hexdigest()[:20]}.{match[1]}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        return address(name)

    return WITHIN.sub(as_file, text)


# --- pages ---------------------------------------------------------------------------------------


class Templates(BuiltinTemplateLoader):
    """Sphinx's templates, whose pages are finished here."""

    def init(self, builder, theme=None, dirs=None):
        """Keeps the builder, which knows where pictures come from."""
        super().init(builder, theme, dirs)
        self.builder = builder

    def render(self, template, context):
        """Returns a page."""
        text = super().render(template, context)
        if self.builder.format != "html" or not template.endswith(".html"):
            return text
        images = Path(self.builder.outdir) / self.builder.imagedir
        text = ICON.sub(draw_icon, UNUSED.sub("", text))
        text = into_files(text, images, lambda name: context["pathto"](f"_images/{name}", 1))
        return lazy(text, self._file)

    def _file(self, address):
        """Returns the file behind an address in a page."""
        name = address.rpartition("/")[2]
        sources = {to: source for source, to in self.builder.images.items()}
        if "_static/" in address:
            return Path(self.builder.srcdir, "book/_static", name)
        if name in sources:
            return Path(self.builder.srcdir, sources[name])
        return Path(self.builder.outdir, self.builder.imagedir, name)


def leave_out(app, exception):
    """Takes Font Awesome out of the theme's files, but for its licence."""
    static = Path(app.outdir, "_static")
    styles = static / "styles" / "pydata-sphinx-theme.css"
    if exception or not styles.exists():
        return
    styles.write_text(GLYPHS.sub("", styles.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.rmtree(static / "vendor" / "fontawesome", ignore_errors=True)
    for path in static.rglob("*.map"):  # of the theme's sources, which no page has
        path.unlink()
    for name in ("fontawesome.js", "fontawesome.js.map"):
        (static / "scripts" / name).unlink(missing_ok=True)


def stand_in(app, config):
    """Has Sphinx take the templates from here."""
    config.template_bridge = f"{__name__}.{Templates.__name__}"


def setup(app):
    app.connect("config-inited", stand_in)
    app.connect("build-finished", leave_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
