"""Patients of the region's hospital, and what is done to many of them at once in a single pass.

A week asks for hundreds of small steps on lists of tens to thousands of people, so the call itself must be cheap: each
function here takes a list as it is, record by record, and fills an array that it is given.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from paysim.kernel.hazards import occurrence_key, unit_interval
from paysim.kernel.records import TICKS_PER_WEEK

GHOST = -1
"""Row and person of somebody of the region who is not simulated."""

PATIENT = np.dtype(
    [
        ("since", "i8"),  # tick from which they wait; of who has a place, the tick at which they leave it
        ("person", "i8"),
        ("number", "i8"),  # of the need behind the request; unique among ghosts
        ("days", "f8"),  # length of stay, if known
        ("patience", "f8"),  # weeks of waiting, if they give up at all
        ("row", "i4"),
        ("process", "i4"),
        ("unit", "i4"),  # specialty, or ward
        ("urgent", "i2"),
        ("visits", "i2"),  # still to come
    ]
)
"""Sizes add up to whole words: no padding, so that equal lists are equal bytes."""

STREAM_SHIFT, WEEK_SHIFT, PROCESS_SHIFT = 44, 20, 32
"""Where a ghost's number holds its stream and its week, and where a process is added to the number of a need."""


@njit(cache=True, nogil=True)
def draw(patients, people, run_key, stream, out) -> None:  # type: ignore[no-untyped-def]
    """Fill `out` with uniforms of a stream, keyed by person and need; ghosts have the key of the run."""
    for k in range(patients.size):
        patient = patients[k]
        key = run_key if patient.row == GHOST else people[patient.row].key
        out[k] = unit_interval(occurrence_key(key, stream, patient.number + (patient.process << PROCESS_SHIFT)))


@njit(cache=True, nogil=True)
def draw_weekly(run_key, streams, week: int, out) -> None:  # type: ignore[no-untyped-def]
    """Fill `out` with the week's uniform of each stream."""
    for k in range(streams.size):
        out[k] = unit_interval(occurrence_key(run_key, streams[k], week))


@njit(cache=True, nogil=True, forceinline=True)
def _still(person, number) -> bool:  # type: ignore[no-untyped-def]
    """Return whether a row is that of the person of this number, and alive: it may have been given to somebody else."""
    return person.alive == 1 and person.id == number


@njit(cache=True, nogil=True)
def mark_living(patients, people, marks) -> None:  # type: ignore[no-untyped-def]
    """Fill `marks` with whether patients still live here. Ghosts do."""
    for k in range(patients.size):
        row = patients[k].row
        marks[k] = row == GHOST or _still(people[row], patients[k].person)


@njit(cache=True, nogil=True)
def count_living(patients, people) -> int:  # type: ignore[no-untyped-def]
    """Return how many patients still live here."""
    living = 0
    for k in range(patients.size):
        row = patients[k].row
        living += row == GHOST or _still(people[row], patients[k].person)
    return living


@njit(cache=True, nogil=True)
def own_rows(patients, people, rows, places) -> int:  # type: ignore[no-untyped-def]
    """Fill in rows and places among the patients of simulated people who still live here; return how many."""
    own = 0
    for k in range(patients.size):
        row = patients[k].row
        if row != GHOST and _still(people[row], patients[k].person):
            rows[own], places[own] = row, k
            own += 1
    return own


@njit(cache=True, nogil=True)
def count_service(patients, people, service: int) -> None:  # type: ignore[no-untyped-def]
    """Count one more of a service for each of the patients, ghosts apart."""
    for k in range(patients.size):
        if patients[k].row != GHOST:
            people[patients[k].row].counts[service] += 1


@njit(cache=True, nogil=True)
def count_waits(patients, now: int, waits) -> None:  # type: ignore[no-untyped-def]
    """Count patients in `waits` by the whole weeks from their request to `now`, the last bin open."""
    for k in range(patients.size):
        waits[min(max((now - patients[k].since) // TICKS_PER_WEEK, 0), waits.size - 1)] += 1


@njit(cache=True, nogil=True)
def move_rows(patients, row_now) -> None:  # type: ignore[no-untyped-def]
    """Let patients follow people to the rows ``row_now[row]``; ghosts stay ghosts."""
    for k in range(patients.size):
        if patients[k].row != GHOST:
            patients[k].row = row_now[patients[k].row]


@njit(cache=True, nogil=True)
def fill_ghosts(counts, streams, week: int, now: int, weeks: float, out) -> None:  # type: ignore[no-untyped-def]
    """Fill `out` with ``counts[k]`` ghosts of each stream ``streams[k]``, evenly over the `weeks` up to `now`."""
    at = 0
    for k in range(counts.size):
        first = (streams[k] << STREAM_SHIFT) + (week << WEEK_SHIFT)
        for place in range(counts[k]):
            back = (1.0 - (place + 0.5) / counts[k]) * weeks * TICKS_PER_WEEK
            out[at].row = out[at].person = GHOST
            out[at].number = first + place
            out[at].since = now - np.int64(np.ceil(back))
            at += 1


@njit(cache=True, nogil=True)
def put_at(patients, first: int, out) -> None:  # type: ignore[no-untyped-def]
    """Put patients into `out` from place `first` on."""
    for k in range(patients.size):
        out[first + k] = patients[k]


@njit(cache=True, nogil=True)
def put_marked(patients, marks, out) -> None:  # type: ignore[no-untyped-def]
    """Fill `out` with those of the patients who are marked."""
    at = 0
    for k in range(patients.size):
        if marks[k]:
            out[at] = patients[k]
            at += 1


@njit(cache=True, nogil=True)
def put_in_order(patients, order, out) -> None:  # type: ignore[no-untyped-def]
    """Fill `out` with patients by tick, person, number and place; `order`, that by tick, is made complete."""
    for k in range(order.size):
        moved, at = order[k], k
        while at > 0 and _comes_before(patients[moved], moved, patients[order[at - 1]], order[at - 1]):
            order[at] = order[at - 1]
            at -= 1
        order[at] = moved
    for k in range(order.size):
        out[k] = patients[order[k]]


@njit(cache=True, nogil=True, forceinline=True)
def _comes_before(mine, place: int, theirs, other: int) -> bool:  # type: ignore[no-untyped-def]
    if mine.since != theirs.since:
        return mine.since < theirs.since
    if mine.person != theirs.person:
        return mine.person < theirs.person
    if mine.number != theirs.number:
        return mine.number < theirs.number
    return place < other


@njit(cache=True, nogil=True)
def put_apart(patients, group, ends, out) -> None:  # type: ignore[no-untyped-def]
    """Fill `out` with the patients of group 0, then those of group 1, ..., each in their order.

    `ends` [G], zeros, becomes where each group ends; who is of none of the G groups is left out.
    """
    for k in range(patients.size):
        if 0 <= group[k] < ends.size:
            ends[group[k]] += 1
    first = 0
    for g in range(ends.size):
        ends[g], first = first, first + ends[g]
    for k in range(patients.size):
        if 0 <= group[k] < ends.size:
            out[ends[group[k]]] = patients[k]
            ends[group[k]] += 1


@njit(cache=True, nogil=True)
def join_or_leave(referred, of, ahead, slots, closed_weeks, people, group, counts) -> None:  # type: ignore[no-untyped-def]
    """Let referred people join the list of their unit, or leave if the wait that they are offered is too long.

    Urgent referrals wait for each other only; routine ones for everybody. A wait is in whole weeks at the slots of the
    list; each is offered the place behind those of the same week, whether these join or not.

    Parameters
    ----------
    of
        ``[n]`` number of the unit that each asks.
    ahead, slots
        ``[U, 2]`` people before whoever is the next to join each list, urgent and routine, which is brought up to date,
        and slots a week for them.
    closed_weeks
        ``[U]`` weeks for which the unit is still closed.
    group
        ``[n]`` becomes ``2 unit`` of who joins the urgent list, 1 more of the routine one, ``2 U`` more of who leaves;
        -1 of the dead and of those who left the region.
    counts
        ``[U, 2]`` zeros, to which are added how many joined and how many left, the dead among them.
    """
    units = ahead.shape[0]
    for routine in range(2):
        for k in range(referred.size):
            unit = of[k]
            if (referred[k].urgent != 1) != routine or not 0 <= unit < units:
                continue
            offered = closed_weeks[unit] + np.floor(ahead[unit, routine] / slots[unit, routine])
            leaves = not offered <= referred[k].patience
            ahead[unit, routine] += 1
            counts[unit, int(leaves)] += 1
            if not (leaves or routine):
                ahead[unit, 1] += 1
            row = referred[k].row
            here = row == GHOST or _still(people[row], referred[k].person)
            group[k] = 2 * (units * leaves + unit) + routine if here else -1


@njit(cache=True, nogil=True)
def plan_visits(treated, came, due: int, people, planned) -> int:  # type: ignore[no-untyped-def]
    """Fill `planned` with whose next visit is at `due`, return how many.

    They are the newly `treated` who are to come at all, and of those who `came` this week who is to come again.
    """
    n = 0
    for k in range(treated.size):
        if treated[k].visits > 0:
            planned[n] = treated[k]
            n += 1
    for k in range(came.size):
        row = came[k].row
        if came[k].visits > 1 and (row == GHOST or _still(people[row], came[k].person)):
            planned[n] = came[k]
            planned[n].visits -= 1
            n += 1
    for k in range(n):
        planned[k].since = due
    return n


@njit(cache=True, nogil=True)
def count_upto(uniforms, units, upto, out) -> None:  # type: ignore[no-untyped-def]
    """Fill `out` with the numbers whose uniforms these are, by the distribution ``upto[unit]`` of each."""
    for k in range(uniforms.size):
        row, number = upto[units[k]], 0
        while number < row.size and uniforms[k] > row[number]:
            number += 1
        out[k] = number


@njit(cache=True, nogil=True)
def spread_stays(begins, stays, week_days: float, days) -> None:  # type: ignore[no-untyped-def]
    """Fill `days`, zeros, with those that stays take this week and in each to come; what is beyond counts in the last.

    `begins` and `stays` [n] are days, from the beginning of this week on.
    """
    for k in range(begins.size):
        end = begins[k] + stays[k]
        for w in range(days.size):  # from each week's edge on
            days[w] += max(end - max(w * week_days, begins[k]), 0.0)
    for w in range(days.size - 1):
        days[w] -= days[w + 1]


@njit(cache=True, nogil=True)
def how_many_fit(patients, room: float, longest: float) -> int:  # type: ignore[no-untyped-def]
    """Return how many of the first patients fit into `room` days; of each counts a stay up to `longest`."""
    days = 0.0
    for k in range(patients.size):
        days += min(patients[k].days, longest)
        if not days <= room:
            return k
    return patients.size
