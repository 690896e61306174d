"""Runs in a lab's kernel beside its small run: the faulty forms of the lab.

A faulty form is the lab with one thing changed, and one assertion must notice. It shares the kernel
of the small run, in which TensorFlow is loaded. There the names are put back to what they were
before the first cell that differs, and the cells from there run up to the first failure: it has to
be the assertion that was named. The small run itself stays an ordinary run by nbval: `begin` stands
before its first cell and only takes notes, `check` stands after its last one.
"""

import ast
import contextlib
import functools
import importlib
import io
import json
import linecache
import shutil
import sys
import traceback
from pathlib import Path

import numpy as np

# Loaded once: it sets TensorFlow up, and no fault is in it.
KEPT = "ganlib._tensorflow"


def begin(path):
    """Notes, from now on, the state before each cell that is the first of a faulty form.

    `path` is that of a JSON file with the lab's `cells`, its `folder` of results and its `faults`.
    A fault has a `name`, the index of its `first` cell, `before` (code that is run before that),
    other sources of some `cells`, a `package` (a folder with another ganlib, or None) and `seen`, a
    part of the assertion that must fail.
    """
    global _lab
    _lab = Lab(json.loads(Path(path).read_text(encoding="utf-8")), Path(path).parent)
    _lab.shell.events.register("pre_run_cell", _lab.note)


def check(name):
    """Runs a faulty form; writes `name.txt` beside the plan: empty if the fault was seen."""
    _lab.check(name)


class Lab:
    """The cells of a lab, and the states that its faulty forms start from."""

    def __init__(self, plan, folder):
        from IPython import get_ipython

        self.shell = get_ipython()
        self.cells, self.folder = plan["cells"], folder
        self.results = plan["folder"] and Path(plan["folder"])
        self.faults = {fault["name"]: fault for fault in plan["faults"]}
        self.states = {fault["first"]: None for fault in plan["faults"]}
        self.next = 0

    def note(self, info):
        if self.next < len(self.cells) and info.raw_cell == self.cells[self.next]:
            if self.next in self.states:
                copy = self.folder / f"results-{self.next}"
                self.states[self.next] = State(self.shell.user_ns, self.results, copy)
            self.next += 1

    def check(self, name):
        fault = self.faults[name]
        names = self.shell.user_ns
        self.states[fault["first"]].restore(names)
        quiet = io.StringIO()
        with (
            contextlib.redirect_stdout(quiet),
            contextlib.redirect_stderr(quiet),
            other_ganlib(fault["package"]),
        ):
            verdict = self.run(fault, names)
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
        (self.folder / f"{name}.txt").write_text(verdict, encoding="utf-8")

    def run(self, fault, names):
        """Returns what is wrong: nothing if the assertion that the fault names has failed."""
        if "keras" in sys.modules:
            sys.modules["keras"].utils.set_random_seed(0)
        exec(fault["before"], names)
        for index in range(fault["first"], len(self.cells)):
            source = fault["cells"].get(str(index), self.cells[index])
            file = f"<{fault['name']}, cell {index}>"
            # tf.function reads the source of what it compiles.
            linecache.cache[file] = len(source), None, source.splitlines(True), file
            try:
                exec(compile(source, file, "exec"), names)
            except AssertionError as error:
                failed = statement(error, f"<{fault['name']}, cell ")
                if fault["seen"] and fault["seen"] in failed:
                    return ""
                return f"expected to fail: {fault['seen']}\nbut this did: {failed}"
            except Exception:
                return f"cell {index} failed otherwise:\n{traceback.format_exc()}"
        return f"no assertion failed; expected: {fault['seen']}" if fault["seen"] else ""


def statement(error, start):
    """Returns the innermost statement, in a file whose name starts so, that raised an error."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(start)]
    source = "".join(linecache.cache[frames[-1].filename][2])
    around = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt) and node.lineno <= frames[-1].lineno <= node.end_lineno
    ]
    return ast.get_source_segment(source, min(around, key=lambda n: n.end_lineno - n.lineno))


class State:
    """The names of a kernel, what is inside the mutable ones, and the lab's files."""

    def __init__(self, names, results, copy):
        self.names, self.results, self.copy = dict(names), results, copy
        theirs = {"In", "Out", *(name for name in names if name.startswith("_"))}  # IPython's
        own = [value for name, value in names.items() if name not in theirs]
        self.insides = list(insides(own, set()))
        if results and results.exists():
            shutil.copytree(results, copy)

    def restore(self, names):
        for name in set(names) - set(self.names):
            del names[name]
        names.update(self.names)
        for put in self.insides:
            put()
        if self.results:
            shutil.rmtree(self.results, ignore_errors=True)
            if self.copy.exists():
                shutil.copytree(self.copy, self.results)


def insides(values, seen):
    """Yields functions that put back what is now inside mutable values, and inside those in turn.

    What ganlib's objects hold counts; arrays do not, as no lab writes into one of an earlier cell.
    """
    keras = sys.modules.get("keras")
    for value in values:
        if id(value) in seen:
            continue
        seen.add(id(value))
        kind = type(value)
        if isinstance(value, np.random.Generator):
            state = value.bit_generator.state
            yield functools.partial(setattr, value.bit_generator, "state", state)
        elif keras and isinstance(value, keras.Variable):
            yield functools.partial(value.assign, np.array(value))
        elif keras and isinstance(value, (keras.Layer, keras.Optimizer)):
            yield from insides(list(value.variables), seen)
        elif isinstance(value, tuple):
            yield from insides(value, seen)
        elif isinstance(value, list):
            yield functools.partial(value.__setitem__, slice(None), list(value))
            yield from insides(list(value), seen)
        elif kind is dict or (_is_ganlib(kind.__module__) and hasattr(value, "__dict__")):
            names = value if kind is dict else vars(value)
            yield functools.partial(_refill, names, dict(names))
            yield from insides(list(names.values()), seen)


def _refill(names, kept):
    names.clear()
    names.update(kept)


@contextlib.contextmanager
def other_ganlib(folder):
    """Lets imports find the ganlib in a folder; None leaves all as it is."""
    if folder is None:
        yield
        return
    ours = {name: module for name, module in sys.modules.items() if _is_ganlib(name)}
    _forget()
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)
        _forget()
        sys.modules.update(ours)


def _is_ganlib(name):
    return name.split(".")[0] in ("ganlib", "ganbook")


def _forget():
    for name in [name for name in sys.modules if _is_ganlib(name) and name != KEPT]:
        del sys.modules[name]
