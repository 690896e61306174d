"""The training step, the loop around it, and the averaged generator.

Everything random in step k (batch, latents, the penalty's draws) is computed from the run's seed
and k alone. So a run that was interrupted and resumed equals one that was not, bit for bit, and
nothing but the variables and the step need be saved.
"""

import dataclasses
import json
import os
import pathlib
import time
from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from ganlib import _loop, checkpoints, data, losses
from ganlib._tensorflow import keras, tf
from ganlib.models import layers

_SAMPLING_BATCH = 500
_STREAMS_PER_STEP = 1024  # seeds set apart for the draws of one step
_LATENTS, _PENALTIES = 0, 512  # where each kind of draw begins among them
_SAMPLES = -1  # a seed below zero: draws that belong to no step


@dataclasses.dataclass(frozen=True)
class Options:
    """How a pair is trained, apart from its loss, penalties and optimizers.

    Attributes:
        batch_size: real images per discriminator step; as many are generated.
        num_discriminator_steps: discriminator steps per generator step.
        ema_decay: decay of the generator's exponential moving average, in [0, 1); early on it is
            at most (1 + step) / (10 + step), so that the average forgets the first weights.
        steps_per_call: steps inside one compiled call; also how often losses are recorded.
        jit_compile: whether XLA compiles the step. None: on a GPU only; on a CPU it is slower.
        seed: the run's seed.
    """

    batch_size: int = 64
    num_discriminator_steps: int = 1
    ema_decay: float = 0.998
    steps_per_call: int = 50
    jit_compile: bool | None = None
    seed: int = 0

    def __post_init__(self):
        for name in ("batch_size", "num_discriminator_steps", "steps_per_call"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive integer, but is {value!r}.")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be in [0, 1), but is {self.ema_decay!r}.")


@dataclasses.dataclass(frozen=True)
class Penalty:
    """A gradient penalty with its weight, added every ``interval`` steps (lazy regularisation).

    A penalty that comes every k steps is multiplied by k, so that its weight means the same.

    Attributes:
        function: one of ``penalties``: (discriminator, real, fake, seed) -> scalar.
        weight: its factor; for R1 this is γ.
        interval: number of steps from one to the next.

    Reference:
        Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, CVPR 2020, app. B.
    """

    function: Callable
    weight: float = 1.0
    interval: int = 1

    def __post_init__(self):
        if not isinstance(self.interval, int) or self.interval < 1:
            raise ValueError(f"interval must be a positive integer, but is {self.interval!r}.")


@dataclasses.dataclass
class History:
    """What a run recorded: one entry for each compiled call, means over its steps.

    Attributes:
        step: last step of the call, int64 (n,).
        discriminator_loss: float32 (n,), without penalties.
        generator_loss: float32 (n,).
        real_logit: mean logit of real images, float32 (n,).
        fake_logit: mean logit of generated images at the discriminator's step, float32 (n,).
        seconds: training time since step 0, float64 (n,), without checkpoints and callbacks.
        images_per_second: real images per second of training time, float64 (n,).
    """

    step: np.ndarray
    discriminator_loss: np.ndarray
    generator_loss: np.ndarray
    real_logit: np.ndarray
    fake_logit: np.ndarray
    seconds: np.ndarray
    images_per_second: np.ndarray

    @classmethod
    def empty(cls):
        """A history of no steps.

        Returns:
            A ``History`` whose arrays have length 0.
        """
        dtypes = [np.int64] + 4 * [np.float32] + 2 * [np.float64]
        return cls(*(np.zeros(0, dtype) for dtype in dtypes))

    def append(self, **values):
        """Adds one entry.

        Args:
            **values: a number for each attribute, by its name.
        """
        for name, value in values.items():
            old = getattr(self, name)
            setattr(self, name, np.append(old, np.asarray(value, old.dtype)))


class GAN:
    """A generator and a discriminator with all that training them needs.

    Attributes:
        generator: the trained generator.
        discriminator: the discriminator.
        ema_generator: the moving average of the generator, from which ``sample`` draws.
        step: number of completed steps.
        history: a ``History``.

    Args:
        generator: ``keras.Model``, latents (batch, latent_dim) -> images.
        discriminator: ``keras.Model``, images -> logits (batch, 1).
        loss: one of ``losses``.
        penalties: ``Penalty`` objects, added to the discriminator's loss.
        generator_optimizer: Keras optimizer. None: Adam(8e-4, beta_1=0, beta_2=0.99).
        discriminator_optimizer: likewise, another object.
        options: an ``Options``.

    Raises:
        ValueError: if the networks do not fit together, or share an optimizer.

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

    def __init__(
        self,
        generator,
        discriminator,
        loss=losses.non_saturating,
        *,
        penalties=(),
        generator_optimizer=None,
        discriminator_optimizer=None,
        options=Options(),
    ):
        _require_fit(generator, discriminator)
        if generator_optimizer is not None and generator_optimizer is discriminator_optimizer:
            raise ValueError(
                "both networks were given the same optimizer, whose moments would mix. "
                "Make one optimizer for each."
            )
        self.generator, self.discriminator = generator, discriminator
        self.loss, self.penalties, self.options = loss, tuple(penalties), options
        self.generator_optimizer = _built(generator_optimizer, generator)
        self.discriminator_optimizer = _built(discriminator_optimizer, discriminator)
        self.ema_generator = layers.with_plain_batch_normalization(generator)
        self.latent_dim = generator.input_shape[-1]
        self.step, self.history = 0, History.empty()
        self._separate_passes = _mixes_samples(discriminator)
        self._blocks = {}  # dtype of the images -> compiled function
        self._generate = tf.function(
            lambda latents: self.ema_generator(latents, training=False),
            input_signature=[tf.TensorSpec([None, self.latent_dim])],
            autograph=False,
        )

    # ---- one step ------------------------------------------------------------------------

    def discriminator_step(self, real_images, fake_images, step, substep=0):
        """One update of the discriminator; the generator is not touched.

        Args:
            real_images: float tensor (batch, ...) in model range.
            fake_images: float tensor of the same shape, taken as constants.
            step: int64 scalar; it decides which penalties are due and their random draws.
            substep: which of the step's discriminator updates this is; draws differ between them.

        Returns:
            ``(loss, real_logits, fake_logits)``; the loss is without penalties.
        """
        variables = self.discriminator.trainable_variables
        fake_images = tf.stop_gradient(fake_images)
        with tf.GradientTape() as tape:
            real_logits, fake_logits = self._logits(real_images, fake_images)
            loss = self.loss.discriminator(real_logits, fake_logits)
        gradients = tape.gradient(loss, variables)
        for index, penalty in enumerate(self.penalties):
            seed = self._seed(step, _PENALTIES + substep * len(self.penalties) + index)
            extra = self._penalty_gradients(penalty, real_images, fake_images, step, seed)
            gradients = [a + b for a, b in zip(gradients, extra, strict=True)]
        self.discriminator_optimizer.apply(gradients, variables)
        return loss, real_logits, fake_logits

    def _logits(self, real_images, fake_images):
        """Logits of both batches: in one pass, unless the network's samples affect each other."""
        if self._separate_passes:
            real_logits = self.discriminator(real_images, training=True)
            return real_logits, self.discriminator(fake_images, training=True)
        both = self.discriminator(tf.concat([real_images, fake_images], 0), training=True)
        num_real = tf.shape(real_images)[0]
        return both[:num_real], both[num_real:]

    def _penalty_gradients(self, penalty, real_images, fake_images, step, seed):
        """Gradients of weight · interval · penalty where it is due, zeros elsewhere."""
        variables = self.discriminator.trainable_variables

        def due():
            with tf.GradientTape() as tape:
                value = penalty.function(
                    lambda images: self.discriminator(images, training=True),
                    real_images,
                    fake_images,
                    seed,
                )
                value *= penalty.weight * penalty.interval
            gradients = tape.gradient(value, variables)
            # A bias behind the last nonlinearity does not move the slope: no gradient, so zeros.
            return [
                tf.zeros_like(v) if g is None else g
                for g, v in zip(gradients, variables, strict=True)
            ]

        if penalty.interval == 1:
            return due()
        return tf.cond(
            tf.equal(step % penalty.interval, 0), due, lambda: [tf.zeros_like(v) for v in variables]
        )

    def train_step(self, real_batches, latent_batches, step):
        """One step: the discriminator's updates, then the generator's, then the average's.

        The generator's update uses the images of the last discriminator step, which it has not
        changed since; they go through the *updated* discriminator.

        Args:
            real_batches: ``num_discriminator_steps`` float tensors (batch, ...) in model range.
            latent_batches: as many float tensors (batch, latent_dim).
            step: int64 scalar, the number of steps completed before this one.

        Returns:
            float32 tensor (4,): discriminator loss, generator loss, mean real logit, mean fake
            logit, of the last discriminator step.
        """
        *earlier, (last_real, last_latents) = zip(real_batches, latent_batches, strict=True)
        for substep, (real_images, latents) in enumerate(earlier):
            fake_images = self.generator(latents, training=True)
            self.discriminator_step(real_images, fake_images, step, substep)
        variables = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            fake_images = self.generator(last_latents, training=True)
            with tape.stop_recording():
                d_loss, real_logits, fake_logits = self.discriminator_step(
                    last_real, fake_images, step, len(earlier)
                )
                # Only a loss that pairs real with fake looks at real logits here. They must then
                # come from the updated discriminator, as the fake ones do.
                new_real_logits = real_logits
                if self.loss.paired:
                    new_real_logits = self.discriminator(last_real, training=True)
            new_fake_logits = self.discriminator(fake_images, training=True)
            g_loss = self.loss.generator(new_real_logits, new_fake_logits)
        self.generator_optimizer.apply(tape.gradient(g_loss, variables), variables)
        self._update_ema(step)
        return tf.stack([d_loss, g_loss, tf.reduce_mean(real_logits), tf.reduce_mean(fake_logits)])

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

    def _seed(self, step, stream):
        """The pair of integers that decides one draw of one step."""
        step = tf.cast(step, tf.int64)
        return tf.stack([tf.cast(self.options.seed, tf.int64), step * _STREAMS_PER_STEP + stream])

    # ---- many steps ----------------------------------------------------------------------

    def _compiled_block(self, dtype):
        """``_run_block`` compiled for images of one dtype, for any number of steps."""
        if dtype not in self._blocks:
            options = self.options
            jit_compile = options.jit_compile
            if jit_compile is None:
                jit_compile = bool(tf.config.list_physical_devices("GPU"))
            signature = [
                tf.TensorSpec([None, *self.discriminator.input_shape[1:]], dtype),
                tf.TensorSpec(
                    [None, options.num_discriminator_steps, options.batch_size], tf.int32
                ),
                tf.TensorSpec([], tf.int64),
            ]
            # autograph=False: the control flow is written with TensorFlow's own operations
            self._blocks[dtype] = tf.function(
                self._run_block, signature, autograph=False, jit_compile=jit_compile
            )
        return self._blocks[dtype]

    def _run_block(self, images, indices, first_step):
        """Runs the steps of ``indices`` (steps, num_discriminator_steps, batch)."""
        num_steps = tf.shape(indices)[0]

        def body(i, sums):
            step = first_step + tf.cast(i, tf.int64)
            rounds = range(self.options.num_discriminator_steps)
            real = [self._batch(images, indices[i, j]) for j in rounds]
            latents = [self._latents(step, j) for j in rounds]
            return i + 1, sums + self.train_step(real, latents, step)

        _, sums = tf.while_loop(lambda i, _: i < num_steps, body, (0, tf.zeros(4)))
        models = (self.generator, self.discriminator)
        finite = [
            tf.reduce_all(tf.math.is_finite(v))
            for model in models
            for v in model.trainable_variables
        ]
        return sums / tf.cast(num_steps, tf.float32), tf.reduce_all(tf.stack(finite))

    def _batch(self, images, indices):
        batch = tf.gather(images, indices)
        return data.to_model_range(batch) if batch.dtype == tf.uint8 else batch

    def _latents(self, step, stream):
        shape = [self.options.batch_size, self.latent_dim]
        return tf.random.stateless_normal(shape, self._seed(step, _LATENTS + stream), alg="philox")

    def train(
        self,
        images,
        num_steps,
        directory=None,
        *,
        checkpoint_every=1000,
        callbacks=(),
        progress=True,
    ):
        """Trains up to step ``num_steps``, counted from the run's beginning.

        With a ``directory`` the run is saved there every ``checkpoint_every`` steps and at its end,
        and a second call on the same directory goes on from the newest checkpoint, exactly. Ctrl-C
        and SIGTERM let the compiled call finish, save, and then end the run as they would anyway
        (``KeyboardInterrupt``, ``SystemExit``); a second Ctrl-C does not wait.

        Args:
            images: ``data.Images``, a uint8 array (n, height, width, channels), or a float array
                (n, ...) that is in the model's range already, for instance points of a toy.
            num_steps: the run's total number of steps; nothing happens if they are done.
            directory: folder for checkpoints, or None.
            checkpoint_every: steps from one checkpoint to the next.
            callbacks: functions ``(gan, step)``, called after each compiled call.
            progress: whether to show a bar with both losses and real images per second.

        Returns:
            The ``History`` of the whole run.

        Raises:
            ValueError: if the images do not fit the networks, or the directory holds a run with
                another configuration or other images.
            FloatingPointError: if a loss or a weight is no longer finite; the last checkpoint
                before that stays.
        """
        for name, value in (("num_steps", num_steps), ("checkpoint_every", checkpoint_every)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive integer, but is {value!r}.")
        images = _as_array(images, self.discriminator)
        config = self._config() | {"images": _loop.fingerprint(images)}
        if directory is not None:
            self._resume(directory, config, only_forward=True)
        order = _loop.Order(len(images), self.options)
        images = tf.constant(images)
        with (
            _loop.Interruption() as interruption,
            tqdm(total=num_steps, initial=self.step, unit="step", disable=not progress) as bar,
        ):
            while self.step < num_steps:
                end = _loop.block_end(
                    self.step, num_steps, self.options.steps_per_call, checkpoint_every
                )
                self._train_block(images, order, end, directory)
                bar.update(self.step - bar.n)
                bar.set_postfix_str(_loop.describe(self.history), refresh=False)
                for callback in callbacks:
                    callback(self, self.step)
                stop = interruption.requested or self.step == num_steps
                if directory is not None and (stop or self.step % checkpoint_every == 0):
                    self._save(directory, config)
                interruption.raise_if_requested(self.step, directory)
        return self.history

    def _train_block(self, images, order, end, directory):
        """One compiled call, recorded in the history."""
        start = time.perf_counter()
        indices = order.indices(self.step, end)
        block = self._compiled_block(images.dtype)
        means, finite = block(images, indices, tf.constant(self.step, tf.int64))
        means = means.numpy()
        seconds = time.perf_counter() - start
        if not (np.isfinite(means).all() and finite):
            raise FloatingPointError(_loop.divergence_message(self.step, end, means, directory))
        num_images = (end - self.step) * self.options.batch_size
        num_images *= self.options.num_discriminator_steps
        self.step = end
        self.history.append(
            step=end,
            discriminator_loss=means[0],
            generator_loss=means[1],
            real_logit=means[2],
            fake_logit=means[3],
            seconds=seconds + (self.history.seconds[-1] if len(self.history.seconds) else 0.0),
            images_per_second=num_images / seconds,
        )

    # ---- samples and files -----------------------------------------------------------------

    def latents(self, num_images, seed=0):
        """Latents for ``sample``: the same for the same seed, whatever was trained in between.

        Args:
            num_images: how many.
            seed: which ones.

        Returns:
            float32 tensor (num_images, latent_dim) from N(0, I).
        """
        shape = [num_images, self.latent_dim]
        return tf.random.stateless_normal(shape, [seed, _SAMPLES], alg="philox")

    def sample(self, num_images, seed=0):
        """Images of the averaged generator.

        Args:
            num_images: how many.
            seed: decides the latents.

        Returns:
            float32 array (num_images, ...), in [-1, 1] for images; ``data.to_uint8`` makes pixels.
        """
        latents = self.latents(num_images, seed)
        batches = [
            self._generate(latents[i : i + _SAMPLING_BATCH]).numpy()
            for i in range(0, num_images, _SAMPLING_BATCH)
        ]
        return np.concatenate(batches)

    def save_generator(self, path):
        """Writes the averaged generator as one ``.keras`` file that plain Keras loads.

        Args:
            path: file name ending in ``.keras``; its folder is made if missing.

        Raises:
            ValueError: if the name does not end in ``.keras``.
        """
        path = _keras_path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{os.getpid()}.{path.name}")
        try:
            self.ema_generator.save(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def save(self, directory):
        """Writes a checkpoint of the whole run, atomically.

        Args:
            directory: folder of the run; the two newest checkpoints stay in it.
        """
        self._save(directory, self._config())

    def restore(self, directory):
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
        state = {name: [np.asarray(v) for v in values] for name, values in self._state().items()}
        checkpoints.save(directory, self.step, state, config, dataclasses.asdict(self.history))

    def _resume(self, directory, config, only_forward=False):
        """Takes over the newest checkpoint, if it fits; False if there is none."""
        found = checkpoints.load_latest(directory)
        if found is None:
            return False
        step, state, saved_config, history = found
        if "images" not in config or "images" not in saved_config:
            config = {k: v for k, v in config.items() if k != "images"}
            saved_config = {k: v for k, v in saved_config.items() if k != "images"}
        checkpoints.require_same_config(saved_config, config, directory)
        if only_forward and step <= self.step:  # what is in memory has come further
            return True
        for name, variables in self._state().items():
            for variable, value in zip(variables, state[name], strict=True):
                variable.assign(value)
        self.step, self.history = step, History(**history)
        return True

    def _state(self):
        """All that a run is, but for the step and the history."""
        return {
            "generator": self.generator.variables,
            "discriminator": self.discriminator.variables,
            "ema_generator": self.ema_generator.variables,
            "generator_optimizer": self.generator_optimizer.variables,
            "discriminator_optimizer": self.discriminator_optimizer.variables,
        }

    def _config(self):
        """What must be equal for a checkpoint to fit, as JSON holds it."""
        options = dataclasses.asdict(self.options)
        for name in ("steps_per_call", "jit_compile"):  # how, not what: a run may move to a GPU
            del options[name]
        config = {
            "generator": _loop.layer_configs(self.generator),
            "discriminator": _loop.layer_configs(self.discriminator),
            "loss": [
                _loop.function_name(f) for f in (self.loss.discriminator, self.loss.generator)
            ],
            "penalties": [
                [_loop.function_name(p.function), p.weight, p.interval] for p in self.penalties
            ],
            "generator_optimizer": _loop.without_name(self.generator_optimizer.get_config()),
            "discriminator_optimizer": _loop.without_name(
                self.discriminator_optimizer.get_config()
            ),
        }
        return json.loads(json.dumps(config | options, default=str))


def load_generator(path):
    """Loads a generator that ``save_generator`` wrote.

    Never load a ``.keras`` file from a source that you do not trust.

    Args:
        path: the file.

    Returns:
        A ``keras.Model``: float32 latents (batch, latent_dim) -> float32 images.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the name does not end in ``.keras``.
    """
    path = _keras_path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no file {path}. Write one with GAN.save_generator(path), or run the lab "
            f"that makes it."
        )
    return keras.models.load_model(path, compile=False)


def _keras_path(path):
    path = pathlib.Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"a generator's file name ends in .keras, but {str(path)!r} was given.")
    return path


# ---- what the constructor needs ------------------------------------------------------------


def _require_fit(generator, discriminator):
    if generator.output_shape[1:] != discriminator.input_shape[1:]:
        raise ValueError(
            f"the generator makes samples of shape {generator.output_shape[1:]}, but the "
            f"discriminator takes {discriminator.input_shape[1:]}. Build both with the same "
            f"image_size and channels."
        )


def _built(optimizer, model):
    """The optimizer (or the default one) with its variables made."""
    if optimizer is None:
        optimizer = keras.optimizers.Adam(8e-4, beta_1=0.0, beta_2=0.99)
    optimizer.build(model.trainable_variables)
    return optimizer


def _mixes_samples(model):
    """Whether a sample's output depends on the rest of its batch."""
    return any(
        isinstance(layer, keras.layers.BatchNormalization) or getattr(layer, "mixes_samples", False)
        for layer in model._flatten_layers()
    )


def _as_array(images, discriminator):
    """The images as an array that fits the discriminator."""
    array = np.asarray(images.images if isinstance(images, data.Images) else images)
    expected = discriminator.input_shape[1:]
    if array.shape[1:] != expected or len(array) == 0:
        raise ValueError(
            f"the discriminator takes samples of shape {expected}, but the images have shape "
            f"{array.shape}. Load them at that size, or build the networks for theirs."
        )
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(
            f"images must be uint8 (0 to 255) or float in the model's range, but have dtype "
            f"{array.dtype}. Convert them with astype(np.uint8)."
        )
    if not np.isfinite(array).all():
        raise ValueError("the samples hold values that are not finite. Remove them first.")
    return array.astype(np.float32)
