"""The report names what is wrong: in histories made by hand at both sides of each threshold, and in
short runs that truly do what it names, or do well."""

import contextlib
import math

import numpy as np
import pytest

from ganlib import data, health, losses, penalties, toy, training
from ganlib._tensorflow import keras
from ganlib.models import mlp
from ganlib.training import History

HEALTHY = {
    "discriminator_loss": 1.3,
    "generator_loss": 0.8,
    "real_logit": 0.3,
    "fake_logit": -0.3,
    "real_sign": 0.4,
    "fake_sign": -0.4,
    "generator_gradient_norm": 0.5,
    "diversity": 0.97,
    "augment_probability": 0.0,
    "seconds": 1.0,
    "images_per_second": 1.0,
    "compile_seconds": 0.0,
}


def history(num_entries=12, **late):
    """A run that is healthy in its first two thirds; `late` says what it ends with."""
    run = History.empty()
    for index in range(num_entries):
        changed = late if index >= num_entries - num_entries // 3 else {}
        run.append(step=50 * (index + 1), **(HEALTHY | changed))
    return run


def names(**late):
    return [
        finding.name for finding in health.report(history(**late), losses.non_saturating).findings
    ]


def test_a_healthy_run_has_no_findings():
    report = health.report(history(), losses.hinge)
    assert report.healthy
    assert report.accuracy == pytest.approx(0.7)  # ½ + (0.4 + 0.4)/4
    assert "Nothing was found" in str(report)


def test_an_accuracy_above_the_threshold_means_that_the_discriminator_has_won():
    assert names(real_sign=0.92, fake_sign=-0.92) == ["discriminator has won"]  # a = 0.96
    assert names(real_sign=0.88, fake_sign=-0.88) == []  # a = 0.94


def undecided(early, late):
    """The findings of a run whose logits differ by so much in its two parts."""
    run = History.empty()
    for index in range(12):
        gap = early if index < 6 else late
        logits = {"real_logit": 0.1 + gap / 2, "fake_logit": 0.1 - gap / 2}
        run.append(step=50 * (index + 1), **(HEALTHY | logits))
    return [finding.name for finding in health.report(run, losses.non_saturating).findings]


def test_a_discriminator_that_never_told_anything_apart_has_learned_nothing():
    assert undecided(0.001, 0.001) == ["discriminator has learned nothing"]
    assert undecided(-0.019, 0.019) == ["discriminator has learned nothing"]  # of either sign
    assert undecided(0.021, 0.019) == []


def test_a_discriminator_that_can_no_longer_tell_is_no_fault():
    assert undecided(0.6, 0.0) == []


def test_what_a_critic_scores_is_no_lack_of_learning():
    run = history(real_logit=0.0, fake_logit=0.0)
    run.real_logit[:] = run.fake_logit[:] = 0.0
    assert health.report(run, losses.wasserstein).healthy


def test_a_vanished_gradient_is_saturation_only_while_the_discriminator_is_sure():
    sure = {"real_sign": 1.0, "fake_sign": -1.0}
    assert names(generator_gradient_norm=0.02, **sure) == ["discriminator has won", "saturation"]
    assert names(generator_gradient_norm=0.03, **sure) == ["discriminator has won"]
    assert names(generator_gradient_norm=0.001) == []  # converged


def test_the_slope_of_a_minimax_generator_is_read_off_its_loss():
    """softplus(−5) = 0.0067 is 1.3% of ½; softplus(−3) = 0.049 is 9.7%. Hinge has −f there."""
    sure = {"real_sign": 1.0, "fake_sign": -1.0, "real_logit": 6.0}
    assert "saturation" in names(generator_loss=-0.0067, fake_logit=-5.0, **sure)
    assert "saturation" not in names(generator_loss=-0.049, fake_logit=-3.0, **sure)
    assert "saturation" not in names(generator_loss=5.0, fake_logit=-5.0, **sure)
    assert names(generator_loss=-0.001, fake_logit=0.0) == []  # a hinge loss that happens to be 0


def test_a_spread_below_one_half_is_collapse():
    assert names(diversity=0.45) == ["collapse"]
    assert names(diversity=0.55) == []


def test_logits_beyond_float32_and_growing_losses_are_divergence():
    assert names(real_logit=40.0, generator_loss=20.0) == ["divergence"]
    assert names(real_logit=40.0) == []
    assert names(generator_loss=20.0) == []
    assert names(generator_loss=math.nan) == ["divergence"]


def critic(distance, shift, num_entries=12, **late):
    """A critic's run: its loss is E[fake] − E[real], whatever is added to both."""
    run = History.empty()
    for index in range(num_entries):
        real, fake = shift + distance[index] / 2, shift - distance[index] / 2
        scores = {"real_logit": real, "fake_logit": fake, "discriminator_loss": fake - real}
        run.append(step=50 * (index + 1), **(HEALTHY | scores | {"generator_loss": -fake} | late))
    return run


def test_a_critic_may_be_sure_and_its_scores_may_shift():
    """It begins with knowing nothing: its estimate grows from 0.01 to 8, both scores are at 300."""
    distance = np.geomspace(0.01, 8, 12)
    report = health.report(
        critic(distance, 300.0, real_sign=1.0, fake_sign=-1.0), losses.wasserstein
    )
    assert report.healthy
    assert report.distance == pytest.approx(np.median(distance[-4:]), rel=1e-4)
    assert "Critic's accuracy 1.00" in str(report)
    assert "estimate of the distance" in str(report)


def test_a_critic_whose_estimate_grows_faster_and_faster_diverges():
    steady = health.report(critic(np.linspace(0, 600, 12), 0.0), losses.wasserstein)
    assert steady.healthy
    run = critic(0.5 * np.arange(1, 13) ** 4.0, 0.0)
    findings = health.report(run, losses.wasserstein).findings
    assert [finding.name for finding in findings] == ["divergence"]


def test_the_threshold_of_the_logit_is_where_float32_loses_the_difference_from_one():
    def one_minus_sigmoid(logit):
        return np.float32(1) - np.float32(1) / (np.float32(1) + np.exp(np.float32(-logit)))

    assert one_minus_sigmoid(health.FLOAT32_LOGIT + 0.2) == 0
    assert one_minus_sigmoid(health.FLOAT32_LOGIT - 0.8) > 0


def test_a_report_tells_the_evidence_and_the_advice():
    text = str(health.report(history(diversity=0.2), losses.hinge))
    assert "collapse: generated images spread 20% as much as real ones" in text
    assert "Try: penalties.r1" in text


def test_a_short_history_is_refused():
    with pytest.raises(ValueError, match="a history of 5 entries; expected at least 6"):
        health.report(history(num_entries=5), losses.hinge)


# ---- real runs ----------------------------------------------------------------------------------

RING = toy.ring().sample(2000, seed=0)
FAR = np.random.default_rng(0).normal(8.0, 0.2, (2000, 2)).astype(np.float32)
R1 = training.Penalty(penalties.r1, 0.3)
R2 = training.Penalty(penalties.r2, 0.3)
SLOPE_ONE = training.Penalty(penalties.wasserstein_gp, 1.0)


def train(samples, rates, seed, loss=losses.non_saturating, given=(), num_steps=500, **options):
    """The history of a run of a small pair; one that stops at an overflow has one, too."""
    keras.utils.set_random_seed(seed)
    image_size, channels = (None, 2) if isinstance(samples, np.ndarray) else (8, 1)
    optimizers = [keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.99) for rate in rates]
    gan = training.GAN(
        mlp.generator(image_size, channels, 8, width=32),
        mlp.discriminator(image_size, channels, width=32),
        loss,
        penalties=given,
        generator_optimizer=optimizers[0],
        discriminator_optimizer=optimizers[1],
        options=training.Options(steps_per_call=20, seed=seed, **options),
    )
    with contextlib.suppress(FloatingPointError):
        gan.train(samples, num_steps, progress=False)
    return gan.history


def found(history, loss=losses.non_saturating):
    return [finding.name for finding in health.report(history, loss).findings]


@pytest.mark.parametrize("seed", range(3))
def test_a_minimax_generator_far_from_the_data_saturates(seed):
    """The supports are apart (Arjovsky and Bottou, 2017): σ(D(G(z))) goes to 0, and its slope."""
    history = train(FAR, (1e-4, 5e-3), seed, losses.minimax, num_steps=400)
    assert found(history, losses.minimax) == ["discriminator has won", "saturation"]


@pytest.mark.parametrize("seed", range(3))
def test_a_generator_far_quicker_than_its_discriminator_collapses(seed):
    """It makes the image that a nearly fixed discriminator likes most, from each latent."""
    assert found(train(data.load_digits(), (1e-2, 1e-4), seed, num_steps=300)) == ["collapse"]


@pytest.mark.parametrize("seed", range(2))
def test_a_discriminator_that_learns_few_points_by_heart_wins(seed):
    history = train(RING[:64], (1e-4, 5e-3), seed, num_discriminator_steps=4)
    assert "discriminator has won" in found(history)
    assert not {"saturation", "divergence"} & set(found(history))  # the gradient stays


@pytest.mark.parametrize("seed", range(3))
def test_a_critic_of_unbounded_slope_diverges(seed):
    history = train(RING, (1e-2, 1e-2), seed, losses.wasserstein)
    assert found(history, losses.wasserstein) == ["divergence"]


def test_the_loss_decides_what_is_judged_and_not_the_numbers():
    """A hinge loss whose numbers are by chance those of a critic is still one of verdicts."""
    sure = critic(np.full(12, 4.0), 0.0, real_sign=1.0, fake_sign=-1.0)
    assert "discriminator has won" in found(sure, losses.hinge)
    assert "discriminator has won" not in found(sure, losses.wasserstein)


HEALTHY_RUNS = {
    "R1": (losses.non_saturating, [R1], 2e-3, {}),
    "hinge": (losses.hinge, [R1], 2e-3, {}),
    "relativistic": (losses.relativistic, [R1, R2], 2e-3, {}),
    "minimax": (losses.minimax, [R1], 2e-3, {}),
    "least squares": (losses.least_squares, [R1], 2e-3, {}),
    "slope one": (losses.wasserstein, [SLOPE_ONE], 1e-3, {"num_discriminator_steps": 3}),
    "clipped": (losses.wasserstein, [], 5e-4, {"num_discriminator_steps": 3, "weight_clip": 0.1}),
}
SEEDS = [(name, seed) for name in ("R1", "hinge", "relativistic") for seed in range(3)]
SEEDS += [(name, 0) for name in ("minimax", "least squares", "slope one", "clipped")]


@pytest.mark.parametrize(("name", "seed"), SEEDS)
def test_in_a_healthy_run_nothing_is_found(name, seed):
    loss, given, rate, options = HEALTHY_RUNS[name]
    report = health.report(train(RING, (rate, rate), seed, loss, given, **options), loss)
    assert report.healthy
    assert 0.5 < report.accuracy < 0.9
    assert (report.distance is None) == (loss is not losses.wasserstein)


def labelled(rows, labels, names=()):
    """Images of one pixel each."""
    pixels = np.array(rows, np.uint8).reshape(-1, 1, 1, 1)
    return data.Images(pixels, np.array(labels), names)


def test_a_class_of_one_picture_is_named_though_all_together_spread():
    real = labelled([0, 20, 200, 220], [0, 0, 1, 1], ("cats", "dogs"))  # deviations 14.1 and 14.1
    fake = labelled([10, 10, 200, 220], [0, 0, 1, 1], ("cats", "dogs"))
    (finding,) = health.within_classes(real, fake)
    assert finding.name == "collapse within a class"
    assert "cats spread 0% as much" in finding.evidence
    assert "dogs" not in finding.evidence


@pytest.mark.parametrize(("width", "is_found"), [(9, True), (11, False)])
def test_half_the_spread_of_the_class_is_the_border(width, is_found):
    real = labelled([0, 20, 0, 20], [0, 0, 1, 1])
    fake = labelled([100, 100 + width, 0, 20], [0, 0, 1, 1])
    assert bool(health.within_classes(real, fake)) is is_found


def test_the_spread_of_few_images_is_not_taken_for_less():
    real = labelled([90, 110] * 500, np.zeros(1000, int))  # deviation 10.005
    pair = labelled([100, 108], [0, 0])  # 5.66 with divisor n − 1, and 4 with n
    assert health.within_classes(real, pair) == ()


def test_classes_without_two_images_are_passed_over():
    real = labelled([0, 20, 7], [0, 0, 1])
    assert health.within_classes(real, labelled([0, 20, 9, 9], [0, 0, 1, 1])) == ()
    with pytest.raises(ValueError, match="two or more different ones"):
        health.within_classes(real, labelled([9, 9], [1, 1]))


def test_images_of_one_real_picture_are_no_collapse():
    real = labelled([5, 5, 0, 20], [0, 0, 1, 1])
    assert health.within_classes(real, labelled([5, 5, 0, 20], [0, 0, 1, 1])) == ()


def test_images_that_cannot_be_compared_by_class_are_refused():
    digits = data.load_digits()[:50]
    with pytest.raises(ValueError, match="fake images without labels"):
        health.within_classes(digits, data.Images(digits.images))
    with pytest.raises(ValueError, match="real images without labels"):
        health.within_classes(digits.images, digits)
    larger = data.Images(np.zeros((4, 28, 28, 1), np.uint8), np.zeros(4, int))
    with pytest.raises(ValueError, match=r"shapes \(8, 8, 1\) and \(28, 28, 1\)"):
        health.within_classes(digits, larger)


def test_machine_is_described_from_a_folder_that_has_gone(monkeypatch):
    def gone():
        raise FileNotFoundError(2, "No such file or directory")

    assert "disk" in health.machine()
    monkeypatch.setattr(health.os, "getcwd", gone)
    assert "disk" not in health.machine()
