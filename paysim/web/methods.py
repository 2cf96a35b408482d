"""Which method stands behind a chart: its words are in the interface's texts, its page is ``/methods``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from paysim.report import tables
from paysim.web.explore import flows

if TYPE_CHECKING:
    from paysim.report.contents import Figure

_OF: dict[Callable[..., Any], str] = {
    tables.by_year: "time",
    tables.actor_balance: "balance",
    flows: "flows",
    tables.sectors: "sectors",
    tables.sector_differences: "differences",
    tables.practices: "practices",
    tables.education: "education",
    tables.qalys: "health",
    tables.health_events: "health",
    tables.waits: "waits",
    tables.needs: "needs",
    tables.incentives: "incentives",
}
METHODS = ("run", "interval", *dict.fromkeys(_OF.values()), "lever", "place", "shares", "scorecard")
"""Sections of the page, in order."""


def method(figure: Figure) -> str:
    """Return the section of the page that a figure leads to."""
    found = _OF[getattr(figure.table, "func", figure.table)]
    if found == "time" and figure.name.startswith("lever_"):
        return "lever"
    options = getattr(figure.table, "keywords", {})
    return "place" if found == "practices" and options.get("dimension", "practice") != "practice" else found
