"""People who wait: a list in the order of request, what it counted, and what a unit can do in a week.

Everything here works at the end of a week. A wait is counted in whole weeks from the request to the end of the week
in which it is met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import pdtrik

from paysim.kernel import patients as kernel
from paysim.kernel.patients import PATIENT
from paysim.kernel.records import WEEKS_PER_YEAR, State
from paysim.kernel.tables import stream_key

WEEK_BINS = 105
"""Waits are counted in whole weeks, the last bin open."""

MEMORY_WEEKS = 26
"""Weeks of demand that are remembered."""

SETTLING_WEEKS = MEMORY_WEEKS + 4
"""First weeks of the base run, in which capacities follow demand; then they are fixed. In the first of them books are
empty and little is asked for yet; these are forgotten in time."""


def chosen(patients: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Return a copy of those of the patients who are marked; numpy itself would copy field by field."""
    some = np.empty(np.count_nonzero(marks), PATIENT)
    kernel.put_marked(patients, marks, some)
    return some


def by_order(patients: np.ndarray) -> np.ndarray:
    """Return patients by the tick of their request, then by person and number; so ghosts before people."""
    ordered = np.empty(len(patients), PATIENT)
    kernel.put_in_order(patients, np.argsort(patients["since"]), ordered)
    return ordered


def apart(patients: np.ndarray, group: np.ndarray, groups: int) -> list[np.ndarray]:
    """Return the patients of each of the first `groups` groups, each in their order; parts of one new array."""
    ends, ordered = np.zeros(groups, np.int64), np.empty(len(patients), PATIENT)
    kernel.put_apart(patients, group, ends, ordered)
    return [ordered[first:end] for first, end in pairwise((0, *ends.tolist()))]


def by_unit(patients: np.ndarray, units: int) -> list[np.ndarray]:
    """Return the patients of each specialty, or of each ward, in their order."""
    return apart(patients, patients["unit"].astype(np.int64), units)


def nobody(count: int = 0) -> np.ndarray:
    """Return `count` patients with nothing filled in."""
    return np.zeros(count, PATIENT)


def patients_of(requests: np.ndarray) -> np.ndarray:
    """Return the people behind requests of the practices, in the same order."""
    patients = nobody(len(requests))
    patients["since"] = requests["tick"]
    for name in ("person", "number", "days", "row", "process"):
        patients[name] = requests[name]
    return patients


def ghosts(counts: np.ndarray, streams: np.ndarray, week: int, now: int, weeks: float = 1.0) -> np.ndarray:
    """Return people who are not simulated, of each stream evenly over the `weeks` up to `now`.

    They are numbered by stream, week and place, so that one more of a stream changes no other.
    """
    patients = nobody(int(counts.sum()))
    kernel.fill_ghosts(counts, streams, week, now, weeks, patients)
    return patients


def together(*groups: np.ndarray) -> np.ndarray:
    """Return all patients of some groups in one array."""
    filled = [each for each in groups if len(each)]
    if len(filled) == 1:
        return filled[0]
    everybody, first = np.empty(sum(map(len, filled)), PATIENT), 0
    for each in filled:
        kernel.put_at(each, first, everybody)
        first += len(each)
    return everybody


class Draws:
    """Keyed draws of one run: by person and need, by ghost, or by week; one more of anything shifts no other draw."""

    def __init__(self, state: State, key: np.uint64) -> None:
        self.state, self.key, self.week = state, key, 0
        self._names: dict[str, int] = {}
        self._streams = np.zeros(0, np.uint64)
        self._weekly: list[float] = []
        self._drawn = -1  # week of `_weekly`

    def of(self, patients: np.ndarray, choice: str) -> np.ndarray:
        """Return uniforms for a choice of patients."""
        uniforms = np.empty(len(patients))
        kernel.draw(patients, self.state.people, self.key, stream_key(choice), uniforms)
        return uniforms

    def weekly(self, what: str) -> float:
        """Return the week's uniform of a name."""
        if what not in self._names:
            self._names[what], self._drawn = len(self._names), -1
            self._streams = np.append(self._streams, stream_key(what))
        if self._drawn != self.week:  # all names at once
            drawn = np.empty(len(self._names))
            kernel.draw_weekly(self.key, self._streams, self.week, drawn)
            self._weekly, self._drawn = drawn.tolist(), self.week
        return self._weekly[self._names[what]]

    def poisson(self, what: Sequence[str], means: np.ndarray) -> np.ndarray:
        """Return the week's Poisson numbers of some names."""
        drawn = np.ceil(pdtrik([self.weekly(name) for name in what], means))
        return np.asarray(np.fmax(drawn, 0.0).astype(np.int64))  # of a mean of 0 no number

    def whole(self, what: str, amount: float) -> int:
        """Return an amount as a whole number with that mean: the fraction is given out by chance."""
        part = amount - int(amount)
        return int(amount) + int(part > 0.0 and self.weekly(what) < part)

    def alive(self, patients: np.ndarray) -> np.ndarray:
        """Return whether patients still live here. Ghosts do."""
        marks = np.empty(len(patients), np.bool_)
        kernel.mark_living(patients, self.state.people, marks)
        return marks

    def living(self, patients: np.ndarray) -> np.ndarray:
        """Return those of the patients who still live here, ghosts among them."""
        if kernel.count_living(patients, self.state.people) == len(patients):
            return patients
        return chosen(patients, self.alive(patients))

    def own(self, patients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of those who are simulated and still live here, and their places among the patients."""
        rows, places = np.empty((2, len(patients)), np.int64)
        count = kernel.own_rows(patients, self.state.people, rows, places)
        return rows[:count], places[:count]


@dataclass
class Capacity:
    """What a unit can do in a week.

    Attributes
    ----------
    planned
        Units a week, set while the base run settles.
    factor
        By how much a user's own process changes it.
    growth
        Of all units, since the base run settled.
    closed_weeks
        Weeks for which the unit is still closed.
    """

    planned: float = 0.0
    factor: float = 1.0
    growth: float = 1.0
    closed_weeks: int = 0

    @property
    def now(self) -> float:
        """Units in the present week."""
        return 0.0 if self.closed_weeks else self.open

    @property
    def open(self) -> float:
        """Units a week when not closed."""
        return self.planned * self.factor * self.growth

    def end_week(self) -> None:
        """Come a week closer to opening again."""
        self.closed_weeks = max(0, self.closed_weeks - 1)

    def plan(self, needed: float, share: float) -> None:
        """Go a share of the way to the units that are needed, those by which capacity has grown among them."""
        self.planned = share * needed / self.growth + (1.0 - share) * self.planned

    def follow(self, missing: float, per_year: float) -> None:
        """Make good a week's part of the units that are missing, of which a share is made good in a year."""
        self.planned = max(0.0, self.planned + missing * (1.0 - (1.0 - per_year) ** (1.0 / WEEKS_PER_YEAR)))

    def save(self) -> np.ndarray:
        """Return what a fork needs."""
        return np.array([self.planned, self.factor, self.growth, float(self.closed_weeks)])

    def restore(self, saved: np.ndarray) -> None:
        """Continue from `save`."""
        self.planned, self.factor, self.growth = map(float, saved[:3])
        self.closed_weeks = int(saved[3])


class Recent:
    """Weekly amounts that were to be expected of what was asked for, over the last half-year and this year.

    Expected, not drawn: of each referral the chances of going to each specialty, of each admission its mean stay. So a
    small sample says what it can of usual demand.

    Attributes
    ----------
    weeks
        ``[kinds, 26]`` of the last half-year.
    year
        ``[kinds]`` sums since the year began.
    """

    def __init__(self, kinds: int) -> None:
        self.weeks, self.year = np.zeros((kinds, MEMORY_WEEKS)), np.zeros(kinds)

    def remember(self, week: int, amounts: np.ndarray | float) -> None:
        """Put a week in the place of the one half a year before."""
        self.weeks[:, week % MEMORY_WEEKS] = amounts
        self.year += amounts

    def mean(self, week: int) -> np.ndarray:
        """Return the mean week ``[kinds]``."""
        weeks = min(week + 1, MEMORY_WEEKS)
        return np.asarray(np.add.reduce(self.weeks[:, :weeks], axis=1) / weeks)

    def mean_of_year(self) -> np.ndarray:
        """Return the mean week ``[kinds]`` of a year that ends."""
        return np.asarray(self.year / WEEKS_PER_YEAR)


class WaitingList:
    """People in the order in which they asked, with what happened this period.

    Attributes
    ----------
    waits
        Of those served, by whole weeks waited.
    list_weeks
        Sum over weeks of the length of the list when the week's work was done.
    """

    def __init__(self) -> None:
        self.waiting = nobody()
        self.waits = np.zeros(WEEK_BINS, np.int64)
        self.list_weeks = 0

    @property
    def waiting(self) -> np.ndarray:
        """Who waits."""
        return self._held[self._first : self._end]

    @waiting.setter
    def waiting(self, patients: np.ndarray) -> None:
        self._held, self._first, self._end = patients, 0, len(patients)

    def __len__(self) -> int:
        return self._end - self._first

    def join(self, patients: np.ndarray) -> None:
        """Put people at the end of the list."""
        length = len(patients)
        if not len(self):
            self.waiting = patients
        elif length:
            if self._end + length > len(self._held):  # make room for some weeks to come: lists are long
                held = np.empty(2 * (len(self) + length), PATIENT)
                kernel.put_at(self.waiting, 0, held)
                self._held, self._first, self._end = held, 0, len(self)
            kernel.put_at(patients, self._end, self._held)
            self._end += length

    def drop_dead(self, draws: Draws) -> None:
        """Take off the list who died or left the region."""
        if len(self):
            living = draws.living(self.waiting)
            if len(living) < len(self):
                self.waiting = living

    def take(self, count: int, now: int) -> np.ndarray:
        """Return the first `count` people, and count how long they waited."""
        first = self._first
        self._first = min(self._end, first + count)
        taken = self._held[first : self._first]
        if len(taken):
            kernel.count_waits(taken, now, self.waits)
        return taken

    def begin_period(self) -> None:
        """Start counting anew."""
        self.waits[:] = 0
        self.list_weeks = 0
