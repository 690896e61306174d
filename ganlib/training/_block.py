"""Many steps in one compiled call, on one device or on those of a strategy."""

import time
from typing import Any

from ganlib import data
from ganlib._tensorflow import announce_xla, devices, tf
from ganlib.training import _networks
from ganlib.training._history import STATISTICS

_SMALL = 100_000  # weights of both networks; below, compiling costs more than it saves


def uses_xla(options: Any, networks: Any) -> bool:
    """Whether XLA compiles the step: the one place that decides.

    Args:
        options: an ``Options``.
        networks: the ``Networks``.

    Returns:
        bool.
    """
    if options.strategy is not None:  # `Options` says why
        return False
    if options.jit_compile is not None:
        return options.jit_compile
    num_weights = sum(model.count_params() for model in networks[:2])
    return num_weights >= _SMALL and devices.xla_is_for()


class Block:
    """A step, compiled so that one call makes many.

    Args:
        step: a ``Step``.

    Example:
        >>> import numpy as np
        >>> from ganlib import toy, training
        >>> from ganlib.models import mlp
        >>> pair = mlp.generator(None, 2, 4, width=8), mlp.discriminator(None, 2, width=8)
        >>> gan = training.GAN(*pair, options=training.Options(batch_size=8))
        >>> points = toy.ring().sample(100, seed=0)
        >>> feed = training.Feed(points, np.full(100, -1, np.int32), gan.options)
        >>> means, finite = training.Block(gan.training_step)(feed, 0, 5)
        >>> bool(finite)
        True
    """

    def __init__(self, step: Any) -> None:
        self._step, self._on_device = step, None
        self._compiled, self._ready = {}, set()

    def __call__(self, feed: Any, first: int, last: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Makes the steps first..last-1.

        Args:
            feed: a ``Feed``.
            first: number of steps completed before.
            last: number of steps completed after.

        Returns:
            ``(means, finite)``: the means of ``STATISTICS`` over the steps, float32, and whether
            all weights are finite, bool.
        """
        block = self._compiled_for(feed.dtype)
        num_steps = tf.constant(last - first)
        return block(*feed.block(first, last), tf.constant(first, tf.int64), num_steps)

    def compile(self, feed: Any) -> float:
        """Compiles for what a feed gives, by a call of no steps, which changes nothing.

        Without it the first call does so. Once is enough, as all calls of a run have one shape.

        Args:
            feed: a ``Feed``.

        Returns:
            Seconds that it took, float; 0 where that was done before.
        """
        if (known := (feed.dtype, feed.shape)) in self._ready:
            return 0.0
        self._ready.add(known)
        start = time.perf_counter()
        means, _ = self(feed, 0, 0)
        means.numpy()  # waits for it
        return time.perf_counter() - start

    def _compiled_for(self, dtype):
        """``_run`` compiled for images of one dtype, for any number of steps."""
        if dtype in self._compiled:
            return self._compiled[dtype]
        options, networks = self._step.options, self._step.networks
        # autograph=False: the control flow is written with TensorFlow's own operations
        if options.strategy is not None:
            self._on_device = tf.function(self._on_replica, autograph=False)
            compiled = tf.function(self._run, autograph=False, reduce_retracing=True)
        else:
            self._on_device = self._on_replica
            signature = [
                tf.TensorSpec([None, *_networks.sample_shape(*networks[:2])], dtype),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec(
                    [None, options.num_discriminator_steps, options.batch_size], tf.int32
                ),
                tf.TensorSpec([], tf.int64),
                tf.TensorSpec([], tf.int32),
            ]
            jit_compile = uses_xla(options, networks)
            if jit_compile:
                announce_xla()
            compiled = tf.function(self._run, signature, autograph=False, jit_compile=jit_compile)
        self._compiled[dtype] = compiled
        return compiled

    def _run(self, images, labels, indices, first_step, num_steps):
        """Runs the first steps of ``indices`` (at least so many, discriminator steps, batch)."""

        def body(i, sums):
            step = first_step + tf.cast(i, tf.int64)
            statistics = self._on_all_devices(images, labels, indices[i], step)
            self._step.after(statistics, step)
            return i + 1, sums + statistics

        state = (0, tf.zeros(len(STATISTICS)))
        _, sums = tf.while_loop(lambda i, _: i < num_steps, body, state)
        generator, discriminator, _ = self._step.networks
        finite = [
            tf.reduce_all(tf.math.is_finite(v))
            for model in (generator, discriminator)
            for v in model.trainable_variables
        ]
        return sums / tf.cast(tf.maximum(num_steps, 1), tf.float32), tf.reduce_all(tf.stack(finite))

    def _on_all_devices(self, images, labels, indices, step):
        """The networks' update, on each device with its share; the means of the statistics."""
        strategy, arguments = self._step.options.strategy, (images, labels, indices, step)
        if strategy is None:
            return self._on_device(*arguments)
        statistics = strategy.run(self._on_device, arguments)
        return strategy.reduce(tf.distribute.ReduceOp.MEAN, statistics, axis=None)

    def _on_replica(self, images, labels, indices, step):
        """One device's part of a step: its slice of the global batch and of the latents."""
        options = self._step.options
        share = options.batch_size // options.num_replicas
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        start = replica * share
        real, latents, label_batches = [], [], []
        for substep in range(options.num_discriminator_steps):
            mine = indices[substep, start : start + share]
            real.append(_batch(images, mine))
            label_batches.append(tf.gather(labels, mine))
            latents.append(self._step.latents(step, substep)[start : start + share])
        return self._step.update_networks(real, latents, step, label_batches)


def _batch(images, indices):
    batch = tf.gather(images, indices)
    return data.to_model_range(batch) if batch.dtype == tf.uint8 else batch
