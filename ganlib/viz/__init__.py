"""Figures from arrays: image grids, curves of a run, features in the plane.

Each function that draws but `tile` returns a `Figure`, which pyplot does not know of. As the last
expression of a notebook cell it is shown once, as an SVG; in a script, save it with
``figure.savefig("name.svg")``. `figure` makes one with axes to draw on, and `label_ends` names its
lines where they end. All carry the book's style and change no setting; `use_style` gives it to
other plots too, and to what is drawn on a `Figure` later; `figure_function` to a function that
draws.

Images are uint8 in [0, 255] or floats in [-1, 1], of shape (n, height, width, 1 or 3), or an object
that holds such an array as ``.images``. Floats in [0, 1] cannot be told from floats in [-1, 1]:
they are drawn, too bright. Convert pixels with `ganlib.data.to_model_range`.
"""

from ganlib.viz._curves import curve, feature_scatter, loss_curves
from ganlib.viz._figure import Figure, figure, figure_function
from ganlib.viz._grids import real_beside_fake, sample_grid, sample_strip, tile
from ganlib.viz._labels import label_ends
from ganlib.viz._style import (
    DISCRIMINATOR,
    DPI,
    FAKE,
    GENERATOR,
    INK,
    OPACITY,
    PAPER,
    REAL,
    REFERENCE,
    STYLE,
    WIDTH,
    use_style,
)

__all__ = [
    "DISCRIMINATOR",
    "DPI",
    "FAKE",
    "GENERATOR",
    "INK",
    "OPACITY",
    "PAPER",
    "REAL",
    "REFERENCE",
    "STYLE",
    "WIDTH",
    "Figure",
    "curve",
    "feature_scatter",
    "figure",
    "figure_function",
    "label_ends",
    "loss_curves",
    "real_beside_fake",
    "sample_grid",
    "sample_strip",
    "tile",
    "use_style",
]
