"""The page that draws: its weights, its images against Keras, and a reader at its controls."""

import json
import re
import subprocess

import numpy as np
import pytest

from ganbook import widgets
from ganlib import data, pretrained
from ganlib._tensorflow import keras
from ganlib.models import inference
from tests.test_browser import AXE_SCRIPT, DESKTOP, PHONE, Reader, chromium  # noqa: F401
from tests.test_live import ENGINE, node
from tests.test_live_page import script
from tools import live, sphinx_live

PAGE = "book/live_draw.html"
PROGRAM = """
const [engine] = process.argv.slice(1);
const { Generator } = await import(`${engine}/latents.js`);
const { weights, all } = JSON.parse(await new Response(process.stdin).text());
(0, eval)(weights);
const generator = new Generator(Object.values(globalThis.liveGenerators)[0]);
process.stdout.write(JSON.stringify(all.map((settings) => {
  const latents = generator.latents(settings), image = generator.image(latents, settings.class);
  return { latents: Array.from(latents), image: Array.from(image) };
})));
"""


def compute(weights, *settings):
    command = [node(), "--input-type=module", "-e", PROGRAM, ENGINE.as_uri()]
    sent = json.dumps({"weights": weights, "all": settings})
    result = subprocess.run(command, input=sent, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", sphinx_live.GENERATORS)
def test_images_are_those_of_the_explorer_and_of_keras(name):
    generator, classes = getattr(pretrained, name)(), sphinx_live.GENERATORS[name]
    explorer = widgets.latent_explorer(generator, classes or None, live.NUM_DIRECTIONS)
    settings = [
        {"a": 0, "b": 1, "blend": 0, "truncation": 1, "shares": [0, 0, 0, 0]},
        {"a": 3, "b": 7, "blend": 0.35, "truncation": 0.8, "shares": [0, 1.5, 0, -3]},
        {"a": 99, "b": 4, "blend": 1, "truncation": 1.4, "shares": [-6, 0, 2.25, 0]},
    ]
    if classes:
        settings = [one | {"class": 4 * k} for k, one in enumerate(settings)]
    for chosen, answer in zip(
        settings, compute(live.script(name, generator, classes), *settings), strict=True
    ):
        names = {"seed": chosen["a"], "other_seed": chosen["b"]}
        names |= {key: chosen[key] for key in ("blend", "truncation", "class") if key in chosen}
        names |= {f"direction_{k + 1}": share for k, share in enumerate(chosen["shares"])}
        for control, value in names.items():
            explorer.controls[control].value = value
        assert np.allclose(answer["latents"], explorer.latents().numpy()[0], atol=2e-6)
        expected = explorer.image().astype(int)
        pixels = np.reshape(answer["image"], expected.shape) - expected
        assert np.abs(pixels).max() <= 1  # where a number lies between two to within rounding
        assert np.count_nonzero(pixels) <= 3


def test_a_hundred_seeds_have_the_pixels_of_keras():
    generator = pretrained.fashion_dcgan()
    settings = [{"a": k, "b": k, "blend": 0, "truncation": 1} for k in range(live.NUM_SEEDS)]
    answers = compute(live.script("fashion_dcgan", generator), *settings)
    latents = np.concatenate([inference.latents(generator, 1, k) for k in range(live.NUM_SEEDS)])
    images = data.to_uint8(generator(latents, training=False).numpy())
    ours = np.reshape([one["image"] for one in answers], images.shape)
    assert np.count_nonzero(ours - images.astype(int)) <= 1


def test_kernel_that_half_precision_changes_is_refused():
    shape = keras.layers.Reshape((2, 2, 1))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), shape])
    model.layers[0].set_weights([np.full((4, 4), 1 / 3, np.float32), np.zeros(4, np.float32)])
    with pytest.raises(ValueError, match="half precision"):
        live.script("thirds", model)


@pytest.mark.parametrize("name", sphinx_live.GENERATORS)
def test_page_tells_how_much_it_loads(rendered_book, name):
    bytes_there = (rendered_book / "_static" / f"live_{name}.js").stat().st_size
    assert re.search(rf'{name}: ?"{bytes_there / 1e6:.1f} MB"', script("draw"))


# ---- the page -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def person(chromium, rendered_book):  # noqa: F811
    """A reader who has opened the page as a file, and notes which files it asks for."""
    reader = Reader(chromium, rendered_book.as_uri() + "/")
    reader.asked = []
    reader.page.on("request", lambda request: reader.asked.append(request.url))
    return reader


def visit(person, settings="", page=PAGE, size=DESKTOP, theme="light"):
    person.noted.clear()
    person.page.goto("about:blank")
    person.asked.clear()
    person.open(page + (f"#{settings}" if settings else ""), size, theme)


def load(person):
    """Presses the button with the keyboard."""
    person.page.get_by_role("button", name="Draw here: load the network").focus()
    person.page.keyboard.press("Enter")
    person.page.wait_for_selector(".live-image")


def pixels(person, canvas="image"):
    return person.page.eval_on_selector(f".live-{canvas}", "(one) => one.toDataURL()")


def weights(person):
    return [url for url in person.asked if any(name in url for name in sphinx_live.GENERATORS)]


@pytest.mark.parametrize("page", [PAGE, "book/index.html"])
def test_weights_come_when_they_are_asked_for(person, page):
    visit(person, page=page)
    assert weights(person) == []
    load(person)
    assert len(weights(person)) == 1
    assert person.noted == []


def test_keys_go_from_seed_to_seed_and_along_directions(person):
    visit(person)
    load(person)
    seen = {pixels(person)}
    for label, key in [
        ("From the first to the last", "End"),
        ("Truncation ψ", "Home"),
        ("Truncation ψ", "End"),
        ("Direction 1", "End"),
    ]:
        person.page.get_by_label(label).focus()
        person.page.keyboard.press(key)
        seen.add(pixels(person))
    assert len(seen) == 5
    said = person.page.locator(".live-verdict").inner_text()
    assert said.startswith(
        "100% of the way from seed 0 to seed 1, truncation 1.50, direction 1: +6"
    )
    link = person.page.get_by_role("link", name="Link to these settings").get_attribute("href")
    assert link == "#net=fashion_dcgan&blend=1&truncation=1.5&d1=6"
    shown = pixels(person)
    visit(person, link[1:])
    load(person)
    assert pixels(person) == shown
    assert person.noted == []


def test_pointer_drags_along_the_strip(person):
    visit(person)
    load(person)
    box = person.page.locator(".live-strip").bounding_box()
    person.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 10)
    person.page.mouse.down()
    person.page.mouse.move(box["x"] + box["width"] * 0.95, box["y"] + 10)
    person.page.mouse.up()
    assert "100% of the way" in person.page.locator(".live-verdict").inner_text()


def test_other_generator_is_loaded_when_it_is_chosen(person):
    visit(person)
    load(person)
    before = pixels(person)
    person.page.get_by_label("Generator").select_option("emoji_dcgan")
    person.page.wait_for_function("document.querySelector('.live-image').width === 64")
    assert pixels(person) != before
    assert len(weights(person)) == 2
    assert person.noted == []


def test_a_class_is_drawn_on_demand(person):
    visit(person, "net=fashion_conditional&class=9")
    load(person)
    said = person.page.locator(".live-verdict")
    assert said.inner_text().startswith("Ankle boot: 50% of the way")
    boot = pixels(person)
    person.page.get_by_label("Class", exact=True).select_option("Bag")
    assert pixels(person) != boot
    link = person.page.get_by_role("link", name="Link to these settings").get_attribute("href")
    assert link == "#net=fashion_conditional&class=8"
    person.page.get_by_label("Generator").select_option("fashion_dcgan")
    person.page.wait_for_function("document.querySelector('[data-name=class]').hidden")
    assert person.noted == []


@pytest.mark.parametrize(("size", "theme"), [(PHONE, "light"), (DESKTOP, "dark")])
@pytest.mark.parametrize("page", [PAGE, "book/index.html"])
def test_page_is_accessible(person, page, size, theme):
    visit(person, page=page, size=size, theme=theme)
    load(person)
    person.page.evaluate(AXE_SCRIPT)
    assert person.ask("layout()", "structure()", f"contrast('{theme}')") + person.noted == []
