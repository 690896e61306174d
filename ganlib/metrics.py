"""Distances between two samples of features, computed with NumPy alone.

A metric sees features: arrays (n, d), one row an image, the real ones first. `ganlib.features`
makes them from images. Sums run in float64 over blocks, so that 50,000 rows of 2,048 features fit
in the memory of a laptop.
"""

from typing import NamedTuple

import numpy as np

# Elements of a temporary float64 block. Blocks of 8 MiB were fastest on a CPU.
_BLOCK_ELEMENTS = 2**20


class PrecisionRecall(NamedTuple):
    """Fidelity and variety of a generator, each in [0, 1].

    Attributes:
        precision: Share of the fakes that lie within the estimated support of the real ones.
        recall: Share of the real ones that lie within the estimated support of the fakes.
    """

    precision: float
    recall: float


def frechet_distance(real_features: np.ndarray, fake_features: np.ndarray) -> float:
    """Return the squared Fréchet distance between Gaussians fitted to two samples.

    With means m and covariances Σ (divided by n - 1) of the two samples, the distance is
    ``|m_r - m_f|² + tr Σ_r + tr Σ_f - 2 tr (Σ_r Σ_f)^(1/2)``. On Inception features it is the FID.
    A small sample makes it too large: compare only values with the same numbers of rows.

    The part with the covariances is evaluated as the least value of ``|A_r - Q A_f|²`` over
    orthogonal matrices Q, where ``Σ = AᵀA``. It equals the formula. As a sum of squares it is never
    negative, and it stays accurate for singular covariances and for small distances.

    Args:
        real_features: Array (n, d), finite, n at least 2.
        fake_features: Array (m, d), finite, m at least 2.

    Returns:
        The distance, in squared units of the features, at least 0.

    Raises:
        ValueError: If an array is not of that form, or the numbers of features differ.

    Example:
        >>> real = np.random.default_rng(0).normal(size=(1000, 2))
        >>> round(frechet_distance(real, real + [3, 4]), 6)
        25.0

    Reference:
        Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
        Equilibrium", 2017. The form with Q: Bhatia, Jain and Lim, "On the Bures-Wasserstein
        distance between positive definite matrices", 2019. Chapter 06_measuring.
    """
    distance, _ = _distance_and_variance(*_checked_pair(real_features, fake_features))
    return distance


def relative_frechet_distance(real_features: np.ndarray, fake_features: np.ndarray) -> float:
    """Return the Fréchet distance divided by the total variance of the real features.

    The quotient does not change when an extractor's features are multiplied by a constant. It is 1
    for fakes that all equal the real mean, so a useful generator is far below 1.

    Args:
        real_features: Array (n, d), finite, n at least 2, not all rows equal.
        fake_features: Array (m, d), finite, m at least 2.

    Returns:
        The relative distance, at least 0, without unit.

    Raises:
        ValueError: If an array is not of that form, or the real features do not vary.

    Example:
        >>> real = np.random.default_rng(0).normal(size=(1000, 2))
        >>> always_the_mean = np.tile(real.mean(axis=0), (1000, 1))
        >>> round(relative_frechet_distance(real, always_the_mean), 6)
        1.0

    Reference:
        `frechet_distance`, and chapter 06_measuring.
    """
    real, fake = _checked_pair(real_features, fake_features)
    if (real == real[0]).all():
        raise ValueError(
            f"real_features has {len(real)} equal rows, so its variance is 0 and nothing can be "
            "divided by it; expected features that vary. Check that the extractor received "
            "different images in [0, 255]."
        )
    distance, variance = _distance_and_variance(real, fake)
    return distance / variance


def kernel_distance(
    real_features: np.ndarray,
    fake_features: np.ndarray,
    subset_size: int | None = None,
    num_subsets: int = 100,
    seed: int = 0,
) -> float:
    """Return the kernel distance (KID): an unbiased estimate of a squared mean discrepancy.

    The kernel is ``k(x, y) = (x·y / d + 1)³``. The estimate is the mean of k over pairs of
    different real rows, plus the same over fake rows, less twice the mean over real-fake pairs.

    Its expectation is the true squared discrepancy, whatever the number of rows. For equal
    distributions that is 0, so the estimates scatter about 0 and many are negative. Read a negative
    value as "no difference seen". An estimate that is never negative would be biased.

    The default takes all rows: the least noisy choice, without randomness, at a cost that grows
    with the square of the number of rows. Published values mostly are means over 100 subsets of
    1,000 rows, an estimate of the same quantity; for that, pass ``subset_size=1000``.

    Args:
        real_features: Array (n, d), finite, n at least 2.
        fake_features: Array (m, d), finite, m at least 2.
        subset_size: Rows that each subset draws from either array, without replacement; at least 2.
            None takes all rows once.
        num_subsets: Number of subsets over which the estimate is averaged.
        seed: Seed of the subsets.

    Returns:
        The estimate; may be negative.

    Raises:
        ValueError: If an array is not of that form, or an array has fewer rows than a subset.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> real, fake = rng.normal(size=(2, 500, 4))
        >>> abs(kernel_distance(real, fake)) < 0.05 < kernel_distance(real, fake + 1)
        True

    Reference:
        Bińkowski et al., "Demystifying MMD GANs", 2018. Chapter 06_measuring.
    """
    real, fake = _checked_pair(real_features, fake_features)
    if subset_size is None:
        return _squared_discrepancy(real, fake)
    num_rows = min(len(real), len(fake))
    if not 2 <= subset_size <= num_rows:
        raise ValueError(
            f"subset_size={subset_size}; expected 2 to {num_rows}, the rows of the smaller array. "
            "Pass subset_size=None to use all rows."
        )
    if num_subsets < 1:
        raise ValueError(f"num_subsets={num_subsets}; expected at least 1.")
    rng = np.random.default_rng(seed)
    estimates = [
        _squared_discrepancy(
            real[rng.choice(len(real), subset_size, replace=False)],
            fake[rng.choice(len(fake), subset_size, replace=False)],
        )
        for _ in range(num_subsets)
    ]
    return float(np.mean(estimates))


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
    real, fake = _checked_pair(real_features, fake_features)
    num_rows = min(len(real), len(fake))
    if not 1 <= num_neighbours < num_rows:
        raise ValueError(
            f"num_neighbours={num_neighbours}; expected 1 to {num_rows - 1}, as the smaller array "
            f"has {num_rows} rows and a row is not its own neighbour. Pass more features."
        )
    # Distances survive a shift. Near the origin, |a|² + |b|² - 2ab cancels least.
    centre = real.mean(axis=0, dtype=np.float64)
    real, fake = real - centre, fake - centre
    real_radii = _squared_radii(real, num_neighbours)
    fake_radii = _squared_radii(fake, num_neighbours)
    real_covered = np.zeros(len(real), bool)
    fake_covered = np.zeros(len(fake), bool)
    for rows in _blocks(len(real), len(fake)):
        squared, rounding = _squared_distances(real[rows], fake)  # each (rows, m)
        squared -= rounding
        fake_covered |= (squared <= real_radii[rows, None]).any(axis=0)
        real_covered[rows] = (squared <= fake_radii).any(axis=1)
    return PrecisionRecall(float(fake_covered.mean()), float(real_covered.mean()))


def _checked_pair(real_features, fake_features) -> tuple[np.ndarray, np.ndarray]:
    real = _checked(real_features, "real_features")
    fake = _checked(fake_features, "fake_features")
    if real.shape[1] != fake.shape[1]:
        raise ValueError(
            f"real_features has {real.shape[1]} features a row and fake_features has "
            f"{fake.shape[1]}; expected equal numbers. Take both from the same extractor."
        )
    return real, fake


def _checked(features, name: str) -> np.ndarray:
    features = np.asarray(features)
    got = f"{name} has shape {features.shape} and dtype {features.dtype}"
    if features.ndim != 2:
        hint = "Reshape it to one row an image."
        if features.ndim == 4:
            hint = (
                "These look like images: pass them through an extractor of ganlib.features first."
            )
        raise ValueError(f"{got}; expected a 2-D array (images, features). {hint}")
    if features.dtype.kind not in "fiu":
        raise ValueError(f"{got}; expected real numbers. Convert it with .astype('float32').")
    if len(features) < 2 or features.shape[1] < 1:
        raise ValueError(f"{got}; expected at least 2 rows and 1 feature. Pass more images.")
    for rows in _blocks(*features.shape):
        bad = ~np.isfinite(features[rows]).all(axis=1)
        if bad.any():
            raise ValueError(
                f"{name} holds NaN or infinity, first in row {rows.start + np.argmax(bad)}; "
                "expected finite numbers. Check that row's image and the extractor's input range."
            )
    return features


def _blocks(num_rows: int, num_columns: int, min_rows: int = 1):
    """Yield slices of rows such that rows x columns stays within `_BLOCK_ELEMENTS`."""
    step = max(min_rows, _BLOCK_ELEMENTS // num_columns)
    for start in range(0, num_rows, step):
        yield slice(start, min(start + step, num_rows))


def _distance_and_variance(real, fake) -> tuple[float, float]:
    """Return the Fréchet distance and tr Σ of the real features."""
    real_mean, real_factor = _mean_and_factor(real)
    fake_mean, fake_factor = _mean_and_factor(fake)
    # Samples with fewer rows than features have short factors; rows of zeros leave AᵀA unchanged.
    missing = len(real_factor) - len(fake_factor)
    real_factor = np.pad(real_factor, ((0, max(0, -missing)), (0, 0)))
    fake_factor = np.pad(fake_factor, ((0, max(0, missing)), (0, 0)))
    left, _, right = np.linalg.svd(real_factor @ fake_factor.T)  # the best Q is left @ right
    spread = real_factor - left @ (right @ fake_factor)
    distance = np.sum((real_mean - fake_mean) ** 2) + np.sum(spread**2)
    return float(distance), float(np.sum(real_factor**2))


def _mean_and_factor(features) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (d,) and a factor A (min(n, d), d) of the covariance AᵀA.

    A is the triangle of a QR decomposition, updated block by block. The covariance itself is never
    formed: that would square the condition number and blur small variances.
    """
    num_rows, num_features = features.shape
    mean = features.mean(axis=0, dtype=np.float64)
    factor = np.zeros((0, num_features))
    for rows in _blocks(num_rows, num_features, min_rows=2 * num_features):
        factor = np.linalg.qr(np.concatenate([factor, features[rows] - mean]), mode="r")
    return mean, factor / np.sqrt(num_rows - 1)


def _squared_discrepancy(real, fake) -> float:
    within = [
        (_kernel_sum(x, x) - _kernel_diagonal_sum(x)) / (len(x) * (len(x) - 1))
        for x in (real, fake)
    ]
    across = _kernel_sum(real, fake) / (len(real) * len(fake))
    return float(sum(within) - 2 * across)


def _kernel_sum(a, b) -> float:
    """Return the sum of (x·y / d + 1)³ over all rows x of `a` and y of `b`."""
    total = 0.0
    # Square blocks: both the rows in float64 and their products stay within the bound.
    side = max(1, int(min(_BLOCK_ELEMENTS**0.5, _BLOCK_ELEMENTS / a.shape[1])))
    for i in range(0, len(a), side):
        block_a = a[i : i + side].astype(np.float64) / a.shape[1]
        for j in range(0, len(b), side):
            kernel = block_a @ b[j : j + side].astype(np.float64).T + 1
            total += np.vdot(kernel * kernel, kernel)
    return total


def _kernel_diagonal_sum(a) -> float:
    squared_norms = np.einsum("ij,ij->i", a, a, dtype=np.float64)
    return np.sum((squared_norms / a.shape[1] + 1) ** 3)


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
    for rows in _blocks(len(features), len(features)):
        squared, _ = _squared_distances(features[rows], features)
        own = np.arange(rows.start, rows.stop)
        squared[own - rows.start, own] = np.inf  # excludes the row itself, but no duplicate of it
        radii[rows] = np.partition(squared, num_neighbours - 1, axis=1)[:, num_neighbours - 1]
    return radii
