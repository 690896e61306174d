"""Training a classifier: that it learns, repeats itself, and looks only at what it may look at."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ganlib import augment, classify, data, features
from ganlib._tensorflow import keras, tf

DIGITS = data.load_digits()
TRAIN, TEST = DIGITS[:1000], DIGITS[1000:]


def weights(classifier):
    """What a classifier makes of some images, as its weights are its own."""
    return classifier(TEST.images[:50])


def train(images=TRAIN, num_steps=30, **settings):
    return classify.train_classifier(images, num_steps, **{"width": 8, **settings})


def test_a_linear_classifier_is_beaten():
    flat = [images.images.reshape(len(images), -1) / 255 for images in (TRAIN, TEST)]
    linear = LogisticRegression(C=0.3, max_iter=2000).fit(flat[0], TRAIN.labels)
    classifier = train(num_steps=400, seed=1, width=16)
    assert classify.accuracy(classifier, TEST) > linear.score(flat[1], TEST.labels) > 0.9


def test_equal_calls_give_equal_classifiers_and_the_seed_matters():
    policy = augment.Classical(shift=0.1, mixup=0.3)
    keras.utils.set_random_seed(1)
    first = weights(train(augment=policy))
    keras.utils.set_random_seed(2)
    np.testing.assert_array_equal(weights(train(augment=policy)), first)
    assert np.abs(weights(train(augment=policy, seed=1)) - first).max() > 0.01


def test_training_leaves_the_global_random_state_alone():
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    train(num_steps=2)
    assert np.random.rand() == expected


def test_augmentation_sees_a_new_seed_in_each_step_and_decides_the_targets():
    seen = []

    def policy(images, labels, seed):
        tf.py_function(lambda x, s: seen.append((x.numpy(), s.numpy())), [images, seed], [])
        return images, tf.one_hot(tf.fill(tf.shape(images)[:1], 7), 10)

    classifier = train(num_steps=40, augment=policy, seed=5, validation=0)
    images, seeds = zip(*seen, strict=True)
    np.testing.assert_array_equal(seeds, [[5, step] for step in range(40)])
    assert np.min(images) == -1
    assert np.max(images) == 1
    assert images[0].dtype == np.float32
    assert (classifier.probabilities(TEST.images).argmax(axis=1) == 7).all()


def test_the_validation_part_is_a_share_of_each_class_and_not_trained_on():
    labels = np.repeat([0, 1, 2], [10, 20, 70])
    numbered = np.arange(100, dtype=np.uint8)[:, None, None, None] * np.ones([1, 8, 8, 1], np.uint8)
    images = data.Images(numbered, labels)
    kept, held_out = classify._parts(images, 0.3, seed=0)
    assert np.bincount(held_out.labels).tolist() == [3, 6, 21]
    both = np.concatenate([kept.images, held_out.images])[:, 0, 0, 0]
    assert sorted(both) == list(range(100))
    _, other = classify._parts(images, 0.3, seed=1)
    assert (other.images != held_out.images).any()


def test_the_weights_with_the_best_validation_loss_come_back(monkeypatch):
    losses, seen = iter([5, 3, 4, 2, 6, 7, 8, 9, 10, 11]), []

    def loss(classifier, images):
        seen.append((weights(classifier), len(images)))
        return next(losses)

    monkeypatch.setattr(classify, "_cross_entropy", loss)
    classifier = train(validation=TEST[:77])
    assert len(seen) == 10
    assert {num_images for _, num_images in seen} == {77}
    np.testing.assert_array_equal(weights(classifier), seen[3][0])
    assert (seen[3][0] != seen[-1][0]).any()


def test_validation_loss_is_the_mean_cross_entropy():
    classifier = train(num_steps=3)
    rows = classifier.probabilities(TEST.images).astype(np.float64)
    expected = np.mean([-np.log(row[label]) for row, label in zip(rows, TEST.labels, strict=True)])
    assert classify._cross_entropy(classifier, TEST) == pytest.approx(expected, rel=1e-5)


def test_without_validation_all_steps_count():
    first, second = (train(num_steps=n, validation=0) for n in (9, 10))
    assert isinstance(first, features.Classifier)
    assert weights(first).shape == (50, 32)
    assert (weights(first) != weights(second)).any()


def test_a_network_of_ones_own_is_trained_like_the_usual_one():
    settings = {"validation": TEST[:100], "augment": augment.Classical(shift=0.1)}
    usual = train(num_steps=20, seed=3, **settings)
    model = classify.network((8, 8, 1), 10, width=8, seed=3)
    own = classify.fit(model, TRAIN, 20, 3, **settings)
    np.testing.assert_array_equal(weights(own), weights(usual))


def test_only_what_may_learn_does_and_from_the_weights_that_it_has():
    body = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3)])
    body.trainable = False
    images = keras.Input((8, 8, 1))
    model = classify.with_head(images, body(images), 10, width=8, seed=1)
    assert [output.shape[1] for output in model.outputs] == [32, 10]
    before, head = body.get_weights(), model.trainable_variables[0].numpy()
    classifier = classify.fit(model, TRAIN, 60)
    for old, new in zip(before, body.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    moved = np.abs(model.trainable_variables[0].numpy() - head)
    assert 0 < moved.mean() < 0.2  # Adam moves a weight by its rate of 0.002 a step at most
    assert classify.accuracy(classifier, TEST) > 0.6


@pytest.mark.parametrize(
    ("shape", "num_classes"),
    [((8, 8, 1), 10), ((28, 28, 1), 3), ((64, 64, 3), 2), ((33, 20, 3), 5)],
)
def test_networks_fit_any_size(shape, num_classes):
    model = classify.network(shape, num_classes, width=4)
    vectors, logits = model(np.zeros([2, *shape], np.float32))
    assert vectors.shape == (2, 16)
    assert logits.shape == (2, num_classes)
    last = [layer.output.shape for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][
        -1
    ]
    assert max(last[1:3]) <= 8


def test_layers_begin_with_weights_that_are_no_multiples_of_each_other():
    model = classify.network((64, 64, 3), 16, width=4)
    kernels = [v.numpy() for v in model.trainable_variables if len(v.shape) > 1]
    ratios = {round(float(kernel.ravel()[1] / kernel.ravel()[0]), 3) for kernel in kernels}
    assert len(ratios) == len(kernels) == 5


class _Oracle:
    def __init__(self, answers):
        self.answers = np.asarray(answers)

    def probabilities(self, images):
        return np.eye(4)[self.answers]


def test_accuracies_by_hand():
    images = data.Images(np.zeros([6, 2, 2, 1], np.uint8), [0, 0, 0, 1, 1, 3], tuple("abcd"))
    classifier = _Oracle([0, 0, 1, 1, 3, 3])
    assert classify.accuracy(classifier, images) == pytest.approx(4 / 6)
    np.testing.assert_allclose(
        classify.class_accuracies(classifier, images), [2 / 3, 1 / 2, np.nan, 1]
    )


def test_classification_accuracy_score_trains_on_generated_images_alone():
    """Labels shifted by one teach the classifier to be wrong on every real image."""
    shifted = data.Images(TRAIN.images, (TRAIN.labels + 1) % 10, TRAIN.class_names)
    right, wrong = (
        classify.classification_accuracy_score(generated, TEST, 200, width=8)
        for generated in (TRAIN, shifted)
    )
    assert right > 0.7
    assert wrong < 0.1


@pytest.mark.parametrize(
    ("images", "settings", "message"),
    [
        (data.Images(TRAIN.images), {}, "without labels"),
        (TRAIN, {"num_steps": 0}, "num_steps=0"),
        (TRAIN[:3], {}, "validation=0.1 of 3 images, which leaves 0 to validate"),
        (TRAIN[:3], {"validation": 1.0}, "and 0 to train on"),
    ],
)
def test_images_that_cannot_be_learned_from_are_refused(images, settings, message):
    with pytest.raises(ValueError, match=message):
        train(images, **settings)
    if images.labels is None:
        with pytest.raises(ValueError, match=message):
            classify.fit(classify.network((8, 8, 1), 10, width=8), images, 5)
        with pytest.raises(ValueError, match=message):
            classify.accuracy(_Oracle([0]), images)


@pytest.mark.parametrize("value", ["float64", "float16", "mixed_float16"])
def test_small_classifiers_are_float32_whatever_keras_is_told(value):
    def trained():
        classifier = classify.train_classifier(data.load_digits()[:60], num_steps=3, width=2)
        return classifier.model.get_weights()

    expected = trained()
    policy, float_type = keras.config.dtype_policy(), keras.config.floatx()
    is_policy = value.startswith("mixed")
    (keras.config.set_dtype_policy if is_policy else keras.config.set_floatx)(value)
    try:
        found = trained()
    finally:
        keras.config.set_floatx(float_type)
        keras.config.set_dtype_policy(policy)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_a_frozen_layer_is_frozen_by_true_alone():
    with pytest.raises(ValueError, match="frozen='false'"):
        classify.from_discriminator(None, 10, seed=0, frozen="false")
