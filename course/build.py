"""Notebooks from assignments: the student's, the solved one, and nbgrader's source."""

import ast
import inspect
import re
import textwrap
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course import cells as percent
from course import references
from course.grader.fenced import extract
from course.grader.judge import EXAMPLE

HERE = Path(__file__).parent
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
BY_HAND = 2  # points for the explanation of the prediction
LOCKED = {"editable": False, "deletable": False}
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form", "tags": ["hide-input"]}

SELF_CHECK = """#@title Self-check: restart the kernel, run all cells from the top, this one last
# It takes from your cells what the grader takes (imports, functions, classes, constants), and runs
# the checks above on that. What passes here is read by the grader as you mean it.
def _self_check():
{extract}

    def run(wanted):
        space, failed = {{}}, []
        for part in needed(parts, wanted):
            try:
                exec(compile(ast.Module([part["node"]], []), "<your cell>", "exec"), space)
            except Exception as error:
                failed.append(f"{{', '.join(part['names'])}}: {{type(error).__name__}}: {{error}}")
        return space, failed

    def begun(text):
        found = re.findall(r"^(?:(?:def|class) +(\\w+)|(\\w+) *[=(:])", text, re.MULTILINE)
        return {{first or second for first, second in found}}

    try:
        sources = get_ipython().history_manager.input_hist_raw[1:]
    except (NameError, AttributeError):  # a kernel that does not keep what was typed
        sources = In[1:]
    title = "#@title Self-check"
    own = [text for text in sources if text.strip() and not text.startswith(title)]
    parts, complaints = definitions(own)
    runs = [len(sources) - len(own)]
    for name, functions in {questions}.items():
        found = [without_magics(text) for text in own if f"# check {{name}}\\n" in text]
        runs.append(len(found))
        if not found:
            print(f"{{name}}: run its check cell first")
            continue
        failed = []
        try:
            space, failed = run({{*functions, *names_used(found[-1])}})
            exec(found[-1], space)
            print(f"{{name}}: passes")
        except Exception as error:
            print(f"{{name}}: {{'; '.join([*failed, type(error).__name__])}}: {{error}}")
    for number, words, line in complaints:
        begins, later = begun(own[number]), set().union(*map(begun, own[number + 1 :]))
        if not begins or begins - later:  # else it was mended and run again
            print(f"a cell is not valid Python and is left out: {{words}}, line {{line}} of it")
    space, _ = run(["student_id", "predicted", "measured"])
    student = space.get("student_id")
    if not isinstance(student, str) or not student:
        print("student_id: not read; write it in quotation marks")
    else:
        example = ", which is the example's: write your own" if student == {example!r} else ""
        print(f"student_id: {{student}}{{example}}")
    for name in {numbers}:
        value = space.get(name)
        try:
            typed = not isinstance(value, str) and abs(float(value)) < float("inf")
        except (TypeError, ValueError):
            typed = False
        print(f"{{name}}: {{float(value) if typed else 'not read; type a number'}}")
    if max(runs) > 1:
        print("Cells were run more than once. Before you hand in, restart the kernel, run all")
        print("cells from the top, and read this again.")


_self_check()"""


def extract_source():
    """Returns the grader's own extraction, to stand in a function of the self-check."""
    module = inspect.getsource(extract)
    body = ast.parse(module).body[1:]  # without the docstring
    lines = module.splitlines()
    text = "\n".join(lines[body[0].lineno - 1 :])
    return textwrap.indent(re.sub(r"\n\n\n+", "\n\n", text), "    ")


def rules(assignment, base):
    """Returns the text on how an assignment is graded, the same in all notebooks."""
    text = (HERE / "assignments" / "rules.md").read_text(encoding="utf-8")
    total = sum(assignment.questions.values())
    points = ", ".join(f"{name} {worth}" for name, worth in assignment.questions.items())
    table = f"Points by the grader: {points}; {total} in total."
    if assignment.personal:
        table += (
            f" A person gives {BY_HAND} more for your explanation of the prediction. The grader "
            "tells that person whether `measured` is the number of your `student_id`; it brings no "
            "points by itself, and a wrong `predicted` costs none. Type both as numbers: a call of "
            "your own function is not read."
        )
    return references.resolve(text.replace("{points}", table), base)


def of_nbgrader(name, *, grade=False, solution=False, points=None):
    """Returns nbgrader's metadata of a cell (its schema 3)."""
    entry = {
        "schema_version": 3,
        "grade_id": name,
        "grade": grade,
        "solution": solution,
        "locked": not solution,
        "task": False,
    }
    return {"nbgrader": entry | ({"points": points} if grade else {})}


def notebook(assignment, kind, base=None):
    """Makes a notebook.

    Args:
        assignment: `grader.assignment.Assignment`.
        kind: "student", "solved" or "nbgrader".
        base: the address of the rendered book, or None.

    Returns:
        A notebook of nbformat; the same for the same arguments, byte for byte.
    """
    text = (assignment.folder / "assignment.py").read_text(encoding="utf-8")
    made, answered, before = [], set(), None
    for cell in percent.of_term(percent.parse(text), assignment.twist):
        name = f"{assignment.name}-{cell.question or len(made)}"
        if cell.kind == "[markdown]" and cell.question:
            metadata = of_nbgrader(name, grade=True, solution=True, points=BY_HAND)
            made.append(new_markdown_cell(cell.text, metadata=metadata))
        elif cell.kind == "[markdown]":
            words = references.resolve(cell.text, base)
            if before == (cell.kind, ""):  # a variant's text and the one for all are one cell
                made[-1].source += f"\n\n{words}"
                continue
            made.append(_markdown(words, name, len(made)))
            if len(made) == 1:
                made.append(_markdown(rules(assignment, base), f"{assignment.name}-rules", 1))
        elif cell.kind == "given" or (cell.kind == "answer" and not percent.is_open(cell)):
            made.append(new_code_cell(cell.text))
        elif cell.kind == "answer":
            name += f"-{len(made)}" if cell.question in answered else ""
            answered.add(cell.question)
            made.append(new_code_cell(_code(cell, kind), metadata=of_nbgrader(name, solution=True)))
        else:
            points = assignment.questions.get(cell.question, 0)
            metadata = of_nbgrader(f"{name}-check", grade=True, points=points) | LOCKED
            made.append(new_code_cell(f"# check {cell.question}\n{cell.text}", metadata=metadata))
        before = (cell.kind, cell.question)
    source = SELF_CHECK.format(
        extract=extract_source(),
        questions={name: assignment.module.FUNCTIONS[name] for name in assignment.questions},
        example=EXAMPLE,
        numbers=["predicted", "measured"] if assignment.personal else [],
    )
    made.append(new_code_cell(source, metadata=FOLDED))
    for number, cell in enumerate(made):
        cell["id"] = f"{assignment.name}-{number}"
    return new_notebook(cells=made, metadata={"kernelspec": KERNEL})


def _markdown(text, name, number):
    metadata = of_nbgrader(f"{name}-text-{number}") | LOCKED
    return new_markdown_cell(text, metadata=metadata)


def _code(cell, kind):
    if kind == "student":
        return percent.student_code(cell.text)
    marks = ("### BEGIN SOLUTION", "### END SOLUTION") if kind == "nbgrader" else ("", "")
    return percent.solved_code(cell.text, *marks)


def write(found, path):
    """Writes a notebook.

    Args:
        found: the notebook.
        path: its file; folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(found)
    path.write_text(nbformat.writes(found) + "\n", encoding="utf-8")
