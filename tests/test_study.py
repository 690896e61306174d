"""The sweep: what it runs, that a killed one loses nothing, and that a kept row comes again."""

import csv
import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest
import yaml
from scipy import stats

from ganbook import kept
from ganbook.study import arms, judges
from ganlib import augment, comparison, data
from tools import notebooks, study, study_garments, study_search

ROOT = Path(__file__).resolve().parents[1]
FOR_EVER = 3600  # seconds, longer than a test waits for a process that has to end

LAB = """\
import json, pathlib, time
with open({started!r}, "a") as file:
    _ = file.write(f"{{setting}}/{{num_per_class}}/{{seed}}\\n")
time.sleep({seconds})
gate = pathlib.Path({started!r}).with_name("allowed")  # how many runs may end, if it is there
while gate.exists() and len(open({started!r}).readlines()) > int(gate.read_text()):
    time.sleep(0.01)
rows = [
    {{
        "arm": arm,
        "accuracy": 0.1 * number + 0.01 * seed + 0.001 * (num_per_class + seed**2) * (number - 1),
        "balanced_accuracy": 0.25,
        "rare_accuracy": float("nan"),
        "seconds": time.perf_counter(),
        "gan_seconds": 1.5,
        "distance": 0.125 + seed,
    }}
    for number, arm in enumerate(("classical", "both"), 1)
]
folder = pathlib.Path(output_dir)
folder.mkdir(parents=True, exist_ok=True)
_ = (folder / "rows.json").write_text(json.dumps(rows))
"""
PARAMETERS = """\
seed = 0  # of all
dataset = "toy"  # which
setting = "a"  # which
num_per_class = 1  # n
scored_on = "validation"  # or test
ablations = False  # or not
strength = 1.0  # of something
output_dir = "build/labs/stub"  # where
"""
CONTRAST = {"setting": "a", "arms": ["both", "classical"], "measure": "accuracy", "named": True}
GRID = {"num_per_class": [5, 20], "seeds": [0, 1, 2], "ablations_at": 20, "scored_on": "test"}


@pytest.fixture(autouse=True)
def same_environment():
    """A sweep sets the number of threads for what it starts; other tests keep their own."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def workshop(tmp_path):
    """A protocol and a lab that need no TensorFlow; the lab writes down each of its beginnings."""

    def make(seconds=0.0, **changes):
        code = LAB.format(started=str(tmp_path / "started"), seconds=seconds)
        cells = [nbformat.v4.new_code_cell(text) for text in (PARAMETERS, code)]
        cells[0].metadata["tags"] = ["parameters"]
        kernel = {"kernelspec": {"display_name": "p", "language": "python", "name": "python3"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
        nbformat.write(notebook, tmp_path / "99_stub.ipynb")
        protocol = {
            "grid": GRID,
            "settings": {"a": {"expected_seconds": 2}, "b": {"parameters": {"strength": 3.0}}},
            "contrasts": [
                {
                    "setting": "a",
                    "arms": ["both", "classical"],
                    "measure": "accuracy",
                    "named": True,
                }
            ],
            "interval": {"level": 0.95},
            "parameters": {"strength": 2.0},
            "data": {"toy": {}},
            **changes,
        }
        (tmp_path / "protocol.yml").write_text(yaml.safe_dump(protocol), encoding="utf-8")
        return tmp_path

    return make


def words(folder, *more):
    return [
        *("--data", "toy", "--here", "--output", str(folder / "out")),
        *("--protocol", str(folder / "protocol.yml"), "--lab", str(folder / "99_stub.ipynb")),
        *more,
    ]


def plan_of(folder):
    return study.Plan("toy", protocol=folder / "protocol.yml", lab=folder / "99_stub.ipynb")


def kept_rows(folder):
    path = folder / "out" / "12_study_toy.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def store_of(folder, name="12_study_toy"):
    return kept.Store(folder / "out" / name)


def started(folder):
    path = folder / "started"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


GRID_KEYS = [f"{s}/{n}/{seed}" for seed in (0, 1, 2) for n in (5, 20) for s in ("a", "b")]


def test_the_grid_is_run_seed_by_seed_and_its_rows_say_what_they_were_made_from(workshop, capsys):
    folder = workshop()
    assert study.main(words(folder)) == 0
    assert started(folder) == GRID_KEYS
    rows = kept_rows(folder)
    assert [(row["run"], row["arm"]) for row in rows] == [
        (key, arm) for key in GRID_KEYS for arm in ("classical", "both")
    ]
    row = next(row for row in rows if row["run"] == "b/20/1")
    assert (row["setting"], row["num_per_class"], row["seed"]) == ("b", "20", "1")
    assert row["threads"] == "1"
    for name in ("commit", "key", "python", "tensorflow", "keras", "numpy", "seconds"):
        assert row[name], name
    found = store_of(folder).all()
    parameters = found["b/20/1"]["parameters"]
    assert (parameters["strength"], parameters["ablations"]) == (3.0, True)
    assert parameters["scored_on"] == "test"
    assert found["a/5/0"]["parameters"]["ablations"] is False
    assert "0 of 12 runs are kept" in capsys.readouterr().out


def test_finished_runs_are_not_repeated_and_changed_ones_are(workshop):
    folder = workshop()
    assert study.main(words(folder)) == 0
    before = kept_rows(folder)
    assert study.main(words(folder)) == 0
    assert started(folder) == GRID_KEYS
    assert kept_rows(folder) == before
    changed = {"a": {"expected_seconds": 2}, "b": {"parameters": {"strength": 4.0}}}
    workshop(settings=changed)
    assert study.main(words(folder)) == 0
    assert started(folder) == GRID_KEYS + [key for key in GRID_KEYS if key[0] == "b"]
    after = kept_rows(folder)
    assert len(after) == len(before)
    assert [r for r in after if r["setting"] == "a"] == [r for r in before if r["setting"] == "a"]
    found = store_of(folder).all()
    strengths = {name: one["parameters"]["strength"] for name, one in found.items()}
    assert strengths == {name: 4.0 if name[0] == "b" else 2.0 for name in GRID_KEYS}


def test_figures_and_overridden_defaults_may_change_without_new_runs(workshop):
    folder = workshop()
    first = plan_of(folder).runs["a/5/0"]
    notebook = nbformat.read(folder / "99_stub.ipynb", as_version=4)
    drawing = nbformat.v4.new_code_cell("draw()", metadata={"mystnb": {"image": {"alt": "x"}}})
    notebook.cells.append(drawing)
    notebook.cells[0].source = PARAMETERS.replace("strength = 1.0", "strength = 9.0")
    nbformat.write(notebook, folder / "99_stub.ipynb")
    assert plan_of(folder).runs["a/5/0"] == first
    for cell, more in (
        (0, "\nother = 1  # a default that the protocol leaves"),
        (1, "\nrows = []"),
    ):
        notebook.cells[cell].source += more
        nbformat.write(notebook, folder / "99_stub.ipynb")
        changed = plan_of(folder).runs["a/5/0"]
        assert changed != first
        first = changed


def test_a_sweep_killed_at_random_loses_nothing_that_was_finished(workshop):
    folder = workshop(seconds=0.05)
    command = [sys.executable, str(ROOT / "tools" / "study.py"), *words(folder)]
    rng, seen, gate = random.Random(0), {}, folder / "allowed"
    for kills in range(6):
        num_before, begun = len(store_of(folder).all()), len(started(folder))
        if kills < 5:  # it cannot end before it is killed
            gate.write_text(str(begun + 2), encoding="utf-8")
        else:
            gate.unlink()
        process = subprocess.Popen(command, cwd=ROOT, stdout=-3, stderr=-3, start_new_session=True)
        while process.poll() is None and len(started(folder)) == begun:
            time.sleep(0.01)  # until it is in its first run
        if kills < 5:
            time.sleep(rng.uniform(0.0, 0.3))
            process.send_signal(signal.SIGKILL)
        process.wait()
        found = store_of(folder).all()
        assert len(found) >= num_before
        for name, one in found.items():  # what was there stays, to the last digit of its time
            assert seen.setdefault(name, one) == one
        assert process.returncode == (-signal.SIGKILL if kills < 5 else 0)
    rows = kept_rows(folder)
    assert [row["run"] for row in rows[::2]] == GRID_KEYS
    assert len(rows) == 24
    # at most the run that was going on is done a second time
    assert len(started(folder)) <= len(GRID_KEYS) + 5
    assert list(dict.fromkeys(started(folder))) == GRID_KEYS


def left(processes):
    """Returns those that do not end; the wait is long, as a busy machine takes its time."""
    _, alive = psutil.wait_procs(processes, timeout=600)
    for process in alive:
        process.kill()
    return alive


def test_the_kernel_of_a_killed_sweep_ends_too(workshop):
    folder = workshop(seconds=FOR_EVER)
    command = [sys.executable, str(ROOT / "tools" / "study.py"), *words(folder)]
    command.remove("--here")
    process = subprocess.Popen(command, cwd=ROOT, stdout=-3, stderr=-3)
    while not started(folder):
        assert process.poll() is None
        time.sleep(0.1)
    below = psutil.Process(process.pid).children(recursive=True)
    assert len(below) >= 2  # papermill's process and the kernel
    process.kill()
    process.wait()
    assert left(below) == []


def test_the_workers_of_a_killed_search_end_too():
    program = """
import concurrent.futures, multiprocessing, time
from ganbook import kept
pool = concurrent.futures.ProcessPoolExecutor(
    1, multiprocessing.get_context("spawn"), kept._end_with_parent
)
pool.submit(time.perf_counter).result()  # the worker has begun
pool.submit(time.sleep, 3600)
print("begun", flush=True)
time.sleep(3600)
"""
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    below = psutil.Process(process.pid).children(recursive=True)
    assert below
    process.kill()
    process.wait()
    process.stdout.close()
    assert left(below) == []


def test_a_run_made_again_is_compared_with_its_kept_rows(workshop, capsys):
    folder = workshop()
    assert study.main(words(folder)) == 0
    assert study.main(words(folder, "--run", "a/20/2")) == 0
    out = capsys.readouterr().out
    assert out.count("same   ") == 2
    path = store_of(folder).path("a/20/2")
    one = json.loads(path.read_text(encoding="utf-8"))
    accuracy, one["results"][0]["accuracy"] = one["results"][0]["accuracy"], 0.5
    path.write_text(json.dumps(one), encoding="utf-8")
    assert study.main(words(folder, "--run", "a/20/2")) == 1
    out = capsys.readouterr().out
    assert f"DIFFER classical: {accuracy} now, 0.5 kept" in out
    assert "same   both" in out


def test_a_replication_comes_after_the_grid_and_has_a_file_of_its_own(workshop, capsys):
    again = {"grid": GRID | {"num_per_class": [20], "seeds": [7]}, "settings": {"b": {}}}
    folder = workshop(replication=again | {"data": ["toy"]})
    assert study.main(words(folder)) == 0
    assert started(folder) == [*GRID_KEYS, "b/20/7"]
    again = store_of(folder, "12_study_toy_replication").all()
    assert list(again) == ["b/20/7"]
    assert again["b/20/7"]["parameters"]["strength"] == 3.0
    assert [row["arm"] for row in again["b/20/7"]["results"]] == ["classical", "both"]
    assert "b/20/7" not in {row["run"] for row in kept_rows(folder)}
    assert study.main(words(folder)) == 0
    assert started(folder) == [*GRID_KEYS, "b/20/7"]  # nothing twice
    capsys.readouterr()
    assert study.main(words(folder, "--run", "b/20/7")) == 0
    assert capsys.readouterr().out.count("same   ") == 2


def test_other_data_have_no_replication(workshop):
    again = {"grid": GRID | {"seeds": [7]}, "settings": {"b": {}}, "data": ["another"]}
    folder = workshop(replication=again)
    assert study.main(words(folder)) == 0
    assert started(folder) == GRID_KEYS


def test_an_unknown_run_is_named_and_the_known_ones_are_listed(workshop, capsys):
    folder = workshop()
    assert study.main(words(folder, "--run", "a/7/0")) == 1
    assert "no run 'a/7/0'; the grid has: a/5/0" in capsys.readouterr().err


def test_a_failing_run_is_told_of_and_the_others_go_on(workshop, capsys):
    folder = workshop()
    notebook = nbformat.read(folder / "99_stub.ipynb", as_version=4)
    notebook.cells[1].source = "assert (setting, seed) != ('a', 1)\n" + notebook.cells[1].source
    nbformat.write(notebook, folder / "99_stub.ipynb")
    assert study.main(words(folder)) == 1
    assert "a/5/1: 99_stub failed: AssertionError" in capsys.readouterr().err
    assert set(store_of(folder).all()) == set(GRID_KEYS) - {"a/5/1", "a/20/1"}


@pytest.mark.parametrize("here", [False, True])
def test_runs_go_two_at_a_time_and_give_the_same_rows(workshop, here):
    folder = workshop(seconds=0.1)
    plan = plan_of(folder)
    plan.runs = {key: plan.runs[key] for key in GRID_KEYS[:3]}
    one, two = (store_of(folder, name) for name in ("one", "two"))
    study.sweep_grid(plan, one, here=True)
    study.sweep_grid(plan, two, jobs=2, here=here)

    def measured(store):
        rows = study.rows_of(store, plan.runs)
        return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]

    assert measured(one) == measured(two)
    assert len(measured(two)) == 6


def test_contrasts_pair_the_seeds_and_agree_with_scipy(workshop):
    folder = workshop()
    assert study.main(words(folder)) == 0
    with (folder / "out" / "12_study_toy_contrasts.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [(row["num_per_class"], row["named"]) for row in table] == [("5", ""), ("20", "yes")]
    rows = kept_rows(folder)
    values = [
        [
            float(row["accuracy"])
            for seed in "012"
            for row in rows
            if row["run"] == f"a/20/{seed}" and row["arm"] == arm
        ]
        for arm in ("both", "classical")
    ]
    # the stub's arms differ by 0.1 + 0.02 at n = 20, and by 0, 0.001 and 0.004 more
    assert table[1]["mean"] == "12.17"
    low, high = stats.ttest_rel(*values).confidence_interval(0.95)
    assert float(table[1]["low"]) == pytest.approx(100 * low, abs=0.01)
    assert float(table[1]["high"]) == pytest.approx(100 * high, abs=0.01)
    assert table[1]["seeds"] == "3"


# --- the protocol --------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", ["fashion_mnist", "digits", "cifar10"])
@pytest.mark.parametrize("small", [False, True])
def test_the_protocols_parameters_are_the_labs_and_its_arms_exist(dataset, small):
    plan = study.Plan(dataset, small=small)
    declared = notebooks.lab_lints.parameters(notebooks.read(plan.lab))
    for run in plan.runs.values():
        assert set(run.parameters) <= set(declared), run.name
        for name, value in run.parameters.items():
            assert isinstance(value, type(declared[name])), name
    assert {contrast["setting"] for contrast in plan.contrasts} == set(plan.settings)
    named = [contrast for contrast in plan.contrasts if contrast.get("named")]
    assert len(named) == len(plan.settings)


def test_the_grid_of_the_protocol():
    plan = study.Plan("fashion_mnist")
    assert len(plan.runs) == 3 * 4 * 5
    assert {run.parameters["num_per_class"] for run in plan.runs.values()} == {5, 20, 100, 500}
    assert {run.parameters["seed"] for run in plan.runs.values()} == {0, 1, 2, 3, 4}
    for run in plan.runs.values():
        assert run.parameters["ablations"] == (run.parameters["num_per_class"] == 20)
        assert run.parameters["scored_on"] == "test"
    common = [
        {k: v for k, v in run.parameters.items() if k not in ("seed", "num_per_class", "ablations")}
        for run in plan.runs.values()
        if run.parameters["setting"] == "few_images"
    ]
    assert all(entry == common[0] for entry in common)
    again = study.Plan("fashion_mnist", replication=True)
    assert {key.rsplit("/", 1)[0] for key in again.runs} == {f"{s}/20" for s in plan.settings}
    assert len(again.runs) == 3 * 10
    assert not set(again.runs) & set(plan.runs)
    for run in again.runs.values():
        first = plan.run(f"{run.parameters['setting']}/20/0").parameters
        own = {
            "seed": run.parameters["seed"],
            "ablations": run.parameters["setting"] == "few_labels",
        }
        assert run.parameters == first | own


@pytest.mark.slow
def test_the_whole_study_runs_small_and_a_row_comes_again(tmp_path):
    command = [sys.executable, str(ROOT / "tools" / "study.py"), "--data", "digits", "--small"]
    command += ["--jobs", "2", "--output", str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    again = subprocess.run(
        [*command, "--run", "few_labels/5/1"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stdout
    assert again.stdout.count("same   ") == 14


def test_the_search_asks_for_arms_and_settings_that_exist():
    digits = data.load_digits()
    search = yaml.safe_load(study_search.SEARCH.read_text(encoding="utf-8"))
    found = study_search.runs(search)
    assert len({run.name for run in found}) == len(found)
    for run in found:
        material = comparison.split(digits, 5, 0, num_unlabelled=-1)
        settings = study_search.as_settings(run.parameters["settings"])
        trainer = arms.Trainer(settings, comparison.Seal(digits.images[:0]))
        assert set(run.parameters["arms"]) <= set(
            getattr(arms, run.parameters["setting"])(material, trainer)
        )
        policy = run.parameters["settings"]["policy"]
        assert (settings.policy is None) == (policy is None)
        if policy:
            assert settings.policy == augment.Classical(**policy)


def test_garments_are_looked_at_with_the_settings_of_the_study():
    found = study_garments.runs()
    assert [run.parameters["seed"] for run in found] == [0, 1, 2, 3, 4]
    assert len({json.dumps(run.parameters["settings"]) for run in found}) == 1
    parameters = study.Plan("fashion_mnist").runs["few_labels/20/0"].parameters
    settings = study_search.as_settings(found[0].parameters["settings"])
    shared = {f.name for f in dataclasses.fields(settings)} & set(parameters)
    assert len(shared) >= 13
    for name in shared - {"ablations"}:
        assert getattr(settings, name) == parameters[name], name
    assert settings.policy == augment.Classical(shift=0.036, mixup=1.0)


@pytest.mark.slow
def test_garments_have_a_share_for_each_arm_and_for_what_the_generator_was_told(monkeypatch):
    digits = data.load_digits()
    monkeypatch.setattr(study_search, "parts", lambda: (digits[:1137], digits[1137:]))
    monkeypatch.setattr(judges, "fashion_classifier", judges.digits_classifier)
    run = study_garments.runs([1])[0]
    few = dict.fromkeys(("num_steps", "num_gan_steps", "num_pretrain_steps"), 40)
    run.parameters["settings"].update(few | {"num_synthetic": 40})
    one = {"parameters": run.parameters, "commit": "0", "key": run.key}
    rows = study_garments.rows_of({run.name: one | {"results": study_garments.perform(run)}})
    assert len(rows) == 7 * 10
    assert all(set(row) == set(study_garments.COLUMNS) for row in rows)
    means = study_garments.means(rows)
    right = [means[study_garments.GUESSED, name] for name in digits.class_names]
    accuracy = [means["classical", name] for name in digits.class_names]
    assert np.mean(right) == pytest.approx(np.mean(accuracy), abs=15)
    assert np.mean(right) > 50
    assert len(study_garments.figure(rows).axes) == 2
