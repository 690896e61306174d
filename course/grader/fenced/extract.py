"""What of a notebook is run: definitions, by name. The last cell of each notebook shows it too.

Kept are imports, functions, classes, lambdas with a name, and constants: what is computed from
literals, from other constants and from imported modules. Of two definitions of a name the last one
wins. Everything else (training, plots, trials) is left out.
"""

import ast
import re
import symtable

MAGIC = re.compile(r"(\s*)(?:[%!?].*|[\w.]+\?{1,2}\s*|[\w, ]+=\s*[%!].*)")
OTHER_LANGUAGE = re.compile(r"\s*%%(?!time|capture|prun)")  # such as %%bash
BROKEN = (SyntaxError, ValueError, RecursionError, MemoryError)
PLAIN = {"abs", "bool", "dict", "float", "int", "len", "list", "max", "min", "range", "round"}
PLAIN |= {"set", "str", "sum", "tuple", "False", "None", "True"}


def without_magics(text):
    """Returns a cell's code with the lines of IPython's own language made idle, line for line.

    What is Python as it stands is left alone: a line of it may begin with a percent sign too.
    """
    try:
        ast.parse(text)
    except BROKEN:
        lines = [(line, MAGIC.fullmatch(line)) for line in text.split("\n")]
        return "\n".join(f"{match[1]}pass" if match else line for line, match in lines)
    return text


def names_used(source):
    """Yields the names that a definition takes from around it."""

    def walk(table):
        outside = table.get_type() == "module"
        for symbol in table.get_symbols():
            if symbol.is_referenced() if outside else symbol.is_global():
                yield symbol.get_name()
        for child in table.get_children():
            yield from walk(child)

    return set(walk(symtable.symtable(source, "cell", "exec")))


def names_bound(node):
    """Returns the names that a statement of the top level defines; none if it is no definition."""
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Import():
            return [alias.asname or alias.name.split(".")[0] for alias in node.names]
        case ast.ImportFrom():
            return [alias.asname or alias.name for alias in node.names]
        case ast.Assign(targets=targets):
            leaves = [leaf for target in targets for leaf in getattr(target, "elts", [target])]
            return [leaf.id for leaf in leaves if isinstance(leaf, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)) if node.value:
            return [name]
    return []


def definitions(cells):
    """Takes the definitions out of a notebook.

    Args:
        cells: the code of its cells, strings.

    Returns:
        (parts, complaints): dicts with ``names``, ``uses``, ``node`` and ``cell``, in order; and
        for each cell that is not valid Python its number, what is wrong, and the line.
    """
    parts, complaints, known = [], [], set(PLAIN)
    for number, text in enumerate(cells):
        code = without_magics(text)
        try:
            tree = ast.parse(code)
            symtable.symtable(code, "cell", "exec")
        except BROKEN as error:
            if not OTHER_LANGUAGE.match(text):
                complaints.append((number, str(error.args[0]), getattr(error, "lineno", 0) or 0))
            continue
        for node in tree.body:
            names = names_bound(node)
            uses = names_used(ast.unparse(node))
            constant = isinstance(node, ast.Assign | ast.AnnAssign)
            if constant and not isinstance(node.value, ast.Lambda) and not uses <= known:
                continue
            if constant or isinstance(node, ast.Import | ast.ImportFrom):
                known.update(names)
            if names:
                parts.append({"names": names, "uses": uses, "node": node, "cell": number})
    return parts, complaints


def needed(parts, wanted):
    """Returns those of the definitions that some names need, directly or through others."""
    names, kept = set(wanted), set()
    while True:
        last = {name: k for k, part in enumerate(parts) for name in part["names"]}
        found = {last[name] for name in names if name in last}
        found |= {k for k, part in enumerate(parts) if "*" in part["names"]}
        if found == kept:
            return [parts[k] for k in sorted(kept)]
        kept = found
        names |= set().union(*(parts[k]["uses"] for k in kept))
