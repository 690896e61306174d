"""One compiled call for a whole run: how often it is compiled, what fills it up, what it costs."""

import itertools
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from ganlib import training
from ganlib._tensorflow import keras, tf
from ganlib.models import mlp
from ganlib.training import _loop

ROOT = Path(__file__).resolve().parents[1]
POINTS = np.random.default_rng(0).normal(2.0, 0.5, (50, 2)).astype(np.float32)
NO_LABELS = np.full(len(POINTS), -1, np.int32)


def small_gan(**options):
    keras.utils.set_random_seed(0)
    options = {"batch_size": 8, "steps_per_call": 4, "seed": 3, **options}
    pair = mlp.generator(None, 2, 3, width=8), mlp.discriminator(None, 2, width=8)
    return training.GAN(*pair, options=training.Options(**options))


def values(gan):
    variables = [v for part in gan._state().values() for v in part]
    return [np.asarray(variable) for variable in variables]


@pytest.fixture
def mapped(tmp_path):
    array = np.memmap(tmp_path / "points", POINTS.dtype, "w+", shape=POINTS.shape)
    array[:] = POINTS
    return array


# --- one shape -----------------------------------------------------------------------------------

ENDS = [0, 4, 8, 10, 12, 15]  # as with a checkpoint at step 10, and a ragged end


@pytest.mark.parametrize("on_disk", [False, True], ids=["in memory", "on the disk"])
@pytest.mark.parametrize("batch_size", [3, 8, 60])
def test_all_calls_of_a_run_have_one_shape(on_disk, batch_size, mapped):
    """Epochs end within calls; batches of 60 need each of the 50 points more than once."""
    options = training.Options(batch_size=batch_size, steps_per_call=4, num_discriminator_steps=2)
    feed = training.Feed(mapped if on_disk else POINTS, NO_LABELS, options)
    shapes = set()
    for start, end in [(0, 0), *itertools.pairwise(ENDS)]:
        images, labels, indices = feed.block(start, end)
        shapes.add((tuple(images.shape), tuple(labels.shape), tuple(indices.shape)))
        assert tuple(images.shape) == feed.shape
        chosen = indices[: end - start].numpy()
        order = training.Order(50, options)
        if end > start:
            np.testing.assert_array_equal(images.numpy()[chosen], POINTS[order.indices(start, end)])
    assert len(shapes) == 1
    assert shapes.pop()[2] == (4, 2, batch_size)


def test_more_steps_than_a_call_has_are_filled_up_to_a_multiple():
    feed = training.Feed(POINTS, NO_LABELS, training.Options(batch_size=2, steps_per_call=4))
    assert [len(feed.block(0, end)[2]) for end in (4, 5, 9)] == [4, 8, 12]


def test_a_run_over_a_memory_map_is_traced_once(mapped, tmp_path):
    gan = small_gan(num_discriminator_steps=2)
    gan.train(mapped, 15, tmp_path / "run", checkpoint_every=10, progress=False)
    gan.train(mapped, 17, progress=False)
    (compiled,) = gan._block._compiled.values()
    assert compiled.experimental_get_tracing_count() == 1


SCRIPT = """
    import sys
    import numpy as np
    from ganlib import training
    from ganlib.models import mlp

    points = np.memmap(sys.argv[1], np.float32, "r", shape=(50, 2))
    gan = training.GAN(
        mlp.generator(None, 2, 3, width=4), mlp.discriminator(None, 2, width=4),
        options=training.Options(batch_size=8, steps_per_call=4, jit_compile=True),
    )
    history = gan.train(points, 15, sys.argv[2], checkpoint_every=10, progress=False)
    print(*history.step)
"""


def test_a_run_over_a_memory_map_is_compiled_once_by_xla(mapped, tmp_path):
    """XLA writes down each program that it compiles; with ragged calls there were five."""
    dump = tmp_path / "dump"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), mapped.filename, str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": f"--xla_dump_to={dump}"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["4", "8", "10", "12", "15"], done.stderr[-2000:]
    names = [path.name for path in dump.glob("*before_optimizations.txt")]
    runs = [name for name in names if re.search(r"_run_\d+", name)]
    assert len(runs) == 1, names


def test_images_without_room_on_the_device_are_refused_with_a_way_out(monkeypatch):
    def full(array):
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")

    monkeypatch.setattr(tf, "constant", full)
    with pytest.raises(MemoryError, match=r"received 0\.0 GB of images.*data\.open_folder"):
        training.Feed(POINTS, NO_LABELS, training.Options())


# --- what fills up changes nothing ---------------------------------------------------------------


def test_compiling_changes_nothing_and_is_done_once():
    gan, untouched = small_gan(), small_gan()
    feed = _loop.Feed(POINTS, NO_LABELS, gan.options)
    block = training.Block(gan.training_step)
    first, second = block.compile(feed), block.compile(feed)
    assert first > second == 0
    means, _ = block(feed, 0, 0)
    assert len(means) == len(training.STATISTICS)
    for a, b in zip(values(gan), values(untouched), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_ragged_call_ends_where_full_ones_do():
    """Steps 0 to 6 in calls of 4, of 1, and of 7: the weights to the bit, and the means."""
    runs = [small_gan(steps_per_call=length) for length in (4, 1, 7)]
    ragged, single, whole = (gan.train(POINTS, 7, progress=False) for gan in runs)
    for gan in runs[1:]:
        for a, b in zip(values(runs[0]), values(gan), strict=True):
            np.testing.assert_array_equal(a, b)
    losses = single.discriminator_loss
    np.testing.assert_allclose(
        ragged.discriminator_loss, [losses[:4].mean(), losses[4:].mean()], rtol=1e-5
    )
    np.testing.assert_allclose(whole.discriminator_loss, [losses.mean()], rtol=1e-5)


# --- what compiling costs ------------------------------------------------------------------------


def test_the_history_keeps_compiling_apart(monkeypatch):
    gan = small_gan()
    compile_ = gan._block.compile
    monkeypatch.setattr(gan._block, "compile", lambda feed: compile_(feed) + 1000.0)
    history = gan.train(POINTS, 10, progress=False)
    assert 1000 < history.compile_seconds[0] < 1100
    np.testing.assert_array_equal(history.compile_seconds[1:], 0)
    assert history.seconds[-1] < 1000
    assert (history.images_per_second > 8 * 10 / 1000).all()
    gan.train(POINTS, 18, progress=False)
    assert list(history.step) == [4, 8, 10, 12, 16, 18]
    np.testing.assert_array_equal(history.compile_seconds > 500, [1, 0, 0, 1, 0, 0])
    assert history.compile_seconds[3] == 1000  # nothing was compiled again


def test_the_bar_says_that_the_step_is_compiled(capsys):
    small_gan().train(POINTS, 8)
    shown = capsys.readouterr().err.split("\r")
    compiling = ["compiling" in line for line in shown]
    assert any(compiling)
    assert all("0/8" in line for line in shown if "compiling" in line)
    assert compiling.index(True) < next(i for i, line in enumerate(shown) if "images/s" in line)
