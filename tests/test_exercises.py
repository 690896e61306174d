"""The code in the folded solutions runs, by itself, as a reader would paste it."""

import re
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[1] / "book"
SOLUTION = re.compile(r"^:{3,}\{solution\} (\S+)\n(.*?)^:{3,}$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def solutions(text):
    """Yields (label, code) of the solutions that have code; a solution's blocks belong together."""
    for label, body in SOLUTION.findall(text):
        if blocks := CODE.findall(body):
            yield label, "\n".join(blocks)


FOUND = [
    pytest.param(code, id=label)
    for path in sorted(BOOK.glob("*.md"))
    for label, code in solutions(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("code", FOUND)
def test_code_of_a_solution_runs(code):
    exec(compile(code, "solution", "exec"), {"__name__": "solution"})


def test_a_wrong_solution_is_noticed():
    text = ":::{solution} ex\n:class: dropdown\n\n```python\nassert 2 + 2 == 5\n```\n:::\n"
    [(label, code)] = solutions(text)
    assert label == "ex"
    with pytest.raises(AssertionError):
        test_code_of_a_solution_runs(code)
