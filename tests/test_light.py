"""Pages that weigh little: icons, pictures, and what a first visit to a chapter takes."""

import base64
import gzip
import io
import re
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

from tests.test_browser import (
    DESKTOP,
    PHONE,
    TEMPLATE,
    Reader,
    chromium,  # noqa: F401
    serve,
)
from tools import sphinx_light, sphinx_type

# --- icons ---------------------------------------------------------------------------------------


def test_icon_is_drawn_with_what_its_element_says():
    text = '<b><i class="theme-switch fa-solid fa-sun   fa-lg" data-mode="light"></i></b>'
    drawn = sphinx_light.ICON.sub(sphinx_light.draw_icon, text)
    assert re.fullmatch(
        r'<b><svg class="drawn-icon theme-switch fa-solid fa-sun fa-lg" data-mode="light" '
        r'aria-hidden="true" viewBox="0 0 512 512"><path fill="currentColor" d="M[^"]+"/></svg>'
        r"</b>",
        drawn,
    )


@pytest.mark.parametrize(("style", "name"), [("fas", "file"), ("far", "file"), ("fab", "github")])
def test_icon_has_the_shape_of_its_style(style, name):
    width, height, path = sphinx_light.drawing(style, name)
    assert 0 < int(width) <= int(height) == 512
    assert (path != sphinx_light.drawing("fas", "file")[2]) == (style != "fas")


def test_icon_that_is_not_there_is_named():
    with pytest.raises(KeyError, match="no icon 'sunn'"):
        sphinx_light.drawing("fas", "sunn")


def test_scripts_that_nothing_uses_are_left_out():
    text = (
        '<script defer src="../_static/scripts/fontawesome.js?digest=5"></script>\n'
        '<script src="../searchindex.js"></script>\n<link href="_static/sphinx-thebe.css?v=4" />\n'
        '<script src="_static/search.js"></script><link href="_static/custom.css" />'
    )
    kept = '\n<script src="_static/search.js"></script><link href="_static/custom.css" />'
    assert sphinx_light.UNUSED.sub("", text).strip() == kept.strip()


def test_style_sheet_loses_names_of_icons_and_their_font_only():
    css = (
        '.fa-sun:before,.fa-day:before{content:"\\f185"}.fa-lg{font-size:1.25em}'
        "@font-face{font-family:Font Awesome\\ 6 Free;src:url(x)}p{color:red}"
    )
    assert sphinx_light.GLYPHS.sub("", css) == ".fa-lg{font-size:1.25em}p{color:red}"


def test_font_awesome_is_left_out_but_for_its_licence(tmp_path):
    kept = ["_static/styles/pydata-sphinx-theme.css", "_static/scripts/fontawesome.js.LICENSE.txt"]
    gone = ["_static/scripts/fontawesome.js", "_static/vendor/fontawesome/webfonts/a.woff2"]
    for name in kept + gone:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('.fa-sun:before{content:"x"}p{}')
    sphinx_light.leave_out(SimpleNamespace(outdir=str(tmp_path)), None)
    assert [name for name in kept + gone if (tmp_path / name).exists()] == kept
    assert (tmp_path / kept[0]).read_text() == "p{}"


# --- pictures ------------------------------------------------------------------------------------


def test_picture_waits_in_a_space_of_its_size(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a b.png")
    (tmp_path / "c.svg").write_text("<svg/>")
    text = (
        '<img alt="x" src="../_images/a%20b.png" /><img src="a%20b.png" style="width: 9px">'
        '<img src="a%20b.png" width="3"><img loading="eager" src="c.svg">'
    )
    expected = (
        '<img alt="x" src="../_images/a%20b.png" loading="lazy" decoding="async" width="30" '
        'height="20"><img src="a%20b.png" style="width: 9px" loading="lazy" decoding="async" '
        'width="30" height="20"><img src="a%20b.png" width="3" loading="lazy" decoding="async">'
        '<img loading="eager" src="c.svg" decoding="async">'
    )
    found = sphinx_light.lazy(text, lambda address: tmp_path / address.rpartition("/")[2])
    assert found == expected


def test_pictures_in_a_page_become_files(tmp_path):
    buffer = io.BytesIO()
    Image.effect_noise((60, 60), 50).save(buffer, "png")
    data = base64.b64encode(buffer.getvalue()).decode()
    small = 'src="data:image/png;base64,AAAA"'
    text = f'<figure data-sheet="data:image/png;base64,{data}"><img {small}></figure>'
    found = sphinx_light.into_files(text, tmp_path, lambda name: f"../_images/{name}")
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == buffer.getvalue()
    assert found == f'<figure data-sheet="../_images/{path.name}"><img {small}></figure>'


def test_page_is_finished_on_its_way_from_the_template(tmp_path, monkeypatch):
    monkeypatch.setattr(
        sphinx_light.BuiltinTemplateLoader,
        "render",
        lambda self, template, context: '<i class="fas fa-file"></i><img src="x.png">',
    )
    templates = sphinx_light.Templates()
    templates.builder = SimpleNamespace(
        format="html", outdir=str(tmp_path), srcdir=str(tmp_path), imagedir="_images", images={}
    )
    text = templates.render("page.html", {"pathto": lambda name, _: name})
    assert text.startswith("<svg")
    assert 'loading="lazy"' in text
    assert templates.render("opensearch.xml", {}).startswith("<i")


# --- type ----------------------------------------------------------------------------------------


def test_formula_holds_the_sign_that_follows_it():
    formula = r'<span class="math notranslate nohighlight">\(x &lt; 1\)</span>'
    held = f'<span class="held">({formula}).</span>'
    text = sphinx_type.hold_together(f"<p>A ({formula}). B {formula} c.</p>")
    assert text == f"<p>A {held} B {formula} c.</p>"


# --- a first visit -------------------------------------------------------------------------------

CHAPTERS = [
    "01_why_generate",
    "02_two_networks",
    "06_measuring",
    "08_own_images",
    "10_fast_and_large",
    "22_distances_and_samples",
]
DRAWING = re.compile(r'<svg\b[^>]*class="ganlib-figure".*?</svg>', re.DOTALL)
PICTURES = (".png", ".webp", ".svg", ".jpg")
PACKED = (".woff", ".woff2")


def weight(path):
    """Returns the bytes of a file as a server sends them; of a page, without its drawings."""
    data = path.read_bytes()
    if path.suffix == ".html":
        data = DRAWING.sub("", data.decode("utf-8")).encode("utf-8")
    return len(data) if path.suffix in PACKED else len(gzip.compress(data, 6))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_first_visit_to_a_chapter_is_light(chromium, rendered_book, chapter):  # noqa: F811
    asked = set()
    with serve(rendered_book) as address:
        # A visitor of its own: Chromium fetches ahead the fonts that a site's other pages needed.
        visitor = Reader(chromium, address)
        visitor.page.on("request", lambda request: asked.add(request.url))
        visitor.open(f"book/{chapter}.html", DESKTOP, "light")
        visitor.page.close()
    paths = [unquote(urlsplit(url).path).lstrip("/") for url in asked if url.startswith("http")]
    sizes = {
        path: weight(rendered_book / path) for path in set(paths) if not path.endswith(PICTURES)
    }
    formulas = sum(size for path, size in sizes.items() if "mathjax" in path)
    rest = sum(sizes.values()) - formulas
    heaviest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    assert rest <= 200_000, heaviest
    assert rest + formulas <= 600_000, heaviest
    assert len(sizes) <= 40, sorted(sizes)
    assert not [path for path in sizes if "search" in path or "fontawesome" in path]


def test_every_picture_waits_and_has_its_size(rendered_book):
    for path in [*(rendered_book / "book").glob("*.html"), *rendered_book.glob("notebooks/*.html")]:
        text = path.read_text(encoding="utf-8")
        for image in re.findall(r"<img[^>]*>", text):
            assert 'loading="lazy"' in image, path.name
            assert ".svg" in image or re.search(r"\b(width|height)\b", image), (
                path.name,
                image[:200],
            )
        assert not re.search(r"data:image/(png|webp);base64,[^\"]{20000}", text), path.name


def test_pictures_far_below_are_not_asked_for(chromium, tmp_path):  # noqa: F811
    for name in ("near", "far"):
        Image.new("RGB", (30, 20)).save(tmp_path / f"{name}.png")
    text = '<img src="near.png"><p style="height: 20000px"></p><img src="far.png">'
    page = TEMPLATE.format(sphinx_light.lazy(text, lambda address: tmp_path / address))
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    asked = []
    with serve(tmp_path) as address:
        reader = Reader(chromium, address)
        reader.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
        reader.open("page.html", PHONE, "light")
    assert "near.png" in asked
    assert "far.png" not in asked
