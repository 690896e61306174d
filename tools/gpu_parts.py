"""What `tools.gpu_check` measures, each in a process: python -m tools.gpu_parts NAME JSON.

A process has one set of devices, one choice of kernels and one peak of memory, so nothing that is
compared shares one. The last line that it prints is its answer, one line of JSON.
"""

import json
import sys
import time

import numpy as np

from benchmarks import limit, recipe


def machine(about):
    """Returns what computes here, and its rate in each format and its bandwidth.

    Args:
        about: dict with ``side`` of the square matrices and ``values`` of the long arrays.
    """
    from ganlib._tensorflow import devices, keras, tf

    side, found = about["side"], {}
    for name, dtype, tf32 in (
        ("float32", "float32", False),
        ("TF32", "float32", True),
        ("float16", "float16", False),
        ("bfloat16", "bfloat16", False),
    ):
        if not devices.gpus() and name != "float32":
            continue
        tf.config.experimental.enable_tensor_float_32_execution(tf32)
        rates = limit.matmul_rates([[side] * 3], 0.5, dtype=dtype)
        found[name] = max(r["flops"] for r in rates if r["library"] == "tensorflow")
    return {
        "device": devices.description(),
        "gpus": len(devices.gpus()),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "built_for": str(tf.sysconfig.get_build_info().get("cuda_compute_capabilities")),
        "capability": _capability(),
        "rates": found,
        "bandwidth": limit.bandwidth(about["values"]),
    }


def _capability():
    from ganlib._tensorflow import tf

    physical = tf.config.list_physical_devices()
    details = [tf.config.experimental.get_device_details(d) for d in physical[1:]]
    return [d["compute_capability"] for d in details if "compute_capability" in d]


def run(about):
    """Returns the losses, seconds and compile seconds of a run of lab 07's pair.

    Args:
        about: dict with ``num_steps``; and, where they differ from the lab's, ``lab`` (changed
            parameters), ``descent`` (the rate of plain gradient descent in place of Adam),
            ``policy``, ``jit_compile``, ``tf32``, ``deterministic``, ``directory``, ``last`` (the
            step at which this process ends), ``weights`` (a file to write them to).
    """
    from ganlib._tensorflow import keras, tf

    if about.get("deterministic"):
        tf.config.experimental.enable_op_determinism()
    tf.config.experimental.enable_tensor_float_32_execution(about.get("tf32", True))
    gan = _gan(about)
    images = _images()
    last = about.get("last", about["num_steps"])
    history = gan.train(images, last, about.get("directory"), progress=False)
    networks = gan.generator, gan.discriminator, gan.ema_generator
    weights = [np.asarray(w, np.float64) for network in networks for w in network.weights]
    if "weights" in about:
        np.savez(about["weights"], *weights)
    rates = history.images_per_second[1:]  # the first call warms up
    keras.backend.clear_session()
    return {
        "losses": np.stack([history.discriminator_loss, history.generator_loss]).tolist(),
        "step_ms": 1e3 * gan.options.batch_size / float(np.median(rates)) if len(rates) else None,
        "images_per_second": float(np.median(rates)) if len(rates) else None,
        "compile_seconds": float(history.compile_seconds.sum()),
        "batch_size": gan.options.batch_size,
    }


def _gan(about):
    """Lab 07's GAN with what is changed; its networks in the format of a policy."""
    import dataclasses

    from ganlib._tensorflow import keras

    keras.mixed_precision.set_dtype_policy(about.get("policy", "float32"))
    gan = recipe.lab(**about.get("lab", {}))["new_gan"]()
    keras.mixed_precision.set_dtype_policy("float32")
    changed = {}
    if "descent" in about:
        for name in ("generator_optimizer", "discriminator_optimizer"):
            changed[name] = keras.optimizers.SGD(about["descent"])
    if "jit_compile" in about:
        options = dataclasses.replace(gan.options, jit_compile=about["jit_compile"])
        changed["options"] = options
    return recipe.rebuilt(gan, **changed) if changed else gan


def _images():
    from ganlib import data

    return data.load_fashion_mnist(split="train").images[:50_000]


def sweep(about):
    """Returns what `run` does for batches of several sizes, and the bound of each by the count.

    Args:
        about: dict for `run`, with ``batch_sizes``, and ``rate`` and ``bandwidth`` of the machine.
    """
    from benchmarks import arithmetic

    rows = []
    for size in about["batch_sizes"]:
        one = about | {"lab": {"batch_size": size}}
        gan = _gan(one)
        passes = arithmetic.step_passes(
            gan.generator,
            gan.discriminator,
            size,
            interval=gan.penalties[0].interval,
            average=True,
        )
        bound = arithmetic.bound(passes, about["rate"], about["bandwidth"])
        row = run(one)
        row["fraction_of_limit"] = 1e3 * bound / row["step_ms"]
        rows.append({name: value for name, value in row.items() if name != "losses"})
    return {"rows": rows}


def quality(about):
    """Returns seconds and relative Fréchet distance of lab 07's own run.

    Args:
        about: dict with ``num_steps`` and ``num_images`` to be measured.
    """
    from ganlib import data, features, metrics

    start = time.perf_counter()
    gan = recipe.lab(num_steps=about["num_steps"])["new_gan"]()
    history = gan.train(_images(), about["num_steps"], progress=False)
    drawn = data.to_uint8(gan.sample(about["num_images"]))
    extractor = features.fashion_classifier()
    real = data.load_fashion_mnist(split="test").images[: about["num_images"]]
    distance = metrics.relative_frechet_distance(extractor(real), extractor(drawn))
    return {
        "num_steps": about["num_steps"],
        "distance": float(distance),
        "training_seconds": float(history.seconds[-1]),
        "compile_seconds": float(history.compile_seconds.sum()),
        "all_seconds": time.perf_counter() - start,
    }


def several(about):
    """Returns how far the weights of several devices are from those of one, after some steps.

    Args:
        about: dict with ``num_steps``. Without GPUs the devices are two shares of the CPU.
    """
    import contextlib

    from ganlib import penalties, training
    from ganlib._tensorflow import devices, keras, tf
    from ganlib.models import mlp

    names = None
    if about["gpus"] < 2:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        names = ["CPU:0", "CPU:1"]
    tf.config.experimental.enable_tensor_float_32_execution(False)
    strategy = tf.distribute.MirroredStrategy(names)
    found = []
    for one in (None, strategy):
        keras.utils.set_random_seed(0)
        with one.scope() if one else contextlib.nullcontext():
            pair = mlp.generator(28, 1, 32, width=128), mlp.discriminator(28, 1, width=128)
            optimizers = [keras.optimizers.SGD(0.05) for _ in pair]
        gan = training.GAN(
            *pair,
            penalties=[training.Penalty(penalties.r1, 0.1, interval=4)],
            generator_optimizer=optimizers[0],
            discriminator_optimizer=optimizers[1],
            options=training.Options(batch_size=32 * strategy.num_replicas_in_sync, strategy=one),
        )
        images, num_steps = _images(), about["num_steps"]
        gan.train(images, num_steps, progress=False)
        weights = [np.asarray(w) for network in pair for w in network.weights]
        history = gan.train(images, num_steps + 100, progress=False)  # timed when it is warm
        found.append((weights, gan.options.batch_size / float(history.images_per_second[-1])))
    (alone, seconds_alone), (shared, seconds) = found
    return {
        "devices": strategy.num_replicas_in_sync,
        "kind": devices.description(),
        "difference": max(float(abs(a - b).max()) for a, b in zip(alone, shared, strict=True)),
        "step_ms": [1e3 * seconds_alone, 1e3 * seconds],
    }


PARTS = {part.__name__: part for part in (machine, run, sweep, quality, several)}

if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[1]](json.loads(sys.argv[2]))))
