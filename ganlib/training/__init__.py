"""The loop around the training step, the state of a run, and its files.

Everything random in step k (batch, latents, labels, augmentation, the penalty's draws) is computed
from the run's seed and k alone. So a run that was interrupted and resumed equals one that was not,
and nothing but the variables and the step need be saved. `GAN.train` says how equal they are.

Whoever wants another loop takes the parts: a `Step` is given networks, optimizers, an objective and
options; a `Block` makes many of them in one compiled call, from what a `Feed` gives it.
"""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ganlib import _checks, _files, data, losses
from ganlib._tensorflow import devices, keras, tf
from ganlib.models import fast, inference, spectral
from ganlib.training import (
    _fit,
    _keras_file,
    _loop,
    _networks,
    _restore,
    _settings,
    checkpoints,
)
from ganlib.training._block import Block
from ganlib.training._history import STATISTICS, History
from ganlib.training._keras_file import load_generator
from ganlib.training._loop import Feed, Order
from ganlib.training._options import Options, Penalty
from ganlib.training._poisson import PoissonBatches
from ganlib.training._step import Networks, Objective, Optimizers, Step, diversity

__all__ = [
    "GAN",
    "STATISTICS",
    "Block",
    "Feed",
    "History",
    "Networks",
    "Objective",
    "Optimizers",
    "Options",
    "Order",
    "Penalty",
    "PoissonBatches",
    "Step",
    "diversity",
    "load_generator",
]


class GAN:
    """A generator and a discriminator with all that training them needs.

    Made from two networks alone it has neither a gradient penalty nor augmentation, and learning
    rates that do not fall: enough for points and tiny images, too little for pictures. For those
    ``recipes`` has settings that fit, with the networks or for yours.

    Attributes:
        generator: the trained generator.
        discriminator: the discriminator.
        ema_generator: the moving average of the generator, from which ``sample`` draws.
        step: number of completed steps.
        history: a ``History``.
        training_step: the ``Step``, which holds networks, optimizers, objective and options. They
            can be read here too, but not replaced: build another GAN for that.
        step_class: the class of that step; a subclass of ``GAN`` may name another.

    Args:
        generator: functional or sequential ``keras.Model``, latents (batch, latent_dim) -> images;
            a conditional one takes a list of latents and labels, int32 (batch,). A subclassed one
            must have been called once, and be one that Keras can copy.
        discriminator: likewise, images -> logits (batch, 1), or a dict of outputs with "logits"
            among them; a conditional one takes a list of images and labels. An unconditional one
            may be subclassed. Logits are any real numbers: no sigmoid at the end.
        loss: one of ``losses``.
        penalties: ``Penalty`` objects, added to the discriminator's loss.
        terms: further objectives such as ``losses.auxiliary_classifier()``.
        generator_optimizer: Keras optimizer. None: Adam(8e-4, beta_1=0, beta_2=0.99).
        discriminator_optimizer: likewise, another object.
        options: an ``Options``.

    Networks that compute in float16 (built under Keras's policy "mixed_float16") get a loss scale
    for each optimizer. With ``Options(strategy=...)`` both networks, and the optimizers if given,
    are made under the strategy's scope; each device takes its share of every batch, and gradients
    are those of the whole batch.

    Regularizers of weights (``kernel_regularizer`` and its kin) count in the loss of their network.

    Raises:
        ValueError: if the networks do not fit together, share an optimizer, or were made outside of
            the strategy's scope; or if an argument is not what it should be.

    Example:
        >>> from ganlib import losses, penalties, toy, training
        >>> from ganlib.models import mlp
        >>> points = toy.ring().sample(1000, seed=0)
        >>> gan = training.GAN(
        ...     mlp.generator(None, 2, latent_dim=4, width=8),
        ...     mlp.discriminator(None, 2, width=8),
        ...     penalties=[training.Penalty(penalties.r1, weight=0.1)],
        ... )
        >>> history = gan.train(points, num_steps=100, progress=False)
        >>> gan.sample(5).shape
        (5, 2)

    Reference:
        Goodfellow et al., NIPS 2014, algorithm 1; moving average: Karras et al., ICLR 2018.
        Chapter 07 writes the step out.
    """

    step_class = Step

    def __init__(  # noqa: PLR0913, what Keras's compile takes, for two networks instead of one
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        loss: losses.Loss = losses.non_saturating,
        *,
        penalties: Sequence[Penalty] = (),
        terms: Sequence[losses.Term] = (),
        generator_optimizer: keras.optimizers.Optimizer | None = None,
        discriminator_optimizer: keras.optimizers.Optimizer | None = None,
        options: Options | None = None,
    ) -> None:
        options = _fit.require_options(options)
        _fit.require_objective(loss, penalties, terms)
        _fit.require_augment(options.augment)
        _fit.require_measure(options.measure)
        if generator_optimizer is not None and generator_optimizer is discriminator_optimizer:
            raise ValueError(
                "received the same optimizer for both networks; expected two, as each keeps one "
                "step count and one list of variables. Make one optimizer for each."
            )
        strategy = options.strategy
        with contextlib.nullcontext() if strategy is None else strategy.scope():
            generator, discriminator = _networks.adopted(generator, discriminator)
            _fit.require_scope(
                strategy,
                generator=generator,
                discriminator=discriminator,
                generator_optimizer=generator_optimizer,
                discriminator_optimizer=discriminator_optimizer,
            )
            objective = Objective(loss, tuple(penalties), tuple(terms))
            _fit.require_outputs(discriminator, objective)
            optimizers = Optimizers(
                _fit.built(generator_optimizer, generator, "generator"),
                _fit.built(discriminator_optimizer, discriminator, "discriminator"),
            )
            networks = Networks(generator, discriminator, fast.with_plain_layers(generator))
            self.training_step = self.step_class(networks, optimizers, objective, options)
        self.latent_dim = generator.inputs[0].shape[-1]
        self.takes_labels = len(generator.inputs) > 1 or len(discriminator.inputs) > 1
        self.step, self.history, self._compile_seconds = 0, History.empty(), 0.0
        self._optimizer_settings, self._callbacks, self._identities = None, (), {}
        self._block = Block(self.training_step)
        self._generate = tf.function(
            lambda inputs: self.ema_generator(inputs, training=False),
            autograph=False,
            reduce_retracing=True,
        )

    generator = property(lambda self: self.training_step.networks.generator)
    discriminator = property(lambda self: self.training_step.networks.discriminator)
    ema_generator = property(lambda self: self.training_step.networks.average)
    generator_optimizer = property(lambda self: self.training_step.optimizers.generator)
    discriminator_optimizer = property(lambda self: self.training_step.optimizers.discriminator)
    loss = property(lambda self: self.training_step.objective.loss)
    penalties = property(lambda self: self.training_step.objective.penalties)
    terms = property(lambda self: self.training_step.objective.terms)
    options = property(lambda self: self.training_step.options)

    # ---- steps ---------------------------------------------------------------------------

    def train_step(
        self,
        real_batches: Sequence[tf.Tensor],
        latent_batches: Sequence[tf.Tensor],
        step: int | tf.Tensor,
        label_batches: Sequence[tf.Tensor] | None = None,
    ) -> tf.Tensor:
        """One step of both networks and the average, without loop, history or files.

        Args:
            real_batches: as in a call of ``Step``, and so are the others.
            latent_batches: likewise.
            step: likewise.
            label_batches: likewise.

        Returns:
            float32 tensor, one mean for each of ``STATISTICS``.
        """
        return self.training_step(real_batches, latent_batches, step, label_batches)

    def discriminator_step(
        self,
        real_images: tf.Tensor,
        fake_images: tf.Tensor,
        step: int | tf.Tensor,
        substep: int = 0,
        labels: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """One update of the discriminator alone.

        Args:
            real_images: as in ``Step.discriminator_step``, and so are the others.
            fake_images: likewise.
            step: likewise.
            substep: likewise.
            labels: likewise.

        Returns:
            ``(loss, real_logits, fake_logits)``.
        """
        return self.training_step.discriminator_step(
            real_images, fake_images, step, substep, labels
        )

    def train(
        self,
        images: data.Images | ArrayLike,
        num_steps: int,
        directory: str | os.PathLike[str] | None = None,
        *,
        labels: ArrayLike | None = None,
        checkpoint_every: int = 1000,
        callbacks: Sequence[Callable] = (),
        progress: bool = True,
    ) -> History:
        """Trains up to step ``num_steps``, counted from the run's beginning.

        With a ``directory`` the run is saved there every ``checkpoint_every`` steps and at its end,
        and a second call on the same directory goes on from the newest checkpoint. Ctrl-C, SIGTERM
        and a closed terminal let the compiled call and the callbacks finish, save, and then end the
        run as they would anyway (``KeyboardInterrupt``, ``SystemExit``). A second Ctrl-C cuts the
        callbacks short; nothing cuts a compiled call short, nor the compiling before the first one.
        The run is also saved before an error in a callback ends it.

        A run is a function of its seed, with XLA and without, up to rounding. On one CPU (same
        versions, threads and kind of processor) two runs, and a resumed and an uninterrupted one,
        are equal bit for bit. On a GPU they are so if
        ``tf.config.experimental.enable_op_determinism()`` is called before; otherwise sums are
        added in changing orders, and each process chooses its kernels by timing them.

        A run's learning rates may be changed, in a callback, between two calls or after
        ``restore``: set the ``learning_rate`` of ``generator_optimizer``. They are part of the
        checkpoint. The GAN itself is built with the optimizers of the run's beginning.

        Args:
            images: ``data.Images``, a uint8 array (n, height, width, channels), or a float array
                (n, ...) that is in the model's range already, and is trained on as it is: points
                of a toy, rows of a table. An array that is a ``np.memmap`` stays on the disk;
                batches are read as needed.
            num_steps: the run's total number of steps; nothing happens if they are done.
            directory: folder for checkpoints, or None.
            labels: of an array, its classes: integers (n,) from 0, −1 where unknown. None: it has
                none. ``data.Images`` brings its own.
            checkpoint_every: steps from one checkpoint to the next.
            callbacks: functions ``(gan, step)``, called after each compiled call; one that returns
                True ends the run. Those with ``get_state`` (an array) and ``set_state``, such as
                ``callbacks.EarlyStop``, are part of the checkpoint. They are known again by their
                class and by what their constructor was given.
            progress: whether to show a bar with both losses and real images per second.

        Returns:
            The ``History`` of the whole run.

        Raises:
            OSError: before the first step, if nothing can be written in the directory.
            ValueError: if the images or labels do not fit the networks, in shape, dtype, range or
                number of classes; if labels are given twice; or the directory holds a run with
                another configuration or other images.
            FloatingPointError: if a loss or a weight is no longer finite; the last checkpoint
                before that stays.
        """
        _checks.positive_integers(num_steps=num_steps, checkpoint_every=checkpoint_every)
        _fit.require_callbacks(callbacks)
        images, labels = _fit.as_arrays(images, self, labels)
        config = self._config() | {"images": _loop.fingerprint(images, labels)}
        self._callbacks = callbacks = tuple(callbacks)
        self._identities = _restore.identities(callbacks)
        if directory is not None:
            self._resume(directory, config, only_forward=True)
        done = self.step >= num_steps
        if done or any(getattr(callback, "finished", False) for callback in callbacks):
            return self.history
        if directory is not None and _loop.is_chief(self.options.strategy):
            _files.require_writable(directory)
        devices.warn_of_idle_gpu()
        feed = Feed(images, labels, self.options)
        with (
            _loop.Interruption() as interruption,
            _loop.Progress(num_steps, self.step, progress) as bar,
        ):
            with interruption.held(), bar.compiling():
                self._compile(feed, directory)
            while self.step < num_steps:
                end = _loop.block_end(
                    self.step, num_steps, self.options.steps_per_call, checkpoint_every
                )
                with interruption.held():
                    self._train_block(feed, end, directory)
                    bar.show(self.step, self.history)
                with self._saved_on_error(directory, config, interruption):
                    ended = not interruption.insisted and self._ended_by_callback()
                stop = interruption.requested or self.step == num_steps or ended
                if directory is not None and (stop or self.step % checkpoint_every == 0):
                    with interruption.held():
                        self._save(directory, config)
                interruption.raise_if_requested(self.step, directory)
                if ended:
                    break
        return self.history

    def _ended_by_callback(self):
        """Calls all callbacks; whether one of them ends the run."""
        ended = [callback(self, self.step) is True for callback in self._callbacks]
        return any(ended)

    @contextlib.contextmanager
    def _saved_on_error(self, directory, config, interruption):
        """An error in a callback, or a second Ctrl-C, costs no step."""
        try:
            yield
        except BaseException:
            if directory is not None:
                with interruption.held():
                    self._save(directory, config)
            raise

    def _compile(self, feed, directory):
        """Compiles the step before the first call, so that rates are those of training."""
        with _loop.lost_workers(self.options.strategy, self.step, directory):
            self._compile_seconds = self._block.compile(feed)

    def _train_block(self, feed, end, directory):
        """One compiled call, recorded in the history."""
        start = time.perf_counter()
        with _loop.lost_workers(self.options.strategy, self.step, directory):
            means, finite = self._block(feed, self.step, end)
            means = means.numpy()
        seconds = time.perf_counter() - start
        if not (np.isfinite(means).all() and finite):
            raise FloatingPointError(_loop.divergence_message(self.step, end, means, directory))
        num_images = (end - self.step) * self.options.batch_size
        num_images *= self.options.num_discriminator_steps
        self.step = end
        augmented = self.options.augment is not None
        probability = self.training_step.augment_state[0]
        self.history.append(
            **dict(zip(STATISTICS, means, strict=True)),
            step=end,
            augment_probability=float(tf.identity(probability)) if augmented else 0.0,
            seconds=seconds + (self.history.seconds[-1] if len(self.history.seconds) else 0.0),
            images_per_second=num_images / seconds,
            compile_seconds=self._compile_seconds,
        )
        self._compile_seconds = 0.0

    # ---- samples and files -----------------------------------------------------------------

    def latents(self, num_images: int, seed: int = 0) -> tf.Tensor:
        """Latents for ``sample``: the same for the same seed, whatever was trained in between.

        Args:
            num_images: how many.
            seed: which ones.

        Returns:
            float32 tensor (num_images, latent_dim) from N(0, I).
        """
        return inference.latents(self.ema_generator, num_images, seed)

    def sample(self, num_images: int, seed: int = 0, labels: ArrayLike | None = None) -> np.ndarray:
        """Images of the averaged generator.

        Args:
            num_images: how many.
            seed: decides the latents.
            labels: int array (num_images,) or one int, for a conditional generator. None: each
                class in turn.

        Returns:
            float32 array (num_images, ...), in [-1, 1] for images; ``data.to_uint8`` makes pixels.

        Raises:
            ValueError: if labels are given to a generator that takes none, or do not fit.
        """
        latents = self.latents(num_images, seed)
        labels = inference.labels_for(self.ema_generator, num_images, labels)
        return inference.generate(self._generate, latents, labels)

    def save_generator(self, path: str | os.PathLike[str]) -> None:
        """Writes the averaged generator as one ``.keras`` file that plain Keras loads.

        Layers of your own classes, and ``Lambda`` layers, need their code to be loaded again; a
        warning names them.

        Args:
            path: file name ending in ``.keras``; its folder is made if missing.

        Raises:
            ValueError: if the name does not end in ``.keras``.
        """
        path = _keras_file.named(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _files.whole(path, keep_suffix=True) as temporary:
            model = spectral.folded(self.ema_generator)
            model.save(temporary)
        _networks.warn_of_own_code(model, path)

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Writes a checkpoint of the whole run, atomically.

        Args:
            directory: folder of the run; the two newest checkpoints stay in it.
        """
        self._save(directory, self._config())

    def restore(self, directory: str | os.PathLike[str]) -> None:
        """Takes over the newest checkpoint of a directory.

        Args:
            directory: folder of a run of a GAN that was built with the same arguments.

        Raises:
            FileNotFoundError: if the directory holds no checkpoint.
            ValueError: if the configuration differs, naming the field.
        """
        if not self._resume(directory, self._config()):
            raise FileNotFoundError(
                f"{directory} holds no checkpoint (a file step-*.npz). Give the directory that "
                f"was passed to train or save."
            )

    def _save(self, directory, config):
        states, error = _restore.states_of(self._callbacks)
        if _loop.is_chief(self.options.strategy):
            checkpoints.save(
                directory,
                self.step,
                {name: [np.asarray(v) for v in own] for name, own in self._state().items()}
                | states,
                config | {"callbacks": self._identities},
                dataclasses.asdict(self.history),
            )
        if error is not None:  # what a callback did wrong costs its state, not the run's
            raise error

    def _resume(self, directory, config, only_forward=False):
        """Takes over the newest checkpoint, if it fits; False if there is none."""
        found = checkpoints.load_latest(directory)
        if found is None:
            return False
        step, state, saved_config, history = found
        identities = saved_config.pop("callbacks", {})
        saved_config = _settings.completed(saved_config)
        if "images" not in config or "images" not in saved_config:
            config = {k: v for k, v in config.items() if k != "images"}
            saved_config = {k: v for k, v in saved_config.items() if k != "images"}
        checkpoints.require_same_config(saved_config, config, directory)
        if only_forward and step < self.step:  # what is in memory has come further
            return True
        pairs = [
            pair
            for name, variables in self._state().items()
            for pair in _restore.fitted(variables, state.get(name, []), name, directory)
        ]
        history = _restore.history(history, directory)
        if only_forward:
            _restore.set_states(self._callbacks, state, identities, directory)
        if only_forward and step == self.step:  # a rate may have been changed since
            return True
        for variable, value in pairs:
            variable.assign(value)
        self.step, self.history = step, history
        return True

    def _state(self):
        """All that a run is, but for the step and the history."""
        return {
            "generator": self.generator.variables,
            "discriminator": self.discriminator.variables,
            "ema_generator": self.ema_generator.variables,
            "generator_optimizer": self.generator_optimizer.variables,
            "discriminator_optimizer": self.discriminator_optimizer.variables,
            "augment": [v for v in self.training_step.augment_state if isinstance(v, tf.Variable)],
        }

    def _config(self):
        """What must be equal for a checkpoint to fit, as JSON holds it."""
        if self.step == 0 or self._optimizer_settings is None:
            self._optimizer_settings = _settings.of_optimizers(self.training_step.optimizers)
        return _settings.of_run(self, self._optimizer_settings)
