"""Spectral normalisation against NumPy's singular values, in float64."""

import numpy as np
import pytest

from ganlib._tensorflow import keras, tf
from ganlib.models import dcgan, mlp, resnet, spectral

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _seeded():
    """Kernels drawn at random may have two singular values that are nearly equal."""
    keras.utils.set_random_seed(0)


def dense(units=3, **kwargs):
    kwargs = {"dtype": "float64"} | kwargs
    return spectral.SpectralNormalization(keras.layers.Dense(units, **kwargs))


def trained(model, x, passes):
    """Calls a model so often in training; compiled, because that is faster."""
    call = tf.function(lambda: model(x, training=True), autograph=False)
    outputs = None
    for _ in range(passes):
        outputs = call()
    return outputs


LAYERS = {
    "dense": (lambda: keras.layers.Dense(4), (5, 7)),
    "convolution": (lambda: keras.layers.Conv2D(4, 3), (2, 6, 6, 5)),
    "transposed": (lambda: keras.layers.Conv2DTranspose(4, 3, strides=2), (2, 3, 3, 5)),
    "embedding": (lambda: keras.layers.Embedding(6, 4), (3,)),
}


def built(name, iterations=0):
    """A normalised layer and an input of it, after some passes in training."""
    make, shape = LAYERS[name]
    keras.utils.set_random_seed(1)
    layer = spectral.SpectralNormalization(make())
    x = RNG.normal(size=shape).astype(np.float32)
    x = tf.constant(np.abs(x).astype(np.int32) if name == "embedding" else x)
    layer(x)
    trained(layer, x, iterations)
    return layer, x


def as_matrix(name, kernel):
    """Miyato et al. 2018, section 2.1: an output channel for each row, all else in columns."""
    kernel = np.asarray(kernel, np.float64)
    output_axis = 2 if name == "transposed" else -1
    return np.moveaxis(kernel, output_axis, 0).reshape(kernel.shape[output_axis], -1)


@pytest.mark.parametrize("name", LAYERS)
def test_sigma_converges_to_the_largest_singular_value_from_below(name):
    layer, _ = built(name)
    largest = np.linalg.svd(as_matrix(name, layer.layer.get_weights()[0]))[1][0]
    assert float(layer.sigma()) < largest * (1 - 1e-4)  # not there yet
    layer, _ = built(name, iterations=100)
    assert float(layer.sigma()) == pytest.approx(largest, rel=1e-5)
    normalized = as_matrix(name, layer.normalized_kernel())
    assert np.linalg.svd(normalized)[1][0] == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_the_layer_computes_with_its_kernel_divided_by_sigma(name):
    layer, x = built(name)
    kernel, *rest = layer.layer.get_weights()
    plain = LAYERS[name][0]()
    plain.build(x.shape)
    plain.set_weights([kernel / float(layer.sigma()), *rest])
    np.testing.assert_allclose(layer(x), plain(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(layer.layer.get_weights()[0], kernel)  # still as it was


@pytest.mark.parametrize("compiled", [False, True])
def test_training_makes_one_power_iteration_and_inference_none(compiled):
    """Algorithm 1 of the paper in float64: v ← Wᵀu/‖·‖, u ← Wv/‖·‖."""
    layer = dense()
    x = tf.constant(RNG.normal(size=(4, 5)))
    call = tf.function(layer, jit_compile=True, autograph=False) if compiled else layer
    call(x, training=False)
    u, w = layer.u.numpy(), layer.layer.kernel.numpy().T
    call(x, training=False)
    np.testing.assert_array_equal(layer.u, u)
    v = w.T @ u
    u = w @ (v / np.linalg.norm(v))
    u /= np.linalg.norm(u)
    outputs = call(x, training=True)
    np.testing.assert_allclose(layer.u, u, rtol=1e-6)
    expected = x @ w.T / np.linalg.norm(w.T @ u)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)
    np.testing.assert_allclose(call(x, training=False), expected, rtol=1e-6)
    np.testing.assert_allclose(layer.u, u, rtol=1e-6)


def differences(function, point, step=1e-6):
    """Central finite differences of a scalar function of an array, in float64."""
    result = np.zeros_like(point)
    for index in np.ndindex(point.shape):
        shift = np.zeros_like(point)
        shift[index] = step
        result[index] = (function(point + shift) - function(point - shift)) / (2 * step)
    return result


@pytest.mark.parametrize("compiled", [False, True])
def test_the_gradient_goes_through_sigma(compiled):
    """Finite differences of a function that takes σ from NumPy's decomposition."""
    layer, x, c = dense(use_bias=False), RNG.normal(size=(4, 5)), RNG.normal(size=(4, 3))
    layer(x)
    trained(layer, tf.constant(x), 300)

    def gradient():
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(c * tf.tanh(layer(tf.constant(x), training=True)))
        return tape.gradient(value, layer.layer.kernel.value)

    def value(kernel):
        return np.sum(c * np.tanh(x @ kernel / np.linalg.svd(kernel)[1][0]))

    expected = differences(value, layer.layer.kernel.numpy())
    actual = tf.function(gradient, jit_compile=True)() if compiled else gradient()
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-7)
    # What the kernel would gain by growing is out of it.
    assert abs(np.sum(actual * layer.layer.kernel.numpy())) < 1e-6


@pytest.mark.parametrize("compiled", [False, True])
def test_a_penalty_on_the_slope_has_the_right_gradient(compiled):
    """R1 of D(x) = c·tanh(xW/σ): ‖∇D‖² by hand, then finite differences over W."""
    layer, x, c = dense(use_bias=False), RNG.normal(size=(4, 5)), RNG.normal(size=3)
    layer(x)
    trained(layer, tf.constant(x), 300)

    def gradient():
        with tf.GradientTape() as outer:
            images = tf.constant(x)
            with tf.GradientTape() as tape:
                tape.watch(images)
                total = tf.reduce_sum(tf.tanh(layer(images, training=False)) * c)
            value = tf.reduce_sum(tape.gradient(total, images) ** 2)
        return outer.gradient(value, layer.layer.kernel.value)

    def value(kernel):
        kernel = kernel / np.linalg.svd(kernel)[1][0]
        slopes = ((1 - np.tanh(x @ kernel) ** 2) * c) @ kernel.T
        return np.sum(slopes**2)

    expected = differences(value, layer.layer.kernel.numpy())
    actual = tf.function(gradient, jit_compile=True)() if compiled else gradient()
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-7)


def test_the_slope_of_a_normalised_network_is_at_most_one():
    """‖D(x) − D(y)‖ ≤ ‖x − y‖: every layer has σ = 1 and LeakyReLU a slope of at most 1."""
    keras.utils.set_random_seed(0)
    discriminator = spectral.with_spectral_normalization(mlp.discriminator(None, 2, width=16))
    for variable in discriminator.trainable_variables:
        variable.assign(5 * variable)
    points = tf.constant(RNG.normal(size=(200, 2)), tf.float32)
    logits = trained(discriminator, points, 200).numpy()
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    assert (np.abs(logits - logits.T) <= distances * (1 + 1e-3) + 1e-6).all()
    assert np.abs(logits - logits.T).max() > 0


def test_every_start_is_the_same_and_needs_no_global_seed():
    first, second = dense(3), dense(3)
    for seed, layer in enumerate((first, second)):
        keras.utils.set_random_seed(seed)
        layer.build((None, 5))
    np.testing.assert_array_equal(first.u, second.u)
    assert np.ptp(first.u) > 0
    assert not np.array_equal(first.layer.kernel, second.layer.kernel)


def test_a_kernel_of_zeros_gives_zeros_and_finite_gradients():
    layer = dense(2, kernel_initializer="zeros")
    with tf.GradientTape() as tape:
        outputs = layer(tf.ones([3, 4], tf.float64), training=True)
        value = tf.reduce_sum(outputs)
    np.testing.assert_array_equal(outputs, 0)
    assert np.isfinite(tape.gradient(value, layer.layer.kernel.value)).all()


@pytest.mark.parametrize("inside", [False, True])
def test_sigma_is_exact_where_the_layer_computes_in_float16(inside):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = spectral.SpectralNormalization(keras.layers.Dense(3))
        model = keras.Sequential([layer]) if inside else layer
    finally:
        keras.config.set_dtype_policy("float32")
    x = tf.constant(RNG.normal(size=(4, 5)), tf.float32)
    model(x)
    outputs = trained(model, x, 100)
    assert outputs.dtype == tf.float16
    assert layer.u.dtype == layer.layer.kernel.dtype == "float32"
    largest = np.linalg.svd(layer.layer.kernel.numpy().astype(np.float64))[1][0]
    assert float(layer.sigma()) == pytest.approx(largest, rel=1e-5)
    assert np.linalg.norm(layer.u) == pytest.approx(1, rel=1e-6)  # float16 would be off by 1e-4


@pytest.mark.parametrize("name", LAYERS)
def test_shapes_are_the_layers_own(name):
    layer, x = built(name)
    assert tuple(layer.compute_output_shape(x.shape)) == layer(x).shape


def test_other_layers_are_refused():
    with pytest.raises(ValueError, match=r"received a layer of the kind ReLU; expected .*kernel"):
        spectral.SpectralNormalization(keras.layers.ReLU())


def test_a_network_is_wrapped_whole_and_keeps_its_weights():
    keras.utils.set_random_seed(0)
    plain = dcgan.discriminator(28, 1, width=2, num_classes=3)
    wrapped = spectral.with_spectral_normalization(plain)
    kernels = [v for v in plain.trainable_variables if len(v.shape) > 1]
    layers = [x for x in wrapped.layers if isinstance(x, spectral.SpectralNormalization)]
    assert len(layers) == len(kernels) == 5  # three convolutions, the logit, the class vectors
    assert [x.name for x in wrapped.layers] == [x.name for x in plain.layers]
    for a, b in zip(wrapped.trainable_variables, plain.trainable_variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_folding_keeps_the_function_and_leaves_keras_own_layers():
    keras.utils.set_random_seed(0)
    plain = resnet.generator(28, 1, 5, width=2, num_classes=3)
    generator = spectral.with_spectral_normalization(plain)
    x = [tf.random.stateless_normal([4, 5], [0, 0]), tf.constant([0, 1, 2, 1])]
    for _ in range(3):
        generator(x, training=True)
    copy = spectral.folded(generator)
    np.testing.assert_allclose(copy(x), generator(x), rtol=1e-4, atol=1e-5)
    assert {type(layer).__module__.split(".")[0] for layer in copy.layers} == {"keras"}
    assert copy.count_params() == plain.count_params()
