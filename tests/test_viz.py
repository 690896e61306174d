"""Figures: what is drawn where, in which colours, and what is left behind."""

import doctest
import io
import os
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from ganbook import density, film
from ganlib import data, viz
from ganlib.viz import _curves, _figure, _grids, _labels, _style

mpl.use("Agg")

PARTS = (density, film, _curves, _figure, _grids, _labels, _style)
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, size=(11, 8, 6, 1), dtype=np.uint8)  # higher than wide, prime count
COLOURED = RNG.integers(0, 256, size=(5, 16, 16, 3), dtype=np.uint8)
STEP = np.array([50, 100, 150])
HISTORY = SimpleNamespace(
    step=STEP,
    discriminator_loss=np.array([1.0, 1.2, 1.3]),
    generator_loss=np.array([2.0, 1.0, 0.8]),
    real_logit=np.array([3.0, 2.0, 1.0]),
    fake_logit=np.array([-1.0, -0.5, 0.5]),
)
LOSSES = SimpleNamespace(**{name: vars(HISTORY)[name] for name in list(vars(HISTORY))[:3]})
POINTS = np.linspace(-2, 2, 9)
DENSITY = np.full(9, 0.25)
REAL_FEATURES = RNG.normal(size=(40, 4)) * [1, 5, 0.5, 20]


FIGURES = {
    "sample_grid": lambda: viz.sample_grid(IMAGES, title="noise"),
    "long_title": lambda: viz.sample_grid(IMAGES[:2], title="two images of noise " * 9),
    "captions": lambda: viz.sample_grid(COLOURED, labels="abcde"),
    "real_beside_fake": lambda: viz.real_beside_fake(IMAGES, 255 - IMAGES, 11),
    "sample_strip": lambda: viz.sample_strip([IMAGES, 255 - IMAGES], [0, 1000]),
    "loss_curves": lambda: viz.loss_curves(HISTORY, (1.4, 0.7)),
    "loss_curves_only": lambda: viz.loss_curves(LOSSES),
    "feature_scatter": lambda: viz.feature_scatter(REAL_FEATURES, REAL_FEATURES + 1),
    "density_1d": lambda: density.density_1d(
        POINTS, DENSITY, [[0, 1]] * 3, [0, 1, 2], [DENSITY] * 3
    ),
}


def on_white(canvas):
    """A canvas (height, width, 4) as it looks on white paper, (height, width, 3), exactly."""
    assert set(np.unique(canvas[..., 3])) <= {0, 255}
    return np.where(canvas[..., 3:] == 255, canvas[..., :3], 255)


def coloured(canvas):
    return canvas if canvas.ndim == 3 else np.repeat(canvas[..., None], 3, axis=2)


def pixels_of(figure):
    """The figure as Matplotlib paints it, (height, width, 3)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def rgb(colour):
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def linear(channels):
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(colour, background):
    """Contrast ratio by the formula of WCAG 2.2."""
    values = [linear(x) @ [0.2126, 0.7152, 0.0722] + 0.05 for x in (colour, background)]
    return max(values) / min(values)


# Colours


@pytest.mark.parametrize("name", ["REAL", "FAKE", "GENERATOR", "DISCRIMINATOR", "REFERENCE"])
def test_graphic_colours_have_a_contrast_of_three(name):
    assert contrast(rgb(getattr(viz, name)), rgb(viz.PAPER)) >= 3


@pytest.mark.parametrize("name", ["REAL", "FAKE"])
def test_overlapping_marks_have_a_contrast_of_three(name):
    mixed = viz.OPACITY * rgb(getattr(viz, name)) + (1 - viz.OPACITY) * rgb(viz.PAPER)
    assert contrast(mixed, rgb(viz.PAPER)) >= 3


@pytest.mark.parametrize("name", ["INK", "DISCRIMINATOR"])  # the latter labels an axis
def test_colours_of_text_have_a_contrast_of_four_and_a_half(name):
    assert contrast(rgb(getattr(viz, name)), rgb(viz.PAPER)) >= 4.5


@pytest.mark.parametrize(
    "matrix",  # Machado, Oliveira and Fernandes, 2009, severity 1: no red, green, blue cones
    [
        np.eye(3),
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.0039, -0.0481, 1.052],
        ],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.0118, 0.0429, 0.969]],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.0047, 0.6914, 0.3039],
        ],
    ],
)
def test_colours_drawn_together_differ_for_the_colour_blind(matrix):
    def lab(colour):  # CIE 1976, white of sRGB
        to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
        seen = np.clip(np.array(matrix) @ linear(rgb(colour)), 0, 1)
        x, y, z = np.cbrt(to_xyz @ seen / [0.9505, 1, 1.089])
        return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])

    together = [(viz.GENERATOR, viz.DISCRIMINATOR), (viz.REAL, viz.FAKE)]
    together += [(viz.REAL, viz.DISCRIMINATOR), (viz.FAKE, viz.DISCRIMINATOR)]
    for one, other in together:
        # A difference of 2 is just noticeable; lines that are thin need several times that.
        assert np.linalg.norm(lab(one) - lab(other)) > 20


# Tiles


@pytest.mark.parametrize(("images", "num_columns"), [(IMAGES, 4), (IMAGES, 11), (COLOURED, 2)])
def test_tile_puts_every_image_in_its_place_on_white(images, num_columns):
    canvas = viz.tile(images, num_columns).astype(int)
    height, width = images.shape[1:3]
    num_rows = -(-len(images) // num_columns)
    gap = 1  # a fourteenth of the width, at least 1
    assert canvas.shape[0] == num_rows * (height + gap) - gap
    assert canvas.shape[1] == num_columns * (width + gap) - gap
    for k, image in enumerate(images):
        row, column = divmod(k, num_columns)
        place = np.s_[row * (height + gap) :, column * (width + gap) :]
        part = canvas[place][:height, :width]
        np.testing.assert_array_equal(part, image.squeeze())
        part[:] = 255
    assert (canvas == 255).all()  # nothing else is on the canvas


def test_tile_turns_floats_into_the_pixels_that_the_data_module_makes():
    floats = np.linspace(-1, 1, 4 * 9 * 9, dtype=np.float32).reshape(4, 9, 9, 1)
    np.testing.assert_array_equal(viz.tile(floats, 3), viz.tile(data.to_uint8(floats), 3))
    np.testing.assert_array_equal(viz.tile(data.to_model_range(IMAGES)), viz.tile(IMAGES))


def test_tile_takes_the_images_of_an_images_object():
    np.testing.assert_array_equal(viz.tile(data.Images(IMAGES, None, ())), viz.tile(IMAGES))


@pytest.mark.parametrize(
    ("num_images", "expected"), [(1, 1), (4, 2), (10, 5), (16, 4), (32, 8), (64, 8), (100, 10)]
)
def test_tile_chooses_full_rows_where_it_can(num_images, expected):
    canvas = viz.tile(np.zeros((num_images, 14, 14, 1), np.uint8))
    assert (canvas.shape[1] + 1) / 15 == expected


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[..., 0], r"\(11, 8, 6\) and dtype uint8; expected \(n, height.*\[\.\.\., None\]"),
        (np.zeros((2, 4, 4, 4)), "height, width, 1 or 3"),
        (IMAGES[:0], "n at least 1"),
        (IMAGES.astype(int), "dtype int64; expected uint8 in"),
        (IMAGES / 1.0, r"values from 0 to 25\d; expected floats in \[-1, 1\]"),
        (np.full((1, 2, 2, 1), -1.01), "values from -1.01"),
        (np.full((1, 2, 2, 1), np.nan), "training diverged"),
    ],
)
def test_unfit_images_are_refused_with_what_came_and_what_to_do(images, message):
    with pytest.raises(ValueError, match=message):
        viz.tile(images)


def test_tile_refuses_zero_columns():
    with pytest.raises(ValueError, match="num_columns=0"):
        viz.tile(IMAGES, 0)


# Figures of images


@pytest.mark.parametrize("images", [IMAGES, COLOURED, np.full((9, 28, 28, 1), 77, np.uint8)])
def test_sample_grid_paints_each_pixel_as_a_square_of_its_value(images):
    figure = viz.sample_grid(images, 3)
    canvas = viz.tile(images, 3)
    painted = pixels_of(figure)
    scale = (painted.shape[1] - 12) // canvas.shape[1]  # a margin of 6 pixels all round
    assert scale > 1
    enlarged = np.repeat(np.repeat(coloured(canvas), scale, 0), scale, 1)
    np.testing.assert_array_equal(painted[6:-6, 6:-6], enlarged)


def test_sample_grid_writes_captions_under_their_images_and_a_title():
    figure = viz.sample_grid(COLOURED, 2, title="five", labels=["a", "b", "c", "d", "e"])
    axes = figure.axes[0]
    assert axes.get_title("left") == "five"
    assert [text.get_text() for text in axes.texts] == list("abcde")
    canvas = on_white(axes.images[0].get_array())
    for image, text in zip(COLOURED, axes.texts, strict=True):
        x, y = text.get_position()
        # The rows of the canvas above the caption, around its middle, are the image.
        np.testing.assert_array_equal(canvas[y - 16 : y, int(x - 7.5) : int(x + 8.5)], image)


def test_sample_grid_has_at_most_eight_columns_unless_told_otherwise():
    for num_images, expected in ((100, 8), (32, 8), (6, 3)):
        images = np.zeros((num_images, 14, 14, 1), np.uint8)
        canvas = viz.sample_grid(images).axes[0].images[0].get_array()
        assert (canvas.shape[1] + 1) / 15 == expected
    canvas = viz.sample_grid(images[:1].repeat(20, 0), 10).axes[0].images[0].get_array()
    assert (canvas.shape[1] + 1) / 15 == 10


def test_sample_grid_refuses_labels_of_another_number():
    with pytest.raises(ValueError, match="received 2 labels for 5 images"):
        viz.sample_grid(COLOURED, labels=["a", "b"])


def test_real_beside_fake_shows_the_first_real_images_on_the_left():
    figure = viz.real_beside_fake(IMAGES, COLOURED[:, :8, :6, :1], num_images=4)
    left, right = figure.axes
    assert (left.get_title("left"), right.get_title("left")) == ("real", "generated")
    assert left.get_position().x1 < right.get_position().x0
    num_columns = 2
    for axes, images in ((left, IMAGES), (right, COLOURED[:, :8, :6, :1])):
        expected = coloured(viz.tile(images[:4], num_columns))
        np.testing.assert_array_equal(on_white(axes.images[0].get_array()), expected)


@pytest.mark.parametrize(
    ("fake", "num_images", "message"),
    [
        (IMAGES, 12, "num_images=12; .* from 1 to 11. There are 11 real"),
        (COLOURED, 2, "expected one shape"),
    ],
)
def test_real_beside_fake_refuses_what_does_not_match(fake, num_images, message):
    with pytest.raises(ValueError, match=message):
        viz.real_beside_fake(IMAGES, fake, num_images)


def test_sample_strip_has_one_row_a_step_labelled_at_its_middle():
    snapshots = [IMAGES, IMAGES[::-1], 255 - IMAGES]
    axes = viz.sample_strip(snapshots, [0, 50, 12000]).axes[0]
    assert axes.get_ylabel() == "step"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "50", "12,000"]
    canvas = on_white(axes.images[0].get_array())
    for middle, images in zip(axes.get_yticks(), snapshots, strict=True):
        row = canvas[int(middle - 3.5) : int(middle + 4.5)]
        np.testing.assert_array_equal(row, coloured(viz.tile(images, 11)))


@pytest.mark.parametrize(
    ("snapshots", "steps", "message"),
    [
        ([IMAGES], [0, 1], "1 snapshots and 2 steps"),
        ([], [], "0 snapshots"),
        ([IMAGES, IMAGES[:2]], [0, 1], "expected one shape"),
        ([IMAGES, IMAGES / 1.0], [0, 1], r"received snapshots\[1\] of shape"),
    ],
)
def test_sample_strip_refuses_what_does_not_match(snapshots, steps, message):
    with pytest.raises(ValueError, match=message):
        viz.sample_strip(snapshots, steps)


# Curves and points


def test_loss_curves_draw_each_array_under_its_name():
    losses, logits = viz.loss_curves(HISTORY).axes
    drawn = {line.get_label(): line for axes in (losses, logits) for line in axes.get_lines()}
    expected = {
        "discriminator": (HISTORY.discriminator_loss, viz.DISCRIMINATOR),
        "generator": (HISTORY.generator_loss, viz.GENERATOR),
        "real images": (HISTORY.real_logit, viz.REAL),
        "generated images": (HISTORY.fake_logit, viz.FAKE),
    }
    for name, (values, colour) in expected.items():
        np.testing.assert_array_equal(drawn[name].get_data(), [STEP, values])
        assert drawn[name].get_color() == colour
    assert (losses.get_ylabel(), logits.get_ylabel()) == ("loss", "mean logit")
    assert logits.get_xlabel() == "step"
    assert [text.get_text() for text in losses.texts] == ["discriminator", "generator"]
    assert [text.get_text() for text in logits.texts] == ["real images", "generated images"]


def test_loss_curves_without_logits_have_one_panel_and_draw_the_equilibrium():
    (axes,) = viz.loss_curves(LOSSES, equilibrium=(1.4, 0.7)).axes
    levels = {line.get_color(): line.get_ydata()[0] for line in axes.get_lines()[2:]}
    assert levels == {viz.DISCRIMINATOR: 1.4, viz.GENERATOR: 0.7}
    assert axes.get_xlabel() == "step"
    names = [text.get_text() for text in axes.texts]
    assert names == ["discriminator", "generator", "equilibrium"]


def test_loss_curves_of_a_single_entry_are_visible():
    one = SimpleNamespace(step=[50], discriminator_loss=[1.0], generator_loss=[2.0])
    assert {line.get_marker() for line in viz.loss_curves(one).axes[0].get_lines()} == {"o"}


@pytest.mark.parametrize(
    ("history", "message"),
    [
        (SimpleNamespace(step=[1], generator_loss=[1]), r"without \['discriminator_loss'\]"),
        (SimpleNamespace(step=[], generator_loss=[], discriminator_loss=[]), "with no entries"),
    ],
)
def test_loss_curves_refuse_what_is_no_history(history, message):
    with pytest.raises(ValueError, match=message):
        viz.loss_curves(history)


def test_feature_scatter_projects_on_the_directions_in_which_the_real_ones_vary_most():
    # Centred orthogonal columns, so that the principal directions are features 3 and 1 exactly.
    basis = np.linalg.qr(REAL_FEATURES - REAL_FEATURES.mean(axis=0))[0] * np.sqrt(39)
    real = basis * [1, 2, 1, 4] + [5, 6, 7, 8]
    fake = RNG.normal(size=(15, 4)) * [50, 1, 50, 1]
    axes = viz.feature_scatter(real, fake).axes[0]
    assert axes.get_title("left") == "shows 91% of the real variance"  # (16 + 4) / 22
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "first direction (73%)",
        "second direction (18%)",
    )
    dots = axes.collections[0]
    for colour, features in ((viz.REAL, real), (viz.FAKE, fake)):
        mine = np.isclose(dots.get_facecolors()[:, :3], rgb(colour)).all(axis=1)
        drawn = np.asarray(dots.get_offsets())[mine]
        expected = (features - [5, 6, 7, 8])[:, [3, 1]]
        np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(expected, axis=0), atol=1e-9)
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["real", "generated"]


def test_feature_scatter_draws_a_fixed_choice_of_points():
    def offsets(seed):
        figure = viz.feature_scatter(REAL_FEATURES, REAL_FEATURES[:5], num_points=10, seed=seed)
        return np.asarray(figure.axes[0].collections[0].get_offsets())

    assert offsets(0).shape == (10 + 5, 2)
    np.testing.assert_array_equal(offsets(0), offsets(0))
    assert (offsets(0) != offsets(1)).any()


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (IMAGES, IMAGES, r"\(11, 8, 6, 1\).*Pass features"),
        (np.eye(4), np.eye(3), "expected"),
        (np.eye(4), np.full((4, 4), np.nan), "NaN"),
        (np.ones((5, 4)), np.eye(4), "do not vary"),
    ],
)
def test_feature_scatter_refuses_unfit_features(real, fake, message):
    with pytest.raises(ValueError, match=message):
        viz.feature_scatter(real, fake)


def test_density_1d_draws_bars_whose_area_is_the_share_of_samples():
    samples = [np.array([[-1.9], [0.0], [0.5], [7.0]])]  # the last one lies beyond the points
    axes, twin = density.density_1d(POINTS, DENSITY, samples, [0], [[0.5] * 8 + [1]]).axes
    heights, edges, _ = axes.patches[0].get_data()
    assert np.sum(heights * np.diff(edges)) == pytest.approx(3 / 4)
    middles = (edges[1:] + edges[:-1])[heights > 0] / 2
    assert middles == pytest.approx([-1.9, 0, 0.5], abs=4 / 60)
    np.testing.assert_array_equal(axes.get_lines()[0].get_data(), [POINTS, DENSITY])
    np.testing.assert_array_equal(twin.get_lines()[0].get_data(), [POINTS, [0.5] * 8 + [1]])
    assert twin.get_ylabel() == "D(x)"
    assert twin.get_ylim()[0] == 0
    assert twin.get_ylim()[1] >= 1
    assert axes.get_ylim() == (0, 0.5)  # twice the density


@pytest.mark.parametrize("num_panels", [1, 2, 3, 4])
@pytest.mark.parametrize("with_probabilities", [False, True])
def test_density_1d_has_a_titled_panel_for_each_step(num_panels, with_probabilities):
    steps = [1000 * k for k in range(num_panels)]
    probabilities = [DENSITY] * num_panels if with_probabilities else None
    figure = density.density_1d(POINTS, DENSITY, [[0, 1]] * num_panels, steps, probabilities)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert [title for title in titles if title] == [f"step {step:,}" for step in steps]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["real", "generated"] + with_probabilities * ["D(x)"]
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("x", "density")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((POINTS[::-1], DENSITY, [[0]], [0]), "9 points.*increasing"),
        ((POINTS, DENSITY[1:], [[0]], [0]), r"curves of \[8\] values"),
        ((POINTS, DENSITY, [[0], [1]], [0]), "1 steps and 2 arrays"),
        ((POINTS, DENSITY, [[]], [0]), "none empty"),
        ((POINTS, DENSITY, [[0], [1]], [0, 1], [DENSITY]), "expected 3, the real density first"),
    ],
)
def test_density_1d_refuses_what_does_not_match(arguments, message):
    with pytest.raises(ValueError, match=message):
        density.density_1d(*arguments)


# All figures


@pytest.mark.parametrize("name", FIGURES)
def test_figures_leave_no_trace_in_pyplot(name):
    with mpl.rc_context():
        mpl.rcdefaults()
        own = plt.figure()
        try:
            settings = dict(mpl.rcParams)
            figure = FIGURES[name]()
            assert dict(mpl.rcParams) == settings
            assert plt.get_fignums() == [own.number]
            assert plt.gcf() is own
            assert figure is not own
        finally:
            plt.close(own)


def test_a_refused_figure_leaves_no_trace_in_pyplot():
    with pytest.raises(ValueError, match="first dimension"):
        viz.loss_curves(SimpleNamespace(**vars(LOSSES) | {"step": [1]}))
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_opaque_and_fit_the_page(name):
    figure = FIGURES[name]()
    assert figure.get_facecolor() == (1, 1, 1, 1)
    assert figure.dpi == viz.DPI
    assert figure.get_figwidth() <= viz.WIDTH
    painted = pixels_of(figure)
    margin = np.concatenate([painted[[0, -1]].reshape(-1, 3), painted[:, [0, -1]].reshape(-1, 3)])
    assert (margin == 255).all()  # nothing runs over the edge


@pytest.mark.parametrize("name", FIGURES)
def test_text_is_legible_on_a_phone(name):
    figure = FIGURES[name]()
    shrunk = min(1, 350 / (figure.get_figwidth() * viz.DPI))  # a page of 390 pixels less margins
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
    assert not sizes or min(sizes) / 72 * viz.DPI * shrunk >= 8.5


def test_use_style_gives_later_figures_the_same_look():
    with mpl.rc_context():
        viz.use_style()
        figure = plt.figure()
        plt.close(figure)
        assert figure.dpi == viz.DPI
        assert figure.get_facecolor() == (1, 1, 1, 1)
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"][:2] == [viz.REAL, viz.FAKE]


def test_docstring_examples_run():
    with mpl.rc_context():
        results = [doctest.testmod(part) for part in PARTS]
    assert sum(result.attempted for result in results) > 15
    assert sum(result.failed for result in results) == 0


def test_values_beyond_1_by_rounding_are_drawn_as_1():
    images = np.full((1, 2, 2, 1), 1.0000001)
    assert viz.tile(images).tolist() == [[255, 255], [255, 255]]
    with pytest.raises(ValueError, match=r"values from 1\.01 to 1\.01"):
        viz.tile(np.full((1, 2, 2, 1), 1.01))


def test_captions_that_are_no_utf_8_are_drawn():
    name = os.fsdecode(b"caf\xe9")
    figure = viz.sample_grid(IMAGES[:2], labels=[name, "b"], title=name)
    assert [text.get_text() for text in figure.axes[0].texts] == ["caf%E9", "b"]
    figure.savefig(io.BytesIO(), format="png")
