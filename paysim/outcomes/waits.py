"""Waits by service: mean, median and 90th percentile, from waits counted in whole days or weeks.

A count of k whole units holds waits from k to k + 1; they are taken as spread evenly, so a mean is that of the
middles and a percentile is interpolated. Without anybody served a wait is 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from paysim.outcomes.protocol import Counted, Measure

_LANES = ("gp_planned", "gp_urgent", "nurse", "mental_nurse")
_TENTHS = {"median": 0.5, "p90": 0.9}


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield waits for the practice's four kinds of appointments; `outcomes.hospital` has those of clinics and beds."""
    waits = counted.by_year(counted.arrays["waits"])  # [Y, P, 4, days]
    for k, lane in enumerate(_LANES):
        by_day = np.concatenate([waits[:, :, k].sum(axis=1, keepdims=True), waits[:, :, k]], axis=1)
        yield from _of(f"wait_{lane}", "days", by_day)


def _of(name: str, unit: str, counts: np.ndarray) -> Iterator[Measure]:
    """Yield the measures of waits counted ``[Y, groups, bins]``."""
    whole = counts.sum(axis=0)
    yield Measure(f"{name}_{unit}", unit, mean_wait(counts), whole=mean_wait(whole))
    for tenth, share in _TENTHS.items():
        yield Measure(f"{name}_{tenth}_{unit}", unit, percentile(counts, share), whole=percentile(whole, share))


def mean_wait(counts: np.ndarray) -> np.ndarray:
    """Return the mean of waits ``[...]`` counted in whole units ``[..., bins]``, taken at the middle of the unit."""
    middles = np.arange(counts.shape[-1]) + 0.5
    total = counts.sum(axis=-1)
    return np.asarray(np.divide(counts @ middles, total, out=np.zeros(total.shape), where=total > 0))


def percentile(counts: np.ndarray, share: float) -> np.ndarray:
    """Return the wait ``[...]`` that a `share` do not exceed, of waits counted in whole units ``[..., bins]``."""
    cumulative = counts.cumsum(axis=-1).astype(float)
    target = share * cumulative[..., -1:]
    unit = (cumulative < target).sum(axis=-1)
    before = np.where(unit > 0, np.take_along_axis(cumulative, np.maximum(unit - 1, 0)[..., None], -1)[..., 0], 0.0)
    within = np.take_along_axis(counts.astype(float), np.minimum(unit, counts.shape[-1] - 1)[..., None], -1)[..., 0]
    part = np.divide(target[..., 0] - before, within, out=np.zeros(unit.shape), where=within > 0)
    return np.asarray(unit + part)
