# %% [markdown]
# # Assignment 7: does it pay?
#
# More images are not yet more knowledge. You compute what noise, transformations and a generator are worth where this can
# be known exactly, and write the tools of a comparison that deserves belief. Read [[11_augmentation]] and [[12_study]]
# first, and [[alg-ada]]. About 6 hours (an estimate).
#
# The grader has NumPy and SciPy, and no other packages.
# %% given
import numpy as np
from scipy import stats

# %% answer q1
student_id = "0000000"  # yours, in quotation marks


# %% [markdown]
# ## 1. Noise
#
# A linear rule $\beta^{\mathsf T} x$ is fitted to $n$ examples by least squares, and each $x_i$ is seen with noise
# $\varepsilon \sim \mathcal{N}(0, \rho^2 I)$, drawn afresh each time. Return the $\beta$ to which this leads, the minimiser of
# the *expected* loss, without drawing anything. [[ex-augmentation-noise]] has the expectation of one term. There may be
# more coordinates than examples; then $\rho > 0$, and without noise the columns of `x` are independent. So there is always
# one answer.
# %% answer q1
def fit_with_noise(x, y, rho):
    """Returns the minimiser of the mean over i of E (y_i - beta . (x_i + noise))².

    Args:
        x: array of shape (n, d).
        y: array of shape (n,).
        rho: the standard deviation of the noise in each coordinate, 0 or more; not 0 if n < d.

    Returns:
        Array of shape (d,).
    """
    # BEGIN SOLUTION
    n, d = x.shape
    return np.linalg.solve(x.T @ x + n * rho**2 * np.eye(d), x.T @ y)
    # END SOLUTION


# %% check q1
assert np.allclose(fit_with_noise(np.eye(2), np.array([1.0, 2.0]), 0.0), [1, 2]), (
    "without noise: least squares"
)


# %% [markdown]
# ## 2. What a generator from elsewhere is worth
#
# A mean is estimated from $n$ real images, each with the variance $\sigma^2$ (`variance`), and from a generator whose mean is
# off by $b$ (`bias`), one number of either sign and perhaps 0. With *unlimited* generated images only their weight has to be chosen: `best_weight`, see
# [[prop-best-share]]. With $m$ generated images that vary as real ones do, and *one weight for all* $n + m$ images, choose
# the number $m$: `best_number`, see [[ex-augmentation-number]]. It need not be whole, and where more are always better it is
# infinite.
# %% answer q2
def best_weight(n, variance, bias):
    """Returns the weight on the generator, between 0 and 1, of the least mean squared error."""
    # BEGIN SOLUTION
    return 1 / (1 + n * bias**2 / variance)
    # END SOLUTION


def best_number(n, variance, bias):
    """Returns the best number of generated images, or np.inf."""
    # BEGIN SOLUTION
    excess = 2 * n * bias**2 - variance
    return n * variance / excess if excess > 0 else np.inf
    # END SOLUTION


# %% check q2
assert abs(best_weight(10, 10.0, 1.0) - 0.5) < 1e-6, "as good as the real images: half"
assert best_number(10, 10.0, 0.0) == np.inf, "no bias: the more the better"


# %% [markdown]
# ## 3. An interval
#
# Two arms were run at the same seeds. Return Student's interval for the mean difference `first` minus `second`, with the
# probability `level`; it is that of [[12_study]] for the level 0.95.
# %% answer q3
def paired_interval(first, second, level):
    """Returns both ends of the interval.

    Args:
        first, second: accuracies, arrays of shape (s,), one for each seed; s is 2 or more, and the
            differences are not all equal.
        level: a probability such as 0.95.

    Returns:
        Two numbers, the lower end first.
    """
    # BEGIN SOLUTION
    difference = first - second
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    half = stats.t.ppf((1 + level) / 2, len(difference) - 1) * error
    return difference.mean() - half, difference.mean() + half
    # END SOLUTION


# %% check q3
_ends = paired_interval(np.array([80.0, 72.0, 75.0]), np.array([79.0, 69.0, 73.0]), 0.95)
assert np.shape(_ends) == (2,), "two numbers"
assert _ends[0] < _ends[1], "the lower one first"
assert np.allclose(np.mean(_ends), 2), "differences 1, 3 and 2: it lies around 2"


# %% [markdown]
# ## 4. Leaks
#
# A test image that is in the training set too makes every arm look better. Find the test images that occur again in the
# training set: as they are or **mirrored left to right**, and in either case perhaps **brighter or darker**, with all pixels
# multiplied by one positive number and another number (of either sign) added. An inverted picture, for which the first
# number is negative, is no copy. Copies agree up to rounding: after the change of brightness is undone, pixels differ by
# less than $10^{-6}$ of the picture's spread (its greatest pixel minus its least). Nothing else comes near: in every other
# picture, however alike it looks, some pixel differs by more than a hundredth of the spread. No picture has all pixels
# equal.
# %% answer q4
def find_leaks(train, test):
    """Says which test images are in the training set.

    Args:
        train: array of shape (n, height, width).
        test: array of shape (m, height, width).

    Returns:
        Array of shape (m,): True, or 1, for a copy.
    """
    # BEGIN SOLUTION
    both = np.concatenate([train, train[:, :, ::-1]])

    def normalised(images):
        flat = images.reshape(len(images), -1)
        flat = flat - flat.mean(axis=1, keepdims=True)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    return (normalised(test) @ normalised(both).T).max(axis=1) > 1 - 1e-9
    # END SOLUTION


# %% check q4
_rng = np.random.default_rng(0)
_images = _rng.random((5, 4, 4))
assert np.array_equal(find_leaks(_images[:3], _images[2:]), [True, False, False]), (
    "the third image is in both"
)


# %% [markdown]
# ## 5. The controller
#
# Every $k$ steps ADA looks at the signs of the discriminator's logits on all real images of these steps, $k$ batches of $n$.
# It moves $p$ by one fixed amount, up or down, as [[alg-ada]] says, and keeps it between 0 and 0.999.
# %% answer q5
def ada_update(p, signs, target, adjustment):
    """Returns the new probability of a change.

    Args:
        p: the probability until now.
        signs: array of shape (k, n): 1 or -1 for each real image of the last k steps.
        target: r*, which the mean sign is compared with. It is never met exactly.
        adjustment: A, the number of images that take p from 0 to 1.

    Returns:
        One number.
    """
    # BEGIN SOLUTION
    moved = p + np.size(signs) / adjustment * np.sign(np.mean(signs) - target)
    return min(max(moved, 0.0), 0.999)
    # END SOLUTION


# %% check q5
assert abs(ada_update(0.5, np.ones((4, 25)), 0.6, 1000) - 0.6) < 1e-9, (
    "100 images of 1000: up by 0.1"
)


# %% [markdown] twist=mirror
# ## 6. The orbit of the mirror
#
# A linear rule $f(x) = \sum_{ij} w_{ij} x_{ij}$ has the loss $L = (f(x) - y)^2$ on an image. Let the group be *the identity and
# the mirror from left to right*, which leave the label. Return two numbers: the risk estimated by orbit means, which is the
# mean of $\bar L$ over the $n$ images, and $n$ times what the orbit takes from the variance, estimated by the mean of
# $(L - \bar L)^2$ over *all images of all orbits*; see [[prop-orbit]].
# %% answer q6 twist=mirror
def orbit_risk(weights, images, labels):
    """Returns the mean of the orbit means, and the mean of (L - orbit mean)².

    Args:
        weights: array of shape (size, size).
        images: array of shape (n, size, size).
        labels: array of shape (n,).

    Returns:
        Two numbers.
    """
    # BEGIN SOLUTION
    orbit = np.stack([images, images[:, :, ::-1]])
    losses = (np.einsum("gnij,ij->gn", orbit, weights) - labels) ** 2
    means = losses.mean(axis=0)
    return means.mean(), np.mean((losses - means) ** 2)
    # END SOLUTION


# %% check q6 twist=mirror
_weights, _image = np.array([[1.0, 3.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 0.0]])
_risk = orbit_risk(_weights, _image[None], np.zeros(1))
assert np.allclose(_risk, [5, 16]), "losses 1 and 9"


# %% [markdown] twist=quarter_turns
# ## 6. The orbit of quarter turns
#
# A linear rule $f(x) = \sum_{ij} w_{ij} x_{ij}$ has the loss $L = (f(x) - y)^2$ on an image. Let the group be *the four turns by
# quarters*, which leave the label. Return two numbers: the risk estimated by orbit means, which is the mean of $\bar L$ over
# the $n$ images, and $n$ times what the orbit takes from the variance, estimated by the mean of $(L - \bar L)^2$ over *all
# images of all orbits*; see [[prop-orbit]].
# %% answer q6 twist=quarter_turns
def orbit_risk(weights, images, labels):
    """Returns the mean of the orbit means, and the mean of (L - orbit mean)².

    Args:
        weights: array of shape (size, size).
        images: array of shape (n, size, size).
        labels: array of shape (n,).

    Returns:
        Two numbers.
    """
    # BEGIN SOLUTION
    orbit = np.stack([np.rot90(images, k, axes=(1, 2)) for k in range(4)])
    losses = (np.einsum("gnij,ij->gn", orbit, weights) - labels) ** 2
    means = losses.mean(axis=0)
    return means.mean(), np.mean((losses - means) ** 2)
    # END SOLUTION


# %% check q6 twist=quarter_turns
_image = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
_risk = orbit_risk(2 * _image, _image[None], np.zeros(1))
assert np.allclose(_risk, [1, 3]), "losses 4, 0, 0 and 0"


# %% [markdown] twist=shifts
# ## 6. The orbit of shifts
#
# A linear rule $f(x) = \sum_{ij} w_{ij} x_{ij}$ has the loss $L = (f(x) - y)^2$ on an image. Let the group be *all shifts to the
# right*, by 0, 1, … pixels, where what leaves on the right comes in again on the left; they leave the label. Return two
# numbers: the risk estimated by orbit means, which is the mean of $\bar L$ over the $n$ images, and $n$ times what the orbit
# takes from the variance, estimated by the mean of $(L - \bar L)^2$ over *all images of all orbits*; see [[prop-orbit]].
# %% answer q6 twist=shifts
def orbit_risk(weights, images, labels):
    """Returns the mean of the orbit means, and the mean of (L - orbit mean)².

    Args:
        weights: array of shape (size, size).
        images: array of shape (n, size, size).
        labels: array of shape (n,).

    Returns:
        Two numbers.
    """
    # BEGIN SOLUTION
    orbit = np.stack([np.roll(images, k, axis=2) for k in range(images.shape[2])])
    losses = (np.einsum("gnij,ij->gn", orbit, weights) - labels) ** 2
    means = losses.mean(axis=0)
    return means.mean(), np.mean((losses - means) ** 2)
    # END SOLUTION


# %% check q6 twist=shifts
_image = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
_risk = orbit_risk(3 * _image, _image[None], np.zeros(1))
assert np.allclose(_risk, [3, 18]), "losses 9, 0 and 0"
# %% [markdown]
# ## Predict, run, explain
#
# A generator from elsewhere has the bias `my_bias`, which depends on your `student_id`; real images have the variance 1. How
# many real images are unlimited images of this generator worth? First write a guess as `predicted`. Then compute the
# number and type it as `measured`, with four significant digits. Explain in three lines: why does it not depend on how many
# real images there are, and why can you not read it off your own few images?
# %% given
my_bias = 0.1 + 0.0005 * (sum((k + 1) * ord(c) for k, c in enumerate(student_id)) % 397)
# %% answer predict
# BEGIN SOLUTION
# instead: predicted = None  # a number, guessed before you compute
# instead: measured = None  # a number, computed
predicted = 100
measured = 32.10
# END SOLUTION
# %% [markdown] explanation
# *Your explanation:*
