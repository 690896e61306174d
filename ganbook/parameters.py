"""The parameters of a lab, as a command line or a form may give them.

papermill makes True, False, None, integers and floats of what stands behind ``-p NAME``, and leaves
all else a string: `-p flip false` is the string "false", which is true. What begins as a string of
that kind is told here, before a lab trains for an hour.
"""

import re
import types

from ganlib import _checks

_WORDS = {"true", "false", "yes", "no", "on", "off"}
_NUMBERS = re.compile(r"[-+]?[\d.,_' ]*\d[\d.,_' ]*(e[-+]?\d+)?%?")


def check(values):
    """Refuse parameters of another kind than their names or their looks say.

    A string that reads as a number, a truth value, a list or the like is refused; names and paths
    pass. What begins with ``num_`` is an integer, what begins with ``max_`` or ``min_`` a number,
    or it is a list of such.

    Args:
        values: mapping from names to values, such as ``globals()`` in the cell that follows the
            parameters. Names with an underscore before them, functions and modules are passed over.

    Raises:
        ValueError: naming the parameter, with what to write instead.

    Example:
        >>> from ganbook import parameters
        >>> parameters.check({"num_steps": 100, "flip": False, "image_dir": "pictures"})
        >>> parameters.check({"flip": "false"})
        Traceback (most recent call last):
            ...
        ValueError: received flip='false', a string; expected no string that reads as something \
else. Write it as Python does, such as True, 3500 or 0.5; by papermill, -p flip True, and a list \
by -y "{flip: [0, 1]}".
    """
    for name, value in values.items():
        if name.startswith("_") or callable(value) or isinstance(value, types.ModuleType):
            continue
        if isinstance(value, str) and _reads_as_something_else(value):
            raise ValueError(
                f"received {name}={value!r}, a string; expected no string that reads as something "
                "else. Write it as Python does, such as True, 3500 or 0.5; by papermill, "
                f'-p {name} True, and a list by -y "{{{name}: [0, 1]}}".'
            )
        for one in value if isinstance(value, list) else [value]:
            if name.startswith("num_"):
                _checks.integer(name, one, at_least=-1, fix="Write it in digits, without a point")
            elif name.startswith(("max_", "min_")):
                _checks.number(name, one, fix="Write it in digits")


def _reads_as_something_else(text):
    text = text.strip().lower()
    return text in _WORDS or text[:1] in ("[", "{", "(") or bool(_NUMBERS.fullmatch(text))
