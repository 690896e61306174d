"""How `ganbook.keys` reads a module: its definitions in a normal form, and what they refer to."""

import ast
import re
import symtable
from typing import NamedTuple

# Calls by which a module changes the process that imports it, by the package that offers them.
_SWITCHES = ("keras", "logging", "os", "sys", "tensorflow", "tf", "warnings")
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


class Part(NamedTuple):
    """A definition, or a part of one: what it says, what that refers to, and what else it needs."""

    text: str
    references: frozenset = frozenset()  # homes of the names in the text
    follows: frozenset = frozenset()  # modules that are imported, and so do what they do
    mentions: frozenset = frozenset()  # names of attributes: methods that it may call
    strings: frozenset = frozenset()  # constants: data files that it may read
    methods: tuple = ()  # of a class or a module: they count only where they are mentioned


def _joined(parts, follows=(), methods=()):
    """Several parts as one."""
    parts = list(parts)
    union = {
        name: frozenset().union(*(getattr(part, name) for part in parts))
        for name in ("references", "follows", "mentions", "strings")
    }
    union["follows"] |= frozenset(follows)
    text = "\n".join(part.text for part in parts if part.text)
    return Part(text, **union, methods=tuple(methods))


class Module:
    """One module: its definitions, its imports, what it does when it is imported."""

    def __init__(self, name, tree, path, code):
        self.name, self.path, self._code = name, path, code
        self._is_package = path is not None and path.name == "__init__.py"
        self._tree = tree
        self.imports = dict(self.imported(tree))
        self.definitions, self._effects = {}, []
        for node in tree.body:
            self._sort(node)
        self.definitions.pop("__all__", None)
        self._parts = {}

    def names(self):
        """The names of its definitions, and of the methods that count where they are mentioned."""
        methods = [method for name in self.definitions for method in self.part(name).methods]
        return [*self.definitions, *methods]

    def _sort(self, node):
        """Files a statement under the names that it binds, or under what the import does."""
        if isinstance(node, FUNCTIONS | ast.ClassDef):
            self.definitions.setdefault(node.name, []).append(node)
            return
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node) or _is_main(node):
            return
        names = _bound(node)
        for name in names:
            self.definitions.setdefault(name, []).append(node)
        if not names or _switches(node):
            self._effects.append(node)

    def _absolute(self, node):
        """Returns the module that a `from … import` names."""
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        parts = parts[: len(parts) - node.level + self._is_package]
        return ".".join([*parts, *([node.module] if node.module else [])])

    def imported(self, tree):
        """Yields local name -> (module, name or None) for what a piece of code imports of ours."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.split(".")[0] in self._code.packages:
                        top = alias.name if alias.asname else alias.name.split(".")[0]
                        yield alias.asname or top, (top, None)
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                if base.split(".")[0] in self._code.packages:
                    for alias in node.names:
                        yield alias.asname or alias.name, (base, alias.name)

    def _modules(self, tree):
        """Returns the modules of ours that a piece of code imports, and so runs."""
        found = set()
        for target, name in dict(self.imported(tree)).values():
            for module in (target, f"{target}.{name}"):
                parts = module.split(".")
                found |= {".".join(parts[: k + 1]) for k in range(len(parts))}
        return {module for module in found if self._code.module(module)}

    def part(self, name):
        """One definition, one method of a class, what the import does (""), or all (None)."""
        if name not in self._parts:
            self._parts[name] = (
                self._whole() if name is None else self._made(name) if name else self._on_import()
            )
        return self._parts[name]

    def in_order(self, leave_out=()):
        """All statements but imports, as they follow each other: what a lab's cells are."""

        def is_left_out(home):
            return any(_is_in(home[0], name) for name in leave_out)

        def counts(home):
            return home[0] != self.name and not is_left_out(home)

        parts = []
        for node in self._tree.body:
            part = self._written(node)
            draws = isinstance(node, ast.Expr) and any(map(is_left_out, part.references))
            if not _is_text(node) and not (draws and not any(map(counts, part.references))):
                parts.append(part)
        own = _joined(parts)
        return own._replace(
            references=frozenset(filter(counts, own.references)),
            follows=frozenset(filter(counts, own.follows)),
        )

    def _on_import(self):
        """The statements that bind no name, here and in what is imported."""
        body = [node for node in self._tree.body if not isinstance(node, FUNCTIONS)]
        follows = {(module, "") for module in self._modules(ast.Module(body, []))}
        return _joined(map(self._written, self._effects), follows - {(self.name, "")})

    def _whole(self):
        """A module that is handed on as an object: what is mentioned of it counts."""
        name = self.name.rsplit(".", 1)[-1]
        return Part(f"module {name}", methods=(*self.definitions, *self.imports))

    def _made(self, name):
        owner, _, method = name.partition(".")
        nodes = self.definitions[owner]
        if method:
            return self._written(next(n for n in nodes[-1].body if _name(n) == method))
        parts, methods = [], []
        for node in nodes:
            left_out = self._told_apart(node) if isinstance(node, ast.ClassDef) else []
            methods += [f"{owner}.{inner.name}" for inner in left_out]
            parts.append(self._written(_without(node, left_out) if left_out else node))
        return _joined(parts, {(self.name, "")}, methods)

    def _told_apart(self, node):
        """The methods that count only where somebody names them.

        Not those that Python or another project calls: names with underscores on both sides, and
        all methods of a class with a base from elsewhere.
        """
        if not self.is_plain(node):
            return []
        methods = [n for n in node.body if isinstance(n, FUNCTIONS)]
        names = [n.name for n in methods]
        # a property and its setter are one thing
        return [
            n for n in methods if not re.fullmatch(r"_.*_", n.name) and names.count(n.name) == 1
        ]

    def is_plain(self, node):
        """Whether all bases of a class are the project's own."""
        for base in node.bases:
            chain = _chain(base)
            home = self.follow(chain)[0] if chain else None
            if home is None or home[1] is None:
                return False
            module = self._code.module(home[0])
            if not all(module.is_plain(n) for n in module.definitions[home[1]]):
                return False
        return True

    def follow(self, chain, imports=None):
        """Resolves a chain of names; returns its home, and how many of the names that used up."""
        imports = self.imports | (imports or {})
        if chain[0] in self.definitions:
            home = self.name, chain[0]
        elif chain[0] in imports:
            module, name = imports[chain[0]]
            home = self._code.resolve(module, name) if name else (module, None)
        else:
            return None, 0
        used = 1
        while home and home[1] is None and used < len(chain):
            inner = self._code.resolve(home[0], chain[used])
            if inner is None:
                break
            home, used = inner, used + 1
        return home, used

    def _written(self, node):
        """Returns a piece of code in its normal form, with what it refers to."""
        imports = dict(self.imported(node))
        writer = _Writer(self, _global_names(node) | imports.keys(), imports)
        text = writer.write(node) or ""
        return Part(
            text,
            frozenset(writer.references),
            frozenset((module, "") for module in self._modules(node)),
            frozenset(writer.mentions),
            frozenset(writer.strings),
        )


class _Writer:
    """Writes code down without what does not count: a text that no version of Python changes."""

    def __init__(self, module, names, imports):
        self._module, self._names, self._imports = module, names, imports
        self.references, self.mentions, self.strings = set(), set(), set()

    def write(self, node):
        """Returns the text of a node, a list of nodes, or a value."""
        match node:
            case list():
                texts = (self.write(one) for one in node)
                return "[" + ",".join(text for text in texts if text is not None) + "]"
            case ast.Attribute() | ast.Name() if (text := self._ours(node)) is not None:
                return text
            case ast.Expr(value=ast.Constant(value=str())):  # a docstring
                return None
            case ast.Import() | ast.ImportFrom() if dict(self._module.imported(node)):
                return None  # what the names lead to is written where they are used
            case ast.Raise(exc=ast.Call(func=kind)):  # the words of an error change no result
                return self._fields("Raise", {"exc": kind})
            case ast.keyword(arg="fix"):  # such words too: `ganlib._checks` ends its errors in them
                return None
            case ast.AnnAssign(target=target, value=value, annotation=annotation):
                special = re.search(r"\b(ClassVar|InitVar|KW_ONLY)\b", ast.unparse(annotation))
                kind = f"AnnAssign{special[0] if special else ''}"
                return self._fields(kind, {"target": target, "value": value})
            case ast.AST():
                return self._fields(type(node).__name__, dict(ast.iter_fields(node)))
        return repr(node)

    def _fields(self, kind, fields):
        for name in ("annotation", "returns", "type_comment", "kind", "ctx", "type_params"):
            fields.pop(name, None)
        if kind == "Constant" and isinstance(fields["value"], str):
            self.strings.add(fields["value"])
            if fields["value"].isidentifier():
                self.mentions.add(fields["value"])  # as getattr takes it
        if kind == "Attribute":
            self.mentions.add(fields["attr"])
        parts = [
            f"{name}={self.write(value)}"
            for name, value in fields.items()
            if value is not None and value != []
        ]
        return f"{kind}({','.join(parts)})"

    def _ours(self, node):
        """The text of a name that leads to a definition of ours, or None."""
        chain = _chain(node)
        if not chain or chain[0] not in self._names:
            return None
        home, used = self._module.follow(chain, self._imports)
        if home is None:
            return None
        self.references.add(home)
        self.mentions |= set(chain[used:])
        name = home[1] or "module"
        return ".".join([f"<{name}>", *chain[used:]])


def _chain(node):
    """Returns the names of `a.b.c` as a list, or None for anything else."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else None


def _bound(node):
    """Returns the names that a statement binds: assignments, also inside `if`, `with` and `try`."""
    names = set()
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
            names |= {part.id for part in parts if isinstance(part, ast.Name)}
    return names


def _switches(node):
    """Whether an assignment may also change the process: a call of what sets an option."""
    calls = [part for part in ast.walk(node) if isinstance(part, ast.Call)]
    chains = [_chain(call.func) for call in calls]
    random = any(chain and chain[:2] == ["np", "random"] for chain in chains)
    return random or any(chain and len(chain) > 1 and chain[0] in _SWITCHES for chain in chains)


def _is_in(module, package):
    return module == package or module.startswith(f"{package}.")


def _name(node):
    return getattr(node, "name", None)


def _is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_main(node):
    return isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)


def _without(node, left_out):
    """A class without some of its methods."""
    body = [n for n in node.body if n not in left_out] or [ast.Pass()]
    return ast.ClassDef(node.name, node.bases, node.keywords, body, node.decorator_list)


def _global_names(node):
    """Returns the names in a piece of code that are looked up outside of it."""
    module = ast.fix_missing_locations(ast.Module([node], []))
    top = symtable.symtable(ast.unparse(module), "code", "exec")
    found, tables = set(), [top]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table is top or symbol.is_global()):
                found.add(symbol.get_name())
    return found
