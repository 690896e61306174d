"""Metrics of nearest neighbours in the space of features.

`ganlib.metrics` offers them all.
"""

from typing import NamedTuple

import numpy as np

from ganlib import _checks
from ganlib.metrics import _rows


class PrecisionRecall(NamedTuple):
    """Fidelity and variety of a generator, each in [0, 1].

    Attributes:
        precision: Share of the fakes that lie within the estimated support of the real ones.
        recall: Share of the real ones that lie within the estimated support of the fakes.
    """

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """Fidelity and variety of a generator, less moved by outliers than precision and recall.

    Attributes:
        density: Mean number of real balls around a fake, over k; 1 for equal distributions, and
            more where the fakes crowd in dense regions.
        coverage: Share of the real balls that hold a fake, in [0, 1].
    """

    density: float
    coverage: float


class NearestNeighbours(NamedTuple):
    """How far fakes lie from the training set, beside real images that are not in it.

    Attributes:
        indices: Number of the nearest training row of each fake, int64 (m,).
        distances: Distance to it, float64 (m,).
        held_out_distances: Distance of each held-out row to its nearest training row, float64 (h,).
        share_closer: Share of all pairs of a fake and a held-out row in which the fake is the
            closer one; ties count one half. New images would give 1/2, copies give 1.
        z_score: Deviation of the share from 1/2, over its standard deviation for new images. Above
            3 it is no chance: the generator copies, or makes the most common images alone, which
            have near neighbours too. Look at the pairs, and at coverage.
    """

    indices: np.ndarray
    distances: np.ndarray
    held_out_distances: np.ndarray
    share_closer: float
    z_score: float


def precision_recall(
    real_features: np.ndarray, fake_features: np.ndarray, num_neighbours: int = 3
) -> PrecisionRecall:
    """Return how many fakes look real, and how many real ones the fakes could have produced.

    Around each row of a sample lies a ball that just reaches its k-th nearest other row. The union
    of the balls estimates the support of the sample. Precision is the share of fakes inside the
    real support; recall is the share of real rows inside the support of the fakes. A boundary
    counts as inside, to the rounding error of the distances.

    Both depend on the numbers of rows and on k. Compare only values that share them.

    Args:
        real_features: Array (n, d), finite, n more than `num_neighbours`.
        fake_features: Array (m, d), finite, m more than `num_neighbours`.
        num_neighbours: k, at least 1. The paper takes 3.

    Returns:
        `PrecisionRecall(precision, recall)`, each in [0, 1].

    Raises:
        ValueError: If an array is not of that form or has too few rows.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> precision_recall(rng.normal(size=(200, 2)), 0.01 * rng.normal(size=(200, 2)))
        PrecisionRecall(precision=1.0, recall=0.0)

    Reference:
        Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models",
        2019. Chapter 06_measuring.
    """
    real, fake = _centred(real_features, fake_features, num_neighbours)
    real_radii = _squared_radii(real, num_neighbours)
    fake_radii = _squared_radii(fake, num_neighbours)
    real_covered = np.zeros(len(real), bool)
    fake_covered = np.zeros(len(fake), bool)
    for rows in _rows.blocks(len(real), len(fake)):
        squared, rounding = _squared_distances(real[rows], fake)  # each (rows, m)
        squared -= rounding
        fake_covered |= (squared <= real_radii[rows, None]).any(axis=0)
        real_covered[rows] = (squared <= fake_radii).any(axis=1)
    return PrecisionRecall(float(fake_covered.mean()), float(real_covered.mean()))


def density_coverage(
    real_features: np.ndarray, fake_features: np.ndarray, num_neighbours: int = 5
) -> DensityCoverage:
    """Return how densely fakes lie among the real ones, and how many real ones have fakes near.

    Around each real row lies a ball that just reaches its k-th nearest other real row. Density
    counts the balls around each fake, where precision asks for one: a ball around an outlier, which
    is large, then counts little. Coverage asks which balls hold a fake. A boundary is inside.

    For equal distributions and n rows of each, density is 1 on average and coverage is
    1 - (n-1)...(n-k) / ((2n-1)...(2n-k)), about 0.97 for k = 5.

    Args:
        real_features: Array (n, d), finite, n more than `num_neighbours`.
        fake_features: Array (m, d), finite, m more than `num_neighbours`.
        num_neighbours: k, at least 1. The paper takes 5.

    Returns:
        `DensityCoverage(density, coverage)`.

    Raises:
        ValueError: If an array is not of that form or has too few rows.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> real = rng.normal(size=(200, 2))
        >>> density_coverage(real, real)
        DensityCoverage(density=1.2, coverage=1.0)

    Reference:
        Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", 2020.
        Chapter 06_measuring.
    """
    real, fake = _centred(real_features, fake_features, num_neighbours)
    radii = _squared_radii(real, num_neighbours)
    num_inside, num_covered = 0, 0
    for rows in _rows.blocks(len(real), len(fake)):
        squared, rounding = _squared_distances(real[rows], fake)
        inside = squared - rounding <= radii[rows, None]  # (rows, m)
        num_inside += np.count_nonzero(inside)
        num_covered += np.count_nonzero(inside.any(axis=1))
    density = num_inside / (num_neighbours * len(fake))
    return DensityCoverage(float(density), float(num_covered / len(real)))


def nearest_neighbour_distances(
    train_features: np.ndarray, held_out_features: np.ndarray, fake_features: np.ndarray
) -> NearestNeighbours:
    """Compare the distances of fakes to the training set with those of real images outside it.

    A fake is near the training set if it is good, and nearer than new real images are if it is a
    copy. So the yardstick is a held-out sample. The comparison is by ranks, the Mann-Whitney
    statistic: it does not change with the scale of the features. A generator that misses the data
    is far from everything, with a share below 1/2; look at precision first.

    Args:
        train_features: Array (n, d), finite: what the generator was trained on.
        held_out_features: Array (h, d), finite: from the same source, and not trained on.
        fake_features: Array (m, d), finite.

    Returns:
        `NearestNeighbours(indices, distances, held_out_distances, share_closer, z_score)`.

    Raises:
        ValueError: If an array is not of that form.

    Example:
        >>> train, held_out, new = np.random.default_rng(0).normal(size=(3, 300, 4))
        >>> copies = nearest_neighbour_distances(train, held_out, train + 0.01)
        >>> copies.share_closer, round(copies.z_score, 1)
        (1.0, 21.2)
        >>> abs(nearest_neighbour_distances(train, held_out, new).z_score) < 3
        True

    Reference:
        Meehan, Chaudhuri and Dasgupta, "A Non-Parametric Test to Detect Data-Copying in Generative
        Models", 2020, where the test is made cell by cell. Chapter 08_own_images.
    """
    names = "train_features", "held_out_features", "fake_features"
    train, held_out = _rows.checked_pair(train_features, held_out_features, names[:2])
    train, fake = _rows.checked_pair(train, fake_features, names[::2])
    _, held_out_distances = _nearest(held_out, train)
    indices, distances = _nearest(fake, train)
    ordered, num_pairs = np.sort(held_out_distances), len(fake) * len(held_out)
    farther = len(held_out) - np.searchsorted(ordered, distances, side="right")
    equal = np.searchsorted(ordered, distances, side="right")
    equal -= np.searchsorted(ordered, distances, side="left")
    share = float(np.sum(farther + equal / 2) / num_pairs)
    deviation = np.sqrt((len(fake) + len(held_out) + 1) / (12 * num_pairs))
    z_score = float((share - 0.5) / deviation)
    return NearestNeighbours(indices, distances, held_out_distances, share, z_score)


def _centred(real_features, fake_features, num_neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both samples in float64, about the mean of the real one."""
    real, fake = _rows.checked_pair(real_features, fake_features)
    num_rows = min(len(real), len(fake))
    _checks.integer(
        "num_neighbours",
        num_neighbours,
        at_most=num_rows - 1,
        fix=f"The smaller array has {num_rows} rows, none its own neighbour: pass more features",
    )
    # Distances survive a shift. Near the origin, |a|² + |b|² - 2ab cancels least.
    centre = real.mean(axis=0, dtype=np.float64)
    return real - centre, fake - centre


def _nearest(features, references) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each row's nearest reference, and the distance to it."""
    centre = references.mean(axis=0, dtype=np.float64)
    references = references - centre
    indices, distances = np.empty(len(features), np.int64), np.empty(len(features))
    for rows in _rows.blocks(len(features), max(references.shape)):
        block = features[rows] - centre
        indices[rows] = _squared_distances(block, references)[0].argmin(axis=1)
        # Taken anew from the difference: of a copy it is 0, without any rounding.
        distances[rows] = np.linalg.norm(block - references[indices[rows]], axis=1)
    return indices, distances


def _squared_distances(a, b) -> tuple[np.ndarray, np.ndarray]:
    """Return squared distances (rows of a, rows of b) and a bound of their rounding errors."""
    sums = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)
    squared = a @ b.T
    squared *= -2
    squared += sums
    np.maximum(squared, 0, out=squared)
    # A product of d terms is off by up to d roundings of |a||b|, which is at most half of `sums`.
    sums *= 4 * a.shape[1] * np.finfo(np.float64).eps
    return squared, sums


def _squared_radii(features, num_neighbours: int) -> np.ndarray:
    """Return each row's squared distance to its k-th nearest other row, shape (n,)."""
    radii = np.empty(len(features))
    for rows in _rows.blocks(len(features), len(features)):
        squared, _ = _squared_distances(features[rows], features)
        own = np.arange(rows.start, rows.stop)
        squared[own - rows.start, own] = np.inf  # excludes the row itself, but no duplicate of it
        radii[rows] = np.partition(squared, num_neighbours - 1, axis=1)[:, num_neighbours - 1]
    return radii
