"""The reference engine: every person and every appointment book is a SimPy process.

Slow, short and the oracle: start reading here. It calls the very rules of `paysim.kernel.transitions` that the
compiled calendar calls, but leaves time, order and the queue to SimPy. Its event log must equal the compiled
engine's, byte for byte.

Order is (tick, person, process). SimPy orders events by (time, priority, order of scheduling), so a person's
wake-up has the person's row as priority, behind the region (which acts first at a tick) and the books (which
answer at once).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import simpy

from paysim.errors import ModelError
from paysim.kernel import records as rec
from paysim.kernel.advance import change_rows, follow_levers, next_tick
from paysim.kernel.hazards import next_process
from paysim.kernel.records import EVENT, NEVER, REQUEST, State
from paysim.kernel.tables import KINDS
from paysim.kernel.transitions import (
    NO_LANE,
    answer,
    ask_region,
    book,
    fire,
    is_pending,
    meet_others,
    next_row,
    seek,
    visit_ticks,
)

Process = Generator[simpy.Event, Any, None]

_FIRST_PERSON = 16
_BIRTH = KINDS.index("birth")


class ReferencePractices:
    """Practices whose people are SimPy processes in the region's own environment."""

    def __init__(
        self,
        env: simpy.Environment,
        state: State,
        tables: np.ndarray,
        on_events: Callable[[np.ndarray], None] | None = None,
    ) -> None:
        self.env, self.state, self.tables, self.on_events = env, state, tables, on_events
        self.taken = 0
        self._table = tables[0]
        self._requests: list[np.ndarray] = []
        self._buffer = np.zeros(1, REQUEST)
        self._alarm: dict[int, simpy.Event] = {}
        self._books = [simpy.Store(env) for _ in state.practices]
        for number in range(state.practices.size):
            env.process(self._book(number))
        for row in state.listed:
            env.process(self._person(int(row)))

    def advance(self, until: int) -> np.ndarray:
        """Return the requests of the epoch that ended at `until`; SimPy has taken the entries already."""
        requests = np.concatenate(self._requests) if self._requests else np.zeros(0, REQUEST)
        self._requests.clear()
        return requests[np.lexsort((requests["person"], requests["tick"]))]

    def levers_changed(self, tick: int) -> None:
        """Let all clocks follow new levers, and everybody look at their clocks again."""
        follow_levers(self.state.people, self.state.calendar, self.state.practices, self.tables, tick)
        self.people_changed(self.state.listed)

    def flags_changed(self, rows: np.ndarray, sets: int, clears: int, tick: int) -> None:
        """Change flags of the people in some rows, and let them look at their clocks again."""
        change_rows(self.state.people, self.state.calendar, self.state.practices, self.tables, rows, sets, clears, tick)
        self.people_changed(rows)

    def people_moved(self, left: np.ndarray, came: np.ndarray) -> None:
        """End the lives in rows that were left, and begin those in rows that were taken."""
        self.people_changed(left)
        for row in came:
            self.env.process(self._person(int(row)))

    def people_changed(self, rows: np.ndarray) -> None:
        """Wake people whose clocks were changed from outside, so that they set their alarms anew."""
        for row in rows:
            alarm = self._alarm.get(int(row))
            if alarm is not None and not alarm.triggered:
                alarm.succeed(False)

    def _person(self, row: int) -> Process:
        """Live: sleep until the next calendar entry, take it, and so on."""
        person = self.state.people[row]
        who = person["id"]
        while person["alive"] and person["id"] == who:
            due = int(next_tick(person, self._table))
            if due >= NEVER:
                return
            alarm, clock = self.env.event(), simpy.Event(self.env)
            self._alarm[row] = alarm
            clock._ok, clock._value = True, True
            self.env.schedule(clock, priority=_FIRST_PERSON + row, delay=due - self.env.now)  # type: ignore[arg-type]
            yield clock | alarm
            if not clock.processed or int(next_tick(person, self._table)) != self.env.now:
                continue
            yield from self._take(row)

    def _take(self, row: int) -> Process:
        """Take one calendar entry; ask the book if it leads to an appointment."""
        people, practices, now = self.state.people, self.state.practices, int(self.env.now)
        person = people[row]
        number = int(person["practice"])
        practice = practices[number]
        process = int(next_process(person, self._table["n_processes"]))
        born = self._table["kind"][process] == _BIRTH
        child = int(next_row(practice)) if born else 0
        if child < 0:
            raise ModelError(f"practice {number} has no room for a newcomer")
        outcome, value, lane, sort, origin, need, n = fire(
            person, self._table, practice, people, row, now, process, self._buffer, 0
        )
        if lane != NO_LANE:
            if is_pending(person, self._table, practice, lane, sort, origin):
                outcome = rec.COMBINED
            else:
                reply = self.env.event()
                yield self._books[number].put((row, lane, sort, origin, need, process == rec.RETRY, reply))
                outcome, waited = yield reply
                value = waited if outcome == rec.BOOKED else value
                if outcome == rec.EMERGENCY:
                    n = ask_region(person, row, now, rec.VISIT_REQUEST, origin, need, 0.0, self._buffer, n)
        if n:
            self._requests.append(self._buffer.copy())
        self.taken += 1
        self.state.calendar[row] = next_tick(person, self._table)
        if self.on_events:
            log = np.zeros(1, EVENT)
            log[0] = (now, person["id"], value, number, process, outcome)
            self.on_events(log)
        if born:
            self.state.calendar[child] = next_tick(people[child], self._table)
            self.env.process(self._person(child))

    def _book(self, number: int) -> Process:
        """Keep an appointment book: offer the earliest slot of the lane, write down what is taken."""
        practice = self.state.practices[number]
        while True:
            row, lane, sort, origin, need, again, reply = yield self._books[number].get()
            person, now = self.state.people[row], int(self.env.now)
            length = visit_ticks(person, self._table, practice, lane, sort)
            if practice["share"] < 1.0:
                meet_others(practice, self._table, lane, now)
            start, server = seek(person, self._table, practice, lane, now, length, origin, need)
            outcome = answer(person, self._table, practice, now, lane, sort, origin, need, start, again)
            if outcome == rec.BOOKED:
                book(person, practice, lane, server, start, length)
            reply.succeed((int(outcome), int(start) - now))
