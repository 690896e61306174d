"""The comparison of two trees: what it runs, when it says "equal", and when it refuses."""

import json
import sys
from pathlib import Path

import pytest

from ganbook import kept, keys
from ganlib.models import mlp
from tools import equal, notebooks, probe

ROOT = Path(__file__).resolve().parents[1]

TREE = {
    "ganlib/__init__.py": "",
    "ganlib/loop.py": """
RATE = 2.0

def used():
    return RATE

def other():
    return 3

class Loop:
    def run(self):
        return used()

    def stop(self):
        return other()
""",
}
CALLED = [
    ["ganlib/loop.py", "<module>"],
    ["ganlib/loop.py", "Loop"],
    ["ganlib/loop.py", "Loop.run"],
    ["ganlib/loop.py", "used"],
]


@pytest.fixture
def code(tmp_path):
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return keys.Code(tmp_path, packages=("ganlib",))


@pytest.mark.parametrize(
    ("name", "is_named"),
    [
        ("used", False),
        ("other", True),
        ("RATE", False),  # a function that ran names it
        ("Loop.run", False),
        ("Loop.stop", True),
        ("", False),
    ],
)
def test_a_changed_definition_must_have_been_executed(code, name, is_named):
    found = equal.not_executed(code, [("ganlib.loop", name)], CALLED)
    assert found == ([f"ganlib.loop.{name}"] if is_named else [])


def test_a_function_that_was_only_named_was_not_executed(code):
    """`Loop.stop` names `other`; had it run, `other` would have been called."""
    called = [*CALLED, ["ganlib/loop.py", "Loop.stop"]]
    assert equal.not_executed(code, [("ganlib.loop", "other")], called) == ["ganlib.loop.other"]


def made(key, **definitions):
    return keys.Made(key, {("ganlib.loop", name): text for name, text in definitions.items()})


@pytest.fixture
def two_trees(code, tmp_path, monkeypatch):
    """Two trees whose keys differ by `used`, and what their probes give."""
    given = {
        "before": {"results": [[1.5]], "weights": ["a"], "called": CALLED},
        "after": {"results": [[1.5]], "weights": ["a"], "called": CALLED},
        "changed": "used",
    }
    old, new = tmp_path / "before", tmp_path / "after"

    def subjects(root):
        text = "one" if root == old else "two"
        return code, {
            "study": (made(f"key {text}", **{given["changed"]: text}), [{"script": "pass"}]),
            "same": (made("key", used="one"), [{"script": "pass"}]),
        }

    monkeypatch.setattr(equal, "subjects", subjects)
    monkeypatch.setattr(equal, "probe", lambda root, plan, name: given[root.name])
    return given, lambda: equal.compare(old, new)


def test_equal_trees_give_an_entry_for_each_key_that_differs(two_trees, tmp_path):
    _, compare = two_trees
    entries, lines = compare()
    (entry,) = entries
    assert (entry["old"], entry["new"], entry["what"]) == ("key one", "key two", "study")
    assert entry["commit"] == kept.commit()
    assert len(entry["probe"]) == 16
    assert lines == ["study: equal, 1 arrays of weights"]
    ledger = kept.Ledger(tmp_path / "ledger.json")
    ledger.add(entries)
    assert ledger.are("key one", "key two")


@pytest.mark.parametrize("what", ["weights", "results"])
def test_other_bits_are_refused(two_trees, what):
    given, compare = two_trees
    given["after"] = given["after"] | {what: ["b"]}
    entries, lines = compare()
    assert entries == []
    assert lines == [f"study: the {what} differ"]


def test_what_the_probe_did_not_execute_is_refused_by_name(two_trees):
    given, compare = two_trees
    given["changed"] = "other"
    entries, lines = compare()
    assert entries == []
    assert lines == [
        f"study: the probe did not execute ganlib.loop.other ({where})"
        for where in ("before", "after")
    ]


def test_times_do_not_count_and_numbers_do():
    written = {"seconds": 1.0, "a": {"time_seconds": 2.0, "loss": 0.5}, "b": [{"speed": 1, "x": 2}]}
    assert probe.untimed(written) == {"a": {"loss": 0.5}, "b": [{"x": 2}]}


SCRIPT = """
import json, pathlib
import numpy as np
from ganlib import toy, training
from ganlib.models import mlp
from ganlib._tensorflow import keras

keras.utils.set_random_seed(0)
pair = mlp.generator(None, 2, 3, width=4), mlp.discriminator(None, 2, width=4)
gan = training.GAN(*pair, options=training.Options(batch_size=8, steps_per_call=2))
gan.train(toy.ring().sample(64, seed=0), 2, progress=False)
pathlib.Path("out").mkdir()
_ = pathlib.Path("out/numbers.json").write_text(json.dumps({"steps": gan.step, "seconds": 1}))
"""


def test_a_probe_tells_the_weights_the_numbers_and_what_ran(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "BUILD", tmp_path)
    first, second = (equal.probe(ROOT, [{"script": SCRIPT}], name) for name in "ab")
    assert first["weights"] == second["weights"]
    networks = mlp.generator(None, 2, 3, width=4), mlp.discriminator(None, 2, width=4)
    assert len(first["weights"]) == sum(len(one.trainable_variables) for one in networks)
    assert first["results"] == [[{"steps": 2}]]
    called = {tuple(pair) for pair in first["called"]}
    assert ("ganlib/training/_step.py", "Step.update_networks") in called
    assert ("ganlib/training/__init__.py", "GAN.restore") not in called
    other = equal.probe(ROOT, [{"script": SCRIPT.replace("seed(0)", "seed(1)")}], "c")
    assert other["weights"] != first["weights"]


def test_a_probe_that_fails_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "BUILD", tmp_path)
    with pytest.raises(
        notebooks.LabError, match=r"(?s)the probe of a failed on .*ZeroDivisionError"
    ):
        equal.probe(ROOT, [{"script": "1 / 0"}], "a")


def test_the_plans_name_parameters_that_the_labs_declare():
    declared = notebooks.lab_lints.parameters(notebooks.read(notebooks.lab_path("12_study")))
    assert set(equal.FEW) <= set(declared)
    assert json.dumps(equal.FEW)
    assert sys.version_info >= (3, 11)  # code objects have qualified names from then on
