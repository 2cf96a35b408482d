"""Hours that practices decide on: GPs work them for nothing, nurses are paid, and the book is as long as both make it."""

from __future__ import annotations

import numpy as np
import pytest

from paysim.behaviour.lists import Lists
from paysim.care.costs import BILLS
from paysim.engine.cell import Cell, run_arm, run_base, settling_arm
from paysim.engine.model import Model, build_model
from paysim.engine.responses import LeverPath, Step
from paysim.engine.staff import book_hours, further_gp_hours
from paysim.kernel.records import LEVERS
from tests.toy import scenario, values


@pytest.fixture(scope="module")
def model() -> Model:
    return build_model(scenario(1, 1), sample=1500)


@pytest.fixture(scope="module")
def forced(model: Model) -> tuple[Cell, Cell]:
    """As in the base years, and with a tenth more hours of GPs and a fifth more of nurses."""
    base, practices = run_base(model, 0), len(model.population.practices)
    ones, lists = np.ones((practices, 3, len(LEVERS))), Lists.usual(practices)
    usual, longer = (
        run_arm(
            model,
            base,
            settling_arm(model.scenario),
            0,
            replay=LeverPath((Step(ones, ones, lists, hours=np.tile(hours, (practices, 1))),) * 4),
        )
        for hours in ((1.0, 1.0, 1.0), (1.1, 1.2, 1.2))
    )
    return usual, longer


def ratio(forced: tuple[Cell, Cell], measure: str) -> float:
    usual, longer = (float(values(cell.results, measure)[-1]) for cell in forced)
    return longer / usual


def test_nurses_are_paid_for_their_hours_and_gps_are_not(forced: tuple[Cell, Cell]) -> None:
    found = {bill: ratio(forced, f"practice_costs_{bill}") for bill in BILLS if bill != "material"}
    nurses = {bill for bill in found if "nurse" in bill}
    assert nurses
    for bill, of in found.items():
        assert of == pytest.approx(1.2 if bill in nurses else 1.0, rel=1e-9), bill
    assert ratio(forced, "gp_fte") == 1.0
    assert ratio(forced, "nurse_fte") == pytest.approx(1.2)


def test_hours_of_gps_are_a_resource_cost_that_nobody_pays(forced: tuple[Cell, Cell], model: Model) -> None:
    """What general practice costs is what it pays for, and all hours that its GPs work, at their norm."""
    costs, book = model.care.costs, model.care.book
    for cell, further in zip(forced, (0.0, 0.1), strict=True):
        fte, cost, paid = (
            float(values(cell.results, name)[-1])
            for name in ("gp_fte", "resource_cost_general_practice", "practice_costs")
        )
        hours = fte * (costs.gp_hours_per_fte + further * book.hours_per_year(1.0, 0.0)[:2].sum())
        assert cost - paid == pytest.approx(hours * costs.wages().gp_eur, rel=1e-6)


def test_hours_that_gps_work_are_those_of_the_book_and_of_no_other(model: Model) -> None:
    """What programmes may take, and what is a cost beyond working time; nurses' working time holds theirs already."""
    book, rows = model.care.book, np.zeros(3, dtype=[("fte", "f8", 3), ("hours", "f8", 3)])
    rows["fte"] = [(2.0, 1.0, 0.5), (2.0, 1.0, 0.5), (0.0, 0.0, 0.0)]
    rows["hours"] = [(1.1, 1.2, 1.2), (0.9, 1.0, 1.0), (1.1, 1.0, 1.0)]
    hours = book_hours(book, rows["fte"])
    assert hours[0] == pytest.approx(52.0 * np.array([2.0, 1.0, 0.5]) * _contact_hours(model))
    assert further_gp_hours(book, rows) == pytest.approx([0.1 * hours[0, 0], -0.1 * hours[0, 0], 0.0])


def _contact_hours(model: Model) -> np.ndarray:
    gp, nurse = model.care.book.gp_contact_hours_per_week, model.care.book.nurse_contact_hours_per_week
    return np.array([gp, nurse, nurse])


def test_longer_books_are_emptier_and_shorten_waits(forced: tuple[Cell, Cell]) -> None:
    """More needs are met and so the book fills a little; occupancy is of the hours that are worked."""
    assert 1.0 / 1.1 <= ratio(forced, "gp_utilisation") < 1.0
    assert 1.0 / 1.2 <= ratio(forced, "nurse_utilisation") < 1.0
    for measure in ("wait_gp_planned_days", "needs_dropped"):
        assert ratio(forced, measure) < 0.99, measure
    assert ratio(forced, "lever_gp_hours") == pytest.approx(1.1)
