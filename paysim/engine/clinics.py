"""A specialist clinic: new patients by urgency, and follow-up visits of those in treatment.

Each week has slots for new patients and slots for follow-up visits. A referred person who finds the offered wait too
long is seen outside the region.
"""

from __future__ import annotations

import numpy as np

from paysim.care.hospital import Specialty
from paysim.engine.planned import ROUTINE, Planned
from paysim.engine.waiting import Draws, WaitingList, ghosts, together
from paysim.kernel.patients import PATIENT, plan_visits
from paysim.kernel.records import TICKS_PER_WEEK

_INITIAL = 1000
"""Stream of the ghosts on the list at the start, plus the number of the specialty."""


class Clinic(Planned):
    """One specialty of the region: slots a week for new patients, with which those for follow-up visits go.

    Parameters
    ----------
    number
        Of the specialty.
    occupancy
        Share of follow-up slots used at base.

    Attributes
    ----------
    follow_ups
        Whose follow-up visit is due.
    later
        Whose next visit is not due yet, by the tick at which it is.
    """

    def __init__(
        self, number: int, terms: Specialty, margin: float, patience_weeks: float, occupancy: float, draws: Draws
    ) -> None:
        super().__init__(terms.name, terms.wait_weeks, margin, patience_weeks, draws)
        self.number, self.terms, self.occupancy = number, terms, occupancy
        self.follow_ups = WaitingList()
        self.later: dict[int, list[np.ndarray]] = {}
        self.follow_up_slots = 0.0

    def fill(self, now: int) -> None:
        """Put people on the routine list who were referred before the simulation: ghosts, as many as the wait asks."""
        count, stream = np.array([self.usual_list]), np.array([_INITIAL + self.number])
        waiting = ghosts(count, stream, 0, now - TICKS_PER_WEEK, self.terms.wait_weeks)
        waiting["unit"] = self.number
        self.lists[ROUTINE].waiting = waiting

    def follow_up(self, now: int, patients: np.ndarray, settling: bool, lever: float = 1.0) -> np.ndarray:
        """Hold the follow-up visits that are due, in order, and plan the next ones; return who came.

        `patients` are those whose first visit and tests are done this week, with the number of visits to come. The
        clinic has slots for as many as it plans: `lever` of them, against the base years.
        """
        for tick in sorted([tick for tick in self.later if tick <= now]):
            for planned in self.later.pop(tick):
                self.follow_ups.join(planned)
        slots = self.draws.whole(f"follow-up slots {self.name}", self.follow_up_capacity * lever)
        if settling:
            slots = max(len(self.follow_ups), slots)
        self.follow_up_slots += slots
        come = self.follow_ups.take(slots, now)
        self.follow_ups.list_weeks += len(self.follow_ups)
        due = now + max(1, round(self.terms.follow_up_weeks)) * TICKS_PER_WEEK
        planned = np.empty(len(patients) + len(come), PATIENT)
        count = plan_visits(patients, come, due, self.draws.state.people, planned)
        if count:
            self.later.setdefault(due, []).append(planned[:count])
        return come

    @property
    def follow_up_capacity(self) -> float:
        """Slots a week for follow-up visits at base: those of the new patients seen, at the occupancy of the terms."""
        return self.capacity.now * self.terms.follow_ups / self.occupancy

    def patients(self) -> tuple[np.ndarray, ...]:
        """Return everybody the clinic remembers."""
        later = (each for planned in self.later.values() for each in planned)
        return (*super().patients(), self.follow_ups.waiting, *later)

    def begin_period(self) -> None:
        """Forget the counts of the last period."""
        super().begin_period()
        self.follow_ups.begin_period()
        self.follow_up_slots = 0.0

    def counts(self) -> dict[str, np.ndarray]:
        """Return what happened this period."""
        return {
            "clinic_waits": np.stack([each.waits for each in self.lists]),
            "clinic_waiting": np.array([len(each) for each in self.lists], float),
            "clinic_list_weeks": np.array([each.list_weeks for each in self.lists], float),
            "clinic_asked": np.array(float(self.asked)),
            "clinic_left": np.array(float(self.left)),
            "clinic_slots": np.array(self.slots),
            "follow_up_waits": self.follow_ups.waits.copy(),
            "follow_up_waiting": np.array(float(len(self.follow_ups))),
            "follow_up_slots": np.array(self.follow_up_slots),
        }

    def save(self) -> dict[str, np.ndarray]:
        """Return everything a fork needs, as arrays."""
        _, _, *treated = self.patients()
        return {**super().save(), "follow_ups": together(*treated)}

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Continue from `save`."""
        super().restore(saved)
        treated = saved["follow_ups"]
        self.later = {int(tick): [treated[treated["since"] == tick]] for tick in np.unique(treated["since"])}
