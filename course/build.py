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

HERE = Path(__file__).parent
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
BY_HAND = 2  # points for the explanation of the prediction
LOCKED = {"editable": False, "deletable": False}
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form", "tags": ["hide-input"]}

SELF_CHECK = """#@title Self-check: run this cell last
# It takes from your cells what the grader takes (imports, functions, classes, constants), and runs
# the checks above on that. What passes here is read by the grader as you mean it.
def _self_check(sources):
{extract}

    marked = [text for text in sources if text.startswith("# check ")]
    own = [text for text in sources if text not in marked and "_self_check" not in text]
    parts, complaints = definitions(own)
    space = {{}}
    for part in parts:
        try:
            exec(compile(ast.Module([part["node"]], []), "<your cell>", "exec"), space)
        except Exception as error:
            print(f"{{', '.join(part['names'])}}: {{type(error).__name__}}: {{error}}")
    for name in {names}:
        found = [text for text in marked if text.startswith(f"# check {{name}}\\n")]
        if not found:
            print(f"{{name}}: run its check cell first")
            continue
        try:
            exec(found[-1], dict(space))
            print(f"{{name}}: passes")
        except Exception as error:
            print(f"{{name}}: {{type(error).__name__}}: {{error}}")
    for _, words, line in complaints:
        print(f"a cell is no Python and is left out: {{words}}, line {{line}} of the cell")
    print(f"student_id: {{space.get('student_id')}}")


_self_check(In)"""


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
    table = f"Points by the grader: {points}; {total} together."
    if assignment.personal:
        table += f" A person gives {BY_HAND} more for your explanation of the prediction."
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
    made, answered = [], set()
    for cell in percent.of_term(percent.parse(text), assignment.twist):
        name = f"{assignment.name}-{cell.question or len(made)}"
        if cell.kind == "[markdown]" and cell.question:
            metadata = of_nbgrader(name, grade=True, solution=True, points=BY_HAND)
            made.append(new_markdown_cell(cell.text, metadata=metadata))
        elif cell.kind == "[markdown]":
            made.append(_markdown(references.resolve(cell.text, base), name, len(made)))
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
    source = SELF_CHECK.format(extract=extract_source(), names=list(assignment.questions))
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
