"""The event study of a trial: what is found in each year against the last one before, and what is true of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from paysim.pilots.allocation import NEVER, Allocation
from paysim.pilots.estimators import pooled, welch
from paysim.pilots.model import Pilot
from paysim.pilots.parts import with_effect, without_effect

Floats = npt.NDArray[np.float64]


def event_rows(pilot: Pilot, allocation: Allocation, parts: Mapping[str, Floats]) -> tuple[Mapping[str, float], ...]:
    """Return the coefficients of the event study, whatever the pilot's own estimator is.

    Of treated sites less controls in each year, less the same in the last year before the start, with errors clustered
    by site; with one variance for both groups where the pilot has that (`pooled_t`) or treats a single site.

    Returns
    -------
    tuple of mapping
        For each year but that one: ``year`` (1 is the first of the pilot, 0 and below lie before it), true effect on
        all sites that were to be treated, mean estimate, half an interval at the level of the test, the share of trials
        that reject, and the same if the contract does nothing. Nothing without controls, with waves, or without a year
        before.
    """
    if pilot.waves > 1 or not pilot.controls or pilot.start_year < 1:
        return ()
    own = allocation.start < NEVER
    sites = own / own.sum(axis=1, keepdims=True) - ~own / np.maximum((~own).sum(axis=1, keepdims=True), 1)
    judge = pooled if pilot.treated == 1 or pilot.inference == "pooled_t" else welch
    nothing, whole = without_effect(parts), with_effect(parts)
    truth = (parts["caused"] * own[:, :, None]).sum(axis=1) / own.sum(axis=1)[:, None]
    last = pilot.start_year - 1
    rows = []
    for year in (each for each in range(pilot.end_year) if each != last):
        found, null = (judge(each[:, :, year] - each[:, :, last], sites) for each in (whole, nothing))
        rows.append(
            {
                "year": year - last,
                "true_effect": float(truth[:, year].mean()),
                "estimate": float(found.value.mean()),
                "half_width": float(found.half_width(pilot.alpha).mean()),
                "rejects": float((found.p <= pilot.alpha).mean()),
                "rejects_without_effect": float((null.p <= pilot.alpha).mean()),
            }
        )
    return tuple(rows)
