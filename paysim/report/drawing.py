"""How figures look: colours that colour-blind readers and grey printers can tell apart, and a few forms.

Arms keep their colour, marker and line style in every figure. Colours are those of Okabe and Ito (2008).
Figures are matplotlib `Figure` objects, never pyplot, and come out byte for byte the same.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from paysim.report.wording import MINUS, difference, number

_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.edgecolor": "#666666",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "svg.hashsalt": "paysim",
    "svg.fonttype": "path",
    "text.parse_math": False,
    "figure.dpi": 100.0,
    "figure.constrained_layout.w_pad": 0.1,  # letters are wider in a png than in the svg that was laid out
    "savefig.dpi": 150.0,
    "savefig.facecolor": "white",
}
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, PALE, RULE = "#222222", "#777777", "#d9d9d9"
SEGMENTS = ("#0072B2", "#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#BBBBBB", "#F0E442", "#666666")
HATCHES = ("", "///", "", "xxx", "---", "\\\\\\", "", "", "...")

_MARKERS = "osD^vPX"
_LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
# Pale at both ends, so that black numbers stay readable on every cell.
_LOSS_TO_GAIN = LinearSegmentedColormap.from_list("loss_to_gain", ["#F0A878", "#FFFFFF", "#86BDE3"])
_GAP = 0.062  # between line labels, as a share of the axis
_DOT_ROWS = 9
_LABEL = 30  # letters of a line beside an axis
_LONG = 22  # letters in a legend entry beyond which three fit side by side


def styled() -> AbstractContextManager[None]:
    """Return the context in which figures are drawn and saved."""
    return rc_context(_STYLE)


@dataclass(frozen=True)
class Look:
    """How one arm is drawn."""

    color: str
    marker: str
    line: Any
    title: str

    @property
    def label(self) -> str:
        """The title on lines of few letters, to stand beside an axis."""
        return textwrap.fill(self.title, _LABEL)


def looks(arms: Sequence[str], current: str, titles: Mapping[str, str]) -> dict[str, Look]:
    """Return the look of each arm; the current arm is dark grey."""
    found, used = {}, 0
    for arm in arms:
        title = titles.get(arm) or arm.replace("_", " ").capitalize()
        if arm == current:
            found[arm] = Look("#4D4D4D", "o", "-", title)
            continue
        found[arm] = Look(
            OKABE_ITO[used % len(OKABE_ITO)],
            _MARKERS[(used + 1) % len(_MARKERS)],
            _LINES[(used + 1) % len(_LINES)],
            title,
        )
        used += 1
    return found


def new_axes(width: float, height: float) -> Axes:
    """Return the axes of a new figure; sizes in inches."""
    with styled():
        return Figure(figsize=(width, height), layout="constrained").add_subplot()


def save(figure: Figure, kind: str) -> bytes:
    """Return the figure as the bytes of an ``svg`` or ``png`` file, the same for the same data.

    The sheet grows where names reach beyond it, so that none is cut off; it never shrinks.
    """
    buffer = io.BytesIO()
    none = dict.fromkeys(("Date", "Creator", "Format", "Type")) if kind == "svg" else {"Software": None}
    figure.patch.set_in_layout(True)  # the tight box then holds the whole sheet, not only what is drawn
    with styled():
        figure.savefig(buffer, format=kind, metadata=none, bbox_inches="tight", pad_inches=0.0)
    return buffer.getvalue()


def lines(ax: Axes, years: Sequence[int], series: Mapping[str, NDArray[np.float64]], look: Mapping[str, Look]) -> None:
    """Draw one line an arm, named at its right end."""
    for arm, values in series.items():
        style = look[arm]
        ax.plot(
            years,
            values,
            color=style.color,
            linestyle=style.line,
            marker=style.marker,
            markersize=3.5,
            lw=1.6,
            clip_on=False,
        )
    low, high = _limits(np.concatenate(list(series.values())))
    ax.set_ylim(low, high)
    ax.set_xlim(min(years), max(max(years), min(years) + 1))
    ax.set_xticks(list(years) if len(years) <= 12 else list(years)[:: math.ceil(len(years) / 10)])
    ax.grid(axis="y", color=RULE, lw=0.6)
    plain_ticks(ax.yaxis)
    ends = {arm: (values[-1] - low) / (high - low) for arm, values in series.items()}
    names = {arm: two_lines(look[arm].title) for arm in series}
    for arm, place in spread(ends, {arm: _GAP * (1 + names[arm].count("\n")) for arm in series}).items():
        ax.annotate(
            names[arm],
            xy=(1.0, ends[arm]),
            xytext=(1.045, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            linespacing=1.0,
            color=look[arm].color,
            fontsize=8,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": look[arm].color,
                "lw": 0.7,
                "shrinkA": 1,
                "shrinkB": 2,
                "relpos": (0.0, 0.5),
            },
        )


def forest(ax: Axes, rows: Sequence[Mapping[str, Any]], look: Mapping[str, Look], group: str) -> None:
    """Draw differences with intervals, a row each below a heading per group, the numbers at the right."""
    place, ticks, names = 0.0, [], []
    heading = None
    for row in rows:
        if row[group] != heading:
            heading = row[group]
            place -= 0.35 if place else 0.0
            ax.text(0.0, place, str(heading), transform=ax.get_yaxis_transform(), va="center", weight="bold")
            place -= 1.0
        style = look[row["arm"]]
        if not math.isnan(row["low"]):
            ax.plot([row["low"], row["high"]], [place, place], color=style.color, lw=2.0, solid_capstyle="butt")
        ax.plot([row["difference"]], [place], marker=style.marker, color=style.color, markersize=6)
        text = difference(row)
        ax.text(1.02, place, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8, color=INK)
        ticks.append(place)
        names.append(style.label)
        place -= 1.0
    ax.axvline(0.0, color=INK, lw=0.9)
    ax.set_yticks(ticks, names)
    ax.set_ylim(place + 0.3, 0.7)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color=RULE, lw=0.6)
    ax.margins(x=0.06)
    plain_ticks(ax.xaxis)


def bars(ax: Axes, names: Sequence[str], parts: Mapping[str, NDArray[np.float64]], *, net: bool) -> None:
    """Draw stacked horizontal bars, one a name; negative parts go left, `net` marks the sum."""
    count = len(names)
    right, left = np.zeros(count), np.zeros(count)
    where = np.arange(count)[::-1]
    total = sum(parts.values(), np.zeros(count))
    widest = max(float(np.sum([np.abs(part) for part in parts.values()], axis=0).max()), 1e-12)
    for i, (title, values) in enumerate(parts.items()):
        if net and not values.any():
            continue
        start = np.where(values >= 0, right, left + values)
        color = SEGMENTS[i % len(SEGMENTS)]
        ax.barh(
            where,
            np.abs(values),
            left=start,
            height=0.62,
            color=color,
            edgecolor="white",
            linewidth=0.8,
            hatch=HATCHES[i % len(HATCHES)],
            label=title,
        )
        right, left = right + np.maximum(values, 0), left + np.minimum(values, 0)
        for j in range(count):
            if abs(values[j]) > 0.07 * widest:
                middle = start[j] + abs(values[j]) / 2
                box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
                ax.text(
                    middle,
                    where[j],
                    number(float(values[j]), signed=net),
                    ha="center",
                    va="center",
                    fontsize=7.5,
                    bbox=box,
                )
    room = 0.012 * widest
    for j in range(count):
        label = ("net " if net else "") + number(float(total[j]), signed=net)
        ax.text(right[j] + room, where[j], label, va="center", fontsize=8, weight="bold")
        if net:
            ax.plot([total[j]], [where[j]], marker="D", color=INK, markersize=5, markeredgecolor="white", zorder=5)
    if net:
        ax.axvline(0.0, color=INK, lw=0.9)
    ax.set_yticks(where, list(names))
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(min(float(left.min()), 0) - 3 * room, max(float(right.max()), 0) + 9 * room)
    ax.grid(axis="x", color=RULE, lw=0.6)
    plain_ticks(ax.xaxis)
    legend(ax)


def legend(ax: Axes) -> None:
    """Name what is drawn above the axes, in as many columns as the figure has room for."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    handles, names = ax.get_legend_handles_labels()
    longest = max((len(line) for name in names for line in name.split("\n")), default=0)
    figure.legend(
        handles,
        names,
        ncols=4 if longest < _LONG else 3,
        loc="outside upper center",  # of the figure: beside long names the axes are narrower than the legend
        borderaxespad=0.2,
        handlelength=1.4,
    )


def heat(
    ax: Axes,
    values: NDArray[np.float64],
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    by_row: bool,
    bold: NDArray[np.bool_] | None = None,
) -> None:
    """Draw a grid of numbers, blue for gains and orange for losses; `by_row` scales each row by itself."""
    size = np.abs(np.nan_to_num(values))
    top = size.max(axis=1, keepdims=True) if by_row else np.full((len(rows), 1), size.max())
    scaled = np.nan_to_num(values) / np.where(top > 0, top, 1.0)
    # pcolormesh, because imshow would put a raster into the SVG.
    ax.pcolormesh(
        np.arange(len(columns) + 1),
        np.arange(len(rows) + 1),
        scaled,
        cmap=_LOSS_TO_GAIN,
        vmin=-1.0,
        vmax=1.0,
        edgecolors="white",
        linewidth=1.5,
    )
    for i in range(len(rows)):
        for j in range(len(columns)):
            weight = "bold" if bold is not None and bold[i, j] else "normal"
            ax.text(j + 0.5, i + 0.5, texts[i][j], ha="center", va="center", fontsize=8, weight=weight, color=INK)
    ax.set_ylim(len(rows), 0)
    ax.set_xticks(np.arange(len(columns)) + 0.5, list(columns))
    ax.set_yticks(np.arange(len(rows)) + 0.5, list(rows))
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def swarm(ax: Axes, names: Sequence[str], groups: Sequence[NDArray[np.float64]], colors: Sequence[str]) -> None:
    """Draw a dot per practice, one row a group, dots that would overlap side by side."""
    every = np.concatenate(list(groups)) if groups else np.zeros(1)
    reach = max(float(np.nanmax(every) - np.nanmin(every)), 1e-12)
    for place, (values, color) in enumerate(zip(groups, colors, strict=True)):
        known = np.sort(values[np.isfinite(values)])
        bins = np.floor(known / reach * 90).astype(int)
        height = np.zeros(len(known))
        for each in np.unique(bins):
            inside = np.flatnonzero(bins == each)
            rows = min(len(inside), _DOT_ROWS)
            steps = (np.arange(len(inside)) % _DOT_ROWS) - (rows - 1) / 2
            height[inside] = steps * 0.07
        ax.plot(known, -place + height, "o", color=color, markersize=4, alpha=0.75, markeredgewidth=0)
    ax.axvline(0.0, color=INK, lw=0.9)
    ax.set_yticks([-float(i) for i in range(len(names))], list(names))
    ax.set_ylim(-len(names) + 0.4, 0.6)
    low, high = min(float(np.nanmin(every)), 0.0), max(float(np.nanmax(every)), 0.0)
    room = 0.06 * (high - low) or 1.0
    ax.set_xlim(low - room, high + room)
    plain_ticks(ax.xaxis)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color=RULE, lw=0.6)


def spread(places: Mapping[str, float], sizes: Mapping[str, float]) -> dict[str, float]:
    """Move labels apart until none overlaps the next; order is kept.

    Labels that would overlap form a block around their mean place; blocks that would overlap are joined.
    """
    blocks: list[list[str]] = [[name] for name in sorted(places, key=lambda name: places[name])]

    def middle(block: list[str]) -> float:
        return sum(places[name] for name in block) / len(block)

    def size(block: list[str]) -> float:
        return sum(sizes[name] for name in block)

    i = 1
    while i < len(blocks):
        room = (size(blocks[i - 1]) + size(blocks[i])) / 2
        if middle(blocks[i]) - middle(blocks[i - 1]) < room - 1e-9:
            blocks[i - 1 : i + 1] = [blocks[i - 1] + blocks[i]]
            i = max(i - 1, 1)
        else:
            i += 1
    moved = {}
    for block in blocks:
        bottom = middle(block) - size(block) / 2
        for name in block:
            moved[name] = bottom + sizes[name] / 2
            bottom += sizes[name]
    return moved


def two_lines(text: str, width: int = 18) -> str:
    """Break a long name once, at the blank nearest its middle."""
    blanks: Sequence[int] = [i for i, letter in enumerate(text) if letter == " "]
    if len(text) <= width or not blanks:
        return text
    middle = min(blanks, key=lambda i: abs(i - len(text) / 2))
    return f"{text[:middle]}\n{text[middle + 1 :]}"


def plain_ticks(axis: Axis) -> None:
    """Write an axis with thousands separated and the minus sign of the text."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}".replace("-", MINUS)))


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.08 * (high - low) or max(abs(high) * 0.01, 1e-9)
    return low - room, high + room
