"""Pass-through grant: an amount per person-year on the list for what the other components leave out.

It stands for contract parts whose terms are not modelled (innovation, support staff, out-of-hours duty). It
keeps the level of income right and rewards nothing at the margin, so budget neutrality does not scale it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats


@dataclass(frozen=True)
class PassThroughGrant:
    """A flat amount per person-year, not scaled.

    Attributes
    ----------
    eur_per_person_year
        Amount for every person-year on the list, the same for all.
    """

    kind: ClassVar[str] = "pass_through_grant"
    scalable: ClassVar[bool] = False
    linear: ClassVar[bool] = True
    reads: ClassVar[frozenset[str]] = frozenset()
    payee: ClassVar[str | None] = None

    eur_per_person_year: float = field(metadata={"unit": "EUR per person-year"})

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros: person-years times the amount."""
        return book.activity.person_years * self.eur_per_person_year

    def scaled(self, k: float) -> PassThroughGrant:
        """Return itself: a grant is passed through, whatever the scale."""
        return self

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return zeros ``[service]``: nothing is paid by the unit."""
        return np.zeros(len(service_names))

    def services_paid(self) -> frozenset[str]:
        """Return nothing: nothing is paid by the unit."""
        return frozenset()

    def services_covered(self) -> frozenset[str]:
        """Return nothing: a grant is not for any service in particular."""
        return frozenset()
