"""What the loop of ``training`` needs: the order of the images, signals, and its messages."""

import contextlib
import hashlib
import signal
import sys
import threading
from typing import Any

import numpy as np
from tqdm import tqdm

from ganlib._tensorflow import draws, tf
from ganlib.training import checkpoints

# What writing raises where a terminal or a pipe was closed.
_NO_TERMINAL = (OSError, ValueError)
_EPOCHS = -2  # seeds from here down order the epochs; those of steps are not negative


class Order:
    """The order of the images: one permutation after another, each a function of (seed, epoch).

    Args:
        num_images: how many there are.
        options: an ``Options``, whose seed, batch size and discriminator steps count.
    """

    def __init__(self, num_images: int, options: Any) -> None:
        self._num_images, self._options = num_images, options
        self._permutations = {}

    def indices(self, start: int, end: int) -> tf.Tensor:
        """Which images make up the batches of some steps.

        Args:
            start: the first step.
            end: the step after the last one.

        Returns:
            int32 array (steps, discriminator steps, batch).
        """
        shape = (end - start, self._options.num_discriminator_steps, self._options.batch_size)
        per_step = shape[1] * shape[2]
        epochs, places = np.divmod(np.arange(start * per_step, end * per_step), self._num_images)
        needed = range(int(epochs[0]), int(epochs[-1]) + 1)
        known = self._permutations
        if missing := [epoch for epoch in needed if epoch not in known]:
            seeds = np.array([[self._options.seed, _EPOCHS - epoch] for epoch in missing], np.int64)
            # Sorted by NumPy, so that equal keys keep their order on any device.
            made = np.argsort(_keys(seeds, self._num_images).numpy(), axis=1, kind="stable")
            known = known | dict(zip(missing, made, strict=True))
        self._permutations = {epoch: known[epoch] for epoch in needed}
        flat = np.stack(list(self._permutations.values()))[epochs - needed[0], places]
        return flat.reshape(shape).astype(np.int32)


@tf.function(
    autograph=False,
    input_signature=[tf.TensorSpec([None, 2], tf.int64), tf.TensorSpec([], tf.int32)],
)
def _keys(seeds, num_images):
    """What orders the images of an epoch, for each seed: uint32 (seeds, images).

    In one call for all of them: of a few images, a batch is made of many epochs.
    """
    return tf.map_fn(
        lambda seed: draws.bits([num_images], seed),
        seeds,
        fn_output_signature=tf.TensorSpec([None], tf.uint32),
    )


class Feed:
    """What a compiled call is given: images, labels, and which of them make up each batch.

    A data set in memory is put on the device once (on each device, under a strategy). Of one on
    the disk, the images of a call are read before it. All that is given has one shape for the whole
    run, filled up where there is less, as XLA compiles anew for each shape.

    Args:
        images: array (n, ...); a ``numpy.memmap`` stays on the disk.
        labels: int32 array (n,), −1 where unknown.
        options: an ``Options``.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray | None, options: Any) -> None:
        self._order = Order(len(images), options)
        self._options = options
        self.dtype = tf.as_dtype(images.dtype)
        num_images = options.steps_per_call * options.num_discriminator_steps * options.batch_size
        self._on_disk = (images, labels) if isinstance(images, np.memmap) else None
        num_given = min(num_images, len(images)) if self._on_disk else len(images)
        self.shape = (num_given, *images.shape[1:])  # of the images of a call
        if self._on_disk is None:
            self._resident = self._place(images), self._place(labels)

    def _place(self, array):
        strategy = self._options.strategy

        def copy(context):
            devices = strategy.extended.worker_devices  # of this process
            with tf.device(devices[context.replica_id_in_sync_group % len(devices)]):
                return tf.identity(array)

        try:
            if strategy is None:
                return tf.constant(array)
            return strategy.experimental_distribute_values_from_function(copy)
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(
                f"received {array.nbytes / 1e9:.1f} GB of images, for which the device has no "
                "room; expected as many as its memory holds beside the networks. Train from the "
                "disk with data.open_folder(path), or load them at a smaller size."
            ) from error

    def block(self, start: int, end: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """What a compiled call of some steps is given.

        Args:
            start: the first step.
            end: the step after the last one.

        Returns:
            tuple: images and labels, as tensors on the device or devices, and which of them make up
            each batch, int32 (``steps_per_call`` or a multiple, discriminator steps, batch). Rows
            beyond the steps only fill it up.
        """
        options, num_steps = self._options, end - start
        length = max(1, -(-num_steps // options.steps_per_call)) * options.steps_per_call
        shape = (length, options.num_discriminator_steps, options.batch_size)
        indices = np.zeros(shape, np.int32)
        if num_steps:
            indices[:num_steps] = self._order.indices(start, end)
        if self._on_disk is None:
            return *self._resident, tf.constant(indices)
        chosen, places = np.unique(indices, return_inverse=True)  # ascending: one way over the disk
        num_rows = min(indices.size, len(self._on_disk[0]))
        chosen = np.pad(chosen, (0, num_rows - len(chosen)), mode="edge")
        images, labels = (array[chosen] for array in self._on_disk)
        places = places.reshape(shape).astype(np.int32)
        return self._place(np.asarray(images)), self._place(labels), tf.constant(places)


class Interruption:
    """Turns the first signal that would end the run into a request, seen between two calls.

    A further Ctrl-C raises ``KeyboardInterrupt``, and so cuts callbacks short, except where state
    and step would then disagree. Python acts on a signal when a call of TensorFlow's has returned:
    not while a step is compiled, nor within the steps of a call.
    """

    # Windows has no SIGHUP; there a closed window sends SIGBREAK
    _NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")

    def __enter__(self):
        self.requested, self.insisted = None, False
        self._previous, self._held = {}, False
        if threading.current_thread() is threading.main_thread():  # others cannot set handlers
            for number in (getattr(signal, name) for name in self._NAMES if hasattr(signal, name)):
                if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
                    self._previous[number] = signal.signal(number, self._request)
        return self

    def _request(self, number, frame):
        insists = self.requested == number == signal.SIGINT
        self.requested, self.insisted = number, self.insisted or insists
        if insists and not self._held:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def held(self):
        """For what must not be cut short, such as a compiled call and its entry in the history."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            # None: a handler that was not set from Python, which cannot set it again
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def raise_if_requested(self, step, directory):
        """Ends the run as the signal would have, saying what was kept."""
        if self.requested is None:
            return
        kept = (
            "nothing was saved: no directory was given"
            if directory is None
            else (f"saved in {directory}; call train again to go on")
        )
        message = f"training stopped at step {step}, {kept}"
        if self.requested == signal.SIGINT:
            raise KeyboardInterrupt(message)
        if sys.stdout is not None:
            tqdm.write(message, file=_Stream(sys.stdout))
        raise SystemExit(128 + self.requested)


class _Stream:
    """A stream on which no writing fails, as tqdm would keep its lock then, for ever."""

    def __init__(self, stream):
        self._wrapped = stream

    def __getattr__(self, name):
        return getattr(self._wrapped, name)

    def __eq__(self, other):  # by which tqdm finds the bars of a stream
        return self._wrapped == getattr(other, "_wrapped", other)

    __hash__ = None

    def write(self, text):
        with contextlib.suppress(*_NO_TERMINAL):
            self._wrapped.write(text)

    def flush(self):
        with contextlib.suppress(*_NO_TERMINAL):
            self._wrapped.flush()


class Progress:
    """A bar that never ends a run: where nobody can be shown anything, it is left out.

    Args:
        num_steps: the run's total number of steps.
        step: number of completed steps.
        shown: whether there is to be a bar.
    """

    def __init__(self, num_steps, step, shown):
        hidden = not shown or sys.stderr is None
        stream = None if hidden else _Stream(sys.stderr)
        settings = {"total": num_steps, "initial": step, "unit": "step", "file": stream}
        try:
            self._bar = tqdm(disable=hidden, **settings)
        except _NO_TERMINAL:  # tqdm begins by flushing the real streams
            self._bar = tqdm(disable=True, **settings)

    @contextlib.contextmanager
    def compiling(self):
        """Says why nothing moves yet; the time does not count in the bar's rate."""
        self._bar.set_postfix_str("compiling")
        yield
        self._bar.set_postfix_str("", refresh=False)
        self._bar.unpause()

    def show(self, step, history):
        """Moves the bar on, with both losses and the rate of the last compiled call.

        Args:
            step: number of completed steps.
            history: a `History`.
        """
        self._bar.update(step - self._bar.n)
        self._bar.set_postfix_str(describe(history), refresh=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()


def block_end(step, num_steps, steps_per_call, checkpoint_every):
    """The next step at which the compiled loop must return to Python."""
    ends = [(step // every + 1) * every for every in (steps_per_call, checkpoint_every)]
    return min(*ends, num_steps)


def describe(history):
    """What the progress bar says: both losses and the rate of the last compiled call."""
    return (
        f"D {history.discriminator_loss[-1]:.3f}, G {history.generator_loss[-1]:.3f}, "
        f"{history.images_per_second[-1]:,.0f} images/s"
    )


def divergence_message(start, end, means, directory):
    """What happened, what is kept, and what to try, for a run that is no longer finite."""
    found = checkpoints.steps(directory) if directory is not None else {}
    kept = (
        f"The last good checkpoint is {list(found.values())[-1]}."
        if found
        else "There is no checkpoint of this run."
    )
    return (
        f"between steps {start} and {end} a loss or a weight stopped being finite (mean "
        f"discriminator loss {means[0]}, generator loss {means[1]}). {kept} Lower the learning "
        f"rates, add a penalty such as penalties.r1, or check the images' range."
    )


def fingerprint(images, labels):
    """The images' type, shape and hash, by which a checkpoint knows them again."""
    digest = hashlib.sha256(np.ascontiguousarray(images))
    if labels.max() >= 0:
        digest.update(np.ascontiguousarray(labels))
    return f"{images.dtype} {images.shape} sha256:{digest.hexdigest()[:16]}"


def is_chief(strategy):
    """Whether this process writes the files: of several workers, the first does."""
    resolver = getattr(strategy, "cluster_resolver", None)
    if resolver is None or not resolver.task_type:
        return True
    return resolver.task_type == "chief" or (
        resolver.task_type == "worker"
        and resolver.task_id == 0
        and "chief" not in resolver.cluster_spec().jobs
    )


@contextlib.contextmanager
def lost_workers(strategy, step, directory):
    """Says what happened, and what to do, when another process of a run has gone."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        if strategy is None:
            raise
        kept = (
            "Nothing was saved: no directory was given."
            if directory is None
            else f"Start all workers again with the directory {directory}: they go on from its "
            f"newest checkpoint."
        )
        raise RuntimeError(
            f"after step {step} another worker of this run could not be reached. {kept}"
        ) from error
