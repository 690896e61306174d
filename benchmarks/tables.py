"""Tables of what the bench measured, as the book shows them: one CSV file each.

python -m benchmarks.tables [FOLDER [SOURCE]]      writes all into a folder
"""

import csv
import sys
from pathlib import Path

from benchmarks.figures import SHORT
from benchmarks.quality import is_ours
from benchmarks.results import FOLDER, Part, load
from ganbook import measured

DUE = 240  # seconds at which contestants are compared


def tried(contents):
    """Returns the rows of what was tried, with a heading.

    Args:
        contents: of the part "search", as `results.load` has it.
    """
    rows = [["change", "relative distance", "as a multiple", "steps", "ms a step", "recall"]]
    for one in contents["summary"]:
        value = f"{one['test']:.3f}"
        if "range" in one:
            value += " ({:.3f} to {:.3f})".format(*one["range"])
        numbers = f"{one['num_steps']:,.0f}", f"{one['milliseconds']:.1f}", f"{one['recall']:.2f}"
        rows.append([one["title"], value, f"{one['ratio']:.2f}", *numbers])
    return rows


def finals(contents):
    """Returns the rows of the longer race, with a heading.

    Args:
        contents: of the part "finals", as `results.load` has it.
    """
    rows = [["change", "runs", "relative distance", "range", "steps", "ms a step", "recall"]]
    for one in contents["summary"]:
        numbers = f"{one['num_steps']:,.0f}", f"{one['milliseconds']:.1f}", f"{one['recall']:.2f}"
        several = one["num_runs"] > 1
        spread = "{:.4f} to {:.4f}".format(*one["range"]) if several else ""
        rows.append([one["title"], one["num_runs"], f"{one['test']:.4f}", spread, *numbers])
    return rows


def quality(contents):
    """Returns each contestant's distances after some seconds, with a heading.

    Args:
        contents: of the part "quality" or "colour", as `results.load` has it.
    """
    shown = [due for due in contents["protocol"]["times"] if due >= 20]
    rows = [["recipe", "rates", *(f"{due} s" for due in shown), f"steps in {DUE} s"]]
    for name, run in _runs(contents):
        points = {point["due"]: point for point in run["points"]}
        values = [f"{points[due]['test']:.3f}" if due in points else "" for due in shown]
        rates = "as published" if run["factor"] == 1 else f"× {run['factor']:g}"
        steps = f"{points[DUE]['steps']:,}" if DUE in points else ""
        rows.append([SHORT[name], "the book's" if is_ours(name) else rates, *values, steps])
    return rows


def headline(contents):
    """Returns what the comparison comes to.

    Args:
        contents: of the part "quality" or "colour", as `results.load` has it.

    Returns:
        A dict: ours and the best peer's distance after 240 s (of a peer, the better of its two
        runs), their ratio, the first measured seconds at which ours is as good as that, and the
        share of 240 s that these are.
    """
    own = next(run for name, run in _runs(contents) if name == "ganlib")
    peers = {
        f"{name} ×{run['factor']:g}": _at(run, DUE)
        for name, run in _runs(contents)
        if not is_ours(name) and _at(run, DUE) is not None
    }
    best = min(peers, key=peers.get)
    reached = [p["seconds"] for p in own["points"] if p["test"] <= peers[best]]
    return {
        "ours": _at(own, DUE),
        "best_peer": best,
        "peers": peers[best],
        "ratio": peers[best] / _at(own, DUE),
        "seconds_to_reach": reached[0] if reached else None,
        "share_of_time": reached[0] / DUE if reached else None,
    }


def _runs(contents):
    """Yields (name, run): each contestant as published, then at its best rates if others are."""
    for name in SHORT:
        for factor in dict.fromkeys((1.0, contents["best"].get(name, 1.0))):
            run = contents["runs"].get(f"{name} ×{factor:g}")
            if run:
                yield name, run


def _at(run, due):
    return next((point["test"] for point in run["points"] if point["due"] == due), None)


def metric_costs(contents):
    """Returns seconds, memory and value of each way to take a metric, with a heading.

    Args:
        contents: of the part "metrics", as `results.load` has it.
    """
    rows = [["metric", "way", "images × features", "seconds", "MB", "value"]]
    for one in contents["summary"]:
        size = f"{one['num_rows']:,} × {one['num_features']:,}"
        numbers = f"{one['seconds']:.2g}", f"{one['megabytes']:,.0f}", f"{one['value']:.4g}"
        rows.append([one["metric"], one["title"], size, *numbers])
    return rows


def throughput(contents):
    """Returns the milliseconds of a step and of its parts, with a heading.

    Args:
        contents: of the part "throughput", as `results.load` has it.
    """
    rows = [["loop", "ms a step", "forward", "gradients", "the rest", "ganlib's time to its"]]
    for one in contents["summary"]["full"]["contestants"].values():
        parts = (one[key] for key in ("milliseconds", "forward", "backward", "rest"))
        ratio = f"{one['ratio']:.2f}" if "ratio" in one else ""
        rows.append([one["title"], *(f"{part:.1f}" for part in parts), ratio])
    return rows


TABLES = {  # name of the file -> part and function
    "bench_tried": ("search", tried),
    "bench_finals": ("finals", finals),
    "bench_time_to_quality": ("quality", quality),
    "bench_colour": ("colour", quality),
    "bench_metric_costs": ("metrics", metric_costs),
    "bench_steps": ("throughput", throughput),
}


# ---- numbers for the prose ---------------------------------------------------------------------


def measured_section(source=FOLDER):
    """Returns the section of `numbers.json` that the bench makes, and its values.

    Args:
        source: where the results are.
    """
    there = {
        part: load(part, source)
        for part in (
            *("search", "finals", "quality", "colour", "metrics", "throughput", "growth"),
            *("folder", "limit"),
        )
        if Part(part, source).is_written()
    }
    section = {}
    for part in ("search", "finals"):
        if part in there:
            section[part] = {measured.name(one["title"]): one for one in there[part]["summary"]}
    for part in {"quality", "colour"} & set(there):
        section[part] = {"headline": headline(there[part])}
        for run in there[part]["runs"].values():
            points = {f"after_{point['due']}_s": point for point in run["points"]}
            section[part][f"{run['name']}_times_{run['factor']:g}"] = points
    for one in there["metrics"]["summary"] if "metrics" in there else ():
        size = f"{one['num_rows']}_by_{one['num_features']}"
        ways = section.setdefault("metrics", {}).setdefault(f"{one['metric']} {size}", {})
        ways[one["title"]] = one
    for mode, one in there["throughput"]["summary"].items() if "throughput" in there else ():
        section.setdefault("throughput", {})[mode] = one["contestants"]
    if "growth" in there:
        section["growth"] = there["growth"]["runs"]
    if "folder" in there:
        section["folder"] = there["folder"]["summary"]
    if "limit" in there:
        step = there["limit"]["runs"]["step"]
        # In the units of the prose, too: so such a number is noticed where it is typed.
        section["limit"] = step | {
            "gigaflops_a_second": step["rate"] / 1e9,
            "gigabytes_a_second": step["bandwidth"] / 1e9,
        }
    return "bench", measured.named(_numbers(section))


def _numbers(values):
    """Returns the numbers in nested dicts; a pair of them called `range` as `low` and `high`."""
    found = {}
    for key, value in values.items():
        if isinstance(value, dict):
            if inner := _numbers(value):
                found[key] = inner
        elif key == "range":
            found["low"], found["high"] = value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[key] = value
    return found


def measured_sections():
    """Yields the section of what the bench has measured."""
    yield measured_section()


def main(folder=FOLDER.parent, source=FOLDER):
    """Writes every table for which there are results.

    Args:
        folder: where the CSV files are written.
        source: where the results are.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (part, function) in TABLES.items():
        if Part(part, source).is_written():
            rows = function(load(part, source))
            with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows(rows)
            print(folder / f"{name}.csv")
    if folder == measured.PATH.parent:  # the book's own, not a trial's
        measured.put(*measured_section(source))


if __name__ == "__main__":
    main(*sys.argv[1:])
