"""The judge: asks, compares, and says what each question was worth."""

import dataclasses
import json
import traceback

import numpy as np

from course.grader import checks
from course.grader.fence import Failed, Submission, Ungraded, Wrong

EXAMPLE = "0000000"  # the student_id of the notebooks that are handed out
MAX_BYTES = 64 << 20  # of a notebook, pictures included


@dataclasses.dataclass
class Verdict:
    """What became of a check.

    Attributes:
        check: `checks.Check`.
        score: points; None: it could not be graded.
        message: why it is not all of them.
    """

    check: checks.Check
    score: int | None
    message: str = ""


@dataclasses.dataclass
class Result:
    """What became of a submission.

    Attributes:
        student: a name.
        assignment: `assignment.Assignment`.
        verdicts: list of `Verdict`, one for each check; empty if there was nothing to ask.
        notes: sentences about the notebook.
        personal: what it says of the prediction: ``student_id`` (a string), ``predicted``,
            ``measured`` (floats), each None where it is something else or missing, and whether the
            last is ``right``.
        trouble: what the grader says of its own failures; for the instructor.
    """

    student: str
    assignment: object
    verdicts: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    personal: dict = dataclasses.field(default_factory=dict)
    trouble: list = dataclasses.field(default_factory=list)

    @property
    def score(self):
        """The points, or None if a part could not be graded."""
        scores = [verdict.score for verdict in self.verdicts]
        return None if None in scores or (self.trouble and not scores) else sum(scores)

    @property
    def max_score(self):
        """The points that can be had."""
        return sum(self.assignment.questions.values())

    def of_question(self, question):
        """Returns the points of a question, or None."""
        found = [v.score for v in self.verdicts if v.check.question == question]
        return None if None in found else sum(found)


class UnreadableError(Exception):
    """A file that is no notebook; the text says so to a student."""


def code_cells(data):
    """Reads a notebook.

    Args:
        data: its bytes.

    Returns:
        The code of its cells, a list of strings.

    Raises:
        UnreadableError: if it is none.
    """
    if len(data) > MAX_BYTES:
        raise UnreadableError(
            f"the notebook has more than {MAX_BYTES >> 20} MiB: clear its outputs"
        )
    try:
        notebook = json.loads(data)
        cells = notebook["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        return [text if isinstance(text, str) else "".join(text) for text in sources]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UnreadableError("the file is no Jupyter notebook (.ipynb, format 4)") from error


def judge(check, ask, rng):
    """Decides on a check.

    Args:
        check: `checks.Check`.
        ask: `checks.Ask`.
        rng: of its instance.

    Returns:
        `Verdict`, and the traceback of the grader's own failure, or None.
    """
    try:
        check.function(ask, rng)
    except Failed as verdict:
        seen = f": {verdict.text}" if check.visible and verdict.text else ""
        return Verdict(check, 0, f"{verdict}{seen}"), None
    except Wrong as verdict:
        return Verdict(check, 0, str(verdict)), None
    except Ungraded as verdict:
        return Verdict(check, None, f"ungraded: {verdict}"), str(verdict)
    except Exception:
        words = "ungraded: the grader itself failed here, which costs no points; tell your teacher"
        return Verdict(check, None, words), f"{check.name}\n{traceback.format_exc()}"
    return Verdict(check, check.points), None


def grade(assignment, fence, student, data):
    """Grades a notebook.

    Args:
        assignment: `assignment.Assignment`.
        fence: `fence.Fence`, made with the assignment's modules and probes.
        student: a name; the instances depend on it.
        data: the notebook's bytes.

    Returns:
        `Result`.
    """
    result = Result(student, assignment)
    try:
        cells = code_cells(data)
    except UnreadableError as error:
        result.notes.append(str(error))
        result.verdicts = [
            Verdict(check, 0, "there was nothing to ask") for check in assignment.checks
        ]
        return result
    submission = Submission(fence, cells)
    functions = assignment.module.FUNCTIONS
    for question in assignment.questions:
        with submission.question(functions[question]) as process:
            ask = checks.Ask(process)
            for check in assignment.checks:
                if check.question == question:
                    words = (student, check.question, check.function.__name__)
                    verdict, trouble = judge(check, ask, checks.generator(assignment.key, *words))
                    result.verdicts.append(verdict)
                    result.trouble += [trouble] if trouble else []
    with submission.question(["student_id", "predicted", "measured"]) as process:
        result.personal = personal(assignment, process)
    for cell, words, line in filter(_is_complaint, submission.complaints):
        result.notes.append(f"code cell {cell + 1} is not valid Python: {words} (line {line})")
    if result.personal["student_id"] == EXAMPLE:
        result.notes.append(f"student_id is still {EXAMPLE}, the example's")
    elif assignment.personal and result.personal["student_id"] is None:
        result.notes.append('no student_id was read; it is written so: student_id = "2715042"')
    return result


def _is_complaint(item):
    return isinstance(item, list) and [type(part) for part in item] == [int, str, int]


def personal(assignment, process):
    """Reads what a student says of the prediction.

    Args:
        assignment: `assignment.Assignment`.
        process: `fence.Student`.

    Returns:
        A dict; empty where nothing is asked.
    """

    def value(name):
        try:
            answer = process.ask(name, probe="value")
            if isinstance(answer, str):
                return answer
            return float(answer[0]) if np.isfinite(answer[0]) else None
        except (Wrong, Ungraded, TypeError, ValueError, IndexError):
            return None

    def of_kind(kind, name):
        answer = value(name)
        return answer if isinstance(answer, kind) else None

    student = of_kind(str, "student_id") or None
    found = {"student_id": student}
    if assignment.personal is None:
        return found
    found |= {name: of_kind(float, name) for name in ("predicted", "measured")}
    found["right"] = False
    if None not in (student, found["measured"]):
        _, number, tolerance = assignment.personal(student)
        found["right"] = bool(abs(found["measured"] - number) <= tolerance)
    return found
