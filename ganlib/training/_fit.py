"""What must fit together before a run begins: objective, options, optimizers, images, labels."""

import contextlib
import inspect
import pathlib
import warnings

import numpy as np

from ganlib import _checks, data, losses, penalties
from ganlib._tensorflow import keras
from ganlib.training import _networks
from ganlib.training._options import Options, Penalty

_SLACK = 0.1  # by so much resized images may leave the range
_OF_GRADIENTS = (penalties.r1, penalties.r2, penalties.wasserstein_gp)


def require_objective(loss, given_penalties, terms):
    """Refuses what is no loss, penalty or term."""
    if not isinstance(loss, losses.Loss) or not all(map(callable, loss[:2])):
        raise ValueError(
            f"received loss={loss!r}; expected one of losses, such as losses.hinge. Of functions "
            "of your own, make losses.Loss(discriminator, generator), each a function "
            "(real_logits, fake_logits) -> scalar."
        )
    _require_list("penalties", given_penalties, Penalty, "training.Penalty(penalties.r1, weight=1)")
    _require_list("terms", terms, losses.Term, "losses.feature_matching()")
    for term in terms:
        _checks.number("weight", term.weight, fix="Give the term a number as its weight")


def _require_list(name, values, kind, example):
    """Refuses what is no list or tuple of things of one kind."""
    fits = isinstance(values, list | tuple) and not isinstance(values, kind)
    if not fits or not all(isinstance(value, kind) for value in values):
        raise ValueError(
            f"received {name}={values!r}; expected a list of {kind.__name__} objects. Pass for "
            f"instance {name}=[{example}]."
        )


def require_options(options):
    """The options, or the default ones; refuses what are none."""
    options = Options() if options is None else options
    if not isinstance(options, Options):
        raise ValueError(
            f"received options={options!r}; expected training.Options. Pass for instance "
            "options=training.Options(batch_size=64)."
        )
    return options


def require_outputs(discriminator, objective):
    """Refuses terms that the discriminator lacks outputs for; warns of what cannot go well."""
    outputs = _networks.outputs_of(discriminator)
    missing = sorted({name for term in objective.terms for name in term.outputs} - set(outputs))
    if missing:
        raise ValueError(
            f"received a discriminator with the outputs {sorted(outputs)}; expected {missing} too, "
            "which the terms need. Build it with the head of that term, for instance "
            "head=heads.auxiliary_classifier."
        )
    if getattr(objective.loss.discriminator, "__module__", losses.__name__) == losses.__name__:
        _networks.warn_of_squashed_logits(discriminator)
    flat = discriminator._flatten_layers()
    functions = [getattr(p.function, "func", p.function) for p in objective.penalties]  # of partial
    found = [one for one in _OF_GRADIENTS if any(function is one for function in functions)]
    if found and any(isinstance(layer, keras.layers.BatchNormalization) for layer in flat):
        warnings.warn(
            f"received the penalty {found[0].__name__} for a discriminator with batch "
            "normalisation; expected one that treats the images of a batch by themselves, as the "
            "penalty takes each image's own gradient. Use LayerNormalization, or none.",
            stacklevel=3,
        )


def require_augment(augment):
    """Refuses what cannot be called as an augmentation of the discriminator's images."""
    if augment is not None and not _takes(augment, "images", "seed", "probability"):
        raise ValueError(
            f"received augment={augment!r}; expected a function (images, seed, probability) -> "
            "images. Pass an object such as augment.DiffAugment(), or a function of your own like "
            "it, made of TensorFlow's operations."
        )


def require_measure(measure):
    """Refuses what cannot be called as a measurement of generated images."""
    if measure is not None and not _takes(measure, "images", "seed"):
        raise ValueError(
            f"received measure={measure!r}; expected a function (images, seed) -> measured images. "
            "Pass an object such as augment.Noise(0.3), or a function of your own, made of "
            "TensorFlow's operations."
        )


def _takes(function, *arguments):
    """Whether a function of images can be called with so many arguments, and without labels."""
    if not callable(function) or isinstance(function, type | keras.layers.Layer):
        return False
    with contextlib.suppress(ValueError):  # of what Python knows no signature of
        signature = inspect.signature(function)
        try:
            signature.bind(*arguments)
        except TypeError:
            return False
        return "labels" not in signature.parameters
    return True


def require_callbacks(callbacks):
    """Refuses what cannot be called with the GAN and the step."""
    if not isinstance(callbacks, list | tuple) or not all(map(callable, callbacks)):
        raise ValueError(
            f"received callbacks={callbacks!r}; expected a list of functions (gan, step). Put a "
            "single one into a list; what Keras calls a callback works in Model.fit only, so take "
            "one of ganlib.callbacks."
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


def built(optimizer, model, role):
    """The optimizer (or the default one) with its variables made, and its own loss scale."""
    if optimizer is None:
        optimizer = keras.optimizers.Adam(8e-4, beta_1=0.0, beta_2=0.99)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise ValueError(
            f"received {role}_optimizer={optimizer!r}; expected a Keras optimizer. Pass for "
            "instance keras.optimizers.Adam(2e-4, beta_1=0.5)."
        )
    half = any(layer.compute_dtype == "float16" for layer in model._flatten_layers())
    if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # Half precision has no number between 0 and 6e-8: gradients are scaled up before.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    if optimizer.built and not _is_built_for(optimizer, model):
        raise ValueError(
            f"received a {role}_optimizer that was made ready for other weights; expected a new "
            "one, as an optimizer keeps what it has learnt of each weight. Make one for each GAN."
        )
    optimizer.build(model.trainable_variables)
    return optimizer


def _is_built_for(optimizer, model):
    """Whether an optimizer that is ready is so for the weights of this model."""
    known = getattr(optimizer, "inner_optimizer", optimizer)._trainable_variables
    return [id(v) for v in known] == [id(v) for v in model.trainable_variables]


# ---- images and labels -----------------------------------------------------------------------


def as_arrays(images, gan, labels=None):
    """The images as an array that fits the networks, and their labels, −1 where unknown."""
    if isinstance(images, data.Images):
        if labels is not None:
            raise ValueError(
                "received labels beside data.Images; expected them in one place. Make "
                "data.Images(images.images, labels), and pass that alone."
            )
        images, labels = images.images, images.labels
    array = _as_array(images)
    _require_shape(array, _networks.sample_shape(gan.generator, gan.discriminator))
    labels = np.full(len(array), -1) if labels is None else _as_labels(labels, len(array))
    _require_labels(labels, gan)
    array = _in_known_dtype(array)
    _require_range(array, gan)
    return array, labels.astype(np.int32)


def _as_array(images):
    """What was given as images, as an array of numbers."""
    name = type(images).__name__
    if isinstance(images, str | pathlib.PurePath):
        raise ValueError(
            f"received the path {str(images)!r} as images; expected data.Images or an array. Load "
            "the folder with data.load_folder(path, image_size=64)."
        )
    if isinstance(images, tuple) and len(images) == 2 and np.ndim(images[1]) == 1:
        raise ValueError(
            "received a pair as images; expected data.Images or an array. Of images and their "
            "labels, make data.Images(images, labels); beside an array of floats, pass "
            "labels=labels."
        )
    is_array = isinstance(images, list | tuple | np.ndarray) or hasattr(images, "__array__")
    if not is_array or isinstance(images, keras.KerasTensor):
        raise ValueError(
            f"received images as a {name}; expected data.Images or an array (n, ...), as each step "
            "draws its batch from all images. Load a folder with data.load_folder(path); of a "
            "tf.data.Dataset of batches, np.concatenate(list(dataset.as_numpy_iterator())) makes "
            "an array."
        )
    try:
        array = np.asanyarray(images)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"received images as a {name} that is no array ({error}); expected images of one "
            "shape. Bring them to one size first."
        ) from error
    if array.dtype.kind in "OUSMm":
        raise ValueError(
            f"received images as a {name} of {array.dtype}; expected numbers of one shape "
            "(n, ...). Load files with data.load_folder(path), and bring images to one size."
        )
    if isinstance(array, np.ma.MaskedArray):
        raise ValueError(
            "received images as a masked array; expected plain numbers. Say what stands behind the "
            "mask, with images.filled(0)."
        )
    return array


def _require_shape(array, expected):
    if array.shape[1:] == expected and len(array) > 0:
        return
    fix = "Load them at that size, or build the networks for theirs"
    if len(expected) == 3 and array.shape[1:] == (expected[2], *expected[:2]):
        fix = "With the channels first, pass images.transpose(0, 2, 3, 1)"
    elif expected[-1:] == (1,) and array.shape[1:] == expected[:-1]:
        fix = "Without a channel axis, pass images[..., np.newaxis]"
    elif array.shape == expected:
        fix = "Of one image, pass images[np.newaxis]"
    raise ValueError(
        f"received images of shape {array.shape}; expected (n, {', '.join(map(str, expected))})"
        f", n at least 1, as the discriminator takes them. {fix}."
    )


def _as_labels(labels, num_samples):
    """What was given as labels of an array, as integers (n,), −1 where unknown."""
    labels = np.asarray(labels)
    if labels.shape != (num_samples,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"received labels of shape {labels.shape} and dtype {labels.dtype} for {num_samples} "
            f"samples; expected integers ({num_samples},). Number the classes from 0, as "
            "np.unique(labels, return_inverse=True)[1] does; of one-hot rows, pass "
            "labels.argmax(axis=1)."
        )
    labels = labels.astype(np.int64)
    if labels.min() < -1:
        raise ValueError(
            f"received the label {labels.min()}; expected labels from 0, or -1 where one is "
            "unknown. Number the classes from 0."
        )
    return labels


def _require_labels(labels, gan):
    if gan.takes_labels and labels.min() < 0:
        raise ValueError(
            "received images of which some have no label; expected a label for each, as the "
            "networks take labels. Pass labelled data.Images, or labels= beside an array; or build "
            "the networks without num_classes."
        )
    labelled = any(term.labelled for term in gan.terms)
    if labels.max() < 0 and labelled:
        raise ValueError(
            "received images without labels; expected some with, as a term needs them. Pass "
            "labelled data.Images, or labels= beside an array; or leave the term out."
        )
    number, name = _networks.num_classes(gan.generator, gan.discriminator, gan.terms)
    if number is not None and labels.max() >= number:
        raise ValueError(
            f"received labels up to {labels.max()} for a {name} of {number} classes; expected "
            f"labels from 0 to {number - 1}. Build both networks with num_classes="
            f"{labels.max() + 1}, or leave out the images of the other classes."
        )


def _in_known_dtype(array):
    """uint8 as it is, floats of any kind as float32."""
    if array.dtype == np.uint8:
        return array
    # NumPy files bfloat16, which Keras returns under mixed precision, under kind "V".
    if array.dtype.kind != "f" and not array.dtype.name.startswith(("bfloat", "float8")):
        raise ValueError(
            f"received images of dtype {array.dtype}; expected uint8 (0 to 255), or floats in the "
            f"model's range. {_way_to_uint8(array)}."
        )
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(
            "received samples that hold NaN or infinity; expected finite values. Remove those "
            "samples first."
        )
    return array


def _way_to_uint8(array):
    """What makes pixels of another dtype without loss of what is seen."""
    if array.dtype.kind not in "biu":
        return "Take the part that is to be seen, and scale it"
    least, largest = array.min(), array.max()
    if least >= 0 and largest <= 1:
        return "Pass images.astype(np.uint8) * 255"
    if least >= 0 and largest <= 255:
        return "These values fit: pass images.astype(np.uint8)"
    if least >= 0 and largest <= 65535:
        return "From 0 to 65535, pass (images // 257).astype(np.uint8); scale a smaller range first"
    return f"Scale {least} to {largest} to the range from 0 to 255 first"


def _require_range(array, gan):
    """Refuses values that the generator can never make, warns of those that it hardly should."""
    is_image = array.ndim == 4
    name, low, high = _networks.bounds(gan.generator)
    if array.dtype == np.uint8:
        least, largest = -1.0, 1.0
    else:
        least, largest = float(array.min()), float(array.max())
    fix = "Pass uint8 pixels, or data.to_model_range(pixels), and end the generator in a tanh"
    if least < low - _SLACK or largest > high + _SLACK:
        raise ValueError(
            f"received images with values from {least:g} to {largest:g} for a generator that ends "
            f"in a {name}; expected values from {low} to {high}, as it makes no others. {fix}."
        )
    beyond = name is None and is_image and max(-least, largest) > 1 + _SLACK
    no_negatives = (name == "tanh" or (is_image and low < 0)) and least >= 0 and largest > 0
    if beyond or no_negatives:
        warnings.warn(
            f"received images with values from {least:g} to {largest:g}; expected the model's "
            f"range, -1 to 1. {fix}.",
            stacklevel=4,
        )
