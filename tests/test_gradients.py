"""Every gradient that training follows, against central differences of float64 NumPy.

ganlib computes losses and penalties in float32, where a difference of two values would drown in
rounding. So the differences are taken of the same formulas written once more, in NumPy: the papers'
losses, and the fully connected pair with its slope worked out by hand. Augmentation runs in float64
itself, so there the differences are taken of it.
"""

import inspect

import numpy as np
import pytest
import scipy.special

from ganlib import augment, losses, penalties, training
from ganlib._tensorflow import keras, tf
from ganlib.models import heads, mlp
from tests.test_losses import EXPECTED as FORMULAS  # losses, from the papers named in losses.py

BATCH, NUM_CLASSES, LATENT_DIM = 6, 3, 3
SEED = (3, 5)
RNG = np.random.default_rng(0)
REAL_LOGITS, FAKE_LOGITS = (2 * RNG.normal(size=(BATCH, 1)) for _ in range(2))
REAL, FAKE = RNG.normal(1.0, 1.0, (BATCH, 2)), RNG.normal(-1.0, 1.0, (BATCH, 2))
LATENTS = RNG.normal(size=(BATCH, LATENT_DIM))
LABELS = np.array([0, 2, -1, 1, 2, -1])
IMAGES = RNG.uniform(-1, 1, (3, 4, 4, 3))


def central_differences(function, arrays, step=1e-6):
    """The gradient of a scalar function of float64 arrays, one coordinate after the other."""
    arrays = [np.array(a, np.float64) for a in arrays]
    gradients = [np.zeros_like(a) for a in arrays]
    for array, gradient in zip(arrays, gradients, strict=True):
        for place in np.ndindex(array.shape):
            kept = array[place]
            values = []
            for moved in (kept + step, kept - step):
                array[place] = moved
                values.append(float(function(*arrays)))
            array[place] = kept
            gradient[place] = (values[0] - values[1]) / (2 * step)
    return gradients


def assert_agree(gradients, expected, rtol=1e-4):
    """To 1e-4 of the largest entry of each array; where nothing flows, to 1e-6 of the largest."""
    largest = max(np.abs(e).max() for e in expected)
    assert largest > 0
    for gradient, reference in zip(gradients, expected, strict=True):
        bound = max(rtol * np.abs(reference).max(), 1e-6 * largest)
        np.testing.assert_allclose(gradient, reference, rtol=0, atol=bound)


def tape_gradients(function, arrays, dtype=tf.float32):
    """What TensorFlow makes of a function of tensors; zeros where it says None."""
    tensors = [tf.constant(a, dtype) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    return tape.gradient(value, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO)


# --- losses and terms, with respect to the discriminator's outputs -------------------------------


def softplus(a):
    return np.logaddexp(0.0, a)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
@pytest.mark.parametrize("name", FORMULAS)
def test_gradients_of_a_loss(name, player):
    logits = REAL_LOGITS, FAKE_LOGITS
    gradients = tape_gradients(getattr(getattr(losses, name), player), logits)
    formula = FORMULAS[name][player == "generator"]
    assert_agree(gradients, central_differences(formula, logits))


def cross_entropy(class_logits, labels=LABELS):
    """Mean of −log softmax over the samples whose label is known."""
    known = labels >= 0
    chosen = scipy.special.log_softmax(class_logits, axis=1)[known, labels[known]]
    return -chosen.mean()


def squared_distance_of_means(a, b):
    return ((a.mean(0) - b.mean(0)) ** 2).sum()


# The four arguments are class logits of real and fake, features of real and fake.
TERMS = {
    "auxiliary_classifier": (
        lambda cr, cf, fr, ff: cross_entropy(cr) + cross_entropy(cf),
        lambda cr, cf, fr, ff: cross_entropy(cf),
    ),
    "feature_matching": (None, lambda cr, cf, fr, ff: squared_distance_of_means(fr, ff)),
    "semi_supervised": (lambda cr, cf, fr, ff: cross_entropy(cr), None),
}


@pytest.mark.parametrize("player", ["discriminator", "generator"])
@pytest.mark.parametrize("name", TERMS)
def test_gradients_of_a_term(name, player):
    rng = np.random.default_rng(1)
    outputs = [rng.normal(size=(BATCH, n)) for n in (NUM_CLASSES, NUM_CLASSES, 4, 4)]
    term = getattr(losses, name)(weight=0.7)

    def value(class_real, class_fake, real, fake):
        both = (
            {"class_logits": class_real, "features": real},
            {"class_logits": class_fake, "features": fake},
        )
        return getattr(term, f"{player}_loss")(*both, tf.constant(LABELS, tf.int32))

    formula = TERMS[name][player == "generator"]
    if formula is None:
        assert value(*outputs) == 0.0
        return
    expected = central_differences(lambda *a: 0.7 * formula(*a), outputs)
    assert_agree(tape_gradients(value, outputs), expected)


# --- the fully connected pair in NumPy -----------------------------------------------------------


def hidden(x, weights, slope):
    """The three hidden layers: the last one's output, and each layer's derivative."""
    derivatives = []
    for kernel, bias in zip(weights[:6:2], weights[1:6:2], strict=True):
        x = x @ kernel + bias
        derivatives.append(np.where(x > 0, 1.0, slope))
        x = x * derivatives[-1]
    return x, derivatives


def generate(weights, latents=LATENTS):
    return hidden(latents, weights, 0.0)[0] @ weights[6] + weights[7]


def discriminate(weights, images):
    """Logits (n, 1) and features (n, width)."""
    features, _ = hidden(images, weights, 0.2)
    return features @ weights[6] + weights[7], features


def slopes(weights, images):
    """∇ₓ D(x) of each sample, by the chain rule from the logit back to the image."""
    _, derivatives = hidden(images, weights, 0.2)
    back = np.broadcast_to(weights[6][:, 0], derivatives[-1].shape)
    for kernel, derivative in zip(weights[4::-2], derivatives[::-1], strict=True):
        back = (back * derivative) @ kernel.T
    return back


def half_squared_slope(weights, images):
    return 0.5 * (slopes(weights, images) ** 2).sum(1).mean()


def drawn_shares(dtype):
    """α of wasserstein_gp: where it looks between images of ones and images of zeros."""
    seen = []

    def discriminator(images):
        seen.append(images.numpy())
        return tf.reduce_sum(images, axis=1)

    ones = tf.ones([BATCH, 2], dtype)
    penalties.wasserstein_gp(discriminator, ones, tf.zeros_like(ones), SEED)
    return seen[0].astype(np.float64)


def squared_distance_of_slope_from_one(weights):
    shares = drawn_shares(tf.float32)
    norms = np.linalg.norm(slopes(weights, shares * REAL + (1 - shares) * FAKE), axis=1)
    return ((norms - 1) ** 2).mean()


PENALTIES = {
    "r1": lambda weights: half_squared_slope(weights, REAL),
    "r2": lambda weights: half_squared_slope(weights, FAKE),
    "wasserstein_gp": squared_distance_of_slope_from_one,
}


class NotingStep(training.Step):
    """A step that notes gradients where it would apply them."""

    def __init__(self, *parts):
        super().__init__(*parts)
        self.noted = []

    def apply(self, optimizer, gradients, variables):
        self.noted.append(gradients)


class Noting(training.GAN):
    step_class = NotingStep


def make_gan(num_classes=None, **settings):
    """A small pair whose step notes the gradients that it would apply, and applies none."""
    keras.utils.set_random_seed(3)
    given = {k: settings.pop(k) for k in ("loss", "penalties", "terms") if k in settings}
    head = {"head": heads.auxiliary_classifier} if num_classes else {}
    gan = Noting(
        mlp.generator(None, 2, LATENT_DIM, width=4),
        mlp.discriminator(None, 2, width=4, num_classes=num_classes, **head),
        **given,
        options=training.Options(batch_size=BATCH, **settings),
    )
    for model in (gan.generator, gan.discriminator):
        for index, variable in enumerate(model.trainable_variables):  # no bias stays at zero
            variable.assign_add(0.3 * tf.random.stateless_normal(variable.shape, [index, 1]))
    gan.noted = gan.training_step.noted
    return gan


def weights_of(model):
    return [np.asarray(v, np.float64) for v in model.trainable_variables]


def as_tensors(*arrays):
    return [tf.constant(a, tf.float32) for a in arrays]


# --- penalties, with respect to the discriminator's weights --------------------------------------


def test_no_penalty_is_forgotten():
    functions = vars(penalties).items()
    found = {name for name, value in functions if inspect.isfunction(value) and name[0] != "_"}
    assert found == set(PENALTIES)


@pytest.mark.parametrize("name", PENALTIES)
def test_gradients_of_a_penalty(name):
    discriminator = make_gan().discriminator
    weights = weights_of(discriminator)
    images = as_tensors(REAL, FAKE)
    with tf.GradientTape() as tape:
        value = getattr(penalties, name)(discriminator, *images, SEED)
    assert float(value) == pytest.approx(PENALTIES[name](weights), rel=1e-5)
    gradients = tape.gradient(value, discriminator.trainable_variables)
    gradients = [0.0 if g is None else g for g in gradients]  # a bias may not move the slope
    expected = central_differences(lambda *w: PENALTIES[name](w), weights)
    assert_agree(gradients, expected)


@pytest.mark.parametrize("name", PENALTIES)
def test_gradients_of_a_penalty_with_respect_to_the_kernel_of_a_convolution(name):
    """D(x) = v·tanh(K * x) on a 3×3 image with a 2×2 kernel: a sum over its four places."""
    rng = np.random.default_rng(4)
    real, fake = (rng.normal(size=(BATCH, 3, 3, 1)) for _ in range(2))
    kernel, v = rng.normal(size=(2, 2, 1, 2)), rng.normal(size=(2, 2, 2))
    shares = drawn_shares(tf.float32)[:, :1, None, None]
    images = {"r1": real, "r2": fake, "wasserstein_gp": shares * real + (1 - shares) * fake}[name]

    def value(kernel, v):
        slope = np.zeros((BATCH, 3, 3))
        for i, j in np.ndindex(2, 2):
            patch = images[:, i : i + 2, j : j + 2, 0]
            pre = np.einsum("nab,abc->nc", patch, kernel[:, :, 0])
            back = v[i, j] / np.cosh(pre) ** 2  # (n, channels)
            slope[:, i : i + 2, j : j + 2] += np.einsum("nc,abc->nab", back, kernel[:, :, 0])
        norms = np.sqrt((slope**2).sum((1, 2)))
        return ((norms - 1) ** 2 if name == "wasserstein_gp" else 0.5 * norms**2).mean()

    def penalty(kernel, v):
        def discriminator(x):
            return tf.reduce_sum(v * tf.tanh(tf.nn.conv2d(x, kernel, 1, "VALID")), [1, 2, 3])

        return getattr(penalties, name)(discriminator, *as_tensors(real, fake), SEED)

    assert_agree(tape_gradients(penalty, (kernel, v)), central_differences(value, (kernel, v)))


# --- whole steps, with respect to the weights of both networks -----------------------------------


@pytest.mark.parametrize("name", FORMULAS)
def test_gradients_of_a_whole_step(name):
    """Both players' gradients in one train_step, which leaves the discriminator as it was."""
    gan = make_gan(loss=getattr(losses, name))
    generator, discriminator = weights_of(gan.generator), weights_of(gan.discriminator)
    real, latents = as_tensors(REAL, LATENTS)
    gan.train_step([real], [latents], step=0)
    made = generate(generator)
    for_discriminator, for_generator = FORMULAS[name]

    def discriminator_loss(*weights):
        return for_discriminator(discriminate(weights, REAL)[0], discriminate(weights, made)[0])

    def generator_loss(*weights):
        logits = discriminate(discriminator, generate(weights))[0]
        return for_generator(discriminate(discriminator, REAL)[0], logits)

    assert_agree(gan.noted[0], central_differences(discriminator_loss, discriminator))
    assert_agree(gan.noted[1], central_differences(generator_loss, generator))


@pytest.mark.parametrize("name", ["minimax", "non_saturating"])
def test_gradients_of_label_smoothing(name):
    share = 0.1
    gan = make_gan(loss=losses.smoothed(getattr(losses, name), share))
    weights = weights_of(gan.discriminator)
    gan.discriminator_step(*as_tensors(REAL, FAKE), step=0)

    def value(*weights):
        real, fake = (discriminate(weights, images)[0] for images in (REAL, FAKE))
        on_real = (1 - share) * softplus(-real) + share * softplus(real)
        return (on_real + softplus(fake)).mean()

    assert_agree(gan.noted[0], central_differences(value, weights))


def test_gradients_of_a_step_with_penalties_and_terms():
    """weight · interval of a lazy penalty, weights of terms, and the class of real and fake."""
    terms = losses.auxiliary_classifier(0.5), losses.feature_matching(0.3)
    lazy = [training.Penalty(penalties.r1, 0.7, interval=4), training.Penalty(penalties.r2, 0.2)]
    gan = make_gan(NUM_CLASSES, terms=terms, penalties=lazy)
    generator, discriminator = weights_of(gan.generator), weights_of(gan.discriminator)
    # the head's two layers lie in the order in which Keras sorts them, not in that of use
    shapes = [w.shape for w in discriminator[6:]]
    assert sorted(shapes) == [(1,), (3,), (4, 1), (4, 3)]
    logit, label = shapes.index((4, 1)) + 6, shapes.index((4, NUM_CLASSES)) + 6

    def outputs(weights, images):
        logits, features = discriminate([*weights[:6], *weights[logit : logit + 2]], images)
        return logits, features @ weights[label] + weights[label + 1], features

    real, latents = as_tensors(REAL, LATENTS)
    labels = tf.constant(LABELS, tf.int32)
    gan.train_step([real], [latents], step=8, label_batches=[labels])  # 8: both are due
    made = generate(generator)

    def discriminator_loss(*weights):
        real, fake = outputs(weights, REAL), outputs(weights, made)
        total = softplus(-real[0]).mean() + softplus(fake[0]).mean()
        total += 0.5 * (cross_entropy(real[1]) + cross_entropy(fake[1]))
        plain = [*weights[:6], *weights[logit : logit + 2]]
        total += 4 * 0.7 * half_squared_slope(plain, REAL)
        return total + 0.2 * half_squared_slope(plain, made)

    def generator_loss(*weights):
        fake = outputs(discriminator, generate(weights))
        total = softplus(-fake[0]).mean() + 0.5 * cross_entropy(fake[1])
        return total + 0.3 * squared_distance_of_means(outputs(discriminator, REAL)[2], fake[2])

    assert_agree(gan.noted[0], central_differences(discriminator_loss, discriminator))
    assert_agree(gan.noted[1], central_differences(generator_loss, generator))


# --- augmentation, with respect to the images ----------------------------------------------------

OFF = {"brightness": 0, "saturation": 0, "contrast": 0, "translation": 0, "cutout": 0}
POLICIES = {
    "brightness": augment.DiffAugment(**OFF | {"brightness": 0.5}),
    "saturation": augment.DiffAugment(**OFF | {"saturation": 1.0}),
    "contrast": augment.DiffAugment(**OFF | {"contrast": 0.5}),
    "translation": augment.DiffAugment(**OFF | {"translation": 0.25}),
    "cutout": augment.DiffAugment(**OFF | {"cutout": 0.5}),
    "flip": augment.DiffAugment(**OFF, flip=True),
    "rotate": augment.DiffAugment(**OFF, rotate=True),
    "DiffAugment": augment.DiffAugment(translation=0.25),
    "ADA": augment.ADA(),
    "classical flip": augment.Classical(flip=True),
    "classical shift": augment.Classical(shift=0.25),
    "classical crop": augment.Classical(crop=0.5),
    "classical erase": augment.Classical(erase=0.5),
    "classical mixup": augment.Classical(mixup=0.5),
    "Classical": augment.Classical(True, 0.25, 0.25, 0.25, 0.5),
}


@pytest.mark.parametrize("name", POLICIES)
def test_gradients_of_an_augmentation(name):
    """Σ weights · tanh(augmented images): in float64 throughout, and as training has it."""
    policy = POLICIES[name]
    weights = np.random.default_rng(2).normal(size=IMAGES.shape)

    def augmented(images):
        if isinstance(policy, augment.Classical):
            return policy(images, tf.eye(3), SEED)[0]
        return policy(images, SEED, 0.8)

    def value(images):
        return tf.reduce_sum(tf.cast(weights, images.dtype) * tf.tanh(augmented(images)))

    assert augmented(tf.constant(IMAGES)).dtype == tf.float64
    assert np.abs(augmented(tf.constant(IMAGES)) - IMAGES).max() > 0.1  # it does something
    compiled = tf.function(value, [tf.TensorSpec(IMAGES.shape, tf.float64)], autograph=False)
    expected = central_differences(lambda x: compiled(tf.constant(x)), [IMAGES])
    assert_agree(tape_gradients(value, [IMAGES], tf.float64), expected, rtol=1e-7)
    assert_agree(tape_gradients(value, [IMAGES]), expected)


def test_no_transformation_is_forgotten():
    fields = augment.DiffAugment.__dataclass_fields__
    assert set(fields) <= set(POLICIES)
    assert {f"classical {name}" for name in augment.Classical.__dataclass_fields__} <= set(POLICIES)
