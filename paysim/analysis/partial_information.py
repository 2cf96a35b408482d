"""The expected value of partial perfect information (EVPPI): what knowing a parameter, or a group of them, is worth.

Regression on the draws (Strong, Oakley and Brennan 2014, Medical Decision Making 34:311): the expectation of net
benefit given a parameter is a smooth function of it, and what a draw has besides, other parameters and the chance of
finite populations, is the residual. First-order noise thus stays out of the answer; it only makes the function less
certain.

How the function is fitted, what is done against following chance, and where errors come from: see `regression`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from paysim.analysis.cost_effectiveness import net_benefit
from paysim.analysis.regression import LEAST_DRAWS, Axes, axes_of, by_chance, expected, jackknife
from paysim.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd


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
        value = _value(axes_of(varied), gain) if len(gain) >= LEAST_DRAWS else np.nan
        rows.append((name, value, _error(varied, gain) if np.isfinite(value) else np.nan))
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
    axes = [axes_of(varied) for varied in members.values()]
    return by_chance(lambda k, order: _value(axes[k], gain[order]), len(axes), len(gain))


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


def _value(axes: Axes, gain: np.ndarray) -> float:
    """Return the value of knowing what the axes are functions of; `gain` is ``[draw, arm]``."""
    if axes is None:
        return float("nan")
    given = expected(axes, gain)
    return float(given.max(axis=1).mean() - given.mean(axis=0).max())


def _error(varied: np.ndarray, gain: np.ndarray) -> float:
    return jackknife(lambda kept: _value(axes_of(varied[kept]), gain[kept]), len(gain))
