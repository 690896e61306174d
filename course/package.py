"""The zip that Gradescope takes: the grader, one assignment's checks, and that assignment's key."""

import re
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATE = (2026, 1, 1, 0, 0, 0)  # of every file, so that two builds are equal

SETUP = """#!/usr/bin/env bash
set -euo pipefail
apt-get update -qq
apt-get install -y -qq python3-venv
python3 -c 'import sys; assert sys.version_info >= (3, 11), sys.version' ||
    { echo "Choose a base image with Python 3.11 or newer, such as ubuntu-24.04."; exit 1; }
python3 -m venv /opt/grader
/opt/grader/bin/pip install -q --no-cache-dir -r /autograder/source/requirements.txt
# The students' code runs as another user, who may read Python and nothing of this.
chmod -R go+rX /opt/grader
chmod -R go-rwx /autograder/source
"""

RUN = """#!/usr/bin/env bash
cd "${AUTOGRADER:-/autograder}/source"
"${PYTHON:-/opt/grader/bin/python}" -m course.grader.gradescope NAME "${AUTOGRADER:-/autograder}"
"""


def requirements(assignment):
    """Returns the exact versions that an assignment's container needs, one a line."""
    wanted = {"numpy", "scipy", *assignment.modules} & {"numpy", "scipy", "tensorflow", "keras"}
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([\w.-]+)==(.+)$", text, flags=re.MULTILINE))
    return "".join(f"{name}=={pins[name]}\n" for name in sorted(wanted))


def gradescope(assignment, path):
    """Writes the zip of an assignment.

    Args:
        assignment: `grader.assignment.Assignment`.
        path: its file; folders are made.
    """
    files = {
        "setup.sh": SETUP,
        "run_autograder": RUN.replace("NAME", assignment.name),
        "requirements.txt": requirements(assignment),
        "key": assignment.key.hex(),
    }
    folder = ROOT / "course"
    paths = [folder / "__init__.py", *sorted((folder / "grader").rglob("*.py"))]
    paths += [assignment.folder / "checks.py", assignment.probes]
    for source in filter(None, paths):
        files[source.relative_to(ROOT).as_posix()] = source.read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, DATE)
            is_program = name in ("setup.sh", "run_autograder")
            entry.external_attr = (0o755 if is_program else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
