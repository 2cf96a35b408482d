"""Indices of inequality against examples worked by hand, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paysim.outcomes.inequality import (
    concentration_index,
    equally_distributed_equivalent,
    mean,
    relative_index,
    ridits,
    slope_index,
)

groups = st.integers(2, 6).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(0.1, 100.0), min_size=n, max_size=n), st.lists(st.floats(1.0, 50.0), min_size=n, max_size=n)
    )
)


def arrays(pair):
    return np.array(pair[0]), np.array(pair[1])


def test_ridits_are_the_middles_of_the_shares():
    np.testing.assert_allclose(ridits(np.array([20.0, 40.0, 40.0])), [0.1, 0.4, 0.8])


def test_two_equal_groups_by_hand():
    """Values 2 and 4, half the people each: ranks 1/4 and 3/4, so 2 more per half a rank."""
    value, size = np.array([2.0, 4.0]), np.array([5.0, 5.0])
    assert slope_index(value, size) == pytest.approx(4.0)
    assert relative_index(value, size) == pytest.approx(4.0 / 3.0)
    # 2 cov / mean = 2 (1/2 (-1/4)(-1) + 1/2 (1/4)(1)) / 3
    assert concentration_index(value, size) == pytest.approx(1.0 / 6.0)
    # Aversion 2 is the harmonic mean, 1 the geometric one, 0 the mean.
    assert equally_distributed_equivalent(value, size, 2.0) == pytest.approx(2.0 / (1 / 2 + 1 / 4))
    assert equally_distributed_equivalent(value, size, 1.0) == pytest.approx(np.sqrt(8.0))
    assert equally_distributed_equivalent(value, size, 0.0) == pytest.approx(3.0)


def test_three_groups_by_hand():
    """Shares 1/5, 2/5, 2/5; values on the line 3 + 5 rank: slope 5, mean 5.5, spread of ranks 0.08."""
    size = np.array([20.0, 40.0, 40.0])
    value = 3.0 + 5.0 * np.array([0.1, 0.4, 0.8])
    assert slope_index(value, size) == pytest.approx(5.0)
    assert mean(value, size) == pytest.approx(5.5)
    assert relative_index(value, size) == pytest.approx(5.0 / 5.5)
    spread = 0.2 * 0.4**2 + 0.4 * 0.1**2 + 0.4 * 0.3**2
    assert concentration_index(value, size) == pytest.approx(2.0 * 5.0 * spread / 5.5)


def test_everything_with_the_best_off_group():
    """The concentration index of the last of n equal groups that has all is (n - 1) / n."""
    assert concentration_index(np.array([0.0, 0.0, 0.0, 7.0]), np.ones(4)) == pytest.approx(0.75)


def test_nobody_in_a_group_or_nothing_to_share_is_not_known():
    assert np.isnan(slope_index(np.array([1.0, 2.0]), np.array([0.0, 0.0])))
    assert np.isnan(slope_index(np.array([1.0]), np.array([3.0])))
    assert np.isnan(concentration_index(np.zeros(2), np.ones(2)))
    assert np.isnan(equally_distributed_equivalent(np.array([0.0, 1.0]), np.ones(2), 2.0))


@given(groups)
def test_the_concentration_index_is_the_relative_index_times_twice_the_spread_of_ranks(pair):
    """Wagstaff, Paci and van Doorslaer 1991: C = 2 var(rank) RII."""
    value, size = arrays(pair)
    share, rank = size / size.sum(), ridits(size)
    spread = share @ (rank - 0.5) ** 2
    assert concentration_index(value, size) == pytest.approx(2 * spread * relative_index(value, size), abs=1e-12)


@given(groups, st.floats(0.1, 9.0), st.floats(0.0, 40.0))
def test_only_shares_count_and_units_scale(pair, factor, aversion):
    value, size = arrays(pair)
    assert slope_index(factor * value, 3 * size) == pytest.approx(factor * slope_index(value, size), abs=1e-9)
    for index in (relative_index, concentration_index):
        assert index(factor * value, 3 * size) == pytest.approx(index(value, size), abs=1e-9)
    level = equally_distributed_equivalent(value, size, aversion)
    assert equally_distributed_equivalent(factor * value, size, aversion) == pytest.approx(factor * level)


@given(groups)
def test_more_aversion_lowers_the_equivalent_from_the_mean_to_the_worst_off(pair):
    value, size = arrays(pair)
    levels = [equally_distributed_equivalent(value, size, each) for each in (0.0, 0.5, 1.0, 2.0, 10.95, 30.0, 500.0)]
    assert levels[0] == pytest.approx(mean(value, size))
    assert (np.diff(levels) <= 1e-9).all()
    assert value.min() - 1e-9 <= levels[-1] <= value.min() * 1.1


@given(groups)
def test_equal_groups_have_no_inequality(pair):
    size = arrays(pair)[1]
    same = np.full(len(size), 7.0)
    assert slope_index(same, size) == pytest.approx(0.0, abs=1e-9)
    assert concentration_index(same, size) == pytest.approx(0.0, abs=1e-12)
    assert equally_distributed_equivalent(same, size, 10.95) == pytest.approx(7.0)
