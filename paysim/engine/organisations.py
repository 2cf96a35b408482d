"""What organising costs: own costs of the organisations that are a party to an arm's contracts, year by year."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from paysim.accounting.ledger import ORGANISATIONS
from paysim.accounting.organisations import Organisations, load_organisations
from paysim.contracts.contract import Contract
from paysim.contracts.parties import is_party
from paysim.parameters import Parameters
from paysim.scenario import Arm


def organisations_of(arm: Arm, country: str) -> Organisations | None:
    """Return the organisations of an arm: those it names, or its country's without rules of exit.

    None where no organisation is a party to its contracts.
    """
    if arm.organisations is not None:
        return arm.organisations
    if not parties(arm.contracts):
        return None
    return load_organisations(country.lower()).without_exits()


def running_cost(
    arm: Arm, contracts: Iterable[Contract], country: str, parameters: Parameters, years: int
) -> np.ndarray:
    """Return what organisations cost to run in each contract year, in euro per person-year ``[years]``.

    Parameters
    ----------
    contracts
        Of the arm, as decided: an organisation costs something in years for which it pays or receives.
    """
    about, found = organisations_of(arm, country), np.zeros(years)
    if about is not None:
        costs, contracts = about.running_costs(parameters), tuple(contracts)
        for year in range(years):
            found[year] = sum(costs.get(each, 0.0) for each in parties(contracts, year))
    return found


def parties(contracts: Iterable[Contract], year: int | None = None) -> tuple[str, ...]:
    """Return organisations that pay or receive for a contract year; None: for any."""
    parts = [(each, part) for each in contracts for part in each.components]
    if year is not None:
        parts = [(each, part) for each, part in parts if each.after_exit_of is None and part.share_in(year) > 0.0]
    return tuple(name for name in ORGANISATIONS if any(is_party(*each, name) for each in parts))
