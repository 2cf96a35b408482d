"""Everything the engine needs to know about care, for one country and one base cohort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from paysim.care.access import (
    CONTACT_TYPES,
    AccessTerms,
    BookTerms,
    FeedbackTerms,
    PracticeTerms,
    access_terms,
    book_terms,
    divided,
    feedback_terms,
    practice_terms,
    share_leaving,
)
from paysim.care.background import DISEASE_COSTS, BackgroundCosts, background_costs
from paysim.care.catalogue import STAFF, Services, load_services
from paysim.care.costs import PracticeCosts, practice_costs
from paysim.care.delegation import COUNTRY_RULES, NURSE_OF, SERVICE, DelegationRules, load_delegation
from paysim.care.demand import BaseRates, Cohort, base_rates, demand_transitions
from paysim.care.hospital import HospitalTerms, hospital_terms
from paysim.care.rates import Floats
from paysim.errors import DataError, Problem
from paysim.kernel.spec import Transition
from paysim.parameters import Parameters, PriceLevel

FOLDER = Path(__file__).parent
COUNTRIES = ("NL", "BE")

STAFF_SERVICES = (*CONTACT_TYPES, "nurse_consult", "nurse_mental", "chronic_nurse", "chronic_gp")
"""Services that take a slot in an appointment book."""

TRAJECTORY = "specialist_trajectory"
"""The service whose resource cost holds follow-up visits and tests."""

FOLLOW_UP = "specialist_follow_up"
"""Follow-up visit of a trajectory."""

YEARS_WITH = {
    "statin_year": ("statin",),
    "bp_drug_year": ("bp_drug_1", "bp_drug_2"),
    **{f"{drug}_year": (drug,) for drug in ("antiplatelet", "ezetimibe", "pcsk9", "inclisiran", "sglt2", "glp1")},
    "nursing_home_year": ("nursing_home",),
}
"""Services claimed by person-years with a flag; with two flags, two of them."""


@dataclass(frozen=True)
class CareModel:
    """The care side of a model.

    Attributes
    ----------
    transitions
        Rows of the kinds need, follow_up, chronic_control and acute, normalised on the base cohort.
    contact_mix ... weekdays
        The terms of `AccessTerms` and `BookTerms` under the names the engine asks for.
    contact_minutes
        Service -> length of its slot in the book of its provider, minutes.
    minutes
        ``[S, 4]`` staff minutes (in the order of `catalogue.STAFF`) per unit, after the country's factor.
    report
        What to expect without queues: rates per person-year in the base cohort.
    """

    country: str
    services: Services
    transitions: tuple[Transition, ...]
    rates: BaseRates
    access: AccessTerms
    book: BookTerms
    practices: PracticeTerms
    feedback: FeedbackTerms
    hospital: HospitalTerms
    costs: PracticeCosts
    background: BackgroundCosts
    contact_minutes: Mapping[str, float]
    minutes: Floats
    resource_cost_eur: Floats
    report: Mapping[str, float]

    @property
    def dear_trajectory(self) -> str:
        """Return a sentence if visits and tests of a mean trajectory cost more than what the whole is said to cost."""
        whole = self.services.index(TRAJECTORY)
        said, taken = float(self.services.given_cost_eur[whole]), float(self.resource_cost_eur[whole])
        if taken <= said:
            return ""
        return (
            f"follow-up visits and tests of a mean trajectory cost {taken:.2f} EUR"
            f" (services.{FOLLOW_UP}.resource_cost_eur, care.clinic_test_eur), more than the {said:.2f} of"
            f" services.{TRAJECTORY}.resource_cost_eur: they are taken"
        )

    @property
    def contact_mix(self) -> Floats:
        """``[2, 111, 5]`` kinds of contact with the GP."""
        return self.access.contact_mix

    @property
    def urgent_share(self) -> Floats:
        """``[111]`` of patients' own needs."""
        return self.access.urgent_share

    @property
    def delegable_share(self) -> Floats:
        """``[111]`` of contacts that are not urgent."""
        return self.access.delegable_share

    @property
    def base_delegation(self) -> float:
        """Share of delegable contacts done by nurses at base."""
        return self.access.base_delegation

    @property
    def chronic_nurse_share(self) -> float:
        """Share of chronic controls done by nurses at base."""
        return self.access.chronic_nurse_share

    @property
    def referral_probability(self) -> Floats:
        """``[111]`` per planned contact with the GP."""
        return self.access.referral_probability

    @property
    def nurse_referral_multiplier(self) -> float:
        """Factor on the referral probability for nurse contacts."""
        return self.access.nurse_referral_multiplier

    @property
    def ed_referral_probability(self) -> float:
        """Per urgent contact."""
        return self.access.ed_referral_probability

    @property
    def patience_days(self) -> Floats:
        """``[4]`` by lane."""
        return self.access.patience_days

    @property
    def horizon_days(self) -> Floats:
        """``[4]`` by lane."""
        return self.access.horizon_days

    @property
    def elsewhere(self) -> Floats:
        """``[4, 4]`` by lane: later, out of hours, emergency, dropped."""
        return self.access.elsewhere

    @property
    def later_days(self) -> float:
        """Delay before asking again."""
        return self.access.later_days

    @property
    def wait_odds(self) -> float:
        """Urgent needs of closed hours that wait for the opening, to those that do not."""
        leaving = share_leaving(self.book, float(self.access.patience_days[1])) / self.book.closed_share
        return float((1.0 - leaving) / leaving) if leaving > 0.0 else 0.0

    @property
    def weekdays(self) -> int:
        """Days a week on which practices are open."""
        return self.book.weekdays


def care_parameters(country: str) -> Parameters:
    """Return the care parameters of a country: ``care.<name>``, ``services.<service>.<what>``, ``delegation.<name>``.

    Raises
    ------
    DataError
        If the country is not NL or BE.
    """
    if country not in COUNTRIES:
        raise DataError(Problem("no care parameters for this country", found=country, allowed=COUNTRIES))
    files = ("parameters", f"parameters_{country.lower()}", "hospital", f"hospital_{country.lower()}")
    found = reduce(Parameters.__or__, (Parameters.load(FOLDER / f"{name}.yaml", "care") for name in files))
    found |= Parameters.load(FOLDER / "disease_costs.yaml", DISEASE_COSTS)
    found |= load_services().parameters()
    return found | Parameters(load_delegation(COUNTRY_RULES[country]).rows)


def build_care(
    params: Parameters,
    cohort: Cohort,
    country: str,
    modelled_admissions: Floats | None = None,
    prices: PriceLevel | None = None,
) -> CareModel:
    """Return the care model of a country, with demand set to the published rates in the base cohort.

    Parameters
    ----------
    params
        A collection that holds the parameters of `care_parameters(country)`; others are not touched.
    cohort
        Columns sex, age, covariates and flags of the base population.
    modelled_admissions
        Emergency admissions per inhabitant a year ``[2, 111]`` that diseases of the model cause, infarction and stroke
        left out; none by default.
    prices
        Price level of what services cost; by default that of the catalogue.

    Raises
    ------
    DataError
        If the catalogue lacks a service, or shares and rates contradict each other.
    """
    services = load_services() if prices is None else load_services().priced(prices)
    services = services.with_values(params)
    rates = base_rates(params, modelled_admissions)
    book = book_terms(params)
    access = access_terms(params, rates, book)
    costs, hospital = practice_costs(params), _hospital(params, cohort, rates, access)
    work = _work(params, services, costs, hospital)
    return CareModel(
        country=country,
        services=services,
        transitions=demand_transitions(params, cohort, country, rates),
        rates=rates,
        access=access,
        book=book,
        practices=practice_terms(params),
        feedback=feedback_terms(params),
        hospital=hospital,
        costs=costs,
        background=background_costs(params),
        **work,
        report=MappingProxyType(_report(params, cohort, rates, access, book)),
    )


def _hospital(params: Parameters, cohort: Cohort, rates: BaseRates, access: AccessTerms) -> HospitalTerms:
    sex, age = np.asarray(cohort.sex).astype(int), np.clip(np.asarray(cohort.age).astype(int), 0, 110)
    return hospital_terms(params, age, cohort.flags, rates.gp_contacts[sex, age] * access.referral_probability[age])


def under_rules(care: CareModel, params: Parameters, rules: DelegationRules) -> CareModel:
    """Return the care model under other rules of delegation; what people need stays what it is.

    Parameters
    ----------
    params
        The parameters `care` was built with.
    """
    params = params.with_rows(rules.rows)
    return replace(
        care, access=divided(care.access, params, care.rates), **_work(params, care.services, care.costs, care.hospital)
    )


def _work(params: Parameters, services: Services, costs: PracticeCosts, hospital: HospitalTerms) -> dict[str, Any]:
    """Return minutes, slots and resource costs: those of the catalogue, of what nurses do those of the rules.

    A trajectory costs no less than its follow-up visits and tests: drawn or swept apart, parts can exceed the whole.
    What is within another service costs nothing by itself: it is counted apart (`engine.cell`).
    """
    minutes = services.minutes.copy()
    for task, service in SERVICE.items():
        row = minutes[services.index(service)]
        row[0] = params[f"delegation.{task}_supervision_minutes"]
        row[STAFF.index(NURSE_OF[task])] = params[f"delegation.{task}_minutes"]
    staffed = [services.index(name) for name in STAFF_SERVICES]
    minutes[staffed] *= params["care.contact_minutes_factor"]
    slots = {
        name: float(minutes[k, 1:3].max() or minutes[k, 0]) for name, k in zip(STAFF_SERVICES, staffed, strict=True)
    }
    built = minutes @ costs.wages().per_minute() + services.material_eur
    resource_cost_eur = np.where(np.isnan(services.given_cost_eur), built, services.given_cost_eur)
    whole = services.index(TRAJECTORY)
    resource_cost_eur[whole] = max(resource_cost_eur[whole], hospital.unit_costs.after_first_visit_eur)
    resource_cost_eur[[each != "" for each in services.within]] = 0.0
    return {
        "contact_minutes": MappingProxyType(slots),
        "minutes": minutes,
        "resource_cost_eur": resource_cost_eur,
    }


def _report(
    params: Parameters, cohort: Cohort, rates: BaseRates, access: AccessTerms, book: BookTerms
) -> dict[str, float]:
    sex, age = np.asarray(cohort.sex).astype(int), np.clip(np.asarray(cohort.age).astype(int), 0, 110)
    urgent = float((rates.needs[sex, age] * access.urgent_share[age]).mean())
    leaving = share_leaving(book, float(access.patience_days[1]))
    staff = ("nurse_somatic_fte_per_norm_practice", "nurse_mental_fte_per_norm_practice")
    return {
        "gp_contacts_per_person_year": float(rates.gp_contacts[sex, age].mean()),
        "urgent_needs_per_person_year": urgent,
        "urgent_share_leaving": leaving,
        "out_of_hours_per_person_year": urgent * leaving * float(access.elsewhere[1, 1]),
        "ed_self_per_person_year": float(rates.ed_self[sex, age].mean()),
        "emergency_other_per_person_year": float(rates.emergency_other[sex, age].mean()),
        "norm_list_size": params["care.norm_list_size"],
        **{name: params[f"care.{name}"] for name in staff},
    }
