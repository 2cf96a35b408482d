"""Spreading bands over single ages and levelling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paysim.diseases.ages import (
    TEN_YEARS,
    Bands,
    banded,
    between_middles,
    fit_level,
    national_weights,
    smooth_rates,
)
from paysim.diseases.health import health_parameters
from paysim.errors import DataError
from paysim.kernel.spec import AGES

WEIGHTS = national_weights(health_parameters("NL").table("mortality.national_population"))


def test_national_weights_keep_the_inhabitants():
    table = health_parameters("NL").table("mortality.national_population")
    assert WEIGHTS.sum() == pytest.approx(np.sum(table["persons"]))
    assert WEIGHTS[0, 50:55].sum() == pytest.approx(644780)  # CBS 83502NED, men 50-54


@given(st.lists(st.floats(1e-6, 0.5), min_size=16, max_size=16))
def test_smoothing_keeps_every_band_mean(values):
    rates = np.array(values).reshape(2, 8)
    smooth = smooth_rates(TEN_YEARS, rates, WEIGHTS)
    np.testing.assert_allclose(TEN_YEARS.sums(smooth * WEIGHTS) / TEN_YEARS.sums(WEIGHTS), rates, rtol=1e-9)


def test_smoothing_of_a_steady_rate_is_without_steps():
    rates = np.exp(np.linspace(-9, -3, 8))[None, :].repeat(2, axis=0)
    smooth = smooth_rates(TEN_YEARS, rates, WEIGHTS)
    steps = np.diff(np.log(smooth[0]))
    assert steps.min() > -0.01
    assert steps.max() < 0.2


def test_a_band_without_events_stays_without():
    rates = np.array([[0, 0, 0, 1e-3, 2e-3, 3e-3, 4e-3, 5e-3]] * 2)
    smooth = smooth_rates(TEN_YEARS, rates, WEIGHTS)
    assert not smooth[:, :50].any()
    np.testing.assert_allclose(TEN_YEARS.sums(smooth * WEIGHTS)[:, 3:], (rates * TEN_YEARS.sums(WEIGHTS))[:, 3:])


def test_a_thin_band_borrows_from_its_neighbours():
    amount, persons = np.ones((2, AGES)), np.full((2, AGES), 1000.0)
    persons[:, 90:] = 1.0
    wanted = 2.0 * TEN_YEARS.sums(amount)
    wanted[:, -1] *= 50.0
    level = fit_level(wanted, amount, TEN_YEARS, persons)
    np.testing.assert_allclose(level, np.log(2.0))


def test_between_middles_is_constant_outside():
    bands = Bands((0, 40, 60))
    value = between_middles(bands, np.array([[0.0, 1.0, 3.0]] * 2))
    assert value[0, 0] == 0.0
    assert value[0, 110] == 3.0
    assert value[0, 49] == pytest.approx((49.5 - 20) / 30)


def test_a_missing_band_is_refused():
    table = {"sex": ["M", "M", "F"], "age_from": [0, 50, 0], "rate": [1.0, 2.0, 3.0]}
    with pytest.raises(DataError, match="every age band"):
        banded(table, "rate")


def test_an_unknown_sex_is_refused():
    with pytest.raises(DataError, match="unknown sex"):
        banded({"sex": ["M", "X"], "age_from": [0, 0], "rate": [1.0, 2.0]}, "rate")


def test_so_few_people_that_no_band_counts_still_have_the_right_total():
    """Each sex then has one level, whatever the scale of the hazard it is put on."""
    persons = np.zeros((2, AGES))
    persons[0, 20:80] = 0.5
    persons[1, :100] = 3.0
    amount = persons * np.exp(-5 + 0.02 * np.arange(AGES))
    wanted = TEN_YEARS.sums(persons * 0.01)
    level = fit_level(wanted, amount, TEN_YEARS, persons)
    assert len(np.unique(level[0])) == 1
    assert (amount[0] * np.exp(level[0])).sum() == pytest.approx(wanted[0].sum())
    none = fit_level(wanted, np.zeros((2, AGES)), TEN_YEARS, persons)
    assert not none.any()
