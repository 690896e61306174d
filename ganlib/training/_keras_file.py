"""Generators as ``.keras`` files: their names, and what is wrong with a file that is none."""

import json
import os
import zipfile
import zlib

from ganlib import _files
from ganlib._tensorflow import keras

_BEGINNINGS = {
    b"": "is empty",
    b"version https://git-lfs": "is a pointer of Git LFS (git lfs pull gets the file)",
    b"<": "is a web page",
    b"{": "is JSON, perhaps a server's error message",
    b"\x89HDF": "is an HDF5 file, of weights or of an older format",
    b"PK": "is cut off or damaged",
}


def load_generator(path: str | os.PathLike[str]) -> keras.Model:
    """Loads a generator that ``save_generator`` wrote.

    Never load a ``.keras`` file from a source that you do not trust.

    Args:
        path: the file.

    Returns:
        A ``keras.Model``: float32 latents (batch, latent_dim) -> float32 images.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the name does not end in ``.keras``, the file is no such file, or was
            written by a newer Keras than can be read.
    """
    path = named(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no file {path}. Write one with GAN.save_generator(path), or run the lab "
            f"that makes it."
        )
    version = _version_of(path)
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:
        if _parts(version) <= _parts(keras.__version__):
            raise
        raise ValueError(
            f"received {path}, which Keras {version} wrote; expected a file that Keras "
            f"{keras.__version__}, installed here, can read. Install Keras {version} or newer, or "
            "save the generator again with the older one."
        ) from error


def named(path):
    """A path whose name ends as Keras wants it.

    Args:
        path: str or path.

    Returns:
        ``pathlib.Path``, with ``~`` expanded.

    Raises:
        ValueError: if the name ends in another way.
    """
    path = _files.expanded(path)
    if path.suffix != ".keras":
        raise ValueError(
            f"received the file name {str(path)!r}; expected one that ends in .keras. Keras tells "
            "the format of a file by its name."
        )
    return path


def _version_of(path):
    """The version of Keras that wrote a file; refuses what is no whole ``.keras`` file."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            if damaged is None and {"config.json", "metadata.json"} <= {*archive.namelist()}:
                return str(json.loads(archive.read("metadata.json")).get("keras_version", "0"))
        what = f"is damaged in {damaged}" if damaged else "is an archive of something else"
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError):
        with open(path, "rb") as file:
            beginning = file.read(64).lstrip()
        what = next(
            (
                words
                for start, words in _BEGINNINGS.items()
                if (beginning.startswith(start) if start else not beginning)
            ),
            "is none at all",
        )
    raise ValueError(
        f"received {path}, which {what}; expected a whole .keras file. Copy or download it again, "
        "or write it anew with GAN.save_generator(path)."
    )


def _parts(version):
    """A version's leading numbers, to be compared."""
    numbers = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return numbers
