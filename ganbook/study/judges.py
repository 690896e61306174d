"""The extractors by which the study of chapter 12 took its distances, kept as they were.

They are the hidden layers of the classifiers in `ganlib.features`. Three quarters of their entries
are 0 for every garment, and chapter 06 shows what they let pass. The study is finished, and its
distances are by these. Whatever is new is measured by `ganlib.features`.
"""

import functools
import pathlib

import numpy as np

from ganlib import features
from ganlib._tensorflow import float32, keras

NAMES = "fashion_classifier", "digits_classifier"
"""Functions of this module that bear the name of one in `ganlib.features`."""

_WEIGHTS = pathlib.Path(__file__).parent / "weights"


@functools.cache
def fashion_classifier() -> features.Classifier:
    """The hidden layer of the classifier of garments: 28×28 grey images to 128 features.

    Returns:
        A `features.Classifier`, of which most features are always 0.
    """
    return _hidden_layer("fashion_penultimate", (28, 28, 1))


@functools.cache
def digits_classifier() -> features.Classifier:
    """The hidden layer of the classifier of digits: 8×8 grey images to 128 features.

    Returns:
        A `features.Classifier`.
    """
    return _hidden_layer("digits_penultimate", (8, 8, 1))


def _hidden_layer(name, image_shape):
    with float32():
        model = _model(image_shape)
    with np.load(_WEIGHTS / f"{name}.npz", allow_pickle=False) as archive:
        model.set_weights([archive[key].astype(np.float32) for key in sorted(archive.files)])
    return features.Classifier(name, model)


def _model(image_shape):
    images = keras.Input(image_shape)
    x = images
    for width in (32, 64):
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        x = keras.layers.MaxPooling2D(padding="same")(x)
    hidden = keras.layers.Dense(128, activation="relu")(keras.layers.Flatten()(x))
    return keras.Model(images, [hidden, keras.layers.Dense(10)(hidden)])
