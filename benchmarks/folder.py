"""Pictures of a large folder as batches: ganlib, tf.data, PyTorch's DataLoader.

Each contestant is given the same folder of small PNG files, in a process of its own, and makes two
epochs of shuffled batches of floats in [-1, 1]: the first begins with nothing but the files, the
second with whatever the contestant has kept of the first. Nobody trains, so that only reading is
timed. In each round they come in another order. The files were written just before, so they lie in
the system's cache for all of them, as far as its memory goes.
"""

import shutil
import statistics
import time

import numpy as np

from benchmarks import recipe, results, worker
from ganbook import kept

NUM_FILES = 100_000
NUM_ROUNDS = 3
IMAGE_SIZE, BATCH_SIZE = 64, 50
_FILES_PER_PART = 1000  # of those that are written at once
# name -> title; module and class; with which options
CONTESTANTS = {
    "ganlib": ("ganlib, open_folder", ("loaders_keras", "OpenFolder"), {}),
    "tf_data": ("tf.data", ("loaders_keras", "TFData"), {"kept": False}),
    "tf_data_cached": ("tf.data, cached on disk", ("loaders_keras", "TFData"), {"kept": True}),
    "torch": ("PyTorch, DataLoader", ("loaders_torch", "TorchFolder"), {}),
}
TITLES = {name: title for name, (title, *_) in CONTESTANTS.items()}


def run(bench):
    """Makes the rounds that are missing, then the summary.

    Args:
        bench: a ``tools.bench.Bench``.
    """
    protocol = {
        "num_files": 100 if bench.quick else NUM_FILES,
        "num_rounds": 1 if bench.quick else NUM_ROUNDS,
        "image_size": IMAGE_SIZE,
        "batch_size": BATCH_SIZE,
    }
    names = [name for name in TITLES if name in (bench.only or TITLES)]
    if "torch" in names and not bench.torch():
        names.remove("torch")
    if not names:
        return
    part = results.Part("folder", bench.output)
    runs = plan(protocol, names)
    missing = part.missing(runs)
    if missing:
        pictures = write_pictures(bench.scratch, protocol["num_files"])
        with bench.bar("folder", len(missing), "round") as bar:
            for one in missing:
                start = time.perf_counter()
                found = measure_round(pictures, one.parameters)
                part.store.put(one, found, seconds=time.perf_counter() - start)
                bar.update()
    part.store.only({one.name for one in runs})
    part.write(protocol, summary=summary(part.found(runs)))


def plan(protocol, names):
    """Returns the rounds, a list of `kept.Run`.

    Args:
        protocol: dict with ``num_rounds`` and ``num_files``.
        names: of the contestants.
    """
    own = [
        (f"benchmarks.{module}", name)
        for module, name in sorted({CONTESTANTS[n][1] for n in names})
    ]
    mine = [("benchmarks.folder", name) for name in ("serve", "measure_round", "write_pictures")]
    packages = (*kept.PACKAGES, "torch") if "torch" in names else kept.PACKAGES
    return [
        kept.Run(
            f"round {number}",
            recipe.key(*mine, *own),
            {"number": number, "contestants": list(names), "num_files": protocol["num_files"]},
            packages=packages,
        )
        for number in range(protocol["num_rounds"])
    ]


def write_pictures(scratch, num_files):
    """Writes a folder of smooth colour pictures with some noise, unless it is there.

    Args:
        scratch: folder for large files.
        num_files: how many.

    Returns:
        The folder, a ``pathlib.Path``.
    """
    from ganlib import data

    folder, done = scratch / f"pictures_{num_files}", scratch / f"pictures_{num_files}.done"
    if done.exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)  # of a bench that was interrupted
    rng, eighth = np.random.default_rng(0), IMAGE_SIZE // 8
    for part, first in enumerate(range(0, num_files, _FILES_PER_PART)):
        size = min(_FILES_PER_PART, num_files - first)
        coarse = rng.integers(0, 200, (size, eighth, eighth, 3))
        pixels = coarse.repeat(8, axis=1).repeat(8, axis=2)
        pixels = pixels + rng.integers(0, 56, pixels.shape)
        data.save_folder(data.Images(pixels.astype(np.uint8)), folder / f"{part:04d}")
    done.touch()
    return folder


def measure_round(pictures, about):
    """Has each contestant make two epochs, and compares what they delivered.

    Args:
        pictures: the folder.
        about: the round's parameters, a dict.

    Returns:
        A dict, name -> dict of the seconds of both epochs.

    Raises:
        ValueError: if the contestants did not deliver the same pictures.
    """
    names, found, means = about["contestants"], {}, {}
    first = about["number"] % len(names)  # no one is always the first
    for name in names[first:] + names[:first]:
        _, home, options = CONTESTANTS[name]
        with worker.Worker("folder", {"name": name, "loader": home, "options": options}) as process:
            process.ask(folder=str(pictures), batch_size=BATCH_SIZE)
            answers = [process.ask(epoch=epoch) for epoch in ("first", "second")]
        found[name] = {
            epoch: answer["seconds"]
            for epoch, answer in zip(("first", "second"), answers, strict=True)
        }
        means |= {(name, epoch): answer["mean"] for epoch, answer in enumerate(answers)}
    if max(means.values()) - min(means.values()) > 1e-3:
        raise ValueError(f"the contestants delivered other pictures, with the means {means}.")
    return found


def summary(rounds):
    """Returns medians over the rounds.

    Args:
        rounds: dict of kept rounds.

    Returns:
        A dict: for each contestant its images a second in both epochs, and how many times as fast
        ganlib was in the same round; medians.
    """
    found = {}
    for name in next(iter(rounds.values()))["contestants"]:
        found[name] = {"title": TITLES[name]}
        for epoch in ("first", "second"):
            seconds = [one[name][epoch] for one in rounds.values()]
            rates = [
                one["num_files"] / own for one, own in zip(rounds.values(), seconds, strict=True)
            ]
            found[name][f"{epoch}_images_per_second"] = statistics.median(rates)
            if all("ganlib" in one for one in rounds.values()):
                ours = [one["ganlib"][epoch] for one in rounds.values()]
                ratios = [own / our for own, our in zip(seconds, ours, strict=True)]
                found[name][f"{epoch}_ratio"] = statistics.median(ratios)
    return found


def serve(arguments, channel):
    """Makes epochs of one contestant as the commands say."""
    import tempfile

    about = channel.receive()
    with tempfile.TemporaryDirectory(dir=about["folder"] + "/..") as scratch:
        make = worker.contestant(arguments["loader"])
        loader = make(about["folder"], about["batch_size"], scratch, **arguments["options"])
        channel.send()  # all that is imported is imported now
        while True:
            channel.receive()
            start = time.perf_counter()
            mean = loader.epoch()
            channel.send(seconds=time.perf_counter() - start, mean=mean)
