"""The controls of the extractors: those that ship pass, the old ones and a dead one do not."""

import json

import numpy as np
import pytest

from ganbook import controls
from ganbook.study import judges
from ganlib import data, features
from tools import train_extractors

NUM_IMAGES = 300  # of each set: fewer than are published, and the balls are larger


@pytest.fixture(scope="module")
def garments():
    return [part[:NUM_IMAGES] for part in train_extractors.fashion_real()]


def taken(extractor, parts, others):
    reference, images = parts
    return controls.measure(extractor, reference.images, images, others)


def foreign(*names):
    return {name: train_extractors.FOREIGN[name]().images[:NUM_IMAGES] for name in names}


def test_the_extractor_for_garments_passes(garments):
    found = taken(features.fashion_classifier(), garments, foreign("digits", "emoji"))
    assert found.failures() == []
    assert (found.num_features, found.num_dead) == (128, 0)


def test_the_extractor_for_digits_passes():
    parts = train_extractors.digits_real()  # all: with fewer, real ones are no longer near
    found = taken(features.digits_classifier(), parts, foreign("garments", "emoji"))
    assert found.failures() == []


def test_the_old_extractor_fails(garments):
    """Chapter 06 shows this one as an exhibit."""
    found = taken(judges.fashion_classifier(), garments, foreign("digits"))
    said = found.failures()
    assert any("features are dead" in words for words in said)
    assert any(words.startswith("uniform noise") for words in said)
    assert found.precision["constant images"] > 0.9
    assert found.num_dead >= 90


def test_pixels_fail_as_they_see_no_noise_in_large_balls():
    """Raw pixels: plain images lie in the ball of any outlier."""
    digits = train_extractors.digits_real()
    pixels = lambda images: images.reshape(len(images), -1).astype(np.float32)  # noqa: E731
    found = taken(pixels, digits, {})
    assert found.num_dead > 0  # corners that nobody writes in
    assert found.failures()


def test_what_is_called_a_failure():
    fine = controls.Controls(
        extractor="x",
        num_images=9,
        num_features=4,
        num_dead=0,
        real={"distance": 0.01, "precision": 0.9, "recall": 0.9},
        precision={"noise": 0.02},
        distance={"blur": {"1": 0.1, "2": 0.2}},
    )
    assert fine.failures() == []
    for change, words in [
        ({"num_dead": 1}, "1 of 4 features are dead"),
        ({"real": fine.real | {"precision": 0.84}}, "real images have precision 0.840"),
        ({"precision": {"noise": 0.021}}, "noise has precision 0.021"),
        ({"distance": {"blur": {"1": 0.2, "2": 0.1}}}, "does not grow with blur"),
        ({"distance": {"blur": {"1": 0.005, "2": 0.1}}}, "does not grow with blur"),
    ]:
        (said,) = controls.dataclasses.replace(fine, **change).failures()
        assert words in said


def test_spoilt_images_are_what_they_are_called():
    images = data.load_digits()[:200]
    shuffled = controls.strangers(images.images)["shuffled pixels"]
    np.testing.assert_array_equal(
        np.sort(shuffled.reshape(200, -1)), np.sort(images.images.reshape(200, -1))
    )
    assert (shuffled != images.images).any(axis=(1, 2, 3)).all()
    spoilt = controls.faults(images)
    assert {len(make()) for one in spoilt.values() for make in one.values()} == {200}
    left = spoilt["classes left out"][8]()
    allowed = {image.tobytes() for image in images.images[images.labels >= 8]}
    assert {image.tobytes() for image in left} == allowed
    changed = (spoilt["mixed halves"][0.25]() != images.images).any(axis=(1, 2, 3))
    assert 40 <= changed.sum() <= 50
    whole = spoilt["mixed halves"][1.0]()
    np.testing.assert_array_equal(whole[5, :4], images.images[5, :4])
    np.testing.assert_array_equal(whole[5, 4:], images.images[4, 4:])
    constant = controls.strangers(images.images)["constant images"]
    assert np.ptp(constant, axis=(1, 2, 3)).max() == 0


def test_published_controls_are_met(root):
    path = root / "book" / "data" / "extractors.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    kept = {name: controls.Controls(**one["controls"]) for name, one in found.items()}
    assert kept["fashion_classifier"].failures() == []
    assert kept["digits_classifier"].failures() == []
    assert len(kept["fashion_penultimate"].failures()) >= 4
