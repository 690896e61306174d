"""Small distributions in one and two dimensions, whose density one can write down.

On them a GAN's faults are visible at once: a mode that no sample reaches, or samples between the
modes. They need NumPy alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ganlib import _checks


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of isotropic Gaussians, p(x) = Σ_i w_i N(x; μ_i, σ_i² I).

    Args:
        means: `(k, d)`, the centre μ_i of each mode.
        stds: `(k,)`, the standard deviation σ_i > 0 of each mode, the same in every direction.
        weights: `(k,)`, the probability w_i of each mode; they sum to 1.

    Raises:
        ValueError: shapes that do not fit, a standard deviation that is not positive, or weights
            that are no probabilities.

    Example:
        >>> mixture = Mixture(means=[[0.0, 0.0], [3.0, 0.0]], stds=[1.0, 0.5], weights=[0.7, 0.3])
        >>> mixture.sample(5, seed=0).shape
        (5, 2)
    """

    means: np.ndarray
    stds: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        """Check the fields, and bring them to float64."""
        for name in ("means", "stds", "weights"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))
        shapes = f"means {self.means.shape}, stds {self.stds.shape}, weights {self.weights.shape}"
        num_modes = len(self.means) if self.means.ndim == 2 else 0
        if num_modes == 0 or self.stds.shape != (num_modes,) or self.weights.shape != (num_modes,):
            raise ValueError(
                f"received {shapes}; expected means (k, d), stds (k,), weights (k,), k at least 1. "
                "Give one of each for every mode."
            )
        if not np.isfinite(self.means).all():
            raise ValueError(
                f"received means {self.means}; expected finite numbers. Leave the others out."
            )
        if not (np.isfinite(self.stds).all() and (self.stds > 0).all()):
            raise ValueError(
                f"received stds {self.stds}; expected positive numbers. Of a point, make a narrow "
                "mode, such as 0.01."
            )
        if not ((self.weights >= 0).all() and np.isclose(self.weights.sum(), 1.0)):
            raise ValueError(
                f"received weights {self.weights} with sum {self.weights.sum()}; expected numbers "
                "of at least 0 with sum 1. Divide them by their sum."
            )

    @property
    def modes(self) -> np.ndarray:
        """The centres of the modes, float64 `(k, d)`; another name for `means`."""
        return self.means

    def sample(self, num_points: int, seed: int) -> np.ndarray:
        """Draw points; the same seed gives the same points.

        Args:
            num_points: n, how many.
            seed: a non-negative integer.

        Returns:
            float32 `(n, d)`.
        """
        random = _generator(num_points, seed)
        num_modes, num_dimensions = self.means.shape
        modes = random.choice(num_modes, size=num_points, p=self.weights / self.weights.sum())
        noise = random.standard_normal((num_points, num_dimensions))
        return (self.means[modes] + self.stds[modes, np.newaxis] * noise).astype(np.float32)

    def density(self, points: ArrayLike) -> np.ndarray:
        """Return p at each point.

        Args:
            points: `(n, d)`; in one dimension `(n,)` will do.

        Returns:
            float64 `(n,)`.

        Raises:
            ValueError: points of another dimension.

        Example:
            >>> float(mixture_1d(means=[0.0], stds=[1.0]).density([0.0])[0])  # 1/√(2π)
            0.3989422804014327
        """
        num_dimensions = self.means.shape[1]
        points = np.asarray(points, np.float64)
        if num_dimensions == 1 and points.ndim == 1:
            points = points[:, np.newaxis]
        _checks.shape(
            "points",
            points,
            ("n", num_dimensions),
            fix="Give each point as many coordinates as the means have",
        )
        # (n, 1, d) - (k, d) -> squared distances (n, k)
        squared = np.square(points[:, np.newaxis, :] - self.means).sum(axis=-1)
        variances = np.square(self.stds)
        peaks = self.weights * (2 * np.pi * variances) ** (-num_dimensions / 2)
        return np.exp(-squared / (2 * variances)) @ peaks


@dataclass(frozen=True)
class Spiral:
    """A two-dimensional spiral r = radius · √u, angle = 2π · num_turns · √u, u uniform on [0, 1].

    The square root spreads the points evenly along the arm, up to its innermost part. Isotropic
    Gaussian noise is added. It has one connected piece, so no mode can be lost; what a generator
    can lose is the thinness of the arm, or its end.

    Args:
        num_turns: how often the arm winds round the origin, above 0.
        radius: how far out it ends, above 0.
        std: standard deviation of the noise, at least 0.

    Raises:
        ValueError: a value out of range.
    """

    num_turns: float = 1.5
    radius: float = 2.0
    std: float = 0.05

    def __post_init__(self) -> None:
        """Check the fields."""
        _checks.number("num_turns", self.num_turns, above=0)
        _checks.number("radius", self.radius, above=0)
        _checks.number("std", self.std, at_least=0)

    def sample(self, num_points: int, seed: int) -> np.ndarray:
        """Draw points; the same seed gives the same points.

        Args:
            num_points: n, how many.
            seed: a non-negative integer.

        Returns:
            float32 `(n, 2)`.

        Example:
            >>> spiral().sample(5, seed=0).shape
            (5, 2)
        """
        random = _generator(num_points, seed)
        along = np.sqrt(random.uniform(size=num_points))
        angles = 2 * np.pi * self.num_turns * along
        arm = self.radius * along[:, np.newaxis] * np.stack([np.cos(angles), np.sin(angles)], 1)
        return (arm + self.std * random.standard_normal((num_points, 2))).astype(np.float32)


def ring(num_modes: int = 8, radius: float = 2.0, std: float = 0.05) -> Mixture:
    """Return equally likely Gaussians on a circle, the first on the positive x-axis.

    Args:
        num_modes: how many, at least 1.
        radius: of the circle.
        std: standard deviation of each mode, above 0.

    Returns:
        A two-dimensional `Mixture`.

    Example:
        >>> ring(num_modes=4).modes.shape
        (4, 2)

    Reference:
        Metz, Poole, Pfau and Sohl-Dickstein (2017), "Unrolled Generative Adversarial Networks".
    """
    _checks.positive_integers(num_modes=num_modes)
    angles = 2 * np.pi * np.arange(num_modes) / num_modes
    return _equal(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), std)


def grid(num_rows: int = 5, spacing: float = 1.0, std: float = 0.05) -> Mixture:
    """Return equally likely Gaussians on a square grid that is centred at the origin.

    Args:
        num_rows: rows and columns, at least 1; there are `num_rows²` modes.
        spacing: distance between neighbours.
        std: standard deviation of each mode, above 0.

    Returns:
        A two-dimensional `Mixture`.

    Example:
        >>> grid(num_rows=2).modes.tolist()
        [[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]]

    Reference:
        Srivastava, Valkov, Russell, Gutmann and Sutton (2017), "VEEGAN: Reducing Mode Collapse in
        GANs using Implicit Variational Learning".
    """
    _checks.positive_integers(num_rows=num_rows)
    places = (np.arange(num_rows) - (num_rows - 1) / 2) * spacing
    first, second = np.meshgrid(places, places, indexing="ij")
    return _equal(np.stack([first.ravel(), second.ravel()], axis=1), std)


def mixture_1d(means: ArrayLike, stds: ArrayLike, weights: ArrayLike | None = None) -> Mixture:
    """Return a one-dimensional mixture of Gaussians.

    Args:
        means: `(k,)`, the centres.
        stds: `(k,)`, the standard deviations, above 0.
        weights: `(k,)`, probabilities with sum 1; None makes all modes equally likely.

    Returns:
        A `Mixture` whose samples have shape `(n, 1)`.

    Example:
        >>> mixture_1d(means=[-1.0, 2.0], stds=[0.5, 0.5]).weights.tolist()
        [0.5, 0.5]
    """
    means = np.asarray(means, np.float64)
    _checks.shape("means", means, ("k",), fix="Give one number a mode")
    if weights is None:
        weights = np.full(len(means), 1 / max(len(means), 1))
    return Mixture(means[:, np.newaxis], stds, weights)  # type: ignore[arg-type] # made arrays there


def spiral(num_turns: float = 1.5, radius: float = 2.0, std: float = 0.05) -> Spiral:
    """Return a spiral: a line that winds outwards, blurred.

    Args:
        num_turns: How often it goes round, more than 0.
        radius: Distance of its outer end from the centre.
        std: Standard deviation of the blur.

    Returns:
        The `Spiral`.

    Example:
        >>> spiral(std=0.0).sample(1000, seed=0).shape
        (1000, 2)
    """
    return Spiral(num_turns, radius, std)


def _equal(means: np.ndarray, std: float) -> Mixture:
    num_modes = len(means)
    return Mixture(means, np.full(num_modes, std), np.full(num_modes, 1 / num_modes))


def _generator(num_points, seed) -> np.random.Generator:
    # NumPy would take None for a seed, and then no two runs agree.
    for name, value in (("num_points", num_points), ("seed", seed)):
        _checks.integer(name, value, at_least=0)
    return np.random.default_rng(seed)
