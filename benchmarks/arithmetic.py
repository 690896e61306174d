"""What a training step has to do, counted from the shapes of its networks' layers.

A multiplication and an addition count as two operations. Traffic is the least that layers computed
one after another can have: each reads what it needs once and writes its result once, in float32.
"""

import math
from typing import NamedTuple

_BYTES = 4
_ADAM_TENSORS = 7  # reads gradient, both moments and weight; writes both moments and weight
_AVERAGE_TENSORS = 3

# Elementwise layers: values read and written for each value of the output, forward and backward.
_POINTWISE = {
    "ReLU": (2, 3),
    "LeakyReLU": (2, 3),
    "BatchNormalization": (3, 5),  # statistics first, so the input is read twice
    "FusedBatchNormalization": (3, 5),
    "Add": (3, 3),  # backward: the two gradients that meet where the ways parted
}
_FREE = {"InputLayer", "Reshape", "Flatten"}


class Pass(NamedTuple):
    """One layer in one pass of a step.

    Attributes:
        network: "generator" or "discriminator".
        layer: the layer's kind and the shape of its output.
        what: "forward", "weights" or "inputs" (whose gradients), or "update".
        flops: operations.
        num_bytes: traffic.
    """

    network: str
    layer: str
    what: str
    flops: float
    num_bytes: float


def layer_sizes(layer):
    """Returns multiplications for a sample, and values of input, output and weights.

    Args:
        layer: a Keras layer that has been called.

    Returns:
        ``(multiplications, inputs, outputs, weights)``; a convolution's border counts as inside.

    Raises:
        ValueError: for a kind of layer that is not known here.
    """
    kind = type(layer).__name__
    first = layer.input[0] if isinstance(layer.input, list) else layer.input
    inputs, outputs = math.prod(first.shape[1:]), math.prod(layer.output.shape[1:])
    weights = sum(math.prod(w.shape) for w in layer.trainable_weights)
    if kind == "Dense":
        return inputs * outputs, inputs, outputs, weights
    if kind in ("Conv2D", "NarrowConv2D", "Conv2DTranspose"):
        kernel = math.prod(layer.kernel.shape)
        places = (layer.input if kind == "Conv2DTranspose" else layer.output).shape[1:3]
        return kernel * math.prod(places), inputs, outputs, weights
    if kind in _POINTWISE or kind in _FREE:
        return 0, inputs, outputs, weights
    known = ["Dense", "Conv2D", "NarrowConv2D", "Conv2DTranspose", *_POINTWISE, *_FREE]
    raise ValueError(f"the arithmetic of the layer {kind} is not known; known are {known}.")


def passes(model, network, batch, kinds):
    """Returns the passes of one network over one batch.

    Args:
        model: a functional ``keras.Model`` of one input; its first layer is the one that takes it.
        network: its name.
        batch: number of samples.
        kinds: which of "forward", "weights", "inputs" and "images"; "images" are the gradients of
            the network's own input, which the others leave out.

    Returns:
        A list of ``Pass``.
    """
    found, is_first = [], True
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in _FREE:
            continue
        multiplications, inputs, outputs, weights = layer_sizes(layer)
        name = f"{kind} {'×'.join(str(side) for side in layer.output.shape[1:])}"
        for what in kinds:
            first_inputs = what == "inputs" and is_first and "images" not in kinds
            if what == "images" or first_inputs or (kind in _POINTWISE and what == "weights"):
                continue
            if kind in _POINTWISE:
                values = _POINTWISE[kind][what != "forward"] * outputs * batch
            else:
                values = (inputs + outputs) * batch + weights
            flops = 2 * multiplications * batch
            found.append(Pass(network, name, what, flops, _BYTES * values))
        is_first = False
    return found


def step_passes(generator, discriminator, batch, *, interval=None, average=False):
    """Returns all passes of one training step.

    The generator runs once, the discriminator on real and generated images together, then on the
    generated ones again, for gradients of the images alone.

    Args:
        generator: latents -> images.
        discriminator: images -> logits.
        batch: real images of a step.
        interval: steps from one R1 penalty to the next, of which the mean is counted. None: none.
        average: whether a moving average of the generator is kept.

    Returns:
        A list of ``Pass``.
    """
    learning = ("forward", "weights", "inputs")
    found = passes(generator, "generator", batch, learning)
    found += passes(discriminator, "discriminator", 2 * batch, learning)
    found += passes(discriminator, "discriminator", batch, ("forward", "inputs", "images"))
    if interval is not None:
        # Forward, the images' gradient, and its derivative: by the weights and by what flows back.
        twice = ("forward", "inputs", "images")
        extra = passes(discriminator, "discriminator", batch, twice)
        extra += passes(discriminator, "discriminator", batch, ("weights", "inputs"))
        found += [
            p._replace(flops=p.flops / interval, num_bytes=p.num_bytes / interval) for p in extra
        ]
    for model, network in ((generator, "generator"), (discriminator, "discriminator")):
        size = sum(math.prod(w.shape) for w in model.trainable_weights)
        tensors = _ADAM_TENSORS + (_AVERAGE_TENSORS if average and network == "generator" else 0)
        found.append(Pass(network, "weights", "update", 0, tensors * size * _BYTES))
    return found


def bound(found, rate, bandwidth):
    """Returns the least seconds that passes take, one after another.

    Args:
        found: list of ``Pass``.
        rate: operations a second.
        bandwidth: bytes a second.

    Returns:
        The sum over passes of the longer of arithmetic and traffic.
    """
    return sum(max(p.flops / rate, p.num_bytes / bandwidth) for p in found)
