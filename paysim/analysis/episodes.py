"""Episodes of a run: how many ended in each arm, and what payers paid in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from paysim.analysis.runs import Run
from paysim.errors import NotInResults, Problem

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("arm", "kind", "window_days", "ended", "mean_eur", "sd_eur", "median_eur", "p95_eur", "dearest_eur")


def episodes(run: Run, replicate: int = 0) -> pd.DataFrame:
    """Return the episodes of acute bundles that ended over the horizon.

    Every arm is looked at by the rules of every bundle of the scenario, so that arms without a bundle show what its
    episodes cost there. What is paid for the episode as a whole (a price in advance, a reconciliation) is in none of
    them: they hold payments for the services in scope.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: a row for each arm and kind, of the people simulated in one replicate. ``ended`` counts
        episodes; euros are of one episode, from its trigger to its end. No euros where none ended.

    Raises
    ------
    NotInResults
        If no contract of the run looks at episodes.
    DataError
        If there is no such replicate.
    """
    import pandas as pd

    rows: list[tuple[object, ...]] = []
    for arm in run.arms:
        quarters = run.cell(arm, replicate).quarters
        for rules in quarters[0].episodes:
            of_rules = [quarter.episodes[rules] for quarter in quarters]
            kinds = np.concatenate([each.kind[each.ended] for each in of_rules])
            euros = np.concatenate([each.total[each.ended] for each in of_rules])
            for number, kind in enumerate(rules.kinds):
                rows.append((arm, kind.name, kind.window_days, *_spread(euros[kinds == number])))
    if not rows:
        raise NotInResults(Problem("no contract of this run looks at episodes", file=str(run.path)))
    return pd.DataFrame(rows, columns=list(COLUMNS)).drop_duplicates(ignore_index=True)


def _spread(euros: np.ndarray) -> tuple[float, ...]:
    if not euros.size:
        return (0, *(np.nan,) * 5)
    spread = euros.std(ddof=1) if euros.size > 1 else np.nan
    return (euros.size, euros.mean(), spread, np.median(euros), np.quantile(euros, 0.95), euros.max())
