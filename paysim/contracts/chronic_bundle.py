"""Chronic year-bundle: one amount for a year of programme care of a chronic patient.

Payment = sum over segments of programme-years x price of the segment's condition. The planned controls inside
the bundle earn nothing more, so another control costs the provider time and a further enrolled patient brings
the price.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from paysim.accounting.book import Book
from paysim.accounting.segments import CONDITIONS, SEGMENT_CONDITION
from paysim.contracts.protocol import Floats

Condition = Literal["vascular", "diabetes"]


@dataclass(frozen=True)
class BundlePrice:
    """Price of a year of programme care for one condition."""

    condition: Condition
    eur_per_programme_year: float = field(metadata={"unit": "EUR per patient-year in the programme"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return self.condition


@dataclass(frozen=True)
class ChronicBundle:
    """Year-bundles by condition for people enrolled in a chronic-care programme.

    Attributes
    ----------
    bundles
        Price by condition; a condition that is not named is not paid.
    covers
        Services inside the bundle, not to be paid by the visit as well.
    """

    kind: ClassVar[str] = "chronic_bundle"
    scalable: ClassVar[bool] = True
    linear: ClassVar[bool] = True
    reads: ClassVar[frozenset[str]] = frozenset()
    payee: ClassVar[str | None] = None

    bundles: tuple[BundlePrice, ...]
    covers: tuple[str, ...] = field(default=(), metadata={"names": "services"})

    def __post_init__(self) -> None:
        if not self.bundles:
            raise ValueError("bundles need at least one price")
        if len({row.condition for row in self.bundles}) < len(self.bundles):
            raise ValueError("a condition has two prices")

    @cached_property
    def eur_per_programme_year(self) -> Floats:
        """``[segment]`` price of a programme-year."""
        price = {row.condition: row.eur_per_programme_year for row in self.bundles}
        by_condition = [price.get(name, 0.0) for name in CONDITIONS]  # type: ignore[call-overload]
        return np.array(by_condition)[SEGMENT_CONDITION]

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros: programme-years times price."""
        return book.activity.programme_years * self.eur_per_programme_year

    def scaled(self, k: float) -> ChronicBundle:
        """Return the same bundles with prices times `k`."""
        rows = (replace(row, eur_per_programme_year=row.eur_per_programme_year * k) for row in self.bundles)
        return replace(self, bundles=tuple(rows))

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return zeros ``[service]``: nothing is paid by the unit."""
        return np.zeros(len(service_names))

    def services_paid(self) -> frozenset[str]:
        """Return nothing: nothing is paid by the unit."""
        return frozenset()

    def services_covered(self) -> frozenset[str]:
        """Return the services inside the bundle."""
        return frozenset(self.covers)
