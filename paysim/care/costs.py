"""What it costs to run a practice, and what is left of its revenue.

Staff are paid for the year, busy or not; a self-employed GP's own time has a norm cost but is paid from what
remains. The margin is what remains after that norm. Costs are fixed (of being a practice), step-fixed (rooms, of which
there are whole ones), by working time, by listed person, and by use (material).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paysim.care.catalogue import Wages
from paysim.care.rates import Floats
from paysim.parameters import Parameters

BILLS = ("nurses", "mental_nurses", "assistants", "housing", "administration", "overhead", "material")
"""What practices pay for, their owners' own time apart."""
STAFF_BILLS = ("nurses", "mental_nurses", "assistants")
_ROUNDING = 1e-9


@dataclass(frozen=True)
class NurseYear:
    """Hours of a full-time nurse in a year.

    Attributes
    ----------
    paid
        That she works and is paid for.
    with_patients
        Of these, with patients, the book being full.
    """

    paid: float
    with_patients: float

    @property
    def share_with_patients(self) -> float:
        """Share of the hours that are paid for; 1 where nurses see nobody, so that nothing is divided by it."""
        return self.with_patients / self.paid if self.with_patients > 0.0 else 1.0


@dataclass(frozen=True)
class PracticeCosts:
    """Yearly costs of a practice in euro of 2023.

    Attributes
    ----------
    gp_eur_per_fte, nurse_eur_per_fte, mental_nurse_eur_per_fte, assistant_eur_per_fte
        Labour cost of a full-time equivalent for a year, charges included; for GPs the regulator's norm.
    assistant_fte_per_gp_fte
        Assistants employed for every GP.
    gp_hours_per_fte, staff_hours_per_fte
        Hours worked a year.
    administration_eur
        Of every practice at work, whatever its size: records system, administration, insurance.
    room_eur
        Of a consulting room; GPs, and nurses together, have as many as their working time needs, in whole rooms.
    overhead_eur_per_gp_fte
        Replacement, training, duty and equipment.
    overhead_eur_per_person_year
        Chain-care overhead and other disciplines, by listed person.
    """

    gp_eur_per_fte: float
    nurse_eur_per_fte: float
    mental_nurse_eur_per_fte: float
    assistant_eur_per_fte: float
    assistant_fte_per_gp_fte: float
    gp_hours_per_fte: float
    staff_hours_per_fte: float
    administration_eur: float
    room_eur: float
    overhead_eur_per_gp_fte: float
    overhead_eur_per_person_year: float

    def wages(self) -> Wages:
        """Return the cost of an hour worked."""
        return Wages(
            gp_eur=self.gp_eur_per_fte / self.gp_hours_per_fte,
            nurse_eur=self.nurse_eur_per_fte / self.staff_hours_per_fte,
            mental_nurse_eur=self.mental_nurse_eur_per_fte / self.staff_hours_per_fte,
            assistant_eur=self.assistant_eur_per_fte / self.staff_hours_per_fte,
        )

    def nurse_year(self, contact_hours: float) -> NurseYear:
        """Return the hours of a full-time nurse, of which so many a year are with patients."""
        return NurseYear(self.staff_hours_per_fte, contact_hours)

    def bills(
        self, fte: Floats, person_years: Floats, years: float = 1.0, share: Floats | float = 1.0
    ) -> dict[str, Floats]:
        """Return what practices pay for staff and overhead over a time, materials and the owners' time apart.

        Parameters
        ----------
        fte
            ``[P, 3]`` full-time equivalents of GPs, of nurses for somatic care and of nurses for mental health.
        person_years
            ``[P]`` listed person-years over that time.
        years
            Length of the time.
        share
            ``[P]`` of the practice that is for the people simulated: `fte` is theirs, rooms and administration are
            divided.

        Returns
        -------
        dict
            ``[P]`` euro by each of `BILLS` but material.
        """
        gp_fte, nurse_fte, mental_fte = fte.T
        gps, nurses = gp_fte / share, (nurse_fte + mental_fte) / share
        rooms = (np.ceil(gps - _ROUNDING) + np.ceil(nurses - _ROUNDING)) * share
        return {
            "nurses": nurse_fte * self.nurse_eur_per_fte * years,
            "mental_nurses": mental_fte * self.mental_nurse_eur_per_fte * years,
            "assistants": gp_fte * self.assistant_fte_per_gp_fte * self.assistant_eur_per_fte * years,
            "housing": rooms * self.room_eur * years,
            "administration": np.where(gp_fte > 0.0, self.administration_eur * years, 0.0) * share,
            "overhead": gp_fte * self.overhead_eur_per_gp_fte * years
            + person_years * self.overhead_eur_per_person_year,
        }

    def idle_staff_eur(
        self, fte: Floats, hours: Floats, years: float = 1.0, further_gp_hours: Floats | float = 0.0
    ) -> Floats:
        """Return what time costs that is worked but not spent on contacts, the owners' at its norm: ``[P]`` euro.

        Parameters
        ----------
        fte
            ``[P, 3]`` full-time equivalents as in `bills`.
        hours
            ``[P, 4]`` with and for patients over that time, in the order of `catalogue.STAFF`. Who spends more on them
            than is worked has no idle time.
        further_gp_hours
            ``[P]`` hours that GPs work over that time beyond those of `fte`; negative where they work less. They are
            paid by nobody, and a cost all the same.
        """
        every = np.column_stack([fte, fte[:, 0] * self.assistant_fte_per_gp_fte])
        each = np.array([self.gp_hours_per_fte, *[self.staff_hours_per_fte] * 3]) * years
        worked = every * each
        worked[:, 0] += further_gp_hours
        wages = self.wages().per_minute() * 60.0
        return np.asarray(np.maximum(worked - hours, 0.0) @ wages)


def practice_costs(params: Parameters) -> PracticeCosts:
    """Return the practice costs of a country."""
    return PracticeCosts(
        gp_eur_per_fte=params["care.gp_labour_eur_per_fte"],
        nurse_eur_per_fte=params["care.nurse_labour_eur_per_fte"],
        mental_nurse_eur_per_fte=params["care.mental_nurse_labour_eur_per_fte"],
        assistant_eur_per_fte=params["care.assistant_labour_eur_per_fte"],
        assistant_fte_per_gp_fte=params["care.assistant_fte_per_gp_fte"],
        gp_hours_per_fte=params["care.gp_hours_per_fte_year"],
        staff_hours_per_fte=params["care.staff_hours_per_fte_year"],
        administration_eur=params["care.administration_eur_per_practice"],
        room_eur=params["care.room_eur"],
        overhead_eur_per_gp_fte=params["care.overhead_eur_per_gp_fte"],
        overhead_eur_per_person_year=params["care.overhead_eur_per_person_year"],
    )
