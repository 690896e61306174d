"""Networks and a step that differ from lab 07's in one thing, for `search`."""

from ganlib import training
from ganlib._tensorflow import keras, tf
from ganlib.models import fast, layers


def generator(  # noqa: PLR0913, one argument a difference
    image_size,
    channels,
    latent_dim,
    width=16,
    *,
    num_residuals=0,
    num_later=0,
    chain=False,
    kernel=4,
    initializer=layers.normal,
    hidden=(),
    direct=False,
    skips=False,
):
    """The lab's generator, or one that differs in an option.

    Args:
        image_size: 28.
        channels: of an image.
        latent_dim: length of a latent vector.
        width: channels of the last hidden layer.
        num_residuals: 3×3 convolutions on the first grid, each with a way past it.
        num_later: the same on the second.
        chain: whether they follow each other without a way past them.
        kernel: side of the transposed convolutions' kernels.
        initializer: function that makes an initialiser of kernels.
        hidden: units of dense layers between the latents and the first grid.
        direct: whether the second transposed convolution makes the image itself, as in the paper.
        skips: whether every grid draws an image, of which each is enlarged and added to the next.

    Returns:
        A functional ``keras.Model``: latents (batch, latent_dim) -> images in [-1, 1].

    Reference:
        Radford, Metz and Chintala, ICLR 2016; skips: Karras et al., *Analyzing and Improving the
        Image Quality of StyleGAN*, CVPR 2020, figure 7.
    """

    def image(x):
        return fast.NarrowConv2D(channels, 3, padding="same", kernel_initializer=initializer())(x)

    def normalised(x):
        return keras.layers.ReLU()(fast.FusedBatchNormalization()(x))

    def grid(x, number):
        """Convolutions on one grid, and its normalisation."""
        x = normalised(x) if chain else x
        for _ in range(number):
            y = keras.layers.Conv2D(
                x.shape[-1], 3, padding="same", use_bias=False, kernel_initializer=initializer()
            )(x if chain else normalised(x))
            x = normalised(y) if chain else keras.layers.Add()([x, y])
        return x if chain else normalised(x)

    latents = x = keras.Input((latent_dim,))
    for units in hidden:
        x = keras.layers.Dense(units, use_bias=False, kernel_initializer=initializer())(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    side, filters = image_size // 4, 4 * width
    x = keras.layers.Dense(side * side * filters, use_bias=False, kernel_initializer=initializer())(
        x
    )
    x = keras.layers.Reshape((side, side, filters))(x)
    x = grid(x, num_residuals)
    drawn = image(x) if skips else None
    for level, filters in enumerate((2 * width, channels if direct else width)):
        last = direct and filters == channels
        x = keras.layers.Conv2DTranspose(
            filters,
            kernel,
            strides=2,
            padding="same",
            use_bias=last,
            kernel_initializer=initializer(),
        )(x)
        if not last:
            x = grid(x, num_later if level == 0 else 0)
        if skips:
            drawn = keras.layers.UpSampling2D(2, interpolation="bilinear")(drawn)
            drawn = keras.layers.Add()([drawn, image(x)])
    if not direct:
        x = drawn if skips else image(x)
    return keras.Model(latents, keras.layers.Activation("tanh", dtype="float32")(x))


def discriminator(  # noqa: PLR0913, one argument a difference
    image_size,
    channels,
    width=16,
    *,
    kernel=4,
    initializer=layers.normal,
    widths=(1, 2, 4),
    offset=0.0,
    stddev_group=None,
):
    """The lab's discriminator, or one that differs in an option.

    Args:
        image_size: 28.
        channels: of an image.
        width: channels of the first layer.
        kernel: side of the convolutions' kernels.
        initializer: function that makes an initialiser of kernels.
        widths: channels of each layer, in multiples of ``width``.
        offset: number that is added to every pixel.
        stddev_group: group size of a ``layers.MinibatchStdDev``, or None.

    Returns:
        A functional ``keras.Model``: images -> logits (batch, 1).
    """
    images = x = keras.Input((image_size, image_size, channels))
    if offset:
        x = keras.layers.Rescaling(1.0, offset=offset)(x)
    for multiple in widths:
        x = fast.NarrowConv2D(
            multiple * width,
            kernel,
            strides=2,
            padding="same",
            kernel_initializer=initializer(),
        )(x)
        x = keras.layers.LeakyReLU(negative_slope=0.2)(x)
    if stddev_group is not None:
        x = layers.MinibatchStdDev(stddev_group)(x)
    logits = keras.layers.Dense(1, kernel_initializer=initializer(), dtype="float32")
    return keras.Model(images, logits(keras.layers.Flatten()(x)))


class SimultaneousStep(training.Step):
    """Both updates from one pass through the discriminator, before either is made.

    The generator's gradient reaches the images through the same network as the discriminator's
    does. For softplus losses the two differ by a factor for each image: −σ(−a) where the other has
    σ(a), for a logit a; their quotient is −exp(−a). So one backward pass serves both.
    """

    def update_networks(self, real_batches, latent_batches, step, label_batches=None):
        """The part of a step that each replica does with its share of the batch."""
        (real,), (latents,) = real_batches, latent_batches
        generator, discriminator, _ = self.networks
        own, others = discriminator.trainable_variables, generator.trainable_variables
        loss_of = self.objective.loss
        with tf.GradientTape() as generator_tape:
            fake = generator(latents, training=True)
        both = tf.concat([real, fake], 0)
        with tf.GradientTape() as tape:
            tape.watch(both)
            real_logits, fake_logits = tf.split(discriminator(both, training=True), 2)
            loss = loss_of.discriminator(real_logits, fake_logits)
        *gradients, slopes = tape.gradient(loss, [*own, both])
        factors = -tf.exp(tf.minimum(-fake_logits, 30.0))
        slopes = tf.split(slopes, 2)[1] * tf.reshape(factors, [-1, 1, 1, 1])
        batch = (real, fake, tf.fill(tf.shape(real)[:1], -1))
        for index, penalty in enumerate(self.objective.penalties):
            extra = self.penalty_gradients(penalty, batch, step, 2 + index)
            gradients = [a + b for a, b in zip(gradients, extra, strict=True)]
        passed = generator_tape.gradient(fake, others, output_gradients=slopes)
        self.apply(self.optimizers.discriminator, gradients, own)
        self.apply(self.optimizers.generator, passed, others)
        logits = (real_logits, fake_logits)
        return tf.stack(
            [loss, loss_of.generator(*logits)]
            + [tf.reduce_mean(values) for values in logits]
            + [tf.reduce_mean(tf.sign(values)) for values in logits]
            + [tf.linalg.global_norm(passed), training.diversity(real, fake)]
        )


class Simultaneous(training.GAN):
    """A GAN that makes such steps."""

    step_class = SimultaneousStep
