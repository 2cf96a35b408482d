"""A two-way threshold map as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from paysim.report import drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def threshold(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw the differences of a map in colour, negative purple and positive orange, and in black where they are zero.

    Parameters
    ----------
    table
        As `paysim.analysis.threshold.threshold_map` returns it.
    """
    grid = table.pivot_table(index="y", columns="x", values="difference")
    x, y, z = grid.columns.to_numpy(), grid.index.to_numpy(), grid.to_numpy()
    most = float(np.abs(z).max()) or 1.0
    levels = np.linspace(-most, most, 17)
    shades = ax.contourf(x, y, z, levels=levels, cmap="PuOr_r", extend="neither")
    if z.min() < 0.0 < z.max():
        ax.contour(x, y, z, levels=[0.0], colors="black", linewidths=1.4)
    px, py = np.meshgrid(x, y)
    ax.plot(px.ravel(), py.ravel(), ".", color="black", markersize=2.5)
    ax.figure.colorbar(shades, ax=ax)
    return ax


def figure(table: pd.DataFrame, x: str, y: str, title: str) -> Figure:
    """Return the map on a sheet of its own."""
    with drawing.styled():
        sheet = drawing.Figure(figsize=(7.2, 5.0), layout="constrained")
        ax = threshold(table, sheet.subplots())
        ax.set_title(title, loc="left")
        ax.set_xlabel(f"{x}\nblack line: no difference; dots: what was simulated, between them straight lines")
        ax.set_ylabel(y)
    return sheet


def figure_bytes(table: pd.DataFrame, x: str, y: str, title: str, kind: str) -> bytes:
    """Return the figure as the bytes of a ``png`` or ``svg`` file."""
    return drawing.save(figure(table, x, y, title), kind)
