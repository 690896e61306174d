"""Fair comparisons: disjoint splits, a seal that holds, intervals by someone else's formula."""

import math

import numpy as np
import pytest
from scipy import stats

from ganlib import comparison, data, features

DIGITS = data.load_digits()
POOL, HELD_OUT = DIGITS[:1437], DIGITS[1437:]


def drawn(*arguments, **settings):
    return comparison.split(POOL, *arguments, **settings)


# --- splits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("num_per_class", "validation"), [(2, 1), (5, 1), (20, 4), (100, 20)])
def test_each_class_gives_n_and_a_fifth_of_them_validates(num_per_class, validation):
    material = drawn(num_per_class, 3)
    assert np.bincount(material.validation.labels).tolist() == [validation] * 10
    assert np.bincount(material.labelled.labels).tolist() == [num_per_class - validation] * 10
    assert len(material.unlabelled) == 0


def test_the_images_are_those_of_the_indices_and_no_index_occurs_twice():
    material = drawn(20, 0, num_unlabelled=-1)
    for part in (material.labelled, material.validation):
        name = "labelled" if part is material.labelled else "validation"
        np.testing.assert_array_equal(part.images, POOL.images[material.indices[name]])
        np.testing.assert_array_equal(part.labels, POOL.labels[material.indices[name]])
    np.testing.assert_array_equal(material.unlabelled, POOL.images[material.indices["unlabelled"]])
    everything = np.concatenate(list(material.indices.values()))
    assert sorted(everything.tolist()) == list(range(len(POOL)))


def test_the_seed_decides_which_images_and_nothing_else_does():
    np.random.seed(1)
    first = drawn(20, 4).indices["labelled"]
    np.random.seed(2)
    np.testing.assert_array_equal(drawn(20, 4).indices["labelled"], first)
    assert (drawn(20, 5).indices["labelled"] != first).mean() > 0.9
    # another n is another draw, not a longer one of the same images
    assert not set(drawn(5, 4).indices["validation"]) <= set(first)


def test_rare_classes_have_n_images_and_the_others_their_own_number():
    material = drawn(5, 0, rare=(2, 7), num_common=50)
    counts = np.bincount(material.labelled.labels) + np.bincount(material.validation.labels)
    assert counts.tolist() == [50, 50, 5, 50, 50, 50, 50, 5, 50, 50]
    assert material.rare == (2, 7)


def test_so_many_unlabelled_images_as_were_asked_for_and_of_all_classes():
    material = drawn(5, 0, num_unlabelled=600)
    assert len(material.unlabelled) == 600
    labels = POOL.labels[material.indices["unlabelled"]]
    assert np.bincount(labels).min() > 30


@pytest.mark.parametrize("number", [0, 1, 175])
def test_too_few_images_of_a_class_are_said(number):
    with pytest.raises(ValueError, match=f"received {number} as the number of images of class 0"):
        drawn(number, 0)


# --- leaks ---------------------------------------------------------------------------------------


def test_parts_that_share_an_image_are_refused():
    material = drawn(5, 0)
    indices = dict(material.indices)
    indices["validation"] = indices["validation"].copy()
    indices["validation"][3] = indices["labelled"][7]
    with pytest.raises(comparison.LeakError, match="in 'labelled' and again in 'validation'"):
        comparison.Material(material.labelled, material.validation, material.unlabelled, indices)


def test_parts_that_do_not_fit_their_indices_are_refused():
    material = drawn(5, 0)
    with pytest.raises(ValueError, match="39 images and 40 indices of labelled"):
        comparison.Material(
            material.labelled[:39], material.validation, material.unlabelled, material.indices
        )


def test_a_seal_knows_its_images_wherever_they_come_from():
    seal = comparison.Seal(HELD_OUT.images)
    assert seal.is_among(HELD_OUT.images[::-1].copy()).all()
    copies = comparison.Seal(POOL.images).is_among(HELD_OUT.images)
    by_hand = (HELD_OUT.images[:, None] == POOL.images[None]).all(axis=(2, 3, 4)).any(axis=1)
    np.testing.assert_array_equal(copies, by_hand)
    changed = HELD_OUT.images.copy()
    changed[:, 0, 0, 0] ^= 1
    assert not seal.is_among(changed).any()


def test_a_seal_stops_at_the_first_image_that_it_knows():
    seal = comparison.Seal(HELD_OUT.images[5:])
    seal.require_unseen(HELD_OUT.images[:5], "anything")
    with pytest.raises(comparison.LeakError, match=r"7 images for a set, .* 2 are .* at place 5"):
        seal.require_unseen(HELD_OUT.images[:7], "a set")


def test_copies_are_left_out_of_a_pool():
    twice = data.Images(
        np.concatenate([POOL.images[:50], POOL.images[:3], HELD_OUT.images[:4]]),
        np.concatenate([POOL.labels[:50], POOL.labels[:3], HELD_OUT.labels[:4]]),
        POOL.class_names,
    )
    clean = comparison.without_copies(twice, comparison.Seal(HELD_OUT.images))
    np.testing.assert_array_equal(clean.images, POOL.images[:50])


# --- scores --------------------------------------------------------------------------------------


class Oracle:
    """Answers 0 for the digit 1, and otherwise what it is told is right."""

    def __init__(self, images):
        self.labels = np.where(images.labels == 1, 0, images.labels)

    def probabilities(self, images):
        return np.eye(10)[self.labels[: len(images)]]


def test_scores_are_means_over_images_over_classes_and_over_rare_classes():
    few = HELD_OUT[(HELD_OUT.labels != 1) | (np.arange(len(HELD_OUT)) < 30)]
    scores = comparison.HeldOut(few).scores(Oracle(few), rare=(1, 4))
    assert scores["accuracy"] == pytest.approx(np.mean(few.labels != 1))
    assert scores["balanced_accuracy"] == pytest.approx(0.9)
    assert scores["rare_accuracy"] == pytest.approx(0.5)
    assert scores["accuracy"] > 0.95
    assert math.isnan(comparison.HeldOut(few).scores(Oracle(few))["rare_accuracy"])


def test_each_look_is_counted_and_no_image_is_given_out():
    held_out = comparison.HeldOut(HELD_OUT)
    assert (held_out.num_reads, len(held_out)) == (0, 360)
    held_out.seal.is_among(POOL.images)
    assert held_out.num_reads == 0
    held_out.scores(Oracle(HELD_OUT))
    distance = held_out.distance(HELD_OUT.images, features.digits_classifier())
    assert held_out.num_reads == 2
    assert distance == pytest.approx(0.0, abs=1e-6)
    public = [getattr(held_out, name) for name in dir(held_out) if not name.startswith("_")]
    public += list(vars(held_out.seal).values())
    assert not any(isinstance(value, (np.ndarray, data.Images)) for value in public)


# --- intervals -----------------------------------------------------------------------------------


def test_the_interval_is_that_of_scipys_paired_test():
    rng = np.random.default_rng(5)
    first, second = rng.normal(70, 5, 5), rng.normal(69, 5, 5)
    for level in (0.9, 0.95):
        interval = comparison.paired_difference(first, second, level)
        expected = stats.ttest_rel(first, second).confidence_interval(level)
        np.testing.assert_allclose(interval[1:3], expected, rtol=1e-12)
        assert interval.mean == pytest.approx((first - second).mean())
        assert interval.num_pairs == 5


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    common, num_studies = rng.normal(0, 9, (2000, 5)), 2000
    first, second = common + rng.normal(1.5, 1, (2000, 5)), common + rng.normal(0, 1, (2000, 5))
    found = [comparison.paired_difference(*pair) for pair in zip(first, second, strict=True)]
    covered = np.mean([interval.low <= 1.5 <= interval.high for interval in found])
    # four standard errors of a share
    assert abs(covered - 0.95) < 4 * math.sqrt(0.95 * 0.05 / num_studies)


def test_one_pair_has_a_mean_and_no_interval():
    interval = comparison.paired_difference([3.0], [1.0])
    assert interval.mean == 2.0
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


@pytest.mark.parametrize(("first", "second"), [([1.0, 2.0], [1.0]), ([], []), ([[1.0]], [[1.0]])])
def test_values_that_do_not_pair_are_refused(first, second):
    with pytest.raises(ValueError, match="one for each seed"):
        comparison.paired_difference(first, second)
