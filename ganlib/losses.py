"""Adversarial losses: pure functions of the discriminator's logits.

A loss is a pair of functions, one for each player, and both are called in the same way:
``loss.discriminator(real_logits, fake_logits)`` and ``loss.generator(real_logits, fake_logits)``.
Both return a float32 scalar to be *minimised*. Logits are real numbers; where a probability is
needed, it is sigmoid(logit), and it is never formed: softplus keeps the losses finite.

Reference:
    Lucic et al., *Are GANs created equal?*, NeurIPS 2018, compares most of these; the book's
    notation page gives the symbols.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ganlib import _checks
from ganlib._tensorflow import tf


class Loss(NamedTuple):
    """The two players' losses.

    Both are functions ``(real_logits, fake_logits) -> float32 scalar``. The logits are float
    tensors of shape (n, 1) or (n,); the two batches may differ in size, except where a loss pairs
    real with fake (``relativistic``).

    Attributes:
        discriminator: what the discriminator minimises.
        generator: what the generator minimises.
        paired: whether the generator's loss looks at the real logits too.
        border: the logit between "real" and "generated", by which verdicts are counted. None:
            only differences of logits count, so the border lies midway between the two means.

    Example:
        >>> from ganlib import losses
        >>> float(losses.hinge.discriminator([[0.5]], [[-2.0]]))
        0.5
    """

    discriminator: Callable
    generator: Callable
    paired: bool = False
    border: float | None = 0.0


def _mean(values):
    return tf.reduce_mean(values)


def _float32(logits):
    """Losses are taken in float32: squares of large logits overflow float16."""
    return tf.cast(logits, tf.float32)


def _cross_entropy_discriminator(real_logits, fake_logits):
    """−E[log σ(real)] − E[log(1 − σ(fake))]."""
    real_logits, fake_logits = _float32(real_logits), _float32(fake_logits)
    # −log σ(a) = softplus(−a) and −log(1 − σ(a)) = softplus(a)
    return _mean(tf.nn.softplus(-real_logits)) + _mean(tf.nn.softplus(fake_logits))


def _minimax_generator(real_logits, fake_logits):
    """E[log(1 − σ(fake))], the value function's own term: it saturates where σ(fake) ≈ 0."""
    del real_logits
    return -_mean(tf.nn.softplus(_float32(fake_logits)))


def _non_saturating_generator(real_logits, fake_logits):
    """−E[log σ(fake)]."""
    del real_logits
    return _mean(tf.nn.softplus(-_float32(fake_logits)))


def _least_squares_discriminator(real_logits, fake_logits):
    """½E[(real − 1)²] + ½E[fake²]."""
    real_logits, fake_logits = _float32(real_logits), _float32(fake_logits)
    return 0.5 * (_mean(tf.square(real_logits - 1.0)) + _mean(tf.square(fake_logits)))


def _least_squares_generator(real_logits, fake_logits):
    """½E[(fake − 1)²]."""
    del real_logits
    return 0.5 * _mean(tf.square(_float32(fake_logits) - 1.0))


def _hinge_discriminator(real_logits, fake_logits):
    """E[max(0, 1 − real)] + E[max(0, 1 + fake)]."""
    real_logits, fake_logits = _float32(real_logits), _float32(fake_logits)
    return _mean(tf.nn.relu(1.0 - real_logits)) + _mean(tf.nn.relu(1.0 + fake_logits))


def _negative_fake_mean(real_logits, fake_logits):
    """−E[fake]."""
    del real_logits
    return -_mean(_float32(fake_logits))


def _wasserstein_discriminator(real_logits, fake_logits):
    """E[fake] − E[real]: minus the critic's estimate of the distance."""
    return _mean(_float32(fake_logits)) - _mean(_float32(real_logits))


def _relativistic(winner_logits, loser_logits):
    """E[softplus(loser − winner)], sample by sample: the winner should score above its partner."""
    if winner_logits.shape[0] != loser_logits.shape[0]:
        raise ValueError(
            f"received {winner_logits.shape[0]} logits of one kind and {loser_logits.shape[0]} of "
            "the other; expected as many, as relativistic pairs each real logit with a fake one. "
            "Give both batches the same size."
        )
    # reshape: (n, 1) − (n,) would broadcast to (n, n)
    difference = tf.reshape(loser_logits, [-1]) - tf.reshape(winner_logits, [-1])
    return _mean(tf.nn.softplus(difference))


def _relativistic_discriminator(real_logits, fake_logits):
    return _relativistic(_float32(real_logits), _float32(fake_logits))


def _relativistic_generator(real_logits, fake_logits):
    return _relativistic(_float32(fake_logits), _float32(real_logits))


minimax = Loss(_cross_entropy_discriminator, _minimax_generator)
"""The original zero-sum game, in which the generator minimises what the discriminator maximises.

The generator's gradient vanishes while the discriminator is sure. Reference: Goodfellow et al.,
*Generative Adversarial Nets*, NIPS 2014, eq. 1.
"""

non_saturating = Loss(_cross_entropy_discriminator, _non_saturating_generator)
"""The usual form, in which the generator maximises log σ(fake); its gradient stays alive.

Reference: Goodfellow et al., *Generative Adversarial Nets*, NIPS 2014, section 3.
"""

least_squares = Loss(_least_squares_discriminator, _least_squares_generator, border=0.5)
"""Regression of the logits on 1 (real) and 0 (fake).

Reference: Mao et al., *Least Squares Generative Adversarial Networks*, ICCV 2017, eq. 9.
"""

hinge = Loss(_hinge_discriminator, _negative_fake_mean)
"""The margin loss of SNGAN and BigGAN; logits beyond ±1 on the right side cost nothing.

Reference: Lim and Ye, *Geometric GAN*, 2017; Miyato et al., ICLR 2018, eqs. 16 and 17.
"""

wasserstein = Loss(_wasserstein_discriminator, _negative_fake_mean, border=None)
"""The critic's loss; it means something only for a critic whose slope is bounded (a penalty).

Reference: Arjovsky, Chintala and Bottou, *Wasserstein Generative Adversarial Networks*, ICML 2017.
"""

relativistic = Loss(_relativistic_discriminator, _relativistic_generator, True, border=None)
"""Each real image should score above the fake one that it is paired with, and the reverse.

Reference: Jolicoeur-Martineau, *The relativistic discriminator*, ICLR 2019; with ``r1`` and ``r2``
it is the objective of Huang et al., *The GAN is dead; long live the GAN!*, NeurIPS 2024.
"""


def smoothed(loss: Loss, share: float) -> Loss:
    """A cross-entropy whose label of real images is lowered from 1 to 1 − share.

    −(1 − s) log σ(a) − s log(1 − σ(a)) = softplus(−a) + s·a: the discriminator's loss gains s times
    the mean logit of real images, and is no longer lowest where it is sure. The generator's part
    stays as it is.

    Args:
        loss: a `Loss` whose discriminator's part is a cross-entropy of the logits: ``minimax``,
            ``non_saturating`` or one of your own.
        share: s, in [0, 0.5).

    Returns:
        A `Loss`.

    Raises:
        ValueError: if the share is out of range, or the loss has no labels to smooth.

    Example:
        >>> from ganlib import losses
        >>> loss = losses.smoothed(losses.non_saturating, 0.1)
        >>> round(float(loss.discriminator([[2.0]], [[-50.0]])), 4)  # softplus(−2) + 0.1 · 2
        0.3269

    Reference:
        Salimans et al., *Improved Techniques for Training GANs*, NIPS 2016, section 3.4.
    """
    reason = "From 0.5 on, real images would count as fake"
    _checks.number("share", share, at_least=0, below=0.5, fix=reason)
    if loss in (least_squares, hinge, wasserstein, relativistic):
        raise ValueError(
            "received a loss that is no cross-entropy and has no labels to smooth; expected one "
            "that is. Pass losses.minimax, losses.non_saturating or one like them."
        )
    # mypy takes a named tuple for one that cannot be called
    return loss._replace(discriminator=_Smoothed(loss.discriminator, share))  # type: ignore[arg-type]


class _Smoothed(NamedTuple):
    """A discriminator's loss with a lowered label; checkpoints know it by its words."""

    function: Callable
    share: float

    def __call__(self, real_logits, fake_logits):
        loss = self.function(real_logits, fake_logits)
        return loss + self.share * _mean(_float32(real_logits))

    def __repr__(self):
        return f"smoothed({self.function.__module__}.{self.function.__qualname__}, {self.share})"


class Term(NamedTuple):
    """An objective beside the adversarial one, for one player or both.

    Its functions are called as ``(real_outputs, fake_outputs, labels) -> float32 scalar``. Outputs
    are dicts of the discriminator's named outputs; labels are int32 (n,), −1 where unknown, and the
    i-th fake image was made for the i-th label.

    Attributes:
        discriminator: what is added to the discriminator's loss, or None.
        generator: what is added to the generator's loss, or None.
        weight: factor of both.
        outputs: names of the discriminator's outputs that are needed.
        paired: whether the generator's part looks at real images too.
        labelled: whether labels are needed.
    """

    discriminator: Callable | None = None
    generator: Callable | None = None
    weight: float = 1.0
    outputs: tuple = ()
    paired: bool = False
    labelled: bool = False

    def discriminator_loss(
        self,
        real_outputs: Mapping[str, tf.Tensor],
        fake_outputs: Mapping[str, tf.Tensor],
        labels: tf.Tensor | None,
    ) -> tf.Tensor:
        """What the term adds to the discriminator's loss.

        Args:
            real_outputs: dict of tensors for the real images.
            fake_outputs: dict of tensors for the generated ones.
            labels: int32 (n,).

        Returns:
            A scalar, 0.0 where the term has no such part.
        """
        if self.discriminator is None:
            return 0.0
        return self.weight * self.discriminator(real_outputs, fake_outputs, labels)

    def generator_loss(
        self,
        real_outputs: Mapping[str, tf.Tensor],
        fake_outputs: Mapping[str, tf.Tensor],
        labels: tf.Tensor | None,
    ) -> tf.Tensor:
        """What the term adds to the generator's loss.

        Args:
            real_outputs: dict of tensors for the real images.
            fake_outputs: dict of tensors for the generated ones.
            labels: int32 (n,).

        Returns:
            A scalar, 0.0 where the term has no such part.
        """
        if self.generator is None:
            return 0.0
        return self.weight * self.generator(real_outputs, fake_outputs, labels)


def _class_cross_entropy(outputs, labels):
    """Mean of −log softmax(class logits)[label] over the samples whose label is known."""
    known = tf.cast(labels >= 0, tf.float32)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        tf.maximum(labels, 0), _float32(outputs["class_logits"])
    )
    return tf.math.divide_no_nan(tf.reduce_sum(known * losses), tf.reduce_sum(known))


def _classify_real(real_outputs, fake_outputs, labels):
    del fake_outputs
    return _class_cross_entropy(real_outputs, labels)


def _classify_fake(real_outputs, fake_outputs, labels):
    del real_outputs
    return _class_cross_entropy(fake_outputs, labels)


def _classify_both(real_outputs, fake_outputs, labels):
    return _classify_real(real_outputs, fake_outputs, labels) + _classify_fake(
        real_outputs, fake_outputs, labels
    )


def _match_features(real_outputs, fake_outputs, labels):
    """‖E[φ(real)] − E[φ(fake)]‖²."""
    del labels
    means = [
        tf.reduce_mean(_float32(outputs["features"]), 0) for outputs in (real_outputs, fake_outputs)
    ]
    return tf.reduce_sum(tf.square(means[0] - means[1]))


def auxiliary_classifier(weight: float = 1.0) -> Term:
    """The discriminator also learns the class, of both kinds; the generator makes it recognisable.

    Args:
        weight: factor of the class's cross-entropy.

    Returns:
        A ``Term`` for a discriminator with the head ``heads.auxiliary_classifier``.

    Example:
        >>> from ganlib import losses
        >>> losses.auxiliary_classifier(weight=0.5).outputs
        ('class_logits',)

    Reference:
        Odena, Olah and Shlens, *Conditional Image Synthesis with Auxiliary Classifier GANs*,
        ICML 2017, eqs. 2 and 3. Chapter 09.
    """
    return Term(_classify_both, _classify_fake, weight, ("class_logits",), labelled=True)


def feature_matching(weight: float = 1.0) -> Term:
    """The generator makes the discriminator's features agree in the mean over a batch.

    Args:
        weight: factor of the squared distance of the means.

    Returns:
        A ``Term`` for a discriminator with an output "features".

    Example:
        >>> from ganlib import losses
        >>> losses.feature_matching().paired
        True

    Reference:
        Salimans et al., *Improved Techniques for Training GANs*, NIPS 2016, section 3.1.
        Chapter 15.
    """
    return Term(None, _match_features, weight, ("features",), paired=True)


def semi_supervised(weight: float = 1.0) -> Term:
    """The discriminator classifies the real images whose label is known.

    With the head ``heads.semi_supervised``, whose adversarial logit is the logsumexp of the K class
    logits, this and the adversarial loss are the K + 1 class loss.

    Args:
        weight: factor of the class's cross-entropy.

    Returns:
        A ``Term`` for a discriminator with an output "class_logits".

    Example:
        >>> from ganlib import losses
        >>> losses.semi_supervised().generator is None
        True

    Reference:
        Salimans et al., *Improved Techniques for Training GANs*, NIPS 2016, section 5. Chapter 13.
    """
    return Term(_classify_real, None, weight, ("class_logits",), labelled=True)
