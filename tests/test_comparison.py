"""Fair comparisons: disjoint splits, a seal that holds, intervals by someone else's formula."""

import math

import numpy as np
import pytest
from scipy import stats

from ganlib import augment, comparison, data, features

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


# --- folds, and what generated images are worth --------------------------------------------------


def test_corrected_difference_in_closed_form():
    found = comparison.corrected_difference([3.0, 5.0, 4.0], [1.0, 2.0, 3.0], level=0.95)
    error = math.sqrt(1 / 3 + 1 / 2)  # differences 2, 3, 1: mean 2, deviation 1
    reach = 4.302652729911275 * error  # Student's t for two degrees of freedom, from tables
    assert found[:3] == pytest.approx((2.0, 2.0 - reach, 2.0 + reach))
    t = 2.0 / error
    assert found.confidence == pytest.approx(0.5 + t / (2 * math.sqrt(2 + t * t)))  # its law
    reverse = comparison.corrected_difference([1.0, 2.0, 3.0], [3.0, 5.0, 4.0])
    assert reverse.confidence == pytest.approx(1 - found.confidence)
    with pytest.raises(ValueError, match="at least two folds"):
        comparison.corrected_difference([1.0], [2.0])


def test_the_rule_changes_to_a_dearer_arm_only_if_it_is_surely_better():
    accuracies = {"real": [50, 52, 51], "lucky": [40, 70, 55], "better": [60, 63, 61]}
    assert comparison.choose(accuracies) == "better"
    assert comparison.choose(dict(reversed(accuracies.items()))) == "better"
    assert comparison.choose({"real": [50, 52, 51], "lucky": [40, 70, 55]}) == "real"
    lines = comparison.verdict(accuracies)
    assert [line.split()[0] for line in lines] == ["real", "lucky", "better", "Take"]
    assert lines[-1].startswith("Take better: it is better")


def test_each_image_is_held_out_once_and_not_learned_from_then(monkeypatch):
    digits = DIGITS[DIGITS.labels < 3][:90]
    pool = data.Images(digits.images, digits.labels)
    seen = []

    class Blind:
        def __init__(self, fold):
            self.fold = fold

    def arms(material, settings, discriminator, seed):
        assert discriminator is None
        learned = np.concatenate([material.labelled.images, material.validation.images])
        seen.append({image.tobytes() for image in learned})
        return {"real": lambda: Blind(seed)}

    held = []

    def scores(self, classifier):
        held.append([image.tobytes() for image in self._images.images])
        return {"balanced_accuracy": 0.25 * classifier.fold}

    monkeypatch.setattr(comparison, "_arms", arms)
    monkeypatch.setattr(comparison.HeldOut, "scores", scores)
    doubled = pool[np.r_[0:90, 0:30]]
    told = []
    found = comparison.across_folds(
        doubled,
        comparison.Settings(),
        num_folds=3,
        tell=lambda fold, accuracies: told.append((fold, len(accuracies["real"]))),
    )
    assert found == {"real": [0.0, 25.0, 50.0]}
    assert told == [(0, 1), (1, 2), (2, 3)]
    assert sorted(image for images in held for image in images) == sorted(
        image.tobytes() for image in pool.images
    )
    assert all(not set(out) & learned for out, learned in zip(held, seen, strict=True))


class Once:
    """Arms that note how often they are trained, and guess alike."""

    def __init__(self):
        self.trained = []

    def probabilities(self, images):
        return np.eye(2)[np.arange(len(images)) % 2]

    def arms(self, material, settings, discriminator, seed):
        def frozen():
            discriminator()
            return self.note(("frozen", seed))

        own = {"real": lambda: self.note(("real", seed))}
        return own if discriminator is None else own | {"frozen": frozen}

    def note(self, what):
        self.trained.append(what)
        return self


@pytest.fixture
def once(monkeypatch):
    arms = Once()
    monkeypatch.setattr(comparison, "_arms", arms.arms)
    return arms


def two_classes(count=40):
    two = DIGITS[DIGITS.labels < 2][:count]
    return data.Images(two.images, two.labels)


def other_label(pool):
    return data.Images(
        pool.images, np.where(np.arange(len(pool)) == 3, 1 - pool.labels, pool.labels)
    )


def other_pixel(pool):
    images = pool.images.copy()
    images[5, 0, 0, 0] ^= 1
    return data.Images(images, pool.labels)


@pytest.mark.parametrize(
    "change",
    [
        {"pool": other_label(two_classes())},
        {"pool": other_pixel(two_classes())},
        {"settings": comparison.Settings(num_steps=601)},
        {"settings": comparison.Settings(policy=augment.Classical(flip=True))},
        {"num_folds": 4},
        {"seed": 1},
    ],
)
def test_what_was_kept_is_taken_for_equal_calls_alone(change, once, tmp_path, monkeypatch):
    call = {"pool": two_classes(), "settings": comparison.Settings(), "num_folds": 3}
    first = comparison.across_folds(**call, kept=comparison.Kept(tmp_path))
    assert len(once.trained) == 3
    kept = comparison.Kept(tmp_path)
    assert comparison.across_folds(**call, kept=kept) == first
    assert (len(once.trained), kept.num_found) == (3, 3)
    kept = comparison.Kept(tmp_path)
    comparison.across_folds(**call | change, kept=kept)
    assert len(once.trained) == 3 + change.get("num_folds", 3)
    assert kept.num_found == 0
    monkeypatch.setattr(comparison.ganlib, "__version__", "0")
    comparison.across_folds(**call, kept=kept)
    assert kept.num_found == 0


def test_without_labels_it_trains_once_if_at_all_and_goes_on(once, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(comparison, "_trained", lambda *how: seen.append(how))
    others = DIGITS.images[DIGITS.labels == 5][:90]
    call = (two_classes(), comparison.Settings(), others)
    comparison.across_folds(*call, num_folds=3, kept=comparison.Kept(tmp_path))
    ((images, _, num_steps, seed, directory),) = seen  # one for all folds
    assert (len(images), num_steps, seed, directory.parent) == (90, 2_000, 0, tmp_path)
    again = comparison.Kept(tmp_path)
    comparison.across_folds(*call, num_folds=3, kept=again)
    assert (len(seen), again.num_found) == (1, 6)  # all is there: not even this is trained
    more = comparison.Kept(tmp_path)
    comparison.across_folds(
        *call[:2], DIGITS.images[DIGITS.labels == 5][:91], num_folds=3, kept=more
    )
    assert (len(seen), more.num_found) == (2, 0)
    assert seen[1][-1] != directory
    comparison.across_folds(*call, num_folds=3)
    assert seen[2][-1] is None


@pytest.mark.parametrize("text", ["", "{", "null", '"a"', "[1]"])
def test_a_number_that_cannot_be_read_is_computed_again(text, tmp_path):
    (tmp_path / "a.json").write_text(text)
    kept = comparison.Kept(tmp_path)
    assert kept.number("a", lambda: np.float64(0.1) + 0.2) == 0.1 + 0.2
    assert kept.num_found == 0
    assert kept.number("a", lambda: 7.0) == 0.1 + 0.2
    assert kept.num_found == 1


def test_folds_want_enough_of_each_class_and_enough_without():
    with pytest.raises(ValueError, match="at least two classes of 10 each"):
        comparison.across_folds(DIGITS[:40], comparison.Settings())
    two = DIGITS[DIGITS.labels < 2][:60]
    pool = data.Images(two.images, two.labels)
    with pytest.raises(ValueError, match="expected twice as many as those"):
        comparison.across_folds(pool, comparison.Settings(), DIGITS.images[:20])


@pytest.mark.slow
def test_every_arm_trains_and_alike_whatever_was_kept_before(tmp_path):
    rng = np.random.default_rng(0)
    pool = data.Images(rng.integers(0, 256, (30, 28, 28, 1), np.uint8), np.arange(30) % 2)
    unlabelled = rng.integers(0, 256, (60, 28, 28, 1), np.uint8)
    settings = comparison.Settings(2, 2, 2, num_synthetic=4)
    call = {"unlabelled": unlabelled, "num_folds": 3}
    found = comparison.across_folds(pool, settings, **call, kept=comparison.Kept(tmp_path))
    for path in sorted(tmp_path.glob("*.json"))[1::2]:
        path.unlink()
    again = comparison.Kept(tmp_path)
    assert comparison.across_folds(pool, settings, **call, kept=again) == found
    assert again.num_found == 11  # of 21
    assert list(found) == [
        *("real", "classical", "pseudo_labels", "frozen", "fine_tuned"),
        *("fine_tuned_pseudo_labels", "both"),
    ]
    assert all(len(values) == 3 and min(values) >= 0 for values in found.values())


def test_worth_is_that_of_classifiers_on_held_out_images(monkeypatch):
    digits = data.load_digits()
    real, held_out = digits[:60], digits[60:100]
    fake = data.Images(digits.images[100:140], (digits.labels[100:140] + 1) % 10)  # wrong labels
    learned = []

    class Knows:
        def __init__(self, right):
            self.right = right

        def probabilities(self, images):
            labels = digits.labels[60:100] if len(images) == 40 else None
            said = np.where(np.arange(40) < self.right, labels, (labels + 5) % 10)
            return np.eye(10)[said]

    def train_classifier(images, num_steps, seed):
        learned.append(np.bincount(images.labels, minlength=10))
        return Knows({0: 30, 1: 10, 2: 32}[len(learned) - 1])

    monkeypatch.setattr(comparison.classify, "train_classifier", train_classifier)
    monkeypatch.setattr(comparison.classify, "accuracy", lambda *_: 0.5)
    found = comparison.worth(real, fake, held_out)
    assert (found.real, found.generated, found.both, found.named) == (0.75, 0.25, 0.8, 0.5)
    assert found.reach == pytest.approx(2 * math.sqrt(2 / 40 / 40))  # two images differ
    assert len(set(learned[2])) == 1  # as many of each class
    assert "+5 ± 7 points" in str(found)
    assert comparison.why_not_measurable(held_out) is None
    assert "19 pictures" in comparison.why_not_measurable(held_out[:19])
    assert "no two classes" in comparison.why_not_measurable(data.Images(real.images))
