"""The figures of the report, sorted by what somebody wants to see: over time, by payer, sector, practice and so on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from paysim.errors import NotInResults
from paysim.report import contents, figures, tables
from paysim.report.contents import Figure

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.runs import Run


def flows(run: Run) -> pd.DataFrame:
    """Return `tables.flows`, without anything to choose."""
    return tables.flows(run)


def _grouped(name: str, title: str, reading: str, measure: str, dimension: str) -> Figure:
    table: Callable[..., pd.DataFrame] = partial(tables.practices, dimension=dimension)
    return Figure(name, title, reading, figures.practice_differences, table, {"measure": measure})


def _named(*names: str) -> tuple[Figure, ...]:
    known = {each.name: each for each in contents.FIGURES}
    return tuple(known[name] for name in names)


_FLOWS = Figure(
    "flows",
    "Who pays whom",
    "Million euros over the whole horizon, from the double-entry ledger; a row is a payer, a payee and an account.",
    figures.sector_differences,
    flows,
)
_PLACES = (
    _grouped(
        "municipality_spending",
        "Spending by municipality",
        "Difference from current payment in EUR per head per year, for the people of each municipality.",
        "spending_per_head",
        "municipality",
    ),
    _grouped(
        "municipality_qalys",
        "QALYs by municipality",
        "Difference from current payment in QALYs per 1,000 persons per year, for the people of each municipality.",
        "qalys_per_1000",
        "municipality",
    ),
)

SECTIONS: dict[str, tuple[Figure, ...]] = {
    "time": tuple(each for each in contents.FIGURES if each.table is tables.by_year and "lever_" not in each.name),
    "payer": (*_named("actor_balance"), _FLOWS, *_named("spending_insurers", "spending_patients")),
    "sector": _named("spending_by_sector", "sector_differences"),
    "practice": _named("practice_differences", "gp_hours", *(f"lever_{each}" for each in (
        "visit_intensity", "prevention", "referral", "delegation"))),
    "place": _PLACES,
    "people": _named("education_spending", "education_qalys", "education_gp_contacts"),
    "health": _named("qalys", "health_events", "statins", "blood_pressure_drugs", "programme"),
    "access": _named("waits", "needs_outcome", "out_of_hours", "ed_visits", "clinic_wait"),
    "incentives": _named("incentive_map"),
}  # fmt: skip
"""Pages of the exploration and their figures."""


def figure(name: str) -> Figure | None:
    """Return a figure by name."""
    every = (each for figures_of in (*SECTIONS.values(), contents.FIGURES) for each in figures_of)
    return next((each for each in every if each.name == name), None)


def data(run: Run, wanted: Figure) -> pd.DataFrame | None:
    """Return the table behind a figure, or None where the run does not hold it."""
    try:
        return wanted.data(run)
    except NotInResults:
        return None
