"""The rounds of programmes as a figure and tables: of everybody a programme is for, who is in, asked, or neither."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from paysim.analysis.programmes import rounds
from paysim.errors import NotInResults, Problem
from paysim.report import drawing
from paysim.report.programmes import title
from paysim.report.wording import number

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.runs import Run

READING = (
    "A column is a round, its height everybody the programme is for: blue takes part once the round has asked; above "
    "are those who said no or have left, those selected and not asked, and those not reached. People simulated."
)
STEPS = (
    ("Takes part", ("taking_part", "started"), "#0072B2"),
    ("Said no, or has left", ("asked_before", "declined"), "#E69F00"),
    ("No places", ("no_places",), "#D55E00"),
    ("No staff hours left", ("no_staff",), "#CC79A7"),
    ("Not selected", ("not_selected",), "#56B4E9"),
    ("Not in the records", ("not_in_records",), "#999999"),
    ("Practice does not take part", ("other_practice",), "#DDDDDD"),
)
"""What each colour is made of, and the colour; together they are the eligible."""

_ACROSS, _WIDE, _HIGH = 2, 5.2, 2.5
_TITLE = 58  # letters of a line above a panel


def table(run: Run) -> pd.DataFrame:
    """Return `paysim.analysis.programmes.rounds` by round.

    Raises
    ------
    NotInResults
        If no programme ran.
    """
    found = rounds(run)
    if found.empty:
        raise NotInResults(Problem("no programme ran", file="rounds.csv"))
    return found


def draw_rounds(run: Run, ax: Axes | None = None, *, arm: str | None = None, programme: str | None = None) -> Axes:
    """Draw everybody a programme is for by what became of them, round by round; a panel an arm and programme.

    Arms in which a programme went the same way share one.

    Parameters
    ----------
    run
        A run; table `table`.
    ax
        Axes to draw the first programme on; by default of a new figure with all of them.
    arm, programme
        Only these.
    """
    found = table(run)
    found = found[found["arm"].isin([arm] if arm else run.arms)]
    found = found[(found["programme"] == programme) | (programme is None)]
    drawn = ["programme", "round", *(column for _, columns, _ in STEPS for column in columns)]
    parts = list(_once(run, found[["arm", *drawn, "eligible"]]))
    if ax is not None:
        parts, panels = parts[:1], [ax]
    else:
        across = min(_ACROSS, len(parts))
        down = math.ceil(len(parts) / across)
        with drawing.styled():
            sheet = drawing.Figure(figsize=(_WIDE * across, 0.9 + _HIGH * down), layout="constrained")
            panels = list(sheet.subplots(down, across, squeeze=False).flat)
    with drawing.styled():
        for panel, (name, part) in zip(panels, parts, strict=False):
            _stack(panel, part)
            panel.set_title(textwrap.fill(name, _TITLE), fontsize=8.5)
        for panel in panels[len(parts) :]:
            panel.set_visible(False)
        drawing.legend(panels[0])
    return panels[0]


def _once(run: Run, found: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Return the rows of each arm and programme under their titles; arms whose rows are the same stand together."""
    kept: list[tuple[list[str], str, pd.DataFrame]] = []
    for (arm, programme), part in found.groupby(["arm", "programme"], sort=False):
        bare = part.drop(columns="arm").reset_index(drop=True)
        arms = next((names for names, _, other in kept if bare.equals(other.drop(columns="arm"))), None)
        if arms is None:
            kept.append(([run.titles[str(arm)]], str(programme), part.reset_index(drop=True)))
        else:
            arms.append(run.titles[str(arm)])
    for arms, programme, part in kept:
        yield f"{', '.join(arms)}: {title(programme)}", part


def _stack(ax: Axes, part: pd.DataFrame) -> None:
    """Stack the eligible of each round by `STEPS`."""
    height = part["eligible"] * 0.0
    for label, columns, color in STEPS:
        more = part[list(columns)].sum(axis=1)
        ax.bar(part["round"], more, bottom=height, width=0.9, color=color, label=label)
        height = height + more
    last = int(part["round"].max())
    ax.set_xticks(range(1, last + 1, max(1, math.ceil(last / 10))))
    ax.set_xlim(0.4, last + 0.6)
    ax.set_xlabel("Round")
    ax.set_ylabel("People simulated")
    ax.grid(axis="y", color=drawing.RULE, lw=0.6)
    drawing.plain_ticks(ax.yaxis)


def by_year(run: Run) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return the years of each programme as text, in two tables: caption, columns, and a row a year; see `_once`."""
    table, levels = rounds(run, "year"), rounds(run, "year", education=True)
    made = []
    for name, part in _once(run, table):
        arm, programme = part.loc[0, ["arm", "programme"]]
        mine = levels[(levels["arm"] == arm) & (levels["programme"] == programme)]
        reach = mine.pivot(index="year", columns="education", values="reach")
        years = part.to_dict("records")
        people = [[_year(row), *(number(float(row[name]), digits=0) for name in _COUNTS)] for row in years]
        shares = [
            [
                _year(row),
                *(_share(value) for value in (row["reach"], *(reach.loc[row["year"], level] for level in _LEVELS))),
                *(number(float(row[name]), digits=0) for name in _EUROS),
            ]
            for row in years
        ]
        made.append((f"{name}: whom it asked, and who stays", ["Year", *_COUNTS.values()], people))
        made.append((f"{name}: reach and cost", ["Year", *_REACH, *_EUROS.values()], shares))
    return made


_LEVELS = ("low", "mid", "high")
_COUNTS = {
    "eligible": "For whom",
    "identified": "Identified",
    "no_staff": "Not asked: no staff",
    "no_places": "Not asked: no places",
    "invited": "Invited",
    "before": "In at the start",
    "started": "Started",
    "dropped_out": "Dropped out",
    "completed": "Completed",
    "died": "Died",
    "departed": "Left the region",
    "participants": "In at the end",
}
_EUROS = {
    "eur_per_invitee": "EUR per invitee so far",
    "eur_per_participant": "EUR per participant so far",
    "eur_per_participant_year": "EUR per participant-year",
}
_REACH = ("Reach", "Reach: low education", "Reach: middle", "Reach: high")


def _year(row: Mapping[Hashable, Any]) -> str:
    return str(int(row["year"]) + 1)


def _share(value: object) -> str:
    text = number(100.0 * float(value), digits=0)  # type: ignore[arg-type]
    return f"{text}%" if text else ""


def sentences(run: Run) -> list[str]:
    """Return how to read the tables by year."""
    weight = float((run.manifest.get("sample") or {}).get("weight", 1.0))
    text = (
        f"People simulated; each stands for {number(weight)} of the region. In at the start + started − dropped out − "
        "completed − died − left the region = in at the end. Who it is for, who is identified, and who is selected and "
        "not asked are those of the year's last round; the rest is added up over its rounds. Costs are of all years so "
        "far per person invited and per person who ever began; reach is who is in at the end per person for whom it is."
    )
    return [text]
