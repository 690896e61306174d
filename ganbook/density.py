"""A one-dimensional GAN step by step: both densities and the discriminator's view."""

import math
from collections.abc import Sequence

import numpy as np

from ganlib import viz


@viz.figure_function
def density_1d(
    points,
    real_density,
    fake_samples: Sequence,
    steps: Sequence[int],
    probabilities: Sequence | None = None,
) -> viz.Figure:
    """Show a one-dimensional GAN at several steps: both densities and the discriminator's view.

    Args:
        points: Places (m,) in increasing order at which the curves are given.
        real_density: Density of the data there, (m,).
        fake_samples: For each step, generated samples, (n,) or (n, 1). A bar is the share of all
            samples per unit of length; samples beyond `points` have none.
        steps: For each panel, its training step.
        probabilities: For each step, the discriminator's probability of "real" at `points`, (m,)
            or (m, 1), drawn on an axis of its own from 0 to 1.

    Returns:
        The figure. Its density axis ends at twice the largest real density; taller bars are cut.

    Raises:
        ValueError: If lengths do not agree or the points do not increase.

    Example:
        >>> x = np.linspace(-3, 3, 100)
        >>> normal = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        >>> samples = np.random.default_rng(0).normal(size=(2, 500))
        >>> figure = density_1d(x, normal, samples, [0, 100], [0 * x + 0.7, 0 * x + 0.5])
    """
    points, real_density = np.ravel(points), np.ravel(real_density)
    _check_densities(points, real_density, fake_samples, steps, probabilities)
    num_columns = 1 if len(steps) < 3 else 2
    num_rows = math.ceil(len(steps) / num_columns)
    figure, grid = viz.figure(
        num_rows, num_columns, height=0.9 + 2.0 * num_rows, sharex=True, sharey=True, squeeze=False
    )
    bins = np.linspace(points[0], points[-1], 61)
    for k, step in enumerate(steps):
        axes = grid.flat[k]
        shares = np.histogram(fake_samples[k], bins)[0] / np.size(fake_samples[k])
        heights = shares / np.diff(bins)
        colour = {"color": viz.FAKE, "alpha": viz.OPACITY}
        axes.stairs(heights, bins, fill=True, **colour, lw=0, label="generated")
        axes.plot(points, real_density, color=viz.REAL, lw=2, label="real")
        axes.set_title(f"step {step:,}", pad=4)
        if probabilities is not None:
            at_right = k % num_columns == num_columns - 1
            twin = _probability_axis(axes, points, np.ravel(probabilities[k]), at_right)
    if len(steps) < grid.size:
        grid[-1, -1].set_axis_off()
        grid[-2, -1].tick_params(labelbottom=True)  # now the lowest panel of its column
    grid[0, 0].set(xlim=points[[0, -1]], ylim=(0, 2 * real_density.max()))
    figure.supxlabel("x", fontsize=12)
    figure.supylabel("density", fontsize=12)
    handles = grid[0, 0].get_legend_handles_labels()[0][::-1]
    handles += [] if probabilities is None else twin.get_lines()
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _check_densities(points, real_density, fake_samples, steps, probabilities) -> None:
    if len(points) < 2 or not (np.diff(points) > 0).all():
        raise ValueError(
            f"received {len(points)} points; expected at least 2, increasing. Sort them."
        )
    if not 0 < len(steps) == len(fake_samples) or 0 in map(np.size, fake_samples):
        raise ValueError(
            f"received {len(steps)} steps and {len(fake_samples)} arrays of samples; expected as "
            "many of one as of the other, at least 1, none empty. Put a single one in a list."
        )
    curves = [real_density, *(() if probabilities is None else probabilities)]
    num_curves = 1 if probabilities is None else 1 + len(steps)
    if len(curves) != num_curves or any(np.size(curve) != len(points) for curve in curves):
        raise ValueError(
            f"received curves of {[np.size(curve) for curve in curves]} values; expected "
            f"{num_curves}, the real density first, each with one value at each of {len(points)} "
            "points. Evaluate them all at `points`."
        )


def _probability_axis(axes, points, values, at_right: bool):
    twin = axes.twinx()
    twin.plot(points, values, color=viz.DISCRIMINATOR, ls="--", label="D(x)")
    twin.set(ylim=(0, 1.02), yticks=[0, 0.5, 1])
    twin.spines["right"].set(visible=True, color=viz.DISCRIMINATOR)
    twin.tick_params(colors=viz.DISCRIMINATOR, labelright=at_right)
    if at_right:
        twin.set_ylabel("D(x)", color=viz.DISCRIMINATOR)
    return twin
