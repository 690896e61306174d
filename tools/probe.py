"""Runs code of one tree of this project, and says what came out and which definitions did it.

    python tools/probe.py ROOT PLAN.json OUT.json

It is the part of ``tools/equal.py`` that runs in a process of its own, once for each of two trees,
so it takes nothing from either but what it is told to run. The plan is a list of pieces: a lab with
parameters, or a script. What came out is the final value of every variable that an optimizer was
made for, and the numbers that a lab wrote, but for times.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import sys
import tempfile
import threading
from pathlib import Path

TIMES = re.compile(
    r"second|milli|images_per|speed|faster|throughput|memory|megabyte", re.IGNORECASE
)
SETUP = "# @title On Colab"


class Trace:
    """Notes which functions of the tree are called."""

    def __init__(self, root):
        self._root, self.called = f"{root}{os.sep}", set()

    def __call__(self, frame, event, _):
        """Is called by Python at each call."""
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(self._root):
            self.called.add((code.co_filename[len(self._root) :], code.co_qualname))


def cells_of(path, parameters):
    """Yields the sources of a lab's cells, with parameters after the cell that declares them."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or source.startswith(SETUP):
            continue
        yield source
        if "parameters" in cell["metadata"].get("tags", []):
            yield "\n".join(f"{name} = {value!r}" for name, value in parameters.items())


def untimed(value):
    """Returns what a lab wrote without its times."""
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if not TIMES.search(k)}
    return [untimed(one) for one in value] if isinstance(value, list) else value


def run(root, plan):
    """Runs all pieces; returns their results and what was called."""
    trace = Trace(root)
    sys.path.insert(0, str(root))
    import matplotlib

    matplotlib.use("agg")
    threading.setprofile(trace)
    sys.setprofile(trace)
    try:
        variables = watch_optimizers()
        results = [piece_of(root, piece) for piece in plan]
    finally:
        sys.setprofile(None)
    weights = [hashlib.sha256(v.numpy().tobytes()).hexdigest() for own in variables for v in own]
    return {"results": results, "weights": weights, "called": sorted(trace.called)}


def watch_optimizers():
    """Keeps the variables that optimizers are made for; returns the list that they come into."""
    from ganlib._tensorflow import keras

    found, base = [], keras.optimizers.Optimizer
    build = base.build

    def watched(self, variables):
        found.append(list(variables))
        return build(self, variables)

    base.build = watched
    for kind in list(base.__subclasses__()):
        if "build" in vars(kind):
            watch_kind(kind, found)
    return found


def watch_kind(kind, found):
    """The same for an optimizer that has a ``build`` of its own, which calls the common one."""
    build = kind.build

    def watched(self, variables):
        result = build(self, variables)
        del found[-1:]
        found.append(list(variables))
        return result

    kind.build = watched


def piece_of(root, piece):
    """Runs one piece in a folder of its own; returns the numbers that it left there."""
    import matplotlib.pyplot as plt

    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        try:
            if "script" in piece:
                sources = [piece["script"]]
            else:
                path = root / "notebooks" / f"{piece['lab']}.ipynb"
                sources = cells_of(path, piece["parameters"] | {"output_dir": "out"})
            namespace = {"__name__": "__main__"}
            for number, source in enumerate(sources):
                exec(compile(source, f"cell {number}", "exec"), namespace)
            files = sorted(Path("out").glob("*.json"))
            return [untimed(json.loads(file.read_text(encoding="utf-8"))) for file in files]
        finally:
            plt.close("all")
            os.chdir(before)


if __name__ == "__main__":
    root, plan_path, out_path = map(Path, sys.argv[1:])
    sys.path.pop(0)  # this file's folder, which is another tree's
    done = run(root.resolve(), json.loads(plan_path.read_text(encoding="utf-8")))
    out_path.write_text(json.dumps(done), encoding="utf-8")
