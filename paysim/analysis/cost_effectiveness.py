"""Cost-effectiveness over draws: frontier, net benefit, acceptability, value of information.

All functions take a table of outcomes as `Psa.outcomes` gives it, a row a draw, replicate and arm, with ``cost`` in EUR
and ``effect`` in QALYs per head. Replicates of a draw are averaged first. Methods as in Briggs, Claxton and Sculpher
2006: net monetary benefit of an arm is effect times what a QALY is worth less cost; an arm is dominated if another
costs no more and does no less, and extendedly dominated if a mixture of two others does so.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from paysim.errors import DataError, Problem, shorten

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.psa import Psa
    from paysim.analysis.runs import Run

THRESHOLDS = {"NL": (20_000.0, 50_000.0, 80_000.0), "BE": (20_000.0, 40_000.0, 60_000.0)}
"""EUR per QALY. NL: bands of Zorginstituut Nederland by burden of disease (2015), recalled. BE: there is none by law or
rule; these are round values to look at, assumed."""

FRONTIER, DOMINATED, EXTENDED = "on the frontier", "dominated", "extendedly dominated"
DOMINANT, DEARER, CHEAPER = "dominates", "dearer and better", "cheaper and worse"
_TIE = 1e-12


def thresholds_of(source: Run | Psa) -> tuple[float, ...]:
    """Return the thresholds of the country of a run or a study; those of the Netherlands where none are known."""
    from paysim.population import load_region

    region = source.manifest.get("country_region") or source.manifest["scenario"]["region"]
    return THRESHOLDS.get(load_region(region).country, THRESHOLDS["NL"])


def strategies(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return arms by rising cost: who is dominated, and what a further QALY costs along the frontier.

    Returns
    -------
    DataFrame
        ``arm, cost, effect`` (means per head), ``status`` and ``icer`` in EUR per QALY against the arm before on the
        frontier; missing for the first one and for dominated arms.

    Raises
    ------
    DataError
        If arms differ in their draws and replicates.
    """
    import pandas as pd

    cost, effect = (each.mean() for each in mean_of_draws(outcomes))
    order = sorted(cost.index, key=lambda arm: (cost[arm], -effect[arm]))
    best: list[str] = []
    status = dict.fromkeys(order, DOMINATED)
    for arm in order:
        if best and effect[arm] <= effect[best[-1]] + _TIE:
            continue
        status[arm] = FRONTIER
        # An arm falls out when the step to it costs more per QALY than the step from the arm before it to this one.
        while len(best) > 1 and _icer(cost, effect, best[-2], best[-1]) >= _icer(cost, effect, best[-2], arm):
            status[best.pop()] = EXTENDED
        best.append(arm)
    ratio = {arm: _icer(cost, effect, before, arm) for before, arm in itertools.pairwise(best)}
    rows = [(arm, cost[arm], effect[arm], status[arm], ratio.get(arm, np.nan)) for arm in order]
    return pd.DataFrame(rows, columns=["arm", "cost", "effect", "status", "icer"])


def increments(outcomes: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Return what every other arm costs and does more than the baseline, per head.

    Returns
    -------
    DataFrame
        ``arm, cost, cost_low, cost_high, effect, effect_low, effect_high, icer, against``: means and central 95% of
        draws, and the ratio of the means in EUR per QALY. Where the arm is dearer and better that is what a QALY
        costs, where it is cheaper and worse what a lost one saves. Elsewhere one dominates the other and it is missing:
        a negative ratio orders nothing.
    """
    import pandas as pd

    cost, effect = mean_of_draws(outcomes)
    rows = []
    for arm in cost.columns:
        if arm != baseline:
            dearer, better = cost[arm] - cost[baseline], effect[arm] - effect[baseline]
            against = _quadrant(dearer.mean(), better.mean())
            ratio = dearer.mean() / better.mean() if against in (DEARER, CHEAPER) else np.nan
            parts = (part for each in (dearer, better) for part in (each.mean(), *each.quantile([0.025, 0.975])))
            rows.append((arm, *parts, ratio, against))
    columns = ["arm", "cost", "cost_low", "cost_high", "effect", "effect_low", "effect_high", "icer", "against"]
    return pd.DataFrame(rows, columns=columns)


def _quadrant(dearer: float, better: float) -> str:
    """Return where an arm lies on the plane around another one; "" if nothing tells them apart."""
    if abs(dearer) <= _TIE and abs(better) <= _TIE:
        return ""
    if better > _TIE:
        return DEARER if dearer > _TIE else DOMINANT
    return CHEAPER if dearer < -_TIE and better < -_TIE else DOMINATED if dearer > -_TIE else DOMINANT


def mean_of_draws(outcomes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return ``[draw, arm]`` costs and effects, the mean of the replicates of a draw.

    Raises
    ------
    DataError
        If arms differ in their draws and replicates.
    """
    cost, effect = (cells.groupby(level="draw").mean() for cells in _cells(outcomes))
    return cost, effect


def net_benefit(outcomes: pd.DataFrame, willingness: float) -> pd.DataFrame:
    """Return ``[draw, arm]`` net monetary benefit per head at EUR `willingness` per QALY.

    Raises
    ------
    DataError
        If arms differ in their draws and replicates.
    """
    cost, effect = mean_of_draws(outcomes)
    return effect * willingness - cost


def acceptability(outcomes: pd.DataFrame, thresholds: Sequence[float]) -> pd.DataFrame:
    """Return the probability that each arm has the greatest net benefit, of all arms at once.

    Returns
    -------
    DataFrame
        Indexed by threshold (EUR per QALY), a column an arm, which add up to 1, and ``frontier``: the arm with the
        greatest expected net benefit. Arms that tie share the draw.
    """
    import pandas as pd

    cost, effect = mean_of_draws(outcomes)
    rows = []
    for threshold in thresholds:
        values = (effect * threshold - cost).to_numpy()
        first = values >= values.max(axis=1, keepdims=True) - _TIE * np.abs(values).max()
        share = (first / first.sum(axis=1, keepdims=True)).mean(axis=0)
        rows.append([*share, cost.columns[int(values.mean(axis=0).argmax())]])
    index = pd.Index([float(each) for each in thresholds], name="threshold")
    return pd.DataFrame(rows, index=index, columns=[*(str(arm) for arm in cost.columns), "frontier"])


def value_of_information(outcomes: pd.DataFrame, thresholds: Sequence[float]) -> pd.DataFrame:
    """Return the expected value of perfect information about all parameters, EUR per head.

    What is seen of a draw is its parameters and, with finite populations, chance, which no research takes away: the
    raw value is too large. With two or more replicates a draw the variance of chance in differences of net benefit from
    the best arm is known. Differences are then drawn together around their mean until their variance is that of
    parameters alone, ``sqrt(1 - chance / seen)`` arm by arm: exact for normal differences, an approximation for others.
    Replicates of a draw have people and practices of their own, so what a sample adds to the spread of draws goes too.

    Returns
    -------
    DataFrame
        Indexed by threshold: ``raw_eur`` and ``corrected_eur`` (missing with one replicate).
    """
    import pandas as pd

    cost, effect = _cells(outcomes)
    rows = []
    for threshold in thresholds:
        each = effect * threshold - cost
        best = each.groupby(level="draw").mean().mean().idxmax()
        cells = each.sub(each[best], axis=0)
        change, noise = cells.groupby(level="draw").mean(), _chance(cells)
        corrected = np.nan
        if noise is not None:
            variance = change.var(ddof=1)
            left = np.sqrt(np.clip(1.0 - noise / variance.where(variance > 0.0, np.inf), 0.0, 1.0))
            corrected = _perfect(change.mean() + (change - change.mean()) * left)
        rows.append((_perfect(change), corrected))
    index = pd.Index([float(each) for each in thresholds], name="threshold")
    return pd.DataFrame(rows, index=index, columns=["raw_eur", "corrected_eur"])


def _perfect(change: pd.DataFrame) -> float:
    return float(change.max(axis=1).mean() - change.mean().max())


def _chance(cells: pd.DataFrame) -> pd.Series[float] | None:
    """Return the variance of chance in the mean of a draw, by arm; None without replicates."""
    by_draw = cells.groupby(level="draw")
    replicates = by_draw.size()
    many = replicates[replicates > 1]  # a world that failed leaves its draw with fewer
    if not len(many):
        return None
    within = by_draw.var(ddof=1).loc[many.index].mean()
    found: pd.Series[float] = within * (1.0 / replicates).mean()
    return found


def _icer(cost: pd.Series[float], effect: pd.Series[float], before: str, arm: str) -> float:
    return float((cost[arm] - cost[before]) / (effect[arm] - effect[before]))


def _cells(outcomes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cost and effect ``[(draw, replicate), arm]``, arms in their order."""
    needed = {"draw", "replicate", "arm", "cost", "effect"} - set(outcomes.columns)
    if needed:
        raise DataError(Problem("outcomes lack columns", found=", ".join(sorted(needed))))
    if outcomes.empty:
        raise DataError(Problem("there are no outcomes"))
    twice = outcomes[outcomes.duplicated(["draw", "replicate", "arm"])]
    if len(twice):
        raise DataError(Problem("a cell comes twice", found=shorten(twice.iloc[0].to_dict())))
    table = outcomes.set_index(["draw", "replicate", "arm"])
    arms = list(dict.fromkeys(outcomes["arm"]))
    cost, effect = (table[name].unstack("arm")[arms] for name in ("cost", "effect"))
    wrong = ~(np.isfinite(cost.to_numpy()) & np.isfinite(effect.to_numpy()))
    if wrong.any():
        row, arm = (int(each) for each in np.argwhere(wrong)[0])
        place = cost.index.to_frame(index=False).iloc[row]
        where = f"draw {place['draw']}, replicate {place['replicate']}, arm {arms[arm]}"
        raise DataError(Problem("a cell is missing or no number", found=where))
    return cost, effect
