"""Measure ganlib beside what a reader could take instead: ``make bench``.

    python tools/bench.py                       every part, which takes hours
    python tools/bench.py quality               one part, or several
    python tools/bench.py quality --quick       a few seconds each, to see that it works
    python tools/bench.py quality --only ganlib pytorch_gan

Parts: quality, colour, throughput, limit, metrics, growth, folder, search, finals. A run is a file
of `book/data/bench/PART/` as soon as it ends, a run of quality or colour at each of its
measurements: a bench that was interrupted goes on when it is called again. What was made on another
machine, with other versions or by other code is made anew. `book/data/bench/PART.json` says what
the runs of a part come to, and the book's figures and tables are drawn at the end. Nothing else
should run on the machine meanwhile. `colour` needs CIFAR-10 and the extractor for it: `make data
extractors SETS=cifar10`.

PyTorch is an optional dependency of the bench alone: `pip install torch`. Without it, its rows are
left out.
"""

import argparse
import importlib
import importlib.util
import sys
from pathlib import Path

from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import figures, recipe, results, tables, worker  # noqa: E402, after the line that makes it importable

RACES = ("quality", "colour")
PARTS = (*RACES, "throughput", "limit", "metrics", "growth", "folder", "search", "finals")
WITHOUT_TORCH = "PyTorch is not installed, so its rows are left out; `pip install torch` adds them."


class Bench:
    """What the parts are given: where to write, how much to do, and how to report.

    Attributes:
        quick: whether to do as little as shows that it works.
        output: folder for the results.
        scratch: folder for states of unfinished runs and large files.
        is_published: whether the book's own files are written, figures and tables among them.
        only: names of contestants, or None for all.
        seed: seed of the training runs.
    """

    def __init__(self, *, quick=False, output=None, only=None, seed=0):
        default = ROOT / "build" / "bench" / "quick" if quick else results.FOLDER
        self.quick, self.only, self.seed = quick, only, seed
        self.output = default if output is None else Path(output)
        self.is_published = self.output == results.FOLDER
        self.scratch = (self.output if quick else ROOT / "build" / "bench") / "scratch"

    def bar(self, title, total, unit):
        """Returns a progress bar, a context manager."""
        return tqdm(total=total, desc=title, unit=unit, disable=not total)

    def torch(self):
        """Returns whether PyTorch is there, and says what is left out where it is not."""
        is_there = importlib.util.find_spec("torch") is not None
        if not is_there:
            print(WITHOUT_TORCH, flush=True)
        return is_there


def main(words=None):
    """Runs the parts that the words of the command name; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measures ganlib beside its peers.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which parts; all if none")
    parser.add_argument("--quick", action="store_true", help="a few seconds each, for tests")
    parser.add_argument("--output", help="folder for the results")
    parser.add_argument("--only", nargs="+", help="contestants")
    parser.add_argument("--seed", type=int, default=0, help="of the training runs")
    given = parser.parse_args(words)
    bench = Bench(quick=given.quick, output=given.output, only=given.only, seed=given.seed)
    try:
        for part in given.parts or PARTS:
            importlib.import_module(f"benchmarks.{part}").run(bench)
            print(f"{part}: {bench.output / f'{part}.json'}", flush=True)
        if bench.is_published:
            figures.main(ROOT / "book" / "_static", bench.output, "bench_")
            tables.main(bench.output.parent, bench.output)
    except (recipe.RecipeError, worker.WorkerError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; what was finished is kept, and the same command goes on", flush=True)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
