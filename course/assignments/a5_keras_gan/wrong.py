"""Wrong and right submissions to assignment 5; bands are of 18 points."""

from course.rehearsal import Wrong

LOSS = """loss = tf.reduce_mean(tf.nn.softplus(-real_logits))
        loss += tf.reduce_mean(tf.nn.softplus(fake_logits))"""
GENERATOR = "loss = tf.reduce_mean(tf.nn.softplus(-discriminator(made, training=True)))"
APPLY = "discriminator_optimizer.apply(tape.gradient(loss, weights), weights)\n"
STEPS = """    discriminator_optimizer.apply(tape.gradient(loss, weights), weights)
    with tf.GradientTape() as tape:
        made = generator(latents, training=True)
        loss = tf.reduce_mean(tf.nn.softplus(-discriminator(made, training=True)))
"""
LATE = """    late = tape.gradient(loss, weights), weights
    with tf.GradientTape() as tape:
        made = generator(latents, training=True)
        loss = tf.reduce_mean(tf.nn.softplus(-discriminator(made, training=True)))
    discriminator_optimizer.apply(*late)
"""
MEAN = "mean.assign(decay * mean + (1 - decay) * weight)"
R1 = "return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3]))"
LAST = 'layers.append(keras.layers.Conv2D(channels, 3, padding="same", activation="tanh"))'
ROUND = """    train_step(*models, still, discriminator_optimizer, images[0], latents[0])
    train_step(*models, generator_optimizer, discriminator_optimizer, images[1], latents[1])"""

WRONG = [
    Wrong(
        "labels swapped",
        LOSS,
        "loss = tf.reduce_mean(tf.nn.softplus(real_logits)) + tf.reduce_mean(tf.nn.softplus(-fake_logits))",
        (10, 13),
    ),
    Wrong("sum for mean", LOSS, LOSS.replace("tf.reduce_mean", "tf.reduce_sum"), (10, 13)),
    Wrong(
        "one mean over both",
        LOSS,
        "loss = tf.reduce_mean(tf.nn.softplus(tf.concat([-real_logits, fake_logits], 0)))",
        (10, 13),
    ),
    Wrong(
        "saturating generator",
        GENERATOR,
        GENERATOR.replace(
            "tf.reduce_mean(tf.nn.softplus(-disc", "-tf.reduce_mean(tf.nn.softplus(disc"
        ),
        (12, 15),
    ),
    Wrong(
        "generator helps the discriminator",
        GENERATOR,
        GENERATOR.replace("softplus(-disc", "softplus(disc"),
        (12, 15),
    ),
    Wrong(
        "optimizers exchanged",
        'generator_optimizer, discriminator_optimizer, images, latents\n):\n    """Makes one step of each',
        'discriminator_optimizer, generator_optimizer, images, latents\n):\n    """Makes one step of each',
        (9, 12),
    ),
    Wrong("updates against the old discriminator", STEPS, LATE, (15, 15)),
    Wrong(
        "no training flag",
        "fake = generator(latents, training=True)\n        real_logits = discriminator(images, training=True)\n        fake_logits = discriminator(fake, training=True)",
        "fake = generator(latents)\n        real_logits = discriminator(images)\n        fake_logits = discriminator(fake)\n        generator, keep = (lambda z, training: keep(z)), generator\n        generator.trainable_variables = keep.trainable_variables",
        (16, 17),
    ),
    Wrong(
        "the discriminator's step moves the generator",
        "    weights = discriminator.trainable_variables\n    " + APPLY,
        "    weights = discriminator.trainable_variables + generator.trainable_variables\n    "
        + APPLY,
        (10, 10),
    ),
    Wrong(
        "predict cuts the gradient",
        "made = generator(latents, training=True)",
        "made = tf.constant(generator.predict(latents, verbose=0))",
        (10, 10),
    ),
    Wrong(
        "other latents for the generator",
        "made = generator(latents, training=True)",
        "made = generator(tf.roll(latents, 1, 0) * 0.9, training=True)",
        (14, 14),
    ),
    Wrong(
        "one call for real and generated images",
        """real_logits = discriminator(images, training=True)
        fake_logits = discriminator(fake, training=True)""",
        """logits = discriminator(tf.concat([images, fake], 0), training=True)
        real_logits, fake_logits = logits[: len(images)], logits[len(images) :]""",
        (17, 17),
    ),
    Wrong(
        "no training flag in the last call",
        GENERATOR,
        GENERATOR.replace(", training=True", ""),
        (17, 17),
    ),
    Wrong(
        "images of the first step at inference",
        "fake = generator(latents, training=True)",
        "fake = generator(latents)",
        (17, 17),
    ),
    Wrong(
        "uphill",
        LOSS,
        "loss = -tf.reduce_mean(tf.nn.softplus(-real_logits))\n        loss -= tf.reduce_mean(tf.nn.softplus(fake_logits))",
        (12, 12),
    ),
    Wrong(
        "the model is moved too",
        MEAN,
        MEAN + "\n        weight.assign(mean)",
        (16, 16),
    ),
    Wrong(
        "the model is moved at the end",
        MEAN,
        MEAN + "\n    model.set_weights(average.get_weights())",
        (16, 16),
    ),
    Wrong(
        "decay of the example",
        MEAN,
        MEAN.replace("1 - decay", "0.25").replace("decay", "0.75"),
        (16, 16),
    ),
    Wrong(
        "biases are copied",
        MEAN,
        "mean.assign(decay * mean + (1 - decay) * weight if len(mean.shape) > 1 else weight)",
        (16, 16),
    ),
    Wrong("decay exchanged", MEAN, "mean.assign((1 - decay) * mean + decay * weight)", (16, 16)),
    Wrong(
        "trainable weights alone",
        "zip(average.weights, model.weights)",
        "zip(average.trainable_weights, model.trainable_weights)",
        (17, 17),
    ),
    Wrong("copies", MEAN, "mean.assign(weight)", (16, 16)),
    Wrong("no half", R1, R1.replace("0.5 * ", ""), (16, 16)),
    Wrong(
        "norm not squared",
        R1,
        "return 0.5 * tf.reduce_mean(tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3])))",
        (16, 16),
    ),
    Wrong("mean over pixels", R1, "return 0.5 * tf.reduce_mean(tf.square(gradient))", (16, 16)),
    Wrong(
        "no gradient to the weights",
        R1,
        "return tf.stop_gradient(0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3])))",
        (17, 17),
    ),
    Wrong(
        "slope of the mean logit",
        "logits = tf.reduce_sum(discriminator(images, training=True))\n    gradient = tape.gradient(logits, images)\n    return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3]))",
        "logits = tf.reduce_mean(discriminator(images, training=True))\n    gradient = tape.gradient(logits, images)\n    return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3]))",
        (16, 16),
    ),
    Wrong(
        "square of the mean norm",
        R1,
        "return 0.5 * tf.reduce_mean(tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3]))) ** 2",
        (17, 17),
    ),
    Wrong(
        "norm over the pixels, mean over the channels",
        R1,
        "return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=[1, 2]))",
        (17, 17),
    ),
    Wrong(
        "a generator that looks at no latent",
        LAST,
        LAST + "\n    layers.insert(1, keras.layers.Rescaling(0.0))",
        (17, 17),
    ),
    Wrong("no tanh", LAST, LAST.replace(', activation="tanh"', ""), (17, 17)),
    Wrong("sigmoid for tanh", LAST, LAST.replace("tanh", "sigmoid"), (17, 17)),
    Wrong(
        "sizes that are powers of 2 only",
        "while side % 2 == 0 and side > 4:",
        "while side > 4:",
        (16, 16),
    ),
    Wrong("always in colour", LAST, LAST.replace("(channels,", "(3,"), (16, 16)),
    # the variants
    Wrong(
        "mix exchanged",
        "points = mix * real + (1 - mix) * fake",
        "points = mix * fake + (1 - mix) * real",
        (14, 15),
        "gradient_penalty",
    ),
    Wrong(
        "squared norm",
        "return tf.reduce_mean(tf.square(norms - 1))",
        "return tf.reduce_mean(tf.square(tf.square(norms) - 1))",
        (15, 15),
        "gradient_penalty",
    ),
    Wrong(
        "one-sided",
        "return tf.reduce_mean(tf.square(norms - 1))",
        "return tf.reduce_mean(tf.square(tf.nn.relu(norms - 1)))",
        (15, 15),
        "gradient_penalty",
    ),
    Wrong(
        "norm of the batch",
        "norms = tf.norm(tape.gradient(logits, points), axis=1)",
        "norms = tf.norm(tape.gradient(logits, points)) / 3**0.5",
        (15, 15),
        "gradient_penalty",
    ),
    Wrong(
        "a penalty without a gradient",
        "return tf.reduce_mean(tf.square(norms - 1))",
        "return tf.constant(tf.reduce_mean(tf.square(norms - 1)).numpy())",
        (15, 15),
        "gradient_penalty",
    ),
    Wrong(
        "R2 without a gradient",
        "return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=1))",
        "return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient.numpy()), axis=1))",
        (15, 15),
        "r2",
    ),
    Wrong(
        "square of the mean norm of R2",
        "return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=1))",
        "return 0.5 * tf.reduce_mean(tf.norm(gradient, axis=1)) ** 2",
        (15, 15),
        "r2",
    ),
    Wrong(
        "slope in the latent",
        "tape.watch(images)\n        logits = tf.reduce_sum(discriminator(images, training=True))\n    gradient = tape.gradient(logits, images)\n    return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=1))",
        "tape.watch(latents)\n        logits = tf.reduce_sum(discriminator(generator(latents), training=True))\n    gradient = tape.gradient(logits, latents)\n    return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=1))",
        (14, 14),
        "r2",
    ),
    Wrong(
        "no half of R2",
        "return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=1))",
        "return tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=1))",
        (14, 14),
        "r2",
    ),
    Wrong(
        "one image",
        "images = generator(latents, training=True)\n    with",
        "images = generator(latents, training=True)[:1]\n    with",
        (15, 15),
        "r2",
    ),
    Wrong(
        "hinge without a gradient",
        "return missing, -tf.reduce_mean(fake_logits)",
        "return tf.stop_gradient(missing), -tf.reduce_mean(fake_logits)",
        (14, 15),
        "hinge",
    ),
    Wrong("no margin", "tf.nn.relu(1 + fake_logits)", "tf.nn.relu(fake_logits)", (15, 15), "hinge"),
    Wrong(
        "hinge for the generator too",
        "return missing, -tf.reduce_mean(fake_logits)",
        "return missing, tf.reduce_mean(tf.nn.relu(1 - fake_logits))",
        (15, 15),
        "hinge",
    ),
    Wrong(
        "hinge with exchanged labels",
        "return missing, -tf.reduce_mean(fake_logits)",
        "return missing, tf.reduce_mean(fake_logits)",
        (15, 15),
        "hinge",
    ),
    Wrong(
        "first latents for the generator",
        ROUND,
        ROUND.replace("images[1], latents[1])", "images[1], latents[0])"),
        (15, 15),
        "two_steps",
    ),
    Wrong("one step alone", ROUND, ROUND.split("\n")[1], (15, 15), "two_steps"),
    Wrong(
        "generator moves twice",
        ROUND,
        ROUND.replace("still, d", "generator_optimizer, d"),
        (15, 15),
        "two_steps",
    ),
    Wrong(
        "twice the first batch",
        ROUND,
        ROUND.replace("images[1]", "images[0]"),
        (15, 15),
        "two_steps",
    ),
]

RIGHT = {
    "Keras's own loss": """
def train_step(generator, discriminator, generator_optimizer, discriminator_optimizer, images, latents):
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    fake = generator(latents, training=True)
    with tf.GradientTape() as tape:
        made = discriminator(tf.stop_gradient(fake), training=True)
        real = discriminator(images, training=True)
        d_loss = bce(tf.ones_like(real), real) + bce(tf.zeros_like(made), made)
    gradients = tape.gradient(d_loss, discriminator.trainable_weights)
    discriminator_optimizer.apply_gradients(zip(gradients, discriminator.trainable_weights))
    with tf.GradientTape() as tape:
        made = discriminator(generator(latents, training=True), training=True)
        g_loss = bce(tf.ones_like(made), made)
    gradients = tape.gradient(g_loss, generator.trainable_weights)
    generator_optimizer.apply_gradients(zip(gradients, generator.trainable_weights))
    return {"d": d_loss, "g": g_loss}

def update_average(average, model, decay):
    pairs = zip(average.get_weights(), model.get_weights())
    average.set_weights([a + (1 - decay) * (b - a) for a, b in pairs])

def r1(discriminator, images):
    images = tf.Variable(images)
    with tf.GradientTape() as tape:
        logits = discriminator(images, training=True)
    slope = tf.reshape(tape.gradient(logits, images), [int(images.shape[0]), -1])
    return tf.reduce_sum(slope * slope) / (2 * int(images.shape[0]))

def make_generator(image_size, channels):
    start = {28: 7, 32: 8, 64: 8}[image_size]
    inputs = keras.Input([16])
    x = keras.layers.Dense(start * start * 8, activation="relu")(inputs)
    x = keras.layers.Reshape([start, start, 8])(x)
    while x.shape[1] < image_size:
        x = keras.layers.UpSampling2D()(x)
        x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = keras.layers.Conv2D(channels, 3, padding="same")(x)
    return keras.Model(inputs, keras.layers.Activation("tanh")(x))
""",
    "compiled": """
@tf.function
def train_step(generator, discriminator, generator_optimizer, discriminator_optimizer, images, latents):
    log_sigmoid = tf.math.log_sigmoid
    with tf.GradientTape() as d_tape:
        real, fake = discriminator(images, training=True), discriminator(generator(latents, training=True), training=True)
        d_loss = -tf.reduce_mean(log_sigmoid(real)) - tf.reduce_mean(log_sigmoid(-fake))
    d_weights = discriminator.trainable_variables
    discriminator_optimizer.apply(d_tape.gradient(d_loss, d_weights), d_weights)
    with tf.GradientTape() as g_tape:
        g_loss = -tf.reduce_mean(log_sigmoid(discriminator(generator(latents, training=True), training=True)))
    g_weights = generator.trainable_variables
    generator_optimizer.apply(g_tape.gradient(g_loss, g_weights), g_weights)
""",
}
