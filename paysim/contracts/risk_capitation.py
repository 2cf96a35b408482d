"""Capitation by coded risk: an amount per person-year times the risk that is on record for the people of the list.

What is recorded is not what people have: recording more raises the payment. So the growth of the recorded risk since
the base year may be limited, and a coding factor takes off what is held to be recording alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats, PaysNothingPerUnit, Working
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
    carve_outs
        Services of general practice that the amount is not for, so that others must pay them.
    """

    kind: ClassVar[str] = "risk_capitation"
    scalable: ClassVar[bool] = True
    linear: ClassVar[bool] = False
    reads: ClassVar[frozenset[str]] = frozenset({"coded_years"})
    base_years_needed: ClassVar[int] = 2
    """Risk is reckoned from the second quarter of all on, and providers look at a whole year of it before the start."""

    rate_eur_per_person_year: float = field(metadata={"unit": "EUR per person-year"})
    growth_cap: float | None = field(default=None, metadata={"unit": "share since the base year"})
    coding_factor: float = field(default=1.0, metadata={"unit": "share"})
    carve_outs: tuple[str, ...] = field(default=(), metadata={"names": "services"})

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
        if book.activity.coded_years is None:
            raise ModelError("risk_capitation: the activity has no coded_years")
        rate = self.rate_eur_per_person_year * self.coding_factor
        return np.asarray(book.activity.coded_years * rate * self._allowed(book)[:, None])

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield recorded risk and what of it is paid, see `Explained`."""
        yield Working("person-years", book.activity.person_years.sum(axis=1), "person-years")
        yield Working("mean recorded risk", _mean_risk(book.activity), "risk")
        base = self._base(book)
        if base is not None:
            yield Working("mean recorded risk of the base year", _mean_risk(base), "risk")
        yield Working("part within the growth that is allowed", self._allowed(book), "share")
        yield Working("coding factor", self.coding_factor, "share")
        yield Working("rate", self.rate_eur_per_person_year, "EUR per person-year")

    def _base(self, book: Book) -> Activity | None:
        year = 0 if book.year is None else book.year
        base = book.before(year + 1) if year >= 0 else None
        return None if self.growth_cap is None or base is None or base.coded_years is None else base

    def _allowed(self, book: Book) -> Floats:
        """Return the part of each practice's recorded risk that is paid ``[practice]``."""
        base, risk = self._base(book), _mean_risk(book.activity)
        if base is None or self.growth_cap is None:
            return np.ones_like(risk)
        before = _mean_risk(base)
        most = before * (1.0 + self.growth_cap)
        return np.asarray(np.divide(most, risk, out=np.ones_like(risk), where=(risk > most) & (before > 0.0)))

    def scaled(self, k: float) -> RiskCapitation:
        """Return the same terms with the rate times `k`."""
        return replace(self, rate_eur_per_person_year=self.rate_eur_per_person_year * k)

    def services_covered(self) -> frozenset[str] | None:
        """Return None: all that the providers deliver."""
        return None


def _mean_risk(year: Activity) -> Floats:
    """Return recorded risk per person-year ``[practice]``."""
    lived = year.person_years.sum(axis=1)
    coded = np.zeros_like(lived) if year.coded_years is None else year.coded_years.sum(axis=1)
    return np.asarray(np.divide(coded, lived, out=np.zeros_like(lived), where=lived > 0.0))
