"""Patient deductible: the first euros of a year's care are the patient's own.

The insurer has paid the provider in full, so the deductible is a transfer from patients to insurers and no
provider's income depends on it. It is reckoned person by person and contract year by contract year, because a
minimum over a year cannot be taken from totals.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paysim.accounting.book import Book
from paysim.accounting.claims import Cents, borne_cents, liable_eur
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

    def charged_eur(
        self, used: Floats, prices: Floats, service_names: tuple[str, ...], protected: NDArray[np.bool_]
    ) -> Floats:
        """Return ``[n]`` spending on each person that counts towards the deductible, see `PatientTerms`."""
        return liable_eur(used, prices, self.exempt_mask(service_names))

    def settle_persons(
        self, before_eur: ArrayLike, after_eur: ArrayLike, age_years: ArrayLike, protected: NDArray[np.bool_]
    ) -> Cents:
        """Return ``[n]`` whole cents that each patient owes for a period, see `PatientTerms`."""
        return borne_cents(before_eur, after_eur, self.annual_eur, np.asarray(age_years) >= self.from_age_years)

    def at_share(self, share: float) -> Deductible:
        """Return the deductible with the annual amount times `share`."""
        return replace(self, annual_eur=self.annual_eur * share)

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
