"""Colab: its versions, the copy that its setup cell installs, and the buttons that lead there.

`make colab` runs the labs on Colab's versions; here is what can be tested without them.
"""

import html
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tools import colab, lab_lints, notebooks

ROOT = Path(__file__).resolve().parents[1]
URL = "https://github.com/new-owner/new.name"


def pins(path):
    """Returns the pinned versions of a requirements file, name to version."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def git(folder, *words):
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


# --- versions ------------------------------------------------------------------------------------


def test_oldest_supported_tensorflow_and_keras_are_those_of_colab():
    assert pins(ROOT / "constraints-oldest.txt").items() <= pins(colab.VERSIONS).items()


def test_versions_of_colab_are_in_the_ranges_that_ganlib_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["tensorflow"]]
    there = pins(colab.VERSIONS)
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(there[requirement.name]), requirement


def test_changes_name_what_is_new_gone_or_of_another_version():
    before = {"numpy": "2.1.3", "keras": "3.13.2", "tqdm": "4.67"}
    after = {"numpy": "2.2.0", "keras": "3.13.2", "ganlib": "0.1.0"}
    assert colab.changes(before, after) == [
        "ganlib: absent -> 0.1.0",
        "numpy: 2.1.3 -> 2.2.0",
        "tqdm: 4.67 -> absent",
    ]


def test_environment_is_kept_until_a_version_changes(monkeypatch, tmp_path):
    commands = []
    versions = tmp_path / "colab.txt"
    versions.write_text("numpy==2.1.3\n", encoding="utf-8")
    monkeypatch.setattr(colab, "VERSIONS", versions)
    monkeypatch.setattr(colab, "ENVIRONMENT", tmp_path / "environment")
    monkeypatch.setattr(colab, "MADE_FROM", tmp_path / "environment" / ".made-from")

    def call(*command):
        (tmp_path / "environment").mkdir(exist_ok=True)
        commands.append(command)

    monkeypatch.setattr(colab, "call", call)
    colab.make_environment("python")
    colab.make_environment("python")
    assert len(commands) == 2  # venv and pip, once
    versions.write_text("numpy==2.1.4\n", encoding="utf-8")
    colab.make_environment("python")
    assert len(commands) == 4


# --- the setup cell ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "printed", "complaint"),
    [
        ({"numpy": "2.1.3", "ganlib": "1"}, [], None),
        ({"numpy": "2.1.3"}, [], "changed: nothing"),
        ({"numpy": "2.4.0", "ganlib": "1"}, [], "changed: .*numpy: 2.1.3 -> 2.4.0"),
        ({"numpy": "2.1.3", "ganlib": "1"}, ["You must restart"], "printed something"),
    ],
)
def test_setup_cell_may_install_ganlib_and_nothing_else(
    monkeypatch, tmp_path, after, printed, complaint
):
    states = iter([{"numpy": "2.1.3"}, after])
    monkeypatch.setattr(colab, "MADE_FROM", tmp_path / ".made-from")
    (tmp_path / ".made-from").touch()
    monkeypatch.setattr(colab, "versions", lambda: next(states))
    monkeypatch.setattr(colab, "call", lambda *command: "")
    monkeypatch.setattr(colab, "draw", lambda path: None)
    monkeypatch.setattr(
        colab, "run", lambda notebook, path: notebook.cells[1].update(outputs=printed)
    )
    if complaint is None:
        colab.install("the setup cell")
    else:
        with pytest.raises(notebooks.LabError, match=complaint):
            colab.install("the setup cell")
    # an environment that was changed is made anew by the next run
    assert (tmp_path / ".made-from").exists() == ("changed" not in str(complaint))


def test_copy_has_what_is_new_and_not_what_is_ignored_or_deleted(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "ganlib").mkdir(parents=True)
    for name in ("ganlib/old.py", "gone.py", ".gitignore"):
        (source / name).write_text("*.keras\n", encoding="utf-8")
    git(source, "init", "-q")
    git(source, "add", "-A")
    (source / "gone.py").unlink()
    for name in ("ganlib/new file.py", "ganlib/big.keras"):
        (source / name).write_text("1\n", encoding="utf-8")
    for _ in range(2):  # a second copy replaces the first
        colab.copy_tree(source, target)
    command = ["git", "ls-tree", "-r", "--name-only", "HEAD"]
    committed = subprocess.run(command, cwd=target, capture_output=True, text=True, check=True)
    names = ".gitignore", "ganlib/new file.py", "ganlib/old.py"
    assert committed.stdout.splitlines() == list(names)


def test_address_of_the_setup_cell_leads_git_to_the_copy(monkeypatch, tmp_path):
    # `git ls-remote` finds the copy's commit where the network would be asked
    monkeypatch.setattr(colab, "FOLDER", tmp_path)
    monkeypatch.setenv("JUPYTER_PATH", "")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.py").touch()
    git(tmp_path / "source", "init", "-q")
    colab.copy_tree(tmp_path / "source", tmp_path / "checkout")
    colab.write_kernel(URL, tmp_path / "checkout")
    kernel = yaml.safe_load((tmp_path / "jupyter/kernels/colab/kernel.json").read_text("utf-8"))
    command = ["git", "ls-remote", URL, "HEAD"]
    found = subprocess.run(command, env=kernel["env"], capture_output=True, text=True, check=True)
    command = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(
        command, cwd=tmp_path / "checkout", capture_output=True, text=True, check=True
    )
    assert found.stdout.split()[0] == commit.stdout.strip()


# --- buttons -------------------------------------------------------------------------------------


def test_buttons_show_only_where_the_address_is_real():
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    shown = {**settings["html"], **settings["launch_buttons"]}
    wanted = notebooks.buttons(lab_lints.repository_url(ROOT / "_config.yml"))
    assert {name: shown[name] for name in wanted} == wanted


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The pages of a copy of the book whose repository has an address, name to text."""
    copy = tmp_path_factory.mktemp("published") / "book"
    derived = ".git", "_build", "build", ".venv*", "__pycache__", ".*_cache"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*derived))
    for path in (copy / "notebooks").glob("*.ipynb"):  # the buttons need no more than a title,
        lab = notebooks.read(path)  # and chapters show functions of their labs
        functions = [cell for cell in lab_lints.code_cells(lab) if "def " in cell.source]
        for cell in functions:
            cell.outputs = []
        lab.cells = [lab.cells[0], *functions]
        notebooks.write(lab, path)
    (copy / "book" / "api.md").write_text("# ganlib\n", encoding="utf-8")
    for words in (
        [sys.executable, "tools/notebooks.py", "repository", URL],
        [Path(sys.executable).with_name("jupyter-book"), "build", ".", "-q"],
    ):
        env = notebooks.kernel_environment() | {"PYTHONPATH": str(copy)}
        result = subprocess.run(
            words, cwd=copy, env=env, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    folder = copy / "_build" / "html"
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*.html")
        if "_static" not in path.relative_to(folder).parts
    }


def links(text, start):
    """Returns the addresses in a page that start as given."""
    found = map(html.unescape, re.findall(r'href="([^"]+)"', text))
    return {link for link in found if link.startswith(start)}


@pytest.mark.late(1)
@pytest.mark.xdist_group("published")  # one process renders that book, once
def test_each_lab_has_a_colab_button_and_no_other_page_has_one(published):
    labs = {f"notebooks/{path.stem}" for path in notebooks.lab_paths()}
    path = URL.removeprefix("https://github.com/")
    expected = {  # as Colab's own "Open in Colab" links are written
        name: {f"https://colab.research.google.com/github/{path}/blob/main/{name}.ipynb"}
        for name in labs
    }
    found = {name: links(text, notebooks.COLAB) for name, text in published.items()}
    assert {name: addresses for name, addresses in found.items() if addresses} == expected


@pytest.mark.late(1)
@pytest.mark.xdist_group("published")  # one process renders that book, once
def test_buttons_of_every_page_lead_to_files_that_exist(published):
    pages = [name for name, text in published.items() if links(text, f"{URL}/edit/")]
    assert "notebooks/07_dcgan" in pages
    assert "book/07_dcgan" in pages
    for name, text in published.items():
        for link in links(text, URL):
            kind, _, rest = link.removeprefix(URL).removeprefix("/").partition("/")
            assert kind in ("", "edit", "issues", "releases"), link
            if kind == "edit":
                assert rest.startswith("main/"), link
                assert (ROOT / rest.removeprefix("main/")).is_file(), f"{name}: {link}"
