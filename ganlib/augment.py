"""Augmentation: of what a discriminator sees, of what a classifier learns from, and by a generator.

For the discriminator the protocol is ``augment(images, seed, probability=1.0) -> images``. The same
object goes over real and over generated images, and its gradient reaches the generator: with the
real ones alone augmented, the generator would learn to make augmented images. `DiffAugment` always
augments, `ADA` learns how often. For a classifier there is `Classical`, which moves labels too;
`with_synthetic` adds a generator's images to a training set.
"""

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ganlib import _checks, data
from ganlib._tensorflow import draws, keras, tf
from ganlib.models import inference

_MAX_PROBABILITY = 0.999  # of ADA: at 1 no image is ever seen as it is


def _require_shares(policy, *names):
    _checks.take_plain(policy)
    for name in names:
        _checks.number(name, getattr(policy, name), at_least=0, at_most=1)


@dataclasses.dataclass(frozen=True)
class DiffAugment:
    """Differentiable augmentation: flips and turns if wanted, colour, translation, cutout.

    Each has draws of its own for each image; the order does not matter but for the cutout, which
    comes last, and the border of a translation, which takes no colour. At probability 0 the images
    come back unchanged.

    A brightness shift is uniform on ±`brightness`. Saturation multiplies what lies between a pixel
    and its own grey (the mean of its channels), contrast what lies between a pixel and the image's
    mean, by a factor uniform on 1 ± the strength. Nothing is clipped, as that would cut the
    gradient: images in [-1, 1] leave the default colours within [-2.5, 2.5] if grey, and within
    [-4.5, 4.5] if RGB.

    Args:
        brightness: largest shift; as all strengths, in [0, 1], and 0 leaves it out.
        saturation: largest change of the factor; grey images have no saturation.
        contrast: largest change of the factor.
        translation: largest shift as a share of the side, in whole pixels. What comes in at the
            border is 0, mid-grey.
        cutout: side of a square set to 0, as a share of the image's side. Its centre is uniform
            over the image, so a part of it may lie outside.
        flip: whether half of the images are mirrored, left to right.
        rotate: whether images are turned by 0, 90, 180 or 270 degrees; for square images.

    Raises:
        ValueError: if a strength is not in [0, 1], or a flag neither True nor False.

    Example:
        >>> import tensorflow as tf
        >>> from ganlib import augment
        >>> images = tf.ones([2, 4, 4, 1])
        >>> shifted = augment.DiffAugment(brightness=0.5, contrast=0, translation=0, cutout=0)
        >>> images = shifted(images, seed=(0, 7))
        >>> bool(tf.reduce_all(abs(images - 1) <= 0.5)), bool(images[0, 0, 0, 0] == 1)
        (True, False)

    Reference:
        Zhao et al., *Differentiable Augmentation for Data-Efficient GAN Training*, NeurIPS 2020.
        Flips and turns: Karras et al., *Training Generative Adversarial Networks with Limited
        Data*, NeurIPS 2020, app. B. Chapter 13_little_data.
    """

    brightness: float = 0.5
    saturation: float = 1.0
    contrast: float = 0.5
    translation: float = 0.125
    cutout: float = 0.5
    flip: bool = False
    rotate: bool = False

    def __post_init__(self) -> None:
        """Check the strengths."""
        _require_shares(self, "brightness", "saturation", "contrast", "translation", "cutout")
        _checks.flags(flip=self.flip, rotate=self.rotate)

    def __call__(
        self,
        images: tf.Tensor,
        seed: Sequence[int] | tf.Tensor,
        probability: float | tf.Tensor = 1.0,
    ) -> tf.Tensor:
        """Augment a batch.

        Args:
            images: float tensor (n, height, width, channels) in [-1, 1].
            seed: two integers (list, tuple or int tensor of shape (2,)) that decide all draws.
            probability: float or scalar tensor in [0, 1]: how likely it is for each of the
                transformations, and each image, that the one is applied to the other.

        Returns:
            Tensor of the same shape: float64 for float64 images, otherwise float32.

        Raises:
            TypeError: if the images are not floating-point.
            ValueError: if they are not of that form, or are to be turned and not square.
        """
        images = _checked(images)
        return self._applied(images, draws.uniform([tf.shape(images)[0], 16], seed), probability)

    def _applied(self, images, draws, probability=1.0):
        """The transformations with given draws, float (n, 16) in [0, 1)."""
        # For each transformation of each image: whether, bool (n,), and how, each float (n,).
        on = tf.unstack(draws[:, :7] < tf.cast(probability, draws.dtype), axis=1)
        mirror, quarter, *colours, down, across, row, column = tf.unstack(draws[:, 7:], axis=1)
        for function, strength, applied, draw in zip(
            (_brightened, _saturated, _contrasted),
            (self.brightness, self.saturation, self.contrast),
            on[:3],
            colours,
            strict=True,
        ):
            if strength:
                change = tf.where(applied, strength * (2.0 * draw - 1.0), 0.0)
                images = function(images, _per_image(tf.cast(change, images.dtype)))
        shifts = [
            tf.where(on[3], _whole_shift(images.shape[axis], self.translation, draw), 0)
            for axis, draw in ((1, down), (2, across))
        ]
        flipped = on[5] & (mirror < 0.5) if self.flip else None
        quarters = tf.where(on[6], _integers(quarter, 4), 0) if self.rotate else None
        if self.translation or self.flip or self.rotate:
            images = _placed(images, shifts, flipped, quarters)
        if self.cutout:
            hole = _per_image(on[4]) & _hole(images, self.cutout, row, column)
            images *= tf.cast(~hole, images.dtype)  # far faster than tf.where
        return images


@dataclasses.dataclass(frozen=True)
class ADA:
    """Adaptive discriminator augmentation: augments as often as the discriminator overfits.

    The sign statistic r = E[sign D(real)] is near 0 while the discriminator cannot tell real from
    fake, and 1 once it knows each training image. Where r exceeds the target, the probability p of
    augmentation rises, otherwise it falls. Signs are counted from ``losses.Loss.border``, which is
    0 for the losses that take a sigmoid. p and the running mean of the signs are held by the
    caller::

        probability, sign_mean = ada.initial_state()
        real_images = ada(real_images, seed, probability)  # and the fake ones likewise
        sign = tf.reduce_mean(tf.sign(real_logits))
        probability, sign_mean = ada.update(probability, sign_mean, sign, batch_size, step)

    The paper's pipeline has, beyond the default family here, scaling, rotation by any angle,
    anisotropy, hue, a luma flip, band filters and noise; it draws its strengths from normal laws
    and reflects at the border. The family here is its *pixel blitting, colour and cutout* with the
    uniform strengths of `DiffAugment`. While p is below 0.8 or so, flips and turns do not leak
    into what is generated, as the upright image is the most frequent one.

    Args:
        family: what is applied, by the protocol ``(images, seed, probability)``.
        target: the value of r to be held.
        adjustment_images: number of real images over which p could go from 0 to 1.
        interval: steps from one change of p to the next; r is the mean over them.

    Raises:
        ValueError: if the target is not in (-1, 1), or a number is not positive.

    Example:
        >>> from ganlib import augment
        >>> ada = augment.ADA(adjustment_images=1000, interval=1)
        >>> probability, sign_mean = ada.initial_state()
        >>> probability, sign_mean = ada.update(probability, sign_mean, 0.9, batch_size=4, step=0)
        >>> round(float(probability), 6), round(float(sign_mean), 6)
        (0.004, 0.9)

    Reference:
        Karras, Aittala, Hellsten, Laine, Lehtinen and Aila, *Training Generative Adversarial
        Networks with Limited Data*, NeurIPS 2020, sections 2 and 3. Chapter 13_little_data.
    """

    family: Callable = DiffAugment(flip=True, rotate=True)
    target: float = 0.6
    adjustment_images: int = 500_000
    interval: int = 4

    def __post_init__(self) -> None:
        """Check the numbers."""
        _checks.take_plain(self)
        _checks.number("target", self.target, above=-1, below=1)
        _checks.positive_integers(adjustment_images=self.adjustment_images, interval=self.interval)

    def __call__(
        self,
        images: tf.Tensor,
        seed: Sequence[int] | tf.Tensor,
        probability: float | tf.Tensor = 1.0,
    ) -> tf.Tensor:
        """Augment a batch with the family.

        Args:
            images: float tensor (n, height, width, channels) in [-1, 1].
            seed: two integers that decide all draws.
            probability: float or scalar tensor in [0, 1].

        Returns:
            Tensor of the same shape.
        """
        return self.family(images, seed, probability)

    def initial_state(self) -> tuple[float, float]:
        """The state of a run that begins.

        Returns:
            ``(probability, sign_mean)``, both 0.0.
        """
        return 0.0, 0.0

    def update(
        self,
        probability: float | tf.Tensor,
        sign_mean: float | tf.Tensor,
        sign: float | tf.Tensor,
        batch_size: int,
        step: int | tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The state after one step of the discriminator; works inside `tf.function` and XLA.

        Args:
            probability: float or scalar tensor, p.
            sign_mean: float or scalar tensor, the mean of the signs so far in this interval.
            sign: float or scalar tensor, the mean sign of this step's logits of real images, over
                the global batch.
            batch_size: number of real images in that batch.
            step: int or int64 scalar, number of steps before this one.

        Returns:
            ``(probability, sign_mean)``, float32 scalars. p lies in [0, 1) and changes at the last
            step of an interval.
        """
        place = tf.cast(step % self.interval, tf.float32)
        # At place 0 the mean begins anew.
        sign_mean = (tf.cast(sign_mean, tf.float32) * place + sign) / (place + 1.0)
        change = tf.sign(sign_mean - self.target) * batch_size * self.interval
        old = tf.cast(probability, tf.float32)
        new = tf.clip_by_value(old + change / self.adjustment_images, 0.0, _MAX_PROBABILITY)
        return tf.where(tf.equal(place, self.interval - 1.0), new, old), sign_mean


@dataclasses.dataclass(frozen=True)
class Noise:
    """Gaussian noise on all images that the discriminator sees, which may fall to nothing.

    Two distributions that lie on thin sets can always be told apart; with noise on both they
    overlap, and the generator's gradient has somewhere to go. The probability of the protocol is
    here the share of the noise that is left.

    Args:
        scale: standard deviation at the beginning, in units of the images' range [-1, 1].
        num_steps: steps over which it falls linearly to zero; None: it stays.
        first: another policy, such as a `DiffAugment`, that images go through before; or None.

    Raises:
        ValueError: if the scale is below 0, or ``num_steps`` below 1.

    Example:
        >>> import tensorflow as tf
        >>> from ganlib import augment
        >>> noise = augment.Noise(0.1, num_steps=100)
        >>> share, unused = noise.update(*noise.initial_state(), 0.0, batch_size=4, step=49)
        >>> float(share)
        0.5
        >>> noise(tf.zeros([2, 8, 8, 1]), seed=(0, 7), probability=share).shape
        TensorShape([2, 8, 8, 1])

    Reference:
        Sønderby et al., *Amortised MAP Inference for Image Super-resolution*, ICLR 2017; Arjovsky
        and Bottou, *Towards Principled Methods for Training GANs*, ICLR 2017. Chapter 15.
    """

    scale: float
    num_steps: int | None = None
    first: Callable | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        _checks.take_plain(self)
        _checks.number("scale", self.scale, at_least=0)
        if self.num_steps is not None:
            _checks.integer("num_steps", self.num_steps, fix="For noise that stays, pass None")

    def __call__(
        self,
        images: tf.Tensor,
        seed: Sequence[int] | tf.Tensor,
        probability: float | tf.Tensor = 1.0,
    ) -> tf.Tensor:
        """Add noise to a batch.

        Args:
            images: float tensor (n, ...).
            seed: two integers that decide all draws.
            probability: float or scalar tensor in [0, 1], the share of the noise that is left.

        Returns:
            Tensor of the same shape.
        """
        if self.first is not None:
            images = self.first(images, seed)
        noise = draws.normal(tf.shape(images), seed, images.dtype)
        return images + tf.cast(self.scale * probability, images.dtype) * noise

    def initial_state(self) -> tuple[float, float]:
        """The state of a run that begins.

        Returns:
            ``(probability, sign_mean)``: 1.0, all of the noise, and 0.0, which stays.
        """
        return 1.0, 0.0

    def update(
        self,
        probability: float | tf.Tensor,
        sign_mean: float | tf.Tensor,
        sign: float | tf.Tensor,
        batch_size: int,
        step: int | tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The state after one step; works inside `tf.function` and XLA.

        Args:
            probability: float or scalar tensor, the share that is left.
            sign_mean: float or scalar tensor.
            sign: unused, as is the next.
            batch_size: unused.
            step: int or int64 scalar, number of steps before this one.

        Returns:
            ``(probability, sign_mean)``, float32 scalars.
        """
        del sign, batch_size
        sign_mean = tf.cast(sign_mean, tf.float32)
        if self.num_steps is None:
            return tf.cast(probability, tf.float32), sign_mean
        done = tf.cast(step + 1, tf.float32) / self.num_steps
        return tf.maximum(0.0, 1.0 - done), sign_mean


@dataclasses.dataclass(frozen=True)
class Classical:
    """The usual augmentation of a classifier's training images, which keeps or mixes labels.

    The policies act in the order of the arguments. All are off by default: what keeps a label is
    a fact about the data, and a mirrored 3 is no 3.

    Args:
        flip: whether half of the images are mirrored, left to right.
        shift: largest translation as a share of the side, in whole pixels; the border is repeated.
        crop: largest share of the side that is cut off. The rest, at a random place, is enlarged
            to full size, linearly.
        erase: side of a square set to 0, mid-grey, as a share of the image's side.
        mixup: α of the law Beta(α, α) of the share with which an image keeps itself; the image
            before it in the batch gives the rest, and the labels mix alike.

    Raises:
        ValueError: if a strength is out of range, or ``flip`` neither True nor False.

    Example:
        >>> import tensorflow as tf
        >>> from ganlib import augment
        >>> images, labels = tf.ones([2, 8, 8, 1]), tf.eye(2)
        >>> policy = augment.Classical(shift=0.125, mixup=0.2)
        >>> images, labels = policy(images, labels, seed=(0, 7))
        >>> tf.reduce_sum(labels, axis=1).numpy()
        array([1., 1.], dtype=float32)

    Reference:
        Erasing: DeVries and Taylor, *Improved Regularization of Convolutional Neural Networks with
        Cutout*, 2017. Mixing: Zhang et al., *mixup: Beyond Empirical Risk Minimization*, ICLR
        2018. Chapter 11_augmentation.
    """

    flip: bool = False
    shift: float = 0.0
    crop: float = 0.0
    erase: float = 0.0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        """Check the strengths."""
        _checks.flags(flip=self.flip)
        _require_shares(self, "shift", "erase")
        _checks.number("crop", self.crop, at_least=0, below=1)
        _checks.number("mixup", self.mixup, at_least=0)

    def __call__(
        self, images: tf.Tensor, labels: tf.Tensor, seed: Sequence[int] | tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Augment a batch with its labels.

        Args:
            images: float tensor (n, height, width, channels) in [-1, 1].
            labels: float tensor (n, num_classes), one-hot or shares.
            seed: two integers that decide all draws.

        Returns:
            ``(images, labels)`` of the same shapes.

        Raises:
            TypeError: if the images are not floating-point.
            ValueError: if they are not of that form.
        """
        images = _checked(images)
        drawn = tf.unstack(draws.uniform([tf.shape(images)[0], 11], seed), axis=1)
        mirror, zoom, *places, row, column, radius, angle, sign = drawn  # each (n,)
        if self.flip or self.shift or self.crop:
            for axis in (1, 2):
                mirrored = mirror < 0.5 if self.flip and axis == 2 else None
                positions = self._positions(images.shape[axis], zoom, *places[axis - 1 :: 2])
                images = _resampled(images, positions, mirrored, axis)
        if self.erase:
            images *= tf.cast(~_hole(images, self.erase, row, column), images.dtype)
        if self.mixup:
            share = _symmetric_beta(self.mixup, radius, angle, sign)
            weight = _per_image(tf.cast(share, images.dtype))
            images = weight * images + (1.0 - weight) * tf.roll(images, 1, axis=0)
            weight = tf.cast(share, labels.dtype)[:, None]
            labels = weight * labels + (1.0 - weight) * tf.roll(labels, 1, axis=0)
        return images, labels

    def _positions(self, side, zoom, place, move):
        """Where each pixel of the result comes from along one axis, float (n, side)."""
        scale = 1.0 - self.crop * zoom
        start = side * (1.0 - scale) * place
        start -= tf.cast(_whole_shift(side, self.shift, move), tf.float32)
        centres = tf.range(side, dtype=tf.float32) + 0.5
        return start[:, None] + scale[:, None] * centres - 0.5


def with_synthetic(
    images: data.Images,
    generator: keras.Model | Mapping[int, keras.Model],
    num_per_class: int,
    seed: int = 0,
) -> data.Images:
    """Add generated images of each class to a labelled set.

    Args:
        images: labelled `data.Images`.
        generator: a conditional ``keras.Model``, ``[latents, labels]`` -> images in [-1, 1]; or a
            mapping from each label to an unconditional one, latents -> images.
        num_per_class: how many images of each class are added.
        seed: decides the latents.

    Returns:
        `data.Images`: the given ones first, then the generated ones, class by class.

    Raises:
        TypeError: if the generator is no model, such as a path.
        ValueError: if the images have no labels, the mapping lacks a class, or the generator makes
            images of another shape.

    Example:
        >>> from ganlib import augment, data
        >>> from ganlib.models import mlp
        >>> digits = data.load_digits()[:100]
        >>> generator = mlp.generator(8, 1, latent_dim=4, width=8, num_classes=10)
        >>> len(augment.with_synthetic(digits, generator, num_per_class=5))
        150

    Reference:
        Chapter 12_study.
    """
    _checks.labelled(images, "to add to")
    _checks.positive_integers(num_per_class=num_per_class)
    classes = range(images.num_classes)
    per_class = isinstance(generator, Mapping)
    if per_class and (missing := set(classes) - set(generator)):
        raise ValueError(
            f"received generators for the labels {sorted(generator)}; expected {sorted(missing)} "
            "too. Give one for each class, or a conditional generator."
        )
    parts = [images.images]
    for label in classes:
        model = generator[label] if per_class else generator
        made = _generated(model, None if per_class else label, num_per_class, (seed, label))
        if made.shape[1:] != images.images.shape[1:]:
            raise ValueError(
                f"received a generator of images of shape {made.shape[1:]} for a set of "
                f"{images.images.shape[1:]}; expected equal shapes. Load the set at that size."
            )
        parts.append(made)
    labels = np.concatenate([images.labels, np.repeat(classes, num_per_class)])
    return data.Images(np.concatenate(parts), labels, images.class_names)


def _generated(model, label, num_images, seed):
    """Images of one class, uint8 (num_images, ...); `label` is None for an unconditional model."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise TypeError(
            f"received a generator of type {type(model).__name__}; expected a keras.Model with "
            "inputs of known shape. Of a file, training.load_generator(path) makes one; of a "
            "training.GAN, pass .ema_generator."
        )
    if len(inputs) != (1 if label is None else 2):
        raise ValueError(
            f"received a generator of {len(inputs)} inputs; expected [latents, labels], or a "
            "mapping from labels to generators of latents alone. Pass one of the two."
        )
    labels = None
    if label is not None:
        shape = [num_images, *inputs[1].shape[1:]]
        labels = tf.fill(shape, tf.cast(label, inputs[1].dtype))
    latents = inference.latents(model, num_images, *seed)
    images = inference.generate(lambda batch: model(batch, training=False), latents, labels)
    return data.to_uint8(images)


# ---- sets to learn from ----------------------------------------------------------------------


def blend(
    images: data.Images,
    extra: data.Images | None,
    ratio: float,
    *,
    num_per_class: int,
    classes: Collection[int] | None = None,
) -> data.Images:
    """One set of given and of extra images, so many of the one kind to each of the other.

    Given images are repeated until there are enough: a batch then holds both kinds in the ratio,
    however few the given ones are.

    Args:
        images: labelled `data.Images`.
        extra: labelled `data.Images`, generated or pseudo-labelled; None for repetition alone.
        ratio: extra images for each given one.
        num_per_class: images of each class in the result.
        classes: the classes that get extra images or repetitions; None for all. The others stay
            as they are.

    Returns:
        `data.Images`. Extra images are repeated too where there are too few; a class without any
        has given ones only.

    Example:
        >>> from ganlib import augment, data
        >>> digits = data.load_digits()
        >>> few, others = digits[:50], digits[50:]
        >>> len(augment.blend(few, others, ratio=1.0, num_per_class=30))
        300
    """
    _checks.labelled(images, "to blend")
    _checks.number("ratio", ratio, at_least=0)
    _checks.positive_integers(num_per_class=num_per_class)
    parts, labels = [], []
    for label in range(images.num_classes):
        own = images.images[images.labels == label]
        if classes is None or label in classes:
            found = [] if extra is None else extra.images[extra.labels == label]
            num_extra = round(num_per_class * ratio / (1.0 + ratio)) if len(found) else 0
            shape = own.shape[1:]
            own = np.resize(own, (num_per_class - num_extra, *shape))
            own = np.concatenate([own, np.resize(found, (num_extra, *shape)).astype(np.uint8)])
        parts.append(own)
        labels.append(np.full(len(own), label))
    return data.Images(np.concatenate(parts), np.concatenate(labels), images.class_names)


def generated(gan: Any, images: data.Images, num_per_class: int, seed: int) -> data.Images:
    """Images of each class that a conditional GAN draws.

    Args:
        gan: a `training.GAN` whose generator takes labels.
        images: `data.Images` that has the classes' names and the shape.
        num_per_class: images of each class.
        seed: decides the latents.

    Returns:
        Labelled `data.Images`.
    """
    return with_synthetic(images[:0], gan.ema_generator, num_per_class, seed)


def most_confident(images: data.Images, classifier: Any, share: float) -> data.Images:
    """The part of each class that a classifier is surest of.

    Args:
        images: labelled `data.Images`; the labels may be the classifier's own.
        classifier: a `features.Classifier`.
        share: how much of each class is kept, in (0, 1].

    Returns:
        `data.Images`, in their old order.

    Example:
        >>> from ganlib import augment, data, features
        >>> len(augment.most_confident(data.load_digits()[:100], features.digits_classifier(), 0.5))
        50
    """
    sure = classifier.probabilities(images.images)[np.arange(len(images)), images.labels]
    kept = []
    for label in range(images.num_classes):
        (own,) = np.nonzero(images.labels == label)
        order = own[np.argsort(-sure[own], kind="stable")]
        kept.append(order[: round(share * len(own))])
    return images[np.sort(np.concatenate(kept))]


def pseudo_labelled(
    images: np.ndarray, classifier: Any, class_names: tuple[str, ...] = ()
) -> data.Images:
    """Images with the labels that a classifier gives them.

    Args:
        images: uint8 array (n, height, width, channels).
        classifier: a `features.Classifier`.
        class_names: names of the classes.

    Returns:
        `data.Images`.

    Reference:
        Lee, *Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural
        Networks*, ICML workshop 2013. Chapter 12_study.
    """
    return data.Images(images, classifier.probabilities(images).argmax(axis=1), class_names)


# ---- draws ---------------------------------------------------------------------------------


def _integers(draws, count):
    """Uniform integers from 0 to count - 1."""
    return tf.cast(draws * count, tf.int32)


def _whole_shift(side, share, draws):
    """Uniform integers within ± share · side."""
    largest = int(side * share + 0.5)
    return _integers(draws, 2 * largest + 1) - largest


def _symmetric_beta(alpha, radius, angle, sign):
    """Draws from Beta(α, α) made of three uniform ones (Devroye, 1986, section IX.3)."""
    spread = (radius ** (-1.0 / alpha) - 1.0) * tf.cos(2.0 * math.pi * angle) ** 2
    return 0.5 + tf.where(sign < 0.5, -0.5, 0.5) / tf.sqrt(1.0 + 1.0 / spread)


# ---- transformations: float tensors (n, height, width, channels) ----------------------------


def _per_image(values):
    """(n,) -> (n, 1, 1, 1)."""
    return values[:, None, None, None]


def _brightened(images, shift):
    return images + shift


def _saturated(images, change):
    if images.shape[-1] == 1:
        return images
    return images + change * (images - tf.reduce_mean(images, axis=3, keepdims=True))


def _contrasted(images, change):
    return images + change * (images - tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True))


def _placed(images, shifts, flipped, quarters):
    """Images mirrored, then turned by quarters (counter-clockwise), then shifted; zeros come in.

    Mirrors, turns and shifts only say from which row and column a pixel is taken, so one copy of
    rows and one of columns does them all.

    Args:
        images: float tensor (n, height, width, channels).
        shifts: int tensors (n,), downwards and to the right.
        flipped: bool tensor (n,), or None for no image.
        quarters: int tensor (n,) from 0 to 3, or None for no image.
    """
    source, backwards = None, [None, flipped]  # whether rows and columns are read in reverse
    if quarters is not None:
        if images.shape[1] != images.shape[2]:
            raise ValueError(
                f"received images of shape {tuple(images.shape)}; expected square ones, as "
                "rotate=True turns them by 90 degrees. Crop them, or leave rotate off."
            )
        # A quarter is a transposition, after which rows or columns are read in reverse.
        odd = quarters % 2 == 1
        flipped = tf.zeros_like(odd) if flipped is None else flipped
        backwards = [
            ((quarters == 1) | (quarters == 2)) ^ (flipped & odd),
            (quarters >= 2) ^ (flipped & ~odd),
        ]
        num_images = tf.shape(images)[0]
        source = tf.range(num_images) + tf.where(odd, num_images, 0)
        images = tf.concat([images, tf.transpose(images, [0, 2, 1, 3])], 0)
    inside = []
    for axis in (1, 2):
        last = images.shape[axis] - 1
        index = tf.range(last + 1) - shifts[axis - 1][:, None]
        inside.append((index >= 0) & (index <= last))
        if backwards[axis - 1] is not None:
            index = tf.where(backwards[axis - 1][:, None], last - index, index)
        images = _taken(images, tf.clip_by_value(index, 0, last), axis, source)
        source = None
    inside = (inside[0][:, :, None] & inside[1][:, None, :])[..., None]
    return images * tf.cast(inside, images.dtype)


def _taken(images, index, axis, source=None):
    """Rows (axis 1) or columns (axis 2) by number: of images `source` (n,), numbers (n, k)."""
    if axis == 2:  # columns lie scattered in memory: make rows of them
        return tf.transpose(
            _taken(tf.transpose(images, [0, 2, 1, 3]), index, 1, source), [0, 2, 1, 3]
        )
    if source is None:
        source = tf.range(tf.shape(images)[0])
    index += source[:, None] * images.shape[1]
    return tf.gather(tf.reshape(images, [-1, *images.shape[2:]]), index)


def _hole(images, share, down, across):
    """Where a square of that share of the side lies, bool (n, height, width, 1)."""
    inside = []
    for axis, places in ((1, down), (2, across)):
        side = images.shape[axis]
        length = int(side * share + 0.5)
        # An even square has its centre between pixels: one place more.
        start = _integers(places, side + (length + 1) % 2)[:, None] - length // 2
        pixels = tf.range(side)
        inside.append((pixels >= start) & (pixels < start + length))
    return (inside[0][:, :, None] & inside[1][:, None, :])[..., None]


def _resampled(images, positions, mirrored, axis):
    """Images at fractional positions (n, side) along an axis; beyond the border it repeats."""
    last = images.shape[axis] - 1
    if mirrored is not None:
        positions = tf.where(mirrored[:, None], last - positions, positions)
    positions = tf.clip_by_value(positions, 0.0, float(last))
    low = tf.cast(tf.floor(positions), tf.int32)
    weight = tf.cast(positions - tf.floor(positions), images.dtype)
    weight = tf.expand_dims(weight, 3 - axis)[..., None]
    images, after = _taken(images, low, axis), _taken(images, tf.minimum(low + 1, last), axis)
    return (1.0 - weight) * images + weight * after


def _checked(images):
    images = tf.convert_to_tensor(images)
    if not images.dtype.is_floating:
        raise TypeError(
            f"received images of type {images.dtype.name}; expected floats in [-1, 1]. Convert "
            "pixels with data.to_model_range."
        )
    if len(images.shape) != 4 or None in images.shape[1:]:
        raise ValueError(
            f"received images of shape {tuple(images.shape)}; expected (n, height, width, "
            "channels), all but n known. Give the tensor its shape, such as by tf.ensure_shape."
        )
    return tf.cast(images, tf.float64 if images.dtype == tf.float64 else tf.float32)
