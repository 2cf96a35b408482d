"""Structural alternatives: a scenario under other ideas of how providers respond, and what they add to the spread.

The named set is `structures.yaml`; a file of one's own has the same form. Every alternative meets the same draws of
parameters, people and lives, so that alternatives differ by structure alone. The variance of a difference between
arms is split by the law of total variance into structure (between the means of alternatives, all weighed alike, which
is a choice and no estimate), parameters (between draws under one alternative) and chance (between replicates of a
draw).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from paysim.analysis.cells import CELLS
from paysim.analysis.psa import COST
from paysim.analysis.worlds import World, measured, results_of, simulate_worlds
from paysim.engine.cell import Progress
from paysim.errors import DataError, Problem, ScenarioError, nearest_name
from paysim.parameters import Override
from paysim.reading import Name, Reader, bind, read_yaml
from paysim.reading.locks import locked, make_folder
from paysim.scenario import Behaviour, Scenario
from paysim.scenario.format import BEHAVIOURS

if TYPE_CHECKING:
    import pandas as pd

SHIPPED = Path(__file__).with_name("structures.yaml")
COLUMNS = ("structure", "arm", "difference", "low", "high", "chance_error")
SHARES = ("arm", "structure", "parameters", "chance", "total_sd")


class _ValueReader(Reader):
    name: str
    value: float


class _StructureReader(Reader):
    name: Name
    title: str = ""
    why: str = ""
    behaviour: str | None = None
    parameters: list[_ValueReader] = []


class _SetReader(Reader):
    version: Annotated[Literal[1], Field(alias="schema")]
    structures: list[_StructureReader]


@dataclass(frozen=True)
class Structure:
    """An alternative: another behaviour of the arms that respond, and values of parameters.

    Attributes
    ----------
    behaviour
        Name in `paysim/behaviour`; None keeps that of the arms. Arms that are passive as written stay so.
    """

    name: str
    title: str
    behaviour: str | None = None
    parameters: tuple[Override, ...] = ()

    def of(self, scenario: Scenario) -> Scenario:
        """Return the scenario under this alternative."""
        arms = scenario.arms
        if self.behaviour is not None:
            other = Behaviour(self.behaviour, (), given=True)
            arms = tuple(
                each if each.behaviour.name == Behaviour().name else replace(each, behaviour=other) for each in arms
            )
        names = {each.name for each in self.parameters}
        kept = tuple(each for each in scenario.parameters if each.name not in names)
        return replace(scenario, arms=arms, parameters=(*kept, *self.parameters))


def load_structures(path: str | os.PathLike[str] = SHIPPED) -> tuple[Structure, ...]:
    """Read a set of structural alternatives.

    Raises
    ------
    ScenarioError
        With file, line and column of everything that is wrong.
    """
    document = read_yaml(path)
    read = bind(_SetReader, document)
    problems = []
    for index, each in enumerate(read.structures):
        if each.behaviour is not None and each.behaviour not in BEHAVIOURS:
            near = nearest_name(each.behaviour, BEHAVIOURS)
            where = ("structures", index, "behaviour")
            problems.append(document.problem("no such behaviour", where, found=each.behaviour, nearest=near))
    names = [each.name for each in read.structures]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(document.problem("two alternatives share a name", ("structures",), found=name))
    if problems:
        raise ScenarioError(*problems)
    return tuple(
        Structure(
            each.name,
            each.title or each.name.replace("_", " "),
            each.behaviour,
            tuple(Override(value.name, value.value, document.path) for value in each.parameters),
        )
        for each in read.structures
    )


def structural(
    scenario: Scenario,
    structures: Sequence[Structure] | None = None,
    out: str | os.PathLike[str] | None = None,
    *,
    measure: str = COST,
    baseline: str | None = None,
    draws: int = 0,
    replicates: int = 1,
    sample: int | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return differences between arms under every structural alternative.

    Parameters
    ----------
    structures
        By default the named set that is shipped.
    measure
        A measure of `paysim compare`, or a total of the results per head of the start.
    draws
        Draws of the uncertain parameters under each alternative, the same for all; 0: the values as they are.
    replicates
        Of each draw; two or more to tell chance.

    Returns
    -------
    DataFrame
        ``structure, draw, replicate, arm, difference``, arm less baseline, in the measure's unit. See `by_structure`
        and `variance_shares`.

    Raises
    ------
    ScenarioError, NotInResults
        No such arm or measure.
    DataError
        If a world cannot be simulated.
    """
    import pandas as pd

    chosen = load_structures() if structures is None else tuple(structures)
    against = scenario.arm(baseline or scenario.compare_with[0]).name
    folder = Path(out) if out is not None else Path("outputs") / f"{scenario.name}-structural"
    tables, done, many = [], 0, len(chosen) * max(draws, 1) * replicates
    with locked(folder):
        make_folder(folder / CELLS)
        for structure in chosen:
            variant = structure.of(scenario)
            worlds = [
                World(variant, sample, k, r, is_drawn=draws > 0)
                for k in range(max(draws, 1))
                for r in range(replicates)
            ]
            files = {}
            for world, file, error in simulate_worlds(worlds, folder / CELLS, workers, executor):
                if file is None:
                    raise DataError(Problem(f"cannot be simulated: {error}", file=str(folder), key=structure.name))
                files[world.draw, world.replicate] = file
                done += 1
                if progress:
                    progress("worlds", done, many)
            value = measured(results_of(files), [measure], against, folder)[measure].unstack("arm")
            change = value.sub(value[against], axis=0).drop(columns=against).reset_index()
            long = change.melt(["draw", "replicate"], var_name="arm", value_name="difference")
            long.insert(0, "structure", structure.name)
            tables.append(long)
    found: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return found


def by_structure(differences: pd.DataFrame) -> pd.DataFrame:
    """Return the mean difference under every alternative, and the central 95% of draws.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; ``low`` and ``high`` are missing with one draw, ``chance_error``, the standard error of the
        mean by chance alone, with one replicate.
    """
    import pandas as pd

    rows = []
    for (structure, arm), part in differences.groupby(["structure", "arm"], sort=False):
        wide = part.pivot_table(index="draw", columns="replicate", values="difference").to_numpy()
        mean = wide.mean(axis=1)
        low, high = np.quantile(mean, [0.025, 0.975]) if len(mean) > 1 else (np.nan, np.nan)
        error = np.sqrt(wide.var(axis=1, ddof=1).mean() / wide.size) if wide.shape[1] > 1 else np.nan
        rows.append((structure, arm, mean.mean(), low, high, error))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def variance_shares(differences: pd.DataFrame) -> pd.DataFrame:
    """Return what part of the variance of each arm's difference is structure, parameters and chance.

    All three are unbiased where alternatives share their draws: chance from replicates of a draw; parameters from draws
    under one alternative, less what chance adds; structure from products of deviations in different draws, which share
    no noise. Negative estimates are set to 0.

    Returns
    -------
    DataFrame
        Columns `SHARES`: three shares that add up to 1, and the standard deviation of a single world's difference.

    Raises
    ------
    DataError
        With fewer than two draws, replicates or alternatives.
    """
    import pandas as pd

    rows = []
    for arm, part in differences.groupby("arm", sort=False):
        table = part.pivot_table(index=["structure", "draw"], columns="replicate", values="difference", sort=False)
        counts = [table.index.get_level_values(name).nunique() for name in ("structure", "draw")]
        if min(*counts, table.shape[1]) < 2:
            raise DataError(Problem("two alternatives, draws and replicates or more are needed to split the variance"))
        cells = table.to_numpy().reshape(counts[0], counts[1], -1)
        chance = cells.var(axis=2, ddof=1).mean()
        draws = cells.mean(axis=2)
        parameters = max(0.0, draws.var(axis=1, ddof=1).mean() - chance / cells.shape[2])
        apart = draws - draws.mean(axis=0)
        pairs = (apart.sum(axis=1) ** 2 - (apart**2).sum(axis=1)) / (counts[1] * (counts[1] - 1))
        structure = max(0.0, float(pairs.mean()))
        total = structure + parameters + chance
        shares = [each / total if total > 0.0 else np.nan for each in (structure, parameters, chance)]
        rows.append((arm, *shares, np.sqrt(total)))
    return pd.DataFrame(rows, columns=list(SHARES))
