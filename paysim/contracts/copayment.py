"""Co-payment: patients pay a part of each service themselves, less in a group that is protected.

The payer has paid the provider in full, so a co-payment is a transfer from patients to insurers, as the deductible is;
with the practices as the contract's providers it is paid to them, on top of what the payer pays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from paysim.accounting.book import Book
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
    """

    kind: ClassVar[str] = "copayment"
    linear: ClassVar[bool] = True

    parts: tuple[PatientPart, ...]

    def __post_init__(self) -> None:
        names = [row.service for row in self.parts]
        if not names or len(set(names)) < len(names):
            raise ValueError("parts need each service once, and at least one")

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros that patients pay."""
        names = book.activity.service_names
        require_known((row.service for row in self.parts), names)
        prices = np.zeros((len(SEGMENT_DEPRIVED), len(names)))
        for row in self.parts:
            protected = row.eur_per_unit if row.protected_eur_per_unit is None else row.protected_eur_per_unit
            prices[:, names.index(row.service)] = np.where(SEGMENT_DEPRIVED == 1, protected, row.eur_per_unit)
        return np.asarray(np.einsum("pgs,gs->pg", book.activity.services, prices))
