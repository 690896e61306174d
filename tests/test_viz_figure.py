"""The book's figures as SVG: what a page, a phone and a second run make of them."""

import base64
import io
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from ganlib import viz
from ganlib.viz import _labels
from tests.test_look import contrast, palette
from tools import sphinx_figures

mpl.use("Agg")

SVG = "{http://www.w3.org/2000/svg}"
CSS = Path(__file__).resolve().parents[1] / "book" / "_static" / "custom.css"
COLOURS = ("REAL", "FAKE", "GENERATOR", "DISCRIMINATOR", "REFERENCE", "INK")
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, size=(6, 8, 8, 1), dtype=np.uint8)
COLOURED = RNG.integers(0, 256, size=(6, 8, 8, 3), dtype=np.uint8)


def curves():
    """A figure with a line and a label in each colour, one of them a dashed level."""
    figure, axes = viz.figure()
    x = np.linspace(0, 1, 20)
    for k, name in enumerate(COLOURS):
        axes.plot(x, 1 + 0.02 * k * x, "o-", color=getattr(viz, name), label=name.lower())
    axes.axhline(1.3, color=viz.REFERENCE, ls="--", label="level")
    axes.set(xlabel="x < y & z", ylabel="height", xlim=(0, 1), ylim=(0.9, 1.4))
    viz.label_ends(axes)
    return figure


def history():
    step = np.arange(1, 40)
    noise = np.random.default_rng(0).normal(size=(4, 39))
    names = "discriminator_loss", "generator_loss", "real_logit", "fake_logit"
    return SimpleNamespace(step=step, **dict(zip(names, noise, strict=True)))


def clouds():
    real = np.random.default_rng(1).normal(size=(300, 4))
    return viz.feature_scatter(real, real + 1)


FIGURES = {
    "curves": curves,
    "grid": lambda: viz.sample_grid(GREY, 3, "noise", list("abcdef")),
    "clouds": clouds,
    "losses": lambda: viz.loss_curves(history(), (1.4, 0.7)),
}


def parsed(figure):
    return ElementTree.fromstring(figure.svg())


def pictures_in(svg):
    """The raster pictures inside an SVG."""
    found = re.findall(r"data:image/png;base64,([^\"]+)\"", svg)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


# Bytes


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_drawing_has_the_same_bytes(name, tmp_path):
    FIGURES[name]().savefig(tmp_path / "a.svg")
    FIGURES[name]().savefig(tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_another_process_with_other_settings_draws_the_same_bytes():
    code = (
        "import matplotlib as mpl; mpl.rcParams.update({'svg.hashsalt': None, 'font.size': 30})\n"
        "from tests import test_viz_figure as t\n"
        "print(hash(t.curves().svg()) and t.FIGURES['losses']().svg(), end='')"
    )
    root = CSS.parents[2]
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert other.stdout == FIGURES["losses"]().svg()


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_of_the_machine_or_the_day_is_in_the_file(name):
    svg = FIGURES[name]().svg()
    assert not re.search(r"metadata|<!--|<\?xml|<style|[Mm]atplotlib|20\d\d-\d\d", svg)
    names = re.findall(r' id="([^"]+)"', svg)
    assert len(names) == len(set(names))
    # A page's rules do not reach what is drawn through a reference: its colours are the user's.
    assert not re.search(r"<path id=[^>]*style=", svg)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    assert used == set(names)  # what is named is referred to, and the other way round


# Size, text, paper


@pytest.mark.parametrize("name", FIGURES)
def test_text_stays_text_of_the_size_of_the_page(name):
    figure = FIGURES[name]()
    root = parsed(figure)
    # A point of an SVG is 4/3 CSS pixels.
    width = float(root.get("width").removesuffix("pt")) * 4 / 3
    assert width == pytest.approx(96 * figure.get_figwidth(), abs=1e-3)
    assert width <= 96 * viz.WIDTH
    written = [text for text in root.iter() if text.tag in (SVG + "text", SVG + "tspan")]
    said = " ".join("".join(text.itertext()) for text in written)
    expected = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
    assert written
    assert expected
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", figure.svg())]
    on_page = [size * 4 / 3 for size in sizes]  # a body text has 17 pixels, a caption 14.4
    assert min(on_page) >= 14.4
    assert max(on_page) <= 17
    assert min(on_page) * min(1, 350 / width) >= 8.5  # on a phone
    assert not re.search(r"<use[^>]*DejaVu", figure.svg())  # no letter is a path
    assert {"curves": "x < y & z", "grid": "noise", "clouds": "real", "losses": "step"}[
        name
    ] in said


def test_paper_is_one_marked_element_which_the_page_takes_away():
    root = parsed(curves())
    white = [e for e in root.iter() if "fill: #ffffff" in e.get("style", "")]
    (paper,) = [e for e in root.iter() if e.get("class") == "paper"]
    assert white == list(paper)
    rule = re.search(r"svg\.ganlib-figure \.paper path \{([^}]*)\}", CSS.read_text("utf-8"))[1]
    assert "fill: none" in rule


def recoloured(colour, what):
    """The name of the variable that custom.css puts in a colour's place in the dark, or None."""
    text = CSS.read_text("utf-8")
    rules = re.findall(
        r'^html\[data-theme="dark"\] svg\.ganlib-figure (.*) \{([^}]*)\}', text, re.M
    )
    for selector, rule in rules:
        if f'[style*="{what}: {colour}"]' in selector:
            return re.search(rf"{what}: var\(--book-([\w-]+)\) !important", rule)[1]
    return None


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_all_that_is_drawn_has_enough_contrast_in_both_modes(mode):
    colours, root = palette(mode), parsed(curves())
    seen = 0
    for element in root.iter():
        for what, colour in re.findall(r"(fill|stroke): (#\w{6})", element.get("style", "")):
            if colour == "#ffffff":
                continue
            shown = colour
            if mode == "dark":
                name = recoloured(colour, what)
                assert name, f"custom.css gives {what} {colour} no colour in the dark"
                shown = colours[name]
            # WCAG 1.4.3 for text, 1.4.11 for graphics.
            least = 4.5 if element.tag in (SVG + "text", SVG + "tspan") else 3
            assert contrast(shown, colours["paper"]) >= least, (what, colour, shown)
            seen += 1
    assert seen > 30


# Pixels


@pytest.mark.parametrize("images", [GREY, COLOURED])
def test_grid_keeps_one_pixel_for_each_pixel_and_is_clear_between_images(images):
    svg = viz.sample_grid(images, 3).svg()
    (picture,) = pictures_in(svg)
    canvas = viz.tile(images, 3)
    assert picture.size == canvas.shape[1::-1]
    pixels = np.asarray(picture.convert("RGBA"))
    canvas = canvas if canvas.ndim == 3 else np.repeat(canvas[..., None], 3, axis=2)
    opaque = pixels[..., 3] == 255
    np.testing.assert_array_equal(pixels[opaque][:, :3], canvas[opaque])
    assert opaque.sum() == images[..., 0].size
    assert (pixels[~opaque][:, 3] == 0).all()
    assert "image-rendering:pixelated" in svg


def test_cloud_is_pixels_at_twice_the_resolution_and_its_axes_are_not():
    figure = clouds()
    (picture,) = pictures_in(figure.svg())
    dots = figure.axes[0].collections[0].get_offsets()
    figure.draw_without_rendering()
    places = figure.axes[0].transData.transform(dots)  # in CSS pixels
    # The picture ends where the dots end, each 4 CSS pixels wide.
    np.testing.assert_allclose(picture.size, 2 * (np.ptp(places, axis=0) + 4), atol=4)
    assert "pixelated" not in figure.svg()
    assert len(figure.svg()) < 80_000


def test_png_has_two_pixels_for_each_css_pixel(tmp_path):
    curves().savefig(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (2 * 96 * 6, 2 * 96 * 3.4 // 1)


def test_notebook_gets_the_svg_and_a_picture_for_viewers_that_distrust_it():
    from IPython.core.interactiveshell import InteractiveShell

    figure = curves()
    data, _ = InteractiveShell.instance().display_formatter.format(figure)
    InteractiveShell.clear_instance()
    found, expected = (ElementTree.fromstring(t) for t in (data["image/svg+xml"], figure.svg()))
    assert [e.tag for e in found.iter()] == [e.tag for e in expected.iter()]
    assert "".join(found.itertext()) == "".join(expected.itertext())
    png = data["image/png"]
    png = base64.b64decode(png) if isinstance(png, str) else png
    assert Image.open(io.BytesIO(png)).width == 96 * viz.WIDTH


# Labels at the ends of lines


def boxes_of(axes):
    axes.figure.draw_without_rendering()
    return {text.get_text(): Text.get_window_extent(text) for text in axes.texts}


def test_labels_stand_beside_their_lines_in_their_colours():
    figure, axes = viz.figure()
    axes.plot([0, 1], [0, 3], color=viz.REAL, label="up")
    axes.plot([0, 1], [0, 1], color=viz.FAKE, label="little")
    axes.plot([0, 1], [0, 2], color=viz.INK)
    viz.label_ends(axes)
    boxes, frame = boxes_of(axes), axes.get_window_extent()
    assert list(boxes) == ["up", "little"]
    assert [text.get_color() for text in axes.texts] == [viz.REAL, viz.FAKE]
    for name, end in (("up", 3), ("little", 1)):
        middle = (boxes[name].y0 + boxes[name].y1) / 2
        assert middle == pytest.approx(axes.transData.transform((1, end))[1], abs=2)
        assert frame.x1 < boxes[name].x0
        assert boxes[name].x1 <= figure.bbox.x1
    assert not any(text.arrow_patch.get_visible() for text in axes.texts)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("num_lines", [2, 5, 9])
def test_labels_of_lines_that_meet_do_not_overlap(num_lines, scale):
    figure, axes = viz.figure()
    for k in range(num_lines):
        axes.plot([1, 10, 100], [1 + k, 3, 2 + 0.001 * k], label=f"line {k} of several words here")
    axes.set(xscale=scale, yscale=scale)
    viz.label_ends(axes)
    boxes = list(boxes_of(axes).values())
    assert len(boxes) == num_lines
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:k])
        assert figure.bbox.y0 <= box.y0
        assert box.y1 <= figure.bbox.y1
    middles = [box.y0 for box in boxes]
    assert middles == sorted(middles)  # in the order of the lines


def test_label_of_a_line_that_leaves_the_axes_is_where_it_leaves():
    _, axes = viz.figure()
    axes.plot([0, 2], [0, 2], label="goes on")
    axes.plot([0, 0.5], [0.2, np.nan], label="one point")
    axes.set(xlim=(0, 1), ylim=(0, 4))
    viz.label_ends(axes)
    box = boxes_of(axes)["goes on"]
    assert (box.y0 + box.y1) / 2 == pytest.approx(axes.transData.transform((1, 1))[1], abs=2)


def test_axes_without_a_labelled_line_are_refused():
    _, axes = viz.figure()
    axes.plot([0, 1], [0, 1])
    with pytest.raises(ValueError, match="1 lines, none of which has a label"):
        viz.label_ends(axes)


def test_spread_finds_the_nearest_places_that_do_not_overlap():
    from scipy import optimize

    for seed in range(20):
        rng = np.random.default_rng(seed)
        wanted, heights = rng.uniform(0, 1, 6), rng.uniform(0.05, 0.15, 6)
        found = _labels.spread(wanted, heights)
        order = np.argsort(wanted)
        least = (heights[order][1:] + heights[order][:-1]) / 2
        assert (np.diff(found[order]) >= least - 1e-9).all()
        assert (found - heights / 2 >= -1e-9).all()
        assert (found + heights / 2 <= 1 + 1e-9).all()
        # An optimiser that knows only the problem.
        best = optimize.minimize(
            lambda x, wanted=wanted: np.sum((x - wanted) ** 2),
            np.linspace(0.1, 0.9, 6)[np.argsort(order)],
            constraints={"type": "ineq", "fun": lambda x, o=order, g=least: np.diff(x[o]) - g},
            bounds=list(zip(heights / 2, 1 - heights / 2, strict=True)),
            options={"ftol": 1e-12},
        )
        np.testing.assert_allclose(found, best.x, atol=1e-4)


# On a page


def test_page_holds_the_drawing_with_its_alternative_text():
    svg = curves().svg()
    body = '<p><img alt="a &lt; b" src="../_images/a%20b.svg" /><img alt="x" src="logo.svg"></p>'
    found = sphinx_figures.put_inside(body, {"a b.svg": svg, "logo.svg": "<svg>"}.get)
    assert '<svg role="img" aria-label="a &lt; b" class="ganlib-figure"' in found
    assert found.endswith('</svg><img alt="x" src="logo.svg"></p>')
    assert found.count("<svg") == 1


def test_drawing_without_alternative_text_is_hidden_from_screen_readers():
    found = sphinx_figures.put_inside('<img alt="" src="a.svg">', lambda name: curves().svg())
    assert found.startswith('<svg aria-hidden="true" ')
