"""Animations: what the player holds, what it says, and what it refuses."""

import base64
import html.parser
import io
import json
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from ganbook import film
from ganlib import viz

mpl.use("Agg")

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, size=(7, 5, 9), dtype=np.uint8)  # a prime number, wider than high
COLOURED = RNG.integers(0, 256, size=(4, 8, 13, 3), dtype=np.uint8)  # over 256 colours
CAPTIONS = [f"step {k}" for k in range(7)]
LABEL = "Noise that does not change its kind."


class Page(html.parser.HTMLParser):
    """Collects the elements of a fragment as (tag, attributes), and their texts by tag."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        self.texts[self._open[-1] if self._open else ""] = data.strip()

    def attributes(self, tag):
        """The attributes of the only element with a tag."""
        (found,) = [values for name, values in self.elements if name == tag]
        return found


def picture(uri):
    """The pixels of a picture in a data URI, by Pillow's decoder: (height, width, 3)."""
    kind, encoded = uri.split(";base64,")
    assert kind in ("data:image/png", "data:image/webp")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB"))


def frames_in(player):
    """The frames that the player's script cuts out of its sheet: (n, height, width, 3)."""
    figure = Page(player.html).attributes("figure")
    sheet, columns = picture(figure["data-sheet"]), int(figure["data-columns"])
    height, width = sheet.shape[0] // -(-player.num_frames // columns), sheet.shape[1] // columns
    places = [divmod(k, columns) for k in range(player.num_frames)]
    return np.stack([sheet[r * height :, c * width :][:height, :width].copy() for r, c in places])


def in_colour(frames):
    return np.repeat(frames[..., np.newaxis], 3, axis=-1) if frames.ndim == 3 else frames


def drawings():
    """Three figures, made with pyplot: a dot that moves."""
    for k in range(3):
        figure, axes = plt.subplots(figsize=(2, 1))
        axes.plot([k], [k], "o", color=viz.FAKE)
        axes.set(xlim=(-1, 3), ylim=(-1, 3))
        yield figure


# What it holds


@pytest.mark.parametrize(
    "frames", [GREY, GREY[:2], GREY.transpose(0, 2, 1), COLOURED, COLOURED.transpose(0, 2, 1, 3)]
)
def test_arrays_are_kept_exactly(frames):
    player = film.animation(list(frames), CAPTIONS[: len(frames)], LABEL)
    np.testing.assert_array_equal(frames_in(player), in_colour(frames))


def test_a_last_axis_of_one_channel_is_grey():
    with_axis = film.animation(GREY[..., np.newaxis], CAPTIONS, LABEL)
    assert with_axis.html == film.animation(GREY, CAPTIONS, LABEL).html


def test_still_picture_is_the_last_frame():
    page = Page(film.animation(GREY, CAPTIONS, LABEL).html)
    np.testing.assert_array_equal(picture(page.attributes("img")["src"]), in_colour(GREY)[-1])


def test_figures_are_closed_and_kept_with_few_colours():
    expected = []
    for figure in drawings():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        expected.append(np.array(canvas.buffer_rgba())[..., :3].astype(int))
        plt.close(figure)
    player = film.animation(drawings(), CAPTIONS[:3], LABEL)
    assert plt.get_fignums() == []
    difference = np.abs(frames_in(player) - np.stack(expected))
    assert difference.mean() < 0.5
    assert difference.max() < 64  # at the soft edges of letters and dots, where colours are many
    assert (expected[0] != expected[1]).any()


def test_pixels_are_crisp_and_figures_smooth():
    for frames, rendering in ((GREY[:3], "pixelated"), (drawings(), "auto")):
        figure = Page(film.animation(frames, CAPTIONS[:3], LABEL).html).attributes("figure")
        assert figure["style"].endswith(f"--gan-player-rendering: {rendering}")


@pytest.mark.parametrize(("width", "shown"), [(9, 576), (238, 476), (700, 700), (1000, 1000)])
def test_pixels_are_shown_as_whole_squares_on_a_wide_page(width, shown):
    frames = np.zeros((2, 3, width), np.uint8)
    figure = Page(film.animation(frames, CAPTIONS[:2], LABEL).html).attributes("figure")
    assert f"--gan-player-width: {shown}px" in figure["style"]  # 6 inches of 96 pixels, at most


def test_sheet_of_wide_frames_stays_within_the_bound_of_its_format():
    frames = np.zeros((41, 60, 768), np.uint8)
    player = film.animation(frames, [str(k) for k in range(41)], LABEL)
    sheet = picture(Page(player.html).attributes("figure")["data-sheet"])
    assert max(sheet.shape) <= 16_383  # of WebP


# What it says


def test_captions_and_label_are_escaped():
    captions = ["γ = 1", "l'été & <b>", '"><script>alert(1)</script>']
    label = 'A "sharp" <figure> & more'
    page = Page(film.animation(GREY[:3], captions, label).html)
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert not {"b", "alert"} & {tag for tag, _ in page.elements}
    assert json.loads(page.attributes("figure")["data-captions"]) == captions
    assert page.attributes("img")["alt"] == label
    assert page.attributes("div")["aria-label"] == label
    assert page.texts["figcaption"] == captions[-1]


def test_player_begins_at_its_last_frame_and_has_no_control_before_its_script_runs():
    page = Page(film.animation(GREY, CAPTIONS, LABEL, frames_per_second=4).html)
    figure = page.attributes("figure")
    assert figure["class"] == "gan-player"
    assert figure["data-frame"] == "6"
    assert figure["data-delay"] == "250"
    view = page.attributes("div")
    assert (view["role"], view["aria-label"]) == ("img", LABEL)
    assert page.attributes("figcaption")["aria-live"] == "off"
    assert not {"button", "input"} & {tag for tag, _ in page.elements}
    made = Page("".join(re.findall(r"'(<.*>)'", page.texts["script"])))
    assert made.attributes("button")["type"] == "button"
    slider = made.attributes("input")
    assert (slider["type"], slider["aria-label"]) == ("range", "Frame")


def test_several_players_share_nothing_on_a_page_and_ask_for_nothing():
    text = film.animation(GREY, CAPTIONS, LABEL).html
    page = Page(text)
    assert not [values for _, values in page.elements if "id" in values]
    without_data = re.sub(r'"data:image/\w+;base64,[^"]*"', '""', text)
    assert not re.search(r"https?:|//\w|url\(|@import|\bfetch\b|<link", without_data)
    rules = re.sub(r"/\*.*?\*/|@media[^{]*\{", "", page.texts["style"], flags=re.DOTALL)
    selectors = re.findall(r"([^{}]+)\{", rules)
    names = [name.strip() for selector in selectors for name in selector.split(",")]
    assert len(names) > 10
    assert [name for name in names if not name.startswith("figure.gan-player")] == []


def test_text_form_names_the_label_and_the_number_of_frames():
    player = film.animation(GREY, CAPTIONS, LABEL)
    assert repr(player) == f"<Animation of 7 frames: {LABEL}>"
    assert player._repr_html_() == player.html


def test_saved_fragment_is_the_player(tmp_path):
    player = film.animation(GREY, ["é", *CAPTIONS[1:]], LABEL)
    player.save(tmp_path / "new" / "game.html")
    assert (tmp_path / "new" / "game.html").read_text(encoding="utf-8") == player.html


# What it refuses


def test_heavy_player_is_refused_with_its_weight_and_the_ways_out():
    size = len(film.animation(GREY, CAPTIONS, LABEL).html.encode())
    assert film.animation(GREY, CAPTIONS, LABEL, max_bytes=size).num_frames == 7
    message = rf"takes {size:,} bytes; expected max_bytes={size - 1:,} .*fewer frames.*max_bytes"
    with pytest.raises(ValueError, match=message):
        film.animation(GREY, CAPTIONS, LABEL, max_bytes=size - 1)
    # Noise of a million bytes cannot be compressed to fit the default.
    noise = RNG.integers(0, 256, size=(2, 1000, 500), dtype=np.uint8)
    with pytest.raises(ValueError, match="max_bytes=750,000"):
        film.animation(noise, CAPTIONS[:2], LABEL)


@pytest.mark.parametrize(
    ("frames", "captions", "message"),
    [
        (GREY, CAPTIONS[:6], "7 frames and 6 captions"),
        (GREY[:1], CAPTIONS[:1], "1 frames and 1 captions.*at least 2"),
        ([], [], "0 frames"),
        (GREY / 255, CAPTIONS, r"frame 0 a ndarray of shape \(5, 9\) and dtype float64.*tile"),
        ([GREY[0], "x.png"], CAPTIONS[:2], "frame 1 a str"),
        (np.zeros((2, 4, 4, 4), np.uint8), CAPTIONS[:2], r"\(4, 4, 4\)"),
        ([GREY[0], GREY[0, 1:]], CAPTIONS[:2], r"\(4, 9, 1\), \(5, 9, 1\)\]; expected one"),
    ],
)
def test_unfit_frames_are_refused_with_what_came(frames, captions, message):
    with pytest.raises(ValueError, match=message):
        film.animation(frames, captions, LABEL)


@pytest.mark.parametrize(("label", "speed"), [(" ", 8), (LABEL, 0), (LABEL, float("nan"))])
def test_empty_label_and_senseless_speed_are_refused(label, speed):
    with pytest.raises(ValueError, match="expected a sentence"):
        film.animation(GREY, CAPTIONS, label, frames_per_second=speed)
