"""Quality of care and health of registers: who has a disease, who is at target or treated, and what befalls them.

Stocks are persons at the turn of the year, added up over years for the horizon, so that a ratio of two is a mean over
years. Definitions: `paysim.engine.facts`; ratios: `paysim.analysis.measures`; which indicator is which:
``indicators.csv``.
"""

from __future__ import annotations

from collections.abc import Iterator

from paysim.outcomes.protocol import Counted, Measure

_UNITS = {
    "ascvd_years": "years",
    "ascvd_events": "events",
    "years_30_69": "years",
    "cardiovascular_deaths_30_69": "deaths",
    "avoidable_admissions": "admissions",
}
_STOCKS = (
    *("persons", "adults", "smokers", "overweight", "obese", "multimorbid", "ascvd_persons"),
    *("ascvd_ldl_at_target", "ascvd_ldl_at_strict_target", "ascvd_sbp_at_target", "ascvd_sbp_at_strict_target"),
    *("ascvd_on_statin", "ascvd_on_antiplatelet", "diabetes_persons", "diabetes_in_control"),
    *("recent_infarctions", "recent_infarctions_rehabilitated"),
)


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield what befell people in a year, and how many are what at its end."""
    for name, unit in _UNITS.items():
        yield Measure(name, unit, counted.column(name))
    for name in _STOCKS:
        yield Measure(name, "persons at the turn of the year", counted.column(name))
