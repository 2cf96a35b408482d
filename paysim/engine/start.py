"""From a population to the engine's rows: people, their clocks, and the appointment books."""

from __future__ import annotations

import numpy as np

from paysim.engine.model import Model
from paysim.engine.staff import (
    OTHERS,
    closing_length,
    closing_years,
    practice_keys,
    set_hours,
    set_styles,
    styles,
    working_time,
)
from paysim.kernel import streams
from paysim.kernel.advance import enter_all
from paysim.kernel.records import LANES, NEVER, PERSON, PRACTICE, TICKS_PER_DAY, TICKS_PER_YEAR, State
from paysim.kernel.spec import AGES, COVARIATES

ROOM_AT_LEAST = 40
ROOM_DEVIATIONS = 6.0
GENERATION_YEARS = 20.0
"""Rows kept free on each list follow the births expected of its women, with room for chance; more newborns than this
stop the run with a clear error, they are never lost. From `GENERATION_YEARS` on those born have children too. Who comes
from elsewhere takes the rows of those who died or left, which are given out again every year (`engine.migration`); so
room is kept for the arrivals of one year, for those by whom more come than leave, and for their children."""


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
    coming = model.migration.arrivals_per_year + model.migration.growth_per_year * years
    arrivals = np.ceil(coming * lists / lists.sum()).astype(np.int64)
    arrivals += room_for_closing(lists, closing_years(model))
    practices["room"] = lists + room_for_births(births_expected(model, years)) + arrivals + ROOM_AT_LEAST
    practices["first"] = np.concatenate([[0], np.cumsum(practices["room"])[:-1]])
    practices["free"] = start
    practices["flexible"][:, LANES.index("gp_urgent")] = 1
    practices["activity_levers"] = practices["health_levers"] = 1.0
    hour = TICKS_PER_DAY // 24
    practices["opens"] = round(book.opens_hour * hour)
    practices["closes"] = round(book.closes_hour * hour)
    practices["servers"] = [(each.gps, each.gps, each.nurses, each.mental_nurses) for each in population.practices]
    practices["fte"], practices["hours"] = working_time(model), 1.0
    practices["share"], practices["others_due"] = 1.0, NEVER
    practices["key"] = practice_keys(model, OTHERS)
    set_hours(practices, book)
    practices["closed"] = lists >= closing_length(model) * practices["fte"][:, 0]
    set_styles(practices, styles(model))
    assert practices["stretch"].shape[1] == len(LANES)
    return practices


def room_for_closing(lists: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the rows to be kept free for people of practices that close down ``[P]``: as long lists grow, twice."""
    closing = ends < NEVER
    stay = np.where(closing, 0, lists)
    return np.asarray(np.ceil(2.0 * lists[closing].sum() * stay / max(stay.sum(), 1)), np.int64)


def room_for_births(expected: np.ndarray) -> np.ndarray:
    """Return the rows to be kept free for births of which so many are expected ``[P]``."""
    return np.asarray(np.ceil(expected + ROOM_DEVIATIONS * np.sqrt(expected)), np.int64)


def births_expected(model: Model, years: float) -> np.ndarray:
    """Return the births expected on each list ``[P]`` if nobody dies, as women pass through the ages.

    Of those by whom migration makes the region grow, mothers are as many as among newcomers: with g more people each
    year, ``g years^2 / 2`` person-years.
    """
    rate = np.zeros((2, AGES))
    for each in model.transitions:
        if each.kind == "birth":
            rate += np.exp(each.log_hazard)
    ahead = np.arange(int(np.ceil(years)))
    later = np.minimum(np.arange(AGES)[:, None] + ahead, AGES - 1)
    expected = rate[:, later].sum(axis=2)[model.cohort.sex, model.cohort.age]
    practices = len(model.population.practices)
    births = np.bincount(model.population.practice, expected, minlength=practices)
    lists = np.bincount(model.population.practice, minlength=practices)
    alike = np.diff(model.migration.resemblance, prepend=0.0)
    grown = model.migration.growth_per_year * years**2 / 2 * float(alike @ expected) / len(ahead)
    births = births + grown * lists / lists.sum()
    return np.asarray(births * (1.0 + max(0.0, years - GENERATION_YEARS) / GENERATION_YEARS))


def _people(model: Model, state: State, rows: np.ndarray, start: int, replicate: int) -> None:
    people, persons = state.people, model.population.person
    people["key"][rows] = streams.person_keys(streams.run_key(model.scenario.seed, replicate), persons)
    people["id"][rows] = persons
    copy_traits(model, people, rows, np.arange(len(persons)), start)


def copy_traits(model: Model, people: np.ndarray, rows: np.ndarray, who: np.ndarray, tick: int) -> None:
    """Give the people in `rows` the age at `tick`, the traits and the health with which inhabitants `who` start."""
    population, cohort = model.population, model.cohort
    people["origin"][rows] = population.practice[who]
    age = population.age[who]
    people["birth"][rows] = tick - np.floor(age * TICKS_PER_YEAR).astype(np.int64)
    people["age"][rows] = np.minimum(age.astype(np.int64), AGES - 1)
    for name in ("practice", "municipality", "sex", "education", "deprived", "insurer"):
        people[name][rows] = getattr(population, name)[who]
    people["covariates"][rows] = cohort.covariates[who]
    permanent = np.log(population.frailty[who])
    people["frailty"][rows] = permanent
    sigma = float(model.tables[0]["frailty_sigma"])
    if sigma > 0.0:
        changing = cohort.covariates[who, COVARIATES.index("log_frailty")] - permanent
        people["frailty_now"][rows] = (changing + sigma * sigma / 2) / sigma
    for k, name in enumerate(("z_sbp", "z_tc", "z_hdl", "z_bmi")):
        people["scores"][rows, k] = getattr(population, name)[who]
    people["flags"][rows] = model.flags_at_base[who]
