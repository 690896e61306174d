"""What a run records."""

import dataclasses
from typing import Self

import numpy as np

# What one step yields, in the order of the tensor that train_step returns.
STATISTICS = (
    "discriminator_loss",
    "generator_loss",
    "real_logit",
    "fake_logit",
    "real_sign",
    "fake_sign",
    "generator_gradient_norm",
    "diversity",
)


@dataclasses.dataclass
class History:
    """What a run recorded: one entry for each compiled call, means over its steps.

    Attributes:
        step: last step of the call, int64 (n,).
        discriminator_loss: float32 (n,), without penalties and terms.
        generator_loss: float32 (n,), without terms.
        real_logit: mean logit of real images, float32 (n,).
        fake_logit: mean logit of generated images at the discriminator's step, float32 (n,).
        real_sign: mean sign of the real images' logits, counted from the loss's border between
            real and generated, float32 (n,), in [−1, 1].
        fake_sign: the same of generated images.
        generator_gradient_norm: norm of the gradient of the generator's loss with respect to its
            weights, float32 (n,).
        diversity: spread of the generated images of a batch over that of the real ones (standard
            deviation of a value across the batch, mean over values), float32 (n,).
        augment_probability: ADA's probability at the end of the call, float32 (n,); 1 for a fixed
            augmentation, 0 without one.
        seconds: training time since step 0, float64 (n,), without compiling, checkpoints and
            callbacks.
        images_per_second: real images per second of training time, float64 (n,).
        compile_seconds: time that the step was compiled before the call, float64 (n,): 0 but for
            the first call of ``train``.
    """

    step: np.ndarray
    discriminator_loss: np.ndarray
    generator_loss: np.ndarray
    real_logit: np.ndarray
    fake_logit: np.ndarray
    real_sign: np.ndarray
    fake_sign: np.ndarray
    generator_gradient_norm: np.ndarray
    diversity: np.ndarray
    augment_probability: np.ndarray
    seconds: np.ndarray
    images_per_second: np.ndarray
    compile_seconds: np.ndarray

    @classmethod
    def empty(cls) -> Self:
        """A history of no steps.

        Returns:
            A ``History`` whose arrays have length 0.
        """
        dtypes = [np.int64] + 9 * [np.float32] + 3 * [np.float64]
        return cls(*(np.zeros(0, dtype) for dtype in dtypes))

    def append(self, **values: float) -> None:
        """Adds one entry.

        Args:
            **values: a number for each attribute, by its name.
        """
        for name, value in values.items():
            old = getattr(self, name)
            setattr(self, name, np.append(old, np.asarray(value, old.dtype)))
