"""All practices of a region, advanced by the compiled calendar, one epoch at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from paysim.errors import ModelError
from paysim.kernel import advance as kernel
from paysim.kernel.records import EVENT, REQUEST, State

EVENT_BUFFER = 1 << 20
REQUEST_BUFFER = 1 << 16


@dataclass
class CompiledPractices:
    """Practices whose people are rows. Buffers of any size give the same bytes; small ones are slower.

    Attributes
    ----------
    state, tables
        What changes, and what never does.
    on_events
        Called with every batch of the event log; None: no log is kept.
    taken
        Calendar entries taken so far.
    """

    state: State
    tables: np.ndarray
    on_events: Callable[[np.ndarray], None] | None = None
    event_buffer: int = EVENT_BUFFER
    request_buffer: int = REQUEST_BUFFER
    taken: int = 0
    _advanced_to: int | None = None
    _heap: np.ndarray = field(init=False, repr=False)
    _events: np.ndarray = field(init=False, repr=False)
    _requests: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        longest = int(self.state.practices["room"].max())
        if longest > kernel.ROW_MASK:
            raise ModelError(f"a practice list of {longest} people; the calendar holds at most {kernel.ROW_MASK}")
        self._heap = np.zeros(longest + 1, np.int64)
        self._events = np.zeros(self.event_buffer if self.on_events else 0, EVENT)
        self._requests = np.zeros(self.request_buffer, REQUEST)

    def advance(self, until: int) -> np.ndarray:
        """Advance everybody to tick `until`; return the requests that left practices, by (tick, person)."""
        state, batches, start = self.state, [], 0
        self._advanced_to = until
        stop = state.practices.size
        while True:
            status, start, taken, n_events, n_requests = kernel.advance(
                state.people,
                state.calendar,
                state.practices,
                self.tables,
                start,
                stop,
                until,
                self._heap,
                self._events,
                self.on_events is not None,
                self._requests,
            )
            self.taken += taken
            if self.on_events and n_events:
                self.on_events(self._events[:n_events].copy())
            if n_requests:
                batches.append(self._requests[:n_requests].copy())
            if status == kernel.FINISHED:
                break
            if status == kernel.LIST_FULL:
                room = int(state.practices["room"][start])
                raise ModelError(f"practice {start} has no room for a newcomer: all {room} rows are in use")
        requests = np.concatenate(batches) if batches else np.zeros(0, REQUEST)
        return requests[np.lexsort((requests["person"], requests["tick"]))]

    def levers_changed(self, tick: int) -> None:
        """Let all clocks follow new levers, now that practices have been advanced to `tick`.

        Raises
        ------
        ModelError
            If they have not: a user's own process must sleep whole weeks, one at a time, and act after them.
        """
        if self._advanced_to is not None and tick != self._advanced_to:
            raise ModelError(f"levers change at tick {tick}, but practices stand at {self._advanced_to}")
        kernel.follow_levers(*self._rows(), self.tables, tick)

    def flags_changed(self, rows: np.ndarray, sets: int, clears: int, tick: int) -> None:
        """Change flags of the people in some rows, who are alive, at the end of a week."""
        kernel.change_rows(*self._rows(), self.tables, rows, sets, clears, tick)

    def people_moved(self, left: np.ndarray, came: np.ndarray) -> None:
        """Nothing to do: the calendar is read anew at the beginning of every window."""

    def people_changed(self, rows: np.ndarray) -> None:
        """Nothing to do: the calendar is read anew at the beginning of every window."""

    def _rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.state.people, self.state.calendar, self.state.practices
