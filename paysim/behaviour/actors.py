"""What contracts reward all others than practices for: the hospital, its clinics, organisations and payers.

The levers of practices and of the hospital are moved in the whole region at once, because these actors see the whole
region, and the contracts are asked what every actor receives, net of what it pays on. Per unit of a lever the row of a
payer is what it pays, as a negative number; of the hospital and any other sector what it is paid against the resource
cost of its care; of an organisation what it keeps. Only practices and the hospital have levers: the others gain or
lose by what these do, which is what they would pay or work for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.segments import SEGMENT_CONDITION, SEGMENT_NAMES
from paysim.behaviour.hospital import (
    CODING,
    ELECTIVE,
    FOLLOW_UP,
    HOSPITAL,
    coded_higher,
    coding_margin,
    elective_margin,
    follow_up_margin,
    stay_margin,
)
from paysim.behaviour.incentives import (
    HALF_A_CENT,
    PEOPLE,
    UNITS,
    care_cost_per_unit,
    directions,
    expected_revenue_eur,
    signed,
)
from paysim.behaviour.lists import Lists, moved_lists, patient_margins
from paysim.behaviour.protocol import Behaviour
from paysim.behaviour.response import respond
from paysim.behaviour.situation import Situation
from paysim.contracts.contract import PRACTICES
from paysim.contracts.settlement import SECTORS, settle
from paysim.kernel.records import CONDITIONS as CONDITION_TITLES
from paysim.kernel.records import LEVERS

STAY = "length_of_stay"
HOSPITAL_UNITS = {
    ELECTIVE: "EUR per further planned admission",
    STAY: "EUR per further day in hospital",
    FOLLOW_UP: "EUR per further follow-up visit to a specialist",
    CODING: "EUR per further admission coded a group higher",
}
PATIENTS_UNIT = "EUR per further person-year on the list"
PATIENTS, LIST = "patients", "list_size"
"""Stand in the place of a lever where one more patient of a segment, or of any, is looked at."""

EVERYBODY = "everybody on the list"


def actor_table(
    situation: Situation, behaviour: Behaviour, arm: str, current: Situation | None = None
) -> list[dict[str, Any]]:
    """Return the incentive map of all others than practices: a row for each actor, lever and condition.

    Parameters
    ----------
    current
        The same activity under the current contracts.

    Returns
    -------
    list of dict
        Rows with the keys of the incentive map of practices. A row in which nothing moves is left out. What an actor
        does about it is predicted for the hospital's admissions, stays, follow-up and coding; the others have no lever.
    """
    rows, per_unit = [], {STAY: stay_margin(situation).cost_eur, FOLLOW_UP: follow_up_margin(situation).cost_eur}
    for lever, condition, units, up, down in _moves(situation):
        received, costs = _marginal(situation, up, down, units)
        if lever in per_unit:
            costs = costs | {HOSPITAL: per_unit[lever]}
        before = {} if current is None else _marginal(current, up, down, units)[0]
        for actor in sorted(received):
            revenue, spent = received[actor], costs.get(actor, 0.0)
            if abs(revenue) < _NOISE_EUR and abs(spent) < _NOISE_EUR:
                continue
            rows.append(
                {
                    "arm": arm,
                    "replicate": 0,
                    "year": situation.year,
                    "provider": actor,
                    "lever": lever,
                    "segment": CONDITION_TITLES[condition],
                    "unit": UNITS.get(lever) or HOSPITAL_UNITS[lever],
                    "marginal_revenue_eur": revenue,
                    "marginal_cost_eur": spent,
                    "margin_eur": revenue - spent,
                    "margin_under_current_eur": None if current is None else before.get(actor, 0.0) - spent,
                    "predicted_response": _predicted(situation, current, behaviour, actor, lever),
                    "lever_value": 1.0,
                }
            )
    return rows


_NOISE_EUR = 1e-6


def _predicted(
    situation: Situation, current: Situation | None, behaviour: Behaviour, actor: str, lever: str
) -> float | None:
    """Return by how much an actor would move its own lever in the end; None if it is not its lever."""
    of_hospital = {
        ELECTIVE: ("best_elective", elective_margin),
        STAY: ("best_stay", stay_margin),
        FOLLOW_UP: ("best_follow_up", follow_up_margin),
        CODING: ("best_coding", coding_margin),
    }
    if actor != HOSPITAL or lever not in of_hospital:
        return None
    name, margin = of_hospital[lever]
    best = getattr(behaviour, name, None)
    if best is None:
        return None
    now = margin(situation)
    anchor = now if current is None else margin(current)
    return float(best(round(now.revenue_eur - anchor.revenue_eur, 2), now.cost_eur) - 1.0)


def _moves(situation: Situation) -> Iterator[tuple[str, int, float, Activity, Activity]]:
    """Yield lever, condition, units moved in the region, and the activity with it up and down."""
    activity = situation.activity if situation.activity.years == 1.0 else situation.activity.annualised()
    step = situation.terms.nudge
    for condition in range(len(CONDITION_TITLES)):
        for lever, name in enumerate(LEVERS):
            now = situation.levers[:, condition, lever]
            up, down = (
                respond(activity, lever, condition, now, now * (1.0 + by), situation.terms, situation.services)
                for by in (step, -step)
            )
            units = float((up.units - down.units).sum())
            if units > 0.0:
                yield name, condition, units, up.activity, down.activity
        for service in (ELECTIVE, FOLLOW_UP):
            k = situation.services.index(service)
            more, fewer = (_scaled(activity, k, condition, 1.0 + by) for by in (step, -step))
            units = float((more.services - fewer.services).sum())
            if units > 0.0:
                yield service, condition, units, more, fewer
        stays = activity.stays
        if stays is not None:
            of = condition == SEGMENT_CONDITION[stays.segment]
            longer, shorter = (
                replace(activity, stays=replace(stays, days=np.where(of, stays.days * (1.0 + by), stays.days)))
                for by in (step, -step)
            )
            units = 2.0 * step * float(stays.weight[of] @ stays.days[of])
            if units > 0.0:
                yield STAY, condition, units, longer, shorter
            units = 2.0 * step * float(stays.weight[of].sum())
            if units > 0.0:
                higher, lower = (coded_higher(activity, by, condition) for by in (step, -step))
                yield CODING, condition, units, higher, lower


def _scaled(activity: Activity, service: int, condition: int, factor: float) -> Activity:
    services = activity.services.copy()
    services[:, condition == SEGMENT_CONDITION, service] *= factor
    stays = activity.stays
    if stays is not None:
        of = (stays.service == service) & (condition == SEGMENT_CONDITION[stays.segment])
        stays = replace(stays, weight=np.where(of, stays.weight * factor, stays.weight))
    return replace(activity, services=services, stays=stays)


def _marginal(
    situation: Situation, up: Activity, down: Activity, units: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Return euros by actor, and resource cost of care by sector, per unit; wholes hold their parts."""
    more, fewer = (_received(situation, each) for each in (up, down))
    received = {actor: (more.get(actor, 0.0) - fewer.get(actor, 0.0)) / units for actor in more.keys() | fewer.keys()}
    services = situation.services
    wholes = np.array([not each for each in services.within])
    cost = (up.services - down.services).sum(axis=(0, 1)) * wholes * services.resource_cost(situation.wages) / units
    return received, {sector: float(cost[services.in_sector(sector)].sum()) for sector in SECTORS}


def _received(situation: Situation, activity: Activity) -> dict[str, float]:
    """Return what each actor but practices receives in all, net of what it pays."""
    activity = activity.unpaid()
    found: dict[str, float] = {}
    for bill in settle(situation.contracts, Book(activity, situation.year, situation.past)).bills:
        euros = float(bill.payment.euros.sum())
        for actor, sign in ((bill.payment.payee, 1.0), (bill.contract.payer, -1.0)):
            if actor != PRACTICES:
                found[actor] = found.get(actor, 0.0) + sign * euros
    return found


def patient_table(
    situation: Situation, arm: str, current: Situation | None = None, behaviour: Behaviour | None = None
) -> list[dict[str, Any]]:
    """Return what one more patient of each segment, and of any, leaves a practice in a year: a row for each.

    Revenue is the derivative with respect to the people of the segment, who come with the care that such people use;
    cost is that of the practice's own care, the GP's time at the norm wage. Predicted is by how much less often such
    patients would be accepted, and by how much longer lists would become, in the end.
    """
    rows, best = [], _best_lists(situation, current, behaviour)
    for lever, name, who in _segments():
        up, down, apart = moved_lists(situation, who)
        years = float(np.abs(apart).sum())
        if not years > 0.0:
            continue
        revenue = _own(situation, up, down) / years
        before = None if current is None else _own(current, up, down) / years
        used = np.abs(up.services - down.services).sum(axis=(0, 1))
        cost = float(used @ care_cost_per_unit(situation)) / years
        rows.append(
            {
                "arm": arm,
                "replicate": 0,
                "year": situation.year,
                "provider": PRACTICES,
                "lever": lever,
                "segment": name,
                "unit": PATIENTS_UNIT,
                "marginal_revenue_eur": revenue,
                "marginal_cost_eur": cost,
                "margin_eur": revenue - cost,
                "margin_under_current_eur": None if before is None else before - cost,
                "predicted_response": None if best is None else _change(best, situation, lever, who),
                "lever_value": 1.0,
            }
        )
    return rows


def _best_lists(situation: Situation, current: Situation | None, behaviour: Behaviour | None) -> Lists | None:
    """Return what practices would do about their lists in the end; None if they have no such lever."""
    best = getattr(behaviour, "best_lists", None)
    if best is None or situation.anchor is None:
        return None
    found: Lists = best(situation, patient_margins(situation if current is None else current))
    return found


def _change(best: Lists, situation: Situation, lever: str, who: np.ndarray) -> float:
    """Return the predicted change of acceptance of a segment, or of the length of lists."""
    lived = situation.activity.person_years
    if lever == LIST:
        return float(np.average(best.size - 1.0, weights=lived.sum(axis=1)))
    return float(np.average(best.accept[:, who] - 1.0, weights=lived[:, who]))


def _segments() -> Iterator[tuple[str, str, np.ndarray]]:
    for code, name in enumerate(SEGMENT_NAMES):
        yield PATIENTS, name, np.arange(len(SEGMENT_NAMES)) == code
    yield LIST, EVERYBODY, np.ones(len(SEGMENT_NAMES), bool)


def _own(situation: Situation, up: Activity, down: Activity) -> float:
    """Return what practices are paid more for more people on their own list."""
    activity = situation.activity if situation.activity.years == 1.0 else situation.activity.annualised()
    change = (expected_revenue_eur(situation, up) - expected_revenue_eur(situation, down)).sum(axis=1)
    return float(change @ directions(activity))


_NAMES = {HOSPITAL: "the hospital", "pharmacy": "pharmacies", "out_of_hours": "out-of-hours services"}


def actor_sentence(row: dict[str, Any]) -> str:
    """Return a row of `actor_table` or `patient_table` as one sentence."""
    current, left = row["margin_under_current_eur"], row["margin_eur"]
    today = ""
    if current is not None and not math.isnan(current):
        today = f" (today {signed(current, '{} gained', '{} lost', 'nothing')})"
    if row["lever"] in (PATIENTS, LIST):
        ends = signed(left, "gains {}", "loses {}", "neither gains nor loses")
        who = "on its list" if row["lever"] == LIST else f"({row['segment']})"
        return f"A practice {ends} a year on every patient {who}{today}."
    act = _ACTS[row["lever"]]
    who = _NAMES.get(row["provider"], row["provider"].replace("_", " "))
    people = PEOPLE[row["segment"]]
    return f"One more {act} of patients {people} {_verb(left)} {who} {signed(left, '{}', '{}', 'nothing')}{today}."


def _verb(left: float) -> str:
    return "costs" if left <= -HALF_A_CENT else "leaves"


_ACTS = {
    "visit_intensity": "visit that practices plan themselves",
    "prevention": "planned control",
    "referral": "referral",
    "delegation": "contact handed to the nurse",
    "coding": "person-year of risk on record",
    "availability": "evening or weekend contact with the own practice",
    "consultation_length": "consultation's length of time in contacts",
    ELECTIVE: "planned admission",
    STAY: "day in hospital",
    FOLLOW_UP: "follow-up visit to a specialist",
    CODING: "admission coded a group of severity higher",
}
