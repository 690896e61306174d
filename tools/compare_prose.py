"""Compare the pages of the book at two revisions: what did a rewriting lose?

    python tools/compare_prose.py OLD [--new NEW] [PAGE ...]

OLD and NEW are revisions that Git knows; without NEW it is the working tree. A PAGE is the stem of
a file in book/, such as 02_two_networks; without one, all are compared. Named are the numbers
(substitutions too), formulas, citations and labels that OLD has and NEW has nowhere in the book,
and those that only changed their page. For each page whose sentences changed, they are counted: how
many, the share with eight words or fewer, the median length. The exit status is 1 if anything is
lost.
"""

import argparse
import re
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHORT = 8  # words; of these, a chapter should have at most one sentence in five

DISPLAYED = re.compile(r"\$\$(.+?)\$\$(?:[ \t]*\((?P<label>[\w-]+)\))?", re.DOTALL)
INLINE = re.compile(r"(?<![\\$])\$([^$\n]+(?:\n[^$\n]+){0,3})\$")
CITATION = re.compile(r"\{cite:\w+\}`([^`]+)`")
LABEL = re.compile(r"^\s*:(?:label|name):\s*(\S+)|^\(([\w-]+)\)=|^:{3,}\{\w+\}.*#([\w-]+)", re.M)
SUBSTITUTION = re.compile(r"\{\{(.+?)\}\}", re.DOTALL)
# What has digits and states none: names of files, labels, links, options, roles, HTML.
NAMES = re.compile(
    r"^\s*:[\w-]+:.*$|\]\([^)]*\)|\{[\w:-]+\}`[^`]*`|<[^>]+>|https?:\S+|^\(.*\)=$|[A-Za-z_]\w*\d\w*",
    re.MULTILINE,
)
NUMBER = re.compile(r"(?<![\w.])[−-]?\d+(?:[,\u202f]\d{3})*(?:\.\d+)?(?:e-?\d+)?")
KINDS = ("number", "formula", "citation", "label")


def _flat(text):
    return " ".join(text.split())


def contents(text):
    """Returns what a page's text states, by kind: a `Counter` for each of `KINDS`."""
    found = {kind: Counter() for kind in KINDS}
    for match in DISPLAYED.finditer(text):
        found["formula"][_flat(match[1])] += 1
        if match["label"]:
            found["label"][match["label"]] += 1
    text = DISPLAYED.sub(" ", text)
    for match in SUBSTITUTION.finditer(text):
        found["number"][f"{{{{ {_flat(match[1])} }}}}"] += 1
    text = SUBSTITUTION.sub(" ", text)
    for match in INLINE.finditer(text):
        found["formula"][_flat(match[1])] += 1
    text = INLINE.sub(" ", text)
    for match in CITATION.finditer(text):
        found["citation"].update(key.strip() for key in match[1].split(","))
    for match in LABEL.finditer(text):
        found["label"][next(filter(None, match.groups()))] += 1
    found["number"].update(NUMBER.findall(NAMES.sub(" ", text)))
    return found


# A fence of backticks holds code, a table or a raw page, but for these directives.
FENCE = re.compile(r"(`{3,})(?:\{([\w:-]+)\})?")
PROSE = re.compile(r"exercise|solution|figure|margin|admonition|prf:|note|tip|warning")
# No prose either: a directive's own lines, the rows of a table, headings.
MARKS = re.compile(r"^\s*(?:[:`]{3,}.*|:[\w-]+:.*|\|.*|\([\w-]+\)=|#.*|---)$", re.MULTILINE)
FORMULA_LINE = re.compile(r"\s*(\$\$.+?\$\$(?:[ \t]*\([\w-]+\))?)\s*", re.DOTALL)
ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+", re.MULTILINE)
END = re.compile(r"(?:(?<=[.?!])|(?<=[.?!][)*\"”’'_]))\s+(?=[\"“(*$`{\[]*[A-Z0-9$F{])|;\s+")


def _without_code(text):
    """Returns a page without its blocks of code and the fences of the others."""
    kept, fences = [], []  # of open blocks: the backticks, and whether they hold prose
    for line in text.split("\n"):
        match = FENCE.match(line.strip())
        if match and fences and line.strip() == fences[-1][0]:
            fences.pop()
        elif match and all(is_prose for _, is_prose in fences):
            fences.append((match[1], bool(match[2] and PROSE.match(match[2]))))
        elif all(is_prose for _, is_prose in fences):
            kept.append(line)
    return "\n".join(kept)


def _formula(match):
    """A displayed formula is a word, which ends the sentence if it ends with a full stop."""
    return " FORMULA.\n\n" if re.search(r"[.]\s*\$\$", match[1]) else " FORMULA "


def sentences(text):
    """Returns the sentences of a page's prose; a semicolon ends one, and a formula is one word."""
    text = MARKS.sub("", _without_code(text))
    text = SUBSTITUTION.sub("0", FORMULA_LINE.sub(_formula, text))
    text = INLINE.sub("FORMULA", text)
    text = re.sub(r"\{[\w:-]+\}`([^`<]*)(?:<[^`]*>)?`", r"\1 ", text)  # roles: their words
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    found = []
    for paragraph in re.split(r"\n\s*\n", ITEM.sub("\n\n", text)):
        found += [part for part in END.split(_flat(paragraph)) if re.search(r"[A-Za-z]", part)]
    return [part for part in found if part.strip(" .") != "FORMULA"]


def figures(text):
    """Returns the number of sentences, the share of short ones, and the median of their words."""
    lengths = [len(sentence.split()) for sentence in sentences(text)]
    if not lengths:
        return 0, 0.0, 0.0
    return len(lengths), sum(n <= SHORT for n in lengths) / len(lengths), statistics.median(lengths)


def compare(old, new, pages=None):
    """Says what a rewriting lost, and what it moved.

    Args:
        old: all pages before, a dict: stem -> text.
        new: those after.
        pages: the stems of those that are asked about; all without them.

    Returns:
        Two lists of lines: what is nowhere any more, and what has another page. A bare number
        counts as moved if another page has it more often than before.
    """
    before = {name: contents(text) for name, text in old.items()}
    after = {name: contents(text) for name, text in new.items()}
    nothing = {kind: Counter() for kind in KINDS}
    lost, moved = [], []
    for name in pages or before:
        for kind in KINDS:
            for item in sorted(before[name][kind].keys() - after.get(name, nothing)[kind].keys()):
                bare = kind == "number" and not item.startswith("{{")
                others = [
                    other
                    for other, found in after.items()
                    if found[kind][item] > bare * before.get(other, nothing)[kind][item]
                ]
                line = f"{name}: {kind} {item}"
                if others:
                    moved.append(f"{line} -> {', '.join(others)}")
                else:
                    lost.append(line)
    return lost, moved


def pages_at(revision):
    """Returns the pages of a revision, or of the working tree for None: stem -> text."""
    if revision is None:
        return {path.stem: path.read_text("utf-8") for path in sorted((ROOT / "book").glob("*.md"))}
    names = _git("ls-tree", "--name-only", revision, "book/").split()
    names = [name for name in names if name.endswith(".md")]
    return {Path(name).stem: _git("show", f"{revision}:{name}") for name in names}


def _git(*arguments):
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("old")
    parser.add_argument("--new")
    parser.add_argument("pages", nargs="*")
    options = parser.parse_args(arguments)
    old, new = pages_at(options.old), pages_at(options.new)
    lost, moved = compare(old, new, options.pages)
    for name in options.pages or old:
        counts = [figures(texts.get(name, "")) for texts in (old, new)]
        if options.pages or counts[0] != counts[1]:
            told = [f"{n} sentences, {share:.0%} short, median {m:g}" for n, share, m in counts]
            print(f"{name}: {' -> '.join(told)}")
    for title, lines in (("Moved", moved), ("Lost", lost)):
        print(f"{title}: {len(lines)}", *lines, sep="\n  ")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
