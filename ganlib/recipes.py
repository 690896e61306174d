"""The book's settings, ready to use: what is to be trained, and networks, rates and penalty for it.

A GAN has a dozen settings that have to fit each other, and to the images. A `Recipe` holds one set
that did; ``gan`` makes a pair from it that is ready to train. Change what you like with
``dataclasses.replace``.

Reference:
    Each recipe names the lab that explains it, and measures what it reaches.
"""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

from ganlib import _checks, augment, penalties, training
from ganlib._tensorflow import keras
from ganlib.models import dcgan, heads

__all__ = ["Recipe", "few_images", "small_colour", "small_grey", "small_grey_by_class"]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings of a convolutional GAN that belong together.

    Attributes:
        width: channels of the generator's last hidden layer.
        discriminator_width: channels of the discriminator's first layer.
        latent_dim: length of a latent vector.
        num_residuals: convolutions on the generator's first grid.
        generator_rate: learning rate of the generator's Adam, at the beginning.
        discriminator_rate: the same of the discriminator's.
        milestones: pairs (share of all steps, factor): from there on both rates are multiplied by
            that factor.
        beta_1: momentum of both Adams.
        beta_2: decay of the mean of squared gradients, of both.
        gamma: weight γ of the gradient penalty R1; 0: none.
        penalty_interval: steps from one penalty to the next.
        batch_size: real images a step.
        ema_decay: decay of the generator's moving average.
        augment: what the discriminator's images go through, or None.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> import dataclasses
        >>> from ganlib import recipes
        >>> recipe = dataclasses.replace(recipes.small_grey, width=8, batch_size=32)
        >>> gan = recipe.gan(28, 1, num_steps=7_000)
        >>> gan.options.batch_size
        32
    """

    width: int = 16
    discriminator_width: int = 16
    latent_dim: int = 64
    num_residuals: int = 0
    generator_rate: float = 1.2e-3
    discriminator_rate: float = 1.2e-3
    milestones: tuple = ((0.6, 0.1**0.5), (0.85, 0.1))
    beta_1: float = 0.0
    beta_2: float = 0.99
    gamma: float = 4.0
    penalty_interval: int = 16
    batch_size: int = 64
    ema_decay: float = 0.998
    augment: Callable | None = None

    def __post_init__(self):
        """Check what neither the networks nor ``training`` check."""
        for name in ("generator_rate", "discriminator_rate"):
            _checks.number(name, getattr(self, name), above=0)
        _checks.number("gamma", self.gamma, at_least=0, fix="Pass 0 for no penalty")
        shares = [share for share, _ in self.milestones]
        if shares != sorted(set(shares)) or not all(0 < share < 1 for share in shares):
            raise ValueError(
                f"received milestones={self.milestones!r}; expected pairs (share of all steps, "
                "factor) whose shares rise between 0 and 1. Pass () for rates that stay."
            )

    def networks(
        self,
        image_size: int,
        channels: int,
        num_classes: int | None = None,
        *,
        head: Callable = heads.projection,
    ) -> tuple[keras.Model, keras.Model]:
        """The pair that the recipe was found with: DCGANs of its widths.

        Args:
            image_size: side of the images: 28, 32, 64 or 128.
            channels: 1 (grey) or 3 (colour).
            num_classes: number of classes for a conditional pair, or None.
            head: the discriminator's last part, one of ``models.heads``.

        Returns:
            ``(generator, discriminator)``; see ``models.dcgan``.

        Example:
            >>> from ganlib import recipes
            >>> generator, discriminator = recipes.few_images.networks(64, 3)
            >>> generator.output_shape
            (None, 64, 64, 3)
        """
        return (
            dcgan.generator(
                image_size,
                channels,
                self.latent_dim,
                self.width,
                num_classes,
                num_residuals=self.num_residuals,
            ),
            dcgan.discriminator(
                image_size, channels, self.discriminator_width, num_classes, head=head
            ),
        )

    def optimizer(self, rate: float, num_steps: int) -> keras.optimizers.Adam:
        """Adam whose rate falls near the end of a run.

        Args:
            rate: learning rate at the beginning.
            num_steps: steps of the whole run. Choose it before the first step: a run that goes on
                beyond it does so with the last rate.

        Returns:
            A ``keras.optimizers.Adam``.

        Example:
            >>> from ganlib import recipes
            >>> adam = recipes.small_grey.optimizer(1e-3, num_steps=1_000)
            >>> [round(float(adam._learning_rate(step)), 6) for step in (0, 700, 900)]
            [0.001, 0.000316, 0.0001]
        """
        _checks.positive_integers(num_steps=num_steps)
        if self.milestones:
            rate = keras.optimizers.schedules.PiecewiseConstantDecay(
                [int(share * num_steps) for share, _ in self.milestones],
                [rate, *(factor * rate for _, factor in self.milestones)],
            )
        return keras.optimizers.Adam(rate, beta_1=self.beta_1, beta_2=self.beta_2)

    def settings(self, num_steps: int, **options: Any) -> dict[str, Any]:
        """What ``training.GAN`` takes beside networks and loss; for networks of one's own.

        Args:
            num_steps: steps of the whole run.
            **options: fields of ``training.Options`` that the recipe does not set, such as
                ``seed``, or is to set otherwise.

        Returns:
            Dict with ``penalties``, both optimizers and ``options``.

        Example:
            >>> from ganlib import recipes, training
            >>> from ganlib.models import resnet
            >>> gan = training.GAN(
            ...     resnet.generator(32, 3, 64, width=8),
            ...     resnet.discriminator(32, 3, width=8),
            ...     **recipes.small_colour.settings(num_steps=20_000, seed=1),
            ... )
            >>> gan.penalties[0].interval
            16
        """
        kept = {name: getattr(self, name) for name in ("batch_size", "ema_decay", "augment")}
        penalty = training.Penalty(penalties.r1, self.gamma, self.penalty_interval)
        return {
            "penalties": [penalty] if self.gamma else [],
            "generator_optimizer": self.optimizer(self.generator_rate, num_steps),
            "discriminator_optimizer": self.optimizer(self.discriminator_rate, num_steps),
            "options": training.Options(**kept | options),
        }

    def gan(
        self,
        image_size: int,
        channels: int,
        num_steps: int,
        *,
        num_classes: int | None = None,
        seed: int = 0,
        **options: Any,
    ) -> training.GAN:
        """A pair with the recipe's networks and settings, not yet trained.

        Args:
            image_size: side of the images: 28, 32, 64 or 128.
            channels: 1 (grey) or 3 (colour).
            num_steps: steps of the whole run, after which the learning rates have fallen.
            num_classes: number of classes, for a GAN that is asked for one; or None.
            seed: of first weights, image order and latents. Keras's global seed is set to it.
            **options: further fields of ``training.Options``, such as ``strategy``.

        Returns:
            A ``training.GAN``.

        Raises:
            ValueError: if a size is not supported, or an option is out of range.

        Example:
            >>> from ganlib import recipes
            >>> gan = recipes.small_grey_by_class.gan(28, 1, num_steps=6_000, num_classes=10)
            >>> gan.sample(3, labels=[0, 0, 7]).shape
            (3, 28, 28, 1)
        """
        keras.utils.set_random_seed(seed)
        strategy = options.get("strategy")
        with strategy.scope() if strategy else contextlib.nullcontext():
            networks = self.networks(image_size, channels, num_classes)
            settings = self.settings(num_steps, seed=seed, **options)
        return training.GAN(*networks, **settings)


#: Grey images of 28 or 32 pixels, tens of thousands of them. Lab 7 explains it, and reaches its
#: published distance with it in 7,000 steps.
small_grey = Recipe(
    discriminator_width=24, num_residuals=2, generator_rate=2e-3, discriminator_rate=1.2e-3
)

#: The same with classes: lab 9, 6,000 steps.
small_grey_by_class = Recipe()

#: Some hundred pictures or fewer, in colour, 64 pixels wide: shifted before the discriminator sees
#: them, and with a strong penalty. Lab 8, 3,500 steps.
few_images = Recipe(
    milestones=((0.7, 0.4), (0.88, 0.1)),
    gamma=10.0,
    batch_size=32,
    augment=augment.DiffAugment(
        brightness=0.0, saturation=0.0, contrast=0.0, translation=0.125, cutout=0.0
    ),
)

#: Tens of thousands of colour images of 32 pixels: the generator goes a third as fast as the
#: discriminator, both are narrow, and the penalty is light.
small_colour = Recipe(width=8, num_residuals=2, generator_rate=4e-4, gamma=0.1, batch_size=32)
