"""How the training step grows: with the batch, the width, the resolution and the data set.

One setting of lab 07's step is changed at a time, in a process of its own whose peak memory is
read at the end. A folder of many small files is listed, decoded, mapped and opened again.
"""

import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import recipe, results, worker
from benchmarks.metrics import peak_megabytes
from ganbook import kept

NUM_STEPS = 50
NUM_BLOCKS = 5
NUM_FILES = 100_000
GRID = {
    "batch_size": (16, 32, 64, 128, 256, 512),
    "width": (8, 16, 32, 64),
    "image_size": (28, 32, 64),
    "num_images": (1_000, 10_000, 60_000, 240_000),
}
QUICK_GRID = {"batch_size": (8,), "width": (4,), "image_size": (32,), "num_images": (100,)}


def run(bench):
    """Measures the settings and the folder that are missing.

    Args:
        bench: a ``tools.bench.Bench``.
    """
    protocol = {
        "num_steps": 2 if bench.quick else NUM_STEPS,
        "num_blocks": 2 if bench.quick else NUM_BLOCKS,
        "num_files": 60 if bench.quick else NUM_FILES,
        "grid": {k: list(v) for k, v in (QUICK_GRID if bench.quick else GRID).items()},
        "lab": recipe.parameters(),
    }
    part = results.Part("growth", bench.output)
    runs = plan(protocol)
    missing = part.missing(runs)
    with bench.bar("growth", len(missing), "setting") as bar:
        for one in missing:
            bar.set_postfix_str(one.name)
            start = time.perf_counter()
            with worker.Worker("growth", {"name": one.name}) as process:
                answer = process.ask(**one.parameters)
            part.store.put(one, answer, seconds=time.perf_counter() - start)
            bar.update()
    part.store.only({one.name for one in runs})
    part.write(protocol)


def plan(protocol):
    """Returns a `kept.Run` for each setting, and one for the folder.

    Args:
        protocol: dict with ``grid``, ``num_steps``, ``num_blocks`` and ``num_files``.
    """
    key = recipe.key(("benchmarks.growth", "step_times"))
    settings = {name: protocol[name] for name in ("num_steps", "num_blocks")}
    runs = [
        kept.Run(f"{name} {value}", key, {"name": name, "value": value} | settings)
        for name, values in protocol["grid"].items()
        for value in values
    ]
    key = recipe.key(("benchmarks.growth", "folder_times"))
    return [*runs, kept.Run("folder", key, {"num_files": protocol["num_files"]})]


# ---- the process that measures -----------------------------------------------------------------


def serve(arguments, channel):
    """Measures one setting, or the folder."""
    about = channel.receive()
    if arguments["name"] == "folder":
        with tempfile.TemporaryDirectory() as folder:
            channel.send(**folder_times(Path(folder), about["num_files"]))
        return
    channel.send(**step_times(**about))


def step_times(name, value, num_steps, num_blocks):
    """Returns seconds of a step and megabytes for one changed setting.

    Args:
        name: "batch_size", "width", "image_size" or "num_images".
        value: what it is changed to.
        num_steps: of a block.
        num_blocks: how many.
    """
    from ganlib import training
    from ganlib._tensorflow import devices, tf

    gan = _gan(name, value)
    side = gan.discriminator.inputs[0].shape[1]
    num_images = value if name == "num_images" else 60_000
    images = _images(num_images, side)
    feed = training.Feed(images, np.full(num_images, -1, np.int32), gan.options)
    block, times = training.Block(gan.training_step), []
    compile_seconds = block.compile(feed)
    for i in range(num_blocks + 1):  # the first one warms up
        first, last = (num_steps * k for k in (i, i + 1))
        start = time.perf_counter()
        block(feed, first, last)[0].numpy()
        times.append((time.perf_counter() - start) / num_steps)
    found = {
        "seconds": statistics.median(times[1:]),
        "compile_seconds": compile_seconds,
        "megabytes": peak_megabytes(),
        "batch_size": gan.options.batch_size,
    }
    if devices.gpus():
        found["gpu_megabytes"] = tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e6
    return found


def _gan(name, value):
    """Returns lab 07's GAN with one setting changed; other resolutions have other networks."""
    if name == "num_images":
        return recipe.lab()["new_gan"]()
    if name != "image_size":
        return recipe.lab(**{name: value})["new_gan"]()
    names = recipe.lab()
    plain, old = names["new_gan"](), names["dcgan"]
    if value == plain.discriminator.inputs[0].shape[1]:
        return plain

    class Resized:
        """The module of the networks with another side than the lab's."""

        @staticmethod
        def generator(_, *arguments, **options):
            return old.generator(value, *arguments, **options)

        @staticmethod
        def discriminator(_, *arguments, **options):
            return old.discriminator(value, *arguments, **options)

    names["dcgan"] = Resized
    return names["new_gan"]()


def _images(num_images, side):
    """Returns grey images of Fashion-MNIST, repeated as often as needed and padded or doubled."""
    from ganlib import data

    originals, scale = data.load_fashion_mnist().images, 2 if side >= 56 else 1
    border = (side - 28 * scale) // 2
    inside = slice(border, side - border)
    images = np.zeros((num_images, side, side, 1), np.uint8)  # filled in parts: no peak of memory
    for start in range(0, num_images, 1000):
        size = min(1000, num_images - start)
        part = originals[np.arange(start, start + size) % len(originals)]
        part = part.repeat(scale, axis=1).repeat(scale, axis=2)
        images[start : start + size, inside, inside] = part
    return images


def folder_times(folder, num_files):
    """Returns seconds to write, list, load, map and open again a folder of small pictures.

    Args:
        folder: an empty folder.
        num_files: how many PNG files.
    """
    from ganlib import data

    labels = np.resize(data.load_fashion_mnist().labels, num_files)
    pictures = data.Images(_images(num_files, 28), labels, data.FASHION_CLASSES)
    form, found = {"image_size": 28, "channels": 1}, {"num_files": num_files}

    def timed(name, function):
        start = time.perf_counter()
        result = function()
        found[name] = time.perf_counter() - start
        return result

    timed("save", lambda: data.save_folder(pictures, folder / "pictures"))
    path, cache = folder / "pictures", folder / "cache"
    timed("list", lambda: data.list_folder(path))
    loaded = timed("load", lambda: data.load_folder(path, **form))
    opened = timed("open", lambda: data.open_folder(path, cache=cache, **form))
    timed("open_again", lambda: data.open_folder(path, cache=cache, **form))
    batches = np.random.default_rng(0).integers(0, num_files, (50, 64))
    for name, images in (("memory", loaded.images), ("mapped", opened.images)):
        chosen = np.unique(batches)
        timed(f"read_{name}", lambda images=images, chosen=chosen: np.asarray(images[chosen]))
    if not np.array_equal(loaded.images, opened.images):
        raise ValueError("load_folder and open_folder gave different pixels.")
    used = resource.getrusage(resource.RUSAGE_SELF)
    return found | {"processor_seconds": used.ru_utime + used.ru_stime}
