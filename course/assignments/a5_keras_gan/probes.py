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


def moved_statistics(function, images, latents):
    """How far the averages of batch normalisation moved in a step: in the generator and after it."""
    size, width = images.shape[1], 3
    normal = [keras.layers.BatchNormalization() for _ in range(2)]
    generator = keras.Sequential(
        [keras.layers.Input([latents.shape[1]]), keras.layers.Dense(size), normal[0]]
    )
    discriminator = keras.Sequential(
        [keras.layers.Input([size]), keras.layers.Dense(width), normal[1], keras.layers.Dense(1)]
    )
    optimizers = [descent(0.1, generator), descent(0.1, discriminator)]
    function(generator, discriminator, *optimizers, tf.constant(images), tf.constant(latents))
    return [float(np.abs(layer.moving_variance.numpy() - 1).max()) for layer in normal]


def averaged(function, average, models, *, decay):
    """Updates an average by one model after the other. Returns its weights: kernel, then variance."""

    def build(values):
        layers = [
            keras.layers.Dense(values.shape[1], use_bias=False),
            keras.layers.BatchNormalization(),
        ]
        model = keras.Sequential([keras.layers.Input([values.shape[0]]), *layers])
        layers[0].set_weights([values])
        layers[1].moving_variance.assign(values[0])
        return model

    mean = build(average)
    for values in models:
        function(mean, build(values), decay)
    return (mean.layers[0].get_weights()[0], mean.layers[1].moving_variance.numpy())


def r1_of_quadratic(function, matrix, images):
    """R1 of the discriminator xᵀAx, and its gradient with respect to A."""
    model = quadratic(matrix, images.shape[1:])
    with tf.GradientTape() as tape:
        value = function(model, tf.constant(images))
    gradient = tape.gradient(value, model.trainable_variables[0].value)
    return (value, np.full(matrix.shape, np.nan) if gradient is None else gradient)


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
    """The gradient penalty of the discriminator xᵀAx."""
    return function(quadratic(matrix, real.shape[1:]), *map(tf.constant, (real, fake, mix)))


def r2_of_quadratic(function, matrix, kernel, bias, latents):
    """R2 of the discriminator xᵀAx and the generator zW + b."""
    return function(quadratic(matrix, [len(bias)]), dense([kernel, bias]), tf.constant(latents))


def of_logits(function, real, fake):
    """Both losses, and the generator's gradient with respect to its logits."""
    real, fake = tf.constant(real), tf.Variable(fake)
    with tf.GradientTape() as tape:
        losses = function(real, fake)
    return (*losses, tape.gradient(losses[1], fake))
