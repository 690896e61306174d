# %% [markdown]
# # Assignment 4: measure it
#
# Two generators are trained. Which is better? You write the measures with which this is answered, on features: arrays
# with a row for each image. Read [[06_measuring]] first. About 5 hours (an estimate).
#
# Real features always come before generated ones, and are `(n, d)` and `(m, d)`, with n and m at least 2 and d at least 1.
# The grader has NumPy and SciPy, and no other packages.
# %% given
import numpy as np

# %% answer q1
student_id = "0000000"  # yours, in quotation marks


# %% [markdown]
# ## 1. The Fréchet distance
#
# Return the distance of [[thm-frechet]] between the sample means and the sample covariances, which divide by $n - 1$.
# With fewer images than features the covariances are singular; the distance exists all the same. A single feature, d = 1,
# has a variance for a covariance.
# <details><summary>Hint</summary>The trace of a square root is the sum of the square roots of the eigenvalues, and
# rounding makes a zero eigenvalue slightly negative.</details>
# %% answer q1
def frechet_distance(real, fake):
    """Returns the Fréchet distance, one number.

    Args:
        real: array of shape (n, d).
        fake: array of shape (m, d).
    """
    # BEGIN SOLUTION
    difference = real.mean(axis=0) - fake.mean(axis=0)
    sigma, gamma = (np.atleast_2d(np.cov(sample.T)) for sample in (real, fake))
    values, vectors = np.linalg.eigh(sigma)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    middle = np.linalg.eigvalsh(root @ gamma @ root)
    shared = 2 * np.sqrt(np.maximum(middle, 0)).sum()
    return difference @ difference + np.trace(sigma + gamma) - shared
    # END SOLUTION


# %% check q1
_points = np.random.default_rng(0).normal(size=(50, 3))
assert abs(frechet_distance(_points, _points)) < 1e-6, "a sample and itself: 0"
assert abs(frechet_distance(_points, _points + [3, 0, 4]) - 25) < 1e-6, "shifted by (3, 0, 4): 25"
assert abs(frechet_distance(_points[:, :1], _points[:, :1] + 3) - 9) < 1e-6, "one feature: 9"


# %% [markdown]
# ## 2. The kernel distance
#
# With the kernel $k(x, \hat x) = (x \cdot \hat x / d + 1)^3$ return the estimate that [[thm-unbiased]] is about: the pairs
# of a sample with itself leave out $i = j$. It is an estimate, so it may be negative where the distance is not.
# %% answer q2
def kernel_distance(real, fake):
    """Returns the unbiased estimate of the squared maximum mean discrepancy, one number.

    Args:
        real: array of shape (n, d).
        fake: array of shape (m, d).
    """
    # BEGIN SOLUTION
    d = real.shape[1]

    def kernel(x, y):
        return (x @ y.T / d + 1) ** 3

    def within(x):
        values = kernel(x, x)
        return (values.sum() - np.trace(values)) / (len(x) * (len(x) - 1))

    return within(real) + within(fake) - 2 * kernel(real, fake).mean()
    # END SOLUTION


# %% check q2
_zeros, _ones = np.zeros((3, 1)), np.ones((3, 1))
assert abs(kernel_distance(_zeros, _ones) - 7) < 1e-9, (
    "all real features 0, all generated ones 1: 1 + 8 - 2"
)


# %% [markdown]
# ## 3. Coverage
#
# Round each real feature lies a ball that just reaches its $k$-th nearest *other* real feature. Return the share of these
# balls that hold a generated feature; one that lies exactly on the border counts. The features of the border cases are
# whole numbers, so that no rounding decides. Another real feature may stand at the very same place: then the ball's
# radius can be 0, and the ball holds what lies at that place.
# %% answer q3
def coverage(real, fake, num_neighbours):
    """Returns the coverage, one number between 0 and 1.

    Args:
        real: array of shape (n, d).
        fake: array of shape (m, d).
        num_neighbours: k, below n.
    """
    # BEGIN SOLUTION
    own = np.linalg.norm(real[:, None] - real, axis=2)
    radii = np.sort(own, axis=1)[:, num_neighbours]  # the nearest of all is the feature itself
    cross = np.linalg.norm(real[:, None] - fake, axis=2)
    return np.mean((cross <= radii[:, None]).any(axis=1))
    # END SOLUTION


# %% check q3
_line = np.arange(10.0)[:, None]
assert abs(coverage(_line, _line[:5], 1) - 0.6) < 1e-9, (
    "0 to 9, generated are 0 to 4, k = 1: the ball of 5 holds 4"
)


# %% [markdown]
# ## 4. What coverage is when nothing is wrong
#
# If real and generated features come from one distribution, the coverage is below 1 all the same. Return its expectation,
# see [[thm-coverage]].
# %% answer q4
def expected_coverage(n, m, num_neighbours):
    """Returns the expected coverage of n real features by m generated ones, one number.

    Args:
        n, m: whole numbers.
        num_neighbours: k, below n.
    """
    # BEGIN SOLUTION
    i = np.arange(1, num_neighbours + 1)
    return 1 - np.prod((n - i) / (n + m - i))
    # END SOLUTION


# %% check q4
assert abs(expected_coverage(2, 1, 1) - 0.5) < 1e-9, "two real, one generated, k = 1: one half"


# %% [markdown] twist=density
# ## 5. Density
#
# Count for each generated feature in how many of the balls of part 3 it lies; the density is the mean of this count,
# divided by $k$.
# %% answer q5 twist=density
def density(real, fake, num_neighbours):
    """Returns the density, one number; the arguments are those of `coverage`."""
    # BEGIN SOLUTION
    own = np.linalg.norm(real[:, None] - real, axis=2)
    radii = np.sort(own, axis=1)[:, num_neighbours]
    cross = np.linalg.norm(real[:, None] - fake, axis=2)
    return np.sum(cross <= radii[:, None]) / (num_neighbours * len(fake))
    # END SOLUTION


# %% check q5 twist=density
assert abs(density(np.arange(10.0)[:, None], np.array([[4.0]]), 1) - 3) < 1e-9, (
    "4 lies in the balls of 3, 4 and 5"
)


# %% [markdown] twist=precision_recall
# ## 5. Precision and recall
#
# Precision is the share of the generated features that lie in some ball round a real one; recall is the share of the real
# features that lie in some ball round a *generated* one, which reaches its $k$-th nearest other generated feature.
# %% answer q5 twist=precision_recall
def precision_recall(real, fake, num_neighbours):
    """Returns precision and recall, two numbers.

    Args:
        real: array of shape (n, d).
        fake: array of shape (m, d).
        num_neighbours: k, below n and below m.
    """
    # BEGIN SOLUTION
    k = num_neighbours

    def share(centres, points):
        own = np.linalg.norm(centres[:, None] - centres, axis=2)
        radii = np.sort(own, axis=1)[:, k]
        cross = np.linalg.norm(points[:, None] - centres, axis=2)
        return np.mean((cross <= radii).any(axis=1))

    return share(real, fake), share(fake, real)
    # END SOLUTION


# %% check q5 twist=precision_recall
_precision, _recall = precision_recall(np.arange(4.0)[:, None], np.array([[0.0], [1.0], [50.0]]), 1)
assert abs(_precision - 2 / 3) < 1e-9, "50 is far from all real ones"
assert abs(_recall - 1) < 1e-9, "its ball is so large that it holds every real one"


# %% [markdown] twist=inception_score
# ## 5. The inception score
#
# A classifier gives each generated image probabilities of $K$ classes. Return the score of [[prop-inception-score]]. A
# probability may be 0, and then $0 \log 0 = 0$; a class may be 0 for all images.
# %% answer q5 twist=inception_score
def inception_score(probabilities):
    """Returns the inception score, one number.

    Args:
        probabilities: array of shape (m, K); each row sums to 1.
    """
    # BEGIN SOLUTION
    rows = np.vstack([probabilities, probabilities.mean(axis=0)])
    logarithms = np.log(np.where(rows > 0, rows, 1))
    *entropies, of_mean = -np.sum(rows * logarithms, axis=1)
    return np.exp(of_mean - np.mean(entropies))
    # END SOLUTION


# %% check q5 twist=inception_score
assert abs(inception_score(np.full((5, 4), 0.25)) - 1) < 1e-9, "unsure of each image: 1"
assert abs(inception_score(np.eye(4)) - 4) < 1e-9, "sure of each, and all classes equally often: 4"


# %% [markdown] twist=extrapolation
# ## 5. As if there were infinitely many
#
# By [[thm-frechet-bias]] the expected Fréchet distance of $n$ images is about $\mathrm{FD} + C/n$. Measured at several
# sizes $n$, the distances lie near a straight line in $1/n$. Return the height at $1/n = 0$ of the least-squares line,
# in which all distances count alike. A size may occur more than once. The height is an estimate, and where it comes out
# negative, return it as it is.
# %% answer q5 twist=extrapolation
def extrapolate(sizes, distances):
    """Returns the distance at infinitely many images, one number.

    Args:
        sizes: array of shape (k,): the numbers of images, at least two of them different.
        distances: array of shape (k,): the distance measured with each.
    """
    # BEGIN SOLUTION
    _slope, height = np.polyfit(1 / sizes, distances, 1)
    return height
    # END SOLUTION


# %% check q5 twist=extrapolation
assert abs(extrapolate(np.array([100.0, 200.0]), np.array([4.0, 3.0])) - 2) < 1e-9, "2 + 200/n"
# %% [markdown]
# ## Predict, run, explain
#
# You have `my_size` real images, which depends on your `student_id`, and as many generated ones from a generator that is
# perfect. What is the coverage with $k = 3$, in the mean? First write a guess as `predicted`. Then compute it with
# `expected_coverage` and type it as `measured`, with six decimals. Explain in three lines: why is it not 1, and what does
# it tend to for more and more images?
# %% given
my_size = 10 + sum((k + 1) * ord(c) for k, c in enumerate(student_id)) % 491
# %% answer predict
# BEGIN SOLUTION
# instead: predicted = None  # a number, guessed before you compute
# instead: measured = None  # a number, computed
predicted = 0.95
measured = 0.876009
# END SOLUTION
# %% [markdown] explanation
# *Your explanation:*
