"""Life expectancy in closed form, standardisation, and waits from counts."""

from __future__ import annotations

import numpy as np
import pytest

from paysim.outcomes.equity import life_expectancy, standardised
from paysim.outcomes.waits import mean_wait, percentile
from paysim.outcomes.work import measures as work
from tests.unit.test_outcomes_burden import counted


def test_a_constant_hazard_gives_its_inverse():
    lived = np.linspace(100.0, 10.0, 20)
    assert life_expectancy(0.02 * lived, lived) == pytest.approx(50.0)
    assert life_expectancy(0.02 * lived, lived, 0.8 * lived) == pytest.approx(40.0)


def test_nobody_dies_before_the_open_band():
    """Fifteen bands without a death, then a hazard of one in ten."""
    lived, deaths = np.ones(20), np.r_[np.zeros(15), np.full(5, 0.1)]
    assert life_expectancy(deaths, lived) == pytest.approx(75.0 + 10.0)


def test_bands_beyond_the_last_death_join_the_open_band():
    lived, deaths = np.ones(20), np.zeros(20)
    deaths[15] = 0.5  # 0.5 deaths in the five bands from 75 on
    assert life_expectancy(deaths, lived) == pytest.approx(75.0 + 10.0)
    assert np.isnan(life_expectancy(np.zeros(20), lived))


def test_standardised_rates_do_not_depend_on_the_groups_ages():
    """Both groups have rates 1 and 10 by age, one is young and one is old."""
    bottom = np.array([[90.0, 10.0], [10.0, 90.0]])
    rates = standardised(bottom * np.array([1.0, 10.0]), bottom)
    np.testing.assert_allclose(rates, [5.5, 5.5, 5.5])


def test_bands_in_which_a_group_has_nobody_are_left_out():
    bottom = np.array([[50.0, 50.0, 0.0], [50.0, 25.0, 99.0]])
    top = bottom * np.array([0.1, 0.2, 9.0])
    weights = np.array([100.0, 75.0]) / 175.0
    np.testing.assert_allclose(standardised(top, bottom), weights @ [0.1, 0.2])
    assert np.isnan(standardised(np.zeros((2, 1)), np.array([[1.0], [0.0]]))).all()


def test_waits_counted_in_whole_days():
    """Ten waits under a day, ten of one to two days: evenly spread, the median is a day."""
    counts = np.array([10, 10, 0])
    assert mean_wait(counts) == pytest.approx(1.0)
    assert percentile(counts, 0.5) == pytest.approx(1.0)
    assert percentile(counts, 0.9) == pytest.approx(1.8)
    assert percentile(np.array([0, 0, 4]), 0.5) == pytest.approx(2.5)
    assert mean_wait(np.zeros(3)) == percentile(np.zeros(3), 0.9) == 0.0


def test_percentiles_of_many_waits_are_those_of_the_waits_themselves():
    waits = np.random.default_rng(3).exponential(4.0, 200_000)
    counts = np.bincount(waits.astype(int), minlength=80)
    for share in (0.5, 0.9):
        assert percentile(counts, share) == pytest.approx(np.quantile(waits, share), rel=0.01)


def test_overtime_is_what_a_quarter_works_beyond_its_contact_hours():
    """100 contact hours a quarter; 90, 110, 130 and 70 worked: 40 hours of overtime, and nothing is made up for."""
    hours = np.array([90.0, 110.0, 130.0, 70.0])
    services = hours[:, None, None, None] * 6.0  # contacts of ten minutes, one practice, one segment, one service
    from dataclasses import replace

    found = replace(
        counted(person_years=np.zeros((1, 1))),
        arrays={"services": services},
        contact_hours=np.array([[[300.0, 100.0, 0.0, 0.0]]]),
        staff_minutes=np.array([[10.0, 0.0, 0.0]]),
        weight=2.0,
    )
    values = {each.name: each.values for each in work(found)}
    np.testing.assert_allclose(values["gp_contact_hours"], [[800.0, 800.0]])
    np.testing.assert_allclose(values["gp_overtime_hours"], [[80.0, 80.0]])
    assert not values["nurse_overtime_hours"].any()
