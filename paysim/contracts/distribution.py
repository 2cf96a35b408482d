"""Distribution: an organisation shares out among practices what it received, by person-years, by practice or by origin.

The organisation is the contract's payer; what it received for the period under other components, net of what it paid,
is known when this one is settled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats, PaysNothingPerUnit, Working


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
        ``person_years`` of each list; ``practice``: the same for each; or ``origin``: for whose people it was received.
    """

    kind: ClassVar[str] = "distribution"
    reads: ClassVar[frozenset[str]] = frozenset({"received"})

    of: Literal["integrator", "care_group", "care_council", "insurers"]
    paid_out_share: float = field(metadata={"unit": "share of the surplus"})
    borne_share: float = field(default=0.0, metadata={"unit": "share of the deficit"})
    kept_eur_per_person_year: float = field(default=0.0, metadata={"unit": "EUR per person-year"})
    by: Literal["person_years", "practice", "origin"] = "person_years"

    def __post_init__(self) -> None:
        if self.paid_out_share > 1.0 or self.borne_share > 1.0:
            raise ValueError("paid_out_share and borne_share must lie between 0 and 1")

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros; negative where practices bear a deficit."""
        lived, received = book.activity.person_years, self._to_share(book)
        total = float(received.sum())
        share = self.paid_out_share if total >= 0.0 else self.borne_share
        if self.by == "origin":
            return share * received
        if not lived.sum() > 0.0:
            return np.zeros(lived.shape)
        if self.by == "person_years":
            return np.asarray(share * total * lived / lived.sum())
        listed = lived.sum(axis=1, keepdims=True)
        mine = np.divide(lived, listed, out=np.zeros(lived.shape), where=listed > 0.0)  # nothing for an empty list
        return np.asarray(share * total * mine / np.count_nonzero(listed))

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield what is shared out, and by what, see `Explained`."""
        left = self._to_share(book)
        lived, total = book.activity.person_years.sum(axis=1), float(left.sum())
        yield Working(f"received by {self.of}", float(book.received.get(self.of, np.zeros(1)).sum()), "EUR")
        yield Working("left after its own costs", total, "EUR")
        if total >= 0.0:
            yield Working("share paid out", self.paid_out_share, "share")
        else:
            yield Working("share borne", self.borne_share, "share")
        if self.by == "origin":
            yield Working("for this practice's people", left.sum(axis=1), "EUR")
        elif self.by == "practice":
            yield Working("practices", float(np.count_nonzero(lived)), "practices")
        else:
            yield Working("person-years", lived, "person-years")
            yield Working("person-years of all practices", float(lived.sum()), "person-years")

    def _to_share(self, book: Book) -> Floats:
        lived = book.activity.person_years
        return np.asarray(book.received.get(self.of, np.zeros(lived.shape)) - self.kept_eur_per_person_year * lived)
