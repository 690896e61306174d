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

from ganlib._tensorflow import keras
from ganlib.models import layers

_BASE_SIZES = {28: 7, 32: 8, 64: 8, 128: 8}  # image side -> side of the generator's first grid


def _num_doublings(image_size, channels):
    """How often the first grid is doubled: 28 = 7·2², 128 = 8·2⁴."""
    if image_size not in _BASE_SIZES:
        raise ValueError(
            f"image_size must be one of {sorted(_BASE_SIZES)}, but is {image_size!r}. "
            f"Resize the images, for instance with data.load_folder(path, image_size=64)."
        )
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 (grey) or 3 (colour), but is {channels!r}.")
    return (image_size // _BASE_SIZES[image_size]).bit_length() - 1


def generator(image_size, channels, latent_dim, width=16):
    """Latents to images: a dense layer, then one doubling after another.

    Args:
        image_size: side of the images, one of 28, 32, 64 and 128.
        channels: 1 (grey) or 3 (colour).
        latent_dim: length of a latent vector.
        width: channels of the last hidden layer; each earlier grid has twice as many.

    Returns:
        A functional ``keras.Model``: float32 latents (batch, latent_dim) -> float32 images
        (batch, image_size, image_size, channels) in [-1, 1].

    Raises:
        ValueError: if a size is not supported.

    Example:
        >>> from ganlib.models import dcgan
        >>> dcgan.generator(28, 1, latent_dim=64).output_shape
        (None, 28, 28, 1)

    Reference:
        Radford, Metz and Chintala, ICLR 2016, figure 1. Chapter 07.
    """
    doublings = _num_doublings(image_size, channels)
    layers.require_positive(latent_dim=latent_dim, width=width)
    side, filters = _BASE_SIZES[image_size], width * 2**doublings
    latents = keras.Input((latent_dim,), name="latents")
    # No biases before batch normalisation: it subtracts the mean and adds its own.
    x = keras.layers.Dense(
        side * side * filters, use_bias=False, kernel_initializer=layers.normal()
    )(latents)
    x = keras.layers.Reshape((side, side, filters))(x)
    x = keras.layers.ReLU()(layers.FusedBatchNormalization()(x))
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
        x = keras.layers.ReLU()(layers.FusedBatchNormalization()(x))
    images = keras.layers.Conv2D(
        channels,
        3,
        padding="same",
        activation="tanh",
        kernel_initializer=layers.normal(),
        dtype="float32",
        name="images",
    )(x)
    return keras.Model(latents, images, name="dcgan_generator")


def discriminator(image_size, channels, width=16):
    """Images to logits: the generator's grids in reverse, and one dense layer.

    Args:
        image_size: side of the images, one of 28, 32, 64 and 128.
        channels: 1 (grey) or 3 (colour).
        width: channels of the first layer; each later grid has twice as many.

    Returns:
        A functional ``keras.Model``: float32 images (batch, image_size, image_size, channels)
        in [-1, 1] -> float32 logits (batch, 1), positive for "real".

    Raises:
        ValueError: if a size is not supported.

    Example:
        >>> from ganlib.models import dcgan
        >>> dcgan.discriminator(28, 1).output_shape
        (None, 1)

    Reference:
        Radford, Metz and Chintala, ICLR 2016, section 3. Chapter 07.
    """
    doublings = _num_doublings(image_size, channels)
    layers.require_positive(width=width)
    images = keras.Input((image_size, image_size, channels), name="images")
    x = images
    # One halving more than the generator has doublings: 28 -> 14 -> 7 -> 4, 64 -> ... -> 4.
    for level in range(doublings + 1):
        x = keras.layers.Conv2D(
            width * 2**level, 4, strides=2, padding="same", kernel_initializer=layers.normal()
        )(x)
        x = keras.layers.LeakyReLU(negative_slope=0.2)(x)
    x = keras.layers.Flatten()(x)
    logits = keras.layers.Dense(
        1, kernel_initializer=layers.normal(), dtype="float32", name="logits"
    )(x)
    return keras.Model(images, logits, name="dcgan_discriminator")
