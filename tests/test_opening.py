"""The first pages: their pictures, their contents, and a program that a reader copies."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tools import opening_pictures, sphinx_contents, thumbnails

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
FORMULA = re.compile(r"\$[^$]+\$")


def text_of(page):
    return (BOOK / f"{page}.md").read_text(encoding="utf-8")


def images_in(name):
    """Returns the pictures in one of the kept drawings, as uint8 arrays."""
    svg = (opening_pictures.STATIC / f"opening_{name}.svg").read_text(encoding="utf-8")
    found = re.findall(r"data:image/png;base64,([^\"]+)\"", svg)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for data in found]


# --- the program of chapter 2 --------------------------------------------------------------------


def run(program, seed=0):
    names = {}
    exec(program.replace("set_random_seed(0)", f"set_random_seed({seed})"), names)
    return names


def test_program_has_twenty_lines():
    lines = [line for line in opening_pictures.listing().splitlines() if line.strip()]
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 80  # a page shows them without a scroll bar


def test_program_trains_both_networks():
    before, after = (run(opening_pictures.listing(steps)) for steps in (1, 3))
    assert np.shape(after["points"]) == (500, 2)
    assert np.isfinite(after["points"]).all()
    for name in ("generator", "discriminator"):
        pairs = zip(before[name].weights, after[name].weights, strict=True)
        assert all(np.any(np.asarray(a) != np.asarray(b)) for a, b in pairs)
    assert [adam.iterations.numpy() for adam in after["adams"]] == [3, 3]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_most_points_of_the_program_lie_in_the_heaps(seed):
    from ganlib import toy

    ring = toy.ring()
    points = np.asarray(run(opening_pictures.listing(), seed)["points"])
    distances = np.linalg.norm(points[:, None] - ring.means, axis=-1)
    near = distances < 3 * ring.stds
    assert near.any(axis=1).mean() > 0.5
    assert (near.sum(axis=0) > 0).sum() >= 6


# --- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["01_why_generate", "02_two_networks"])
def test_picture_stands_before_150_words_and_before_the_first_formula(page):
    text = text_of(page)
    before = text[: text.index("```{figure}")]
    assert len(before.split()) < 150
    assert not FORMULA.search(before)


def test_no_formula_stands_before_the_program():
    text = text_of("02_two_networks")
    assert FORMULA.search(text).start() > opening_pictures.LISTING.search(text).end()


def test_mirrored_images_are_mirrored():
    images = images_in("flip")
    assert len(images) == 6
    for image, other in zip(images[::2], images[1::2], strict=True):
        np.testing.assert_array_equal(image[:, ::-1], other)
        assert (image != other).any()


@pytest.mark.parametrize(
    ("name", "grid", "rows"),
    [("sharp", "vae_and_gan.svg", (1, 3)), ("rows", "dcgan_samples.svg", (0,))],
)
def test_generated_images_are_those_that_a_lab_published(name, grid, rows):
    svg = (opening_pictures.STATIC / grid).read_text(encoding="utf-8")
    published = opening_pictures.cut(svg, 28, rows=max(rows) + 1)
    shown = images_in(name)
    if name == "rows":
        shown = shown[len(shown) // 2 :]  # below the real ones
    shown = np.reshape(shown, (len(rows), -1, 28, 28))
    for row, images in zip(rows, shown, strict=True):
        np.testing.assert_array_equal(
            images,
            published[row][: len(images), :, :, 0],
            err_msg="the lab was run anew: python tools/opening_pictures.py",
        )


def test_cutting_finds_the_images_of_a_grid():
    from ganlib import viz

    images = np.random.default_rng(0).integers(0, 256, (12, 28, 28, 1), np.uint8)
    svg = viz.sample_grid(images, num_columns=4).svg()
    np.testing.assert_array_equal(
        opening_pictures.cut(svg, 28, rows=3).reshape(images.shape), images
    )


# --- contents ------------------------------------------------------------------------------------


def test_contents_have_every_chapter_with_its_lab():
    lines = sphinx_contents.text(TOC, lambda stem: stem == "07_dcgan")
    chapters = [c["file"] for p in TOC["parts"][:-1] for c in p["chapters"]]
    assert TOC["parts"][-1]["caption"] == sphinx_contents.APPENDIX
    linked = [m[1] for line in lines if (m := re.match(r"\[\]\((\w+)\.md\)", line))]
    assert [f"book/{stem}" for stem in linked] == chapters
    labs = re.findall(r"<\.\./(notebooks/\w+)>", "\n".join(lines))
    assert [Path(lab).name for lab in labs] == [
        stem for stem in linked if (ROOT / f"notebooks/{stem}.ipynb").exists()
    ]
    pictures = [line for line in lines if "{image}" in line]
    assert pictures == [
        f":::{{image}} _static/thumbnails/07_dcgan_{theme}.webp" for theme in ("light", "dark")
    ]
    assert lines.count(":loading: lazy") == len(pictures)


@pytest.mark.parametrize("stem", thumbnails.CUTS)
def test_thumbnail_is_small_and_of_a_picture_of_the_book(stem):
    assert (thumbnails.STATIC / thumbnails.CUTS[stem][0]).exists()
    assert (BOOK / f"{stem}.md").exists()
    for theme in ("light", "dark"):
        path = thumbnails.FOLDER / f"{stem}_{theme}.webp"
        assert path.stat().st_size < 15_000
        with Image.open(path) as picture:
            assert picture.size == (thumbnails.WIDTH, thumbnails.HEIGHT)
