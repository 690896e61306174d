"""The labs run, say what they published, and keep the rules; the rules catch what they should."""

import ast
import base64
import dataclasses
import functools
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from ganbook import kept, measured
from tools import lab_lints, notebooks

ROOT = Path(__file__).resolve().parents[1]
LABS = notebooks.lab_paths()
TRAINING_LABS = [path for path in LABS if '"num_steps = ' in path.read_text(encoding="utf-8")]
PIXEL = "iVBORw0KGgo="  # the first bytes of a PNG
FOR_EVER = 3600  # seconds, longer than any lab


def run_nbval(path, strict=True, env=None):
    """Runs nbval on a notebook in a process of its own; returns the finished process."""
    command = f"-m pytest -q -x -c {os.devnull} -p no:cacheprovider --nbval-lax --nbval-current-env"
    command = [sys.executable, *command.split()]
    # They only guard against hanging for ever, on however busy a machine.
    command += [f"--nbval-cell-timeout={FOR_EVER}", "--nbval-kernel-startup-timeout=600"]
    env = env or notebooks.kernel_environment()
    if strict:
        command += ["-p", "strict_nbval"]
        env = {**env, "PYTHONPATH": f"{env['PYTHONPATH']}{os.pathsep}{ROOT / 'tests'}"}
    command += ["--rootdir", str(path.parent), str(path)]
    return subprocess.run(
        command, cwd=path.parent, env=env, capture_output=True, text=True, check=False
    )


def code(source, *tags, outputs=(), alt=None):
    cell = new_code_cell(source, outputs=list(outputs), execution_count=1)
    if tags:
        cell.metadata["tags"] = list(tags)
    if alt:
        cell.metadata["mystnb"] = {"image": {"alt": alt}}
    return cell


def stdout(text):
    return new_output("stream", name="stdout", text=text)


def stderr(text):
    return new_output("stream", name="stderr", text=text)


def figure():
    return new_output("display_data", data={"image/png": PIXEL, "text/plain": "<Figure>"})


def player(attributes):
    html = f'<figure {attributes}><img src="data:image/png;base64,{PIXEL}"></figure>'
    return new_output("execute_result", data={"text/html": html, "text/plain": "<Animation>"})


def good_notebook():
    """A small lab that keeps every rule and whose outputs are true."""
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# A lab\n\nRun time: 1 second on two CPU cores."),
            code(lab_lints.colab_cell("https://example.org/a/b"), "remove-cell"),
            code(
                "seed = 0  # of the noise\n"
                "# of training\nnum_steps = 20\n"
                'output_dir = "build/labs/99_good"  # results go here',
                "parameters",
            ),
            code("print(2 + 3)", "nbval-check-output", outputs=[stdout("5\n")]),
            code("print('five')", "nbval-check-output", outputs=[stdout("five\n")]),
            code("print('six')", "nbval-check-output", outputs=[stdout("six\n")]),
            code("figure", outputs=[figure()], alt="A line that rises from left to right."),
            new_markdown_cell("## Summary"),
        ]
    )
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return stamped(notebook)


def stamped(notebook):
    notebook.metadata["ganlib"] = {
        "code": lab_lints.code_hash(notebook),
        "key": "0",
        "versions": {},
    }
    return notebook


# --- lints ---------------------------------------------------------------------------------------


def test_lints_accept_a_good_notebook():
    assert lab_lints.lint(good_notebook()) == []


def append(*cells):
    return lambda notebook: notebook.cells.extend(cells)


def change(index, **fields):
    return lambda notebook: notebook.cells[index].update(fields)


def metadata(index, key, value):
    return lambda notebook: notebook.cells[index].metadata.update({key: value})


def old_format(notebook):
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        del cell["id"]


BAD = [  # what breaks, how, and what the complaint must say
    ("schema", change(3, cell_type="cod"), "not a valid notebook"),
    ("schema", lambda notebook: old_format(notebook), "notebook format (4, 4)"),
    ("kernelspec", lambda notebook: notebook.metadata.kernelspec.update(name="my-env"), "my-env"),
    ("title", change(0, source="A lab"), "title"),
    ("title", append(new_markdown_cell("text\n\n# Part")), "second top-level heading"),
    ("setup", lambda notebook: notebook.cells.pop(1), "second cell"),
    ("setup", change(1, source=lab_lints.colab_cell("x y")), "is not what"),
    ("setup", change(1, source=good_notebook().cells[1].source + "\n1"), "is not what"),
    ("setup", metadata(1, "tags", []), "remove-cell"),
    ("setup", change(1, outputs=[stdout("Collecting")]), "print nothing"),
    ("parameters", lambda notebook: notebook.cells.pop(2), "0 cells tagged"),
    ("parameters", append(code("a = 1  # b", "parameters")), "2 cells tagged"),
    ("parameters", change(2, source="a = 2 * b  # twice"), "assigns no literal"),
    ("parameters", change(2, source="a = b = 1  # both"), "no plain assignment"),
    ("parameters", change(2, source="import os"), "no plain assignment"),
    ("parameters", change(2, source="a = 1  # one\nb = 2"), "parameter b has no comment"),
    ("parameters", change(2, source="seed = 7  # lucky"), "seed is 7"),
    ("parameters", change(2, source='output_dir = ".."  # up'), "output_dir is '..'"),
    ("size", append(*[code("1", "hide-input") for _ in range(45)]), "51 code cells"),
    ("size", append(*[code("1") for _ in range(26)]), "31 open code cells"),
    ("size", append(*[code("1\n" * 11) for _ in range(9)]), "median of 11 lines"),
    ("size", append(code("1\n" * 41)), "41 lines, at most 40"),
    ("size", append(code("1", outputs=[stdout("x" * 1_500_000)])), "outputs take 1.5 MB"),
    ("outputs", append(code("1", outputs=[new_output("error", ename="E", evalue="no")])), "E: no"),
    ("outputs", append(code("1", outputs=[stderr("E0000 cuda_dnn.cc")])), "cuda_dnn"),
    ("outputs", change(3, execution_count=None), "was not run"),
    ("alt_text", append(code("1", outputs=[figure()])), "without alt text"),
    ("alt_text", append(code("1", outputs=[figure()], alt="Figure")), "without alt text"),
    ("alt_text", metadata(3, "mystnb", {"image": {"alt": "No image."}}), "shows no image"),
    ("alt_text", change(6, outputs=[figure(), figure()]), "several images"),
    ("alt_text", append(code("1", outputs=[player("")])), "without an aria-label"),
    (
        "alt_text",
        append(code("1", outputs=[player('aria-label="Frame"')])),
        "without an aria-label",
    ),
    ("checked", metadata(3, "tags", []), "2 cells tagged"),
    ("checked", change(4, outputs=[]), "no text to compare"),
    ("checked", change(3, outputs=[stdout("v5\n")]), "prints a number"),
    ("checked", change(3, outputs=[stdout("5"), stderr("3%|#| 3/9 [0:01]")]), "progress bar"),
    ("stamp", lambda notebook: notebook.metadata.pop("ganlib"), "no stamp"),
    ("stamp", change(3, source="print(1 + 4)"), "run `make notebooks`"),
    ("stamp", change(2, source="seed = 0  # of all"), "run `make notebooks`"),
    ("private", append(new_markdown_cell("see /home/me/data")), "a local path: '/home/me/data'"),
    ("private", append(code("1", outputs=[stdout("in /tmp/x")])), "a local path"),
    ("private", append(code(f"path = '{ROOT}'")), "a local path"),
    ("private", append(new_markdown_cell("Looking in indexes: https://x")), "a package index"),
    ("plain", append(new_markdown_cell(":::{note}\nThis.\n:::")), "MyST"),
    ("plain", append(new_markdown_cell("```{math}\nx\n```")), "MyST"),
    ("plain", append(new_markdown_cell("as {cite}`goodfellow2014` says")), "MyST"),
    ("plain", append(new_markdown_cell("$$x$$ (eq-x)")), "MyST"),
    ("plain", append(code("%matplotlib inline")), "magic"),
    ("plain", append(code("!ls")), "magic"),
    ("metadata", metadata(3, "papermill", {"duration": 1.0}), "papermill metadata"),
    ("metadata", lambda n: n.metadata.update(papermill={"input_path": "/x"}), "papermill metadata"),
    ("metadata", lambda n: n.metadata.update(widgets={"a/b": {"version_major": 2}}), "state"),
]


@pytest.mark.parametrize(("name", "spoil", "complaint"), BAD, ids=[f"{b[0]}-{b[2]}" for b in BAD])
def test_lint_complains_about_a_bad_notebook(name, spoil, complaint):
    notebook = good_notebook()
    spoil(notebook)
    complaints = getattr(lab_lints, f"lint_{name}")(notebook)
    assert complaint in " | ".join(complaints)


def test_labelled_player_and_table_in_html_need_no_alt_text():
    notebook = good_notebook()
    table = new_output("execute_result", data={"text/html": "<table></table>", "text/plain": ""})
    label = 'aria-label="A line that rises, as a film."'
    notebook.cells += [code("1", outputs=[player(label)]), code("1", outputs=[table])]
    assert lab_lints.lint_alt_text(notebook) == []


def test_every_lint_is_applied_and_shown_to_fail():
    defined = {name for name in vars(lab_lints) if name.startswith("lint_")}
    assert defined == {lint.__name__ for lint in lab_lints.LINTS}
    assert defined == {f"lint_{name}" for name, _, _ in BAD}


def test_setup_lint_wants_the_address_of_the_repository():
    assert lab_lints.lint_setup(good_notebook(), "https://example.org/a/b") == []
    assert lab_lints.lint_setup(good_notebook(), "https://example.org/a/c") != []


def test_stamp_ignores_the_setup_cell_and_the_prose():
    notebook = good_notebook()
    notebook.cells[0].source += " More words."
    notebook.cells[1].source = lab_lints.colab_cell("https://example.org/elsewhere")
    assert lab_lints.lint_stamp(notebook) == []


def test_progress_bars_are_the_only_thing_allowed_on_standard_error():
    notebook = good_notebook()
    for bar in ("100%|█████| 20/20 [00:01<00:00, 16.9it/s]", "d 1.2 g 0.7: 5%|▍  | 1k/20k [00:01]"):
        notebook.cells[6].outputs.append(stderr(f"{bar}\n"))
    assert lab_lints.lint_outputs(notebook) == []


@pytest.mark.parametrize("path", LABS, ids=lambda path: path.stem)
def test_lab_keeps_every_rule(path):
    notebooks.check(path.stem)


# --- the Colab setup cell ------------------------------------------------------------------------


SETUP_PROGRAM = """
import subprocess, sys
subprocess.check_call = lambda command: print(command[1:])
exec(sys.argv[1])
"""


def run_setup_cell(*path):
    """Runs the setup cell with folders put on Python's path; returns what it printed."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    source = lab_lints.colab_cell("https://example.org/a/b")
    command = [sys.executable, "-c", SETUP_PROGRAM, source]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def test_setup_cell_does_nothing_outside_colab():
    assert run_setup_cell() == ""


def test_setup_cell_does_nothing_on_colab_once_ganlib_is_there(tmp_path):
    (tmp_path / "google" / "colab").mkdir(parents=True)
    (tmp_path / "ganlib").mkdir()
    (tmp_path / "ganlib" / "__init__.py").touch()
    assert run_setup_cell(tmp_path) == ""


def test_setup_cell_on_colab_installs_ganlib_and_nothing_else(tmp_path):
    (tmp_path / "google" / "colab").mkdir(parents=True)
    # A finder that hides ganlib, which this environment has installed.
    hide = (
        "from importlib import util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name: name != 'ganlib' and find(name)\n"
    )
    (tmp_path / "sitecustomize.py").write_text(hide, encoding="utf-8")
    printed = run_setup_cell(tmp_path)
    address = "git+https://example.org/a/b"
    assert printed == f"{['-m', 'pip', 'install', '--quiet', '--no-deps', address]}\n"


# --- cleaning ------------------------------------------------------------------------------------


def test_progress_bar_is_kept_as_it_ended():
    outputs = [
        stderr("\r 0%|  | 0/2 [00:00]"),
        stdout("at step 1\n"),
        stderr("\r 50%|# | 1/2 [00:01]"),
        figure(),
        stderr("\r100%|##| 2/2 [00:02]\n"),
        stdout("done\n"),
    ]
    cleaned = notebooks.clean_outputs(outputs)
    assert [output.get("text", "figure") for output in cleaned] == [
        "100%|##| 2/2 [00:02]\n",
        "at step 1\n",
        "figure",
        "done\n",
    ]


def test_bar_that_erased_itself_leaves_no_output():
    assert notebooks.clean_outputs([stderr("\r 5%|# | 1/20"), stderr("\r          \r")]) == []


def test_lines_without_carriage_return_stay_as_they_are():
    [output] = notebooks.clean_outputs([stdout("  a\n"), stdout("\n  b\n")])
    assert output.text == "  a\n\n  b\n"


def test_drawing_that_holds_pixels_is_published_once_and_any_other_twice():
    """The PNG of a line is small, and serves where SVG is not shown."""
    for drawing, kinds in (
        ('<svg><image href="data:"/></svg>', {"image/svg+xml"}),
        ("<svg><path/></svg>", {"image/svg+xml", "image/png"}),
    ):
        views = {"image/svg+xml": drawing, "image/png": PIXEL}
        [cleaned] = notebooks.clean_outputs([new_output("display_data", data=views)])
        assert set(cleaned.data) == kinds


def test_widget_with_a_picture_is_published_as_the_picture():
    """Without a kernel its controls would do nothing; one without a picture keeps its state."""
    views = {"application/vnd.jupyter.widget-view+json": {"model_id": "7"}, "text/plain": "W"}
    state = {"application/vnd.jupyter.widget-state+json": {"state": {"7": {}}}}
    for data, stays in ((views | {"text/html": "<img>"}, False), (views, True)):
        notebook = good_notebook()
        notebook.cells[3].outputs = [new_output("execute_result", data=dict(data))]
        notebook.metadata["widgets"] = state
        cleaned = notebooks.clean(notebook)
        assert (set(views) <= set(cleaned.cells[3].outputs[0].data)) is stays
        assert ("widgets" in cleaned.metadata) is stays


def test_clean_strips_the_traces_of_a_run():
    notebook = good_notebook()
    notebook.metadata["papermill"] = {"output_path": "/home/me/x.ipynb"}
    notebook.metadata["widgets"] = {"application/x": {"version_major": 2}}
    notebook.cells[3].metadata.update(papermill={"duration": 1.0}, execution={"busy": ""})
    notebook.cells[6].metadata["tags"] = []
    cleaned = notebooks.clean(notebook)
    assert lab_lints.lint_metadata(cleaned) == []
    assert set(cleaned.metadata) == {"kernelspec", "language_info", "ganlib"}
    assert cleaned.cells[3].metadata == {"tags": ["nbval-check-output"]}
    assert "tags" not in cleaned.cells[6].metadata
    assert cleaned.cells[6].metadata.mystnb.image.alt.startswith("A line")


# --- running -------------------------------------------------------------------------------------


CONFIGURATION = """\
repository:
  url: https://example.org/a/b
html:
  use_issues_button: false
  use_repository_button: false
  use_edit_page_button: false
launch_buttons:
  colab_url: ""
"""

PROJECT = """\
[project.urls]
Homepage = "https://example.org/a/b"
Issues = "https://example.org/a/b/issues"
Other = "https://example.org/a/b-c"
"""


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """A repository of its own with one lab, `99_good`; returns the folder."""
    folder = tmp_path / "repository"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "_config.yml").write_text(CONFIGURATION, encoding="utf-8")
    (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    for name in ("smoke", "verify"):
        (folder / "notebooks" / f"{name}.yml").write_text("", encoding="utf-8")
    monkeypatch.setattr(notebooks, "ROOT", folder)
    monkeypatch.setattr(notebooks, "LABS", folder / "notebooks")
    monkeypatch.setattr(notebooks, "BUILD", folder / "build")
    monkeypatch.setattr(notebooks, "CONFIG", folder / "_config.yml")
    monkeypatch.setattr(notebooks, "PROJECT", folder / "pyproject.toml")
    monkeypatch.setattr(measured, "PATH", folder / "numbers.json")
    monkeypatch.setattr(os, "environ", notebooks.kernel_environment())
    notebooks.write(good_notebook(), folder / "notebooks" / "99_good.ipynb")
    return folder


def lab(workshop, spoil=lambda notebook: None):
    """Changes the lab of a workshop; returns its path."""
    path = workshop / "notebooks" / "99_good.ipynb"
    notebook = good_notebook()
    notebook.cells[6] = code("assert num_steps < 30")
    spoil(notebook)
    notebooks.write(notebook, path)
    return path


RESULTS = (
    "import json, pathlib\n"
    "folder = pathlib.Path(output_dir)\n"
    "old = list(folder.glob('*'))\n"
    "folder.mkdir(parents=True, exist_ok=True)\n"
    "_ = (folder / 'results.json').write_text(json.dumps({'steps': num_steps, 'old': len(old)}))"
)


def test_execute_puts_new_outputs_and_a_stamp_in_place(workshop):
    path = lab(workshop, change(3, source="print(num_steps)"))
    notebooks.execute("99_good")
    notebook = notebooks.read(path)
    assert notebook.cells[3].outputs[0].text == "20\n"
    assert lab_lints.lint(notebook) == []
    made_from = notebook.metadata["ganlib"]
    assert made_from["results"] == {}
    assert made_from["key"] == notebooks.key(notebook)
    assert made_from["seconds"] >= 0
    assert made_from["versions"]["keras"] == importlib.metadata.version("keras")


def test_execute_keeps_the_results_with_the_lab_and_puts_them_where_the_prose_finds_them(workshop):
    path = lab(workshop, append(code(RESULTS.replace("'old'", "'gain.mean'"))))
    notebooks.execute("99_good")
    results = notebooks.read(path).metadata["ganlib"]["results"]
    assert results == {"steps": 20, "gain.mean": 0}
    assert measured.read() == {"lab99": {"steps": 20, "gain": {"mean": 0}}}
    assert dict(notebooks.measured_sections()) == measured.read()


def test_failed_execution_leaves_the_lab_alone_and_names_the_copy(workshop):
    path = lab(workshop, change(4, source="%unknown_magic\nraise RuntimeError"))
    before = path.read_bytes()
    with pytest.raises(
        notebooks.LabError, match=r"(?s)99_good failed.*build/execute/99_good\.ipynb"
    ):
        notebooks.execute("99_good")
    assert path.read_bytes() == before
    assert (workshop / "build" / "execute" / "99_good.ipynb").exists()


def test_verify_starts_from_an_empty_output_dir_and_leaves_the_lab_alone(workshop):
    path = lab(workshop, append(code(RESULTS)))
    before = path.read_bytes()
    left = workshop / "build" / "verify" / "build" / "labs" / "99_good" / "old-checkpoint"
    left.mkdir(parents=True)
    (workshop / "notebooks" / "verify.yml").write_text("99_good: {steps: [20, 20], old: [0, 0]}")
    notebooks.verify("99_good")
    assert path.read_bytes() == before


def test_verify_names_what_is_outside_its_interval(workshop):
    lab(workshop, append(code(RESULTS)))
    (workshop / "notebooks" / "verify.yml").write_text("99_good: {steps: [21, 30], old: [0, 0]}")
    with pytest.raises(notebooks.LabError, match=r"outside its interval: steps$"):
        notebooks.verify("99_good")


@pytest.mark.parametrize(
    ("results", "failures"),
    [
        ({"a": 1.0, "b": 5}, []),
        ({"a": 1.0}, ["b"]),
        ({"a": 0.99, "b": 5}, ["a"]),
        ({"a": 2.01, "b": 5}, ["a"]),
        ({"a": float("nan"), "b": "5"}, ["a", "b"]),
    ],
)
def test_compare_wants_every_number_inside_its_interval(results, failures):
    assert notebooks.compare(results, {"a": [1, 2], "b": [5, 5]})[1] == failures


def test_output_dir_outside_the_build_folder_is_refused(workshop):
    lab(workshop, change(2, source='output_dir = "../notebooks"  # no'))
    with pytest.raises(notebooks.LabError, match=r"expected a path below build/"):
        notebooks.execute("99_good")
    assert (workshop / "notebooks" / "99_good.ipynb").exists()


def test_oldest_prefers_labs_made_from_other_code_then_older_runs(workshop, tmp_path):
    ledger = kept.Ledger(tmp_path / "ledger.json")
    stamps = {"a": ("now", "2026-01-01"), "b": ("past", "2026-03-01"), "c": ("past", "2026-02-01")}
    for name, (key, date) in stamps.items():
        notebook = good_notebook()
        notebook.metadata["ganlib"] |= {"key": key, "date": date}
        notebooks.write(notebook, workshop / "notebooks" / f"{name}.ipynb")
    paths = [workshop / "notebooks" / f"{name}.ipynb" for name in "abc"]

    def chosen(candidates):
        return notebooks.oldest(candidates, lambda notebook: "now", ledger).stem

    assert [chosen(paths), chosen(paths[:2]), chosen(paths[:1])] == ["c", "b", "a"]
    ledger.add([{"old": "past", "new": "now", "commit": "c", "probe": "p"}])
    assert chosen(paths) == "a"


def settings_of(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("end", ["", "/", ".git"])
def test_repository_address_is_set_wherever_it_stands(workshop, end):
    notebooks.set_repository(f"https://github.com/new/home{end}")
    addresses = tomllib.loads((workshop / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
    assert list(addresses.values()) == [
        "https://github.com/new/home",
        "https://github.com/new/home/issues",
        "https://example.org/a/b-c",
    ]
    path = workshop / "notebooks" / "99_good.ipynb"
    assert lab_lints.repository_url(workshop / "_config.yml") == "https://github.com/new/home"
    notebook = notebooks.read(path)
    assert lab_lints.lint_setup(notebook, "https://github.com/new/home") == []
    assert lab_lints.lint_stamp(notebook) == []


def test_real_address_switches_the_buttons_on_and_the_empty_one_off(workshop):
    before = settings_of(workshop / "_config.yml")
    notebooks.set_repository("https://github.com/new/home")
    after = settings_of(workshop / "_config.yml")
    assert set(after["html"].values()) == {True}
    assert after["launch_buttons"] == {"colab_url": "https://colab.research.google.com"}
    notebooks.set_repository(notebooks.PLACEHOLDER)
    again = settings_of(workshop / "_config.yml")
    assert {**again, "repository": None} == {**before, "repository": None}


@pytest.mark.parametrize(
    "url", ["example", "http://github.com/a/b", "https://github.com/a", "https://example.org/a/b"]
)
def test_address_that_is_not_on_github_is_refused(workshop, url):
    with pytest.raises(notebooks.LabError, match=r"expected an address such as .*from GitHub only"):
        notebooks.set_repository(url)
    assert (workshop / "_config.yml").read_text(encoding="utf-8") == CONFIGURATION


def test_missing_button_in_the_configuration_is_named(workshop):
    text = CONFIGURATION.replace("  use_issues_button: false\n", "")
    (workshop / "_config.yml").write_text(text, encoding="utf-8")
    with pytest.raises(notebooks.LabError, match=r"0 lines `use_issues_button"):
        notebooks.set_repository("https://github.com/new/home")
    assert (workshop / "_config.yml").read_text(encoding="utf-8") == text


def test_unknown_lab_is_refused_with_the_names_of_those_that_exist(workshop, capsys):
    assert notebooks.main(["execute", "7_dcgan"]) == 1
    assert "no lab '7_dcgan' in notebooks/; there are: 99_good" in capsys.readouterr().err


# --- the gate ------------------------------------------------------------------------------------


def test_smoke_refuses_a_parameter_that_the_lab_does_not_declare(workshop):
    (workshop / "notebooks" / "smoke.yml").write_text("99_good: {num_step: 2}", encoding="utf-8")
    with pytest.raises(notebooks.LabError, match=r"declares no parameter num_step; .*num_steps"):
        notebooks.smoke()


def test_smoke_injects_small_parameters_and_keeps_the_published_outputs(workshop):
    path = lab(workshop, change(6, source="assert num_steps == 2"))
    (workshop / "notebooks" / "smoke.yml").write_text("99_good: {num_steps: 2}", encoding="utf-8")
    [target] = notebooks.smoke()
    assert notebooks.read(target).cells[4].outputs == notebooks.read(path).cells[3].outputs
    result = run_nbval(target)
    assert result.returncode == 0, result.stdout


def test_nbval_fails_when_one_published_output_is_altered(workshop):
    path = lab(workshop, change(3, outputs=[stdout("6\n")]))
    result = run_nbval(path)
    assert result.returncode == 1
    assert "Cell outputs differ" in result.stdout


def test_cell_that_fails_without_a_message_passes_nbval_but_not_the_gate(workshop):
    path = lab(workshop, change(6, source="%unknown_magic\nraise RuntimeError"))
    plain, strict = run_nbval(path, strict=False), run_nbval(path)
    assert plain.returncode == 0, "nbval has closed the gap: tests/strict_nbval.py can go"
    assert strict.returncode == 1
    assert "Cell failed without a message: UsageError" in strict.stdout


def test_gate_lets_a_declared_exception_pass(workshop):
    path = lab(workshop, append(code("1 / 0", "nbval-raises-exception")))
    assert run_nbval(path).returncode == 0


def failure(result):
    """Returns what a run of nbval said, without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)


def test_what_labs_make_for_the_book_is_there():
    for lab, products in notebooks.entries("products.yml").items():
        assert notebooks.lab_path(lab) in LABS
        targets = [*products.get("files", {}).values(), *filter(None, [products.get("generator")])]
        assert [target for target in targets if not (ROOT / target).exists()] == []


def test_pictures_of_a_player_become_files_beside_the_page(tmp_path):
    source, target = tmp_path / "film.html", tmp_path / "page.html"
    sheet, still = bytes(range(256)), bytes(range(255, -1, -1))
    uris = [f"data:image/webp;base64,{base64.b64encode(data).decode()}" for data in (sheet, still)]
    source.write_text(f'<figure data-sheet="{uris[0]}"><img src="{uris[1]}" alt="é"></figure>')
    notebooks.unpack(source, target, pictures=tmp_path)
    names = "../_static/page_0.webp", "../_static/page_1.webp"
    expected = f'<figure data-sheet="{names[0]}"><img src="{names[1]}" alt="é"></figure>'
    assert target.read_text(encoding="utf-8") == expected
    assert (tmp_path / "page_0.webp").read_bytes() == sheet
    assert (tmp_path / "page_1.webp").read_bytes() == still


# --- the labs, small, and their faulty forms -----------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that is changed in a lab or in ganlib, and a part of the assertion that must fail.

    The place is the parameters ("", with `right` None: `wrong` is run after them), the lab itself,
    or a file of ganlib, where the text `right` is replaced by `wrong`, or `wrong` added at the end.
    """

    place: str
    right: str | None
    wrong: str
    seen: str


def one_step(seen):
    """Returns the fault that the network is trained for one step."""
    return Fault("", None, "num_steps = 1", seen)


UNTRAINED = {
    "02_two_networks": one_step("distance <= max_distance < wasserstein(untrained_points)"),
    "05_losses_and_divergences": one_step('results["distance"] <= max_distance'),
    "07_dcgan": one_step("distance <= max_distance"),
    "08_own_images": one_step("found <= max_distance"),
    "09_conditional": one_step("distance <= max_distance"),
    # Another process trains, and with one step there would be nothing to kill and to resume.
    "10_fast_and_large": Fault(
        "10_fast_and_large.ipynb",
        'generator = training.load_generator(folder / "generator.keras")',
        "generator = keras.models.clone_model(training.load_generator(folder / 'generator.keras'))",
        "distance <= max_distance",
    ),
    "11_augmentation": one_step("direction[[7, 9]].min() >= min_told_apart"),
    "12_study": one_step('results["accuracy_real"] >= min_accuracy'),
    "13_little_data": one_step('results["distance_augmented"] <= max_distance'),
    "14_recipe": one_step("best >= min_accuracy"),
    "15_collapse_and_stability": one_step('results["mended_ring_close"] >= min_close'),
    "16_debugging_clinic": one_step('results["mended"] <= max_distance'),
    "17_interpretability": one_step('min_found <= results["found_trained_gradient.low"]'),
    "19_image_to_image": one_step('min_right <= results["residual_right.low"]'),
    "20_privacy": one_step('results["auc_discriminator_few.mean"] >= min_auc'),
    "21_gans_and_vaes": one_step('results["gan_distance"] <= max_distance'),
    "22_distances_and_samples": one_step('np.median(distances["learned kernel"]) <= max_distance'),
    "23_adversarial_losses_today": one_step('results["adversarial_distance"] <= max_distance'),
}


def wrong_loss(losses):
    return f"\n_right = non_saturating\nnon_saturating = Loss({losses})\n"


WRONG_LOSSES = {
    "07_dcgan": {
        name: Fault("ganlib/losses.py", None, wrong_loss(losses), "assert_allclose(ours, library")
        for name, losses in {
            "real-and-fake-swapped": "lambda r, f: _right.discriminator(f, r), _right.generator",
            "generator-sign-flipped": "_right.discriminator, lambda r, f: -_right.generator(r, f)",
        }.items()
    }
}

# lab: (file of a package, or the lab itself; what stands there; what is put in its place; a part of
# the assertion that must fail).
BROKEN = {
    "03_minimax_game": [
        (
            "ganlib/losses.py",
            "_mean(tf.nn.softplus(-real_logits)) + _mean",
            "_mean(tf.nn.softplus(-real_logits)) - _mean",
            "-sum(terms), loss.discriminator(real_logits, fake_logits)",
        ),
        (
            "03_minimax_game.ipynb",
            "0.5 * kl(a, middle, cell) + 0.5 * kl(b, middle, cell)",
            "kl(a, middle, cell) + kl(b, middle, cell)",
            "value(best), -np.log(4) + 2 * divergence",
        ),
        (
            "03_minimax_game.ipynb",
            "np.exp(-eta * slope(q))",
            "np.exp(eta * slope(q))",
            "mirror_step(start, 1.0), (target + start) / 2",
        ),
        (
            "03_minimax_game.ipynb",
            "-logit_of_best - size * rng",
            "-logit_of_best - 0 * rng",
            "value(other) < value(best)",
        ),
    ],
    "04_training_dynamics": [
        (
            "ganlib/penalties.py",
            "0.5 * tf.reduce_mean(_squared_gradient_norms(discriminator, real_images))",
            "tf.reduce_mean(_squared_gradient_norms(discriminator, real_images))",
            "field(place), expected",
        ),
        (
            "04_training_dynamics.ipynb",
            "np.array([-gamma / 2 - root, -gamma / 2 + root])",
            "np.array([-gamma - root, -gamma + root])",
            "found, predicted_eigenvalues(a, gamma)",
        ),
        (
            "04_training_dynamics.ipynb",
            "- step_size * theta * psi",
            "+ step_size * theta * psi",
            "invariant, 1.0",
        ),
        (
            "04_training_dynamics.ipynb",
            "[-coupling, -curvature]",
            "[coupling, -curvature]",
            "max(slowest) < 0",
        ),
        (
            "04_training_dynamics.ipynb",
            "4 / (gamma + root)",
            "2 / (gamma + root)",
            "(measured < 1) == (h < limit)",
        ),
        (
            "04_training_dynamics.ipynb",
            "+ step_size * 1j), beta]",
            "+ step_size * 1j), -beta]",
            "simultaneous, np.abs(roots)",
        ),
        (
            "04_training_dynamics.ipynb",
            "np.prod(turning, axis=1)",
            "np.sum(turning, axis=1)",
            "abs(per_turn - 4) < 0.1",
        ),
    ],
    "05_losses_and_divergences": [
        (
            "ganlib/losses.py",
            "return 0.5 * (_mean(tf.square(real_logits - 1.0))",
            "return (_mean(tf.square(real_logits - 1.0))",
            "assert_allclose(ours, values",
        ),
        (
            "05_losses_and_divergences.ipynb",
            "lambda t: t**2 / 4 + t",
            "lambda t: t**2 / 2 + t",
            "<= divergence <= at_optimum",
        ),
        (
            "05_losses_and_divergences.ipynb",
            "b_ub=distances[",
            "b_ub=2 * distances[",
            "abs(w1 - dual)",
        ),
        (
            "ganlib/losses.py",
            "_mean(_float32(fake_logits)) - _mean(_float32(real",
            "_mean(_float32(fake_logits)) + _mean(_float32(real",
            "assert_allclose(ours, values",
        ),
        (
            "ganlib/penalties.py",
            "tf.square(norms - 1.0)",
            "tf.square(norms - 2.0)",
            "assert_allclose(float(ours), expected",
        ),
        (
            "05_losses_and_divergences.ipynb",
            "kl(p, (p + q) / 2) - chi(p, q) / 8",
            "kl(p, (p + q) / 2)",
            "max(errors) < 1e-10",
        ),
        (
            "05_losses_and_divergences.ipynb",
            "1 / (u * (1 + u) ** 3)",
            "1 / (u * (1 + u) ** 2)",
            "ratios * second(ratios), -slope",
        ),
        (
            "05_losses_and_divergences.ipynb",
            "2 * bayes_risk(at_real, at_fake, 0.5)",
            "bayes_risk(at_real, at_fake, 0.5)",
            "abs(gap - expected)",
        ),
        (
            "05_losses_and_divergences.ipynb",
            "w1 - f[6:]",
            "w1 + f[6:]",
            "moved >= w1",
        ),
        (
            "05_losses_and_divergences.ipynb",
            "return k == i",
            "return k == -1",
            "on_cycles(places) * np.log(2)",
        ),
    ],
    "06_measuring": [
        (
            "06_measuring.ipynb",
            "covariance + other_covariance - 2 * cross",
            "covariance + other_covariance - cross",
            "np.isclose(cost, formula",
        ),
        (
            "ganlib/metrics/_distances.py",
            "(_kernel_sum(x, x) - _kernel_diagonal_sum(x)) / (len(x) * (len(x) - 1))",
            "_kernel_sum(x, x) / len(x) ** 2",
            "kernel_distance(real_sample, fake_sample, diagonal=False)",
        ),
        (
            "ganlib/metrics/_neighbours.py",
            "num_neighbours - 1, axis=1)[:, num_neighbours - 1]",
            "num_neighbours, axis=1)[:, num_neighbours]",
            "abs(values.mean() - target)",
        ),
        (
            "ganlib/metrics/__init__.py",
            "np.exp(between - within",
            "np.exp(between + within",
            "np.isclose(np.log(score), information",
        ),
        (
            "06_measuring.ipynb",
            "np.trace(pairs)) / 2",
            "np.trace(pairs))",
            "abs(values.mean() - predicted)",
        ),
        (
            "06_measuring.ipynb",
            "(pairs.sum() + np.trace(pairs)) / 2",
            "pairs.sum() / 2",
            "abs(values.mean() - predicted)",
        ),
        (
            "06_measuring.ipynb",
            "+ 4 / (n * m)\n",
            "- 4 / (n * m)\n",
            "np.var(values), variance",
        ),
        (
            "06_measuring.ipynb",
            "math.comb(3, j) / d**j",
            "1 / d**j",
            "by_moments, truth",
        ),
    ],
    "11_augmentation": [
        (
            "11_augmentation.ipynb",
            "turns = [(x, y), (-y, x), (-x, -y), (y, -x)]",
            "turns = [(x, y), (-y, x), (x, y), (y, -x)]",
            "assert_allclose(measured, predicted",
        ),
        (
            "11_augmentation.ipynb",
            "fitted(*draw(real, m))",
            "fitted(*draw(truth, m))",
            "found[-1], value",
        ),
        (
            "11_augmentation.ipynb",
            "+ alpha**2 * squared_bias",
            "+ alpha * squared_bias",
            "abs(measured - predicted)",
        ),
        (
            "ganlib/augment.py",
            "labels = weight * labels + (1.0 - weight) * tf.roll(labels, 1, axis=0)",
            "labels = weight * labels + weight * tf.roll(labels, 1, axis=0)",
            "np.asarray(mixed)[different], by_hand",
        ),
        (
            "ganlib/augment.py",
            "draws, 2 * largest + 1) - largest",
            "draws, 2 * largest) - largest",
            "np.abs(counts - 5_000 / 25)",
        ),
    ],
    "21_gans_and_vaes": [
        (
            "ganbook/vae.py",
            "0.5 * tf.reduce_sum(terms, -1)",
            "tf.reduce_sum(terms, -1)",
            "parts.divergence, 0.5 * np.sum(mean**2)",
        ),
        (
            "21_gans_and_vaes.ipynb",
            "return expected - kl",
            "return expected + kl",
            "bound + missing, log_likelihood",
        ),
        (
            "21_gans_and_vaes.ipynb",
            "z**2 - standard**2",
            "z**2 + standard**2",
            "abs(one - lower_bound",
        ),
        (
            "21_gans_and_vaes.ipynb",
            "axis=1) - np.log(size)\n    return",
            "axis=1)\n    return",
            "fifty <= log_likelihood",
        ),
    ],
    "22_distances_and_samples": [
        (
            "22_distances_and_samples.ipynb",
            "value = a * critic @ h - gamma * critic",
            "value = a * critic @ h - 2 * gamma * critic",
            "np.isclose(value, a**2 / (4 * gamma) * norm**2",
        ),
        (
            "22_distances_and_samples.ipynb",
            "np.cumsum(np.append(0, -np.sign(flow) * gap))",
            "np.cumsum(np.append(0, np.sign(flow) * gap))",
            "np.isclose(critic @ difference, distance",
        ),
        (
            "22_distances_and_samples.ipynb",
            "np.abs(a - b).sum() / 2",
            "np.sqrt(np.sum((a - b) ** 2 / (a + b)))",
            "np.allclose(ratios, 1, rtol=0, atol=1e-12)",
        ),
        (
            "ganlib/metrics/_distances.py",
            "(_kernel_sum(x, x) - _kernel_diagonal_sum(x)) / (len(x) * (len(x) - 1))",
            "_kernel_sum(x, x) / len(x) ** 2",
            "np.isclose(ours, library",
        ),
        (
            "22_distances_and_samples.ipynb",
            "np.exp(-(theta**2) / (2 * (width**2 + 2)))",
            "np.exp(-(theta**2) / (width**2 + 2))",
            "abs(error) < 5",
        ),
        (
            "22_distances_and_samples.ipynb",
            "predicted = 2 * (1 - one**d)",
            "predicted = 1 - one**d",
            "abs(n * kernels[i, j].mean() - predicted)",
        ),
        (
            "22_distances_and_samples.ipynb",
            "(pull.T @ latents).ravel() / 40",
            "(pull.T @ latents).ravel() / 20",
            "assert agree",
        ),
        (
            "22_distances_and_samples.ipynb",
            "binom.pmf(counts, n, w)",
            "binom.pmf(counts, n, 1 - w)",
            "np.isclose(by_w1, binom.median(n, w) / n",
        ),
        (
            "22_distances_and_samples.ipynb",
            "return theta**2 / (4 * (1 + 4 * gamma))",
            "return theta**2 / (16 * gamma)",
            "abs(found[2] - 1) < 0.002",
        ),
        (
            "22_distances_and_samples.ipynb",
            "return d / (d + 1) * np.exp",
            "return 2 * d / (d + 1) * np.exp",
            "lower(n, d) <= value",
        ),
        (
            "22_distances_and_samples.ipynb",
            "parts = [2.0 ** (-j - 1)",
            "parts = [2.0 ** (-3 * j - 1)",
            "value - 5 * doubt <= upper(n, d)",
        ),
        (
            "22_distances_and_samples.ipynb",
            "m_sum + epsilon * h_sum",
            "m_sum + 2 * epsilon * h_sum",
            "<= K * epsilon",
        ),
        (
            "22_distances_and_samples.ipynb",
            "promised = 2 / epsilon**2",
            "promised = 4 / epsilon**2",
            "assert promised < 3000",
        ),
        (
            "22_distances_and_samples.ipynb",
            "formula = 1 - np.prod(1 - np.arange(people) / days)",
            "formula = 1 - np.prod(1 - np.arange(people) / (2 * days))",
            "formula >= 1 - np.exp",
        ),
    ],
    "15_collapse_and_stability": [
        (
            "15_collapse_and_stability.ipynb",
            "reach = 3.0 * mixture.stds[0]",
            "reach = 1.5 * mixture.stds[0]",
            'by_hand["reached"] == library.num_covered',
        ),
        (
            "ganlib/metrics/__init__.py",
            "np.log(num_modes) - _entropies(shares)",
            "-_entropies(shares)",
            'by_hand["divergence"], library.divergence',
        ),
        (
            "15_collapse_and_stability.ipynb",
            "return 0.5 * np.abs(products",
            "return np.abs(products",
            'rows["three modes dropped"], bound',
        ),
        (
            "ganlib/models/layers.py",
            "deviation = tf.sqrt(variance + 1e-8)",
            "deviation = tf.sqrt(0.0 * variance + 1e-8)",
            "channel, spread(group)",
        ),
        (
            "ganlib/penalties.py",
            "return 0.5 * tf.reduce_mean(_squared_gradient_norms(discriminator, real_images))",
            "return -0.5 * tf.reduce_mean(_squared_gradient_norms(discriminator, real_images))",
            "np.isclose(r1, 12.5)",
        ),
    ],
    "16_debugging_clinic": [
        (
            "ganlib/losses.py",
            "return _mean(tf.nn.softplus(-_float32(fake_logits)))",
            "return 2 * _mean(tf.nn.softplus(-_float32(fake_logits)))",
            "np.isclose(ratio, predicted",
        ),
        (
            "16_debugging_clinic.ipynb",
            "(kernel * np.sin(np.pi / stride))",
            "(2 * kernel * np.sin(np.pi / stride))",
            "np.isclose(measured, predicted",
        ),
    ],
    "17_interpretability": [
        (
            "17_interpretability.ipynb",
            "terms = regressed * read[:, None] - slope",
            "terms = regressed * read[:, None] - 2 * slope",
            "statistic < 64 + 7",
        ),
        (
            "17_interpretability.ipynb",
            "assign(rotation.T @ kernel)",
            "assign(rotation @ kernel)",
            "np.abs(same - images_of(some)).max()",
        ),
        (
            "17_interpretability.ipynb",
            "return columns @ columns.T / len(latents)",
            "return columns @ columns.T",
            "np.isclose(slope, slope_values[-1]",
        ),
        (
            "17_interpretability.ipynb",
            "scores = left[:, :num] * lengths[:num]",
            "scores = np.sign(left[:, :num])",
            "assert_allclose(exact, 1",
        ),
        (
            "17_interpretability.ipynb",
            "np.argsort(-losses_of_units",
            "np.argsort(losses_of_units",
            'results["left_causal_trouser.median"] <= max_left',
        ),
        (
            "17_interpretability.ipynb",
            "return mean * (images + 1)",
            "return mean * images",
            "np.isclose(found.sum(), float(known",
        ),
        (  # the maps of images without the mark see it
            "17_interpretability.ipynb",
            'judge_map(judges["untrained"], clean), places',
            'judge_map(judges["trained"], test), places',
            "a blind map sees the mark",
        ),
    ],
    "19_image_to_image": [
        (  # the split leaks: by glyph and not by letter
            "19_image_to_image.ipynb",
            "place = order[plain.labels] % 5",
            "place = np.arange(len(plain.labels)) % 5",
            "isdisjoint(plain.labels[~part])",
        ),
        (
            "19_image_to_image.ipynb",
            "squared = (guesses[:, None] - values) ** 2 @ shares",
            "squared = 0.5 * (guesses[:, None] - values) ** 2 @ shares",
            "sampler, 2 * squared.min()",
        ),
        (
            "19_image_to_image.ipynb",
            "back = np.argsort(there)  # F",
            "back = there  # F",
            "num_perfect == 120",
        ),
        (
            "19_image_to_image.ipynb",
            "return 0.5 * np.sum(np.abs(np.subtract(p, q)))",
            "return np.sum(np.abs(np.subtract(p, q)))",
            "plan.fun, variation(before, after)",
        ),
        (
            "19_image_to_image.ipynb",
            "transpose_a=True) / vectors.shape[0]",
            "transpose_a=True)",
            "float(in_code), by_kernel",
        ),
    ],
    "20_privacy": [
        (
            "20_privacy.ipynb",
            "real_sum + noise * norm * normal + fake_sum",
            "real_sum + fake_sum",
            "private_audit <= claimed_epsilon",
        ),
        (
            "20_privacy.ipynb",
            "(2 * z - 1) / (2 * sigma**2)",
            "(2 * z + 1) / (2 * sigma**2)",
            "np.isclose(divergence(1 - 1e-15, 2.0, 5.0), 5 / 8)",
        ),
        (
            "ganbook/privacy.py",
            "1 - (1 - delta) ** 2 * special",
            "1 - (1 - delta) * special",
            "np.isclose(auc, privacy.largest_auc(epsilon, d))",
        ),
        (
            "ganbook/privacy.py",
            "- np.log(delta * _ORDERS) / (_ORDERS - 1)",
            "- np.log(delta / _ORDERS) / (_ORDERS - 1)",
            "found <= privacy.epsilon(batch / n, sigma, steps, delta)",
        ),
        (
            "ganbook/privacy.py",
            "kernel = tf.matmul(rows, delta, transpose_a=True)",
            "kernel = 2 * tf.matmul(rows, delta, transpose_a=True)",
            "assert_allclose(a, b, atol=1e-6)",
        ),
        (
            "ganbook/privacy.py",
            "factors = norm / tf.maximum(lengths, norm)",
            "factors = norm / tf.minimum(lengths, norm)",
            "np.max(factors) < 1",
        ),
    ],
    "14_recipe": [
        (
            "14_recipe.ipynb",
            "(1 / (count - 1) if corrected else 0)",
            "0.0",
            "missed[1] < 0.1 + wobble",
        ),
        (
            "14_recipe.ipynb",
            "(first + np.arange(len(own))) % num_parts",
            "np.arange(len(own)) // num_parts",
            "(held_out_once == 1).all()",
        ),
    ],
    "23_adversarial_losses_today": [
        (
            "23_adversarial_losses_today.ipynb",
            "- x.shape[1] * np.log(mixture.stds)",
            "- np.log(mixture.stds)",
            "arrow(places), slope(log_ratio, places)",
        ),
        (
            "23_adversarial_losses_today.ipynb",
            "lambda d: d * (1 - d) ** 2",
            "lambda d: d * (1 - d)",
            "assert_allclose(found, predicted",
        ),
        (
            "23_adversarial_losses_today.ipynb",
            "kernel(places, grid) * mixture.density(grid)",
            "kernel(places, grid)",
            "(denoised[0] - denoised[1]) / noise**2, arrow(places)",
        ),
        (
            "23_adversarial_losses_today.ipynb",
            "softmax(logs, axis=1) @ y",
            "softmax(2 * logs, axis=1) @ y",
            "np.abs(difference - arrow(places))",
        ),
        (
            "23_adversarial_losses_today.ipynb",
            "p * arrow(places) + (p - q)",
            "p * arrow(places) - (p - q)",
            "np.abs(slopes - expected)",
        ),
        (
            "23_adversarial_losses_today.ipynb",
            "motion = -m, 1 / b - b",
            "motion = -m, b - 1 / b",
            "-rate, rtol=1e-8",
        ),
        (
            "23_adversarial_losses_today.ipynb",
            '("both halves", -x + (x - m) / b**2)',
            '("both halves", -x + (x - m) / b)',
            'agrees.all() == (name == "both halves")',
        ),
        (
            "23_adversarial_losses_today.ipynb",
            "random.choice(members, mine.sum())",
            "random.choice(drawn[1], mine.sum())",
            "abs(difference.mean()) < 5",
        ),
        (
            "23_adversarial_losses_today.ipynb",
            "outputs + tf.stop_gradient(quantised - outputs)",
            "2 * outputs + tf.stop_gradient(quantised - 2 * outputs)",
            "tape.gradient(total, outputs), 2 * quantised",
        ),
        (
            "23_adversarial_losses_today.ipynb",
            'kernel_initializer="zeros"',
            'kernel_initializer="he_normal"',
            "np.array_equal(deep(images), images)",
        ),
    ],
}


def named_faults(stem, slow=True):
    """Returns the faults of a lab by name, without those for the long run if it is not `slow`."""
    broken = {f"broken-{i}": Fault(*fault) for i, fault in enumerate(BROKEN.get(stem, ()))}
    found = {f"wrong-{name}": fault for name, fault in WRONG_LOSSES.get(stem, {}).items()}
    if stem in UNTRAINED:
        found["untrained"] = UNTRAINED[stem]
    if not slow:
        broken = dict(list(broken.items())[:1])
    return found | broken


def first_user(cells, name):
    """Returns the index of the first cell whose code mentions a name, by `parameters` aside."""
    for index, cell in enumerate(cells):
        if not {"parameters", "injected-parameters"} & set(cell.metadata.get("tags", [])):
            nodes = ast.walk(ast.parse(cell.source))
            if any(isinstance(node, ast.Name) and node.id == name for node in nodes):
                return index
    raise ValueError(f"no cell mentions {name}")


def plan_of_fault(name, first, before="", cells=(), package=None, seen=""):
    """Returns a fault as `lab_faults` wants it."""
    values = name, first, before, dict(cells), package, seen
    return dict(zip(("name", "first", "before", "cells", "package", "seen"), values, strict=True))


def prepared(name, fault, cells, lab, folder):
    """Returns a fault as `lab_faults` wants it; a broken ganlib is written into `folder`."""
    plan = functools.partial(plan_of_fault, name, seen=fault.seen)
    if fault.place == "":
        return plan(first_user(cells, "num_steps"), before=fault.wrong)
    if fault.place == lab.name:
        [first] = [i for i, cell in enumerate(cells) if fault.right in cell.source]
        source = cells[first].source.replace(fault.right, fault.wrong)
        return plan(first, cells={first: source})
    for package in ("ganlib", "ganbook"):
        shutil.copytree(ROOT / package, folder / name / package)
    module = folder / name / fault.place
    text = module.read_text(encoding="utf-8")
    if fault.right is None:
        text += fault.wrong
    else:
        assert text.count(fault.right) == 1, f"{fault.place}: {text.count(fault.right)} × {fault}"
        text = text.replace(fault.right, fault.wrong)
    module.write_text(text, encoding="utf-8")
    return plan(0, package=str(folder / name))


def run_with_faults(target, faults, folder):
    """Runs a notebook by nbval, and its faulty forms after that in the same kernel.

    Returns the finished process, and what is wrong with each faulty form that was reached.
    """
    notebook = notebooks.read(target)
    results = lab_lints.parameters(notebook).get("output_dir")
    plan = {
        "cells": [cell.source for cell in notebook.cells if cell.cell_type == "code"],
        "folder": results and str(target.parent / results),
        "faults": faults,
    }
    path = folder / "plan.json"
    path.write_text(json.dumps(plan), encoding="utf-8")
    notebook.cells.insert(0, new_code_cell(f'__import__("lab_faults").begin({str(path)!r})'))
    for fault in faults:
        notebook.cells.append(new_code_cell(f'__import__("lab_faults").check({fault["name"]!r})'))
    notebooks.write(notebook, target)
    result = run_nbval(target)
    return result, {path.stem: path.read_text("utf-8") for path in folder.glob("*.txt")}


STUB = [
    "import pathlib\nimport numpy as np\nimport ganlib\nrng, kept = np.random.default_rng(0), []",
    "class Counter:\n    __module__, count = 'ganlib.any', 0\ncounters = (Counter(),)",
    "folder = pathlib.Path(output_dir)\nfolder.mkdir(parents=True, exist_ok=True)",
    "value, limit = rng.integers(100), 84\nkept.append(value)\ncounters[0].count += 1",
    "def over():\n    return value > limit",
    "assert over(), 'the value is small'\nassert len(kept) == counters[0].count == 1\nlimit = 99",
    "assert list(folder.iterdir()) == []\n(folder / 'file').touch()\nfolder = None",
    "assert not hasattr(ganlib, 'other')\nassert 'late' not in globals()\nlate = True",
]


def test_faulty_forms_start_from_where_the_lab_was_and_end_at_their_assertion(workshop, tmp_path):
    """The first integer of NumPy's generator of seed 0 is 85."""
    path = lab(workshop, append(*map(code, STUB)))
    sources = [cell.source for cell in notebooks.read(path).cells if cell.cell_type == "code"]
    first = sources.index(STUB[0])
    (tmp_path / "other" / "ganlib").mkdir(parents=True)
    (tmp_path / "other" / "ganlib" / "__init__.py").write_text("other = 1", encoding="utf-8")
    small = {first + 3: "value, limit = 20, 84"}
    faults = [
        plan_of_fault("nothing", first + 3),
        plan_of_fault("seen", first + 3, cells=small, seen="assert over()"),
        plan_of_fault("before", first + 4, before="value = 3", seen="over(), 'the value"),
        plan_of_fault("other", 0, package=str(tmp_path / "other"), seen="not hasattr(ganlib"),
        plan_of_fault("unseen", first + 3, seen="assert over()"),
        plan_of_fault("elsewhere", first + 3, cells=small, seen="len(kept)"),
        plan_of_fault("crash", first + 5, cells={first + 6: "1 / 0"}, seen="assert over()"),
        plan_of_fault("again", 0),
    ]
    result, verdicts = run_with_faults(path, faults, tmp_path)
    assert result.returncode == 0, failure(result)
    good = ("nothing", "seen", "before", "other", "again")
    assert {name: verdicts.pop(name) for name in good} == dict.fromkeys(good, "")
    assert verdicts.pop("unseen") == "no assertion failed; expected: assert over()"
    assert "but this did: assert over(), 'the value is small'" in verdicts.pop("elsewhere")
    assert "ZeroDivisionError" in verdicts.pop("crash")
    assert verdicts == {}


@pytest.fixture(scope="session")
def run_of_lab(tmp_path_factory, pytestconfig):
    """A function that runs a lab small and its faulty forms after that, once, in one kernel."""

    @functools.cache
    def run(stem):
        slow = pytestconfig.getoption("--slow")
        if "PYTEST_XDIST_WORKER" in os.environ:  # all workers share the folder above theirs
            begun = tmp_path_factory.getbasetemp().parent / f"{stem}.begun"
            assert not begun.exists(), f"two processes run {stem}; its tests must go to one"
            begun.touch()
        [target] = notebooks.smoke(stem)
        cells = [cell for cell in notebooks.read(target).cells if cell.cell_type == "code"]
        folder = tmp_path_factory.mktemp(stem)
        faults = [
            prepared(name, fault, cells, notebooks.lab_path(stem), folder)
            for name, fault in named_faults(stem, slow).items()
        ]
        if slow:  # the machinery itself makes no assertion fail
            first = min((f["first"] for f in faults if f["first"]), default=0)
            faults.append(plan_of_fault("nothing", first))
        return run_with_faults(target, faults, folder)

    return run


def published_seconds(path):
    """Returns how long a lab's published run took; unknown is long."""
    return notebooks.read(path).metadata["ganlib"].get("seconds") or FOR_EVER


def each_lab(paths):
    """Gives a test the stem of each lab, long ones first; one process takes all tests of a lab."""
    paths = sorted(paths, key=published_seconds, reverse=True)
    marks = {path.stem: pytest.mark.xdist_group(path.stem) for path in paths}
    values = [pytest.param(stem, marks=mark) for stem, mark in marks.items()]
    return pytest.mark.parametrize("stem", values)


@pytest.mark.late(1)
@each_lab(LABS)
def test_lab_runs_small_and_reproduces_its_published_outputs(stem, run_of_lab):
    result, _ = run_of_lab(stem)
    assert result.returncode == 0, failure(result)


@pytest.mark.late(1)
@each_lab(TRAINING_LABS)
def test_untrained_network_fails_the_small_run(stem, run_of_lab):
    assert stem in UNTRAINED, f"say in UNTRAINED which assertion of {stem} must fail"
    assert run_of_lab(stem)[1].get("untrained", "the lab did not get there") == ""


def faults_of(prefix, slow_from):
    """Gives a test the stem and the name of each fault; those from a number on are slow."""
    values = []
    for path in LABS:
        names = [name for name in named_faults(path.stem) if name.startswith(prefix)]
        for number, name in enumerate(names):
            marks = [pytest.mark.xdist_group(path.stem)]
            marks += [pytest.mark.slow] if number >= slow_from else []
            values.append(pytest.param(path.stem, name, marks=marks, id=f"{path.stem}-{name}"))
    return pytest.mark.parametrize(("stem", "name"), values)


@pytest.mark.late(1)
@faults_of("wrong-", slow_from=99)
def test_wrong_loss_fails_the_small_run(stem, name, run_of_lab):
    assert run_of_lab(stem)[1].get(name, "the lab did not get there") == ""


@pytest.mark.late(1)
@faults_of("broken-", slow_from=1)
def test_broken_theory_fails_the_small_run(stem, name, run_of_lab):
    """One fault of each lab in every run, the others in the long one."""
    assert run_of_lab(stem)[1].get(name, "the lab did not get there") == ""


@pytest.mark.slow
@pytest.mark.late(1)
@each_lab(LABS)
def test_lab_without_a_fault_passes_where_its_faulty_forms_ran(stem, run_of_lab):
    assert run_of_lab(stem)[1].get("nothing", "the lab did not get there") == ""
