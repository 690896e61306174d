"""The shipped extractors: as accurate as published, and refusing what they were not made for."""

import json

import numpy as np
import pytest

from ganlib import data, features


@pytest.fixture(scope="module")
def fashion_test():
    return data.load_fashion_mnist(split="test")


@pytest.fixture(scope="module")
def published(root):
    return json.loads((root / "book" / "data" / "extractors.json").read_text(encoding="utf-8"))


def accuracy(classifier, images):
    return np.mean(classifier.probabilities(images.images).argmax(1) == images.labels)


def test_fashion_classifier_has_the_published_accuracy_of_at_least_91_percent(
    fashion_test, published
):
    measured = accuracy(features.fashion_classifier(), fashion_test)
    assert measured >= 0.91
    # other processors round otherwise, and may decide a few of 10,000 images differently
    assert measured == pytest.approx(published["fashion_classifier"]["test_accuracy"], abs=5e-4)


def test_digits_classifier_has_the_published_accuracy_of_at_least_97_percent(published):
    held_out = data.load_digits()[1437:]  # not among the images that it was trained on
    measured = accuracy(features.digits_classifier(), held_out)
    assert measured >= 0.97
    assert measured == pytest.approx(published["digits_classifier"]["test_accuracy"], abs=3e-3)


def test_features_do_not_depend_on_the_rest_of_the_batch(fashion_test):
    extractor = features.fashion_classifier()
    images = fashion_test.images[:603]  # more than one batch, and a remainder
    together = extractor(images)
    assert together.shape == (603, 128)
    assert together.dtype == np.float32
    assert together.min() >= 0
    np.testing.assert_allclose(together[::-1], extractor(images[::-1]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(together[601:], extractor(images[601:]), rtol=1e-4, atol=1e-4)


def test_probabilities_are_a_distribution(fashion_test):
    probabilities = features.fashion_classifier().probabilities(fashion_test.images[:20])
    assert probabilities.shape == (20, 10)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def test_an_extractor_is_loaded_once():
    assert features.fashion_classifier() is features.fashion_classifier()


@pytest.mark.parametrize(
    "images",
    [
        np.zeros([2, 28, 28, 1], np.float32),  # a generator's own range
        np.zeros([2, 32, 32, 1], np.uint8),
        np.zeros([2, 28, 28], np.uint8),
        np.zeros([0, 28, 28, 1], np.uint8),
    ],
)
def test_other_images_are_refused(images):
    with pytest.raises(ValueError, match=r"fashion_classifier takes uint8 .*\(n, 28, 28, 1\)"):
        features.fashion_classifier()(images)
