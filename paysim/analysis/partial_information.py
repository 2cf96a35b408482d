"""The expected value of partial perfect information (EVPPI): what knowing a parameter, or a group of them, is worth.

Regression on the draws (Strong, Oakley and Brennan 2014, Medical Decision Making 34:311): the expectation of net
benefit given a parameter is a smooth function of it, and what a draw has besides, other parameters and the chance of
finite populations, is the residual. First-order noise thus stays out of the answer; it only makes the function less
certain.

Of that uncertainty two things are taken care of. Fitted values scatter more than the function itself, because they
follow the residuals; they are drawn together around their mean until their variance is that of the function (adjusted
R-squared in place of R-squared), so that a parameter that does nothing is worth about nothing. And the standard error
is a jackknife over twentieths of the draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from paysim.analysis.cost_effectiveness import net_benefit
from paysim.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

DEGREES = (1, 2, 3, 5)
"""Degrees of freedom tried for the function of a parameter: line, parabola, cubic, cubic spline with two knots.

Generalised cross-validation chooses."""

_FOLDS = 20
_LEAST_PER_TERM = 3
"""Draws per term of a regression below which it says nothing."""


def partial_information(
    outcomes: pd.DataFrame,
    parameters: pd.DataFrame,
    willingness: float,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Return what perfect information on single parameters, or on groups, is worth.

    Parameters
    ----------
    outcomes
        As `Psa.outcomes`; replicates of a draw are averaged first.
    parameters
        ``[draw, parameter]`` as `Psa.parameters`.
    willingness
        EUR per QALY.
    groups
        Names of parameters by group; without it every parameter is a group of its own. Functions of the parameters of a
        group add up: interactions inside it are not seen.

    Returns
    -------
    DataFrame
        ``parameter, evppi_eur, se_eur`` per head, the greatest first; both missing for a group with too many parameters
        for the draws.

    Raises
    ------
    DataError
        If draws have no row of parameters, or arms differ in their draws.
    """
    import pandas as pd

    benefit = net_benefit(outcomes, willingness)
    missing = [str(draw) for draw in benefit.index if draw not in parameters.index]
    if missing:
        raise DataError(Problem("draws without parameters", found=", ".join(missing)))
    drawn = parameters.loc[benefit.index]
    best = benefit.mean().idxmax()
    gain = benefit.sub(benefit[best], axis=0).to_numpy()
    rows = []
    for name, members in (groups or {str(each): [str(each)] for each in drawn.columns}).items():
        unknown = [each for each in members if each not in drawn.columns]
        if unknown:
            raise DataError(Problem("no such parameter", key=name, found=unknown[0]))
        varied = drawn[list(members)].to_numpy(dtype=float)
        varied = varied[:, varied.std(axis=0) > 0.0]
        value = _value(varied, gain)
        rows.append((name, value, _jackknife(varied, gain) if np.isfinite(value) else np.nan))
    table = pd.DataFrame(rows, columns=["parameter", "evppi_eur", "se_eur"])
    return table.sort_values("evppi_eur", ascending=False, kind="stable", ignore_index=True)


def by_prefix(names: Sequence[str]) -> dict[str, list[str]]:
    """Return names grouped by what stands before the first dot."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.split(".")[0], []).append(name)
    return groups


def _value(varied: np.ndarray, gain: np.ndarray) -> float:
    """Return the value of knowing `varied` [draw, parameter]; `gain` is [draw, arm] against the arm best on average."""
    if not varied.shape[1]:
        return 0.0
    bases = [_basis(varied, degree) for degree in DEGREES]
    bases = [each for each in bases if len(gain) >= _LEAST_PER_TERM * each.shape[1]]
    if not bases:
        return float("nan")
    expected = _expected(bases, gain)
    return float(expected.max(axis=1).mean() - expected.mean(axis=0).max())


def _expected(bases: Sequence[np.ndarray], gain: np.ndarray) -> np.ndarray:
    """Return ``[draw, arm]`` the expectation of each arm's gain, given what the bases are functions of."""
    mean, count = gain.mean(axis=0), len(gain)
    best, expected = np.full(gain.shape[1], np.inf), np.broadcast_to(mean, gain.shape).copy()
    for basis in bases:
        axes, _ = np.linalg.qr(np.column_stack([np.ones(count), basis]))
        fitted = axes @ (axes.T @ gain)
        free = count - axes.shape[1]
        rest = ((gain - fitted) ** 2).sum(axis=0)
        criterion = rest / free**2
        followed = (axes.shape[1] - 1) * rest / free / count  # variance that fitted values have from residuals
        seen = fitted.var(axis=0)
        left = np.sqrt(np.clip(1.0 - followed / np.where(seen > 0.0, seen, np.inf), 0.0, 1.0))
        better = (criterion < best) & (np.ptp(gain, axis=0) > 0.0)
        expected[:, better] = (mean + (fitted - mean) * left)[:, better]
        best[better] = criterion[better]
    return expected


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


def _jackknife(varied: np.ndarray, gain: np.ndarray) -> float:
    """Return the standard error of the value, leaving out a twentieth of the draws at a time."""
    folds = min(_FOLDS, len(gain))
    part = np.arange(len(gain)) % folds
    values = np.array([_value(varied[part != k], gain[part != k]) for k in range(folds)])
    return float(np.sqrt((folds - 1) * values.var()))
