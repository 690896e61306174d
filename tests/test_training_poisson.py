"""Batches of independent tosses against the binomial law and a published value of Philox."""

import numpy as np
import pytest
from scipy import stats

from ganlib import training
from ganlib.training import _poisson

NUM, RATE = 500, 0.06


def in_or_out(batches, num_steps):
    """bool (steps, examples): whether each is in the batch of each step."""
    indices, mask = batches.indices(0, num_steps)
    chosen = np.zeros((num_steps, NUM), bool)
    rows = np.broadcast_to(np.arange(num_steps)[:, None], mask.shape)
    chosen[rows[mask], indices[mask]] = True
    return chosen


def test_each_example_is_in_with_one_probability_and_none_depends_on_another():
    chosen = in_or_out(training.PoissonBatches(NUM, RATE, seed=7), 4000)
    sizes = chosen.sum(axis=1)
    # binomial: four standard errors of the mean and of the variance
    variance = NUM * RATE * (1 - RATE)
    assert sizes.mean() == pytest.approx(NUM * RATE, abs=4 * np.sqrt(variance / 4000))
    assert sizes.var() == pytest.approx(variance, rel=4 * np.sqrt(2 / 4000))
    counts = chosen.sum(axis=0)  # of each example over the steps
    assert stats.chisquare(counts, sum_check=False).pvalue > 1e-3  # 1 − RATE makes it smaller
    assert counts.var() == pytest.approx(4000 * RATE * (1 - RATE), rel=4 * np.sqrt(2 / NUM))
    together = (chosen[:, :250] & chosen[:, 250:]).mean()
    assert together == pytest.approx(RATE**2, abs=4 * RATE / np.sqrt(250 * 4000))
    again = (chosen[1:] & chosen[:-1]).mean()  # in two steps in a row
    assert again == pytest.approx(RATE**2, abs=4 * RATE / np.sqrt(NUM * 3999))


def test_a_batch_is_a_function_of_seed_and_step():
    batches = training.PoissonBatches(NUM, RATE, seed=3)
    indices, mask = batches.indices(0, 30)
    for one, own in zip((indices, mask), batches.indices(12, 20), strict=True):
        np.testing.assert_array_equal(one[12:20], own)
    assert indices.dtype == np.int32
    assert mask.dtype == bool
    assert (indices[~mask] == 0).all()
    assert len({row[m].tobytes() for row, m in zip(indices, mask, strict=True)}) == 30
    for row, m in zip(indices, mask, strict=True):
        assert (np.diff(row[m]) > 0).all()  # none twice


@pytest.mark.parametrize("bit", [0, 40, 64, 127])
def test_all_bits_of_a_seed_count(bit):
    one, other = (training.PoissonBatches(NUM, RATE, seed=s).indices(0, 5) for s in (0, 2**bit))
    assert any((a != b).any() for a, b in zip(one, other, strict=True))


def test_the_draws_are_those_of_philox_by_key_and_counter():
    """Known answer of Philox4x64-10 for counter and key 0: Salmon et al., SC 2011, Random123."""
    expected = ["16554d9eca36314c", "db20fe9d672d0fdc", "d7e772cee186176b", "7e68b68aec7ba23b"]
    # NumPy raises the counter before it draws, so that of 0 comes after the largest
    bits = np.random.Philox(key=0, counter=2**256 - 1).random_raw(4)
    assert [f"{b:016x}" for b in bits] == expected
    key, step = 2**100 + 7, 11
    bits = np.random.Philox(key=key, counter=step << 128).random_raw(NUM)
    indices, mask = training.PoissonBatches(NUM, RATE, seed=key).indices(step, step + 1)
    assert indices[mask].tolist() == [i for i in range(NUM) if int(bits[i]) / 2**64 < RATE]


@pytest.mark.parametrize(
    ("num", "rate"), [(1, 1.0), (7, 1.0), (60_000, 1e-9), (60_000, 256 / 60_000)]
)
def test_so_many_places_are_too_few_less_than_once_in_a_million_million_steps(num, rate):
    places = training.PoissonBatches(num, rate).size
    assert stats.binom.sf(places, num, rate) <= _poisson._LEFT_OUT
    assert places <= num
    if rate == 256 / 60_000:
        assert places < 1.6 * 256


def test_a_rate_of_one_takes_all():
    indices, mask = training.PoissonBatches(6, 1.0, seed=2).indices(0, 2)
    assert indices.tolist() == [[0, 1, 2, 3, 4, 5]] * 2
    assert mask.all()


def test_nothing_is_left_out_in_silence():
    with pytest.raises(ValueError, match=r"size=20; expected at least \d\d, as so many examples"):
        training.PoissonBatches(NUM, RATE, size=20).indices(0, 50)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_images": 0}, "num_images=0; expected an integer of at least 1"),
        ({"rate": 0}, "rate=0; expected a number above 0 and of at most 1"),
        ({"rate": 64}, "rate=64; expected a number above 0 and of at most 1"),
        ({"seed": -1}, r"seed=-1; expected an integer from 0 .*secrets.randbits\(128\)"),
        ({"seed": 2**128}, "expected an integer from 0"),
        ({"size": NUM + 1}, "size=501; expected an integer from 1 to 500"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        training.PoissonBatches(**{"num_images": NUM, "rate": RATE} | arguments)


@pytest.mark.parametrize(("steps", "message"), [((-1, 2), "start=-1"), ((3, 2), "end=2")])
def test_steps_that_are_no_range_are_refused(steps, message):
    with pytest.raises(ValueError, match=f"{message}; expected an integer of at least"):
        training.PoissonBatches(NUM, RATE).indices(*steps)
