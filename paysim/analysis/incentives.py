"""The incentive map of a scenario from its base run alone: what each arm would reward, before anybody responds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paysim.analysis.runs import INCENTIVE_COLUMNS
from paysim.engine.cell import Progress, run_base, solve_arms
from paysim.engine.model import build_model, under_rules
from paysim.engine.responses import Responses
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd


def base_years_needed(scenario: Scenario) -> int:
    """Return the base years without which the contracts of a scenario cannot be asked what they would pay."""
    parts = [part for arm in scenario.arms for contract in arm.contracts for part in contract.components]
    recorded = any("coded_years" in part.terms.reads for part in parts)  # risk is reckoned from the second quarter on
    return max(2 if recorded else 1, *(part.base_years_needed for part in parts))


def incentive_map(scenario: Scenario, sample: int | None = None, progress: Progress | None = None) -> pd.DataFrame:
    """Return the incentives of practices under every arm, on the activity of a base year.

    Budget-neutral rates are solved on that year (a run solves them on its whole horizon).

    Parameters
    ----------
    sample
        Simulate whole practices with about this many people.

    Returns
    -------
    pandas.DataFrame
        Columns of ``incentives.csv``: one row per arm, lever and condition of patients.
    """
    import pandas as pd

    model = build_model(replace(scenario, base_years=base_years_needed(scenario)), sample)
    base = run_base(model, 0, progress=progress)
    solved = solve_arms(scenario, base.years[-1:], base.years[:-1])
    rows = [
        row
        for arm, _ in solved.values()
        for row in Responses(under_rules(model, arm), arm, base.years, 0, model).at_base()
    ]
    return pd.DataFrame(rows, columns=list(INCENTIVE_COLUMNS))
