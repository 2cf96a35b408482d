"""Diseases and treatments at the start: how many of a sex and age, who, and that they are the same in a sample."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from paysim.diseases.ages import TEN_YEARS
from paysim.diseases.health import cohort_from_population, health_parameters, module
from paysim.diseases.treatments.model import TREATMENTS
from paysim.errors import ScenarioError
from paysim.population import load_region, synthesize
from paysim.population.conditions import CONDITIONS
from paysim.population.keys import Domain, Trait, keys, uniform
from paysim.population.schema import COLUMN_NAMES

ERRORS = 4.0
"""Standard errors: about one in 16,000 for each of some hundred comparisons; the seed is fixed."""

# Column, level from which on a person counts, disease folder, states of `stages` that add up to it.
SHARES = [
    ("diabetes", 1, "diabetes", ("diabetes",)),
    ("poor_control", 1, "diabetes", ("poor_control",)),
    ("microvascular", 1, "diabetes", ("microvascular",)),
    ("prior_mi", 1, "ischaemic_heart_disease", ("prior_mi",)),
    ("prior_stroke", 1, "stroke", ("prior_stroke",)),
    ("dementia", 2, "dementia", ("severe", "nursing_home")),
    ("nursing_home", 1, "dementia", ("nursing_home",)),
    *((each.column, 1, each.disease.__name__.split(".")[-2], each.levels) for each in CONDITIONS),
    *(("ckd", k, "chronic_kidney_disease", ("ckd_3a", "ckd_3b", "ckd_4", "ckd_5")[k - 1 :]) for k in (2, 3, 4)),
    *(("cancer", k, "cancer", ("cancer_good", "cancer_mid", "cancer_poor")[k - 1 :]) for k in (2, 3)),
]


@pytest.fixture(scope="module")
def region():
    return load_region("middenkempen")


@pytest.fixture(scope="module")
def people(region):
    return synthesize(region, seed=11)


@pytest.fixture(scope="module")
def params():
    return health_parameters("BE")


@pytest.fixture(scope="module")
def cohort(people, params):
    return cohort_from_population(people, params)


def banded(cohort, chance, drawn):
    """Return expected and drawn cases and the variance of the draw by sex and ten years of age, ``[2, 8]`` each."""
    by_age = (chance, drawn, chance * (1 - chance))
    return [TEN_YEARS.sums(cohort.by_age(each)) for each in by_age]


@pytest.mark.parametrize(("column", "level", "disease", "states"), SHARES)
def test_shares_by_sex_and_age_are_what_new_cases_and_survival_imply(
    people, cohort, params, column, level, disease, states
):
    share = sum(module(disease).stages(params)[state] for state in states)
    drawn = (getattr(people, column) >= level).astype(float)
    wanted, found, variance = banded(cohort, cohort.at(share), drawn)
    assert (np.abs(found - wanted) <= ERRORS * np.sqrt(variance) + 1e-9).all(), (found - wanted) / np.sqrt(variance)
    assert wanted.sum() > 5


@pytest.mark.parametrize(("column", "recent", "disease"), [("prior_mi", "recent_mi", "ischaemic_heart_disease")])
def test_recent_events_are_as_many_as_of_one_year(cohort, params, column, recent, disease):
    wanted, found, variance = banded(cohort, cohort.at(module(disease).stages(params)[recent]), cohort.has(recent))
    assert (np.abs(found - wanted) <= ERRORS * np.sqrt(variance) + 1e-9).all()
    assert not (cohort.has(recent) & ~cohort.has(column)).any()


def test_cancer_within_the_year_and_survivors(cohort, params):
    model, found = module("cancer"), module("cancer").stages(params)
    new = sum(found[flag] * share for flag, share in model.recent_shares(params).items())
    for flag, share in (("recent_cancer", new), ("cancer_survivor", found["cancer_survivor"])):
        wanted, drawn, variance = banded(cohort, cohort.at(share), cohort.has(flag))
        assert (np.abs(drawn - wanted) <= ERRORS * np.sqrt(variance) + 1e-9).all(), flag
    active = cohort.any_of(model.ACTIVE)
    assert not (cohort.has("recent_cancer") & ~active).any()
    assert not (cohort.has("cancer_survivor") & active).any()


def ratio(cohort, flag, exposed):
    """Return cases among the exposed over those expected from the others of the same sex and ten years of age."""
    ill = cohort.has(flag).astype(float)
    other, cases = (TEN_YEARS.sums(cohort.by_age(x)) for x in (~exposed, ill * ~exposed))
    rate = np.divide(cases, other, out=np.zeros_like(cases), where=other > 0)
    expected = (TEN_YEARS.sums(cohort.by_age(exposed)) * rate).sum()
    found = ill[exposed].sum()
    assert expected > 10, f"too few {flag} to tell"
    return found / expected, 1 / np.sqrt(expected)


@pytest.mark.parametrize(
    ("flag", "group", "parameter"),
    [
        ("copd", "smoker", "copd.hr_smoker"),
        ("copd", "ex_smoker", "copd.hr_ex_smoker"),
        ("pad", "smoker", "peripheral_arterial_disease.hr_smoker"),
        ("pad", "diabetes", "peripheral_arterial_disease.hr_diabetes"),
        ("heart_failure", "prior_mi", "heart_failure.hr_prior_mi"),
        ("heart_failure", "diabetes", "heart_failure.hr_diabetes"),
        ("heart_failure", "copd", "heart_failure.hr_copd"),
        ("depression", "prior_mi", "depression.hr_prior_mi"),
        ("dementia", "prior_stroke", "dementia.hr_prior_stroke"),
        ("dementia", "diabetes", "dementia.hr_diabetes"),
    ],
)
def test_who_is_at_risk_is_more_often_ill(cohort, params, flag, group, parameter):
    """Prevalence follows the hazard ratio in direction, and in size as far as odds and hazards agree."""
    found, error = ratio(cohort, flag, cohort.has(group))
    stated = params[parameter]
    assert found > 1 + error, (found, error)
    assert found < 1.5 * stated + 4 * error
    if stated > 2.5:
        assert found > 1 + 0.3 * (stated - 1)


def test_diabetics_have_more_kidney_disease(cohort):
    stages = np.zeros(len(cohort), bool)
    for flag in module("chronic_kidney_disease").FLAGS:
        stages |= cohort.has(flag)
    diabetes = cohort.has("diabetes")
    for low, high in ((60, 70), (70, 80)):
        band = (cohort.age >= low) & (cohort.age < high)
        assert stages[band & diabetes].mean() > 1.2 * stages[band & ~diabetes].mean()


@pytest.mark.parametrize("flag", ["copd", "dementia", "depression"])
def test_low_education_means_more_of_it(cohort, flag):
    low, error = ratio(cohort, flag, cohort.education == 0)
    assert low > 1 + 2 * error


def test_conditions_come_together(cohort):
    """More people have three or more conditions than if those of a sex and age were independent."""
    flags = ("diabetes", "prior_mi", "prior_stroke", "pad", "heart_failure", "copd", "dementia", "ckd_3a", "angina")
    held = np.stack([cohort.has(flag) for flag in flags])
    share = np.stack([cohort.at(_share(cohort, each)) for each in held])
    # Distribution of a sum of independent trials, person by person.
    chance = np.zeros((len(flags) + 1, len(cohort)))
    chance[0] = 1.0
    for p in share:
        chance[1:] = chance[1:] * (1 - p) + chance[:-1] * p
        chance[0] *= 1 - p
    expected, found = chance[3:].sum(), (held.sum(axis=0) >= 3).sum()
    assert found > expected + 6 * np.sqrt(expected)


def _share(cohort, held):
    persons = cohort.by_age()
    return np.divide(cohort.by_age(held), persons, out=np.zeros_like(persons), where=persons > 0)


def test_states_fit_together(people):
    assert not ((people.nursing_home == 1) & (people.dementia < 2)).any()
    assert not ((people.poor_control == 1) & (people.diabetes == 0)).any()
    assert not ((people.microvascular == 1) & (people.diabetes == 0)).any()
    assert not ((people.smoker == 1) & (people.ex_smoker == 1)).any()


@pytest.mark.parametrize("treatment", [each for each in TREATMENTS if each.flag in COLUMN_NAMES], ids=lambda t: t.flag)
def test_treatments_are_for_the_indicated(people, cohort, params, treatment):
    held = getattr(people, treatment.flag) == 1
    able = cohort.any_of(treatment.indication)
    for flag in treatment.needs:
        able &= cohort.has(flag)
    assert not (held & ~able).any()
    coverage = params[f"treatments.{treatment.flag}_coverage"]
    error = np.sqrt(able.sum() * coverage * (1 - coverage))
    assert abs(held.sum() - coverage * able.sum()) <= ERRORS * error


def test_rehabilitation_is_for_people_after_infarction(cohort, params):
    held, able = cohort.has("rehabilitation"), cohort.has("prior_mi")
    assert not (held & ~able).any()
    assert held.sum() / able.sum() == pytest.approx(params["treatments.rehabilitation_coverage"], abs=0.05)


def test_a_sample_holds_the_same_people(people, region):
    sample = synthesize(region, seed=11, sample=4_000)
    columns = [each.column for each in CONDITIONS] + ["nursing_home", "poor_control", "microvascular"]
    for name in (*columns, *(each.flag for each in TREATMENTS if each.flag in COLUMN_NAMES)):
        np.testing.assert_array_equal(getattr(sample, name), getattr(people, name)[sample.person], err_msg=name)


def test_more_of_one_disease_leaves_all_others_as_they_are(people, region, params):
    """Draws are keyed by person and column: only what depends on dementia may follow it."""
    more = synthesize(
        region, seed=11, health_values=params.override([("dementia.level", 2 * params["dementia.level"])])
    )
    assert (more.dementia > 0).sum() > 1.3 * (people.dementia > 0).sum()
    assert not ((people.dementia > 0) & (more.dementia == 0)).any()
    for name in COLUMN_NAMES:
        if name not in ("dementia", "nursing_home"):
            np.testing.assert_array_equal(getattr(more, name), getattr(people, name), err_msg=name)


def test_published_prevalence_is_an_option(region):
    published = region.override([("population.prevalence", "published")])
    people = synthesize(published, seed=11)
    age = np.minimum(people.age.astype(int), 110)
    for name in ("diabetes", "prior_mi", "prior_stroke"):
        columns, rows = published.rows(name)
        chance = np.where(rows >= 0, columns["prevalence"][rows], 0.0)[people.sex, age]
        error = np.sqrt((chance * (1 - chance)).sum())
        assert abs(getattr(people, name).sum() - chance.sum()) < ERRORS * error, name


def test_another_source_of_prevalence_is_refused(region):
    with pytest.raises(ScenarioError, match="stationary"):
        synthesize(region.override([("population.prevalence", "guessed")]), seed=11)


def test_a_draw_depends_on_the_name_of_its_column_and_not_on_its_place(people, params):
    draw = keys(people.seed, Domain.PERSON, people.person)
    for each in TREATMENTS:
        if each.flag in COLUMN_NAMES and each.flag not in ("statin", "enrolled"):
            number = int.from_bytes(hashlib.sha256(each.flag.encode()).digest()[:8], "little")
            takers = getattr(people, each.flag) == 1
            assert (uniform(draw, Trait.TREATMENT, number)[takers] < params[f"treatments.{each.flag}_coverage"]).all()
