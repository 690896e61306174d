"""Feature extractors: images to vectors, for the metrics.

A distance between sets of images is only as good as the features that it is taken in, so every
published number names its extractor. The two here are small classifiers trained on the very data
sets of the labs, and their weights come with the package. ``tools/train_extractors.py`` makes the
weights again (``make extractors``).
"""

import functools
import pathlib

import numpy as np

from ganlib import data
from ganlib._tensorflow import keras, tf

_WEIGHTS = pathlib.Path(__file__).parent / "weights"
_BATCH_SIZE = 500


class Classifier:
    """A classifier whose last hidden layer serves as features.

    Attributes:
        name: what a published figure calls it.
        image_shape: (height, width, channels) of the images that it takes.

    Args:
        name: see above.
        model: ``keras.Model``, float32 images in [-1, 1] -> (features (n, d), logits (n, classes)).
    """

    def __init__(self, name, model):
        self.name, self.image_shape = name, tuple(model.input_shape[1:])
        self._run = tf.function(
            lambda images: model(data.to_model_range(images), training=False),
            autograph=False,
            reduce_retracing=True,
        )

    def __call__(self, images):
        """Features of images.

        Args:
            images: uint8 array (n, height, width, channels).

        Returns:
            float32 array (n, d).

        Raises:
            ValueError: if the images have another dtype or shape.
        """
        return self._outputs(images)[0]

    def probabilities(self, images):
        """Class probabilities of images.

        Args:
            images: uint8 array (n, height, width, channels).

        Returns:
            float32 array (n, num_classes); each row sums to 1.

        Raises:
            ValueError: if the images have another dtype or shape.
        """
        return tf.nn.softmax(self._outputs(images)[1]).numpy()

    def _outputs(self, images):
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.shape[1:] != self.image_shape or len(images) == 0:
            shape = ", ".join(map(str, self.image_shape))
            raise ValueError(
                f"{self.name} takes uint8 images of shape (n, {shape}) with n at least 1, but "
                f"received {images.dtype} of shape {images.shape}. Convert a generator's output "
                f"with data.to_uint8."
            )
        batches = [
            self._run(tf.constant(images[i : i + _BATCH_SIZE]))
            for i in range(0, len(images), _BATCH_SIZE)
        ]
        return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def classifier_model(image_shape, num_classes, widths=(32, 64), num_features=128):
    """The network of the extractors, untrained.

    Args:
        image_shape: (height, width, channels).
        num_classes: number of classes.
        widths: channels of the convolutions; between two of them the side is halved.
        num_features: length of the feature vector.

    Returns:
        A ``keras.Model``: float32 images in [-1, 1] -> (features, logits). Features are at least
        0, as they come out of a ReLU.

    Example:
        >>> from ganlib import features
        >>> [o.shape for o in features.classifier_model((8, 8, 1), num_classes=10).outputs]
        [(None, 128), (None, 10)]
    """
    images = keras.Input(image_shape)
    x = images
    for width in widths:
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        x = keras.layers.MaxPooling2D(padding="same")(x)
    x = keras.layers.Dropout(0.25)(keras.layers.Flatten()(x))
    vector = keras.layers.Dense(num_features, activation="relu", name="features")(x)
    logits = keras.layers.Dense(num_classes, name="logits")(keras.layers.Dropout(0.4)(vector))
    return keras.Model(images, [vector, logits])


def _shipped(name, image_shape):
    model = classifier_model(image_shape, num_classes=10)
    with np.load(_WEIGHTS / f"{name}.npz", allow_pickle=False) as archive:
        # stored as float16, which halves the files and moves no prediction that matters
        model.set_weights([archive[key].astype(np.float32) for key in sorted(archive.files)])
    return Classifier(name, model)


@functools.cache
def fashion_classifier():
    """The extractor for Fashion-MNIST: 28×28 grey images to 128 features.

    Trained on the first 50,000 training images; ``book/data/extractors.json`` holds its accuracy.

    Returns:
        A ``Classifier``; classes in the data set's order.

    Example:
        >>> import numpy as np
        >>> from ganlib import features
        >>> features.fashion_classifier()(np.zeros([2, 28, 28, 1], np.uint8)).shape
        (2, 128)
    """
    return _shipped("fashion_classifier", (28, 28, 1))


@functools.cache
def digits_classifier():
    """The extractor for scikit-learn's digits: 8×8 grey images to 128 features.

    Trained on the first 1,437 of the 1,797 images; ``book/data/extractors.json`` holds its accuracy
    on the others.

    Returns:
        A ``Classifier``; classes are the digits 0 to 9.

    Example:
        >>> import numpy as np
        >>> from ganlib import features
        >>> features.digits_classifier().probabilities(np.zeros([2, 8, 8, 1], np.uint8)).shape
        (2, 10)
    """
    return _shipped("digits_classifier", (8, 8, 1))
