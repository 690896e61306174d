"""Letters and digits, drawn with the fonts that Matplotlib brings: DejaVu, of several styles.

`ganlib.data.load_glyphs` wraps `load` in `Images`. Every style shows the same characters in the
same order, so that any two of them are pairs.
"""

import functools
import unicodedata
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganlib.data._downloads import MissingDataError

# (family, bold, italic) -> file
FONTS = {
    (family, bold, italic): f"DejaVu{family.title()}{style}.ttf"
    for family, slanted in (("sans", "Oblique"), ("serif", "Italic"))
    for bold, italic, style in (
        (False, False, ""),
        (True, False, "-Bold"),
        (False, True, f"-{slanted}"),
        (True, True, f"-Bold{slanted}"),
    )
}
_KINDS = {"Lu", "Ll", "Lt", "Lo", "Nd"}  # Unicode's letters and digits, without modifiers
# As shares of an image's side: the font's size, and where the letters stand.
_FONT_SIZE, _BASELINE = 5 / 7, 0.72
# Glyphs are drawn larger and reduced, which leaves little of how a FreeType fits lines to pixels.
_SCALE = 4
_SIDE = 28 * _SCALE  # of the pictures by which glyphs are chosen


def load(style, image_size: int) -> tuple:
    """Draw all characters in one style; see `ganlib.data.load_glyphs`.

    Args:
        style: a key of ``FONTS``.
        image_size: height and width.

    Returns:
        ``(images, labels, class_names)``.
    """
    characters, labels, class_names = _characters()
    pictures = _drawn(FONTS[style], characters, image_size * _SCALE)
    images = [np.asarray(Image.fromarray(picture).reduce(_SCALE)) for picture in pictures]
    return np.stack(images)[..., np.newaxis], labels.copy(), class_names


@functools.cache
def _path(name: str) -> Path:
    """Where a font lies."""
    import matplotlib  # only for those who call this

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    if not path.is_file():
        raise MissingDataError(
            f"received a Matplotlib without the font {path}; expected the one that it brings. "
            "Install Matplotlib by pip, or put the file of the DejaVu fonts 2.37 there."
        )
    return path


def _drawn(name, characters, side) -> np.ndarray:
    """Pictures of characters, centred above one baseline, uint8 (n, side, side)."""
    font = ImageFont.truetype(_path(name), side * _FONT_SIZE, layout_engine=ImageFont.Layout.BASIC)
    pictures = np.empty((len(characters), side, side), np.uint8)
    for picture, character in zip(pictures, characters, strict=True):
        image = Image.new("L", (side, side))
        place = (side / 2, side * _BASELINE)
        ImageDraw.Draw(image).text(place, character, fill=255, font=font, anchor="ms")
        picture[:] = image
    return pictures


@functools.cache
def _characters() -> tuple:
    """The characters that all fonts have and an image holds, their letters, and those's names."""
    from matplotlib import ft2font

    maps = [ft2font.FT2Font(str(_path(name))).get_charmap() for name in FONTS.values()]
    codes = sorted(set.intersection(*map(set, maps)))
    characters = [chr(code) for code in codes if unicodedata.category(chr(code)) in _KINDS]
    fits, alike, looks = np.ones(len(characters), bool), [], {}
    for name in FONTS.values():
        pictures = _drawn(name, characters, _SIDE)
        edges = (pictures[:, [0, -1]], pictures[:, :, [0, -1]])
        fits &= np.logical_and.reduce([~edge.any(axis=(1, 2)) for edge in edges])
        fits &= pictures.any(axis=(1, 2))
        alike.append([looks.setdefault(picture.tobytes(), len(looks)) for picture in pictures])
    characters = [character for character, fit in zip(characters, fits, strict=True) if fit]
    alike = np.array(alike)[:, fits]
    bases = [unicodedata.normalize("NFKD", one)[0].casefold() for one in characters]
    firsts, labels = np.unique(_joined([bases, *alike]), return_inverse=True)
    return characters, labels, tuple(bases[first] for first in firsts)


def _joined(traits) -> np.ndarray:
    """For each thing the first one that it is tied to, where one equal trait ties two together."""
    firsts = np.arange(len(traits[0]))
    changed = True
    while changed:
        before = firsts
        for values in traits:
            _, groups = np.unique(values, return_inverse=True)
            least = np.full(groups.max() + 1, len(firsts))
            np.minimum.at(least, groups, firsts)
            firsts = least[groups]
        changed = (firsts != before).any()
    return firsts
