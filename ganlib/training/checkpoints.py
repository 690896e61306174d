"""Checkpoints: the whole state of a run in one file that is either complete or not there.

A checkpoint is one ``.npz`` archive: every variable, the history, and the configuration as JSON. It
is written under a temporary name, flushed to the disk, and renamed, which is atomic. So a process
that is killed at any moment leaves the last complete checkpoint behind, and nothing else that could
be taken for one.
"""

import json
import os
import pathlib
import re
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ganlib import _files
from ganlib.training import _compare

# Copies such as "step-best.npz" or "step-000000005 (1).npz" are somebody's own.
_NAME = re.compile(r"step-([0-9]{9,})\.npz")
_CONFIG, _HISTORY, _STATE = "config", "history/", "state/"
# Raised when an older ganlib would read a file wrongly. Files from before the number are of 0.
_FORMAT, _NUMBER = "format", 1
_VERSIONS = "made_with"


def path_of(directory: str | os.PathLike[str], step: int) -> pathlib.Path:
    """The file of one step's checkpoint.

    Args:
        directory: folder of the run.
        step: number of completed steps.

    Returns:
        A ``pathlib.Path``, whether or not the file exists.
    """
    return _files.expanded(directory) / f"step-{step:09d}.npz"


def save(
    directory: str | os.PathLike[str],
    step: int,
    state: Mapping[str, Any],
    config: Mapping[str, Any],
    history: Any,
    keep: int = 2,
) -> pathlib.Path:
    """Writes one checkpoint atomically, then removes old ones.

    Args:
        directory: folder of the run; made if missing.
        step: number of completed steps.
        state: dict of name -> list of arrays.
        config: dict; ``restore`` compares it field by field. Of what JSON cannot hold, such as an
            object, the words are kept, without memory addresses.
        history: dict of name -> 1-D array.
        keep: how many of the newest checkpoints stay.

    Returns:
        The path of the new file.

    Raises:
        OSError: if the folder cannot be written to; older checkpoints are left as they were.
        ValueError: if an array holds Python objects, which cannot be read again; likewise.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> save(folder, 7, {"weights": [np.ones(3)]}, {"seed": 0}, {}).name
        'step-000000007.npz'
    """
    directory = _files.expanded(directory)
    directory.mkdir(parents=True, exist_ok=True)
    arrays = {_FORMAT: np.array(_NUMBER), _CONFIG: np.array(json.dumps(_compare.plain(config)))}
    arrays |= {_HISTORY + name: np.asarray(values) for name, values in history.items()}
    for name, values in state.items():
        arrays |= {f"{_STATE}{name}/{i:05d}": np.asarray(v) for i, v in enumerate(values)}
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ValueError(
                f"received Python objects in {name}; expected an array of numbers or strings, as "
                "others cannot be read again. Convert it first."
            )
    path = path_of(directory, step)
    with _files.whole(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)
    _remove_old(directory, path, keep)
    return path


def _remove_old(directory, newest, keep):
    """Removes all but the newest checkpoints, and what killed processes left half written."""
    for old in [path for path in steps(directory).values() if path <= newest][:-keep]:
        old.unlink(missing_ok=True)
    for leftover in directory.glob(".step-*.tmp"):
        leftover.unlink(missing_ok=True)


def steps(directory: str | os.PathLike[str]) -> dict[int, pathlib.Path]:
    """The checkpoints of a run.

    Args:
        directory: folder of the run; it need not exist.

    Returns:
        dict of step (int) -> path, in the order of the steps.
    """
    named = [(_NAME.fullmatch(p.name), p) for p in _files.expanded(directory).glob("step-*.npz")]
    return dict(sorted((int(match[1]), path) for match, path in named if match))


def load_latest(directory: str | os.PathLike[str]) -> Any:
    """Reads the newest checkpoint that is whole.

    A file that cannot be read (a failing disk, a broken copy) is passed over with a warning; other
    files in the folder are left alone.

    Args:
        directory: folder of the run.

    Returns:
        ``(step, state, config, history)`` in the form that ``save`` takes, or None if the folder
        holds no checkpoint.

    Raises:
        OSError: if there are checkpoints, but none can be read.
        ValueError: if a later ganlib wrote the newest, in a format that this one does not know.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> load_latest(folder) is None
        True
        >>> _ = save(folder, 7, {"weights": [np.ones(3)]}, {"seed": 0}, {})
        >>> step, state, config, history = load_latest(folder)
        >>> step, state["weights"][0].tolist(), config
        (7, [1.0, 1.0, 1.0], {'seed': 0})
    """
    found = steps(directory)
    for step, path in reversed(found.items()):
        try:
            number, *parts = _read(path)
        except Exception as error:  # what a damaged file raises depends on where it is damaged
            warnings.warn(
                f"the checkpoint {path} cannot be read ({error}); trying the one before it.",
                stacklevel=2,
            )
            continue
        if number > _NUMBER:
            raise ValueError(
                f"received {path}, whose format has the number {number}; expected {_NUMBER} at "
                "most, as this ganlib knows it. Install the ganlib that wrote it, or use another "
                "directory."
            )
        return (step, *parts)
    if found:
        raise OSError(
            f"none of the {len(found)} checkpoints in {directory} can be read. Restore the files "
            f"from a copy, or remove them to start again."
        )
    return None


def _read(path):
    """One file as (number of its format, state, config, history)."""
    state, history = {}, {}
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        number = int(archive[_FORMAT]) if _FORMAT in archive.files else 0
        if number > _NUMBER:
            return number, {}, {}, {}
        config = json.loads(str(archive[_CONFIG]))
        for key in archive.files:
            if key.startswith(_HISTORY):
                history[key.removeprefix(_HISTORY)] = archive[key]
            elif key.startswith(_STATE):
                name, _ = key.removeprefix(_STATE).rsplit("/", 1)
                state.setdefault(name, []).append(archive[key])
    return number, state, config, history


def require_same_config(saved: Any, current: Any, where: Any) -> None:
    """Refuses to go on with a run whose configuration differs, naming the first field that does.

    Numbers of NumPy and of Python are alike, and so are objects that differ in their memory
    address only. A field ``made_with``, a dict of name -> version, is not compared; the message
    says which versions differ.

    Args:
        saved: config dict of the checkpoint.
        current: config dict of the object that is to be restored.
        where: the checkpoint's folder, for the message.

    Raises:
        ValueError: naming the field, the value in the checkpoint and the value now.

    Example:
        >>> require_same_config({"seed": 0}, {"seed": 1}, "runs/a")
        Traceback (most recent call last):
            ...
        ValueError: received a checkpoint in runs/a that was made with seed = 0; expected \
seed = 1, as this GAN has it. Build the GAN with the same arguments, or use another directory.
    """
    saved, current = _compare.plain(saved), _compare.plain(current)
    versions = saved.pop(_VERSIONS, {}), current.pop(_VERSIONS, {})
    found = _compare.first_difference(saved, current)
    if found is None:
        return
    path, was, now = found
    field = ", ".join(path)
    others = [
        f"{name} {versions[0][name]}, now {versions[1][name]}"
        for name in sorted(versions[0].keys() & versions[1].keys())
        if versions[0][name] != versions[1][name]
    ]
    by = f" (by {'; '.join(others)})" if others else ""
    raise ValueError(
        f"received a checkpoint in {where} that was made with {field} = {was}{by}; expected "
        f"{field} = {now}, as this GAN has it. Build the GAN with the same arguments, or use "
        "another directory."
    )
