"""Assignments as they are written: Python in percent cells, which is the reference solution too.

A cell begins with ``# %%``, its kind, and perhaps the variant of the term that it belongs to:

    # %% [markdown]                   text, each line behind a #
    # %% [markdown] explanation       text that students write over, graded by a person
    # %% given                        code that students get
    # %% answer q1                    code that they write, between the marks below
    # %% check q1 twist=smoothing     assertions that they see

Between ``# BEGIN SOLUTION`` and ``# END SOLUTION`` stands what only the teacher sees. In its place
students find ``raise NotImplementedError``, or the lines that begin with ``# instead:``.
"""

import dataclasses
import re

KINDS = ("[markdown]", "given", "answer", "check")
SOLUTION = re.compile(r"^( *)# BEGIN SOLUTION\n(.*?)^ *# END SOLUTION\n?", re.MULTILINE | re.DOTALL)
INSTEAD = re.compile(r"^ *# instead: ?(.*)\n", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        kind: one of `KINDS`.
        question: such as "q1", or "explanation"; "" for other text and given code.
        twist: the variant that it belongs to, or None.
        text: what stands in it; Markdown without the signs at the beginnings of its lines.
    """

    kind: str
    question: str
    twist: str | None
    text: str


def parse(text):
    """Reads an assignment.

    Args:
        text: of its ``assignment.py``.

    Returns:
        A list of `Cell`.

    Raises:
        ValueError: if a cell is of no known kind.
    """
    found = []
    for part in re.split(r"^# %% ?", text, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        kind, *rest = head.split()
        if kind not in KINDS:
            raise ValueError(
                f"received a cell of kind {kind!r}; expected one of {', '.join(KINDS)}. Write it "
                "behind the two percent signs."
            )
        words = dict(word.split("=") for word in rest if "=" in word)
        names = [word for word in rest if "=" not in word]
        body = body.strip("\n")
        if kind == "[markdown]":
            body = re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        found.append(Cell(kind, names[0] if names else "", words.get("twist"), body))
    return found


def of_term(cells, twist):
    """Returns the cells of a variant."""
    return [cell for cell in cells if cell.twist in (None, twist)]


def is_open(cell):
    """Whether a cell has a solution that students are to find."""
    return bool(SOLUTION.search(f"{cell.text}\n"))


def student_code(text):
    """Returns what students find in the place of a cell's solution."""

    def instead(match):
        indent, body = match.groups()
        lines = INSTEAD.findall(body) or ["raise NotImplementedError  # your code"]
        return "".join(f"{indent}{line}\n" for line in lines)

    return SOLUTION.sub(instead, f"{text}\n").rstrip("\n")


def solved_code(text, begin="", end=""):
    """Returns a cell's code with its solution.

    Args:
        text: the cell's.
        begin: a mark to set before the solution; "" for none.
        end: the same behind it.
    """

    def keep(match):
        indent, body = match.groups()
        marks = [f"{indent}{mark}\n" if mark else "" for mark in (begin, end)]
        return marks[0] + INSTEAD.sub("", body) + marks[1]

    return SOLUTION.sub(keep, f"{text}\n").rstrip("\n")


def reference(cells):
    """Returns the reference solution of some cells as one program, the checks left out."""
    kinds = ("given", "answer")
    return "\n\n".join(solved_code(cell.text) for cell in cells if cell.kind in kinds)
