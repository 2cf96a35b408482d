"""Search of contract terms: which designs no other beats on all aims at once (the Pareto front).

Designs are points of a Sobol sequence in the box of the terms given (Sobol 1967), so that more designs only add to
those before, and every design is simulated with the same people and random numbers. A design is on the front if none
that meets the constraints does at least as well on all objectives and better on one. Chance is told by replicates: a
design's place is also judged within each, and the share of replicates in which it is on the front says how sure that
is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from paysim.analysis.levers import value_of, with_values
from paysim.analysis.worlds import measured, simulate_variants
from paysim.engine.cell import Progress
from paysim.errors import DataError, Problem
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Term:
    """A number of the scenario and the range in which it is searched; see `paysim.analysis.levers`."""

    name: str
    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if not self.low < self.high:
            raise DataError(Problem("low must be below high", key=self.name, found=f"{self.low:g} to {self.high:g}"))


@dataclass(frozen=True)
class Objective:
    """What is wanted: less or more of a measure, as the difference of the arm from the baseline."""

    measure: str
    want: Literal["less", "more"]


@dataclass(frozen=True)
class Constraint:
    """A limit on a measure's difference from the baseline."""

    measure: str
    low: float = -np.inf
    high: float = np.inf


def optimise(
    scenario: Scenario,
    arm: str,
    terms: Sequence[Term],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
    out: str | os.PathLike[str] | None = None,
    *,
    designs: int = 16,
    baseline: str | None = None,
    replicates: int = 1,
    sample: int | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return designs of an arm's terms with what they do, and which are on the Pareto front.

    Parameters
    ----------
    arm
        The arm whose terms are searched, as the scenario names it.
    designs
        Points of the sequence; the scenario as written is simulated besides, as design 0.
    baseline
        Arm to compare with, by default the first that the scenario compares with.

    Returns
    -------
    DataFrame
        A row a design: ``design``, every term, every measure of an objective or constraint (difference from the
        baseline, mean of replicates) with its Monte Carlo error (``<measure>_error``, missing with one replicate),
        ``feasible``, ``front`` and ``front_share``, the share of replicates in which it is on the front.

    Raises
    ------
    ScenarioError, DataError, NotInResults
        No such arm, number or measure, or a contract cannot have a number.
    """
    import pandas as pd

    if not terms or not objectives:
        raise DataError(Problem("name at least one term and one objective"))
    against, shown = scenario.arm(baseline or scenario.compare_with[0]).name, scenario.arm(arm).name
    points = np.vstack([[value_of(scenario, each.name) for each in terms], points_of(terms, designs)])
    names = [each.name for each in terms]
    variants = [with_values(scenario, dict(zip(names, map(float, point), strict=True))) for point in points]
    folder = Path(out) if out is not None else Path("outputs") / f"{scenario.name}-optimise"
    results = simulate_variants(variants, folder, sample, replicates, workers, executor, progress)
    wanted = list(dict.fromkeys([*(each.measure for each in objectives), *(each.measure for each in constraints)]))
    values = measured(results, wanted, against, folder)
    arms = [values[name].unstack("arm") for name in wanted]
    cells = np.stack([_by_replicate(each, shown, against) for each in arms], axis=2)
    mean = cells.mean(axis=1)
    table = pd.DataFrame({"design": np.arange(len(points)), **dict(zip(names, points.T, strict=True))})
    for k, name in enumerate(wanted):
        table[name] = mean[:, k]
        several = replicates > 1
        table[f"{name}_error"] = cells[:, :, k].std(axis=1, ddof=1) / replicates**0.5 if several else np.nan
    table["feasible"] = _feasible(mean, wanted, constraints)
    table["front"] = front(_costs(mean, wanted, objectives), table["feasible"].to_numpy())
    each = [
        front(_costs(cells[:, r], wanted, objectives), _feasible(cells[:, r], wanted, constraints))
        for r in range(replicates)
    ]
    table["front_share"] = np.mean(each, axis=0)
    return table.sort_values(["front", "front_share", "design"], ascending=[False, False, True], ignore_index=True)


def points_of(terms: Sequence[Term], designs: int) -> np.ndarray:
    """Return ``[design, term]`` points of the Sobol sequence in the box of the terms, the centre first."""
    from scipy.stats import qmc

    unit = (
        qmc.Sobol(len(terms), scramble=False).fast_forward(1).random(designs) if designs else np.empty((0, len(terms)))
    )
    low, high = (np.array([getattr(each, end) for each in terms]) for end in ("low", "high"))
    return np.asarray(low + (high - low) * unit)


def front(costs: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Return ``[design]`` whether a design is allowed and no allowed one is as good everywhere and better once.

    Parameters
    ----------
    costs
        ``[design, objective]``, less is better.
    """
    no_worse = (costs[:, None, :] <= costs[None, :, :]).all(axis=2)
    better = (costs[:, None, :] < costs[None, :, :]).any(axis=2)
    beaten = (no_worse & better & allowed[:, None]).any(axis=0)
    return np.asarray(allowed & ~beaten)


def _by_replicate(values: pd.DataFrame, arm: str, baseline: str) -> np.ndarray:
    """Return ``[design, replicate]`` differences between two arms."""
    number = values.index.get_level_values("replicate").nunique()
    return (values[arm] - values[baseline]).to_numpy().reshape(-1, number)


def _costs(values: np.ndarray, names: Sequence[str], objectives: Sequence[Objective]) -> np.ndarray:
    signs = [1.0 if each.want == "less" else -1.0 for each in objectives]
    return np.stack([s * values[:, names.index(o.measure)] for s, o in zip(signs, objectives, strict=True)], axis=1)


def _feasible(values: np.ndarray, names: Sequence[str], constraints: Sequence[Constraint]) -> np.ndarray:
    found = np.ones(len(values), dtype=bool)
    for each in constraints:
        value = values[:, names.index(each.measure)]
        found &= (value >= each.low) & (value <= each.high)
    return found
