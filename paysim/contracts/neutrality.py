"""Budget neutrality: the scale at which a contract pays, for given activity, what another one paid.

Payments are fixed + k x scalable while the components are linear, so k = (reference - fixed) / scalable.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from paysim.accounting.activity import Activity
from paysim.contracts.contract import Contract
from paysim.contracts.settlement import settle_all
from paysim.errors import ModelError, Problem, ScenarioError

_RELATIVE_NOISE = 1e-9


def total_eur(
    contracts: Contract | Iterable[Contract],
    activities: Sequence[Activity],
    years: Sequence[int | None] | None = None,
) -> float:
    """Return the unrounded total that the contracts pay for the activities of several periods.

    Parameters
    ----------
    years
        Contract year of each activity, for dated components; None: all are in force in every period.
    """
    listed = [contracts] if isinstance(contracts, Contract) else list(contracts)
    return math.fsum(
        float(bill.payment.euros.sum())
        for settlement in settle_all(listed, activities, years)
        for bill in settlement.bills
    )


def solve_scale(
    reference_eur: float,
    contracts: Contract | Sequence[Contract],
    activities: Sequence[Activity],
    years: Sequence[int | None] | None = None,
) -> float:
    """Return the k at which the contracts, scaled by k, pay `reference_eur` in total for the activities.

    Parameters
    ----------
    reference_eur
        What payers spend in the arm to be neutral to.
    contracts
        The contracts to scale: only those of the budget concerned, such as general practice.
    activities
        Activity of the periods over which the two spend the same.
    years
        Contract year of each activity, for dated components; None: all are in force in every period.

    Raises
    ------
    ScenarioError
        If no component can be scaled or those that can pay nothing, or if grants alone exceed the reference.
    ModelError
        If a component that says it is linear is not.
    """
    listed = [contracts] if isinstance(contracts, Contract) else list(contracts)
    names = ", ".join(contract.name for contract in listed)
    for part in (part for contract in listed for part in contract.components):
        if part.scalable and not part.linear:
            raise ScenarioError(
                Problem("budget neutrality needs a component with linear terms", key=names, found=part.name)
            )
    fixed = total_eur([contract.scaled(0.0) for contract in listed], activities, years)
    scalable = total_eur(listed, activities, years) - fixed
    if not scalable > 0.0:
        raise ScenarioError(
            Problem("budget neutrality has nothing to scale: no component with rates pays anything", key=names)
        )
    k = (reference_eur - fixed) / scalable
    if k < 0.0:
        raise ScenarioError(
            Problem(
                f"budget neutrality cannot be reached: grants alone pay {fixed:.2f} euro, "
                f"more than the {reference_eur:.2f} euro to be neutral to",
                key=names,
            )
        )
    reached = total_eur([contract.scaled(k) for contract in listed], activities, years)
    if not math.isclose(reached, reference_eur, rel_tol=_RELATIVE_NOISE, abs_tol=0.01):
        raise ModelError(
            f"budget neutrality: {names} scaled by {k:.6f} pays {reached:.2f}, not {reference_eur:.2f} euro"
        )
    return k
