"""Outcomes of draws in the forms that other tools of health economics read.

``parameters.csv``, ``costs.csv`` and ``effects.csv`` are what SAVI (Sheffield) asks for: a row a draw in the same
order, names in the first row, no signs of currency; BCEA (R) takes the last two as matrices ``e`` and ``c``.
``samples.csv`` is long, a row a draw and arm, for ``hesim::cea`` (R).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from paysim.reading import no_formula, write_atomic
from paysim.reading.locks import make_folder

if TYPE_CHECKING:
    import pandas as pd


def write_exports(folder: Path, outcomes: pd.DataFrame, parameters: pd.DataFrame) -> None:
    """Write the tables into a folder.

    Parameters
    ----------
    outcomes
        As `Psa.outcomes`; replicates of a draw are averaged.
    parameters
        ``[draw, parameter]`` as `Psa.parameters`; what never varies is left out, because regressions cannot use it.

    Raises
    ------
    DataError
        If arms differ in their draws.
    OutputError
        If the folder cannot be written to.
    """
    from paysim.analysis.cost_effectiveness import mean_of_draws

    cost, effect = mean_of_draws(outcomes)
    drawn = parameters.loc[cost.index]
    long = outcomes.groupby(["draw", "arm"], sort=False)[["cost", "effect"]].mean().reset_index()
    long.columns = ["sample", "strategy", "cost", "qalys"]
    long.insert(2, "grp", "all")
    tables = {
        "parameters.csv": drawn.loc[:, drawn.nunique() > 1],
        "costs.csv": cost,
        "effects.csv": effect,
        "samples.csv": long,
    }
    make_folder(folder)
    for name, table in tables.items():
        named = table.set_axis([no_formula(str(each)) for each in table.columns], axis=1)
        write_atomic(folder / name, named.to_csv(index=False, lineterminator="\n").encode())
