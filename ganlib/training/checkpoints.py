"""Checkpoints: the whole state of a run in one file that is either complete or not there.

A checkpoint is one ``.npz`` archive: every variable, the history, and the configuration as JSON. It
is written under a temporary name, flushed to the disk, and renamed, which is atomic. So a process
that is killed at any moment leaves the last complete checkpoint behind, and nothing else that could
be taken for one.
"""

import json
import os
import pathlib
import warnings
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from ganlib import _files

_PATTERN = "step-*.npz"
_CONFIG, _HISTORY, _STATE = "config", "history/", "state/"


def path_of(directory: str | os.PathLike[str], step: int) -> pathlib.Path:
    """The file of one step's checkpoint.

    Args:
        directory: folder of the run.
        step: number of completed steps.

    Returns:
        A ``pathlib.Path``, whether or not the file exists.
    """
    return pathlib.Path(directory) / f"step-{step:09d}.npz"


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
        config: dict that JSON can hold; ``restore`` compares it field by field.
        history: dict of name -> 1-D array.
        keep: how many of the newest checkpoints stay.

    Returns:
        The path of the new file.

    Raises:
        OSError: if the folder cannot be written to; older checkpoints are left as they were.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> save(folder, 7, {"weights": [np.ones(3)]}, {"seed": 0}, {}).name
        'step-000000007.npz'
    """
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    arrays = {_CONFIG: np.array(json.dumps(config))}
    arrays |= {_HISTORY + name: np.asarray(values) for name, values in history.items()}
    for name, values in state.items():
        arrays |= {f"{_STATE}{name}/{i:05d}": np.asarray(v) for i, v in enumerate(values)}
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
    paths = sorted(pathlib.Path(directory).glob(_PATTERN))
    return {int(path.stem.removeprefix("step-")): path for path in paths}


def load_latest(directory: str | os.PathLike[str]) -> Any:
    """Reads the newest checkpoint that is whole.

    A file that cannot be read (a failing disk, a broken copy) is passed over with a warning.

    Args:
        directory: folder of the run.

    Returns:
        ``(step, state, config, history)`` in the form that ``save`` takes, or None if the folder
        holds no checkpoint.

    Raises:
        OSError: if there are checkpoints, but none can be read.

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
            return (step, *_read(path))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            warnings.warn(
                f"the checkpoint {path} cannot be read ({error}); trying the one before it.",
                stacklevel=2,
            )
    if found:
        raise OSError(
            f"none of the {len(found)} checkpoints in {directory} can be read. Restore the files "
            f"from a copy, or remove them to start again."
        )
    return None


def _read(path):
    """One file as (state, config, history)."""
    state, history = {}, {}
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        config = json.loads(str(archive[_CONFIG]))
        for key in archive.files:
            if key.startswith(_HISTORY):
                history[key.removeprefix(_HISTORY)] = archive[key]
            elif key.startswith(_STATE):
                name, _ = key.removeprefix(_STATE).rsplit("/", 1)
                state.setdefault(name, []).append(archive[key])
    return state, config, history


def require_same_config(saved: Any, current: Any, where: Any) -> None:
    """Refuses to go on with a run whose configuration differs, naming the first field that does.

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
    for field in sorted(saved.keys() | current.keys()):
        was, now = saved.get(field), current.get(field)
        if was == now:
            continue
        if isinstance(was, list) and isinstance(now, list):  # layers: name the first that differs
            pairs = enumerate(zip(was, now, strict=False))
            index = next((i for i, (a, b) in pairs if a != b), min(len(was), len(now)))
            field = f"{field}, entry {index}"
            was, now = was[index : index + 1] or None, now[index : index + 1] or None
        raise ValueError(
            f"received a checkpoint in {where} that was made with {field} = {was}; expected "
            f"{field} = {now}, as this GAN has it. Build the GAN with the same arguments, or use "
            "another directory."
        )
