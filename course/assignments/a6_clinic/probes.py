"""How the grader calls a student's training step in Keras. No expected value is here."""

import keras
import tensorflow as tf


def descent(rate, model):
    """Plain gradient descent for a model. It is built: a compiled step may make no variables."""
    optimizer = keras.optimizers.SGD(rate)
    optimizer.build(model.trainable_variables)
    return optimizer


def dense(weights):
    """A linear network from its kernel and bias; without a bias if there is one array."""
    inputs, outputs = weights[0].shape
    layer = keras.layers.Dense(outputs, use_bias=len(weights) > 1)
    model = keras.Sequential([keras.layers.Input([inputs]), layer])
    model.set_weights(weights)
    return model


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
