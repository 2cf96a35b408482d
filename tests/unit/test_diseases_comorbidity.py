"""How often two lasting diseases come together, given the hazard ratio of new cases."""

from __future__ import annotations

import numpy as np
import pytest

from paysim.diseases.comorbidity import log_odds_ratio
from paysim.diseases.health import health_parameters
from paysim.diseases.ischaemic_heart_disease import model as ischaemic_heart_disease
from paysim.diseases.mortality.life import life_table_hazard
from paysim.diseases.risk.smart2 import age_term, load_smart2
from paysim.diseases.vascular_events import load_published, recurrence_by_age
from paysim.kernel.spec import AGES
from paysim.population.with_diabetes import LASTING, log_odds

NOBODY_DIES = np.zeros((2, AGES))


def constant(rate):
    return np.full((2, AGES), rate)


def test_diseases_that_do_not_know_of_each_other_come_together_by_chance():
    found = log_odds_ratio(NOBODY_DIES, constant(0.001), constant(0.002), 1.0, (1.0, 1.0))
    np.testing.assert_allclose(found[:, 5:], 0.0, atol=1e-3)


def test_the_ratio_of_new_cases_is_twice_as_far_from_one_as_what_people_have_at_first():
    """Rare diseases at constant rates: half of those with both had the second one first."""
    found = log_odds_ratio(NOBODY_DIES, constant(1e-3), constant(1e-3), 3.0, (1.0, 1.0))
    np.testing.assert_allclose(np.exp(found[:, :10]), 2.0, rtol=0.02)


def test_a_disease_from_birth_leaves_the_ratio_of_new_cases():
    """Half are born with the first disease; the odds ratio of a rare second one is its hazard ratio."""
    early = constant(0.0)
    early[:, 0] = 0.7
    found = log_odds_ratio(NOBODY_DIES, early, constant(1e-4), 3.0, (1.0, 1.0))
    assert np.exp(found[0, 60]) == pytest.approx(3.0, rel=0.03)


def test_those_with_both_die_sooner_unless_the_second_has_deaths_of_its_own():
    life = np.broadcast_to(0.02 * np.exp(0.02 * np.arange(AGES)), (2, AGES)) / 3
    rates = life, constant(0.004), constant(0.004), 1.5
    multiplied = log_odds_ratio(*rates, (2.0, 2.0))[0, 80]
    added = log_odds_ratio(*rates, (2.0, 2.0), own_deaths=True)[0, 80]
    alike = log_odds_ratio(*rates, (1.0, 1.0))[0, 80]
    assert multiplied < alike - 0.05
    assert multiplied < added


@pytest.mark.parametrize("column", sorted(LASTING))
def test_odds_with_diabetes_lie_between_one_and_the_hazard_ratio(column):
    """An odds ratio may exceed the ratio of shares, and so the hazard ratio, by as much as the ill are many: 10%."""
    params = health_parameters("NL")
    prevalence = np.broadcast_to(np.clip((np.arange(AGES) - 30) / 500, 0, 0.1), (2, AGES))
    odds = np.exp(log_odds(params, column, prevalence, 2.0))
    assert ((odds > 1.0) & (odds < 2.0 * 1.11)).all(), (column, odds.min(), odds.max())


def test_recurrences_rise_with_age_around_the_published_mean():
    params = health_parameters("NL")
    term = age_term(load_smart2(params))
    assert term[80] - term[60] == pytest.approx(-0.03496022 * 19.5 + 0.000551072 * (80**2 - 60.5**2))
    assert (term[:40] == term[39]).all()
    assert (np.diff(term[40:80]) > 0).all()
    words = ischaemic_heart_disease.WORDS
    relative = recurrence_by_age(params, words, load_published(params, words.group))
    assert relative.min() < 0.6
    assert relative.max() > 1.3
    assert (life_table_hazard(params) > 0).all()
