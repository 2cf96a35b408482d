"""Health gained and inequality of health as a figure: the equity-impact plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paysim.report import drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plane(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw every arm by its net gain and by what less inequality is worth, a mark an index and aversion.

    Parameters
    ----------
    table
        As `paysim.analysis.distributional.distributional` returns it. An aversion of 0 is left out: it sees no
        inequality.
    """
    shown = table[table["aversion"] > 0.0]
    arms = list(dict.fromkeys(shown["arm"]))
    looks = drawing.looks(arms, "", {})
    marks = dict(
        zip(shown[["index", "aversion"]].drop_duplicates().itertuples(index=False, name=None), "osD^v<>", strict=False)
    )
    for row in shown.to_dict("records"):
        mark = marks[row["index"], row["aversion"]]
        ax.plot(row["net"], row["equity"], mark, color=looks[row["arm"]].color, markersize=6)
    for arm in arms:  # for the legend: colours are arms, marks are indices
        ax.plot([], [], "-", color=looks[arm].color, label=looks[arm].title, linewidth=4)
    for (index, aversion), mark in marks.items():
        ax.plot([], [], mark, color="black", markersize=5, label=f"{index.capitalize()} {aversion:g}")
    ax.axhline(0.0, color="black", linewidth=0.6)
    ax.axvline(0.0, color="black", linewidth=0.6)
    ax.margins(0.15)
    limits = ax.get_xlim(), ax.get_ylim()
    ax.axline((0.0, 0.0), slope=-1.0, color="0.5", linestyle="--", linewidth=0.8, label="on balance no gain")
    ax.set(xlim=limits[0], ylim=limits[1])
    ax.set_xlabel("QALYs gained less those forgone for the money, per 1,000 persons")
    ax.set_ylabel("worth of less inequality, QALYs per 1,000 persons")
    ax.legend(fontsize=7)
    return ax


def figure(table: pd.DataFrame) -> Figure:
    """Return the plane on a sheet of its own."""
    with drawing.styled():
        sheet = drawing.Figure(figsize=(6.4, 4.6), layout="constrained")
        plane(table, sheet.subplots())
    return sheet


def figure_bytes(table: pd.DataFrame, kind: str) -> bytes:
    """Return the figure as the bytes of a ``png`` or ``svg`` file."""
    return drawing.save(figure(table), kind)
