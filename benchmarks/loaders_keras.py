"""A folder's pictures as batches: as ganlib trains on them, and by tf.data."""

from pathlib import Path

import numpy as np

from ganlib import data, training
from ganlib._tensorflow import tf

STEPS_PER_CALL = 50  # of training, whose default it is
BUFFER = 10_000  # of pictures among which tf.data draws, where it reads them in one order


class OpenFolder:
    """Decoded once into a file of pixels, of which the pictures of each call are read.

    Args:
        folder: of the pictures.
        batch_size: of a batch.
        scratch: folder for the file of pixels.
    """

    def __init__(self, folder, batch_size, scratch):
        self._folder, self._cache = folder, scratch
        self._options = training.Options(batch_size=batch_size)
        self._feed = None
        self._step = 0
        self._sums = tf.function(_sum_of_means, autograph=False, reduce_retracing=True)

    def epoch(self):
        """Makes the batches of one epoch; returns the mean of all values."""
        if self._feed is None:
            images = data.open_folder(self._folder, image_size=64, cache=self._cache).images
            self._num_steps = len(images) // self._options.batch_size
            labels = np.full(len(images), -1, np.int32)
            self._feed = training.Feed(images, labels, self._options)
        first, last = self._step, self._step + self._num_steps
        total = 0.0
        for start in range(first, last, STEPS_PER_CALL):
            end = min(start + STEPS_PER_CALL, last)
            images, _, indices = self._feed.block(start, end)
            total += float(self._sums(images, indices[: end - start]))
        self._step = last
        return total / self._num_steps


def _sum_of_means(images, indices):
    """What a compiled call does with its pictures before it trains on them, and a sum of it."""

    def one(batch):
        return tf.reduce_mean(data.to_model_range(tf.gather(images, batch[0])))

    return tf.reduce_sum(tf.map_fn(one, indices, fn_output_signature=tf.float32))


class TFData:
    """The usual pipeline, with as many threads as it likes.

    Args:
        folder: of the pictures.
        batch_size: of a batch.
        scratch: folder for what is kept.
        kept: whether decoded pictures are kept on the disk, by ``Dataset.cache``, and then shuffled
            within a buffer. Otherwise the files are shuffled, and decoded in each epoch.
    """

    def __init__(self, folder, batch_size, scratch, kept):
        self._folder, self._batch_size = Path(folder), batch_size
        self._file = f"{scratch}/cache" if kept else None
        self._batches = None

    def epoch(self):
        """Makes the batches of one epoch; returns the mean of all values."""
        if self._batches is None:
            self._batches = self._pipeline()
        count, total = self._batches.reduce(
            (0.0, 0.0), lambda so_far, x: (so_far[0] + 1.0, so_far[1] + tf.reduce_mean(x))
        )
        return float(total / count)

    def _pipeline(self):
        files = sorted(map(str, self._folder.rglob("*.png")))
        pictures = tf.data.Dataset.from_tensor_slices(files)
        if self._file is None:
            pictures = pictures.shuffle(len(files), seed=0).map(_decoded, tf.data.AUTOTUNE)
        else:
            pictures = pictures.map(_decoded, tf.data.AUTOTUNE).cache(self._file)
            pictures = pictures.shuffle(min(len(files), BUFFER), seed=0)
        batches = pictures.batch(self._batch_size, drop_remainder=True)
        return batches.map(data.to_model_range, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _decoded(path):
    return tf.io.decode_png(tf.io.read_file(path), channels=3)
