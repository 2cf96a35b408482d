"""Co-payment: patients pay a part of each service themselves, less in a group that is protected.

The payer has paid the provider in full, so a co-payment is a transfer from patients to insurers, as the deductible is,
and may have a ceiling on what a person pays in a year. With practices as the contract's providers it is paid to them,
on top of what the payer pays.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paysim.accounting.book import Book
from paysim.accounting.claims import Cents, borne_cents
from paysim.accounting.segments import SEGMENT_DEPRIVED
from paysim.contracts.protocol import Floats, PaysNothingPerUnit
from paysim.contracts.schedule import require_known


@dataclass(frozen=True)
class PatientPart:
    """What a patient pays of one unit of a service."""

    service: str = field(metadata={"names": "services"})
    eur_per_unit: float = field(metadata={"unit": "EUR per unit"})
    protected_eur_per_unit: float | None = field(default=None, metadata={"unit": "EUR per unit"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return self.service


@dataclass(frozen=True)
class Copayment(PaysNothingPerUnit):
    """Patients' parts by service.

    Attributes
    ----------
    parts
        By service; `protected_eur_per_unit` is for people in deprived areas, who stand for those with preferential
        reimbursement, and by default the same.
    annual_ceiling_eur
        The most a person pays to insurers in a contract year; by default there is no limit.
    protected_annual_ceiling_eur
        The same for people in deprived areas; by default the ceiling of the others.
    """

    kind: ClassVar[str] = "copayment"
    linear: ClassVar[bool] = True

    parts: tuple[PatientPart, ...]
    annual_ceiling_eur: float | None = field(default=None, metadata={"unit": "EUR per person per contract year"})
    protected_annual_ceiling_eur: float | None = field(
        default=None, metadata={"unit": "EUR per person per contract year"}
    )

    def __post_init__(self) -> None:
        names = [row.service for row in self.parts]
        if not names or len(set(names)) < len(names):
            raise ValueError("parts need each service once, and at least one")
        if self.annual_ceiling_eur is None and self.protected_annual_ceiling_eur is not None:
            raise ValueError("protected_annual_ceiling_eur needs annual_ceiling_eur")

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros that patients pay before any ceiling, see `settle_persons`."""
        prices = self._prices(book.activity.service_names)[SEGMENT_DEPRIVED]
        return np.asarray(np.einsum("pgs,gs->pg", book.activity.services, prices))

    def charged_eur(
        self, used: Floats, prices: Floats, service_names: tuple[str, ...], protected: NDArray[np.bool_]
    ) -> Floats:
        """Return ``[n]`` co-payments of each person, see `PatientTerms`."""
        own, lower = self._prices(service_names)
        return np.asarray(np.where(protected, used @ lower, used @ own))

    def settle_persons(
        self, before_eur: ArrayLike, after_eur: ArrayLike, age_years: ArrayLike, protected: NDArray[np.bool_]
    ) -> Cents:
        """Return ``[n]`` whole cents that each patient owes for a period, see `PatientTerms`."""
        own = np.inf if self.annual_ceiling_eur is None else self.annual_ceiling_eur
        lower = own if self.protected_annual_ceiling_eur is None else self.protected_annual_ceiling_eur
        return borne_cents(before_eur, after_eur, np.where(protected, lower, own))

    def at_share(self, share: float) -> Copayment:
        """Return the co-payments and ceilings times `share`."""

        def times(eur: float | None) -> float | None:
            return None if eur is None else eur * share

        parts = tuple(
            PatientPart(row.service, row.eur_per_unit * share, times(row.protected_eur_per_unit)) for row in self.parts
        )
        ceilings = times(self.annual_ceiling_eur), times(self.protected_annual_ceiling_eur)
        return replace(self, parts=parts, annual_ceiling_eur=ceilings[0], protected_annual_ceiling_eur=ceilings[1])

    def _prices(self, service_names: tuple[str, ...]) -> Floats:
        """Return ``[2, service]`` euros per unit: of people in general, and of protected people."""
        require_known((row.service for row in self.parts), service_names)
        prices = np.zeros((2, len(service_names)))
        for row in self.parts:
            protected = row.eur_per_unit if row.protected_eur_per_unit is None else row.protected_eur_per_unit
            prices[:, service_names.index(row.service)] = row.eur_per_unit, protected
        return prices
