"""What the region's hospital, clinics and homes can do, and to whom general practitioners refer: terms as data.

Capacities are not numbers here. They follow from demand while the base run settles, such that each queue is in
balance with the wait or the occupancy that these terms state ([decision 023](../../docs/decisions)).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from paysim.care.rates import Floats
from paysim.errors import DataError, Problem, nearest_name
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters

_OCCUPANCY = ("follow_up", "bed", "ed", "rehabilitation", "home_care")


@dataclass(frozen=True)
class Specialty:
    """One outpatient specialty.

    Attributes
    ----------
    ward
        Name of the ward that takes its planned admissions.
    wait_weeks
        Wait of a routine referral at base.
    urgent_share
        Of referrals.
    follow_ups, follow_up_weeks
        Mean number of further visits in a trajectory, and weeks between visits.
    test_share
        Of first visits, those that wait for a test.
    elective_share
        Planned admissions per trajectory.
    """

    name: str
    title: str
    ward: str
    wait_weeks: float
    urgent_share: float
    follow_ups: float
    follow_up_weeks: float
    test_share: float
    elective_share: float


@dataclass(frozen=True)
class Rehabilitation:
    """Who goes to a rehabilitation place after an emergency admission, by the admission's service, and for how long.

    `share` of `from_age` and over; stays and patience with a wait are exponential with means `weeks` and
    `patience_weeks`.
    """

    share: Mapping[str, float]
    from_age: Mapping[str, int]
    weeks: float
    patience_weeks: float


@dataclass(frozen=True)
class HomeCare:
    """Hours of care at home: for those who wait for a nursing home, and after an emergency admission at 75 and over.

    Teams hire, in a year, the share `follows` of what is asked beyond what they can give.
    """

    hours_waiting: float
    share: float
    hours: float
    weeks: float
    follows: float = 0.0


@dataclass(frozen=True)
class UnitCosts:
    """What it costs to deliver what follows a first visit or a discharge, in euro of the price year.

    Attributes
    ----------
    follow_up_eur, test_eur, home_care_eur
        Of a follow-up visit, of a test, and of an hour of care at home.
    follow_ups, tests
        Per trajectory, mean over the referrals of the base cohort.
    """

    follow_up_eur: float
    test_eur: float
    home_care_eur: float
    follow_ups: float
    tests: float

    @property
    def after_first_visit_eur(self) -> float:
        """Return what follow-up visits and tests of a mean trajectory cost."""
        return self.follow_ups * self.follow_up_eur + self.tests * self.test_eur


@dataclass(frozen=True, eq=False)
class HospitalTerms:
    """All terms of what practices share.

    Attributes
    ----------
    wards
        Names of types of beds; emergencies lie on the first unless `ward_of` names their process.
    referral_shares
        ``[S, 111]`` share of referrals by specialty and age.
    referral_ratios
        Flag -> ``[S]`` factor on these shares for who holds it.
    margin, growth_per_year, patience_weeks
        Clinic capacity over what keeps lists as long as they are; growth of all capacities a year; mean of the
        exponential patience with the offered wait.
    test_wait_weeks, elective_wait_weeks
        Wait of a routine patient at base for a test, and for a planned admission.
    follows
        Share of the way that capacities of the hospital go, at the end of a year, to what was asked for in it.
    elective_share, elective_stay_days
        Planned admissions per trajectory over all specialties, and their mean stay.
    surgical_emergency_share
        Of emergencies that `ward_of` does not name, those on the ward of surgery.
    occupancy
        Share of capacity used at base: follow_up, bed, ed, rehabilitation, home_care.
    emergency_department_share
        Of emergency admissions, those that come through the department; others are sent straight to a ward.
    ed_stay_hours
        Mean time in a treatment room of the emergency department.
    nursing_home_wait_weeks
        Wait for a nursing home place at base: homes are full.
    nursing_homes_follow
        Places opened in a year as a share of the people who wait beyond the usual list; closed, where fewer wait.
    unit_costs
        Of follow-up visits, tests and hours of care at home.
    """

    specialties: tuple[Specialty, ...]
    wards: tuple[str, ...]
    ward_of: Mapping[str, str]
    referral_shares: Floats
    referral_ratios: Mapping[str, Floats]
    margin: float
    growth_per_year: float
    patience_weeks: float
    test_wait_weeks: float
    elective_wait_weeks: float
    follows: float
    elective_share: float
    elective_stay_days: float
    surgical_emergency_share: float
    occupancy: Mapping[str, float]
    emergency_department_share: float
    ed_stay_hours: float
    rehabilitation: Rehabilitation
    nursing_home_wait_weeks: float
    nursing_homes_follow: float
    home_care: HomeCare
    unit_costs: UnitCosts

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the specialties."""
        return tuple(each.name for each in self.specialties)

    def shares(self, age: np.ndarray, flags: Mapping[str, np.ndarray]) -> Floats:
        """Return the chance that a referral goes to each specialty ``[n, S]``, by age and by conditions held."""
        share = self.referral_shares[:, np.minimum(np.maximum(age, 0), AGES - 1)].T.copy()
        for flag, ratio in self.referral_ratios.items():
            if flag in flags:
                np.multiply(share, ratio, out=share, where=np.asarray(flags[flag], bool)[:, None])
        return np.asarray(share / share.sum(axis=1, keepdims=True))


def hospital_terms(
    params: Parameters, age: np.ndarray, flags: Mapping[str, np.ndarray], referrals: Floats
) -> HospitalTerms:
    """Return the terms of a country.

    Parameters
    ----------
    age, flags
        Of the base cohort, ``[n]``.
    referrals
        Expected referrals a year ``[n]`` of the same people, or any multiple of it: planned admissions per trajectory
        differ by specialty, and their mean over these referrals is ``care.elective_share``.

    Raises
    ------
    DataError
        If a specialty or ward is named that no table has, the shares of an age do not add up to 1, or a capacity would
        be zero.
    """
    table, wards = params.table("care.specialties"), tuple(params.table("care.wards")["ward"])
    names = tuple(table["specialty"])
    _check_capacities(params)
    _check_names("ward", table["ward"], wards)
    of_process = params.table("care.admission_wards")
    _check_names("ward", of_process["ward"], wards)
    shares, ratios = _shares(params, names), _ratios(params, names)
    whole = params["care.elective_share"]
    by_specialty = {
        name: np.array([params[f"care.{name}_{specialty}"] for specialty in names])
        for name in ("wait_weeks", "urgent_share", "follow_ups", "follow_up_weeks", "test_share", "elective_ratio")
    }
    terms = HospitalTerms(
        specialties=(),
        wards=wards,
        ward_of=dict(zip(of_process["process"], of_process["ward"], strict=True)),
        referral_shares=shares,
        referral_ratios=ratios,
        margin=params["care.clinic_capacity_margin"],
        growth_per_year=params["care.clinic_growth_per_year"],
        patience_weeks=params["care.clinic_patience_weeks"],
        test_wait_weeks=params["care.test_wait_weeks"],
        elective_wait_weeks=params["care.elective_wait_weeks"],
        follows=params["care.hospital_follows_per_year"],
        elective_share=whole,
        elective_stay_days=params["care.elective_stay_days"],
        surgical_emergency_share=params["care.surgical_emergency_share"],
        occupancy={name: params[f"care.{name}_occupancy"] for name in _OCCUPANCY},
        emergency_department_share=params["care.emergency_department_share"],
        ed_stay_hours=params["care.ed_stay_hours"],
        rehabilitation=Rehabilitation(
            share={
                f"admission_{what}": params[f"care.rehabilitation_share_{what}"] for what in ("stroke", "mi", "other")
            },
            from_age={"admission_stroke": 0, "admission_mi": 0, "admission_other": 75},
            weeks=params["care.rehabilitation_weeks"],
            patience_weeks=params["care.rehabilitation_patience_weeks"],
        ),
        nursing_home_wait_weeks=params["care.nursing_home_wait_weeks"],
        nursing_homes_follow=params["care.nursing_homes_follow_per_year"],
        home_care=HomeCare(
            hours_waiting=params["care.home_care_hours_waiting"],
            share=params["care.home_care_share"],
            hours=params["care.home_care_hours"],
            weeks=params["care.home_care_weeks"],
            follows=params["care.home_care_follows_per_year"],
        ),
        unit_costs=UnitCosts(
            params["services.specialist_follow_up.resource_cost_eur"],
            params["care.clinic_test_eur"],
            params["care.home_care_eur_per_hour"],
            0,
            0,
        ),
    )
    mix = referrals @ terms.shares(age, flags)
    mix = mix / max(float(mix.sum()), 1e-12)
    ratio = by_specialty.pop("elective_ratio")
    mean = float(mix @ ratio)
    elective = np.minimum(whole * ratio / mean, 1.0) if mean > 0.0 else np.full(len(names), whole)
    specialties = tuple(
        Specialty(
            name=name,
            title=table["title"][k],
            ward=table["ward"][k],
            elective_share=float(elective[k]),
            **{what: float(values[k]) for what, values in by_specialty.items()},
        )
        for k, name in enumerate(names)
    )
    costs = replace(
        terms.unit_costs,
        follow_ups=float(mix @ by_specialty["follow_ups"]),
        tests=float(mix @ by_specialty["test_share"]),
    )
    return replace(terms, specialties=specialties, unit_costs=costs)


def _check_capacities(params: Parameters) -> None:
    problems = []
    margin = params["care.clinic_capacity_margin"]
    if margin <= -1.0:
        problems.append(
            Problem(
                "leaves clinics without any capacity, so that nobody on a list is ever seen",
                key="care.clinic_capacity_margin",
                found=f"{margin:g}",
                allowed=("above -1",),
            )
        )
    for name in _OCCUPANCY:
        value = params[f"care.{name}_occupancy"]
        if value <= 0.0:
            key = f"care.{name}_occupancy"
            problems.append(Problem("an occupancy must be above 0", key=key, found=f"{value:g}", allowed=("above 0",)))
    if problems:
        raise DataError(*problems)


def _check_names(what: str, found: Iterable[str], known: tuple[str, ...]) -> None:
    problems = [
        Problem(f"no such {what}", key=what, found=name, allowed=known, nearest=nearest_name(name, known))
        for name in dict.fromkeys(found)
        if name not in known
    ]
    if problems:
        raise DataError(*problems)


def _shares(params: Parameters, names: tuple[str, ...]) -> Floats:
    table: Mapping[str, Any] = params.table("care.referral_shares")
    _check_names("specialty", table["specialty"], names)
    shares = np.zeros((len(names), AGES))
    for name, low, high, value in zip(
        table["specialty"], table["age_lo"], table["age_hi"], table["value"], strict=True
    ):
        shares[names.index(name), int(low) : int(high) + 1] += value
    total = shares.sum(axis=0)
    if not np.allclose(total, 1.0, atol=1e-6):
        age = int(np.abs(total - 1.0).argmax())
        raise DataError(
            Problem(
                f"shares of referrals at age {age} do not add up to 1",
                key="care.referral_shares",
                found=f"{total[age]:g}",
            )
        )
    return shares


def _ratios(params: Parameters, names: tuple[str, ...]) -> dict[str, Floats]:
    table: Mapping[str, Any] = params.table("care.referral_ratios")
    _check_names("specialty", table["specialty"], names)
    ratios: dict[str, Floats] = {}
    for name, flag, value in zip(table["specialty"], table["flag"], table["value"], strict=True):
        ratios.setdefault(flag, np.ones(len(names)))[names.index(name)] = value
    return ratios
