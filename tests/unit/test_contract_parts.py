"""A contract used without some of its components, and a schedule paid but for some services."""

from __future__ import annotations

from typing import Any

import pytest

from paysim.care.catalogue import load_services
from paysim.contracts.coverage import warnings_over
from paysim.contracts.terms import read_contract, use_contract
from paysim.errors import ScenarioError
from paysim.reading import Document
from paysim.scenario import load_scenario


def used(**limits: Any) -> Any:
    return use_contract(
        Document({"use": "nl/hospital_tariffs", **limits}, "test"), read_contract("nl/hospital_tariffs")
    )


def test_a_component_left_out_pays_nothing_and_the_others_stay() -> None:
    whole, left = read_contract("nl/hospital_tariffs"), used(without=["hospital"])
    assert [part.name for part in left.components] == [
        part.name for part in whole.components if part.name != "hospital"
    ]
    assert [part.terms for part in left.components] == [p.terms for p in whole.components if p.name != "hospital"]


def test_a_misspelt_component_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"no such component.*hospitl.*did you mean 'hospital'"):
        used(without=["hospitl"])


def test_a_contract_of_nothing_is_refused() -> None:
    names = [part.name for part in read_contract("nl/hospital_tariffs").components]
    with pytest.raises(ScenarioError, match="nothing is left"):
        used(without=names)


def test_services_excepted_are_paid_by_other_terms() -> None:
    tariff, stays = (part.terms for part in read_contract("nl/hospital_admissions").components)
    names = load_services().names
    prices = dict(zip(names, tariff.prices_eur(names), strict=True))
    assert prices["ed_visit"] > 0.0
    assert prices["background_hospital"] == 1.0
    assert prices["admission_mi"] == prices["admission_stroke"] == 0.0
    assert tariff.services_paid() & stays.services_paid() == frozenset()
    everything = read_contract("nl/hospital_tariffs").components[0].terms
    assert tariff.services_paid() | stays.services_paid() == everything.services_paid()


def test_services_excepted_must_be_in_the_schedule() -> None:
    part = {"kind": "tariff", "sector": "hospital", "schedule": [{"service": "ed_visit", "price_eur": 1}]}
    given = {
        "name": "x",
        "payer": "insurers",
        "providers": "sectors",
        "components": [{**part, "except_services": ["gp_visit"]}],
    }
    with pytest.raises(ScenarioError, match="except_services names what the schedule has no price of: gp_visit"):
        read_contract(given)
    given["components"] = [{**part, "except_services": ["ed_visitt"]}]
    with pytest.raises(ScenarioError, match="did you mean 'ed_visit'"):
        read_contract(given)


def test_the_arm_of_admissions_pays_every_service_once() -> None:
    scenario, services = load_scenario("nl/achterhoek_hospital_budget"), load_services()
    arm = scenario.arm("admissions")
    assert not warnings_over(arm.contracts, services.names, services.sectors, scenario.horizon_years)


def test_an_amount_beyond_any_scale_is_said() -> None:
    from dataclasses import replace

    from paysim.contracts.coverage import implausible_amounts
    from paysim.contracts.terms import read_contract

    contract = read_contract("nl/gp_segments_1_2_3")
    assert implausible_amounts([contract], 3000.0) == []
    first = next(each for each in contract.amounts if each.unit.startswith("EUR per person"))
    absurd = replace(contract, amounts=(replace(first, value=1e9), *contract.amounts[1:]))
    (sentence,) = implausible_amounts([absurd], 3000.0)
    assert "1e+09 EUR per person" in sentence
    assert "more than 100 times" in sentence


def test_an_amount_for_a_whole_practice_is_judged_as_one() -> None:
    from paysim.contracts.coverage import implausible_amounts

    assert implausible_amounts([read_contract("be/gp_new_deal")], 1322.0) == []  # a nurse premium of 198,811 euro


def _capitated(**more: Any) -> Any:
    part = {"kind": "capitation", "rate_eur_per_person_year": 100, **more}
    return read_contract({"name": "x", "payer": "insurers", "providers": "practices", "components": [part]})


def test_what_a_capitation_carves_out_is_paid_never_until_others_pay_it() -> None:
    services = load_services()
    assert not [s for s in warnings_over([_capitated()], services.names, services.sectors, 5) if "gp_" in s]
    carved = _capitated(carve_outs=["gp_visit"])
    found = [s for s in warnings_over([carved], services.names, services.sectors, 5) if "gp_" in s]
    assert found == ["service gp_visit is paid never: no component names it"]
    with pytest.raises(ScenarioError, match="did you mean 'gp_visit'"):
        _capitated(carve_outs=["gp_visits"])


def test_the_coverage_table_has_a_row_for_each_way_of_paying() -> None:
    from paysim.contracts.coverage import coverage_table

    scenario, services = load_scenario("nl/achterhoek_transition"), load_services()
    arms = {arm.name: arm.contracts for arm in scenario.arms}
    rows = coverage_table(arms, services.names, services.sectors, scenario.horizon_years)
    assert {row["service"] for row in rows} == set(services.names)
    consults = [row for row in rows if row["service"] == "gp_consult" and "by_steps" in row["arms"]]
    assert [row["from_year"] for row in consults] == ["0", "1", "4"]
    assert [bool(row["by_unit"]) for row in consults] == [True, True, False]
    assert [row["in_advance"].count("/") for row in consults] == [1, 2, 1]
    assert [row["arms"] for row in rows if row["service"] == "ed_visit"] == ["all"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"weights": ["age", "deprivation", "sex"]}, "must both have sex"),
        ({"weights": ["sex"]}, "name age and deprivation too"),
        (
            {"weights": ["age"], "weight_table": [{"age_from": 7, "deprived": False, "weight": 1}]},
            "multiple of five",
        ),
    ],
)
def test_weights_that_do_not_fit_their_table_are_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        _capitated(**more)


def test_a_sex_must_be_in_all_rows_and_every_cell_must_be_there() -> None:
    grid = [
        {"age_from": 0, "deprived": d, "sex": s, "eur_per_quarter": 1} for d in (False, True) for s in ("men", "women")
    ]
    about = {"kind": "capitation", "grid": grid}
    given = {"name": "x", "payer": "insurers", "providers": "practices", "components": [about]}
    assert read_contract(given).components[0].terms.reads == {"age_sex"}
    about["grid"] = grid[:-1]
    with pytest.raises(ScenarioError, match="no row for age_0_deprived_women"):
        read_contract(given)
    about["grid"] = [*grid[:-1], {"age_from": 0, "deprived": True, "eur_per_quarter": 1}]
    with pytest.raises(ScenarioError, match="some rows have a sex and some have none"):
        read_contract(given)


def _sharing(**more: Any) -> Any:
    part = {"kind": "shared_savings", "sharing_rate": 0.5, "agreed_eur_per_person_year": 3000, **more}
    return read_contract({"name": "x", "payer": "insurers", "providers": "care_group", "components": [part]})


def test_an_agreed_benchmark_needs_no_past() -> None:
    (part,) = _sharing(trend="none").components
    assert part.base_years_needed == part.years_felt == 0
    assert not part.looks_back_at(3, 1)
    with pytest.raises(ScenarioError, match="needs trend: fixed or none"):
        _sharing()
    with pytest.raises(ScenarioError, match="looks at no norm, case mix or base years"):
        _sharing(trend="none", norm_weight=0.5)
