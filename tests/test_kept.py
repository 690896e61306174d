"""Kept runs: one file each, written whole, fresh by key, parameters, machine and ledger."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from ganbook import kept
from tools import study_garments, study_search

ROOT = Path(__file__).resolve().parents[1]
RUN = kept.Run("a/5/0", key="one", parameters={"steps": 3, "sides": (1, 2)})


@pytest.fixture
def store(tmp_path):
    return kept.Store(tmp_path / "runs", ledger=tmp_path / "ledger.json")


def test_a_kept_run_says_what_it_was_made_from(store):
    store.put(RUN, {"accuracy": 0.5}, seconds=1.25, threads=1)
    one = json.loads((store.folder / "a-5-0.json").read_text(encoding="utf-8"))
    assert list(one) == [
        *("name", "key", "commit", "versions", "threads", "seconds", "parameters", "results")
    ]
    assert (one["name"], one["key"], one["threads"]) == ("a/5/0", "one", 1)
    assert one["parameters"] == {"steps": 3, "sides": [1, 2]}
    head = ["git", "rev-parse", "--short", "HEAD"]
    head = subprocess.run(head, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert one["commit"].removesuffix("+") == head.strip()
    assert one["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize(
    "change", [{"key": "two"}, {"parameters": {"steps": 4, "sides": (1, 2)}}, {"name": "a/5/1"}]
)
def test_a_run_with_another_key_or_other_parameters_is_none(store, change):
    store.put(RUN, 1, seconds=1.0)
    assert store.fresh(RUN)["results"] == 1
    assert store.fresh(dataclasses.replace(RUN, **change)) is None


def test_an_archive_is_fresh_by_its_parameters_whatever_the_code(tmp_path):
    archive = kept.Archive(tmp_path)
    archive.put(RUN, 1, seconds=1.0)
    assert archive.fresh(dataclasses.replace(RUN, key="two"))["results"] == 1
    assert archive.fresh(dataclasses.replace(RUN, name="a/5/1")) is None
    assert archive.fresh(dataclasses.replace(RUN, parameters={"steps": 4})) is None


def test_the_search_and_the_garments_are_archives_of_the_finished_study():
    search = study_search.runs(yaml.safe_load(study_search.SEARCH.read_text(encoding="utf-8")))
    garments = study_garments.runs()
    for folder, runs in ((study_search.TRIED, search), (study_garments.STORE, garments)):
        assert [run.name for run in runs if kept.Archive(folder).fresh(run) is None] == []


def test_times_of_another_machine_or_other_versions_are_none(tmp_path, monkeypatch):
    timed, plain = (kept.Store(tmp_path, same_machine=s) for s in (True, False))
    timed.put(RUN, 1, seconds=1.0)
    assert timed.fresh(RUN)
    here = kept.machine()
    for change in ({"processor": "another"}, {"numpy": "0.1"}):
        monkeypatch.setattr(kept, "machine", lambda *_, change=change: here | change)
        assert timed.fresh(RUN) is None
        assert plain.fresh(RUN)


def test_the_ledger_makes_old_keys_as_good_as_new_ones(store, tmp_path):
    store.put(RUN, 1, seconds=1.0)
    ledger = kept.Ledger(tmp_path / "ledger.json")
    later = dataclasses.replace(RUN, key="three")
    entries = [
        {"old": old, "new": new, "commit": "c", "probe": "p"}
        for old, new in (("one", "two"), ("two", "three"))
    ]
    ledger.add(entries[:1])
    assert store.fresh(later) is None
    ledger.add(entries)  # an entry that is there is not written twice
    assert ledger.entries() == entries
    assert store.fresh(later)
    assert store.fresh(dataclasses.replace(RUN, key="four")) is None
    assert not ledger.are("three", "one")  # what was shown of old runs says nothing of new ones


def test_two_runs_of_one_file_are_refused(store):
    store.put(RUN, 1, seconds=1.0)
    with pytest.raises(ValueError, match=r"received a run named 'a 5 0'.*holds the run 'a/5/0'"):
        store.put(dataclasses.replace(RUN, name="a 5 0"), 2, seconds=1.0)
    assert store.fresh(RUN)["results"] == 1


def test_runs_of_an_earlier_plan_can_be_removed(store):
    other = dataclasses.replace(RUN, name="b")
    for run in (RUN, other):
        store.put(run, 1, seconds=1.0)
    store.only(["b"])
    assert list(store.all()) == ["b"]


def test_a_file_that_is_half_written_is_never_seen(store, monkeypatch):
    store.put(RUN, 1, seconds=1.0)

    def killed(*_):
        raise SystemExit

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(SystemExit):
        store.put(RUN, 2, seconds=1.0)
    assert store.fresh(RUN)["results"] == 1
    assert [path.name for path in store.folder.iterdir()] == ["a-5-0.json"]


def square(run):
    if run.parameters["value"] == 3:
        raise ValueError("three is too many")
    return run.parameters["value"] ** 2


def test_missing_runs_are_done_failures_are_told_and_the_others_go_on(store, capsys):
    runs = [kept.Run(f"r/{value}", "k", {"value": value}) for value in range(1, 6)]
    store.put(runs[0], "kept", seconds=1.0)
    failures = kept.perform_missing(store, runs, square, jobs=2)
    assert [(run.name, str(error)) for run, error in failures] == [("r/3", "three is too many")]
    found = {name: one["results"] for name, one in store.all().items()}
    assert found == {"r/1": "kept", "r/2": 4, "r/4": 16, "r/5": 25}
    assert "1 of 5 runs are kept" in capsys.readouterr().out


PROGRAM = """
import sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from ganbook import kept

def slow(run):
    print("begun", run.name, flush=True)
    time.sleep(600)

if __name__ == "__main__":
    runs = [kept.Run(str(k), "k", {{}}) for k in range(2)]
    kept.perform_missing(kept.Store(Path({folder!r})), runs, slow, jobs=2)
"""


def test_workers_end_with_the_process_that_began_them(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(root=str(ROOT), folder=str(tmp_path / "runs")))
    process = subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    begun = 0
    while begun < 2:  # both workers are in their runs
        begun += process.stdout.readline().startswith("begun")
    below = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert psutil.wait_procs(below, timeout=600)[1] == []  # a busy machine takes its time
