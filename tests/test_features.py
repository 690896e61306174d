"""The shipped extractors: as accurate as published, and refusing what they were not made for."""

import json

import numpy as np
import pytest
from PIL import Image

from ganlib import data, features
from ganlib._tensorflow import keras, tf


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
    with pytest.raises(ValueError, match=r"expected uint8 .*\(n, 28, 28, 1\).* fashion_classifier"):
        features.fashion_classifier()(images)


@pytest.fixture(scope="module")
def random_inception():
    keras.utils.set_random_seed(0)
    return features.inception(weights=None)


def test_inception_takes_images_of_any_size_resized_as_pillow_does(random_inception):
    """Pillow's bicubic resize has the antialiasing that TensorFlow's lacks by default."""
    images = np.random.default_rng(0).integers(0, 256, (2, 400, 350, 3), np.uint8)
    vectors = random_inception(images)
    assert vectors.shape == (2, 2048)
    assert vectors.dtype == np.float32
    assert np.ptp(vectors, axis=0).max() > 0  # another image, other features
    resized = features._for_inception(data.to_model_range(tf.constant(images))).numpy()
    for image, result in zip(images, resized, strict=True):
        for channel in range(3):
            plane = Image.fromarray(image[..., channel].astype(np.float32))
            expected = np.asarray(plane.resize((299, 299), Image.Resampling.BICUBIC))
            np.testing.assert_allclose((result[..., channel] + 1) * 127.5, expected, atol=0.05)


def test_inception_repeats_the_channel_of_grey_images(random_inception):
    grey = np.random.default_rng(1).integers(0, 256, (1, 28, 28, 1), np.uint8)
    colour = np.repeat(grey, 3, axis=3)
    np.testing.assert_allclose(random_inception(grey), random_inception(colour), rtol=1e-4)
    probabilities = random_inception.probabilities(grey)
    assert probabilities.shape == (1, 1000)
    assert probabilities.sum() == pytest.approx(1, rel=1e-5)


def test_inception_says_what_it_is_and_what_it_takes(random_inception):
    assert random_inception.name == "inception_v3_keras"
    with pytest.raises(ValueError, match=r"\(n, any, any, any\).* inception_v3_keras"):
        random_inception(np.zeros([2, 28, 28, 1], np.float32))


def test_inception_without_a_network_says_where_its_weights_belong(monkeypatch):
    def fail(**arguments):
        raise Exception("URL fetch failure on https://example.org: None -- no route")

    monkeypatch.setattr(keras.applications, "InceptionV3", fail)
    features.inception.cache_clear()
    with pytest.raises(FileNotFoundError, match=r"no route.*\.h5.*KERAS_HOME"):
        features.inception()


SETTINGS = [
    (keras.config.set_floatx, "float64"),
    (keras.config.set_floatx, "float16"),
    (keras.mixed_precision.set_dtype_policy, "mixed_float16"),
    (keras.config.set_image_data_format, "channels_first"),
]


@pytest.fixture(params=SETTINGS, ids=lambda setting: setting[1])
def other_precision(request):
    """Keras's global settings say something else than float32."""
    policy, float_type = keras.config.dtype_policy(), keras.config.floatx()
    features.digits_classifier.cache_clear()
    function, value = request.param
    function(value)
    yield value
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx(float_type)
    keras.mixed_precision.set_dtype_policy(policy)
    features.digits_classifier.cache_clear()


def test_extractors_are_float32_whatever_keras_is_told(other_precision):
    images = data.load_digits()[:9]
    before = keras.config.floatx(), keras.config.dtype_policy().name
    found = features.digits_classifier()
    assert found(images).dtype == found.probabilities(images).dtype == np.float32
    assert {variable.dtype for variable in found.model.weights} == {"float32"}
    assert (keras.config.floatx(), keras.config.dtype_policy().name) == before
    assert {layer.compute_dtype for layer in found.model.layers} == {"float32"}


def test_a_classifier_in_half_precision_gives_float32():
    images = keras.Input((8, 8, 1))
    half = keras.layers.Dense(3, dtype="float16")(keras.layers.Flatten()(images))
    classifier = features.Classifier("half", keras.Model(images, [half, half]))
    pixels = np.zeros((2, 8, 8, 1), np.uint8)
    assert classifier(pixels).dtype == classifier.probabilities(pixels).dtype == np.float32


def test_images_are_taken_with_or_without_their_labels():
    digits = data.load_digits()[:5]
    extractor = features.digits_classifier()
    np.testing.assert_array_equal(extractor(digits), extractor(digits.images))
