"""Garment by garment: which classes gain, and which labels a generator copies.

    python tools/study_garments.py --jobs 2            five seeds, about a quarter of an hour

The cell of chapter 12 with few labels, 20 of each garment, on validation images: the study's rows
are means over the garments, and the test images are scored once. Each seed is kept in
`book/data/12_study_garments/`; the table `12_study_garments.csv` and the figure are made from them.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ganbook import kept, keys, measured  # noqa: E402, after the line that makes it importable
from ganlib import viz  # noqa: E402
from tools import study, study_search  # noqa: E402

COLUMNS = "run", "seed", "garment", "what", "share", "commit", "key"
STORE = study.DATA / "12_study_garments"
FIGURE = ROOT / "book" / "_static" / "study_garments.svg"
NUM_PER_CLASS = 20
NUM_DRAWN = 1000  # images of each garment
# The parameters of the study by the names of `arms.Settings`; the policies are put together below.
NAMES = (
    *("num_steps", "batch_size", "num_gan_steps", "num_pretrain_steps", "gan_width"),
    *("discriminator_width", "gamma", "num_synthetic", "ratio", "pseudo_ratio", "confident_share"),
)
ARMS = ("classical", "pseudo_labels", "both", "frozen", "fine_tuned_pseudo_labels")
GUESSED, DRAWN = "classical's labels that are right", "drawn images that are what was asked for"


def settings(parameters):
    """Returns the settings of the study's Fashion-MNIST cells, as `study_search` takes them.

    Args:
        parameters: dict, those of one of the study's runs.
    """
    policy = {name: parameters[name] for name in ("flip", "shift", "crop", "erase", "mixup")}
    return {name: parameters[name] for name in NAMES} | {"policy": policy}


def runs(seeds=None):
    """Returns one `kept.Run` for each seed of the protocol."""
    key = keys.Code().reach([("tools.study_garments", "perform")]).key
    found = []
    for run in study.Plan("fashion_mnist").runs.values():
        setting, number, seed = (
            run.parameters[name] for name in ("setting", "num_per_class", "seed")
        )
        wanted = seeds is None or seed in seeds
        if wanted and (setting, number) == ("few_labels", NUM_PER_CLASS):
            parameters = {"seed": seed, "settings": settings(run.parameters)}
            found.append(kept.Run(f"garments/{seed}", key, parameters))
    return found


def perform(run):
    """Trains the arms of one seed; returns, for each question, a share for each garment."""
    from ganbook.study import arms, judges
    from ganlib import augment, classify, comparison, data

    seed = run.parameters["seed"]
    pool, validation = study_search.parts()
    material = comparison.split(pool, NUM_PER_CLASS, seed, num_unlabelled=-1)
    trainer = arms.Trainer(
        study_search.as_settings(run.parameters["settings"]),
        comparison.Seal(validation.images),
        seed,
    )
    found, functions = {}, arms.few_labels(material, trainer)
    for arm in ARMS:
        found[arm] = classify.class_accuracies(functions[arm](), validation)
    guesses = functions["classical"]().probabilities(material.unlabelled).argmax(axis=1)
    truth = pool.labels[material.indices["unlabelled"]]
    found[GUESSED] = [np.mean(truth[guesses == k] == k) for k in range(pool.num_classes)]
    drawn = augment.generated(trainer.gan, material.labelled, NUM_DRAWN, seed)
    judge = judges.fashion_classifier()
    found[DRAWN] = classify.class_accuracies(judge, data.Images(drawn.images, drawn.labels))
    return {
        what: {str(n): float(s) for n, s in zip(pool.class_names, shares, strict=True)}
        for what, shares in found.items()
    }


def rows_of(found):
    """Returns a row for each seed, question and garment, dicts of strings.

    Args:
        found: dict, a run's name -> what is kept of it.
    """
    return [
        {
            "run": name,
            "seed": str(one["parameters"]["seed"]),
            "garment": garment,
            "what": what,
            "share": str(share),
            "commit": one["commit"],
            "key": one["key"],
        }
        for name, one in found.items()
        for what, shares in one["results"].items()
        for garment, share in shares.items()
    ]


def means(rows):
    """Returns dict: (what, garment) -> mean share over the seeds, in percent."""
    groups = {}
    for row in rows:
        groups.setdefault((row["what"], row["garment"]), []).append(100 * float(row["share"]))
    return {key: statistics.mean(values) for key, values in groups.items()}


@viz.figure_function
def figure(rows):
    """Above, the arms' accuracies by garment; below, the labels that the generator learned from."""
    found = means(rows)
    garments = sorted({row["garment"] for row in rows}, key=lambda g: -found["classical", g])
    places = np.arange(len(garments))
    figure, (top, bottom) = viz.figure(2, height=9.2, sharex=True)
    lines = (
        (top, "classical", "classical", viz.REAL, "o"),
        (top, "both", "both", viz.FAKE, "s"),
        (top, "fine_tuned_pseudo_labels", "fine tuned pseudo labels", viz.GENERATOR, "D"),
        (bottom, GUESSED, "labels from classical", viz.REAL, "o"),
        (bottom, DRAWN, "drawn images", viz.FAKE, "s"),
    )
    for axes, what, label, colour, shape in lines:
        values = [found[what, garment] for garment in garments]
        axes.plot(values, places, ls="", marker=shape, ms=6, color=colour, label=label)
    for axes, title in ((top, "accuracy, %"), (bottom, "labels that are right, %")):
        axes.set_yticks(places, garments)
        axes.invert_yaxis()
        axes.set_xlim(right=101)
        axes.grid(axis="y", alpha=0.4)
        axes.set_title(title, pad=6)
        axes.xaxis.set_tick_params(labelbottom=True)
        axes.legend(
            loc="upper right",
            bbox_to_anchor=(1, -0.06),
            ncols=3,
            columnspacing=1,
            handletextpad=0.1,
        )
    return figure


def measured_section(rows):
    """Returns the section of `numbers.json`, and its values, in percent and in points.

    For each garment the mean over the seeds of each arm and of each question, and the paired
    differences to the classical arm; over all garments, the means, and how the ranks of the two
    kinds of labels agree.
    """
    from scipy import stats

    from ganlib import comparison

    shares, found = {}, means(rows)
    for row in rows:
        shares.setdefault((row["what"], row["garment"]), {})[row["seed"]] = 100 * float(
            row["share"]
        )
    names = {GUESSED: "guessed_right", DRAWN: "drawn_right"} | {arm: arm for arm in ARMS}
    section = {}
    for what, garment in found:
        values = section.setdefault(measured.name(garment), {})
        values[names[what]] = found[what, garment]
        if what in ARMS[1:]:
            own, rival = shares[what, garment], shares["classical", garment]
            interval = comparison.paired_difference(list(own.values()), [rival[s] for s in own])
            values[f"{what}_minus_classical"] = dict(
                zip(("mean", "low", "high"), map(float, interval), strict=False)
            )
    garments = list(section)
    for name in section[garments[0]].keys() & names.values():
        section[f"mean_{name}"] = statistics.mean(section[garment][name] for garment in garments)
    ranks = stats.spearmanr(
        *([section[g][k] for g in garments] for k in ("guessed_right", "drawn_right"))
    )
    return "garments", section | {"rank_correlation": float(ranks.statistic)}


def measured_sections():
    """Yields the section, if the rows are there."""
    if rows := rows_of(kept.Archive(STORE).all()):
        yield measured_section(rows)


def main(words=None):
    """Does the seeds that are missing, and draws the figure; returns the exit status."""
    parser = argparse.ArgumentParser(description="Looks at few labels garment by garment.")
    parser.add_argument("--jobs", type=int, default=1, help="how many seeds at a time")
    given = parser.parse_args(words)
    os.environ.update(kept.ONE_THREAD)  # before TensorFlow is loaded, in processes of their own
    store = kept.Archive(STORE)
    failures = kept.perform_missing(store, runs(), perform, jobs=given.jobs)
    rows = rows_of(store.all())
    study_search.write_rows(STORE.with_suffix(".csv"), COLUMNS, rows)
    figure(rows).savefig(FIGURE)
    measured.put(*measured_section(rows))
    print(f"The runs are in {STORE}, the figure in {FIGURE}")
    for run, error in failures:
        print(f"{run.name} failed: {error}", file=sys.stderr)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
