"""Images in a grid, each pixel a crisp square. `ganlib.viz` says which images it takes."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ganlib import _checks, _files, data
from ganlib.viz import _style
from ganlib.viz._figure import Figure, figure_function

# CSS pixels of the finished figure.
_PADDING = 6
_LINE_HEIGHT = 21
_LARGEST_TILE = 112
_LARGEST_VALUE = 1 + 1 / 255  # of floats: beyond 1 by rounding, by less than half a grey level
_MOST_COLUMNS = 8  # that leave images on a phone 40 pixels wide


def tile(images: data.Images | ArrayLike, num_columns: int | None = None) -> np.ndarray:
    """Lay images out row by row on one white canvas, as for a PNG file.

    Args:
        images: Images (n, height, width, channels) as `viz` describes them, n at least 1.
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


@figure_function
def sample_grid(
    images: data.Images | ArrayLike,
    num_columns: int | None = None,
    title: str | None = None,
    labels: Sequence | None = None,
) -> Figure:
    """Show images in a grid, in their order, each pixel a crisp square.

    Args:
        images: Images (n, height, width, channels) as `viz` describes them, n at least 1.
        num_columns: Images a row; None chooses, eight at most, so that a phone shows them large
            enough.
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
    if num_columns is None:
        num_columns = min(_num_columns(len(pixels), None), _MOST_COLUMNS)
    columns = _num_columns(len(pixels), num_columns)
    height, width = pixels.shape[1:3]
    gap = row_gap = _gap(pixels)
    if labels is not None:
        row_gap = math.ceil(_LINE_HEIGHT / _scale(columns * (width + gap) - gap, height))
    canvas = _clear_canvas(pixels, columns, gap, row_gap)
    figure = _show_canvases([canvas], [title], height, bottom=0 if labels is None else _LINE_HEIGHT)
    for k, label in enumerate(() if labels is None else labels):
        x = k % columns * (width + gap) + (width - 1) / 2
        y = k // columns * (height + row_gap) + height
        text = _files.readable(str(label))
        figure.axes[0].text(x, y, text, ha="center", va="top", fontsize=11)
    return figure


@figure_function
def real_beside_fake(
    real_images: data.Images | ArrayLike, fake_images: data.Images | ArrayLike, num_images: int = 32
) -> Figure:
    """Show the first real images on the left and the first generated ones on the right.

    Args:
        real_images: Images (n, height, width, channels) as `viz` describes them.
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
    _checks.integer(
        "num_images",
        num_images,
        at_most=min(len(real), len(fake)),
        fix=f"There are {len(real)} real and {len(fake)} fake images: lower it, or pass more",
    )
    columns = _num_columns(num_images, None, wide=0.6)
    canvases = [_clear_canvas(images[:num_images], columns, _gap(real)) for images in (real, fake)]
    return _show_canvases(canvases, ["real", "generated"], real.shape[1])


@figure_function
def sample_strip(snapshots: Sequence, steps: Sequence[int], title: str | None = None) -> Figure:
    """Show what the same latents became in the course of training, one row a step.

    Args:
        snapshots: For each step, images (n, height, width, channels) as `viz` describes them,
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
            "as of the other, at least 1. Give the step of each snapshot."
        )
    rows = [_pixels(snapshot, f"snapshots[{k}]") for k, snapshot in enumerate(snapshots)]
    if len({row.shape for row in rows}) > 1:
        raise ValueError(
            f"received snapshots of shapes {[row.shape for row in rows]}; expected one shape. "
            "Sample each with the same latents."
        )
    pixels = np.concatenate(rows)  # (steps * n, height, width, channels)
    height, gap = pixels.shape[1], _gap(pixels)
    canvas = _clear_canvas(pixels, len(rows[0]), gap)
    names = [f"{step:,}" for step in steps]
    left = 30 + 10 * max(map(len, names))  # pixels for the word and the numbers
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


# Layout of images


def _pixels(images, name: str = "images") -> np.ndarray:
    """Return images in any accepted form as uint8 (n, height, width, channels)."""
    images = np.asarray(getattr(images, "images", images))
    got = f"{name} of shape {images.shape} and dtype {images.dtype}"
    if images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
        raise ValueError(
            f"received {got}; expected (n, height, width, 1 or 3) with n at least 1. Of grey "
            "images (n, height, width), pass images[..., None]; of one image, images[None]."
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f" and images.dtype.name != "bfloat16":
        raise ValueError(
            f"received {got}; expected uint8 in [0, 255] or floats in [-1, 1]. Convert it."
        )
    images = images.astype(np.float32)
    low, high = images.min(), images.max()
    if not (low >= -_LARGEST_VALUE and high <= _LARGEST_VALUE):  # also refuses NaN
        raise ValueError(
            f"received {got} and values from {low:g} to {high:g}; expected floats in [-1, 1]. Of "
            "pixels in [0, 255], pass .astype('uint8'); NaN means that the training diverged."
        )
    return data.to_uint8(images)


def _num_columns(num_images: int, num_columns: int | None, wide: float = 1.6) -> int:
    """Check the number of columns, or choose one that makes columns / rows about `wide`."""
    if num_columns is not None:
        _checks.integer("num_columns", num_columns, fix="Pass None to have a number chosen")
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


def _clear_canvas(pixels, num_columns: int, gap: int, row_gap: int | None = None) -> np.ndarray:
    """Return a canvas with a channel of opacity: the page shows between the images."""
    canvas = _canvas(pixels, num_columns, gap, row_gap)
    colours = canvas if canvas.ndim == 3 else np.repeat(canvas[..., None], 3, axis=2)
    gaps = _canvas(np.zeros((*pixels.shape[:3], 1), np.uint8), num_columns, gap, row_gap)
    return np.dstack([colours, 255 - gaps])


def _scale(canvas_width: int, image_height: int, left: int = 0) -> float:
    """Return how many CSS pixels an image pixel spans: halves, which most screens show evenly."""
    room = _style.WIDTH * _style.DPI - left - 2 * _PADDING
    return max(1, int(2 * min(room / canvas_width, _LARGEST_TILE / image_height)) / 2)


def _show_canvases(
    canvases: list, titles: list, image_height: int, left: int = 0, bottom: int = 0
) -> Figure:
    """Show canvases of one size side by side; `left` and `bottom` are margins in figure pixels."""
    height, width = canvases[0].shape[:2]
    gutter = 21 if len(canvases) > 1 else 0
    scale = _scale(len(canvases) * width, image_height, left + (len(canvases) - 1) * gutter)
    height, width = height * scale, width * scale
    full_width = left + len(canvases) * (width + gutter) - gutter + 2 * _PADDING
    num_characters = max(8, int((full_width - left) / len(canvases) / 9))  # at 12 points
    titles = [textwrap.fill(_files.readable(title or ""), num_characters) for title in titles]
    num_lines = max(title.count("\n") + 1 if title else 0 for title in titles)
    full_height = height + bottom + num_lines * _LINE_HEIGHT + 2 * _PADDING
    figure = Figure(figsize=(full_width / _style.DPI, full_height / _style.DPI))
    for k, (canvas, title) in enumerate(zip(canvases, titles, strict=True)):
        x = left + _PADDING + k * (width + gutter)
        y = bottom + _PADDING
        axes = figure.add_axes(
            (x / full_width, y / full_height, width / full_width, height / full_height)
        )
        axes.imshow(canvas, interpolation="none", aspect="auto")
        axes.set_title(title)
        axes.set_axis_off()
    return figure
