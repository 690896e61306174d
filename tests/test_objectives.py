"""Terms and options of the step: each against what its paper's formula gives for one SGD step."""

import dataclasses

import numpy as np
import pytest
import scipy.special

from ganlib import augment, data, losses, penalties, training
from ganlib._tensorflow import keras, tf
from ganlib.models import heads, mlp

POINTS = np.random.default_rng(0).normal(2.0, 0.5, (64, 2)).astype(np.float32)
LABELS = np.random.default_rng(1).integers(0, 3, 64)
BATCH = 8


def sgd_gan(num_classes=None, head=None, generator_classes=None, rate=0.1, **settings):
    """A pair on points whose optimizers are plain gradient descent."""
    keras.utils.set_random_seed(0)
    names = ("loss", "penalties", "terms")
    given = {k: settings.pop(k) for k in names if k in settings}
    discriminator = {"width": 8, "num_classes": num_classes} | ({"head": head} if head else {})
    return training.GAN(
        mlp.generator(None, 2, 3, width=8, num_classes=generator_classes),
        mlp.discriminator(None, 2, **discriminator),
        **given,
        generator_optimizer=keras.optimizers.SGD(rate),
        discriminator_optimizer=keras.optimizers.SGD(rate),
        options=training.Options(batch_size=BATCH, **settings),
    )


def one_batch():
    latents = np.random.default_rng(2).normal(size=(BATCH, 3)).astype(np.float32)
    labels = tf.constant(LABELS[:BATCH], tf.int32)
    return tf.constant(POINTS[:BATCH]), tf.constant(latents), labels


def moved_by(gan, *batch, step=0):
    """What one discriminator step of rate 0.1 subtracts, over the rate: the gradient."""
    before = [np.array(v) for v in gan.discriminator.trainable_variables]
    real, fake, labels = batch
    gan.discriminator_step(real, fake, step=step, labels=labels)
    after = gan.discriminator.trainable_variables
    return [(b - np.asarray(a)) / 0.1 for b, a in zip(before, after, strict=True)]


def log_softmax_loss(logits, labels):
    logits = np.asarray(logits, np.float64)
    return -scipy.special.log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean()


# ---- terms ------------------------------------------------------------------------------------


def outputs(seed, num_classes=3):
    rng = np.random.default_rng(seed)
    return {
        "class_logits": tf.constant(rng.normal(size=(BATCH, num_classes)), tf.float32),
        "features": tf.constant(rng.normal(size=(BATCH, 5)), tf.float32),
    }


def test_the_auxiliary_classifier_is_the_log_softmax_of_scipy():
    real, fake, labels = outputs(0), outputs(1), LABELS[:BATCH]
    term = losses.auxiliary_classifier(weight=0.7)
    on_real = log_softmax_loss(real["class_logits"], labels)
    on_fake = log_softmax_loss(fake["class_logits"], labels)
    tensor = tf.constant(labels, tf.int32)
    np.testing.assert_allclose(
        term.discriminator_loss(real, fake, tensor), 0.7 * (on_real + on_fake), rtol=1e-6
    )
    np.testing.assert_allclose(term.generator_loss(real, fake, tensor), 0.7 * on_fake, rtol=1e-6)


def test_feature_matching_is_the_squared_distance_of_means():
    real, fake = outputs(0), outputs(1)
    means = [np.asarray(o["features"], np.float64).mean(0) for o in (real, fake)]
    term = losses.feature_matching(weight=2.0)
    expected = 2.0 * ((means[0] - means[1]) ** 2).sum()
    np.testing.assert_allclose(term.generator_loss(real, fake, None), expected, rtol=1e-6)
    assert term.discriminator_loss(real, fake, None) == 0.0


def test_semi_supervision_counts_the_labelled_real_images_only():
    real, labels = outputs(0), LABELS[:BATCH].copy()
    labels[[1, 4, 5]] = -1
    known = labels >= 0
    term = losses.semi_supervised()
    value = term.discriminator_loss(real, outputs(1), tf.constant(labels, tf.int32))
    expected = log_softmax_loss(np.asarray(real["class_logits"])[known], labels[known])
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    nobody = tf.fill([BATCH], -1)
    assert float(term.discriminator_loss(real, outputs(1), nobody)) == 0.0
    assert term.generator_loss(real, outputs(1), nobody) == 0.0


def test_the_semi_supervised_pair_of_losses_is_one_softmax_over_one_class_more():
    """Salimans et al., eq. 5 and 6: class K + 1 has logit 0, and labelled images count in both."""
    class_logits = np.random.default_rng(3).normal(size=(BATCH, 3))
    labels = LABELS[:BATCH]
    extended = np.concatenate([class_logits, np.zeros((BATCH, 1))], axis=1)
    log_probabilities = scipy.special.log_softmax(extended, axis=1)
    joint = -log_probabilities[np.arange(BATCH), labels].mean()
    logits = scipy.special.logsumexp(class_logits, axis=1)
    adversarial = np.log1p(np.exp(-logits)).mean()  # −log σ(logit) of real images
    term = losses.semi_supervised().discriminator_loss(
        {"class_logits": tf.constant(class_logits, tf.float32)}, {}, tf.constant(labels, tf.int32)
    )
    np.testing.assert_allclose(adversarial + float(term), joint, rtol=1e-5)


def test_terms_enter_both_players_gradients():
    """One SGD step with all terms, against the same written out with tapes."""
    terms = (losses.auxiliary_classifier(0.5), losses.feature_matching(0.3))
    gan = sgd_gan(3, heads.auxiliary_classifier, 3, terms=terms)
    generator = keras.models.clone_model(gan.generator)
    generator.set_weights(gan.generator.get_weights())
    discriminator = keras.models.clone_model(gan.discriminator)
    discriminator.set_weights(gan.discriminator.get_weights())
    real, latents, labels = one_batch()
    gan.train_step([real], [latents], step=0, label_batches=[labels])

    def class_loss(outputs):
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs["class_logits"])
        )

    fake = generator([latents, labels])
    weights = discriminator.trainable_variables
    with tf.GradientTape() as tape:
        on_real, on_fake = discriminator(real), discriminator(fake)
        loss = tf.reduce_mean(tf.math.log(1 + tf.exp(-on_real["logits"])))
        loss += tf.reduce_mean(tf.math.log(1 + tf.exp(on_fake["logits"])))
        loss += 0.5 * (class_loss(on_real) + class_loss(on_fake))
    for variable, g in zip(weights, tape.gradient(loss, weights), strict=True):
        variable.assign_sub(0.1 * tf.convert_to_tensor(g))
    weights = generator.trainable_variables
    with tf.GradientTape() as tape:
        on_real, on_fake = discriminator(real), discriminator(generator([latents, labels]))
        loss = tf.reduce_mean(tf.math.log(1 + tf.exp(-on_fake["logits"])))
        loss += 0.5 * class_loss(on_fake)
        means = [tf.reduce_mean(o["features"], 0) for o in (on_real, on_fake)]
        loss += 0.3 * tf.reduce_sum((means[0] - means[1]) ** 2)
    for variable, g in zip(weights, tape.gradient(loss, weights), strict=True):
        variable.assign_sub(0.1 * tf.convert_to_tensor(g))
    for mine, theirs in ((generator, gan.generator), (discriminator, gan.discriminator)):
        for a, b in zip(mine.trainable_variables, theirs.trainable_variables, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-7)


def test_a_term_without_its_output_is_refused():
    with pytest.raises(ValueError, match=r"outputs \['logits'\]; expected \['class_logits'\] too"):
        sgd_gan(terms=[losses.auxiliary_classifier()])


def test_a_term_without_labels_is_refused():
    gan = sgd_gan(3, heads.auxiliary_classifier, terms=[losses.auxiliary_classifier()])
    with pytest.raises(ValueError, match="as a term needs them"):
        gan.train(POINTS, 2, progress=False)


# ---- options of the step ------------------------------------------------------------------------


def test_label_smoothing_is_the_cross_entropy_with_a_lowered_label():
    real, latents, _ = one_batch()
    share = 0.1

    def gradients(**settings):
        gan = sgd_gan(**settings)
        return gan, moved_by(gan, real, gan.generator(latents), None)

    gan, plain = gradients()
    fake = gan.generator(latents)
    fresh = sgd_gan().discriminator
    with tf.GradientTape() as tape:
        on_real, on_fake = fresh(real), fresh(fake)
        loss = tf.reduce_mean(
            keras.ops.binary_crossentropy(
                tf.fill(on_real.shape, 1 - share), on_real, from_logits=True
            )
        ) + tf.reduce_mean(
            keras.ops.binary_crossentropy(tf.zeros_like(on_fake), on_fake, from_logits=True)
        )
    expected = tape.gradient(loss, fresh.trainable_variables)
    _, smoothed = gradients(loss=losses.smoothed(losses.non_saturating, share))
    for a, b in zip(smoothed, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-6)
    assert any(abs(a - b).max() > 1e-4 for a, b in zip(smoothed, plain, strict=True))


def test_label_smoothing_of_a_loss_without_labels_is_refused():
    with pytest.raises(ValueError, match="no cross-entropy"):
        losses.smoothed(losses.hinge, 0.1)
    with pytest.raises(ValueError, match=r"received share=0\.5; expected"):
        losses.smoothed(losses.minimax, 0.5)


def test_a_cross_entropy_of_ones_own_can_be_smoothed_and_a_run_knows_its_share(tmp_path):
    def own(real_logits, fake_logits):
        return tf.reduce_mean(tf.nn.softplus(-real_logits) + tf.nn.softplus(fake_logits))

    def gan(share):
        return sgd_gan(loss=losses.smoothed(losses.Loss(own, losses.hinge.generator), share))

    gan(0.1).save(tmp_path)
    gan(0.1).restore(tmp_path)
    with pytest.raises(ValueError, match=r"loss.*own, 0\.1.*own, 0\.2"):
        gan(0.2).restore(tmp_path)


def test_a_run_that_recorded_settings_without_effect_can_go_on(tmp_path):
    """Earlier runs wrote down label smoothing and instance noise, which were options then."""
    first = sgd_gan()
    config = first._config()
    state = {name: [np.asarray(v) for v in own] for name, own in first._state().items()}
    history = dataclasses.asdict(first.history)
    gone = {"label_smoothing": 0.0, "instance_noise": 0.0, "instance_noise_steps": None}
    training.checkpoints.save(tmp_path / "a", 0, state, config | gone, history)
    sgd_gan().restore(tmp_path / "a")
    training.checkpoints.save(tmp_path / "b", 0, state, config | {"instance_noise": 0.1}, history)
    with pytest.raises(ValueError, match=r"instance_noise = 0\.1"):
        sgd_gan().restore(tmp_path / "b")


@pytest.mark.parametrize("name", ["non_saturating", "least_squares", "hinge", "relativistic"])
def test_signs_are_counted_from_the_border_of_the_loss(name):
    """0 for a log-odds; ½ between the labels 0 and 1; else midway, wherever the logits lie."""
    gan = sgd_gan(loss=getattr(losses, name))
    real, latents, _ = one_batch()
    kernel, bias = gan.discriminator.trainable_variables[-2:]
    kernel.assign(0.01 * kernel)
    bias.assign([0.3])  # all logits lie near 0.3
    logits = [np.array(gan.discriminator(x)) for x in (real, gan.generator(latents))]
    middle = (logits[0].mean() + logits[1].mean()) / 2
    border = {"least_squares": 0.5, "relativistic": middle}.get(name, 0.0)
    expected = [np.sign(x - border).mean() for x in logits]
    assert name != "relativistic" or min(np.abs(expected)) < 1
    statistics = gan.train_step([real], [latents], step=0)
    np.testing.assert_allclose(statistics[4:6], expected, atol=1e-6)


def test_weights_are_clipped_after_the_step():
    gan = sgd_gan(loss=losses.wasserstein, weight_clip=0.01)
    real, latents, _ = one_batch()
    gan.discriminator_step(real, gan.generator(latents), step=0)
    largest = max(float(abs(np.asarray(v)).max()) for v in gan.discriminator.trainable_variables)
    assert largest == np.float32(0.01)


def test_instance_noise_has_its_standard_deviation_and_falls_to_zero():
    noise, zeros = augment.Noise(0.5, num_steps=100), tf.zeros([20_000, 2])
    seen = []
    for step in (49, 74, 99, 200):
        share, _ = noise.update(1.0, 0.0, 0.0, 8, tf.constant(step, tf.int64))
        seen.append(float(np.std(noise(zeros, (3, step), share))))
    # the standard error of a standard deviation of n normal numbers is σ/√(2n)
    np.testing.assert_allclose(seen[:2], [0.25, 0.125], rtol=5 / np.sqrt(2 * 40_000))
    assert seen[2:] == [0.0, 0.0]
    steady = augment.Noise(0.5)
    share, _ = steady.update(*steady.initial_state(), 0.0, 8, 200)
    late = np.std(steady(zeros, (3, 4), share))
    np.testing.assert_allclose(late, 0.5, rtol=5 / np.sqrt(2 * 40_000))


def test_noise_falls_during_a_run_and_comes_after_another_policy():
    points = np.random.default_rng(0).normal(size=(32, 2)).astype(np.float32)
    gan = sgd_gan(augment=augment.Noise(0.5, num_steps=20), steps_per_call=5)
    gan.train(points, 10, progress=False)
    np.testing.assert_allclose(gan.history.augment_probability, [0.75, 0.5])
    ones = augment.Noise(0.0, first=lambda images, seed: images + 1.0)
    assert np.array_equal(ones(tf.zeros([2, 2]), (0, 1)), np.ones([2, 2]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"scale": -1.0}, "received scale=-1.0"), ({"scale": 1.0, "num_steps": 0}, "num_steps=0")],
)
def test_noise_out_of_range_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        augment.Noise(**settings)


def test_real_and_fake_go_through_the_same_augmentation_with_their_own_draws():
    images = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1)).astype(np.uint8)
    seen = []

    def spy(images, seed, probability):
        seen.append((images.shape[0], tuple(int(s) for s in seed), float(probability)))
        return images

    keras.utils.set_random_seed(0)
    gan = training.GAN(
        mlp.generator(8, 1, 3, width=8),
        mlp.discriminator(8, 1, width=8),
        penalties=[training.Penalty(penalties.r1)],
        options=training.Options(batch_size=BATCH, augment=spy),
    )
    real = data.to_model_range(tf.constant(images[:BATCH]))
    gan.train_step([real], [one_batch()[1]], step=3)
    # both batches together; the penalty's real images; the generator's images
    assert [n for n, _, _ in seen] == [2 * BATCH, BATCH, BATCH]
    assert len({seed for _, seed, _ in seen}) == 3
    assert {p for _, _, p in seen} == {1.0}


def test_ada_raises_its_probability_while_the_discriminator_is_sure_and_is_resumed(tmp_path):
    ada = augment.ADA(target=-0.999, adjustment_images=200, interval=2)  # any sign is too high
    images = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1)).astype(np.uint8)

    def make():
        keras.utils.set_random_seed(0)
        return training.GAN(
            mlp.generator(8, 1, 3, width=8),
            mlp.discriminator(8, 1, width=8),
            options=training.Options(batch_size=BATCH, augment=ada, steps_per_call=2),
        )

    whole = make()
    history = whole.train(images, 10, progress=False)
    # two steps of 8 images: 16 of the 200 images that p takes from 0 to 1
    np.testing.assert_allclose(history.augment_probability, 0.08 * np.arange(1, 6), rtol=1e-5)
    first = make()
    first.train(images, 5, tmp_path, progress=False)
    second = make()
    second.train(images, 10, tmp_path, progress=False)
    assert float(second.training_step.augment_state[0]) == float(
        whole.training_step.augment_state[0]
    )
    for a, b in zip(whole.generator.variables, second.generator.variables, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight_clip": 0.0}, "received weight_clip=0.0; expected a number above 0"),
    ],
)
def test_a_bad_option_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        training.Options(**settings)


# ---- labels --------------------------------------------------------------------------------------


def conditional_gan(**settings):
    return sgd_gan(3, generator_classes=3, **settings)


def test_a_conditional_pair_trains_on_labels_and_samples_each_class_in_turn():
    images = data.Images(np.zeros((64, 2, 2, 1), np.uint8), LABELS, ("a", "b", "c"))
    keras.utils.set_random_seed(0)
    gan = training.GAN(
        mlp.generator(2, 1, 3, width=8, num_classes=3),
        mlp.discriminator(2, 1, width=8, num_classes=3),
        penalties=[training.Penalty(penalties.wasserstein_gp)],
        options=training.Options(batch_size=BATCH),
    )
    gan.train(images, 3, progress=False)
    in_turn = gan.sample(6)
    each = gan.sample(6, labels=np.arange(6) % 3)
    np.testing.assert_array_equal(in_turn, each)
    assert abs(gan.sample(6, labels=0) - gan.sample(6, labels=1)).max() > 0


def test_the_penalty_sees_the_label_of_its_image():
    """r1 under labels equals r1 of a discriminator with its labels bound by hand."""
    gan = conditional_gan(penalties=[training.Penalty(penalties.r1, weight=1.0)])
    plain = conditional_gan()
    real, latents, labels = one_batch()
    fake = gan.generator([latents, labels])
    with_penalty = moved_by(gan, real, fake, labels)
    without = moved_by(plain, real, fake, labels)
    fresh = conditional_gan().discriminator
    with tf.GradientTape() as tape:
        value = penalties.r1(lambda images: fresh([images, labels]), real)
    expected = tape.gradient(value, fresh.trainable_variables)
    for a, b, g in zip(with_penalty, without, expected, strict=True):
        g = np.zeros_like(a) if g is None else tf.convert_to_tensor(g)
        np.testing.assert_allclose(a - b, g, rtol=2e-2, atol=2e-5)


def test_a_conditional_pair_without_labels_is_refused():
    with pytest.raises(ValueError, match="the networks take labels"):
        conditional_gan().train(POINTS, 1, progress=False)


def test_labels_for_a_generator_without_classes_are_refused():
    with pytest.raises(ValueError, match="takes none"):
        sgd_gan().sample(3, labels=[0, 1, 2])


def test_labels_out_of_range_are_refused():
    with pytest.raises(ValueError, match="from 0 to 2"):
        conditional_gan().sample(3, labels=[0, 1, 3])
