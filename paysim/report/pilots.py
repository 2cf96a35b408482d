"""Figures of pilots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from paysim.report import drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from paysim.pilots.money import Cash


def power_curves(rows: Sequence[Mapping[str, Any]], unit: str, wanted: float) -> Axes:
    """Draw the minimum detectable effect by number of practices, a line for each length.

    Parameters
    ----------
    rows
        As `paysim.pilots.size_pilot` returns them. Lines are simulated; crosses are the closed form.
    unit
        Of the outcome.
    wanted
        Power at which an effect counts as detectable.
    """
    with drawing.styled():
        ax = drawing.new_axes(7.0, 4.2)
        lengths = sorted({row["years"] for row in rows})
        for shade, years in zip(_shades(len(lengths)), lengths, strict=True):
            mine = [row for row in rows if row["years"] == years]
            sizes = [row["treated"] + row["controls"] for row in mine]
            label = f"{years} year{'s' if years > 1 else ''}"
            ax.plot(sizes, [row["detectable"] for row in mine], marker="o", color=shade, label=label)
            formula = [(size, row["detectable_formula"]) for size, row in zip(sizes, mine, strict=True)]
            known = [pair for pair in formula if pair[1] is not None]
            ax.plot([x for x, _ in known], [y for _, y in known], "x", color=shade)
        truth = abs(rows[-1]["true_effect"])
        ax.axhline(truth, color="0.3", linestyle="--", linewidth=1.0, label="true effect")
        ax.set_ylim(bottom=0.0)
        ax.set_xlabel("practices, treated and controls")
        ax.set_ylabel(f"detectable with power {wanted:g}\n({unit})")
        ax.legend(frameon=False, title="length (x: closed form)")
    return ax


def cash_fan(parties: Sequence[Cash]) -> Axes:
    """Draw cash so far by year: the median as a line, 10% to 90% of trials as a band, a colour for each party."""
    with drawing.styled():
        ax = drawing.new_axes(7.0, 4.2)
        for each, shade in zip(parties, ("C0", "C1", "C2", "C3"), strict=False):
            years = [0, *(row["year"] + 1 for row in each.fan)]
            low, median, high = ([0.0, *(row[name] for row in each.fan)] for name in ("low", "median", "high"))
            ax.fill_between(years, low, high, color=shade, alpha=0.2, linewidth=0.0)
            ax.plot(years, median, marker="o", color=shade, label=each.party)
        ax.axhline(0.0, color="0.3", linewidth=1.0)
        ax.set_xlabel("years since the start of the pilot")
        ax.set_ylabel("cash so far\n(EUR per head)")
        ax.legend(frameon=False, title="median, 10 to 90% of trials")
    return ax


def _shades(count: int) -> list[str]:
    """Return blues from light to dark."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps["Blues"](0.4 + 0.55 * k / max(1, count - 1))) for k in range(count)]
