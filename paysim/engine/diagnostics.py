"""Imaging and function tests: one queue for all clinics, whose trajectories go on when the test is done."""

from __future__ import annotations

import numpy as np

from paysim.engine.waiting import Capacity, Draws, WaitingList


class Diagnostics:
    """Test slots a week, given out in the order of request, whatever the specialty.

    Nobody gives up a test; so capacity is planned above demand, by `occupancy`.
    """

    def __init__(self, occupancy: float, draws: Draws) -> None:
        self.occupancy, self.draws = occupancy, draws
        self.capacity = Capacity()
        self.list = WaitingList()
        self.asked, self.slots = 0, 0.0

    def plan(self, tests: float, share: float = 1.0) -> None:
        """Set capacity, or go a share of the way to it, for a number of tests a week of the region."""
        self.capacity.plan(tests / self.occupancy, share)

    def test(self, now: int, patients: np.ndarray, settling: bool) -> np.ndarray:
        """Take in the week's patients; return those whose test is done."""
        self.asked += len(patients)
        self.list.join(patients)
        self.list.drop_dead(self.draws)
        slots = self.draws.whole("test slots", self.capacity.now)
        if settling:
            slots = max(slots, len(self.list))
        self.slots += slots
        tested = self.list.take(slots, now)
        self.list.list_weeks += len(self.list)
        return tested

    def patients(self) -> tuple[np.ndarray, ...]:
        """Return who waits."""
        return (self.list.waiting,)

    def begin_period(self) -> None:
        """Forget the counts of the last period."""
        self.list.begin_period()
        self.asked, self.slots = 0, 0.0

    def counts(self) -> dict[str, np.ndarray]:
        """Return what happened this period."""
        return {
            "test_waits": self.list.waits.copy(),
            "test_waiting": np.array(float(len(self.list))),
            "test_asked": np.array(float(self.asked)),
            "test_slots": np.array(self.slots),
        }

    def save(self) -> dict[str, np.ndarray]:
        """Return everything a fork needs, as arrays."""
        return {"capacity": self.capacity.save(), "waiting": self.list.waiting}

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Continue from `save`."""
        self.capacity.restore(saved["capacity"])
        self.list.waiting = saved["waiting"].copy()
