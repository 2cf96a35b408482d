"""Distribution: an organisation shares out among practices what it received, by person-years or by origin.

The organisation is the contract's payer; what it received for the period under other components, net of what it paid,
is known when this one is settled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats, PaysNothingPerUnit


@dataclass(frozen=True)
class Distribution(PaysNothingPerUnit):
    """How an organisation shares out.

    Attributes
    ----------
    of
        Actor whose receipts are shared out.
    paid_out_share
        Share of a surplus that practices receive.
    borne_share
        Share of a deficit that practices bear.
    kept_eur_per_person_year
        What the organisation first keeps, for its own costs, of what it received.
    by
        ``person_years`` of each list, or ``origin``: for whose people it was received.
    """

    kind: ClassVar[str] = "distribution"
    reads: ClassVar[frozenset[str]] = frozenset({"received"})

    of: Literal["integrator", "care_group", "care_council", "insurers"]
    paid_out_share: float = field(metadata={"unit": "share of the surplus"})
    borne_share: float = field(default=0.0, metadata={"unit": "share of the deficit"})
    kept_eur_per_person_year: float = field(default=0.0, metadata={"unit": "EUR per person-year"})
    by: Literal["person_years", "origin"] = "person_years"

    def __post_init__(self) -> None:
        if self.paid_out_share > 1.0 or self.borne_share > 1.0:
            raise ValueError("paid_out_share and borne_share must lie between 0 and 1")

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros; negative where practices bear a deficit."""
        lived = book.activity.person_years
        received = book.received.get(self.of, np.zeros(lived.shape)) - self.kept_eur_per_person_year * lived
        total = float(received.sum())
        share = self.paid_out_share if total >= 0.0 else self.borne_share
        if self.by == "origin":
            return share * received
        return share * total * lived / lived.sum() if lived.sum() > 0.0 else np.zeros(lived.shape)
