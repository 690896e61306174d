"""Frames that play in a page without a kernel: a small player of HTML that holds its pictures.

The player asks for nothing outside itself, defines no global name, and never starts by itself.
Where scripts are stripped, its last frame stays as a picture.
"""

import base64
import html
import io
import json
import math
import pathlib
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, features

from ganlib import _files, viz

MAX_BYTES = 750_000  # half of what a page of the book may weigh


@dataclass(frozen=True, repr=False)
class Animation:
    """A player for a notebook's output or for a page; `animation` makes one.

    As the last expression of a notebook cell it is shown. It begins at its last frame and plays
    from the first one on demand, by mouse or keyboard.

    Args:
        html: The player, a fragment of HTML.
        label: What it shows, for those who do not see it.
        num_frames: How many frames it has.
    """

    html: str
    label: str
    num_frames: int

    def __repr__(self):
        return f"<Animation of {self.num_frames} frames: {self.label}>"

    def _repr_html_(self):
        return self.html

    def save(self, path) -> None:
        """Write the fragment into a file, to be included in a page.

        Args:
            path: The file; its folder is made if missing.
        """
        path = _files.expanded(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _files.write(path, self.html)


def animation(
    frames: Iterable,
    captions: Sequence[str],
    label: str,
    frames_per_second: float = 8.0,
    max_bytes: int = MAX_BYTES,
) -> Animation:
    """Make a player of frames with captions.

    Args:
        frames: At least two pictures of one size. Arrays are uint8 in [0, 255], of shape
            (height, width), as `tile` returns them, or (height, width, 1 or 3). They are kept
            exactly and shown as crisp pixels. Matplotlib figures are drawn, closed, and kept with
            256 colours for all frames together. A generator may draw one after the other.
        captions: A short text for each frame, such as "step 1,200".
        label: A sentence that says what is to be seen, for those who do not see it.
        frames_per_second: The speed, above 0.
        max_bytes: What the player may weigh at most.

    Returns:
        The `Animation`.

    Raises:
        ValueError: If the frames, the captions, the label or the speed are unfit, or the player
            is heavier than `max_bytes`.

    Example:
        >>> noise = np.random.default_rng(0).integers(0, 256, size=(3, 8, 8), dtype=np.uint8)
        >>> animation(noise, ["step 0", "step 10", "step 20"], "Noise, three times.")
        <Animation of 3 frames: Noise, three times.>
    """
    captions, label = [str(caption) for caption in captions], str(label).strip()
    pixels, are_crisp = _draw(frames)
    if not 2 <= len(pixels) == len(captions):
        raise ValueError(
            f"received {len(pixels)} frames and {len(captions)} captions; expected as many of one "
            "as of the other, at least 2. A single frame is a picture: show it as one."
        )
    if not label or not frames_per_second > 0:
        raise ValueError(
            f"received label={label!r} and frames_per_second={frames_per_second}; expected a "
            "sentence, and a speed above 0. Say what is to be seen, for those who do not see it."
        )
    text = _fragment(pixels, are_crisp, captions, label, frames_per_second)
    if len(text.encode()) > max_bytes:
        raise ValueError(
            f"received frames whose player takes {len(text.encode()):,} bytes; expected "
            f"max_bytes={max_bytes:,} at most. Pass fewer frames, or smaller ones (fewer images in "
            "each, figures with a lower dpi), or raise max_bytes."
        )
    return Animation(text, label, len(pixels))


def _draw(frames) -> tuple[np.ndarray, bool]:
    """Return the frames as one array, (n, height, width, 1 or 3), and whether all are pixels."""
    pictures, are_crisp = [], True
    for frame in frames:
        if isinstance(frame, Figure):
            canvas = FigureCanvasAgg(frame)
            canvas.draw()
            plt.close(frame)  # pyplot would show it again
            frame, are_crisp = np.array(canvas.buffer_rgba())[..., :3], False
        picture = np.asarray(frame)
        picture = picture[..., np.newaxis] if picture.ndim == 2 else picture
        if picture.ndim != 3 or picture.shape[2] not in (1, 3) or picture.dtype != np.uint8:
            raise ValueError(
                f"received as frame {len(pictures)} a {type(frame).__name__} of shape "
                f"{np.shape(frame)} and dtype {picture.dtype}; expected a Matplotlib figure or a "
                "uint8 array (height, width) or (height, width, 1 or 3). Lay images out with "
                "viz.tile."
            )
        pictures.append(picture)
    shapes = sorted({picture.shape for picture in pictures})
    if len(shapes) > 1:
        raise ValueError(f"received frames of shapes {shapes}; expected one. Draw all alike.")
    return np.stack(pictures) if pictures else np.zeros((0, 1, 1, 1), np.uint8), are_crisp


def _fragment(pixels, are_crisp, captions, label, frames_per_second) -> str:
    num_frames, height, width, channels = pixels.shape
    # Nearly square: browsers and the WebP format bound the longer side of a picture.
    num_columns = min(num_frames, max(1, round(math.sqrt(num_frames * height / width))))
    num_rows = math.ceil(num_frames / num_columns)
    sheet = np.zeros((num_rows, height, num_columns, width, channels), np.uint8)
    for k, picture in enumerate(pixels):
        sheet[k // num_columns, :, k % num_columns] = picture
    sheet = sheet.reshape(num_rows * height, num_columns * width, channels)
    sheet = Image.fromarray(sheet.squeeze(axis=2) if channels == 1 else sheet)
    if not are_crisp:
        sheet = sheet.quantize(256, dither=Image.Dither.NONE)
    last_row, last_column = divmod(num_frames - 1, num_columns)
    left, top = last_column * width, last_row * height
    page_width = round(viz.WIDTH * viz.DPI)  # CSS pixels of the book's widest figures
    shown_width = max(1, page_width // width) * width if are_crisp else min(width, page_width)
    template = pathlib.Path(__file__).with_name("player.html").read_text(encoding="utf-8")
    return string.Template(template).substitute(
        still=_data_uri(sheet.crop((left, top, left + width, top + height))),
        sheet=_data_uri(sheet),
        num_columns=num_columns,
        delay=round(1000 / frames_per_second),
        captions=html.escape(json.dumps(captions)),
        label=html.escape(label),
        last=num_frames - 1,
        last_caption=html.escape(captions[-1]),
        shown_width=shown_width,
        shown_height=round(height * shown_width / width),
        rendering="pixelated" if are_crisp else "auto",
    )


def _data_uri(image) -> str:
    """Encode an image without loss as PNG or WebP, whichever is smaller."""
    options = {"png": {"optimize": True}}
    if features.check("webp"):
        options["webp"] = {"lossless": True, "quality": 75, "method": 4}
    encoded = {}
    for name, settings in options.items():
        buffer = io.BytesIO()
        image.save(buffer, format=name, **settings)
        encoded[name] = buffer.getvalue()
    name = min(encoded, key=lambda name: len(encoded[name]))
    return f"data:image/{name};base64,{base64.b64encode(encoded[name]).decode()}"
