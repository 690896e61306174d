"""A Sphinx extension: a chapter shows functions of its lab, as they stand there.

    ```{lab-code} 07_dcgan penalty_r1 training_step
    ```

So what a chapter prints is what the lab runs.
"""

import ast
import json
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective


def functions(notebook, names):
    """Returns the source of functions that a notebook's cells define.

    Args:
        notebook: a notebook as JSON, a dict.
        names: of functions or classes, in the order in which they are wanted.

    Raises:
        KeyError: if a name is defined nowhere, or in several places.
    """
    found = {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or not any(name in source for name in names):
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.setdefault(node.name, []).append(ast.get_source_segment(source, node))
    for name in names:
        if len(found.get(name, ())) != 1:
            raise KeyError(f"{name} is defined {len(found.get(name, ()))} times; expected once")
    return "\n\n\n".join(found[name][0] for name in names)


class LabCode(SphinxDirective):
    """Functions of a lab as a block of code."""

    required_arguments = 2  # the lab, and one name at least
    final_argument_whitespace = True

    def run(self):
        """Returns the block."""
        lab, names = self.arguments[0], self.arguments[1].split()
        path = Path(self.env.srcdir, "notebooks", f"{lab}.ipynb")
        self.env.note_dependency(str(path))
        try:
            code = functions(json.loads(path.read_text(encoding="utf-8")), names)
        except (KeyError, OSError) as error:
            where = f"{self.env.docname}, line {self.lineno}"
            raise ExtensionError(f"{where}: lab-code {lab}: {error}") from error
        block = nodes.literal_block(code, code, language="python")
        self.set_source_info(block)
        return [block]


def setup(app):
    app.add_directive("lab-code", LabCode)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
