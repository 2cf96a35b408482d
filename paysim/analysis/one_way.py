"""One-way sensitivity: one parameter at a time at the ends of its distribution, everything else as it is.

All worlds share seed, people and random numbers, so that what moves is the parameter's doing; with few people a small
effect can still be one event more or less.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from paysim.analysis.psa import COST, EFFECT
from paysim.analysis.worlds import per_head, simulate_variants, uncertain
from paysim.engine.cell import Progress
from paysim.errors import DataError, Problem, nearest_name
from paysim.parameters import Override, Parameter
from paysim.parameters.draws import at_quantile
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

ENDS = (0.025, 0.975)
"""Quantiles of a parameter's distribution at which it is set."""

MEASURES = (COST, EFFECT)
COLUMNS = ("parameter", "low", "high", "arm", "measure", "base", "at_low", "at_high", "swing")


def one_way(
    scenario: Scenario,
    parameters: Sequence[str],
    out: str | os.PathLike[str] | None = None,
    *,
    measures: Sequence[str] = MEASURES,
    baseline: str | None = None,
    replicates: int = 1,
    sample: int | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return how differences between arms hang on single parameters.

    Parameters
    ----------
    parameters
        Names of uncertain parameters; ``*`` stands for any letters (``behaviour.*``).
    out
        Folder for the worlds simulated, which a later call takes up; by default ``outputs/<name>-one-way``.
    measures
        Totals over the horizon, as they are named in ``results.parquet``.
    baseline
        Arm to compare with, by default the first that the scenario compares with.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, a row a parameter, arm and measure, the widest swing first. ``low`` and ``high`` are values
        of the parameter (the first of a list), ``base``, ``at_low`` and ``at_high`` the difference of the arm from the
        baseline per head of the region at the start, over the horizon, the mean of replicates; ``swing`` is how far
        they lie apart.

    Raises
    ------
    ScenarioError
        If the scenario has no such arm.
    DataError
        If a name fits no uncertain parameter, or a world cannot be simulated.
    NotInResults
        If there is no such measure.
    """
    import pandas as pd

    chosen = chosen_parameters(scenario, parameters)
    against = scenario.arm(baseline or scenario.compare_with[0]).name
    folder = Path(out) if out is not None else Path("outputs") / f"{scenario.name}-one-way"
    values = [(each, [at_quantile(each, u) for u in ENDS]) for each in chosen]
    settings = [(), *(((Override(each.name, end),)) for each, ends in values for end in ends)]
    variants = [replace(scenario, parameters=(*scenario.parameters, *changes)) for changes in settings]
    results = simulate_variants(variants, folder, sample, replicates, workers, executor, progress)
    heads = per_head(results, measures, folder)
    change = heads.sub(heads.xs(against, level="arm")).groupby(level=["draw", "arm"], sort=False).mean()
    rows = []
    for k, (each, ends) in enumerate(values):
        for arm in (other.name for other in scenario.arms if other.name != against):
            for measure in measures:
                base, low, high = (float(change[measure][number, arm]) for number in (0, 1 + 2 * k, 2 + 2 * k))
                first = [end[0] if isinstance(end, tuple) else end for end in ends]
                rows.append((each.name, *first, arm, measure, base, low, high, abs(high - low)))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values(
        ["measure", "arm", "swing"], ascending=[True, True, False], kind="stable", ignore_index=True
    )


def chosen_parameters(scenario: Scenario, patterns: Sequence[str]) -> list[Parameter]:
    """Return the uncertain parameters of a scenario that fit one of the names.

    Raises
    ------
    DataError
        If a name fits none, or there are no names.
    """
    known = uncertain(scenario)
    names = [each.name for each in known]
    problems = []
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            near = nearest_name(pattern, names)
            problems.append(Problem("fits no uncertain parameter", key="parameters", found=repr(pattern), nearest=near))
    if problems or not patterns:
        raise DataError(*problems or [Problem("name at least one parameter", key="parameters")])
    return [each for each in known if any(fnmatchcase(each.name, pattern) for pattern in patterns)]
