"""Networks at work outside of training: batch by batch, and what a generator is drawn from."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ganlib import _checks
from ganlib._tensorflow import draws, keras, tf

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
        ValueError: if the number is no positive integer, or the seed no integer.

    Example:
        >>> from ganlib.models import inference, mlp
        >>> inference.latents(mlp.generator(8, 1, latent_dim=4, width=8), 3).shape.as_list()
        [3, 4]
    """
    _checks.positive_integers(num_images=num_images)
    fix = "Pass for instance seed=0"
    _checks.integer("seed", seed, at_least=-(2**63), at_most=2**63 - 1, fix=fix)
    shape = [num_images, generator.inputs[0].shape[-1]]
    return draws.normal(shape, [int(seed), stream])


def num_classes(model: keras.Model) -> int | None:
    """How many classes a conditional network tells apart, by the layer that its labels go into.

    Args:
        model: ``keras.Model``; the layer is an embedding, a ``CategoryEncoding``, or
            ``keras.ops.one_hot``, and may be within a model within it.

    Returns:
        int; None where it takes no labels, or has no such layer.

    Example:
        >>> from ganlib.models import inference, mlp
        >>> inference.num_classes(mlp.generator(8, 1, latent_dim=4, width=8, num_classes=10))
        10
    """
    if len(model.inputs) == 1:
        return None
    return next(filter(None, map(_num_tokens, _operations(model))), None)


def _operations(model):
    """What a model is put together from, that of models and wrappers within it too."""
    for operation in getattr(model, "operations", None) or model.layers:
        yield operation
        if isinstance(operation, keras.Model):
            yield from _operations(operation)
        elif isinstance(operation, keras.layers.Wrapper):
            yield operation.layer


def _num_tokens(operation):
    """How many integers an operation tells apart, if it is of that kind."""
    if isinstance(operation, keras.layers.Embedding):
        return operation.input_dim
    if isinstance(operation, keras.layers.CategoryEncoding):
        return operation.num_tokens
    return operation.num_classes if type(operation).__name__ == "OneHot" else None


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
    given = np.arange(num_images) % count if labels is None else np.asarray(labels)
    if given.size and given.dtype.kind not in "iu":
        raise ValueError(
            f"received labels={labels!r}, which are of dtype {given.dtype}; expected integers. "
            "Pass each class by its number, from 0."
        )
    labels = np.full(num_images, given) if given.ndim == 0 else given
    largest = 2**31 - 1 if count is None else count - 1
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
