"""The laboratory as a figure: what physicians do under each payment, and at what altruism they give the best care."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from paysim.report import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from paysim.lab import Experiment, Laboratory

_WIDE, _HIGH = 10.0, 2.9
_ALTRUISM = np.linspace(0.0, 2.0, 201)
_LOOKS = (("low", "#0072B2", "o", 3.6), ("intermediate", "#E69F00", "s", 2.2), ("high", "#009E73", "^", 1.0))
"""Colour, marker and width of line by need; widths fall so that lines that coincide are seen."""

_CHOOSERS = (("deterministic", True, 1.07, 0), ("logit", False, 1.21, 1))
"""Chooser, whether its marks are filled, their place, and by which need the legend shows it (its columns are needs)."""


def figure(laboratory: Laboratory) -> Figure:
    """Draw a row for each experiment and a panel for each payment: mean quantity by altruism and need.

    Lines: the deterministic chooser, in whole units. Dashes: best for the patient. Marks at the right: means of the
    model's physicians, deterministic (filled) and logit (open).
    """
    experiments = laboratory.experiments
    columns = max(len(each.payments) for each in experiments)
    with drawing.styled():
        sheet = drawing.Figure(figsize=(_WIDE, _HIGH * len(experiments) + 0.5), layout="constrained")
        panels = sheet.subplots(len(experiments), columns, squeeze=False)
        for row, experiment in zip(panels, experiments, strict=True):
            for i, ax in enumerate(row):
                if i < len(experiment.payments):
                    _panel(ax, laboratory, experiment, i)
                else:
                    ax.set_axis_off()
            row[0].set_ylabel("mean quantity of services")
        for ax in panels[-1]:
            ax.set_xlabel("altruism, profit given up per benefit")
        handles, labels = panels[0][0].get_legend_handles_labels()
        sheet.legend(handles, labels, loc="outside lower center", ncols=3)
    return sheet


def figure_bytes(laboratory: Laboratory, kind: str) -> bytes:
    """Return the figure as the bytes of a ``png`` or ``svg`` file."""
    return drawing.save(figure(laboratory), kind)


def _panel(ax: Axes, laboratory: Laboratory, experiment: Experiment, payment: int) -> None:
    from paysim.lab import Physicians, means

    name = experiment.payments[payment]
    by_altruism = [means(experiment, Physicians.alike(float(a))) for a in _ALTRUISM]
    rows = {
        row["need"]: row
        for row in laboratory.quantities
        if row["experiment"] == experiment.name and row["payment"] == name
    }
    edge = float(_ALTRUISM[-1])
    known = [look for look in _LOOKS if look[0] in rows]
    for k, (need, color, marker, width) in enumerate(known):
        ax.axhline(rows[need]["optimal"], color=color, lw=0.9, ls=(0, (2, 3)), label=f"best, {need} need")
        line = [each.of(each.quantity, name, need) for each in by_altruism]
        ax.plot(_ALTRUISM, line, color=color, lw=width, label=f"{need} need, by altruism")
        for chooser, filled, x, shown in _CHOOSERS:
            face = color if filled else "white"
            label = f"the model's physicians, {chooser}" if k == shown else None
            place = [edge * (x + 0.03 * k)]
            value = [rows[need][chooser]]
            ax.plot(place, value, marker, color=color, markerfacecolor=face, markersize=5, ls="none", label=label)
    ax.set_title(f"{experiment.name.replace('_', ' ')}\n{name.replace('_', ' ')}", fontsize=9)
    ax.set_xlim(0.0, edge * 1.32)
    ax.set_ylim(-0.3, float(experiment.quantities[-1]) + 0.3)
    ax.set_xticks([0.0, 0.5, 1.0, 1.5, 2.0])
    ax.grid(axis="y", color=drawing.RULE, lw=0.6)
