"""Quality against seconds of training: the default recipe beside those of others.

Every contestant trains on Fashion-MNIST's training images until the same seconds, then draws
10,000 images from what its authors draw from. They are compared with the test images, and with the
last 10,000 training images, by which learning rates are chosen. The clock runs from the start of
the training loop, compilation included, and stands while images are drawn and measured.
"""

import base64
import contextlib
import io
import shutil
import time
from pathlib import Path

import numpy as np

from benchmarks import recipe, results, worker
from ganbook import kept

TIMES = (10, 15, 20, 30, 60, 120, 240, 480)
SLICE = 30  # seconds after which the next contestant has its turn
FACTORS = (2.0, 4.0)  # of the published learning rates; 1 is run anyway, lower ones would be slower
SEARCH = 120  # seconds after which the best factor is chosen
NUM_IMAGES = 10_000
SHOWN = 10  # images kept of each measurement
PICTURED = (20, 60, 240, 480)  # seconds at which they are kept

CONTESTANTS = {  # name -> module and class
    "ganlib": ("ours", "Lab07"),
    "tensorflow_tutorial": ("peers_keras", "TensorFlowTutorial"),
    "keras_conditional": ("peers_keras", "KerasConditional"),
    "gan_flavours": ("peers_keras", "GanFlavours"),
    "pytorch_gan": ("peers_torch", "PyTorchGAN"),
}


# ---- the process that plans -----------------------------------------------------------------


def run(bench):
    """Makes the runs that are missing: as published, then at other learning rates.

    Args:
        bench: a ``tools.bench.Bench``.
    """
    protocol = {
        "times": [1, 2] if bench.quick else list(TIMES),
        "slice": SLICE,
        "factors": list(FACTORS),
        "search_seconds": 1 if bench.quick else SEARCH,
        "num_images": 200 if bench.quick else NUM_IMAGES,
        "num_training": 2_000 if bench.quick else 60_000,
        "extractor": "fashion_classifier",
        "seed": bench.seed,
    }
    part = results.Part("quality", bench.output)
    names = [name for name in CONTESTANTS if name in (bench.only or CONTESTANTS)]
    if "pytorch_gan" in names and not bench.torch():
        names.remove("pytorch_gan")
    peers, end = [name for name in names if name != "ganlib"], protocol["times"][-1]
    plan = Plan(bench, part, protocol)
    plan.race("as published", [(name, 1.0) for name in names], end)
    for name in peers:  # one after another: all at once would take a dozen processes
        others = [(name, factor) for factor in FACTORS]
        plan.race(f"{name}, other learning rates", others, protocol["search_seconds"])
    best = {name: plan.best_factor(name) for name in peers}
    plan.race("the best of them", list(best.items()), end)
    if not bench.only:
        part.store.only({_title(name, factor) for name in names for factor in (1.0, *FACTORS)})
    part.write(protocol, best=best)


def planned(name, factor, protocol):
    """Returns the `kept.Run` of a contestant at a factor of its learning rates.

    Args:
        name: of a contestant.
        factor: of its published learning rates.
        protocol: dict with ``times``, ``num_images``, ``num_training`` and ``seed``.
    """
    module, class_name = CONTESTANTS[name]
    own = f"benchmarks.{module}", class_name
    about = {key: protocol[key] for key in ("times", "num_images", "num_training", "seed")}
    return kept.Run(
        _title(name, factor),
        recipe.key(("benchmarks.quality", "serve"), own),
        {"name": name, "factor": factor} | about,
        packages=(*kept.PACKAGES, "torch") if module == "peers_torch" else kept.PACKAGES,
    )


class Plan:
    """Races of several contestants, held in step. What was measured is kept, with its state."""

    def __init__(self, bench, part, protocol):
        self._bench, self._part, self._protocol = bench, part, protocol

    def _planned(self, run):
        return planned(run["name"], run["factor"], self._protocol)

    def _found(self, name, factor):
        """What is kept of a run, finished or not, or one that has not begun."""
        run = {"name": name, "factor": factor, "points": [], "finished": False}
        found = self._part.store.fresh(self._planned(run))
        return run | found["results"] if found else run

    def _folder(self, run):
        parts = run["name"], f"{run['factor']:g}", self._planned(run).key
        return self._bench.scratch / "quality" / "_".join(parts)

    def race(self, title, entries, end):
        """Trains all (name, factor) up to ``end`` seconds, in slices that take turns."""
        runs = [self._found(*entry) for entry in entries]
        runs = [run for run in runs if not run["finished"] and _done(run) < end]
        for run in runs:
            if run["points"] and not (self._folder(run) / str(_done(run))).exists():
                run["points"] = []  # the state that it would go on from was deleted
        total = sum(end - _done(run) for run in runs)
        with contextlib.ExitStack() as stack:
            workers = {_title(r["name"], r["factor"]): self._worker(r) for r in runs}
            for process in workers.values():
                stack.enter_context(process)
            bar = stack.enter_context(self._bench.bar(title, total, "s"))
            for turn, (start, stop) in enumerate(_slices(self._protocol["times"], end)):
                for i in range(len(runs)):
                    run = runs[(turn + i) % len(runs)]  # no one is always the first
                    if run["finished"] or stop <= _done(run):
                        continue
                    self._slice(workers[_title(run["name"], run["factor"])], run, stop, bar)
                    bar.update(stop - start)

    def _worker(self, run):
        points, folder = run["points"], self._folder(run)
        about = {
            "name": run["name"],
            "home": CONTESTANTS[run["name"]],
            "factor": run["factor"],
            "seed": self._protocol["seed"],
            "num_images": self._protocol["num_images"],
            "num_training": self._protocol["num_training"],
            "folder": str(folder),
            "restore": str(folder / str(_done(run))) if points else None,
            "seconds": points[-1]["seconds"] if points else 0.0,
        }
        return worker.Worker("quality", about)

    def _slice(self, process, run, stop, bar):
        """Lets one contestant train up to ``stop`` seconds, and keeps what was measured then."""
        measured = stop in self._protocol["times"]
        answer = process.ask(until=stop, measure=measured, picture=stop in PICTURED)
        run["title"], run["source"] = answer["title"], answer["source"]
        run["finished"] = answer["ended"] or stop == self._protocol["times"][-1]
        if "point" in answer:
            run["points"].append(self._with_picture(run, answer["point"] | {"due": stop}))
            found = {key: run[key] for key in ("title", "source", "points", "finished")}
            self._part.store.put(self._planned(run), found, seconds=answer["seconds"])
            bar.set_postfix_str(
                f"{run['title']} ×{run['factor']:g}: {run['points'][-1]['test']:.3f} at "
                f"{answer['seconds']:.0f} s"
            )

    def _with_picture(self, run, point):
        """The point with the name of its picture, which becomes a file beside the results."""
        if "picture" in point:
            name = f"quality/{run['name']}_{run['factor']:g}_{point['due']}.png"
            path = self._bench.output / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(point["picture"]))
            point["picture"] = name
        return point

    def best_factor(self, name):
        """Returns the factor whose run is nearest to the validation images after the search."""
        distances = {}
        for factor in (1.0, *FACTORS):
            points = self._found(name, factor)["points"]
            due = [p for p in points if p["due"] == self._protocol["search_seconds"]]
            distances[factor] = due[0]["validation"]
        return min(distances, key=distances.get)


def _title(name, factor):
    return f"{name} ×{factor:g}"


def _done(run):
    return run["points"][-1]["due"] if run["points"] else 0


def _slices(times, end):
    """Yields (start, stop) of the slices up to ``end``; each time of measurement ends one."""
    start = 0
    for time_ in (t for t in times if t <= end):
        while start < time_:
            stop = min(start + SLICE, time_)
            yield start, stop
            start = stop


# ---- the processes that train -----------------------------------------------------------------


class Clock:
    """Seconds of training, which stand still from an answer to the next command."""

    def __init__(self, channel, contestant, measure, seconds):
        self._channel, self._contestant, self._measure = channel, contestant, measure
        self._seconds = seconds
        self._await()

    def _await(self):
        self._command = self._channel.receive()
        self._started = time.perf_counter()

    def pause(self, steps):
        """Called by the training loop: where the command's seconds are over, answers and waits."""
        if self._seconds + time.perf_counter() - self._started >= self._command["until"]:
            self._answer(steps, ended=False)
            self._await()
        return False

    def end(self, steps):
        """Called after the training loop has ended by itself."""
        self._answer(steps, ended=True)

    def _answer(self, steps, ended):
        self._contestant.synchronise()
        self._seconds += time.perf_counter() - self._started
        answer = {"seconds": self._seconds, "ended": ended, **self._measure.about}
        if self._command["measure"] or ended:
            point = self._measure(self._command["picture"] or ended)
            answer["point"] = {"seconds": self._seconds, "steps": steps} | point
            self._measure.save(str(self._command["until"]))
        self._channel.send(**answer)


class Measure:
    """What is measured of a contestant: distances, classes and a picture. Keeps its state."""

    def __init__(self, contestant, folder, num_images):
        from ganlib import data, features

        self._contestant, self._num_images = contestant, num_images
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._extractor = features.fashion_classifier()
        self.about = {"title": contestant.title, "source": contestant.source}
        self._real = {
            "test": self._extractor(data.load_fashion_mnist("test").images[:num_images]),
            "validation": self._extractor(data.load_fashion_mnist().images[-num_images:]),
        }

    def __call__(self, pictured):
        """Returns a dict of what the contestant's images are worth now."""
        from ganlib import metrics

        images = self._contestant.sample(self._num_images, seed=0)
        classes = self._extractor.probabilities(images).argmax(1)
        counts = np.bincount(classes, minlength=10)
        point = {"smallest_class": float(counts.min() / len(images))}
        generated = self._extractor(images)
        for name, real in self._real.items():
            distance = metrics.relative_frechet_distance(real, generated)
            point[name] = float(distance)
        if pictured:
            found = metrics.precision_recall(self._real["test"], generated)
            point |= {"precision": float(found.precision), "recall": float(found.recall)}
            point["picture"] = encode(images[:SHOWN])
        return point

    def save(self, name):
        """Keeps the state of the run, from which it can go on, and drops earlier ones."""
        earlier = [path for path in self._folder.iterdir() if path.name != name]
        (self._folder / name).mkdir(exist_ok=True)
        self._contestant.save(self._folder / name)
        for path in earlier:
            shutil.rmtree(path)


def encode(images):
    """Returns a row of grey images as a PNG file in base64."""
    from PIL import Image

    row = np.concatenate(list(images[..., 0]), axis=1)
    file = io.BytesIO()
    Image.fromarray(row).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def serve(arguments, channel):
    """Trains one contestant as the commands say."""
    from ganlib import data

    contestant_class = worker.contestant(arguments["home"])
    images = data.load_fashion_mnist().images[: arguments["num_training"]]
    contestant = contestant_class(images, arguments["factor"], arguments["seed"])
    measure = Measure(contestant, arguments["folder"], arguments["num_images"])
    if arguments["restore"]:
        contestant.warm_up()
        contestant.restore(Path(arguments["restore"]))
    clock = Clock(channel, contestant, measure, arguments["seconds"])
    contestant.train(clock.pause)
    clock.end(contestant.steps)
