"""What runs in Gradescope's container: ``python -m course.grader.gradescope a1 /autograder``.

It reads ``submission/`` and ``submission_metadata.json`` below the folder, and writes
``results/results.json``. A result without scores makes Gradescope say that the autograder failed,
which is right: nobody gets 0 for it, and the submission can be run again.
"""

import json
import sys
import traceback
from pathlib import Path

from course.grader import assignment as assignments
from course.grader.fence import Fence, Ungraded
from course.grader.judge import grade

UNGRADED = (
    "Not graded: the machine was too busy, or the grader itself failed. This costs no points. "
    "Submit again; if it comes back, tell your teacher."
)


def visible_or_later(check):
    """Returns Gradescope's word for who sees how a check ended."""
    return "visible" if check.visible else "after_published"


def as_results(result):
    """Makes what Gradescope reads of a graded submission.

    Args:
        result: `judge.Result`.

    Returns:
        A dict for JSON. Nothing in it says what was asked or expected.
    """
    tests = []
    for verdict in result.verdicts:
        check = verdict.check
        test = {"name": f"{check.question}: {check.name}", "max_score": check.points}
        test |= {"output": verdict.message, "visibility": visible_or_later(check)}
        if verdict.score is not None:
            test |= {"score": verdict.score}
        tests.append(test)
    found = {"output": "\n".join(result.notes), "tests": tests}
    found["extra_data"] = {"student": result.student, "personal": result.personal}
    if result.score is None:
        found["output"] = "\n".join([UNGRADED, *result.notes])
        found["extra_data"]["trouble"] = result.trouble
    else:
        found |= {"score": result.score}
    return found


def student_of(root):
    """Returns by what the submission's student is known, as the metadata say."""
    try:
        metadata = json.loads((root / "submission_metadata.json").read_text(encoding="utf-8"))
        return " ".join(sorted(str(user["email"]) for user in metadata["users"]))
    except (OSError, ValueError, KeyError, TypeError):
        return "student"


def run(name, root, key):
    """Grades the submission in a container.

    Args:
        name: of the assignment.
        root: the folder that holds ``submission/``.
        key: of the assignment, bytes.

    Returns:
        A dict for JSON.
    """
    found = [path for path in sorted((root / "submission").rglob("*.ipynb")) if _is_own(path)]
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        words = f"Expected one notebook (.ipynb), found {len(found)}: {names}. Upload that alone."
        return {"score": 0, "output": words, "tests": []}
    assignment = assignments.load(name, key, derived=True)
    try:
        with Fence(assignment.modules, assignment.probes) as fence:
            result = grade(assignment, fence, student_of(root), found[0].read_bytes())
    except Ungraded as error:
        return {"output": UNGRADED, "extra_data": {"trouble": [str(error)]}}
    return as_results(result)


def _is_own(path):
    return ".ipynb_checkpoints" not in path.parts and "__MACOSX" not in path.parts


def main(name, folder):
    """Grades, and writes down what was found, or that nothing could be."""
    root = Path(folder)
    try:
        key = bytes.fromhex(Path("key").read_text(encoding="ascii"))
        found = run(name, root, key)
    except Exception:
        found = {"output": UNGRADED, "extra_data": {"trouble": [traceback.format_exc()]}}
    (root / "results").mkdir(exist_ok=True)
    text = json.dumps(found, indent=1)
    (root / "results" / "results.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
