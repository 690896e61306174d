"""The course's own right and wrong submissions, graded in this process: our code needs no fence.

An assignment's ``wrong.py`` holds ``WRONG``, a list of `Wrong`, and ``RIGHT``, a dict of programs
in another style: name -> text, or (twist, text).
"""

import ast
import dataclasses
import importlib.util
import linecache

import numpy as np

from course import cells as percent
from course.grader import checks, fence
from course.grader.fenced import extract, frames, worker
from course.grader.judge import judge


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A wrong submission: the reference with a mistake.

    Attributes:
        name: the mistake, in words.
        text: what of the reference is replaced.
        replacement: by what.
        band: the least and the greatest score that it may get.
        twist: the variant that it is a mistake in, or None for all.
    """

    name: str
    text: str
    replacement: str
    band: tuple
    twist: str | None = None


def reference(assignment):
    """Returns the reference solution of an assignment, a program."""
    text = (assignment.folder / "assignment.py").read_text(encoding="utf-8")
    return percent.reference(percent.of_term(percent.parse(text), assignment.twist))


def module(assignment):
    """Returns the ``wrong.py`` of an assignment."""
    path = assignment.folder / "wrong.py"
    spec = importlib.util.spec_from_file_location(f"wrong_of_{assignment.name}", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def wrong(assignment):
    """Returns the wrong submissions of an assignment's variant.

    Returns:
        A list of (`Wrong`, program).

    Raises:
        ValueError: if a mistake is not in the reference, or there more than once.
    """
    text, found = reference(assignment), []
    for item in module(assignment).WRONG:
        if item.twist in (None, assignment.twist):
            if text.count(item.text) != 1:
                raise ValueError(
                    f"received {item.name!r}, whose text is {text.count(item.text)} times in the "
                    "reference; expected it once. Quote more, or less, of the line."
                )
            found.append((item, text.replace(item.text, item.replacement)))
    return found


def right(assignment):
    """Returns the right submissions in another style: name -> program.

    One that is for a variant alone stands behind the reference, whose functions it replaces; the
    others are followed by what the reference has for the variant.
    """
    text, found = reference(assignment), {}
    for name, program in module(assignment).RIGHT.items():
        twist, program = program if isinstance(program, tuple) else (None, program)
        if twist in (None, assignment.twist):
            found[name] = f"{text}\n\n{program}"
    return found


class Direct:
    """Stands in for `fence.Student`: calls the functions of a program in this process.

    Args:
        program: text.
        probes: see `fenced.worker.Worker`.
    """

    def __init__(self, program, probes):
        self.space = {"__name__": "submission"}
        # AutoGraph wants to see the source of what it compiles.
        linecache.cache["<program>"] = (len(program), None, program.splitlines(True), "<program>")
        exec(compile(program, "<program>", "exec"), self.space)
        self.probes = {"call": worker.call, **probes}

    def ask(self, name, *arguments, probe="call", **options):
        """Calls a function; see `fence.Student.ask`."""
        if name not in self.space:
            raise fence.Wrong(fence.REFUSALS["missing"].format(name=name))
        arguments = frames.decode(*frames.encode(arguments))
        try:
            with np.errstate(all="ignore"):
                return worker.numbers(self.probes[probe](self.space[name], *arguments, **options))
        except worker.Refused as error:
            raise fence.Wrong(fence.REFUSALS[str(error)].format(name=name)) from error
        except Exception as error:
            failed = {"type": type(error).__name__, "text": str(error), "place": None}
            raise fence.Failed(name, failed, []) from error


def probes(assignment):
    """Returns the assignment's probes: name -> function."""
    if assignment.probes is None:
        return {}
    spec = importlib.util.spec_from_file_location("probes", assignment.probes)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return vars(found)


def affected(assignment, program):
    """Returns the questions whose code differs from the reference's, with all that it uses."""

    def code(text, names):
        parts, _ = extract.definitions([text])
        return [ast.unparse(part["node"]) for part in extract.needed(parts, names)]

    functions = assignment.module.FUNCTIONS
    return [
        question
        for question in assignment.questions
        if code(program, functions[question]) != code(reference(assignment), functions[question])
    ]


def failed(assignment, student, seed, questions=None):
    """Grades a program.

    Args:
        assignment: `grader.assignment.Assignment`.
        student: `Direct`.
        seed: stands in for the student's name.
        questions: those that are asked. None: all.

    Returns:
        A dict: the checks that it failed, by the names of their functions, -> what was said.

    Raises:
        RuntimeError: if a check itself failed.
    """
    found = {}
    for item in assignment.checks:
        if questions is not None and item.question not in questions:
            continue
        rng = checks.generator(assignment.key, str(seed), item.question, item.function.__name__)
        verdict, trouble = judge(item, checks.Ask(student), rng)
        if trouble:
            raise RuntimeError(f"{item.name}: {trouble}")
        if verdict.score != item.points:
            found[item.function.__name__] = verdict.message
    return found


def score(assignment, names):
    """Returns what a program gets that failed some checks."""
    return sum(c.points for c in assignment.checks if c.function.__name__ not in names)
