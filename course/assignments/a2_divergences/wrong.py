"""Wrong and right submissions to assignment 2; bands are of 18 points."""

from course.rehearsal import Wrong

VALUE = "return np.sum(special.xlogy(p, p / both)) + np.sum(special.xlogy(q, q / both))"
MOVED = "moved[tried] = q[tried] * ((p[tried] + q[tried]) / q[tried]) ** rate"
BOUND = "return p @ critic - q @ np.exp(critic - 1)"
TRIED = "tried = q > 0"
LEFT = 'left = np.searchsorted(np.sort(x), points[:-1], side="right") / len(x)'
RIGHT_ONE = 'right = np.searchsorted(np.sort(y), points[:-1], side="right") / len(y)'
LINE = "return np.sum(np.abs(left - right) * np.diff(points))"
STEEPEST = "steepest = np.max(np.abs(np.diff(critic[order]) / np.diff(points[order])))"


# Two functions whose bound is the divergence itself, and neither of which is right.
TOGETHER = """return 0 * t


def best_critic(p, q):
    u = p / q
    return ({f}) / u"""
GRID = """u = np.arange(1, 1001) / 100
    return np.max(t[:, None] * u - ({f}), axis=1)"""


def of_variant(twist, f, critic, other_critic, conjugate, other_conjugate):
    """The mistakes of a variant, whose f(u) is given."""
    return [
        Wrong("wrong slope", critic, other_critic, (14, 17), twist),
        Wrong("the ratio exchanged", critic, f"p, q = q, p\n    {critic}", (17, 17), twist),
        Wrong("wrong conjugate", conjugate, other_conjugate, (14, 16), twist),
        Wrong("conjugate on a grid", conjugate, GRID.format(f=f), (16, 16), twist),
        Wrong("right together only", conjugate, TOGETHER.format(f=f), (15, 15), twist),
    ]


WRONG = [
    Wrong(
        "logarithms of base 2",
        VALUE,
        VALUE.replace("return ", "return (") + ") / np.log(2)",
        (15, 15),
    ),
    Wrong(
        "one divergence alone",
        VALUE,
        "return -np.log(4) + 2 * np.sum(special.xlogy(p, 2 * p / both))",
        (15, 16),
    ),
    Wrong(
        "nan at empty places",
        VALUE,
        "return np.sum(p * np.log(p / (p + q))) + np.sum(q * np.log(q / (p + q)))",
        (15, 15),
    ),
    Wrong("nan where nobody is", "both = np.where(p + q > 0, p + q, 1)", "both = p + q", (16, 16)),
    Wrong("total variation", VALUE, "return -np.log(4) * (1 - np.abs(p - q).sum() / 2)", (16, 16)),
    Wrong("no normalisation", "return moved / moved.sum()", "return moved / 2**rate", (17, 17)),
    Wrong(
        "empty places are filled", MOVED, "moved = (1 - rate) * q + rate * (p + q) / 2", (16, 17)
    ),
    Wrong(
        "empty places are filled at rate 1",
        MOVED,
        "moved = q ** (1 - rate) * (p + q) ** rate",
        (17, 17),
    ),
    Wrong("nan at places not tried", MOVED, "moved = q * ((p + q) / q) ** rate", (17, 17)),
    Wrong("moves places with data only", TRIED, "tried = (q > 0) & (p > 0)", (17, 17)),
    Wrong("away from the data", MOVED, MOVED.replace("** rate", "** -rate"), (16, 16)),
    Wrong("rate forgotten", MOVED, MOVED.replace("** rate", "** 1.0"), (17, 17)),
    Wrong(
        "D for 1 - D",
        MOVED,
        "moved[tried] = q[tried] * ((p[tried] + q[tried]) / p[tried]) ** rate",
        (16, 16),
    ),
    Wrong("does not move", MOVED, "moved = q", (16, 16)),
    Wrong("additive step", MOVED, "moved = np.maximum(0, q + rate * (p - q) / 2)", (16, 17)),
    Wrong(
        "conjugate with another constant", BOUND, "return p @ critic - q @ np.exp(critic)", (15, 15)
    ),
    Wrong("q and p exchanged", BOUND, "return q @ critic - p @ np.exp(critic - 1)", (16, 16)),
    Wrong(
        "Donsker and Varadhan", BOUND, "return p @ critic - np.log(q @ np.exp(critic))", (16, 16)
    ),
    Wrong(
        "places with data only",
        BOUND,
        "seen = p > 0\n    return p @ critic - q[seen] @ np.exp(critic[seen] - 1)",
        (16, 16),
    ),
    Wrong(
        "mean over the places",
        BOUND,
        "return np.mean(p * critic - q * np.exp(critic - 1))",
        (16, 16),
    ),
    Wrong("conjugate of the mean", BOUND, "return p @ critic - np.exp(q @ critic - 1)", (16, 16)),
    Wrong("clipped critic", BOUND, "critic = np.clip(critic, 0, 1)\n    " + BOUND, (16, 16)),
    Wrong("the gap alone", BOUND, "return p @ critic - q @ critic", (16, 16)),
    Wrong("difference of the means", LINE, "return np.abs(np.mean(x) - np.mean(y))", (16, 16)),
    Wrong(
        "unsorted",
        LINE,
        "n = min(len(x), len(y))\n    return np.mean(np.abs(x[:n] - y[:n]))",
        (16, 16),
    ),
    Wrong(
        "sorted and cut",
        LINE,
        "n = min(len(x), len(y))\n    return np.mean(np.abs(np.sort(x)[:n] - np.sort(y)[:n]))",
        (17, 17),
    ),
    Wrong("squared", LINE, "return np.sum((left - right) ** 2 * np.diff(points))", (15, 15)),
    Wrong("both divided by n", RIGHT_ONE, RIGHT_ONE.replace("/ len(y)", "/ len(x)"), (17, 17)),
    Wrong(
        "repeated points once",
        LEFT,
        LEFT.replace("np.sort(x)", "np.unique(x)").replace("len(x)", "len(np.unique(x))"),
        (17, 17),
    ),
    Wrong(
        "quantiles on a grid",
        LINE,
        "at = np.linspace(0, 1, 1001)\n    return np.mean(np.abs(np.quantile(x, at) - np.quantile(y, at)))",
        (16, 16),
    ),
    Wrong(
        "root of the mean square",
        LINE,
        """x, y = np.repeat(np.sort(x), len(y)), np.repeat(np.sort(y), len(x))
    return np.sqrt(np.mean((x - y) ** 2))""",
        (16, 16),
    ),
    Wrong("mean over all pairs", LINE, "return np.mean(np.abs(x[:, None] - y))", (16, 16)),
    Wrong("points not sorted", STEEPEST, STEEPEST.replace("[order]", ""), (17, 17)),
    Wrong("range for slope", STEEPEST, "steepest = np.ptp(critic) / np.ptp(points)", (17, 17)),
    Wrong("mean slope", STEEPEST, STEEPEST.replace("np.max", "np.mean"), (17, 17)),
    Wrong("rising slopes only", STEEPEST, STEEPEST.replace("np.abs", ""), (17, 17)),
    Wrong("never negative", "return (p - q) @ critic", "return np.abs((p - q) @ critic)", (17, 17)),
    Wrong(
        "flat critics stay flat", STEEPEST, STEEPEST + "\n    steepest = max(1, steepest)", (17, 17)
    ),
    *of_variant(
        "reverse_kl",
        "-np.log(u)",
        "return -q / p",
        "return -p / q",
        "return -1 - np.log(-t)",
        "return -np.log(-t) - 1 + (t + 1)",
    ),
    *of_variant(
        "pearson",
        "(u - 1) ** 2",
        "return 2 * (p / q - 1)",
        "return p / q - 1",
        "return t**2 / 4 + t",
        "return t**2 / 2 + t",
    ),
    *of_variant(
        "neyman",
        "(1 - u) ** 2 / u",
        "return 1 - (q / p) ** 2",
        "return 1 - q / p",
        "return 2 - 2 * np.sqrt(1 - t)",
        "return 2 * t - t**2",
    ),
    *of_variant(
        "hellinger",
        "(np.sqrt(u) - 1) ** 2",
        "return 1 - np.sqrt(q / p)",
        "return 1 - q / p",
        "return t / (1 - t)",
        "return t / (1 + t)",
    ),
    *of_variant(
        "triangular",
        "(u - 1) ** 2 / (u + 1)",
        "return 1 - 4 / (p / q + 1) ** 2",
        "return (p - q) / (p + q)",
        "return (1 - root) * (3 - root)",
        "return (1 - root) * (3 + root)",
    ),
    *of_variant(
        "jensen_shannon",
        "u * np.log(u) - (u + 1) * np.log((u + 1) / 2)",
        "return np.log(2 * p / (p + q))",
        "return np.log(p / (p + q))",
        "return -np.log(2 - np.exp(t))",
        "return -np.log(2 - np.exp(-t))",
    ),
]

RIGHT = {
    "with scipy.stats": """
from scipy.stats import entropy, wasserstein_distance
from scipy.special import softmax

def game_value(p, q):
    middle = (p + q) / 2
    return -2 * np.log(2) + entropy(p, middle) + entropy(q, middle)

def mirror_step(p, q, rate):
    score = np.full(q.shape, -np.inf)
    mask = q != 0
    score[mask] = (1 - rate) * np.log(q[mask]) + rate * np.log((p + q)[mask])
    return softmax(score)

def kl_bound(critic, p, q):
    return sum(a * t - b * np.e ** (t - 1) for t, a, b in zip(critic, p, q))

wasserstein_line = wasserstein_distance

def critic_bound(critic, points, p, q):
    steepest = 0
    for i in range(len(points)):
        for j in range(i):
            steepest = max(steepest, abs((critic[i] - critic[j]) / (points[i] - points[j])))
    return (np.dot(p, critic) - np.dot(q, critic)) / steepest
""",
    "with loops": """
import math

def game_value(p, q):
    total = 0.0
    for a, b in zip(p, q):
        if a > 0:
            total += a * math.log(a / (a + b))
        if b > 0:
            total += b * math.log(b / (a + b))
    return total

def mirror_step(p, q, rate):
    new = [0.0 if b == 0 else b ** (1 - rate) * (a + b) ** rate for a, b in zip(p, q)]
    total = sum(new)
    return [value / total for value in new]

def kl_bound(critic, p, q):
    return np.sum(p * critic) - np.sum(q * np.exp(critic)) / np.e

def wasserstein_line(x, y):
    n, m = len(x), len(y)
    size = n * m // math.gcd(n, m)
    a, b = np.sort(np.repeat(x, size // n)), np.sort(np.repeat(y, size // m))
    return np.abs(a - b).mean()

def critic_bound(critic, points, p, q):
    pairs = sorted(zip(points, critic))
    slopes = [abs((d - b) / (c - a)) for (a, b), (c, d) in zip(pairs, pairs[1:])]
    return float(np.dot(p - q, critic)) / max(slopes)
""",
}
