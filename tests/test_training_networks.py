"""Networks that people bring along: every form that Keras has trains, or is refused by name."""

import os
import subprocess
import sys
import textwrap
import warnings
import zipfile

import numpy as np
import pytest

from ganlib import augment, data, losses, penalties, training
from ganlib._tensorflow import keras, tf
from ganlib.models import dcgan, fast, heads, inference, mlp, resnet, spectral
from ganlib.training import _fit

L = keras.layers
IMAGES = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1)).astype(np.uint8)
POINTS = np.random.default_rng(1).normal(3.0, 0.5, (90, 2)).astype(np.float32)


def gan_of(generator=None, discriminator=None, **arguments):
    """A GAN of points, with the given networks in place of small ones."""
    keras.utils.set_random_seed(0)
    return training.GAN(
        generator or mlp.generator(None, 2, 3, width=4),
        discriminator or mlp.discriminator(None, 2, width=4),
        options=training.Options(batch_size=8, steps_per_call=5),
        **arguments,
    )


def gan_of_images(generator=None, discriminator=None, **arguments):
    generator = generator or dcgan.generator(28, 1, 3, width=2)
    return gan_of(generator, discriminator or dcgan.discriminator(28, 1, width=2), **arguments)


def train(gan, images=POINTS, num_steps=5, **arguments):
    gan.train(images, num_steps, progress=False, **arguments)
    return gan


def state(gan):
    return [np.asarray(v) for variables in gan._state().values() for v in variables]


def sequential(*layers):
    return keras.Sequential([keras.Input((2,)), *layers])


def functional(function, shape=(2,)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, function(inputs))


# ---- sequential models ----------------------------------------------------------------------


def tutorial_gan():
    """The networks of TensorFlow's DCGAN tutorial, with a sixteenth of the channels.

    Source: https://www.tensorflow.org/tutorials/generative/dcgan
    """
    keras.utils.set_random_seed(0)
    up = {"padding": "same", "use_bias": False}
    generator = keras.Sequential(
        [
            keras.Input((100,)),
            L.Dense(7 * 7 * 16, use_bias=False),
            L.BatchNormalization(),
            L.LeakyReLU(),
            L.Reshape((7, 7, 16)),
            L.Conv2DTranspose(8, (5, 5), strides=(1, 1), **up),
            L.BatchNormalization(),
            L.LeakyReLU(),
            L.Conv2DTranspose(4, (5, 5), strides=(2, 2), **up),
            L.BatchNormalization(),
            L.LeakyReLU(),
            L.Conv2DTranspose(1, (5, 5), strides=(2, 2), activation="tanh", **up),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            L.Conv2D(4, (5, 5), strides=(2, 2), padding="same"),
            L.LeakyReLU(),
            L.Dropout(0.3),
            L.Conv2D(8, (5, 5), strides=(2, 2), padding="same"),
            L.LeakyReLU(),
            L.Dropout(0.3),
            L.Flatten(),
            L.Dense(1),
        ]
    )
    return training.GAN(
        generator,
        discriminator,
        losses.non_saturating,
        generator_optimizer=keras.optimizers.Adam(1e-4),
        discriminator_optimizer=keras.optimizers.Adam(1e-4),
        options=training.Options(batch_size=8, steps_per_call=2),
    )


CHILD = """
    import sys
    sys.path.insert(0, {tests!r})
    import test_training_networks as tests
    tests.train(tests.tutorial_gan(), tests.IMAGES, 3, directory=sys.argv[1])
"""


def test_the_tutorial_s_sequential_pair_trains_saves_and_resumes_in_another_process(tmp_path):
    script = textwrap.dedent(CHILD.format(tests=os.path.dirname(__file__)))
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "run")], check=True)
    resumed = train(tutorial_gan(), IMAGES, 5, directory=tmp_path / "run")
    whole = train(tutorial_gan(), IMAGES, 5)
    assert resumed.step == 5
    for a, b in zip(state(whole), state(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    resumed.save_generator(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras", compile=False)
    np.testing.assert_allclose(loaded(resumed.latents(3)), resumed.sample(3), rtol=1e-5, atol=1e-6)


def test_a_sequential_discriminator_makes_the_steps_of_a_functional_one():
    layers = [L.Dense(4, activation="tanh"), L.Dense(1)]
    given = sequential(*layers)
    same = keras.models.clone_model(functional(lambda x: layers[1](layers[0](x))))
    same.set_weights(given.get_weights())
    ends = [train(gan_of(discriminator=model)) for model in (given, same)]
    assert ends[0].discriminator is given
    for a, b in zip(*(map(np.asarray, gan.discriminator.variables) for gan in ends), strict=True):
        np.testing.assert_array_equal(a, b)


# ---- subclassed models ----------------------------------------------------------------------


class OwnDiscriminator(keras.Model):
    """As courses write one: no input, and a branch for training."""

    def __init__(self, activation=None):
        super().__init__()
        self.hidden, self.noise = L.Dense(8), L.GaussianNoise(0.1, seed=1)
        self.last = L.Dense(1, activation=activation)

    def call(self, images, training=None):
        hidden = self.hidden(images)
        if training:
            hidden = self.noise(hidden, training=training)
        return self.last(tf.nn.leaky_relu(hidden))


class OwnGenerator(keras.Model):
    """With a get_config, so that Keras can make a second one."""

    def __init__(self, units, **arguments):
        super().__init__(**arguments)
        self.units, self.dense, self.norm = units, L.Dense(units), L.BatchNormalization()

    def call(self, latents, training=None):
        return self.norm(self.dense(latents), training=training)

    def get_config(self):
        return super().get_config() | {"units": self.units}


class Closed(keras.Model):
    """Without a get_config."""

    def __init__(self, units):
        super().__init__()
        self.dense = L.Dense(units)

    def call(self, latents):
        return self.dense(latents)


def test_a_subclassed_discriminator_trains_and_resumes(tmp_path):
    def own():
        keras.utils.set_random_seed(1)  # Keras draws a layer's seed when the layer is made
        return OwnDiscriminator()

    given = own()
    whole, resumed = gan_of(discriminator=given), gan_of(discriminator=own())
    before = [np.array(v) for v in given.trainable_variables]
    train(whole, num_steps=5)
    assert all((a != b).any() for a, b in zip(before, given.trainable_variables, strict=True))
    train(gan_of(discriminator=own()), num_steps=3, directory=tmp_path)
    train(resumed, num_steps=5, directory=tmp_path)
    for a, b in zip(state(whole), state(resumed), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_subclassed_generator_that_keras_can_copy_trains(tmp_path):
    given = OwnGenerator(2)
    given(tf.zeros([1, 3]))
    gan = train(gan_of(given))
    assert gan.ema_generator.get_layer(given.name) is not given
    with pytest.warns(UserWarning, match=r"holds the layers '.*' \(OwnGenerator\)"):
        gan.save_generator(tmp_path / "generator.keras")
    path, known = tmp_path / "generator.keras", {"OwnGenerator": OwnGenerator}
    loaded = keras.models.load_model(path, custom_objects=known, compile=False)
    np.testing.assert_allclose(loaded(gan.latents(3)), gan.sample(3), rtol=1e-5, atol=1e-6)


def closed(latents_shape):
    model = Closed(2)
    model(tf.zeros([1, *latents_shape]))
    return model


# ---- what is within a generator -------------------------------------------------------------


def test_a_lambda_in_the_generator_is_used_by_the_average_too(tmp_path):
    generator = functional(lambda z: L.Lambda(lambda x: 2.0 * x, name="twice")(L.Dense(2)(z)), (3,))
    gan = train(gan_of(generator))
    (dense,) = (one for one in gan.ema_generator.layers if isinstance(one, L.Dense))
    latents = gan.latents(4)
    expected = 2.0 * (np.asarray(latents) @ dense.kernel.numpy() + dense.bias.numpy())
    np.testing.assert_allclose(gan.sample(4), expected, rtol=1e-5)
    with pytest.warns(UserWarning, match=r"'twice' \(Lambda\).*safe_mode=False"):
        gan.save_generator(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras", safe_mode=False)
    np.testing.assert_allclose(loaded(latents), expected, rtol=1e-5)


def wrapped(inner, latents_shape=(3,)):
    return functional(lambda z: L.Rescaling(0.9)(inner(z)), latents_shape)


@pytest.mark.parametrize(
    "make",
    [
        lambda: wrapped(dcgan.generator(28, 1, 3, width=2)),
        lambda: wrapped(wrapped(resnet.generator(28, 1, 3, width=2))),
        lambda: keras.Sequential([keras.Input((3,)), dcgan.generator(28, 1, 3, width=2)]),
        lambda: wrapped(spectral.with_spectral_normalization(dcgan.generator(28, 1, 3, width=2))),
    ],
    ids=["functional", "twice", "sequential", "spectral"],
)
def test_a_generator_around_ganlib_s_is_saved_as_plain_keras(make, tmp_path):
    gan = gan_of_images(make())
    path = tmp_path / "generator.keras"
    gan.save_generator(path)
    with zipfile.ZipFile(path) as archive:
        assert b"ganlib" not in archive.read("config.json")
    loaded = keras.models.load_model(path, compile=False)
    np.testing.assert_allclose(loaded(gan.latents(3)), gan.sample(3), rtol=1e-4, atol=1e-5)


def test_layers_within_a_wrapper_of_keras_become_plain_too():
    inner = dcgan.generator(28, 1, 3, width=2)
    video = functional(L.TimeDistributed(inner), (4, 3))
    plain = fast.with_plain_layers(video)
    own = {fast.FusedBatchNormalization, fast.NarrowConv2D}
    assert not own & {type(layer) for layer in plain._flatten_layers()}
    latents = tf.random.normal([2, 4, 3], seed=0)
    np.testing.assert_allclose(plain(latents), video(latents), rtol=1e-4, atol=1e-6)


# ---- regularizers ---------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_a_regularizer_of_weights_is_part_of_the_loss(role):
    """Where the network's outputs do not depend on its weights, SGD has only L2's slope: 2·s·w."""
    rate, strength = 0.1, 0.3

    def silent(units):  # times 0: no gradient from the loss
        dense = L.Dense(units, use_bias=False, kernel_regularizer=keras.regularizers.L2(strength))
        return lambda x: 0.0 * dense(x)

    networks = {
        "generator": functional(silent(2), (3,)),
        "discriminator": functional(lambda x: silent(1)(x)),
    }
    optimizers = {
        f"{name}_optimizer": keras.optimizers.SGD(rate) for name in ("generator", "discriminator")
    }
    gan = gan_of(**{role: networks[role]}, **optimizers)
    (kernel,) = getattr(gan, role).trainable_variables
    before = kernel.numpy()
    gan.train_step([tf.constant(POINTS[:8])], [tf.zeros([8, 3])], step=0)
    np.testing.assert_allclose(kernel.numpy(), before * (1 - 2 * rate * strength), rtol=1e-5)


@keras.saving.register_keras_serializable("tests")
class Adding(L.Layer):
    """A layer with a loss of its own."""

    def call(self, inputs):
        self.add_loss(tf.reduce_mean(tf.square(inputs)))
        return inputs


# ---- what is refused ------------------------------------------------------------------------


def conditional(make):
    """A generator of latents and labels, in the order and with the shapes that `make` says."""
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    vector = L.Concatenate()([latents, L.Embedding(4, 3)(labels)])
    return keras.Model(make(latents, labels), L.Dense(2)(vector))


def one_hot():
    latents, labels = keras.Input((3,)), keras.Input((10,))
    return keras.Model([latents, labels], L.Dense(2)(L.Concatenate()([latents, labels])))


REFUSED = {
    "a function": (lambda: gan_of(None, lambda x: x), "discriminator of the type function"),
    "a path": (lambda: gan_of("generator.keras"), "generator of the type str.*load_generator"),
    "a layer": (lambda: gan_of(None, L.Dense(1)), "discriminator of the type Dense"),
    "sequential without input": (
        lambda: gan_of(keras.Sequential([L.Dense(2)])),
        "generator that is a keras.Sequential without input.*Begin it with keras.Input",
    ),
    "subclassed, never called": (lambda: gan_of(Closed(2)), "class Closed.*functional"),
    "subclassed, no copy": (
        lambda: gan_of(closed((3,))),
        "generator with the layer 'closed.*class Closed.*get_config.*functional",
    ),
    "subclassed, within another": (
        lambda: gan_of(functional(Closed(2), (3,))),
        "generator with the layer 'closed.*class Closed",
    ),
    "a list of outputs": (
        lambda: gan_of(None, functional(lambda x: [L.Dense(1)(x), L.Dense(3)(x)])),
        'discriminator of 2 outputs.*dict with "logits"',
    ),
    "outputs without logits": (
        lambda: gan_of(None, functional(lambda x: {"validity": L.Dense(1)(x)})),
        r"discriminator of 1 outputs, \['validity'\]; expected .*logits",
    ),
    "a generator of two outputs": (
        lambda: gan_of(functional(lambda z: [L.Dense(2)(z), L.Dense(2)(z)], (3,))),
        "generator with outputs",
    ),
    "a generator of a dict": (
        lambda: gan_of(functional(lambda z: {"images": L.Dense(2)(z)}, (3,))),
        "generator with outputs",
    ),
    "swapped points": (
        lambda: training.GAN(mlp.discriminator(None, 2), mlp.generator(None, 2, 3)),
        "seem to be swapped: pass the generator first",
    ),
    "swapped images": (
        lambda: training.GAN(dcgan.discriminator(28, 1), dcgan.generator(28, 1, 3)),
        "generator is the first argument",
    ),
    "latents as PyTorch has them": (
        lambda: gan_of(functional(lambda z: L.Dense(2)(L.Flatten()(z)), (1, 1, 3))),
        r"first input has the shape \(None, 1, 1, 3\).*reshape within",
    ),
    "labels first": (
        lambda: gan_of(conditional(lambda latents, labels: [labels, latents])),
        "first input has .*int32; expected latents",
    ),
    "named inputs": (
        lambda: gan_of(conditional(lambda a, b: {a.name: a, b.name: b})),
        "expected latents, or a list of latents and labels",
    ),
    "one-hot labels": (lambda: gan_of(one_hot()), r"\(None, 10\).*keras.ops.one_hot"),
    "activity regularizer": (
        lambda: gan_of(None, sequential(L.Dense(1, activity_regularizer="l2"))),
        "activity_regularizer.*kernel_regularizer",
    ),
    "add_loss": (
        lambda: train(gan_of(None, functional(lambda x: L.Dense(1)(Adding()(x))))),
        "calls add_loss.*losses.Term",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_networks_that_cannot_be_trained_are_refused_by_name(name):
    make, message = REFUSED[name]
    with pytest.raises(ValueError, match=f"(?s)received .*{message}"):
        make()


@pytest.mark.parametrize(
    ("name", "change", "back"),
    [
        ("float64", keras.config.set_floatx, "float32"),
        ("channels_first", keras.config.set_image_data_format, "channels_last"),
    ],
)
def test_another_default_of_keras_is_named(name, change, back):
    policy = keras.config.dtype_policy()
    change(name)
    try:
        if name == "float64":
            keras.config.set_dtype_policy(name)
        with pytest.raises(ValueError, match=f"{name}.*{back}"):
            gan_of_images()
    finally:
        change(back)
        keras.config.set_dtype_policy(policy)


# ---- how networks end -----------------------------------------------------------------------

SIGMOIDS = {
    "activation": lambda: sequential(L.Dense(1, activation="sigmoid")),
    "layer": lambda: functional(lambda x: L.Activation("sigmoid")(L.Dense(1)(x))),
    "operation, then a shape": lambda: functional(
        lambda x: L.Reshape((1,))(keras.ops.sigmoid(L.Dense(1)(x)))
    ),
    "nested": lambda: functional(sequential(L.Dense(1, activation="sigmoid"))),
    "lambda": lambda: functional(lambda x: L.Lambda(tf.sigmoid)(L.Dense(1)(x))),
    "dict": lambda: functional(lambda x: {"logits": L.Dense(1, activation="sigmoid")(x)}),
    "subclassed": lambda: OwnDiscriminator("sigmoid"),
    "spectral": lambda: spectral.with_spectral_normalization(
        functional(lambda x: L.Dense(1, activation="sigmoid")(x))
    ),
}


@pytest.mark.parametrize("form", SIGMOIDS)
def test_a_sigmoid_in_place_of_logits_is_told_before_training(form):
    with pytest.warns(UserWarning, match="ends in a sigmoid; expected logits"):
        gan_of(discriminator=SIGMOIDS[form]())


def test_logits_and_losses_of_probabilities_need_no_warning():
    inner = functional(lambda x: L.Dense(1)(L.Dense(4, activation="sigmoid")(x)))

    def of_probabilities(real, fake):
        return tf.reduce_mean(fake - real)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gan_of(discriminator=inner)
        loss = losses.Loss(of_probabilities, of_probabilities)
        gan_of(discriminator=SIGMOIDS["activation"](), loss=loss)


def test_a_gradient_penalty_on_batch_normalisation_is_told():
    given = [training.Penalty(penalties.r1)]
    with pytest.warns(UserWarning, match="r1 for a discriminator with batch normalisation"):
        gan_of(discriminator=sequential(L.BatchNormalization(), L.Dense(1)), penalties=given)


# ---- any size, labels -----------------------------------------------------------------------


def test_a_discriminator_of_any_size_sees_the_generator_s():
    given = functional(
        lambda x: L.Dense(1)(L.GlobalAveragePooling2D()(L.Conv2D(4, 3)(x))), (None, None, 1)
    )
    options = training.Options(batch_size=8, steps_per_call=2, augment=augment.DiffAugment())
    alone = [training.Penalty(penalties.r1)]  # it sees real images without generated ones
    generator = dcgan.generator(28, 1, 3, width=2)
    gan = training.GAN(generator, given, penalties=alone, options=options)
    assert train(gan, IMAGES, 2).step == 2
    with pytest.raises(ValueError, match=r"\(20, 20, 28, 1\); expected \(n, 28, 28, 1\)"):
        train(gan, IMAGES[:, :20], 4)


def by_operation():
    """Labels go into keras.ops.one_hot, as in the Keras example of a conditional GAN."""
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    vector = L.Concatenate()([latents, keras.ops.one_hot(labels, 3)])
    images = L.Reshape((28, 28, 1))(L.Dense(784, activation="tanh")(vector))
    return keras.Model([latents, labels], images)


def around(model):
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    return keras.Model([latents, labels], L.Rescaling(0.9)(model([latents, labels])))


def without_known_classes():
    latents, labels = keras.Input((3,)), keras.Input((1,))
    vector = L.Concatenate()([latents, L.Dense(4)(labels)])
    images = L.Reshape((28, 28, 1))(L.Dense(784, activation="tanh")(vector))
    return keras.Model([latents, labels], images)


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (lambda: dcgan.generator(28, 1, 3, width=2, num_classes=3), 3),
        (lambda: around(dcgan.generator(28, 1, 3, width=2, num_classes=3)), 3),
        (lambda: resnet.generator(28, 1, 3, width=2, num_classes=3), 3),
        (by_operation, 3),
        (without_known_classes, None),
    ],
    ids=["dcgan", "around", "resnet", "operation", "unknown"],
)
def test_a_conditional_generator_of_any_form_samples(make, number):
    gan = gan_of_images(make())
    assert inference.num_classes(gan.generator) == number
    assert gan.sample(3, labels=[0, 1, 2]).shape == (3, 28, 28, 1)
    if number:
        np.testing.assert_array_equal(gan.sample(4), gan.sample(4, labels=[0, 1, 2, 0]))
        with pytest.raises(ValueError, match="from 0 to 2"):
            gan.sample(1, labels=3)
    else:
        with pytest.raises(ValueError, match="number of classes is not known"):
            gan.sample(3)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(
    ("generator", "discriminator", "terms", "name"),
    [
        ({"num_classes": 3}, {"num_classes": 5}, (), "generator"),
        ({"num_classes": 5}, {"num_classes": 3}, (), "discriminator"),
        (
            {},
            {"num_classes": 3, "head": heads.auxiliary_classifier},
            [losses.auxiliary_classifier()],
            "discriminator",
        ),
    ],
    ids=["generator", "discriminator", "term"],
)
def test_labels_beyond_the_classes_are_refused_with_and_without_xla(
    generator, discriminator, terms, name, jit_compile
):
    gan = training.GAN(
        dcgan.generator(28, 1, 3, width=2, **generator),
        dcgan.discriminator(28, 1, width=2, **discriminator),
        terms=terms,
        options=training.Options(batch_size=8, jit_compile=jit_compile),
    )
    images = data.Images(IMAGES, np.arange(20) % 4)
    with pytest.raises(ValueError, match=f"labels up to 3 for a {name} of 3 classes; .*0 to 2"):
        train(gan, images, 1)


def test_a_term_of_one_s_own_may_use_labels_beyond_the_classes():
    """Here 3 stands for "unknown", as in semi-supervised training with few labels."""
    term = losses.semi_supervised()

    def known(real_outputs, fake_outputs, labels):
        return term.discriminator(real_outputs, fake_outputs, tf.where(labels < 3, labels, -1))

    gan = gan_of_images(
        None,
        dcgan.discriminator(28, 1, width=2, num_classes=3, head=heads.semi_supervised),
        terms=[term._replace(discriminator=known)],
    )
    _, labels = _fit.as_arrays(data.Images(IMAGES, np.arange(20) % 4), gan)
    assert labels.max() == 3
