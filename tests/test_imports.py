"""Loading the library: no warning, no line on standard error, the right backend."""

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import ganbook
import ganlib

ROOT = Path(__file__).resolve().parents[1]
MODULES = [
    module.name
    for package in (ganlib, ganbook)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


def run(program, *options, shell=""):
    """A Python of its own; `shell` is what a shell does to it, such as closing a descriptor."""
    command = ["sh", "-c", f'exec "$@" {shell}', "sh", sys.executable, *options, "-c", program]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_no_module_warns_or_writes_when_it_is_imported():
    result = run(f"import {', '.join(MODULES)}", "-W", "error")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


FREE_OF_TENSORFLOW = {"data", "health", "metrics", "models", "report", "toy", "viz"}


@pytest.mark.parametrize("missing", ["tensorflow", "keras"])
def test_without_tensorflow_each_module_works_or_says_what_to_install(missing):
    program = f"""
import importlib, sys
sys.modules[{missing!r}] = None  # an import raises ModuleNotFoundError, as if it were not installed
for name in {[name for name in MODULES if name.startswith("ganlib.") and "._" not in name]}:
    try:
        importlib.import_module(name)
        print(name)
    except ImportError as error:
        assert type(error) is ModuleNotFoundError and error.name == {missing!r}
        assert {missing!r} in str(error) and 'pip install "ganlib[tensorflow]"' in str(error), error
"""
    result = run(program)
    assert (result.returncode, result.stderr) == (0, "")
    imported = {name.split(".")[1] for name in result.stdout.split()}
    assert imported == FREE_OF_TENSORFLOW


def test_an_import_error_of_another_kind_is_shown_as_it_is():
    result = run("import sys; sys.modules['absl'] = None; import ganlib._tensorflow")
    assert "absl" in result.stderr.splitlines()[-1]
    assert "pip install" not in result.stderr


def test_tensorflow_loads_where_there_is_no_standard_error():
    result = run("from ganlib._tensorflow import tf; print(tf.__name__)", shell="2>&-")
    assert result.stdout == "tensorflow\n"


def test_many_classifiers_of_their_own_bring_no_warning_and_other_warnings_stay():
    program = """
import logging, sys
import numpy as np
from ganlib import features
from ganlib._tensorflow import keras, tf
for _ in range(8):
    inputs = keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, [flat, keras.layers.Dense(2)(flat)])
    features.Classifier("few", model).probabilities(np.zeros((1, 4, 4, 1), np.uint8))
tf.get_logger().warning("something else")
"""
    result = run(program)
    assert result.returncode == 0, result.stderr
    assert "retracing" not in result.stderr
    assert "something else" in result.stderr


def test_another_backend_of_keras_is_refused_with_advice():
    """A stand-in for Keras that says what Keras would say on JAX, which need not be installed."""
    program = """
import sys, types
keras = types.ModuleType("keras")
keras.backend = types.SimpleNamespace(backend=lambda: "jax")
sys.modules["keras"] = keras
import ganlib.losses
"""
    result = run(program)
    assert result.returncode == 1
    assert "TensorFlow backend, but Keras was loaded with 'jax'" in result.stderr
    assert "KERAS_BACKEND=tensorflow" in result.stderr
