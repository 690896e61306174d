"""Measured numbers that were typed into a chapter by hand.

    python tools/typed_numbers.py 13_little_data     what is typed there, and the names that it has

A number that was measured comes into a chapter by its name (`tools/sphinx_numbers.py`). So in
prose, tables, captions and descriptions of figures each decimal fraction and each percentage is a
substitution, or it is *given*: a setting, a number of somebody else's, or one that follows from the
text. ``book/given/CHAPTER.yml`` has the words around it and the reason. All else is reported.

In formulas with symbols, in exercises, and among whole numbers of three digits and more most
numbers are no measurements. There a number is reported if it equals, at its printed precision, a
measured one of the sections that the chapter uses.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ganbook import measured  # noqa: E402, after the line that makes it importable
from tools import sphinx_numbers  # noqa: E402

BOOK = ROOT / "book"
GIVEN = BOOK / "given"
EVERYWHERE = "everywhere"  # the file of words that no chapter has to explain
NUMBER = re.compile(
    r"(?<![\w.])(?:\d{1,3}(?:[ ,]\d{3})+(?!\d)|\d{1,3}(?:\{,\}\d{3})+|\d+)(?:\.\d+)?"
    r"(?!\w|\.\d|\{)"
)
PERCENT = re.compile(r"\s?\\?%|(?:,| to| and| or)\s[\d.]+(?:(?:,| to| and| or)\s[\d.]+)*\s?\\?%")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
FENCE = re.compile(r"^ *(`{3,}|:{3,}|~{3,})\{(?P<name>[\w:-]+)\}(?P<rest>[^\n]*)$", re.MULTILINE)
OPTION = re.compile(r"^ *:(?!alt:)[\w-]+:(?: .*)?$", re.MULTILINE)
LABEL = re.compile(r"^ *\([\w:-]+\)=\s*$|^---\n.*?^---$", re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"\]\([^)\n]*\)|<https?:[^>\n]*>|https?://\S+")
FORMULA = re.compile(r"\$\$.*?\$\$(?: *\([\w:-]+\))?|(?<!\\)\$(?!\s)[^$]+?(?<![\s\\])\$", re.DOTALL)
ARITHMETIC = re.compile(r"\\(?:cdot|times|pm|approx|le|ge|lt|gt|sqrt|[,;%! ])|[^A-Za-z\\]")
HIDDEN_DIRECTIVES = {"math", "raw", "code", "code-block", "literalinclude", "code-cell"}
EXERCISES = {"exercise", "solution", "exercise-start", "solution-start"}
MIN_DIGITS = 3  # of a number that is compared with all that was measured


class Typed(NamedTuple):
    """A number that stands in a page.

    Attributes:
        line: where, from 1.
        text: as it is printed, with a percent sign if it has one.
        place: where in the page's source it begins.
        is_plain: whether it stands in prose and not in a formula with symbols or an exercise.
    """

    line: int
    text: str
    place: int
    is_plain: bool

    @property
    def value(self):
        """The number, in percent if it is a percentage."""
        return float(re.sub(r"[ ,{}%]", "", self.text))

    @property
    def places(self):
        """Digits after the point."""
        return len(self.text.rstrip("%").partition(".")[2])

    @property
    def is_fraction(self):
        """Whether it is a decimal fraction or a percentage."""
        return "." in self.text or self.text.endswith("%")

    @property
    def is_round(self):
        """Whether it is a multiple of 100, as most counts of images and steps that are settings."""
        return not self.is_fraction and self.value % 100 == 0

    @property
    def num_digits(self):
        """Significant digits, as they are printed."""
        return len(re.sub(r"[ ,{}%.]", "", self.text).lstrip("0"))


def _blank(text, begin, end):
    """Returns the text with spaces from begin to end; lines stay where they are."""
    return text[:begin] + re.sub(r"[^\n]", " ", text[begin:end]) + text[end:]


def _block_end(text, fence):
    """Returns where the block of a directive ends."""
    closing = re.compile(rf"^ *{re.escape(fence[1])}[ \t]*$", re.MULTILINE)
    found = closing.search(text, fence.end())
    return found.end() if found else len(text)


def zones(text):  # noqa: C901, one branch a kind of text that is left out
    """Returns a page's prose, and what may hold other numbers, each as long as the page.

    Args:
        text: str, the source.

    Returns:
        Two str with spaces in the place of all else: prose; formulas with symbols and exercises.
    """
    for match in reversed(list(sphinx_numbers.expressions(text))):
        text = _blank(text, *match.span())
    for begin, end in sphinx_numbers.fenced_code(text):
        text = _blank(text, begin, end)
    spans = []  # of exercises
    for fence in FENCE.finditer(text):
        end = _block_end(text, fence)
        if fence["name"] in HIDDEN_DIRECTIVES:
            text = _blank(text, fence.start(), end)
        elif fence["name"] in ("figure", "image", "include"):
            text = _blank(text, *fence.span())
        if fence["name"] in EXERCISES:
            spans.append((fence.start(), end))
    for pattern in (COMMENT, OPTION, LABEL, TARGET, sphinx_numbers.INLINE):
        for match in pattern.finditer(text):
            text = _blank(text, *match.span())
    for match in FORMULA.finditer(text):
        if ARITHMETIC.sub("", match[0]):
            spans.append(match.span())
    prose, other = text, _blank(text, 0, len(text))
    for begin, end in spans:
        prose, other = _blank(prose, begin, end), other[:begin] + text[begin:end] + other[end:]
    return prose, other


def numbers(text):
    """Yields the `Typed` numbers of a page, in no order."""
    for zone, is_plain in zip(zones(text), (True, False), strict=True):
        for match in NUMBER.finditer(zone):
            percent = "%" if PERCENT.match(zone, match.end()) else ""
            line = text.count("\n", 0, match.start()) + 1
            yield Typed(line, match[0] + percent, match.start(), is_plain)


def used_values(text, values, chapter):
    """Returns dict: dotted name -> number, of the sections that a page uses.

    Args:
        text: str, the page's source.
        values: what ``numbers.json`` holds.
        chapter: str, its stem; its lab counts as used.
    """
    used = {f"lab{chapter[:2]}"}
    for match in sphinx_numbers.expressions(text):
        used |= {name.split(".")[0] for name in sphinx_numbers.DOTTED.findall(match["body"])}
    sections = {section: values[section] for section in used if section in values}
    found = {}
    for name, value in sphinx_numbers.flat(sections):
        if isinstance(value, str):
            found |= {f"{name} ({n})": float(n) for n in re.findall(r"\d+(?:\.\d+)?", value)}
        elif not isinstance(value, list):  # of seeds, so many that some would be equal by chance
            found[name] = value
    return found


def names_of(typed, used):
    """Returns the names of the measured numbers that a typed one equals as it is printed."""
    scales = (1, 100) if typed.is_fraction else (1,)  # a share is printed in percent
    whole = f"{typed.value:.0f}"
    zeros = len(whole.rstrip("0")) - len(whole)  # 430 may be 427.9 with two digits
    places = typed.places if typed.is_fraction else zeros
    return [
        name
        for name, value in used.items()
        if any(
            f"{round(scale * abs(value), places):.{typed.places}f}"
            == f"{typed.value:.{typed.places}f}"
            for scale in scales
        )
    ]


def given(chapter, folder=GIVEN):
    """Returns dict: words -> reason, of a chapter and of all chapters; None if it has no file."""
    path = Path(folder) / f"{chapter}.yml"
    if not path.exists():
        return None
    found = {}
    for one in (Path(folder) / f"{EVERYWHERE}.yml", path):
        found |= yaml.safe_load(one.read_text(encoding="utf-8")) or {}
    return found


def _spans(text, words):
    """Returns (begin, end) wherever words stand, over the ends of lines too."""
    pattern = r"\s+".join(map(re.escape, words.split()))
    return [match.span() for match in re.finditer(pattern, text)]


def unused(text, exceptions):
    """Returns the words that no longer stand in a page."""
    return [words for words in exceptions if not _spans(text, words)]


def typed_by_hand(text, used, exceptions):
    """Yields (`Typed`, measured names) of each number that should not be typed, in no order.

    Args:
        text: str, the page's source.
        used: dict, what `used_values` returns.
        exceptions: words with given numbers.
    """
    allowed = [span for words in exceptions for span in _spans(text, words)]
    for typed in numbers(text):
        if any(begin <= typed.place < end for begin, end in allowed):
            continue
        must_be_named = typed.is_plain and typed.is_fraction
        names = []
        if must_be_named or (typed.num_digits >= MIN_DIGITS and not typed.is_round):
            names = names_of(typed, used)
        if must_be_named or names:
            yield typed, names


def complaints(text, values, chapter, exceptions):
    """Returns what to say about each number that was typed by hand, in the page's order.

    Args:
        text: str, the page's source.
        values: what ``numbers.json`` holds.
        chapter: str, the page's stem.
        exceptions: words with given numbers.
    """
    found = typed_by_hand(text, used_values(text, values, chapter), exceptions)
    return [
        f"book/{chapter}.md:{typed.line}: {typed.text} is typed; it is "
        + (", ".join(names[:4]) or "no measured number of the sections used here")
        for typed, names in sorted(found, key=lambda pair: pair[0].place)
    ]


def main(words):
    """Prints what is typed in chapters; returns the exit status."""
    values, found = measured.read(), []
    for word in words or sorted(path.stem for path in BOOK.glob("*.md")):
        text = (BOOK / f"{Path(word).stem}.md").read_text(encoding="utf-8")
        found += complaints(text, values, Path(word).stem, given(Path(word).stem) or {})
    print(*found, sep="\n", end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
