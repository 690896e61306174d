"""Draw the pictures of the first two chapters: `python tools/opening_pictures.py [NAME ...]`.

It writes book/_static/opening_*.svg. The points are those of the program in chapter 2, which is
taken out of the chapter and run. Real images are the first of their kind in the training set. What
is generated is cut out of what the labs published: the samples of lab 7
(book/_static/dcgan_samples.svg), the comparison of lab 21 (vae_and_gan.svg), and the closest pairs
in the output of lab 8. So after one of these labs was run anew, draw rows, sharp and copy anew.
"""

import base64
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that `python tools/opening_pictures.py` finds the packages

from ganbook import drawings  # noqa: E402, after the path
from ganlib import data, viz  # noqa: E402

STATIC = ROOT / "book/_static"
PICTURE = re.compile(r'data:image/png;base64,([^"]+)"')
NUM_SHOWN = 8  # images a row, which a phone still shows 40 pixels wide
BAG, BOOT, SHIRT = 8, 9, 0  # classes of Fashion-MNIST
PLACE_OF_THE_BAG = 13
LISTING = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
MOMENTS = 100, 500, 2_000  # steps; the last are all that the program in the chapter takes


def cut(svg, side, rows, first_row=0, gap=2):
    """Returns images out of the first picture of a grid that `ganlib.viz` drew.

    Args:
        svg: the drawing.
        side: of an image in pixels.
        rows: how many rows to return.
        first_row: the first of them.
        gap: pixels between images.

    Returns:
        uint8 array (rows, images a row, side, side, channels).
    """
    picture = Image.open(io.BytesIO(base64.b64decode(PICTURE.search(svg)[1])))
    pixels = np.asarray(picture.convert("RGB" if picture.mode == "RGBA" else "L"))
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    pitch = side + gap
    columns = range(0, pixels.shape[1], pitch)
    lines = range(first_row * pitch, (first_row + rows) * pitch, pitch)
    return np.stack([[pixels[y : y + side, x : x + side] for x in columns] for y in lines])


def closest_pairs(notebook):
    """Returns the pairs of lab 8 that are closest: generated ones, and the nearest real ones."""
    texts = [
        "".join(output["data"]["image/svg+xml"])
        for cell in notebook["cells"]
        if "the nearest training face" in str(cell["metadata"])
        for output in cell["outputs"]
        if "image/svg+xml" in output.get("data", {})
    ]
    if len(texts) != 1:
        raise ValueError(
            f"received {len(texts)} pictures of nearest training faces in lab 8; expected one. "
            "Look for the cell by its alternative text."
        )
    picture = Image.open(io.BytesIO(base64.b64decode(PICTURE.search(texts[0])[1]))).convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    pixels = np.asarray(Image.alpha_composite(paper, picture).convert("RGB"))
    lower = pixels[-128:]  # the second row of pairs, 64 pixels a face
    faces = np.stack([lower[:, x : x + 64] for x in range(0, pixels.shape[1], 68)])
    return faces[:, :64], faces[:, 64:]


def listing(num_steps=MOMENTS[-1]):
    """Returns the program of chapter 2, so many steps long."""
    chapter = (ROOT / "book/02_two_networks.md").read_text("utf-8")
    program = LISTING.search(chapter)[1]
    return re.sub(r"for k in range\([\d_]+\)", f"for k in range({num_steps})", program)


@viz.figure_function
def points():
    """Draws where the program's points are at three moments of its run."""
    from ganlib import toy

    real = toy.ring().sample(500, seed=0)
    figure, axes = viz.figure(1, len(MOMENTS), height=2.4)
    for axis, num_steps in zip(axes, MOMENTS, strict=True):
        made = {}
        exec(listing(num_steps), made)
        axis.plot(*real.T, "x", color=viz.REAL, markersize=4, markeredgewidth=0.6, rasterized=True)
        dots = np.asarray(made["points"]).T
        axis.plot(*dots, "o", color=viz.FAKE, markersize=2.4, alpha=viz.OPACITY, rasterized=True)
        axis.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal", xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.set_title(f"{num_steps:,} steps", loc="center")
    return figure.svg()


def pictures():
    """Returns the drawings of images by their names."""
    garments = data.load_fashion_mnist("train")
    images, labels = garments.images, garments.labels
    first = {label: images[labels == label][0] for label in (BAG, BOOT, SHIRT)}
    common = images[labels != BAG][: 3 * NUM_SHOWN - 1]
    digits = data.load_digits()
    three = digits.images[digits.labels == 3][0]
    compared = cut((STATIC / "vae_and_gan.svg").read_text("utf-8"), 28, rows=5)
    samples = cut((STATIC / "dcgan_samples.svg").read_text("utf-8"), 28, rows=1)
    lab = json.loads((ROOT / "notebooks/08_own_images.ipynb").read_text("utf-8"))
    drawn, nearest = closest_pairs(lab)
    return {
        "rare": drawings.rare(
            np.insert(common, PLACE_OF_THE_BAG, first[BAG], axis=0),
            PLACE_OF_THE_BAG,
            "the only bag",
        ),
        "flip": drawings.mirrored(
            [first[SHIRT], first[BOOT], three],
            ["still a T-shirt", "a boot that points\nthe wrong way", "no digit at all"],
        ),
        "sharp": drawings.rows(
            [compared[1][:6], compared[3][:6]], ["VAE:\nblurred", "GAN:\nsharp"], left=78
        ),
        "copy": drawings.rows(
            [drawn[:5], nearest[:5]], ["generated", "training\nface that\nis nearest"], left=92
        ),
        "rows": drawings.rows([images[:NUM_SHOWN], samples[0]], ["real", "generated"]),
    }


def main(names):
    drawn = pictures()
    if not names or "points" in names:  # which takes a minute
        drawn["points"] = points()
    for name in names or drawn:
        svg = drawn[name]
        path = STATIC / f"opening_{name}.svg"
        path.write_text(svg, encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {len(svg) / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
