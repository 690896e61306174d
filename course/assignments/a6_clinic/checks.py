"""The checks of assignment 6. Expected values come from the chain rule, counting and planted failures.

The faulty script passes the visible checks, so they are worth nothing.
"""

import numpy as np
from scipy import signal, special

from course.grader.checks import check, close, that

TWISTS = ("batch_norm", "adam", "epochs")
MODULES = ("numpy", "scipy.special", "tensorflow", "keras")
FUNCTIONS = {
    "q1": ["prepare"],
    "q2": ["losses"],
    "q3": ["train_step"],
    "q4": ["choose_kernel"],
    "q5": ["diagnose"],
    "q6": ["normalise", "adam_moves", "epoch"],
}
EXACT = 2e-5  # float32


def personal(student_id):
    """The prediction: parameters, the right number, and how far off it may be."""
    words = sum((k + 1) * ord(letter) for k, letter in enumerate(student_id))
    images = 2000 + 23 * (words % 401)
    number = np.exp(64 * 64 * np.log1p(-1 / images))
    return {"my_images": images}, number, 2e-3 * number


@check("q1", 0, visible=True)
def ends(ask, rng):
    """black is -1 and white is 1"""
    images = np.array([0.0, 255.0]).reshape(2, 1, 1, 1)
    close(ask("prepare", images, shape=(2, 1, 1, 1)).ravel(), [-1, 1], "a pixel")


@check("q1", 2)
def colours(ask, rng):
    """grey and colour images, whole numbers and others; no batch has all brightnesses"""
    for k, kind in enumerate((np.uint8, np.int64, np.float32, float)):
        low, high = int(rng.integers(20, 60)), int(rng.integers(180, 220))
        images = rng.uniform(low, high, (3, 4, 5, 1 if k % 2 else 3)).astype(kind)
        expected = np.interp(images, [0, 255], [-1, 1])
        close(ask("prepare", images, shape=images.shape), expected, "a pixel", 1e-5)
    black = np.zeros((2, 4, 4, 1))
    close(ask("prepare", black, shape=black.shape), black - 1, "a black pixel", 1e-5)


def ask_losses(ask, real, fake):
    return ask.several("losses", real, fake, shapes=[(), ()])


@check("q2", 0, visible=True)
def undecided(ask, rng):
    """undecided: 2 log 2 and log 2"""
    answers = ask_losses(ask, np.zeros(2), np.zeros(2))
    close(answers, [np.log(4), np.log(2)], "a loss")


@check("q2", 2)
def moderate(ask, rng):
    """fresh logits, batches of unequal size"""
    for _ in range(8):
        real, fake = rng.normal(1, 2, 7), rng.normal(-2, 2, 4)
        first = -np.mean(np.log(special.expit(real))) - np.mean(np.log(special.expit(-fake)))
        close(ask_losses(ask, real, fake), [first, -np.mean(np.log(special.expit(fake)))], "a loss")


@check("q2", 1)
def extreme(ask, rng):
    """logits of 800 and more, of both signs"""
    for _ in range(4):
        real, fake = (rng.uniform(800, 2000, size) * (-1) ** np.arange(size) for size in (3, 4))
        off = [np.mean(np.clip(logits, 0, None)) for logits in (-real, fake, -fake)]
        close(ask_losses(ask, rng.permutation(real), fake), [off[0] + off[1], off[2]], "a loss")


def instance(rng):
    """Weights of linear networks, and batches of unequal size on which both players have a way to go."""
    d, k = int(rng.integers(2, 5)), int(rng.integers(2, 5))
    slope = rng.choice([-1, 1], (d, 1)) * rng.uniform(0.5, 1.5, (d, 1))
    kernel, bias = rng.normal(size=(k, d)), rng.normal(size=d)
    images, latents = rng.normal(1, 1, (6, d)), rng.normal(0.5, 1, (4, k))
    return [np.asarray(array, np.float32) for array in (kernel, bias, slope, images, latents)]


def step_of_discriminator(kernel, bias, slope, images, latents, rate):
    """The slope after a step down mean softplus(-real) + mean softplus(fake)."""
    fake = latents @ kernel + bias
    real_pull, fake_pull = -special.expit(-images @ slope), special.expit(fake @ slope)
    return slope - rate * (images.T @ real_pull / len(images) + fake.T @ fake_pull / len(fake))


def step_of_generator(kernel, bias, slope, latents, rate):
    """Kernel and bias after a step down mean softplus(-fake)."""
    pull = -special.expit(-(latents @ kernel + bias) @ slope) @ slope.T / len(latents)
    return kernel - rate * latents.T @ pull, bias - rate * pull.sum(axis=0)


def ask_step(ask, arrays, rates):
    """The weights after a step by the student's function."""
    shapes = [array.shape for array in arrays[:3]]
    return ask.several("train_step", *arrays, probe="keras_step", rates=rates, shapes=shapes)


def statistics_after(kernel, features, images, latents):
    """The running variances that batch normalisation has after a step of rate 0, all in training.

    Returns:
        That of the generator, which is called twice with the same latents; and those that the
        discriminator's may be, whichever of the first two batches goes first.
    """

    def moved(*batches):
        number = 1.0
        for batch in batches:
            number = 0.99 * number + 0.01 * batch.var(axis=0)
        return number

    made = latents @ kernel
    fake = (made - made.mean(axis=0)) / np.sqrt(made.var(axis=0) + 0.001) @ features
    real = images @ features
    return moved(made, made), (moved(real, fake, fake), moved(fake, real, fake))


@check("q3", 0, visible=True)
def both_learn(ask, rng):
    """both networks learn, the discriminator in the right direction"""
    arrays = instance(rng)
    for before, weights in zip(arrays[:3], ask_step(ask, arrays, (0.1, 0.1)), strict=True):
        that(np.abs(weights - before).max() > 1e-6, "a network's weights did not change")
    kernel, bias = np.ones((2, 3)), np.zeros(3)  # real images are at 1, generated ones at 2
    arrays = kernel, bias, np.zeros((3, 1)), np.ones((4, 3)), np.ones((4, 2))
    arrays = [np.asarray(array, np.float32) for array in arrays]
    slope = ask_step(ask, arrays, (0.0, 0.1))[2]
    that(slope.sum() < 0, "after its step the discriminator does not know a real image")


@check("q3", 1)
def discriminators_step(ask, rng):
    """the discriminator's weights after a step, exactly"""
    for _ in range(2):
        arrays = instance(rng)
        expected = step_of_discriminator(*(np.asarray(a, float) for a in arrays), 0.3)
        close(ask_step(ask, arrays, (0.05, 0.3))[2], expected, "a weight", EXACT)


@check("q3", 2)
def generators_step(ask, rng):
    """the generator's weights after a step against the discriminator as it is then, exactly"""
    for _ in range(2):
        arrays = instance(rng)
        kernel, bias, slope, images, latents = (np.asarray(a, float) for a in arrays)
        slope = step_of_discriminator(kernel, bias, slope, images, latents, 0.4)
        expected = step_of_generator(kernel, bias, slope, latents, 0.5)
        answer = ask_step(ask, arrays, (0.5, 0.4))
        for got, wanted in zip(answer, expected, strict=False):
            close(got, wanted, "a weight", EXACT)


@check("q3", 1)
def batch_norm_learns(ask, rng):
    """batch normalisation learns from all batches in both networks, and from each apart"""
    arrays = (
        rng.normal(size=(3, 4)),
        rng.normal(size=(4, 3)),
        rng.normal(2, 3, (8, 4)),
        rng.normal(size=(6, 3)) * 3,
    )
    arrays = [np.asarray(array, np.float32) for array in arrays]
    first, orders = statistics_after(*(np.asarray(array, float) for array in arrays))
    answers = ask.several("train_step", *arrays, probe="moved_statistics", shapes=[(4,), (3,)])
    close(answers[0], first, "a running variance of the generator", EXACT)
    nearest = min(orders, key=lambda order: np.abs(order - answers[1]).max())
    close(answers[1], nearest, "a running variance of the discriminator", EXACT)


@check("q4", 0, visible=True)
def usual_kernel(ask, rng):
    """stride 2, at least 4: 4"""
    close(ask("choose_kernel", 2, 4), 4, "the kernel")


@check("q4", 2)
def even_kernel(ask, rng):
    """other strides: the smallest whose copies reach all pixels equally often, by counting"""
    for stride in range(1, 6):
        starts = np.zeros(400)
        starts[::stride] = 1
        for at_least in range(1, 13):
            for kernel in range(at_least, 99):
                if np.ptp(np.convolve(starts, np.ones(kernel))[150:250]) == 0:
                    break
            close(ask("choose_kernel", stride, at_least), kernel, "the kernel")


def healthy(rng, steps):
    """The five series of a run without a failure."""
    levels = {"gradients": 1.0, "accuracies": 0.7, "logits": 2.0, "values": 1.2, "diversities": 0.9}
    return {name: level * rng.uniform(0.9, 1.1, steps) for name, level in levels.items()}


def ask_diagnosis(ask, run):
    return ask("diagnose", *run.values(), shape=(4,)) != 0


@check("q5", 0, visible=True)
def nothing_found(ask, rng):
    """a healthy run"""
    level = np.ones(9)
    answer = ask("diagnose", level, 0.7 * level, level, level, level, shape=(4,))
    that(not answer.any(), "something is found in a healthy run")


@check("q5", 1)
def planted(ask, rng):
    """each failure alone, for the last third but its last two steps"""
    for number in range(4):
        run = healthy(rng, int(rng.integers(30, 50)))
        late = slice(len(run["values"]) // 2, -2)  # not at the very end
        if number == 0:
            run["gradients"][late] *= rng.uniform(0.001, 0.005)
        elif number == 1:
            run["accuracies"][late] = rng.uniform(0.96, 1, run["accuracies"][late].shape)
        elif number == 2:
            run["logits"][late] *= 20
            run["values"][late] *= 30
        else:
            run["diversities"][late] *= rng.uniform(0.1, 0.4)
        that(
            np.array_equal(ask_diagnosis(ask, run), np.arange(4) == number),
            "a failure is not found, or another one is",
        )


# Of a series: which finding hangs on it, the levels of the others that are not healthy, and then
# the level of most steps of the window and that of all others, once where the failure is there and
# once where it is not. The mean of the two is on the other side.
ENDS = [
    ("gradients", 0, {}, (0.005, 1.0), (0.011, 1e-4)),
    ("accuracies", 1, {}, (1.0, 0.7), (0.94, 1.0)),
    ("logits", 2, {"values": 50.0}, (20.0, 2.0), (16.0, 40.0)),
    ("values", 2, {"logits": 40.0}, (15.0, 1.0), (9.0, 100.0)),
    ("diversities", 3, {}, (0.4, 0.9), (0.52, 0.1)),
]
# Of a series: the finding, the levels of others, and for both outcomes the level of most steps of
# the first third, that of all others, and that of the end.
BEGINNINGS = [
    ("gradients", 0, {}, (1.0, 0.1, 0.008), (1.0, 10.0, 0.02)),
    ("values", 2, {"logits": 40.0}, (1.0, 5.0, 12.0), (1.0, 0.1, 8.0)),
]


def window(rng, size, most, other):
    """Levels of an odd number of steps, ``most`` first, ``other`` last; one step less is a tie."""
    levels = [most] * (size // 2) + [other] * (size // 2 - 1)
    return np.array([most, *rng.permutation(levels), other])


def with_levels(rng, size, more, levels):
    """A healthy run of 3 * size + more steps, of which some series are late at other levels."""
    run = healthy(rng, 3 * size + more)
    for name, level in levels.items():
        run[name] = np.where(np.arange(len(run[name])) < size, 1.0, level)
    return run


@check("q5", 1)
def windows(ask, rng):
    """medians over exactly a third of the steps, where one step more or less, or a mean, decides"""

    def ask_for(run, finding, found):
        for name in ("gradients", "values"):  # it is their change that counts, not their size
            run[name] = run[name] * rng.uniform(5, 20)
        expected = np.arange(4) == (finding if found else -1)
        answer = ask_diagnosis(ask, run)
        that(np.array_equal(answer, expected), "a failure is not found, or another one is")

    for more, found in ((1, True), (2, True), (1, False), (2, False)):
        size = int(rng.choice([5, 7, 9, 11]))
        for name, finding, levels, *outcomes in ENDS:
            most, other = outcomes[0 if found else 1]
            run = with_levels(rng, size, more, levels)
            run[name] = np.full(3 * size + more, other)
            run[name][:size] = 1.0
            run[name][-size:] = window(rng, size, most, other)
            ask_for(run, finding, found)
        for name, finding, levels, *outcomes in BEGINNINGS:
            most, other, end = outcomes[0 if found else 1]
            run = with_levels(rng, size, more, levels)
            run[name] = np.full(3 * size + more, other)
            run[name][:size] = window(rng, size, most, other)[::-1]
            run[name][-size:] = end
            ask_for(run, finding, found)
    for size, levels, found in ((6, (0.92, 0.99), True), (8, (0.9, 0.99), False)):
        run = healthy(rng, 3 * size)  # of an even number: the mean of the two in the middle
        run["accuracies"][-size:] = rng.permutation(np.repeat(levels, size // 2))
        ask_for(run, 1, found)


@check("q5", 1)
def spikes(ask, rng):
    """single steps out of line, large logits without large losses, and the other way round"""
    for number in range(3):
        run = healthy(rng, int(rng.integers(30, 50)))
        if number == 0:
            for name, value in (("gradients", 1e-4), ("accuracies", 1), ("diversities", 0.1)):
                run[name][-2:] = value
        else:
            run[("logits", "values")[number - 1]][len(run["values"]) // 2 :] *= 30
        that(not ask_diagnosis(ask, run).any(), "something is found where nothing lasts")


# --- the variants ----------------------------------------------------------------------------------


def ask_norm(ask, x, *rest):
    shapes = [x.shape, x.shape[1:], x.shape[1:]]
    return ask.several("normalise", x, *rest, shapes=shapes)


@check("q6", 0, visible=True, twist="batch_norm")
def at_inference(ask, rng):
    """at inference: the running numbers, which stay"""
    answers = ask_norm(ask, np.ones((4, 2)), np.zeros(2), np.ones(2), False, 0.9)
    close(answers[0], np.full((4, 2), 1.001**-0.5), "the output")


@check("q6", 4, twist="batch_norm")
def in_training(ask, rng):
    """in training: the batch's own numbers, and running ones that move"""
    for training in (True, True, False):
        x = rng.normal(2, 3, (7, 3)) * [1, 2, 4]
        mean, variance, momentum = rng.normal(size=3), rng.uniform(1, 3, 3), rng.uniform(0.8, 0.95)
        now = np.array([sum(column) / 7 for column in x.T]) if training else mean
        spread = np.einsum("nc,nc->c", x - now, x - now) / 7 if training else variance
        answers = ask_norm(ask, x, mean, variance, training, momentum)
        close(answers[0], (x - now) * (spread + 0.001) ** -0.5, "the output")
        close(answers[1], now + momentum * (mean - now), "the running mean")
        close(answers[2], spread + momentum * (variance - spread), "the running variance")


@check("q6", 0, visible=True, twist="adam")
def no_move(ask, rng):
    """no gradient, no move"""
    close(
        ask("adam_moves", np.zeros((3, 2)), 0.1, 0.5, 0.9, shape=(3, 2)), np.zeros((3, 2)), "a move"
    )


@check("q6", 4, twist="adam")
def all_moves(ask, rng):
    """the moves of some steps: weighted means of the gradients and of their squares"""
    for size in (1, 100, 1e-7):  # the last: 1e-8 beside the root counts
        gradients = size * rng.choice([-1, 1], (6, 3)) * rng.uniform(0.5, 2, (6, 3))
        rate, betas = rng.uniform(0.01, 0.1), (rng.uniform(0.4, 0.8), rng.uniform(0.85, 0.95))

        def mean(values, beta):
            weighted = signal.lfilter([1], [1, -beta], values, axis=0)
            return weighted / np.cumsum(beta ** np.arange(len(values)))[:, None]

        expected = (
            -rate * mean(gradients, betas[0]) / (np.sqrt(mean(gradients**2, betas[1])) + 1e-8)
        )
        answer = ask("adam_moves", gradients, rate, *betas, shape=gradients.shape)
        close(answer / rate, expected / rate, "a move")


@check("q6", 0, visible=True, twist="epochs")
def two_batches(ask, rng):
    """two batches of two"""
    ask("epoch", 4, 2, 0, shape=(2, 2))


@check("q6", 4, twist="epochs")
def whole_epochs(ask, rng):
    """each image at most once; the seed decides on the order, the batches and what is left out"""
    for _ in range(4):
        batch, steps, seed = (
            int(rng.integers(4, 7)),
            int(rng.integers(8, 12)),
            int(rng.integers(1000)),
        )
        images = batch * steps + int(rng.integers(1, batch))
        first, again, other = (
            ask("epoch", images, batch, s, shape=(steps, batch)) for s in (seed, seed, seed + 1)
        )
        for answer in (first, other):
            that(len(np.unique(answer)) == batch * steps, "an image is shown more than once")
            that(answer.min() >= 0 and answer.max() < images, "there is no image of such a number")
            that(np.any(np.diff(answer.ravel()) != 1), "the order is not random")
        that(np.array_equal(first, again), "one seed gives two orders")
        that(not np.array_equal(first, other), "two seeds give one order")
    seen, mates, places = set(), set(), set()
    for number in range(40):
        answer = ask("epoch", images, batch, seed + number, shape=(steps, batch))
        seen.update(answer.ravel().tolist())
        for row, column in np.argwhere(answer == 0):
            mates.update(answer[row].tolist())
            places.add((row, column))
    that(len(seen) == images, "an image is left out at every seed")
    that(len(mates) > images / 2, "an image is always in a batch with the same ones")
    that(len(places) > 15, "an image is always at the same place")
