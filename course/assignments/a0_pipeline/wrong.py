"""Wrong and right submissions to assignment 0."""

from course.rehearsal import Wrong

LINE = "return np.mean(real) - np.mean(fake)"

WRONG = [
    Wrong("signs exchanged", LINE, "return np.mean(fake) - np.mean(real)", (0, 0)),
    Wrong("never negative", LINE, "return abs(np.mean(real) - np.mean(fake))", (1, 1)),
    Wrong("pairs the batches", LINE, "return np.mean(real - fake[: len(real)])", (1, 1)),
    Wrong("medians", LINE, "return np.median(real) - np.median(fake)", (1, 1)),
    Wrong("divides both by n", LINE, "return (real.sum() - fake.sum()) / len(real)", (1, 1)),
    Wrong("rounds", LINE, "return round(np.mean(real) - np.mean(fake), 1)", (1, 1)),
    Wrong("the example's answer", LINE, "return 1.5", (1, 1)),
    Wrong("sums", LINE, "return real.sum() - fake.sum()", (0, 0)),
    Wrong(
        "an array of one number",
        LINE,
        "return np.mean(real, keepdims=True) - np.mean(fake, keepdims=True)",
        (0, 0),
    ),
    Wrong("prints", LINE, "print(np.mean(real) - np.mean(fake))", (0, 0)),
]

RIGHT = {
    "one weighted sum": """
def gap(real, fake):
    logits = np.concatenate([real, fake])
    weights = np.concatenate([np.full(len(real), 1 / len(real)), np.full(len(fake), -1 / len(fake))])
    return weights @ logits
""",
    "plain Python": """
def mean(values):
    total = 0.0
    for value in values:
        total += value
    return total / len(values)

def gap(real, fake):
    return mean(real) - mean(fake)
""",
}
