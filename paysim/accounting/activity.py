"""What providers did in a period: the only thing a contract may look at.

Quantities are floats because expected activity, on which a provider weighs a little more or less of
something, is
fractional. Everything a contract with linear terms pays is a sum over these three arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from paysim.accounting.segments import SEGMENTS
from paysim.errors import ModelError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Activity:
    """Activity of practices with their own listed people over one period.

    Attributes
    ----------
    service_names, practice_names
        Labels of the last axis of `services` and of the first axis of all arrays.
    services
        ``[practice, segment, service]`` quantity delivered, by any provider, to the practice's people.
    person_years
        ``[practice, segment]`` person-years on the practice's list.
    programme_years
        ``[practice, segment]`` person-years enrolled in a chronic-care programme.
    years
        Length of the period, in years.

    Raises
    ------
    ModelError
        If the arrays do not fit the labels or each other.
    """

    service_names: tuple[str, ...]
    practice_names: tuple[str, ...]
    services: Floats
    person_years: Floats
    programme_years: Floats
    years: float

    def __post_init__(self) -> None:
        cells = (len(self.practice_names), SEGMENTS)
        wanted = {"services": (*cells, len(self.service_names)), "person_years": cells}
        for name, shape in (wanted | {"programme_years": cells}).items():
            if getattr(self, name).shape != shape:
                raise ModelError(f"activity: {name} has shape {getattr(self, name).shape}, expected {shape}")
        if not self.years >= 0.0:
            raise ModelError(f"activity: length of the period is {self.years} years, expected 0 or more")

    @classmethod
    def empty(cls, service_names: Sequence[str], practice_names: Sequence[str], years: float) -> Activity:
        """Return activity of zero over a period of `years`."""
        cells = (len(practice_names), SEGMENTS)
        return cls(
            service_names=tuple(service_names),
            practice_names=tuple(practice_names),
            services=np.zeros((*cells, len(service_names))),
            person_years=np.zeros(cells),
            programme_years=np.zeros(cells),
            years=years,
        )

    def scaled(self, factor: float) -> Activity:
        """Return the same activity at the same pace over a period `factor` times as long."""
        return replace(
            self,
            services=self.services * factor,
            person_years=self.person_years * factor,
            programme_years=self.programme_years * factor,
            years=self.years * factor,
        )

    def plus(self, later: Activity) -> Activity:
        """Return the activity of this period followed by that of `later`, of the same practices."""
        if (self.service_names, self.practice_names) != (later.service_names, later.practice_names):
            raise ModelError("activity: two periods with different services or practices cannot be added")
        return replace(
            self,
            services=self.services + later.services,
            person_years=self.person_years + later.person_years,
            programme_years=self.programme_years + later.programme_years,
            years=self.years + later.years,
        )

    def pooled(self) -> Activity:
        """Return the activity of all practices together, as of one practice called ``all``."""
        return replace(
            self,
            practice_names=("all",),
            services=self.services.sum(axis=0, keepdims=True),
            person_years=self.person_years.sum(axis=0, keepdims=True),
            programme_years=self.programme_years.sum(axis=0, keepdims=True),
        )

    def annualised(self) -> Activity:
        """Return the activity of one year at this period's pace."""
        if not self.years > 0.0:
            raise ModelError("activity: a period of zero years has no yearly pace")
        return replace(self.scaled(1.0 / self.years), years=1.0)
