"""A specialist clinic: new patients by urgency, and follow-up visits of those in treatment.

Each week has slots for new patients and slots for follow-up visits. Urgent referrals go before routine ones; among
them the order is that of referral. A referred person who finds the offered wait too long is seen outside the region.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from paysim.care.hospital import Specialty
from paysim.engine.waiting import Capacity, Draws, WaitingList, apart, ghosts, together
from paysim.kernel.patients import PATIENT, join_or_leave, plan_visits
from paysim.kernel.records import TICKS_PER_WEEK

URGENT, ROUTINE = 0, 1
RETURN_WEEKS = 4
"""Over which a list returns to its usual length at the end of the base run."""

_INITIAL = 1000
"""Stream of the ghosts on the list at the start, plus the number of the specialty."""


class Clinic:
    """One specialty of the region.

    Attributes
    ----------
    capacity
        Slots a week for new patients; those for follow-up visits go with it. `close` and `capacity.factor` are what a
        user's own process changes.
    lists
        Who waits for a first visit: urgent, routine.
    follow_ups
        Whose follow-up visit is due.
    later
        Whose next visit is not due yet, by the tick at which it is.
    """

    def __init__(
        self, number: int, terms: Specialty, margin: float, patience_weeks: float, occupancy: float, draws: Draws
    ) -> None:
        self.number, self.terms, self.draws = number, terms, draws
        self.margin, self.patience_weeks, self.occupancy = margin, patience_weeks, occupancy
        self.capacity = Capacity()
        self.lists = WaitingList(), WaitingList()
        self.follow_ups = WaitingList()
        self.later: dict[int, list[np.ndarray]] = {}
        self.urgent_per_week, self.usual_list = 0.0, 0
        self.asked = self.left = 0
        self.slots = self.follow_up_slots = 0.0

    @property
    def name(self) -> str:
        """Name of the specialty."""
        return self.terms.name

    def close(self, weeks: int) -> None:
        """Close the clinic for some weeks from now on."""
        self.capacity.closed_weeks = weeks

    def plan(self, urgent: float, routine: float, share: float = 1.0) -> None:
        """Set capacity such that with these referrals a week of the region the routine list keeps its wait.

        With a wait W a share exp(-W / patience) of routine referrals joins the list; longer waits shorten themselves.
        A budget goes a `share` of the way. It answers to what is asked for: a backlog gets no slots of its own.
        """
        joining = routine * float(np.exp(-self.terms.wait_weeks / self.patience_weeks))
        self.capacity.plan((urgent + joining) * (1.0 + self.margin), share)
        self.urgent_per_week = urgent
        self.usual_list = round(joining * self.terms.wait_weeks)

    def fill(self, now: int) -> None:
        """Put people on the routine list who were referred before the simulation: ghosts, as many as the wait asks."""
        count, stream = np.array([self.usual_list]), np.array([_INITIAL + self.number])
        waiting = ghosts(count, stream, 0, now - TICKS_PER_WEEK, self.terms.wait_weeks)
        waiting["unit"] = self.number
        self.lists[ROUTINE].waiting = waiting

    def see(self, now: int, settling: bool, returning: bool = False) -> np.ndarray:
        """See as many new patients as there are slots, urgent ones first; return them.

        While the base run settles, as many are seen as leave the list at its usual length; at its end the list returns
        to that length, by a quarter of what is too much or too little each week.
        """
        urgent, routine = self.lists
        urgent.drop_dead(self.draws)
        routine.drop_dead(self.draws)
        usual = self.capacity.now
        if returning:
            usual = max(0.0, usual + (len(urgent) + len(routine) - usual - self.usual_list) / RETURN_WEEKS)
        slots = self.draws.whole(f"slots {self.name}", usual)
        if settling:
            slots = max(0, len(urgent) + len(routine) - self.usual_list)
        self.slots += slots
        first = urgent.take(slots, now)
        seen = together(first, routine.take(slots - len(first), now))
        urgent.list_weeks += len(urgent)
        routine.list_weeks += len(routine)
        return seen

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

    def end_week(self) -> None:
        """Come a week closer to opening again."""
        self.capacity.closed_weeks = max(0, self.capacity.closed_weeks - 1)

    @property
    def follow_up_capacity(self) -> float:
        """Slots a week for follow-up visits at base: those of the new patients seen, at the occupancy of the terms."""
        return self.capacity.now * self.terms.follow_ups / self.occupancy

    def patients(self) -> tuple[np.ndarray, ...]:
        """Return everybody the clinic remembers."""
        later = (each for planned in self.later.values() for each in planned)
        return (*(each.waiting for each in self.lists), self.follow_ups.waiting, *later)

    def begin_period(self) -> None:
        """Forget the counts of the last period."""
        for each in (*self.lists, self.follow_ups):
            each.begin_period()
        self.asked = self.left = 0
        self.slots = self.follow_up_slots = 0.0

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
        urgent, routine, *treated = self.patients()
        return {
            "capacity": np.append(self.capacity.save(), self.urgent_per_week),
            "urgent": urgent,
            "routine": routine,
            "follow_ups": together(*treated),
        }

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Continue from `save`."""
        self.capacity.restore(saved["capacity"])
        self.urgent_per_week = float(saved["capacity"][4])
        for each, name in zip(self.lists, ("urgent", "routine"), strict=True):
            each.waiting = saved[name].copy()
        treated = saved["follow_ups"]
        self.later = {int(tick): [treated[treated["since"] == tick]] for tick in np.unique(treated["since"])}


def refer(clinics: Sequence[Clinic], referred: np.ndarray, draws: Draws) -> np.ndarray:
    """Let the week's referrals join the lists of their clinics; return who goes elsewhere, by clinic.

    Who is offered a wait, in whole weeks, beyond their patience is seen outside the region. Urgent referrals wait for
    each other only. Routine ones get the slots that urgent ones leave. All clinics at once: one pass over the people.
    """
    ahead = np.array([(len(clinic.lists[URGENT]), sum(map(len, clinic.lists))) for clinic in clinics])
    slots = np.array([(clinic.capacity.open, clinic.capacity.open - clinic.urgent_per_week) for clinic in clinics])
    closed = np.array([clinic.capacity.closed_weeks for clinic in clinics])
    group, counts = np.empty(len(referred), np.int64), np.zeros((len(clinics), 2), np.int64)
    join_or_leave(referred, ahead, np.maximum(slots, 1e-9), closed, draws.state.people, group, counts)
    groups = apart(referred, group, 4 * len(clinics))
    for clinic, (joined, left) in zip(clinics, counts.tolist(), strict=True):
        for urgency, each in enumerate(clinic.lists):
            each.join(groups[2 * clinic.number + urgency])
        clinic.asked += joined + left
        clinic.left += left
    return together(*groups[2 * len(clinics) :])
