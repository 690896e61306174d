"""Recipes of others that run on TensorFlow, from their published networks and hyper-parameters.

Each is compiled as its authors do (one `tf.function` a step). To their advantage, the data set
lies in memory and its batches are gathered inside the compiled step, without their input pipelines,
and losses are not tracked. Nothing is resized: a network that exists only for 32 × 32 pixels sees
images with two black pixels around, and its samples lose them again.
"""

import numpy as np

from ganlib._tensorflow import keras, tf

_SAMPLING_BATCH = 500
layers = keras.layers


class KerasPeer:
    """The common part: batches in random order, samples, and the state of a run.

    A peer sets the attributes below, builds its networks in ``build`` and trains in ``step``.

    Attributes:
        title: how figures name it.
        source: where its networks and hyper-parameters are published.
        batch_size, latent_dim, learning_rate, beta_1: as published.
        lowest: what black is for it: −1 after tanh, 0 after a sigmoid.
        border: black pixels around the images.

    Args:
        images: uint8 array (n, side, side, channels).
        factor: what the published learning rates are multiplied by.
        seed: of the weights and the order.
    """

    beta_1, lowest, border = 0.9, -1.0, 0

    def __init__(self, images, factor=1.0, seed=0):
        # ganlib switches two of TensorFlow's optimisations off; a peer has TensorFlow's defaults.
        tf.config.optimizer.set_experimental_options(
            {"dependency_optimization": True, "remapping": True}
        )
        keras.utils.set_random_seed(seed)
        self._rng, self.steps = np.random.default_rng(seed), 0
        pad = ((0, 0), (self.border,) * 2, (self.border,) * 2, (0, 0))
        scaled = np.pad(images, pad).astype(np.float32) / 255
        self.images = tf.constant(self.lowest + (1 - self.lowest) * scaled)
        self.generator, self.discriminator = self.build()
        self.optimizers = []
        for model in (self.generator, self.discriminator):
            rate = factor * self.learning_rate
            self.optimizers.append(keras.optimizers.Adam(rate, beta_1=self.beta_1))
            self.optimizers[-1].build(model.trainable_variables)
        self._step = tf.function(lambda indices: self.step(tf.gather(self.images, indices)))
        self._draw = tf.function(lambda z: self.sampled()(z, training=False), reduce_retracing=True)

    def sampled(self):
        """Returns the network from which its authors draw samples."""
        return self.generator

    def update(self, tape, losses):
        """Applies the gradients of both losses, each to its own network."""
        models = (self.generator, self.discriminator)
        for loss, model, optimizer in zip(losses, models, self.optimizers, strict=True):
            weights = model.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    def train(self, pause):
        """Trains until ``pause(steps)``, called after each step, returns True."""
        while True:
            order = self._rng.permutation(len(self.images)).astype(np.int32)
            for start in range(0, len(order) - self.batch_size + 1, self.batch_size):
                self._step(tf.constant(order[start : start + self.batch_size]))
                self.steps += 1
                if pause(self.steps):
                    return

    def sample(self, num_images, seed=0):
        """Returns uint8 images (num_images, side, side, channels)."""
        latents = np.random.default_rng(seed).normal(size=(num_images, self.latent_dim))
        parts = [
            self._draw(tf.constant(latents[i : i + _SAMPLING_BATCH], tf.float32)).numpy()
            for i in range(0, num_images, _SAMPLING_BATCH)
        ]
        images = (np.concatenate(parts) - self.lowest) / (1 - self.lowest)
        inside = slice(self.border, images.shape[1] - self.border)
        images = np.nan_to_num(images[:, inside, inside])  # of a run that has diverged
        return np.rint(255 * np.clip(images, 0, 1)).astype(np.uint8)

    def warm_up(self):
        """Traces the step, so that a run that goes on is not charged for it twice."""
        self._step(tf.range(self.batch_size))

    def variables(self):
        """Returns all variables of a run."""
        parts = [self.generator, self.discriminator, *self.optimizers]
        return [variable for part in parts for variable in part.variables]

    def synchronise(self):
        """Waits until the device has done all steps."""
        tf.test.experimental.sync_devices()

    def save(self, folder):
        """Writes the state of the run."""
        arrays = [np.asarray(variable) for variable in self.variables()]
        np.savez(folder / "variables.npz", *arrays, steps=self.steps)

    def restore(self, folder):
        """Takes a written state over."""
        with np.load(folder / "variables.npz") as archive:
            self.steps = int(archive["steps"])
            for i, variable in enumerate(self.variables()):
                variable.assign(archive[f"arr_{i}"])


def _cross_entropy(label, logits):
    return tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), label), logits)
    )


class TensorFlowTutorial(KerasPeer):
    """TensorFlow's DCGAN tutorial: kernels of 5, dropout, one forward pass for both updates."""

    title = "TensorFlow DCGAN tutorial"
    source = "https://www.tensorflow.org/tutorials/generative/dcgan"
    batch_size, latent_dim, learning_rate = 256, 100, 1e-4
    side, channels = 7, 1  # of the first grid, and of an image, whose side is four times that

    def build(self):
        """Returns the networks."""
        up = {"padding": "same", "use_bias": False}
        slope = {"negative_slope": 0.3}  # what LeakyReLU() is
        generator = keras.Sequential(
            [
                keras.Input((100,)),
                layers.Dense(self.side**2 * 256, use_bias=False),
                layers.BatchNormalization(),
                layers.LeakyReLU(**slope),
                layers.Reshape((self.side, self.side, 256)),
                layers.Conv2DTranspose(128, 5, strides=1, **up),
                layers.BatchNormalization(),
                layers.LeakyReLU(**slope),
                layers.Conv2DTranspose(64, 5, strides=2, **up),
                layers.BatchNormalization(),
                layers.LeakyReLU(**slope),
                layers.Conv2DTranspose(self.channels, 5, strides=2, activation="tanh", **up),
            ]
        )
        hidden = []
        for channels in (64, 128):
            hidden.append(layers.Conv2D(channels, 5, strides=2, padding="same"))
            hidden += [layers.LeakyReLU(**slope), layers.Dropout(0.3)]
        images = keras.Input((4 * self.side, 4 * self.side, self.channels))
        return generator, keras.Sequential([images, *hidden, layers.Flatten(), layers.Dense(1)])

    def step(self, real):
        """One step of both networks, each against the other as it was."""
        latents = tf.random.normal([self.batch_size, self.latent_dim])
        with tf.GradientTape(persistent=True) as tape:
            fake = self.generator(latents, training=True)
            on_real = self.discriminator(real, training=True)
            on_fake = self.discriminator(fake, training=True)
            generator_loss = _cross_entropy(1.0, on_fake)
            discriminator_loss = _cross_entropy(1.0, on_real) + _cross_entropy(0.0, on_fake)
        self.update(tape, (generator_loss, discriminator_loss))


class KerasConditional(KerasPeer):
    """The networks of Keras's conditional GAN example without their labels; pixels in [0, 1].

    Its own run also trains on the test images; here it does not.
    """

    title = "keras.io example, no labels"
    source = "https://keras.io/examples/generative/conditional_gan"
    batch_size, latent_dim, learning_rate, lowest = 64, 128, 3e-4, 0.0

    def build(self):
        """Returns the networks."""
        slope = {"negative_slope": 0.2}
        generator = [keras.Input((128,)), layers.Dense(7 * 7 * 128), layers.LeakyReLU(**slope)]
        generator.append(layers.Reshape((7, 7, 128)))
        for _ in range(2):
            generator.append(layers.Conv2DTranspose(128, 4, strides=2, padding="same"))
            generator.append(layers.LeakyReLU(**slope))
        generator.append(layers.Conv2D(1, 7, padding="same", activation="sigmoid"))
        discriminator = [keras.Input((28, 28, 1))]
        for channels in (64, 128):
            discriminator.append(layers.Conv2D(channels, 3, strides=2, padding="same"))
            discriminator.append(layers.LeakyReLU(**slope))
        discriminator += [layers.GlobalMaxPooling2D(), layers.Dense(1)]
        return keras.Sequential(generator), keras.Sequential(discriminator)

    def step(self, real):
        """The discriminator on both batches at once, then the generator on new latents."""
        shape = [self.batch_size, self.latent_dim]
        fake = self.generator(tf.random.normal(shape))
        labels = tf.repeat([1.0, 0.0], self.batch_size)[:, None]  # here 1 means fake
        weights = self.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.discriminator(tf.concat([fake, real], 0))
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
        gradients = tape.gradient(loss, weights)
        self.optimizers[1].apply_gradients(zip(gradients, weights, strict=True))
        weights = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.discriminator(self.generator(tf.random.normal(shape)))
            loss = _cross_entropy(0.0, logits)
        gradients = tape.gradient(loss, weights)
        self.optimizers[0].apply_gradients(zip(gradients, weights, strict=True))


class GanFlavours(KerasPeer):
    """gan-flavours-keras: its default DCGAN at the depth that it has for CIFAR-10 (32 pixels).

    Non-saturating loss, no augmentation, samples from a moving average, as its `train.py` has it.
    """

    title = "gan-flavours-keras"
    source = "https://github.com/beresandras/gan-flavours-keras"
    batch_size, latent_dim, learning_rate, beta_1 = 128, 64, 2e-4, 0.5
    lowest, border = 0.0, 2
    depth, width, average_decay = 3, 128, 0.99

    def build(self):
        """Returns the networks."""

        def generator():
            up = {"kernel_size": 4, "strides": 2, "padding": "same"}
            stack = [keras.Input((64,)), layers.Reshape((1, 1, 64))]
            stack.append(layers.Conv2DTranspose(self.width, 4, use_bias=False))
            for level in range(self.depth):
                stack += [layers.BatchNormalization(scale=False), layers.ReLU()]
                if level < self.depth - 1:
                    stack.append(layers.Conv2DTranspose(self.width, use_bias=False, **up))
            stack.append(layers.Conv2DTranspose(1, activation="sigmoid", **up))
            return keras.Sequential(stack)

        stack = [keras.Input((32, 32, 1))]
        for _ in range(self.depth):
            stack.append(layers.Conv2D(self.width, 4, strides=2, padding="same", use_bias=False))
            stack.append(layers.BatchNormalization(scale=False))
            stack.append(layers.LeakyReLU(negative_slope=0.2))
        stack += [layers.Dropout(0.4), layers.Conv2D(1, 4), layers.Flatten()]
        self.average = generator()
        return generator(), keras.Sequential(stack)

    def sampled(self):
        """Returns the moving average."""
        return self.average

    def variables(self):
        """Returns all variables of a run."""
        return super().variables() + self.average.variables

    def step(self, real):
        """Both networks from one forward pass, then the average."""
        latents = tf.random.normal([self.batch_size, self.latent_dim])
        with tf.GradientTape(persistent=True) as tape:
            fake = self.generator(latents, training=True)
            on_real = self.discriminator(real, training=True)
            on_fake = self.discriminator(fake, training=True)
            generator_loss = _cross_entropy(1.0, on_fake)
            both = _cross_entropy(1.0, on_real) + _cross_entropy(0.0, on_fake)
            discriminator_loss = 0.5 * both
        self.update(tape, (generator_loss, discriminator_loss))
        decay = self.average_decay
        pairs = zip(self.average.weights, self.generator.weights, strict=True)
        for mean, weight in pairs:
            mean.assign(decay * mean + (1 - decay) * weight)
