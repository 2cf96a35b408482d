"""Capitation by coded risk: an amount per person-year times the risk that is on record for the people of the list.

What is recorded is not what people have: recording more raises the payment. So the growth of the recorded risk since
the base year may be limited, and a coding factor takes off what is held to be recording alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats, PaysNothingPerUnit
from paysim.errors import ModelError


@dataclass(frozen=True)
class RiskCapitation(PaysNothingPerUnit):
    """A rate per person-year of risk 1.

    Attributes
    ----------
    rate_eur_per_person_year
        Amount for a person of mean recorded risk in the base year.
    growth_cap
        The most by which a practice's mean risk may exceed that of its base year; not given: no limit.
    coding_factor
        Share of the recorded risk that is paid.
    """

    kind: ClassVar[str] = "risk_capitation"
    scalable: ClassVar[bool] = True
    linear: ClassVar[bool] = False
    reads: ClassVar[frozenset[str]] = frozenset({"coded_years"})

    rate_eur_per_person_year: float = field(metadata={"unit": "EUR per person-year"})
    growth_cap: float | None = field(default=None, metadata={"unit": "share since the base year"})
    coding_factor: float = field(default=1.0, metadata={"unit": "share"})

    def __post_init__(self) -> None:
        if self.coding_factor > 1.0:
            raise ValueError("coding_factor must lie between 0 and 1")

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros: recorded risk times rate, within the growth that is allowed.

        Raises
        ------
        ModelError
            If the activity has no recorded risk.
        """
        activity = book.activity
        if activity.coded_years is None:
            raise ModelError("risk_capitation: the activity has no coded_years")
        paid = activity.coded_years * (self.rate_eur_per_person_year * self.coding_factor)
        year = 0 if book.year is None else book.year
        base = book.before(year + 1) if year >= 0 else None
        if self.growth_cap is None or base is None or base.coded_years is None:
            return np.asarray(paid)
        risk, before = (
            np.divide(
                each.coded_years.sum(axis=1),  # type: ignore[union-attr]
                each.person_years.sum(axis=1),
                out=np.zeros(len(paid)),
                where=each.person_years.sum(axis=1) > 0.0,
            )
            for each in (activity, base)
        )
        most = before * (1.0 + self.growth_cap)
        part = np.divide(most, risk, out=np.ones_like(risk), where=(risk > most) & (before > 0.0))
        return np.asarray(paid * part[:, None])

    def scaled(self, k: float) -> RiskCapitation:
        """Return the same terms with the rate times `k`."""
        return replace(self, rate_eur_per_person_year=self.rate_eur_per_person_year * k)

    def services_covered(self) -> frozenset[str] | None:
        """Return None: all that the providers deliver."""
        return None
