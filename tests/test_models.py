"""One contract for every pair, over sizes and channels."""

import numpy as np
import pytest

from ganlib import data
from ganlib._tensorflow import keras, tf
from ganlib.models import dcgan, layers, mlp

SIZES = [
    *((dcgan, size, channels) for size in (28, 32, 64, 128) for channels in (1, 3)),
    *((mlp, size, channels) for size in (8, 28) for channels in (1, 3)),
    (mlp, None, 1),
    (mlp, None, 2),
]


def build(module, size, channels, width=2):
    keras.utils.set_random_seed(0)
    return (
        module.generator(size, channels, latent_dim=5, width=width),
        module.discriminator(size, channels, width=width),
    )


@pytest.mark.parametrize(("module", "size", "channels"), SIZES)
def test_shapes_dtypes_and_ranges(module, size, channels):
    generator, discriminator = build(module, size, channels)
    sample_shape = (channels,) if size is None else (size, size, channels)
    images = generator(10 * tf.random.stateless_normal([3, 5], [0, 0]), training=True)
    logits = discriminator(images, training=True)
    assert generator.input_shape == (None, 5)
    assert images.shape == (3, *sample_shape)
    assert discriminator.input_shape == (None, *sample_shape)
    assert logits.shape == (3, 1)
    assert images.dtype == logits.dtype == tf.float32
    if size is not None:
        assert float(tf.reduce_max(tf.abs(images))) <= 1.0


@pytest.mark.parametrize(("module", "size", "channels"), SIZES)
def test_every_weight_has_a_gradient_and_variables_have_no_hidden_randomness(
    module, size, channels
):
    generator, discriminator = build(module, size, channels)
    with tf.GradientTape(persistent=True) as tape:
        logits = discriminator(generator(tf.ones([2, 5]), training=True), training=True)
        total = tf.reduce_sum(logits)
    for model in (generator, discriminator):
        gradients = tape.gradient(total, model.trainable_variables)
        assert all(g is not None for g in gradients)
        assert all(v.dtype == "float32" for v in model.variables)  # no seed states


def test_points_are_not_squashed_and_images_are():
    points, _ = build(mlp, None, 2)
    assert points.layers[-2].activation is keras.activations.linear
    images, _ = build(mlp, 8, 1)
    assert images.layers[-2].activation is keras.activations.tanh


def test_dcgan_starts_from_the_papers_weights():
    """N(0, 0.02²), Radford et al. 2016, section 4: the sample deviation of n draws."""
    generator, discriminator = build(dcgan, 32, 3, width=16)
    for model in (generator, discriminator):
        kernels = [v.numpy().ravel() for v in model.trainable_variables if len(v.shape) > 1]
        for kernel in kernels:
            tolerance = 5 * 0.02 / np.sqrt(2 * kernel.size)  # five standard errors
            assert abs(kernel.std() - 0.02) < tolerance
    first, second = [v.numpy() for v in discriminator.trainable_variables if len(v.shape) == 4][:2]
    assert not np.array_equal(first.ravel()[:10], second.ravel()[:10])


def test_dcgan_kernels_are_multiples_of_their_strides():
    """Otherwise outputs are covered unevenly and show a checkerboard (Odena et al. 2016)."""
    generator, _ = build(dcgan, 64, 3)
    doubling = [x for x in generator.layers if isinstance(x, keras.layers.Conv2DTranspose)]
    assert len(doubling) == 3
    assert all(x.kernel_size == (4, 4) and x.strides == (2, 2) for x in doubling)


def test_dcgan_width_scales_the_number_of_channels():
    narrow, wide = (dcgan.discriminator(28, 1, width=w) for w in (4, 8))
    filters = [[x.filters for x in m.layers if hasattr(x, "filters")] for m in (narrow, wide)]
    assert filters == [[4, 8, 16], [8, 16, 32]]


def test_a_discriminator_scores_each_sample_by_itself():
    for module, size, channels in ((dcgan, 28, 1), (mlp, 8, 3)):
        _, discriminator = build(module, size, channels)
        images = np.random.default_rng(0).integers(0, 256, (4, size, size, channels), np.uint8)
        images = data.to_model_range(images)
        together = discriminator(images, training=True).numpy()
        alone = np.concatenate([discriminator(x[None], training=True) for x in images])
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dcgan.generator(48, 1, 8), r"image_size must be one of \[28, 32, 64, 128\].*48"),
        (lambda: dcgan.discriminator(28, 2), "channels must be 1 .* or 3 .* is 2"),
        (lambda: dcgan.generator(28, 1, 0), "latent_dim must be a positive integer, but is 0"),
        (lambda: dcgan.discriminator(28, 1, width=1.5), "width must be a positive integer.*1.5"),
        (lambda: mlp.generator(8, 0, 4), "channels must be a positive integer, but is 0"),
        (lambda: mlp.discriminator(-8, 1), "image_size must be a positive integer, but is -8"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("shape", [(8, 5, 3, 4), (2, 1, 1, 3)])
def test_fused_batch_normalization_is_keras_own(shape):
    """Values, gradients and moving averages against keras.layers.BatchNormalization."""
    inputs = tf.constant(np.random.default_rng(0).normal(2, 3, shape), tf.float32)
    weights = [np.random.default_rng(1).uniform(0.5, 2, shape[-1]) for _ in range(4)]
    results = []
    for layer in (layers.FusedBatchNormalization(), keras.layers.BatchNormalization()):
        layer.build(shape)
        layer.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = tf.reduce_sum(tf.tanh(layer(inputs, training=True)) ** 2)
        sources = [inputs, layer.gamma.value, layer.beta.value]
        results.append([total, *tape.gradient(total, sources), *layer.get_weights()])
        results[-1].append(layer(inputs, training=False))
    for fused, plain in zip(*results, strict=True):
        np.testing.assert_allclose(fused, plain, rtol=1e-4, atol=1e-5)


def test_the_plain_copy_is_the_same_function_of_keras_own_layers():
    generator, _ = build(dcgan, 28, 1)
    generator(tf.random.stateless_normal([8, 5], [0, 0]), training=True)  # moves the averages
    copy = layers.with_plain_batch_normalization(generator)
    latents = tf.random.stateless_normal([3, 5], [0, 1])
    np.testing.assert_allclose(copy(latents), generator(latents), rtol=1e-5, atol=1e-7)
    assert {type(layer).__module__.split(".")[0] for layer in copy.layers} == {"keras"}
