"""What each arm does to the gap between people of low and of high education, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paysim.analysis.measures import records
from paysim.errors import NotInResults
from paysim.report import tables
from paysim.report.wording import decimals, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paysim.analysis.runs import Run

_SAME_SHARE = 0.001  # of the gap; a smaller change is none
_SAME = {"EUR per head per year": 0.5, "per 1,000 persons per year": 0.0005}  # by unit, where it is known
_MOST_DECIMALS = 3


def sentences(run: Run) -> list[str]:
    """Return a sentence per measure: who has more under current payment, and which arms widen or narrow the gap.

    The gap is the slope across education; as it has no interval, the sentences say so.
    """
    try:
        frame = tables.equity(run)
    except NotInResults:
        return []
    said = [gap(records(part), run.titles, run.current) for _, part in frame.groupby("measure", sort=False)]
    return [*said, "These gaps have no interval: a small change can be chance."] if said else []


def gap(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str], current: str) -> str:
    """Return the sentence for one measure.

    Parameters
    ----------
    rows
        Of `tables.equity`, one an arm.
    titles
        Title of each arm, by name.
    current
        The arm that the others are compared with.
    """
    now = next(row for row in rows if row["arm"] == current)
    level = float(now["slope"])
    least = _SAME.get(str(now["unit"]), _SAME_SHARE * abs(level))
    text = (
        f"{now['measure']} ({now['unit']}): under {titles[current]} the {'lowest' if level < 0 else 'highest'} "
        f"educated have {number(abs(level))} more than the {'highest' if level < 0 else 'lowest'}"
    )
    kinds: dict[str, list[str]] = {"widens": [], "narrows": [], "stays the same": []}
    for row in rows:
        if row["arm"] == current:
            continue
        moved = abs(float(row["slope"])) - abs(level)
        size = number(abs(moved), digits=min(decimals(moved), _MOST_DECIMALS))
        if abs(moved) < least or size == "0":
            kinds["stays the same"].append(titles[str(row["arm"])])
        else:
            kinds["widens" if moved > 0 else "narrows"].append(f"{titles[str(row['arm'])]} (by {size})")
    parts = [f"{how} under {', '.join(arms)}" for how, arms in kinds.items() if arms]
    return f"{text}. The gap between low and high education {'; it '.join(parts)}." if parts else f"{text}."
