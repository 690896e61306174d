"""The shipped extractors: as accurate as published, and refusing what they were not made for."""

import functools
import json

import numpy as np
import pytest
from PIL import Image

from ganbook import controls
from ganlib import data, features, metrics
from ganlib._tensorflow import keras, tf
from tools import train_extractors


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
    assert together.min() > 0
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


def test_features_are_strengths_of_the_maps_by_hand(fashion_test):
    """By NumPy from what the two convolutions pass on, the first of them cut into two bands."""
    extractor = features.fashion_classifier()
    units = [x for x in extractor.model.layers if isinstance(x, keras.layers.ReLU)]
    images = fashion_test.images[:7]
    maps = keras.Model(extractor.model.input, [unit.output for unit in units])
    first, last = (x.numpy().astype(np.float64) for x in maps(data.to_model_range(images)))
    parts = first[:, :14], first[:, 14:], last
    pooled = np.concatenate([((x**2).mean(axis=(1, 2)) + 1e-4) ** 0.25 for x in parts], axis=1)
    _, variance = extractor.model.get_layer("features").get_weights()
    np.testing.assert_allclose(extractor(images), pooled / np.sqrt(variance + 1e-6), rtol=1e-4)


def test_features_have_spread_one_over_the_images_they_were_scaled_by():
    spread = features.digits_classifier()(data.load_digits()[:1437]).std(axis=0)
    np.testing.assert_allclose(spread, 1, atol=0.01)


def test_colour_extractor_says_how_to_get_its_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    features.cifar10_classifier.cache_clear()
    with pytest.raises(FileNotFoundError, match=r"cifar10_classifier.*make .*SETS=cifar10"):
        features.cifar10_classifier()


def test_colour_extractor_reads_the_weights_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    features.cifar10_classifier.cache_clear()
    model = features.classifier_model((32, 32, 3), 10, (32, 64, 128))
    train_extractors.write_weights(model, features.weights_file("cifar10_classifier"))
    found = features.cifar10_classifier()
    features.cifar10_classifier.cache_clear()
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    assert found(images).shape == (3, 256)
    kernels = model.layers[1].kernel.numpy()
    np.testing.assert_allclose(found.model.layers[1].kernel, kernels, rtol=1e-3, atol=1e-6)


def test_pyramid_counts_differences_and_colours_by_hand():
    """Of one picture with 8×8 pixels and one step of brightness, in the middle."""
    dark, bright = 0, 255  # -1 and 1
    half = np.full((1, 8, 8, 1), dark, np.uint8)
    half[:, :, 4:] = bright
    real = np.concatenate([half, half[:, ::-1].transpose(0, 2, 1, 3)])
    pyramid = features.Pyramid(real)
    rows = pyramid(real) * pyramid._scale + pyramid._mean
    colours, down, across = np.split(rows[0], [16, 20])
    np.testing.assert_allclose(colours, np.tile([-1, -1, 1, 1], 4))
    np.testing.assert_allclose(down, 1e-4**0.25, rtol=1e-4)  # none
    # seven differences, four of them left, and there the last is 2
    np.testing.assert_allclose(across, np.tile([(4 / 4 + 1e-4) ** 0.25, 0.1], 2), rtol=1e-4)
    assert rows.shape == (2, 24)


def test_pyramid_of_few_pictures_tells_spoilt_ones_from_real_ones():
    """What lab 08 relies on: 49 pictures, where a distance of moments is all bias."""
    faces = data.load_emoji(image_size=64).images
    reference, others = faces[::2], faces[1::2]
    pyramid = features.Pyramid(reference)
    row = functools.partial(metrics.kernel_distance, pyramid(reference))
    real, *blurs = (row(pyramid(controls.blurred(others, s))) for s in (1e-3, 0.5, 1, 2))
    grain = np.random.default_rng(0).normal(size=others.shape)
    grains = [
        row(pyramid(np.clip(others + s * grain, 0, 255).astype(np.uint8))) for s in (8, 32, 64)
    ]
    halves = [row(pyramid(x)) for x in controls.strangers(others).values()]
    assert abs(real) < 0.3
    assert np.diff([real, *blurs]).min() > 0.5
    assert np.diff([real, *grains]).min() > 0.2
    assert min(halves) > 1000


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((3, 8, 8, 3), np.float32), "float32"),
        (np.zeros((1, 8, 8, 3), np.uint8), "at least two"),
        (np.zeros((3, 8, 8, 2), np.uint8), "1 or 3"),
        (np.zeros((3, 7, 8, 1), np.uint8), "sides of at least 8"),
    ],
)
def test_pyramid_refuses_what_it_cannot_measure(images, words):
    with pytest.raises(ValueError, match=words):
        features.Pyramid(images)


def test_pyramid_refuses_images_of_another_size():
    pyramid = features.Pyramid(data.load_digits()[:9])
    with pytest.raises(ValueError, match=r"\(n, 8, 8, 1\)"):
        pyramid(np.zeros((3, 16, 16, 1), np.uint8))


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
