"""Longer consultations with the GP take hours and slots, and bring no contact more."""

from __future__ import annotations

import numpy as np
import pytest

from paysim.behaviour.lists import Lists
from paysim.engine.cell import Cell, run_arm, run_base, settling_arm
from paysim.engine.model import build_model
from paysim.engine.responses import LeverPath, Step
from paysim.kernel.records import CONSULTATION_LENGTH, LEVERS
from tests.toy import scenario, values

LEVELS = (0.8, 1.0, 1.2)


@pytest.fixture(scope="module")
def forced() -> list[Cell]:
    model = build_model(scenario(1, 1), sample=1500)
    base, practices = run_base(model, 0), len(model.population.practices)
    ones, cells = np.ones((practices, 3, len(LEVERS))), []
    for level in LEVELS:
        levers = ones.copy()
        levers[:, :, CONSULTATION_LENGTH] = level
        path = LeverPath((Step(levers, ones, Lists.usual(practices)),) * 4)
        cells.append(run_arm(model, base, settling_arm(model.scenario), 0, replay=path))
    return cells


def of(cells: list[Cell], measure: str) -> np.ndarray:
    return np.array([float(values(cell.results, measure)[-1]) for cell in cells])


def test_hours_follow_the_length_and_contacts_hardly_do(forced: list[Cell]) -> None:
    contacts, hours = of(forced, "gp_contacts"), of(forced, "gp_hours")
    assert contacts / contacts[1] == pytest.approx(1.0, abs=0.05)
    assert hours[0] < hours[1] < hours[2]
    assert (hours[2] - hours[0]) / hours[1] == pytest.approx(LEVELS[2] - LEVELS[0], rel=0.2)  # but for advice to nurses
    assert of(forced, "lever_consultation_length") == pytest.approx(LEVELS)


def test_longer_consultations_leave_fewer_slots(forced: list[Cell]) -> None:
    for measure in ("gp_utilisation", "wait_gp_planned_days"):
        assert np.all(np.diff(of(forced, measure)) > 0.0), measure


def test_time_that_is_paid_for_the_year_costs_the_same_however_it_is_spent(forced: list[Cell]) -> None:
    costs, overtime = of(forced, "resource_cost_general_practice"), of(forced, "gp_overtime_hours")
    assert costs[0] == pytest.approx(costs[1], rel=0.02)
    assert overtime[0] <= overtime[1] <= overtime[2]
