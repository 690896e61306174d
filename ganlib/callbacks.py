"""What is done between the compiled calls of a run: samples, measurements, logs, an early end.

A callback is any function ``(gan, step)``; `GAN.train` calls it after each compiled call and stops
if it returns True. Those here act every so many steps. If such a step lies within a compiled call,
they act at the call's end. Which steps these are depends on the step alone, so a resumed run does
what an uninterrupted one would have done.
"""

import csv
import dataclasses
import io
import itertools
import math
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from ganlib import _checks, _files, data, features, metrics, viz
from ganlib._tensorflow import tf


def _due(gan, step, every):
    """Whether a multiple of `every` lies in the compiled call that ended at this step."""
    before = gan.history.step[-2] if len(gan.history.step) > 1 else 0
    return step // every > before // every


class Samples:
    """Writes a grid of samples of the same latents as ``samples-STEP.png``.

    What a generator without tanh draws outside [-1, 1] is clipped.

    Args:
        directory: folder for the pictures; made if missing.
        every: steps from one picture to the next.
        num_images: images of a grid.
        seed: decides the latents.

    Raises:
        ValueError: if ``every`` is no positive integer.

    Example:
        >>> import tempfile
        >>> from ganlib import callbacks
        >>> callback = callbacks.Samples(tempfile.mkdtemp(), every=500)

    Reference:
        Chapter 10.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        every: int = 1000,
        num_images: int = 64,
        seed: int = 0,
    ) -> None:
        _checks.positive_integers(every=every)
        self.directory, self.every = _files.expanded(directory), every
        self.num_images, self.seed = num_images, seed

    def __call__(self, gan: Any, step: int) -> None:
        """Writes the picture if one is due.

        Args:
            gan: the `GAN`.
            step: number of completed steps.
        """
        if _due(gan, step, self.every):
            self.directory.mkdir(parents=True, exist_ok=True)
            canvas = viz.tile(data.to_uint8(gan.sample(self.num_images, self.seed)))
            with _files.whole(self.directory / f"samples-{step:09d}.png") as temporary:
                Image.fromarray(canvas).save(temporary, "png")


class Measure:
    """Measures the generator now and then, and keeps the values.

    Args:
        function: ``gan -> float``, for instance a relative Fréchet distance of ``gan.sample``.
        every: steps from one measurement to the next.

    Attributes:
        steps: list of the steps of the measurements.
        values: list of what was measured.

    Raises:
        ValueError: if ``every`` is no positive integer.

    Example:
        >>> from ganlib import callbacks
        >>> measure = callbacks.Measure(lambda gan: float(abs(gan.sample(100).mean())), every=500)
        >>> measure.steps, measure.values
        ([], [])

    Reference:
        Chapter 10.
    """

    def __init__(self, function: Callable, every: int = 1000) -> None:
        _checks.positive_integers(every=every)
        self.function, self.every = function, every
        self.steps, self.values = [], []

    def __call__(self, gan: Any, step: int) -> Any:
        """Measures if it is time.

        Args:
            gan: the `GAN`.
            step: number of completed steps.
        """
        if _due(gan, step, self.every):
            self.steps.append(int(step))
            self.values.append(float(self.function(gan)))

    def get_state(self) -> np.ndarray:
        """What a checkpoint keeps.

        Returns:
            float64 array (2, n): the steps and the values.
        """
        return np.array([self.steps, self.values], np.float64)

    def set_state(self, state: np.ndarray) -> None:
        """Takes over what a checkpoint kept.

        Args:
            state: what `get_state` returned.
        """
        self.steps, self.values = [int(step) for step in state[0]], [float(v) for v in state[1]]


class EarlyStop(Measure):
    """Ends a run once a measured value is at most the target, or no longer gets better.

    Args:
        function: ``gan -> float``, smaller is better.
        target: the run ends when the value is at most this. None: no target.
        every: steps from one measurement to the next.
        patience: the run ends when that many measurements in a row were no better than the best
            before them. None: never.

    Raises:
        ValueError: if neither a target nor a patience is given, or a number is not positive.

    Example:
        >>> from ganlib import callbacks
        >>> stop = callbacks.EarlyStop(lambda gan: 0.5, target=0.02, patience=5)
        >>> stop.best
        inf

    Reference:
        Prechelt, *Early Stopping – But When?*, 1998. Chapter 04 says by which measure.
    """

    def __init__(
        self,
        function: Callable,
        target: float | None = None,
        every: int = 1000,
        patience: int | None = None,
    ) -> None:
        super().__init__(function, every)
        if target is None and patience is None:
            raise ValueError(
                "received target=None and patience=None; expected at least one of them. Give the "
                "value to be reached, or after how many measurements without progress to end."
            )
        if target is not None:
            _checks.number("target", target, fix="Pass for instance target=0.02")
        if patience is not None:
            _checks.positive_integers(patience=patience)
        self.target, self.patience = target, patience

    @property
    def best(self) -> float:
        """The smallest value so far, infinity before the first; a NaN is never the best."""
        return min((v for v in self.values if not math.isnan(v)), default=math.inf)

    @property
    def finished(self) -> bool:
        """Whether the target is reached or the patience is at its end."""
        if self.target is not None and self.best <= self.target:
            return True
        if self.patience is None or not math.isfinite(self.best):
            return self.patience is not None and len(self.values) >= self.patience
        return len(self.values) - 1 - self.values.index(self.best) >= self.patience

    def __call__(self, gan: Any, step: int) -> bool:
        """Measures if it is time.

        Args:
            gan: the `GAN`.
            step: number of completed steps.

        Returns:
            Whether the run should end.
        """
        super().__call__(gan, step)
        return self.finished


class Distance:
    """How far samples are from some pictures, for `Measure` and `EarlyStop`.

    It is the kernel distance on `features.Pyramid` between the pictures and as many samples, which
    have the pictures' classes if there are any. It is 0 in the mean where both are alike.

    Args:
        images: `data.Images`, at least two.
        num_images: how many of them, spread over the whole, and as many samples.
        seed: decides the latents.

    Raises:
        ValueError: if a number is no positive integer, or there are too few images.

    Example:
        >>> from ganlib import callbacks, data
        >>> faces = data.load_emoji()
        >>> stop = callbacks.EarlyStop(callbacks.Distance(faces), every=500, patience=8)

    Reference:
        Chapter 08_own_images.
    """

    def __init__(self, images: data.Images, num_images: int = 500, seed: int = 0) -> None:
        _checks.positive_integers(num_images=num_images)
        chosen = np.linspace(0, len(images) - 1, min(num_images, len(images))).astype(int)
        images = images[np.unique(chosen)]
        self.num_images, self.seed, self._labels = len(images), seed, images.labels
        self._extractor = features.Pyramid(images.images)
        self._rows = self._extractor(images.images)

    def __repr__(self) -> str:
        return f"Distance(num_images={self.num_images}, seed={self.seed})"

    def __call__(self, gan: Any) -> float:
        """Draws samples and measures.

        Args:
            gan: the `GAN`.

        Returns:
            The kernel distance.
        """
        samples = gan.sample(self.num_images, self.seed, self._labels if gan.takes_labels else None)
        return metrics.kernel_distance(self._rows, self._extractor(data.to_uint8(samples)))


class SaveBest:
    """Writes the averaged generator whenever a measurement is the best of the run so far.

    Put it behind the `Measure` or `EarlyStop` that it follows: callbacks are called in their order.

    Args:
        measure: the `Measure`, of which smaller values are better.
        path: the file, as in ``GAN.save_generator``.

    Example:
        >>> from ganlib import callbacks, data
        >>> stop = callbacks.EarlyStop(callbacks.Distance(data.load_emoji()), patience=8)
        >>> both = [stop, callbacks.SaveBest(stop, "run/generator.keras")]
    """

    def __init__(self, measure: Measure, path: str | os.PathLike[str]) -> None:
        self.measure, self.path = measure, path

    def __call__(self, gan: Any, step: int) -> None:
        """Writes the generator if what was just measured is the best.

        Args:
            gan: the `GAN`.
            step: number of completed steps.
        """
        values = [math.inf if math.isnan(value) else value for value in self.measure.values]
        measured_now = bool(values) and self.measure.steps[-1] == step
        if measured_now and values[-1] <= min(values):
            gan.save_generator(self.path)


class TimeLimit:
    """Ends a call of ``train`` after some time; called again, the run goes on.

    Args:
        seconds: how long, from when this object is made.

    Attributes:
        reached: whether it has ended a call.

    Raises:
        ValueError: if it is no number above 0.

    Example:
        >>> from ganlib import callbacks
        >>> callbacks.TimeLimit(seconds=1_200).reached
        False
    """

    def __init__(self, seconds: float) -> None:
        _checks.number("seconds", seconds, above=0, fix="Pass for instance seconds=1200")
        self.seconds, self.reached, self._start = seconds, False, time.monotonic()

    def __call__(self, gan: Any, step: int) -> bool:
        """Looks at the clock.

        Args:
            gan: the `GAN`.
            step: number of completed steps.

        Returns:
            Whether the time is over.
        """
        self.reached = time.monotonic() - self._start >= self.seconds
        return self.reached


class CSVLog:
    """Appends each entry of the history to a CSV file; a resumed run goes on with the same file.

    Args:
        path: the file; rows of steps that the run has not reached are dropped when it begins. If it
            holds something else, such as the log of another run, that is kept under another name.

    Example:
        >>> import pathlib, tempfile
        >>> from ganlib import callbacks
        >>> log = callbacks.CSVLog(pathlib.Path(tempfile.mkdtemp()) / "log.csv")

    Reference:
        Chapter 10.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path, self._written = _files.expanded(path), None

    def __call__(self, gan: Any, step: int) -> None:
        """Writes the entries that are not in the file yet.

        Args:
            gan: the `GAN`.
            step: number of completed steps.
        """
        names = [field.name for field in dataclasses.fields(gan.history)]
        columns = [getattr(gan.history, name) for name in names]
        if self._written is None or step <= self._written:
            # the whole history anew: the file may be of a later step
            self.path.parent.mkdir(parents=True, exist_ok=True)
            text = io.StringIO(newline="")
            csv.writer(text).writerows([names, *zip(*columns, strict=True)])
            self._set_aside_another(text.getvalue())
            _files.write(self.path, text.getvalue())
        else:
            rows = [row for row in zip(*columns, strict=True) if row[0] > self._written]
            with open(self.path, "a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows)
        self._written = step

    def _set_aside_another(self, text):
        """Renames a file that is not of this run: equal steps of one run have equal losses."""
        if not self.path.is_file():
            return
        old = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        ours = [line.rsplit(",", 2)[0] for line in text.splitlines()[:2]]  # times may differ
        if not old or ours[: len(old)] == [line.rsplit(",", 2)[0] for line in old[:2]]:
            return
        names = (f"{self.path.stem}-{n}{self.path.suffix}" for n in itertools.count(1))
        other = next(p for p in map(self.path.with_name, names) if not p.exists())
        self.path.rename(other)
        warnings.warn(
            f"{self.path} held something else than the log of this run; it is {other} now.",
            stacklevel=2,
        )


class TensorBoard:
    """Writes the history, and samples now and then, for TensorBoard.

    Args:
        directory: folder of the event files.
        every: steps from one picture of samples to the next.
        num_images: images of a picture; 0: no pictures, as for points.

    Raises:
        ValueError: if ``every`` is no positive integer.

    Example:
        >>> import tempfile
        >>> from ganlib import callbacks
        >>> board = callbacks.TensorBoard(tempfile.mkdtemp(), every=500)

    Reference:
        Chapter 10.
    """

    def __init__(
        self, directory: str | os.PathLike[str], every: int = 1000, num_images: int = 64
    ) -> None:
        _checks.positive_integers(every=every)
        self.every, self.num_images = every, num_images
        self._writer = tf.summary.create_file_writer(str(_files.expanded(directory)))

    def __call__(self, gan: Any, step: int) -> None:
        """Writes the last entry of the history, and samples if they are due.

        Args:
            gan: the `GAN`.
            step: number of completed steps.
        """
        with self._writer.as_default(step=int(step)):
            for field in dataclasses.fields(gan.history):
                if field.name != "step":
                    value = tf.constant(getattr(gan.history, field.name)[-1], tf.float32)
                    tf.summary.write(field.name, value, metadata=_metadata("scalars", 1))
            if self.num_images and _due(gan, step, self.every):
                canvas = viz.tile(data.to_uint8(gan.sample(self.num_images)))
                canvas = canvas[..., None] if canvas.ndim == 2 else canvas
                height, width = canvas.shape[:2]
                picture = [str(width), str(height), tf.io.encode_png(canvas)]
                tf.summary.write("samples", picture, metadata=_metadata("images", 3))
        self._writer.flush()


def _metadata(plugin_name, data_class):
    """Says how TensorBoard is to show a tensor; `tf.summary.scalar` would need it installed."""
    metadata = tf.compat.v1.SummaryMetadata(data_class=data_class)
    metadata.plugin_data.plugin_name = plugin_name
    return metadata
