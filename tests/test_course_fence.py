"""The fence: what a submission does costs its own question, and nothing of the judge's is had."""

import json
import os
import resource
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from course import rehearsal
from course.grader import assignment as assignments
from course.grader.fence import Failed, Fence, Limits, Submission, Ungraded, Wrong
from course.grader.fenced import extract, frames, walls
from course.grader.judge import EXAMPLE, UnreadableError, code_cells, grade

ROOT = Path(__file__).resolve().parents[1]
KEY = b"k" * 32
IMPORT = "import numpy as np\n"
GOOD = "def good(x):\n    return 2 * x"


@pytest.fixture(scope="module")
def fence():
    with Fence(["numpy"], limits=Limits(seconds=1, wait=60)) as found:
        yield found


def asked(fence, code, *arguments, name="f", **options):
    """Asks a function of some code; returns the array."""
    submission = Submission(fence, [IMPORT, textwrap.dedent(code), GOOD])
    with submission.question([name]) as student:
        return student.ask(name, *arguments, **options)


def test_arrays_numbers_and_words_cross_the_fence(fence):
    code = "def f(x, n, word, *, scale):\n    return x * n * scale, len(word), x > 1"
    first, second, third = asked(fence, code, np.array([1.0, 2.0]), 3, "abc", scale=0.5)
    assert first.tolist() == [1.5, 3.0]
    assert second.tolist() == 3
    assert third.tolist() == [False, True]


FORGED = """
    import os
    for number in range(3, 20):
        try: os.write(number, {data!r} * 64)
        except OSError: pass
    return 1.0"""
SIGNALS = "import os, signal; os."

# body of a function, and what is said of it
ATTACKS = {
    "loop": ("while True: pass", "computed for more than 1 s"),
    "loop in C": ("np.linalg.matrix_power(np.eye(3000), 10**9)", "computed for more than 1 s"),
    "exit": ("import os; os._exit(0)", "ended its process"),
    "polite exit": ("raise SystemExit", "raised SystemExit"),
    "own death": ("import ctypes; ctypes.string_at(0)", "PermissionError"),
    "deep recursion": ("return f(x)", "RecursionError"),
    "memory": ("return np.ones(2**31)", "MemoryError"),
    "large reply": ("return np.ones(2**24)", "more than 64 MiB"),
    "flood": ("import os\n    while True: os.write(1, b'x' * 10**6); print('x' * 10**6)", "1 s"),
    "forged reply": (FORGED.format(data=b"\0"), "cannot be read"),
    "huge forged reply": (FORGED.format(data=b"\xff"), "more than 64 MiB"),
    "closes its pipes": ("import os; os.closerange(3, 50)\n    return 1.0", "ended its process"),
    "file system": ("import os\n    return len(list(os.walk('/')))", "has files"),
    "list of a folder": ("import os\n    return len(os.listdir(ROOT))", "PermissionError"),
    "checks": ("return len(open(ROOT + '/course/rehearsal.py').read())", "PermissionError"),
    "a step up": ("import os\n    return len(open(os.__file__ + '/../../../x').read())", "Error"),
    "import of the grader": ("import course.grader.checks", "ModuleNotFoundError"),
    "import of the checks": ("import sys; sys.path[:0] = [ROOT]; import course.cells", "Error"),
    "the parent's environment": (
        "open(f'/proc/{__import__(\"os\").getppid()}/environ')",
        "Permission",
    ),
    "the parent's memory": (SIGNALS + "open(f'/proc/{os.getppid()}/mem', os.O_RDWR)", "Permission"),
    "kills the parent": (SIGNALS + "kill(os.getppid(), signal.SIGKILL)", "PermissionError"),
    "kills its group": (SIGNALS + "killpg(os.getpgid(os.getppid()), 9)", "PermissionError"),
    "a shell": ("import subprocess; subprocess.check_output('ls')", "PermissionError"),
    "a process": ("import os; os.fork()", "PermissionError"),
    "the network": ("import socket; socket.create_connection(('127.0.0.1', 9))", "PermissionError"),
    "writes a file": ("open('/tmp/from_a_student', 'w').write('x')", "PermissionError"),
    "looks for the hook": ("import gc\n    return len(gc.get_objects())", "PermissionError"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_function_does_costs_its_own_question(attack, fence):
    body, sentence = ATTACKS[attack]
    code = f"ROOT = {str(ROOT)!r}\ndef f(x):\n    {body}\n"
    submission = Submission(fence, [IMPORT, code, GOOD])
    with submission.question(["f"]) as student:
        if sentence == "has files":
            assert student.ask("f", 1.0)[0] == 0
        else:
            with pytest.raises(Wrong) as found:
                student.ask("f", 1.0)
            assert sentence in str(found.value)
            assert "Traceback" not in str(found.value)
    with submission.question(["good"]) as student:
        assert student.ask("good", 4.0)[0] == 8
    assert fence.nursery.poll() is None
    assert not Path("/tmp/from_a_student").exists()


PATCHES = {
    "NumPy": "np.allclose = np.isclose = lambda *a, **k: True; np.asarray = lambda *a: np.ones(2)",
    "builtins": "import builtins; builtins.float = builtins.abs = lambda *a: 7.0",
    "modules": "import sys\n    for name in list(sys.modules): sys.modules[name] = None",
}


@pytest.mark.parametrize("what", PATCHES)
def test_what_is_patched_is_patched_for_that_question_alone(what, fence):
    data = notebook(
        f"{IMPORT}import numpy as np\ndef gap(real, fake):\n    {PATCHES[what]}\n    return 1.25"
    )
    result = grade(assignments.load("a0", KEY), fence, "s", data)
    assert result.score == 0
    result = grade(assignments.load("a0", KEY), fence, "s", notebook(IMPORT + GAP))
    assert result.score == 2


def test_a_function_that_was_too_slow_is_not_asked_again(fence):
    submission = Submission(fence, ["def f():\n    while True: pass"])
    with submission.question(["f"]) as student:
        for _ in range(2):
            with pytest.raises(Wrong, match="computed for more than"):
                student.ask("f")
    assert submission.left > fence.limits.all_seconds - 4


def test_what_the_clock_stopped_is_not_asked_again():
    with Fence(["numpy"], limits=Limits(seconds=5, wait=1)) as fence:
        submission = Submission(fence, ["import time\ndef f():\n    time.sleep(60)"])
        with submission.question(["f"]) as student:
            start = time.monotonic()
            for _ in range(30):
                with pytest.raises(Ungraded, match="stopped by the clock"):
                    student.ask("f")
            assert time.monotonic() - start < 25


def test_each_answer_has_its_own_time(fence):
    code = """
    import time
    def f():
        end = time.process_time() + 0.75
        while time.process_time() < end:
            pass
        return 1.0
    """
    submission = Submission(fence, [textwrap.dedent(code)])
    with submission.question(["f"]) as student:
        assert [student.ask("f")[0] for _ in range(3)] == [1, 1, 1]
    assert submission.left < fence.limits.all_seconds - 2.2


def test_time_is_limited_for_all_questions_together(fence):
    submission = Submission(fence, [GOOD])
    submission.left = 0
    with submission.question(["good"]) as student, pytest.raises(Wrong, match="all 120 s"):
        student.ask("good", 1.0)


def test_the_clock_is_nobodys_fault():
    with Fence(["numpy"], limits=Limits(seconds=5, wait=1)) as fence:
        with pytest.raises(Ungraded, match="Try again"):
            asked(fence, "def f():\n    import time\n    time.sleep(60)")
        data = notebook("import time\ndef gap(real, fake):\n    time.sleep(60)")
        result = grade(assignments.load("a0", KEY), fence, "s", data)
        assert result.score is None
        assert result.trouble


def test_the_graders_own_failure_is_no_zero(fence):
    assignment = assignments.load("a0", KEY)

    def broken(ask, rng):
        """a check that is wrong itself"""
        raise ZeroDivisionError

    object.__setattr__(assignment.checks[1], "function", broken)
    result = grade(assignment, fence, "s", notebook(IMPORT + GAP))
    assert [verdict.score for verdict in result.verdicts] == [1, None]
    assert result.score is None
    assert "ZeroDivisionError" in result.trouble[0]


def test_a_nursery_that_is_gone_is_no_zero():
    with Fence(["numpy"]) as fence:
        fence.nursery.kill()
        fence.nursery.wait()
        result = grade(assignments.load("a0", KEY), fence, "s", notebook(IMPORT + GAP))
    assert result.score is None


def test_a_fence_that_cannot_be_put_up_says_why(tmp_path):
    with pytest.raises(Ungraded, match="FileNotFoundError"):
        Fence(["numpy"], probes=tmp_path / "none.py")


def test_no_expected_value_nor_key_is_in_the_childs_memory(fence):
    code = """
    def f():
        import os, sys
        seen = str(os.environ) + str(sys.argv)
        return float(any(word in seen for word in ("KEY", "a0", "checks")))
    """
    assert asked(fence, code)[0] == 0


def walled(code):
    """Runs code behind the kernel's wall alone; returns what it says."""
    program = f"""
import os, sys
from course.grader.fenced import walls
if not walls.close_files(walls.readable()):
    print("no Landlock"); sys.exit()
{code}
"""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "code",
    ["open('/etc/hostname')", "os.listdir('/')", "open('/tmp/x', 'w')", "os.kill(os.getppid(), 0)"],
)
def test_the_kernel_refuses_too_where_it_can(code):
    result = walled(code)
    if "no Landlock" in result.stdout:
        pytest.skip("this kernel has no Landlock")
    if "kill" in code and "PermissionError" not in result.stderr:
        pytest.skip("this kernel's Landlock knows no signals")
    assert "PermissionError" in result.stderr


def test_library_can_be_read_behind_the_wall():
    result = walled("import json, scipy.linalg; open('/dev/null', 'w').write('x'); print('read')")
    assert "read" in result.stdout or "no Landlock" in result.stdout, result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_has_nothing():
    child = os.fork()
    if not child:
        walls.become(walls.FIRST_USER)
        os._exit(0 if (os.getuid(), os.getgroups()) == (walls.FIRST_USER, []) else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("name", list(assignments.folders()))
def test_the_fence_changes_no_verdict(name):
    assignment = assignments.load(name, KEY)
    mistake, program = rehearsal.wrong(assignment)[0]
    with Fence(assignment.modules, assignment.probes) as fence:
        right = grade(assignment, fence, "0", notebook(rehearsal.reference(assignment)))
        wrong = grade(assignment, fence, "0", notebook(program))
    assert (right.score, right.trouble) == (right.max_score, [])
    student = rehearsal.Direct(program, rehearsal.probes(assignment))
    lost = {v.check.function.__name__ for v in wrong.verdicts if v.score != v.check.points}
    assert lost == rehearsal.failed(assignment, student, 0).keys(), mistake.name


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seconds"), [("a1", 60), ("a4", 60), ("a5", 300)])
def test_a_class_of_a_hundred_takes_a_minute_of_computing(name, seconds):
    assignment = assignments.load(name, KEY)
    programs = [rehearsal.reference(assignment), *(p for _, p in rehearsal.wrong(assignment))]
    before = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    with Fence(assignment.modules, assignment.probes) as fence:
        for k in range(100):
            program = programs[k % len(programs)]
            assert grade(assignment, fence, str(k), notebook(program)).score is not None
    after = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    used = sum(
        b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime
        for a, b in zip(before, after, strict=True)
    )
    print(f"{name}: 100 submissions in {used:.0f} s of computing")
    assert used < seconds
    assert after[1].ru_maxrss < 1 << 20  # KiB: the largest of the processes


# --- what is taken from a notebook ---------------------------------------------------------------


def notebook(*cells):
    """A notebook's bytes."""
    cells = [{"cell_type": "code", "source": text} for text in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "x"}, *cells]}).encode()


GAP = "def gap(real, fake):\n    return np.mean(real) - np.mean(fake)"


def taken(*cells, wanted=("f",)):
    parts, complaints = extract.definitions(cells)
    names = [name for part in extract.needed(parts, wanted) for name in part["names"]]
    return names, complaints


def test_definitions_are_taken_by_what_uses_them():
    cells = (
        "import numpy as np\nfrom math import pi\nK, L = 2 * pi, 3\nM = [np.log(4)]\nunused = 5",
        "%matplotlib inline\nmodel = train()\nmodel.fit()\nhalf = lambda x: x / 2",
        "def f(x):\n    return half(x) + K + g(x)\n\n\ndef g(x):\n    M = 1\n    return h(x)[M]",
        "class h:\n    pass\nf(3)\nprint('!')",
    )
    assert taken(*cells)[0] == ["pi", "K", "L", "half", "f", "g", "h"]


def test_what_is_computed_is_not_taken():
    assert taken("f = open('x').read()")[0] == []
    assert taken("x = train()\ndef f(): return x")[0] == ["f"]


@pytest.mark.parametrize(
    ("cells", "names", "complaints"),
    [
        (("%%time\ndef f(): return 1",), ["f"], []),
        (("%matplotlib inline\nnp.mean?\n?len\nfiles = !ls\ndef f(): return 1",), ["f"], []),
        (("def f(a, b):\n    return (a\n        % b)",), ["f"], []),
        (('f = """\n%\nwhy?\n"""',), ["f"], []),
        (("%%bash\nls | wc", "def f(): return 1"), ["f"], []),
        (("%%time\ndef f()",), [], [(0, "expected ':'", 2)]),
    ],
)
def test_lines_of_ipython_do_not_cost_their_cell(cells, names, complaints):
    assert taken(*cells) == (names, complaints)


def test_the_last_definition_wins_and_a_broken_cell_is_named():
    names, complaints = taken(
        "def f(): return 1", "def f(): return (", "def f():\n    return K\nK = 2"
    )
    assert names == ["f", "K"]
    assert complaints == [(1, "'(' was never closed", 1)]


def test_a_definition_that_ends_the_process_costs_those_who_use_it(fence):
    cells = [IMPORT, "import os\ndef bad(x=os._exit(0)): pass\ndef f(x): return bad()", GOOD]
    submission = Submission(fence, cells)
    for name, fine in (("f", False), ("good", True)):
        with submission.question([name]) as student:
            if fine:
                assert student.ask(name, 1.0)[0] == 2
            else:
                with pytest.raises(Wrong, match="ended its process"):
                    student.ask(name, 1.0)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("def f(x): pass", "f returned None; is a `return` missing?"),
        ("def f(x): return 1j", "f returned complex numbers"),
        ("def f(x): return 'a'", "f returned something that is not made of numbers"),
        ("def f(x): return {1: 2}", "f returned something that is not made of numbers"),
        ("def g(x): return 1", "f is not defined"),
        ("f = 3", "f is defined, but it is no function"),
        ("def f(x):\n    raise NotImplementedError", "f is not written yet"),
        (
            "def f(x):\n    y = x + 1\n    return 1 / (y - y)",
            "f raised ZeroDivisionError in `return 1 / (y - y)`",
        ),
        ("def f(x): return undefined", "f raised NameError in `def f(x): return undefined`"),
        ("def f(): return 1", "f raised TypeError"),
        ("def f(x:\n    return 1", "f is not defined"),
    ],
)
def test_an_answer_that_is_none_is_told_in_a_sentence(code, sentence, fence):
    with pytest.raises(Wrong) as found:
        asked(fence, code, 1)
    assert str(found.value).startswith(sentence)
    assert "\n" not in str(found.value)


def test_what_a_hidden_check_asked_is_not_told(fence):
    data = notebook(IMPORT + "def gap(real, fake):\n    raise ValueError(f'{real} {fake}')")
    seen, hidden = grade(assignments.load("a0", KEY), fence, "s", data).verdicts
    assert "[1. 3.]" in seen.message
    assert hidden.message == "gap raised ValueError in `raise ValueError(f'{real} {fake}')`"


def test_broken_cells_are_noted(fence):
    result = grade(assignments.load("a0", KEY), fence, "s", notebook(IMPORT + GAP, "def ("))
    assert result.score == 2
    assert result.notes == ["code cell 2 is not valid Python: invalid syntax (line 1)"]


@pytest.mark.parametrize(
    ("code", "student", "measured", "note"),
    [
        ("student_id = '0000000'\nmeasured = 3", "0000000", 3.0, "student_id is still 0000000"),
        ("student_id = 2715042\nmeasured = '3'", None, None, "no student_id was read"),
        ("student_id = ''\nmeasured = f(3)", None, None, "no student_id was read"),
        ("student_id = 'Ada'\nimport math\nmeasured = math.sqrt(4)", "Ada", 2.0, ""),
    ],
)
def test_what_is_read_of_the_prediction(code, student, measured, note, fence):
    result = grade(assignments.load("a1", KEY), fence, "s", notebook(code))
    found = {"student_id": student, "predicted": None, "measured": measured, "right": False}
    assert result.personal == found
    assert " ".join(result.notes).startswith(note)
    assert bool(note) == bool(result.notes)


def test_students_of_the_notebooks_have_the_example_number():
    for name in assignments.folders():
        text = rehearsal.reference(assignments.load(name, KEY))
        assert f'student_id = "{EXAMPLE}"' in text


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b'{"cells": 3}', b"[" * 10**5], ids=len)
def test_a_file_that_is_no_notebook_is_named(data):
    with pytest.raises(UnreadableError, match="notebook"):
        code_cells(data)


def test_a_notebook_of_a_thousand_pictures_is_named():
    with pytest.raises(UnreadableError, match="clear its outputs"):
        code_cells(bytes(65 << 20))


def test_a_file_that_is_no_notebook_gets_no_points(fence):
    result = grade(assignments.load("a0", KEY), fence, "s", b"%PDF")
    assert result.score == 0
    assert "no Jupyter notebook" in result.notes[0]


def test_same_student_and_key_get_the_same_instances(fence):
    code = IMPORT + "def gap(real, fake):\n    return np.round(np.mean(real) - np.mean(fake), 3)"
    assignment = assignments.load("a0", KEY)
    first, second, other = (
        [verdict.message for verdict in grade(assignment, fence, student, notebook(code)).verdicts]
        for student in ("s", "s", "t")
    )
    assert first == second
    assert first[1].startswith("the gap is off by")
    assert other[1].startswith("the gap is off by")


# --- frames --------------------------------------------------------------------------------------


def test_frames_give_back_what_was_packed():
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(True), np.empty((0, 2))]
    data = frames.pack({"a": 1}, arrays)
    head, body = frames.lengths(data[:8])
    message, found = frames.unpack(data[8 : 8 + head], data[8 + head :])
    assert len(data) == 8 + head + body
    assert message == {"a": 1}
    assert all(
        a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(arrays, found, strict=True)
    )


@pytest.mark.parametrize(
    "listed",
    [
        [["<f8", [2**60]]], [["<f8", [-1]]], [["|O", [1]]], [["<f8", [1] * 40]], [["<c16", [1]]],
        [["<f8", ["1"]]], "x", 3, [["V8", [1]]], [["<f8", [2]]], [],
    ],
)  # fmt: skip
def test_forged_heads_are_refused(listed):
    with pytest.raises(frames.BrokenFrameError):
        frames.unpack(json.dumps({"arrays": listed}).encode(), struct.pack("d", 1.0))


@pytest.mark.parametrize("head", [b"", b"[]", b"3", b"{}", b"[" * 10**5, b"\xff"])
def test_heads_that_are_none_are_refused(head):
    with pytest.raises(frames.BrokenFrameError):
        frames.unpack(head, b"")


def test_failed_takes_nonsense_from_a_student():
    for failed in (None, 3, {"type": "a b<", "place": [99, 1]}, {"place": "x"}, {"place": [0, -9]}):
        assert str(Failed("f", failed, ["x"])).startswith("f raised ")
