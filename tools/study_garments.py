"""Garment by garment: which classes gain, and which labels a generator copies.

    python tools/study_garments.py --jobs 2            five seeds, about a quarter of an hour

The cell of chapter 12 with few labels, 20 of each garment, on validation images: the study's rows
are means over the garments, and the test images are scored once. The rows are kept in
`book/data/12_study_garments.csv`, seed by seed, and the figure is drawn from them.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import kept  # noqa: E402, after the line that makes it importable
from ganlib import style  # noqa: E402
from tools import measured, study, study_search, sweep  # noqa: E402

COLUMNS = "run", "seed", "garment", "what", "share", "commit", "made_from"
PATH = study.DATA / "12_study_garments.csv"
FIGURE = ROOT / "book" / "_static" / "study_garments.png"
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
    """Returns one run for each seed of the protocol."""
    plan = study.Plan("fashion_mnist")
    found = []
    for run in plan.runs.values():
        if (run.about["setting"], run.about["num_per_class"]) == ("few_labels", NUM_PER_CLASS):
            own = settings(run.parameters)
            found.append(
                SimpleNamespace(
                    key=f"garments/{run.about['seed']}",
                    seed=run.about["seed"],
                    settings=own,
                    made_from=kept.fingerprint(study.library(), own, ARMS, NUM_DRAWN),
                )
            )
    return [run for run in found if seeds is None or run.seed in seeds]


def perform(run):
    """Trains the arms of one seed; returns a row for each garment and each question."""
    from ganlib import arms, classify, data, features, studies

    pool, validation = study_search.parts()
    material = studies.split(pool, NUM_PER_CLASS, run.seed, num_unlabelled=-1)
    trainer = arms.Trainer(
        study_search.as_settings(run.settings), studies.Seal(validation.images), run.seed
    )
    found, functions = {}, arms.few_labels(material, trainer)
    for arm in ARMS:
        found[arm] = classify.class_accuracies(functions[arm](), validation)
    guesses = functions["classical"]().probabilities(material.unlabelled).argmax(axis=1)
    truth = pool.labels[material.indices["unlabelled"]]
    found[GUESSED] = [np.mean(truth[guesses == k] == k) for k in range(pool.num_classes)]
    drawn = arms.generated(trainer.gan, material.labelled, NUM_DRAWN, run.seed)
    judge = features.fashion_classifier()
    found[DRAWN] = classify.class_accuracies(judge, data.Images(drawn.images, drawn.labels))
    about = {"run": run.key, "seed": str(run.seed), "made_from": run.made_from}
    about["commit"] = sweep.commit("ganlib", "tools")
    return [
        about | {"garment": str(name), "what": what, "share": str(float(share))}
        for what, shares in found.items()
        for name, share in zip(pool.class_names, shares, strict=True)
    ]


def means(rows):
    """Returns dict: (what, garment) -> mean share over the seeds, in percent."""
    groups = {}
    for row in rows:
        groups.setdefault((row["what"], row["garment"]), []).append(100 * float(row["share"]))
    return {key: statistics.mean(values) for key, values in groups.items()}


@style.figure_function
def figure(rows):
    """Above, the arms' accuracies by garment; below, the labels that the generator learned from."""
    found = means(rows)
    garments = sorted({row["garment"] for row in rows}, key=lambda g: -found["classical", g])
    places = np.arange(len(garments))
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(style.WIDTH, 9.2), sharex=True, layout="constrained"
    )
    lines = (
        (top, "classical", "classical", style.REAL, "o"),
        (top, "both", "both", style.FAKE, "s"),
        (top, "fine_tuned_pseudo_labels", "fine tuned pseudo labels", style.GENERATOR, "D"),
        (bottom, GUESSED, "labels from classical", style.REAL, "o"),
        (bottom, DRAWN, "drawn images", style.FAKE, "s"),
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

    from ganlib import studies

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
            interval = studies.paired_difference(list(own.values()), [rival[s] for s in own])
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
    if rows := study.Rows(PATH, COLUMNS).read():
        yield measured_section(rows)


def main(words=None):
    """Does the seeds that are missing, and draws the figure; returns the exit status."""
    parser = argparse.ArgumentParser(description="Looks at few labels garment by garment.")
    parser.add_argument("--jobs", type=int, default=1, help="how many seeds at a time")
    given = parser.parse_args(words)
    os.environ.update(study.THREADS)  # before TensorFlow is loaded, in processes of their own
    rows = study.Rows(PATH, COLUMNS)
    study_search.do_missing(runs(), rows, perform, given.jobs)
    figure(rows.read()).savefig(FIGURE)
    measured.put(*measured_section(rows.read()))
    print(f"The rows are in {PATH}, the figure in {FIGURE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
