"""Write the drawings of ideas into the book: `python tools/drawings.py [NAME ...]`.

Each becomes book/_static/drawings/NAME.svg. A page shows it so:

    ```{figure} _static/drawings/NAME.svg
    :name: fig-name
    :alt: the text that this command prints

    A caption.
    ```
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that `python tools/drawings.py` finds the packages

from ganbook.drawings import ALT, DRAWINGS  # noqa: E402, after the path

FOLDER = ROOT / "book/_static/drawings"


def main(names):
    FOLDER.mkdir(exist_ok=True)
    for name in names or DRAWINGS:
        path = FOLDER / f"{name}.svg"
        path.write_text(DRAWINGS[name](), encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {ALT[name]}")


if __name__ == "__main__":
    main(sys.argv[1:])
