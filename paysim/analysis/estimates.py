"""What an observation says about a target: the value in the target's unit, and its Monte Carlo standard error.

Rates, prevalences and means are standardised directly: five-year cells of each sex, weighted by the population of which
the published value speaks, so that a region is compared with its nation at the nation's ages. Rates are over all years
observed, shares and means over all turns of the year. Standard errors are those of Poisson counts (rates, after Chiang
for life tables), of binomial shares and of means (of the people of one turn of the year: they are the same each time);
of survival, Greenwood's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from paysim.analysis.observation import ADMISSIONS, FATAL, REACHED_CARE, Observation
from paysim.analysis.recurrences import counted, predicted
from paysim.analysis.targets import MEASURES, Target, standard_population, years_of_life
from paysim.kernel.records import TICKS_PER_DAY, TICKS_PER_YEAR
from paysim.kernel.spec import AGES

HORIZONS = {"30_days": 30 * TICKS_PER_DAY, "1_year": TICKS_PER_YEAR, "5_years": 5 * TICKS_PER_YEAR}
"""Times of follow-up in ticks; a model year has 364 days."""

DECADE = 10 * TICKS_PER_YEAR
_CELLS = np.minimum(np.arange(AGES) // 5, 20)  # five years of age, 100 and over together
_SCALE = {"per_1000": 1e3, "per_100000": 1e5, "percent": 100.0}
_FEWEST_LAST = 10


class Estimate(NamedTuple):
    """A simulated value.

    Attributes
    ----------
    value, error
        In the target's unit; nan where the run cannot tell.
    observed
        The published value, for tables at the simulated ages.
    cases
        Events or people that the published value lets one expect among those simulated; inf for means.
    repeats
        Whether replicates add chance of their own: people at a turn of the year are the same in all.
    """

    value: float
    error: float
    observed: float
    cases: float
    repeats: bool = True


@dataclass(frozen=True)
class _Cells:
    """Amounts by sex and five-year cell ``[2, 21]``, and the weights of the cells that hold anybody."""

    exposure: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, target: Target, exposure: np.ndarray) -> _Cells:
        inside = exposure * target.cells
        found = _sum(inside)
        weights = found if target.weights is None else _sum(target.weights)
        return cls(found, np.where(found > 0.0, weights, 0.0))

    def mean(self, amount: np.ndarray) -> float:
        """Return the weighted mean of amount per exposure."""
        return float((self.weight * _divide(amount, self.exposure)).sum() / self.weight.sum())

    def error(self, variance_of_amount: np.ndarray) -> float:
        """Return the standard error of `mean`."""
        each = self.weight**2 * _divide(variance_of_amount, self.exposure**2)
        return float(np.sqrt(each.sum()) / self.weight.sum())


def estimate(target: Target, seen: Observation) -> Estimate:
    """Return what an observation says about a target, in the target's unit.

    Raises
    ------
    DataError
        The model has not got one of its processes or flags.
    """
    return _ESTIMATORS[target.measure](target, seen)


def _sum(by_age: np.ndarray) -> np.ndarray:
    """Add up ``[2, 111]`` to five-year cells ``[2, 21]``."""
    return np.stack([np.bincount(_CELLS, row, 21) for row in by_age])


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(a, b, out=np.zeros_like(np.asarray(a, float)), where=b > 0))


def scale_of(target: Target) -> float:
    """Return what turns a share, or a rate per person-year, into the target's unit; counts are those of its area."""
    if target.unit == "count":
        return float((standard_population(target.area) * target.cells).sum())
    return _SCALE.get(target.unit, 1.0)


def _published(target: Target, cells: _Cells, exposure: np.ndarray) -> float:
    """Return the published value in the target's unit; of a table, at the simulated ages."""
    if target.by_age is None:
        return _value(target)
    return cells.mean(_sum(target.by_age * exposure * target.cells)) * scale_of(target)


def _value(target: Target) -> float:
    return float("nan") if target.value is None else target.value


def _rate(target: Target, seen: Observation, outcomes: tuple[int, ...] | None) -> Estimate:
    key = ("events", target.what, outcomes)
    events = seen.once(key, lambda: seen.events(target.what, outcomes).sum(axis=(0, 3))) * target.cells
    lived = seen.person_years.sum(axis=(0, 3))
    cells, counts, scale = _Cells.of(target, lived), _sum(events), scale_of(target)
    if not cells.weight.any():
        return _unknown(target)
    observed = _published(target, cells, lived)
    expected = observed / scale * cells.exposure.sum()
    return Estimate(cells.mean(counts) * scale, cells.error(counts) * scale, observed, expected)


def _unknown(target: Target) -> Estimate:
    return Estimate(float("nan"), float("nan"), _value(target), 0.0)


def _persons(seen: Observation) -> np.ndarray:
    """Return people by sex and age, mean over the turns of the year, ``[2, 111]``."""
    return _turns(seen, "persons", lambda _: None)


def _turns(seen: Observation, key: Hashable, weight: Callable[[int], np.ndarray | None]) -> np.ndarray:
    """Return a weight per person added up by sex and age, mean over the turns of the year, ``[2, 111]``."""
    turns = range(seen.years + 1)
    return seen.once(("turns", key), lambda: np.mean([seen.count(k, weight(k)) for k in turns], axis=0).sum(axis=2))


def _share(target: Target, seen: Observation, who: Callable[[int], np.ndarray]) -> Estimate:
    """Estimate a share of everybody; `who` tells at a turn of the year whom it counts."""
    persons, have = _persons(seen), _turns(seen, (target.measure, target.what), who)
    cells, scale = _Cells.of(target, persons), scale_of(target)
    if not cells.weight.any():
        return _unknown(target)
    counts = _sum(have * target.cells)
    variance = counts * (1.0 - _divide(counts, cells.exposure))
    observed = _published(target, cells, persons)
    expected = observed / scale * cells.exposure.sum()
    return Estimate(cells.mean(counts) * scale, cells.error(variance) * scale, observed, expected, False)


def _mean(target: Target, seen: Observation, column: str) -> Estimate:
    persons = _persons(seen)
    first = _turns(seen, column, lambda k: seen.snapshots[k][column].astype(float))
    second = _turns(seen, (column, 2), lambda k: seen.snapshots[k][column].astype(float) ** 2)
    cells, scale = _Cells.of(target, persons), scale_of(target)
    if not cells.weight.any():
        return _unknown(target)
    total, squares = _sum(first * target.cells), _sum(second * target.cells)
    variance = np.maximum(squares - _divide(total**2, cells.exposure), 0.0)
    observed = _published(target, cells, persons)
    return Estimate(cells.mean(total) * scale, cells.error(variance) * scale, observed, np.inf, False)


def _prevalence(target: Target, seen: Observation) -> Estimate:
    return _share(target, seen, lambda k: seen.holds(k, target.what))


def _multimorbidity(target: Target, seen: Observation) -> Estimate:
    def several(k: int) -> np.ndarray:
        return np.asarray(sum(seen.holds(k, [flag]).astype(int) for flag in target.what) >= 2)

    return _share(target, seen, several)


def _share_at_or_above(target: Target, seen: Observation) -> Estimate:
    name, limit = target.what[0].split(">=")
    return _share(target, seen, lambda k: seen.snapshots[k][name] >= float(limit))


def _coverage(target: Target, seen: Observation) -> Estimate:
    """Estimate the share of the holders of some flags who hold others; holders count as they are, unweighted."""

    def both(k: int) -> np.ndarray:
        return np.asarray(seen.holds(k, target.among) & seen.holds(k, target.what))

    scale = scale_of(target)
    among = _turns(seen, ("prevalence", target.among), lambda k: seen.holds(k, target.among)) * target.cells
    n = float(among.sum())
    if n == 0.0:
        return _unknown(target)
    share = float((_turns(seen, ("coverage", target.what, target.among), both) * target.cells).sum()) / n
    expected = _value(target) / scale * n
    return Estimate(share * scale, float(np.sqrt(share * (1 - share) / n)) * scale, _value(target), expected, False)


def kaplan_meier(time: np.ndarray, event: np.ndarray, until: float) -> tuple[float, float]:
    """Return survival to `until` (Kaplan and Meier 1958) and its standard error (Greenwood 1926).

    Parameters
    ----------
    time
        ``[n]`` time to the event or to the end of follow-up.
    event
        ``[n]`` whether the event happened at `time`.

    Returns
    -------
    survival, error
        Of which nan when nobody is followed as long as `until` though some survive.
    """
    order = np.argsort(time, kind="stable")
    time, event = np.asarray(time)[order], np.asarray(event, bool)[order]
    when, deaths = np.unique(time[event & (time <= until)], return_counts=True)
    at_risk = len(time) - np.searchsorted(time, when, side="left")
    left = at_risk - deaths
    survival = float(np.prod(left / at_risk)) if len(when) else 1.0
    if not len(time) or (survival > 0.0 and time[-1] < until):
        return float("nan"), float("nan")
    terms = _divide(deaths.astype(float), at_risk * left.astype(float))
    return survival, survival * float(np.sqrt(terms.sum()))


def _followed(target: Target, seen: Observation) -> Estimate:
    """Estimate survival, or case fatality, after the first event of a person in the run that reached care."""
    key = ("follow-up", target.what)
    first, time, died = seen.once(key, lambda: seen.follow_up(target.what, REACHED_CARE))
    people = seen.people[first["person"]]
    age = np.minimum((first["tick"] - people["birth"]) // TICKS_PER_YEAR, AGES - 1)
    inside = np.isin(people["sex"], target.sexes) & (age >= target.age_from) & (age <= target.age_to)
    kind, horizon = ("survival", "case_fatality")[target.measure.startswith("case")], target.measure
    until, scale = HORIZONS[horizon.removeprefix(f"{kind}_")], scale_of(target)
    survival, error = kaplan_meier(time[inside], died[inside], until)
    value = survival if kind == "survival" else 1.0 - survival
    if target.by_age is None:
        observed = _value(target)
    else:
        at_event = target.by_age[people["sex"][inside], age[inside]]
        observed = float((at_event if len(at_event) else target.by_age[target.cells]).mean()) * scale
    deaths = observed / scale if kind == "case_fatality" else 1.0 - observed / scale
    return Estimate(value * scale, error * scale, observed, deaths * float(inside.sum()))


def _risk_10_years(target: Target, seen: Observation) -> Estimate:
    """Estimate the ten-year risk of a first event among holders of flags at the start; other deaths censor.

    Over fewer years observed the hazard is taken to go on unchanged.
    """
    held = seen.snapshots[0]["person"][seen.holds(0, target.among)]
    age = (seen.start - seen.people["birth"][held]) // TICKS_PER_YEAR
    fit = np.isin(seen.people["sex"][held], target.sexes) & (age >= target.age_from) & (age <= target.age_to)
    held = held[fit]
    when = np.full(len(seen.people), seen.end)
    log = seen.entries(target.what)
    np.minimum.at(when, log["person"], log["tick"])
    happened = when[held] < seen.end
    time = np.minimum(when, np.minimum(seen.people["exit"], seen.end))[held] - seen.start
    until = min(DECADE, seen.end - seen.start)
    survival, error = kaplan_meier(time, happened, until)
    power, scale = DECADE / until, scale_of(target)
    expected = _value(target) / scale * len(held) / power
    slope = power * survival ** (power - 1.0)
    return Estimate((1.0 - survival**power) * scale, slope * error * scale, _value(target), expected)


def _smart2_risk(target: Target, seen: Observation) -> Estimate:
    """Estimate the risk of recurrence over the years observed; published is SMART2 at the same people."""
    person = seen.snapshots[0]["person"]
    age = (seen.start - seen.people["birth"][person]) // TICKS_PER_YEAR
    fit = np.isin(seen.people["sex"][person], target.sexes) & (age >= target.age_from) & (age <= target.age_to)
    rows = np.flatnonzero(seen.holds(0, target.among) & fit)
    if not len(rows):
        return _unknown(target)
    published, scale = float(predicted(seen, rows).mean()), scale_of(target)
    value, error = counted(seen, rows, target.what)
    return Estimate(value * scale, error * scale, published * scale, published * len(rows))


def _life_table(seen: Observation, target: Target, education: int | None = None) -> tuple[float, float, float]:
    """Return life expectancy at `age_from`, its standard error (Chiang 1968) and the deaths it rests on."""
    part = (slice(None), list(target.sexes), slice(target.age_from, AGES))
    dead, lived = seen.deaths()[part].sum(axis=(0, 1)), seen.person_years[part].sum(axis=(0, 1))
    dead, lived = (x.sum(axis=1) if education is None else x[:, education] for x in (dead, lived))
    older = np.cumsum(dead[::-1])[::-1]
    enough = np.flatnonzero(older >= _FEWEST_LAST)
    if not len(enough):
        return float("nan"), float("nan"), float(dead.sum())
    last = min(int(enough.max()), max(100 - target.age_from, 1))
    dead = np.append(dead[:last], dead[last:].sum()).astype(float)
    lived = np.append(lived[:last], lived[last:].sum())
    hazard = _divide(dead, lived)
    alive = np.exp(-np.concatenate([[0.0], np.cumsum(hazard[:-1])]))
    later = np.array([years_of_life(hazard[k:]) for k in range(len(hazard))])
    # A death more at age x costs those alive then half a year and what was left to them after it.
    loss = alive[:-1] * (0.5 + later[1:])
    open_loss = alive[-1] / hazard[-1] ** 2
    variance = _divide(dead, lived**2)
    error = np.sqrt((loss**2 * variance[:-1]).sum() + open_loss**2 * variance[-1])
    return float(later[0]), float(error), float(dead.sum())


def _life_expectancy(target: Target, seen: Observation) -> Estimate:
    value, error, dead = _life_table(seen, target)
    return Estimate(value, error, _value(target), dead)


def _gap(target: Target, seen: Observation) -> Estimate:
    low, high = (_life_table(seen, target, level) for level in (0, 2))
    return Estimate(high[0] - low[0], float(np.hypot(high[1], low[1])), _value(target), min(low[2], high[2]))


def _mean_age_at_death(target: Target, seen: Observation) -> Estimate:
    """Estimate the mean age at death, standardised: rates of single ages times the standard population."""
    dead = seen.deaths().sum(axis=(0, 3)) * target.cells
    lived = seen.person_years.sum(axis=(0, 3))
    expected = (lived if target.weights is None else target.weights) * _divide(dead.astype(float), lived)
    if not dead.any():
        return _unknown(target)
    ages = np.arange(AGES) + 0.5
    mean = float((expected * ages).sum() / expected.sum())
    spread = (expected * (ages - mean) ** 2).sum() / expected.sum()
    return Estimate(mean, float(np.sqrt(spread / dead.sum())), _value(target), float(dead.sum()))


_ESTIMATORS: Mapping[str, Callable[[Target, Observation], Estimate]] = {
    "incidence": lambda target, seen: _rate(target, seen, None),
    "admissions": lambda target, seen: _rate(target, seen, ADMISSIONS),
    "deaths": lambda target, seen: _rate(target, seen, FATAL),
    "prevalence": _prevalence,
    "multimorbidity": _multimorbidity,
    "coverage": _coverage,
    **{f"{kind}_{time}": _followed for kind in ("survival", "case_fatality") for time in HORIZONS},
    "risk_10_years": _risk_10_years,
    "smart2_risk": _smart2_risk,
    "life_expectancy": _life_expectancy,
    "life_expectancy_gap_education": _gap,
    "mean_age_at_death": _mean_age_at_death,
    "mean_risk_factor": lambda target, seen: _mean(target, seen, target.what[0]),
    "share_at_or_above": _share_at_or_above,
    "utility": lambda target, seen: _mean(target, seen, "utility"),
}


def names_needed(target: Target) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the processes and flags that a target needs the model to have."""
    kind = MEASURES[target.measure].names
    processes = target.what if "process" in kind else ()
    flags = (*(target.what if kind == "flag" else ()), *target.among)
    return processes, flags
