"""What must fit together before a run begins: networks, terms, optimizers, images, labels."""

import numpy as np

from ganlib import data
from ganlib._tensorflow import keras


def require_networks(generator, discriminator, terms):
    """Refuses networks and terms that do not fit together."""
    if generator.output_shape[1:] != discriminator.inputs[0].shape[1:]:
        raise ValueError(
            f"received a generator of samples of shape {generator.output_shape[1:]}; expected "
            f"{tuple(discriminator.inputs[0].shape[1:])}, which the discriminator takes. Build "
            "both with the same image_size and channels."
        )
    outputs = discriminator.output if isinstance(discriminator.output, dict) else {"logits": None}
    missing = sorted({name for term in terms for name in term.outputs} - set(outputs))
    if missing:
        raise ValueError(
            f"received a discriminator with the outputs {sorted(outputs)}; expected {missing} too, "
            "which the terms need. Build it with the head of that term, for instance "
            "head=heads.auxiliary_classifier."
        )


def require_scope(strategy, **made):
    """Refuses networks and optimizers that were made outside of the strategy's scope."""
    for name, thing in made.items():
        if strategy is None or thing is None:
            continue
        if not all(strategy.extended.variable_created_in_scope(v.value) for v in thing.variables):
            raise ValueError(
                f"received a {name} made outside of the strategy's scope, with variables on one "
                "device only; expected one with variables on each. Make it under "
                "`with strategy.scope():`."
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
            f"received images of shape {array.shape}; expected (n, {', '.join(map(str, expected))})"
            ", n at least 1, as the discriminator takes them. Load them at that size, or build the "
            "networks for theirs."
        )
    if labels is None:
        labels = np.full(len(array), -1)
    if gan.takes_labels and labels.min() < 0:
        raise ValueError(
            "received images of which some have no label; expected a label for each, as the "
            "networks take labels. Pass labelled data.Images, or build the networks without "
            "num_classes."
        )
    if labels.max() < 0 and any(term.labelled for term in gan.terms):
        raise ValueError(
            "received images without labels; expected some with, as a term needs them. Pass "
            "labelled data.Images, or leave the term out."
        )
    if array.dtype == np.uint8:
        return array, labels.astype(np.int32)
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"received images of dtype {array.dtype}; expected uint8 (0 to 255), or floats in the "
            "model's range. Convert them with astype(np.uint8)."
        )
    if not np.isfinite(array).all():
        raise ValueError(
            "received samples that hold NaN or infinity; expected finite values. Remove those "
            "samples first."
        )
    return array.astype(np.float32), labels.astype(np.int32)
