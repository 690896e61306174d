"""Choose what the study's protocol fixes, on validation images: ``python tools/study_search.py``.

    python tools/study_search.py --jobs 2              two trials at a time, one thread each
    python tools/study_search.py --only pretrained     the trials with this in their name

`book/data/12_study_search.yml` lists what is tried. It learns from the first 50,000 training images
of Fashion-MNIST and scores on the last 10,000; the test set is not read. Each trial's rows are kept
in `book/data/12_study_tried.csv` as soon as it ends, failures included, and the same command goes
on where it stopped. At the end it prints the mean over the seeds of each arm of each trial.
"""

import argparse
import concurrent.futures
import dataclasses
import functools
import json
import multiprocessing
import os
import statistics
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import yaml
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import kept  # noqa: E402, after the line that makes it importable
from tools import study, sweep  # noqa: E402

SEARCH = study.DATA / "12_study_search.yml"
COLUMNS = (
    *("run", "trial", "setting", "num_per_class", "seed", "arm", *study.MEASURES),
    *("seconds", "commit", "made_from", "settings"),
)


def runs(search):
    """Returns one run for each trial and seed."""
    found = []
    for trial in search["trials"]:
        settings = search["settings"] | trial.get("settings", {})
        number = trial.get("num_per_class", search["num_per_class"])
        for seed in trial.get("seeds", search["seeds"]):
            parts = [trial["setting"], trial["arms"], number, seed, settings]
            found.append(
                SimpleNamespace(
                    key=f"{trial['trial']}/{trial['setting']}/{number}/{seed}",
                    made_from=kept.fingerprint(study.library(), *parts),
                    about={
                        "trial": trial["trial"],
                        "setting": trial["setting"],
                        "num_per_class": number,
                        "seed": seed,
                        "settings": json.dumps(settings, sort_keys=True),
                    },
                    arms=trial["arms"],
                    settings=settings,
                )
            )
    return found


def as_settings(given):
    """Returns the settings of a trial; policies are given by their own arguments."""
    from ganbook.study import arms
    from ganlib import augment

    settings = dict(given)
    for name, kind in (("policy", augment.Classical), ("gan_augment", augment.DiffAugment)):
        if isinstance(settings.get(name), dict):
            settings[name] = kind(**settings[name])
    return dataclasses.replace(arms.Settings(), **settings)


@functools.cache
def all_images():
    """Returns the training images, labels included; the test set is not read."""
    from ganlib import data

    return data.load_fashion_mnist("train")


def parts():
    """Returns the pool to learn from, without copies, and the validation images."""
    from ganlib import comparison

    images = all_images()
    validation = images[50_000:]
    seal = comparison.Seal(validation.images)
    return comparison.without_copies(images[:50_000], seal), validation


def perform(run):
    """Trains the arms that a trial asks for; returns their rows."""
    import numpy as np

    from ganbook.study import arms
    from ganlib import comparison

    pool, validation = parts()
    held_out = comparison.HeldOut(validation)
    setting, number, seed = (run.about[name] for name in ("setting", "num_per_class", "seed"))
    rare = ()
    if setting == "imbalance":
        rng = np.random.default_rng(seed)
        rare = tuple(sorted(rng.choice(pool.num_classes, 3, replace=False).tolist()))
    num_unlabelled = -1 if setting == "few_labels" else 0
    material = comparison.split(
        pool, number, seed, num_unlabelled=num_unlabelled, rare=rare, num_common=1000
    )
    trainer = arms.Trainer(as_settings(run.settings), held_out.seal, seed)
    functions = getattr(arms, setting)(material, trainer)
    rows = []
    for arm in run.arms:
        start = time.perf_counter()
        scores = held_out.scores(functions[arm](), rare)
        row = {"run": run.key, "arm": arm, "seconds": f"{time.perf_counter() - start:.1f}"}
        rows.append(run.about | row | scores)
    about = {"commit": sweep.commit("ganlib", "tools"), "made_from": run.made_from}
    return [{name: str((row | about)[name]) for name in COLUMNS} for row in rows]


def summary(rows):
    """Returns one line for each arm of each trial: the mean accuracy and those of the seeds."""
    groups = {}
    for row in rows.read():
        key = (row["trial"], row["setting"], row["num_per_class"], row["arm"])
        measure = "rare_accuracy" if row["setting"] == "imbalance" else "accuracy"
        groups.setdefault(key, []).append(100 * float(row[measure]))
    return [
        f"{statistics.mean(values):6.2f}  {' '.join(key)}: {', '.join(f'{v:.1f}' for v in values)}"
        for key, values in groups.items()
    ]


def main(words=None):
    """Does the trials that are missing; returns the exit status."""
    parser = argparse.ArgumentParser(description="Tries things out on validation images.")
    parser.add_argument("--search", type=Path, default=SEARCH)
    parser.add_argument("--output", type=Path, default=study.DATA / "12_study_tried.csv")
    parser.add_argument("--only", help="trials whose name has this in it")
    parser.add_argument("--jobs", type=int, default=1, help="how many trials at a time")
    given = parser.parse_args(words)
    os.environ.update(study.THREADS)  # before TensorFlow is loaded, in processes of their own
    rows = study.Rows(given.output, COLUMNS)
    wanted = runs(yaml.safe_load(given.search.read_text(encoding="utf-8")))
    wanted = [run for run in wanted if given.only is None or given.only in run.about["trial"]]
    do_missing(wanted, rows, perform, given.jobs)
    print("\n".join(summary(rows)))
    return 0


def do_missing(wanted, rows, perform, jobs):
    """Does the runs without kept rows, so many at a time; keeps the rows of each as it ends."""
    missing = [run for run in wanted if not rows.of(run)]
    clean = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    with (
        rows.locked(),
        concurrent.futures.ProcessPoolExecutor(jobs, clean, study.end_with_parent) as pool,
        tqdm(total=len(missing), unit="run") as bar,
    ):
        going = {pool.submit(perform, run): run for run in missing}
        for run in concurrent.futures.as_completed(going):
            rows.put(going[run], run.result())
            bar.update()


if __name__ == "__main__":
    sys.exit(main())
