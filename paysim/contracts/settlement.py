"""From contracts to postings: a period's activity is settled and written into the ledger."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from paysim.accounting.book import Book
from paysim.accounting.claims import Cents
from paysim.accounting.ledger import Ledger, practice_actor
from paysim.contracts.contract import PRACTICES, Contract


def post_contracts(ledger: Ledger, period: int, contracts: Iterable[Contract], book: Book) -> None:
    """Settle a period under each contract and post every payment, rounded to cents.

    Parameters
    ----------
    ledger
        Ledger that receives the postings.
    period
        Quarter since the start.
    book
        Of that quarter.
    """
    practices = [practice_actor(name) for name in book.activity.practice_names]
    for contract in contracts:
        for payment in contract.settle(book):
            by_practice = payment.euros.sum(axis=1)
            grouped = payment.payee == PRACTICES
            ledger.post(
                period=period,
                contract=contract.name,
                component=payment.component,
                account=payment.account,
                payer=contract.payer,
                payee=practices if grouped else payment.payee,
                euros=by_practice if grouped else float(by_practice.sum()),
                total_eur=payment.check_eur,
            )


def post_deductible(ledger: Ledger, period: int, contract: str, component: str, cents: Cents) -> None:
    """Post what patients owe for a period, in whole cents per person, as one transfer to the insurers."""
    ledger.post(
        period=period,
        contract=contract,
        component=component,
        account="deductible",
        payer="patients",
        payee="insurers",
        euros=int(np.sum(cents)) / 100.0,
    )
