"""Taking over a checkpoint: all that it holds is checked before anything is touched."""

import dataclasses
import inspect
import numbers
import warnings

import numpy as np

from ganlib.training._compare import plain
from ganlib.training._history import History
from ganlib.training._settings import function_name


def fitted(variables, arrays, name, where):
    """The arrays of a checkpoint for some variables, in the variables' types.

    Args:
        variables: list of variables.
        arrays: list of arrays.
        name: what the checkpoint calls them.
        where: the checkpoint's folder, for the message.

    Returns:
        list of pairs of a variable and its array.

    Raises:
        ValueError: if there are more or fewer arrays, or one has another shape or precision.
    """
    # NumPy knows no bfloat16, and reads it from a file as bytes without a type
    types = [np.asarray(variable).dtype for variable in variables]
    arrays = [
        a.view(dtype) if a.dtype.kind == "V" and a.dtype.itemsize == dtype.itemsize else a
        for a, dtype in zip(arrays, types, strict=False)
    ] + arrays[len(types) :]
    was = [_form(array.shape, array.dtype) for array in arrays]
    now = [_form(v.shape, dtype) for v, dtype in zip(variables, types, strict=True)]
    if was != now:
        index = next(
            (i for i, ends in enumerate(zip(was, now, strict=False)) if len({*ends}) > 1), -1
        )
        raise ValueError(
            f"received a checkpoint in {where} with {len(was)} arrays for the {name}, number "
            f"{index} of them {was[index] if was else None}; expected {len(now)}, number {index} "
            f"of them {now[index] if now else None}. Build the GAN as it was built then, or use "
            "another directory."
        )
    return list(zip(variables, arrays, strict=True))


def _form(shape, dtype):
    """Shape, and precision where there is one to lose."""
    return (tuple(shape), str(dtype) if "float" in str(dtype) else "whole numbers")


def history(columns, where):
    """The history of a checkpoint, also of one whose ganlib recorded other statistics.

    Args:
        columns: dict of name -> 1-D array.
        where: the checkpoint's folder, for the message.

    Returns:
        A `History`; NaN where a statistic was not recorded.

    Raises:
        ValueError: if the steps are missing, or a column is of another length.
    """
    steps = columns.get("step")
    if steps is None or any(np.shape(column) != np.shape(steps) for column in columns.values()):
        raise ValueError(
            f"received a checkpoint in {where} whose history has the columns {sorted(columns)}; "
            "expected one for the steps, and all of one length. Restore the file from a copy, or "
            "remove it to go on from the one before."
        )
    known = dataclasses.asdict(History.empty())
    differing = sorted(known.keys() ^ columns.keys())
    if differing:
        warnings.warn(
            f"the checkpoint in {where} is of another ganlib: its history differs in "
            f"{', '.join(differing)}. What was not recorded is NaN, what is not known is left out.",
            stacklevel=2,
        )
    unknown = np.full(len(steps), np.nan)
    return History(
        **{n: columns[n] if n in columns else unknown.astype(c.dtype) for n, c in known.items()}
    )


# ---- callbacks --------------------------------------------------------------------------------


def states_of(callbacks):
    """The states that a checkpoint keeps, and what went wrong when they were asked for.

    Args:
        callbacks: the callbacks of a run.

    Returns:
        ``(states, error)``: dict of name -> list with one array, and the last exception or None.
    """
    states, error = {}, None
    for name, callback in _stateful(callbacks).items():
        try:
            state = np.asarray(callback.get_state())
            if state.dtype.hasobject:  # NumPy writes such an array, and does not read it again
                raise ValueError(
                    f"received a state of {type(callback).__name__} that is no array of numbers or "
                    "strings; expected one from get_state. Return it as np.array, or as a string "
                    "of JSON."
                )
        except Exception as problem:
            error = problem
        else:
            states[name] = [state]
    return states, error


def set_states(callbacks, state, saved, where):
    """Gives each callback its state in a checkpoint.

    Args:
        callbacks: the callbacks of a run.
        state: dict of name -> list of arrays, all that the checkpoint holds.
        saved: what `identities` gave when it was made; empty in earlier checkpoints.
        where: the checkpoint's folder, for the message.

    Raises:
        ValueError: if it cannot be told which state is whose.
    """
    saved = {name: saved.get(name) for name in state if name.startswith("callback")}
    stateful = _stateful(callbacks)
    for name, saved_name in _belonging(saved, identities(callbacks), where).items():
        stateful[name].set_state(state[saved_name][0])


def _stateful(callbacks):
    """The callbacks that have a state, by the name of their place."""
    both = ("get_state", "set_state")
    return {
        f"callback{index}": callback
        for index, callback in enumerate(callbacks)
        if all(hasattr(callback, name) for name in both)
    }


def identities(callbacks):
    """What tells callbacks apart, in another process too.

    That is the class, and what its constructor was given and keeps under the parameter's name.

    Args:
        callbacks: the callbacks of a run.

    Returns:
        dict of a place's name -> dict, as JSON holds it, for each that has a state.
    """
    return {name: _identity(callback) for name, callback in _stateful(callbacks).items()}


def _identity(callback):
    cls = type(callback)
    found = {"class": cls.__qualname__}
    for name in inspect.signature(cls.__init__).parameters:
        value = getattr(callback, name, None)
        if callable(value):
            found[name] = _function(value)
        elif isinstance(value, str | numbers.Number):
            found[name] = plain(value)
    return found


def _function(function):
    """A function's name; and what distinguishes those of one name, which lambdas all have."""
    inside = [getattr(function, "__defaults__", None) or ()]
    for cell in getattr(function, "__closure__", None) or ():
        inside.append(_contents(cell))
    code = getattr(function, "__code__", None)
    if code is not None and function.__name__ == "<lambda>":
        inside += [code.co_names, code.co_varnames, code.co_freevars, code.co_consts]
    told = [v for values in inside for v in values if isinstance(v, str | numbers.Number)]
    return " ".join([function_name(function), *map(str, plain(told))])


def _contents(cell):
    try:
        return [cell.cell_contents]
    except ValueError:  # not filled yet
        return []


def _belonging(saved, current, where):
    """Which state of a checkpoint belongs to which callback: dict of name now -> name then.

    Equal identities belong together. Of what is left, one callback takes over the state of another
    if they differ in numbers only, such as a patience: it is the same with another setting.
    Earlier checkpoints have None for an identity; there the order decides, if there are as many.
    """
    found = {}
    for likeness in (_all_of, _without_numbers):
        for kind in {likeness(identity) for identity in saved.values()}:
            then = [name for name, identity in saved.items() if likeness(identity) == kind]
            now = [n for n, identity in current.items() if kind in ("None", likeness(identity))]
            if now and len(now) != len(then):
                raise ValueError(
                    f"received {len(now)} callbacks that are alike, {kind}; expected {len(then)}, "
                    f"as the checkpoint in {where} holds so many states of such. Pass the "
                    "callbacks of before."
                )
            found |= dict(zip(now, then, strict=False))
            saved = {n: identity for n, identity in saved.items() if not now or n not in then}
            current = {n: identity for n, identity in current.items() if n not in now}
    if any(saved.values()):
        warnings.warn(
            f"the checkpoint in {where} holds the state of a callback that is not there now: "
            f"{', '.join(map(_all_of, saved.values()))}. It is left out.",
            stacklevel=2,
        )
    return found


def _all_of(identity):
    return str(identity)


def _without_numbers(identity):
    if identity is None:
        return "None"
    return str({name: value for name, value in identity.items() if isinstance(value, str)})
