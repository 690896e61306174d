"""One training step of lab 07's pair: ganlib's own, and a plain TensorFlow loop.

Both do the same work: the generator once, the discriminator on real and generated images together
and its update, the updated discriminator on the generated images, the generator's update. "full"
adds the lab's penalty R1 in its rhythm and the moving average; "bare" has neither.
"""

import numpy as np

from benchmarks import recipe
from ganlib import data, losses, training
from ganlib._tensorflow import devices, tf
from ganlib.models import fast

SECTIONS = ("forward", "backward", "step")  # each holds the one before


def lab_gan(mode, **changed):
    """Returns lab 07's GAN as it is ("full"), or without penalty ("bare")."""
    gan = recipe.lab(**changed)["new_gan"]()
    return gan if mode == "full" else recipe.rebuilt(gan, penalties=())


def lab_step(mode, kind=training.Step, **changed):
    """Returns lab 07's step as it is ("full"), or without penalty and average ("bare").

    Args:
        mode: "full" or "bare".
        kind: a class of steps.
        **changed: parameters of the lab to change.
    """
    step = lab_gan(mode, **changed).training_step
    networks = step.networks if mode == "full" else step.networks._replace(average=None)
    return kind(networks, step.optimizers, step.objective, step.options)


class Forward(training.Step):
    """Only what both networks compute forwards."""

    def update_networks(self, real_batches, latent_batches, step, label_batches=None):
        """The losses of a step, from the same passes."""
        (real,), (latents,), (labels,) = real_batches, latent_batches, label_batches
        loss = self.objective.loss
        fake = self.generate(latents, labels)
        on_real, on_fake = self.outputs_of_both(real, fake, labels, step, 0)
        total = loss.discriminator(on_real["logits"], on_fake["logits"])
        on_real, on_fake = self.outputs_for_generator(real, fake, labels, step)
        total += loss.generator(on_real["logits"], on_fake["logits"])
        return tf.fill([len(training.STATISTICS)], total)

    def after(self, statistics, step):
        """Nothing."""


class Backward(training.Step):
    """The passes and their gradients, which are not applied; nor are there penalties."""

    def __init__(self, networks, optimizers, objective, options):
        super().__init__(networks, optimizers, objective._replace(penalties=()), options)
        self._sink = tf.Variable(0.0)

    def apply(self, optimizer, gradients, variables):
        """Uses the gradients: what is not used would not be computed either."""
        del optimizer, variables
        self._sink.assign_add(tf.add_n([tf.reduce_sum(gradient) for gradient in gradients]))

    def after(self, statistics, step):
        """Nothing."""


class GanlibLoop:
    """ganlib's compiled step, many to a call, with what it records.

    Args:
        images: uint8 array (n, 28, 28, 1).
        mode: "full" or "bare".
        **changed: parameters of the lab to change.
    """

    def __init__(self, images, mode, **changed):
        kinds = {"forward": Forward, "backward": Backward, "step": training.Step}
        steps = {section: lab_step(mode, kinds[section], **changed) for section in SECTIONS}
        self._options = steps["step"].options
        self.batch_size = self._options.batch_size
        self._blocks = {section: training.Block(step) for section, step in steps.items()}
        labels = np.full(len(images), -1, np.int32)
        self._feed = training.Feed(images, labels, self._options)
        self._done = dict.fromkeys(SECTIONS, 0)

    def run(self, section, num_steps):
        """Makes so many steps, or the named part of them, and waits for their end."""
        first = self._done[section]
        self._done[section] = last = first + num_steps
        while first < last:
            end = min(first + self._options.steps_per_call, last)
            means, _ = self._blocks[section](self._feed, first, end)
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
        jit = devices.xla_is_for() or None
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
