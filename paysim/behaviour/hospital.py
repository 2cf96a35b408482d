"""What contracts reward a hospital for: an admission, a day in bed or a follow-up visit more, derived as for practices.

The hospital of a region is one provider. The threshold from which it admits planned patients is its lever: admissions
per trajectory, as a ratio to the base years. All planned admissions of a year are moved a little up and down, the
contracts are asked what they would pay the hospital for either, and the difference is divided by the change.
Emergencies are moved by need alone. Its second lever is the length of stay of all admissions, as a ratio to the base
years; it pays where a contract looks at days. Its third is how often its clinics ask patients back: follow-up visits
per trajectory, as a ratio to the base years; it pays where a contract pays them beside the trajectory. Its fourth is
coding: one and the share of its admissions that it codes a group of severity higher than they are, none in the base
years; it pays where a contract has groups of severity.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.segments import SEGMENT_CONDITION
from paysim.behaviour.situation import Situation
from paysim.contracts.settlement import settle

HOSPITAL = "hospital"
ELECTIVE = "elective_admission"
FOLLOW_UP = "specialist_follow_up"
CODING = "hospital_coding"


@dataclass(frozen=True)
class HospitalMargin:
    """What one more unit brings the hospital, and what it costs, in euro; of how many a year."""

    revenue_eur: float
    cost_eur: float
    units: float


def elective_margin(situation: Situation) -> HospitalMargin:
    """Return what the contracts reward the hospital for when it plans more admissions, on a year of all practices.

    Cost is the resource cost of an admission: the share of it that does not vary with volume is not known.
    """
    return _margin_of(situation, ELECTIVE)


def follow_up_margin(situation: Situation) -> HospitalMargin:
    """Return what the contracts reward the hospital for when its clinics ask patients back more often, per visit."""
    return _margin_of(situation, FOLLOW_UP)


def _margin_of(situation: Situation, service: str) -> HospitalMargin:
    activity, k = situation.activity, situation.services.index(service)
    activity = activity if activity.years == 1.0 else activity.annualised()
    units = float(activity.services[:, :, k].sum())
    cost = float(situation.services.resource_cost(situation.wages)[k])
    if units <= 0.0:
        return HospitalMargin(0.0, cost, 0.0)
    step = situation.terms.nudge
    up, down = (_revenue_eur(situation, _moved(activity, k, 1.0 + change)) for change in (step, -step))
    return HospitalMargin((up - down) / (2.0 * step * units), cost, units)


def stay_margin(situation: Situation) -> HospitalMargin:
    """Return what the contracts reward the hospital for when all its stays are longer, per bed-day.

    Where no contract looks at stays they are not known, and nothing is paid for a day: no units. The cost of a day is
    that of admissions over their days; what part of it varies with the length of a stay is not known.
    """
    activity = situation.activity
    activity = activity if activity.years == 1.0 else activity.annualised()
    stays = activity.stays
    if stays is None or not len(stays.days):
        return HospitalMargin(0.0, 0.0, 0.0)
    units = float(stays.weight @ stays.days)
    cost = float(stays.weight @ situation.services.resource_cost(situation.wages)[stays.service])
    if units <= 0.0:
        return HospitalMargin(0.0, 0.0, 0.0)
    step = situation.terms.nudge
    up, down = (
        _revenue_eur(
            situation,
            replace(activity, stays=replace(stays, days=stays.days * (1.0 + by)), lines=(), payments=None),
        )
        for by in (step, -step)
    )
    return HospitalMargin((up - down) / (2.0 * step * units), cost / units, units)


def coding_margin(situation: Situation) -> HospitalMargin:
    """Return what the contracts reward the hospital for when it codes all admissions a group higher, per admission.

    Where no contract looks at stays they are not known, and nothing is paid for severity: no units. Coding takes no
    care; what stands against it is effort and the risk of an audit, see `profit_altruism`.
    """
    activity = situation.activity
    activity = activity if activity.years == 1.0 else activity.annualised()
    units = 0.0 if activity.stays is None else float(activity.stays.weight.sum())
    if units <= 0.0:
        return HospitalMargin(0.0, 0.0, 0.0)
    step = situation.terms.nudge
    up, down = (_revenue_eur(situation, coded_higher(activity, change)) for change in (step, -step))
    return HospitalMargin((up - down) / (2.0 * step * units), 0.0, units)


def coded_higher(activity: Activity, share: float, condition: int | None = None) -> Activity:
    """Return the activity with a share more of the admissions coded a group higher; of people of one condition only."""
    stays = activity.stays
    if stays is not None:
        of = True if condition is None else condition == SEGMENT_CONDITION[stays.segment]
        stays = replace(stays, coded_higher=np.where(of, stays.coded_higher + share, stays.coded_higher))
    return replace(activity, stays=stays, lines=(), payments=None)


def _moved(activity: Activity, service: int, factor: float) -> Activity:
    services = activity.services.copy()
    services[:, :, service] *= factor
    stays = activity.stays
    if stays is not None:
        stays = replace(stays, weight=np.where(stays.service == service, stays.weight * factor, stays.weight))
    return replace(activity, services=services, stays=stays, lines=(), payments=None)


def _revenue_eur(situation: Situation, activity: Activity) -> float:
    bills = settle(situation.contracts, Book(activity, situation.year, situation.past)).bills
    return float(sum(bill.payment.euros.sum() for bill in bills if bill.payment.payee == HOSPITAL))
