"""How the grader calls a student's function in Keras. No expected value is here."""

import keras
import numpy as np
import tensorflow as tf


def descent(rate, model):
    """Plain gradient descent for a model. It is built: a compiled step may make no variables."""
    optimizer = keras.optimizers.SGD(rate)
    optimizer.build(model.trainable_variables)
    return optimizer


def dense(weights):
    """A linear network from its kernel and bias; without a bias if there is one array."""
    inputs, outputs = np.shape(weights[0])
    layer = keras.layers.Dense(outputs, use_bias=len(weights) > 1)
    model = keras.Sequential([keras.layers.Input([inputs]), layer])
    model.set_weights(weights)
    return model


@keras.saving.register_keras_serializable("course")
class Quadratic(keras.Layer):
    """xᵀAx of each flattened image."""

    def __init__(self, matrix, **options):
        super().__init__(**options)
        self.matrix = self.add_weight(shape=matrix.shape, initializer="zeros")
        self.matrix.assign(matrix)

    def call(self, x):
        flat = keras.ops.reshape(x, [-1, self.matrix.shape[0]])
        return keras.ops.sum(keras.ops.matmul(flat, self.matrix) * flat, axis=1, keepdims=True)


def quadratic(matrix, shape):
    """A discriminator whose slope is known."""
    return keras.Sequential([keras.layers.Input(shape), Quadratic(matrix)])


def keras_step(function, kernel, bias, slope, images, latents, *, rates):
    """Makes a step of linear networks, G(z) = zW + b and D(x) = xv. Returns all their weights."""
    generator, discriminator = dense([kernel, bias]), dense([slope])
    optimizers = map(descent, rates, [generator, discriminator])
    function(generator, discriminator, *optimizers, tf.constant(images), tf.constant(latents))
    return (*generator.get_weights(), *discriminator.get_weights())


def moved_statistics(function, kernel, features, images, latents):
    """Makes a step of rate 0. Returns a running variance of batch normalisation in each network."""
    normal = [keras.layers.BatchNormalization() for _ in range(2)]
    layers = [keras.layers.Dense(w.shape[1], use_bias=False) for w in (kernel, features)]
    generator = keras.Sequential([keras.layers.Input([len(kernel)]), layers[0], normal[0]])
    discriminator = keras.Sequential(
        [keras.layers.Input([len(features)]), layers[1], normal[1], keras.layers.Dense(1)]
    )
    for layer, weights in zip(layers, (kernel, features), strict=True):
        layer.set_weights([weights])
    optimizers = [descent(0.0, generator), descent(0.0, discriminator)]
    function(generator, discriminator, *optimizers, tf.constant(images), tf.constant(latents))
    return [layer.moving_variance.numpy() for layer in normal]


def averaged(function, average, models, *, decays):
    """Updates an average by one model after the other.

    Returns:
        Its kernel, bias and running variance; and how far the models themselves moved.
    """

    def build(values):
        layers = [keras.layers.Dense(values.shape[1]), keras.layers.BatchNormalization()]
        model = keras.Sequential([keras.layers.Input([values.shape[0]]), *layers])
        layers[0].set_weights([values, values[-1]])
        layers[1].moving_variance.assign(values[0])
        return model

    mean, moved = build(average), 0.0
    for values, decay in zip(models, decays, strict=True):
        model = build(values)
        before = model.get_weights()
        function(mean, model, decay)
        pairs = zip(before, model.get_weights(), strict=True)
        moved = max(moved, *(float(np.abs(a - b).max()) for a, b in pairs))
    return (*mean.layers[0].get_weights(), mean.layers[1].moving_variance.numpy(), moved)


def with_gradient(penalty, model):
    """A penalty and its gradient with respect to the matrix of xᵀAx; NaN if there is none."""
    with tf.GradientTape() as tape:
        value = penalty()
    matrix = model.trainable_variables[0].value
    gradient = tape.gradient(value, matrix)
    return (value, np.full(matrix.shape, np.nan) if gradient is None else gradient)


def r1_of_quadratic(function, matrix, images):
    """R1 of the discriminator xᵀAx, and its gradient with respect to A."""
    model = quadratic(matrix, images.shape[1:])
    return with_gradient(lambda: function(model, tf.constant(images)), model)


def r1_of_slope(function, slope, images):
    """R1 of a linear discriminator."""
    model = keras.Sequential(
        [keras.layers.Input(images.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.set_weights([slope, np.zeros(1)])
    return function(model, tf.constant(images))


def generated(function, image_size, channels, latents):
    """Images of the student's generator at some latents."""
    return function(image_size, channels)(tf.constant(latents), training=False)


def interpolated(function, matrix, real, fake, mix):
    """The gradient penalty of the discriminator xᵀAx, and its gradient with respect to A."""
    model, arrays = quadratic(matrix, real.shape[1:]), [*map(tf.constant, (real, fake, mix))]
    return with_gradient(lambda: function(model, *arrays), model)


def r2_of_quadratic(function, matrix, kernel, bias, latents):
    """R2 of the discriminator xᵀAx and the generator zW + b, and its gradient in A."""
    model, generator = quadratic(matrix, [len(bias)]), dense([kernel, bias])
    return with_gradient(lambda: function(model, generator, tf.constant(latents)), model)


def of_logits(function, real, fake):
    """Both losses, and the gradient of each with respect to its logits."""
    real, fake = tf.Variable(real), tf.Variable(fake)
    with tf.GradientTape(persistent=True) as tape:
        losses = function(real, fake)
    return (*losses, *tape.gradient(losses[0], [real, fake]), tape.gradient(losses[1], fake))
