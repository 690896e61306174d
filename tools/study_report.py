"""Tables and figures of the study's rows: ``python tools/study_report.py``.

It reads `book/data/12_study.csv`, which ``make study`` writes, and `12_study_tried.csv`, and writes
the tables and figures of chapter 12 from them. ``make study`` calls it at its end.
"""

import csv
import itertools
import statistics
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figures_speed import plain_numbers  # noqa: E402, after the line for its import
from ganlib import viz  # noqa: E402

DATA, STATIC = ROOT / "book" / "data", ROOT / "book" / "_static"
RIVALS = {"few_images": "classical", "few_labels": "classical", "imbalance": "oversampled"}
TITLES = {"few_images": "few images", "few_labels": "few labels", "imbalance": "imbalance"}
ABLATIONS = ("both_half", "both_double", "both_confident", "classical_long")
LOOKS = {  # colour and dashes of each arm
    "real": (viz.REFERENCE, "-"),
    "classical": (viz.REAL, "-"),
    "oversampled": (viz.REAL, "--"),
    "pseudo_labels": (viz.REAL, "--"),
    "gan": (viz.FAKE, "--"),
    "both": (viz.FAKE, "-"),
    "synthetic": (viz.FAKE, ":"),
    "frozen": (viz.GENERATOR, "-"),
    "fine_tuned": (viz.GENERATOR, "--"),
    "fine_tuned_pseudo_labels": (viz.GENERATOR, ":"),
    "semi_supervised": (viz.DISCRIMINATOR, "-"),
}
SHADES = (0.35, 0.55, 0.75, 1.0)  # of the differences at one n after another
NUM_SHUFFLES = 10_000
NUM_CLASSES = 10  # of Fashion-MNIST


class Study:
    """The rows of a sweep, as numbers.

    Args:
        rows: dicts of strings, as `study.Rows` reads them.
    """

    def __init__(self, rows):
        self.values, self.common, self.distances, self.seconds = {}, {}, {}, {}
        for row in rows:
            setting, arm = row["setting"], row["arm"]
            cell = setting, int(row["num_per_class"]), int(row["seed"])
            measure = "rare_accuracy" if setting == "imbalance" else "accuracy"
            self.values[(*cell, arm)] = 100 * float(row[measure])
            if setting == "imbalance":
                self.common[(*cell, arm)] = 100 * common_accuracy(row)
            self.distances[cell] = float(row["distance"])
            self.seconds.setdefault((setting, arm), []).append(float(row["seconds"]))

    def arms(self, setting, *, ablations=False):
        """Returns the names of a setting's arms in the order of the rows."""
        names = dict.fromkeys(key[3] for key in self.values if key[0] == setting)
        return [name for name in names if (name in ABLATIONS) == ablations]

    def numbers(self, setting):
        """Returns the n of a setting, sorted."""
        return sorted({key[1] for key in self.values if key[0] == setting})

    def of(self, setting, number, arm):
        """Returns dict: seed -> percent."""
        return {
            key[2]: value
            for key, value in sorted(self.values.items())
            if (key[0], key[1], key[3]) == (setting, number, arm)
        }

    def difference(self, setting, number, first, second):
        """Returns the interval of the paired difference, or None where there are no pairs."""
        from ganlib import comparison

        a, b = self.of(setting, number, first), self.of(setting, number, second)
        seeds = [seed for seed in a if seed in b]
        if not seeds:
            return None
        return comparison.paired_difference(
            [a[seed] for seed in seeds], [b[seed] for seed in seeds]
        )


def common_accuracy(row):
    """Returns the mean accuracy of the classes that are not rare, as a share."""
    num_rare = int(row["num_rare"])
    total, rare = float(row["balanced_accuracy"]), float(row["rare_accuracy"])
    return (NUM_CLASSES * total - num_rare * rare) / (NUM_CLASSES - num_rare)


# ---- tables ------------------------------------------------------------------------------------


def accuracies(study, setting):
    """Returns mean and standard deviation over the seeds, a row for each arm, with a heading."""
    numbers = study.numbers(setting)
    rows = [["arm", *(f"n = {number}" for number in numbers)]]
    for arm in study.arms(setting):
        found = [list(study.of(setting, number, arm).values()) for number in numbers]
        rows.append([f"`{arm}`", *(_mean_and_deviation(values) for values in found)])
    return rows


def common(study):
    """Returns the arms' accuracy on the classes that are not rare, with a heading."""
    numbers = study.numbers("imbalance")
    rows = [["arm", *(f"n = {number}" for number in numbers)]]
    for arm in study.arms("imbalance"):
        found = [
            [value for key, value in study.common.items() if (key[1], key[3]) == (number, arm)]
            for number in numbers
        ]
        rows.append([f"`{arm}`", *(_mean_and_deviation(values) for values in found)])
    return rows


def worth_in_labels(study, setting, rivals):
    """Returns how many labels the best rival needs for what each other arm has, with a heading.

    The rivals' highest mean accuracy is taken to be linear in log n between the n of the grid.
    """
    numbers = [n for n in study.numbers(setting) if study.of(setting, n, rivals[0])]
    curve = [
        max(statistics.mean(study.of(setting, n, rival).values()) for rival in rivals)
        for n in numbers
    ]
    rows = [["arm", *(f"n = {number}" for number in numbers)]]
    for arm in study.arms(setting):
        found = [study.of(setting, number, arm).values() for number in numbers]
        if arm not in rivals:
            cells = [_labels(statistics.mean(v), numbers, curve) if v else "" for v in found]
            rows.append([f"`{arm}`", *cells])
    return rows


def labels_for(value, numbers, curve):
    """Returns where a curve over numbers of labels has a value; None if it has it nowhere."""
    for (low, a), (high, b) in itertools.pairwise(zip(numbers, curve, strict=True)):
        if a <= value <= b:
            return low * (high / low) ** ((value - a) / (b - a))
    return None


def _labels(value, numbers, curve):
    found = labels_for(value, numbers, curve)
    if found is None:
        return f"under {numbers[0]}" if value < curve[0] else f"over {numbers[-1]}"
    return f"{found:.0f}"


def _mean_and_deviation(values):
    if not values:
        return ""
    mean = f"{statistics.mean(values):.1f}"
    return f"{mean} ± {statistics.stdev(values):.1f}" if len(values) > 1 else mean


def differences(study, contrasts, setting):
    """Returns the protocol's contrasts of a setting for each n, with a heading.

    Args:
        study: a `Study`.
        contrasts: the protocol's list.
        setting: its name.
    """
    numbers = study.numbers(setting)
    rows = [["difference", *(f"n = {number}" for number in numbers)]]
    for contrast in contrasts:
        first, second = contrast["arms"]
        if (
            contrast["setting"] != setting
            or contrast["measure"] == "balanced_accuracy"
            or ABLATIONS.count(first) + ABLATIONS.count(second)
        ):
            continue
        found = [study.difference(setting, number, first, second) for number in numbers]
        name = f"`{first}` − `{second}`"
        rows.append([f"**{name}**" if contrast.get("named") else name, *map(_interval, found)])
    return rows


def replicated(first, second, contrasts, number):
    """Returns the contrasts at one n in the study and in its replication, with a heading.

    Args:
        first: a `Study`.
        second: the `Study` of other seeds.
        contrasts: the protocol's list.
        number: the n.
    """
    rows = []
    for contrast in contrasts:
        setting, arms = contrast["setting"], contrast["arms"]
        found = [study.difference(setting, number, *arms) for study in (first, second)]
        if all(found) and contrast["measure"] != "balanced_accuracy":
            name = "`{}` − `{}`".format(*arms)
            counts = [f"{interval.num_pairs} seeds" for interval in found]
            name = f"**{name}**" if contrast.get("named") else name
            rows.append((setting, [name, *map(_interval, found)]))
    return [["difference", *counts], *_under_settings(rows)] if rows else []


def ablations(study, contrasts, number):
    """Returns the protocol's contrasts that are asked at one n only, with a heading."""
    rows = []
    for contrast in contrasts:
        first, second = contrast["arms"]
        if first in ABLATIONS or second in ABLATIONS:
            found = study.difference(contrast["setting"], number, first, second)
            if found:
                rows.append((contrast["setting"], [f"`{first}` − `{second}`", _interval(found)]))
    return [["difference", "points"], *_under_settings(rows)]


def _under_settings(rows):
    """Returns the rows of `(setting, row)` pairs, each setting's below a row with its name."""
    table = []
    for setting, title in TITLES.items():
        own = [row for name, row in rows if name == setting]
        if own:
            table += [[f"*{title}*", *[""] * (len(own[0]) - 1)], *own]
    return table


def _interval(found):
    if found is None:
        return ""
    values = (f"{value:+.1f}".replace("-", "−") for value in found[:3])
    return "{} ({} to {})".format(*values)


def by_distance(study):
    """Returns how the Fréchet distance of a cell's GAN goes with what its images are worth.

    Over all cells of a setting, and within each n, where the number of images cannot be what both
    follow. The probability is that of so strong a correlation, of either sign, if the cells of each
    n changed places at random. The last column is the share of the pairs of one n in which the
    smaller distance goes with the smaller worth.
    """
    head, *rows = distances(study)
    formats = "{:+.2f}", "{:+.2f}", "{:.2f}", "{:.0%}"
    for row in rows:
        texts = (f.format(value) for f, value in zip(formats, row[3:], strict=True))
        row[3:] = (text.replace("-", "−") for text in texts)
    return [head, *rows]


def distances(study):
    """Returns the same with numbers in the place of their texts."""
    head = "setting", "worth", "cells", "rank correlation", "within n", "probability", "misled"
    rows = [list(head)]
    for setting, rival in RIVALS.items():
        for title, first, second in (
            ("`both` − `" + rival + "`", "both", rival),
            ("`synthetic`", "synthetic", None),
        ):
            cells = [cell for cell in study.distances if (*cell, first) in study.values]
            cells = [cell for cell in cells if cell[0] == setting]
            if len(cells) < 3:
                continue
            worth = np.array([study.values[(*cell, first)] for cell in cells])
            if second:
                worth -= [study.values[(*cell, second)] for cell in cells]
            distances = np.array([study.distances[cell] for cell in cells])
            numbers = np.array([cell[1] for cell in cells])
            overall = np.corrcoef(_ranks(distances), _ranks(worth))[0, 1]
            within, probability = correlation_within(distances, worth, numbers)
            share = misled(distances, worth, numbers)
            values = float(overall), within, probability, share
            rows.append([TITLES[setting], title, len(cells), *values])
    return rows


def misled(distances, worth, groups):
    """Returns the share of a group's pairs in which the smaller distance has the smaller worth."""
    signs = [
        (distances[i] - distances[j]) * (worth[i] - worth[j])
        for i, j in itertools.combinations(range(len(groups)), 2)
        if groups[i] == groups[j]
    ]
    return float(np.mean(np.array(signs) > 0)) if signs else float("nan")


def correlation_within(first, second, groups, num_shuffles=NUM_SHUFFLES, seed=0):
    """Returns the correlation of ranks taken within groups, and its permutation probability."""
    first, second = (_ranks_within(values, groups) for values in (first, second))
    found = np.corrcoef(first, second)[0, 1]
    rng, as_strong = np.random.default_rng(seed), 0
    for _ in range(num_shuffles):
        shuffled = second.copy()
        for group in np.unique(groups):
            own = np.nonzero(groups == group)[0]
            shuffled[own] = second[rng.permutation(own)]
        as_strong += abs(np.corrcoef(first, shuffled)[0, 1]) >= abs(found) - 1e-12
    return float(found), (1 + as_strong) / (1 + num_shuffles)


def _ranks(values):
    from scipy import stats

    return stats.rankdata(values)


def _ranks_within(values, groups):
    """Ranks in each group, centred."""
    values, ranks = np.asarray(values), np.empty(len(values))
    for group in np.unique(groups):
        own = groups == group
        ranks[own] = _ranks(values[own]) - (np.sum(own) + 1) / 2
    return ranks


def costs(study):
    """Returns the median seconds of each arm in each setting, with a heading."""
    rows = [["arm", *TITLES.values()]]
    arms = dict.fromkeys(arm for setting in TITLES for arm in study.arms(setting))
    for arm in arms:
        own = [study.seconds.get((setting, arm)) for setting in TITLES]
        rows.append([f"`{arm}`", *(f"{statistics.median(s):.0f}" if s else "" for s in own)])
    return rows


def tried(rows):
    """Returns what was tried on validation images, with a heading.

    Args:
        rows: of `12_study_tried.csv`, dicts of strings.
    """
    groups = {}
    for row in sorted(rows, key=lambda row: int(row["seed"])):
        measure = "rare_accuracy" if row["setting"] == "imbalance" else "accuracy"
        key = row["trial"], row["setting"], row["arm"]
        groups.setdefault(key, []).append(100 * float(row[measure]))
    found = [["setting", "trial", "arm", "mean", "seeds"]]
    for (trial, setting, arm), values in sorted(groups.items(), key=_place):
        each = ", ".join(f"{value:.1f}" for value in values)
        found.append([TITLES[setting], trial, f"`{arm}`", f"{statistics.mean(values):.1f}", each])
    return found


def _place(group):
    (_, setting, arm), values = group
    return list(TITLES).index(setting), -statistics.mean(values), arm


# ---- figures -----------------------------------------------------------------------------------


@viz.figure_function
def accuracy_figure(study, setting):
    """Accuracy against n: a line for each arm's mean, a band from its worst to its best seed.

    Ten bands would hide the lines; where there are so many arms, they have none.
    """
    arms, numbers = study.arms(setting), study.numbers(setting)
    few = len(arms) < 8
    figure, axes = viz.figure(height=3.4 if few else 4.8)
    for arm in arms:
        colour, dashes = LOOKS[arm]
        found = [list(study.of(setting, number, arm).values()) for number in numbers]
        kept = [(number, values) for number, values in zip(numbers, found, strict=True) if values]
        where = [number for number, _ in kept]
        mean, low, high = ([f(v) for _, v in kept] for f in (statistics.mean, min, max))
        if few:
            axes.fill_between(where, low, high, color=colour, alpha=0.12, lw=0)
        label = arm.replace("_", " ")
        axes.plot(where, mean, color=colour, ls=dashes, marker="o", ms=4, label=label)
    axes.set(xscale="log", xlabel="labelled images of each class, n")
    axes.set_title(_measure(setting), pad=8)
    plain_numbers(axes.xaxis, numbers)
    viz.label_ends(axes)
    return figure


def _measure(setting):
    return "accuracy on the rare classes, %" if setting == "imbalance" else "accuracy, %"


@viz.figure_function
def difference_figure(study, setting):
    """What each arm has over the setting's rival, with 95% intervals, a row for each n."""
    rival, numbers = RIVALS[setting], study.numbers(setting)
    arms = [arm for arm in study.arms(setting) if arm != rival]
    step = 1 / (len(numbers) + 1)
    figure, axes = viz.figure(height=0.21 * len(arms) * (len(numbers) + 1) + 1.1)
    axes.axvline(0, color=viz.REFERENCE, lw=1, ls="--")
    for y, arm in enumerate(arms):
        colour = LOOKS[arm][0]
        for i, number in enumerate(numbers):
            found = study.difference(setting, number, arm, rival)
            if found:
                place = y + (i - (len(numbers) - 1) / 2) * step
                alpha = SHADES[-len(numbers) :][i] if len(numbers) <= len(SHADES) else 1.0
                axes.plot(found[1:3], [place, place], color=colour, alpha=alpha, lw=2.2)
                axes.plot(found.mean, place, "o", color=colour, alpha=alpha, ms=5, mew=0)
                axes.annotate(
                    f"{number}",
                    (max(found[:3]), place),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=11,
                    bbox={"facecolor": viz.PAPER, "lw": 0, "pad": 0.5},
                )
    axes.set_yticks(range(len(arms)), [arm.replace("_", " ") for arm in arms])
    axes.invert_yaxis()
    axes.set_xlabel(f"points above {rival}; the number is n")
    return figure


@viz.figure_function
def answer_figure(study, again, contrasts, number):
    """The three named contrasts: a dot for each seed, an interval for study and replication."""
    named = [contrast for contrast in contrasts if contrast.get("named")]
    figure, axes = viz.figure(height=3.2)
    axes.axvline(0, color=viz.REFERENCE, lw=1, ls="--")
    for y, contrast in enumerate(named):
        setting, (first, second) = contrast["setting"], contrast["arms"]
        for place, one, colour in ((y - 0.2, study, viz.REFERENCE), (y + 0.16, again, viz.REAL)):
            interval = one.difference(setting, number, first, second)
            a, b = (one.of(setting, number, arm) for arm in (first, second))
            each = [a[seed] - b[seed] for seed in a if seed in b]
            axes.plot(interval[1:3], [place, place], color=colour, lw=2.5)
            axes.plot(each, [place + 0.11] * len(each), "o", ms=5, color=colour, alpha=0.5, mew=0)
            axes.plot(interval.mean, place, "o", ms=8, color=colour)
    axes.set_yticks(range(len(named)), [f"{TITLES[c['setting']]}" for c in named])
    axes.set_ylim(len(named) - 0.5, -0.5)
    axes.set_xlabel("points that the GAN adds")
    return figure


@viz.figure_function
def distance_figure(study):
    """What generated images are worth against the distance of the GAN that drew them."""
    figure, panels = viz.figure(2, height=6.4, sharex=True)
    colours = dict(zip(TITLES, (viz.REAL, viz.FAKE, viz.DISCRIMINATOR), strict=True))
    shapes = "ovsD"
    for setting, colour in colours.items():
        for shape, number in zip(shapes, study.numbers(setting), strict=False):
            cells = [c for c in study.distances if c[:2] == (setting, number)]
            where = [study.distances[cell] for cell in cells]
            both, rival, alone = (
                np.array([study.values.get((*cell, arm), np.nan) for cell in cells])
                for arm in ("both", RIVALS[setting], "synthetic")
            )
            look = {"color": colour, "alpha": viz.OPACITY, "ls": "", "marker": shape, "ms": 5}
            panels[0].plot(where, both - rival, **look)
            panels[1].plot(where, alone, **look)
    for setting, colour in colours.items():
        panels[0].plot([], [], color=colour, ls="", marker="o", label=TITLES[setting])
    for shape, number in zip(shapes, study.numbers("few_images"), strict=False):
        panels[0].plot([], [], color=viz.INK, ls="", marker=shape, label=f"n = {number}")
    panels[0].axhline(0, color=viz.REFERENCE, lw=1, ls="--")
    panels[0].set_title("points that generated images add", pad=6)
    panels[1].set_title("accuracy from generated images alone, %", pad=6)
    panels[1].set(xscale="log", xlabel="relative Fréchet distance of the GAN")
    plain_numbers(panels[1].xaxis, [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2])
    figure.legend(loc="outside lower center", ncols=4)
    return figure


# ---- all of it ---------------------------------------------------------------------------------


def write(rows, tried_rows, again_rows, protocol, data=DATA, static=STATIC):
    """Writes every table and figure for which there are rows; returns their paths.

    Args:
        rows: of the sweep, dicts of strings.
        tried_rows: of the trials, dicts of strings.
        again_rows: of the replication, dicts of strings.
        protocol: dict, the protocol.
        data: folder of the tables.
        static: folder of the figures.
    """
    study, tables, figures = Study(rows), {}, {}
    number = protocol["grid"]["ablations_at"]
    if tried_rows:
        tables["tried_table"] = tried(tried_rows)
    for setting in TITLES if rows else ():
        tables[setting] = accuracies(study, setting)
        tables[f"{setting}_differences"] = differences(study, protocol["contrasts"], setting)
        figures[f"{setting}"] = accuracy_figure(study, setting)
        figures[f"{setting}_differences"] = difference_figure(study, setting)
    if rows:
        tables["ablations"] = ablations(study, protocol["contrasts"], number)
        tables["distance"], tables["costs"] = by_distance(study), costs(study)
        tables["common"] = common(study)
        tables["worth"] = worth_in_labels(study, "few_labels", ("real", "classical"))
        figures["distance"] = distance_figure(study)
    if again_rows:
        again = Study(again_rows)
        tables["replicated"] = replicated(study, again, protocol["contrasts"], number)
    if again_rows and rows and len(tables["replicated"]) > 1:
        figures["answer"] = answer_figure(study, again, protocol["contrasts"], number)
    paths = []
    for name, table in tables.items():
        paths.append(Path(data) / f"12_study_{name}.csv")
        with paths[-1].open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(table)
    for name, figure in figures.items():
        paths.append(Path(static) / f"study_{name}.svg")
        figure.savefig(paths[-1])
    return paths


def main():
    """Writes the chapter's tables and figures, and the numbers in its prose."""
    import yaml

    from tools import study_numbers  # which imports this module

    protocol = yaml.safe_load((DATA / "12_study_protocol.yml").read_text(encoding="utf-8"))
    found = []
    for name in ("12_study.csv", "12_study_tried.csv", "12_study_replication.csv"):
        path = DATA / name
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                found.append(list(csv.DictReader(file)))
        else:
            found.append([])
    for path in write(*found, protocol):
        print(path)
    study_numbers.write()


if __name__ == "__main__":
    main()
