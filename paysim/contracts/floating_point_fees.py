"""Fees in points whose value floats: a fixed budget is divided by all points that providers earn together.

One provider's further service brings points at the present value and lowers the value for all, itself included; among
many providers its own part in that is small. That is the treadmill of a floating point value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats, PaysNothingPerUnit, Working
from paysim.errors import ModelError


@dataclass(frozen=True)
class ServicePoints:
    """Points of one unit of a service."""

    service: str = field(metadata={"names": "services"})
    points: float = field(metadata={"unit": "points per unit"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return self.service


@dataclass(frozen=True)
class FloatingPointFees(PaysNothingPerUnit):
    """Points by service and the budget that they share.

    Attributes
    ----------
    points
        By service; what is not named earns none.
    budget_eur_per_person_year
        Budget for each person-year on any list.
    """

    kind: ClassVar[str] = "floating_point_fees"

    points: tuple[ServicePoints, ...]
    budget_eur_per_person_year: float = field(metadata={"unit": "EUR per person-year"})

    def __post_init__(self) -> None:
        names = [row.service for row in self.points]
        if not names:
            raise ValueError("points need at least one service")
        if len(set(names)) < len(names):
            raise ValueError("a service has points twice")

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros: the period's budget in proportion to points; nothing without points."""
        earned = self._earned(book)
        return np.asarray(earned * self._value(book, earned))

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield points and their value, see `Explained`."""
        earned = self._earned(book)
        yield Working("points earned", earned.sum(axis=1), "points")
        yield Working("points of all practices", float(earned.sum()), "points")
        yield Working("budget of all practices", self._budget(book), "EUR")
        yield Working("value of a point", self._value(book, earned), "EUR per point")

    def _earned(self, book: Book) -> Floats:
        names = book.activity.service_names
        unknown = [row.service for row in self.points if row.service not in names]
        if unknown:
            raise ModelError(f"floating_point_fees: service {unknown[0]!r} is not in the catalogue")
        worth = np.zeros(len(names))
        for row in self.points:
            worth[names.index(row.service)] = row.points
        return np.asarray(book.activity.services @ worth)

    def _budget(self, book: Book) -> float:
        return float(self.budget_eur_per_person_year * book.activity.person_years.sum())

    def _value(self, book: Book, earned: Floats) -> float:
        total = float(earned.sum())
        return self._budget(book) / total if total > 0.0 else 0.0

    def services_covered(self) -> frozenset[str]:
        """Return the services with points: paid out of a budget and not by a price."""
        return frozenset(row.service for row in self.points if row.points > 0.0)
