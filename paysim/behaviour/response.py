"""How a practice's expected activity moves with a lever: the model's own derivative, as the provider reckons.

With ``l`` the lever at which the activity was observed and ``l'`` the one considered:

- visit intensity: contacts on the practice's own initiative are a share ``s`` of contacts at base, so all
  contacts, and the referrals they lead to, move by ``(1 - s + s l') / (1 - s + s l)``;
- prevention: programme-years move by ``(l'/l)^e`` up to everybody on the list, planned controls by ``l'/l``
  and with the programme-years, drug years and what is delivered or at target in a register by ``(l'/l)^d``;
- referral: trajectories with their follow-up visits, and planned admissions, move by ``l'/l``; each further referral
  saves GP minutes, part of them a contact that is then neither held nor paid;
- delegation: contacts move one for one between GP and nurse, whose share is the base share times ``l`` up to
  one;
- coding: recorded risk moves by ``l'/l``, and nothing that is done for anybody;
- availability: of contacts with GPs a share at base is for urgent needs that arose out of hours and waited for
  the practice; it moves by ``l'/l``, and what the practice does not do goes to out-of-hours care and to emergency
  departments, as of all who do not wait;
- consultation length: time in contacts with GPs moves by ``l' - l`` of its usual length, and no contact with it.

Believed later savings of prevention and of referral enter no contract yet and are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.segments import SEGMENT_CONDITION
from paysim.behaviour.situation import Floats, ResponseTerms
from paysim.care.catalogue import Services
from paysim.kernel.records import LEVERS

GP_CONTACTS = ("gp_phone", "gp_consult", "gp_long", "gp_visit", "gp_email")
MINUTES_PER_HOUR = 60.0
CONTACTS = (*GP_CONTACTS, "nurse_consult", "nurse_mental")
REFERRALS = ("specialist_trajectory", "specialist_follow_up", "elective_admission")
GP_TIME = (*GP_CONTACTS, "chronic_gp")
"""Contacts whose length is that of consultations with GPs."""

DRUG_YEARS = ("statin_year", "bp_drug_year")


DELIVERED = {
    **dict.fromkeys(("ldl_at_target", "ldl_at_strict_target", "sbp_at_target", "sbp_at_strict_target"), (1, 2)),
    **dict.fromkeys(("statin_use", "antithrombotic_use", "cardiac_rehabilitation"), (1, 2)),
    "hba1c_in_control": (2,),
}
"""Indicators that more prevention raises, as practices expect, and the conditions of the people in them."""


@dataclass(frozen=True, eq=False)
class Response:
    """Activity as it would be with a lever elsewhere.

    Attributes
    ----------
    activity
        Of the same year.
    units
        ``[practice]`` change of what the lever is about: visits, planned controls, referrals, contacts
        handed over, person-years of risk on record, lengths of a consultation.
    gp_minutes
        ``[practice]`` change of GP time that belongs to no service.
    """

    activity: Activity
    units: Floats
    gp_minutes: Floats


class _Cells:
    """The segments of one condition, `lever` at `now` and considered at `new`, all ``[practice, 1]``."""

    def __init__(
        self,
        activity: Activity,
        condition: int,
        now: Floats,
        new: Floats,
        terms: ResponseTerms,
        services: Services,
    ) -> None:
        self.rows = np.flatnonzero(condition == SEGMENT_CONDITION)
        self.services = activity.services[:, self.rows, :].copy()
        self.person_years = activity.person_years[:, self.rows]
        self.programme_years = activity.programme_years[:, self.rows]
        coded = activity.coded_years
        self.coded_years = None if coded is None else coded[:, self.rows]
        self.indicators, self.condition = dict(activity.indicators), condition
        self._everybody = activity.person_years
        self.now, self.new, self.terms = now[:, None], new[:, None], terms
        self.catalogue = services
        self.gp_minutes = np.zeros(now.size)

    @cached_property
    def people(self) -> Floats:
        """``[condition, practice]`` person-years."""
        return np.stack([self._everybody[:, c == SEGMENT_CONDITION].sum(axis=1) for c in range(3)])

    def total(self, names: tuple[str, ...]) -> Floats:
        """Return ``[practice]`` units of some services together."""
        return np.asarray(self.services[:, :, self._at(names)].sum(axis=(1, 2)))

    def by_cell(self, names: tuple[str, ...]) -> Floats:
        """Return ``[practice, cell]`` units of some services together."""
        return np.asarray(self.services[:, :, self._at(names)].sum(axis=2))

    def multiply(self, names: tuple[str, ...], factor: Floats) -> None:
        """Multiply some services by a factor ``[practice, 1]`` or ``[practice, cell]``."""
        self.services[:, :, self._at(names)] *= factor[:, :, None]

    def move(self, source: tuple[str, ...], to: str, wanted: Floats) -> Floats:
        """Move up to `wanted` units ``[practice, cell]``, spread over `source`, and return how many moved.

        Negative units move back.
        """
        columns, target = self._at(source), self.catalogue.index(to)
        held = self.services[:, :, columns]
        there = held.sum(axis=2)
        moved = np.clip(wanted, -self.services[:, :, target], there)
        even = np.zeros_like(held)
        even[:, :, 0] = 1.0  # a cell without any: the first of the sources receives what comes back
        mix = np.divide(held, there[:, :, None], out=even, where=there[:, :, None] > 0.0)
        self.services[:, :, columns] = held - mix * moved[:, :, None]
        self.services[:, :, target] += moved
        return moved

    def remove(self, name: str, units: Floats) -> Floats:
        """Take off up to `units` ``[practice, cell]`` of a service, or add them if negative; return how many."""
        k = self.catalogue.index(name)
        removed = np.minimum(units, self.services[:, :, k])
        self.services[:, :, k] -= removed
        return removed

    def deliver(self, factor: Floats) -> None:
        """Multiply what is delivered to people of this condition, up to all of them, by a factor ``[practice]``."""
        for name, conditions in DELIVERED.items():
            if name in self.indicators and self.condition in conditions:
                above, below = self.indicators[name].T
                people = self.people[list(conditions)].sum(axis=0)
                share = np.divide(self.people[self.condition], people, out=np.zeros_like(people), where=people > 0.0)
                reached = np.minimum(above * (1.0 + share * (factor - 1.0)), np.maximum(above, below))
                self.indicators[name] = np.stack([reached, below], axis=1)

    def _at(self, names: tuple[str, ...]) -> list[int]:
        return [self.catalogue.index(name) for name in names]


def respond(
    activity: Activity,
    lever: int,
    condition: int,
    now: Floats,
    new: Floats,
    terms: ResponseTerms,
    services: Services,
) -> Response:
    """Return the activity expected if each practice moved one lever for one condition from `now` to `new`.

    Parameters
    ----------
    activity
        As observed with the lever at `now`.
    lever, condition
        Positions in `LEVERS` and `CONDITIONS`.
    now, new
        ``[practice]`` values of the lever, above zero.
    terms, services
        How activity responds, and the catalogue of the activity's services.
    """
    cells = _Cells(activity, condition, now, new, terms, services)
    units = _RESPONSES[LEVERS[lever]](cells)
    quantities, programme = activity.services.copy(), activity.programme_years.copy()
    quantities[:, cells.rows, :] = cells.services
    programme[:, cells.rows] = cells.programme_years
    coded = None if activity.coded_years is None else activity.coded_years.copy()
    if coded is not None:
        coded[:, cells.rows] = cells.coded_years
    moved = replace(
        activity, services=quantities, programme_years=programme, coded_years=coded, indicators=cells.indicators
    )
    if LEVERS[lever] == "consultation_length":
        before = 0.0 if activity.longer_hours is None else activity.longer_hours
        moved = replace(moved, longer_hours=before + cells.gp_minutes / MINUTES_PER_HOUR)
    return Response(moved, units, cells.gp_minutes)


def _visit_intensity(cells: _Cells) -> Floats:
    share = cells.terms.follow_up_share
    before = cells.total(CONTACTS)
    factor = (1.0 - share + share * cells.new) / (1.0 - share + share * cells.now)
    cells.multiply(CONTACTS, factor)
    referring = share * cells.terms.follow_up_referral_multiplier
    cells.multiply(REFERRALS, (1.0 - share + referring * cells.new) / (1.0 - share + referring * cells.now))
    return cells.total(CONTACTS) - before


def _prevention(cells: _Cells) -> Floats:
    ratio, terms = cells.new / cells.now, cells.terms
    before = cells.total(("chronic_nurse", "chronic_gp"))
    most = np.maximum(cells.person_years, cells.programme_years)
    enrolled = np.minimum(cells.programme_years * ratio**terms.enrolment_elasticity, most)
    more = np.divide(enrolled, cells.programme_years, out=np.ones_like(enrolled), where=cells.programme_years > 0.0)
    cells.programme_years = enrolled
    cells.multiply(("chronic_nurse", "chronic_gp"), ratio * more)
    cells.multiply(DRUG_YEARS, ratio**terms.treatment_elasticity)
    cells.deliver(ratio[:, 0] ** terms.treatment_elasticity)
    return cells.total(("chronic_nurse", "chronic_gp")) - before


def _referral(cells: _Cells) -> Floats:
    terms, services = cells.terms, cells.catalogue
    before = cells.services[:, :, services.index("specialist_trajectory")].copy()
    cells.multiply(REFERRALS, cells.new / cells.now)
    further = cells.services[:, :, services.index("specialist_trajectory")] - before
    consultation = services.minutes[services.index("gp_consult"), 0]
    saved = further * terms.referral_minutes_saved
    not_held = cells.remove("gp_consult", saved * terms.referral_contact_share / consultation)
    cells.gp_minutes = not_held.sum(axis=1) * consultation - saved.sum(axis=1)
    return np.asarray(further.sum(axis=1))


def _delegation(cells: _Cells) -> Floats:
    terms, services = cells.terms, cells.catalogue
    moves = (
        ("nurse_consult", GP_CONTACTS, terms.base_delegation),
        ("nurse_mental", GP_CONTACTS, terms.base_delegation),
        ("chronic_nurse", ("chronic_gp",), terms.chronic_nurse_share),
    )
    units = np.zeros(cells.now.shape[0])
    for to, source, base in moves:
        share_now, share_new = (np.minimum(base * lever, 1.0) for lever in (cells.now, cells.new))
        wanted = cells.services[:, :, services.index(to)] * (share_new / share_now - 1.0)
        units = units + cells.move(source, to, wanted).sum(axis=1)
    return units


def _coding(cells: _Cells) -> Floats:
    before = cells.coded_years
    if before is None:
        return np.zeros(cells.now.shape[0])
    cells.coded_years = before * (cells.new / cells.now)
    return np.asarray((cells.coded_years - before).sum(axis=1))


def _availability(cells: _Cells) -> Floats:
    terms, share = cells.terms, cells.terms.out_of_hours_share
    held = cells.by_cell(GP_CONTACTS)
    more = held * share * (cells.new - cells.now) / (1.0 - share + share * cells.now)
    cells.multiply(GP_CONTACTS, 1.0 + np.divide(more, held, out=np.zeros_like(held), where=held > 0.0))
    for name, part in (("ooh_contact", terms.refused_out_of_hours), ("ed_visit", terms.refused_emergency)):
        cells.remove(name, more * part)
    return np.asarray(more.sum(axis=1))


def _consultation_length(cells: _Cells) -> Floats:
    catalogue = cells.catalogue
    usual = [cells.total((name,)) * catalogue.minutes[catalogue.index(name), 0] for name in GP_TIME]
    cells.gp_minutes = np.sum(usual, axis=0) * (cells.new - cells.now)[:, 0]
    return np.asarray(cells.gp_minutes / catalogue.minutes[catalogue.index("gp_consult"), 0])


_RESPONSES: dict[str, Callable[[_Cells], Floats]] = {
    "visit_intensity": _visit_intensity,
    "prevention": _prevention,
    "referral": _referral,
    "delegation": _delegation,
    "coding": _coding,
    "availability": _availability,
    "consultation_length": _consultation_length,
}
