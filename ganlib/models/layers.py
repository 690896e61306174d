"""What several architectures share: sizes, initial weights, labels, and statistics of a batch."""

from collections.abc import Mapping
from typing import Any

from ganlib import _checks
from ganlib._tensorflow import keras, tf
from ganlib.models import fast


def normal(stddev: float = 0.02) -> keras.initializers.Initializer:
    """The DCGAN initialiser: weights drawn from N(0, stddev²).

    Args:
        stddev: standard deviation of the weights.

    Returns:
        A fresh ``keras.initializers.RandomNormal``; Keras gives each one its own seed, so that
        two layers of one shape do not start equal.

    Reference:
        Radford, Metz and Chintala, ICLR 2016, section 4.
    """
    return keras.initializers.RandomNormal(stddev=stddev)


def num_doublings(image_size: int, first_sides: Mapping[int, int]) -> int:
    """How often a generator doubles its first grid, and a discriminator halves the image.

    Args:
        image_size: side of the images.
        first_sides: dict, side of the images -> side of the generator's first grid.

    Returns:
        The number of doublings: 2 for 28 = 7·2².

    Raises:
        ValueError: if the size is not among those of ``first_sides``, or Keras is set to put the
            channels first.
    """
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "received Keras's image_data_format 'channels_first', set by keras.json or in this "
            "program; expected 'channels_last', as images are (n, height, width, channels). Call "
            'keras.config.set_image_data_format("channels_last") before you build networks.'
        )
    _checks.one_of(
        "image_size",
        image_size,
        sorted(first_sides),
        fix="Resize the images, for instance with data.load_folder(path, image_size=64)",
    )
    return (image_size // first_sides[image_size]).bit_length() - 1


def label_input(num_classes: int) -> keras.KerasTensor:
    """The input of a conditional network.

    Args:
        num_classes: number of classes; labels are 0 to ``num_classes - 1``.

    Returns:
        A ``keras.Input`` named "labels": int32, shape (batch,).

    Raises:
        ValueError: if the number is no positive integer.
    """
    _checks.positive_integers(num_classes=num_classes)
    return keras.Input((), dtype="int32", name="labels")


def latent_inputs(
    latent_dim: int, num_classes: int | None = None
) -> tuple[keras.KerasTensor | list[keras.KerasTensor], keras.KerasTensor]:
    """The inputs of a generator, and the vector with which it begins.

    With classes, a learned vector of each class is put beside the latents. It is as long as they
    are and starts from N(0, 1) as they do, so that neither drowns the other.

    Args:
        latent_dim: length of a latent vector.
        num_classes: number of classes, or None.

    Returns:
        ``(inputs, vector)``: the latents, shape (batch, latent_dim), twice; with classes a list of
        latents and labels, and a vector of shape (batch, 2 · latent_dim).

    Raises:
        ValueError: if a size is no positive integer.

    Reference:
        Mirza and Osindero, *Conditional Generative Adversarial Nets*, 2014. Chapter 09.
    """
    _checks.positive_integers(latent_dim=latent_dim)
    latents = keras.Input((latent_dim,), name="latents")
    if num_classes is None:
        return latents, latents
    labels = label_input(num_classes)
    embedded = keras.layers.Embedding(num_classes, latent_dim, normal(1.0))(labels)
    return [latents, labels], keras.layers.Concatenate()([latents, embedded])


def batch_normalization(
    inputs: keras.KerasTensor,
    labels: keras.KerasTensor | None = None,
    num_classes: int | None = None,
) -> keras.KerasTensor:
    """Batch normalisation whose scale and shift belong to the class.

    Each class has its own γ and β for every channel; the batch's statistics are those of all
    classes together. It is put together from Keras's own layers, so that a saved generator needs
    no code of ganlib's. At the start γ = 1 and β = 0 for every class: the labels matter only once
    they have been learned.

    Args:
        inputs: ``KerasTensor`` (batch, height, width, channels).
        labels: ``KerasTensor``, int (batch,). None: one γ and β for all.
        num_classes: number of classes, where there are labels.

    Returns:
        A ``KerasTensor`` of the inputs' shape.

    Example:
        >>> import tensorflow as tf
        >>> from ganlib._tensorflow import keras
        >>> from ganlib.models import layers
        >>> images, labels = keras.Input((2, 2, 3)), layers.label_input(10)
        >>> layers.batch_normalization(images, labels, 10).shape
        (None, 2, 2, 3)

    Reference:
        de Vries et al., *Modulating early visual processing by language*, NIPS 2017; Dumoulin,
        Shlens and Kudlur, *A Learned Representation For Artistic Style*, ICLR 2017. In GANs:
        Miyato and Koyama, ICLR 2018. Chapter 09.
    """
    if labels is None:
        return fast.FusedBatchNormalization()(inputs)
    channels = inputs.shape[-1]

    def per_class(initializer):
        values = keras.layers.Embedding(num_classes, channels, initializer)(labels)
        return keras.layers.Reshape((1, 1, channels))(values)

    outputs = fast.FusedBatchNormalization(center=False, scale=False)(inputs)
    outputs = keras.layers.Multiply()([outputs, per_class("ones")])
    return keras.layers.Add()([outputs, per_class("zeros")])


@keras.saving.register_keras_serializable("ganlib")
class MinibatchStdDev(keras.layers.Layer):
    """Shows a discriminator how much the samples of a batch differ, as one more channel.

    A generator that has collapsed makes samples that are alike, each of which may pass; the batch
    does not. The batch is dealt out into groups. The new channel is constant within a group: the
    standard deviation over the group's samples, averaged over all places and channels.

    Samples of a batch are no longer judged one by one, so real and generated ones must not share a
    batch; ``mixes_samples`` says so to ``training.GAN``. Each device uses its own part of a batch.

    Args:
        group_size: samples of a group; it must divide the batch. A smaller batch is one group.
        **kwargs: ``keras.layers.Layer``'s own arguments.

    Raises:
        ValueError: if the group size is no positive integer, or does not divide the batch.

    Example:
        >>> import tensorflow as tf
        >>> from ganlib.models import layers
        >>> samples = tf.constant([[0.0], [2.0]])  # standard deviation 1
        >>> layers.MinibatchStdDev(group_size=2)(samples).numpy().round(3).tolist()
        [[0.0, 1.0], [2.0, 1.0]]

    Reference:
        Karras et al., *Progressive Growing of GANs*, ICLR 2018, section 3; after Salimans et al.,
        *Improved Techniques for Training GANs*, NIPS 2016, section 3.2. Chapter 15.
    """

    mixes_samples = True

    def __init__(self, group_size: int = 4, **kwargs: Any) -> None:
        _checks.positive_integers(group_size=group_size)
        super().__init__(**kwargs)
        self.group_size = group_size

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Adds the channel.

        Args:
            inputs: float tensor (batch, ..., channels).

        Returns:
            A tensor (batch, ..., channels + 1) of the same dtype.
        """
        batch = inputs.shape[0]
        if batch and batch % min(self.group_size, batch):
            raise ValueError(
                f"received a batch of {batch} samples; expected a multiple of {self.group_size}, "
                "as MinibatchStdDev deals it out into such groups. Choose such a batch size."
            )
        group = tf.minimum(self.group_size, tf.shape(inputs)[0])
        # (samples of a group, groups, ..., channels): sample i is in group i mod groups
        x = tf.reshape(tf.cast(inputs, tf.float32), [group, -1, *inputs.shape[1:]])
        variance = tf.reduce_mean(tf.square(x - tf.reduce_mean(x, 0)), 0)
        deviation = tf.sqrt(variance + 1e-8)  # the root's slope is infinite at 0
        deviation = tf.reduce_mean(deviation, list(range(1, len(inputs.shape))))  # (groups,)
        deviation = tf.tile(deviation, [group])  # (batch,), in the samples' order
        shape = [-1] + [1] * (len(inputs.shape) - 1)
        channel = tf.cast(tf.reshape(deviation, shape), inputs.dtype)
        return tf.concat([inputs, tf.zeros_like(inputs[..., :1]) + channel], -1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The inputs' shape with one more channel.

        Args:
            input_shape: tuple.

        Returns:
            A tuple.
        """
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self) -> dict[str, Any]:
        """What ``from_config`` needs.

        Returns:
            A dict.
        """
        return super().get_config() | {"group_size": self.group_size}
