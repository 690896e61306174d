"""One dialect for what is refused: "received …; expected …" and a sentence that says what to do.

The functions here are for the checks that come up again and again. A check of one place alone
raises by itself, in the same three parts.
"""

import argparse
import dataclasses
import numbers
import os
import pathlib
import re

import numpy as np


def integer(name, value, *, at_least=1, at_most=None, fix=None):
    """Refuses what is no whole number, or out of range. A bool is no number, NumPy's integers are.

    Args:
        name: the argument's name, as the caller knows it.
        value: what was given.
        at_least: the smallest number that will do.
        at_most: the largest number that will do; None: there is none.
        fix: a sentence without its full stop: what to do. None: an example of a number that fits.

    Raises:
        ValueError: if the value is no such integer.

    Example:
        >>> integer("num_steps", 0)
        Traceback (most recent call last):
            ...
        ValueError: received num_steps=0; expected an integer of at least 1. Pass for instance \
num_steps=10.
    """
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if is_integer and at_least <= value and (at_most is None or value <= at_most):
        return
    bounds = f"of at least {at_least}" if at_most is None else f"from {at_least} to {at_most}"
    example = max(at_least, 10 if at_most is None else min(10, at_most))
    raise ValueError(
        f"received {name}={value!r}; expected an integer {bounds}. "
        f"{fix or f'Pass for instance {name}={example}'}."
    )


def positive_integers(**values):
    """Refuses the first value that is no integer of at least 1.

    Args:
        **values: what was given, by the names of the arguments.

    Raises:
        ValueError: naming that value.

    Example:
        >>> positive_integers(width=16, latent_dim=2.5)
        Traceback (most recent call last):
            ...
        ValueError: received latent_dim=2.5; expected an integer of at least 1. Pass for instance \
latent_dim=10.
    """
    for name, value in values.items():
        integer(name, value)


def take_plain(instance):
    """Gives a frozen dataclass Python's own numbers in place of NumPy's, from its __post_init__.

    Both mean the same, but only Python's are written and compared as one expects.

    Args:
        instance: the dataclass's instance; its fields are replaced.

    Example:
        >>> import dataclasses
        >>> @dataclasses.dataclass(frozen=True)
        ... class Settings:
        ...     seed: int
        ...
        ...     def __post_init__(self):
        ...         take_plain(self)
        >>> Settings(np.int64(7))
        Settings(seed=7)
    """
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if isinstance(value, np.generic):
            object.__setattr__(instance, field.name, value.item())


def number(name, value, *, at_least=None, above=None, at_most=None, below=None, fix=None):
    """Refuses what is no real number, NaN, or out of range.

    Args:
        name: the argument's name, as the caller knows it.
        value: what was given; NumPy's scalars will do.
        at_least: lower bound that will do itself. None: none.
        above: lower bound that will not. None: none.
        at_most: upper bound that will do itself. None: none.
        below: upper bound that will not. None: none.
        fix: a sentence without its full stop: what to do. None: to pass a number in this range.

    Raises:
        ValueError: if the value is no such number.

    Example:
        >>> number("decay", 1.0, at_least=0, below=1)
        Traceback (most recent call last):
            ...
        ValueError: received decay=1.0; expected a number of at least 0 and below 1. Choose decay \
in this range.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if is_number and (
        value == value  # NaN is not
        and (at_least is None or value >= at_least)
        and (above is None or value > above)
        and (at_most is None or value <= at_most)
        and (below is None or value < below)
    ):
        return
    bounds = {"of at least": at_least, "above": above, "of at most": at_most, "below": below}
    words = " and ".join(f"{word} {bound}" for word, bound in bounds.items() if bound is not None)
    raise ValueError(
        f"received {name}={value!r}; expected a number{words and f' {words}'}. "
        f"{fix or f'Choose {name} in this range'}."
    )


def written_integer(least):
    """Makes a type of argparse: an integer in digits that is not too small.

    Args:
        least: the smallest number that will do.

    Returns:
        A function: text -> int, which raises ``argparse.ArgumentTypeError``.

    Example:
        >>> written_integer(1)("500")
        500
    """

    def integer_from(text):
        if not re.fullmatch(r"\d{1,9}", text.replace("_", "")) or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"received {text!r}; expected an integer of at least {least}. Give it in digits."
            )
        return int(text)

    return integer_from


def written_time(text):
    """A type of argparse: how long something may take.

    Args:
        text: a number with a unit, such as 90s, 20m or 2h, or minutes alone.

    Returns:
        Seconds, a float above 0.

    Raises:
        ArgumentTypeError: of argparse, for other texts.

    Example:
        >>> written_time("1.5h")
        5400.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip().lower())
    if match is None or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(
            f"received {text!r}; expected a time such as 90s, 20m or 2h. Give a number and a unit."
        )
    return float(match[1]) * {"": 60, "s": 1, "m": 60, "h": 3600}[match[2]]


def one_of(name, value, choices, *, fix=None):
    """Refuses what is not among some values. True and 1.0 are not the integer 1.

    Args:
        name: the argument's name, as the caller knows it.
        value: what was given.
        choices: the values that will do, at least one.
        fix: a sentence without its full stop: what to do. None: to pass the first of them.

    Raises:
        ValueError: naming all choices.

    Example:
        >>> one_of("split", "valid", ("train", "test"))
        Traceback (most recent call last):
            ...
        ValueError: received split='valid'; expected 'train' or 'test'. Pass for instance \
split='train'.
    """
    choices = tuple(choices)
    if any(_is_same(value, choice) for choice in choices):
        return
    *others, last = [repr(choice) for choice in choices]
    words = f"{', '.join(others)} or {last}" if others else last
    raise ValueError(
        f"received {name}={value!r}; expected {words}. "
        f"{fix or f'Pass for instance {name}={choices[0]!r}'}."
    )


def flags(**values):
    """Refuses the first value that does not say yes or no; 0 and 1 do.

    A string is true, whatever it says: "false", as a command line passes it, would switch on what
    it is to switch off.

    Args:
        **values: what was given, by the names of the arguments.

    Raises:
        ValueError: naming that value.

    Example:
        >>> flags(rotate=False, flip="false")
        Traceback (most recent call last):
            ...
        ValueError: received flip='false'; expected True or False. Pass it without quotation \
marks, with a capital letter.
    """
    for name, value in values.items():
        is_integer = isinstance(value, int | np.integer) and value in (0, 1)
        if not isinstance(value, bool | np.bool_) and not is_integer:
            raise ValueError(
                f"received {name}={value!r}; expected True or False. Pass it without quotation "
                "marks, with a capital letter."
            )


def path(name, value):
    """Gives a path with ``~`` as the home folder, and refuses what is none.

    Args:
        name: the argument's name, as the caller knows it.
        value: what was given: a string, or an object that stands for one, such as a ``Path``.

    Returns:
        A ``pathlib.Path``.

    Raises:
        TypeError: for bytes, a list and the like.
        ValueError: if it is empty, or its ``~`` is nobody's home.

    Example:
        >>> path("directory", ["runs", "a"])
        Traceback (most recent call last):
            ...
        TypeError: received directory=['runs', 'a']; expected a path, a string or a \
pathlib.Path. Pass one path; of bytes, os.fsdecode makes a string.
    """
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
        raise TypeError(
            f"received {name}={value!r}; expected a path, a string or a pathlib.Path. Pass one "
            "path; of bytes, os.fsdecode makes a string."
        )
    if not os.fspath(value):
        raise ValueError(
            f"received {name}=''; expected a path. Write '.' for the folder in which you are."
        )
    try:
        return pathlib.Path(value).expanduser()
    except RuntimeError as error:  # no such user, or a service that has no home
        raise ValueError(
            f"received {name}={os.fspath(value)!r}, but whose home ~ stands for is not known; "
            "expected a path that can be found. Write the folder out."
        ) from error


def apart(name, out, pictures):
    """Refuses an output from which generated pictures would be taken for real ones.

    Args:
        name: the argument's name, as the caller knows it.
        out: path of a folder that is to be written.
        pictures: path of the folder of pictures.

    Raises:
        ValueError: if the first lies in the second, or is the same.

    Example:
        >>> apart("--out", "pictures/../run", "pictures")
        >>> apart("--out", "pictures/run", "pictures")
        Traceback (most recent call last):
            ...
        ValueError: received --out pictures/run, which lies in the folder of pictures pictures; \
expected another place, as what is drawn would be trained on. Give one outside of it.
    """
    if pathlib.Path(os.path.realpath(out)).is_relative_to(os.path.realpath(pictures)):
        raise ValueError(
            f"received {name} {out}, which lies in the folder of pictures {pictures}; expected "
            "another place, as what is drawn would be trained on. Give one outside of it."
        )


def names(name, values, *, fix):
    """Refuses what is no sequence of strings; one string alone is none.

    Args:
        name: the argument's name, as the caller knows it.
        values: what was given; any iterable will do.
        fix: a sentence without its full stop: what to do.

    Returns:
        A tuple of strings.

    Raises:
        TypeError: naming what was given.

    Example:
        >>> names("class_names", "cat", fix="Give one name for each class")
        Traceback (most recent call last):
            ...
        TypeError: received class_names='cat'; expected a sequence of strings. Give one name for \
each class.
    """
    is_sequence = np.iterable(values) and not isinstance(values, str | bytes)
    found = tuple(values) if is_sequence else None
    if found is None or not all(isinstance(value, str) for value in found):
        raise TypeError(f"received {name}={values!r}; expected a sequence of strings. {fix}.")
    return found


def grey_or_colour(channels):
    """Refuses a number of channels with which nobody can look at an image.

    Args:
        channels: what was given.

    Raises:
        ValueError: if it is neither 1 nor 3.
    """
    one_of("channels", channels, (1, 3), fix="Pass 1 for grey images, 3 for colour (RGB)")


def labelled(images, purpose):
    """Refuses images without labels.

    Args:
        images: `data.Images`.
        purpose: what the labels are for, an infinitive.

    Raises:
        ValueError: if they have none.
    """
    if images.labels is None:
        raise ValueError(
            f"received images without labels; expected labelled ones {purpose}. Pass data.Images "
            "with labels, such as data.load_folder gives for one sub-folder per class."
        )


def shape(name, array, expected, *, fix):
    """Refuses an array, or a tensor of known shape, of another shape.

    Args:
        name: what the caller calls it.
        array: what was given; it has a ``shape``.
        expected: for each axis its length, a tuple of lengths that will do, or a letter or word
            for any length.
        fix: a sentence without its full stop: what to do.

    Raises:
        ValueError: naming both shapes.

    Example:
        >>> shape("points", np.zeros((5, 3)), ("n", 2), fix="Leave out the third column")
        Traceback (most recent call last):
            ...
        ValueError: received points of shape (5, 3); expected (n, 2). Leave out the third column.
    """
    received = tuple(array.shape)
    if len(received) == len(expected) and all(map(_fits, received, expected)):
        return
    words = [" or ".join(map(str, axis)) if isinstance(axis, tuple) else axis for axis in expected]
    inside = ", ".join(map(str, words)) + ("," if len(words) == 1 else "")
    raise ValueError(f"received {name} of shape {received}; expected ({inside}). {fix}.")


def _is_same(value, choice):
    """Whether a value is a choice, in kind too."""
    if isinstance(choice, int):
        return isinstance(value, int | np.integer) and type(value) is not bool and value == choice
    return isinstance(value, type(choice)) and value == choice


def _fits(length, expected):
    """Whether an axis is as long as it may be."""
    if isinstance(expected, str):
        return True
    return length in expected if isinstance(expected, tuple) else length == expected
