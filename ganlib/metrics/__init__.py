"""How good generated images are, in numbers, with NumPy alone.

A metric sees features: arrays (n, d), one row an image, the real ones first. `ganlib.features`
makes them from images. Sums run in float64 over blocks, so that 50,000 rows of 2,048 features fit
in the memory of a laptop; neither the blocks nor the order of the rows change a value.
"""

from typing import NamedTuple

import numpy as np

from ganlib import _checks
from ganlib.metrics import _rows
from ganlib.metrics._distances import (
    extrapolated_frechet_distance,
    frechet_distance,
    kernel_distance,
    relative_frechet_distance,
)
from ganlib.metrics._neighbours import (
    DensityCoverage,
    NearestNeighbours,
    PrecisionRecall,
    density_coverage,
    nearest_neighbour_distances,
    precision_recall,
)

__all__ = [
    "DensityCoverage",
    "ModeCoverage",
    "NearestNeighbours",
    "PrecisionRecall",
    "class_coverage",
    "density_coverage",
    "extrapolated_frechet_distance",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "mode_coverage",
    "nearest_neighbour_distances",
    "precision_recall",
    "relative_frechet_distance",
]


class ModeCoverage(NamedTuple):
    """How samples spread over modes or classes.

    Attributes:
        num_covered: How many modes have at least one sample.
        share_close: Share of the samples that belong to a mode, in [0, 1].
        shares: For each mode, its share of those that do, float64 (num_modes,).
        divergence: Kullback-Leibler divergence of the shares from equal ones, in nats: 0 if they
            are equal, log num_modes if all samples lie in one mode. NaN without a close sample.
    """

    num_covered: int
    share_close: float
    shares: np.ndarray
    divergence: float


def mode_coverage(points: np.ndarray, modes: np.ndarray, radius: float) -> ModeCoverage:
    """Return how points spread over known modes. A point belongs to the nearest, if within reach.

    Args:
        points: Array (n, d), finite, n at least 2.
        modes: Array (num_modes, d), finite, at least 2: the centres.
        radius: How far from its centre a mode reaches; the papers take three standard deviations.

    Returns:
        `ModeCoverage(num_covered, share_close, shares, divergence)`.

    Raises:
        ValueError: If an array is not of that form, or the radius not above 0.

    Example:
        >>> points = [[0, 0.1], [0.2, 0], [5, 5.1], [2, 2]]
        >>> coverage = mode_coverage(points, modes=[[0, 0], [5, 5], [9, 9]], radius=0.5)
        >>> coverage.num_covered, coverage.share_close, coverage.shares.round(2).tolist()
        (2, 0.75, [0.67, 0.33, 0.0])

    Reference:
        Srivastava et al., "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational
        Learning", 2017; the divergence: Lin et al., "PacGAN", 2018. Chapter 15.
    """
    points, modes = _rows.checked_pair(points, modes, ("points", "modes"))
    _checks.number("radius", radius, above=0)
    nearest, close = np.empty(len(points), np.int64), np.empty(len(points), bool)
    for rows in _rows.blocks(len(points), modes.size):
        differences = points[rows, None].astype(np.float64) - modes  # (rows, num_modes, d)
        squared = np.sum(differences**2, axis=2)
        nearest[rows] = squared.argmin(axis=1)
        close[rows] = squared.min(axis=1) <= radius**2
    return _coverage(nearest[close], len(modes), len(points))


def class_coverage(labels: np.ndarray, num_classes: int) -> ModeCoverage:
    """Return how images spread over classes, by the labels that a classifier gave them.

    Args:
        labels: Integers (n,) from 0 to num_classes - 1, n at least 1; of probabilities, pass
            ``probabilities.argmax(axis=1)``.
        num_classes: Number of classes.

    Returns:
        `ModeCoverage(num_covered, share_close, shares, divergence)`, where every image is close.

    Raises:
        ValueError: If the labels are not of that form.

    Example:
        >>> class_coverage([0, 0, 1, 3], num_classes=4).shares.tolist()
        [0.5, 0.25, 0.0, 0.25]

    Reference:
        Chapter 06_measuring.
    """
    _checks.positive_integers(num_classes=num_classes)
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        raise ValueError(
            f"received labels of shape {labels.shape} and dtype {labels.dtype}; expected integers "
            "(n,), n at least 1. Of probabilities, pass probabilities.argmax(axis=1)."
        )
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"received labels from {labels.min()} to {labels.max()}; expected 0 to "
            f"{num_classes - 1}. Pass the number of all classes."
        )
    return _coverage(labels, num_classes, len(labels))


def inception_score(probabilities: np.ndarray) -> float:
    """Return exp of the mutual information between an image and its predicted class.

    That is exp(H(mean p) - mean H(p)), H the entropy: high where each image has one class for sure
    and all classes occur. It never sees a real image, and one perfect image of each class has the
    best score. Published values are with Inception's 1,000 classes, and mostly means over ten parts
    of 5,000 rows, a little lower than over all; with another classifier, name it.

    Args:
        probabilities: Array (n, num_classes), each row of sum 1, n at least 2.

    Returns:
        The score, from 1 to num_classes.

    Raises:
        ValueError: If the array is not of that form.

    Example:
        >>> round(inception_score(np.eye(10)), 6), round(inception_score(np.full((5, 10), 0.1)), 6)
        (10.0, 1.0)

    Reference:
        Salimans et al., "Improved Techniques for Training GANs", 2016; its flaws: Barratt and
        Sharma, "A Note on the Inception Score", 2018. Chapter 06_measuring.
    """
    probabilities = _rows.checked(probabilities, "probabilities")
    sums = probabilities.sum(axis=1, dtype=np.float64)
    if probabilities.min() < 0 or np.abs(sums - 1).max() > 1e-3:
        worst = np.abs(sums - 1).argmax()
        raise ValueError(
            f"received probabilities with the least value {probabilities.min()} and in row {worst} "
            f"the sum {sums[worst]}; expected rows that are at least 0 with sum 1. Of logits, take "
            "the softmax first."
        )
    within = sum(
        np.sum(_entropies(probabilities[rows])) for rows in _rows.blocks(*probabilities.shape)
    )
    between = _entropies(probabilities.mean(axis=0, dtype=np.float64))
    return float(np.exp(between - within / len(probabilities)))


def _entropies(probabilities) -> np.ndarray:
    """Return the entropy along the last axis, in nats; 0 log 0 is 0."""
    p = probabilities.astype(np.float64)
    return -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=-1)


def _coverage(labels, num_modes: int, num_samples: int) -> ModeCoverage:
    counts = np.bincount(labels, minlength=num_modes)
    shares = counts / max(1, len(labels))
    divergence = float(np.log(num_modes) - _entropies(shares)) if len(labels) else float("nan")
    return ModeCoverage(
        int(np.count_nonzero(counts)), len(labels) / num_samples, shares, divergence
    )
