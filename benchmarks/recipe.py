"""The default recipe, as lab 07 has it: its cells are the only source."""

import ast
import functools
import json
from pathlib import Path

from ganbook import keys

LAB = "notebooks/07_dcgan.ipynb"
_MODULE = "lab_07"  # what a key calls the lab's cells


class RecipeError(Exception):
    """A lab that does not define what the bench takes from it."""


@functools.cache
def _cells(root=keys.ROOT):
    """Returns the lab's imports, its parameters, and what defines its GAN."""
    notebook = json.loads((Path(root) / LAB).read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    tagged = [
        s
        for s, c in zip(sources, cells, strict=True)
        if "parameters" in c["metadata"].get("tags", [])
    ]
    imports = [s for s in sources if "from ganlib.models import" in s]
    makers = [s for s in sources if "def new_gan(" in s]
    if not (len(tagged) == len(makers) == 1 and imports):
        raise RecipeError(
            f"{LAB} has {len(tagged)} cells tagged `parameters` and {len(makers)} that define "
            "new_gan; the bench takes its recipe from one of each."
        )
    lines = [n for n in ast.parse(imports[0]).body if isinstance(n, ast.Import | ast.ImportFrom)]
    return "\n".join(map(ast.unparse, lines)), tagged[0], makers[0]


def parameters():
    """Returns the lab's parameters, name -> value."""
    found = {}
    exec(_cells()[1], found)
    return {name: value for name, value in found.items() if name != "__builtins__"}


def lab(**changed):
    """Returns the lab's names after its parameters and its `new_gan` were executed.

    Args:
        **changed: parameters to change, such as ``seed=1``.

    Raises:
        RecipeError: if the lab has no such parameter.
    """
    unknown = sorted(set(changed) - set(parameters()))
    if unknown:
        raise RecipeError(f"{LAB} has no parameter {unknown}; it has {sorted(parameters())}.")
    imports, values, maker = _cells()
    names = {"__name__": "lab"}
    exec(imports, names)
    exec(values, names)
    names |= changed
    exec(maker, names)
    return names


def rebuilt(gan, **changed):
    """Returns a GAN with the same networks and optimizers, and with some other parts changed.

    Args:
        gan: a ``training.GAN``.
        **changed: arguments of its class, such as ``penalties=()``.
    """
    names = ("loss", "penalties", "generator_optimizer", "discriminator_optimizer", "options")
    given = {name: getattr(gan, name) for name in names}
    return type(gan)(gan.generator, gan.discriminator, **given | changed)


@functools.cache
def _code(root):
    """The project's code, and the lab's cells as one more module of it."""
    code = keys.Code(root)
    code.add(_MODULE, "\n".join(_cells(root)))
    return code


@functools.cache
def key(*roots, root=keys.ROOT):
    """Returns the key of the definitions by which something is measured.

    Where they make the lab's GAN, the lab's `new_gan` is one of them.

    Args:
        *roots: (module, name) of those that it begins with.
        root: folder that holds the packages and the notebooks.

    Returns:
        16 hexadecimal digits; see `ganbook.keys`.
    """
    code = _code(root)
    made_from = code.reach(roots)
    if (__name__, "lab") in made_from.definitions:
        made_from = code.reach([*roots, (_MODULE, "new_gan")])
    return made_from.key
