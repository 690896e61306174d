"""One contract for every pair, over sizes, channels and conditioning."""

import numpy as np
import pytest

from ganlib import data
from ganlib._tensorflow import keras, tf
from ganlib.models import dcgan, fast, heads, mlp, resnet, spectral

NUM_CLASSES = 3
# Every architecture, size, number of channels, with and without classes.
CASES = [
    (module, size, channels, num_classes)
    for module, sizes, all_channels in (
        (dcgan, (28, 32, 64, 128), (1, 3)),
        (resnet, (28, 32, 64, 128), (1, 3)),
        (mlp, (8, 28), (1, 3)),
        (mlp, (None,), (1, 2)),
    )
    for size in sizes
    for channels in all_channels
    for num_classes in (None, NUM_CLASSES)
]
LABELS = tf.constant([0, 2, 1], tf.int32)


def build(module, size, channels, num_classes=None, width=2, **kwargs):
    keras.utils.set_random_seed(0)
    return (
        module.generator(size, channels, 5, width=width, num_classes=num_classes),
        module.discriminator(size, channels, width=width, num_classes=num_classes, **kwargs),
    )


def inputs(x, labels, num_classes):
    return x if num_classes is None else [x, labels]


def moved(model):
    """Moves every variable off its initial value, as training would: labels start without say."""
    for index, variable in enumerate(model.trainable_variables):
        noise = tf.random.stateless_normal(variable.shape, [1, index])
        variable.assign(variable + 0.3 * noise)


@pytest.mark.parametrize(("module", "size", "channels", "num_classes"), CASES)
def test_pair_keeps_the_contract(module, size, channels, num_classes):
    generator, discriminator = build(module, size, channels, num_classes)
    sample_shape = (channels,) if size is None else (size, size, channels)
    shapes = [(None, 5), (None, *sample_shape)]
    for model, shape in zip((generator, discriminator), shapes, strict=True):
        assert model.input_shape == inputs(shape, (None,), num_classes)
    latents = 10 * tf.random.stateless_normal([3, 5], [0, 0])
    with tf.GradientTape() as tape:
        images = generator(inputs(latents, LABELS, num_classes), training=True)
        logits = discriminator(inputs(images, LABELS, num_classes), training=True)
        total = tf.reduce_sum(logits)
    assert images.shape == (3, *sample_shape)
    assert logits.shape == (3, 1)
    assert images.dtype == logits.dtype == tf.float32
    assert np.isfinite(images).all()
    assert np.isfinite(logits).all()
    if size is not None:
        assert float(tf.reduce_max(tf.abs(images))) <= 1.0
    variables = [*generator.trainable_variables, *discriminator.trainable_variables]
    for gradient in tape.gradient(total, variables):
        assert gradient is not None
        assert np.isfinite(tf.convert_to_tensor(gradient)).all()
    # No seed states: nothing that is random when called.
    states = [*generator.variables, *discriminator.variables]
    assert all(v.dtype == "float32" for v in states)


@pytest.mark.parametrize(
    ("module", "size", "kwargs"),
    [
        (mlp, None, {"head": heads.semi_supervised}),
        (dcgan, 28, {"stddev_group": 3}),
        (dcgan, 64, {"head": heads.auxiliary_classifier}),
        (resnet, 28, {"spectral_norm": True, "head": heads.feature_matching}),
        (resnet, 32, {"spectral_norm": True}),
    ],
)
def test_a_saved_network_is_the_same_function_and_labels_matter_to_it(
    module, size, kwargs, tmp_path
):
    pair = build(module, size, 1, NUM_CLASSES, width=4, **kwargs)
    arguments = [
        tf.random.stateless_normal([3, 5], [0, 1]),
        tf.random.stateless_uniform([3, *pair[0].output_shape[1:]], [0, 2], -1, 1),
    ]
    for model, x in zip(pair, arguments, strict=True):
        moved(model)
        takes_labels = len(model.inputs) > 1
        x = [x, LABELS] if takes_labels else x
        outputs = model(x)
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras", compile=False)(x)
        for a, b in zip(tf.nest.flatten(outputs), tf.nest.flatten(again), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        if takes_labels:
            others = model([x[0], (LABELS + 1) % NUM_CLASSES])
            a, b = (o["logits"] if isinstance(o, dict) else o for o in (outputs, others))
            assert (np.abs(a - b).reshape(3, -1).max(1) > 1e-3).all()


@pytest.mark.parametrize("module", [dcgan, resnet])
def test_a_conditional_generator_needs_no_code_of_ganlibs(module):
    generator, _ = build(module, 28, 1, NUM_CLASSES)
    moved(generator)
    generator([tf.ones([3, 5]), LABELS], training=True)  # moves the averages
    copy = spectral.folded(generator)
    assert {type(x).__module__.split(".")[0] for x in copy.layers} == {"keras"}
    x = [tf.random.stateless_normal([3, 5], [0, 1]), LABELS]
    np.testing.assert_allclose(copy(x), generator(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("module", "size", "kwargs"),
    [
        (mlp, None, {"head": heads.semi_supervised}),
        (dcgan, 28, {"stddev_group": 3}),
        pytest.param(resnet, 28, {"spectral_norm": True}, marks=pytest.mark.slow),
    ],
)
def test_xla_compiles_the_pair_to_the_same_function(module, size, kwargs):
    def fake_outputs(pair):
        generator, discriminator = pair
        images = generator([tf.ones([3, 5]), LABELS], training=True)
        takes_labels = len(discriminator.inputs) > 1
        outputs = discriminator([images, LABELS] if takes_labels else images, training=True)
        return tf.nest.flatten(outputs)

    plain, compiled = (build(module, size, 1, NUM_CLASSES, **kwargs) for _ in range(2))
    expected = fake_outputs(plain)
    actual = tf.function(lambda: fake_outputs(compiled), jit_compile=True, autograph=False)()
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("module", "policy"),
    [(mlp, "mixed_bfloat16"), (dcgan, "mixed_float16"), (resnet, "mixed_float16")],
)
def test_half_precision_ends_in_single(module, policy):
    keras.config.set_dtype_policy(policy)
    try:
        generator, discriminator = build(module, 28, 1, NUM_CLASSES, head=heads.feature_matching)
    finally:
        keras.config.set_dtype_policy("float32")
    images = generator([tf.ones([3, 5]), LABELS], training=True)
    outputs = discriminator([images, LABELS], training=True)
    for tensor in (images, *outputs.values()):
        assert tensor.dtype == tf.float32
        assert np.isfinite(tensor).all()
    assert generator.layers[3].compute_dtype == policy.removeprefix("mixed_")


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


def test_the_widest_residual_pair_is_the_papers():
    """The channels of Miyato and Koyama's code for 128 pixels, block by block, for ch = 4."""
    generator, discriminator = build(resnet, 128, 3, width=4)
    sums = [
        [x.output.shape[1:] for x in m.layers if isinstance(x, keras.layers.Add)]
        for m in (generator, discriminator)
    ]
    sides, filters = (8, 16, 32, 64, 128), (64, 32, 16, 8, 4)
    assert sums[0] == [(s, s, f) for s, f in zip(sides, filters, strict=True)]
    sides, filters = (64, 32, 16, 8, 4, 4), (4, 8, 16, 32, 64, 64)
    assert sums[1] == [(s, s, f) for s, f in zip(sides, filters, strict=True)]
    filters = [[x.filters for x in convolutions(m)[1]] for m in (generator, discriminator)]
    assert filters[0] == [64, 64, 32, 32, 16, 16, 8, 8, 4, 4, 3]
    assert filters[1] == [4, 4, 4, 8, 8, 16, 16, 32, 32, 64, 64, 64]


def relu(x):
    return np.maximum(x, 0)


def convolve(x, layer):
    """A 3×3 or 1×1 convolution with zeros around, as a sum over the kernel's places."""
    kernel, *bias = (v.numpy().astype(np.float64) for v in layer.weights)
    margin, (side, width) = len(kernel) // 2, x.shape[1:3]
    x = np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    places = np.ndindex(kernel.shape[:2])
    total = sum(x[:, i : i + side, j : j + width] @ kernel[i, j] for i, j in places)
    return total + bias[0] if bias else total


def pool(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def upsample(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def convolutions(model):
    """The 1×1 and the 3×3 convolutions, each in the order in which they are applied."""
    found = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    return [iter([x for x in found if x.kernel_size == (side, side)]) for side in (1, 3)]


def test_the_residual_discriminator_is_the_papers():
    """Its function in NumPy, from the figures of Miyato and Koyama 2018: pre-activation blocks."""
    _, discriminator = build(resnet, 28, 3)
    moved(discriminator)
    shortcuts, others = convolutions(discriminator)
    x = images = np.random.default_rng(0).uniform(-1, 1, (2, 28, 28, 3))
    for first in (True, False):
        h = convolve(x if first else relu(x), next(others))
        x = pool(convolve(relu(h), next(others))) + pool(convolve(x, next(shortcuts)))
    h = convolve(relu(x), next(others))
    x = convolve(relu(h), next(others)) + x
    kernel, bias = discriminator.get_layer("logits").get_weights()
    expected = relu(x).sum((1, 2)) @ kernel + bias
    outputs = discriminator(images.astype(np.float32))
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4)


def test_the_residual_generator_is_the_papers():
    """Its function in NumPy before training, when each normalisation divides by √(1 + 0.001)."""

    def normalized(x):
        return x / np.sqrt(1 + 1e-3)

    generator, _ = build(resnet, 28, 3)
    shortcuts, others = convolutions(generator)
    latents = np.random.default_rng(0).normal(size=(2, 5))
    x = (latents @ generator.layers[1].kernel.numpy()).reshape(2, 7, 7, -1)
    for _ in range(2):
        h = convolve(upsample(relu(normalized(x))), next(others))
        h = convolve(relu(normalized(h)), next(others))
        x = h + convolve(upsample(x), next(shortcuts))
    expected = np.tanh(convolve(relu(normalized(x)), next(others)))
    outputs = generator(latents.astype(np.float32))
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


def test_dcgan_convolves_its_first_grid_as_often_as_asked():
    generators = [dcgan.generator(28, 1, 8, width=2, num_residuals=n) for n in (0, 2)]
    counts = [generator.count_params() for generator in generators]
    # 8 channels: a kernel of 3·3·8·8 and the four numbers a channel of a normalisation, twice
    assert counts[1] - counts[0] == 2 * (9 * 8 * 8 + 4 * 8)
    shapes = [layer.output.shape[1:3] for layer in generators[1].layers if "conv2d" in layer.name]
    assert shapes == [(7, 7), (7, 7), (14, 14), (28, 28)]


def test_residuals_of_zeros_leave_the_plain_generator():
    plain, residual = (dcgan.generator(28, 1, 8, width=2, num_residuals=n) for n in (0, 2))
    dense, *rest = residual.get_weights()
    for kernel in (rest[4], rest[9]):  # each after the four numbers of its normalisation
        assert kernel.shape == (3, 3, 8, 8)
        kernel[:] = 0
    residual.set_weights([dense, *rest])
    plain.set_weights([dense, *rest[10:]])
    latents = tf.random.stateless_normal([4, 8], [0, 0])
    np.testing.assert_allclose(residual(latents), plain(latents), rtol=1e-5, atol=1e-7)


def test_dcgan_width_scales_the_number_of_channels():
    narrow, wide = (dcgan.discriminator(28, 1, width=w) for w in (4, 8))
    filters = [[x.filters for x in m.layers if hasattr(x, "filters")] for m in (narrow, wide)]
    assert filters == [[4, 8, 16], [8, 16, 32]]


def test_a_discriminator_scores_each_sample_by_itself():
    for module, size, channels in ((dcgan, 28, 1), (mlp, 8, 3), (resnet, 28, 3)):
        _, discriminator = build(module, size, channels)
        images = np.random.default_rng(0).integers(0, 256, (4, size, size, channels), np.uint8)
        images = data.to_model_range(images)
        together = discriminator(images, training=True).numpy()
        alone = np.concatenate([discriminator(x[None], training=True) for x in images])
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dcgan.generator(48, 1, 8), "image_size=48; expected 28, 32, 64 or 128. Resize"),
        (lambda: resnet.generator(14, 1, 8), "image_size=14; expected 28, 32, .* Resize"),
        (lambda: dcgan.generator(28, 2, 8), "channels=2; expected 1 or 3. Pass 1 for grey"),
        (lambda: resnet.discriminator(28, 0), "channels=0; expected an integer of at least 1"),
        (lambda: dcgan.generator(28, 1, 8, num_classes=0), "num_classes=0; expected an integer"),
        (lambda: dcgan.generator(28, 1, 8, num_residuals=-1), "num_residuals=-1; expected"),
        (lambda: dcgan.generator(28, 1, 0), "latent_dim=0; expected an integer"),
        (lambda: dcgan.discriminator(28, 1, width=1.5), "width=1.5; expected an integer"),
        (lambda: mlp.generator(8, 0, 4), "channels=0; expected an integer of at least 1"),
        (lambda: mlp.discriminator(-8, 1), "image_size=-8; expected an integer"),
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
    for layer in (fast.FusedBatchNormalization(), keras.layers.BatchNormalization()):
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


@pytest.mark.parametrize(
    ("shape", "filters", "kernel", "settings"),
    [
        # to few channels
        ((9, 7, 5), 2, 3, {}),
        ((9, 7, 5), 1, 5, {}),
        ((9, 7, 5), 3, 1, {}),
        # from few
        ((8, 6, 1), 5, 4, {"strides": 2}),
        ((4, 10, 3), 6, 4, {"strides": 2}),
        # what is left to Keras
        ((9, 7, 5), 2, 4, {}),
        ((9, 7, 5), 2, 3, {"strides": 2}),
        ((9, 7, 5), 2, 3, {"padding": "valid"}),
        ((9, 7, 5), 6, 3, {}),
        ((9, 7, 1), 5, 4, {"strides": 2}),
        ((8, 6, 5), 3, 4, {"strides": 2}),
    ],
)
def test_narrow_convolution_is_keras_own(shape, filters, kernel, settings):
    """Values, gradients and second derivatives against keras.layers.Conv2D."""
    settings = {"padding": "same", "activation": "tanh"} | settings
    inputs = tf.constant(np.random.default_rng(0).normal(size=(3, *shape)), tf.float32)
    results = []
    for kind in (fast.NarrowConv2D, keras.layers.Conv2D):
        layer = kind(filters, kernel, **settings)
        layer.build(inputs.shape)
        layer.set_weights(
            [np.random.default_rng(1).normal(size=w.shape) / 9 for w in layer.get_weights()]
        )
        sources = [inputs, *(v.value for v in layer.trainable_variables)]
        with tf.GradientTape() as outer:
            outer.watch(inputs)
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                total = tf.reduce_sum(layer(inputs) ** 2)
            gradients = tape.gradient(total, sources)
            squares = tf.add_n([tf.reduce_sum(g**2) for g in gradients])
        results.append([layer(inputs), *gradients, *outer.gradient(squares, sources)])
    for narrow, plain in zip(*results, strict=True):
        scale = np.abs(plain).max()  # of terms that cancel
        np.testing.assert_allclose(narrow, plain, rtol=1e-3, atol=2e-6 * scale)


def test_the_plain_copy_is_the_same_function_of_keras_own_layers():
    generator, _ = build(dcgan, 28, 1)
    generator(tf.random.stateless_normal([8, 5], [0, 0]), training=True)  # moves the averages
    copy = fast.with_plain_layers(generator)
    latents = tf.random.stateless_normal([3, 5], [0, 1])
    np.testing.assert_allclose(copy(latents), generator(latents), rtol=1e-5, atol=1e-7)
    assert {type(layer).__module__.split(".")[0] for layer in copy.layers} == {"keras"}
