"""The figure of `paysim population describe`: target against result, one panel a margin, with sampling error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from paysim.report import drawing

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = 4
_WIDTH = 4.4  # inches of a panel
_ROW = 0.15  # inches of a row
_MOST_ROWS = 44
_MET_WITHIN = 1e-6
_LABEL = 26  # letters in a line beside a row
_Z_95 = 1.96
_NOT_IMPOSED = "derived"  # role of what nobody is drawn from
_TARGET, _RESULT, _OTHER = drawing.INK, drawing.OKABE_ITO[0], drawing.OKABE_ITO[1]
_PUBLISHED = ", published"


def draw_margins(frame: pd.DataFrame, title: str) -> drawing.Figure:
    """Draw targets as open diamonds and results as dots with 95% intervals.

    What people are not drawn from is a cross instead of a diamond; published prevalence of that kind stands in
    the panel of its disease.

    Parameters
    ----------
    frame
        Of `paysim.population.describe`.
    title
        Above the panels.
    """
    panels = [(str(name), _fewer(part)) for name, part in frame.groupby("margin", sort=False) if len(part) > 1]
    others = {name.removesuffix(_PUBLISHED): part for name, part in panels if name.endswith(_PUBLISHED)}
    others = {name: part for name, part in others.items() if name in dict(panels)}
    panels = [panel for panel in panels if panel[0].removesuffix(_PUBLISHED) not in others or panel[0] in others]
    by_construction = [name for name, part in panels if part["unit"].iloc[0] == "sd" and _met(part)]
    panels = [panel for panel in panels if panel[0] not in by_construction]
    single = frame.groupby("margin", sort=False).filter(lambda part: len(part) == 1)
    single = single[single["unit"] == "proportion"]
    if len(single):
        names = (single["margin"] + ", " + single["group"]).str.removesuffix(", all").str.removesuffix(", all ages")
        panels.append(("others", single.assign(group=names)))
    columns: list[list[tuple[str, pd.DataFrame]]] = [[] for _ in range(_COLUMNS)]
    filled = [0.0] * _COLUMNS
    for panel in panels:  # each below the shortest column
        shortest = int(np.argmin(filled))
        columns[shortest].append(panel)
        filled[shortest] += _height(panel[1])
    with drawing.styled():
        height = max(filled) + 0.7
        figure = drawing.Figure(figsize=(_WIDTH * _COLUMNS, height))
        legend = "Open diamond: target. Dot: result, with its 95% sampling interval."
        if others or any((part["role"] == _NOT_IMPOSED).any() for _, part in panels):
            legend += " Cross: published or expected, not imposed."
        if by_construction:
            legend += f" Not drawn: means and deviations of z-scores ({len(by_construction)} margins), met exactly."
        figure.suptitle(f"{title}\n{legend}", y=1 - 0.12 / height)
        for index, column in enumerate(columns):
            top = height - 0.65
            for name, rows in column:
                tall = _height(rows)
                box = (
                    (index + 0.36) / _COLUMNS,
                    (top - tall + 0.42) / height,
                    0.60 / _COLUMNS,
                    (tall - 0.72) / height,
                )
                _panel(figure.add_axes(box), name, rows, others.get(name))
                top -= tall
    return figure


def _met(rows: pd.DataFrame) -> bool:
    return bool((rows["difference"].abs() < _MET_WITHIN).all())


def _fewer(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of a panel that are farthest off, in their order, where there are too many to read."""
    if len(rows) <= _MOST_ROWS:
        return rows
    far = rows["z"].abs().fillna(0.0)
    if not far.any():
        far = rows["difference"].abs()
    kept = far.sort_values(ascending=False, kind="stable").index[:_MOST_ROWS]
    return rows.loc[sorted(kept)].assign(of=len(rows))


def _height(rows: pd.DataFrame) -> float:
    double = any(len(str(group)) > _LABEL for group in rows["group"])
    return 0.95 + (1.5 if double else 1.0) * _ROW * len(rows)


def _panel(ax: Axes, name: str, rows: pd.DataFrame, other: pd.DataFrame | None) -> None:
    place = -np.arange(len(rows), dtype=float)
    error = _Z_95 * rows["standard_error"].fillna(0.0).to_numpy()
    ax.errorbar(
        rows["result"], place, xerr=error, fmt="o", color=_RESULT, markersize=3.2, elinewidth=1.1, capsize=1.6, zorder=3
    )
    imposed = rows["role"] != _NOT_IMPOSED
    target, crosses = rows["target"].where(imposed), [rows["target"].mask(imposed)]
    ax.plot(target, place, "D", markerfacecolor="none", markeredgecolor=_TARGET, markersize=5.0, zorder=4)
    if other is not None:
        crosses.append(other.set_index("group")["target"].reindex(rows["group"]))
    for values in crosses:
        ax.plot(values, place, "x", color=_OTHER, markersize=4.5, markeredgewidth=1.2, zorder=5)
    names = [drawing.two_lines(str(group), _LABEL) for group in rows["group"]]
    ax.set_yticks(place, names, fontsize=6.5, linespacing=0.85)
    ax.set_ylim(place[-1] - 0.7, 0.7)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelsize=7)
    ax.grid(axis="both", color=drawing.RULE, lw=0.5)
    ax.locator_params(axis="x", nbins=5)
    ax.margins(x=0.08)
    drawing.plain_ticks(ax.xaxis)
    far = rows["z"].abs().max()
    note = f", largest |z| {far:.1f}" if math.isfinite(far) else ""
    count = f" ({_MOST_ROWS} farthest of {int(rows['of'].iloc[0])})" if "of" in rows else ""
    unit = " or ".join(dict.fromkeys(rows["unit"])).replace("_", " ")
    heading = drawing.two_lines(f"{name}{count}", 46)
    ax.set_title(heading, fontsize=8.5, x=-0.55)
    ax.set_xlabel(f"{unit}; {', '.join(dict.fromkeys(rows['role']))}{note}", fontsize=7)
