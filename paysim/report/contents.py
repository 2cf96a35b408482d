"""What the report holds: its sections, and under each the figures with one sentence on how to read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from paysim.report import aims, figures, rounds, tables

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from paysim.analysis.runs import Run


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    Attributes
    ----------
    name
        Of its files in ``figures/``.
    title, reading
        What it shows, and one sentence on how to read it.
    draw, table
        Functions of a run; both are given `options`.
    options
        Such as the measure shown.
    wide
        Whether it takes the whole width of the page.
    """

    name: str
    title: str
    reading: str
    draw: Callable[..., Axes]
    table: Callable[..., pd.DataFrame]
    options: Mapping[str, Any] = field(default_factory=dict)
    wide: bool = True

    def data(self, run: Run) -> pd.DataFrame:
        """Return the table behind the figure."""
        return self.table(run, **self.options)


def _over_time(name: str, title: str, reading: str, measure: str) -> Figure:
    return Figure(name, title, reading, figures.over_time, tables.by_year, {"measure": measure}, wide=False)


def _lever(name: str, what: str) -> Figure:
    title = f"Lever: {name.replace('_', ' ')}"
    return _over_time(f"lever_{name}", title, f"1 is the base years; above 1, practices {what}.", f"lever_{name}")


def _by_education(name: str, measure: str, what: str) -> Figure:
    return Figure(
        f"education_{name}",
        f"{what} by education",
        "A line that slopes means that the change differs between people of low and high education; zero is "
        "no change. Groups are not standardised for age.",
        figures.education_difference,
        tables.education,
        {"measure": measure},
        wide=False,
    )


AIMS = (
    Figure(
        "scorecard",
        "Scorecard on five aims",
        aims.READING,
        aims.draw_scorecard,
        aims.headline_card,
    ),
)
WINNERS = (
    Figure(
        "actor_balance",
        "Who gains and who loses",
        "Blue gains, orange loses; numbers are euros per head per year with their 95% interval, bold where "
        "it leaves zero out. Payers gain by paying less; sectors are shown by revenue, which is no profit; "
        "patients' health, waits and dropped needs stand in their own units, each shaded by itself.",
        figures.actor_balance,
        tables.actor_balance,
    ),
    Figure(
        "practice_differences",
        "Practices that gain and practices that lose",
        "A dot is a practice, right of zero it keeps more than under current payment; the bar is the mean "
        "weighted by list.",
        figures.practice_differences,
        tables.practices,
    ),
)
SPENDING = (
    Figure(
        "spending_by_sector",
        "Spending by sector",
        "A bar is an arm's spending per head, patients' own payments included; bold is the total.",
        figures.spending_by_sector,
        tables.sectors,
    ),
    _over_time(
        "spending_insurers",
        "Insurers over time",
        "What insurers pay per head net of what patients pay; the axis does not start at zero.",
        "insurer_payments_per_head",
    ),
    _over_time(
        "spending_patients",
        "Patients over time",
        "What patients pay per head themselves; the axis does not start at zero.",
        "patient_payments_per_head",
    ),
)
HEALTH = (
    Figure(
        "qalys",
        "QALYs",
        "Right of zero, people gain quality-adjusted life time against today; bars are 95% intervals.",
        figures.qalys,
        tables.qalys,
    ),
    Figure(
        "health_events",
        "Admissions and deaths",
        "Left of zero, fewer people are struck than under current payment; bars are 95% intervals.",
        figures.health_events,
        tables.health_events,
    ),
    *(
        _over_time(name, title, "Share of all persons on treatment in each year.", measure)
        for name, title, measure in (
            ("statins", "Statins over time", "statin_years_per_100"),
            ("blood_pressure_drugs", "Blood-pressure drugs over time", "bp_drug_years_per_100"),
            ("programme", "Chronic-care programme over time", "programme_years_per_100"),
        )
    ),
)
INCENTIVES = (
    Figure(
        "incentive_map",
        "What one more unit earns a practice",
        "A cell is revenue minus cost of one more unit, by kind of patient: blue pays to do more, orange to "
        "do less. Each lever is shaded by itself, because units differ; kinds of patients that earn the same "
        "stand as one.",
        figures.incentive_map,
        tables.incentives,
    ),
    _lever("visit_intensity", "see people more often than they ask for"),
    _lever("prevention", "deliver more of the care that is indicated"),
    _lever("referral", "refer more often"),
    _lever("delegation", "have nurses do more"),
    _lever("coding", "record more risk than in the base years"),
)
FLOWS = (
    Figure(
        "sector_differences",
        "Where the money moves",
        "Right of zero a sector receives more than under current payment, left less; the diamond is the net.",
        figures.sector_differences,
        tables.sector_differences,
    ),
)
EQUITY = (
    _by_education("spending", "spending_per_head", "Change in spending"),
    _by_education("qalys", "qalys_per_1000", "Change in QALYs"),
    _by_education("gp_contacts", "gp_contacts_per_head", "Change in GP contacts"),
)
ACCESS = (
    Figure(
        "waits",
        "Waits",
        "Further right is a longer wait, over the whole horizon.",
        figures.waits,
        tables.waits,
    ),
    Figure(
        "needs_outcome",
        "Needs without an appointment of their own",
        "Of 1,000 needs, how many were met otherwise or not at all; the others got an appointment.",
        figures.needs_outcome,
        tables.needs,
    ),
    _over_time("gp_hours", "GP hours over time", "Hours of GPs a week per 1,000 listed.", "gp_hours_per_1000"),
    _over_time(
        "out_of_hours",
        "Out-of-hours contacts over time",
        "Contacts per 1,000 persons.",
        "out_of_hours_per_1000",
    ),
    _over_time(
        "ed_visits",
        "Emergency department visits, not admitted, over time",
        "Visits per 1,000 persons.",
        "ed_visits_per_1000",
    ),
    _over_time(
        "clinic_wait",
        "Wait for a specialist clinic over time",
        "Mean wait in the region, in weeks.",
        "clinic_wait_weeks",
    ),
)

PROGRAMMES = (
    Figure("programme_rounds", "Programmes round by round", rounds.READING, rounds.draw_rounds, rounds.table),
)

FIGURES = (*AIMS, *WINNERS, *SPENDING, *HEALTH, *INCENTIVES, *FLOWS, *EQUITY, *ACCESS, *PROGRAMMES)
