"""What stands at the end of a discriminator: functions from its features to its outputs.

A discriminator takes its head as an argument, ``head=heads.auxiliary_classifier``, and calls it as
``head(features, num_classes, initializer)``. ``features`` is the last hidden layer as a
``KerasTensor`` (batch, n), ``num_classes`` the discriminator's own argument, and ``initializer()``
makes initial weights. The head returns ``(labels, outputs)``: the network's second input or None,
and either the logits or a dict of named outputs. Your own head is a function of the same form.
"""

from collections.abc import Callable

from ganlib import _checks
from ganlib._tensorflow import keras
from ganlib.models import layers


def model(
    images: keras.KerasTensor,
    features: keras.KerasTensor,
    head: Callable,
    num_classes: int | None,
    initializer: Callable,
    name: str,
) -> keras.Model:
    """The network from images to what a head makes of their features.

    Args:
        images: ``keras.Input``.
        features: ``KerasTensor`` (batch, n) computed from the images.
        head: one of this module's functions, or one like them.
        num_classes: number of classes, or None.
        initializer: function without arguments that makes an initialiser of kernels.
        name: the network's name.

    Returns:
        A functional ``keras.Model``: images, or a list of images and labels, -> outputs.
    """
    labels, outputs = head(features, num_classes, initializer)
    return keras.Model(images if labels is None else [images, labels], outputs, name=name)


def _logits(features, initializer, units=1, name="logits"):
    return keras.layers.Dense(units, kernel_initializer=initializer(), dtype="float32", name=name)(
        features
    )


def _named(features):
    """The features as an output: float32 where the network computes in float16."""
    return keras.layers.Activation("linear", dtype="float32", name="features")(features)


def _require_classes(num_classes, head):
    if num_classes is None:
        raise ValueError(
            f"received num_classes=None with heads.{head}; expected the number of classes. Pass "
            "it to the discriminator, for instance num_classes=10."
        )
    _checks.positive_integers(num_classes=num_classes)


def projection(
    features: keras.KerasTensor,
    num_classes: int | None = None,
    initializer: Callable = layers.normal,
) -> tuple[keras.KerasTensor | None, keras.KerasTensor]:
    """One logit; with classes, ψ(φ) + v_y·φ for features φ and the vector v_y of the label's class.

    The first part asks whether an image looks real at all, the second whether it looks like its
    label. That sum is the form of the optimal discriminator's logit if the class probabilities are
    log-linear in the features.

    Args:
        features: ``KerasTensor`` (batch, n).
        num_classes: number of classes, or None.
        initializer: function without arguments that makes an initialiser of kernels.

    Returns:
        ``(labels, logits)``: an int32 input (batch,), or None without classes; and float32
        logits (batch, 1).

    Example:
        >>> from ganlib.models import mlp
        >>> [x.shape for x in mlp.discriminator(8, 1, num_classes=10).inputs]
        [(None, 8, 8, 1), (None,)]

    Reference:
        Miyato and Koyama, *cGANs with Projection Discriminator*, ICLR 2018, section 3. Chapter 09.
    """
    if num_classes is None:
        return None, _logits(features, initializer)
    labels = layers.label_input(num_classes)
    logits = _logits(features, initializer, name="unconditional_logits")
    vectors = keras.layers.Embedding(
        num_classes, features.shape[-1], initializer(), name="class_vectors"
    )(labels)
    products = keras.layers.Dot(1, dtype="float32")([features, vectors])
    return labels, keras.layers.Add(dtype="float32", name="logits")([logits, products])


def feature_matching(
    features: keras.KerasTensor,
    num_classes: int | None = None,
    initializer: Callable = layers.normal,
) -> tuple[keras.KerasTensor | None, dict[str, keras.KerasTensor]]:
    """``projection``'s logits and the features, whose means the generator can be made to match.

    Args:
        features: ``KerasTensor`` (batch, n).
        num_classes: number of classes, or None.
        initializer: function without arguments that makes an initialiser of kernels.

    Returns:
        ``(labels, outputs)``: as ``projection``, with outputs "logits" (batch, 1) and "features"
        (batch, n), both float32.

    Example:
        >>> from ganlib.models import heads, mlp
        >>> sorted(mlp.discriminator(None, 2, head=heads.feature_matching).output)
        ['features', 'logits']

    Reference:
        Salimans et al., *Improved Techniques for Training GANs*, NIPS 2016, section 3.1.
        Chapter 15.
    """
    labels, logits = projection(features, num_classes, initializer)
    return labels, {"logits": logits, "features": _named(features)}


def auxiliary_classifier(
    features: keras.KerasTensor, num_classes: int, initializer: Callable = layers.normal
) -> tuple[None, dict[str, keras.KerasTensor]]:
    """A logit, and beside it the logits of a classifier. The network is shown no label.

    Args:
        features: ``KerasTensor`` (batch, n).
        num_classes: number of classes.
        initializer: function without arguments that makes an initialiser of kernels.

    Returns:
        ``(None, outputs)`` with "logits" (batch, 1), "class_logits" (batch, num_classes) and
        "features" (batch, n), all float32.

    Raises:
        ValueError: if ``num_classes`` is None or no positive integer.

    Example:
        >>> from ganlib.models import heads, mlp
        >>> network = mlp.discriminator(8, 1, num_classes=10, head=heads.auxiliary_classifier)
        >>> network.output["class_logits"].shape
        (None, 10)

    Reference:
        Odena, Olah and Shlens, *Conditional Image Synthesis with Auxiliary Classifier GANs*,
        ICML 2017. Chapter 09.
    """
    _require_classes(num_classes, "auxiliary_classifier")
    return None, {
        "logits": _logits(features, initializer),
        "class_logits": _logits(features, initializer, num_classes, "class_logits"),
        "features": _named(features),
    }


def semi_supervised(
    features: keras.KerasTensor, num_classes: int, initializer: Callable = layers.normal
) -> tuple[None, dict[str, keras.KerasTensor]]:
    """A classifier with one class more for generated images, whose logit is held at 0.

    Then the odds of "real" against "generated" are Σ exp(class logits), and their logarithm is the
    adversarial logit: the two outputs are one softmax over K + 1 classes.

    Args:
        features: ``KerasTensor`` (batch, n).
        num_classes: K, the number of classes of real images.
        initializer: function without arguments that makes an initialiser of kernels.

    Returns:
        ``(None, outputs)``, named and shaped as those of ``auxiliary_classifier``.

    Raises:
        ValueError: if ``num_classes`` is None or no positive integer.

    Example:
        >>> from ganlib.models import heads, mlp
        >>> network = mlp.discriminator(8, 1, num_classes=10, head=heads.semi_supervised)
        >>> network.output["logits"].shape
        (None, 1)

    Reference:
        Salimans et al., *Improved Techniques for Training GANs*, NIPS 2016, section 5. Chapter 13.
    """
    _require_classes(num_classes, "semi_supervised")
    class_logits = _logits(features, initializer, num_classes, "class_logits")
    logits = keras.ops.logsumexp(class_logits, axis=-1, keepdims=True)
    return None, {
        "logits": logits,
        "class_logits": class_logits,
        "features": _named(features),
    }
