"""Coding by the hospital in a run: what it moves, what it leaves alone, and that severity is what people have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from paysim.behaviour.lists import Lists
from paysim.behaviour.profit_altruism import CHANNELS
from paysim.contracts.contract import Contract
from paysim.contracts.terms import read_contract
from paysim.engine.cell import Base, Cell, run_arm, run_base
from paysim.engine.model import Model, build_model
from paysim.engine.responses import LeverPath, Step
from paysim.kernel.records import LEVERS
from paysim.scenario import Arm, Behaviour
from tests.toy import scenario, values

LEVELS = (1.1, 1.2)
MINE = "hospital_coding_response"
OTHERS_OFF = tuple((name, 0.0) for name in CHANNELS if name != MINE)


def by_groups(*weights: float) -> Contract:
    """The shipped groups, with other weights; none: one price for all."""
    shipped = read_contract("us/hospital_severity_groups")
    others, part = shipped.components
    rows = zip(part.terms.severity_groups, weights, strict=True) if weights else ()
    groups = tuple(replace(row, weight=weight) for row, weight in rows)
    return replace(shipped, components=(others, replace(part, terms=replace(part.terms, severity_groups=groups))))


def arms() -> tuple[Arm, ...]:
    (today,) = scenario(1, 1, arms=("dutch_today",)).arms
    others = tuple(each for each in today.contracts if each.name != "hospital_tariffs")
    pharmacy = tuple(each for each in today.contracts if each.name == "hospital_tariffs")
    rest = tuple(
        replace(each, components=tuple(part for part in each.components if part.name != "hospital"))
        for each in pharmacy
    )
    contracts = (*others, *rest)
    coding = Behaviour("profit_altruism", OTHERS_OFF)
    return (
        today,
        replace(today, name="one_price", contracts=(*contracts, by_groups()), behaviour=coding),
        replace(today, name="passive", contracts=(*contracts, by_groups(0.7, 1.0, 1.5))),
        replace(today, name="narrow", contracts=(*contracts, by_groups(0.9, 1.0, 1.1)), behaviour=coding),
        replace(today, name="wide", contracts=(*contracts, by_groups(0.7, 1.0, 1.5)), behaviour=coding),
    )


@pytest.fixture(scope="module")
def model() -> Model:
    return build_model(replace(scenario(1, 1, arms=("dutch_today",)), arms=arms()), sample=1500)


@pytest.fixture(scope="module")
def base(model: Model) -> Base:
    return run_base(model, 0)


@pytest.fixture(scope="module")
def cells(model: Model, base: Base) -> dict[str, Cell]:
    return {arm.name: run_arm(model, base, arm, 0) for arm in model.scenario.arms}


@pytest.fixture(scope="module")
def forced(model: Model, base: Base, cells: dict[str, Cell]) -> list[Cell]:
    """No coding, which is what passive providers do, and some."""
    practices = len(model.population.practices)
    ones, lists = np.ones((practices, 3, len(LEVERS))), Lists.usual(practices)
    paths = [LeverPath((Step(ones, ones, lists, coding=level),) * 4) for level in LEVELS]
    return [cells["passive"], *(run_arm(model, base, model.scenario.arms[2], 0, replay=path) for path in paths)]


def of(cell: Cell, measure: str) -> float:
    return float(values(cell.results, measure)[-1])


def differing(one: Cell, other: Cell) -> set[str]:
    names = one.results["measure"]
    same = (one.results["value"] == other.results["value"]) | (
        np.isnan(one.results["value"]) & np.isnan(other.results["value"])
    )
    return {str(name) for name in names[~same]}


def test_severity_is_counted_and_at_most_what_the_model_has(model: Model, base: Base) -> None:
    stays = [quarter.stays for quarter in base.quarters]
    severity = np.concatenate([each.severity for each in stays if each is not None])
    assert severity.min() == 0
    assert 1 < severity.max() <= len(model.health.chronic)
    assert all((each.coded_higher == 0.0).all() for each in stays if each is not None)


def test_one_price_rewards_no_coding_and_the_run_is_the_passive_one(cells: dict[str, Cell]) -> None:
    assert of(cells["one_price"], "lever_hospital_coding") == 1.0
    assert differing(cells["dutch_today"], cells["one_price"]) == set()


def test_passive_providers_code_what_there_is(cells: dict[str, Cell]) -> None:
    assert of(cells["passive"], "case_mix_coded") == of(cells["passive"], "case_mix_true")
    assert of(cells["passive"], "case_mix_coded_over_true") == 1.0
    assert of(cells["dutch_today"], "case_mix_true") == of(cells["one_price"], "case_mix_coded") == 1.0
    severity = of(cells["passive"], "case_mix_true")
    assert 0.8 < severity < 1.25
    for measure in ("qalys", "deaths", "bed_days", "resource_cost_hospital"):
        assert of(cells["passive"], measure) == of(cells["dutch_today"], measure)


def test_coding_moves_money_and_nothing_else(forced: list[Cell]) -> None:
    moved = differing(forced[0], forced[2])
    may = ("spending_", "standardised_spending", "case_mix_coded", "lever_hospital_coding", "societal_cost")
    assert {name for name in moved if not name.startswith(may)} == set()
    assert [of(cell, "lever_hospital_coding") for cell in forced] == pytest.approx([1.0, *LEVELS])
    true = {of(cell, "case_mix_true") for cell in forced}
    assert len(true) == 1


def test_what_the_hospital_codes_payers_pay(forced: list[Cell]) -> None:
    """Money is conserved, and a share twice as large brings twice as much: the step to the next group is the same."""
    spent = [of(cell, "spending_hospital") for cell in forced]
    total = [of(cell, "spending_total") for cell in forced]
    assert spent[1] - spent[0] > 0.0
    assert np.diff(total) == pytest.approx(np.diff(spent), rel=1e-6)
    assert spent[2] - spent[1] == pytest.approx(spent[1] - spent[0], rel=1e-6)
    coded = [of(cell, "case_mix_coded_over_true") for cell in forced]
    assert coded[0] == 1.0
    assert coded[2] - coded[1] == pytest.approx(coded[1] - coded[0], rel=1e-6)


def test_weights_further_apart_bring_more_coding(cells: dict[str, Cell]) -> None:
    levers = [of(cells[name], "lever_hospital_coding") for name in ("one_price", "narrow", "wide")]
    assert levers[0] == 1.0 < levers[1] < levers[2] <= 1.2
    assert 1.0 < of(cells["narrow"], "case_mix_coded_over_true") < of(cells["wide"], "case_mix_coded_over_true")


def test_switched_off_it_is_the_passive_run(model: Model, base: Base, cells: dict[str, Cell]) -> None:
    silent = Behaviour("profit_altruism", (*OTHERS_OFF, (MINE, 0.0)))
    off = run_arm(model, base, replace(model.scenario.arms[4], name="passive", behaviour=silent), 0)
    assert differing(cells["passive"], off) == set()
