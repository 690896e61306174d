"""Kept runs: what takes minutes is done once, and each finished run is one file.

A file says what was measured, with which parameters, from which commit, by which versions, on how
many threads, in how many seconds, and its *key*: what the run was made from (`ganbook.keys`). A run
is fresh, and is not made again, as long as its key is today's. It is also fresh where a ledger says
that what has changed since does not alter it: `tools/equal.py` writes such an entry, and only after
both trees gave the same bits.
"""

import concurrent.futures
import dataclasses
import importlib.metadata
import json
import multiprocessing
import os
import platform
import re
import subprocess
import threading
import time
from pathlib import Path

from tqdm import tqdm

from ganlib import _files

ROOT = Path(__file__).resolve().parents[1]
LEDGER = ROOT / "book" / "data" / "ledger.json"
PACKAGES = ("numpy", "tensorflow", "keras")
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One run that is to be kept.

    Attributes:
        name: such as ``few_labels/20/0``; its file is called after it.
        key: what it is made from today.
        parameters: dict that JSON can hold.
        expected_seconds: about how long it takes, for the progress bar.
        packages: those whose versions stand in its file.
    """

    name: str
    key: str
    parameters: dict
    expected_seconds: float = 1.0
    packages: tuple = PACKAGES


class Store:
    """A folder of kept runs.

    Args:
        folder: path; it is made with the first run.
        ledger: path of the ledger.
        same_machine: whether a run of another machine, or of other versions of its packages, is
            none: where times are measured.

    Example:
        >>> import tempfile
        >>> store = Store(tempfile.mkdtemp())
        >>> run = Run("a/5/0", key="0123", parameters={"steps": 3})
        >>> store.fresh(run) is None
        True
        >>> _ = store.put(run, {"accuracy": 0.5}, seconds=1.0)
        >>> store.fresh(run)["results"]
        {'accuracy': 0.5}
        >>> store.fresh(dataclasses.replace(run, key="4567")) is None
        True
    """

    def __init__(self, folder, *, ledger=LEDGER, same_machine=False):
        self.folder, self._same_machine = Path(folder), same_machine
        self._equal = Ledger(ledger)

    def path(self, name):
        """Returns the file of a run.

        Args:
            name: the run's name.

        Returns:
            `Path`, whether the file exists or not.
        """
        return self.folder / f"{re.sub(r'[^0-9A-Za-z_.+]+', '-', name).strip('-')}.json"

    def read(self, name):
        """Returns what is kept of a run, fresh or not; None if nothing is.

        Args:
            name: the run's name.

        Returns:
            What `put` returned, or None.
        """
        path = self.path(name)
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def all(self):
        """Returns dict: name -> what is kept, in the order of the files' names.

        Returns:
            dict of str -> what `put` returned.
        """
        paths = sorted(self.folder.glob("*.json"))
        kept = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        return {one["name"]: one for one in kept}

    def fresh(self, run):
        """Returns what is kept of a run that was made from just this, or None.

        Args:
            run: a `Run`; its key and its parameters must be those of what is kept.

        Returns:
            What `put` returned, or None.
        """
        kept = self.read(run.name)
        if kept is None or kept["parameters"] != _as_json(run.parameters):
            return None
        if self._same_machine and not machine(run.packages).items() <= kept["machine"].items():
            return None
        return kept if self._equal.are(kept["key"], run.key) else None

    def put(self, run, results, *, seconds, threads=None):
        """Keeps a run in place of an older one of its name.

        Args:
            run: a `Run`.
            results: what JSON can hold.
            seconds: how long it took.
            threads: on how many threads; None where that was left to TensorFlow.

        Returns:
            What is in the file, a dict.

        Raises:
            ValueError: if another run has this file already.
        """
        about = machine(run.packages)
        kept = {
            "name": run.name,
            "key": run.key,
            "commit": commit(),
            "versions": {k: about.pop(k) for k in ("python", *run.packages)},
            "threads": threads,
            "seconds": round(seconds, 1),
            **({"machine": machine(run.packages)} if self._same_machine else {}),
            "parameters": _as_json(run.parameters),
            "results": results,
        }
        other = self.read(run.name)
        if other and other["name"] != run.name:
            raise ValueError(
                f"received a run named {run.name!r}, whose file {self.path(run.name).name} holds "
                f"the run {other['name']!r}; expected names that differ in letters or digits. "
                "Rename one."
            )
        self.write(kept)
        return kept

    def write(self, kept):
        """Writes the file of a run, whole or not at all.

        Args:
            kept: what `put` returns.
        """
        text = json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=False)
        self.folder.mkdir(parents=True, exist_ok=True)
        _files.write(self.path(kept["name"]), text + "\n")

    def only(self, names):
        """Removes the runs of an earlier plan: those with other names.

        Args:
            names: the names to keep.
        """
        for name in self.all():
            if name not in names:
                self.path(name).unlink()


class Archive(Store):
    """The runs of a study that is finished: none is made again because the code has changed since.

    Each names the commit that made it, and is remade there.

    Args:
        folder: as for `Store`.
    """

    def fresh(self, run):
        """Returns what is kept of a run with these parameters, whatever its key; or None.

        Args:
            run: a `Run`.

        Returns:
            What `put` returned, or None.
        """
        kept = self.read(run.name)
        return kept if kept and kept["parameters"] == _as_json(run.parameters) else None


class Ledger:
    """Which keys stand for the same results, as comparisons of two trees have shown.

    Args:
        path: JSON file, a list of entries with "old", "new", "commit" and "probe".
    """

    def __init__(self, path=LEDGER):
        self._path = Path(path)

    def entries(self):
        """Returns the entries, a list of dicts, the oldest first.

        Returns:
            list of dict, empty if there is no file.
        """
        if not self._path.exists():
            return []
        return json.loads(self._path.read_text(encoding="utf-8"))

    def are(self, old, new):
        """Whether a run with the old key is as good as one with the new key.

        Args:
            old: the key of what is kept.
            new: today's key.

        Returns:
            bool. Equality goes on from entry to entry.
        """
        reached, before = {old}, set()
        while reached != before:
            before = set(reached)
            reached |= {entry["new"] for entry in self.entries() if entry["old"] in before}
        return new in reached

    def add(self, entries):
        """Adds entries, those that are there already apart.

        Args:
            entries: dicts with "old", "new", "commit" and "probe".
        """
        known = self.entries()
        new = [entry for entry in entries if entry not in known]
        if not new:
            return
        lines = ",\n ".join(json.dumps(entry, ensure_ascii=False) for entry in [*known, *new])
        self._path.parent.mkdir(parents=True, exist_ok=True)
        _files.write(self._path, f"[{lines}]\n")


def perform_missing(store, runs, perform, *, jobs=1, threads=1):
    """Does the runs that are not kept, so many at a time; keeps each as soon as it ends.

    A run that fails is told of at the end, and the others go on. Where this process is killed, the
    runs that were going on end with it, and nothing else is lost.

    Args:
        store: a `Store`.
        runs: `Run` objects.
        perform: function of a module: a run -> its results. It works in a process of its own.
        jobs: how many runs at a time.
        threads: threads of each, for what the files say; `perform`'s process has just one.

    Returns:
        list of (run, exception), empty if all went well.
    """
    missing = [run for run in runs if store.fresh(run) is None]
    total = sum(run.expected_seconds for run in runs)
    done = total - sum(run.expected_seconds for run in missing)
    print(f"{len(runs) - len(missing)} of {len(runs)} runs are kept", flush=True)
    failures = []
    if not missing:
        return failures
    clean = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    form = "{percentage:3.0f}% |{bar}| {elapsed} gone, {remaining} left{postfix}"
    with (
        concurrent.futures.ProcessPoolExecutor(
            min(jobs, len(missing)), clean, _end_with_parent, max_tasks_per_child=1
        ) as pool,
        tqdm(total=total, initial=done, bar_format=form, dynamic_ncols=True) as bar,
    ):
        going = {pool.submit(timed, perform, run): run for run in missing}
        for ended in concurrent.futures.as_completed(going):
            run = going[ended]
            try:
                results, seconds = ended.result()
            except Exception as error:
                failures.append((run, error))
            else:
                store.put(run, results, seconds=seconds, threads=threads)
            bar.set_postfix_str(run.name, refresh=False)
            bar.update(run.expected_seconds)
    return failures


def timed(perform, run):
    """Performs a run; returns its results, and the seconds that it took.

    Args:
        perform: function of a run.
        run: a `Run`.

    Returns:
        tuple: what `perform` returned, and the seconds.
    """
    start = time.perf_counter()
    results = perform(run)
    return results, time.perf_counter() - start


def _end_with_parent():
    """Ends this process as soon as the one that began it has ended, however that was."""
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def commit(*paths, root=ROOT):
    """Returns the commit that is checked out, with a + if the tree (or paths in it) differs.

    What is kept is no part of that: a second run of one sweep finds the first one's file.

    Args:
        *paths: what may not differ; everything but the book and the labs if left out.
        root: a folder in the tree.

    Returns:
        str such as "89af40d" or "89af40d+"; "unknown" for the commit where there is no repository.
    """

    def git(*words):
        result = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=False
        )
        return result.stdout.strip() if result.returncode == 0 else None

    revision = git("rev-parse", "--short", "HEAD")
    paths = paths or (".", ":!book", ":!notebooks/*.ipynb")
    return f"{revision or 'unknown'}{'+' if git('status', '--porcelain', '--', *paths) else ''}"


def machine(packages=PACKAGES):
    """Returns the processor, the cores and the versions, on which times depend.

    Args:
        packages: whose versions.

    Returns:
        dict with "processor", "cores", "system", "python" and the names of the packages.
    """
    cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count()))(0)
    return {
        "processor": _processor(),
        "cores": len(cores),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def version(package):
    """Returns the version of an installed package, or None.

    Args:
        package: its name on PyPI.

    Returns:
        str, or None if it is not installed.
    """
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = {line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")}
    return ", ".join(sorted(names)) or platform.machine()


def _as_json(value):
    """What a value is when it has been written and read again: tuples are lists."""
    return json.loads(json.dumps(value))
