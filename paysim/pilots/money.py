"""Money of a pilot that pays by result: what is paid by chance, who loses, and cash year by year.

Amounts are per head of the treated sites over the whole pilot. A site counts only from its own start: with waves the
pilot holds fewer years of money than of calendar. The people of all sites count alike. What the arm on trial pays the
organisation whatever is measured (a grant) is in cash and results beside what is paid by result; so is what its own
contracts pay as savings, unless the pilot's payment replaces these (`paysim.pilots.flows`). Where all flows are known
every year adds up to nothing over the parties: what one pays another receives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from paysim.behaviour.participation import Weighing, takes_part
from paysim.pilots.allocation import NEVER, Allocation, under_contract
from paysim.pilots.estimators import Evaluator
from paysim.pilots.flows import Flows
from paysim.pilots.grants import Grants
from paysim.pilots.model import PAID_ON, TRUNCATED, UNTRUNCATED, Payment, Pilot
from paysim.pilots.parts import with_effect, without_effect

Floats = npt.NDArray[np.float64]
Parts = Mapping[str, Floats]

_TRUNCATE = "truncate_above_eur"

FAN = (0.1, 0.5, 0.9)
"""Shares of trials below the lines of the fan."""
_ROUNDING_EUR = 0.005
"""Per head: amounts per person-year of people who move are not the same to the last digit."""
SAFE = 0.9
"""Share of trials in which the reserve needed is enough (a convention)."""


@dataclass(frozen=True)
class Cash:
    """Cash of one party, per head of the treated sites, in euro.

    Attributes
    ----------
    fan
        Rows of year (0 is the first of the pilot), and all cash so far in the trial at 10%, the median, and 90%.
    reserve_needed
        What has to be there at the start so that cash never runs out in 90% of trials.
    insolvent
        Share of trials in which cash runs out with the reserve that the pilot gives; None for the payer.
    breaks_even
        Share of trials that have all their money back when everything is settled.
    break_even_year
        Median of the first year, counted from 1, from whose end on they have; None if fewer than half ever do.
    certain_need
        What is spent, net of grants, before anything can be paid by result: with a smaller reserve cash runs out
        whatever is measured, which says nothing of the contract.
    """

    party: str
    fan: tuple[Mapping[str, float], ...]
    reserve_needed: float
    insolvent: float | None
    breaks_even: float
    break_even_year: float | None
    certain_need: float = 0.0


@dataclass(frozen=True)
class Money:
    """What the pilot pays on its measured result, per head over all its years, in euro.

    Attributes
    ----------
    chance_bonus, chance_penalty
        Probability of a bonus, or of a repayment, when the contract does nothing.
    bonus_without_effect
        Mean of what is paid (repaid: negative) when it does nothing.
    bonus, result
        Mean of what is paid with the true effect; the same, grants and what the organisation keeps of the arm's own
        savings, less the investment and running costs.
    loss
        Probability that the organisation that invests gets back less than it put in.
    loss_without_effect
        The same when the contract does nothing.
    payer_loss
        Probability that the payer pays more, grants and the arm's own savings included, than it truly saves on care.
    granted
        What the contracts of the arm pay the organisation whatever is measured, per head over the pilot.
    own_savings
        What they pay as savings beyond that, to the organisation and to practices, mean of trials; 0 where replaced.
    cash
        Of organisation and payer, and where it is known the margin of practices, income of the hospital and of others
        (other providers and programmes), and what staff and suppliers receive of practices and for carrying it out.
    variants
        The same numbers with one term changed: rows of term, value and results.
    """

    chance_bonus: float
    chance_penalty: float
    bonus_without_effect: float
    bonus: float
    result: float
    loss: float
    loss_without_effect: float
    payer_loss: float
    granted: float = 0.0
    own_savings: float = 0.0
    cash: tuple[Cash, ...] = ()
    variants: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, eq=False)
class _Measured:
    """What terms are applied to; K pilot years.

    Attributes
    ----------
    present, starting
        ``[K]`` share of treated sites meant to be under the contract, and starting it.
    benchmark
        ``[trial]`` EUR per head a year: the sites' own mean before.
    granted, paid_anyway
        ``[K]`` what the organisation receives, and payers pay, whatever is measured, times the share present.
    saved
        ``[trial, K]`` true savings on care, per head of those present, times their share.
    own_paid, own_kept
        ``[trial, K]`` what payers pay as savings by the arm's own contracts, and what of it organisations keep.
    null, found
        ``{benchmark: [trial, K]}`` measured savings per head a year, without and with effect.
    """

    present: Floats
    starting: Floats
    granted: Floats
    paid_anyway: Floats
    benchmark: Floats
    saved: Floats
    own_paid: Floats
    own_kept: Floats
    null: Mapping[str, Floats]
    found: Mapping[str, Floats]


def settle(
    pilot: Pilot,
    terms: Payment,
    allocation: Allocation,
    paid_on: Mapping[str, Parts],
    method: Evaluator,
    fixed: Grants,
    flows: Flows | None = None,
    others: Mapping[str, Floats] | None = None,
) -> Money:
    """Return what a pilot pays over its trials on what is measured.

    Parameters
    ----------
    paid_on
        By outcome that may be paid on, all payments (`PAID_ON`) and truncated ones: what it is made of,
        ``[trial, site, year]`` each, see `paysim.pilots.parts.make_parts`. What the payer truly saves is of all.
    fixed
        What the contracts of the arm pay whatever is measured.
    flows
        What the contract moves between parties, ``[trial, site, year]`` each; None where it is not known.
    others
        Where flows are not known, what the contract does to the money of other parties, ``[trial, site, year]``;
        None: neither that nor variants.
    """
    saved = paid_on[PAID_ON]["caused"]
    per_year = None if flows is None else flows.each(lambda each: _per_head(pilot, allocation, each))

    @cache
    def measured(name: str) -> _Measured:
        return _measure(pilot, allocation, paid_on[name], saved, method, fixed, per_year)

    about = measured(terms.paid_on)
    summary, paid = _summary(about, terms)
    by_party, spent = _cash_flows(about, terms, paid, per_year)
    lag = round(terms.settlement_lag_years)
    for party, caused in (others or {}).items() if per_year is None else ():
        by_party[party] = _later(_per_head(pilot, allocation, caused), lag, shift=False)
    reserves = {"organisation": terms.reserve_eur_per_head}
    before = spent[: lag if terms.settled == "yearly" else lag + len(about.present) - 1].cumsum()
    certain = {"organisation": float(max(0.0, *before)) if len(before) else 0.0}
    cash = tuple(
        replace(_cash(party, flow, reserves.get(party)), certain_need=certain.get(party, 0.0))
        for party, flow in by_party.items()
    )
    variants = []
    for term, value, changed in _changes(pilot, terms, paid_on, per_year is not None) if others is not None else ():
        row, other = _summary(measured(changed.paid_on), changed)
        flow = _cash_flows(measured(changed.paid_on), changed, other, per_year)[0]["organisation"]
        insolvent = _cash("organisation", flow, changed.reserve_eur_per_head).insolvent
        variants.append({"term": term, "value": value, **row, "insolvent": insolvent})
    return Money(**summary, cash=cash, variants=tuple(variants))


def _cash_flows(
    about: _Measured, terms: Payment, paid: Floats, flows: Flows | None
) -> tuple[dict[str, Floats], Floats]:
    """Return cash by party ``[trial, year]``, and what is spent net of grants whatever is paid by result ``[year]``.

    What is paid by result comes after its lag, all else in the year in which it arises.
    """
    lag = round(terms.settlement_lag_years)
    own = float(terms.own_savings == "paid")
    invested, running = terms.investment_eur_per_head * about.starting, terms.running_cost_eur_per_head_year
    carried_out = invested + running * about.present
    bonus = _later(paid, lag, shift=True)
    now = {
        "organisation": about.granted - carried_out + own * about.own_kept,
        "payer": about.saved - about.paid_anyway - own * about.own_paid,
    }
    if flows is not None:
        now |= {
            "practices": flows.margin + own * flows.to_practices,
            "hospital": flows.hospital,
            "other providers": flows.others,
            "staff and suppliers": flows.costs + carried_out,
        }
    found = {party: _later(flow, lag, shift=False) for party, flow in now.items()}
    found["organisation"], found["payer"] = found["organisation"] + bonus, found["payer"] - bonus
    return found, np.concatenate([carried_out - about.granted, np.zeros(lag)])


def _later(flow: Floats, lag: int, *, shift: bool) -> Floats:
    """Return a flow by year ``[trial, K + lag]``, that much later or with nothing in the years after it."""
    nothing = np.zeros((len(flow), lag))
    return np.concatenate([nothing, flow] if shift else [flow, nothing], axis=1)


def _per_head(pilot: Pilot, allocation: Allocation, values: Floats) -> Floats:
    """Return a sum over the years under the contract, per treated site ``[trial, K]``, of values by site and year."""
    own = allocation.start < NEVER
    years = slice(pilot.start_year, pilot.start_year + pilot.contract_years)
    return np.asarray((values[:, :, years] * own[:, :, None]).sum(axis=1) / own.sum(axis=1)[:, None])


def _measure(
    pilot: Pilot,
    allocation: Allocation,
    parts: Parts,
    caused: Floats,
    method: Evaluator,
    fixed: Grants,
    flows: Flows | None,
) -> _Measured:
    own = allocation.start < NEVER
    count = own.sum(axis=1)
    meant = under_contract(allocation, pilot.end_year)
    years = slice(pilot.start_year, pilot.start_year + pilot.contract_years)
    present = meant[0, :, years].sum(axis=0) / count[0]
    nothing = without_effect(parts)
    whole = with_effect(parts)
    benchmark = (nothing[:, :, : pilot.start_year].mean(axis=2) * own).sum(axis=1) / count

    def savings(outcome: Floats) -> dict[str, Floats]:
        estimate = np.broadcast_to(-method.by_year(outcome), (len(outcome), len(present)))
        before = outcome[:, :, : pilot.start_year].mean(axis=2, keepdims=True)
        gain = ((before - outcome) * meant)[:, :, years].sum(axis=1)
        return {"estimate": estimate, "own_history": gain / np.maximum(present * count[:, None], 1e-12)}

    saved = -_per_head(pilot, allocation, caused)
    return _Measured(
        present=present,
        starting=np.diff(present, prepend=0.0),
        granted=fixed.received * present,
        paid_anyway=fixed.paid * present,
        benchmark=benchmark,
        saved=saved,
        own_paid=np.zeros_like(saved) if flows is None else flows.own_paid,
        own_kept=np.zeros_like(saved) if flows is None else flows.own_received - flows.shared_out,
        null=savings(nothing),
        found=savings(whole),
    )


def _summary(about: _Measured, terms: Payment) -> tuple[dict[str, float], Floats]:
    """Return numbers of `Money`, and what is paid with the effect ``[trial, K]``."""
    null, found = (_paid(about, each[terms.benchmark], terms) for each in (about.null, about.found))
    granted, anyway = float(about.granted.sum()), float(about.paid_anyway.sum())
    invested = terms.investment_eur_per_head + terms.running_cost_eur_per_head_year * about.present.sum() - granted
    by_chance, bonus, saved = null.sum(axis=1), found.sum(axis=1), about.saved.sum(axis=1)
    own = float(terms.own_savings == "paid")
    kept, own_paid = own * about.own_kept.sum(axis=1), own * about.own_paid.sum(axis=1)
    summary = {
        "chance_bonus": float((by_chance > 0.0).mean()),
        "chance_penalty": float((by_chance < 0.0).mean()),
        "bonus_without_effect": float(by_chance.mean()),
        "bonus": float(bonus.mean()),
        "result": float((bonus + kept).mean() - invested),
        "loss": float((bonus + kept < invested).mean()),
        "loss_without_effect": float((by_chance < invested).mean()),
        "payer_loss": float((bonus + anyway + own_paid > saved).mean()),
        "granted": granted,
        "own_savings": float(own_paid.mean()),
    }
    return summary, found


def _paid(about: _Measured, savings: Floats, terms: Payment) -> Floats:
    """Return what is paid for each year, or for all of them in the last ``[trial, K]``."""
    benchmark = about.benchmark[:, None]
    if terms.settled == "yearly":
        return np.asarray(benchmark * about.present * share_paid(savings / benchmark, terms))
    rate = (savings * about.present).sum(axis=1, keepdims=True) / about.present.sum() / benchmark
    paid = np.zeros_like(savings)
    paid[:, -1:] = benchmark * about.present.sum() * share_paid(rate, terms)
    return paid


def share_paid(rate: Floats, terms: Payment) -> Floats:
    """Return the share of the benchmark that is paid for a savings rate (repaid: negative).

    Past the minimum rate from the first euro, or only what lies beyond it; up to the caps.
    """
    past = np.abs(rate) >= max(terms.minimum_savings_rate, 1e-15)
    counts = rate if terms.first_euro else rate - np.sign(rate) * terms.minimum_savings_rate
    paid = np.where(past, counts * np.where(rate > 0.0, terms.sharing, terms.loss_sharing), 0.0)
    return np.clip(paid, -terms.loss_cap_share, terms.gain_cap_share)


def _cash(party: str, flow: Floats, reserve: float | None) -> Cash:
    """Return a party's cash from what comes in less what goes out ``[trial, year]``."""
    position = flow.cumsum(axis=1)
    low, median, high = np.quantile(position, FAN, axis=0)
    deepest = np.minimum(position.min(axis=1), 0.0)
    at_end = position[:, -1] >= 0.0
    # From when on the position is not below zero any more.
    below = position < 0.0
    last_below = np.where(below.any(axis=1), flow.shape[1] - below[:, ::-1].argmax(axis=1), 0)
    year = float(np.quantile(np.where(at_end, last_below + 1.0, np.inf), 0.5, method="higher"))
    rows = enumerate(zip(low, median, high, strict=True))
    return Cash(
        party=party,
        fan=tuple({"year": k, "low": float(a), "median": float(b), "high": float(c)} for k, (a, b, c) in rows),
        reserve_needed=float(np.quantile(-deepest, SAFE)),
        insolvent=None if reserve is None else float((reserve + deepest < -_ROUNDING_EUR).mean()),
        breaks_even=float(at_end.mean()),
        break_even_year=year if np.isfinite(year) else None,
    )


def _changes(
    pilot: Pilot, terms: Payment, paid_on: Mapping[str, Parts], flows_known: bool
) -> list[tuple[str, object, Payment]]:
    """Return terms with one changed: each uncertain number at both ends of its range, and the other ways to settle.

    Payments of single persons are truncated wherever it is known what lies above.
    """
    found: list[tuple[str, object, Payment]] = []
    for key, term in pilot.payment_terms.items():
        if key not in ("settlement_lag_years", _TRUNCATE):  # the lag moves cash and nothing else
            found += [(key, end, terms.with_number(key, end)) for end in dict.fromkeys((term.low, term.high))]
    for euro, name in {**TRUNCATED, UNTRUNCATED: PAID_ON}.items():
        if name in paid_on and euro != terms.truncate_above_eur:
            found.append((_TRUNCATE, euro if euro < UNTRUNCATED else "never", terms.with_number(_TRUNCATE, euro)))
    other = "own_history" if terms.benchmark == "estimate" else "estimate"
    again = "yearly" if terms.settled == "end" else "end"
    found.append(("benchmark", other, replace(terms, benchmark=other)))  # type: ignore[arg-type]
    found.append(("settled", again, replace(terms, settled=again)))  # type: ignore[arg-type]
    if flows_known:
        instead = "replaced" if terms.own_savings == "paid" else "paid"
        found.append(("own_savings", instead, replace(terms, own_savings=instead)))  # type: ignore[arg-type]
    found.append(("first_euro", not terms.first_euro, replace(terms, first_euro=not terms.first_euro)))
    return found


def leave_at_loss(pilot: Pilot, allocation: Allocation, parts: Callable[[Allocation], Parts]) -> Allocation:
    """Return the allocation with sites leaving once the contract is not worth it to them.

    At the end of each year a site looks at its own mean saving so far against its years before, takes the coming years
    to be like it, and leaves if what would be shared of that does not pay for running the contract.
    """
    terms = pilot.payment
    assert terms is not None
    weighing = Weighing(running_cost_eur=terms.running_cost_eur_per_head_year)
    for year in range(pilot.start_year, pilot.start_year + pilot.contract_years - 1):
        now = parts(allocation)
        outcome = without_effect(now) + now["caused"]
        before = outcome[:, :, : pilot.start_year].mean(axis=2)
        seen = (np.arange(pilot.end_year) <= year) & (np.arange(pilot.end_year) >= allocation.start[:, :, None])
        count = seen.sum(axis=2)
        saved = before - (outcome * seen).sum(axis=2) / np.maximum(count, 1)
        worth = weighing.worth(before * share_paid(saved / before, terms))
        goes = (count > 0) & ~takes_part(worth, before=True)
        allocation = replace(
            allocation, leaves=np.where(goes, np.minimum(allocation.leaves, year + 1), allocation.leaves)
        )
    return allocation
