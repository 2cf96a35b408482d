"""Availability out of hours: nobody's need is lost, and the practice believes what the engine does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import paysim as ps
from paysim.behaviour.lists import Lists
from paysim.engine.cell import run_arm, run_base, settling_arm
from paysim.engine.model import build_model
from paysim.engine.responses import LeverPath, Step
from paysim.kernel.records import AVAILABILITY, LEVERS
from tests.toy import values

LEVELS = (0.9, 1.0, 1.1)


@pytest.fixture(scope="module")
def found() -> dict[str, list[float]]:
    whole = ps.load_scenario("nl/achterhoek_four_models")
    short = replace(whole, horizon_years=1, base_years=1, arms=whole.arms[:1], compare_with=(whole.current,))
    model = build_model(short, 6000)
    base, practices = run_base(model, 0), len(model.population.practices)
    ones = np.ones((practices, 3, len(LEVERS)))
    cells = []
    for level in LEVELS:
        levers = ones.copy()
        levers[:, :, AVAILABILITY] = level
        path = LeverPath((Step(levers, ones, Lists.usual(practices), 1.0, 1.0),) * 4)
        cells.append(run_arm(model, base, settling_arm(short), 0, replay=path))
    names = (
        *("gp_contacts", "needs", "needs_out_of_hours", "needs_emergency", "needs_seen_after_hours"),
        *("gp_hours", "gp_fte", "resource_cost_general_practice", "practice_costs"),
    )
    kept = {name: [float(values(cell.results, name)[-1]) for cell in cells] for name in names}
    costs = {"gp_eur": [model.care.costs.wages().gp_eur], "gp_year": [model.care.costs.gp_eur_per_fte]}
    return kept | costs | {"believed": [model.parameters["behaviour.out_of_hours_share"]]}


def test_nobodys_need_is_lost(found: dict[str, list[float]]) -> None:
    assert found["needs"] == pytest.approx([found["needs"][1]] * 3, rel=2e-3)
    for name in ("needs_out_of_hours", "needs_emergency"):
        fewer, usual, more = found[name]
        assert fewer > usual > more
    assert found["needs_seen_after_hours"][:2] == [0.0, 0.0]
    assert found["needs_seen_after_hours"][2] > 0.0


def test_practices_believe_about_what_the_engine_does(found: dict[str, list[float]]) -> None:
    fewer, usual, more = found["gp_contacts"]
    share = (more - fewer) / (LEVELS[2] - LEVELS[0]) / usual
    assert share == pytest.approx(found["believed"][0], rel=0.25)


def test_hours_after_hours_are_a_cost_that_nobody_pays(found: dict[str, list[float]]) -> None:
    """General practice costs its bills, a full year of its GPs, and the time of whom they see after hours."""
    cost, paid, fte = (np.array(found[each]) for each in ("resource_cost_general_practice", "practice_costs", "gp_fte"))
    further = (cost - paid - fte * found["gp_year"][0]) / found["gp_eur"][0]
    length = found["gp_hours"][2] / found["gp_contacts"][2]
    assert further == pytest.approx(np.array(found["needs_seen_after_hours"]) * length, rel=0.15, abs=1.0)
