"""The pipeline of the labs: run them, keep their outputs honest, and try them small.

    python tools/notebooks.py execute [07_dcgan]   run at the published parameters, in place
    python tools/notebooks.py check [07_dcgan]     lints: fast, runs nothing
    python tools/notebooks.py smoke [07_dcgan]     write build/smoke/*.ipynb with small parameters
    python tools/notebooks.py verify 07_dcgan      run anew elsewhere and compare the numbers
    python tools/notebooks.py setup                print the Colab setup cell
    python tools/notebooks.py repository URL       set the repository's address everywhere

A lab runs in the folder where its file lies, as it does in Jupyter. It writes below its
parameter `output_dir` (`build/labs/<name>`), which is emptied before each run here, so that no run
resumes an older one.
"""

import argparse
import base64
import copy
import datetime
import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that `python tools/notebooks.py` finds its neighbour

from ganbook import kept, measured  # noqa: E402, after the line that makes it importable
from ganbook.parameters import check as check_parameters  # noqa: E402
from ganlib import _files  # noqa: E402
from tools import lab_lints  # noqa: E402

LABS = ROOT / "notebooks"
BUILD = ROOT / "build"
CONFIG = ROOT / "_config.yml"
PROJECT = ROOT / "pyproject.toml"  # whose addresses are shown where the wheel is offered
PLACEHOLDER = "https://github.com/OWNER/NAME"
COLAB = "https://colab.research.google.com"


class LabError(Exception):
    """A lab that cannot be run, or whose run says something else than it should."""


def lab_path(name):
    """Returns the path of a lab given as `07_dcgan` or as its file."""
    path = LABS / f"{Path(name).stem}.ipynb"
    if not path.exists():
        known = ", ".join(sorted(path.stem for path in LABS.glob("*.ipynb"))) or "none yet"
        raise LabError(f"no lab {path.stem!r} in {LABS.name}/; there are: {known}")
    return path


def lab_paths(name=None):
    """Returns the path of one lab, or of all, in the book's order."""
    return [lab_path(name)] if name else sorted(LABS.glob("*.ipynb"))


def read(path):
    """Reads a notebook."""
    return nbformat.read(path, as_version=4)


def write(notebook, path):
    """Writes a notebook so that the file is either the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _files.whole(path) as temporary:
        nbformat.write(notebook, temporary)


def settings(filename, name):
    """Returns what `notebooks/smoke.yml`, or another file beside it, says about a lab."""
    entry = entries(filename).get(name)
    if not entry:
        raise LabError(f"notebooks/{filename} has no entry for {name!r}: add one")
    return entry


def entries(filename):
    """Returns all that a file beside the labs says: lab -> what the file is about."""
    path = LABS / filename
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return yaml.safe_load(text) or {}


# --- running -------------------------------------------------------------------------------------


def kernel_environment():
    """Returns a lab's environment: this Python, this ganlib, no debugger's warning."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def empty_output_dir(notebook, folder):
    """Removes what earlier runs of a lab in `folder` left in its `output_dir`."""
    output_dir = lab_lints.parameters(notebook).get("output_dir")
    if output_dir is None:
        return
    path = (folder / output_dir).resolve()
    if not path.is_relative_to(folder.resolve() / "build"):
        raise LabError(f"output_dir is {output_dir!r}, expected a path below build/")
    shutil.rmtree(path, ignore_errors=True)


def run(path, copy_path, folder, progress_bar=True):
    """Runs the lab at `path` in `folder` at its own parameters; returns the executed notebook."""
    import papermill  # here, since the lints and `smoke` need no kernel

    empty_output_dir(read(path), folder)
    copy_path.parent.mkdir(parents=True, exist_ok=True)
    os.environ.update(kernel_environment())
    try:
        papermill.execute_notebook(
            str(path),
            str(copy_path),
            kernel_name="python3",
            cwd=str(folder),
            progress_bar=progress_bar,
        )
    except papermill.PapermillExecutionError as error:
        raise LabError(
            f"{path.stem} failed in cell [{error.exec_count}] with {error.ename}: {error.evalue}\n"
            f"The failed copy is {copy_path.relative_to(ROOT)}; {path.name} is unchanged."
        ) from None
    return read(copy_path)


def execute(name=None):
    """Runs labs at their published parameters and puts cleaned, stamped outputs in place."""
    for path in lab_paths(name):
        print(f"Running {path.stem} at its published parameters …", flush=True)
        start = time.perf_counter()
        notebook = clean(run(path, BUILD / "execute" / path.name, path.parent))
        output_dir = path.parent / lab_lints.parameters(notebook).get("output_dir", "")
        made = stamp(notebook, time.perf_counter() - start) | {"results": results_in(output_dir)}
        notebook.metadata["ganlib"] = made
        write(notebook, path)
        measured.put(*measured_section(path))
        print(f"Outputs are in {path.relative_to(ROOT)}", flush=True)
        hand_over(path.stem, output_dir)


def results_in(output_dir):
    """Returns what a lab has left in its results.json, name to number; empty if it leaves none."""
    path = output_dir / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def measured_section(path):
    """Returns the section of `numbers.json` that a lab's published run makes, and its values."""
    results = read(path).metadata.get("ganlib", {}).get("results", {})
    return f"lab{path.stem[:2]}", measured.named(results)


def measured_sections():
    """Yields the labs' sections of `numbers.json`, of those that have any results."""
    for path in lab_paths():
        section, values = measured_section(path)
        if values:
            yield section, values


def hand_over(name, output_dir):
    """Copies what a lab makes for others to its place, as `notebooks/products.yml` says."""
    products = entries("products.yml").get(name, {})
    for name_in_lab, target in products.get("files", {}).items():
        if target.endswith(".html"):
            unpack(output_dir / name_in_lab, ROOT / target)
        else:
            shutil.copyfile(output_dir / name_in_lab, ROOT / target)
        print(f"For the book it made {target}", flush=True)
    if "generator" in products:
        ship_generator(output_dir / "generator.keras", ROOT / products["generator"])
        print(f"The weights of its generator are in {products['generator']}", flush=True)


def unpack(source, target, pictures=ROOT / "book" / "_static"):
    """Copies a player for a page of the book; the pictures in it become files that it names."""
    names = []

    def store(match):
        data = base64.b64decode(match["data"])
        names.append(f"{target.stem}_{len(names)}.{match['kind']}")
        (pictures / names[-1]).write_bytes(data)
        return f'"../_static/{names[-1]}"'

    pattern = r'"data:image/(?P<kind>\w+);base64,(?P<data>[^"]+)"'
    text = re.sub(pattern, store, source.read_text(encoding="utf-8"))
    target.write_text(text, encoding="utf-8")


def ship_generator(source, target):
    """Writes the weights of a `.keras` file as `ganlib.pretrained` reads them."""
    import numpy as np  # here, since the lints need neither of them

    from ganlib import training

    weights = training.load_generator(source).get_weights()
    # float16 for kernels; the variances of batch normalisation may leave its range
    arrays = {
        f"{k:03d}": w.astype(np.float16 if w.ndim > 1 else np.float32)
        for k, w in enumerate(weights)
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    with _files.whole(target) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


# --- cleaning ------------------------------------------------------------------------------------


def collapse(text):
    """Replaces each line of a stream by what a terminal shows of it after its carriage returns."""
    lines = (line.rstrip("\r").rsplit("\r", 1)[-1].rstrip() for line in text.split("\n"))
    return "\n".join(lines).strip("\n")


WIDGET = "application/vnd.jupyter.widget-view+json"


def clean_outputs(outputs):
    """Merges the pieces of each stream, shows progress bars as they ended, drops empty streams.

    A widget that brings a picture for where it cannot run leaves the picture alone: on a page
    without a kernel its controls would do nothing. Of a drawing that holds pixels the SVG stays.
    """
    merged = []
    progress = None  # the first piece on standard error: a bar's pieces lie between other outputs
    for output in outputs:
        last = merged[-1] if merged else None
        if output.get("name") == "stderr" and progress is not None:
            progress.text += output.text
        elif output.get("name") == "stdout" and last is not None and last.get("name") == "stdout":
            last.text += output.text
        else:
            progress = output if output.get("name") == "stderr" else progress
            merged.append(output)
    for output in merged:
        if output.output_type == "stream":
            text = collapse(output.text)
            output.text = f"{text}\n" if text else ""
        elif "text/html" in output.get("data", {}):
            output.data.pop(WIDGET, None)
        elif "<image" in output.get("data", {}).get("image/svg+xml", ""):
            output.data.pop("image/png", None)  # it would hold the same pixels again
    return [output for output in merged if output.get("text") != ""]


def clean(notebook):
    """Returns a notebook without traces of the run: timings, paths, states of finished bars."""
    notebook = copy.deepcopy(notebook)
    staying = {k: notebook.metadata[k] for k in ("ganlib", "mystnb") if k in notebook.metadata}
    widgets = notebook.metadata.get("widgets", {})
    notebook.metadata = nbformat.from_dict(
        {
            **staying,
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        for key in ("papermill", "execution", "ExecuteTime"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
        if cell.cell_type == "code":
            cell.outputs = clean_outputs(cell.outputs)
    shown = any(WIDGET in o.get("data", {}) for c in notebook.cells for o in c.get("outputs", []))
    if shown and widgets and all("state" in widget for widget in widgets.values()):
        notebook.metadata["widgets"] = widgets
    return notebook


# --- stamp ---------------------------------------------------------------------------------------


def key(notebook):
    """Returns the key of a lab: a hash of its code, and of all that this reaches."""
    return lab_lints.library().reach_cells(lab_lints.code_of(notebook)).key


def stamp(notebook, seconds=None):
    """Says what a notebook's outputs were made from, and when."""
    about = kept.machine()
    return {
        "code": lab_lints.code_hash(notebook),
        "key": key(notebook),
        "commit": kept.commit(),
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "seconds": seconds and round(seconds),
        "versions": {name: about[name] for name in ("python", *kept.PACKAGES)},
    }


# --- smoke ---------------------------------------------------------------------------------------


def inject(path, parameters, target):
    """Writes a copy of a lab with `parameters` injected; its published outputs stay in it."""
    from papermill import inspect_notebook
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    declared = inspect_notebook(str(path))
    unknown = sorted(set(parameters) - set(declared))
    if unknown:
        raise LabError(
            f"{path.stem} declares no parameter {', '.join(unknown)}; "
            f"its parameters cell has: {', '.join(declared)}"
        )
    check_parameters(parameters)
    notebook = parameterize_notebook(load_notebook_node(str(path)), dict(parameters))
    empty_output_dir(notebook, target.parent)
    write(notebook, target)
    return target


def smoke(name=None):
    """Writes every lab with the small parameters of `notebooks/smoke.yml` into `build/smoke/`."""
    targets = []
    for path in lab_paths(name):
        parameters = settings("smoke.yml", path.stem)
        targets.append(inject(path, parameters, BUILD / "smoke" / path.name))
    return targets


# --- verify --------------------------------------------------------------------------------------


def compare(results, intervals):
    """Returns one line per interval, and the names of results that are missing or outside."""
    lines, failures = [], []
    for name, (low, high) in intervals.items():
        value = results.get(name, "missing")
        inside = isinstance(value, int | float) and low <= value <= high
        lines.append(f"{'ok  ' if inside else 'FAIL'} {name} = {value}, expected {low} to {high}")
        if not inside:
            failures.append(name)
    return lines, failures


def verify(name):
    """Runs a lab at its published parameters elsewhere and holds its numbers to their intervals."""
    path = lab_path(name)
    intervals = settings("verify.yml", path.stem)
    folder = BUILD / "verify"
    print(f"Running {path.stem} at its published parameters in build/verify …", flush=True)
    notebook = run(path, folder / path.name, folder)
    output_dir = lab_lints.parameters(notebook).get("output_dir")
    results_path = folder / str(output_dir) / "results.json"
    if output_dir is None or not results_path.exists():
        raise LabError(f"{path.stem} left no results.json in its output_dir ({output_dir!r})")
    results = json.loads(results_path.read_text(encoding="utf-8"))
    lines, failures = compare(results, intervals)
    print("\n".join(lines), flush=True)
    if failures:
        raise LabError(f"{path.stem}: outside its interval: {', '.join(failures)}")


def oldest(paths, key_of=key, ledger=None):
    """Returns the lab whose outputs are the least fresh.

    Labs made from other code come first; among equals, the one that was run longest ago.
    """
    if not paths:
        raise LabError("there is no lab in notebooks/")
    ledger = ledger or kept.Ledger()

    def freshness(path):
        notebook = read(path)
        made = notebook.metadata.get("ganlib", {})
        is_fresh = ledger.are(made.get("key"), key_of(notebook))
        return is_fresh, made.get("date", ""), path.stem

    return min(paths, key=freshness)


# --- housekeeping --------------------------------------------------------------------------------


def check(name=None):
    """Lints labs; raises LabError with all complaints."""
    url = lab_lints.repository_url(CONFIG)
    complaints = []
    for path in lab_paths(name):
        notebook = read(path)
        found = lab_lints.lint(notebook) + lab_lints.lint_setup(notebook, url)
        for filename in ("smoke.yml", "verify.yml"):
            try:
                settings(filename, path.stem)
            except LabError as error:
                found.append(str(error))
        complaints += [f"{path.stem}: {complaint}" for complaint in dict.fromkeys(found)]
    if complaints:
        raise LabError("\n".join(complaints))


def buttons(url):
    """Returns what `_config.yml` says of the buttons that need the repository's address."""
    is_real = url != PLACEHOLDER  # which leads nowhere
    source = ("use_repository_button", "use_edit_page_button", "use_issues_button")
    return {**dict.fromkeys(source, is_real), "colab_url": COLAB if is_real else ""}


def set_repository(url):
    """Writes the repository's address into `_config.yml`, `pyproject.toml` and the labs.

    The buttons that lead there are shown, or hidden where it is the placeholder.
    """
    url = url.strip().removesuffix("/").removesuffix(".git")
    if not re.fullmatch(r"https://github\.com/[\w-]+/[\w.-]+", url):
        raise LabError(
            f"got {url!r}, expected an address such as {PLACEHOLDER}: Colab opens notebooks from "
            "GitHub only, and the book's buttons lead there"
        )
    old = lab_lints.repository_url(CONFIG)
    text = CONFIG.read_text(encoding="utf-8").replace(old, url)
    for name, value in buttons(url).items():
        line = rf"\1 {json.dumps(value)}"
        text, count = re.subn(rf"^( *{name}:) .*$", line, text, flags=re.MULTILINE)
        if count != 1:
            raise LabError(f"_config.yml has {count} lines `{name}: …`, expected one: add it")
    CONFIG.write_text(text, encoding="utf-8")
    project = re.sub(rf"{re.escape(old)}(?=[/\"])", url, PROJECT.read_text(encoding="utf-8"))
    PROJECT.write_text(project, encoding="utf-8")
    for path in lab_paths():
        notebook = read(path)
        for cell in filter(lab_lints.is_setup, notebook.cells):
            cell.source = lab_lints.colab_cell(url)
        write(notebook, path)
    shown = "off" if url == PLACEHOLDER else "on"
    print(f"The repository's address is now {url}, in _config.yml, pyproject.toml and the labs.")
    print(f"The buttons that lead there and to Colab are {shown}.")


def main(arguments=None):
    """Parses the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Runs and checks the labs in notebooks/.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command, text in (
        ("execute", "run at the published parameters, in place"),
        ("check", "lint; runs nothing"),
        ("smoke", "write build/smoke/*.ipynb with small parameters"),
    ):
        sub = commands.add_parser(command, help=text)
        sub.add_argument("name", nargs="?", help="one lab, such as 07_dcgan; all if left out")
    sub = commands.add_parser("verify", help="run anew elsewhere and compare the numbers")
    sub.add_argument("name", nargs="?", help="one lab, such as 07_dcgan")
    sub.add_argument("--oldest", action="store_true", help="the lab with the least fresh outputs")
    commands.add_parser("setup", help="print the Colab setup cell")
    sub = commands.add_parser("repository", help="set the repository's address everywhere")
    sub.add_argument("url", help="such as https://github.com/OWNER/NAME")
    options = parser.parse_args(arguments)
    try:
        dispatch(parser, options)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def dispatch(parser, options):
    """Calls what the command line names."""
    if options.command == "execute":
        execute(options.name)
    elif options.command == "check":
        check(options.name)
    elif options.command == "smoke":
        for target in smoke(options.name):
            print(target.relative_to(ROOT))
    elif options.command == "verify":
        if bool(options.name) == options.oldest:
            parser.error("verify needs either the name of a lab or --oldest")
        verify(options.name or oldest(lab_paths()).stem)
    elif options.command == "setup":
        print(lab_lints.colab_cell(lab_lints.repository_url(CONFIG)))
    elif options.command == "repository":
        set_repository(options.url)


if __name__ == "__main__":
    sys.exit(main())
