"""What happens when a calendar entry is taken: the one set of rules that both engines call.

`fire` takes an entry and either finishes it or returns an ask for an appointment; `answer` tells the person
the slot that the book offers, and what they do about it. Between the two the book makes its offer: inside
the compiled calendar by a call, in the reference engine by a process of its own. One entry makes one event
and at most one request.

Choices inside an entry are keyed by the need that caused it, so a visit more or less shifts nobody's draws.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from paysim.kernel import records as rec
from paysim.kernel.hazards import choose, happens, occurrence_key, reschedule, rewind, set_rate, wind_up
from paysim.kernel.queue import earliest, offer, opening, take
from paysim.kernel.records import (
    FIRST_TRANSITION,
    NEVER,
    NUMBER,
    ORIGIN,
    RETRY,
    SORT,
    TICKS_PER_DAY,
    TICKS_PER_YEAR,
)
from paysim.kernel.tables import (
    KINDS,
    SORT_CHRONIC_GP,
    SORT_CHRONIC_NURSE,
    SORT_MENTAL_NURSE,
    SORT_NURSE,
    SORT_START,
)

_DEATH, _EVENT, _START = KINDS.index("death"), KINDS.index("event"), KINDS.index("treatment_start")
_BIRTH, _NEED, _FOLLOW_UP = KINDS.index("birth"), KINDS.index("need"), KINDS.index("follow_up")
_CHRONIC, _ACUTE = KINDS.index("chronic_control"), KINDS.index("acute")
_DEPARTURE, _CHANGE = KINDS.index("departure"), KINDS.index("practice_change")

# Numbered choices inside an occurrence (choice 0 winds up the clock).
_URGENT, _TYPE, _DELEGABLE, _DELEGATED, _PATIENCE, _ELSEWHERE, _REFERRED, _BEFORE, _IN_CARE, _STAY = range(1, 11)
_SEX, _KEY, _Z = 11, 12, 13
_MENTAL, _MISSED, _AVAILABLE = 11, 12, 13  # of a contact; the ones before are of a birth
_OTHERS_NEXT, _OTHERS_NEED, _OTHERS_COME = 1, 2, 14  # of a request by somebody who is not simulated
_TIME_BEFORE, _OWN_GP = 1, 2  # of the person, not of an occurrence

SHARE_OF_BOYS = 1.05 / 2.05
"""Sex ratio at birth 1.05 boys a girl (recalled, UN World Population Prospects)."""

PLANNED_LANE, URGENT_LANE, NURSE_LANE, MENTAL_LANE = 0, 1, 2, 3
NO_LANE = -1


@njit(cache=True, nogil=True, forceinline=True)
def accrue(person, tick: int):  # type: ignore[no-untyped-def]
    """Count person-time and QALYs up to `tick`."""
    years = (tick - person.since) / TICKS_PER_YEAR
    person.life += years
    person.qaly += years * person.utility
    person.lost += years * person.loss
    if person.chronic == 0:
        person.healthy += years
    person.since = tick


@njit(cache=True, nogil=True)
def describe(person, tables, practice):  # type: ignore[no-untyped-def]
    """Bring segment, treatment drops and utility in line with age and flags."""
    flags = person.flags
    age = person.age
    band = 0
    if age >= 85:
        band = 3
    elif age >= 75:
        band = 2
    elif age >= 65:
        band = 1
    condition = 0
    if flags & tables.masks[0] != 0:
        condition = 2
    elif flags & tables.masks[1] != 0:
        condition = 1
    person.segment = (band * 2 + person.deprived) * 3 + condition
    person.chronic = 1 if flags & tables.masks[3] != 0 else 0
    if tables.masks[4] != 0:
        person.covariates[0] = 1.0 if flags & tables.masks[4] != 0 else 0.0
    ldl, sbp = beyond_usual(flags, age, tables)
    person.covariates[7] = ldl - person.ldl_base
    person.covariates[8] = sbp - person.sbp_base
    best = tables.base_utility[person.sex, age]
    person.utility = utility_with(best, flags, tables)
    person.loss = best - person.utility


@njit(cache=True, nogil=True)
def treatment(flags: int, tables):  # type: ignore[no-untyped-def]
    """Return by how much the treatments among `flags` lower LDL (mmol/L) and systolic pressure (mmHg).

    Each lipid drug lowers what the others leave.
    """
    left, sbp = 0.0, 0.0
    for f in range(tables.n_flags):
        if flags & (1 << f) != 0:
            left += tables.flag_ldl[f]
            sbp += tables.flag_sbp[f]
    return tables.untreated_ldl * (1.0 - math.exp(left)), sbp


@njit(cache=True, nogil=True)
def beyond_usual(flags: int, age: int, tables):  # type: ignore[no-untyped-def]
    """Return by how much more than usual at base in such people treatment lowers LDL and systolic pressure.

    Such people are those of the same age and indication. Whoever grows into a group that is treated more at base, and
    is treated as usual there, has the rates of that group already: that is no change of treatment.
    """
    group = 0
    if flags & tables.masks[5] != 0:
        group = 3
    elif flags & tables.masks[0] != 0:
        group = 2
    elif flags & tables.masks[1] != 0:
        group = 1
    ldl, sbp = treatment(flags, tables)
    return ldl - tables.usual_ldl[group, age], sbp - tables.usual_sbp[group, age]


@njit(cache=True, nogil=True)
def utility_with(best: float, flags: int, tables):  # type: ignore[no-untyped-def]
    """Return the utility of a person with `flags` whose disease-free utility is `best`, by the model's rule."""
    rule = tables.utility_rule
    loss, share = 0.0, 1.0
    for f in range(tables.n_flags):
        if flags & (1 << f) != 0:
            each = tables.decrement[f]
            if rule == 1:
                share *= 1.0 - each / tables.reference_utility
            elif rule == 2:
                loss = max(loss, each)
            else:
                loss += each
    utility = best * share if rule == 1 else best - loss
    return utility if utility > 0.0 else 0.0


@njit(cache=True, nogil=True)
def grow_older(person, tables, practice):  # type: ignore[no-untyped-def]
    """Bring the untreated risk factors in line with age: mean + sd x z-score."""
    for k in range(4):
        mean = tables.risk_mean[person.sex, person.age, k]
        person.covariates[1 + k] = mean + tables.risk_sd[person.sex, person.age, k] * person.scores[k]


@njit(cache=True, nogil=True, forceinline=True)
def normal(key, first: int):  # type: ignore[no-untyped-def]
    """Return the sum of twelve keyed uniforms less six: nearly normal, and exact on any machine."""
    total = 0.0
    for m in range(12):
        total += choose(key, first + m)
    return total - 6.0


@njit(cache=True, nogil=True)
def change_frailty(person, tables):  # type: ignore[no-untyped-def]
    """Let the changing part of frailty take its next step, keyed by (person, age)."""
    sigma = tables.frailty_sigma
    if sigma == 0.0:
        return
    rho = tables.frailty_correlation
    step = normal(occurrence_key(person.key, tables.stream[rec.BIRTHDAY], person.age), _Z)
    person.frailty_now = rho * person.frailty_now + math.sqrt(1.0 - rho * rho) * step
    person.covariates[9] = person.frailty + log_normal(sigma, person.frailty_now)


@njit(cache=True, nogil=True, forceinline=True)
def log_normal(sigma: float, z: float):  # type: ignore[no-untyped-def]
    """Return the logarithm of a log-normal factor with mean one."""
    return sigma * z - 0.5 * sigma * sigma


@njit(cache=True, nogil=True)
def change_flags(person, tables, practice, tick: int, sets: int, clears: int):  # type: ignore[no-untyped-def]
    """Change conditions or treatments and let all clocks follow."""
    accrue(person, tick)
    person.flags = (person.flags | sets) & ~clears
    describe(person, tables, practice)
    reschedule(person, tables, practice, tick)


@njit(cache=True, nogil=True)
def die(person, tick: int, cause: int):  # type: ignore[no-untyped-def]
    """End a life: nothing of this person is due any more."""
    accrue(person, tick)
    person.alive = 0
    person.death = tick
    person.cause = cause
    for r in range(person.due.size):
        person.due[r] = NEVER


@njit(cache=True, nogil=True)
def depart(person, tick: int):  # type: ignore[no-untyped-def]
    """Let a person leave the region: nothing is due any more, and nobody has died."""
    accrue(person, tick)
    person.alive = 0
    person.departed = 1
    for r in range(person.due.size):
        person.due[r] = NEVER


@njit(cache=True, nogil=True)
def next_row(practice):  # type: ignore[no-untyped-def]
    """Return the row that the next newcomer on a list gets, a vacant one first; -1 when the list is full."""
    if practice.vacant > 0:
        return practice.vacant - 1
    if practice.used < practice.room:
        return practice.first + practice.used
    return -1


@njit(cache=True, nogil=True)
def take_row(people, practice):  # type: ignore[no-untyped-def]
    """Give out the next row of a list, which must not be full."""
    row = next_row(practice)
    if practice.vacant > 0:
        practice.vacant = people[row].since
        practice.vacancies -= 1
    else:
        practice.used += 1
    return row


@njit(cache=True, nogil=True)
def enter(person, tables, practice, tick: int):  # type: ignore[no-untyped-def]
    """Wind up all clocks of a person who enters at `tick` with age, flags and scores set."""
    person.since = tick
    person.entered = tick
    person.alive = 1
    person.death = NEVER
    person.cause = -1
    person.starts = -1
    grow_older(person, tables, practice)
    describe(person, tables, practice)
    for r in range(FIRST_TRANSITION):
        person.due[r] = NEVER
    person.due[rec.BIRTHDAY] = person.birth + (person.age + 1) * TICKS_PER_YEAR
    for r in range(FIRST_TRANSITION, tables.n_processes):
        wind_up(person, tables, practice, r, tick)


@njit(cache=True, nogil=True)
def give_birth(mother, tables, practice, people, tick: int, r: int, occurrence: int):  # type: ignore[no-untyped-def]
    """Add a newcomer to the mother's list; keyed by (mother, parity), not by the memory slot.

    Risk-factor scores are correlated as published, and frailty is as spread as that of everybody.
    """
    child = people[take_row(people, practice)]
    birth = occurrence_key(mother.key, tables.stream[r], occurrence)
    word = choose(birth, _KEY)
    child.id = rec.NEWBORN + np.int64(word * (1 << 52))
    child.key = np.uint64(word * 9007199254740992.0) ^ mother.key
    child.sex = 0 if choose(birth, _SEX) < SHARE_OF_BOYS else 1
    child.birth = tick
    child.age = 0
    child.flags = 0
    child.practice = mother.practice
    child.municipality = mother.municipality
    child.origin = mother.origin
    child.education = mother.education
    child.deprived = mother.deprived
    child.unlisted = mother.unlisted
    child.insurer = mother.insurer
    for k in range(4):
        child.scores[k] = 0.0
        for m in range(k + 1):
            child.scores[k] += tables.score_root[k, m] * normal(birth, _Z + 12 * m)
    child.frailty = log_normal(tables.frailty_permanent_sigma, normal(birth, _Z + 48))
    child.frailty_now = normal(birth, _Z + 60)
    for c in range(child.covariates.size):
        child.covariates[c] = 0.0
    child.covariates[9] = child.frailty + log_normal(tables.frailty_sigma, child.frailty_now)
    child.covariates[5] = mother.covariates[5]
    child.covariates[6] = mother.covariates[6]
    enter(child, tables, practice, tick)


@njit(cache=True, nogil=True, forceinline=True)
def lever(person, practice, which: int):  # type: ignore[no-untyped-def]
    """Return the practice's activity lever for this person's condition."""
    return practice.activity_levers[person.segment % 3, which]


@njit(cache=True, nogil=True, forceinline=True)
def delegated(person, practice, lane: int, need, base: float):  # type: ignore[no-untyped-def]
    """Return whether a delegable contact goes to the nurse of a lane, if the practice has one."""
    return practice.servers[lane] > 0 and happens(need, _DELEGATED, base * lever(person, practice, rec.DELEGATION))


@njit(cache=True, nogil=True, forceinline=True)
def start_lane(tables, practice) -> int:  # type: ignore[no-untyped-def]
    """Return the lane of the appointment at which a treatment starts: the nurse's if rules and staff allow it."""
    return tables.start_lane if practice.servers[NURSE_LANE] > 0 else PLANNED_LANE


@njit(cache=True, nogil=True, forceinline=True)
def ask_for(person, tables, practice, r: int, number: int):  # type: ignore[no-untyped-def]
    """Return (lane, contact sort) of the appointment that occurrence `number` of process `r` asks for."""
    kind = tables.kind[r]
    if kind == _START:
        return start_lane(tables, practice), SORT_START
    need = occurrence_key(person.key, tables.stream[r], number)
    if kind == _CHRONIC:
        if delegated(person, practice, NURSE_LANE, need, tables.chronic_nurse):
            return NURSE_LANE, SORT_CHRONIC_NURSE
        return PLANNED_LANE, SORT_CHRONIC_GP
    u = choose(need, _TYPE)
    sort = 0
    while sort < 4 and u >= tables.contact_mix[person.sex, person.age, sort]:
        sort += 1
    if kind == _NEED and happens(need, _URGENT, tables.urgent_share[person.age]):
        return URGENT_LANE, sort
    if happens(need, _DELEGABLE, tables.delegable_share[person.age]):
        mental = happens(need, _MENTAL, tables.mental_share[person.age])
        nurse = MENTAL_LANE if mental else NURSE_LANE
        if delegated(person, practice, nurse, need, tables.base_delegation):
            return nurse, SORT_MENTAL_NURSE if mental else SORT_NURSE
    return PLANNED_LANE, sort


@njit(cache=True, nogil=True, forceinline=True)
def own_gp(person, practice) -> int:  # type: ignore[no-untyped-def]
    """Return the server of the GP lanes who is the person's own doctor."""
    return int(choose(person.key, _OWN_GP) * practice.servers[PLANNED_LANE])


@njit(cache=True, nogil=True, forceinline=True)
def patience(person, tables, lane: int, origin: int, number: int) -> float:  # type: ignore[no-untyped-def]
    """Return how many days a person will wait for what a need asks for."""
    need = occurrence_key(person.key, tables.stream[origin], number)
    return -tables.patience_days[person.education, lane] * math.log(choose(need, _PATIENCE))


@njit(cache=True, nogil=True, forceinline=True)
def visit_ticks(person, tables, practice, lane: int, sort: int):  # type: ignore[no-untyped-def]
    """Return the length of a contact: the usual one, in the lanes of GPs times the practice's lever."""
    length = tables.contact_ticks[sort]
    times = lever(person, practice, rec.CONSULTATION_LENGTH)
    if lane >= NURSE_LANE or times == 1.0:
        return length
    return int(length * times + 0.5)


@njit(cache=True, nogil=True, forceinline=True)
def seek(person, tables, practice, lane: int, tick: int, length: int, origin: int, number: int):  # type: ignore[no-untyped-def]
    """Return start and server of the slot that a person gets offered.

    It is the earliest of the lane, or that of one's own doctor where this is hardly later and the person will wait for
    it. Who is on no list gets none.
    """
    if person.unlisted != 0:
        return 1 << 60, -1
    start, server = offer(practice, lane, tick, length, tables.weekdays)
    if lane < NURSE_LANE and practice.servers[lane] > 1:
        own = own_gp(person, practice)
        if own != server:
            mine = earliest(practice, lane, own, tick, length, tables.weekdays)
            later = mine - start
            if later == 0 or (
                later <= tables.own_gp_ticks[lane]
                and (
                    tables.kind[origin] != _NEED
                    or mine - tick <= patience(person, tables, lane, origin, number) * TICKS_PER_DAY
                )
            ):
                return mine, own
    return start, server


@njit(cache=True, nogil=True)
def meet_others(practice, tables, lane: int, tick: int) -> None:  # type: ignore[no-untyped-def]
    """Let people on the list who are not simulated ask for the slots of a lane that they ask for up to `tick`.

    They ask by chance as often as in the base years, less the part of those simulated, and wait as long as others of
    middle education. Their appointments fill the book and are nobody's work here. Requests come as in the base years,
    each by somebody not simulated with the chance of the time, because that grows from next to nothing.
    """
    rate = practice.usual[lane, 0] + practice.usual[lane, 1]
    if rate <= 0.0:
        return
    length = practice.usual_ticks[lane]
    while practice.others_due[lane] <= tick:
        due = practice.others_due[lane]
        key = occurrence_key(practice.key, np.uint64(lane), practice.others[lane])
        start, server = offer(practice, lane, due, length, tables.weekdays)
        days = (start - due) / TICKS_PER_DAY
        stays = days <= tables.horizon_days[lane] and choose(key, _OTHERS_COME) < 1.0 - practice.share
        if stays and days > 0.0:
            own = choose(key, _OTHERS_NEED) * rate
            if own < practice.usual[lane, 0]:
                stays = days <= -tables.patience_days[1, lane] * math.log(choose(key, _PATIENCE))
        if stays:
            take(practice, lane, server, start, length)
            practice.busy[lane] -= length
        practice.others[lane] += 1
        practice.others_due[lane] = due + 1 + int(-math.log(choose(key, _OTHERS_NEXT)) / rate)


@njit(cache=True, nogil=True, forceinline=True)
def book(person, practice, lane: int, server: int, start: int, length: int):  # type: ignore[no-untyped-def]
    """Write an appointment into the book."""
    take(practice, lane, server, start, length)
    if lane < NURSE_LANE:
        practice.own[0] += 1
        if server == own_gp(person, practice):
            practice.own[1] += 1


@njit(cache=True, nogil=True, forceinline=True)
def fire(person, tables, practice, people, row: int, tick: int, r: int, requests, n_requests: int):  # type: ignore[no-untyped-def]
    """Take the entry of process `r` of person `i`.

    Returns
    -------
    outcome, value, lane, sort, origin, number, requests written so far
        `lane` is NO_LANE when the entry is finished; otherwise the book must make an offer and `answer`
        be called.
    """
    if r == rec.BIRTHDAY:
        accrue(person, tick)
        if person.age < tables.base_utility.shape[1] - 1:
            person.age += 1
        person.due[r] = tick + TICKS_PER_YEAR
        change_frailty(person, tables)
        grow_older(person, tables, practice)
        describe(person, tables, practice)
        reschedule(person, tables, practice, tick)
        return rec.DONE, 0, NO_LANE, 0, 0, 0, n_requests
    if r == RETRY:
        person.due[r] = NEVER
        origin, number, sort = person.pending[r, ORIGIN], person.pending[r, NUMBER], person.pending[r, SORT]
        lane = NURSE_LANE if sort >= SORT_NURSE and sort != SORT_CHRONIC_GP else PLANNED_LANE
        if sort == SORT_MENTAL_NURSE:
            lane = MENTAL_LANE
        return rec.DONE, 0, lane, sort, origin, number, n_requests
    if r < FIRST_TRANSITION:
        outcome, n_requests = attend(person, tables, practice, row, tick, r, requests, n_requests)
        return outcome, tick - person.asked[r], NO_LANE, 0, 0, 0, n_requests

    kind, number = tables.kind[r], person.fired[r]
    person.fired[r] = number + 1
    if kind == _DEATH:
        die(person, tick, r)
        return rec.DIED, 0, NO_LANE, 0, 0, 0, n_requests
    if kind == _EVENT:
        return fire_event(person, tables, practice, row, tick, r, number, requests, n_requests)
    if kind == _ACUTE:
        person.counts[tables.service[r]] += 1
        if tables.stay_days[r] > 0.0:
            n_requests = admit(person, tables, practice, row, tick, r, number, requests, n_requests)
        elif tables.service[r] == tables.ed_service:
            n_requests = ask_region(person, row, tick, rec.VISIT_REQUEST, r, number, 0.0, requests, n_requests)
        rewind(person, tables, r, tick)
        return rec.ADMITTED, 0, NO_LANE, 0, 0, 0, n_requests
    if kind == _BIRTH:
        give_birth(person, tables, practice, people, tick, r, number)
        rewind(person, tables, r, tick)
        return rec.BORN, 0, NO_LANE, 0, 0, 0, n_requests
    if kind == _NEED or kind == _FOLLOW_UP or kind == _CHRONIC or kind == _START:
        # Anchored to the time of demand, never to the end of service.
        rewind(person, tables, r, tick)
        lane, sort = ask_for(person, tables, practice, r, number)
        return rec.DONE, 0, lane, sort, r, number, n_requests
    if kind == _DEPARTURE:
        depart(person, tick)
        return rec.DEPARTED, 0, NO_LANE, 0, 0, 0, n_requests
    if kind == _CHANGE:
        n_requests = ask_region(person, row, tick, rec.LIST_REQUEST, r, number, 0.0, requests, n_requests)
        rewind(person, tables, r, tick)
        return rec.LIST_ASKED, 0, NO_LANE, 0, 0, 0, n_requests
    if tables.claims_place[r] != 0:
        n_requests = ask_region(person, row, tick, rec.PLACE_REQUEST, r, number, 0.0, requests, n_requests)
    change_flags(person, tables, practice, tick, tables.sets[r], tables.clears[r])
    rewind(person, tables, r, tick)
    return rec.DONE, 0, NO_LANE, 0, 0, 0, n_requests


@njit(cache=True, nogil=True, forceinline=True)
def ask_region(person, row: int, tick: int, kind: int, process: int, number: int, days: float, requests, n: int):  # type: ignore[no-untyped-def]
    """Write a request that the region answers at the end of the week; return the requests written so far."""
    request = requests[n]
    request.tick, request.person, request.row = tick, person.id, row
    request.kind, request.process, request.number = kind, process, number
    request.days = days
    return n + 1


@njit(cache=True, nogil=True, forceinline=True)
def admit(person, tables, practice, row: int, tick: int, r: int, number: int, requests, n: int):  # type: ignore[no-untyped-def]
    """Ask for a bed: emergencies are always admitted, the region counts the days."""
    stay = occurrence_key(person.key, tables.stream[r], number)
    days = -tables.stay_days[r] * math.log(choose(stay, _STAY))
    return ask_region(person, row, tick, rec.ADMISSION_REQUEST, r, number, days, requests, n)


@njit(cache=True, nogil=True, forceinline=True)
def fire_event(person, tables, practice, row: int, tick: int, r: int, number: int, requests, n_requests: int):  # type: ignore[no-untyped-def]
    """Take an acute event: death before care, or admission and then death in care or survival."""
    event = occurrence_key(person.key, tables.stream[r], number)
    if happens(event, _BEFORE, tables.dies_before[r, person.sex, person.age]):
        die(person, tick, r)
        return rec.DIED_BEFORE_CARE, 0, NO_LANE, 0, 0, 0, n_requests
    if tables.service[r] >= 0:
        person.counts[tables.service[r]] += 1
    if tables.stay_days[r] > 0.0:
        n_requests = admit(person, tables, practice, row, tick, r, number, requests, n_requests)
    if happens(event, _IN_CARE, tables.dies_in[r, person.sex, person.age]):
        die(person, tick, r)
        return rec.DIED, 0, NO_LANE, 0, 0, 0, n_requests
    restart_timers(person, tables, practice, tick, tables.sets[r])
    change_flags(person, tables, practice, tick, tables.sets[r], tables.clears[r])
    rewind(person, tables, r, tick)
    return rec.ADMITTED, 0, NO_LANE, 0, 0, 0, n_requests


@njit(cache=True, nogil=True)
def restart_timers(person, tables, practice, tick: int, sets: int):  # type: ignore[no-untyped-def]
    """Let a timer that waits on a flag start anew when an event sets that flag again."""
    for r in range(FIRST_TRANSITION, tables.n_processes):
        if person.due[r] != NEVER and tables.delay[r] > 0.0 and tables.required[r] & sets != 0:
            set_rate(person, tables, r, tick, 0.0)


@njit(cache=True, nogil=True, forceinline=True)
def _passed(part: float, years: float, loss: float):  # type: ignore[no-untyped-def]
    """Return the part `part`, in the order of time, of the times spent so far in a state of `years` at most."""
    if abs(loss * years) < 1e-6:
        return part * years
    return -math.log1p(-part * (1.0 - math.exp(-loss * years))) / loss


@njit(cache=True, nogil=True)
def leave_part_of_timers(person, tables, tick: int):  # type: ignore[no-untyped-def]
    """Let timers of states that a person enters the run with have run for a while: any part of their delay.

    Where people leave the state at rate c before, or new cases grow so with age, the time passed has the density of
    ``exp(-c t)``. In the first year c is the rate at which the person dies now: of those with a deadly cancer more have
    it for a short time.
    """
    part = choose(person.key, _TIME_BEFORE)
    dying = 0.0
    for r in range(FIRST_TRANSITION, tables.n_processes):
        if tables.kind[r] == _DEATH and person.due[r] != NEVER:
            dying += person.clock[r]
    for r in range(FIRST_TRANSITION, tables.n_processes):
        delay = tables.delay[r]
        if delay > 0.0 and person.due[r] != NEVER:
            loss = tables.loss[r, person.sex, person.age]
            if tables.fresh[r] == 0:
                passed = _passed(part, delay, dying if delay <= 1.0 else loss)
            elif person.flags & tables.fresh[r] != 0:
                passed = _passed(part, 1.0, dying)
            else:
                passed = 1.0 + _passed(part, delay - 1.0, loss)
            person.due[r] = tick + math.ceil((delay - passed) * TICKS_PER_YEAR)


@njit(cache=True, nogil=True, forceinline=True)
def _put_by(tables, origin: int) -> int:  # type: ignore[no-untyped-def]
    """Return whether a patient asks for what process `origin` brings, or the practice plans it."""
    return rec.ASKED if tables.kind[origin] == _NEED else rec.PLANNED


@njit(cache=True, nogil=True, forceinline=True)
def attend(person, tables, practice, row: int, tick: int, r: int, requests, n: int):  # type: ignore[no-untyped-def]
    """Hold the appointment of lane ``r - 1``: claim it, and choose what it leads to.

    Some do not turn up for a planned appointment, and its time is lost; who comes to start a treatment comes.
    """
    origin, number, sort = person.pending[r, ORIGIN], person.pending[r, NUMBER], person.pending[r, SORT]
    person.due[r] = NEVER
    contact = occurrence_key(person.key, tables.stream[origin], number)
    starting = r == start_lane(tables, practice) + 1 and person.starts >= 0
    if r != rec.GP_URGENT and not starting and happens(contact, _MISSED, tables.missed[person.education]):
        practice.access[_put_by(tables, origin), rec.MISSED] += 1
        return rec.MISSED, n
    person.counts[tables.contact_service[sort]] += 1
    if starting:
        start = person.starts
        person.starts = -1
        if tables.service[start] >= 0:
            person.counts[tables.service[start]] += 1
        change_flags(person, tables, practice, tick, tables.sets[start], tables.clears[start])
        return rec.TREATED, n
    if r == rec.GP_URGENT:
        if happens(contact, _REFERRED, tables.ed_referral):
            person.counts[tables.ed_service] += 1
            n = ask_region(person, row, tick, rec.VISIT_REQUEST, origin, number, 0.0, requests, n)
            return rec.EMERGENCY, n
        return rec.DONE, n
    kind = tables.kind[origin]
    if kind == _NEED or kind == _FOLLOW_UP:
        chance = tables.referral[person.age] * lever(person, practice, rec.REFERRAL)
        chance *= practice.activity_style[rec.REFERRAL]
        if r == rec.NURSE or r == rec.MENTAL_NURSE:
            chance *= tables.nurse_referral
        if kind == _FOLLOW_UP:
            chance *= tables.follow_up_referral
        if happens(contact, _REFERRED, chance):
            n = ask_region(person, row, tick, rec.REFERRAL_REQUEST, origin, number, 0.0, requests, n)
            return rec.REFERRED, n
    return rec.DONE, n


@njit(cache=True, nogil=True, forceinline=True)
def is_after_hours(person, tables, practice, tick: int) -> bool:  # type: ignore[no-untyped-def]
    """Return whether the practice of somebody on its list is closed at a moment."""
    opens, closes = practice.opens[URGENT_LANE], practice.closes[URGENT_LANE]
    return person.unlisted == 0 and opening(tick, 1, opens, closes, tables.weekdays) > tick


@njit(cache=True, nogil=True, forceinline=True)
def is_pending(person, tables, practice, lane: int, sort: int, origin: int):  # type: ignore[no-untyped-def]
    """Return whether an appointment of this lane is pending already; the new need is raised there too."""
    if person.due[lane + 1] == NEVER:
        return False
    if sort == SORT_START and person.starts < 0:
        person.starts = origin
    practice.access[_put_by(tables, origin), rec.COMBINED] += 1
    return True


@njit(cache=True, nogil=True, forceinline=True)
def answer(  # type: ignore[no-untyped-def]
    person,
    tables,
    practice,
    tick: int,
    lane: int,
    sort: int,
    origin: int,
    number: int,
    start: int,
    again: bool,
):  # type: ignore[no-untyped-def]
    """Tell the person the offered start; return what they do: BOOKED, or one of the ways out.

    Of urgent needs that arise while the practice is closed, a share waits for the opening. Availability multiplies it:
    below one, a keyed part of those who would wait is told to go elsewhere; above one, of those who would not wait as
    many more are seen by the practice there and then.

    Who asks `again` does not put it off once more. Only a patient's own need (kind `need`) loses patience; what
    the practice plans is put into the book as long as the book's horizon reaches.
    """
    days = (start - tick) / TICKS_PER_DAY
    outcome = rec.BOOKED
    practice.requests[lane, 0 if tables.kind[origin] == _NEED else 1] += 1
    if days > tables.horizon_days[lane]:
        outcome = rec.DROPPED
    if days > 0.0 and tables.kind[origin] == _NEED:
        leaves = outcome == rec.DROPPED or days > patience(person, tables, lane, origin, number)
        available = lever(person, practice, rec.AVAILABILITY)
        if available != 1.0 and lane == URGENT_LANE and is_after_hours(person, tables, practice, tick):
            u = choose(occurrence_key(person.key, tables.stream[origin], number), _AVAILABLE)
            if leaves and u < (available - 1.0) * tables.wait_odds:
                practice.access[_put_by(tables, origin), rec.SEEN_AFTER_HOURS] += 1
                person.counts[tables.contact_service[sort]] += 1
                return rec.SEEN_AFTER_HOURS
            leaves = leaves or u >= available
        if leaves:
            u = choose(occurrence_key(person.key, tables.stream[origin], number), _ELSEWHERE)
            ways = tables.elsewhere[person.education, lane]
            later = ways[0]
            if again or person.due[RETRY] != NEVER:
                u = later + u * (1.0 - later)  # the other ways out, in their own proportions
            if u < later:
                outcome = rec.LATER
            elif u < ways[1]:
                outcome = rec.OUT_OF_HOURS
            elif u < ways[2]:
                outcome = rec.EMERGENCY
            else:
                outcome = rec.DROPPED
    practice.access[_put_by(tables, origin), outcome] += 1
    if outcome == rec.BOOKED:
        person.due[lane + 1] = start
        person.asked[lane + 1] = tick
        person.pending[lane + 1, ORIGIN] = origin
        person.pending[lane + 1, NUMBER] = number
        person.pending[lane + 1, SORT] = sort
        if sort == SORT_START:
            person.starts = origin
        whole = int(days)
        practice.waits[lane, whole if whole < rec.WAIT_BINS - 1 else rec.WAIT_BINS - 1] += 1
    elif outcome == rec.LATER:
        person.due[RETRY] = tick + int(tables.later_days * TICKS_PER_DAY)
        person.pending[RETRY, ORIGIN] = origin
        person.pending[RETRY, NUMBER] = number
        person.pending[RETRY, SORT] = sort
    elif outcome == rec.OUT_OF_HOURS:
        person.counts[tables.ooh_service] += 1
    elif outcome == rec.EMERGENCY:
        person.counts[tables.ed_service] += 1
    return outcome
