"""The measures that arms are compared on: each a total per head, per 1,000 or as it stands.

The results hold totals, so that they add up; a measure says what to divide by. Spending is what insurers pay,
the part that patients bear themselves included; resource cost is what care takes to deliver. The
two are never added.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paysim.accounting.concentration import TRUNCATED_AT
from paysim.errors import DataError, NotInResults, Problem

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.runs import Run

HORIZON = -1
"""Period of the results that stands for the whole horizon."""

ORIGIN = "origin"
"""Dimension of the results: the practice on whose list people were when the arms forked."""
KEYS = ["arm", "draw", "replicate", "period", "group"]
SECTORS = {
    "general_practice": "General practice",
    "out_of_hours": "Out-of-hours care",
    "hospital": "Hospital",
    "pharmacy": "Pharmacy",
    "mental_health": "Mental health care",
    "district_nursing": "District nursing",
    "other_care": "Other care",
    "programmes": "Programmes",
    "organisations": "Organisations (grants, savings)",
}

_WEEKS_PER_YEAR = 52
_MILLIONTH = 1e-6
PER_HEAD = "EUR per head per year"
MARGIN_PER_GP = "practice_margin_per_gp_fte"
"""What is left for the owners per full-time GP whom practices really have, mean of years: nowhere per norm list."""
WHOLE_REGION = "in the whole region over the horizon"
_PER_1000_YEARS = "per 1,000 person-years"


@dataclass(frozen=True)
class Measure:
    """How a measure is made from totals.

    Attributes
    ----------
    name, label, unit
        Its name in code, in words, and what one unit is.
    total
        Measure of the results that is the numerator.
    per
        Measure of the results to divide by; None leaves the total, or a level such as a wait, as it is.
    scale
        Factor of the quotient.
    fixed
        True when arms are divided by the same person-years, those of the arm compared with: money, health and events.
        What happens in the life that an arm adds then counts; divided by its own person-years it would not, and
        differences would not be in the ratio of those of the totals.
    summed
        True when `total` is shown as a sum over people, False for rates and levels.
    better
        1 when more is better for patients or the named actor, -1 when less is, 0 when neither is plain.
    """

    name: str
    label: str
    unit: str
    total: str
    per: str | None = "person_years"
    scale: float = 1.0
    fixed: bool = False
    summed: bool = False
    better: int = 0

    def of(self, frame: pd.DataFrame) -> pd.Series[float]:
        """Return the measure for each row of a table made by `wide`."""
        top = frame[self.total]
        if self.per is None:
            return top * self.scale
        below = frame[self.per]
        return (top / below.where(below > 0)) * self.scale

    def against(self, baseline: pd.DataFrame, frame: pd.DataFrame) -> pd.Series[float]:
        """Return the measure for each row of an arm, `baseline` being the same rows of the arm it is compared with."""
        if self.fixed and self.per is not None:
            frame = frame.assign(**{self.per: baseline[self.per]})
        return self.of(frame)

    def held_by(self, frame: pd.DataFrame) -> bool:
        """Tell whether the table has what the measure needs."""
        return self.total in frame.columns and (self.per is None or self.per in frame.columns)


def level(name: str, label: str, unit: str) -> Measure:
    """Return a level that is better when lower, such as a wait."""
    return Measure(name, label, unit, name, per=None, better=-1)


def rate(name: str, label: str, total: str, better: int = 0) -> Measure:
    """Return a rate per 1,000 person-years."""
    return Measure(name, label, _PER_1000_YEARS, total, scale=1000.0, fixed=True, better=better)


def _money(name: str, label: str, total: str, better: int = 0) -> Measure:
    return Measure(name, label, PER_HEAD, total, fixed=True, better=better)


def _health(name: str, label: str, total: str, better: int) -> Measure:
    return Measure(name, label, "per 1,000 persons per year", total, scale=1000.0, fixed=True, better=better)


def _total(name: str, label: str, unit: str, scale: float, better: int) -> Measure:
    label = f"{label}, discounted, whole horizon"
    return Measure(name, label, unit, name, per=None, scale=scale, summed=True, better=better)


def _count(name: str, label: str, total: str) -> Measure:
    return Measure(name, label, WHOLE_REGION, total, per=None, summed=True, better=-1)


MEASURES: tuple[Measure, ...] = (
    _money("spending_per_head", "Spending", "spending_total", -1),
    *(
        _money(f"spending_{sector}_per_head", f"Spending: {title.lower()}", f"spending_{sector}")
        for sector, title in SECTORS.items()
    ),
    _money(
        "care_payments_per_head",
        "Payments for care, without shared savings and what organisations are paid",
        "care_payments",
        -1,
    ),
    Measure(
        "pooled_payments_per_head",
        "Paid on one sum of the whole region (savings, losses)",
        PER_HEAD,
        "paid_on_pooled_sum",
        fixed=True,
    ),
    _money("resource_cost_per_head", "Resource cost", "resource_cost_total", -1),
    _money("insurer_payments_per_head", "Insurers' own payments", "insurer_payments", -1),
    _money("others_payments_per_head", "Payments of others than insurers", "payments_by_others", -1),
    _money("patient_payments_per_head", "Patients' payments", "patient_payments", -1),
    Measure(
        "practice_margin_per_1000",
        "Practice margin (left for the owners before their own pay)",
        "EUR per 1,000 listed per year",
        "practice_margin",
        scale=1000.0,
        better=1,
    ),
    Measure(
        MARGIN_PER_GP,
        "Practice margin per full-time GP",
        "EUR per full-time GP per year",
        MARGIN_PER_GP,
        per=None,
        better=1,
    ),
    Measure(
        "organisations_net_per_head",
        "Organisations: received less paid",
        PER_HEAD,
        "organisations_net",
        fixed=True,
        better=1,
    ),
    Measure(
        "organisations_result_per_head",
        "Organisations: left after sharing out and running costs",
        PER_HEAD,
        "organisations_result",
        fixed=True,
        better=1,
    ),
    Measure("practice_margin_per_head", "Practice margin", PER_HEAD, "practice_margin", better=1),
    Measure("practice_revenue_per_head", "Practice revenue", PER_HEAD, "practice_revenue"),
    Measure("practice_costs_per_head", "Practice costs", PER_HEAD, "practice_costs"),
    _health("qalys_per_1000", "QALYs", "qalys", 1),
    _health("life_years_per_1000", "Life years", "life_years", 1),
    _health("healthy_life_years_per_1000", "Life years without a chronic condition", "healthy_life_years", 1),
    _health("dalys_per_1000", "Disability-adjusted life years lost", "dalys", -1),
    _count("deaths_in_region", "Deaths", "deaths"),
    _count("mi_admissions_in_region", "Infarctions admitted", "mi_admissions"),
    _count("stroke_admissions_in_region", "Strokes admitted", "stroke_admissions"),
    rate("deaths_per_1000", "Deaths", "deaths", -1),
    rate("mi_admissions_per_1000", "Admissions for myocardial infarction", "mi_admissions", -1),
    rate("stroke_admissions_per_1000", "Admissions for stroke", "stroke_admissions", -1),
    rate("other_emergencies_per_1000", "Other emergency admissions", "other_emergency_admissions", -1),
    rate("elective_admissions_per_1000", "Elective admissions", "elective_admissions"),
    Measure("gp_contacts_per_head", "GP contacts", "per head per year", "gp_contacts"),
    Measure("nurse_contacts_per_head", "Nurse contacts", "per head per year", "nurse_contacts"),
    Measure("chronic_controls_per_head", "Chronic-care controls", "per head per year", "chronic_controls"),
    rate("specialist_trajectories_per_1000", "Specialist trajectories", "specialist_trajectories"),
    rate("ed_visits_per_1000", "Emergency department visits, not admitted", "ed_visits"),
    rate("out_of_hours_per_1000", "Out-of-hours contacts", "out_of_hours_contacts"),
    Measure("statin_years_per_100", "On a statin", "per 100 persons", "statin_years", scale=100.0),
    Measure("bp_drug_years_per_100", "Blood-pressure drugs", "per 100 persons", "bp_drug_years", scale=100.0),
    Measure(
        "programme_years_per_100",
        "In a chronic-care programme",
        "per 100 persons",
        "programme_years",
        scale=100.0,
    ),
    Measure(
        "gp_hours_per_1000",
        "GP hours",
        "hours a week per 1,000 listed",
        "gp_hours",
        scale=1000.0 / _WEEKS_PER_YEAR,
    ),
    Measure(
        "nurse_hours_per_1000",
        "Nurse hours",
        "hours a week per 1,000 listed",
        "nurse_hours",
        scale=1000.0 / _WEEKS_PER_YEAR,
    ),
    Measure(
        "mental_nurse_hours_per_1000",
        "Mental-health nurse hours",
        "hours a week per 1,000 listed",
        "mental_nurse_hours",
        scale=1000.0 / _WEEKS_PER_YEAR,
    ),
    level("wait_gp_planned_days", "Wait for a planned GP contact", "days"),
    level("wait_gp_urgent_days", "Wait for an urgent GP contact", "days"),
    level("wait_nurse_days", "Wait for a nurse", "days"),
    level("wait_mental_nurse_days", "Wait for a mental-health nurse", "days"),
    level("wait_gp_planned_p90_days", "Longest tenth of planned GP waits, from", "days"),
    level("clinic_wait_weeks", "Wait for a specialist clinic", "weeks"),
    Measure(
        "needs_dropped_per_1000",
        "Needs dropped",
        "per 1,000 needs",
        "needs_dropped",
        "needs",
        1000.0,
        better=-1,
    ),
    _total("spending_total_discounted", "Spending", "million EUR", _MILLIONTH, -1),
    _total("resource_cost_total_discounted", "Resource cost", "million EUR", _MILLIONTH, -1),
    _total("qalys_discounted", "QALYs", "QALYs", 1.0, 1),
)

_PAID, _EARNED = "paid_on_pooled_sum", "practice_revenue_on_pooled_sum"
ON_ONE_SUM = {
    **dict.fromkeys(("spending_total", "spending_total_discounted", "spending_organisations", _PAID), _PAID),
    **dict.fromkeys(("insurer_payments", "payments_by_others"), _PAID),
    **dict.fromkeys(("organisations_net", "organisations_result"), _PAID),
    **dict.fromkeys(("practice_margin", "practice_revenue", MARGIN_PER_GP), _EARNED),
}
"""Totals that hold what is paid on one sum of the whole region, and the measure of the results that says how much."""

VERDICT = (
    "spending_per_head",
    "resource_cost_per_head",
    "patient_payments_per_head",
    "practice_margin_per_1000",
    MARGIN_PER_GP,
    "qalys_per_1000",
    "deaths_in_region",
    "mi_admissions_in_region",
    "stroke_admissions_in_region",
    "wait_gp_planned_days",
)
"""The few numbers that a reader sees first: what is paid, what care costs, who bears it, and health."""


TRUNCATED: tuple[Measure, ...] = tuple(
    _money(
        f"care_payments_below_{euro}_per_head",
        f"Payments for care, of each person and year up to EUR {euro:,}",
        f"care_payments_below_{euro}",
        -1,
    )
    for euro in TRUNCATED_AT
)
"""Known by their names and in no table by default: payments that savings may be measured on."""


PROGRAMME_REVENUE = Measure(
    "programme_revenue_per_head", "What programmes pay practices", PER_HEAD, "practice_revenue_programmes"
)
SHARED_OUT = Measure(
    "shared_out_per_head", "What organisations share out to practices", PER_HEAD, "practice_revenue_distribution"
)
"""Known by their names and in no table by default: where the money of practices comes from."""


def measure(name: str) -> Measure:
    """Return the measure called `name`.

    Raises
    ------
    DataError
        If there is none, with the nearest name.
    """
    from paysim.analysis.indicators import INDICATORS
    from paysim.errors import nearest_name

    known = {each.name: each for each in (*MEASURES, *TRUNCATED, PROGRAMME_REVENUE, SHARED_OUT, *INDICATORS)}
    if name not in known:
        near = nearest_name(name, known)
        raise DataError(Problem("unknown measure", found=name, allowed=tuple(known), nearest=near))
    return known[name]


def wide(source: Run | pd.DataFrame, dimension: str = "all") -> pd.DataFrame:
    """Return one dimension of the results with a column per measure.

    Parameters
    ----------
    source
        A run, or its tidy results.
    dimension
        Such as ``all``, ``practice`` or ``education``.

    Returns
    -------
    DataFrame
        Indexed by `KEYS`; period `HORIZON` is the whole horizon. ``insurer_payments`` is added: spending less
        what patients bear and what others than insurers pay for programmes. For all, by practice, and by origin of
        arms without shared savings of practices also ``care_payments``: spending without shared savings and what
        organisations are paid, which is what savings are measured on; and that truncated, without what lies above a
        threshold of single persons' years (`TRUNCATED`).

    Raises
    ------
    NotInResults
        If the results have no such dimension.
    DataError
        If they give a value twice.
    """
    import pandas as pd

    if not isinstance(source, pd.DataFrame):
        return source.wide(dimension)
    part = source[source["dimension"] == dimension]
    if part.empty:
        found = tuple(sorted(str(name) for name in source["dimension"].unique()))
        raise NotInResults(Problem("results have no such dimension", found=dimension, allowed=found))
    if part.duplicated([*KEYS, "measure"]).any():
        raise DataError(Problem(f"results give a value twice in dimension {dimension}", file="results"))
    keyed = part.astype(dict.fromkeys(("arm", "group", "measure"), str))
    frame = keyed.pivot(index=KEYS, columns="measure", values="value").sort_index()
    if {"spending_total", "patient_payments"} <= set(frame.columns):
        others = frame.get("payments_by_others", 0.0)  # municipalities, government
        frame["insurer_payments"] = frame["spending_total"] - frame["patient_payments"] - others
    savings = (
        _shared_savings(source, frame, dimension)
        if {"spending_total", "spending_organisations"} <= set(frame.columns)
        else None
    )
    if savings is not None:
        frame["care_payments"] = frame["spending_total"] - frame["spending_organisations"] - savings
        for euro in (each for each in TRUNCATED_AT if f"payments_above_{each}" in frame):
            frame[f"care_payments_below_{euro}"] = frame["care_payments"] - frame[f"payments_above_{euro}"]
    frame.columns.name = None
    return frame


def _shared_savings(source: pd.DataFrame, frame: pd.DataFrame, dimension: str) -> pd.Series[float] | float | None:
    """Return what practices earn as shared savings, row by row; None where that is not known.

    What practices earn is known for all and by practice only, and by kind only of kinds that some arm has. By the
    practice of people's origin it is known of arms in which nobody earns any: of these the difference in payments for
    care is that in spending, and has its interval. Of the others it is missing.
    """
    import pandas as pd

    if "practice_revenue" in frame.columns:
        return frame.get("practice_revenue_shared_savings", 0.0)
    if dimension != ORIGIN:
        return None
    paid = source[(source["measure"] == "practice_revenue_shared_savings") & (source["value"] != 0.0)]
    earn = frame.index.get_level_values("arm").isin(set(paid["arm"].astype(str)))
    return None if earn.all() else pd.Series(0.0, frame.index).mask(earn)


def totals_of(measures: Iterable[Measure]) -> set[str]:
    """Return the measures of the results that `wide` needs to hold these."""
    made_of = {"person_years", "spending_total", "spending_organisations", "patient_payments", "payments_by_others"}
    made_of |= {
        "practice_revenue",
        "practice_revenue_shared_savings",
        *(f"payments_above_{each}" for each in TRUNCATED_AT),
    }
    return made_of | {name for each in measures for name in (each.total, each.per) if name is not None}


def horizon(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table made by `wide` that stand for the whole horizon, without their period.

    Raises
    ------
    NotInResults
        If there are none.
    """
    whole = frame[frame.index.get_level_values("period") == HORIZON]
    if whole.empty:
        raise NotInResults(Problem(f"results have no whole horizon (period {HORIZON})", file="results"))
    return whole.droplevel("period")


def paired(what: Measure, here: pd.DataFrame, there: pd.DataFrame) -> tuple[pd.Series[float], pd.Series[float]]:
    """Return a measure of an arm and of the arm compared with, row by row.

    Parameters
    ----------
    what
        The measure; when it is `fixed`, both arms are divided by the person-years of the second.
    here, there
        Rows of a table made by `wide`, of one arm each, without the arm in their index.
    """
    return what.against(there, here.reindex(there.index)), what.of(there)


def added_up(what: Measure, frame: pd.DataFrame, weight: str, by: list[str]) -> pd.DataFrame:
    """Return what a measure needs for groups of rows together: totals added up, levels weighed by a column.

    Parameters
    ----------
    frame
        Rows with the columns that the measure needs, `weight` among them.
    by
        Levels of the index that stay.
    """
    is_level = what.per is None and not what.summed
    table = frame[list(dict.fromkeys([what.total, *([what.per] if what.per else []), weight]))].copy()
    if is_level:
        table[what.total] *= table[weight]
    whole = table.groupby(level=by, sort=False).sum()
    if is_level:
        whole[what.total] /= whole[weight]
    return whole


def by_arm(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of each arm, without the arm in their index."""
    return {str(arm): part.droplevel("arm") for arm, part in frame.groupby(level="arm", sort=False)}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as dictionaries."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
