"""What a process is: the one vocabulary in which diseases and demand are written as tables.

A `Transition` is a competing process of a person: while the person holds the required flags and none of the
forbidden ones, its hazard per person-year is::

    exp(log_hazard[sex, age] + sum_c slopes[c][sex, age] * covariate_c + sum_f log_hr[f] * fade_f[age] * flag_f)

and when its hazard clock runs out it fires: it may kill, set and clear flags, claim a service or ask for an
appointment. Nothing in the compiled engine knows a disease by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

AGES = 111
"""Completed ages 0..110; the last is open."""

COVARIATES = (
    "smoker",  # current smoker, 0 or 1: follows the flag of that name where the model has it
    "sbp",  # mmHg, as observed at base treatment
    "tc",  # total cholesterol, mmol/L
    "hdl",  # mmol/L
    "bmi",  # kg/m2
    "edu_low",  # 0 or 1, less the share at base of people of the same sex and age (`trends.education`)
    "edu_high",  # the same
    "ldl_drop",  # mmol/L below base because treatment changed since base
    "sbp_drop",  # mmHg, same
    "log_frailty",  # natural logarithm of the person's frailty
)

Kind = Literal[
    "death",  # ends the person's life
    "event",  # acute event: may kill before or in care; an emergency admission otherwise
    "onset",  # sets or clears flags
    "timer",  # like onset, a fixed delay after it became possible
    "treatment_start",  # asks for an appointment; flags change at the appointment
    "treatment_stop",  # like onset
    "birth",  # a newcomer on the mother's practice list
    "departure",  # leaves the region
    "practice_change",  # asks the region for another practice
    "need",  # asks the practice for an appointment
    "follow_up",  # the practice's own initiative: a further visit
    "chronic_control",  # a planned control of a chronic patient
    "acute",  # goes straight to emergency care
]


@dataclass(frozen=True)
class Transition:
    """One process of a person, as a table row.

    Attributes
    ----------
    name
        Unique in a model; also the key of the process's random stream.
    log_hazard
        ``[2, 111]`` by sex (0 man, 1 woman) and completed age, natural logarithm of events per
        person-year; ``-inf`` where it cannot happen.
    required, required_any, forbidden
        Flags: all of `required`, at least one of `required_any` (if any), none of `forbidden`.
    slopes
        Covariate name -> slope of the log hazard per raw unit, a number or ``[2, 111]``.
    log_hr
        Flag -> natural logarithm of a hazard ratio.
    fading, fade
        Flags of `log_hr` whose logarithm is multiplied by `fade`, a number or ``[111]`` by completed age; the others
        hold at all ages.
    delay_years
        Timers only: fires this long after it became possible.
    loss
        Timers only, a number or ``[2, 111]``: rate per person-year at which people leave the state before, plus that at
        which it becomes more common with age. By it, of those who are in the state at the start more have been so for a
        short than for a long time. In the first year the rate of dying takes its place.
    fresh
        Timers only: flags held in the first year. Who is in the state at the start has been so for less than a year
        with one of them, for longer without; when none are named, for any part of the delay.
    dies_before_care, dies_in_care
        Probabilities ``[2, 111]`` (or 0.0) that the event kills before any care, or after admission.
    sets, clears
        Flags changed when it fires (for `treatment_start`: at the appointment).
    service
        Service claimed when the person reaches care.
    admission_days
        Mean length of the stay that the event causes, for the use of beds.
    claims_place
        Whether it claims a place in a nursing home when it fires (kinds onset, timer and treatment_stop).
    activity_lever, health_lever
        Name of the practice lever that multiplies the hazard, in its role of producing activity or health.
    trend
        Yearly change of the log hazard from the start of the base run on; it takes effect at birthdays.
    """

    name: str
    kind: Kind
    log_hazard: np.ndarray
    required: tuple[str, ...] = ()
    required_any: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    slopes: Mapping[str, np.ndarray | float] = field(default_factory=dict)
    log_hr: Mapping[str, float] = field(default_factory=dict)
    fading: tuple[str, ...] = ()
    fade: np.ndarray | float = 1.0
    delay_years: float = 0.0
    loss: np.ndarray | float = 0.0
    fresh: tuple[str, ...] = ()
    dies_before_care: np.ndarray | float = 0.0
    dies_in_care: np.ndarray | float = 0.0
    sets: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    service: str | None = None
    admission_days: float = 0.0
    claims_place: bool = False
    activity_lever: str | None = None
    health_lever: str | None = None
    trend: float = 0.0
    source: str = ""
