"""The losses against float64 NumPy, written from the papers' formulas."""

import numpy as np
import pytest

from ganlib import losses
from ganlib._tensorflow import tf

REAL = np.array([[0.7], [-1.3], [2.9], [0.2]])
FAKE = np.array([[-0.4], [1.8], [-2.2], [0.1]])


def log_sigmoid(a):
    """log σ(a), by logaddexp in float64."""
    return -np.logaddexp(0.0, -a)


def log_one_minus_sigmoid(a):
    return -np.logaddexp(0.0, a)


# name -> (discriminator's loss, generator's loss), each from the paper named in losses.py
EXPECTED = {
    "minimax": (
        lambda r, f: -log_sigmoid(r).mean() - log_one_minus_sigmoid(f).mean(),
        lambda r, f: log_one_minus_sigmoid(f).mean(),
    ),
    "non_saturating": (
        lambda r, f: -log_sigmoid(r).mean() - log_one_minus_sigmoid(f).mean(),
        lambda r, f: -log_sigmoid(f).mean(),
    ),
    "least_squares": (
        lambda r, f: 0.5 * ((r - 1) ** 2).mean() + 0.5 * (f**2).mean(),
        lambda r, f: 0.5 * ((f - 1) ** 2).mean(),
    ),
    "hinge": (
        lambda r, f: np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean(),
        lambda r, f: -f.mean(),
    ),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    "relativistic": (
        lambda r, f: -log_sigmoid(r - f).mean(),
        lambda r, f: -log_sigmoid(f - r).mean(),
    ),
}
CROSS_ENTROPY = EXPECTED["minimax"][0]
CASES = [(name, player) for name in EXPECTED for player in ("discriminator", "generator")]


def evaluate(name, player, real, fake):
    loss = getattr(getattr(losses, name), player)
    return loss(tf.constant(real, tf.float32), tf.constant(fake, tf.float32))


def expected(name, player, real, fake):
    return EXPECTED[name][player == "generator"](real, fake)


@pytest.mark.parametrize(("name", "player"), CASES)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_a_loss_equals_its_formula_in_float64(name, player, scale):
    real, fake = np.float32(REAL * scale), np.float32(FAKE * scale)
    value = evaluate(name, player, real, fake)
    assert value.dtype == tf.float32
    assert value.shape == ()
    reference = expected(name, player, real.astype(np.float64), fake.astype(np.float64))
    assert float(value) == pytest.approx(reference, rel=1e-6)


@pytest.mark.parametrize(("name", "player"), CASES)
@pytest.mark.parametrize(("real", "fake"), [(1e4, -1e4), (-1e4, 1e4)])
def test_a_loss_and_its_gradient_are_finite_at_huge_logits(name, player, real, fake):
    logits = [tf.fill([3, 1], real), tf.fill([3, 1], fake)]
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = getattr(getattr(losses, name), player)(*logits)
    gradients = tape.gradient(value, logits, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert np.isfinite(value)
    assert np.isfinite(gradients).all()
    reference = expected(name, player, np.full((3, 1), real), np.full((3, 1), fake))
    assert float(value) == pytest.approx(reference, rel=1e-6)


@pytest.mark.parametrize(("name", "player"), CASES)
def test_float16_logits_give_a_float32_loss(name, player):
    real, fake = tf.constant([[300.0]], tf.float16), tf.constant([[-300.0]], tf.float16)
    value = getattr(getattr(losses, name), player)(real, fake)
    assert value.dtype == tf.float32
    reference = expected(name, player, np.full((1, 1), 300.0), np.full((1, 1), -300.0))
    assert float(value) == pytest.approx(reference, rel=1e-6)  # 300² overflows float16


@pytest.mark.parametrize("name", EXPECTED)
def test_what_can_be_smoothed_is_a_cross_entropy(name):
    """−(1 − s) log σ − s log(1 − σ) at real images; another loss has no label to lower."""
    share, loss = 0.2, getattr(losses, name)
    expected = -(1 - share) * log_sigmoid(REAL) - share * log_one_minus_sigmoid(REAL)
    expected = expected.mean() - log_one_minus_sigmoid(FAKE).mean()
    try:
        smoothed = losses.smoothed(loss, share).discriminator
    except ValueError:
        value = float(evaluate(name, "discriminator", REAL, FAKE))
        assert value != pytest.approx(CROSS_ENTROPY(REAL, FAKE))
        return
    found = float(smoothed(tf.constant(REAL, tf.float32), tf.constant(FAKE, tf.float32)))
    assert found == pytest.approx(expected, rel=1e-6), (
        f"{name} is no cross-entropy: have losses.smoothed refuse it, in ganlib/losses.py"
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_the_players_pull_in_opposite_directions(name):
    """Raising a fake logit costs the discriminator and rewards the generator; real: the reverse."""

    def slope(player, which):
        logits = [tf.constant(REAL * 0.1, tf.float32), tf.constant(0.5 + FAKE * 0.1, tf.float32)]
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = getattr(getattr(losses, name), player)(*logits)
        return float(tf.reduce_sum(tape.gradient(value, logits[which])))

    assert slope("discriminator", 0) < 0 < slope("discriminator", 1)
    assert slope("generator", 1) < 0


def test_relativistic_pairs_flat_and_column_logits_alike():
    column = losses.relativistic.discriminator(tf.constant(REAL), tf.constant(FAKE))
    flat = losses.relativistic.discriminator(tf.constant(REAL[:, 0]), tf.constant(FAKE))
    assert float(column) == float(flat)


def test_relativistic_refuses_batches_of_different_size():
    with pytest.raises(ValueError, match=r"2 logits of one kind and 3 of the other.*same size"):
        losses.relativistic.discriminator(tf.zeros([2, 1]), tf.zeros([3, 1]))
