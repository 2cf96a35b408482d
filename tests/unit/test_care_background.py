"""Background care, end of life, and the script that fits them."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from paysim.care.background import (
    BACKGROUND_SERVICES,
    background_costs,
    category_shares,
    flag_extras,
    natural_spline,
    with_residual,
    with_unmodelled,
)
from paysim.care.model import FOLDER, care_parameters
from paysim.care.rates import standard_population
from paysim.engine.model import build_model
from paysim.errors import DataError, ScenarioError
from paysim.kernel.spec import AGES
from paysim.parameters import Override
from tests.toy import few_people_model

TOOL = Path(__file__).parents[2] / "tools" / "fit_background.py"


@pytest.fixture(scope="module")
def background():
    return background_costs(care_parameters("NL"))


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("fit_background", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["fit_background"] = module
    spec.loader.exec_module(module)
    return module


def test_the_spline_is_the_natural_cubic_spline():
    x, y = np.array([0.5, 4, 9, 30, 72, 96]), np.array([8.0, 7.2, 6.9, 6.8, 8.1, 8.2])
    at = np.linspace(0.5, 96, 301)
    assert natural_spline(x, y, at) == pytest.approx(CubicSpline(x, y, bc_type="natural")(at), abs=1e-10)


def test_the_spline_is_level_outside_its_knots():
    x, y = np.array([10.0, 20, 30]), np.array([1.0, 3.0, 2.0])
    assert natural_spline(x, y, np.array([0.0, 100.0])) == pytest.approx([1.0, 2.0])


def test_background_is_positive_smooth_and_rises_with_age(background):
    total = background.total()
    assert background.eur_per_year.shape == (5, 2, AGES)
    assert (background.eur_per_year >= 0.0).all()
    assert (total[:, 75] > 1.5 * total[:, 20]).all()
    assert np.abs(np.diff(np.log(total[:, 1:]))).max() < 0.25


def test_mental_health_care_is_for_adults_and_nursing_for_the_old(background):
    share = background.eur_per_year / background.total()
    mental, nursing = (
        BACKGROUND_SERVICES.index("background_mental"),
        BACKGROUND_SERVICES.index("background_nursing"),
    )
    assert (share[mental, :, 8] < 0.05).all()
    assert (share[mental, :, 30] > 0.1).all()
    assert (share[nursing, :, 90] > 0.2).all()
    assert (share[nursing, :, 40] < 0.05).all()


def test_the_error_of_the_fit_is_stated_and_small():
    header = (FOLDER / "background_knots.csv").read_text()
    stated = re.search(r"max ([0-9]\.[0-9]+), mean ([0-9]\.[0-9]+)", header)
    assert stated
    assert float(stated[1]) < 0.05
    assert float(stated[2]) < 0.02


def test_no_more_than_ten_knots_per_sex_are_shipped():
    table = care_parameters("NL").table("care.background_knots")
    for sex in "MF":
        assert table["sex"].count(sex) <= 10


def test_the_last_year_of_life_takes_about_a_tenth_of_curative_cost(background):
    """NL 2013: 10 percent. Extra at death + an ordinary year, over payments of 3,151 euro a head in 2023.

    Admissions and diseases of those who die, about 4% more, are not in it.
    """
    table = care_parameters("NL")
    population = standard_population(table)
    deaths = population * np.minimum(0.00004 * np.exp(0.095 * np.arange(AGES)), 1.0)
    deaths *= 0.0087 * population.sum() / deaths.sum()  # 152,000 of 17.5 million
    extra = (deaths * background.end_of_life_eur).sum() / population.sum()
    ordinary = (deaths * background.total()).sum() / population.sum()
    assert 0.04 < (extra + ordinary) / 3151 < 0.09


def test_extras_by_flag_are_split_over_services(background):
    costs = care_parameters("NL").group("disease_costs")
    names = [service.removeprefix("background_") for service in BACKGROUND_SERVICES]
    for name in costs:
        flag, _, ending = name.rpartition("_")
        assert background.flag_extra_eur[flag][names.index(ending)] == costs[name]
    given = sum(costs[name] for name in costs)
    assert sum(extra.sum() for extra in background.flag_extra_eur.values()) == pytest.approx(given)


def test_a_cost_of_no_service_is_refused():
    row = care_parameters("NL").row("disease_costs.pad_hospital")
    with pytest.raises(DataError, match="<flag>_<service>"):
        background_costs(care_parameters("NL").with_rows([replace(row, name="disease_costs.pad_dentist")]))


@pytest.mark.parametrize("quarters", [0.0, 1.5])
def test_episodes_of_part_of_a_quarter_are_refused(quarters):
    name = "care.mental_episode_quarters"
    with pytest.raises(ScenarioError, match="mental_episode_quarters"):
        background_costs(care_parameters("NL").override([(name, quarters)]))


def test_the_mean_of_an_episode_is_that_of_the_draws(background):
    """Twelve uniforms less six: the moment generating function of a uniform, to the twelfth."""
    sigma = background.episodes.sigma
    u = (np.arange(4000) + 0.5) / 4000
    by_sum = np.array([np.exp(each * (u - 0.5)).mean() ** 12 for each in sigma])
    assert background.episodes.mean == pytest.approx(by_sum, rel=1e-5)
    none = replace(background.episodes, sigma=np.zeros(5))
    assert (none.mean == 1.0).all()


def test_a_fit_recovers_known_knots(tool):
    population = standard_population(care_parameters("NL"))
    low = np.arange(0, 95, 5)
    fixed = np.full((2, AGES), 500.0)
    costs = {"sex": ["M"] * 19 + ["F"] * 19, "age_lo": np.tile(low, 2), "euro_per_insured_year": np.zeros(38)}
    for k, sex in enumerate("MF"):
        x = np.array(tool.KNOTS[sex], float)
        true = 7.0 + 0.01 * x
        total = fixed[k] + np.exp(natural_spline(x, true, np.arange(AGES) + 0.5))
        band = np.minimum(np.arange(AGES) // 5, 18)
        costs["euro_per_insured_year"][19 * k : 19 * k + 19] = np.bincount(band, population[k] * total) / np.bincount(
            band, population[k]
        )
    knots, errors = tool.fit_knots(costs, fixed, population)
    assert np.abs(errors).max() < 0.002
    assert knots["M"] == pytest.approx(7.0 + 0.01 * np.array(tool.KNOTS["M"]), abs=0.05)


def test_category_levels_reach_their_totals(tool):
    population = standard_population(care_parameters("NL"))
    total = background_costs(care_parameters("NL")).total()
    mean = (population * total).sum() / population.sum()
    wanted = np.array([0.5, 0.2, 0.1, 0.1, 0.1]) * mean
    index, reached = tool.fit_shares(total, wanted, population, tool.read_any_table(tool.SHAPES))
    assert reached == pytest.approx(wanted, rel=1e-6)
    assert category_shares(index).sum(axis=0) == pytest.approx(1.0)


def test_costs_of_a_disease_that_is_left_out_stay_with_its_sex_and_age(background):
    age = np.array([62, 62, 63, 63, 90, 90, 30, 30])
    sex = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    ill = np.array([1, 0, 0, 0, 1, 1, 0, 0], bool)
    before = SimpleNamespace(sex=sex, age=age, flags={"copd": ill, "diabetes": ill})
    after = SimpleNamespace(sex=sex, age=age, flags={"copd": np.zeros(8, bool), "diabetes": ill})
    found = with_unmodelled(background, before, after)
    more = found.eur_per_year - background.eur_per_year
    extra = background.flag_extra_eur["copd"]
    np.testing.assert_allclose(more[:, sex, age].sum(axis=1), extra * ill.sum())  # nothing is lost, nothing added
    np.testing.assert_allclose(more[:, 0, 60], extra / 4)
    assert not more[:, 1, 30].any()
    assert with_unmodelled(background, before, before) is background


def test_a_study_of_uncertainty_leaves_payments_by_sex_and_age_where_they_are(background):
    """What a disease costs more is taken from the others of its sex and age, not added to the nation."""
    age, sex = np.array([62, 62, 63, 63, 90, 90]), np.array([0, 0, 0, 0, 1, 1])
    people = SimpleNamespace(sex=sex, age=age, flags={"diabetes": np.array([1, 0, 0, 0, 0, 1], bool)})
    more = {flag: 1.2 * extra for flag, extra in background.flag_extra_eur.items()}
    studied = replace(background, flag_extra_eur=more)
    found = with_residual(studied, background.flag_extra_eur, people)

    def paid(costs):
        per_flag = people.flags["diabetes"] * costs.flag_extra_eur["diabetes"][:, None]
        return costs.eur_per_year[:, sex, age] + per_flag

    ill = people.flags["diabetes"]
    for band in (age < 70, age > 70):
        np.testing.assert_allclose(paid(found)[:, band].sum(axis=1), paid(background)[:, band].sum(axis=1))
    assert (paid(found)[:, ill].sum(axis=0) > paid(background)[:, ill].sum(axis=0)).all()
    assert with_residual(background, background.flag_extra_eur, people) is background
    huge = replace(background, flag_extra_eur={"diabetes": np.full(5, 1e6)})
    assert with_residual(huge, background.flag_extra_eur, people).eur_per_year.min() == 0.0


@pytest.mark.parametrize(("file", "stays"), [("", True), ("scenario.yaml", False)])
def test_what_a_user_writes_adds_costs_and_what_a_study_varies_does_not(file, stays):
    name = "disease_costs.diabetes_pharmacy"
    value = 1.5 * care_parameters("NL")[name]
    before = few_people_model()
    changed = replace(before.scenario, parameters=(Override(name, value, file),))
    after = build_model(changed, population=before.population)
    same = before.care.background.eur_per_year == after.care.background.eur_per_year
    assert same.all() is np.bool_(not stays)
    assert after.care.background.flag_extra_eur["diabetes"][1] == pytest.approx(value)
    assert flag_extras(care_parameters("NL"))["diabetes"][1] == pytest.approx(value / 1.5)
