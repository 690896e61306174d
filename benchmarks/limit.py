"""How near the training step comes to what the machine can do.

The step's arithmetic and traffic are counted (`arithmetic`); the machine's rate is that of its best
matrix product in float32, its bandwidth that of a triad a = b + s·c over arrays far larger than the
caches. A step that only waited for one of the two would take the bound.
"""

import collections
import concurrent.futures
import os
import statistics
import time

import numpy as np

from benchmarks import recipe, results, worker
from ganbook import kept

NUM_ROUNDS = 5
NUM_STEPS = 200
# (rows, inner, columns): squares, and the tall ones that convolutions become
SHAPES = ((1024,) * 3, (2048,) * 3, (4096,) * 3, (50_176, 256, 64), (12_544, 512, 64))
TRIAD_VALUES = 2**26  # of each of three arrays: 256 MiB in float32
QUEUED = 20  # calls that a GPU is given at once, so that none waits to be started
CHUNK = 2**14  # so that the two operations of NumPy's triad meet in the cache


def run(bench):
    """Measures the machine and the step in turns, and puts the count beside them.

    Args:
        bench: a ``tools.bench.Bench``.
    """
    protocol = {
        "num_rounds": 1 if bench.quick else NUM_ROUNDS,
        "num_steps": 16 if bench.quick else NUM_STEPS,
        "shapes": [[64, 64, 64]] if bench.quick else [list(shape) for shape in SHAPES],
        "triad_values": 2**16 if bench.quick else TRIAD_VALUES,
        "lab": recipe.parameters(),
    }
    part = results.Part("limit", bench.output)
    run_ = plan(protocol)
    if part.missing([run_]):
        start = time.perf_counter()
        part.store.put(run_, _measured(bench, protocol), seconds=time.perf_counter() - start)
    part.write(protocol)


def plan(protocol):
    """Returns the one `kept.Run` of this part.

    Args:
        protocol: dict, how often and how large.
    """
    about = {name: value for name, value in protocol.items() if name != "lab"}
    key = recipe.key(*(("benchmarks.limit", name) for name in ("serve", "_summary")))
    return kept.Run("step", key, about)


def _measured(bench, protocol):
    with (
        worker.Worker("limit", {"name": "machine"}) as process,
        bench.bar("limit", protocol["num_rounds"], "round") as bar,
    ):
        counts = process.ask(do="count")
        rounds = []
        for _ in range(protocol["num_rounds"]):
            rounds.append(process.ask(do="round", protocol=protocol))
            bar.update()
    return {"counts": counts, "rounds": rounds} | _summary(counts, rounds)


def _summary(counts, rounds):
    """Returns rates, bounds, times and fractions."""
    from benchmarks import arithmetic

    rate = max(r["flops"] for one in rounds for r in one["rates"])
    bandwidth = max(one["bandwidth"] for one in rounds)
    found = {"rate": rate, "bandwidth": bandwidth, "modes": {}}
    for mode, rows in counts["passes"].items():
        rows = [arithmetic.Pass(*row) for row in rows]
        flops, num_bytes = sum(p.flops for p in rows), sum(p.num_bytes for p in rows)
        seconds = statistics.median(one["seconds"][mode] for one in rounds)
        limit = arithmetic.bound(rows, rate, bandwidth)
        found["modes"][mode] = {
            "flops": flops,
            "bytes": num_bytes,
            "seconds": seconds,
            "arithmetic_seconds": flops / rate,
            "traffic_seconds": num_bytes / bandwidth,
            "bound_seconds": limit,
            "fraction_of_bound": limit / seconds,
            "fraction_of_rate": flops / rate / seconds,
        }
    return found


# ---- the process that measures -----------------------------------------------------------------


def matmul_rates(shapes, seconds=0.5, dtype="float32"):
    """Returns the rates of matrix products, by TensorFlow on its device and by NumPy.

    From NVIDIA's Ampere on, a product of float32 is one of TF32 unless TensorFlow is told
    otherwise; so are those of the step that is measured beside it.

    Args:
        shapes: (rows, inner, columns) of each product.
        seconds: how long each is repeated; the fastest counts.
        dtype: of TensorFlow's matrices.

    Returns:
        A list of dicts with shape, library and operations a second.
    """
    from ganlib._tensorflow import devices, tf

    found, calls = [], QUEUED if devices.gpus() else 1
    for rows, inner, columns in shapes:
        a = np.random.default_rng(0).normal(size=(rows, inner)).astype(np.float32)
        b = np.random.default_rng(1).normal(size=(inner, columns)).astype(np.float32)
        a_, b_ = tf.cast(a, dtype), tf.cast(b, dtype)
        out = np.empty((rows, columns), np.float32)
        product = tf.function(lambda a_=a_, b_=b_: tf.matmul(a_, b_)[0, 0])
        for library, function in (
            ("tensorflow", lambda product=product: _last(product, calls)),
            ("numpy", lambda a=a, b=b, out=out: np.matmul(a, b, out=out)),
        ):
            best = _best_seconds(function, seconds) / (calls if library == "tensorflow" else 1)
            flops = 2 * rows * inner * columns / best
            found.append({"shape": [rows, inner, columns], "library": library, "flops": flops})
    return found


def bandwidth(num_values, seconds=1.0):
    """Returns the bytes a second of a triad a = b + s·c; three arrays count, as in STREAM.

    Args:
        num_values: values of each array.
        seconds: how long it is repeated; the fastest counts.

    Returns:
        Bytes a second, on the GPU where TensorFlow has one, else in main memory by all cores.
    """
    from ganlib._tensorflow import devices, tf

    num_bytes = 3 * num_values * 4
    if devices.gpus():
        b, c = tf.ones(num_values), tf.ones(num_values)
        a = tf.Variable(tf.zeros(num_values))
        triad = tf.function(lambda: a.assign(b + 3.0 * c)[0], jit_compile=True)
        return QUEUED * num_bytes / _best_seconds(lambda: _last(triad, QUEUED), seconds)
    b, c, a = (np.full(num_values, value, np.float32) for value in (1, 2, 0))
    num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    edges = np.linspace(0, num_values, num_threads + 1).astype(int)
    with concurrent.futures.ThreadPoolExecutor(num_threads) as pool:

        def triad():
            list(pool.map(lambda k: _triad(a, b, c, edges[k], edges[k + 1]), range(num_threads)))

        return num_bytes / _best_seconds(triad, seconds)


def _triad(a, b, c, start, stop):
    for i in range(start, stop, CHUNK):
        part = slice(i, min(i + CHUNK, stop))
        np.multiply(c[part], np.float32(3), out=a[part])
        np.add(a[part], b[part], out=a[part])


def _last(function, calls):
    """Waits for the last of some calls: a GPU is told of the next while it works on one."""
    for _ in range(calls):
        value = function()
    return value.numpy()


def _best_seconds(function, seconds):
    function()
    best, end = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def count(mode):
    """Returns the passes of lab 07's step, and TensorFlow's own count of the bare step.

    Args:
        mode: "full" or "bare".

    Returns:
        ``(list of Pass, dict)``; see ``tensorflow_count`` for the dict.
    """
    from benchmarks import arithmetic, loops_keras

    gan = loops_keras.lab_gan(mode)
    interval = gan.penalties[0].interval if gan.penalties else None
    found = arithmetic.step_passes(
        gan.generator,
        gan.discriminator,
        gan.options.batch_size,
        interval=interval,
        average=mode == "full",
    )
    step = loops_keras.lab_step(mode)
    step.objective = step.objective._replace(penalties=())
    return found, tensorflow_count(step)


def tensorflow_count(training_step):
    """Returns what TensorFlow's profiler counts for one step without a penalty.

    Gradients that are written into the graph and used by nothing are left out, as TensorFlow drops
    them before it runs. Where a stride does not divide a side (7 to 4 pixels), it takes 49/4 places
    for a gradient where the convolution has 16.

    Args:
        training_step: a ``training.Step`` without penalties.

    Returns:
        A dict, kind of operation -> operations, for matrix products and convolutions.
    """
    from tensorflow.python.framework import ops  # what tf.compat.v1.profiler asks for each node

    from ganlib._tensorflow import tf

    discriminator = training_step.networks.discriminator
    real = tf.zeros([training_step.options.batch_size, *discriminator.inputs[0].shape[1:]])
    latents = tf.zeros_like(training_step.latents(0))

    def step():
        return training_step([real], [latents], tf.constant(1, tf.int64))

    traced = tf.function(step).get_concrete_function().graph
    used, waiting = set(), [t.op for t in traced.outputs]
    waiting += [op for op in traced.get_operations() if op.type.startswith("Assign")]
    while waiting:
        operation = waiting.pop()
        if operation not in used:
            used.add(operation)
            waiting += [tensor.op for tensor in operation.inputs] + operation.control_inputs
    counts = collections.Counter()
    with traced.as_default():
        for operation in used:
            if operation.type in _PRODUCTS:
                found = ops.get_stats_for_node_def(traced, operation.node_def, "flops")
                counts[operation.type] += int(found.value)
    return dict(counts)


_PRODUCTS = ("MatMul", "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")


def serve(arguments, channel):
    """Counts the step, and measures rounds of the machine and the step."""
    del arguments
    from benchmarks import loops_keras
    from ganlib import data

    loops = {}
    while True:
        command = channel.receive()
        if command["do"] == "count":
            counted = {mode: count(mode) for mode in ("full", "bare")}
            passes = {mode: found for mode, (found, _) in counted.items()}
            channel.send(passes=passes, tensorflow=counted["bare"][1])
            continue
        if not loops:
            images = data.load_fashion_mnist().images
            loops = {m: loops_keras.GanlibLoop(images, m) for m in ("full", "bare")}
            for loop in loops.values():
                loop.run("step", 2)
        protocol, seconds = command["protocol"], {}
        for mode, loop in loops.items():
            start = time.perf_counter()
            loop.run("step", protocol["num_steps"])
            seconds[mode] = (time.perf_counter() - start) / protocol["num_steps"]
        channel.send(
            seconds=seconds,
            rates=matmul_rates(protocol["shapes"]),
            bandwidth=bandwidth(protocol["triad_values"]),
        )
