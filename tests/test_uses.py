"""A statement says where it is used; a docstring of the library links to what it names."""

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_book import HTML, rendered  # noqa: F401 (a fixture)

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "index": "# Book\n\n```{toctree}\nbook/01_a\nbook/02_b\nbook/words\nbook/api_x\n```\n",
    "book/01_a": """# 1 · First

```{prf:theorem} Main
:label: thm-main
It holds.
```

```{prf:proof}
Of {prf:ref}`thm-main` itself, by {prf:ref}`lem-later`.
```

## Below

By {prf:ref}`thm-main`, and once more by {prf:ref}`thm-main`.

```{prf:lemma}
:label: lem-later
Small.
```

```{prf:definition}
:label: def-unused
Nobody asks.
```
""",
    "book/02_b": "# 2 · Second\n\n## Part\n\nSee {prf:ref}`thm-main`.\n",
    "book/words": "# Words\n\nSee {prf:ref}`lem-later`.\n",
    "book/api_x": """# Code

```{eval-rst}
.. py:module:: ganlib.x

.. py:class:: Thing(size)

   Made by `make_thing(3)`, of `size`, no `other`; `Thing()` is itself.

   .. py:method:: turn()

      Back to `Thing`.

.. py:function:: make_thing(size)

   Makes one.
```
""",
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The text of rendered pages, by name."""
    folder = tmp_path_factory.mktemp("uses")
    (folder / "conf.py").write_text(
        f"import sys; sys.path.append({str(ROOT / 'tools')!r})\n"
        "extensions = ['myst_parser', 'sphinx_proof', 'sphinx_uses']\n"
        "default_role = 'code'\nnumfig = True\n"
    )
    for name, text in PAGES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", ".", "html"]
    subprocess.run(command, cwd=folder, check=True)
    return {name: (folder / "html" / f"{name}.html").read_text("utf-8") for name in PAGES}


def used_in(page):
    """Returns the lines on use of a page: (text, addresses) in its order."""
    lines = re.findall(r'<p class="used">(.*?)</p>', page, re.DOTALL)
    return [
        (html.unescape(re.sub("<[^>]*>", "", line)), re.findall(r'href="([^"]+)"', line))
        for line in lines
    ]


def test_statement_lists_its_uses_each_place_once(pages):
    (theorem, addresses), (lemma, _) = used_in(pages["book/01_a"])
    assert theorem == "Used in “Below” and chapter 2."
    assert addresses == ["#below", "02_b.html#part"]
    assert re.fullmatch(r"Used in Theorem \d+ and Words\.", lemma)


def test_names_in_docstrings_are_links_and_arguments_are_not(pages):
    body = pages["book/api_x"].partition('<dl class="py')[2]
    found = re.findall(r'<a class="code[^"]*" href="([^"]*)"[^>]*>(<code.*?)</a>', body)
    links = [(to, re.sub("<[^>]*>", "", text)) for to, text in found]
    assert links == [
        ("#ganlib.x.make_thing", "make_thing(3)"),
        ("#ganlib.x.Thing", "Thing"),
    ]


# --- in the book ---------------------------------------------------------------------------------


def test_statements_of_the_book_lead_to_where_they_are_used(rendered):  # noqa: F811
    chapters = sorted((HTML / "book").glob("[0-9]*.html"))
    lines = [line for path in chapters for line in used_in(path.read_text("utf-8"))]
    assert len(lines) > 60
    assert all(text.startswith("Used in ") and addresses for text, addresses in lines)


def test_library_shows_defaults_as_written_its_source_and_links(rendered):  # noqa: F811
    text = (HTML / "book" / "api_training.html").read_text("utf-8")
    plain = html.unescape(re.sub("<[^>]*>", "", text))
    assert "loss=losses.non_saturating" in plain
    assert not re.search(r"<function|object at 0x", plain)
    assert text.count("viewcode-link") > 20
    assert re.search(r'href="[^"]*#ganlib\.training\.Options"[^>]*><code', text)
