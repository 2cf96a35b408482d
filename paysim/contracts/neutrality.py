"""Budget neutrality: the scale at which an arm pays practices, for given activity, what another one pays them.

Payments are fixed + k x scalable while all components are linear, so k = (reference - fixed) / scalable. With caps,
steps or yearly settlements they are not; they still rise with k, and k is found by bracketing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from scipy.optimize import brentq

from paysim.accounting.activity import Activity
from paysim.contracts.contract import PRACTICES, Contract
from paysim.contracts.settlement import settle_all
from paysim.errors import ModelError, Problem, ScenarioError

_RELATIVE_NOISE = 1e-9
_MOST_DOUBLINGS = 40


def total_eur(
    contracts: Contract | Iterable[Contract],
    activities: Sequence[Activity],
    years: Sequence[int | None] | None = None,
    past: Sequence[Activity] = (),
) -> float:
    """Return the unrounded total that payers pay practices for the activities of several periods.

    Parameters
    ----------
    contracts
        All of an arm: some look at what others pay.
    years
        Contract year of each activity, for dated components; None: all are in force in every period.
    past
        Activity before the first period, for terms that look back.
    """
    listed = [contracts] if isinstance(contracts, Contract) else list(contracts)
    return math.fsum(
        float(settlement.spending_on_practices().sum()) for settlement in settle_all(listed, activities, years, past)
    )


def scaled(contracts: Iterable[Contract], k: float) -> tuple[Contract, ...]:
    """Return contracts of an arm, those with practices at rates times `k`."""
    return tuple(each.scaled(k) if each.providers == PRACTICES else each for each in contracts)


def solve_scale(
    reference_eur: float,
    contracts: Contract | Sequence[Contract],
    activities: Sequence[Activity],
    years: Sequence[int | None] | None = None,
    past: Sequence[Activity] = (),
) -> float:
    """Return the k at which the contracts, scaled by k, pay practices `reference_eur` in total for the activities.

    Parameters
    ----------
    reference_eur
        What payers pay practices in the arm to be neutral to.
    contracts
        All of an arm; those with practices are scaled.
    activities
        Activity of the periods over which the two spend the same.
    years
        Contract year of each activity, for dated components; None: all are in force in every period.
    past
        Activity before the first period, for terms that look back.

    Raises
    ------
    ScenarioError
        If no component can be scaled or those that can pay nothing, if grants alone exceed the reference, or if no
        scale reaches it.
    ModelError
        If a component that says it is linear is not.
    """
    listed = (contracts,) if isinstance(contracts, Contract) else tuple(contracts)
    of_practices = [contract for contract in listed if contract.providers == PRACTICES]
    names = ", ".join(contract.name for contract in of_practices)

    def paid(k: float) -> float:
        return total_eur(scaled(listed, k), activities, years, past)

    fixed, at_one = paid(0.0), paid(1.0)
    if not at_one > fixed:
        raise ScenarioError(
            Problem("budget neutrality has nothing to scale: no component with rates pays anything", key=names)
        )
    if reference_eur < fixed:
        raise ScenarioError(
            Problem(
                f"budget neutrality cannot be reached: grants alone pay {fixed:.2f} euro, "
                f"more than the {reference_eur:.2f} euro to be neutral to",
                key=names,
            )
        )
    linear = all(part.linear for contract in of_practices for part in contract.components)
    k = (reference_eur - fixed) / (at_one - fixed) if linear else _bracketed(paid, reference_eur, names)
    reached = paid(k)
    if not math.isclose(reached, reference_eur, rel_tol=_RELATIVE_NOISE, abs_tol=0.01):
        raise ModelError(
            f"budget neutrality: {names} scaled by {k:.6f} pays {reached:.2f}, not {reference_eur:.2f} euro"
        )
    return k


def _bracketed(paid: Callable[[float], float], reference_eur: float, names: str) -> float:
    high = 1.0
    for _ in range(_MOST_DOUBLINGS):
        if paid(high) >= reference_eur:
            return float(brentq(lambda k: paid(k) - reference_eur, 0.0, high, xtol=1e-15, rtol=1e-14, maxiter=500))
        high *= 2.0
    raise ScenarioError(
        Problem(
            f"budget neutrality cannot be reached: whatever the rates, caps keep payments below the "
            f"{reference_eur:.2f} euro to be neutral to",
            key=names,
        )
    )
