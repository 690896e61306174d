"""What a fair comparison needs: parts that do not overlap, a test set under seal, paired intervals.

A study asks whether one way of training beats another. Three things spoil the answer: a test image
that was seen before, seeds that differ by more than the ways do, and choices made after looking.
Here `split` draws what an arm may see, `HeldOut` keeps the test images where only a score comes
out, and `paired_difference` compares seed by seed.

With a few hundred images there are no seeds to spare: `across_folds` holds each image out once,
`corrected_difference` knows that folds overlap, and `choose` is a rule that is written first. With
`Kept` a comparison that was interrupted goes on. `worth` asks the same of one set of generated
images.
"""

import dataclasses
import functools
import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

import ganlib
from ganlib import _checks, _files, augment, classify, data, features, metrics, recipes

_VALIDATION_PARTS = 5  # of an arm's images in a fold, one part is for the early stop
_FEWEST_HELD_OUT = 20  # fewer say nothing: two standard errors would be over 20 points
VALIDATION_SHARE = 0.2  # of the n labelled images of a class; at least one


class LeakError(ValueError):
    """An image that is to be scored on was found where something is learned or chosen."""


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """All that an arm is given: its own images, and no others.

    Args:
        labelled: labelled `data.Images` to train on.
        validation: labelled `data.Images` for the early stop, taken from the same n.
        unlabelled: uint8 images (n, height, width, channels) without labels; n may be 0.
        indices: for each part, by its name, which images of the pool it holds, int64 (n,).
        rare: labels of the rare classes, in a setting that has some.

    Raises:
        LeakError: if two parts share an image.

    Example:
        >>> from ganlib import data, comparison
        >>> material = comparison.split(data.load_digits(), num_per_class=5, seed=0)
        >>> len(material.labelled), len(material.validation)
        (40, 10)
    """

    labelled: data.Images
    validation: data.Images
    unlabelled: np.ndarray
    indices: dict
    rare: tuple = ()

    def __post_init__(self) -> None:
        """Check that the parts are disjoint, and as large as their index sets."""
        require_disjoint(self.indices)
        for name in ("labelled", "validation", "unlabelled"):
            num_images, num_indices = len(getattr(self, name)), len(self.indices[name])
            if num_images != num_indices:
                raise ValueError(
                    f"received {num_images} images and {num_indices} indices of {name}; expected "
                    "equal numbers. Make a Material by comparison.split."
                )

    def all_images(self) -> np.ndarray:
        """Every image without a label, for a generator that needs none.

        Returns:
            uint8 array: the labelled ones, then the unlabelled ones. The validation part stays out.
        """
        return np.concatenate([self.labelled.images, self.unlabelled])


class Seal:
    """Knows held-out images again, and nothing of them but their hashes.

    It can be handed to whatever trains, as no image can be got out of it.

    Args:
        images: uint8 array (n, height, width, channels).

    Example:
        >>> from ganlib import data, comparison
        >>> digits = data.load_digits()
        >>> seal = comparison.Seal(digits.images[1437:])
        >>> seal.is_among(digits.images[1435:1439]).tolist()
        [False, False, True, True]
    """

    def __init__(self, images: np.ndarray) -> None:
        self._digests = set(_digests(images))

    def is_among(self, images: np.ndarray) -> np.ndarray:
        """Which of some images are among these, pixel by pixel.

        Args:
            images: uint8 array (n, height, width, channels).

        Returns:
            bool array (n,).
        """
        return np.array([digest in self._digests for digest in _digests(images)], bool)

    def require_unseen(self, images: np.ndarray, where: str) -> None:
        """Stop if one of these images is about to be learned from.

        Args:
            images: uint8 array (n, height, width, channels).
            where: what it is about to be used for, for the message.

        Raises:
            LeakError: if an image is among the held-out ones.
        """
        found = self.is_among(images)
        if found.any():
            raise LeakError(
                f"received {len(images)} images for {where}, of which {int(found.sum())} are held "
                f"out, the first at place {int(found.argmax())}; expected none of these. Take the "
                "images from comparison.split of a pool that comparison.without_copies has cleaned."
            )


class HeldOut:
    """Images that are scored on and never given out; each look at them is counted.

    Args:
        images: labelled `data.Images`, which nobody else should keep.

    Attributes:
        num_reads: how many times something was scored on them, int.
        seal: their `Seal`.

    Example:
        >>> from ganlib import data, features, comparison
        >>> test = comparison.HeldOut(data.load_digits()[1437:])
        >>> score = test.scores(features.digits_classifier())
        >>> score["accuracy"] > 0.9, test.num_reads
        (True, 1)
    """

    def __init__(self, images: data.Images) -> None:
        self._images, self.num_reads, self.seal = images, 0, Seal(images.images)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._images)

    def scores(self, classifier: features.Classifier, rare: Sequence[int] = ()) -> dict[str, float]:
        """How well a classifier does; one read.

        Args:
            classifier: a `features.Classifier`.
            rare: labels of the rare classes.

        Returns:
            dict of floats in [0, 1]: "accuracy", "balanced_accuracy" (the mean over the classes),
            and "rare_accuracy" (the mean over the rare classes), NaN without such classes.
        """
        self.num_reads += 1
        per_class = classify.class_accuracies(classifier, self._images)
        counts = np.bincount(self._images.labels, minlength=len(per_class))
        return {
            "accuracy": float(np.nansum(per_class * counts) / counts.sum()),
            "balanced_accuracy": float(np.nanmean(per_class)),
            "rare_accuracy": float(np.mean(per_class[list(rare)])) if len(rare) else math.nan,
        }

    def distance(self, images: np.ndarray, extractor: Callable[[np.ndarray], np.ndarray]) -> float:
        """Relative Fréchet distance of generated images to these; one read.

        Args:
            images: uint8 array (n, height, width, channels).
            extractor: one of ``features``. It judges a generator and is no part of an arm.

        Returns:
            A float, at least 0.
        """
        self.num_reads += 1
        held_out = extractor(self._images.images)
        return float(metrics.relative_frechet_distance(held_out, extractor(images)))


def without_copies(pool: data.Images, seal: Seal) -> data.Images:
    """The pool without what is held out, and without images that occur twice in it.

    Some data sets hold one picture several times, on both sides of their split too.

    Args:
        pool: `data.Images`.
        seal: the `Seal` of what is held out.

    Returns:
        `data.Images`; of equal images the first stays.

    Example:
        >>> from ganlib import data, comparison
        >>> digits = data.load_digits()
        >>> len(comparison.without_copies(digits, comparison.Seal(digits.images[1437:])))
        1437
    """
    _, first = np.unique(_digests(pool.images), return_index=True)
    kept = np.zeros(len(pool), bool)
    kept[first] = True
    return pool[kept & ~seal.is_among(pool.images)]


def split(
    pool: data.Images,
    num_per_class: int,
    seed: int,
    *,
    num_unlabelled: int = 0,
    rare: Sequence[int] = (),
    num_common: int | None = None,
) -> Material:
    """Draw what the arms of one cell of a study are given.

    Of the n labelled images of a class a fifth, at least one, is the validation part: whoever has
    n images has no others to choose with.

    Args:
        pool: labelled `data.Images`, none of them held out.
        num_per_class: n, labelled images of each class; with rare classes, of each of those.
        seed: decides which images.
        num_unlabelled: images whose label is taken away, drawn from the rest of the pool; -1 for
            all the rest.
        rare: labels of the rare classes.
        num_common: labelled images of each class that is not rare.

    Returns:
        A `Material`.

    Raises:
        ValueError: if n is below 2, or a class has too few images.

    Example:
        >>> from ganlib import data, comparison
        >>> digits = data.load_digits()
        >>> material = comparison.split(digits, 20, seed=0, num_unlabelled=-1)
        >>> len(material.labelled), len(material.validation), len(material.unlabelled)
        (160, 40, 1597)
    """
    rng = np.random.default_rng([seed, num_per_class])
    training, validation = [], []
    for label in range(pool.num_classes):
        count = num_common if len(rare) and label not in rare else num_per_class
        (own,) = np.nonzero(pool.labels == label)
        if not 2 <= count <= len(own):
            raise ValueError(
                f"received {count} as the number of images of class {label}; expected 2, one to "
                f"train on and one to validate with, to {len(own)}, all in the pool. Change the "
                "number, or take a larger pool."
            )
        drawn = rng.permutation(own)[:count]
        num_validation = max(1, round(VALIDATION_SHARE * count))
        validation.append(drawn[:num_validation])
        training.append(drawn[num_validation:])
    indices = {"labelled": np.concatenate(training), "validation": np.concatenate(validation)}
    rest = np.setdiff1d(np.arange(len(pool)), np.concatenate([*training, *validation]))
    rest = rng.permutation(rest)
    indices["unlabelled"] = rest if num_unlabelled < 0 else rest[:num_unlabelled]
    parts = (pool[indices["labelled"]], pool[indices["validation"]])
    return Material(*parts, pool.images[indices["unlabelled"]], indices, tuple(rare))


def require_disjoint(indices: Mapping[str, ArrayLike]) -> None:
    """Stop if two of several index sets share an index.

    Args:
        indices: mapping from a name to an int array.

    Raises:
        LeakError: naming the sets and a shared index.

    Example:
        >>> from ganlib import comparison
        >>> comparison.require_disjoint({"labelled": [0, 1], "validation": [2]})
    """
    owner = {}
    for name, numbers in indices.items():
        for number in np.asarray(numbers).tolist():
            if number in owner:
                raise LeakError(
                    f"received image {number} in {owner[number]!r} and again in {name!r}; expected "
                    "each image in one part, once. Make the parts by comparison.split."
                )
            owner[number] = name


class Interval(NamedTuple):
    """A mean difference with the interval that covers it.

    Attributes:
        mean: mean of the differences.
        low: lower end.
        high: upper end.
        num_pairs: how many pairs there were.
    """

    mean: float
    low: float
    high: float
    num_pairs: int


def paired_difference(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Interval:
    """The mean of first − second over seeds, with Student's interval.

    Seeds differ by more than arms do, as some draw easier images. Both arms of a pair have the same
    images, so the difference is free of that. The interval assumes that the differences are
    independent draws from one normal law; with five seeds nothing can check that.

    Args:
        first: floats (n,), one for each seed.
        second: floats (n,), in the same order of seeds.
        level: probability with which the interval covers the true mean.

    Returns:
        An `Interval`; its ends are NaN for a single pair.

    Raises:
        ValueError: if the numbers of values differ, or there are none.

    Example:
        >>> from ganlib import comparison
        >>> comparison.paired_difference([3.0, 5.0, 4.0], [1.0, 2.0, 3.0]).mean
        2.0

    Reference:
        Student, *The probable error of a mean*, Biometrika 1908. Chapter 12_study.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.ndim != 1 or len(first) == 0:
        raise ValueError(
            f"received values of shapes {first.shape} and {second.shape}; expected as many of one "
            "arm as of the other, one for each seed. Leave out seeds that one arm lacks."
        )
    from scipy import stats  # a second to import: only for those who call this

    differences = first - second
    mean, count = float(differences.mean()), len(differences)
    if count == 1:
        return Interval(mean, math.nan, math.nan, 1)
    error = differences.std(ddof=1) / math.sqrt(count)
    reach = float(stats.t.ppf(0.5 + level / 2, count - 1) * error)
    return Interval(mean, mean - reach, mean + reach, count)


# ---- folds -------------------------------------------------------------------------------------


class Difference(NamedTuple):
    """A mean difference over folds.

    Attributes:
        mean: mean of the differences.
        low: lower end of the interval.
        high: upper end.
        confidence: one minus the one-sided p-value: for whoever begins without an opinion, the
            probability that the first is better.
    """

    mean: float
    low: float
    high: float
    confidence: float


def corrected_difference(first: ArrayLike, second: ArrayLike, level: float = 0.9) -> Difference:
    """The mean of first − second over the folds of a cross-validation, with its interval.

    Folds share most of what is learned from, so their differences agree more than independent ones
    would. The variance of the mean is taken 1/K + 1/(K − 1) times that of one fold, in place of
    1/K. That is a rule of thumb and no theorem.

    Args:
        first: floats (K,), one for each fold.
        second: floats (K,), in the same order of folds.
        level: probability with which the interval is to cover the true difference.

    Returns:
        A `Difference`.

    Raises:
        ValueError: if the numbers of values differ, or there are fewer than two.

    Example:
        >>> from ganlib import comparison
        >>> found = comparison.corrected_difference([3.0, 5.0, 4.0], [1.0, 2.0, 3.0])
        >>> found.mean, round(found.confidence, 2)
        (2.0, 0.92)

    Reference:
        Nadeau and Bengio, *Inference for the Generalization Error*, Machine Learning 2003. Chapter
        14_recipe.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise ValueError(
            f"received values of shapes {first.shape} and {second.shape}; expected as many of one "
            "arm as of the other, one for each of at least two folds. Score both on all folds."
        )
    from scipy import stats  # a second to import: only for those who call this

    differences, count = first - second, len(first)
    error = max(differences.std(ddof=1) * math.sqrt(1 / count + 1 / (count - 1)), 1e-9)
    reach = stats.t.ppf(0.5 + level / 2, count - 1) * error
    mean = float(differences.mean())
    confidence = float(stats.t.cdf(mean / error, count - 1))
    return Difference(mean, float(mean - reach), float(mean + reach), confidence)


def choose(accuracies: Mapping[str, Sequence[float]], sure: float = 0.9) -> str:
    """The arm that a rule takes which gives the cheaper one the benefit of the doubt.

    It begins with the first arm, goes through the others in their order, and changes to one that is
    better with enough confidence.

    Args:
        accuracies: name of an arm -> one value for each fold; the cheapest arm first.
        sure: the confidence that a dearer arm must have, in (0, 1).

    Returns:
        A name.

    Example:
        >>> from ganlib import comparison
        >>> comparison.choose({"real": [50, 52, 51], "gan": [51, 51, 52], "best": [60, 63, 61]})
        'best'

    Reference:
        Chapter 14_recipe.
    """
    _checks.number("sure", sure, above=0, below=1)
    chosen = next(iter(accuracies))
    for name in accuracies:
        if corrected_difference(accuracies[name], accuracies[chosen]).confidence >= sure:
            chosen = name
    return chosen


def verdict(accuracies: Mapping[str, Sequence[float]], sure: float = 0.9) -> list[str]:
    """What `choose` takes, and how far the others are from the first arm, in sentences.

    Args:
        accuracies: as in `choose`, in percent.
        sure: likewise.

    Returns:
        Lines: one for each arm, and then the answer.

    Example:
        >>> from ganlib import comparison
        >>> comparison.verdict({"real": [50, 52, 51], "gan": [51, 51, 52]})[-1]
        'Take real: no other way is better with a confidence of 0.9.'
    """
    first, *others = accuracies
    lines = [f"{first:26} {np.mean(accuracies[first]):5.1f}%"]
    for name in others:
        found = corrected_difference(accuracies[name], accuracies[first])
        lines.append(
            f"{name:26} {np.mean(accuracies[name]):5.1f}%  {found.mean:+5.1f} points, "
            f"{found.low:+.1f} to {found.high:+.1f}; better with confidence {found.confidence:.2f}"
        )
    chosen = choose(accuracies, sure)
    better = f"it is better than what is cheaper with a confidence of at least {sure}."
    none = f"no other way is better with a confidence of {sure}."
    return [*lines, f"Take {chosen}: {none if chosen == first else better}"]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the arms of `across_folds` have in common.

    Attributes:
        num_steps: steps of every classifier.
        num_gan_steps: steps of a GAN that is asked for classes, one for each fold.
        num_pretrain_steps: steps of a GAN without labels, one for all folds.
        num_synthetic: images of a class, real and others, where others are added; at least twice
            as many as the largest class has are taken.
        policy: classical augmentation, what does no harm to these pictures.
    """

    num_steps: int = 600
    num_gan_steps: int = 1_000
    num_pretrain_steps: int = 2_000
    num_synthetic: int = 500
    policy: Callable = augment.Classical(shift=0.036, mixup=1.0)  # noqa: RUF009, it is frozen

    def __post_init__(self) -> None:
        """Check the numbers."""
        numbers = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)[:-1]}
        _checks.positive_integers(**numbers)


class Kept:
    """A folder for numbers that took long: a file for each, which is written whole or not at all.

    Args:
        directory: the folder; made if missing.

    Attributes:
        directory: the folder, a ``pathlib.Path``.
        num_found: how many of the numbers that were asked for lay there already.

    Raises:
        OSError: if nothing can be written there.

    Example:
        >>> import tempfile
        >>> from ganlib import comparison
        >>> folder = tempfile.mkdtemp()
        >>> comparison.Kept(folder).number("a", lambda: 0.1 + 0.2)
        0.30000000000000004
        >>> kept = comparison.Kept(folder)
        >>> kept.number("a", lambda: 1 / 0), kept.num_found
        (0.30000000000000004, 1)
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory, self.num_found = _files.expanded(directory), 0
        _files.require_writable(self.directory)

    def number(self, name: str, compute: Callable[[], float]) -> float:
        """Look a number up, or compute and keep it.

        Args:
            name: what the number depends on, wholly; it becomes the name of a file.
            compute: a function without arguments, which is called if there is no such file, or one
                that holds no number.

        Returns:
            The number, the same to the last digit.
        """
        path = self.directory / f"{name}.json"
        try:
            value = float(json.loads(path.read_text(encoding="utf-8")))
            self.num_found += 1
        except (FileNotFoundError, TypeError, ValueError):
            value = float(compute())
            _files.write(path, json.dumps(value))
        return value


def across_folds(
    pool: data.Images,
    settings: Settings,
    unlabelled: np.ndarray | None = None,
    *,
    num_folds: int = 5,
    seed: int = 0,
    tell: Callable[[int, dict], None] = lambda fold, accuracies: None,
    kept: Kept | None = None,
) -> dict[str, list[float]]:
    """Train each arm's classifier once for each fold, which is held out meanwhile.

    The arms, the cheapest first: `real` learns from the labelled images, `classical` from augmented
    ones. With images that have no label, `pseudo_labels` learns from what `classical` says of them,
    `frozen` and `fine_tuned` begin with the layers of a GAN's discriminator that saw them, and
    `fine_tuned_pseudo_labels` does both. `both` adds the images of a GAN that has seen the labelled
    ones alone. Of the images that a fold leaves, a fifth is for the early stop.

    With a `Kept`, each accuracy is written as soon as it is known. A later call with equal images,
    settings and numbers takes it from there, and ends as if nothing had come between. What was kept
    for other images, for other settings or by another version of ganlib is left alone. A policy is
    known again by its ``repr``: a function of your own is not, in another process.

    Args:
        pool: labelled `data.Images`; of equal ones the first is taken.
        settings: `Settings`.
        unlabelled: uint8 images without labels, at least twice as many as the others; or None.
        num_folds: how many parts, at least 3.
        seed: of all that is random.
        tell: called after each fold with its number and the accuracies so far.
        kept: a `Kept`, or None to keep nothing.

    Returns:
        dict: name of an arm -> balanced accuracy on each fold, in percent.

    Raises:
        ValueError: if a class has too few images, or there are too few without labels.

    Reference:
        Chapter 14_recipe.
    """
    _checks.labelled(pool, "to hold out")
    _checks.integer("num_folds", num_folds, at_least=3, fix="Five are usual")
    pool = data.distinct(pool)
    least = max(2 * num_folds, 8)
    counts = np.bincount(pool.labels, minlength=pool.num_classes)
    if pool.num_classes < 2 or counts.min() < least:
        raise ValueError(
            f"received images of {pool.num_classes} classes, {counts.min()} different ones of the "
            f"smallest; expected at least two classes of {least} each. Sort them into two or more, "
            "find more of the small ones, or put these together with others."
        )
    rest = _without_labels(pool, unlabelled)
    key = _key(pool, rest, settings, num_folds, seed)
    discriminator = None if unlabelled is None else _pretrained(rest, settings, seed, kept, key)
    folds, accuracies = data.deal(pool.labels, num_folds, seed), {}
    for fold in range(num_folds):
        held_out = HeldOut(pool[folds == fold])
        material = _material(pool, np.flatnonzero(folds != fold), rest, seed)
        for part in (material.labelled.images, material.validation.images, rest):
            held_out.seal.require_unseen(part, f"fold {fold}")
        for name, train in _arms(material, settings, discriminator, seed + fold).items():
            score = functools.partial(_accuracy, held_out, train)
            found = kept.number(f"{key}-fold-{fold + 1}-{name}", score) if kept else score()
            accuracies.setdefault(name, []).append(found)
        tell(fold, accuracies)
    return accuracies


def _accuracy(held_out, train):
    """Balanced accuracy of a classifier that is trained now, in percent."""
    return 100 * held_out.scores(train())["balanced_accuracy"]


def _key(pool, rest, settings, *numbers):
    """A hash of all that the accuracies of `across_folds` depend on."""
    images = [pool.images.shape, pool.labels.tolist(), _digests(pool.images), _digests(rest)]
    about = [ganlib.__version__, _FROM_FEW, _FROM_MANY, settings, numbers, images]
    return hashlib.sha256(repr(about).encode()).hexdigest()[:12]


_SEES = augment.DiffAugment(
    brightness=0.0, saturation=0.0, contrast=0.0, translation=0.125, cutout=0.5
)
_FROM_FEW = dataclasses.replace(recipes.small_grey, gamma=0.1, augment=_SEES)
_FROM_MANY = dataclasses.replace(recipes.small_grey, gamma=0.4)


def _without_labels(pool, unlabelled):
    """The unlabelled images that are none of the labelled ones, enough of them; or no images."""
    if unlabelled is None:
        return pool.images[:0]
    rest = without_copies(data.Images(unlabelled), Seal(pool.images)).images
    if len(rest) < 2 * len(pool):
        raise ValueError(
            f"received {len(rest)} images without a label that are none of the {len(pool)} "
            "labelled ones; expected twice as many as those. Find more, or leave them out."
        )
    return rest


def _pretrained(rest, settings, seed, kept, key):
    """A function that gives a discriminator that has seen these images, trained when first asked.

    Its checkpoints are kept too: it is the part that takes longest.
    """
    directory = kept and kept.directory / f"{key}-without-labels"
    images, num_steps = data.Images(rest), settings.num_pretrain_steps
    return functools.cache(lambda: _trained(images, _FROM_MANY, num_steps, seed, directory))


def _trained(images, recipe, num_steps, seed, directory=None):
    """A GAN's discriminator; of labelled images, the GAN."""
    side, _, channels = images.images.shape[1:]
    gan = recipe.gan(side, channels, num_steps, num_classes=images.num_classes or None, seed=seed)
    gan.train(images, num_steps, directory, progress=False)
    return gan if images.num_classes else gan.discriminator


def _material(pool, chosen, rest, seed):
    """What the arms may see of some of the images, and all that have no label."""
    part = data.deal(pool.labels[chosen], _VALIDATION_PARTS, seed + 1)
    indices = {
        "labelled": chosen[part > 0],
        "validation": chosen[part == 0],
        "unlabelled": len(pool) + np.arange(len(rest)),  # they are none of the pool
    }
    parts = (pool[indices[name]] for name in ("labelled", "validation"))
    return Material(*parts, rest, indices)


def _arms(material, settings, discriminator, seed):
    """Each arm's name, and the function that trains its classifier; the cheapest first."""
    largest = int(np.bincount(material.labelled.labels).max())
    own = augment.blend(material.labelled, None, ratio=0.0, num_per_class=largest)  # even classes
    num_mixed = max(settings.num_synthetic, 2 * largest)

    def fit(images, policy=settings.policy, model=None):
        shape, classes = images.images.shape[1:], images.num_classes
        model = classify.network(shape, classes, seed=seed) if model is None else model
        parts = {"augment": policy, "validation": material.validation}
        return classify.fit(model, images, settings.num_steps, seed, **parts)

    def start(**how):
        return classify.from_discriminator(discriminator(), own.num_classes, seed, **how)

    def student(teacher, model=None):
        guessed = augment.pseudo_labelled(material.unlabelled, teacher, own.class_names)
        kept = augment.most_confident(guessed, teacher, 0.5)
        count = max(num_mixed, 2 * len(kept) // own.num_classes)
        return fit(augment.blend(own, kept, ratio=1.0, num_per_class=count), model=model)

    def both():
        gan = _trained(material.labelled, _FROM_FEW, settings.num_gan_steps, seed)
        drawn = augment.generated(gan, own, settings.num_synthetic, seed)
        return fit(augment.blend(own, drawn, ratio=1.0, num_per_class=num_mixed))

    classical = functools.cache(lambda: fit(own))
    frozen = functools.cache(lambda: fit(own, model=start(frozen=True, num_layers=2)))
    found = {"real": lambda: fit(own, None), "classical": classical}
    if discriminator is not None:
        found |= {
            "pseudo_labels": lambda: student(classical()),
            "frozen": frozen,
            "fine_tuned": lambda: fit(own, model=start()),
            "fine_tuned_pseudo_labels": lambda: student(frozen(), start()),
        }
    return found | {"both": both}


# ---- generated images ----------------------------------------------------------------------------


class Worth(NamedTuple):
    """What generated images are worth to a classifier; print it.

    Attributes:
        real: accuracy on held-out images of a classifier that learned from real ones, in [0, 1].
        generated: the same from generated images alone.
        both: the same from as many of both.
        named: share of the generated images that the first classifier gives their class.
        reach: two standard errors of `both` − `real`.
        num_held_out: how many images were held out.
    """

    real: float
    generated: float
    both: float
    named: float
    reach: float
    num_held_out: int

    def __str__(self) -> str:
        gain, reach = 100 * (self.both - self.real), 100 * self.reach
        return (
            f"on {self.num_held_out} held-out pictures a classifier is right in {self.real:.0%} if "
            f"it learns from the real ones, in {self.generated:.0%} from the generated ones alone, "
            f"and in {self.both:.0%} from both. So adding them brings "
            f"{gain:+.0f} ± {reach:.0f} points. The first takes {self.named:.0%} of the "
            "generated ones for what they are to be."
        )


def why_not_measurable(held_out: data.Images) -> str | None:
    """Say why `worth` could not tell anything from some held-out images.

    Args:
        held_out: `data.Images`.

    Returns:
        A sentence, or None if nothing stands against it.

    Example:
        >>> from ganlib import comparison, data
        >>> comparison.why_not_measurable(data.load_digits()[:10])
        '10 pictures are held out, and fewer than 20 say nothing.'
    """
    if held_out.num_classes < 2:
        return "there are no two classes to tell apart."
    if len(held_out) < _FEWEST_HELD_OUT:
        number = f"{len(held_out)} pictures are held out"
        return f"{number}, and fewer than {_FEWEST_HELD_OUT} say nothing."
    return None


def worth(
    real: data.Images,
    generated: data.Images,
    held_out: data.Images,
    num_steps: int = 600,
    seed: int = 0,
) -> Worth:
    """Train three small classifiers, and see what generated images do for one.

    Args:
        real: labelled `data.Images`, which the generator may have learned from.
        generated: labelled `data.Images` of the same classes and size.
        held_out: labelled `data.Images` that neither has seen.
        num_steps: steps of each classifier.
        seed: of all that is random.

    Returns:
        A `Worth`.

    Raises:
        ValueError: if some have no labels, or their sizes differ.

    Example:
        >>> from ganlib import comparison, data
        >>> digits = data.load_digits()
        >>> found = comparison.worth(digits[:200], digits[200:900], digits[900:], num_steps=100)
        >>> found.generated > 0.5 and found.num_held_out == 897
        True

    Reference:
        Ravuri and Vinyals, *Classification Accuracy Score for Conditional Generative Models*,
        NeurIPS 2019. Chapter 09_conditional.
    """
    for images in (real, generated, held_out):
        _checks.labelled(images, "to compare classifiers")
    count = int(max(np.bincount(real.labels).max(), np.bincount(generated.labels).max()))
    sets = {
        "real": real,
        "generated": generated,
        "both": augment.blend(real, generated, ratio=1.0, num_per_class=2 * count),
    }
    right, named = {}, 0.0
    for name, images in sets.items():
        classifier = classify.train_classifier(images, num_steps, seed)
        said = classifier.probabilities(held_out.images).argmax(axis=1)
        right[name] = said == held_out.labels
        if name == "real":
            named = classify.accuracy(classifier, generated)
    differing = np.mean(right["real"] != right["both"])
    reach = 2 * math.sqrt(differing / len(held_out))
    shares = {name: float(own.mean()) for name, own in right.items()}
    return Worth(**shares, named=named, reach=reach, num_held_out=len(held_out))


def _digests(images):
    """A hash of each image, a list of strings."""
    return [hashlib.sha1(np.ascontiguousarray(image)).hexdigest() for image in images]
