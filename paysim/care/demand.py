"""What people ask for: needs, follow-up, chronic controls and emergencies, as transitions.

Every hazard is the published rate of the person's sex and age, times what is known of the person, over the
mean of the same factor in the person's cell of the base cohort::

    hazard_i = rate[sex, age] * m_i / (rate-weighted mean of m in sex x 5-year band)
    m_i = frailty_i ** e * education ratio * (product of condition multipliers) ** 0.75

so that at base every cell has the published mean: published rates contain the chronically ill already.
Controls of enrolled patients come on top, because the published contacts leave chain care out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from paysim.care.rates import Floats, Profiles, standard_population
from paysim.kernel.spec import AGES, COVARIATES, Transition
from paysim.parameters import Parameters

BANDS = 19
"""Five-year bands 0-4 to 85-89, and 90 and over."""

VASCULAR = ("prior_mi", "prior_stroke")
CHRONIC = ("diabetes", "prior_mi", "prior_stroke", "high_risk")


class Cohort(Protocol):
    """The people whose means the rates keep: columns of length n."""

    @property
    def sex(self) -> NDArray[np.integer]:
        """0 man, 1 woman."""

    @property
    def age(self) -> NDArray[np.floating]:
        """Years, with fraction."""

    @property
    def covariates(self) -> Floats:
        """``[n, len(COVARIATES)]``."""

    @property
    def flags(self) -> Mapping[str, NDArray[np.bool_]]:
        """Conditions and treatments by name."""

    @property
    def education(self) -> NDArray[np.integer]:
        """0 low, 1 middle, 2 high."""


@dataclass(frozen=True)
class BaseRates:
    """Published rates per person-year by sex and age, ``[2, 111]`` each.

    Attributes
    ----------
    gp_contacts
        Contacts with the practice that are asked for or planned, chain care left out; published are those held.
    needs
        What patients ask for themselves, such that contacts held are the published ones though some appointments are
        missed; and needs that end out of hours if a parameter adds them.
    follow_up
        What the practice plans, likewise.
    ed_self
        Visits to the emergency department without admission, not by way of a GP.
    ed_by_gp
        The same by way of a GP.
    emergency_other
        Emergency admissions for diseases that are not modelled.
    """

    gp_contacts: Floats
    needs: Floats
    follow_up: Floats
    ed_self: Floats
    ed_by_gp: Floats
    emergency_other: Floats


def base_rates(params: Parameters, modelled_admissions: Floats | None = None) -> BaseRates:
    """Return the published rates that the demand of a country is set to.

    Emergency admissions that diseases of the model cause, ``[2, 111]`` per inhabitant, are taken out of the others;
    a tenth of these always remains.
    """
    profiles = Profiles(params, standard_population(params))
    contacts = asked_for(params, profiles, profiles.by_sex("gp_contacts", "gp_women_per_man"))
    follow_up = params["care.follow_up_share"]
    urgent = contacts * profiles.curve("urgent_share")
    out_of_hours = params["care.out_of_hours_need_rate"] * urgent / profiles.mean(urgent)

    visits = profiles.by_sex("ed_visits", "ed_women_per_man")
    not_admitted = params["care.ed_visit_rate"] * (1.0 - params["care.ed_admitted_share"])
    visits *= not_admitted / profiles.mean(visits)
    by_self = params["care.ed_self_share"]

    admissions = profiles.curve("clinical_admissions")
    admissions = admissions * params["care.clinical_admission_rate"] / profiles.mean(admissions)
    emergencies = admissions * profiles.curve("emergency_share") * (1.0 - params["care.modelled_admission_share"])
    others = np.stack([emergencies, emergencies])
    if modelled_admissions is not None:
        others = np.maximum(others - modelled_admissions, 0.1 * others)
    return BaseRates(
        gp_contacts=contacts,
        needs=contacts * (1.0 - follow_up) / kept_share(params, profiles) + out_of_hours,
        follow_up=contacts * follow_up / (1.0 - params["care.no_show_share"]),
        ed_self=visits * by_self,
        ed_by_gp=visits * (1.0 - by_self),
        emergency_other=others,
    )


def asked_for(params: Parameters, profiles: Profiles, held: Floats) -> Floats:
    """Return the contacts ``[2, 111]`` asked for at which those held have the published shape by age.

    Of urgent needs a share ends elsewhere because the practice is closed or full. And a need that meets a pending
    appointment of the person becomes part of it (decision 004), the more often the more contacts a person has::

        asked = level * held / (1 - urgent share * share leaving - held * days pending / 365), over its mean

    Parameters
    ----------
    held
        Published contacts with the practice per person-year ``[2, 111]``.
    """
    level = params["care.gp_contact_level"]
    away = profiles.curve("urgent_share") * params["care.urgent_leaving_share"]
    pending = params["care.pending_days"] / 365.0
    asked = held / np.maximum(1.0 - away - held * pending, 0.5)
    return np.asarray(asked * (level * profiles.mean(held) / profiles.mean(asked)))


def kept_share(params: Parameters, profiles: Profiles) -> Floats:
    """Return the share ``[111]`` of patients' own needs that lead to a contact when some planned ones are missed.

    With ``u`` of contacts urgent and ``m`` of planned appointments missed it is ``1 / (u + (1 - u) / (1 - m))``. Needs
    raised by its inverse, of which that much less are urgent, give the urgent and the held contacts published.
    """
    missed, urgent = params["care.no_show_share"], profiles.curve("urgent_share")
    return np.asarray(1.0 / (urgent + (1.0 - urgent) / (1.0 - missed)))


def demand_transitions(
    params: Parameters, cohort: Cohort, country: str, rates: BaseRates | None = None
) -> tuple[Transition, ...]:
    """Return the processes by which people come to care.

    Parameters
    ----------
    params
        Care parameters of the country, see `model.care_parameters`.
    cohort
        The base cohort; conditions that it has no flag for are left out.
    country
        Written into the source of every row.
    rates
        From `base_rates`; read from the parameters when left out.

    Returns
    -------
    tuple of Transition
        ``need``, ``follow_up``, ``ed_self``, ``emergency_other`` and, if the cohort has the flag ``enrolled``
        and a chronic condition, ``chronic_control``. The mean over every cell of the cohort is the published
        rate.
    """
    rates = base_rates(params) if rates is None else rates
    ratios = _condition_ratios(params, cohort)
    gp = _slopes(params, "care.gp_frailty_exponent", "care.gp_ratio_low_education", "care.gp_ratio_high_education")
    acute = _slopes(
        params,
        "care.acute_frailty_exponent",
        "care.acute_ratio_low_education",
        "care.acute_ratio_high_education",
    )
    contacts = f"contacts with the practice, {country}: Nivel 2017 by age, women per man recalled"
    rows = [
        Transition(
            name="need",
            kind="need",
            log_hazard=_normalised(rates.needs, cohort, gp, ratios),
            slopes=gp,
            log_hr=ratios,
            source=contacts,
        ),
        Transition(
            name="follow_up",
            kind="follow_up",
            log_hazard=_normalised(rates.follow_up, cohort, gp, ratios),
            slopes=gp,
            log_hr=ratios,
            activity_lever="visit_intensity",
            source=f"{contacts}; share planned by the practice assumed",
        ),
        Transition(
            name="ed_self",
            kind="acute",
            log_hazard=_normalised(rates.ed_self, cohort, acute, ratios),
            slopes=acute,
            log_hr=ratios,
            service="ed_visit",
            source=f"emergency department visits, {country}: national rate, shape by age assumed",
        ),
        Transition(
            name="emergency_other",
            kind="acute",
            log_hazard=_normalised(rates.emergency_other, cohort, acute, ratios),
            slopes=acute,
            log_hr=ratios,
            service="admission_other",
            admission_days=params["care.admission_stay_days"],
            source=f"clinical admissions, {country}: shape by age recalled, emergency share assumed",
        ),
    ]
    control = _chronic_control(params, cohort)
    return tuple(rows) if control is None else (*rows, control)


def hazards(transition: Transition, cohort: Cohort) -> Floats:
    """Return each person's rate per year ``[n]`` of a transition, with every lever at its base of one."""
    sex, age = _sex_age(cohort)
    lasting = {flag: ratio for flag, ratio in transition.log_hr.items() if flag not in transition.fading}
    fading = {flag: ratio for flag, ratio in transition.log_hr.items() if flag in transition.fading}
    fade = np.broadcast_to(np.asarray(transition.fade, dtype=np.float64), (AGES,))[age]
    factor = _log_factor(cohort, transition.slopes, lasting) + fade * _log_factor(cohort, {}, fading)
    risk = np.exp(np.asarray(transition.log_hazard)[sex, age] + factor)
    none = np.zeros(sex.size, dtype=bool)
    for flag in transition.required:
        risk[~cohort.flags.get(flag, none)] = 0.0
    if transition.required_any:
        risk[~np.logical_or.reduce([cohort.flags.get(flag, none) for flag in transition.required_any])] = 0.0
    for flag in transition.forbidden:
        risk[cohort.flags.get(flag, none)] = 0.0
    return np.asarray(risk)


def cells(cohort: Cohort) -> NDArray[np.int64]:
    """Return each person's cell ``[n]``, sex x 5-year band: ``sex * BANDS + band``."""
    sex, age = _sex_age(cohort)
    return np.asarray(sex * BANDS + np.minimum(age // 5, BANDS - 1))


def _sex_age(cohort: Cohort) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.asarray(cohort.sex).astype(np.int64), np.clip(np.asarray(cohort.age).astype(np.int64), 0, AGES - 1)


def _slopes(params: Parameters, exponent: str, low: str, high: str) -> dict[str, float]:
    return {
        "log_frailty": params[exponent],
        "edu_low": float(np.log(params[low])),
        "edu_high": float(np.log(params[high])),
    }


def _condition_ratios(params: Parameters, cohort: Cohort) -> dict[str, float]:
    exponent = params["care.multiplier_exponent"]
    diabetes = exponent * float(np.log(params["care.multiplier_diabetes"]))
    vascular = exponent * float(np.log(params["care.multiplier_vascular"]))
    every = {"diabetes": diabetes} | dict.fromkeys(VASCULAR, vascular)
    return {flag: ratio for flag, ratio in every.items() if flag in cohort.flags}


def _log_factor(
    cohort: Cohort, slopes: Mapping[str, NDArray[np.float64] | float], log_hr: Mapping[str, float]
) -> Floats:
    sex, age = _sex_age(cohort)
    total = np.zeros(sex.size)
    for covariate, slope in slopes.items():
        by_cell = np.broadcast_to(np.asarray(slope, dtype=np.float64), (2, AGES))
        total += by_cell[sex, age] * cohort.covariates[:, COVARIATES.index(covariate)]
    for flag, ratio in log_hr.items():
        if flag in cohort.flags:
            total += ratio * cohort.flags[flag]
    return total


def _normalised(rate: Floats, cohort: Cohort, slopes: Mapping[str, float], log_hr: Mapping[str, float]) -> Floats:
    """Return the log hazard ``[2, 111]`` at which the cohort's cells have the mean of `rate`; -inf where that is 0."""
    sex, age = _sex_age(cohort)
    target = rate[sex, age]
    with np.errstate(divide="ignore"):
        log_rate = np.log(rate)
    return log_rate + _log_ratio(cohort, target, target * np.exp(_log_factor(cohort, slopes, log_hr)))


def _log_ratio(cohort: Cohort, target: Floats, modelled: Floats) -> Floats:
    """Return ln(sum of target / sum of modelled) by cell ``[2, 111]``; an empty cell has that of its sex."""
    cell = cells(cohort)
    wanted, got = (np.bincount(cell, x, 2 * BANDS).reshape(2, BANDS) for x in (target, modelled))
    ratio = np.zeros((2, BANDS))
    for sex in range(2):
        filled = (wanted[sex] > 0.0) & (got[sex] > 0.0)
        if filled.any():
            ratio[sex] = np.log(wanted[sex][filled].sum() / got[sex][filled].sum())
            ratio[sex][filled] = np.log(wanted[sex][filled] / got[sex][filled])
    return np.asarray(ratio[:, np.minimum(np.arange(AGES) // 5, BANDS - 1)])


def _chronic_control(params: Parameters, cohort: Cohort) -> Transition | None:
    """Return the planned controls of enrolled patients; a person's busiest condition sets how many."""
    flags = [flag for flag in CHRONIC if flag in cohort.flags]
    held = params["care.chronic_attendance"] / (1.0 - params["care.no_show_share"])
    lowest = params["care.chronic_controls_high_risk"]
    planned = {"diabetes": params["care.chronic_controls_diabetes"], "high_risk": lowest}
    planned |= dict.fromkeys(VASCULAR, params["care.chronic_controls_vascular"])
    if not flags or "enrolled" not in cohort.flags:
        return None
    ratios = {flag: float(np.log(planned[flag] / lowest)) for flag in flags if flag != "high_risk"}
    eligible = cohort.flags["enrolled"] & np.logical_or.reduce([cohort.flags[flag] for flag in flags])
    aim = np.max([planned[flag] * cohort.flags[flag] for flag in flags], axis=0) * eligible
    log_ratio = _log_ratio(cohort, aim, eligible * lowest * np.exp(_log_factor(cohort, {}, ratios)))
    return Transition(
        name="chronic_control",
        kind="chronic_control",
        log_hazard=np.log(lowest * held) + log_ratio,
        required=("enrolled",),
        required_any=tuple(flags),
        log_hr=ratios,
        activity_lever="prevention",
        source="planned controls a year of the NHG standards (recalled), attendance assumed",
    )
