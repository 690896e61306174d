"""What pages that compute in the browser need: networks as `book/live/engine` has them."""

import base64
import json

import numpy as np

NUM_SEEDS = 100
NUM_DIRECTIONS = 4


def describe(model):
    """Returns a Keras model as the engine's `Network` takes it.

    Args:
        model: functional ``keras.Model`` of one input: dense layers, convolutions with padding
            "same", batch normalisation (as it is after training), ReLU, leaky ReLU, tanh, sigmoid,
            sums of a tensor and what was made from it, reshapes.

    Returns:
        (description, values): a dict for JSON, and the weights in its order, one float array.

    Raises:
        ValueError: if a layer is none of these.
    """
    description, arrays = _taken(model)
    flat = np.concatenate([np.ravel(array) for array in arrays]).astype(model.outputs[0].dtype)
    return description, flat


def script(name, generator, class_names=()):
    """Returns a generator of `ganlib.pretrained` as the script that the page that draws loads.

    Args:
        name: what the page calls it.
        generator: ``keras.Model``, latents -> images, or a list of latents and labels -> images,
            whose kernels have half precision. The labels go into an embedding that is put beside
            the latents.
        class_names: what its labels mean.

    Returns:
        str: a call that leaves the description, the weights, the latents of the first seeds and
        the directions of `ganbook.widgets.latent_explorer`, as texts, in ``liveGenerators``; with
        labels, the description begins behind the embedding, whose vectors are ``classes``, and the
        directions are those of the first class.

    Raises:
        ValueError: if a kernel would lose digits.
    """
    from ganbook import widgets
    from ganlib.models import inference

    seeds = np.concatenate([inference.latents(generator, 1, k) for k in range(NUM_SEEDS)])
    explorer = widgets.latent_explorer(generator, num_directions=NUM_DIRECTIONS)
    model, vectors = _behind_labels(generator)
    if len(class_names) != len(vectors):
        raise ValueError(
            f"received {len(class_names)} class_names for a generator of {len(vectors)} classes; "
            "expected a name for each."
        )
    description, arrays = _taken(model)
    content = {
        "dimension": seeds.shape[1],
        "classNames": list(class_names),
        "classes": base64.b64encode(np.asarray(vectors, "<f4").tobytes()).decode(),
        "description": description,
        "weights": base64.b64encode(b"".join(map(_packed, arrays))).decode(),
        "latents": base64.b64encode(seeds.astype("<f4").tobytes()).decode(),
        "directions": base64.b64encode(explorer.directions.astype("<f4").tobytes()).decode(),
    }
    text = json.dumps(content, separators=(",", ":"))
    return f"(globalThis.liveGenerators ??= {{}}).{name} = {text};\n"


def _behind_labels(generator):
    """The model behind the embedding of the labels, and the embedding's vectors; none without."""
    from ganlib._tensorflow import keras

    if len(generator.inputs) == 1:
        return generator, ()
    joined = next(one for one in generator.layers if isinstance(one, keras.layers.Concatenate))
    table = next(one for one in generator.layers if isinstance(one, keras.layers.Embedding))
    return keras.Model(joined.output, generator.output), table.get_weights()[0]


def _packed(array):
    """The bytes of a kernel in half precision, or of a vector in single precision."""
    kind = "<f2" if array.ndim > 1 else "<f4"
    packed = np.asarray(array).astype(kind)
    if not np.array_equal(packed.astype(np.float32), array):
        raise ValueError(
            f"received a kernel {array.shape} that half precision changes; expected one as "
            "ganlib.pretrained ships them. Round it with astype(np.float16)."
        )
    return packed.tobytes()


def _taken(model):
    """A model's description, and its weights one after the other."""
    chain = _chain(model.outputs[0])
    arrays = [array for layer in _flat(chain) for array in layer.pop("values", ())]
    return {"input": list(model.input_shape[1:]), "layers": chain}, arrays


def _flat(chain):
    for layer in chain:
        yield layer
        yield from _flat(layer.get("layers", ()))


def _chain(tensor):
    """The layers from the model's input to a tensor."""
    layer, node_index, _ = tensor._keras_history
    inputs = layer._inbound_nodes[node_index].input_tensors
    kind = type(layer).__name__
    if kind == "InputLayer":
        return []
    if kind == "Add" and len(inputs) == 2:
        short, long = sorted(map(_chain, inputs), key=len)
        if [_name(one) for one in long[: len(short)]] == [_name(one) for one in short]:
            return [*short, {"type": "residual", "layers": long[len(short) :]}]
    before = _chain(inputs[0])
    if kind == "Reshape" and before:
        before[-1]["shape"] = list(layer.output.shape[1:])
        return before
    if kind == "Flatten":  # the engine's arrays are flat
        return before
    return [*before, *_layers(layer, kind)]


def _name(layer):
    return {key: value for key, value in layer.items() if key not in ("values", "layers")}


def _layers(layer, kind):
    """One Keras layer as layers of the engine: its linear part, then its activation."""
    found, activation = [], getattr(getattr(layer, "activation", None), "__name__", "linear")
    if kind == "Dense":
        found = [{"type": "dense", "units": layer.units}]
    elif kind in ("Conv2D", "Conv2DTranspose") and layer.padding == "same":
        kind = "conv" if kind == "Conv2D" else "conv_transpose"
        sizes = {"size": layer.kernel_size[0], "stride": layer.strides[0]}
        found = [{"type": kind, "filters": layer.filters, **sizes}]
    elif kind.endswith("BatchNormalization"):
        gamma, beta, mean, variance = (np.asarray(weight) for weight in layer.weights)
        scale = gamma / np.sqrt(variance + layer.epsilon)
        return [{"type": "scale", "values": (scale, beta - mean * scale)}]
    elif kind == "LeakyReLU" or (
        kind == "ReLU" and layer.max_value is None and not layer.threshold
    ):
        leak = float(layer.negative_slope or 0.0)
        return [{"type": "activation", "name": "leaky_relu", "leak": leak}]
    if found:
        found[0] |= {"bias": layer.use_bias, "values": tuple(map(np.asarray, layer.weights))}
    if activation != "linear":
        found.append({"type": "activation", "name": activation})
    if not found:
        raise ValueError(f"received a layer of type {kind}; expected one that the engine has.")
    return found
