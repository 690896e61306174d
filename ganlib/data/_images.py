"""The one form of a set of images, and the two pixel ranges.

Stored images are uint8 from 0 to 255. Networks see float32 in [-1, 1]; `to_model_range` and
`to_uint8` are the only places where one becomes the other. `ganlib.data` offers all of it too.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ganlib import _checks, _files


@dataclass(frozen=True, eq=False)
class Images:
    """A set of images, with labels or without.

    Args:
        images: uint8 `(n, height, width, channels)`, values 0 to 255, with 1 or 3 channels.
        labels: integers `(n,)` from 0, kept as int64; None where there are none.
        class_names: the name of each label; `()` where there are none. Bytes of a folder's name
            that are no UTF-8 are written as in an address, ``%D0``.

    Raises:
        TypeError: a wrong type or dtype, a masked array, or names that are no strings.
        ValueError: a wrong shape, or labels that do not fit the images or the names.

    Example:
        >>> images = Images(np.zeros((4, 8, 8, 1), np.uint8), [0, 1, 1, 0], ("cat", "dog"))
        >>> len(images), images.num_classes
        (4, 2)
        >>> len(images[images.labels == 1])
        2
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the fields, and bring labels to int64."""
        _check_pixels(self.images)
        class_names = _checks.names(
            "class_names", self.class_names, fix="Name each class; of numbers, map(str, names)"
        )
        object.__setattr__(self, "class_names", tuple(map(_files.readable, class_names)))
        if self.labels is not None:
            labels = _checked_labels(self.labels, len(self.images), len(self.class_names))
            object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __getitem__(self, index: slice | ArrayLike) -> "Images":
        """Return the chosen images with their labels.

        Args:
            index: a slice, an integer array `(k,)`, or a boolean array `(n,)`.

        Returns:
            An `Images` with the same class names. The pixels of a slice share memory with these.
        """
        if not isinstance(index, slice):
            index = _checked_index(index, len(self))
        labels = None if self.labels is None else self.labels[index]
        return Images(self.images[index], labels, self.class_names)

    @property
    def num_classes(self) -> int:
        """How many classes the labels tell apart; 0 without labels.

        With class names it is their number, also where a class has no image in this set. Without
        them it is one more than the largest label.
        """
        if self.labels is None:
            return 0
        return len(self.class_names) or int(self.labels.max(initial=-1)) + 1


def to_model_range(images: Any) -> Any:
    """Map pixels from 0..255 to [-1, 1], the range of a network's tanh.

    Args:
        images: uint8 of any shape, a NumPy array or a TensorFlow tensor; works inside
            `tf.function` and XLA.

    Returns:
        float32 of the same shape and kind, `images / 127.5 - 1`.

    Raises:
        TypeError: anything but uint8, such as images that are in [-1, 1] already.

    Example:
        >>> to_model_range(np.array([0, 255], np.uint8))
        array([-1.,  1.], dtype=float32)
    """
    tf = _tensorflow_of(images)
    dtype = getattr(images, "dtype", type(images).__name__)
    if dtype != (tf.uint8 if tf else np.uint8):
        raise TypeError(
            f"received {_name(dtype)}; expected a uint8 array or tensor with values 0 to 255. "
            "Of an Images, pass its .images."
        )
    pixels = tf.cast(images, tf.float32) if tf else images.astype(np.float32)
    return pixels / 127.5 - 1.0


def to_uint8(images: Any) -> np.ndarray:
    """Map [-1, 1] to 0..255: round to the nearest integer and clip what lies outside.

    It undoes `to_model_range` exactly.

    Args:
        images: floating-point of any shape, a NumPy array or a TensorFlow tensor; works inside
            `tf.function` and XLA.

    Returns:
        uint8 of the same shape and kind.

    Raises:
        TypeError: no floating-point values.
        ValueError: NaN in a NumPy array. (A tensor's NaN becomes 0, since a graph cannot raise.)

    Example:
        >>> to_uint8(np.array([-1.0, 0.2, 7.0]))
        array([  0, 153, 255], dtype=uint8)
    """
    tf = _tensorflow_of(images)
    if tf:
        _require_floats(images.dtype, images.dtype.is_floating)
        pixels = tf.round((tf.cast(images, tf.float32) + 1.0) * 127.5)
        # Comparisons with NaN are false, so this sends it to 0.
        pixels = tf.where(pixels > 0.0, tf.minimum(pixels, 255.0), 0.0)
        return tf.cast(pixels, tf.uint8)
    dtype = getattr(images, "dtype", None)
    # NumPy files bfloat16, which Keras returns under mixed precision, under kind "V".
    is_floating = dtype is not None and (dtype.kind == "f" or dtype.name == "bfloat16")
    _require_floats(dtype or type(images).__name__, is_floating)
    pixels = np.rint((images.astype(np.float32) + np.float32(1)) * np.float32(127.5))
    if np.isnan(pixels).any():
        raise ValueError(
            "received NaN; expected values in [-1, 1]. The training has diverged: go back to an "
            "earlier checkpoint, with a lower learning rate."
        )
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _require_floats(dtype, is_floating: bool) -> None:
    if not is_floating:
        raise TypeError(
            f"received {_name(dtype)}; expected a floating-point array or tensor with values in "
            "[-1, 1]. Pixels in 0 to 255 need no conversion."
        )


def _tensorflow_of(images):
    """Return TensorFlow where `images` is a tensor, else None. It never loads TensorFlow first."""
    if isinstance(images, np.ndarray) or "tensorflow" not in sys.modules:
        return None
    from ganlib._tensorflow import tf

    return tf if tf.is_tensor(images) else None


def _name(dtype) -> str:
    return getattr(dtype, "name", str(dtype))


def _check_pixels(images) -> None:
    is_array = isinstance(images, np.ndarray) and not isinstance(images, np.ma.MaskedArray)
    if not is_array or images.dtype != np.uint8:
        received = type(images).__name__
        if hasattr(images, "dtype"):
            received += f" of dtype {_name(images.dtype)}"
        raise TypeError(
            f"received images as {received}; expected a NumPy array of dtype uint8 with values 0 "
            f"to 255. {_way_to_uint8(images)}."
        )
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        fix = "For one image, pass images[np.newaxis]; of four channels, leave out the last"
        if images.ndim == 3 and images.shape[-1] not in (1, 3):
            fix = "For grey images without a channel axis, pass images[..., np.newaxis]"
        elif images.ndim == 4 and images.shape[1] in (1, 3):
            fix = "With the channels first, pass images.transpose(0, 2, 3, 1)"
        raise ValueError(
            f"received images of shape {images.shape}; expected (n, height, width, channels) with "
            f"1 or 3 channels. {fix}."
        )


def _way_to_uint8(images) -> str:
    """What makes pixels of something that is no uint8 array, by what it is."""
    if isinstance(images, np.ma.MaskedArray):
        return "Say what is to be seen behind the mask: images.filled(255)"
    if not hasattr(images, "dtype"):
        return "Of pictures in a folder, take load_folder; of a list of arrays, np.stack(images)"
    match _name(images.dtype):
        case "uint8":
            return "Pass np.asarray(images)"
        case "uint16":
            return "From 0 to 65535, pass (images // 257).astype(np.uint8)"
    return "From [-1, 1], use to_uint8; scale other values to 0 to 255, then .astype(np.uint8)"


def _checked_labels(labels, num_images: int, num_names: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.size and labels.dtype.kind not in "iu":
        raise TypeError(
            f"received labels of type {labels.dtype}; expected integers. Number the classes from "
            "0: class_names, labels = np.unique(labels, return_inverse=True) does."
        )
    if labels.shape != (num_images,):
        raise ValueError(
            f"received labels of shape {labels.shape} for {num_images} images; expected "
            f"({num_images},). Give one integer per image; of one-hot rows, labels.argmax(axis=1)."
        )
    labels = labels.astype(np.int64)
    if labels.size and labels.min() < 0:
        raise ValueError(
            f"received the label {labels.min()}; expected labels from 0. Leave out images without "
            "a label, or pass labels=None."
        )
    if num_names and labels.size and labels.max() >= num_names:
        raise ValueError(
            f"received the label {labels.max()} with {num_names} class names; expected labels "
            f"below {num_names}. Name every class."
        )
    return labels


def _checked_index(index, num_images: int) -> np.ndarray:
    index = np.asarray(index)
    if index.shape == (0,):
        index = index.astype(np.int64)
    if index.ndim != 1 or index.dtype.kind not in "iub":
        raise TypeError(
            f"received an index of type {index.dtype} and shape {index.shape}; expected a slice, "
            "or a one-dimensional array of integers or booleans. For one image use "
            "images[i : i + 1], or images.images[i] for its pixels."
        )
    if index.dtype.kind == "b" and len(index) != num_images:
        raise IndexError(
            f"received a mask of {len(index)} booleans for {num_images} images; expected "
            f"{num_images}. Make it from these images."
        )
    return index
