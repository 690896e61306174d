"""Whose notebook is whose, in the folders that Moodle, Canvas, nbgrader and people leave."""

import re

IGNORED = {".ipynb_checkpoints", "__MACOSX"}
MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_file_?")
CANVAS = re.compile(r"(?P<name>[^_]+)(?:_LATE)?_(?P<number>\d+)_\d+_.+")


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
