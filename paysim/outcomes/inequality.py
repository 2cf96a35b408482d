"""Indices of inequality over ordered groups, as pure functions of group means and sizes.

Groups stand in order from the worst to the best off. The rank (ridit) of a group is the share of people below it plus
half its own share, from 0 to 1. All functions take arrays whose last axis is groups.
"""

from __future__ import annotations

import numpy as np


def ridits(size: np.ndarray) -> np.ndarray:
    """Return the mid-rank of each group ``[..., groups]`` from group sizes, between 0 and 1."""
    share = _shares(size)
    return np.asarray(np.cumsum(share, axis=-1) - share / 2)


def mean(value: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the mean of group values weighted by group sizes."""
    return np.asarray((_shares(size) * value).sum(axis=-1))


def slope_index(value: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the slope index of inequality: how much more the best off has than the worst off, on a straight line.

    Weighted least-squares slope over ridits (Mackenbach and Kunst 1997, Soc Sci Med 44:757); in the unit of `value`,
    positive when those better off have more. NaN with everybody in one group.
    """
    share, rank = _shares(size), ridits(size)
    centred = rank - 0.5  # the mean rank is one half, whatever the groups
    spread = (share * centred**2).sum(axis=-1)
    covariance = (share * centred * value).sum(axis=-1)
    return _divide(covariance, spread)


def relative_index(value: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the relative index of inequality: the slope index divided by the mean (Pamuk 1985)."""
    return _divide(slope_index(value, size), mean(value, size))


def concentration_index(value: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the concentration index: twice the covariance of value and rank over the mean (Wagstaff 1991).

    Between -1 and 1; positive when `value` is concentrated among those better off.
    """
    share, rank = _shares(size), ridits(size)
    average = mean(value, size)
    covariance = (share * (rank - 0.5) * (value - average[..., None])).sum(axis=-1)
    return _divide(2.0 * covariance, average)


def equally_distributed_equivalent(value: np.ndarray, size: np.ndarray, aversion: float) -> np.ndarray:
    """Return the level that, had by everybody, is as good as the unequal levels (Atkinson 1970).

    Parameters
    ----------
    value
        Group means, above 0; elsewhere the result is NaN.
    aversion
        Atkinson's parameter, 0 or more: 0 gives the mean, 1 the geometric mean, large values the worst-off group.
    """
    least = value.min(axis=-1, keepdims=True)
    known = (least > 0.0)[..., 0]
    ratio = value / np.where(least > 0.0, least, 1.0)  # to the least, so that no power overflows
    share = _shares(size)
    with np.errstate(invalid="ignore", divide="ignore"):
        logarithm = np.log(ratio)
        if aversion == 1.0:
            level = np.exp((share * logarithm).sum(axis=-1))
        else:
            power = 1.0 - aversion
            level = (share * np.exp(power * logarithm)).sum(axis=-1) ** (1.0 / power)
    return np.where(known, level * least[..., 0], np.nan)


def kolm_equivalent(value: np.ndarray, size: np.ndarray, aversion: float) -> np.ndarray:
    """Return the level that, had by everybody, is as good as the unequal levels (Kolm 1976): -ln(mean e^(-a v)) / a.

    Adding the same to every group adds the same to the result; for Atkinson's it is multiplying.

    Parameters
    ----------
    aversion
        Kolm's parameter, 0 or more, per unit of `value`: 0 gives the mean, large values the worst-off group.
    """
    if aversion == 0.0:
        return mean(value, size)
    least = value.min(axis=-1, keepdims=True)
    powers = np.exp(-aversion * (value - least))  # of the distance to the least, so that none overflows
    return np.asarray(least[..., 0] - np.log((_shares(size) * powers).sum(axis=-1)) / aversion)


def atkinson_weights(value: np.ndarray, size: np.ndarray, aversion: float) -> np.ndarray:
    """Return what one unit more is worth in each group under Atkinson's index, 1 being the mean of all people."""
    least = value.min(axis=-1, keepdims=True)
    known = np.where(least > 0.0, value / np.where(least > 0.0, least, 1.0), np.nan)
    return _normalised(known**-aversion, size)


def kolm_weights(value: np.ndarray, size: np.ndarray, aversion: float) -> np.ndarray:
    """Return what one unit more is worth in each group under Kolm's index, 1 being the mean of all people."""
    return _normalised(np.exp(-aversion * (value - value.min(axis=-1, keepdims=True))), size)


def _normalised(weight: np.ndarray, size: np.ndarray) -> np.ndarray:
    return _divide(weight, mean(weight, size)[..., None])


def _shares(size: np.ndarray) -> np.ndarray:
    return _divide(size, size.sum(axis=-1, keepdims=True))


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return the quotient, NaN where the divisor is 0."""
    above, below = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0.0))
