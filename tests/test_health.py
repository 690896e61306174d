"""The report names what is wrong, in histories made by hand at both sides of each threshold."""

import math

import numpy as np
import pytest

from ganlib import health
from ganlib.options import History

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
}


def history(num_entries=12, **late):
    """A run that is healthy in its first two thirds; `late` says what it ends with."""
    run = History.empty()
    for index in range(num_entries):
        changed = late if index >= num_entries - num_entries // 3 else {}
        run.append(step=50 * (index + 1), **(HEALTHY | changed))
    return run


def names(**late):
    return [finding.name for finding in health.report(history(**late)).findings]


def test_a_healthy_run_has_no_findings():
    report = health.report(history())
    assert report.healthy
    assert report.accuracy == pytest.approx(0.7)  # ½ + (0.4 + 0.4)/4
    assert "Nothing was found" in str(report)


def test_an_accuracy_above_the_threshold_means_that_the_discriminator_has_won():
    assert names(real_sign=0.92, fake_sign=-0.92) == ["discriminator has won"]  # a = 0.96
    assert names(real_sign=0.88, fake_sign=-0.88) == []  # a = 0.94


def test_a_vanished_gradient_is_saturation_only_while_the_discriminator_is_sure():
    sure = {"real_sign": 1.0, "fake_sign": -1.0}
    assert names(generator_gradient_norm=0.02, **sure) == ["discriminator has won", "saturation"]
    assert names(generator_gradient_norm=0.03, **sure) == ["discriminator has won"]
    assert names(generator_gradient_norm=0.001) == []  # converged


def test_a_spread_below_one_half_is_collapse():
    assert names(diversity=0.45) == ["collapse"]
    assert names(diversity=0.55) == []


def test_logits_beyond_float32_and_growing_losses_are_divergence():
    assert names(real_logit=40.0, generator_loss=20.0) == ["divergence"]
    assert names(real_logit=40.0) == []
    assert names(generator_loss=20.0) == []
    assert names(generator_loss=math.nan) == ["divergence"]


def test_the_threshold_of_the_logit_is_where_float32_loses_the_difference_from_one():
    def one_minus_sigmoid(logit):
        return np.float32(1) - np.float32(1) / (np.float32(1) + np.exp(np.float32(-logit)))

    assert one_minus_sigmoid(health.FLOAT32_LOGIT + 0.2) == 0
    assert one_minus_sigmoid(health.FLOAT32_LOGIT - 0.8) > 0


def test_a_report_tells_the_evidence_and_the_advice():
    text = str(health.report(history(diversity=0.2)))
    assert "collapse: generated images spread 20% as much as real ones" in text
    assert "Try: penalties.r1" in text


def test_a_short_history_is_refused():
    with pytest.raises(ValueError, match="has 5 entries; expected at least 6"):
        health.report(history(num_entries=5))
