"""Clinics, tests, beds, the emergency department and places: order, capacity, ghosts, and who comes first."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from paysim.engine.beds import bed_days
from paysim.engine.cohort import REFERRALS
from paysim.engine.emergency import EmergencyDepartment
from paysim.engine.overflow import overflowing
from paysim.engine.places import HomeCareTeams, Places
from paysim.engine.planned import ROUTINE, URGENT, send
from paysim.engine.waiting import (
    SETTLING_WEEKS,
    Draws,
    WaitingList,
    by_order,
    ghosts,
    nobody,
    patients_of,
    together,
)
from paysim.errors import DataError
from paysim.kernel.patients import GHOST
from paysim.kernel.records import PLACE_REQUEST, TICKS_PER_DAY, TICKS_PER_WEEK, VISIT_REQUEST
from tests.hospital import (
    ELECTIVE,
    OTHER,
    PEOPLE,
    SETTLED,
    STROKE,
    TERMS,
    TRAJECTORY,
    admissions,
    hospital,
    now,
    of_heart,
    requests,
    settled,
    used,
    week,
)

HOUR = TICKS_PER_DAY // 24


def _fill(clinic, rows, since=0):
    waiting = patients_of(requests(rows, since))
    waiting["patience"] = 1e9
    clinic.lists[ROUTINE].waiting = waiting


# --- Clinics -------------------------------------------------------------------------------------------------------


def test_the_clinic_sees_people_in_the_order_of_referral_and_no_more_than_it_can():
    made = settled(slots=10.0)
    heart = made.clinics["heart"]
    order = np.random.default_rng(1).permutation(40)
    week(made, requests(order, now(made)))
    assert sorted(used(made)) == sorted(order[:10])
    assert heart.lists[ROUTINE].waiting["row"].tolist() == order[10:].tolist()
    week(made, requests(np.arange(100, 105), now(made)))
    assert sorted(used(made)) == sorted(order[:20])
    for _ in range(3):
        week(made)
    assert sorted(used(made)) == sorted([*order, *range(100, 105)])
    assert len(heart.lists[ROUTINE]) == 0
    # Waits in whole weeks: ten each in the first four weeks; the five of the second week are seen in the fifth.
    assert heart.lists[ROUTINE].waits[:5].tolist() == [10, 10, 10, 15, 0]


def test_urgent_referrals_go_first_and_in_their_own_order():
    made = settled(slots=10.0, **of_heart(urgent_share=0.3))
    heart = made.clinics["heart"]
    rows = np.arange(100)
    week(made, requests(rows, now(made)))
    urgent = patients_of(requests(rows, 0))
    urgent = set(np.flatnonzero(made.draws.of(urgent, "urgent referral") < 0.3).tolist())
    seen = used(made)
    assert 15 < len(urgent) < 45
    assert seen.tolist() == sorted(urgent)[:10]
    assert heart.lists[URGENT].waiting["row"].tolist() == sorted(urgent)[10:]
    assert heart.lists[ROUTINE].waiting["row"].tolist() == sorted(set(rows.tolist()) - urgent)


def test_a_fraction_of_a_slot_is_given_out_by_chance_with_its_own_mean():
    made = settled(slots=2.4)
    _fill(made.clinics["heart"], np.arange(2000))
    for _ in range(500):
        week(made)
    served = made.clinics["heart"].lists[ROUTINE].waits.sum()
    assert abs(served - 1200) < 4 * np.sqrt(500 * 0.24)


def test_littles_law_holds_to_the_person():
    """Weeks on the list, added up over weeks, are those added up over people: L = lambda W at every moment."""
    made = settled(slots=10.0)
    list_weeks = done = 0
    rng = np.random.default_rng(2)
    for at in range(200):
        rows = (np.arange(rng.poisson(9.5)) + 20 * at) % PEOPLE
        week(made, requests(rows, now(made)))
    routine = made.clinics["heart"].lists[ROUTINE]
    list_weeks, done = routine.list_weeks, int(routine.waits @ np.arange(len(routine.waits)))
    still = ((made.week * TICKS_PER_WEEK - routine.waiting["since"]) // TICKS_PER_WEEK + 1).sum()
    assert list_weeks == done + still
    assert list_weeks > 200  # a list that is always empty proves nothing


def test_mean_wait_of_poisson_referrals_is_that_of_a_queue_served_in_batches():
    """With Poisson(a) referrals and c slots a week the list is a random walk; its mean is known from its own chain."""
    a, c, weeks = 9.0, 10, 4000
    made = settled(slots=c, weight=1e9)
    heart = made.clinics["heart"]
    made.recent["referrals"].weeks[:] = 0.0
    made.recent["referrals"].weeks[0] = a / (made.weight - 1.0)
    lengths = []
    for _ in range(weeks):
        made.draws.week = made.week
        asked = made._ghosts(range(4), made._of_others("referrals", REFERRALS), now(made))
        asked["patience"] = 1e9
        send(tuple(made.clinics.values()), asked, asked["unit"].astype(np.int64), made.draws)
        heart.see(now(made), settling=False)
        lengths.append(len(heart.lists[ROUTINE]))
        made.week += 1
    # Stationary list after service, L' = max(0, L + Poisson(a) - c), by iterating its distribution.
    size = 400
    poisson = np.exp([k * math.log(a) - a - math.lgamma(k + 1) for k in range(80)])
    at = np.zeros(size)
    at[0] = 1.0
    for _ in range(1500):
        grown = np.convolve(at, poisson)[: size + c]
        at = np.append(grown[: c + 1].sum(), grown[c + 1 :])[:size]
    expected = float(at @ np.arange(size))
    batches = np.array(lengths).reshape(20, -1).mean(axis=1)
    assert abs(batches.mean() - expected) < 4 * batches.std(ddof=1) / np.sqrt(20)
    assert expected > 2.0


def test_impatient_people_are_seen_outside_the_region():
    made = settled(slots=100.0, patience_weeks=10.0)
    heart = made.clinics["heart"]
    _fill(heart, np.arange(2000, 2500))  # a list of five weeks
    rows = np.arange(1000)
    week(made, requests(rows, now(made)))
    # Offered waits run from 5 to 14 weeks; patience is exponential with mean 10 weeks.
    stays = np.exp(-(5.0 + np.arange(1000) // 100) / 10.0)
    assert abs(heart.left - (1 - stays).sum()) < 4 * np.sqrt((stays * (1 - stays)).sum())
    # They are treated all the same, at once; those who stay wait behind the list.
    assert len(np.intersect1d(used(made), rows)) == heart.left
    assert len(heart.lists[ROUTINE]) == 500 - 100 + 1000 - heart.left


def test_follow_up_visits_come_at_their_intervals_and_wait_for_slots():
    made = settled(slots=50.0, **of_heart(follow_ups=3.0, follow_up_weeks=2.0))
    heart = made.clinics["heart"]
    week(made, requests(np.arange(50), now(made)))
    planned = sum(each["visits"].sum() for later in heart.later.values() for each in later)
    assert abs(planned - 150) < 4 * np.sqrt(150)
    for _ in range(60):
        week(made)
    assert heart.follow_ups.waits[0] == heart.follow_ups.waits.sum() == planned
    assert len(heart.follow_ups) == len(heart.later) == 0
    # With slots for half of them, they are late, and in order.
    late = settled(slots=50.0, **of_heart(follow_ups=3.0, follow_up_weeks=2.0))
    late.clinics["heart"].occupancy = 1e3  # of 150 visits a week, 0.15
    week(late, requests(np.arange(50), now(late)))
    for _ in range(60):
        week(late)
    assert 0 < late.clinics["heart"].follow_ups.waits.sum() < 30
    assert (np.diff(late.clinics["heart"].follow_ups.waiting["since"]) >= 0).all()


def test_a_closed_clinic_sees_nobody_and_opens_again():
    made = settled(slots=10.0)
    made.clinics["heart"].close(3)
    for at in range(3):
        week(made, requests(np.arange(4) + 10 * at, now(made)))
    assert len(used(made)) == 0
    assert len(made.clinics["heart"].lists[ROUTINE]) == 12
    week(made)
    assert len(used(made)) == 10


def test_specialty_follows_age_and_condition():
    made = hospital()
    shares = np.stack([np.full(111, 0.2), np.full(111, 0.8)])
    made.terms = made.triage.terms = type(made.terms)(
        **{**vars(made.terms), "referral_shares": shares, "referral_ratios": {"ill": np.array([4.0, 1.0])}}
    )
    made.state.people["flags"][:2000] = 1
    sent, usual = made.triage.refer(patients_of(requests(np.arange(PEOPLE), 0)))
    ill, well = (sent["unit"][part] == 0 for part in (slice(0, 2000), slice(2000, None)))
    assert abs(ill.mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)
    assert abs(well.mean() - 0.2) < 4 * 0.4 / np.sqrt(2000)
    np.testing.assert_allclose(usual.reshape(2, 2).sum(axis=1), [1400.0, 2600.0])
    again, _ = made.triage.refer(patients_of(requests(np.arange(100)[::-1], 0)))
    assert again["unit"].tolist() == sent["unit"][:100][::-1].tolist()


# --- Tests, beds, planned and urgent -------------------------------------------------------------------------------


def test_who_needs_a_test_waits_for_it_before_the_trajectory_goes_on():
    made = settled(slots=100.0, elective_share=1.0, **of_heart(test_share=1.0, elective_share=1.0))
    made.tests.capacity.planned = 10.0
    week(made, requests(np.arange(30), now(made)))
    assert len(used(made)) == 30
    assert used(made, ELECTIVE).tolist() == list(range(10))
    week(made)
    assert used(made, ELECTIVE).tolist() == list(range(20))
    assert made.tests.lists[ROUTINE].waits[:2].tolist() == [10, 10]


def test_bed_days_are_spread_over_the_weeks_in_which_they_fall():
    days = bed_days(np.array([0.0, 5.0, 6.0]), np.array([3.0, 4.0, 15.0]))
    np.testing.assert_allclose(days[:4], [3 + 2 + 1, 2 + 7, 7, 0])
    np.testing.assert_allclose(days.sum(), 22.0)
    assert bed_days(np.zeros(1), np.array([1000.0])).sum() == 1000.0


def test_the_dead_are_dropped_from_lists():
    made = settled(slots=5.0, beds=0.0, **of_heart(elective_share=1.0))
    dead = np.array([1, 2, 7])
    made.state.people["alive"][dead] = 0
    week(made, requests(np.arange(12), now(made)))
    assert used(made).tolist() == [0, 3, 4, 5, 6]
    assert not np.isin(dead, made.clinics["heart"].lists[ROUTINE].waiting["row"]).any()
    # Seen but not admitted for want of beds; now one of those who wait dies.
    ward = made.beds["medical"]
    assert ward.list.waiting["row"].tolist() == [0, 3, 4, 5, 6]
    made.state.people["alive"][4] = 0
    ward.capacity.planned = 1000.0
    week(made)
    assert 4 not in used(made, ELECTIVE)
    assert {0, 3, 5, 6} <= set(used(made, ELECTIVE).tolist())


def test_emergencies_displace_elective_care_and_are_never_refused():
    rows = np.arange(60)
    free, full, swamped = (settled(slots=60.0, beds=100.0, **of_heart(elective_share=1.0)) for _ in range(3))
    at = now(free)
    week(free, requests(rows, at))
    week(full, requests(rows, at), admissions(np.arange(100, 120), at, 4.0))
    assert len(used(full, ELECTIVE)) < len(used(free, ELECTIVE)) < 60
    assert set(used(full, ELECTIVE).tolist()) < set(used(free, ELECTIVE).tolist())
    # 80 of 100 bed-days are taken; elective patients keep their order for the rest.
    ward = full.beds["medical"]
    assert 80.0 < ward.used <= 100.0
    assert ward.list.waiting["row"].tolist() == rows[len(used(full, ELECTIVE)) :].tolist()
    assert ward.displaced == len(used(free, ELECTIVE)) - len(used(full, ELECTIVE))
    week(swamped, requests(rows, at), admissions(np.arange(100, 200), at, 4.0))
    assert len(used(swamped, ELECTIVE)) == 0
    ward = swamped.beds["medical"]
    np.testing.assert_allclose([ward.used, ward.over, ward.emergencies], [400.0, 300.0, 100])
    assert len(ward.list) == 60
    # The clinic itself is not held up by full beds, nor is the other ward.
    assert len(used(swamped)) == 60
    assert swamped.beds["surgical"].used == 0.0


def test_long_stays_take_beds_in_the_weeks_to_come():
    made = settled(beds=100.0)
    week(made, admissions(np.arange(10), now(made), 21.0))
    for _ in range(3):
        assert 69.9 < made.beds["medical"].used <= 70.0 or made.beds["medical"].used < 0.2
        made.begin_period()
        week(made)
    assert made.beds["medical"].used < 0.2


def test_share_and_stay_of_elective_admissions():
    made = settled(slots=1e6, beds=1e9)
    week(made, requests(np.arange(PEOPLE), now(made)))
    ward = made.beds["medical"]
    admitted, days = ward.list.waits.sum(), ward.used + ward.ahead.sum()
    assert abs(admitted / PEOPLE - 0.3) < 4 * np.sqrt(0.21 / PEOPLE)
    assert abs(days / admitted - 3.0) < 4 * 3.0 / np.sqrt(admitted)


def test_a_user_can_admit_people_who_then_count_as_emergencies():
    made = settled(beds=100.0)
    made.admit(np.arange(5), 7.0, "surgical")
    week(made)
    assert used(made, OTHER).tolist() == list(range(5))
    np.testing.assert_allclose(made.beds["surgical"].used, 35.0)
    with pytest.raises(DataError, match="surgical"):
        made.admit(np.arange(5), 7.0, "surgery")
    with pytest.raises(DataError, match="no such clinic"):
        made.clinics["hart"].close(1)


# --- The emergency department --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rooms", [1, 3])
def test_waits_in_the_emergency_department_are_those_of_the_m_m_c_queue(rooms):
    made = hospital()
    department = EmergencyDepartment(2.0, 0.65, made.draws)
    department.capacity.planned = rooms
    per_week = 0.7 * rooms * 7 * 24 / 2.0
    rng = np.random.default_rng(3)
    means = []
    for at in range(600):
        made.draws.week = at
        count = np.array([rng.poisson(per_week)])
        people = ghosts(count, np.array([1]), at, (at + 1) * TICKS_PER_WEEK)
        people["since"] = at * TICKS_PER_WEEK + np.sort(rng.integers(0, TICKS_PER_WEEK, count[0]))
        before = department.wait_ticks, department.arrived
        department.treat((at + 1) * TICKS_PER_WEEK, people)
        means.append([department.wait_ticks - before[0], department.arrived - before[1]])
    load = 0.7 * rooms
    erlang = load**rooms / math.factorial(rooms) / (1 - 0.7)
    waits = erlang / (sum(load**k / math.factorial(k) for k in range(rooms)) + erlang)
    batches = np.array(means).reshape(20, -1, 2).sum(axis=1)
    wait = batches[:, 0] / batches[:, 1] / HOUR
    assert abs(wait.mean() - waits * 2.0 / (rooms - load)) < 4 * wait.std(ddof=1) / np.sqrt(20)
    assert department.waited / department.arrived == pytest.approx(waits, rel=0.05)
    assert department.busy_ticks / department.room_ticks == pytest.approx(0.7, rel=0.03)


def test_rooms_open_and_close():
    made = hospital()
    department = EmergencyDepartment(2.0, 0.65, made.draws)
    for rooms in (5, 9, 2):
        department.capacity.planned = rooms
        department.treat(TICKS_PER_WEEK, nobody())
        assert len(department.free) == rooms


# --- Rehabilitation, nursing homes, care at home -------------------------------------------------------------------


def test_places_are_given_in_order_kept_for_the_stay_and_for_life():
    made = hospital()
    places = Places("home", made.draws)
    places.plan(2)
    claims = patients_of(requests(np.arange(4), 0))
    claims["days"][0] = 8.0
    places.take_in(0, claims)
    assert places.inside["row"].tolist() == [0, 1]
    assert places.list.waiting["row"].tolist() == [2, 3]
    places.take_in(TICKS_PER_WEEK, nobody())
    assert places.inside["row"].tolist() == [0, 1]
    places.take_in(2 * TICKS_PER_WEEK, nobody())  # the first one's stay is over
    assert places.inside["row"].tolist() == [1, 2]
    made.state.people["alive"][[1, 3]] = 0
    places.take_in(3 * TICKS_PER_WEEK, nobody())
    assert places.inside["row"].tolist() == [2]
    assert (len(places.list), places.died_waiting) == (0, 1)


def test_who_waits_too_long_for_rehabilitation_goes_without():
    made = hospital()
    places = Places("rehabilitation", made.draws, patience_weeks=2.0)
    places.take_in(0, patients_of(requests(np.arange(1000), 0)))
    for at in range(1, 5):
        places.take_in(at * TICKS_PER_WEEK, nobody())
    stay = np.exp(-4 / 2)
    assert abs(len(places.list) - 1000 * stay) < 4 * np.sqrt(1000 * stay * (1 - stay))
    assert places.left == 1000 - len(places.list)


def test_strokes_go_to_rehabilitation_and_hold_their_bed_while_they_wait():
    always = type(hospital().terms.rehabilitation)({"admission_stroke": 1.0}, {"admission_stroke": 0}, 6.0, 1e9)
    made = settled(beds=1e3, rehabilitation=always)
    made.rehabilitation.plan(4)
    week(made, admissions(np.arange(10), now(made), 3.0, STROKE))
    assert len(made.rehabilitation.inside) == 4
    assert len(made.rehabilitation.list) == 6
    made.begin_period()
    week(made)
    np.testing.assert_allclose(made.beds["medical"].waiting_for_care, 42.0)
    np.testing.assert_allclose(made.beds["medical"].used, 42.0)


def test_who_starts_to_need_a_nursing_home_claims_a_place_and_waits_at_home():
    made = settled()
    made.state.people["flags"][:6] = 2
    made.house(np.arange(PEOPLE))
    assert made.nursing_homes.inside["row"].tolist() == list(range(6))
    made.nursing_homes.plan(7)
    made.home_care.capacity.planned = 10.0
    week(made, requests(np.arange(100, 103), now(made), PLACE_REQUEST))
    assert made.nursing_homes.inside["row"].tolist() == [*range(6), 100]
    assert made.nursing_homes.list.waiting["row"].tolist() == [101, 102]
    assert (made.home_care.asked, made.home_care.given) == (28.0, 10.0)
    made.state.people["flags"][200] = 2
    made.arrive(np.arange(200, 205), now(made))
    made.state.people["alive"][:2] = 0
    week(made)
    assert made.nursing_homes.inside["row"].tolist() == [2, 3, 4, 5, 100, 101, 102]
    assert made.nursing_homes.list.waiting["row"].tolist() == [200]


# --- Samples, planning, forks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [1.0, 6.0])
def test_ghosts_only_in_a_sample_and_as_many_as_are_missing(weight):
    made = settled(weight, slots=1e9, beds=1e9)
    made.recent["referrals"].weeks[0] = 20.0
    weeks = 200
    for at in range(weeks):
        week(made, requests((at * 20 + np.arange(20)) % PEOPLE, now(made)))
    heart = made.clinics["heart"]
    unseen = heart.lists[ROUTINE].waits.sum() - weeks * 20
    if weight == 1.0:
        assert unseen == 0
    else:
        assert abs(unseen - weeks * 100) < 4 * np.sqrt(weeks * 100)
    # Ghosts are served and waited for, but nobody's services.
    assert made.state.people["counts"][:, TRAJECTORY].sum() == weeks * 20


def test_ghosts_stand_among_others_and_not_before_or_behind_them():
    made = settled(3.0, slots=30.0)
    made.recent["referrals"].weeks[0] = 40.0
    asked = requests(np.arange(40), now(made))
    asked["tick"] = now(made) - TICKS_PER_WEEK + np.linspace(0, TICKS_PER_WEEK - 1, 40).astype(np.int64)
    week(made, asked)
    routine = made.clinics["heart"].lists[ROUTINE]
    assert routine.waits.sum() == 30
    assert 3 <= len(used(made)) <= 20
    assert (np.diff(routine.waiting["since"]) >= 0).all()
    assert (routine.waiting["row"] == GHOST).any()


def test_one_more_ghost_of_a_stream_changes_no_other():
    few, many = (ghosts(np.array([3, count]), np.array([4, 5]), 7, TICKS_PER_WEEK) for count in (2, 6))
    assert few[:3].tobytes() == many[:3].tobytes()
    assert set(few["number"]) < set(many["number"])


def test_beds_of_a_sample_serve_the_whole_region():
    """Emergency days of people who are not simulated follow the sample's own."""
    alone, sample = settled(1.0, beds=1e6), settled(5.0, beds=1e6)
    for made in (alone, sample):
        for _ in range(26):
            week(made, admissions(np.arange(10), now(made), 4.0))
        made.begin_period()
        week(made, admissions(np.arange(10), now(made), 4.0))
    np.testing.assert_allclose(alone.beds["medical"].used, 40.0, rtol=1e-3)
    np.testing.assert_allclose(sample.beds["medical"].used, 200.0, rtol=1e-3)


def test_capacity_is_planned_from_demand_and_then_stays():
    made = hospital(weight=2.0)
    rows = np.arange(30)
    for at in range(45):
        many = 1 if at < SETTLING_WEEKS + 2 else 2
        chosen = np.concatenate([(rows + 30 * at + 1000 * k) % PEOPLE for k in range(many)])
        week(made, requests(chosen, now(made)), admissions(rows[:7], now(made), 3.0))
        if at == SETTLING_WEEKS:
            planned = made.clinics["heart"].capacity.planned, made.beds["medical"].capacity.planned
    # Nobody is impatient here: slots = weekly referrals of the region. Beds = (emergency + elective days) / occupancy,
    # at the mean stays; the elective ones by those seen, whose ghosts come by chance.
    np.testing.assert_allclose(planned[0], 60.0, rtol=1e-6)
    np.testing.assert_allclose(planned[1], (2 * 7 * 4.0 + 60.0 * 0.3 * 3.0) / 0.85, rtol=0.1)
    assert (made.clinics["heart"].capacity.planned, made.beds["medical"].capacity.planned) == planned


def test_the_list_keeps_its_length_while_demand_stays_as_it_was():
    made = hospital(patience_weeks=20.0)
    heart, lengths = made.clinics["heart"], []
    for at in range(150):
        week(made, requests((at * 50 + np.arange(50)) % PEOPLE, now(made)))
        lengths.append(len(heart.lists[ROUTINE]) / heart.capacity.planned)
    np.testing.assert_allclose(lengths[:SETTLING_WEEKS], 4.0, atol=0.05)
    assert abs(np.mean(lengths[-40:]) - 4.0) < 1.2
    # While the base run settles, everybody is seen in the end: nobody is forgotten when the list is set.
    counts = made.state.people["counts"][:, TRAJECTORY].sum()
    own = (heart.lists[ROUTINE].waiting["row"] != GHOST).sum()
    assert counts + own == 150 * 50


def test_capacity_grows_by_its_rate_a_year():
    made = settled(slots=100.0, growth_per_year=0.1)
    made.week = SETTLING_WEEKS + 2 * 52
    _fill(made.clinics["heart"], np.arange(1000))
    week(made)
    assert made.clinics["heart"].lists[ROUTINE].waits.sum() == 121


def _busy(made, at):
    rows = (at * 25 + np.arange(25)) % PEOPLE
    place = requests(rows[:1], now(made), PLACE_REQUEST)
    week(made, requests(rows, now(made)), admissions(rows[:4], now(made), 9.0, STROKE), place)


def test_a_fork_continues_where_the_base_run_stopped():
    always = type(hospital().terms.rehabilitation)({"admission_stroke": 0.5}, {"admission_stroke": 0}, 6.0, 2.0)
    terms = {**of_heart(follow_ups=2.0, test_share=0.5, elective_share=0.5, urgent_share=0.2), "rehabilitation": always}
    terms |= {"test_wait_weeks": 2.0, "elective_wait_weeks": 3.0}
    base = hospital(weight=3.0, **terms)
    for at in range(45):
        _busy(base, at)
    forks = []
    for _ in range(2):
        fork = type(base)(base.state.copy(), base.terms, base.draws.key, base.weight, base.codes)
        fork.restore(base.save())
        forks.append(fork)
    for at in range(45, 70):
        for made in (*forks, base):
            _busy(made, at)
    expected = base.save()
    assert expected["leaving"].dtype == forks[0].leaving.dtype
    for fork in forks:
        assert fork.save().keys() == expected.keys()
        for name, array in fork.save().items():
            assert array.tobytes() == expected[name].tobytes(), name
        assert np.array_equal(fork.state.people["counts"], base.state.people["counts"])
    for name in (
        "tests.routine",
        "ward_medical.programme routine",
        "clinic_heart.routine",
        "clinic_heart.follow_ups",
        "rehabilitation.inside",
        "nursing_homes.inside",
    ):
        assert len(expected[name]) > 5, name


def test_what_happens_to_a_patient_does_not_depend_on_the_others():
    """Choices are keyed by person and need: one more patient shifts nobody's draws."""
    few, many = (settled(slots=1e6, beds=1e9) for _ in range(2))
    week(few, requests(np.arange(100), now(few)))
    week(many, requests(np.arange(200)[::-1], now(many)))
    mine, theirs = used(few, ELECTIVE), used(many, ELECTIVE)
    assert mine.tolist() == theirs[theirs < 100].tolist()
    assert 0 < len(mine) < 100


def test_waits_are_counted_in_whole_weeks_of_the_calendar():
    made = settled(slots=1.0)
    one = requests(np.array([5]), now(made))
    one["tick"] = SETTLED * TICKS_PER_WEEK + TICKS_PER_DAY
    week(made, one)
    assert made.clinics["heart"].lists[ROUTINE].waits[0] == 1


def test_requests_follow_people_whose_rows_change():
    """Row 5 is left for 9 and taken by who was on row 7, all at once; row 20 is given to a stranger."""
    made = settled(slots=100.0)
    rows = np.array([5, 6, 7, 20])
    made.receive(requests(rows, now(made)))
    _fill(made.clinics["heart"], rows)
    made.beds["medical"].list.waiting = patients_of(requests(rows, 0))
    made.nursing_homes.inside = patients_of(requests(rows, 0))
    made.leaving = patients_of(requests(rows, 0))
    made.follow(np.array([7, 5]), np.array([5, 9]))
    lists = [made.clinics["heart"].lists[ROUTINE].waiting, made.inbox[0], made.beds["medical"].list.waiting]
    for each in (*lists, made.nursing_homes.inside, made.leaving):
        assert each["row"].tolist() == [9, 6, 5, 20]
        assert each["person"].tolist() == rows.tolist()
    people = made.state.people
    people["id"][[9, 5]] = [5, 7]
    people["id"][20] = 3000
    week(made)
    assert used(made).tolist() == [5, 6, 9]
    assert (people["counts"][[5, 6, 9], TRAJECTORY] == 2).all()


def test_together_and_by_order():
    one, two = patients_of(requests(np.arange(3), 0)), patients_of(requests(np.arange(3, 7), 0))
    assert together().shape == (0,)
    assert together(one, nobody(), two).tobytes() == np.concatenate([one, two]).tobytes()
    assert by_order(together(two, one))["since"].tolist() == sorted([*one["since"], *two["since"]])
    waiting = WaitingList()
    waiting.join(one)
    assert len(waiting) == 3


def test_draws_of_a_week_do_not_depend_on_which_others_are_asked():
    made = hospital()
    one, other = Draws(made.state, made.draws.key), Draws(made.state, made.draws.key)
    one.week = other.week = 5
    first = one.weekly("a")
    assert other.weekly("b") != first
    assert other.weekly("a") == first
    other.week = 6
    assert other.weekly("a") != first


# --- Queues that cannot empty --------------------------------------------------------------------------------------


def test_a_queue_that_cannot_empty_is_told_with_the_reason():
    grows = [{"tests": (100 * (k + 1), 10.0, 1.0)} for k in range(8)]
    assert "grew in each of the last 4 quarters, from 400 to 800 people" in overflowing(grows)["tests"]
    assert overflowing([{"tests": (500, 0.0, 1.0)}])["tests"].startswith(
        "500 people wait for tests and nobody is served"
    )
    calm = [{"tests": (100 + k % 2, 10.0, 1.0)} for k in range(8)]
    short = [{"tests": (k, 10.0, 1.0)} for k in range(8)]
    assert overflowing(calm) == overflowing(short) == overflowing([]) == {}


# --- Capacities that follow what is asked for ----------------------------------------------------------------------


def test_capacities_are_planned_anew_in_the_last_weeks_before_the_arms_begin():
    made, capacity = hospital(), {}
    for left in range(90, -30, -1):  # weeks to the fork; demand doubles half a year and more before it
        rows = np.arange(40 if left > 40 else 80) + 100 * left % PEOPLE
        at = (1 - left) * TICKS_PER_WEEK
        made.receive(requests(rows % PEOPLE, at))
        made.pass_week(at)
        capacity[left] = made.clinics["heart"].capacity.planned
    assert capacity[45] == pytest.approx(40.0)  # planned in the first weeks, and kept
    assert len({capacity[left] for left in range(27, 60)}) == 1
    assert capacity[1] == pytest.approx(80.0)
    assert {capacity[left] for left in range(1, -29, -1)} == {capacity[1]}
    heart = made.clinics["heart"]
    assert len(heart.lists[ROUTINE]) == pytest.approx(4.0 * 80, abs=1)


def _years(made, referrals):
    """Let the hospital work a year on each number of referrals a week, after it settled on the first of them."""
    waits, at = [], 0
    for year, count in enumerate((referrals[0], *referrals)):
        made.begin_period()
        for _ in range(SETTLING_WEEKS + 26 if year == 0 else 52):
            week(made, requests((at + np.arange(count)) % PEOPLE, now(made)))
            at += count
        waits.append(float(np.average(np.arange(105) + 0.5, weights=made.clinics["heart"].lists[ROUTINE].waits)))
    return waits[1:]


@pytest.mark.parametrize("year", [0.98, 1 / 0.98])
def test_waits_stay_near_the_planned_ones_while_referrals_fall_or_grow_if_clinics_follow(year):
    """Capacity that goes a share s of the way lags by s / (s - (1 - q)) behind referrals that change by q a year.

    Patience P balances that at a wait of W - P log(lag); without the rule waits run to nothing, or on and on.
    """
    referrals = [round(200 * year**k) for k in range(12)]
    follows, stays = (_years(hospital(patience_weeks=52.0, follows=share), referrals) for share in (0.5, 0.0))
    in_the_end = 4.0 - 52.0 * np.log(0.5 / (0.5 - (1.0 - year)))
    np.testing.assert_allclose(
        follows[-3:], in_the_end + 0.5, atol=0.5
    )  # waits are in whole weeks, told by their middle
    assert abs(follows[-1] - 4.0) < 2.2
    assert (stays[-1] == 0.5) if year < 1.0 else (stays[-1] > stays[-2] > 10.0)


def test_clinics_go_their_share_of_the_way_once_a_year_by_last_years_referrals():
    made, capacity = hospital(patience_weeks=52.0, follows=0.5, growth_per_year=0.1), []
    for at in range(SETTLING_WEEKS + 2 * 52):
        week(made, requests((at + np.arange(100 if at < SETTLING_WEEKS else 80)) % PEOPLE, now(made)))
        capacity.append(made.clinics["heart"].capacity.planned)
    heart, joining = made.clinics["heart"], np.exp(-4.0 / 52.0)
    first, then, last = capacity[SETTLING_WEEKS], capacity[SETTLING_WEEKS + 52], capacity[-1]
    assert first == pytest.approx(100 * joining)
    assert {round(each, 6) for each in capacity[SETTLING_WEEKS:]} == {round(each, 6) for each in (first, then, last)}
    # What is agreed to grow counts as capacity there is: it is only what then is missing that is made good.
    growth = [1.1 ** (weeks / 52) for weeks in (51, 103)]
    assert then == pytest.approx(first + 0.5 * (80 * joining / growth[0] - first))
    assert last == pytest.approx(then + 0.5 * (80 * joining / growth[1] - then))
    heart.close(8)  # a backlog brings no slots of its own
    for _ in range(52):
        week(made, requests(np.arange(80), now(made)))
    assert heart.capacity.planned <= last


def test_clinics_of_a_sample_follow_the_whole_region():
    made = hospital(weight=5.0, follows=1.0)
    for at in range(SETTLING_WEEKS + 2 * 52):
        week(made, requests((at + np.arange(20)) % PEOPLE, now(made)))
    assert made.clinics["heart"].capacity.planned == pytest.approx(100.0)
    made.shares[REFERRALS], made.at_fork = 0.5, {**made.at_fork, "referrals": np.array([20.0, 0.0, 0.0, 0.0])}
    for at in range(52):  # half of a closed cohort: others ask for what it no longer does
        week(made, requests((at + np.arange(10)) % PEOPLE, now(made)))
    assert made.clinics["heart"].capacity.planned == pytest.approx(100.0, rel=0.1)


def test_beds_tests_rooms_and_rehabilitation_follow_too():
    """All as if planned anew when they go all of the way; half of the way is the mean of that and of no rule."""
    always = type(hospital().terms.rehabilitation)({"admission_stroke": 1.0}, {"admission_stroke": 0}, 6.0, 1e9)
    terms = {**of_heart(test_share=0.5, elective_share=0.3), "rehabilitation": always}
    planned = {}
    for follows in (0.0, 0.5, 1.0):
        made = hospital(weight=40.0, follows=follows, margin=1.0, **terms)  # who is referred is seen
        for at in range(SETTLING_WEEKS + 53):
            count = 20 if at < SETTLING_WEEKS else 30
            rows = (at + np.arange(count)) % PEOPLE
            week(made, requests(rows, now(made)), admissions(rows, now(made), 4.0, STROKE))
        planned[follows] = {name: part.capacity.planned for name, part in made.parts.items()}
    for name in ("clinic_heart", "tests", "ward_medical", "emergency_department", "rehabilitation"):
        none, half, all_ = (each[name] for each in planned.values())
        assert all_ == pytest.approx(1.5 * none, rel=0.1), name
        assert half == pytest.approx((none + all_) / 2), name
    for name in ("nursing_homes", "home_care"):  # which have rules of their own
        assert len({each[name] for each in planned.values()}) == 1, name


def test_tests_and_planned_admissions_wait_as_planned_whatever_the_hospital_wants_to_admit():
    waits, admitted = {}, {}
    terms = {"test_wait_weeks": 2.0, "elective_wait_weeks": 5.0, "patience_weeks": 52.0}
    for lever in (1.0, 2.0):
        made = hospital(**of_heart(test_share=0.5, elective_share=0.3, urgent_share=0.1), **terms)
        made.beds["medical"].capacity.factor = 10.0  # beds are not what keeps people waiting
        for at in range(260):
            made.elective_lever = lever if at >= SETTLING_WEEKS else 1.0
            if at == 156:  # then lists have their length
                made.begin_period()
            asked = requests((at * 400 + np.arange(400)) % PEOPLE, now(made))
            asked["number"] = at  # a need of its own, with its own draws
            week(made, asked)
        ward, tests = made.beds["medical"], made.tests
        routine = tests.lists[ROUTINE].waits, ward.list.waits
        waits[lever] = [float(np.average(np.arange(105) + 0.5, weights=each)) for each in routine]
        admitted[lever] = ward.list.waits.sum() + ward.programme.left
        assert tests.lists[URGENT].waits[1:].sum() == 0
        assert tests.asked == pytest.approx(104 * 400 * 0.5, rel=0.12)
        left = 1.0 - np.exp(-2.0 / 52.0)
        assert tests.left / tests.asked == pytest.approx(0.9 * left, abs=0.02)
    for test, admission in waits.values():
        assert abs(test - 2.5) < 1.0
        assert abs(admission - 5.0) < 1.0  # urgent people, a tenth, wait for half a week
    assert admitted[2.0] == pytest.approx(2.0 * admitted[1.0], rel=0.05)


def test_who_does_not_wait_is_tested_and_admitted_elsewhere_at_once():
    made = settled(slots=1e6, patience_weeks=1e-9, **of_heart(test_share=1.0, elective_share=1.0))
    made.tests.capacity.planned = made.beds["medical"].programme.capacity.planned = 10.0
    week(made, requests(np.arange(100), now(made)))
    ward = made.beds["medical"]
    # Whoever is offered a wait of no whole week stays: ten at a time.
    assert (made.tests.left, ward.programme.left) == (90, 90)
    assert len(used(made, ELECTIVE)) == 100
    assert ward.list.waits.sum() == 10
    made.beds["medical"].close(2)
    week(made, requests(np.arange(100, 110), now(made)))
    assert ward.programme.left == 100  # the week is over, and with it a part of the closure
    assert ward.list.waits.sum() == 10


def test_teams_hire_their_share_of_what_is_missing_in_a_year():
    terms = replace(TERMS.home_care, follows=0.8)
    teams, still = HomeCareTeams(terms, 0.95), HomeCareTeams(TERMS.home_care, 0.95)
    for each in (teams, still):
        each.capacity.planned = 14.0 * 10 / 0.95
        for _ in range(52):
            given = each.care(0.0, 30.0)
    missing = 14.0 * (30 - 10) / 0.95
    assert teams.capacity.planned == pytest.approx(14.0 * 30 / 0.95 - 0.2 * missing)
    assert still.capacity.planned == 14.0 * 10 / 0.95
    teams.capacity.factor = 1e9  # a user's own process: what it adds is not taken back
    assert teams.care(0.0, 30.0) == 1.0
    assert teams.capacity.planned > 14.0 * 20 / 0.95
    assert given < 1.0


def test_homes_open_for_a_share_of_those_beyond_the_usual_list():
    made = settled(nursing_homes_follow=0.5)
    rows = np.arange(20)
    week(made, requests(rows, now(made), PLACE_REQUEST))
    places = [made.nursing_homes.capacity.planned]
    for _ in range(51):
        week(made)
        places.append(made.nursing_homes.capacity.planned)
    weekly = 1.0 - 0.5 ** (1 / 52)
    assert places[0] == pytest.approx(20 * weekly)
    assert 10.0 * 0.9 < places[-1] <= 20 * 52 * weekly
    assert len(made.nursing_homes.inside) == int(places[-2])
    shut = settled()
    week(shut, requests(rows, now(shut), PLACE_REQUEST))
    assert shut.nursing_homes.capacity.planned == 0.0


def test_some_emergency_admissions_go_straight_to_a_ward():
    made = settled(emergency_department_share=0.86)
    rows = np.arange(PEOPLE)
    visits = requests(rows[:100], now(made), VISIT_REQUEST)
    week(made, admissions(rows, now(made), 1.0), visits)
    came = made.emergency_department.arrived - 100
    assert abs(came / PEOPLE - 0.86) < 4 * np.sqrt(0.86 * 0.14 / PEOPLE)
    assert made.beds["medical"].emergencies == PEOPLE
