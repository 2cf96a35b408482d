"""What illness and care cost outside the budget of care, and the cost to society.

    patients' time    contacts x hours x price of an hour, way and waiting included
    travel            visits x (2 x km x price of a km, and parking at a hospital)
    informal care     years lived with disability x hours a year x price of an hour
    lost work         days lost of people of working age x employed share x hours of work a day x price of an hour

Lost work follows the friction-cost method (Koopmanschap and others 1995, J Health Econ 14:171): an absence counts until
the place is filled again, so a death or an absence costs at most the friction period. An admission in which the person
dies is a death and no absence on top of it. The cost to society is the
resource cost of health and long-term care and these four; what actors pay each other is in none of them. Unpaid work
of the ill and lost work before admission or after it beyond the absence are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from paysim.care.catalogue import LONG_TERM_CARE
from paysim.outcomes import spending
from paysim.outcomes.protocol import Counted, Measure
from paysim.parameters import Parameters

GROUP = "society"
TO_PRACTICE = ("gp_consult", "gp_long", "nurse_consult", "nurse_mental", "chronic_nurse", "chronic_gp")
REMOTE = ("gp_phone", "gp_email", "gp_visit")
URGENT = ("ooh_contact", "ed_visit")
_BAND_YEARS = 5


@dataclass(frozen=True)
class SocietyTerms:
    """Hours, distances and prices; names, units and sources in `society.yaml`."""

    patient_eur_per_hour: float
    informal_care_eur_per_hour: float
    work_eur_per_hour: float
    travel_eur_per_km: float
    parking_eur_per_visit: float
    practice_km: float
    hospital_km: float
    practice_visit_hours: float
    remote_contact_hours: float
    hospital_visit_hours: float
    emergency_visit_hours: float
    visits_per_trajectory: float
    informal_care_hours: float
    work_from_age: float
    work_until_age: float
    employed_share: float
    work_hours_per_week: float
    friction_days: float
    infarction_absence_days: float
    stroke_absence_days: float
    admission_absence_days: float

    def at_work(self, bands: int) -> np.ndarray:
        """Return the share of people of each five-year band ``[bands]`` who have paid work."""
        start = np.arange(bands) * _BAND_YEARS
        end = np.minimum(start + _BAND_YEARS, self.work_until_age)
        years = np.clip(end - np.maximum(start, self.work_from_age), 0.0, _BAND_YEARS)
        return np.asarray(years / _BAND_YEARS * self.employed_share)


def society_terms(params: Parameters) -> SocietyTerms:
    """Return the terms from the parameters ``society.<name>``."""
    return SocietyTerms(**{each.name: params[f"{GROUP}.{each.name}"] for each in fields(SocietyTerms)})


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield the four costs outside care, and the cost to society, of the whole region for lost work."""
    terms = counted.society
    if terms is None:
        return
    practice, hospital = counted.sum_of(*TO_PRACTICE), _hospital_visits(counted, terms)
    urgent = counted.sum_of(*URGENT)
    hours = practice * terms.practice_visit_hours + counted.sum_of(*REMOTE) * terms.remote_contact_hours
    hours = hours + hospital * terms.hospital_visit_hours + urgent * terms.emergency_visit_hours
    way = 2.0 * terms.travel_eur_per_km
    travel = practice * way * terms.practice_km
    travel = travel + (hospital + urgent) * (way * terms.hospital_km + terms.parking_eur_per_visit)
    parts = {
        "patient_time_cost": hours * terms.patient_eur_per_hour,
        "travel_cost": travel,
        "informal_care_cost": counted.column("utility_lost")
        * (terms.informal_care_hours * terms.informal_care_eur_per_hour),
    }
    lost = _lost_work(counted, terms)
    costs = {each.name: each.values for each in spending.measures(counted)}
    care = costs["resource_cost_total"] + costs[f"resource_cost_{LONG_TERM_CARE}"]
    for name, euros in parts.items():
        yield Measure(name, "EUR", euros)
    yield Measure("lost_work_cost", "EUR", lost)
    whole = list(counted.dimensions).index("all")
    total = (care + sum(parts.values()))[:, whole : whole + 1] + lost
    yield Measure("societal_cost", "EUR", total, discounted="costs")


def _hospital_visits(counted: Counted, terms: SocietyTerms) -> np.ndarray:
    admitted = counted.sum_of("elective_admission")  # emergencies come by ambulance, and their time is no choice
    return np.asarray(counted.sum_of("specialist_trajectory") * terms.visits_per_trajectory + admitted)


def _lost_work(counted: Counted, terms: SocietyTerms) -> np.ndarray:
    """Return euros of lost work ``[Y, 1]``."""
    cells = replace(counted, groups=counted.arrays["cells"])
    survived = {
        "admission_mi": terms.infarction_absence_days,
        "admission_stroke": terms.stroke_absence_days,
        "admission_other": terms.admission_absence_days,
    }
    absent = cells.column("deaths") * terms.friction_days
    absent = absent + cells.sum_of("elective_admission") * min(terms.admission_absence_days, terms.friction_days)
    for service, length in survived.items():
        absent = absent + (cells.sum_of(service) - cells.column(f"fatal_{service}")) * min(length, terms.friction_days)
    levels = len(counted.dimensions["education"]) * len(counted.dimensions["sex"])
    by_band = absent.reshape(len(absent), levels, -1).sum(axis=1)
    worked = by_band @ terms.at_work(by_band.shape[1])
    return np.asarray(worked * (terms.work_hours_per_week / 7.0 * terms.work_eur_per_hour))[:, None]
