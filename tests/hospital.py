"""A small hospital that tests share: two specialties, two wards, and people who ask."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import simpy

from paysim.care.hospital import HomeCare, HospitalTerms, Rehabilitation, Specialty, UnitCosts
from paysim.engine.hospital import Hospital
from paysim.engine.triage import Codes
from paysim.engine.waiting import SETTLING_WEEKS
from paysim.kernel import streams
from paysim.kernel.records import (
    ADMISSION_REQUEST,
    FIRST_TRANSITION,
    NEVER,
    PERSON,
    PRACTICE,
    REFERRAL_REQUEST,
    REQUEST,
    TICKS_PER_WEEK,
    State,
)
from paysim.kernel.spec import AGES

PEOPLE = 4000
TRAJECTORY, ELECTIVE, OTHER = 3, 5, 6
SETTLED = SETTLING_WEEKS + 1
NEED, ACUTE, STROKE = FIRST_TRANSITION, FIRST_TRANSITION + 1, FIRST_TRANSITION + 2
HEART = Specialty("heart", "Heart", "medical", 4.0, 0.0, 0.0, 6.0, 0.0, 0.3)
REST = Specialty("rest", "All the rest", "surgical", 4.0, 0.0, 0.0, 6.0, 0.0, 0.3)
TERMS = HospitalTerms(
    specialties=(HEART, REST),
    wards=("medical", "surgical"),
    ward_of={},
    referral_shares=np.stack([np.ones(AGES), np.zeros(AGES)]),  # all to the heart
    referral_ratios={},
    margin=0.0,
    growth_per_year=0.0,
    patience_weeks=1e9,
    test_wait_weeks=0.0,
    elective_wait_weeks=0.0,
    follows=0.0,
    elective_share=0.3,
    elective_stay_days=3.0,
    surgical_emergency_share=0.0,
    occupancy={"follow_up": 0.9, "bed": 0.85, "ed": 0.65, "rehabilitation": 0.9, "home_care": 0.95},
    emergency_department_share=1.0,
    ed_stay_hours=2.5,
    rehabilitation=Rehabilitation({"admission_stroke": 0.0}, {"admission_stroke": 0}, 6.0, 2.0),
    nursing_home_wait_weeks=0.0,
    nursing_homes_follow=0.0,
    home_care=HomeCare(14.0, 0.3, 4.0, 6.0),
    unit_costs=UnitCosts(125.0, 150.0, 64.0, 0.0, 0.0),
)
CODES = Codes(
    trajectory=TRAJECTORY,
    elective=ELECTIVE,
    emergency=OTHER,
    other_emergency=ACUTE,
    flag_bit={"ill": 1, "nursing_home": 2},
    service_of=np.array([""] * ACUTE + ["admission_other", "admission_stroke"]),
    stay_days=np.array([0.0] * ACUTE + [4.0, 4.0]),
    ward_of=np.array([-1] * (STROKE + 1)),
    planned=np.zeros(STROKE + 1, bool),
)


def of_heart(**changes: Any) -> dict[str, Any]:
    """Return terms in which the specialty of the heart differs."""
    return {"specialties": (replace(HEART, **changes), REST)}


def hospital(weight: float = 1.0, **terms: Any) -> Hospital:
    """Return a hospital in its first week."""
    people = np.zeros(PEOPLE, PERSON)
    people["alive"], people["death"] = 1, NEVER
    people["id"] = np.arange(PEOPLE)
    people["age"] = 50
    people["key"] = streams.person_keys(streams.run_key(1, 0), np.arange(PEOPLE))
    state = State(people, np.zeros(PEOPLE, np.int64), np.zeros(1, PRACTICE))
    return Hospital(state, replace(TERMS, **terms), streams.run_key(1, 0), weight, CODES)


def settled(weight: float = 1.0, slots: float = 10.0, beds: float = 1e4, **terms: Any) -> Hospital:
    """Return a hospital whose capacities are fixed, with empty lists: slots and bed-days a week of each unit."""
    made = hospital(weight, **terms)
    made.week = SETTLED
    for clinic in made.clinics.values():
        clinic.capacity.planned = slots
    for ward in made.beds.values():
        ward.capacity.planned = beds
        ward.programme.capacity.planned = 1e9
    made.tests.capacity.planned = 1e6
    made.emergency_department.capacity.planned = 50
    return made


def requests(
    rows: np.ndarray, now: int, kind: int = REFERRAL_REQUEST, days: float = 0.0, process: int = NEED
) -> np.ndarray:
    """Return requests of a week ending at `now`, in the order of `rows`."""
    made = np.zeros(len(rows), REQUEST)
    made["row"] = made["person"] = rows
    made["kind"], made["days"] = kind, days
    made["tick"] = now - TICKS_PER_WEEK + (np.arange(len(rows)) + 1) * 1000
    made["process"] = process
    return made


def admissions(rows: np.ndarray, now: int, days: float, process: int = ACUTE) -> np.ndarray:
    """Return emergency admissions at the beginning of the week that ends at `now`."""
    return requests(rows, now, ADMISSION_REQUEST, days, process)


def week(made: Hospital, *asked: np.ndarray) -> None:
    """Let the hospital work one week on requests."""
    env = simpy.Environment(initial_time=made.week * TICKS_PER_WEEK)
    env.process(made.work(env))
    if asked:
        made.receive(np.concatenate(asked))
    env.run(until=env.now + TICKS_PER_WEEK + 1)


def now(made: Hospital) -> int:
    """Return the end of the week to come."""
    return (made.week + 1) * TICKS_PER_WEEK


def used(made: Hospital, service: int = TRAJECTORY) -> np.ndarray:
    """Return the rows of people for whom a service was counted."""
    return np.flatnonzero(made.state.people["counts"][:, service])
