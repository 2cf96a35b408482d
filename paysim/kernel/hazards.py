"""Hazard clocks: the next-reaction method (Anderson 2007, J Chem Phys 127:214107).

Every process of every person holds a unit-exponential amount that its integrated hazard uses up. When a
hazard changes, the time left is stretched by the old rate over the new one; nothing is drawn again. A process
whose rate did not change is not touched, to the last bit, so an arm that leaves it alone leaves it alone.
"""

from __future__ import annotations

import math

from numba import njit

from paysim.kernel import streams
from paysim.kernel.records import FIRST_TRANSITION, MAX_PROCESSES, NEVER, TICKS_PER_YEAR
from paysim.kernel.tables import KINDS

_splitmix64 = njit(cache=True, nogil=True, forceinline=True)(streams.splitmix64)
_TIMER = KINDS.index("timer")
_MAX_YEARS = 1.0e6
_INV_YEAR = 1.0 / TICKS_PER_YEAR


@njit(cache=True, nogil=True, forceinline=True)
def occurrence_key(key, stream, occurrence):  # type: ignore[no-untyped-def]
    """Return the key of all choices that occurrence `occurrence` of a person's process makes."""
    return _splitmix64(_splitmix64(key, stream), streams.np.uint64(occurrence))


@njit(cache=True, nogil=True, forceinline=True)
def unit_interval(bits):  # type: ignore[no-untyped-def]
    """Map a 64-bit word to the open unit interval, as `streams.to_uniform` does."""
    u = (streams.np.float64(bits >> streams.SHIFT_11) + 0.5) * streams.TO_UNIT
    return u if u < 1.0 else streams.LARGEST


@njit(cache=True, nogil=True, forceinline=True)
def choose(key, choice):  # type: ignore[no-untyped-def]
    """Return the uniform on (0, 1) of a numbered choice of an occurrence, given its key."""
    return unit_interval(_splitmix64(key, streams.np.uint64(choice)))


@njit(cache=True, nogil=True, forceinline=True)
def happens(key, choice, chance: float):  # type: ignore[no-untyped-def]
    """Return whether a numbered choice of an occurrence falls within `chance`; nothing is drawn for none."""
    return chance > 0.0 and choose(key, choice) < chance


@njit(cache=True, nogil=True, forceinline=True)
def uniform(key, stream, occurrence, choice):  # type: ignore[no-untyped-def]
    """Return the keyed uniform on (0, 1) of a person's (process, occurrence, choice)."""
    return choose(occurrence_key(key, stream, occurrence), choice)


@njit(cache=True, nogil=True, forceinline=True)
def exponential(key, stream, occurrence):  # type: ignore[no-untyped-def]
    """Return the keyed unit exponential with which a clock is wound up (choice 0)."""
    return -math.log(uniform(key, stream, occurrence, 0))


@njit(cache=True, nogil=True)
def hazard(person, tables, practice, r: int, tick: int):  # type: ignore[no-untyped-def]
    """Return the rate per year at which process `r` of a person runs at `tick` (timers: 1 while possible)."""
    flags = person.flags
    if flags & tables.required[r] != tables.required[r] or flags & tables.forbidden[r] != 0:
        return 0.0
    if tables.required_any[r] != 0 and flags & tables.required_any[r] == 0:
        return 0.0
    if tables.kind[r] == _TIMER:
        return 1.0
    value = tables.log_hazard[r, person.sex, person.age]
    if value == -math.inf:
        return 0.0
    for k in range(tables.n_slopes[r]):
        value += tables.slopes[r, person.sex, person.age, k] * person.covariates[tables.slope_of[r, k]]
    for k in range(tables.n_ratios[r]):
        if flags & tables.ratio_of[r, k] != 0:
            ratio = tables.log_hr[r, k]
            if k < tables.n_fading[r]:
                ratio *= tables.fade[r, person.age]
            value += ratio
    if tables.trend[r] != 0.0:
        value += tables.trend[r] * (tick - tables.trend_from) * _INV_YEAR
    rate = math.exp(value)
    condition = person.segment % 3
    if tables.activity_lever[r] >= 0:
        which = tables.activity_lever[r]
        rate *= practice.activity_levers[condition, which] * practice.activity_style[which]
    if tables.health_lever[r] >= 0:
        which = tables.health_lever[r]
        rate *= practice.health_levers[condition, which] * practice.health_style[which]
    return rate


@njit(cache=True, nogil=True, forceinline=True)
def run(person, r: int, tick: int, rate: float, left: float):  # type: ignore[no-untyped-def]
    """Let the clock of process `r` run at `rate` from `tick` on, until the amount `left` is used up."""
    years = left / rate if rate > 0.0 else _MAX_YEARS
    if years < _MAX_YEARS:
        person.due[r] = tick + math.ceil(years * TICKS_PER_YEAR)
        person.clock[r] = rate
    else:  # it stands still, or next to nothing is used up in anybody's lifetime
        person.due[r] = NEVER
        person.clock[r] = left


@njit(cache=True, nogil=True, forceinline=True)
def set_rate(person, tables, r: int, tick: int, rate: float):  # type: ignore[no-untyped-def]
    """Let the clock of process `r` run at `rate` from `tick` on."""
    due = person.due[r]
    left = person.clock[r]
    if due != NEVER:
        if rate == left:
            return
        left *= (due - tick) * _INV_YEAR
        if left < 0.0:
            left = 0.0
    elif rate == 0.0:
        return
    if tables.kind[r] == _TIMER:
        person.due[r] = tick + round(tables.delay[r] * TICKS_PER_YEAR) if rate > 0.0 else NEVER
        person.clock[r] = rate
        return
    run(person, r, tick, rate, left)


@njit(cache=True, nogil=True)
def wind_up(person, tables, practice, r: int, tick: int):  # type: ignore[no-untyped-def]
    """Give process `r` the exponential amount of its next occurrence, and set the clock going."""
    person.clock[r] = exponential(person.key, tables.stream[r], person.fired[r])
    person.due[r] = NEVER
    set_rate(person, tables, r, tick, hazard(person, tables, practice, r, tick))


@njit(cache=True, nogil=True, forceinline=True)
def rewind(person, tables, r: int, tick: int):  # type: ignore[no-untyped-def]
    """Give process `r`, which has just fired, its next amount; its rate is the one it ran at."""
    if tables.kind[r] == _TIMER:
        rate = person.clock[r]
        person.due[r] = NEVER
        set_rate(person, tables, r, tick, rate)
    else:
        run(person, r, tick, person.clock[r], exponential(person.key, tables.stream[r], person.fired[r]))


@njit(cache=True, nogil=True)
def reschedule(person, tables, practice, tick: int):  # type: ignore[no-untyped-def]
    """Let every clock of a person follow what the person is now."""
    for r in range(FIRST_TRANSITION, tables.n_processes):  # type: ignore[no-untyped-def]
        set_rate(person, tables, r, tick, hazard(person, tables, practice, r, tick))


@njit(cache=True, nogil=True, forceinline=True)
def process_due(person, tick: int):  # type: ignore[no-untyped-def]
    """Return the process of a person that is due at `tick`; ties go to the lowest number."""
    for r in range(MAX_PROCESSES):
        if person.due[r] == tick:
            return r
    return -1


@njit(cache=True, nogil=True)
def next_process(person, n_processes: int):  # type: ignore[no-untyped-def]
    """Return the process of a person that is due first; ties go to the lowest number."""
    best = 0
    for r in range(1, n_processes):
        if person.due[r] < person.due[best]:
            best = r
    return best
