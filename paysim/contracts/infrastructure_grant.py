"""Infrastructure grant: an amount for a practice or for its list, up to a maximum, that rewards nothing at the margin.

Nurse premiums, out-of-hours stipends and start-up grants are such grants. With `until_year` it ends; a grant with
`recouped_over_years` is a prepayment: paid in the first contract year, and paid back in equal parts over the years
after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats, PaysNothingPerUnit, Working


@dataclass(frozen=True)
class InfrastructureGrant(PaysNothingPerUnit):
    """A grant by practice and by listed person.

    Attributes
    ----------
    eur_per_practice_year
        Fixed amount for each practice.
    eur_per_person_year
        Amount for each person on the list.
    most_eur_per_practice_year
        Maximum of both together; not given: none.
    recouped_over_years
        Years over which it is paid back after the first contract year; 0: never. In base years nothing is paid.
    """

    kind: ClassVar[str] = "infrastructure_grant"

    eur_per_practice_year: float = field(default=0.0, metadata={"unit": "EUR per practice per year"})
    eur_per_person_year: float = field(default=0.0, metadata={"unit": "EUR per person-year"})
    most_eur_per_practice_year: float | None = field(default=None, metadata={"unit": "EUR per practice per year"})
    recouped_over_years: int = 0

    def __post_init__(self) -> None:
        if not (self.eur_per_practice_year or self.eur_per_person_year):
            raise ValueError("give eur_per_practice_year, eur_per_person_year or both")
        if not 0 <= self.recouped_over_years <= 50:
            raise ValueError("recouped_over_years must lie between 0 and 50")

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros, over the people of the list in proportion to person-years."""
        activity = book.activity
        lived = activity.person_years.sum(axis=1)
        euros = self.eur_per_practice_year * activity.years * (lived > 0.0) + self.eur_per_person_year * lived
        if self.most_eur_per_practice_year is not None:
            euros = np.minimum(euros, self.most_eur_per_practice_year * activity.years)
        share = np.divide(
            activity.person_years, lived[:, None], out=np.zeros_like(activity.person_years), where=lived[:, None] > 0.0
        )
        return np.asarray(euros[:, None] * share * self._factor(book.year))

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield fixed and personal amounts, and the maximum, see `Explained`."""
        yield Working("amount of a practice", self.eur_per_practice_year * book.activity.years, "EUR per practice")
        yield Working("person-years", book.activity.person_years.sum(axis=1), "person-years")
        yield Working("amount of a person", self.eur_per_person_year, "EUR per person-year")
        if self.most_eur_per_practice_year is not None:
            yield Working("maximum", self.most_eur_per_practice_year * book.activity.years, "EUR per practice")
        if self.recouped_over_years:
            yield Working("part paid now (negative: paid back)", self._factor(book.year), "share")

    def _factor(self, year: int | None) -> float:
        if not self.recouped_over_years or year is None:
            return 1.0
        return 1.0 if year == 0 else -1.0 / self.recouped_over_years if 0 < year <= self.recouped_over_years else 0.0
