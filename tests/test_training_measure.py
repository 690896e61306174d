"""A measurement of generated images alone, as where no real image was ever seen whole."""

import json

import numpy as np
import pytest

from ganlib import augment, losses, penalties, training
from ganlib._tensorflow import keras, tf
from ganlib.models import mlp
from ganlib.training import checkpoints

POINTS = np.random.default_rng(1).normal(3.0, 0.5, (90, 2)).astype(np.float32)


def hide(images, seed):
    """Each coordinate is 0 with probability ½."""
    return images * tf.cast(tf.random.stateless_uniform(tf.shape(images), seed) < 0.5, tf.float32)


def gan_of(measure=hide, rate=None, **options):
    keras.utils.set_random_seed(0)
    optimizers = {}
    if rate is not None:
        optimizers = {
            f"{name}_optimizer": keras.optimizers.SGD(rate)
            for name in ("generator", "discriminator")
        }
    return training.GAN(
        mlp.generator(None, 2, 3, width=8),
        mlp.discriminator(None, 2, width=8),
        losses.non_saturating,
        options=training.Options(
            **{"batch_size": 8, "steps_per_call": 5, "measure": measure} | options
        ),
        **optimizers,
    )


def train(gan, num_steps, **arguments):
    return gan.train(POINTS, num_steps, progress=False, **arguments)


def state(gan):
    return [np.array(v) for variables in gan._state().values() for v in variables]


def test_a_step_equals_plain_gradient_descent_on_measured_fakes_and_real_ones_as_they_are():
    seeds, rate = [], 0.1

    def spied(images, seed):
        seeds.append(seed)
        return hide(images, seed)

    gan = gan_of(spied, rate)
    generator, discriminator = (
        keras.models.clone_model(model) for model in (gan.generator, gan.discriminator)
    )
    generator.set_weights(gan.generator.get_weights())
    discriminator.set_weights(gan.discriminator.get_weights())
    real, latents = tf.constant(POINTS[:8]), gan.training_step.latents(0)
    result = gan.train_step([real], [latents], step=0)
    assert len(seeds) == 1  # both players see one and the same measured batch
    mask = hide(tf.ones([8, 2]), seeds[0])
    assert 0 < float(tf.reduce_mean(mask)) < 1
    with tf.GradientTape() as tape:
        real_logits = discriminator(real)
        fake_logits = discriminator(mask * generator(latents))
        loss = tf.reduce_mean(tf.math.log(1 + tf.exp(-real_logits))) + tf.reduce_mean(
            tf.math.log(1 + tf.exp(fake_logits))
        )
    weights = discriminator.trainable_variables
    for variable, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        variable.assign_sub(rate * gradient)
    np.testing.assert_allclose(result[0], loss, rtol=1e-5)
    with tf.GradientTape() as tape:
        logits = discriminator(mask * generator(latents))
        loss = tf.reduce_mean(tf.math.log(1 + tf.exp(-logits)))
    weights = generator.trainable_variables
    for variable, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        variable.assign_sub(rate * gradient)
    np.testing.assert_allclose(result[1], loss, rtol=1e-5)
    for mine, theirs in ((generator, gan.generator), (discriminator, gan.discriminator)):
        for a, b in zip(mine.trainable_variables, theirs.trainable_variables, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-7)


def test_draws_differ_between_steps_updates_and_uses():
    seeds = []

    def spied(images, seed, probability=1.0):
        seeds.append(tuple(int(x) for x in seed))
        return images

    gan = gan_of(spied, num_discriminator_steps=3, augment=spied)
    for step in range(2):
        latents = [gan.training_step.latents(step, k) for k in range(3)]
        gan.train_step([tf.constant(POINTS[:8])] * 3, latents, step)
    # a step measures three batches, and augments real and generated at once, or generated alone
    assert len(seeds) == len(set(seeds)) == 2 * (3 + 3 + 1)


def test_what_is_sampled_was_not_measured():
    samples = gan_of().sample(200)
    assert (samples != 0).all()


def test_a_resumed_run_equals_an_uninterrupted_one_exactly(tmp_path):
    whole, half, rest = gan_of(), gan_of(), gan_of()
    train(whole, 20)
    train(half, 7, directory=tmp_path)
    train(rest, 20, directory=tmp_path)
    for a, b in zip(state(whole), state(rest), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_run_with_another_measure_is_refused_and_an_earlier_one_had_none(tmp_path):
    gan_of(augment.Noise(0.3)).save(tmp_path / "a")
    gan_of(augment.Noise(0.3)).restore(tmp_path / "a")
    for measure, words in ((None, "None"), (augment.Noise(0.2), r"Noise\(scale=0\.2")):
        with pytest.raises(ValueError, match=rf"measure = Noise\(scale=0\.3.*measure = {words}"):
            gan_of(measure).restore(tmp_path / "a")
    gan_of(None).save(tmp_path / "b")
    (path,) = checkpoints.steps(tmp_path / "b").values()
    with np.load(path) as archive:
        arrays = dict(archive)
    config = json.loads(str(arrays["config"]))
    assert config.pop("measure") == "None"
    np.savez(path, **arrays | {"config": np.array(json.dumps(config))})
    gan_of(None).restore(tmp_path / "b")
    with pytest.raises(ValueError, match="measure = None"):
        gan_of(hide).restore(tmp_path / "b")


@pytest.mark.parametrize(
    "measure",
    [0.5, augment.Noise, augment.Classical(flip=True), lambda images: images, keras.layers.ReLU()],
)
def test_what_cannot_measure_is_refused(measure):
    with pytest.raises(ValueError, match=r"received measure=.*function \(images, seed\) -> mea"):
        gan_of(measure)


def test_a_measurement_of_another_shape_is_refused():
    gan = gan_of(lambda images, seed: images[:, :1])
    with pytest.raises(ValueError, match=r"makes \(8, 1\) of .*\(8, 2\); expected the same shape"):
        train(gan, 1)


def test_the_generator_learns_what_was_there_before_the_measurement():
    """All are 2, and were seen as 2 + N(0, 1)."""
    seen = np.random.default_rng(0).normal(2.0, 1.0, (4000, 1)).astype(np.float32)
    deviations = []
    for measure in (None, augment.Noise(1.0)):
        keras.utils.set_random_seed(0)
        gan = training.GAN(
            mlp.generator(None, 1, 2, width=16),
            mlp.discriminator(None, 1, width=16),
            penalties=[training.Penalty(penalties.r1, 0.1)],
            generator_optimizer=keras.optimizers.Adam(2e-3, beta_1=0.0, beta_2=0.99),
            discriminator_optimizer=keras.optimizers.Adam(2e-3, beta_1=0.0, beta_2=0.99),
            options=training.Options(batch_size=128, ema_decay=0.95, measure=measure),
        )
        gan.train(seen, 600, progress=False)
        deviations.append(float(gan.sample(2000).std()))
    assert deviations[1] < 0.4 < 0.8 < deviations[0], deviations
