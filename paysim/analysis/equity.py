"""How much an arm's inequality by education costs, for any aversion to inequality."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from paysim.analysis.compare import arm_names, baselines, t_interval
from paysim.analysis.measures import by_arm, horizon, wide
from paysim.analysis.runs import Run, load_run
from paysim.errors import NotInResults, Problem, ScenarioError
from paysim.outcomes import inequality

if TYPE_CHECKING:
    import pandas as pd

EDUCATION = ("low", "mid", "high")
AVERSIONS = (0.0, 1.0, 5.0, 10.95, 30.0)
"""Atkinson parameters swept: none, a logarithm's, that of a survey (see `outcomes.inequality_aversion`), more."""


def equally_distributed(
    source: Run | pd.DataFrame | str | os.PathLike[str],
    aversions: Sequence[float] = AVERSIONS,
    *,
    level: str = "quality_adjusted_life_expectancy",
    baseline: str | None = None,
) -> pd.DataFrame:
    """Return the equally distributed equivalent of a level by education, for several aversions to inequality.

    Parameters
    ----------
    source
        A run, a run folder, or tidy results.
    aversions
        Atkinson's parameter, 0 or more each; see `paysim.outcomes.inequality.equally_distributed_equivalent`.
    level
        Measure of the results by education, above 0.
    baseline
        Arm to compare with; by default the first that the scenario names.

    Returns
    -------
    DataFrame
        ``arm``, ``baseline``, ``aversion``, ``mean`` of the groups, ``equivalent``, ``lost`` (mean less equivalent:
        what inequality costs), and ``difference``, ``low``, ``high`` of the equivalent against the baseline over
        replicates.

    Raises
    ------
    ScenarioError
        If an aversion is negative or not finite, or the baseline is no arm.
    NotInResults
        If the results do not hold the level by education.
    """
    import pandas as pd

    bad = [value for value in aversions if not (np.isfinite(value) and value >= 0.0)]
    if bad:
        problem = Problem("an aversion is a number of 0 or more", key="aversions", found=str(bad[0]))
        raise ScenarioError(problem)
    source = load_run(source) if isinstance(source, str | os.PathLike) else source
    base = baselines(source, baseline)[0]
    frame = horizon(wide(source, "education"))
    if level not in frame.columns:
        raise NotInResults(Problem("results have no such measure by education", found=level))
    values, sizes = (_groups(frame[name]) for name in (level, "person_years"))
    rows = []
    for aversion in aversions:
        level_of = {
            arm: inequality.equally_distributed_equivalent(values[arm], sizes[arm], float(aversion)) for arm in values
        }
        for arm in arm_names(source):
            average = float(inequality.mean(values[arm], sizes[arm]).mean())
            equal = float(level_of[arm].mean())
            apart = level_of[arm] - level_of[base]
            low, high = t_interval(apart)
            rows.append((arm, base, float(aversion), average, equal, average - equal, float(apart.mean()), low, high))
    columns = ["arm", "baseline", "aversion", "mean", "equivalent", "lost", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _groups(column: pd.Series[float]) -> dict[str, np.ndarray]:
    """Return ``[replicates, education]`` by arm."""
    table = column.unstack("group")[list(EDUCATION)]
    return {arm: part.to_numpy(np.float64) for arm, part in by_arm(table).items()}
