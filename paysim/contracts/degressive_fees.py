"""Degressive fees: the price falls with the volume per person, and may fall to nothing.

Units per listed person-year are counted over all services of the schedule, by practice and contract year. Up to the
first step they are paid in full, beyond it at the factor of the step; a factor of zero is a cap on volume. Units of a
practice are alike: each is paid the practice's mean price times the mean factor. What is due grows with the year, so
it does not depend on how the year is cut into periods.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats, Working
from paysim.contracts.schedule import Schedule, price_vector, require_unique, scaled_schedule


@dataclass(frozen=True)
class Step:
    """Price factor of the units beyond a volume."""

    beyond_units: float = field(metadata={"unit": "units per listed person-year"})
    factor: float = field(metadata={"unit": "share of the price"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return f"beyond_{self.beyond_units:g}"


@dataclass(frozen=True)
class DegressiveFees:
    """Fees whose price falls with the volume.

    Attributes
    ----------
    schedule
        Full prices by service, or the name of a file of kind ``schedule``.
    steps
        In rising order of volume.
    excludes
        Services of the schedule that are not paid.
    """

    kind: ClassVar[str] = "degressive_fees"
    scalable: ClassVar[bool] = True
    linear: ClassVar[bool] = False
    reads: ClassVar[frozenset[str]] = frozenset()
    payee: ClassVar[str | None] = None

    schedule: Schedule = field(metadata={"file": "schedule"})
    steps: tuple[Step, ...]
    excludes: tuple[str, ...] = field(default=(), metadata={"names": "services"})

    def __post_init__(self) -> None:
        require_unique(self.schedule)
        if not self.steps:
            raise ValueError("steps need at least one; without steps use fee_for_service")
        volumes = [step.beyond_units for step in self.steps]
        if volumes != sorted(set(volumes)):
            raise ValueError("steps must stand in rising order of beyond_units")
        if any(step.factor > 1.0 for step in self.steps):
            raise ValueError("a factor of a step must lie between 0 and 1")

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros: what the year so far owes, less what it owed before the period."""
        return book.growth(self._due)

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield volume, full price and what is due for the year so far, see `Explained`."""
        year = book.to_date()
        units, lived = self._units(year), year.person_years.sum(axis=1)
        due = self._due(year).sum(axis=1)
        full = (year.services @ self.prices_eur(year.service_names)).sum(axis=1)
        yield Working("units of the year so far", units, "units")
        yield Working(
            "units per person-year",
            np.divide(units, lived, out=0.0 * units, where=lived > 0.0),
            "units per person-year",
        )
        yield Working("at full prices", full, "EUR")
        yield Working("mean factor", np.divide(due, full, out=np.ones_like(due), where=full > 0.0), "share")
        yield Working("due for the year so far", due, "EUR")

    def _units(self, activity: Activity) -> Floats:
        return np.asarray(activity.services[:, :, self.prices_eur(activity.service_names) > 0.0].sum(axis=(1, 2)))

    def _due(self, activity: Activity) -> Floats:
        full = activity.services @ self.prices_eur(activity.service_names)
        units = self._units(activity)
        lived = activity.person_years.sum(axis=1)
        bounds = [0.0, *(step.beyond_units for step in self.steps), np.inf]
        factors = [1.0, *(step.factor for step in self.steps)]
        paid = np.zeros(len(units))
        for low, high, factor in zip(bounds[:-1], bounds[1:], factors, strict=True):
            top = np.minimum(units, np.multiply(high, lived, out=np.full_like(lived, np.inf), where=lived > 0.0))
            paid += factor * np.maximum(top - low * lived, 0.0)
        mean = np.divide(paid, units, out=np.ones_like(paid), where=units > 0.0)
        return np.asarray(full * mean[:, None])

    def scaled(self, k: float) -> DegressiveFees:
        """Return the same schedule with prices times `k`."""
        return replace(self, schedule=scaled_schedule(self.schedule, k))

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return the full ``[service]`` prices, before any step."""
        return price_vector(self.schedule, self.excludes, service_names)

    def services_paid(self) -> frozenset[str]:
        """Return the services of the schedule with a price, less the excluded ones."""
        return frozenset(row.service for row in self.schedule if row.price_eur > 0.0) - frozenset(self.excludes)

    def services_covered(self) -> frozenset[str]:
        """Return nothing: fees pay nothing in advance."""
        return frozenset()
