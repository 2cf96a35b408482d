"""Fee for service: a price for every unit delivered.

Payment = sum over services of quantity x price. The provider's marginal revenue of one more contact is its
fee.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats
from paysim.contracts.schedule import Schedule, price_vector, require_unique, scaled_schedule


@dataclass(frozen=True)
class FeeForService:
    """Fees of a schedule, paid to the contract's providers.

    Attributes
    ----------
    schedule
        Prices by service, or the name of a file of kind ``schedule``.
    excludes
        Services of the schedule that this contract pays in another way, and so not by the unit.
    """

    kind: ClassVar[str] = "fee_for_service"
    scalable: ClassVar[bool] = True
    linear: ClassVar[bool] = True
    reads: ClassVar[frozenset[str]] = frozenset()
    payee: ClassVar[str | None] = None

    schedule: Schedule = field(metadata={"file": "schedule"})
    excludes: tuple[str, ...] = field(default=(), metadata={"names": "services"})

    def __post_init__(self) -> None:
        require_unique(self.schedule)

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros: quantities times prices."""
        return book.activity.services @ self.prices_eur(book.activity.service_names)

    def scaled(self, k: float) -> FeeForService:
        """Return the same schedule with prices times `k`."""
        return replace(self, schedule=scaled_schedule(self.schedule, k))

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return the ``[service]`` prices."""
        return price_vector(self.schedule, self.excludes, service_names)

    def services_paid(self) -> frozenset[str]:
        """Return the services of the schedule with a price, less the excluded ones."""
        return frozenset(row.service for row in self.schedule if row.price_eur > 0.0) - frozenset(self.excludes)

    def services_covered(self) -> frozenset[str]:
        """Return nothing: fees pay nothing in advance."""
        return frozenset()
