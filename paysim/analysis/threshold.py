"""Two-way threshold maps: where, as two numbers of a scenario move together, a difference changes sign.

Every cell of the map is a world of its own with the same people and random numbers, so that neighbours differ by the
two numbers alone; see `levers` for what can be turned.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from paysim.analysis.levers import value_of, with_values
from paysim.analysis.worlds import measured, simulate_variants
from paysim.engine.cell import Progress
from paysim.errors import DataError, Problem
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("x", "y", "value", "difference", "error")


@dataclass(frozen=True)
class Axis:
    """A number of a scenario and the values it takes.

    Attributes
    ----------
    name
        See `paysim.analysis.levers`.
    values
        Rising.
    """

    name: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what no map can be drawn of."""
        if len(self.values) < 2 or list(self.values) != sorted(set(self.values)):
            raise DataError(Problem("two or more rising values expected", key=self.name, found=str(list(self.values))))


def threshold_map(
    scenario: Scenario,
    x: Axis,
    y: Axis,
    measure: str,
    arm: str,
    baseline: str | None = None,
    out: str | os.PathLike[str] | None = None,
    *,
    replicates: int = 1,
    sample: int | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return a measure of an arm, and its difference from a baseline, over a grid of two numbers.

    Parameters
    ----------
    measure
        A measure of `paysim compare`, or a total of the results, which is then per head of the region at the start.
    baseline
        By default the first arm that the scenario compares with.
    out
        Folder for what is simulated; a finer or wider grid takes up what is there. By default
        ``outputs/<name>-threshold``.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, a row a cell: the two numbers, the arm's value and its difference from the baseline, means
        of replicates, and the Monte Carlo standard error of the difference, missing with one replicate.

    Raises
    ------
    ScenarioError, DataError, NotInResults
        No such arm, number or measure; or a contract cannot have a number.
    """
    import pandas as pd

    against = scenario.arm(baseline or scenario.compare_with[0]).name
    shown = scenario.arm(arm).name
    for axis in (x, y):
        value_of(scenario, axis.name)
    cells = [(a, b) for b in y.values for a in x.values]
    variants = [with_values(scenario, {x.name: a, y.name: b}) for a, b in cells]
    folder = Path(out) if out is not None else Path("outputs") / f"{scenario.name}-threshold"
    results = simulate_variants(variants, folder, sample, replicates, workers, executor, progress)
    found = measured(results, [measure], against, folder)[measure].unstack("arm")
    rows = []
    for number, (a, b) in enumerate(cells):
        own = found.loc[number]
        change = own[shown] - own[against]
        error = float(change.std(ddof=1)) / len(change) ** 0.5 if len(change) > 1 else np.nan
        rows.append((a, b, float(own[shown].mean()), float(change.mean()), error))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def crossings(table: pd.DataFrame, column: str = "difference") -> pd.DataFrame:
    """Return where the map changes sign along x, for every y: ``y, x``, by straight lines between neighbours."""
    import pandas as pd

    rows = []
    for y, part in table.groupby("y"):
        xs, values = part["x"].to_numpy(), part[column].to_numpy()
        rows += [(y, zero) for zero in _zeros(xs, values)]
    return pd.DataFrame(rows, columns=["y", "x"])


def _zeros(x: np.ndarray, values: np.ndarray) -> Sequence[float]:
    found = []
    for k in range(len(x) - 1):
        left, right = values[k], values[k + 1]
        if left * right < 0.0:
            found.append(float(x[k] + (x[k + 1] - x[k]) * left / (left - right)))
        elif left == 0.0 != right or (right == 0.0 != left and k == len(x) - 2):
            found.append(float(x[k] if left == 0.0 else x[k + 1]))
    return found
