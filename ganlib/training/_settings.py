"""What must be equal for a run to go on: the settings of networks, optimizers and options."""

import dataclasses
import inspect
import re

import numpy as np

import ganlib
from ganlib._tensorflow import keras, tf
from ganlib.training._compare import AT_DEFAULT, plain
from ganlib.training._options import Options

_SIMPLE = (bool, int, float, str, tuple, list, type(None), np.generic)
_NUMBERED = re.compile(r"(_\d+)+$")
_FUNCTIONS = ("augment", "measure")  # options that are known by their words
_HOW_NOT_WHAT = ("steps_per_call", "jit_compile", "strategy")  # runs may move

# Settings that earlier runs recorded, with the values at which they did nothing.
_GONE = {"label_smoothing": 0.0, "instance_noise": 0.0, "instance_noise_steps": None}


def of_run(gan, optimizers):
    """All settings of a run, as JSON holds them.

    Args:
        gan: a `GAN`.
        optimizers: the settings of its optimizers, which may have been changed since it began.

    Returns:
        dict of field -> what ``checkpoints.require_same_config`` compares.
    """
    options = {f.name: getattr(gan.options, f.name) for f in dataclasses.fields(gan.options)}
    options = {name: value for name, value in options.items() if name not in _HOW_NOT_WHAT}
    options |= {name: _words(options[name]) for name in _FUNCTIONS}
    config = {
        "generator": layers(gan.generator),
        "discriminator": layers(gan.discriminator),
        "loss": [function_name(f) for f in (gan.loss.discriminator, gan.loss.generator)],
        "penalties": [[function_name(p.function), p.weight, p.interval] for p in gan.penalties],
        "terms": [
            [[function_name(f) for f in (t.discriminator, t.generator) if f], t.weight]
            for t in gan.terms
        ],
        "made_with": {
            "ganlib": ganlib.__version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
        },
    }
    return plain(config | optimizers | options)


def completed(config):
    """The settings of a checkpoint that was made before an option came, or before one went.

    Args:
        config: dict of field -> setting.

    Returns:
        It without settings of earlier runs that had no effect, and with the options' defaults.
    """
    defaults = {field.name: plain(field.default) for field in dataclasses.fields(Options)}
    defaults = {name: value for name, value in defaults.items() if name not in _HOW_NOT_WHAT}
    kept = {k: v for k, v in config.items() if k not in _GONE or v != _GONE[k]}
    return defaults | dict.fromkeys(_FUNCTIONS, "None") | kept


def of_optimizers(optimizers):
    """The settings of both optimizers.

    Args:
        optimizers: an ``Optimizers``.

    Returns:
        dict of field -> settings.
    """
    return {
        f"{name}_optimizer": plain(_optimizer(optimizer))
        for name, optimizer in optimizers._asdict().items()
    }


def layers(model):
    """Each layer's class, simple settings and variable shapes; names differ between instances.

    Layers inside a wrapper or a nested model have entries of their own.

    Args:
        model: ``keras.Model``.

    Returns:
        list of ``[class, settings, shapes]``.
    """
    entries = []
    for layer in model._flatten_layers(include_self=False):
        # a nested model's settings are its layers, with their names
        names = [_NUMBERED.sub("", v.name) for v in layer.variables]
        settings = {} if isinstance(layer, keras.Model) else _settings(layer, variables=names)
        simple = {k: v for k, v in settings.items() if isinstance(v, _SIMPLE)}
        shapes = [tuple(v.shape) for v in layer.variables]
        entries.append([type(layer).__name__, simple, shapes])
    return entries


def function_name(function):
    """Module and name, as a checkpoint's configuration holds a function; an object's own words.

    Args:
        function: any callable.

    Returns:
        str, the same in another process.
    """
    if not hasattr(function, "__qualname__"):
        return _words(function)
    return f"{function.__module__}.{function.__qualname__}"


def _words(thing):
    """What an object says of itself; Keras's objects count their instances in it."""
    return type(thing).__name__ if hasattr(thing, "get_config") else plain(repr(thing))


def _settings(thing, **derived):
    """The configuration of a layer, an optimizer or a schedule, and what in it nobody chose."""
    try:
        config = thing.get_config()
    except NotImplementedError:  # of one's own, and never meant to be written to a file
        config = {}
    defaults = {}
    for base in reversed(type(thing).__mro__):
        if "__init__" in vars(base):
            parameters = inspect.signature(base.__init__).parameters.values()
            defaults |= {parameter.name: parameter.default for parameter in parameters}
    not_chosen = [name for name, value in config.items() if _is_default(name, value, defaults)]
    return config | derived | {AT_DEFAULT: sorted([*not_chosen, *derived])}


def _is_default(name, value, defaults):
    """Whether a setting is no parameter, or stands at its default; Keras makes some None False."""
    default = plain(defaults.get(name, value))
    return default == plain(value) or (default is None and value is False)


def _optimizer(optimizer):
    """An optimizer's settings; in them, those of a schedule or of an optimizer that it wraps."""
    slots = [variable.name.rsplit("_", 1)[-1] for variable in optimizer.variables]
    settings = _settings(optimizer, kind=type(optimizer).__name__, slots=slots)
    schedule = getattr(optimizer, "_learning_rate", None)
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        settings["learning_rate"] = _nested(schedule, _settings(schedule))
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        inner = optimizer.inner_optimizer
        settings["inner_optimizer"] = _nested(inner, _optimizer(inner))
    return settings


def _nested(thing, settings):
    return {"class_name": type(thing).__name__, "config": settings, AT_DEFAULT: []}
