# %% [markdown]
# # Assignment 5: a GAN in Keras
#
# You write the parts of a training loop for real networks. Nothing is trained for the grade: the grader gives your
# functions tiny linear networks and plain gradient descent, for which the result of a step is known exactly, and compares
# all weights. Read [[07_dcgan]] first, and [[alg-adversarial-training]] again. About 8 hours (an estimate), one of them for
# running your loop on images at the end: a cell does it, nobody grades it, and you should not miss it.
#
# In Colab everything needed is there. Elsewhere `pip install tensorflow` installs it: TensorFlow 2.16 or newer, which
# brings Keras 3 and NumPy. The grader has these and SciPy, and no other packages.
# %% given
import keras
import numpy as np
import tensorflow as tf

# %% answer q1
student_id = "0000000"  # yours, in quotation marks


# %% [markdown]
# ## 1. One training step
#
# First the discriminator: images are made from the latents, its loss is the cross-entropy, by [[eq-softplus]] (the mean
# over the real logits plus the mean over the generated ones), and its optimizer takes one step. Then the generator: images
# are made anew from *the same* latents, its loss is the non-saturating one, by [[eq-generator-loss]], against the *updated*
# discriminator, and its optimizer takes one step.
#
# Each step changes the *trainable* weights of one network only. All calls of both networks have `training=True`, so that
# batch normalisation works as it should; its running averages, no trainable weights, move in every call. Real and generated
# images go through the discriminator in calls of their own, as in one call batch normalisation would mix them. Which of the
# two comes first is up to you.
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
_discriminator.set_weights([np.zeros((3, 1)), np.zeros(1)])
_still, _moving = keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.1)
_images, _latents = tf.ones([4, 3]), tf.ones([4, 2])


def _lead():
    logits = [_discriminator(images) for images in (_images, _generator(_latents))]
    return float(tf.reduce_mean(logits[0]) - tf.reduce_mean(logits[1]))


train_step(_generator, _discriminator, _still, _moving, _images, _latents)
_first = _lead()
assert _first > 0, "after its step the discriminator finds real images more real than the others"
_still, _moving = keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.1)
train_step(_generator, _discriminator, _moving, _still, _images, _latents)
assert _lead() < _first, "after its step the generator's images look more real"


# %% [markdown]
# ## 2. The moving average
#
# Samples are drawn from an average of the generator's weights over the steps. Move *all* weights of `average` towards those
# of `model`: each becomes `decay` times itself plus `1 - decay` times the model's. The model stays as it is.
# %% answer q2
def update_average(average, model, decay):
    """Updates the weights of `average` in place.

    Args:
        average: Keras model, which is changed.
        model: Keras model of the same architecture, which is not.
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
assert np.allclose(np.ravel(_average.get_weights()[1]), 0.25), "from 0 towards 1 with decay 0.75"
update_average(_average, _model, 0.5)
assert np.allclose(np.ravel(_average.get_weights()[0]), 0.375), "and then with decay 0.5"


# %% [markdown]
# ## 3. The penalty R1
#
# Return $\frac12 \mathbb{E} \lVert \nabla_x \ell(x) \rVert^2$ over the real images, which is [[eq-dcgan-r1]] with
# $\gamma = 1$. $\ell$ is the *logit*, which `discriminator` returns, and not the probability $D$; the norm runs over all
# pixels and channels of an image. The discriminator has no batch normalisation here, so each logit depends on its own image
# alone. It must be possible to take the penalty's gradient with respect to the discriminator's weights.
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
# start from? The grader draws latents and looks at the images: their size, the number of their channels (1 or 3), that
# pixels lie between -1 and 1 and some are negative, and that another latent gives another image.
# %% answer q4
def make_generator(image_size, channels):
    """Returns a Keras model, latents -> images.

    Args:
        image_size: 28, 32 or 64.
        channels: 1 or 3.

    Returns:
        Keras model that takes latents of shape (n, 16) to images of shape (n, image_size,
        image_size, channels).
    """
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
assert make_generator(32, 3)(tf.zeros([2, 16])).shape == (2, 32, 32, 3), "32 by 32 in colour"
assert make_generator(28, 1)(tf.zeros([2, 16])).shape == (2, 28, 28, 1), "28 by 28 in grey"


# %% [markdown] twist=gradient_penalty
# ## 5. Another penalty: WGAN-GP
#
# Between each real image and its generated partner take the point `mix * real + (1 - mix) * fake`. Return the mean of
# $(\lVert \nabla_x \ell \rVert - 1)^2$ over these points, where $\ell$ is the logit, which `discriminator` returns. Here
# images are vectors, and the discriminator has no batch normalisation. It must be possible to take the penalty's gradient
# with respect to the discriminator's weights.
# %% answer q5 twist=gradient_penalty
def penalty(discriminator, real, fake, mix):
    """Returns the gradient penalty, a scalar tensor.

    Args:
        discriminator: Keras model, (n, d) -> (n, 1).
        real, fake: tensors of shape (n, d).
        mix: tensor of shape (n, 1), between 0 and 1.

    Returns:
        A scalar tensor.
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
# R2 is R1 at the generated images: return $\frac12 \mathbb{E} \lVert \nabla_x \ell(G(z)) \rVert^2$, where $\ell$ is the
# logit, which `discriminator` returns. The slope is that with respect to the image, not to the latent vector. Here images
# are vectors, and neither network has batch normalisation. It must be possible to take the penalty's gradient with respect
# to the discriminator's weights.
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
# images plus that of $\max(0, 1 + T)$ at generated ones, and the generator's minus the mean logit of generated ones. It
# must be possible to take both losses' gradients with respect to the logits.
# %% answer q5 twist=hinge
def hinge(real_logits, fake_logits):
    """Returns what the discriminator minimises and what the generator minimises.

    Args:
        real_logits: tensor of shape (n, 1).
        fake_logits: tensor of shape (m, 1).

    Returns:
        Two scalar tensors.
    """
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
# one, on the *second* latents. The losses are those of part 1, and all calls have `training=True`.
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
_generator = keras.Sequential([keras.layers.Input([2]), keras.layers.Dense(3)])
_discriminator = keras.Sequential([keras.layers.Input([3]), keras.layers.Dense(1)])
_optimizers = [keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1)]
_before = _discriminator.get_weights()[0]
two_steps(_generator, _discriminator, *_optimizers, tf.ones([2, 4, 3]), tf.random.normal([2, 4, 2]))
assert np.abs(_discriminator.get_weights()[0] - _before).max() > 0, "the discriminator learns"


# %% [markdown]
# ## Your loop on images (nobody grades this)
#
# Run the cell below, and then `see()`: your functions train a GAN on Fashion-MNIST, which is downloaded at the first call,
# and show what the average generator draws. A thousand steps take a minute or two on a laptop, and after them you should
# see the rough shapes of clothes; `see(5000)` goes on for longer. If you see noise, look for a fault that no check has seen.
# %% given
def see(steps=1000, batch=64):
    """Trains a GAN with the functions above and shows 16 images of the average generator."""
    import matplotlib.pyplot as plt

    (images, _), _ = keras.datasets.fashion_mnist.load_data()
    images = images[..., None].astype("float32") / 127.5 - 1
    convolve = {"strides": 2, "padding": "same", "activation": "leaky_relu"}
    discriminator = keras.Sequential(
        [
            keras.layers.Input([28, 28, 1]),
            keras.layers.Conv2D(32, 4, **convolve),
            keras.layers.Conv2D(64, 4, **convolve),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    generator, average = make_generator(28, 1), make_generator(28, 1)
    average.set_weights(generator.get_weights())
    optimizers = [keras.optimizers.Adam(rate, beta_1=0.5) for rate in (4e-4, 2e-4)]
    for optimizer, model in zip(optimizers, (generator, discriminator)):
        optimizer.build(model.trainable_variables)
    step, rng = tf.function(train_step), np.random.default_rng()
    for _ in range(steps):
        real = tf.constant(images[rng.integers(len(images), size=batch)])
        step(generator, discriminator, *optimizers, real, tf.random.normal([batch, 16]))
        update_average(average, generator, 0.99)
    made = average(tf.random.normal([16, 16]), training=False)
    _, axes = plt.subplots(2, 8, figsize=(8, 2.2))
    for axis, image in zip(axes.flat, made):
        axis.imshow(image[..., 0], cmap="gray", vmin=-1, vmax=1)
        axis.axis("off")


# %% [markdown]
# ## Predict, run, explain
#
# The decay of the average is `my_decay`, which depends on your `student_id`. After how many steps has the share of the
# initial weights in the average fallen to one half? First write a guess as `predicted`. Then compute the number (it need
# not be whole) and type it as `measured`, with four significant digits. Explain in three lines: what would go wrong with a
# decay far nearer to 1, and what with a decay of 0.5?
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
