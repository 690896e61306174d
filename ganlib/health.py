"""A diagnosis of a run from what it recorded: `report` names what went wrong, and what to try.

`machine` is one of the machine: what is installed, and what it computes on.

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
# Late losses over early ones. The medians of the thirds lie at 1/6 and 5/6 of a run, so what grows
# steadily grows fivefold between them. Twice that grows faster and faster.
LOSS_GROWTH = 10.0


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        name: "divergence", "discriminator has won", "saturation" or "collapse".
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
    """Looks for divergence, a discriminator that has won, saturation, and collapse.

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
        found[1:1] = [_won(accuracy), _saturation(early, late, accuracy)]
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
