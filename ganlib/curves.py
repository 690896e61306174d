"""Curves of a run, features in the plane, and a one-dimensional GAN step by step."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ganlib import style


@style.figure_function
def loss_curves(history, equilibrium: tuple[float, float] | None = None) -> Figure:
    """Plot both losses of a run against the step and, below, the mean logits.

    Args:
        history: Any object with arrays `step`, `discriminator_loss` and `generator_loss` of one
            length, such as `training.History`. With arrays `real_logit` and `fake_logit` too, a
            second panel shows these.
        equilibrium: Losses (discriminator's, generator's) where neither network can win, drawn as
            dashed lines; (2 log 2, log 2) for the non-saturating loss.

    Returns:
        The figure.

    Raises:
        ValueError: If the history is empty or an array is missing.

    Example:
        >>> from types import SimpleNamespace
        >>> step = np.arange(50, 550, 50)
        >>> run = SimpleNamespace(
        ...     step=step, discriminator_loss=1.2 + 1 / step, generator_loss=0.9 - 1 / step
        ... )
        >>> figure = loss_curves(run, equilibrium=(2 * np.log(2), np.log(2)))
    """
    names = ["step", "discriminator_loss", "generator_loss"]
    missing = [name for name in names if not hasattr(history, name)]
    if missing or not len(history.step):
        raise ValueError(
            f"received a {type(history).__name__} "
            f"{f'without {missing}' if missing else 'with no entries'}; expected the History of a "
            "run. Pass what GAN.train returned."
        )
    logits = [getattr(history, name, None) for name in ("real_logit", "fake_logit")]
    num_panels = 1 if any(values is None for values in logits) else 2
    figure, panels = plt.subplots(
        num_panels,
        figsize=(style.WIDTH, 0.6 + 2.6 * num_panels),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    top = panels[0, 0]
    _curve(top, history.step, history.discriminator_loss, "discriminator", style.DISCRIMINATOR)
    _curve(top, history.step, history.generator_loss, "generator", style.GENERATOR)
    if equilibrium is not None:
        top.axhline(equilibrium[0], color=style.DISCRIMINATOR, ls="--", lw=1, label="equilibrium")
        top.axhline(equilibrium[1], color=style.GENERATOR, ls="--", lw=1)
    top.set_ylabel("loss")
    if num_panels == 2:
        panels[1, 0].axhline(0, color=style.REFERENCE, lw=1)
        _curve(panels[1, 0], history.step, logits[0], "real images", style.REAL)
        _curve(panels[1, 0], history.step, logits[1], "generated images", style.FAKE)
        panels[1, 0].set_ylabel("mean logit")
    for axes in panels[:, 0]:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    panels[-1, 0].set_xlabel("step")
    return figure


@style.figure_function
def feature_scatter(real_features, fake_features, num_points: int = 2000, seed: int = 0) -> Figure:
    """Show real and fake features in the plane in which the real ones vary most.

    The plane is spanned by the first two principal directions of all real features, so it shows
    only differences that lie in it: clouds that agree here may differ elsewhere.

    Args:
        real_features: Array (n, d), finite, n and d at least 2.
        fake_features: Array (m, d), finite.
        num_points: Points of either kind to draw at most, a random choice.
        seed: Seed of that choice and of the order in which the points are drawn.

    Returns:
        The figure. The labels say which share of the real variance a direction explains.

    Raises:
        ValueError: If the features are unfit or the real ones do not vary.

    Example:
        >>> real, fake = np.random.default_rng(0).normal(size=(2, 300, 8))
        >>> figure = feature_scatter(real, fake + 1)
    """
    real, fake = np.asarray(real_features), np.asarray(fake_features)
    if real.ndim != 2 or min(real.shape) < 2 or fake.ndim != 2 or fake.shape[1] != real.shape[1]:
        raise ValueError(
            f"received real features of shape {real.shape} and fake ones of {fake.shape}; expected "
            "(n, d) and (m, d) with n and d at least 2. Pass features, not images."
        )
    if not (np.isfinite(real).all() and np.isfinite(fake).all()):
        raise ValueError("received NaN or infinity; expected finite features. Check the images.")
    mean = real.mean(axis=0, dtype=np.float64)
    variances, directions = np.linalg.eigh(np.cov(real, rowvar=False, dtype=np.float64))
    if variances[-1] <= 0:
        raise ValueError("received real features that do not vary; expected different rows.")
    shares = variances[:-3:-1] / np.maximum(variances, 0).sum()
    plane = directions[:, :-3:-1]  # (d, 2), the largest variance first
    plane = plane * np.sign(plane[np.abs(plane).argmax(axis=0), [0, 1]])  # eigh leaves signs open
    rng = np.random.default_rng(seed)
    clouds = [(rng.permutation(x)[:num_points] - mean) @ plane for x in (real, fake)]
    colours = np.repeat([style.REAL, style.FAKE], [len(cloud) for cloud in clouds])
    order = rng.permutation(len(colours))  # mixed, so that neither kind covers the other
    figure, axes = plt.subplots(figsize=(style.WIDTH, 5.2), layout="constrained")
    axes.scatter(*np.concatenate(clouds)[order].T, s=9, c=colours[order], alpha=style.OPACITY, lw=0)
    kinds = [("real", style.REAL), ("generated", style.FAKE)]
    handles = [
        Line2D([], [], ls="", marker="o", color=colour, label=name) for name, colour in kinds
    ]
    axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    axes.set_title(f"shows {shares.sum():.0%} of the real variance")
    axes.set_xlabel(f"first direction ({shares[0]:.0%})")
    axes.set_ylabel(f"second direction ({shares[1]:.0%})")
    axes.set_aspect("equal", adjustable="datalim")
    return figure


@style.figure_function
def density_1d(
    points,
    real_density,
    fake_samples: Sequence,
    steps: Sequence[int],
    probabilities: Sequence | None = None,
) -> Figure:
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
    figure, grid = plt.subplots(
        num_rows,
        num_columns,
        figsize=(style.WIDTH, 0.9 + 2.0 * num_rows),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    bins = np.linspace(points[0], points[-1], 61)
    for k, step in enumerate(steps):
        axes = grid.flat[k]
        shares = np.histogram(fake_samples[k], bins)[0] / np.size(fake_samples[k])
        heights = shares / np.diff(bins)
        colour = {"color": style.FAKE, "alpha": style.OPACITY}
        axes.stairs(heights, bins, fill=True, **colour, lw=0, label="generated")
        axes.plot(points, real_density, color=style.REAL, lw=2, label="real")
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
    twin.plot(points, values, color=style.DISCRIMINATOR, ls="--", label="D(x)")
    twin.set(ylim=(0, 1.02), yticks=[0, 0.5, 1])
    twin.spines["right"].set(visible=True, color=style.DISCRIMINATOR)
    twin.tick_params(colors=style.DISCRIMINATOR, labelright=at_right)
    if at_right:
        twin.set_ylabel("D(x)", color=style.DISCRIMINATOR)
    return twin


def _curve(axes, step, values, name: str, colour: str) -> None:
    marker = "o" if len(step) == 1 else None  # a line through one point is invisible
    axes.plot(step, values, color=colour, marker=marker, label=name)
