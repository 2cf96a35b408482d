"""What a disease folder offers, and the tools with which it is written as tables.

A folder's ``model.py`` has module-level names, read by `paysim.diseases.health` and by the synthesis of people:

``FLAGS``
    Names of the states that it adds to a person.
``CHRONIC``
    Those of them that end a healthy life.
``build(context) -> Built``
    Its transitions, levelled on a cohort, and how it changes mortality.
``stages(params) -> dict``
    Optional: prevalence by state, sex and age, ``[2, 111]``, that incidence and survival imply.
``onset(params) -> Onset``
    Optional: who falls ill, before any level; it also ranks who is ill at the start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from paysim.diseases.ages import FIVE_YEARS, TEN_YEARS, Bands, banded, fit_level, national_weights, smooth_rates
from paysim.diseases.cohort import Cohort, hazards
from paysim.diseases.risk.factors import RiskFactorTables
from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters

F = TypeVar("F", bound=Callable[..., Any])

STEPS_PER_YEAR = 10
MOST_ILL = 0.98
"""Share of inhabitants of an age in all states of a disease together, at the most."""
NEVER = np.full((2, AGES), -np.inf)
SWITCH = ("on", "off")


def once(function: F) -> F:
    """Let a pure function of the parameters be reckoned once for each; callers must not change the result."""
    kept: WeakKeyDictionary[Parameters, dict[tuple[str, ...], Any]] = WeakKeyDictionary()

    @wraps(function)
    def found(params: Parameters, *names: str) -> Any:
        of_these = kept.setdefault(params, {})
        if names not in of_these:
            of_these[names] = function(params, *names)
        return of_these[names]

    return found  # type: ignore[return-value]


def switched_on(params: Parameters, name: str) -> bool:
    """Return whether a parameter that is a switch says ``on``.

    Raises
    ------
    ScenarioError
        If it says neither ``on`` nor ``off``.
    """
    value = params.get_text(name)
    if value not in SWITCH:
        near = nearest_name(value.lower(), SWITCH)
        raise ScenarioError(Problem("unknown value", key=name, found=value, allowed=SWITCH, nearest=near))
    return value == "on"


@dataclass(frozen=True)
class Context:
    """What a disease is built on.

    Attributes
    ----------
    cohort
        The people on whom published rates hold: those at base, weighted to be like those of the nation.
    own
        The people at base as they are, whose treatment and smoking by age stand still.
    tables
        Risk factors by sex and age.
    diseases
        Names of the diseases that are simulated.
    """

    params: Parameters
    cohort: Cohort
    own: Cohort
    tables: RiskFactorTables
    diseases: tuple[str, ...]

    @cached_property
    def persons(self) -> np.ndarray:
        """People of the cohort by sex and age, ``[2, 111]``."""
        return self.cohort.by_age()

    def trend(self, name: str) -> float:
        """Return the yearly change of the log hazard of an incidence, 0 when trends are switched off."""
        change = float(np.log1p(self.params[f"trends.{name}"]))
        return change if switched_on(self.params, "trends.incidence") else 0.0


@dataclass(frozen=True)
class Onset:
    """Who falls ill: published new cases, and what makes them more likely within sex and age.

    Attributes
    ----------
    rates
        New cases per inhabitant a year, ``[2, 111]``.
    slopes, log_hr
        As in `Transition`.
    """

    rates: np.ndarray
    slopes: Mapping[str, np.ndarray | float] = field(default_factory=dict)
    log_hr: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Built:
    """A disease as tables.

    Attributes
    ----------
    transitions
        In a fixed order; rows of kind ``death`` among them have an excess mortality of their own.
    mortality_hr
        Flag -> hazard ratio of death of any cause, against people with none of these flags; it fades with age.
    reference
        What was levelled on, ``[2, 111]`` per inhabitant a year, by name.
    admissions
        Emergency admissions per inhabitant a year ``[2, 111]`` that the published rates or the parameters imply; None
        without any.
    deaths
        Deaths per inhabitant a year ``[2, 111]`` by the rows of `transitions` that the rates imply; None where those of
        the cohort are a better guess. For states that few are in and most die of, chance in who is ill at the start
        would else decide on background mortality for all years to come.
    """

    transitions: tuple[Transition, ...]
    mortality_hr: Mapping[str, float] = field(default_factory=dict)
    reference: Mapping[str, np.ndarray] = field(default_factory=dict)
    admissions: np.ndarray | None = None
    deaths: np.ndarray | None = None


def published(params: Parameters, table: str, column: str = "per_1000") -> tuple[Bands, np.ndarray, np.ndarray]:
    """Return the bands of a table of rates per 1000, the rates per inhabitant, and smoothed ``[2, 111]``."""
    weights = national_weights(params.table("mortality.national_population"))
    bands, per_1000 = banded(params.table(table), column)
    return bands, per_1000 / 1000, smooth_rates(bands, per_1000 / 1000, weights)


def rates_of(params: Parameters, group: str, table: str = "incidence") -> np.ndarray:
    """Return published new cases per inhabitant a year ``[2, 111]``, at the group's level and the country's scale."""
    return published(params, f"{group}.{table}")[2] * params[f"{group}.level"] * params[f"{group}.national_scale"]


def onset_row(context: Context, name: str, flag: str, onset: Onset, **more: Any) -> Transition:
    """Return the transition into a state whose expected cases in the cohort are the published ones.

    Levelled in bands of ten years per sex; people who hold the flag already, or a flag of ``forbidden``, cannot
    enter.
    """
    with np.errstate(divide="ignore"):
        log_hazard = np.log(onset.rates)
    settings: dict[str, Any] = {"kind": "onset", "forbidden": (flag,), "sets": (flag,)} | more
    row = Transition(name=name, log_hazard=log_hazard, slopes=dict(onset.slopes), log_hr=dict(onset.log_hr), **settings)
    return levelled(row, onset.rates, context)


def levelled(row: Transition, rates: np.ndarray, context: Context, bands: Bands = TEN_YEARS) -> Transition:
    """Return the row with a level by sex and age at which it happens `rates` times per inhabitant of the cohort."""
    return levelled_to(row, bands.sums(context.persons * rates), context, bands)


def levelled_to(row: Transition, wanted: np.ndarray, context: Context, bands: Bands) -> Transition:
    """Return the row with a level at which it happens `wanted` times a year in each band of the cohort."""
    amount = context.cohort.by_age(hazards(row, context.cohort))
    return replace(row, log_hazard=row.log_hazard + fit_level(wanted, amount, bands, context.persons))


def constant(value: float) -> np.ndarray:
    """Return the log hazard ``[2, 111]`` of the same rate at every age; never at a rate of zero."""
    return np.full((2, AGES), np.log(value)) if value > 0 else NEVER.copy()


def timer(
    name: str,
    flag: str,
    years: float,
    sets: Sequence[str] = (),
    fresh: Sequence[str] = (),
    loss: np.ndarray | float = 0.0,
) -> Transition:
    """Return the end of a state that lasts a fixed time; see `Transition` for `fresh` and `loss`."""
    return Transition(
        name=name,
        kind="timer",
        log_hazard=np.zeros((2, AGES)),
        required=(flag,),
        clears=(flag,),
        sets=tuple(sets),
        delay_years=years,
        loss=loss,
        fresh=tuple(fresh),
        source="definition",
    )


def excess_death(name: str, flag: str, excess: np.ndarray, source: str, **more: Any) -> Transition:
    """Return deaths in a state beyond the person's background mortality, `excess` per person-year ``[2, 111]``."""
    with np.errstate(divide="ignore"):
        return Transition(name=name, kind="death", log_hazard=np.log(excess), required=(flag,), source=source, **more)


def passing(years: float, hazard: np.ndarray | float) -> np.ndarray:
    """Return the rate per person-year that stands for the end of a state after a fixed time, in `stationary`.

    With ``h / (exp(h T) - 1)`` as many live to the end, ``exp(-h T)``, and for as long in the mean,
    ``(1 - exp(-h T)) / h``, as under a hazard h of leaving the state otherwise until the time T.
    """
    h = np.asarray(hazard, float)
    return np.asarray(np.divide(h, np.expm1(h * years), out=np.full(h.shape, 1 / years), where=h > 1e-9))


def stationary(
    life: np.ndarray,
    entry: Mapping[str, np.ndarray],
    moves: Sequence[tuple[str, str | None, np.ndarray | float]] = (),
    hr: Mapping[str, np.ndarray | float] | None = None,
    excess: Mapping[str, np.ndarray | float] | None = None,
) -> dict[str, np.ndarray]:
    """Return the share of inhabitants in each state by sex and age in a population whose rates never changed.

    Along age, with ``p_k`` the share in state k, ``e_k`` its excess mortality and ``m`` the mean excess::

        dp_k/da = entry_k + moves into k - moves out of k - p_k (e_k - m),   m = sum_k p_k e_k

    Parameters
    ----------
    life
        Hazard of death of all inhabitants per year, ``[2, 111]``.
    entry
        State -> new cases per inhabitant a year, ``[2, 111]``.
    moves
        (from, to or None, rate per person-year in the state).
    hr
        State -> hazard ratio of death against people in none of the states.
    excess
        State -> further deaths per person-year.

    Returns
    -------
    dict
        State -> ``[2, 111]``, means over each completed age; by the midpoint rule in steps of a tenth of a year. A
        person is in one state at most, so shares add up to less than one.
    """
    hr, excess = hr or {}, excess or {}
    states = list(dict.fromkeys([*entry, *(to for _, to, _ in moves if to), *(each for each, _, _ in moves)]))

    def by_state(values: Mapping[str, np.ndarray | float], default: float) -> np.ndarray:
        """Stack values by state as ``[111, states, 2]``."""
        full = [np.broadcast_to(np.asarray(values.get(name, default), float), (2, AGES)) for name in states]
        return np.ascontiguousarray(np.stack(full).transpose(2, 0, 1))

    come, ratio, extra = by_state(entry, 0.0), by_state(hr, 1.0) - 1.0, by_state(excess, 0.0)
    flow = np.zeros((AGES, len(states), len(states), 2))  # from column to row
    for a, b, rate in moves:
        by_age = np.broadcast_to(np.asarray(rate, float), (2, AGES)).T
        flow[:, states.index(a), states.index(a)] -= by_age
        if b is not None:
            flow[:, states.index(b), states.index(a)] += by_age
    result = np.zeros((len(states), 2, AGES))
    from paysim.kernel.shares import shares_along_age  # here, so that a scenario is checked without a compiler

    shares_along_age(np.ascontiguousarray(life, float), come, ratio, extra, flow, STEPS_PER_YEAR, MOST_ILL, result)
    return dict(zip(states, result, strict=True))


def implied_incidence(life: np.ndarray, prevalence: np.ndarray, hr: np.ndarray | float) -> np.ndarray:
    """Return the new cases per inhabitant a year ``[2, 111]`` that keep a prevalence by age as it is; 0 at least.

    `stationary` the other way round, for one state that nobody leaves alive: ``dp/da + p (1 - p) (hr - 1) m``, with
    ``m`` the mortality of people without.

    Parameters
    ----------
    life
        Hazard of death of all inhabitants per year, ``[2, 111]``.
    prevalence
        Share of inhabitants, ``[2, 111]``.
    hr
        Hazard ratio of death.
    """
    gap = (np.asarray(hr) - 1.0) * life / (1.0 + prevalence * (np.asarray(hr) - 1.0))
    return np.asarray(np.maximum(np.gradient(prevalence, axis=1) + prevalence * (1.0 - prevalence) * gap, 0.0))


def fatal_share(row: Transition, cohort: Cohort) -> np.ndarray:
    """Return the chance that a transition kills, before or in care, ``[n]``: 1 of a death, 0 unless it is an event."""
    if row.kind == "death":
        return np.ones(len(cohort))
    if row.kind != "event":
        return np.zeros(len(cohort))
    before, inside = cohort.at(row.dies_before_care), cohort.at(row.dies_in_care)
    return np.asarray(before + (1 - before) * inside)


def death_hazards(row: Transition, cohort: Cohort) -> np.ndarray:
    """Return every person's hazard of dying by a transition, per person-year, ``[n]``."""
    return np.asarray(hazards(row, cohort) * fatal_share(row, cohort))


def expected_deaths(row: Transition, cohort: Cohort) -> np.ndarray:
    """Return expected deaths a year by sex and age ``[2, 111]`` in an event or by a death row."""
    return cohort.by_age(death_hazards(row, cohort))


def admissions(rows: Sequence[Transition], cohort: Cohort) -> np.ndarray:
    """Return expected admissions a year of the rows of kind ``event``, by sex and age, ``[2, 111]``."""
    total = np.zeros((2, AGES))
    for row in rows:
        if row.kind == "event" and row.service is not None:
            total += cohort.by_age(hazards(row, cohort) * (1 - cohort.at(row.dies_before_care)))
    return total


__all__ = [
    "FIVE_YEARS",
    "Built",
    "Context",
    "Onset",
    "admissions",
    "constant",
    "death_hazards",
    "excess_death",
    "expected_deaths",
    "fatal_share",
    "implied_incidence",
    "levelled",
    "levelled_to",
    "once",
    "onset_row",
    "passing",
    "published",
    "rates_of",
    "stationary",
    "switched_on",
    "timer",
]
