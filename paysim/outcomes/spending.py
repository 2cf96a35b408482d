"""Payments by sector, patients' part of them, and resource costs. Payment and cost are never mixed.

General practice is paid by contract and practice; its payments are shared out over people by practice and segment.
Other sectors are paid by the unit, for services of whichever sector; what they are paid by other terms (budgets,
bundles) falls on all listed people of a practice and segment alike. So does what is paid to organisations (shared
savings, grants), which is a line of its own; what they share out to practices is not paid twice. Long-term care is
paid under another act by another payer: it is a sector of its own and in no total. What organisations cost to run is
a resource cost of everybody in the region alike, whoever pays for it. What general practice costs beside contacts
(paid time without contacts, housing, overhead) falls on all listed people alike. Hours that practices pay their staff
for anyway and that a programme uses are a cost of both, and of the total once. Follow-up visits, tests and
hours of care at home cost what is used of them, in place of what services held of them at base (`protocol.Apart`).
What lies above a threshold of single persons' payments in a year holds general practice and services by their
tariffs, not long-term care, nor what is paid for all of a list alike (budgets, grants, programmes).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from paysim.accounting.concentration import TRUNCATED_AT
from paysim.care.catalogue import LONG_TERM_CARE
from paysim.contracts.settlement import LINES, ORGANISATIONS_LINE, SETTLED
from paysim.outcomes.protocol import Counted, Measure

GENERAL_PRACTICE = "general_practice"


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield spending and resource costs by sector and in total, and patients' payments."""
    sectors = tuple(dict.fromkeys(counted.sector_of))
    of_sector = np.array([[each == sector for each in counted.sector_of] for sector in sectors], float)
    services = counted.services()
    lines = [LINES.index(sector) for sector in sectors]
    paid = np.stack([used @ prices[lines].T for used, prices in zip(services, counted.payment_eur, strict=True)])
    cost = services @ (of_sector * counted.cost_eur).T
    own = sectors.index(GENERAL_PRACTICE)
    paid[:, :, own] = counted.column("gp_payments")
    cost[:, :, own] += counted.column("standing_costs")
    for each in counted.apart:
        more = counted.column(each.column) - each.per_service * counted.sum_of(each.held_by)
        cost[:, :, sectors.index(each.sector)] += each.eur * more
    for k, sector in enumerate(sectors):
        if sector in SETTLED:
            paid[:, :, k] += counted.column(f"settled_{sector}")
    organisations = counted.column(f"settled_{ORGANISATIONS_LINE}")
    curative = np.array([sector != LONG_TERM_CARE for sector in sectors], float)
    programmes = {"spending": counted.column("programme_payments"), "resource_cost": counted.column("programme_cost")}
    yield Measure("spending_total", "EUR", paid @ curative + organisations + programmes["spending"], discounted="costs")
    for euro in TRUNCATED_AT:
        yield Measure(f"payments_above_{euro}", "EUR", counted.column(f"payments_above_{euro}"))
    yield Measure("patient_payments", "EUR", counted.column("patient_payments"))
    organising = counted.organising()
    lent = counted.column("staff_lent")
    used = cost @ curative + programmes["resource_cost"] - lent + organising
    yield Measure("resource_cost_total", "EUR", used, discounted="costs")
    if counted.programme_names:
        yield Measure("staff_lent_to_programmes", "EUR", lent)
        for name, euros in programmes.items():
            yield Measure(f"{name}_programmes", "EUR", euros)
    yield Measure("payments_by_others", "EUR", counted.column("payments_by_others"))
    yield Measure(f"spending_{ORGANISATIONS_LINE}", "EUR", organisations)
    yield Measure(f"resource_cost_{ORGANISATIONS_LINE}", "EUR", organising)
    for k, sector in enumerate(sectors):
        yield Measure(f"spending_{sector}", "EUR", paid[:, :, k])
        yield Measure(f"resource_cost_{sector}", "EUR", cost[:, :, k])
