"""Networks at work outside of training: batch by batch, and what a generator is drawn from."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ganlib import _checks
from ganlib._tensorflow import keras, tf

BATCH_SIZE = 500
"""How many images go through a network at once, unless somebody says otherwise."""

SAMPLES = -1
"""The stream of draws that belong to no training step; those of step k have k in this place."""


def in_batches(function: Callable, *arrays: Any, batch_size: int = BATCH_SIZE) -> Any:
    """What a function gives for arrays of any length, a part at a time.

    Args:
        function: takes a part of each array; returns a tensor, or a list of tensors, with as many
            rows.
        *arrays: arrays or tensors of one length, at least 1.
        batch_size: rows of a part.

    Returns:
        An array, or a list of arrays, as long as the given ones.

    Example:
        >>> import numpy as np
        >>> from ganlib.models import inference
        >>> inference.in_batches(lambda a, b: a + b, np.arange(5), np.ones(5, int), batch_size=2)
        array([1, 2, 3, 4, 5])
    """
    outputs = [
        function(*(array[start : start + batch_size] for array in arrays))
        for start in range(0, len(arrays[0]), batch_size)
    ]
    return tf.nest.map_structure(
        lambda *parts: np.concatenate([np.asarray(part) for part in parts]), *outputs
    )


def latents(
    generator: keras.Model, num_images: int, seed: int = 0, stream: int = SAMPLES
) -> tf.Tensor:
    """Latents for a generator, the same for the same seed and stream.

    Args:
        generator: ``keras.Model`` whose first input is the latents.
        num_images: how many.
        seed: an integer.
        stream: a second one, for draws that are to be independent of others with this seed.

    Returns:
        float32 tensor (num_images, latent_dim) from N(0, I).

    Raises:
        ValueError: if the number is no positive integer.

    Example:
        >>> from ganlib.models import inference, mlp
        >>> inference.latents(mlp.generator(8, 1, latent_dim=4, width=8), 3).shape.as_list()
        [3, 4]
    """
    _checks.positive_integers(num_images=num_images)
    shape = [num_images, generator.inputs[0].shape[-1]]
    return tf.random.stateless_normal(shape, [seed, stream], alg="philox")


def num_classes(generator: keras.Model) -> int:
    """How many classes a conditional generator tells apart: the length of its first embedding.

    Args:
        generator: ``keras.Model``.

    Returns:
        int; None where it takes no labels, or has no embedding of them.

    Example:
        >>> from ganlib.models import inference, mlp
        >>> inference.num_classes(mlp.generator(8, 1, latent_dim=4, width=8, num_classes=10))
        10
    """
    if len(generator.inputs) == 1:
        return None
    sizes = (one.input_dim for one in generator.layers if isinstance(one, keras.layers.Embedding))
    return next(sizes, None)


def labels_for(
    generator: keras.Model, num_images: int, labels: ArrayLike | None = None
) -> tf.Tensor | None:
    """The labels that a generator takes beside so many latents.

    Args:
        generator: ``keras.Model``.
        num_images: how many images are wanted.
        labels: int array (num_images,), or one int for all. None: each class in turn.

    Returns:
        int32 tensor (num_images,), or None where the generator takes none.

    Raises:
        ValueError: if labels are given to a generator that takes none, or do not fit.

    Example:
        >>> from ganlib.models import inference, mlp
        >>> generator = mlp.generator(8, 1, latent_dim=4, width=8, num_classes=2)
        >>> inference.labels_for(generator, 3).numpy().tolist()
        [0, 1, 0]
    """
    if len(generator.inputs) == 1:
        if labels is not None:
            raise ValueError(
                f"received labels={labels!r} for a generator that takes none; expected None. Leave "
                "them out, or build it with num_classes."
            )
        return None
    count = num_classes(generator)
    if labels is None and count is None:
        raise ValueError(
            "received labels=None for a generator whose number of classes is not known, as it has "
            "no embedding; expected integers. Pass a label for each image."
        )
    labels = np.arange(num_images) % count if labels is None else np.asarray(labels)
    if labels.ndim == 0:
        labels = np.full(num_images, labels)
    largest = np.inf if count is None else count - 1
    if labels.shape != (num_images,) or labels.min() < 0 or labels.max() > largest:
        values = f"{labels.min()} to {labels.max()}" if labels.size else "none"
        raise ValueError(
            f"received labels of shape {labels.shape}, values {values}; expected one integer "
            f"from 0 to {largest} for each of {num_images} images. Pass one integer for all, or "
            "None for each class in turn."
        )
    return tf.constant(labels, tf.int32)


def generate(function: Callable, latents: tf.Tensor, labels: tf.Tensor | None = None) -> np.ndarray:
    """What a generator makes of any number of latents.

    Args:
        function: callable, latents or ``[latents, labels]`` -> images, a tensor.
        latents: float32 tensor (n, latent_dim), n at least 1.
        labels: int tensor (n, ...); None: the function takes latents alone.

    Returns:
        Array (n, ...) of the function's dtype.

    Example:
        >>> from ganlib.models import inference, mlp
        >>> generator = mlp.generator(8, 1, latent_dim=4, width=8)
        >>> inference.generate(generator, inference.latents(generator, 3)).shape
        (3, 8, 8, 1)
    """
    if labels is None:
        return in_batches(function, latents)
    return in_batches(lambda *inputs: function(list(inputs)), latents, labels)
