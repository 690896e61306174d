"""Checks of arguments: what passes, what is refused, and that all refusals speak one dialect."""

import ast
import math
import re
from pathlib import Path

import numpy as np
import pytest

from ganlib import _checks

ROOT = Path(__file__).resolve().parents[1]


# --- what passes and what does not ---------------------------------------------------------------


@pytest.mark.parametrize("value", [1, 2, 10**12, np.int64(3), np.uint8(1)])
def test_positive_integers_pass(value):
    _checks.positive_integers(num_steps=value)


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", None, True, np.True_, np.float32(2), [1]])
def test_what_is_no_positive_integer_is_refused_by_its_name(value):
    with pytest.raises(ValueError, match=r"^received num_steps=") as caught:
        _checks.positive_integers(width=1, num_steps=value)
    assert repr(value) in str(caught.value)


def test_bounds_of_an_integer_will_do_themselves():
    for value in (2, 5):
        _checks.integer("part", value, at_least=2, at_most=5)
    for value in (1, 6):
        with pytest.raises(
            ValueError, match=f"received part={value}; expected an integer from 2 to 5"
        ):
            _checks.integer("part", value, at_least=2, at_most=5)


@pytest.mark.parametrize(
    ("bounds", "passing", "refused"),
    [
        ({"at_least": 0, "at_most": 1}, [0, 1, 0.5, np.float32(1)], [-1e-9, 1.001, 2]),
        ({"above": -1, "below": 1}, [-0.999, 0, 0.999], [-1, 1, math.inf]),
        ({"at_least": 0}, [0, math.inf], [-1, -math.inf]),
        ({"above": 0, "at_most": 1}, [1e-300, 1], [0, 1.5]),
    ],
)
def test_numbers_pass_within_their_bounds(bounds, passing, refused):
    for value in passing:
        _checks.number("share", value, **bounds)
    for value in [*refused, math.nan, "0.5", None, True, [0.5]]:
        with pytest.raises(ValueError, match="received share="):
            _checks.number("share", value, **bounds)


def test_each_bound_is_named():
    with pytest.raises(ValueError, match=r"a number above 0 and of at most 1\. "):
        _checks.number("share", 2, above=0, at_most=1)
    with pytest.raises(ValueError, match=r"expected a number\. "):
        _checks.number("weight", "2")


def test_one_of_names_all_that_will_do():
    _checks.one_of("channels", 3, (1, 3))
    with pytest.raises(ValueError, match=r"^received channels=2; expected 1, 3 or 4\. Add one\.$"):
        _checks.one_of("channels", 2, (1, 3, 4), fix="Add one")


@pytest.mark.parametrize("value", [True, 1.0, "1", None, np.float32(1), np.array([1, 3]), [1]])
def test_what_equals_a_choice_but_is_of_another_kind_is_refused(value):
    _checks.one_of("channels", np.int64(1), (1, 3))
    with pytest.raises(ValueError, match=r"^received channels="):
        _checks.one_of("channels", value, (1, 3))


def test_a_flag_says_yes_or_no():
    _checks.flags(flip=True, rotate=np.False_, frozen=0, ablations=np.int64(1))
    for value in ("false", "True", "", None, 0.5, 2, -1, [], np.array([True])):
        with pytest.raises(ValueError, match=r"received flip=.*; expected True or False"):
            _checks.flags(rotate=True, flip=value)


def test_a_path_comes_back_with_its_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert _checks.path("directory", "~/runs") == Path("/home/ada/runs")
    assert _checks.path("directory", Path("a") / "~") == Path("a/~")
    for value in (b"runs", ["runs"], None, 7, {}):
        with pytest.raises(TypeError, match=r"received directory=.*; expected a path"):
            _checks.path("directory", value)
    for value in ("", "~nobody-of-this-name/runs"):
        with pytest.raises(ValueError, match=r"received directory=.*; expected a path"):
            _checks.path("directory", value)


def test_names_are_several_strings():
    assert _checks.names("class_names", np.array(["a", "b"]), fix="") == ("a", "b")
    assert _checks.names("class_names", map(str, range(2)), fix="") == ("0", "1")
    assert _checks.names("class_names", (), fix="") == ()
    for value in ("cat", b"cat", None, 3, [0, 1], [b"cat"], ["cat", None]):
        with pytest.raises(TypeError, match=r"received class_names=.*sequence of strings\. Name"):
            _checks.names("class_names", value, fix="Name them")


@pytest.mark.parametrize(
    ("shape", "fits"),
    [
        ((5, 28, 1), True),
        ((0, 28, 3), True),
        ((5, 28, 2), False),
        ((5, 27, 1), False),
        ((5, 28), False),
    ],
)
def test_a_shape_fits_axis_by_axis(shape, fits):
    array, expected = np.zeros(shape), ("n", 28, (1, 3))
    if fits:
        _checks.shape("rows", array, expected, fix="Resize them")
    else:
        message = re.escape(
            f"received rows of shape {shape}; expected (n, 28, 1 or 3). Resize them."
        )
        with pytest.raises(ValueError, match=f"^{message}$"):
            _checks.shape("rows", array, expected, fix="Resize them")


def test_a_shape_of_one_axis_looks_like_one():
    with pytest.raises(ValueError, match=re.escape("expected (k,). ")):
        _checks.shape("means", np.zeros((2, 2)), ("k",), fix="Flatten them")


# --- the dialect ---------------------------------------------------------------------------------

FILES = [path for name in ("ganlib", "ganbook") for path in sorted((ROOT / name).rglob("*.py"))]
DIALECT = re.compile(r"received .+; expected .+[.)] [^a-z].*\.", re.DOTALL)


def text_of(node):
    """The words of a string or an f-string; an X for each value in it."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(part.value if isinstance(part, ast.Constant) else "X" for part in parts)
    return ""


def other_dialects(source):
    """Yields the line and the words of each refusal that does not say its three things."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name(id="ValueError" | "TypeError"), args=[text])):
                if not DIALECT.fullmatch(text_of(text)):
                    yield f"line {node.lineno}: {text_of(text)!r}"


@pytest.mark.parametrize(
    ("words", "num_found"),
    [
        ('f"received n={n}; expected a number above 0. Raise it."', 0),
        ('f"received n={n}; expected a number above 0"', 1),
        ('f"received n={n}. Raise it."', 1),
        ('f"n must be above 0, but is {n}. Raise it."', 1),
        ("message", 1),
    ],
)
def test_another_dialect_is_found(words, num_found):
    assert len(list(other_dialects(f"def f(n):\n    raise ValueError({words})"))) == num_found


@pytest.mark.parametrize("name", [path.relative_to(ROOT).as_posix() for path in FILES])
def test_a_refusal_says_what_was_received_what_is_expected_and_what_to_do(name):
    assert list(other_dialects((ROOT / name).read_text(encoding="utf-8"))) == []
