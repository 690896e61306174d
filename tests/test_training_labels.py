"""Labels beside an array: of points, tables and whatever else is no picture."""

import numpy as np
import pytest

from ganlib import data, losses, penalties, training
from ganlib._tensorflow import keras
from ganlib.models import heads, mlp

RNG = np.random.default_rng(0)
LABELS = np.arange(90) % 3
ROWS = RNG.normal(LABELS[:, None] - 1, 0.1, (90, 5)).astype(np.float32)  # a table: class and noise


def gan_of(num_classes=3, columns=5, **arguments):
    keras.utils.set_random_seed(0)
    return training.GAN(
        mlp.generator(None, columns, 3, width=16, num_classes=num_classes),
        mlp.discriminator(None, columns, width=16, num_classes=num_classes),
        options=training.Options(batch_size=32, steps_per_call=10, ema_decay=0.9),
        **arguments,
    )


def train(gan, rows=ROWS, num_steps=10, **arguments):
    return gan.train(rows, num_steps, progress=False, **arguments)


def test_each_row_comes_with_its_label(monkeypatch):
    gan, seen = gan_of(), []
    step = gan.training_step.update_networks

    def spied(real, latents, step_number, labels):
        seen.extend(zip(real[0].numpy(), labels[0].numpy(), strict=True))
        return step(real, latents, step_number, labels)

    monkeypatch.setattr(gan.training_step, "update_networks", spied)
    feed = training.Feed(ROWS, LABELS.astype(np.int32), gan.options)
    images, labels, indices = feed.block(0, 2)
    for number in range(2):
        gan._block._on_replica(images, labels, indices[number], number)
    assert len(seen) == 64
    for row, label in seen:
        assert label == LABELS[(row == ROWS).all(axis=1)][0]


def test_a_conditional_gan_learns_the_classes_of_a_table():
    gan = gan_of(penalties=[training.Penalty(penalties.r1, 0.1)])
    train(gan, ROWS.astype(np.float64), 400, labels=LABELS.astype(np.uint8))
    means = [gan.sample(200, labels=np.full(200, k)).mean() for k in range(3)]
    assert np.diff(means).min() > 0.4, means


def test_pixels_with_labels_beside_them_are_images_of_these_labels(tmp_path):
    pixels = RNG.integers(0, 256, (90, 8, 8, 1)).astype(np.uint8)

    def conditional():
        keras.utils.set_random_seed(0)
        pair = mlp.generator(8, 1, 3, 4, num_classes=3), mlp.discriminator(8, 1, 4, num_classes=3)
        return training.GAN(*pair, options=training.Options(batch_size=8))

    beside, inside = conditional(), conditional()
    train(beside, pixels, 5, labels=list(LABELS), directory=tmp_path)
    train(inside, data.Images(pixels, LABELS), 5)
    for a, b in zip(beside.generator.variables, inside.generator.variables, strict=True):
        np.testing.assert_array_equal(np.array(a), np.array(b))
    with pytest.raises(ValueError, match="images"):  # other labels are another data set
        train(conditional(), pixels, 6, labels=LABELS[::-1], directory=tmp_path)


def test_some_labels_may_be_unknown_where_a_term_needs_some():
    discriminator = mlp.discriminator(None, 5, width=8, num_classes=3, head=heads.semi_supervised)
    gan = training.GAN(
        mlp.generator(None, 5, 3, width=8),
        discriminator,
        terms=[losses.semi_supervised()],
        options=training.Options(batch_size=8),
    )
    train(gan, labels=np.where(np.arange(90) < 60, -1, LABELS))
    with pytest.raises(ValueError, match=r"without labels.*labels= beside an array"):
        train(gan, labels=np.full(90, -1), num_steps=20)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[:80], r"shape \(80,\) and dtype int64 for 90 samples; expected integers \(90,\)"),
        (np.eye(3)[LABELS], r"shape \(90, 3\).*of one-hot rows, pass labels.argmax\(axis=1\)"),
        (LABELS.astype(float), r"dtype float64.*expected integers.*np.unique"),
        (np.array(["a", "b", "c"])[LABELS], "dtype <U1.*expected integers"),
        (LABELS - 2, "the label -2; expected labels from 0, or -1 where one is unknown"),
        (LABELS - 1, "some have no label; expected a label for each.*labels= beside an array"),
        (LABELS + 1, "labels up to 3 for a .* of 3 classes; expected labels from 0 to 2"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        train(gan_of(), labels=labels)


def test_labels_are_given_in_one_place():
    images = data.Images(np.zeros((4, 8, 8, 1), np.uint8), [0, 1, 2, 0])
    with pytest.raises(ValueError, match=r"labels beside data.Images; expected them in one place"):
        train(gan_of(), images, labels=[0, 1, 2, 0])
    with pytest.raises(ValueError, match=r"a pair as images.*pass labels=labels"):
        train(gan_of(), (ROWS, LABELS))


def test_labels_do_not_make_a_range_right():
    keras.utils.set_random_seed(0)
    tanh = training.GAN(
        mlp.generator(8, 1, 3, 4, num_classes=3), mlp.discriminator(8, 1, 4, num_classes=3)
    )
    with pytest.raises(ValueError, match="ends in a tanh; expected values from -1 to 1"):
        train(tanh, RNG.uniform(0, 255, (90, 8, 8, 1)), labels=LABELS)
