"""What a run is given beside its networks: options and penalties."""

import dataclasses
from collections.abc import Callable
from typing import Any

from ganlib import _checks
from ganlib._tensorflow import tf

_MAX_DISCRIMINATOR_STEPS = 60  # so many have draws of their own within a step


@dataclasses.dataclass(frozen=True)
class Options:
    """How a pair is trained, apart from its loss, penalties, terms and optimizers.

    Attributes:
        batch_size: real images per discriminator step, over all replicas; as many are generated.
        num_discriminator_steps: discriminator steps per generator step.
        ema_decay: decay of the generator's exponential moving average, in [0, 1); early on it is
            at most (1 + step) / (10 + step), so that the average forgets the first weights.
        steps_per_call: steps inside one compiled call; also how often losses are recorded.
        jit_compile: whether XLA compiles the step. None: on one GPU, for networks of 100,000
            weights or more; on a CPU it is slower, small networks are done before it has compiled
            them, and a strategy has no use of it. The run is the same to rounding.
        seed: the run's seed, from −2³¹ to 2³² − 1.
        augment: what the discriminator's images go through, real and generated alike:
            ``augment.DiffAugment``, ``augment.ADA`` or ``augment.Noise``. None: nothing.
        strategy: a ``tf.distribute.Strategy`` under whose scope both networks were built. None:
            one device.
        weight_clip: bound c to whose interval [−c, c] each weight of the discriminator is clipped
            after its step (Arjovsky, Chintala and Bottou, ICML 2017). None: no clipping.
        measure: what generated images alone go through before a discriminator sees them, where the
            real ones were measured before they came: a function (images, seed) -> images of the
            same shape, made of TensorFlow's operations, such as one that hides pixels, or
            ``augment.Noise``. The generator then learns what the images were before they were
            measured, and ``sample`` draws such ones (Bora, Price and Dimakis, *AmbientGAN*, ICLR
            2018). Augmentation comes after it. None: nothing.

    Raises:
        ValueError: if a number is none, such as a string, or out of range, or XLA is to compile a
            step of several devices.
    """

    batch_size: int = 64
    num_discriminator_steps: int = 1
    ema_decay: float = 0.998
    steps_per_call: int = 50
    jit_compile: bool | None = None
    seed: int = 0
    augment: Callable | None = None
    strategy: Any = None
    weight_clip: float | None = None
    measure: Callable | None = None

    def __post_init__(self) -> None:
        """Check the numbers, and hold them as Python's own, as checkpoints compare them."""
        _checks.take_plain(self)
        _checks.positive_integers(batch_size=self.batch_size, steps_per_call=self.steps_per_call)
        fix = "Pass for instance seed=0"
        _checks.integer("seed", self.seed, at_least=-(2**31), at_most=2**32 - 1, fix=fix)
        if self.jit_compile is not None and not isinstance(self.jit_compile, bool):
            raise ValueError(
                f"received jit_compile={self.jit_compile!r}; expected True, False or None. Pass "
                "None for XLA on a GPU only."
            )
        if self.strategy is not None and not isinstance(self.strategy, tf.distribute.Strategy):
            raise ValueError(
                f"received strategy={self.strategy!r}; expected a tf.distribute.Strategy or None. "
                "Pass for instance tf.distribute.MirroredStrategy()."
            )
        if self.strategy is not None and self.jit_compile:
            # Keras's optimizers count their steps for all replicas together. On GPUs TensorFlow
            # lets no function that XLA compiles do so, and ends at the first step.
            raise ValueError(
                "received jit_compile=True with a strategy; expected None or False, as XLA cannot "
                "compile what the devices of a strategy do together. Leave jit_compile out, or "
                "for one device the strategy."
            )
        _checks.integer(
            "num_discriminator_steps",
            self.num_discriminator_steps,
            at_most=_MAX_DISCRIMINATOR_STEPS,
        )
        _checks.number("ema_decay", self.ema_decay, at_least=0, below=1)
        if self.weight_clip is not None:
            _checks.number("weight_clip", self.weight_clip, above=0, fix="Pass None for none")
        replicas = self.num_replicas
        if self.batch_size % replicas:
            raise ValueError(
                f"received batch_size={self.batch_size}; expected a multiple of {replicas}, as so "
                f"many replicas share a batch. Pass for instance batch_size={replicas * 32}."
            )

    @property
    def num_replicas(self) -> int:
        """Number of devices that share a batch, int."""
        return 1 if self.strategy is None else self.strategy.num_replicas_in_sync


@dataclasses.dataclass(frozen=True)
class Penalty:
    """A gradient penalty with its weight, added every ``interval`` steps (lazy regularisation).

    A penalty that comes every k steps is multiplied by k, so that its weight means the same.

    Attributes:
        function: one of ``penalties``: (discriminator, real, fake, seed) -> scalar.
        weight: its factor; for R1 this is γ.
        interval: number of steps from one to the next.

    Raises:
        ValueError: if the function is none, or a number is not a number or out of range.

    Reference:
        Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, CVPR 2020, app. B.
    """

    function: Callable
    weight: float = 1.0
    interval: int = 1

    def __post_init__(self) -> None:
        """Check the numbers, and hold them as Python's own."""
        _checks.take_plain(self)
        _checks.positive_integers(interval=self.interval)
        _checks.number("weight", self.weight, fix="Pass for instance weight=0.3")
        if not callable(self.function):
            raise ValueError(
                f"received function={self.function!r}; expected a function (discriminator, real, "
                "fake, seed) -> scalar. Pass for instance penalties.r1."
            )
