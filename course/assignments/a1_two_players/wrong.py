"""Wrong and right submissions to assignment 1; bands are of 18 points."""

from course.rehearsal import Wrong

WEIGHTS = "below = special.ndtr((middle[:, None] - means) / stds) @ weights < target"
INTERVAL = """low = np.full(len(z), np.min(means - 9 * stds))
    high = np.full(len(z), np.max(means + 9 * stds))"""
LOGIT = "np.log(share * p) - np.log((1 - share) * q)"
DISCRIMINATOR = "discriminator = np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))"
GENERATOR = "generator = np.mean(np.logaddexp(0, -fake))"
SLOPE = """    if kind == "minimax":
        return -special.expit(logit)
    return -special.expit(-logit)"""

WRONG = [
    Wrong(
        "averages the components' generators",
        "    target = special.ndtr(z)",
        "    return (means + stds * z[:, None]) @ weights\n    target = special.ndtr(z)",
        (14, 16),
    ),
    Wrong(
        "quantile of the density",
        "target = special.ndtr(z)",
        "target = np.exp(-z**2 / 2) / np.sqrt(2 * np.pi)",
        (14, 14),
    ),
    Wrong(
        "weights forgotten",
        WEIGHTS,
        WEIGHTS.replace("@ weights", "@ (weights * 0 + 1 / len(weights))"),
        (15, 15),
    ),
    Wrong("too few halvings", "range(80)", "range(12)", (14, 16)),
    Wrong("not quite enough halvings", "range(80)", "range(20)", (15, 16)),
    Wrong(
        "one interval for all mixtures",
        INTERVAL,
        "low, high = np.full(len(z), -20.0), np.full(len(z), 20.0)",
        (15, 15),
    ),
    Wrong("interval of three deviations", INTERVAL, INTERVAL.replace("9", "3"), (16, 16)),
    Wrong(
        "one normal distribution",
        "    target = special.ndtr(z)",
        """    mean = weights @ means
    return mean + np.sqrt(weights @ (stds**2 + (means - mean) ** 2)) * z
    target = special.ndtr(z)""",
        (15, 15),
    ),
    Wrong(
        "variances for deviations",
        "low = np.full(len(z), np.min(means - 9 * stds))",
        "stds = np.sqrt(stds)\n    low = np.full(len(z), np.min(means - 9 * stds))",
        (14, 14),
    ),
    Wrong(
        "share forgotten",
        "np.log(share * p) - np.log((1 - share) * q)",
        "np.log(p) - np.log(q)",
        (16, 16),
    ),
    Wrong(
        "share exchanged",
        "np.log(share * p) - np.log((1 - share) * q)",
        "np.log((1 - share) * p) - np.log(share * q)",
        (16, 16),
    ),
    Wrong(
        "probability for logit",
        "return np.log(share * p) - np.log((1 - share) * q)",
        "return share * p / (share * p + (1 - share) * q)",
        (15, 15),
    ),
    Wrong("odds of twice the share", LOGIT, "np.log(2 * share * p) - np.log(q)", (16, 16)),
    Wrong(
        "weighs the logarithms",
        LOGIT,
        "2 * share * np.log(p) - 2 * (1 - share) * np.log(q)",
        (16, 16),
    ),
    Wrong(
        "clipped probabilities",
        DISCRIMINATOR,
        """limits = (1e-12, 1)
    discriminator = -np.mean(np.log(np.clip(special.expit(real), *limits)))
    discriminator -= np.mean(np.log(np.clip(special.expit(-fake), *limits)))""",
        (17, 17),
    ),
    Wrong("generator of the real logits", GENERATOR, GENERATOR.replace("fake", "real"), (15, 15)),
    Wrong(
        "log of the sigmoid",
        "discriminator = np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))",
        "discriminator = -np.mean(np.log(special.expit(real))) - np.mean(np.log(1 - special.expit(fake)))",
        (17, 17),
    ),
    Wrong(
        "labels swapped",
        "discriminator = np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))",
        "discriminator = np.mean(np.logaddexp(0, real)) + np.mean(np.logaddexp(0, -fake))",
        (15, 15),
    ),
    Wrong(
        "sums for means",
        "discriminator = np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))",
        "discriminator = np.sum(np.logaddexp(0, -real)) + np.sum(np.logaddexp(0, fake))",
        (14, 14),
    ),
    Wrong(
        "one mean over both batches",
        "discriminator = np.mean(np.logaddexp(0, -real)) + np.mean(np.logaddexp(0, fake))",
        "discriminator = 2 * np.mean(np.logaddexp(0, np.concatenate([-real, fake])))",
        (15, 16),
    ),
    Wrong(
        "float16",
        "    discriminator = np.mean(",
        "    real, fake = real.astype(np.float16), fake.astype(np.float16)\n    discriminator = np.mean(",
        (14, 16),
    ),
    Wrong(
        "saturating generator",
        "generator = np.mean(np.logaddexp(0, -fake))",
        "generator = -np.mean(np.logaddexp(0, fake))",
        (14, 14),
    ),
    Wrong(
        "generator of the other label",
        "generator = np.mean(np.logaddexp(0, -fake))",
        "generator = np.mean(np.logaddexp(0, fake))",
        (15, 15),
    ),
    Wrong("kinds exchanged", SLOPE, SLOPE.replace('"minimax"', '"non_saturating"'), (16, 16)),
    Wrong("one slope for both", SLOPE, "    return -special.expit(-logit)", (16, 16)),
    Wrong("constant slopes", SLOPE, "    return np.full(len(logit), -0.5)", (16, 16)),
    Wrong("sign of the slope", SLOPE, SLOPE.replace("return -", "return "), (15, 15)),
    Wrong(
        "exp overflows",
        SLOPE,
        SLOPE.replace("-special.expit(logit)", "-np.exp(logit) / (1 + np.exp(logit))"),
        (17, 17),
    ),
    Wrong(
        "differences of the losses",
        SLOPE,
        """    sign, h = (1 if kind == "minimax" else -1), 1e-5
    loss = lambda t: sign * np.log(1 / (1 + np.exp(sign * t)))
    return (loss(logit + h) - loss(logit - h)) / (2 * h)""",
        (17, 17),
    ),
    # the variants
    Wrong(
        "labels of least squares exchanged",
        "(np.mean((real - b) ** 2) + np.mean((fake - a) ** 2)) / 2",
        "(np.mean((real - a) ** 2) + np.mean((fake - b) ** 2)) / 2",
        (16, 16),
        "least_squares",
    ),
    Wrong(
        "half of one term",
        "(np.mean((real - b) ** 2) + np.mean((fake - a) ** 2)) / 2",
        "np.mean((real - b) ** 2) / 2 + np.mean((fake - a) ** 2)",
        (17, 17),
        "least_squares",
    ),
    Wrong(
        "labels of the best exchanged",
        "(b * p + a * q) / (p + q)",
        "(a * p + b * q) / (p + q)",
        (16, 16),
        "least_squares",
    ),
    Wrong(
        "halfway always",
        "(b * p + a * q) / (p + q)",
        "(a + b) / 2 + 0 * p",
        (16, 16),
        "least_squares",
    ),
    Wrong(
        "both sides smoothed",
        "np.mean(softened) + np.mean(np.logaddexp(0, fake))",
        "np.mean(softened) + np.mean(alpha * np.logaddexp(0, fake) + (1 - alpha) * np.logaddexp(0, -fake))",
        (17, 17),
        "smoothing",
    ),
    Wrong(
        "scaled instead of smoothed",
        "+ (1 - alpha) * np.logaddexp(0, real)",
        "",
        (16, 16),
        "smoothing",
    ),
    Wrong(
        "best without smoothing",
        "np.log(alpha * p) - np.log((1 - alpha) * p + q)",
        "np.log(p) - np.log(q)",
        (16, 16),
        "smoothing",
    ),
    Wrong(
        "smoothing taken for a share",
        "np.log(alpha * p) - np.log((1 - alpha) * p + q)",
        "np.log(alpha * p) - np.log((1 - alpha) * q)",
        (16, 16),
        "smoothing",
    ),
    Wrong(
        "margin 1",
        "np.mean(np.maximum(0, margin - real)) + np.mean(np.maximum(0, margin + fake))",
        "np.mean(np.maximum(0, 1 - real)) + np.mean(np.maximum(0, 1 + fake))",
        (17, 17),
        "margin",
    ),
    Wrong(
        "charges beyond the margin",
        "np.mean(np.maximum(0, margin - real)) + np.mean(np.maximum(0, margin + fake))",
        "np.mean(margin - real) + np.mean(margin + fake)",
        (17, 17),
        "margin",
    ),
    Wrong(
        "verdict without margin", "margin * np.sign(p - q)", "np.sign(p - q)", (16, 16), "margin"
    ),
    Wrong(
        "verdict exchanged",
        "margin * np.sign(p - q)",
        "margin * np.sign(q - p)",
        (16, 16),
        "margin",
    ),
    Wrong(
        "log of the smoothed sigmoid",
        "alpha * np.logaddexp(0, -real) + (1 - alpha) * np.logaddexp(0, real)",
        "-alpha * np.log(special.expit(real)) - (1 - alpha) * np.log(special.expit(-real))",
        (17, 17),
        "smoothing",
    ),
    Wrong(
        "log of the sigmoid of the quotient",
        "fake / temperature\n    return np.mean(np.logaddexp(0, -real))",
        "fake / temperature\n    return -np.mean(np.log(special.expit(real)))",
        (17, 17),
        "temperature",
    ),
    Wrong(
        "a probability, stretched",
        "temperature * (np.log(p) - np.log(q))",
        "temperature * (p - q) / (p + q)",
        (16, 16),
        "temperature",
    ),
    Wrong(
        "multiplies by the temperature",
        "real, fake = real / temperature, fake / temperature",
        "real, fake = real * temperature, fake * temperature",
        (17, 17),
        "temperature",
    ),
    Wrong(
        "one temperature forgotten",
        "real, fake = real / temperature, fake / temperature",
        "real = real / temperature",
        (17, 17),
        "temperature",
    ),
    Wrong(
        "best without temperature",
        "temperature * (np.log(p) - np.log(q))",
        "np.log(p) - np.log(q)",
        (16, 16),
        "temperature",
    ),
    Wrong(
        "divides by the temperature",
        "temperature * (np.log(p) - np.log(q))",
        "(np.log(p) - np.log(q)) / temperature",
        (16, 16),
        "temperature",
    ),
]

RIGHT = {
    "root finder and loops": """
from scipy.optimize import brentq
from scipy.stats import norm

def ideal_generator(z, means, stds, weights):
    found = []
    for u in norm.cdf(z):
        def excess(x):
            return sum(w * norm.cdf(x, m, s) for m, s, w in zip(means, stds, weights)) - u
        found.append(brentq(excess, min(means) - 50, max(means) + 50, xtol=1e-12))
    return found

def best_logit(p, q, share):
    probability = share * p / (share * p + (1 - share) * q)
    return special.logit(probability)

def softplus(t):
    return np.maximum(t, 0) + np.log1p(np.exp(-np.abs(t)))

def losses(real, fake):
    return np.array([softplus(-real).mean() + softplus(fake).mean(), softplus(-fake).mean()])

def generator_slope(logit, kind):
    return {"minimax": lambda t: -0.5 * (1 + np.tanh(t / 2)),
            "non_saturating": lambda t: -0.5 * (1 - np.tanh(t / 2))}[kind](logit)
""",
    "tables and other libraries": """
def _cdf(x, means, stds, weights):
    return np.sum(weights * 0.5 * special.erfc(-(x[..., None] - means) / (stds * np.sqrt(2))), axis=-1)

def ideal_generator(z, means, stds, weights):
    low, high = np.min(means - 10 * stds), np.max(means + 10 * stds)
    x = np.empty(len(z))
    for i, goal in enumerate(special.ndtr(z)):
        a, b = low, high
        while b - a > 1e-10:
            c = 0.5 * (a + b)
            if _cdf(np.array([c]), means, stds, weights)[0] < goal:
                a = c
            else:
                b = c
        x[i] = b
    return x

best_logit = lambda p, q, share: np.log(p / q) + np.log(share / (1 - share))

def losses(real, fake):
    return [-special.log_expit(real).mean() - special.log_expit(-fake).mean(), -special.log_expit(fake).mean()]

def generator_slope(logit, kind):
    sign = 1 if kind == "minimax" else -1
    return -1 / (1 + np.exp(np.clip(-sign * logit, -700, 700)))
""",
}
