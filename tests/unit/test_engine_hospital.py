"""The clinic and the beds: order, capacity, ghosts, and who comes first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import simpy

from paysim.engine.hospital import GHOST, Hospital, HospitalTerms
from paysim.kernel import streams
from paysim.kernel.records import (
    ADMISSION_REQUEST,
    NEVER,
    PERSON,
    PRACTICE,
    REFERRAL_REQUEST,
    REQUEST,
    TICKS_PER_DAY,
    TICKS_PER_WEEK,
    State,
)

PEOPLE = 4000
TRAJECTORY, ELECTIVE = 3, 5
SETTLED = 30  # weeks; past the weeks in which capacity follows demand
TERMS = HospitalTerms(
    initial_wait_weeks=4.0,
    margin=0.0,
    growth_per_year=0.0,
    patience_weeks=1e9,
    elective_share=0.3,
    elective_stay_days=3.0,
    bed_occupancy=0.85,
)


def _hospital(weight: float = 1.0, **terms: Any) -> Hospital:
    people = np.zeros(PEOPLE, PERSON)
    people["alive"], people["death"] = 1, NEVER
    people["id"] = np.arange(PEOPLE)
    people["key"] = streams.person_keys(streams.run_key(1, 0), np.arange(PEOPLE))
    state = State(people, np.zeros(PEOPLE, np.int64), np.zeros(1, PRACTICE))
    return Hospital(state, replace(TERMS, **terms), streams.run_key(1, 0), weight, (TRAJECTORY, ELECTIVE))


def _settled(weight: float = 1.0, slots: float = 10.0, bed_days: float = 100.0, **terms: Any) -> Hospital:
    hospital = _hospital(weight, **terms)
    hospital.week, hospital.slots_per_week, hospital.bed_days_per_week = SETTLED, slots, bed_days
    return hospital


def _requests(rows: np.ndarray, now: int, kind: int = REFERRAL_REQUEST, days: float = 0.0) -> np.ndarray:
    """Return requests of a week ending at `now`, in the order of `rows`."""
    requests = np.zeros(len(rows), REQUEST)
    requests["row"] = requests["person"] = rows
    requests["kind"], requests["days"] = kind, days
    requests["tick"] = now - TICKS_PER_WEEK + (np.arange(len(rows)) + 1) * 1000
    requests["process"] = 7
    return requests


def _week(hospital: Hospital, *requests: np.ndarray) -> None:
    """Let the hospital work one week on requests."""
    env = simpy.Environment(initial_time=(hospital.week) * TICKS_PER_WEEK)
    env.process(hospital.work(env))
    if requests:
        hospital.receive(np.concatenate(requests))
    env.run(until=env.now + TICKS_PER_WEEK + 1)


def _seen(hospital: Hospital, service: int = TRAJECTORY) -> np.ndarray:
    return np.flatnonzero(hospital.state.people["counts"][:, service])


def test_the_clinic_sees_people_in_the_order_of_referral_and_no_more_than_it_can() -> None:
    hospital = _settled(slots=10.0)
    order = np.random.default_rng(1).permutation(40)
    _week(hospital, _requests(order, (SETTLED + 1) * TICKS_PER_WEEK))
    assert sorted(_seen(hospital)) == sorted(order[:10])
    assert hospital.clinic.waiting["row"].tolist() == order[10:].tolist()
    _week(hospital, _requests(np.arange(100, 105), (SETTLED + 2) * TICKS_PER_WEEK))
    assert sorted(_seen(hospital)) == sorted(order[:20])
    for _ in range(3):
        _week(hospital)
    assert sorted(_seen(hospital)) == sorted([*order, *range(100, 105)])
    assert hospital.clinic.served == 45
    assert len(hospital.clinic.waiting) == 0
    # Waits in whole weeks: ten each in the first four weeks; the five of the second week are seen in the fifth.
    assert hospital.clinic.waits[:5].tolist() == [10, 10, 10, 15, 0]


def test_a_fraction_of_a_slot_is_given_out_by_chance_with_its_own_mean() -> None:
    hospital = _settled(slots=2.4)
    hospital.clinic.waiting = _requests(np.arange(2000), 0)
    for _ in range(500):
        _week(hospital)
    assert abs(hospital.clinic.served - 1200) < 4 * np.sqrt(500 * 0.24)


def test_the_dead_are_dropped_from_both_lists() -> None:
    hospital = _settled(slots=5.0, bed_days=0.0, elective_share=1.0)
    now = (SETTLED + 1) * TICKS_PER_WEEK
    dead = np.array([1, 2, 7])
    hospital.state.people["alive"][dead] = 0
    _week(hospital, _requests(np.arange(12), now))
    assert _seen(hospital).tolist() == [0, 3, 4, 5, 6]
    assert not np.isin(dead, hospital.clinic.waiting["row"]).any()
    # Seen but not admitted for want of beds; now one of those who wait dies.
    assert hospital.beds.waiting["row"].tolist() == [0, 3, 4, 5, 6]
    hospital.state.people["alive"][4] = 0
    hospital.bed_days_per_week = 1000.0
    _week(hospital)
    assert 4 not in _seen(hospital, ELECTIVE)
    assert {0, 3, 5, 6} <= set(_seen(hospital, ELECTIVE).tolist())


def test_emergencies_displace_elective_care_and_are_never_refused() -> None:
    now = (SETTLED + 1) * TICKS_PER_WEEK
    rows = np.arange(60)
    free, full = (_settled(slots=60.0, bed_days=100.0, elective_share=1.0) for _ in range(2))
    _week(free, _requests(rows, now))
    emergencies = _requests(np.arange(100, 120), now, ADMISSION_REQUEST, days=4.0)
    _week(full, _requests(rows, now), emergencies)
    assert len(_seen(full, ELECTIVE)) < len(_seen(free, ELECTIVE)) < 60
    assert set(_seen(full, ELECTIVE).tolist()) < set(_seen(free, ELECTIVE).tolist())
    # 80 of 100 bed-days are taken; elective patients keep their order for the rest.
    assert 80.0 < full.bed_days_used <= 100.0
    assert full.beds.waiting["row"].tolist() == rows[len(_seen(full, ELECTIVE)) :].tolist()
    swamped = _settled(slots=60.0, bed_days=100.0, elective_share=1.0)
    _week(swamped, _requests(rows, now), _requests(np.arange(100, 200), now, ADMISSION_REQUEST, days=4.0))
    assert len(_seen(swamped, ELECTIVE)) == 0
    assert swamped.bed_days_used == 400.0
    assert len(swamped.beds.waiting) == 60
    # The clinic itself is not held up by full beds.
    assert len(_seen(swamped)) == 60


def test_share_and_stay_of_elective_admissions() -> None:
    hospital = _settled(slots=1e6, bed_days=1e9)
    _week(hospital, _requests(np.arange(PEOPLE), (SETTLED + 1) * TICKS_PER_WEEK))
    admitted = hospital.beds.served
    assert abs(admitted / PEOPLE - 0.3) < 4 * np.sqrt(0.21 / PEOPLE)
    assert abs(hospital.bed_days_used / admitted - 3.0) < 4 * 3.0 / np.sqrt(admitted)


def test_impatient_people_are_seen_outside_the_region() -> None:
    hospital = _settled(slots=100.0, patience_weeks=10.0)
    hospital.clinic.waiting = _requests(np.arange(2000, 2500), 0)  # a list of five weeks
    rows = np.arange(1000)
    _week(hospital, _requests(rows, (SETTLED + 1) * TICKS_PER_WEEK))
    # Offered waits run from 5 to 15 weeks; patience is exponential with mean 10 weeks.
    offered = 5.0 + np.arange(1000) / 100.0
    stays = np.exp(-offered / 10.0)
    left = hospital.clinic.left
    assert abs(left - (1 - stays).sum()) < 4 * np.sqrt((stays * (1 - stays)).sum())
    # They are treated all the same, at once; those who stay wait behind the list.
    assert len(np.intersect1d(_seen(hospital), rows)) == left
    assert len(hospital.clinic.waiting) == 500 - 100 + 1000 - left


@pytest.mark.parametrize("weight", [1.0, 6.0])
def test_ghosts_only_in_a_sample_and_as_many_as_are_missing(weight: float) -> None:
    hospital = _settled(weight, slots=1e9, bed_days=1e9)
    hospital.demand[0] = 20.0
    weeks, own = 200, 0
    for week in range(weeks):
        rows = (week * 20 + np.arange(20)) % PEOPLE
        _week(hospital, _requests(rows, (hospital.week + 1) * TICKS_PER_WEEK))
        own += 20
    ghosts = hospital.clinic.served - own
    if weight == 1.0:
        assert ghosts == 0
        assert not (hospital.clinic.waiting["row"] == GHOST).any()
    else:
        assert abs(ghosts - weeks * 100) < 4 * np.sqrt(weeks * 100)
    # Ghosts are served and waited for, but nobody's services.
    assert hospital.state.people["counts"][:, TRAJECTORY].sum() == own


def test_ghosts_stand_among_others_and_not_before_or_behind_them() -> None:
    hospital = _settled(3.0, slots=30.0)
    hospital.demand[0] = 40.0
    now = (SETTLED + 1) * TICKS_PER_WEEK
    requests = _requests(np.arange(40), now)
    requests["tick"] = now - TICKS_PER_WEEK + np.linspace(0, TICKS_PER_WEEK - 1, 40).astype(np.int64)
    _week(hospital, requests)
    assert hospital.clinic.served == 30
    assert 3 <= len(_seen(hospital)) <= 20
    assert (np.diff(hospital.clinic.waiting["tick"]) >= 0).all()


def test_beds_of_a_sample_serve_the_whole_region() -> None:
    """Emergency days of people who are not simulated follow the sample's own."""
    alone, sample = _settled(1.0, bed_days=1e6), _settled(5.0, bed_days=1e6)
    for hospital in (alone, sample):
        now = (SETTLED + 1) * TICKS_PER_WEEK
        for week in range(13):
            emergencies = _requests(np.arange(10), now + week * TICKS_PER_WEEK, ADMISSION_REQUEST, days=2.0)
            _week(hospital, emergencies)
        hospital.begin_period()
        _week(hospital, _requests(np.arange(10), now + 14 * TICKS_PER_WEEK, ADMISSION_REQUEST, days=2.0))
    np.testing.assert_allclose(alone.bed_days_used, 20.0)
    np.testing.assert_allclose(sample.bed_days_used, 100.0)


def test_capacity_is_planned_from_demand_and_then_stays() -> None:
    hospital = _hospital(weight=2.0)
    rows = np.arange(30)
    for week in range(40):
        now = (week + 1) * TICKS_PER_WEEK
        many = 1 if week < 30 else 2
        chosen = np.concatenate([(rows + 30 * week + 1000 * k) % PEOPLE for k in range(many)])
        _week(hospital, _requests(chosen, now), _requests(rows[:7], now, ADMISSION_REQUEST, days=3.0))
        if week == 25:
            planned = hospital.slots_per_week, hospital.bed_days_per_week
    # Nobody is impatient here: slots = weekly referrals of the region; beds = (emergency + elective days) / occupancy.
    np.testing.assert_allclose(planned[0], 60.0, rtol=1e-6)
    np.testing.assert_allclose(planned[1], (42.0 + 60.0 * 0.3 * 3.0) / 0.85, rtol=1e-6)
    assert (hospital.slots_per_week, hospital.bed_days_per_week) == planned


def test_the_list_keeps_its_length_while_demand_stays_as_it_was() -> None:
    hospital = _hospital(patience_weeks=20.0)
    lengths = []
    for week in range(150):
        rows = (week * 50 + np.arange(50)) % PEOPLE
        _week(hospital, _requests(rows, (week + 1) * TICKS_PER_WEEK))
        lengths.append(len(hospital.clinic.waiting) / hospital.slots_per_week)
    assert abs(np.mean(lengths[26:40]) - 4.0) < 0.8
    assert abs(np.mean(lengths[-40:]) - 4.0) < 1.2


def test_capacity_grows_by_its_rate_a_year() -> None:
    hospital = _settled(slots=100.0, growth_per_year=0.1)
    hospital.week = 26 + 2 * 52
    hospital.clinic.waiting = _requests(np.arange(1000), 0)
    _week(hospital)
    assert hospital.clinic.served in (121, 122)


def test_a_fork_continues_where_the_base_run_stopped() -> None:
    base = _hospital(weight=3.0, elective_share=0.5)
    for week in range(40):
        rows = (week * 25 + np.arange(25)) % PEOPLE
        _week(base, _requests(rows, (week + 1) * TICKS_PER_WEEK), _requests(rows[:4], 0, ADMISSION_REQUEST, 9.0))
    forks = []
    for _ in range(2):
        fork = Hospital(base.state.copy(), base.terms, base.key, base.weight, (TRAJECTORY, ELECTIVE))
        fork.restore(base.save())
        forks.append(fork)
    for week in range(40, 60):
        rows = (week * 25 + np.arange(25)) % PEOPLE
        for hospital in (*forks, base):
            _week(hospital, _requests(rows, (week + 1) * TICKS_PER_WEEK))
    for fork in forks:
        assert fork.clinic.waiting.tobytes() == base.clinic.waiting.tobytes()
        assert fork.beds.waiting.tobytes() == base.beds.waiting.tobytes()
        assert np.array_equal(fork.state.people["counts"], base.state.people["counts"])


def test_what_happens_to_a_patient_does_not_depend_on_the_others() -> None:
    """Choices are keyed by person and need: one more patient shifts nobody's draws."""
    few, many = (_settled(slots=1e6, bed_days=1e9) for _ in range(2))
    now = (SETTLED + 1) * TICKS_PER_WEEK
    _week(few, _requests(np.arange(100), now))
    _week(many, _requests(np.arange(200)[::-1], now))
    mine = _seen(few, ELECTIVE)
    theirs = _seen(many, ELECTIVE)
    assert mine.tolist() == theirs[theirs < 100].tolist()
    assert 0 < len(mine) < 100


def test_waits_are_counted_in_whole_weeks_of_the_calendar() -> None:
    hospital = _settled(slots=1.0)
    one = _requests(np.array([5]), (SETTLED + 1) * TICKS_PER_WEEK)
    one["tick"] = SETTLED * TICKS_PER_WEEK + TICKS_PER_DAY
    _week(hospital, one)
    assert hospital.clinic.waits[0] == 1


def test_requests_follow_people_whose_rows_change() -> None:
    """Row 5 is left for 9 and taken by who was on row 7, all at once; row 20 is given to a stranger."""
    hospital = _settled(slots=100.0)
    rows = np.array([5, 6, 7, 20])
    now = SETTLED * TICKS_PER_WEEK
    hospital.receive(_requests(rows, now + TICKS_PER_WEEK))
    hospital.clinic.waiting, hospital.beds.waiting = _requests(rows, now), _requests(rows, now)
    hospital.follow(np.array([7, 5]), np.array([5, 9]))
    for requests in (hospital.clinic.waiting, hospital.inbox[0], hospital.beds.waiting):
        assert requests["row"].tolist() == [9, 6, 5, 20]
        assert requests["person"].tolist() == rows.tolist()
    people = hospital.state.people
    people["id"][[9, 5]] = [5, 7]
    people["id"][20] = 3000
    _week(hospital)
    for service in (TRAJECTORY, ELECTIVE):
        assert np.flatnonzero(people["counts"][:, service]).tolist() == [5, 6, 9]
    assert (people["counts"][[5, 6, 9], TRAJECTORY] == 2).all()
