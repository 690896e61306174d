"""The checks of assignment 5: linear networks, whose steps NumPy computes by the chain rule."""

import itertools

import numpy as np
from scipy import special

from course.grader.checks import check, close, that

TWISTS = ("gradient_penalty", "r2", "hinge", "two_steps")
MODULES = ("numpy", "scipy.special", "tensorflow", "keras")
FUNCTIONS = {
    "q1": ["train_step"],
    "q2": ["update_average"],
    "q3": ["r1"],
    "q4": ["make_generator"],
    "q5": ["penalty", "hinge", "two_steps"],
}
EXACT = 2e-5  # float32


def personal(student_id):
    """The prediction: parameters, the right number, and how far off it may be."""
    words = sum((k + 1) * ord(letter) for k, letter in enumerate(student_id))
    decay = 0.99 + 0.00002 * (words % 463)
    number = np.log(2) / -np.log(decay)
    return {"my_decay": decay}, number, 2e-3 * number


def single(*arrays):
    """Arrays as networks take them."""
    return [np.asarray(array, np.float32) for array in arrays]


def instance(rng, batches=()):
    """Weights of linear networks, and batches of unequal size on which both players have a way to go."""
    d, k = int(rng.integers(2, 5)), int(rng.integers(2, 5))
    slope = rng.choice([-1, 1], (d, 1)) * rng.uniform(0.5, 1.5, (d, 1))
    kernel, bias = rng.normal(size=(k, d)), rng.normal(size=d)
    images, latents = rng.normal(1, 1, (*batches, 6, d)), rng.normal(0.5, 1, (*batches, 4, k))
    return single(kernel, bias, slope, images, latents)


def step_of_discriminator(kernel, bias, slope, images, latents, rate):
    """The slope after a step down mean softplus(-real) + mean softplus(fake)."""
    fake = latents @ kernel + bias
    real_pull = -special.expit(-images @ slope)
    fake_pull = special.expit(fake @ slope)
    return slope - rate * (images.T @ real_pull / len(images) + fake.T @ fake_pull / len(fake))


def step_of_generator(kernel, bias, slope, latents, rate):
    """Kernel and bias after a step down mean softplus(-fake)."""
    pull = -special.expit(-(latents @ kernel + bias) @ slope) @ slope.T / len(latents)
    return kernel - rate * latents.T @ pull, bias - rate * pull.sum(axis=0)


def double(arrays):
    """Arrays in which the judge computes."""
    return [np.asarray(array, np.float64) for array in arrays]


def ask_step(ask, name, arrays, rates):
    """The weights after a step by the student's function."""
    shapes = [array.shape for array in arrays[:3]]
    return ask.several(name, *arrays, probe="keras_step", rates=rates, shapes=shapes)


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


@check("q1", 1, visible=True)
def right_directions(ask, rng):
    """each network's step goes in the right direction"""
    kernel, bias = np.ones((2, 3)), np.zeros(3)  # real images are at 1, generated ones at 2
    arrays = single(kernel, bias, np.zeros((3, 1)), np.ones((4, 3)), np.ones((4, 2)))
    slope = ask_step(ask, "train_step", arrays, (0.0, 0.1))[2]
    that(slope.sum() < 0, "after its step the discriminator finds no real image more real")
    arrays[2] = single(-np.ones((3, 1)))[0]
    kernel, bias, _ = ask_step(ask, "train_step", arrays, (0.1, 0.0))
    that(
        (np.ones(2) @ kernel + bias).sum() < 6,
        "after its step the generator's images look no more real",
    )


@check("q1", 2)
def discriminators_step(ask, rng):
    """the discriminator's weights after a step, exactly"""
    for _ in range(2):
        arrays = instance(rng)
        _, _, slope = ask_step(ask, "train_step", arrays, (0.05, 0.3))
        close(
            slope,
            step_of_discriminator(*double(arrays), 0.3),
            "a weight of the discriminator",
            EXACT,
        )


@check("q1", 3)
def generators_step(ask, rng):
    """the generator's weights after a step, exactly"""
    for _ in range(2):
        arrays = instance(rng)
        kernel, bias, _ = ask_step(ask, "train_step", arrays, (0.4, 0.3))
        before = double(arrays)
        slope = step_of_discriminator(*before, 0.3)
        expected = step_of_generator(before[0], before[1], slope, before[4], 0.4)
        close(kernel, expected[0], "the generator's kernel", EXACT)
        close(bias, expected[1], "the generator's bias", EXACT)


@check("q1", 1)
def one_at_a_time(ask, rng):
    """a rate of 0 leaves a network as it was, and the other learns"""
    arrays = instance(rng)
    for rates, still, moving in (((0.0, 0.3), 0, 2), ((0.3, 0.0), 2, 0)):
        after = ask_step(ask, "train_step", arrays, rates)
        close(after[still], arrays[still], "the network of rate 0", 1e-7)
        that(np.abs(after[moving] - arrays[moving]).max() > 1e-6, "the other did not change")


@check("q1", 1)
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


def ask_average(ask, first, models, decays):
    """The average's kernel, bias and running variance."""
    shapes = [first.shape, first.shape[1:], first.shape[1:], ()]
    arrays = single(first, models)
    answer = ask.several("update_average", *arrays, probe="averaged", decays=decays, shapes=shapes)
    that(answer[3] == 0, "the model moved, and not the average alone")
    return answer[:3]


@check("q2", 1, visible=True)
def average_once(ask, rng):
    """from 1 towards 0 with decay 0.75, then 0.5"""
    answer = ask_average(ask, np.ones((2, 2)), np.zeros((2, 2, 2)), [0.75, 0.5])
    close(answer[0], np.full((2, 2), 0.375), "the average", EXACT)
    close(answer[1], np.full(2, 0.375), "the average", EXACT)


@check("q2", 1)
def average_of_many(ask, rng):
    """several updates, the statistics of batch normalisation too: a geometric series"""
    first, models = rng.uniform(0.5, 2, (3, 2)), rng.uniform(0.5, 2, (4, 3, 2))
    decay = rng.uniform(0.6, 0.9)
    powers = (1 - decay) * decay ** np.arange(4)[::-1]
    expected = decay**4 * first + np.tensordot(powers, models, 1)
    answer = ask_average(ask, first, models, [decay] * 4)
    close(answer[0], expected, "the average", EXACT)
    close(answer[1], expected[-1], "the average of a bias", EXACT)
    close(answer[2], expected[0], "the average of a statistic", EXACT)


@check("q3", 1, visible=True)
def slope_three(ask, rng):
    """slope 3 in each of four pixels"""
    arrays = single(np.full((4, 1), 3.0), np.ones((5, 2, 2, 1)))
    close(ask("r1", *arrays, probe="r1_of_slope"), 18, "the penalty", EXACT)


@check("q3", 1)
def slope_of_quadratic(ask, rng):
    """D = xᵀAx: half the mean of |(A + Aᵀ)x|², and its gradient in A"""
    matrix, images = single(rng.normal(size=(8, 8)) / 2, rng.normal(size=(5, 2, 2, 2)))
    a, x = double([matrix, images.reshape(5, 8)])
    slopes = x @ (a + a.T)
    answer = ask.several("r1", matrix, images, probe="r1_of_quadratic", shapes=[(), (8, 8)])
    close(answer[0], 0.5 * np.mean(np.sum(slopes**2, axis=1)), "the penalty", EXACT)
    outer = slopes.T @ x / 5
    close(answer[1], outer + outer.T, "the penalty's gradient in A", 1e-4)


def ask_images(ask, size, channels, latents):
    """The images that a generator of that size makes of latents."""
    shape = (len(latents), size, size, channels)
    return ask("make_generator", size, channels, *single(latents), probe="generated", shape=shape)


@check("q4", 1, visible=True)
def shape_of_images(ask, rng):
    """images of 32 by 32 in three colours, and of 28 by 28 in grey"""
    ask_images(ask, 32, 3, np.zeros((2, 16)))
    ask_images(ask, 28, 1, np.zeros((2, 16)))


@check("q4", 1)
def sizes_and_range(ask, rng):
    """all sizes, grey and colour; between -1 and 1, another image for another latent"""
    latents = rng.normal(size=(3, 16)) * 30
    for size, channels in ((28, 1), (28, 3), (32, 1), (64, 3), (64, 1)):
        images = ask_images(ask, size, channels, latents)
        that(np.abs(images).max() <= 1 + 1e-6, "a pixel is outside of [-1, 1]")
        for one, other in itertools.combinations(images, 2):
            that(np.abs(one - other).max() > 1e-3, "two latents give one image")
        that(images.min() < -1e-3, "no pixel is negative")


# --- the variants ----------------------------------------------------------------------------------


def ask_penalty(ask, arrays, probe):
    """A penalty of D = xᵀAx, and its gradient in A, the first of the arrays."""
    return ask.several("penalty", *arrays, probe=probe, shapes=[(), arrays[0].shape], finite=False)


@check("q5", 1, visible=True, twist="gradient_penalty")
def gradient_penalty_shape(ask, rng):
    """D = xᵀx at points of length ½: slope 1, so no penalty"""
    arrays = single(np.eye(2), np.tile([0.5, 0.0], (3, 1)), np.zeros((3, 2)), np.ones((3, 1)))
    close(ask_penalty(ask, arrays, "interpolated")[0], 0, "the penalty", EXACT)


@check("q5", 3, twist="gradient_penalty")
def gradient_penalty_value(ask, rng):
    """D = xᵀAx: the mean of (|(A + Aᵀ)x| - 1)² at the points between, and its gradient in A"""
    for _ in range(3):
        a, (real, fake), mix = (
            rng.normal(size=(4, 4)),
            rng.normal(size=(2, 5, 4)),
            rng.uniform(0.1, 0.4, (5, 1)),
        )
        norms = np.linalg.norm((mix * real + (1 - mix) * fake) @ (a + a.T), axis=1)
        arrays = single(a / np.median(norms), real, fake, mix)  # slopes on both sides of 1
        a, real, fake, mix = double(arrays)
        points = mix * real + (1 - mix) * fake
        slopes = points @ (a + a.T)
        norms = np.linalg.norm(slopes, axis=1, keepdims=True)
        answer = ask_penalty(ask, arrays, "interpolated")
        close(answer[0], np.mean((norms - 1) ** 2), "the penalty", 1e-4)
        outer = (2 * (1 - 1 / norms) * slopes).T @ points / 5
        close(answer[1], outer + outer.T, "the penalty's gradient in A", 1e-3)


@check("q5", 1, visible=True, twist="r2")
def r2_known(ask, rng):
    """D = xᵀx, all images at length 1: half of 4"""
    arrays = single(np.eye(2), np.zeros((1, 2)), [0.6, 0.8], np.ones((3, 1)))
    close(ask_penalty(ask, arrays, "r2_of_quadratic")[0], 2, "the penalty", EXACT)


@check("q5", 3, twist="r2")
def r2_value(ask, rng):
    """D = xᵀAx at generated images: half the mean of |(A + Aᵀ)x|², and its gradient in A"""
    for _ in range(3):
        arrays = single(*(rng.normal(size=shape) for shape in ((4, 4), (3, 4), 4, (5, 3))))
        a, kernel, bias, latents = double(arrays)
        images = latents @ kernel + bias
        slopes = images @ (a + a.T)
        answer = ask_penalty(ask, arrays, "r2_of_quadratic")
        expected = 0.5 * np.mean(np.sum(slopes**2, axis=1))
        close(answer[0], expected, "the penalty", 1e-4)
        outer = slopes.T @ images / 5
        close(answer[1], outer + outer.T, "the penalty's gradient in A", 1e-3)


def ask_hinge(ask, real, fake):
    """Both losses, the gradient of the first in all logits, and that of the second."""
    shapes = [(), (), real.shape, fake.shape, fake.shape]
    return ask.several("hinge", real, fake, probe="of_logits", shapes=shapes)


@check("q5", 1, visible=True, twist="hinge")
def hinge_known(ask, rng):
    """nothing is missing"""
    close(ask_hinge(ask, *single([[1], [3]], [[-1]]))[0], 0, "the discriminator's loss", EXACT)


@check("q5", 3, twist="hinge")
def hinge_value(ask, rng):
    """fresh logits, batches of unequal size; and the gradients"""
    for _ in range(4):
        real, fake = single(rng.normal(size=(7, 1)) * 2, rng.normal(size=(5, 1)) * 2 + 0.5)
        r, f = double([real, fake])
        answer = ask_hinge(ask, real, fake)
        expected = np.clip(1 - r, 0, None).mean() + np.clip(1 + f, 0, None).mean()
        close(answer[0], expected, "the discriminator's loss", EXACT)
        close(answer[1], -f.mean(), "the generator's loss", EXACT)
        close(answer[2], np.where(r < 1, -1 / 7, 0), "the discriminator's gradient", EXACT)
        close(answer[3], np.where(f > -1, 1 / 5, 0), "the discriminator's gradient", EXACT)
        close(answer[4], np.full((5, 1), -0.2), "the generator's gradient", EXACT)


@check("q5", 1, visible=True, twist="two_steps")
def round_moves(ask, rng):
    """both networks learn"""
    arrays = instance(rng, (2,))
    after = ask_step(ask, "two_steps", arrays, (0.1, 0.1))
    for before, weights in zip(arrays[:3], after, strict=True):
        that(np.abs(weights - before).max() > 1e-6, "a network's weights did not change")


@check("q5", 3, twist="two_steps")
def round_exactly(ask, rng):
    """all weights after a round, exactly"""
    for _ in range(2):
        arrays = instance(rng, (2,))
        answer = ask_step(ask, "two_steps", arrays, (0.4, 0.3))
        kernel, bias, slope, images, latents = double(arrays)
        for one, other in zip(images, latents, strict=True):
            slope = step_of_discriminator(kernel, bias, slope, one, other, 0.3)
        expected = (*step_of_generator(kernel, bias, slope, latents[1], 0.4), slope)
        for got, wanted in zip(answer, expected, strict=True):
            close(got, wanted, "a weight", EXACT)
