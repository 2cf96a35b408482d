"""How many replicates a run needs, and how precise its values are.

The confidence-interval method with specified precision (Robinson 2014, Simulation, ch. 9; Hoad, Robinson and Davies
2010, Journal of the Operational Research Society 61:1632): replicates are added until half the 95% interval of the mean
is at most a share of the mean. A number is foretold from the spread seen so far and checked again once it is simulated.

It is the value of every arm that is made so precise. Differences between arms share random numbers and have errors of
their own, which `monte_carlo` gives; no share of a difference can be asked for, because it may be nothing.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from paysim.analysis.measures import by_arm, horizon, measure, wide
from paysim.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.runs import Run
    from paysim.scenario import Scenario

MEASURES = ("spending_per_head", "qalys_per_1000")
"""Measures made precise unless others are named."""

FIRST = 3
"""Replicates from which a spread is first judged."""

MOST = 50
_Z95 = 1.959963984540054
_ANY = 1_000_000
COLUMNS = ("measure", "arm", "value", "error", "half_width_share", "difference", "difference_error", "replicates")


def simulate_to_precision(
    scenario: Scenario,
    out: str | os.PathLike[str] | None = None,
    *,
    precision: float,
    measures: Sequence[str] = MEASURES,
    most: int = MOST,
    **how: Any,
) -> Run:
    """Simulate a scenario with as many replicates as its measures need.

    Parameters
    ----------
    precision
        Half of the 95% interval as a share of the value, such as 0.05; for every arm and measure.
    measures
        Names of measures.
    most
        Replicates at which to stop in any case; `monte_carlo` then says how far it came.
    how
        As of `simulate`.

    Raises
    ------
    DataError
        If the precision is no share, or there is no such measure.
    """
    from paysim.analysis.execution import simulate

    if not 0.0 < precision < 1.0:
        raise DataError(Problem("a share between 0 and 1 expected", key="precision", found=str(precision)))
    for name in measures:
        measure(name)
    number = min(FIRST, most)
    while True:
        run = simulate(replace(scenario, replicates=number), out, **how)
        wanted = max(needed(values, precision) for values in _values(run, measures).values())
        if wanted <= number or number >= most:
            return run
        out, number = run.path, min(max(wanted, number + 1), most)


def needed(values: np.ndarray, precision: float) -> int:
    """Return how many replicates a mean needs, judged by the spread of those at hand ``[n]``.

    A value that is 0 in the mean or the same everywhere needs no more.
    """
    mean, spread, number = abs(float(values.mean())), float(values.std(ddof=1)), len(values)
    if not mean > 0.0 or not spread > 0.0:
        return number
    # The least number that is enough if the quantile were normal's; Student's is larger, so count on from there.
    number = max(number, min(math.ceil((_Z95 * spread / (precision * mean)) ** 2), _ANY))
    while _half_width(spread, number) > precision * mean and number < _ANY:
        number += 1
    return number


def monte_carlo(run: Run, measures: Sequence[str] = MEASURES) -> pd.DataFrame:
    """Return Monte Carlo standard errors of values, and of paired differences from the first arm compared with.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: ``error`` and ``difference_error`` are standard deviations over replicates by the root of
        their number, in the measure's unit; ``half_width_share`` is half the 95% interval as a share of the value.
        Missing with one replicate.
    """
    import pandas as pd

    found = _values(run, measures)
    rows = []
    for name in measures:
        base = found[name, run.compare_with[0]]
        for arm in run.arms:
            values = found[name, arm]
            change, number = values - base, len(values)
            error, of_change = (_error(each) for each in (values, change))
            half = _half_width(error * math.sqrt(number), number) if number > 1 else math.nan
            mean = float(values.mean())
            share = half / abs(mean) if mean else math.nan
            rows.append((name, arm, mean, error, share, float(change.mean()), of_change, number))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _values(run: Run, measures: Sequence[str]) -> dict[tuple[str, str], np.ndarray]:
    """Return the values of every replicate, by measure and arm."""
    totals = by_arm(horizon(wide(run)))
    found = {}
    for name in measures:
        what = measure(name)
        for arm in run.arms:
            if not what.held_by(totals[arm]):
                raise DataError(Problem("the run does not hold what this measure needs", found=name))
            found[name, arm] = what.against(totals[run.compare_with[0]], totals[arm]).to_numpy(np.float64)
    return found


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def _half_width(spread: float, number: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(number - 1, 0.975)) * spread / math.sqrt(number)
