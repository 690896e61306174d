"""The penalties against closed forms, worked out by hand for known gradients."""

import numpy as np
import pytest

from ganlib import penalties
from ganlib._tensorflow import keras, tf

SEED = (3, 5)
REAL = np.random.default_rng(0).normal(size=(6, 4, 4, 2)).astype(np.float32)
FAKE = np.random.default_rng(1).normal(size=(6, 4, 4, 2)).astype(np.float32)


def quadratic(images):
    """D(x) = ½‖x‖², with gradient x."""
    return 0.5 * tf.reduce_sum(images**2, axis=[1, 2, 3])[:, None]


def linear(slope):
    """D(x) = Σ slope·x, with constant gradient: norm slope·√d."""
    return lambda images: slope * tf.reduce_sum(images, axis=[1, 2, 3])[:, None]


def test_r1_of_a_quadratic_is_half_the_mean_squared_norm_of_the_real_images():
    expected = 0.5 * np.mean(np.sum(REAL.astype(np.float64) ** 2, axis=(1, 2, 3)))
    assert float(penalties.r1(quadratic, REAL, FAKE, SEED)) == pytest.approx(expected, rel=1e-6)


def test_r2_of_a_quadratic_is_half_the_mean_squared_norm_of_the_fake_images():
    expected = 0.5 * np.mean(np.sum(FAKE.astype(np.float64) ** 2, axis=(1, 2, 3)))
    assert float(penalties.r2(quadratic, REAL, FAKE, SEED)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("slope", [0.5, 1 / np.sqrt(32), 2.0])
def test_wasserstein_gp_of_a_linear_discriminator(slope):
    expected = (slope * np.sqrt(4 * 4 * 2) - 1) ** 2
    value = float(penalties.wasserstein_gp(linear(slope), REAL, FAKE, SEED))
    assert value == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_penalty_is_per_sample_and_not_of_the_batch_mean():
    """Two opposite gradients: their mean is 0, the mean of their squares is not."""
    images = np.array([[1.0], [-1.0]], np.float32)
    value = penalties.r1(lambda x: 0.5 * x**2, images, None, SEED)
    assert float(value) == pytest.approx(0.5)


def points_between(real, fake, seed):
    """The points at which wasserstein_gp looks, read off a discriminator that records them."""
    seen = []

    def discriminator(images):
        seen.append(images)
        return tf.reduce_sum(images, axis=list(range(1, len(images.shape))))[:, None]

    penalties.wasserstein_gp(discriminator, real, fake, seed)
    return seen[0].numpy()


def test_interpolation_draws_one_uniform_number_for_each_sample():
    num = 4000
    alpha = points_between(
        np.ones([num, 3, 2], np.float32), np.zeros([num, 3, 2], np.float32), SEED
    )
    assert (alpha == alpha[:, :1, :1]).all()  # one for a sample
    alpha = alpha[:, 0, 0]
    assert len(np.unique(alpha)) > 0.99 * num  # another for each sample
    assert 0 <= alpha.min() < 0.01
    assert 0.99 < alpha.max() <= 1
    # Kolmogorov–Smirnov against U(0, 1): 1.95 / √n is passed with probability 0.001
    distance = np.abs(np.sort(alpha) - (np.arange(num) + 0.5) / num).max()
    assert distance < 1.95 / np.sqrt(num)


def test_alpha_is_the_share_of_the_real_image_and_is_decided_by_the_seed():
    ones, zeros = np.ones([5, 2], np.float32), np.zeros([5, 2], np.float32)
    first = points_between(ones, zeros, SEED)
    np.testing.assert_array_equal(first, points_between(ones, zeros, SEED))
    assert (first != points_between(ones, zeros, (3, 6))).all()
    np.testing.assert_allclose(points_between(zeros, ones, SEED), 1 - first, rtol=1e-6, atol=1e-7)


def test_a_flat_discriminator_has_a_finite_gradient():
    """At ∇D = 0 the root's derivative is infinite without an ε under it."""
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        value = penalties.wasserstein_gp(
            lambda x: weight * tf.reduce_sum(x, axis=[1, 2, 3]), REAL, FAKE, SEED
        )
    assert float(value) == pytest.approx(1.0, abs=1e-5)
    assert np.isfinite(tape.gradient(value, weight))


def test_a_discriminator_without_gradient_is_refused():
    with pytest.raises(ValueError, match=r"do not depend on its images.*predict"):
        penalties.r1(lambda x: tf.constant(x.numpy().sum()), REAL, None, SEED)


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(6, 4, 4, 2\) and fake ones of \(5, 4, 4, 2\)"):
        penalties.wasserstein_gp(quadratic, REAL, FAKE[:5], SEED)


def test_penalties_of_a_keras_model_compile_under_xla():
    model = keras.Sequential(
        [keras.Input((4, 4, 2)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    for penalty in (penalties.r1, penalties.r2, penalties.wasserstein_gp):
        plain = penalty(model, REAL, FAKE, SEED)
        compiled = tf.function(lambda p=penalty: p(model, REAL, FAKE, SEED), jit_compile=True)()
        assert float(compiled) == pytest.approx(float(plain), rel=1e-5)
