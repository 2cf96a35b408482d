"""The figures: each a function of a run, or of its tidy results, that returns the Axes.

``ax.figure.savefig("file.svg")`` writes one; in a notebook ``ax.figure`` shows it. The table behind a figure
is the function of `paysim.report.tables` that its docstring names.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from paysim.analysis.compare import FEW, arm_names
from paysim.analysis.measures import PER_HEAD, records
from paysim.analysis.measures import measure as find_measure
from paysim.analysis.runs import Run
from paysim.report import caveats, drawing, tables
from paysim.report.aims import draw_scorecard as scorecard
from paysim.report.wording import ABOUT_NOTHING, clear, is_small, number, shared_decimals

if TYPE_CHECKING:
    import pandas as pd

    Source = Run | pd.DataFrame

__all__ = [
    "actor_balance",
    "education_difference",
    "health_events",
    "incentive_map",
    "levers_over_time",
    "needs_outcome",
    "over_time",
    "practice_differences",
    "qalys",
    "scorecard",
    "sector_differences",
    "spending_by_sector",
    "spending_over_time",
    "waits",
]

_WIDE, _HALF = 8.6, 5.0
_TITLE = 28  # letters of a title beyond which it would run into the names of arms
_HEADING = 17  # letters of a line above a column
_BESIDE = 32  # letters of a line beside a row
_ROW = 0.24  # inches per row of text
_BESIDE_EUR, _COLUMN = 4.6, 1.25  # inches of the names of levers with their units, and of an arm


def practice_differences(
    results: Source,
    ax: Axes | None = None,
    *,
    measure: str = "practice_margin_per_1000",
    baseline: str | None = None,
) -> Axes:
    """Draw the change in each practice against one arm, a dot a practice; table `tables.practices`.

    Parameters
    ----------
    results
        A run or its tidy results.
    ax
        Axes to draw on; by default of a new figure.
    measure
        Name in `paysim.analysis.measures`.
    baseline
        Arm to compare with; by default the current one.
    """
    table = tables.practices(results, measure, baseline)
    arms = [arm for arm in arm_names(results) if arm in set(table["arm"])]
    ax = ax or drawing.new_axes(_WIDE, 1.1 + 0.85 * max(len(arms), 1))
    look = _looks(results)
    groups, names = [], []
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    with drawing.styled():
        for place, arm in enumerate(arms):
            part = table[table["arm"] == arm]
            change = part["difference"].to_numpy(np.float64)
            groups.append(change)
            names.append(f"{look[arm].label}\n{_share(change > 0)} of practices gain")
            mean = float(np.average(change, weights=part["person_years"].to_numpy(np.float64)))
            ax.plot([mean, mean], [-place - 0.38, -place + 0.38], color=drawing.INK, lw=2.2)
            ax.text(
                mean,
                -place + 0.4,
                f"mean {number(mean, signed=True)}",
                ha="center",
                va="bottom",
                fontsize=8,
                bbox=box,
            )
        drawing.swarm(ax, names, groups, [look[arm].color for arm in arms])
        unit = str(table["unit"].iloc[0]) if len(table) else ""
        ax.set_xlabel(f"Change against {_title(results, baseline)}, {unit}")
    return ax


def actor_balance(results: Source, ax: Axes | None = None, *, baseline: str | None = None) -> Axes:
    """Draw who gains and who loses against one arm, EUR per head per year; table `tables.actor_balance`.

    Only what is beyond chance is coloured.
    """
    table = tables.actor_balance(results, baseline)
    actors = list(dict.fromkeys(table["actor"]))
    arms = list(dict.fromkeys(table["arm"]))
    ax = ax or drawing.new_axes(max(_WIDE, 2.4 + 1.2 * len(arms)), 1.0 + 0.46 * len(actors))
    grid = table.pivot(index="actor", columns="arm", values="difference").reindex(index=actors, columns=arms)
    cells = {(row["actor"], row["arm"]): row for row in records(table)}
    texts = [[_cell(cells[actor, arm]) for arm in arms] for actor in actors]
    told = {key: clear(row) and not is_small(row) for key, row in cells.items()}
    bold = np.array([[told[actor, arm] for arm in arms] for actor in actors])
    look = _looks(results)
    with drawing.styled():
        rows = [drawing.two_lines(actor, _BESIDE) for actor in actors]
        names = [textwrap.fill(look[arm].title, _HEADING) for arm in arms]
        drawing.heat(ax, _shades(grid, table, bold), texts, rows, names, by_row=False, bold=bold)
        few = isinstance(results, Run) and caveats.is_small(results)
        held = f"{FEW}: none is coloured" if few else "coloured beyond chance"
        ax.set_xlabel(f"Gain against {_title(results, baseline)}, EUR per head per year unless said;\n{held}")
    return ax


def _shades(grid: pd.DataFrame, table: pd.DataFrame, told: np.ndarray) -> np.ndarray:
    """Scale euros by the largest sum, and what is counted in another unit by the largest of its row.

    Only of what is told ``[actor, arm]``: what may be chance stays white, and does not pale the rest.
    """
    values: np.ndarray = np.where(told, np.nan_to_num(grid.to_numpy(np.float64)), 0.0)
    units = dict(zip(table["actor"], table["unit"], strict=True))
    top = np.abs(values).max(axis=1)
    money = np.array([units[actor] == PER_HEAD for actor in grid.index])
    if money.any():
        top[money] = top[money].max()
    shades: np.ndarray = values / np.where(top > 0, top, 1.0)[:, None]
    return shades


def spending_by_sector(results: Source, ax: Axes | None = None) -> Axes:
    """Draw spending per head per year by sector, a bar an arm; table `tables.sectors`."""
    table = tables.sectors(results)
    arms = list(dict.fromkeys(table["arm"]))
    ax = ax or drawing.new_axes(_WIDE, 1.2 + 0.42 * len(arms))
    look = _looks(results)
    parts = {
        str(sector): part.set_index("arm")["value"].reindex(arms).to_numpy(np.float64)
        for sector, part in table.groupby("sector", sort=False)
    }
    with drawing.styled():
        drawing.bars(ax, [look[arm].label for arm in arms], parts, net=False)
        ax.set_xlabel("EUR per head per year")
    return ax


def sector_differences(results: Source, ax: Axes | None = None, *, baseline: str | None = None) -> Axes:
    """Draw where spending moves to or from against one arm; table `tables.sector_differences`."""
    table = tables.sector_differences(results, baseline)
    arms = list(dict.fromkeys(table["arm"]))
    ax = ax or drawing.new_axes(_WIDE, 1.2 + 0.46 * max(len(arms), 1))
    look = _looks(results)
    parts = {
        str(sector): part.set_index("arm")["difference"].reindex(arms).to_numpy(np.float64)
        for sector, part in table.groupby("sector", sort=False)
    }
    with drawing.styled():
        drawing.bars(ax, [look[arm].label for arm in arms], parts, net=True)
        ax.set_xlabel(f"Spending against {_title(results, baseline)}, EUR per head per year")
    return ax


def spending_over_time(results: Source, ax: Axes | None = None, *, payer: str = "insurers") -> Axes:
    """Draw what one payer, ``insurers`` or ``patients``, pays per head in each year."""
    names = {"insurers": "insurer_payments_per_head", "patients": "patient_payments_per_head"}
    return over_time(results, ax, measure=names[payer])


def over_time(results: Source, ax: Axes | None = None, *, measure: str = "spending_per_head") -> Axes:
    """Draw a measure by year, a line an arm; table `tables.by_year`."""
    table = tables.by_year(results, measure)
    ax = ax or drawing.new_axes(_HALF, 2.9)
    years = sorted(int(year) for year in table["year"].unique())
    series = {
        str(arm): part.set_index("year")["value"].reindex(years).to_numpy(np.float64)
        for arm, part in table.groupby("arm", sort=False)
    }
    with drawing.styled():
        drawing.lines(ax, years, series, _looks(results))
        ax.set_xlabel("Year since the start")
        ax.set_ylabel(str(table["unit"].iloc[0]))
        ax.set_title(drawing.two_lines(_label(measure), _TITLE))
    return ax


def levers_over_time(results: Source, ax: Axes | None = None, *, lever: str = "visit_intensity") -> Axes:
    """Draw what practices do with one lever, as a ratio to the base years; table `tables.by_year`."""
    ax = over_time(results, ax, measure=f"lever_{lever}")
    ax.axhline(1.0, color=drawing.PALE, lw=0.8, zorder=0)
    return ax


def health_events(results: Source, ax: Axes | None = None, *, baseline: str | None = None) -> Axes:
    """Draw the change in admissions and deaths against one arm; table `tables.health_events`."""
    return _forest(results, tables.health_events(results, baseline), ax, baseline)


def qalys(results: Source, ax: Axes | None = None, *, baseline: str | None = None) -> Axes:
    """Draw the change in QALYs against one arm; table `tables.qalys`."""
    return _forest(results, tables.qalys(results, baseline), ax, baseline)


def waits(results: Source, ax: Axes | None = None) -> Axes:
    """Draw the mean waits of each arm in days; table `tables.waits`."""
    table = tables.waits(results)
    arms, kinds = list(dict.fromkeys(table["arm"])), list(dict.fromkeys(table["label"]))
    ax = ax or drawing.new_axes(_WIDE, 1.3 + 0.62 * len(kinds))
    look = _looks(results)
    with drawing.styled():
        for i, arm in enumerate(arms):
            values = table[table["arm"] == arm].set_index("label")["value"].reindex(kinds).to_numpy(np.float64)
            lift = 0.28 * (i / max(len(arms) - 1, 1) - 0.5) * 2
            where = -np.arange(len(kinds)) - lift
            style = look[arm]
            ax.plot(values, where, style.marker, color=style.color, markersize=6, label=style.label)
        ax.set_yticks(-np.arange(len(kinds)), [drawing.two_lines(kind, _BESIDE) for kind in kinds])
        ax.set_ylim(-len(kinds) + 0.5, 0.5)
        for i in range(1, len(kinds)):
            ax.axhline(0.5 - i, color=drawing.RULE, lw=0.6)
        ax.set_xlim(left=0.0)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x", color=drawing.RULE, lw=0.6)
        drawing.plain_ticks(ax.xaxis)
        ax.set_xlabel("Days")
        drawing.legend(ax)
    return ax


def needs_outcome(results: Source, ax: Axes | None = None) -> Axes:
    """Draw what became of needs that got no appointment of their own, a bar an arm; table `tables.needs`."""
    table = tables.needs(results)
    arms = list(dict.fromkeys(table["arm"]))
    ax = ax or drawing.new_axes(_WIDE, 1.2 + 0.42 * len(arms))
    look = _looks(results)
    parts = {
        str(name): part.set_index("arm")["value"].reindex(arms).to_numpy(np.float64)
        for name, part in table.groupby("outcome", sort=False)
    }
    with drawing.styled():
        drawing.bars(ax, [look[arm].label for arm in arms], parts, net=False)
        ax.set_xlabel("Per 1,000 needs")
    return ax


def education_difference(
    results: Source,
    ax: Axes | None = None,
    *,
    measure: str = "spending_per_head",
    baseline: str | None = None,
) -> Axes:
    """Draw the change of a measure against one arm by education, a line an arm; table `tables.education`."""
    table = tables.education(results, measure, baseline)
    base = tables.baseline_of(results, baseline)
    table = table[table["arm"] != base]
    ax = ax or drawing.new_axes(_HALF, 2.9)
    places = list(range(len(tables.EDUCATION)))
    series = {
        str(arm): part.set_index("education")["difference"].reindex(list(tables.EDUCATION)).to_numpy(np.float64)
        for arm, part in table.groupby("arm", sort=False)
    }
    with drawing.styled():
        if series:
            drawing.lines(ax, places, series, _looks(results))
        ax.set_xticks(places, tables.EDUCATION)
        ax.axhline(0.0, color=drawing.INK, lw=0.9, zorder=0)
        ax.set_xlabel("Education")
        ax.set_ylabel(f"Change, {_unit(measure)}")
        ax.set_title(_label(measure))
    return ax


def incentive_map(results: Source, ax: Axes | None = None) -> Axes:
    """Draw what one more unit of each lever earns a practice, by arm and kind of patient.

    Parameters
    ----------
    results
        A run, or its table of incentives (not its tidy results); table `tables.incentives`.
    ax
        Axes to draw on; by default of a new figure.
    """
    table = tables.alike_as_one(tables.incentives(results))
    arms = list(dict.fromkeys(table["arm"]))
    look = _looks(results) if isinstance(results, Run) else drawing.looks(arms, arms[0], {})
    names: list[str] = []
    values: list[tuple[np.ndarray, float]] = []
    headings: list[int] = []
    for lever, part in table.groupby("lever", sort=False):
        wide = part.pivot(index="segment", columns="arm", values="margin_eur")
        wide = wide.reindex(index=list(dict.fromkeys(part["segment"])), columns=arms)
        headings.append(len(names))
        names += [f"{str(lever).replace('_', ' ').capitalize()}: {part['unit'].iloc[0]}", *map(str, wide.index)]
        rows = wide.to_numpy(np.float64)
        top = float(np.nanmax(np.abs(rows), initial=0.0)) or 1.0  # units differ: each lever is scaled by itself
        values += [(np.full(len(arms), np.nan), 1.0), *((row, top) for row in rows)]
    texts = [[number(float(value), signed=True) for value in row] for row, _ in values]
    shades = np.array([row / top for row, top in values])
    ax = ax or drawing.new_axes(_BESIDE_EUR + _COLUMN * len(arms), 0.9 + _ROW * 1.1 * len(names))
    with drawing.styled():
        heads = [textwrap.fill(look[arm].title, _HEADING) for arm in arms]
        drawing.heat(ax, shades, texts, names, heads, by_row=False)
        ax.tick_params(axis="x", labelsize=8)
        for place, tick in enumerate(ax.get_yticklabels()):
            tick.set_fontsize(8)
            if place in headings:
                tick.set_fontweight("bold")
        for place in headings[1:]:
            ax.axhline(place, color=drawing.INK, lw=0.8)
    return ax


def _forest(results: Source, table: pd.DataFrame, ax: Axes | None, baseline: str | None) -> Axes:
    groups = table["label"].nunique()
    ax = ax or drawing.new_axes(_WIDE, 0.9 + _ROW * (len(table) + 1.35 * groups))
    with drawing.styled():
        drawing.forest(ax, records(table), _looks(results), "label")
        unit = str(table["unit"].iloc[0]) if len(table) else ""
        ax.set_xlabel(f"Change against {_title(results, baseline)}, {unit}")
    return ax


def _looks(source: Source) -> dict[str, drawing.Look]:
    titles = source.titles if isinstance(source, Run) else {}
    return drawing.looks(arm_names(source), tables.baseline_of(source), titles)


def _title(source: Source, baseline: str | None) -> str:
    return _looks(source)[tables.baseline_of(source, baseline)].title


def _label(name: str) -> str:
    if name.startswith("lever_"):
        return name.removeprefix("lever_").replace("_", " ").capitalize()
    return find_measure(name).label


def _unit(name: str) -> str:
    return find_measure(name).unit


def _share(true: np.ndarray) -> str:
    return f"{100 * float(true.mean()):.0f}%" if len(true) else "none"


def _cell(row: Mapping[str, Any]) -> str:
    digits = shared_decimals(row)
    text = ABOUT_NOTHING if is_small(row) else number(row["difference"], signed=True, digits=digits)
    cents = is_small(row) and all(is_small(row, end) or row[end] == 0 for end in ("low", "high"))
    if np.isnan(row["low"]) or row["low"] == row["high"] or cents:
        return text
    low, high = (number(row[end], signed=True, digits=digits) for end in ("low", "high"))
    return f"{text}\n{low} to {high}"
