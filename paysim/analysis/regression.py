"""Regression of what draws show on their parameters, the same for the value of parameters and for Sobol indices.

The expectation given a parameter is a line, a parabola, a cubic or a cubic spline of it, whichever generalised
cross-validation prefers. Fitted values scatter more than the function itself, because they follow the residuals; they
are drawn together around their mean until their variance is that of the function (adjusted R-squared in place of
R-squared), so that a parameter that does nothing seems to do about nothing. Standard errors are jackknives over
twentieths of the draws. What chance alone would show is told by shuffling draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from paysim.kernel import streams

DEGREES = (1, 2, 3, 5)
"""Degrees of freedom tried for the function of a parameter: line, parabola, cubic, cubic spline with two knots."""

LEAST_DRAWS = 50
"""Draws below which nothing is said: a regression on fewer follows chance."""

SHUFFLES = 19
"""The greatest of so many and the value itself are 20: a level of 5%."""

_FOLDS = 20
_LEAST_PER_TERM = 10
"""Draws per term of a regression below which it says nothing."""

Axes = list[np.ndarray] | None


def axes_of(varied: np.ndarray, degrees: Sequence[int] = DEGREES) -> Axes:
    """Return orthonormal axes ``[draw, term]`` of each regression tried; None if there are too few draws for any.

    Parameters
    ----------
    varied
        ``[draw, parameter]``, without what never varies; functions of several parameters add up.
    """
    count = len(varied)
    if not varied.shape[1]:
        return []
    bases = [_basis(varied, degree) for degree in degrees]
    allowed = [each for each in bases if count >= max(LEAST_DRAWS - _FOLDS, _LEAST_PER_TERM * each.shape[1])]
    return [np.linalg.qr(np.column_stack([np.ones(count), each]))[0] for each in allowed] or None


def expected(axes: Sequence[np.ndarray], seen: np.ndarray) -> np.ndarray:
    """Return ``[draw, column]`` the expectation of each column of `seen`, given what the axes are functions of."""
    mean, count = seen.mean(axis=0), len(seen)
    best, found = np.full(seen.shape[1], np.inf), np.broadcast_to(mean, seen.shape).copy()
    for each in axes:
        fitted = each @ (each.T @ seen)
        free = count - each.shape[1]
        rest = ((seen - fitted) ** 2).sum(axis=0)
        criterion = rest / free**2
        followed = (each.shape[1] - 1) * rest / free / count  # variance that fitted values have from residuals
        spread = fitted.var(axis=0)
        left = np.sqrt(np.clip(1.0 - followed / np.where(spread > 0.0, spread, np.inf), 0.0, 1.0))
        better = (criterion < best) & (np.ptp(seen, axis=0) > 0.0)
        found[:, better] = (mean + (fitted - mean) * left)[:, better]
        best[better] = criterion[better]
    return found


def _basis(varied: np.ndarray, degree: int) -> np.ndarray:
    """Return ``[draw, term]``: functions of each parameter with `degree` degrees of freedom, without a constant."""
    terms = []
    for values in varied.T:
        low, high = values.min(), values.max()
        x = (values - low) / (high - low)
        knots = [] if degree <= 3 else np.quantile(x, np.arange(1, degree - 2) / (degree - 2))
        terms += [x**power for power in range(1, min(degree, 3) + 1)]
        terms += [np.clip(x - knot, 0.0, None) ** 3 for knot in knots]
    return np.column_stack(terms)


def jackknife(value: Callable[[np.ndarray], float], draws: int) -> float:
    """Return the standard error of a value, leaving out a twentieth of the draws at a time.

    Parameters
    ----------
    value
        Of the draws that a mask keeps.
    """
    folds = min(_FOLDS, draws)
    part = np.arange(draws) % folds
    values = np.array([value(part != k) for k in range(folds)])
    return float(np.sqrt((folds - 1) * values.var()))


def by_chance(value: Callable[[int, np.ndarray], float], count: int, draws: int) -> float:
    """Return what the greatest of `count` values reaches in 1 of 20 studies if no parameter matters.

    Parameters
    ----------
    value
        Of a parameter by number, with draws in an order that has nothing to do with it; missing values are left out.
    """
    key = np.array([draws], np.uint64)
    orders = [np.argsort(streams.uniforms(key, number, np.arange(draws)), kind="stable") for number in range(SHUFFLES)]
    found = np.array([[value(k, order) for k in range(count)] for order in orders])
    return float(found[np.isfinite(found)].max()) if np.isfinite(found).any() else float("nan")
