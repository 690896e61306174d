"""An assignment as its folder has it: checks, the term's variant, personal numbers."""

import dataclasses
import importlib.util
from pathlib import Path

from course.grader.checks import Check, generator, secret

ASSIGNMENTS = Path(__file__).resolve().parents[1] / "assignments"


@dataclasses.dataclass(frozen=True)
class Assignment:
    """An assignment, as it is set in a term.

    Attributes:
        name: such as "a1".
        folder: where its files are.
        key: bytes, of this assignment alone; the instances are drawn from it.
        twist: the variant of the term, or None.
        checks: those of all questions, a tuple of `Check`.
        module: its ``checks.py``.
    """

    name: str
    folder: Path
    key: bytes
    twist: str | None
    checks: tuple
    module: object

    @property
    def questions(self):
        """The questions, in order: a dict to their points."""
        found = {}
        for item in self.checks:
            found[item.question] = found.get(item.question, 0) + item.points
        return found

    @property
    def modules(self):
        """What the students' processes have imported."""
        return getattr(self.module, "MODULES", ("numpy", "scipy.special", "scipy.linalg"))

    @property
    def probes(self):
        """The file of the functions that call a student's functions in some way, or None."""
        path = self.folder / "probes.py"
        return path if path.exists() else None

    @property
    def personal(self):
        """``(student_id) -> (parameters, number)`` of the prediction, or None."""
        return getattr(self.module, "personal", None)


def folders():
    """Returns the folders of all assignments, name -> path, in order."""
    paths = sorted(path.parent for path in ASSIGNMENTS.glob("*/checks.py"))
    return {path.name.split("_")[0]: path for path in paths}


def load(name, key, *, derived=False, twist=None, folder=None):
    """Reads an assignment.

    Args:
        name: such as "a1".
        key: the instructor's, bytes; from it the variant and the instances are chosen.
        derived: whether the key is already that of this assignment.
        twist: a variant. None: the key's choice.
        folder: where it is. None: among the course's assignments.

    Returns:
        `Assignment`.

    Raises:
        ValueError: if there is none of that name.
    """
    known = folders()
    if folder is None and name not in known:
        raise ValueError(
            f"received assignment {name!r}; expected one of {', '.join(known)}. Write A=a1."
        )
    folder = Path(folder or known[name])
    spec = importlib.util.spec_from_file_location(f"checks_of_{name}", folder / "checks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    key = key if derived else secret(key, "assignment", name)
    twists = list(getattr(module, "TWISTS", ()))
    if twist is None and twists:
        twist = twists[generator(key, "twist").integers(len(twists))]
    found = [value for value in vars(module).values() if isinstance(value, Check)]
    checks = tuple(item for item in found if item.twist in (None, twist))
    return Assignment(name, folder, key, twist, checks, module)
