"""A variational autoencoder from the same networks as a GAN's pair.

The decoder is a generator: latents to images, here the mean of a Gaussian around each image. The
encoder is a discriminator with another head: images to the mean and variance of a Gaussian over
latents. So the two methods can be compared at equal size.

Reference:
    Kingma and Welling, *Auto-Encoding Variational Bayes*, ICLR 2014; Rezende, Mohamed and Wierstra,
    *Stochastic Backpropagation and Approximate Inference in Deep Generative Models*, ICML 2014.
    Chapter 21.
"""

import math
from typing import NamedTuple

from ganlib import _checks
from ganlib._tensorflow import draws, keras, tf
from ganlib.models import layers


class NegativeElbo(NamedTuple):
    """The two parts of the loss, each a float32 scalar: a mean over images, in nats.

    Attributes:
        reconstruction: −E[log p(x|z)], with one draw of z for each image.
        divergence: KL(q(z|x) ‖ N(0, I)).
    """

    reconstruction: tf.Tensor
    divergence: tf.Tensor

    @property
    def total(self):
        """Their sum, which training minimises; minus it bounds the log-likelihood from below."""
        return self.reconstruction + self.divergence


def posterior(latent_dim):
    """The head that makes an encoder of a discriminator.

    Args:
        latent_dim: length of a latent vector.

    Returns:
        A head (see ``heads``) with the outputs "mean" and "log_variance", float32 (batch,
        latent_dim).

    Raises:
        ValueError: if the size is no positive integer, or the discriminator is given classes.

    Example:
        >>> from ganbook import vae
        >>> from ganlib.models import dcgan
        >>> encoder = dcgan.discriminator(28, 1, head=vae.posterior(latent_dim=64))
        >>> decoder = dcgan.generator(28, 1, latent_dim=64)
        >>> encoder.output["log_variance"].shape
        (None, 64)

    Reference:
        Kingma and Welling, ICLR 2014, app. C.2. Chapter 21.
    """
    _checks.positive_integers(latent_dim=latent_dim)

    def head(features, num_classes=None, initializer=layers.normal):
        if num_classes is not None:
            raise ValueError(
                f"received num_classes={num_classes!r} for an encoder, which takes no labels; "
                "expected None. Build it with num_classes=None."
            )
        names = ("mean", "log_variance")
        return None, {
            name: keras.layers.Dense(
                latent_dim, kernel_initializer=initializer(), dtype="float32", name=name
            )(features)
            for name in names
        }

    return head


def sample(mean, log_variance, seed):
    """Draws latents as a differentiable function of the Gaussian's parameters: μ + σ·ε.

    Args:
        mean: float tensor (batch, latent_dim).
        log_variance: float tensor of the same shape, log σ².
        seed: two integers that decide ε.

    Returns:
        A tensor of the same shape.

    Example:
        >>> from ganbook import vae
        >>> vae.sample([[3.0]], [[-80.0]], seed=(0, 0)).numpy().tolist()  # σ = e⁻⁴⁰
        [[3.0]]

    Reference:
        Kingma and Welling, ICLR 2014, section 2.4. Chapter 21.
    """
    mean = tf.convert_to_tensor(mean)
    noise = draws.normal(tf.shape(mean), seed, mean.dtype)
    return mean + tf.exp(0.5 * tf.convert_to_tensor(log_variance)) * noise


def divergence(mean, log_variance):
    """KL(N(μ, σ²) ‖ N(0, 1)), summed over the dimensions: ½Σ(μ² + σ² − 1 − log σ²).

    Args:
        mean: float tensor (batch, latent_dim).
        log_variance: float tensor of the same shape, log σ².

    Returns:
        A tensor (batch,), at least 0, in nats.

    Example:
        >>> from ganbook import vae
        >>> vae.divergence([[2.0, 0.0]], [[0.0, 0.0]]).numpy().tolist()
        [2.0]

    Reference:
        Kingma and Welling, ICLR 2014, app. B. Chapter 21.
    """
    mean, log_variance = tf.convert_to_tensor(mean), tf.convert_to_tensor(log_variance)
    terms = tf.square(mean) + tf.exp(log_variance) - 1.0 - log_variance
    return 0.5 * tf.reduce_sum(terms, -1)


def log_likelihood(images, means, stddev):
    """The likelihood log p(x|z): a Gaussian of fixed width around the decoder's image.

    It is a density on the model's range. The probability of an 8-bit image is about its density
    times (2/255) for each value, as long as ``stddev`` is well above 2/255.

    Args:
        images: float tensor (batch, ...), in [-1, 1].
        means: float tensor of the same shape, the decoder's output.
        stddev: σ > 0, in units of that range. It sets how much a difference between two images
            weighs against the divergence: the larger, the smoother the images.

    Returns:
        A tensor (batch,), in nats.

    Example:
        >>> from ganbook import vae
        >>> float(vae.log_likelihood([[0.5]], [[0.5]], stddev=1.0)[0])  # −½log 2π
        -0.91893...

    Reference:
        Kingma and Welling, ICLR 2014, app. C.2. Chapter 21.
    """
    images, means = tf.convert_to_tensor(images), tf.convert_to_tensor(means)
    squares = tf.square((images - means) / stddev)
    terms = -0.5 * squares - math.log(stddev) - 0.5 * math.log(2 * math.pi)
    return tf.reduce_sum(terms, list(range(1, len(images.shape))))


def loss(encoder, decoder, images, seed, stddev=0.1):
    """Minus the evidence lower bound, with one draw of latents for each image.

    Args:
        encoder: callable, images -> dict with "mean" and "log_variance", for instance a
            discriminator with the head ``posterior(latent_dim)``.
        decoder: callable, latents (batch, latent_dim) -> images.
        images: float32 tensor (batch, ...), in [-1, 1].
        seed: two integers that decide the draws.
        stddev: the likelihood's standard deviation; see ``log_likelihood``.

    Returns:
        A ``NegativeElbo``; minimise its ``total``.

    Example:
        >>> import tensorflow as tf
        >>> from ganbook import vae
        >>> from ganlib.models import mlp
        >>> encoder = mlp.discriminator(8, 1, head=vae.posterior(2))
        >>> images = tf.zeros([4, 8, 8, 1])
        >>> parts = vae.loss(encoder, mlp.generator(8, 1, 2), images, seed=(0, 0))
        >>> bool(parts.divergence >= 0)
        True

    Reference:
        Kingma and Welling, ICLR 2014, eq. 10. Chapter 21.
    """
    code = encoder(images, training=True)
    latents = sample(code["mean"], code["log_variance"], seed)
    means = decoder(latents, training=True)
    return NegativeElbo(
        -tf.reduce_mean(log_likelihood(images, means, stddev)),
        tf.reduce_mean(divergence(code["mean"], code["log_variance"])),
    )
