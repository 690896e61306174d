"""Small classifiers of images: what augmentation is judged by.

`train_classifier` trains one for a fixed number of steps, whatever the number of images, so that
arms of a study with more or fewer images have the same budget. A trained one is a
`features.Classifier`: it gives probabilities, and features for the metrics too.
"""

import itertools
import math

import numpy as np

from ganlib import _checks, data, features
from ganlib._tensorflow import keras, tf
from ganlib.training import Options, Order

_LEARNING_RATE = 2e-3
_NUM_CHECKS = 10  # how often a run looks at its validation part
_SMALLEST_SIDE = 8  # sides are halved until they are no larger


def network(image_shape, num_classes, width=32, dropout=0.4, seed=0):
    """A convolutional classifier, untrained: each convolution halves the side.

    Args:
        image_shape: (height, width, channels).
        num_classes: number of classes.
        width: channels of the first convolution; they double from one to the next.
        dropout: share of the values set to 0 before each dense layer in training, in [0, 1).
        seed: decides the first weights and the dropout.

    Returns:
        A ``keras.Model``: float32 images in [-1, 1] -> (features (n, 4 · width), logits
        (n, num_classes)).

    Example:
        >>> from ganlib import classify
        >>> [o.shape for o in classify.network((28, 28, 1), num_classes=10).outputs]
        [(None, 128), (None, 10)]
    """
    seeds = _seeds(seed)
    images = keras.Input(image_shape)
    x = images
    num_halvings = max(1, math.ceil(math.log2(max(image_shape[:2]) / _SMALLEST_SIDE)))
    for number in range(num_halvings):
        side = 5 if number == 0 else 3
        x = keras.layers.Conv2D(
            width * 2**number,
            side,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=keras.initializers.HeNormal(next(seeds)),
        )(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.95)(x))
    return _headed(images, x, num_classes, width, dropout, seeds)


def with_head(images, outputs, num_classes, *, width=32, dropout=0.4, seed=0):
    """A classifier that ends as `network` does, after layers of your own.

    Args:
        images: the ``keras.Input`` of your layers.
        outputs: what they make of it, a ``KerasTensor``.
        num_classes: number of classes.
        width: a quarter of the length of the feature vector.
        dropout: as in `network`.
        seed: decides the weights of the two new layers and the dropout.

    Returns:
        A ``keras.Model``: images -> (features (n, 4 · width), logits (n, num_classes)).

    Example:
        >>> from ganlib import classify
        >>> from ganlib._tensorflow import keras
        >>> images = keras.Input((8, 8, 1))
        >>> [o.shape for o in classify.with_head(images, images, num_classes=10).outputs]
        [(None, 128), (None, 10)]
    """
    return _headed(images, outputs, num_classes, width, dropout, _seeds(seed))


def from_discriminator(
    discriminator, num_classes, seed, *, frozen=False, num_layers=1, dropout=0.4
):
    """A classifier that begins with a discriminator's layers.

    Args:
        discriminator: ``keras.Model`` whose hidden layers end in a LeakyReLU; it is copied.
        num_classes: number of classes.
        seed: decides the new weights and the dropout.
        frozen: whether only the new layers learn.
        num_layers: how many of the last hidden layers the new ones see, side by side.
        dropout: as in `network`.

    Returns:
        A ``keras.Model``: float32 images in [-1, 1] -> (features (n, 128), logits).

    Example:
        >>> from ganlib import classify
        >>> from ganlib.models import heads, mlp
        >>> discriminator = mlp.discriminator(8, 1, head=heads.feature_matching)
        >>> [o.shape for o in classify.from_discriminator(discriminator, 10, seed=0).outputs]
        [(None, 128), (None, 10)]

    Reference:
        Radford, Metz and Chintala, ICLR 2016, section 5.1: the layers of a discriminator, frozen
        and side by side, under a linear classifier. Chapter 12_study.
    """
    hidden = [layer for layer in discriminator.layers if isinstance(layer, keras.layers.LeakyReLU)]
    outputs = [keras.layers.Flatten()(layer.output) for layer in hidden[-num_layers:]]
    outputs = outputs[0] if len(outputs) == 1 else keras.layers.Concatenate()(outputs)
    trunk = keras.Model(discriminator.inputs[0], outputs)
    copy = keras.models.clone_model(trunk)
    copy.set_weights(trunk.get_weights())
    copy.trainable = not frozen
    images = keras.Input(trunk.input_shape[1:])
    return with_head(images, copy(images), num_classes, seed=seed, dropout=dropout)


def train_classifier(
    images, num_steps=2000, seed=0, *, augment=None, validation=0.1, batch_size=64, width=32
):
    """Train a small classifier for a fixed number of steps.

    It is trained by Adam with a rate that falls to 0. Ten times in a run its loss is taken on the
    validation part, and the weights that were best come back: an early stop that spends the same
    budget. All that is random follows from the seed: on one machine, equal calls give equal
    weights.

    Args:
        images: labelled `data.Images`.
        num_steps: number of steps.
        seed: decides the first weights, the batches, the dropout, the augmentation and the
            validation part.
        augment: an `augment.Classical`, or a function like it: (images in [-1, 1], one-hot labels,
            seed) -> both augmented; or None.
        validation: labelled `data.Images`; or the share of `images` that is held out for it, class
            by class; 0 to train on all and keep the last weights.
        batch_size: images of a step.
        width: channels of the first convolution.

    Returns:
        A `features.Classifier`.

    Raises:
        ValueError: if the images have no labels or too few for their validation part, or there are
            no steps.

    Example:
        >>> from ganlib import classify, data
        >>> digits = data.load_digits()
        >>> classifier = classify.train_classifier(digits[:1000], num_steps=80, width=16)
        >>> classify.accuracy(classifier, digits[1000:]) > 0.5
        True

    Reference:
        Chapter 12_study.
    """
    images, validation = _parts(images, validation, seed)
    model = network(images.images.shape[1:], images.num_classes, width, seed=seed)
    return fit(
        model,
        images,
        num_steps,
        seed,
        augment=augment,
        validation=validation,
        batch_size=batch_size,
    )


def fit(model, images, num_steps=2000, seed=0, *, augment=None, validation=None, batch_size=64):
    """Train a network of your own just as `train_classifier` trains its own.

    It is for a network that does not begin from nothing, such as a discriminator with a new last
    layer.

    Args:
        model: ``keras.Model``, float32 images in [-1, 1] -> (features, logits); its weights change.
        images: labelled `data.Images`.
        num_steps: as in `train_classifier`, like all that follows.
        seed: decides the batches and the augmentation.
        augment: an `augment.Classical`, or a function like it, or None.
        validation: labelled `data.Images`, or None to keep the last weights.
        batch_size: images of a step.

    Returns:
        A `features.Classifier`.

    Raises:
        ValueError: if the images have no labels, or there are no steps.

    Example:
        >>> from ganlib import classify, data
        >>> digits = data.load_digits()
        >>> model = classify.network((8, 8, 1), num_classes=10, width=16)
        >>> classifier = classify.fit(model, digits[:1000], num_steps=80)
        >>> classify.accuracy(classifier, digits[1000:]) > 0.5
        True

    Reference:
        Chapter 12_study.
    """
    _checks.positive_integers(num_steps=num_steps)
    _checks.labelled(images, "to learn from")
    rate = keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, num_steps)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(model.trainable_variables)
    order = Order(len(images), Options(batch_size=batch_size, seed=seed))
    pixels = tf.constant(images.images)
    labels = tf.one_hot(images.labels, images.num_classes)

    def step(indices, number):
        batch = data.to_model_range(tf.gather(pixels, indices))
        targets = tf.gather(labels, indices)
        if augment is not None:
            batch, targets = augment(batch, targets, tf.stack([tf.cast(seed, tf.int64), number]))
        with tf.GradientTape() as tape:
            _, logits = model(batch, training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    @tf.function(autograph=False, reduce_retracing=True)
    def run(indices, first):
        def body(i):
            step(indices[i], first + tf.cast(i, tf.int64))
            return i + 1

        tf.while_loop(lambda i: i < tf.shape(indices)[0], body, [0])

    classifier = features.Classifier("classifier", model)
    best, best_weights = math.inf, None
    ends = np.unique(np.linspace(0, num_steps, _NUM_CHECKS + 1).astype(int))
    for start, end in itertools.pairwise(ends):
        run(order.indices(start, end)[:, 0], tf.constant(start, tf.int64))
        loss = _cross_entropy(classifier, validation) if validation else -math.inf
        if loss < best or not validation:
            best, best_weights = loss, model.get_weights()
    model.set_weights(best_weights)
    return classifier


def accuracy(classifier, images):
    """Share of images whose most probable class is their label.

    Args:
        classifier: a `features.Classifier`.
        images: labelled `data.Images`.

    Returns:
        A float in [0, 1].

    Example:
        >>> from ganlib import classify, data, features
        >>> classify.accuracy(features.digits_classifier(), data.load_digits()[1437:]) > 0.9
        True
    """
    return float(np.mean(_predictions(classifier, images) == images.labels))


def class_accuracies(classifier, images):
    """Accuracy of each class by itself.

    Args:
        classifier: a `features.Classifier`.
        images: labelled `data.Images`.

    Returns:
        float64 array (num_classes,); NaN for a class without images.

    Example:
        >>> from ganlib import classify, data, features
        >>> digits = data.load_digits()[1437:]
        >>> classify.class_accuracies(features.digits_classifier(), digits).shape
        (10,)
    """
    right = _predictions(classifier, images) == images.labels
    counts = np.bincount(images.labels, minlength=images.num_classes)
    hits = np.bincount(images.labels, weights=right, minlength=images.num_classes)
    return np.where(counts, hits / np.maximum(counts, 1), np.nan)


def classification_accuracy_score(generated, test, num_steps=2000, seed=0, **settings):
    """Accuracy on real images of a classifier that has seen generated ones alone.

    It asks of a conditional generator all that a classifier needs. Read it beside the score of as
    many real training images, which is the best that generated ones could be hoped to do.

    Args:
        generated: labelled `data.Images`, such as ``augment.with_synthetic`` gives without the
            real ones.
        test: labelled `data.Images`, real.
        num_steps: number of training steps.
        seed: as in `train_classifier`.
        **settings: further arguments of `train_classifier`. The default validation part is of
            generated images too: the score sees no real image before the end.

    Returns:
        The accuracy, a float in [0, 1].

    Example:
        >>> from ganlib import classify, data
        >>> digits = data.load_digits()
        >>> score = classify.classification_accuracy_score(
        ...     digits[:1000], digits[1000:], num_steps=80, width=16
        ... )
        >>> 0.5 < score <= 1
        True

    Reference:
        Ravuri and Vinyals, *Classification Accuracy Score for Conditional Generative Models*,
        NeurIPS 2019. Chapter 09_conditional.
    """
    return accuracy(train_classifier(generated, num_steps, seed, **settings), test)


def _seeds(seed):
    return iter(np.random.SeedSequence(seed).generate_state(32).tolist())


def _headed(images, outputs, num_classes, width, dropout, seeds):
    x = keras.layers.Dropout(dropout, seed=next(seeds))(keras.layers.Flatten()(outputs))
    vector = keras.layers.Dense(
        4 * width, activation="relu", kernel_initializer=keras.initializers.HeNormal(next(seeds))
    )(x)
    x = keras.layers.Dropout(dropout, seed=next(seeds))(vector)
    logits = keras.layers.Dense(
        num_classes, kernel_initializer=keras.initializers.HeNormal(next(seeds))
    )(x)
    return keras.Model(images, [vector, logits])


def _predictions(classifier, images):
    _checks.labelled(images, "to compare with")
    return classifier.probabilities(images.images).argmax(axis=1)


def _cross_entropy(classifier, images):
    probabilities = classifier.probabilities(images.images)
    right = probabilities[np.arange(len(images)), images.labels]
    return -float(np.mean(np.log(np.maximum(right, 1e-12))))


def _parts(images, validation, seed):
    """The images to train on, and those to validate with or None."""
    _checks.labelled(images, "to learn from")
    if isinstance(validation, data.Images) or not validation:
        return images, validation or None
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(images), bool)
    for label in range(images.num_classes):
        (own,) = np.nonzero(images.labels == label)
        held_out[rng.permutation(own)[: round(validation * len(own))]] = True
    if not held_out.any() or held_out.all():
        raise ValueError(
            f"received validation={validation} of {len(images)} images, which leaves "
            f"{int(held_out.sum())} to validate with and {int((~held_out).sum())} to train on; "
            "expected some of both. Pass more images, another share, or validation=0."
        )
    return images[~held_out], images[held_out]
