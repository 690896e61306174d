# %% [markdown]
# # Assignment 1: two players
#
# A generator turns noise into samples, a discriminator tells them from data, and two losses let them learn from each
# other. You write each of these on the smallest example there is, points on a line, where the right answer is known.
# Read [[01_why_generate]] and [[02_two_networks]] first. About 4 hours (an estimate).
# %% given
import numpy as np
from scipy import special

# %% answer q1
student_id = "0000000"  # yours, in quotation marks


# %% [markdown]
# ## 1. An ideal generator
#
# The data are a mixture of normal distributions on the line: component $j$ has mean $\mu_j$, standard deviation
# $\sigma_j$ and weight $w_j$, and the weights sum to 1. [[thm-inverse-transform]] says how standard normal noise $z$
# becomes a draw from it: $G^*(z) = F^{-1}(\Phi(z))$, where $F$ is the distribution function of the mixture and $\Phi$
# that of the standard normal distribution (`special.ndtr`). For a mixture $F^{-1}$ has no formula, but $F$ increases,
# so it can be inverted by halving an interval.
# <details><summary>Hint</summary>An interval that holds every answer for noise up to 4 in size reaches from
# min(μ − 9σ) to max(μ + 9σ). After sixty halvings its length is below the rounding of a float.</details>
# %% answer q1
def ideal_generator(z, means, stds, weights):
    """Returns G*(z), the draws that the noise z is turned into.

    Args:
        z: array of shape (n,), between -4 and 4.
        means, stds, weights: arrays of shape (k,): the components of the mixture, anywhere on the line.

    Returns:
        Array of shape (n,), exact to 1e-6.
    """
    # BEGIN SOLUTION
    target = special.ndtr(z)
    low = np.full(len(z), np.min(means - 9 * stds))
    high = np.full(len(z), np.max(means + 9 * stds))
    for _ in range(80):
        middle = (low + high) / 2
        below = special.ndtr((middle[:, None] - means) / stds) @ weights < target
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2
    # END SOLUTION


# %% check q1
_one = ideal_generator(
    np.array([-1.0, 0.0, 2.0]), np.array([5.0]), np.array([3.0]), np.array([1.0])
)
assert np.shape(_one) == (3,), "one number for each z"
assert np.allclose(_one, [2, 5, 11], 0, 1e-6), "one component: 5 + 3z"
_two = ideal_generator(np.zeros(1), np.array([-1.0, 1.0]), np.ones(2), np.array([0.5, 0.5]))
assert np.allclose(_two, [0], 0, 1e-6), "two components that mirror each other: z = 0 is in between"


# %% [markdown]
# ## 2. The best discriminator
#
# At a point the data have the density $p$ and the generated samples the density $q$. A share `share` of all samples that
# the discriminator is shown is real, the rest is generated. [[prop-optimal-discriminator]] treats the share one half;
# [[ex-unequal-shares]] the others.
# %% answer q2
def best_logit(p, q, share):
    """Returns the logit of the best discriminator.

    Args:
        p, q: arrays of shape (n,), positive: the two densities at n points.
        share: the share of real samples, between 0 and 1.

    Returns:
        Array of shape (n,): the logits that maximise the expected log-likelihood of the labels.
    """
    # BEGIN SOLUTION
    return np.log(share * p) - np.log((1 - share) * q)
    # END SOLUTION


# %% check q2
_logit = best_logit(np.array([1.0, 3.0]), np.array([1.0, 1.0]), 0.5)
assert np.allclose(_logit, [0, np.log(3)]), "equal shares: the logarithm of p/q"


# %% [markdown]
# ## 3. The losses
#
# The discriminator's cross-entropy and the generator's non-saturating loss, from logits. Each is a mean over its own
# batch, and the two batches may differ in size. A discriminator that is sure of itself gives logits in the thousands:
# the losses must be right there too, not infinite.
# <details><summary>Hint</summary>Write both with the softplus function, and look for a function of NumPy that computes
# log(e^a + e^b).</details>
# %% answer q3
def losses(real, fake):
    """Returns both players' losses.

    Args:
        real: array of shape (n,): logits of real samples.
        fake: array of shape (m,): logits of generated samples.

    Returns:
        Two numbers: what the discriminator minimises, and what the generator minimises.
    """
    # BEGIN SOLUTION
    discriminator = np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))
    generator = np.mean(np.logaddexp(0, -fake))
    return discriminator, generator
    # END SOLUTION


# %% check q3
_pair = losses(np.zeros(4), np.zeros(4))
assert len(_pair) == 2, "two numbers"
assert abs(_pair[0] - 2 * np.log(2)) < 1e-9, "logits of 0: the discriminator pays 2 log 2"
assert abs(_pair[1] - np.log(2)) < 1e-9, "logits of 0: the generator pays log 2"


# %% [markdown]
# ## 4. How hard a sample is pulled
#
# The generator's loss of *one* sample with logit $\ell$ is $\log(1 - D)$ for minimax and $-\log D$ for the
# non-saturating loss, with $D = \sigma(\ell)$. Return its derivative with respect to $\ell$. It is the first factor of
# [[eq-generator-gradient]], by which the slope of the discriminator is multiplied, and [[ex-saturating]] has it in
# numbers. You need it for logits of any size.
# %% answer q4
def generator_slope(logit, kind):
    """Returns the derivative of the generator's loss with respect to the logit.

    Args:
        logit: array of shape (n,).
        kind: "minimax" or "non_saturating".

    Returns:
        Array of shape (n,).
    """
    # BEGIN SOLUTION
    if kind == "minimax":
        return -special.expit(logit)
    return -special.expit(-logit)
    # END SOLUTION


# %% check q4
for _kind in ("minimax", "non_saturating"):
    assert np.allclose(generator_slope(np.zeros(2), _kind), -0.5), "at logit 0 both slopes are -1/2"


# %% [markdown] twist=least_squares
# ## 5. Another loss: least squares
#
# The discriminator's output $T$ should be $b$ at real samples and $a$ at generated ones, and each of the two batches
# adds half of its mean squared error, as in [[eq-least-squares]]. For the best output real and generated
# samples come in equal shares.
# %% answer q5 twist=least_squares
def discriminator_loss(real, fake, a, b):
    """Returns half the mean squared error of the real outputs plus half that of the generated ones.

    Args:
        real: array of shape (n,): outputs at real samples, of any size.
        fake: array of shape (m,): outputs at generated samples, of any size.
        a, b: the labels of generated and of real samples, two numbers.

    Returns:
        One number.
    """
    # BEGIN SOLUTION
    return (np.mean((real - b) ** 2) + np.mean((fake - a) ** 2)) / 2
    # END SOLUTION


def best_output(p, q, a, b):
    """Returns the outputs that minimise the expected loss where the densities are p and q.

    Args:
        p, q: arrays of shape (n,), positive: the densities of data and of generated samples.
        a, b: the labels of generated and of real samples, two numbers.

    Returns:
        Array of shape (n,).
    """
    # BEGIN SOLUTION
    return (b * p + a * q) / (p + q)
    # END SOLUTION


# %% check q5 twist=least_squares
assert abs(discriminator_loss(np.array([1.0, 3.0]), np.array([0.0]), 0.0, 1.0) - 1) < 1e-9, (
    "½·(0 + 4)/2 + 0"
)
assert np.allclose(best_output(np.ones(1), np.ones(1), 0.0, 1.0), 0.5), (
    "p = q: halfway between the labels"
)


# %% [markdown] twist=smoothing
# ## 5. Another loss: smoothed labels
#
# One-sided label smoothing tells the discriminator that a real sample is real with probability $\alpha < 1$ only: the
# cross-entropy of a real logit is taken with the label $\alpha$ instead of 1. Generated samples keep the label 0. Each
# batch has a mean of its own, as in part 3, and for the best output real and generated samples come in equal shares.
# %% answer q5 twist=smoothing
def discriminator_loss(real, fake, alpha):
    """Returns the cross-entropy with label alpha for the real logits and 0 for the generated ones.

    Args:
        real: array of shape (n,): logits of real samples, of any size.
        fake: array of shape (m,): logits of generated samples, of any size.
        alpha: the label of real samples, between 0 and 1.

    Returns:
        One number: the mean over the real logits plus the mean over the generated ones.
    """
    # BEGIN SOLUTION
    softened = alpha * np.logaddexp(0, -real) + (1 - alpha) * np.logaddexp(0, real)
    return np.mean(softened) + np.mean(np.logaddexp(0, fake))
    # END SOLUTION


def best_output(p, q, alpha):
    """Returns the logits that minimise the expected loss where the densities are p and q.

    Args:
        p, q: arrays of shape (n,), positive: the densities of data and of generated samples.
        alpha: the label of real samples, between 0 and 1.

    Returns:
        Array of shape (n,).
    """
    # BEGIN SOLUTION
    return np.log(alpha * p) - np.log((1 - alpha) * p + q)
    # END SOLUTION


# %% check q5 twist=smoothing
assert abs(discriminator_loss(np.zeros(3), np.zeros(2), 0.9) - 2 * np.log(2)) < 1e-9, (
    "logits of 0: 2 log 2"
)
assert np.allclose(best_output(np.ones(1), np.zeros(1) + 1e-300, 0.5), 0), (
    "no generated samples: D is alpha"
)


# %% [markdown] twist=margin
# ## 5. Another loss: a hinge with a margin
#
# The hinge asks for an output of at least $m$ at real samples and of at most $-m$ at generated ones, and charges what is
# missing: $\max(0, m - T)$ and $\max(0, m + T)$. [[prop-hinge]] treats $m = 1$. Each batch has a mean of its own, as in
# part 3, and for the best output real and generated samples come in equal shares.
# %% answer q5 twist=margin
def discriminator_loss(real, fake, margin):
    """Returns the mean of what is missing at the real outputs plus that at the generated ones.

    Args:
        real: array of shape (n,): outputs at real samples, of any size.
        fake: array of shape (m,): outputs at generated samples, of any size.
        margin: a positive number.

    Returns:
        One number.
    """
    # BEGIN SOLUTION
    return np.mean(np.maximum(0, margin - real)) + np.mean(np.maximum(0, margin + fake))
    # END SOLUTION


def best_output(p, q, margin):
    """Returns the outputs that minimise the expected loss where the densities are p and q.

    Args:
        p, q: arrays of shape (n,), positive, nowhere equal: the densities.
        margin: a positive number.

    Returns:
        Array of shape (n,).
    """
    # BEGIN SOLUTION
    return margin * np.sign(p - q)
    # END SOLUTION


# %% check q5 twist=margin
assert abs(discriminator_loss(np.array([1.0]), np.array([-1.0]), 1.0)) < 1e-9, "nothing is missing"
assert np.allclose(np.abs(best_output(np.ones(1), np.zeros(1) + 0.5, 1.0)), 1), (
    "margin 1: an output of size 1"
)


# %% [markdown] twist=temperature
# ## 5. Another loss: a temperature
#
# Let the discriminator's probability be $D = \sigma(\ell / \tau)$ with a temperature $\tau > 0$. The loss is the
# cross-entropy as in part 3, where each batch has a mean of its own. For the best output real and generated samples
# come in equal shares.
# %% answer q5 twist=temperature
def discriminator_loss(real, fake, temperature):
    """Returns the cross-entropy of the outputs, whose probability is sigmoid(output / temperature).

    Args:
        real: array of shape (n,): outputs at real samples, of any size.
        fake: array of shape (m,): outputs at generated samples, of any size.
        temperature: a positive number.

    Returns:
        One number: the mean over the real outputs plus the mean over the generated ones.
    """
    # BEGIN SOLUTION
    real, fake = real / temperature, fake / temperature
    return np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))
    # END SOLUTION


def best_output(p, q, temperature):
    """Returns the outputs that minimise the expected loss where the densities are p and q.

    Args:
        p, q: arrays of shape (n,), positive: the densities of data and of generated samples.
        temperature: a positive number.

    Returns:
        Array of shape (n,).
    """
    # BEGIN SOLUTION
    return temperature * (np.log(p) - np.log(q))
    # END SOLUTION


# %% check q5 twist=temperature
assert abs(discriminator_loss(np.zeros(3), np.zeros(2), 2.0) - 2 * np.log(2)) < 1e-9, (
    "outputs of 0: 2 log 2"
)
assert np.allclose(best_output(np.ones(1), np.ones(1), 2.0), 0), "p = q: the output is 0"
# %% [markdown]
# ## Predict, run, explain
#
# All your generated samples have the logit `own_logit` below, which depends on your `student_id`. By what factor is the
# non-saturating pull stronger there than the minimax one? First write a guess as `predicted`. Then compute the factor with
# your `generator_slope` and type it as `measured`, with four significant digits. Explain in three lines in the last text
# cell: why is it that large, and what does it mean at the beginning of training?
# %% given
own_logit = -2 - 0.01 * (sum((k + 1) * ord(c) for k, c in enumerate(student_id)) % 397)
# %% answer predict
# BEGIN SOLUTION
# instead: predicted = None  # a number, guessed before you compute
# instead: measured = None  # a number, computed
predicted = 20.0
measured = 34.12
# END SOLUTION
# %% [markdown] explanation
# *Your explanation:*
