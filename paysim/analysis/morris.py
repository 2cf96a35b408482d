"""Morris screening: which of many parameters matter at all, and whether alone or together with others.

Elementary effects (Morris 1991, Technometrics 33:161) on trajectories that change one parameter at a time, with the
mean of absolute effects of Campolongo, Cariboni and Saltelli 2007 (Environmental Modelling and Software 22:1509).
Parameters move between four levels of their distribution's quantile, two levels at a step. All worlds share people
and random numbers.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from paysim.analysis.one_way import ENDS, chosen_parameters
from paysim.analysis.psa import COST
from paysim.analysis.worlds import measured, simulate_variants
from paysim.engine.cell import Progress
from paysim.errors import DataError, Problem
from paysim.kernel import streams
from paysim.parameters import Override
from paysim.parameters.draws import at_quantile
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

LEVELS = 4
COLUMNS = ("parameter", "arm", "mu", "mu_star", "mu_star_error", "sigma")


def morris(
    scenario: Scenario,
    parameters: Sequence[str],
    out: str | os.PathLike[str] | None = None,
    *,
    measure: str = COST,
    baseline: str | None = None,
    trajectories: int = 10,
    sample: int | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return the elementary effects of uncertain parameters on differences between arms.

    Parameters
    ----------
    parameters
        Names; ``*`` stands for any letters.
    measure
        A measure of `paysim compare`, or a total of the results per head of the start.
    trajectories
        Each takes one world more than there are parameters.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, by arm, the greatest ``mu_star`` first. Effects are the change of the difference of the arm
        from the baseline when a parameter goes from the lowest to the highest of its levels, in the measure's unit: the
        mean, the mean of absolute values with its standard error, and the standard deviation, which is large where the
        effect hangs on other parameters or is no straight line.

    Raises
    ------
    ScenarioError, DataError, NotInResults
        No such arm, parameter or measure.
    """
    import pandas as pd

    if trajectories < 2:
        raise DataError(Problem("two or more expected", key="trajectories", found=str(trajectories)))
    chosen = chosen_parameters(scenario, parameters)
    against = scenario.arm(baseline or scenario.compare_with[0]).name
    design = paths(len(chosen), trajectories, scenario.seed)
    low, high = ENDS
    variants = []
    for point in design.reshape(-1, len(chosen)):
        values = (at_quantile(each, low + (high - low) * u) for each, u in zip(chosen, point, strict=True))
        changes = tuple(Override(each.name, value) for each, value in zip(chosen, values, strict=True))
        variants.append(replace(scenario, parameters=(*scenario.parameters, *changes)))
    folder = Path(out) if out is not None else Path("outputs") / f"{scenario.name}-morris"
    results = simulate_variants(variants, folder, sample, 1, workers, executor, progress)
    found = measured(results, [measure], against, folder)[measure].unstack("arm").droplevel("replicate")
    rows = []
    for arm in (each.name for each in scenario.arms if each.name != against):
        change = (found[arm] - found[against]).to_numpy().reshape(design.shape[:2])
        each_effect = effects(design, change)
        size = np.abs(each_effect)
        for k, parameter in enumerate(chosen):
            of = each_effect[:, k]
            error = size[:, k].std(ddof=1) / trajectories**0.5
            rows.append((parameter.name, arm, of.mean(), size[:, k].mean(), error, of.std(ddof=1)))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values(["arm", "mu_star"], ascending=[True, False], kind="stable", ignore_index=True)


def paths(count: int, trajectories: int, seed: int) -> np.ndarray:
    """Return ``[trajectory, step, parameter]`` points of the unit cube; each step moves one parameter by two levels.

    Of many parameters every one moves once in a trajectory, up or down, in an order of its own.
    """
    step = LEVELS / 2 / (LEVELS - 1)
    found = np.empty((trajectories, count + 1, count))
    for number in range(trajectories):
        digest = hashlib.sha256(f"{seed} morris {number} {count}".encode()).digest()
        key = np.array([int.from_bytes(digest[:8], "little")], np.uint64)
        level, side, order = (streams.uniforms(key, what, np.arange(count)) for what in range(3))
        begin = np.floor(level * (LEVELS // 2)) / (LEVELS - 1)
        up = side < 0.5
        point = np.where(up, begin, begin + step)
        found[number, 0] = point
        for place, k in enumerate(np.argsort(order, kind="stable")):
            point = point.copy()
            point[k] += step if up[k] else -step
            found[number, place + 1] = point
    return found


def effects(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return ``[trajectory, parameter]`` elementary effects, per whole width of the cube.

    Parameters
    ----------
    design
        ``[trajectory, step, parameter]`` as `paths`.
    values
        ``[trajectory, step]`` what was seen at the points.
    """
    moved = np.diff(design, axis=1)
    which = np.abs(moved).argmax(axis=2)
    rate = np.diff(values, axis=1) / np.take_along_axis(moved, which[:, :, None], axis=2)[:, :, 0]
    found = np.empty((len(design), design.shape[2]))
    np.put_along_axis(found, which, rate, axis=1)
    return found
