"""The book as one EPUB: the same pages, with formulas in MathML.

The MathJax that sets the site's formulas turns them into MathML, so there is one reading of their
TeX. Chromium writes the pages as XML.
"""

import base64
import datetime
import functools
import html
import io
import re
import shutil
import subprocess
import unicodedata
import uuid
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import etree
from PIL import Image

import ganlib
from tools.print import browser, layout
from tools.print import pages as book

NAME = "gans-by-experiment.epub"
XHTML, MATHML = "http://www.w3.org/1999/xhtml", "http://www.w3.org/1998/Math/MathML"
SVG = "http://www.w3.org/2000/svg"
IMAGE = re.compile(r"data:image/([a-z]+)(?:\+xml)?;base64,(.*)", re.DOTALL)
TYPES = {"svg": "svg+xml", "jpg": "jpeg"}
TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>pages</title>
<script>{mathjax};
MathJax.startup = {{typeset: false}};
MathJax.options.renderActions = {{
  typeset: [150, (all) => {{ for (const one of all.math) mathml(one); }}, mathml],
  addMenu: [], assistiveMml: [],  // which want what is not MathML
}};
function mathml(item) {{
  const box = document.createElement("span");
  box.innerHTML = MathJax.startup.toMML(item.root);
  item.typesetRoot = box.firstElementChild;
  item.typesetRoot.setAttribute("alttext", item.math.trim());
}}</script>
<script src="{folder}/_static/mathjax/tex-chtml.js"></script></head>
<body>{body}</body></html>
"""
CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"
lang="en" xml:lang="en">
<head><title>{title}</title><link rel="stylesheet" href="book.css"/></head>
<body>{body}</body></html>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:uuid:{identifier}</dc:identifier>
<dc:title>{title}</dc:title><dc:creator>{author}</dc:creator><dc:language>en</dc:language>
<dc:rights>Text and figures: CC BY 4.0. Code: MIT.</dc:rights>
<meta property="dcterms:modified">{modified}</meta>
<meta property="schema:accessMode">textual</meta>
<meta property="schema:accessMode">visual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityFeature">structuralNavigation</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
<meta property="schema:accessibilitySummary">Figures have descriptions; formulas are MathML.</meta>
</metadata>
<manifest>
{manifest}
</manifest>
<spine>
{spine}
</spine>
</package>
"""


# ---- formulas -----------------------------------------------------------------------------------

STYLES = {
    "bold": "BOLD",
    "italic": "ITALIC",
    "bold-italic": "BOLD ITALIC",
    "double-struck": "DOUBLE-STRUCK",
    "script": "SCRIPT",
    "bold-script": "BOLD SCRIPT",
    "fraktur": "FRAKTUR",
    "sans-serif": "SANS-SERIF",
    "bold-sans-serif": "SANS-SERIF BOLD",
    "monospace": "MONOSPACE",
}
OLDER = {"fraktur": "BLACK-LETTER"}


@functools.cache
def styled(character, variant):
    """Returns a letter or digit in a style that Unicode has, or None: R, double-struck, is ℝ."""
    name = unicodedata.name(character, "")
    what = re.sub(r"^(?:LATIN|GREEK) (\w+) LETTER ", r"\1 ", name)
    # Some letters are older than the others: ℝ, ℒ, ℭ.
    for prefix in (f"MATHEMATICAL {STYLES[variant]}", STYLES[variant], OLDER.get(variant, "")):
        try:
            return unicodedata.lookup(f"{prefix} {what}")
        except KeyError:
            continue
    return None


def spell_variants(tree):
    """Writes letters in the characters that stand for their style.

    Browsers, and the readers that are made of them, know ``mathvariant`` no longer, so a ℝ would
    become an R.
    """
    for tag in tree.iter(f"{{{MATHML}}}mi", f"{{{MATHML}}}mn", f"{{{MATHML}}}mo"):
        variant = tag.get("mathvariant")
        if variant in STYLES and tag.text:
            letters = [styled(one, variant) for one in tag.text]
            if None not in letters:
                tag.text = "".join(letters)
                del tag.attrib["mathvariant"]


# ---- pages --------------------------------------------------------------------------------------


def serialized(site, pages, folder):
    """Returns each page as XML, with MathML, and the complaints about formulas.

    Args:
        site: path of the built book.
        pages: list of Page.
        folder: path, for a file in between.

    Returns:
        (texts, complaints): dict of slug -> str; list of str.
    """
    body = "".join(
        f'<section id="{page.slug}">{page.article.decode_contents()}</section>' for page in pages
    )
    source = folder / "epub.html"
    source.write_text(
        TEMPLATE.format(
            mathjax=layout.mathjax_settings(site, pages), folder=site.resolve().as_uri(), body=body
        ),
        encoding="utf-8",
    )
    with browser.chromium() as chromium:
        tab = browser.open_page(chromium, source)
        tab.evaluate("MathJax.startup.promise.then(() => MathJax.typesetPromise())")
        texts = tab.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll("body > section")].map(
                (page) => [page.id, new XMLSerializer().serializeToString(page)]))"""
        )
        complaints = tab.noted + tab.evaluate(
            """() => [...document.querySelectorAll(".math")].filter(
                (one) => !one.querySelector("math")
                    || one.querySelector("merror, mtext[mathcolor=red]")
            ).map((one) => `${one.closest("body > section").id}: a formula is not set: `
                + one.textContent.slice(0, 60))"""
        )
    source.unlink()
    return texts, complaints


def as_png(content):
    """Returns a picture's file as one in PNG."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(content)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


class Pictures:
    """The pictures of the book, each under a name within it."""

    def __init__(self, site):
        self.site, self.files = site.resolve(), {}

    def name(self, address, slug):
        """Returns the name of a picture, and keeps it.

        Args:
            address: str, of a file, or a picture written as an address.
            slug: of the page that shows it.
        """
        if match := IMAGE.match(address):
            content, name = base64.b64decode(match[2]), f"{slug}-{len(self.files)}.{match[1]}"
        else:
            path = Path(unquote(urlsplit(address).path))
            content = path.read_bytes()
            name = "-".join(path.relative_to(self.site).parts).lstrip("_")
        if name.endswith(".webp"):  # which EPUB has since 3.3, and many readers do not know
            content, name = as_png(content), name.removesuffix("webp") + "png"
        self.files[f"images/{name}"] = content
        return f"images/{name}"


def tidy(tree, slug, pictures):
    """Makes a page of the site one of the e-book, in place.

    Args:
        tree: lxml element, its section.
        slug: name of its file.
        pictures: Pictures.
    """
    spell_variants(tree)
    for tag in tree.iter(etree.Element):
        for key in [key for key in tag.attrib if key.startswith("data-") or key in ("align",)]:
            del tag.attrib[key]
    for image in tree.iter(f"{{{XHTML}}}img"):
        image.set("src", pictures.name(image.get("src"), slug))
        for key in {*image.attrib} - {"src", "alt", "id", "class", "style", "width", "height"}:
            del image.attrib[key]
    for link in tree.iter(f"{{{XHTML}}}a"):
        target = link.get("href", "").removeprefix(book.OTHER_VOLUME)
        target = re.sub(r"^(?:chapters|labs)(?=#)", "", target)
        if target.startswith("#"):
            page, _, name = target[1:].partition("--")
            link.set("href", f"{page}.xhtml" + (f"#{target[1:]}" if name else ""))


def link_complaints(trees):
    """Returns the links between pages that lead nowhere; dict of slug -> lxml element."""
    ids = {
        slug: {tag.get("id") for tag in tree.iter(etree.Element)} for slug, tree in trees.items()
    }
    found = []
    for slug, tree in trees.items():
        for link in tree.iter(f"{{{XHTML}}}a"):
            page, _, anchor = link.get("href", "").partition("#")
            if page.endswith(".xhtml"):
                there = ids.get(page.removesuffix(".xhtml"))
                if there is None or (anchor and anchor not in there):
                    found.append(f"{slug}: a link leads nowhere: {link.get('href')}")
    return found


# ---- the file -----------------------------------------------------------------------------------


def navigation(pages):
    """Returns the contents: parts, in them chapters, in these their sections and their labs."""

    def entry(page):
        sections = "".join(
            f'<li><a href="{page.slug}.xhtml#{heading["id"]}">{html.escape(book.plain(heading))}'
            "</a></li>"
            for heading in page.article.find_all("h2")
        )
        inner = f"<ol>{sections}</ol>" if sections else ""
        return f'<li><a href="{page.slug}.xhtml">{html.escape(page.title)}</a>{inner}</li>'

    parts, opened = [("", [])], set()
    for page in pages:
        if page.part and page.part not in opened:
            opened.add(page.part)
            parts.append((page.part, []))
        parts[-1][1].append(entry(page))
    lines = "".join(
        f"<li><span>{html.escape(caption)}</span><ol>{''.join(entries)}</ol></li>"
        if caption
        else "".join(entries)
        for caption, entries in parts
    )
    return f'<nav epub:type="toc" role="doc-toc"><h1>Contents</h1><ol>{lines}</ol></nav>'


def properties(tree):
    """Returns the attribute that says what a page holds beside text, or ""."""
    found = [
        name
        for name, space in (("mathml", f"{{{MATHML}}}math"), ("svg", f"{{{SVG}}}svg"))
        if next(tree.iter(space), None) is not None
    ]
    return f' properties="{" ".join(found)}"' if found else ""


def package(pages, trees, images):
    """Returns the list of the files, with what the book says of itself."""
    config = layout.settings()
    manifest = [
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
        '<item id="title" href="title.xhtml" media-type="application/xhtml+xml" properties="svg"/>',
        '<item id="css" href="book.css" media-type="text/css"/>',
    ]
    for page in pages:
        manifest.append(
            f'<item id="{page.slug}" href="{page.slug}.xhtml" '
            f'media-type="application/xhtml+xml"{properties(trees[page.slug])}/>'
        )
    for number, name in enumerate(images):
        suffix = name.rsplit(".", 1)[1]
        kind = TYPES.get(suffix, suffix)
        manifest.append(f'<item id="i{number}" href="{name}" media-type="image/{kind}"/>')
    now = datetime.datetime.now(datetime.UTC)
    return PACKAGE.format(
        identifier=uuid.uuid5(uuid.NAMESPACE_URL, f"{config['title']} {ganlib.__version__}"),
        title=html.escape(config["title"]),
        author=html.escape(config["author"]),
        modified=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        manifest="\n".join(manifest),
        spine="\n".join(
            f'<itemref idref="{name}"/>' for name in ["title", "nav", *(p.slug for p in pages)]
        ),
    )


def write(path, pages, trees, images):
    """Writes the file: what it is comes first, and not compressed."""
    title = html.escape(layout.settings()["title"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        file.writestr("META-INF/container.xml", CONTAINER)
        file.writestr("book.opf", package(pages, trees, images))
        file.write(Path(__file__).parent / "epub.css", "book.css")
        file.writestr("title.xhtml", PAGE.format(title=title, body=layout.title_page("")))
        file.writestr("nav.xhtml", PAGE.format(title="Contents", body=navigation(pages)))
        for page in pages:
            body = etree.tostring(trees[page.slug], encoding="unicode")
            text = PAGE.format(title=html.escape(page.title), body=body)
            file.writestr(f"{page.slug}.xhtml", text)
        for name, content in images.items():
            file.writestr(name, content)


def checked(path):
    """Returns what epubcheck says of a file, or nothing where it is not installed."""
    command = shutil.which("epubcheck")
    if command is None:
        print("epubcheck is not installed, so it was not asked (Debian: apt install epubcheck)")
        return []
    result = subprocess.run([command, path], capture_output=True, text=True, check=False)
    said = (result.stdout + result.stderr).splitlines()
    messages = [line for line in said if re.match(r"(?:FATAL|ERROR|WARNING|USAGE)\b", line)]
    if result.returncode and not messages:
        messages = [f"epubcheck ends with {result.returncode}: {' '.join(said[-3:])}"]
    return messages


def make(site, folder, pages):
    """Makes the e-book, and checks it.

    Args:
        site: path of the built book.
        folder: path to write to.
        pages: list of Page, from `pages.assembled`.

    Returns:
        (paths, complaints): list of Path, list of str.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts, complaints = serialized(site, pages, folder)
    pictures, trees = Pictures(site), {}
    parser = etree.XMLParser(huge_tree=True)
    for page in pages:
        trees[page.slug] = etree.fromstring(texts[page.slug].encode(), parser)
        tidy(trees[page.slug], page.slug, pictures)
    complaints += link_complaints(trees)
    path = folder / NAME
    write(path, pages, trees, pictures.files)
    return [path], complaints + checked(path)
