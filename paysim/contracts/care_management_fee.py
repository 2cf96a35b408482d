"""Care-management fee: an amount for every year that a person of some kind is on the list, whatever is done.

Belgium's global medical file, the monthly fees of American primary-care models and the Dutch payments for organisation
and infrastructure are such fees.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from paysim.accounting.book import Book
from paysim.accounting.segments import AGE_BAND_FROM, CONDITIONS, SEGMENT_AGE_BAND, SEGMENT_CONDITION, SEGMENT_DEPRIVED
from paysim.contracts.protocol import Floats, PaysNothingPerUnit


@dataclass(frozen=True)
class CareManagementFee(PaysNothingPerUnit):
    """A fee per person-year of the people meant.

    Attributes
    ----------
    eur_per_person_year
        Amount for each of them.
    conditions
        Conditions that they have, ``none`` for people without; empty: all people.
    from_age_years
        From the age band that begins here.
    deprived
        Only people in (true) or outside (false) deprived areas; not given: both.
    only_enrolled
        Only years in which they are enrolled in a chronic-care programme.
    """

    kind: ClassVar[str] = "care_management_fee"
    scalable: ClassVar[bool] = True
    linear: ClassVar[bool] = True

    eur_per_person_year: float = field(metadata={"unit": "EUR per person-year"})
    conditions: tuple[Literal["none", "vascular", "diabetes"], ...] = ()
    from_age_years: int = 0
    deprived: bool | None = None
    only_enrolled: bool = False

    def __post_init__(self) -> None:
        if self.from_age_years not in AGE_BAND_FROM:
            raise ValueError(f"from_age_years {self.from_age_years} is not the start of an age band: {AGE_BAND_FROM}")

    @cached_property
    def meant(self) -> Floats:
        """``[segment]`` 1 for the people meant."""
        found = np.asarray(AGE_BAND_FROM.index(self.from_age_years) <= SEGMENT_AGE_BAND)
        if self.conditions:
            found = found & np.isin(SEGMENT_CONDITION, [CONDITIONS.index(name) for name in self.conditions])
        if self.deprived is not None:
            found = found & (np.asarray(SEGMENT_DEPRIVED, bool) == self.deprived)
        return found.astype(float)

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros: person-years of the people meant times the fee."""
        years = book.activity.programme_years if self.only_enrolled else book.activity.person_years
        return np.asarray(years * self.meant * self.eur_per_person_year)

    def scaled(self, k: float) -> CareManagementFee:
        """Return the same fee times `k`."""
        return replace(self, eur_per_person_year=self.eur_per_person_year * k)
