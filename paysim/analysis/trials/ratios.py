"""Weights that make today's people like a trial's participants, and ratios of rates with their error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from paysim.errors import DataError, Problem

_CLOSE = 1e-3
"""Largest difference between weighted and wanted means, in standard deviations."""


def matching_weights(traits: np.ndarray, means: Sequence[float], what: str = "") -> np.ndarray:
    """Return weights ``[n]`` of mean 1 under which people have the wanted means.

    Weights are ``exp(a + b . traits)``, of all that give these means the ones nearest to equal: the method of moments
    of matching-adjusted indirect comparison (Signorovitch 2010, Pharmacoeconomics 28:935).

    Parameters
    ----------
    traits
        ``[n, k]``.
    means
        ``[k]``.
    what
        What is matched, for the message.

    Raises
    ------
    DataError
        If no weights give these means: they lie outside of what the people are.
    """
    n, k = traits.shape
    if k == 0:
        return np.ones(n)
    scale = traits.std(axis=0)
    apart = (traits - np.asarray(means, float)) / np.where(scale > 0, scale, 1.0)

    def total(b: np.ndarray) -> tuple[float, np.ndarray]:
        # The logarithm of the sum has the same minimum, and neither overflows nor runs flat.
        value = apart @ b
        most = value.max()
        weight = np.exp(value - most)
        whole = weight.sum()
        return float(np.log(whole) + most), weight @ apart / whole

    with np.errstate(all="ignore"):  # without a solution the search runs off, which is told below
        found = minimize(total, np.zeros(k), jac=True, method="BFGS", options={"gtol": 1e-8, "maxiter": 500})
    value = apart @ np.nan_to_num(found.x)
    weight = np.exp(value - value.max())
    weight *= n / weight.sum()
    if not np.abs(weight @ apart / n).max() <= _CLOSE:
        raise DataError(Problem("the population cannot be weighted to the trial's participants", key=what))
    return np.asarray(weight)


def effective_number(weight: np.ndarray) -> float:
    """Return how many equally weighted people tell as much: (sum w)^2 / sum w^2 (Kish 1965)."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def rate(weight: np.ndarray, events: np.ndarray, years: np.ndarray) -> float:
    """Return first events per person-year until them."""
    return float(weight @ events / (weight @ years))


def rate_ratio(weight: np.ndarray, control: np.ndarray, arm: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the ratio of an arm's rate to the control's, and what each person adds to the error of its logarithm.

    Parameters
    ----------
    weight
        ``[n]``.
    control, arm
        Events and years ``[2, n]`` of the same persons; of several replicates, their sums.

    Returns
    -------
    ratio, influence
        The linearised ratio: the variance of the logarithm is the sum of squares of `influence` ``[n]``. Persons are in
        both arms, so what both arms share cancels. Not a number when an arm has no event.
    """
    rates, parts = [], []
    for events, years in (control, arm):
        count = float(weight @ events)
        if count == 0.0:
            return float("nan"), np.full(len(weight), np.nan)
        rates.append(rate(weight, events, years))
        parts.append(weight * (events - rates[-1] * years) / count)
    return rates[1] / rates[0], parts[1] - parts[0]


def standardised(parts: Sequence[tuple[float, float, np.ndarray]]) -> tuple[float, np.ndarray]:
    """Return the mean of ratios weighted by shares, and each person's influence on its logarithm.

    Parameters
    ----------
    parts
        Share, ratio and influence of each; shares sum to 1.
    """
    value = sum(share * ratio for share, ratio, _ in parts)
    influence = np.sum([share * ratio * each for share, ratio, each in parts], axis=0)
    return value, influence / value
