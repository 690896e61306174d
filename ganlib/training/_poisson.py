"""Batches for private training: each example is in or out by a toss of its own."""

import math

import numpy as np

from ganlib import _checks

_LEFT_OUT = 1e-12  # probability per step that more examples are chosen than a batch has places


class PoissonBatches:
    """Batches in which each example is with one probability, independently of all others.

    So each step is a draw of its own, and no epoch shows every example once. This is what the
    accountants of differential privacy assume, whose ε does not hold for shuffled batches. The
    sizes differ from step to step, about a mean of rate · num_images; to be one compiled shape, a
    batch has a fixed number of places, of which the first ones are taken, and a mask.

    Who knows the seed knows who was in which batch, and then nothing is hidden by chance: the
    guarantee is void, and worse where the noise has the same seed. A run of this book can be made
    again because all that is random in it is a function of a published seed and the step. That is
    for teaching. A release takes its seed from the system, and keeps neither seed nor batches::

        batches = training.PoissonBatches(60_000, 256 / 60_000, seed=secrets.randbits(128))

    Philox, from which the draws come, is a generator for statistics and not for cryptography; where
    lives depend on it, take a library that was built for that.

    Attributes:
        rate: the probability, float.
        size: number of places of a batch, int.

    Args:
        num_images: number of examples.
        rate: the probability with which each is in a batch, above 0 and at most 1.
        seed: from 0 to 2¹²⁸ − 1; all bits count.
        size: number of places. None: so many that a batch is too large once in 10¹² steps at most,
            by Bernstein's inequality.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> from ganlib import training
        >>> batches = training.PoissonBatches(num_images=1000, rate=0.02, seed=0)
        >>> indices, mask = batches.indices(0, 3)
        >>> indices.shape == mask.shape == (3, batches.size)
        True
        >>> mask.sum(axis=1).tolist()
        [24, 23, 22]

    Reference:
        Abadi et al., *Deep Learning with Differential Privacy*, CCS 2016, section 3; shuffled
        batches: Chua et al., *How Private are DP-SGD Implementations?*, ICML 2024.
    """

    def __init__(
        self, num_images: int, rate: float, seed: int = 0, size: int | None = None
    ) -> None:
        _checks.positive_integers(num_images=num_images)
        _checks.number("rate", rate, above=0, at_most=1)
        fix = "Pass 0 for an exercise, secrets.randbits(128) where data are private"
        _checks.integer("seed", seed, at_least=0, at_most=2**128 - 1, fix=fix)
        if size is None:
            size = _places(num_images, rate)
        _checks.integer("size", size, at_most=num_images, fix="Pass None for as many as it takes")
        self.rate, self.size = float(rate), int(size)
        self._num_images, self._seed = int(num_images), int(seed)

    def indices(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Which examples make up the batches of some steps.

        Args:
            start: the first step.
            end: the step after the last one.

        Returns:
            ``(indices, mask)``, int32 and bool, both (steps, size). Where the mask is False, no
            example stands, and the index is 0.

        Raises:
            ValueError: if the steps are no range, or more examples were chosen than fit. To leave
                some out would void the guarantee.
        """
        _checks.integer("start", start, at_least=0, fix="Steps are counted from 0")
        _checks.integer("end", end, at_least=start, fix="It is the step after the last one")
        indices = np.zeros((end - start, self.size), np.int32)
        mask = np.zeros(indices.shape, bool)
        for row, step in enumerate(range(start, end)):
            chosen = self._chosen(step)
            if len(chosen) > self.size:
                raise ValueError(
                    f"received size={self.size}; expected at least {len(chosen)}, as so many "
                    f"examples were chosen for step {step}, and none may be left out. Pass "
                    "size=None."
                )
            indices[row, : len(chosen)], mask[row, : len(chosen)] = chosen, True
        return indices, mask

    def _chosen(self, step):
        """The examples of one step, ascending: a function of seed and step alone."""
        if self.rate == 1:
            return np.arange(self._num_images)
        # The seed is the key, the step the upper half of the counter: no two steps share a block.
        # Raw bits stay the same in all versions of NumPy, which is not promised of its floats.
        bits = np.random.Philox(key=self._seed, counter=step << 128).random_raw(self._num_images)
        return np.flatnonzero(bits < np.uint64(math.floor(self.rate * 2**64)))


def _places(num_images, rate):
    """A number that a batch exceeds with probability ``_LEFT_OUT`` at most, or all examples.

    Bernstein: P(X − E X ≥ t) ≤ exp(−t² / (2 (Var X + t / 3))), which is solved for t.
    """
    exponent, variance = -math.log(_LEFT_OUT), num_images * rate * (1 - rate)
    excess = exponent / 3 + math.sqrt((exponent / 3) ** 2 + 2 * exponent * variance)
    return min(num_images, math.ceil(num_images * rate + excess))
