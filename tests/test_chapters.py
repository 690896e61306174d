"""Chapters carry their file's number, and so does all that is counted in them."""

import html
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from docutils import nodes

from tests.test_book import HTML, ROOT, rendered  # noqa: F401 (a fixture)
from tools import sphinx_chapters

CHAPTERS = sorted((ROOT / "book").glob("[0-9][0-9]_*.md"))
LABS = sorted((ROOT / "notebooks").glob("*.ipynb"))
KINDS = "Figure|Table|Listing|Algorithm|Corollary|Definition|Lemma|Proposition|Remark|Theorem"
NUMBER = rf"(?:{KINDS}|Exercise) (\w+\.\d+)|\((\w+\.\d+)\)"
# The elements that may hold a number, with the id that a reference leads to.
NUMBERED = re.compile(
    r'<(?:figure|table|div)\b[^>]*\bid="(?P<id>[^"]+)"[^>]*>'
    r'(?P<between>(?:(?!\bid=").)*?)'
    r'<span class="(?P<kind>caption-number|eqno)">(?P<text>[^<]*)',
    re.DOTALL,
)
ANY_NUMBER = re.compile(r'<span class="(?:caption-number|eqno)">')
LINK = re.compile(
    r'<a class="reference internal[^"]*" href="([^"#]*)#([^"]+)"[^>]*>(.*?)</a>', re.DOTALL
)


def plain(text):
    """Returns the text of a piece of HTML, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split())


def numbers(text):
    """Returns the numbers of a rendered page: id -> "Theorem 3.1", "(5.3)"."""
    text = re.sub(r"<svg\b.*?</svg>", "", text, flags=re.DOTALL)  # a drawing has ids of its own
    return {match["id"]: plain(match["text"]) for match in NUMBERED.finditer(text)}


def number_complaints(page, found):
    """Returns the numbers of a page, given by its stem, that do not start with the page's own."""
    number = sphinx_chapters.chapter_number(page) or sphinx_chapters.APPENDIX
    return [
        f"{page}: {text!r} should be numbered {number}.…"
        for text in found.values()
        if not re.fullmatch(rf"(?:[A-Z][a-z]+ )?\(?{number}\.[1-9]\d*\)?", text)
    ]


def reference_complaints(pages, found):
    """Returns the references of pages (path -> text) that show another number than their target."""
    complaints = []
    for path, text in pages.items():
        for target, anchor, shown in LINK.findall(text):
            there = (path.parent / unquote(target)).resolve() if target else path
            expected = found.get(there, {}).get(unquote(anchor))
            says = re.match(NUMBER, plain(shown))
            if expected and says and says[0] != expected:
                complaints.append(f"{path.stem}: {says[0]} leads to {expected}")
    return complaints


# --- the sources ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_title_of_a_chapter_has_its_number(path):
    number = int(path.stem[:2])
    assert re.match(rf"# {number} · \S", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_title_of_a_lab_has_its_number(path):
    title = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
    assert re.match(rf"# Lab {int(path.stem[:2])}: \S", title)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_number_is_written_by_hand(path):
    """But for those of other people's papers, which stand beside a citation."""
    found = re.findall(
        rf"^.*\b(?:{KINDS}|Exercise|Fig\.|Eq\.|Equation)s? \(?\d.*$",
        path.read_text(encoding="utf-8"),
        re.MULTILINE | re.IGNORECASE,
    )
    assert [line for line in found if "{cite" not in line] == []


# --- the extension -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("docname", "expected"),
    [
        ("book/07_dcgan", 7),
        ("notebooks/21_gans_and_vaes", 21),
        ("03_a", 3),
        ("book/errata", None),
        ("book/3d_models", None),
        ("07_parts/notes", None),
    ],
)
def test_number_is_that_of_the_file(docname, expected):
    assert sphinx_chapters.chapter_number(docname) == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", True),
        ("It ends. ", True),
        ("Why?\n", True),
        ("He said “no.” ", True),
        ("See ", False),
        ("(", False),
        ("as here: ", False),
        ("in version 2.1 of ", False),
    ],
)
def test_beginning_of_a_sentence_is_seen(before, expected):
    reference = nodes.inline("", "chapter 1")
    nodes.paragraph("", "", nodes.strong("", before), reference)
    assert sphinx_chapters.begins_sentence(reference) is expected


CHAPTER = """# {number} · Title

{{doc}}`07_b` and {{doc}}`notebooks/07_b` cite {{prf:ref}}`th-b`, {{eq}}`eq-b`, {{numref}}`tab-b`,
{{ref}}`ex-b`, {{numref}}`tab-z`. See {{doc}}`07_b`. [](07_b.md) {{doc}}`words <07_b>` {{doc}}`z`

## Section

```{{csv-table}} Caption
:name: tab-{label}0
1, 2
```

### Part

```{{csv-table}} Caption
:name: tab-{label}
1, 2
```

$$ x = 1 $$ (eq-{label})

```{{prf:theorem}}
:label: th-{label}
Text.
```

```{{exercise}}
:label: ex-{label}
Text.
```

```{{solution}} ex-{label}
Text.
```
"""


def test_book_with_gaps_is_numbered_by_chapter(tmp_path):
    extensions = ["myst_parser", "sphinx_proof", "sphinx_exercise", "sphinx_chapters"]
    (tmp_path / "conf.py").write_text(
        f"import sys; sys.path.append({str(ROOT / 'tools')!r})\nextensions = {extensions!r}\n"
        "myst_enable_extensions = ['dollarmath']\nnumfig = True\nmath_eqref_format = '({number})'\n"
    )
    toctree = "\n\n```{toctree}\n03_a\n07_b\nz\n```\n"
    (tmp_path / "index.md").write_text(f"# Book{toctree}")
    (tmp_path / "03_a.md").write_text(CHAPTER.format(number=3, label="a"), encoding="utf-8")
    chapter = CHAPTER.format(number=7, label="b") + "\n```{toctree}\nnotebooks/07_b\n```\n"
    (tmp_path / "07_b.md").write_text(chapter, encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    table = "# {}\n\n```{{csv-table}} Caption\n:name: tab-{}\n1, 2\n```\n"
    (tmp_path / "notebooks" / "07_b.md").write_text(table.format("Lab 7: title", "lab"))
    (tmp_path / "z.md").write_text(table.format("Appendix", "z"))
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", ".", "html"]
    subprocess.run(command, cwd=tmp_path, check=True)
    page = (tmp_path / "html" / "03_a.html").read_text(encoding="utf-8")
    assert list(numbers(page).values()) == [
        "Table 3.1",
        "Table 3.2",
        "(3.1)",
        "Theorem 3.1",
        "Exercise 3.1",
    ]
    assert plain(re.search("<h1>(.*?)<a", page)[1]) == "3 · Title"
    assert plain(re.search("<h2>(.*?)<a", page)[1]) == "Section"
    text = plain(re.search("<p>(.*?)</p>", page, re.DOTALL)[1])
    assert text == (
        "Chapter 7 and lab 7 cite Theorem 7.1, (7.1), Table 7.2, Exercise 7.1, Table A.1. "
        "See chapter 7. 7 · Title words Appendix"
    )
    assert "Solution to Exercise 3.1" in plain(page)
    assert 'title="7 · Title"' in page
    lab = (tmp_path / "html" / "notebooks" / "07_b.html").read_text(encoding="utf-8")
    assert list(numbers(lab).values()) == ["Table 7.3"]


# --- the rendered book ---------------------------------------------------------------------------


def test_wrong_numbers_are_noticed():
    page = '<div class="x" id="a"><p><span class="caption-number">{} </span></p></div>'
    here, there = Path("/b/03_a.html"), Path("/b/07_b.html")
    right, wrong = numbers(page.format("Theorem 7.1")), numbers(page.format("Theorem 8"))
    assert number_complaints("07_b", right) == []
    assert number_complaints("07_b", wrong) == ["07_b: 'Theorem 8' should be numbered 7.…"]
    link = '<a class="reference internal" href="07_b.html#a"><span>Theorem 7.1</span></a>'
    assert reference_complaints({here: link}, {there: right}) == []
    assert reference_complaints({here: link}, {there: wrong}) == [
        "03_a: Theorem 7.1 leads to Theorem 8"
    ]


@pytest.fixture(scope="module")
def pages(rendered):  # noqa: F811
    """The text of the rendered pages."""
    return {path: path.read_text(encoding="utf-8") for path in rendered}


def test_all_numbers_of_the_rendered_book_are_those_of_their_chapters(pages):
    counted = 0
    for path, text in pages.items():
        found = numbers(text)
        assert len(found) == len(ANY_NUMBER.findall(text)), path.stem  # none is overlooked
        assert number_complaints(path.stem, found) == []
        counted += len(found)
    assert counted > 300


def test_references_of_the_rendered_book_show_the_numbers_of_their_targets(pages):
    found = {path: numbers(text) for path, text in pages.items()}
    shown = [
        m for text in pages.values() for m in LINK.findall(text) if re.match(NUMBER, plain(m[2]))
    ]
    assert len(shown) > 300
    assert reference_complaints(pages, found) == []


def test_titles_of_the_rendered_book_have_their_number_once(pages):
    for path in [*CHAPTERS, *LABS]:
        text = pages[(HTML / path.parent.name / f"{path.stem}.html").resolve()]
        title = plain(re.search(r"<title>(.*?)</title>", text, re.DOTALL)[1])
        start = (
            f"{int(path.stem[:2])} · " if path.suffix == ".md" else f"Lab {int(path.stem[:2])}: "
        )
        assert title.startswith(start)
        assert plain(re.search(r"<h1>(.*?)</h1>", text, re.DOTALL)[1]).startswith(start)
        assert plain(re.search(r"<h2>(.*?)</h2>", text, re.DOTALL)[1])[:1].isalpha()
