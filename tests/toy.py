"""Small models that tests share: a toy of a few transitions, and the real model on a few hundred people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import simpy

from paysim.engine.compiled import CompiledPractices
from paysim.engine.model import Model, build_model
from paysim.engine.reference import ReferencePractices
from paysim.kernel import records as rec
from paysim.kernel import streams
from paysim.kernel.advance import enter_all
from paysim.kernel.records import NEVER, State
from paysim.kernel.spec import AGES, Transition
from paysim.kernel.tables import CONTACT_SERVICES, Access, compile_tables
from paysim.population import COLUMNS, Population, load_region, synthesize
from paysim.scenario import Scenario, load_scenario

SERVICES = (*dict.fromkeys(CONTACT_SERVICES), "ooh_contact", "ed_visit", "admission_mi", "admission_other")
MINUTE = rec.TICKS_PER_DAY // (24 * 60)
HOUR = 60 * MINUTE
MINUTES = {"gp_phone": 5.0, "gp_consult": 10.0, "gp_long": 20.0, "gp_visit": 25.0}


def flat(per_year: float | np.ndarray) -> np.ndarray:
    """Return the log hazard [2, 111] of a rate by completed age or of one rate."""
    with np.errstate(divide="ignore"):
        return np.broadcast_to(np.log(np.asarray(per_year, float)), (2, AGES)).copy()


def access(**changes: Any) -> Access:
    """Return terms of access: one contact of ten minutes, endless patience, always open, no referrals."""
    nothing = np.zeros(AGES)
    terms: dict[str, Any] = {
        "contact_mix": np.tile([0.0, 1.0, 0.0, 0.0, 0.0], (2, AGES, 1)),
        "contact_minutes": {name: MINUTES.get(name, 10.0) for name in CONTACT_SERVICES},
        "urgent_share": nothing,
        "delegable_share": nothing,
        "referral_probability": nothing,
        "nurse_referral_multiplier": 1.0,
        "ed_referral_probability": 0.0,
        "base_delegation": 0.0,
        "chronic_nurse_share": 0.0,
        "patience_days": [1e9] * 4,
        "horizon_days": [1e9] * 4,
        "elsewhere": np.zeros((4, 4)),
        "later_days": 1.0,
        "weekdays": 7,
    }
    return Access(**{**terms, **changes})


def impatient(**changes: Any) -> Access:
    """Return terms of access under which everything happens that can happen in a busy practice."""
    return access(
        **{
            "contact_mix": np.tile([0.25, 0.4, 0.2, 0.1, 0.05], (2, AGES, 1)),
            "mental_share": np.full(AGES, 0.3),
            "missed_share": [0.2, 0.1, 0.05],
            "own_gp_days": 2.0,
            "urgent_share": np.full(AGES, 0.15),
            "delegable_share": np.full(AGES, 0.5),
            "referral_probability": np.full(AGES, 0.08),
            "nurse_referral_multiplier": 0.5,
            "ed_referral_probability": 0.05,
            "base_delegation": 0.4,
            "chronic_nurse_share": 0.8,
            "patience_days": [3.0, 0.5, 6.0, 9.0],
            "horizon_days": [10.0, 3.0, 20.0, 30.0],
            "elsewhere": np.tile([0.3, 0.2, 0.2, 0.3], (4, 1)),
            "later_days": 4.0,
            "weekdays": 5,
            **changes,
        }
    )


def running_rates(people: np.ndarray) -> np.ndarray:
    """Return the hazards at which clocks run ``[n, R]``; 0 where they stand still."""
    return np.where(people["due"] != NEVER, people["clock"], 0.0)


def toy_tables(
    transitions: Sequence[Transition],
    flags: Sequence[str] = (),
    terms: Access | None = None,
    *,
    utility: float = 1.0,
    decrements: Mapping[str, float] | None = None,
    treatment_effects: Mapping[str, tuple[float, float]] | None = None,
) -> np.ndarray:
    """Return the engine's tables of a toy model whose risk factors do not change."""
    return compile_tables(
        transitions,
        flags,
        SERVICES,
        terms or access(),
        risk_mean=np.zeros((2, AGES, 4)),
        risk_sd=np.ones((2, AGES, 4)),
        treatment_effects=treatment_effects or {},
        base_utility=np.full((2, AGES), utility),
        decrements=decrements or {},
        untreated_ldl=3.3,
    )


def toy_state(
    people: int,
    practices: int = 1,
    *,
    seed: int = 1,
    ages: np.ndarray | float = 40.0,
    flags: np.ndarray | int = 0,
    room: int = 0,
    start: int = 0,
    servers: Sequence[int] = (1, 1, 1, 1),
    hours: tuple[float, float] = (0.0, 24.0),
    stretch: float = 1.0,
) -> State:
    """Return practices with `people` each at tick `start`, clocks not yet wound up."""
    n, rows = people * practices, (people + room) * practices
    row = np.zeros(rows, rec.PERSON)
    row["death"] = NEVER
    book = np.zeros(practices, rec.PRACTICE)
    book["used"], book["room"] = people, people + room
    book["first"] = np.arange(practices) * (people + room)
    book["servers"] = servers
    book["opens"], book["closes"] = (round(hour * HOUR) for hour in hours)
    book["stretch"], book["free"] = stretch, start
    book["activity_levers"] = book["health_levers"] = 1.0
    book["activity_style"] = book["health_style"] = 1.0
    state = State(row, np.zeros(rows, np.int64), book)
    at = state.listed
    person = np.arange(n)
    years = np.broadcast_to(np.asarray(ages, float), n)
    row["id"][at] = person
    row["key"][at] = streams.person_keys(streams.run_key(seed, 0), person)
    row["practice"][at] = np.repeat(np.arange(practices), people)
    row["age"][at] = years.astype(int)
    row["birth"][at] = start - (years * rec.TICKS_PER_YEAR).astype(np.int64)
    row["sex"][at] = person % 2
    row["education"][at] = person % 3
    row["flags"][at] = flags
    return state


def enter(state: State, tables: np.ndarray, tick: int = 0) -> State:
    """Wind up everybody's clocks; return the state."""
    enter_all(state.people, state.calendar, state.practices, tables, tick)
    return state


def in_order(log: Sequence[np.ndarray]) -> np.ndarray:
    """Return an event log sorted by (tick, person, sequence)."""
    events = np.concatenate([np.zeros(0, rec.EVENT), *log])
    return events[np.lexsort((events["person"], events["tick"]))]


def run_compiled(
    state: State, tables: np.ndarray, ticks: Sequence[int], buffer: int = 1 << 14
) -> tuple[np.ndarray, np.ndarray]:
    """Advance `state` epoch by epoch to each of `ticks`; return event log and requests."""
    log: list[np.ndarray] = []
    engine = CompiledPractices(state, tables, log.append, buffer, buffer)
    requests = [engine.advance(int(tick)) for tick in ticks]
    return in_order(log), np.concatenate(requests)


def run_reference(state: State, tables: np.ndarray, ticks: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """As `run_compiled`, on the SimPy engine."""
    log: list[np.ndarray] = []
    env = simpy.Environment()
    engine = ReferencePractices(env, state, tables, log.append)
    requests = []
    for tick in ticks:
        env.run(until=int(tick))
        requests.append(engine.advance(int(tick)))
    return in_order(log), np.concatenate(requests)


def differences(one: State, other: State) -> list[str]:
    """Return the names of the fields in which two states differ in any bit (padding between fields is not data)."""
    found = [] if one.calendar.tobytes() == other.calendar.tobytes() else ["calendar"]
    for mine, theirs in ((one.people, other.people), (one.practices, other.practices)):
        assert mine.dtype.names is not None
        found += [name for name in mine.dtype.names if mine[name].tobytes() != theirs[name].tobytes()]
    return found


def weeks(count: int) -> np.ndarray:
    """Return the ends of the first `count` weeks."""
    return (np.arange(count) + 1) * rec.TICKS_PER_WEEK


def busy_transitions(births: float = 0.2) -> tuple[Transition, ...]:
    """Return a toy model with one process of every kind."""
    old = np.exp(-9.0 + 0.085 * np.arange(AGES))
    return (
        Transition("death", "death", flat(old), log_hr={"ill": 0.7}),
        Transition("onset", "onset", flat(0.1), forbidden=("ill",), sets=("ill",)),
        Transition(
            "attack",
            "event",
            flat(0.5),
            required=("ill",),
            dies_before_care=0.05,
            dies_in_care=0.1,
            sets=("recent",),
            service="admission_mi",
            admission_days=5.0,
            slopes={"ldl_drop": -0.3},
        ),
        Transition("recent_ends", "timer", flat(1.0), required=("recent",), clears=("recent",), delay_years=0.25),
        Transition(
            "treat",
            "treatment_start",
            flat(1.0),
            required=("ill",),
            forbidden=("pill",),
            sets=("pill", "enrolled"),
            health_lever="prevention",
        ),
        Transition("stop", "treatment_stop", flat(0.4), required=("pill",), clears=("pill",)),
        Transition("visit", "need", flat(5.0), log_hr={"ill": 0.7}),
        Transition("again", "follow_up", flat(2.0), activity_lever="visit_intensity"),
        Transition("control", "chronic_control", flat(4.0), required=("enrolled",), activity_lever="prevention"),
        Transition("accident", "acute", flat(0.1), service="admission_other", admission_days=3.0),
        Transition("birth", "birth", flat(births)),
        Transition("leave", "departure", flat(0.05)),
        Transition("other_practice", "practice_change", flat(0.05)),
    )


SCORE_CORRELATIONS = np.array([[1, 0.3, -0.2, 0.4], [0.3, 1, 0.1, 0.2], [-0.2, 0.1, 1, -0.5], [0.4, 0.2, -0.5, 1]])
BUSY_FLAGS = ("ill", "recent", "pill", "enrolled")


def busy_tables(births: float = 0.2, **terms: Any) -> np.ndarray:
    """Return the tables of `busy_transitions` with impatient people."""
    tables = toy_tables(
        busy_transitions(births),
        BUSY_FLAGS,
        impatient(**terms),
        utility=0.9,
        decrements={"ill": 0.1, "recent": 0.1},
        treatment_effects={"pill": (0.3, 9.0)},
    )
    tables["frailty_permanent_sigma"], tables["score_root"] = 0.5, np.linalg.cholesky(SCORE_CORRELATIONS)
    return tables


def busy_state(people: int = 120, practices: int = 3, seed: int = 1, room: int = 60) -> State:
    """Return people of all ages, every other one ill, and too few staff; not all practices are as available."""
    ages = np.random.default_rng(7).uniform(0.0, 95.0, people * practices)
    state = toy_state(
        people,
        practices,
        seed=seed,
        ages=ages,
        flags=np.arange(people * practices) % 2,
        room=room,
        servers=(2, 2, 2, 1),
        hours=(8.0, 17.0),
        stretch=24.0,
    )
    state.practices["flexible"][:, rec.LANES.index("gp_urgent")] = 1
    state.practices["activity_levers"][:2, :, rec.AVAILABILITY] = [[1.5], [0.7]]
    return state


@lru_cache(maxsize=8)
def scenario(base_years: int = 1, horizon_years: int = 1, seed: int = 1, arms: tuple[str, ...] = ()) -> Scenario:
    """Return the shipped Achterhoek scenario, shortened."""
    whole = load_scenario("nl/achterhoek_four_models")
    kept = tuple(arm for arm in whole.arms if not arms or arm.name in arms)
    with_base = [name for name in whole.compare_with if name in [arm.name for arm in kept]]
    return replace(
        whole,
        base_years=base_years,
        horizon_years=horizon_years,
        seed=seed,
        arms=kept,
        compare_with=tuple(with_base),
    )


@lru_cache(maxsize=1)
def _two_practices() -> Population:
    return synthesize(load_region("achterhoek"), seed=1, sample=8000).take_practices([0, 1])


@lru_cache(maxsize=8)
def few_people(people: int = 160, weight: float = 1.0, staff: float = 0.8) -> Population:
    """Return people of all ages from two real practices, with so little staff that the book is busy.

    Parameters
    ----------
    people
        On each of the two lists.
    staff
        Relative to the staff of the whole list.
    """
    whole = _two_practices()
    lists = [np.flatnonzero(whole.practice == k) for k in (0, 1)]
    rows = np.concatenate([rows[np.linspace(0, len(rows) - 1, people).astype(int)] for rows in lists])
    practices = tuple(
        replace(
            practice,
            list_size=people,
            gp_fte=practice.gp_fte * staff * people / practice.list_size,
            nurse_fte=practice.nurse_fte * staff * people / practice.list_size,
            mental_nurse_fte=practice.mental_nurse_fte * staff * people / practice.list_size,
            weight=weight,
        )
        for practice in whole.practices[:2]
    )
    columns: dict[str, Any] = {column.name: getattr(whole, column.name)[rows] for column in COLUMNS}
    return replace(whole, practices=practices, persons_in_region=round(len(rows) * weight), **columns)


@lru_cache(maxsize=8)
def few_people_model(weight: float = 1.0, seed: int = 1, horizon_years: int = 1) -> Model:
    """Return the real model on `few_people`."""
    short = scenario(horizon_years=horizon_years, seed=seed)
    return build_model(short, population=few_people(weight=weight))


def values(results: Mapping[str, np.ndarray], measure: str, dimension: str = "all") -> np.ndarray:
    """Return the values of a measure of a cell's results, all periods and groups of a dimension, in order."""
    wanted = (results["measure"] == measure) & (results["dimension"] == dimension)
    assert wanted.any(), f"no measure {measure!r}"
    return results["value"][wanted]
