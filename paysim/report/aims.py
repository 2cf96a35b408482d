"""The five-aim scorecard, the list of indicators, inequality and waits by service, for the report."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from paysim.analysis.compare import FEW, arm_names
from paysim.analysis.measures import horizon, records, wide
from paysim.analysis.runs import Run
from paysim.analysis.scorecard import BETTER, WORSE, scorecard, shown
from paysim.errors import NotInResults, Problem
from paysim.outcomes.indicators import AIMS, NUMBERS, Indicator, indicators
from paysim.report import caveats, drawing, tables
from paysim.report.wording import difference, number, shared_decimals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    Source = Run | pd.DataFrame

SERVICES = {
    "wait_gp_urgent": ("Urgent GP contact", "days"),
    "wait_gp_planned": ("Planned GP contact", "days"),
    "wait_nurse": ("Practice nurse", "days"),
    "wait_mental_nurse": ("Mental-health nurse", "days"),
    "clinic_wait": ("Specialist clinic", "weeks"),
    "elective_admission_wait": ("Bed after the clinic", "weeks"),
}
"""Services with a wait: name, title and unit."""
INEQUALITY = {
    "life_expectancy": ("Life expectancy", "years"),
    "quality_adjusted_life_expectancy": ("Quality-adjusted life expectancy", "QALY"),
    "standardised_ascvd_prevalence": ("ASCVD", "per 1,000 persons"),
    "standardised_ldl_at_target": ("LDL at target", "% of persons with ASCVD"),
    "standardised_avoidable_admission_rate": ("Avoidable admissions", "per 100,000"),
    "standardised_spending_per_head": ("Spending", "EUR per head per year"),
}
"""Levels by education that are standardised for age: measure of the results, title and unit."""
_LONGEST = 60
"""Characters of a name on one line."""
_WIDTH, _ROW = 10.4, 0.27
_NAMES, _COLUMN = 3.7, 1.2  # inches of the names of indicators, and of an arm
_HEADING = 17  # letters of a line above an arm
_SHADE = {BETTER: 1.0, WORSE: -1.0}
READING = (
    "Blue is better and orange worse than under current payment, beyond chance; white may be chance, has no "
    "interval, or is neither good nor bad. A gap is better when nearer to zero. Aims are not added up."
)


def waits_by_service(source: Source) -> pd.DataFrame:
    """Return median and 90th percentile of waits over the whole horizon.

    Returns
    -------
    DataFrame
        ``service``, ``unit``, ``arm``, ``median``, ``p90``; mean over replicates.
    """
    import pandas as pd

    frame = horizon(wide(source))
    parts = []
    for name, (title, unit) in SERVICES.items():
        columns = {share: f"{name}_{share}_{unit}" for share in ("median", "p90")}
        if set(columns.values()) <= set(frame.columns):
            means = pd.DataFrame({share: frame[column].groupby("arm").mean() for share, column in columns.items()})
            parts.append(means.reset_index().assign(service=title, unit=unit))
    if not parts:
        raise NotInResults(Problem("results have no waits by service", file="results"))
    return tables.ordered(pd.concat(parts, ignore_index=True), source)[["service", "unit", "arm", "median", "p90"]]


def inequality_indices(source: Source) -> pd.DataFrame:
    """Return levels standardised for age by education, with their indices of inequality, a row a measure and arm.

    Returns
    -------
    DataFrame
        ``measure``, ``unit``, ``arm``, ``low``, ``mid``, ``high``, ``slope_index``, ``relative_index``,
        ``concentration_index``; mean over replicates.
    """
    import pandas as pd

    whole, groups = horizon(wide(source)), horizon(wide(source, "education"))
    parts = []
    for name, (title, unit) in INEQUALITY.items():
        if name not in groups.columns:
            continue
        levels = groups[name].groupby(["arm", "group"]).mean().unstack("group")[list(tables.EDUCATION)]
        for index in ("slope_index", "relative_index", "concentration_index"):
            known = f"{name}_{index}" in whole.columns  # a level of zero has no index relative to it
            levels[index] = whole[f"{name}_{index}"].groupby("arm").mean() if known else np.nan
        levels.columns.name = None
        parts.append(tables.ordered(levels.reset_index().assign(measure=title, unit=unit), source))
    if not parts:
        raise NotInResults(Problem("results have no indices of inequality", file="results"))
    columns = ["measure", "unit", "arm", *tables.EDUCATION, "slope_index", "relative_index", "concentration_index"]
    return pd.concat(parts, ignore_index=True)[columns]


def headline_card(source: Source, baseline: str | None = None) -> pd.DataFrame:
    """Return the headline rows of `paysim.analysis.scorecard.scorecard` against one arm."""
    names = {each.measure for each in shown() if each.headline}
    card = scorecard(source, tables.baseline_of(source, baseline))
    return card[card["measure"].isin(names)].reset_index(drop=True)


def draw_scorecard(source: Source, ax: Axes | None = None, *, baseline: str | None = None) -> Axes:
    """Draw the headline indicators by aim, a column an arm; table `headline_card`."""
    card = headline_card(source, baseline)
    arms = [arm for arm in arm_names(source) if arm in set(card["arm"])]
    titles = source.titles if isinstance(source, Run) else {}
    cells = {(str(row["measure"]), str(row["arm"])): row for row in records(card)}
    names: list[str] = []
    texts: list[list[str]] = []
    shades: list[list[float]] = []
    headings = []
    for aim in AIMS:
        part = card[card["aim"] == aim]
        if part.empty:
            continue
        headings.append(len(names))
        names.append(aim.capitalize())
        texts.append([""] * (1 + len(arms)))
        shades.append([0.0] * (1 + len(arms)))
        for name, group in part.groupby("measure", sort=False):
            label, unit = str(group["label"].iloc[0]), str(group["unit"].iloc[0])
            name_of = f"{label}, {unit}"
            names.append(drawing.two_lines(name_of) if len(name_of) > _LONGEST else name_of)
            rows = [cells[str(name), arm] for arm in arms]
            texts.append([number(float(rows[0]["baseline_value"])), *(_change(row) for row in rows)])
            shades.append([0.0, *(_SHADE.get(str(row["meaning"]), 0.0) for row in rows)])
    ax = ax or drawing.new_axes(max(_WIDTH, _NAMES + _COLUMN * (1 + len(arms))), 0.9 + _ROW * len(names))
    with drawing.styled():
        base = tables.baseline_of(source, baseline)
        names_of = {arm: titles.get(arm) or arm.replace("_", " ").capitalize() for arm in (base, *arms)}
        heads = [textwrap.fill(name, _HEADING) for name in names_of.values()]
        bold = np.array(shades) != 0.0
        drawing.heat(ax, np.array(shades), texts, names, heads, by_row=False, bold=bold)
        for place, tick in enumerate(ax.get_yticklabels()):
            tick.set_fontsize(8)
            if place in headings:
                tick.set_fontweight("bold")
        ax.tick_params(axis="x", labelsize=8)
        for place in headings:
            ax.axhline(place + 1, color=drawing.INK, lw=0.8)
        few = f" ({FEW}: none is coloured)" if isinstance(source, Run) and caveats.is_small(source) else ""
        ax.set_xlabel(f"{names_of[base]}: level; other arms: change{few}")
    return ax


def _change(row: Mapping[str, Any]) -> str:
    return number(row["difference"], signed=True, digits=shared_decimals(row))


def scorecard_rows(run: Run) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return the scorecard against the current arm as text: aim, columns and rows, aim by aim."""
    card = scorecard(run, run.current)
    arms = [arm for arm in run.arms if arm != run.current]
    columns = ["", run.titles[run.current], *(run.titles[arm] for arm in arms)]
    found = []
    for aim, part in card.groupby("aim", sort=False):
        rows = []
        for _, group in part.groupby("measure", sort=False):
            cells = {str(row["arm"]): row for row in records(group)}
            first = next(iter(cells.values()))
            changes = [difference(cells[arm]) + _verdict(cells[arm]) for arm in arms]
            rows.append([f"{first['label']}, {first['unit']}", number(float(first["baseline_value"])), *changes])
        found.append((str(aim), columns, rows))
    return found


def waits_beside(run: Run) -> pd.DataFrame:
    """Return `waits_by_service` as text, a row a service and a column an arm: median (90th percentile)."""
    frame = waits_by_service(run)
    frame["wait"] = [f"{number(float(row['median']))} ({number(float(row['p90']))})" for row in records(frame)]
    wide = frame.pivot(index=["service", "unit"], columns="arm", values="wait")
    order = list(dict.fromkeys(zip(frame["service"], frame["unit"], strict=True)))
    return wide.reindex(index=order, columns=list(run.arms)).rename_axis(["service", "unit"]).reset_index()


def _verdict(row: Mapping[str, Any]) -> str:
    return f" {row['meaning']}" if row["meaning"] in _SHADE else ""


def indicator_rows() -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of the list of indicators, each with its measure or the reason why it has none."""
    rows = [
        [str(each.number), each.aim, f"{each.indicator}, {each.unit}", each.measure or "not modelled", _how(each)]
        for each in indicators()
    ]
    return ["Number", "Aim", "Indicator", "Measure", "How it is counted, or why not"], rows


def _how(each: Indicator) -> str:
    return each.definition or each.reason


def sentences() -> Sequence[str]:
    """Return how many indicators are modelled."""
    known = {each.number for each in indicators() if each.modelled}
    how_many = (
        f"{len(known)} of the {NUMBERS} indicators of learning regional health systems have a measure; the list below "
        "the method says how each is counted, or why it is not modelled."
    )
    levels = (
        "Shares of people at target or treated are those of registers at the turn of the year. Levels by education are "
        "standardised for sex and age; indices of inequality have an interval from two replicates on."
    )
    return [how_many, levels]
