"""What a contract rewards: marginal revenue, cost and hours of every lever, derived from the contract itself.

No contract carries an effect. The provider's recent activity is moved a little up and down along a lever, the
contracts are asked what they would pay for either, and::

    marginal revenue = (revenue(up) - revenue(down)) / (up - down)

per year and unit of lever. Contracts enter through `Contract.practice_revenue` alone, so a contract that
somebody has just written needs no further code. One lever of one condition is moved in every practice
at once, up in about half of the lists and down in the others, which is exact as long as a practice is paid for its own
activity. What comes of money that all share, such as savings of a region, cancels but for about one list: a practice
that alone saves a euro gets back its share of one among N, which is next to nothing (Holmstrom 1982, moral hazard in
teams). Moved all the same way, practices would count on each other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.segments import CONDITIONS
from paysim.behaviour.protocol import Behaviour
from paysim.behaviour.response import Response, respond
from paysim.behaviour.situation import Anchor, Floats, Margins, Situation
from paysim.contracts.settlement import settle
from paysim.errors import ModelError
from paysim.kernel.records import CONDITIONS as CONDITION_TITLES
from paysim.kernel.records import LEVERS

MINUTES_PER_HOUR = 60.0
HALF_A_CENT = 0.005

UNITS = {
    "visit_intensity": "EUR per further visit",
    "prevention": "EUR per further planned control",
    "referral": "EUR per further referral",
    "delegation": "EUR per contact that moves from GP to nurse",
    "coding": "EUR per further person-year of mean risk on record",
}
"""What one more unit of a lever is."""

_ACTS = {
    "visit_intensity": ("One more visit that the practice plans itself", "such visits"),
    "prevention": ("One more planned control", "planned controls"),
    "referral": ("One more referral to a specialist", "referrals"),
    "delegation": ("One more contact handed from the GP to the nurse", "contacts with the nurse"),
    "coding": ("One more person-year of mean risk on record", "risk on record"),
}
_PEOPLE = {
    CONDITION_TITLES[0]: "without a chronic condition",
    CONDITION_TITLES[1]: "with vascular disease or a high risk of it",
    CONDITION_TITLES[2]: "with diabetes",
}


def revenue_eur(situation: Situation, activity: Activity) -> Floats:
    """Return ``[practice, segment]`` euros that the contracts pay for a year's activity, unrounded."""
    activity = replace(activity, lines=(), payments=None)  # they are reckoned anew
    return settle(situation.contracts, Book(activity, situation.year, situation.past)).practice_revenue()


def income_eur(situation: Situation) -> Floats:
    """Return ``[practice]`` what is left for the owners of a year: revenue less the practice's costs."""
    year = _of_a_year(situation.activity)
    return np.asarray(revenue_eur(situation, year).sum(axis=1) - situation.practice_costs_eur)


def contact_hours(situation: Situation) -> Floats:
    """Return ``[practice]`` GP hours that the contacts of the year looked at take."""
    year = _of_a_year(situation.activity)
    return np.asarray(year.services.sum(axis=1) @ _gp_hours_per_unit(situation))


def working_hours(situation: Situation) -> Floats:
    """Return ``[practice]`` all hours that the GPs work in the year looked at."""
    other = situation.other_gp_hours
    return contact_hours(situation) + (0.0 if other is None else other)


def marginal(situation: Situation, step: float | None = None) -> Margins:
    """Return what a unit of every lever would bring and take in a year.

    Parameters
    ----------
    step
        Half-width of the central difference as a share of the lever; the terms' own when None.
    """
    activity = _of_a_year(situation.activity)
    shape = situation.levers.shape
    revenue, cost, hours, units = (np.zeros(shape) for _ in range(4))
    euro_per_unit, hours_per_unit = _cost_per_unit(situation), _gp_hours_per_unit(situation)
    directions = _directions(activity)
    for condition in range(len(CONDITIONS)):
        for lever in range(len(LEVERS)):
            up, down, width = _nudged(situation, activity, directions, lever, condition, step)
            at = (slice(None), condition, lever)
            difference = revenue_eur(situation, up.activity) - revenue_eur(situation, down.activity)
            revenue[at] = difference.sum(axis=1) / width
            services = (up.activity.services - down.activity.services).sum(axis=1)
            cost[at] = services @ euro_per_unit / width
            minutes = up.gp_minutes - down.gp_minutes
            hours[at] = (services @ hours_per_unit + minutes / MINUTES_PER_HOUR) / width
            units[at] = (up.units - down.units) / width
    return Margins(revenue, cost, hours, units)


def make_anchor(situation: Situation) -> Anchor:
    """Return the point from which responses are reckoned, from the base run under `current`.

    Parameters
    ----------
    situation
        Contracts of `current` and the activity of the last base year.
    """
    return Anchor(marginal(situation), income_eur(situation), working_hours(situation))


def incentive_table(situation: Situation, behaviour: Behaviour, arm: str, replicate: int) -> list[dict[str, Any]]:
    """Return the incentive map of the practices: one row for every lever and condition.

    Values are means over practices weighted by the units a lever moves. The GP's own time is costed at the
    norm wage; the behaviour may value it otherwise. Where a lever moves nothing there is no row.
    """
    now = marginal(situation)
    current = situation.anchor.margins if situation.anchor else None
    target = behaviour.best_response(situation)
    rows = []
    for lever, name in enumerate(LEVERS):
        for condition, title in enumerate(CONDITION_TITLES):
            at = (slice(None), condition, lever)
            weight = now.units[at]
            if not weight.sum() > 0.0:
                continue
            cost = _full_cost(situation, now)[at].sum() / weight.sum()
            revenue = now.revenue_eur[at].sum() / weight.sum()
            rows.append(
                {
                    "arm": arm,
                    "replicate": replicate,
                    "year": situation.year,
                    "provider": "practices",
                    "lever": name,
                    "segment": title,
                    "unit": UNITS[name],
                    "marginal_revenue_eur": float(revenue),
                    "marginal_cost_eur": float(cost),
                    "margin_eur": float(revenue - cost),
                    "margin_under_current_eur": None if current is None else _margin(situation, current, at),
                    "predicted_response": float(np.average(target[at] - 1.0, weights=weight)),
                    "lever_value": float(np.average(situation.levers[at], weights=weight)),
                }
            )
    return rows


def plain_sentence(row: dict[str, Any]) -> str:
    """Return a row of the incentive table as one sentence for people who do not read tables."""
    act, plural = _ACTS[row["lever"]]
    brings, costs, left = (row[f"{name}_eur"] for name in ("marginal_revenue", "marginal_cost", "margin"))
    paid = _signed(brings, "pays the practice {} more", "takes {} of revenue from it", "pays the practice nothing")
    spent = _signed(costs, "takes {} of time and material", "saves {} of time and material", "takes no time")
    ends = _signed(left, "{} better off", "{} worse off", "no better off")
    current = row["margin_under_current_eur"]
    today = "" if current is None else f" (today {_signed(current, '{} better', '{} worse', 'no better')})"
    change = row["predicted_response"]
    percent = f"{abs(change):.0%}" if abs(change) >= 0.005 else "less than 1%"
    in_time = f"{percent} {'more' if change > 0.0 else 'fewer'}" if change else "no change in"
    return (
        f"{act} for patients {_PEOPLE[row['segment']]} {paid} and {spent}: "
        f"the practice is {ends}{today}; predicted in time: {in_time} {plural}."
    )


def _signed(euro: float, above: str, below: str, none: str) -> str:
    if abs(euro) < HALF_A_CENT:
        return none
    return (above if euro > 0.0 else below).format(f"{abs(euro):.2f} euro")


def _of_a_year(activity: Activity) -> Activity:
    return activity if activity.years == 1.0 else activity.annualised()


def _nudged(
    situation: Situation, activity: Activity, directions: Floats, lever: int, condition: int, step: float | None
) -> tuple[Response, Response, Floats]:
    observed = situation.levers if situation.activity_levers is None else situation.activity_levers
    now = observed[:, condition, lever]
    half = now * (situation.terms.nudge if step is None else step)
    if not ((half > 0.0) & (half < now)).all():
        raise ModelError(f"incentives: a nudge must lie between 0 and 1, not {step}")
    half = half * directions  # where it is negative, up is down and the difference is divided by a negative
    up, down = (
        respond(activity, lever, condition, now, new, situation.terms, situation.services)
        for new in (now + half, now - half)
    )
    return up, down, 2.0 * half


def _directions(activity: Activity) -> Floats:
    """Return ``[practice]`` 1 or -1, so that lists of both kinds hold about as many people; whatever their order."""
    lists = activity.person_years.sum(axis=1)
    signs, balance = np.ones(len(lists)), 0.0
    for at in sorted(range(len(lists)), key=lambda k: (-lists[k], activity.practice_names[k])):
        signs[at] = 1.0 if balance <= 0.0 else -1.0
        balance += signs[at] * lists[at]
    return signs


def _gp_hours_per_unit(situation: Situation) -> Floats:
    own = situation.services.in_sector("general_practice")
    return np.asarray(situation.services.minutes[:, 0] * own / MINUTES_PER_HOUR)


def _cost_per_unit(situation: Situation) -> Floats:
    """Return ``[service]`` what a unit costs the practice besides the GP's own time."""
    services, staff = situation.services, replace(situation.wages, gp_eur=0.0)
    own = services.in_sector("general_practice")
    return np.asarray((services.minutes @ staff.per_minute() + services.material_eur) * own)


def _full_cost(situation: Situation, margins: Margins) -> Floats:
    return np.asarray(margins.cost_eur + margins.hours * situation.wages.gp_eur)


def _margin(situation: Situation, margins: Margins, at: tuple[slice, int, int]) -> float | None:
    units = margins.units[at].sum()
    left = margins.revenue_eur[at].sum() - _full_cost(situation, margins)[at].sum()
    return float(left / units) if units > 0.0 else None
