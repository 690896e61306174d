"""A release: one version, a wheel with all that it needs, a quick start that may be run again."""

import importlib
import inspect
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import ganlib
from tools import colab, notebooks, wheel

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def git(*words):
    """Returns the lines that git prints; without a repository the test is skipped."""
    result = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.skip("no git repository: the files that are tracked are not known")
    return result.stdout.splitlines()


# --- one version ---------------------------------------------------------------------------------


def test_the_version_stands_in_ganlib_and_the_others_follow():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["project"]["dynamic"] == ["version"]
    assert settings["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "ganlib.__version__"}
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## (\S+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert cited["version"] == newest[1] == ganlib.__version__
    assert f"{cited['date-released']}" == newest[2]


# --- what is promised ----------------------------------------------------------------------------


def promised():
    """Yields (name, arguments) of the functions in the section on what stays."""
    api = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^## What stays\n(.*?)^## ", api, re.DOTALL | re.MULTILINE)
    for name, arguments in re.findall(r"`([\w.]+)\(([^)`]*)\)`", section):
        yield name, arguments.split(", ") if arguments else []


def found(name):
    """Returns what a dotted name within `ganlib` leads to."""
    parts = f"ganlib.{name}".split(".")
    for k in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:k]))
        except ModuleNotFoundError:
            continue
        for part in parts[k:]:
            value = getattr(value, part)
        return value
    raise AssertionError(name)


@pytest.mark.parametrize(("name", "arguments"), list(promised()))
def test_promised_name_is_there_and_takes_what_it_took(name, arguments):
    parameters = list(inspect.signature(found(name)).parameters)
    kept = [parameter for parameter in parameters if parameter != "self"]
    assert [argument for argument in kept if argument in arguments] == arguments


def test_what_is_promised_is_not_little():
    names = {name for name, _ in promised()}
    wanted = "training.GAN", "training.GAN.train", "losses.Loss", "metrics.frechet_distance"
    assert len(names) > 40
    assert names >= set(wanted)


# --- the wheel -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel, built here without the checker, which `make wheel` asks too."""
    folder = tmp_path_factory.mktemp("wheel")
    colab.copy_tree(ROOT, folder / "source")
    words = ("wheel", "--no-deps", "--no-build-isolation", "-q", "-w", folder, folder / "source")
    colab.call(sys.executable, "-m", "pip", *words)
    return next(folder.glob("*.whl"))


def test_wheel_holds_each_file_of_the_packages_and_no_other(built):
    tracked = set(
        git("ls-files", "--cached", "--others", "--exclude-standard", "ganlib", "ganbook")
    )
    with zipfile.ZipFile(built) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == {name for name in tracked if (ROOT / name).exists()}


def test_wheel_says_what_it_is_and_where_it_comes_from(built):
    with zipfile.ZipFile(built) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        lines = archive.read(path).decode().split("\n\n")[0].splitlines()
    assert f"Version: {ganlib.__version__}" in lines
    assert "Classifier: Typing :: Typed" in lines
    assert "ganlib/py.typed" in zipfile.ZipFile(built).namelist()
    url = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]["url"]
    addresses = [line.split(", ")[1] for line in lines if line.startswith("Project-URL: ")]
    assert addresses
    assert all(f"{address}/".startswith(f"{url}/") for address in addresses)
    extras = {line.split(": ")[1] for line in lines if line.startswith("Provides-Extra: ")}
    assert extras >= {"tensorflow"}


# --- the README's quick start --------------------------------------------------------------------


@pytest.mark.parametrize("steps", ["", "num_steps=1, num_steps=2"])
def test_quick_start_that_cannot_be_made_small_is_named(steps):
    with pytest.raises(notebooks.LabError, match=r"for num_steps=.*expected one number"):
        wheel.quick_start(f"```python\nfrom ganlib import data\n{steps}\n```\n", 3)


def test_quick_start_runs_again_and_goes_on_where_it_stopped(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    exec(wheel.PICTURES, {})
    code = wheel.quick_start(README, 3).replace("64", "28")  # of the images: quicker
    seconds = []
    for _ in range(2):
        names = {}
        exec(code, names)
        assert names["gan"].step == 3
        seconds.append(names["gan"].history.seconds[-1])
    assert seconds[0] == seconds[1]  # the second start found the run finished
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"step-000000003.npz"}


# --- checkouts -----------------------------------------------------------------------------------


def test_every_checkout_has_line_feeds():
    wrong = []
    for line in git("ls-files", "--eol"):
        about, _, name = line.partition("\t")
        index, _, attributes = about.split(None, 2)
        if index in ("i/lf", "i/crlf", "i/mixed"):  # a text
            is_copy = "-text" in attributes  # of another project, byte for byte
            wrong += [name] if index != "i/lf" or not (is_copy or "eol=lf" in attributes) else []
    assert wrong == []


def test_every_name_can_be_checked_out_on_windows():
    names = git("ls-files")
    assert [name for name in names if re.search(r'[<>:"|?*\\]|[. ](/|$)', name)] == []
    assert len({name.casefold() for name in names}) == len(names)


# --- commands ------------------------------------------------------------------------------------

CALLERS = [
    ".ci/run",
    ".devcontainer/devcontainer.json",
    ".github/workflows/ci.yml",
    ".github/workflows/release.yml",
    "CHANGELOG.md",
    "book/contributing.md",
]


@pytest.mark.parametrize("name", CALLERS)
def test_commands_that_are_named_exist(name):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`|: |\")make ([a-z-]+)", text, re.MULTILINE))
    assert named
    assert named <= targets
