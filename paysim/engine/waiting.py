"""People who wait: a list in the order of request, what it counted, and what a unit can do in a week.

Everything here works at the end of a week. A wait is counted in whole weeks from the request to the end of the week
in which it is met.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy.special import pdtrik

from paysim.kernel import streams
from paysim.kernel.records import TICKS_PER_WEEK, State
from paysim.kernel.tables import stream_key

GHOST = -1
"""Row and person of somebody of the region who is not simulated."""

WEEK_BINS = 105
"""Waits are counted in whole weeks, the last bin open."""

MEMORY_WEEKS = 26
"""Weeks of demand that are remembered."""

SETTLING_WEEKS = MEMORY_WEEKS + 4
"""First weeks of the base run, in which capacities follow demand; then they are fixed. In the first of them books are
empty and little is asked for yet; these are forgotten in time."""

PATIENT = np.dtype(
    [
        ("since", "i8"),  # tick from which they wait; of who has a place, the tick at which they leave it
        ("person", "i8"),
        ("number", "i8"),  # of the need behind the request; unique among ghosts
        ("days", "f8"),  # length of stay, if known
        ("patience", "f8"),  # weeks of waiting, if they give up at all
        ("row", "i4"),
        ("process", "i4"),
        ("unit", "i4"),  # specialty, or ward
        ("urgent", "i2"),
        ("visits", "i2"),  # still to come
    ]
)
"""Sizes add up to whole words: no padding, so that equal lists are equal bytes."""

_BYTES = np.dtype(f"V{PATIENT.itemsize}")


def by_order(patients: np.ndarray) -> np.ndarray:
    """Return patients by the tick of their request; ghosts before people."""
    return np.asarray(patients[np.lexsort((patients["number"], patients["person"], patients["since"]))])


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
    place = np.arange(len(patients)) - np.repeat(np.cumsum(counts) - counts, counts)
    patients["row"] = patients["person"] = GHOST
    patients["number"] = (np.repeat(streams.astype(np.int64), counts) << 44) + (np.int64(week) << 20) + place
    back = (1.0 - (place + 0.5) / np.repeat(np.maximum(counts, 1), counts)) * weeks * TICKS_PER_WEEK
    patients["since"] = now - np.ceil(back).astype(np.int64)
    return patients


def together(*groups: np.ndarray) -> np.ndarray:
    """Return all patients of some groups in one array, put together as bytes: numpy would copy field by field."""
    filled = [each for each in groups if len(each)]
    if len(filled) == 1:
        return filled[0]
    return np.concatenate([each.view(_BYTES) for each in filled]).view(PATIENT) if filled else nobody()


class Draws:
    """Keyed draws of one run: by person and need, by ghost, or by week; one more of anything shifts no other draw."""

    def __init__(self, state: State, key: np.uint64) -> None:
        self.state, self.key, self.week = state, key, 0
        self._names: dict[str, int] = {}
        self._streams = np.zeros(0, np.uint64)
        self._weekly, self._drawn = np.zeros(0), -1

    def of(self, patients: np.ndarray, choice: str) -> np.ndarray:
        """Return uniforms for a choice of patients."""
        own = patients["row"] != GHOST
        keys = np.where(own, self.state.people["key"][patients["row"]], self.key)
        number = patients["number"] + (patients["process"].astype(np.int64) << 32)
        return streams.uniforms(keys, _stream(choice), number)

    def weekly(self, what: str) -> float:
        """Return the week's uniform of a name."""
        if what not in self._names:
            self._names[what] = len(self._names)
            self._streams = np.array([_stream(name) for name in self._names], np.uint64)
            self._drawn = -1
        if self._drawn != self.week:  # all names at once
            with np.errstate(over="ignore"):
                self._weekly = streams.to_uniform(streams.word(self.key, self._streams, np.uint64(self.week)))
            self._drawn = self.week
        return float(self._weekly[self._names[what]])

    def poisson(self, what: str, mean: float) -> int:
        """Return the week's Poisson number of a name."""
        return max(0, int(np.ceil(pdtrik(self.weekly(what), mean)))) if mean > 0.0 else 0

    def whole(self, what: str, amount: float) -> int:
        """Return an amount as a whole number with that mean: the fraction is given out by chance."""
        part = amount - int(amount)
        return int(amount) + int(part > 0.0 and self.weekly(what) < part)

    def alive(self, patients: np.ndarray) -> np.ndarray:
        """Return whether patients still live here: the row may have been given to somebody else. Ghosts do."""
        rows, people = patients["row"], self.state.people
        return np.asarray((rows == GHOST) | ((people["alive"][rows] == 1) & (people["id"][rows] == patients["person"])))


@lru_cache(maxsize=256)
def _stream(name: str) -> int:
    return int(stream_key(name))


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

    def save(self) -> np.ndarray:
        """Return what a fork needs."""
        return np.array([self.planned, self.factor, self.growth, float(self.closed_weeks)])

    def restore(self, saved: np.ndarray) -> None:
        """Continue from `save`."""
        self.planned, self.factor, self.growth = map(float, saved[:3])
        self.closed_weeks = int(saved[3])


class Recent:
    """Weekly amounts that were to be expected of what was asked for, over the last half-year.

    Expected, not drawn: of each referral the chances of going to each specialty, of each admission its mean stay. So a
    small sample says what it can of usual demand.
    """

    def __init__(self, kinds: int) -> None:
        self.weeks = np.zeros((kinds, MEMORY_WEEKS))

    def remember(self, week: int, amounts: np.ndarray | float) -> None:
        """Put a week in the place of the one half a year before."""
        self.weeks[:, week % MEMORY_WEEKS] = amounts

    def mean(self, week: int) -> np.ndarray:
        """Return the mean week ``[kinds]``."""
        return np.asarray(self.weeks[:, : min(week + 1, MEMORY_WEEKS)].mean(axis=1))


@dataclass
class WaitingList:
    """People in the order in which they asked, with what happened this period.

    Attributes
    ----------
    waits
        Of those served, by whole weeks waited.
    list_weeks
        Sum over weeks of the length of the list when the week's work was done.
    """

    waiting: np.ndarray = field(default_factory=nobody)
    waits: np.ndarray = field(default_factory=lambda: np.zeros(WEEK_BINS, np.int64))
    list_weeks: int = 0

    def __len__(self) -> int:
        return len(self.waiting)

    def join(self, patients: np.ndarray) -> None:
        """Put people at the end of the list."""
        if len(patients):
            self.waiting = together(self.waiting, patients)

    def drop_dead(self, draws: Draws) -> None:
        """Take off the list who died or left the region."""
        if len(self.waiting):
            alive = draws.alive(self.waiting)
            if not alive.all():
                self.waiting = self.waiting[alive]

    def take(self, count: int, now: int) -> np.ndarray:
        """Return the first `count` people, and count how long they waited."""
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        if len(taken):
            weeks = np.minimum((now - taken["since"]) // TICKS_PER_WEEK, WEEK_BINS - 1)
            np.add.at(self.waits, weeks, 1)
        return taken

    def begin_period(self) -> None:
        """Start counting anew."""
        self.waits[:] = 0
        self.list_weeks = 0
