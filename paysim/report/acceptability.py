"""Cost-effectiveness over draws as a figure: the plane with its ellipses, and acceptability of all arms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from paysim.analysis.cost_effectiveness import FRONTIER, acceptability, strategies, value_of_information
from paysim.report import drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_CHI2_95 = 5.991464547107979
"""95% quantile of chi-square with two degrees of freedom."""

_MOST = 100_000.0


def plane(outcomes: pd.DataFrame, baseline: str, ax: Axes) -> Axes:
    """Draw each draw's difference from a baseline in effect and cost, with the ellipse that holds 95% if normal."""
    mean = outcomes.groupby(["draw", "arm"], sort=False)[["effect", "cost"]].mean().unstack("arm")
    for arm, look in _looks(outcomes, baseline).items():
        if arm == baseline:
            continue
        x = 1000.0 * (mean["effect"][arm] - mean["effect"][baseline]).to_numpy()
        y = (mean["cost"][arm] - mean["cost"][baseline]).to_numpy()
        ax.scatter(x, y, s=8, color=look.color, marker=look.marker, alpha=0.6, label=look.title)
        if len(x) > 2:
            # In units of the spreads, because euros and QALYs differ by orders of magnitude.
            sx, sy = x.std(ddof=1) or 1.0, y.std(ddof=1) or 1.0
            values, vectors = np.linalg.eigh(np.cov(x / sx, y / sy))
            angle = np.linspace(0.0, 2.0 * np.pi, 181)
            circle = np.stack([np.cos(angle), np.sin(angle)])
            ring = vectors @ (np.sqrt(_CHI2_95 * np.clip(values, 0.0, None))[:, None] * circle)
            ax.plot(x.mean() + ring[0] * sx, y.mean() + ring[1] * sy, color=look.color, linewidth=1.0)
    ax.axhline(0.0, color="black", linewidth=0.6)
    ax.axvline(0.0, color="black", linewidth=0.6)
    ax.set_xlabel(f"QALYs per 1,000 persons, difference from {baseline}")
    ax.set_ylabel("EUR per head, difference")
    ax.legend(fontsize=7)
    return ax


def curves(outcomes: pd.DataFrame, baseline: str, ax: Axes, most: float = _MOST) -> Axes:
    """Draw the probability of the greatest net benefit of every arm, up to `most` EUR per QALY; dots: the best arm."""
    table = acceptability(outcomes, np.linspace(0.0, most, 101).tolist())
    for arm, look in _looks(outcomes, baseline).items():
        ax.plot(table.index, table[arm], color=look.color, linestyle=look.line, label=look.title)
        best = table["frontier"] == arm
        ax.plot(table.index[best][::5], table[arm][best][::5], "o", markersize=3, color=look.color)
    ax.set_ylim(0.0, 1.0)
    ax.set_xlabel("EUR per QALY")
    ax.set_ylabel("probability of the greatest net benefit")
    ax.legend(fontsize=7)
    return ax


def frontier(outcomes: pd.DataFrame, baseline: str, ax: Axes) -> Axes:
    """Draw every arm's mean cost and effect as differences from a baseline, and the line of those not dominated."""
    table = strategies(outcomes).set_index("arm")
    x = 1000.0 * (table["effect"] - table["effect"][baseline])
    y = table["cost"] - table["cost"][baseline]
    best = table.index[table["status"] == FRONTIER]
    ax.plot(x[best], y[best], color="black", linewidth=1.0)
    for arm, look in _looks(outcomes, baseline).items():
        ax.plot(x[arm], y[arm], look.marker, color=look.color, markersize=7, label=look.title)
    ax.axhline(0.0, color=drawing.RULE, linewidth=0.6, zorder=0)
    ax.axvline(0.0, color=drawing.RULE, linewidth=0.6, zorder=0)
    ax.set_xlabel(f"QALYs per 1,000 persons, difference from {baseline}")
    ax.set_ylabel("EUR per head, difference")
    ax.legend(fontsize=7)
    return ax


def information(outcomes: pd.DataFrame, ax: Axes, most: float = _MOST) -> Axes:
    """Draw the value of perfect information by EUR per QALY, corrected for chance where replicates allow it."""
    table = value_of_information(outcomes, np.linspace(0.0, most, 101).tolist())
    ax.plot(table.index, table["raw_eur"], color=drawing.PALE, linestyle="--", label="as seen, with chance")
    if table["corrected_eur"].notna().any():
        ax.plot(table.index, table["corrected_eur"], color=drawing.OKABE_ITO[0], label="without chance")
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel("EUR per QALY")
    ax.set_ylabel("EUR per head")
    ax.legend(fontsize=7)
    return ax


def bars(partial: pd.DataFrame, ax: Axes, by_chance: float | None = None, most: int = 12) -> Axes:
    """Draw the value of knowing single parameters, as `partial_information` returns it, with one standard error.

    A dashed line stands at what the highest would reach by chance if none mattered.
    """
    rows = partial.dropna(subset=["evppi_eur"]).head(most).iloc[::-1]
    error = {"ecolor": "black", "elinewidth": 0.8}
    ax.barh(rows["parameter"], rows["evppi_eur"], xerr=rows["se_eur"], color=drawing.OKABE_ITO[0], error_kw=error)
    label = "value of knowing it perfectly, EUR per head (lines: one standard error"
    if by_chance is not None:
        ax.axvline(by_chance, color="black", linestyle="--", linewidth=1.0)
        label += "; dashed: the highest by chance in 1 of 20 studies"
    ax.set_xlim(left=0.0)
    ax.set_xlabel(label + ")")
    return ax


def figure(
    outcomes: pd.DataFrame, baseline: str, partial: pd.DataFrame | None = None, by_chance: float | None = None
) -> Figure:
    """Return plane and curves side by side, and below them what knowing single parameters is worth if that is given."""
    with drawing.styled():
        sheet = drawing.Figure(figsize=(10.0, 4.2 if partial is None else 7.8), layout="constrained")
        below = 0 if partial is None else 1
        grid = sheet.add_gridspec(1 + below, 2)
        plane(outcomes, baseline, sheet.add_subplot(grid[0, 0]))
        curves(outcomes, baseline, sheet.add_subplot(grid[0, 1]))
        if partial is not None:
            bars(partial, sheet.add_subplot(grid[1, :]), by_chance)
    return sheet


def figure_bytes(
    outcomes: pd.DataFrame,
    baseline: str,
    kind: str,
    partial: pd.DataFrame | None = None,
    by_chance: float | None = None,
) -> bytes:
    """Return the figure as the bytes of a ``png`` or ``svg`` file."""
    return drawing.save(figure(outcomes, baseline, partial, by_chance), kind)


def _looks(outcomes: pd.DataFrame, baseline: str) -> dict[str, drawing.Look]:
    return drawing.looks(list(dict.fromkeys(outcomes["arm"])), baseline, {})
