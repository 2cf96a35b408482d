"""What the arm's own contracts and care move between parties: every euro that payers pay, somebody receives.

Per head of a site and year, the arm on trial less the comparator. Payers are insurers, patients and authorities
together. What a site's people cost beyond care and grants is what the arm itself pays as savings: to an organisation,
or to practices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from paysim.accounting.ledger import ORGANISATIONS
from paysim.analysis.measures import SHARED_OUT
from paysim.contracts.contract import PRACTICES
from paysim.pilots.grants import grants
from paysim.pilots.model import PAID_ON, Pilot
from paysim.pilots.panel import FLOWS, Panel

Floats = npt.NDArray[np.float64]

_SPENT, _GP, _HOSPITAL, _ORGANISATIONS, _MARGIN, _COSTS, _PROGRAMMES = FLOWS
DISTRIBUTION = "distribution"
"""Kind of component by which an organisation shares out what it received."""


@dataclass(frozen=True, eq=False)
class Flows:
    """What the contract moves, in euro per head; all of one shape.

    Attributes
    ----------
    own_paid, own_received
        By payers, and to organisations, of the arm's own savings (whatever is paid beyond care and grants); what they
        differ by, practices receive from payers.
    shared_out
        By organisations to practices.
    margin
        Of practices, without all that.
    hospital, others
        What the hospital, and other providers and programmes, receive of payers.
    costs
        Of practices: what their staff and suppliers receive.
    """

    own_paid: Floats
    own_received: Floats
    shared_out: Floats
    margin: Floats
    hospital: Floats
    others: Floats
    costs: Floats

    @property
    def to_practices(self) -> Floats:
        """What practices receive of the arm's own savings, from payers and from organisations."""
        return self.own_paid - self.own_received + self.shared_out

    def each(self, change: Callable[[Floats], Floats]) -> Flows:
        """Return the flows with a function applied to every one."""
        return Flows(*(change(getattr(self, each.name)) for each in fields(self)))


def flows_of(panel: Panel, pilot: Pilot, people: float) -> Flows | None:
    """Return what the arm on trial moves by replicate, site and contract year; None where the panel does not tell.

    Parameters
    ----------
    people
        Of an average site, for grants per practice.
    """
    if not {PAID_ON, *FLOWS} <= set(panel.effect):
        return None
    has = panel.effect
    # What the run's contracts pay organisations whatever is measured, in the years in which the run paid it.
    fixed = grants(replace(pilot, start_year=0, years=panel.years, withdrawn_after=None), people)
    own_paid = has[_SPENT] - has[PAID_ON] - fixed.paid
    own_received = has[_ORGANISATIONS] - fixed.received
    revenue, by_payers = has[_MARGIN] + has[_COSTS], has[_GP] + has[_PROGRAMMES]
    ways = _ways_to_practices(pilot)
    if not ways:
        shared_out = np.zeros_like(revenue)
    elif ways == {DISTRIBUTION} and SHARED_OUT.name in has:
        shared_out = has[SHARED_OUT.name]
    else:  # with a little beside it: who changes practice within a year brings what was paid for him along
        shared_out = revenue - by_payers
    return Flows(
        own_paid=own_paid,
        own_received=own_received,
        shared_out=shared_out,
        margin=has[_MARGIN] - shared_out - (own_paid - own_received),
        hospital=has[_HOSPITAL],
        others=has[_SPENT] - (revenue - shared_out) - has[_HOSPITAL] - has[_ORGANISATIONS],
        costs=has[_COSTS],
    )


def _ways_to_practices(pilot: Pilot) -> set[str]:
    """Return the kinds of components by which organisations pay practices in either arm."""
    arms = (pilot.scenario.arm(name) for name in (pilot.trial_arm, pilot.comparator_arm))
    return {
        part.kind
        for arm in arms
        for contract in arm.contracts
        for part in contract.components
        if contract.payer in ORGANISATIONS and (part.terms.payee or contract.providers) == PRACTICES
    }
