"""Passes over patients against the same thing said in numpy, or one by one in Python."""

from __future__ import annotations

import math

import numpy as np
import pytest

from paysim.engine.beds import DAYS, bed_days
from paysim.engine.waiting import Draws, WaitingList, apart, by_order, chosen, ghosts, nobody
from paysim.kernel import patients as kernel
from paysim.kernel import streams
from paysim.kernel.patients import GHOST
from paysim.kernel.records import PERSON, TICKS_PER_WEEK, State
from paysim.kernel.tables import stream_key

PEOPLE = 200


def _state() -> State:
    """Every fifth person is dead, and every seventh row belongs to somebody else by now."""
    people, row = np.zeros(PEOPLE, PERSON), np.arange(PEOPLE)
    people["id"] = np.where(row % 7 == 0, 10_000 + row, row)
    people["alive"] = row % 5 != 0
    people["key"] = streams.person_keys(streams.run_key(3, 0), row)
    return State(people, np.zeros(PEOPLE, np.int64), np.zeros(0))


def _patients(count: int = 300, seed: int = 1) -> np.ndarray:
    """Two in three are people, the others ghosts; several ask at the same tick, and some need the same twice."""
    rng = np.random.default_rng(seed)
    made = nobody(count)
    own = rng.random(count) < 0.67
    made["row"] = made["person"] = np.where(own, rng.integers(0, PEOPLE, count), GHOST)
    made["since"], made["number"] = rng.integers(0, 40, count) * 1000, rng.integers(0, 5, count)
    made["process"], made["unit"] = rng.integers(0, 90, count), rng.integers(0, 3, count)
    made["urgent"], made["visits"] = rng.integers(0, 2, count), rng.integers(0, 4, count)
    made["days"], made["patience"] = rng.exponential(9.0, count), rng.exponential(6.0, count)
    return made


def _lives(state: State, patients: np.ndarray) -> np.ndarray:
    rows, people = patients["row"], state.people
    return (rows == GHOST) | ((people["alive"][rows] == 1) & (people["id"][rows] == patients["person"]))


def test_draws_are_those_of_the_streams():
    state, patients, key = _state(), _patients(), streams.run_key(3, 0)
    keys = np.where(patients["row"] == GHOST, key, state.people["key"][patients["row"]])
    number = patients["number"] + (patients["process"].astype(np.int64) << 32)
    expected = streams.uniforms(keys, int(stream_key("a choice")), number)
    draws = Draws(state, key)
    assert draws.of(patients, "a choice").tobytes() == expected.tobytes()
    draws.week = 17
    draws.weekly("another")
    expected = streams.uniforms(np.array([key]), int(stream_key("a name")), 17)
    assert draws.weekly("a name") == expected[0]


def test_who_lives_here_and_who_is_simulated():
    state, patients = _state(), _patients()
    draws, lives = Draws(state, np.uint64(1)), _lives(state, patients)
    assert 0 < lives.sum() < len(patients)
    assert draws.alive(patients).tolist() == lives.tolist()
    assert draws.living(patients).tobytes() == patients[lives].tobytes()
    rows, places = draws.own(patients)
    assert places.tolist() == np.flatnonzero(lives & (patients["row"] != GHOST)).tolist()
    assert rows.tolist() == patients["row"][places].tolist()


def test_order_is_by_tick_person_number_and_place():
    patients = _patients()
    expected = patients[np.lexsort((patients["number"], patients["person"], patients["since"]))]
    assert by_order(patients).tobytes() == expected.tobytes()


def test_groups_keep_their_order_and_leave_out_who_is_in_none():
    patients = _patients()
    group = np.random.default_rng(2).integers(-1, 5, len(patients))
    for number, part in enumerate(apart(patients, group, 4)):
        assert part.tobytes() == patients[group == number].tobytes()
    assert chosen(patients, group > 1).tobytes() == patients[group > 1].tobytes()


def test_ghosts_are_spread_evenly_and_numbered_by_stream_week_and_place():
    made = ghosts(np.array([2, 0, 1]), np.array([4, 5, 9]), 7, 100, 3.0)
    assert made["number"].tolist() == [(4 << 44) + (7 << 20), (4 << 44) + (7 << 20) + 1, (9 << 44) + (7 << 20)]
    back = [math.ceil(share * 3 * TICKS_PER_WEEK) for share in (0.75, 0.25, 0.5)]
    assert made["since"].tolist() == [100 - each for each in back]
    assert (made["row"] == GHOST).all()
    assert (made["person"] == GHOST).all()


def test_each_is_offered_the_place_behind_all_before_and_joins_or_leaves():
    state, patients = _state(), _patients()
    waiting, slots, closed = (
        np.array([[3, 40], [0, 0], [9, 2]]),
        np.array([[4.0, 3.5], [1e-9, 6.0], [8.0, 2.0]]),
        [0, 2, 5],
    )
    group, counts = np.empty(len(patients), np.int64), np.zeros((3, 2), np.int64)
    kernel.join_or_leave(
        patients, patients["unit"], np.cumsum(waiting, axis=1), slots, np.array(closed), state.people, group, counts
    )
    expected, joined, left = np.full(len(patients), -1), np.zeros((3, 2), int), np.zeros((3, 2), int)
    lives = _lives(state, patients)
    for routine in (0, 1):
        for k, each in enumerate(patients):
            if (each["urgent"] == 0) != routine:
                continue
            unit = each["unit"]
            before = waiting[unit, 0] + routine * (waiting[unit, 1] + joined[unit, 0])
            offered = closed[unit] + (before + joined[unit, routine] + left[unit, routine]) // slots[unit, routine]
            (joined if offered <= each["patience"] else left)[unit, routine] += 1
            if lives[k]:
                expected[k] = 2 * unit + routine + (0 if offered <= each["patience"] else 6)
    assert group.tolist() == expected.tolist()
    assert counts.tolist() == np.column_stack([joined.sum(axis=1), left.sum(axis=1)]).tolist()
    assert len(set(group.tolist())) > 8  # of the dead and of twelve ways to join or leave


def test_next_visits_are_those_to_come_of_new_patients_and_of_the_living():
    state, treated, came = _state(), _patients(50, 3), _patients(50, 4)
    planned = np.empty(100, kernel.PATIENT)
    count = kernel.plan_visits(treated, came, 777, state.people, planned)
    again = came[(came["visits"] > 1) & _lives(state, came)]
    again["visits"] -= 1
    expected = np.concatenate([treated[treated["visits"] > 0], again])
    expected["since"] = 777
    assert planned[:count].tobytes() == expected.tobytes()


def test_stays_that_fit_and_the_weeks_in_which_they_fall():
    patients = _patients()
    days = np.cumsum(np.minimum(patients["days"], DAYS))
    for room in (-1.0, 0.0, 50.0, float(days[9]), 1e9):
        assert kernel.how_many_fit(patients, room, DAYS) == np.searchsorted(days, room, side="right")
    begins, stays = np.random.default_rng(5).uniform(0.0, DAYS, 300), patients["days"]
    edges = np.arange(27) * DAYS
    after = np.maximum((begins + stays)[:, None] - np.maximum(edges, begins[:, None]), 0.0).sum(axis=0)
    assert bed_days(begins, stays).tobytes() == np.append(after[:-1] - after[1:], after[-1]).tobytes()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_list_is_the_same_however_it_grew(seed):
    """Room is made for some weeks at a time; nobody is lost, doubled or overwritten by who joins later."""
    rng, state = np.random.default_rng(seed), _state()
    draws, made, plain = Draws(state, np.uint64(1)), WaitingList(), nobody()
    taken, expected = [], []
    for at in range(60):
        come = _patients(int(rng.integers(0, 30)), 100 * seed + at)
        made.join(come)
        plain = np.concatenate([plain, come])
        if at % 10 == 5:
            made.drop_dead(draws)
            plain = plain[_lives(state, plain)]
        count = int(rng.integers(0, 28))
        taken.append(made.take(count, 0))
        expected.append(plain[:count])
        plain = plain[count:]
        assert made.waiting.tobytes() == plain.tobytes()
        assert len(made) == len(plain)
    assert np.concatenate(taken).tobytes() == np.concatenate(expected).tobytes()
