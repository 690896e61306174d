"""Terms and symbols that are not linked where the book first uses them.

    python tools/first_uses.py          list them, page by page
    python tools/first_uses.py 03 04    those of some chapters only

A term of the glossary needs a link (``{term}``) on the page where it first occurs in the order of
`_toc.yml`. A symbol of the notation page needs, on its first page, a link to the notation page.
"""

import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
APART = {"index", "glossary", "notation", "references", "errata"}  # pages that are looked up

TERM = re.compile(r"\{term\}`([^`]+)`")
MATH = re.compile(r"\$\$.*?\$\$|\$[^$\n]*(?:\n[^$\n]*)?\$", re.DOTALL)
# What is no running text: code, formulas, roles, directives and their options, links, comments.
NOT_TEXT = (
    re.compile(r"^```(?:python|bash|text).*?^```", re.DOTALL | re.MULTILINE),
    MATH,
    re.compile(r"\{[\w:]+\}`[^`]*`"),
    re.compile(r"`[^`]*`"),
    re.compile(r"^(?::{3,}|`{3,}|:[\w-]+:|#).*$", re.MULTILINE),
    re.compile(r"\{\{.*?\}\}"),
)


def reading_order():
    """Returns the stems of the pages of `_toc.yml`, in order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    return [Path(file).name for file in files if file.startswith("book/")]


def entries(glossary):
    """Returns the names of each entry of a glossary's source: a list of tuples, Latin ones only."""
    block = re.search(r"^```\{glossary\}\n(.*?)^```", glossary, re.DOTALL | re.MULTILINE)[1]
    groups = re.findall(r"((?:^\S.*\n)+)(?=^    )", block, re.MULTILINE)
    names = [[line for line in group.splitlines() if not line.startswith(":")] for group in groups]
    return [tuple(name for name in group if name.isascii() or "é" in name) for group in names]


def symbols(notation):
    """Returns the symbols that stand in the first column of the notation page's tables."""
    rows = re.findall(r"^\| (\$.*?\$(?:[,;] \$.*?\$)*)[^|]*\|", notation, re.MULTILINE)
    return [symbol for row in rows for symbol in re.findall(r"\$(.*?)\$", row)]


def running_text(source):
    """Returns a page's source without what is not read as text."""
    for pattern in NOT_TEXT:
        source = pattern.sub(" ", source)
    return source


def linked(source):
    """Returns the terms to which a page links, in lower case."""
    targets = (re.sub(r".*<(.*)>$", r"\1", text, flags=re.DOTALL) for text in TERM.findall(source))
    return {" ".join(target.split()).lower() for target in targets}


def occurs(name, text):
    """Says whether a term occurs in running text, also in the plural."""
    words = r"\s+".join(re.escape(word) for word in name.split())
    flags = 0 if name.isupper() or name[:1].isupper() else re.IGNORECASE
    return re.search(rf"(?<![\w-]){words}(?:s|es)?(?![\w-])", text, flags) is not None


def blank_longer(name, names, text):
    """Returns the text without the longer terms that a term is a part of: "inception score"."""
    part = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])", re.IGNORECASE)
    for other in names:
        if other != name and part.search(other):
            words = r"\s+".join(re.escape(word) for word in other.split())
            text = re.sub(rf"(?<![\w-]){words}(?:s|es)?(?![\w-])", " ", text, flags=re.IGNORECASE)
    return text


def unlinked(pages, terms, signs):
    """Finds what a page uses first and does not link.

    Args:
        pages: dict of stem -> source, in reading order.
        terms: entries of the glossary, each a tuple of names.
        signs: the symbols of the notation page, as TeX.

    Returns:
        Dict of stem -> list of terms, and of symbols in dollars.
    """
    found = {stem: [] for stem in pages}
    waiting, signs = list(terms), list(signs)
    all_names = [name for names in terms for name in names]
    for stem, source in pages.items():
        text, links = running_text(source), linked(source)
        formulas = " ".join(MATH.findall(source))
        has_notation = bool(re.search(r"\{doc\}`(?:[^`]*<)?notation>?`|\(notation\.md", source))
        used = [
            names
            for names in waiting
            if any(occurs(x, text) and occurs(x, blank_longer(x, all_names, text)) for x in names)
        ]
        for names in used:
            if not links & {name.lower() for name in names}:
                found[stem].append(names[0])
        waiting = [n for n in waiting if not links & {name.lower() for name in n} and n not in used]
        shown = [sign for sign in signs if sign_occurs(sign, formulas)]
        if not has_notation:
            found[stem] += [f"${sign}$" for sign in shown]
        signs = [sign for sign in signs if sign not in shown]
    return found


def sign_occurs(sign, formulas):
    """Says whether a symbol stands in some formula."""
    return re.search(rf"(?<![A-Za-z\\]){re.escape(sign)}(?![A-Za-z])", formulas) is not None


def of_the_book():
    """Returns what `unlinked` finds in the book."""
    read = {stem: (BOOK / f"{stem}.md").read_text(encoding="utf-8") for stem in reading_order()}
    pages = {stem: source for stem, source in read.items() if stem not in APART}
    return unlinked(pages, entries(read["glossary"]), symbols(read["notation"]))


def main(chapters):
    for stem, missing in of_the_book().items():
        if missing and (not chapters or stem[:2] in chapters):
            print(f"{stem}: {', '.join(missing)}")


if __name__ == "__main__":
    main(sys.argv[1:])
