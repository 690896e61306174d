"""The autoencoder's terms against quadrature, SciPy and a model whose evidence is known."""

import numpy as np
import pytest
from scipy import integrate, stats

from ganbook import vae
from ganlib._tensorflow import keras, tf
from ganlib.models import dcgan, mlp

RNG = np.random.default_rng(0)


def test_divergence_is_that_of_the_definition():
    """∫ q log(q/p), integrated numerically by SciPy for each dimension."""
    mean, log_variance = RNG.normal(size=(2, 3)), RNG.normal(size=(2, 3))
    expected = np.zeros(2)
    for index in np.ndindex(2, 3):
        q = stats.norm(mean[index], np.exp(0.5 * log_variance[index]))

        def integrand(z, q=q):
            return q.pdf(z) * (q.logpdf(z) - stats.norm.logpdf(z))

        expected[index[0]] += integrate.quad(integrand, -30, 30, points=[q.mean()])[0]
    np.testing.assert_allclose(vae.divergence(mean, log_variance), expected, rtol=1e-6)


def test_log_likelihood_is_scipys():
    images, means = RNG.uniform(-1, 1, (2, 3, 4, 4, 2))
    expected = stats.norm.logpdf(images, means, 0.3).sum((1, 2, 3))
    np.testing.assert_allclose(vae.log_likelihood(images, means, 0.3), expected, rtol=1e-10)


@pytest.mark.parametrize("compiled", [False, True])
def test_samples_have_the_stated_moments_and_pass_gradients_on(compiled):
    n = 200_000
    mean, log_variance = tf.fill([n, 1], 3.0), tf.fill([n, 1], -1.5)

    def draw():
        with tf.GradientTape() as tape:
            tape.watch([mean, log_variance])
            latents = vae.sample(mean, log_variance, (0, 7))
        return latents, tape.gradient(latents, [mean, log_variance])

    latents, gradients = tf.function(draw, jit_compile=True)() if compiled else draw()
    deviation = np.exp(-0.75)
    # Five standard errors of a mean and of a standard deviation of n normal draws.
    assert abs(np.mean(latents) - 3) < 5 * deviation / np.sqrt(n)
    assert abs(np.std(latents) - deviation) < 5 * deviation / np.sqrt(2 * n)
    np.testing.assert_array_equal(gradients[0], 1)
    np.testing.assert_allclose(gradients[1], (latents - 3) / 2, rtol=1e-4, atol=1e-6)
    again = vae.sample(mean, log_variance, (0, 7))
    np.testing.assert_allclose(latents, again, rtol=1e-6)  # XLA rounds otherwise
    assert not np.allclose(latents, vae.sample(mean, log_variance, (0, 8)))


def linear_model(a, b, stddev, x, n, shift=0.0):
    """−ELBO for x | z ~ N(az + b, stddev²), z ~ N(0, 1), with the exact posterior moved by shift.

    By Bayes' rule the posterior has precision 1 + a²/stddev² and mean a(x − b)/(stddev² + a²).
    """
    variance = 1 / (1 + a**2 / stddev**2)
    mean = a * (x - b) / (stddev**2 + a**2) + shift

    def encoder(images, training):
        assert training
        return {
            "mean": tf.fill([n, 1], mean),
            "log_variance": tf.fill([n, 1], np.float32(np.log(variance))),
        }

    def decoder(latents, training):
        assert training
        return a * latents + b

    images = tf.fill([n, 1], np.float32(x))
    return vae.loss(encoder, decoder, images, seed=(0, 0), stddev=stddev), variance


def test_the_bound_is_the_evidence_for_the_exact_posterior_and_above_it_for_another():
    """x ~ N(b, a² + stddev²): the evidence in closed form, from SciPy."""
    a, b, stddev, x, n = 0.7, 0.2, 0.5, -0.4, 100_000
    evidence = stats.norm.logpdf(x, b, np.hypot(a, stddev))
    parts, variance = linear_model(a, b, stddev, x, n)
    mean = a * (x - b) / (stddev**2 + a**2)
    # −log p(x|z) is a quadratic in z: its standard deviation, over √n, is the standard error.
    slope, curve = a * (a * mean + b - x) / stddev**2, a**2 / stddev**2
    error = np.sqrt((slope**2 * variance + curve**2 * variance**2 / 2) / n)
    assert abs(float(parts.total) + evidence) < 5 * error + 1e-5
    worse, _ = linear_model(a, b, stddev, x, n, shift=0.5)
    # Moving q by s raises −ELBO by KL(q ‖ posterior) = s²/(2·variance).
    expected = 0.5**2 / (2 * variance)
    assert float(worse.total) + evidence == pytest.approx(expected, abs=0.02)


def test_encoder_and_decoder_are_as_large_as_the_pair():
    latent_dim, features = 6, 4 * 4 * 8
    encoder = dcgan.discriminator(28, 1, width=2, head=vae.posterior(latent_dim))
    discriminator = dcgan.discriminator(28, 1, width=2)
    extra = encoder.count_params() - discriminator.count_params()
    assert extra == (2 * latent_dim - 1) * (features + 1)


def test_every_weight_of_both_networks_learns():
    keras.utils.set_random_seed(0)
    encoder = dcgan.discriminator(28, 1, width=2, head=vae.posterior(3))
    decoder = dcgan.generator(28, 1, 3, width=2)
    images = tf.random.stateless_uniform([4, 28, 28, 1], [0, 0], -1, 1)
    with tf.GradientTape() as tape:
        total = vae.loss(encoder, decoder, images, seed=(0, 1)).total
    variables = encoder.trainable_variables + decoder.trainable_variables
    assert all(np.abs(g).max() > 0 for g in tape.gradient(total, variables))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="latent_dim=0; expected an integer of at least 1"):
        vae.posterior(0)
    with pytest.raises(ValueError, match="num_classes=3 for an encoder, which takes no labels"):
        mlp.discriminator(8, 1, num_classes=3, head=vae.posterior(2))
