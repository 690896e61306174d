"""The course's assignments: right answers get full marks, and each mistake loses the same checks.

Both at many seeds: an instance drawn by chance must not decide what a mistake costs. The course's
own programs are run in this process; tests/test_course_fence.py is about a student's.
"""

import collections
import re

import numpy as np
import pytest

from course import cells as percent
from course import references, rehearsal
from course.grader import assignment as assignments
from course.grader.checks import Ask, Check, close, generator
from course.grader.fence import Wrong

KEY = b"k" * 32
NAMES = list(assignments.folders())
HEAVY = {"a5", "a6"}  # TensorFlow: a program takes a second a seed


def variants():
    """Returns each variant of each assignment, and whether its core is to be looked at with it."""
    found = []
    for name in NAMES:
        twists = getattr(assignments.load(name, KEY).module, "TWISTS", (None,))
        found += [(name, twist, twist == twists[0]) for twist in twists]
    return found


VARIANTS = [pytest.param(*one, id=f"{one[0]}-{one[1]}") for one in variants()]


def seeds_of(name, request):
    """Returns at how many seeds a program is graded."""
    slow = request.config.getoption("--slow")
    return (20 if slow else 3) if name in HEAVY else (100 if slow else 20)


def questions_of(assignment, with_core):
    """Returns what is asked: the core is the same in all variants, so it is asked in one."""
    own = {check.question for check in assignment.checks if check.twist}
    return set(assignment.questions) if with_core else own


@pytest.mark.parametrize(("name", "twist", "with_core"), VARIANTS)
def test_right_answers_in_any_style_get_full_marks(name, twist, with_core, request):
    assignment = assignments.load(name, KEY, twist=twist)
    programs = {"reference": rehearsal.reference(assignment), **rehearsal.right(assignment)}
    assert len(programs) >= 3
    for style, program in programs.items():
        student = rehearsal.Direct(program, rehearsal.probes(assignment))
        for seed in range(seeds_of(name, request)):
            asked = questions_of(assignment, with_core)
            assert rehearsal.failed(assignment, student, seed, asked) == {}, (style, seed)


@pytest.mark.parametrize(("name", "twist", "with_core"), VARIANTS)
def test_each_mistake_loses_the_same_checks_at_every_seed(name, twist, with_core, request):
    assignment = assignments.load(name, KEY, twist=twist)
    visible = {check.function.__name__ for check in assignment.checks if check.visible}
    programs = [
        (mistake, program)
        for mistake, program in rehearsal.wrong(assignment)
        if with_core or mistake.twist
    ]
    caught, unseen = set(), 0
    for mistake, program in programs:
        student = rehearsal.Direct(program, rehearsal.probes(assignment))
        asked = rehearsal.affected(assignment, program)
        assert asked, f"{mistake.name} is no change"
        found = collections.Counter(
            frozenset(rehearsal.failed(assignment, student, seed, asked))
            for seed in range(seeds_of(name, request))
        )
        assert len(found) == 1, f"{mistake.name} is a matter of luck: {found}"
        (lost,) = found
        score = rehearsal.score(assignment, lost)
        assert lost, f"{mistake.name} is not found"
        assert mistake.band[0] <= score <= mistake.band[1], (mistake.name, score, lost)
        caught |= lost
        unseen += not lost & visible
    if with_core:
        assert len(programs) >= 8
        assert unseen >= 5, "the visible checks must not do the hidden ones' work"
    hidden = {
        check.function.__name__
        for check in assignment.checks
        if not check.visible and (with_core or check.twist)
    }
    assert hidden <= caught, "a check that no mistake fails"


@pytest.mark.parametrize("name", NAMES)
def test_assignment_runs_as_a_script(name):
    text = (assignments.folders()[name] / "assignment.py").read_text(encoding="utf-8")
    exec(compile(text, name, "exec"), {"__name__": "script"})


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_in_the_book(name):
    for file in ("assignment.py", "guide.md"):
        text = (assignments.folders()[name] / file).read_text(encoding="utf-8")
        labels = references.CITED.findall(text)
        assert labels or file == "guide.md"
        assert set(labels) <= references.labels().keys()
        assert not re.search(r"\b[Cc]hapters? \d|\b[Tt]heorem \d|\b[Ll]ab \d", text), "by number"


@pytest.mark.parametrize("name", NAMES)
def test_personal_number_of_the_notebook_is_that_of_the_judge(name):
    assignment = assignments.load(name, KEY)
    if assignment.personal is None:
        return
    space = rehearsal.Direct(rehearsal.reference(assignment), {}).space
    parameters, number, tolerance = assignment.personal(space["student_id"])
    assert {key: space[key] for key in parameters} == pytest.approx(parameters)
    assert abs(space["measured"] - number) <= tolerance
    others = {round(assignment.personal(f"{k:07}")[1] / tolerance) for k in range(60)}
    assert len(others) > 30, "a copied number must be wrong"


def test_checks_of_one_variant_are_told_apart_and_worth_the_same():
    for name, twist, _ in variants():
        checks = assignments.load(name, KEY, twist=twist).checks
        assert len({check.function.__name__ for check in checks}) == len(checks)
        assert sum(check.points for check in checks) == (2 if name == "a0" else 18)
        assert all(
            check.question in assignments.load(name, KEY).module.FUNCTIONS for check in checks
        )


def test_variants_and_instances_hang_on_the_key():
    twists = {assignments.load("a2", bytes([k]) * 32).twist for k in range(40)}
    assert twists == set(assignments.load("a2", KEY).module.TWISTS)
    assert assignments.load("a2", KEY).twist == assignments.load("a2", KEY).twist
    draws = [generator(key, *words).random() for key, *words in (
        (KEY, "a", "b"), (KEY, "a", "b"), (KEY, "b", "a"), (KEY, "ab"), (b"j" * 32, "a", "b")
    )]  # fmt: skip
    assert draws[0] == draws[1]
    assert len(set(draws)) == 4


def test_hidden_code_of_a_cell_is_replaced():
    text = "def f():\n    # BEGIN SOLUTION\n    return 1\n    # END SOLUTION\n\n\nK = 2"
    assert percent.student_code(text) == (
        "def f():\n    raise NotImplementedError  # your code\n\n\nK = 2"
    )
    assert percent.solved_code(text) == "def f():\n    return 1\n\n\nK = 2"
    text = "# BEGIN SOLUTION\n# instead: x = None\nx = 3\n# END SOLUTION"
    assert (percent.student_code(text), percent.solved_code(text)) == ("x = None", "x = 3")


def test_a_cell_of_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"received a cell of kind 'reply'; expected"):
        percent.parse("# %% reply q1\nx = 1\n")


# --- what a student is told ----------------------------------------------------------------------


class Fixed:
    """A student whose answer is known."""

    def __init__(self, *answers):
        self.answers = [np.asarray(answer) for answer in answers]

    def ask(self, name, *_, **__):
        return self.answers


@pytest.mark.parametrize(
    ("answers", "shape", "sentence"),
    [
        (
            [np.zeros((3, 1))],
            (3,),
            "f returned an array of shape (3, 1), expected an array of shape (3,)",
        ),
        (
            [np.zeros(3)],
            (3, 1),
            "f returned an array of shape (3,), expected an array of shape (3, 1)",
        ),
        ([np.zeros(1)], (), "f returned an array of shape (1,), expected one number"),
        ([1.0, 2.0], (), "f returned 2 values, expected one"),
        ([np.nan], (), "f returned NaN or infinity"),
    ],
)
def test_an_answer_of_another_form_is_named(answers, shape, sentence):
    with pytest.raises(Wrong, match=re.escape(sentence)):
        Ask(Fixed(*answers))("f", shape=shape)


def test_several_answers_may_come_as_one_array():
    assert Ask(Fixed(np.array([1.0, 2.0]))).several("f", shapes=[(), ()]) == [1.0, 2.0]
    assert Ask(Fixed(1.0, 2.0))("f", shape=(2,)).tolist() == [1.0, 2.0]
    with pytest.raises(Wrong, match="one value, expected 2"):
        Ask(Fixed(3.0)).several("f", shapes=[(), ()])


def test_a_message_tells_the_size_of_an_error_and_not_the_answer():
    with pytest.raises(Wrong, match=r"^the loss is off by 0\.2$"):
        close(12.0, 10.0, "the loss")
    close(np.inf, np.inf, "the loss")
    for got in (np.nan, np.inf):
        with pytest.raises(Wrong, match="infinite"):
            close(got, 1.0, "the loss")


def test_checks_are_found_in_their_module():
    assert all(isinstance(check, Check) for check in assignments.load("a1", KEY).checks)
    with pytest.raises(ValueError, match="received assignment 'a99'; expected one of a0"):
        assignments.load("a99", KEY)
