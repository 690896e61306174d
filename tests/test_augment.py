"""Augmentations against the papers' formulas in NumPy and binomial bounds."""

import numpy as np
import pytest
from scipy import stats

from ganlib import augment, data
from ganlib._tensorflow import keras, tf
from ganlib.augment import ADA, Classical, DiffAugment

SEED = (3, 5)
RGB = np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 3)).astype(np.float32)
GREY = np.random.default_rng(1).uniform(-1, 1, (6, 8, 12, 1)).astype(np.float32)
OFF = {"brightness": 0, "saturation": 0, "contrast": 0, "translation": 0, "cutout": 0}
ALL = DiffAugment(flip=True, rotate=True)
SINGLE = {
    "brightness": DiffAugment(**OFF | {"brightness": 0.5}),
    "saturation": DiffAugment(**OFF | {"saturation": 1.0}),
    "contrast": DiffAugment(**OFF | {"contrast": 0.5}),
    "translation": DiffAugment(**OFF | {"translation": 0.25}),
    "cutout": DiffAugment(**OFF | {"cutout": 0.5}),
    "flip": DiffAugment(**OFF, flip=True),
    "rotate": DiffAugment(**OFF, rotate=True),
}
SHARE_CHANGED = {  # at probability 1: one draw of these changes nothing
    "flip": 1 / 2,
    "rotate": 3 / 4,
    "translation": 1 - 1 / 5**2,  # shifts of -2 to 2 pixels along both axes
}


def many(num=4000, side=8, channels=3):
    """The same image many times, so that what differs comes from the draws."""
    return np.broadcast_to(RGB[:1, :side, :side, :channels], (num, side, side, channels))


def changed(before, after):
    return (np.asarray(after) != before).any(axis=(1, 2, 3))


def assert_binomial(count, num, share):
    """Within four standard deviations: passed with probability 0.9999."""
    assert abs(count - num * share) <= 4 * np.sqrt(num * share * (1 - share)) + 1e-9


# --- what all of them share ----------------------------------------------------------------------


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_each_transformation_reaches_the_share_of_images_that_was_asked_for(name, probability):
    images = many()
    share = probability * SHARE_CHANGED.get(name, 1.0)
    after = SINGLE[name](images, SEED, tf.constant(probability))
    assert_binomial(changed(images, after).sum(), len(images), share)


def test_transformations_are_chosen_independently_of_each_other():
    images = many()
    brighter, cut = (
        changed(images, SINGLE[name](images, SEED, 0.5)) for name in ("brightness", "cutout")
    )
    assert_binomial((brighter & cut).sum(), len(images), 0.25)


@pytest.mark.parametrize("images", [RGB, GREY])
def test_probability_zero_returns_the_images(images):
    family = DiffAugment(flip=True, rotate=images is RGB)
    np.testing.assert_array_equal(family(images, SEED, 0.0), images)


def test_the_seed_decides_everything():
    first = ALL(RGB, SEED).numpy()
    np.testing.assert_array_equal(first, ALL(RGB, tf.constant(SEED, tf.int64)))
    assert changed(first, ALL(RGB, (3, 6))).all()
    assert changed(first, ALL(RGB, (4, 5))).all()


def test_images_of_a_batch_get_different_draws():
    images = many(50)
    assert len(np.unique(ALL(images, SEED).numpy(), axis=0)) == 50


@pytest.mark.parametrize("images", [RGB, GREY])
@pytest.mark.parametrize("probability", [0.5, 1.0])
def test_compiled_equals_plain(images, probability):
    family = DiffAugment(flip=True, rotate=images is RGB)
    signature = [tf.TensorSpec([None, *images.shape[1:]]), tf.TensorSpec([2], tf.int64)]
    compiled = tf.function(
        lambda x, seed: family(x, seed, tf.constant(probability)), signature, jit_compile=True
    )
    seed = tf.constant(SEED, tf.int64)
    plain = family(images, SEED, probability)
    np.testing.assert_allclose(compiled(images, seed), plain, rtol=1e-5, atol=1e-6)


def test_the_gradient_of_a_gradient_penalty_passes_through():
    """d/dw of ‖∇ₓ D(augment(x))‖² for D(x) = Σ tanh(w·x), as R1 needs it."""
    images = tf.constant(RGB, tf.float64)

    def penalty(w):
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = tf.reduce_sum(tf.tanh(w * ALL(images, SEED)))
        return tf.reduce_sum(tape.gradient(logits, images) ** 2)

    w = tf.Variable(0.8, dtype=tf.float64)
    with tf.GradientTape() as tape:
        value = penalty(w)
    difference = (penalty(0.8 + 1e-5) - penalty(0.8 - 1e-5)) / 2e-5
    assert float(tape.gradient(value, w)) == pytest.approx(float(difference), rel=1e-4)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_precision_images_are_augmented_in_float32(dtype):
    images = tf.cast(RGB, dtype)
    after = ALL(images, SEED)
    assert after.dtype == tf.float32
    np.testing.assert_array_equal(after, ALL(tf.cast(images, tf.float32), SEED))


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros([2, 8, 8, 1], np.uint8), TypeError, r"uint8.*to_model_range"),
        (np.zeros([2, 8, 8], np.float32), ValueError, r"\(2, 8, 8\).*\(n, height, width"),
        (GREY, ValueError, r"\(6, 8, 12, 1\).*expected square"),
    ],
)
def test_other_images_are_refused(images, error, message):
    with pytest.raises(error, match=message):
        ALL(images, SEED)


@pytest.mark.parametrize("name", OFF)
def test_strengths_out_of_range_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}=1.5; expected a number of at least 0"):
        DiffAugment(**{name: 1.5})


# --- each transformation -------------------------------------------------------------------------


def test_brightness_adds_one_uniform_number_to_an_image():
    shift = SINGLE["brightness"](many(), SEED) - many()
    np.testing.assert_allclose(shift, shift[:, :1, :1, :1] * np.ones([1, 8, 8, 3]), atol=1e-6)
    assert stats.kstest(shift[:, 0, 0, 0] + 0.5, "uniform").pvalue > 1e-3


@pytest.mark.parametrize(
    ("name", "axes", "low"), [("saturation", 3, 0), ("contrast", (1, 2, 3), 0.5)]
)
def test_saturation_and_contrast_scale_the_distance_from_a_mean(name, axes, low):
    images = many()
    mean = images.mean(axis=axes, keepdims=True)
    after = SINGLE[name](images, SEED).numpy()
    factor = ((after - mean) * (images - mean)).sum((1, 2, 3)) / ((images - mean) ** 2).sum(
        (1, 2, 3)
    )
    np.testing.assert_allclose(
        after, mean + factor[:, None, None, None] * (images - mean), atol=1e-5
    )
    assert stats.kstest((factor - low) / (2 - 2 * low), "uniform").pvalue > 1e-3


def test_grey_images_have_no_saturation():
    np.testing.assert_array_equal(SINGLE["saturation"](GREY, SEED), GREY)


@pytest.mark.parametrize(("channels", "bound"), [(1, 2.5), (3, 4.5)])
def test_colours_stay_within_the_range_in_the_docstring_and_come_near_it(channels, bound):
    """The extreme: one channel of one pixel at the far end, all else at the other."""
    image = np.full([1, 64, 64, channels], -1.0, np.float32)
    image[0, 0, 0, 0] = 1.0
    draws = np.zeros([8, 16], np.float32)
    draws[:, 9:12] = [[b, s, c] for b in (0, 1) for s in (0, 1) for c in (0, 1)]
    colours = DiffAugment(translation=0, cutout=0)
    for sign in (1, -1):
        after = colours._applied(np.repeat(sign * image, 8, 0), draws).numpy()
        assert 0.99 * bound < np.abs(after).max() <= bound


def test_translation_moves_whole_pixels_and_brings_in_zeros():
    images = np.arange(1.0, 97.0, dtype=np.float32).reshape(1, 8, 12, 1).repeat(3000, 0)
    moved = SINGLE["translation"](images, SEED).numpy()
    seen = set()
    for after in np.unique(moved, axis=0):
        candidates = {
            (dy, dx)
            for dy in range(-2, 3)
            for dx in range(-3, 4)
            if np.array_equal(
                after, np.pad(images[0], ((3, 3), (3, 3), (0, 0)))[3 - dy :, 3 - dx :][:8, :12]
            )
        }
        assert len(candidates) == 1
        seen |= candidates
    assert len(seen) == 5 * 7  # a quarter of 8 and of 12 either way, and every shift occurs
    still = (moved == images).all(axis=(1, 2, 3)).sum()
    assert_binomial(still, 3000, 1 / 35)


def test_cutout_sets_a_square_to_zero_whose_centre_is_anywhere_in_the_image():
    images = np.ones([4000, 8, 8, 1], np.float32)
    hole = SINGLE["cutout"](images, SEED).numpy()[..., 0] == 0
    rows, columns = hole.any(2), hole.any(1)
    np.testing.assert_array_equal(hole, rows[:, :, None] & columns[:, None, :])
    for lines in (rows, columns):
        assert (np.abs(np.diff(np.pad(lines, ((0, 0), (1, 1))).astype(int))).sum(1) == 2).all()
        # The square of side 4 starts at -2 to 6: 2, 3, then five times 4, then 3, 2 lines remain.
        lengths = lines.sum(1)
        for length, share in ((2, 2 / 9), (3, 2 / 9), (4, 5 / 9)):
            assert_binomial((lengths == length).sum(), 4000, share)


def test_flips_and_turns_are_those_of_numpy():
    images = many()
    flipped = SINGLE["flip"](images, SEED).numpy()
    was = changed(images, flipped)
    np.testing.assert_array_equal(flipped[was], images[was][:, :, ::-1])
    turned = SINGLE["rotate"](images, SEED).numpy()
    total = 0
    for quarters in range(4):
        expected = np.rot90(images[0], quarters)
        count = (turned == expected).all(axis=(1, 2, 3)).sum()
        assert_binomial(count, 4000, 1 / 4)
        total += count
    assert total == 4000


def test_a_mirrored_image_is_turned_counter_clockwise_and_then_shifted():
    images = np.repeat(RGB[:1], 8, axis=0)
    draws = np.zeros([8, 16], np.float32)
    draws[:, 7], draws[:, 8] = np.arange(8) // 4 / 2, np.arange(8) % 4 / 4  # mirror, quarter
    draws[:, 12:14] = 0.1, 0.9  # up and to the right: by 2 of 8 pixels
    family = DiffAugment(**OFF | {"translation": 0.25}, flip=True, rotate=True)
    after = family._applied(images, draws)
    for number, image in enumerate(after):
        expected = RGB[0, :, ::-1] if number < 4 else RGB[0]
        expected = np.rot90(expected, number % 4)
        expected = np.pad(expected, ((0, 2), (2, 0), (0, 0)))[2:, :8]
        np.testing.assert_array_equal(image, expected)


# --- ADA -----------------------------------------------------------------------------------------


def follow(ada, signs, batch_size=10, probability=0.0):
    sign_mean, path = 0.0, []
    for step, sign in enumerate(signs):
        probability, sign_mean = ada.update(probability, sign_mean, sign, batch_size, step)
        path.append(float(probability))
    return path, float(sign_mean)


def test_probability_moves_by_the_images_seen_towards_the_target():
    ada = ADA(adjustment_images=100, interval=2, target=0.6)
    # Means of the pairs: 0.7, 0.65, 0.5 (below the target), 0.6 (on it); a change is 2·10 / 100.
    path, sign_mean = follow(ada, [0.5, 0.9, 0.6, 0.7, 0.7, 0.3, 1.0, 0.2])
    assert path == pytest.approx([0, 0.2, 0.2, 0.4, 0.4, 0.2, 0.2, 0.2], abs=1e-6)
    assert sign_mean == pytest.approx(0.6)


def test_sign_mean_is_that_of_the_current_interval_alone():
    _, sign_mean = follow(ADA(interval=4), [1, 1, 1, 1, -0.5, 0.1, 0.7])
    assert sign_mean == pytest.approx(0.1)


def test_probability_stays_in_the_half_open_interval():
    up, _ = follow(ADA(adjustment_images=20, interval=1), 5 * [1.0])
    down, _ = follow(ADA(adjustment_images=20, interval=1), 5 * [0.0], probability=0.7)
    assert up[0] == pytest.approx(0.5)
    assert 0.99 < max(up) == up[-1] < 1
    assert min(down) == down[-1] == 0


def test_the_whole_range_takes_the_adjustment_images():
    path, _ = follow(ADA(adjustment_images=1000, interval=4), 80 * [0.99])
    assert path[-1] == pytest.approx(0.8, abs=1e-5)


def test_update_compiles_and_takes_tensors():
    ada = ADA(adjustment_images=100, interval=1)
    compiled = tf.function(ada.update, jit_compile=True, autograph=False)
    state = [tf.constant(v) for v in (*ada.initial_state(), 0.9)]
    probability, sign_mean = compiled(*state, 10, tf.constant(7, tf.int64))
    assert float(probability) == pytest.approx(0.1)
    assert float(sign_mean) == pytest.approx(0.9)


def test_ada_applies_its_family():
    family = SINGLE["cutout"]
    np.testing.assert_array_equal(ADA(family)(RGB, SEED, 0.5), family(RGB, SEED, 0.5))


@pytest.mark.parametrize(
    "wrong", [{"target": 1.0}, {"target": -1.0}, {"interval": 0}, {"adjustment_images": 0}]
)
def test_ada_refuses_numbers_out_of_range(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}=.*expected"):
        ADA(**wrong)


# --- classical -----------------------------------------------------------------------------------

LABELS = np.eye(6, dtype=np.float32)
FULL = Classical(flip=True, shift=0.25, crop=0.3, erase=0.3, mixup=0.4)


def test_by_default_nothing_happens_to_images_and_labels():
    images, labels = Classical()(RGB, LABELS, SEED)
    np.testing.assert_array_equal(images, RGB)
    np.testing.assert_array_equal(labels, LABELS)


def test_the_seed_decides_the_classical_policy_compiled_or_not():
    compiled = tf.function(FULL, jit_compile=True, autograph=False)
    first, again, other = (
        FULL(RGB, LABELS, SEED),
        compiled(RGB, LABELS, SEED),
        FULL(RGB, LABELS, (3, 6)),
    )
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
        assert np.abs(a - c).max() > 0.01


def test_classical_flip_mirrors_half_of_the_images():
    images = many()
    after, labels = Classical(flip=True)(images, tf.ones([4000, 1]), SEED)
    was = changed(images, after)
    np.testing.assert_array_equal(after.numpy()[was], images[was][:, :, ::-1])
    assert_binomial(was.sum(), 4000, 1 / 2)
    assert (labels.numpy() == 1).all()


def test_classical_shift_repeats_the_border():
    images = np.arange(96.0, dtype=np.float32).reshape(1, 8, 12, 1).repeat(2000, 0)
    after, _ = Classical(shift=0.25)(images, tf.ones([2000, 1]), SEED)
    unique = np.unique(after, axis=0)
    padded = np.pad(images[0], ((2, 2), (3, 3), (0, 0)), mode="edge")
    windows = [padded[i : i + 8, j : j + 12] for i in range(5) for j in range(7)]
    np.testing.assert_array_equal(unique, np.unique(windows, axis=0))


def test_crop_takes_a_window_inside_the_image_and_enlarges_it():
    """On a linear ramp, linear interpolation is exact: value and slope give place and size."""
    side = 16
    ramp = np.broadcast_to(np.arange(side, dtype=np.float32), (1000, side, side))
    images = np.stack([ramp, ramp.transpose(0, 2, 1)], axis=-1)  # columns, rows
    after, _ = Classical(crop=0.5)(images, tf.ones([1000, 1]), SEED)
    across, down = after.numpy()[:, 0, :, 0], after.numpy()[:, :, 0, 1]
    inner = slice(2, -2)  # the outermost positions may lie beyond a pixel's centre and repeat it
    scales = np.diff(across[:, inner], axis=1)
    np.testing.assert_allclose(scales, scales[:, :1] * np.ones([1, scales.shape[1]]), atol=1e-4)
    np.testing.assert_allclose(np.diff(down[:, inner], axis=1), scales, atol=1e-4)  # square
    scale = scales[:, 0].astype(np.float64)
    assert stats.kstest((1 - scale) / 0.5, "uniform").pvalue > 1e-3
    start = across[:, 2] + 0.5 - 2.5 * scale  # of the window
    assert stats.kstest(start / (side * (1 - scale)), "uniform").pvalue > 1e-3


def test_erase_sets_a_square_to_mid_grey():
    images = np.ones([2000, 10, 10, 1], np.float32)
    after, _ = Classical(erase=0.3)(images, tf.ones([2000, 1]), SEED)
    holes = (after.numpy() == 0).sum(axis=(1, 2, 3))
    assert holes.max() == 9
    assert_binomial((holes == 9).sum(), 2000, 0.8**2)  # the rest hangs over a border


@pytest.mark.parametrize("alpha", [0.4, 1.0, 2.0])
def test_mixup_weights_images_and_labels_alike_by_a_beta_law(alpha):
    num = 50_000
    own = np.arange(num) % 2  # so each partner is the other of 0 and 1
    images = own.astype(np.float32)[:, None, None, None]
    labels = np.stack([own, 1 - own], axis=1).astype(np.float32)
    after, mixed = Classical(mixup=alpha)(images, labels, SEED)
    np.testing.assert_allclose(np.sum(mixed, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(after[:, 0, 0, 0], mixed[:, 0], rtol=1e-6)
    share = mixed.numpy()[np.arange(num), 1 - own].astype(np.float64)
    assert stats.kstest(share, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_mixup_takes_the_image_before():
    images = 10.0 ** np.arange(3, dtype=np.float32)[:, None, None, None]
    after, mixed = Classical(mixup=1.0)(images, np.eye(3, dtype=np.float32), SEED)
    assert ((mixed.numpy() > 0) == [[1, 0, 1], [1, 1, 0], [0, 1, 1]]).all()
    np.testing.assert_allclose(after[:, 0, 0, 0], np.array(mixed) @ images[:, 0, 0, 0], rtol=1e-5)


@pytest.mark.parametrize("wrong", [{"shift": -0.1}, {"crop": 1.0}, {"erase": 2.0}, {"mixup": -1.0}])
def test_classical_refuses_strengths_out_of_range(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}=.*expected"):
        Classical(**wrong)


# --- generated images ----------------------------------------------------------------------------


@keras.saving.register_keras_serializable()
class _Coded(keras.layers.Layer):
    """Images that show their label and the first latent."""

    def call(self, inputs):
        latents, labels = inputs
        shade = tf.cast(tf.reshape(labels, [-1]), tf.float32) / 127.5 - 1.0
        image = tf.tile(shade[:, None, None, None], [1, 2, 2, 1])
        noise = tf.sigmoid(latents[:, :1])[:, None, None, :]
        return tf.concat([image[:, :1], 0.0 * image[:, 1:] + noise], axis=1)


def conditional(label_shape):
    latents, labels = keras.Input((3,)), keras.Input(label_shape, dtype="int32")
    return keras.Model([latents, labels], _Coded()([latents, labels]))


def unconditional(shade):
    inputs = keras.Input((3,))
    images = keras.layers.Lambda(lambda z: tf.zeros([tf.shape(z)[0], 2, 2, 1]) + shade / 127.5 - 1)
    return keras.Model(inputs, images(inputs))


PAIR = data.Images(np.full([4, 2, 2, 1], 9, np.uint8), [0, 1, 2, 1], ("a", "b", "c"))


@pytest.mark.parametrize("label_shape", [(), (1,)])
def test_a_conditional_generator_adds_images_of_each_label(label_shape):
    more = augment.with_synthetic(PAIR, conditional(label_shape), 5, seed=1)
    np.testing.assert_array_equal(more.images[:4], PAIR.images)
    np.testing.assert_array_equal(more.labels[4:], np.repeat([0, 1, 2], 5))
    np.testing.assert_array_equal(more.images[4:, 0, 0, 0], more.labels[4:])
    assert more.class_names == PAIR.class_names
    assert len(np.unique(more.images[4:, 1, 0, 0])) > 10  # each image has latents of its own


def test_generated_images_depend_on_the_seed_alone():
    model = conditional(())
    first, again, other = (
        augment.with_synthetic(PAIR, model, 3, seed).images for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_one_generator_for_each_label_adds_its_own_images():
    generators = {label: unconditional(100 + label) for label in range(3)}
    more = augment.with_synthetic(PAIR, generators, 2)
    np.testing.assert_array_equal(more.images[4:, 0, 0, 0], 100 + more.labels[4:])


def test_with_synthetic_refuses_what_it_cannot_label():
    with pytest.raises(ValueError, match="without labels"):
        augment.with_synthetic(data.Images(PAIR.images), conditional(()), 1)
    with pytest.raises(ValueError, match=r"for the labels \[0\]; expected \[1, 2\] too"):
        augment.with_synthetic(PAIR, {0: unconditional(0)}, 1)
    with pytest.raises(ValueError, match="a generator of 1 inputs; expected"):
        augment.with_synthetic(PAIR, unconditional(0), 1)
    larger = data.Images(np.zeros([2, 3, 3, 1], np.uint8), [0, 1])
    with pytest.raises(ValueError, match=r"\(2, 2, 1\) for a set of \(3, 3, 1\)"):
        augment.with_synthetic(larger, conditional(()), 1)


@pytest.mark.parametrize("value", ["false", "no", 0.5, None])
@pytest.mark.parametrize(
    "policy",
    [
        lambda value: augment.DiffAugment(flip=value),
        lambda value: augment.DiffAugment(rotate=value),
        lambda value: augment.Classical(flip=value),
    ],
)
def test_a_flag_that_is_no_flag_is_refused(policy, value):
    with pytest.raises(ValueError, match="expected True or False"):
        policy(value)


def test_what_is_no_generator_is_refused_with_the_way_to_one():
    digits = data.load_digits()[:20]
    with pytest.raises(TypeError, match=r"type str; .*load_generator\(path\)"):
        augment.with_synthetic(digits, "generator.keras", num_per_class=2)
    with pytest.raises(ValueError, match="num_per_class=0"):
        augment.with_synthetic(digits, None, num_per_class=0)
    for numbers in ({"ratio": -1.0, "num_per_class": 4}, {"ratio": 1.0, "num_per_class": 2.0}):
        with pytest.raises(ValueError, match=r"received (ratio|num_per_class)="):
            augment.blend(digits, None, **numbers)
