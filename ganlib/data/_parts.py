"""What a folder holds, and how its images are dealt into parts.

`ganlib.data` offers all of it too.
"""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from ganlib import _checks
from ganlib.data import _folders
from ganlib.data._images import Images


def picture_sizes(path: str | os.PathLike[str]) -> Mapping[Path, tuple[int, int]]:
    """Read how large the pictures of a folder are, from their headers alone.

    Args:
        path: the folder, with the rules of `load_folder`.

    Returns:
        dict, in the order of `list_folder`: path relative to the folder -> (width, height) in
        pixels. A file whose header cannot be read is not in it; one whose header alone is sound is.

    Raises:
        FileNotFoundError: there is no such folder.
        NotADirectoryError: the path is a file.
        ValueError: there is no picture file in it.

    Example:
        >>> import tempfile
        >>> from ganlib import data
        >>> folder = tempfile.mkdtemp()
        >>> data.save_folder(data.Images(data.load_digits().images[:3]), folder)
        >>> list(data.picture_sizes(folder).values())
        [(8, 8), (8, 8), (8, 8)]
    """
    files = _folders.find(path)
    root = _checks.path("path", path)
    Image.init()  # loads the readers of all formats
    with _folders._quiet_pillow(), ThreadPoolExecutor(os.cpu_count()) as pool:
        sizes = list(pool.map(lambda file: _size_of(root / file), files))
    return {file: size for file, size in zip(files, sizes, strict=True) if size is not None}


def _size_of(file):
    try:
        if not file.is_file():  # opening a pipe would wait for ever
            return None
        formats = [name for name in _folders.FORMATS if name in Image.OPEN]
        with Image.open(file, formats=formats) as picture:
            return picture.size
    except Exception:  # a broken file can raise nearly anything
        return None


def distinct(images: Images) -> Images:
    """Leave out images that equal an earlier one, pixel by pixel.

    Args:
        images: an `Images`.

    Returns:
        `Images` in the old order; of equal ones the first stays.

    Example:
        >>> from ganlib import data
        >>> digits = data.load_digits()[:50]
        >>> len(data.distinct(digits[np.arange(100) % 50]))
        50
    """
    seen = {}
    for place, image in enumerate(images.images):
        seen.setdefault(image.tobytes(), place)
    return images[np.array(list(seen.values()), np.int64)]


def deal(labels: ArrayLike, num_parts: int, seed: int = 0) -> np.ndarray:
    """Deal images into parts of equal size, so that each class is spread over all of them.

    Args:
        labels: integers (n,), the class of each image; all 0 where there are none.
        num_parts: number of parts.
        seed: decides which image goes where.

    Returns:
        int64 array (n,): the part of each image, from 0. The numbers of images of two parts differ
        by at most one, and so do those of each class.

    Example:
        >>> from ganlib import data
        >>> np.bincount(data.deal([0, 0, 0, 0, 1, 1, 1], num_parts=3)).tolist()
        [3, 2, 2]

    Reference:
        Chapter 14_recipe.
    """
    _checks.positive_integers(num_parts=num_parts)
    labels = np.asarray(labels)
    rng, parts, first = np.random.default_rng(seed), np.empty(len(labels), np.int64), 0
    for label in np.unique(labels):
        (own,) = np.nonzero(labels == label)
        parts[rng.permutation(own)] = (first + np.arange(len(own))) % num_parts
        first += len(own)
    return parts
