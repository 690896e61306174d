"""Metrics against closed forms, SciPy's matrix square root and plain double loops."""

import doctest
import inspect
import tracemalloc

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import sqrtm

from ganlib import metrics
from ganlib.metrics import (
    PrecisionRecall,
    _distances,
    _neighbours,
    _rows,
    density_coverage,
    extrapolated_frechet_distance,
    frechet_distance,
    kernel_distance,
    nearest_neighbour_distances,
    precision_recall,
    relative_frechet_distance,
)

RNG = np.random.default_rng(0)


def exact_sample(mean, root, num_rows, seed):
    """Rows whose sample mean is `mean` and whose sample covariance is rootᵀ root, to rounding."""
    white = np.random.default_rng(seed).normal(size=(num_rows, len(root)))
    basis, _ = np.linalg.qr(white - white.mean(axis=0))  # orthonormal columns of mean 0
    return np.asarray(mean) + np.sqrt(num_rows - 1) * basis @ np.asarray(root)


def textbook_frechet(real, fake):
    product = np.cov(real, rowvar=False) @ np.cov(fake, rowvar=False)
    traces = np.var(real, axis=0, ddof=1).sum() + np.var(fake, axis=0, ddof=1).sum()
    gap = real.mean(axis=0) - fake.mean(axis=0)
    return gap @ gap + traces - 2 * np.trace(sqrtm(product)).real


def naive_kernel_distance(real, fake):
    def kernel(x, y):
        return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3

    def mean_over_different(rows):
        pairs = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j]
        return np.mean([kernel(rows[i], rows[j]) for i, j in pairs])

    across = np.mean([kernel(x, y) for x in real for y in fake])
    return mean_over_different(real) + mean_over_different(fake) - 2 * across


def naive_precision_recall(real, fake, num_neighbours):
    def share_inside(points, centres):
        inside = np.zeros(len(points), bool)
        for i, centre in enumerate(centres):
            others = np.delete(centres, i, axis=0)
            radius = np.sort(np.linalg.norm(others - centre, axis=1))[num_neighbours - 1]
            inside |= np.linalg.norm(points - centre, axis=1) <= radius
        return inside.mean()

    return share_inside(fake, real), share_inside(real, fake)


# Fréchet distance


@pytest.mark.parametrize(("means", "stds"), [((1, 3), (2, 2)), ((0, 0), (1, 4)), ((-1, 2), (3, 0))])
def test_frechet_distance_in_one_dimension_has_the_closed_form(means, stds):
    real = exact_sample([means[0]], [[stds[0]]], 50, seed=1)
    fake = exact_sample([means[1]], [[stds[1]]], 30, seed=2)
    expected = (means[0] - means[1]) ** 2 + (stds[0] - stds[1]) ** 2  # Dowson and Landau, 1982
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_diagonal_gaussians_adds_up_over_the_axes():
    real_stds, fake_stds, gap = np.array([1, 2, 3]), np.array([4, 0.5, 3]), np.array([1, -2, 0.5])
    real = exact_sample([5, 5, 5], np.diag(real_stds), 40, seed=1)
    fake = exact_sample(5 + gap, np.diag(fake_stds), 90, seed=2)
    expected = np.sum(gap**2) + np.sum((real_stds - fake_stds) ** 2)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_a_shift_is_its_squared_length():
    real = RNG.normal(size=(100, 5)) @ RNG.normal(size=(5, 5))
    shift = np.array([1, -2, 3, 0, 4])
    assert frechet_distance(real, real + shift) == pytest.approx(30, rel=1e-9)


def test_frechet_distance_of_a_scaled_sample_has_the_closed_form():
    real = RNG.normal(size=(100, 5)) @ RNG.normal(size=(5, 5)) + 1
    # Both the means and the roots of the covariances differ by the factor 3 - 1.
    expected = 4 * (np.sum(real.mean(axis=0) ** 2) + np.var(real, axis=0, ddof=1).sum())
    assert frechet_distance(real, 3 * real) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("num_features", [2, 16, 64])
def test_frechet_distance_equals_the_formula_with_scipys_square_root(num_features):
    real = RNG.normal(size=(300, num_features)) @ RNG.normal(size=(num_features, num_features))
    fake = RNG.gamma(2, size=(200, num_features)) @ RNG.normal(size=(num_features, num_features))
    assert frechet_distance(real, fake) == pytest.approx(textbook_frechet(real, fake), rel=1e-8)


@pytest.mark.parametrize("num_rows", [4, 30])  # fewer and more rows than features
def test_frechet_distance_is_exact_for_singular_covariances(num_rows):
    angles, real_stds, fake_stds = np.array([0.3, 1.1]), np.array([2, 5]), np.array([3, 0.5])
    # Two planes in seven dimensions, tilted by the angles; the last three features are constant.
    real_root, fake_root = np.zeros((2, 7)), np.zeros((2, 7))
    real_root[[0, 1], [0, 1]] = real_stds
    fake_root[[0, 1], [0, 1]] = fake_stds * np.cos(angles)
    fake_root[[0, 1], [2, 3]] = fake_stds * np.sin(angles)
    mean = [0, 1, 2, 3, 0.1, 1e3, -7]
    real = exact_sample(mean, real_root, num_rows, seed=1)
    fake = exact_sample(mean, fake_root, num_rows + 2, seed=2)
    # By hand: A_r A_fᵀ is diagonal, so the trace of the square root is the sum over the planes.
    root_trace = np.sum(real_stds * fake_stds * np.cos(angles))
    expected = np.sum(real_stds**2) + np.sum(fake_stds**2) - 2 * root_trace
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_is_accurate_where_the_traces_nearly_cancel():
    real = RNG.normal(size=(100, 8))
    real -= real.mean(axis=0)
    expected = 1e-12 * np.var(real, axis=0, ddof=1).sum()  # (1.000001 - 1)² tr Σ
    assert frechet_distance(real, 1.000001 * real) == pytest.approx(expected, rel=1e-5, abs=0)


def test_frechet_distance_sees_a_variance_far_below_the_others():
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])  # no single feature is the small one
    real = exact_sample([0, 0], np.diag([1, 1e-7]) @ turn, 50, seed=1)
    fake = exact_sample([0, 0], np.diag([1, 3e-7]) @ turn, 50, seed=2)
    # The product of the rows with themselves would hold 1e-14 beside 1, to two digits.
    assert frechet_distance(real, fake) == pytest.approx((3e-7 - 1e-7) ** 2, rel=1e-6, abs=0)


def test_frechet_distance_of_equal_samples_is_zero_and_never_negative():
    real = RNG.normal(size=(20, 30)).astype(np.float32)
    assert 0 <= frechet_distance(real, real[::-1]) < 1e-20


def test_frechet_distance_sums_float32_features_in_float64():
    real = (1e4 + RNG.normal(size=(2000, 3))).astype(np.float32)
    fake = real[:1500] + np.float32(1)
    expected = textbook_frechet(real.astype(np.float64), fake.astype(np.float64))
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-7)


def test_relative_frechet_distance_divides_by_the_variance_of_the_real_features():
    real = exact_sample([0, 0], np.diag([3, 4]), 40, seed=1)
    fake = exact_sample([1, 2], np.diag([1, 1]), 40, seed=2)
    # (1 + 4 + 2² + 3²) / 25, and / 2 the other way round.
    assert relative_frechet_distance(real, fake) == pytest.approx(18 / 25, rel=1e-9)
    assert relative_frechet_distance(fake, real) == pytest.approx(18 / 2, rel=1e-9)
    assert relative_frechet_distance(7 * real, 7 * fake) == pytest.approx(18 / 25, rel=1e-9)


def test_relative_frechet_distance_refuses_real_features_that_do_not_vary():
    with pytest.raises(ValueError, match=r"5 equal rows.*expected features that vary"):
        relative_frechet_distance(np.full((5, 2), 0.1), np.eye(2))


# Fréchet distance of infinitely many fakes


def test_extrapolated_distance_is_the_line_through_the_mean_distances_of_parts():
    real, fake = RNG.normal(size=(90, 3)), RNG.gamma(2, size=(60, 3))
    order = np.random.default_rng(5).permutation(60)
    means = [
        np.mean([textbook_frechet(real, part) for part in np.split(fake[order], k)])
        for k in (1, 2, 3)
    ]
    expected = stats.linregress(np.array([1, 2, 3]) / 60, means).intercept
    assert extrapolated_frechet_distance(real, fake, 3, seed=5) == pytest.approx(expected, rel=1e-8)


def test_extrapolated_distance_has_no_bias_of_the_sample_size():
    """For N(0, I) in d dimensions n fakes add d/n for the mean and about d(d+1)/(4n) for Σ."""
    real, num_fakes = exact_sample(np.zeros(4), np.eye(4), 50, seed=1), 400
    samples = np.random.default_rng(2).normal(size=(100, num_fakes, 4))
    plain = [frechet_distance(real, fake) for fake in samples]
    assert np.mean(plain) == pytest.approx((4 + 5) / num_fakes, rel=0.1)
    better = [extrapolated_frechet_distance(real, fake) for fake in samples]
    assert abs(np.mean(better)) < 4 * np.std(better) / np.sqrt(100) < 0.25 * np.mean(plain)


@pytest.mark.parametrize("num_sizes", [1, 6])
def test_extrapolation_refuses_parts_without_a_covariance(num_sizes):
    with pytest.raises(ValueError, match=f"num_sizes={num_sizes}; expected an integer from 2 to 5"):
        extrapolated_frechet_distance(np.eye(20), np.eye(11, 20), num_sizes)


# Kernel distance


def test_kernel_distance_equals_a_loop_over_pairs():
    real, fake = RNG.normal(size=(9, 4)), 2 * RNG.normal(size=(6, 4)) + 1
    expected = naive_kernel_distance(real, fake)
    assert kernel_distance(real, fake) == pytest.approx(expected, rel=1e-10)


def test_kernel_distance_has_mean_zero_for_equal_distributions():
    draws = np.random.default_rng(3).normal(size=(2000, 2, 6, 3))
    estimates = [kernel_distance(real, fake) for real, fake in draws]
    standard_error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates)) < 4 * standard_error
    assert np.mean(np.array(estimates) < 0) > 0.4
    # The bound is sharp: leaving the pairs i = i in would add (E k(x, x) - E k(x, y)) / 3 > 1.
    assert standard_error < 0.1


def test_kernel_distance_averages_over_subsets():
    real, fake = RNG.normal(size=(40, 3)), RNG.normal(size=(50, 3)) + 0.5
    subsets = [kernel_distance(real, fake, 10, 1, seed) for seed in range(200)]
    whole = kernel_distance(real, fake)
    assert np.mean(subsets) == pytest.approx(whole, abs=4 * np.std(subsets) / np.sqrt(200))
    assert np.std(subsets) > 0
    together = [kernel_distance(real, fake, 10, 20, seed) for seed in range(20)]
    assert np.std(together) < np.std(subsets) / 2  # in theory less by the root of 20
    # A subset as large as the arrays is the array: drawing is without replacement.
    assert kernel_distance(real, fake[:40], 40, 2) == pytest.approx(
        kernel_distance(real, fake[:40])
    )


def test_kernel_distance_depends_on_the_seed_alone():
    real, fake = RNG.normal(size=(2, 30, 3))
    assert kernel_distance(real, fake, 10, 3, 5) == kernel_distance(real, fake, 10, 3, 5)
    assert kernel_distance(real, fake, 10, 3, 5) != kernel_distance(real, fake, 10, 3, 6)


@pytest.mark.parametrize("subset_size", [1, 21])
def test_kernel_distance_refuses_a_subset_that_does_not_fit(subset_size):
    with pytest.raises(ValueError, match=f"subset_size={subset_size}; .* from 2 to 20"):
        kernel_distance(np.eye(20), np.eye(30, 20), subset_size)


def test_kernel_distance_refuses_no_subsets():
    with pytest.raises(ValueError, match="num_subsets=0"):
        kernel_distance(np.eye(5), np.eye(5), 2, 0)


# Precision and recall


@pytest.mark.parametrize("num_neighbours", [1, 3, 5])
def test_precision_recall_equals_a_double_loop(num_neighbours):
    real, fake = RNG.normal(size=(60, 3)), 0.6 * RNG.normal(size=(45, 3)) + [1, 0, 0]
    expected = naive_precision_recall(real, fake, num_neighbours)
    assert expected[0] != expected[1]
    assert precision_recall(real, fake, num_neighbours) == pytest.approx(expected, abs=1e-12)


def test_precision_recall_on_a_line_by_hand():
    real = np.array([[0], [1], [3], [10]])  # with one neighbour, radii 1, 1, 2, 7
    fake = np.array([[-2], [4], [17], [18], [30]])  # radii 6, 6, 1, 1, 12
    # Inside the real support [-1, 17]: 4 and 17. Inside [-8, 10], [16, 19] or [18, 42]: all real.
    assert precision_recall(real, fake, 1) == PrecisionRecall(precision=0.4, recall=1.0)


def test_disjoint_clouds_have_neither_precision_nor_recall():
    real = RNG.normal(size=(50, 4))
    assert precision_recall(real, real + 100) == (0, 0)


@pytest.mark.parametrize("num_copies", [1, 5])
def test_equal_samples_have_full_precision_and_recall(num_copies):
    real = np.repeat(RNG.normal(size=(50, 33)) + 10, num_copies, axis=0)
    assert precision_recall(real, real[::-1]) == (1, 1)


def test_collapsed_fakes_are_precise_and_miss_most_of_the_real_ones():
    real = RNG.normal(size=(200, 8)) + 5
    fake = np.repeat(real[7:8], 60, axis=0)
    # The support of the fakes is one point, which one real row occupies.
    assert precision_recall(real, fake) == PrecisionRecall(precision=1.0, recall=1 / 200)


def test_precision_recall_bears_features_far_from_the_origin():
    real, fake = RNG.normal(size=(40, 3)), 0.5 * RNG.normal(size=(50, 3))
    assert precision_recall(real + 1e7, fake + 1e7) == precision_recall(real, fake)


@pytest.mark.parametrize("num_neighbours", [0, 4])
def test_precision_recall_refuses_more_neighbours_than_rows(num_neighbours):
    with pytest.raises(ValueError, match=f"num_neighbours={num_neighbours}; .* from 1 to 3"):
        precision_recall(np.eye(9, 4), np.eye(4), num_neighbours)


# Density and coverage


def naive_density_coverage(real, fake, num_neighbours):
    inside = np.zeros((len(real), len(fake)), bool)
    for i, centre in enumerate(real):
        others = np.delete(real, i, axis=0)
        radius = np.sort(np.linalg.norm(others - centre, axis=1))[num_neighbours - 1]
        inside[i] = np.linalg.norm(fake - centre, axis=1) <= radius
    return inside.sum() / (num_neighbours * len(fake)), inside.any(axis=1).mean()


@pytest.mark.parametrize("num_neighbours", [1, 5])
def test_density_coverage_equals_a_double_loop(num_neighbours):
    real, fake = RNG.normal(size=(60, 3)), 0.6 * RNG.normal(size=(45, 3)) + [1, 0, 0]
    expected = naive_density_coverage(real, fake, num_neighbours)
    assert density_coverage(real, fake, num_neighbours) == pytest.approx(expected, abs=1e-12)


def test_density_coverage_on_a_line_by_hand():
    real = np.array([[0], [1], [3], [10]])  # with one neighbour: [-1, 1], [0, 2], [1, 5], [3, 17]
    fake = np.array([[-2], [4], [4.5], [17], [30]])  # inside 0, 2, 2, 1, 0 balls
    assert density_coverage(real, fake, 1) == pytest.approx((5 / 5, 2 / 4))


def test_equal_distributions_have_the_density_and_coverage_of_naeem_et_al():
    """Density 1; coverage 1 - (n-1)...(n-k) / ((2n-1)...(2n-k)), their lemma 2."""
    n, k = 60, 5
    ranks = np.arange(1, k + 1)
    coverage = 1 - np.prod((n - ranks) / (2 * n - ranks))
    draws = np.random.default_rng(4).normal(size=(200, 2, n, 3))
    values = np.array([density_coverage(real, fake, k) for real, fake in draws])
    errors = 4 * values.std(axis=0) / np.sqrt(200)
    assert (errors < 0.05).all()
    assert (np.abs(values.mean(axis=0) - [1, coverage]) < errors).all()


def test_one_outlier_moves_precision_and_hardly_density():
    real = np.concatenate([RNG.normal(size=(100, 2)), [[30, 0]]])
    fake = RNG.uniform(5, 25, size=(100, 2)) * [1, 0]  # nowhere near the data
    assert precision_recall(real, fake, 5).precision > 0.9
    assert density_coverage(real, fake, 5).density < 0.25


# Nearest neighbours


def test_nearest_neighbours_are_those_of_a_double_loop():
    train, held_out, fake = (RNG.normal(size=(n, 3)) for n in (40, 15, 25))
    result = nearest_neighbour_distances(train, held_out, fake)
    matrix = np.linalg.norm(fake[:, None] - train, axis=2)
    np.testing.assert_array_equal(result.indices, matrix.argmin(axis=1))
    np.testing.assert_allclose(result.distances, matrix.min(axis=1), rtol=1e-12)
    held_out_matrix = np.linalg.norm(held_out[:, None] - train, axis=2)
    np.testing.assert_allclose(result.held_out_distances, held_out_matrix.min(axis=1), rtol=1e-12)


def test_comparison_by_ranks_is_the_mann_whitney_test_of_scipy():
    train, held_out, fake = (RNG.normal(size=(n, 3)) for n in (40, 15, 25))
    result = nearest_neighbour_distances(train, held_out, 0.5 * fake)
    test = stats.mannwhitneyu(
        result.held_out_distances, result.distances, method="asymptotic", use_continuity=False
    )
    assert result.share_closer == pytest.approx(test.statistic / (15 * 25))
    assert 2 * stats.norm.sf(abs(result.z_score)) == pytest.approx(test.pvalue)
    assert result.z_score > 0


def test_ties_count_one_half():
    train = np.array([[0.0], [100.0]])
    # Distances 1, 2, 2 of fakes; 2, 3 of held-out rows. Won: 2, then twice 1 and a half.
    result = nearest_neighbour_distances(train, [[2.0], [103.0]], [[1.0], [-2.0], [98.0]])
    assert result.share_closer == pytest.approx((2 + 1.5 + 1.5) / 6)


def test_exact_copies_have_distance_zero_far_from_the_origin():
    train = RNG.normal(size=(50, 8)).astype(np.float32) + 1000
    result = nearest_neighbour_distances(train, train + 0.5, train[::-1])
    assert (result.distances == 0).all()
    assert (result.indices == np.arange(50)[::-1]).all()
    assert result.share_closer == 1


def test_new_images_have_a_standard_normal_z_score():
    draws = np.random.default_rng(6).normal(size=(300, 3, 40, 3))
    scores = [nearest_neighbour_distances(*draw).z_score for draw in draws]
    assert stats.kstest(scores, "norm").pvalue > 1e-3


def test_nearest_neighbours_do_not_depend_on_blocks_or_order(monkeypatch):
    train, held_out, fake = RNG.normal(size=(3, 30, 4))
    whole = nearest_neighbour_distances(train, held_out, fake)
    monkeypatch.setattr(_rows, "BLOCK_ELEMENTS", 70)
    order = RNG.permutation(30)
    parts = nearest_neighbour_distances(train[order], held_out[order], fake)
    np.testing.assert_array_equal(order[parts.indices], whole.indices)
    np.testing.assert_allclose(parts.distances, whole.distances, rtol=1e-12)
    assert parts[3:] == whole[3:]


def test_nearest_neighbours_name_the_array_that_does_not_fit():
    with pytest.raises(ValueError, match="train_features with 3 features a row and held_out"):
        nearest_neighbour_distances(np.eye(3), np.eye(4), np.eye(3))
    with pytest.raises(ValueError, match="train_features with 3 features a row and fake_"):
        nearest_neighbour_distances(np.eye(3), np.eye(3), np.eye(4))


# Modes and classes


def test_mode_coverage_by_hand(monkeypatch):
    modes = np.array([[0, 0], [3, 0], [0, 9]])
    points = np.array([[0.5, 0], [2.1, 0], [2, 0], [3, 1], [1.5, 0], [9, 9], [0, 1.1]])
    # Within 1 of a mode: the first; the second to the fourth (the boundary counts). Then all twice.
    for block in (_rows.BLOCK_ELEMENTS, 12):
        monkeypatch.setattr(_rows, "BLOCK_ELEMENTS", block)
        result = metrics.mode_coverage(2 * points, 2 * modes, radius=2)
        assert result.num_covered == 2
        assert result.share_close == pytest.approx(4 / 7)
        np.testing.assert_allclose(result.shares, [1 / 4, 3 / 4, 0])
        expected = stats.entropy([1 / 4, 3 / 4, 0], [1 / 3, 1 / 3, 1 / 3])
        assert result.divergence == pytest.approx(expected)


def test_points_far_from_every_mode_cover_none():
    result = metrics.mode_coverage(np.eye(4) + 9, np.eye(4), radius=0.5)
    assert (result.num_covered, result.share_close) == (0, 0)
    assert not result.shares.any()
    assert np.isnan(result.divergence)


def test_class_coverage_counts_labels():
    result = metrics.class_coverage(np.array([3, 0, 0, 3, 3, 1, 3, 3]), 5)
    assert (result.num_covered, result.share_close) == (3, 1.0)
    np.testing.assert_allclose(result.shares, np.array([2, 1, 0, 5, 0]) / 8)
    assert result.divergence == pytest.approx(stats.entropy(result.shares, np.full(5, 0.2)))
    assert metrics.class_coverage(np.full(6, 2), 5).divergence == pytest.approx(np.log(5))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 5], "labels from 0 to 5; expected 0 to 4"),
        ([-1, 2], "labels from -1 to 2"),
        (np.eye(5), r"\(5, 5\).*argmax"),
        ([0.5], "float64.*expected integers"),
        ([], "n at least 1"),
    ],
)
def test_class_coverage_refuses_other_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        metrics.class_coverage(labels, 5)


# Inception score


def test_inception_score_is_exp_of_the_mean_divergence_from_the_marginal(monkeypatch):
    probabilities = RNG.dirichlet([0.3, 0.5, 2, 0.1], size=50)
    marginal = probabilities.mean(axis=0)
    expected = np.exp(np.mean([stats.entropy(row, marginal) for row in probabilities]))
    assert metrics.inception_score(probabilities) == pytest.approx(expected, rel=1e-12)
    monkeypatch.setattr(_rows, "BLOCK_ELEMENTS", 9)
    shuffled = RNG.permutation(probabilities).astype(np.float32)
    assert metrics.inception_score(shuffled) == pytest.approx(expected, rel=1e-5)


def test_inception_score_bears_certain_predictions():
    assert metrics.inception_score(np.repeat(np.eye(4), 3, axis=0)) == pytest.approx(4)
    assert metrics.inception_score(np.repeat(np.eye(4)[:1], 3, axis=0)) == pytest.approx(1)


@pytest.mark.parametrize("wrong", [np.full((3, 4), 0.3), [[1.5, -0.5], [0.5, 0.5]]])
def test_inception_score_refuses_logits(wrong):
    with pytest.raises(ValueError, match=r"sum 1.*softmax"):
        metrics.inception_score(wrong)


# All of them

# What compares real features with generated ones, whichever metrics there are. One shuffles the
# rows and cuts them into parts, of which each needs two: it has tests of its own.
METRICS = [
    function
    for function in map(metrics.__dict__.get, metrics.__all__)
    if inspect.isfunction(function)
    and list(inspect.signature(function).parameters)[:2] == ["real_features", "fake_features"]
    and function is not extrapolated_frechet_distance
]


@pytest.mark.parametrize("metric", METRICS)
def test_order_of_rows_does_not_matter(metric):
    real, fake = RNG.normal(size=(70, 5)), RNG.normal(size=(50, 5)) + 0.3
    shuffled = metric(RNG.permutation(real), RNG.permutation(fake))
    assert shuffled == pytest.approx(metric(real, fake), rel=1e-10)


@pytest.mark.parametrize("metric", METRICS)
def test_size_of_blocks_does_not_matter(metric, monkeypatch):
    real, fake = RNG.normal(size=(70, 5)), RNG.normal(size=(50, 5)) + 0.3
    in_one_block = metric(real, fake)
    monkeypatch.setattr(_rows, "BLOCK_ELEMENTS", 130)
    assert len(list(_rows.blocks(70, 50))) > 10
    assert metric(real, fake) == pytest.approx(in_one_block, rel=1e-10)


@pytest.mark.parametrize("metric", METRICS)
def test_arguments_stay_unchanged_and_results_are_floats(metric):
    real, fake = RNG.normal(size=(2, 20, 5))
    real.setflags(write=False)
    fake.setflags(write=False)
    result = metric(real, fake)
    assert all(type(value) is float for value in np.atleast_1d(result).tolist())
    assert isinstance(result, float | tuple)


@pytest.mark.parametrize(
    ("fake", "message"),
    [
        (np.zeros((4, 2, 2, 1), np.uint8), r"\(4, 2, 2, 1\) and dtype uint8.*look like images"),
        (np.zeros(3), r"\(3,\).*expected a 2-D array"),
        (np.zeros((1, 3)), "at least 2 rows"),
        (np.zeros((4, 2)), "3 features a row and fake_features with 2"),
        (np.array([[0, 1, 2], [0, np.nan, 0]]), "NaN or infinity, first in row 1"),
        (np.array([[0, 1, np.inf], [0, 0, 0]]), "NaN or infinity, first in row 0"),
        (np.array([["a", "b", "c"]] * 2), "expected real numbers"),
    ],
)
@pytest.mark.parametrize("metric", METRICS)
def test_unfit_features_are_refused_with_what_came_and_what_to_do(metric, fake, message):
    with pytest.raises(ValueError, match=message):
        metric(RNG.normal(size=(5, 3)), fake)
    if "features a row" not in message:
        with pytest.raises(ValueError, match=message):
            metric(fake, RNG.normal(size=(5, 3)))


@pytest.mark.parametrize("metric", [*METRICS, lambda a, b: nearest_neighbour_distances(a, b, b)])
def test_memory_stays_within_that_of_three_samples_in_float64(metric, monkeypatch):
    """So 50,000 rows of 2,048 float32 features, 0.4 GB a sample, take under 3.3 GB with them."""
    monkeypatch.setattr(_rows, "BLOCK_ELEMENTS", 2**13)
    real, fake = RNG.normal(size=(2, 2000, 64)).astype(np.float32)
    tracemalloc.start()
    metric(real, fake)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * 2000 * 64 * 8


@pytest.mark.parametrize("module", [metrics, _distances, _neighbours])
def test_docstring_examples_run(module):
    result = doctest.testmod(module)
    assert result.attempted > 3
    assert result.failed == 0


@pytest.mark.parametrize("scale", [1e155, 1e46, 1e-101, 1e-170])
def test_features_whose_powers_float64_cannot_hold_are_refused(scale):
    rows = scale * np.random.default_rng(0).uniform(0.9, 1, (20, 3))
    rows[0, 0] *= -1
    for function in (metrics.frechet_distance, metrics.kernel_distance, metrics.precision_recall):
        with pytest.raises(ValueError, match=r"largest magnitude is .*; expected one from 1e-100"):
            function(rows, rows)


@pytest.mark.parametrize("scale", [1e44, 1e-98])
def test_features_just_inside_keep_their_relative_distances(scale):
    rng = np.random.default_rng(0)
    real, fake = rng.uniform(-1, 1, (2, 30, 3))
    expected = metrics.relative_frechet_distance(real, fake)
    found = metrics.relative_frechet_distance(scale * real, scale * fake)
    assert found == pytest.approx(expected, rel=1e-9)
    assert np.isfinite(metrics.kernel_distance(scale * real, scale * fake))


def test_counts_of_metrics_are_whole_numbers():
    rows = np.random.default_rng(0).normal(size=(20, 3))
    calls = [
        lambda: metrics.precision_recall(rows, rows, 3.0),
        lambda: metrics.density_coverage(rows, rows, True),
        lambda: metrics.kernel_distance(rows, rows, subset_size=5.0),
        lambda: metrics.kernel_distance(rows, rows, subset_size=5, num_subsets="2"),
        lambda: metrics.class_coverage([0, 1], num_classes=2.0),
        lambda: metrics.mode_coverage(rows, rows, radius="1"),
        lambda: metrics.mode_coverage(rows, rows, radius=0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"^received \w+=.*; expected an? (integer|number)"):
            call()
