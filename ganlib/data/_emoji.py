"""The faces of the font Noto Color Emoji, drawn on white: a small, coherent set of colour pictures.

`ganlib.data.load_emoji` wraps `load` in `Images`. The font is under the SIL Open Font License 1.1.
"""

import hashlib
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganlib.data import _downloads as downloads

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

FACES = tuple(
    chr(point) for first, last in RUNS for point in range(first, last + 1) if point not in LEFT_OUT
)
"""The 99 characters that are drawn, in Unicode's order."""

FONT = downloads.Source(
    title="The font Noto Color Emoji",
    folder="noto-emoji",
    url="https://raw.githubusercontent.com/googlefonts/noto-emoji/v2.042/fonts/",
    package="fonts-noto-color-emoji",
)
FILE = "NotoColorEmoji.ttf"
GIT_HASH = "cf7a47e960cc84bfcbf65bbcf324f56385948b73"
"""What Git calls the file in release 2.042: the SHA-1 of "blob", its length and its contents."""

MAX_BYTES = 16_000_000
SYSTEM_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
    "C:/Windows/Fonts",
    "~/AppData/Local/Microsoft/Windows/Fonts",
)

# The font holds bitmaps of one size: 136 wide, 128 high, for 109 pixels an em.
EM_SIZE, WIDTH, HEIGHT = 109, 136, 128


def load(image_size: int) -> np.ndarray:
    """Draw the faces; see `ganlib.data.load_emoji`.

    Returns:
        uint8 `(99, image_size, image_size, 3)`.
    """
    return draw(font(), image_size)


def font(may_install: bool = False) -> Path:
    """Return the path of a font that draws all the faces: one of this machine, else a download.

    Any release will do that has them. Those that hold outlines instead of bitmaps will not: Pillow
    draws nothing with them.

    Args:
        may_install: whether the distribution's package may be installed as a last resort.

    Raises:
        FileNotFoundError: every way failed; the message names each and how to mend it.
    """
    ways = [("a copy on this machine", lambda: None), ("download", download)]
    if may_install:
        ways.append((f"package {FONT.package}", lambda: downloads.install_package(FONT)))
    failures = []
    for way, attempt in ways:
        try:
            attempt()
        except (downloads.DamagedFileError, OSError) as error:
            failures.append(f"{way}: {error}")
            continue
        reasons = []
        for path in candidates():
            reason = complaint(path)
            if reason is None:
                return path
            reasons.append(reason)
        failures.append(f"{way}: {'; '.join(reasons) or f'no {FILE} found'}")
    raise FileNotFoundError(downloads.advice(FONT, failures))


def candidates() -> list[Path]:
    """Return the files of that name on this machine, in the order in which they are tried."""
    own = [folder / FILE for folder in downloads.local_folders(FONT)]
    folders = [Path(os.path.expanduser(folder)) for folder in SYSTEM_FOLDERS]
    found = [path for folder in folders if folder.is_dir() for path in sorted(folder.rglob(FILE))]
    return [path for path in (*own, *found) if path.is_file()]


def complaint(path: Path) -> str | None:
    """Return why a font will not do, or None if it draws every face."""
    try:
        images = draw(path, 16).astype(int)
    except (OSError, ValueError) as error:
        return f"{path} cannot be read ({error})"
    # Faces are colourful. A missing one comes out blank, or as a black box.
    colourful = (np.ptp(images, axis=-1) > 60).mean(axis=(1, 2)) > 0.2  # (99,)
    if colourful.all():
        return None
    first = ord(FACES[colourful.argmin()])
    return f"{path} does not draw {(~colourful).sum()} of the faces, first U+{first:X}"


def draw(path: Path, image_size: int) -> np.ndarray:
    """Draw the faces on white with a font; uint8 `(99, image_size, image_size, 3)`."""
    with path.open("rb") as file:  # given a damaged file's name, Pillow takes another of that name
        bitmaps = ImageFont.truetype(file, EM_SIZE, layout_engine=ImageFont.Layout.BASIC)
    images = np.empty((len(FACES), image_size, image_size, 3), np.uint8)
    for index, face in enumerate(FACES):
        square = Image.new("RGB", (WIDTH, WIDTH), "white")
        place = (0, (WIDTH - HEIGHT) // 2)
        ImageDraw.Draw(square).text(place, face, font=bitmaps, embedded_color=True)
        images[index] = square.resize((image_size, image_size), Image.Resampling.BICUBIC)
    return images


def download() -> None:
    """Download the font into the Keras cache; it appears there only once it is checked.

    Raises:
        DamagedFileError: the server sent something else; nothing is stored.
        OSError: there is no network, or the cache cannot be written.
    """
    path = downloads.keras_folder(FONT) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    address = FONT.url + FILE
    contents = downloads.fetch(address, MAX_BYTES)
    header = b"blob %d\0" % len(contents)
    found = hashlib.sha1(header + contents, usedforsecurity=False).hexdigest()
    if found != GIT_HASH:
        raise downloads.DamagedFileError(
            f"{address} is not the expected file: its {len(contents):,} bytes have the Git hash "
            f"{found}, expected {GIT_HASH}"
        )
    downloads.store(contents, path)
