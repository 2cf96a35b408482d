"""From a population to the engine's rows: people, their clocks, and the appointment books."""

from __future__ import annotations

import numpy as np

from paysim.engine.model import Model
from paysim.kernel import streams
from paysim.kernel.advance import enter_all
from paysim.kernel.records import LANES, NEVER, PERSON, PRACTICE, TICKS_PER_DAY, TICKS_PER_YEAR, State
from paysim.kernel.spec import AGES

ROOM_AT_LEAST = 40
ROOM_DEVIATIONS = 6.0
GENERATION_YEARS = 20.0
"""Rows kept free on each list follow the births expected of its women, with room for chance; more newcomers than this
stop the run with a clear error, they are never lost. From `GENERATION_YEARS` on newcomers have children too."""


def initial_state(model: Model, start: int, years: float, replicate: int) -> State:
    """Return everybody at tick `start` with their clocks wound up, and empty appointment books.

    Parameters
    ----------
    start
        Tick at which the base run begins (negative).
    years
        Length of base run and horizon, for which room for newcomers is kept.
    replicate
        Number of the replicate; enters the key of every draw.
    """
    population = model.population
    practices = _books(model, start, years)
    rows = np.concatenate([np.arange(p["first"], p["first"] + p["used"]) for p in practices])
    people = np.zeros(int(practices["room"].sum()), PERSON)
    people["death"] = NEVER
    state = State(people, np.zeros(len(people), np.int64), practices)
    _people(model, state, rows, start, replicate)
    enter_all(state.people, state.calendar, state.practices, model.tables, start)
    assert len(rows) == len(population)
    return state


def _books(model: Model, start: int, years: float) -> np.ndarray:
    population, book = model.population, model.care.book
    practices = np.zeros(len(population.practices), PRACTICE)
    lists = np.bincount(population.practice, minlength=len(practices))
    practices["used"] = lists
    births = _births_expected(model, years)
    practices["room"] = lists + np.ceil(births + ROOM_DEVIATIONS * np.sqrt(births)).astype(np.int64) + ROOM_AT_LEAST
    practices["first"] = np.concatenate([[0], np.cumsum(practices["room"])[:-1]])
    practices["free"] = start
    practices["flexible"][:, LANES.index("gp_urgent")] = 1
    practices["activity_levers"] = practices["health_levers"] = 1.0
    hour = TICKS_PER_DAY // 24
    practices["opens"] = round(book.opens_hour * hour)
    practices["closes"] = round(book.closes_hour * hour)
    for row, practice in zip(practices, population.practices, strict=True):
        row["servers"] = practice.gps, practice.gps, practice.nurses
        open_hours = (book.closes_hour - book.opens_hour) * row["servers"]
        row["stretch"] = open_hours / np.maximum(book.hours_per_weekday(practice.gp_fte, practice.nurse_fte), 1e-6)
    assert practices["stretch"].shape[1] == len(LANES)
    return practices


def _births_expected(model: Model, years: float) -> np.ndarray:
    """Return the births expected on each list ``[P]`` if nobody dies, as women pass through the ages."""
    rate = np.zeros((2, AGES))
    for each in model.transitions:
        if each.kind == "birth":
            rate += np.exp(each.log_hazard)
    ahead = np.arange(int(np.ceil(years)))
    later = np.minimum(np.arange(AGES)[:, None] + ahead, AGES - 1)
    expected = rate[:, later].sum(axis=2)[model.cohort.sex, model.cohort.age]
    births = np.bincount(model.population.practice, expected, minlength=len(model.population.practices))
    return np.asarray(births * (1.0 + max(0.0, years - GENERATION_YEARS) / GENERATION_YEARS))


def _people(model: Model, state: State, rows: np.ndarray, start: int, replicate: int) -> None:
    population, cohort, tables = model.population, model.cohort, model.tables[0]
    key = streams.run_key(model.scenario.seed, replicate)
    people, flags = state.people, np.zeros(len(rows), np.int64)
    people["key"][rows] = streams.person_keys(key, population.person)
    people["id"][rows] = population.person
    people["birth"][rows] = start - np.floor(population.age * TICKS_PER_YEAR).astype(np.int64)
    people["age"][rows] = population.completed_age
    for name in ("practice", "municipality", "sex", "education", "deprived", "insurer"):
        people[name][rows] = getattr(population, name)
    people["covariates"][rows] = cohort.covariates
    for k, name in enumerate(("z_sbp", "z_tc", "z_hdl", "z_bmi")):
        people["scores"][rows, k] = getattr(population, name)
    for flag, bit in model.flag_bit.items():
        flags |= np.where(cohort.has(flag), np.int64(bit), np.int64(0))
    people["flags"][rows] = flags
    for f in range(int(tables["n_flags"])):
        on = (flags >> f) & 1
        people["ldl_base"][rows] += on * tables["flag_ldl"][f]
        people["sbp_base"][rows] += on * tables["flag_sbp"][f]
