"""Run a lab for several parameters, and write one table for the book: ``make sweep NB=07_dcgan``.

    python tools/sweep.py 07_dcgan

``notebooks/sweeps.yml`` says which runs, and which of their numbers are columns. A run leaves them
in the lab's ``results.json``. They are kept, with parameters, commit and versions, in a file of
``book/data/sweeps/LAB/`` as soon as it ends, so a sweep that is interrupted loses one run at most:
called again, it does the missing ones. Runs that were made from other code are made anew.
"""

import argparse
import csv
import functools
import json
import math
import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ganbook import kept, measured  # noqa: E402, after the line that makes it importable
from tools import notebooks  # noqa: E402

DATA = ROOT / "book" / "data"
# What a lab writes of several seeds, such as "0.72 (0.56 to 0.87)".
OVER_SEEDS = re.compile(r"([\d.]+%?) \(([\d.]+%?) to ([\d.]+%?)\)")
NO_FAULT, FAULT = "no_fault", "only_"  # in the names that lab 16 writes


def plan(name):
    """Returns the runs of a lab's tables.

    Returns:
        ``(runs, tables)``: dict of name -> `kept.Run`, and for each table dict of label -> name of
        a run. What two tables have in common is run once.
    """
    path = notebooks.lab_path(name)
    key, runs, tables = notebooks.key(notebooks.read(path)), {}, {}
    for table_name, table in notebooks.settings("sweeps.yml", name).items():
        tables[table_name] = {}
        for label, own in table["rows"].items():
            parameters = table["all"] | own if own else {}
            found = [run.name for run in runs.values() if run.parameters == parameters]
            run = kept.Run(f"{table_name} {label}" if own else "published", key, parameters)
            tables[table_name][label] = found[0] if found else run.name
            runs.setdefault(tables[table_name][label], run)
    return runs, tables


def perform(name, run):
    """Runs a lab with some parameters changed; returns its results.

    Without a change it is the published run, which is not repeated if it was made here just so.
    """
    path, folder = notebooks.lab_path(name), notebooks.BUILD / "sweep"
    notebook = notebooks.read(path)
    output_dir = notebooks.lab_lints.parameters(notebook)["output_dir"]
    results_path = path.parent / output_dir / "results.json"
    is_here = results_path.exists() and notebook.metadata["ganlib"]["key"] == run.key
    if run.parameters or not is_here:
        copy = notebooks.inject(path, run.parameters, folder / path.name)
        notebooks.run(copy, folder / f"run_{path.name}", folder)
        results_path = folder / output_dir / "results.json"
    return json.loads(results_path.read_text(encoding="utf-8"))


def write_table(path, table, runs):
    """Writes the rows of one table, and below them the median and the range."""
    heading, columns = table["heading"], notebooks.settings("sweeps.yml", "columns")
    wanted = {name: columns[name] for name in table.get("columns", columns)}
    names = {k: v for k, v in wanted.items() if all(v[0] in r["results"] for r in runs.values())}
    lines = [[heading, *names]]
    for label, run in runs.items():
        lines.append([label, *(f.format(run["results"][n]) for n, f in names.values())])
    if table.get("summary"):
        columns = [[run["results"][n] for run in runs.values()] for n, _ in names.values()]
        formats = [f for _, f in names.values()]
        pairs = list(zip(columns, formats, strict=True))
        lines.append(["median", *(f.format(statistics.median(c)) for c, f in pairs)])
        lines.append(["range", *(f"{f.format(min(c))} to {f.format(max(c))}" for c, f in pairs)])
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def sweep(name):
    """Does the runs of all tables of one lab that are missing, and writes the tables."""
    store = kept.Store(DATA / "sweeps" / name)
    runs, tables = plan(name)
    for number, run in enumerate(runs.values(), 1):
        if store.fresh(run) is None:
            print(f"{name} {number}/{len(runs)}: {run.name}", flush=True)
            results, seconds = kept.timed(functools.partial(perform, name), run)
            store.put(run, results, seconds=seconds)
    store.only(runs)
    found = store.all()
    for table_name, table in notebooks.settings("sweeps.yml", name).items():
        path = DATA / f"{name}_{table_name}.csv"
        chosen = {label: found[run_name] for label, run_name in tables[table_name].items()}
        write_table(path, table, chosen)
        print(f"The table is in {path.relative_to(ROOT)}", flush=True)
    measured.put(*measured_section(name))


# ---- numbers for the prose ---------------------------------------------------------------------


def remembered(results):
    """Returns how far held-out images are from the training ones on the way to the generated ones.

    By the mean signs of the discriminator's logits: 0 if it treats them as it does the training
    images, and 1 if as the generated ones, so that it knows the training images by heart.
    """
    found = {}
    for kind in ("plain", "augmented"):
        names = (f"sign_{which}_{kind}" for which in ("training", "held_out", "generated"))
        values = [results.get(name) for name in names]
        if None not in values:
            training, held_out, generated = values
            found[f"remembered_{kind}"] = (training - held_out) / (training - generated)
    return found


def costs(results):
    """Returns how many times the distance without a fault is that with one, fault by fault."""
    return {
        f"cost_{name.removeprefix(FAULT)}": value / results[NO_FAULT]
        for name, value in results.items()
        if name.startswith(FAULT) and NO_FAULT in results
    }


def over_seeds(results):
    """Returns the numbers in texts of a median and a range; a percentage as a share.

    Example:
        >>> over_seeds({"close": "0.05 (0.05 to 0.16)", "modes": 8})
        {'close_median': 0.05, 'close_low': 0.05, 'close_high': 0.16}
    """
    found = {}
    for name, value in results.items():
        if isinstance(value, str) and (match := OVER_SEEDS.fullmatch(value)):
            for end, text in zip(("median", "low", "high"), match.groups(), strict=True):
                number = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
                found[f"{name}_{end}"] = int(text) if text.isdigit() else number
    return found


def row_name(heading, label):
    """Returns a name for a row: `latents, seed` and `16, 0` make `latents_16_seed_0`."""
    heads, parts = heading.split(", "), re.sub(r"(?<=\d),(?=\d)", "", label).split(", ")
    if len(heads) != len(parts):
        return measured.name(label)
    pairs = zip(heads, parts, strict=True)
    return measured.name(" ".join(p if p[0].isalpha() else f"{h} {p}" for h, p in pairs))


def summary(values):
    """Returns what the prose may say of one number over the rows of a table.

    The interval of a mean is Student's, of 95%; the geometric mean's is that of the logarithms.
    """
    found = {"median": statistics.median(values), "low": min(values), "high": max(values)}
    found |= {"each": values, "mean": _mean(values)}
    if min(values) > 0:
        logarithms = _mean([math.log(value) for value in values])
        found["geometric_mean"] = {key: math.exp(value) for key, value in logarithms.items()}
    return found


def _mean(values):
    from scipy import stats

    mean, deviation = statistics.mean(values), statistics.stdev(values)
    half = stats.t.ppf(0.975, len(values) - 1) * deviation / math.sqrt(len(values))
    return {"mean": mean, "low": mean - half, "high": mean + half}


def measured_section(name):
    """Returns the section of `numbers.json` that a lab's sweep makes, and its values.

    A table has each row's numbers below `rows`, and if it has a summary, that of each number.
    """
    found, section, tables = kept.Store(DATA / "sweeps" / name).all(), {}, plan(name)[1]
    for table_name, table in notebooks.settings("sweeps.yml", name).items():
        rows = {}
        for label, run_name in tables[table_name].items():
            results = found[run_name]["results"]
            derived = remembered(results) | costs(results) | over_seeds(results)
            rows[row_name(table["heading"], label)] = measured.named(results | derived)
        section[measured.name(table_name)] = values = {"rows": rows}
        for key in next(iter(rows.values())) if table.get("summary") else ():
            column = [row[key] for row in rows.values() if key in row]
            if len(column) == len(rows) and all(isinstance(one, int | float) for one in column):
                values[key] = summary(column)
    return f"sweep{name[:2]}", section


def measured_sections():
    """Yields the section of each sweep whose runs are kept."""
    for folder in sorted((DATA / "sweeps").iterdir()):
        yield measured_section(folder.name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Runs a lab for several parameters.")
    parser.add_argument("name", help="a lab, such as 07_dcgan")
    try:
        sweep(parser.parse_args().name)
    except notebooks.LabError as error:
        sys.exit(str(error))
