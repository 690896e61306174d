"""What `make course` builds and `make grade` gives back."""

import csv
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest

from course import __main__ as commands
from course import build, collect, package, references, rehearsal, report
from course import cells as percent
from course.grader import assignment as assignments
from course.grader import gradescope
from course.grader.judge import Result, Verdict, code_cells

ROOT = Path(__file__).resolve().parents[1]
KEY = b"k" * 32
NAMES = list(assignments.folders())


@pytest.fixture(scope="module")
def term(tmp_path_factory):
    return commands.make_course("2027S", KEY, tmp_path_factory.mktemp("course"))


def files(folder):
    """Returns what is in a folder: name -> bytes."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_a_second_build_is_equal_byte_for_byte(term, tmp_path_factory):
    again = commands.make_course("2027S", KEY, tmp_path_factory.mktemp("again"))
    assert files(again) == files(term)
    assert len(
        [name for name in files(term) if not name.startswith(("decks/", "pages/", "quiz/"))]
    ) == (4 * len(NAMES) + 1)


def test_another_key_builds_another_course(term, tmp_path):
    other = files(commands.make_course("2027S", b"j" * 32, tmp_path))
    assert other.keys() == files(term).keys()
    assert other["gradescope/a1.zip"] != files(term)["gradescope/a1.zip"]


@pytest.mark.parametrize("name", NAMES)
def test_students_copy_leaks_nothing(name, term):
    assignment = assignments.load(name, KEY)
    text = (assignment.folder / "assignment.py").read_text(encoding="utf-8")
    notebook = nbformat.read(term / "student" / f"{name}.ipynb", as_version=4)
    shown = "\n".join(cell.source for cell in notebook.cells[:-1])
    hidden = "".join(match[2] for match in percent.SOLUTION.finditer(text))
    given = {line.strip() for line in percent.INSTEAD.findall(hidden)}  # a faulty function's
    for line in hidden.splitlines():
        line = line.strip()
        if line not in given and len(line) > 12 and not line.startswith("#"):
            assert line not in shown, line
    for check in assignment.checks:
        assert f"def {check.function.__name__}(" not in shown
        assert check.visible or check.name not in shown
    assert "SOLUTION" not in shown
    assert "instead:" not in shown
    assert all(not cell.get("outputs") for cell in notebook.cells)
    for twist in set(getattr(assignment.module, "TWISTS", ())) - {assignment.twist}:
        cells = [cell for cell in percent.parse(text) if cell.twist == twist]
        other = [cell.text for cell in cells if cell.kind == "[markdown]"]
        assert other
        assert not any(cell in shown for cell in other)


@pytest.mark.parametrize("kind", ["student", "solved", "nbgrader"])
@pytest.mark.parametrize("name", NAMES)
def test_notebooks_are_valid_and_nbgraders_cells_complete(name, kind):
    assignment = assignments.load(name, KEY)
    notebook = build.notebook(assignment, kind, "https://book")
    nbformat.validate(notebook)
    entries = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    ids = [entry.grade_id for entry in entries]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[\w-]+", one) for one in ids)
    for entry in entries:  # nbgrader's schema 3
        fields = {"schema_version", "grade", "grade_id", "solution", "locked", "task"}
        assert entry.keys() == fields | ({"points"} if entry.grade else set())
        assert entry.schema_version == 3
        assert entry.locked is not entry.solution
    points = sum(entry.get("points", 0) for entry in entries)
    by_hand = build.BY_HAND if assignment.personal else 0
    assert points == sum(assignment.questions.values()) + by_hand
    for cell in notebook.cells:
        if cell.source.startswith("*Your explanation"):
            assert "editable" not in cell.metadata
            continue
        if kind == "nbgrader" and cell.metadata.get("nbgrader", {}).get("solution"):
            assert (
                cell.source.count("### BEGIN SOLUTION") == cell.source.count("### END SOLUTION") > 0
            )


@pytest.mark.parametrize("name", NAMES)
def test_notebook_solved_is_the_reference(name):
    assignment = assignments.load(name, KEY)
    cells = build.notebook(assignment, "solved").cells
    code = "\n\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert all(line in code for line in rehearsal.reference(assignment).splitlines())


KERNEL = """
import contextlib, io, json, sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

printed = []
for cells in json.load(sys.stdin):
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    with contextlib.redirect_stdout(io.StringIO()):
        for text in cells[:-1]:
            shell.run_cell(text, store_history=True)
    with contextlib.redirect_stdout(io.StringIO()) as last:
        shell.run_cell(cells[-1], store_history=True)
    printed.append(last.getvalue())
json.dump(printed, sys.stdout)
"""


def run_in_kernels(*sessions):
    """Runs cells as kernels do, far from the repository; returns what each one's last prints."""
    command = [sys.executable, "-I", "-c", KERNEL]
    data = json.dumps(sessions)
    result = subprocess.run(command, input=data, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def code_of(name, kind):
    """Returns the code cells of a notebook."""
    cells = build.notebook(assignments.load(name, KEY), kind).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


EXAMPLE = "student_id: 0000000, which is the example's: write your own\n"
AGAIN = (
    "Cells were run more than once. Before you hand in, restart the kernel, run all\n"
    "cells from the top, and read this again.\n"
)
CALLS = "return np.mean(real) - np.mean(fake)"


def test_self_check_reads_as_the_grader_does():
    given, answer, check, last = code_of("a0", "solved")
    broken = answer.replace("):", ")")
    helper = "# check by hand\ndef middle(x):\n    return np.mean(x)"
    cases = {
        "solved": ([answer], "q1: passes\n" + EXAMPLE),
        "own name": ([answer.replace("0000000", "Ada 7")], "q1: passes\nstudent_id: Ada 7\n"),
        "number": (
            [answer.replace('"0000000"', "2715042")],
            "q1: passes\nstudent_id: not read; write it in quotation marks\n",
        ),
        "what is computed": (
            ["far = len(In)", answer.replace(CALLS, "return far")],
            "q1: NameError: name 'far' is not defined\n" + EXAMPLE,
        ),
        "a default that comes too late": (
            ["K = 1", answer.replace("fake)", "fake, k=K)", 1), "K = 2"],
            "q1: gap: NameError: name 'K' is not defined; NameError: "
            "name 'gap' is not defined\n" + EXAMPLE,
        ),
        "magics": (
            ["%%time\n" + answer.replace(CALLS, "return middle(real) - middle(fake)"), helper],
            "q1: passes\n" + EXAMPLE,
        ),
        "mended": ([broken, answer], "q1: passes\n" + EXAMPLE),
        "check run again": ([broken, check, answer], "q1: passes\n" + EXAMPLE + AGAIN),
        "not mended": (
            [answer, "def other()\n    pass"],
            "q1: passes\na cell is not valid Python and is left out: expected ':', line 1 of it\n"
            + EXAMPLE,
        ),
    }
    sessions = [[given, *cells, check, last] for cells, _ in cases.values()]
    found = run_in_kernels(*sessions, code_of("a0", "student"), [given, answer, last])
    for (name, (_, says)), printed in zip(cases.items(), found, strict=False):
        assert printed == says, name
    assert found[-2].startswith("q1: NotImplementedError")
    assert found[-1].startswith("q1: run its check cell first")


def test_self_check_says_which_numbers_are_read():
    cells = code_of("a1", "solved")
    place = next(k for k, text in enumerate(cells) if "measured =" in text)
    sessions = [
        [*cells[:place], f"predicted = {predicted}\nmeasured = {measured}", *cells[place + 1 :]]
        for predicted, measured in (("20", "np.exp(3.5)"), ("None", "float(best_logit(2, 1, 0.5))"))
    ]
    read, missing = run_in_kernels(*sessions)
    assert read.endswith(f"{EXAMPLE}predicted: 20.0\nmeasured: {np.exp(3.5)}\n")
    assert missing.endswith(
        "predicted: not read; type a number\nmeasured: not read; type a number\n"
    )


def test_rules_say_what_the_grader_does_with_the_prediction():
    rules = {name: build.rules(assignments.load(name, KEY), None) for name in ("a0", "a1")}
    assert all("in total." in text and "restart the kernel" in text for text in rules.values())
    assert ["measured" in text for text in rules.values()] == [False, True]


@pytest.mark.parametrize("name", NAMES)
def test_texts_of_a_variant_are_one_cell(name):
    cells = build.notebook(assignments.load(name, KEY), "student").cells[2:]
    kinds = [cell.cell_type for cell in cells]
    plain = [cell.source.startswith("*Your explanation") for cell in cells]
    for first, second, explains in zip(kinds, kinds[1:], plain[1:], strict=False):
        assert explains or not first == second == "markdown"


def test_self_check_adds_nothing_to_what_is_graded():
    notebook = build.notebook(assignments.load("a0", KEY), "solved")
    cells = code_cells(nbformat.writes(notebook).encode())
    parts, complaints = build.extract.definitions(cells)
    assert complaints == []
    assert [name for part in parts for name in part["names"]] == [
        "np",
        "student_id",
        "gap",
        "_self_check",
    ]


def test_labels_become_titles_and_links():
    text = "[[thm-frechet]] is one. See [[06_measuring]]."
    assert references.resolve(text, None) == (
        "The theorem “Fréchet distance” in *Measuring* is one. See *Measuring*."
    )
    assert "](https://b/book/06_measuring.html#thm-frechet) is" in references.resolve(
        text, "https://b"
    )
    assert references.resolve("See [[eq-delta]], and [[thm-function-space]].", None) == (
        "See the equation in the section “Losses without logarithms” of *Losses and divergences*, "
        "and the theorem “Convergence in function space” in *The minimax game*."
    )
    with pytest.raises(ValueError, match=r"received \[\[nowhere\]\]; expected"):
        references.resolve("[[nowhere]]", None)


# --- Gradescope ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    """A function that runs the zip of assignment 0 on notebooks, as Gradescope's container does."""
    root = tmp_path_factory.mktemp("autograder")
    package.gradescope(assignments.load("a0", KEY), root / "a0.zip")
    with zipfile.ZipFile(root / "a0.zip") as archive:
        archive.extractall(root / "source")
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert modes["run_autograder"] == modes["setup.sh"] == 0o755

    def run(notebooks):
        submission = root / "submission"
        for path in submission.glob("*"):
            path.unlink()
        submission.mkdir(exist_ok=True)
        for name, data in notebooks.items():
            (submission / name).write_bytes(data)
        environment = {
            "PATH": os.environ["PATH"],
            "AUTOGRADER": str(root),
            "PYTHON": sys.executable,
        }
        command = ["bash", root / "source" / "run_autograder"]
        subprocess.run(command, env=environment, cwd="/", check=True, capture_output=True)
        return json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))

    return run


def notebook_of(code):
    cells = [{"cell_type": "code", "source": code}]
    return json.dumps({"cells": cells}).encode()


RIGHT = "import numpy as np\ndef gap(real, fake):\n    return np.mean(real) - np.mean(fake)"


@pytest.mark.parametrize(
    ("notebooks", "score"),
    [
        ({"a0.ipynb": notebook_of(RIGHT)}, 2),
        ({"a0.ipynb": notebook_of("def gap(real, fake): return 1.5")}, 1),
        ({"a0.ipynb": b"%PDF"}, 0),
        ({}, 0),
        ({"a0.ipynb": notebook_of(RIGHT), "a0 (1).ipynb": notebook_of(RIGHT)}, 0),
    ],
    ids=["right", "wrong", "no notebook inside", "missing", "two"],
)
def test_zip_runs_in_a_bare_folder(notebooks, score, container):
    found = container(notebooks)
    assert found["score"] == score
    if len(notebooks) == 1:
        assert [test["visibility"] for test in found["tests"]] == ["visible", "after_published"]
        assert sum(test["score"] for test in found["tests"]) == score
        assert all(test["max_score"] == 1 for test in found["tests"])
    else:
        assert f"found {len(notebooks)}" in found["output"]


def test_zip_names_exact_versions_and_no_more_than_needed():
    needed = {name: package.requirements(assignments.load(name, KEY)) for name in NAMES}
    assert re.fullmatch(r"numpy==[\d.]+\nscipy==[\d.]+\n", needed["a1"])
    assert "tensorflow==" in needed["a5"]


def test_zip_holds_the_key_of_its_assignment_alone(tmp_path):
    assignment = assignments.load("a1", KEY)
    package.gradescope(assignment, tmp_path / "a1.zip")
    with zipfile.ZipFile(tmp_path / "a1.zip") as archive:
        names = archive.namelist()
        text = b"".join(archive.read(name) for name in names)
    assert KEY.hex().encode() not in text
    assert assignment.key.hex().encode() in text
    assert not [
        name for name in names if "wrong" in name or "assignment.py" in name.split("/")[-2:][0]
    ]
    assert "course/assignments/a1_two_players/assignment.py" not in names


def test_a_failure_of_the_grader_has_no_score(tmp_path, monkeypatch):
    (tmp_path / "source").mkdir()
    monkeypatch.chdir(tmp_path / "source")  # without a key
    gradescope.main("a0", tmp_path)
    found = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    assert "score" not in found
    assert "costs no points" in found["output"]
    assignment = assignments.load("a0", KEY)
    first, second = assignment.checks
    result = Result("s", assignment, [Verdict(first, 1), Verdict(second, None, "ungraded")])
    found = gradescope.as_results(result)
    assert "score" not in found
    assert "score" not in found["tests"][1]


# --- a class -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("Maria Muster_12345_assignsubmission_file_/a1.ipynb", "Maria Muster (12345)"),
        ("Maria Muster_12345_assignsubmission_file/sub/a1.ipynb", "Maria Muster (12345)"),
        ("all/Maria Muster_12345_assignsubmission_file_/a1.ipynb", "Maria Muster (12345)"),
        ("mustermaria_12345_678910_a1.ipynb", "mustermaria (12345)"),
        ("mustermaria_LATE_12345_678910_a1-2.ipynb", "mustermaria (12345)"),
        ("maria/a1/a1.ipynb", "maria"),
        ("maria.ipynb", "maria"),
    ],
)
def test_students_are_known_by_what_the_platforms_write(path, student, tmp_path):
    assert collect.student_of(tmp_path / path, tmp_path) == student


def test_notebooks_of_a_class_are_found(tmp_path):
    for name in (
        "a_1_assignsubmission_file_/x.ipynb",
        "a_1_assignsubmission_file_/.ipynb_checkpoints/x-checkpoint.ipynb",
        "b_2_assignsubmission_file_/readme.txt",
        "c_3_assignsubmission_file_/x.ipynb",
        "c_3_assignsubmission_file_/y.ipynb",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = collect.submissions(tmp_path)
    assert {student: len(paths) for student, paths in found.items()} == {
        "a (1)": 1,
        "b (2)": 0,
        "c (3)": 2,
    }


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A class of five and what `make grade` made of it."""
    folder, out = tmp_path_factory.mktemp("downloads"), tmp_path_factory.mktemp("out")
    assignment = assignments.load("a1", KEY)
    solved = nbformat.writes(build.notebook(assignment, "solved"))
    wrong = "student_id = '{}'\npredicted = 1.0\nmeasured = 3.25"
    for name, data in {
        "right.ipynb": solved.encode(),
        "=wrong.ipynb": notebook_of(wrong.format("1")),
        "none.ipynb": notebook_of("student_id = '3'"),
        "<b>copied.ipynb": notebook_of(wrong.format("2")),
        "two/a.ipynb": solved.encode(),
        "two/b.ipynb": solved.encode(),
    }.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    (folder / "empty").mkdir()
    results = list(commands.grade_class(assignment, folder))
    report.write(results, out, "Assignment 1")
    return out


def test_table_says_who_has_what(graded):
    text = (graded / "grades.csv").read_text(encoding="utf-8-sig")
    rows = {row["student"]: row for row in csv.DictReader(text.splitlines())}
    assert (
        rows["right"] | {"score": "18", "status": "graded", "measured right": "yes"}
        == rows["right"]
    )
    assert rows["right"]["q1"] == "4"
    assert rows["empty"]["score"] == "0"
    assert "found 0" in rows["empty"]["notes"]
    assert (rows["two"]["status"], rows["two"]["score"]) == ("ungraded", "")
    assert rows["'=wrong"]["score"] == "0"  # no formula in a spreadsheet
    assert rows["'=wrong"]["same wrong number as"] == "<b>copied"
    assert rows["<b>copied"]["same wrong number as"] == "'=wrong"


def test_feedback_is_a_page_that_says_what_and_why(graded):
    names = sorted(path.name for path in (graded / "feedback").iterdir())
    assert names == [
        f"{name}.html" for name in ("b_copied", "empty", "none", "right", "two", "wrong")
    ]
    text = (graded / "feedback" / "b_copied.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;copied" in text
    assert "<b>copied" not in text
    assert "losses is not defined" in text
    assert "not the number of your parameters" in text
    assert "measured: not read.\n" in (graded / "feedback" / "none.html").read_text(
        encoding="utf-8"
    )
    assert "18 of 18 points" in (graded / "feedback" / "right.html").read_text(encoding="utf-8")
    assert "not graded in full" in (graded / "feedback" / "two.html").read_text(encoding="utf-8")
    assert "found 0" in (graded / "feedback" / "empty.html").read_text(encoding="utf-8")


def test_results_are_json(graded):
    found = json.loads((graded / "results" / "right.json").read_text(encoding="utf-8"))
    assert found["score"] == 18
    assert found["extra_data"]["personal"]["right"] is True


# --- the commands --------------------------------------------------------------------------------


def test_a_key_is_made_once_and_never_guessed(tmp_path, capsys):
    path = tmp_path / "keys" / "gans.key"
    with pytest.raises(SystemExit, match="There is no key"):
        commands.key_from(path, make=False)
    first = commands.key_from(path, make=True)
    assert "Keep it" in capsys.readouterr().out
    assert commands.key_from(path, make=True) == commands.key_from(path, make=False) == first
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("abc")
    with pytest.raises(SystemExit, match="is no key"):
        commands.key_from(path, make=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grade", "a1", "nowhere", "--key", "KEY"], "There is no folder"),
        (["grade", "a99", ".", "--key", "KEY"], "received assignment 'a99'"),
        (["grade", "a1", ".", "--key", "none.key"], "There is no key"),
        (["grade", "a1", ".", "--key", "KEY"], "There is no notebook"),
    ],
)
def test_a_command_that_cannot_work_says_why(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands.key_from(tmp_path / "KEY", make=True)
    with pytest.raises(SystemExit, match=words):
        commands.main(arguments)


def test_make_says_what_it_needs():
    for target, words in (("course", "Name the term"), ("grade", "Say what and where")):
        command = ["make", "-o", ".venv/.installed", target, "VENV=.venv"]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.returncode != 0
        assert words in result.stdout


def test_the_course_stays_out_of_the_book_and_the_wheel(root):
    text = (root / "_config.yml").read_text(encoding="utf-8")
    assert re.search(r"^exclude_patterns: .*\bcourse\b", text, flags=re.MULTILINE)
    packages = re.search(r"packages.find\]\ninclude = (.+)", (root / "pyproject.toml").read_text())[
        1
    ]
    assert "course" not in packages
