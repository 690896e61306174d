"""Results on the disk: each run of a part is one file, and what is said of the part is one more.

PART/NAME.json    a run: what was asked, what was found, what it was made from
PART.json         how the runs of the part are made, and what they come to
"""

import json
from pathlib import Path

from ganbook import kept, keys
from ganlib import _files

FOLDER = keys.ROOT / "book" / "data" / "bench"


class Part:
    """What is kept of one part of the bench.

    Args:
        name: such as "search".
        folder: that of all parts.

    Attributes:
        store: its runs, a `kept.Store`. Every part measures times, or what is reached in some time,
            so a run of another machine is none.
    """

    def __init__(self, name, folder=FOLDER):
        self._path = Path(folder) / f"{name}.json"
        self.store = kept.Store(Path(folder) / name, same_machine=True)

    def missing(self, runs):
        """Returns those of some `kept.Run`s that are to be made, a list."""
        return [run for run in runs if self.store.fresh(run) is None]

    def found(self, runs):
        """Returns what is kept of some `kept.Run`s, in their order, as `load` has it."""
        kept_runs = [self.store.fresh(run) for run in runs]
        return {one["name"]: _asked_and_found(one) for one in kept_runs if one}

    def write(self, protocol, **said):
        """Writes what is said of the part as a whole.

        Args:
            protocol: dict, how its runs are made: for the reader.
            **said: what the runs come to.
        """
        text = json.dumps({"protocol": protocol} | said, indent=1, ensure_ascii=False)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        _files.write(self._path, text + "\n")

    def is_written(self):
        """Returns whether the part was ever done to its end."""
        return self._path.exists()

    def read(self):
        """Returns what is said of the part, and under "runs" all runs that are kept, as `load`."""
        said = json.loads(self._path.read_text(encoding="utf-8"))
        return said | {"runs": {k: _asked_and_found(one) for k, one in self.store.all().items()}}


def load(part, folder=FOLDER):
    """Returns what the bench kept of a part.

    Args:
        part: "search", "finals", "throughput", "limit", "metrics", "growth", "folder" or "quality".
        folder: where its results are.

    Returns:
        A dict: "protocol", what is said of the part, and "runs": name -> dict of the run's
        parameters and results.
    """
    return Part(part, folder).read()


def _asked_and_found(one):
    return one["parameters"] | one["results"]
