"""Rows of images with a word beside or below them, for the first chapters."""

from collections.abc import Sequence

import numpy as np

from ganbook.drawings._pen import FAKE, INK, REAL, WIDTH, Pen

_GAP = 6  # between images, in CSS pixels


def rows(images: Sequence[np.ndarray], names: Sequence[str], left: float = 0) -> str:
    """Draws rows of images, real ones first, each with its name.

    Args:
        images: for each row, uint8 (n, side, side, channels), the same n in each.
        names: for each row, a word or two; "real" ones are framed in blue, others in vermilion.
        left: room for the names at the left; 0: they stand above the rows.

    Returns:
        The drawing, one SVG element.
    """
    count = len(images[0])
    side = (WIDTH - left - _GAP * (count - 1)) / count - 2 / count
    above = 0 if left else 24
    pen = Pen(len(images) * (side + above + _GAP + 4))
    for row, (pictures, name) in enumerate(zip(images, names, strict=True)):
        top = row * (side + above + _GAP + 4) + above + 1
        real = name.startswith(("real", "training"))
        if left:
            middle = top + side / 2 + 6 - 10 * name.count("\n")
            pen.text(0, middle, name, REAL if real else FAKE, anchor="start")
        else:
            pen.text(0, top - 8, name, REAL if real else FAKE, anchor="start")
        for column, picture in enumerate(pictures):
            pen.image(left + 1 + column * (side + _GAP), top, side, picture, real)
    return pen.svg()


def rare(images: np.ndarray, place: int, name: str, num_columns: int = 8) -> str:
    """Draws a collection in which one image is of another kind than the rest.

    Args:
        images: uint8 (n, side, side, channels).
        place: which of them is the rare one.
        name: what to write at it, such as "the only bag".
        num_columns: images a row.

    Returns:
        The drawing, one SVG element.
    """
    pitch = WIDTH / num_columns
    num_rows = -(-len(images) // num_columns)
    pen = Pen(num_rows * pitch + 30)
    for k, picture in enumerate(images):
        x, y = k % num_columns * pitch + 3, k // num_columns * pitch + 3
        pen.image(x, y, pitch - _GAP, picture)
    x, y = place % num_columns * pitch, place // num_columns * pitch
    pen.ring((x + 0.5, y + 0.5, pitch - 1, pitch - 1))
    below = num_rows * pitch
    pen.line([(x + pitch / 2, y + pitch), (x + pitch / 2, below + 6)])
    pen.text(x + pitch / 2, below + 22, name)
    return pen.svg()


def mirrored(images: Sequence[np.ndarray], names: Sequence[str]) -> str:
    """Draws images, each with its mirror image and what is to be said of that.

    Args:
        images: uint8 (side, side, channels), of any sides.
        names: for each, one or two lines.

    Returns:
        The drawing, one SVG element.
    """
    side, between = 62, 30
    pen = Pen(side + 54)
    pitch = WIDTH / len(images)
    for k, (picture, name) in enumerate(zip(images, names, strict=True)):
        x = k * pitch + (pitch - 2 * side - between) / 2
        pen.image(x, 2, side, picture, real=True)
        pen.arrow([(x + side + 5, 2 + side / 2), (x + side + between - 4, 2 + side / 2)])
        pen.image(x + side + between, 2, side, picture[:, ::-1])
        pen.text(x + side + between / 2, side + 24, name, INK)
    return pen.svg()
