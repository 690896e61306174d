"""Keys of kept runs: a hash of the definitions that a lab or a script reaches.

A run that takes minutes is kept, and is fresh as long as what it was made by is unchanged. What it
was made by is not a list of files. It is the functions, classes and constants that its code reaches
by their names, wherever they stand: moving one to another module changes no key, nor does a word of
a docstring, an annotation, the text of an error, or a new function that nobody calls. What a module
does when it is imported counts, such as an option of TensorFlow's, and so do the data files of a
package (weights, say) that a reached definition names.

    >>> from ganbook import keys
    >>> code = keys.Code(keys.ROOT)
    >>> made_from = code.reach([("ganlib.losses", "hinge")])
    >>> ("ganlib.losses", "minimax") in made_from.definitions
    False

Limits: methods, and what is taken from a module by `getattr`, are told apart by name alone,
whoever's they are; a name that is put together at run time is not followed; neither are TensorFlow
and other people's packages, whose versions stand in the run.
"""

import ast
import hashlib
from pathlib import Path
from typing import NamedTuple

from ganbook._code import FUNCTIONS, Module

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ganlib", "ganbook", "benchmarks", "tools")
_WITH_DATA = ("ganlib", "ganbook")  # packages whose data files count


class Made(NamedTuple):
    """What a piece of code is made from.

    Attributes:
        key: 16 hexadecimal digits.
        definitions: dict, (module, name) -> normalised text. A method is "Class.method", what a
            module does on import is "", a data file has its path for a module and "" for a name.
    """

    key: str
    definitions: dict


class Code:
    """The project's own modules, read and not imported.

    Args:
        root: folder that holds the packages.
        packages: names of the packages that belong to the project.
    """

    def __init__(self, root=ROOT, packages=PACKAGES):
        self.root, self.packages = Path(root), packages
        self._trees, self._files = {}, {}
        for package in packages:
            for path in sorted((self.root / package).rglob("*.py")):
                name = ".".join(path.relative_to(self.root).with_suffix("").parts)
                self.add(name.removesuffix(".__init__"), path.read_text("utf-8"), path)
        for package in _WITH_DATA:
            for path in sorted((self.root / package).rglob("*")):
                if path.is_file() and path.suffix not in (".py", ".pyc"):
                    self._files.setdefault(path.stem, []).append(path)
                    self._files.setdefault(path.name, []).append(path)

    def add(self, name, source, path=None):
        """Adds a module, such as the cells of a lab.

        Args:
            name: its dotted name.
            source: its code.
            path: its file, if it has one.
        """
        self._trees[name] = Module(name, ast.parse(source), path, self)

    def module(self, name):
        """Returns what is known of a module, or None if it is not the project's.

        Args:
            name: its dotted name.

        Returns:
            An object with `names()` and `part(name)`, or None.
        """
        return self._trees.get(name)

    def homes(self):
        """Returns (module, name) of every definition, and (module, "") for what imports do.

        Returns:
            list of tuple of str.
        """
        return [
            (module, name) for module, one in self._trees.items() for name in (*one.names(), "")
        ]

    def path(self, module):
        """Returns a module's file, relative to the root; None if it is no module.

        Args:
            module: its dotted name.

        Returns:
            str with slashes, or None.
        """
        one = self._trees.get(module)
        return one.path.relative_to(self.root).as_posix() if one and one.path else None

    def is_function(self, home):
        """Tells functions and methods, which can be called, from other definitions.

        Args:
            home: (module, name).

        Returns:
            bool.
        """
        module, name = home
        one = self._trees.get(module)
        nodes = one.definitions.get(name, ()) if one and name else ()
        return "." in (name or "") or any(isinstance(node, FUNCTIONS) for node in nodes)

    def references(self, home):
        """Returns what a definition names, a frozenset of (module, name).

        Args:
            home: its (module, name).

        Returns:
            frozenset of (module, name).
        """
        return self._trees[home[0]].part(home[1]).references

    def strings(self, home):
        """Returns the text constants of a definition, which may name a data file.

        Args:
            home: its (module, name).

        Returns:
            frozenset of str.
        """
        return self._trees[home[0]].part(home[1]).strings

    def resolve(self, module, name):
        """Finds the home of a name, through imports and re-exports.

        Args:
            module: dotted name of the module that uses it.
            name: what the module calls it.

        Returns:
            (module, name) of the definition; (module, None) for a module; None where it is not the
            project's.
        """
        seen = set()
        while (module, name) not in seen and module in self._trees:
            seen.add((module, name))
            here = self._trees[module]
            if name in here.definitions:
                return module, name
            target = here.imports.get(name, (module, name))
            if target == (module, name):  # a part of a package, under its own name
                inner = f"{module}.{name}"
                return (inner, None) if inner in self._trees else None
            module, name = target
            if name is None:
                return (module, None) if module in self._trees else None
        return None

    def reach(self, roots):
        """Finds all that some definitions are made from.

        Args:
            roots: iterable of (module, name).

        Returns:
            A `Made`.

        Raises:
            KeyError: if a root is no definition of the project.
        """
        return self._closure([self._root(*root) for root in roots])

    def reach_cells(self, cells, leave_out=()):
        """Finds all that cells of a lab are made from, themselves included.

        Args:
            cells: their sources, in order.
            leave_out: modules that what is kept does not depend on, such as "ganlib.viz": a
                statement that only calls them does not count, and they are not followed.

        Returns:
            A `Made`; its definition ("", "") is the cells' own text.
        """
        own = Module("", ast.parse("\n".join(cells)), None, self).in_order(leave_out)
        return self._closure([*own.references, *own.follows], {("", ""): own})

    def text_of_cells(self, cells):
        """Returns the text of some cells, without what does not count.

        Args:
            cells: their sources, in order.

        Returns:
            str, which no change of layout, of comments or of imports alters.
        """
        return Module("", ast.parse("\n".join(cells)), None, self).in_order().text

    def _closure(self, waiting, found=None):
        """Follows the references from some homes, to the end."""
        found, methods = dict(found or {}), {}
        mentioned = {name for part in found.values() for name in part.mentions}
        waiting = list(waiting)
        while waiting:
            home = waiting.pop()
            if home in found:
                continue
            module = self._trees[home[0]]
            found[home] = part = module.part(home[1])
            mentioned |= part.mentions
            waiting += [*part.references, *part.follows]
            for method in part.methods:
                own = home[0], method
                if target := own if "." in method else self.resolve(*own):
                    methods.setdefault(method.rsplit(".", 1)[-1], []).append(target)
            for name in mentioned & methods.keys():
                waiting += methods.pop(name)
        texts = {home: part.text for home, part in found.items()}
        for name in {name for part in found.values() for name in part.strings}:
            for path in self._files.get(name, ()):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                texts[path.relative_to(self.root).as_posix(), ""] = content
        return Made(_digest(found, texts), {home: text for home, text in texts.items() if text})

    def _root(self, module, name):
        home = self.resolve(module, name)
        if home is None:
            raise KeyError(
                f"received {module}.{name}; expected a definition in one of {self.packages}. "
                "Mend the name."
            )
        return home


def _digest(found, texts):
    """Hashes texts, each with what it refers to: a name alone may mean different things."""
    own = {home: hashlib.sha256(text.encode()).hexdigest() for home, text in texts.items()}
    lines = set()
    for home in texts:
        references = sorted(own[other] for other in found[home].references) if home in found else []
        if texts[home]:
            lines.add(" ".join([own[home], *references]))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]
