"""Risk equations against values computed independently from the published coefficients.

SCORE2 5.9% and 4.2% (age 50, smoker, 140 mmHg, 5.5 and 1.3 mmol/L, low-risk region) and SCORE2-Diabetes 8.4% are
also the worked examples of the publications (Eur Heart J 2021;42:2439, 2023;44:2544).
"""

from __future__ import annotations

import numpy as np
import pytest

from paysim.diseases.health import health_parameters
from paysim.diseases.risk import score2, smart2

# equation, sex (0 man, 1 woman), age, smoker, sbp, tc, hdl, diabetes, ten-year risk
VECTORS = [
    ("score2", 0, 50, 1, 140, 5.5, 1.3, 0, 0.05913),
    ("score2", 0, 60, 0, 130, 5.0, 1.4, 0, 0.0478),
    ("score2", 0, 65, 1, 150, 6.0, 1.1, 0, 0.13296),
    ("score2", 0, 45, 0, 120, 5.2, 1.5, 0, 0.01699),
    ("score2", 0, 69, 0, 160, 6.5, 1.0, 0, 0.12677),
    ("score2_op", 0, 75, 1, 140, 5.5, 1.3, 0, 0.18562),
    ("score2_op", 0, 70, 0, 150, 6.0, 1.4, 0, 0.10469),
    ("score2_op", 0, 82, 0, 160, 5.0, 1.2, 1, 0.29936),
    ("score2", 1, 50, 1, 140, 5.5, 1.3, 0, 0.04215),
    ("score2", 1, 60, 0, 130, 5.0, 1.4, 0, 0.03304),
    ("score2", 1, 65, 1, 150, 6.0, 1.1, 0, 0.10037),
    ("score2", 1, 45, 0, 120, 5.2, 1.5, 0, 0.01006),
    ("score2", 1, 69, 0, 160, 6.5, 1.0, 0, 0.09049),
    ("score2_op", 1, 75, 1, 140, 5.5, 1.3, 0, 0.15158),
    ("score2_op", 1, 70, 0, 150, 6.0, 1.4, 0, 0.07493),
    ("score2_op", 1, 82, 0, 160, 5.0, 1.2, 1, 0.2979),
]


@pytest.fixture(scope="module")
def params():
    return health_parameters("NL")


@pytest.fixture(scope="module")
def model(params):
    return score2.load_score2(params)


@pytest.mark.parametrize("equation", ["score2", "score2_op"])
def test_score2_reproduces_the_check_values_in_one_vectorised_call(model, equation):
    rows = np.array([row[1:] for row in VECTORS if row[0] == equation])
    sex, age, smoker, sbp, tc, hdl, diabetes, expected = rows.T
    risk = {"score2": score2.score2_risk, "score2_op": score2.score2_op_risk}[equation]
    np.testing.assert_allclose(
        risk(model, sex.astype(int), age, smoker, sbp, tc, hdl, diabetes), expected, atol=6e-6, rtol=0
    )


def test_score2_diabetes_reproduces_the_published_example(model):
    man = np.array([0])
    risk = score2.score2_diabetes_risk(model, man, 60, 0, 140, 5.5, 1.3, age_at_diabetes=60, hba1c=50, egfr=90)
    np.testing.assert_allclose(risk, 0.08393, atol=6e-6)


def test_smart2_reproduces_the_check_value(params):
    risk = smart2.smart2_risk(
        smart2.load_smart2(params),
        age=65,
        male=1,
        sbp=140,
        diabetes=1,
        cad=1,
        years_since_first=5,
        nonhdl=4.0,
        egfr=70,
        crp=3.0,
        antithrombotic=1,
        smoker=0,
    )
    np.testing.assert_allclose(risk, 0.25048, atol=6e-6)


@pytest.mark.parametrize(("age", "equation"), [(55, "score2"), (72, "score2_op"), (84, "score2_op")])
def test_slopes_are_the_derivatives_of_the_linear_predictor(model, age, equation):
    slopes = score2.slopes_by_age(model)
    e = getattr(model, equation)
    sex = np.array([0, 1])

    def lp(smoker=0.0, sbp=135.0, tc=5.2, hdl=1.3, diabetes=0.0):
        x = {"smoke": smoker, "sbp": e.scaled("sbp", sbp), "tc": e.scaled("tc", tc)}
        x |= {"hdl": e.scaled("hdl", hdl), "diabetes": diabetes}
        return e.linear_predictor(sex, np.array([age, age]), x)

    base = lp()
    for name, step in (("smoker", {"smoker": 1.0}), ("diabetes", {"diabetes": 1.0})):
        np.testing.assert_allclose(lp(**step) - base, slopes[name][:, age])
    for name, value in (("sbp", 136.0), ("tc", 6.2), ("hdl", 2.3)):
        np.testing.assert_allclose(lp(**{name: value}) - base, slopes[name][:, age])


def test_slopes_are_held_outside_the_ages_of_the_equations(model):
    for slope in score2.slopes_by_age(model).values():
        np.testing.assert_array_equal(slope[:, 0], slope[:, 40])
        np.testing.assert_array_equal(slope[:, 89], slope[:, 110])


def test_nobody_is_unregistered_by_a_birthday(model, params):
    rng = np.random.default_rng(3)
    n = 400
    sex = rng.integers(0, 2, n)
    x = (rng.integers(0, 2, n), rng.normal(140, 20, n), rng.normal(5.5, 1, n), rng.normal(1.3, 0.3, n))
    before = np.zeros(n, bool)
    for age in range(35, 100):
        now = score2.needs_treatment(model, params, sex, np.full(n, age), *x)
        assert not (before & ~now).any()
        before = now
    assert not score2.needs_treatment(model, params, sex, np.full(n, 39), *x).any()
    assert before.mean() > 0.9


def test_limits_of_the_guideline(model, params):
    sbp = np.linspace(110, 240, 300)

    def people(age):
        return np.zeros(300, int), np.full(300, age), np.ones(300), sbp, np.full(300, 5.5), np.full(300, 1.3)

    def over(age):
        return score2.needs_treatment(model, params, *people(age))

    np.testing.assert_array_equal(over(45), score2.score2_risk(model, *people(45)) >= 0.075)
    at_49 = score2.score2_risk(model, *people(49)) >= 0.075
    np.testing.assert_array_equal(over(55), (score2.score2_risk(model, *people(55)) >= 0.10) | at_49)
    assert 0 < over(45).sum() < over(55).sum() < 300
