"""Access to general practice, sentence by sentence, on a sample of whole practices."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from paysim.care.delegation import DelegationRules, load_delegation
from paysim.engine.accounts import practice_bills
from paysim.engine.cell import run_arm, run_base
from paysim.engine.model import Model, build_model, load_parameters
from paysim.engine.staff import Staff, closing_length, set_quality, styles
from paysim.engine.start import initial_state
from paysim.errors import DataError
from paysim.kernel.records import LANES, LEVERS, NEVER, TICKS_PER_WEEK, TICKS_PER_YEAR
from paysim.kernel.transitions import depart
from paysim.parameters import Override
from paysim.population import Population, synthesize
from tests.toy import busy_state, busy_tables, differences, enter, run_compiled, scenario, values, weeks

PEOPLE, YEARS = 10_000, 2


@lru_cache(maxsize=1)
def people() -> Population:
    """Return some whole practices of Achterhoek."""
    parameters, region = load_parameters(scenario())
    return synthesize(region, seed=1, sample=PEOPLE, health_values=parameters)


@lru_cache(maxsize=16)
def model(nurses: float = 1.0, gps: float = 1.0, mental: float = 1.0, **changes: float) -> Model:
    """Return the model with relatively so many staff, and with other values (``__`` stands for a dot)."""
    parameters = tuple(Override(name.replace("__", "."), value) for name, value in changes.items())
    short = replace(scenario(1, YEARS, arms=("dutch_today",)), parameters=parameters)
    staffed = tuple(
        replace(
            each,
            gp_fte=each.gp_fte * gps,
            nurse_fte=each.nurse_fte * nurses,
            nurses=each.nurses + (nurses > 1.0),
            mental_nurse_fte=each.mental_nurse_fte * mental,
            mental_nurses=(each.mental_nurses + (mental > 1.0)) if mental else 0,
        )
        for each in people().practices
    )
    return build_model(short, population=replace(people(), practices=staffed))


def simulate(of: Model, **arm: Any) -> dict[str, np.ndarray]:
    """Return what the current arm, or one that differs from it, leaves."""
    current = of.scenario.arm(of.scenario.current)
    return run_arm(of, run_base(of, 0), replace(current, **arm), 0).results


@lru_cache(maxsize=16)
def results(**changes: float) -> dict[str, np.ndarray]:
    """Return results of `model(**changes)`."""
    return simulate(model(**changes))


def whole(found: dict[str, np.ndarray], measure: str) -> float:
    """Return a measure over the whole horizon."""
    return float(values(found, measure)[-1])


def test_one_more_nurse_shortens_waits() -> None:
    more = results(nurses=1.3)
    for measure in ("wait_nurse_days", "wait_nurse_median_days", "wait_nurse_p90_days"):
        assert whole(more, measure) < whole(results(), measure), measure
    assert whole(more, "nurse_utilisation") < whole(results(), "nurse_utilisation")
    assert whole(more, "practice_costs") > whole(results(), "practice_costs")


def test_one_more_nurse_for_mental_health_shortens_her_waits_alone() -> None:
    more = results(mental=1.3)
    for measure in ("wait_mental_nurse_days", "wait_mental_nurse_p90_days", "mental_nurse_utilisation"):
        assert whole(more, measure) < whole(results(), measure), measure
    assert whole(more, "practice_costs_mental_nurses") == pytest.approx(
        1.3 * whole(results(), "practice_costs_mental_nurses")
    )
    for measure in ("nurse_fte", "nurse_contact_hours", "practice_costs_nurses"):
        assert whole(more, measure) == whole(results(), measure), measure
    assert whole(more, "wait_nurse_days") == pytest.approx(whole(results(), "wait_nurse_days"), rel=0.02)


def test_without_a_nurse_for_mental_health_the_gp_sees_her_patients() -> None:
    """And no other: what nurses for somatic care do is theirs alone."""
    nobody = results(mental=0.0)
    assert (values(nobody, "mental_nurse_contacts") == 0.0).all()
    assert (values(nobody, "mental_nurse_utilisation") == 0.0).all()
    assert whole(nobody, "gp_utilisation") > whole(results(), "gp_utilisation")
    assert whole(nobody, "nurse_hours") == pytest.approx(whole(results(), "nurse_hours"), rel=0.01)


def test_the_supply_of_each_profession_of_nurses_is_its_own() -> None:
    fewer = results(population__mental_nurse_supply_shift=-0.1)
    fte = values(fewer, "mental_nurse_fte")[:-1]
    np.testing.assert_allclose(fte[1:] / fte[:-1], 0.9)
    assert np.array_equal(values(fewer, "nurse_fte"), values(results(), "nurse_fte"))
    rows = values(fewer, "mental_nurse_contact_hours")[:-1]
    np.testing.assert_allclose(rows[1:] / rows[:-1], 0.9)


def test_solo_practices_that_close_down_leave_people_without_a_practice() -> None:
    """GPs become fewer by theirs, who is without one goes elsewhere, and practices that stay have more to do."""
    fewer = results(care__solo_closing_rate=0.9)
    working = values(fewer, "practices_at_work")[: YEARS + 1]
    assert (np.diff(working[:YEARS]) <= 0.0).all()
    assert working[YEARS - 1] < working[0]
    assert (values(results(), "practices_at_work")[:YEARS] == working[0]).all()
    assert values(fewer, "gp_fte")[YEARS - 1] < values(results(), "gp_fte")[YEARS - 1]
    assert whole(fewer, "years_without_practice") > whole(results(), "years_without_practice")
    for measure in ("out_of_hours_contacts", "wait_gp_planned_days", "gp_utilisation"):
        assert whole(fewer, measure) > whole(results(), measure), measure
    assert whole(fewer, "practice_costs_administration") < whole(results(), "practice_costs_administration")
    assert whole(fewer, "person_years") == pytest.approx(whole(results(), "person_years"), rel=0.002)


def test_needs_of_patients_and_what_practices_plan_are_counted_apart() -> None:
    """Without what practices plan themselves, there is nothing but needs; needs themselves do not change much."""
    none = results(care__follow_up_share=0.0)
    assert whole(none, "planned_visits") < 0.6 * whole(results(), "planned_visits")  # controls stay
    assert whole(results(), "needs") + whole(results(), "planned_visits") > whole(results(), "gp_contacts")


def test_gps_who_become_fewer_every_year_lengthen_waits() -> None:
    fewer = results(population__gp_supply_shift=-0.04)  # -5% a year, with the region's own -1%
    fte = values(fewer, "gp_fte")[:-1]
    np.testing.assert_allclose(fte[1:] / fte[:-1], 0.95)
    waits, usual = (values(each, "wait_gp_planned_days")[:-1] for each in (fewer, results()))
    assert waits[0] == usual[0]  # nothing changes before the first turn of the year
    assert (waits[1:] > usual[1:]).all()
    assert values(fewer, "needs_dropped")[1] > values(results(), "needs_dropped")[1]


def test_closing_all_lists_raises_emergency_visits() -> None:
    shut = results(care__closed_share=1.0, care__list_stretch=0.0)
    assert whole(shut, "lists_closed") > whole(results(), "lists_closed")
    assert whole(shut, "years_without_practice") > whole(results(), "years_without_practice") + 1000
    assert whole(shut, "changes_refused") > whole(results(), "changes_refused")
    for measure in ("out_of_hours_contacts", "ed_visits"):
        assert whole(shut, measure) > whole(results(), measure), measure
    assert whole(shut, "person_years") == pytest.approx(whole(results(), "person_years"), rel=2e-3)


def test_the_published_share_of_lists_is_closed_at_the_start_and_lists_open_again_when_they_shrink() -> None:
    of = model()
    state = initial_state(of, -TICKS_PER_YEAR, 1 + YEARS, 0)
    closed = state.practices["closed"].astype(bool)
    wanted = of.parameters["care.closed_share"] * len(closed)
    assert abs(closed.sum() - wanted) <= 1
    staff, fte = Staff(of, state), state.practices["fte"][:, 0]
    staff.stretch = 0.0
    staff.review(fte * staff.closes_at)
    assert state.practices["closed"].all()
    shorter = fte * staff.closes_at * (1.0 - staff.margin)
    staff.review(shorter * 1.001)  # a little shorter is not enough
    assert state.practices["closed"].all()
    staff.review(shorter * 0.999)
    assert not state.practices["closed"].any()
    staff.closes_at = closing_length(model(care__closed_share=0.0))
    staff.review(fte * 1e6)
    assert not state.practices["closed"].any()


def test_lists_grow_with_a_shortage_as_far_as_practices_let_them() -> None:
    of = model()
    state = initial_state(of, -TICKS_PER_YEAR, 1 + YEARS, 0)
    staff, fte = Staff(of, state), state.practices["fte"][:, 0]
    staff.people_per_gp = 0.9 * staff.closes_at
    for stretch, open_ in ((0.0, False), (1.0, True)):
        staff.stretch = stretch
        staff.review(1.8 * staff.closes_at * fte)  # twice as many people everywhere
        assert (state.practices["closed"] == 0).all() == open_


def test_newcomers_join_open_lists() -> None:
    of = model()
    base = run_base(of, 0)
    state = base.state
    came = state.people[(state.people["entered"] > -TICKS_PER_YEAR) & (state.people["id"] >= 1 << 53)]
    start = initial_state(of, -TICKS_PER_YEAR, 1 + YEARS, 0).practices["closed"]
    first = came[came["entered"] <= -TICKS_PER_YEAR + 13 * TICKS_PER_WEEK]  # before the first review
    assert len(first) > 20
    assert not start[first["practice"]].any()


def test_practices_without_style_of_their_own_are_alike_to_the_bit() -> None:
    none = {f"care__style_{name}_sd": 0.0 for name in ("follow_up", "referral", "prevention")}
    assert all((factor == 1.0).all() for factor in styles(model(**none)).values())
    state = initial_state(model(**none), -TICKS_PER_YEAR, 1, 0)
    for name in ("activity_style", "health_style"):
        assert (state.practices[name] == 1.0).all()


def test_style_moves_single_practices_and_hardly_a_total() -> None:
    none = {f"care__style_{name}_sd": 0.0 for name in ("follow_up", "referral", "prevention")}
    alike, lists = results(**none), np.bincount(people().practice)
    factors = styles(model())
    for name, lever in (("referral", "referral"), ("follow_up", "visit_intensity"), ("prevention", "prevention")):
        factor = factors[LEVERS.index(lever)]
        assert lists @ factor / lists.sum() == pytest.approx(1.0), name
        assert factor.std() > 0.05
    for measure, within in (("gp_contacts", 0.01), ("specialist_trajectories", 0.06)):
        assert whole(results(), measure) == pytest.approx(whole(alike, measure), rel=within)


def test_style_is_the_same_in_every_arm_and_replicate() -> None:
    of = model()
    states = [initial_state(of, -TICKS_PER_YEAR, 1, replicate) for replicate in (0, 1)]
    assert np.array_equal(*(state.practices["activity_style"] for state in states))
    assert (states[0].practices["activity_style"] != 1.0).any()


def test_missed_appointments_take_time_and_leave_contacts_held_nearly_what_they_are() -> None:
    none, some = results(care__no_show_share=0.0), results()
    assert whole(none, "appointments_missed") == 0
    planned = (whole(some, "needs") + whole(some, "planned_visits")) * 0.8
    assert 0.02 < whole(some, "appointments_missed") / planned < 0.04
    held = [whole(each, "gp_contacts") + whole(each, "nurse_contacts") for each in (none, some)]
    assert held[1] == pytest.approx(held[0], rel=0.03)  # fuller books lose some more
    for who in ("gp", "nurse"):
        assert whole(some, f"{who}_utilisation") > whole(none, f"{who}_utilisation")
    assert whole(some, "wait_gp_planned_days") > whole(none, "wait_gp_planned_days")


def test_who_waits_for_the_own_doctor_sees_the_own_doctor() -> None:
    at_once = results(care__own_gp_days=0.0)
    by_practice = [values(each, "own_gp_share", "practice") for each in (at_once, results())]
    gps = np.tile([practice.gps for practice in people().practices], YEARS + 1)
    assert (by_practice[0][gps == 1] == 1.0).all()
    together = gps > 1
    assert (by_practice[0][together] > 1.0 / gps[together]).all()
    assert (by_practice[1][together] > by_practice[0][together]).all()
    assert whole(results(), "wait_gp_planned_days") > whole(at_once, "wait_gp_planned_days")


def test_an_arm_with_the_rules_of_the_current_arm_differs_in_nothing() -> None:
    of = model()
    same = simulate(of, delegation=None)
    rules = load_delegation("nl_practice_nurse")
    named = simulate(of, delegation=rules)
    for name in ("value", "measure", "group"):
        assert np.array_equal(same[name], named[name]), name


def test_rules_that_let_nurses_do_less_give_gps_more_to_do() -> None:
    less = simulate(model(), delegation=load_delegation("be_before_new_deal"))
    for measure in ("nurse_contacts", "nurse_hours", "nurse_utilisation"):
        assert whole(less, measure) < 0.5 * whole(results(), measure), measure
    assert (values(less, "mental_nurse_contacts")[1:YEARS] == 0).all()  # but for what was booked before
    for measure in ("gp_utilisation", "wait_gp_planned_days", "needs_dropped"):
        assert whole(less, measure) > whole(results(), measure), measure


def of_quality(quality: float) -> DelegationRules:
    """Return the Dutch rules with nurses who start and step up treatment so many times as often as GPs."""
    rules = load_delegation("nl_practice_nurse")
    name = "delegation.treatment_start_quality"
    rows = tuple(replace(row, value=quality, low=0.1, high=4.0) if row.name == name else row for row in rules.rows)
    return replace(rules, name="of another quality", rows=rows)


def test_quality_of_delegated_treatment_reaches_treatment_and_no_contact() -> None:
    """Nobody is treated more or less at once; who is then treated differs by practices with a nurse."""
    more, less = (simulate(model(), delegation=of_quality(quality)) for quality in (2.0, 0.5))
    for measure in ("statin_years", "bp_drug_years", "programme_years"):
        assert whole(less, measure) < whole(results(), measure) < whole(more, measure), measure
    usual, other = (whole(each, "gp_contacts") for each in (results(), more))
    assert other == pytest.approx(usual, rel=0.01)


def test_practices_without_a_nurse_know_no_quality_of_delegation() -> None:
    practices = initial_state(model(), 0, 1.0, 0).practices
    practices["servers"][0, LANES.index("nurse")] = 0
    before = practices["health_style"].copy()
    set_quality(practices, 0.5)
    changed = practices["health_style"] / before
    prevention = LEVERS.index("prevention")
    assert (changed[1:, prevention] == 0.5).all()
    changed[1:, prevention] = 1.0
    assert (changed == 1.0).all()


def test_tasks_for_nurses_whom_nobody_employs_are_refused() -> None:
    with pytest.raises(DataError, match="delegates to nurses, but no practice of the region employs one"):
        model(nurses=0.0)


def test_needs_are_the_same_whatever_a_book_can_hold() -> None:
    """Who finds a practice, when, and by whom, moves no clock of a need (follow-up and care planned aside)."""
    few = results(gps=0.9)
    for measure in ("births", "arrivals", "departures"):
        assert whole(few, measure) == pytest.approx(whole(results(), measure), abs=3), measure
    assert whole(few, "wait_gp_planned_days") > whole(results(), "wait_gp_planned_days")


def test_practices_know_no_epoch() -> None:
    """Half a week, a week or a quarter between two looks at the practices: the same events, to the byte."""
    tables = busy_tables()
    states = [enter(busy_state(60, 3), tables) for _ in range(3)]
    ends = (np.arange(1, 53) * (TICKS_PER_WEEK // 2), weeks(26), np.array([13, 26]) * TICKS_PER_WEEK)
    logs = [run_compiled(state, tables, end)[0] for state, end in zip(states, ends, strict=True)]
    assert len(logs[0]) > 1500
    assert logs[0].tobytes() == logs[1].tobytes() == logs[2].tobytes()
    assert not differences(states[0], states[1])


# A closed cohort ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def cohort_run() -> dict[str, Any]:
    """Return what is known each quarter of a closed cohort that loses nearly everybody between years 1 and 2."""
    closed = replace(scenario(1, 6, arms=("dutch_today",)), population="closed")
    of = build_model(closed, population=people())
    base = run_base(of, 0)
    found: dict[str, Any] = {"model": of, "quarters": []}

    def thin_out(region: Any) -> Any:
        for week in range(6 * 52):
            yield region.env.timeout(TICKS_PER_WEEK)
            if week == 52:  # nineteen in twenty leave at once, whoever they are
                rows = region.living()
                gone = rows[np.arange(len(rows)) % 20 != 0]
                for row in gone:
                    depart(region.state.people[row], int(region.env.now))
                region.state.calendar[gone] = NEVER

    def look(accounts: Any, settlement: Any) -> None:
        books, activity = accounts.state.practices, settlement.book.activity
        euros = practice_bills(of, activity, books["fte"], books["share"])
        cost = sum(each.sum() for name, each in euros.items() if name != "material")
        found["quarters"].append((activity.person_years.sum(), cost, books["fte"].copy(), books["waits"].sum(axis=0)))

    run_arm(of, base, of.scenario.arm(of.scenario.current), 0, own_processes=(thin_out,), on_close=look)
    return found


def test_staff_of_a_closed_cohort_follows_what_it_asks_for() -> None:
    found = cohort_run()["quarters"]
    years = [sum(each[0] for each in found[4 * y : 4 * y + 4]) for y in range(6)]
    costs = [sum(each[1] for each in found[4 * y : 4 * y + 4]) for y in range(6)]
    before, after = costs[0] / years[0], costs[4] / years[4]
    assert years[4] < 0.07 * years[0]
    assert after == pytest.approx(
        before, rel=0.15
    )  # a few years older, and supply falls a little by the region's table
    assert found[-1][2].sum() / found[0][2].sum() == pytest.approx(years[5] / years[0], rel=0.15)


def test_a_small_rest_of_a_cohort_waits_neither_more_nor_less() -> None:
    found = cohort_run()["quarters"]
    days = np.arange(found[0][3].shape[1])

    def mean_wait(first: int, last: int) -> float:
        planned = sum(each[3][LANES.index("gp_planned")] for each in found[first:last])
        return float(planned @ days / planned.sum())

    with_everybody, with_few = mean_wait(0, 4), mean_wait(8, 24)
    assert 0.5 < with_few / with_everybody < 2.0


def test_gps_work_longer_for_nothing_and_nurses_are_paid() -> None:
    of = model()
    state = initial_state(of, -TICKS_PER_YEAR, 1 + YEARS, 0)
    books, staff = state.practices, Staff(of, state)
    fte, stretch = books["fte"].copy(), books["stretch"].copy()
    staff.work(np.tile((1.1, 1.2, 0.9), (len(books), 1)))
    np.testing.assert_allclose(books["fte"], fte * (1.0, 1.2, 0.9))
    np.testing.assert_allclose(books["stretch"] * (1.1, 1.1, 1.2, 0.9), stretch)  # slots are spread less thinly
    staff.work(np.ones((len(books), 3)))
    assert np.array_equal(books["fte"], fte)
    assert np.array_equal(books["stretch"], stretch)


def test_an_open_region_shares_its_care_with_nobody() -> None:
    of = model()
    base = run_base(of, 0)
    books = base.state.practices
    assert (books["share"] == 1.0).all()
    assert not books["others"].any()
    staff = Staff(of, base.state)
    before = books["fte"].copy()
    staff.change(TICKS_PER_YEAR, 0.25)
    np.testing.assert_allclose(books["fte"][:, 0], before[:, 0] * 0.25 * (1 + staff.growth[0, 0]))
    assert (books["share"] == 0.25).all()
