"""The images of a race: what is trained on, what it is compared with, and by which features."""

import dataclasses
from collections.abc import Callable

import numpy as np

from ganlib import data, features


@dataclasses.dataclass(frozen=True)
class Images:
    """What a race is about. All images are uint8 arrays (n, side, side, channels).

    Attributes:
        train: what contestants learn from.
        labels: their classes, int64 (n,).
        validation: what learning rates are chosen by.
        test: what is reported.
        extractor: a `features.Classifier` for such images.
    """

    train: np.ndarray
    labels: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    extractor: Callable


def load(name):
    """Loads the images of a race.

    Args:
        name: "fashion_mnist": all training images, of which the last 10,000 validate, as in the
            labs; "cifar10": the first 40,000 training images, and the last 10,000 validate.

    Returns:
        `Images`.
    """
    if name == "cifar10":
        images, test = data.load_cifar10(), data.load_cifar10("test").images
        return Images(
            images.images[:40_000],
            images.labels[:40_000],
            images.images[40_000:],
            test,
            features.cifar10_classifier(),
        )
    images, test = data.load_fashion_mnist(), data.load_fashion_mnist("test").images
    return Images(
        images.images, images.labels, images.images[-10_000:], test, features.fashion_classifier()
    )
