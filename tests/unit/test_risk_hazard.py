"""A risk within ten years and the yearly hazards made of it: what goes in comes out again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paysim.diseases.health import health_parameters
from paysim.diseases.risk import hazard, prevent, score2, smart2
from paysim.diseases.risk.equations import first_event_hazard

# (sex, smoker, sbp, tc, hdl, diabetes): 2 x 2 x 3 x 2 x 2 x 2 people.
GRID = [
    each.ravel()
    for each in np.meshgrid([0, 1], [0, 1], [115.0, 140.0, 175.0], [4.0, 6.5], [1.0, 1.7], [0, 1], indexing="ij")
]
SEX, X = GRID[0], GRID[1:]


@pytest.fixture(scope="module")
def params():
    return health_parameters("NL")


@pytest.fixture(scope="module")
def models(params):
    return score2.load_score2(params), prevent.load_prevent(params)


@given(st.floats(1e-6, 0.999), st.floats(-0.5, 0.5), st.sampled_from([1, 5, 10, 30]))
def test_the_risk_is_recovered_whatever_the_growth(risk, growth, years):
    risk_next = -np.expm1(np.log1p(-risk) * np.exp(growth))
    h = hazard.yearly_hazards(np.array([risk]), np.array([min(risk_next, 1 - 1e-15)]), years)
    assert (h > 0).all()
    np.testing.assert_allclose(hazard.risk_within(h), risk, rtol=1e-9)


def test_without_growth_the_hazard_is_flat():
    h = hazard.yearly_hazards(np.array([0.2]), np.array([0.2]))
    np.testing.assert_allclose(h, -np.log(0.8) / 10)


def test_a_gompertz_hazard_is_found_again():
    """h(t) = b exp(g t): its risk within ten years, at two ages, gives the mean hazard of the year back."""
    b, g = 0.004, 0.09

    def risk(t):
        return np.array([-np.expm1(-b / g * (np.exp(g * (t + 10)) - np.exp(g * t)))])

    year_by_year = b / g * (np.exp(g * np.arange(1, 11)) - np.exp(g * np.arange(10)))
    np.testing.assert_allclose(hazard.yearly_hazards(risk(0), risk(1))[:, 0], year_by_year, rtol=1e-10)
    np.testing.assert_allclose(hazard.refreshed(risk, 10)[:, 0], year_by_year, rtol=1e-10)


@pytest.mark.parametrize("region", ["low", "high"])
@pytest.mark.parametrize(("equation", "age"), [("score2", 42), ("score2", 58), ("score2_op", 71), ("score2_op", 79)])
def test_ten_birthdays_add_up_to_the_ten_year_risk_of_score2(models, equation, age, region):
    ask = {"score2": score2.score2_risk, "score2_op": score2.score2_op_risk}[equation]
    h = hazard.refreshed(lambda k: ask(models[0], SEX, age + k, *X, region=region), 10)
    np.testing.assert_allclose(hazard.risk_within(h), ask(models[0], SEX, age, *X, region=region), rtol=1e-10)


@pytest.mark.parametrize("outcome", prevent.OUTCOMES)
@pytest.mark.parametrize("age", [35, 50, 65])
def test_ten_birthdays_add_up_to_the_ten_year_risk_of_prevent_within_one_percent(models, outcome, age):
    def risk(k):
        return prevent.prevent_risk(models[1], SEX, age + k, *X, outcome=outcome)

    np.testing.assert_allclose(hazard.risk_within(hazard.refreshed(risk, 10)), risk(0), rtol=0.01)


def test_smart2_hazards_add_up_to_the_ten_year_risk(params):
    c = smart2.load_smart2(params)
    x = {"age": np.array([50, 65, 78]), "male": 1, "sbp": 140, "diabetes": np.array([0, 1, 0]), "cad": 1}
    x |= {"years_since_first": np.array([0, 5, 12]), "nonhdl": 3.0, "egfr": 75, "crp": 2, "antithrombotic": 1}
    h = smart2.smart2_hazards(c, **x, smoker=0)
    assert h.shape == (10, 3)
    assert (h > 0).all()
    np.testing.assert_allclose(hazard.risk_within(h), smart2.smart2_risk(c, **x, smoker=0), rtol=1e-12)
    first_year = 1 - (1 - 0.020867965) ** (h[0] / -np.log1p(-0.020867965))
    np.testing.assert_allclose(-np.expm1(-h[0]), first_year)


@pytest.mark.parametrize("equation", ["score2", "prevent"])
def test_the_hazard_rises_with_every_risk_factor_and_with_age(params, equation):
    chosen = params.override([("risk.equation", equation)])

    def at(age, **change):
        x = dict(zip(("smoker", "sbp", "tc", "hdl", "diabetes"), X, strict=True)) | change
        return first_event_hazard(chosen, SEX, np.full(SEX.size, age), **x)

    smoker, sbp, tc, hdl, diabetes = X
    for age in (40, 55, 69, 70, 79):
        now = at(age)
        assert (now > 0).all()
        assert (at(age, sbp=sbp + 10) > now).all()
        assert (at(age, tc=tc + 0.5) > now).all()
        assert (at(age, hdl=hdl + 0.2) < now).all()
        for name, value in (("smoker", smoker), ("diabetes", diabetes)):
            free = value == 0
            assert (at(age, **{name: np.ones_like(value)})[free] > now[free]).all()
    healthy = (smoker == 0) & (diabetes == 0)  # past 75 the equations let the rest gain little or nothing with age
    for age, who in ((40, smoker >= 0), (50, smoker >= 0), (60, smoker >= 0), (75, healthy)):
        assert (at(age + 3) > at(age))[who].all()


def test_ages_outside_the_equations_are_held_at_their_ends(params):
    people = (np.array([0, 1]), *(np.full(2, each) for each in (0, 140.0, 5.0, 1.3, 0)))

    def at(age):
        return first_event_hazard(params, people[0], np.full(2, age), *people[1:])

    np.testing.assert_array_equal(at(20), at(40))
    np.testing.assert_array_equal(at(105), at(89))
    assert (at(69) != at(70)).all()
