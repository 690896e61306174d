"""Build the wheel, check it, and use it where nothing of the repository is: `make wheel`.

    python tools/wheel.py [CONSTRAINTS]

The wheel is built from a copy of the working tree, so that nothing from an older build gets into
it, and lies in `build/wheel/` afterwards. A bare environment beside it gets the wheel alone, which
must say what to install for training, and then the wheel with its extra `tensorflow`. In an empty
folder elsewhere the README's quick start runs in small, twice, as it promises.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import colab, lab_lints, notebooks  # noqa: E402, after the line that makes them importable

FOLDER = ROOT / "build" / "wheel"
PYTHON = FOLDER / "environment" / "bin" / "python"
EXTRA = "ganlib[tensorflow]"
PICTURES = """\
from ganlib import data
data.save_folder(data.load_emoji(image_size=64)[:8], "my_pictures")"""


def quick_start(readme, num_steps):
    """Returns the README's script with another number of steps.

    Args:
        readme: text of the README.
        num_steps: so many, in the place of its own.
    """
    (code,) = re.findall(r"^```python\n(from ganlib.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    given = sorted(set(re.findall(r"\bnum_steps=([\d_]+)", code)))
    if len(given) != 1:
        raise notebooks.LabError(
            f"the README's quick start has {given or 'no'} for num_steps=…; expected one number"
        )
    return code.replace(f"num_steps={given[0]}", f"num_steps={num_steps}")


def build(folder):
    """Builds the wheel from a copy of the working tree; returns its path."""
    shutil.rmtree(folder, ignore_errors=True)
    colab.copy_tree(ROOT, folder / "source")
    options = ("--no-deps", "--no-build-isolation", "-q", "-w", folder)
    colab.call(sys.executable, "-m", "pip", "wheel", *options, folder / "source")
    (wheel,) = folder.glob("*.whl")
    # It reads the settings of pyproject.toml; the packages that it compares with lie there.
    checker = Path(sys.executable).with_name("check-wheel-contents")
    colab.call(checker, wheel, cwd=folder / "source")
    return wheel


def install(what, constraints):
    """Installs something into the bare environment, with exact versions if there are any."""
    pins = ["-c", ROOT / constraints] if constraints else []
    colab.call(PYTHON, "-I", "-m", "pip", "install", "-q", what, *pins)


def run(code, folder):
    """Runs code in a folder by the bare environment alone; returns what came of it."""
    command = [PYTHON, "-I", "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def require_advice(folder):
    """Without TensorFlow, what needs it must say what to install; the rest must work."""
    result = run(
        "import ganlib.data, ganlib.metrics, ganlib.viz; print('so far')\nimport ganlib.training",
        folder,
    )
    if not result.returncode or not result.stdout or EXTRA not in result.stderr:
        raise notebooks.LabError(
            f"without TensorFlow, `import ganlib.training` said:\n{result.stderr or 'nothing'}\n"
            f"expected an error there, which names {EXTRA}"
        )


def use(folder):
    """Runs the command, and the README's quick start twice where pictures are and nothing else."""
    colab.call(PYTHON.with_name("ganlib"), "doctor", "--quick", cwd=folder)
    script = quick_start((ROOT / "README.md").read_text(encoding="utf-8"), num_steps=4)
    for what, code in (("the pictures", PICTURES), ("start", script), ("second start", script)):
        result = run(code, folder)
        if result.returncode:
            raise notebooks.LabError(f"the README's quick start, {what}:\n{result.stderr}")


def main(constraints=""):
    """Builds, checks and tries the wheel; returns the exit status."""
    try:
        wheel = build(FOLDER)
        print(f"{wheel.relative_to(ROOT)}: {wheel.stat().st_size / 1e6:.1f} MB, nothing missing.")
        with tempfile.TemporaryDirectory() as elsewhere:
            colab.call(sys.executable, "-m", "venv", FOLDER / "environment")
            install(wheel, constraints)
            require_advice(elsewhere)
            print("Installing TensorFlow beside it; this downloads about 1 GB …", flush=True)
            install(f"{EXTRA} @ {wheel.as_uri()}", constraints)
            print(colab.call(PYTHON, "-I", "-m", "pip", "check").strip(), flush=True)
            use(elsewhere)
        print("In a bare environment the README's quick start runs, and goes on when run again.")
    except notebooks.LabError as error:
        print(error, file=sys.stderr)
        return 1
    if lab_lints.repository_url(notebooks.CONFIG) == notebooks.PLACEHOLDER:
        print("Its addresses lead nowhere yet: `make repository URL=…`, before it is published.")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
