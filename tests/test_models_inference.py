"""Networks outside of training: parts of a batch's size, latents, labels, and what is drawn."""

import numpy as np
import pytest

from ganlib import losses, training
from ganlib._tensorflow import keras, tf
from ganlib.models import inference, mlp


def conditional(num_classes=3):
    return mlp.generator(4, 1, latent_dim=5, width=4, num_classes=num_classes)


def unnamed():
    """A conditional generator without an embedding."""
    latents, labels = keras.Input((5,)), keras.Input((1,))
    return keras.Model([latents, labels], keras.layers.Concatenate()([latents, labels]))


# --- parts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("num_rows", "sizes"), [(1, [1]), (4, [4]), (5, [4, 1]), (12, [4, 4, 4])])
def test_parts_are_of_the_batch_size_and_come_back_in_order(num_rows, sizes):
    seen = []

    def twice(part):
        seen.append(len(part))
        return tf.constant(part) * 2

    rows = np.arange(2 * num_rows).reshape(num_rows, 2)
    np.testing.assert_array_equal(inference.in_batches(twice, rows, batch_size=4), 2 * rows)
    assert seen == sizes


def test_several_outputs_are_joined_one_by_one():
    rows = np.arange(7.0)
    first, second = inference.in_batches(lambda part: [part, -part], rows, batch_size=3)
    np.testing.assert_array_equal(first, rows)
    np.testing.assert_array_equal(second, -rows)


def test_latents_and_labels_are_cut_at_the_same_places():
    latents, labels = np.arange(1203.0, dtype=np.float32)[:, None], np.arange(1203) % 7
    seen = []

    def function(inputs):
        seen.append(len(inputs[0]))
        return inputs[0][:, 0] + inputs[1] / 10

    made = inference.generate(function, latents, labels)
    np.testing.assert_allclose(made, np.arange(1203) + np.arange(1203) % 7 / 10, rtol=1e-6)
    assert seen == [500, 500, 203]


def test_without_labels_the_function_sees_latents_alone():
    latents = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(inference.generate(lambda z: 2 * z, latents), 2 * latents)


# --- what a generator is drawn from --------------------------------------------------------------


def test_latents_are_those_of_a_gan_whatever_it_was_trained_for():
    generator = mlp.generator(None, 2, latent_dim=5, width=4)
    gan = training.GAN(generator, mlp.discriminator(None, 2, width=4), losses.hinge)
    np.testing.assert_array_equal(inference.latents(generator, 7, 3), gan.latents(7, 3))
    made = inference.generate(generator, inference.latents(generator, 7, 3))
    np.testing.assert_allclose(made, gan.sample(7, 3), rtol=1e-5, atol=1e-6)


def box_muller(shape, seed):
    """Normal numbers of Philox's bits, by NumPy in double precision."""
    words = tf.random.stateless_uniform([*shape, 2], seed, None, None, tf.uint32, alg="philox")
    first, second = np.moveaxis(words.numpy() >> 8, -1, 0) / 2.0**24
    return np.sqrt(-2 * np.log(1 - first)) * np.cos(2 * np.pi * second)


def test_latents_are_normals_of_philox_bits_of_seed_and_stream():
    generator = conditional()
    for stream in (-1, 2):
        latents = inference.latents(generator, 4, seed=9, stream=stream)
        np.testing.assert_allclose(latents, box_muller([4, 5], [9, stream]), atol=2e-6)
    np.testing.assert_array_equal(
        inference.latents(generator, 4, seed=9), inference.latents(generator, 4, seed=9, stream=-1)
    )


def test_more_latents_begin_with_the_fewer():
    few, many = (inference.latents(conditional(), number, seed=9) for number in (3, 7))
    np.testing.assert_allclose(many[:3], few, atol=2e-6)


@pytest.mark.parametrize("number", [0, -1, 2.0, None])
def test_a_senseless_number_of_images_is_refused(number):
    with pytest.raises(ValueError, match=f"received num_images={number}; expected an integer"):
        inference.latents(conditional(), number)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: conditional(3), 3),
        (lambda: mlp.generator(4, 1, latent_dim=5, width=4), None),
        (unnamed, None),
    ],
)
def test_the_number_of_classes_is_that_of_the_embedding(make, expected):
    assert inference.num_classes(make()) == expected


@pytest.mark.parametrize(
    ("labels", "expected"), [(None, [0, 1, 2, 0]), (2, [2, 2, 2, 2]), ([2, 0, 1, 1], [2, 0, 1, 1])]
)
def test_labels_are_each_class_in_turn_one_for_all_or_as_given(labels, expected):
    found = inference.labels_for(conditional(3), 4, labels)
    assert (found.dtype, found.numpy().tolist()) == (tf.int32, expected)


def test_a_generator_of_no_labels_gets_none():
    assert inference.labels_for(mlp.generator(4, 1, latent_dim=5, width=4), 4) is None


def test_labels_for_an_unknown_number_of_classes_must_be_given():
    assert inference.labels_for(unnamed(), 2, [4, 9]).numpy().tolist() == [4, 9]
    with pytest.raises(ValueError, match=r"labels=None .* expected integers"):
        inference.labels_for(unnamed(), 2)


@pytest.mark.parametrize(
    ("make", "labels", "message"),
    [
        (lambda: mlp.generator(4, 1, latent_dim=5, width=4), 0, "takes none; expected None"),
        (conditional, [0, 1], r"shape \(2,\), .* from 0 to 2 for each of 4 images"),
        (conditional, 3, "values 3 to 3; expected one integer from 0 to 2"),
        (conditional, [0, 1, -1, 0], "values -1 to 1"),
        (conditional, [], r"shape \(0,\)"),
    ],
)
def test_labels_that_do_not_fit_are_refused(make, labels, message):
    with pytest.raises(ValueError, match=message):
        inference.labels_for(make(), 4, labels)
