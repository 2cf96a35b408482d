"""Admission tariff: a price per admission by service, lower for very short stays and higher for very long ones.

With L the days of a stay in whole days, at least 1, a first day with deduction d and a first day with surcharge s::

    payment = price - deduction x max(0, d + 1 - L) + surcharge x max(0, L + 1 - s)

so a stay of d days is one day short and a stay of s days one day long. Rules of this form: Germany, agreement on
diagnosis-related groups (Fallpauschalenvereinbarung), section 1, paragraphs 2 and 3; the numbers are the contract's.

With groups of severity the price is that of an admission of mean severity, and each is paid by its group g, of weight
w(g), as diagnosis-related groups do. W is the mean weight of all admissions for the service in the base years, at their
true severity, so that groups would have paid the same in all for the admissions of those years::

    price of an admission = price x w(g) / W

Of the share of admissions that the hospital codes one group higher than they are, g is the next group; none can be
coded above the highest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.episodes import Stays
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
class SeverityGroup:
    """Admissions of people with at least so many other conditions, up to the next group.

    Attributes
    ----------
    conditions_from
        Fewest chronic conditions of the model besides what the admission is for.
    weight
        What an admission of the group is paid, against those of other groups; their mean does not matter.
    """

    conditions_from: int
    weight: float = field(metadata={"unit": "relative weight"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return f"from_{self.conditions_from}"


@dataclass(frozen=True)
class AdmissionTariff:
    """Prices of admissions, paid to `sector`.

    Attributes
    ----------
    sector
        Actor that is paid.
    admissions
        Price by service.
    severity_groups
        From the mildest to the most severe, the first one from 0 conditions; empty: severity is not paid.
    """

    kind: ClassVar[str] = "admission_tariff"
    scalable: ClassVar[bool] = True
    reads: ClassVar[frozenset[str]] = frozenset({"stays"})

    admissions: tuple[AdmissionPrice, ...]
    sector: Sector = "hospital"
    severity_groups: tuple[SeverityGroup, ...] = ()

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
        first = [group.conditions_from for group in self.severity_groups]
        if first and (first[0] != 0 or first != sorted(set(first))):
            raise ValueError("severity_groups need a first group from 0 conditions, and each further one from more")
        weights = [group.weight for group in self.severity_groups]
        if weights and (weights[0] <= 0.0 or weights != sorted(weights)):
            raise ValueError("severity_groups need weights above 0 that do not fall with severity")

    @property
    def linear(self) -> bool:
        """Not with groups: their mean weight is of all for whom the contract pays; parts of these have their own."""
        return not self.severity_groups

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
        paid = book.activity.services @ self.prices_eur(book.activity.service_names) + short + long
        if self.severity_groups:
            _, coded = self.relative_weights(book)
            paid = paid + self._summed(book, coded - 1.0)
        return np.asarray(paid)

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
        if self.severity_groups:
            true, coded = self.relative_weights(book)
            yield Working("added for severity", self._summed(book, true - 1.0).sum(axis=1), "EUR")
            yield Working("added for coding above it", self._summed(book, coded - true).sum(axis=1), "EUR")

    def case_mix_eur(self, book: Book) -> Floats:
        """Return what admissions are paid before trim points: without groups, at true severity, and as coded."""
        true, coded = self.relative_weights(book)
        return np.array([float(self._summed(book, each).sum()) for each in (np.ones_like(true), true, coded)])

    def relative_weights(self, book: Book) -> tuple[Floats, Floats]:
        """Return the weight of each stay over the mean of its service ``[n]``: at true severity, and as it is coded."""
        stays = self._stays(book.activity)
        if not self.severity_groups:
            return np.ones(len(stays.days)), np.ones(len(stays.days))
        before = reduce(Stays.plus, (self._stays(each) for each in book.at_base))
        group, weights = self._group(stays), np.array([each.weight for each in self.severity_groups])
        known = weights[self._group(before)]
        size = len(book.activity.service_names)
        number = np.bincount(before.service, before.weight, size)
        mean = float(before.weight @ known / number.sum()) if number.sum() > 0.0 else 1.0
        means = np.bincount(before.service, before.weight * known, size)
        means = np.divide(means, number, out=np.full(size, mean), where=number > 0.0)
        higher = weights[np.minimum(group + 1, len(weights) - 1)]
        true = weights[group]
        coded = true + stays.coded_higher * (higher - true)
        return true / means[stays.service], coded / means[stays.service]

    def _group(self, stays: Stays) -> NDArray[np.int64]:
        first = [each.conditions_from for each in self.severity_groups]
        return np.asarray(np.searchsorted(first, stays.severity, side="right") - 1, np.int64)

    def _summed(self, book: Book, weights: Floats) -> Floats:
        """Return the price times a weight of each stay ``[n]``, by practice and segment."""
        stays = self._stays(book.activity)
        prices = self.prices_eur(book.activity.service_names)[stays.service]
        return stays.summed(prices * weights, book.activity.person_years.shape)

    @staticmethod
    def _stays(activity: Activity) -> Stays:
        if activity.stays is None:
            raise ModelError("admission_tariff: no stays are known")
        return activity.stays

    def _beyond(self, book: Book) -> tuple[Floats, Floats]:
        """Return what is paid for short stays (negative) and for long ones ``[practice, segment]``."""
        activity, stays = book.activity, self._stays(book.activity)
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
