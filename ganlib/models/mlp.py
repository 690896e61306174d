"""The smallest pair: fully connected networks, for points of the plane and for small images.

Reference:
    Goodfellow et al., *Generative Adversarial Nets*, NIPS 2014, section 5. Chapter 02 trains the
    pair on a line.
"""

import math
from collections.abc import Callable

from ganlib import _checks
from ganlib._tensorflow import keras
from ganlib.models import heads, layers

_NUM_HIDDEN_LAYERS = 3


def _sample_shape(image_size, channels):
    """(channels,) for points, (image_size, image_size, channels) for images."""
    _checks.positive_integers(channels=channels)
    if image_size is None:
        return (channels,)
    _checks.positive_integers(image_size=image_size)
    return (image_size, image_size, channels)


def generator(
    image_size: int | None,
    channels: int,
    latent_dim: int,
    width: int = 64,
    num_classes: int | None = None,
) -> keras.Model:
    """Latents to points or images, through three hidden layers.

    Args:
        image_size: side of the images, or None for points with ``channels`` coordinates.
        channels: channels of an image, or the dimension of a point.
        latent_dim: length of a latent vector.
        width: units of a hidden layer.
        num_classes: number of classes for a conditional generator, which puts a learned vector of
            the class beside the latents; or None.

    Returns:
        A functional ``keras.Model``: float32 latents (batch, latent_dim) -> float32 points
        (batch, channels) of any size, or float32 images (batch, image_size, image_size, channels)
        in [-1, 1]. With classes its input is a list of latents and int32 labels (batch,).

    Raises:
        ValueError: if a size is no positive integer.

    Example:
        >>> from ganlib.models import mlp
        >>> mlp.generator(None, channels=2, latent_dim=8).output_shape
        (None, 2)
        >>> mlp.generator(8, channels=1, latent_dim=8).output_shape
        (None, 8, 8, 1)

    Reference:
        Goodfellow et al., NIPS 2014, section 5. Chapter 02. With classes: Mirza and Osindero,
        *Conditional Generative Adversarial Nets*, 2014. Chapter 09.
    """
    shape = _sample_shape(image_size, channels)
    _checks.positive_integers(width=width)
    inputs, x = layers.latent_inputs(latent_dim, num_classes)
    for _ in range(_NUM_HIDDEN_LAYERS):
        x = keras.layers.Dense(width, activation="relu", kernel_initializer="he_normal")(x)
    activation = "linear" if image_size is None else "tanh"
    x = keras.layers.Dense(math.prod(shape), activation=activation, dtype="float32")(x)
    samples = keras.layers.Reshape(shape, dtype="float32")(x)
    return keras.Model(inputs, samples, name="mlp_generator")


def discriminator(
    image_size: int | None,
    channels: int,
    width: int = 64,
    num_classes: int | None = None,
    *,
    head: Callable = heads.projection,
) -> keras.Model:
    """Points or images to logits, through three hidden layers.

    Args:
        image_size: side of the images, or None for points with ``channels`` coordinates.
        channels: channels of an image, or the dimension of a point.
        width: units of a hidden layer.
        num_classes: number of classes for a conditional discriminator, or None.
        head: what is computed from the last hidden layer: one of ``heads``.

    Returns:
        A functional ``keras.Model``: float32 points (batch, channels) or images (batch,
        image_size, image_size, channels) -> float32 logits (batch, 1), positive for "real". With
        classes its input is a list of images and int32 labels (batch,). Other heads give a dict of
        named outputs.

    Raises:
        ValueError: if a size is no positive integer.

    Example:
        >>> from ganlib.models import mlp
        >>> mlp.discriminator(None, channels=2).output_shape
        (None, 1)

    Reference:
        Goodfellow et al., NIPS 2014, section 5. Chapter 02. With classes: Miyato and Koyama,
        *cGANs with Projection Discriminator*, ICLR 2018. Chapter 09.
    """
    shape = _sample_shape(image_size, channels)
    _checks.positive_integers(width=width)
    samples = keras.Input(shape, name="images")
    x = keras.layers.Flatten()(samples)
    for _ in range(_NUM_HIDDEN_LAYERS):
        x = keras.layers.Dense(width, kernel_initializer="he_normal")(x)
        x = keras.layers.LeakyReLU(negative_slope=0.2)(x)
    initializer = keras.initializers.GlorotUniform
    return heads.model(samples, x, head, num_classes, initializer, "mlp_discriminator")
