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

With a handful of practices one list is much. They are then moved in several patterns of ups and downs, the rows of a
Hadamard matrix, that tell apart what each practice earns by itself and what it earns by each of the others. In a sample
a practice stands for many, and of what it earns by a pool of practices only its own part among all of them counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from scipy.linalg import hadamard
from scipy.special import ndtri

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.segments import CONDITIONS
from paysim.behaviour.protocol import Behaviour
from paysim.behaviour.response import GP_TIME, MINUTES_PER_HOUR, Response, respond
from paysim.behaviour.situation import HOURS, Anchor, Floats, Margins, Situation
from paysim.contracts.settlement import Settlement, practice_net, settle, settle_after
from paysim.errors import ModelError
from paysim.kernel.records import CODING, CONSULTATION_LENGTH, LEVERS
from paysim.kernel.records import CONDITIONS as CONDITION_TITLES

HALF_A_CENT = 0.005

_HANDFUL = 8
"""Practices up to which those who share money are told apart exactly: as many settlements for one."""

_UNFORESEEN = frozenset({"payments", "persons", "indicators"})
"""What a component may read that a practice cannot foresee."""


def _chances(n: int) -> tuple[float, ...]:
    """Return `n` equally likely values of a standard normal, of mean 0 and variance 1."""
    z = ndtri((np.arange(n) + 0.5) / n)
    return tuple((z / np.sqrt(np.mean(z**2))).tolist())


_CHANCES = _chances(8)

UNITS = {
    "visit_intensity": "EUR per further visit",
    "prevention": "EUR per further planned control",
    "referral": "EUR per further referral",
    "delegation": "EUR per contact that moves from GP to nurse",
    "coding": "EUR per further person-year of mean risk on record",
    "availability": "EUR per further evening or weekend contact with the own practice",
    "consultation_length": "EUR per consultation's length of further time in contacts",
}
"""What one more unit of a lever is."""

_ACTS = {
    "visit_intensity": ("One more visit that the practice plans itself", "such visits"),
    "prevention": ("One more planned control", "planned controls"),
    "referral": ("One more referral to a specialist", "referrals"),
    "delegation": ("One more contact handed from the GP to the nurse", "contacts with the nurse"),
    "coding": ("One more person-year of mean risk on record", "risk on record"),
    "availability": (
        "One more contact for what arose in an evening or weekend",
        "such contacts with the own practice",
    ),
    "consultation_length": ("A consultation's length of further time within contacts", "minutes a consultation"),
}
PEOPLE = {
    CONDITION_TITLES[0]: "without a chronic condition",
    CONDITION_TITLES[1]: "with vascular disease or a high risk of it",
    CONDITION_TITLES[2]: "with diabetes",
}


def revenue_eur(situation: Situation, activity: Activity) -> Floats:
    """Return ``[practice, segment]`` euros that the contracts pay for a year's activity, less what practices pay."""
    activity = activity.unpaid()  # they are reckoned anew
    return practice_net(situation.contracts, Book(activity, situation.year, situation.past))


def expected_revenue_eur(situation: Situation, activity: Activity) -> Floats:
    """Return ``[practice, segment]`` euros that a practice expects of a year, and of what the year does to later ones.

    A practice does not know what care of its people will cost, nor who of them will be at target. Payments that are not
    in proportion are therefore a mean over chance: payments for the list vary by ``cost_cv`` over the root of its
    people (of all people together, where they are one organisation), indicators as counts of independent people. So a
    threshold far away rewards little, and one nearby a lot (Holmstrom and Milgrom). A year that becomes the benchmark
    of later years costs what they then pay less, discounted, as far ahead as practices look (the ratchet).
    """
    activity = activity.unpaid()
    parts = [part for contract in situation.contracts for part in contract.in_force(situation.year)]
    chance = [part for part in parts if not part.linear and part.terms.reads & _UNFORESEEN]
    if not chance:
        return revenue_eur(situation, activity)
    pooled = all(getattr(part.terms, "pooled", False) for part in chance)
    ahead = min(max(part.years_felt for part in parts), int(situation.terms.horizon_years))
    people = activity.person_years.sum(axis=1)
    people = np.full_like(people, people.sum() * situation.weight) if pooled else people
    looks = [_revenue_and_later(situation, _by_chance(situation, activity, z, people), ahead) for z in _CHANCES]
    return np.asarray(np.mean(looks, axis=0))


def _revenue_and_later(situation: Situation, activity: Activity, ahead: int) -> Floats:
    """Return what a year brings, and what it moves in the years ahead if these are like the year looked at."""
    this = settle(situation.contracts, Book(activity, situation.year, situation.past))
    revenue = this.practice_net()
    past = (*situation.past, this.book.activity)
    moved = [0]  # years that are not as usual: this one, and those whose first payments it moves
    for years in range(1, ahead + 1):
        usual = later = _usual(situation, years)
        if any(each.part.looks_back_at(usual.book.year, years - back) for each in usual.bills for back in moved):
            later = settle_after(past, usual)
        if later.book.activity is not usual.book.activity:
            moved.append(years)
        revenue = revenue + situation.terms.discount_factor**years * later.practice_net()
        past = (*past, later.book.activity)
    return revenue


def _usual(situation: Situation, years: int) -> Settlement:
    """Return the settlement of a year so many years ahead that is like the one looked at, after years like it."""
    known = [*_USUAL.get(situation, ())]
    if len(known) > years:
        return known[years]
    activity = _of_a_year(situation.activity).unpaid()
    while len(known) <= years:
        past = (*situation.past, *(each.book.activity for each in known))
        year = None if situation.year is None else situation.year + len(known)
        known.append(settle(situation.contracts, Book(activity, year, past)))
    _USUAL[situation] = tuple(known)  # whole: another thread may look at the same situation
    return known[years]


_USUAL: WeakKeyDictionary[Situation, tuple[Settlement, ...]] = WeakKeyDictionary()
"""What does not depend on the year that is weighed is reckoned once."""


def _by_chance(situation: Situation, activity: Activity, z: float, people: Floats) -> Activity:
    """Return the activity with luck `z` standard deviations, of the mean of `people`, away from what is expected."""
    sd = situation.terms.cost_cv / np.sqrt(np.maximum(people, 1.0))
    others = ~situation.services.in_sector("general_practice")
    services = activity.services * np.where(others, np.maximum(1.0 + z * sd, 0.0)[:, None], 1.0)[:, None, :]
    names = sorted(activity.indicators)
    counts = np.array([activity.indicators[name] for name in names]).reshape(len(names), len(people), 2)
    above, below = counts[:, :, 0], counts[:, :, 1]
    share = np.divide(above, below, out=np.zeros_like(above), where=below > 0.0)
    met = above + z * np.sqrt(np.maximum(above * (1.0 - share), 0.0))
    met = np.minimum(np.maximum(met, 0.0), np.maximum(below, above))
    indicators = dict(zip(names, np.stack([met, below], axis=2), strict=True))
    return replace(activity, services=services, indicators=indicators)


def income_eur(situation: Situation) -> Floats:
    """Return ``[practice]`` what is left for the owners of a year: revenue less the practice's costs."""
    year = _of_a_year(situation.activity)
    return np.asarray(revenue_eur(situation, year).sum(axis=1) - situation.practice_costs_eur)


def contact_hours(situation: Situation) -> Floats:
    """Return ``[practice]`` GP hours that the contacts of the year looked at take."""
    return np.asarray(staff_hours(situation)[:, 0])


def staff_hours(situation: Situation) -> Floats:
    """Return ``[practice, 3]`` hours of GPs and of both kinds of nurses that the year looked at takes."""
    year = _of_a_year(situation.activity)
    hours = np.asarray(year.services.sum(axis=1) @ staff_hours_per_unit(situation))
    if year.longer_hours is not None:
        hours[:, 0] += year.longer_hours
    return hours


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
    if step is None and situation in _FOUND:
        return _FOUND[situation]
    found = _marginal(situation, step)
    if step is None:
        _FOUND[situation] = found
    return found


_FOUND: WeakKeyDictionary[Situation, Margins] = WeakKeyDictionary()
"""Margins of situations that are still looked at: a quarter's map, best response and decision need the same."""


def _marginal(situation: Situation, step: float | None) -> Margins:
    activity = _of_a_year(situation.activity)
    shape = situation.levers.shape
    idle = idle_levers(situation)
    revenue, hours, units = (np.zeros(shape) for _ in range(3))
    cost, nurse_hours = np.zeros((*shape, 3)), np.zeros((*shape, len(HOURS) - 1))
    euro_per_unit, hours_per_unit = costs_per_unit(situation), staff_hours_per_unit(situation)
    in_contacts = hours_per_unit[:, 0] * in_gp_contacts(situation)
    patterns = sign_patterns(situation, activity)
    for condition in range(len(CONDITIONS)):
        for lever in range(len(LEVERS)):
            nudges = [_nudged(situation, activity, signs, lever, condition, step) for signs in patterns]
            up, down, width = nudges[0]
            at = (slice(None), condition, lever)
            services = (up.activity.services - down.activity.services).sum(axis=1)
            cost[at] = services @ euro_per_unit / width[:, None]
            minutes = up.gp_minutes - down.gp_minutes
            worked = services @ hours_per_unit
            longer = longer_by_condition(situation)[:, condition] * (services @ in_contacts)
            hours[at] = (worked[:, 0] + longer + minutes / MINUTES_PER_HOUR) / width
            nurse_hours[at] = worked[:, 1:] / width[:, None]
            units[at] = (up.units - down.units) / width
            if lever not in idle:
                changes = [revenue_change(situation, up.activity, down.activity) for up, down, _ in nudges]
                revenue[at] = by_oneself(changes, [each for _, _, each in nudges], units[at], situation.weight)
    return Margins(revenue, cost.sum(axis=-1), cost[..., 0], cost[..., 1], hours, nurse_hours, units)


def idle_levers(situation: Situation) -> tuple[int, ...]:
    """Return levers that no contract can reward, whatever its terms: minutes, and recorded risk that none reads."""
    parts = (part for contract in situation.contracts for part in contract.in_force(situation.year))
    coded = any("coded_years" in part.terms.reads for part in parts)
    return (CONSULTATION_LENGTH,) if coded else (CODING, CONSULTATION_LENGTH)


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
    paid = signed(brings, "pays the practice {} more", "takes {} of revenue from it", "pays the practice nothing")
    spent = signed(costs, "takes {} of time and material", "saves {} of time and material", "takes no time")
    ends = signed(left, "{} better off", "{} worse off", "no better off")
    current = row["margin_under_current_eur"]
    today = "" if current is None else f" (today {signed(current, '{} better', '{} worse', 'no better')})"
    change = row["predicted_response"]
    percent = f"{abs(change):.0%}" if abs(change) >= 0.005 else "less than 1%"
    in_time = f"{percent} {'more' if change > 0.0 else 'fewer'}" if change else "no change in"
    return (
        f"{act} for patients {PEOPLE[row['segment']]} {paid} and {spent}: "
        f"the practice is {ends}{today}; predicted in time: {in_time} {plural}."
    )


def signed(euro: float, above: str, below: str, none: str) -> str:
    """Return an amount in words: `above` or `below` with the euros in place of {}, or `none` within half a cent."""
    if abs(euro) < HALF_A_CENT:
        return none
    return (above if euro > 0.0 else below).format(f"{abs(euro):,.2f} euro")


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
    services = situation.services
    half = half * directions  # where it is negative, up is down and the difference is divided by a negative
    up, down = (
        _with_nurses(situation, activity, respond(activity, lever, condition, now, new, situation.terms, services))
        for new in (now + half, now - half)
    )
    return up, down, 2.0 * half


def _with_nurses(situation: Situation, before: Activity, response: Response) -> Response:
    """Return a response with the working time of nurses that its hours with patients take, if a contract pays by it."""
    year, parts = situation.nurse_year, (part for each in situation.contracts for part in each.in_force(situation.year))
    if before.fte_years is None or year is None or not any("fte_years" in part.terms.reads for part in parts):
        return response
    further = (response.activity.services - before.services).sum(axis=1) @ staff_hours_per_unit(situation)[:, 1:]
    fte = before.fte_years.copy()
    fte[:, 1:] = np.maximum(fte[:, 1:] + further / (year.share_with_patients * year.paid), 0.0)
    return replace(response, activity=replace(response.activity, fte_years=fte))


def sign_patterns(situation: Situation, activity: Activity) -> list[Floats]:
    """Return which practices are moved up (1) and which down (-1), ``[practice]`` in each pattern.

    One pattern, unless a handful of practices may share money: then the columns of a Hadamard matrix, any two of which
    are alike as often as not.
    """
    count = len(activity.practice_names)
    parts = (part for contract in situation.contracts for part in contract.in_force(situation.year))
    if not 1 < count <= _HANDFUL or all(part.linear for part in parts):
        return [directions(activity)]
    rows = hadamard(1 << (count - 1).bit_length()).astype(float)
    return list(rows[:, :count])


def revenue_change(situation: Situation, up: Activity, down: Activity) -> Floats:
    """Return ``[practice]`` what practices expect more of one year's activity than of another's, euro."""
    return np.asarray((expected_revenue_eur(situation, up) - expected_revenue_eur(situation, down)).sum(axis=1))


def by_oneself(changes: Sequence[Floats], widths: Sequence[Floats], size: Floats, weight: float) -> Floats:
    """Return what each practice earns per unit that it moves alone ``[practice]``.

    Parameters
    ----------
    changes, widths
        ``[practice]`` in each of the `sign_patterns`: change of revenue, and how far the practice was moved (negative
        where down).
    size
        ``[practice]`` how much of what the others share a unit of a practice's lever moves, in any unit.
    weight
        Practices that each of them stands for.
    """
    if len(changes) == 1:
        return np.asarray(changes[0] / widths[0])
    # What i gains by a unit of j: patterns in which j goes up less those in which it goes down.
    gains = np.stack(changes).T @ (1.0 / np.stack(widths)) / len(changes)
    own = np.diagonal(gains)
    if weight == 1.0:
        return np.array(own)
    # In a sample the others' effect on a practice, per unit of size, is what its own has through the pool.
    others = size.sum() - size
    through_pool = np.divide(gains.sum(axis=1) - own, others, out=np.zeros_like(own), where=others > 0.0) * size
    return np.asarray(own - (1.0 - 1.0 / weight) * through_pool)


def directions(activity: Activity) -> Floats:
    """Return ``[practice]`` 1 or -1, so that lists of both kinds hold about as many people; whatever their order."""
    lists = activity.person_years.sum(axis=1)
    signs, balance = np.ones(len(lists)), 0.0
    for at in sorted(range(len(lists)), key=lambda k: (-lists[k], activity.practice_names[k])):
        signs[at] = 1.0 if balance <= 0.0 else -1.0
        balance += signs[at] * lists[at]
    return signs


def in_gp_contacts(situation: Situation) -> Floats:
    """Return ``[service]`` 1 for contacts whose length is that of the GP's consultations, else 0."""
    return np.array([float(name in GP_TIME) for name in situation.services.names])


def longer_by_condition(situation: Situation) -> Floats:
    """Return ``[practice, condition]`` by how much contacts with GPs were longer than usual, a share."""
    observed = situation.levers if situation.activity_levers is None else situation.activity_levers
    return np.asarray(observed[:, :, CONSULTATION_LENGTH] - 1.0)


def gp_hours_per_unit(situation: Situation) -> Floats:
    """Return ``[service]`` GP hours that a unit of the practice's own services takes, at the usual length."""
    return np.asarray(staff_hours_per_unit(situation)[:, 0])


def staff_hours_per_unit(situation: Situation) -> Floats:
    """Return ``[service, 3]`` hours of GPs and nurses that a unit of own services takes, contacts of usual length."""
    own = situation.services.in_sector("general_practice")
    return np.asarray(situation.services.minutes[:, : len(HOURS)] * own[:, None] / MINUTES_PER_HOUR)


def costs_per_unit(situation: Situation) -> Floats:
    """Return ``[service, 3]`` what a unit of its own services costs the practice: nurses, assistants, material.

    A nurse is paid for all her hours, so that one with patients costs ``wage / share of her hours with patients``.
    """
    services, year = situation.services, situation.nurse_year
    share = 1.0 if year is None else year.share_with_patients
    per_minute = situation.wages.per_minute()
    nurses = services.minutes[:, 1:-1] @ per_minute[1:-1] / share
    euros = np.column_stack([nurses, services.minutes[:, -1] * per_minute[-1], services.material_eur])
    return np.asarray(euros * services.in_sector("general_practice")[:, None])


def staff_cost_per_unit(situation: Situation) -> Floats:
    """Return ``[service]`` what a unit of its own services costs the practice besides the GP's time."""
    return np.asarray(costs_per_unit(situation).sum(axis=1))


def care_cost_per_unit(situation: Situation) -> Floats:
    """Return ``[service]`` what a unit of its own services costs the practice, the GP's time at the norm wage."""
    return staff_cost_per_unit(situation) + gp_hours_per_unit(situation) * situation.wages.gp_eur


def _full_cost(situation: Situation, margins: Margins) -> Floats:
    return np.asarray(margins.cost_eur + margins.hours * situation.wages.gp_eur)


def _margin(situation: Situation, margins: Margins, at: tuple[slice, int, int]) -> float | None:
    units = margins.units[at].sum()
    left = margins.revenue_eur[at].sum() - _full_cost(situation, margins)[at].sum()
    return float(left / units) if units > 0.0 else None
