"""The page on a run: what it holds, that it asks for nothing, and what it advises."""

import base64
import dataclasses
import html.parser
import io
import os
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from ganlib import data, metrics, report

NASTY = 'a<b & "c" <script>alert(1)</script>.jpg'


class Elements(html.parser.HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, words):
        self.words.append(words)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page():
    page = report.Page(f"Run on {NASTY}")
    page.heading("Left out")
    page.table(["file", "reason"], [(NASTY, "cut short"), ("b.png", 0)])
    page.text("One.", NASTY)
    page.items(["first", NASTY])
    page.picture(np.full((4, 6, 3), (10, 20, 30), np.uint8), f"alt {NASTY}", "below")
    return page


def test_every_element_is_closed_and_every_text_is_shown_as_it_is(page):
    found = Elements(page.html())
    assert found.open == []
    assert "".join(found.words).count(NASTY) == 5  # title, heading, table, text, list
    assert found.all("script") == []
    assert found.all("img")[0]["alt"] == f"alt {NASTY}"


def test_page_refers_to_nothing_outside_itself(page):
    found = Elements(page.html())
    for _, attributes in found.elements:
        for name in ("src", "href", "data", "action"):
            assert attributes.get(name, "data:").startswith("data:")
    assert "url(" not in page.html()
    assert "@import" not in page.html()


def test_pixels_come_back_from_the_page_as_they_went_in(page):
    [image] = Elements(page.html()).all("img")
    packed = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(packed)) as picture:
        assert np.array_equal(np.asarray(picture), np.full((4, 6, 3), (10, 20, 30)))


def test_figure_is_drawn_at_its_size():
    page = report.Page("A run")
    with plt.rc_context({"savefig.dpi": "figure"}):  # whatever style another test has set
        figure = plt.figure(figsize=(3, 2), dpi=50)
        page.picture(figure, "an empty figure")
        plt.close(figure)
    [image] = Elements(page.html()).all("img")
    packed = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(packed)) as picture:
        assert picture.size == (150, 100)


def test_page_has_what_a_screen_reader_needs(page):
    found = Elements(page.html())
    assert found.all("html") == [{"lang": "en"}]
    assert len(found.all("h1")) == len(found.all("main")) == len(found.all("title")) == 1
    assert [cell["scope"] for cell in found.all("th")] == ["col", "col", "row", "row"]


def test_page_with_names_that_are_no_utf_8_is_written(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    page = report.Page(f"A GAN trained on {name}")
    page.heading(name)
    page.text(name)
    page.items([name])
    page.table([name], [(tmp_path / name,)])
    page.picture(np.zeros((2, 2), np.uint8), name, name)
    page.write(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("caf%E9") >= 8


def test_writing_replaces_the_old_page_and_leaves_nothing_beside_it(page, tmp_path):
    (tmp_path / "report.html").write_text("old", encoding="utf-8")
    page.write(tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page.html()


FINE = report.Findings(
    num_images=500,
    num_skipped=0,
    num_duplicates=0,
    num_enlarged=0,
    num_trimmed=0,
    discriminator_loss=1.2,
    excess_distance=0.1,
    recall=0.8,
    closer=0.52,
    z_score=0.4,
)


def test_fine_run_gets_one_sentence():
    assert len(report.advise(FINE)) == 1
    assert "No number stands out" in report.advise(FINE)[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_images": 42}, "42 images are few"),
        ({"num_skipped": 7}, "7 files could not be read"),
        ({"num_duplicates": 3}, "3 images are copies"),
        ({"num_enlarged": 51}, "51 images were smaller"),
        ({"num_trimmed": 51}, "51 images are long"),
        ({"discriminator_loss": 0.1}, r"loss is 0\.10, where 1\.39 means"),
        ({"excess_distance": 5.3}, r"distance is 5\.3 above"),
        ({"recall": 0.1}, "near only 10%"),
        ({"share_done": 0.52}, "Only 52% of the planned steps .* it goes on"),
        ({"closer": 0.66, "z_score": 3.2}, r"66% of the time .* 50%; this is 3\.2 standard"),
    ],
)
def test_each_finding_has_its_advice_and_brings_no_other(change, words):
    [sentence] = report.advise(dataclasses.replace(FINE, **change))
    assert re.search(words, sentence)


@pytest.mark.parametrize(
    "change",
    [
        {"z_score": 2.9},
        {"num_enlarged": 50},
        {"num_images": 100},
        {"z_score": -5.4},
        {"share_done": 0.9},
    ],
    ids=["within three deviations", "a tenth", "a hundred", "far away", "nearly done"],
)
def test_what_is_within_bounds_is_not_complained_about(change):
    assert "No number stands out" in report.advise(dataclasses.replace(FINE, **change))[0]


def test_copying_is_named_before_the_faults_of_the_folder():
    both = dataclasses.replace(FINE, z_score=9.0, num_duplicates=3)
    assert "may be copying" in report.advise(both)[0]


# --- a run on a folder ---------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "number"), [(64, 16), (28, 28), (40, 20), (16, 16)])
def test_cells_are_means_of_blocks(side, number):
    pixels = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    found = report.cells(data.Images(pixels)).reshape(2, number, number, 3)
    block = side // number
    expected = pixels[1, 2 * block : 3 * block, block : 2 * block, 2].mean() / 127.5 - 1
    assert found[1, 2, 1, 2] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("share", [0.5, 0.75])
def test_facts_say_how_far_chance_goes_whatever_was_found(share):
    copying = metrics.NearestNeighbours(np.zeros(8, int), np.ones(8), np.ones(4), share, 0.0)
    findings = dataclasses.replace(FINE, closer=share)
    quality = report.Quality(0.1, 0.2, 0.3)
    said = report.facts(report.Examination(findings, quality, quality, copying, None))
    # For m = 8 and n = 4 two deviations are 2 · √(13 / (12 · 32)) = 0.368.
    assert said["closer than a held-out picture"].endswith("%; new images would be in 50 ± 37%")
    assert said["distance, precision, recall"] == "0.10, 0.20, 0.30"


def test_quality_tells_real_pictures_from_blurred_ones_and_keeps_to_the_classes():
    faces = data.load_emoji(image_size=32)
    steps = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    moved = [np.roll(faces.images, step, axis=(1, 2)).astype(float) for step in steps]
    blurred = np.mean(moved, axis=0).astype(np.uint8)
    generated, real = report.quality(faces, data.Images(blurred))
    assert abs(real.distance) < 3 < generated.distance
    assert real.precision > generated.precision
    labels = np.arange(99) % 3 // 2  # two of three are of the first class
    labelled = data.Images(faces.images, labels)
    first = np.flatnonzero(labels == 0)
    fake = data.Images(faces.images[np.r_[first, np.flatnonzero(labels == 1)]], np.sort(labels))
    found = report.quality(labelled, fake)[0]
    assert found.distance == pytest.approx(0, abs=3)


def test_grid_has_a_column_for_each_class(tmp_path):
    pixels = np.repeat(np.array([0, 100, 200], np.uint8), 4)[:, None, None, None]
    images = data.Images(np.broadcast_to(pixels, (12, 8, 8, 1)).copy(), np.repeat([0, 1, 2], 4))
    report.write_grid(images, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as picture:
        canvas = np.asarray(picture)
    inside = canvas[:, [canvas.shape[1] // 6, canvas.shape[1] // 2, 5 * canvas.shape[1] // 6]]
    for column, value in zip(inside.T, (0, 100, 200), strict=True):
        assert (column == value).mean() > 0.8
