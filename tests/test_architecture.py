"""The packages keep their shape: how long things are, what imports what, what is documented."""

import ast
import doctest
import importlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools import lab_lints, notebooks
from tools.code_lines import code_lines

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ganlib", "ganbook")
FILES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
NAMES = [
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for path in FILES
]
SOURCES = {name: path.read_text(encoding="utf-8") for name, path in zip(NAMES, FILES, strict=True)}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

MAX_MODULE_LINES = 350  # of code: no blanks, comments, docstrings
MAX_FUNCTION_LINES = 40  # of code in the body
MAX_MODULES_AT_THE_TOP = 20
MAX_LAYERS = 4


def complaints_of(package, check):
    """Returns what a check of a module's source says about all modules of a package."""
    found = [check(SOURCES[name], name) for name in NAMES if name.split(".")[0] == package]
    assert found  # modules
    return [complaint for complaints in found for complaint in complaints]


# --- size ----------------------------------------------------------------------------------------


def size_complaints(source, name):
    """Returns whether a module is too long, and which of its functions are."""
    lines = code_lines(source)
    complaints = []
    if len(lines) > MAX_MODULE_LINES:
        complaints.append(
            f"{name} has {len(lines)} lines of code, at most {MAX_MODULE_LINES}: make it a package "
            "with underscored parts, or move what is another concept"
        )
    stack = [(name, ast.parse(source))]
    while stack:
        prefix, parent = stack.pop()
        for node in ast.iter_child_nodes(parent):
            qualified = f"{prefix}.{node.name}" if hasattr(node, "name") else prefix
            stack.append((qualified, node))
            if isinstance(node, ast.FunctionDef):
                length = len(lines & set(range(node.body[0].lineno, node.end_lineno + 1)))
                if length > MAX_FUNCTION_LINES:
                    complaints.append(
                        f"{qualified} has {length} lines of code, at most {MAX_FUNCTION_LINES}: "
                        "move a part that has a name of its own into a function"
                    )
    return complaints


def test_length_counts_code_and_nothing_else():
    source = (
        '"""M."""\n\n# a\ndef f():\n    """F.\n\n    G.\n    """\n\n    x = [\n        1,\n    ]\n'
    )
    assert code_lines(source) == {4, 10, 11, 12}


@pytest.mark.parametrize(("length", "found"), [(40, 0), (41, 1)])
def test_long_function_is_found(length, found):
    body = "".join(f"    x{k} = {k}\n" for k in range(length))
    assert len(size_complaints(f"class C:\n  def f():\n{body}", "m")) == found


@pytest.mark.parametrize(("length", "found"), [(350, 0), (351, 1)])
def test_long_module_is_found(length, found):
    assert len(size_complaints('"""M."""\n\n# a\n' + "x = 1\n" * length, "m")) == found


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_and_functions_are_short(package):
    assert complaints_of(package, size_complaints) == []


def test_ganlib_is_seen_at_a_glance():
    paths = (ROOT / "ganlib").iterdir()
    rooms = [path.stem for path in paths if path.suffix == ".py" or (path / "__init__.py").exists()]
    rooms = sorted(set(rooms) - {"__init__", "__main__"})
    assert len(rooms) <= MAX_MODULES_AT_THE_TOP, f"put one into a package: {', '.join(rooms)}"


def test_no_module_is_a_drawer_for_the_rest():
    assert not {path.stem for path in FILES} & {"utils", "util", "helpers", "common", "misc"}


# What ruff holds, by pyproject.toml: a rule that somebody switches off is missed here.
@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("E501", f"x = {'1' * 97}\n"),
        ("E702", "x = 1; y = 2\n"),
        ("PLR0913", "def f(a, b, c, d, e, f, g, h):\n    pass\n"),
        ("PLR0915", "def f():\n" + "    print()\n" * 41),
        ("C901", "def f(a):\n" + "    if a:\n        print()\n" * 10),
        ("D417", 'def f(a, b):\n    """F.\n\n    Args:\n        a: one.\n    """\n'),
        ("RUF100", "x = 1  # noqa: PLR0913, no longer needed\n"),
    ],
)
@pytest.mark.parametrize("package", PACKAGES)
def test_ruff_holds_the_rules_of_style(package, rule, source):
    command = [sys.executable, "-m", "ruff", "check", "--output-format", "concise"]
    command += ["--stdin-filename", f"{package}/newcomer.py", "-"]
    result = subprocess.run(
        command,
        cwd=ROOT,
        input=f'"""M."""\n\n{source}',
        capture_output=True,
        text=True,
        check=False,
    )
    assert f": {rule} " in result.stdout


# --- imports: pyproject.toml states the contracts ------------------------------------------------


def lint_imports(root):
    """Runs import-linter on a tree; returns the exit status and, by contract, what it says."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    parts = re.split(r"^(.+)\n-+\n", result.stdout, flags=re.MULTILINE)
    return result.returncode, dict(zip(parts[1::2], parts[2::2], strict=True)), result.stdout


def test_imports_keep_the_contracts():
    status, _, output = lint_imports(ROOT)
    assert status == 0, output


def test_ganlib_has_four_layers_above_what_all_may_use():
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (layers,) = (c["layers"] for c in contracts if c.get("containers") == ["ganlib"])
    assert len([layer for layer in layers if not layer.startswith("_")]) <= MAX_LAYERS


# importer, statement, what it imports, a word of the contract that forbids it
FORBIDDEN = [
    ("ganlib.losses", "from ganlib import data", "ganlib.data", "four layers"),
    ("ganlib.penalties", "from ganlib.losses import hinge", "ganlib.losses", "four layers"),
    ("ganlib.toy", "def f():\n    from ganlib import viz", "ganlib.viz", "four layers"),
    (
        "ganlib.metrics._rows",
        "from . import _rows\nfrom .. import toy",
        "ganlib.toy",
        "four layers",
    ),
    ("ganlib.features", "from ganlib import training", "ganlib.training", "four layers"),
    ("ganlib.pretrained", "from ganlib.training import GAN", "ganlib.training", "four layers"),
    ("ganlib.models.mlp", "from ..data import Images", "ganlib.data", "four layers"),
    ("ganlib.models.dcgan", "from ganlib.models import mlp", "ganlib.models.mlp", "architecture"),
    ("ganlib.models.heads", "from ganlib.models import resnet", "ganlib.models.resnet", "archit"),
    ("ganlib.viz._grids", "from ganlib import toy", "ganlib.toy", "pixel range"),
    ("ganlib.metrics", "import tensorflow as tf", "tensorflow", "Metrics and figures"),
    ("ganlib.viz", "def f():\n    import keras.ops", "keras", "Metrics and figures"),
    ("ganlib.viz._curves", "from ganlib._tensorflow import tf", "ganlib._tensorflow", "Metrics"),
    ("ganlib.augment", "import tensorflow as tf", "tensorflow", "silence"),
    ("ganbook.vae", "from keras import layers", "keras", "silence"),
    ("ganlib.callbacks", "from ganlib.viz import _style", "ganlib.viz._style", "underscored"),
    ("ganbook.film", "from ganlib.viz._style import DPI", "ganlib.viz._style", "underscored"),
    ("tools.bench", "import ganlib.data._folders", "ganlib.data._folders", "underscored"),
    ("ganlib.comparison", "from ganbook import vae", "ganbook.vae", "one way"),
    ("ganbook.keys", "from benchmarks import tables", "benchmarks.tables", "one way"),
    ("benchmarks.tables", "from tools import sweep", "tools.sweep", "one way"),
    ("course.report", "from tools import sweep", "tools.sweep", "one way"),
    ("ganbook.kept", "from course import cells", "course.cells", "one way"),
    ("benchmarks.tables", "from course import cells", "course.cells", "one way"),
    ("course.grader.judge", "import nbformat", "nbformat", "no more than NumPy"),
    ("course.grader.checks", "from ganlib import toy", "ganlib.toy", "no more than NumPy"),
]


CIRCLE = [
    ("ganlib.data._images", "from ganlib.data import _folders"),
    ("ganlib.data._folders", "from ganlib.data import _images"),
]


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """What import-linter says of a copy of the tree that breaks every contract."""
    root = tmp_path_factory.mktemp("broken")
    for name in PYPROJECT["tool"]["importlinter"]["root_packages"]:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("[!_]*.[!p]*"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for importer, statement, *_ in [*FORBIDDEN, *CIRCLE]:
        path = root / importer.replace(".", "/")
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        path.write_text(f"{path.read_text(encoding='utf-8')}\n{statement}\n", encoding="utf-8")
    (root / "ganlib" / "newcomer.py").touch()
    status, sections, output = lint_imports(root)
    assert status == 1, output
    return sections


@pytest.mark.parametrize(("importer", "statement", "imported", "contract"), FORBIDDEN)
def test_forbidden_import_is_found(importer, statement, imported, contract, broken):
    (section,) = (text for name, text in broken.items() if contract in name)
    assert re.search(rf"{re.escape(importer)} -> {re.escape(imported)}\b", section), section


def test_circle_is_found(broken):
    (section,) = (text for name, text in broken.items() if "circle" in name)
    assert "No cycles are allowed in ganlib.data." in section


def test_every_contract_is_seen_to_break(broken):
    names = {contract["name"] for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
    assert names <= broken.keys()


def test_new_module_of_ganlib_is_given_a_layer(broken):
    (section,) = (text for name, text in broken.items() if "four layers" in name)
    assert "newcomer" in section


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import ganlib", ("tensorflow", "keras", "matplotlib", "ipywidgets")),
        ("import ganlib.data", ("tensorflow", "keras", "matplotlib")),
        ("import ganlib.metrics, ganlib.toy", ("tensorflow", "keras", "matplotlib")),
        ("import ganlib.viz", ("tensorflow", "keras")),
    ],
)
def test_import_loads_no_more_than_it_needs(statement, forbidden):
    program = f"{statement}\nimport sys\nprint(*set(sys.modules) & set({forbidden!r}))"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


# --- one address for each name -------------------------------------------------------------------


def is_private(name):
    """Whether a part of a dotted name begins with an underscore, __main__ included."""
    return any(part.startswith("_") for part in name.split("."))


def exported(source):
    """Returns ``__all__``, or None where there is none."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return None


def bindings(source, name, is_package):
    """Yields (name, home) for what a module defines (home: itself) and what it imports by name."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield from ((n.id, name) for n in ast.walk(target) if isinstance(n, ast.Name))
        elif isinstance(node, ast.ImportFrom):
            parents = name.split(".")[: len(name.split(".")) - node.level + is_package]
            base = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
            yield from ((alias.asname or alias.name, base) for alias in node.names)


def address_complaints(sources, packages):
    """Returns which names have more than one public address, or a wrong one.

    Args:
        sources: module -> source.
        packages: those of the modules that are packages.
    """
    complaints, homes = [], {}
    for module, source in sources.items():
        names = exported(source)
        if is_private(module):
            continue
        for name, home in bindings(source, module, module in packages):
            foreign = home != module
            taken = foreign and home.startswith(f"{module}._") and not name.startswith("_")
            if taken and names is None:
                complaints.append(f"{module} takes {name} from {home} and has no __all__")
            if name in (names or ()):
                homes.setdefault((home, name), []).append(module)
                if foreign and not home.startswith(f"{module}._"):
                    complaints.append(f"{module} exports {home}.{name}, which has an address")
    many = {home: modules for home, modules in homes.items() if len(modules) > 1}
    complaints += [f"{'.'.join(home)} is exported by {' and '.join(m)}" for home, m in many.items()]
    return complaints


@pytest.mark.parametrize(
    ("outer", "complaint"),
    [
        ("from p._x import f\n__all__ = ['f']", None),
        ("from p import _x\nfrom p._x import f as _f", None),
        ("from ._x import f\n__all__ = ['f']", None),
        ("from p._x import f", "has no __all__"),
        ("from q import g\n__all__ = ['g']", "p exports q.g"),
    ],
)
def test_second_address_is_found(outer, complaint):
    sources = {"p": outer, "p._x": "def f(): pass", "q": "def g(): pass"}
    found = " | ".join(address_complaints(sources, {"p"}))
    assert complaint in found if complaint else not found


def test_each_public_name_has_one_address():
    packages = {n for n, path in zip(NAMES, FILES, strict=True) if path.name == "__init__.py"}
    assert address_complaints(SOURCES, packages) == []


@pytest.mark.parametrize("path", notebooks.lab_paths(), ids=lambda path: path.stem)
def test_labs_keep_to_public_names(path):
    code = "\n".join(lab_lints.code_of(notebooks.read(path)))
    names = [f"{node.module}.{alias.name}" for node in ast.walk(ast.parse(code))
             if isinstance(node, ast.ImportFrom) for alias in node.names]  # fmt: skip
    assert [name for name in names if name.startswith(PACKAGES) and is_private(name)] == []


# --- documentation -------------------------------------------------------------------------------


def public_functions(tree):
    """Yields (qualified name, node) of public functions and methods, and of calls of objects."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in node.body:
                is_function = isinstance(method, ast.FunctionDef)
                called = ("__init__", "__call__")
                if is_function and (method.name in called or method.name[0] != "_"):
                    yield f"{node.name}.{method.name}", method


def argument_names(node):
    """Returns the names of a function's arguments, without self."""
    arguments = node.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def is_offered(module, function):
    """Whether a function can be reached by public names: if it is in a part, by its package's."""
    if not is_private(module):
        return True
    package = module[: module.index("._")]
    return function.split(".")[0] in (exported(SOURCES.get(package, "")) or ())


def docstring_complaints(source, name):
    """Returns which public functions do not say what they take and give."""
    complaints = []
    tree = ast.parse(source)
    if not ast.get_docstring(tree):
        complaints.append(f"{name} has no docstring")
    for function, node in public_functions(tree):
        text = ast.get_docstring(node) or ""
        is_init = function.endswith("__init__")
        if is_init:  # the class docstring documents its arguments
            owner = next(n for n in tree.body if getattr(n, "name", "") == function.split(".")[0])
            text = ast.get_docstring(owner) or ""
        if not text:
            complaints.append(f"{name}.{function} has no docstring")
        elif is_offered(name, function):
            is_property = any(getattr(d, "id", "") == "property" for d in node.decorator_list)
            returns = any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(node))
            wanted = {
                "Args": bool(argument_names(node)),
                "Returns": returns and not is_property and not is_init,
            }
            missing = [s for s in wanted if wanted[s] and f"{s}:" not in text]
            if missing:
                complaints.append(f"{name}.{function} lacks {' and '.join(missing)}")
            # ruff's D417 looks at functions, and not at what a class says of its __init__
            elif is_init and (left := [a for a in argument_names(node) if f"{a}:" not in text]):
                complaints.append(f"{name}.{function} does not document {', '.join(left)}")
    return complaints


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x = 1", "m has no docstring"),
        ('"""M."""\ndef f(): pass', "m.f has no docstring"),
        ('"""M."""\ndef f(a):\n    """F."""', "m.f lacks Args"),
        ('"""M."""\ndef f():\n    """F."""\n    return 1', "m.f lacks Returns"),
        (
            '"""M."""\nclass C:\n    """C."""\n    def __init__(self, a): pass',
            "__init__ lacks Args",
        ),
        (
            '"""M."""\nclass C:\n    """C.\n\n    Args:\n        a: A.\n    """\n'
            "    def __init__(self, a, b): pass",
            "does not document b",
        ),
    ],
)
def test_missing_documentation_is_found(source, complaint):
    assert complaint in " | ".join(docstring_complaints(source, "m"))


@pytest.mark.parametrize("package", PACKAGES)
def test_public_functions_say_what_they_take_and_give(package):
    assert complaints_of(package, docstring_complaints) == []


def annotation_complaints(source, name):
    """Returns which public functions leave an argument or the result without its type."""
    complaints = []
    for function, node in public_functions(ast.parse(source)):
        if is_offered(name, function):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            arguments += filter(None, [node.args.vararg, node.args.kwarg])
            bare = [
                a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")
            ]
            bare += ["its result"] if node.returns is None else []
            complaints += [f"{name}.{function}: annotate {what}" for what in bare]
    return complaints


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("def f(a, *, b: int) -> int: pass", "m.f: annotate a"),
        ("def f(*a: int, **b) -> int: pass", "m.f: annotate b"),
        ("class C:\n    def __init__(self, a: int): pass", "m.C.__init__: annotate its result"),
        ("class C:\n    def __call__(self, a) -> int: pass", "m.C.__call__: annotate a"),
    ],
)
def test_missing_annotation_is_found(source, complaint):
    assert annotation_complaints(source, "m") == [complaint]
    assert annotation_complaints(source.replace("f(", "_f(").replace("C", "_C"), "m") == []


def test_public_signatures_of_ganlib_are_annotated():
    assert complaints_of("ganlib", annotation_complaints) == []


@pytest.mark.parametrize("name", NAMES)
def test_examples_in_docstrings_are_true(name):
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert results.failed == 0


def test_coverage_and_style_hold_for_both_packages():
    assert set(PYPROJECT["tool"]["coverage"]["run"]["source"]) == set(PACKAGES)
    ignored = PYPROJECT["tool"]["ruff"]["lint"]["per-file-ignores"]
    assert not [pattern for pattern in ignored if pattern.startswith(PACKAGES)]
