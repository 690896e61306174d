"""The book on paper and as an e-book: a small one that has each kind of thing, and one chapter.

Needs Chromium; without it, and for the chapter without the built book, tests are skipped.
GANLIB_REQUIRE_BROWSER=1 makes that a failure. `make pdf` asks of the whole book what is asked here.
"""

import os
import re
import zipfile
from pathlib import Path

import bs4
import numpy as np
import pytest
from PIL import Image

REASON = "of requirements.txt is not in this environment, which is older"
pikepdf = pytest.importorskip("pikepdf", reason=f"pikepdf {REASON}")
pypdfium2 = pytest.importorskip("pypdfium2", reason=f"pypdfium2 {REASON}")
etree = pytest.importorskip("lxml.etree", reason=f"lxml {REASON}")

from tools.print import __main__ as command  # noqa: E402, after what it needs
from tools.print import browser, check, epub, layout, pages  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
CHAPTER = "book/03_minimax_game"
pytestmark = pytest.mark.xdist_group("print")

HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title>
<link rel="stylesheet" href="../_static/site.css?v=1">
<script>window.MathJax = {"options": {"processHtmlClass": "math"}}</script>
<script src="../_static/mathjax/tex-chtml.js"></script></head><body>
<article class="bd-article"><section class="mathjax_ignore" id="top">"""
CHAPTER_BODY = r"""<h1>1 · A game<a class="headerlink" href="#top">#</a></h1>
<p>Text, with a link to <a href="#answer">the answer</a>, to the
<a href="../notebooks/01_game.html#summary">lab’s summary</a>, to
<a href="https://example.org/">a site</a> and to <a href="../genindex.html">the index</a>.</p>
<section id="first"><h2>The value of <span class="math">\(V\)</span></h2>
<div class="math" id="equation-v"><span class="eqno">(1.1)</span>
\[ V = \int_0^1 \log D(x)\,dx \]</div>
<details class="hide"><summary>Show code</summary><pre>code = 1</pre></details>
<details id="answer"><summary>An answer</summary><p>It is so.</p></details>
<img class="only-dark" src="../_static/dark.png" alt="dark">
<img src="../_static/a%20b.png" alt="light">
<svg viewBox="0 0 9 9" width="90">
<defs><clipPath id="c"><rect width="4" height="9"/></clipPath></defs>
<rect width="9" height="9" clip-path="url(#c)"/></svg>
<h3>Deeper</h3><p>More.</p></section>
<section id="second"><h2>Second</h2>
<p>The end is <span class="math">\(\mathbb{R}^{d} \ni \sqrt{\alpha + 1}\)</span>.</p></section>"""
LAB_BODY = r"""<h1>Lab 1: the game</h1>
<p>See <a href="../book/01_game.html#equation-v">(1.1)</a>.</p>
<figure class="gan-player" data-sheet="data:image/webp;base64,AAAA">
<img src="../_static/a%20b.png" alt="film">
<figcaption>step 9</figcaption><script>play()</script></figure>
<section id="summary"><h2>Summary</h2><p>Done.</p></section>"""


def write_site(folder, **bodies):
    """Writes a site of two pages; returns its folder and these pages."""
    static = folder / "_static"
    static.mkdir(parents=True)
    (static / "mathjax").symlink_to(ROOT / "book" / "vendor" / "mathjax")
    (static / "site.css").write_text(
        "p { color: #111 }\n@media (max-width: 9999px) { p { display: none } }"
    )
    Image.fromarray(np.arange(4800, dtype=np.uint8).reshape(60, 80)).save(static / "a b.png")
    listed = [
        pages.Page("book/01_game", "Ideas"),
        pages.Page("notebooks/01_game", "Ideas", depth=1),
    ]
    for page in listed:
        path = folder / f"{page.name}.html"
        path.parent.mkdir()
        usual = CHAPTER_BODY if page.volume == "chapters" else LAB_BODY
        body = bodies.get(page.volume, usual)
        path.write_text(f"{HEAD}{body}</section></article></body></html>", encoding="utf-8")
    return folder, listed


@pytest.fixture(scope="module")
def chromium():
    """Skips a test where there is no Chromium."""
    try:
        browser.find()
    except FileNotFoundError as error:
        if os.environ.get("GANLIB_REQUIRE_BROWSER", "0") != "0":
            pytest.fail(f"GANLIB_REQUIRE_BROWSER is set, but {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def volumes(tmp_path_factory, chromium):
    """The small book, printed: (paths of the chapters and the labs, complaints)."""
    folder = tmp_path_factory.mktemp("print")
    site, listed = write_site(folder / "site")
    return command.print_volumes(site, folder / "out", pages.assembled(site, listed))


# --- what becomes of a page ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "address", "expected"),
    [
        ("#answer", "", "#book-01_game--answer"),
        ("01_game.html", "", "#book-01_game"),
        (
            "../notebooks/01_game.html#summary",
            "",
            f"{pages.OTHER_VOLUME}labs#notebooks-01_game--summary",
        ),
        ("https://example.org/#a", "", "https://example.org/#a"),
        ("mailto:a@example.org", "", "mailto:a@example.org"),
        ("../genindex.html", "", None),
        ("../genindex.html#a", "https://b.github.io/c/", "https://b.github.io/c/genindex.html#a"),
        ("live.html#to-try", "", "#book-live"),  # of such a page only the beginning is printed
        ("live.html#k=2&pen=r1", "", "#book-live"),
        (
            "live.html#k=2&pen=r1",
            "https://b.github.io/c/",
            "https://b.github.io/c/book/live.html#k=2&pen=r1",
        ),
    ],
)
def test_where_links_lead(link, address, expected):
    listed = [pages.Page(name) for name in ("book/01_game", "notebooks/01_game", "book/live")]
    for page in listed:
        page.article = bs4.BeautifulSoup("<p></p>", "html.parser")
    listed[2].article = bs4.BeautifulSoup('<div class="live live-train"></div>', "html.parser")
    printed = {page.name: page for page in listed}
    assert pages.address_of(link, listed[0], printed, address) == expected


def test_page_that_computes_is_its_picture_and_a_link(tmp_path):
    body = (
        '<h1>Live</h1>\n<p>Why.</p>\n<div class="live live-train">'
        '<img src="../_static/a%20b.png" alt="a">'
        "<p>Here would be controls, but no script runs. Lab 2 has it.</p>\n</div>"
        '<section id="try"><h2>To try</h2><p>Press it.</p></section>'
    )
    site, (page, _) = write_site(tmp_path / "site", chapters=body)
    pages.prepare(site, page, "https://b.github.io/c/")
    text = " ".join(page.article.get_text().split())
    assert text == (
        "Live Why. Lab 2 has it. In the book’s web pages this computes in your browser: "
        "https://b.github.io/c/book/01_game.html."
    )
    assert len(page.article.select("img")) == 1


def test_every_page_of_the_contents_is_in_one_volume():
    names = [page.name for page in pages.listed()]
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    assert names == re.findall(r"(?:file|root): (\S+)", toc)
    assert {page.volume for page in pages.listed()} == set(pages.VOLUMES)
    with pytest.raises(ValueError, match="expected names of _toc"):
        pages.listed(["02_two_networks"])


# --- the checks notice what they should ----------------------------------------------------------


def symbol(size, mirrored=False, wider=1):
    """A shape like no other: a bar, a block and a slope."""
    picture = np.full((size, size), 255, np.uint8)
    picture[:, : size // 5] = 0
    picture[size // 8 : size // 3, size // 2 : size // 2 + size // 3] = 0
    picture[np.add.outer(np.arange(size), -np.arange(size)) > 0.6 * size] = 0
    image = Image.fromarray(picture[:, ::-1] if mirrored else picture)
    return image.resize((int(size * wider), size))


def test_pictures_of_one_formula_agree_at_any_size():
    assert check.unlikeness(symbol(60), symbol(211)) is None
    assert "correlate" in check.unlikeness(symbol(60, mirrored=True), symbol(60))
    assert "proportions" in check.unlikeness(symbol(60, wider=1.3), symbol(60))
    assert "blank" in check.unlikeness(Image.new("L", (9, 9), 255), symbol(60))


def test_missing_and_strange_bookmarks_are_named():
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        with pdf.open_outline() as outline:
            outline.root.append(pikepdf.OutlineItem("One", 0))
            outline.root[0].children.append(pikepdf.OutlineItem("OneOne", 0))
        assert check.bookmark_complaints(pdf, ["One", "Two"]) == [
            "no bookmark leads to 'Two'",
            "a bookmark has no heading: 'OneOne'",
        ]


def test_links_that_lead_nowhere_are_named():
    def link(**entries):
        return pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, **entries)

    def to(address):
        return link(A=pikepdf.Dictionary(S=pikepdf.Name.URI, URI=address))

    def afar(name):
        action = pikepdf.Dictionary(S=pikepdf.Name.GoToR, F="labs.pdf", D=pikepdf.Name(name))
        return link(A=action)

    with pikepdf.new() as pdf:
        links = [link(Dest=pikepdf.Name(name)) for name in ("/here", "/gone")]
        links += [afar("/there"), afar("/lost"), to("https://example.org"), to("file:///a.html")]
        pdf.add_blank_page().Annots = pikepdf.Array(links)
        found = check.link_complaints(pdf, {"": {"here"}, "labs.pdf": {"there"}})
    assert found == [
        f"page 1: a link leads nowhere: {name}"
        for name in ("gone", "labs.pdf: lost", "file:///a.html")
    ]


def test_faults_of_a_volume_are_found(tmp_path, chromium):
    wide = "<table><tr>" + "<td>1234567890</td>" * 40 + "</tr></table>"
    body = (
        '<h1>Faulty</h1><p><a href="#gone">x</a> <span class="math">\\(\\frac{a}\\)</span></p>'
        '<p><span class="math">\\(\\nosuch + 1\\)</span></p>'
        '<p><span class="math">x^2</span><img src="../_static/lost.png" alt="a"></p>'
        f"<div>{wide}</div>"
        '<p><span class="math">\\(a + b\\)</span></p>'
    )
    site, listed = write_site(tmp_path / "site", chapters=body)
    everything = pages.assembled(site, listed[:1])
    path = site / "book" / "01_game.html"  # the site then has another formula than what is printed
    path.write_text(
        path.read_text(encoding="utf-8").replace("a + b", r"x_{\infty}^2"), encoding="utf-8"
    )
    _, found = command.print_volumes(site, tmp_path / "out", everything)
    text = "\n".join(found)
    for part in (
        "a formula has an error: book-01_game: Missing argument",
        "a formula has an error: book-01_game: \\nosuch",
        "a formula is not set: book-01_game: x^2",
        "a picture is missing: file://",
        "a table does not fit",
        "a link leads nowhere: book-01_game--gone",
        "the last formula differs",
    ):
        assert part in text


# --- the small book ------------------------------------------------------------------------------


def test_small_book_has_no_complaints(volumes):
    paths, complaints = volumes
    assert complaints == []
    assert [path.name for path in paths] == [
        layout.file_name(name) for name in ("chapters", "labs")
    ]


def test_bookmarks_stand_below_each_other(volumes):
    with pikepdf.open(volumes[0][0]) as pdf, pdf.open_outline() as outline:
        (part,) = outline.root
        (page,) = part.children
        first, second = page.children
        assert (part.title, page.title) == ("Ideas", "1 · A game")
        assert (first.title, second.title) == ("The value of V", "Second")
        assert [one.title for one in first.children] == ["Deeper"]


def test_text_is_complete_and_the_contents_name_its_pages(volumes):
    document = pypdfium2.PdfDocument(volumes[0][0])
    texts = [page.get_textpage().get_text_range() for page in document]
    document.close()
    assert "Text, with a link" in texts[2]  # though rules for narrow screens would hide it
    assert "It is so." in texts[2]
    assert "Show code" not in "".join(texts)
    contents = " ".join(texts[1].split())
    assert re.findall(r"\b\d+\b", contents.replace("1 · A game", "")) == ["2", "3", "3", "3"]
    assert "1 · A game" in texts[2].splitlines()[0] + texts[2].splitlines()[1]  # the running head


def test_links_reach_the_other_volume(volumes):
    chapters, labs = volumes[0]
    with pikepdf.open(chapters) as pdf:
        actions = [link.get("/A", {}) for page in pdf.pages for link in page.get("/Annots", [])]
    afar = [(str(one.F), str(one.D)) for one in actions if one.get("/S") == "/GoToR"]
    assert afar == [(labs.name, "/notebooks-01_game--summary")]


def test_clipped_drawing_is_clipped(volumes):
    document = pypdfium2.PdfDocument(volumes[0][0])
    grey = np.asarray(document[2].render(scale=2, grayscale=True).to_pil())
    document.close()
    # 90 pixels of CSS wide, 67.5 points, of which 4/9 are black: 60 pixels of the picture.
    rows = ["".join(map(str, (row < 30).astype(int))) for row in grey]
    assert abs(max(len(run) for row in rows for run in re.findall("1+", row)) - 60) <= 2


# --- the e-book ----------------------------------------------------------------------------------


def test_small_e_book(tmp_path, chromium):
    site, listed = write_site(tmp_path / "site")
    (path,), complaints = epub.make(site, tmp_path / "out", pages.assembled(site, listed))
    assert complaints == []
    with zipfile.ZipFile(path) as file:
        first = file.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        texts = {name: file.read(name) for name in file.namelist()}
    trees = {
        name: etree.fromstring(text) for name, text in texts.items() if name.endswith(".xhtml")
    }
    chapter, lab = trees["book-01_game.xhtml"], trees["notebooks-01_game.xhtml"]
    formulas = list(chapter.iter(f"{{{epub.MATHML}}}math"))
    assert [one.get("alttext")[:5] for one in formulas] == ["V", "V = \\", "\\math"]
    assert "ℝ" in "".join(formulas[2].itertext())
    links = [
        one.get("href") for one in [*chapter.iter("{*}a"), *lab.iter("{*}a")] if one.get("href")
    ]
    assert links == [
        "book-01_game.xhtml#book-01_game--answer",
        "notebooks-01_game.xhtml#notebooks-01_game--summary",
        "https://example.org/",
        "book-01_game.xhtml#book-01_game--equation-v",
    ]
    manifest = etree.fromstring(texts["book.opf"])
    items = {one.get("href") for one in manifest.iter("{*}item")}
    assert items == set(texts) - {"mimetype", "META-INF/container.xml", "book.opf"}


@pytest.mark.parametrize(
    ("character", "variant", "expected"),
    [
        ("R", "double-struck", "\N{DOUBLE-STRUCK CAPITAL R}"),
        ("k", "double-struck", "\N{MATHEMATICAL DOUBLE-STRUCK SMALL K}"),
        ("L", "script", "\N{SCRIPT CAPITAL L}"),
        ("C", "fraktur", "\N{BLACK-LETTER CAPITAL C}"),
        ("θ", "bold-italic", "\N{MATHEMATICAL BOLD ITALIC SMALL THETA}"),
        ("1", "bold", "\N{MATHEMATICAL BOLD DIGIT ONE}"),
        ("+", "bold", None),
    ],
)
def test_letters_in_a_style_have_characters_of_their_own(character, variant, expected):
    assert epub.styled(character, variant) == expected


def test_dead_link_of_an_e_book_is_found():
    links = '<a id="a" href="b.xhtml#x"/><a href="a.xhtml#a"/>'
    page = etree.fromstring(f'<p xmlns="{epub.XHTML}">{links}</p>')
    trees = {"a": page, "b": etree.fromstring("<p/>")}
    assert epub.link_complaints(trees) == ["a: a link leads nowhere: b.xhtml#x"]


# --- the book ------------------------------------------------------------------------------------


def test_chapter_on_paper_is_the_chapter_on_the_site(rendered_book, tmp_path, chromium):
    everything = pages.assembled(rendered_book, pages.listed([CHAPTER]))
    (path,), complaints = command.print_volumes(rendered_book, tmp_path, everything)
    assert complaints == []
    with pikepdf.open(path) as pdf:
        assert len(pdf.pages) > 5
        # Counted apart from the checks: the site's own formulas and headings, as text.
        marks = check.bookmarks_of(pdf)
    text = (rendered_book / f"{CHAPTER}.html").read_text(encoding="utf-8")
    article = text[text.index("<article") : text.index("</article>")]
    assert len(marks) == len(re.findall(r"<h[1-6]\b", article)) + 1  # its part


def test_without_a_built_book_the_command_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "SITE", tmp_path)
    assert command.main(["pdf"]) == 1
    assert "make book" in capsys.readouterr().err


def test_without_chromium_the_command_says_what_to_install(monkeypatch, tmp_path, capsys):
    (tmp_path / "index.html").touch()
    monkeypatch.setattr(command, "SITE", tmp_path)
    monkeypatch.setattr(browser, "BROWSERS", ("no-such-browser",))
    assert command.main(["pdf"]) == 1
    assert "apt install chromium" in capsys.readouterr().err
