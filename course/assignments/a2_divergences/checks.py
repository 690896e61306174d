"""The checks of assignment 2. Expected values come from closed forms, SciPy and linear programmes."""

import numpy as np
from scipy import optimize, special, stats

from course.grader.checks import check, close, that

TWISTS = ("reverse_kl", "pearson", "neyman", "hellinger", "triangular", "jensen_shannon")
MODULES = ("numpy", "scipy.special", "scipy.stats", "scipy.optimize")
FUNCTIONS = {
    "q1": ["game_value"],
    "q2": ["mirror_step"],
    "q3": ["kl_bound"],
    "q4": ["wasserstein_line"],
    "q5": ["critic_bound"],
    "q6": ["best_critic", "conjugate"],
}


def personal(student_id):
    """The prediction: parameters, the right number, and how far off it may be."""
    words = sum((k + 1) * ord(letter) for k, letter in enumerate(student_id))
    first = start = 0.02 + 0.001 * (words % 307)
    for _ in range(3):
        # Two places of one half: q·(1 + ½/q)^½ is the root of q·(q + ½).
        a, b = np.sqrt(first * (first + 0.5)), np.sqrt((1 - first) * (1.5 - first))
        first = a / (a + b)
    p, q = np.full(2, 0.5), np.array([first, 1 - first])
    number = sum(special.rel_entr(one, (p + q) / 2).sum() for one in (p, q))
    return {"start": start}, number, 5e-3 * number


def distributions(rng, n, num=2):
    """Distributions on n places, none near uniform or near another."""
    return list(rng.dirichlet(np.full(n, 0.8), num) * 0.94 + 0.06 / n)


@check("q1", 1, visible=True)
def known_values(ask, rng):
    """equal distributions: -log 4; disjoint ones: 0"""
    close(ask("game_value", np.full(2, 0.5), np.full(2, 0.5)), -np.log(4), "the value")
    close(ask("game_value", np.array([1.0, 0.0]), np.array([0.0, 1.0])), 0, "the value")


@check("q1", 2)
def divergence(ask, rng):
    """-log 4 and twice the Jensen–Shannon divergence, some places empty"""
    for _ in range(8):
        p, q = distributions(rng, 6)
        p[0] = q[1] = p[2] = q[2] = 0
        p, q = p / p.sum(), q / q.sum()
        expected = -np.log(4) + sum(special.rel_entr(one, (p + q) / 2).sum() for one in (p, q))
        close(ask("game_value", p, q), expected, "the value")


@check("q2", 1, visible=True)
def fixed_point(ask, rng):
    """equal distributions do not move"""
    close(ask("mirror_step", np.full(2, 0.5), np.full(2, 0.5), 0.3, shape=(2,)), [0.5, 0.5], "q")


@check("q2", 1)
def halving(ask, rng):
    """rate 1: after k steps the difference is 2⁻ᵏ of the first"""
    for _ in range(8):
        p, first = distributions(rng, 5)
        q = first
        for k in range(1, 4):
            q = ask("mirror_step", p, q, 1.0, shape=(5,))
            close(q, p + 2.0**-k * (first - p), "q")


@check("q2", 1)
def small_steps(ask, rng):
    """other rates; and places that are never tried, at rate 1 too"""
    for k in range(8):
        p, q = distributions(rng, 7)
        empty = rng.permutation(7)[:4]
        q[empty[:2]] = 0  # one of these has data, the other has none
        p[empty[1:3]] = 0
        p, q = p / p.sum(), q / q.sum()
        if k % 2:
            rate = rng.uniform(0.15, 0.7)
            with np.errstate(divide="ignore", invalid="ignore"):
                scores = np.where(q > 0, np.log(q) + rate * (np.log(p + q) - np.log(q)), -np.inf)
            expected = special.softmax(scores)
        else:
            # The distance to the data of the places that are tried is divided by 1 + their share.
            rate, tried = 1.0, np.where(q > 0, p, 0)
            share = tried.sum()
            expected = tried / share + (q - tried / share) / (1 + share)
        close(ask("mirror_step", p, q, rate, shape=(7,)), expected, "q")


@check("q3", 1, visible=True)
def bound_of_ones(ask, rng):
    """a critic of 1 everywhere gives 0"""
    close(ask("kl_bound", np.ones(2), np.full(2, 0.5), np.full(2, 0.5)), 0, "the bound")


@check("q3", 2)
def bound_is_reached(ask, rng):
    """the best critic plus c gives KL + 1 + c - exp(c); a place without data takes q·exp(t - 1) off"""
    for _ in range(8):
        p, q = distributions(rng, 5)
        for c in (0.0, rng.uniform(0.3, 1), -rng.uniform(0.3, 1)):
            expected = stats.entropy(p, q) + 1 + c - np.exp(c)
            critic = 1 + np.log(p / q) + c
            close(ask("kl_bound", critic, p, q), expected, "the bound")
            more, t = rng.uniform(0.1, 0.5), rng.uniform(0.5, 2)
            longer = [
                np.append(critic - np.log1p(-more), t),
                np.append(p, 0),
                np.append(q * (1 - more), more),
            ]
            expected -= np.log1p(-more) + more * np.exp(t - 1)
            close(ask("kl_bound", *longer), expected, "the bound")


@check("q4", 1, visible=True)
def shifted(ask, rng):
    """a sample and the same shifted by 3; samples of unequal sizes, all in one place"""
    close(ask("wasserstein_line", np.array([0.0, 1.0]), np.array([3.0, 4.0])), 3, "the distance")
    close(ask("wasserstein_line", np.array([2.0]), np.array([2.0, 2.0])), 0, "the distance")


@check("q4", 1)
def equal_sizes(ask, rng):
    """samples of equal sizes, against the best matching"""
    for _ in range(8):
        x, y = rng.normal(size=7), rng.normal(size=7) * rng.uniform(1.5, 3)
        costs = np.abs(x[:, None] - y)
        expected = costs[optimize.linear_sum_assignment(costs)].mean()
        close(ask("wasserstein_line", x, y), expected, "the distance")


@check("q4", 1)
def unequal_sizes(ask, rng):
    """samples of unequal sizes, with points that coincide, against a linear programme"""
    for k in range(4):
        n, m = rng.permutation([3, 4, 5, 7])[:2]
        x, y = rng.normal(size=n) * 2, rng.normal(size=m) + 1
        x[:2] = y.min() - rng.uniform(0.5, 2), y.max() + rng.uniform(0.5, 2)  # no shift
        if k % 2:
            x, y = np.append(x, x[:2]), np.append(y, [y[0], x[0]])
            n, m = n + 2, m + 2
        sums = [np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))]
        totals = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
        costs = np.abs(x[:, None] - y).ravel()
        plan = optimize.linprog(costs, A_eq=np.concatenate(sums), b_eq=totals, method="highs")
        close(ask("wasserstein_line", x, y), plan.fun, "the distance")


@check("q5", 1, visible=True)
def critic_of_slope_three(ask, rng):
    """a critic of slope 3 and one mass that moves by 2"""
    points, p, q = np.array([0.0, 2.0]), np.array([0.0, 1.0]), np.array([1.0, 0.0])
    close(ask("critic_bound", np.array([0.0, 6.0]), points, p, q), 2, "the bound")


@check("q5", 1)
def critic_in_any_order(ask, rng):
    """the best critic, scaled, at points in any order: W1 itself; and others, against all pairs"""
    for _ in range(8):
        points = np.sort(rng.normal(size=6)) * 2 + np.arange(6) * 0.3
        p, q = distributions(rng, 6)
        steps = -np.sign(np.cumsum(p - q)[:-1]) * np.diff(points)
        best = np.concatenate([[0.0], np.cumsum(steps)]) * rng.uniform(0.2, 0.6) + rng.normal()
        other = rng.normal(size=6)
        slopes = np.abs(other[:, None] - other) / np.where(
            np.eye(6), np.inf, np.abs(points[:, None] - points)
        )
        order = rng.permutation(6)
        distance, bound = stats.wasserstein_distance(points, points, p, q), (p - q) @ other
        for critic, expected in ((best, distance), (other, bound / slopes.max())):
            for sign in (1, -1):  # a critic that points the wrong way gives less than nothing
                values = sign * critic[order]
                answer = ask("critic_bound", values, points[order], p[order], q[order])
                close(answer, sign * expected, "the bound")


F = {
    "reverse_kl": lambda u: -np.log(u),
    "pearson": lambda u: (u - 1) ** 2,
    "neyman": lambda u: (1 - u) ** 2 / u,
    "hellinger": lambda u: (np.sqrt(u) - 1) ** 2,
    "triangular": lambda u: (u - 1) ** 2 / (u + 1),
    "jensen_shannon": lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2),
}


def of_variant(twist):
    """Makes the three checks of a variant."""
    f = F[twist]

    def variant_same(ask, rng):
        """equal distributions: the bound is 0"""
        same = np.full(2, 0.5)
        critic = ask("best_critic", same, same, shape=(2,))
        close(same @ critic - same @ ask("conjugate", critic, shape=(2,)), 0, "the bound")

    def variant_critic(ask, rng):
        """the best critic is the slope of f at p/q, by a complex step"""
        for _ in range(8):
            p, q = distributions(rng, 5)
            expected = np.imag(f(p / q + 1e-30j)) / 1e-30
            close(ask("best_critic", p, q, shape=(5,)), expected, "the critic")

    def variant_conjugate(ask, rng):
        """the conjugate is the greatest of u·t - f(u), by a search"""
        for _ in range(4):
            logs = rng.uniform([0.2, -1.2, 2.5, -3.5], [1.2, -0.2, 3.5, -2.5])
            t = np.imag(f(np.exp(logs) + 1e-30j)) / 1e-30
            expected = []
            for at, slope in zip(logs, t, strict=True):
                loss = lambda v, slope=slope: f(np.exp(v)) - np.exp(v) * slope
                around = (at - 1, at + 1.3)
                expected.append(
                    -optimize.minimize_scalar(loss, bounds=around, method="bounded").fun
                )
            answer = ask("conjugate", t, shape=(4,))
            that(np.ptp(answer) > 0, "the conjugate is the same everywhere")
            close(answer, expected, "the conjugate")

    return (
        check("q6", 1, visible=True, twist=twist)(variant_same),
        check("q6", 1, twist=twist)(variant_critic),
        check("q6", 2, twist=twist)(variant_conjugate),
    )


reverse_kl_same, reverse_kl_critic, reverse_kl_conjugate = of_variant("reverse_kl")
pearson_same, pearson_critic, pearson_conjugate = of_variant("pearson")
neyman_same, neyman_critic, neyman_conjugate = of_variant("neyman")
hellinger_same, hellinger_critic, hellinger_conjugate = of_variant("hellinger")
triangular_same, triangular_critic, triangular_conjugate = of_variant("triangular")
shannon_same, shannon_critic, shannon_conjugate = of_variant("jensen_shannon")
