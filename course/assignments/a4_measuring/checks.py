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
    close(ask("frechet_distance", points[:, :1], points[:, :1] + 3), 9, "the distance")


@check("q1", 1)
def common_axes(ask, rng):
    """samples with common axes: |μ - ν|² + Σ(σ - τ)², exactly"""
    for d in (1, 3, 4, 6):
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
    for n, m in ((6, 5), (7, 4), (3, 8), (2, 2)):
        x, y = np.zeros((n, 20)), np.zeros((m, 20))
        x[:, :9], y[:, 9:] = rng.normal(size=(n, 9)), rng.normal(size=(m, 11)) * 2
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
    """fresh features, samples of unequal size and one sample twice, against a loop"""
    for k in range(5):
        d, n, m = (int(size) for size in rng.permutation([3, 5, 8]))
        x, y = rng.normal(size=(n, d)) + 2, rng.normal(size=(m, d)) * 0.5 - 1
        if k == 4:
            y = rng.permutation(x)  # the pairs of a feature with itself are in the last term only

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


def holds(centres, points, k):
    """Which balls hold which points, by a loop; squares, so that whole numbers are exact."""

    def square(p, q):
        return sum((a - b) ** 2 for a, b in zip(p, q, strict=True))

    radii = [
        sorted(square(p, q) for j, q in enumerate(centres) if j != i)[k - 1]
        for i, p in enumerate(centres)
    ]
    return np.array(
        [[square(p, q) <= r for q in points] for p, r in zip(centres, radii, strict=True)]
    )


def lattice(rng, count, side):
    """Points with whole coordinates, many of them at one place."""
    return rng.integers(0, side, (count, 2)).astype(float)


@check("q3", 2)
def coverage_by_a_loop(ask, rng):
    """fresh features, k from 1 to 5, against a loop; whole numbers, where borders are met"""
    for k in (1, 2, 3, 4, 5, 1, 2, 3):
        real, fake = rng.normal(size=(24, 2)), rng.normal(size=(15, 2)) * 0.5 + rng.normal(size=2)
        expected = np.mean(holds(real, fake, k).any(axis=1))
        close(ask("coverage", real, fake, k), expected, "the coverage")
    for k in (1, 2, 1, 2, 1, 2, 1, 2):
        real, fake = lattice(rng, 24, 6), lattice(rng, 5, 6)
        expected = np.mean(holds(real, fake, k).any(axis=1))
        close(ask("coverage", real, fake, k), expected, "the coverage")


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
    """fresh features, against a loop; whole numbers, where borders are met"""
    for k in (2, 3, 4, 5):
        real, fake = rng.normal(size=(24, 2)), rng.normal(size=(15, 2)) * 0.7
        expected = holds(real, fake, k).sum() / (k * 15)
        close(ask("density", real, fake, k), expected, "the density")
    for k in (1, 2, 3, 4):
        real, fake = lattice(rng, 24, 6), lattice(rng, 15, 6)
        expected = holds(real, fake, k).sum() / (k * 15)
        close(ask("density", real, fake, k), expected, "the density")


@check("q5", 1, visible=True, twist="precision_recall")
def pair_of_a_line(ask, rng):
    """the line of the notebook"""
    fake = np.array([[0.0], [1.0], [50.0]])
    answer = ask.several("precision_recall", np.arange(4.0)[:, None], fake, 1, shapes=[(), ()])
    close(answer, [2 / 3, 1], "precision or recall")


@check("q5", 3, twist="precision_recall")
def pair_by_a_loop(ask, rng):
    """fresh features, against a loop; whole numbers, where borders are met"""
    for k in (2, 3, 4, 5, 2, 3, 4, 5):
        real, fake = rng.normal(size=(24, 2)), rng.normal(size=(15, 2)) * 1.5 + 1
        expected = [holds(a, b, k).any(axis=0).mean() for a, b in ((real, fake), (fake, real))]
        answer = ask.several("precision_recall", real, fake, k, shapes=[(), ()])
        close(answer, expected, "precision or recall")
    for k in (1, 2, 1, 2, 1, 2):
        real, fake = lattice(rng, 18, 6), lattice(rng, 12, 9)
        expected = [holds(a, b, k).any(axis=0).mean() for a, b in ((real, fake), (fake, real))]
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
    for k in range(8):
        rows = rng.dirichlet(np.full(5, 0.5), 9)
        rows[:, 0] *= rng.permutation(9) > 4
        rows[:, 1] *= k % 2  # every other time a class of which no image is
        rows /= rows.sum(axis=1, keepdims=True)
        seen = rows.any(axis=0)
        parts = [stats.entropy(row[seen], rows.mean(axis=0)[seen]) for row in rows]
        expected = np.exp(np.mean(parts))
        close(ask("inception_score", rows), expected, "the score")


@check("q5", 1, visible=True, twist="extrapolation")
def two_sizes(ask, rng):
    """two sizes: 2 + 200/n"""
    close(ask("extrapolate", np.array([100.0, 200.0]), np.array([4.0, 3.0])), 2, "the height")


@check("q5", 3, twist="extrapolation")
def several_sizes(ask, rng):
    """several sizes, some twice, with noise, against a regression; either sign of both numbers"""
    for k in range(8):
        sizes = rng.permutation(np.arange(20, 400, 20))[:6].astype(float)
        sizes = np.append(sizes, sizes[: 2 * (k % 2)])
        height = rng.uniform(1, 5) if k < 6 else rng.uniform(-2, -1)
        slope = rng.uniform(50, 200) * (-1 if k in (4, 5) else 1)
        distances = height + slope / sizes + rng.normal(size=len(sizes)) * 0.05
        line = stats.linregress(1 / sizes, distances)
        close(ask("extrapolate", sizes, distances), line.intercept, "the height", 1e-5)
