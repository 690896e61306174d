"""Image datasets, folders of one's own images, and the two pixel ranges.

A dataset is an `Images`: uint8 pixels with labels or without.

`python -m ganlib.data` fetches what the book needs and says where it lies.
"""

import os
import sys
from pathlib import Path

import numpy as np

from ganlib import _checks
from ganlib.data import _downloads, _emoji, _entries, _folders, _glyphs
from ganlib.data._downloads import MissingDataError
from ganlib.data._folders import SkippedFilesWarning
from ganlib.data._images import Images, to_model_range, to_uint8
from ganlib.data._parts import deal, distinct, picture_sizes

__all__ = [
    "Images",
    "MissingDataError",
    "SkippedFilesWarning",
    "deal",
    "distinct",
    "find_datasets",
    "list_folder",
    "load_cifar10",
    "load_digits",
    "load_emoji",
    "load_fashion_mnist",
    "load_folder",
    "load_glyphs",
    "open_folder",
    "picture_sizes",
    "save_folder",
    "to_model_range",
    "to_uint8",
]

FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
CIFAR10_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
)


def load_digits() -> Images:
    """Load the 8×8 digits that come with scikit-learn: small enough for any experiment.

    Returns:
        `Images` with uint8 `(1797, 8, 8, 1)` and labels 0 to 9. The original values 0 to 16 are
        rescaled to 0 to 255.

    Example:
        >>> load_digits().images.shape
        (1797, 8, 8, 1)

    Reference:
        Alpaydin and Kaynak (1998), "Optical Recognition of Handwritten Digits", UCI Machine
        Learning Repository.
    """
    from sklearn import datasets  # a second to import: only for those who call this

    digits = datasets.load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    return Images(images, digits.target, tuple(str(digit) for digit in range(10)))


def load_fashion_mnist(split: str = "train") -> Images:
    """Load Fashion-MNIST: 28×28 grey pictures of ten kinds of clothing.

    It looks in the folder that `$GANLIB_DATA` names, in the Keras cache and in
    `/usr/share/datasets`. Where none has an undamaged copy, it downloads the files from where
    `keras.datasets` takes them, checks their SHA-256 and keeps them in the Keras cache.

    Args:
        split: "train" (60,000 images) or "test" (10,000 images).

    Returns:
        `Images` with uint8 `(n, 28, 28, 1)` and labels 0 to 9.

    Raises:
        MissingDataError: no copy, and the download failed; the message says what to do.
        ValueError: another split.

    Example:
        >>> test = load_fashion_mnist("test")
        >>> test.images.shape, test.class_names[test.labels[0]]
        ((10000, 28, 28, 1), 'Ankle boot')

    Reference:
        Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST: a Novel Image Dataset for Benchmarking
        Machine Learning Algorithms", arXiv 1708.07747.
    """
    _checks.one_of("split", split, _downloads.FASHION_MNIST_FILES)
    files = _downloads.FASHION_MNIST_FILES[split]
    _, (images, labels) = _downloads.obtain(_downloads.FASHION_MNIST, files)
    return Images(_from_idx(images)[..., np.newaxis], _from_idx(labels), FASHION_CLASSES)


def load_cifar10(split: str = "train") -> Images:
    """Load CIFAR-10: 32×32 colour photographs of ten kinds of things.

    It looks for ``cifar-10-binary.tar.gz`` in the folder that `$GANLIB_DATA` names and in the Keras
    cache, ``datasets/cifar-10``. Where neither has an undamaged copy, it downloads the archive
    (170 MB) from its authors' site, checks the SHA-256 of the images and keeps it in the Keras
    cache. This is the binary version: the pickled one, which Keras downloads, is not read.

    Args:
        split: "train" (50,000 images) or "test" (10,000 images).

    Returns:
        `Images` with uint8 `(n, 32, 32, 3)` and labels 0 to 9.

    Raises:
        MissingDataError: no copy, and the download failed; the message says what to do.
        ValueError: another split.

    Example:
        >>> load_cifar10("test").images.shape  # doctest: +SKIP
        (10000, 32, 32, 3)

    Reference:
        Krizhevsky (2009), "Learning Multiple Layers of Features from Tiny Images", chapter 3.
    """
    _checks.one_of("split", split, _downloads.CIFAR10_FILES)
    files = (_downloads.CIFAR10_FILES[split],)
    _, (contents,) = _downloads.obtain(_downloads.CIFAR10, files)
    records = np.frombuffer(contents, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    return Images(images, records[:, 0], CIFAR10_CLASSES)


def load_emoji(image_size: int = 64) -> Images:
    """Load the 99 faces of the font Noto Color Emoji on white: a small set of colour pictures.

    Cats, a robot and the like, which share a block of Unicode with the faces, are left out. The
    pictures come with ganlib, drawn from the font's release 2.042 and stored without loss.

    Args:
        image_size: height and width. The stored pictures are 136 pixels wide; larger ones are
            enlarged from these.

    Returns:
        `Images` with uint8 `(99, image_size, image_size, 3)`, in Unicode's order, without labels.

    Raises:
        ValueError: an image size that is no positive integer.

    Example:
        >>> load_emoji(image_size=32).images.shape
        (99, 32, 32, 3)

    Reference:
        The Noto project, Noto Color Emoji, under the SIL Open Font License 1.1. Chapter
        08_own_images.
    """
    _require_size(image_size)
    return Images(_emoji.load(int(image_size)))


def load_glyphs(
    family: str = "sans", *, bold: bool = False, italic: bool = False, image_size: int = 28
) -> Images:
    """Draw letters and digits in one style of the DejaVu fonts, white on black.

    All eight styles show the same 1,591 characters in the same order, each centred above the same
    baseline: the i-th image of one style and the i-th of another are an exact pair. Latin, Greek,
    Cyrillic, Armenian and Georgian letters are among them, many with accents. Characters that are
    cut off in some style are left out. Matplotlib brings the fonts, so nothing is downloaded.

    The labels say which letter it is, of either case and whatever its accents: ``a``, ``A`` and
    ``Á`` have one label. So do letters of several scripts that look alike in some style, as the
    Latin, the Greek and the Cyrillic A do, with all of each. Whoever splits the glyphs into parts
    by label has no picture in both, and no letter with another accent.

    Args:
        family: "sans" or "serif".
        bold: whether the strokes are thick.
        italic: whether the letters slant; of "sans" these are the upright ones inclined, of "serif"
            some have forms of their own.
        image_size: height and width.

    Returns:
        `Images` with uint8 `(1591, image_size, image_size, 1)` and labels 0 to 428, whose names are
        the first letter of each kind, in lower case.

    Raises:
        MissingDataError: this Matplotlib comes without the fonts.
        ValueError: another family, a style that is neither True nor False, or an image size that
            is no positive integer.

    Example:
        >>> plain, bold = load_glyphs(), load_glyphs("serif", bold=True)
        >>> plain.images.shape
        (1591, 28, 28, 1)
        >>> [plain.class_names[label] for label in plain.labels[[10, 36, 66]]]
        ['a', 'a', 'a']
        >>> bool((plain.labels == bold.labels).all())
        True

    Reference:
        The DejaVu fonts 2.37, derived from Bitstream Vera; the licence stands beside the fonts, as
        ``LICENSE_DEJAVU``.
    """
    _checks.one_of("family", family, ("sans", "serif"))
    _checks.flags(bold=bold, italic=italic)
    _require_size(image_size)
    return Images(*_glyphs.load((family, bool(bold), bool(italic)), int(image_size)))


def list_folder(path: str | os.PathLike[str]) -> list:
    """Name the picture files that `load_folder` looks at, in its order.

    Those that it skips are among them: `SkippedFilesWarning.files` tells which. What lies in a
    folder that cannot be read is not.

    Args:
        path: the folder.

    Returns:
        List of `pathlib.Path`, relative to the folder.

    Raises:
        FileNotFoundError: there is no such folder.
        NotADirectoryError: the path is a file.
        ValueError: there is no picture file in it.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> save_folder(Images(load_digits().images[:3]), folder)
        >>> [file.name for file in list_folder(folder)]
        ['00000.png', '00001.png', '00002.png']
    """
    return _folders.find(path)


def load_folder(path: str | os.PathLike[str], image_size: int = 64, channels: int = 3) -> Images:
    """Load every picture in a folder, whatever its format, size and colour mode.

    Each picture is turned as its EXIF orientation says, laid on white where it is transparent,
    resized with antialiasing so that its shorter side is `image_size`, and cropped to the central
    square. Of an animation it takes the first frame. Colour profiles are not applied.

    With one sub-folder per class, the folder names in sorted order are the classes, and pictures
    in folders further down belong to the class above them. Pictures directly in `path` have no
    class: if there are any, the labels are None, and a warning says so where sub-folders hold
    pictures as well. The order is that of the sorted names, so it is the same everywhere.

    Files without an image suffix and hidden ones are ignored, as are the folders in which systems
    and servers keep thumbnails, previews and deleted files: `__MACOSX`, `@eaDir`, `#recycle`,
    `$RECYCLE.BIN`, `lost+found`, Lightroom's `.lrdata` and their like. A picture file that cannot
    be decoded is skipped, as is a decompression bomb (more pixels than
    `PIL.Image.MAX_IMAGE_PIXELS`), a camera's raw file, and a folder that may not be read. One
    `SkippedFilesWarning` counts them and names the first ten; its `files` names all.

    Args:
        path: the folder.
        image_size: height and width of the result.
        channels: 3 for RGB, 1 for grey.

    Returns:
        `Images` with uint8 `(n, image_size, image_size, channels)`.

    Raises:
        FileNotFoundError: there is no such folder.
        NotADirectoryError: the path is a file.
        ValueError: no picture could be read, or an argument is out of range.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> save_folder(load_digits()[:20], folder)
        >>> load_folder(folder, image_size=8, channels=1).images.shape
        (20, 8, 8, 1)
    """
    _require_form(image_size, channels)
    return Images(*_folders.read(path, (int(image_size), int(image_size), int(channels))))


def open_folder(
    path: str | os.PathLike[str],
    image_size: int = 64,
    channels: int = 3,
    cache: str | os.PathLike[str] | None = None,
) -> Images:
    """Open a folder that is too large for the memory: as `load_folder`, with the pixels on disk.

    The pictures are decoded once, by as many threads as there are processors, into one file of raw
    pixels, which is then mapped: only what is looked at is read. If decoding is interrupted, the
    next call goes on where it stopped. Training reads the batches of a compiled call before it, in
    the same order as from memory.

    The file's name is a hash of the folder's place, of the names, sizes, times and file numbers of
    the pictures, and of `image_size` and `channels`. So a folder that changed or was moved is
    decoded anew, and no two share a file. Files of earlier states stay; the cache may be deleted at
    any time. Where a network drive numbers its files anew whenever it is mounted, copy the folder
    to a disk of this machine first.

    Args:
        path: the folder, with the rules of `load_folder`.
        image_size: height and width of the result.
        channels: 3 for RGB, 1 for grey.
        cache: the folder for the file, on a disk of this machine; None is ``ganlib`` in
            `$XDG_CACHE_HOME` or `~/.cache`.

    Returns:
        `Images` whose pixels are a read-only `numpy.memmap`, uint8
        `(n, image_size, image_size, channels)`.

    Raises:
        FileNotFoundError: there is no such folder.
        NotADirectoryError: the path is a file.
        OSError: there is not enough space for the file, or the cache cannot be written.
        ValueError: no picture could be read, or an argument is out of range.

    Example:
        >>> import tempfile
        >>> folder, cache = tempfile.mkdtemp(), tempfile.mkdtemp()
        >>> save_folder(load_digits()[:20], folder)
        >>> images = open_folder(folder, image_size=8, channels=1, cache=cache)
        >>> type(images.images).__name__, images.images.shape
        ('memmap', (20, 8, 8, 1))
    """
    _require_form(image_size, channels)
    if cache is None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "ganlib"
    form = (int(image_size), int(image_size), int(channels))
    return Images(*_folders.open_mapped(path, form, _checks.path("cache", cache)))


def save_folder(images: Images, path: str | os.PathLike[str]) -> None:
    """Write images as PNG files, one sub-folder per class; without labels all in one folder.

    `load_folder` reads them back exactly, class by class in the order of the sorted names. In
    folder names, characters that a file system may refuse become hyphens ("T-shirt-top"), names
    that Windows or `load_folder` would not take as a class get some ("-CON-"), and long ones are
    cut. Labels without class names become numbers, padded with zeros so that they sort. A class
    without images has no file, and so is no class of the folder.

    Args:
        images: an `Images`.
        path: a folder that is new, or holds nothing but files that `load_folder` ignores.

    Raises:
        FileExistsError: the folder holds pictures or folders, which would mix with the new ones.
        TypeError: something else than `Images`.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> save_folder(load_digits()[:20], folder)
        >>> sorted(entry.name for entry in folder.iterdir())[:3]
        ['0', '1', '2']
    """
    if not isinstance(images, Images):
        raise TypeError(
            f"received {type(images).__name__}; expected Images. Wrap an array: Images(array)."
        )
    names = [""] * len(images)
    if images.labels is not None:
        num_digits = len(str(max(images.num_classes - 1, 0)))
        numbers = tuple(f"{number:0{num_digits}d}" for number in range(images.num_classes))
        class_folders = _entries.folder_names(images.class_names or numbers)
        names = [class_folders[label] for label in images.labels]
    _folders.write(path, images.images, names)


def _require_form(image_size, channels) -> None:
    _checks.grey_or_colour(channels)
    _require_size(image_size)


def _require_size(image_size) -> None:
    _checks.integer("image_size", image_size, fix="Give the height and width in pixels, such as 64")


def _from_idx(contents: bytes) -> np.ndarray:
    """Read the IDX format: two zero bytes, type 8 (uint8), the rank, big-endian sizes, values."""
    rank = contents[3]
    shape = np.frombuffer(contents, ">i4", count=rank, offset=4)
    # A copy, since an array over bytes cannot be written to.
    return np.frombuffer(contents, np.uint8, offset=4 + 4 * rank).reshape(shape).copy()


def find_datasets() -> dict[str, Path | None]:
    """Say which of the data sets that are no part of ganlib lie on this machine.

    Nothing is downloaded, and what the files hold is not checked: loading does both.

    Returns:
        dict: a data set's title -> the first folder that has all of its files, or None.

    Example:
        >>> list(find_datasets())
        ['Fashion-MNIST', 'CIFAR-10']
    """
    fashion = [file for files in _downloads.FASHION_MNIST_FILES.values() for file in files]
    wanted = {
        _downloads.FASHION_MNIST: fashion,
        _downloads.CIFAR10: _downloads.CIFAR10_FILES.values(),
    }
    found = {}
    for source, files in wanted.items():
        folders = _downloads.local_folders(source)
        whole = (f for f in folders if all((f / file.name).is_file() for file in files))
        found[source.title] = next(whole, None)
    return found


def main() -> int:
    """Make available what the book needs and ganlib does not bring, and say where it lies.

    Returns:
        The exit status: 0, or 1 where the data could not be had.
    """
    source = _downloads.FASHION_MNIST
    for split, files in _downloads.FASHION_MNIST_FILES.items():
        try:
            folder, contents = _downloads.obtain(source, files)
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
            return 1
        num_images = len(_from_idx(contents[1]))
        print(f"{source.title}, {split}: {num_images:,} images in {folder}, checksums right")
    return 0
