"""The convolutional pair: DCGAN's plan, with kernels that fit their strides.

The paper's guidelines are kept (strided convolutions instead of pooling, batch normalisation in the
generator, ReLU there and LeakyReLU in the discriminator, tanh at the end, weights from N(0, 0.02²))
with three changes, each measured in the chapter: kernels of 4 at stride 2, which overlap evenly and
leave no checkerboard; no batch normalisation in the discriminator, so that gradient penalties are
defined sample by sample; logits instead of a sigmoid.

Reference:
    Radford, Metz and Chintala, *Unsupervised Representation Learning with Deep Convolutional
    Generative Adversarial Networks*, ICLR 2016; Odena, Dumoulin and Olah, *Deconvolution and
    Checkerboard Artifacts*, Distill 2016. Chapter 07 builds the pair line by line.
"""

from collections.abc import Callable

from ganlib import _checks
from ganlib._tensorflow import keras
from ganlib.models import fast, heads, layers

_FIRST_SIDES = {28: 7, 32: 8, 64: 8, 128: 8}  # image side -> side of the generator's first grid


def generator(
    image_size: int,
    channels: int,
    latent_dim: int,
    width: int = 16,
    num_classes: int | None = None,
    *,
    num_residuals: int = 0,
) -> keras.Model:
    """Latents to images: a dense layer, then one doubling after another.

    Args:
        image_size: side of the images, one of 28, 32, 64 and 128.
        channels: 1 (grey) or 3 (colour).
        latent_dim: length of a latent vector.
        width: channels of the last hidden layer; each earlier grid has twice as many.
        num_classes: number of classes for a conditional generator, which puts a learned vector of
            the class beside the latents; or None.
        num_residuals: 3×3 convolutions on the first grid, each with a way past it, which the paper
            has not. There a layer costs little and sees much: an image of 28×28 pixels has 7×7
            places.

    Returns:
        A functional ``keras.Model``: float32 latents (batch, latent_dim) -> float32 images
        (batch, image_size, image_size, channels) in [-1, 1]. With classes its input is a list of
        latents and int32 labels (batch,).

    Raises:
        ValueError: if a size is not supported.

    Example:
        >>> from ganlib.models import dcgan
        >>> dcgan.generator(28, 1, latent_dim=64).output_shape
        (None, 28, 28, 1)

    Reference:
        Radford, Metz and Chintala, ICLR 2016, figure 1. Chapter 07. With classes: Mirza and
        Osindero, *Conditional Generative Adversarial Nets*, 2014. Chapter 09. The
        way past: He et al., *Identity Mappings in Deep Residual Networks*, ECCV 2016, figure 4(e).
    """
    doublings = layers.num_doublings(image_size, _FIRST_SIDES)
    _checks.grey_or_colour(channels)
    _checks.positive_integers(width=width)
    if num_residuals:
        _checks.positive_integers(num_residuals=num_residuals)
    side, filters = _FIRST_SIDES[image_size], width * 2**doublings
    inputs, x = layers.latent_inputs(latent_dim, num_classes)
    # No biases before batch normalisation: it subtracts the mean and adds its own.
    x = keras.layers.Dense(
        side * side * filters, use_bias=False, kernel_initializer=layers.normal()
    )(x)
    x = keras.layers.Reshape((side, side, filters))(x)
    for _ in range(num_residuals):
        y = keras.layers.ReLU()(fast.FusedBatchNormalization()(x))
        y = keras.layers.Conv2D(
            filters, 3, padding="same", use_bias=False, kernel_initializer=layers.normal()
        )(y)
        x = keras.layers.Add()([x, y])
    x = keras.layers.ReLU()(fast.FusedBatchNormalization()(x))
    for _ in range(doublings):
        filters //= 2
        x = keras.layers.Conv2DTranspose(
            filters,
            4,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=layers.normal(),
        )(x)
        x = keras.layers.ReLU()(fast.FusedBatchNormalization()(x))
    images = fast.NarrowConv2D(
        channels,
        3,
        padding="same",
        activation="tanh",
        kernel_initializer=layers.normal(),
        dtype="float32",
        name="images",
    )(x)
    return keras.Model(inputs, images, name="dcgan_generator")


def discriminator(
    image_size: int,
    channels: int,
    width: int = 16,
    num_classes: int | None = None,
    *,
    head: Callable = heads.projection,
    stddev_group: int | None = None,
) -> keras.Model:
    """Images to logits: the generator's grids in reverse, and one dense layer.

    Args:
        image_size: side of the images, one of 28, 32, 64 and 128.
        channels: channels of an image; more than 3 where images are packed.
        width: channels of the first layer; each later grid has twice as many.
        num_classes: number of classes for a conditional discriminator, or None.
        head: what is computed from the last hidden layer: one of ``heads``.
        stddev_group: group size of a ``layers.MinibatchStdDev`` before the head. None: no such
            layer.

    Returns:
        A functional ``keras.Model``: float32 images (batch, image_size, image_size, channels)
        in [-1, 1] -> float32 logits (batch, 1), positive for "real". With classes its input is a
        list of images and int32 labels (batch,). Other heads give a dict of named outputs.

    Raises:
        ValueError: if a size is not supported.

    Example:
        >>> from ganlib.models import dcgan
        >>> dcgan.discriminator(28, 1).output_shape
        (None, 1)

    Reference:
        Radford, Metz and Chintala, ICLR 2016, section 3. Chapter 07. With classes: Miyato and
        Koyama, *cGANs with Projection Discriminator*, ICLR 2018. Chapter 09.
    """
    doublings = layers.num_doublings(image_size, _FIRST_SIDES)
    _checks.positive_integers(channels=channels, width=width)
    images = keras.Input((image_size, image_size, channels), name="images")
    x = images
    # One halving more than the generator has doublings: 28 -> 14 -> 7 -> 4, 64 -> ... -> 4.
    for level in range(doublings + 1):
        x = fast.NarrowConv2D(
            width * 2**level, 4, strides=2, padding="same", kernel_initializer=layers.normal()
        )(x)
        x = keras.layers.LeakyReLU(negative_slope=0.2)(x)
    if stddev_group is not None:
        x = layers.MinibatchStdDev(stddev_group)(x)
    features = keras.layers.Flatten()(x)
    return heads.model(images, features, head, num_classes, layers.normal, "dcgan_discriminator")
