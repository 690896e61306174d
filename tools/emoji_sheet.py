"""Draw the emoji that `ganlib` ships: `python tools/emoji_sheet.py NotoColorEmoji.ttf`.

It writes ganlib/data/noto_emoji/faces.webp, from which `ganlib.data.load_emoji` cuts its pictures.
The font is the one of Debian's package fonts-noto-color-emoji, version 2.042-0+deb12u1. It need not
be installed: ``apt-get download`` gets the package, ``dpkg -x`` unpacks it.

Beside the sheet, OFL.txt is the font's licence: the copyright line is in the font, the text is the
file ``fonts/LICENSE`` of the font's project at release 2.042.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[1]
SHEET = ROOT / "ganlib/data/noto_emoji/faces.webp"

# Where Unicode has faces, first and last code point of each run.
RUNS = (
    (0x2639, 0x263A),  # the two oldest: frowning and smiling
    (0x1F600, 0x1F644),  # the block Emoticons up to its gestures
    (0x1F910, 0x1F917),
    (0x1F920, 0x1F92F),
    (0x1F970, 0x1F97A),
    (0x1F9D0, 0x1F9D0),
    (0x1FAE0, 0x1FAE8),
)

# What lies in these runs without being the face of the others: a round one with eyes and a mouth.
LEFT_OUT = {
    0x1F608: "a devil, purple and with horns",
    **dict.fromkeys(range(0x1F638, 0x1F641), "a cat"),
    0x1F916: "a robot",
    0x1F921: "a clown, white and with hair",
    0x1F926: "a person behind a hand",
    0x1F977: "a ninja",
    0x1FAE5: "a dotted outline",
    0x1FAE6: "a lip",
    0x1FAE7: "bubbles",
}

# The characters that are drawn, in Unicode's order.
FACES = tuple(
    chr(point) for first, last in RUNS for point in range(first, last + 1) if point not in LEFT_OUT
)

# Debian builds the font itself, so the file of the project's own release is another one. Later
# releases draw some faces differently.
FONT_SHA256 = "e5899ed38b8ed83e08bd3ac5de09791e9d19d288333a796de1d35ad17396f1ec"

# The font holds bitmaps of one size: 136 wide, 128 high, for 109 pixels an em.
EM_SIZE, WIDTH, HEIGHT = 109, 136, 128
NUM_COLUMNS = 11  # of the sheet


def check(path):
    """Refuses another font than the one that the published results rest on."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != FONT_SHA256:
        raise SystemExit(
            f"{path} has SHA-256 {found}, expected {FONT_SHA256}. Take the font out of Debian's "
            "package fonts-noto-color-emoji, version 2.042-0+deb12u1."
        )


def draw(path):
    """Draws the faces on white; returns uint8 (99, 136, 136, 3)."""
    bitmaps = ImageFont.truetype(path, EM_SIZE, layout_engine=ImageFont.Layout.BASIC)
    faces = []
    for face in FACES:
        square = Image.new("RGB", (WIDTH, WIDTH), "white")
        place = (0, (WIDTH - HEIGHT) // 2)
        ImageDraw.Draw(square).text(place, face, font=bitmaps, embedded_color=True)
        faces.append(np.asarray(square))
    return np.stack(faces)


def write(faces, path):
    """Lays the faces side by side, row by row, and writes the sheet without loss."""
    rows = faces.reshape(-1, NUM_COLUMNS, *faces.shape[1:])  # (rows, columns, y, x, 3)
    num_rows, num_columns, height, width, channels = rows.shape
    sheet = rows.swapaxes(1, 2).reshape(num_rows * height, num_columns * width, channels)
    # The highest effort: 20 seconds, and three fifths of the size at the usual one.
    Image.fromarray(sheet).save(path, lossless=True, quality=100, method=6)


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    font = Path(sys.argv[1])
    check(font)
    write(draw(font), SHEET)
    print(f"{SHEET.relative_to(ROOT)}: {len(FACES)} faces, {SHEET.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
