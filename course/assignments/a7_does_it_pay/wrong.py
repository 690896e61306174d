"""Wrong and right submissions to assignment 7; bands are of 18 points."""

from course.rehearsal import Wrong

RIDGE = "n * rho**2 * np.eye(d)"
WEIGHT = "return 1 / (1 + n * bias**2 / variance)"
NUMBER = "return n * variance / excess if excess > 0 else np.inf"
HALF = "half = stats.t.ppf((1 + level) / 2, len(difference) - 1) * error"
ERROR = "error = difference.std(ddof=1) / np.sqrt(len(difference))"
KNOWN = "both = np.concatenate([train, train[:, :, ::-1]])"
FOUND = "return (normalised(test) @ normalised(both).T).max(axis=1) > 1 - 1e-9"
MOVED = "moved = p + np.size(signs) / adjustment * np.sign(np.mean(signs) - target)"
CLIP = "return min(max(moved, 0.0), 0.999)"
MEANS = "return means.mean(), np.mean((losses - means) ** 2)"
LOSSES = 'losses = (np.einsum("gnij,ij->gn", orbit, weights) - labels) ** 2'

WRONG = [
    Wrong("noise forgotten", RIDGE, "0 * np.eye(d)", (17, 17)),
    Wrong("noise counted once", RIDGE, "rho**2 * np.eye(d)", (17, 17)),
    Wrong("as many examples as coordinates", RIDGE, "d * rho**2 * np.eye(d)", (17, 17)),
    Wrong("rho not squared", RIDGE, "n * rho * np.eye(d)", (17, 17)),
    Wrong("bias not squared", WEIGHT, WEIGHT.replace("bias**2", "bias"), (17, 17)),
    Wrong("bias of one sign", WEIGHT, WEIGHT.replace("bias**2", "bias * max(bias, 0)"), (17, 17)),
    Wrong("bias of one sign in the number", NUMBER, NUMBER.replace("excess > 0", "excess > 0 and bias > 0"), (17, 17)),
    Wrong("no number without a bias", NUMBER, "return (variance / bias**2) * n / (2 * n - variance / bias**2) if excess > 0 or not bias else np.inf", (17, 17)),
    Wrong("weight on the real images", WEIGHT, "return 1 - 1 / (1 + n * bias**2 / variance)", (17, 17)),
    Wrong("variance of one image", WEIGHT, "return variance / (variance + bias**2)", (16, 16)),
    Wrong("as many as they are worth", NUMBER, "return variance / bias**2 + 0 * excess", (15, 15)),
    Wrong("negative where it is infinite", NUMBER, "return n * variance / excess", (16, 16)),
    Wrong("never any", NUMBER, "return n * variance / excess if excess > 0 else 0.0", (16, 16)),
    Wrong("normal for t", HALF, "half = stats.norm.ppf((1 + level) / 2) * error", (16, 16)),
    Wrong("one-sided", HALF, HALF.replace("(1 + level) / 2", "level"), (16, 16)),
    Wrong("degrees of freedom", HALF, HALF.replace(" - 1", ""), (16, 16)),
    Wrong("n for n - 1", ERROR, ERROR.replace("ddof=1", "ddof=0"), (16, 16)),
    Wrong("spread for error", ERROR, "error = difference.std(ddof=1)", (16, 16)),
    Wrong(
        "unpaired",
        ERROR,
        "error = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / len(first))",
        (16, 16),
    ),
    Wrong("second minus first", "difference = first - second", "difference = second - first", (15, 15)),
    Wrong("no mirror", KNOWN, "both = train", (16, 16)),
    Wrong("mirrored upside down", KNOWN, KNOWN.replace("[:, :, ::-1]", "[:, ::-1]"), (16, 16)),
    Wrong("inverted ones count", FOUND, "return np.abs(normalised(test) @ normalised(both).T).max(axis=1) > 1 - 1e-9", (16, 16)),
    Wrong("brightness not looked at", "flat = flat - flat.mean(axis=1, keepdims=True)", "flat = flat + 0", (17, 17)),
    Wrong("what resembles one counts", FOUND, FOUND.replace("1e-9", "1e-3"), (16, 16)),
    Wrong("a single pixel overlooked", FOUND, FOUND.replace("1e-9", "1e-4"), (16, 16)),
    Wrong("twins in the test set", FOUND, "twins = normalised(test) @ normalised(test).T - np.eye(len(test))\n    like = np.hstack([twins, normalised(test) @ normalised(both).T])\n    return like.max(axis=1) > 1 - 1e-9", (16, 16)),
    Wrong("turned by half", KNOWN, KNOWN.replace("[:, :, ::-1]", "[:, ::-1, ::-1]"), (16, 16)),
    Wrong("sign of the controller", MOVED, MOVED.replace("np.mean(signs) - target", "target - np.mean(signs)"), (16, 16)),
    Wrong("images of one batch", MOVED, MOVED.replace("np.size(signs)", "len(signs)"), (16, 16)),
    Wrong("the last batch alone", MOVED, MOVED.replace("np.mean(signs)", "np.mean(signs[-1])"), (17, 17)),
    Wrong("most batches decide", MOVED, MOVED.replace("np.mean(signs)", "np.median(np.mean(signs, axis=1))"), (17, 17)),
    Wrong("share of ones", MOVED, MOVED.replace("np.mean(signs)", "np.mean(signs > 0)"), (17, 17)),
    Wrong("may leave [0, 1]", CLIP, "return moved", (17, 17)),
    Wrong("cut at 1", CLIP, CLIP.replace("0.999", "1.0"), (17, 17)),
    Wrong("proportional", MOVED, "moved = p + np.size(signs) / adjustment * (np.mean(signs) - target)", (16, 16)),
    # the variants
    Wrong("identity left out", "orbit = np.stack([images, images[:, :, ::-1]])", "orbit = images[None, :, :, ::-1]", (14, 14), "mirror"),
    Wrong("upside down", "images[:, :, ::-1]])\n    losses", "images[:, ::-1]])\n    losses", (14, 14), "mirror"),
    Wrong("labels ignored", LOSSES, LOSSES.replace("- labels", "- 0 * labels"), (15, 15), "mirror"),
    Wrong("sum of squares", MEANS, "return means.mean(), np.sum((losses - means) ** 2)", (14, 14), "mirror"),
    Wrong("half a turn alone", "for k in range(4)", "for k in (0, 2)", (14, 14), "quarter_turns"),
    Wrong("mirrors for turns", "orbit = np.stack([np.rot90(images, k, axes=(1, 2)) for k in range(4)])", "orbit = np.stack([images[:, ::a, ::b] for a in (1, -1) for b in (1, -1)])", (14, 14), "quarter_turns"),
    Wrong("turns of the batch", "axes=(1, 2)", "axes=(0, 2)", (14, 14), "quarter_turns"),
    Wrong("means squared", LOSSES, LOSSES.replace(" ** 2", "\n    losses = losses.mean(axis=0, keepdims=True) ** 2"), (14, 14), "quarter_turns"),
    Wrong("the images as they are alone", MEANS, "return means.mean(), np.mean((losses[0] - means) ** 2)", (14, 14), "shifts"),
    Wrong("shifts by 0 and 1", "for k in range(images.shape[2])", "for k in range(2)", (14, 14), "shifts"),
    Wrong("shifts downwards", "np.roll(images, k, axis=2)", "np.roll(images, k, axis=1)", (15, 15), "shifts"),
    Wrong("variance over everything", MEANS, "return means.mean(), np.var(losses)", (15, 15), "shifts"),
]  # fmt: skip

RIGHT = {
    "by augmented rows": """
def fit_with_noise(x, y, rho):
    n, d = np.shape(x)
    rows = np.vstack([x, np.sqrt(n) * rho * np.eye(d)])
    return np.linalg.lstsq(rows, np.concatenate([y, np.zeros(d)]), rcond=None)[0]

def best_weight(n, variance, bias):
    real, fake = variance / n, bias * bias
    return real / (real + fake)

def best_number(n, variance, bias):
    if 2 * n * bias**2 <= variance:
        return float("inf")
    worth = variance / bias**2
    return n * worth / (2 * n - worth)

def paired_interval(first, second, level):
    d = np.array(first) - np.array(second)
    return stats.t.interval(level, len(d) - 1, loc=d.mean(), scale=stats.sem(d))

def find_leaks(train, test):
    answers = []
    for image in test:
        found = False
        for known in train:
            for other in (known, np.fliplr(known)):
                correlation = np.corrcoef(image.ravel(), other.ravel())[0, 1]
                found = found or bool(correlation > 1 - 1e-9)
        answers.append(found)
    return np.array(answers)

def ada_update(p, signs, target, adjustment):
    step = signs.shape[0] * signs.shape[1] / adjustment
    if signs.mean() > target:
        p += step
    else:
        p -= step
    return np.clip(p, 0, 0.999)
""",
    "by fitting": """
def find_leaks(train, test):
    def is_copy(image):
        for known in list(train) + [a[:, ::-1] for a in train]:
            design = np.stack([known.ravel(), np.ones(known.size)], axis=1)
            (slope, level), *_ = np.linalg.lstsq(design, image.ravel(), rcond=None)
            if slope > 0 and np.abs(design @ [slope, level] - image.ravel()).max() < 1e-6:
                return 1
        return 0
    return [is_copy(image) for image in test]

def paired_interval(first, second, level):
    ends = stats.ttest_rel(first, second).confidence_interval(level)
    return np.array([ends.low, ends.high])
""",
}
