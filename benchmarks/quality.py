"""Quality against seconds of training: the default recipe beside those of others.

Every contestant trains on the same images until the same seconds, then draws 10,000 from what its
authors draw from. They are compared with the test images, and with validation images, by which
learning rates are chosen. The clock runs from the start of the training loop, compilation included,
and stands while images are drawn and measured.

This part races on Fashion-MNIST. `benchmarks.colour` has the race on photographs.
"""

import base64
import contextlib
import dataclasses
import io
import shutil
import time
from pathlib import Path

import numpy as np

from benchmarks import recipe, results, worker
from ganbook import kept

SLICE = 30  # seconds after which the next contestant has its turn
NUM_IMAGES = 10_000
SHOWN = 10  # images kept of each measurement


@dataclasses.dataclass(frozen=True)
class Race:
    """Who races, on what, and for how long.

    Attributes:
        part: name of the part of the bench.
        images: name of a set in `benchmarks.sets`.
        contestants: dict, name -> module and class. Names that begin with "ganlib" are ours, whose
            rates are not searched.
        times: seconds at which all are measured.
        pictured: those at which images are kept.
        factors: of the published learning rates, to try beside 1; lower ones would be slower.
        search: seconds after which the best factor is chosen, one of ``times``.
    """

    part: str
    images: str
    contestants: dict
    times: tuple
    pictured: tuple
    factors: tuple = (2.0, 4.0)
    search: int = 120


GREY = Race(
    "quality",
    "fashion_mnist",
    {
        "ganlib": ("ours", "Lab07"),
        "tensorflow_tutorial": ("peers_keras", "TensorFlowTutorial"),
        "keras_conditional": ("peers_keras", "KerasConditional"),
        "gan_flavours": ("peers_keras", "GanFlavours"),
        "pytorch_gan": ("peers_torch", "PyTorchGAN"),
    },
    times=(10, 15, 20, 30, 60, 120, 240, 480),
    pictured=(20, 60, 240, 480),
)


# ---- the process that plans -----------------------------------------------------------------


def run(bench):
    """Races on grey images.

    Args:
        bench: a ``tools.bench.Bench``.
    """
    run_race(bench, GREY)


def run_race(bench, race):
    """Makes the runs that are missing: as published, then at other learning rates.

    Args:
        bench: a ``tools.bench.Bench``.
        race: a `Race`.
    """
    protocol = {
        "images": race.images,
        "times": [1, 2] if bench.quick else list(race.times),
        "slice": SLICE,
        "factors": list(race.factors),
        "search_seconds": 1 if bench.quick else race.search,
        "num_images": 200 if bench.quick else NUM_IMAGES,
        "num_training": 2_000 if bench.quick else None,
        "seed": bench.seed,
    }
    part = results.Part(race.part, bench.output)
    names = [name for name in race.contestants if name in (bench.only or race.contestants)]
    in_torch = [name for name in names if race.contestants[name][0] == "peers_torch"]
    if in_torch and not bench.torch():
        names = [name for name in names if name not in in_torch]
    peers, end = [name for name in names if not is_ours(name)], protocol["times"][-1]
    plan = Plan(bench, part, race, protocol)
    plan.race("as published", [(name, 1.0) for name in names], end)
    for name in peers:  # one after another: all at once would take a dozen processes
        others = [(name, factor) for factor in race.factors]
        plan.race(f"{name}, other learning rates", others, protocol["search_seconds"])
    best = {name: plan.best_factor(name) for name in peers}
    plan.race("the best of them", list(best.items()), end)
    if not bench.only:
        factors = (1.0, *race.factors)
        part.store.only({_title(name, factor) for name in names for factor in factors})
    part.write(protocol, best=best)


def is_ours(name):
    """Returns whether a contestant is one of this repository."""
    return name.startswith("ganlib")


def planned(race, name, factor, protocol):
    """Returns the `kept.Run` of a contestant at a factor of its learning rates.

    Args:
        race: a `Race`.
        name: of one of its contestants.
        factor: of its published learning rates.
        protocol: dict with ``images``, ``times``, ``num_images``, ``num_training`` and ``seed``.
    """
    module, class_name = race.contestants[name]
    own = f"benchmarks.{module}", class_name
    asked = ("images", "times", "num_images", "num_training", "seed")
    about = {key: protocol[key] for key in asked}
    return kept.Run(
        _title(name, factor),
        recipe.key(("benchmarks.quality", "serve"), own),
        {"name": name, "factor": factor} | about,
        packages=(*kept.PACKAGES, "torch") if module == "peers_torch" else kept.PACKAGES,
    )


class Plan:
    """Races of several contestants, held in step. What was measured is kept, with its state."""

    def __init__(self, bench, part, race, protocol):
        self._bench, self._part, self._race, self._protocol = bench, part, race, protocol

    def _planned(self, run):
        return planned(self._race, run["name"], run["factor"], self._protocol)

    def _found(self, name, factor):
        """What is kept of a run, finished or not, or one that has not begun."""
        run = {"name": name, "factor": factor, "points": [], "finished": False}
        found = self._part.store.fresh(self._planned(run))
        return run | found["results"] if found else run

    def _folder(self, run):
        parts = run["name"], f"{run['factor']:g}", self._planned(run).key
        return self._bench.scratch / self._race.part / "_".join(parts)

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
            "home": self._race.contestants[run["name"]],
            "images": self._protocol["images"],
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
        answer = process.ask(until=stop, measure=measured, picture=stop in self._race.pictured)
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
            name = f"{self._race.part}/{run['name']}_{run['factor']:g}_{point['due']}.png"
            path = self._bench.output / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(point["picture"]))
            point["picture"] = name
        return point

    def best_factor(self, name):
        """Returns the factor whose run is nearest to the validation images after the search."""
        distances = {}
        for factor in (1.0, *self._race.factors):
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

    def __init__(self, contestant, folder, images, num_images):
        self._contestant, self._num_images = contestant, num_images
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._extractor = images.extractor
        self.about = {"title": contestant.title, "source": contestant.source}
        self._real = {
            "test": self._extractor(images.test[:num_images]),
            "validation": self._extractor(images.validation[:num_images]),
        }

    def __call__(self, pictured):
        """Returns a dict of what the contestant's images are worth now."""
        from ganlib import metrics

        labels = np.arange(self._num_images) % 10 if hasattr(self._contestant, "by_class") else None
        given = {} if labels is None else {"labels": labels}
        images = self._contestant.sample(self._num_images, seed=0, **given)
        classes = self._extractor.probabilities(images).argmax(1)
        counts = np.bincount(classes, minlength=10)
        point = {"smallest_class": float(counts.min() / len(images))}
        if labels is not None:
            point["obeyed"] = float(np.mean(classes == labels))
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
    """Returns a row of images as a PNG file in base64."""
    from PIL import Image

    row = np.concatenate(list(images), axis=1)
    file = io.BytesIO()
    Image.fromarray(row if row.shape[-1] == 3 else row[..., 0]).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def serve(arguments, channel):
    """Trains one contestant as the commands say."""
    from benchmarks import sets

    images = sets.load(arguments["images"])
    training = images.train[: arguments["num_training"]]
    contestant_class = worker.contestant(arguments["home"])
    given = {}
    if hasattr(contestant_class, "by_class"):
        given["labels"] = images.labels[: arguments["num_training"]]
    contestant = contestant_class(training, arguments["factor"], arguments["seed"], **given)
    measure = Measure(contestant, arguments["folder"], images, arguments["num_images"])
    if arguments["restore"]:
        contestant.warm_up()
        contestant.restore(Path(arguments["restore"]))
    clock = Clock(channel, contestant, measure, arguments["seconds"])
    contestant.train(clock.pause)
    clock.end(contestant.steps)
