"""Choose what the study's protocol fixes, on validation images: ``python tools/study_search.py``.

    python tools/study_search.py --jobs 2              two trials at a time, one thread each
    python tools/study_search.py --only pretrained     the trials with this in their name

`book/data/12_study_search.yml` lists what is tried. It learns from the first 50,000 training images
of Fashion-MNIST and scores on the last 10,000; the test set is not read. Each trial is kept in
`book/data/12_study_tried/` as soon as it ends, failures included, and the same command goes on
where it stopped. At the end it prints the mean over the seeds of each arm of each trial.
"""

import argparse
import csv
import dataclasses
import functools
import io
import json
import os
import statistics
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ganbook import kept, keys  # noqa: E402, after the line that makes it importable
from ganlib import _files  # noqa: E402

DATA = ROOT / "book" / "data"
SEARCH, TRIED = DATA / "12_study_search.yml", DATA / "12_study_tried"
COLUMNS = (
    *("run", "trial", "setting", "num_per_class", "seed", "arm"),
    *("accuracy", "balanced_accuracy", "rare_accuracy", "seconds", "commit", "key", "settings"),
)


def runs(search):
    """Returns one `kept.Run` for each trial and seed."""
    key = keys.Code().reach([("tools.study_search", "perform")]).key
    found = []
    for trial in search["trials"]:
        number = trial.get("num_per_class", search["num_per_class"])
        for seed in trial.get("seeds", search["seeds"]):
            about = {"trial": trial["trial"], "setting": trial["setting"]}
            about |= {"num_per_class": number, "seed": seed, "arms": trial["arms"]}
            about["settings"] = search["settings"] | trial.get("settings", {})
            name = f"{trial['trial']}/{trial['setting']}/{number}/{seed}"
            found.append(kept.Run(name, key, about))
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
    """Trains the arms that a trial asks for; returns a dict for each."""
    import numpy as np

    from ganbook.study import arms
    from ganlib import comparison

    pool, validation = parts()
    held_out = comparison.HeldOut(validation)
    setting, number, seed = (run.parameters[name] for name in ("setting", "num_per_class", "seed"))
    rare = ()
    if setting == "imbalance":
        rng = np.random.default_rng(seed)
        rare = tuple(sorted(rng.choice(pool.num_classes, 3, replace=False).tolist()))
    num_unlabelled = -1 if setting == "few_labels" else 0
    material = comparison.split(
        pool, number, seed, num_unlabelled=num_unlabelled, rare=rare, num_common=1000
    )
    trainer = arms.Trainer(as_settings(run.parameters["settings"]), held_out.seal, seed)
    functions = getattr(arms, setting)(material, trainer)
    rows = []
    for arm in run.parameters["arms"]:
        start = time.perf_counter()
        scores = held_out.scores(functions[arm](), rare)
        scores = {k: None if np.isnan(v) else v for k, v in scores.items()}
        rows.append({"arm": arm, "seconds": round(time.perf_counter() - start, 1)} | scores)
    return rows


def rows_of(store, names):
    """Returns a row for each arm of each kept trial, dicts of strings."""
    found, rows = store.all(), []
    for name in names:
        for row in found[name]["results"] if name in found else ():
            about = found[name]["parameters"] | found[name] | row | {"run": name}
            about["settings"] = json.dumps(about["settings"], sort_keys=True)
            texts = {c: "nan" if about[c] is None else str(about[c]) for c in COLUMNS}
            rows.append(texts)
    return rows


def summary(rows):
    """Returns one line for each arm of each trial: the mean accuracy and those of the seeds."""
    groups = {}
    for row in rows:
        key = (row["trial"], row["setting"], row["num_per_class"], row["arm"])
        measure = "rare_accuracy" if row["setting"] == "imbalance" else "accuracy"
        groups.setdefault(key, []).append(100 * float(row[measure]))
    return [
        f"{statistics.mean(values):6.2f}  {' '.join(key)}: {', '.join(f'{v:.1f}' for v in values)}"
        for key, values in groups.items()
    ]


def write_rows(path, columns, rows):
    """Writes rows as a table with a heading."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _files.write(path, text.getvalue())


def main(words=None):
    """Does the trials that are missing; returns the exit status."""
    parser = argparse.ArgumentParser(description="Chooses what the study's protocol fixes.")
    parser.add_argument("--jobs", type=int, default=1, help="trials at a time, a thread each")
    parser.add_argument("--only", help="the trials with this in their name")
    parser.add_argument("--search", type=Path, default=SEARCH)
    parser.add_argument("--output", type=Path, default=TRIED)
    given = parser.parse_args(words)
    os.environ.update(kept.ONE_THREAD)  # before TensorFlow is loaded, in processes of their own
    listed = runs(yaml.safe_load(given.search.read_text(encoding="utf-8")))
    wanted = [run for run in listed if given.only is None or given.only in run.parameters["trial"]]
    store = kept.Archive(given.output)
    failures = kept.perform_missing(store, wanted, perform, jobs=given.jobs)
    rows = rows_of(store, [run.name for run in listed])
    write_rows(given.output.with_suffix(".csv"), COLUMNS, rows)
    print("\n".join(summary(rows)))
    for run, error in failures:
        print(f"{run.name} failed: {error}", file=sys.stderr)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
