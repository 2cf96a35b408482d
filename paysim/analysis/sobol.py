"""First-order Sobol indices from the draws of a study: what share of the spread each uncertain parameter makes.

The index of a parameter is the variance of the expectation given it, by the variance of all (Sobol 1993); it is found
by regression on draws that are there already (Plischke 2010, Reliability Engineering and System Safety 95:354), so
that it costs no further world. Draws are independent of each other, so the indices add up to at most 1; what is left
is interactions, and chance. Replicates of a draw are averaged and tell how much chance there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from paysim.analysis.regression import DEGREES, LEAST_DRAWS, Axes, axes_of, by_chance, expected, jackknife
from paysim.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

_DEGREES = (*DEGREES, 9)
"""A spline with six knots besides: indices are of curves too."""


def first_order(values: pd.DataFrame, parameters: pd.DataFrame) -> pd.DataFrame:
    """Return first-order indices.

    Parameters
    ----------
    values
        ``draw, replicate, value``: what is explained, such as a difference between arms.
    parameters
        ``[draw, parameter]`` as `Psa.parameters`.

    Returns
    -------
    DataFrame
        ``parameter, index, se``, the greatest first.

    Raises
    ------
    DataError
        With fewer than `LEAST_DRAWS` draws, or draws without parameters.
    """
    import pandas as pd

    seen, columns = _prepared(values, parameters)
    rows = []
    for name, x in columns.items():
        index = _index(axes_of(x, _DEGREES), seen)
        rows.append((name, index, _error(x, seen)))
    table = pd.DataFrame(rows, columns=["parameter", "index", "se"])
    return table.sort_values("index", ascending=False, kind="stable", ignore_index=True)


def highest_by_chance(values: pd.DataFrame, parameters: pd.DataFrame) -> float:
    """Return what the highest index would reach in 1 of 20 studies if no parameter mattered."""
    seen, columns = _prepared(values, parameters)
    axes = [axes_of(x, _DEGREES) for x in columns.values()]
    return by_chance(lambda k, order: _index(axes[k], seen[order]), len(axes), len(seen))


def chance_share(values: pd.DataFrame) -> float:
    """Return the share of chance in the variance of means of draws; missing with one replicate."""
    wide = values.pivot_table(index="draw", columns="replicate", values="value")
    if wide.shape[1] < 2:
        return float("nan")
    chance = float(wide.var(axis=1, ddof=1).mean() / wide.shape[1])
    total = float(wide.mean(axis=1).var(ddof=1))
    return min(1.0, chance / total) if total > 0.0 else float("nan")


def _prepared(values: pd.DataFrame, parameters: pd.DataFrame) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return ``[draw, 1]`` what was seen, and ``[draw, 1]`` of each parameter that varies."""
    seen = values.groupby("draw")["value"].mean()
    if len(seen) < LEAST_DRAWS:
        raise DataError(Problem(f"{LEAST_DRAWS} draws or more are needed", found=str(len(seen))))
    missing = [str(draw) for draw in seen.index if draw not in parameters.index]
    if missing:
        raise DataError(Problem("draws without parameters", found=", ".join(missing)))
    drawn = parameters.loc[seen.index]
    columns = {str(name): drawn[name].to_numpy(dtype=float)[:, None] for name in drawn.columns}
    return seen.to_numpy()[:, None], {name: x for name, x in columns.items() if x.std() > 0.0}


def _index(axes: Axes, seen: np.ndarray) -> float:
    total = float(seen.var())
    return float(expected(axes, seen).var()) / total if axes and total > 0.0 else 0.0


def _error(x: np.ndarray, seen: np.ndarray) -> float:
    return jackknife(lambda kept: _index(axes_of(x[kept], _DEGREES), seen[kept]), len(seen))
