"""Recurrent events beside SMART2: competing deaths, and the equation at the simulated people."""

from __future__ import annotations

import numpy as np
import pytest

from paysim.analysis.recurrences import EVENT, OTHER_DEATH, cumulative_incidence


def test_without_censoring_it_is_the_share_who_had_the_event():
    time = np.array([1, 2, 2, 3, 4, 9, 9, 9, 9, 9])
    kind = np.array([EVENT, OTHER_DEATH, EVENT, EVENT, OTHER_DEATH, 0, 0, 0, 0, 0])
    found, error = cumulative_incidence(time, kind, 9)
    assert found == pytest.approx(0.3)
    assert error == pytest.approx(np.sqrt(0.3 * 0.7 / 10))


def test_other_deaths_compete_and_do_not_censor():
    """At constant hazards a and b the cumulative incidence is a / (a + b) (1 - exp(-(a + b) t)), less than 1 - exp(-a t)."""
    rng = np.random.default_rng(1)
    a, b, n = 0.03, 0.06, 40_000
    mine, theirs = rng.exponential(1 / a, n), rng.exponential(1 / b, n)
    time = np.minimum(np.minimum(mine, theirs), 10.0)
    kind = np.where(time == 10.0, 0, np.where(mine < theirs, EVENT, OTHER_DEATH))
    found, error = cumulative_incidence(time, kind, 10.0)
    wanted = a / (a + b) * (1 - np.exp(-(a + b) * 10))
    assert found == pytest.approx(wanted, abs=4 * error)
    assert found < 1 - np.exp(-a * 10) - 4 * error


def test_those_who_leave_are_censored():
    rng = np.random.default_rng(2)
    n = 40_000
    mine, leaves = rng.exponential(20.0, n), rng.uniform(0, 20, n)
    time = np.minimum(np.minimum(mine, leaves), 10.0)
    kind = np.where((mine <= leaves) & (mine < 10.0), EVENT, 0)
    found, error = cumulative_incidence(time, kind, 10.0)
    assert found == pytest.approx(1 - np.exp(-0.5), abs=5 * error)


def test_nobody_has_no_risk_and_no_events_none():
    assert np.isnan(cumulative_incidence(np.zeros(0), np.zeros(0, int), 5)[0])
    assert cumulative_incidence(np.full(4, 5.0), np.zeros(4, int), 5)[0] == 0.0
