"""Utility under the three rules: closed forms, the engine's arithmetic, and the norm met at base."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from paysim.diseases.ages import FIVE_YEARS
from paysim.diseases.cohort import Cohort
from paysim.diseases.health import build_health, cohort_from_population, expected_at_base, health_parameters
from paysim.diseases.quality_of_life import model as quality
from paysim.errors import ScenarioError
from paysim.kernel.spec import AGES, COVARIATES
from paysim.kernel.tables import UTILITY_RULES, compile_tables
from paysim.kernel.transitions import utility_with
from tests.toy import SERVICES, access

_spec = importlib.util.spec_from_file_location("people", Path(__file__).parent / "test_diseases_people.py")
_people = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_people)


@pytest.fixture(scope="module")
def dutch():
    return health_parameters("NL")


@pytest.fixture(scope="module", params=UTILITY_RULES)
def params(request, dutch):
    return dutch.override([("quality_of_life.combination", request.param)])


@pytest.fixture(scope="module")
def ill(dutch):
    """A cohort with many conditions, steeper with age than any single one of the model."""
    cohort = cohort_from_population(_people.make_people(50_000), dutch)
    rng = np.random.default_rng(8)
    old = np.clip((cohort.age - 40) / 50, 0, 1)
    flags = dict(cohort.flags)
    shares = {"dementia": 0.12, "heart_failure": 0.2, "copd": 0.1, "ckd_3a": 0.3, "depression": 0.05}
    for flag, share in shares.items():
        flags[flag] = rng.random(len(cohort)) < share * old**3
    flags["dementia_severe"] = flags["dementia"] & (rng.random(len(cohort)) < 0.5)
    return replace(cohort, flags=flags)


def person(*flags, age=70):
    held = {flag: np.ones(1, bool) for flag in flags}
    return Cohort(np.array([0]), np.array([age]), np.zeros((1, len(COVARIATES))), held, np.zeros(1), np.ones(1))


def utility(params, *flags, base=0.85):
    change, how = quality.decrements(params), quality.combination(params)
    return float(quality.utilities(np.full((2, AGES), base), change, person(*flags), how)[0])


def test_each_rule_in_closed_form(dutch):
    d = {flag: -dutch[f"quality_of_life.{flag}"] for flag in ("copd", "angina", "diabetes")}
    expected = {
        "additive": 0.9 - sum(d.values()),
        "multiplicative": 0.9 * np.prod([1 - each / 0.85 for each in d.values()]),
        "minimum": 0.9 - max(d.values()),
    }
    for rule, value in expected.items():
        params = dutch.override([("quality_of_life.combination", rule)])
        assert utility(params, *d, base=0.9) == pytest.approx(value, abs=1e-15)


def test_one_condition_loses_its_decrement_at_the_reference(params, dutch):
    for flag in set(quality.CONDITIONS) - set(quality.ON_TOP_OF):
        assert utility(params, flag) == pytest.approx(0.85 + dutch[f"quality_of_life.{flag}"]), flag


def test_a_worse_time_belongs_to_its_condition_under_every_rule(params, dutch):
    for flag, conditions in quality.ON_TOP_OF.items():
        for condition in conditions:
            both = dutch[f"quality_of_life.{condition}"] + dutch[f"quality_of_life.{flag}"]
            assert utility(params, condition, flag) == pytest.approx(0.85 + both), flag
    assert utility(params, "dementia", "dementia_severe") == pytest.approx(0.85 - 0.35)


def test_rules_are_ordered_and_more_illness_is_never_better(dutch):
    rng = np.random.default_rng(2)
    alone = [flag for flag in quality.CONDITIONS if flag not in quality.ON_TOP_OF]
    by_rule = {rule: dutch.override([("quality_of_life.combination", rule)]) for rule in UTILITY_RULES}
    for _ in range(60):
        flags = rng.choice(alone, rng.integers(0, 6), replace=False)
        values = {rule: utility(params, *flags) for rule, params in by_rule.items()}
        assert values["additive"] <= values["multiplicative"] + 1e-15
        assert values["multiplicative"] <= values["minimum"] + 1e-15
        for rule, params in by_rule.items():
            assert utility(params, *flags, "dementia") <= values[rule]


def test_utility_is_never_below_zero(dutch):
    added = dutch.override([("quality_of_life.combination", "additive")])
    assert utility(added, *quality.CONDITIONS, base=0.5) == 0.0


def test_the_engine_finds_the_same_utility_to_the_last_bit(params):
    flags = ("statin", *reversed(quality.CONDITIONS), "enrolled")
    change, how = quality.decrements(params, flags), quality.combination(params)
    assert list(change) == [flag for flag in flags if flag in quality.CONDITIONS]
    rng = np.random.default_rng(4)
    n, base = 300, rng.uniform(0.3, 1.0, (2, AGES))
    held = {flag: rng.random(n) < 0.2 for flag in flags}
    cohort = Cohort(rng.integers(0, 2, n), rng.integers(0, AGES, n), np.zeros((n, 1)), held, np.zeros(n), np.zeros(n))
    tables = compile_tables(
        (),
        flags,
        SERVICES,
        access(),
        risk_mean=np.zeros((2, AGES, 4)),
        risk_sd=np.ones((2, AGES, 4)),
        treatment_effects={},
        base_utility=base,
        decrements=change,
        utility_rule=how.rule,
        reference_utility=how.reference,
    )
    bits = sum(held[flag].astype(np.int64) << k for k, flag in enumerate(flags))
    best = base[cohort.sex, cohort.age]
    engine = [utility_with(float(best[i]), int(bits[i]), tables[0]) for i in range(n)]
    np.testing.assert_array_equal(quality.utilities(base, change, cohort, how), engine)


def test_mean_utility_at_base_is_the_norm_under_every_rule(params, ill):
    solved = quality.solve_base_utility(params, ill)
    now = quality.utilities(solved.utility, quality.decrements(params), ill, quality.combination(params))
    persons, norm = ill.by_age(), quality.norms(params)
    people = FIVE_YEARS.sums(persons)
    mean = FIVE_YEARS.sums(ill.by_age(now)) / people
    np.testing.assert_allclose(mean, FIVE_YEARS.sums(persons * norm) / people, atol=1e-8)
    np.testing.assert_allclose(solved.gap, 0, atol=1e-8)
    assert not solved.capped.any()
    many = persons > 250
    by_age = np.divide(ill.by_age(now), persons, out=np.zeros_like(persons), where=persons > 0)
    chance = 3 * 0.12 / np.sqrt(np.maximum(persons, 1))  # three standard errors of a mean over people
    assert (np.abs(by_age - norm)[many] < np.maximum(0.01, chance[many])).all()
    assert np.abs(by_age - norm)[many].mean() < 0.004
    assert (solved.utility >= norm - 0.001).all()


def test_where_the_cap_binds_is_reported(params, ill):
    everybody = replace(ill, flags=dict(ill.flags) | {"dementia": ill.age >= 60, "dementia_severe": ill.age >= 60})
    solved = quality.solve_base_utility(params, everybody)
    assert solved.utility.max() == 1.0
    old = np.array(FIVE_YEARS.starts) >= 60
    assert solved.capped[:, old].any()
    assert not solved.capped[:, ~old].any()
    assert (solved.gap[solved.capped] > 0.01).any()
    np.testing.assert_allclose(solved.gap[~solved.capped], 0, atol=1e-8)


def test_the_rule_reaches_the_model(params, dutch):
    cohort = cohort_from_population(_people.make_people(15_000), dutch)
    model = build_health(params, cohort, "NL")
    assert model.combination.rule == params.get_text("quality_of_life.combination")
    assert list(model.decrement) == [flag for flag in model.flags if flag in quality.CONDITIONS]
    for row in expected_at_base(model, cohort)["utility"]:
        if row["persons"]:
            assert row["mean"] == pytest.approx(row["norm"], abs=1e-6)


def test_wrong_values_are_refused(dutch):
    with pytest.raises(ScenarioError, match="did you mean 'minimum'"):
        quality.combination(dutch.override([("quality_of_life.combination", "minimal")]))
    with pytest.raises(ScenarioError, match="below the decrement"):
        quality.decrements(dutch.override([("quality_of_life.reference_utility", 0.1)]))
