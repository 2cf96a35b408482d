"""Distributional cost-effectiveness: who gains health, who bears what it costs, and what that is worth to society.

As in Asaria, Griffin and Cookson 2016 (Medical Decision Making 36:8). Money that an arm costs is health that others
forgo, EUR `willingness` for a QALY, borne by groups of education by their shares. What is left of an arm's gain is
added to each group's lifetime health: the quality-adjusted life expectancy of the baseline arm. Two levels of health
are compared by their equally distributed equivalent, Atkinson's (relative) or Kolm's (absolute); the difference is the
equity-weighted gain, and what it exceeds the plain gain by is what less inequality is worth.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from paysim.analysis.compare import arm_names, baselines, t_interval
from paysim.analysis.measures import horizon, wide
from paysim.analysis.runs import Run
from paysim.errors import DataError, NotInResults, Problem
from paysim.outcomes import inequality

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.psa import Psa

EDUCATION = ("low", "mid", "high")
_PLACE = {name: k for k, name in enumerate(EDUCATION)}
COST, EFFECT, LEVEL = "spending_total_discounted", "qalys_discounted", "quality_adjusted_life_expectancy"
Index = Literal["atkinson", "kolm"]
ATKINSON: Index = "atkinson"
KOLM: Index = "kolm"
AVERSIONS: tuple[tuple[Index, float], ...] = (
    (ATKINSON, 0.0),
    (ATKINSON, 1.0),
    (ATKINSON, 10.95),
    (KOLM, 0.15),
)
"""Indices and aversions: none, a logarithm's, and the medians of a survey in England (Robson and others 2017, Health
Economics 26:1328; 10.95 and, per year of quality-adjusted life expectancy, 0.15; found in its abstract). That they hold
elsewhere is assumed."""

_EQUIVALENT = {ATKINSON: inequality.equally_distributed_equivalent, KOLM: inequality.kolm_equivalent}
_WEIGHTS = {ATKINSON: inequality.atkinson_weights, KOLM: inequality.kolm_weights}
_PER_1000 = 1000.0


@dataclass(frozen=True, eq=False)
class Groups:
    """What arms do to groups of education, each paired with the baseline.

    Attributes
    ----------
    arms
        Other arms than the baseline.
    people
        ``[3]`` persons of the region when arms begin.
    level
        ``[3]`` lifetime health under the baseline, QALYs, mean of all draws and replicates.
    effect, cost
        ``[arm, n, 3]`` difference from the baseline per person of the group, QALYs and EUR, over the horizon.
    is_drawn
        Whether the n are draws of parameters; else they are replicates.
    """

    arms: tuple[str, ...]
    baseline: str
    people: np.ndarray
    level: np.ndarray
    effect: np.ndarray
    cost: np.ndarray
    is_drawn: bool

    def net(self, willingness: float, shares: Sequence[float] | None = None) -> np.ndarray:
        """Return ``[arm, n, 3]`` QALYs per person gained, less those forgone elsewhere for the money.

        Parameters
        ----------
        willingness
            EUR that bring a QALY elsewhere, above 0.
        shares
            Of the health forgone, by education; by default everybody bears the same, which is assumed.

        Raises
        ------
        DataError
            If shares are not three that add up to 1, or the price of a QALY is not above 0.
        """
        if not (np.isfinite(willingness) and willingness > 0.0):
            raise DataError(Problem("a price of a QALY above 0 expected", key="willingness", found=str(willingness)))
        borne = self.people / self.people.sum() if shares is None else np.asarray(shares, float)
        if borne.shape != (len(EDUCATION),) or (borne < 0.0).any() or abs(borne.sum() - 1.0) > 1e-9:
            message = "three shares that add up to 1 expected: low, mid, high education"
            raise DataError(Problem(message, key="shares", found=str(shares)))
        spent = (self.cost * self.people).sum(axis=-1, keepdims=True)
        forgone: np.ndarray = spent / willingness * borne / self.people
        return np.asarray(self.effect - forgone)


def groups_of(
    source: Run | Psa | str | os.PathLike[str], baseline: str | None = None, cost: str = COST, effect: str = EFFECT
) -> Groups:
    """Return what the arms of a run or a study do to groups of education.

    Parameters
    ----------
    source
        A run or a study of draws, or its folder.
    baseline
        Arm to compare with; by default the first that the scenario names.
    cost, effect
        Totals over the horizon that the results have by education.

    Raises
    ------
    NotInResults
        If the results lack them by education.
    ScenarioError, DataError
        If the baseline is no arm, or lifetime health is not known of all groups: too few people died.
    """
    from paysim.analysis.results import load_results

    found = load_results(source) if isinstance(source, str | os.PathLike) else source
    make = _of_run if isinstance(found, Run) else _of_study
    groups = make(found, baseline, cost, effect)  # type: ignore[arg-type]
    if not np.isfinite(groups.level).all():
        message = "too few deaths to know the life expectancy of every level of education: take a larger sample"
        raise DataError(Problem(message, file=str(found.path)))
    return groups


def by_education(groups: Groups, willingness: float, shares: Sequence[float] | None = None) -> pd.DataFrame:
    """Return what every group gains and forgoes, a row an arm and level of education.

    Returns
    -------
    DataFrame
        ``arm, education, people, level`` (QALYs of a lifetime under the baseline), then the means per 1,000 persons
        of the group ``qalys`` gained, ``cost_eur`` spent on it more, QALYs ``forgone`` and ``net``.
    """
    import pandas as pd

    net = groups.net(willingness, shares).mean(axis=1)
    effect, cost = groups.effect.mean(axis=1), groups.cost.mean(axis=1)
    rows = [
        {
            "arm": arm,
            "education": education,
            "people": groups.people[k],
            "level": groups.level[k],
            "qalys": _PER_1000 * effect[a, k],
            "cost_eur": _PER_1000 * cost[a, k],
            "forgone": _PER_1000 * (effect[a, k] - net[a, k]),
            "net": _PER_1000 * net[a, k],
        }
        for a, arm in enumerate(groups.arms)
        for k, education in enumerate(EDUCATION)
    ]
    return pd.DataFrame(rows)


def distributional(
    groups: Groups,
    willingness: float,
    shares: Sequence[float] | None = None,
    aversions: Sequence[tuple[Index, float]] = AVERSIONS,
) -> pd.DataFrame:
    """Return the equity-weighted gain of every arm, per 1,000 persons over the horizon.

    Returns
    -------
    DataFrame
        A row an index, aversion and arm. ``net``: QALYs gained less forgone, whoever has them. ``weighted``: the
        difference in equally distributed equivalent health, with ``low`` and ``high`` (central 95% of draws, or a
        t-interval over replicates, missing with one). ``equity``: weighted less net; above 0 the arm makes health less
        unequal. ``better``: the share of draws in which the weighted gain is above 0, missing for a run.
        ``weight_low``, ``weight_mid``, ``weight_high``: what a QALY of a group is worth beside that of a mean person.

    Raises
    ------
    DataError
        If an aversion is below 0 or no number, or an index is unknown.
    """
    import pandas as pd

    net = groups.net(willingness, shares)
    plain = inequality.mean(net, groups.people)
    rows = []
    for index, aversion in aversions:
        if index not in _EQUIVALENT or not (np.isfinite(aversion) and aversion >= 0.0):
            allowed = (ATKINSON, KOLM)
            message = "an index and an aversion of 0 or more expected"
            raise DataError(Problem(message, key="aversions", found=f"{index} {aversion}", allowed=allowed))
        equivalent = _EQUIVALENT[index]
        base = equivalent(groups.level, groups.people, aversion)
        gain = equivalent(groups.level + net, groups.people, aversion) - base if aversion else plain
        weights = _WEIGHTS[index](groups.level, groups.people, aversion)
        for a, arm in enumerate(groups.arms):
            low, high = np.quantile(gain[a], [0.025, 0.975]) if groups.is_drawn else t_interval(gain[a])
            row = {"index": index, "aversion": aversion, "arm": arm, "net": _PER_1000 * plain[a].mean()}
            row |= {"weighted": _PER_1000 * gain[a].mean(), "low": _PER_1000 * low, "high": _PER_1000 * high}
            row |= {
                "equity": _PER_1000 * (gain[a] - plain[a]).mean(),
                "better": float((gain[a] > 0.0).mean()) if groups.is_drawn else np.nan,
            }
            rows.append(row | {f"weight_{name}": weights[k] for k, name in enumerate(EDUCATION)})
    return pd.DataFrame(rows)


def _of_run(run: Run, baseline: str | None, cost: str, effect: str) -> Groups:
    base = baselines(run, baseline)[0]
    frame = wide(run, "education")
    years = frame["person_years"].xs(0, level="period").groupby(["arm", "group"]).mean()
    people = years[base][list(EDUCATION)].to_numpy(float)  # the mean number in the first year
    whole = _need(horizon(frame), cost, effect, str(run.path))
    each = {name: whole[name] / people[whole.index.get_level_values("group").map(_PLACE)] for name in (cost, effect)}
    return _paired(arm_names(run), base, people, {**each, LEVEL: whole[LEVEL]}, cost, effect, is_drawn=False)


def _of_study(study: Psa, baseline: str | None, cost: str, effect: str) -> Groups:
    from paysim.analysis.worlds import PEOPLE

    arms = tuple(str(arm) for arm in study.manifest["arms"])
    base = known_arm(arms, baseline or study.manifest["compare_with"][0])
    frame = study.by_education.pivot_table(
        index=["arm", "draw", "replicate", "group"], columns="measure", values="value", sort=False
    )
    _need(frame, cost, effect, str(study.path))
    people = frame[PEOPLE].groupby("group").mean()[list(EDUCATION)].to_numpy(float)
    each = {name: frame[name] / frame[PEOPLE] for name in (cost, effect)}  # every world has people of its own
    means = {
        name: column.groupby(["arm", "draw", "group"], sort=False).mean()
        for name, column in {**each, LEVEL: frame[LEVEL]}.items()
    }
    return _paired(arms, base, people, means, cost, effect, is_drawn=True)


def known_arm(arms: Sequence[str], wanted: str) -> str:
    """Return the arm wanted.

    Raises
    ------
    DataError
        If there is no such arm; names the nearest.
    """
    from paysim.errors import nearest_name

    if wanted not in arms:
        near = nearest_name(wanted, arms)
        raise DataError(Problem("no such arm", key="baseline", found=wanted, allowed=tuple(arms), nearest=near))
    return wanted


def _need(frame: pd.DataFrame, cost: str, effect: str, source: str) -> pd.DataFrame:
    from paysim.errors import nearest_name

    for name in (cost, effect, LEVEL):
        if name not in frame.columns:
            near = nearest_name(name, [str(each) for each in frame.columns])
            raise NotInResults(Problem("no such measure by education", file=source, found=name, nearest=near))
    return frame


def _paired(
    arms: Sequence[str],
    base: str,
    people: np.ndarray,
    values: dict[str, pd.Series[float]],
    cost: str,
    effect: str,
    is_drawn: bool,
) -> Groups:
    """Return groups from values per person, indexed by arm, draw or replicate (or both), and group."""

    def of(name: str, arm: str) -> np.ndarray:
        return values[name].xs(arm, level="arm").unstack("group")[list(EDUCATION)].to_numpy(float)

    others = tuple(arm for arm in arms if arm != base)
    here = of(LEVEL, base)
    known = np.isfinite(here)
    level = np.where(known, here, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    change = {name: np.empty((len(others), *here.shape)) for name in (cost, effect)}
    for name, table in change.items():
        for a, arm in enumerate(others):
            table[a] = of(name, arm) - of(name, base)
    return Groups(others, base, people, level, change[effect], change[cost], is_drawn)
