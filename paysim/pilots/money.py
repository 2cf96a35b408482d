"""Money of a pilot that pays by result: what is paid by chance, who loses, and cash year by year.

Amounts are per head of the treated sites over the whole pilot. A site counts only from its own start: with waves the
pilot holds fewer years of money than of calendar. The people of all sites count alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paysim.pilots.allocation import NEVER, Allocation
from paysim.pilots.estimators import Evaluator
from paysim.pilots.model import Payment, Pilot

Floats = npt.NDArray[np.float64]


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
        Mean of what is paid with the true effect; the same less the investment.
    loss
        Probability that the organisation that invests gets back less than it put in.
    loss_without_effect
        The same when the contract does nothing.
    payer_loss
        Probability that the payer pays more bonus than it truly saves.
    """

    chance_bonus: float
    chance_penalty: float
    bonus_without_effect: float
    bonus: float
    result: float
    loss: float
    loss_without_effect: float
    payer_loss: float


def settle(
    pilot: Pilot, terms: Payment, allocation: Allocation, parts: Mapping[str, Floats], method: Evaluator
) -> Money:
    """Return what a pilot pays over its trials on what the evaluator measures.

    Parameters
    ----------
    parts
        What the outcome that is paid on is made of, ``[trial, site, year]`` each: see `paysim.pilots.study.SOURCES`.
    """
    own = allocation.start < NEVER
    count = own.sum(axis=1)
    years = (np.maximum(pilot.end_year - allocation.start, 0)).sum(axis=1) / count  # of a treated site
    nothing = parts["selection"] + parts["drift"] + parts["noise"]
    whole = nothing + parts["caused"] + parts["contamination"]
    benchmark = (nothing[:, :, : pilot.start_year].mean(axis=2) * own).sum(axis=1) / count
    null, paid = (benchmark * years * share_paid(-method.estimate(y) / benchmark, terms) for y in (nothing, whole))
    saved = -parts["caused"].sum(axis=(1, 2)) / count
    invested = terms.investment_eur_per_head
    return Money(
        chance_bonus=float((null > 0.0).mean()),
        chance_penalty=float((null < 0.0).mean()),
        bonus_without_effect=float(null.mean()),
        bonus=float(paid.mean()),
        result=float(paid.mean() - invested),
        loss=float((paid < invested).mean()),
        loss_without_effect=float((null < invested).mean()),
        payer_loss=float((paid > saved).mean()),
    )


def share_paid(rate: Floats, terms: Payment) -> Floats:
    """Return the share of the benchmark that is paid for a savings rate: from the first euro, past the minimum."""
    beyond = np.abs(rate) >= max(terms.minimum_savings_rate, 1e-15)
    return np.where(beyond, rate * np.where(rate > 0.0, terms.sharing, terms.loss_sharing), 0.0)
