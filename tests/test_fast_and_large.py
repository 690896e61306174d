"""Chapter 10 prints the script that its lab runs, kills and resumes."""

import ast

import pytest

from tools import notebooks

LAB = notebooks.LABS / "10_fast_and_large.ipynb"
LISTING = notebooks.ROOT / "book" / "data" / "10_train.py"

pytestmark = pytest.mark.skipif(not LAB.exists(), reason="the lab is not there")


def test_listing_of_the_chapter_is_the_script_that_the_lab_runs():
    [cell] = [cell for cell in notebooks.read(LAB).cells if cell.source.startswith("train_script")]
    script = ast.literal_eval(ast.parse(cell.source).body[0].value)
    assert LISTING.read_text(encoding="utf-8") == script.lstrip()
