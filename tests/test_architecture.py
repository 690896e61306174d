"""The library keeps its shape: what imports what, how long things are, what is documented."""

import ast
import doctest
import importlib
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path for name in ("ganlib", "ganbook") for path in (ROOT / name).rglob("*.py"))
NAMES = [
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for path in FILES
]
MODULES = dict(zip(NAMES, FILES, strict=True))

MAX_CODE_LINES = 5_000
MAX_FUNCTION_LINES = 39  # of code in the body
MAX_ARGUMENTS = 7

# No siblings: whoever loads TensorFlow, refuses an argument or writes a file goes through these.
LOADER = "ganlib._tensorflow"
HOMES = (LOADER, "ganlib._checks", "ganlib._files")
ALONE = ("_checks", "_files", "losses", "penalties", "report", "toy", "metrics", "viz")
MAY_ALSO_IMPORT = {"viz": "ganlib.data"}  # for the pixel range
NO_TENSORFLOW = ("_checks", "_files", "report", "toy", "metrics", "viz")
SHARED_BY_MODELS = ("layers", "fast", "heads", "spectral")
MAY_IMPORT_TRAINING = ("classify", "training")
TENSORFLOW = ("tensorflow", "keras")

# More than seven arguments: qualified name to the reason.
MANY_ARGUMENTS = {
    "ganlib.training.GAN.__init__": "what Keras's compile takes, for two networks instead of one",
}

# Reached through `ganlib.data` or `ganlib.training` only: a sentence each is enough.
INTERNAL = (
    "ganlib.data._downloads",
    "ganlib.data._emoji",
    "ganlib.data._folders",
    "ganlib.metrics._rows",
    "ganlib.training._loop",
    "ganlib.training._step",
)


def imports(tree, name):
    """Returns the modules that a module imports, anywhere in it, as absolute names."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = name.split(".")[: -node.level] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            # `from ganlib import data` imports a module, `from ganlib.data import Images` a name:
            # both readings are kept, since only the prefix matters below.
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def within(module, package):
    return module == package or module.startswith(f"{package}.")


def import_complaints(source, name):
    """Returns how a module breaks the rules on imports."""
    found = imports(ast.parse(source), name)
    part = name.removeprefix("ganlib.").split(".")[0]
    siblings = {m for m in found if within(m, "ganlib")}
    siblings -= {m for m in siblings if any(within(m, home) for home in HOMES)}
    own = name if part == "models" else f"ganlib.{part}"
    siblings -= {m for m in siblings if within(m, own)}
    complaints = []
    if within(name, "ganlib") and any(within(m, "ganbook") for m in found):
        complaints.append(f"{name} must not import ganbook")
    allowed = MAY_ALSO_IMPORT.get(part)
    strange = {m for m in siblings if not (allowed and within(m, allowed))}
    if part in ALONE and strange:
        complaints.append(f"{name} must import no sibling, imports {sorted(strange)}")
    if part == "models":
        shared = [f"ganlib.models.{file}" for file in SHARED_BY_MODELS]
        others = {m for m in siblings if not any(within(m, file) for file in shared)}
        if others:
            complaints.append(f"{name} may import {shared} only, imports {sorted(others)}")
    if part in NO_TENSORFLOW:
        heavy = {m for m in found if within(m, LOADER) or m.split(".")[0] in TENSORFLOW}
        if heavy:
            complaints.append(f"{name} must import no TensorFlow, imports {sorted(heavy)}")
    elif name != LOADER:
        direct = {m for m in found if m.split(".")[0] in TENSORFLOW}
        if direct:
            complaints.append(f"{name} must take {sorted(direct)} from {LOADER}, which is silent")
    if (
        within(name, "ganlib")
        and part not in MAY_IMPORT_TRAINING
        and any(within(m, "ganlib.training") for m in siblings)
    ):
        complaints.append(f"{name} must not import training")
    return complaints


def public_functions(tree):
    """Yields (qualified name, node) of public functions and methods, `__init__` included."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in node.body:
                is_function = isinstance(method, ast.FunctionDef)
                if is_function and (method.name == "__init__" or method.name[0] != "_"):
                    yield f"{node.name}.{method.name}", method


def argument_names(node):
    """Returns the names of a function's arguments, without self."""
    arguments = node.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def docstring_complaints(source, name):
    """Returns which public functions do not say what they take and give."""
    complaints = []
    tree = ast.parse(source)
    if not ast.get_docstring(tree):
        complaints.append(f"{name} has no docstring")
    for function, node in public_functions(tree):
        text = ast.get_docstring(node) or ""
        if function.endswith("__init__"):  # the class docstring documents its arguments
            owner = next(n for n in tree.body if getattr(n, "name", "") == function.split(".")[0])
            text = ast.get_docstring(owner) or ""
        is_property = any(getattr(d, "id", "") == "property" for d in node.decorator_list)
        returns = any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(node))
        missing = [
            section
            for section, wanted in (
                ("Args", bool(argument_names(node))),
                ("Returns", returns and not is_property and not function.endswith("__init__")),
            )
            if wanted and f"{section}:" not in text
        ]
        if not text:
            complaints.append(f"{name}.{function} has no docstring")
        elif missing and name not in INTERNAL:
            complaints.append(f"{name}.{function} lacks {' and '.join(missing)} in its docstring")
        undocumented = [a for a in argument_names(node) if f"{a}:" not in text]
        undocumented = [a for a in undocumented if f"{a} (" not in text and f"{a}, " not in text]
        if text and not missing and undocumented and name not in INTERNAL:
            complaints.append(f"{name}.{function} does not document {', '.join(undocumented)}")
    return complaints


def code_lines(source):
    """Returns the numbers of the lines that hold code: no blanks, comments, docstrings."""
    skip = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in (*skip, tokenize.ENDMARKER):
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        # A string that stands alone documents something, whatever it follows.
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                lines -= set(range(node.lineno, node.end_lineno + 1))
    return lines


def size_complaints(source, name):
    """Returns which functions are too long or take too much."""
    complaints = []
    lines = code_lines(source)
    stack = [(name, ast.parse(source))]
    while stack:
        prefix, parent = stack.pop()
        for node in ast.iter_child_nodes(parent):
            qualified = f"{prefix}.{node.name}" if hasattr(node, "name") else prefix
            stack.append((qualified, node))
            if not isinstance(node, ast.FunctionDef):
                continue
            length = len(lines & set(range(node.body[0].lineno, node.end_lineno + 1)))
            if length > MAX_FUNCTION_LINES:
                complaints.append(f"{qualified} has {length} lines, at most {MAX_FUNCTION_LINES}")
            count = len(argument_names(node))
            if count > MAX_ARGUMENTS and qualified not in MANY_ARGUMENTS:
                complaints.append(f"{qualified} has {count} arguments, at most {MAX_ARGUMENTS}")
    return complaints


# --- the checkers catch what they should ---------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("ganlib.losses", "from ganlib import data"),
        ("ganlib.losses", "from . import data"),
        ("ganlib.penalties", "from ganlib.losses import hinge"),
        ("ganlib.toy", "def f():\n    from ganlib import viz"),
        ("ganlib.metrics", "import tensorflow as tf"),
        ("ganlib.metrics", "from ganlib._tensorflow import tf"),
        ("ganlib.viz", "def f():\n    import keras.ops"),
        ("ganlib.viz", "from ganlib.features import Classifier"),
        ("ganlib.viz._grids", "from ganlib import toy"),
        ("ganlib.toy", "from ganlib import data"),
        ("ganlib._checks", "from ganlib import data"),
        ("ganlib._files", "from ganlib._tensorflow import tf"),
        ("ganlib.viz._curves", "from ganlib._tensorflow import tf"),
        ("ganlib.metrics._rows", "from ganlib import viz"),
        ("ganlib.training._loop", "from ganbook import vae"),
        ("ganlib.losses", "import tensorflow as tf"),
        ("ganlib.models.dcgan", "from ganlib.models import mlp"),
        ("ganlib.models.dcgan", "from ..data import Images"),
        ("ganlib.features", "from ganlib import training"),
        ("ganlib.pretrained", "from ganlib.training import load_generator"),
    ],
)
def test_forbidden_import_is_found(name, source):
    assert import_complaints(source, name) != []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("ganlib.losses", "import math\nfrom ganlib._tensorflow import keras, tf"),
        ("ganlib.models.dcgan", "from ganlib.models import layers"),
        ("ganlib.models.dcgan", "from ganlib.models.layers import upsample"),
        ("ganlib.training", "from ganlib import data, losses\nfrom ganlib.training import _loop"),
        ("ganlib.pretrained", "from ganlib.models import dcgan, layers"),
        ("ganbook.widgets._trainer", "from ganlib.training import GAN"),
        ("ganlib.viz", "import matplotlib.pyplot as plt\nimport numpy as np"),
        ("ganlib.viz", "from ganlib.viz._grids import tile"),
        ("ganlib.viz._grids", "from ganlib import data"),
        ("ganlib.metrics._rows", "from ganlib import _checks"),
        ("ganlib.report", "from ganlib import _files"),
        ("ganlib.viz._curves", "from ganlib.viz import _style"),
    ],
)
def test_permitted_import_passes(name, source):
    assert import_complaints(source, name) == []


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x = 1", "m has no docstring"),
        ('"""M."""\ndef f(): pass', "m.f has no docstring"),
        ('"""M."""\ndef f(a):\n    """F."""', "m.f lacks Args"),
        ('"""M."""\ndef f():\n    """F."""\n    return 1', "m.f lacks Returns"),
        ('"""M."""\ndef f(a, b):\n    """F.\n\n    Args:\n        a: one.\n    """', "document b"),
        (
            '"""M."""\nclass C:\n    """C."""\n    def __init__(self, a): pass',
            "__init__ lacks Args",
        ),
    ],
)
def test_missing_documentation_is_found(source, complaint):
    assert complaint in " | ".join(docstring_complaints(source, "m"))


def test_length_counts_code_and_nothing_else():
    source = (
        '"""M."""\n\n# a\ndef f():\n    """F.\n\n    G.\n    """\n\n    x = [\n        1,\n    ]\n'
    )
    assert code_lines(source) == {4, 10, 11, 12}


def test_long_function_is_found():
    body = "".join(f"    x{k} = {k}\n" for k in range(40))
    assert size_complaints(f"class C:\n  def f():\n{body}", "m") == [
        "m.C.f has 40 lines, at most 39"
    ]


def test_eighth_argument_is_found_and_self_is_none():
    assert size_complaints("def f(a, b, c, d, e, f, *, g, h): pass", "m") != []
    assert size_complaints("class C:\n  def f(self, b, c, d, e, f, *, g, h): pass", "m") == []


# --- the library ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_imports_run_one_way(name):
    assert import_complaints(MODULES[name].read_text(encoding="utf-8"), name) == []


@pytest.mark.parametrize("name", NAMES)
def test_public_functions_say_what_they_take_and_give(name):
    assert docstring_complaints(MODULES[name].read_text(encoding="utf-8"), name) == []


@pytest.mark.parametrize("name", NAMES)
def test_functions_are_short_and_take_few_arguments(name):
    assert size_complaints(MODULES[name].read_text(encoding="utf-8"), name) == []


def test_library_can_be_read_in_an_afternoon():
    files = (ROOT / "ganlib").rglob("*.py")
    total = sum(len(code_lines(path.read_text(encoding="utf-8"))) for path in files)
    assert total < MAX_CODE_LINES


def test_no_module_is_a_drawer_for_the_rest():
    assert not {path.stem for path in FILES} & {"utils", "util", "helpers", "common", "misc"}


def test_exceptions_from_the_rules_still_exist():
    for name in MANY_ARGUMENTS:
        module = next(m for m in sorted(NAMES, key=len, reverse=True) if name.startswith(f"{m}."))
        functions = dict(public_functions(ast.parse(MODULES[module].read_text(encoding="utf-8"))))
        node = functions[name.removeprefix(f"{module}.")]
        assert len(argument_names(node)) > MAX_ARGUMENTS


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


@pytest.mark.parametrize("name", NAMES)
def test_examples_in_docstrings_are_true(name):
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert results.failed == 0
