"""Differences between arms, with the interval that the run can support.

With two or more replicates the arms of one replicate share their random numbers, so the difference is taken
within each replicate and the interval is Student's t over replicates. With one replicate the only spread is
that between practices: the difference is taken within each practice, and with weights w (shares of
person-years) the standard error is sqrt(P / (P - 1) * sum((w_p * (d_p - d))^2)), the usual linearisation of a
weighted mean of clusters, with P - 1 degrees of freedom. It holds chance only; what parameters are uncertain
by is not in it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from paysim.analysis.measures import MEASURES, Measure, horizon, wide
from paysim.analysis.runs import Run, load_run
from paysim.errors import DataError, Problem, ScenarioError, nearest_name

if TYPE_CHECKING:
    import pandas as pd

OVER_REPLICATES = "over replicates"
CHANCE_ONLY = "chance only, not parameter uncertainty"
COLUMNS = (
    "measure",
    "label",
    "unit",
    "arm",
    "baseline",
    "value",
    "baseline_value",
    "difference",
    "low",
    "high",
    "relative",
    "interval",
)

_LEVEL = 0.95

Floats = NDArray[np.float64]
Cell = tuple[str, int, int]


def compare(
    run: Run | pd.DataFrame | str | os.PathLike[str],
    baseline: str | Sequence[str] | None = None,
    *,
    measures: Iterable[Measure] = MEASURES,
) -> pd.DataFrame:
    """Return the differences of every arm from a baseline, with 95% intervals.

    Parameters
    ----------
    run
        A run, a run folder, or tidy results.
    baseline
        Arm or arms to compare with; by default all that the scenario names under ``compare_with``.
    measures
        What to compare; measures that the results do not hold are left out.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, a row a measure, arm and baseline, over the whole horizon. ``difference`` is arm
        minus baseline; ``relative`` is its share of the baseline's value. ``interval`` is `OVER_REPLICATES`
        or `CHANCE_ONLY`; ``low`` and ``high`` are missing where one replicate gives no spread, such as for
        region-wide waiting lists.

    Raises
    ------
    ScenarioError
        If a baseline is no arm of the run.
    DataError
        If results lack the whole horizon.
    """
    import pandas as pd

    source = load_run(run) if isinstance(run, str | os.PathLike) else run
    arms = arm_names(source)
    against = baselines(source, baseline)
    totals = horizon(wide(source))
    practices = _practices(source)
    rows: list[dict[str, Any]] = []
    for measure in measures:
        if not measure.held_by(totals):
            continue
        whole = _by_arm(measure.of(totals).droplevel("group"))
        split = _Split.of(measure, practices)
        for base in against:
            for arm in arms:
                if arm != base:
                    rows.append(_row(measure, arm, base, whole, split))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def arm_names(source: Run | pd.DataFrame) -> tuple[str, ...]:
    """Return the arms in the scenario's order (of results alone: in order of appearance)."""
    if isinstance(source, Run):
        return source.arms
    return tuple(dict.fromkeys(str(arm) for arm in source["arm"]))


def baselines(source: Run | pd.DataFrame, wanted: str | Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the arms to compare with.

    Raises
    ------
    ScenarioError
        If one of them is no arm of the run, with the nearest name.
    """
    arms = arm_names(source)
    if wanted is None:
        return source.compare_with if isinstance(source, Run) else arms[:1]
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    problems = [
        Problem(
            "the run has no such arm",
            key="baseline",
            found=name,
            allowed=arms,
            nearest=nearest_name(name, arms),
        )
        for name in names
        if name not in arms
    ]
    if problems:
        raise ScenarioError(*problems)
    return names


def t_interval(differences: Floats) -> tuple[float, float]:
    """Return the 95% interval of a mean from paired differences ``[n]``; missing below two of them."""
    if not differences.any():
        return 0.0, 0.0
    n = len(differences)
    if n < 2:
        return math.nan, math.nan
    error = float(differences.std(ddof=1)) / math.sqrt(n)
    return _around(float(differences.mean()), error, n - 1)


def clustered_interval(differences: Floats, weights: Floats, centre: float) -> tuple[float, float]:
    """Return the 95% interval of `centre` from paired differences of practices.

    Parameters
    ----------
    differences, weights
        ``[P]`` difference of each practice and its weight; weights need not sum to 1.
    centre
        Difference of the region, which lies in the middle of the interval.
    """
    known = np.isfinite(differences) & (weights > 0)
    d, w = differences[known], weights[known]
    if not len(d):
        return math.nan, math.nan
    if not d.any() and centre == 0.0:
        return 0.0, 0.0
    if len(d) < 2:
        return math.nan, math.nan
    share = w / w.sum()
    spread = share * (d - float(share @ d))
    error = math.sqrt(len(d) / (len(d) - 1) * float(spread @ spread))
    return _around(centre, error, len(d) - 1)


def _around(centre: float, error: float, freedom: int) -> tuple[float, float]:
    from scipy.special import stdtrit  # scipy.stats takes seconds to import

    half = float(stdtrit(freedom, 0.5 + _LEVEL / 2)) * error
    return centre - half, centre + half


@dataclass(frozen=True)
class _Split:
    """A measure by practice: values and person-years, each (arm, draw, replicate) -> ``[P]``."""

    values: Mapping[Cell, Floats]
    years: Mapping[Cell, Floats]
    summed: bool

    @classmethod
    def of(cls, measure: Measure, practices: pd.DataFrame | None) -> _Split | None:
        if practices is None or not measure.held_by(practices):
            return None
        years = practices["person_years"]
        values = measure.of(practices)
        if measure.summed:
            # A sum over people: the difference per head is what practices can be compared on.
            values = values / years.where(years > 0)
        return cls(_by_cell(values), _by_cell(years), measure.summed)

    def interval(self, here: Cell, there: Cell, centre: float) -> tuple[float, float]:
        if here not in self.values or there not in self.values:
            return math.nan, math.nan
        differences = self.values[here] - self.values[there]
        weights = np.nan_to_num((self.years[here] + self.years[there]) / 2)
        if not self.summed:
            return clustered_interval(differences, weights, centre)
        people = float(weights.sum())
        low, high = clustered_interval(differences, weights, centre / people)
        return low * people, high * people


def _row(measure: Measure, arm: str, base: str, whole: pd.DataFrame, split: _Split | None) -> dict[str, Any]:
    pair = whole[[arm, base]]
    values, base_values = pair[arm].to_numpy(np.float64), pair[base].to_numpy(np.float64)
    differences = values - base_values
    difference = float(differences.mean())
    if len(differences) > 1:
        low, high = t_interval(differences)
        kind = OVER_REPLICATES
    else:
        kind = CHANCE_ONLY
        low, high = math.nan, math.nan
        if split is not None:
            draw, replicate = (int(key) for key in pair.index[0])
            low, high = split.interval((arm, draw, replicate), (base, draw, replicate), difference)
        elif difference == 0.0:
            low, high = 0.0, 0.0
    base_value = float(base_values.mean())
    return {
        "measure": measure.name,
        "label": measure.label,
        "unit": measure.unit,
        "arm": arm,
        "baseline": base,
        "value": float(values.mean()),
        "baseline_value": base_value,
        "difference": difference,
        "low": low,
        "high": high,
        "relative": difference / abs(base_value) if base_value else math.nan,
        "interval": kind,
    }


def _practices(source: Run | pd.DataFrame) -> pd.DataFrame | None:
    try:
        frame = horizon(wide(source, "practice"))
    except DataError:
        return None
    return frame if "person_years" in frame.columns else None


def _by_arm(values: pd.Series[float]) -> pd.DataFrame:
    """Return draw x replicate rows and a column an arm."""
    return values.unstack("arm")


def _by_cell(values: pd.Series[float]) -> dict[Cell, Floats]:
    table = values.unstack("group")
    rows = table.to_numpy(dtype=np.float64)
    return {(str(arm), int(draw), int(rep)): rows[i] for i, (arm, draw, rep) in enumerate(table.index)}
