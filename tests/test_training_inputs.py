"""Images, labels, objectives and options as people hand them in: taken as meant, or refused."""

import functools
import pathlib
import re
import warnings

import numpy as np
import pytest

from ganlib import augment, callbacks, losses, penalties, training
from ganlib._tensorflow import keras, tf
from ganlib.models import dcgan, mlp
from ganlib.training import _fit

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 28, 28, 1)).astype(np.uint8)
FLOATS = PIXELS.astype(np.float32)
POINTS = np.random.default_rng(1).normal(3.0, 0.5, (90, 2)).astype(np.float32)


def gan_of(generator=None, discriminator=None, options=None, **arguments):
    return training.GAN(
        generator or mlp.generator(None, 2, 3, width=4),
        discriminator or mlp.discriminator(None, 2, width=4),
        options=training.Options(**{"batch_size": 4, "steps_per_call": 2} | (options or {})),
        **arguments,
    )


def ending_in(activation):
    latents = keras.Input((3,))
    x = keras.layers.Dense(784, activation=activation)(latents)
    return keras.Model(latents, keras.layers.Reshape((28, 28, 1))(x))


@functools.cache
def gan_of_images(activation="tanh"):
    """One for all tests of images: what is refused does not change it."""
    return gan_of(ending_in(activation), dcgan.discriminator(28, 1, width=2))


def train(gan, images=POINTS, num_steps=1, **arguments):
    return gan.train(images, num_steps, progress=False, **arguments)


# ---- the range ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "images", "message"),
    [
        ("tanh", FLOATS, "values from 0 to 255 for a generator that ends in a tanh; .* -1 to 1"),
        ("tanh", (FLOATS - FLOATS.mean()) / FLOATS.std(), "ends in a tanh; expected .* -1 to 1"),
        ("sigmoid", PIXELS, "from -1 to 1 for a generator that ends in a sigmoid; .* 0 to 1"),
        ("sigmoid", FLOATS / 127.5 - 1, "ends in a sigmoid; expected values from 0 to 1"),
        ("relu", PIXELS, "ends in a relu; expected values from 0 to inf"),
    ],
)
def test_values_that_the_generator_never_makes_are_refused(activation, images, message):
    with pytest.raises(ValueError, match=f"{message}.*to_model_range"):
        train(gan_of_images(activation), images)


@pytest.mark.parametrize(
    ("activation", "images", "values"),
    [
        ("tanh", FLOATS / 255, "0 to 1"),
        (None, FLOATS / 255, "0 to 1"),
        (None, FLOATS, "0 to 255"),
    ],
)
def test_values_that_the_generator_hardly_should_make_are_told(activation, images, values):
    with pytest.warns(UserWarning, match=f"from {values}; expected the model's range, -1 to 1"):
        _fit.as_arrays(images, gan_of_images(activation))


def test_flat_images_are_looked_at_too():
    latents = keras.Input((3,))
    flat = keras.Model(latents, keras.layers.Dense(784, activation="tanh")(latents))
    gan = gan_of(flat, mlp.discriminator(None, 784, width=4))
    with pytest.raises(ValueError, match="from 0 to 255 for a generator that ends in a tanh"):
        train(gan, FLOATS.reshape(12, -1))


@pytest.mark.parametrize(
    ("activation", "images"),
    [
        ("tanh", PIXELS),
        ("tanh", (FLOATS / 127.5 - 1) * 1.05),  # as bicubic resizing leaves them
        ("tanh", np.full((5, 28, 28, 1), -1, np.float32)),
        ("sigmoid", FLOATS / 255),
        ("tanh", tf.cast(FLOATS / 127.5 - 1, tf.bfloat16)),
        ("tanh", np.asarray(FLOATS / 127.5 - 1, np.float16)),
        ("tanh", tf.constant(PIXELS)),
        ("tanh", list(PIXELS)),
    ],
)
def test_what_is_in_range_is_taken_in_silence(activation, images):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        array, labels = _fit.as_arrays(images, gan_of_images(activation))
    assert array.dtype in (np.uint8, np.float32)
    given = tf.cast(images, tf.float32)
    np.testing.assert_array_equal(array.astype(np.float32), given)
    assert labels.max() == -1


def test_points_have_no_range():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        _fit.as_arrays(1000 * POINTS, gan_of())


# ---- dtypes: following the advice gives the pixels that were meant --------------------------


@pytest.mark.parametrize(
    "images",
    [
        PIXELS.astype(np.uint16) * 257,  # black 0, white 65535
        PIXELS.astype(np.int64),
        PIXELS.astype(np.uint32),
        PIXELS.astype(np.int16),
    ],
    ids=lambda images: str(images.dtype),
)
def test_the_advice_on_a_dtype_keeps_what_is_seen(images):
    with pytest.raises(ValueError, match=f"dtype {images.dtype}; expected uint8") as caught:
        train(gan_of_images(), images)
    (expression,) = re.findall(r"pass (\S*images.*astype\(np\.uint8\))", str(caught.value))
    np.testing.assert_array_equal(eval(expression, {"images": images, "np": np}), PIXELS)


@pytest.mark.parametrize("dtype", [bool, np.int32])
def test_masks_become_black_and_white(dtype):
    images = (PIXELS > 127).astype(dtype)
    with pytest.raises(ValueError, match=re.escape("Pass images.astype(np.uint8) * 255.")):
        train(gan_of_images(), images)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (PIXELS.astype(np.int64) - 128, "Scale -128 to 127 to the range from 0 to 255"),
        (PIXELS.astype(np.int64) * 1000, "Scale 0 to 255000 to"),
        (PIXELS.astype(np.complex64), "complex64"),
    ],
)
def test_other_numbers_are_to_be_scaled_first(images, message):
    with pytest.raises(ValueError, match=message) as caught:
        train(gan_of_images(), images)
    assert "astype" not in str(caught.value)


# ---- what is no array -----------------------------------------------------------------------


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return PIXELS


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tf.data.Dataset.from_tensor_slices(PIXELS), "Dataset; expected .* an array"),
        (lambda: (image for image in PIXELS), "generator; expected .*load_folder"),
        (lambda: iter([PIXELS]), "iterator; expected"),
        (Sequence, "Sequence; expected"),
        (lambda: {"images": PIXELS}, "dict; expected"),
        (lambda: None, "NoneType; expected"),
        (lambda: "my/images", "path 'my/images'.*load_folder"),
        (lambda: pathlib.Path("images"), "path 'images'.*load_folder"),
        (lambda: ["a.png", "b.png"], "list of <U5; .*load_folder"),
        (lambda: np.array([PIXELS[0], None], object), "object; expected numbers"),
        (lambda: [PIXELS[0], PIXELS[1, :20]], "a list that is no array.*Bring them to one size"),
        (lambda: (PIXELS, np.arange(12)), r"a pair .*data.Images\(images, labels\)"),
        (lambda: np.ma.masked_array(PIXELS, PIXELS > 9), r"masked array.*images.filled"),
        (lambda: PIXELS.transpose(0, 3, 1, 2), r"images.transpose\(0, 2, 3, 1\)"),
        (lambda: PIXELS[..., 0], r"images\[..., np.newaxis\]"),
        (lambda: PIXELS[0], r"images\[np.newaxis\]"),
        (lambda: PIXELS[:0], "n at least 1"),
    ],
)
def test_what_is_no_array_of_images_is_named_with_the_way_out(make, message):
    with pytest.raises(ValueError, match=f"(?s)^received .*{message}"):
        train(gan_of_images(), make())


# ---- losses, penalties, terms ---------------------------------------------------------------


class Difference:
    """A loss as an object."""

    def __call__(self, real_logits, fake_logits):
        return tf.reduce_mean(tf.nn.softplus(fake_logits - real_logits))


class Scaled:
    """A penalty as an object."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, discriminator, real_images, fake_images, seed):
        return self.factor * penalties.r1(discriminator, real_images)


def scaled(discriminator, real_images, fake_images, seed, factor):
    return factor * penalties.r1(discriminator, real_images)


def weights_after_a_step(*given):
    keras.utils.set_random_seed(0)
    gan = gan_of(penalties=[training.Penalty(*arguments) for arguments in given])
    gan.discriminator_step(tf.constant(POINTS[:4]), tf.zeros([4, 2]), step=0)
    return [np.asarray(v) for v in gan.discriminator.variables]


def test_partial_functions_and_objects_are_penalties_as_functions_are():
    expected = weights_after_a_step((penalties.r1, 2.0))
    for function in (functools.partial(scaled, factor=2.0), Scaled(2.0)):
        for a, b in zip(weights_after_a_step((function,)), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_partial_functions_and_objects_are_losses(tmp_path):
    loss = losses.Loss(Difference(), functools.partial(losses.hinge.generator))
    gan = gan_of(loss=loss)
    train(gan, directory=tmp_path)
    assert gan.step == 1


def optimizer_of_another():
    optimizer = keras.optimizers.Adam()
    gan_of(generator_optimizer=optimizer)
    return optimizer


REFUSED = {
    "loss by name": (lambda: gan_of(loss="hinge"), "loss='hinge'; expected one of losses"),
    "half a loss": (lambda: gan_of(loss=losses.hinge.generator), "expected one of losses"),
    "a pair": (lambda: gan_of(loss=(len, len)), r"make losses.Loss\(discriminator, generator\)"),
    "names": (lambda: gan_of(loss=losses.Loss("hinge", "hinge")), "expected one of losses"),
    "keras": (lambda: gan_of(loss=keras.losses.BinaryCrossentropy()), "expected one of losses"),
    "bare penalty": (lambda: gan_of(penalties=[penalties.r1]), "expected a list of Penalty"),
    "one penalty": (
        lambda: gan_of(penalties=training.Penalty(penalties.r1)),
        r"penalties=\[training.Penalty\(penalties.r1",
    ),
    "one term": (lambda: gan_of(terms=losses.feature_matching()), "expected a list of Term"),
    "term not made": (lambda: gan_of(terms=[losses.feature_matching]), "expected a list of Term"),
    "term's weight": (
        lambda: gan_of(terms=[losses.feature_matching("0.1")]),
        "weight='0.1'; expected a number",
    ),
    "penalty by name": (lambda: training.Penalty("r1"), "function='r1'; expected a function"),
    "weight": (lambda: training.Penalty(penalties.r1, "1"), "weight='1'; expected a number"),
    "interval": (lambda: training.Penalty(penalties.r1, 1, "4"), "interval='4'; expected"),
    "optimizer by name": (
        lambda: gan_of(generator_optimizer="adam"),
        "generator_optimizer='adam'; expected a Keras optimizer",
    ),
    "optimizer's class": (
        lambda: gan_of(discriminator_optimizer=keras.optimizers.Adam),
        "discriminator_optimizer=<class .*expected a Keras optimizer",
    ),
    "optimizer of another": (
        lambda: gan_of(generator_optimizer=optimizer_of_another()),
        "made ready for other weights; expected a new one",
    ),
    "options": (
        lambda: training.GAN(
            mlp.generator(None, 2, 3), mlp.discriminator(None, 2), options={"batch_size": 4}
        ),
        "expected training.Options",
    ),
    "augment's class": (
        lambda: gan_of(options={"augment": augment.DiffAugment}),
        r"augment=<class .*augment.DiffAugment\(\)",
    ),
    "augment by keras": (
        lambda: gan_of(options={"augment": keras.Sequential([keras.layers.RandomFlip()])}),
        r"expected a function \(images, seed, probability\)",
    ),
    "augment of labels": (
        lambda: gan_of(options={"augment": augment.Classical(flip=True)}),
        r"augment=Classical.*expected a function \(images, seed, probability\)",
    ),
    "augment of images alone": (
        lambda: gan_of(options={"augment": lambda images: images}),
        r"expected a function \(images, seed, probability\)",
    ),
    "bare callback": (
        lambda: train(gan_of(), callbacks=callbacks.Measure(lambda gan: 0.0)),
        "expected a list of functions.*Put a single one into a list",
    ),
    "keras's callback": (
        lambda: train(gan_of(), callbacks=[keras.callbacks.EarlyStopping()]),
        "works in Model.fit only",
    ),
    "target": (
        lambda: callbacks.EarlyStop(lambda gan: 0.0, target="0.02"),
        "target='0.02'; expected a number",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_arguments_are_refused_by_name_before_training(name):
    make, message = REFUSED[name]
    with pytest.raises(ValueError, match=f"(?s)^received .*{message}"):
        make()


# ---- numbers --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["batch_size", "num_discriminator_steps", "steps_per_call"])
@pytest.mark.parametrize("value", ["8", 8.0, None, True])
def test_options_that_count_take_integers_only(name, value):
    with pytest.raises(ValueError, match=f"received {name}="):
        training.Options(**{name: value})


@pytest.mark.parametrize(
    "given",
    [
        {"ema_decay": "0.9"},
        {"weight_clip": "0.01"},
        {"jit_compile": "false"},
        {"strategy": "mirrored"},
        {"seed": "0"},
        {"seed": None},
        {"seed": 1.5},
        {"seed": 2**40},  # it would share draws with seed 0
        {"seed": -(2**40)},
    ],
)
def test_options_of_another_kind_are_refused(given):
    ((name, value),) = given.items()
    with pytest.raises(ValueError, match=f"received {name}={value!r}; expected"):
        training.Options(**given)


@pytest.mark.parametrize("seed", [-1, 0, 2**32 - 1])
def test_seeds_of_32_bits_are_taken(seed):
    options = training.Options(seed=seed, batch_size=4)
    assert sorted(training.Order(4, options).indices(0, 1).ravel()) == [0, 1, 2, 3]
    assert gan_of(options={"seed": seed}).training_step.latents(0).shape == (4, 3)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda: training.Options(
                batch_size=np.int64(8),
                num_discriminator_steps=np.uint8(2),
                ema_decay=np.float32(0.5),
                jit_compile=np.bool_(False),
                seed=np.int32(7),
                weight_clip=np.float64(0.25),
            ),
            "Options(batch_size=8, num_discriminator_steps=2, ema_decay=0.5, steps_per_call=50, "
            "jit_compile=False, seed=7, augment=None, strategy=None, weight_clip=0.25, "
            "measure=None)",
        ),
        (
            lambda: training.Penalty(len, np.float32(0.5), np.int64(3)),
            "Penalty(function=<built-in function len>, weight=0.5, interval=3)",
        ),
        (
            lambda: augment.Noise(np.float64(0.5), np.int64(3)),
            "Noise(scale=0.5, num_steps=3, first=None)",
        ),
        (
            lambda: augment.Classical(flip=np.bool_(True), shift=np.float32(0.25)),
            "Classical(flip=True, shift=0.25, crop=0.0, erase=0.0, mixup=0.0)",
        ),
        (
            lambda: augment.ADA(len, np.float64(0.5), np.int64(9), np.int64(3)),
            "ADA(family=<built-in function len>, target=0.5, adjustment_images=9, interval=3)",
        ),
    ],
)
def test_numbers_of_numpy_are_held_as_python_s(make, expected):
    assert repr(make()) == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda: augment.DiffAugment(brightness="0.5"),
        lambda: augment.ADA(target="0.6"),
        lambda: augment.ADA(interval="4"),
        lambda: augment.Noise("0.1"),
        lambda: augment.Noise(0.1, "100"),
        lambda: augment.Classical(crop="0.1"),
        lambda: augment.Classical(mixup="0.2"),
        lambda: losses.smoothed(losses.minimax, "0.1"),
    ],
)
def test_strings_in_place_of_numbers_are_refused(make):
    with pytest.raises(ValueError, match=r"received \w+='[\d.]+'; expected"):
        make()


# ---- samples --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_images": 0}, "num_images=0; expected an integer of at least 1"),
        ({"num_images": -1}, "num_images=-1"),
        ({"num_images": 2.0}, "num_images=2.0"),
        ({"seed": 1.5}, "seed=1.5; expected an integer"),
        ({"seed": None}, "seed=None"),
        ({"labels": "cat"}, "labels='cat'.*expected integers"),
        ({"labels": [0.5, 1]}, r"labels=\[0.5, 1\].*float64; expected integers"),
        ({"labels": [None, 1]}, "object; expected integers"),
        ({"labels": [True, False]}, "bool; expected integers"),
    ],
)
def test_samples_are_asked_for_by_integers(arguments, message):
    generator = dcgan.generator(28, 1, 3, width=2, num_classes=3)
    gan = gan_of(generator, dcgan.discriminator(28, 1, width=2, num_classes=3))
    with pytest.raises(ValueError, match=message):
        gan.sample(**{"num_images": 2} | arguments)
