"""The step and the loop: who is updated by what, exactness, and what interrupts a run."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from ganlib import data, losses, penalties, training
from ganlib._tensorflow import keras, tf
from ganlib.models import dcgan, mlp, spectral
from ganlib.training import _loop, checkpoints

IMAGES = np.random.default_rng(0).integers(0, 256, (70, 28, 28, 1)).astype(np.uint8)
POINTS = np.random.default_rng(1).normal(3.0, 0.5, (90, 2)).astype(np.float32)
R1 = training.Penalty(penalties.r1, weight=0.5, interval=3)


def small_gan(pair=dcgan, weight_seed=0, width=2, **settings):
    """A tiny pair; 23 steps of batch 8 pass the 70 images more than twice."""
    keras.utils.set_random_seed(weight_seed)
    size = 28 if pair is dcgan else None
    channels = 1 if pair is dcgan else 2
    options = {"batch_size": 8, "steps_per_call": 5, "seed": 4} | settings
    names = ("loss", "penalties", "generator_optimizer", "discriminator_optimizer")
    given = {"penalties": [R1]} | {k: options.pop(k) for k in names if k in options}
    return training.GAN(
        pair.generator(size, channels, latent_dim=3, width=width),
        pair.discriminator(size, channels, width=width),
        **given,
        options=training.Options(**options),
    )


def values(variables):
    return [np.array(np.asarray(v)) for v in variables]


def state(gan):
    return [a for variables in gan._state().values() for a in values(variables)]


def assert_equal(first, second):
    """Exactly equal, array by array: a difference of 0."""
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def differ(first, second):
    return any((a != b).any() for a, b in zip(first, second, strict=True))


def train(gan, images=IMAGES, num_steps=10, **arguments):
    return gan.train(images, num_steps, progress=False, **arguments)


# ---- one step -------------------------------------------------------------------------------


def one_batch(gan, seed=0):
    real = data.to_model_range(IMAGES[:8])
    latents = np.random.default_rng(seed).normal(size=(8, gan.latent_dim)).astype(np.float32)
    return tf.constant(real), tf.constant(latents)


def test_a_discriminator_step_leaves_the_generator_alone():
    gan = small_gan()
    real, latents = one_batch(gan)
    fake = gan.generator(latents)
    generator = values(gan.generator.variables) + values(gan.generator_optimizer.variables)
    discriminator = values(gan.discriminator.variables)
    gan.discriminator_step(real, fake, step=0)
    assert_equal(
        generator, values(gan.generator.variables) + values(gan.generator_optimizer.variables)
    )
    assert differ(discriminator, values(gan.discriminator.variables))


def test_a_generator_step_leaves_the_discriminator_alone():
    """Frozen by a learning rate of 0, the discriminator must come out of a whole step unchanged."""
    gan = small_gan(penalties=[])
    gan.discriminator_optimizer.learning_rate = 0.0
    discriminator, generator = values(gan.discriminator.variables), values(gan.generator.variables)
    real, latents = one_batch(gan)
    gan.train_step([real], [latents], step=0)
    assert_equal(discriminator, values(gan.discriminator.variables))
    assert differ(generator, values(gan.generator.variables))


def test_a_step_equals_plain_gradient_descent_written_out():
    """With SGD the step is w − rate·∇w, so the gradients themselves are compared."""
    rate, gamma = 0.1, 0.7
    gan = small_gan(
        penalties=[training.Penalty(penalties.r1, gamma, interval=4)],
        generator_optimizer=keras.optimizers.SGD(rate),
        discriminator_optimizer=keras.optimizers.SGD(rate),
    )
    generator = keras.models.clone_model(gan.generator)
    discriminator = keras.models.clone_model(gan.discriminator)
    generator.set_weights(gan.generator.get_weights())
    discriminator.set_weights(gan.discriminator.get_weights())
    real, latents = one_batch(gan)
    result = gan.train_step([real], [latents], step=8)  # 8 is a multiple of 4: the penalty is due

    fake = generator(latents, training=True)
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            inner.watch(real)
            real_logits = discriminator(real)
        slope = inner.gradient(real_logits, real)
        d_loss = tf.reduce_mean(tf.math.log(1 + tf.exp(-real_logits)))
        d_loss += tf.reduce_mean(tf.math.log(1 + tf.exp(discriminator(fake))))
        r1 = tf.reduce_mean(tf.reduce_sum(slope**2, axis=[1, 2, 3]))
        total = d_loss + 4 * gamma / 2 * r1
    for variable, g in zip(
        discriminator.trainable_variables,
        tape.gradient(total, discriminator.trainable_variables),
        strict=True,
    ):
        variable.assign_sub(rate * g)
    with tf.GradientTape() as tape:
        fake_logits = discriminator(generator(latents, training=True))
        g_loss = tf.reduce_mean(tf.math.log(1 + tf.exp(-fake_logits)))
    for variable, g in zip(
        generator.trainable_variables,
        tape.gradient(g_loss, generator.trainable_variables),
        strict=True,
    ):
        variable.assign_sub(rate * g)
    np.testing.assert_allclose(result[:2], [d_loss, g_loss], rtol=1e-5)
    for mine, theirs in ((generator, gan.generator), (discriminator, gan.discriminator)):
        for a, b in zip(mine.trainable_variables, theirs.trainable_variables, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-7)


def test_a_paired_loss_compares_both_batches_under_the_updated_discriminator():
    """One SGD step of the generator, against the gradient written out in its own tape."""
    # a step of the discriminator so large that logits from before it would give another gradient
    gan = small_gan(
        mlp,
        width=8,
        loss=losses.relativistic,
        penalties=[],
        generator_optimizer=keras.optimizers.SGD(0.1),
        discriminator_optimizer=keras.optimizers.SGD(0.05),
    )
    generator = keras.models.clone_model(gan.generator)
    generator.set_weights(gan.generator.get_weights())
    real, (_, latents) = tf.constant(POINTS[:8]), one_batch(gan)
    gan.train_step([real], [latents], step=0)
    weights = generator.trainable_variables
    with tf.GradientTape() as tape:  # gan.discriminator is the updated one by now
        difference = gan.discriminator(real) - gan.discriminator(generator(latents, training=True))
        loss = tf.reduce_mean(tf.math.log(1 + tf.exp(difference)))
    for variable, gradient, theirs in zip(
        weights, tape.gradient(loss, weights), gan.generator.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(theirs, variable - 0.1 * gradient, rtol=1e-4, atol=1e-7)


def test_the_random_draws_of_a_penalty_differ_between_the_updates_of_one_step():
    drawn = []

    def spy(discriminator, real_images, fake_images, seed):
        drawn.append(tuple(int(x) for x in seed))
        return penalties.r1(discriminator, real_images)

    gan = small_gan(mlp, penalties=[training.Penalty(spy)], num_discriminator_steps=3)
    points = [tf.constant(POINTS[:8])] * 3
    gan.train_step(points, [tf.zeros([8, 3])] * 3, step=5)
    assert len(set(drawn)) == 3


def test_a_lazy_penalty_acts_on_its_steps_only_and_is_multiplied_by_its_interval():
    def weights_after(step, *given):
        gan = small_gan(penalties=given)
        real, latents = one_batch(gan)
        gan.discriminator_step(real, gan.generator(latents), step)
        return values(gan.discriminator.variables)

    lazy = training.Penalty(penalties.r1, weight=0.5, interval=4)
    assert_equal(weights_after(2, lazy), weights_after(2))
    assert_equal(weights_after(4, lazy), weights_after(4, training.Penalty(penalties.r1, 2.0)))
    assert differ(weights_after(4, lazy), weights_after(4))


def test_the_average_follows_the_generator_by_its_decay():
    gan = small_gan(ema_decay=0.75)
    before = values(gan.ema_generator.variables)
    real, latents = one_batch(gan)
    gan.train_step([real], [latents], step=100)  # (1 + 100) / (10 + 100) > 0.75
    after = values(gan.generator.variables)
    for old, new, average in zip(before, after, values(gan.ema_generator.variables), strict=True):
        np.testing.assert_allclose(average, 0.75 * old + 0.25 * new, rtol=1e-5, atol=1e-8)


def test_without_averaging_the_average_is_the_generator():
    gan = small_gan(ema_decay=0.0)
    train(gan)
    assert_equal(values(gan.ema_generator.variables), values(gan.generator.variables))


def test_several_discriminator_steps_for_one_of_the_generator():
    gan = small_gan(mlp, num_discriminator_steps=3)
    train(gan, POINTS, 7)
    assert int(gan.discriminator_optimizer.iterations) == 21
    assert int(gan.generator_optimizer.iterations) == 7


def test_a_batch_norm_discriminator_sees_real_and_fake_in_separate_passes():
    """Its moving mean after one pass over each: zeros in one batch, ones in the other."""
    images = keras.Input((2,))
    norm = keras.layers.BatchNormalization(momentum=0.5)
    discriminator = keras.Model(images, keras.layers.Dense(1)(norm(images)))
    gan = training.GAN(mlp.generator(None, 2, 3), discriminator)
    gan.discriminator_step(tf.zeros([4, 2]), tf.ones([4, 2]), step=0)
    # one pass over both would give ½·0 + ½·½ = 0.25; two give ½·(½·0 + ½·0) + ½·1 = 0.5
    np.testing.assert_allclose(norm.moving_mean, [0.5, 0.5])


# ---- the loop -------------------------------------------------------------------------------


def test_an_epoch_shows_each_image_once_in_another_order():
    order = _loop.Order(10, training.Options(batch_size=5, seed=1))
    indices = order.indices(0, 4)
    first, second = indices[:2].ravel(), indices[2:].ravel()
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second)
    np.testing.assert_array_equal(order.indices(1, 3), indices[1:3])  # a function of the step


def test_a_data_set_smaller_than_a_batch_is_repeated():
    order = _loop.Order(3, training.Options(batch_size=8, seed=1))
    counts = np.bincount(order.indices(0, 3).ravel(), minlength=3)
    np.testing.assert_array_equal(counts, [8, 8, 8])


def test_the_loop_trains_on_what_the_seed_says():
    """Two steps of the loop equal two calls of train_step on the batches of (seed, step)."""
    looped, stepped = small_gan(), small_gan()
    train(looped, num_steps=2)
    order = _loop.Order(len(IMAGES), stepped.options)
    for step in range(2):
        batch = data.to_model_range(tf.constant(IMAGES[order.indices(step, step + 1)[0, 0]]))
        latents = stepped.training_step.latents(tf.constant(step, tf.int64), 0)
        stepped.train_step([batch], [latents], tf.constant(step, tf.int64))
    for a, b in zip(state(looped), state(stepped), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_images_on_the_disk_train_like_those_in_memory(tmp_path):
    mapped = np.memmap(tmp_path / "images", IMAGES.dtype, "w+", shape=IMAGES.shape)
    mapped[:] = IMAGES
    labels = np.arange(len(IMAGES)) % 3
    on_disk, in_memory = (small_gan(num_discriminator_steps=2) for _ in range(2))
    for gan, images in ((on_disk, mapped), (in_memory, IMAGES)):
        train(gan, data.Images(images, labels, ("a", "b", "c")))
    assert_equal(state(on_disk), state(in_memory))


def test_the_average_takes_over_states_that_are_no_numbers_to_average(tmp_path):
    """A dropout's seed state: integers, which follow the generator's and are resumed with it."""

    def gan():
        keras.utils.set_random_seed(0)
        latents = keras.Input((3,))
        x = keras.layers.Dropout(0.5, seed=1)(keras.layers.Dense(8, activation="relu")(latents))
        generator = keras.Model(latents, keras.layers.Dense(2)(x))
        options = training.Options(batch_size=8, steps_per_call=5)
        return training.GAN(generator, mlp.discriminator(None, 2, width=4), options=options)

    whole, resumed = gan(), gan()
    train(whole, POINTS, 10)
    train(gan(), POINTS, 4, directory=tmp_path)
    train(resumed, POINTS, 10, directory=tmp_path)
    seeds = [
        np.array(v)
        for model in (whole.generator, whole.ema_generator)
        for v in model.variables
        if not v.dtype.startswith("float")
    ]
    assert len(seeds) == 2
    np.testing.assert_array_equal(*seeds)
    assert_equal(state(whole), state(resumed))


@pytest.mark.parametrize(
    ("pair", "settings"),
    [
        (dcgan, {}),
        (mlp, {"num_discriminator_steps": 2}),
        (
            mlp,
            {
                "penalties": [training.Penalty(penalties.wasserstein_gp, 10.0)],
                "loss": losses.wasserstein,
            },
        ),
        (
            mlp,
            {"penalties": [R1, training.Penalty(penalties.r2, 0.1)], "loss": losses.relativistic},
        ),
    ],
)
def test_two_runs_with_one_seed_agree_exactly_and_another_seed_differs(pair, settings):
    images = IMAGES if pair is dcgan else POINTS
    first, second = small_gan(pair, **settings), small_gan(pair, **settings)
    other = small_gan(pair, **settings, seed=5)
    for gan in (first, second, other):
        train(gan, images)
    assert_equal(state(first), state(second))
    assert differ(state(first), state(other))


def test_many_runs_agree_although_several_threads_work_on_them():
    """With Grappler's dependency optimiser on, about one in four of such runs ends elsewhere."""
    ends = []
    for _ in range(4):
        gan = small_gan(
            mlp,
            width=64,
            batch_size=256,
            num_discriminator_steps=2,
            steps_per_call=100,
            penalties=[training.Penalty(penalties.r1, 0.3)],
        )
        train(gan, POINTS, 200)
        ends.append(state(gan))
    for end in ends[1:]:
        assert_equal(ends[0], end)


@pytest.mark.parametrize(("pair", "stop"), [(dcgan, 13), (mlp, 1), (mlp, 7)])
def test_a_resumed_run_equals_an_uninterrupted_one_exactly(tmp_path, pair, stop):
    images = IMAGES if pair is dcgan else POINTS
    whole = small_gan(pair)
    train(whole, images, 23)
    train(small_gan(pair), images, stop, directory=tmp_path)
    resumed = small_gan(pair, weight_seed=9)  # other weights: all must come from the file
    train(resumed, images, 23, directory=tmp_path)
    assert resumed.step == 23
    assert_equal(state(whole), state(resumed))
    assert_equal([whole.sample(4)], [resumed.sample(4)])


def test_the_partition_into_compiled_calls_changes_nothing():
    first, second = small_gan(mlp, steps_per_call=5), small_gan(mlp, steps_per_call=1)
    for gan in (first, second):
        train(gan, POINTS)
    assert_equal(state(first), state(second))


def test_a_learning_rate_schedule_is_resumed(tmp_path):
    def gan():
        schedule = keras.optimizers.schedules.PolynomialDecay(1e-2, 20, 1e-4)
        return small_gan(mlp, generator_optimizer=keras.optimizers.Adam(schedule))

    whole = gan()
    train(whole, POINTS, 20)
    train(gan(), POINTS, 9, directory=tmp_path)
    resumed = gan()
    train(resumed, POINTS, 20, directory=tmp_path)
    assert_equal(state(whole), state(resumed))


def test_the_history_covers_the_whole_run_and_its_numbers_are_right(tmp_path):
    train(small_gan(mlp), POINTS, 8, directory=tmp_path)
    gan = small_gan(mlp)
    history = train(gan, POINTS, 15, directory=tmp_path)
    np.testing.assert_array_equal(history.step, [5, 8, 10, 15])
    assert (np.diff(history.seconds) > 0).all()
    single = small_gan(mlp, steps_per_call=1)
    steps = train(single, POINTS, 15)
    bounds = [0, 5, 8, 10, 15]
    for name in ("discriminator_loss", "generator_loss", "real_logit", "fake_logit"):
        parts = [getattr(steps, name)[a:b].mean() for a, b in itertools.pairwise(bounds)]
        np.testing.assert_allclose(getattr(history, name), parts, rtol=1e-4, atol=1e-6)


def test_training_teaches():
    """A line's worth of Gaussian: the mean and the spread are learned; untrained they are not."""
    keras.utils.set_random_seed(0)
    gan = training.GAN(
        mlp.generator(None, 1, latent_dim=4, width=32),
        mlp.discriminator(None, 1, width=32),
        penalties=[training.Penalty(penalties.r1, 0.3)],
        generator_optimizer=keras.optimizers.Adam(2e-3, beta_1=0.0, beta_2=0.99),
        discriminator_optimizer=keras.optimizers.Adam(2e-3, beta_1=0.0, beta_2=0.99),
        options=training.Options(batch_size=64, ema_decay=0.98, steps_per_call=500),
    )
    points = np.random.default_rng(0).normal(3.0, 0.5, (5000, 1)).astype(np.float32)
    before = gan.sample(2000)
    train(gan, points, 1500)
    after = gan.sample(2000)
    assert abs(before.mean() - 3.0) > 1.0
    assert abs(after.mean() - 3.0) < 0.2
    assert 0.3 < after.std() < 0.7


def test_callbacks_see_every_call_and_may_sample():
    seen = []
    train(
        small_gan(),
        num_steps=12,
        callbacks=[lambda gan, step: seen.append((step, gan.step, gan.sample(1, seed=3).shape))],
    )
    assert seen == [(s, s, (1, 28, 28, 1)) for s in (5, 10, 12)]


def test_a_finished_run_is_left_as_it_is(tmp_path):
    gan = small_gan(mlp)
    train(gan, POINTS, 6, directory=tmp_path)
    before = state(gan)
    assert len(train(gan, POINTS, 6, directory=tmp_path).step) == 2
    assert_equal(before, state(gan))


def test_a_run_in_memory_is_not_thrown_back_by_an_older_checkpoint(tmp_path):
    gan = small_gan(mlp)
    train(gan, POINTS, 4, directory=tmp_path)
    train(gan, POINTS, 9)
    train(gan, POINTS, 12, directory=tmp_path)
    whole = small_gan(mlp)
    train(whole, POINTS, 12)
    assert_equal(state(gan), state(whole))


def test_the_bar_shows_both_losses_and_the_rate(capsys):
    small_gan(mlp).train(POINTS, 10)
    bar = capsys.readouterr().err
    assert "10/10" in bar
    assert " D " in bar
    assert " G " in bar
    assert "images/s" in bar


def sgd_gan(**settings):
    """Plain gradient descent: Adam would turn a rounding error near 0 into a step of full size."""
    optimizers = {
        f"{name}_optimizer": keras.optimizers.SGD(0.05) for name in ("generator", "discriminator")
    }
    return small_gan(mlp, width=8, **optimizers, **settings)


def test_xla_computes_the_same_steps_from_given_latents():
    """Three steps with R1 on the same images and latents; XLA rounds otherwise."""

    def run(jit_compile):
        gan = sgd_gan(penalties=[training.Penalty(penalties.r1, 0.3)])
        step = tf.function(
            gan.training_step.update_networks, autograph=False, jit_compile=jit_compile
        )
        before, statistics = state(gan), []
        for index in range(3):
            real = tf.constant(POINTS[8 * index : 8 * index + 8])
            latents = one_batch(gan, seed=index)[1]
            statistics.append(step([real], [latents], tf.constant(index, tf.int64)).numpy())
        assert differ(before, state(gan))
        return [*statistics, *state(gan)]

    for compiled, plain in zip(run(True), run(False), strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-4, atol=1e-5)


def test_a_run_under_xla_is_a_function_of_its_seed():
    """That it is the run without XLA, too, is in test_draws.py."""

    def run(seed):
        gan = sgd_gan(jit_compile=True, seed=seed)
        train(gan, POINTS, 3)
        return state(gan)

    first = run(4)
    assert_equal(first, run(4))
    assert differ(first, run(5))


def test_latents_are_normal_with_xla_and_without():
    gan = small_gan(mlp, batch_size=2000)
    for jit_compile in (False, True):
        draw = tf.function(gan.training_step.latents, autograph=False, jit_compile=jit_compile)
        first, second = (draw(tf.constant(step, tf.int64), 0).numpy().ravel() for step in (0, 1))
        error = 1 / np.sqrt(first.size)  # of a mean; of a standard deviation 1/√(2n)
        assert abs(first.mean()) < 4 * error
        assert abs(first.std() - 1) < 4 * error / np.sqrt(2)
        assert abs(np.mean(first * second)) < 4 * error


# ---- what goes wrong ------------------------------------------------------------------------


def test_a_divergence_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path):
    def blow_up(gan, step):
        if step == 15:
            gan.discriminator.trainable_variables[0].assign(np.full((2, 2), 1e38))

    gan = small_gan(mlp)
    message = r"between steps 15 and 20 .*step-000000010\.npz.*Lower"
    with pytest.raises(FloatingPointError, match=message):
        train(gan, POINTS, 60, directory=tmp_path, checkpoint_every=10, callbacks=[blow_up])
    resumed, whole = small_gan(mlp), small_gan(mlp)
    resumed.restore(tmp_path)
    train(resumed, POINTS, 20)
    train(whole, POINTS, 20)
    assert_equal(state(resumed), state(whole))


def test_without_a_directory_the_message_says_that_nothing_was_kept():
    gan = small_gan(mlp)
    gan.generator.trainable_variables[0].assign(np.full((3, 2), np.inf))
    with pytest.raises(FloatingPointError, match="no checkpoint of this run"):
        train(gan, POINTS)


@pytest.mark.parametrize("where", ["generator", "discriminator"])
def test_a_weight_that_is_not_finite_is_noticed(where):
    gan = small_gan(mlp, penalties=[], loss=losses.hinge)
    variable = getattr(gan, where).trainable_variables[0]
    variable.assign(np.full(variable.shape, np.nan))
    with pytest.raises(FloatingPointError, match="stopped being finite"):
        train(gan, POINTS)


def test_restore_refuses_another_configuration_naming_the_field(tmp_path):
    train(small_gan(), num_steps=2, directory=tmp_path)
    others = {
        "seed = 4.*seed = 5": {"seed": 5},
        "batch_size = 8.*batch_size = 4": {"batch_size": 4},
        "loss.*non_saturating.*minimax": {"loss": losses.minimax},
        "penalties.*r1.*None": {"penalties": []},
        "generator_optimizer": {"generator_optimizer": keras.optimizers.Adam(1e-5)},
    }
    for message, settings in others.items():
        with pytest.raises(ValueError, match=f"(?s){message}.*another directory"):
            small_gan(**settings).restore(tmp_path)
    with pytest.raises(ValueError, match=r"(discriminator|generator), entry 0"):
        small_gan(mlp).restore(tmp_path)


def nested_gan(inside):
    """A discriminator of a wrapped layer, and of one in a model of its own."""
    keras.utils.set_random_seed(0)
    points = keras.Input((2,))
    wrapped = keras.layers.Dense(4, activation=inside.get("wrapped", "tanh"))
    x = spectral.SpectralNormalization(wrapped)(points)
    inner = [keras.Input((4,)), keras.layers.LeakyReLU(inside.get("nested", 0.2))]
    x = keras.Sequential([*inner, keras.layers.Dense(1)])(x)
    return training.GAN(mlp.generator(None, 2, 3, width=2), keras.Model(points, x))


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ({"wrapped": "relu"}, "Dense, activation = tanh.*activation = relu"),
        ({"nested": 0.1}, "LeakyReLU, negative_slope = 0.2.*negative_slope = 0.1"),
    ],
)
def test_restore_looks_inside_wrapped_layers_and_nested_models(inside, message, tmp_path):
    nested_gan({}).save(tmp_path)
    nested_gan({}).restore(tmp_path)  # names of layers differ
    with pytest.raises(ValueError, match=f"(?s)discriminator, entry.*{message}"):
        nested_gan(inside).restore(tmp_path)


def test_other_images_are_refused_on_resume(tmp_path):
    train(small_gan(mlp), POINTS, 2, directory=tmp_path)
    with pytest.raises(ValueError, match="images = float32"):
        train(small_gan(mlp), POINTS[::-1], 4, directory=tmp_path)


def test_save_and_restore_bring_back_everything(tmp_path):
    gan = small_gan(mlp)
    train(gan, POINTS, 7)
    gan.save(tmp_path)
    other = small_gan(mlp, weight_seed=9)
    other.restore(tmp_path)
    assert other.step == 7
    assert_equal(state(gan), state(other))
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        other.restore(tmp_path / "elsewhere")


def test_a_saved_generator_is_loaded_by_plain_keras(tmp_path):
    gan = small_gan()
    train(gan)
    path = tmp_path / "new" / "generator.keras"
    gan.save_generator(path)
    latents = gan.latents(4, seed=2)
    for load in (training.load_generator, keras.models.load_model):
        np.testing.assert_allclose(load(path)(latents), gan.sample(4, seed=2), rtol=1e-5, atol=1e-6)
    assert os.listdir(path.parent) == ["generator.keras"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: training.GAN(dcgan.generator(32, 1, 4), dcgan.discriminator(28, 1)),
            ValueError,
            r"\(32, 32, 1\).*\(28, 28, 1\).*image_size",
        ),
        (
            lambda: train(small_gan(), IMAGES[:, :27]),
            ValueError,
            r"\(70, 27, 28, 1\); expected \(n, 28, 28, 1\)",
        ),
        (lambda: train(small_gan(), IMAGES.astype(np.int64)), ValueError, "dtype int64.*uint8"),
        (lambda: train(small_gan(mlp), POINTS * np.nan), ValueError, "NaN or infinity"),
        (
            lambda: train(small_gan(mlp), POINTS, 5, checkpoint_every=0),
            ValueError,
            "received checkpoint_every=0; expected an integer of at least 1",
        ),
        (lambda: training.Options(batch_size=0), ValueError, "received batch_size=0"),
        (
            lambda: training.Options(num_discriminator_steps=61),
            ValueError,
            "num_discriminator_steps=61; expected an integer from 1 to 60",
        ),
        (lambda: training.Options(ema_decay=1.0), ValueError, "received ema_decay=1.0"),
        (lambda: training.Penalty(penalties.r1, interval=0), ValueError, "received interval=0"),
        (lambda: training.load_generator("nowhere.keras"), FileNotFoundError, "save_generator"),
        (lambda: training.load_generator("weights.h5"), ValueError, r"\.keras"),
    ],
)
def test_bad_input_is_refused_with_advice(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_one_optimizer_for_both_networks_is_refused():
    adam = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="same optimizer"):
        training.GAN(
            mlp.generator(None, 2, 3),
            mlp.discriminator(None, 2),
            generator_optimizer=adam,
            discriminator_optimizer=adam,
        )


# ---- interruptions --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (signal.SIGINT, KeyboardInterrupt),
        (signal.SIGTERM, SystemExit),
        (getattr(signal, "SIGHUP", signal.SIGTERM), SystemExit),
    ],
)
def test_a_signal_saves_and_stops_and_the_run_can_go_on(tmp_path, number, error, as_in_a_shell):
    gan = small_gan(mlp)
    before = signal.getsignal(number)

    def interrupt(_, step):
        if step == 10:
            os.kill(os.getpid(), number)

    with pytest.raises(error):
        train(gan, POINTS, 1000, directory=tmp_path, callbacks=[interrupt])
    assert gan.step == 10
    assert signal.getsignal(number) is before
    resumed, whole = small_gan(mlp), small_gan(mlp)
    train(resumed, POINTS, 20, directory=tmp_path)
    train(whole, POINTS, 20)
    assert_equal(state(resumed), state(whole))


def test_a_second_ctrl_c_cuts_a_callback_short(as_in_a_shell):
    def interrupt(gan, step):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
        pytest.fail("the second interrupt was ignored")

    with pytest.raises(KeyboardInterrupt):
        train(small_gan(mlp), POINTS, callbacks=[interrupt])


def test_training_works_in_a_thread_where_signals_cannot_be_handled():
    gan = small_gan(mlp)
    thread = threading.Thread(target=train, args=(gan, POINTS))
    thread.start()
    thread.join()
    assert gan.step == 10


CHILD = """
    import sys, time
    import numpy as np
    sys.path.insert(0, {tests!r})
    import test_training
    from ganlib.training import checkpoints
    directory, moment = sys.argv[1:]
    if moment == "saving":  # the third file stays half written until the kill
        original, files = np.savez, []
        def savez(file, **arrays):
            files.append(file)
            if len(files) < 3:
                return original(file, **arrays)
            original(file, **{{k: v for k, v in list(arrays.items())[:9]}})
            file.flush()
            print("saving", flush=True)
            time.sleep(3600)
        checkpoints.np.savez = savez
    gan = test_training.small_gan(test_training.mlp)
    if moment == "waiting":  # TensorFlow is loaded; the parent says when to begin
        sys.stdin.readline()
    def report(gan, step):
        print("step", step, flush=True)
        if moment == "training" and step == 35:
            time.sleep(3600)
    gan.train(test_training.POINTS, 100_000, directory, checkpoint_every=10,
              callbacks=[report], progress=False)
"""


@pytest.mark.parametrize("moment", ["training", "saving"])
def test_a_killed_run_resumes_exactly(tmp_path, moment):
    """kill -9, once between two saves and once in the middle of one."""
    script = textwrap.dedent(CHILD.format(tests=os.path.dirname(__file__)))
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), moment], stdout=subprocess.PIPE, text=True
    ) as child:
        wanted = "step 35" if moment == "training" else "saving"
        assert any(line.strip() == wanted for line in child.stdout)
        child.kill()
        child.stdout.read()
    resumed = small_gan(mlp)
    resumed.restore(tmp_path)
    assert resumed.step == (30 if moment == "training" else 20)
    target = resumed.step + 7
    train(resumed, POINTS, target, directory=tmp_path)
    whole = small_gan(mlp)
    train(whole, POINTS, target)
    assert_equal(state(whole), state(resumed))
    assert not list(tmp_path.glob(".*"))  # what the killed process left is gone


def start_waiting_child(directory):
    script = textwrap.dedent(CHILD.format(tests=os.path.dirname(__file__)))
    return subprocess.Popen(
        [sys.executable, "-c", script, str(directory), "waiting"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_twenty_kills_at_random_moments_lose_no_more_than_the_last_interval(tmp_path):
    """kill -9, at random delays from the start of a child's training, or after its next save."""
    delays = np.random.default_rng(0).uniform(0, 0.5, 20)
    announced = 0
    waiting = start_waiting_child(tmp_path)
    for index, delay in enumerate(delays):
        child, waiting = waiting, start_waiting_child(tmp_path)  # it loads while the other trains
        child.stdin.write("go\n")
        child.stdin.flush()
        lines = []
        while index % 2 == 0 and (not lines or int(lines[-1].split()[1]) <= announced + 10):
            lines.append(child.stdout.readline())
            assert lines[-1], "the child failed"
        time.sleep(delay)
        child.kill()
        out, _ = child.communicate()
        steps = [int(line.split()[1]) for line in [*lines, *out.splitlines(True)] if "\n" in line]
        announced = max([announced, *steps])
        found = checkpoints.load_latest(tmp_path)  # a warning, as of a broken file, is an error
        assert (found[0] if found else 0) >= announced - 10
    waiting.kill()
    waiting.communicate()
    resumed, whole = small_gan(mlp), small_gan(mlp)
    resumed.restore(tmp_path)
    assert resumed.step >= 90  # each went on where the one before was killed
    target = resumed.step + 7
    train(resumed, POINTS, target, directory=tmp_path)
    train(whole, POINTS, target)
    assert_equal(state(whole), state(resumed))
    assert not list(tmp_path.glob(".*"))
