"""A diagnosis of a run from what it recorded: `report` names what went wrong, and what to try.

`within_classes` looks at what a generator draws of each class, of which a history knows nothing.
`machine` is a diagnosis of the machine: what is installed, and what it computes on.

All statistics are those of the last third of a run (medians over its compiled calls). With the
discriminator's mean signs r on real and f on generated images, counted from the border of its loss,
its balanced accuracy is a = ½ + (r − f)/4, and no discriminator is better than a = ½ + ½·TV, where
TV is the total variation distance of the two distributions. So the accuracy bounds how much the
distributions still differ.

A Wasserstein critic is another matter. That it tells real from generated is its task and no fault,
as the slope that it gives the generator stays; so it cannot win. What it has is an estimate of the
distance, E D(real) − E D(generated). A critic is known by its loss, which is minus that.
"""

import contextlib
import dataclasses
import importlib.metadata
import os
import platform
import shutil
import warnings
from typing import Any

import numpy as np

import ganlib
from ganlib import data

# Each threshold with its reason.
WON_ACCURACY = 0.95  # a > 0.95 means TV > 0.9: the distributions share less than a tenth of mass
SATURATED_SHARE = 0.05  # of the generator's early gradient, or of the slope ½ of an undecided σ
COLLAPSED_DIVERSITY = 0.5  # half the data's spread; sampling moves it by about 1/√(2·batch)
FLOAT32_LOGIT = 16.6  # log(2²⁴): beyond, 1 − σ(a) is 0 in float32
# A difference of mean logits that moves the guess "real" by half a point from one half.
UNDECIDED_GAP = 0.02
# Late losses over early ones. The medians of the thirds lie at 1/6 and 5/6 of a run, so what grows
# steadily grows fivefold between them. Twice that grows faster and faster.
LOSS_GROWTH = 10.0


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        name: "divergence", "discriminator has won", "discriminator has learned nothing",
            "saturation", "collapse" or "collapse within a class".
        evidence: the statistic and its threshold, in words.
        advice: what to try first.
    """

    name: str
    evidence: str
    advice: str


@dataclasses.dataclass(frozen=True)
class Report:
    """The diagnosis of a run; print it.

    Attributes:
        findings: tuple of `Finding`, empty for a healthy run.
        accuracy: balanced accuracy of the discriminator, late in the run.
        diversity: spread of generated images over that of real ones, late in the run.
        distance: a critic's estimate of the distance, late in the run; None for other losses.
    """

    findings: tuple
    accuracy: float
    diversity: float
    distance: float | None = None

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __str__(self) -> str:
        who = "Discriminator" if self.distance is None else "Critic"
        lines = [f"{who}'s accuracy {self.accuracy:.2f}, diversity {self.diversity:.2f}."]
        if self.distance is not None:
            lines.append(f"Its estimate of the distance is {self.distance:.3g}.")
        if self.healthy:
            lines.append("Nothing was found. Whether modes are missing is for metrics to say.")
        for finding in self.findings:
            lines += [f"{finding.name}: {finding.evidence}", f"  Try: {finding.advice}"]
        return "\n".join(lines)


def report(history: Any, loss: Any) -> Report:
    """Looks for divergence, a discriminator that has won or learned nothing, saturation, collapse.

    At the end of a good run the discriminator can tell little apart as well. So it has learned
    nothing only if that was so from the beginning on, when generated images were still noise.

    A healthy report is no proof of quality: a generator that makes two opposite modes of a ring has
    its whole spread. What modes are missing is found by ``metrics.mode_coverage``.

    Args:
        history: a `History` with at least 6 entries.
        loss: the ``losses.Loss`` of the run. Of one whose logits are scores with no border between
            real and generated, such as ``losses.wasserstein``, only differences are judged.

    Returns:
        A `Report`.

    Raises:
        ValueError: if the history is too short to compare its beginning with its end.

    Example:
        >>> from ganlib import health, losses, training
        >>> history = training.History.empty()
        >>> for step in range(50, 650, 50):
        ...     history.append(
        ...         step=step, discriminator_loss=1.3, generator_loss=0.8, real_logit=0.2,
        ...         fake_logit=-0.2, real_sign=0.3, fake_sign=-0.3, generator_gradient_norm=0.1,
        ...         diversity=0.0, augment_probability=0.0, seconds=1.0, images_per_second=1.0,
        ...         compile_seconds=0.0,
        ...     )
        >>> [finding.name for finding in health.report(history, losses.hinge).findings]
        ['collapse']

    Reference:
        Arjovsky and Bottou, *Towards Principled Methods for Training GANs*, ICLR 2017 (saturation,
        a perfect discriminator). Chapter 15.
    """
    num_entries = len(history.step)
    if num_entries < 6:
        raise ValueError(
            f"received a history of {num_entries} entries; expected at least 6. Train longer, or "
            "lower steps_per_call, after which an entry is recorded."
        )
    third = num_entries // 3

    def late(name):
        return float(np.median(getattr(history, name)[-third:]))

    def early(name):
        return float(np.median(getattr(history, name)[:third]))

    accuracy = 0.5 + (late("real_sign") - late("fake_sign")) / 4
    diversity = late("diversity")
    critic = loss.border is None and not loss.paired
    found = [_divergence(history, third, critic), _collapse(diversity)]
    if not critic:
        found[1:1] = [
            _won(accuracy),
            _learned_nothing(early, late),
            _saturation(early, late, accuracy),
        ]
    distance = late("real_logit") - late("fake_logit") if critic else None
    return Report(tuple(f for f in found if f), accuracy, diversity, distance)


def _divergence(history, third, critic):
    losses, logits = [history.discriminator_loss], [history.real_logit, history.fake_logit]
    if critic:
        logits = [history.real_logit - history.fake_logit]  # a common shift of scores is harmless
    else:
        losses.append(history.generator_loss)
    logit = np.max([abs(np.median(values[-third:])) for values in logits])
    growth = np.max(  # keeps NaN, as does the other
        [abs(np.median(v[-third:])) / max(abs(np.median(v[:third])), 0.1) for v in losses]
    )
    if np.isfinite([logit, growth]).all() and not (logit > FLOAT32_LOGIT and growth > LOSS_GROWTH):
        return None
    return Finding(
        "divergence",
        f"mean logits of {logit:.3g}, beyond ±{FLOAT32_LOGIT}, and losses {growth:.3g} times those "
        f"of the beginning",
        "lower learning rates, or a penalty such as penalties.r1; the last good checkpoint is "
        "where to start from",
    )


def _won(accuracy):
    if accuracy <= WON_ACCURACY:
        return None
    return Finding(
        "discriminator has won",
        f"it is right on {accuracy:.1%} of images, above {WON_ACCURACY:.0%}: less than a tenth of "
        f"the two distributions overlaps",
        "more weight on penalties.r1, augmentation if images are few, a lower learning rate for "
        "the discriminator",
    )


def _learned_nothing(early, late):
    gaps = [abs(some("real_logit") - some("fake_logit")) for some in (early, late)]
    if not max(gaps) < UNDECIDED_GAP:  # NaN is a divergence
        return None
    return Finding(
        "discriminator has learned nothing",
        f"mean logits of real and of generated images differ by {gaps[0]:.2g} early and by "
        f"{gaps[1]:.2g} late, below {UNDECIDED_GAP}, so the generator is told nothing",
        "a third of the generator's learning rate, so that the discriminator can follow it",
    )


def _saturation(early, late, accuracy):
    loss, share = late("generator_loss"), 1.0
    if accuracy > WON_ACCURACY:
        share = late("generator_gradient_norm") / max(early("generator_gradient_norm"), 1e-12)
    evidence = f"the generator's gradient has {share:.1%} of its early norm"
    # Only the minimax loss, E log(1 − σ), lies below 0 where logits lie below −1; the mean of its
    # slopes σ is at most −loss, as σ ≤ −log(1 − σ).
    if loss <= 0 and late("fake_logit") < -1 and -loss / 0.5 < share:
        share = -loss / 0.5
        evidence = f"the generator's loss is {loss:.2g}, so its slope is at most {share:.1%} of ½"
    if share >= SATURATED_SHARE:
        return None
    return Finding(
        "saturation",
        f"{evidence}, below {SATURATED_SHARE:.0%}, while the discriminator is sure",
        "losses.non_saturating instead of losses.minimax; a weaker discriminator",
    )


def _collapse(diversity):
    if diversity >= COLLAPSED_DIVERSITY:
        return None
    return Finding(
        "collapse",
        f"generated images spread {diversity:.0%} as much as real ones, below "
        f"{COLLAPSED_DIVERSITY:.0%}",
        "penalties.r1, layers.MinibatchStdDev or packing, and a smaller learning rate of the "
        "generator",
    )


# ---- the classes ---------------------------------------------------------------------------


def within_classes(real: data.Images, fake: data.Images) -> tuple[Finding, ...]:
    """Looks for classes of which nearly the same picture is drawn again and again.

    A history does not show this: its diversity pools the classes, and one picture of each of ten
    spreads almost as much as many do. Here a class's images are compared with real ones of the same
    class: the standard deviation of a pixel over the images, averaged over the pixels.

    Args:
        real: `data.Images` with labels.
        fake: `data.Images` with labels of the same classes and images of the same shape. A class
            with fewer than two images here or among ``real`` is passed over.

    Returns:
        One `Finding` that names the classes that have collapsed; none, ``()``, if all are well.

    Raises:
        ValueError: if one has no labels, the shapes differ, or no class has two images in both.

    Example:
        >>> import numpy as np
        >>> from ganlib import data, health
        >>> digits = data.load_digits()
        >>> first = [np.argmax(digits.labels == label) for label in range(10)]
        >>> repeated = digits[np.repeat(first, 20)]
        >>> [finding.name for finding in health.within_classes(digits, repeated)]
        ['collapse within a class']
        >>> health.within_classes(digits, digits[:900])
        ()

    Reference:
        Chapter 09_conditional.
    """
    for name, images in (("real", real), ("fake", fake)):
        if getattr(images, "labels", None) is None:
            raise ValueError(
                f"received {name} images without labels; expected a class for each. Pass "
                "data.Images(images, labels)."
            )
    if real.images.shape[1:] != fake.images.shape[1:]:
        raise ValueError(
            f"received images of shapes {real.images.shape[1:]} and {fake.images.shape[1:]}; "
            "expected one shape. Load the real ones at the size that is drawn."
        )
    spreads = {}
    for label in np.intersect1d(real.labels, fake.labels):
        real_spread, fake_spread = (_spread(images, label) for images in (real, fake))
        if real_spread and fake_spread is not None:  # else it is one picture, or none to compare
            spreads[int(label)] = fake_spread / real_spread
    if not spreads:
        raise ValueError(
            f"received {len(real)} real and {len(fake)} generated images; expected a class with "
            "two or more different ones of either. Draw more of each class."
        )
    return _collapsed_classes(spreads, fake.class_names or real.class_names)


def _spread(images, label):
    """Mean over the pixels of their deviation in a class; None of fewer than two images."""
    own = images.images[images.labels == label]
    return None if len(own) < 2 else float(np.std(own, axis=0, ddof=1, dtype=np.float32).mean())


def _collapsed_classes(spreads, class_names):
    few = {label: spread for label, spread in spreads.items() if spread < COLLAPSED_DIVERSITY}
    if not few:
        return ()
    titles = [class_names[label] if class_names else str(label) for label in few]
    least, most = min(few.values()), max(few.values())
    each = f"{least:.0%}" if len(few) == 1 else f"{least:.0%} to {most:.0%}"
    return (
        Finding(
            "collapse within a class",
            f"images of {', '.join(titles)} spread {each} as much as real ones of that class, "
            f"below {COLLAPSED_DIVERSITY:.0%}",
            "a lower learning rate of the generator, penalties.r1 or more of it, and fewer classes "
            "if some have hardly any images",
        ),
    )


# ---- the machine -------------------------------------------------------------------------------


def machine() -> dict[str, str]:
    """Says what is installed, what it computes on, and which data sets lie here.

    Nothing is downloaded, and TensorFlow may be missing.

    Returns:
        dict: what -> a few words on it.

    Example:
        >>> from ganlib import health
        >>> list(health.machine())[:3]
        ['ganlib', 'Python', 'NumPy']
    """
    found = {
        "ganlib": ganlib.__version__,
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
    }
    for package in ("NumPy", "Pillow"):
        found[package] = importlib.metadata.version(package)
    found |= _devices()
    with contextlib.suppress(OSError):  # where the folder is gone in which it was called
        found["disk"] = f"{shutil.disk_usage(os.getcwd()).free / 1e9:.0f} GB free here"
    for title, folder in data.find_datasets().items():
        found[title] = "not here: comes when it is first used" if folder is None else f"{folder}"
    return found


def _devices():
    """What TensorFlow computes on, if it is there."""
    try:
        from ganlib._tensorflow import devices, keras, tf
    except ImportError as error:
        return {"TensorFlow": f"{error}"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        devices.warn_of_idle_gpu()
    found = {"TensorFlow": tf.__version__, "Keras": keras.__version__}
    found["computes on"] = devices.description()
    if caught:
        found["an idle GPU"] = str(caught[0].message)
    in_hardware = "in hardware" if devices.has_bfloat16() else "not in hardware: float32 is faster"
    return found | {"bfloat16": in_hardware}
