"""What an epidemiologist would see of a run: events, person-time, states and follow-up, person by person.

An `Observer` listens to the event log of one arm and looks at everybody at the turn of each year. What it keeps of a
person never changes (sex, education, day of birth, entry, exit), so rows of the engine may be used again and people may
be born, arrive or leave. Processes and flags are known by name only: a new disease needs nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from paysim.engine.model import Model
from paysim.errors import DataError, ModelError, Problem, nearest_name
from paysim.kernel.records import (
    ADMITTED,
    DEPARTED,
    DIED,
    DIED_BEFORE_CARE,
    EVENT,
    FIRST_TRANSITION,
    NEVER,
    OUTCOMES,
    TICKS_PER_WEEK,
    TICKS_PER_YEAR,
    WEEKS_PER_YEAR,
    State,
)
from paysim.kernel.spec import AGES, COVARIATES
from paysim.parameters import Parameters

T = TypeVar("T")

DEMAND = ("need", "follow_up", "chronic_control", "acute")
"""Kinds of processes that are use of care, not health: most of the log, and not observed."""

SHAPE = (2, AGES, 3)
"""Cells: sex (0 man, 1 woman), completed age 0..110 (the last open), education (low, mid, high)."""

FATAL = (DIED, DIED_BEFORE_CARE)
LEAVING = (*FATAL, DEPARTED)
REACHED_CARE = tuple(k for k in range(len(OUTCOMES)) if k != DIED_BEFORE_CARE)
ADMISSIONS = (ADMITTED, DIED)

RISK_FACTORS = ("smoker", "sbp", "tc", "hdl", "bmi")
_LOWERED_BY = {"sbp": "sbp_drop", "tc": "ldl_drop"}

_LOG = np.dtype([("tick", "i8"), ("person", "i4"), ("process", "i2"), ("outcome", "i2")])
_TRAITS = np.dtype([("id", "i8"), ("birth", "i8"), ("entry", "i8"), ("exit", "i8"), ("sex", "i1"), ("education", "i1")])
_SNAPSHOT = np.dtype([("flags", "i8"), ("person", "i4"), *((name, "f4") for name in ("utility", *RISK_FACTORS))])


@dataclass(frozen=True, eq=False)
class Observation:
    """All that was seen of one arm of one replicate over `years` years from tick `start`.

    Attributes
    ----------
    processes
        Names of the calendar entries, by the number in the log.
    flags
        Names of the flags, by bit.
    people
        ``[n]`` of everybody ever seen: id, birth, entry and exit (ticks; exit is death, departure, or `NEVER`), sex,
        education.
    log
        ``[m]`` health events in no order: tick, person (index into `people`), process, outcome.
    snapshots
        At the start and at the end of each year, ``years + 1`` of them: flags, person, utility and `RISK_FACTORS` (as
        treated now; mmHg, mmol/L, kg/m2) of the living.
    person_years
        ``[years, 2, 111, 3]``.
    parameters
        Of the model, for equations that are compared with; None where there are none to read.
    """

    processes: tuple[str, ...]
    flags: tuple[str, ...]
    start: int
    years: int
    people: np.ndarray
    log: np.ndarray
    snapshots: tuple[np.ndarray, ...]
    person_years: np.ndarray
    parameters: Parameters | None = field(default=None, repr=False)
    _kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` makes, made once for each key: many targets ask for the same counts."""
        if key not in self._kept:
            self._kept[key] = make()
        found: T = self._kept[key]
        return found

    @property
    def end(self) -> int:
        """Tick at which observation ends."""
        return self.start + self.years * TICKS_PER_YEAR

    def numbers(self, processes: Iterable[str]) -> list[int]:
        """Return the numbers of processes.

        Raises
        ------
        DataError
            The model has no such process; names the nearest.
        """
        return [_index(self.processes, name, "process") for name in _names(processes)]

    def mask(self, flags: Iterable[str]) -> int:
        """Return the bits of flags, or DataError naming the nearest."""
        return sum(1 << _index(self.flags, name, "flag") for name in dict.fromkeys(_names(flags)))

    def entries(self, processes: Iterable[str] = (), outcomes: Sequence[int] | None = None) -> np.ndarray:
        """Return the log of some processes (all when none is named) with some outcomes (all when None)."""
        wanted = self.numbers(processes)
        keep = np.isin(self.log["process"], wanted) if wanted else np.ones(len(self.log), bool)
        if outcomes is not None:
            keep &= np.isin(self.log["outcome"], outcomes)
        return self.log[keep]

    def events(self, processes: Iterable[str] = (), outcomes: Sequence[int] | None = None) -> np.ndarray:
        """Return counts of events by year and cell at the time, ``[years, 2, 111, 3]``."""
        log = self.entries(processes, outcomes)
        year = (log["tick"] - self.start) // TICKS_PER_YEAR
        cell = year * np.prod(SHAPE) + _cells(self.people[log["person"]], log["tick"])
        return np.bincount(cell, minlength=self.years * int(np.prod(SHAPE))).reshape(self.years, *SHAPE)

    def deaths(self) -> np.ndarray:
        """Return deaths of all causes, ``[years, 2, 111, 3]``."""
        return self.events((), FATAL)

    def count(self, snapshot: int, weight: np.ndarray | None = None) -> np.ndarray:
        """Add up a weight per person (1 when None) of the living at a snapshot, ``[2, 111, 3]``."""
        person, now = self.snapshots[snapshot]["person"], self.start + snapshot * TICKS_PER_YEAR
        cell = self.once(("cell", snapshot), lambda: _cells(self.people[person], now).astype(np.int16))
        return np.bincount(cell, weight, int(np.prod(SHAPE))).reshape(SHAPE).astype(float)

    def holds(self, snapshot: int, flags: Iterable[str]) -> np.ndarray:
        """Return who of the living at a snapshot holds at least one of the flags, ``[n]`` booleans."""
        return np.asarray(self.snapshots[snapshot]["flags"] & self.mask(flags) != 0)

    def follow_up(
        self, processes: Iterable[str], outcomes: Sequence[int] = REACHED_CARE
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return everybody's first event of some processes, and what became of them.

        Returns
        -------
        first
            ``[k]`` entries of the log, one a person.
        time
            Ticks from the event to death, departure or the end of observation.
        died
            Whether it ended in death.
        """
        log = self.entries(processes, outcomes)
        log = log[np.lexsort((log["tick"], log["person"]))]
        first = log[np.r_[True, log["person"][1:] != log["person"][:-1]]] if len(log) else log
        gone = self.people["exit"][first["person"]]
        dead = np.zeros(len(self.people), bool)
        dead[self.entries((), FATAL)["person"]] = True
        return first, np.minimum(gone, self.end) - first["tick"], dead[first["person"]] & (gone < self.end)


@dataclass
class Observer:
    """Watches one arm: give `on_events` and `watch` to `paysim.engine.cell.run_arm`, then call `result`.

    Attributes
    ----------
    model
        What is simulated.
    years
        How many; the arm must run at least as long.
    """

    model: Model
    years: int
    _state: State | None = None
    _start: int = 0
    _people: np.ndarray = field(default_factory=lambda: np.zeros(0, _TRAITS), repr=False)
    _ids: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)  # sorted
    _order: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    _waiting: list[np.ndarray] = field(default_factory=list, repr=False)
    _log: list[np.ndarray] = field(default_factory=list, repr=False)
    _snapshots: list[np.ndarray] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        kinds = [each.kind for each in self.model.transitions]
        self._watched = np.array([False] * FIRST_TRANSITION + [kind not in DEMAND for kind in kinds])

    def watch(self, region: Any) -> Generator[Any, Any, None]:
        """Look at everybody now and at the end of every year: a process of `Region.own_processes`."""
        self._state, self._start = region.state, int(region.env.now)
        self._look(self._start)
        for week in range(1, self.years * WEEKS_PER_YEAR + 1):
            yield region.env.timeout(TICKS_PER_WEEK)
            if week % WEEKS_PER_YEAR == 0:
                self._look(int(region.env.now))

    def on_events(self, events: np.ndarray) -> None:
        """Take a batch of the event log; whose events they are is looked up at the turn of the year."""
        self._waiting.append(events[self._watched[events["process"]]])

    def result(self) -> Observation:
        """Return what was seen.

        Raises
        ------
        ModelError
            The arm has not run to its end, or somebody is seen alive after death.
        """
        if len(self._snapshots) != self.years + 1:
            raise ModelError(f"observed {max(0, len(self._snapshots) - 1)} of {self.years} years")
        log = np.concatenate(self._log) if self._log else np.zeros(0, _LOG)
        if (log["tick"] > self._people["exit"][log["person"]]).any():
            raise ModelError("an event after death or departure")
        years = [self._person_years(self._start + k * TICKS_PER_YEAR) for k in range(self.years)]
        return Observation(
            processes=self.model.processes,
            flags=tuple(self.model.flag_bit),
            start=self._start,
            years=self.years,
            people=self._people,
            log=log,
            snapshots=tuple(self._snapshots),
            person_years=np.stack(years),
            parameters=self.model.parameters,
        )

    def _find(self, ids: np.ndarray) -> np.ndarray:
        """Return the index of people by their number, -1 for those not met yet."""
        if not len(self._ids):
            return np.full(len(ids), -1)
        place = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return np.where(self._ids[place] == ids, self._order[place], -1)

    def _meet(self, rows: np.ndarray) -> None:
        """Take down who among `rows` has come since the last turn of the year."""
        assert self._state is not None
        people = self._state.people
        rows = rows[(people["alive"][rows] != 0) | (people["entered"][rows] >= self._start)]  # not who died before
        new = rows[self._find(people["id"][rows]) < 0]
        traits = np.zeros(len(new), _TRAITS)
        for name in ("id", "birth", "sex", "education"):
            traits[name] = people[name][new]
        traits["entry"] = np.maximum(people["entered"][new], self._start)
        traits["exit"] = NEVER
        self._people = np.concatenate([self._people, traits])
        self._order = np.argsort(self._people["id"], kind="stable")
        self._ids = self._people["id"][self._order]

    def _read_log(self) -> None:
        """Take in the events of the year that has ended."""
        events = np.concatenate([np.zeros(0, EVENT), *self._waiting])
        self._waiting = []
        entry = np.zeros(len(events), _LOG)
        for name in ("tick", "process", "outcome"):
            entry[name] = events[name]
        entry["person"] = self._find(events["person"])
        if (entry["person"] < 0).any():
            raise ModelError("an event of somebody who is on no list")
        last = entry[np.isin(entry["outcome"], LEAVING)]
        self._people["exit"][last["person"]] = last["tick"]
        self._log.append(entry)

    def _look(self, now: int) -> None:
        """Meet newcomers, read the log, and keep what everybody is like.

        Rows of people who died or left are given out again after this process has looked, so nobody is missed.
        """
        assert self._state is not None
        people, rows = self._state.people, self._state.listed
        self._meet(rows)
        self._read_log()
        rows = rows[people["alive"][rows] != 0]
        person = self._find(people["id"][rows])
        if int((self._people["exit"] > now).sum()) != len(rows) or (self._people["exit"][person] <= now).any():
            raise ModelError("who is alive is not who came and neither died nor left")
        seen = np.zeros(len(rows), _SNAPSHOT)
        seen["person"] = person
        for name in ("flags", "utility"):
            seen[name] = people[name][rows]
        covariates = people["covariates"][rows]
        for name in RISK_FACTORS:
            drop = covariates[:, COVARIATES.index(_LOWERED_BY[name])] if name in _LOWERED_BY else 0.0
            seen[name] = covariates[:, COVARIATES.index(name)] - drop
        self._snapshots.append(seen)

    def _person_years(self, begin: int) -> np.ndarray:
        """Return time lived in the year from `begin` by cell, split at birthdays, ``[2, 111, 3]``."""
        people = self._people
        low = np.maximum(people["entry"], begin)
        high = np.minimum(people["exit"], begin + TICKS_PER_YEAR)
        rows = np.flatnonzero(high > low)
        people, low, high = people[rows], low[rows], high[rows]
        birthday = low + TICKS_PER_YEAR - (low - people["birth"]) % TICKS_PER_YEAR
        turn = np.minimum(birthday, high)
        size = int(np.prod(SHAPE))
        lived = np.bincount(_cells(people, low), (turn - low) / TICKS_PER_YEAR, size)
        lived += np.bincount(_cells(people, turn), (high - turn) / TICKS_PER_YEAR, size)
        return lived.reshape(SHAPE)


def _cells(people: np.ndarray, tick: np.ndarray | int) -> np.ndarray:
    """Return the number of each person's cell at a tick."""
    age = np.clip((tick - people["birth"]) // TICKS_PER_YEAR, 0, AGES - 1)
    return np.asarray((people["sex"].astype(np.int64) * AGES + age) * SHAPE[2] + people["education"])


def _names(given: Iterable[str]) -> Iterable[str]:
    """Return names; one name alone stands for itself."""
    return (given,) if isinstance(given, str) else given


def _index(names: Sequence[str], name: str, what: str) -> int:
    if name not in names:
        raise DataError(Problem(f"unknown {what}", found=repr(name), nearest=nearest_name(name, names)))
    return names.index(name)
