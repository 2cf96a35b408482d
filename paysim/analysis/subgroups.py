"""Tables by subgroup: what arms do to people of an education, age, municipality or kind of practice.

With two or more replicates intervals are Student's t over paired differences. With one, kinds of practices have the
interval of `compare`, by the spread between the practices of a kind; other groups have none.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from paysim.analysis.compare import arm_names, baselines, practice_interval, t_interval
from paysim.analysis.measures import KEYS, Measure, added_up, by_arm, horizon, paired, wide
from paysim.analysis.measures import measure as find_measure
from paysim.analysis.runs import Run, load_run
from paysim.analysis.samples import labelled
from paysim.errors import NotInResults, Problem, ScenarioError, nearest_name

if TYPE_CHECKING:
    import pandas as pd

KIND = "practice_type"
DIMENSIONS = ("education", "age", "sex", "municipality", "condition", KIND)
KINDS = (("solo", 0.0), ("duo", 1.5), ("group", 2.5))
"""Kinds of practices by the full-time GPs they have in the first year: the kind, and from how many (assumed)."""
MEASURES = (
    "spending_per_head",
    "insurer_payments_per_head",
    "patient_payments_per_head",
    "qalys_per_1000",
    "deaths_per_1000",
    "gp_contacts_per_head",
    "ed_visits_per_1000",
    "specialist_trajectories_per_1000",
)
OF_PRACTICES = ("practice_margin_per_1000", "gp_hours_per_1000", "wait_gp_planned_days")
"""Shown by kind of practice besides `MEASURES`."""
COLUMNS = (
    "measure",
    "label",
    "unit",
    "dimension",
    "group",
    "person_years",
    "arm",
    "baseline",
    "value",
    "baseline_value",
    "difference",
    "low",
    "high",
)


def subgroups(
    source: Run | pd.DataFrame | str | os.PathLike[str],
    dimension: str,
    measures: Sequence[str] | None = None,
    *,
    baseline: str | None = None,
) -> pd.DataFrame:
    """Return measures by subgroup, with the difference of every arm from a baseline.

    Parameters
    ----------
    source
        A run, a run folder, or tidy results.
    dimension
        One of `DIMENSIONS`.
    measures
        Names as in `paysim compare`; by default `MEASURES` (and `OF_PRACTICES`) as far as results have them.
    baseline
        Arm to compare with; by default the first that the scenario names.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, means of replicates over the horizon; ``person_years`` are the baseline's. Groups are not
        standardised: compare arms within a group, not groups within an arm. ``low`` and ``high`` are missing where
        one replicate gives no spread.

    Raises
    ------
    ScenarioError
        If there is no such dimension or arm.
    NotInResults
        If results have no such groups, or lack a measure by group.
    """
    import pandas as pd

    if dimension not in DIMENSIONS:
        near = nearest_name(dimension, DIMENSIONS)
        raise ScenarioError(
            Problem("no such groups", key="dimension", found=dimension, allowed=DIMENSIONS, nearest=near)
        )
    found = load_run(source) if isinstance(source, str | os.PathLike) else source
    base = baselines(found, baseline)[0]
    practices = wide(found, "practice") if dimension == KIND else None
    sample = found.manifest.get("sample") if isinstance(found, Run) else None
    weight = float(sample["weight"]) if sample else 1.0
    kinds = None if practices is None else kinds_of(practices, base, weight)
    frame = horizon(wide(found, dimension) if practices is None else practices)
    chosen = [find_measure(name) for name in measures or (*MEASURES, *(OF_PRACTICES if kinds else ()))]
    held = [each for each in chosen if each.held_by(frame)]
    if measures is not None and len(held) < len(chosen):
        lacking = next(each.name for each in chosen if each not in held)
        raise NotInResults(Problem(f"results lack this measure by {dimension}", found=lacking))
    marked = found.not_from_sample if isinstance(found, Run) else frozenset()
    rows = []
    for what in held:
        arms = by_arm(frame if kinds is None else _joined(frame, what, kinds))
        years = arms[base]["person_years"].groupby("group", sort=False).mean()
        for group in _order(dimension, list(years.index)):
            for arm in (each for each in arm_names(found) if each != base):
                here, there = (part[part.index.get_level_values("group") == group] for part in (arms[arm], arms[base]))
                values, base_values = (each.to_numpy(np.float64) for each in paired(what, here, there))
                apart = values - base_values
                low, high = t_interval(apart)
                if kinds is not None and len(apart) == 1:
                    low, high = _between_practices(frame, what, kinds, group, arm, base, float(apart[0]))
                label = labelled(what.label, what.name, marked)
                lead = (what.name, label, what.unit, dimension, group, float(years[group]), arm, base)
                rows.append((*lead, values.mean(), base_values.mean(), apart.mean(), low, high))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def kinds_of(practices: pd.DataFrame, arm: str, weight: float = 1.0) -> dict[str, str]:
    """Return the kind of every practice, by the GPs it has in the first year under an arm, mean of replicates.

    Parameters
    ----------
    practices
        ``wide(source, "practice")``.
    weight
        Persons of the region for each person simulated: results of a sample are those of the region.

    Raises
    ------
    NotInResults
        If results have no working time of practices.
    """
    if "gp_fte" not in practices.columns:
        raise NotInResults(Problem("results have no working time of practices", file="results"))
    fte = practices["gp_fte"].xs(arm, level="arm").xs(0, level="period").groupby("group").mean() / weight
    return {
        str(name): next(kind for kind, least in reversed(KINDS) if value >= least or least == 0.0)
        for name, value in fte.items()
    }


def _joined(frame: pd.DataFrame, what: Measure, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Return what a measure needs by kind of practice: totals added up, levels weighed by person-years."""
    keys = [name for name in KEYS if name in frame.index.names]
    kind = frame.index.get_level_values("group").map(kinds)
    of_kind = frame.droplevel("group").set_index(kind.rename("group"), append=True)
    return added_up(what, of_kind, "person_years", keys)


def _between_practices(
    frame: pd.DataFrame, what: Measure, kinds: Mapping[str, str], kind: str, arm: str, base: str, difference: float
) -> tuple[float, float]:
    names = [name for name, each in kinds.items() if each == kind]
    arms = by_arm(frame[frame.index.get_level_values("group").isin(names)])
    there = arms[base]
    values, base_values = paired(what, arms[arm], there)
    weights = np.asarray(there[what.per or "person_years"], dtype=np.float64)
    apart = np.asarray(values - base_values, dtype=np.float64)
    if len(apart) < 2 and difference:
        return math.nan, math.nan
    return practice_interval(apart, weights, difference)


def _order(dimension: str, groups: list[str]) -> list[str]:
    known = {"education": ("low", "mid", "high"), KIND: tuple(name for name, _ in KINDS)}.get(dimension, ())
    first = [name for name in known if name in groups]
    return first + sorted(each for each in groups if each not in first)
