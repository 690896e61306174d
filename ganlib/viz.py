"""Figures from arrays: image grids, curves of a run, features in the plane.

Each function returns a Matplotlib figure that pyplot has already let go of. As the last expression
of a notebook cell it is shown once; in a script, save it with ``figure.savefig(path)``. The
functions carry the book's style and change no setting; `use_style` gives it to other plots too.

Images are uint8 in [0, 255] or floats in [-1, 1], of shape (n, height, width, 1 or 3), or an object
that holds such an array as ``.images``. Floats in [0, 1] cannot be told from floats in [-1, 1]:
they are drawn, too bright. Convert pixels with `ganlib.data.to_model_range`.
"""

import functools
import math
import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

# Each colour has a contrast of at least 3 on white, and the ones drawn together stay apart for the
# common kinds of colour blindness.
REAL = "#0072B2"  # blue
FAKE = "#D55E00"  # vermilion
GENERATOR = "#8F2D7B"  # purple
DISCRIMINATOR = "#00562F"  # dark green
REFERENCE = "#6B6B6B"  # grey: optima, chance levels
INK = "#222222"  # text and axes
PAPER = "#FFFFFF"  # opaque, so that figures also read on a dark page
OPACITY = 0.85  # of dots and bars that overlap others; keeps the contrast

WIDTH = 6.0  # inches; on a phone, 350 CSS pixels, text of 12 points is then 10 pixels high
DPI = 128

STYLE = {
    "figure.dpi": DPI,
    "savefig.dpi": "figure",
    "figure.figsize": (WIDTH, 3.4),
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.prop_cycle": plt.cycler(color=[REAL, FAKE, DISCRIMINATOR, GENERATOR, REFERENCE]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "font.size": 12,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 11,
    "ytick.color": INK,
    "ytick.labelsize": 11,
}

# Pixels of the finished figure.
_PADDING = 8
_LINE_HEIGHT = 28
_LARGEST_TILE = 144


def use_style() -> None:
    """Give every later Matplotlib figure of this process the book's style.

    Example:
        >>> use_style()
        >>> plt.rcParams["figure.figsize"]
        [6.0, 3.4]
        >>> plt.rcdefaults()
    """
    plt.rcParams.update(STYLE)


def _figure_function(draw):
    """Draw in the book's style, then take the figure out of pyplot, which would show it again."""

    @functools.wraps(draw)
    def wrapper(*args, **kwargs):
        already_open = set(plt.get_fignums())
        try:
            with plt.rc_context(STYLE):
                return draw(*args, **kwargs)
        finally:
            for number in set(plt.get_fignums()) - already_open:
                plt.close(number)

    return wrapper


# Images


def tile(images, num_columns: int | None = None) -> np.ndarray:
    """Lay images out row by row on one white canvas, as for a PNG file.

    Args:
        images: Images (n, height, width, channels) as the module describes them, n at least 1.
        num_columns: Images a row; None chooses a number that gives a slightly wide canvas.

    Returns:
        uint8 canvas, (canvas height, canvas width) of grey images, (..., ..., 3) of colour images.
        Gaps between images and cells without an image are white.

    Raises:
        ValueError: If the images or the number of columns are unfit.

    Example:
        >>> tile(np.zeros((6, 8, 8, 1), np.uint8), num_columns=3).shape
        (17, 26)
    """
    pixels = _pixels(images)
    return _canvas(pixels, _num_columns(len(pixels), num_columns), _gap(pixels))


@_figure_function
def sample_grid(
    images, num_columns: int | None = None, title: str | None = None, labels: Sequence | None = None
) -> Figure:
    """Show images in a grid, in their order, each pixel a crisp square.

    Args:
        images: Images (n, height, width, channels) as the module describes them, n at least 1.
        num_columns: Images a row; None chooses.
        title: Text above the grid.
        labels: n captions, one under each image, such as class names.

    Returns:
        The figure.

    Raises:
        ValueError: If the images, the number of columns or the number of labels are unfit.

    Example:
        >>> noise = np.random.default_rng(0).uniform(-1, 1, size=(16, 28, 28, 1))
        >>> figure = sample_grid(noise, title="sixteen images of noise")
    """
    pixels = _pixels(images)
    if labels is not None and len(labels) != len(pixels):
        raise ValueError(
            f"received {len(labels)} labels for {len(pixels)} images; expected one an image. "
            "Slice both alike."
        )
    if num_columns is None and labels is not None:
        num_columns = 5  # leaves each caption room for a word or two
    columns = _num_columns(len(pixels), num_columns)
    height, width = pixels.shape[1:3]
    gap = row_gap = _gap(pixels)
    if labels is not None:
        row_gap = math.ceil(_LINE_HEIGHT / _scale(columns * (width + gap) - gap, height))
    canvas = _canvas(pixels, columns, gap, row_gap)
    figure = _show_canvases([canvas], [title], height, bottom=0 if labels is None else _LINE_HEIGHT)
    for k, label in enumerate(() if labels is None else labels):
        x = k % columns * (width + gap) + (width - 1) / 2
        y = k // columns * (height + row_gap) + height
        figure.axes[0].text(x, y, str(label), ha="center", va="top", fontsize=11)
    return figure


@_figure_function
def real_beside_fake(real_images, fake_images, num_images: int = 32) -> Figure:
    """Show the first real images on the left and the first generated ones on the right.

    Args:
        real_images: Images (n, height, width, channels) as the module describes them.
        fake_images: The same of generated images, of the same image shape.
        num_images: How many of either to show. They are the first ones, not chosen ones.

    Returns:
        The figure.

    Raises:
        ValueError: If the images are unfit, differ in shape or are too few.

    Example:
        >>> images = np.zeros((40, 28, 28, 1), np.uint8)
        >>> figure = real_beside_fake(images, 255 - images)
    """
    real, fake = _pixels(real_images, "real_images"), _pixels(fake_images, "fake_images")
    if real.shape[1:] != fake.shape[1:]:
        raise ValueError(
            f"received real images of shape {real.shape[1:]} and fake ones of {fake.shape[1:]}; "
            "expected one shape. Resize one of them."
        )
    if not 1 <= num_images <= min(len(real), len(fake)):
        raise ValueError(
            f"num_images={num_images} of {len(real)} real and {len(fake)} fake images; expected 1 "
            "to the smaller number. Lower num_images or pass more images."
        )
    columns = _num_columns(num_images, None, wide=0.6)
    canvases = [_canvas(images[:num_images], columns, _gap(real)) for images in (real, fake)]
    return _show_canvases(canvases, ["real", "generated"], real.shape[1])


@_figure_function
def sample_strip(snapshots: Sequence, steps: Sequence[int], title: str | None = None) -> Figure:
    """Show what the same latents became in the course of training, one row a step.

    Args:
        snapshots: For each step, images (n, height, width, channels) as the module describes them,
            all of one shape. A column holds the images of one latent.
        steps: The training step of each snapshot, for the labels at the left.
        title: Text above the rows.

    Returns:
        The figure.

    Raises:
        ValueError: If there are no snapshots, their shapes differ, or `steps` has another length.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> snapshots = [rng.uniform(-1, 1, size=(8, 28, 28, 1)) for _ in range(3)]
        >>> figure = sample_strip(snapshots, steps=[0, 500, 1000])
    """
    if not 0 < len(snapshots) == len(steps):
        raise ValueError(
            f"received {len(snapshots)} snapshots and {len(steps)} steps; expected as many of one "
            "as of the other, at least 1."
        )
    rows = [_pixels(snapshot, f"snapshots[{k}]") for k, snapshot in enumerate(snapshots)]
    if len({row.shape for row in rows}) > 1:
        raise ValueError(
            f"received snapshots of shapes {[row.shape for row in rows]}; expected one shape. "
            "Sample each with the same latents."
        )
    pixels = np.concatenate(rows)  # (steps * n, height, width, channels)
    height, gap = pixels.shape[1], _gap(pixels)
    canvas = _canvas(pixels, len(rows[0]), gap)
    names = [f"{step:,}" for step in steps]
    left = 40 + 13 * max(map(len, names))  # pixels for the word and the numbers
    figure = _show_canvases([canvas], [title], height, left)
    axes = figure.axes[0]
    axes.set_axis_on()
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    centres = np.arange(len(rows)) * (height + gap) + (height - 1) / 2
    axes.set_yticks(centres, names)
    axes.tick_params(length=0)
    axes.set_ylabel("step")
    return figure


# Curves and points


@_figure_function
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
        figsize=(WIDTH, 0.6 + 2.6 * num_panels),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    top = panels[0, 0]
    _curve(top, history.step, history.discriminator_loss, "discriminator", DISCRIMINATOR)
    _curve(top, history.step, history.generator_loss, "generator", GENERATOR)
    if equilibrium is not None:
        top.axhline(equilibrium[0], color=DISCRIMINATOR, ls="--", lw=1, label="equilibrium")
        top.axhline(equilibrium[1], color=GENERATOR, ls="--", lw=1)
    top.set_ylabel("loss")
    if num_panels == 2:
        panels[1, 0].axhline(0, color=REFERENCE, lw=1)
        _curve(panels[1, 0], history.step, logits[0], "real images", REAL)
        _curve(panels[1, 0], history.step, logits[1], "generated images", FAKE)
        panels[1, 0].set_ylabel("mean logit")
    for axes in panels[:, 0]:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    panels[-1, 0].set_xlabel("step")
    return figure


@_figure_function
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
    colours = np.repeat([REAL, FAKE], [len(cloud) for cloud in clouds])
    order = rng.permutation(len(colours))  # mixed, so that neither kind covers the other
    figure, axes = plt.subplots(figsize=(WIDTH, 5.2), layout="constrained")
    axes.scatter(*np.concatenate(clouds)[order].T, s=9, c=colours[order], alpha=OPACITY, lw=0)
    kinds = [("real", REAL), ("generated", FAKE)]
    handles = [
        Line2D([], [], ls="", marker="o", color=colour, label=name) for name, colour in kinds
    ]
    axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    axes.set_title(f"shows {shares.sum():.0%} of the real variance")
    axes.set_xlabel(f"first direction ({shares[0]:.0%})")
    axes.set_ylabel(f"second direction ({shares[1]:.0%})")
    axes.set_aspect("equal", adjustable="datalim")
    return figure


@_figure_function
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
        figsize=(WIDTH, 0.9 + 2.0 * num_rows),
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
        axes.stairs(heights, bins, fill=True, color=FAKE, alpha=OPACITY, lw=0, label="generated")
        axes.plot(points, real_density, color=REAL, lw=2, label="real")
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
    twin.plot(points, values, color=DISCRIMINATOR, ls="--", label="D(x)")
    twin.set(ylim=(0, 1.02), yticks=[0, 0.5, 1])
    twin.spines["right"].set(visible=True, color=DISCRIMINATOR)
    twin.tick_params(colors=DISCRIMINATOR, labelright=at_right)
    if at_right:
        twin.set_ylabel("D(x)", color=DISCRIMINATOR)
    return twin


def _curve(axes, step, values, name: str, colour: str) -> None:
    marker = "o" if len(step) == 1 else None  # a line through one point is invisible
    axes.plot(step, values, color=colour, marker=marker, label=name)


# Layout of images


def _pixels(images, name: str = "images") -> np.ndarray:
    """Return images in any accepted form as uint8 (n, height, width, channels)."""
    images = np.asarray(getattr(images, "images", images))
    got = f"{name} has shape {images.shape} and dtype {images.dtype}"
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
        raise ValueError(
            f"{got}; expected (n, height, width, 1 or 3) with n at least 1. Of grey images "
            "(n, height, width), pass images[..., None]; of one image, images[None]."
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f" and images.dtype.name != "bfloat16":
        raise ValueError(f"{got}; expected uint8 in [0, 255] or floats in [-1, 1]. Convert it.")
    images = images.astype(np.float32)
    low, high = images.min(), images.max()
    if not (low >= -1 and high <= 1):  # also refuses NaN
        raise ValueError(
            f"{got} and values from {low:g} to {high:g}; expected floats in [-1, 1]. Of pixels in "
            "[0, 255], pass .astype('uint8'); NaN means that the training diverged."
        )
    # The same rounding as ganlib.data.to_uint8, which this module does not import.
    return np.rint((images + 1) * np.float32(127.5)).astype(np.uint8)


def _num_columns(num_images: int, num_columns: int | None, wide: float = 1.6) -> int:
    """Check the number of columns, or choose one that makes columns / rows about `wide`."""
    if num_columns is not None:
        if num_columns < 1:
            raise ValueError(f"num_columns={num_columns}; expected at least 1. Or pass None.")
        return min(num_columns, num_images)
    ideal = math.sqrt(wide * num_images)
    full_rows = [k for k in range(1, num_images + 1) if num_images % k == 0]
    nearest = min(full_rows, key=lambda k: abs(math.log(k / ideal)))
    return nearest if 0.6 < nearest / ideal < 1.7 else math.ceil(ideal)


def _gap(pixels) -> int:
    return max(1, pixels.shape[2] // 14)


def _canvas(pixels, num_columns: int, gap: int, row_gap: int | None = None) -> np.ndarray:
    num_images, height, width, channels = pixels.shape
    row_gap = gap if row_gap is None else row_gap
    num_rows = math.ceil(num_images / num_columns)
    shape = (num_rows, height + row_gap, num_columns, width + gap, channels)
    canvas = np.full(shape, 255, np.uint8)
    for k in range(num_images):
        canvas[k // num_columns, :height, k % num_columns, :width] = pixels[k]
    canvas = canvas.reshape(shape[0] * shape[1], shape[2] * shape[3], channels)
    canvas = canvas[:-row_gap, :-gap]
    return canvas if channels == 3 else canvas[..., 0]


def _scale(canvas_width: int, image_height: int, left: int = 0) -> int:
    """Return how many figure pixels one image pixel spans: a whole number, so none is uneven."""
    room = WIDTH * DPI - left - 2 * _PADDING
    return max(1, int(min(room / canvas_width, _LARGEST_TILE / image_height)))


def _show_canvases(
    canvases: list, titles: list, image_height: int, left: int = 0, bottom: int = 0
) -> Figure:
    """Show canvases of one size side by side; `left` and `bottom` are margins in figure pixels."""
    height, width = canvases[0].shape[:2]
    gutter = 28 if len(canvases) > 1 else 0
    scale = _scale(len(canvases) * width, image_height, left + (len(canvases) - 1) * gutter)
    height, width = height * scale, width * scale
    full_width = left + len(canvases) * (width + gutter) - gutter + 2 * _PADDING
    num_characters = max(8, int((full_width - left) / len(canvases) / 12))  # at 12 points
    titles = [textwrap.fill(title or "", num_characters) for title in titles]
    num_lines = max(title.count("\n") + 1 if title else 0 for title in titles)
    full_height = height + bottom + num_lines * _LINE_HEIGHT + 2 * _PADDING
    figure = plt.figure(figsize=(full_width / DPI, full_height / DPI))
    for k, (canvas, title) in enumerate(zip(canvases, titles, strict=True)):
        x = left + _PADDING + k * (width + gutter)
        y = bottom + _PADDING
        axes = figure.add_axes(
            (x / full_width, y / full_height, width / full_width, height / full_height)
        )
        axes.imshow(canvas, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="auto")
        axes.set_title(title)
        axes.set_axis_off()
    return figure
