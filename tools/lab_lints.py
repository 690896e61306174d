"""What every lab must satisfy; each lint takes a notebook node and returns its complaints.

A lint never runs the notebook. `LINTS` lists them all, `lint` applies them all, and
`python tools/notebooks.py check` prints what they say about the labs in `notebooks/`.
"""

import ast
import functools
import hashlib
import io
import json
import re
import statistics
import sys
import tokenize
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ganbook import keys  # noqa: E402, after the line that makes it importable

MAX_CODE_CELLS = 50
MAX_OPEN_CELLS = 30
MAX_MEDIAN_LINES = 10
MAX_LINES = 40
MAX_OUTPUT_BYTES = 1_500_000
MIN_CHECKED_CELLS = 3
MIN_ALT_LENGTH = 20
CHECK_TAG = "nbval-check-output"
FOLDING_TAGS = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
STAMP = ("code", "key", "versions")  # what the metadata say that the outputs were made from

# The second cell of every lab, word for word. `google.colab` is looked up in two steps because the
# lookup of a submodule raises where its parent package is missing. `--no-deps` leaves the
# TensorFlow alone that Colab ships.
COLAB_CELL = """\
# @title On Colab this installs ganlib; elsewhere it does nothing.
import importlib.util
import subprocess
import sys

find = importlib.util.find_spec
if find("google") and find("google.colab") and not find("ganlib"):
    address = "git+REPOSITORY_URL"
    subprocess.check_call(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", address]
    )"""

TQDM_BAR = re.compile(r"\d+%\|.*\| *[^ ]+/[^ ]+ \[.*\]|\d[\d.]*\w*it \[.*\]")
LOCAL_PATH = re.compile(
    r"(?<![\w.:/-])/(?:home|root|tmp|Users|var/folders|private)/|" + re.escape(f"{ROOT}") + r"\b"
)
PACKAGE_INDEX = re.compile(r"-index-url|https?://\S+/simple\b|Looking in (?:indexes|links)")
MYST = re.compile(  # directives, labels, comments; roles; labelled equations
    r"^\s*(?::{3,}|`{3,}\{|\([\w:-]+\)=\s*$|%\s)|\{[\w:+-]+\}`[^`]|^.*\$\$\s*\([\w:-]+\)",
    re.MULTILINE,
)
PICTURE = re.compile(r"<(?:img|svg|canvas|figure)\b")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w])")


def colab_cell(repository_url):
    """Returns the source of the setup cell of a lab that lives at `repository_url`."""
    return COLAB_CELL.replace("REPOSITORY_URL", repository_url)


def code_cells(notebook):
    """Returns the code cells in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    """Returns a cell's tags."""
    return cell.metadata.get("tags", [])


def is_setup(cell):
    """Tells the Colab setup cell: whether a cell is one, whatever address it holds."""
    return cell.cell_type == "code" and cell.source.startswith(COLAB_CELL.splitlines()[0])


def code_of(notebook):
    """Returns what determines the outputs: every code cell but the setup cell, in order."""
    # the setup cell prints nothing, and its address may change without a new run
    return [cell.source for cell in code_cells(notebook) if not is_setup(cell)]


@functools.cache
def library():
    """Returns the project's own code, read once."""
    return keys.Code(ROOT)


def code_hash(notebook):
    """Hashes the code of a lab; a comment, or where the library keeps a name, does not count."""
    cells = code_of(notebook)
    try:
        text = library().text_of_cells(cells)
    except SyntaxError:  # a magic, say, which another lint names
        text = "\0".join(cells)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def parameters(notebook):
    """Returns the declared parameters, name to default; ValueError if a default is computed."""
    declared = {}
    for cell in code_cells(notebook):
        if "parameters" not in tags(cell):
            continue
        for statement in ast.parse(cell.source).body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    pass
                case _:
                    raise ValueError(f"line {statement.lineno} is no plain assignment")
            try:
                declared[name] = ast.literal_eval(value)
            except ValueError as error:
                raise ValueError(f"line {statement.lineno} assigns no literal") from error
    return declared


def _where(cell):
    """Names a cell by its first line: cell numbers differ from one viewer to the next."""
    first = cell.source.strip().splitlines()[0] if cell.source.strip() else "(empty)"
    return f"cell “{first[:60]}”"


def _texts(cell):
    """Yields the texts that a cell printed: streams, text forms of results, HTML."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            yield output.text
        for mime, value in output.get("data", {}).items():
            if mime.startswith("text/"):
                yield "".join(value)


def _images(cell):
    """Returns the image outputs of a cell."""
    return [
        output
        for output in cell.get("outputs", [])
        if any(mime.startswith("image/") for mime in output.get("data", {}))
    ]


def lint_schema(notebook):
    """The file is a valid notebook of format 4.5 or later."""
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        return [f"not a valid notebook: {str(error).splitlines()[0]}"]
    version = (notebook.nbformat, notebook.nbformat_minor)
    return [] if version >= (4, 5) else [f"notebook format {version}, expected (4, 5)"]


def lint_kernelspec(notebook):
    """The kernel is `python3`, which every Jupyter and Colab has."""
    name = notebook.metadata.get("kernelspec", {}).get("name")
    return [] if name == "python3" else [f"kernelspec is {name!r}, expected 'python3'"]


def lint_title(notebook):
    """The first cell is Markdown with the only top-level heading."""
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        return ["the first cell must be Markdown and start with the title: `# …`"]
    others = [
        _where(cell)
        for cell in notebook.cells[1:]
        if cell.cell_type == "markdown" and re.search(r"^# ", cell.source, re.MULTILINE)
    ]
    return [f"second top-level heading in {where}: use ##" for where in others]


def lint_setup(notebook, repository_url=None):
    """The second cell is the Colab setup cell, word for word, and not shown in the book."""
    cell = notebook.cells[1] if len(notebook.cells) > 1 else None
    if cell is None or not is_setup(cell):
        return ["the second cell must be what `tools/notebooks.py setup` prints"]
    complaints = []
    pattern = re.escape(colab_cell("ADDRESS")).replace("ADDRESS", r"[^\s\"]+")
    if repository_url is not None:
        pattern = re.escape(colab_cell(repository_url))
    if not re.fullmatch(pattern, cell.source):
        complaints.append("the Colab setup cell is not what `tools/notebooks.py setup` prints")
    if "remove-cell" not in tags(cell):
        complaints.append("the Colab setup cell needs the tag remove-cell")
    if cell.outputs:
        complaints.append("the Colab setup cell must print nothing")
    return complaints


def lint_parameters(notebook):
    """One cell is tagged `parameters`: plain literals, each with a comment; the seed is 0."""
    cells = [cell for cell in code_cells(notebook) if "parameters" in tags(cell)]
    if len(cells) != 1:
        return [f"{len(cells)} cells tagged parameters, expected exactly one"]
    try:
        declared = parameters(notebook)
    except (ValueError, SyntaxError) as error:
        return [f"the parameters cell must hold `name = literal  # comment` lines only: {error}"]
    source = cells[0].source
    comments = {  # line to whether the comment stands there alone
        token.start[0]: token.line.lstrip().startswith("#")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    complaints = [
        f"parameter {node.targets[0].id} has no comment on its line or above it"
        for node in ast.parse(source).body
        if not comments.get(node.lineno - 1)
        and not any(line in comments for line in range(node.lineno, node.end_lineno + 1))
    ]
    if declared.get("seed", 0) != 0:
        complaints.append(f"seed is {declared['seed']}: published runs use seed 0")
    output_dir = declared.get("output_dir")
    if output_dir is not None and not re.fullmatch(r"build/labs/\w+", str(output_dir)):
        complaints.append(f"output_dir is {output_dir!r}, expected 'build/labs/<name of the lab>'")
    return complaints


def lint_size(notebook):
    """At most 50 code cells, 30 of them open, median 10 lines, none over 40; outputs ≤ 1.5 MB."""
    cells = code_cells(notebook)
    num_open = sum(FOLDING_TAGS.isdisjoint(tags(cell)) for cell in cells)
    counts = [sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in cells]
    complaints = []
    if len(cells) > MAX_CODE_CELLS:
        complaints.append(f"{len(cells)} code cells, at most {MAX_CODE_CELLS}")
    if num_open > MAX_OPEN_CELLS:
        complaints.append(
            f"{num_open} open code cells, at most {MAX_OPEN_CELLS}: fold what only draws, checks "
            "or saves (tag hide-input)"
        )
    if counts and statistics.median(counts) > MAX_MEDIAN_LINES:
        median = statistics.median(counts)
        complaints.append(f"code cells have a median of {median} lines, at most {MAX_MEDIAN_LINES}")
    for cell, count in zip(cells, counts, strict=True):
        if count > MAX_LINES:
            complaints.append(f"{_where(cell)} has {count} lines, at most {MAX_LINES}")
    num_bytes = sum(len(json.dumps(cell.outputs)) for cell in cells)
    if num_bytes > MAX_OUTPUT_BYTES:
        size = f"outputs take {num_bytes / 1e6:.1f} MB, at most {MAX_OUTPUT_BYTES / 1e6}"
        complaints.append(f"{size}: use a smaller dpi, fewer frames")
    return complaints


def lint_outputs(notebook):
    """Every code cell ran, none failed, and standard error holds progress bars only."""
    complaints = []
    for cell in code_cells(notebook):
        if cell.source.strip() and cell.execution_count is None:
            complaints.append(f"{_where(cell)} was not run: `make notebooks` runs it")
        for output in cell.outputs:
            if output.output_type == "error":
                complaints.append(f"{_where(cell)} ends in {output.ename}: {output.evalue}")
            if output.output_type == "stream" and output.name == "stderr":
                complaints += [
                    f"{_where(cell)} wrote to standard error: {line.strip()[:80]}"
                    for line in output.text.splitlines()
                    if line.strip() and not TQDM_BAR.search(line)
                ]
    return complaints


def lint_alt_text(notebook):
    """Images have `mystnb.image.alt`, which no other cell has; pictures in HTML an aria-label."""
    complaints = []
    for cell in code_cells(notebook):
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if _images(cell) and len(alt.strip()) < MIN_ALT_LENGTH:
            complaints.append(
                f"{_where(cell)} shows an image without alt text: set the cell's metadata"
                ' {"mystnb": {"image": {"alt": "…"}}} to a sentence that says what is to be seen'
            )
        if alt and not _images(cell):
            complaints.append(f"{_where(cell)} has alt text but shows no image")
        if len(_images(cell)) > 1:
            complaints.append(f"{_where(cell)} shows several images: one alt text cannot serve all")
        for output in cell.get("outputs", []):
            drawn = "".join(output.get("data", {}).get("text/html", ""))
            labels = re.findall(r'aria-label="([^"]*)"', drawn)
            if PICTURE.search(drawn) and len(max(labels, key=len, default="")) < MIN_ALT_LENGTH:
                complaints.append(
                    f"{_where(cell)} shows a picture in HTML without an aria-label: give it a"
                    " sentence that says what is to be seen, as film.animation does"
                )
    return complaints


def lint_checked(notebook):
    """At least three cells are compared with a new run, one of them with a number in its text."""
    cells = [cell for cell in code_cells(notebook) if CHECK_TAG in tags(cell)]
    complaints = []
    if len(cells) < MIN_CHECKED_CELLS:
        complaints.append(f"{len(cells)} cells tagged {CHECK_TAG}, at least {MIN_CHECKED_CELLS}")
    for cell in cells:
        if not any(text.strip() for text in _texts(cell)):
            complaints.append(f"{_where(cell)} is tagged {CHECK_TAG} but prints no text to compare")
        if any(output.get("name") == "stderr" for output in cell.outputs):
            complaints.append(f"{_where(cell)} is tagged {CHECK_TAG} but holds a progress bar")
    if not any(NUMBER.search(text) for cell in cells for text in _texts(cell)):
        complaints.append(f"no cell tagged {CHECK_TAG} prints a number")
    return complaints


def lint_stamp(notebook):
    """The outputs come from the code that stands above them."""
    stamp = notebook.metadata.get("ganlib", {})
    missing = [key for key in STAMP if key not in stamp]
    if missing:
        return [f"no stamp ({', '.join(missing)} missing): `make notebooks` writes it"]
    if stamp["code"] != code_hash(notebook):
        return ["code or parameters changed since the outputs were made: run `make notebooks`"]
    return []


def lint_private(notebook):
    """No path of the author's machine and no package index, in sources or outputs."""
    complaints = []
    for cell in notebook.cells:
        text = "\n".join((cell.source, *_texts(cell)))
        for pattern, what in ((LOCAL_PATH, "a local path"), (PACKAGE_INDEX, "a package index")):
            if match := pattern.search(text):
                found = text[match.start() :].split("\n")[0][:40]
                complaints.append(f"{_where(cell)} names {what}: {found!r}")
    return complaints


def lint_plain(notebook):
    """Markdown without MyST, which Colab shows raw, and code without magics."""
    complaints = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (match := MYST.search(cell.source)):
            found = match[0].strip()
            complaints.append(f"{_where(cell)} uses MyST, which Colab shows raw: {found!r}")
        if cell.cell_type == "code":
            try:
                ast.parse(cell.source)
            except SyntaxError as error:
                reason = f"line {error.lineno}: {error.msg}"
                complaints.append(f"{_where(cell)} is no plain Python (a magic?): {reason}")
    return complaints


def lint_metadata(notebook):
    """No traces of papermill, of timings, or of widgets without state."""
    complaints = [
        f"{_where(cell)} holds {key} metadata: `make notebooks` strips it"
        for cell in notebook.cells
        for key in ("papermill", "execution", "ExecuteTime")
        if key in cell.metadata
    ]
    if "papermill" in notebook.metadata:
        complaints.append("the notebook holds papermill metadata: `make notebooks` strips it")
    if any("state" not in widget for widget in notebook.metadata.get("widgets", {}).values()):
        complaints.append("widget metadata without state: GitHub cannot show such a notebook")
    return complaints


LINTS = (
    lint_schema,
    lint_kernelspec,
    lint_title,
    lint_setup,
    lint_parameters,
    lint_size,
    lint_outputs,
    lint_alt_text,
    lint_checked,
    lint_stamp,
    lint_private,
    lint_plain,
    lint_metadata,
)


def lint(notebook):
    """Returns the complaints of all lints."""
    return [complaint for check in LINTS for complaint in check(notebook)]


def repository_url(config_path):
    """Returns the address of the repository, which only `_config.yml` states."""
    return yaml.safe_load(config_path.read_text(encoding="utf-8"))["repository"]["url"]
