"""The checks of assignment 7. Expected values come from search, enumeration and SciPy's tests."""

import numpy as np
from scipy import optimize, stats

from course.grader.checks import check, close, that

TWISTS = ("mirror", "quarter_turns", "shifts")
MODULES = ("numpy", "scipy.special", "scipy.stats", "scipy.linalg", "scipy.optimize")
FUNCTIONS = {
    "q1": ["fit_with_noise"],
    "q2": ["best_weight", "best_number"],
    "q3": ["paired_interval"],
    "q4": ["find_leaks"],
    "q5": ["ada_update"],
    "q6": ["orbit_risk"],
}


def personal(student_id):
    """The prediction: parameters, the right number, and how far off it may be."""
    words = sum((k + 1) * ord(letter) for k, letter in enumerate(student_id))
    bias = 0.1 + 0.0005 * (words % 397)
    return {"my_bias": bias}, bias**-2, 2e-3 * bias**-2


def least(function, low, high):
    """Where a function of one number is least, by search."""
    options = {"xatol": 1e-12}
    return optimize.minimize_scalar(
        function, bounds=(low, high), method="bounded", options=options
    ).x


@check("q1", 1, visible=True)
def no_noise(ask, rng):
    """without noise: least squares"""
    close(ask("fit_with_noise", np.eye(2), np.array([1.0, 2.0]), 0.0, shape=(2,)), [1, 2], "β")


@check("q1", 1)
def noise(ask, rng):
    """with noise, and without: least squares on examples whose noise has the same second moments"""
    for k in range(8):
        n, d, rho = int(rng.integers(6, 10)), int(rng.integers(2, 4)), rng.uniform(0.4, 0.8)
        n, d, rho = (d, n, rho) if k > 5 else (n, d, rho if k else 0.0)
        x, y = rng.normal(size=(n, d)), rng.normal(3, 1, n)
        moves = rho * np.sqrt(d) * np.concatenate([np.eye(d), -np.eye(d)])
        many = (x[:, None] + moves).reshape(-1, d)
        expected = np.linalg.lstsq(many, np.repeat(y, 2 * d), rcond=None)[0]
        close(ask("fit_with_noise", x, y, rho, shape=(d,)), expected, "β")


@check("q2", 1, visible=True)
def half(ask, rng):
    """as good as the real images: half the weight; no bias: the more the better"""
    close(ask("best_weight", 10, 10.0, 1.0), 0.5, "the weight")
    answer = ask("best_number", 10, 10.0, 0.0, finite=False)
    that(answer == np.inf, "without a bias more are always better")


@check("q2", 1)
def weight(ask, rng):
    """the weight of the least error, found by search, for a bias of either sign and for none"""
    for k in range(8):
        n, variance, bias = int(rng.integers(10, 60)), rng.uniform(2, 6), rng.uniform(0.2, 0.7)
        bias *= (1, -1, 0, 1)[k % 4]
        expected = least(lambda a: (1 - a) ** 2 * variance / n + a**2 * bias**2, 0, 1)
        close(ask("best_weight", n, variance, bias), expected, "the weight", 1e-5)


@check("q2", 1)
def number_beside_many(ask, rng):
    """the best number beside many real images, found by search"""
    for k in range(8):
        n, variance, bias = int(rng.integers(50, 90)), rng.uniform(2, 4), rng.uniform(0.3, 0.6)
        bias *= (-1) ** k
        error = lambda m: variance / (n + m) + (m / (n + m)) ** 2 * bias**2
        expected = least(error, 0, 3000)
        close(ask("best_number", n, variance, bias, finite=False), expected, "the number", 1e-3)


@check("q2", 1)
def number_beside_few(ask, rng):
    """the best number beside few real images: the more the better"""
    for k in range(8):
        n, variance = int(rng.integers(2, 9)), rng.uniform(2, 4)
        bias = (-1) ** k * np.sqrt(variance / n * rng.uniform(0.1, 0.45))
        answer = ask("best_number", n, variance, bias, finite=False)
        that(answer == np.inf, "more are always better here, and best_number does not say so")


@check("q3", 1, visible=True)
def middle(ask, rng):
    """it lies around the mean difference"""
    first, second = np.array([80.0, 72.0, 75.0]), np.array([79.0, 69.0, 73.0])
    low, high = ask.several("paired_interval", first, second, 0.95, shapes=[(), ()])
    that(low < high, "the first number is not the lower end")
    close((low + high) / 2, 2, "the middle")


@check("q3", 2)
def interval(ask, rng):
    """fresh accuracies, two to eight seeds, three levels: SciPy's paired test"""
    for level in (0.9, 0.95, 0.99):
        for number in (2, int(rng.integers(3, 6)), int(rng.integers(6, 9))):
            common = rng.normal(75, 4, number)
            first, second = (
                common + rng.normal(2, 1, common.shape),
                common + rng.normal(0, 1, common.shape),
            )
            expected = stats.ttest_rel(first, second).confidence_interval(level)
            ends = ask.several("paired_interval", first, second, level, shapes=[(), ()])
            close(ends, expected, "an end")


def sets(rng, change, near=True):
    """Training images, test images, and which of these are changed training images.

    Three are. Among the others are one that is there twice, one that is a copy but for noise, one
    but for a pixel, one upside down, and an inverted one.
    """
    height, width = int(rng.integers(4, 6)), int(rng.integers(6, 8))
    train, test = rng.random((12, height, width)), rng.random((11, height, width))
    chosen = iter(train[rng.permutation(12)])
    copies = np.arange(11) < 3
    test[copies] = [change(next(chosen), k) for k in range(3)]
    if near:
        one = (np.arange(height * width) == 8).reshape(height, width)
        test[3] = test[4]
        test[5] = change(next(chosen) + rng.choice([-0.012, 0.012], one.shape), 0)
        test[6] = change(next(chosen) + 0.015 * one, 0)
        test[7], test[8] = change(next(chosen)[::-1], 0), change(1 - next(chosen), 0)
    order = rng.permutation(11)
    return train, test[order], copies[order]


def ask_leaks(ask, rng, change, near=True):
    """Whether the copies are found, and nothing else."""
    train, test, expected = sets(rng, change, near)
    answer = ask("find_leaks", train, test, shape=(11,))
    that(np.array_equal(answer != 0, expected), "a copy is not found, or another image is")


@check("q4", 1, visible=True)
def same(ask, rng):
    """copies as they are"""
    ask_leaks(ask, rng, lambda image, k: image, near=False)


@check("q4", 1)
def mirrored(ask, rng):
    """mirrored copies; what only resembles one is none, nor is an inverted picture"""
    for _ in range(3):
        ask_leaks(ask, rng, lambda image, k: image[:, ::-1])


@check("q4", 1)
def brighter(ask, rng):
    """brighter and darker copies, mirrored ones among them; what only resembles one is none"""

    def change(image, k):
        scale = (rng.uniform(1.5, 4), rng.uniform(0.3, 0.8))[k % 2]
        level = rng.uniform(0.1, 2) * rng.choice([-1, 1])
        return scale * (image[:, ::-1] if k else image) + level

    for _ in range(4):
        ask_leaks(ask, rng, change)


@check("q5", 1, visible=True)
def up(ask, rng):
    """100 images of 1000: up by 0.1"""
    close(ask("ada_update", 0.5, np.ones((4, 25)), 0.6, 1000), 0.6, "p")


@check("q5", 1)
def controlled(ask, rng):
    """up, down, and at both ends, for many intervals in turn; the batches do not agree"""
    k, n, target, adjustment = 5, int(rng.integers(40, 60)), rng.uniform(0.3, 0.7), 2000
    p, whole = 0.0, k * n
    for high in [False] * 2 + [True] * 14 + [False] * 3:
        # Most batches, the first and the last among them, are on the other side of the target.
        most = np.floor((0.9 + target) / 2 * n) if high else np.ceil((1.1 + target) / 2 * n)
        other = n if high else np.floor((0.6 + target) / 2 * n)
        counts = [most, *rng.permutation([most, other, other]), most]
        signs = np.stack([rng.permutation(np.where(np.arange(n) < c, 1.0, -1.0)) for c in counts])
        images = whole if signs.sum() > target * whole else -whole
        expected = np.clip(p * adjustment + images, 0, 0.999 * adjustment) / adjustment
        close(ask("ada_update", p, signs, target, adjustment), expected, "p")
        p = expected


# --- the variants: every image of every orbit, pixel by pixel ---------------------------------------

PLACES = {
    "mirror": lambda i, j, size: [(i, j), (i, size - 1 - j)],
    "quarter_turns": lambda i, j, size: [
        (i, j),
        (j, size - 1 - i),
        (size - 1 - i, size - 1 - j),
        (size - 1 - j, i),
    ],
    "shifts": lambda i, j, size: [(i, (j + k) % size) for k in range(size)],
}


def bright(size, *places):
    """A picture with bright pixels: (row, column, brightness)."""
    picture = np.zeros((size, size))
    for row, column, value in places:
        picture[row, column] = value
    return picture


EXAMPLES = {
    "mirror": (bright(2, (0, 0, 1), (0, 1, 3)), bright(2, (0, 0, 1)), [5, 16]),
    "quarter_turns": (bright(3, (0, 1, 2)), bright(3, (0, 1, 1)), [1, 3]),
    "shifts": (bright(3, (0, 0, 3)), bright(3, (0, 0, 1)), [3, 18]),
}


def by_pixels(weights, images, labels, twist):
    """Both numbers, by loops."""
    size, losses = len(weights), []
    for image, label in zip(images, labels, strict=True):
        answers = np.zeros(len(PLACES[twist](0, 0, size)))
        for i in range(size):
            for j in range(size):
                for k, place in enumerate(PLACES[twist](i, j, size)):
                    answers[k] += weights[place] * image[i, j]
        losses.append((answers - label) ** 2)
    within = [np.var(row) for row in losses]
    return np.mean(losses), np.mean(within)


def of_variant(twist):
    """Makes the two checks of a variant."""

    def orbit_example(ask, rng):
        """one pixel is bright"""
        weights, image, expected = EXAMPLES[twist]
        answer = ask.several("orbit_risk", weights, image[None], np.zeros(1), shapes=[(), ()])
        close(answer, expected, "a number")

    def orbit_means(ask, rng):
        """fresh weights, images and labels"""
        for _ in range(4):
            size = int(rng.integers(3, 6))
            weights, images = rng.normal(size=(size, size)), rng.normal(size=(6, size, size))
            labels = rng.choice([-2.0, 2.0], 6)
            expected = by_pixels(weights, images, labels, twist)
            answer = ask.several("orbit_risk", weights, images, labels, shapes=[(), ()])
            close(answer, expected, "a number")

    return (
        check("q6", 1, visible=True, twist=twist)(orbit_example),
        check("q6", 3, twist=twist)(orbit_means),
    )


mirror_example, mirror_means = of_variant("mirror")
turns_example, turns_means = of_variant("quarter_turns")
shifts_example, shifts_means = of_variant("shifts")
