"""Networks as they are handed in: of every form that Keras has, taken or refused by name.

The training step and the files need functional models: their inputs and outputs are known, and they
can be copied. A ``keras.Sequential`` is one as soon as its input is known; a subclassed model
becomes one as the only layer of another.
"""

import math
import warnings

import numpy as np

from ganlib import losses
from ganlib._tensorflow import keras
from ganlib.models import inference

_BOUNDS = {  # the values of a function with which a network may end
    "tanh": (-1, 1),
    "sigmoid": (0, 1),
    "hardsigmoid": (0, 1),
    "softmax": (0, 1),
    "relu": (0, math.inf),
}
_SQUASHING = ("sigmoid", "hardsigmoid", "softmax", "tanh")  # no logits come out of these
# What moves values without changing them, or by less than would matter to their bounds.
_NEUTRAL = ("reshape", "flatten", "identity", "cast", "linear", "dropout", "squeeze", "getitem")
_NEUTRAL += ("averagepooling2d", "globalaveragepooling2d", "permute", "transpose", "mean")


def adopted(generator, discriminator):
    """Both networks as models with known inputs and outputs, which fit together.

    Args:
        generator: what was given as one.
        discriminator: likewise.

    Returns:
        Two ``keras.Model``, the given ones where they are functional or sequential.

    Raises:
        ValueError: if one is no such model, or they do not fit together.
    """
    generator = _with_inputs("generator", generator, _input_shape(generator))
    _require_generator(generator)
    discriminator = _with_inputs("discriminator", discriminator, generator.output_shape[1:])
    _require_labels_input("discriminator", discriminator, "images")
    _require_shapes(generator, discriminator)
    for role, model in (("generator", generator), ("discriminator", discriminator)):
        _require_float32(role, model)
        _require_regularizers_of_weights(role, model)
    outputs_of(discriminator)
    return generator, discriminator


def outputs_of(discriminator):
    """The discriminator's outputs by name.

    Args:
        discriminator: a model with known outputs.

    Returns:
        dict of ``KerasTensor``; "logits" is among them.

    Raises:
        ValueError: if there are several without names, or none is called "logits".
    """
    # A sequential model has `outputs`; `output` is there only after a call.
    outputs = getattr(discriminator, "output", None) if _is_functional(discriminator) else None
    if isinstance(outputs, dict) and "logits" in outputs:
        return outputs
    if isinstance(outputs, dict) or len(discriminator.outputs) > 1:
        names = sorted(outputs) if isinstance(outputs, dict) else "without names"
        raise ValueError(
            f"received a discriminator of {len(discriminator.outputs)} outputs, {names}; expected "
            'one output, the logits, or a dict with "logits" among its names. Build it as '
            'keras.Model(images, {"logits": logits, "class_logits": class_logits}).'
        )
    return {"logits": discriminator.outputs[0]}


def sample_shape(generator, discriminator):
    """The shape of one sample; a discriminator that takes any size is shown the generator's.

    Args:
        generator: a model with known outputs.
        discriminator: a model with known inputs.

    Returns:
        A tuple of ints.
    """
    taken, made = discriminator.inputs[0].shape[1:], generator.output_shape[1:]
    return tuple(m if t is None else t for t, m in zip(taken, made, strict=True))


def num_classes(generator, discriminator, terms):
    """How many classes the networks tell apart, as far as that is known.

    Args:
        generator: a model with known inputs.
        discriminator: likewise.
        terms: ``losses.Term`` objects.

    Returns:
        ``(number, name of the network)`` for the one that knows fewest, or ``(None, "")``.
    """
    known = [(inference.num_classes(generator), "generator")]
    known.append((inference.num_classes(discriminator), "discriminator"))
    outputs = outputs_of(discriminator)
    functions = [f for term in terms if term.labelled for f in (term.discriminator, term.generator)]
    # A function of somebody's own may give labels beyond the classes a meaning, such as "unknown".
    if "class_logits" in outputs and any(_is_of_losses(function) for function in functions):
        known.append((outputs["class_logits"].shape[-1], "discriminator"))
    return min(((number, name) for number, name in known if number), default=(None, ""))


def bounds(generator):
    """Between which values all that a generator makes must lie, as its last function shows.

    Args:
        generator: a model with known outputs.

    Returns:
        ``(name of the function, least, largest)``; ``(None, −∞, ∞)`` where nothing is known.
    """
    name = _last_function(generator.outputs[0])
    if name not in _BOUNDS:
        return None, -math.inf, math.inf
    return name, *_BOUNDS[name]


def warn_of_squashed_logits(discriminator):
    """Warns of a discriminator whose logits are none, as a function holds them between bounds."""
    name = _last_function(outputs_of(discriminator)["logits"])
    if name in _SQUASHING:
        warnings.warn(
            f"received a discriminator that ends in a {name}; expected logits, any real numbers, "
            f"as the losses take the sigmoid themselves. Leave the {name} out, or training stalls.",
            stacklevel=4,
        )


def warn_of_own_code(model, path):
    """Warns of a file that plain Keras cannot load, as layers in it need code of their own."""
    layers = [
        f"{layer.name!r} ({type(layer).__name__})"
        for layer in model._flatten_layers(include_self=False)
        if not type(layer).__module__.startswith("keras.") or isinstance(layer, keras.layers.Lambda)
    ]
    if layers:
        warnings.warn(
            f"{path} needs more than Keras, as it holds the layers {', '.join(layers)}. Load it "
            "with keras.models.load_model(path, custom_objects={...}) where their classes are "
            "known; a Lambda needs safe_mode=False too, which runs whatever code the file holds.",
            stacklevel=3,
        )


def _is_of_losses(function):
    return getattr(function, "__module__", None) == losses.__name__


# ---- forms -----------------------------------------------------------------------------------


def _is_functional(model):
    return bool(getattr(model, "inputs", None)) and not isinstance(model, keras.Sequential)


def _input_shape(model):
    """The shape of the samples that a subclassed model was called on, or None."""
    shape = None
    if isinstance(model, keras.Model):
        shape = (model.get_build_config() or {}).get("input_shape")
    is_shape = isinstance(shape, tuple | list) and not any(np.iterable(axis) for axis in shape)
    return tuple(shape[1:]) if is_shape and shape else None


def _with_inputs(role, model, shape):
    """A model whose inputs are known: the given one, or one whose only layer it is."""
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"received a {role} of the type {type(model).__name__}; expected a functional "
            "keras.Model or a keras.Sequential. Build one from keras.Input; of a file, "
            "training.load_generator makes one."
        )
    if getattr(model, "inputs", None):
        return model
    if isinstance(model, keras.Sequential):
        raise ValueError(
            f"received a {role} that is a keras.Sequential without input; expected one whose input "
            "is known. Begin it with keras.Input((latent_dim,)) for a generator, with "
            "keras.Input(image_shape) for a discriminator."
        )
    if shape is not None:
        samples = keras.Input(shape, name="latents" if role == "generator" else "images")
        try:
            return keras.Model(samples, model(samples), name=model.name)
        except Exception as error:  # of the model's own code: there is no end of kinds
            raise ValueError(
                f"received a {role} of the class {type(model).__name__}, whose call "
                f"fails on a batch of shape {samples.shape}; expected a functional keras.Model. "
                "Build one from keras.Input, for a conditional network from a list of two."
            ) from error
    raise ValueError(
        f"received a {role} of the class {type(model).__name__}, whose inputs are not known; "
        "expected a functional keras.Model or a keras.Sequential. Build it from keras.Input as "
        "keras.Model(latents, images), or call it once on a batch before."
    )


# ---- what must hold ----------------------------------------------------------------------------


def _require_generator(generator):
    latents = generator.inputs[0]
    if len(latents.shape) != 2 or latents.shape[1] is None or _is_integer(latents):
        raise ValueError(
            f"received a generator whose first input has the shape {tuple(latents.shape)} and the "
            f"dtype {latents.dtype}; expected latents, floats (batch, latent_dim), and after them "
            "labels if it takes any. Begin with keras.Input((latent_dim,)), and reshape within; "
            "the generator is the first argument, the discriminator the second."
        )
    _require_labels_input("generator", generator, "latents")
    shapes = [tuple(output.shape) for output in generator.outputs]
    is_named = _is_functional(generator) and isinstance(generator.output, dict)
    if len(shapes) > 1 or is_named or None in shapes[0][1:]:
        raise ValueError(
            f"received a generator with outputs of the shapes {shapes}; expected one output of a "
            "fixed size (batch, ...), without a name. Build it as keras.Model(latents, images)."
        )


def _require_labels_input(role, model, first):
    """Refuses inputs that are neither one, nor a list of the samples and of integers."""
    inputs = model.inputs
    is_named = isinstance(getattr(model, "input", None), dict) if _is_functional(model) else False
    if len(inputs) > 2 or is_named:
        raise ValueError(
            f"received a {role} with the inputs {[x.name for x in inputs]}; expected {first}, or a "
            f"list of {first} and labels. Build it as keras.Model([{first}, labels], ...)."
        )
    if len(inputs) == 2 and tuple(inputs[1].shape[1:]) not in ((), (1,)):
        raise ValueError(
            f"received a {role} whose second input has the shape {tuple(inputs[1].shape)}; "
            f"expected labels, one integer for each sample, after {first}. Take "
            'keras.Input((), dtype="int32") and make one-hot vectors within, by '
            "keras.ops.one_hot(labels, num_classes)."
        )


def _require_shapes(generator, discriminator):
    made, taken = generator.output_shape[1:], tuple(discriminator.inputs[0].shape[1:])
    if len(made) == len(taken) and all(t in (None, m) for m, t in zip(made, taken, strict=True)):
        return
    fix = "Build both with the same image_size and channels"
    if discriminator.outputs[0].shape == generator.inputs[0].shape:
        fix = "The two seem to be swapped: pass the generator first"
    elif keras.config.image_data_format() == "channels_first":
        fix += (
            "; Keras is set to channels_first, so call "
            'keras.config.set_image_data_format("channels_last") before you build them'
        )
    raise ValueError(
        f"received a generator of samples of shape {made}; expected {taken}, which the "
        f"discriminator takes. {fix}."
    )


def _require_float32(role, model):
    dtypes = {str(v.dtype) for v in model.trainable_variables} - {"float32"}
    if dtypes:
        raise ValueError(
            f"received a {role} with weights of dtype {', '.join(sorted(dtypes))}; expected "
            f"float32. Keras's floatx is {keras.config.floatx()!r} and its dtype policy "
            f"{keras.config.dtype_policy().name!r}: before you build the networks, call "
            'keras.config.set_floatx("float32") and keras.config.set_dtype_policy("float32"), or '
            '"mixed_float16" for half precision.'
        )


def _require_regularizers_of_weights(role, model):
    for layer in model._flatten_layers(include_self=False):
        if getattr(layer, "activity_regularizer", None) is not None:
            raise ValueError(
                f"received a {role} whose layer {layer.name!r} has an activity_regularizer; "
                "expected regularizers of weights only, such as kernel_regularizer. Make what it "
                "looks at a named output, and pass a losses.Term."
            )


def _is_integer(tensor):
    return str(tensor.dtype).startswith(("int", "uint"))


# ---- how a network ends ------------------------------------------------------------------------


def _last_function(tensor):
    """Name of the last function that changes the values of a tensor, in small letters."""
    while True:
        operation, node_index, tensor_index = tensor._keras_history
        if isinstance(operation, keras.Model) and getattr(operation, "inputs", None):
            tensor = operation.outputs[tensor_index]
            continue
        name = _function_name(operation)
        if name not in _NEUTRAL or not operation._inbound_nodes[node_index].input_tensors:
            return name
        tensor = operation._inbound_nodes[node_index].input_tensors[0]


def _function_name(operation):
    """Name of the function that an operation ends in, in small letters without underscores."""
    if isinstance(operation, keras.Model):  # subclassed: the last layer made is mostly the last
        operation = operation.layers[-1] if operation.layers else operation
    if isinstance(operation, keras.layers.Wrapper):
        operation = operation.layer
    function = getattr(operation, "activation", None)
    if isinstance(operation, keras.layers.Lambda):
        function = operation.function
    if function is keras.activations.linear and not isinstance(operation, keras.layers.Activation):
        function = None  # a layer without activation, whatever its kind
    name = getattr(function, "__name__", type(function or operation).__name__)
    if getattr(operation, "negative_slope", 0):
        name = "LeakyReLU"
    return name.lower().replace("_", "")
