"""Run the labs as Colab does: its versions, their own setup cell, no ganlib but the installed one.

    python tools/colab.py [07_dcgan]

`tools/colab.txt` has Colab's versions. An environment with them is kept in `build/colab/`, and made
anew when that file or the version of Python changes. A stub stands for `google.colab`. The setup
cell runs as it is in the labs; for git, the repository's address leads to a copy of this working
tree, so that the cell installs what is here. After it no package but ganlib may be new or another.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import lab_lints, notebooks  # noqa: E402, after the line that makes them importable

FOLDER = ROOT / "build" / "colab"
ENVIRONMENT = FOLDER / "environment"
MADE_FROM = ENVIRONMENT / ".made-from"
PYTHON = ENVIRONMENT / "bin" / "python"
VERSIONS = ROOT / "tools" / "colab.txt"
DRAWN = "drawn.npz"

# What a notebook on Colab may have loaded before its setup cell runs.
LOADED = "import google.protobuf, ipywidgets, keras, matplotlib, numpy, tensorflow"

# After the setup cell, in the same kernel: no restart.
CHECK = f"""\
import pathlib
import sys

import ganlib.training
from ganlib import pretrained

assert pathlib.Path(ganlib.__file__).is_relative_to(sys.prefix), ganlib.__file__
with numpy.load("{DRAWN}") as expected:
    for name in pretrained.__all__:
        given = [expected[key] for key in expected.files if key.startswith(name + "/")]
        images = getattr(pretrained, name)()(given if len(given) > 1 else given[0])
        numpy.testing.assert_allclose(images, expected[name], atol=1e-3)"""


def call(*command, **options):
    """Runs a command quietly; returns what it printed, or raises LabError with all of it."""
    result = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, **options
    )
    if result.returncode:
        words = " ".join(map(str, command[:4]))
        raise notebooks.LabError(f"`{words} …` failed:\n{result.stdout}{result.stderr}")
    return result.stdout


def make_environment(python):
    """Makes an environment with Colab's versions, unless the one that is there has them."""
    made_from = hashlib.sha256(VERSIONS.read_bytes()).hexdigest() + platform.python_version()
    if MADE_FROM.exists() and MADE_FROM.read_text(encoding="utf-8") == made_from:
        return
    print("Making an environment with Colab's versions; this downloads about 1 GB …", flush=True)
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    call(python, "-m", "venv", ENVIRONMENT)
    call(PYTHON, "-m", "pip", "install", "-q", "-r", VERSIONS)
    MADE_FROM.write_text(made_from, encoding="utf-8")


def copy_tree(source, target):
    """Makes a git repository of a working tree: all that is tracked, or new and not ignored."""
    listed = call("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=source)
    shutil.rmtree(target, ignore_errors=True)
    for name in filter(None, listed.split("\0")):
        if (source / name).is_file():  # not one that was deleted
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)
    call("git", "init", "-q", cwd=target)
    call("git", "add", "-A", cwd=target)
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    call("git", *author, "commit", "-q", "-m", "The working tree", cwd=target)


def write_kernel(url, checkout):
    """Writes a Jupyter kernel in which `google.colab` is found and `url` leads to `checkout`."""
    stub = FOLDER / "stub" / "google" / "colab" / "__init__.py"
    stub.parent.mkdir(parents=True, exist_ok=True)
    stub.touch()
    kernel = {
        "argv": [str(PYTHON), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Colab's versions",
        "language": "python",
        "env": {
            "PYTHONPATH": str(FOLDER / "stub"),  # and not this repository
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{checkout}.insteadOf",
            "GIT_CONFIG_VALUE_0": url,
        },
    }
    path = FOLDER / "jupyter" / "kernels" / "colab" / "kernel.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kernel, indent=1), encoding="utf-8")
    os.environ["JUPYTER_PATH"] = str(FOLDER / "jupyter")


def run(notebook, path):
    """Runs a notebook in the kernel and in the folder of `path`, where the executed one stays."""
    resources = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, kernel_name="colab", timeout=900, resources=resources)
    try:
        client.execute()
    except CellExecutionError as error:
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # without a terminal's colours
        raise notebooks.LabError(f"{path.stem} failed on Colab's versions.\n{text}") from None
    finally:
        notebooks.write(notebook, path)


def versions():
    """Returns the packages of the environment, name to version."""
    program = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.name: d.version for d in m.distributions()}))"
    )
    return json.loads(call(PYTHON, "-I", "-c", program))


def changes(before, after):
    """Returns one line for each package that is new, gone or of another version."""
    names = sorted({*before, *after}, key=str.lower)
    pairs = [(name, before.get(name, "absent"), after.get(name, "absent")) for name in names]
    return [f"{name}: {old} -> {new}" for name, old, new in pairs if old != new]


def draw(path):
    """Writes latents and labels, and what ganlib's generators draw from them, here and now."""
    from ganlib import pretrained

    drawn = {}
    for name in pretrained.__all__:
        generator = getattr(pretrained, name)()
        shape = 4, generator.inputs[0].shape[1]
        latents = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        given = [latents, np.arange(4)][: len(generator.inputs)]
        drawn |= {f"{name}/{k}": one for k, one in enumerate(given)}
        drawn[name] = generator(given if len(given) > 1 else latents)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **drawn)


def install(setup):
    """Runs a setup cell among others, in one kernel; nothing but ganlib may change."""
    call(PYTHON, "-m", "pip", "uninstall", "-y", "-q", "ganlib")
    before = versions()
    cells = [nbformat.v4.new_code_cell(source) for source in (LOADED, setup, CHECK)]
    draw(FOLDER / "labs" / DRAWN)
    run(nbformat.v4.new_notebook(cells=cells), FOLDER / "labs" / "installation.ipynb")
    if cells[1].outputs:
        raise notebooks.LabError(f"the setup cell printed something: {cells[1].outputs}")
    changed = changes(before, versions())
    if len(changed) != 1 or not changed[0].startswith("ganlib: absent -> "):
        MADE_FROM.unlink(missing_ok=True)  # it is Colab's no more: the next run makes it anew
        raise notebooks.LabError("the setup cell changed: " + ("; ".join(changed) or "nothing"))
    print(f"The setup cell changed one package, {changed[0]}; it works without a restart.")
    print(call(PYTHON, "-m", "pip", "check").strip(), flush=True)


def run_lab(path):
    """Runs a lab with the small parameters of `notebooks/smoke.yml`."""
    print(f"Running {path.stem} …", flush=True)
    parameters = notebooks.settings("smoke.yml", path.stem)
    target = notebooks.inject(path, parameters, FOLDER / "labs" / path.name)
    notebook = notebooks.read(target)
    run(notebook, target)
    notebook.cells = notebooks.clean(notebook).cells
    complaints = lab_lints.lint_outputs(notebook)
    if complaints:
        raise notebooks.LabError("\n".join(f"{path.stem}: {line}" for line in complaints))


def main(arguments=None):
    """Parses the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Runs the labs small, beside Colab's versions.")
    parser.add_argument("name", nargs="?", help="one lab, such as 07_dcgan; all if left out")
    name = parser.parse_args(arguments).name
    try:
        paths = notebooks.lab_paths(name)
        make_environment(sys.executable)
        copy_tree(ROOT, FOLDER / "checkout")
        write_kernel(lab_lints.repository_url(notebooks.CONFIG), FOLDER / "checkout")
        install(notebooks.read(paths[0]).cells[1].source)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:  # a kernel each
            list(pool.map(run_lab, paths))
    except notebooks.LabError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
