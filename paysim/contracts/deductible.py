"""Patient deductible: the first euros of a year's care are the patient's own.

The insurer has paid the provider in full, so the deductible is a transfer from patients to insurers and no
provider's income depends on it. It is reckoned person by person and contract year by contract year, because a
minimum over a year cannot be taken from totals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paysim.accounting.book import Book
from paysim.accounting.claims import Cents, deductible_cents
from paysim.contracts.protocol import Floats
from paysim.contracts.schedule import require_known


@dataclass(frozen=True)
class Deductible:
    """An annual deductible on insured care.

    Attributes
    ----------
    annual_eur
        The most a person pays in a contract year.
    from_age_years
        Completed age from which it is owed.
    exempt
        Services outside the deductible.
    """

    kind: ClassVar[str] = "deductible"
    scalable: ClassVar[bool] = False
    linear: ClassVar[bool] = True
    reads: ClassVar[frozenset[str]] = frozenset()
    payee: ClassVar[str | None] = None

    annual_eur: float = field(metadata={"unit": "EUR per person per contract year"})
    from_age_years: float = field(default=0.0, metadata={"unit": "years"})
    exempt: tuple[str, ...] = field(default=(), metadata={"names": "services"})

    def exempt_mask(self, service_names: tuple[str, ...]) -> NDArray[np.bool_]:
        """Return ``[service]`` True for services outside the deductible."""
        require_known(self.exempt, service_names)
        return np.array([name in self.exempt for name in service_names], dtype=np.bool_)

    def settle_persons(
        self, liable_before_eur: ArrayLike, liable_after_eur: ArrayLike, age_years: ArrayLike | None = None
    ) -> Cents:
        """Return ``[n]`` whole cents that each patient owes for a period.

        Parameters
        ----------
        liable_before_eur, liable_after_eur
            ``[n]`` the person's liable spending since the contract year began, at start and end of the
            period.
        age_years
            ``[n]`` ages (the age of a contract year, so that nobody crosses `from_age_years` within it);
            None: all owe.
        """
        applies = None if age_years is None else np.asarray(age_years) >= self.from_age_years
        return deductible_cents(liable_before_eur, liable_after_eur, self.annual_eur, applies)

    def settle(self, book: Book) -> Floats:
        """Return zeros ``[practice, segment]``: providers receive nothing from it, see `settle_persons`."""
        return np.zeros(book.activity.person_years.shape)

    def scaled(self, k: float) -> Deductible:
        """Return itself: patients' payments are not scaled."""
        return self

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return zeros ``[service]``: it pays no provider."""
        return np.zeros(len(service_names))

    def services_paid(self) -> frozenset[str]:
        """Return nothing: it pays no provider."""
        return frozenset()

    def services_covered(self) -> frozenset[str]:
        """Return nothing: it pays no provider."""
        return frozenset()
