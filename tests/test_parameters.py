"""Parameters as papermill's command line makes them are told before a lab trains."""

import pytest
from papermill.cli import _resolve_type

from ganbook import parameters
from tools import lab_lints, notebooks


@pytest.mark.parametrize("path", notebooks.lab_paths(), ids=lambda path: path.stem)
def test_published_and_small_parameters_pass(path):
    parameters.check(lab_lints.parameters(notebooks.read(path)))
    parameters.check(notebooks.settings("smoke.yml", path.stem))


@pytest.mark.parametrize(
    "text", ["true", "false", "no", "3,500", "1,5", "50%", "[0, 1]", "0 1", "{}"]
)
def test_a_string_that_reads_as_something_else_is_refused(text):
    value = _resolve_type(text)
    assert value == text  # papermill leaves it a string
    with pytest.raises(ValueError, match=r"^received flip=.*, a string; expected .*-p flip"):
        parameters.check({"output_dir": "build", "flip": value})


@pytest.mark.parametrize(
    ("name", "text"),
    [("num_steps", "1e3"), ("num_steps", "many"), ("num_steps", "True"), ("max_distance", "low")],
)
def test_counts_are_integers_and_bounds_are_numbers(name, text):
    with pytest.raises(ValueError, match=f"^received {name}="):
        parameters.check({name: _resolve_type(text)})


@pytest.mark.parametrize("text", ["pictures", "/data/2024_08", "few labels", "1st", "", "~/a b"])
def test_names_and_paths_pass(text):
    parameters.check({"image_dir": text, "seed": 0, "seeds": [0, 1], "rate": 1e-3, "flip": True})


def test_what_is_no_parameter_is_passed_over():
    parameters.check({"num_of": len, "_i1": "false", "max_pool": pytest})
