# %% [markdown]
# # Assignment 5: a GAN in Keras
#
# You write the parts of a training loop for real networks. Nothing is trained for the grade: the grader gives your
# functions tiny linear networks and plain gradient descent, for which the result of a step is known exactly, and compares
# all weights. Read [[07_dcgan]] first, and [[alg-adversarial-training]] again. About 8 hours (an estimate), some of them
# for running your loop on images afterwards, which you should not miss.
#
# In Colab everything needed is there. Elsewhere install TensorFlow as the book's front page says.
# %% given
import keras
import numpy as np
import tensorflow as tf

# %% answer q1
student_id = "0000000"  # yours, in quotation marks


# %% [markdown]
# ## 1. One training step
#
# First the discriminator: images are made from the latents, its loss is the cross-entropy of [[prop-optimal-discriminator]]
# (the mean over the real logits plus the mean over the generated ones), and its optimizer takes one step. Then the
# generator: images are made anew from *the same* latents, its loss is the non-saturating one against the *updated*
# discriminator, and its optimizer takes one step. Both networks are called with `training=True` everywhere, so that batch
# normalisation works as it should. Each step changes the weights of one network only.
# %% answer q1
def train_step(
    generator, discriminator, generator_optimizer, discriminator_optimizer, images, latents
):
    """Makes one step of each player, in place.

    Args:
        generator: Keras model, latents -> images.
        discriminator: Keras model, images -> logits of shape (batch, 1).
        generator_optimizer, discriminator_optimizer: Keras optimizers.
        images: real images, tensor of shape (n, ...).
        latents: tensor of shape (m, latent_dim); m may differ from n.
    """
    # BEGIN SOLUTION
    with tf.GradientTape() as tape:
        fake = generator(latents, training=True)
        real_logits = discriminator(images, training=True)
        fake_logits = discriminator(fake, training=True)
        loss = tf.reduce_mean(tf.nn.softplus(-real_logits))
        loss += tf.reduce_mean(tf.nn.softplus(fake_logits))
    weights = discriminator.trainable_variables
    discriminator_optimizer.apply(tape.gradient(loss, weights), weights)
    with tf.GradientTape() as tape:
        made = generator(latents, training=True)
        loss = tf.reduce_mean(tf.nn.softplus(-discriminator(made, training=True)))
    weights = generator.trainable_variables
    generator_optimizer.apply(tape.gradient(loss, weights), weights)
    # END SOLUTION


# %% check q1
_generator = keras.Sequential([keras.layers.Input([2]), keras.layers.Dense(3)])
_discriminator = keras.Sequential([keras.layers.Input([3]), keras.layers.Dense(1)])
_before = [model.get_weights()[0] for model in (_generator, _discriminator)]
_optimizers = [keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1)]
train_step(_generator, _discriminator, *_optimizers, tf.ones([4, 3]), tf.random.normal([4, 2]))
_after = [model.get_weights()[0] for model in (_generator, _discriminator)]
assert all(np.abs(a - b).max() > 0 for a, b in zip(_before, _after)), "both networks learn"


# %% [markdown]
# ## 2. The moving average
#
# Samples are drawn from an average of the generator's weights over the steps. Move *all* weights of `average` towards those
# of `model`: each becomes `decay` times itself plus `1 - decay` times the model's.
# %% answer q2
def update_average(average, model, decay):
    """Updates the weights of `average` in place.

    Args:
        average, model: Keras models of one architecture.
        decay: a number between 0 and 1.
    """
    # BEGIN SOLUTION
    for mean, weight in zip(average.weights, model.weights):
        mean.assign(decay * mean + (1 - decay) * weight)
    # END SOLUTION


# %% check q2
_average, _model = (
    keras.Sequential([keras.layers.Input([1]), keras.layers.Dense(1)]) for _ in "ab"
)
_average.set_weights([np.ones((1, 1)), np.zeros(1)])
_model.set_weights([np.zeros((1, 1)), np.ones(1)])
update_average(_average, _model, 0.75)
assert np.allclose(np.ravel(_average.get_weights()[0]), 0.75), "from 1 towards 0 with decay 0.75"


# %% [markdown]
# ## 3. The penalty R1
#
# Return $\frac12 \mathbb{E} \lVert \nabla_x D(x) \rVert^2$ over the real images, where the norm runs over all pixels and
# channels of an image. It must be possible to take its gradient with respect to the discriminator's weights.
# %% answer q3
def r1(discriminator, images):
    """Returns the penalty, a scalar tensor.

    Args:
        discriminator: Keras model, images -> logits of shape (n, 1).
        images: tensor of shape (n, height, width, channels).
    """
    # BEGIN SOLUTION
    images = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = tf.reduce_sum(discriminator(images, training=True))
    gradient = tape.gradient(logits, images)
    return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3]))
    # END SOLUTION


# %% check q3
_flat = keras.Sequential(
    [keras.layers.Input([2, 2, 1]), keras.layers.Flatten(), keras.layers.Dense(1)]
)
_flat.set_weights([np.full((4, 1), 3.0), np.zeros(1)])
assert abs(float(r1(_flat, tf.ones([5, 2, 2, 1]))) - 18) < 1e-4, (
    "slope 3 in each of four pixels: half of 36"
)


# %% [markdown]
# ## 4. A generator for any size
#
# Build a generator that starts from a small square of features and doubles its side by transposed convolutions or
# upsampling until it has `image_size`, which is 28, 32 or 64. The last layer has a tanh. Think of 28: which side does it
# start from?
# %% answer q4
def make_generator(image_size, channels):
    """Returns a Keras model, latents of shape (n, 16) -> images of shape (n, image_size, image_size, channels)."""
    # BEGIN SOLUTION
    side, doublings = image_size, 0
    while side % 2 == 0 and side > 4:
        side, doublings = side // 2, doublings + 1
    layers = [keras.layers.Input([16]), keras.layers.Dense(side * side * 16)]
    layers.append(keras.layers.Reshape([side, side, 16]))
    for _ in range(doublings):
        layers.append(
            keras.layers.Conv2DTranspose(16, 4, strides=2, padding="same", activation="relu")
        )
    layers.append(keras.layers.Conv2D(channels, 3, padding="same", activation="tanh"))
    return keras.Sequential(layers)
    # END SOLUTION


# %% check q4
assert make_generator(32, 3)(tf.zeros([2, 16])).shape == (2, 32, 32, 3), "images of the right shape"


# %% [markdown] twist=gradient_penalty
# ## 5. Another penalty: WGAN-GP
#
# Between each real image and its generated partner take the point `mix * real + (1 - mix) * fake`. Return the mean of
# $(\lVert \nabla_x D \rVert - 1)^2$ over these points. Here images are vectors.
# %% answer q5 twist=gradient_penalty
def penalty(discriminator, real, fake, mix):
    """Returns the gradient penalty, a scalar tensor.

    Args:
        discriminator: Keras model, (n, d) -> (n, 1).
        real, fake: tensors of shape (n, d).
        mix: tensor of shape (n, 1), between 0 and 1.
    """
    # BEGIN SOLUTION
    points = mix * real + (1 - mix) * fake
    with tf.GradientTape() as tape:
        tape.watch(points)
        logits = tf.reduce_sum(discriminator(points, training=True))
    norms = tf.norm(tape.gradient(logits, points), axis=1)
    return tf.reduce_mean(tf.square(norms - 1))
    # END SOLUTION


# %% check q5 twist=gradient_penalty
_linear = keras.Sequential([keras.layers.Input([2]), keras.layers.Dense(1)])
_linear.set_weights([np.array([[3.0], [4.0]]), np.zeros(1)])
assert (
    abs(float(penalty(_linear, tf.ones([3, 2]), tf.zeros([3, 2]), tf.ones([3, 1]))) - 16) < 1e-4
), "slope 5: (5 - 1)²"


# %% [markdown] twist=r2
# ## 5. Another penalty: R2
#
# R2 is R1 at the generated images: return $\frac12 \mathbb{E} \lVert \nabla_x D(G(z)) \rVert^2$. Here images are vectors.
# The slope is that with respect to the image, not to the latent vector.
# %% answer q5 twist=r2
def penalty(discriminator, generator, latents):
    """Returns the penalty, a scalar tensor.

    Args:
        discriminator: Keras model, (n, d) -> (n, 1).
        generator: Keras model, (n, k) -> (n, d).
        latents: tensor of shape (n, k).
    """
    # BEGIN SOLUTION
    images = generator(latents, training=True)
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = tf.reduce_sum(discriminator(images, training=True))
    gradient = tape.gradient(logits, images)
    return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=1))
    # END SOLUTION


# %% check q5 twist=r2
_linear = keras.Sequential([keras.layers.Input([2]), keras.layers.Dense(1)])
_linear.set_weights([np.array([[3.0], [4.0]]), np.zeros(1)])
_maker = keras.Sequential([keras.layers.Input([1]), keras.layers.Dense(2)])
assert abs(float(penalty(_linear, _maker, tf.ones([3, 1]))) - 12.5) < 1e-4, "slope 5: half of 25"


# %% [markdown] twist=hinge
# ## 5. Another loss: the hinge
#
# Return both players' hinge losses of [[prop-hinge]] from logits: the discriminator's mean of $\max(0, 1 - T)$ at real
# images plus that of $\max(0, 1 + T)$ at generated ones, and the generator's minus the mean logit.
# %% answer q5 twist=hinge
def hinge(real_logits, fake_logits):
    """Returns what the discriminator minimises and what the generator minimises, two scalar tensors."""
    # BEGIN SOLUTION
    missing = tf.reduce_mean(tf.nn.relu(1 - real_logits)) + tf.reduce_mean(
        tf.nn.relu(1 + fake_logits)
    )
    return missing, -tf.reduce_mean(fake_logits)
    # END SOLUTION


# %% check q5 twist=hinge
_pair = hinge(tf.constant([[1.0], [3.0]]), tf.constant([[-1.0]]))
assert abs(float(_pair[0])) < 1e-6, "nothing is missing"


# %% [markdown] twist=two_steps
# ## 5. Two steps of the discriminator
#
# Write a round in which the discriminator makes two steps, each on images and latents of its own, and then the generator
# one, on the *second* latents. The losses are those of part 1.
# %% answer q5 twist=two_steps
def two_steps(
    generator, discriminator, generator_optimizer, discriminator_optimizer, images, latents
):
    """Makes two steps of the discriminator and one of the generator, in place.

    Args:
        generator, discriminator, generator_optimizer, discriminator_optimizer: as in part 1.
        images: two batches of real images, tensor of shape (2, n, ...).
        latents: two batches of latents, tensor of shape (2, m, latent_dim).
    """
    # BEGIN SOLUTION
    still = keras.optimizers.SGD(0.0)
    models = generator, discriminator
    train_step(*models, still, discriminator_optimizer, images[0], latents[0])
    train_step(*models, generator_optimizer, discriminator_optimizer, images[1], latents[1])
    # END SOLUTION


# %% check q5 twist=two_steps
_before = _discriminator.get_weights()[0]
two_steps(_generator, _discriminator, *_optimizers, tf.ones([2, 4, 3]), tf.random.normal([2, 4, 2]))
assert np.abs(_discriminator.get_weights()[0] - _before).max() > 0, "the discriminator learns"
# %% [markdown]
# ## Predict, run, explain
#
# The decay of the average is `my_decay`, which depends on your `student_id`. After how many steps does the average still
# hold half of what it held at the beginning? First write a guess as `predicted`. Then compute the number (it need not be
# whole) and type it as `measured`, with four significant digits. Explain in three lines: what would go wrong with a decay
# far nearer to 1, and what with a decay of 0.5?
# %% given
my_decay = 0.99 + 0.00002 * (sum((k + 1) * ord(c) for k, c in enumerate(student_id)) % 463)
# %% answer predict
# BEGIN SOLUTION
# instead: predicted = None  # a number, guessed before you compute
# instead: measured = None  # a number, computed
predicted = 500
measured = 422.3
# END SOLUTION
# %% [markdown] explanation
# *Your explanation:*
