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
    for _ in range(8):
        real, fake = (rng.normal(rng.uniform(-3, 3), 2, rng.integers(3, 9)) for _ in "ab")
        expected = sum(map(float, real)) / len(real) - sum(map(float, fake)) / len(fake)
        close(ask("gap", real, fake), expected, "the gap")
