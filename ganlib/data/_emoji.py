"""The faces of the font Noto Color Emoji, drawn on white: a small, coherent set of colour pictures.

`ganlib.data.load_emoji` wraps `load` in `Images`. The faces are cut out of one lossless picture,
``noto_emoji/faces.webp``, which ``tools/emoji_sheet.py`` drew. It is under the SIL Open Font
License 1.1, whose text stands beside it.
"""

from importlib import resources

import numpy as np
from PIL import Image

SHEET = resources.files("ganlib.data") / "noto_emoji" / "faces.webp"
NUM_FACES, NUM_COLUMNS = 99, 11
SIDE = 136  # of one face: the width of the font's own bitmaps


def load(image_size: int) -> np.ndarray:
    """Cut the faces out of the sheet and resize them; see `ganlib.data.load_emoji`.

    Returns:
        uint8 `(99, image_size, image_size, 3)`.
    """
    images = np.empty((NUM_FACES, image_size, image_size, 3), np.uint8)
    with SHEET.open("rb") as file, Image.open(file) as sheet:
        for index in range(NUM_FACES):
            row, column = divmod(index, NUM_COLUMNS)
            left, top = column * SIDE, row * SIDE
            face = sheet.crop((left, top, left + SIDE, top + SIDE))
            images[index] = face.resize((image_size, image_size), Image.Resampling.BICUBIC)
    return images
