import dataclasses
from datetime import date

import pytest

from paysim import catalog
from paysim.errors import ScenarioError
from paysim.scenario import BudgetNeutrality, load_scenario, resolved

CANONICAL = """
schema: 1
name: achterhoek_four_models
title: Achterhoek under four ways of paying general practice
region: achterhoek
start: 2021-01-01
horizon_years: 10
base_years: 3
price_year: 2023
discounting: {costs: 0.03, effects: 0.015}
seed: 1
replicates: 1
diseases: [mortality, ischaemic_heart_disease, stroke, diabetes]
current: dutch_today          # an arm below
compare_with: [dutch_today, fee_for_service]
arms:
  - name: dutch_today
    contracts: [nl/gp_segments_1_2_3, nl/hospital_tariffs, nl/deductible]
  - name: fee_for_service
    contracts: [nl/gp_fee_for_service, nl/hospital_tariffs, nl/deductible]
    budget_neutral_to: {arm: dutch_today, on: general_practice}
    behaviour: {name: profit_altruism}
  - name: mixed
    contracts:
      - name: gp_mixed
        payer: insurers
        providers: practices
        components:
          - {kind: capitation, share: 0.6, rate_eur_per_person_year: 220, weights: [age, deprivation]}
          - {kind: fee_for_service, share: 0.4, schedule: nl/gp_fees_2023}
      - nl/hospital_tariffs
      - nl/deductible
    budget_neutral_to: {arm: dutch_today, on: general_practice}
"""

SHORT = """
schema: 1
name: short
region: achterhoek
start: 2021-01-01
horizon_years: 1
price_year: 2023
discounting: {costs: 0, effects: 0}
diseases: [mortality]
current: today
arms:
  - name: today
    contracts: [nl/gp_segments_1_2_3]
"""


def test_the_canonical_scenario_is_read_as_it_stands(write):
    scenario = load_scenario(write("s.yaml", CANONICAL))
    assert scenario.start == date(2021, 1, 1)
    assert (scenario.horizon_years, scenario.base_years, scenario.price_year) == (10, 3, 2023)
    assert (scenario.discounting.costs, scenario.discounting.effects) == (0.03, 0.015)
    assert [arm.name for arm in scenario.arms] == ["dutch_today", "fee_for_service", "mixed"]
    assert scenario.compare_with == ("dutch_today", "fee_for_service")
    mixed = scenario.arm("mixed")
    assert [contract.name for contract in mixed.contracts] == ["gp_mixed", "hospital_tariffs", "deductible"]
    assert [(part.kind, part.share) for part in mixed.contracts[0].components] == [
        ("capitation", 0.6),
        ("fee_for_service", 0.4),
    ]
    assert mixed.budget_neutral_to == BudgetNeutrality("dutch_today", "general_practice")
    assert mixed.behaviour.name == "passive"
    assert scenario.arm("fee_for_service").behaviour.name == "profit_altruism"


def test_what_a_file_leaves_out_has_its_default(write):
    scenario = load_scenario(write("s.yaml", SHORT))
    assert (scenario.title, scenario.base_years, scenario.seed, scenario.replicates) == ("short", 3, 1, 1)
    assert scenario.compare_with == ("today",)
    assert scenario.parameters == ()
    assert scenario.population == "open"
    status = {row["name"]: row["status"] for row in resolved(scenario)}
    assert status["seed"] == "default"
    assert status["horizon_years"] == "scenario"
    assert status["arms.today.behaviour"] == "default"


def test_a_closed_cohort_is_an_option(write):
    scenario = load_scenario(write("s.yaml", SHORT + "population: closed\n"))
    assert scenario.population == "closed"
    row = next(row for row in resolved(scenario) if row["name"] == "population")
    assert (row["value"], row["status"]) == ("closed", "scenario")
    with pytest.raises(
        ScenarioError, match=r"population: unknown kind of population; found half; allowed: open, closed"
    ):
        dataclasses.replace(scenario, population="half")


def test_a_scenario_is_frozen(write):
    scenario = load_scenario(write("s.yaml", SHORT))
    with pytest.raises(dataclasses.FrozenInstanceError):
        scenario.seed = 2


def test_overrides_keep_the_place_where_they_were_written(write):
    text = SHORT + "parameters:\n  - {name: care.minutes, value: 12}\n  - {name: care.knots, value: [1, 2]}\n"
    path = write("s.yaml", text)
    first, second = load_scenario(path).parameters
    assert first == ("care.minutes", 12.0, str(path), 15, 12)
    assert second.value == (1.0, 2.0)


def test_an_unknown_arm_names_the_nearest(write):
    scenario = load_scenario(write("s.yaml", CANONICAL))
    with pytest.raises(ScenarioError, match="did you mean 'mixed'"):
        scenario.arm("mixd")


def test_resolved_rows_say_unit_source_and_status_of_every_value(write):
    rows = resolved(load_scenario(write("s.yaml", CANONICAL)))
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names))
    assert all(row["unit"] and row["source"] and row["status"] for row in rows)
    assert {row["name"]: row["value"] for row in rows}["discounting.effects"] == 0.015


def test_the_same_file_has_the_same_fingerprint(write):
    one, two = write("a.yaml", SHORT), write("b.yaml", SHORT)
    assert load_scenario(one).sha256 == load_scenario(two).sha256
    assert load_scenario(write("c.yaml", SHORT + "seed: 2\n")).sha256 != load_scenario(one).sha256


FEWER_ARMS = {
    "be/middenkempen_gp_payment": 4,
    "be/middenkempen_integreo": 4,
    "be/middenkempen_task_shifting": 4,
    "de/achterhoek_kinzigtal": 2,
    "nl/achterhoek_hospital_budget": 3,
    "nl/achterhoek_learning_cycle": 4,
    "nl/achterhoek_pioneer_site": 4,
    "nl/achterhoek_plot": 4,
    "nl/achterhoek_shared_savings": 3,
    "nl/achterhoek_solo_practices": 4,
    "nl/gelderse_vallei_plot": 4,
    "uk/middenkempen_quality_targets": 2,
    "us/achterhoek_episode_bundle": 3,
    "us/achterhoek_prepaid_rural": 3,
    "us/achterhoek_severity_groups": 4,
    "us/achterhoek_primary_care_first": 2,
    "us/achterhoek_shared_savings": 4,
    "us/middenkempen_convener": 4,
}


@pytest.mark.parametrize("name", catalog.names("scenarios"))
def test_every_shipped_scenario_loads_under_the_name_of_its_file(name):
    scenario = load_scenario(name)
    assert scenario.name == name.rpartition("/")[2]
    assert len(scenario.arms) >= FEWER_ARMS.get(name, 5)
