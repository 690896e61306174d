"""What must fit together before a run begins: networks, terms, optimizers, images, labels."""

import numpy as np

from ganlib import data
from ganlib._tensorflow import keras, tf


def require_networks(generator, discriminator, terms):
    """Refuses networks and terms that do not fit together."""
    if generator.output_shape[1:] != discriminator.inputs[0].shape[1:]:
        raise ValueError(
            f"the generator makes samples of shape {generator.output_shape[1:]}, but the "
            f"discriminator takes {tuple(discriminator.inputs[0].shape[1:])}. Build both with the "
            f"same image_size and channels."
        )
    outputs = discriminator.output if isinstance(discriminator.output, dict) else {"logits": None}
    missing = sorted({name for term in terms for name in term.outputs} - set(outputs))
    if missing:
        raise ValueError(
            f"the terms need the discriminator's outputs {missing}, but it has {sorted(outputs)}. "
            f"Build it with the head of that term, for instance head=heads.auxiliary_classifier."
        )


def require_scope(strategy, **made):
    """Refuses networks and optimizers that were made outside of the strategy's scope."""
    for name, thing in made.items():
        if strategy is None or thing is None:
            continue
        if not all(strategy.extended.variable_created_in_scope(v.value) for v in thing.variables):
            raise ValueError(
                f"the {name} was made outside of the strategy's scope, so its variables lie on one "
                f"device only. Make it under `with strategy.scope():`."
            )


def built(optimizer, model):
    """The optimizer (or the default one) with its variables made, and its own loss scale."""
    if optimizer is None:
        optimizer = keras.optimizers.Adam(8e-4, beta_1=0.0, beta_2=0.99)
    half = any(layer.compute_dtype == "float16" for layer in model._flatten_layers())
    if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # Half precision has no number between 0 and 6e-8: gradients are scaled up before.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(model.trainable_variables)
    return optimizer


def as_arrays(images, gan):
    """The images as an array that fits the discriminator, and their labels, −1 where unknown."""
    labels = images.labels if isinstance(images, data.Images) else None
    array = images.images if isinstance(images, data.Images) else np.asanyarray(images)
    expected = tuple(gan.discriminator.inputs[0].shape[1:])
    if array.shape[1:] != expected or len(array) == 0:
        raise ValueError(
            f"the discriminator takes samples of shape {expected}, but the images have shape "
            f"{array.shape}. Load them at that size, or build the networks for theirs."
        )
    if labels is None:
        labels = np.full(len(array), -1)
    if gan.takes_labels and labels.min() < 0:
        raise ValueError(
            "the networks take labels, but the images have none, or not all of them. Pass labelled "
            "data.Images, or build the networks without num_classes."
        )
    if labels.max() < 0 and any(term.labelled for term in gan.terms):
        raise ValueError(
            "a term needs labels, but no image has one. Pass labelled data.Images, or leave the "
            "term out."
        )
    if array.dtype == np.uint8:
        return array, labels.astype(np.int32)
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"images must be uint8 (0 to 255) or float in the model's range, but have dtype "
            f"{array.dtype}. Convert them with astype(np.uint8)."
        )
    if not np.isfinite(array).all():
        raise ValueError("the samples hold values that are not finite. Remove them first.")
    return array.astype(np.float32), labels.astype(np.int32)


def sample_labels(generator, labels, num_images):
    """The labels to generate for, int32 (num_images,), or None where there are no classes."""
    if len(generator.inputs) == 1:
        if labels is not None:
            raise ValueError(
                "labels were given, but the generator takes none. Leave them out, or build it with "
                "num_classes."
            )
        return None
    num_classes = next(
        layer.input_dim for layer in generator.layers if isinstance(layer, keras.layers.Embedding)
    )
    labels = np.arange(num_images) % num_classes if labels is None else np.asarray(labels)
    if labels.ndim == 0:
        labels = np.full(num_images, labels)
    if labels.shape != (num_images,) or labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"labels must be one integer from 0 to {num_classes - 1} for each of {num_images} "
            f"images, but have shape {labels.shape} and values {labels.min()} to {labels.max()}."
        )
    return tf.constant(labels, tf.int32)
