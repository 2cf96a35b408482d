"""The people a model is levelled on: traits, risk factors and flags at base; and their hazards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from paysim.errors import ModelError
from paysim.kernel import streams
from paysim.kernel.spec import AGES, COVARIATES, Transition
from paysim.kernel.tables import stream_key


@dataclass(frozen=True)
class Cohort:
    """People alive at base, as columns.

    Attributes
    ----------
    sex, age, education, deprived
        ``[n]`` integers: 0 man and 1 woman, completed years, 0 low to 2 high, 0 or 1.
    covariates
        ``[n, C]`` in the order of `paysim.kernel.spec.COVARIATES`, at base treatment.
    flags
        Flag -> ``[n]`` booleans; the flags with which these people start. Absent flags are nobody's.
    weight
        ``[n]`` with which each person counts in sums; None if everybody counts once.
    """

    sex: np.ndarray
    age: np.ndarray
    covariates: np.ndarray
    flags: Mapping[str, np.ndarray]
    deprived: np.ndarray
    education: np.ndarray
    weight: np.ndarray | None = None

    def __len__(self) -> int:
        return int(self.sex.size)

    def has(self, flag: str) -> np.ndarray:
        """Return who holds a flag, ``[n]`` booleans."""
        found = self.flags.get(flag)
        return np.zeros(len(self), bool) if found is None else found

    def any_of(self, flags: Sequence[str]) -> np.ndarray:
        """Return who holds at least one of the flags."""
        held = np.zeros(len(self), bool)
        for flag in flags:
            held |= self.has(flag)
        return held

    def by_age(self, amount: np.ndarray | float = 1.0) -> np.ndarray:
        """Add up an amount per person by sex and single age, ``[2, 111]``."""
        each = np.broadcast_to(np.asarray(amount, float), (len(self),))
        each = each if self.weight is None else each * self.weight
        cell = self.sex.astype(np.int64) * AGES + self.age
        return np.bincount(cell, each, minlength=2 * AGES).reshape(2, AGES)

    def total(self, amount: np.ndarray) -> float:
        """Add up an amount per person ``[n]``."""
        return float(amount.sum() if self.weight is None else (amount * self.weight).sum())

    def at(self, table: np.ndarray | float) -> np.ndarray:
        """Look up a table ``[2, 111]`` for every person."""
        return np.asarray(np.broadcast_to(np.asarray(table, float), (2, AGES))[self.sex, self.age])


def can_happen(transition: Transition, cohort: Cohort) -> np.ndarray:
    """Return for whom the flags allow a transition, ``[n]`` booleans."""
    allowed = np.ones(len(cohort), bool)
    for flag in transition.required:
        allowed &= cohort.has(flag)
    for flag in transition.forbidden:
        allowed &= ~cohort.has(flag)
    return allowed & cohort.any_of(transition.required_any) if transition.required_any else allowed


def log_relative_hazard(transition: Transition, cohort: Cohort, without: Sequence[str] = ()) -> np.ndarray:
    """Return slopes times covariates plus log hazard ratios of the flags held, ``[n]``.

    `without` names flags whose hazard ratio is left out.
    """
    value = np.zeros(len(cohort))
    for name, slope in transition.slopes.items():
        value += cohort.at(slope) * cohort.covariates[:, COVARIATES.index(name)]
    fade = np.broadcast_to(np.asarray(transition.fade, float), (AGES,))[cohort.age]
    for flag, log_hr in transition.log_hr.items():
        if flag not in without:
            held = cohort.has(flag)
            value[held] += log_hr * fade[held] if flag in transition.fading else log_hr
    return value


def hazards(transition: Transition, cohort: Cohort) -> np.ndarray:
    """Return every person's hazard of a transition now, per person-year, ``[n]``; timers have none.

    Practice levers are at one.
    """
    if transition.kind == "timer":
        return np.zeros(len(cohort))
    value = np.exp(cohort.at(transition.log_hazard) + log_relative_hazard(transition, cohort))
    return np.where(can_happen(transition, cohort), value, 0.0)


def keyed_share(people: Any, share: np.ndarray, choice: str) -> np.ndarray:
    """Choose each person with probability `share`, keyed by (seed, person, name of the choice)."""
    keys = streams.person_keys(streams.run_key(int(people.seed), 0), np.asarray(people.person))
    return streams.uniforms(keys, int(stream_key(choice))) < share


def check_length(people: Any, columns: Sequence[str]) -> int:
    """Return the number of people; every column must have it.

    Raises
    ------
    ModelError
        If a column is missing or has another length.
    """
    n = int(np.asarray(people.person).size)
    for name in columns:
        column = getattr(people, name, None)
        if column is None or np.asarray(column).shape != (n,):
            raise ModelError(f"population column {name!r} is missing or does not have {n} rows")
    return n
