"""A practice of 2,095 people with the use that is usual, and contracts for it, for tests of behaviour."""

from dataclasses import replace

import numpy as np

from paysim.accounting.activity import Activity
from paysim.behaviour import behaviour_parameters
from paysim.behaviour.incentives import make_anchor
from paysim.behaviour.response import respond
from paysim.behaviour.situation import PracticeTraits, Situation, response_terms
from paysim.care.catalogue import load_services
from paysim.care.costs import practice_costs
from paysim.care.model import care_parameters
from paysim.contracts.contract import Contract, Part
from paysim.contracts.fee_for_service import FeeForService
from paysim.contracts.schedule import ServicePrice
from paysim.contracts.terms import read_contract
from paysim.kernel.records import LEVERS

SERVICES = load_services()
PARAMETERS = care_parameters("NL") | behaviour_parameters()
TERMS = response_terms(PARAMETERS)
WAGES = practice_costs(PARAMETERS).wages()
VISIT_CURVATURE_EUR = (
    PARAMETERS["behaviour.visit_curvature"] * SERVICES.resource_cost(WAGES)[SERVICES.index("gp_consult")]
)
VISITS, PREVENTION, REFERRAL, DELEGATION, CODING, AVAILABILITY = range(6)
NONE, VASCULAR, DIABETES = range(3)

# Expected use of a list of 2,095, by condition: none, vascular, diabetes.
NORM = {
    "gp_phone": (1407, 650, 418),
    "gp_consult": (1717, 607, 392),
    "gp_long": (492, 218, 140),
    "gp_visit": (53, 215, 139),
    "gp_email": (36, 16, 10),
    "nurse_mental": (250, 90, 50),
    "nurse_consult": (1317, 536, 344),
    "chronic_nurse": (0, 227, 419),
    "chronic_gp": (0, 25, 47),
    "specialist_trajectory": (285, 122, 77),
    "elective_admission": (60, 26, 16),
    "statin_year": (0, 136, 111),
    "bp_drug_year": (0, 426, 146),
}
PEOPLE, ENROLLED = (1536, 390, 169), (0, 178, 127)


def norm_activity(practices: int = 1) -> Activity:
    activity = Activity.empty(SERVICES.names, tuple(f"p{k}" for k in range(practices)), 1.0)
    for condition in range(3):
        for name, quantity in NORM.items():
            activity.services[:, condition, SERVICES.index(name)] = quantity[condition]
        activity.person_years[:, condition] = PEOPLE[condition]
        activity.programme_years[:, condition] = ENROLLED[condition]
    return activity


def at_base(activity: Activity, traits: PracticeTraits, gp_hours: float, costs_eur: float) -> Situation:
    """Practices in the base year under Dutch funding, with the same contact hours and costs each."""
    each = np.ones(len(activity.practice_names))
    ones = np.ones((len(each), 3, len(LEVERS)))
    return Situation(
        contracts=(read_contract("nl/gp_segments_1_2_3"),),
        year=-1,
        activity=activity,
        levers=ones,
        base_levers=ones,
        gp_hours_capacity=each * gp_hours,
        practice_costs_eur=each * costs_eur,
        traits=traits,
        services=SERVICES,
        wages=WAGES,
        terms=TERMS,
    )


def situation(contract: Contract, practices: int = 1, altruism: float = 0.8, anchored: bool = True) -> Situation:
    each = np.ones(practices)
    traits = PracticeTraits(each * altruism, each * 0.15)
    base = replace(at_base(norm_activity(practices), traits, 5000.0, 361850.0), other_gp_hours=each * 879.0)
    return replace(base, contracts=(contract,), year=0, anchor=make_anchor(base) if anchored else None)


def contract(*terms) -> Contract:
    return Contract("test", "Test", "insurers", "practices", tuple(Part(f"c{k}", t) for k, t in enumerate(terms)))


def fees(**prices: float) -> FeeForService:
    return FeeForService(tuple(ServicePrice(name, price) for name, price in prices.items()))


def quantity(activity: Activity, *names: str) -> float:
    return float(activity.services[:, :, [SERVICES.index(name) for name in names]].sum())


def moved(lever: int, condition: int, new: float, now: float = 1.0, activity: Activity | None = None):
    start = activity or norm_activity()
    return respond(start, lever, condition, np.array([now]), np.array([new]), TERMS, SERVICES)


def with_risk(now: Situation) -> Situation:
    activity = now.activity
    return replace(now, activity=replace(activity, coded_years=1.5 * activity.person_years))
