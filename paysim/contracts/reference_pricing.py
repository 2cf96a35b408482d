"""Reference pricing: the payer pays a service up to a reference; what its price is above, patients pay themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats
from paysim.contracts.schedule import require_known
from paysim.contracts.tariff import Sector


@dataclass(frozen=True)
class Reference:
    """Price of a unit of a service, and what the payer pays of it at most."""

    service: str = field(metadata={"names": "services"})
    price_eur: float = field(metadata={"unit": "EUR per unit"})
    reference_eur: float = field(metadata={"unit": "EUR per unit"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return self.service


@dataclass(frozen=True)
class ReferencePricing:
    """References by service, paid to `sector`; for what is left, write a contract whose payer are patients.

    Attributes
    ----------
    sector
        Actor that delivers the services.
    references
        By service.
    patients_part
        Whether this is the part above the reference: then the contract's payer are the patients.
    """

    kind: ClassVar[str] = "reference_pricing"
    scalable: ClassVar[bool] = False
    linear: ClassVar[bool] = True
    reads: ClassVar[frozenset[str]] = frozenset()

    sector: Sector
    references: tuple[Reference, ...]
    patients_part: bool = False

    def __post_init__(self) -> None:
        names = [row.service for row in self.references]
        if not names or len(set(names)) < len(names):
            raise ValueError("references need each service once, and at least one")

    @property
    def payee(self) -> str:
        """The sector."""
        return self.sector

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros for the services used by each practice's people."""
        return book.activity.services @ self.prices_eur(book.activity.service_names)

    def scaled(self, k: float) -> ReferencePricing:
        """Return itself: references are not scaled."""
        return self

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return what this part pays per unit ``[service]``."""
        require_known((row.service for row in self.references), service_names)
        prices = np.zeros(len(service_names))
        for row in self.references:
            whole, most = row.price_eur, row.reference_eur
            prices[service_names.index(row.service)] = (
                max(whole - most, 0.0) if self.patients_part else min(whole, most)
            )
        return prices

    def services_paid(self) -> frozenset[str]:
        """Return the services of which this part pays something."""
        names = tuple(row.service for row in self.references)
        return frozenset(name for name, price in zip(names, self.prices_eur(names), strict=True) if price > 0.0)

    def services_covered(self) -> frozenset[str]:
        """Return nothing: nothing is paid in advance."""
        return frozenset()
