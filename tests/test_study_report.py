"""Tables and figures of the study: each number against one that was computed by hand."""

import csv
import itertools
import math

import numpy as np
import pytest
from scipy import stats

from tools import study, study_report

PROTOCOL = {
    "grid": {"ablations_at": 20},
    "contrasts": [
        {"setting": "few_images", "arms": ["both", "classical"], "measure": "accuracy", "named": 1},
        {"setting": "few_images", "arms": ["both_half", "both"], "measure": "accuracy"},
        {"setting": "imbalance", "arms": ["both", "oversampled"], "measure": "rare_accuracy"},
        {"setting": "imbalance", "arms": ["both", "oversampled"], "measure": "balanced_accuracy"},
    ],
}
ARMS = {
    "few_images": ("real", "classical", "gan", "both", "synthetic", "both_half"),
    "few_labels": ("real", "classical", "pseudo_labels", "both", "synthetic", "frozen"),
    "imbalance": ("real", "classical", "oversampled", "gan", "both", "synthetic"),
}


def accuracy_of(setting, number, seed, k):
    """Something different for every row, in percent."""
    return 50 + 5 * math.log(number) + seed**2 + 2 * k + 0.1 * k * seed + len(setting) / 10


@pytest.fixture(scope="module")
def rows():
    found = []
    for setting, number, seed in itertools.product(ARMS, (5, 20), range(3)):
        for k, arm in enumerate(ARMS[setting]):
            if arm == "both_half" and number != 20:
                continue
            value = accuracy_of(setting, number, seed, k) / 100
            rare = setting == "imbalance"
            row = {
                "setting": setting,
                "num_per_class": number,
                "seed": seed,
                "arm": arm,
                "accuracy": 0.5 if rare else value,
                "rare_accuracy": value if rare else "nan",
                "balanced_accuracy": 0.7 if rare else value,
                "num_rare": "3",
                "seconds": 10.0 + k,
                "distance": 1 / (number + seed),
            }
            found.append({name: str(item) for name, item in row.items()})
    return found


def test_accuracies_are_means_over_the_seeds(rows):
    table = study_report.accuracies(study_report.Study(rows), "imbalance")
    assert table[0] == ["arm", "n = 5", "n = 20"]
    line = next(row for row in table if row[0] == "`oversampled`")
    values = [accuracy_of("imbalance", 20, seed, 2) for seed in range(3)]
    assert line[2] == f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}"


def test_common_classes_have_what_the_rare_ones_leave(rows):
    per_class = [0.2, 0.3, 0.7, *[0.9, 0.8, 1.0, 0.9, 0.95, 0.85, 0.7]]
    row = {"num_rare": "3", "rare_accuracy": "0.4"}
    row["balanced_accuracy"] = str(np.mean(per_class))
    assert study_report.common_accuracy(row) == pytest.approx(np.mean(per_class[3:]))
    table = study_report.common(study_report.Study(rows))
    values = [accuracy_of("imbalance", 5, seed, 0) for seed in range(3)]
    mean, deviation = (700 - 3 * np.mean(values)) / 7, np.std(values, ddof=1) * 3 / 7
    assert table[1][:2] == ["`real`", f"{mean:.1f} ± {deviation:.1f}"]


def test_an_arm_is_worth_the_labels_with_which_the_best_rival_has_as_much(rows):
    # the rivals gain 5 log 4 points from 5 to 20 labels; `both` is ahead of the better by 4.2
    worth = study_report.worth_in_labels
    table = worth(study_report.Study(rows), "few_labels", ("real", "classical"))
    found = {row[0]: row[1:] for row in table}
    assert found["arm"] == ["n = 5", "n = 20"]
    assert found["`both`"] == [f"{5 * math.exp(4.2 / 5):.0f}", "over 20"]
    assert not {"`real`", "`classical`"} & set(found)
    table = worth(study_report.Study(rows), "few_labels", ("classical",))
    assert table[1] == ["`real`", "under 5", f"{20 * math.exp(-2.1 / 5):.0f}"]


def test_ablations_have_a_table_of_their_own(rows):
    found = study_report.Study(rows)
    assert "both_half" not in found.arms("few_images")
    assert found.arms("few_images", ablations=True) == ["both_half"]
    setting, line = study_report.ablations(found, PROTOCOL["contrasts"], 20)[1:]
    assert setting == ["*few images*", ""]
    assert line[0] == "`both_half` − `both`"
    assert line[1].startswith("+4.2 (")  # 2 * 2 points, and 0.2 a seed


def test_differences_are_paired_by_seed(rows):
    table = study_report.differences(study_report.Study(rows), PROTOCOL["contrasts"], "few_images")
    assert len(table) == 2
    low, high = stats.t.interval(0.95, 2, loc=4.2, scale=0.2 / math.sqrt(3))
    assert table[1][0] == "**`both` − `classical`**"
    assert table[1][2] == f"+4.2 (+{low:.1f} to +{high:.1f})"


def test_a_replication_stands_beside_the_study_and_is_not_mixed_with_it(rows):
    first = study_report.Study(rows)
    again = [row for row in rows if row["seed"] == "2" and row["setting"] != "few_labels"]
    again += [row | {"seed": "9", "accuracy": row["accuracy"]} for row in again]
    table = study_report.replicated(first, study_report.Study(again), PROTOCOL["contrasts"], 20)
    assert table[0] == ["difference", "3 seeds", "2 seeds"]
    assert [row[0] for row in table[1:]] == [
        "*few images*",
        "**`both` − `classical`**",
        "`both_half` − `both`",
        "*imbalance*",
        "`both` − `oversampled`",  # and not that of another measure
    ]
    low, high = stats.t.interval(0.95, 2, loc=4.2, scale=0.2 / math.sqrt(3))
    assert table[1][1:] == ["", ""]
    assert table[2][1:] == [f"+4.2 (+{low:.1f} to +{high:.1f})", "+4.4 (+4.4 to +4.4)"]
    assert study_report.replicated(first, study_report.Study([]), PROTOCOL["contrasts"], 20) == []


def test_a_missing_seed_is_left_out_of_both_arms(rows):
    some = [r for r in rows if (r["arm"], r["seed"]) != ("classical", "2")]
    found = study_report.Study(some).difference("few_images", 5, "both", "classical")
    assert found.num_pairs == 2
    assert found.mean == pytest.approx(4.1)
    assert study_report.Study([]).difference("few_images", 5, "both", "classical") is None


def test_correlation_within_groups_is_blind_to_what_groups_differ_by():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(4), 5)
    first = 100 * groups + rng.normal(size=20)
    noise = 100 * groups + rng.normal(size=20)
    assert stats.spearmanr(first, noise).statistic > 0.8
    found, probability = study_report.correlation_within(first, noise, groups, 500)
    assert abs(found) < 0.5
    assert probability > 0.05
    found, probability = study_report.correlation_within(first, -first + 300 * groups, groups, 500)
    assert found == pytest.approx(-1)
    assert probability < 0.01


def test_probability_of_a_correlation_is_that_of_all_permutations():
    first, second = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])
    found, probability = study_report.correlation_within(first, second, np.zeros(4), 20_000)
    exact = [
        abs(stats.spearmanr(first, p).statistic) >= found - 1e-9
        for p in itertools.permutations(second)
    ]
    assert found == pytest.approx(stats.spearmanr(first, second).statistic)
    assert probability == pytest.approx(np.mean(exact), abs=0.015)


def test_distance_table_has_each_setting_and_both_ways_to_be_worth_something(rows):
    table = study_report.by_distance(study_report.Study(rows))
    assert [row[0] for row in table[1:]] == [t for t in study_report.TITLES.values() for _ in "ab"]
    alone = table[2]  # accuracy rises with n and seed as the distance falls
    assert alone[1:5] == ["`synthetic`", 6, "−1.00", "−1.00"]
    assert alone[6] == "0%"


def test_a_pair_misleads_if_the_smaller_distance_is_worth_less():
    groups = np.array([1, 1, 1, 2, 2])
    worth = np.array([3.0, 1.0, 2.0, 0.0, 9.0])
    assert study_report.misled(np.array([1.0, 2.0, 3.0, 7.0, 8.0]), worth, groups) == 0.5


def test_what_was_tried_is_sorted_by_its_mean_within_a_setting():
    rows = [
        {"trial": t, "setting": s, "arm": "a", "accuracy": v, "rare_accuracy": "nan", "seed": seed}
        for t, s, v, seed in (
            ("late", "few_labels", "0.9", "0"),
            ("poor", "few_images", "0.52", "10"),  # ended first
            ("good", "few_images", "0.7", "0"),
            ("poor", "few_images", "0.5", "2"),
        )
    ]
    table = study_report.tried(rows)[1:]
    assert [row[1] for row in table] == ["good", "poor", "late"]
    assert table[1][3:] == ["51.0", "50.0, 52.0"]


def test_everything_is_written_and_every_arm_has_a_look(rows, tmp_path):
    paths = study_report.write(rows, [], rows, PROTOCOL, tmp_path, tmp_path)
    assert len({path.name for path in paths}) == len(paths) == 12 + 8
    assert all(path.stat().st_size > 0 for path in paths)
    with (tmp_path / "12_study_costs.csv").open(encoding="utf-8") as file:
        costs = {row["arm"]: row for row in csv.DictReader(file)}
    assert costs["`gan`"] == {
        "arm": "`gan`",
        "few images": "12",
        "few labels": "",
        "imbalance": "13",
    }
    assert study_report.write([], [], [], PROTOCOL, tmp_path, tmp_path) == []


def test_study_writes_its_report_only_for_the_books_own_rows(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(study_report, "main", lambda: called.append(1))
    study.report("digits", study.DATA)
    study.report("fashion_mnist", tmp_path)
    assert called == []
    study.report("fashion_mnist", study.DATA)
    assert called == [1]
