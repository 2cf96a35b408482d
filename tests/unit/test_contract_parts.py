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
