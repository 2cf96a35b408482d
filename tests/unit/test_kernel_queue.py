"""The appointment book: queueing theory where it has an answer, and opening hours."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from paysim.engine.compiled import CompiledPractices
from paysim.kernel import records as rec
from paysim.kernel.queue import offer, opening, take
from paysim.kernel.records import FIRST_TRANSITION, GP_PLANNED, NEVER, TICKS_PER_DAY, TICKS_PER_WEEK
from paysim.kernel.spec import AGES, Transition
from tests.toy import HOUR, MINUTE, access, enter, flat, run_compiled, run_reference, toy_state, toy_tables

SERVICE = 10 * MINUTE


@njit
def _serve(practice, gaps, lengths, waits):  # type: ignore[no-untyped-def]
    tick = 0
    for k in range(gaps.size):
        tick += gaps[k]
        start, server = offer(practice, 0, tick, lengths[k], 7)
        take(practice, 0, server, start, lengths[k])
        waits[k] = start - tick
    return tick


def _book(
    servers: int, opens: float = 0.0, closes: float = 24.0, stretch: float = 1.0, flexible: int = 0
) -> np.ndarray:
    book = np.zeros(1, rec.PRACTICE)
    book["servers"], book["stretch"], book["flexible"] = servers, stretch, flexible
    book["opens"], book["closes"] = round(opens * HOUR), round(closes * HOUR)
    return book


def _erlang_c_wait(servers: int, utilisation: float) -> float:
    """Return the mean wait in units of the mean service time (Erlang 1917)."""
    load = servers * utilisation
    terms = [load**k / math.factorial(k) for k in range(servers)]
    last = load**servers / math.factorial(servers) / (1.0 - utilisation)
    return last / (sum(terms) + last) / (servers * (1.0 - utilisation))


def _four_errors(waits: np.ndarray, batches: int = 50) -> float:
    """Return four standard errors of a mean of correlated values, from batch means."""
    means = waits[: len(waits) // batches * batches].reshape(batches, -1).mean(axis=1)
    return float(4 * means.std(ddof=1) / np.sqrt(batches))


@pytest.mark.parametrize("servers", [1, 2, 4])
@pytest.mark.parametrize("utilisation", [0.5, 0.8])
def test_waits_of_a_book_that_never_closes_are_those_of_erlang(servers: int, utilisation: float) -> None:
    n = 2_000_000
    random = np.random.default_rng([servers, round(10 * utilisation)])
    gaps = random.exponential(SERVICE / (servers * utilisation), n).astype(np.int64)
    lengths = random.exponential(SERVICE, n).astype(np.int64)
    waits = np.zeros(n, np.int64)
    book = _book(servers)
    end = _serve(book[0], gaps, lengths, waits)
    expected = _erlang_c_wait(servers, utilisation)
    found = waits / SERVICE
    allowed = _four_errors(found)
    assert allowed < 0.06 * expected
    assert abs(found.mean() - expected) < allowed
    assert book["busy"][0, 0] == lengths.sum()
    assert abs(lengths.sum() / end / servers - utilisation) < 0.01
    # Exponential service: those who wait at all wait exponentially long.
    waiting = found[waits > 0]
    assert abs(waiting.std() / waiting.mean() - 1.0) < 0.05


def test_waits_of_a_whole_practice_are_those_of_pollaczek_and_khinchine_and_little_holds() -> None:
    """Needs of 4,000 people at a single GP who works day and night: M/D/1 at utilisation 0.8."""
    utilisation, people, years = 0.8, 4_000, 3
    rate = utilisation / SERVICE * rec.TICKS_PER_YEAR / people
    tables = toy_tables([Transition("need", "need", flat(rate))])
    state = enter(toy_state(people), tables)
    log, waiting = [], []
    engine = CompiledPractices(state, tables, log.append)
    step = 13 * HOUR
    for end in range(step, years * rec.TICKS_PER_YEAR, step):
        engine.advance(end)
        waiting.append(np.count_nonzero(state.people["due"][:, GP_PLANNED] < NEVER))
    events = np.concatenate(log)
    needs = events[events["process"] == FIRST_TRANSITION]
    booked = needs[needs["outcome"] == rec.BOOKED]
    assert len(booked) > 0.99 * len(needs)
    waits = booked["value"] / SERVICE
    allowed = _four_errors(waits)
    assert abs(waits.mean() - utilisation / (2 * (1 - utilisation))) < allowed < 0.3
    # Little: mean number waiting = arrivals per time x mean wait, each counted in its own way.
    arrivals = len(booked) / (len(waiting) * step)
    in_queue = np.array(waiting, float)
    assert abs(in_queue.mean() - arrivals * booked["value"].mean()) < _four_errors(in_queue, 40)


DAYS = st.tuples(st.floats(0.0, 12.0), st.floats(1.0, 11.0), st.integers(1, 7))


def _is_open(start: int, blocks: int, book: np.ndarray, weekdays: int) -> bool:
    of_day = start % TICKS_PER_DAY
    weekday = start % TICKS_PER_WEEK // TICKS_PER_DAY
    opens, closes = int(book["opens"][0, 0]), int(book["closes"][0, 0])
    fits = of_day + blocks <= closes or of_day == opens
    return weekday < weekdays and of_day >= opens and fits


@given(
    day=DAYS,
    servers=st.integers(1, 8),
    stretch=st.floats(1.0, 6.0),
    begin=st.integers(-3 * TICKS_PER_WEEK, 3 * TICKS_PER_WEEK),
    needs=st.lists(st.tuples(st.integers(0, 6 * HOUR), st.integers(1, 90)), min_size=1, max_size=60),
)
def test_slots_lie_in_opening_hours_and_never_overlap(
    day: tuple[float, float, int], servers: int, stretch: float, begin: int, needs: list[tuple[int, int]]
) -> None:
    opens, length, weekdays = day
    book = _book(servers, opens, min(24.0, opens + length), stretch)
    book["free"] = begin
    tick, slots = begin, []
    for gap, minutes in needs:
        tick += gap
        ticks = minutes * MINUTE
        start, server = offer(book[0], 0, tick, ticks, weekdays)
        take(book[0], 0, server, start, ticks)
        blocks = int(ticks * stretch)
        assert start >= tick
        assert 0 <= server < servers
        assert _is_open(start, blocks, book, weekdays)
        slots.append((server, start, start + blocks))
    for mine in range(servers):
        spans = sorted((start, end) for server, start, end in slots if server == mine)
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))
    assert book["busy"][0, 0] == sum(minutes for _, minutes in needs) * MINUTE


@given(
    servers=st.integers(1, 4),
    gaps=st.lists(st.integers(0, 3 * HOUR), min_size=2, max_size=60),
)
def test_first_come_first_served(servers: int, gaps: list[int]) -> None:
    book = _book(servers, 8.0, 17.0, 2.5)
    tick, starts = 0, []
    for gap in gaps:
        tick += gap
        start, server = offer(book[0], 0, tick, SERVICE, 5)
        take(book[0], 0, server, start, SERVICE)
        starts.append(start)
    assert starts == sorted(starts)


def test_an_offer_books_nothing() -> None:
    book = _book(2, 8.0, 17.0)
    before = book.tobytes()
    assert offer(book[0], 0, 9 * HOUR, SERVICE, 5) == (9 * HOUR, 0)
    assert book.tobytes() == before


def test_lanes_do_not_share_servers() -> None:
    book = _book(1, 8.0, 17.0)
    take(book[0], 0, 0, 8 * HOUR, 4 * HOUR)
    assert offer(book[0], 0, 8 * HOUR, SERVICE, 5)[0] == 12 * HOUR
    assert offer(book[0], 1, 8 * HOUR, SERVICE, 5)[0] == 8 * HOUR


def test_a_lane_without_servers_offers_the_end_of_time() -> None:
    start, server = offer(_book(0)[0], 0, 5, SERVICE, 7)
    assert server == -1
    assert start >= NEVER


@pytest.mark.parametrize(
    ("tick", "length", "expected"),
    [
        (9.0, 0.5, 9.0),  # Monday during opening
        (7.0, 0.5, 8.0),  # before opening
        (16.5, 0.5, 16.5),  # fits exactly
        (16.6, 0.5, 24 + 8.0),  # does not fit any more
        (20.0, 0.5, 24 + 8.0),  # after closing
        (4 * 24 + 16.9, 0.5, 7 * 24 + 8.0),  # Friday evening to Monday
        (5 * 24 + 9.0, 0.5, 7 * 24 + 8.0),  # Saturday
        (9.0, 10.0, 24 + 8.0),  # longer than a day: at the next opening
        (-3.0, 0.5, 8.0),  # Sunday evening before the start
        (-4 * 24 + 3.0, 0.5, -4 * 24 + 8.0),  # Thursday of the week before
    ],
)
def test_opening_by_hand(tick: float, length: float, expected: float) -> None:
    found = opening(round(tick * HOUR), round(length * HOUR), 8 * HOUR, 17 * HOUR, 5)
    assert found == round(expected * HOUR)


@given(
    needs=st.lists(st.tuples(st.integers(0, 4 * HOUR), st.integers(5, 40)), min_size=5, max_size=80),
    stretch=st.floats(1.0, 12.0),
)
def test_a_flexible_lane_uses_no_more_than_its_time_of_the_day(needs: list[tuple[int, int]], stretch: float) -> None:
    """Urgent care may be given at any moment of the day, but what a day holds does not grow by that."""
    book = _book(1, 8.0, 17.0, stretch, flexible=1)
    used: dict[int, list[int]] = {}
    tick = 0
    for gap, minutes in needs:
        tick += gap
        ticks = minutes * MINUTE
        start, server = offer(book[0], 0, tick, ticks, 5)
        assert start >= tick
        assert _is_open(start, ticks, book, 5)
        take(book[0], 0, server, start, ticks)
        used.setdefault(start // TICKS_PER_DAY, []).append(int(ticks * stretch))
    # Time that a day's last contact uses beyond closing is taken from the next day.
    carried = 0
    for day in range(min(used), max(used) + 1):
        today = used.get(day, [])
        assert carried + sum(today[:-1]) <= 9 * HOUR or len(today) == 1
        carried = max(0, carried + sum(today) - 24 * HOUR)


def test_a_flexible_lane_sees_an_urgent_need_at_once_until_the_day_is_used_up() -> None:
    book = _book(1, 8.0, 17.0, 6.0, flexible=1)
    nine = [offer(book[0], 0, 15 * HOUR, SERVICE, 5)]
    for _ in range(7):
        take(book[0], 0, 0, 15 * HOUR, SERVICE)
        nine.append(offer(book[0], 0, 15 * HOUR, SERVICE, 5))
    # Seven contacts use seven of the day's nine hours, and there the moment of the need, 15:00, has been reached.
    assert [start for start, _ in nine] == [15 * HOUR] * 8
    take(book[0], 0, 0, 15 * HOUR, SERVICE)
    assert offer(book[0], 0, 15 * HOUR, SERVICE, 5)[0] == 16 * HOUR


def test_both_engines_keep_the_waits_of_pollaczek_and_khinchine_and_littles_law() -> None:
    """Needs of 300 people at a GP who works day and night, contacts of four lengths (M/G/1 at utilisation 0.7).

    The reference engine is slow, so it runs for a few weeks; its log is the compiled one's, whose waits are the formula's.
    """
    lengths, shares = np.array([5.0, 10.0, 20.0, 25.0]) * MINUTE, np.array([0.3, 0.4, 0.2, 0.1])
    mean, square = shares @ lengths, shares @ lengths**2
    people, utilisation = 300, 0.7
    rate = utilisation / mean * rec.TICKS_PER_YEAR / people
    mix = np.tile([*shares, 0.0], (2, AGES, 1))
    tables = toy_tables([Transition("need", "need", flat(rate))], terms=access(contact_mix=mix))
    ends = (np.arange(1000) + 1) * (TICKS_PER_WEEK // 4)
    log, _ = run_compiled(enter(toy_state(people), tables), tables, ends)
    short, _ = run_compiled(enter(toy_state(people), tables), tables, ends[:12])
    expected, _ = run_reference(enter(toy_state(people), tables), tables, ends[:12])
    assert len(short) > 2_000
    assert short.tobytes() == expected.tobytes()
    booked = log[(log["process"] == FIRST_TRANSITION) & (log["outcome"] == rec.BOOKED)]
    waits = booked["value"] / mean
    formula = utilisation * square / (2.0 * (1.0 - utilisation) * mean**2)
    # 300 people with one appointment each are nearly endless; what is combined with it is the difference.
    combined = np.count_nonzero(log["outcome"] == rec.COMBINED) / np.count_nonzero(log["process"] == FIRST_TRANSITION)
    assert combined < 0.02
    assert abs(waits.mean() - formula) < _four_errors(waits) + 3.0 * combined * formula
    # Little: who waits at the ends of windows, by their number and by rate x mean wait.
    start = booked["tick"] + booked["value"]
    waiting = [np.count_nonzero((booked["tick"] < end) & (start >= end)) for end in ends]
    in_queue = np.array(waiting, float)
    assert abs(in_queue.mean() - len(booked) / ends[-1] * booked["value"].mean()) < _four_errors(in_queue, 40)
