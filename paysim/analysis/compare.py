"""Differences between arms, with the interval that the run can support.

With two or more replicates the arms of one replicate share their random numbers, so the difference is taken
within each replicate and the interval is Student's t over replicates. With one replicate the only spread is
that between practices: the difference is taken within each practice, and with weights w (shares of the
denominator, person-years as a rule) the standard error is sqrt(c * sum((w_p * (d_p - d))^2)), the usual linearisation
of a weighted mean of clusters. The factor c = S / (S - 2 sum(w_p^3) + S^2), with S = sum(w_p^2), takes out the bias of
few unequal practices (for equal ones it is P / (P - 1); Bell and McCaffrey 2002, Survey Methodology 28:169), and there
are 1 / S - 1 degrees of freedom, those of as many equal practices as the unequal ones are worth (Kish 1965). What is
counted of people is clustered by the practice of their origin, on whose list they (or their mothers) were when the arms
forked: people who later join another list in one arm only are the same people in both. It holds chance only; what
parameters are uncertain by is not in it.

One rule holds for every table, figure and sentence: fewer than `FEWEST_PRACTICES` practices give no interval between
practices (`practice_interval`). Intervals over replicates or draws do not depend on the number of practices.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from paysim.analysis.measures import MEASURES, ON_ONE_SUM, ORIGIN, Measure, by_arm, horizon, wide
from paysim.analysis.runs import Run, load_run
from paysim.analysis.samples import labelled
from paysim.errors import NotInResults, Problem, ScenarioError, nearest_name

if TYPE_CHECKING:
    import pandas as pd

CLUSTERS = (ORIGIN, "practice")
"""Dimensions of the results within which differences are taken, the first that holds a measure."""
OVER_REPLICATES = "over replicates"
CHANCE_ONLY = "chance only, not parameter uncertainty"
ONE_SUM = "one number for the region: no interval from one replicate"
"""What is paid on one sum of the whole region differs by chance of that sum, which practices of one run cannot show."""
FEW = "too few practices for intervals"
FEWEST_PRACTICES = 20
"""Below this an interval clustered by practice says little."""
COLUMNS = (
    "measure",
    "label",
    "unit",
    "arm",
    "baseline",
    "value",
    "baseline_value",
    "difference",
    "low",
    "high",
    "relative",
    "interval",
)

_LEVEL = 0.95
_RESIDUE = 1e-12
"""Share of a value below which a difference is what is left of sums in another order, and none."""

Floats = NDArray[np.float64]


def compare(
    run: Run | pd.DataFrame | str | os.PathLike[str],
    baseline: str | Sequence[str] | None = None,
    *,
    measures: Iterable[Measure] = MEASURES,
) -> pd.DataFrame:
    """Return the differences of every arm from a baseline, with 95% intervals.

    Parameters
    ----------
    run
        A run, a run folder, or tidy results.
    baseline
        Arm or arms to compare with; by default all that the scenario names under ``compare_with``.
    measures
        What to compare; measures that the results do not hold are left out.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, a row a measure, arm and baseline, over the whole horizon. ``difference`` is arm
        minus baseline; ``relative`` is its share of the baseline's value. ``interval`` is `OVER_REPLICATES`,
        `CHANCE_ONLY`, `FEW`, or `ONE_SUM` where payments on one sum of the region are in it; ``low`` and ``high`` are
        missing where one replicate gives no spread, such as for region-wide waiting lists, or has too few practices.
        ``label`` says so where a sample cannot tell the measure.

    Raises
    ------
    ScenarioError
        If a baseline is no arm of the run.
    NotInResults
        If results lack the whole horizon.
    """
    import pandas as pd

    source = load_run(run) if isinstance(run, str | os.PathLike) else run
    arms = arm_names(source)
    against = baselines(source, baseline)
    totals = by_arm(horizon(wide(source)))
    clusters = [found for found in (_clusters(source, name) for name in CLUSTERS) if found is not None]
    marked = source.not_from_sample if isinstance(source, Run) else frozenset()
    pairs = {
        (arm, base): [_Pair.of(frames[arm], frames[base]) for frames in (totals, *clusters)]
        for base in against
        for arm in arms
        if arm != base
    }
    rows: list[dict[str, Any]] = []
    for measure in measures:
        if not measure.held_by(totals[arms[0]]):
            continue
        for (arm, base), (whole, *parts) in pairs.items():
            row = {"arm": arm, "baseline": base, **_row(measure, whole, parts)}
            rows.append(row | {"label": labelled(measure.label, measure.name, marked)})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def arm_names(source: Run | pd.DataFrame) -> tuple[str, ...]:
    """Return the arms in the scenario's order (of results alone: in order of appearance)."""
    if isinstance(source, Run):
        return source.arms
    return tuple(dict.fromkeys(str(arm) for arm in source["arm"]))


def baselines(source: Run | pd.DataFrame, wanted: str | Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the arms to compare with.

    Raises
    ------
    ScenarioError
        If one of them is no arm of the run, with the nearest name.
    """
    arms = arm_names(source)
    if wanted is None:
        return source.compare_with if isinstance(source, Run) else arms[:1]
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    problems = [
        Problem(
            "the run has no such arm",
            key="baseline",
            found=name,
            allowed=arms,
            nearest=nearest_name(name, arms),
        )
        for name in names
        if name not in arms
    ]
    if problems:
        raise ScenarioError(*problems)
    return names


def t_interval(differences: Floats) -> tuple[float, float]:
    """Return the 95% interval of a mean from paired differences ``[n]``.

    Missing below two of them, and where all are the same but nothing: a few equal counts do not show that chance has
    no part in them.
    """
    if not differences.any():
        return 0.0, 0.0
    n = len(differences)
    if n < 2 or not np.ptp(differences) > 0.0:
        return math.nan, math.nan
    error = float(differences.std(ddof=1)) / math.sqrt(n)
    return _around(float(differences.mean()), error, n - 1)


def practice_interval(differences: Floats, weights: Floats, centre: float) -> tuple[float, float]:
    """Return `clustered_interval` of practices; missing of fewer than `FEWEST_PRACTICES`, but where nothing differs."""
    few = int((np.isfinite(differences) & (weights > 0)).sum()) < FEWEST_PRACTICES
    low, high = clustered_interval(differences, weights, centre)
    return (math.nan, math.nan) if few and low < high else (low, high)


def clustered_interval(differences: Floats, weights: Floats, centre: float) -> tuple[float, float]:
    """Return the 95% interval of `centre` from paired differences of practices.

    Parameters
    ----------
    differences, weights
        ``[P]`` difference of each practice and its weight; weights need not sum to 1.
    centre
        Difference of the region, which lies in the middle of the interval.
    """
    known = np.isfinite(differences) & (weights > 0)
    d, w = differences[known], weights[known]
    if not len(d):
        return math.nan, math.nan
    if not d.any() and centre == 0.0:
        return 0.0, 0.0
    if len(d) < 2:
        return math.nan, math.nan
    share = w / w.sum()
    spread = share * (d - float(share @ d))
    squares, cubes = float(share @ share), float((share**3).sum())
    left = squares - 2.0 * cubes + squares**2
    if not left > 0.0:  # one practice is all there is
        return math.nan, math.nan
    error = math.sqrt(squares / left * float(spread @ spread))
    return _around(centre, error, max(1.0, 1.0 / squares - 1.0))


def _around(centre: float, error: float, freedom: float) -> tuple[float, float]:
    from scipy.special import stdtrit  # scipy.stats takes seconds to import

    half = float(stdtrit(freedom, 0.5 + _LEVEL / 2)) * error
    return centre - half, centre + half


@dataclass(frozen=True)
class _Pair:
    """Rows of an arm and of the arm compared with, column by column: a table of pandas is slow to ask for a hundred."""

    here: Mapping[str, Floats]
    there: Mapping[str, Floats]

    @staticmethod
    def of(here: pd.DataFrame, there: pd.DataFrame) -> _Pair:
        here = here.reindex(there.index)
        both = ({str(name): frame[name].to_numpy(np.float64) for name in frame.columns} for frame in (here, there))
        return _Pair(*both)

    def knows(self, measure: Measure) -> bool:
        """Tell whether both arms have a measure, which may be missing of some, see `wide`."""
        names = {measure.total, measure.per} - {None}
        sides = (self.here, self.there)
        return all(names <= set(side) and not np.isnan(side[measure.total]).all() for side in sides)

    def values(self, measure: Measure) -> tuple[Floats, Floats]:
        """Return what `paysim.analysis.measures.paired` does."""
        per = self.there if measure.fixed else self.here
        return _of(measure, self.here, per), _of(measure, self.there, self.there)


def _of(measure: Measure, columns: Mapping[str, Floats], per: Mapping[str, Floats]) -> Floats:
    top = columns[measure.total]
    if measure.per is None:
        return top * measure.scale
    below = per[measure.per]
    return (top / np.where(below > 0.0, below, math.nan)) * measure.scale


def _row(measure: Measure, whole: _Pair, parts: Sequence[_Pair]) -> dict[str, Any]:
    values, base_values = whole.values(measure)
    differences = _changes(values, base_values)
    difference = float(differences.mean())
    if len(differences) > 1:
        low, high = t_interval(differences)
        kind = OVER_REPLICATES
    else:
        low, high = (0.0, 0.0) if difference == 0.0 else (math.nan, math.nan)
        kind = CHANCE_ONLY
        practices = next((each for each in parts if each.knows(measure)), None)
        if practices is not None:
            low, high = _by_practice(measure, practices, difference)
            few = len(practices.there["person_years"]) < FEWEST_PRACTICES
            kind = FEW if math.isnan(low) and few else kind
        if measure.total in ON_ONE_SUM and difference != 0.0:
            paid = ON_ONE_SUM[measure.total]
            sides = (whole.here, whole.there)
            if practices is None or any(np.nan_to_num(each[paid]).any() for each in sides if paid in each):
                low, high, kind = math.nan, math.nan, ONE_SUM
    base_value = float(base_values.mean())
    return {
        "measure": measure.name,
        "unit": measure.unit,
        "value": float(values.mean()),
        "baseline_value": base_value,
        "difference": difference,
        "low": low,
        "high": high,
        "relative": difference / abs(base_value) if base_value else math.nan,
        "interval": kind,
    }


def _changes(values: Floats, base_values: Floats) -> Floats:
    found = values - base_values
    return np.where(np.abs(found) <= _RESIDUE * np.abs(base_values), 0.0, found)


def _by_practice(measure: Measure, practices: _Pair, difference: float) -> tuple[float, float]:
    differences = _changes(*practices.values(measure))
    size = measure.per or "person_years"  # a ratio of sums is the mean of its parts weighted by their denominators
    here, years = practices.here[size], practices.there[size]
    weights = years if measure.fixed or measure.summed else (years + here) / 2
    shares = np.where(np.isnan(weights), 0.0, weights)
    if not measure.summed:
        return practice_interval(differences, shares, difference)
    # Of a sum over people: practices are compared per head, and the interval is scaled back.
    people = float(shares.sum())
    per_head: Floats = np.full(len(shares), math.nan)
    np.divide(differences, shares, out=per_head, where=shares > 0)
    low, high = practice_interval(per_head, shares, difference / people)
    return low * people, high * people


def _clusters(source: Run | pd.DataFrame, dimension: str) -> dict[str, pd.DataFrame] | None:
    try:
        frame = horizon(wide(source, dimension))
    except NotInResults:
        return None  # results of a region without its practices
    return by_arm(frame) if "person_years" in frame.columns else None
