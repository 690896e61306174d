"""Run the study of chapter 12, cell by cell, and keep each cell as a file: ``make study``.

    python tools/study.py                              the whole grid; called again, what is missing
    python tools/study.py --jobs 2                     two runs at a time
    python tools/study.py --run few_labels/20/0        one run anew, compared with what is kept
    python tools/study.py --run few_labels/20/0 --at row   the same by the code that made it
    python tools/study.py --hold                       the protocol's cells by today's code
    python tools/study.py --data digits --small        the whole study in little
    python tools/study.py --table                      the contrasts of the rows that are there

`book/data/12_study_protocol.yml` says what is run. A run is one execution of the lab `12_study` by
papermill, in a kernel with one thread, so that its rows do not depend on how many go at a time. A
replication, if the protocol has one, comes after the grid, and has a folder of its own, so that
nobody takes its seeds for those of the study.

A study that is an archive is finished: its cells stay as they are, whatever becomes of the code,
and each names the commit at which it can be made again. A few cells, made by today's code, show
that this still does the same.
"""

import argparse
import contextlib
import csv
import functools
import io
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ganbook import kept, keys  # noqa: E402, after the line that makes it importable
from ganlib import _files  # noqa: E402
from tools import notebooks  # noqa: E402

DATA = ROOT / "book" / "data"
PROTOCOL = DATA / "12_study_protocol.yml"
MEASURES = ("accuracy", "balanced_accuracy", "rare_accuracy")
COLUMNS = (
    *("run", "dataset", "setting", "num_per_class", "seed", "arm", *MEASURES),
    *("seconds", "gan_seconds", "distance", "commit", "key", "python"),
    *("tensorflow", "keras", "numpy", "threads", "num_rare"),
)
# What draws a figure of a run has no part in its rows.
DRAWS = ("ganlib.viz",)


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


def read_protocol(path=PROTOCOL):
    """Returns the protocol, a dict."""
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


class Plan:
    """What the protocol says about one data set.

    Attributes:
        runs: dict, a run's name such as ``few_labels/20/0`` -> `kept.Run`, in the order of the
            grid: seed by seed, so that a sweep that is stopped early has whole seeds.

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
        settings, grid, own = text["settings"], text["grid"], text["data"][dataset]
        self.contrasts, self.level = text["contrasts"], text["interval"]["level"]
        archive = text.get("archive", {})
        self.is_archive = dataset in archive.get("data", ()) and not small
        self.held, self.tolerance = archive.get("cells", ()), archive.get("tolerance", 0.0)
        parameters = own.get("parameters", {})
        grid = grid | own.get("grid", {})
        if small:
            grid, parameters = grid | own["small"]["grid"], parameters | own["small"]["parameters"]
        if replication:
            grid = text["replication"]["grid"]
            changed = text["replication"]["settings"].items()
            settings = {name: text["settings"][name] | change for name, change in changed}
        self.settings, self.ablations_at = settings, grid["ablations_at"]
        self.lab = Path(lab) if lab else notebooks.lab_path("12_study")
        notebook = notebooks.read(self.lab)
        declared = notebooks.lab_lints.parameters(notebook)
        defaults = {k: v for k, v in declared.items() if k != "output_dir"}
        self._common = defaults | text["parameters"], parameters
        self._key = keys.Code().reach_cells(row_code(notebook), DRAWS).key
        numbers = grid["num_per_class"]
        cells = itertools.product(grid["seeds"], numbers, settings)
        runs = [
            self._run(dataset, grid["scored_on"], setting, number, seed)
            for seed, number, setting in cells
            if number in settings[setting].get("num_per_class", numbers)
        ]
        self.runs = {run.name: run for run in runs}

    def _run(self, dataset, scored_on, setting, num_per_class, seed):
        own = self.settings[setting]
        cell = {"setting": setting, "num_per_class": num_per_class, "seed": seed}
        ablations = num_per_class == own.get("ablations_at", self.ablations_at)
        common, of_data = self._common
        parameters = common | own.get("parameters", {}) | of_data | cell
        parameters |= {"dataset": dataset, "scored_on": scored_on, "ablations": ablations}
        name = f"{setting}/{num_per_class}/{seed}"
        return kept.Run(name, self._key, parameters, own.get("expected_seconds", 1))

    def run(self, name):
        """Returns the run of that name."""
        if name not in self.runs:
            raise notebooks.LabError(f"no run {name!r}; the grid has: {', '.join(self.runs)}")
        return self.runs[name]


def rows_of(store, names=None):
    """Returns a row for each arm of each kept run, dicts of strings.

    Args:
        store: a `kept.Store`.
        names: those of the runs, in the order of the rows; None for all.
    """
    found = store.all()
    rows = []
    for name in found if names is None else names:
        if name in found:
            one = found[name]
            about = one["parameters"] | one["versions"] | one
            about["run"] = name
            rows += [
                {column: _text((about | row).get(column, "")) for column in COLUMNS}
                for row in one["results"]
            ]
    return rows


def _text(value):
    return "nan" if value is None else str(value)


# --- one run -------------------------------------------------------------------------------------


def perform(plan, run, *, here=False):
    """Runs the lab for one cell; returns a dict for each arm.

    Args:
        plan: a `Plan`, or anything with its ``lab``.
        run: one of its runs.
        here: whether the lab's code is executed in this process, which saves a kernel.
    """
    return _rows(run, lab=plan.lab, here=here)


def _rows(run, *, lab, here):
    # of this process alone: the kernel of a killed sweep may live for a second more
    folder = notebooks.BUILD / "study" / run.name / str(os.getpid())
    copy = notebooks.inject(lab, run.parameters, folder / lab.name)
    output_dir = (execute_here if here else execute_in_kernel)(copy, folder)
    rows = json.loads((output_dir / "rows.json").read_text(encoding="utf-8"))
    shutil.rmtree(folder)  # that of a failed run stays
    return [
        {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
        for row in rows
    ]


def execute_in_kernel(copy, folder):
    """Runs a lab by papermill; returns its output_dir."""
    notebooks.run(copy, folder / f"run_{copy.name}", folder, progress_bar=False)
    return folder / notebooks.lab_lints.parameters(notebooks.read(copy))["output_dir"]


def execute_here(copy, folder):
    """Runs a lab's code in this process, which saves the start of a kernel for each cell."""
    os.environ["MPLBACKEND"] = "agg"  # read as soon as the lab loads Matplotlib, if it does
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
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
    return folder / namespace["output_dir"]


def compare(new, old, tolerance=0.0):
    """Compares the measures of two runs of one cell, arm by arm.

    Args:
        new: rows, dicts.
        old: likewise.
        tolerance: by how much an accuracy may differ.

    Returns:
        One line for each arm, and whether all are the same, or within the tolerance.
    """
    lines, is_same = [], [row["arm"] for row in new] == [row["arm"] for row in old]
    before = {row["arm"]: row for row in old}
    for row in new:
        earlier = before.get(row["arm"], {})
        same = all(row[name] == earlier.get(name) for name in (*MEASURES, "distance"))
        near = earlier and all(
            abs((row[name] or 0.0) - (earlier[name] or 0.0)) <= tolerance for name in MEASURES
        )
        is_same &= bool(same or (tolerance and near))
        word = "same  " if same else "near  " if tolerance and near else "DIFFER"
        values = f"{row['accuracy']} now, {earlier.get('accuracy', 'nothing')} kept"
        lines.append(f"{word} {row['arm']}: {values}")
    return lines, is_same


def at_commit(plan_of, name, commit):
    """Makes a cell of the study by the code of an earlier commit; returns its rows.

    Args:
        plan_of: arguments of `Plan`, a dict.
        name: the run's name.
        commit: as a kept run has it.

    Raises:
        notebooks.LabError: if that commit is not in this clone, or its code fails.
    """
    folder = notebooks.BUILD / "study" / "at" / commit
    with worktree(commit, folder):
        program = (
            "import json, sys\n"
            f"sys.path.insert(0, {str(folder)!r})\n"
            "from tools import study\n"
            f"plan = study.Plan(**{plan_of!r})\n"
            f"print(json.dumps(study.perform(plan, plan.run({name!r}))))\n"
        )
        environment = os.environ | kept.ONE_THREAD | {"PYTHONPATH": str(folder)}
        result = subprocess.run(
            [sys.executable, "-c", program],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode:
        raise notebooks.LabError(f"the code of {commit} failed:\n{result.stderr.strip()[-2000:]}")
    return [_numbers(row) for row in json.loads(result.stdout.splitlines()[-1])]


def _numbers(row):
    """A row with numbers for its measures: earlier code wrote all of them as text."""
    measures = {name: float(row[name] if row[name] is not None else "nan") for name in MEASURES}
    measures |= {"distance": float(row["distance"])}
    return row | {k: None if math.isnan(v) else v for k, v in measures.items()}


@contextlib.contextmanager
def worktree(commit, folder):
    """Checks a commit out beside this tree, for as long as it is needed."""
    shutil.rmtree(folder, ignore_errors=True)
    command = ["git", "worktree", "add", "--detach", "--force", str(folder), commit.rstrip("+")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise notebooks.LabError(
            f"commit {commit} is not to be had in this clone; expected its whole history, as "
            f"`git fetch --unshallow` brings it\n{result.stderr.strip()}"
        )
    try:
        yield folder
    finally:
        subprocess.run(
            ["git", "worktree", "remove", "--force", str(folder)], cwd=ROOT, capture_output=True
        )


# --- the sweep -----------------------------------------------------------------------------------


def sweep_grid(plan, store, *, jobs=1, here=False):
    """Does the runs that are missing; keeps each as soon as it ends.

    A run that fails is told of at the end, and the others go on.
    """
    performing = functools.partial(_rows, lab=plan.lab, here=here)
    failures = kept.perform_missing(store, list(plan.runs.values()), performing, jobs=jobs)
    if plan.is_archive:
        fresh = sum(kept.Store.fresh(store, run) is not None for run in plan.runs.values())
        print(f"{fresh} of them by what today's code still does; each names its commit")
    if failures:
        raise notebooks.LabError("\n".join(f"{run.name}: {error}" for run, error in failures))


def contrasts(plan, rows):
    """Returns the paired differences that the protocol names, for each n, as rows of a table."""
    from ganlib import comparison

    values = {(row["setting"], row["num_per_class"], row["seed"], row["arm"]): row for row in rows}
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
                ends = {k: f"{100 * v:.2f}" for k, v in interval._asdict().items() if k[0] != "n"}
                table.append(
                    {
                        "setting": setting,
                        "num_per_class": number,
                        "contrast": " − ".join(contrast["arms"]),
                        "measure": measure,
                        "named": "yes" if named else "",
                        **ends,
                        "seeds": interval.num_pairs,
                    }
                )
    return table


def write_tables(plan, store):
    """Writes the rows, and the contrasts in percentage points, beside the store's folder.

    Returns:
        The paths of the two files.
    """
    rows = rows_of(store, plan.runs)
    paths = [store.folder.parent / f"{store.folder.name}{end}.csv" for end in ("", "_contrasts")]
    for path, table in zip(paths, (rows, contrasts(plan, rows)), strict=True):
        text = io.StringIO()
        if table:
            writer = csv.DictWriter(text, table[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
            _files.write(path, text.getvalue())
    return paths


def report(dataset, output):
    """Writes the chapter's tables and figures, if these are the rows that it shows."""
    if dataset == "fashion_mnist" and output == DATA:
        from tools import study_report  # here, since each run's process would draw nothing with it

        study_report.main()


def plans(given):
    """Returns the grid that is asked for, and the replication if it has one, each with its store.

    Third, the arguments of each `Plan`.
    """
    where = {k: v for k, v in (("protocol", given.protocol), ("lab", given.lab)) if v}
    output = given.output or (notebooks.BUILD / "study" / "small" if given.small else DATA)
    name = "12_study" if given.data == "fashion_mnist" else f"12_study_{given.data}"
    again = read_protocol(given.protocol or PROTOCOL).get("replication", {})
    asked = [(name, {"dataset": given.data, "small": given.small})]
    if given.data in again.get("data", ()) and not given.small:
        asked.append((f"{name}_replication", {"dataset": given.data, "replication": True}))
    found = []
    for folder, arguments in asked:
        plan = Plan(**arguments, **where)
        kind = kept.Archive if plan.is_archive else kept.Store
        found.append((plan, kind(output / folder), arguments))
    return found


def rerun(found, name, *, here=False, at_row=False, tolerance=0.0):
    """Runs one cell anew and compares it with what is kept; returns the exit status."""
    matching = (entry for entry in found if name in entry[0].runs)
    plan, store, arguments = next(matching, found[0])
    run, old = plan.run(name), store.read(name)
    if at_row and old is None:
        raise notebooks.LabError(f"nothing is kept of {name}: there is no commit to make it at")
    start = time.perf_counter()
    new = at_commit(arguments, name, old["commit"]) if at_row else perform(plan, run, here=here)
    print(f"{name} took {time.perf_counter() - start:.0f} s", flush=True)
    lines, is_same = compare(new, old["results"] if old else [], tolerance)
    print("\n".join(lines))
    for package, version in (old["versions"] if old else {}).items():
        today = kept.machine()[package]
        if today != version:
            print(f"note: {package} is {today}, the kept rows have {version}")
    if old and not at_row and kept.Store.fresh(store, run) is None:
        print(f"note: the kept rows were made from other code, commit {old['commit']}")
    return 0 if is_same else 1


def hold(found):
    """Makes the protocol's few cells by today's code; returns the exit status."""
    plan = found[0][0]
    if not plan.held:
        raise notebooks.LabError("the protocol names no cells to hold: add `archive: cells:`")
    print(f"an accuracy may differ by {100 * plan.tolerance:.1f} points: other machines round so")
    return max(rerun(found, name, tolerance=plan.tolerance) for name in plan.held)


def main(words=None):
    """Parses the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Runs the study of chapter 12.")
    parser.add_argument("--data", default="fashion_mnist", help="a data set of the protocol")
    parser.add_argument("--small", action="store_true", help="the small grid, without kernels")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, each with one thread")
    parser.add_argument("--run", metavar="NAME", help="one run anew, such as few_images/20/0")
    parser.add_argument("--at", choices=["row"], help="with --run: by the code of its own commit")
    parser.add_argument("--hold", action="store_true", help="the protocol's cells, made anew")
    parser.add_argument("--table", action="store_true", help="only write the tables")
    parser.add_argument("--here", action="store_true", help="without kernels, the faster way")
    parser.add_argument("--output", type=Path, help="folder for the rows")
    parser.add_argument("--protocol", type=Path)
    parser.add_argument("--lab", type=Path)
    given = parser.parse_args(words)
    os.environ.update(kept.ONE_THREAD)  # before TensorFlow is loaded, here or in a kernel
    here = given.small or given.here
    try:
        found = plans(given)
        if given.run:
            return rerun(found, given.run, here=here, at_row=bool(given.at))
        if given.hold:
            return hold(found)
        for plan, store, _ in found:
            if not given.table:
                sweep_grid(plan, store, jobs=given.jobs, here=here)
            rows, differences = write_tables(plan, store)
            print(f"The rows are in {rows}, the contrasts in {differences}")
        report(given.data, found[0][1].folder.parent)
    except notebooks.LabError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; what was finished is kept, and the same command goes on", flush=True)
        os._exit(130)  # without waiting for the runs that go on; they end with us
    return 0


if __name__ == "__main__":
    sys.exit(main())
