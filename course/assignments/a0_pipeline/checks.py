"""The checks of assignment 0."""

import numpy as np

from course.grader.checks import check, close

MODULES = ("numpy",)
FUNCTIONS = {"q1": ["gap"]}


@check("q1", 1, visible=True)
def example(ask, rng):
    """the example of the notebook"""
    close(ask("gap", np.array([1.0, 3.0]), np.array([0.5, 0.5])), 1.5, "the gap")


@check("q1", 1)
def drawn(ask, rng):
    """fresh logits, the batches of unequal size"""
    for k in range(8):
        n, m = rng.permutation(np.arange(3, 9))[:2]
        real, fake = (-1) ** k * 3 + rng.uniform(-1, 1, n), rng.uniform(-1, 1, m) ** 3
        expected = sum(map(float, real)) / len(real) - sum(map(float, fake)) / len(fake)
        close(ask("gap", real, fake), expected, "the gap")
