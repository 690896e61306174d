"""The default recipe, as lab 07 has it: its cells are the only source."""

import functools
import json

from benchmarks.kept import ROOT

LAB = "notebooks/07_dcgan.ipynb"


class RecipeError(Exception):
    """A lab that does not define what the bench takes from it."""


@functools.cache
def _cells():
    notebook = json.loads((ROOT / LAB).read_text(encoding="utf-8"))
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
    return imports[0], tagged[0], makers[0]


def parameters():
    """Returns the lab's parameters, name -> value."""
    found = {}
    exec(_cells()[1], found)
    return {name: value for name, value in found.items() if name != "__builtins__"}


def source():
    """Returns the code that makes the recipe: what a run depends on beside ganlib itself."""
    return "\n".join(_cells())


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
