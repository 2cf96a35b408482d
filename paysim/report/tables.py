"""The tables behind the figures: tidy frames, one per figure, written beside it as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from paysim.analysis.compare import arm_names, baselines, compare, t_interval
from paysim.analysis.measures import HORIZON, SECTORS, Measure, by_arm, horizon, paired, wide
from paysim.analysis.measures import measure as find_measure
from paysim.analysis.runs import Run
from paysim.analysis.samples import labelled
from paysim.errors import NotInResults, Problem
from paysim.kernel.records import LEVERS
from paysim.outcomes import inequality
from paysim.report.wording import MILLION, gains

if TYPE_CHECKING:
    import pandas as pd

    Source = Run | pd.DataFrame

EDUCATION = ("low", "mid", "high")
WAITS = (
    "wait_gp_urgent_days",
    "wait_gp_planned_days",
    "wait_gp_planned_p90_days",
    "wait_nurse_days",
    "wait_mental_nurse_days",
)
HEALTH_EVENTS = ("mi_admissions_per_1000", "stroke_admissions_per_1000", "deaths_per_1000")
TREATMENT = ("statin_years_per_100", "bp_drug_years_per_100", "programme_years_per_100")
EQUITY = ("spending_per_head", "qalys_per_1000", "gp_contacts_per_head")
WORKLOAD = (
    "gp_hours_per_1000",
    "nurse_hours_per_1000",
    "mental_nurse_hours_per_1000",
    "gp_contacts_per_head",
    "nurse_contacts_per_head",
    "chronic_controls_per_head",
    "out_of_hours_per_1000",
    "ed_visits_per_1000",
    "specialist_trajectories_per_1000",
    "unmet_need",
    "ed_instead_of_gp",
    "avoidable_admissions",
    "gp_occupancy",
    "nurse_occupancy",
    "mental_nurse_occupancy",
    "bed_occupancy",
    "gp_overtime",
    "nurse_overtime",
    "mental_nurse_overtime",
)
NEEDS = {
    "needs_combined": "Combined with another contact",
    "needs_later": "Came back later",
    "needs_out_of_hours": "Out-of-hours care",
    "needs_emergency": "Emergency department",
    "needs_dropped": "Dropped",
}

_PER_1000 = 1000.0
_EVERY_100_000 = 100.0  # from per 1,000
_ALIKE = 1e-3  # share by which kinds of patients may differ to be told as one
ALL_SEGMENTS = "all patients"
"""Kind of patient of a lever that earns the same of every kind."""


def baseline_of(source: Source, baseline: str | None = None) -> str:
    """Return the arm to compare with: the one named, else the current one."""
    if baseline is not None:
        return baselines(source, baseline)[0]
    return source.current if isinstance(source, Run) else arm_names(source)[0]


def differences(source: Source, names: Sequence[str], baseline: str | None = None) -> pd.DataFrame:
    """Return `compare` for some measures against one arm."""
    return compare(source, baseline_of(source, baseline), measures=[find_measure(name) for name in names])


def qalys(source: Source, baseline: str | None = None) -> pd.DataFrame:
    """Return the differences in QALYs from one arm, per 1,000 persons per year."""
    return differences(source, ["qalys_per_1000"], baseline)


def waits(source: Source) -> pd.DataFrame:
    """Return the mean waits in days by arm, see `levels`."""
    return levels(source, WAITS)


def by_year(source: Source, measure: str) -> pd.DataFrame:
    """Return a measure by arm and contract year (1 is the first), averaged over replicates.

    Returns
    -------
    DataFrame
        ``arm``, ``year``, ``value``, ``measure``, ``unit``.
    """
    what = _any_measure(measure)
    frame = wide(source)
    _need(what, frame)
    years = frame[frame.index.get_level_values("period") != HORIZON]
    values = what.of(years).groupby(["arm", "period"]).mean().reset_index(name="value")
    values["year"] = values.pop("period") + 1
    values["measure"], values["unit"] = what.name, what.unit
    return ordered(values, source)[["arm", "year", "value", "measure", "unit"]]


def sectors(source: Source) -> pd.DataFrame:
    """Return spending by arm and sector, EUR per head per year over the horizon.

    Returns
    -------
    DataFrame
        ``arm``, ``sector``, ``value``, ``unit``.
    """
    import pandas as pd

    frame = _horizon(source)
    parts = []
    for sector, title in SECTORS.items():
        what = find_measure(f"spending_{sector}_per_head")
        if what.held_by(frame):
            values = what.of(frame).groupby("arm").mean().reset_index(name="value")
            if not values["value"].any():
                continue
            parts.append(values.assign(sector=title, unit=what.unit))
    if not parts:
        raise NotInResults(Problem("results have no spending by sector", file="results"))
    return ordered(pd.concat(parts, ignore_index=True), source)[["arm", "sector", "value", "unit"]]


def sector_differences(source: Source, baseline: str | None = None) -> pd.DataFrame:
    """Return the differences of spending by sector from one arm, with intervals."""
    table = differences(source, [f"spending_{sector}_per_head" for sector in SECTORS], baseline)
    titles = {f"spending_{sector}_per_head": title for sector, title in SECTORS.items()}
    return table.assign(sector=table["measure"].map(titles))


def actor_balance(source: Source, baseline: str | None = None) -> pd.DataFrame:
    """Return who gains and who loses against one arm, EUR per head per year; positive is a gain."""
    base = baseline_of(source, baseline)
    table = gains(compare(source, base))
    moved = table.groupby("actor")["difference"].transform(lambda part: part.abs().max()) > 0
    return (table[moved] if moved.any() else table).reset_index(drop=True)


def practices(
    source: Source,
    measure: str = "practice_margin_per_1000",
    baseline: str | None = None,
    dimension: str = "practice",
) -> pd.DataFrame:
    """Return the difference of a measure in each practice from one arm, averaged over replicates.

    Another dimension of the results, such as ``municipality``, gives its groups in place of practices. In these a
    measure per head is per head of each arm's own people: newcomers settle where a practice has room, so that
    municipalities have a few more or fewer people in one arm than in another.

    Returns
    -------
    DataFrame
        ``arm``, ``baseline``, ``practice`` (or the dimension), ``person_years`` (of a practice its own, whatever it
        stands for in a sample), ``value``, ``baseline_value``, ``difference``, ``measure``, ``unit``.
    """
    import pandas as pd

    what, base = _any_measure(measure), baseline_of(source, baseline)
    if dimension != "practice":
        what = replace(what, fixed=False)
    frame = _horizon(source, dimension)
    _need(what, frame)
    arms = by_arm(frame)
    parts = []
    for arm in arm_names(source):
        if arm == base:
            continue
        values, base_values = (each.groupby("group").mean() for each in paired(what, arms[arm], arms[base]))
        part = pd.DataFrame({"value": values, "baseline_value": base_values})
        part["difference"] = values - base_values
        # A practice stands for itself: what results weight to the region are here its own people.
        weight = _weight(source) if dimension == "practice" else 1.0
        part["person_years"] = arms[base]["person_years"].groupby("group").mean() / weight
        part = part.rename_axis(dimension).reset_index()
        parts.append(part.assign(arm=arm, baseline=base, measure=what.name, unit=what.unit))
    columns = ["arm", "baseline", dimension, "person_years", "value", "baseline_value", "difference"]
    columns += ["measure", "unit"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _weight(source: Source) -> float:
    """Return persons of the region for one simulated; results alone do not say, and have 1."""
    return float((source.manifest.get("sample") or {}).get("weight", 1.0)) if isinstance(source, Run) else 1.0


def health_events(source: Source, baseline: str | None = None) -> pd.DataFrame:
    """Return the differences in admissions and deaths from one arm, per 100,000 person-years."""
    table = differences(source, HEALTH_EVENTS, baseline)
    for column in ("value", "baseline_value", "difference", "low", "high"):
        table[column] *= _EVERY_100_000
    return table.assign(unit="per 100,000 person-years")


def education(source: Source, measure: str, baseline: str | None = None) -> pd.DataFrame:
    """Return a measure by education and arm, with its difference from one arm.

    Intervals need two or more replicates; groups are not standardised for age.

    Returns
    -------
    DataFrame
        ``arm``, ``baseline``, ``education``, ``value``, ``baseline_value``, ``difference``, ``low``,
        ``high``, ``measure``, ``unit``.
    """
    import pandas as pd

    what, base = _any_measure(measure), baseline_of(source, baseline)
    frame = _horizon(source, "education")
    _need(what, frame)
    arms = by_arm(frame)
    rows = []
    for arm in arm_names(source):
        values, base_values = paired(what, arms[arm], arms[base])
        for level in EDUCATION:
            pair = [each.xs(level, level="group").to_numpy(np.float64) for each in (values, base_values)]
            apart = pair[0] - pair[1]
            low, high = t_interval(apart)
            rows.append((arm, base, level, pair[0].mean(), pair[1].mean(), apart.mean(), low, high))
    columns = ["arm", "baseline", "education", "value", "baseline_value", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns).assign(measure=what.name, unit=what.unit)


def equity(source: Source, baseline: str | None = None) -> pd.DataFrame:
    """Return spending, QALYs and GP contacts by education with the slope across education, a row an arm.

    The slope is the slope index of inequality: the weighted least-squares slope over the rank of education
    (0 lowest, 1 highest), that is the difference between the highest and the lowest educated person.
    """
    import pandas as pd

    base = baseline_of(source, baseline)
    years = _horizon(source, "education")["person_years"].groupby(["arm", "group"]).mean()
    rows = []
    for name in EQUITY:
        table = education(source, name, base)
        slopes = {}
        for arm, part in table.groupby("arm", sort=False):
            levels = part.set_index("education")["value"].reindex(list(EDUCATION))
            weight = years.loc[arm].reindex(list(EDUCATION)).to_numpy(np.float64)
            slopes[str(arm)] = float(inequality.slope_index(levels.to_numpy(np.float64), weight))
            rows.append(
                {
                    "measure": find_measure(name).label,
                    "unit": find_measure(name).unit,
                    "arm": str(arm),
                    **levels.to_dict(),
                    "slope": slopes[str(arm)],
                }
            )
        for row in rows[-len(slopes) :]:
            row["slope_difference"] = row["slope"] - slopes[base]
    return pd.DataFrame(rows)


def incentives(source: Source) -> pd.DataFrame:
    """Return what one more unit of each lever earns a practice, by arm and segment, averaged over the run.

    Parameters
    ----------
    source
        A run, or its table of incentives.

    Returns
    -------
    DataFrame
        ``arm``, ``lever``, ``segment``, ``unit``, then the means of revenue, cost and margin in euros, the
        margin under current contracts and the predicted response.
    """
    frame = source.incentives if isinstance(source, Run) else source
    frame = frame[(frame["provider"] == "practices") & ~frame["lever"].isin(("patients", "list_size"))]
    keys = ["arm", "lever", "segment", "unit"]
    numbers = [
        "marginal_revenue_eur",
        "marginal_cost_eur",
        "margin_eur",
        "margin_under_current_eur",
        "predicted_response",
    ]
    means = frame.groupby(keys, sort=False)[numbers].mean().reset_index()
    return ordered(means, source) if isinstance(source, Run) else means


def alike_as_one(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of `incentives` in which a lever that earns the same of every kind of patient has one row an arm.

    Its segment is `ALL_SEGMENTS`; the same means to `_ALIKE` in every arm.
    """
    import pandas as pd

    kinds = table["segment"].nunique()
    parts = []
    for _, part in table.groupby("lever", sort=False):
        wide = part.pivot(index="segment", columns="arm", values="margin_eur")
        spread, size = wide.max() - wide.min(), wide.abs().max()
        alike = len(wide) == kinds > 1 and bool(((spread <= _ALIKE * size) & wide.notna().all()).all())
        parts.append(part.drop_duplicates("arm").assign(segment=ALL_SEGMENTS) if alike else part)
    return pd.concat(parts, ignore_index=True) if parts else table


def flows(run: Run) -> pd.DataFrame:
    """Return who pays whom over the horizon, from the ledger, in millions of euros, mean over replicates.

    A ledger of a sample is not weighted to the region.

    Returns
    -------
    DataFrame
        ``payer``, ``payee``, ``account`` and a column per arm.
    """
    from paysim.accounting.statements import flows as net_flows

    ledger = run.ledger[run.ledger["period"] >= 0]
    keys = ["arm", "actor", "counterparty", "account"]
    # Summed first: the ledger has a row per practice and quarter.
    small = ledger.groupby(keys, observed=True)["cents"].sum().reset_index()
    runs = max(len(ledger[["draw", "replicate"]].drop_duplicates()), 1)
    parts = {}
    for arm in run.arms:
        part = net_flows(small[small["arm"].astype(str) == arm])
        parts[arm] = part.set_index(["payer", "payee", "account"])["eur"] / runs / MILLION
    import pandas as pd

    table = pd.DataFrame(parts).fillna(0.0).reset_index()
    order = {name: place for place, name in enumerate(("insurers", "patients", "practices"))}
    rank = table["payer"].map(order).fillna(len(order))
    ranked = table.assign(rank=rank).sort_values(["rank", "payer", "payee", "account"])
    return ranked.drop(columns="rank").reset_index(drop=True)


def needs(source: Source) -> pd.DataFrame:
    """Return what became of needs that did not get their own appointment, per 1,000 needs.

    Returns
    -------
    DataFrame
        ``arm``, ``outcome``, ``value``, ``unit``.
    """
    import pandas as pd

    frame = _horizon(source)
    if "needs" not in frame.columns:
        raise NotInResults(Problem("results have no needs", file="results"))
    parts = [
        (_PER_1000 * frame[name] / frame["needs"])
        .groupby("arm")
        .mean()
        .reset_index(name="value")
        .assign(outcome=title, unit="per 1,000 needs")
        for name, title in NEEDS.items()
        if name in frame.columns
    ]
    return ordered(pd.concat(parts, ignore_index=True), source)[["arm", "outcome", "value", "unit"]]


def levels(source: Source, names: Sequence[str]) -> pd.DataFrame:
    """Return measures over the whole horizon by arm: ``arm``, ``label``, ``value``, ``measure``, ``unit``."""
    import pandas as pd

    frame = _horizon(source)
    marked = source.not_from_sample if isinstance(source, Run) else frozenset()
    parts = [
        what.of(frame)
        .groupby("arm")
        .mean()
        .reset_index(name="value")
        .assign(label=labelled(what.label, what.name, marked), measure=what.name, unit=what.unit)
        for what in map(find_measure, names)
        if what.held_by(frame)
    ]
    return ordered(pd.concat(parts, ignore_index=True), source)[["arm", "label", "value", "measure", "unit"]]


def _any_measure(name: str) -> Measure:
    """Return a measure, or a level of the results such as a lever under its own name."""
    lever = name.removeprefix("lever_")
    if lever != name and lever in LEVERS:
        label = lever.replace("_", " ").capitalize()
        return Measure(name, label, "ratio to the base years", name, per=None)
    return find_measure(name)


def _horizon(source: Source, dimension: str = "all") -> pd.DataFrame:
    return horizon(wide(source, dimension))


def _need(what: Measure, frame: pd.DataFrame) -> None:
    if not what.held_by(frame):
        raise NotInResults(Problem("results lack what this measure needs", found=what.name))


def ordered(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Return rows sorted by the scenario's order of arms; within an arm the order stays."""
    place = {arm: i for i, arm in enumerate(arm_names(source))}
    order = frame["arm"].map(place).to_numpy()
    return frame.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)
