"""Compiled = SimPy, byte for byte: event log, requests, people, books, money and results."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from paysim.engine.cell import Base, Cell, run_arm, run_base, solve_arms
from paysim.engine.model import Model, build_model
from paysim.engine.region import ENGINES, Region
from paysim.engine.staff import closing_years
from paysim.kernel import records as rec
from paysim.kernel.records import FIRST_TRANSITION, TICKS_PER_DAY, TICKS_PER_WEEK
from paysim.kernel.spec import AGES
from paysim.parameters import Override
from paysim.scenario import Arm, Behaviour
from tests.toy import (
    busy_state,
    busy_tables,
    busy_transitions,
    differences,
    enter,
    few_people,
    few_people_model,
    in_order,
    run_compiled,
    run_reference,
    scenario,
    values,
    weeks,
)

SEEDS = (1, 2, 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_toy_with_every_kind_of_process(seed: int) -> None:
    tables = busy_tables()
    compiled, reference = (enter(busy_state(60, 3, seed=seed), tables) for _ in ENGINES)
    log, requests = run_compiled(compiled, tables, weeks(40))
    expected, of_reference = run_reference(reference, tables, weeks(40))
    assert len(log) > 2500
    assert log.tobytes() == expected.tobytes()
    assert requests.tobytes() == of_reference.tobytes()
    assert not differences(compiled, reference)


def test_toy_whose_books_others_fill_too() -> None:
    """Of a closed cohort that has shrunk: people who are not simulated ask for slots between those who are."""
    tables = busy_tables()
    states = [enter(busy_state(60, 3), tables) for _ in ENGINES]
    for state in states:
        books = state.practices
        books["share"], books["key"], books["others_due"] = 0.25, [3, 5, 7], 0
        books["usual"], books["usual_ticks"] = 40.0 / TICKS_PER_WEEK, TICKS_PER_DAY // 144
    log, requests = run_compiled(states[0], tables, weeks(30))
    expected, of_reference = run_reference(states[1], tables, weeks(30))
    assert log.tobytes() == expected.tobytes()
    assert requests.tobytes() == of_reference.tobytes()
    assert not differences(*states)
    asked = states[0].practices["others"]
    wanted = 30 * 2 * 40  # of which three in four are by others
    assert (asked[:, :3] > 0).all()
    assert np.abs(asked[:, :3] - wanted).max() < 6 * np.sqrt(wanted)
    alone = enter(busy_state(60, 3), tables)
    without, _ = run_compiled(alone, tables, weeks(30))
    waits = [each["value"][each["outcome"] == rec.BOOKED].mean() for each in (log, without)]
    assert waits[0] > waits[1]
    assert (states[0].practices["busy"] <= 2 * alone.practices["busy"]).all()  # the others' time is not work done here


def test_toy_with_windows_of_another_length() -> None:
    """The reference knows no windows: only when requests are collected differs."""
    tables = busy_tables()
    compiled, reference = (enter(busy_state(60, 2), tables) for _ in ENGINES)
    log, _ = run_compiled(compiled, tables, np.array([13, 26]) * TICKS_PER_WEEK)
    expected, _ = run_reference(reference, tables, weeks(26))
    assert log.tobytes() == expected.tobytes()
    assert not differences(compiled, reference)


def _run(model: Model, base: Base, engine: Any, arm: Arm) -> tuple[np.ndarray, Cell, dict[str, Any]]:
    log: list[np.ndarray] = []
    kept: dict[str, Any] = {}

    def look(region: Region) -> Generator[Any, Any, None]:
        kept["region"] = region
        kept["state"] = region.state
        yield region.env.timeout(0)

    cell = run_arm(model, base, arm, 0, engine, on_events=log.append, own_processes=(look,))
    return in_order(log), cell, kept


def test_people_who_ask_at_the_same_moment_are_served_in_the_order_of_the_list() -> None:
    tables = busy_tables(births=0.0, patience_days=[1e9] * 4, horizon_days=[1e9] * 4, urgent_share=np.zeros(AGES))
    states = [enter(busy_state(60, 2), tables) for _ in ENGINES]
    for state in states:  # with one GP a lane, nobody waits for a doctor of choice
        state.practices["servers"], state.practices["stretch"] = (1, 1, 2, 1), 12.0
    visit = FIRST_TRANSITION + [each.name for each in busy_transitions()].index("visit")
    for state in states:
        rows = state.listed
        state.people["due"][rows, visit] = 1000
        state.calendar[rows] = 1000
        state.people["due"][rows] = np.maximum(state.people["due"][rows], 1000)
    log, _ = run_compiled(states[0], tables, weeks(4))
    expected, _ = run_reference(states[1], tables, weeks(4))
    assert log.tobytes() == expected.tobytes()
    at_once = log[(log["tick"] == 1000) & (log["outcome"] == rec.BOOKED)]
    assert len(at_once) > 100
    for practice in (0, 1):
        mine = at_once[at_once["practice"] == practice]
        starts = mine["value"][np.argsort(mine["person"])]
        # Three lanes, of GPs and of nurses of two professions: in each of them nobody overtakes.
        assert lanes_needed(starts) <= 3


def lanes_needed(values: np.ndarray) -> int:
    """Return the smallest number of non-decreasing sequences into which `values` can be dealt."""
    tails: list[int] = []
    for value in values:
        fits = [k for k, tail in enumerate(tails) if tail <= value]
        if fits:
            tails[max(fits, key=lambda k: tails[k])] = int(value)
        else:
            tails.append(int(value))
    return len(tails)


@pytest.fixture(scope="module")
def bases() -> dict[tuple[int, str], Base]:
    """Base runs by seed and engine, filled as tests ask for them."""
    return {}


def _base(bases: dict[tuple[int, str], Base], seed: int, engine: Any) -> Base:
    if (seed, engine) not in bases:
        bases[seed, engine] = run_base(few_people_model(seed=seed), 0, engine)
    return bases[seed, engine]


@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_base_run_of_the_real_model(bases: dict[tuple[int, str], Base], seed: int) -> None:
    compiled, reference = (_base(bases, seed, engine) for engine in ENGINES)
    assert compiled.events == reference.events > 2500
    assert not differences(compiled.state, reference.state)
    assert compiled.hospital.keys() == reference.hospital.keys()
    for name, array in compiled.hospital.items():
        assert array.tobytes() == reference.hospital[name].tobytes(), name
    for mine, theirs in zip(compiled.quarters, reference.quarters, strict=True):
        assert mine.services.tobytes() == theirs.services.tobytes()
        assert mine.person_years.tobytes() == theirs.person_years.tobytes()


@pytest.mark.parametrize(
    ("seed", "behaviour"),
    [
        (1, "passive"),
        (2, "profit_altruism"),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in ((1, "profit_altruism"), (2, "passive"), (3, "passive"), (3, "profit_altruism"))
        ),
    ],
)
def test_arm_of_the_real_model(bases: dict[tuple[int, str], Base], seed: int, behaviour: str) -> None:
    model = few_people_model(seed=seed)
    mine, theirs = (_base(bases, seed, engine) for engine in ENGINES)
    arm = model.scenario.arm("dutch_today")
    if behaviour != "passive":
        arm, _ = solve_arms(model.scenario, [mine.years[-1]])["fee_for_service"]
    assert arm.behaviour.name == behaviour
    log, cell, kept = _run(model, mine, "compiled", arm)
    expected, of_reference, kept_reference = _run(model, theirs, "reference", arm)
    assert len(log) == cell.events == of_reference.events > 2500
    assert log.tobytes() == expected.tobytes()
    assert not differences(kept["state"], kept_reference["state"])
    for name, column in cell.results.items():
        np.testing.assert_array_equal(column, of_reference.results[name], name)
    assert cell.ledger.to_arrow().equals(of_reference.ledger.to_arrow())
    assert cell.incentives == of_reference.incentives
    # The comparison is worth something only if books were busy and levers moved.
    booked = log["value"][log["outcome"] == rec.BOOKED]
    assert (booked > rec.TICKS_PER_DAY).mean() > 0.05
    levers = kept["state"].practices["activity_levers"]
    assert (levers != 1.0).any() == (behaviour != "passive")


def _pull_levers(region: Region) -> Generator[Any, Any, None]:
    """Set all levers anew at the end of every third week, up and down by the practice, condition and lever."""
    week = 0
    while True:
        yield region.env.timeout(TICKS_PER_WEEK)
        week += 1
        if week % 3:
            continue
        practices = region.state.practices
        shape = practices["activity_levers"].shape
        pattern = (np.arange(np.prod(shape)) * 7 + week) % 11
        practices["activity_levers"] = (0.5 + pattern / 5.0).reshape(shape)
        practices["health_levers"] = (0.5 + pattern[::-1] / 5.0).reshape(shape)
        region.practices.levers_changed(int(region.env.now))


def test_levers_that_jump_wake_everybody_in_time(bases: dict[tuple[int, str], Base]) -> None:
    model = few_people_model(seed=1)
    arm = model.scenario.arm("dutch_today")
    logs, cells = [], []
    for engine in ENGINES:
        log: list[np.ndarray] = []
        base = _base(bases, 1, engine)
        cells.append(run_arm(model, base, arm, 0, engine, on_events=log.append, own_processes=(_pull_levers,)))
        logs.append(in_order(log))
    assert logs[0].tobytes() == logs[1].tobytes()
    for name, column in cells[0].results.items():
        np.testing.assert_array_equal(column, cells[1].results[name], name)
    calm: list[np.ndarray] = []
    run_arm(model, _base(bases, 1, "compiled"), arm, 0, on_events=calm.append)
    assert in_order(calm).tobytes() != logs[0].tobytes(), "the levers did nothing"


@pytest.mark.slow
def test_practices_that_choose_their_patients_do_so_in_both_engines() -> None:
    """Practices that hardly mind refusing people and sending them away: some are left without a practice."""
    changes = {"gross_turnover": 0.5, "practice_change_rate": 0.5}
    parameters = tuple(Override(f"migration.{name}", value) for name, value in changes.items())
    short = replace(scenario(1, 1), parameters=(*parameters, Override("care.closed_share", 0.0)))
    model = build_model(short, population=few_people(100))
    choosy = {"acceptance_curvature": 0.01, "acceptance_min": 0.05, "retention_curvature": 0.01, "retention_min": 0.2}
    kept = []
    for engine in ENGINES:
        base = run_base(model, 0, engine)
        arm, _ = solve_arms(short, [base.years[-1]])["fee_for_service"]
        arm = replace(arm, behaviour=Behaviour("profit_altruism", tuple(choosy.items())))
        kept.append(_run(model, base, engine, arm))
    (log, cell, state), (expected, of_reference, reference_state) = kept
    assert log.tobytes() == expected.tobytes()
    assert not differences(state["state"], reference_state["state"])
    for name, column in cell.results.items():
        np.testing.assert_array_equal(column, of_reference.results[name], name)
    assert values(cell.results, "patients_let_go")[-1] > 10
    assert values(cell.results, "years_without_practice")[-1] > 1
    assert 0.05 <= values(cell.results, "lever_acceptance")[-1] < 0.9


def test_a_practice_that_closes_down_leaves_its_people_to_other_lists() -> None:
    """In both engines alike: nobody is lost, appointments are dropped, and people join the other list."""
    parameters = (Override("care.solo_closing_rate", 0.45), Override("care.closed_share", 0.0))
    short = replace(scenario(1, 3), parameters=parameters)
    people = few_people(100)
    solo = tuple(replace(each, gps=1) for each in people.practices)
    model = build_model(short, population=replace(people, practices=solo))
    ends = closing_years(model)
    assert (ends == closing_years(model)).all()
    assert 1 <= ends.min() < 3 <= ends.max()
    bases = {engine: run_base(model, 0, engine) for engine in ENGINES}
    arm = short.arm("dutch_today")
    log, cell, kept = _run(model, bases["compiled"], "compiled", arm)
    expected, of_reference, kept_reference = _run(model, bases["reference"], "reference", arm)
    assert log.tobytes() == expected.tobytes()
    assert not differences(kept["state"], kept_reference["state"])
    for name, column in cell.results.items():
        np.testing.assert_array_equal(column, of_reference.results[name], name)
    closed = int(ends.argmin())
    after = log[(log["practice"] == closed) & (log["tick"] >= ends.min() * rec.TICKS_PER_YEAR)]
    booked = after[after["outcome"] == rec.BOOKED]
    assert not len(booked)
    rows = kept["state"].listed
    people_now = kept["state"].people[rows]
    left = people_now[(people_now["alive"] == 1) & (people_now["practice"] == closed)]
    assert (left["unlisted"] == 1).all()
    assert len(left) < 20  # the other list takes them within the quarter
    works = values(cell.results, "practices_at_work")[:3] / people.practices[0].weight
    assert works.tolist() == [(ends > year).sum() for year in range(3)]


@pytest.mark.parametrize(
    ("kind", "closed_share"), [("open", 0.0), pytest.param("closed", 0.0, marks=pytest.mark.slow), ("open", 1.0)]
)
def test_people_who_come_go_and_change_practice(kind: Any, closed_share: float) -> None:
    """A third of the people moves every year, on rows that are left and taken again within weeks.

    Where lists close at once, newcomers are without a practice until one opens again.
    """
    changes = {"gross_turnover": 0.7, "net_rate": 0.05, "practice_change_rate": 0.8, "insurer_change_rate": 0.5}
    parameters = tuple(Override(f"migration.{name}", value) for name, value in changes.items())
    parameters += (Override("care.closed_share", closed_share),)
    short = replace(scenario(1, 1), parameters=parameters, population=kind)
    model = build_model(short, population=few_people(100))
    bases = {engine: run_base(model, 0, engine) for engine in ENGINES}
    assert not differences(bases["compiled"].state, bases["reference"].state)
    for name, array in bases["compiled"].hospital.items():
        assert array.tobytes() == bases["reference"].hospital[name].tobytes(), name
    arm, _ = solve_arms(short, [bases["compiled"].years[-1]])["fee_for_service"]
    log, cell, kept = _run(model, bases["compiled"], "compiled", arm)
    expected, of_reference, kept_reference = _run(model, bases["reference"], "reference", arm)
    assert log.tobytes() == expected.tobytes()
    assert not differences(kept["state"], kept_reference["state"])
    for name, column in cell.results.items():
        np.testing.assert_array_equal(column, of_reference.results[name], name)
    assert cell.ledger.to_arrow().equals(of_reference.ledger.to_arrow())
    outcomes = np.bincount(log["outcome"], minlength=len(rec.OUTCOMES))
    assert outcomes[rec.LIST_ASKED] > 100
    arrived = len(np.unique(log["person"][log["person"] >= rec.ARRIVAL]))
    assert (outcomes[rec.DEPARTED] > 40 and arrived > 40) == (kind == "open")
    assert (values(cell.results, "years_without_practice")[-1] > 1) == (closed_share > 0.0)
    if closed_share > 0.0:
        return
    # People are seen on both lists, and act after they have moved.
    both = np.intersect1d(*(log["person"][log["practice"] == k] for k in (0, 1)))
    assert len(both) > 50
