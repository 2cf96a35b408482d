"""Two arms of the same people: who is taken, what they get, and who has which event when.

Only health is simulated: deaths, events, onsets and the clocks of states. Nobody starts or stops a treatment, needs
care, moves or gives birth, so the arms differ by the trial's treatment alone. Both have the same keys: whoever is not
touched by the treatment has the same life in both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from paysim.analysis.trials.design import FACTORS, Trial
from paysim.engine.compiled import CompiledPractices
from paysim.engine.model import Model
from paysim.engine.start import copy_traits
from paysim.errors import DataError, Problem
from paysim.kernel import streams
from paysim.kernel.advance import change_all, enter_all
from paysim.kernel.records import (
    DIED,
    DIED_BEFORE_CARE,
    FIRST_TRANSITION,
    NEVER,
    PERSON,
    PRACTICE,
    TICKS_PER_YEAR,
    State,
)
from paysim.kernel.spec import COVARIATES

HEALTH = ("death", "event", "onset", "timer")
"""Kinds of processes that take place in a trial."""

Seen = np.ndarray
"""Of an arm, ``[2, n]``: whether a person had the event (0 or 1), and years until it, death or the end."""

_LIST = 30_000
_LDL, _SBP = COVARIATES.index("ldl_drop"), COVARIATES.index("sbp_drop")
_DROPS = (("ldl_base", _LDL), ("sbp_base", _SBP))


@dataclass(frozen=True)
class Followed:
    """An arm at its end.

    Attributes
    ----------
    people
        ``[n]`` rows; the column ``id`` is the inhabitant's index in the population, in increasing order.
    log
        Event log of the trial.
    end
        Tick at which follow-up ends.
    """

    people: np.ndarray
    log: np.ndarray
    end: int

    def first_event(self, numbers: Iterable[int]) -> Seen:
        """Return who had an event of one of the processes, and years lived until it, death or the end."""
        return self._first(np.isin(self.log["process"], list(numbers)))

    def death(self, numbers: Iterable[int] | None = None) -> Seen:
        """Return who died, of the processes `numbers` (None: of any), and years lived until death or the end."""
        dead = np.isin(self.log["outcome"], (DIED, DIED_BEFORE_CARE))
        return self._first(dead if numbers is None else dead & np.isin(self.log["process"], list(numbers)))

    def _first(self, chosen: np.ndarray) -> Seen:
        gone = np.minimum(self.people["death"], self.end)
        when = np.full(len(self.people), NEVER)
        np.minimum.at(when, np.searchsorted(self.people["id"], self.log["person"][chosen]), self.log["tick"][chosen])
        return np.stack([when < NEVER, np.minimum(when, gone) / TICKS_PER_YEAR])


def health_tables(model: Model) -> np.ndarray:
    """Return the engine's tables of a model in which only processes of the kinds `HEALTH` happen."""
    tables = model.tables.copy()
    for number, row in enumerate(model.transitions, start=FIRST_TRANSITION):
        if row.kind not in HEALTH:
            tables["log_hazard"][0, number] = -np.inf
    return tables


def participants(model: Model, tables: np.ndarray, trial: Trial, replicate: int) -> State:
    """Return everybody whom the trial would take, off its drugs, at tick 0.

    Risk factors are judged as they are without the drugs that the trial takes away.

    Raises
    ------
    DataError
        If it would take nobody.
    """
    cohort = model.cohort
    wanted = (cohort.age >= trial.ages[0]) & (cohort.age <= trial.ages[1]) & ~cohort.any_of(trial.none_of)
    if trial.any_of:
        wanted &= cohort.any_of(trial.any_of)
    state = _enter(model, tables, np.flatnonzero(wanted), replicate)
    change_all(state.people, state.calendar, state.practices, tables, 0, _mask(model, trial.off), 0)
    keep = np.ones(len(state.people), bool)
    for name, (low, high) in trial.between.items():
        value = factor(state.people, name)
        keep &= (value >= low) & (value < high)
    if not keep.any():
        raise DataError(Problem("the population has nobody whom the trial would take", key=trial.name))
    return _lists(state.people[keep], state.calendar[keep])


def factor(people: np.ndarray, name: str) -> np.ndarray:
    """Return a risk factor of people as treated now, ``[n]``: one of `FACTORS`."""
    assert name in FACTORS
    value = people["covariates"][:, COVARIATES.index(name)]
    drop = {"sbp": _SBP, "tc": _LDL}.get(name)
    return np.asarray(value if drop is None else value - people["covariates"][:, drop])


def treated(model: Model, tables: np.ndarray, trial: Trial, control: State) -> State:
    """Return the same people on the trial's treatment: its flags, and just its fall of LDL and blood pressure."""
    arm = control.copy()
    people = arm.people
    change_all(people, arm.calendar, arm.practices, tables, _mask(model, trial.on), 0, 0)
    for (base, column), fall in zip(_DROPS, (trial.ldl, trial.sbp), strict=True):
        # The base is what a person's treatment effects count from: it takes up what the flags do not give.
        people[base] += people["covariates"][:, column] - control.people["covariates"][:, column] - fall
    change_all(people, arm.calendar, arm.practices, tables, 0, 0, 0)
    return arm


def differences(control: np.ndarray, arm: np.ndarray) -> tuple[float, float]:
    """Return by how much lower LDL (mmol/L) and systolic pressure (mmHg) are in the treated arm, on average."""
    found = [float((arm["covariates"][:, k] - control["covariates"][:, k]).mean()) for k in (_LDL, _SBP)]
    return found[0], found[1]


def follow(state: State, tables: np.ndarray, years: float) -> Followed:
    """Simulate an arm, changing it in place."""
    batches: list[np.ndarray] = []
    end = round(years * TICKS_PER_YEAR)
    CompiledPractices(state, tables, batches.append).advance(end)
    return Followed(state.people, np.concatenate(batches), end)


def _mask(model: Model, flags: Iterable[str]) -> int:
    return sum(model.flag_bit[name] for name in dict.fromkeys(flags))


def _enter(model: Model, tables: np.ndarray, who: np.ndarray, replicate: int) -> State:
    """Return some inhabitants as they start a run, keyed as in every run of this seed and replicate."""
    people = np.zeros(len(who), PERSON)
    people["death"] = NEVER
    people["id"] = who
    key = streams.run_key(model.scenario.seed, replicate)
    people["key"] = streams.person_keys(key, model.population.person[who])
    copy_traits(model, people, np.arange(len(who)), who, 0)
    state = _lists(people, np.zeros(len(who), np.int64))
    enter_all(state.people, state.calendar, state.practices, tables, 0)
    return state


def _lists(people: np.ndarray, calendar: np.ndarray) -> State:
    """Put people on lists as long as the calendar takes; they mean nothing else here."""
    people["practice"] = np.arange(len(people)) // _LIST
    used = np.bincount(people["practice"]) if len(people) else np.zeros(1, np.int64)
    practices = np.zeros(len(used), PRACTICE)
    practices["used"] = practices["room"] = used
    practices["first"] = np.concatenate([[0], np.cumsum(used)[:-1]])
    practices["activity_levers"] = practices["health_levers"] = 1.0
    return State(people, calendar, practices)
