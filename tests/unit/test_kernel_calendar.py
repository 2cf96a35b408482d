"""The compiled calendar: no buffer, window or order may change a byte; nobody acts out of turn."""

from __future__ import annotations

import numpy as np
import pytest

from paysim.engine.compiled import CompiledPractices
from paysim.errors import ModelError
from paysim.kernel import advance as kernel
from paysim.kernel import records as rec
from paysim.kernel.records import FIRST_TRANSITION, NEVER, TICKS_PER_DAY, TICKS_PER_WEEK, TICKS_PER_YEAR, State
from paysim.kernel.spec import Transition
from tests.toy import (
    BUSY_FLAGS,
    busy_state,
    busy_tables,
    busy_transitions,
    differences,
    enter,
    flat,
    in_order,
    run_compiled,
    toy_state,
    toy_tables,
    weeks,
)

WEEKS = 52
PROCESSES = (*rec.FIXED_PROCESSES, *(each.name for each in busy_transitions()))


def _run(ticks: np.ndarray, buffer: int = 1 << 14) -> tuple[np.ndarray, np.ndarray, State]:
    tables = busy_tables()
    state = enter(busy_state(), tables)
    return *run_compiled(state, tables, ticks, buffer), state


@pytest.fixture(scope="module")
def weekly() -> tuple[np.ndarray, np.ndarray, State]:
    return _run(weeks(WEEKS))


def _same(one: tuple[np.ndarray, np.ndarray, State], other: tuple[np.ndarray, np.ndarray, State]) -> None:
    assert one[0].tobytes() == other[0].tobytes()
    assert one[1].tobytes() == other[1].tobytes()
    assert not differences(one[2], other[2])


def test_the_toy_is_busy_enough_to_prove_something(weekly: tuple[np.ndarray, np.ndarray, State]) -> None:
    log, requests, state = weekly
    outcomes = np.bincount(log["outcome"], minlength=len(rec.OUTCOMES))
    named = dict(zip(rec.OUTCOMES, outcomes, strict=True))
    assert all(count > 0 for count in outcomes), named
    fired = {PROCESSES[k] for k in np.unique(log["process"])}
    assert fired == set(PROCESSES)
    kinds = {rec.REFERRAL_REQUEST, rec.ADMISSION_REQUEST, rec.LIST_REQUEST, rec.VISIT_REQUEST}
    assert set(requests["kind"]) == kinds
    booked = log[(log["outcome"] == rec.BOOKED)]
    assert (booked["value"] > 0).mean() > 0.5
    assert (booked["value"] > TICKS_PER_DAY).mean() > 0.1
    assert (state.people["id"] >= rec.NEWBORN).sum() > 20


@pytest.mark.parametrize("buffer", [1, 2, 13])
def test_buffers_of_any_size_give_the_same_bytes(weekly: tuple[np.ndarray, np.ndarray, State], buffer: int) -> None:
    _same(weekly, _run(weeks(WEEKS), buffer))


@pytest.mark.parametrize("days", [1, 28, 91, 364])
def test_windows_of_any_length_give_the_same_bytes(weekly: tuple[np.ndarray, np.ndarray, State], days: int) -> None:
    ends = np.arange(1, WEEKS * 7 // days + 1) * days * TICKS_PER_DAY
    assert ends[-1] == WEEKS * TICKS_PER_WEEK
    _same(weekly, _run(ends))


def test_an_uneven_window_gives_the_same_bytes(weekly: tuple[np.ndarray, np.ndarray, State]) -> None:
    random = np.random.default_rng(5)
    inside = np.sort(random.integers(1, WEEKS * TICKS_PER_WEEK, 40))
    _same(weekly, _run(np.append(inside, WEEKS * TICKS_PER_WEEK)))


def test_a_run_without_a_log_ends_in_the_same_state(weekly: tuple[np.ndarray, np.ndarray, State]) -> None:
    tables = busy_tables()
    state = enter(busy_state(), tables)
    engine = CompiledPractices(state, tables)
    for tick in weeks(WEEKS):
        engine.advance(int(tick))
    assert not differences(state, weekly[2])
    assert engine.taken == len(weekly[0])


def test_practices_in_another_order_give_the_same_lives(weekly: tuple[np.ndarray, np.ndarray, State]) -> None:
    tables = busy_tables()
    state = busy_state()
    order = [2, 0, 1]
    room = int(state.practices["room"][0])
    shuffled = State(
        np.concatenate([state.people[k * room : (k + 1) * room] for k in order]),
        state.calendar.copy(),
        state.practices.copy(),
    )
    shuffled.practices["activity_levers"] = state.practices["activity_levers"][order]
    log, requests = run_compiled(enter(shuffled, tables), tables, weeks(WEEKS))
    assert log[["tick", "person", "value", "process", "outcome"]].tolist() == (
        weekly[0][["tick", "person", "value", "process", "outcome"]].tolist()
    )
    kept = ["tick", "person", "days", "number", "kind", "process"]
    assert requests[kept].tolist() == weekly[1][kept].tolist()
    for new, old in enumerate(order):
        mine = shuffled.people[new * room : (new + 1) * room]
        theirs = weekly[2].people[old * room : (old + 1) * room]
        assert mine["qaly"].tobytes() == theirs["qaly"].tobytes()
        assert mine["counts"].tobytes() == theirs["counts"].tobytes()


def test_another_seed_gives_other_lives(weekly: tuple[np.ndarray, np.ndarray, State]) -> None:
    tables = busy_tables()
    log, _ = run_compiled(enter(busy_state(seed=2), tables), tables, weeks(WEEKS))
    assert log.tobytes() != weekly[0].tobytes()


def test_time_never_goes_back_and_entries_lie_in_their_window() -> None:
    tables = busy_tables()
    state = enter(busy_state(), tables)
    batches: list[np.ndarray] = []
    engine = CompiledPractices(state, tables, batches.append, 64)
    before = 0
    for tick in weeks(20):
        batches.clear()
        requests = engine.advance(int(tick))
        window = np.concatenate(batches)
        assert window["tick"].min() >= before
        assert window["tick"].max() < tick
        for number in range(3):
            mine = window[window["practice"] == number]
            assert (np.diff(mine["tick"]) >= 0).all()
        order = np.lexsort((requests["person"], requests["tick"]))
        assert np.array_equal(order, np.arange(len(requests)))
        # Whoever is alive has nothing left to do before the window's end, and the calendar knows what comes next.
        alive = state.listed[state.people["alive"][state.listed] == 1]
        due = state.people["due"][alive][:, : len(PROCESSES)].min(axis=1)
        assert (due >= tick).all()
        assert np.array_equal(state.calendar[alive], due)
        before = int(tick)


def test_nobody_acts_after_death_or_before_birth(weekly: tuple[np.ndarray, np.ndarray, State]) -> None:
    log, _, state = weekly
    people = state.people[state.listed]
    death = dict(zip(people["id"].tolist(), people["death"].tolist(), strict=True))
    birth = dict(zip(people["id"].tolist(), people["birth"].tolist(), strict=True))
    assert len(death) == len(people), "two people share a number"
    assert all(birth[e["person"]] <= e["tick"] <= death[e["person"]] for e in log)
    dead = people[people["death"] < NEVER]
    assert len(dead) > 10
    fatal = log[(log["outcome"] == rec.DIED) | (log["outcome"] == rec.DIED_BEFORE_CARE)]
    assert sorted(zip(fatal["person"].tolist(), fatal["tick"].tolist(), strict=True)) == sorted(
        zip(dead["id"].tolist(), dead["death"].tolist(), strict=True)
    )
    assert (dead["due"] == NEVER).all()
    assert (people["alive"] + people["departed"] == (people["death"] == NEVER)).all()
    gone = people[people["departed"] == 1]
    left = log[log["outcome"] == rec.DEPARTED]
    assert dict(zip(left["person"].tolist(), left["tick"].tolist(), strict=True)) == dict(
        zip(gone["id"].tolist(), gone["since"].tolist(), strict=True)
    )
    last = dict(zip(log["person"].tolist(), log["tick"].tolist(), strict=True))
    assert all(last[person] == tick for person, tick in zip(gone["id"].tolist(), gone["since"].tolist(), strict=True))
    assert (gone["due"] == NEVER).all()


def test_births_are_conserved_and_keyed_by_the_mother(weekly: tuple[np.ndarray, np.ndarray, State]) -> None:
    log, _, state = weekly
    births = int((log["outcome"] == rec.BORN).sum())
    people = state.people[state.listed]
    assert len(people) == 360 + births
    children = people[people["id"] >= rec.NEWBORN]
    assert len(children) == births > 20
    assert set(children["birth"]) == set(log["tick"][log["outcome"] == rec.BORN])
    assert len(np.unique(children["key"])) == births
    # Children know no illness, and boys are slightly more than half.
    assert 0 < children["sex"].sum() < births
    # The same mother has the same children when others are more or less busy.
    tables = busy_tables(patience_days=[1e9] * 4)
    other = enter(busy_state(), tables)
    run_compiled(other, tables, weeks(WEEKS))
    kept = ["id", "key", "birth", "sex"]
    again = other.people[other.listed]
    again = again[again["id"] >= rec.NEWBORN]
    mothers_alike = np.isin(children["id"], again["id"])
    assert mothers_alike.mean() > 0.9
    theirs = {int(row["id"]): row[kept].tolist() for row in again}
    assert all(theirs[int(row["id"])] == row[kept].tolist() for row in children[mothers_alike])


def test_person_time_and_qalys_add_up() -> None:
    tables = busy_tables()
    state = enter(busy_state(), tables)
    engine = CompiledPractices(state, tables)
    lived, qalys = 0.0, 0.0
    for quarter in range(4):
        end = (quarter + 1) * 13 * TICKS_PER_WEEK
        engine.advance(end)
        kernel.close_period(state.people, state.practices, end)
        lived += state.people["life"][state.listed].sum()
        qalys += state.people["qaly"][state.listed].sum()
        kernel.open_period(state.people, state.practices)
        assert not state.people["life"].any()
    people = state.people[state.listed]
    end = np.where(people["departed"] == 1, people["since"], np.minimum(people["death"], TICKS_PER_YEAR))
    exact = end - np.maximum(people["birth"], 0)
    assert abs(lived - exact.sum() / TICKS_PER_YEAR) < 1e-9 * lived
    # Utility is 0.9, less 0.1 when ill and again when recently struck.
    assert 0.7 * lived < qalys < 0.9 * lived


def test_qalys_of_a_known_illness() -> None:
    rows = [
        Transition("ends", "timer", flat(1.0), required=("ill",), clears=("ill",), delay_years=0.25),
        Transition("falls", "onset", flat(20.0), forbidden=("been",), sets=("ill", "been")),
    ]
    tables = toy_tables(rows, ("ill", "been"), utility=0.8, decrements={"ill": -0.3})
    state = enter(toy_state(3, ages=40.5), tables)
    log, _ = run_compiled(state, tables, [TICKS_PER_YEAR])
    assert len(log[log["process"] >= rec.FIRST_TRANSITION]) == 6
    kernel.close_period(state.people, state.practices, TICKS_PER_YEAR)
    np.testing.assert_allclose(state.people["qaly"], 0.25 * 0.5 + 0.75 * 0.8, rtol=1e-12)
    np.testing.assert_allclose(state.people["life"], 1.0, rtol=1e-12)


def test_birthdays_come_once_a_year_and_ages_are_completed_years() -> None:
    tables = toy_tables([])
    ages = np.array([0.0, 0.25, 17.999, 64.5, 109.5, 110.9])
    state = enter(toy_state(6, ages=ages), tables)
    log, _ = run_compiled(state, tables, [3 * TICKS_PER_YEAR])
    assert state.people["age"].tolist() == [2, 3, 20, 67, 110, 110]
    assert (np.bincount(log["person"]) >= 2).all()
    assert (log["process"] == rec.BIRTHDAY).all()
    whole = (log["tick"] - state.people["birth"][log["person"]]) % TICKS_PER_YEAR
    assert not whole.any()


def test_a_full_list_stops_the_run_with_the_practice_named() -> None:
    tables = toy_tables([Transition("birth", "birth", flat(0.5))])
    state = enter(toy_state(50, 3, room=3), tables)
    with pytest.raises(ModelError, match=r"practice 0\b.*room.*53"):
        CompiledPractices(state, tables).advance(TICKS_PER_YEAR)
    assert state.practices["used"][0] == 53


def test_a_list_that_the_calendar_cannot_hold_is_refused() -> None:
    state = State(np.zeros(1, rec.PERSON), np.zeros(1, np.int64), np.zeros(1, rec.PRACTICE))
    state.practices["room"] = kernel.ROW_MASK + 1
    with pytest.raises(ModelError, match="32768"):
        CompiledPractices(state, toy_tables([]))


def test_an_appointment_is_held_exactly_when_it_was_booked_for() -> None:
    """Waits in the log, ticks of the appointments and the practice's own counts tell the same story."""
    tables = busy_tables()
    state = enter(busy_state(), tables)
    log, _ = run_compiled(state, tables, weeks(40))
    held = log[(log["process"] >= rec.GP_PLANNED) & (log["process"] <= rec.MENTAL_NURSE)]
    booked = log[log["outcome"] == rec.BOOKED]
    promised = set(zip(booked["person"].tolist(), (booked["tick"] + booked["value"]).tolist(), strict=True))
    kept = set(zip(held["person"].tolist(), held["tick"].tolist(), strict=True))
    assert kept <= promised
    people = state.people[state.listed]
    dead = set(people["id"][people["alive"] == 0].tolist())
    missed = promised - kept
    assert all(person in dead or tick >= 40 * TICKS_PER_WEEK for person, tick in missed)
    assert (held["tick"] - held["value"] >= 0).all()
    assert state.practices["waits"].sum() == len(booked)
    needs = {PROCESSES.index(name) for name in ("visit", "again", "control", "treat")} | {rec.RETRY}
    asks = log[np.isin(log["process"], list(needs))]
    in_vain = int((log["outcome"] == rec.MISSED).sum())
    assert state.practices["access"].sum() == len(asks) + in_vain
    for outcome in (rec.COMBINED, rec.BOOKED, rec.LATER, rec.OUT_OF_HOURS, rec.DROPPED):
        assert state.practices["access"][..., outcome].sum() == (asks["outcome"] == outcome).sum(), outcome
    contacts = tables[0]["contact_service"]
    at_night = int((log["outcome"] == rec.SEEN_AFTER_HOURS).sum())
    assert people["counts"][:, np.unique(contacts)].sum() == len(held) - in_vain + at_night


def test_treatment_starts_at_the_appointment_and_not_before() -> None:
    tables = busy_tables()
    state = enter(busy_state(), tables)
    log, _ = run_compiled(state, tables, weeks(40))
    treat = FIRST_TRANSITION + [each.name for each in busy_transitions()].index("treat")
    asked = log[(log["process"] == treat) & (log["outcome"] == rec.BOOKED)]
    started = log[log["outcome"] == rec.TREATED]
    assert len(started) > 20
    assert set(started["process"]) == {rec.NURSE}
    assert len(asked) >= 10
    pill = 1 << BUSY_FLAGS.index("pill")
    ever = set(started["person"].tolist())
    assert all(int(row["id"]) in ever for row in state.people[state.listed] if row["flags"] & pill)


def test_patience_decides_and_each_way_out_has_its_share() -> None:
    tables = busy_tables(births=0.0)
    tables["elsewhere"][:] = [0.25, 0.5, 0.75, 1.0]
    state = busy_state(1500, 2, room=0)
    state.practices["servers"] = 0  # nobody can be seen
    log, _ = run_compiled(enter(state, tables), tables, weeks(8))
    visit = FIRST_TRANSITION + [each.name for each in busy_transitions()].index("visit")
    asks = log[log["process"] == visit]
    first = asks[np.unique(asks["person"], return_index=True)[1]]
    assert len(first) > 1000
    for outcome in (rec.LATER, rec.OUT_OF_HOURS, rec.EMERGENCY, rec.DROPPED):
        assert abs((first["outcome"] == outcome).mean() - 0.25) < 4 * np.sqrt(0.1875 / len(first)), outcome
    again = log[log["process"] == rec.RETRY]
    assert len(again) > 100
    assert rec.LATER not in again["outcome"]
    later = asks[asks["outcome"] == rec.LATER]
    due = set(zip(later["person"].tolist(), (later["tick"] + 4 * TICKS_PER_DAY).tolist(), strict=True))
    assert set(zip(again["person"].tolist(), again["tick"].tolist(), strict=True)) <= due


def test_staff_never_see_more_people_at_once_than_they_are() -> None:
    tables = toy_tables([Transition("visit", "need", flat(30.0))])
    state = toy_state(400, servers=(3, 1, 1, 1), hours=(8.0, 17.0), stretch=2.0)
    log, _ = run_compiled(enter(state, tables), tables, weeks(8))
    held = log["tick"][log["process"] == rec.GP_PLANNED]
    assert len(held) > 1000
    of_day = held % TICKS_PER_DAY
    blocks = 2 * 10 * 60_000
    assert of_day.min() >= 8 * 3_600_000
    assert of_day.max() + blocks <= 17 * 3_600_000
    steps = np.concatenate(
        [np.stack([held, np.ones_like(held)]), np.stack([held + blocks, -np.ones_like(held)])], axis=1
    )
    order = np.lexsort((steps[1], steps[0]))
    assert np.cumsum(steps[1][order]).max() == 3
    booked = in_order([log[log["outcome"] == rec.BOOKED]])
    starts = booked["tick"] + booked["value"]
    assert (np.diff(starts) >= 0).all(), "somebody overtook"
