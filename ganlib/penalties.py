"""Gradient penalties: functions of a discriminator, seen as a callable from images to logits.

All have one signature, ``(discriminator, real_images, fake_images, seed) -> float32 scalar``, and
carry no weight: the training step multiplies (see ``training.Penalty``). The images may have any
shape (n, ...). ``seed`` is a pair of integers for the stateless random ops; a penalty without
randomness ignores it. The discriminator must treat the samples of a batch independently, as the
gradient of one sample's logit is taken from the gradient of the sum of all.
"""

from collections.abc import Callable, Sequence

from ganlib._tensorflow import draws, tf

_EPSILON = 1e-12  # under the root: its derivative is infinite at a zero gradient


def _squared_gradient_norms(discriminator, images):
    """‖∇ₓ D(x)‖² of each sample, shape (n,)."""
    images = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        # Samples do not interact, so the gradient of the sum holds each sample's own gradient.
        total = tf.reduce_sum(tf.cast(discriminator(images), tf.float32))
    gradients = tape.gradient(total, images)
    if gradients is None:
        raise ValueError(
            "received a discriminator whose logits do not depend on its images; expected logits "
            "with a gradient. Pass a callable that makes them by TensorFlow operations "
            "(`predict()` returns NumPy arrays, which cut the gradient)."
        )
    axes = list(range(1, len(images.shape)))
    return tf.reduce_sum(tf.square(tf.cast(gradients, tf.float32)), axis=axes)


def r1(
    discriminator: Callable[[tf.Tensor], tf.Tensor],
    real_images: tf.Tensor,
    fake_images: tf.Tensor | None = None,
    seed: Sequence[int] | tf.Tensor | None = None,
) -> tf.Tensor:
    """Half the mean squared gradient norm at real images: ½ E‖∇D(x)‖².

    Args:
        discriminator: callable, float images (n, ...) -> logits (n, 1) or (n,).
        real_images: float tensor (n, ...), in model range.
        fake_images: ignored.
        seed: ignored.

    Returns:
        float32 scalar, at least 0. Multiplied by a weight γ it is R1.

    Raises:
        ValueError: if the logits do not depend on the images.

    Example:
        >>> import tensorflow as tf
        >>> from ganlib import penalties
        >>> float(penalties.r1(lambda x: 3.0 * x, tf.ones([4, 1])))  # ½·3²
        4.5

    Reference:
        Mescheder, Geiger and Nowozin, *Which Training Methods for GANs do actually Converge?*,
        ICML 2018, eq. 9.
    """
    del fake_images, seed
    return 0.5 * tf.reduce_mean(_squared_gradient_norms(discriminator, real_images))


def r2(
    discriminator: Callable[[tf.Tensor], tf.Tensor],
    real_images: tf.Tensor | None,
    fake_images: tf.Tensor,
    seed: Sequence[int] | tf.Tensor | None = None,
) -> tf.Tensor:
    """Half the mean squared gradient norm at generated images: ½ E‖∇D(G(z))‖².

    Args:
        discriminator: callable, float images (n, ...) -> logits (n, 1) or (n,).
        real_images: ignored.
        fake_images: float tensor (n, ...), in model range.
        seed: ignored.

    Returns:
        float32 scalar, at least 0.

    Raises:
        ValueError: if the logits do not depend on the images.

    Example:
        >>> import tensorflow as tf
        >>> from ganlib import penalties
        >>> float(penalties.r2(lambda x: x**2, None, tf.fill([4, 1], 3.0)))  # ½·(2·3)²
        18.0

    Reference:
        Mescheder, Geiger and Nowozin, ICML 2018, eq. 10.
    """
    del real_images, seed
    return 0.5 * tf.reduce_mean(_squared_gradient_norms(discriminator, fake_images))


def wasserstein_gp(
    discriminator: Callable[[tf.Tensor], tf.Tensor],
    real_images: tf.Tensor,
    fake_images: tf.Tensor,
    seed: Sequence[int] | tf.Tensor,
) -> tf.Tensor:
    """The mean of (‖∇D(x̂)‖ − 1)² at points x̂ = α·real + (1 − α)·fake between the two batches.

    α is uniform on [0, 1] and drawn once for each sample.

    Args:
        discriminator: callable, float images (n, ...) -> logits (n, 1) or (n,).
        real_images: float tensor (n, ...), in model range.
        fake_images: float tensor of the same shape.
        seed: two integers (list, tuple or int tensor of shape (2,)) that decide α.

    Returns:
        float32 scalar, at least 0.

    Raises:
        ValueError: if the batches differ in shape, or the logits do not depend on the images.

    Example:
        >>> import tensorflow as tf
        >>> from ganlib import penalties
        >>> x = tf.ones([4, 1])
        >>> float(penalties.wasserstein_gp(lambda x: 3.0 * x, x, -x, seed=(0, 0)))  # (3 − 1)²
        4.0

    Reference:
        Gulrajani et al., *Improved Training of Wasserstein GANs*, NIPS 2017, algorithm 1.
    """
    real_images, fake_images = tf.convert_to_tensor(real_images), tf.convert_to_tensor(fake_images)
    if not real_images.shape.is_compatible_with(fake_images.shape):
        raise ValueError(
            f"received real images of shape {tuple(real_images.shape)} and fake ones of "
            f"{tuple(fake_images.shape)}; expected one shape, as wasserstein_gp joins each real "
            "image to a fake one. Give both batches the same shape."
        )
    shape = [tf.shape(real_images)[0]] + [1] * (len(real_images.shape) - 1)
    alpha = draws.uniform(shape, seed, real_images.dtype)
    between = alpha * real_images + (1.0 - alpha) * fake_images
    norms = tf.sqrt(_squared_gradient_norms(discriminator, between) + _EPSILON)
    return tf.reduce_mean(tf.square(norms - 1.0))
