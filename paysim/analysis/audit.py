"""The gaming audit of a scenario: which deviations each arm would pay for, on the activity of a base year."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paysim.analysis.incentives import ground
from paysim.behaviour.gaming import COLUMNS, audit
from paysim.behaviour.hospital import HOSPITAL
from paysim.engine.cell import Progress, solve_arms
from paysim.engine.model import under_rules
from paysim.engine.responses import Responses
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd


def gaming_audit(scenario: Scenario, sample: int | None = None, progress: Progress | None = None) -> pd.DataFrame:
    """Return what deviations would bring and cost under every arm.

    Budget-neutral rates are solved on the base year.

    Parameters
    ----------
    sample
        Simulate whole practices with about this many people.

    Returns
    -------
    pandas.DataFrame
        Columns `paysim.behaviour.gaming.COLUMNS`: a row for each arm and deviation, by arm those that pay most first.
    """
    import pandas as pd

    found = ground(scenario, sample, progress)
    model, base = found.model, found.base
    solved = solve_arms(scenario, base.years[-1:], base.years)
    rows: list[dict[str, Any]] = []
    weight = model.population.practices[0].weight
    for arm, _ in solved.values():
        responses = Responses(under_rules(model, arm), arm, base.years, 0, model)
        current = None if arm.name == scenario.current else responses.under_current
        rows += [_of_region(row, weight) for row in audit(responses.under_arm, arm.name, current)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _of_region(row: dict[str, Any], weight: float) -> dict[str, Any]:
    """Return a row of the hospital as of the whole region; rows of practices are of one practice."""
    if row["actor"] != HOSPITAL:
        return row
    return row | {name: row[name] * weight for name in row if name.endswith("_eur") and row[name] is not None}
