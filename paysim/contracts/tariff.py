"""Tariffs outside general practice: regulated prices per unit, paid to a sector of the region.

The arithmetic of fee for service with another payee: the hospital, pharmacies and so on, who treat the people
of every practice. Payments are still reckoned per practice list and segment, because the people are theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats
from paysim.contracts.schedule import Schedule, price_vector, require_unique, scaled_schedule

Sector = Literal[
    "hospital",
    "out_of_hours",
    "pharmacy",
    "mental_health",
    "district_nursing",
    "other_care",
    "long_term_care",
]


@dataclass(frozen=True)
class Tariff:
    """Prices per unit, paid to `sector`.

    Attributes
    ----------
    sector
        Actor that delivers the services and is paid for them.
    schedule
        Prices by service, or the name of a file of kind ``schedule``.
    except_services
        Services of the schedule that these terms do not pay, because others do.
    """

    kind: ClassVar[str] = "tariff"
    scalable: ClassVar[bool] = True
    linear: ClassVar[bool] = True
    reads: ClassVar[frozenset[str]] = frozenset()

    sector: Sector
    schedule: Schedule = field(metadata={"file": "schedule"})
    except_services: tuple[str, ...] = field(default=(), metadata={"names": "services"})

    def __post_init__(self) -> None:
        require_unique(self.schedule)
        unknown = sorted(set(self.except_services) - {row.service for row in self.schedule})
        if unknown:
            raise ValueError(f"except_services names what the schedule has no price of: {', '.join(unknown)}")

    @property
    def payee(self) -> str:
        """The sector."""
        return self.sector

    @property
    def _paid(self) -> Schedule:
        return tuple(row for row in self.schedule if row.service not in self.except_services)

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros for the services used by each practice's people."""
        return book.activity.services @ self.prices_eur(book.activity.service_names)

    def scaled(self, k: float) -> Tariff:
        """Return the same tariff with prices times `k`."""
        return replace(self, schedule=scaled_schedule(self.schedule, k))

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return the ``[service]`` prices."""
        return price_vector(self._paid, (), service_names)

    def services_paid(self) -> frozenset[str]:
        """Return the services with a price."""
        return frozenset(row.service for row in self._paid if row.price_eur > 0.0)

    def services_covered(self) -> frozenset[str]:
        """Return nothing: a tariff pays nothing in advance."""
        return frozenset()
