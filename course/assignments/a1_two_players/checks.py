"""The checks of assignment 1. Expected values come from SciPy and from the judge's own losses."""

import numpy as np
from scipy import optimize, special, stats

from course.grader.checks import check, close, that

TWISTS = ("least_squares", "smoothing", "margin", "temperature")
MODULES = ("numpy", "scipy.special", "scipy.stats", "scipy.optimize")
FUNCTIONS = {
    "q1": ["ideal_generator"],
    "q2": ["best_logit"],
    "q3": ["losses"],
    "q4": ["generator_slope"],
    "q5": ["discriminator_loss", "best_output"],
}


def personal(student_id):
    """The prediction: parameters, the right number, and how far off it may be."""
    words = sum((k + 1) * ord(letter) for k, letter in enumerate(student_id))
    logit = -2 - 0.01 * (words % 397)
    return {"own_logit": logit}, np.exp(-logit), 2e-3 * np.exp(-logit)


def mixture(rng, spread):
    """Components whose weights differ."""
    k = int(rng.integers(2, 5))
    means = rng.normal(size=k) * spread
    return means, rng.uniform(0.3, 2, k), rng.dirichlet(np.full(k, 4.0))


def densities(rng, n):
    """Two densities at n points, neither near the other."""
    p = rng.uniform(0.2, 3, n)
    return p, p * np.exp(rng.choice([-1, 1], n) * rng.uniform(0.3, 2, n))


@check("q1", 1, visible=True)
def known_components(ask, rng):
    """one component: mean plus standard deviation times z; two that mirror each other: 0 at z = 0"""
    z = np.array([-1.0, 0.0, 2.0])
    answer = ask("ideal_generator", z, np.array([5.0]), np.array([3.0]), np.ones(1), shape=(3,))
    close(answer, [2, 5, 11], "the generator")
    two = np.array([-1.0, 1.0]), np.ones(2), np.full(2, 0.5)
    close(ask("ideal_generator", np.zeros(1), *two, shape=(1,)), [0], "the generator")


@check("q1", 2)
def right_distribution(ask, rng):
    """F(G(z)) = Φ(z) for mixtures, near 0 and far from it"""
    for k in range(8):
        means, stds, weights = mixture(rng, 2)
        means += (0, 0, -60, 60)[k % 4] * rng.uniform(0.5, 1)
        z = np.concatenate([[-3.9, 3.9], rng.uniform(-4, 4, 10)])
        x = ask("ideal_generator", z, means, stds, weights, shape=(12,))
        off = 1e-6 * np.maximum(1, np.abs(x))
        below, above = (
            stats.norm.cdf((at[:, None] - means) / stds) @ weights for at in (x - off, x + off)
        )
        goal, rounding = stats.norm.cdf(z), 1e-13
        inside = (below < goal + rounding) & (goal < above + rounding)
        that(inside.all(), "a sample of the generator is off by more than 1e-06")


@check("q1", 1)
def gap_is_jumped(ask, rng):
    """a mixture with a wide gap: no sample falls into it"""
    for _ in range(8):
        weight = rng.uniform(0.2, 0.8)
        border = stats.norm.ppf(weight)
        z = border + np.array([-0.5, -0.1, 0.1, 0.5])
        means, stds = rng.normal(size=2) + [-40, 40], rng.uniform(0.5, 2, 2)
        order = rng.permutation(2)
        weights = np.array([weight, 1 - weight])
        x = ask("ideal_generator", z, means[order], stds[order], weights[order], shape=(4,))
        inside = [stats.norm.ppf(stats.norm.cdf(z[:2]) / weight, means[0], stds[0])]
        inside += [
            stats.norm.ppf((stats.norm.cdf(z[2:]) - weight) / (1 - weight), means[1], stds[1])
        ]
        close(x, np.concatenate(inside), "a sample near the gap", 1e-5)


@check("q2", 1, visible=True)
def equal_shares(ask, rng):
    """equal shares: the logarithm of p/q"""
    answer = ask("best_logit", np.array([1.0, 3.0]), np.ones(2), 0.5, shape=(2,))
    close(answer, [0, np.log(3)], "the logit")


@check("q2", 2)
def any_share(ask, rng):
    """any share: no other logit explains the labels better"""
    for _ in range(8):
        p, q = densities(rng, 3)
        share = rng.uniform(0.05, 0.4) if rng.random() < 0.5 else rng.uniform(0.6, 0.95)
        expected = []
        for a, b in zip(share * p, (1 - share) * q, strict=True):
            loss = lambda t, a=a, b=b: a * np.logaddexp(0, -t) + b * np.logaddexp(0, t)
            expected.append(optimize.minimize_scalar(loss, bounds=(-12, 12), method="bounded").x)
        close(ask("best_logit", p, q, share, shape=(3,)), expected, "the logit", 1e-3)


@check("q3", 1, visible=True)
def undecided(ask, rng):
    """logits of 0: 2 log 2 and log 2"""
    answer = ask.several("losses", np.zeros(4), np.zeros(4), shapes=[(), ()])
    close(answer, [2 * np.log(2), np.log(2)], "a loss")


@check("q3", 2)
def drawn_logits(ask, rng):
    """fresh logits, batches of unequal size"""
    for _ in range(8):
        real, fake = (rng.normal(rng.choice([-2, 2]), 2, n) for n in rng.permutation([3, 5, 8])[:2])
        discriminator = -special.log_expit(real).mean() - special.log_expit(-fake).mean()
        expected = [discriminator, -special.log_expit(fake).mean()]
        close(ask.several("losses", real, fake, shapes=[(), ()]), expected, "a loss")


@check("q3", 1)
def large_logits(ask, rng):
    """logits in the thousands, on the wrong side"""
    big = rng.uniform(1000, 5000, 3)
    answer = ask.several("losses", -big, big[:2], shapes=[(), ()])
    close(answer, [big.mean() + big[:2].mean(), 0.0], "a loss")
    close(ask.several("losses", big, -big[:2], shapes=[(), ()])[1], big[:2].mean(), "a loss")


@check("q4", 1, visible=True)
def slope_at_zero(ask, rng):
    """at logit 0 both slopes are -1/2"""
    for kind in ("minimax", "non_saturating"):
        close(ask("generator_slope", np.zeros(2), kind=kind, shape=(2,)), [-0.5, -0.5], "the slope")


@check("q4", 1)
def slope_anywhere(ask, rng):
    """fresh logits, against differences of the losses"""
    for _ in range(8):
        logit, h = rng.choice([-1, 1], 5) * rng.uniform(0.5, 4, 5), 1e-5
        for kind, loss in (
            ("minimax", lambda t: special.log_expit(-t)),
            ("non_saturating", lambda t: -special.log_expit(t)),
        ):
            expected = (loss(logit + h) - loss(logit - h)) / (2 * h)
            answer = ask("generator_slope", logit, kind=kind, shape=(5,))
            close(answer, expected, f"the slope of {kind}", 1e-6)


@check("q4", 1)
def slope_far_out(ask, rng):
    """logits in the thousands: slopes of 0 and -1"""
    big = rng.uniform(1000, 5000, 2) * [1, -1]
    answer = ask("generator_slope", big, kind="minimax", shape=(2,))
    close(answer, [-1, 0], "the slope of minimax")
    answer = ask("generator_slope", big, kind="non_saturating", shape=(2,))
    close(answer, [0, -1], "the slope of the non-saturating loss")


# --- the variants: the loss of a real and of a generated output, and numbers for its parameters ----

LOSSES = {
    "least_squares": (
        lambda t, a, b: (t - b) ** 2 / 2,
        lambda t, a, b: (t - a) ** 2 / 2,
        lambda rng: {"a": rng.uniform(-2, -0.5), "b": rng.uniform(0.5, 3)},
        lambda: ({"a": 0.0, "b": 1.0}, [1.0, 3.0], [0.0], 1.0),
    ),
    "smoothing": (
        lambda t, alpha: -alpha * special.log_expit(t) - (1 - alpha) * special.log_expit(-t),
        lambda t, alpha: -special.log_expit(-t),
        lambda rng: {"alpha": rng.uniform(0.6, 0.85)},
        lambda: ({"alpha": 0.9}, [0.0, 0.0, 0.0], [0.0, 0.0], 2 * np.log(2)),
    ),
    "margin": (
        lambda t, margin: np.clip(margin - t, 0, None),
        lambda t, margin: np.clip(margin + t, 0, None),
        lambda rng: {"margin": rng.uniform(1.5, 4)},
        lambda: ({"margin": 1.0}, [1.0], [-1.0], 0.0),
    ),
    "temperature": (
        lambda t, temperature: -special.log_expit(t / temperature),
        lambda t, temperature: -special.log_expit(-t / temperature),
        lambda rng: {"temperature": rng.uniform(1.5, 4)},
        lambda: ({"temperature": 2.0}, [0.0, 0.0, 0.0], [0.0, 0.0], 2 * np.log(2)),
    ),
}


def of_variant(twist):
    """Makes the three checks of a variant."""
    real_loss, fake_loss, draw, example = LOSSES[twist]

    def variant_example(ask, rng):
        """the loss at the example of the notebook"""
        options, real, fake, expected = example()
        answer = ask("discriminator_loss", np.array(real), np.array(fake), **options)
        close(answer, expected, "the loss")

    def variant_loss(ask, rng):
        """the loss of fresh outputs, some in the thousands, batches of unequal size"""
        for k in range(8):
            options = draw(rng)
            scale = (1, 1, 1, 2000)[k % 4]
            real, fake = (
                scale * rng.choice([-1, 1], n) * rng.uniform(0.5, 4, n)
                for n in rng.permutation([6, 9, 13])[:2]
            )
            expected = np.mean(real_loss(real, **options)) + np.mean(fake_loss(fake, **options))
            close(ask("discriminator_loss", real, fake, **options), expected, "the loss")

    def variant_best(ask, rng):
        """the best outputs: no others have a smaller expected loss"""
        for _ in range(8):
            options, (p, q) = draw(rng), densities(rng, 4)
            answer = ask("best_output", p, q, **options, shape=(4,))
            that(np.abs(answer).max() < 100, "an output has a size of 100 or more")
            for k in range(4):
                loss = lambda t, k=k, o=options: p[k] * real_loss(t, **o) + q[k] * fake_loss(t, **o)
                grid = np.linspace(-25, 25, 5001)
                start = grid[np.argmin(loss(grid))]
                best = optimize.minimize_scalar(
                    loss, bounds=(start - 0.02, start + 0.02), method="bounded"
                )
                close(answer[k], best.x, "the best output", 1e-3)

    return (
        check("q5", 1, visible=True, twist=twist)(variant_example),
        check("q5", 1, twist=twist)(variant_loss),
        check("q5", 2, twist=twist)(variant_best),
    )


least_squares_example, least_squares_loss, least_squares_best = of_variant("least_squares")
smoothing_example, smoothing_loss, smoothing_best = of_variant("smoothing")
margin_example, margin_loss, margin_best = of_variant("margin")
temperature_example, temperature_loss, temperature_best = of_variant("temperature")
