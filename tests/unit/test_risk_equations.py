"""Risk equations against values computed independently from the published coefficients.

SCORE2 5.9% and 4.2% (age 50, smoker, 140 mmHg, 5.5 and 1.3 mmol/L, low-risk region) and SCORE2-Diabetes 8.4% are
also the worked examples of the publications (Eur Heart J 2021;42:2439, 2023;44:2544). The woman's PREVENT risks of
total cardiovascular disease, ascvd and heart failure (14.7%, 9.2%, 8.1%) are the example of Khan 2024, Circulation
149:430 (recalled). Together 28 values: 16 of SCORE2 and SCORE2-OP, 1 of SCORE2-Diabetes, 1 of SMART2, 10 of PREVENT.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from paysim.diseases.cohort import hazards
from paysim.diseases.health import build_health, cohort_from_population, health_parameters
from paysim.diseases.risk import prevent, score2, smart2
from paysim.diseases.risk.equations import EQUATIONS, chosen_equation, first_event_slopes
from paysim.errors import DataError, ScenarioError

_spec = importlib.util.spec_from_file_location("people", Path(__file__).parent / "test_diseases_people.py")
_people = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_people)

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

# PREVENT, 10 years: a treated woman of 50 with diabetes and a smoking man of 65; (woman, man) by outcome.
PREVENT_PEOPLE = {
    "sex": np.array([1, 0]),
    "age": np.array([50, 65]),
    "smoker": np.array([0, 1]),
    "sbp": np.array([160, 145]),
    "tc": np.array([5.172, 5.2]),
    "hdl": np.array([1.1637, 1.2]),
    "diabetes": np.array([1, 0]),
    "egfr": np.array([90, 75]),
    "bmi": np.array([35, 28]),
    "bp_treated": np.array([1, 0]),
    "statin": np.array([0, 0]),
}
PREVENT_VECTORS = {
    "total_cvd": (0.14684, 0.1562),
    "ascvd": (0.09195, 0.09976),
    "heart_failure": (0.08056, 0.07481),
    "chd": (0.0441, 0.05697),
    "stroke": (0.05401, 0.04951),
}


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


@pytest.fixture(scope="module")
def us(params):
    return prevent.load_prevent(params)


@pytest.mark.parametrize("outcome", prevent.OUTCOMES)
def test_prevent_reproduces_the_check_values(us, outcome):
    risk = prevent.prevent_risk(us, **PREVENT_PEOPLE, outcome=outcome)
    np.testing.assert_allclose(risk, PREVENT_VECTORS[outcome], atol=6e-6, rtol=0)


def written_out(us, years, outcome, s, age, tc, hdl, sbp, dm, smoker, bmi, egfr, bp, statin):
    """The equation once more, term by term, for one person."""
    b = {term: float(value[s]) for term, value in us.equations[years, outcome].items()}
    a, non_hdl, low, high = (age - 55) / 10, tc - hdl - 3.5, (min(sbp, 110) - 110) / 20, (max(sbp, 110) - 130) / 20
    hdl, fat, thin = (hdl - 1.3) / 0.3, (max(bmi, 30) - 30) / 5, (min(bmi, 30) - 25) / 5
    bad, fair = (min(egfr, 60) - 60) / -15, (max(egfr, 60) - 90) / -15
    lp = b["constant"] + b["age"] * a + b.get("age_sq", 0) * a * a + b["non_hdl"] * non_hdl + b["hdl"] * hdl
    lp += b["sbp_low"] * low + b["sbp_high"] * high + b["diabetes"] * dm + b["smoker"] * smoker
    lp += b["bmi_low"] * thin + b["bmi_high"] * fat + b["egfr_low"] * bad + b["egfr_high"] * fair
    lp += b["bp_treated"] * bp + b["statin"] * statin + b["bp_treated_sbp_high"] * bp * high
    lp += b["statin_non_hdl"] * statin * non_hdl + a * b["non_hdl_age"] * non_hdl + a * b["hdl_age"] * hdl
    lp += a * (b["sbp_high_age"] * high + b["diabetes_age"] * dm + b["smoker_age"] * smoker)
    lp += a * (b["bmi_high_age"] * fat + b["egfr_low_age"] * bad)
    return 1 / (1 + np.exp(-lp))


@pytest.mark.parametrize("years", prevent.YEARS)
@pytest.mark.parametrize("outcome", prevent.OUTCOMES)
def test_prevent_for_many_people_at_once_is_the_equation_term_by_term(us, outcome, years):
    rng = np.random.default_rng(5)
    n = 60
    x = {"tc": rng.uniform(3.5, 8, n), "hdl": rng.uniform(0.8, 2.2, n), "sbp": rng.uniform(90, 200, n)}
    x |= {"bmi": rng.uniform(19, 39, n), "egfr": rng.uniform(20, 120, n)}
    x |= {name: rng.integers(0, 2, n) for name in ("dm", "smoker", "bp", "statin")}
    sex, age = rng.integers(0, 2, n), rng.uniform(30, 79, n)
    named = {"diabetes": x["dm"], "bp_treated": x["bp"]} | {k: v for k, v in x.items() if k not in ("dm", "bp")}
    risk = prevent.prevent_risk(us, sex, age, **named, outcome=outcome, years=years)
    one = [written_out(us, years, outcome, sex[i], age[i], **{k: v[i] for k, v in x.items()}) for i in range(n)]
    np.testing.assert_allclose(risk, one, rtol=1e-12)


def test_thirty_years_hold_more_risk_than_ten(us):
    people = PREVENT_PEOPLE | {"age": np.array([45, 55])}
    for outcome in prevent.OUTCOMES:
        ten, thirty = (prevent.prevent_risk(us, **people, outcome=outcome, years=years) for years in prevent.YEARS)
        assert (thirty > 1.5 * ten).all()


@pytest.mark.parametrize("outcome", ["ascvd", "chd", "stroke", "heart_failure"])
@pytest.mark.parametrize("age", [35, 55, 78])
def test_prevent_slopes_are_derivatives_of_the_log_hazard(us, outcome, age):
    slopes = prevent.slopes_by_age(us, outcome)
    sex = np.array([0, 1])

    def log_hazard(**change):
        x = {"smoker": 0.0, "sbp": 130.0, "tc": 4.8, "hdl": 1.3, "diabetes": 0.0} | change
        return np.log(-np.log1p(-prevent.prevent_risk(us, sex, age, **x, outcome=outcome)))

    step = 1e-5
    for name, value in (("smoker", step), ("diabetes", step), ("sbp", 130 + step), ("tc", 4.8 + step)):
        np.testing.assert_allclose((log_hazard(**{name: value}) - log_hazard()) / step, slopes[name][:, age], atol=1e-6)
    np.testing.assert_allclose((log_hazard(hdl=1.3 + step) - log_hazard()) / step, slopes["hdl"][:, age], atol=1e-6)
    for slope in slopes.values():
        np.testing.assert_array_equal(slope[:, 0], slope[:, 30])
        np.testing.assert_array_equal(slope[:, 79], slope[:, 110])


def test_a_parameter_chooses_the_equation_that_ranks(params):
    by_default = first_event_slopes(params)
    np.testing.assert_array_equal(by_default["sbp"], score2.slopes_by_age(score2.load_score2(params))["sbp"])
    american = params.override([("risk.equation", "prevent")])
    for outcome in ("chd", "stroke"):
        chosen = first_event_slopes(american, outcome)
        expected = prevent.slopes_by_age(prevent.load_prevent(american), outcome)
        assert chosen.keys() == by_default.keys()
        for name, slope in chosen.items():
            np.testing.assert_array_equal(slope, expected[name])
            assert slope.shape == by_default[name].shape
    assert (first_event_slopes(american)["smoker"] > 0).all()
    assert not {"risk.prevent", "risk.score2", "risk.equation"} & set(params.unused())  # whichever is chosen


def test_the_equation_ranks_and_does_not_set_the_level(params):
    """With another equation first events are other people's, and as many."""
    cohort = cohort_from_population(_people.make_people(15_000), params)
    rates = {}
    for name in EQUATIONS:
        chosen = params.override([("risk.equation", name)])
        row = build_health(chosen, cohort, "NL").transition("mi_first")
        rates[name] = hazards(row, cohort)
        offered = [first_event_slopes(chosen, outcome)["sbp"] for outcome in ("ascvd", "chd")]
        assert any(np.array_equal(row.slopes["sbp"], slope) for slope in offered), name
    able = (cohort.age >= 50) & (rates["score2"] > 0)
    assert rates["prevent"].sum() == pytest.approx(rates["score2"].sum(), rel=1e-3)
    assert np.log(rates["prevent"][able] / rates["score2"][able]).std() > 0.05


def test_unknown_equations_and_outcomes_are_refused(params, us):
    with pytest.raises(ScenarioError, match="did you mean 'score2'"):
        chosen_equation(params.override([("risk.equation", "score-2")]))
    with pytest.raises(DataError, match="did you mean 'stroke'"):
        prevent.slopes_by_age(us, "strok")
    with pytest.raises(DataError, match="10 or 30"):
        prevent.prevent_risk(us, **PREVENT_PEOPLE, years=20)
