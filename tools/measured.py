"""Make every section of ``book/data/numbers.json`` anew: ``python tools/measured.py``.

The sections are made from the results that are kept in the repository; nothing is measured.
"""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ganbook import measured  # noqa: E402, after the line that makes it importable

# Functions that yield (section, values) from what is kept in the repository.
SOURCES = (
    "tools.notebooks:measured_sections",
    "tools.sweep:measured_sections",
    "tools.study_numbers:measured_sections",
    "tools.study_garments:measured_sections",
    "tools.train_extractors:measured_sections",
    "benchmarks.tables:measured_sections",
)


def kept_sections():
    """Yields (section, values) of everything that is kept in the repository, source by source."""
    for source in SOURCES:
        module, function = source.split(":")
        yield from getattr(importlib.import_module(module), function)()


def main():
    """Makes the file anew."""
    sections = dict(kept_sections())
    measured.PATH.unlink(missing_ok=True)
    for section, values in sections.items():
        measured.put(section, values)
    print(f"{len(sections)} sections are in {measured.PATH.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
