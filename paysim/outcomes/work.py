"""Overtime: minutes worked in a quarter beyond the contact hours that are paid for.

Minutes worked are those of the services delivered, advice to nurses and writing up included; contact hours are those
that working time gives. GPs who decide to work longer do so unpaid, so that these hours are overtime. What a quarter
has left over does not pay for another quarter.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from paysim.outcomes.practices import with_all
from paysim.outcomes.protocol import PROFESSIONS, Counted, Measure


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield contact hours and overtime hours of GPs and of each profession of practice nurses."""
    services = counted.arrays["services"].sum(axis=2)  # [T, P, S]
    quarters = services.shape[0] // counted.years
    longer = counted.longer_hours()
    for k, ((who, lanes), minutes) in enumerate(zip(PROFESSIONS.items(), counted.staff_minutes.T, strict=True)):
        room = counted.contact_hours[:, :, list(lanes)].sum(axis=2)  # [Y, P] a year
        worked = services @ minutes / 60.0 + longer[:, :, k]
        over = np.maximum(worked - np.repeat(room, quarters, axis=0) / quarters, 0.0)
        yield Measure(f"{who}_contact_hours", "hours", with_all(room * counted.weight))
        yield Measure(f"{who}_overtime_hours", "hours", with_all(counted.by_year(over) * counted.weight))
