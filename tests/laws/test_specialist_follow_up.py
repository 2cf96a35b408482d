"""How often clinics ask patients back: what the lever moves in a run, what it leaves alone, and what moves it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from paysim.behaviour.lists import Lists
from paysim.behaviour.profit_altruism import CHANNELS
from paysim.contracts.contract import Contract, Part
from paysim.contracts.schedule import ServicePrice
from paysim.contracts.tariff import Tariff
from paysim.engine.cell import Base, Cell, run_arm, run_base, settling_arm
from paysim.engine.model import Model, build_model
from paysim.engine.responses import LeverPath, Step
from paysim.kernel.records import LEVERS
from paysim.scenario import Behaviour
from tests.toy import scenario, values

LEVELS = (0.8, 1.0, 1.2)
OTHERS_OFF = tuple((name, 0.0) for name in CHANNELS if name != "specialist_follow_up_response")


def fee(eur: float) -> Contract:
    terms = Tariff("hospital", (ServicePrice("specialist_follow_up", eur),))
    return Contract("follow_up_fee", "A fee for follow-up", "insurers", "sectors", (Part("fee", terms),))


@pytest.fixture(scope="module")
def model() -> Model:
    return build_model(scenario(1, 1), sample=1500)


@pytest.fixture(scope="module")
def base(model: Model) -> Base:
    return run_base(model, 0)


@pytest.fixture(scope="module")
def forced(model: Model, base: Base) -> list[Cell]:
    practices = len(model.population.practices)
    ones, lists = np.ones((practices, 3, len(LEVERS))), Lists.usual(practices)
    paths = (LeverPath((Step(ones, ones, lists, follow_up=level),) * 4) for level in LEVELS)
    return [run_arm(model, base, settling_arm(model.scenario), 0, replay=path) for path in paths]


@pytest.fixture(scope="module")
def paid(model: Model, base: Base) -> list[Cell]:
    """By fees of 0, 20 and 500 euro for each follow-up visit."""
    current = settling_arm(model.scenario)
    behaviour = Behaviour("profit_altruism", OTHERS_OFF)
    arms = [
        replace(current, contracts=(*current.contracts, fee(eur)), behaviour=behaviour) for eur in (0.0, 20.0, 500.0)
    ]
    return [run_arm(model, base, arm, 0) for arm in arms]


def of(cells: list[Cell], measure: str) -> list[float]:
    return [float(values(cell.results, measure)[-1]) for cell in cells]


def test_clinics_hold_about_as_many_more_visits_as_they_plan(forced: list[Cell]) -> None:
    fewer, usual, more = of(forced, "specialist_follow_ups")
    assert 0.75 < fewer / usual < 0.95  # visits of who was seen before the year are planned already
    assert 1.05 < more / usual < 1.25
    assert of(forced, "lever_specialist_follow_up") == pytest.approx(LEVELS)
    occupancy = of(forced, "follow_up_occupancy_share")
    assert max(occupancy) / min(occupancy) < 1.25  # slots go with them: else by 1.2 / 0.8


def test_nobody_else_is_seen_or_treated_otherwise(forced: list[Cell]) -> None:
    moved = {
        name for name in set(forced[0].results["measure"]) if len({each.tobytes() for each in _all(forced, name)}) > 1
    }
    may = ("specialist_follow_ups", "follow_up_", "lever_specialist_follow_up", "resource_cost_", "societal_cost")
    assert {name for name in moved if not name.startswith(may)} == set()


def _all(cells: list[Cell], measure: str) -> list[np.ndarray]:
    return [cell.results["value"][cell.results["measure"] == measure] for cell in cells]


def test_a_visit_more_costs_what_a_visit_costs(model: Model, forced: list[Cell]) -> None:
    visits, costs = np.diff(of(forced, "specialist_follow_ups")), np.diff(of(forced, "resource_cost_hospital"))
    assert costs == pytest.approx(model.care.hospital.unit_costs.follow_up_eur * visits, rel=1e-6)


def test_a_fee_for_each_visit_brings_more_of_them_and_none_brings_none(paid: list[Cell], forced: list[Cell]) -> None:
    levers = of(paid, "lever_specialist_follow_up")
    assert levers[0] == 1.0 < levers[1] < levers[2]
    assert of(paid, "specialist_follow_ups") == sorted(of(paid, "specialist_follow_ups"))
    visits, spent = of(paid, "specialist_follow_ups")[1], of(paid, "spending_hospital")
    assert spent[1] - spent[0] == pytest.approx(20.0 * visits, rel=1e-6)
    assert of(paid, "specialist_follow_ups")[0] == of(forced, "specialist_follow_ups")[1]
