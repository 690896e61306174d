"""The home of measured numbers that the prose quotes: ``book/data/numbers.json``.

The command that measures something calls `put` with its section of the file, which it replaces as a
whole: a lab's run, a sweep, the study, the bench. The prose names a number and says how it is to be
printed, ``{{ lab07.relative_frechet_distance | digits(2) }}``; see `tools/sphinx_numbers.py`.
"""

import json
import math
import re
from pathlib import Path

from ganlib import _files

ROOT = Path(__file__).resolve().parents[1]
PATH = ROOT / "book" / "data" / "numbers.json"
NAME = re.compile(r"[a-z][a-z0-9_]*")


class NumbersError(ValueError):
    """Something that cannot be kept as a measured number."""


def name(text):
    """Returns a text as a name: lower case, with underscores for all that is no letter or digit.

    Args:
        text: str, such as a row's label.

    Returns:
        str. A text that begins with a digit gets an ``n_`` before it.

    Example:
        >>> name("projection, 0"), name("plug-in_right_20"), name("16, 0")
        ('projection_0', 'plug_in_right_20', 'n_16_0')
    """
    found = re.sub(r"[^a-z0-9]+", "_", str(text).lower()).strip("_")
    return found if found[:1].isalpha() else f"n_{found}"


def named(values):
    """Returns a dict with its keys as names, those of dicts in it too; a dot makes a group.

    Args:
        values: dict of str -> number, text, list of them, or dict.

    Returns:
        dict, which `put` takes.

    Example:
        >>> named({"gain.mean": 0.02, "gain.low": 0.01, "time XLA": 14.2})
        {'gain': {'mean': 0.02, 'low': 0.01}, 'time_xla': 14.2}
    """
    found = {}
    for key, value in values.items():
        *groups, last = map(name, key.split("."))
        place = found
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = named(value) if isinstance(value, dict) else value
    return found


def read(path=None):
    """Returns all sections.

    Args:
        path: the file, the book's if it is None.

    Returns:
        dict of nested dicts, empty if nothing has been measured.
    """
    path = Path(path or PATH)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def put(section, values, path=None):
    """Replaces one section of measured numbers by what was measured now.

    Args:
        section: str, its name, such as ``lab07``.
        values: nested dict; keys are names (a letter, then letters, digits and underscores, all in
            lower case), values are numbers, lists of numbers, or texts.
        path: the file, the book's if it is None; whoever reads it sees the old one or the new one.

    Raises:
        NumbersError: if a key is no name, or a value is not finite or of another kind.
    """
    path = Path(path or PATH)
    contents = read(path) | {section: values}
    _check(section, values, section)
    text = json.dumps(contents, indent=1, sort_keys=True, ensure_ascii=False)
    _files.write(path, text + "\n")


def _check(key, value, where):
    if not NAME.fullmatch(str(key)):
        raise NumbersError(
            f"{where}: got the key {key!r}, expected a lower-case letter and then letters, digits "
            "and underscores; measured.name makes such a key of any text"
        )
    if isinstance(value, dict):
        for inner, one in value.items():
            _check(inner, one, f"{where}.{inner}")
        return
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, int | float | str):
            raise NumbersError(
                f"{where}: got {one!r}, a {type(one).__name__}, expected a number, a text or a "
                "list of them; float(…) makes a number of a NumPy scalar"
            )
        if isinstance(one, float) and not math.isfinite(one):
            raise NumbersError(f"{where}: got {one}, expected a finite number; leave it out")
