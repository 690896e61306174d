"""Packing: a discriminator that judges several images at once.

Shown m images of one kind together, a discriminator sees that a collapsed generator repeats itself.
The images of a pack lie on top of each other as channels, so any discriminator will do.

Reference:
    Lin et al., *PacGAN: The power of two samples in generative adversarial networks*, NeurIPS 2018.
    Chapter 15.
"""

from typing import Any

from ganlib import _checks
from ganlib._tensorflow import keras, tf


@keras.saving.register_keras_serializable("ganlib")
class Pack(keras.layers.Layer):
    """Lays each ``num_packed`` samples that follow each other on top of each other, as channels.

    Args:
        num_packed: samples of a pack; it must divide the batch.
        **kwargs: ``keras.layers.Layer``'s own arguments.

    Raises:
        ValueError: if the number is no positive integer, or does not divide the batch.
    """

    mixes_samples = True

    def __init__(self, num_packed: int, **kwargs: Any) -> None:
        _checks.positive_integers(num_packed=num_packed)
        super().__init__(**kwargs)
        self.num_packed = num_packed

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Packs a batch.

        Args:
            inputs: tensor (batch, ..., channels).

        Returns:
            A tensor (batch / num_packed, ..., num_packed · channels).
        """
        batch, *places, channels = inputs.shape
        if batch is not None and batch % self.num_packed:
            raise ValueError(
                f"received a batch of {batch} samples; expected a multiple of {self.num_packed}, "
                "the images of a pack. Choose another batch size."
            )
        x = tf.reshape(inputs, [-1, self.num_packed, *places, channels])
        last = len(places) + 1
        x = tf.transpose(x, [0, *range(2, last + 1), 1, last + 1])  # (packs, ..., packed, channels)
        return tf.reshape(x, [-1, *places, self.num_packed * channels])

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape of the packs.

        Args:
            input_shape: tuple.

        Returns:
            A tuple.
        """
        batch, *places, channels = input_shape
        batch = None if batch is None else batch // self.num_packed
        return (batch, *places, channels * self.num_packed)

    def get_config(self) -> dict[str, Any]:
        """What ``from_config`` needs.

        Returns:
            A dict.
        """
        return super().get_config() | {"num_packed": self.num_packed}


def packed(discriminator: keras.Model, num_packed: int) -> keras.Model:
    """A discriminator of single images, as the training step wants it, that judges them in packs.

    Losses and penalties work on it as they are. A penalty still takes one gradient for each image,
    so R1's weight counts as much as ``weight / num_packed`` for the packs.

    Args:
        discriminator: functional ``keras.Model`` for images with ``num_packed`` times as many
            channels, without labels.
        num_packed: images of a pack, m; the batch must be a multiple of it.

    Returns:
        A functional ``keras.Model``: images (batch, ..., channels) -> what the discriminator makes
        of the batch / m packs, for instance logits (batch / m, 1).

    Raises:
        ValueError: if the discriminator's channels are no multiple of m, or it takes labels.

    Example:
        >>> from ganlib.models import dcgan, packing
        >>> discriminator = packing.packed(dcgan.discriminator(28, channels=2 * 1), num_packed=2)
        >>> discriminator.input_shape
        (None, 28, 28, 1)

    Reference:
        Lin et al., NeurIPS 2018, section 2. Chapter 15.
    """
    _checks.positive_integers(num_packed=num_packed)
    if len(discriminator.inputs) > 1:
        raise ValueError(
            f"received a discriminator with the inputs {[x.name for x in discriminator.inputs]}; "
            "expected one without labels. Build it with num_classes=None."
        )
    *shape, channels = discriminator.inputs[0].shape[1:]
    if channels % num_packed:
        raise ValueError(
            f"received a discriminator for {channels} channels; expected a multiple of "
            f"num_packed={num_packed}. Build it with channels={num_packed} times those of an image."
        )
    images = keras.Input((*shape, channels // num_packed), name="images")
    outputs = discriminator(Pack(num_packed)(images))
    return keras.Model(images, outputs, name=f"packed_{discriminator.name}")
