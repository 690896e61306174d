"""Keys of kept runs: what counts, what does not, and that the project's own runs are keyed so."""

import ast
import json
import shutil
import textwrap
from pathlib import Path

import numpy as np
import pytest

from ganbook import keys
from tools import notebooks, study

ROOT = Path(__file__).resolve().parents[1]

LIBRARY = {
    "ganlib/__init__.py": "",
    "ganlib/_start.py": """
        import os
        os.environ["A"] = "1"
        tf = 1
        """,
    "ganlib/losses.py": '''
        """Losses."""
        from ganlib._start import tf
        SCALE = 2.0

        def require(value, *, at_least, fix):
            if value < at_least:
                raise ValueError(f"received {value}. {fix}.")

        def hinge(logits):
            """The hinge.

            Args:
                logits: numbers.
            """
            # a reason
            if logits is None:
                raise ValueError(f"received {logits}")
            require(logits, at_least=1, fix="Give more")
            return SCALE * logits

        def other(logits):
            return logits
        ''',
    "ganlib/loop.py": '''
        from ganlib import losses
        from ganlib.losses import hinge as the_loss

        class Loop:
            """A loop."""
            rate: float = 0.5

            def run(self, losses_of=None):
                return self._step() + losses.hinge(1)

            def _step(self):
                return the_loss(2)

            def draw(self):
                return losses.other(3)
        ''',
    "ganlib/judge.py": """
        def judge():
            return _shipped("judge_weights")

        def _shipped(name):
            return name + ".npz"
        """,
    "ganlib/weights/judge_weights.npz": "bytes",
    "ganlib/metrics.py": """
        def spread(values):
            return max(values)
        """,
}
CELLS = ["from ganlib import judge, loop", "one = loop.Loop()", "print(one.run(), judge.judge())"]


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return folder


def made(folder, cells=CELLS):
    return keys.Code(folder, packages=("ganlib",)).reach_cells(cells)


def replaced(name, old, new, files=LIBRARY):
    assert textwrap.dedent(files[name]).count(old) == 1
    return files | {name: textwrap.dedent(files[name]).replace(old, new)}


SAME = {
    "a comment": replaced("ganlib/losses.py", "# a reason", "# another"),
    "a docstring": replaced("ganlib/losses.py", '"""The hinge.', '"""A hinge.'),
    "a blank line": replaced("ganlib/losses.py", "SCALE = 2.0", "\n\nSCALE = 2.0"),
    "a number written otherwise": replaced("ganlib/losses.py", "2.0", "2.00"),
    "an annotation": replaced("ganlib/losses.py", "hinge(logits)", "hinge(logits: float) -> float"),
    "the words of an error": replaced("ganlib/losses.py", "received {logits}", "got {logits}"),
    "an error's advice": replaced("ganlib/losses.py", '"Give more"', 'f"Give {logits}"'),
    "a new unused function": replaced(
        "ganlib/metrics.py", "def spread", "def new():\n    return 1\n\n\ndef spread"
    ),
    "an unreached function": replaced("ganlib/losses.py", "return logits", "return -logits"),
    "an unreached method": replaced("ganlib/loop.py", "losses.other(3)", "losses.other(4)"),
    "another name for an import": replaced("ganlib/loop.py", "hinge as the_loss", "hinge as it")
    | {
        "ganlib/loop.py": textwrap.dedent(LIBRARY["ganlib/loop.py"])
        .replace("hinge as the_loss", "hinge as it")
        .replace("the_loss(2)", "it(2)")
    },
    "a module-wide import instead": {
        **LIBRARY,
        "ganlib/loop.py": textwrap.dedent(LIBRARY["ganlib/loop.py"])
        .replace("from ganlib.losses import hinge as the_loss\n", "")
        .replace("the_loss(2)", "losses.hinge(2)"),
    },
    "the order of definitions": {
        **LIBRARY,
        "ganlib/judge.py": """
            def _shipped(name):
                return name + ".npz"

            def judge():
                return _shipped("judge_weights")
            """,
    },
    "a moved definition": {
        **LIBRARY,
        "ganlib/losses.py": """
            from ganlib._start import tf
            from ganlib.home import hinge

            def other(logits):
                return logits
            """,
        "ganlib/home.py": """
            from ganlib._start import tf
            SCALE = 2.0

            def require(value, *, at_least, fix):
                if value < at_least:
                    raise ValueError

            def hinge(logits):
                if logits is None:
                    raise ValueError
                require(logits, at_least=1, fix="")
                return SCALE * logits
            """,
    },
}
OTHER = {
    "a constant": replaced("ganlib/losses.py", "SCALE = 2.0", "SCALE = 2.5"),
    "a default": replaced("ganlib/loop.py", "rate: float = 0.5", "rate: float = 0.25"),
    "a private method": replaced("ganlib/loop.py", "the_loss(2)", "the_loss(3)"),
    "another function under the same name": {
        **replaced("ganlib/loop.py", "losses.hinge(1)", "sharp.hinge(1)"),
        "ganlib/sharp.py": "def hinge(logits):\n    return 5 * logits\n",
    }
    | {
        "ganlib/loop.py": textwrap.dedent(LIBRARY["ganlib/loop.py"])
        .replace("losses.hinge(1)", "sharp.hinge(1)")
        .replace("from ganlib import losses", "from ganlib import losses, sharp")
    },
    "an option that is set on import": replaced("ganlib/_start.py", '"1"', '"2"'),
    "a new option": replaced("ganlib/_start.py", "tf = 1", "os.putenv('B', '2')\ntf = 1"),
    "shipped weights": LIBRARY | {"ganlib/weights/judge_weights.npz": "other bytes"},
    "the bound of a check": replaced("ganlib/losses.py", "at_least=1", "at_least=2"),
    "an error instead of none": replaced("ganlib/losses.py", "logits is None", "logits is not 1"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_does_not_count(name, tmp_path):
    assert made(write(tmp_path / "a", LIBRARY)).key == made(write(tmp_path / "b", SAME[name])).key


@pytest.mark.parametrize("name", OTHER)
def test_what_counts(name, tmp_path):
    assert made(write(tmp_path / "a", LIBRARY)).key != made(write(tmp_path / "b", OTHER[name])).key


def test_two_definitions_of_one_name_are_told_apart_where_both_are_reached(tmp_path):
    """Swapping which of two same-named functions is called changes no text but the prefix."""
    files = {
        "ganlib/__init__.py": "",
        "ganlib/a.py": "def pair():\n    return 1\n",
        "ganlib/b.py": "def pair():\n    return 2\n",
        "ganlib/use.py": "from ganlib import a, b\ndef first():\n    return a.pair()\n"
        "def second():\n    return b.pair()\n",
    }
    swapped = files | {
        "ganlib/use.py": files["ganlib/use.py"]
        .replace("a.pair()", "c.pair()")
        .replace("b.pair()", "a.pair()")
        .replace("c.pair()", "b.pair()")
    }
    cells = ["from ganlib import use", "print(use.first(), use.second())"]
    assert made(write(tmp_path / "x", files), cells) != made(write(tmp_path / "y", swapped), cells)
    assert (
        made(write(tmp_path / "x", files), cells).key
        != made(write(tmp_path / "y", swapped), cells).key
    )


def test_of_a_module_handed_on_as_an_object_what_is_mentioned_counts(tmp_path):
    cells = ["from ganlib import losses", "print([getattr(losses, n)(1) for n in ('hinge',)])"]
    first = made(write(tmp_path / "a", LIBRARY), cells).key
    assert made(write(tmp_path / "b", SAME["an unreached function"]), cells).key == first
    assert made(write(tmp_path / "c", OTHER["a constant"]), cells).key != first


def test_what_a_module_handed_on_as_an_object_re_exports_counts_too(tmp_path):
    front = {"ganlib/front.py": "from ganlib.losses import hinge\n"}
    cells = ["from ganlib import front", "kept = front", "print(kept.hinge(1))"]
    first = made(write(tmp_path / "a", LIBRARY | front), cells).key
    assert made(write(tmp_path / "b", OTHER["a constant"] | front), cells).key != first
    same = SAME["an unreached function"] | front
    assert made(write(tmp_path / "c", same), cells).key == first


def test_cells_count_without_comments_and_prefixes(tmp_path):
    folder = write(tmp_path, LIBRARY)
    first = made(folder)
    direct = [
        "from ganlib.judge import judge",
        "from ganlib.loop import Loop",
        "one = Loop()  # it",
    ]
    assert made(folder, [*direct, "print(one.run(), judge())"]).key == first.key
    assert made(folder, [*CELLS, "two = 2"]).key != first.key
    assert made(folder, CELLS[::-1]).key != first.key
    own = ["def twice(x):\n    return 2 * x", "print(twice(1))"]  # nothing of the library
    assert made(folder, own).key != made(folder, [own[0], "print(twice(2))"]).key


def test_a_statement_that_only_draws_can_be_left_out(tmp_path):
    code = keys.Code(write(tmp_path, LIBRARY), packages=("ganlib",))
    cells = ["from ganlib import judge, losses, metrics", "x = judge.judge()"]
    drawn = [*cells, "metrics.spread([1])"]
    assert code.reach_cells(drawn, ["ganlib.metrics"]).key == code.reach_cells(cells).key
    assert code.reach_cells(drawn).key != code.reach_cells(cells).key


def test_an_unknown_root_is_refused(tmp_path):
    code = keys.Code(write(tmp_path, LIBRARY), packages=("ganlib",))
    with pytest.raises(KeyError, match=r"received ganlib\.losses\.hing; expected a definition"):
        code.reach([("ganlib.losses", "hing")])


# --- the project itself --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of what keys are made from."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("ganlib", "ganbook", "tools", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


LABS = sorted(path.stem for path in notebooks.LABS.glob("*.ipynb"))


def all_keys(root):
    """The key of every lab, of the study's rows, of the search and of the garments."""
    code, found = keys.Code(root), {}
    for name in LABS:
        notebook = notebooks.read(notebooks.lab_path(name))
        found[name] = code.reach_cells(notebooks.lab_lints.code_of(notebook)).key
    rows = study.row_code(notebooks.read(notebooks.lab_path("12_study")))
    found["study"] = code.reach_cells(rows, study.DRAWS).key
    for name in ("study_search", "study_garments"):
        found[name] = code.reach([(f"tools.{name}", "perform")]).key
    return found


@pytest.fixture(scope="module")
def before(tree):
    return all_keys(tree)


def home_of(tree, name):
    """The file that defines a name, wherever it is kept."""
    for path in sorted((tree / "ganlib").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            targets = getattr(node, "targets", [])
            if name in [getattr(target, "id", None) for target in targets] + [
                getattr(node, "name", None)
            ]:
                return path
    raise AssertionError(name)


def changed_keys(tree, before, path, change):
    old = path.read_bytes()
    try:
        path.write_bytes(change(old))
        after = all_keys(tree)
    finally:
        path.write_bytes(old)
    return {name for name in before if after[name] != before[name]}


def test_a_comment_a_docstring_a_blank_line_and_a_new_metric_leave_every_run_fresh(tree, before):
    def change(old):
        text = old.decode().replace('"""', '"""Well. ', 1)
        return f"{text}\n\n# a comment\ndef unused(values):\n    return len(values)\n".encode()

    for name in ("minimax", "discriminator", "frechet_distance", "GAN"):
        path = home_of(tree, name)
        assert changed_keys(tree, before, path, change) == set(), name


def test_a_moved_file_leaves_every_run_fresh(tree, before):
    """The rows' helpers of the metrics, moved to a folder of their own."""
    path = home_of(tree, "BLOCK_ELEMENTS")
    new = path.with_name("_moved_rows.py")
    users = [
        user
        for user in sorted((tree / "ganlib").rglob("*.py"))
        if f"import {path.stem}" in user.read_text(encoding="utf-8")
    ]
    assert users
    texts = {user: user.read_text(encoding="utf-8") for user in users}
    path.rename(new)
    try:
        for user, text in texts.items():
            moved = text.replace(f"import {path.stem}", f"import {new.stem}")
            user.write_text(moved.replace(f"{path.stem}.", f"{new.stem}."), encoding="utf-8")
        assert all_keys(tree) == before
    finally:
        new.rename(path)
        for user, text in texts.items():
            user.write_text(text, encoding="utf-8")


def test_a_constant_of_the_metrics_makes_the_runs_stale_that_measure(tree, before):
    path = home_of(tree, "BLOCK_ELEMENTS")
    found = changed_keys(tree, before, path, lambda old: old.replace(b"2**", b"3**", 1))
    assert {"06_measuring", "07_dcgan", "study"} <= found
    assert not found & {"03_minimax_game", "04_training_dynamics", "12_study_tried"}
    assert "study_search" not in found  # it measures accuracies alone


def test_an_option_of_tensorflow_makes_all_runs_stale_that_load_it(tree, before):
    path = tree / "ganlib" / "_tensorflow" / "__init__.py"
    found = changed_keys(
        tree, before, path, lambda old: old.replace(b'"remapping": False', b'"remapping": True')
    )
    assert found == set(before)


def test_another_judge_makes_the_runs_stale_that_ask_it(tree, before):
    path = next((tree / "ganlib").rglob("fashion_classifier.npz"))
    found = changed_keys(tree, before, path, lambda old: old + b"x")
    assert {"07_dcgan", "13_little_data"} <= found
    # the finished study has kept the judge that it had
    assert not found & {"02_two_networks", "08_own_images", "study", "study_search"}
    old = next((tree / "ganbook").rglob("fashion_penultimate.npz"))
    assert {"study", "study_garments"} <= changed_keys(tree, before, old, lambda old: old + b"x")
    other = next((tree / "ganlib").rglob("digits_classifier.npz"))
    assert "07_dcgan" not in changed_keys(tree, before, other, lambda old: old + b"x")


def test_the_generator_that_a_lab_ships_leaves_the_lab_itself_fresh(tree, before):
    path = next((tree / "ganlib").rglob("fashion_dcgan.npz"))
    found = changed_keys(tree, before, path, lambda old: old + b"x")
    drawn_with = {"06_measuring", "11_augmentation", "17_interpretability", "18_beyond_images"}
    drawn_with |= {"19_image_to_image", "20_privacy", "22_distances_and_samples"}
    assert found == drawn_with


def test_another_slope_in_dcgan_makes_the_runs_stale_that_use_it(tree, before):
    path = tree / "ganlib" / "models" / "dcgan.py"
    assert b"negative_slope=0.2" in path.read_bytes()
    found = changed_keys(tree, before, path, lambda old: old.replace(b"slope=0.2", b"slope=0.1"))
    assert {"07_dcgan", "08_own_images", "study", "study_search", "study_garments"} <= found
    assert not found & {"02_two_networks", "03_minimax_game", "05_losses_and_divergences"}


def test_no_key_depends_on_what_it_runs_on():
    """The text that is hashed has no trace of `ast.dump`, which differs between Pythons."""
    text = keys.Code(ROOT).reach([("ganlib.losses", "hinge")]).definitions
    assert all("lineno" not in value and "type_params" not in value for value in text.values())
    json.dumps(list(text.values()))
    assert np.mean([len(value) for value in text.values()]) > 10
