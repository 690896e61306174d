"""What is drawn: its distribution, its independence, and that compilers agree on it.

Bounds come from the number of draws: of n, a mean is off by more than 4/√n with probability 6e-5.
The seeds are fixed, so a test that passes passes again.
"""

import numpy as np
import pytest
from scipy import stats

from ganlib import augment, losses, penalties, training
from ganlib._tensorflow import draws, keras, tf
from ganlib.models import mlp

N = 200_000
SEEDS = [(0, 0), (7, 1024), (-3, 2**40 + 5)]


def words(*values):
    return tf.constant(values, tf.uint32)


# --- from bits to floats -------------------------------------------------------------------------


def test_uniform_numbers_are_the_upper_24_bits():
    given = [0, 255, 256, 2**31, 2**32 - 1]
    expected = [0, 0, 2.0**-24, 0.5, 1 - 2.0**-24]
    np.testing.assert_array_equal(draws._of_bits(words(*given)), expected)


def test_no_bits_give_a_number_that_is_not_finite():
    """The extremes of both words; the largest number is √(−2 log 2⁻²⁴) = √(48 log 2)."""
    extremes = [0, 1, 255, 256, 2**31, 2**32 - 256, 2**32 - 1]
    first, second = (tf.reshape(a, -1) for a in tf.meshgrid(words(*extremes), words(*extremes)))
    numbers = draws._box_muller(first, second).numpy()
    assert np.isfinite(numbers).all()
    assert numbers.max() == pytest.approx(np.sqrt(48 * np.log(2)), rel=1e-6)
    assert draws._box_muller(words(0), words(0)).numpy()[0] == 0


def test_normal_numbers_are_box_and_mullers_in_double_precision():
    given = np.random.default_rng(0).integers(0, 2**32, (2, 5000), np.uint32)
    actual = draws._box_muller(*tf.constant(given)).numpy()
    first, second = (given >> 8) / 2.0**24
    expected = np.sqrt(-2 * np.log(1 - first)) * np.cos(2 * np.pi * second)
    np.testing.assert_allclose(actual, expected, atol=3e-6)


# --- distribution --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_uniform_numbers_are_uniform(seed):
    numbers = draws.uniform([N], seed).numpy().astype(np.float64)
    assert 0 <= numbers.min() < 20 / N
    assert 1 - 20 / N < numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 4 * np.sqrt(1 / 12 / N)
    assert stats.kstest(numbers, "uniform").statistic < 1.95 / np.sqrt(N)  # probability 0.001


@pytest.mark.parametrize("seed", SEEDS)
def test_normal_numbers_are_normal(seed):
    numbers = draws.normal([N], seed).numpy().astype(np.float64)
    assert stats.kstest(numbers, "norm").statistic < 1.95 / np.sqrt(N)
    # Of a power's mean the variance is E x²ᵏ − (E xᵏ)²; the moments are 0, 1, 0, 3, 0, 15, 0, 105.
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((numbers**power).mean() - moment) < 4 * np.sqrt(variance / N)
    for bound in (3, 4):  # the tails hold what they should, by the Poisson distribution
        expected = 2 * N * stats.norm.sf(bound)
        assert abs((abs(numbers) > bound).sum() - expected) < 4 * np.sqrt(expected) + 1


def test_both_words_of_a_pair_are_used_and_neighbours_are_independent():
    numbers = draws.normal([N // 2, 2], (0, 3)).numpy()
    for a, b in (
        (numbers[:, 0], numbers[:, 1]),
        (numbers[:-1, 0], numbers[1:, 0]),
        (numbers[:, 0] ** 2 - 1, (numbers[:, 1] ** 2 - 1) / 2),
    ):
        assert abs(np.mean(a * b)) < 4 / np.sqrt(N // 2)
    assert len(np.unique(numbers)) > 0.98 * N  # many words, few of them twice


@pytest.mark.parametrize("draw", [draws.normal, draws.uniform])
def test_a_seed_decides_all_and_another_seed_gives_independent_numbers(draw):
    def centred(seed):
        numbers = draw([N], seed).numpy().astype(np.float64)
        return (numbers - numbers.mean()) / numbers.std()

    first = centred((5, 9))
    np.testing.assert_array_equal(first, centred((5, 9)))
    for other in ((5, 10), (6, 9), (9, 5), (5 + 2**32, 9), (5, 9 + 2**40)):
        assert abs(np.mean(first * centred(other))) < 4 / np.sqrt(N), other


def test_all_kinds_of_draws_of_all_replicas_and_steps_have_seeds_of_their_own():
    """A run's seeds are distinct, so that nothing is drawn twice: no two numbers need be alike."""
    from ganlib.training import _step

    kinds = (_step._LATENTS, _step._PENALTIES, _step._VIEWS)
    seeds = {
        (seed + kind + replica * _step._REPLICA, step * _step._STREAMS_PER_STEP + stream)
        for seed in (-(2**31), 0, 2**32 - 1)
        for kind in kinds
        for replica in (0, 1, 255)
        for step in (0, 1, 10**6)
        for stream in (0, 1, _step._GENERATOR_STREAM, _step._STREAMS_PER_STEP - 1)
    }
    assert len(seeds) == 3 * 3 * 3 * 3 * 4


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_type_of_fewer_bits_holds_the_rounded_numbers(dtype):
    for draw in (draws.normal, draws.uniform):
        numbers = draw([1000], (1, 2), tf.as_dtype(dtype))
        assert numbers.dtype.name == dtype
        np.testing.assert_array_equal(numbers, tf.cast(draw([1000], (1, 2)), dtype))


def test_a_longer_draw_begins_with_a_shorter_one():
    for draw in (draws.normal, draws.uniform):
        long = draw([7, 3], (4, 4)).numpy()
        np.testing.assert_allclose(draw(tf.constant([5, 3]), (4, 4)), long[:5], atol=3e-6)


# --- compilers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [draws.bits, draws.uniform, draws.normal])
def test_xla_and_the_graph_draw_the_same(draw):
    def call(seed):
        return draw([4000, 3], seed)

    seed = tf.constant([3, 2**40 + 1024], tf.int64)
    plain, compiled = (
        tf.function(call, jit_compile=jit, autograph=False)(seed).numpy() for jit in (False, True)
    )
    if draw is draws.normal:  # logarithm and cosine are rounded by each in its own way
        np.testing.assert_allclose(compiled, plain, rtol=1e-5, atol=3e-6)
    else:
        np.testing.assert_array_equal(compiled, plain)


POINTS = np.random.default_rng(0).normal(2.0, 0.5, (40, 2)).astype(np.float32)


def run(jit_compile, **settings):
    """Six steps of plain descent: Adam would turn a rounding error near 0 into a whole step."""
    keras.utils.set_random_seed(0)
    options = {"batch_size": 8, "steps_per_call": 4, "jit_compile": jit_compile, "seed": 3}
    options |= settings.pop("options", {})
    gan = training.GAN(
        mlp.generator(None, 2, 3, width=8),
        mlp.discriminator(None, 2, width=8),
        generator_optimizer=keras.optimizers.SGD(0.05),
        discriminator_optimizer=keras.optimizers.SGD(0.05),
        options=training.Options(**options),
        **settings,
    )
    history = gan.train(POINTS, 6, progress=False)
    weights = [w for m in (gan.generator, gan.discriminator, gan.ema_generator) for w in m.weights]
    return [history.discriminator_loss, history.generator_loss, *map(np.asarray, weights)]


@pytest.mark.parametrize(
    "settings",
    [
        {"penalties": [training.Penalty(penalties.r1, 0.3, interval=2)]},
        {
            "penalties": [training.Penalty(penalties.wasserstein_gp, 1.0)],
            "loss": losses.wasserstein,
        },
        {"options": {"augment": augment.Noise(0.3, 4), "num_discriminator_steps": 2}},
    ],
    ids=["R1", "gradient penalty", "noise"],
)
def test_a_seed_means_the_same_run_with_xla_and_without(settings):
    """All that a step draws: latents, a penalty's points, an augmentation's noise."""
    for compiled, plain in zip(run(True, **settings), run(False, **settings), strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-4, atol=1e-5)
