"""What callbacks write and when they act, in tiny runs; an early stop is part of a checkpoint."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ganlib import callbacks, training
from ganlib._tensorflow import keras, tf
from ganlib.models import mlp

IMAGES = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1)).astype(np.uint8)


def small_gan():
    keras.utils.set_random_seed(0)
    return training.GAN(
        mlp.generator(8, 1, 3, width=4),
        mlp.discriminator(8, 1, width=4),
        options=training.Options(batch_size=8, steps_per_call=3),
    )


def train(gan, num_steps, given, directory=None):
    return gan.train(IMAGES, num_steps, directory, callbacks=given, progress=False)


def test_samples_are_written_at_the_end_of_the_call_in_which_they_are_due(tmp_path):
    # calls end at 3, 6, 9, 12; multiples of 5 lie in the calls that end at 6 and 12
    train(small_gan(), 12, [callbacks.Samples(tmp_path / "grids", every=5, num_images=6)])
    names = sorted(path.name for path in (tmp_path / "grids").iterdir())
    assert names == ["samples-000000006.png", "samples-000000012.png"]
    with Image.open(tmp_path / "grids" / names[0]) as picture:
        assert picture.size[0] > 2 * 8


def test_measurements_are_kept_with_their_steps():
    gan = small_gan()
    measure = callbacks.Measure(lambda gan: gan.step / 2, every=6)
    train(gan, 12, [measure])
    assert (measure.steps, measure.values) == ([6, 12], [3.0, 6.0])


def test_a_run_ends_at_its_target():
    gan = small_gan()
    stop = callbacks.EarlyStop(lambda gan: 10.0 - gan.step, target=4.0, every=3)
    history = train(gan, 100, [stop])
    assert gan.step == history.step[-1] == 6
    assert stop.best == 4.0


def test_a_run_ends_when_nothing_gets_better():
    values = iter([3.0, 2.0, float("nan"), 2.5, 2.0, 1.0])
    gan = small_gan()
    stop = callbacks.EarlyStop(lambda gan: next(values), every=3, patience=3)
    train(gan, 100, [stop])
    # the best value came second; the third, fourth and fifth were no better
    assert (gan.step, stop.best) == (15, 2.0)


def test_a_run_that_measures_nan_only_ends_too():
    gan = small_gan()
    train(gan, 100, [callbacks.EarlyStop(lambda gan: float("nan"), every=3, patience=2)])
    assert gan.step == 6


def test_an_early_stop_goes_on_from_its_checkpoint(tmp_path):
    def stop(told):
        def function(gan):
            told.append(gan.step)
            return [3.0, 2.0, 2.5, 2.6, 2.7][gan.step // 3 - 1]

        return callbacks.EarlyStop(function, every=3, patience=3)

    first, second, third = [], [], []
    train(small_gan(), 6, [stop(first)], tmp_path)
    gan = small_gan()
    train(gan, 100, [stop(second)], tmp_path)
    assert (first, second) == ([3, 6], [9, 12, 15])
    assert gan.step == 15
    again = small_gan()
    train(again, 100, [stop(third)], tmp_path)
    assert (again.step, third) == (15, [])


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_the_log_of_a_resumed_run_is_that_of_an_uninterrupted_one(tmp_path):
    whole, parts = tmp_path / "whole.csv", tmp_path / "parts.csv"
    train(small_gan(), 9, [callbacks.CSVLog(whole)])
    train(small_gan(), 6, [callbacks.CSVLog(parts)], tmp_path / "run")
    parts.write_text(parts.read_text(encoding="utf-8") + "9,left,from,a,killed,run\n")
    train(small_gan(), 9, [callbacks.CSVLog(parts)], tmp_path / "run")
    header, *entries = rows(parts)
    assert header[:3] == ["step", "discriminator_loss", "generator_loss"]
    assert [row[0] for row in entries] == ["3", "6", "9"]
    num_columns = header.index("seconds")  # times differ
    expected = [row[:num_columns] for row in rows(whole)]
    assert [row[:num_columns] for row in rows(parts)] == expected


def run(losses, pixel=0.0):
    """What a callback sees of a GAN: its history, and samples of one value."""
    history = training.History.empty()
    for number, loss in enumerate(losses, 1):
        history.append(**dict.fromkeys(vars(history), loss) | {"step": 3 * number})
    return SimpleNamespace(
        history=history, sample=lambda n, seed=0: np.full((n, 8, 8, 1), pixel, np.float32)
    )


def test_the_log_of_another_run_is_kept_under_another_name(tmp_path):
    path, log = tmp_path / "log.csv", callbacks.CSVLog(tmp_path / "log.csv")
    path.write_text("name,share\na,1\n", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"log-1\.csv now"):
        log(run([0.5]), 3)
    log(run([0.5, 0.6]), 6)
    assert (tmp_path / "log-1.csv").read_text(encoding="utf-8") == "name,share\na,1\n"
    callbacks.CSVLog(path)(run([0.5]), 3)  # the same run from its beginning
    assert [row[:2] for row in rows(path)[1:]] == [["3", "0.5"]]
    with pytest.warns(UserWarning, match=r"log-2\.csv now"):
        log(run([0.7]), 3)  # the object of before, for another run
    assert rows(tmp_path / "log-2.csv")[1][:2] == ["3", "0.5"]
    assert [row[:2] for row in rows(path)[1:]] == [["3", "0.7"]]


@pytest.mark.parametrize(("value", "pixel"), [(1.5, 255), (-7.0, 0), (0.0, 128)])
def test_samples_outside_the_range_are_clipped(value, pixel, tmp_path):
    callbacks.Samples(tmp_path, every=3, num_images=4)(run([0.5], value), 3)
    with Image.open(tmp_path / "samples-000000003.png") as picture:
        assert np.asarray(picture)[0, 0] == pixel


def test_tensorboard_gets_each_entry_and_the_samples_that_are_due(tmp_path):
    history = train(small_gan(), 6, [callbacks.TensorBoard(tmp_path, every=6, num_images=4)])
    found = {}
    for path in tmp_path.glob("events*"):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = tf.make_ndarray(value.tensor)
    losses = [float(found["discriminator_loss"][step]) for step in (3, 6)]
    np.testing.assert_array_equal(losses, history.discriminator_loss)
    assert list(found["samples"]) == [6]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: callbacks.Samples("folder", every=0),
            "every=0; expected an integer",
        ),
        (lambda: callbacks.EarlyStop(len), "target=None and patience=None; expected"),
        (
            lambda: callbacks.EarlyStop(len, patience=0),
            "patience=0; expected an integer",
        ),
    ],
)
def test_a_bad_argument_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
