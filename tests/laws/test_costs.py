"""What care costs whom: as lumpy as published, without moving a mean; the deductible; payers kept apart; practices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from paysim.care.costs import BILLS
from paysim.engine.cell import Base, Cell, run_arm, run_base
from paysim.engine.model import Model, build_model
from paysim.scenario import Behaviour
from tests.toy import scenario, values

KINDS = ("capitation", "chronic_bundle", "fee_for_service", "pass_through_grant")
"""What practices are paid by in the arms of the toy scenario."""

PEOPLE = 30_000
BANDS = ("0-17", "18-44", "45-64", "65-74", "75-84", "85+")


def even(model: Model) -> Model:
    """Return the model with background care spread evenly over the time of each person."""
    background = model.care.background
    none = replace(background.episodes, eur=0.0 * background.episodes.eur)
    return replace(model, care=replace(model.care, background=replace(background, episodes=none)))


def arm_of(model: Model, base: Base) -> Cell:
    return run_arm(model, base, replace(model.scenario.arm("dutch_today"), behaviour=Behaviour()), 0)


@pytest.fixture(scope="module")
def model() -> Model:
    return build_model(scenario(1, 1, 1), sample=PEOPLE)


@pytest.fixture(scope="module")
def base(model: Model) -> Base:
    return run_base(model, 0)


@pytest.fixture(scope="module")
def lumpy(model: Model, base: Base) -> Cell:
    return arm_of(model, base)


@pytest.fixture(scope="module")
def spread(model: Model, base: Base) -> Cell:
    return arm_of(even(model), base)


def one(cell: Cell, measure: str) -> float:
    return float(values(cell.results, measure)[0])


def by(cell: Cell, measure: str, dimension: str, group: str) -> float:
    table = cell.results
    here = (table["measure"] == measure) & (table["period"] == 0)
    here &= (table["dimension"] == dimension) & (table["group"] == group)
    assert here.sum() == 1
    return float(table["value"][here][0])


def test_payments_are_as_concentrated_as_published_in_a_sample(lumpy: Cell) -> None:
    assert one(lumpy, "payments_top_1_share") == pytest.approx(0.23, abs=0.03)
    assert one(lumpy, "payments_top_5_share") == pytest.approx(0.49, abs=0.03)
    assert 0.02 < one(lumpy, "payments_explained_by_age_sex") < 0.07
    assert one(lumpy, "payments_top_10_share") > one(lumpy, "payments_top_5_share")


def test_episodes_move_no_mean_by_age_or_sex(lumpy: Cell, spread: Cell) -> None:
    assert one(spread, "payments_top_1_share") < 0.7 * one(lumpy, "payments_top_1_share")
    for sex in ("men", "women"):
        one_year, evenly = (by(cell, "spending_total", "sex", sex) for cell in (lumpy, spread))
        assert one_year == pytest.approx(evenly, rel=0.05)
    for band in BANDS:  # the standard error is 2-5% of a band of thousands of people
        one_year, evenly = (by(cell, "spending_total", "age", band) for cell in (lumpy, spread))
        assert one_year == pytest.approx(evenly, rel=0.15)


def test_episodes_change_money_outside_practices_and_nothing_else(lumpy: Cell, spread: Cell) -> None:
    changed = set()
    for measure in np.unique(lumpy.results["measure"].astype(str)):
        found = [cell.results["value"][cell.results["measure"] == measure] for cell in (lumpy, spread)]
        if not np.array_equal(*found):
            changed.add(measure)
    sectors = ("hospital", "pharmacy", "mental_health", "district_nursing", "other_care", "total", "total_discounted")
    allowed = {f"{what}_{sector}" for what in ("spending", "resource_cost") for sector in sectors}
    assert {each for each in changed if not each.startswith(("payments_", "standardised_spending"))} <= allowed | {
        *("patient_payments", "societal_cost", "societal_cost_discounted"),
    }
    assert {"spending_hospital", "payments_top_1_share", "patient_payments"} <= changed


def test_patients_pay_about_what_they_do_and_less_than_if_costs_were_even(lumpy: Cell, spread: Cell) -> None:
    per_head = [one(cell, "patient_payments") / one(cell, "person_years") for cell in (lumpy, spread)]
    assert 165 < per_head[0] < 205
    assert per_head[1] > per_head[0] + 50


def test_long_term_care_has_its_own_payer_and_is_in_no_total(lumpy: Cell, model: Model) -> None:
    ledger = lumpy.ledger.frame()
    paid = ledger[ledger["actor"].astype(str) == "care_offices"]["cents"].sum() / 100.0
    weight = model.population.practices[0].weight
    assert paid < 0.0
    assert -paid * weight == pytest.approx(one(lumpy, "spending_long_term_care"), rel=1e-6)
    insurers = ledger[ledger["actor"].astype(str).isin(["insurers", "patients"])]["cents"].sum() / 100.0
    assert -insurers * weight == pytest.approx(one(lumpy, "spending_total"), rel=1e-6)
    assert ledger["cents"].sum() == 0


def test_the_income_statement_of_practices_adds_up(lumpy: Cell, model: Model) -> None:
    revenue = sum(one(lumpy, f"practice_revenue_{kind}") for kind in KINDS)
    costs = sum(one(lumpy, f"practice_costs_{bill}") for bill in BILLS)
    assert revenue == pytest.approx(one(lumpy, "practice_revenue"))
    assert costs == pytest.approx(one(lumpy, "practice_costs"))
    assert one(lumpy, "practice_margin") == pytest.approx(revenue - costs)
    fte = sum(each.gp_fte * each.weight for each in model.population.practices)
    assert one(lumpy, "practice_margin_per_gp_fte") == pytest.approx((revenue - costs) / fte)
    norm = model.care.costs.gp_eur_per_fte
    assert 0.75 * norm < one(lumpy, "practice_margin_per_gp_fte") < 1.4 * norm  # lists of these practices are long


def test_general_practice_costs_what_its_staff_is_paid_busy_or_not(lumpy: Cell, model: Model) -> None:
    fte = sum(each.gp_fte * each.weight for each in model.population.practices)
    paid = one(lumpy, "practice_costs") + fte * model.care.costs.gp_eur_per_fte
    cost = one(lumpy, "resource_cost_general_practice")
    assert paid <= cost * (1.0 + 1e-9)  # more where people work longer than they are paid for
    assert cost < 1.1 * paid


def test_what_follows_a_first_visit_costs_what_is_used_and_is_not_counted_twice(lumpy: Cell, model: Model) -> None:
    """Follow-up visits, tests and care at home are paid for in trajectories and district nursing already."""
    costs, care = model.care.hospital.unit_costs, model.care
    weight = model.population.practices[0].weight
    used = sum(quarter.services.sum(axis=(0, 1)) for quarter in lumpy.quarters) * weight
    trajectories = one(lumpy, "specialist_trajectories")
    followed, tested = one(lumpy, "specialist_follow_ups"), one(lumpy, "specialist_tests")
    assert followed / trajectories == pytest.approx(costs.follow_ups, rel=0.08)  # who dies does not come back
    assert tested / trajectories == pytest.approx(costs.tests, rel=0.05)
    hospital = used @ np.where(care.services.in_sector("hospital"), care.resource_cost_eur, 0.0)
    more = costs.follow_up_eur * followed + costs.test_eur * tested - costs.after_first_visit_eur * trajectories
    assert one(lumpy, "resource_cost_hospital") == pytest.approx(hospital + more, rel=1e-6)
    assert abs(more) < 0.02 * hospital
    nursing = used[care.services.index("background_nursing")]
    hours = costs.home_care_eur * one(lumpy, "hours_of_care_at_home")
    assert 0.0 < hours < 0.2 * nursing
    assert one(lumpy, "resource_cost_district_nursing") == pytest.approx(nursing, rel=0.05)


def test_every_cost_of_a_disease_is_of_a_condition_of_the_model(model: Model) -> None:
    assert set(model.care.background.flag_extra_eur) <= set(model.health.flags)
