"""Terms and symbols are linked where they first occur; a letter means one thing in a chapter."""

import re

import pytest

from tools import first_uses

LINKED = (  # part II, and the chapters that came later
    "03_minimax_game",
    "04_training_dynamics",
    "05_losses_and_divergences",
    "06_measuring",
    "10_fast_and_large",
    "15_collapse_and_stability",
    "17_interpretability",
    "18_beyond_images",
    "19_image_to_image",
    "20_privacy",
    "21_gans_and_vaes",
    "22_distances_and_samples",
    "23_adversarial_losses_today",
)
WITH_LETTERS = {
    "03_minimax_game": 3,
    "04_training_dynamics": 4,
    "05_losses_and_divergences": 5,
    "06_measuring": 6,
    "21_gans_and_vaes": 21,
}
NOTATION = (first_uses.BOOK / "notation.md").read_text(encoding="utf-8")

GLOSSARY = """# Glossary

```{glossary}
:sorted:

mode collapse
模式崩溃
    Few kinds. See {doc}`a`.

GAN
generative adversarial network
    Two networks.
```
"""


def test_entries_have_their_latin_names():
    assert first_uses.entries(GLOSSARY) == [
        ("mode collapse",),
        ("GAN", "generative adversarial network"),
    ]


def test_symbols_are_those_of_the_first_column():
    table = "| symbol | meaning |\n| --- | --- |\n| $x$, $\\hat x$ | an image of $n$ |\n"
    assert first_uses.symbols(table) == ["x", "\\hat x"]


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ({"a": "A GAN.", "b": "{term}`GAN`"}, {"a": ["GAN"], "b": []}),
        ({"a": "A {term}`net <GAN>` and GANs.", "b": "GAN"}, {"a": [], "b": []}),
        ({"a": "`GAN` $GAN$ and organs", "b": "GANs"}, {"a": [], "b": ["GAN"]}),
        ({"a": "Mode\ncollapse", "b": ""}, {"a": ["mode collapse"], "b": []}),
        ({"a": "It is $x$", "b": "$x$"}, {"a": ["$x$"], "b": []}),
        ({"a": "It is $x$, see {doc}`notation`", "b": "$x$"}, {"a": [], "b": []}),
        ({"a": "It is $\\max$", "b": "$2x + 1$"}, {"a": [], "b": ["$x$"]}),
    ],
)
def test_first_use_without_a_link_is_found(pages, expected):
    terms = first_uses.entries(GLOSSARY)
    assert first_uses.unlinked(pages, terms, ["x"]) == expected


def test_part_of_a_longer_term_is_no_use_of_the_shorter_one():
    terms = [("mode collapse",), ("collapse",)]
    pages = {"a": "Mode collapse, seen.", "b": "A {term}`mode collapse`.", "c": "It collapses."}
    expected = {"a": ["mode collapse"], "b": [], "c": ["collapse"]}
    assert first_uses.unlinked(pages, terms, []) == expected


def test_chapters_link_what_they_use_first():
    found = first_uses.of_the_book()
    assert {stem: found[stem] for stem in LINKED} == {stem: [] for stem in LINKED}


# --- letters -------------------------------------------------------------------------------------

WORDS = re.compile(
    r"\\(?:mathrm|text|operatorname|mathsf|mathbf|begin|end|label)\s*\{[^{}]*\}"
    r"|\\mathbb\s*\{?[A-Z]\}?"
)
GREEK = re.compile(
    r"\\(?:alpha|beta|gamma|delta|varepsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau"
    r"|varphi|chi|psi|omega|Gamma|Delta|Sigma|Pi|Phi|ell)"
)
EVERYWHERE = {"e", "i", "j", "o", "I", r"\pi", r"\varepsilon", "T"}  # T: transposition and critic


def letters(source):
    """Returns the letters in the formulas of a page."""
    formulas = WORDS.sub(" ", " ".join(first_uses.MATH.findall(source)))
    formulas = re.sub(r"\\mathcal\s*\{?([A-Z])\}?", r" \1 ", formulas)
    found = re.findall(r"\\[A-Za-z]+|[A-Za-z]", formulas)
    return {x for x in found if len(x) == 1 or GREEK.fullmatch(x)}


def tables(notation):
    """Returns the letters of the general tables, and those of each chapter, in order."""
    general, own = notation.split("## Letters of single chapters")
    own, rest = own.split("\n## ", 1)
    parts = re.split(r"^### Chapter (\d+)\n", own, flags=re.MULTILINE)[1:]
    chapters = {
        int(n): first_uses.symbols(text) for n, text in zip(*[iter(parts)] * 2, strict=True)
    }
    motion = general + rest.split("## Conventions")[0].split("## Augmentation")[0]
    return letters(" ".join(f"${x}$" for x in first_uses.symbols(motion))), chapters


@pytest.mark.parametrize(("stem", "number"), WITH_LETTERS.items())
def test_each_letter_of_a_chapter_is_on_the_notation_page(stem, number):
    general, own = tables(NOTATION)
    source = (first_uses.BOOK / f"{stem}.md").read_text(encoding="utf-8")
    known = general | letters(" ".join(f"${x}$" for x in own[number])) | EVERYWHERE
    assert letters(source) - known == set()


@pytest.mark.parametrize("number", WITH_LETTERS.values())
def test_each_letter_of_a_chapter_is_listed_once(number):
    own = tables(NOTATION)[1][number]
    assert [x for x in own if own.count(x) > 1] == []


def test_letter_without_a_meaning_is_noticed():
    assert letters(r"$\mathrm{KL}(p \Vert q)$ and $$\aleph + \kappa_n$$ in \text{w}") == {
        "p",
        "q",
        r"\kappa",
        "n",
    }
    two = NOTATION.replace("| $s$, $t$ | standard", "| $s$, $s$ | standard")
    assert "s" in [x for x in tables(two)[1][6] if tables(two)[1][6].count(x) > 1]
