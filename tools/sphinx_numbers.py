r"""A Sphinx extension: measured numbers come into the chapters by name.

``{{ lab07.relative_frechet_distance | digits(2) }}`` is replaced by the number of that name in
``book/data/numbers.json``, before the page is parsed. So it works in sentences, formulas, tables,
captions and descriptions of figures alike. The expression is Jinja's. It stands on one line, begins
with a dotted name (before which there may be brackets, a minus and a factor), and has a space
inside each pair of braces, so LaTeX's braces are left alone. Code is left alone too, fenced or
between backticks. A name that is not there is an error that names the file, the line, and the names
that are most like it.
"""

import difflib
import functools
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace

import jinja2
from sphinx.errors import SphinxError

NUMBERS = Path("book") / "data" / "numbers.json"
EXPRESSION = re.compile(r"\{\{ +(?P<body>[-(\d *]*[A-Za-z_]\w*\.\w[^{}\n]*?) +\}\}")
DOTTED = re.compile(r"(?<![\w.|])[A-Za-z_]\w*(?:\.\w+)+")
FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,}|:{3,})(?P<rest>.*)")
# Code between one or two backticks, a role's text too; it ends with its paragraph at the latest.
INLINE = re.compile(r"(?<!`)(?P<tick>``?)(?!`)(?:(?!\n\s*\n).)+?(?<!`)(?P=tick)(?!`)", re.DOTALL)
WORDS = (
    *("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty"),
)


class NumbersError(SphinxError):
    """A number that cannot be put into a page."""

    category = "Measured numbers"


# ---- formats -----------------------------------------------------------------------------------


def listed(texts):
    """Returns "a, b and c"."""
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last


def _format(function):
    """Makes a format for one number one that takes a list of numbers, too."""

    @functools.wraps(function)
    def of_any(value, *words, **named):
        if isinstance(value, list):
            return listed([of_any(one, *words, **named) for one in value])
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"got {_kind(value)}, expected a number")
        return function(value, *words, **named).replace("-", "−")

    return of_any


def _kind(value):
    if isinstance(value, SimpleNamespace):
        return f"a group of numbers ({', '.join(vars(value))})"
    return f"{value!r}"


@_format
def fixed(value, places=0):
    """Some digits after the point, thousands apart: 60,000."""
    return f"{value:,.{places}f}"


@_format
def signed(value, places=1):
    """The same with a plus or a minus; no sign before a zero."""
    text = f"{value:+,.{places}f}"
    return text if text.strip("+-0.") else text[1:]


@_format
def digits(value, count):
    """So many significant digits, and no power of ten."""
    if not value:
        return "0"
    places = count - 1 - math.floor(math.log10(abs(float(f"{value:.{count - 1}e}"))))
    return f"{round(value, places):,.{max(places, 0)}f}"


@_format
def percent(value, places=0):
    """A share in percent, with its sign: 0.124 is 12.4% at one place."""
    return f"{100 * value:.{places}f}%"


@_format
def points(value, places=1):
    """A difference of shares in percentage points, with a plus or a minus: −2.1."""
    return signed(100 * value, places)


@_format
def words(value):
    """A whole number up to twenty in words."""
    if value != int(value) or not 0 <= value < len(WORDS):
        raise TypeError(f"got {value}, expected a whole number from 0 to {len(WORDS) - 1}")
    return WORDS[int(value)]


@_format
def scientific(value, places=1):
    r"""With a power of ten, for formulas: 4.0 \cdot 10^{-6}."""
    factor, exponent = f"{value:.{places}e}".split("e")
    return rf"{factor} \cdot 10^{{{int(exponent)}}}"


def below(values, limit):
    """How many of a list of numbers are less than a limit."""
    if not isinstance(values, list):
        raise TypeError(f"got {_kind(values)}, expected a list of numbers")
    return sum(value < limit for value in values)


def interval(value, places=1, unit=1):
    """A group with mean, low and high: +2.1 (+0.1 to +4.2); `unit=100` for shares in points."""
    if not isinstance(value, SimpleNamespace) or not {"mean", "low", "high"} <= {*vars(value)}:
        raise TypeError(f"got {_kind(value)}, expected a group that has mean, low and high")
    numbers = value.mean, value.low, value.high
    return "{} ({} to {})".format(
        # unlike `signed`: in a bracket of signed numbers a zero has a sign as well
        *(f"{unit * one:+,.{places}f}".replace("-", "−") for one in numbers)
    )


def _environment():
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    formats = fixed, signed, digits, percent, points, words, scientific, interval, below, listed
    environment.filters |= {function.__name__: function for function in formats}
    return environment


ENVIRONMENT = _environment()


# ---- names -------------------------------------------------------------------------------------


def as_names(values):
    """Returns nested dicts as objects with attributes: a key `items` is no method then."""
    if isinstance(values, dict):
        return SimpleNamespace(**{key: as_names(value) for key, value in values.items()})
    return values


def flat(values, prefix=""):
    """Yields (dotted name, value) of the numbers in nested dicts."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def unknown(body, values):
    """Returns what to say about each dotted name of an expression that is not there."""
    complaints = []
    for dotted in DOTTED.findall(body):
        found = values
        for part in dotted.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if found is None:
            known = [known for known, _ in flat(values)]
            known += [group.rpartition(".")[0] for group in known]
            near = difflib.get_close_matches(dotted, dict.fromkeys(known), n=3, cutoff=0.5)
            complaints.append(f"there is no {dotted}; near: {', '.join(near) or 'nothing'}")
    return complaints


def value_of(body, values, names=None):
    """Returns the text of one expression.

    Args:
        body: str, what stands between the braces.
        values: nested dicts, what ``numbers.json`` holds.
        names: the same from `as_names`, if it is at hand.

    Returns:
        str.

    Raises:
        NumbersError: if a name is unknown, the expression is no expression, or its value is a group
            of numbers or a number without a format.
    """
    names = as_names(values) if names is None else names
    if complaints := unknown(body, values):
        raise NumbersError("; ".join(complaints))
    try:
        found = ENVIRONMENT.compile_expression(body)(**vars(names))
    except (jinja2.TemplateError, TypeError, ValueError, AttributeError) as error:
        raise NumbersError(f"`{body}`: {error}") from None
    if isinstance(found, float | list | SimpleNamespace):
        kind = _kind(found)
        raise NumbersError(f"`{body}` is {kind}; say how to print it, such as `| fixed(2)`")
    return str(found)


# ---- pages -------------------------------------------------------------------------------------


def fenced_code(text):
    """Returns (begin, end) of a page's fenced blocks that are no directives."""
    spans, open_fences, begin, place = [], [], None, 0
    for line in text.splitlines(keepends=True):
        match = FENCE.match(line.rstrip())
        fence, rest = (match["fence"], match["rest"].strip()) if match else ("", "-")
        closes = not rest and open_fences and fence.startswith(open_fences[-1])
        if closes:
            open_fences.pop()
            if begin is not None:
                spans.append((begin, place + len(line)))
                begin = None
        elif match and begin is None and (rest.startswith("{") or fence[0] != ":"):
            open_fences.append(fence)
            begin = None if rest.startswith("{") else place
        place += len(line)
    return spans


def code_spans(text):
    """Returns (begin, end) of a page's code, in which nothing is replaced."""
    fenced = fenced_code(text)
    for begin, end in fenced:
        text = text[:begin] + re.sub(r"[^\n]", " ", text[begin:end]) + text[end:]
    return [*fenced, *(match.span() for match in INLINE.finditer(text))]


def expressions(text):
    """Yields the matches of a page's expressions, in its order."""
    code = code_spans(text)
    for match in EXPRESSION.finditer(text):
        if not any(begin <= match.start() < end for begin, end in code):
            yield match


def substitute(text, values, page="page"):
    """Returns a page's source with its measured numbers.

    Args:
        text: str, the source.
        values: nested dicts, what ``numbers.json`` holds.
        page: str, its name for messages.

    Returns:
        str.

    Raises:
        NumbersError: naming the line of each expression that has no value.
    """
    pieces, end, complaints, names = [], 0, [], as_names(values)
    for match in expressions(text):
        pieces.append(text[end : match.start()])
        end = match.end()
        try:
            pieces.append(value_of(match["body"], values, names))
        except NumbersError as error:
            line = text.count("\n", 0, match.start()) + 1
            complaints.append(f"{page}:{line}: {error}")
    if complaints:
        raise NumbersError("\n".join(complaints))
    return "".join([*pieces, text[end:]])


def read_source(app, docname, source):
    """Puts the numbers into a page that is read; notebooks hold their own."""
    if not app.env.doc2path(docname).endswith(".md") or not any(expressions(source[0])):
        return
    path = Path(app.srcdir) / NUMBERS
    app.env.note_dependency(str(path))
    values = json.loads(path.read_text(encoding="utf-8"))
    source[0] = substitute(source[0], values, f"{docname}.md")


def setup(app):
    app.connect("source-read", read_source)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
