"""Episodes of background care: their mean is what is expected, they are keyed, and without size they are none."""

from __future__ import annotations

import numpy as np
import pytest

from paysim.kernel import streams
from paysim.kernel.tables import stream_key
from paysim.kernel.use import episode_rate

KEYS = streams.person_keys(streams.run_key(1, 0), np.arange(40_000))
STREAM = np.uint64(stream_key("background_hospital"))


def mean_of(sigma: float) -> float:
    return float((np.sinh(sigma / 2) / (sigma / 2)) ** 12) if sigma else 1.0


def rates(expected: float, size: float, sigma: float, quarters: int, period: int = 7, keys: np.ndarray = KEYS):
    mean = mean_of(sigma)
    return np.array([episode_rate(key, STREAM, period, expected, size, sigma, mean, quarters) for key in keys])


@pytest.mark.parametrize(
    ("expected", "size", "sigma", "quarters"),
    [(800.0, 2900.0, 1.0, 1), (5000.0, 300.0, 0.8, 1), (400.0, 4500.0, 0.5, 4), (50_000.0, 2900.0, 0.0, 1)],
)
def test_the_mean_is_what_is_expected(expected, size, sigma, quarters):
    found = rates(expected, size, sigma, quarters)
    assert found.mean() == pytest.approx(expected, abs=4 * found.std() / np.sqrt(found.size))
    # Of a Poisson number of costs with mean m and mean square q, the variance is number x q.
    number = expected * quarters / 4 / size
    square = (size / mean_of(sigma)) ** 2 * mean_of(2 * sigma) if sigma else size**2
    assert found.std() == pytest.approx(np.sqrt(number * square) * 4 / quarters, rel=0.12)


def test_who_has_no_episode_costs_nothing():
    found = rates(800.0, 2900.0, 1.5, 1)
    assert (found == 0.0).mean() == pytest.approx(np.exp(-800 / 4 / 2900), abs=0.006)
    assert (rates(0.0, 2900.0, 1.5, 1, keys=KEYS[:50]) == 0.0).all()


@pytest.mark.parametrize("size", [0.0, 1.0])
def test_without_size_or_with_many_episodes_care_is_even(size):
    assert (rates(800.0, size, 1.5, 1, keys=KEYS[:50]) == 800.0).all()


def test_the_order_of_people_does_not_matter():
    order = np.random.default_rng(0).permutation(500)
    straight, mixed = rates(800.0, 900.0, 1.5, 2, keys=KEYS[:500]), rates(800.0, 900.0, 1.5, 2, keys=KEYS[:500][order])
    assert np.array_equal(straight[order], mixed)


def test_a_block_lasts_its_quarters_and_begins_at_a_quarter_of_the_person():
    years = np.stack([rates(3000.0, 4500.0, 1.0, 4, period, KEYS[:400]) for period in range(-8, 8)])
    changed = np.diff(years, axis=0) != 0.0
    assert changed.any()
    for each in changed.T:  # changes of one person are whole years apart
        at = np.flatnonzero(each)
        assert ((at - at[0]) % 4 == 0).all() if at.size else True
    assert all(changed[k::4].any() for k in range(4))


def test_more_need_is_more_episodes_of_the_same_people():
    few, many = rates(500.0, 2900.0, 1.2, 1, keys=KEYS[:3000]), rates(600.0, 2900.0, 1.2, 1, keys=KEYS[:3000])
    assert (many >= few).all()
    assert (many > few).any()
