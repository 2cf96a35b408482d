"""What is planned ahead: first visits, tests and planned admissions, each with a list as long as capacity leaves it.

Urgent people go before routine ones; among them the order is that of request. Capacity is planned such that routine
people wait as long as the terms say; who finds the offered wait too long goes elsewhere, which keeps lists finite.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from paysim.engine.waiting import Capacity, Draws, WaitingList, apart, together
from paysim.kernel.patients import join_or_leave

URGENT, ROUTINE = 0, 1
RETURN_WEEKS = 4
"""Over which a list returns to its usual length at the end of the base run."""


class Planned:
    """Slots a week for something that people are asked to wait for.

    Parameters
    ----------
    name
        Of its random stream.
    margin
        Capacity over what keeps the list as long as it is.

    Attributes
    ----------
    capacity
        Slots a week. `close` and `capacity.factor` are what a user's own process changes.
    lever
        Slots against the base years: what the hospital decides.
    lists
        Who waits: urgent, routine.
    """

    def __init__(self, name: str, wait_weeks: float, margin: float, patience_weeks: float, draws: Draws) -> None:
        self.name, self.draws = name, draws
        self.wait_weeks, self.margin, self.patience_weeks = wait_weeks, margin, patience_weeks
        self.capacity, self.lever = Capacity(), 1.0
        self.lists = WaitingList(), WaitingList()
        self.urgent_per_week, self.usual_list = 0.0, 0
        self.asked, self.left, self.slots = 0, 0, 0.0

    def close(self, weeks: int) -> None:
        """Close for some weeks from now on."""
        self.capacity.closed_weeks = weeks

    def joining(self, routine: float) -> float:
        """Return how many of a number of routine people join a list of the planned wait."""
        return routine * float(np.exp(-self.wait_weeks / self.patience_weeks))

    def plan(self, urgent: float, routine: float, share: float = 1.0) -> None:
        """Set capacity such that with these requests a week of the region the routine list keeps its wait.

        With a wait W a share exp(-W / patience) of routine people joins the list; longer waits shorten themselves.
        A budget goes a `share` of the way. It answers to what is asked for: a backlog gets no slots of its own.
        """
        joining = self.joining(routine)
        self.capacity.plan((urgent + joining) * (1.0 + self.margin), share)
        self.urgent_per_week = urgent
        self.usual_list = round(joining * self.wait_weeks)

    def see(self, now: int, settling: bool, returning: bool = False) -> np.ndarray:
        """Serve as many people as there are slots, urgent ones first; return them.

        While the base run settles, as many are served as leave the list at its usual length; at its end the list
        returns to that length, by a quarter of what is too much or too little each week.
        """
        urgent, routine = self.lists
        urgent.drop_dead(self.draws)
        routine.drop_dead(self.draws)
        usual = self.capacity.now * self.lever
        if returning:
            usual = max(0.0, usual + (self.length - usual - self.usual_list) / RETURN_WEEKS)
        slots = self.draws.whole(f"slots {self.name}", usual)
        if settling:
            slots = max(0, self.length - self.usual_list)
        self.slots += slots
        first = urgent.take(slots, now)
        seen = together(first, routine.take(slots - len(first), now))
        urgent.list_weeks += len(urgent)
        routine.list_weeks += len(routine)
        return seen

    @property
    def length(self) -> int:
        """How many people wait."""
        return sum(map(len, self.lists))

    def patients(self) -> tuple[np.ndarray, ...]:
        """Return everybody who waits."""
        return tuple(each.waiting for each in self.lists)

    def begin_period(self) -> None:
        """Forget the counts of the last period."""
        for each in self.lists:
            each.begin_period()
        self.asked, self.left, self.slots = 0, 0, 0.0

    def save(self) -> dict[str, np.ndarray]:
        """Return everything a fork needs, as arrays."""
        urgent, routine = self.lists
        numbers = np.append(self.capacity.save(), self.urgent_per_week)
        return {"capacity": numbers, "urgent": urgent.waiting, "routine": routine.waiting}

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Continue from `save`."""
        self.capacity.restore(saved["capacity"])
        self.urgent_per_week = float(saved["capacity"][4])
        for each, name in zip(self.lists, ("urgent", "routine"), strict=True):
            each.waiting = saved[name].copy()


def send(units: Sequence[Planned], asking: np.ndarray, of: np.ndarray, draws: Draws) -> np.ndarray:
    """Let the week's people join the lists of their units; return who goes elsewhere, by unit.

    Who is offered a wait, in whole weeks, beyond their patience goes elsewhere. Urgent people wait for each other only.
    Routine ones get the slots that urgent ones leave. All units at once: one pass over the people.

    Parameters
    ----------
    of
        ``[n]`` place among the units of the one that each asks.
    """
    ahead = np.array([(len(each.lists[URGENT]), each.length) for each in units])
    slots = np.array([(each.capacity.open, each.capacity.open) for each in units]) * [[each.lever] for each in units]
    slots[:, 1] -= [each.urgent_per_week * each.lever for each in units]
    closed = np.array([each.capacity.closed_weeks for each in units])
    group, counts = np.empty(len(asking), np.int64), np.zeros((len(units), 2), np.int64)
    join_or_leave(asking, of, ahead, np.maximum(slots, 1e-9), closed, draws.state.people, group, counts)
    groups = apart(asking, group, 4 * len(units))
    for k, (each, (joined, left)) in enumerate(zip(units, counts.tolist(), strict=True)):
        for urgency, waiting in enumerate(each.lists):
            waiting.join(groups[2 * k + urgency])
        each.asked += joined + left
        each.left += left
    return together(*groups[2 * len(units) :])
