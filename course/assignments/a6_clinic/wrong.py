"""Wrong and right submissions to assignment 6; bands are of 18 points. Many are faults left in."""

from course.rehearsal import Wrong

PREPARE = "return np.asarray(images, float) / 127.5 - 1"
REAL = "real = np.mean(np.logaddexp(0, -real_logits))"
FAKE = "fake = np.mean(np.logaddexp(0, fake_logits))"
LOSSES = "return real + fake, np.mean(np.logaddexp(0, -fake_logits))"
FIRST = "fake = generator(latents, training=True)"
BOTH = """loss = mean(softplus(-discriminator(images, training=True)))
        loss += mean(softplus(discriminator(fake, training=True)))"""
EARLY = "early = lambda series: np.median(series[:third])"
LATE = "late = lambda series: np.median(series[-third:])"
MADE = "made = generator(latents, training=True)"
LAST = "loss = mean(softplus(-discriminator(made, training=True)))"
APPLY = "discriminator_optimizer.apply(tape.gradient(loss, weights), weights)\n    with"
KERNEL = "return stride * -(-at_least // stride)"
DIVERGED = "diverged = late(logits) > 16.6 and late(values) > 10 * early(values)"
NOW = "now, spread = x.mean(axis=0), x.var(axis=0)"
SECOND = "v = beta_2 * v + (1 - beta_2) * gradient**2"
ORDER = "order = np.random.default_rng(seed).permutation(num_images)"

WRONG = [
    Wrong(
        "divided by the pixel's length",
        PREPARE,
        "length = np.linalg.norm(images, axis=-1, keepdims=True)\n    return 2 * images / np.maximum(length, 1) - 1",
        (16, 16),
    ),
    Wrong("between 0 and 1", PREPARE, "return np.asarray(images, float) / 255", (16, 16)),
    Wrong("whole numbers overflow", PREPARE, "return (images * 2 - 255) / 255", (16, 16)),
    Wrong("centred by the batch", PREPARE, "return (images - images.mean()) / 127.5", (16, 16)),
    Wrong("whole range of the batch", PREPARE, "low, high = images.min(), images.max()\n    return 2 * (images - low) / (high - low) - 1.0", (16, 16)),
    Wrong("divided by the brightest", PREPARE, "return 2.0 * images / np.max(images) - 1.0", (16, 16)),
    Wrong("each image by its brightest", PREPARE, "return 2.0 * images / np.maximum(images.max(axis=(1, 2, 3), keepdims=True), 1) - 1.0", (16, 16)),
    Wrong(
        "one mean over both",
        LOSSES,
        "return 2 * np.mean(np.logaddexp(0, np.concatenate([-real_logits, fake_logits]))), np.mean(np.logaddexp(0, -fake_logits))",
        (15, 15),
    ),
    Wrong(
        "logarithm of the sigmoid", REAL, "real = -np.mean(np.log(1 / (1 + np.exp(-real_logits))))", (17, 17)
    ),
    Wrong("clipped", FAKE, "fake = np.mean(np.logaddexp(0, np.clip(fake_logits, -700, 700)))", (17, 17)),
    Wrong("labels swapped", LOSSES, LOSSES.replace("-fake", "fake"), (15, 15)),
    Wrong("saturating generator", LOSSES, "return real + fake, 2 * np.log(2) - fake", (15, 15)),
    Wrong("sum for mean", REAL, REAL.replace("np.mean", "np.sum"), (15, 15)),
    Wrong("the wrong loss", LAST, LAST.replace("-disc", "disc"), (16, 16)),
    Wrong("predict cuts the gradient", MADE, "made = tf.constant(generator.predict(latents, verbose=0))", (14, 14)),
    Wrong(
        "one optimizer for both",
        APPLY,
        APPLY.replace("discriminator_optimizer", "generator_optimizer"),
        (14, 14),
    ),
    Wrong(
        "the generator moves in the first step too",
        "    weights = discriminator.trainable_variables\n    discriminator_optimizer",
        "    weights = discriminator.trainable_variables + generator.trainable_variables\n    discriminator_optimizer",
        (14, 14),
    ),
    Wrong("other latents", MADE, "made = generator(0.9 * latents, training=True)", (15, 15)),
    Wrong("images kept from before", LAST, "loss = mean(softplus(-discriminator(made * 0.5 + fake * 0.5, training=True)))", (16, 16)),
    Wrong("labels of the first step", BOTH, BOTH.replace("-disc", "disc"), (15, 15)),
    Wrong("direction of the discriminator", BOTH, BOTH.replace("mean(soft", "-mean(soft"), (15, 15)),
    Wrong("minimax generator", LAST, "loss = -mean(softplus(discriminator(made, training=True)))", (16, 16)),
    Wrong("predict in the first half", FIRST, "fake = tf.constant(generator.predict(latents, verbose=0))", (17, 17)),
    Wrong("no training flag in the last call", LAST, LAST.replace(", training=True", ""), (17, 17)),
    Wrong("no training flag at the real images", BOTH, BOTH.replace("(images, training=True", "(images"), (17, 17)),
    Wrong("one call for real and generated images", BOTH, "logits = discriminator(tf.concat([images, fake], 0), training=True)\n        n = len(images)\n        loss = mean(softplus(-logits[:n])) + mean(softplus(logits[n:]))", (17, 17)),
    Wrong("one mean over both logits", BOTH, "logits = [-discriminator(images, training=True), discriminator(fake, training=True)]\n        loss = 2 * mean(softplus(tf.concat(logits, 0)))", (15, 15)),
    Wrong("up from twice the stride", KERNEL, "return stride * max(2, -(-at_least // stride))", (16, 16)),
    Wrong("even", KERNEL, "return at_least + at_least % 2", (16, 16)),
    Wrong("twice the stride", KERNEL, "return max(2 * stride, at_least)", (16, 16)),
    Wrong("stride times length", KERNEL, "return stride * at_least - 4 * (stride == 2) * (at_least == 4)", (16, 16)),
    Wrong("rounded down", KERNEL, "return stride * max(1, at_least // stride)", (16, 16)),
    Wrong("the last step", LATE, "late = lambda series: series[-1]", (15, 15)),
    Wrong("largest for median", LATE, "late = lambda series: np.max(series[-third:])", (15, 15)),
    Wrong("a step too many", LATE, LATE.replace("-third", "-len(series) // 3"), (17, 17)),
    Wrong("a step too few", LATE, LATE.replace("-third", "1 - third"), (17, 17)),
    Wrong("two thirds for a third", LATE, LATE.replace("-third", "third"), (17, 17)),
    Wrong("mean for median", LATE, LATE.replace("median", "mean"), (16, 16)),
    Wrong("upper median", LATE, "late = lambda series: np.sort(series[-third:])[third // 2]", (17, 17)),
    Wrong("the first step", EARLY, "early = lambda series: series[0]", (17, 17)),
    Wrong("a beginning too long", EARLY, "early = lambda series: np.median(series[: third + 1])", (17, 17)),
    Wrong("mean at the beginning", EARLY, EARLY.replace("median", "mean"), (17, 17)),
    Wrong("size for change", DIVERGED, DIVERGED.replace("10 * early(values)", "10"), (17, 17)),
    Wrong("either for both", DIVERGED, DIVERGED.replace(" and ", " or "), (16, 16)),
    Wrong("beginning forgotten", "saturated = late(gradients) < early(gradients) / 100", "saturated = late(gradients) < early(gradients) / 2 ** 20", (16, 16)),
    Wrong("findings in another order", "[saturated, won, diverged, late", "[won, saturated, diverged, late", (16, 16)),
    # the variants
    Wrong("running numbers always", "if not training:\n        return (x - mean) / np.sqrt(variance + 0.001), mean, variance", "if True:\n        return (x - mean) / np.sqrt(variance + 0.001), mean, variance", (14, 14), "batch_norm"),
    Wrong("momentum exchanged", "mean = momentum * mean + (1 - momentum) * now", "mean = (1 - momentum) * mean + momentum * now", (14, 14), "batch_norm"),
    Wrong("one number for all channels", NOW, "now, spread = x.mean() + 0 * mean, x.var() + 0 * mean", (14, 14), "batch_norm"),
    Wrong("n - 1", NOW, NOW.replace("x.var(axis=0)", "x.var(axis=0, ddof=1)"), (14, 14), "batch_norm"),
    Wrong("output by the running numbers", "output = (x - now) / np.sqrt(spread + 0.001)\n    mean = momentum * mean + (1 - momentum) * now", "mean = momentum * mean + (1 - momentum) * now\n    output = (x - mean) / np.sqrt(momentum * variance + (1 - momentum) * spread + 0.001)", (14, 14), "batch_norm"),
    Wrong("moves at inference", "return (x - mean) / np.sqrt(variance + 0.001), mean, variance", "return (x - mean) / np.sqrt(variance + 0.001), 0.9 * mean + 0.1 * x.mean(axis=0), variance", (14, 14), "batch_norm"),
    Wrong("count advanced twice", "enumerate(gradients, 1)", "zip(range(2, 999, 2), gradients)", (14, 14), "adam"),
    Wrong("1e-8 in the root", "scale = np.sqrt(v / (1 - beta_2**t)) + 1e-8", "scale = np.sqrt(v / (1 - beta_2**t) + 1e-8)", (14, 14), "adam"),
    Wrong("1e-8 before the correction", "scale = np.sqrt(v / (1 - beta_2**t)) + 1e-8", "scale = (np.sqrt(v) + 1e-8) / np.sqrt(1 - beta_2**t)", (14, 14), "adam"),
    Wrong("no correction", "1 - beta_1**t", "1", (14, 14), "adam"),
    Wrong("gradient not squared", SECOND, SECOND.replace("gradient**2", "np.abs(gradient)"), (14, 14), "adam"),
    Wrong("uphill", "-rate * m", "rate * m", (14, 14), "adam"),
    Wrong("drawn anew", ORDER, "order = np.random.default_rng(seed).integers(num_images, size=num_images)", (14, 14), "epochs"),
    Wrong("no seed", ORDER, "order = np.random.default_rng().permutation(num_images)", (14, 14), "epochs"),
    Wrong("one seed", ORDER, ORDER.replace("seed", "0"), (14, 14), "epochs"),
    Wrong("in order", ORDER, "order = np.arange(num_images)", (14, 14), "epochs"),
    Wrong("the last ones never", ORDER, ORDER.replace("num_images", "steps * batch_size"), (14, 14), "epochs"),
    Wrong("begins anywhere", ORDER, "order = np.roll(np.arange(num_images), np.random.default_rng(seed).integers(num_images))", (14, 14), "epochs"),
    Wrong("batches stay together", ORDER, "order = np.random.default_rng(seed).permutation(np.arange(steps * batch_size).reshape(steps, batch_size)).ravel()", (14, 14), "epochs"),
]  # fmt: skip

RIGHT = {
    "with Keras's losses": """
def prepare(images):
    return np.array([np.interp(image, [0, 255], [-1, 1]) for image in images])

def losses(real_logits, fake_logits):
    def softplus(t):
        return np.maximum(t, 0) + np.log1p(np.exp(-np.abs(t)))
    return softplus(-real_logits).mean() + softplus(fake_logits).mean(), softplus(-fake_logits).mean()

def train_step(
    generator, discriminator, generator_optimizer, discriminator_optimizer, images, latents
):
    entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        real = discriminator(images, training=True)
        fake = discriminator(tf.stop_gradient(generator(latents, training=True)), training=True)
        loss = entropy(tf.ones_like(real), real) + entropy(tf.zeros_like(fake), fake)
    pairs = zip(tape.gradient(loss, discriminator.trainable_weights), discriminator.trainable_weights)
    discriminator_optimizer.apply_gradients(pairs)
    with tf.GradientTape() as tape:
        fake = discriminator(generator(latents, training=True), training=True)
        loss = entropy(tf.ones_like(fake), fake)
    pairs = zip(tape.gradient(loss, generator.trainable_weights), generator.trainable_weights)
    generator_optimizer.apply_gradients(pairs)

def choose_kernel(stride, at_least):
    kernel = at_least
    while kernel % stride:
        kernel += 1
    return kernel

def diagnose(gradients, accuracies, logits, values, diversities):
    t = len(values)
    table = np.array([gradients, accuracies, logits, values, diversities])
    first, last = np.median(table[:, : t // 3], axis=1), np.median(table[:, t - t // 3 :], axis=1)
    return [
        last[0] / first[0] < 0.01,
        last[1] > 0.95,
        (last[2] > 16.6) & (last[3] / first[3] > 10),
        last[4] < 0.5,
    ]
""",
    "in other words": """
def prepare(images):
    return 2.0 * (images / 255.0) - 1.0

def losses(real_logits, fake_logits):
    log = lambda t: -np.logaddexp(0.0, -t)
    generator = -log(fake_logits).mean()
    return -(log(real_logits).mean() + log(-fake_logits).mean()), generator

def choose_kernel(stride, at_least):
    return int(np.ceil(at_least / stride)) * stride
""",
    "Adam by sums": (
        "adam",
        """
def adam_moves(gradients, rate, beta_1, beta_2):
    moves = np.zeros(gradients.shape)
    for t in range(1, len(gradients) + 1):
        first, second = (b ** np.arange(t - 1, -1, -1)[:, None] for b in (beta_1, beta_2))
        m = np.sum(first * gradients[:t], axis=0) / first.sum()
        v = np.sum(second * gradients[:t] ** 2, axis=0) / second.sum()
        moves[t - 1] = -rate * m / (np.sqrt(v) + 1e-8)
    return moves
""",
    ),
    "shuffled": (
        "epochs",
        """
def epoch(num_images, batch_size, seed):
    import random

    order = list(range(num_images))
    random.Random(seed).shuffle(order)
    return np.array([order[k : k + batch_size] for k in range(0, num_images - batch_size + 1, batch_size)])
""",
    ),
}
