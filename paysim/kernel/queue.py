"""The appointment book: a few next-free times per lane, and an offer.

A need is offered the earliest slot of its lane; first come, first served follows from the order of time. A
booking fixes its start and nothing displaces it later. With continuous opening and one lane this is the
M/G/c queue, which the tests compare with the closed form.
"""

from __future__ import annotations

from numba import njit

from paysim.kernel.records import TICKS_PER_DAY, TICKS_PER_WEEK


@njit(cache=True, nogil=True, forceinline=True)
def opening(tick: int, length: int, opens: int, closes: int, weekdays: int) -> int:
    """Return the earliest tick from `tick` on at which `length` ticks fit into the opening hours.

    The week starts on a Monday at a multiple of a week. A length beyond a whole day's opening starts at an
    opening. With ``opens = 0``, ``closes = one day`` and seven weekdays the book never closes.
    """
    if opens == 0 and closes == TICKS_PER_DAY and weekdays == 7:
        return tick
    start = tick
    for _ in range(9):
        in_week = start % TICKS_PER_WEEK
        day = in_week // TICKS_PER_DAY
        midnight = start - in_week % TICKS_PER_DAY
        if day >= weekdays:
            start = start - in_week + TICKS_PER_WEEK + opens
            continue
        if start < midnight + opens:
            start = midnight + opens
        if start == midnight + opens or start + length <= midnight + closes:
            return start
        start = midnight + TICKS_PER_DAY + opens
    return start


@njit(cache=True, nogil=True, forceinline=True)
def earliest(practice, lane: int, server: int, tick: int, length: int, weekdays: int) -> int:  # type: ignore[no-untyped-def]
    """Return the earliest start of a slot of `length` ticks with one server, for a need at `tick`."""
    start = practice.free[lane, server]
    if start < tick:
        start = tick
    blocks = length if practice.flexible[lane] else int(length * practice.stretch[lane])
    return opening(start, blocks, practice.opens[lane], practice.closes[lane], weekdays)


@njit(cache=True, nogil=True, forceinline=True)
def offer(practice, lane: int, tick: int, length: int, weekdays: int):  # type: ignore[no-untyped-def]
    """Return the earliest start and the server of a slot of `length` ticks, for a need at `tick`.

    Staff see patients for only part of the opening hours. Slots are spread over them evenly: a contact blocks its
    length times the lane's stretch. In a flexible lane (urgent care) the day's time may be used at any moment of the
    day: a need is seen at once as long as it is not used up, see `take`.

    Ties go to the lowest server. A lane without servers offers the end of time.
    """
    best, server = 1 << 60, -1
    for k in range(practice.servers[lane]):
        start = earliest(practice, lane, k, tick, length, weekdays)
        if start < best:
            best, server = start, k
    return best, server


@njit(cache=True, nogil=True, forceinline=True)
def take(practice, lane: int, server: int, start: int, length: int):  # type: ignore[no-untyped-def]
    """Book the offered slot; in a flexible lane time unused since the day's opening is still there."""
    begin = start
    if practice.flexible[lane]:
        begin = start - start % TICKS_PER_DAY + practice.opens[lane]
        if begin < practice.free[lane, server]:
            begin = practice.free[lane, server]
    practice.free[lane, server] = begin + int(length * practice.stretch[lane])
    practice.busy[lane] += length


@njit(cache=True, nogil=True)
def serve(free, arrivals, stays, waits) -> None:  # type: ignore[no-untyped-def]
    """Fill `waits` with those of a queue with several servers, first come first served.

    Parameters
    ----------
    free
        Tick at which each server is next free; changed in place. At least one.
    arrivals, stays
        Ticks of arrival, in order, and of service.
    """
    for k in range(arrivals.size):
        first = 0
        for server in range(1, free.size):
            if free[server] < free[first]:
                first = server
        start = free[first] if free[first] > arrivals[k] else arrivals[k]
        waits[k] = start - arrivals[k]
        free[first] = start + stays[k]
