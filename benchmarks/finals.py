"""What was ahead in the search, over a longer distance and with several seeds.

A short race favours what begins fast, so the changes that were ahead of lab 07's recipe by more
than its seeds differ run again, for the same seconds each: two at a time with one thread each, as
in the search. One row more runs bfloat16 as a processor without instructions for it would.
"""

import statistics

from benchmarks import search

SECONDS = 240
SEEDS = (0, 1, 2)
AHEAD = ("bfloat16", "generator: every grid draws", "batches of 32")
HIDDEN = "bfloat16 without instructions for it"  # oneDNN, which computes the convolutions, obeys:
ENVIRONMENT = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"}  # the set before the one that has bfloat16
QUICK = (search.AS_IT_IS, "bfloat16")


def run(bench):
    """Makes the runs that are missing.

    Args:
        bench: a ``tools.bench.Bench``.
    """
    seeds = [0] if bench.quick else SEEDS
    chosen = changes(seeds, QUICK if bench.quick else None)
    search.race(bench, "finals", chosen, SECONDS, seeds, summary)


def changes(seeds, titles=None):
    """Returns a dict: title of a run -> its change to lab 07.

    Args:
        seeds: each change is run with each of them, `HIDDEN` with the first.
        titles: which changes, or None for all.
    """
    found = {}
    for seed in seeds:
        for title in titles or (search.AS_IT_IS, *AHEAD):
            found[f"{title}, seed {seed}"] = search.CHANGES.get(title, {}) | {"seed": seed}
    if not titles:
        slow = search.CHANGES["bfloat16"] | {"seed": seeds[0], "environment": ENVIRONMENT}
        found[f"{HIDDEN}, seed {seeds[0]}"] = slow
    return found


def summary(runs):
    """Returns the rows of a table, the best first.

    Args:
        runs: dict of kept runs.

    Returns:
        A list of dicts: title, medians over the seeds of steps, milliseconds of a step, distance,
        precision and recall, the distances' range, number of runs, and the ratio of the distance
        to the recipe's.
    """
    groups = {}
    for title, run in runs.items():
        groups.setdefault(title.rsplit(", seed ", 1)[0], []).append(run)
    rows = []
    for title, some in groups.items():
        keys = ("num_steps", "milliseconds", "test", "precision", "recall")
        row = {key: statistics.median(run[key] for run in some) for key in keys}
        distances = [run["test"] for run in some]
        row |= {"range": [min(distances), max(distances)], "num_runs": len(some)}
        rows.append({"title": title} | row)
    own = [row["test"] for row in rows if row["title"] == search.AS_IT_IS]
    for row in rows:
        row["ratio"] = row["test"] / own[0] if own else None
    return sorted(rows, key=lambda row: row["test"])
