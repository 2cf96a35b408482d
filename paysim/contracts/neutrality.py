"""Budget neutrality: the scale at which a contract pays, for given activity, what another one paid.

Payments are fixed + k x scalable while the components are linear, so k = (reference - fixed) / scalable.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from paysim.accounting.activity import Activity
from paysim.contracts.contract import Contract
from paysim.errors import ModelError, Problem, ScenarioError

_RELATIVE_NOISE = 1e-9


def total_eur(
    contracts: Contract | Iterable[Contract], activities: Iterable[Activity], year: int | None = None
) -> float:
    """Return the unrounded total that the contracts pay for the activities of several periods."""
    listed = [contracts] if isinstance(contracts, Contract) else list(contracts)
    parts = [part for contract in listed for part in contract.in_force(year)]
    return math.fsum(float(part.settle(activity).sum()) for activity in activities for part in parts)


def solve_scale(
    reference_eur: float,
    contracts: Contract | Sequence[Contract],
    activities: Sequence[Activity],
    year: int | None = None,
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

    Raises
    ------
    ScenarioError
        If no component can be scaled or those that can pay nothing, or if grants alone exceed the reference.
    ModelError
        If a component that says it is linear is not.
    """
    listed = [contracts] if isinstance(contracts, Contract) else list(contracts)
    names = ", ".join(contract.name for contract in listed)
    fixed, scalable = 0.0, 0.0
    for contract in listed:
        for part in contract.in_force(year):
            if part.scalable and not part.linear:
                raise ScenarioError(
                    Problem(
                        "budget neutrality needs a component with linear terms", key=names, found=part.name
                    )
                )
            paid = math.fsum(float(part.settle(activity).sum()) for activity in activities)
            fixed, scalable = (fixed, scalable + paid) if part.scalable else (fixed + paid, scalable)
    if not scalable > 0.0:
        raise ScenarioError(
            Problem(
                "budget neutrality has nothing to scale: no component with rates pays anything", key=names
            )
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
    reached = total_eur([contract.scaled(k) for contract in listed], activities, year)
    if not math.isclose(reached, reference_eur, rel_tol=_RELATIVE_NOISE, abs_tol=0.01):
        raise ModelError(
            f"budget neutrality: {names} scaled by {k:.6f} pays {reached:.2f}, not {reference_eur:.2f} euro"
        )
    return k
