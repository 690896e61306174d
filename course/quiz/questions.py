"""The questions: what is drawn, what is asked, and the answer by two ways of different origin.

The answer is the book's formula. ``other`` finds the same number without it, by search, enumeration,
integration or linear algebra; tests hold one to the other at many seeds.
"""

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
from scipy import integrate, linalg, optimize, special, stats


@dataclasses.dataclass(frozen=True)
class Instance:
    r"""A question with numbers.

    Attributes:
        text: HTML, with formulas between ``\\(`` and ``\\)``.
        answer: the number.
        other: a function without arguments that finds it in another way.
    """

    text: str
    answer: float
    other: Callable


@dataclasses.dataclass(frozen=True)
class Question:
    """A question without numbers.

    Attributes:
        name: of its function.
        title: in words.
        label: of the book, where the answer follows from.
        week: of the course of ten weeks.
        tolerance: how far an answer may be off, relative to the right one.
        draw: ``(rng) -> Instance``.
    """

    name: str
    title: str
    label: str
    week: int
    tolerance: float
    draw: Callable


QUESTIONS = []


def question(week, label, title, *, tolerance=0.01):
    """Makes a function a question of the bank; see `Question`."""

    def add(draw):
        QUESTIONS.append(Question(draw.__name__, title, label, week, tolerance, draw))
        return draw

    return add


def least(function, low, high):
    """Returns where a function of one number is least, by search."""
    options = {"xatol": 1e-11}
    return optimize.minimize_scalar(
        function, bounds=(low, high), method="bounded", options=options
    ).x


def best_logit_of(p, q):
    """Returns the logit that maximises p log D + q log(1 - D), by search."""
    return least(lambda t: -p * special.log_expit(t) - q * special.log_expit(-t), -30, 30)


def listed(numbers):
    """Returns numbers as a sentence has them."""
    return ", ".join(f"{number:g}" for number in numbers)


# --- week 1 ----------------------------------------------------------------------------------------


@question(1, "prop-optimal-discriminator", "The best logit")
def best_logit(rng):
    mean, width, x = rng.integers(1, 4), rng.choice([1, 1.5, 2]), rng.choice([-1.5, -0.5, 0.5, 2.5])
    answer = ((x - mean) ** 2 - x**2) / (2 * width**2)
    p, q = stats.norm.pdf(x, 0, width), stats.norm.pdf(x, mean, width)
    text = (
        rf"Real numbers have the distribution \(\mathcal N(0, {width**2:g})\), generated ones "
        rf"\(\mathcal N({mean}, {width**2:g})\). A batch holds as many of either kind. Which logit does "
        rf"the best discriminator give to \(x = {x:g}\)?"
    )
    return Instance(text, answer, lambda: best_logit_of(p, q))


@question(1, "ex-unequal-shares", "Unequal shares")
def unequal_shares(rng):
    share, ratio = rng.choice([0.1, 0.2, 0.3, 0.7, 0.8, 0.9]), rng.choice([0.25, 0.5, 2, 3, 5])
    text = (
        f"A share of {share:g} of the numbers in a batch is real, the rest is generated. At some "
        f"place the density of the data is {ratio:g} times that of the generator. What probability "
        r"\(D\) that it is real does the best discriminator give to a number there?"
    )
    answer = share * ratio / (share * ratio + 1 - share)
    other = lambda: special.expit(best_logit_of(share * ratio, 1 - share))
    return Instance(text, answer, other)


@question(1, "thm-inverse-transform", "The ideal generator")
def ideal_generator(rng):
    mean, z = rng.choice([0.5, 2, 3, 5]), rng.choice([-1.2, -0.6, 0.3, 0.9, 1.4])
    text = (
        rf"The data have the density \(\frac{{1}}{{{mean:g}}} e^{{-x/{mean:g}}}\) for \(x > 0\). The "
        rf"latent is standard normal, and \(\Phi({z:g}) = {stats.norm.cdf(z):.4f}\). To which number does "
        rf"the increasing ideal generator send \(z = {z:g}\)?"
    )
    density = lambda x: np.exp(-x / mean) / mean
    excess = lambda x: integrate.quad(density, 0, x)[0] - stats.norm.cdf(z)
    answer = -mean * np.log(stats.norm.sf(z))
    return Instance(text, answer, lambda: optimize.brentq(excess, 0, 40 * mean, xtol=1e-12))


@question(1, "02_two_networks", "The loss from logits")
def loss_from_logits(rng):
    real, fake = rng.integers(-3, 4, 2) + 0.5, rng.integers(-3, 4, 2)
    text = (
        f"A discriminator gives two real images the logits {listed(real)} and two generated ones "
        f"{listed(fake)}. What is its cross-entropy loss, the mean over the real images plus the "
        "mean over the generated ones?"
    )
    answer = np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake)))
    other = lambda: -np.mean(np.log(special.expit(real))) - np.mean(np.log(special.expit(-fake)))
    return Instance(text, answer, other)


@question(1, "ex-saturating", "How much stronger the pull is")
def stronger_pull(rng):
    logit = rng.choice([-4, -3, -2, -1, 1, 2])
    text = (
        rf"A generated image has the logit \({logit}\). By what factor is the slope of the "
        "non-saturating loss there larger than that of the minimax loss?"
    )
    slope = lambda loss: (loss(logit + 1e-5) - loss(logit - 1e-5)) / 2e-5
    answer = np.exp(-float(logit))
    other = lambda: slope(lambda t: special.log_expit(t)) / -slope(lambda t: special.log_expit(-t))
    return Instance(text, answer, other)


# --- week 2 ----------------------------------------------------------------------------------------


def value_of_two_cells(off):
    """What the best discriminator earns if a share of the generator's images lies off the data."""
    best = special.expit(best_logit_of(1, 1 - off))
    return np.log(best) + (1 - off) * np.log(1 - best)


@question(2, "ex-minimax-half", "Partly right")
def partly_right(rng):
    off = rng.choice([0.1, 0.2, 0.25, 0.4, 0.6, 0.75])
    text = (
        f"A share of {off:g} of a generator's images lies where no data are; the others are "
        r"distributed like the data. What is the value \(V\) of the best discriminator?"
    )
    answer = np.log(1 / (2 - off)) + (1 - off) * np.log((1 - off) / (2 - off))
    return Instance(text, answer, lambda: value_of_two_cells(off))


@question(2, "ex-minimax-reading", "What a value says of the divergence")
def reading(rng):
    value = rng.choice([-1.3, -1.2, -1.1, -1.0, -0.8, -0.7])
    text = (
        rf"With the best discriminator the value of the game is \(V = {value:g}\). What is the "
        "Jensen–Shannon divergence of data and generator?"
    )

    def other():
        off = optimize.brentq(
            lambda off: value_of_two_cells(off) - value, 1e-9, 1 - 1e-9, xtol=1e-13
        )
        p, q = np.array([1, 0]), np.array([1 - off, off])
        return 0.5 * np.sum(special.rel_entr(p, (p + q) / 2) + special.rel_entr(q, (p + q) / 2))

    return Instance(text, (value + np.log(4)) / 2, other)


@question(2, "ex-minimax-geometric", "Half-way each time")
def half_way(rng):
    p, q, steps = rng.choice([0.2, 0.3, 0.7]), rng.choice([0.4, 0.5, 0.9]), int(rng.integers(2, 6))
    text = (
        rf"Data and generator live on two cells. The first has the probability {p:g} under the data and "
        rf"{q:g} under \(q_0\). The generator is updated {steps} times with the step size 1. How far is "
        "it then from the data, in total variation?"
    )

    def other():
        place = q
        for _ in range(steps):
            best = p / (p + place), (1 - p) / (2 - p - place)
            weights = np.array([place, 1 - place]) / (1 - np.array(best)) / 2
            place = weights[0]
        return abs(place - p)

    return Instance(text, abs(p - q) / 2**steps, other)


# --- week 3 ----------------------------------------------------------------------------------------


@question(3, "thm-bilinear", "Running away")
def running_away(rng):
    rate, pull, steps = rng.choice([0.1, 0.2, 0.3]), rng.choice([0.5, 1, 2]), rng.choice([20, 50])
    text = (
        rf"In the bilinear game with \(a = {pull:g}\) the players make {steps} simultaneous steps of the "
        rf"size \(h = {rate:g}\). By what factor does their distance from the solution grow?"
    )
    matrix = np.array([[1, rate * pull], [-rate * pull, 1]])
    other = lambda: np.linalg.norm(np.linalg.matrix_power(matrix, steps)[:, 0])
    return Instance(text, (1 + (rate * pull) ** 2) ** (steps / 2), other)


@question(3, "thm-bilinear", "Once round")
def once_round(rng):
    rate, pull = rng.choice([0.2, 0.4, 0.5, 0.8]), rng.choice([0.5, 1, 2])
    text = (
        rf"In the bilinear game with \(a = {pull:g}\) the players make alternating steps of the size "
        rf"\(h = {rate:g}\). How many steps, on average, take them once round?"
    )
    both = np.array([[1, rate * pull], [0, 1]]) @ np.array([[1, 0], [-rate * pull, 1]])
    answer = 2 * np.pi / np.arccos(1 - (rate * pull) ** 2 / 2)
    return Instance(text, answer, lambda: 2 * np.pi / abs(np.angle(np.linalg.eigvals(both)[0])))


@question(3, "thm-largest-step", "The largest step")
def largest_step(rng):
    pull, weight = rng.choice([0.5, 1, 2]), rng.choice([0.2, 0.5, 0.8])
    text = (
        rf"Near the solution the field of the two players is \(F(\theta, \psi) = (a\psi, -a\theta - "
        rf"\gamma\psi)\) with \(a = {pull:g}\) and \(\gamma = {weight:g}\). They make alternating steps, "
        "the discriminator first. From which step size on do they no longer approach the solution?"
    )

    def excess(h):
        both = np.array([[1, h * pull], [0, 1]]) @ np.array([[1, 0], [-h * pull, 1 - h * weight]])
        return np.abs(np.linalg.eigvals(both)).max() - 1

    answer = (np.sqrt(weight**2 + 4 * pull**2) - weight) / pull**2
    return Instance(text, answer, lambda: optimize.brentq(excess, 0.05, 20))


# --- week 4 ----------------------------------------------------------------------------------------


@question(4, "ex-loss-sort", "Transport on the line")
def transport(rng):
    x, y = rng.choice(20, 3, replace=False), rng.choice(20, 3, replace=False)
    text = (
        f"Three real numbers: {listed(x)}. Three generated ones: {listed(y)}. What is the Wasserstein "
        r"distance \(W_1\) of the two samples?"
    )
    other = lambda: min(np.abs(x - np.array(z)).mean() for z in itertools.permutations(y))
    return Instance(text, np.abs(np.sort(x) - np.sort(y)).mean(), other)


@question(4, "ex-loss-soft", "How soft the penalty is")
def soft_penalty(rng):
    width, weight = rng.choice([0.5, 1, 2, 3, 4]), rng.choice([1, 2, 5, 10])
    text = (
        rf"All real points are at \(w = {width:g}\), all generated ones at 0. A linear critic \(T(x) = "
        rf"sx\) minimises \(-sw + \lambda (s - 1)^2\) with \(\lambda = {weight}\). By how much is its "
        r"difference of means above \(W_1\)?"
    )
    other = lambda: width * (least(lambda s: -s * width + weight * (s - 1) ** 2, 0, 20) - 1)
    return Instance(text, width**2 / (2 * weight), other)


@question(4, "prop-hinge", "The best hinge loss")
def best_hinge(rng):
    p, q = (rng.choice(np.arange(1, 9), 3) / 1.0 for _ in "pq")
    p, q = p / p.sum(), q / q.sum()
    cells = "; ".join(f"{a:.3f} and {b:.3f}" for a, b in zip(p, q, strict=True))
    p, q = np.round(p, 3), np.round(q, 3)
    text = (
        f"Three cells have under the data and under the generator the probabilities {cells}. What is the "
        "least hinge loss that a discriminator can reach?"
    )

    def other():
        costs = np.concatenate([p, q])  # slacks u >= 1 - T, v >= 1 + T, both not negative
        rows = np.block([[-np.eye(3), np.zeros((3, 3)), -np.eye(3)],
                         [np.zeros((3, 3)), -np.eye(3), np.eye(3)]])  # fmt: skip
        bounds = [(0, None)] * 6 + [(None, None)] * 3
        return optimize.linprog([*costs, 0, 0, 0], rows, -np.ones(6), bounds=bounds).fun

    return Instance(text, 2 * np.minimum(p, q).sum(), other)


# --- week 5 ----------------------------------------------------------------------------------------


@question(5, "ex-measuring-common-axes", "The Fréchet distance with common axes")
def frechet(rng):
    shift, widths, others = rng.integers(0, 4, 2), rng.integers(1, 5, 2), rng.integers(1, 5, 2)
    text = (
        f"Two normal distributions in the plane have means that differ by ({listed(shift)}) and "
        f"diagonal covariances with the standard deviations {listed(widths)} and {listed(others)}. What "
        "is their Fréchet distance (the squared one, as in the field)?"
    )
    answer = float(np.sum(shift**2) + np.sum((widths - others) ** 2))

    def other():
        turn = linalg.expm(np.array([[0, -0.7], [0.7, 0]]))  # seen from other axes
        first, second = (turn @ np.diag(w**2.0) @ turn.T for w in (widths, others))
        root = linalg.sqrtm(first @ second)
        return np.sum((turn @ shift) ** 2) + np.trace(first + second - 2 * np.real(root))

    return Instance(text, answer, other)


@question(5, "ex-measuring-unsure", "An unsure classifier")
def unsure(rng):
    classes, doubt = int(rng.choice([4, 5, 10, 20])), rng.choice([0.05, 0.1, 0.2, 0.3])
    text = (
        rf"A classifier of \({classes}\) equally frequent classes gives the right one the probability "
        rf"\({1 - doubt:g}\) and shares the rest equally among the others. What is the inception score of "
        "real images?"
    )
    answer = classes * (1 - doubt) ** (1 - doubt) * (doubt / (classes - 1)) ** doubt

    def other():
        table = np.full((classes, classes), doubt / (classes - 1))
        np.fill_diagonal(table, 1 - doubt)
        return np.exp(np.sum(special.rel_entr(table, table.mean(axis=0)), axis=1).mean())

    return Instance(text, answer, other)


@question(5, "thm-unbiased", "A kernel distance by hand")
def kernel_by_hand(rng):
    x, y = rng.integers(0, 6, 3), rng.integers(0, 6, 3)
    text = (
        rf"With the kernel \(k(x, x') = x x'\), what is the unbiased kernel distance of the real numbers "
        f"{listed(x)} and the generated numbers {listed(y)}? (It may be negative.)"
    )
    pairs = lambda a: sum(a[i] * a[j] for i in range(3) for j in range(3) if i != j) / 6
    answer = pairs(x) + pairs(y) - 2 * sum(a * b for a in x for b in y) / 9
    other = lambda: (x.mean() - y.mean()) ** 2 - (x.var(ddof=1) + y.var(ddof=1)) / 3
    return Instance(text, float(answer), other)


@question(5, "ex-measuring-more", "Coverage of real images")
def coverage(rng):
    times, neighbours = rng.choice([1, 2, 5, 10]), int(rng.integers(1, 5))
    text = (
        f"There are very many real images, and {times} times as many generated ones, from the same "
        rf"distribution. Which coverage is expected with \(k = {neighbours}\) neighbours?"
    )

    # a ball is empty if the k nearest of all others are real ones, each by a coin of its own
    other = lambda: 1 - stats.binom.pmf(0, neighbours, times / (1 + times))
    return Instance(text, 1 - (1.0 + times) ** -neighbours, other)


# --- week 6 ----------------------------------------------------------------------------------------


@question(6, "prop-even-coverage", "Copies of a kernel", tolerance=0)
def copies(rng):
    kernel, stride = int(rng.integers(3, 8)), int(rng.integers(2, 4))
    text = (
        rf"A transposed convolution has a kernel of {kernel} × {kernel} and the stride {stride}. How many "
        "copies of the kernel reach the pixel in the interior that is reached by the most?"
    )

    def other():
        line = np.zeros(200)
        for start in range(0, 190, stride):
            line[start : start + kernel] += 1
        return line[50:150].max() ** 2

    return Instance(text, float((-(-kernel // stride)) ** 2), other)


@question(6, "07_dcgan", "The memory of an average")
def memory(rng):
    decay, share = rng.choice([0.9, 0.99, 0.995, 0.999]), rng.choice([0.5, 0.1, 0.01])
    text = (
        rf"A moving average of weights has the decay {decay:g}. After how many steps is the share of its "
        f"first value down to {share:g}? (It need not be whole.)"
    )
    other = lambda: optimize.brentq(lambda steps: decay**steps - share, 0, 1e5, xtol=1e-9)
    return Instance(text, np.log(share) / np.log(decay), other)


@question(6, "ex-conditional-prior", "Labels drawn otherwise")
def other_labels(rng):
    real, drawn = rng.choice([0.1, 0.2, 0.3, 0.6, 0.9]), rng.choice([0.25, 0.5, 0.75])
    text = (
        f"A share of {real:g} of the real images shows dogs. The generator is asked for dogs with the "
        f"probability {drawn:g}, and draws them perfectly. Which logit does the best conditional "
        "discriminator give to a dog?"
    )
    return Instance(text, np.log(real / drawn), lambda: best_logit_of(real, drawn))


# --- week 7 ----------------------------------------------------------------------------------------


@question(7, "prop-counts", "Missed by chance")
def missed(rng):
    modes, points = int(rng.choice([8, 25, 100])), int(rng.choice([10, 20, 50]))
    text = (
        f"A perfect generator of {modes} equally likely modes draws {points} points. With which "
        "probability is the first mode not reached?"
    )
    return Instance(text, (1 - 1 / modes) ** points, lambda: stats.binom.pmf(0, points, 1 / modes))


@question(7, "prop-counts", "The least divergence")
def least_divergence(rng):
    modes, reached = int(rng.choice([8, 10, 25])), int(rng.integers(2, 8))
    text = (
        f"A generator reaches {reached} of {modes} modes. What is the least divergence from equal shares "
        "that it can have?"
    )
    shares = np.zeros(modes)
    shares[:reached] = 1 / reached
    other = lambda: special.rel_entr(shares, np.full(modes, 1 / modes)).sum()
    return Instance(text, np.log(modes / reached), other)


@question(7, "prop-accuracy", "The best accuracy")
def best_accuracy(rng):
    p, q = (rng.permutation(row) for row in ([0.5, 0.3, 0.2, 0.0], [0.4, 0.4, 0.1, 0.1]))
    text = (
        f"Four cells have the probabilities {listed(p)} under the data and {listed(q)} under the "
        "generator. How often is the best classifier right on images of both kinds, shown equally often?"
    )

    def other():
        sides = itertools.product([0, 1], repeat=4)  # all rules: say "real" on some of the cells
        return max(0.5 * (p @ side + q @ (1 - np.array(side))) for side in sides)

    return Instance(text, 0.5 + 0.25 * np.abs(p - q).sum(), other)


@question(7, "thm-packing", "Packs of images")
def packs(rng):
    modes, kept, size = 4, int(rng.integers(1, 4)), int(rng.integers(2, 5))
    text = (
        f"A generator makes {kept} of {modes} equally likely modes, each as the data have it and equally "
        f"often. A discriminator judges packs of {size} images. What is the total variation distance of real and "
        "generated packs?"
    )

    def other():
        total = 0
        for pack in itertools.product(range(modes), repeat=size):
            real, fake = modes**-size, kept**-size if max(pack) < kept else 0
            total += abs(real - fake) / 2
        return total

    return Instance(text, 1 - (kept / modes) ** size, other)


# --- week 8 ----------------------------------------------------------------------------------------


@question(8, "prop-best-share", "The best share")
def best_share(rng):
    n, variance, bias = (
        int(rng.choice([20, 50, 100])),
        rng.choice([1, 4, 9]),
        rng.choice([0.2, 0.5, 1]),
    )
    text = (
        rf"A mean is estimated from \(n = {n}\) real images with the variance \(\sigma^2 = {variance}\) "
        rf"each, and from unlimited images of a generator from elsewhere, whose mean is off by {bias:g}. "
        "Which weight on the generator is best?"
    )
    error = lambda a: (1 - a) ** 2 * variance / n + a**2 * bias**2
    return Instance(text, 1 / (1 + n * bias**2 / variance), lambda: least(error, 0, 1))


@question(8, "ex-augmentation-number", "How many to add")
def how_many(rng):
    n, variance, bias = (
        int(rng.choice([100, 200, 500])),
        rng.choice([1, 2, 4]),
        rng.choice([0.2, 0.3]),
    )
    text = (
        rf"A generator from elsewhere has the bias {bias:g}, and its images vary as real ones do, with "
        rf"\(\sigma^2 = {variance}\). They are pooled with {n} real ones, each with the same weight. Which "
        "number of them is best? (It need not be whole.)"
    )
    error = lambda m: variance / (n + m) + (m / (n + m)) ** 2 * bias**2
    answer = n * variance / (2 * n * bias**2 - variance)
    return Instance(text, answer, lambda: least(error, 0, 20 * answer))


@question(8, "prop-orbit", "Draws from an orbit")
def orbit_draws(rng):
    between, within, draws = rng.choice([1, 2, 4]), rng.choice([1, 3, 6]), int(rng.integers(1, 5))
    n = int(rng.choice([10, 50]))
    text = (
        rf"Over a group of transformations that leaves the data as they are, \(\mathrm{{Var}}\,\bar L = "
        rf"{between}\) and \(\mathbb E (L - \bar L)^2 = {within}\). Each of {n} images is transformed "
        f"{draws} times at random. What is the variance of the estimated risk?"
    )

    def other():
        levels = itertools.product([-1, 1], repeat=draws + 1)  # of the orbit, and of each draw
        losses = [
            np.sqrt(between) * first + np.sqrt(within) * np.mean(rest) for first, *rest in levels
        ]
        return np.var(losses) / n

    return Instance(text, (between + within / draws) / n, other)


@question(8, "prop-share-closer", "How many to hold out")
def held_out(rng):
    points = int(rng.choice([4, 5, 8, 10, 12]))
    text = (
        "How many images must be held out so that two standard deviations of the share of closer pairs "
        f"are {points} percentage points, with very many generated images? (It need not be whole.)"
    )
    m = 1e12
    spread = lambda n: 2 * np.sqrt((m + n + 1) / (12 * m * n)) - points / 100
    other = lambda: optimize.brentq(spread, 1, 1e5, xtol=1e-9)
    return Instance(text, 1 / (3 * (points / 100) ** 2), other)


# --- week 9 ----------------------------------------------------------------------------------------


@question(9, "12_study", "A paired interval")
def paired_interval(rng):
    first, second = np.round(rng.normal([[80], [78]], 2, (2, 5)), 1)
    quantile = stats.t.ppf(0.975, 4)
    text = (
        f"Two arms have, at the same five seeds, the accuracies {listed(first)} and {listed(second)}. What "
        rf"is the half-width of the 95% interval for the mean difference? \(t_4(0.975) = {quantile:.3f}\)."
    )
    differences = first - second
    answer = quantile * differences.std(ddof=1) / np.sqrt(5)

    def other():
        interval = stats.ttest_rel(first, second).confidence_interval(0.95)
        return (interval.high - interval.low) / 2

    return Instance(text, answer, other)


@question(9, "ex-little-flip", "What mirrors leave to be seen")
def mirrors(rng):
    share = rng.choice([0.1, 0.2, 0.25, 0.3, 0.4])
    text = (
        f"Real shoes face left. A generator draws all of them facing right. Every image, of either kind, is mirrored "
        f"with the probability {share:g} before the discriminator sees it. What is the total variation "
        "distance of what it sees?"
    )
    change = np.array([[1 - share, share], [share, 1 - share]])
    other = lambda: np.abs(change @ [1, 0] - change @ [0, 1]).sum() / 2
    return Instance(text, 1 - 2 * share, other)


@question(9, "alg-ada", "The controller at its fastest", tolerance=0.02)
def controller(rng):
    batch, images = int(rng.choice([32, 64, 128])), int(rng.choice([100_000, 200_000, 500_000]))
    goal = rng.choice([0.3, 0.5, 0.8])
    text = (
        rf"ADA has batches of \(n = {batch}\) images, the adjustment \(A = {images:,}\) images and the interval "
        rf"\(k = 4\) steps. The mean sign is always above the target. After how many steps is \(p\) at "
        f"{goal:g}?"
    ).replace(",000", r"\,000")

    def other():
        steps, p = 0, 0.0
        while p < goal:
            steps, p = steps + 4, p + 4 * batch / images
        return steps

    return Instance(text, images * goal / batch, other)


# --- week 10 ---------------------------------------------------------------------------------------


@question(10, "prop-discordant", "The error of a difference")
def error_of_difference(rng):
    share, gain, m = (
        rng.choice([0.1, 0.15, 0.2]),
        rng.choice([0.02, 0.05]),
        rng.choice([200, 400, 1000]),
    )
    text = (
        f"On {100 * share:g}% of all images exactly one of two classifiers is right, and one is right on "
        f"{100 * gain:g}% more of the images than the other. They are tested on the same {m} images. What is "
        "the standard error of the measured difference, in percentage points?"
    )

    def other():
        values, chances = np.array([1, -1, 0]), [(share + gain) / 2, (share - gain) / 2, 1 - share]
        return 100 * stats.rv_discrete(values=(values, chances)).std() / np.sqrt(m)

    return Instance(text, 100 * np.sqrt((share - gain**2) / m), other)


@question(10, "prop-discordant", "How many test images")
def test_images(rng):
    share, gain = rng.choice([0.1, 0.15, 0.2, 0.3]), rng.choice([0.01, 0.02, 0.05])
    text = (
        f"Exactly one of two classifiers is right on {100 * share:g}% of the images, and their accuracies "
        f"differ by {100 * gain:g} points. How many test images make this two standard errors? (It need not "
        "be whole.)"
    )
    excess = lambda m: 2 * np.sqrt((share - gain**2) / m) - gain
    other = lambda: optimize.brentq(excess, 1, 1e6, xtol=1e-9)
    return Instance(text, 4 * (share - gain**2) / gain**2, other)


@question(10, "ex-questions-seeds", "How many seeds", tolerance=0)
def seeds(rng):
    spread, gain = int(rng.choice([5, 7, 8, 12])), int(rng.choice([9, 10, 11]))
    text = (
        f"Over seeds, the distance of a recipe varies with a standard deviation of {spread}% of its mean. How "
        f"many seeds of each of two recipes are needed at least, so that a true difference of {gain}% is "
        "more than two standard errors of the difference of their means?"
    )

    def other():
        return next(float(m) for m in range(2, 999) if gain > 2 * np.hypot(spread, spread) / m**0.5)

    return Instance(text, float(np.floor(2 * (2 * spread / gain) ** 2) + 1), other)
