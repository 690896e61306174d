"""The book hangs together: its table of contents, its links, its citations, its one address."""

import html.parser
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from tools import lab_lints, notebooks

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
PARTS = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
CITATION = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
ENTRY = re.compile(r"^@\w+\{([^,\s]+),", re.MULTILINE)
MARKDOWN_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def entries(node):
    """Yields (file, files nested under it) of a table of contents."""
    for part in node.get("parts", []):
        yield from entries(part)
    for key in ("chapters", "sections"):
        for chapter in node.get(key, []):
            yield chapter["file"], [section["file"] for section in chapter.get("sections", [])]
            yield from entries({"sections": chapter.get("sections", [])})


def toc_complaints(toc, pages):
    """Returns how a table of contents and the pages that exist disagree."""
    listed = [toc["root"], *(file for file, _ in entries(toc))]
    complaints = [f"{file} is listed twice" for file in set(listed) if listed.count(file) > 1]
    complaints += [f"{file} is listed but does not exist" for file in sorted({*listed} - {*pages})]
    complaints += [f"{page} is not listed in _toc.yml" for page in sorted({*pages} - {*listed})]
    for file, nested in entries(toc):
        complaints += [
            f"{lab} must be nested under the chapter of the same name, not under {file}"
            for lab in nested
            if lab.startswith("notebooks/") and Path(lab).name != Path(file).name
        ]
    return complaints


def anchors(text):
    """Returns what a link to a page may name in it: its labels, and its headings as GitHub does."""
    labels = re.findall(r"^\(([^)]+)\)=$|^:(?:label|name): *(\S+)$", text, re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return {*slugs, *("".join(pair) for pair in labels)}


def link_complaints(text, folder):
    """Returns the relative Markdown links that lead nowhere."""
    complaints = []
    for target in MARKDOWN_LINK.findall(text):
        path, _, anchor = map(unquote, target.partition("#"))
        there = folder / path
        if not path or re.match(r"[a-z]+:", path):
            continue
        if not there.exists():
            complaints.append(f"link to {target}, which does not exist")
        elif anchor and there.suffix == ".md" and anchor not in anchors(there.read_text("utf-8")):
            complaints.append(f"link to {target}, which has no such anchor")
    return complaints


def markdown_sources():
    """Yields (path, text) of the README, the changes, the chapters and the labs' Markdown."""
    for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "book").glob("*.md"))):
        yield path, path.read_text(encoding="utf-8")
    for path in notebooks.lab_paths():
        cells = notebooks.read(path).cells
        yield path, "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


SOURCES = list(markdown_sources())
SOURCE_IDS = [path.relative_to(ROOT).as_posix() for path, _ in SOURCES]


# --- the checkers catch what they should ---------------------------------------------------------


@pytest.mark.parametrize(
    ("toc", "complaint"),
    [
        ({"root": "book/index", "chapters": [{"file": "book/a"}]}, "book/b is not listed"),
        (
            {"root": "book/index", "chapters": [{"file": f"book/{x}"} for x in "abc"]},
            "book/c is listed but does not exist",
        ),
        (
            {"root": "book/index", "chapters": [{"file": f"book/{x}"} for x in "aba"]},
            "book/a is listed twice",
        ),
        (
            {
                "root": "book/index",
                "parts": [
                    {"chapters": [{"file": "book/a", "sections": [{"file": "notebooks/b"}]}]},
                    {"chapters": [{"file": "book/b"}]},
                ],
            },
            "notebooks/b must be nested",
        ),
    ],
)
def test_bad_table_of_contents_is_found(toc, complaint):
    complaints = toc_complaints(toc, ["book/index", "book/a", "book/b"])
    assert complaint in " | ".join(complaints)


def test_dead_link_is_found(tmp_path):
    (tmp_path / "a b.md").write_text("## Part: `one`\n\n(label)=\n", encoding="utf-8")
    good = "[a](a%20b.md#part-one) [a](a%20b.md#label) [b](https://example.org/x) [c](#part)"
    assert link_complaints(good, tmp_path) == []
    assert link_complaints("![a](b.png)", tmp_path) == ["link to b.png, which does not exist"]
    wrong = link_complaints("[a](a%20b.md#part)", tmp_path)
    assert wrong == ["link to a%20b.md#part, which has no such anchor"]


# --- the book ------------------------------------------------------------------------------------


def test_table_of_contents_lists_every_page_once():
    files = [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    pages = [path.relative_to(ROOT).with_suffix("").as_posix() for path in files]
    assert toc_complaints(PARTS, pages) == []


def test_every_lab_has_a_chapter_of_the_same_name():
    chapters = {path.stem for path in (ROOT / "book").glob("*.md")}
    assert {path.stem for path in notebooks.lab_paths()} <= chapters


@pytest.mark.parametrize(("path", "text"), SOURCES, ids=SOURCE_IDS)
def test_relative_links_lead_somewhere(path, text):
    # Jupyter Book checks links between chapters itself; this sees the README and raw labs too.
    assert link_complaints(text, path.parent) == []


@pytest.mark.parametrize(("path", "text"), SOURCES, ids=SOURCE_IDS)
def test_citations_are_in_the_list_of_references(path, text):
    known = set(ENTRY.findall((ROOT / "book" / "references.bib").read_text(encoding="utf-8")))
    cited = {key.strip() for keys in CITATION.findall(text) for key in keys.split(",")}
    assert cited - known == set()


def test_references_are_listed_once():
    keys = ENTRY.findall((ROOT / "book" / "references.bib").read_text(encoding="utf-8"))
    assert len(keys) == len(set(keys))


BINARY = {".png", ".webp", ".npz", ".keras", ".woff", ".woff2"}


def tracked_texts():
    """Yields (path, text) of the text files under version control, the new ones included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    for name in result.stdout.splitlines():
        path = ROOT / name
        if path.exists() and path.suffix not in BINARY:
            yield name, path.read_text(encoding="utf-8")


def test_no_file_names_the_machine_it_was_written_on():
    found = [
        name for name, text in tracked_texts() if re.search(rf"{re.escape(f'{ROOT}')}\b", text)
    ]
    assert found == []


def test_address_of_the_repository_is_written_once():
    url = lab_lints.repository_url(ROOT / "_config.yml")
    labs = {path.relative_to(ROOT).as_posix() for path in notebooks.lab_paths()}
    # OWNER/NAME also serves as the example in the documentation.
    files = {"_config.yml", "pyproject.toml", "README.md", "Makefile", "tools/notebooks.py"}
    assert {name for name, text in tracked_texts() if url in text} <= files | labs
    assert (ROOT / "_config.yml").read_text(encoding="utf-8").count(url) == 1


def test_contributors_find_every_make_target_and_newcomers_five():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE)

    def rows(path):
        text = (ROOT / path).read_text(encoding="utf-8")
        return re.findall(r"^\| `make ([a-z-]+)", text, re.MULTILINE)

    contributing = (ROOT / "book" / "contributing.md").read_text(encoding="utf-8")
    _, _, table = contributing.partition("## Every command\n")
    table = re.findall(r"^\| `make ([a-z-]+)", table.partition("\n## ")[0], re.MULTILINE)
    assert sorted(table) == sorted(targets)
    assert len(rows("README.md")) == 5
    assert set(rows("README.md")) <= set(targets)


# --- the rendered book ---------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    """Collects a page's anchors, its links, and its images without alt text."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.silent_images = set(), set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors |= {values[key] for key in ("id", "name") if values.get(key)}
        for key in ("href", "src"):
            if values.get(key) and tag != "base":
                self.links.add(values[key])
        # The logo stands beside the book's title, so it says nothing to those who do not see it.
        is_logo = values.get("src", "").endswith("logo.svg")
        if tag == "img" and not values.get("alt") and not is_logo:
            self.silent_images.add(values.get("src"))


def page_complaints(pages, folder):
    """Returns the internal links and anchors of rendered pages that lead nowhere."""
    complaints = []
    for path, page in pages.items():
        for link in sorted(page.links):
            target, _, anchor = link.partition("#")
            target = unquote(target.split("?")[0])
            if re.match(r"[a-z]+:|//", link):
                continue
            there = (path.parent / target).resolve() if target else path
            if not there.exists():
                complaints.append(f"{path.relative_to(folder)}: {link} does not exist")
            elif "=" in anchor:  # settings for the page's script: tests/test_live_page.py
                continue
            elif anchor and there in pages and unquote(anchor) not in pages[there].anchors:
                complaints.append(f"{path.relative_to(folder)}: {link} has no such anchor")
    return complaints


def test_dead_anchor_and_page_are_found(tmp_path):
    text = '<p id="a"></p><a href="#a"></a><a href="#b"></a><a href="c.html"></a>'
    (tmp_path / "index.html").write_text(text, encoding="utf-8")
    pages = {tmp_path / "index.html": Page(text)}
    assert page_complaints(pages, tmp_path) == [
        "index.html: #b has no such anchor",
        "index.html: c.html does not exist",
    ]


@pytest.fixture(scope="module")
def rendered(rendered_book):
    """The pages of the rendered book."""
    folder = rendered_book.resolve()
    paths = [p for p in folder.rglob("*.html") if "_static" not in p.relative_to(folder).parts]
    return {path: Page(path.read_text(encoding="utf-8")) for path in paths}


def test_links_of_the_rendered_book_lead_somewhere(rendered):
    assert page_complaints(rendered, HTML.resolve()) == []


def test_images_of_the_rendered_book_have_alt_text(rendered):
    silent = {path.name: page.silent_images for path, page in rendered.items()}
    assert {name: images for name, images in silent.items() if images} == {}


def test_rendered_pages_do_not_name_this_machine_either(rendered):
    """Defaults of arguments would, where the API page printed their values."""
    assert [path.name for path in rendered if str(ROOT) in path.read_text(encoding="utf-8")] == []


def media_size(path):
    """Returns the bytes of the pictures, films and sounds within a rendered page or beside it."""
    text = path.read_text(encoding="utf-8")
    inside = sum(len(uri) for uri in re.findall(r"data:(?:image|video|audio)/[^\"')\s]+", text))
    sources = set(re.findall(r'<(?:img|video|audio|source)\b[^>]*\bsrc="([^":]+)"', text))
    files = {(path.parent / unquote(source)).resolve() for source in sources}
    return inside + sum(file.stat().st_size for file in files if file.exists())


def test_size_of_media_counts_what_is_within_a_page_and_beside_it(tmp_path):
    (tmp_path / "a b.png").write_bytes(b"x" * 1000)
    page = tmp_path / "page.html"
    picture = '<img class="x" src="a%20b.png"><video src="a%20b.png"></video>'
    page.write_text(f'{picture}<img src="data:image/png;base64,{"A" * 78}">', encoding="utf-8")
    assert media_size(page) == 1000 + len("data:image/png;base64,") + 78


def test_rendered_book_is_small(rendered):
    files = [path for path in HTML.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 60e6
    sizes = {path.name: media_size(path) for path in rendered}
    assert {name: size for name, size in sizes.items() if size > 1.5e6} == {}


def broken_fences(text):
    """Returns the opening lines that are no directives: an info string may hold no backtick."""
    return re.findall(r"^`{3,}\{[^`\n]*`.*$", text, re.MULTILINE)


def test_fence_with_a_backtick_in_its_title_is_noticed():
    """Sphinx shows such a directive, and all that follows, as plain text, without a warning."""
    assert broken_fences("```{csv-table} of `x`\n:file: a.csv\n```\n")
    assert not broken_fences("```{csv-table} of x\n:file: a.csv\n```\n`x` and ``{y}``\n")


def test_directives_of_the_book_are_directives():
    found = {path.name: broken_fences(text) for path, text in markdown_sources()}
    assert {name: lines for name, lines in found.items() if lines} == {}
