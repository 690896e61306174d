"""Recipes of others that run on TensorFlow, for colour images of 32 pixels.

What `benchmarks.peers_keras` says of its own holds for these.
"""

from benchmarks import peers_keras
from ganlib._tensorflow import keras, tf

layers = keras.layers


class TensorFlowTutorial(peers_keras.TensorFlowTutorial):
    """TensorFlow's DCGAN tutorial with a first grid of 8 × 8 for its 7 × 7, and three colours."""

    side, channels = 8, 3


class KerasDCGAN(peers_keras.KerasPeer):
    """Keras's DCGAN example for faces, with one doubling fewer; pixels in [0, 1].

    Its labels are 1 for generated images, and noise of up to 0.05 is added to all labels.
    """

    title = "keras.io DCGAN example"
    source = "https://keras.io/examples/generative/dcgan_overriding_train_step"
    batch_size, latent_dim, learning_rate, lowest = 32, 128, 1e-4, 0.0
    levels = (128, 256)  # the example has one of 512 more, for 64 pixels

    def build(self):
        """Returns the networks."""
        slope, even = {"negative_slope": 0.2}, {"strides": 2, "padding": "same"}
        generator = [
            keras.Input((self.latent_dim,)),
            layers.Dense(8 * 8 * 128),
            layers.Reshape((8, 8, 128)),
        ]
        for filters in self.levels:
            generator.append(layers.Conv2DTranspose(filters, 4, **even))
            generator.append(layers.LeakyReLU(**slope))
        generator.append(layers.Conv2D(3, 5, padding="same", activation="sigmoid"))
        side = 8 * 2 ** len(self.levels)
        discriminator = [keras.Input((side, side, 3))]
        for filters in (64, 128, 128):
            discriminator.append(layers.Conv2D(filters, 4, **even))
            discriminator.append(layers.LeakyReLU(**slope))
        discriminator += [layers.Flatten(), layers.Dropout(0.2)]
        discriminator.append(layers.Dense(1, activation="sigmoid"))
        return keras.Sequential(generator), keras.Sequential(discriminator)

    def step(self, real):
        """The discriminator on both batches at once, then the generator on new latents."""
        cross_entropy = keras.losses.BinaryCrossentropy()
        shape = [self.batch_size, self.latent_dim]
        fake = self.generator(tf.random.normal(shape))
        labels = tf.repeat([1.0, 0.0], self.batch_size)[:, None]
        labels += 0.05 * tf.random.uniform(tf.shape(labels))
        weights = self.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            loss = cross_entropy(labels, self.discriminator(tf.concat([fake, real], 0)))
        gradients = tape.gradient(loss, weights)
        self.optimizers[1].apply_gradients(zip(gradients, weights, strict=True))
        weights = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            judged = self.discriminator(self.generator(tf.random.normal(shape)))
            loss = cross_entropy(tf.zeros_like(judged), judged)
        gradients = tape.gradient(loss, weights)
        self.optimizers[0].apply_gradients(zip(gradients, weights, strict=True))
