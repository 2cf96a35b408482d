"""The compiled calendar: every practice takes its people's entries in order of time up to a horizon.

Order is (tick, person, process). A practice's calendar is the column `State.calendar` (each person's earliest
entry); inside a window the entries that fall due are kept in a small binary heap of integers that pack
(tick, row); it needs room for one more than the longest list. All state lives in the rows, so when a buffer is full
the loop stops between two entries, Python drains the buffer and calls again: the heap is simply built anew.

Time goes into waiting for memory, then into calls. So rows keep what most entries touch together, the rows of who may
be next are fetched ahead, and everything an entry does is compiled into the one loop (`forceinline`).
"""

from __future__ import annotations

from numba import njit

from paysim.kernel import records as rec
from paysim.kernel.hazards import hazard, process_due, set_rate
from paysim.kernel.memory import borrow, prefetch
from paysim.kernel.records import FIRST_TRANSITION
from paysim.kernel.tables import KINDS
from paysim.kernel.transitions import (
    NO_LANE,
    accrue,
    answer,
    ask_region,
    beyond_usual,
    book,
    change_flags,
    enter,
    fire,
    is_pending,
    leave_part_of_timers,
    meet_others,
    next_row,
    seek,
    take_row,
    visit_ticks,
)

_BIRTH = KINDS.index("birth")

_LINE = 64
_HOT_BYTES = rec.PERSON.fields["clock"][1]  # type: ignore[index]
"""What most entries touch of a person's row."""

_END_OF_TIME = (1 << 63) - 1
ROW_BITS = 15
ROW_MASK = (1 << ROW_BITS) - 1

FINISHED, EVENTS_FULL, REQUESTS_FULL, LIST_FULL = 0, 1, 2, 3


@njit(cache=True, nogil=True, forceinline=True)
def _sift_down(heap, n: int, at: int) -> None:  # type: ignore[no-untyped-def]
    """Let the entry at `at` sink to its place; beyond the last entry stands the end of time."""
    entry = heap[at]
    heap[n] = _END_OF_TIME
    child = 2 * at + 1
    while child < n:
        child += int(heap[child + 1] < heap[child])  # no branch: it would be a coin toss
        least = heap[child]
        if least >= entry:
            break
        heap[at] = least
        at = child
        child = 2 * at + 1
    heap[at] = entry


@njit(cache=True, nogil=True, forceinline=True)
def _push(heap, n: int, entry: int) -> int:  # type: ignore[no-untyped-def]
    at = n
    while at > 0:
        parent = (at - 1) >> 1
        if heap[parent] <= entry:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = entry
    return n + 1


@njit(cache=True, nogil=True, forceinline=True)
def take_entry(person, tables, practice, people, row: int, tick: int, process: int, requests, n: int):  # type: ignore[no-untyped-def]
    """Take one calendar entry to its end, the book's offer included; return (outcome, value, requests)."""
    outcome, value, lane, sort, origin, number, n = fire(
        person, tables, practice, people, row, tick, process, requests, n
    )
    if lane != NO_LANE:
        if is_pending(person, tables, practice, lane, sort, origin):
            return rec.COMBINED, value, n
        length = visit_ticks(person, tables, practice, lane, sort)
        if practice.share < 1.0:
            meet_others(practice, tables, lane, tick)
        start, server = seek(person, tables, practice, lane, tick, length, origin, number)
        outcome = answer(person, tables, practice, tick, lane, sort, origin, number, start, process == rec.RETRY)
        if outcome == rec.BOOKED:
            book(person, practice, lane, server, start, length)
            value = start - tick
        elif outcome == rec.EMERGENCY:
            n = ask_region(person, row, tick, rec.VISIT_REQUEST, origin, number, 0.0, requests, n)
    return outcome, value, n


@njit(cache=True, nogil=True, forceinline=True)
def next_tick(person, tables):  # type: ignore[no-untyped-def]
    """Return the tick of a person's earliest entry."""
    tick = person.due[0]
    for r in range(1, tables.n_processes):
        if person.due[r] < tick:
            tick = person.due[r]
    return tick


@njit(cache=True, nogil=True)
def advance_practice(  # type: ignore[no-untyped-def]
    people,
    calendar,
    practice,
    number: int,
    tables,
    until: int,
    heap,
    events,
    n_events: int,
    trace: bool,
    requests,
    n_requests: int,
):
    """Advance one practice to `until`; return (status, entries taken, events, requests written)."""
    people, calendar, heap = borrow(people), borrow(calendar), borrow(heap)
    events, requests = borrow(events), borrow(requests)
    first = practice.first
    n = 0
    for local in range(practice.used):
        tick = calendar[first + local]
        heap[n] = (tick << ROW_BITS) | local  # kept if due: no branch, it would be a coin toss
        n += int(tick < until)
    for at in range(n // 2 - 1, -1, -1):
        _sift_down(heap, n, at)
    taken = 0
    while n > 0:
        if trace and n_events == events.size:
            return EVENTS_FULL, taken, n_events, n_requests
        if n_requests == requests.size:
            return REQUESTS_FULL, taken, n_events, n_requests
        entry = heap[0]
        row = first + (entry & ROW_MASK)
        for k in range(1, min(n, 3)):  # the next person is one of these two
            for offset in range(0, _HOT_BYTES, _LINE):
                prefetch(people, first + (heap[k] & ROW_MASK), offset)
        tick = entry >> ROW_BITS
        person = people[row]
        process = process_due(person, tick)
        born = tables.kind[process] == _BIRTH
        child = next_row(practice) if born else 0
        if child < 0:
            return LIST_FULL, taken, n_events, n_requests
        outcome, value, n_requests = take_entry(
            person, tables, practice, people, row, tick, process, requests, n_requests
        )
        taken += 1
        if trace:
            event = events[n_events]
            event.tick, event.person, event.value = tick, person.id, value
            event.practice, event.process, event.outcome = number, process, outcome
            n_events += 1
        upcoming = next_tick(person, tables)
        calendar[row] = upcoming
        if upcoming < until:
            heap[0] = (upcoming << ROW_BITS) | (row - first)
            _sift_down(heap, n, 0)
        else:
            n -= 1
            if n > 0:
                heap[0] = heap[n]
                _sift_down(heap, n, 0)
        if born:
            upcoming = next_tick(people[child], tables)
            calendar[child] = upcoming
            if upcoming < until:
                n = _push(heap, n, (upcoming << ROW_BITS) | (child - first))
    return FINISHED, taken, n_events, n_requests


@njit(cache=True, nogil=True)
def advance(  # type: ignore[no-untyped-def]
    people,
    calendar,
    practices,
    tables,
    start: int,
    stop: int,
    until: int,
    heap,
    events,
    trace: bool,
    requests,
):
    """Advance practices start..stop-1 to tick `until`.

    Returns
    -------
    status, practice, taken, n_events, n_requests
        `status` FINISHED, or the reason why practice `practice` stopped between two entries: drain the
        buffers and call again with ``start = practice``.
    """
    taken, n_events, n_requests = 0, 0, 0
    for k in range(start, stop):
        status, more, n_events, n_requests = advance_practice(
            people,
            calendar,
            practices[k],
            k,
            tables[0],
            until,
            heap,
            events,
            n_events,
            trace,
            requests,
            n_requests,
        )
        taken += more
        if status != FINISHED:
            return status, k, taken, n_events, n_requests
    return FINISHED, stop, taken, n_events, n_requests


@njit(cache=True, nogil=True)
def begin(person, tables, practice, tick: int):  # type: ignore[no-untyped-def]
    """Wind up the clocks of a person who has lived elsewhere or before; return the tick of the earliest entry.

    Treatment effects count from what the person takes now, against what is usual. Timers that run have run before: what
    is left of them is keyed by person.
    """
    person.ldl_base, person.sbp_base = beyond_usual(person.flags, person.age, tables)
    enter(person, tables, practice, tick)
    leave_part_of_timers(person, tables, tick)
    return next_tick(person, tables)


@njit(cache=True, nogil=True)
def enter_all(people, calendar, practices, tables, tick: int) -> None:  # type: ignore[no-untyped-def]
    """Let everybody on a list begin."""
    for k in range(practices.size):
        practice = practices[k]
        for row in range(practice.first, practice.first + practice.used):
            calendar[row] = begin(people[row], tables[0], practice, tick)


@njit(cache=True, nogil=True)
def enter_rows(people, calendar, practices, tables, rows, tick: int) -> None:  # type: ignore[no-untyped-def]
    """Let newcomers, in some rows of their practices' lists, begin."""
    for at in range(rows.size):
        person = people[rows[at]]
        calendar[rows[at]] = begin(person, tables[0], practices[person.practice], tick)


@njit(cache=True, nogil=True)
def change_all(people, calendar, practices, tables, sets: int, clears: int, tick: int) -> None:  # type: ignore[no-untyped-def]
    """Change flags of everybody alive; with none to change, let clocks follow what was changed from outside."""
    for row in range(people.size):
        person = people[row]
        if person.alive != 0:
            change_flags(person, tables[0], practices[person.practice], tick, sets, clears)
            calendar[row] = next_tick(person, tables[0])


@njit(cache=True, nogil=True)
def change_rows(people, calendar, practices, tables, rows, sets: int, clears: int, tick: int) -> None:  # type: ignore[no-untyped-def]
    """Change flags of the people in some rows, all alive."""
    for at in range(rows.size):
        person = people[rows[at]]
        change_flags(person, tables[0], practices[person.practice], tick, sets, clears)
        calendar[rows[at]] = next_tick(person, tables[0])


@njit(cache=True, nogil=True)
def take_rows(people, practices, numbers, rows) -> None:  # type: ignore[no-untyped-def]
    """Fill `rows` with the row that each newcomer gets on the list of practice `numbers`; none may be full."""
    for at in range(rows.size):
        rows[at] = take_row(people, practices[numbers[at]])


@njit(cache=True, nogil=True)
def link_vacant(people, practices, rows, numbers) -> None:  # type: ignore[no-untyped-def]
    """Put cleared rows of practices `numbers` in front of the vacant rows of their lists."""
    for at in range(rows.size):
        practice = practices[numbers[at]]
        people[rows[at]].since = practice.vacant
        practice.vacant = rows[at] + 1
        practice.vacancies += 1


@njit(cache=True, nogil=True)
def follow_practice(person, tables, practice, tick: int) -> int:  # type: ignore[no-untyped-def]
    """Let a person's clocks that depend on the practice's levers follow them; return the tick of the next entry."""
    for r in range(FIRST_TRANSITION, tables.n_processes):
        if tables.activity_lever[r] >= 0 or tables.health_lever[r] >= 0:
            set_rate(person, tables, r, tick, hazard(person, tables, practice, r, tick))
    return next_tick(person, tables)


@njit(cache=True, nogil=True)
def follow_levers(people, calendar, practices, tables, tick: int) -> None:  # type: ignore[no-untyped-def]
    """Let everybody's clocks follow the levers of their practice."""
    for k in range(practices.size):
        practice = practices[k]
        for row in range(practice.first, practice.first + practice.used):
            if people[row].alive != 0:
                calendar[row] = follow_practice(people[row], tables[0], practice, tick)


@njit(cache=True, nogil=True)
def join_lists(people, calendar, practices, tables, rows, tick: int) -> None:  # type: ignore[no-untyped-def]
    """Drop the appointments that people in `rows` had elsewhere, and let them follow their new practice."""
    for at in range(rows.size):
        person = people[rows[at]]
        person.starts = -1
        for lane in range(rec.GP_PLANNED, FIRST_TRANSITION):
            person.due[lane] = rec.NEVER
        calendar[rows[at]] = follow_practice(person, tables[0], practices[person.practice], tick)


@njit(cache=True, nogil=True)
def close_period(people, practices, tick: int) -> None:  # type: ignore[no-untyped-def]
    """Count everybody's person-time and QALYs up to the end of a period."""
    for k in range(practices.size):
        for row in range(practices[k].first, practices[k].first + practices[k].used):
            if people[row].alive != 0:
                accrue(people[row], tick)


@njit(cache=True, nogil=True)
def open_period(people, practices) -> None:  # type: ignore[no-untyped-def]
    """Start counting a period from nothing."""
    for k in range(practices.size):
        practice = practices[k]
        for row in range(practice.first, practice.first + practice.used):
            person = people[row]
            person.life = person.healthy = 0.0
            person.qaly = person.lost = 0.0
            for s in range(person.counts.size):
                person.counts[s] = 0
        practice.busy[:] = 0
        practice.own[:] = 0
        practice.requests[:] = 0
        practice.waits[:] = 0
        practice.access[:] = 0


@njit(cache=True, nogil=True)
def add_groups(rows, values, codes, sums) -> None:  # type: ignore[no-untyped-def]
    """Add `values` [n, K] of `rows` to `sums` [groups, K] under each of their `codes` [n, D]."""
    for at in range(rows.size):
        row = rows[at]
        for d in range(codes.shape[1]):
            group = codes[at, d]
            for k in range(values.shape[1]):
                sums[group, k] += values[row, k]


@njit(cache=True, nogil=True)
def add_bits(bits, codes, sums) -> None:  # type: ignore[no-untyped-def]
    """Count the set bits of each person's word `bits` [n] in `sums` [groups, K] under each of their `codes` [n, D]."""
    for at in range(bits.size):
        for d in range(codes.shape[1]):
            group, left, k = codes[at, d], bits[at], 0
            while left != 0:
                sums[group, k] += left & 1
                left >>= 1
                k += 1


@njit(cache=True, nogil=True)
def aggregate(people, practices, tables, out, services, person_years, programme_years, unlisted_years) -> None:  # type: ignore[no-untyped-def]
    """Add up `out` by practice and segment: [P, G, S], and years lived and enrolled on the list: [P, G].

    `unlisted_years` [P, G] are those of people who live near the practice and are on no list.
    """
    enrolled = tables[0].masks[2]
    for k in range(practices.size):
        for row in range(practices[k].first, practices[k].first + practices[k].used):
            person = people[row]
            g = person.segment
            if person.unlisted != 0:
                unlisted_years[k, g] += person.life
            else:
                person_years[k, g] += person.life
                if person.flags & enrolled != 0:
                    programme_years[k, g] += person.life
            for s in range(out.shape[1]):
                services[k, g, s] += out[row, s]
