"""Labels at the ends of lines, in the place of a legend."""

import itertools
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import offset_copy

_GAP = 6  # points between a line's end and its label
_EDGE = 0.9  # share of the axes' width from which on a line goes as far as the axes


def label_ends(axes: Axes, size: float = 11, max_characters: int = 18) -> None:
    """Write the label of each line of the axes beside its right end, in the line's colour.

    Call it last: it takes the places of the lines from what is drawn and from the axes' limits.
    A line that goes as far as the axes has its label to the right of these. Labels there that
    would overlap are moved apart, as little as possible, and then joined to their lines' ends. A
    line that ends or leaves the axes before has its label there. Lines without a label of their
    own are left alone.

    Args:
        axes: Matplotlib axes of a figure; lines that are drawn on it with ``label=…``.
        size: Of the text, in points.
        max_characters: The longest line of a label; longer ones are broken between words.

    Raises:
        ValueError: If no line has a label and a point within the axes.

    Example:
        >>> from ganlib import viz
        >>> figure, axes = viz.figure()
        >>> for share in (1.0, 1.01):
        ...     _ = axes.plot([0, 1], [0, share], label=f"up to {share}")
        >>> label_ends(axes)
        >>> [text.get_text() for text in axes.texts]
        ['up to 1.0', 'up to 1.01']
    """
    axes.get_xlim(), axes.get_ylim()  # makes Matplotlib choose limits that it has put off
    ends = [(line, _end(line)) for line in axes.get_lines() if line.get_label()[:1] != "_"]
    ends = [(line, end) for line, end in ends if end is not None]
    if not ends:
        raise ValueError(
            f"received axes with {len(axes.get_lines())} lines, none of which has a label and a "
            "point within the axes; expected some that have both. Draw them with label=…."
        )
    texts = [_write(axes, line, end, size, max_characters) for line, end in ends]
    at_edge = [k for k, (_, (x, _)) in enumerate(ends) if x >= _EDGE]
    if at_edge:
        _move_apart(axes, [texts[k] for k in at_edge], np.array([ends[k][1][1] for k in at_edge]))


def _end(line):
    """Return where a line leaves the axes, or its last point in them, as shares of the axes."""
    points = line.get_transform().transform(np.column_stack(line.get_data()).astype(float))
    points = line.axes.transAxes.inverted().transform(points)
    points = points[np.isfinite(points).all(axis=1)]
    # Finer, so that the last point within the axes is where the line leaves them.
    steps = np.linspace(0, 1, 200, endpoint=False)[:, np.newaxis]
    between = [a + steps * (b - a) for a, b in itertools.pairwise(points)]
    points = np.concatenate([*between, points[-1:]])
    inside = points[((points > -1e-6) & (points < 1 + 1e-6)).all(axis=1)]
    return inside[inside[:, 0].argmax()] if len(inside) else None


def _write(axes, line, end, size: float, max_characters: int):
    """Write the label of a line beside its end; the joint to the end is not to be seen yet."""
    x, y = end
    text = axes.annotate(
        textwrap.fill(line.get_label(), max_characters),
        (x, y),
        xytext=(1 if x >= _EDGE else x, y),
        xycoords="axes fraction",
        textcoords=offset_copy(axes.transAxes, axes.figure, _GAP, 0, units="points"),
        va="bottom" if x < _EDGE and y < 0.05 else "center",
        linespacing=1,
        fontsize=size,
        color=line.get_color(),
        annotation_clip=False,
        arrowprops={
            "arrowstyle": "-",
            "lw": 0.7,
            "color": line.get_color(),
            "relpos": (0, 0.5),
            "shrinkA": 1,
            "shrinkB": 0,
        },
    )
    text.arrow_patch.set_visible(False)
    return text


def _move_apart(axes, texts, wanted) -> None:
    """Move labels beside the axes to where they do not overlap, near the places wanted."""
    for _ in range(2):  # the first layout is one without the labels
        axes.figure.draw_without_rendering()
        frame = axes.get_window_extent()
        # An annotation's own extent would include the line that joins it to the curve.
        heights = [Text.get_window_extent(text).height / frame.height for text in texts]
        heights = 1.05 * np.array(heights)
        for text, place, y in zip(texts, spread(wanted, heights), wanted, strict=True):
            text.set_position((1, place))
            text.arrow_patch.set_visible(bool(abs(place - y) > 0.25 * heights.max()))


def spread(wanted, heights) -> np.ndarray:
    """Return the places nearest to the wanted ones at which labels do not overlap.

    Args:
        wanted: Array (n,), the middles that labels should have, of an axis from 0 to 1.
        heights: Array (n,), how much of the axis each takes.

    Returns:
        Array (n,), the middles with the least sum of squared moves that keep the labels' order
        and apart, and within the axis where they all fit.

    Example:
        >>> spread(np.array([0.5, 0.5, 0.9]), np.array([0.2, 0.2, 0.1])).round(6).tolist()
        [0.4, 0.6, 0.9]
    """
    order = np.argsort(wanted, kind="stable")
    sizes = heights[order]
    # With the labels' own heights taken out, "apart" means "in increasing order".
    offsets = np.concatenate([[0], np.cumsum((sizes[1:] + sizes[:-1]) / 2)])
    blocks = []  # [sum, count] of neighbours that touch; pool adjacent violators
    for value in wanted[order] - offsets:
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            value, count = blocks.pop()
            blocks[-1][0] += value
            blocks[-1][1] += count
    places = np.concatenate([np.full(count, value / count) for value, count in blocks])
    low, high = sizes[0] / 2, 1 - sizes[-1] / 2 - offsets[-1]
    found = np.empty(len(wanted))
    found[order] = np.clip(places, low, max(low, high)) + offsets
    return found
