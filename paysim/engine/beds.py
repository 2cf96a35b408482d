"""A ward: beds of one type, taken by emergencies first and by planned admissions in order from what is left.

Planned admissions wait for a place on the programme first, as for a clinic, and are then called up to a bed. Stays are
counted in bed-days, spread over the weeks in which they fall. Emergencies are always admitted, over the number of beds
if need be.
"""

from __future__ import annotations

import numpy as np

from paysim.engine.planned import Planned
from paysim.engine.waiting import Capacity, Draws, WaitingList
from paysim.kernel.patients import how_many_fit, spread_stays
from paysim.kernel.records import TICKS_PER_DAY, TICKS_PER_WEEK

DAYS = 7.0
_WEEKS_AHEAD = 27


def bed_days(begins: np.ndarray, stays: np.ndarray) -> np.ndarray:
    """Return the bed-days ``[weeks]`` that stays take in this week and each to come.

    Parameters
    ----------
    begins
        Days from the beginning of this week to the admission.
    stays
        Days; what lies beyond the last week counts in it.
    """
    days = np.zeros(_WEEKS_AHEAD)
    spread_stays(begins, np.ascontiguousarray(stays), DAYS, days)
    return days


class Ward:
    """Beds of one type.

    Attributes
    ----------
    capacity
        Bed-days a week.
    programme
        Planned admissions a week, and who waits for them.
    list
        Who was called up and finds no bed.
    """

    def __init__(self, name: str, occupancy: float, programme: Planned, draws: Draws) -> None:
        self.name, self.occupancy, self.programme, self.draws = name, occupancy, programme, draws
        self.capacity = Capacity()
        self.list = WaitingList()
        self.ahead = np.zeros((2, _WEEKS_AHEAD))  # bed-days this week and later of emergencies, of planned admissions
        self.usual_emergency_days = 0.0
        self._clear()

    def _clear(self) -> None:
        self.emergencies, self.displaced = 0.0, 0
        self.used = self.room = self.over = self.waiting_for_care = 0.0

    @property
    def beds(self) -> float:
        """Beds now."""
        return self.capacity.now / DAYS

    def close(self, weeks: int) -> None:
        """Close the ward to planned admissions for some weeks; emergencies are admitted all the same."""
        self.capacity.closed_weeks = weeks
        self.programme.close(weeks)

    def plan(self, emergency_days: float, elective_days: float, share: float = 1.0) -> None:
        """Set capacity, or go a share of the way to it, for bed-days a week of the region."""
        self.usual_emergency_days = emergency_days / self.capacity.growth
        self.capacity.plan((emergency_days + elective_days) / self.occupancy, share)

    def admit_emergencies(self, now: int, patients: np.ndarray, ghost_days: float, weight: float = 1.0) -> None:
        """Admit the week's emergencies; ghosts are bed-days of this week, as many as leave it."""
        if len(patients):
            begins = np.clip((patients["since"] - (now - TICKS_PER_WEEK)) / TICKS_PER_DAY, 0.0, DAYS)
            self.ahead[0] += weight * bed_days(begins, patients["days"])
            self.emergencies += weight * len(patients)
        self.ahead[0, 0] += ghost_days

    def hold(self, days: float) -> None:
        """Keep people for so many bed-days this week who wait for care elsewhere."""
        self.ahead[0, 0] += days
        self.waiting_for_care += days

    def admit_planned(self, now: int, patients: np.ndarray, settling: bool) -> np.ndarray:
        """Let who is called up join the list, and admit from it, in order, as many as there are beds for."""
        self.list.join(patients)
        self.list.drop_dead(self.draws)
        emergency, planned = self.ahead[:, 0].tolist()
        waiting, free = self.list.waiting, self.capacity.now - emergency - planned
        fit = len(waiting) if settling else how_many_fit(waiting, free, DAYS)
        excess = max(0.0, emergency - self.usual_emergency_days * self.capacity.growth)
        self.displaced += 0 if settling else how_many_fit(waiting, free + excess, DAYS) - fit
        admitted = self.list.take(fit, now)
        self.ahead[1] += bed_days(np.zeros(fit), admitted["days"])
        self.used += float(self.ahead[:, 0].sum())
        self.room += self.capacity.open
        self.over += max(0.0, emergency + planned - self.capacity.open)
        self.ahead[:, :-1] = self.ahead[:, 1:]
        self.ahead[:, -1] = 0.0
        self.list.list_weeks += len(self.list)
        self.capacity.end_week()
        self.programme.capacity.end_week()
        return admitted

    def patients(self) -> tuple[np.ndarray, ...]:
        """Return who waits."""
        return (self.list.waiting, *self.programme.patients())

    def begin_period(self) -> None:
        """Forget the counts of the last period."""
        self.list.begin_period()
        self.programme.begin_period()
        self._clear()

    def counts(self) -> dict[str, np.ndarray]:
        """Return what happened this period."""
        numbers = {
            "elective_waiting": float(len(self.list) + self.programme.length),
            "elective_left": float(self.programme.left),
            "elective_displaced": float(self.displaced),
            "emergency_admitted": self.emergencies,
            "bed_days_used": self.used,
            "bed_days_room": self.room,
            "bed_days_over": self.over,
            "bed_days_held": self.waiting_for_care,
        }
        return {"elective_waits": self.list.waits.copy(), **{name: np.array(each) for name, each in numbers.items()}}

    def save(self) -> dict[str, np.ndarray]:
        """Return everything a fork needs, as arrays."""
        numbers = np.append(self.capacity.save(), self.usual_emergency_days)
        programme = {f"programme {name}": each for name, each in self.programme.save().items()}
        return {"capacity": numbers, "waiting": self.list.waiting, "ahead": self.ahead, **programme}

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Continue from `save`."""
        self.capacity.restore(saved["capacity"])
        self.usual_emergency_days = float(saved["capacity"][4])
        self.list.waiting, self.ahead = saved["waiting"].copy(), saved["ahead"].copy()
        beginning = "programme "
        self.programme.restore(
            {name.removeprefix(beginning): each for name, each in saved.items() if name.startswith(beginning)}
        )
