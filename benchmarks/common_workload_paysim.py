"""The common workload as paysim's transition tables, run by paysim's own calendar, books and hazard clocks.

Three things differ from the SimPy script, by design of the engine: mortality is constant within a year of age (at the
Gompertz law's mean over that year); the next visit is drawn from the time of demand, not from the end of service; and
costs and QALYs are discounted by calendar year, at the year's mean factor. Nothing regional feeds back here, so the
calendar may run a year at a stretch; `window_weeks=1` runs it week by week, as the real model does.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks import workload as w
from benchmarks.workload import Outcome
from paysim.engine.compiled import CompiledPractices
from paysim.kernel import streams
from paysim.kernel.advance import close_period, enter_all, open_period
from paysim.kernel.records import BOOKED, LANES, PERSON, PRACTICE, TICKS_PER_DAY, TICKS_PER_WEEK, WEEKS_PER_YEAR, State
from paysim.kernel.records import TICKS_PER_YEAR as YEAR
from paysim.kernel.spec import AGES, Transition
from paysim.kernel.tables import CONTACT_SERVICES, Access, compile_tables, stream_key

SERVICES = (*dict.fromkeys(CONTACT_SERVICES), "ooh_contact", "ed_visit", "acute")
VISIT, ACUTE = SERVICES.index("gp_consult"), SERVICES.index("acute")


def tables() -> np.ndarray:
    """Return the workload as the engine's tables."""
    mean_over_year = math.log(math.expm1(w.GOMPERTZ_SLOPE) / w.GOMPERTZ_SLOPE)
    gompertz = w.GOMPERTZ_LEVEL + w.GOMPERTZ_SLOPE * np.arange(AGES) + mean_over_year
    always = np.zeros((2, AGES))
    transitions = [
        Transition("death", "death", always + gompertz, log_hr={"ill": math.log(w.MORTALITY_RATIO)}),
        Transition("onset", "onset", always + math.log(w.ONSET), forbidden=("ill",), sets=("ill",)),
        Transition("acute", "acute", always + math.log(w.ACUTE), required=("ill",), service="acute"),
        Transition("visit", "need", always + math.log(w.VISITS), log_hr={"ill": math.log(w.VISITS_ILL / w.VISITS)}),
    ]
    nowhere, for_ever = np.zeros(AGES), [1e9] * len(LANES)
    access = Access(
        contact_mix=np.tile([0.0, 1.0, 0.0, 0.0, 0.0], (2, AGES, 1)),
        contact_minutes=dict.fromkeys(CONTACT_SERVICES, w.SERVICE_MINUTES),
        urgent_share=nowhere,
        delegable_share=nowhere,
        referral_probability=nowhere,
        nurse_referral_multiplier=1.0,
        ed_referral_probability=0.0,
        base_delegation=0.0,
        chronic_nurse_share=0.0,
        patience_days=for_ever,
        horizon_days=for_ever,
        elsewhere=np.zeros((len(LANES), 4)),
        later_days=1.0,
        weekdays=7,
    )
    return compile_tables(
        transitions,
        ("ill",),
        SERVICES,
        access,
        risk_mean=np.zeros((2, AGES, 4)),
        risk_sd=np.zeros((2, AGES, 4)),
        treatment_effects={},
        base_utility=always + w.UTILITY,
        decrements={"ill": w.UTILITY - w.UTILITY_ILL},
    )


def population(persons: int, seed: int) -> State:
    """Return everybody at the start, in practices with one server that is open day and night."""
    number = np.arange(persons)
    keys = streams.person_keys(streams.run_key(seed, 0), number)
    age = w.OLDEST * streams.uniforms(keys, int(stream_key("age")))
    people = np.zeros(persons, PERSON)
    people["id"], people["key"], people["practice"] = number, keys, number // w.PRACTICE_SIZE
    people["age"], people["birth"] = age, -(age * YEAR).astype(np.int64)
    people["flags"] = streams.uniforms(keys, int(stream_key("ill"))) < w.ILL_AT_START
    practices = np.zeros(w.practices(persons), PRACTICE)
    practices["first"] = np.arange(len(practices)) * w.PRACTICE_SIZE
    practices["used"] = practices["room"] = np.minimum(w.PRACTICE_SIZE, persons - practices["first"])
    practices["servers"] = practices["stretch"] = 1
    practices["closes"] = TICKS_PER_DAY
    practices["activity_levers"] = practices["health_levers"] = 1.0
    practices["activity_style"] = practices["health_style"] = 1.0
    return State(people, np.zeros(persons, np.int64), practices)


class Waits:
    """Listens to the event log and adds up the waits of booked visits."""

    ticks = 0

    def __call__(self, events: np.ndarray) -> None:
        self.ticks += int(events["value"][events["outcome"] == BOOKED].sum())


def run(persons: int, seed: int = 1, window_weeks: int = WEEKS_PER_YEAR, waits: Waits | None = None) -> Outcome:
    """Run the workload; `waits` keeps an event log, which takes time."""
    state = population(persons, seed)
    practices = CompiledPractices(state, tables(), waits)
    people, visits, cost, qaly = state.people, 0, 0.0, 0.0
    with w.Timer() as timer:
        enter_all(people, state.calendar, state.practices, practices.tables, 0)
        for year in range(round(w.YEARS)):
            for week in range(window_weeks, WEEKS_PER_YEAR + 1, window_weeks):
                practices.advance(year * YEAR + week * TICKS_PER_WEEK)
            close_period(people, state.practices, (year + 1) * YEAR)
            visited, acute = (int(people["counts"][:, service].sum()) for service in (VISIT, ACUTE))
            lived, quality = float(people["life"].sum()), float(people["qaly"].sum())
            ill = (w.UTILITY * lived - quality) / (w.UTILITY - w.UTILITY_ILL)
            factor = w.discounted(year, year + 1)
            cost += factor * (w.COST_VISIT * visited + w.COST_ACUTE * acute + w.COST_ILL_YEAR * ill)
            qaly += factor * (quality - w.LOSS_ACUTE * acute)
            visits += visited
            open_period(people, state.practices)
    return Outcome(
        engine=f"paysim, windows of {window_weeks} week{'s' if window_weeks > 1 else ''}",
        persons=persons,
        timer=timer,
        events=practices.taken,
        deaths=int((people["alive"] == 0).sum()),
        visits=visits,
        waited_minutes=waits.ticks * 24 * 60 / TICKS_PER_DAY if waits else math.nan,
        cost=cost,
        qaly=qaly,
    )
