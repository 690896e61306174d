"""Feature extractors: images to vectors, for the metrics.

A distance between sets of images is only as good as the features that it is taken in, so every
published number names its extractor. Two of those here are small classifiers trained on the very
data sets of the labs, and their weights come with the package. ``tools/train_extractors.py`` makes
the weights again (``make extractors``). The third, for colour images of any kind, is Keras's
Inception, whose weights Keras downloads.
"""

import functools
import pathlib

import numpy as np

from ganlib import data
from ganlib._tensorflow import keras, tf
from ganlib.models import inference

_WEIGHTS = pathlib.Path(__file__).parent / "weights"
_INCEPTION_BATCH_SIZE = 32
_INCEPTION_SIDE = 299
_INCEPTION_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"
_INCEPTION_URL = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"


class Classifier:
    """A classifier whose last hidden layer serves as features.

    Attributes:
        name: what a published figure calls it.
        model: the ``keras.Model`` below, which can be saved.
        image_shape: (height, width, channels) of the images that it takes; None is any number.

    Args:
        name: see above.
        model: ``keras.Model``, float32 images in [-1, 1] -> (features (n, d), logits (n, classes)).
        batch_size: how many images go through the network at once.
    """

    def __init__(self, name, model, batch_size=inference.BATCH_SIZE):
        self.name, self.model = name, model
        self.image_shape = tuple(model.input_shape[1:])
        self._batch_size = batch_size
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
        fits = images.ndim == 4 and all(
            expected in (None, side)
            for expected, side in zip(self.image_shape, images.shape[1:], strict=True)
        )
        if images.dtype != np.uint8 or not fits or len(images) == 0:
            shape = ", ".join("any" if side is None else str(side) for side in self.image_shape)
            raise ValueError(
                f"received images of type {images.dtype} and shape {images.shape}; expected uint8 "
                f"of shape (n, {shape}) with n at least 1 for {self.name}. Convert a generator's "
                "output with data.to_uint8."
            )
        return inference.in_batches(
            lambda batch: self._run(tf.constant(batch)), images, batch_size=self._batch_size
        )


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


@functools.cache
def inception(weights="imagenet"):
    """Keras's InceptionV3, trained on ImageNet: images of any size to 2,048 features.

    This is **not** the network of published FIDs, which is an Inception of 2015 with other weights,
    other pooling and 1,008 outputs. Values taken here compare with each other and never with a
    table in a paper: name them ``frechet_10k (inception_v3_keras)``, not FID.

    Images are resized to 299×299 by the bicubic filter with antialiasing, in floats, and not
    clipped afterwards. Grey images have their channel repeated.

    Args:
        weights: "imagenet", which Keras downloads once (92 MB) into its cache; None for random
            ones, to try things out; or the path of a weights file.

    Returns:
        A ``Classifier``; its probabilities are of ImageNet's 1,000 classes.

    Raises:
        FileNotFoundError: if the weights are not there and could not be downloaded.

    Example:
        >>> from ganlib import features
        >>> extractor = features.inception()  # doctest: +SKIP
        >>> extractor(images).shape  # doctest: +SKIP
        (10000, 2048)

    Reference:
        Szegedy et al., *Rethinking the Inception Architecture for Computer Vision*, CVPR 2016; the
        filter: Parmar, Zhang and Zhu, *On Aliased Resizing and Surprising Subtleties in GAN
        Evaluation*, CVPR 2022.
    """
    try:
        base = keras.applications.InceptionV3(weights=weights, classifier_activation=None)
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise FileNotFoundError(
            f"the weights of InceptionV3 could not be had ({error}). On a machine with a network, "
            f"download {_INCEPTION_URL}{_INCEPTION_FILE}, and put the file into the folder models "
            "of Keras's cache (~/.keras, or what KERAS_HOME names). Without them, use an extractor "
            "that is trained on your own kind of images."
        ) from error
    images = keras.Input((None, None, None))
    resized = keras.layers.Lambda(_for_inception, output_shape=base.input_shape[1:])(images)
    trunk = keras.Model(base.input, [base.get_layer("avg_pool").output, base.output])
    model = keras.Model(images, trunk(resized))
    return Classifier("inception_v3_keras", model, _INCEPTION_BATCH_SIZE)


def _for_inception(images):
    """Float images (n, height, width, 1 or 3) -> (n, 299, 299, 3)."""
    side = _INCEPTION_SIDE
    images = tf.image.resize(images, [side, side], "bicubic", antialias=True)
    return tf.broadcast_to(images, [tf.shape(images)[0], side, side, 3])
