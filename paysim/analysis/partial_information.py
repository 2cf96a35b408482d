"""The expected value of partial perfect information (EVPPI): what knowing a parameter, or a group of them, is worth.

Regression on the draws (Strong, Oakley and Brennan 2014, Medical Decision Making 34:311): the expectation of net
benefit given a parameter is a smooth function of it, and what a draw has besides, other parameters and the chance of
finite populations, is the residual. First-order noise thus stays out of the answer; it only makes the function less
certain.

Of that uncertainty two things are taken care of. Fitted values scatter more than the function itself, because they
follow the residuals; they are drawn together around their mean until their variance is that of the function (adjusted
R-squared in place of R-squared), so that a parameter that does nothing is worth about nothing. And the standard error
is a jackknife over twentieths of the draws. Among hundreds of parameters some look valuable by chance; how much the
luckiest would, `highest_by_chance` tells by shuffling draws.
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
_LEAST_PER_TERM = 10
"""Draws per term of a regression below which it says nothing."""

LEAST_DRAWS = 50
"""Draws below which nothing is valued: a regression on fewer follows chance."""

_SHUFFLES = 19
"""The greatest of so many and the value itself are 20: a level of 5%."""


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
        ``parameter, evppi_eur, se_eur`` per head, the greatest first; both missing with fewer than `LEAST_DRAWS` draws,
        and for a group with too many parameters for the draws.

    Raises
    ------
    DataError
        If draws have no row of parameters, or arms differ in their draws.
    """
    import pandas as pd

    gain, members = _prepared(outcomes, parameters, willingness, groups)
    rows = []
    for name, varied in members.items():
        value = _value(_axes(varied), gain) if len(gain) >= LEAST_DRAWS else np.nan
        rows.append((name, value, _jackknife(varied, gain) if np.isfinite(value) else np.nan))
    table = pd.DataFrame(rows, columns=["parameter", "evppi_eur", "se_eur"])
    return table.sort_values("evppi_eur", ascending=False, kind="stable", ignore_index=True)


def highest_by_chance(
    outcomes: pd.DataFrame,
    parameters: pd.DataFrame,
    willingness: float,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> float:
    """Return what the most valuable parameter would seem to be worth if none mattered, EUR per head.

    Draws are shuffled against their parameters; 1 study in 20 would exceed this by chance. Arguments as of
    `partial_information`; missing where that is missing for all.
    """
    gain, members = _prepared(outcomes, parameters, willingness, groups)
    axes = [_axes(varied) for varied in members.values()]
    source = np.random.Generator(np.random.PCG64(len(gain)))
    found = [[_value(each, gain[order]) for each in axes] for order in _orders(source, len(gain))]
    known = np.array(found)
    return float(known[np.isfinite(known)].max()) if np.isfinite(known).any() else float("nan")


def by_prefix(names: Sequence[str]) -> dict[str, list[str]]:
    """Return names grouped by what stands before the first dot."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.split(".")[0], []).append(name)
    return groups


def _prepared(
    outcomes: pd.DataFrame, parameters: pd.DataFrame, willingness: float, groups: Mapping[str, Sequence[str]] | None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return ``[draw, arm]`` gains on the arm best on average, and ``[draw, parameter]`` of each group, what varies."""
    benefit = net_benefit(outcomes, willingness)
    missing = [str(draw) for draw in benefit.index if draw not in parameters.index]
    if missing:
        raise DataError(Problem("draws without parameters", found=", ".join(missing)))
    drawn = parameters.loc[benefit.index]
    gain = benefit.sub(benefit[benefit.mean().idxmax()], axis=0).to_numpy()
    members = {}
    for name, names in (groups or {str(each): [str(each)] for each in drawn.columns}).items():
        unknown = [each for each in names if each not in drawn.columns]
        if unknown:
            raise DataError(Problem("no such parameter", key=name, found=unknown[0]))
        varied = drawn[list(names)].to_numpy(dtype=float)
        members[name] = varied[:, varied.std(axis=0) > 0.0]
    return gain, members


def _orders(source: np.random.Generator, count: int) -> list[np.ndarray]:
    return [source.permutation(count) for _ in range(_SHUFFLES)]


def _axes(varied: np.ndarray) -> list[np.ndarray] | None:
    """Return orthonormal axes ``[draw, term]`` of each regression tried; None if there are too few draws for any."""
    count = len(varied)
    if not varied.shape[1]:
        return []
    bases = [_basis(varied, degree) for degree in DEGREES]
    allowed = [each for each in bases if count >= max(LEAST_DRAWS - _FOLDS, _LEAST_PER_TERM * each.shape[1])]
    return [np.linalg.qr(np.column_stack([np.ones(count), each]))[0] for each in allowed] or None


def _value(axes: list[np.ndarray] | None, gain: np.ndarray) -> float:
    """Return the value of knowing what the axes are functions of."""
    if axes is None:
        return float("nan")
    expected = _expected(axes, gain)
    return float(expected.max(axis=1).mean() - expected.mean(axis=0).max())


def _expected(axes: Sequence[np.ndarray], gain: np.ndarray) -> np.ndarray:
    """Return ``[draw, arm]`` the expectation of each arm's gain, given what the axes are functions of."""
    mean, count = gain.mean(axis=0), len(gain)
    best, expected = np.full(gain.shape[1], np.inf), np.broadcast_to(mean, gain.shape).copy()
    for each in axes:
        fitted = each @ (each.T @ gain)
        free = count - each.shape[1]
        rest = ((gain - fitted) ** 2).sum(axis=0)
        criterion = rest / free**2
        followed = (each.shape[1] - 1) * rest / free / count  # variance that fitted values have from residuals
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
    values = np.array([_value(_axes(varied[part != k]), gain[part != k]) for k in range(folds)])
    return float(np.sqrt((folds - 1) * values.var()))
