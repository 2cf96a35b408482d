"""Health: person-years, QALYs, deaths, events and treatment."""

from __future__ import annotations

from collections.abc import Iterator

from paysim.outcomes.protocol import Counted, Measure

_MIGRANTS = (("arrivals", "persons"), ("departures", "persons"))


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield person-years, QALYs, deaths (and those the life table expects), births, migrants, events, treatment."""
    yield Measure("person_years", "years", counted.column("person_years"), discounted="effects")
    yield Measure("qalys", "QALY", counted.column("qalys"), discounted="effects")
    for name, unit in (("deaths", "deaths"), ("expected_deaths", "deaths"), ("births", "births"), *_MIGRANTS):
        yield Measure(name, unit, counted.column(name))
    yield Measure("mi_admissions", "admissions", counted.sum_of("admission_mi"))
    yield Measure("stroke_admissions", "admissions", counted.sum_of("admission_stroke"))
    yield Measure("statin_years", "years", counted.sum_of("statin_year"))
    yield Measure("bp_drug_years", "years", counted.sum_of("bp_drug_year"))
    yield Measure("programme_years", "years", counted.column("programme_years"))
