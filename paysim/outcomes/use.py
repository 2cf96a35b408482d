"""Use of care: contacts, visits and admissions."""

from __future__ import annotations

from collections.abc import Iterator

from paysim.outcomes.protocol import Counted, Measure

_USE = {
    "gp_contacts": ("contacts", ("gp_phone", "gp_consult", "gp_long", "gp_visit", "gp_email")),
    "nurse_contacts": ("contacts", ("nurse_consult", "nurse_mental")),
    "telephone_contacts": ("contacts", ("gp_phone",)),
    "email_contacts": ("contacts", ("gp_email",)),
    "practice_consultations": ("contacts", ("gp_consult", "gp_long")),
    "home_visits": ("contacts", ("gp_visit",)),
    "mental_nurse_contacts": ("contacts", ("nurse_mental",)),
    "chronic_controls": ("contacts", ("chronic_nurse", "chronic_gp")),
    "out_of_hours_contacts": ("contacts", ("ooh_contact",)),
    "ed_visits": ("visits", ("ed_visit",)),
    "specialist_trajectories": ("trajectories", ("specialist_trajectory",)),
    "elective_admissions": ("admissions", ("elective_admission",)),
    "other_emergency_admissions": ("admissions", ("admission_other",)),
    "specialist_follow_ups": ("visits", ("specialist_follow_up",)),
}

_APART = {
    "specialist_tests": ("tests", "clinic_tests"),
    "hours_of_care_at_home": ("hours", "hours_of_home_care"),
}


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield the number of contacts, visits and admissions."""
    for name, (unit, services) in _USE.items():
        yield Measure(name, unit, counted.sum_of(*services))
    for name, (unit, column) in _APART.items():
        yield Measure(name, unit, counted.column(column))
