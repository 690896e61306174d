"""One training step of lab 07's pair: ganlib's own, and a plain TensorFlow loop.

Both do the same work: the generator once, the discriminator on real and generated images together
and its update, the updated discriminator on the generated images, the generator's update. "full"
adds the lab's penalty R1 in its rhythm and the moving average; "bare" has neither.
"""

import numpy as np

from benchmarks import recipe
from ganlib import data, losses, training
from ganlib._tensorflow import tf
from ganlib.models import fast
from ganlib.training import _loop
from ganlib.training._history import STATISTICS

SECTIONS = ("forward", "backward", "step")  # each holds the one before


def lab_gan(mode, **changed):
    """Returns lab 07's GAN as it is ("full"), or without penalty and average ("bare")."""
    gan = recipe.lab(**changed)["new_gan"]()
    if mode == "bare":
        gan.penalties = ()
        gan._update_ema = lambda step: None
    return gan


class GanlibLoop:
    """ganlib's compiled step, many to a call, with what it records.

    Args:
        images: uint8 array (n, 28, 28, 1).
        mode: "full" or "bare".
        **changed: parameters of the lab to change.
    """

    def __init__(self, images, mode, **changed):
        self._gans = {section: lab_gan(mode, **changed) for section in SECTIONS}
        self.batch_size = self._gans["step"].options.batch_size
        self._sink = tf.Variable(0.0)
        self._gans["backward"]._apply = self._use_gradients
        self._gans["forward"]._update_networks = self._forward
        for section in ("forward", "backward"):
            self._gans[section].penalties = ()
            self._gans[section]._after_step = lambda statistics, step: None
        labels = np.full(len(images), -1, np.int32)
        self._feed = _loop.Feed(images, labels, self._gans["step"].options)
        self._steps = dict.fromkeys(SECTIONS, 0)

    def _use_gradients(self, optimizer, gradients, variables):
        """In the optimizer's place: what is not used would not be computed either."""
        del optimizer, variables
        self._sink.assign_add(tf.add_n([tf.reduce_sum(gradient) for gradient in gradients]))

    def _forward(self, real, latents, step, labels):
        gan = self._gans["forward"]
        fake = gan._generate_images(latents[0], labels[0])
        on_real, on_fake = gan._both_outputs(real[0], fake, labels[0], step, 0)
        loss = gan.loss.discriminator(on_real["logits"], on_fake["logits"])
        on_real, on_fake = gan._generator_view(real[0], fake, labels[0], step)
        loss += gan.loss.generator(on_real["logits"], on_fake["logits"])
        return tf.fill([len(STATISTICS)], loss)

    def run(self, section, num_steps):
        """Makes so many steps, or the named part of them, and waits for their end."""
        gan, first = self._gans[section], self._steps[section]
        block = gan._compiled_block(self._feed.dtype)
        self._steps[section] = last = first + num_steps
        while first < last:
            end = min(first + gan.options.steps_per_call, last)
            means, _ = block(*self._feed.block(first, end), tf.constant(first, tf.int64))
            means.numpy()
            first = end


class PlainLoop:
    """What a good user of TensorFlow writes: Keras's layers, two tapes, one compiled step a call.

    Args:
        images: uint8 array (n, 28, 28, 1).
        mode: "full" or "bare".
        **changed: parameters of the lab to change.
    """

    def __init__(self, images, mode, **changed):
        gan = lab_gan(mode, **changed)
        # ganlib switches two of TensorFlow's optimisations off; this loop has the defaults.
        tf.config.optimizer.set_experimental_options(
            {"dependency_optimization": True, "remapping": True}
        )
        self.generator = fast.with_plain_layers(gan.generator)
        self.average = fast.with_plain_layers(gan.generator)
        self.discriminator = fast.with_plain_layers(gan.discriminator)
        self.batch_size, self._latent_dim = gan.options.batch_size, gan.latent_dim
        self._decay, self._full = gan.options.ema_decay, mode == "full"
        self._penalty = gan.penalties[0] if gan.penalties else training.Penalty(None, 0.0)
        self._optimizers = []
        for optimizer, model in (
            (gan.generator_optimizer, self.generator),
            (gan.discriminator_optimizer, self.discriminator),
        ):
            self._optimizers.append(type(optimizer).from_config(optimizer.get_config()))
            self._optimizers[-1].build(model.trainable_variables)
        self._images = tf.constant(data.to_model_range(images))
        self._rng, self._order, self._steps = np.random.default_rng(0), np.zeros(0, np.int32), 0
        jit = bool(tf.config.list_physical_devices("GPU")) or None
        self._step = tf.function(self._step, jit_compile=jit)
        self._forward = tf.function(self._forward, jit_compile=jit)
        self._backward = tf.function(self._backward, jit_compile=jit)

    def run(self, section, num_steps):
        """Makes so many steps, or the named part of them, and waits for their end."""
        for _ in range(num_steps):
            if len(self._order) < self.batch_size:
                self._order = self._rng.permutation(len(self._images)).astype(np.int32)
            batch, self._order = np.split(self._order, [self.batch_size])
            if section == "step":
                due = self._full and self._steps % self._penalty.interval == 0
                result = self._step(tf.constant(batch), due)
                self._steps += 1
            else:
                function = self._forward if section == "forward" else self._backward
                result = function(tf.constant(batch))
        result.numpy()

    def _real_and_latents(self, indices):
        return tf.gather(self._images, indices), tf.random.normal(
            [self.batch_size, self._latent_dim]
        )

    def _discriminator_loss(self, real, fake):
        logits = self.discriminator(tf.concat([real, fake], 0), training=True)
        return losses.non_saturating.discriminator(*tf.split(logits, 2))

    def _generator_loss(self, fake):
        logits = self.discriminator(fake, training=True)
        return losses.non_saturating.generator(None, logits)

    def _forward(self, indices):
        real, latents = self._real_and_latents(indices)
        fake = self.generator(latents, training=True)
        return self._discriminator_loss(real, fake) + self._generator_loss(fake)

    def _backward(self, indices):
        gradients = self._gradients(indices, lambda model, gradients: None, False)
        return tf.add_n([tf.reduce_sum(gradient) for gradient in gradients])

    def _gradients(self, indices, apply, due):
        """Both networks' gradients, each handed to ``apply`` as soon as it is known."""
        real, latents = self._real_and_latents(indices)
        with tf.GradientTape() as generator_tape:
            fake = self.generator(latents, training=True)
            with generator_tape.stop_recording():
                with tf.GradientTape() as tape:
                    loss = self._discriminator_loss(real, fake)
                    if due:
                        weight = self._penalty.weight * self._penalty.interval
                        loss += weight * self._penalty.function(self.discriminator, real, fake, 0)
                own = tape.gradient(loss, self.discriminator.trainable_variables)
                apply(1, own)
            loss = self._generator_loss(fake)
        gradients = generator_tape.gradient(loss, self.generator.trainable_variables)
        apply(0, gradients)
        return own + gradients

    def _step(self, indices, due):
        models = (self.generator, self.discriminator)

        def apply(i, gradients):
            self._optimizers[i].apply(gradients, models[i].trainable_variables)

        gradients = self._gradients(indices, apply, due)
        if self._full:
            pairs = zip(self.average.weights, self.generator.weights, strict=True)
            for mean, weight in pairs:
                mean.assign(weight + (mean - weight) * self._decay)
        return tf.reduce_sum(gradients[-1])
