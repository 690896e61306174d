"""Run the study of chapter 12, cell by cell, and keep a row for each arm: ``make study``.

    python tools/study.py                              the whole grid; called again, what is missing
    python tools/study.py --jobs 2                     two runs at a time
    python tools/study.py --run few_labels/20/0        one run anew, compared with its kept rows
    python tools/study.py --data digits --small        the whole study in little
    python tools/study.py --table                      the contrasts of the rows that are there

`book/data/12_study_protocol.yml` says what is run. A run is one execution of the lab `12_study` by
papermill, in a kernel with one thread, so that its rows do not depend on how many go at a time. Its
rows go to `book/data/12_study.csv` together, in one replacement of the file, when it ends: a sweep
that is killed loses the runs that were going on and no others. A run that was made from other code
or other parameters is made anew. A replication, if the protocol has one, comes after the grid, and
its rows have a file of their own, so that nobody takes its seeds for those of the study.
"""

import argparse
import concurrent.futures
import contextlib
import csv
import fcntl
import io
import itertools
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import yaml
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import kept  # noqa: E402, after the line that makes it importable
from tools import notebooks, study_report, sweep  # noqa: E402

DATA = ROOT / "book" / "data"
PROTOCOL = DATA / "12_study_protocol.yml"
MEASURES = ("accuracy", "balanced_accuracy", "rare_accuracy")
COLUMNS = (
    *("run", "dataset", "setting", "num_per_class", "seed", "arm", *MEASURES),
    *("seconds", "gan_seconds", "distance", "commit", "made_from", "python"),
    *("tensorflow", "keras", "numpy", "threads", "parameters"),
)
# What a row depends on; the rest of ganlib draws, measures and explains.
SOURCES = (
    *("arms", "studies", "classify", "augment", "data", "images", "features", "losses"),
    *("penalties", "training", "step", "options", "_loop", "distances", "metrics"),
)
THREADS = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}


def library(names=SOURCES):
    """Returns the files of ganlib that a row depends on."""
    return [f"ganlib/{name}.py" for name in names] + ["ganlib/models"]


def row_code(notebook):
    """Returns the code of a lab that its rows depend on: no figure, no check, no parameters."""
    lints = notebooks.lab_lints
    return [
        cell.source
        for cell in lints.code_cells(notebook)
        if not {"parameters", lints.CHECK_TAG} & set(lints.tags(cell))
        and not lints.is_setup(cell)
        and "mystnb" not in cell.metadata
    ]


class Run:
    """One cell of the grid: its name, the lab's parameters, and about how long it takes.

    Attributes:
        key: such as ``few_labels/20/0``.
        about: what is written into the first columns of its rows.
        parameters: what is injected into the lab.
        expected_seconds: for the progress bar.
        made_from: hash of the parameters, the lab's code and the library.
    """

    def __init__(self, plan, setting, num_per_class, seed):
        self.key = f"{setting}/{num_per_class}/{seed}"
        self.about = {
            "run": self.key,
            "dataset": plan.dataset,
            "setting": setting,
            "num_per_class": num_per_class,
            "seed": seed,
        }
        own = plan.settings[setting]
        self.parameters = (
            plan.defaults
            | plan.common
            | own.get("parameters", {})
            | plan.own_parameters
            | {k: v for k, v in self.about.items() if k != "run"}
            | {"setting": setting, "scored_on": plan.scored_on}
            | {"ablations": num_per_class == own.get("ablations_at", plan.ablations_at)}
        )
        self.expected_seconds = own.get("expected_seconds", 1)
        self.made_from = kept.fingerprint(plan.sources, self.parameters, plan.code)


def read_protocol(path=PROTOCOL):
    """Returns the protocol, a dict."""
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


class Plan:
    """What the protocol says about one data set.

    Args:
        dataset: such as ``fashion_mnist``.
        small: whether the small grid is run.
        replication: whether it is what the protocol says of the replication, and not of the study.
        protocol: path of the protocol.
        lab: path of the lab.
    """

    def __init__(self, dataset, *, small=False, replication=False, protocol=PROTOCOL, lab=None):
        text = read_protocol(protocol)
        if dataset not in text["data"]:
            known = ", ".join(text["data"])
            raise notebooks.LabError(f"the protocol has no data {dataset!r}; it has: {known}")
        self.dataset, self.settings, self.common = dataset, text["settings"], text["parameters"]
        self.contrasts, self.level = text["contrasts"], text["interval"]["level"]
        grid, own = text["grid"], text["data"][dataset]
        self.own_parameters = own.get("parameters", {})
        grid = grid | own.get("grid", {})
        if small:
            grid = grid | own["small"]["grid"]
            self.own_parameters = self.own_parameters | own["small"]["parameters"]
        if replication:
            grid = text["replication"]["grid"]
            changed = text["replication"]["settings"].items()
            self.settings = {name: text["settings"][name] | change for name, change in changed}
        self.ablations_at, self.scored_on = grid["ablations_at"], grid["scored_on"]
        self.lab = Path(lab) if lab else notebooks.lab_path("12_study")
        notebook = notebooks.read(self.lab)
        self.code, declared = row_code(notebook), notebooks.lab_lints.parameters(notebook)
        self.defaults = {k: v for k, v in declared.items() if k != "output_dir"}
        self.sources = library()
        numbers = grid["num_per_class"]
        # Seed by seed: a sweep that is stopped early has whole seeds.
        self.runs = {
            run.key: run
            for seed, number, setting in itertools.product(grid["seeds"], numbers, self.settings)
            if number in self.settings[setting].get("num_per_class", numbers)
            for run in [Run(self, setting, number, seed)]
        }

    def run(self, key):
        """Returns the run of that name."""
        if key not in self.runs:
            raise notebooks.LabError(f"no run {key!r}; the grid has: {', '.join(self.runs)}")
        return self.runs[key]


class Rows:
    """The CSV file of the sweep; one writer, and the file is replaced whole."""

    def __init__(self, path, columns=COLUMNS):
        self.path, self.columns = Path(path), columns

    def read(self):
        """Returns all rows, as dicts of strings."""
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def of(self, run):
        """Returns the rows of a run that was made from just this code and these parameters."""
        found = [row for row in self.read() if row["run"] == run.key]
        return found if all(row["made_from"] == run.made_from for row in found) else []

    def put(self, run, rows):
        """Keeps the rows of a run in place of older ones: all of them, or none if killed."""
        others = [row for row in self.read() if row["run"] != run.key]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(others + rows)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)

    @contextlib.contextmanager
    def locked(self):
        """Refuses a second sweep into the same file while one is going on."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        path = notebooks.BUILD / "study" / f"{kept.fingerprint([], str(self.path.resolve()))}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise notebooks.LabError(
                    f"another sweep writes {self.path}: wait for it or end it"
                ) from None
            yield


# --- one run -------------------------------------------------------------------------------------


def perform(plan, run, *, here=False):
    """Runs the lab for one cell; returns its rows, complete but for the writing."""
    # of this process alone: the kernel of a killed sweep may live for a second more
    folder = notebooks.BUILD / "study" / plan.dataset / run.key / str(os.getpid())
    copy = notebooks.inject(plan.lab, run.parameters, folder / plan.lab.name)
    execute = execute_here if here else execute_in_kernel
    output_dir = execute(copy, folder)
    rows = json.loads((output_dir / "rows.json").read_text(encoding="utf-8"))
    versions = notebooks.stamp(notebooks.read(copy))["versions"]
    about = {
        **run.about,
        **versions,
        "commit": sweep.commit("ganlib", "notebooks", "tools"),  # the rows themselves change
        "made_from": run.made_from,
        "threads": 1,
        "parameters": json.dumps(run.parameters, sort_keys=True),
    }
    shutil.rmtree(folder)  # that of a failed run stays
    return [{name: str((row | about).get(name, "")) for name in COLUMNS} for row in rows]


def execute_in_kernel(copy, folder):
    """Runs a lab by papermill; returns its output_dir.

    Papermill changes the folder of its whole process: runs that go side by side have one each.
    """
    command = [sys.executable, str(Path(__file__)), "--lab", str(copy), "--kernel", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise notebooks.LabError(result.stderr.strip()[-2000:])
    return folder / notebooks.lab_lints.parameters(notebooks.read(copy))["output_dir"]


def end_with_parent():
    """Ends this process as soon as the one that began it has ended, however that was."""
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def serve(copy, folder):
    """What the process of one run does: it ends with the sweep that began it, and so its kernel."""
    end_with_parent()
    try:
        notebooks.run(copy, folder / f"run_{copy.name}", folder, progress_bar=False)
    except notebooks.LabError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def execute_here(copy, folder):
    """Runs a lab's code in this process, which saves the start of a kernel for each cell."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    notebook = notebooks.read(copy)
    notebooks.empty_output_dir(notebook, folder)
    namespace, before = {"__name__": "__main__"}, Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for cell in notebooks.lab_lints.code_cells(notebook):
                exec(compile(cell.source, str(copy), "exec"), namespace)
    except Exception as error:
        raise notebooks.LabError(f"{copy.stem} failed: {type(error).__name__}: {error}") from error
    finally:
        os.chdir(before)
        plt.close("all")
    return folder / namespace["output_dir"]


def compare(new, old):
    """Returns one line per arm, and whether all measures of all arms are the same."""
    lines, is_same = [], [row["arm"] for row in new] == [row["arm"] for row in old]
    before = {row["arm"]: row for row in old}
    for row in new:
        earlier = before.get(row["arm"], {})
        same = all(row[name] == earlier.get(name) for name in (*MEASURES, "distance"))
        is_same &= same
        values = f"{row['accuracy']} now, {earlier.get('accuracy', 'nothing')} kept"
        lines.append(f"{'same  ' if same else 'DIFFER'} {row['arm']}: {values}")
    for name in ("python", "tensorflow", "keras", "numpy"):
        if new and old and new[0][name] != old[0][name]:
            lines.append(f"note: {name} is {new[0][name]}, the kept rows have {old[0][name]}")
    return lines, is_same


# --- the sweep -----------------------------------------------------------------------------------


def attempt(plan, run, here):
    """Performs a run; returns its rows, or its error."""
    try:
        return perform(plan, run, here=here)
    except notebooks.LabError as error:
        return error


def performed(plan, runs, jobs, here):
    """Yields each run with its rows, or with its error, as it ends."""
    if here and jobs == 1:  # in this thread, whose folder the lab takes
        for run in runs:
            yield run, attempt(plan, run, here)
        return
    if here:  # without kernels, but not in one process: each lab takes the folder of its own
        spawn = multiprocessing.get_context("spawn")
        pool = concurrent.futures.ProcessPoolExecutor(jobs, spawn, end_with_parent)
    else:
        pool = concurrent.futures.ThreadPoolExecutor(jobs)
    pending, going = iter(runs), {}
    try:
        while True:
            for run in itertools.islice(pending, jobs - len(going)):
                going[pool.submit(attempt, plan, run, here)] = run
            if not going:
                return
            ended, _ = concurrent.futures.wait(
                going, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in ended:
                yield going.pop(future), future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def sweep_grid(plan, rows, *, jobs=1, here=False):
    """Does the runs that are missing; keeps the rows of each as soon as it ends.

    A run that fails is told of at the end, and the others go on.
    """
    missing = [run for run in plan.runs.values() if not rows.of(run)]
    total = sum(run.expected_seconds for run in plan.runs.values())
    done = total - sum(run.expected_seconds for run in missing)
    print(f"{len(plan.runs) - len(missing)} of {len(plan.runs)} runs are kept", flush=True)
    form = "{percentage:3.0f}% |{bar}| {elapsed} gone, {remaining} left{postfix}"
    failures = []
    with tqdm(total=total, initial=done, bar_format=form, dynamic_ncols=True) as bar:
        for run, made in performed(plan, missing, jobs, here):
            if isinstance(made, notebooks.LabError):
                failures.append(f"{run.key}: {made}")
            else:
                rows.put(run, made)
            bar.set_postfix_str(run.key, refresh=False)
            bar.update(run.expected_seconds)
    if failures:
        raise notebooks.LabError("\n".join(failures))


def contrasts(plan, rows):
    """Returns the paired differences that the protocol names, for each n, as rows of a table."""
    from ganlib import comparison

    values = {
        (row["setting"], row["num_per_class"], row["seed"], row["arm"]): row for row in rows.read()
    }
    table = []
    for contrast in plan.contrasts:
        setting, measure = contrast["setting"], contrast["measure"]
        for number in sorted({int(key[1]) for key in values if key[0] == setting}):
            pairs = [
                [values.get((setting, str(number), seed, arm)) for arm in contrast["arms"]]
                for seed in sorted({key[2] for key in values})
            ]
            pairs = [[float(row[measure]) for row in pair] for pair in pairs if all(pair)]
            if pairs:
                interval = comparison.paired_difference(*zip(*pairs, strict=True), plan.level)
                named = bool(contrast.get("named")) and number == plan.ablations_at
                table.append(
                    {
                        "setting": setting,
                        "num_per_class": number,
                        "contrast": " − ".join(contrast["arms"]),
                        "measure": measure,
                        "named": "yes" if named else "",
                        **{
                            k: f"{100 * v:.2f}"
                            for k, v in interval._asdict().items()
                            if k[0] != "n"
                        },
                        "seeds": interval.num_pairs,
                    }
                )
    return table


def write_contrasts(plan, rows):
    """Writes the contrasts beside the rows, in percentage points; returns the path."""
    table = contrasts(plan, rows)
    path = rows.path.with_name(f"{rows.path.stem}_contrasts.csv")
    if table:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, table[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
    return path


def report(dataset, output):
    """Writes the chapter's tables and figures, if these are the rows that it shows."""
    if dataset == "fashion_mnist" and output == DATA:
        study_report.main()


def plans(given):
    """Returns the grid that is asked for, and the replication if it has one, each with its rows."""
    where = {"protocol": given.protocol, "lab": given.lab}
    small = notebooks.BUILD / "study" / "small"
    output = given.output or (small if given.small else DATA)
    name = "12_study" if given.data == "fashion_mnist" else f"12_study_{given.data}"
    found = [(Plan(given.data, small=given.small, **where), Rows(output / f"{name}.csv"))]
    again = read_protocol(given.protocol).get("replication", {})
    if given.data in again.get("data", ()) and not given.small:
        rows = Rows(output / f"{name}_replication.csv")
        found.append((Plan(given.data, replication=True, **where), rows))
    return found


def rerun(found, key, *, here=False):
    """Runs one cell anew and compares it with what is kept; returns the exit status."""
    plan, rows = next((pair for pair in found if key in pair[0].runs), found[0])
    run = plan.run(key)
    old = [row for row in rows.read() if row["run"] == key]
    start = time.perf_counter()
    new = perform(plan, run, here=here)
    print(f"{key} took {time.perf_counter() - start:.0f} s", flush=True)
    lines, is_same = compare(new, old)
    print("\n".join(lines))
    if old and old[0]["made_from"] != run.made_from:
        print(f"note: the kept rows were made from other code, commit {old[0]['commit']}")
    return 0 if is_same else 1


def main(words=None):
    """Parses the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Runs the study of chapter 12.")
    parser.add_argument("--data", default="fashion_mnist", help="a data set of the protocol")
    parser.add_argument("--small", action="store_true", help="the small grid, without kernels")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, each with one thread")
    parser.add_argument("--run", metavar="KEY", help="one run anew, such as few_images/20/0")
    parser.add_argument("--table", action="store_true", help="only write the contrasts")
    parser.add_argument("--here", action="store_true", help="without kernels, the faster way")
    parser.add_argument("--output", type=Path, help="folder for the rows")
    parser.add_argument("--protocol", type=Path, default=PROTOCOL)
    parser.add_argument("--lab", type=Path)
    parser.add_argument("--kernel", type=Path, help=argparse.SUPPRESS)  # one run of a sweep
    given = parser.parse_args(words)
    os.environ.update(THREADS)  # before TensorFlow is loaded, here or in a kernel
    if given.kernel:
        return serve(given.lab, given.kernel)
    here = given.small or given.here
    try:
        found = plans(given)
        if given.run:
            return rerun(found, given.run, here=here)
        for plan, rows in found:
            if not given.table:
                with rows.locked():
                    sweep_grid(plan, rows, jobs=given.jobs, here=here)
            print(f"The rows are in {rows.path}, the contrasts in {write_contrasts(plan, rows)}")
        report(given.data, found[0][1].path.parent)
    except notebooks.LabError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; what was finished is kept, and the same command goes on", flush=True)
        os._exit(130)  # without waiting for the runs that go on; their kernels end with us
    return 0


if __name__ == "__main__":
    sys.exit(main())
