"""Admission tariff: a price per admission by service, lower for very short stays and higher for very long ones.

With L the days of a stay in whole days, at least 1, a first day with deduction d and a first day with surcharge s::

    payment = price - deduction x max(0, d + 1 - L) + surcharge x max(0, L + 1 - s)

so a stay of d days is one day short and a stay of s days one day long. Rules of this form: Germany, agreement on
diagnosis-related groups (Fallpauschalenvereinbarung), section 1, paragraphs 2 and 3; the numbers are the contract's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats, Working
from paysim.contracts.schedule import require_known
from paysim.contracts.tariff import Sector
from paysim.errors import ModelError


@dataclass(frozen=True)
class AdmissionPrice:
    """Price of an admission.

    Attributes
    ----------
    service
        The admission.
    price_eur
        Of a stay between the trim points.
    first_day_with_deduction, deduction_eur_per_day
        Longest stay from which is deducted, and how much for each day; 0: nothing.
    first_day_with_surcharge, surcharge_eur_per_day
        Shortest stay on which more is paid, and how much for each day; 0: nothing.
    """

    service: str = field(metadata={"names": "admissions"})
    price_eur: float = field(metadata={"unit": "EUR per admission"})
    first_day_with_deduction: int = 0
    deduction_eur_per_day: float = field(default=0.0, metadata={"unit": "EUR per day"})
    first_day_with_surcharge: int = 0
    surcharge_eur_per_day: float = field(default=0.0, metadata={"unit": "EUR per day"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return self.service

    def beyond_eur(self, days: Floats) -> Floats:
        """Return what is paid more (negative: less) than the price for stays of whole `days`."""
        short = np.maximum(self.first_day_with_deduction + 1.0 - days, 0.0)
        long = np.maximum(days + 1.0 - self.first_day_with_surcharge, 0.0) if self.first_day_with_surcharge else 0.0
        return np.asarray(self.surcharge_eur_per_day * long - self.deduction_eur_per_day * short)


@dataclass(frozen=True)
class AdmissionTariff:
    """Prices of admissions, paid to `sector`.

    Attributes
    ----------
    sector
        Actor that is paid.
    admissions
        Price by service.
    """

    kind: ClassVar[str] = "admission_tariff"
    scalable: ClassVar[bool] = True
    linear: ClassVar[bool] = True
    reads: ClassVar[frozenset[str]] = frozenset({"stays"})

    admissions: tuple[AdmissionPrice, ...]
    sector: Sector = "hospital"

    def __post_init__(self) -> None:
        names = [row.service for row in self.admissions]
        if not names or len(set(names)) < len(names):
            raise ValueError("admissions need each service once, and at least one")
        for row in self.admissions:
            short, long = row.first_day_with_deduction, row.first_day_with_surcharge
            if short < 0 or long < 0 or (long and long <= short):
                raise ValueError(f"{row.service}: first_day_with_surcharge must come after first_day_with_deduction")
            if short * row.deduction_eur_per_day > row.price_eur:
                raise ValueError(f"{row.service}: the deduction of a stay of one day must not exceed price_eur")

    @property
    def payee(self) -> str:
        """The sector."""
        return self.sector

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros for the admissions of each practice's people.

        Raises
        ------
        ModelError
            If the stays are not known.
        """
        short, long = self._beyond(book)
        return np.asarray(book.activity.services @ self.prices_eur(book.activity.service_names) + short + long)

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield what is paid by service, and for short and long stays, see `Explained`."""
        names, used = book.activity.service_names, book.activity.services.sum(axis=1)
        for row in self.admissions:
            admitted = used[:, names.index(row.service)]
            yield Working(row.service, admitted, "units")
            yield Working(f"{row.service}, at {row.price_eur:.2f} euro", admitted * row.price_eur, "EUR")
        short, long = self._beyond(book)
        yield Working("deducted for short stays", short.sum(axis=1), "EUR")
        yield Working("added for long stays", long.sum(axis=1), "EUR")

    def _beyond(self, book: Book) -> tuple[Floats, Floats]:
        """Return what is paid for short stays (negative) and for long ones ``[practice, segment]``."""
        activity, stays = book.activity, book.activity.stays
        if stays is None:
            raise ModelError("admission_tariff: no stays are known")
        days, beyond = np.maximum(np.rint(stays.days), 1.0), np.zeros(len(stays.days))
        for row in self.admissions:
            of = stays.service == activity.service_names.index(row.service)
            beyond[of] = row.beyond_eur(days[of])
        shape = activity.person_years.shape
        return stays.summed(np.minimum(beyond, 0.0), shape), stays.summed(np.maximum(beyond, 0.0), shape)

    def scaled(self, k: float) -> AdmissionTariff:
        """Return the same tariff with all amounts times `k`."""
        amounts = ("price_eur", "deduction_eur_per_day", "surcharge_eur_per_day")
        rows = (replace(row, **{name: getattr(row, name) * k for name in amounts}) for row in self.admissions)
        return replace(self, admissions=tuple(rows))

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return the ``[service]`` price of an admission between the trim points."""
        require_known((row.service for row in self.admissions), service_names)
        price = {row.service: row.price_eur for row in self.admissions}
        return np.array([price.get(name, 0.0) for name in service_names])

    def services_paid(self) -> frozenset[str]:
        """Return the services with a price."""
        return frozenset(row.service for row in self.admissions if row.price_eur > 0.0)

    def services_covered(self) -> frozenset[str]:
        """Return nothing: a tariff pays nothing in advance."""
        return frozenset()
