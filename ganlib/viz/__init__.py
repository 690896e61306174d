"""Figures from arrays: image grids, curves of a run, features in the plane.

Each function that draws but `tile` returns a Matplotlib figure that pyplot has already let go of.
As the last expression of a notebook cell it is shown once; in a script, save it with
``figure.savefig(path)``. The functions carry the book's style and change no setting; `use_style`
gives it to other plots too, and `figure_function` to a function that draws.

Images are uint8 in [0, 255] or floats in [-1, 1], of shape (n, height, width, 1 or 3), or an object
that holds such an array as ``.images``. Floats in [0, 1] cannot be told from floats in [-1, 1]:
they are drawn, too bright. Convert pixels with `ganlib.data.to_model_range`.
"""

from ganlib.viz._curves import curve, feature_scatter, loss_curves
from ganlib.viz._grids import real_beside_fake, sample_grid, sample_strip, tile
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
    figure_function,
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
    "curve",
    "feature_scatter",
    "figure_function",
    "loss_curves",
    "real_beside_fake",
    "sample_grid",
    "sample_strip",
    "tile",
    "use_style",
]
