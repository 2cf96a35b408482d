"""What the model predicts of payment reforms whose effect was observed, from their contracts alone.

Each experiment takes practices of a region in a base year, pays them by the contract before and by the contract after,
and lets them decide: on expected activity (`paysim.behaviour.response`), without simulating anybody. All experiments
meet the same practices, whose altruism stands at quantiles of its distribution, so that nothing is left to chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.segments import CONDITIONS, SEGMENT_CONDITION, SEGMENTS
from paysim.behaviour import load_behaviour
from paysim.behaviour.altruism import altruism_quantiles
from paysim.behaviour.hospital import elective_margin
from paysim.behaviour.incentives import costs_per_unit, make_anchor, revenue_eur
from paysim.behaviour.profit_altruism import ProfitAltruism
from paysim.behaviour.response import CONTACTS, GP_CONTACTS, respond
from paysim.behaviour.situation import Floats, PracticeTraits, Situation, response_terms
from paysim.contracts.capitation import Capitation
from paysim.contracts.contract import Contract, Part
from paysim.contracts.fee_for_service import FeeForService
from paysim.contracts.protocol import Component
from paysim.contracts.risk_capitation import RiskCapitation
from paysim.contracts.schedule import ServicePrice
from paysim.contracts.settlement import LINES, settle
from paysim.contracts.shared_savings import CURATIVE, SharedSavings
from paysim.engine.cell import run_base
from paysim.engine.model import build_model
from paysim.engine.responses import Responses
from paysim.errors import DataError, Problem
from paysim.kernel.records import LEVERS, PERIODS_PER_YEAR
from paysim.parameters import Parameters
from paysim.scenario import Scenario

BASE_YEARS = 2  # recorded risk is known from the second quarter on
LONG_RUN_QUARTERS, LONG_RUN_SPEED = 8, 0.5
"""A response that was observed over years is taken to be complete: after eight steps half-way, all but 0.4% is."""

SMALL_PRICE_RISE = 0.02
_CURATIVE = [LINES.index(line) for line in CURATIVE]

UNKNOWN: dict[str, tuple[float, float, float, str]] = {
    "full_fee_eur": (32.04, 29.83, 44.08, "Ontario's full fee: a GP consultation of the Dutch costing manual 2024"),
    "fee_share_lost": (0.875, 0.85, 0.90, "Ontario: residual fee 0.10 to 0.15 of the full fee"),
    "sharing_rate": (0.5, 0.3, 0.7, "Dutch shared savings: sharing rate, not published"),
}
"""What is not known of the reforms: value, 95% interval, what it is. Fitted along, and no part of the model."""


@dataclass(frozen=True, eq=False)
class Reference:
    """The practices that meet every experiment: a base year of a region under its current contracts."""

    situation: Situation
    base_years: tuple[Activity, ...]
    parameters: Parameters


def make_reference(scenario: Scenario, sample: int) -> Reference:
    """Simulate the base years of a scenario's region under its current contracts."""
    current = scenario.arm(scenario.current)
    scenario = replace(scenario, arms=(current,), compare_with=(current.name,), base_years=BASE_YEARS, horizon_years=1)
    model = build_model(scenario, sample)
    base = run_base(model, 0)
    return Reference(Responses(model, current, base.years, 0).under_current, base.years, model.parameters)


def predict(reference: Reference, values: Mapping[str, float], unknown: Mapping[str, float]) -> dict[str, float]:
    """Return what the model predicts of every experiment, by the names of ``targets/behaviour.csv``.

    Parameters
    ----------
    values
        Parameters of behaviour in place of those of the reference, ``behaviour.<name>``.
    unknown
        Values of `UNKNOWN`.
    """
    now, behaviour = _now(reference, values)
    found = _blended_capitation(now, behaviour, unknown["full_fee_eur"], unknown["fee_share_lost"])
    found |= _shared_savings(now, behaviour, reference.base_years, unknown["sharing_rate"])
    found |= _price_of_admissions(now, behaviour)
    found |= _risk_weights(now, behaviour)
    return found


def predict_signs(reference: Reference, values: Mapping[str, float]) -> dict[str, float]:
    """Return what the model predicts where only a sign is known, see `predict`."""
    now, behaviour = _now(reference, values)
    return _population_budget(now, behaviour, reference.base_years) | _selection(now)


def _now(reference: Reference, values: Mapping[str, float]) -> tuple[Situation, ProfitAltruism]:
    parameters = reference.parameters.override(list(values.items()))
    behaviour = load_behaviour("profit_altruism", [], parameters)
    assert isinstance(behaviour, ProfitAltruism)
    traits = _traits(reference, behaviour)
    return replace(reference.situation, terms=response_terms(parameters), traits=traits), behaviour


def walk(start: Situation, behaviour: ProfitAltruism, quarters: int) -> list[Floats]:
    """Return the levers of each quarter when practices decide again and again, on the activity that follows."""
    levers, past, path = start.levers, [start.levers] * PERIODS_PER_YEAR, []
    for _ in range(quarters):
        observed = np.mean(past, axis=0)
        activity = activity_at(start, observed)
        costs = start.practice_costs_eur + _further_bills(start, activity)
        now = replace(start, activity=activity, practice_costs_eur=costs, levers=levers, activity_levers=observed)
        levers = behaviour.decide(now)
        past = [*past[1:], levers]
        path.append(levers)
    return path


def activity_at(start: Situation, levers: Floats) -> Activity:
    """Return the activity of the base year as it would be with all levers elsewhere."""
    activity = start.activity
    for lever in range(len(LEVERS)):
        for condition in range(len(CONDITIONS)):
            ones, new = start.levers[:, condition, lever], levers[:, condition, lever]
            activity = respond(activity, lever, condition, ones, new, start.terms, start.services).activity
    return activity


def _further_bills(start: Situation, activity: Activity) -> Floats:
    """Return ``[practice]`` euros a year that nurses' hours and material cost beyond those of the base year."""
    nurses, _, material = costs_per_unit(start).T
    return np.asarray((activity.services - start.activity.services).sum(axis=1) @ (nurses + material))


def _traits(reference: Reference, behaviour: ProfitAltruism) -> PracticeTraits:
    practices = len(reference.situation.activity.practice_names)
    at, v = (np.arange(practices) + 0.5) / practices, behaviour.values
    altruism = altruism_quantiles(at, v["altruism_mean"], v["altruism_sd"], v["altruism_min"])
    return PracticeTraits(altruism, np.full(practices, v["speed"]))


def _long_run(
    start: Situation, behaviour: ProfitAltruism, before: tuple[Contract, ...], after: tuple[Contract, ...]
) -> Floats:
    """Return the levers chosen in the end under `after`, where base levers are the best response to `before`."""
    fast = replace(start.traits, speed=np.full_like(start.traits.speed, LONG_RUN_SPEED))
    anchor = make_anchor(replace(start, contracts=before))
    return walk(replace(start, contracts=after, anchor=anchor, traits=fast), behaviour, LONG_RUN_QUARTERS)[-1]


def _neutral(start: Situation, *terms: Component) -> tuple[Contract, ...]:
    """Return one contract of the terms and a capitation that leaves practices in all with what they are paid now."""
    parts = [Part(f"c{k}", each) for k, each in enumerate(terms)]
    own = Contract("experiment", "Experiment", "insurers", "practices", tuple(parts))
    missing = (
        revenue_eur(start, start.activity).sum() - revenue_eur(replace(start, contracts=(own,)), start.activity).sum()
    )
    rate = float(missing / start.activity.person_years.sum())
    capitation = Part("rest", Capitation(rate_eur_per_person_year=rate))
    return (replace(own, components=(*parts, capitation)),)


def _blended_capitation(
    start: Situation, behaviour: ProfitAltruism, fee_eur: float, share_lost: float
) -> dict[str, float]:
    """Fees fall to a rest and capitation makes up for it; income at base is that of today throughout."""
    fees, rest = (
        FeeForService(tuple(ServicePrice(name, eur) for name in CONTACTS))
        for eur in (fee_eur, fee_eur * (1.0 - share_lost))
    )
    levers = _long_run(start, behaviour, _neutral(start, fees), _neutral(start, rest))
    columns = [start.services.index(name) for name in GP_CONTACTS]
    held, before = (each.services[:, :, columns].sum() for each in (activity_at(start, levers), start.activity))
    return {"contacts_blended_capitation": float(held / before - 1.0)}


def _shared_savings(
    start: Situation, behaviour: ProfitAltruism, base_years: tuple[Activity, ...], sharing_rate: float
) -> dict[str, float]:
    """Practices keep a part of what care of their people costs less than the norm for their case mix; year 1."""
    change, before = _first_year(
        start, behaviour, base_years, SharedSavings(sharing_rate=sharing_rate, norm_weight=1.0)
    )
    whole = float(change[_CURATIVE].sum())
    return {
        "spending_shared_savings": whole / float(before[_CURATIVE].sum()),
        "spending_shared_savings_specialist": float(change[LINES.index("hospital")]) / whole if whole else 0.0,
    }


def _population_budget(
    start: Situation, behaviour: ProfitAltruism, base_years: tuple[Activity, ...]
) -> dict[str, float]:
    """Gains and losses against a budget on own history are shared alike; year 1."""
    change, before = _first_year(start, behaviour, base_years, SharedSavings(sharing_rate=0.5, loss_rate=0.5))
    return {"spending_population_budget": float(change[_CURATIVE].sum() / before[_CURATIVE].sum())}


def _first_year(
    start: Situation, behaviour: ProfitAltruism, base_years: tuple[Activity, ...], terms: SharedSavings
) -> tuple[Floats, Floats]:
    """Return the change of payments in year 1 ``[line]`` when practices share savings too, and payments before."""
    shared = Contract("shared", "Shared savings", "insurers", "practices", (Part("shared", cast(Component, terms)),))
    anchor = make_anchor(start)
    after = replace(start, contracts=(*start.contracts, shared), anchor=anchor, year=0, past=base_years)
    levers = np.mean(walk(after, behaviour, PERIODS_PER_YEAR), axis=0)
    paid, before = (_payments(start, each) for each in (activity_at(start, levers), start.activity))
    return paid - before, before


def _payments(start: Situation, activity: Activity) -> Floats:
    """Return ``[line]`` euros that payers pay by the current contracts for an activity."""
    book = Book(activity.unpaid(), start.year, start.past)
    payments = settle(start.contracts, book).book.activity.payments
    assert payments is not None
    return np.asarray(payments.sum(axis=(0, 1)))


def _price_of_admissions(start: Situation, behaviour: ProfitAltruism) -> dict[str, float]:
    """All prices of the hospital rise a little; emergencies are moved by need and not by price."""
    now = elective_margin(start)
    if now.revenue_eur <= 0.0:
        raise DataError(Problem("the current contracts pay no price for a planned admission, so none can rise"))
    best = behaviour.best_elective(SMALL_PRICE_RISE * now.revenue_eur, now.cost_eur)
    return {"elective_price": (best - 1.0) / SMALL_PRICE_RISE}


def _risk_weights(start: Situation, behaviour: ProfitAltruism) -> dict[str, float]:
    """Who bears all cost of care is paid by recorded risk, less what is expected at base: income is today's."""
    lived = start.activity.person_years
    per_head = float(_payments(start, start.activity)[_CURATIVE].sum() / lived.sum())
    by_risk = _neutral(start, RiskCapitation(rate_eur_per_person_year=per_head))
    by_age = _neutral(start, Capitation(rate_eur_per_person_year=per_head))
    coded = start.activity.coded_years
    assert coded is not None
    found = {}
    for name, after in (("coding_risk_weights", by_risk), ("coding_age_grid", by_age)):
        levers = _long_run(start, behaviour, start.contracts, after)
        recorded = activity_at(start, levers).coded_years
        assert recorded is not None
        found[name] = float(recorded.sum() / coded.sum() - 1.0)
    return found


def _selection(start: Situation) -> dict[str, float]:
    """Who is paid the mean cost of an age and a deprived or other area gains and loses by condition, a head."""
    payments = _payments_by_segment(start)
    lived = start.activity.person_years.sum(axis=0)
    cell = np.arange(SEGMENTS) // len(CONDITIONS)
    mean = (np.bincount(cell, payments) / np.bincount(cell, lived))[cell]
    margin = mean * lived - payments
    chronic = SEGMENT_CONDITION > 0
    return {
        f"selection_{name}": float(margin[who].sum() / lived[who].sum())
        for name, who in (("chronic", chronic), ("none", ~chronic))
    }


def _payments_by_segment(start: Situation) -> Floats:
    """Return ``[segment]`` euros that payers pay for curative care by the current contracts."""
    book = Book(start.activity.unpaid(), start.year, start.past)
    payments = settle(start.contracts, book).book.activity.payments
    assert payments is not None
    return np.asarray(payments[:, :, _CURATIVE].sum(axis=(0, 2)))
