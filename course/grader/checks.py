"""What an assignment's checks are written with.

A check is a function ``(ask, rng)``: it draws a fresh instance from ``rng``, asks for the student's
answer and compares it with a value of independent origin. Its docstring is its name. Messages tell
how far an answer is off, and never what was asked or expected.
"""

import dataclasses
import hashlib
import hmac
from collections.abc import Callable

import numpy as np

from course.grader.fence import Wrong


@dataclasses.dataclass(frozen=True)
class Check:
    """A function that decides on points.

    Attributes:
        function: ``(ask, rng)``; it raises `Wrong` for a wrong answer.
        question: the question it belongs to, such as "q1".
        points: what it is worth.
        visible: whether a student sees at once how it ended, and not after the deadline only.
        twist: the variant of the term that it belongs to, or None.
    """

    function: Callable
    question: str
    points: int
    visible: bool
    twist: str | None

    @property
    def name(self):
        """What the check looks at, in words."""
        return " ".join(self.function.__doc__.split())


def check(question, points, *, visible=False, twist=None):
    """Makes a function of an assignment's ``checks.py`` a check.

    Args:
        question: such as "q1".
        points: an integer.
        visible: whether a student sees at once how it ended.
        twist: the variant of the term that it belongs to. None: it is in all of them.

    Returns:
        A decorator.
    """
    return lambda function: Check(function, question, points, visible, twist)


def secret(key, *words):
    """Derives a key for something from another one, such that nothing can be told back.

    Args:
        key: bytes.
        *words: what it is for.

    Returns:
        32 bytes.
    """
    return hmac.digest(key, "\0".join(words).encode(), hashlib.sha256)


def generator(key, *words):
    """Makes random numbers that depend on a key and on what they are for, and on nothing else.

    Args:
        key: bytes.
        *words: what they are for.

    Returns:
        `numpy.random.Generator`.
    """
    return np.random.default_rng(int.from_bytes(secret(key, *words), "big"))


class Ask:
    """What a check asks a student's functions with.

    Args:
        student: what has ``ask(name, *arguments, probe=, **options)``.
        names: the functions of the question, by which what was returned is called.
    """

    def __init__(self, student):
        self.student = student

    def __call__(self, name, *arguments, shape=(), finite=True, probe="call", **options):
        """Asks for one array.

        Args:
            name: the student's function.
            *arguments: arrays, numbers and strings.
            shape: the shape that its answer must have.
            finite: whether infinite answers and NaN are refused.
            probe: how the function is called.
            **options: arguments by name.

        Returns:
            A float64 array of that shape, or a float for the shape ().

        Raises:
            Wrong: if it gave something else.
        """
        answers = self.student.ask(name, *arguments, probe=probe, **options)
        return _array(name, answers, shape, finite)

    def several(self, name, *arguments, shapes, finite=True, probe="call", **options):
        """Asks for several arrays.

        Args:
            name: the student's function.
            *arguments: arrays, numbers and strings.
            shapes: the shapes of the answers.
            finite: whether infinite answers and NaN are refused.
            probe: how the function is called.
            **options: arguments by name.

        Returns:
            A list of float64 arrays, or floats, of those shapes.

        Raises:
            Wrong: if it gave something else.
        """
        answers = self.student.ask(name, *arguments, probe=probe, **options)
        if len(answers) == 1 and np.ndim(answers[0]) and len(answers[0]) == len(shapes):
            answers = list(answers[0])
        if len(answers) != len(shapes):
            raise Wrong(f"{name} returned {_count(answers)}, expected {len(shapes)} values")
        return [_array(name, [a], s, finite) for a, s in zip(answers, shapes, strict=True)]


def _count(answers):
    return "one value" if len(answers) == 1 else f"{len(answers)} values"


def _array(name, answers, shape, finite):
    if len(answers) != 1:
        if shape and len(answers) == shape[0] and len({np.shape(a) for a in answers}) == 1:
            answers = [np.stack(answers)]  # a tuple of rows is an array too
        else:
            raise Wrong(f"{name} returned {_count(answers)}, expected one")
    array = np.asarray(answers[0], np.float64)
    if array.shape != tuple(shape):
        wanted = f"an array of shape {tuple(shape)}" if shape else "one number"
        raise Wrong(f"{name} returned an array of shape {array.shape}, expected {wanted}")
    if finite and not np.isfinite(array).all():
        raise Wrong(f"{name} returned NaN or infinity")
    return array if shape else float(array)


def close(got, expected, what, tolerance=1e-6):
    """Refuses an answer that is off.

    Args:
        got: a number, or an array.
        expected: the right one.
        what: a name for it.
        tolerance: how far it may be off, relative to the larger of 1 and the expected size.

    Raises:
        Wrong: telling how far.
    """
    got, expected = np.asarray(got, float), np.asarray(expected, float)
    same = got == expected  # equal infinities too
    with np.errstate(invalid="ignore"):
        off = np.abs(got - expected) / np.maximum(1, np.abs(expected))
    error = np.max(np.where(same, 0, np.where(np.isnan(off), np.inf, off)), initial=0)
    if error > tolerance:
        raise Wrong(f"{what} is off by {error:.1g}" if error < np.inf else f"{what} is infinite")


def that(condition, sentence):
    """Refuses an answer that does not fulfil a condition.

    Args:
        condition: whether it does.
        sentence: what is wrong, for the student.

    Raises:
        Wrong: with the sentence.
    """
    if not condition:
        raise Wrong(sentence)
