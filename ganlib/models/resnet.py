"""The residual pair: blocks that add to what they are given, with pooling instead of strides.

A block's normalisation and ReLU stand before its convolutions, so the sums run from one end of the
network to the other without a nonlinearity on them. The generator doubles its grid by repeating
each pixel, the discriminator halves by averaging.

Reference:
    Miyato et al., *Spectral Normalization for Generative Adversarial Networks*, ICLR 2018, app. B;
    Miyato and Koyama, *cGANs with Projection Discriminator*, ICLR 2018; after He et al., *Identity
    Mappings in Deep Residual Networks*, ECCV 2016.
"""

from collections.abc import Callable

from ganlib import _checks
from ganlib._tensorflow import keras
from ganlib.models import heads, layers, spectral

_FIRST_SIDES = {28: 7, 32: 4, 64: 4, 128: 4}  # image side -> side of the generator's first grid
_MOST_WIDTHS = 16  # no grid has more channels than this times the width


def _convolution(filters, kernel_size, scale=1.0, **kwargs):
    """Glorot's uniform weights, with their variance times ``scale``."""
    initializer = keras.initializers.VarianceScaling(scale, "fan_avg", "uniform")
    return keras.layers.Conv2D(
        filters, kernel_size, padding="same", kernel_initializer=initializer, **kwargs
    )


def _up_block(x, filters, normalize):
    """(batch, s, s, c) -> (batch, 2s, 2s, filters)."""
    # A 1×1 convolution commutes with repeating pixels; before it, it costs a quarter.
    shortcut = keras.layers.UpSampling2D(2)(_convolution(filters, 1, use_bias=False)(x))
    x = keras.layers.UpSampling2D(2)(keras.layers.ReLU()(normalize(x)))
    x = _convolution(filters, 3, scale=2.0, use_bias=False)(x)
    x = keras.layers.ReLU()(normalize(x))
    x = _convolution(filters, 3, scale=2.0, use_bias=False)(x)
    return keras.layers.Add()([x, shortcut])


def _down_block(x, filters, first=False):
    """(batch, s, s, c) -> (batch, s/2, s/2, filters); the first one is given the images."""
    shortcut = _convolution(filters, 1)(keras.layers.AveragePooling2D(2)(x))
    hidden = filters if first else x.shape[-1]
    if not first:
        x = keras.layers.ReLU()(x)
    x = keras.layers.ReLU()(_convolution(hidden, 3, scale=2.0)(x))
    x = keras.layers.AveragePooling2D(2)(_convolution(filters, 3, scale=2.0)(x))
    return keras.layers.Add()([x, shortcut])


def _same_block(x):
    """(batch, s, s, c) -> (batch, s, s, c)."""
    shortcut, filters = x, x.shape[-1]
    for _ in range(2):
        x = _convolution(filters, 3, scale=2.0)(keras.layers.ReLU()(x))
    return keras.layers.Add()([x, shortcut])


def generator(
    image_size: int, channels: int, latent_dim: int, width: int = 16, num_classes: int | None = None
) -> keras.Model:
    """Latents to images: a dense layer, then one doubling block after another.

    Args:
        image_size: side of the images, one of 28, 32, 64 and 128.
        channels: 1 (grey) or 3 (colour).
        latent_dim: length of a latent vector.
        width: channels of the last block; each earlier grid has twice as many, up to 16 times the
            width. 64 gives the paper's network for 128 pixels.
        num_classes: number of classes for a conditional generator, whose blocks have a batch
            normalisation for each class; or None.

    Returns:
        A functional ``keras.Model``: float32 latents (batch, latent_dim) -> float32 images
        (batch, image_size, image_size, channels) in [-1, 1]. With classes its input is a list of
        latents and int32 labels (batch,).

    Raises:
        ValueError: if a size is not supported.

    Example:
        >>> from ganlib.models import resnet
        >>> resnet.generator(32, 3, latent_dim=64).output_shape
        (None, 32, 32, 3)

    Reference:
        Miyato and Koyama, *cGANs with Projection Discriminator*, ICLR 2018. Chapters 09 and 10.
    """
    doublings = layers.num_doublings(image_size, _FIRST_SIDES)
    _checks.grey_or_colour(channels)
    _checks.positive_integers(latent_dim=latent_dim, width=width)
    side = _FIRST_SIDES[image_size]
    widths = [width * min(2**level, _MOST_WIDTHS) for level in reversed(range(doublings + 1))]
    latents = keras.Input((latent_dim,), name="latents")
    labels = None if num_classes is None else layers.label_input(num_classes)
    # No biases: the batch normalisation behind each sum subtracts the mean and adds its own.
    x = keras.layers.Dense(side * side * widths[0], use_bias=False)(latents)
    x = keras.layers.Reshape((side, side, widths[0]))(x)
    for filters in widths[1:]:
        x = _up_block(x, filters, lambda x: layers.batch_normalization(x, labels, num_classes))
    x = keras.layers.ReLU()(layers.batch_normalization(x))
    images = _convolution(channels, 3, activation="tanh", dtype="float32", name="images")(x)
    inputs = latents if labels is None else [latents, labels]
    return keras.Model(inputs, images, name="resnet_generator")


def discriminator(
    image_size: int,
    channels: int,
    width: int = 16,
    num_classes: int | None = None,
    *,
    head: Callable = heads.projection,
    spectral_norm: bool = False,
) -> keras.Model:
    """Images to logits: halving blocks, one block more, and a sum over what is left of the grid.

    Args:
        image_size: side of the images, one of 28, 32, 64 and 128.
        channels: channels of an image; more than 3 where images are packed.
        width: channels of the first block; each later one has twice as many, up to 16 times the
            width.
        num_classes: number of classes for a conditional discriminator, or None.
        head: what is computed from the last hidden layer: one of ``heads``.
        spectral_norm: whether every kernel is divided by its largest singular value, as in the
            paper; see ``spectral``. Without it, add a gradient penalty.

    Returns:
        A functional ``keras.Model``: float32 images (batch, image_size, image_size, channels)
        in [-1, 1] -> float32 logits (batch, 1), positive for "real". With classes its input is a
        list of images and int32 labels (batch,). Other heads give a dict of named outputs.

    Raises:
        ValueError: if a size is not supported.

    Example:
        >>> from ganlib.models import resnet
        >>> resnet.discriminator(32, 3, spectral_norm=True).output_shape
        (None, 1)

    Reference:
        Miyato et al., *Spectral Normalization for Generative Adversarial Networks*, ICLR 2018,
        app. B; with classes Miyato and Koyama, ICLR 2018. Chapters 05 and 09.
    """
    halvings = layers.num_doublings(image_size, _FIRST_SIDES)
    _checks.positive_integers(channels=channels, width=width)
    images = keras.Input((image_size, image_size, channels), name="images")
    x = images
    for level in range(halvings):
        x = _down_block(x, width * min(2**level, _MOST_WIDTHS), first=level == 0)
    x = keras.layers.ReLU()(_same_block(x))
    features = keras.ops.sum(x, axis=(1, 2))
    initializer = keras.initializers.GlorotUniform
    name = "resnet_discriminator"
    model = heads.model(images, features, head, num_classes, initializer, name)
    return spectral.with_spectral_normalization(model) if spectral_norm else model
