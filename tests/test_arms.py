"""The arms: one budget for all, no held-out image in any, no help from shipped weights."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest

from ganbook.study import arms, judges
from ganlib import augment, classify, comparison, data, features, training
from ganlib._tensorflow import keras
from ganlib.models import dcgan, heads, mlp

DIGITS = data.load_digits()
POOL, HELD_OUT = DIGITS[:1437], DIGITS[1437:]
SMALL = arms.Settings(
    num_steps=12,
    width=8,
    batch_size=16,
    num_gan_steps=6,
    num_pretrain_steps=8,
    num_semi_steps=7,
    gan_width=8,
    latent_dim=4,
    num_synthetic=20,
    policy=augment.Classical(shift=0.125),
    gan_augment=augment.DiffAugment(),
)
COMMON = ["gan", "both", "synthetic"]
FROM_DISCRIMINATOR = ["frozen", "fine_tuned", "fine_tuned_pseudo_labels", "semi_supervised"]
ABLATIONS = ["both_half", "both_double", "both_confident", "classical_long"]
SETTINGS = {
    "few_images": (arms.few_images, {}, ["real", "classical", *COMMON]),
    "few_labels": (
        arms.few_labels,
        {"num_unlabelled": 300},
        ["real", "classical", "pseudo_labels", *COMMON, *FROM_DISCRIMINATOR],
    ),
    "imbalance": (
        arms.imbalance,
        {"rare": (3, 8), "num_common": 30},
        ["real", "classical", "oversampled", *COMMON],
    ),
}


def trained(name, *, seed=0, held_out=HELD_OUT, **changes):
    """All arms of a setting: the trainer, and name to (classifier, what was spent for it)."""
    function, settings, _ = SETTINGS[name]
    material = comparison.split(POOL, 10, seed, **settings)
    trainer = arms.Trainer(
        dataclasses.replace(SMALL, **changes), comparison.Seal(held_out.images), seed
    )
    found, num_spent = {}, 0
    for arm, train in function(material, trainer).items():
        found[arm] = train(), trainer.spent[num_spent:]
        num_spent = len(trainer.spent)
    return trainer, found


few_labels = functools.cache(lambda: trained("few_labels")[1])


@pytest.fixture
def no_shipped_extractor(monkeypatch):
    """Makes any use of a network that has seen all labels an error."""

    def refuse(*_):
        raise AssertionError("an arm used an extractor that has seen all labels")

    for name in ("fashion_classifier", "digits_classifier", "inception", "_shipped"):
        monkeypatch.setattr(features, name, refuse)
    for name in judges.NAMES:
        monkeypatch.setattr(judges, name, refuse)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.usefixtures("no_shipped_extractor")
def test_a_setting_has_its_arms_and_each_the_same_budget(name, monkeypatch):
    steps = []
    original = classify.fit

    def counted(model, images, num_steps, seed, **settings):
        steps.append((num_steps, settings["batch_size"]))
        return original(model, images, num_steps, seed, **settings)

    monkeypatch.setattr(classify, "fit", counted)
    trainer, found = trained(name)
    assert list(found) == SETTINGS[name][2]
    with_classifier = [arm for arm in found if arm != "semi_supervised"]
    # what was really trained, and what the trainer says of it
    assert steps == [(12, 16)] * len(with_classifier)
    for arm in with_classifier:
        assert [entry for entry in found[arm][1] if entry[0] == "classifier"] == [
            ("classifier", 12)
        ]
    gans = [entry for entry in trainer.spent if entry[0] == "gan"]
    more = [("gan", 8), ("gan", 7)] if name == "few_labels" else []
    assert gans == [("gan", 6), *more]
    for classifier, _ in found.values():
        assert classifier.probabilities(HELD_OUT.images[:5]).shape == (5, 10)


@pytest.mark.usefixtures("no_shipped_extractor")
def test_ablations_are_further_arms_of_the_same_gan():
    trainer, found = trained("few_images", ablations=True)
    assert list(found) == [*SETTINGS["few_images"][2], *ABLATIONS]
    assert sum(kind == "gan" for kind, _ in trainer.spent) == 1
    assert found["classical_long"][1] == [("classifier", 12 + 6)]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_held_out_image_in_any_part_stops_the_arms(name):
    material = comparison.split(POOL, 10, 0, **SETTINGS[name][1])
    parts = {"labelled": material.labelled.images, "validation": material.validation.images}
    if len(material.unlabelled):
        parts["unlabelled"] = material.unlabelled
    for part, images in parts.items():
        stolen = data.Images(images[-1:], [0])
        with pytest.raises(comparison.LeakError):
            trained(name, held_out=stolen)
        assert part


def test_an_arm_by_itself_trains_what_it_needs_and_nothing_else():
    material = comparison.split(POOL, 10, 0, num_unlabelled=300)
    trainer = arms.Trainer(SMALL, comparison.Seal(HELD_OUT.images))
    alone = arms.few_labels(material, trainer)
    assert trainer.spent == []
    tuned = alone["fine_tuned"]()
    assert trainer.spent == [("gan", 8), ("classifier", 12)]
    np.testing.assert_array_equal(
        tuned(HELD_OUT.images[:20]), few_labels()["fine_tuned"][0](HELD_OUT.images[:20])
    )


def test_equal_seeds_give_equal_arms_and_others_do_not():
    pictures = HELD_OUT.images[:40]
    keras.utils.set_random_seed(99)
    again = trained("few_labels")[1]
    for arm, (classifier, _) in few_labels().items():
        np.testing.assert_array_equal(again[arm][0](pictures), classifier(pictures), err_msg=arm)
    material = comparison.split(POOL, 10, 0)
    trainer = arms.Trainer(SMALL, comparison.Seal(HELD_OUT.images), seed=1)
    other = trainer.classifier(material.labelled, material.validation)
    assert np.abs(other(pictures) - few_labels()["real"][0](pictures)).max() > 0.01


def test_arms_differ_in_what_they_learn_from():
    pictures = HELD_OUT.images[:40]
    outputs = {arm: c.probabilities(pictures) for arm, (c, _) in few_labels().items()}
    for (first, a), (second, b) in itertools.combinations(outputs.items(), 2):
        assert np.abs(a - b).max() > 1e-4, (first, second)


# --- the sets ------------------------------------------------------------------------------------


def numbered(labels, first=0):
    """Images whose pixels are their number."""
    values = np.arange(first, first + len(labels), dtype=np.uint8)
    return data.Images(values[:, None, None, None] * np.ones([1, 8, 8, 1], np.uint8), labels)


def numbers(images, label):
    return sorted(images.images[images.labels == label][:, 0, 0, 0].tolist())


def test_a_blend_holds_the_ratio_and_repeats_what_is_too_few():
    own, extra = numbered([0, 0, 1]), numbered([0, 1, 1, 1, 1], first=100)
    mixed = augment.blend(own, extra, 0.5, num_per_class=6)
    assert numbers(mixed, 0) == [0, 0, 1, 1, 100, 100]
    assert numbers(mixed, 1) == [2, 2, 2, 2, 101, 102]


def test_a_blend_leaves_other_classes_as_they_are():
    own, extra = numbered([0, 0, 1]), numbered([0, 1, 1, 1, 1], first=100)
    mixed = augment.blend(own, extra, 1.0, num_per_class=4, classes=(1,))
    assert numbers(mixed, 0) == [0, 1]
    assert numbers(mixed, 1) == [2, 2, 101, 102]
    assert numbers(augment.blend(own, None, 1.0, num_per_class=3), 1) == [2, 2, 2]


def test_a_class_without_extra_images_has_its_own_ones():
    mixed = augment.blend(numbered([0, 1]), numbered([0], first=100), 1.0, num_per_class=2)
    assert numbers(mixed, 0) == [0, 100]
    assert numbers(mixed, 1) == [1, 1]


class Sure:
    """A classifier whose confidence in class 0 falls with the number of the image."""

    def probabilities(self, images):
        share = 1.0 - images[:, 0, 0, 0] / 10
        return np.stack([share, 1.0 - share], axis=1)


def test_the_surest_part_of_each_class_is_kept():
    images = numbered([0, 1, 0, 1, 0, 1, 0, 1])
    kept = augment.most_confident(images, Sure(), 0.5)
    assert numbers(kept, 0) == [0, 2]
    assert numbers(kept, 1) == [5, 7]


def test_pseudo_labels_are_the_classifiers_own():
    images = numbered([1] * 9)
    assert augment.pseudo_labelled(images.images, Sure()).labels.tolist() == [0] * 6 + [1] * 3


def test_oversampling_makes_rare_classes_as_large_as_the_others():
    material = comparison.split(POOL, 5, 0, rare=(3, 8), num_common=30)
    trainer = arms.Trainer(SMALL, comparison.Seal(HELD_OUT.images))
    repeated = trainer.blended(material.labelled, None, classes=material.rare)
    assert np.bincount(repeated.labels).tolist() == [24] * 10
    assert len(np.unique(repeated.images[repeated.labels == 3], axis=0)) == 4


@pytest.mark.parametrize(
    "discriminator",
    [
        mlp.discriminator(8, 1, 8, 10, head=heads.feature_matching),
        dcgan.discriminator(28, 1, 4, 10, head=heads.semi_supervised),
    ],
)
def test_a_classifier_begins_with_a_copy_of_the_discriminators_layers(discriminator):
    side = discriminator.inputs[0].shape[1]
    images = np.random.default_rng(0).uniform(-1, 1, (3, side, side, 1)).astype(np.float32)
    trunk = keras.Model(discriminator.inputs[0], discriminator.output["features"])
    expected = np.asarray(trunk(images))
    model = classify.from_discriminator(discriminator, 10, seed=0)
    hidden = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    np.testing.assert_array_equal(np.asarray(hidden(images)), expected)
    frozen = classify.from_discriminator(discriminator, 10, seed=0, frozen=True, num_layers=2)
    assert len(frozen.trainable_variables) == 4 < len(model.trainable_variables)
    seen = next(layer for layer in frozen.layers if isinstance(layer, keras.Model))(images)
    assert seen.shape[1] > expected.shape[1]
    np.testing.assert_array_equal(np.asarray(seen)[:, -expected.shape[1] :], expected)
    for variable in model.trainable_variables:
        variable.assign(variable + 1.0)
    np.testing.assert_array_equal(np.asarray(trunk(images)), expected)


@pytest.mark.parametrize("view", [None, augment.DiffAugment()])
def test_gan_has_the_networks_and_rates_of_chapter_07(view):
    rng = np.random.default_rng(0)
    images = data.Images(rng.integers(0, 256, (20, 28, 28, 1)).astype(np.uint8), np.arange(20) % 2)
    settings = dataclasses.replace(
        SMALL, num_gan_steps=20, gan_width=2, discriminator_width=3, gamma=7.0, few_gamma=0.5
    )
    gan = arms.Trainer(settings, comparison.Seal(HELD_OUT.images)).conditional_gan(images, view)
    assert sum(isinstance(layer, keras.layers.Add) for layer in gan.generator.layers) == 2
    convolutions = [la for la in gan.discriminator.layers if isinstance(la, keras.layers.Conv2D)]
    assert [la.filters for la in convolutions] == [3, 6, 12]
    assert gan.penalties[0].weight == (7.0 if view is None else 0.5)
    for optimizer, rate in ((gan.generator_optimizer, 2e-3), (gan.discriminator_optimizer, 1.2e-3)):
        falling = keras.saving.deserialize_keras_object(optimizer.get_config()["learning_rate"])
        rates = [float(falling(step)) for step in (0, 12, 13, 17, 18, 20)]
        expected = rate * np.array([1, 1, 0.1**0.5, 0.1**0.5, 0.1, 0.1])
        np.testing.assert_allclose(rates, expected, rtol=1e-6)


def test_the_semi_supervised_gan_learns_the_known_labels_only():
    material = comparison.split(POOL, 20, 0, num_unlabelled=400)
    settings = dataclasses.replace(SMALL, num_semi_steps=150, gan_width=64, latent_dim=16)
    trainer = arms.Trainer(settings, comparison.Seal(HELD_OUT.images))
    gan = trainer.semi_supervised_gan(material.labelled, material.unlabelled)
    assert isinstance(gan, training.GAN)
    logits = gan.discriminator(data.to_model_range(HELD_OUT.images))["class_logits"]
    assert logits.shape[1] == 10
    assert np.mean(np.argmax(logits, axis=1) == HELD_OUT.labels) > 0.6
