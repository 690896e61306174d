"""Feature extractors: images to vectors, for the metrics.

A distance between sets of images is only as good as the features that it is taken in, so every
published number names its extractor. Three of those here are small classifiers trained on the very
data sets of the labs. The weights of two come with the package; those for CIFAR-10 are trained on
your machine. ``tools/train_extractors.py`` makes them all (``make extractors``), and measures what
the features see. `inception`, for colour images of any kind, is Keras's, whose weights Keras
downloads.
"""

import functools
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ganlib import data
from ganlib._tensorflow import float32, keras, tf
from ganlib.models import inference

_CIFAR10 = "cifar10_classifier"
_WEIGHTS = pathlib.Path(__file__).parent / "weights"
_SMALLEST_SQUARE = 1e-4  # a root has no gradient at 0
_PYRAMID_TOP = 8  # pixels; a smaller side is not halved again
# red, green, blue -> brightness, red against green, both against blue
_OPPONENT = np.array([[2, 3, 1.5], [2, -3, 1.5], [2, 0, -3]], np.float32) / 6
_INCEPTION_BATCH_SIZE = 32
_INCEPTION_SIDE = 299
_INCEPTION_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"
_INCEPTION_URL = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"


class Classifier:
    """A classifier, and features of its hidden layers.

    Attributes:
        name: what a published figure calls it.
        model: the ``keras.Model`` below, which can be saved.
        image_shape: (height, width, channels) of the images that it takes; None is any number.

    Args:
        name: see above.
        model: ``keras.Model``, float32 images in [-1, 1] -> (features (n, d), logits (n, classes)).
        batch_size: how many images go through the network at once.
    """

    def __init__(
        self, name: str, model: keras.Model, batch_size: int = inference.BATCH_SIZE
    ) -> None:
        self.name, self.model = name, model
        self.image_shape = tuple(model.input_shape[1:])
        self._batch_size = batch_size
        self._run = tf.function(
            lambda images: tf.nest.map_structure(
                lambda output: tf.cast(output, tf.float32),  # of a model in half precision, too
                model(data.to_model_range(images), training=False),
            ),
            autograph=False,
            reduce_retracing=True,
        )

    def __call__(self, images: ArrayLike) -> np.ndarray:
        """Features of images.

        Args:
            images: uint8 array (n, height, width, channels), or `data.Images`.

        Returns:
            float32 array (n, d).

        Raises:
            ValueError: if the images have another dtype or shape.
        """
        return self._outputs(images)[0]

    def probabilities(self, images: ArrayLike) -> np.ndarray:
        """Class probabilities of images.

        Args:
            images: uint8 array (n, height, width, channels), or `data.Images`.

        Returns:
            float32 array (n, num_classes); each row sums to 1.

        Raises:
            ValueError: if the images have another dtype or shape.
        """
        return tf.nn.softmax(self._outputs(images)[1]).numpy()

    def _outputs(self, images):
        images = np.asarray(getattr(images, "images", images))
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


class Pyramid:
    """An extractor for pictures of one's own, for which no network has been trained.

    Each image is halved again and again. At each size it counts how strongly neighbouring pixels
    differ, across and down, in each quarter of the picture and for brightness and two contrasts of
    colour; and once it counts the mean colours of 4 × 4 parts. Each of these numbers is centred and
    divided by its standard deviation over some real images. There are few of them, so that some
    dozens of pictures are enough to compare: by `metrics.kernel_distance`, which few pictures do
    not make larger in the mean.

    It sees sharpness, grain, colours and places. It does not know what a picture shows.

    Attributes:
        name: what a published figure calls it.

    Args:
        images: real images, uint8 (n, height, width, channels), or `data.Images`: at least two,
            with 1 or 3 channels and sides of at least 8.

    Example:
        >>> from ganlib import data, features, metrics
        >>> faces = data.load_emoji(image_size=32).images
        >>> pyramid = features.Pyramid(faces[::2])
        >>> round(metrics.kernel_distance(pyramid(faces[::2]), pyramid(faces[1::2]))) == 0
        True

    Reference:
        Burt and Adelson, *The Laplacian Pyramid as a Compact Image Code*, IEEE Transactions on
        Communications 1983. Chapter 08_own_images.
    """

    name = "pyramid"

    def __init__(self, images: ArrayLike) -> None:
        pixels = np.asarray(getattr(images, "images", images))
        self._image_shape = pixels.shape[1:]
        is_colour = pixels.ndim == 4 and pixels.shape[3] in (1, 3)
        if pixels.dtype != np.uint8 or not is_colour or min(pixels.shape[:3]) < 2:
            raise ValueError(
                f"received images of type {pixels.dtype} and shape {pixels.shape}; expected at "
                "least two, uint8 of shape (n, height, width, 1 or 3). Convert a generator's "
                "output with data.to_uint8."
            )
        if min(pixels.shape[1:3]) < _PYRAMID_TOP:
            raise ValueError(
                f"received images of {pixels.shape[1]}×{pixels.shape[2]} pixels; expected sides of "
                f"at least {_PYRAMID_TOP}. Give larger images."
            )
        rows = _pyramid(pixels)
        # A feature that hardly varies among the real images must not outweigh all others.
        self._mean, self._scale = rows.mean(axis=0), rows.std(axis=0) + 1e-3

    def __call__(self, images: ArrayLike) -> np.ndarray:
        """Features of images.

        Args:
            images: uint8 array (n, height, width, channels), or `data.Images`, of the same size as
                the real ones.

        Returns:
            float32 array (n, d).

        Raises:
            ValueError: if the images have another dtype or shape.
        """
        pixels = np.asarray(getattr(images, "images", images))
        if pixels.dtype != np.uint8 or pixels.shape[1:] != self._image_shape or len(pixels) == 0:
            shape = ", ".join(map(str, self._image_shape))
            raise ValueError(
                f"received images of type {pixels.dtype} and shape {pixels.shape}; expected uint8 "
                f"of shape (n, {shape}) with n at least 1, as the real ones have. Convert a "
                "generator's output with data.to_uint8."
            )
        return (_pyramid(pixels) - self._mean) / self._scale


def _pyramid(pixels):
    """uint8 (n, height, width, channels) -> float32 (n, d)."""
    x = pixels.astype(np.float32) / 127.5 - 1
    if x.shape[3] == 3:
        x = x @ _OPPONENT
    found = [_means(x, 4)]
    while min(x.shape[1:3]) >= _PYRAMID_TOP:
        for axis in (1, 2):
            strength = _means(np.diff(x, axis=axis) ** 2, 2)
            # a root of the root mean square: one strong edge must not count for a hundred weak ones
            found.append((strength + _SMALLEST_SQUARE) ** 0.25)
        height, width = (side // 2 for side in x.shape[1:3])
        blocks = x[:, : 2 * height, : 2 * width].reshape(len(x), height, 2, width, 2, -1)
        x = blocks.mean(axis=(2, 4))
    return np.concatenate(found, axis=1)


def _means(x, number):
    """Means over number × number parts: (n, height, width, channels) -> (n, number² · channels)."""
    rows, columns = (np.array_split(np.arange(side), number) for side in x.shape[1:3])
    return np.concatenate([x[:, r][:, :, c].mean(axis=(1, 2)) for r in rows for c in columns], 1)


def classifier_model(
    image_shape: Sequence[int],
    num_classes: int,
    widths: Sequence[int] = (32, 64),
    num_hidden: int = 128,
    num_bands: int = 2,
) -> keras.Model:
    """The network of the extractors, untrained. It is float32, whatever Keras's global policy is.

    The classes are told from a dense hidden layer. The features are taken from the last two
    convolutions instead: of each channel, the square root of its root mean square over places,
    divided by its standard deviation over real images. The root keeps an unusual image from lying
    so far out that all is near it. A hidden layer that has learned to tell classes apart
    forgets what makes an image look real; these channels still see it. Of the last but one the
    upper and the lower part count apart, so that the features know where things are.

    Args:
        image_shape: (height, width, channels).
        num_classes: number of classes.
        widths: channels of the convolutions, at least two; after each the side is halved.
        num_hidden: length of the dense hidden layer.
        num_bands: into how many bands, one above the other, the last convolution but one is cut.

    Returns:
        A ``keras.Model``: float32 images in [-1, 1] -> (features, logits). Features are above 0.
        There are ``num_bands * widths[-2] + widths[-1]`` of them.

    Example:
        >>> from ganlib import features
        >>> [o.shape for o in features.classifier_model((8, 8, 1), num_classes=10).outputs]
        [(None, 128), (None, 10)]

    Reference:
        Chapter 06_measuring shows what the hidden layer lets pass, and the controls that these
        features were chosen by.
    """
    with float32():
        return _classifier_layers(image_shape, num_classes, widths, num_hidden, num_bands)


def _classifier_layers(image_shape, num_classes, widths, num_hidden, num_bands):
    images = keras.Input(image_shape)
    x, maps = images, []
    for width in widths:
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        maps.append(x)
        x = keras.layers.MaxPooling2D(padding="same")(x)
    x = keras.layers.Dropout(0.25)(keras.layers.Flatten()(x))
    hidden = keras.layers.Dense(num_hidden, activation="relu", name="hidden")(x)
    logits = keras.layers.Dense(num_classes, name="logits")(keras.layers.Dropout(0.4)(hidden))
    pooled = [_strength(maps[-2], num_bands), _strength(maps[-1], 1)]
    # It divides and does not centre: its moving mean stays 0, and the features stay above 0.
    scale = keras.layers.BatchNormalization(
        epsilon=1e-6, center=False, scale=False, trainable=False, name="features"
    )
    return keras.Model(images, [scale(keras.layers.Concatenate()(pooled)), logits])


def _strength(maps, num_bands):
    """(n, height, width, channels) -> (n, num_bands * channels)."""
    height, width = maps.shape[1:3]
    squares = keras.layers.AveragePooling2D((height // num_bands, width))(maps * maps)
    return (keras.layers.Flatten()(squares) + _SMALLEST_SQUARE) ** 0.25


def weights_file(name: str) -> pathlib.Path:
    """Where the weights of an extractor lie.

    Args:
        name: such as "fashion_classifier".

    Returns:
        A path in the package. That of "cifar10_classifier" is in the folder ``ganlib`` of
        `$XDG_CACHE_HOME` or `~/.cache`, and it may not exist yet.

    Example:
        >>> from ganlib import features
        >>> features.weights_file("digits_classifier").exists()
        True
    """
    folder = _WEIGHTS
    if name == _CIFAR10:
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
        folder = cache.expanduser() / "ganlib"
    return folder / f"{name}.npz"


def _shipped(name, image_shape, widths=(32, 64), num_bands=2):
    model = classifier_model(image_shape, 10, widths, num_bands=num_bands)
    with np.load(weights_file(name), allow_pickle=False) as archive:
        # stored as float16, which halves the files and moves no prediction that matters
        model.set_weights([archive[key].astype(np.float32) for key in sorted(archive.files)])
    return Classifier(name, model)


@functools.cache
def fashion_classifier() -> Classifier:
    """The extractor for Fashion-MNIST: 28×28 grey images to 128 features.

    Trained on the first 50,000 training images; ``book/data/extractors.json`` holds its accuracy,
    and what its features see.

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
def digits_classifier() -> Classifier:
    """The extractor for scikit-learn's digits: 8×8 grey images to 96 features.

    Trained on the first 1,437 of the 1,797 images; ``book/data/extractors.json`` holds its accuracy
    on the others, and what its features see.

    Returns:
        A ``Classifier``; classes are the digits 0 to 9.

    Example:
        >>> import numpy as np
        >>> from ganlib import features
        >>> features.digits_classifier().probabilities(np.zeros([2, 8, 8, 1], np.uint8)).shape
        (2, 10)
    """
    return _shipped("digits_classifier", (8, 8, 1), num_bands=1)


@functools.cache
def cifar10_classifier() -> Classifier:
    """The extractor for CIFAR-10: 32×32 colour photographs to 256 features.

    Its weights do not come with the package, as the photographs have no licence. They are trained
    on your machine, once, on the first 40,000 training images.

    Returns:
        A ``Classifier``; classes in the data set's order.

    Raises:
        FileNotFoundError: if the weights have not been trained on this machine.

    Example:
        >>> from ganlib import data, features
        >>> extractor = features.cifar10_classifier()  # doctest: +SKIP
        >>> extractor(data.load_cifar10("test")).shape  # doctest: +SKIP
        (10000, 256)
    """
    path = weights_file(_CIFAR10)
    if not path.is_file():
        raise FileNotFoundError(
            f"received no file {path}; expected the weights of {_CIFAR10}, which are trained on "
            "each machine. In a clone of the book, run: make data extractors SETS=cifar10"
        )
    return _shipped(_CIFAR10, (32, 32, 3), widths=(32, 64, 128))


@functools.cache
def inception(weights: str | None = "imagenet") -> Classifier:
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
    with float32():
        return _inception(weights)


def _inception(weights):
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
