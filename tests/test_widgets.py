"""Widgets without a browser: controls are set, buttons clicked, and numbers looked at."""

import base64
import html
import importlib
import io
import json
import re
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from ipywidgets.embed import embed_data
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.contour import QuadContourSet
from matplotlib.quiver import Quiver
from PIL import Image

from ganbook import planes, widgets
from ganlib import data, losses, penalties, pretrained, toy, training, viz
from ganlib.models import mlp

ROOT = Path(__file__).resolve().parents[1]
RNG = np.random.default_rng(0)
X, Y = np.linspace(-3, 3, 41), np.linspace(-2, 4, 31)


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.asarray(logits, np.float64)))


def shown(panel):
    """The picture in a panel as pixels, and its alternative text, both read from the markup."""
    [markup] = re.findall(r"<img [^>]*>", panel._picture.value)
    [encoded] = re.findall(r'src="data:image/png;base64,([^"]+)"', markup)
    [alt] = re.findall(r' alt="([^"]*)"', markup)
    return Image.open(io.BytesIO(base64.b64decode(encoded))), html.unescape(alt)


# --- the picture of a game in the plane -----------------------------------------------------------


def surface(slope=2.0, place=1.0):
    """A discriminator that says one half on the line x = `place`, whatever y is."""
    return X, Y, sigmoid(slope * (X - place)) * np.ones((len(Y), 1))


def of_kind(axes, kind):
    return [artist for artist in axes.get_children() if isinstance(artist, kind)]


def test_game_2d_draws_the_line_where_the_discriminator_is_undecided():
    axes = planes.game_2d([[0, 0]], [[1, 1]], surface()).axes[0]
    [line] = [one for one in of_kind(axes, QuadContourSet) if not one.filled]
    np.testing.assert_allclose(line.get_paths()[0].vertices[:, 0], 1.0, atol=0.01)


def test_game_2d_has_a_row_of_values_for_each_y_and_blue_where_real_is_likely():
    values = sigmoid(3 * (Y - 1))[:, np.newaxis] * np.ones(len(X))  # real above, fake below
    figure = planes.game_2d([[0, 0]], [[1, 1]], (X, Y, values))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)
    column = pixels[:, int(figure.axes[0].transData.transform((-2, 0))[0])]
    heights = [int(figure.axes[0].transData.transform((0, y))[1]) for y in (3.5, -1.5)]
    above, below = (column[len(pixels) - height] for height in heights)
    assert above[2] > above[0] + 50  # more blue than red
    assert below[0] > below[2] + 50


def test_game_2d_draws_both_kinds_of_points_in_their_colours():
    real, fake = RNG.normal(size=(2, 7, 2))
    axes = planes.game_2d(real, fake[:5], surface()).axes[0]
    clouds = of_kind(axes, PathCollection)
    for cloud, points, colour in zip(clouds, (real, fake[:5]), (viz.REAL, viz.FAKE), strict=True):
        np.testing.assert_allclose(cloud.get_offsets(), points)
        np.testing.assert_allclose(
            cloud.get_facecolor()[0, :3], plt.matplotlib.colors.to_rgb(colour)
        )


def test_game_2d_arrows_point_where_they_should_and_only_the_longest_are_cut():
    places = RNG.uniform(-1, 1, size=(40, 2))
    directions = RNG.normal(size=(40, 2))
    directions[3] *= 1000
    axes = planes.game_2d([[0, 0]], [[1, 1]], surface(), (places, directions)).axes[0]
    [arrows] = of_kind(axes, Quiver)
    drawn = np.stack([arrows.U, arrows.V], axis=1)
    lengths, drawn_lengths = (np.linalg.norm(a, axis=1) for a in (directions, drawn))
    np.testing.assert_allclose(
        drawn / drawn_lengths[:, np.newaxis], directions / lengths[:, np.newaxis], atol=1e-9
    )
    kept = lengths <= np.quantile(lengths, 0.9)
    assert kept.sum() == 36
    ratio = drawn_lengths[kept] / lengths[kept]
    np.testing.assert_allclose(ratio, ratio[0])
    np.testing.assert_allclose(drawn_lengths[~kept], drawn_lengths.max())


def test_game_2d_of_a_critic_says_that_its_values_are_no_probabilities():
    x, y, values = surface()
    surfaces = (x, y, 20 * values - 5)
    figure = planes.game_2d([[0, 0]], [[1, 1]], surfaces, probabilities=False, level=None)
    assert figure.axes[1].get_ylabel() == "critic's value, no probability"
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["real", "generated"]
    axes = planes.game_2d([[0, 0]], [[1, 1]], surfaces, None, None, False, level=0.0).axes[0]
    [bands] = [one for one in of_kind(axes, QuadContourSet) if one.filled]
    assert bands.levels[0] == -bands.levels[-1]  # white is where the critic is undecided
    assert bands.levels[-1] == pytest.approx(np.abs(surfaces[2]).max())
    constant = planes.game_2d([[0, 0]], [[1, 1]], (x, y, 0 * values + 3), None, None, False, 0.0)
    assert constant.axes[0].get_legend().get_texts()[2].get_text() == "value = 0"
    figure = planes.game_2d([[0, 0]], [[1, 1]], surface())
    assert figure.axes[1].get_ylabel() == "D(x), probability of real"


def test_game_2d_draws_both_losses_below():
    history = SimpleNamespace(
        step=[10, 20], discriminator_loss=[1.0, 1.5], generator_loss=[0.7, 0.5]
    )
    below = planes.game_2d([[0, 0]], [[1, 1]], surface(), history=history).axes[-1]
    curves = {line.get_label(): line.get_xydata().tolist() for line in below.get_lines()}
    assert curves == {
        "discriminator": [[10, 1.0], [20, 1.5]],
        "generator": [[10, 0.7], [20, 0.5]],
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"surface": (X, Y, np.zeros((len(X), len(Y))))}, r"expected \(k,\), \(l,\) and \(l, k\)"),
        ({"real_points": [1.0, 2.0]}, r"expected \(n, 2\)"),
        ({"fake_points": [[np.nan, 0.0]]}, "received NaN"),
        ({"surface": (X, Y, surface()[2] * 3)}, "Pass the sigmoid"),
        ({"arrows": (np.zeros((4, 2)), np.zeros((5, 2)))}, r"two arrays \(p, 2\)"),
    ],
)
def test_game_2d_refuses_what_does_not_fit(changes, message):
    arguments = {"real_points": [[0, 0]], "fake_points": [[1, 1]], "surface": surface()} | changes
    with pytest.raises(ValueError, match=message):
        planes.game_2d(**arguments)


def test_game_2d_never_enters_pyplot():
    # another thread's cell would show it
    before = plt.get_fignums()
    planes.game_2d([[0, 0]], [[1, 1]], surface(), history=training.History.empty())
    assert plt.get_fignums() == before


# --- the push on a generated point ----------------------------------------------------------------

WEIGHTS = np.array([1.5, -0.5])  # of a linear discriminator, logit = WEIGHTS · x
PLACES = np.array([[0.3, -1.0], [-2.0, 0.7], [1.0, 4.0]])
REAL = np.array([[1.0, 0.0], [0.5, 2.0], [-1.0, 1.0], [3.0, -1.0]])


@pytest.mark.parametrize(
    ("loss", "weight"),  # −∂loss/∂logit, by hand
    [
        (losses.non_saturating, lambda fake, real: 1 - sigmoid(fake)),
        (losses.minimax, lambda fake, real: sigmoid(fake)),
        (losses.least_squares, lambda fake, real: 1 - fake),
        (losses.hinge, lambda fake, real: np.ones_like(fake)),
        (losses.wasserstein, lambda fake, real: np.ones_like(fake)),
        (losses.relativistic, lambda fake, real: sigmoid(real - fake[:, None]).mean(axis=1)),
    ],
)
def test_push_is_the_chain_rule_for_a_linear_discriminator(loss, weight):
    def discriminator(points):
        return points @ tf.constant(WEIGHTS[:, np.newaxis], tf.float32)

    expected = weight(PLACES @ WEIGHTS, REAL @ WEIGHTS)[:, np.newaxis] * WEIGHTS
    push = widgets.generator_push(discriminator, loss, PLACES, REAL)
    np.testing.assert_allclose(push, expected, rtol=1e-5)


# --- the trainer ----------------------------------------------------------------------------------

SETTINGS = {
    "distribution": toy.ring(num_modes=5),
    "loss": losses.hinge,
    "generator_rate": 5e-4,
    "discriminator_rate": 5e-3,
    "discriminator_steps": 2,
    "penalty": (penalties.r1, penalties.r2),
    "weight": 0.3,
    "seed": 7,
}


@pytest.fixture
def trainer():
    trainer = widgets.toy_trainer({"five": SETTINGS["distribution"], "spiral": toy.spiral()})
    yield trainer
    trainer.pause()


def wait_until(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_trainer_trains_the_gan_that_its_controls_describe(trainer):
    for name, value in SETTINGS.items():
        trainer.controls[name].value = value
    trainer.step(12)
    keras.utils.set_random_seed(7)
    generator, discriminator = mlp.generator(None, 2, latent_dim=4), mlp.discriminator(None, 2)
    gan = training.GAN(
        generator,
        discriminator,
        losses.hinge,
        penalties=[training.Penalty(one, weight=0.3) for one in (penalties.r1, penalties.r2)],
        generator_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.0, beta_2=0.99),
        discriminator_optimizer=keras.optimizers.Adam(5e-3, beta_1=0.0, beta_2=0.99),
        options=training.Options(batch_size=256, num_discriminator_steps=2, seed=7),
    )
    gan.train(SETTINGS["distribution"].sample(20_000, seed=7), 12, progress=False)
    points = gan.generator(gan.latents(256)).numpy()
    np.testing.assert_allclose(trainer.gan.generator(gan.latents(256)), points, atol=1e-5)
    drawn = of_kind(trainer.figure().axes[0], PathCollection)[1].get_offsets()
    np.testing.assert_allclose(drawn, points, atol=1e-5)


def test_learning_rates_act_at_once_and_other_controls_start_anew(trainer):
    trainer.controls["discriminator_rate"].value = 5e-3
    trainer.step(3)
    steps = trainer.gan.step
    trainer.controls["generator_rate"].value = 1e-4
    assert trainer.gan.step == steps
    assert float(trainer.gan.generator_optimizer.learning_rate) == pytest.approx(1e-4)
    assert float(trainer.gan.discriminator_optimizer.learning_rate) == pytest.approx(5e-3)
    trainer.controls["loss"].value = losses.wasserstein
    assert trainer.gan.step == 0
    assert trainer.gan.loss == losses.wasserstein
    assert float(trainer.gan.generator_optimizer.learning_rate) == pytest.approx(1e-4)


def test_weight_can_be_set_only_where_there_is_a_penalty(trainer):
    trainer.controls["penalty"].value = (penalties.r1,)
    assert not trainer.controls["weight"].disabled
    trainer.controls["penalty"].value = ()
    assert trainer.controls["weight"].disabled
    assert trainer.gan.penalties == ()


def test_buttons_train_in_the_background_and_pause_and_step_and_reset(trainer):
    button = trainer.buttons["train"]
    before = trainer.png
    button.click()
    assert trainer.is_training  # the click has returned: the kernel is free
    assert button.description == "Pause"
    wait_until(lambda: trainer.gan.step >= 100)
    button.click()
    steps, picture = trainer.gan.step, trainer.png
    assert button.description == "Train"
    assert picture != before
    time.sleep(0.3)
    assert (trainer.gan.step, trainer.png) == (steps, picture)
    trainer.buttons["step"].click()
    assert trainer.gan.step == steps + 50
    trainer.buttons["reset"].click()
    assert trainer.gan.step == 0
    assert trainer.png == before  # the same seed


def test_control_that_is_changed_while_training_starts_anew_and_goes_on(trainer):
    trainer.start()
    wait_until(lambda: trainer.gan.step >= 50)
    old = trainer.gan
    steps = trainer.controls["discriminator_steps"]
    steps.value = 2 if steps.value == 1 else 1  # a change, whatever other tests have set
    assert trainer.gan is not old
    wait_until(lambda: trainer.gan.step >= 50)
    trainer.pause()
    assert not trainer.is_training


def test_run_ends_at_its_number_of_steps(trainer):
    trainer.reset()
    trainer.run(num_steps=70)
    assert trainer.gan.step == 70
    assert trainer.gan.history.step.tolist() == [50, 70]  # a picture after each


def test_run_that_diverges_says_so_and_can_be_reset(trainer):
    kernel = trainer.gan.generator.trainable_variables[0]
    kernel.assign(np.nan * kernel)
    picture = trainer.png
    trainer.buttons["step"].click()
    assert "stopped being finite" in trainer._status.value
    assert "press Reset" in trainer._status.value
    assert trainer.png == picture
    with pytest.raises(FloatingPointError):
        trainer.step()
    trainer.start()
    wait_until(lambda: not trainer.is_training)
    assert trainer.buttons["train"].description == "Train"
    trainer.buttons["reset"].click()
    assert "stopped" not in trainer._status.value


def test_picture_of_the_trainer_has_its_size_and_says_what_is_to_be_seen(trainer):
    trainer.controls["distribution"].value = SETTINGS["distribution"]
    trainer.reset()  # at step 0, whatever other tests have done
    picture, alt = shown(trainer)
    assert picture.format == "PNG"
    assert picture.size == (576, 643)  # 6 × 6.7 inches at 96 dots, a CSS pixel each
    assert alt.startswith("Five, step 0; ")
    assert re.search(r"\d of 5 modes reached, \d+% of the generated points at one\.$", alt)
    trainer.step(2)
    _, alt = shown(trainer)
    loss = trainer.gan.history.generator_loss[-1]
    assert alt.startswith("Five, step 2; ")
    assert f"generator's loss {loss:.3f}" in alt
    assert html.escape(alt) in trainer._status.value


@pytest.mark.parametrize(
    ("loss", "label", "undecided"),
    [
        (losses.non_saturating, "D(x), probability of real", "D(x) = 0.5"),
        (losses.minimax, "D(x), probability of real", "D(x) = 0.5"),
        (losses.least_squares, "critic's value, no probability", "value = 0.5"),
        (losses.hinge, "critic's value, no probability", "value = 0"),
        (losses.wasserstein, "critic's value, no probability", "push"),
        (losses.relativistic, "critic's value, no probability", "push"),
    ],
)
def test_surface_is_named_for_what_the_loss_makes_of_a_logit(trainer, loss, label, undecided):
    trainer.controls["loss"].value = loss
    axes, bar, _ = trainer.figure().axes
    assert bar.get_ylabel() == label
    assert axes.get_legend().get_texts()[2].get_text() == undecided


@pytest.mark.parametrize("value", [{}, {"line": toy.mixture_1d([0.0], [1.0])}])
def test_trainer_refuses_what_is_not_in_the_plane(value):
    with pytest.raises(ValueError, match="all in the plane"):
        widgets.toy_trainer(value)


# --- both panels ----------------------------------------------------------------------------------


def test_every_control_has_a_label(trainer):
    for panel in (trainer, widgets.latent_explorer(images_generator())):
        labels = [control.description for control in panel.controls.values()]
        assert all(labels)
        assert len(set(labels)) == len(labels)


def test_notebook_is_given_the_widget_and_a_picture_for_where_it_cannot_be_shown(
    trainer, monkeypatch
):
    bundle = trainer._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == trainer.box.model_id
    assert bundle["text/plain"] == repr(trainer)
    [label] = re.findall(r'aria-label="([^"]+)"', bundle["text/html"])
    assert html.unescape(label) == shown(trainer)[1]
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
    assert "text/html" not in trainer._repr_mimebundle_()


def test_names_are_escaped():
    trainer = widgets.toy_trainer({'<b> & "x"': toy.ring()})
    assert shown(trainer)[1].startswith('<b> & "x", step 0')
    assert "<b>" not in trainer._picture.value + trainer._status.value


def test_missing_ipywidgets_is_named_with_a_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    monkeypatch.delitem(sys.modules, "ganbook.widgets._panel")
    with pytest.raises(ImportError, match="pip install ipywidgets"):
        importlib.import_module("ganbook.widgets._panel")


BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def page():
    """A page of a browser that reaches no other machine."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium is installed (Debian and Ubuntu: apt install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    arguments = ["--host-resolver-rules=MAP * ~NOTFOUND", "--no-sandbox"]  # our own page only
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser.new_page()
        browser.close()


def test_controls_have_names_for_a_screen_reader_and_keep_their_keys(page, trainer, tmp_path):
    """The widget manager that the book ships draws them; a kernel is not needed for this."""
    axe = pytest.importorskip("axe_playwright_python.base")
    explorer = widgets.latent_explorer(images_generator(num_classes=2), num_directions=1)
    state = embed_data(views=[trainer.box, explorer.box])
    kind = "application/vnd.jupyter.widget"
    scripts = [f'<script type="{kind}-state+json">{json.dumps(state["manager_state"])}</script>']
    for view in state["view_specs"]:
        scripts.append(f'<script type="{kind}-view+json">{json.dumps(view)}</script>')
    manager = (ROOT / "book/vendor/jupyter-widgets/embed.js").as_uri()
    head = f'<meta charset="utf-8"><title>Widgets</title><script src="{manager}"></script>'
    body = f"<main><h1>Widgets</h1>{''.join(scripts)}</main>"
    text = f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    page.goto((tmp_path / "page.html").as_uri())
    named = ":is(.noUi-handle, .ui-slider-handle)[aria-label]"
    page.wait_for_function(f"() => document.querySelectorAll('{named}').length === 3")
    for panel in (trainer, explorer):
        for control in panel.controls.values():
            assert page.get_by_label(control.description, exact=True).count() >= 1
    handle = page.get_by_role("slider", name="Truncation")
    assert handle.get_attribute("aria-valuenow") in ("1", "1.0")
    # JupyterLab looks for this on the element that has the focus
    focusable = page.locator(":is(select, input, button, [tabindex='0']):visible")
    kept = page.locator("[data-lm-suppress-shortcuts]:not([role=textbox])")
    assert kept.count() == focusable.count() == 17
    page.evaluate(axe.AXE_SCRIPT)
    found = page.evaluate("async () => (await axe.run()).violations.map(v => v.id)")
    assert found == []


# --- the explorer ---------------------------------------------------------------------------------


def images_generator(channels=1, num_classes=None):
    keras.utils.set_random_seed(1)
    return mlp.generator(8, channels, latent_dim=5, width=16, num_classes=num_classes)


def image_of(generator, *inputs):
    inputs = [tf.constant(array) for array in inputs]
    return data.to_uint8(generator(inputs if len(inputs) > 1 else inputs[0]).numpy())[0]


def test_ends_of_a_blend_are_the_samples_of_both_seeds():
    gan = training.GAN(images_generator(), mlp.discriminator(8, 1, width=4))
    explorer = widgets.latent_explorer(gan.generator, seed=3)
    explorer.controls["other_seed"].value = 11
    for blend, seed in ((0.0, 3), (1.0, 11)):
        explorer.controls["blend"].value = blend
        np.testing.assert_array_equal(explorer.image(), data.to_uint8(gan.sample(1, seed))[0])


def test_latents_are_what_the_controls_say():
    explorer = widgets.latent_explorer(images_generator(), num_directions=2)
    a, b = (explorer._latents_of(seed).numpy().astype(np.float64) for seed in (4, 9))
    settings = {"seed": 4, "other_seed": 9, "blend": 0.25, "truncation": 0.5}
    for name, value in (settings | {"direction_2": -1.5}).items():
        explorer.controls[name].value = value
    angle = 0.25 * np.pi / 2
    expected = 0.5 * (np.cos(angle) * a + np.sin(angle) * b - 1.5 * explorer.directions[1])
    np.testing.assert_allclose(explorer.latents(), expected, rtol=1e-5)
    latents = explorer.latents().numpy()
    np.testing.assert_array_equal(explorer.image(), image_of(explorer.generator, latents))


def test_truncation_of_zero_shows_the_image_of_zero_latents():
    explorer = widgets.latent_explorer(images_generator())
    explorer.controls["truncation"].value = 0.0
    expected = image_of(explorer.generator, np.zeros((1, 5), np.float32))
    np.testing.assert_array_equal(explorer.image(), expected)


def test_directions_of_a_linear_generator_are_its_right_singular_vectors():
    matrix = RNG.normal(size=(12, 5))  # images from latents
    expected = np.linalg.svd(matrix)[2][:3]

    def images_of(latents):
        return tf.reshape(latents @ tf.constant(matrix.T, tf.float32), [-1, 3, 4, 1])

    latents = tf.constant(RNG.normal(size=(2, 5)), tf.float32)
    directions = widgets.principal_directions(images_of, latents, 3)
    np.testing.assert_allclose(np.abs(np.sum(directions * expected, axis=1)), 1, atol=1e-4)
    np.testing.assert_allclose(directions @ directions.T, np.eye(3), atol=1e-5)
    assert (directions[range(3), np.abs(directions).argmax(axis=1)] > 0).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_picture_of_the_explorer_is_enlarged_by_a_whole_number(channels):
    explorer = widgets.latent_explorer(images_generator(channels))
    picture, alt = shown(explorer)
    assert (picture.size, picture.mode) == ((400, 400), "L" if channels == 1 else "RGB")
    pixels = np.asarray(picture).reshape(8, 50, 8, 50, channels)
    image = explorer.image()[:, np.newaxis, :, np.newaxis]
    np.testing.assert_array_equal(pixels, np.broadcast_to(image, pixels.shape))
    assert alt == "Generated image of seed 0; truncation 1."


def test_alt_text_follows_the_controls():
    explorer = widgets.latent_explorer(images_generator(num_classes=3), ["shoe", "bag", "hat"])
    for name, value in {"class": 2, "blend": 0.5, "direction_3": -1.0}.items():
        explorer.controls[name].value = value
    assert shown(explorer)[1] == (
        "Generated image of seed 0, class hat; 50% of the way to seed 1; truncation 1; "
        "direction 3: -1."
    )


def test_class_menu_decides_the_label_of_a_conditional_generator():
    generator = images_generator(num_classes=3)
    explorer = widgets.latent_explorer(generator)
    assert [name for name, _ in explorer.controls["class"].options] == ["0", "1", "2"]
    latents = explorer.latents().numpy()
    for label in (2, 0):
        explorer.controls["class"].value = label
        expected = image_of(generator, latents, np.array([label], np.int32))
        np.testing.assert_array_equal(explorer.image(), expected)
    assert "class" not in widgets.latent_explorer(images_generator()).controls


def test_explorer_opens_a_saved_generator(tmp_path):
    images_generator().save(tmp_path / "generator.keras")
    explorer = widgets.latent_explorer(tmp_path / "generator.keras", num_directions=0)
    latents = explorer.latents().numpy()
    np.testing.assert_array_equal(explorer.image(), image_of(images_generator(), latents))


def test_explorer_shows_a_pretrained_generator():
    explorer = widgets.latent_explorer(pretrained.fashion_dcgan(), num_directions=1)
    assert shown(explorer)[0].size == (392, 392)  # 14 · 28
    assert repr(explorer).startswith("<LatentExplorer of 28×28 images: Generated image of seed 0")


def unnamed_generator():
    """A conditional generator that does not say how many classes it has."""
    latents, labels = keras.Input((5,)), keras.Input((), dtype="int32")
    x = keras.layers.Dense(64, activation="tanh")(latents)
    x += keras.ops.cast(keras.ops.reshape(labels, (-1, 1)), "float32")
    return keras.Model([latents, labels], keras.layers.Reshape((8, 8, 1))(x))


def test_class_names_tell_how_many_classes_there_are_where_the_generator_does_not():
    explorer = widgets.latent_explorer(unnamed_generator(), ["a", "b"], num_directions=0)
    assert explorer.controls["class"].options == (("a", 0), ("b", 1))


@pytest.mark.parametrize(
    ("generator", "arguments", "message"),
    [
        (lambda: mlp.generator(None, 2, 4, width=4), {}, r"samples of shape \(2,\)"),
        (images_generator, {"class_names": ["a"]}, "a generator with 0 classes"),
        (lambda: images_generator(1, 3), {"class_names": ["a", "b"]}, "with 3 classes"),
        (unnamed_generator, {}, "an unknown number of classes"),
        (
            images_generator,
            {"num_directions": 6},
            "num_directions=6; .* 0 to 5. The latents have 5",
        ),
    ],
)
def test_explorer_refuses_what_does_not_fit(generator, arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.latent_explorer(generator(), **arguments)


def test_explorer_names_a_file_that_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        widgets.latent_explorer(tmp_path / "generator.keras")
