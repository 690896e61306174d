"""Curves of a run, and features in the plane."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ganlib.viz import _style
from ganlib.viz._figure import Figure, figure, figure_function
from ganlib.viz._labels import label_ends


@figure_function
def loss_curves(history: Any, equilibrium: tuple[float, float] | None = None) -> Figure:
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
        >>> drawing = loss_curves(run, equilibrium=(2 * np.log(2), np.log(2)))
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
    drawing, panels = figure(num_panels, height=0.6 + 2.4 * num_panels, sharex=True, squeeze=False)
    top = panels[0, 0]
    curve(top, history.step, history.discriminator_loss, "discriminator", _style.DISCRIMINATOR)
    curve(top, history.step, history.generator_loss, "generator", _style.GENERATOR)
    if equilibrium is not None:
        top.axhline(equilibrium[0], color=_style.DISCRIMINATOR, ls="--", lw=1, label="equilibrium")
        top.axhline(equilibrium[1], color=_style.GENERATOR, ls="--", lw=1)
    top.set_ylabel("loss")
    if num_panels == 2:
        panels[1, 0].axhline(0, color=_style.REFERENCE, lw=1)
        curve(panels[1, 0], history.step, logits[0], "real images", _style.REAL)
        curve(panels[1, 0], history.step, logits[1], "generated images", _style.FAKE)
        panels[1, 0].set_ylabel("mean logit")
    panels[-1, 0].set_xlabel("step")
    for axes in panels[:, 0]:
        axes.margins(x=0)
        label_ends(axes)
    return drawing


@figure_function
def feature_scatter(
    real_features: np.ndarray, fake_features: np.ndarray, num_points: int = 2000, seed: int = 0
) -> Figure:
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
        >>> drawing = feature_scatter(real, fake + 1)
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
        raise ValueError(
            "received real features that do not vary; expected different rows. Pass other images."
        )
    shares = variances[:-3:-1] / np.maximum(variances, 0).sum()
    plane = directions[:, :-3:-1]  # (d, 2), the largest variance first
    plane = plane * np.sign(plane[np.abs(plane).argmax(axis=0), [0, 1]])  # eigh leaves signs open
    rng = np.random.default_rng(seed)
    clouds = [(rng.permutation(x)[:num_points] - mean) @ plane for x in (real, fake)]
    colours = np.repeat([_style.REAL, _style.FAKE], [len(cloud) for cloud in clouds])
    order = rng.permutation(len(colours))  # mixed, so that neither kind covers the other
    drawing, axes = figure(height=5.2)
    look = {"s": 9, "c": colours[order], "alpha": _style.OPACITY, "lw": 0, "rasterized": True}
    axes.scatter(*np.concatenate(clouds)[order].T, **look)
    kinds = [("real", _style.REAL), ("generated", _style.FAKE)]
    handles = [
        Line2D([], [], ls="", marker="o", color=colour, label=name) for name, colour in kinds
    ]
    axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    axes.set_title(f"shows {shares.sum():.0%} of the real variance")
    axes.set_xlabel(f"first direction ({shares[0]:.0%})")
    axes.set_ylabel(f"second direction ({shares[1]:.0%})")
    axes.set_aspect("equal", adjustable="datalim")
    return drawing


def curve(axes: Axes, step: ArrayLike, values: ArrayLike, name: str, colour: str) -> None:
    """Draw one quantity of a run against the step.

    Args:
        axes: Matplotlib axes.
        step: Array (n,), n at least 1.
        values: Array (n,).
        name: What its label calls it.
        colour: The line's colour.
    """
    marker = "o" if len(step) == 1 else None  # a line through one point is invisible
    axes.plot(step, values, color=colour, marker=marker, label=name)
