# %% [markdown]
# # Assignment 6: a clinic
#
# Somebody sends you a script that trains a GAN, and it does not work. Each function below has a fault of the kind that
# [[16_debugging_clinic]] shows. Find them **without training anything**, on the rungs of the ladder, which is the first
# table of that chapter, and mend them. Read also [[15_collapse_and_stability]]. About 6 hours (an estimate).
#
# The visible checks pass with most of the faults; that is how such scripts come about. So they are worth no points here. A
# function may have more than one fault.
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
# ## 1. Pixels
#
# Images come as numbers from 0 to 255. The generator ends in a tanh, so real images must lie between -1 and 1, with 0 at -1
# and 255 at 1, and every pixel must keep what tells it from the others.
# %% answer q1
def prepare(images):
    """Returns images as the networks take them.

    Args:
        images: array of shape (n, height, width, channels), from 0 to 255, of any type of numbers;
            not each batch has a 0 and a 255 in it.

    Returns:
        Array of the same shape, between -1 and 1.
    """
    # BEGIN SOLUTION
    # instead: length = np.linalg.norm(images, axis=-1, keepdims=True)
    # instead: return 2 * images / np.maximum(length, 1) - 1
    return np.asarray(images, float) / 127.5 - 1
    # END SOLUTION


# %% check q1
_grey = prepare(np.array([0.0, 255.0]).reshape(2, 1, 1, 1))
assert np.allclose(np.ravel(_grey), [-1, 1]), "black is -1 and white is 1"


# %% [markdown]
# ## 2. The losses
#
# Cross-entropy for the discriminator, the mean over the real logits plus the mean over the generated ones; the
# non-saturating loss for the generator. Both must be right for every finite logit, also for 800 and -800; see
# [[prop-float-sigmoid]].
# %% answer q2
def losses(real_logits, fake_logits):
    """Returns what the discriminator minimises and what the generator minimises, two numbers.

    Args:
        real_logits: array of shape (n,).
        fake_logits: array of shape (m,); m may differ from n.
    """
    # BEGIN SOLUTION
    # instead: real = 1 / (1 + np.exp(-real_logits))
    # instead: fake = 1 / (1 + np.exp(-fake_logits))
    # instead: answers = np.concatenate([np.log(real), np.log(1 - fake)])
    # instead: return -2 * np.mean(answers), -np.mean(np.log(fake))
    real = np.mean(np.logaddexp(0, -real_logits))
    fake = np.mean(np.logaddexp(0, fake_logits))
    return real + fake, np.mean(np.logaddexp(0, -fake_logits))
    # END SOLUTION


# %% check q2
assert np.allclose(losses(np.zeros(2), np.zeros(2)), [2 * np.log(2), np.log(2)]), "undecided"


# %% [markdown]
# ## 3. The step
#
# First the discriminator takes one step down its loss of part 2, then the generator one step down its own, against the
# *updated* discriminator, with images made anew from the same latents. Each step changes the *trainable* weights of one
# network, by its own optimizer. All calls of both networks have `training=True`, and real and generated images go through
# the discriminator in calls of their own. What does [[prop-wrong-loss]] say of the last lines?
# %% answer q3
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
    # instead: def loss_of(real, fake):
    # instead:     real_loss = tf.reduce_mean(tf.nn.softplus(-real))
    # instead:     return real_loss + tf.reduce_mean(tf.nn.softplus(fake))
    # instead: fake = tf.constant(generator.predict(latents, verbose=0))
    # instead: with tf.GradientTape() as tape:
    # instead:     loss = loss_of(discriminator(images), discriminator(fake))
    # instead: weights = discriminator.trainable_variables
    # instead: generator_optimizer.apply(tape.gradient(loss, weights), weights)
    # instead: with tf.GradientTape() as tape:
    # instead:     made = generator(latents, training=True)
    # instead:     loss = loss_of(discriminator(images), discriminator(made))
    # instead: weights = generator.trainable_variables
    # instead: generator_optimizer.apply(tape.gradient(loss, weights), weights)
    mean, softplus = tf.reduce_mean, tf.nn.softplus
    with tf.GradientTape() as tape:
        fake = generator(latents, training=True)
        loss = mean(softplus(-discriminator(images, training=True)))
        loss += mean(softplus(discriminator(fake, training=True)))
    weights = discriminator.trainable_variables
    discriminator_optimizer.apply(tape.gradient(loss, weights), weights)
    with tf.GradientTape() as tape:
        made = generator(latents, training=True)
        loss = mean(softplus(-discriminator(made, training=True)))
    weights = generator.trainable_variables
    generator_optimizer.apply(tape.gradient(loss, weights), weights)
    # END SOLUTION


# %% check q3
_generator = keras.Sequential([keras.layers.Input([2]), keras.layers.Dense(3)])
_discriminator = keras.Sequential([keras.layers.Input([3]), keras.layers.Dense(1)])
_before = [model.get_weights()[0] for model in (_generator, _discriminator)]
_optimizers = [keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1)]
train_step(_generator, _discriminator, *_optimizers, tf.ones([4, 3]), tf.random.normal([4, 2]))
_after = [model.get_weights()[0] for model in (_generator, _discriminator)]
assert all(np.abs(a - b).max() > 0 for a, b in zip(_before, _after)), "both networks learn"
_discriminator.set_weights([np.zeros((3, 1)), np.zeros(1)])
_optimizers = [keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.1)]
train_step(_generator, _discriminator, *_optimizers, tf.ones([4, 3]), tf.ones([4, 2]))
_real, _fake = _discriminator(tf.ones([1, 3])), _discriminator(_generator(tf.ones([1, 2])))
assert np.all(_real > _fake), "after its step the discriminator knows a real image"


# %% [markdown]
# ## 4. The kernel
#
# The script chooses a kernel for its transposed convolutions. It must be *the smallest that is at least `at_least` long and
# reaches all pixels equally often*; see [[prop-checkerboard]] and [[prop-even-coverage]].
# %% answer q4
def choose_kernel(stride, at_least):
    """Returns the length of the kernel, a whole number.

    Args:
        stride: of the transposed convolution, 1 or more.
        at_least: the least length that is wanted, 1 or more.
    """
    # BEGIN SOLUTION
    # instead: return max(2 * stride, at_least)
    return stride * -(-at_least // stride)
    # END SOLUTION


# %% check q4
assert choose_kernel(2, 4) == 4, "stride 2, at least 4: 4"


# %% [markdown]
# ## 5. Reading a run
#
# After a run of $t \ge 3$ steps there are numbers for each step. Say which failures of [[15_collapse_and_stability]] it
# shows, by **medians over the last third** of the steps, which are the last $\lfloor t/3 \rfloor$, and where a beginning is
# meant by medians over the *first* third, the first $\lfloor t/3 \rfloor$:
#
# - *saturation*: the gradient's norm is below a hundredth of its beginning;
# - *the discriminator has won*: its accuracy is above 0.95;
# - *divergence*: the mean absolute logit is above 16.6, **and** the loss is more than ten times that of the beginning;
# - *collapse*: the diversity is below one half.
# %% answer q5
def diagnose(gradients, accuracies, logits, values, diversities):
    """Says which failures a run shows.

    Args:
        gradients: array of shape (t,): the norm of the generator's gradient at each step.
        accuracies: the same of the discriminator's accuracy.
        logits: the same of the mean absolute logit.
        values: the same of the discriminator's loss.
        diversities: the same of the diversity.

    Returns:
        Four truth values, an array of shape (4,): saturation, won, divergence, collapse.
    """
    # BEGIN SOLUTION
    # instead: saturated = gradients[-1] < gradients[0] / 100
    # instead: won = accuracies[-1] > 0.95
    # instead: diverged = logits[-1] > 16.6 or values[-1] > 10 * values[0]
    # instead: return np.array([saturated, won, diverged, diversities[-1] < 0.5])
    third = len(gradients) // 3
    early = lambda series: np.median(series[:third])
    late = lambda series: np.median(series[-third:])
    saturated = late(gradients) < early(gradients) / 100
    won = late(accuracies) > 0.95
    diverged = late(logits) > 16.6 and late(values) > 10 * early(values)
    return np.array([saturated, won, diverged, late(diversities) < 0.5])
    # END SOLUTION


# %% check q5
_level = np.ones(9)
assert not np.any(diagnose(_level, 0.7 * _level, _level, _level, _level)), "a healthy run"


# %% [markdown] twist=batch_norm
# ## 6. Batch normalisation
#
# The script has a layer of its own. In training it subtracts the mean of the batch, divides by the root of (its variance
# plus 0.001), and moves the running numbers: each becomes `momentum` times itself plus `1 - momentum` times that of the
# batch. At inference it uses the running numbers and leaves them alone. Each channel has a mean and a variance of its own,
# and variances are those with $n$ in the denominator.
# %% answer q6 twist=batch_norm
def normalise(x, mean, variance, training, momentum):
    """Returns the output, the new running mean and the new running variance.

    Args:
        x: array of shape (n, channels).
        mean, variance: running numbers, arrays of shape (channels,).
        training: True or False.
        momentum: a number between 0 and 1.

    Returns:
        Three arrays, of shapes (n, channels), (channels,) and (channels,).
    """
    # BEGIN SOLUTION
    # instead: output = (x - mean) / np.sqrt(variance + 0.001)
    # instead: if training:
    # instead:     mean = (1 - momentum) * mean + momentum * x.mean()
    # instead:     variance = (1 - momentum) * variance + momentum * x.var()
    # instead: return output, mean, variance
    if not training:
        return (x - mean) / np.sqrt(variance + 0.001), mean, variance
    now, spread = x.mean(axis=0), x.var(axis=0)
    output = (x - now) / np.sqrt(spread + 0.001)
    mean = momentum * mean + (1 - momentum) * now
    return output, mean, momentum * variance + (1 - momentum) * spread
    # END SOLUTION


# %% check q6 twist=batch_norm
_output, _mean, _variance = normalise(np.ones((4, 2)), np.zeros(2), np.ones(2), False, 0.9)
assert np.allclose(_output, 1 / np.sqrt(1.001)), "at inference: the running numbers"


# %% [markdown] twist=adam
# ## 6. Adam
#
# The script has an Adam of its own, and one for both networks ([[prop-foreign-count]]). Write it for one network, as in the
# paper: running means $m$ and $v$ of the gradient and of its square, from 0, with $\beta_1$ and $\beta_2$; both divided by
# $1 - \beta^t$ at the step $t = 1, 2, \dots$; and the move $-\text{rate} \cdot \hat m / (\sqrt{\hat v} + 10^{-8})$.
# %% answer q6 twist=adam
def adam_moves(gradients, rate, beta_1, beta_2):
    """Returns the moves of the weights.

    Args:
        gradients: array of shape (steps, size), one row a step.
        rate, beta_1, beta_2: numbers.

    Returns:
        Array of shape (steps, size).
    """
    # BEGIN SOLUTION
    # instead: m = v = t = 0
    # instead: moves = []
    # instead: for gradient in gradients:
    # instead:     t += 2  # generator and discriminator
    # instead:     m = beta_1 * m + (1 - beta_1) * gradient
    # instead:     v = beta_2 * v + (1 - beta_2) * gradient
    # instead:     scale = np.sqrt(np.abs(v) / (1 - beta_2**t)) + 1e-8
    # instead:     moves.append(-rate * m / (1 - beta_1**t) / scale)
    # instead: return np.array(moves)
    m = v = 0
    moves = []
    for t, gradient in enumerate(gradients, 1):
        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient**2
        scale = np.sqrt(v / (1 - beta_2**t)) + 1e-8
        moves.append(-rate * m / (1 - beta_1**t) / scale)
    return np.array(moves)
    # END SOLUTION


# %% check q6 twist=adam
_moves = adam_moves(np.zeros((3, 2)), 0.1, 0.5, 0.9)
assert np.shape(_moves) == (3, 2), "one row a step"
assert np.allclose(_moves, 0), "no gradient, no move"


# %% [markdown] twist=epochs
# ## 6. An epoch
#
# In the script an epoch has `batch_size` steps, and its images are drawn anew in each. It should show every image at most
# once, and leave out no more than what does not fill a last batch. All orders of all images are equally likely, and so it
# is a matter of chance too which images are left out. The order is the same for the same seed, and another for another one.
# %% answer q6 twist=epochs
def epoch(num_images, batch_size, seed):
    """Returns which images stand in which batch.

    Args:
        num_images, batch_size, seed: whole numbers.

    Returns:
        Array of whole numbers from 0 to num_images - 1, of shape (num_images // batch_size,
        batch_size).
    """
    # BEGIN SOLUTION
    # instead: rng = np.random.default_rng()
    # instead: return rng.integers(num_images, size=(batch_size, batch_size))
    steps = num_images // batch_size
    order = np.random.default_rng(seed).permutation(num_images)
    return order[: steps * batch_size].reshape(steps, batch_size)
    # END SOLUTION


# %% check q6 twist=epochs
assert np.array_equal(np.shape(epoch(4, 2, 0)), (2, 2)), "two batches of two"
# %% [markdown]
# ## Predict, run, explain
#
# The script's epoch has as many steps as a batch has images, 64 of 64, however many images there are. Each image of each
# batch is drawn independently of the others (with replacement) from all `my_images`, a number that depends on your
# `student_id`. Which share of the images is expected not to be seen in one such epoch? First write a guess as `predicted`.
# Then compute the share and type it as `measured`, with four significant digits. Explain in three lines: what shows this
# fault, if no rung of the ladder does? And what does it do to a training of many epochs?
# %% given
my_images = 2000 + 23 * (sum((k + 1) * ord(c) for k, c in enumerate(student_id)) % 401)
# %% answer predict
# BEGIN SOLUTION
# instead: predicted = None  # a number, guessed before you compute
# instead: measured = None  # a number, computed
predicted = 0.2
measured = 0.4578
# END SOLUTION
# %% [markdown] explanation
# *Your explanation:*
