"""The book's figures: an SVG whose text stays text, the same bytes for the same drawing."""

import base64
import functools
import io
import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import figure as mpl_figure
from PIL import Image

from ganlib.viz import _style

# Vermilion, as a line, has a contrast of 3.9 on white; as text it needs 4.5.
_DARKER = {"#d55e00": "#a34200"}
_SVG_STYLE = {"svg.fonttype": "none", "svg.hashsalt": "ganlib", "svg.image_inline": True}
_NOT_OURS = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
# In a page's source, this rule would hold for the whole page: the root says the same.
_RULE = re.compile(r"<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>")
_NAMES = re.compile(r' id="(?:[A-Za-z.]+2?d?[A-Za-z]*_\d+|image\w+)"')  # nothing refers to these
# What is referred to takes its colours from where it is used, which a page's style can reach.
_MARKER = re.compile(r'(<path id="\w+"[^>]*?) style="[^"]*"')
_NOT_TURNED = re.compile(r' transform="rotate\(-?0 [^)]*\)"')
_PLACES = re.compile(r' (?:d|x|y)="[^"]*"')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_IMAGE = re.compile(r'<image\b[^>]*?data:image/png;base64,([^"]+)"[^>]*>')
_TEXT = re.compile(r"<(?:text|tspan)\b[^>]*>")

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Figure(mpl_figure.Figure):
    """A Matplotlib figure in the book's style that a notebook shows as an SVG.

    It does not belong to pyplot: as the last expression of a cell it is shown once, and nothing
    has to be closed. Its width in inches times 96 is its width on a page in CSS pixels, where its
    text has the size of the page's own. Beside the SVG a notebook keeps a PNG, for viewers that
    show no SVG from a notebook that they do not trust.

    On a page of the book the SVG stands in the page's source, and the page's style gives the
    colours of `viz` those of its own mode, light or dark; elsewhere the figure brings white paper.
    Artists with ``rasterized=True``, which clouds of many points should have, are kept as pixels,
    two for each CSS pixel.

    Args:
        *args: As of Matplotlib's `Figure`.
        **kwargs: As of Matplotlib's `Figure`.

    Example:
        >>> drawing = Figure()
        >>> _ = drawing.subplots().plot([0, 1], color=_style.REAL)
        >>> drawing.svg()[:27]
        '<svg class="ganlib-figure" '
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with mpl.rc_context(_style.STYLE):
            super().__init__(*args, **kwargs)
        self.patch.set_gid("paper")

    def svg(self) -> str:
        """The figure as one SVG element.

        Returns:
            Text that is the same for the same drawing: without a date, ids that count, or digits
            beyond a hundredth of a point.
        """
        buffer = io.StringIO()
        with mpl.rc_context(_SVG_STYLE):
            self.savefig(buffer, format="svg", metadata={"Date": None})
        text = _RULE.sub("", _NOT_OURS.sub("", buffer.getvalue()))
        root = 'class="ganlib-figure" stroke-linejoin="round" stroke-linecap="butt"'
        text = text.replace("<svg ", f"<svg {root} ", 1).replace(' id="paper"', ' class="paper"', 1)
        text = _NOT_TURNED.sub("", _MARKER.sub(r"\1", _NAMES.sub("", text)))
        text = _PLACES.sub(lambda found: _DECIMALS.sub(r"\1", found[0]).replace("\n", ""), text)
        text = _IMAGE.sub(_lighter, _TEXT.sub(_readable, text))
        return re.sub(r"\n\s*", "\n", text.strip()) + "\n"

    def savefig(self, fname: Any, **kwargs: Any) -> None:
        """Write the figure: a name that ends in .svg gives what `svg` returns, others pixels.

        Args:
            fname: Path, or a binary file as Matplotlib takes it.
            **kwargs: As of Matplotlib's method. Without a `dpi`, two pixels are a CSS pixel.
        """
        if str(fname).endswith(".svg") and not kwargs:
            with open(fname, "w", encoding="utf-8") as file:
                file.write(self.svg())
            return
        with mpl.rc_context(_style.STYLE):
            super().savefig(fname, **kwargs)

    def _repr_mimebundle_(self, include=None, exclude=None):
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=_style.DPI)
        return {"image/svg+xml": self.svg(), "image/png": buffer.getvalue()}


def figure(
    num_rows: int = 1, num_columns: int = 1, height: float = 3.4, **kwargs: Any
) -> tuple[Figure, Any]:
    """Make a figure in the book's style, as wide as its text, with axes to draw on.

    Args:
        num_rows: Rows of axes.
        num_columns: Columns of axes.
        height: In inches; 96 CSS pixels on the page.
        **kwargs: Those of Matplotlib's `subplots`, such as ``sharex=True``; and `width` in inches,
            up to `WIDTH`, which it is without.

    Returns:
        The `Figure`, and its axes as Matplotlib returns them.

    Example:
        >>> drawing, axes = figure(height=2)
        >>> _ = axes.plot([0, 1, 2], [1, 3, 2])
        >>> drawing.get_size_inches().tolist()
        [6.0, 2.0]
    """
    size = kwargs.pop("width", _style.WIDTH), height
    with mpl.rc_context(_style.STYLE):
        drawing = Figure(figsize=size, layout="constrained")
        return drawing, drawing.subplots(num_rows, num_columns, **kwargs)


def figure_function(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """Draw in the book's style, then take the figure out of pyplot, which would show it again.

    Args:
        draw: A function that makes figures, with `figure` or with pyplot.

    Returns:
        The function with the same arguments and result. It changes no setting.
    """

    @functools.wraps(draw)
    def wrapper(*args, **kwargs):
        already_open = set(plt.get_fignums())
        try:
            with mpl.rc_context(_style.STYLE):
                return draw(*args, **kwargs)
        finally:
            for number in set(plt.get_fignums()) - already_open:
                plt.close(number)

    return wrapper


def _lighter(found) -> str:
    """Return an element with its picture in fewer bytes; pixels of samples stay what they are."""
    picture = Image.open(io.BytesIO(base64.b64decode(found[1]))).convert("RGBA")
    if "pixelated" not in found[0]:  # a cloud of points: 256 colours show all that there is
        picture = picture.quantize(256, method=Image.Quantize.FASTOCTREE)
    elif (np.diff(np.asarray(picture)[..., :3], axis=2) == 0).all():
        picture = picture.convert("LA")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return found[0].replace(found[1], base64.b64encode(buffer.getvalue()).decode())


def _readable(found) -> str:
    tag = found[0]
    for colour, darker in _DARKER.items():
        tag = tag.replace(f"fill: {colour}", f"fill: {darker}")
    return tag
