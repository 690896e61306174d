"""Toy distributions: densities against SciPy, samples against bounds that follow from their number.

Every bound on samples is five standard errors, which a right sampler passes with all but one seed
in a million; the seeds are fixed.
"""

import numpy as np
import pytest
from scipy import stats

from ganlib import toy

UNEVEN = toy.Mixture(
    means=[[-1.0, 2.0], [3.0, 0.5], [0.0, -2.0]], stds=[0.3, 1.0, 0.6], weights=[0.2, 0.5, 0.3]
)
UNEVEN_1D = toy.mixture_1d(means=[-2.0, 1.0, 1.5], stds=[0.5, 0.1, 1.0], weights=[0.5, 0.2, 0.3])
NUM_POINTS = 20_000


def _scipy_density(mixture, points):
    return sum(
        weight * stats.multivariate_normal(mean, std**2 * np.eye(len(mean))).pdf(points)
        for mean, std, weight in zip(mixture.means, mixture.stds, mixture.weights, strict=True)
    )


# Where the modes lie


def test_ring_modes_divide_the_circle():
    mixture = toy.ring(num_modes=4, radius=3.0, std=0.1)
    expected = [[3, 0], [0, 3], [-3, 0], [0, -3]]
    np.testing.assert_allclose(mixture.modes, expected, atol=1e-15)
    assert mixture.stds.tolist() == [0.1] * 4
    assert mixture.weights.tolist() == [0.25] * 4
    assert toy.ring().modes.shape == (8, 2)


def test_grid_is_centred_with_the_given_spacing():
    mixture = toy.grid(num_rows=3, spacing=2.0, std=0.1)
    expected = {(x, y) for x in (-2.0, 0.0, 2.0) for y in (-2.0, 0.0, 2.0)}
    assert {tuple(mode) for mode in mixture.modes.tolist()} == expected
    np.testing.assert_allclose(mixture.weights, 1 / 9)
    assert toy.grid().modes.shape == (25, 2)


def test_one_dimensional_mixture_keeps_its_parameters():
    assert UNEVEN_1D.means.tolist() == [[-2.0], [1.0], [1.5]]
    assert UNEVEN_1D.weights.tolist() == [0.5, 0.2, 0.3]
    assert toy.mixture_1d([0.0, 5.0], [1.0, 2.0]).weights.tolist() == [0.5, 0.5]


# Density


@pytest.mark.parametrize("mixture", [UNEVEN, toy.ring(std=0.5), toy.grid(3, std=0.4), UNEVEN_1D])
def test_density_equals_that_of_scipy(mixture):
    points = np.random.default_rng(0).normal(0, 2, (200, mixture.means.shape[1]))
    density = mixture.density(points)
    assert density.dtype == np.float64
    np.testing.assert_allclose(density, _scipy_density(mixture, points), rtol=1e-12)


def test_density_in_one_dimension_takes_plain_points():
    points = np.linspace(-4, 4, 11)
    expected = UNEVEN_1D.density(points[:, np.newaxis])
    assert np.array_equal(UNEVEN_1D.density(points), expected)


def test_density_integrates_to_one():
    # The trapezoid rule on a smooth function that has died down at the ends is exact to rounding.
    line, step = np.linspace(-8, 8, 1601, retstep=True)
    assert UNEVEN_1D.density(line).sum() * step == pytest.approx(1, abs=1e-9)
    side, step = np.linspace(-9, 9, 361, retstep=True)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    assert UNEVEN.density(plane).sum() * step**2 == pytest.approx(1, abs=1e-9)


def test_density_far_away_is_zero():
    assert toy.ring().density([[1e3, 1e3]]).tolist() == [0.0]


# Samples


@pytest.mark.parametrize("distribution", [UNEVEN, toy.spiral()])
def test_samples_are_a_function_of_the_seed(distribution):
    first = distribution.sample(100, seed=3)
    assert first.dtype == np.float32
    assert first.shape == (100, 2)
    assert np.array_equal(first, distribution.sample(100, seed=3))
    assert not np.array_equal(first, distribution.sample(100, seed=4))
    assert distribution.sample(0, seed=0).shape == (0, 2)


def test_sampling_leaves_the_global_random_state_alone():
    before = np.random.get_state()[1].copy()
    toy.ring().sample(10, seed=0)
    assert np.array_equal(np.random.get_state()[1], before)


def test_sample_moments_are_those_of_the_mixture():
    points = UNEVEN.sample(NUM_POINTS, seed=0).astype(np.float64)
    weights, means, variances = UNEVEN.weights, UNEVEN.means, UNEVEN.stds[:, None] ** 2
    mean = weights @ means
    shifts = means - mean
    variance = weights @ (variances + shifts**2)  # law of total variance
    standard_error = np.sqrt(variance / NUM_POINTS)
    assert (abs(points.mean(axis=0) - mean) < 5 * standard_error).all()
    # Fourth central moment of a Gaussian with variance v that is shifted by s.
    fourth = weights @ (shifts**4 + 6 * shifts**2 * variances + 3 * variances**2)
    standard_error = np.sqrt((fourth - variance**2) / NUM_POINTS)
    assert (abs(points.var(axis=0) - variance) < 5 * standard_error).all()


def test_samples_in_one_dimension_follow_the_distribution_function():
    points = np.sort(UNEVEN_1D.sample(NUM_POINTS, seed=0)[:, 0].astype(np.float64))
    terms = zip(UNEVEN_1D.means[:, 0], UNEVEN_1D.stds, UNEVEN_1D.weights, strict=True)
    expected = sum(weight * stats.norm(mean, std).cdf(points) for mean, std, weight in terms)
    empirical = (np.arange(NUM_POINTS) + 0.5) / NUM_POINTS
    # Dvoretzky-Kiefer-Wolfowitz with Massart's constant: exceeded with probability 1e-6.
    bound = np.sqrt(np.log(2 / 1e-6) / (2 * NUM_POINTS))
    assert abs(empirical - expected).max() < bound


def test_every_mode_gets_its_share_and_its_spread():
    mixture = toy.Mixture(
        [[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], [0.5, 0.1, 1.0], [0.1, 0.6, 0.3]
    )  # so far apart that the nearest mode is the right one
    points = mixture.sample(NUM_POINTS, seed=1).astype(np.float64)
    distances = np.linalg.norm(points[:, None] - mixture.modes, axis=-1)
    nearest = distances.argmin(axis=1)
    for mode, (std, weight) in enumerate(zip(mixture.stds, mixture.weights, strict=True)):
        own = distances[nearest == mode, mode]
        standard_error = np.sqrt(weight * (1 - weight) / NUM_POINTS)
        assert abs(len(own) / NUM_POINTS - weight) < 5 * standard_error
        # |x - mean|² / std² is χ² with 2 degrees of freedom: mean 2, variance 4.
        assert abs((own**2).mean() / std**2 - 2) < 5 * np.sqrt(4 / len(own))


def test_noise_is_independent_between_the_coordinates():
    points = toy.Mixture([[0.0, 0.0]], [1.0], [1.0]).sample(NUM_POINTS, seed=0)
    assert abs(np.corrcoef(points.T)[0, 1]) < 5 / np.sqrt(NUM_POINTS)


def test_spiral_without_noise_lies_on_its_curve():
    points = toy.spiral(num_turns=1.5, radius=2.0, std=0.0).sample(NUM_POINTS, seed=0)
    radii = np.linalg.norm(points.astype(np.float64), axis=1)
    assert radii.max() <= 2.0 + 1e-6
    angles = 2 * np.pi * 1.5 * radii / 2.0
    curve = radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    np.testing.assert_allclose(points, curve, atol=1e-5)
    # The radius is 2√u, so the share within radius r is (r / 2)².
    for radius in (0.5, 1.0, 1.7):
        share = (radius / 2) ** 2
        standard_error = np.sqrt(share * (1 - share) / NUM_POINTS)
        assert abs((radii < radius).mean() - share) < 5 * standard_error


def test_spiral_noise_has_the_given_spread():
    with_noise = toy.spiral(std=0.1).sample(NUM_POINTS, seed=0).astype(np.float64)
    without = toy.spiral(std=0.0).sample(NUM_POINTS, seed=0)
    noise = (with_noise - without) / 0.1
    assert abs(np.corrcoef(noise.T)[0, 1]) < 5 / np.sqrt(NUM_POINTS)
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
    assert abs(noise.var() - 1) < 5 * np.sqrt(2 / noise.size)


# Refusals


@pytest.mark.parametrize(
    ("means", "stds", "weights", "message"),
    [
        ([[0.0], [1.0]], [1.0], [0.5, 0.5], r"stds \(1,\)"),
        ([0.0, 1.0], [1.0, 1.0], [0.5, 0.5], r"means \(k, d\)"),
        ([[0.0], [1.0]], [1.0, 1.0], [1.0], r"weights \(1,\)"),
        ([], [], [], r"means \(0,\)"),
        ([[0.0], [1.0]], [1.0, 0.0], [0.5, 0.5], "positive"),
        ([[0.0], [1.0]], [1.0, np.nan], [0.5, 0.5], "positive"),
        ([[0.0], [np.inf]], [1.0, 1.0], [0.5, 0.5], "finite"),
        ([[0.0], [1.0]], [1.0, 1.0], [0.5, 0.6], r"sum 1\.1"),
        ([[0.0], [1.0]], [1.0, 1.0], [1.5, -0.5], "at least 0"),
    ],
)
def test_wrong_parameters_are_refused(means, stds, weights, message):
    with pytest.raises(ValueError, match=message):
        toy.Mixture(means, stds, weights)


@pytest.mark.parametrize(
    "build",
    [
        lambda: toy.ring(num_modes=0),
        lambda: toy.ring(num_modes=2.5),
        lambda: toy.ring(std=0.0),
        lambda: toy.grid(num_rows=0),
        lambda: toy.mixture_1d([[0.0]], [1.0]),
        lambda: toy.mixture_1d([], []),
        lambda: toy.mixture_1d([0.0, 1.0], [1.0]),
        lambda: toy.spiral(num_turns=0),
        lambda: toy.spiral(std=-1.0),
    ],
)
def test_wrong_arguments_are_refused(build):
    with pytest.raises(ValueError, match="received"):
        build()


@pytest.mark.parametrize(("num_points", "seed"), [(10, None), (10, 0.5), (-1, 0), (2.0, 0)])
@pytest.mark.parametrize("distribution", [toy.ring(), toy.spiral()])
def test_sampling_without_a_proper_number_and_seed_is_refused(distribution, num_points, seed):
    with pytest.raises(ValueError, match="expected an integer"):
        distribution.sample(num_points, seed)


def test_points_of_another_dimension_are_refused():
    with pytest.raises(ValueError, match=r"expected \(n, 2\)"):
        toy.ring().density(np.zeros((5, 3)))
    with pytest.raises(ValueError, match=r"expected \(n, 2\)"):
        toy.ring().density(np.zeros(5))
