"""Statistics of a batch, class-conditional normalisation, heads and packing, against NumPy."""

import numpy as np
import pytest

from ganlib import losses, penalties
from ganlib._tensorflow import keras, tf
from ganlib.models import dcgan, heads, layers, mlp, packing

RNG = np.random.default_rng(0)


# ---- minibatch standard deviation ------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "group_size"), [((6, 4, 3, 2), 3), ((6, 5), 2), ((3, 2, 2, 1), 4)]
)
def test_minibatch_deviation_is_numpys(shape, group_size):
    """np.std over each group's samples, mean over the rest: Karras et al. 2018, section 3."""
    x = RNG.normal(2, 3, shape)
    outputs = layers.MinibatchStdDev(group_size)(tf.constant(x, tf.float32)).numpy()
    np.testing.assert_array_equal(outputs[..., :-1], x.astype(np.float32))
    groups = max(shape[0] // group_size, 1)
    for sample in range(shape[0]):
        expected = np.std(x[sample % groups :: groups], axis=0).mean()
        np.testing.assert_allclose(outputs[sample, ..., -1], expected, rtol=1e-5)


def test_minibatch_deviation_of_equal_samples_is_small_with_a_finite_gradient():
    x = tf.Variable(tf.ones([4, 3, 3, 2]))
    with tf.GradientTape() as tape:
        outputs = layers.MinibatchStdDev(4)(x)
        value = tf.reduce_sum(outputs)
    np.testing.assert_allclose(outputs[..., -1], 1e-4, rtol=1e-3)  # the root of ε = 1e-8
    assert np.isfinite(tape.gradient(value, x)).all()


def test_a_discriminator_with_the_statistic_sees_collapse_and_says_that_it_mixes_samples():
    keras.utils.set_random_seed(0)
    network = dcgan.discriminator(28, 1, width=2, stddev_group=4)
    image = tf.random.stateless_uniform([1, 28, 28, 1], [0, 0], -1, 1)
    others = tf.random.stateless_uniform([3, 28, 28, 1], [0, 1], -1, 1)
    equal, varied = tf.repeat(image, 4, 0), tf.concat([image, others], 0)
    assert abs(float(network(equal)[0, 0] - network(varied)[0, 0])) > 1e-6
    assert [x.mixes_samples for x in network.layers if hasattr(x, "mixes_samples")] == [True]


# ---- batch normalisation with classes --------------------------------------------------------


def test_conditional_batch_normalization_is_numpys():
    """De Vries et al. 2017: statistics of the whole batch, γ and β of the sample's class."""
    images, labels = keras.Input((4, 3, 2)), layers.label_input(3)
    model = keras.Model([images, labels], layers.batch_normalization(images, labels, 3))
    gamma, beta = RNG.normal(1, 0.5, (3, 2)), RNG.normal(0, 0.5, (3, 2))
    x, y = RNG.normal(2, 3, (5, 4, 3, 2)), np.array([2, 0, 1, 2, 0])
    for variable, start, value in zip(
        model.trainable_variables, (1, 0), (gamma, beta), strict=True
    ):
        np.testing.assert_array_equal(variable, start)  # all classes start equal
        variable.assign(value)
    outputs = model([tf.constant(x, tf.float32), tf.constant(y)], training=True)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    expected = (x - mean) / np.sqrt(variance + 1e-3)
    expected = expected * gamma[y, None, None] + beta[y, None, None]
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    averages = [v.numpy() for v in model.non_trainable_variables]  # Keras's momentum is 0.99
    np.testing.assert_allclose(averages, [0.01 * mean, 0.99 + 0.01 * variance], rtol=1e-4)
    outputs = model([tf.constant(x, tf.float32), tf.constant(y)], training=False)
    expected = (x - averages[0]) / np.sqrt(averages[1] + 1e-3)
    expected = expected * gamma[y, None, None] + beta[y, None, None]
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


# ---- heads -----------------------------------------------------------------------------------


def network(head, num_classes=3, **kwargs):
    """A discriminator of 8×8 images whose biases are not zero, its input, and its features."""
    keras.utils.set_random_seed(0)
    model = mlp.discriminator(8, 1, width=6, num_classes=num_classes, head=head, **kwargs)
    for variable in model.trainable_variables:
        variable.assign(RNG.normal(0, 0.4, variable.shape))
    images = tf.constant(RNG.uniform(-1, 1, (4, 8, 8, 1)), tf.float32)
    last = [x for x in model.layers if isinstance(x, keras.layers.LeakyReLU)][-1]
    features = keras.Model(model.inputs[0], last.output)(images).numpy().astype(np.float64)
    return model, images, features


def affine(model, name, features):
    kernel, bias = (v.numpy() for v in model.get_layer(name).weights)
    return features @ kernel + bias


def test_projection_adds_the_product_with_the_vector_of_the_class():
    """Miyato and Koyama 2018: ψ(φ) + v_y·φ."""
    model, images, features = network(heads.projection)
    labels = np.array([2, 0, 1, 2])
    vectors = model.get_layer("class_vectors").get_weights()[0]
    expected = affine(model, "unconditional_logits", features)[:, 0]
    expected += np.einsum("nf,nf->n", vectors[labels], features)
    outputs = model([images, tf.constant(labels)])
    np.testing.assert_allclose(outputs[:, 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("num_classes", [None, 3])
def test_feature_matching_gives_what_the_logits_are_made_of(num_classes):
    model, images, features = network(heads.feature_matching, num_classes)
    outputs = model(images if num_classes is None else [images, tf.zeros(4, tf.int32)])
    assert set(outputs) == {"logits", "features"}
    np.testing.assert_allclose(outputs["features"], features, rtol=1e-4, atol=1e-5)
    if num_classes is None:
        expected = affine(model, "logits", features)
        np.testing.assert_allclose(outputs["logits"], expected, rtol=1e-4, atol=1e-5)


def test_auxiliary_classifier_is_a_second_layer_on_the_same_features():
    model, images, features = network(heads.auxiliary_classifier)
    outputs = model(images)
    assert set(outputs) == {"logits", "class_logits", "features"}
    for name in ("logits", "class_logits"):
        expected = affine(model, name, features)
        np.testing.assert_allclose(outputs[name], expected, rtol=1e-4, atol=1e-5)
    assert outputs["class_logits"].shape == (4, 3)


def test_semi_supervised_outputs_are_one_softmax_over_k_plus_one_classes():
    """Salimans et al. 2016, section 5: the logit of "generated" is 0; p(real) is all the rest."""
    model, images, _ = network(heads.semi_supervised)
    outputs = model(images)
    weights = np.exp(np.pad(outputs["class_logits"].numpy().astype(np.float64), ((0, 0), (0, 1))))
    probabilities = weights / weights.sum(1, keepdims=True)
    odds = tf.sigmoid(outputs["logits"])[:, 0]
    np.testing.assert_allclose(odds, 1 - probabilities[:, -1], rtol=1e-5)
    trained = {v.path.split("/")[-2] for v in model.trainable_variables}
    assert "class_logits" in trained
    assert "logits" not in trained


@pytest.mark.parametrize("head", [heads.auxiliary_classifier, heads.semi_supervised])
def test_heads_that_classify_need_classes(head):
    with pytest.raises(ValueError, match=r"num_classes=None with heads.*expected.*num_classes=10"):
        mlp.discriminator(8, 1, head=head)


# ---- packing ---------------------------------------------------------------------------------


def test_a_pack_is_neighbours_laid_on_top_of_each_other():
    images = RNG.integers(0, 9, (6, 4, 3, 2)).astype(np.float32)
    expected = [np.concatenate(images[i : i + 3], axis=-1) for i in (0, 3)]
    np.testing.assert_array_equal(packing.Pack(3)(tf.constant(images)), expected)
    points = images[:, 0, 0]
    np.testing.assert_array_equal(packing.Pack(2)(tf.constant(points)), points.reshape(3, 4))


@pytest.mark.parametrize("compiled", [False, True])
def test_losses_and_penalties_work_on_a_packed_discriminator(compiled):
    """D is linear, so ∇ at an image is its part of the weights, whose squares add up to ‖w‖²."""
    inside = keras.Sequential([keras.Input((3 * 2,)), keras.layers.Dense(1, use_bias=False)])
    discriminator = packing.packed(inside, num_packed=3)
    real, fake = (tf.constant(RNG.normal(size=(6, 2)), tf.float32) for _ in range(2))
    call = tf.function(discriminator, jit_compile=True) if compiled else discriminator
    logits = call(real), call(fake)
    weights = inside.get_weights()[0]
    for images, values in zip((real, fake), logits, strict=True):
        expected = images.numpy().reshape(2, 6) @ weights
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)
    for loss in (losses.non_saturating, losses.relativistic):
        assert np.isfinite(float(loss.discriminator(*logits)))
        assert np.isfinite(float(loss.generator(*logits)))
    expected = 0.5 * np.sum(weights.astype(np.float64) ** 2) / 3
    assert float(penalties.r1(discriminator, real)) == pytest.approx(expected, rel=1e-5)
    assert any(getattr(x, "mixes_samples", False) for x in discriminator._flatten_layers())


def test_a_packed_discriminator_is_saved_whole(tmp_path):
    inside = dcgan.discriminator(28, 2, width=2, head=heads.feature_matching)
    discriminator = packing.packed(inside, 2)
    images = tf.random.stateless_uniform([4, 28, 28, 1], [0, 0], -1, 1)
    outputs = discriminator(images)
    assert outputs["logits"].shape == (2, 1)
    discriminator.save(tmp_path / "packed.keras")
    again = keras.models.load_model(tmp_path / "packed.keras", compile=False)(images)
    for name in outputs:
        np.testing.assert_allclose(again[name], outputs[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.MinibatchStdDev(0), "group_size=0; expected an integer"),
        (
            lambda: layers.MinibatchStdDev(4)(tf.ones([6, 2])),
            "6 samples; expected a multiple of 4",
        ),
        (
            lambda: packing.Pack(2)(tf.ones([3, 2])),
            "3 samples; expected a multiple of 2",
        ),
        (
            lambda: packing.packed(mlp.discriminator(8, 3), 2),
            "for 3 channels; expected .*num_packed=2",
        ),
        (lambda: packing.packed(mlp.discriminator(8, 2, num_classes=3), 2), "without labels"),
        (lambda: mlp.discriminator(8, 2, num_classes=-1), "num_classes=-1; expected an integer"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
