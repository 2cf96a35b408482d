"""What it costs to run a practice, and what is left of its revenue.

Staff are paid for the year, busy or not; a self-employed GP's own time has a norm cost but is paid from what
remains. The margin is what remains after that norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paysim.care.catalogue import Wages
from paysim.care.rates import Floats
from paysim.parameters import Parameters


@dataclass(frozen=True)
class PracticeCosts:
    """Yearly costs of a practice in euro of 2023.

    Attributes
    ----------
    gp_eur_per_fte, nurse_eur_per_fte, assistant_eur_per_fte
        Labour cost of a full-time equivalent for a year, charges included; for GPs the regulator's norm.
    assistant_fte_per_gp_fte
        Assistants employed for every GP.
    gp_hours_per_fte, staff_hours_per_fte
        Hours worked a year.
    overhead_eur_per_gp_fte, overhead_eur_per_person_year
        Housing, ICT and administration; chain-care overhead and other disciplines by listed person.
    """

    gp_eur_per_fte: float
    nurse_eur_per_fte: float
    assistant_eur_per_fte: float
    assistant_fte_per_gp_fte: float
    gp_hours_per_fte: float
    staff_hours_per_fte: float
    overhead_eur_per_gp_fte: float
    overhead_eur_per_person_year: float

    def wages(self) -> Wages:
        """Return the cost of an hour worked."""
        return Wages(
            gp_eur=self.gp_eur_per_fte / self.gp_hours_per_fte,
            nurse_eur=self.nurse_eur_per_fte / self.staff_hours_per_fte,
            assistant_eur=self.assistant_eur_per_fte / self.staff_hours_per_fte,
        )

    def bills(self, gp_fte: Floats, nurse_fte: Floats, person_years: Floats, years: float = 1.0) -> dict[str, Floats]:
        """Return what practices pay for staff and overhead over a time, materials and the owners' time apart.

        Parameters
        ----------
        gp_fte, nurse_fte, person_years
            ``[P]`` full-time equivalents, and listed person-years over that time.
        years
            Length of the time.

        Returns
        -------
        dict
            nurses, assistants, overhead; ``[P]`` euro.
        """
        return {
            "nurses": nurse_fte * self.nurse_eur_per_fte * years,
            "assistants": gp_fte * self.assistant_fte_per_gp_fte * self.assistant_eur_per_fte * years,
            "overhead": gp_fte * self.overhead_eur_per_gp_fte * years
            + person_years * self.overhead_eur_per_person_year,
        }

    def income_statement(self, revenue_eur: float, persons: float, gp_fte: float, nurse_fte: float) -> dict[str, float]:
        """Return the yearly statement of a practice.

        Parameters
        ----------
        revenue_eur
            All payments received in a year, euro.
        persons
            Listed person-years.

        Returns
        -------
        dict
            revenue, nurses, assistants, overhead, gp_income (before the GP's norm), gp_norm, margin; euro,
            costs positive.
        """
        each = self.bills(np.array([gp_fte]), np.array([nurse_fte]), np.array([persons]))
        bills = {name: float(euros[0]) for name, euros in each.items()}
        income = revenue_eur - sum(bills.values())
        norm = gp_fte * self.gp_eur_per_fte
        return {
            "revenue": revenue_eur,
            **bills,
            "gp_income": income,
            "gp_norm": norm,
            "margin": income - norm,
        }


def practice_costs(params: Parameters) -> PracticeCosts:
    """Return the practice costs of a country."""
    return PracticeCosts(
        gp_eur_per_fte=params["care.gp_labour_eur_per_fte"],
        nurse_eur_per_fte=params["care.nurse_labour_eur_per_fte"],
        assistant_eur_per_fte=params["care.assistant_labour_eur_per_fte"],
        assistant_fte_per_gp_fte=params["care.assistant_fte_per_gp_fte"],
        gp_hours_per_fte=params["care.gp_hours_per_fte_year"],
        staff_hours_per_fte=params["care.staff_hours_per_fte_year"],
        overhead_eur_per_gp_fte=params["care.overhead_eur_per_gp_fte"],
        overhead_eur_per_person_year=params["care.overhead_eur_per_person_year"],
    )
