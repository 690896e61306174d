"""Nothing of the library is forgotten: who adds something is told what else it needs, and where."""

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import ganbook
import ganlib
from ganlib import data, losses, metrics, models
from tests.test_losses import EXPECTED
from tests.test_models import CASES
from tools import lab_lints, notebooks, wheel

ROOT = Path(__file__).resolve().parents[1]
API = sorted((ROOT / "book").glob("api*.md"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "book").glob("*.md"))]
MODULES = sorted(
    module.name
    for package in (ganlib, ganbook)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not re.search(r"\._", module.name)
)


def public_names(module):
    """Returns ``__all__``, or else what a module defines without an underscore before it."""
    if hasattr(module, "__all__"):
        return set(module.__all__)
    tree = ast.parse(inspect.getsource(module))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
    return {name for name in names if not name.startswith("_")}


PUBLIC = {name: public_names(importlib.import_module(name)) for name in MODULES}
PUBLIC = {name: names for name, names in PUBLIC.items() if names}  # not the packages of packages


# --- where a name is used ------------------------------------------------------------------------


def code_in(text):
    """Returns what a page shows as code, in its lines or between them; autodoc's lists are none."""
    text = re.sub(r"```\{eval-rst\}.*?```", "", text, flags=re.DOTALL)
    fence = re.compile(r"^(`{3,})(?:\w*|\{code[^\n]*)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
    blocks = [body for _, body in fence.findall(text)]
    prose = re.sub(r"^`{3,}.*$", "", fence.sub("", text), flags=re.MULTILINE)  # of directives, too
    return "\n".join([*blocks, *(body for _, body in re.findall(r"(`+)([^`]+)\1", prose))])


def words(text):
    return set(re.findall(r"\w+", text))


def code_of_lab(path):
    notebook = notebooks.read(path)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return "\n".join([*lab_lints.code_of(notebook), code_in(prose)])


@pytest.fixture(scope="module")
def shown():
    """Words in what a reader sees or calls: labs, pages, README, command lines."""
    sources = [code_in(path.read_text(encoding="utf-8")) for path in PAGES]
    sources += map(code_of_lab, notebooks.lab_paths())
    mains = (ROOT / "ganlib").rglob("__main__.py")
    return words("\n".join([*sources, *(path.read_text(encoding="utf-8") for path in mains)]))


@pytest.fixture(scope="module")
def commands():
    """Words in the scripts behind `make`, for which there is `ganbook`, too."""
    paths = [path for name in ("tools", "benchmarks") for path in (ROOT / name).glob("*.py")]
    return words("\n".join(path.read_text(encoding="utf-8") for path in paths))


def test_names_in_prose_and_lists_of_autodoc_are_no_uses():
    page = """A `metrics.one` is two.
```python
three()
```
````{solution} of
Here `four` is.
```{code-block} python
five()
```
````
```{eval-rst}
.. autofunction:: six
```
{py:func}`~m.seven`
"""
    found = words(code_in(page))
    assert found == {"metrics", "one", "three", "four", "five", "m", "seven"}


@pytest.mark.parametrize("module", PUBLIC)
def test_each_public_name_is_used(module, shown, commands):
    used = shown | (commands if module.startswith("ganbook") else set())
    unused = sorted(PUBLIC[module] - used)
    assert not unused, (
        f"no lab, page or command shows {', '.join(unused)} of {module}: show it where a reader "
        f"needs it, at least on the page of {module}, book/api_….md, or put an underscore before"
    )


# --- the pages of the API -------------------------------------------------------------------------


def sections(text):
    """Returns heading -> what stands below it, down to the next heading of its level or above."""
    parts = re.split(r"^(#+) (.+)\n", text, flags=re.MULTILINE)
    found = {}
    for k in range(1, len(parts), 3):
        found[parts[k + 1]] = parts[k + 2]
    return found


@pytest.fixture(scope="module")
def api():
    return "\n".join(path.read_text(encoding="utf-8") for path in API)


def in_section(api, heading):
    """Returns the words that are code in the prose of a section."""
    return words(code_in(sections(api)[heading]))


@pytest.mark.parametrize("module", PUBLIC)
def test_each_module_is_on_a_page_of_the_api(module, api):
    assert re.search(rf"^\.\. automodule:: {re.escape(module)}$", api, flags=re.MULTILINE), (
        f"no book/api_….md has `.. automodule:: {module}`: add it to the page where it belongs"
    )


def test_what_the_pages_of_the_api_name_exists(api):
    short = {module.rsplit(".", 1)[-1]: module for module in PUBLIC}
    named = re.findall(r"`(?:~?(?:ganlib|ganbook)\.(?:\w+\.)*)?(\w+)\.(\w+)`", api)
    found = [(short[module], name) for module, name in named if module in short]
    assert len(found) > 50
    wrong = {f"{module}.{name}" for module, name in found if name not in PUBLIC[module]}
    assert sorted(wrong - set(MODULES)) == []


def test_example_of_the_api_makes_a_generator_and_pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(wheel.PICTURES, {})
    text = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```\{code-block\} python\n(.*?)```", text, re.DOTALL)
    exec(re.sub(r"10_000", "3", code).replace("64", "28"), {})  # steps, and pixels: quicker
    made = {path.name for path in (tmp_path / "run").iterdir()}
    assert made >= {"generator.keras", "samples.png", "losses.png"}


# --- losses, metrics, data sets, architectures ---------------------------------------------------


def called_in_tests(pattern):
    """Returns the names that test files use, imports apart."""
    names = set()
    for path in (ROOT / "tests").glob(pattern):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
    return names


def architectures():
    """Returns the modules of `ganlib.models` that make a pair of networks."""
    found = [
        importlib.import_module(f"ganlib.models.{module.name}")
        for module in pkgutil.iter_modules(models.__path__)
    ]
    return {m.__name__.rsplit(".", 1)[-1] for m in found if hasattr(m, "generator")}


LOSSES = {name for name, value in vars(losses).items() if isinstance(value, losses.Loss)}
METRICS = {name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))}
DATA_SETS = {name for name in data.__all__ if name.startswith("load_")}


def forgotten(what, *wanted):
    """Returns a sentence for each place where something is missing.

    Args:
        what: such as "loss".
        *wanted: pairs of names that are missing, and of what each needs there.
    """
    return [f"{what} {name}: add {place}" for names, place in wanted for name in sorted(names)]


def row(heading):
    return f"a row to a table below the heading {heading} in book/api_….md"


def test_no_loss_is_forgotten(api):
    assert len(LOSSES) >= 6
    assert not forgotten(
        "loss",
        (LOSSES - EXPECTED.keys(), "its formula to EXPECTED in tests/test_losses.py"),
        (LOSSES - in_section(api, "Losses"), row("Losses")),
    )


def test_no_metric_is_forgotten(api):
    assert len(METRICS) >= 9
    assert not forgotten(
        "metric",
        (METRICS - called_in_tests("test_metrics*.py"), "a test to tests/test_metrics.py"),
        (METRICS - in_section(api, "Metrics"), row("Metrics")),
    )


def test_no_data_set_is_forgotten():
    licences = (ROOT / "book" / "data_licences.md").read_text(encoding="utf-8")
    assert len(DATA_SETS) >= 5
    assert not forgotten(
        "data set",
        (DATA_SETS - called_in_tests("test_data*.py"), "a test to tests/test_data.py"),
        (
            DATA_SETS - words(code_in(sections(licences)["The data"])),
            "where it comes from, and its licence, to the table of book/data_licences.md",
        ),
    )


def test_no_architecture_is_forgotten(api):
    pairs = architectures()
    assert len(pairs) >= 3
    tried = {module.__name__.rsplit(".", 1)[-1] for module, *_ in CASES}
    assert not forgotten(
        "architecture",
        (pairs - tried, "its sizes to CASES in tests/test_models.py"),
        (pairs - in_section(api, "Models"), row("Models")),
    )


def test_no_part_of_an_architecture_is_forgotten(api):
    parts = {module.name for module in pkgutil.iter_modules(models.__path__)} - architectures()
    assert len(parts) >= 5
    used = called_in_tests("test_models*.py") | called_in_tests("test_objectives.py")
    assert not forgotten(
        "module of ganlib.models",
        (parts - used, "a test to tests/test_models_layers.py"),
        (parts - in_section(api, "Models"), row("Models")),
    )
