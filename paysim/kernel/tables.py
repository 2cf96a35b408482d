"""Transitions, utilities and access terms as the arrays the compiled engine reads.

`compile_tables` turns the readable description of a model (transitions, care terms) into one named tuple of
arrays whose types never depend on the model, so that the engine is compiled once for all models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from paysim.errors import ModelError
from paysim.kernel.records import (
    FIRST_TRANSITION,
    FIXED_PROCESSES,
    LANES,
    LEVERS,
    MAX_FLAGS,
    MAX_PROCESSES,
    MAX_SERVICES,
    TICKS_PER_DAY,
)
from paysim.kernel.spec import AGES, COVARIATES, Transition

KINDS = (
    "fixed",
    "death",
    "event",
    "onset",
    "timer",
    "treatment_start",
    "treatment_stop",
    "birth",
    "need",
    "follow_up",
    "chronic_control",
    "acute",
    "departure",
    "practice_change",
)


MAX_SLOPES = 8
"""Covariates that may act on one process."""

UTILITY_RULES = ("additive", "multiplicative", "minimum")
"""How decrements of several conditions combine: they add up; factors of what is left multiply; the worst counts."""

_R, _C, _F = MAX_PROCESSES, MAX_SLOPES, MAX_FLAGS
TABLES = np.dtype(
    [
        ("n_processes", "i8"),
        ("n_flags", "i8"),
        ("kind", "i8", (_R,)),  # index in KINDS
        ("stream", "u8", (_R,)),  # key of the process's random stream
        ("required", "i8", (_R,)),  # bit masks of flags
        ("required_any", "i8", (_R,)),
        ("forbidden", "i8", (_R,)),
        ("sets", "i8", (_R,)),
        ("clears", "i8", (_R,)),
        ("log_hazard", "f8", (_R, 2, AGES)),
        ("n_slopes", "i8", (_R,)),
        ("slope_of", "i8", (_R, _C)),  # which covariates have a slope
        ("slopes", "f8", (_R, 2, AGES, _C)),
        ("n_ratios", "i8", (_R,)),
        ("ratio_of", "i8", (_R, _F)),  # bit masks of flags with a hazard ratio
        ("log_hr", "f8", (_R, _F)),
        ("n_fading", "i8", (_R,)),  # how many of these, the first, fade with age
        ("fade", "f8", (_R, AGES)),  # share that is left of them
        ("trend", "f8", (_R,)),  # change of the log hazard a year
        ("trend_from", "i8"),  # tick from which trends count
        ("delay", "f8", (_R,)),  # years
        ("loss", "f8", (_R, 2, AGES)),  # rate per year at which fewer have been long in the state of a timer
        ("fresh", "i8", (_R,)),  # flags of the first year of a timer
        ("dies_before", "f8", (_R, 2, AGES)),
        ("dies_in", "f8", (_R, 2, AGES)),
        ("service", "i8", (_R,)),  # or -1
        ("stay_days", "f8", (_R,)),
        ("claims_place", "i8", (_R,)),  # 0 or 1
        ("activity_lever", "i8", (_R,)),  # or -1
        ("health_lever", "i8", (_R,)),  # or -1
        ("risk_mean", "f8", (2, AGES, 4)),  # sbp, tc, hdl, bmi
        ("risk_sd", "f8", (2, AGES, 4)),
        ("flag_ldl", "f8", (_F,)),  # logarithm of the share of LDL that a treatment flag leaves
        ("untreated_ldl", "f8"),  # mmol/L
        ("flag_sbp", "f8", (_F,)),  # mmHg
        ("decrement", "f8", (_F,)),  # of utility
        ("frailty_sigma", "f8"),  # of the part of log frailty that changes
        ("frailty_correlation", "f8"),  # between birthdays
        ("frailty_permanent_sigma", "f8"),  # of the permanent part of log frailty, of newborns
        ("score_root", "f8", (4, 4)),  # lower root of the correlations of risk-factor scores, of newborns
        ("utility_rule", "i8"),  # index in UTILITY_RULES
        ("reference_utility", "f8"),  # of a person without the condition, from whom decrements were measured
        ("base_utility", "f8", (2, AGES)),
        ("masks", "i8", (6,)),  # flags of diabetes, vascular, enrolled, any chronic condition, smoker, past event
        ("usual_ldl", "f8", (4, AGES)),  # mmol/L by which treatment lowers LDL at base, by group and age
        ("usual_sbp", "f8", (4, AGES)),  # mmHg, the same of systolic pressure
        ("contact_mix", "f8", (2, AGES, 5)),  # cumulative, by contact type
        ("contact_ticks", "i8", (10,)),  # length by contact sort
        ("contact_service", "i8", (10,)),
        ("urgent_share", "f8", (AGES,)),
        ("delegable_share", "f8", (AGES,)),
        ("referral", "f8", (AGES,)),  # per GP contact
        ("nurse_referral", "f8"),  # multiplier for nurse contacts
        ("follow_up_referral", "f8"),  # multiplier for contacts on the practice's own initiative
        ("ed_referral", "f8"),  # per urgent contact
        ("base_delegation", "f8"),  # share of delegable contacts that nurses do at base
        ("chronic_nurse", "f8"),  # share of chronic controls that nurses do at base
        ("mental_share", "f8", (AGES,)),  # of delegated contacts, share of the mental-health nurse
        ("start_lane", "i8"),  # lane of the appointment at which a treatment starts
        ("missed", "f8", (3,)),  # share of planned appointments to which nobody turns up, by education
        ("own_gp_ticks", "i8", (len(LANES),)),  # how much longer people wait for their own doctor, by lane
        ("patience_days", "f8", (3, len(LANES))),  # mean patience by education and lane
        ("horizon_days", "f8", (len(LANES),)),  # furthest slot a book offers
        (
            "elsewhere",
            "f8",
            (3, len(LANES), 4),
        ),  # by education and lane, cumulative: later, out of hours, emergency, dropped
        ("later_days", "f8"),
        ("wait_odds", "f8"),  # urgent needs of closed hours that wait for the opening, to those that do not
        ("ooh_service", "i8"),
        ("ed_service", "i8"),
        ("weekdays", "i8"),
    ],
    align=True,
)
"""All that the engine reads and never writes."""


@dataclass(frozen=True)
class Access:
    """How contacts take place: the care side of the tables, by name. See `care.model.CareModel`.

    Patience ``[4]`` by lane or ``[3, 4]`` by education and lane, ways out ``[4, 4]`` or ``[3, 4, 4]`` likewise, missed
    appointments one share or ``[3]`` by education, `own_gp_days` how much longer than for the earliest slot people
    wait for their own doctor.
    """

    contact_mix: np.ndarray
    contact_minutes: Mapping[str, float]
    urgent_share: np.ndarray
    delegable_share: np.ndarray
    referral_probability: np.ndarray
    nurse_referral_multiplier: float
    ed_referral_probability: float
    base_delegation: float
    chronic_nurse_share: float
    patience_days: Sequence[float] | np.ndarray
    horizon_days: Sequence[float]
    elsewhere: np.ndarray
    later_days: float
    weekdays: int
    follow_up_referral_multiplier: float = 1.0
    mental_share: np.ndarray | float = 0.0
    nurse_starts: bool = True
    missed_share: Sequence[float] | np.ndarray | float = 0.0
    own_gp_days: float = 0.0
    wait_odds: float = 1.0


CONTACT_SERVICES = (
    "gp_phone",
    "gp_consult",
    "gp_long",
    "gp_visit",
    "gp_email",
    "nurse_consult",
    "nurse_mental",
    "chronic_nurse",
    "chronic_gp",
    "chronic_nurse",  # the appointment at which a treatment starts
)
SORT_NURSE, SORT_MENTAL_NURSE, SORT_CHRONIC_NURSE, SORT_CHRONIC_GP, SORT_START = 5, 6, 7, 8, 9


@cache  # as many as there are processes and choices
def stream_key(name: str) -> np.uint64:
    """Return the key of a process's random stream: it depends on the name alone."""
    return np.uint64(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))


def by_sex_age(value: np.ndarray | float) -> np.ndarray:
    """Return `value` as a float array ``[2, 111]``."""
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (2, AGES))


def compile_tables(
    transitions: Sequence[Transition],
    flags: Sequence[str],
    services: Sequence[str],
    access: Access,
    *,
    risk_mean: np.ndarray,
    risk_sd: np.ndarray,
    treatment_effects: Mapping[str, tuple[float, float]],
    base_utility: np.ndarray,
    decrements: Mapping[str, float],
    vascular_flags: Sequence[str] = ("prior_mi", "prior_stroke", "high_risk"),
    event_flags: Sequence[str] = ("prior_mi", "prior_stroke"),
    chronic_flags: Sequence[str] = (),
    untreated_ldl: float = 0.0,
    usual_lowering: np.ndarray | float = 0.0,
    utility_rule: str = "additive",
    reference_utility: float = 1.0,
    trend_from: int = 0,
    frailty: tuple[float, float] = (0.0, 1.0),
    frailty_permanent_sigma: float = 0.0,
    score_correlations: np.ndarray | None = None,
) -> np.ndarray:
    """Return the engine's tables of a model: one row of `TABLES`.

    Parameters
    ----------
    usual_lowering
        ``[2, 4, 111]``: by how much treatment lowers LDL (mmol/L) and systolic pressure (mmHg) at base, on average, by
        age: of people with none of the following, at high risk, with diabetes, after an event.
    frailty
        Of the part of log frailty that changes: standard deviation, and correlation between birthdays.
    frailty_permanent_sigma
        Standard deviation of the permanent part of log frailty, for newborns.
    score_correlations
        Correlations of risk-factor scores ``[4, 4]``, for newborns; by default they are independent.

    Raises
    ------
    ModelError
        If a transition names an unknown flag, service, covariate or lever, or two share a name.
    """
    bit = {name: 1 << k for k, name in enumerate(flags)}
    code = {name: k for k, name in enumerate(services)}
    names = list(FIXED_PROCESSES) + [t.name for t in transitions]
    if len(set(names)) != len(names):
        raise ModelError(f"two processes share a name: {sorted(n for n in names if names.count(n) > 1)}")
    rows, n_flags, counted = len(names), len(flags), len(services)

    def mask(wanted: Sequence[str]) -> int:
        unknown = [name for name in wanted if name not in bit]
        if unknown:
            raise ModelError(f"unknown flags {unknown}; known: {list(flags)}")
        return sum(bit[name] for name in set(wanted))

    def number(name: str | None, known: Mapping[str, int], what: str) -> int:
        if name is None:
            return -1
        if name not in known:
            raise ModelError(f"unknown {what} {name!r}; known: {sorted(known)}")
        return known[name]

    lever = {name: k for k, name in enumerate(LEVERS)}
    column = {name: k for k, name in enumerate(COVARIATES)}
    if rows > MAX_PROCESSES or n_flags > MAX_FLAGS or counted > MAX_SERVICES:
        raise ModelError(
            f"{rows} processes, {n_flags} flags, {counted} counted services; the engine's rows hold "
            f"{MAX_PROCESSES}, {MAX_FLAGS}, {MAX_SERVICES}: raise the sizes in kernel/records.py"
        )
    tables = np.zeros(1, TABLES)
    t = tables[0]
    t["n_processes"], t["n_flags"] = rows, len(flags)
    t["stream"][:rows] = [stream_key(name) for name in names]
    t["log_hazard"][:] = -np.inf
    for name in ("service", "activity_lever", "health_lever"):
        t[name][:] = -1
    for r, transition in enumerate(transitions, start=FIRST_TRANSITION):
        t["kind"][r] = KINDS.index(transition.kind)
        for name in ("required", "required_any", "forbidden", "sets", "clears", "fresh"):
            t[name][r] = mask(getattr(transition, name))
        t["log_hazard"][r] = by_sex_age(transition.log_hazard)
        if len(transition.slopes) > MAX_SLOPES:
            raise ModelError(f"{transition.name}: {len(transition.slopes)} covariates, at most {MAX_SLOPES}")
        for k, (covariate, slope) in enumerate(transition.slopes.items()):
            t["slope_of"][r, k] = number(covariate, column, "covariate")
            t["slopes"][r, :, :, k] = by_sex_age(slope)
        t["n_slopes"][r] = len(transition.slopes)
        t["trend"][r] = transition.trend
        fading = [flag for flag in transition.log_hr if flag in transition.fading]
        for flag in (*fading, *(flag for flag in transition.log_hr if flag not in fading)):
            t["ratio_of"][r, t["n_ratios"][r]] = mask((flag,))
            t["log_hr"][r, t["n_ratios"][r]] = transition.log_hr[flag]
            t["n_ratios"][r] += 1
        t["n_fading"][r], t["fade"][r] = len(fading), transition.fade
        t["delay"][r], t["loss"][r] = transition.delay_years, by_sex_age(transition.loss)
        t["dies_before"][r] = by_sex_age(transition.dies_before_care)
        t["dies_in"][r] = by_sex_age(transition.dies_in_care)
        t["service"][r] = number(transition.service, code, "service")
        t["stay_days"][r] = transition.admission_days
        t["claims_place"][r] = transition.claims_place
        t["activity_lever"][r] = number(transition.activity_lever, lever, "lever")
        t["health_lever"][r] = number(transition.health_lever, lever, "lever")
    for flag, (ldl, sbp) in treatment_effects.items():
        k = mask((flag,)).bit_length() - 1
        t["flag_ldl"][k], t["flag_sbp"][k] = np.log1p(-ldl), sbp
    for flag, loss in decrements.items():
        t["decrement"][mask((flag,)).bit_length() - 1] = abs(loss)
    groups = (("diabetes",), vascular_flags, ("enrolled",), chronic_flags, ("smoker",), event_flags)
    for k, group in enumerate(groups):
        t["masks"][k] = mask([name for name in group if name in bit])
    t["untreated_ldl"], t["trend_from"] = untreated_ldl, trend_from
    t["usual_ldl"], t["usual_sbp"] = np.broadcast_to(np.asarray(usual_lowering, float), (2, 4, AGES))
    t["frailty_sigma"], t["frailty_correlation"] = frailty
    t["frailty_permanent_sigma"] = frailty_permanent_sigma
    t["score_root"] = np.linalg.cholesky(np.eye(4) if score_correlations is None else score_correlations)
    t["utility_rule"], t["reference_utility"] = UTILITY_RULES.index(utility_rule), reference_utility
    t["risk_mean"], t["risk_sd"], t["base_utility"] = risk_mean, risk_sd, base_utility
    write_access(tables, access, services)
    return tables


def write_access(tables: np.ndarray, access: Access, services: Sequence[str]) -> None:
    """Write terms of access into an engine's tables, whose other values stay.

    Raises
    ------
    ModelError
        If a kind of contact is no service.
    """
    t = tables[0]

    def code(service: str) -> int:
        if service not in services:
            raise ModelError(f"unknown service {service!r}; known: {sorted(services)}")
        return services.index(service)

    minute = TICKS_PER_DAY // (24 * 60)
    t["contact_mix"] = np.cumsum(access.contact_mix, axis=-1)
    t["contact_ticks"] = [round(access.contact_minutes[s] * minute) for s in CONTACT_SERVICES]
    t["contact_service"] = [code(s) for s in CONTACT_SERVICES]
    t["urgent_share"], t["delegable_share"] = access.urgent_share, access.delegable_share
    t["referral"], t["nurse_referral"] = access.referral_probability, access.nurse_referral_multiplier
    t["follow_up_referral"] = access.follow_up_referral_multiplier
    t["ed_referral"], t["base_delegation"] = access.ed_referral_probability, access.base_delegation
    t["chronic_nurse"], t["later_days"] = access.chronic_nurse_share, access.later_days
    t["patience_days"], t["horizon_days"] = access.patience_days, access.horizon_days
    t["elsewhere"] = np.cumsum(access.elsewhere, axis=-1)
    t["missed"], t["mental_share"] = access.missed_share, access.mental_share
    t["own_gp_ticks"][0] = round(access.own_gp_days * TICKS_PER_DAY)  # urgent care is not put off for it
    t["start_lane"] = LANES.index("nurse")
    if not access.nurse_starts:
        for name in ("contact_ticks", "contact_service"):
            t[name][SORT_START] = t[name][SORT_CHRONIC_GP]
        t["start_lane"] = LANES.index("gp_planned")
    t["ooh_service"] = code("ooh_contact")
    t["ed_service"] = code("ed_visit")
    t["weekdays"], t["wait_odds"] = access.weekdays, access.wait_odds
