"""A GAN in the plane: both kinds of points, the discriminator's surface, the arrows."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ganlib import viz

_NUM_LEVELS = 16  # bands of the surface
_TINT = 0.6  # share of the full colour in the outermost band, so that points stay visible on it
_ABOVE = {  # where a legend stands: over its axes, from their left edge
    "loc": "lower left",
    "bbox_to_anchor": (0, 1),
    "borderaxespad": 0.2,
    "handletextpad": 0.4,
    "columnspacing": 1.2,
}


@viz.figure_function
def game_2d(
    real_points,
    fake_points,
    surface,
    arrows=None,
    history=None,
    probabilities: bool = True,
    level: float | None = 0.5,
) -> Figure:
    """Show a two-dimensional GAN at one moment.

    Args:
        real_points: Array (n, 2).
        fake_points: Array (m, 2). Points outside the picture are not drawn.
        surface: What the discriminator says: `(x, y, values)` with increasing coordinates (k,) and
            (l,) and values (l, k), a row for each y. They decide which part of the plane is shown.
        arrows: `(places, directions)`, two arrays (p, 2): where arrows begin, and where to a
            generated point there would move. Their lengths show those of the directions, up to a
            factor; the longest tenth is cut to the length of the next.
        history: Any object with arrays `step`, `discriminator_loss` and `generator_loss` of one
            length, such as `training.History`, for a panel of losses below. It may be empty.
        probabilities: Whether the values are probabilities of "real". If not, they are the raw
            values of a critic.
        level: The value at which the discriminator is undecided, drawn as a line; None for a
            critic that has no such value.

    Returns:
        The figure.

    Raises:
        ValueError: If the arrays' shapes do not fit, a value is not finite, or a probability is
            none.

    Example:
        >>> x = np.linspace(-3, 3, 40)
        >>> towards_right = 1 / (1 + np.exp(-x)) * np.ones((40, 1))
        >>> points = np.random.default_rng(0).normal(size=(2, 100, 2))
        >>> figure = game_2d(points[0] + 1, points[1] - 1, (x, x, towards_right))

    Reference:
        Goodfellow et al., *Generative Adversarial Nets*, NIPS 2014, figure 1, draws the same on a
        line. Chapter 02.
    """
    x, y, values = (np.asarray(part, np.float64) for part in surface)
    clouds = [np.asarray(points, np.float64) for points in (real_points, fake_points)]
    _check_plane(x, y, values, clouds, probabilities)
    # No pyplot: a trainer draws in a thread, where pyplot would hand the figure to any other cell.
    below = 0.0 if history is None else 1.7  # inches; fixed places, so that no frame moves another
    figure = Figure(figsize=(viz.WIDTH, below + 5.0))
    axes = _axes(figure, (0.75, below + 0.35, 4.2, 4.2))
    bar = figure.colorbar(
        _surface(axes, x, y, values, probabilities, level),
        cax=_axes(figure, (5.1, below + 0.35, 0.16, 4.2)),
        ticks=[0, 0.25, 0.5, 0.75, 1] if probabilities else MaxNLocator(5),
        label="D(x), probability of real" if probabilities else "critic's value, no probability",
    )
    bar.outline.set_visible(False)
    handles = [_dot("real", viz.REAL), _dot("generated", viz.FAKE)]
    if level is not None:
        name = f"{'D(x)' if probabilities else 'value'} = {level:g}"
        handles.append(Line2D([], [], color=viz.DISCRIMINATOR, label=name))
        if values.min() < level < values.max():
            axes.contour(x, y, values, [level], colors=viz.DISCRIMINATOR, linewidths=1.6)
    if arrows is not None:
        handles.append(_dot("push", viz.INK, marker=r"$\rightarrow$", size=13))
        _arrows(axes, *(np.asarray(part, np.float64) for part in arrows))
    for points, colour in zip(clouds, (viz.REAL, viz.FAKE), strict=True):
        axes.scatter(*points.T, s=14, color=colour, edgecolor=viz.PAPER, lw=0.4, zorder=3)
    axes.set(xlim=x[[0, -1]], ylim=y[[0, -1]], aspect="equal")
    axes.legend(handles=handles, ncols=4, **_ABOVE)
    if history is not None:
        _losses(_axes(figure, (0.75, 0.55, 4.2, 0.75)), history)
    return figure


def _axes(figure, inches):
    """Axes at a place given as left, bottom, width, height in inches."""
    width, height = figure.get_size_inches()
    return figure.add_axes(np.array(inches) / [width, height, width, height])


def _check_plane(x, y, values, clouds, probabilities) -> None:
    shapes = f"x {x.shape}, y {y.shape}, values {values.shape}"
    if x.ndim != 1 or y.ndim != 1 or values.shape != (len(y), len(x)) or min(values.shape) < 2:
        raise ValueError(
            f"received a surface of {shapes}; expected (k,), (l,) and (l, k), k and l at least 2. "
            "Give the values a row for each y."
        )
    if any(cloud.ndim != 2 or cloud.shape[1] != 2 for cloud in clouds):
        raise ValueError(
            f"received points of shapes {[cloud.shape for cloud in clouds]}; expected (n, 2) and "
            "(m, 2). Points on a line are for density_1d."
        )
    if not all(np.isfinite(array).all() for array in (x, y, values, *clouds)):
        raise ValueError(
            "received NaN or infinity; expected finite numbers. Stop the run: it has diverged."
        )
    if probabilities and not 0 <= values.min() <= values.max() <= 1:
        raise ValueError(
            f"received values from {values.min():g} to {values.max():g}; expected probabilities. "
            "Pass the sigmoid of the logits, or probabilities=False."
        )


def _surface(axes, x, y, values, probabilities: bool, level):
    """Fill the plane: from the generated points' colour over white to the real ones'."""
    low, high = values.min(), values.max()
    middle = (low + high) / 2 if level is None else level  # white
    reach = np.abs([low - middle, high - middle]).max()
    if reach == 0:  # a critic that says the same everywhere
        reach = 1.0
    low, high = (0.0, 1.0) if probabilities else (middle - reach, middle + reach)
    fake, real = (
        [1 - _TINT * (1 - part) for part in to_rgb(colour)] for colour in (viz.FAKE, viz.REAL)
    )
    tints = LinearSegmentedColormap.from_list("fake to real", [fake, (1, 1, 1), real])
    return axes.contourf(x, y, values, np.linspace(low, high, _NUM_LEVELS + 1), cmap=tints)


def _arrows(axes, places, directions) -> None:
    if places.shape != directions.shape or places.ndim != 2 or places.shape[1] != 2:
        raise ValueError(
            f"received arrows at {places.shape} with directions {directions.shape}; expected two "
            "arrays (p, 2). Give each place one direction."
        )
    lengths = np.linalg.norm(directions, axis=1)
    longest = np.quantile(lengths, 0.9)
    if longest > 0:
        spacing = np.ptp(places, axis=0).max() / np.sqrt(len(places))
        shrunk = directions / np.maximum(lengths, longest)[:, np.newaxis] * spacing
        axes.quiver(
            *places.T, *shrunk.T, color=viz.INK, angles="xy", scale_units="xy", scale=1,
            width=0.0035, headwidth=4, headlength=4, headaxislength=3.5, zorder=2,
        )  # fmt: skip


def _losses(axes, history) -> None:
    for name, colour in (("discriminator", viz.DISCRIMINATOR), ("generator", viz.GENERATOR)):
        viz.curve(axes, history.step, getattr(history, f"{name}_loss"), name, colour)
    axes.set(xlabel="step", ylabel="loss")
    axes.yaxis.set_label_coords(-0.125, 0.5)  # beyond the longest number
    axes.legend(ncols=2, **_ABOVE)
    if not len(history.step):
        axes.set(xticks=[], yticks=[])


def _dot(name: str, colour: str, marker: str = "o", size: float = 6) -> Line2D:
    return Line2D([], [], ls="", marker=marker, ms=size, color=colour, mew=0, label=name)
