"""What the contracts of the arm on trial pay organisations whatever is measured: grants, fees per person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.ledger import ORGANISATIONS
from paysim.accounting.segments import SEGMENTS
from paysim.contracts.contract import Contract, Part
from paysim.contracts.protocol import SettledByYear
from paysim.contracts.settlement import PAYERS
from paysim.pilots.model import Pilot

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Grants:
    """EUR per head for each year under the contract ``[K]``, more than under the comparator.

    Attributes
    ----------
    received
        By the organisation, less what it pays.
    paid
        By those who bring money in.
    """

    received: Floats
    paid: Floats


def grants(pilot: Pilot, people: float) -> Grants:
    """Return what the two arms differ by in payments to organisations that depend on nothing but who is there.

    Parameters
    ----------
    people
        Of an average site: amounts for a practice are divided by it.
    """
    with_, without = (
        _flows(pilot.scenario.arm(name).contracts, pilot, people) for name in (pilot.trial_arm, pilot.comparator_arm)
    )
    return Grants(with_.received - without.received, with_.paid - without.paid)


def _flows(contracts: Iterable[Contract], pilot: Pilot, people: float) -> Grants:
    received, paid = np.zeros(pilot.contract_years), np.zeros(pilot.contract_years)
    each_segment = np.full((1, SEGMENTS), people / SEGMENTS)
    site = Activity((), ("site",), np.zeros((1, SEGMENTS, 0)), each_segment, np.zeros((1, SEGMENTS)), 1.0)
    for contract in contracts:
        for k in range(pilot.contract_years):
            year = pilot.start_year + k
            for part in contract.in_force(year):
                payer, payee = contract.payer, part.terms.payee or contract.providers
                if not {payer, payee} & set(ORGANISATIONS) or not _fixed(part):
                    continue
                amount = float(part.settle(Book(site, year)).sum()) / people
                received[k] += amount * ((payee in ORGANISATIONS) - (payer in ORGANISATIONS))
                paid[k] += amount * ((payer in PAYERS) - (payee in PAYERS))
    return Grants(received, paid)


def _fixed(part: Part) -> bool:
    """Tell whether what is paid depends on neither care nor results nor other payments."""
    terms = part.terms
    return not (terms.reads or terms.services_paid() or isinstance(terms, SettledByYear))
