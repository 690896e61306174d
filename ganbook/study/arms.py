"""The arms of the study: ways to get a classifier from the same few images.

`few_images`, `few_labels` and `imbalance` are the three settings. Each takes a
`comparison.Material` and a `Trainer` and gives the setting's arms by name, as functions without
arguments that train a classifier and return it. What several arms need, such as a GAN, is trained
when the first of them is called. The `Trainer` spends the same budget on every classifier and stops
at a held-out image.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from ganlib import _checks, augment, classify, data, features, losses, penalties, training
from ganlib._tensorflow import keras, tf
from ganlib.models import dcgan, heads, mlp

_SMALLEST_CONVOLVED = 28  # sides below it get the dense pair,
_UNITS = 8  # with so many units of a layer for each channel of the convolutional pair


@dataclasses.dataclass(frozen=True)
class Settings:
    """What all cells of a study have in common.

    Attributes:
        num_steps: steps of every classifier, whatever it learns from.
        batch_size: images of a step, of the classifiers and of the GANs.
        width: channels of the classifier's first convolution.
        policy: classical augmentation, an `augment.Classical`, or None.
        num_gan_steps: steps of a conditional GAN.
        num_pretrain_steps: steps of a GAN without labels, for its discriminator's layers.
        num_semi_steps: steps of a GAN whose discriminator is a classifier.
        gan_width: channels of a generator's last hidden layer.
        num_residuals: 3×3 convolutions on a generator's first grid.
        discriminator_width: channels of a discriminator's first layer.
        latent_dim: length of a latent vector.
        generator_rate: learning rate, which falls after 60 and 85% of the steps to a tenth.
        discriminator_rate: likewise.
        gamma: weight of the penalty R1, taken every 16 steps.
        few_gamma: the same where a GAN learns from few images.
        gan_augment: what a discriminator's images go through where a GAN learns from few; or None.
        ratio: generated images for each real one, in each class that gets some.
        num_synthetic: images of such a class, real and generated, real ones repeated.
        pseudo_ratio: pseudo-labelled images for each labelled one.
        confident_share: share of the pseudo-labelled images that is kept, class by class.
        matching_weight: factor of feature matching in the semi-supervised GAN.
        ablations: whether there are arms with other ratios, with generated images that a
            classifier is sure of, and one without a GAN that has the GAN's steps as well.

    Raises:
        ValueError: if a number of steps or images is no positive integer, a share none, or
            ``ablations`` neither True nor False.
    """

    num_steps: int = 1000
    batch_size: int = 64
    width: int = 32
    policy: Callable | None = None
    num_gan_steps: int = 2000
    num_pretrain_steps: int = 3000
    num_semi_steps: int = 1500
    gan_width: int = 16
    num_residuals: int = 2
    discriminator_width: int = 24
    latent_dim: int = 64
    generator_rate: float = 2e-3
    discriminator_rate: float = 1.2e-3
    gamma: float = 4.0
    few_gamma: float = 0.1
    gan_augment: Callable | None = None
    ratio: float = 1.0
    num_synthetic: int = 2000
    pseudo_ratio: float = 1.0
    confident_share: float = 0.5
    matching_weight: float = 0.1
    ablations: bool = False

    def __post_init__(self):
        """Check what would otherwise be found out after the first arms are trained."""
        _checks.flags(ablations=self.ablations)
        for field in dataclasses.fields(self):
            if field.type is int:
                at_least = 0 if field.name == "num_residuals" else 1
                _checks.integer(field.name, getattr(self, field.name), at_least=at_least)
        _checks.number("confident_share", self.confident_share, above=0, at_most=1)


class Trainer:
    """Trains what arms need: equal budgets, and no image that is held out.

    Attributes:
        spent: one entry for each trained network, ``(kind, number of steps)``.
        gan: the conditional GAN that was trained last, which the arms share.

    Args:
        settings: a `Settings`.
        seal: the ``seal`` of a `comparison.HeldOut`: it knows the held-out images by hash alone.
        seed: decides all that is random, the first weights among it.
    """

    def __init__(self, settings, seal, seed=0):
        self.settings, self.seed, self.spent, self.gan = settings, seed, [], None
        self._seal = seal

    def classifier(self, images, validation, augment=None, model=None, num_steps=None):
        """A classifier after ``settings.num_steps`` steps, stopped early in the same budget.

        Args:
            images: labelled `data.Images`.
            validation: labelled `data.Images` for the early stop.
            augment: a policy such as `augment.Classical`, or None.
            model: a network to begin from, as `classify.fit` takes it; or None.
            num_steps: another number of steps, for the one arm that asks what more of them bring.

        Returns:
            A `features.Classifier`.

        Raises:
            comparison.LeakError: if one of the images is held out.
        """
        settings = self.settings
        num_steps = settings.num_steps if num_steps is None else num_steps
        self._seal.require_unseen(images.images, "a classifier's training set")
        self._seal.require_unseen(validation.images, "a classifier's validation part")
        self.spent.append(("classifier", num_steps))
        if model is None:
            shape = images.images.shape[1:]
            model = classify.network(shape, images.num_classes, settings.width, seed=self.seed)
        return classify.fit(
            model,
            images,
            num_steps,
            self.seed,
            augment=augment,
            validation=validation,
            batch_size=settings.batch_size,
        )

    def conditional_gan(self, images, augment=None):
        """A GAN that draws each class, after ``settings.num_gan_steps`` steps.

        Args:
            images: labelled `data.Images`.
            augment: what the discriminator's images go through, or None.

        Returns:
            A `training.GAN`, whose discriminator has the output "features".

        Raises:
            comparison.LeakError: if one of the images is held out.
        """
        networks = self._networks(images, heads.feature_matching, images.num_classes)
        self.gan = self._trained(images, networks, self.settings.num_gan_steps, augment)
        return self.gan

    def unconditional_gan(self, images):
        """A GAN without labels, after ``settings.num_pretrain_steps`` steps.

        Args:
            images: uint8 array (n, height, width, channels).

        Returns:
            A `training.GAN`, whose discriminator has the output "features".

        Raises:
            comparison.LeakError: if one of the images is held out.
        """
        images = data.Images(images)
        networks = self._networks(images, heads.feature_matching, None)
        return self._trained(images, networks, self.settings.num_pretrain_steps, None)

    def semi_supervised_gan(self, labelled, unlabelled, augment=None):
        """A GAN whose discriminator classifies; half of its real images have a label.

        The generator learns from feature matching alone, as in the paper. Unlabelled images go in
        under one label more than there are, which the class's loss leaves out.

        Args:
            labelled: labelled `data.Images`.
            unlabelled: uint8 images without labels.
            augment: what the discriminator's images go through, or None.

        Returns:
            A `training.GAN`, whose discriminator has the output "class_logits".

        Raises:
            comparison.LeakError: if one of the images is held out.

        Reference:
            Salimans et al., *Improved Techniques for Training GANs*, NIPS 2016, section 5.
        """
        num_classes = labelled.num_classes
        repeated = np.resize(np.arange(len(labelled)), max(len(labelled), len(unlabelled)))
        images = data.Images(
            np.concatenate([unlabelled, labelled.images[repeated]]),
            np.concatenate([np.full(len(unlabelled), num_classes), labelled.labels[repeated]]),
        )
        networks = self._networks(labelled, heads.semi_supervised, None)
        term = losses.semi_supervised()

        def known(real_outputs, fake_outputs, labels):
            labels = tf.where(labels < num_classes, labels, -1)  # that of an unlabelled image
            return term.discriminator(real_outputs, fake_outputs, labels)

        terms = (
            term._replace(discriminator=known),
            losses.feature_matching(self.settings.matching_weight),
        )
        return self._trained(images, networks, self.settings.num_semi_steps, augment, terms)

    def start(self, discriminator, images, *, frozen=False, num_layers=1):
        """A classifier that begins with a discriminator's layers.

        Args:
            discriminator: ``keras.Model`` of ``models.dcgan`` or ``models.mlp``.
            images: `data.Images` with the classes.
            frozen: as in `classify.from_discriminator`.
            num_layers: likewise.

        Returns:
            A ``keras.Model`` for ``classifier(model=…)``; each call gives a new one.
        """
        return classify.from_discriminator(
            discriminator, images.num_classes, self.seed, frozen=frozen, num_layers=num_layers
        )

    def blended(self, images, extra, ratio=None, classes=None):
        """Images with extra ones, by the settings.

        Args:
            images: labelled `data.Images`.
            extra: labelled `data.Images`, or None to repeat the given ones.
            ratio: extra images for each given one; None for the settings' own.
            classes: the classes that get any; None for all.

        Returns:
            `data.Images`: where a class has extra images, ``settings.num_synthetic`` of both kinds
            together, or as many as the largest class has, if some are left out.
        """
        ratio = self.settings.ratio if ratio is None else ratio
        num_per_class = self.settings.num_synthetic
        if classes:
            num_per_class = int(np.bincount(images.labels).max())
        return augment.blend(images, extra, ratio, num_per_class=num_per_class, classes=classes)

    def _networks(self, images, head, generator_classes):
        """A new pair for images of that shape; the global random state decides its weights."""
        keras.utils.set_random_seed(self.seed)
        side, _, channels = images.images.shape[1:]
        settings, family, units, own = self.settings, mlp, _UNITS, {}
        if side >= _SMALLEST_CONVOLVED:
            family, units, own = dcgan, 1, {"num_residuals": settings.num_residuals}
        widths = units * settings.gan_width, units * settings.discriminator_width
        latent_dim, classes = settings.latent_dim, images.num_classes or None
        return (
            family.generator(side, channels, latent_dim, widths[0], generator_classes, **own),
            family.discriminator(side, channels, widths[1], classes, head=head),
        )

    def _trained(self, images, networks, num_steps, view, terms=()):
        """A pair after so many steps."""
        settings = self.settings
        self._seal.require_unseen(images.images, "a GAN's training set")
        self.spent.append(("gan", num_steps))
        gamma = settings.gamma if view is None else settings.few_gamma
        loss = losses.non_saturating
        if terms:  # the generator learns from the terms alone
            loss = loss._replace(generator=lambda real_logits, fake_logits: 0.0)
        gan = training.GAN(
            *networks,
            loss,
            penalties=[training.Penalty(penalties.r1, gamma, interval=16)],
            terms=terms,
            generator_optimizer=_adam(settings.generator_rate, num_steps),
            discriminator_optimizer=_adam(settings.discriminator_rate, num_steps),
            options=training.Options(batch_size=settings.batch_size, seed=self.seed, augment=view),
        )
        gan.train(images, num_steps, progress=False)
        return gan


def _adam(rate, num_steps):
    """Chapter 07's Adam: without momentum, and its rate falls twice."""
    steps = [int(0.6 * num_steps), int(0.85 * num_steps)]
    falling = keras.optimizers.schedules.PiecewiseConstantDecay(
        steps, [rate, 0.1**0.5 * rate, 0.1 * rate]
    )
    return keras.optimizers.Adam(falling, beta_1=0.0, beta_2=0.99)


# ---- sets to learn from ----------------------------------------------------------------------


def joined(first, second):
    """Two sets as one.

    Args:
        first: labelled `data.Images`, whose class names stay.
        second: likewise.

    Returns:
        `data.Images`.
    """
    return data.Images(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.labels, second.labels]),
        first.class_names,
    )


# ---- the settings ----------------------------------------------------------------------------


def few_images(material, trainer):
    """Few images, and the GAN has the same ones.

    Args:
        material: a `comparison.Material`.
        trainer: a `Trainer`.

    Returns:
        dict: an arm's name to a function without arguments that returns a `features.Classifier`.
    """
    own, view = material.labelled, trainer.settings.gan_augment
    plain = _plain_arms(material, trainer)
    gan = functools.cache(lambda: trainer.conditional_gan(own, view))
    return plain | _generated_arms(material, trainer, plain["classical"], gan)


def few_labels(material, trainer):
    """Few labels, and many images without.

    Three GANs see all images. For the conditional one, their labels are what the classical arm's
    classifier says. Pseudo-labelling, the rival without a GAN, has these labels too. One GAN has no
    labels at all, and three arms begin with its discriminator's layers: `frozen` leaves two of them
    as they are, `fine_tuned` goes on training them, and ``fine_tuned_pseudo_labels`` does so with
    what the frozen arm's classifier says. The semi-supervised GAN finds out for itself.

    Args:
        material: a `comparison.Material` with unlabelled images.
        trainer: a `Trainer`.

    Returns:
        dict: an arm's name to a function without arguments that returns a `features.Classifier`.

    Reference:
        Labels for a conditional GAN from few: Lučić et al., *High-Fidelity Image Generation With
        Fewer Labels*, ICML 2019.
    """
    own, names = material.labelled, material.labelled.class_names
    plain = _plain_arms(material, trainer)
    classical = plain["classical"]

    @functools.cache
    def gan():
        guessed = augment.pseudo_labelled(material.unlabelled, classical(), names)
        return trainer.conditional_gan(joined(own, guessed))

    @functools.cache
    def seen():
        return trainer.unconditional_gan(material.all_images()).discriminator

    def continued(**how):
        model = trainer.start(seen(), own, **how)
        return trainer.classifier(own, material.validation, trainer.settings.policy, model)

    frozen = functools.cache(lambda: continued(frozen=True, num_layers=2))

    def semi_supervised():
        network = trainer.semi_supervised_gan(own, material.unlabelled).discriminator
        outputs = [network.output[name] for name in ("features", "class_logits")]
        return features.Classifier("semi_supervised", keras.Model(network.inputs, outputs))

    return {
        **plain,
        "pseudo_labels": lambda: _student(material, trainer, classical()),
        **_generated_arms(material, trainer, classical, gan),
        "frozen": frozen,
        "fine_tuned": continued,
        "fine_tuned_pseudo_labels": lambda: _student(
            material, trainer, frozen(), trainer.start(seen(), own)
        ),
        "semi_supervised": semi_supervised,
    }


def imbalance(material, trainer):
    """Some classes are rare; the GAN has the same images as everybody.

    Args:
        material: a `comparison.Material` with rare classes.
        trainer: a `Trainer`.

    Returns:
        dict: an arm's name to a function without arguments that returns a `features.Classifier`.
    """
    own, view = material.labelled, trainer.settings.gan_augment
    plain = _plain_arms(material, trainer)
    gan = functools.cache(lambda: trainer.conditional_gan(own, view))

    def oversampled():
        repeated = trainer.blended(own, None, classes=material.rare)
        return trainer.classifier(repeated, material.validation, trainer.settings.policy)

    return {
        **plain,
        "oversampled": oversampled,
        **_generated_arms(material, trainer, plain["classical"], gan),
    }


def _plain_arms(material, trainer):
    """The arms of every setting that no GAN has a part in."""
    own, validation, policy = material.labelled, material.validation, trainer.settings.policy
    return {
        "real": lambda: trainer.classifier(own, validation),
        "classical": functools.cache(lambda: trainer.classifier(own, validation, policy)),
    }


def _generated_arms(material, trainer, classical, gan):
    """The arms of a conditional GAN: with real images, with classical augmentation too, and alone.

    Where there are rare classes, they alone get generated images.
    """
    settings, own, validation = trainer.settings, material.labelled, material.validation
    rare = material.rare or None

    @functools.cache
    def made():
        num_images = max(settings.num_synthetic, int(np.bincount(own.labels).max()))
        return augment.generated(gan(), own, num_images, trainer.seed)

    def mixed(policy, ratio=None, extra=made):
        images = trainer.blended(own, extra(), ratio, classes=rare)
        return trainer.classifier(images, validation, policy)

    def sure():
        return augment.most_confident(made(), classical(), settings.confident_share)

    arms = {
        "gan": lambda: mixed(None),
        "both": lambda: mixed(settings.policy),
        "synthetic": lambda: trainer.classifier(made(), validation),
    }
    if settings.ablations:
        arms |= {
            "both_half": lambda: mixed(settings.policy, ratio=0.5),
            "both_double": lambda: mixed(settings.policy, ratio=2.0),
            "both_confident": lambda: mixed(settings.policy, extra=sure),
            "classical_long": lambda: trainer.classifier(
                own,
                validation,
                settings.policy,
                num_steps=settings.num_steps + settings.num_gan_steps,
            ),
        }
    return arms


def _student(material, trainer, teacher, model=None):
    """A classifier that learns from the labelled images and from what its teacher says of others.

    A class that the teacher never names is learned from its labelled images alone.
    """
    settings, own = trainer.settings, material.labelled
    guessed = augment.pseudo_labelled(material.unlabelled, teacher, own.class_names)
    sure = augment.most_confident(guessed, teacher, settings.confident_share)
    num_per_class = round(len(sure) / own.num_classes * (1.0 + 1.0 / settings.pseudo_ratio))
    mixed = augment.blend(own, sure, settings.pseudo_ratio, num_per_class=num_per_class)
    return trainer.classifier(mixed, material.validation, settings.policy, model)
