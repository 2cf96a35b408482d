"""Births by the mother's age; the newcomer joins her practice.

A birth is one more process of a person, keyed by (mother, parity), so that two arms in which she lives have the
same child.
"""

from __future__ import annotations

import numpy as np

from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters


def build(params: Parameters) -> Transition:
    """Return the process of giving birth at the published rates by five-year age band of the mother."""
    table = params.table("births.fertility")
    rate = np.zeros((2, AGES))
    for low, high, per_1000 in zip(table["age_lo"], table["age_hi"], table["births_per_1000_women"], strict=True):
        rate[1, int(low) : int(high) + 1] = per_1000 / 1000.0
    with np.errstate(divide="ignore"):
        log_hazard = np.log(rate * params["births.level"])
    return Transition("birth", "birth", log_hazard, source="UN World Population Prospects 2024")
