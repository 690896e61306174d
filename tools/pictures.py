"""The book's own pictures, drawn by the generator of lab 07: `python tools/pictures.py`.

It writes into book/_static/: hero_light.png and hero_dark.png, the band on the landing page in its
two modes, and card.png, which other sites show beside a link to the book. The weights are those
that ganlib ships. The latents are the first eight of seed 0; nothing is chosen.
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that `python tools/pictures.py` finds the library

STATIC = ROOT / "book/_static"
NUM_ROWS, NUM_COLUMNS = 4, 12  # each row leads from one latent to another

# The book's blue and vermilion, as custom.css has them for its two modes.
ON_LIGHT = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
ON_DARK = (0x6C, 0xB8, 0xEA), (0xF0, 0x93, 0x5A)
CARD_PAPER, CARD_INK, CARD_MUTED = (0x13, 0x16, 0x1B), (0xFF, 0xFF, 0xFF), (0xC3, 0xCB, 0xD3)
CARD_SIZE = 1200, 630  # what Open Graph readers expect


def walk(start, end, num_steps):
    """Returns points on the arc between two latents, both ends included.

    The arc, not the chord: in many dimensions latents lie near a sphere, and the middle of a chord
    lies far inside it, where the generator has never been trained (White, 2016).

    Args:
        start: array (d,).
        end: array (d,), not parallel to ``start``.
        num_steps: how many points.

    Returns:
        Array (num_steps, d).
    """
    cosine = start @ end / np.linalg.norm(start) / np.linalg.norm(end)
    angle = np.arccos(cosine)
    share = np.linspace(0, 1, num_steps)[:, None]
    return (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)


def walks():
    """Returns the brightness of generated images, (rows, columns, height, width) in [0, 1]."""
    from ganlib import pretrained  # here, since the tests of the rest need no TensorFlow
    from ganlib._tensorflow import tf

    generator = pretrained.fashion_dcgan()
    shape = (2 * NUM_ROWS, generator.input_shape[-1])
    latents = tf.random.stateless_normal(shape, [0, 0], alg="philox").numpy()
    rows = [walk(*latents[2 * row : 2 * row + 2], NUM_COLUMNS) for row in range(NUM_ROWS)]
    images = generator(np.concatenate(rows).astype(np.float32), training=False).numpy()
    brightness = np.clip((images[..., 0] + 1) / 2, 0, 1)
    return brightness.reshape(NUM_ROWS, NUM_COLUMNS, *brightness.shape[1:])


def band(brightness, colours, scale):
    """Draws rows of images as ink of a colour that runs from left to right on clear paper.

    Args:
        brightness: array (rows, columns, height, width) in [0, 1]; it becomes the ink's opacity.
        colours: those of the first and of the last column, each three numbers from 0 to 255.
        scale: figure pixels per image pixel.

    Returns:
        A Pillow image in mode RGBA.
    """
    tiles = np.kron(brightness, np.ones((1, 1, scale, scale)))
    tiles = np.pad(tiles, [(0, 0), (0, 0), (scale, scale), (scale // 2, scale // 2)])
    rows, columns, height, width = tiles.shape
    opacity = tiles.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    start, end = np.array(colours, float)
    share = np.repeat(np.linspace(0, 1, columns), width)[:, None]
    colour = (1 - share) * start + share * end
    # Sixteen levels of opacity halve the file, and nobody sees the difference.
    opacity = np.rint(opacity * 15)[..., None] * 17
    pixels = np.concatenate([np.broadcast_to(colour, (*opacity.shape[:2], 3)), opacity], axis=2)
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def card(picture):
    """Draws the picture that other sites show beside a link: the title above the band."""
    canvas = Image.new("RGB", CARD_SIZE, CARD_PAPER)
    draw = ImageDraw.Draw(canvas)
    fonts = Path(matplotlib.get_data_path()) / "fonts/ttf"  # wherever the book can be built
    margin = (CARD_SIZE[0] - picture.width) // 2
    title = ImageFont.truetype(fonts / "DejaVuSans-Bold.ttf", 68)
    line = ImageFont.truetype(fonts / "DejaVuSans.ttf", 31)
    draw.text((margin, 52), "GANs by Experiment", CARD_INK, title)
    draw.text((margin, 146), "A book in which every claim is proved or measured", CARD_MUTED, line)
    canvas.paste(picture, (margin, CARD_SIZE[1] - picture.height - 48), picture)
    return canvas


def main():
    brightness = walks()
    pictures = {
        "hero_light.png": band(brightness, ON_LIGHT, 4),
        "hero_dark.png": band(brightness, ON_DARK, 4),
        "card.png": card(band(brightness, ON_DARK, 3)),
    }
    for name, picture in pictures.items():
        picture.save(STATIC / name, optimize=True)
        print(f"book/_static/{name}: {(STATIC / name).stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
