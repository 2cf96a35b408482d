"""The measures behind ``paysim/outcomes/indicators.csv`` that `paysim.analysis.measures` does not have.

`compare` leaves them out unless it is asked for them; a scorecard shows them.
"""

from __future__ import annotations

from paysim.analysis.measures import Measure, level, rate


def _share(name: str, label: str, unit: str, total: str, per: str, better: int = 0) -> Measure:
    return Measure(name, label, unit, total, per, 100.0, better=better)


def _gap(name: str, label: str, unit: str, total: str, better: int = 0) -> Measure:
    return Measure(name, label, unit, total, per=None, better=better)


_ASCVD, _ADULTS, _ALL = "% of persons with ASCVD", "% of persons 19+", "% of persons"
_WORKED, _CONTACT, _A_WEEK = "% of hours worked", "% of contact hours", "hours a week per 1,000 listed"

INDICATORS: tuple[Measure, ...] = (
    Measure("life_expectancy", "Life expectancy at birth", "years", "life_expectancy", per=None, better=1),
    Measure(
        "quality_adjusted_life_expectancy",
        "Quality-adjusted life expectancy",
        "QALY",
        "quality_adjusted_life_expectancy",
        per=None,
        better=1,
    ),
    Measure("mean_utility", "Mean utility (EQ-5D)", "index", "qalys", better=1),
    Measure(
        "premature_cvd_deaths",
        "Premature cardiovascular deaths",
        "per 100,000 aged 30-69",
        "cardiovascular_deaths_30_69",
        "years_30_69",
        1e5,
        better=-1,
    ),
    _share("multimorbidity", "Two or more chronic diseases", _ALL, "multimorbid", "persons", -1),
    _share("smoking", "Smoking", _ADULTS, "smokers", "adults", -1),
    _share("overweight", "Overweight", _ADULTS, "overweight", "adults", -1),
    _share("obesity", "Obesity", _ADULTS, "obese", "adults", -1),
    Measure(
        "recurrent_ascvd_events",
        "Recurrent ASCVD events",
        "per 1,000 years with ASCVD",
        "ascvd_events",
        "ascvd_years",
        1e3,
        better=-1,
    ),
    _share("ldl_at_target", "LDL at target", _ASCVD, "ascvd_ldl_at_target", "ascvd_persons", 1),
    _share("ldl_at_strict_target", "LDL at ESC target", _ASCVD, "ascvd_ldl_at_strict_target", "ascvd_persons", 1),
    _share("sbp_at_target", "Blood pressure at target", _ASCVD, "ascvd_sbp_at_target", "ascvd_persons", 1),
    _share(
        "sbp_at_strict_target", "Blood pressure at ESC target", _ASCVD, "ascvd_sbp_at_strict_target", "ascvd_persons", 1
    ),
    _share(
        "hba1c_controlled",
        "HbA1c controlled",
        "% of persons with diabetes",
        "diabetes_in_control",
        "diabetes_persons",
        1,
    ),
    _share("statin_in_ascvd", "On a statin with ASCVD", _ASCVD, "ascvd_on_statin", "ascvd_persons", 1),
    _share(
        "antithrombotic_in_ascvd", "On an antiplatelet with ASCVD", _ASCVD, "ascvd_on_antiplatelet", "ascvd_persons", 1
    ),
    Measure(
        "avoidable_admissions",
        "Avoidable admissions (heart failure, COPD)",
        "per 100,000 a year",
        "avoidable_admissions",
        scale=1e5,
        better=-1,
    ),
    _share(
        "cardiac_rehabilitation",
        "Cardiac rehabilitation",
        "% in the first year after infarction",
        "recent_infarctions_rehabilitated",
        "recent_infarctions",
        1,
    ),
    Measure(
        "own_doctor", "GP contacts with one's own doctor", "% of GP contacts", "own_gp_share", None, 100.0, better=1
    ),
    _share("unmet_need", "Unmet need (needs dropped)", "% of needs", "needs_dropped", "needs", -1),
    rate("ed_instead_of_gp", "Emergency visits with needs a GP could have seen", "needs_emergency", -1),
    # Most of these arise while practices are closed: more or fewer of them is neither good nor bad by itself.
    rate("out_of_hours_instead_of_gp", "Out-of-hours contacts, all needs", "out_of_hours_contacts"),
    level("wait_gp_planned_median_days", "Wait for a planned GP contact, median", "days"),
    level("wait_gp_urgent_median_days", "Wait for an urgent GP contact, median", "days"),
    level("wait_gp_urgent_p90_days", "Longest tenth of urgent GP waits, from", "days"),
    level("wait_nurse_median_days", "Wait for a nurse, median", "days"),
    level("wait_nurse_p90_days", "Longest tenth of waits for a nurse, from", "days"),
    level("wait_mental_nurse_median_days", "Wait for a mental-health nurse, median", "days"),
    level("wait_mental_nurse_p90_days", "Longest tenth of waits for a mental-health nurse, from", "days"),
    level("clinic_wait_median_weeks", "Wait for a specialist clinic, median", "weeks"),
    level("clinic_wait_p90_weeks", "Longest tenth of clinic waits, from", "weeks"),
    level("elective_admission_wait_median_weeks", "Wait for a bed after the clinic, median", "weeks"),
    level("elective_admission_wait_p90_weeks", "Longest tenth of waits for a bed, from", "weeks"),
    *(
        Measure(f"{who}_programme_hours_per_1000", label, _A_WEEK, f"{who}_hours_in_programmes", scale=1000.0 / 52)
        for who, label in {
            "gp": "GP hours in programmes",
            "nurse": "Nurse hours in programmes",
            "other": "Hours of others in programmes",
        }.items()
    ),
    _share("gp_overtime", "Overtime of GPs", _WORKED, "gp_overtime_hours", "gp_hours", -1),
    _share("nurse_overtime", "Overtime of nurses", _WORKED, "nurse_overtime_hours", "nurse_hours", -1),
    _share(
        "mental_nurse_overtime",
        "Overtime of mental-health nurses",
        _WORKED,
        "mental_nurse_overtime_hours",
        "mental_nurse_hours",
        -1,
    ),
    Measure("gp_occupancy", "Occupancy of GPs", _CONTACT, "gp_utilisation", per=None, scale=100.0),
    Measure("nurse_occupancy", "Occupancy of nurses", _CONTACT, "nurse_utilisation", per=None, scale=100.0),
    Measure(
        "mental_nurse_occupancy",
        "Occupancy of mental-health nurses",
        _CONTACT,
        "mental_nurse_utilisation",
        per=None,
        scale=100.0,
    ),
    Measure(
        "bed_occupancy", "Occupancy of hospital beds", "% of bed-days", "bed_occupancy_share", per=None, scale=100.0
    ),
    _gap("life_expectancy_slope", "Life expectancy: slope", "years", "life_expectancy_slope_index"),
    _gap(
        "quality_adjusted_life_expectancy_slope",
        "Quality-adjusted life expectancy: slope",
        "QALY",
        "quality_adjusted_life_expectancy_slope_index",
    ),
    _gap(
        "equally_distributed_life_expectancy",
        "Quality-adjusted life expectancy, equally distributed equivalent",
        "QALY",
        "quality_adjusted_life_expectancy_equally_distributed",
        1,
    ),
    _gap("ascvd_slope", "ASCVD: slope", "per 1,000 persons", "standardised_ascvd_prevalence_slope_index"),
    _gap("ldl_at_target_slope", "LDL at target: slope", "percentage points", "standardised_ldl_at_target_slope_index"),
    _gap(
        "avoidable_admissions_slope",
        "Avoidable admissions: slope",
        "per 100,000",
        "standardised_avoidable_admission_rate_slope_index",
    ),
    _gap(
        "avoidable_admissions_relative",
        "Avoidable admissions: relative index",
        "ratio to the mean",
        "standardised_avoidable_admission_rate_relative_index",
    ),
    _gap(
        "spending_concentration",
        "Spending: concentration index",
        "index -1 to 1",
        "standardised_spending_per_head_concentration_index",
    ),
)

GAPS = tuple(each.name for each in INDICATORS if each.name.endswith(("_slope", "_relative", "_concentration")))
"""Indices that are better when nearer to zero, on either side."""
