"""What a chapter shows of its lab is what the lab runs."""

import json

import pytest

from tools import notebooks, sphinx_labs

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["def first(): is a function"]},
        {
            "cell_type": "code",
            "source": ["import math\n", "\n", "def first(x):\n", "    return x\n"],
        },
        {"cell_type": "code", "source": "class Second:\n    pass\n\n\ndef twice():\n    pass"},
        {"cell_type": "code", "source": "def twice():\n    return 2"},
    ]
}


def test_functions_come_in_the_order_in_which_they_are_wanted():
    expected = "class Second:\n    pass\n\n\ndef first(x):\n    return x"
    assert sphinx_labs.functions(NOTEBOOK, ["Second", "first"]) == expected


@pytest.mark.parametrize(("name", "times"), [("third", 0), ("twice", 2)])
def test_a_function_that_is_not_there_once_is_refused(name, times):
    with pytest.raises(KeyError, match=f"{name} is defined {times} times"):
        sphinx_labs.functions(NOTEBOOK, ["first", name])


def test_chapter_7_has_the_step_that_the_lab_runs():
    lab = json.loads((notebooks.LABS / "07_dcgan.ipynb").read_text(encoding="utf-8"))
    names = {}
    code = sphinx_labs.functions(lab, ["penalty_r1", "training_step"])
    exec(code, names)
    assert callable(names["training_step"])
    chapter = (notebooks.LABS.parent / "book" / "07_dcgan.md").read_text(encoding="utf-8")
    assert "{lab-code} 07_dcgan penalty_r1 training_step" in chapter
    assert "def training_step" not in chapter  # no copy of it
