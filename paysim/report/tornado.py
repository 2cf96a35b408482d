"""One-way sensitivity as a figure: a tornado."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from paysim.report import drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_LOW, _HIGH = drawing.OKABE_ITO[0], drawing.OKABE_ITO[4]


def tornado(table: pd.DataFrame, arm: str, measure: str, ax: Axes, most: int = 15) -> Axes:
    """Draw the parameters with the widest swing of an arm's difference, the widest on top.

    Parameters
    ----------
    table
        As `paysim.one_way` returns it.
    most
        How many parameters to show.
    """
    rows = table[(table["arm"] == arm) & (table["measure"] == measure)].head(most).iloc[::-1]
    for place, row in enumerate(rows.to_dict("records")):
        ends = ((row["at_low"] - row["base"], _LOW), (row["at_high"] - row["base"], _HIGH))
        for width, colour in sorted(ends, key=lambda each: -abs(each[0])):  # the shorter one in front
            ax.barh(place, width, left=row["base"], color=colour, height=0.6)
    ax.axvline(float(rows["base"].iloc[0]), color="black", linewidth=0.8)
    labels = [f"{row['parameter']} ({row['low']:.3g} to {row['high']:.3g})" for row in rows.to_dict("records")]
    ax.set_yticks(range(len(rows)), labels)
    return ax


def figure(table: pd.DataFrame, arm: str, measure: str, title: str, unit: str) -> Figure:
    """Return the tornado of an arm and measure on a sheet of its own."""
    count = min(15, int(((table["arm"] == arm) & (table["measure"] == measure)).sum()))
    with drawing.styled():
        sheet = drawing.Figure(figsize=(8.0, 1.2 + 0.32 * count), layout="constrained")
        ax = tornado(table, arm, measure, sheet.subplots())
        ax.set_title(title, loc="left")
        ax.set_xlabel(f"{unit}\nblue: parameter at its 2.5% quantile, orange: at its 97.5% quantile")
    return sheet


def figure_bytes(table: pd.DataFrame, arm: str, measure: str, title: str, unit: str, kind: str) -> bytes:
    """Return the figure as the bytes of a ``png`` or ``svg`` file."""
    return drawing.save(figure(table, arm, measure, title, unit), kind)
