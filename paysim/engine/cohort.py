"""What part of the region's care the people of a closed cohort are, as they grow old and die.

Nobody is born or comes to a closed cohort, but the region goes on: others use the care that the cohort no longer asks
for. So the cohort keeps its share of it. A share is what those alive ask for at their sex and age, by the rates of the
data year, over what everybody asked for at the fork. Practices give that share of working time and of fixed costs; what
the others ask for fills their books, the clinics and the beds. A share above 1 (people grow old before they die) brings
that much more care: access and cost per head are those of people of their age today.
"""

from __future__ import annotations

import numpy as np

from paysim.diseases.ages import TEN_YEARS
from paysim.engine.model import Model
from paysim.kernel.records import State
from paysim.kernel.spec import AGES

CONTACTS, REFERRALS, ADMISSIONS, HOMES = "contacts", "referrals", "admissions", "homes"
"""Of which there is a share: contacts with the practice, referrals, emergency admissions, places in nursing homes."""


class ClosedCohort:
    """The shares of one arm's people; made at the fork."""

    def __init__(self, model: Model, state: State) -> None:
        self.state, care = state, model.care
        self.rates = {
            CONTACTS: care.rates.gp_contacts,
            REFERRALS: care.rates.gp_contacts * care.access.referral_probability,
            ADMISSIONS: care.rates.emergency_other,
            HOMES: _living_in_homes(model),
        }
        self.at_fork = self._asked()

    def shares(self) -> dict[str, float]:
        """Return what is asked for now over what was asked for at the fork; 1 of what nobody asked for then."""
        now = self._asked()
        return {name: now[name] / fork if fork > 0.0 else 1.0 for name, fork in self.at_fork.items()}

    def _asked(self) -> dict[str, float]:
        people = self.state.people[self.state.people["alive"] == 1]
        cells = people["sex"].astype(np.int64) * AGES + people["age"]
        here = np.bincount(cells, minlength=2 * AGES).reshape(2, AGES)
        return {name: float((here * rate).sum()) for name, rate in self.rates.items()}


def _living_in_homes(model: Model) -> np.ndarray:
    """Return the share of people in nursing homes ``[2, 111]`` by bands of ten years, of the people at base."""
    persons = TEN_YEARS.sums(model.cohort.by_age())
    inside = TEN_YEARS.sums(model.cohort.by_age(model.cohort.has("nursing_home")))
    return TEN_YEARS.spread(np.divide(inside, persons, out=np.zeros_like(inside), where=persons > 0))
