# %% [markdown]
# # Assignment 2: what a loss measures
#
# A discriminator's loss is an estimate of how far two distributions are apart. On finitely many places everything can be
# computed without training anything, and that is what you do here. Read [[03_minimax_game]] and
# [[05_losses_and_divergences]] first. About 6 hours (an estimate).
#
# Throughout, `p` and `q` are arrays of shape (n,): the probabilities of n places under the data and under the
# generator. They may be zero at some places, and then $0 \log 0 = 0$.
# %% given
import numpy as np
from scipy import special

# %% answer q1
student_id = "0000000"  # yours, in quotation marks


# %% [markdown]
# ## 1. The value of the game
#
# With the best discriminator the value function takes the value of [[thm-value-at-optimum]]. Compute it from `p` and `q`
# in natural logarithms. A place that neither of the two ever tries, $p = q = 0$, adds nothing.
# <details><summary>Hint</summary>`special.xlogy(x, y)` is x·log(y), and 0 where x is 0. But if y is 0/0, which is nan, so
# is the result.</details>
# %% answer q1
def game_value(p, q):
    """Returns V(D*, G), one number."""
    # BEGIN SOLUTION
    both = np.where(p + q > 0, p + q, 1)
    return np.sum(special.xlogy(p, p / both)) + np.sum(special.xlogy(q, q / both))
    # END SOLUTION


# %% check q1
assert abs(game_value(np.array([0.5, 0.5]), np.array([0.5, 0.5])) + np.log(4)) < 1e-9, (
    "p = q: -log 4"
)
assert abs(game_value(np.array([1.0, 0.0]), np.array([0.0, 1.0]))) < 1e-9, "nothing in common: 0"


# %% [markdown]
# ## 2. One step of the generator
#
# [[thm-function-space]] moves the generator's distribution itself: each place is multiplied by a power of
# $1 / (1 - D^*)$, and the result is made a distribution again. Here `rate` is $\eta$. At a place with $q = 0 < p$, which
# the generator never tries, $D^* = 1$ and the factor is infinite. We set infinity times 0 to 0, so that such a place
# stays empty. [[eq-halving]], by which a step of rate 1 goes half of the way to the data, does not hold there.
# %% answer q2
def mirror_step(p, q, rate):
    """Returns the generator's distribution after one step against the best discriminator.

    Args:
        p, q: the two distributions; some places have q = 0 where p > 0, or p = q = 0.
        rate: the step size, above 0 and at most 1.

    Returns:
        Array of shape (n,), a distribution.
    """
    # BEGIN SOLUTION
    tried = q > 0
    moved = np.zeros(len(q))
    moved[tried] = q[tried] * ((p[tried] + q[tried]) / q[tried]) ** rate
    return moved / moved.sum()
    # END SOLUTION


# %% check q2
_half = np.array([0.5, 0.5])
assert np.allclose(mirror_step(_half, _half, 0.3), _half), "p = q: nothing moves"


# %% [markdown]
# ## 3. A bound from any critic
#
# [[thm-variational-bound]] bounds a divergence by the outputs $T$ of any critic. Take the Kullback–Leibler divergence
# KL(p ‖ q), whose $f(u) = u \log u$ has the conjugate $f^*(t) = e^{t - 1}$.
# %% answer q3
def kl_bound(critic, p, q):
    """Returns the bound on KL(p ‖ q) that a critic gives.

    Args:
        critic: array of shape (n,): the outputs T at the places.
        p, q: the two distributions.

    Returns:
        One number.
    """
    # BEGIN SOLUTION
    return p @ critic - q @ np.exp(critic - 1)
    # END SOLUTION


# %% check q3
assert abs(kl_bound(np.ones(2), np.array([0.5, 0.5]), np.array([0.5, 0.5]))) < 1e-9, (
    "T = 1 everywhere: the bound is 0"
)


# %% [markdown]
# ## 4. The Wasserstein distance on the line
#
# Two samples of points on the line, perhaps of different sizes; every point of a sample has the same weight. Return $W_1$
# between them. [[ex-loss-line]] says how it comes from the two distribution functions.
# <details><summary>Hint</summary>For equal sizes sorting is enough. In general, sort all points together; between two
# neighbours both distribution functions are constant.</details>
# %% answer q4
def wasserstein_line(x, y):
    """Returns W1 between two samples.

    Args:
        x: array of shape (n,).
        y: array of shape (m,).

    Returns:
        One number.
    """
    # BEGIN SOLUTION
    points = np.sort(np.concatenate([x, y]))
    left = np.searchsorted(np.sort(x), points[:-1], side="right") / len(x)
    right = np.searchsorted(np.sort(y), points[:-1], side="right") / len(y)
    return np.sum(np.abs(left - right) * np.diff(points))
    # END SOLUTION


# %% check q4
assert abs(wasserstein_line(np.array([0.0, 1.0]), np.array([3.0, 4.0])) - 3) < 1e-9, (
    "shifted by 3: the distance is 3"
)
assert abs(wasserstein_line(np.array([2.0]), np.array([2.0, 2.0]))) < 1e-9, (
    "1 and 2 points, all in one place: the distance is 0"
)


# %% [markdown]
# ## 5. What any critic says about it
#
# By [[thm-duality]] a critic whose slope is at most 1 gives a lower bound on $W_1$: the difference of its two means. Any
# critic gives one, after it has been divided by its steepest slope in absolute value. The bound is negative if the
# critic points the wrong way.
# %% answer q5
def critic_bound(critic, points, p, q):
    """Returns the lower bound on W1 of a critic, made one of slope 1.

    Args:
        critic: array of shape (n,): its outputs at the points, not all equal.
        points: array of shape (n,): where the places lie on the line, all different, in any order.
        p, q: the two distributions on these places.

    Returns:
        One number: (E_p[T] - E_q[T]) divided by the steepest slope between two of the points, in
        absolute value. The result may be negative.
    """
    # BEGIN SOLUTION
    order = np.argsort(points)
    steepest = np.max(np.abs(np.diff(critic[order]) / np.diff(points[order])))
    return (p - q) @ critic / steepest
    # END SOLUTION


# %% check q5
_bound = critic_bound(
    np.array([0.0, 6.0]), np.array([0.0, 2.0]), np.array([0.0, 1.0]), np.array([1.0, 0.0])
)
assert abs(_bound - 2) < 1e-9, "all mass moves from 0 to 2, and the critic is 3x: the bound is 2"


# %% [markdown] twist=reverse_kl
# ## 6. Another divergence
#
# Take $f(u) = -\log u$, so that $D_f(p, q)$ = KL(q ‖ p).
# %% [markdown] twist=pearson
# ## 6. Another divergence
#
# Take $f(u) = (u - 1)^2$, so that $D_f$ is Pearson's $\chi^2(p ‖ q)$.
# %% [markdown] twist=neyman
# ## 6. Another divergence
#
# Take $f(u) = (1 - u)^2 / u$, so that $D_f$ is Neyman's $\chi^2$: Pearson's with the two distributions exchanged.
# %% [markdown] twist=hellinger
# ## 6. Another divergence
#
# Take $f(u) = (\sqrt{u} - 1)^2$, so that $D_f$ is the squared Hellinger distance.
# %% [markdown] twist=triangular
# ## 6. Another divergence
#
# Take $f(u) = (u - 1)^2 / (u + 1)$. Its divergence is the $\Delta$ of [[eq-delta]],
# $\Delta = \int (p - q)^2 / (p + q)$.
# %% [markdown] twist=jensen_shannon
# ## 6. Another divergence
#
# Take $f(u) = u \log u - (u + 1) \log\frac{u + 1}{2}$, so that $D_f$ is twice the Jensen–Shannon divergence.
# %% [markdown]
# Return the best critic of [[eq-best-critic]], and the conjugate
# $f^*(t) = \sup_{u \ge 0}\, \{ u t - f(u) \}$ of [[eq-conjugate]] for those $t$ that a best critic can give.
# The bound of these two is then the divergence itself. The check below tests this for $p = q$ only, where both are 0;
# compare them on another pair yourself.
# %% answer q6 twist=reverse_kl
def best_critic(p, q):
    """Returns the outputs T* of the best critic.

    Args:
        p, q: the two distributions, positive everywhere.

    Returns:
        Array of shape (n,).
    """
    # BEGIN SOLUTION
    return -q / p
    # END SOLUTION


def conjugate(t):
    """Returns f*(t).

    Args:
        t: array of shape (n,), of values that a best critic can give, for any p and q.

    Returns:
        Array of shape (n,), exact to 1e-6.
    """
    # BEGIN SOLUTION
    return -1 - np.log(-t)
    # END SOLUTION


# %% answer q6 twist=pearson
def best_critic(p, q):
    """Returns the outputs T* of the best critic.

    Args:
        p, q: the two distributions, positive everywhere.

    Returns:
        Array of shape (n,).
    """
    # BEGIN SOLUTION
    return 2 * (p / q - 1)
    # END SOLUTION


def conjugate(t):
    """Returns f*(t).

    Args:
        t: array of shape (n,), of values that a best critic can give, for any p and q.

    Returns:
        Array of shape (n,), exact to 1e-6.
    """
    # BEGIN SOLUTION
    return t**2 / 4 + t
    # END SOLUTION


# %% answer q6 twist=neyman
def best_critic(p, q):
    """Returns the outputs T* of the best critic.

    Args:
        p, q: the two distributions, positive everywhere.

    Returns:
        Array of shape (n,).
    """
    # BEGIN SOLUTION
    return 1 - (q / p) ** 2
    # END SOLUTION


def conjugate(t):
    """Returns f*(t).

    Args:
        t: array of shape (n,), of values that a best critic can give, for any p and q.

    Returns:
        Array of shape (n,), exact to 1e-6.
    """
    # BEGIN SOLUTION
    return 2 - 2 * np.sqrt(1 - t)
    # END SOLUTION


# %% answer q6 twist=hellinger
def best_critic(p, q):
    """Returns the outputs T* of the best critic.

    Args:
        p, q: the two distributions, positive everywhere.

    Returns:
        Array of shape (n,).
    """
    # BEGIN SOLUTION
    return 1 - np.sqrt(q / p)
    # END SOLUTION


def conjugate(t):
    """Returns f*(t).

    Args:
        t: array of shape (n,), of values that a best critic can give, for any p and q.

    Returns:
        Array of shape (n,), exact to 1e-6.
    """
    # BEGIN SOLUTION
    return t / (1 - t)
    # END SOLUTION


# %% answer q6 twist=triangular
def best_critic(p, q):
    """Returns the outputs T* of the best critic.

    Args:
        p, q: the two distributions, positive everywhere.

    Returns:
        Array of shape (n,).
    """
    # BEGIN SOLUTION
    return 1 - 4 / (p / q + 1) ** 2
    # END SOLUTION


def conjugate(t):
    """Returns f*(t).

    Args:
        t: array of shape (n,), of values that a best critic can give, for any p and q.

    Returns:
        Array of shape (n,), exact to 1e-6.
    """
    # BEGIN SOLUTION
    root = np.sqrt(1 - t)
    return (1 - root) * (3 - root)
    # END SOLUTION


# %% answer q6 twist=jensen_shannon
def best_critic(p, q):
    """Returns the outputs T* of the best critic.

    Args:
        p, q: the two distributions, positive everywhere.

    Returns:
        Array of shape (n,).
    """
    # BEGIN SOLUTION
    return np.log(2 * p / (p + q))
    # END SOLUTION


def conjugate(t):
    """Returns f*(t).

    Args:
        t: array of shape (n,), of values that a best critic can give, for any p and q.

    Returns:
        Array of shape (n,), exact to 1e-6.
    """
    # BEGIN SOLUTION
    return -np.log(2 - np.exp(t))
    # END SOLUTION


# %% check q6
_same = np.array([0.5, 0.5])
assert np.shape(best_critic(_same, _same)) == (2,), "one number for each place"
_value = _same @ best_critic(_same, _same) - _same @ conjugate(best_critic(_same, _same))
assert abs(_value) < 1e-9, "p = q: the bound is 0"
# %% [markdown]
# ## Predict, run, explain
#
# The data sit with probability one half on each of two places, and the generator starts with `start` on the first, which
# depends on your `student_id`. It makes three steps of rate one half. By how much does the game's value then still
# exceed $-\log 4$? First write a guess as `predicted`. Then compute the number with your functions and type it as
# `measured`, with four significant digits. Explain in three lines in the last text cell: by what factor did the excess
# fall from the start to the third step, and why by about that much?
# <details><summary>Hint</summary>Near the data, by what factor does q − p shrink in one step, and how does the excess
# depend on q − p?</details>
# %% given
start = 0.02 + 0.001 * (sum((k + 1) * ord(c) for k, c in enumerate(student_id)) % 307)
# %% answer predict
# BEGIN SOLUTION
# instead: predicted = None  # a number, guessed before you compute
# instead: measured = None  # a number, computed
predicted = 0.05
measured = 0.02915
# END SOLUTION
# %% [markdown] explanation
# *Your explanation:*
