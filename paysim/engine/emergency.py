"""The emergency department: treatment rooms, and people in the order in which they arrive.

Who arrives is known by the tick, so the queue runs through the week: each takes the room that is free first. Nobody is
refused, and a wait changes nothing but itself: it is the measure of crowding.
"""

from __future__ import annotations

import numpy as np

from paysim.engine.waiting import Capacity, Draws
from paysim.kernel.queue import serve
from paysim.kernel.records import TICKS_PER_DAY, TICKS_PER_WEEK

WAIT_BINS = 73
"""Waits for a room are counted in tens of minutes, the last bin open."""

_TICKS_PER_HOUR = TICKS_PER_DAY // 24
_TICKS_PER_BIN = _TICKS_PER_HOUR // 6


class EmergencyDepartment:
    """Treatment rooms with exponential stays.

    Attributes
    ----------
    capacity
        Rooms.
    """

    def __init__(self, stay_hours: float, occupancy: float, draws: Draws) -> None:
        self.stay_hours, self.occupancy, self.draws = stay_hours, occupancy, draws
        self.capacity = Capacity()
        self.free = np.zeros(0, np.int64)  # tick at which each room is next free
        self._clear()

    def _clear(self) -> None:
        self.waits = np.zeros(WAIT_BINS, np.int64)
        self.arrived = self.waited = 0
        self.wait_ticks = self.busy_ticks = self.room_ticks = 0

    def plan(self, arrivals: float, share: float = 1.0) -> None:
        """Set the number of rooms, or go a share of the way to it, for arrivals a week of the region."""
        load = arrivals * self.stay_hours * _TICKS_PER_HOUR / TICKS_PER_WEEK
        self.capacity.plan(float(np.ceil(load / self.occupancy)) if load else 0.0, share)

    def treat(self, now: int, patients: np.ndarray) -> None:
        """Take in the people of a week, by the tick of arrival."""
        self._open_rooms(max(1, round(self.capacity.now)), now - TICKS_PER_WEEK)
        stays = -self.stay_hours * _TICKS_PER_HOUR * np.log(self.draws.of(patients, "emergency stay"))
        stays = np.ceil(stays).astype(np.int64)
        waits = np.empty(len(patients), np.int64)
        serve(self.free, patients["since"].copy(), stays, waits)
        self.waits += np.bincount(np.minimum(waits // _TICKS_PER_BIN, WAIT_BINS - 1), minlength=WAIT_BINS)
        self.arrived += len(patients)
        self.waited += int(np.count_nonzero(waits))
        self.wait_ticks += int(waits.sum())
        self.busy_ticks += int(stays.sum())
        self.room_ticks += len(self.free) * TICKS_PER_WEEK

    def _open_rooms(self, rooms: int, tick: int) -> None:
        """Open further rooms, or close those that are free first."""
        further = np.full(max(0, rooms - len(self.free)), tick, np.int64)
        self.free = np.sort(np.concatenate([self.free, further]))[max(0, len(self.free) - rooms) :]

    def patients(self) -> tuple[np.ndarray, ...]:
        """Return nobody: who is in a room has left the queue."""
        return ()

    def begin_period(self) -> None:
        """Forget the counts of the last period."""
        self._clear()

    def counts(self) -> dict[str, np.ndarray]:
        """Return what happened this period."""
        numbers = {
            "ed_arrived": self.arrived,
            "ed_waited": self.waited,
            "ed_wait_hours": self.wait_ticks / _TICKS_PER_HOUR,
            "ed_busy_hours": self.busy_ticks / _TICKS_PER_HOUR,
            "ed_room_hours": self.room_ticks / _TICKS_PER_HOUR,
        }
        return {"ed_waits": self.waits.copy(), **{name: np.array(float(each)) for name, each in numbers.items()}}

    def save(self) -> dict[str, np.ndarray]:
        """Return everything a fork needs, as arrays."""
        return {"capacity": self.capacity.save(), "free": self.free.copy()}

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Continue from `save`."""
        self.capacity.restore(saved["capacity"])
        self.free = saved["free"].copy()
