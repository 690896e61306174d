"""One training step: the discriminator's updates, the generator's, and the average's.

`training.GAN` runs it many times. What is drawn here (penalties' points, augmentation, noise) is a
function of the run's seed and the step alone, as the batch and the latents are.
"""

import contextlib

from ganlib import losses
from ganlib._tensorflow import keras, tf
from ganlib.models import spectral

# Kinds of draws, told apart by the first of a seed's two integers, as the replicas are.
_LATENTS, _PENALTIES, _VIEWS, _NOISE = range(0, 4 * 2**40, 2**40)
_REPLICA = 2**32
_STREAMS_PER_STEP = 1024  # the second integer counts steps and, within a step, draws of one kind
_STREAMS_PER_SUBSTEP = 16
_GENERATOR_STREAM = _STREAMS_PER_STEP - _STREAMS_PER_SUBSTEP


class Step:
    """What a `training.GAN` does in one step; its constructor makes the attributes used here."""

    def _scope(self):
        """The strategy's scope, in which variables are made on every device."""
        strategy = self.options.strategy
        return contextlib.nullcontext() if strategy is None else strategy.scope()

    # ---- the two networks ------------------------------------------------------------------

    def _generate_images(self, latents, labels):
        inputs = [latents, labels] if len(self.generator.inputs) > 1 else latents
        return self.generator(inputs, training=True)

    def _outputs(self, images, labels, training=None):
        """All outputs of the discriminator by name; ``logits`` is always among them.

        Only the first pass of an update is a training pass where spectral normalisation would make
        a power iteration in each.
        """
        inputs = [images, labels] if len(self.discriminator.inputs) > 1 else images
        training = self._side_training if training is None else training
        outputs = self.discriminator(inputs, training=training)
        return outputs if isinstance(outputs, dict) else {"logits": outputs}

    def _seen(self, images, step, stream):
        """The images as the discriminator sees them: augmented, then with noise."""
        options = self.options
        if options.augment is not None:
            seed = self._seed(step, _VIEWS, stream)
            images = options.augment(images, seed, self._augment_state[0])
        if options.instance_noise:
            scale = options.instance_noise
            if options.instance_noise_steps is not None:
                progress = tf.cast(step, tf.float32) / options.instance_noise_steps
                scale *= tf.maximum(0.0, 1.0 - progress)
            seed = self._seed(step, _NOISE, stream)
            noise = tf.random.stateless_normal(tf.shape(images), seed, alg="philox")
            images += scale * noise
        return images

    def _both_outputs(self, real_images, fake_images, labels, step, stream):
        """Outputs for both batches: one pass, unless the network's samples affect each other."""
        if self._separate_passes:
            real = self._outputs(self._seen(real_images, step, stream), labels, training=True)
            return real, self._outputs(self._seen(fake_images, step, stream + 1), labels)
        both = self._seen(tf.concat([real_images, fake_images], 0), step, stream)
        outputs = self._outputs(both, tf.concat([labels, labels], 0), training=True)
        halves = {name: tf.split(value, 2) for name, value in outputs.items()}
        real, fake = ({name: half[i] for name, half in halves.items()} for i in (0, 1))
        return real, fake

    # ---- the discriminator's update -----------------------------------------------------------

    def discriminator_step(self, real_images, fake_images, step, substep=0, labels=None):
        """One update of the discriminator; the generator is not touched.

        Args:
            real_images: float tensor (batch, ...) in model range.
            fake_images: float tensor of the same shape, taken as constants; the i-th was made for
                the label of the i-th real image.
            step: int64 scalar; it decides which penalties are due and their random draws.
            substep: which of the step's discriminator updates this is; draws differ between them.
            labels: int32 tensor (batch,), −1 where unknown. None: all unknown.

        Returns:
            ``(loss, real_logits, fake_logits)``; the loss is without penalties and terms.
        """
        optimizer, variables = self.discriminator_optimizer, self.discriminator.trainable_variables
        labels = _or_unknown(labels, real_images)
        fake_images = tf.stop_gradient(fake_images)
        stream = substep * _STREAMS_PER_SUBSTEP
        with tf.GradientTape() as tape:
            real, fake = self._both_outputs(real_images, fake_images, labels, step, stream)
            loss = self.loss.discriminator(real["logits"], fake["logits"])
            total = loss + self._smoothing(real["logits"])
            for term in self.terms:
                total += term.discriminator_loss(real, fake, labels)
            total = optimizer.scale_loss(total)
        gradients = _gradients(tape, total, variables)
        batch = (real_images, fake_images, labels)
        for index, penalty in enumerate(self.penalties):
            extra = self._penalty_gradients(penalty, batch, step, stream + 2 + index)
            gradients = [a + b for a, b in zip(gradients, extra, strict=True)]
        self._apply(optimizer, gradients, variables)
        if self.options.weight_clip is not None:
            bound = self.options.weight_clip
            for variable in variables:
                variable.assign(tf.clip_by_value(variable, -bound, bound))
        return loss, real["logits"], fake["logits"]

    def _smoothing(self, real_logits):
        """What lowering the real label from 1 to 1 − s adds to a cross-entropy: s · E[logit].

        −(1 − s) log σ(a) − s log(1 − σ(a)) = softplus(−a) + s·a.
        """
        if not self.options.label_smoothing:
            return 0.0
        return self.options.label_smoothing * tf.reduce_mean(tf.cast(real_logits, tf.float32))

    def _penalty_gradients(self, penalty, batch, step, stream):
        """Gradients of weight · interval · penalty where it is due, zeros elsewhere."""
        variables = self.discriminator.trainable_variables
        real_images, fake_images, labels = batch

        def discriminator(images):
            return self._outputs(self._seen(images, step, stream), labels)["logits"]

        def due():
            with tf.GradientTape() as tape:
                seed = self._seed(step, _PENALTIES, stream)
                value = penalty.function(discriminator, real_images, fake_images, seed)
                value *= penalty.weight * penalty.interval
                value = self.discriminator_optimizer.scale_loss(value)
            return _gradients(tape, value, variables)

        if penalty.interval == 1:
            return due()
        return tf.cond(
            tf.equal(step % penalty.interval, 0), due, lambda: [tf.zeros_like(v) for v in variables]
        )

    def _apply(self, optimizer, gradients, variables):
        """Applies the mean of the replicas' gradients; Keras sums what each replica gives it."""
        replicas = self.options.num_replicas
        if replicas > 1:
            if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                # It looks for overflow before it sums: all replicas must come to the same finding.
                context = tf.distribute.get_replica_context()
                gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
            gradients = [gradient / replicas for gradient in gradients]
        optimizer.apply(gradients, variables)

    # ---- the whole step ---------------------------------------------------------------------

    def train_step(self, real_batches, latent_batches, step, label_batches=None):
        """One step: the discriminator's updates, then the generator's, then the average's.

        The generator's update uses the images of the last discriminator step, which it has not
        changed since; they go through the *updated* discriminator.

        Args:
            real_batches: ``num_discriminator_steps`` float tensors (batch, ...) in model range.
            latent_batches: as many float tensors (batch, latent_dim).
            step: int64 scalar, the number of steps completed before this one.
            label_batches: as many int32 tensors (batch,). None: no labels.

        Returns:
            float32 tensor with one mean for each of ``_history.STATISTICS``, of the last
            discriminator step: losses, logits and their signs (from the loss's border), the norm of
            the generator's gradient, and the diversity of its images.
        """
        statistics = self._update_networks(real_batches, latent_batches, step, label_batches)
        self._after_step(statistics, step)
        return statistics

    def _update_networks(self, real_batches, latent_batches, step, label_batches=None):
        """The part of a step that each replica does with its share of the batch."""
        if label_batches is None:
            label_batches = [_or_unknown(None, real) for real in real_batches]
        batches = zip(real_batches, latent_batches, label_batches, strict=True)
        *earlier, (last_real, last_latents, labels) = batches
        for substep, (real_images, latents, early_labels) in enumerate(earlier):
            fake_images = self._generate_images(latents, early_labels)
            self.discriminator_step(real_images, fake_images, step, substep, early_labels)
        optimizer, variables = self.generator_optimizer, self.generator.trainable_variables
        with tf.GradientTape() as tape:
            fake_images = self._generate_images(last_latents, labels)
            with tape.stop_recording():
                d_loss, real_logits, fake_logits = self.discriminator_step(
                    last_real, fake_images, step, len(earlier), labels
                )
            real, fake = self._generator_view(last_real, fake_images, labels, step)
            g_loss = self.loss.generator(real["logits"], fake["logits"])
            total = g_loss
            for term in self.terms:
                total += term.generator_loss(real, fake, labels)
            total = optimizer.scale_loss(total)
        gradients = _gradients(tape, total, variables)
        norm = _norm(gradients, optimizer)
        self._apply(optimizer, gradients, variables)
        logits = (real_logits, fake_logits)
        return tf.stack(
            [d_loss, g_loss]
            + [tf.reduce_mean(values) for values in logits]
            + [tf.reduce_mean(tf.sign(values)) for values in self._verdicts(*logits)]
            + [norm, _spread(fake_images) / (_spread(last_real) + 1e-12)]
        )

    def _verdicts(self, real_logits, fake_logits):
        """Both logits, positive where they say "real"."""
        border = self.loss.border
        if border is None:
            border = 0.5 * (tf.reduce_mean(real_logits) + tf.reduce_mean(fake_logits))
        elif border == 0:
            return real_logits, fake_logits
        return real_logits - border, fake_logits - border

    def _generator_view(self, real_images, fake_images, labels, step):
        """What the updated discriminator says of both batches; of real ones only where needed.

        Only an objective that pairs real with fake looks at real images here. They must then go
        through the updated discriminator, as the fake ones do.
        """
        seen = self._seen(fake_images, step, _GENERATOR_STREAM + 1)
        fake = self._outputs(seen, labels)
        if not self._paired:
            return {"logits": tf.zeros_like(fake["logits"])}, fake
        seen = self._seen(real_images, step, _GENERATOR_STREAM)
        real = self._outputs(seen, labels)
        return {name: tf.stop_gradient(value) for name, value in real.items()}, fake

    def _after_step(self, statistics, step):
        """Moves the average, and ADA's probability, which all replicas share."""
        self._update_ema(step)
        if len(self._augment_state) == 2:
            probability, sign_mean = self._augment_state
            num_images = self.options.batch_size
            state = self.options.augment.update(
                probability, sign_mean, statistics[4], num_images, step
            )
            probability.assign(state[0])
            sign_mean.assign(state[1])

    def _update_ema(self, step):
        """Moves every variable of the average, batch statistics too, towards the generator's."""
        steps = tf.cast(step, tf.float32)
        decay = tf.minimum(self.options.ema_decay, (1.0 + steps) / (10.0 + steps))
        for average, variable in zip(
            self.ema_generator.variables, self.generator.variables, strict=True
        ):
            if average.dtype.startswith("float"):
                average.assign(variable + (average - variable) * decay)
            else:
                average.assign(variable)

    # ---- draws ----------------------------------------------------------------------------

    def _seed(self, step, kind, index=0):
        """The pair of integers that decides one draw of one step, on one replica."""
        first = tf.constant(self.options.seed + kind, tf.int64)
        if self.options.num_replicas > 1 and kind != _LATENTS:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            first += tf.cast(replica, tf.int64) * _REPLICA
        return tf.stack([first, tf.cast(step, tf.int64) * _STREAMS_PER_STEP + index])

    def _latents(self, step, substep):
        """Latents of the global batch, of which each replica takes its share."""
        shape = [self.options.batch_size, self.latent_dim]
        seed = self._seed(step, _LATENTS, substep)
        return tf.random.stateless_normal(shape, seed, alg="philox")


# ---- pieces --------------------------------------------------------------------------------


def _gradients(tape, value, variables):
    """The gradients; zeros where there is none, as of a bias that does not move the slope."""
    gradients = tape.gradient(value, variables)
    return [
        tf.zeros_like(v) if g is None else tf.convert_to_tensor(g)  # an embedding's is sparse
        for g, v in zip(gradients, variables, strict=True)
    ]


def _norm(gradients, optimizer):
    """Norm of the gradient without its loss scale; 0 where that overflowed, a step left out."""
    norm = tf.linalg.global_norm(gradients) / optimizer.scale_loss(1.0)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        norm = tf.where(tf.math.is_finite(norm), norm, 0.0)
    return norm


def _spread(images):
    """Standard deviation across the batch, mean over the values."""
    return tf.reduce_mean(tf.math.reduce_std(tf.cast(images, tf.float32), axis=0))


def _or_unknown(labels, images):
    return tf.fill(tf.shape(images)[:1], -1) if labels is None else labels


def initial_augment_state(augment):
    """What augmentation carries from step to step: its probability, and ADA's running sign."""
    if not hasattr(augment, "update"):
        return (1.0,)
    names = ("augment_probability", "augment_sign")
    values = augment.initial_state()
    return tuple(
        tf.Variable(value, trainable=False, dtype=tf.float32, name=name)
        for name, value in zip(names, values, strict=True)
    )


def require_fit(generator, discriminator, terms, options, loss):
    """Refuses networks, terms and options that do not fit together."""
    if generator.output_shape[1:] != discriminator.inputs[0].shape[1:]:
        raise ValueError(
            f"the generator makes samples of shape {generator.output_shape[1:]}, but the "
            f"discriminator takes {tuple(discriminator.inputs[0].shape[1:])}. Build both with the "
            f"same image_size and channels."
        )
    outputs = discriminator.output if isinstance(discriminator.output, dict) else {"logits": None}
    missing = sorted({name for term in terms for name in term.outputs} - set(outputs))
    if missing:
        raise ValueError(
            f"the terms need the discriminator's outputs {missing}, but it has {sorted(outputs)}. "
            f"Build it with the head of that term, for instance head=heads.auxiliary_classifier."
        )
    if options.label_smoothing and loss.discriminator is not losses.minimax.discriminator:
        raise ValueError(
            "label_smoothing was given with a loss that is no cross-entropy and has no labels to "
            "smooth. Use losses.minimax or losses.non_saturating, or set it to 0."
        )


def require_scope(strategy, **made):
    """Refuses networks and optimizers that were made outside of the strategy's scope."""
    for name, thing in made.items():
        if strategy is None or thing is None:
            continue
        if not all(strategy.extended.variable_created_in_scope(v.value) for v in thing.variables):
            raise ValueError(
                f"the {name} was made outside of the strategy's scope, so its variables lie on one "
                f"device only. Make it under `with strategy.scope():`."
            )


def built(optimizer, model):
    """The optimizer (or the default one) with its variables made, and its own loss scale."""
    if optimizer is None:
        optimizer = keras.optimizers.Adam(8e-4, beta_1=0.0, beta_2=0.99)
    half = any(layer.compute_dtype == "float16" for layer in model._flatten_layers())
    if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # Half precision has no number between 0 and 6e-8: gradients are scaled up before.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(model.trainable_variables)
    return optimizer


def mixes_samples(model):
    """Whether one sample's output depends on the rest of its batch."""
    return any(
        isinstance(layer, keras.layers.BatchNormalization) or getattr(layer, "mixes_samples", False)
        for layer in model._flatten_layers()
    )


def iterates_only(model):
    """Whether spectral normalisation is all in a network that training makes a difference to."""
    flat = model._flatten_layers()
    return any(isinstance(layer, spectral.SpectralNormalization) for layer in flat) and not any(
        isinstance(layer, keras.layers.BatchNormalization) or hasattr(layer, "seed_generator")
        for layer in flat
    )
