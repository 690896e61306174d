"""Privacy of a trained network: what an attack finds, and what differential privacy promises.

An attack gives each record a score, the higher the more it looks like one of training; here stand
its figures with their errors, and what no attack exceeds. Per-example gradients and an accountant
are the two parts of private training that a test has to hold.

Reference:
    Chapter 20. For a release take a library that was built for it; this one is for teaching.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from ganlib import _checks
from ganlib._tensorflow import keras, tf

# Those of dp-accounting that are at least 2: below that its series fails for some settings. For
# orders that are not whole it lies up to 4.8% above the integral. We promise no more than it does.
_ORDERS = np.concatenate([np.arange(20, 110) / 10, np.arange(11, 64), [128, 256, 512, 1024]])
_RAISED = np.where(np.rint(_ORDERS) == _ORDERS, 1.0, 1.0495)


class Attack(NamedTuple):
    """How well scores tell members from others.

    Attributes:
        auc: probability that a member's score is above another's, float; ½ is guessing.
        auc_error: its standard error (DeLong's), float.
        tpr: share of the members that are recognised, float.
        tpr_low: lower end of its 95% interval (Clopper and Pearson's), float.
        tpr_high: upper end, float. The threshold is taken as given, though it was estimated.
    """

    auc: float
    auc_error: float
    tpr: float
    tpr_low: float
    tpr_high: float


def attack(members, others, false_positive_rate: float = 0.01) -> Attack:
    """Measures an attack by its scores.

    Args:
        members: scores of records of training, (m,), higher for "was in training".
        others: scores of records that could have been, (n,).
        false_positive_rate: share of the others that may be accused; so many of the highest of
            their scores, rounded down, lie above the threshold.

    Returns:
        An `Attack`.

    Raises:
        ValueError: if there are fewer than two scores of a kind, or the rate is not in (0, 1).

    Example:
        >>> from ganbook import privacy
        >>> found = privacy.attack([3.0, 2.0, 2.5, 0.5], [0.0, 1.0, 2.2, 0.1])
        >>> found.auc, found.tpr
        (0.8125, 0.5)

    Reference:
        DeLong, DeLong and Clarke-Pearson, Biometrics 1988; the rate at few false accusations:
        Carlini et al., *Membership Inference Attacks From First Principles*, S&P 2022. Chapter 20.
    """
    _checks.number("false_positive_rate", false_positive_rate, above=0, below=1)
    members, others = (np.asarray(scores, np.float64) for scores in (members, others))
    for name, scores in (("members", members), ("others", others)):
        _checks.shape(name, scores, ("n",), fix="Pass one number for each record")
        _checks.integer(f"len({name})", len(scores), at_least=2, fix="Pass more scores")
    wins = np.sign(members[:, None] - others) / 2 + 0.5
    variance = wins.mean(1).var(ddof=1) / len(members) + wins.mean(0).var(ddof=1) / len(others)
    accused = math.floor(false_positive_rate * len(others))
    caught = int(np.sum(members > np.sort(others)[-1 - accused]))
    interval = stats.binomtest(caught, len(members)).proportion_ci(method="exact")
    return Attack(
        float(wins.mean()),
        float(np.sqrt(variance)),
        caught / len(members),
        float(interval.low),
        float(interval.high),
    )


def largest_auc(epsilon: float, delta: float = 0.0) -> float:
    """What the AUC of no attack on an (ε, δ)-private procedure exceeds.

    Args:
        epsilon: ε, at least 0.
        delta: δ, from 0 to 1.

    Returns:
        1 − (1 − δ)² / (1 + e^ε), float.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> from ganbook import privacy
        >>> round(privacy.largest_auc(1.0), 3)
        0.731

    Reference:
        The region of errors: Kairouz, Oh and Viswanath, *The Composition Theorem for Differential
        Privacy*, ICML 2015. Chapter 20, where the area is computed.
    """
    _checks.number("epsilon", epsilon, at_least=0)
    _checks.number("delta", delta, at_least=0, at_most=1)
    return float(1 - (1 - delta) ** 2 * special.expit(-epsilon))


def audited_epsilon(
    correct: int, guesses: int, records: int, delta: float = 0.0, confidence: float = 0.95
) -> float:
    """The ε that one run refutes: with this confidence, its procedure has no smaller one.

    Each record was put into training or left out by a fair coin of its own. Somebody who sees what
    was published guesses some of the coins.

    Args:
        correct: how many guesses were right.
        guesses: number of guesses.
        records: number of coins that were tossed.
        delta: δ of the claim.
        confidence: probability, over the coins and the run, of no false alarm.

    Returns:
        float; 0 if nothing is refuted.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> from ganbook import privacy
        >>> round(privacy.audited_epsilon(correct=90, guesses=100, records=500), 2)
        1.63

    Reference:
        Steinke, Nasr and Jagielski, *Privacy Auditing with One (1) Training Run*, NeurIPS 2023,
        theorem 5.2. Chapter 20 proves it for δ = 0.
    """
    _checks.integer("records", records)
    _checks.integer("guesses", guesses, at_most=records, fix="Guess each coin once at most")
    _checks.integer("correct", correct, at_least=0, at_most=guesses, fix="Count the right ones")
    _checks.number("delta", delta, at_least=0, below=1)
    _checks.number("confidence", confidence, above=0, below=1)

    def excess(epsilon):  # of the p-value of the claim, over what the confidence allows
        rate = special.expit(epsilon)
        tail = stats.binom.sf(correct - 1, guesses, rate)
        below = np.cumsum(stats.binom.pmf(np.arange(correct)[::-1], guesses, rate))
        worst = np.max(below / np.arange(1, correct + 1), initial=0.0)
        return tail + 2 * records * delta * worst - (1 - confidence)

    if excess(0.0) >= 0:
        return 0.0
    return float(optimize.brentq(excess, 0.0, 50.0)) if excess(50.0) > 0 else 50.0


def renyi_divergence(rate: float, noise: float, order: float) -> float:
    """What one step of the subsampled Gaussian mechanism spends at an order, by quadrature.

    Each example is in the batch with probability q; the sum of what the chosen ones contribute,
    each of length 1 at most, is published with noise of standard deviation σ.

    Args:
        rate: q, above 0 and at most 1.
        noise: σ, above 0.
        order: α, above 1.

    Returns:
        The Rényi divergence of order α of (1 − q) N(0, σ²) + q N(1, σ²) from N(0, σ²), float.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> from ganbook import privacy
        >>> round(privacy.renyi_divergence(rate=1.0, noise=2.0, order=6.0), 6)
        0.75

    Reference:
        Mironov, Talwar and Zhang, *Rényi Differential Privacy of the Sampled Gaussian Mechanism*,
        2019. Chapter 20.
    """
    _checks.number("rate", rate, above=0, at_most=1)
    _checks.number("noise", noise, above=0)
    _checks.number("order", order, above=1)
    z = np.arange(-12 * noise, order + 12 * noise, noise / 50)  # mass lies about 0 and about α
    log_normal = -0.5 * (z / noise) ** 2 - math.log(50 * math.sqrt(2 * math.pi))
    with np.errstate(divide="ignore"):  # at q = 1
        log_ratio = np.logaddexp(np.log1p(-rate), np.log(rate) + (2 * z - 1) / (2 * noise**2))
    return float(special.logsumexp(order * log_ratio + log_normal) / (order - 1))


def epsilon(rate: float, noise: float, num_steps: int, delta: float) -> float:
    """An ε for which that many steps are (ε, δ)-private; records are added or taken away.

    Args:
        rate: probability with which each example is in a batch, independently, above 0.
        noise: standard deviation of the noise over the clipping norm.
        num_steps: number of steps.
        delta: δ, above 0 and below 1.

    Returns:
        float, an upper bound.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> from ganbook import privacy
        >>> round(privacy.epsilon(rate=256 / 60_000, noise=1.0, num_steps=3_000, delta=1e-5), 2)
        1.48

    Reference:
        Balle, Barthe, Gaboardi, Hsu and Sato, *Hypothesis Testing Interpretations and Renyi
        Differential Privacy*, AISTATS 2020, theorem 21. Chapter 20 proves the conversion.
    """
    _checks.integer("num_steps", num_steps)
    _checks.number("delta", delta, above=0, below=1)
    spent = num_steps * np.array([renyi_divergence(rate, noise, order) for order in _ORDERS])
    bounds = spent + np.log1p(-1 / _ORDERS) - np.log(delta * _ORDERS) / (_ORDERS - 1)
    return max(0.0, float(np.min(_RAISED * bounds)))


def noise_for(target: float, rate: float, num_steps: int, delta: float) -> float:
    """The noise with which that many steps spend an ε, to three digits and never less.

    Args:
        target: ε, above 0.
        rate: probability with which each example is in a batch.
        num_steps: number of steps.
        delta: δ, above 0 and below 1.

    Returns:
        σ, float.

    Raises:
        ValueError: if an argument is out of range, or it would take more noise than 1,000.

    Example:
        >>> from ganbook import privacy
        >>> privacy.noise_for(1.5, rate=256 / 60_000, num_steps=3_000, delta=1e-5)
        0.996
    """
    _checks.number("target", target, above=0)
    low, high = 0.2, 1_000.0
    if epsilon(rate, high, num_steps, delta) > target:
        raise ValueError(
            f"received target={target!r}; expected an ε that noise of 1,000 reaches, with "
            f"rate={rate!r} and num_steps={num_steps!r}. Take fewer steps, or a larger ε."
        )
    while high / low > 1.0005:
        middle = math.sqrt(low * high)
        if epsilon(rate, middle, num_steps, delta) > target:
            low = middle
        else:
            high = middle
    digits = 2 - math.floor(math.log10(high))
    return math.ceil(high * 10**digits) / 10**digits


def per_example_gradients(
    discriminator: keras.Model, images: tf.Tensor, loss: Callable
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """The gradient of each image's own loss, from one backward pass.

    Of a dense layer it is the outer product of what goes in and the gradient of what comes out; of
    a convolution the sum of such products over places, with patches in the place of inputs.

    Args:
        discriminator: a chain of layers that treats each image by itself. Those with weights are
            ``Dense`` and ``Conv2D``, without an activation of their own.
        images: (batch, height, width, channels), float32.
        loss: logits (batch, 1) -> losses (batch, 1), each of its own logit.

    Returns:
        ``(losses, gradients)``: (batch,), and for each trainable variable, in the order of the
        model, (batch, …), all float32.

    Raises:
        ValueError: if there is another layer with weights, or one of a form that is not covered.

    Example:
        >>> import tensorflow as tf
        >>> from ganbook import privacy
        >>> from ganlib.models import dcgan
        >>> images = tf.zeros([3, 28, 28, 1])
        >>> losses, gradients = privacy.per_example_gradients(
        ...     dcgan.discriminator(28, 1), images, lambda logits: tf.nn.softplus(-logits))
        >>> losses.shape, gradients[0].shape
        (TensorShape([3]), TensorShape([3, 4, 4, 1, 16]))

    Reference:
        Goodfellow, *Efficient Per-Example Gradient Computations*, 2015. Chapter 20.
    """
    seen, x = [], images
    with tf.GradientTape() as tape:
        tape.watch(images)
        for layer in discriminator.layers:
            if isinstance(layer, keras.layers.InputLayer):
                continue
            inputs, x = x, layer(x)
            if layer.weights:
                _check_layer(layer)
                seen.append((layer, inputs, x))
        losses = loss(x)
    deltas = tape.gradient(losses, [outputs for _, _, outputs in seen])
    gradients = []
    for (layer, inputs, outputs), delta in zip(seen, deltas, strict=True):
        if isinstance(layer, keras.layers.Conv2D):
            sizes, strides = [1, *layer.kernel_size, 1], [1, *layer.strides, 1]
            inputs = tf.image.extract_patches(
                inputs, sizes, strides, [1, 1, 1, 1], layer.padding.upper()
            )
        batch = tf.shape(images)[0]
        rows = tf.reshape(inputs, [batch, -1, inputs.shape[-1]])  # (batch, places, inputs)
        delta = tf.reshape(delta, [batch, -1, outputs.shape[-1]])  # (batch, places, outputs)
        kernel = tf.matmul(rows, delta, transpose_a=True)
        gradients.append(tf.reshape(kernel, [batch, *layer.kernel.shape]))
        if layer.use_bias:
            gradients.append(tf.reduce_sum(delta, axis=1))
    return losses[:, 0], gradients


def _check_layer(layer):
    """Refuses a layer whose gradient would be computed wrongly."""
    is_known = isinstance(layer, keras.layers.Dense | keras.layers.Conv2D)
    plain = is_known and layer.activation is keras.activations.linear
    if plain and isinstance(layer, keras.layers.Conv2D):
        plain = layer.groups == 1 and tuple(layer.dilation_rate) == (1, 1)
        plain = plain and layer.data_format == "channels_last"
    if not plain:
        raise ValueError(
            f"received a discriminator with the layer {layer.name!r} ({type(layer).__name__}); "
            "expected Dense or Conv2D without activation, groups and dilation wherever there are "
            "weights. Put activations into layers of their own."
        )


def clipped_sum(
    gradients: list[tf.Tensor], norm: float, mask: tf.Tensor
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Sums gradients of examples of which none counts for more than a norm.

    Args:
        gradients: as of `per_example_gradients`.
        norm: C; the gradient of an example, all variables together, is cut to this length.
        mask: (batch,); examples where it is False or 0 are left out.

    Returns:
        ``(sums, factors)``: a tensor for each variable, and by how much each example was shortened,
        (batch,) float32 in [0, 1]. The factors are private as the gradients are.

    Raises:
        ValueError: if the norm is not above 0.

    Example:
        >>> import tensorflow as tf
        >>> from ganbook import privacy
        >>> gradients = [tf.constant([[3.0, 4.0], [0.6, 0.0], [9.0, 9.0]])]
        >>> [total], factors = privacy.clipped_sum(gradients, 1.0, [True, True, False])
        >>> [round(float(value), 2) for value in total]
        [1.2, 0.8]

    Reference:
        Abadi et al., *Deep Learning with Differential Privacy*, CCS 2016. Chapter 20.
    """
    _checks.number("norm", norm, above=0)
    squares = [tf.reduce_sum(g**2, axis=list(range(1, len(g.shape)))) for g in gradients]
    lengths = tf.sqrt(tf.add_n(squares))
    factors = norm / tf.maximum(lengths, norm)
    weights = tf.cast(mask, tf.float32) * factors
    return [tf.tensordot(weights, g, axes=1) for g in gradients], factors
