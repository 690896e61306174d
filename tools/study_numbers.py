"""What the prose says of the study's rows, by name: sections of ``book/data/numbers.json``.

All accuracies are in percent and all differences in points, as chapter 12 prints them. A cell is
named by setting and n, ``study.few_labels_20``. It has each arm, with mean, deviation, low and high
over the seeds, and each pair of arms that the protocol or `ALSO` names, with the mean of the paired
difference, its 95% interval and the difference of each seed. In imbalance these are those of the
rare classes; ``common_…`` are those of the others, and ``balanced_…`` of all.
"""

import csv
import itertools
import statistics

from ganbook import measured
from tools import study_report

# Pairs that the chapters name beside the protocol's: setting, first arm, second arm.
ALSO = (
    ("few_labels", "gan", "real"),
    ("few_labels", "classical", "real"),
    ("few_labels", "fine_tuned", "real"),
    ("few_labels", "fine_tuned", "both"),
    ("few_labels", "fine_tuned", "pseudo_labels"),
    ("few_labels", "fine_tuned_pseudo_labels", "real"),
    ("few_labels", "fine_tuned_pseudo_labels", "classical_long"),
    ("few_labels", "classical_long", "classical"),
    ("few_labels", "frozen", "real"),
    ("few_labels", "semi_supervised", "real"),
    ("few_labels", "synthetic", "real"),
    ("few_images", "both_half", "classical"),
    ("few_images", "both_double", "classical"),
    ("few_images", "synthetic", "real"),
    ("imbalance", "oversampled", "real"),
    ("imbalance", "classical_long", "oversampled"),
)
BALANCED = (("imbalance", "oversampled", "real"),)  # pairs over all classes, beside the protocol's
# Arms without a GAN that few images and few labels train alike, on the same images.
SHARED = ("real", "classical", "classical_long")
ARMS_TO_WORTH = ("real", "classical")  # rivals whose curve says what an arm is worth in labels


def _spread(values):
    values = list(values)
    found = {"mean": statistics.mean(values), "low": min(values), "high": max(values)}
    return found | {"deviation": statistics.stdev(values)} if len(values) > 1 else found


def _difference(first, second, level=0.95):
    """Returns the interval of a paired difference of dicts seed -> percent, or None."""
    from ganlib import comparison

    seeds = [seed for seed in first if seed in second]
    if len(seeds) < 2:
        return None
    pairs = [first[seed] for seed in seeds], [second[seed] for seed in seeds]
    mean, low, high, *_ = map(float, comparison.paired_difference(*pairs, level))
    each = [a - b for a, b in zip(*pairs, strict=True)]
    found = {"mean": mean, "low": low, "high": high, "each": each}
    return found | {
        "smallest": min(each),
        "largest": max(each),
        "deviation": statistics.stdev(each),
    }


def cells(study, balanced, contrasts):
    """Returns the cells of a study, or of its replication.

    Args:
        study: a `study_report.Study`.
        balanced: dict, (setting, n, seed, arm) -> percent over all classes.
        contrasts: the protocol's list.
    """
    found = {}

    def of(values, setting, number, arm):
        keys = (key for key in sorted(values) if (key[0], key[1], key[3]) == (setting, number, arm))
        return {key[2]: values[key] for key in keys}

    for setting, number in dict.fromkeys((key[0], key[1]) for key in study.values):
        cell = found[f"{setting}_{number}"] = {}
        for arm in (*study.arms(setting), *study.arms(setting, ablations=True)):
            for prefix, values in (
                ("", study.values),
                ("common_", study.common),
                ("balanced_", balanced),
            ):
                own = of(values, setting, number, arm)
                if own and (setting == "imbalance" or not prefix):
                    cell[f"{prefix}{arm}"] = _spread(own.values())
        named = {
            (*c["arms"], c["measure"] == "balanced_accuracy"): c
            for c in contrasts
            if c["setting"] == setting
        }
        pairs = [*named, *((a, b, False) for s, a, b in ALSO if s == setting)]
        for first, second, is_balanced in [
            *pairs,
            *((a, b, True) for s, a, b in BALANCED if s == setting),
        ]:
            values = balanced if is_balanced else study.values
            sides = of(values, setting, number, first), of(values, setting, number, second)
            prefix = "balanced_" if is_balanced else ""
            if difference := _difference(*sides):
                cell[f"{prefix}{first}_minus_{second}"] = difference
                if named.get((first, second, is_balanced), {}).get("named"):
                    level = 1 - 0.05 / 3  # Bonferroni's, for three settings
                    three = _difference(*sides, level)
                    difference["corrected"] = {key: three[key] for key in ("mean", "low", "high")}
    return found


def balanced_of(rows):
    """Returns dict: (setting, n, seed, arm) -> accuracy over all classes, in percent."""
    return {
        (row["setting"], int(row["num_per_class"]), int(row["seed"]), row["arm"]): 100
        * float(row["balanced_accuracy"])
        for row in rows
    }


def by_distance(study):
    """Returns the table of Fréchet distances as numbers; shares are shares."""
    head, *rows = study_report.distances(study)
    names = [measured.name(text) for text in head[3:]]
    return {
        measured.name(f"{row[0]} {row[1].split('`')[1]}"): dict(zip(names, row[3:], strict=True))
        for row in rows
    }


def worth(study):
    """Returns the labels that the better rival needs for what an arm has, and for its interval.

    The ends of the interval are the labels for the rival's mean plus the ends of the difference.
    """
    setting, numbers = "few_labels", study.numbers("few_labels")
    curve = [
        max(statistics.mean(study.of(setting, n, rival).values()) for rival in ARMS_TO_WORTH)
        for n in numbers
    ]
    found = {}
    for arm, (k, number) in itertools.product(study.arms(setting), enumerate(numbers)):
        if arm in ARMS_TO_WORTH:
            continue
        mean = statistics.mean(study.of(setting, number, arm).values())
        best = max(
            ARMS_TO_WORTH, key=lambda r: statistics.mean(study.of(setting, number, r).values())
        )
        interval = study.difference(setting, number, arm, best)
        ends = {"labels": mean, "low": curve[k] + interval.low, "high": curve[k] + interval.high}
        labels = {
            key: study_report.labels_for(value, numbers, curve) for key, value in ends.items()
        }
        own = {key: value for key, value in labels.items() if value is not None}
        if own:
            found.setdefault(arm, {})[f"n_{number}"] = own
    return found


def trials(rows):
    """Returns the trials on validation images: setting, trial, arm, then mean and each seed's."""
    groups = {}
    for row in sorted(rows, key=lambda row: int(row["seed"])):
        measure = "rare_accuracy" if row["setting"] == "imbalance" else "accuracy"
        trial = groups.setdefault(row["setting"], {}).setdefault(measured.name(row["trial"]), {})
        trial.setdefault(row["arm"], []).append(100 * float(row[measure]))
    return {
        setting: {
            trial: {
                arm: {"each": v, "mean": statistics.mean(v), "low": min(v), "high": max(v)}
                for arm, v in arms.items()
            }
            for trial, arms in found.items()
        }
        for setting, found in groups.items()
    }


def costs(study):
    """Returns the median seconds of each arm in each setting."""
    found = {}
    for (setting, arm), seconds in study.seconds.items():
        found.setdefault(setting, {})[arm] = statistics.median(seconds)
    return found


def counts(rows):
    """Returns how many rows and runs a study has, and how many classifiers that are different."""
    classifiers = {
        (
            "few" if row["arm"] in SHARED and row["setting"] != "imbalance" else row["setting"],
            *(row[key] for key in ("num_per_class", "seed", "arm")),
        )
        for row in rows
    }
    return {
        "num_rows": len(rows),
        "num_runs": len({row["run"] for row in rows}),
        "num_classifiers": len(classifiers),
    }


def measured_sections(data=measured.PATH.parent):
    """Yields the study's section and its replication's, as far as there are rows."""
    import yaml

    protocol = yaml.safe_load((data / "12_study_protocol.yml").read_text(encoding="utf-8"))
    ends = "", "_tried", "_afterwards", "_replication", "_contrasts"
    rows, tried, after, again, contrasts = (read_rows(data / f"12_study{end}.csv") for end in ends)
    if rows:
        study = study_report.Study(rows)
        section = cells(study, balanced_of(rows), protocol["contrasts"])
        section |= counts(rows) | {"num_contrasts": len(contrasts)} | corrected(contrasts)
        section |= {"trials": trials(tried), "costs": costs(study), "worth": worth(study)}
        section["afterwards"] = {
            f"n_{number}": trials([row for row in after if row["num_per_class"] == number])
            for number in sorted({row["num_per_class"] for row in after}, key=int)
        }
        yield "study", section | {"distance": by_distance(study)}
    if again:
        again_study = study_report.Study(again)
        yield "replication", cells(again_study, balanced_of(again), protocol["contrasts"])


def corrected(contrasts, level=0.05):
    """Returns how many contrasts' intervals leave out zero, and how many do after a correction.

    Holm's correction holds the probability of a single false one below `level`, Benjamini and
    Hochberg's the share of false ones that may be expected.

    Args:
        contrasts: the rows of ``12_study_contrasts.csv``, dicts of strings.
        level: a share.
    """
    import numpy as np
    from scipy import stats

    mean, low, high, seeds = (
        np.array([float(row[name]) for row in contrasts])
        for name in ("mean", "low", "high", "seeds")
    )
    half = (high - low) / 2
    t = np.abs(mean) / half * stats.t.ppf(0.975, seeds - 1)
    p = np.sort(2 * stats.t.sf(t, seeds - 1))
    rank = np.arange(1, len(p) + 1)
    holm = p <= level / (len(p) + 1 - rank)
    below = rank[p <= level * rank / len(p)]
    return {
        "num_outside": int(np.sum(np.abs(mean) > half)),
        "num_holm": int(np.sum(np.cumprod(holm))),
        "num_benjamini_hochberg": int(below.max(initial=0)),
    }


def read_rows(path):
    """Returns the rows of a table as dicts of strings; none if the file is not there."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write():
    """Puts the sections into `numbers.json`."""
    for section, values in measured_sections():
        measured.put(section, values)
