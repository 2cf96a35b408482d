"""The mixed model of stepped wedges (Hussey and Hughes 2007) by restricted maximum likelihood, for many trials at once.

Outcome = year + effect x treated + intercept of the site + rest. On a balanced panel with year effects the likelihood
falls apart into what differs within sites and what differs between their means; only how much the second counts has to
be found. With kappa = 1 / (1 + years x variance of intercepts / variance of the rest), from 0 (sites as fixed effects)
to 1 (no intercepts at all):

    effect = (Wxy + kappa Bxy) / (Wxx + kappa Bxx)
    -2 log L = (N - p) log Q(kappa) - (sites - 1) log kappa + log(Wxx + kappa Bxx)

where W are sums within sites and years, B those between site means, Q the weighted sum of squares left, N the cells and
p the years and the treatment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LEAST = 1e-8
_GRID, _STEPS = 60, 60
_GOLDEN = (5.0**0.5 - 1.0) / 2.0


@dataclass(frozen=True, eq=False)
class MixedFit:
    """By trial: effect, standard error, share of the between-site part `kappa`; weights ``[trial, site, year]``."""

    value: Floats
    error: Floats
    kappa: Floats
    weights: Floats


def fit(treatment: Floats, outcome: Floats) -> MixedFit:
    """Return the model fitted to outcomes ``[trial, site, year]`` with an indicator of the same shape."""
    _, sites, years = outcome.shape
    within_x, between_x = _split(treatment)
    within_y, between_y = _split(outcome)
    sums = [
        ((a * b).sum(axis=(1, 2)), years * (c * d).sum(axis=1))
        for a, b, c, d in (
            (within_x, within_x, between_x, between_x),
            (within_x, within_y, between_x, between_y),
            (within_y, within_y, between_y, between_y),
        )
    ]
    free = sites * years - years - 1.0

    def left(kappa: Floats) -> tuple[Floats, Floats]:
        xx, xy, yy = (w + kappa * b for w, b in sums)
        return np.maximum(yy - xy**2 / xx, 1e-300), xx

    def deviance(log_kappa: Floats) -> Floats:
        quadratic, xx = left(np.exp(log_kappa))
        return np.asarray(free * np.log(quadratic) - (sites - 1.0) * log_kappa + np.log(xx))

    kappa = np.exp(_lowest(deviance, len(outcome)))
    quadratic, xx = left(kappa)
    value = (sums[1][0] + kappa * sums[1][1]) / xx
    weights = (within_x + (kappa[:, None] * between_x)[:, :, None]) / xx[:, None, None]
    return MixedFit(value, np.sqrt(quadratic / free / xx), kappa, weights)


def _split(values: Floats) -> tuple[Floats, Floats]:
    """Return what is left after site and year means, and site means less the mean of all."""
    of_site, whole = values.mean(axis=2), values.mean(axis=(1, 2))
    inside = values - of_site[:, :, None] - values.mean(axis=1, keepdims=True) + whole[:, None, None]
    return inside, of_site - whole[:, None]


def _lowest(deviance: Callable[[Floats], Floats], trials: int) -> Floats:
    """Return the log kappa of the lowest deviance of each trial: best of a grid, then golden section around it."""
    grid = np.linspace(np.log(_LEAST), 0.0, _GRID)
    best = np.argmin([deviance(np.full(trials, each)) for each in grid], axis=0)
    low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, _GRID - 1)]
    for _ in range(_STEPS):
        first, second = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        lower = deviance(first) < deviance(second)
        low, high = np.where(lower, low, first), np.where(lower, second, high)
    return np.asarray((low + high) / 2.0)
