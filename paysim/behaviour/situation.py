"""What a provider knows when it decides, and what it makes of it. Data only.

Arrays by lever have the shape ``[practice, condition, lever]``: conditions in the order of
`paysim.accounting.segments.CONDITIONS`, levers in that of `paysim.kernel.records.LEVERS`. A lever is a
ratio to what the practice did in the base years.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from paysim.accounting.activity import Activity
from paysim.accounting.segments import CONDITIONS
from paysim.care.catalogue import Services, Wages
from paysim.care.costs import NurseYear
from paysim.contracts.contract import Contract
from paysim.errors import ModelError
from paysim.kernel.records import LEVERS
from paysim.parameters import Parameters

Floats = NDArray[np.float64]

HOURS = ("gp_hours", "nurse_hours", "mental_nurse_hours")
"""Hours of the professions of a practice that have a book, in the order of `catalogue.STAFF`."""


@dataclass(frozen=True)
class ResponseTerms:
    """How expected activity moves with the levers, as a provider reckons.

    Attributes
    ----------
    follow_up_share
        Share of contacts on the practice's own initiative, levers at base.
    follow_up_referral_multiplier
        Chance of referral of such a contact against that of others.
    base_delegation, chronic_nurse_share
        Shares of delegable contacts, and of planned controls, that nurses do, levers at base.
    enrolment_elasticity, treatment_elasticity
        Of programme-years and of drug years with respect to the prevention lever.
    referral_minutes_saved
        GP minutes that a referral saves.
    referral_contact_share
        Part of these minutes that would have been contacts of their own.
    out_of_hours_share
        Share of contacts with GPs, levers at base, of patients who waited for the practice with an urgent need that
        arose out of hours.
    refused_out_of_hours, refused_emergency
        Where those go who do not wait: shares.
    nudge
        Half-width of the central difference, share of the lever.
    cost_cv
        Coefficient of variation of what is paid for one person in a year.
    horizon_years, discount_factor
        Years ahead in which a practice sees what a year does to later benchmarks, and the weight of each year against
        the one before.
    """

    follow_up_share: float
    follow_up_referral_multiplier: float
    base_delegation: float
    chronic_nurse_share: float
    enrolment_elasticity: float
    treatment_elasticity: float
    referral_minutes_saved: float
    referral_contact_share: float
    out_of_hours_share: float
    refused_out_of_hours: float
    refused_emergency: float
    nudge: float
    cost_cv: float
    horizon_years: float
    discount_factor: float


def response_terms(parameters: Parameters) -> ResponseTerms:
    """Read the terms from parameters of the groups ``care``, ``delegation`` and ``behaviour``."""
    elsewhere = {
        "follow_up_share": "care.follow_up_share",
        "follow_up_referral_multiplier": "care.follow_up_referral_multiplier",
        "base_delegation": "delegation.contact_share",
        "chronic_nurse_share": "delegation.chronic_control_share",
        "refused_out_of_hours": "care.urgent_out_of_hours",
        "refused_emergency": "care.urgent_emergency",
    }
    names = {each.name: elsewhere.get(each.name, f"behaviour.{each.name}") for each in fields(ResponseTerms)}
    return ResponseTerms(**{field: parameters[name] for field, name in names.items()})


@dataclass(frozen=True, eq=False)
class PracticeTraits:
    """What tells practices apart, ``[practice]`` each.

    Attributes
    ----------
    altruism
        EUR of own income given up per EUR of benefit to patients as the practice perceives it.
    speed
        Share of the distance to the best response moved in a quarter.
    """

    altruism: Floats
    speed: Floats


@dataclass(frozen=True, eq=False)
class Margins:
    """What one unit of lever would bring and take in a year, ``[practice, condition, lever]`` each.

    Attributes
    ----------
    revenue_eur
        Payments to the practice, by its contracts.
    cost_eur
        Nurses' and assistants' time and material; the GP's own time is in `hours`.
    nurse_eur, assistant_eur
        Of this, nurses' and assistants' time.
    hours
        GP hours.
    nurse_hours
        ``[practice, condition, lever, 2]`` hours of nurses for somatic care and of nurses for mental health.
    units
        Further visits, planned controls, referrals, or contacts that move to the nurse.
    """

    revenue_eur: Floats
    cost_eur: Floats
    nurse_eur: Floats
    assistant_eur: Floats
    hours: Floats
    nurse_hours: Floats
    units: Floats

    def per_unit(self, values: Floats) -> Floats:
        """Return `values` per unit affected; zero where the lever moves nothing."""
        return np.divide(values, self.units, out=np.zeros_like(values), where=self.movable)

    @property
    def staff_hours(self) -> Floats:
        """Return hours of all `HOURS` ``[practice, condition, lever, 3]``."""
        return np.concatenate([self.hours[..., None], self.nurse_hours], axis=-1)

    @property
    def movable(self) -> NDArray[np.bool_]:
        """Where the lever moves anything."""
        return self.units > 0.0


@dataclass(frozen=True, eq=False)
class Anchor:
    """The point at which base levers are the best response: margins, income and hours under `current`.

    Attributes
    ----------
    margins
        On the activity of the base run.
    income_eur, hours
        ``[practice]`` a year; hours are all those that the GPs work.
    """

    margins: Margins
    income_eur: Floats
    hours: Floats


@dataclass(frozen=True, eq=False)
class Situation:
    """All that a behaviour may look at.

    Attributes
    ----------
    contracts
        Of the arm, with the rates as scaled.
    year
        Contract year that comes; base years are negative.
    activity
        Of the last four quarters, all practices.
    levers
        In force now.
    base_levers
        Ones.
    gp_hours_capacity
        ``[practice]`` GP contact hours a year.
    practice_costs_eur
        ``[practice]`` what the practice costs a year, without the owners' own time.
    traits, services, wages, terms
        Of practices, of services (minutes as used in the model), of staff, of the response of activity.
    anchor
        None while the base run itself is looked at.
    activity_levers
        Mean levers over the time of `activity`; None: those in force now.
    other_gp_hours
        ``[practice]`` hours a year that GPs work besides contacts, whatever the levers; None: none.
    past
        Activity of whole contract years before the one that comes, for terms that look back, oldest first.
    weight
        Practices of the region that one of the activity stands for: above 1 in a sample.
    nurse_year
        Hours of a full-time nurse: who takes one on pays all her hours, and not only those with patients. None: all
        are with patients.

    Raises
    ------
    ModelError
        If arrays do not fit the practices of `activity`.
    """

    contracts: tuple[Contract, ...]
    year: int | None
    activity: Activity
    levers: Floats
    base_levers: Floats
    gp_hours_capacity: Floats
    practice_costs_eur: Floats
    traits: PracticeTraits
    services: Services
    wages: Wages
    terms: ResponseTerms
    anchor: Anchor | None = None
    activity_levers: Floats | None = None
    other_gp_hours: Floats | None = None
    past: tuple[Activity, ...] = ()
    weight: float = 1.0
    nurse_year: NurseYear | None = None

    def __post_init__(self) -> None:
        practices = len(self.activity.practice_names)
        by_lever = (practices, len(CONDITIONS), len(LEVERS))
        for name in ("levers", "base_levers", "activity_levers"):
            values = getattr(self, name)
            if values is not None and (values.shape != by_lever or not (values > 0.0).all()):
                raise ModelError(f"situation: {name} must be above zero with shape {by_lever}, not {values.shape}")
        by_practice = ("gp_hours_capacity", "practice_costs_eur", "other_gp_hours")
        rows = {name: getattr(self, name) for name in by_practice}
        rows |= {"altruism": self.traits.altruism, "speed": self.traits.speed}
        for name, values in rows.items():
            if values is not None and values.shape != (practices,):
                raise ModelError(f"situation: {name} has shape {values.shape}, expected {(practices,)}")
        if self.activity.service_names != self.services.names:
            raise ModelError("situation: activity has other services than the catalogue")
