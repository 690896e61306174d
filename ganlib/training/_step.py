"""One training step: the discriminator's updates, the generator's, and the average's.

A `Step` is given all that it works on and changes nothing else, so it can be read from top to
bottom, and used without the loop around it. What is drawn here (penalties' points, augmentation,
measurements) is a function of the run's seed and of the step alone, as the batch and the latents
are.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ganlib import losses
from ganlib._tensorflow import draws, keras, tf

# Kinds of draws, told apart by the first of a seed's two integers, as the replicas are.
_LATENTS, _PENALTIES, _VIEWS, _MEASUREMENTS = range(0, 4 * 2**40, 2**40)
_REPLICA = 2**32
_STREAMS_PER_STEP = 1024  # the second integer counts steps and, within a step, draws of one kind
_STREAMS_PER_SUBSTEP = 16
_GENERATOR_STREAM = _STREAMS_PER_STEP - _STREAMS_PER_SUBSTEP


class Networks(NamedTuple):
    """The networks of a run.

    Attributes:
        generator: ``keras.Model``, latents (batch, latent_dim) -> images.
        discriminator: ``keras.Model``, images -> logits (batch, 1), or a dict with "logits".
        average: the moving average of the generator, with the same variables; or None.
    """

    generator: keras.Model
    discriminator: keras.Model
    average: keras.Model | None = None


class Optimizers(NamedTuple):
    """One Keras optimizer for each network, its variables made.

    Attributes:
        generator: of the generator.
        discriminator: of the discriminator.
    """

    generator: keras.optimizers.Optimizer
    discriminator: keras.optimizers.Optimizer


class Objective(NamedTuple):
    """What both networks minimise.

    Attributes:
        loss: a ``losses.Loss``.
        penalties: ``Penalty`` objects, added to the discriminator's loss.
        terms: ``losses.Term`` objects.
    """

    loss: losses.Loss
    penalties: tuple = ()
    terms: tuple = ()

    @property
    def paired(self) -> bool:
        """Whether the generator's objective looks at real images too."""
        return self.loss.paired or any(term.paired for term in self.terms)


class Step:
    """One training step of a pair of networks.

    Attributes:
        networks: the `Networks` that it was given.
        optimizers: their `Optimizers`.
        objective: their `Objective`.
        options: the `Options`.
        augment_state: what augmentation carries from step to step: its probability, and where that
            is adapted, its running sign, as ``tf.Variable``.

    Args:
        networks: a `Networks`.
        optimizers: an `Optimizers`.
        objective: an `Objective`.
        options: an ``Options``.

    Example:
        >>> from ganlib import losses, training
        >>> from ganlib._tensorflow import keras, tf
        >>> from ganlib.models import mlp
        >>> pair = mlp.generator(None, 2, 4, width=8), mlp.discriminator(None, 2, width=8)
        >>> optimizers = [keras.optimizers.Adam() for _ in pair]
        >>> for optimizer, model in zip(optimizers, pair):
        ...     optimizer.build(model.trainable_variables)
        >>> step = training.Step(
        ...     training.Networks(*pair),
        ...     training.Optimizers(*optimizers),
        ...     training.Objective(losses.hinge),
        ...     training.Options(batch_size=8),
        ... )
        >>> statistics = step([tf.zeros([8, 2])], [step.latents(0)], tf.constant(0, tf.int64))
        >>> len(statistics) == len(training.STATISTICS)
        True

    Reference:
        Goodfellow et al., NIPS 2014, algorithm 1. Chapter 07 writes the step out.
    """

    def __init__(
        self, networks: Networks, optimizers: Optimizers, objective: Objective, options: Any
    ) -> None:
        self.networks, self.optimizers = networks, optimizers
        self.objective, self.options = objective, options
        self.augment_state = _initial_state(options.augment)
        self._separate_passes = mixes_samples(networks.discriminator)
        self._side_training = not iterates_only(networks.discriminator)

    # ---- the whole step ---------------------------------------------------------------------

    def __call__(
        self,
        real_batches: Sequence[tf.Tensor],
        latent_batches: Sequence[tf.Tensor],
        step: int | tf.Tensor,
        label_batches: Sequence[tf.Tensor] | None = None,
    ) -> tf.Tensor:
        """One step: the discriminator's updates, then the generator's, then the average's.

        Args:
            real_batches: ``num_discriminator_steps`` float tensors (batch, ...) in model range.
            latent_batches: as many float tensors (batch, latent_dim).
            step: int64 scalar, the number of steps completed before this one.
            label_batches: as many int32 tensors (batch,). None: no labels.

        Returns:
            float32 tensor with one mean for each of ``STATISTICS``, of the last discriminator
            step: losses, logits and their signs (from the loss's border), the norm of the
            generator's gradient, and the diversity of its images.
        """
        statistics = self.update_networks(real_batches, latent_batches, step, label_batches)
        self.after(statistics, step)
        return statistics

    def update_networks(
        self,
        real_batches: Sequence[tf.Tensor],
        latent_batches: Sequence[tf.Tensor],
        step: int | tf.Tensor,
        label_batches: Sequence[tf.Tensor] | None = None,
    ) -> tf.Tensor:
        """The part of a step that each replica does with its share of the batch.

        The generator's update uses the images of the last discriminator step, which it has not
        changed since; they go through the *updated* discriminator.

        Args:
            real_batches: as in a call, and so are the others.
            latent_batches: likewise.
            step: likewise.
            label_batches: likewise.

        Returns:
            float32 tensor, one mean for each of ``STATISTICS``.
        """
        if label_batches is None:
            label_batches = [_or_unknown(None, real) for real in real_batches]
        batches = zip(real_batches, latent_batches, label_batches, strict=True)
        *earlier, (last_real, last_latents, labels) = batches
        for substep, (real_images, latents, early_labels) in enumerate(earlier):
            fake_images = self.measured(self.generate(latents, early_labels), step, substep)
            self.discriminator_step(real_images, fake_images, step, substep, early_labels)
        objective, optimizer = self.objective, self.optimizers.generator
        variables = self.networks.generator.trainable_variables
        with tf.GradientTape() as tape:
            fake_images = self.measured(self.generate(last_latents, labels), step, len(earlier))
            with tape.stop_recording():
                d_loss, real_logits, fake_logits = self.discriminator_step(
                    last_real, fake_images, step, len(earlier), labels
                )
            real, fake = self.outputs_for_generator(last_real, fake_images, labels, step)
            g_loss = objective.loss.generator(real["logits"], fake["logits"])
            total = g_loss
            for term in objective.terms:
                total += term.generator_loss(real, fake, labels)
            for value in regularization(self.networks.generator):
                total += value
            total = optimizer.scale_loss(total)
        gradients = _gradients(tape, total, variables)
        norm = _norm(gradients, optimizer)
        self.apply(optimizer, gradients, variables)
        logits = (real_logits, fake_logits)
        return tf.stack(
            [d_loss, g_loss]
            + [tf.reduce_mean(values) for values in logits]
            + [tf.reduce_mean(tf.sign(values)) for values in self._verdicts(*logits)]
            + [norm, diversity(last_real, fake_images)]
        )

    def discriminator_step(
        self,
        real_images: tf.Tensor,
        fake_images: tf.Tensor,
        step: int | tf.Tensor,
        substep: int = 0,
        labels: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
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
        objective, optimizer = self.objective, self.optimizers.discriminator
        variables = self.networks.discriminator.trainable_variables
        labels = _or_unknown(labels, real_images)
        fake_images = tf.stop_gradient(fake_images)
        stream = substep * _STREAMS_PER_SUBSTEP
        with tf.GradientTape() as tape:
            real, fake = self.outputs_of_both(real_images, fake_images, labels, step, stream)
            loss = total = objective.loss.discriminator(real["logits"], fake["logits"])
            for term in objective.terms:
                total += term.discriminator_loss(real, fake, labels)
            for value in regularization(self.networks.discriminator):
                total += value
            total = optimizer.scale_loss(total)
        gradients = _gradients(tape, total, variables)
        batch = (real_images, fake_images, labels)
        for index, penalty in enumerate(objective.penalties):
            extra = self.penalty_gradients(penalty, batch, step, stream + 2 + index)
            gradients = [a + b for a, b in zip(gradients, extra, strict=True)]
        self.apply(optimizer, gradients, variables)
        if self.options.weight_clip is not None:
            bound = self.options.weight_clip
            for variable in variables:
                variable.assign(tf.clip_by_value(variable, -bound, bound))
        return loss, real["logits"], fake["logits"]

    def penalty_gradients(
        self, penalty: Any, batch: Any, step: int | tf.Tensor, stream: Any
    ) -> list[tf.Tensor]:
        """Gradients of weight · interval · penalty where it is due, zeros elsewhere.

        Args:
            penalty: a ``Penalty``.
            batch: real images, generated images and labels.
            step: int64 scalar.
            stream: int, different for each penalty of a step.

        Returns:
            list of float tensors, one for each trainable variable of the discriminator.
        """
        variables = self.networks.discriminator.trainable_variables
        real_images, fake_images, labels = batch

        def discriminator(images):
            return self._outputs(self._seen(images, step, stream), labels)["logits"]

        def due():
            with tf.GradientTape() as tape:
                seed = self._seed(step, _PENALTIES, stream)
                value = penalty.function(discriminator, real_images, fake_images, seed)
                value *= penalty.weight * penalty.interval
                value = self.optimizers.discriminator.scale_loss(value)
            return _gradients(tape, value, variables)

        if penalty.interval == 1:
            return due()
        return tf.cond(
            tf.equal(step % penalty.interval, 0), due, lambda: [tf.zeros_like(v) for v in variables]
        )

    def apply(
        self,
        optimizer: keras.optimizers.Optimizer,
        gradients: Sequence[tf.Tensor],
        variables: Sequence[tf.Variable],
    ) -> None:
        """Applies the mean of the replicas' gradients; Keras sums what each replica gives it.

        Args:
            optimizer: a Keras optimizer.
            gradients: list of float tensors.
            variables: as many variables.
        """
        replicas = self.options.num_replicas
        if replicas > 1:
            if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                # It looks for overflow before it sums: all replicas must come to the same finding.
                context = tf.distribute.get_replica_context()
                gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
            gradients = [gradient / replicas for gradient in gradients]
        optimizer.apply(gradients, variables)

    def after(self, statistics: tf.Tensor, step: int | tf.Tensor) -> None:
        """Moves the average, and an adapted probability, which all replicas share.

        Args:
            statistics: float32 tensor, one mean for each of ``STATISTICS``.
            step: int64 scalar.
        """
        if self.networks.average is not None:
            self._update_average(step)
        if len(self.augment_state) == 2:
            probability, sign_mean = self.augment_state
            num_images = self.options.batch_size
            state = self.options.augment.update(
                probability, sign_mean, statistics[4], num_images, step
            )
            probability.assign(state[0])
            sign_mean.assign(state[1])

    def _update_average(self, step):
        """Moves every variable of the average, batch statistics too, towards the generator's."""
        steps = tf.cast(step, tf.float32)
        decay = tf.minimum(self.options.ema_decay, (1.0 + steps) / (10.0 + steps))
        for average, variable in zip(
            self.networks.average.variables, self.networks.generator.variables, strict=True
        ):
            if average.dtype.startswith("float"):
                average.assign(variable + (average - variable) * decay)
            else:
                average.assign(variable)

    # ---- what the networks make and see ----------------------------------------------------------

    def generate(self, latents: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
        """Images of the generator, in training.

        Args:
            latents: float tensor (batch, latent_dim).
            labels: int32 tensor (batch,), which an unconditional generator does not see.

        Returns:
            float tensor (batch, ...).
        """
        generator = self.networks.generator
        return generator([latents, labels] if len(generator.inputs) > 1 else latents, training=True)

    def measured(
        self, fake_images: tf.Tensor, step: int | tf.Tensor, substep: int = 0
    ) -> tf.Tensor:
        """Generated images as they would have been measured, where the real ones were.

        Both networks' losses, penalties and terms are of these. Unlike augmentation, it leaves real
        images alone: they came through a measurement of their own.

        Args:
            fake_images: float tensor (batch, ...), what the generator made.
            step: int64 scalar.
            substep: which of the step's discriminator updates they are for.

        Returns:
            float tensor (batch, ...); without ``Options(measure=...)`` the images as they are.

        Raises:
            ValueError: if the measurement gives another shape.
        """
        measure = self.options.measure
        if measure is None:
            return fake_images
        images = measure(fake_images, self._seed(step, _MEASUREMENTS, substep))
        if not images.shape.is_compatible_with(fake_images.shape):
            raise ValueError(
                f"received measure={measure!r}, which makes {images.shape} of images of shape "
                f"{fake_images.shape}; expected the same shape, as the discriminator sees both. "
                "Fill what was not measured with a constant, as in the real images."
            )
        return images

    def outputs_of_both(
        self,
        real_images: tf.Tensor,
        fake_images: tf.Tensor,
        labels: tf.Tensor | None,
        step: int | tf.Tensor,
        stream: Any,
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        """The discriminator's outputs for both batches, in its update.

        One pass for both, unless the network's samples affect each other.

        Args:
            real_images: float tensor (batch, ...).
            fake_images: likewise.
            labels: int32 tensor (batch,).
            step: int64 scalar.
            stream: int, different for each use within a step.

        Returns:
            ``(real, fake)``, dicts of float tensors; "logits" is always among them.
        """
        if self._separate_passes:
            real = self._outputs(self._seen(real_images, step, stream), labels, training=True)
            return real, self._outputs(self._seen(fake_images, step, stream + 1), labels)
        both = self._seen(tf.concat([real_images, fake_images], 0), step, stream)
        outputs = self._outputs(both, tf.concat([labels, labels], 0), training=True)
        halves = {name: tf.split(value, 2) for name, value in outputs.items()}
        real, fake = ({name: half[i] for name, half in halves.items()} for i in (0, 1))
        return real, fake

    def outputs_for_generator(
        self,
        real_images: tf.Tensor,
        fake_images: tf.Tensor,
        labels: tf.Tensor | None,
        step: int | tf.Tensor,
    ) -> tuple[dict[str, tf.Tensor] | None, dict[str, tf.Tensor]]:
        """What the updated discriminator says of both batches; of real ones only where needed.

        Only an objective that pairs real with fake looks at real images here. They must then go
        through the updated discriminator, as the fake ones do.

        Args:
            real_images: float tensor (batch, ...).
            fake_images: likewise.
            labels: int32 tensor (batch,).
            step: int64 scalar.

        Returns:
            ``(real, fake)``, dicts of float tensors; no gradient passes through the real ones.
        """
        seen = self._seen(fake_images, step, _GENERATOR_STREAM + 1)
        fake = self._outputs(seen, labels)
        if not self.objective.paired:
            return {"logits": tf.zeros_like(fake["logits"])}, fake
        seen = self._seen(real_images, step, _GENERATOR_STREAM)
        real = self._outputs(seen, labels)
        return {name: tf.stop_gradient(value) for name, value in real.items()}, fake

    def _outputs(self, images, labels, training=None):
        """All outputs of the discriminator by name; ``logits`` is always among them.

        Only the first pass of an update is a training pass where spectral normalisation would make
        a power iteration in each.
        """
        discriminator = self.networks.discriminator
        inputs = [images, labels] if len(discriminator.inputs) > 1 else images
        training = self._side_training if training is None else training
        outputs = discriminator(inputs, training=training)
        return outputs if isinstance(outputs, dict) else {"logits": outputs}

    def _seen(self, images, step, stream):
        """The images as the discriminator sees them: augmented."""
        if self.options.augment is None:
            return images
        return self.options.augment(images, self._seed(step, _VIEWS, stream), self.augment_state[0])

    def _verdicts(self, real_logits, fake_logits):
        """Both logits, positive where they say "real"."""
        border = self.objective.loss.border
        if border is None:
            border = 0.5 * (tf.reduce_mean(real_logits) + tf.reduce_mean(fake_logits))
        elif border == 0:
            return real_logits, fake_logits
        return real_logits - border, fake_logits - border

    # ---- draws ----------------------------------------------------------------------------

    def latents(self, step: int | tf.Tensor, substep: int = 0) -> tf.Tensor:
        """Latents of the global batch of a step, of which each replica takes its share.

        Args:
            step: int64 scalar or int.
            substep: which of the step's discriminator updates they are for.

        Returns:
            float32 tensor (batch_size, latent_dim) from N(0, I).
        """
        shape = [self.options.batch_size, self.networks.generator.inputs[0].shape[-1]]
        return draws.normal(shape, self._seed(step, _LATENTS, substep))

    def _seed(self, step, kind, index=0):
        """The pair of integers that decides one draw of one step, on one replica."""
        first = tf.constant(self.options.seed + kind, tf.int64)
        if self.options.num_replicas > 1 and kind != _LATENTS:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            first += tf.cast(replica, tf.int64) * _REPLICA
        return tf.stack([first, tf.cast(step, tf.int64) * _STREAMS_PER_STEP + index])


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


def regularization(model):
    """What the regularizers of a network's weights ask of it, such as a ``kernel_regularizer``.

    Args:
        model: ``keras.Model``, called just before.

    Returns:
        list of float32 scalars, one for each such weight.

    Raises:
        ValueError: if a layer adds another loss, by ``add_loss``.
    """
    regularized = [v for v in model.trainable_variables if v.regularizer is not None]
    if len(model.losses) > len(regularized):
        raise ValueError(
            f"received a network {model.name!r} with a layer that calls add_loss; expected losses "
            "of the outputs only. Make what it looks at a named output, and pass a losses.Term."
        )
    return [tf.cast(v.regularizer(v), tf.float32) for v in regularized]


def diversity(real_images: tf.Tensor, fake_images: tf.Tensor) -> tf.Tensor:
    """Spread of generated images over that of real ones, within a batch.

    Args:
        real_images: tensor (batch, ...).
        fake_images: likewise.

    Returns:
        float32 scalar: the quotient of the standard deviations across the batch, means over values.
    """
    return _spread(fake_images) / (_spread(real_images) + 1e-12)


def _spread(images):
    return tf.reduce_mean(tf.math.reduce_std(tf.cast(images, tf.float32), axis=0))


def _or_unknown(labels, images):
    return tf.fill(tf.shape(images)[:1], -1) if labels is None else labels


def _initial_state(augment):
    """What augmentation carries from step to step: its probability, and ADA's running sign."""
    if not hasattr(augment, "update"):
        return (1.0,)
    names = ("augment_probability", "augment_sign")
    values = augment.initial_state()
    return tuple(
        tf.Variable(value, trainable=False, dtype=tf.float32, name=name)
        for name, value in zip(names, values, strict=True)
    )


def mixes_samples(model):
    """Whether one sample's output depends on the rest of its batch."""
    return any(
        isinstance(layer, keras.layers.BatchNormalization) or getattr(layer, "mixes_samples", False)
        for layer in model._flatten_layers()
    )


def iterates_only(model):
    """Whether training makes a difference only to layers that iterate in it, of which there are."""
    flat = model._flatten_layers()
    return any(getattr(layer, "iterates_in_training", False) for layer in flat) and not any(
        isinstance(layer, keras.layers.BatchNormalization) or hasattr(layer, "seed_generator")
        for layer in flat
    )
