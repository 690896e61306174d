"""The book's search: what it reads, how it ranks, what it shows, and that it waits to be asked."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_browser import DESKTOP, Reader, chromium, reader  # noqa: F401
from tests.test_live import node
from tools import sphinx_search

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "book" / "_static" / "search.js"
PROGRAM = """
import fs from "node:fs";
const [script, data] = process.argv.slice(1).map((path) => fs.readFileSync(path, "utf8"));
const { search, excerpt } = new Function(`${script}\\n${data}\\nreturn bookSearch`)();
const shown = (text, query) => excerpt(text, query).map(([piece]) => piece).join("");
const results = (query) =>
  search(query).map(({ page, part }, i) => ({
    page: page.name,
    heading: part.heading,
    of: i < 3 ? part.text : null,
    excerpt: i < 3 ? shown(part.text, query) : null,
  }));
const queries = JSON.parse(fs.readFileSync(0, "utf8"));
console.log(JSON.stringify(Object.fromEntries(queries.map((query) => [query, results(query)]))));
"""


def ranked(path, *queries):
    """Returns what the search finds in a file of parts: query -> list of {page, heading}."""
    command = [node(), "--input-type=module", "-e", PROGRAM, SCRIPT, path]
    result = subprocess.run(command, input=json.dumps(queries), text=True, capture_output=True)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def rank(found, page):
    """Returns the place of a page among the results, from 1, or infinity."""
    pages = [result["page"] for result in found]
    return pages.index(page) + 1 if page in pages else float("inf")


# --- what it reads -------------------------------------------------------------------------------

PAGES = {
    "index": "# Book\n\n```{toctree}\nbook/01_loss\nbook/glossary\nbook/api\n```\n",
    "book/01_loss": (
        "# 1 · Losses\n\nAbout *what* is `lost`, $x = 1$ or $\\frac{1}{2}$.\n\n"
        "```python\nsecret = 1\n```\n\n$$y = \\secret$$\n\n"
        "## Fréchet's part\n\nText, and more {term}`GAN`s.\n\n### Below\n\nDeep.\n"
    ),
    "book/glossary": (
        "# Words\n\n```{glossary}\nGAN\n生成对抗网络\n    Two networks. See {doc}`01_loss`.\n```\n"
    ),
    "book/api": "# Code\n\n```{py:function} ganlib.sum_of(a, b)\nAdds.\n```\n",
}


@pytest.fixture(scope="module")
def small_book(tmp_path_factory):
    """A book of four pages, rendered."""
    folder = tmp_path_factory.mktemp("search")
    (folder / "conf.py").write_text(
        f"import sys; sys.path.append({str(ROOT / 'tools')!r})\n"
        "extensions = ['myst_parser', 'sphinx_search']\n"
        "myst_enable_extensions = ['dollarmath']\n"
        f"html_static_path = [{str(SCRIPT.parent)!r}]\n"
    )
    for name, text in PAGES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", ".", "html"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "html"


def parts_of(html):
    """Returns the pages in a file of parts."""
    text = (html / sphinx_search.DATA).read_text(encoding="utf-8")
    return json.loads(text.partition(sphinx_search.BEGIN)[2].rstrip(");\n"))["pages"]


def test_parts_are_sections_terms_and_names_without_code(small_book):
    pages = parts_of(small_book)
    assert pages["book/01_loss"] == [
        "chapter",
        "1 · Losses",
        [
            ["", "", "About what is lost, x = 1 or ….", []],
            ["frechet-s-part", "Fréchet’s part", "Text, and more GANs.", []],
            ["below", "Below", "Deep.", []],
        ],
    ]
    (_, entry) = pages["book/glossary"][2]
    assert entry == [
        "term-GAN",
        "GAN · 生成对抗网络",
        "Two networks. See 1 · Losses.",
        ["book/01_loss"],
    ]
    assert pages["book/api"][2][1] == ["ganlib.sum_of", "ganlib.sum_of", "Adds.", []]


def test_search_waits_and_replaces_the_one_of_sphinx(small_book):
    assert not (small_book / "searchindex.js").exists()
    page = (small_book / "book" / "01_loss.html").read_text(encoding="utf-8")
    assert "search.js" not in page
    page = (small_book / "search.html").read_text(encoding="utf-8")
    assert re.search(r'<script[^>]*data-parts="searchdata.js"[^>]*search\.js', page)


# --- how it ranks --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A file of parts that were made up: page -> kind, title, parts."""
    filler = " ".join(f"word{k}" for k in range(60))
    pages = {
        "book/01_nets": ["chapter", "1 · Two networks", [["", "", f"A loss. {filler}", []]]],
        "book/02_losses": [
            "chapter",
            "2 · Losses",
            [
                ["", "", f"What one minimises. {filler}", []],
                ["a", "Rényi's normalisation", filler, []],
                ["b", "How many?", filler, []],
            ],
        ],
        "notebooks/02_losses": ["lab", "Lab 2: losses", [["", "", f"What. {filler}", []]]],
        "book/03_images": [
            "chapter",
            "3 · Your own images",
            [["", "", filler, []], ["c", "How many?", filler, []], ["d", "Copies", filler, []]],
        ],
        "book/04_words": ["chapter", "4 · Other", [["", "", f"images images {filler}", []]]],
        "book/glossary": [
            "glossary",
            "Glossary",
            [["term-a", "critic · 评论家", "It scores. See chapter 4.", ["book/04_words"]]],
        ],
        "book/api": [
            "api",
            "Library",
            [["x.losses.hinge", "x.losses.hinge", "A loss.", []]],
        ],
    }
    data = {"stopwords": sorted(sphinx_search.SearchEnglish.stopwords), "pages": pages}
    path = tmp_path_factory.mktemp("shelf") / sphinx_search.DATA
    stemmer = sphinx_search.SearchEnglish.js_stemmer_code
    text = f"{stemmer}\n{sphinx_search.BEGIN}{json.dumps(data)});\n"
    path.write_text(text, encoding="utf-8")
    return path


RANKS = {  # query -> page that comes first
    "loss": "book/02_losses",  # the title, in another form, and the chapter before its lab
    "LOSSES": "book/02_losses",
    "renyi": "book/02_losses",  # without its accent
    "normalization": "book/02_losses",  # in the other spelling
    "how many images": "book/03_images",  # of the title and of the heading together
    "copy": "book/03_images",
    "critics": "book/glossary",
    "评论家": "book/glossary",
    "losses.hinge": "book/api",  # a name of code
    "network": "book/01_nets",
    "normalis": "book/02_losses",  # what was not typed to its end
}


def test_the_page_that_a_reader_wants_comes_first(shelf):
    found = ranked(shelf, *RANKS)
    first = {query: results[0]["page"] for query, results in found.items() if results}
    assert first == RANKS


def test_chinese_term_leads_to_the_page_that_its_entry_names(shelf):
    assert rank(ranked(shelf, "评论家")["评论家"], "book/04_words") == 2


def test_result_is_the_part_that_fits(shelf):
    found = ranked(shelf, "copies", "your own images", "zebra", "the")
    first = {query: (r[0]["page"], r[0]["heading"]) for query, r in found.items() if r}
    assert first["copies"] == ("book/03_images", "Copies")
    assert first["your own images"] == ("book/03_images", "")
    assert found["zebra"] == found["the"] == []


# --- in the book ---------------------------------------------------------------------------------

# What readers looked for, and one of the pages that they wanted.
WANTED = {
    "own images": "book/08_own_images",
    "how many images": "book/08_own_images",
    "data augmentation": "book/11_augmentation",
    "few images": "book/13_little_data",
    "loss": "book/05_losses_and_divergences",
    "discriminator": "book/02_two_networks",
    "debugging": "book/16_debugging_clinic",
    "VAE": "book/21_gans_and_vaes",
    "labels": "book/09_conditional",
    "Frechet distance": "book/06_measuring",
    "mode collapse": "book/15_collapse_and_stability",
    "cyclegan": "book/19_image_to_image",
}


def test_what_readers_look_for_is_among_the_first_three(rendered_book):
    found = ranked(rendered_book / sphinx_search.DATA, *WANTED)
    ranks = {query: rank(found[query], page) for query, page in WANTED.items()}
    assert {query: place for query, place in ranks.items() if place > 3} == {}


def not_read(pages):
    """Returns what the book's sources have and the search does not: pages, and pages in part."""
    listed = re.findall(
        r"^ *(?:- file|root): (\S+)$", (ROOT / "_toc.yml").read_text(), re.MULTILINE
    )
    assert len(listed) > 60
    lost = [name for name in listed if name not in pages]
    for name in listed:
        source = ROOT / f"{name}.md"
        if name in pages and source.exists():  # of a lab, the cells have the headings
            text = re.sub(r"^(`{3,}).*?^\1", "", source.read_text(), flags=re.MULTILINE | re.DOTALL)
            headings = {heading for _, heading, _, _ in pages[name][2]}
            if len(headings - {""}) < len(set(re.findall(r"^##+ .+$", text, re.MULTILINE))):
                lost.append(f"{name}, in part")
    return lost


def test_every_page_of_the_book_is_read_in_full(rendered_book):
    pages = parts_of(rendered_book)
    assert not_read(pages) == []
    gone = pages.pop("book/07_dcgan")
    assert not_read(pages) == ["book/07_dcgan"]
    assert not_read(pages | {"book/07_dcgan": [*gone[:2], gone[2][:3]]}) == [
        "book/07_dcgan, in part"
    ]


def test_headings_and_terms_find_their_place(rendered_book):
    pages = parts_of(rendered_book)
    headings = {}
    for name, (kind, _, parts) in pages.items():
        for _, heading, _, _ in parts if kind == "chapter" else []:
            headings.setdefault(heading, []).append(name)
    headings = {heading: names[0] for heading, names in headings.items() if len(names) == 1}
    headings.pop("", None)
    entries = {
        name: heading
        for _, heading, _, _ in pages["book/glossary"][2]
        for name in heading.split(" · ")
        if heading
    }
    assert len(headings) > 200
    assert len(entries) > 300
    found = ranked(rendered_book / sphinx_search.DATA, *headings, *entries)
    missed = [heading for heading, page in headings.items() if rank(found[heading], page) > 3]
    assert len(missed) <= 0.01 * len(headings), missed
    first_three = {name: [result["heading"] for result in found[name][:3]] for name in entries}
    lost = [name for name, heading in entries.items() if heading not in first_three[name]]
    assert len(lost) <= 0.01 * len(entries), lost


def test_excerpts_are_pieces_of_the_text(rendered_book):
    found = ranked(rendered_book / sphinx_search.DATA, "mode collapse", "gradient penalty")
    for result in [result for results in found.values() for result in results[:3]]:
        assert result["excerpt"].removeprefix("… ").removesuffix(" …") in result["of"]
        assert len(result["excerpt"]) <= 260


def test_search_works_in_a_book_that_is_opened_as_files(chromium, rendered_book):  # noqa: F811
    person = Reader(chromium, rendered_book.as_uri() + "/")
    person.open("search.html?q=mode+collapse", DESKTOP, "light")
    person.page.locator("#search-results li").first.wait_for()
    shown = person.page.locator("#search-results ul.search > li").all_inner_texts()
    assert any("Collapse" in text for text in shown[:3])
    assert person.page.locator("#search-results mark").count() > 10
    assert person.ask("layout()") + person.noted == []


def test_page_that_is_read_does_not_load_what_is_searched(reader):  # noqa: F811
    asked = []
    reader.page.on("request", lambda request: asked.append(request.url))
    reader.open("book/01_why_generate.html", DESKTOP, "light")
    reader.open("search.html", DESKTOP, "light")
    assert not [url for url in asked if "searchdata" in url or "searchindex" in url]
