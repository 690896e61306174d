"""Attacks, bounds, gradients and the accountant against other libraries, closed forms and draws."""

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn import metrics as sklearn_metrics

from ganbook import privacy
from ganlib._tensorflow import keras, tf
from ganlib.models import dcgan

RNG = np.random.default_rng(0)

# n, expected batch, noise, steps, delta, ε by RdpAccountant of dp-accounting 0.6.0 (Poisson
# sampling, records added or removed, its own orders).
FROZEN = [
    (60_000, 256, 0.7, 3_000, 1e-5, 3.86358554),
    (60_000, 256, 1.0, 3_000, 1e-5, 1.469555862),
    (60_000, 512, 2.0, 2_000, 1e-5, 0.8315891394),
    (10_000, 128, 1.0, 3_000, 1e-5, 4.616944364),
    (1_797, 64, 1.0, 2_000, 1 / 17_970, 10.99274266),
    (60_000, 256, 0.5, 3_000, 1e-5, 12.08204555),
    (60_000, 6_000, 2.0, 500, 1e-5, 6.034562203),
    (60_000, 256, 1.0, 1, 1e-5, 0.817131781),
    (60_000, 256, 1.0, 1_000, 1 / 600_000, 1.292641771),
    (2_000, 256, 2.59, 1_000, 1 / 20_000, 7.863158656),
    (2_000, 256, 1.0, 1_000, 1 / 20_000, 36.28052967),
    (250, 64, 4.0, 1_000, 1 / 2_500, 9.363033718),
    (250, 25, 0.5, 1, 1 / 2_500, 5.339250987),
    (250, 25, 0.5, 100, 1 / 2_500, 31.69683743),
    (250, 25, 1.0, 1, 1e-5, 2.133005995),
    (1_000, 10, 0.6, 10, 1e-6, 4.406551186),
    (1_000, 1_000, 5.0, 100, 1e-5, 10.7255097),
]


@pytest.mark.parametrize(("n", "batch", "noise", "steps", "delta", "expected"), FROZEN)
def test_accountant_is_never_below_another_and_hardly_above(
    n, batch, noise, steps, delta, expected
):
    found = privacy.epsilon(batch / n, noise, steps, delta)
    assert found >= expected * (1 - 1e-8)
    if expected <= 10:
        assert found <= 1.05 * expected


@pytest.mark.parametrize("order", [2, 3, 7])
@pytest.mark.parametrize(("rate", "noise"), [(0.01, 1.0), (0.1, 0.5), (0.3, 3.0)])
def test_divergence_of_whole_orders_is_a_finite_sum(order, rate, noise):
    """The binomial expansion of Mironov, Talwar and Zhang, in exact weights."""
    k = np.arange(order + 1)
    weights = stats.binom.pmf(k, order, rate)
    expected = np.log(np.sum(weights * np.exp((k * k - k) / (2 * noise**2)))) / (order - 1)
    found = privacy.renyi_divergence(rate, noise, order)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_divergence_of_a_broken_order_is_scipys_integral():
    base, moved = stats.norm(0, 0.8), stats.norm(1, 0.8)

    def integrand(z):
        return (0.8 + 0.2 * moved.pdf(z) / base.pdf(z)) ** 2.7 * base.pdf(z)

    expected = np.log(integrate.quad(integrand, -8, 12, points=[0, 2.7])[0]) / 1.7
    np.testing.assert_allclose(privacy.renyi_divergence(0.2, 0.8, 2.7), expected, rtol=1e-8)


def test_noise_spends_what_it_may_and_a_little_less_noise_does_not():
    noise = privacy.noise_for(2.0, rate=0.1, num_steps=50, delta=1e-4)
    assert 1.97 < privacy.epsilon(0.1, noise, 50, 1e-4) <= 2.0
    assert privacy.epsilon(0.1, 0.985 * noise, 50, 1e-4) > 2.0
    with pytest.raises(ValueError, match="received target=1e-06; expected an ε that noise"):
        privacy.noise_for(1e-6, rate=1.0, num_steps=1000, delta=1e-9)


def test_attack_is_what_sklearn_finds():
    members, others = RNG.normal(0.7, 1.3, 83), np.round(RNG.normal(0, 1, 300), 1)
    members[:40] = np.round(members[:40], 1)  # ties
    found = privacy.attack(members, others, false_positive_rate=0.05)
    is_member = np.repeat([1, 0], [83, 300])
    scores = np.concatenate([members, others])
    expected = sklearn_metrics.roc_auc_score(is_member, scores)
    np.testing.assert_allclose(found.auc, expected, rtol=1e-12)
    false, true, _ = sklearn_metrics.roc_curve(is_member, scores, drop_intermediate=False)
    assert found.tpr == pytest.approx(true[false <= 0.05].max())
    # Clopper and Pearson's interval by its definition: what is seen has a tail of 2.5%
    caught = round(found.tpr * 83)
    assert stats.binom.sf(caught - 1, 83, found.tpr_low) == pytest.approx(0.025)
    assert stats.binom.cdf(caught, 83, found.tpr_high) == pytest.approx(0.025)


def test_error_of_the_auc_is_its_scatter_over_draws():
    draws = [privacy.attack(RNG.normal(1, 2, 40), RNG.normal(0, 1, 120)) for _ in range(400)]
    scatter = np.std([found.auc for found in draws])
    mean_error = np.sqrt(np.mean([found.auc_error**2 for found in draws]))
    assert abs(mean_error / scatter - 1) < 4 / np.sqrt(2 * 400)
    expected = stats.norm.cdf(1 / np.sqrt(5))  # P(N(1, 4) > N(0, 1))
    assert abs(np.mean([found.auc for found in draws]) - expected) < 4 * scatter / np.sqrt(400)


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 0.0), (1.0, 0.0), (2.0, 0.1), (0.5, 0.6)])
def test_largest_auc_is_reached_by_randomised_response(epsilon, delta):
    """With probability δ the bit is published, else a coin that is e^ε times as often right."""
    right = (1 - delta) * np.exp(epsilon) / (1 + np.exp(epsilon))
    member = np.array([0, 1 - delta - right, right, delta])  # over four outcomes, by suspicion
    other = member[::-1]
    auc = sum(member[i] * (other[:i].sum() + other[i] / 2) for i in range(4))
    np.testing.assert_allclose(privacy.largest_auc(epsilon, delta), auc, rtol=1e-12)


def p_value(records, guesses, correct, epsilon, delta):
    """The test of Steinke, Nasr and Jagielski, term by term."""
    rate = 1 / (1 + np.exp(-epsilon))
    tail = sum(stats.binom.pmf(range(correct, guesses + 1), guesses, rate))
    worst = max(
        sum(stats.binom.pmf(range(correct - i, correct), guesses, rate)) / i
        for i in range(1, correct + 1)
    )
    return tail + 2 * records * delta * worst


@pytest.mark.parametrize("delta", [0.0, 1e-4])
def test_audit_stops_where_the_p_value_is_reached(delta):
    found = privacy.audited_epsilon(45, 50, 200, delta)
    assert p_value(200, 50, 45, found, delta) == pytest.approx(0.05, rel=1e-6)
    assert found < np.log(45 / 5)


def test_audit_of_an_exact_mechanism_is_rarely_wrong():
    """Randomised response is private with ε and no less: one audit in twenty may say more."""
    correct = RNG.binomial(100, 1 / (1 + np.exp(-1.0)), 1000)
    table = [privacy.audited_epsilon(c, 100, 100) for c in range(101)]
    wrong = sum(table[c] > 1.0 for c in correct)
    assert wrong <= stats.binom.ppf(0.9999, 1000, 0.05)
    assert table[50] == 0.0  # guessing refutes nothing
    assert table[100] > 3.0


def loss(logits):
    return tf.nn.softplus(-logits)


def networks():
    """Chains of other kernels, strides, paddings, and with and without biases."""
    layers = keras.layers
    return [
        dcgan.discriminator(28, 1, width=4),
        keras.Sequential(
            [
                keras.Input((9, 7, 2)),
                layers.Conv2D(3, (3, 2), strides=(2, 2), padding="valid", use_bias=False),
                layers.ReLU(),
                layers.Conv2D(5, 3, padding="same"),
                layers.LeakyReLU(0.1),
                layers.Flatten(),
                layers.Dense(4),
                layers.LeakyReLU(0.3),
                layers.Dense(1, use_bias=False),
            ]
        ),
    ]


@pytest.mark.parametrize("index", [0, 1])
def test_gradients_are_those_of_one_image_after_another(index):
    discriminator = networks()[index]
    images = tf.constant(RNG.normal(size=(5, *discriminator.input_shape[1:])), tf.float32)
    losses, found = privacy.per_example_gradients(discriminator, images, loss)
    assert len(found) == len(discriminator.trainable_variables)
    for i in range(5):
        with tf.GradientTape() as tape:
            own = loss(discriminator(images[i : i + 1]))[0, 0]
        expected = tape.gradient(own, discriminator.trainable_variables)
        np.testing.assert_allclose(losses[i], own, rtol=1e-5)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours[i], theirs, atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.BatchNormalization(),
        keras.layers.Conv2D(2, 3, activation="relu"),
        keras.layers.Conv2D(2, 3, dilation_rate=2),
        keras.layers.Conv2D(2, 3, groups=2),
    ],
)
def test_layer_that_is_not_covered_is_refused(layer):
    model = keras.Sequential(
        [keras.Input((8, 8, 2)), layer, keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    with pytest.raises(ValueError, match=r"received a discriminator with the layer .*expected"):
        privacy.per_example_gradients(model, tf.zeros([2, 8, 8, 2]), loss)


def test_no_example_counts_for_more_than_the_norm():
    gradients = [RNG.normal(size=(6, 3, 2)), RNG.normal(size=(6, 4))]
    flat = np.concatenate([g.reshape(6, -1) for g in gradients], axis=1)
    lengths = np.linalg.norm(flat, axis=1)
    mask = np.array([1, 1, 0, 1, 0, 1], bool)
    norm = float(np.median(lengths))
    sums, factors = privacy.clipped_sum([tf.constant(g, tf.float32) for g in gradients], norm, mask)
    shortened = flat * np.minimum(1, norm / lengths)[:, None]
    assert np.linalg.norm(shortened, axis=1).max() <= norm * (1 + 1e-9)
    np.testing.assert_allclose(factors, np.minimum(1, norm / lengths), rtol=1e-5)
    together = np.concatenate([np.ravel(total) for total in sums])
    np.testing.assert_allclose(together, shortened[mask].sum(0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: privacy.attack([1.0, 2.0], [1.0]), r"received len\(others\)=1; expected"),
        (lambda: privacy.attack([[1.0]], [1.0]), "received members of shape"),
        (lambda: privacy.attack([1, 2], [1, 2], 1.0), "received false_positive_rate=1.0"),
        (lambda: privacy.largest_auc(-1.0), "received epsilon=-1.0"),
        (lambda: privacy.largest_auc(1.0, 2.0), "received delta=2.0"),
        (lambda: privacy.audited_epsilon(5, 4, 10), "received correct=5"),
        (lambda: privacy.audited_epsilon(5, 20, 10), "received guesses=20"),
        (lambda: privacy.renyi_divergence(0.0, 1.0, 2.0), "received rate=0.0"),
        (lambda: privacy.renyi_divergence(0.1, 0.0, 2.0), "received noise=0.0"),
        (lambda: privacy.renyi_divergence(0.1, 1.0, 1.0), "received order=1.0"),
        (lambda: privacy.epsilon(0.1, 1.0, 0, 1e-5), "received num_steps=0"),
        (lambda: privacy.epsilon(0.1, 1.0, 1, 0.0), "received delta=0.0"),
        (lambda: privacy.noise_for(0.0, 0.1, 1, 1e-5), "received target=0.0"),
        (lambda: privacy.clipped_sum([tf.zeros([1, 1])], 0.0, [True]), "received norm=0.0"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
