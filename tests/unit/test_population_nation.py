"""Levels of a region beside those of its nation: as its education, smoking and body mass say, and no more."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest

from paysim.diseases.ages import FIVE_YEARS, TEN_YEARS
from paysim.diseases.cohort import Cohort, hazards
from paysim.diseases.disease import Context, Onset, onset_row
from paysim.diseases.health import build_health, cohort_from_population, deaths_at_base, expected_at_base
from paysim.diseases.health import health_parameters as health_values
from paysim.diseases.risk.factors import load_risk_factors
from paysim.kernel.spec import AGES
from paysim.population import load_region, synthesize
from paysim.population.ages import single_ages
from paysim.population.nation import NATIONS, nation, national_shares, scores, shares, standard_people, weights
from paysim.population.profile import NATIONAL
from paysim.population.schema import EDUCATION

LESS_SCHOOL = [
    (f"population.education_{level}", share) for level, share in zip(EDUCATION, (0.5, 0.35, 0.15), strict=True)
]
PARAMS = health_values("NL")
TABLES = load_risk_factors(PARAMS)


@pytest.fixture(scope="module")
def less_school():
    return load_region("achterhoek").override(LESS_SCHOOL)


@pytest.fixture(scope="module")
def people(less_school):
    return synthesize(less_school, seed=5, sample=60_000)


@pytest.fixture(scope="module")
def cohort(people):
    return cohort_from_population(people, PARAMS)


@pytest.fixture(scope="module")
def standard(less_school, people, cohort):
    return standard_people(less_school, people, cohort, TABLES)


@pytest.fixture(scope="module")
def model(cohort, standard):
    return build_health(PARAMS, cohort, "NL", standard=standard)


@pytest.mark.parametrize("name", [*NATIONS.values(), "middenkempen"])
def test_people_of_the_nation_and_of_regions_without_margins_of_their_own_are_standard(name):
    region = load_region(name)
    sex, age, education, smoker = np.array([0, 1]), np.array([30, 70]), np.array([0, 2]), np.array([0, 1])
    assert weights(region, sex, age, education, smoker) is None
    assert scores(region) is None


def test_standard_people_have_the_education_and_smoking_of_the_nation(standard, people):
    national = national_shares("NL")
    expected = np.zeros((3, 2, len(people)))
    for level in range(3):
        share = national.education[people.sex, people.completed_age, level]
        smoking = national.smoking[people.sex, people.completed_age, level]
        expected[level] = share * (1 - smoking), share * smoking
    assert expected.sum() == pytest.approx(len(people))
    for level in range(3):
        for smoker in range(2):
            found = TEN_YEARS.sums(standard.by_age((people.education == level) & (people.smoker == smoker)))
            alike = replace(standard, weight=None)
            wanted = TEN_YEARS.sums(alike.by_age(expected[level, smoker]))
            some = wanted > 50
            # a weighted count of people drawn independently
            error = np.sqrt(wanted * standard.weight.max())
            assert (np.abs(found - wanted)[some] < 4.5 * error[some]).all()
    assert (people.education == 0).mean() > 0.4 > expected[0].sum() / len(people)


def test_levels_hold_on_standard_people(model, standard):
    """Admissions, deaths and utility of people like the nation's are the national ones, by sex and age."""
    found = expected_at_base(model, standard)
    for row in found["events"]:
        if not row["floored"] and row["persons"] >= 50:
            assert row["expected"] == pytest.approx(row["target"], rel=1e-3)
    for row in found["utility"]:
        if row["persons"] >= 50:
            assert row["mean"] == pytest.approx(row["norm"], abs=1e-3)
    persons = FIVE_YEARS.sums(standard.by_age())
    levelled = FIVE_YEARS.sums(standard.by_age() * model.reference["life_table"])
    deaths = FIVE_YEARS.sums(deaths_at_base(model, standard)) - model.report["shortfall_deaths"]
    assert deaths[persons >= 50] == pytest.approx(levelled[persons >= 50], rel=1e-3)


def test_a_region_of_less_school_has_more_new_cases_and_deaths(model, cohort, standard):
    own = {row.name: hazards(row, cohort).sum() for row in model.transitions}
    nation = {row.name: standard.total(hazards(row, standard)) for row in model.transitions}
    for name in ("mi_first", "diabetes_onset", "copd_onset", "dementia_onset", "depression_onset", "death_background"):
        assert own[name] > 1.005 * nation[name], name
    assert own["death_background"] > 1.05 * nation["death_background"]
    for flag in ("diabetes", "prior_mi", "copd", "smoker"):
        assert cohort.has(flag).mean() > 1.02 * standard.total(cohort.has(flag)) / standard.total(np.ones(len(cohort)))


def test_new_cases_follow_education_in_closed_form():
    """One slope on low education: the region over the nation is the ratio of ``1 + share of low (HR - 1)`` by age."""
    ratio, rate = 3.0, np.full((2, AGES), 0.01)
    region = load_region("achterhoek").override(LESS_SCHOOL)
    own, national = shares(region).education[:, :, 0], national_shares("NL").education[:, :, 0]
    n = 400
    sex, age, number = (x.ravel() for x in np.meshgrid([0, 1], np.arange(40, 50), np.arange(n), indexing="ij"))
    education = np.where((number + 0.5) / n < own[sex, age], 0, 1)
    covariates = np.zeros((len(sex), TABLES.mean.shape[2] + 4))
    cohort = Cohort(sex, age, covariates, {}, np.zeros(len(sex)), education)
    cohort.covariates[:, _column("edu_low")] = education == 0
    weight = np.where(education == 0, (national / own)[sex, age], ((1 - national) / (1 - own))[sex, age])
    context = Context(PARAMS, replace(cohort, weight=weight), cohort, TABLES, ())
    row = onset_row(context, "ill", "ill", Onset(rate, {"edu_low": float(np.log(ratio))}))
    found = cohort.by_age(hazards(row, cohort))[:, 40:50].sum() / (n * 20 * 0.01)
    by_age = (1 + own * (ratio - 1)) / (1 + national * (ratio - 1))
    assert found == pytest.approx(by_age[:, 40:50].mean(), rel=0.01)
    assert found > 1.1


def _column(name):
    from paysim.kernel.spec import COVARIATES

    return COVARIATES.index(name)


def test_people_counted_have_the_weights_that_make_them_the_nation():
    rng = np.random.default_rng(2)
    n = 40_000
    sex, age = rng.integers(0, 2, n), rng.integers(40, 70, n)
    education, smoker = rng.choice(3, n, p=[0.6, 0.3, 0.1]), rng.random(n) < 0.5
    weight = weights(load_region("achterhoek"), sex, age, education, smoker, drawn=False)
    national = national_shares("NL")
    assert np.average(education == 0, weights=weight) == pytest.approx(national.education[sex, age, 0].mean(), rel=1e-9)
    expected = (national.education * national.smoking).sum(axis=2)[sex, age].mean()
    assert np.average(smoker, weights=weight) == pytest.approx(expected, rel=1e-9)
    few = weights(load_region("achterhoek"), sex[:30], age[:30], education[:30], smoker[:30], drawn=False)
    assert (few == 1.0).all()


@pytest.fixture
def heavier(root, tmp_path):
    """Achterhoek with a table of its own: body mass two units above that of the nation."""
    shutil.copytree(root / "populations", tmp_path / "populations")
    table = NATIONAL / "nl" / "risk_factors.csv"
    lines = [line for line in table.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    path = tmp_path / "populations" / "tables" / "heavier.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows([row | {"bmi_mean": float(row["bmi_mean"]) + 2.0} for row in rows])
    yaml = tmp_path / "populations" / "achterhoek.yaml"
    own = "tables:\n  - {name: risk_factors, file: tables/heavier.csv, unit: kg/m2, source: test, status: assumed}\n"
    yaml.write_text(yaml.read_text(encoding="utf-8").replace("tables:\n", own, 1), encoding="utf-8")
    return load_region(yaml)


def test_body_mass_of_a_region_reaches_its_diabetes(heavier):
    usual = load_region("achterhoek")
    one, two = (synthesize(each, seed=5, sample=40_000) for each in (usual, heavier))
    cohorts = [cohort_from_population(each, PARAMS) for each in (one, two)]
    bmi = [cohort.covariates[:, _column("bmi")] for cohort in cohorts]
    adult = one.completed_age >= 20
    assert (bmi[1] - bmi[0])[adult].mean() == pytest.approx(2.0, abs=0.1)
    slope = np.log(PARAMS["diabetes.bmi_hr_per_5"]) / 5
    per_person = []
    for region, people, cohort in zip((usual, heavier), (one, two), cohorts, strict=True):
        standard = standard_people(region, people, cohort, TABLES)
        row = build_health(PARAMS, cohort, "NL", standard=standard).transition("diabetes_onset")
        free = ~cohort.has("diabetes")
        per_person.append(hazards(row, cohort)[adult & free].mean())
        assert standard.covariates[adult, _column("bmi")].mean() == pytest.approx(bmi[0][adult].mean(), abs=0.1)
    assert per_person[1] / per_person[0] == pytest.approx(np.exp(2.0 * slope), rel=0.03)
    odds = [cohort.has("diabetes").mean() / (1 - cohort.has("diabetes").mean()) for cohort in cohorts]
    assert np.log(odds[1] / odds[0]) == pytest.approx(2.0 * slope, rel=0.15)


def test_the_nation_is_found_for_every_country():
    for country, name in NATIONS.items():
        assert nation(country).name == name
        assert nation(country).country == country
        education, smoking = (
            single_ages(nation(country))[:, :, None] * x for x in vars(national_shares(country)).values()
        )
        assert education.sum() == pytest.approx(nation(country).persons.total)
        assert smoking.min() >= 0
