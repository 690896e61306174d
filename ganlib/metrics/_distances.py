"""Distances between two samples of features: Fréchet, and the kernel distance.

`ganlib.metrics` offers them all.
"""

import numpy as np

from ganlib import _checks
from ganlib.metrics import _rows

# Below it, the rounding of a product (1e-16 of the largest) would show in the smallest variance.
_MIN_PIVOT_RATIO = 1e-4


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
    real, fake = _rows.checked_pair(real_features, fake_features)
    return _distance(_mean_and_factor(real), _mean_and_factor(fake))


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
    real, fake = _rows.checked_pair(real_features, fake_features)
    if (real == real[0]).all():
        raise ValueError(
            f"received real_features with {len(real)} equal rows, whose variance is 0; expected "
            "features that vary, as it is divided by. Check that the extractor received "
            "different images in [0, 255]."
        )
    real = _mean_and_factor(real)
    variance = np.sum(real[1] ** 2)  # tr Σ, as Σ = AᵀA
    return float(_distance(real, _mean_and_factor(fake)) / variance)


def extrapolated_frechet_distance(
    real_features: np.ndarray, fake_features: np.ndarray, num_sizes: int = 5, seed: int = 0
) -> float:
    """Return the Fréchet distance that infinitely many fakes would have.

    The distance of n fakes is too large by about a constant over n, and the constant depends on
    the generator. The fakes are shuffled and cut into k equal parts, for k from 1 to `num_sizes`;
    the mean distance of the k parts is one point of a graph over k, which is over 1 / size. A
    straight line through the points is read off at 0. The paper draws one subset for each size.

    The line is right where the smallest part has several times as many rows as there are features.
    The error of the finite real sample stays, as it is the same for every generator.

    Args:
        real_features: Array (n, d), finite, n at least 2.
        fake_features: Array (m, d), finite, m at least 2 in each part.
        num_sizes: Number of sizes, at least 2; distances are taken of num_sizes (num_sizes + 1) / 2
            parts.
        seed: Seed of the shuffle.

    Returns:
        The extrapolated distance; noise may make it negative where the true one is near 0.

    Raises:
        ValueError: If an array is not of that form, or has too few rows for the sizes.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> real, fake = rng.normal(size=(20_000, 8)), rng.normal(size=(500, 8))
        >>> frechet_distance(real, fake) > 0.03 > extrapolated_frechet_distance(real, fake)
        True

    Reference:
        Chong and Forsyth, "Effectively Unbiased FID and Inception Score and Where to Find Them",
        2020. Chapter 06_measuring.
    """
    real, fake = _rows.checked_pair(real_features, fake_features)
    _checks.integer(
        "num_sizes",
        num_sizes,
        at_least=2,
        at_most=len(fake) // 2,
        fix=f"Each part of the {len(fake)} fakes needs at least 2 rows: pass more features",
    )
    order = np.random.default_rng(seed).permutation(len(fake))
    real = _mean_and_factor(real)
    sizes = [len(fake) // num_parts for num_parts in range(1, num_sizes + 1)]
    distances = [
        np.mean(
            [
                _distance(real, _mean_and_factor(fake[order[start : start + size]]))
                for start in range(0, len(fake) - size + 1, size)
            ]
        )
        for size in sizes
    ]
    slope_and_value = np.polyfit(1 / np.array(sizes), distances, 1)
    return float(slope_and_value[1])


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
    real, fake = _rows.checked_pair(real_features, fake_features)
    if subset_size is None:
        return _squared_discrepancy(real, fake)
    num_rows = min(len(real), len(fake))
    _checks.integer(
        "subset_size",
        subset_size,
        at_least=2,
        at_most=num_rows,
        fix=f"The smaller array has {num_rows} rows; pass subset_size=None to use all of them",
    )
    _checks.positive_integers(num_subsets=num_subsets)
    rng = np.random.default_rng(seed)
    estimates = [
        _squared_discrepancy(
            real[rng.choice(len(real), subset_size, replace=False)],
            fake[rng.choice(len(fake), subset_size, replace=False)],
        )
        for _ in range(num_subsets)
    ]
    return float(np.mean(estimates))


def _distance(real: tuple, fake: tuple) -> float:
    """Return the Fréchet distance between two pairs of mean and factor."""
    (real_mean, real_factor), (fake_mean, fake_factor) = real, fake
    # Samples with fewer rows than features have short factors; rows of zeros leave AᵀA unchanged.
    missing = len(real_factor) - len(fake_factor)
    real_factor = np.pad(real_factor, ((0, max(0, -missing)), (0, 0)))
    fake_factor = np.pad(fake_factor, ((0, max(0, missing)), (0, 0)))
    left, _, right = np.linalg.svd(real_factor @ fake_factor.T)  # the best Q is left @ right
    spread = real_factor - left @ (right @ fake_factor)
    return float(np.sum((real_mean - fake_mean) ** 2) + np.sum(spread**2))


def _mean_and_factor(features) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (d,) and a factor A (min(n, d), d) of the covariance AᵀA.

    A is the triangle of a QR decomposition of the centred rows. Cholesky's decomposition of their
    products is the same triangle in a fraction of the time, but forming the products squares the
    condition number and would blur small variances. It is taken where there are none.
    """
    num_rows, num_features = features.shape
    mean = features.mean(axis=0, dtype=np.float64)
    factor = _factor_of_products(features, mean) if num_rows > num_features else None
    if factor is None:
        factor = np.zeros((0, num_features))
        for rows in _rows.blocks(num_rows, num_features, min_rows=2 * num_features):
            factor = np.linalg.qr(np.concatenate([factor, features[rows] - mean]), mode="r")
    return mean, factor / np.sqrt(num_rows - 1)


def _factor_of_products(features, mean):
    """Return the factor by Cholesky's decomposition, or None where that would not be accurate."""
    products = np.zeros((len(mean), len(mean)))
    for rows in _rows.blocks(*features.shape, min_rows=len(mean)):
        centred = features[rows] - mean
        products += centred.T @ centred  # NumPy knows this product as symmetric: half the work
    try:
        factor = np.linalg.cholesky(products, upper=True)
    except np.linalg.LinAlgError:
        return None
    pivots = factor.diagonal()
    return factor if pivots.min() > _MIN_PIVOT_RATIO * pivots.max() else None


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
    side = max(1, int(min(_rows.BLOCK_ELEMENTS**0.5, _rows.BLOCK_ELEMENTS / a.shape[1])))
    for i in range(0, len(a), side):
        block_a = a[i : i + side].astype(np.float64) / a.shape[1]
        for j in range(0, len(b), side):
            kernel = block_a @ b[j : j + side].astype(np.float64).T + 1
            total += np.vdot(kernel * kernel, kernel)
    return total


def _kernel_diagonal_sum(a) -> float:
    squared_norms = np.einsum("ij,ij->i", a, a, dtype=np.float64)
    return np.sum((squared_norms / a.shape[1] + 1) ** 3)
