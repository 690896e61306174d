"""Results on the disk: each finished run is kept at once, with what it was made from."""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
from pathlib import Path

from ganlib import _files

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("numpy", "scipy", "tensorflow", "keras", "torch")
NOT_MEASURED = ("ganlib/arms.py", "ganlib/studies.py")  # of the study; no other module imports them


class Kept:
    """The JSON file of one part of the bench.

    A run is found again by its key, if it was made on the same machine and versions, and from the
    same sources.

    Args:
        path: the file; it is read if it exists.
        protocol: dict, how the runs of this part are made: written into the file for the reader.
    """

    def __init__(self, path, protocol):
        self.path = Path(path)
        self.contents = {"machine": machine(), "protocol": protocol, "runs": {}}
        if self.path.exists():
            earlier = json.loads(self.path.read_text(encoding="utf-8"))
            if earlier.get("machine") == self.contents["machine"]:
                self.contents["runs"] = earlier["runs"]

    def get(self, key, made_from):
        """Returns what was kept of a run that was made from just this, or None."""
        run = self.contents["runs"].get(key)
        return run if run and run["made_from"] == made_from else None

    def put(self, key, run, made_from):
        """Keeps a run."""
        self.contents["runs"][key] = run | {"made_from": made_from}
        self.write()

    def only(self, keys):
        """Forgets the runs with other keys: those of an earlier plan."""
        self.contents["runs"] = {k: v for k, v in self.contents["runs"].items() if k in keys}
        self.write()

    def note(self, **values):
        """Writes something beside the runs, such as a summary of them."""
        self.contents |= values
        self.write()

    def write(self):
        """Writes the file, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.contents, indent=1, ensure_ascii=False)
        _files.write(self.path, text + "\n")


def fingerprint(sources, *settings):
    """Returns a hash of settings, and of files or Python files of folders, `NOT_MEASURED` apart."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for source in sources:
        path = ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = file.relative_to(ROOT).as_posix()
            if name not in NOT_MEASURED or name == source:
                digest.update(name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def machine():
    """Returns the processor, the cores and the versions, on which times depend."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def has_torch():
    """Returns whether PyTorch can be imported."""
    return importlib.util.find_spec("torch") is not None


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = {line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")}
    return ", ".join(sorted(names)) or platform.machine()
