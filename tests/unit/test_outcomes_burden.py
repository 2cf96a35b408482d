"""Life expectancy at death in closed form, and what healthy life years and DALYs are made of."""

from __future__ import annotations

import numpy as np
import pytest

from paysim.diseases.health import health_parameters
from paysim.diseases.mortality.life_expectancy import years_left, years_left_at
from paysim.diseases.mortality.model import life_table_hazard
from paysim.kernel import advance as kernel
from paysim.kernel.records import TICKS_PER_YEAR
from paysim.kernel.spec import AGES, Transition
from paysim.outcomes import Counted
from paysim.outcomes.burden import measures
from tests.toy import enter, flat, run_compiled, toy_state, toy_tables


def test_a_constant_hazard_leaves_its_inverse_at_every_age():
    hazard = np.full((2, AGES), 0.04)
    left = years_left(hazard)
    np.testing.assert_allclose(left, 25.0)
    ages = np.array([0.0, 0.4, 57.93, 109.999, 110.0, 115.5])
    np.testing.assert_allclose(years_left_at(hazard, left, np.zeros(6, int), ages), 25.0)


def test_a_gompertz_life_table_against_integration():
    hazard = np.broadcast_to(np.exp(-10 + 0.09 * np.arange(AGES)), (2, AGES))
    left = years_left(hazard)
    step = 1e-3
    for age in (0.0, 33.3, 80.75):
        t = np.arange(0, 200, step) + step / 2
        h = hazard[1, np.minimum((age + t).astype(int), AGES - 1)]
        survival = np.exp(-np.cumsum(h) * step + h * step / 2)
        by_integration = survival.sum() * step
        found = years_left_at(hazard, left, np.array([1]), np.array([age]))
        np.testing.assert_allclose(found, by_integration, rtol=1e-4)


@pytest.mark.parametrize(("country", "at_birth"), [("NL", (80.16, 83.40)), ("BE", (79.12, 83.73))])
def test_life_expectancy_at_birth_is_the_published_one(country, at_birth):
    """WPP 2024 life tables, 2015-2020."""
    left = years_left(life_table_hazard(health_parameters(country)))
    np.testing.assert_allclose(left[:, 0], at_birth, atol=0.15)
    assert (np.diff(left[:, 1:], axis=1) < 0).all()
    assert (np.diff(left + np.arange(AGES), axis=1) > 0).all()  # who lives on dies later


def counted(**columns: np.ndarray) -> Counted:
    """Return what a run of one practice counted over two years, by columns ``[2, groups]``."""
    names = tuple(columns)
    groups = np.stack([columns[name] for name in names], axis=2)
    nothing = np.zeros(0)
    return Counted(
        dimensions={"all": ("all",)},
        columns=names,
        groups=groups,
        arrays={},
        service_names=(),
        sector_of=(),
        payment_eur=nothing,
        cost_eur=nothing,
        revenue_kinds=(),
        bills=(),
        weight=3.0,
        gp_fte=nothing,
        contact_hours=nothing,
        staff_minutes=nothing,
        process_outcomes=(),
        lever_names=(),
        practice_lever_names=(),
        specialties=(),
        wards=(),
        discount_costs=0.0,
        discount_effects=0.0,
    )


def test_dalys_are_years_lost_to_death_and_to_disability():
    two_years = {
        "person_years": np.array([[100.0], [99.0]]),
        "healthy_years": np.array([[70.0], [68.0]]),
        "utility_lost": np.array([[5.0], [5.5]]),
        "life_years_lost": np.array([[12.0], [0.0]]),
    }
    found = {each.name: each.values[:, 0].tolist() for each in measures(counted(**two_years))}
    assert found == {
        "life_years": [300.0, 297.0],
        "healthy_life_years": [210.0, 204.0],
        "years_of_life_lost": [36.0, 0.0],
        "years_with_disability": [15.0, 16.5],
        "dalys": [51.0, 16.5],
    }


def test_healthy_time_and_lost_utility_of_a_known_illness():
    """Ill at a loss of 0.3 for what is left of a quarter of a year; then well."""
    rows = [Transition("ends", "timer", flat(1.0), required=("ill",), clears=("ill",), delay_years=0.25)]
    tables = toy_tables(rows, ("ill",), utility=0.8, decrements={"ill": -0.3})
    tables["masks"][0, 3] = 1
    state = enter(toy_state(3, ages=40.5, flags=1), tables)
    run_compiled(state, tables, [TICKS_PER_YEAR])
    kernel.close_period(state.people, state.practices, TICKS_PER_YEAR)
    ill = 1.0 - state.people["healthy"]
    assert ((ill > 0) & (ill <= 0.25)).all()
    np.testing.assert_allclose(state.people["lost"], ill * 0.3, rtol=1e-12)
    np.testing.assert_allclose(state.people["lost"] + state.people["qaly"], 0.8, rtol=1e-12)
