"""The recipes are those of the labs that explain them, and refuse what cannot be."""

import dataclasses
import functools
import json

import keras
import numpy as np
import pytest

from ganlib import recipes, training
from ganlib.models import dcgan
from ganlib.training import checkpoints
from tools import notebooks

# recipe -> the lab that explains it
HOMES = {
    "small_grey": "07_dcgan",
    "small_grey_by_class": "09_conditional",
    "few_images": "08_own_images",
}


@functools.cache
def cells(lab):
    notebook = json.loads((notebooks.LABS / f"{lab}.ipynb").read_text(encoding="utf-8"))
    return [
        ("".join(cell["source"]), cell["metadata"].get("tags", []))
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


def parameters(lab):
    [source] = [source for source, tags in cells(lab) if "parameters" in tags]
    found = {}
    exec(source, found)
    return {name: value for name, value in found.items() if not name.startswith("__")}


@pytest.mark.parametrize("name", HOMES)
def test_recipe_has_the_parameters_of_its_lab(name):
    """A name of a lab's parameter that is also a field, or sets both networks'."""
    lab = HOMES[name]
    given, recipe = parameters(lab), dataclasses.asdict(getattr(recipes, name))
    if "learning_rate" in given:
        given["generator_rate"] = given["discriminator_rate"] = given["learning_rate"]
    given.setdefault("discriminator_width", given["width"])
    if "final_rate" in given:
        given["milestones"] = ((0.6, given["final_rate"] ** 0.5), (0.85, given["final_rate"]))
    both = set(given) & set(recipe)
    assert {"width", "discriminator_width", "latent_dim", "gamma", "batch_size"} <= both
    assert {field: given[field] for field in both} == {field: recipe[field] for field in both}
    if "translation" in given:
        assert recipe["augment"]["translation"] == given["translation"]


def test_lab_7_writes_out_what_the_recipe_makes():
    """The lab builds its pair by hand; checkpoints of one could be resumed by the other."""
    names = {}
    for source, tags in cells("07_dcgan"):
        if "parameters" in tags or "from ganlib.models import" in source:
            exec(source, names)
        if "def new_gan(" in source:
            exec(source, names)
    by_hand = names["new_gan"]()
    gan = recipes.small_grey.gan(28, 1, names["num_steps"], seed=names["seed"])
    checkpoints.require_same_config(by_hand._config(), gan._config(), "the lab's run")
    for mine, theirs in zip(gan.generator.weights, by_hand.generator.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_rate_falls_at_the_shares_of_the_run():
    recipe = dataclasses.replace(recipes.small_grey, milestones=((0.5, 0.4), (0.9, 0.1)))
    schedule = recipe.optimizer(1.0, num_steps=10).learning_rate
    adam = recipe.optimizer(2.0, num_steps=10)
    adam.build([keras.Variable([1.0])])
    rates = []
    for _ in range(12):
        rates.append(float(adam.learning_rate))
        adam.apply([np.array([1.0], np.float32)])
    assert float(schedule) == 1.0
    np.testing.assert_allclose(rates, [2.0] * 6 + [0.8] * 4 + [0.2] * 2)


def test_without_milestones_the_rate_stays():
    adam = dataclasses.replace(recipes.small_grey, milestones=()).optimizer(0.5, num_steps=3)
    assert float(adam.learning_rate) == 0.5
    assert not isinstance(adam._learning_rate, keras.optimizers.schedules.LearningRateSchedule)


def test_settings_go_with_networks_of_ones_own_and_options_win():
    settings = recipes.few_images.settings(100, seed=5, batch_size=8, augment=None)
    gan = training.GAN(dcgan.generator(28, 1, 4, 2), dcgan.discriminator(28, 1, 2), **settings)
    assert (gan.options.batch_size, gan.options.seed, gan.options.augment) == (8, 5, None)
    assert (gan.penalties[0].weight, gan.penalties[0].interval) == (10.0, 16)
    assert gan.generator_optimizer is not gan.discriminator_optimizer


def test_no_penalty_is_added_for_a_weight_of_zero():
    assert dataclasses.replace(recipes.small_grey, gamma=0).settings(10)["penalties"] == []


def test_gan_of_a_recipe_learns():
    """It takes steps with penalty and augmentation, and a seed gives the same first weights."""
    recipe = dataclasses.replace(recipes.few_images, width=2, discriminator_width=2)
    images = np.random.default_rng(0).uniform(-1, 1, (8, 28, 28, 3)).astype(np.float32)
    gan, again = (recipe.gan(28, 3, 2, seed=3, batch_size=4, steps_per_call=2) for _ in range(2))
    before = [np.array(weight) for weight in gan.generator.weights]
    for weight, same in zip(before, again.generator.weights, strict=True):
        np.testing.assert_array_equal(weight, same)
    gan.train(images, 2, progress=False)
    assert np.any(before[0] != np.array(gan.generator.weights[0]))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"generator_rate": 0.0}, "generator_rate=0.0"),
        ({"discriminator_rate": "fast"}, "discriminator_rate='fast'"),
        ({"gamma": -1.0}, "gamma=-1.0"),
        ({"milestones": ((0.9, 0.1), (0.6, 0.3))}, "shares rise between 0 and 1"),
        ({"milestones": ((600, 0.1),)}, "shares rise between 0 and 1"),
    ],
)
def test_impossible_settings_are_refused(change, complaint):
    with pytest.raises(ValueError, match=complaint.replace("(", r"\(")):
        dataclasses.replace(recipes.small_grey, **change)
