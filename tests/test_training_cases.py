"""Training keeps one contract for whatever is put together: a set of cases that covers all pairs.

Each row is one case. For each two columns, every level of the one meets every level of the other in
some row; for that, the three losses that regress or classify each image count as one level, and the
two half precisions as one.
"""

import itertools

import numpy as np
import pytest

from ganlib import augment, data, losses, penalties, training
from ganlib._tensorflow import keras
from ganlib.models import dcgan, heads, mlp, resnet

NUM_CLASSES, BATCH, LATENT_DIM = 3, 4, 3
CASES = [
    ("minimax", "mlp", "no classes", "none", "none", "float32"),
    ("non_saturating", "dcgan", "projection", "r1 and r2", "DiffAugment", "float32"),
    ("least_squares", "resnet", "classifier", "wasserstein_gp", "ADA", "bfloat16"),
    ("hinge", "mlp", "no classes", "r1 and r2", "ADA", "float32"),
    ("hinge", "dcgan", "projection", "wasserstein_gp", "none", "float16"),
    ("hinge", "resnet", "classifier", "none", "DiffAugment", "float32"),
    ("wasserstein", "mlp", "projection", "none", "ADA", "float32"),
    ("wasserstein", "dcgan", "classifier", "r1 and r2", "none", "bfloat16"),
    ("wasserstein", "resnet", "no classes", "wasserstein_gp", "DiffAugment", "float32"),
    ("relativistic", "mlp", "classifier", "wasserstein_gp", "DiffAugment", "float16"),
    ("relativistic", "dcgan", "no classes", "none", "ADA", "bfloat16"),
    ("relativistic", "resnet", "projection", "r1 and r2", "none", "float32"),
]
SAME_LEVEL = {
    "minimax": "unpaired",
    "non_saturating": "unpaired",
    "least_squares": "unpaired",
    "float16": "half",
    "bfloat16": "half",
}
PAIRS = {"mlp": (mlp, 8), "dcgan": (dcgan, 28), "resnet": (resnet, 28)}
PENALTIES = {
    "none": [],
    "r1 and r2": [training.Penalty(penalties.r1, 0.1, 2), training.Penalty(penalties.r2, 0.1)],
    "wasserstein_gp": [training.Penalty(penalties.wasserstein_gp)],
}
AUGMENTATIONS = {
    "none": None,
    "DiffAugment": augment.DiffAugment(),
    "ADA": augment.ADA(target=-0.9, adjustment_images=40, interval=1),
}


def networks(pair, conditioning):
    module, size = PAIRS[pair]
    num_classes = None if conditioning == "no classes" else NUM_CLASSES
    head = heads.auxiliary_classifier if conditioning == "classifier" else heads.projection
    return (
        module.generator(size, 1, LATENT_DIM, width=2, num_classes=num_classes),
        module.discriminator(size, 1, width=2, num_classes=num_classes, head=head),
    )


def optimizer(precision):
    adam = keras.optimizers.Adam(1e-3, beta_1=0.0)
    if precision != "float16":
        return adam
    # the usual scale begins so high that the first updates overflow and are left out
    return keras.optimizers.LossScaleOptimizer(adam, initial_scale=16.0)


def build(loss, pair, conditioning, penalty, augmentation, precision):
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
    try:
        both = networks(pair, conditioning)
    finally:
        keras.config.set_dtype_policy("float32")
    return training.GAN(
        *both,
        getattr(losses, loss),
        penalties=PENALTIES[penalty],
        terms=[losses.auxiliary_classifier()] if conditioning == "classifier" else [],
        generator_optimizer=optimizer(precision),
        discriminator_optimizer=optimizer(precision),
        options=training.Options(BATCH, steps_per_call=3, augment=AUGMENTATIONS[augmentation]),
    )


def test_every_two_levels_meet_in_some_case():
    columns = [
        [SAME_LEVEL.get(level, level) for level in column] for column in zip(*CASES, strict=True)
    ]
    assert len(CASES) <= 12
    for first, second in itertools.combinations(columns, 2):
        assert set(zip(first, second, strict=True)) == set(itertools.product(first, second))


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_training_keeps_the_contract(case, tmp_path):
    gan = build(*case)
    _, pair, conditioning, _, augmentation, _ = case
    size = PAIRS[pair][1]
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (10, size, size, 1), np.uint8)
    images = data.Images(pixels, rng.integers(0, NUM_CLASSES, 10), ("a", "b", "c"))
    models = gan.generator, gan.discriminator, gan.ema_generator
    kernels = [v for model in models for v in model.trainable_variables if len(v.shape) > 1]
    before = [np.array(v) for v in kernels]
    history = gan.train(images, 3, progress=False)
    for name in ("discriminator_loss", "generator_loss", "generator_gradient_norm", "diversity"):
        assert np.isfinite(getattr(history, name)).all()
    for variable, old in zip(kernels, before, strict=True):
        assert (np.asarray(variable) != old).any(), variable.path
    # ADA: at most three steps of 4 images each, of the 40 that take p from 0 to 1
    low, high = {"none": (0, 0), "DiffAugment": (1, 1), "ADA": (0, 0.3001)}[augmentation]
    assert low <= history.augment_probability[-1] <= high
    labels = None if conditioning == "no classes" else [0, 1, 2, 1, 0]
    samples = gan.sample(5, labels=labels)
    assert samples.shape == (5, size, size, 1)
    assert samples.dtype == np.float32
    assert np.abs(samples).max() <= 1
    gan.save(tmp_path)
    again = build(*case)
    again.restore(tmp_path)
    np.testing.assert_array_equal(again.sample(5, labels=labels), samples)
