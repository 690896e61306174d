"""What a fair comparison needs: parts that do not overlap, a test set under seal, paired intervals.

A study asks whether one way of training beats another. Three things spoil the answer: a test image
that was seen before, seeds that differ by more than the ways do, and choices made after looking.
Here `split` draws what an arm may see, `HeldOut` keeps the test images where only a score comes
out, and `paired_difference` compares seed by seed.
"""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ganlib import classify, data, features, metrics

VALIDATION_SHARE = 0.2  # of the n labelled images of a class; at least one


class LeakError(ValueError):
    """An image that is to be scored on was found where something is learned or chosen."""


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """All that an arm is given: its own images, and no others.

    Args:
        labelled: labelled `data.Images` to train on.
        validation: labelled `data.Images` for the early stop, taken from the same n.
        unlabelled: uint8 images (n, height, width, channels) without labels; n may be 0.
        indices: for each part, by its name, which images of the pool it holds, int64 (n,).
        rare: labels of the rare classes, in a setting that has some.

    Raises:
        LeakError: if two parts share an image.

    Example:
        >>> from ganlib import data, comparison
        >>> material = comparison.split(data.load_digits(), num_per_class=5, seed=0)
        >>> len(material.labelled), len(material.validation)
        (40, 10)
    """

    labelled: data.Images
    validation: data.Images
    unlabelled: np.ndarray
    indices: dict
    rare: tuple = ()

    def __post_init__(self) -> None:
        """Check that the parts are disjoint, and as large as their index sets."""
        require_disjoint(self.indices)
        for name in ("labelled", "validation", "unlabelled"):
            num_images, num_indices = len(getattr(self, name)), len(self.indices[name])
            if num_images != num_indices:
                raise ValueError(
                    f"received {num_images} images and {num_indices} indices of {name}; expected "
                    "equal numbers. Make a Material by comparison.split."
                )

    def all_images(self) -> np.ndarray:
        """Every image without a label, for a generator that needs none.

        Returns:
            uint8 array: the labelled ones, then the unlabelled ones. The validation part stays out.
        """
        return np.concatenate([self.labelled.images, self.unlabelled])


class Seal:
    """Knows held-out images again, and nothing of them but their hashes.

    It can be handed to whatever trains, as no image can be got out of it.

    Args:
        images: uint8 array (n, height, width, channels).

    Example:
        >>> from ganlib import data, comparison
        >>> digits = data.load_digits()
        >>> seal = comparison.Seal(digits.images[1437:])
        >>> seal.is_among(digits.images[1435:1439]).tolist()
        [False, False, True, True]
    """

    def __init__(self, images: np.ndarray) -> None:
        self._digests = set(_digests(images))

    def is_among(self, images: np.ndarray) -> np.ndarray:
        """Which of some images are among these, pixel by pixel.

        Args:
            images: uint8 array (n, height, width, channels).

        Returns:
            bool array (n,).
        """
        return np.array([digest in self._digests for digest in _digests(images)], bool)

    def require_unseen(self, images: np.ndarray, where: str) -> None:
        """Stop if one of these images is about to be learned from.

        Args:
            images: uint8 array (n, height, width, channels).
            where: what it is about to be used for, for the message.

        Raises:
            LeakError: if an image is among the held-out ones.
        """
        found = self.is_among(images)
        if found.any():
            raise LeakError(
                f"received {len(images)} images for {where}, of which {int(found.sum())} are held "
                f"out, the first at place {int(found.argmax())}; expected none of these. Take the "
                "images from comparison.split of a pool that comparison.without_copies has cleaned."
            )


class HeldOut:
    """Images that are scored on and never given out; each look at them is counted.

    Args:
        images: labelled `data.Images`, which nobody else should keep.

    Attributes:
        num_reads: how many times something was scored on them, int.
        seal: their `Seal`.

    Example:
        >>> from ganlib import data, features, comparison
        >>> test = comparison.HeldOut(data.load_digits()[1437:])
        >>> score = test.scores(features.digits_classifier())
        >>> score["accuracy"] > 0.9, test.num_reads
        (True, 1)
    """

    def __init__(self, images: data.Images) -> None:
        self._images, self.num_reads, self.seal = images, 0, Seal(images.images)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._images)

    def scores(self, classifier: features.Classifier, rare: Sequence[int] = ()) -> dict[str, float]:
        """How well a classifier does; one read.

        Args:
            classifier: a `features.Classifier`.
            rare: labels of the rare classes.

        Returns:
            dict of floats in [0, 1]: "accuracy", "balanced_accuracy" (the mean over the classes),
            and "rare_accuracy" (the mean over the rare classes), NaN without such classes.
        """
        self.num_reads += 1
        per_class = classify.class_accuracies(classifier, self._images)
        counts = np.bincount(self._images.labels, minlength=len(per_class))
        return {
            "accuracy": float(np.nansum(per_class * counts) / counts.sum()),
            "balanced_accuracy": float(np.nanmean(per_class)),
            "rare_accuracy": float(np.mean(per_class[list(rare)])) if len(rare) else math.nan,
        }

    def distance(self, images: np.ndarray, extractor: Callable[[np.ndarray], np.ndarray]) -> float:
        """Relative Fréchet distance of generated images to these; one read.

        Args:
            images: uint8 array (n, height, width, channels).
            extractor: one of ``features``. It judges a generator and is no part of an arm.

        Returns:
            A float, at least 0.
        """
        self.num_reads += 1
        held_out = extractor(self._images.images)
        return float(metrics.relative_frechet_distance(held_out, extractor(images)))


def without_copies(pool: data.Images, seal: Seal) -> data.Images:
    """The pool without what is held out, and without images that occur twice in it.

    Some data sets hold one picture several times, on both sides of their split too.

    Args:
        pool: `data.Images`.
        seal: the `Seal` of what is held out.

    Returns:
        `data.Images`; of equal images the first stays.

    Example:
        >>> from ganlib import data, comparison
        >>> digits = data.load_digits()
        >>> len(comparison.without_copies(digits, comparison.Seal(digits.images[1437:])))
        1437
    """
    _, first = np.unique(_digests(pool.images), return_index=True)
    kept = np.zeros(len(pool), bool)
    kept[first] = True
    return pool[kept & ~seal.is_among(pool.images)]


def split(
    pool: data.Images,
    num_per_class: int,
    seed: int,
    *,
    num_unlabelled: int = 0,
    rare: Sequence[int] = (),
    num_common: int | None = None,
) -> Material:
    """Draw what the arms of one cell of a study are given.

    Of the n labelled images of a class a fifth, at least one, is the validation part: whoever has
    n images has no others to choose with.

    Args:
        pool: labelled `data.Images`, none of them held out.
        num_per_class: n, labelled images of each class; with rare classes, of each of those.
        seed: decides which images.
        num_unlabelled: images whose label is taken away, drawn from the rest of the pool; -1 for
            all the rest.
        rare: labels of the rare classes.
        num_common: labelled images of each class that is not rare.

    Returns:
        A `Material`.

    Raises:
        ValueError: if n is below 2, or a class has too few images.

    Example:
        >>> from ganlib import data, comparison
        >>> digits = data.load_digits()
        >>> material = comparison.split(digits, 20, seed=0, num_unlabelled=-1)
        >>> len(material.labelled), len(material.validation), len(material.unlabelled)
        (160, 40, 1597)
    """
    rng = np.random.default_rng([seed, num_per_class])
    training, validation = [], []
    for label in range(pool.num_classes):
        count = num_common if len(rare) and label not in rare else num_per_class
        (own,) = np.nonzero(pool.labels == label)
        if not 2 <= count <= len(own):
            raise ValueError(
                f"received {count} as the number of images of class {label}; expected 2, one to "
                f"train on and one to validate with, to {len(own)}, all in the pool. Change the "
                "number, or take a larger pool."
            )
        drawn = rng.permutation(own)[:count]
        num_validation = max(1, round(VALIDATION_SHARE * count))
        validation.append(drawn[:num_validation])
        training.append(drawn[num_validation:])
    indices = {"labelled": np.concatenate(training), "validation": np.concatenate(validation)}
    rest = np.setdiff1d(np.arange(len(pool)), np.concatenate([*training, *validation]))
    rest = rng.permutation(rest)
    indices["unlabelled"] = rest if num_unlabelled < 0 else rest[:num_unlabelled]
    parts = (pool[indices["labelled"]], pool[indices["validation"]])
    return Material(*parts, pool.images[indices["unlabelled"]], indices, tuple(rare))


def require_disjoint(indices: Mapping[str, ArrayLike]) -> None:
    """Stop if two of several index sets share an index.

    Args:
        indices: mapping from a name to an int array.

    Raises:
        LeakError: naming the sets and a shared index.

    Example:
        >>> from ganlib import comparison
        >>> comparison.require_disjoint({"labelled": [0, 1], "validation": [2]})
    """
    owner = {}
    for name, numbers in indices.items():
        for number in np.asarray(numbers).tolist():
            if number in owner:
                raise LeakError(
                    f"received image {number} in {owner[number]!r} and again in {name!r}; expected "
                    "each image in one part, once. Make the parts by comparison.split."
                )
            owner[number] = name


class Interval(NamedTuple):
    """A mean difference with the interval that covers it.

    Attributes:
        mean: mean of the differences.
        low: lower end.
        high: upper end.
        num_pairs: how many pairs there were.
    """

    mean: float
    low: float
    high: float
    num_pairs: int


def paired_difference(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Interval:
    """The mean of first − second over seeds, with Student's interval.

    Seeds differ by more than arms do, as some draw easier images. Both arms of a pair have the same
    images, so the difference is free of that. The interval assumes that the differences are
    independent draws from one normal law; with five seeds nothing can check that.

    Args:
        first: floats (n,), one for each seed.
        second: floats (n,), in the same order of seeds.
        level: probability with which the interval covers the true mean.

    Returns:
        An `Interval`; its ends are NaN for a single pair.

    Raises:
        ValueError: if the numbers of values differ, or there are none.

    Example:
        >>> from ganlib import comparison
        >>> comparison.paired_difference([3.0, 5.0, 4.0], [1.0, 2.0, 3.0]).mean
        2.0

    Reference:
        Student, *The probable error of a mean*, Biometrika 1908. Chapter 12_study.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.ndim != 1 or len(first) == 0:
        raise ValueError(
            f"received values of shapes {first.shape} and {second.shape}; expected as many of one "
            "arm as of the other, one for each seed. Leave out seeds that one arm lacks."
        )
    from scipy import stats  # a second to import: only for those who call this

    differences = first - second
    mean, count = float(differences.mean()), len(differences)
    if count == 1:
        return Interval(mean, math.nan, math.nan, 1)
    error = differences.std(ddof=1) / math.sqrt(count)
    reach = float(stats.t.ppf(0.5 + level / 2, count - 1) * error)
    return Interval(mean, mean - reach, mean + reach, count)


def _digests(images):
    """A hash of each image, a list of strings."""
    return [hashlib.sha1(np.ascontiguousarray(image)).hexdigest() for image in images]
