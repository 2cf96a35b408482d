"""The five-aim scorecard: population health, quality and experience, costs, staff, equity; each arm against another.

Aims are shown side by side and never added up, unless the user says what each weighs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from paysim.analysis.compare import arm_names, compare
from paysim.analysis.indicators import GAPS
from paysim.analysis.measures import Measure, by_arm, horizon, wide
from paysim.analysis.measures import measure as find_measure
from paysim.analysis.runs import Run, load_run
from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.outcomes.indicators import AIMS, Indicator, indicators

if TYPE_CHECKING:
    import pandas as pd

BETTER, WORSE, CHANCE, SAME, NEUTRAL, UNSURE = "better", "worse", "may be chance", "same", "neither", "no interval"
"""What a difference means: beyond chance better or worse; within chance; none; neither good nor bad; not known."""

_NOTHING = 1e-4  # of the value of the arm compared with; three days of a life expectancy


def shown() -> tuple[Indicator, ...]:
    """Return the indicators of a scorecard: those modelled that belong to an aim, aim by aim."""
    rows = [each for each in indicators() if each.modelled and each.aim in AIMS]
    return tuple(sorted(rows, key=lambda each: AIMS.index(each.aim)))


def indicator_levels(source: Run | pd.DataFrame | str | os.PathLike[str]) -> pd.DataFrame:
    """Return every modelled indicator of every arm over the whole horizon, mean over replicates.

    Returns
    -------
    DataFrame
        ``number``, ``aim``, ``indicator``, ``measure``, ``unit`` and a column per arm; indicators that the results do
        not hold are left out.

    Raises
    ------
    NotInResults
        If results lack the whole horizon.
    """
    import pandas as pd

    source = load_run(source) if isinstance(source, str | os.PathLike) else source
    totals = by_arm(horizon(wide(source)))
    arms = arm_names(source)
    rows = []
    for each in shown():
        what = find_measure(each.measure)
        if what.held_by(totals[arms[0]]):
            values = {arm: float(what.of(totals[arm]).mean()) for arm in arms}
            rows.append({**_about(each, what), **values})
    return pd.DataFrame(rows, columns=["number", "aim", "indicator", "measure", "unit", *arms])


def scorecard(
    source: Run | pd.DataFrame | str | os.PathLike[str], baseline: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Return what each arm does to each indicator, aim by aim, with 95% intervals as `compare` makes them.

    Parameters
    ----------
    source
        A run, a run folder, or tidy results.
    baseline
        Arm or arms to compare with; by default all that the scenario names.

    Returns
    -------
    DataFrame
        ``number``, ``aim``, ``indicator``, then the columns of `compare`, then ``meaning``: `BETTER` or `WORSE`
        beyond chance, `CHANCE`, `SAME`, `NEUTRAL` for what is neither good nor bad, `UNSURE` where there is no
        interval. A gap is better when nearer to zero.

    Raises
    ------
    ScenarioError
        If a baseline is no arm of the run.
    NotInResults
        If results lack the whole horizon.
    """
    import pandas as pd

    rows = shown()
    measures = {each.measure: find_measure(each.measure) for each in rows}
    table = compare(source, baseline, measures=measures.values())
    about = pd.DataFrame([_about(each, measures[each.measure]) for each in rows])
    both = about.drop(columns="unit").merge(table, on="measure", how="inner", sort=False)
    both["meaning"] = [meaning(measures[str(row["measure"])], row) for row in both.to_dict("records")]
    return both


def _about(each: Indicator, what: Measure) -> dict[str, Any]:
    return {
        "number": each.number,
        "aim": each.aim,
        "indicator": each.indicator,
        "measure": each.measure,
        "unit": what.unit,
    }


def gain(what: Measure, row: Mapping[Any, Any]) -> float:
    """Return the difference with its sign such that more is better; 0 when neither is."""
    if what.name in GAPS:
        return abs(float(row["baseline_value"])) - abs(float(row["value"]))
    return what.better * float(row["difference"])


def meaning(what: Measure, row: Mapping[Any, Any]) -> str:
    """Return what a difference of `compare` means: one of the words above."""
    if abs(row["difference"]) <= _NOTHING * abs(row["baseline_value"]):
        return SAME
    if not what.better and what.name not in GAPS:
        return NEUTRAL
    if math.isnan(row["low"]):
        return UNSURE
    if row["low"] <= 0 <= row["high"]:
        return CHANCE
    return BETTER if gain(what, row) > 0 else WORSE


def weighted(card: pd.DataFrame, weights: Mapping[str, float]) -> pd.DataFrame:
    """Return one number per arm for a user who says what each aim weighs; paysim has no weights of its own.

    An aim's score is the mean, over its indicators that have a better side, of the gain in per cent of the value of
    the arm compared with. The sum weighs these scores. It depends on which indicators happen to be in the table, so
    it is no more objective than the weights.

    Parameters
    ----------
    card
        From `scorecard`.
    weights
        Aim -> weight, 0 or more; aims not named weigh nothing.

    Returns
    -------
    DataFrame
        ``arm``, ``baseline``, a column per aim that weighs something (per cent), and ``weighted`` (per cent).

    Raises
    ------
    ScenarioError
        If an aim is unknown, a weight is negative or not finite, or all are zero.
    """
    import pandas as pd

    check_weights(weights)
    used = {aim: weights[aim] for aim in AIMS if weights.get(aim, 0.0) > 0.0}
    rows = []
    for (arm, base), part in card.groupby(["arm", "baseline"], sort=False):
        scores = {aim: _score(part[part["aim"] == aim]) for aim in used}
        whole = sum(used[aim] * scores[aim] for aim in used) / sum(used.values())
        rows.append({"arm": arm, "baseline": base, **scores, "weighted": whole})
    return pd.DataFrame(rows, columns=["arm", "baseline", *used, "weighted"])


def _score(part: pd.DataFrame) -> float:
    """Return the mean gain of an aim's indicators in per cent of their baseline values."""
    found = []
    for row in part.to_dict("records"):
        what = find_measure(str(row["measure"]))
        if (what.better or what.name in GAPS) and row["baseline_value"]:
            found.append(100.0 * gain(what, row) / abs(float(row["baseline_value"])))
    return sum(found) / len(found) if found else 0.0


def check_weights(weights: Mapping[str, float]) -> None:
    """Raise ScenarioError unless `weights` are of aims, finite, 0 or more, and not all 0; see `weighted`."""
    problems = [
        Problem("unknown aim", key="weight", found=aim, allowed=AIMS, nearest=nearest_name(aim, AIMS))
        for aim in weights
        if aim not in AIMS
    ]
    problems += [
        Problem("a weight is a number of 0 or more", key=aim, found=str(value))
        for aim, value in weights.items()
        if not (math.isfinite(value) and value >= 0.0)
    ]
    if not problems and not any(weights.values()):
        problems.append(Problem("no aim weighs anything", key="weight", allowed=AIMS))
    if problems:
        raise ScenarioError(*problems)
