"""The checks of assignment 4. Expected values come from made samples, combinatorics and loops."""

import itertools
import math

import numpy as np
from scipy import stats

from course.grader.checks import check, close, that

TWISTS = ("density", "precision_recall", "inception_score", "extrapolation")
MODULES = ("numpy", "scipy.linalg", "scipy.spatial.distance")
FUNCTIONS = {
    "q1": ["frechet_distance"],
    "q2": ["kernel_distance"],
    "q3": ["coverage"],
    "q4": ["expected_coverage"],
    "q5": ["density", "precision_recall", "inception_score", "extrapolate"],
}


def personal(student_id):
    """The prediction: parameters, the right number, and how far off it may be."""
    size = 10 + sum((k + 1) * ord(letter) for k, letter in enumerate(student_id)) % 491
    number = 1 - math.comb(size - 1, 3) / math.comb(2 * size - 1, 3)
    return {"my_size": size}, number, 1.5e-6


def rotation(rng, d):
    """An orthogonal matrix."""
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


def sample(rng, n, mean, deviations, axes):
    """n points whose sample mean and covariance are exactly those of the arguments."""
    x = rng.normal(size=(n, len(mean)))
    x -= x.mean(axis=0)
    u, _, v = np.linalg.svd(x, full_matrices=False)
    return mean + (u @ v) * math.sqrt(n - 1) * deviations @ axes.T


@check("q1", 1, visible=True)
def same_and_shifted(ask, rng):
    """a sample and itself, and the same shifted"""
    points = np.random.default_rng(0).normal(size=(50, 3))
    close(ask("frechet_distance", points, points), 0, "the distance")
    close(ask("frechet_distance", points, points + [3, 0, 4]), 25, "the distance")


@check("q1", 1)
def common_axes(ask, rng):
    """samples with common axes: |μ - ν|² + Σ(σ - τ)², exactly"""
    for _ in range(4):
        d = int(rng.integers(3, 7))
        axes, (s, t) = rotation(rng, d), rng.uniform(0.3, 3, (2, d))
        m, v = rng.normal(size=(2, d)) * 2
        expected = np.sum((m - v) ** 2) + np.sum((s - t) ** 2)
        answer = ask("frechet_distance", sample(rng, 20, m, s, axes), sample(rng, 15, v, t, axes))
        close(answer, expected, "the distance", 1e-5)


@check("q1", 2)
def other_axes(ask, rng):
    """samples with different axes: by the eigenvalues of the product of the covariances"""
    for _ in range(4):
        d = int(rng.integers(3, 6))
        x, y = (rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) for n in (40, 25))
        y += 1
        a, b = (np.cov(one, rowvar=False) for one in (x, y))
        roots = np.sqrt(np.maximum(np.linalg.eigvals(a @ b).real, 0))
        expected = (
            np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(a) + np.trace(b) - 2 * roots.sum()
        )
        close(ask("frechet_distance", x, y), expected, "the distance", 1e-5)


@check("q1", 1)
def few_images(ask, rng):
    """fewer images than features, in planes at right angles: the two traces and the shift"""
    for _ in range(4):
        x, y = np.zeros((6, 20)), np.zeros((5, 20))
        x[:, :9], y[:, 9:] = rng.normal(size=(6, 9)), rng.normal(size=(5, 11)) * 2
        axes = rotation(rng, 20)
        expected = sum(one.var(axis=0, ddof=1).sum() for one in (x, y))
        expected += np.sum((x.mean(0) - y.mean(0)) ** 2)
        close(ask("frechet_distance", x @ axes, y @ axes), expected, "the distance", 1e-4)


@check("q2", 1, visible=True)
def zeros_and_ones(ask, rng):
    """all real features 0, all generated ones 1"""
    close(ask("kernel_distance", np.zeros((3, 1)), np.ones((3, 1))), 7, "the distance")


@check("q2", 1)
def kernel_by_a_loop(ask, rng):
    """fresh features, samples of unequal size, against a loop"""
    for _ in range(4):
        d, n, m = (int(k) for k in rng.permutation([3, 5, 8]))
        x, y = rng.normal(size=(n, d)) + 2, rng.normal(size=(m, d)) * 0.5 - 1

        def mean(pairs, d=d):
            values = [(math.fsum(a * b) / d + 1) ** 3 for a, b in pairs]
            return math.fsum(values) / len(values)

        within = [mean(itertools.permutations(one, 2)) for one in (x, y)]
        expected = sum(within) - 2 * mean(itertools.product(x, y))
        close(ask("kernel_distance", x, y), expected, "the distance")


@check("q2", 2)
def no_bias(ask, rng):
    """six features parted into two threes in all twenty ways: the mean is exactly 0"""
    for _ in range(2):
        points, found = rng.normal(size=(6, 4)) + 0.5, []
        for chosen in itertools.combinations(range(6), 3):
            mask = np.isin(np.arange(6), chosen)
            found.append(ask("kernel_distance", points[mask], points[~mask]))
        that(np.ptp(found) > 1e-3, "the distance is the same for all samples")
        close(np.mean(found), 0, "the mean", 1e-8)


@check("q3", 1, visible=True)
def line(ask, rng):
    """the line of the notebook"""
    real = np.arange(10.0)[:, None]
    close(ask("coverage", real, real[:5], 1), 0.6, "the coverage")


def balls(points, k):
    """The radius of each point's ball, by a loop."""
    return [
        sorted(math.dist(p, q) for j, q in enumerate(points) if j != i)[k - 1]
        for i, p in enumerate(points)
    ]


@check("q3", 2)
def coverage_by_a_loop(ask, rng):
    """fresh features, k from 1 to 5, against a loop"""
    for k in (1, 2, 3, 4, 5, 1, 2, 3):
        real, fake = rng.normal(size=(24, 2)), rng.normal(size=(15, 2)) * 0.5 + rng.normal(size=2)
        held = [
            any(math.dist(p, q) <= r for q in fake)
            for p, r in zip(real, balls(real, k), strict=True)
        ]
        close(ask("coverage", real, fake, k), sum(held) / 24, "the coverage")


@check("q4", 1, visible=True)
def one_of_three(ask, rng):
    """two real, one generated, k = 1"""
    close(ask("expected_coverage", 2, 1, 1), 0.5, "the expectation")


@check("q4", 1)
def by_counting(ask, rng):
    """other numbers, by counting orders"""
    for _ in range(8):
        n, m = (int(size) for size in rng.permutation(np.arange(8, 40))[:2])
        k = int(rng.integers(2, 6))
        expected = 1 - math.comb(n - 1, k) / math.comb(n + m - 1, k)
        close(ask("expected_coverage", n, m, k), expected, "the expectation")


@check("q5", 1, visible=True, twist="density")
def density_of_a_line(ask, rng):
    """one generated feature on a line"""
    close(ask("density", np.arange(10.0)[:, None], np.array([[4.0]]), 1), 3, "the density")


@check("q5", 3, twist="density")
def density_by_a_loop(ask, rng):
    """fresh features, against a loop"""
    for k in (2, 3, 4, 5):
        real, fake = rng.normal(size=(24, 2)), rng.normal(size=(15, 2)) * 0.7
        radii = balls(real, k)
        count = sum(math.dist(p, q) <= r for p, r in zip(real, radii, strict=True) for q in fake)
        close(ask("density", real, fake, k), count / (k * 15), "the density")


@check("q5", 1, visible=True, twist="precision_recall")
def pair_of_a_line(ask, rng):
    """the line of the notebook"""
    fake = np.array([[0.0], [1.0], [50.0]])
    answer = ask.several("precision_recall", np.arange(4.0)[:, None], fake, 1, shapes=[(), ()])
    close(answer, [2 / 3, 1], "precision or recall")


@check("q5", 3, twist="precision_recall")
def pair_by_a_loop(ask, rng):
    """fresh features, against a loop"""

    def share(centres, points, k):
        radii = balls(centres, k)
        held = [
            any(math.dist(p, c) <= r for c, r in zip(centres, radii, strict=True)) for p in points
        ]
        return sum(held) / len(points)

    for k in (2, 3, 4, 5, 2, 3, 4, 5):
        real, fake = rng.normal(size=(24, 2)), rng.normal(size=(15, 2)) * 1.5 + 1
        expected = [share(real, fake, k), share(fake, real, k)]
        answer = ask.several("precision_recall", real, fake, k, shapes=[(), ()])
        close(answer, expected, "precision or recall")


@check("q5", 1, visible=True, twist="inception_score")
def least_and_greatest(ask, rng):
    """unsure of each image, and sure of each"""
    close(ask("inception_score", np.full((5, 4), 0.25)), 1, "the score")
    close(ask("inception_score", np.eye(4)), 4, "the score")


@check("q5", 3, twist="inception_score")
def score_by_divergences(ask, rng):
    """fresh probabilities, some of them 0, by the mean divergence"""
    for _ in range(8):
        rows = rng.dirichlet(np.full(5, 0.5), 9)
        rows[:, 0] *= rng.integers(0, 2, 9)
        rows /= rows.sum(axis=1, keepdims=True)
        expected = np.exp(np.mean([stats.entropy(row, rows.mean(axis=0)) for row in rows]))
        close(ask("inception_score", rows), expected, "the score")


@check("q5", 1, visible=True, twist="extrapolation")
def two_sizes(ask, rng):
    """two sizes: 2 + 200/n"""
    close(ask("extrapolate", np.array([100.0, 200.0]), np.array([4.0, 3.0])), 2, "the height")


@check("q5", 3, twist="extrapolation")
def several_sizes(ask, rng):
    """several sizes, with noise, against a regression"""
    for _ in range(8):
        sizes = rng.permutation(np.arange(20, 400, 20))[:6].astype(float)
        distances = rng.uniform(1, 5) + rng.uniform(50, 200) / sizes + rng.normal(size=6) * 0.05
        line = stats.linregress(1 / sizes, distances)
        close(ask("extrapolate", sizes, distances), line.intercept, "the height", 1e-5)
