"""Count the lines of code of each package: `python tools/code_lines.py`.

Blank lines, comments and docstrings are none. `make lint` prints the sums; what is tested is the
size of each module and of each function, in tests/test_architecture.py.
"""

import ast
import io
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ganlib", "ganbook", "tools", "benchmarks")
_NO_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER),
    *(tokenize.INDENT, tokenize.DEDENT),
}


def code_lines(source):
    """Returns the numbers of the lines that hold code, a set."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        # A string that stands alone documents something, whatever it follows.
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                lines -= set(range(node.lineno, node.end_lineno + 1))
    return lines


def total(package):
    """Returns how many lines of code a package has."""
    paths = (ROOT / package).rglob("*.py")
    return sum(len(code_lines(path.read_text(encoding="utf-8"))) for path in paths)


if __name__ == "__main__":
    print("Lines of code:", ", ".join(f"{name} {total(name):,}" for name in PACKAGES))
