"""Whose notebook is whose, in the folders that Moodle, Canvas, nbgrader and people leave."""

import json
import re

IGNORED = {".ipynb_checkpoints", "__MACOSX"}
MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_file_?")
CANVAS = re.compile(r"(?P<name>[^_]+)(?:_LATE)?_(?P<number>\d+)_\d+_.+")

BEGINS = "*Your explanation"
EMPTY = "*Your explanation:*"
MEASURED = "measured ="


def student_of(path, folder):
    """Returns by what name the student of a notebook is known.

    Moodle's folders are ``Name_123_assignsubmission_file_``, Canvas's files
    ``name_LATE_123_456_a1.ipynb``, nbgrader's ``student/a1/a1.ipynb``. The number that tells two
    students of one name apart is kept. Else it is the first folder, or the file's name.

    Args:
        path: of the notebook.
        folder: in which the submissions lie.

    Returns:
        A string.
    """
    *parents, _ = path.relative_to(folder).parts
    for pattern, word in [(MOODLE, word) for word in parents] + [(CANVAS, path.stem)]:
        if match := pattern.fullmatch(word):
            return f"{match['name']} ({match['number']})"
    return parents[0] if parents else path.stem


def submissions(folder):
    """Finds the notebooks of a class.

    Args:
        folder: a `pathlib.Path`.

    Returns:
        A dict, sorted: student -> list of notebooks. A student who has a folder and no notebook
        has an empty list.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder).parts
        if IGNORED & set(inner) or (not path.is_dir() and path.suffix != ".ipynb"):
            continue
        if path.is_dir():
            if len(inner) == 1 and not any(path.glob("*_assignsubmission_file_*")):
                found.setdefault(student_of(path / "none", folder), [])
        else:
            found.setdefault(student_of(path, folder), []).append(path)
    return dict(sorted(found.items()))


def explanation(data):
    """Finds what a student wrote about the prediction, for the person who gives points for it.

    It is the text cell that was marked for it. Where a platform has lost the mark, it is the text
    that begins as the empty one does, or else all text behind the cell in which `measured` stands.

    Args:
        data: a notebook's bytes.

    Returns:
        A string; "" if there is nothing.
    """
    try:
        cells = json.loads(data)["cells"]
        texts = [
            (cell["cell_type"], "".join(cell["source"]), cell.get("metadata", {})) for cell in cells
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""
    prose = [(text, metadata) for kind, text, metadata in texts if kind == "markdown"]
    marked = [
        text
        for text, metadata in prose
        if str((metadata.get("nbgrader") or {}).get("grade_id", "")).endswith("-explanation")
    ]
    found = marked or [text for text, _ in prose if text.startswith(BEGINS)]
    if not found:
        at = [k for k, (kind, text, _) in enumerate(texts) if kind == "code" and MEASURED in text]
        found = [text for kind, text, _ in texts[at[-1] + 1 :] if kind == "markdown"] if at else []
    return "\n\n".join(found).replace(EMPTY, "").strip()
