"""What two parties to a contract know when they settle a period: its activity, and all that came before it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray

from paysim.accounting.activity import Activity
from paysim.errors import ModelError

Floats = NDArray[np.float64]

QUARTERS_PER_YEAR = 4
_A_YEAR = 1.0 - 1e-9


@dataclass(frozen=True, eq=False)
class Book:
    """One period to settle, with its place in time.

    Attributes
    ----------
    activity
        Of the period to settle: a quarter in a run, any length in a worked case or in a provider's reckoning.
    year
        Contract year of the period since the start (base years are negative); None: outside of time, where every
        component is in force.
    past
        Activity of the earlier periods, oldest first, without a gap before this one; base years are part of it.
    received
        Euros that actors received, net, for this period under the components settled so far:
        ``{actor: [practice, segment]}``, by the practice whose people it was for.
    controls
        The same period of the practices that are not in the contract; None: not asked for, or there are none.
    """

    activity: Activity
    year: int | None = None
    past: tuple[Activity, ...] = ()
    received: Mapping[str, Floats] = field(default_factory=dict)
    controls: Book | None = None

    @property
    def years_to_date(self) -> float:
        """Part of the contract year that has passed when this period ends, from 0 to 1."""
        return self.to_date().years

    def to_date(self) -> Activity:
        """Return the activity of the contract year so far, this period included."""
        return self._years[-1]

    def before(self, years: int) -> Activity | None:
        """Return the activity of the whole contract year `years` before this one; None if it is not known."""
        known = self._years
        return known[-1 - years] if 0 < years < len(known) and known[-1 - years].years >= _A_YEAR else None

    def growth(self, due: Callable[[Activity], Floats]) -> Floats:
        """Return what a year's terms owe for this period: what is due for the year so far less what was before it.

        So a cap or a step of a year does not depend on how the year is cut.
        """
        earlier = self._years_before_period
        return due(self.to_date()) - (0.0 if earlier is None else due(earlier))

    def year_due(self, lag_quarters: int = 0) -> Book | None:
        """Return the book of the year that terms with a settlement once a year settle now; None: not now.

        Parameters
        ----------
        lag_quarters
            Quarters from the close of a year to its settlement. A period of a whole year (a provider's reckoning, a
            worked case) is settled at once.
        """
        if self.activity.years >= _A_YEAR:
            return self
        quarters = round(self.years_to_date * QUARTERS_PER_YEAR) % QUARTERS_PER_YEAR
        if quarters != lag_quarters % QUARTERS_PER_YEAR:
            return None
        back = -(-lag_quarters // QUARTERS_PER_YEAR)
        settled = self.before(back) if back else self.to_date()
        if settled is None:
            return None
        first = len(self._years) - 1 - back
        year = None if self.year is None else self.year - back
        controls = None if self.controls is None else self.controls.year_due(lag_quarters)
        return Book(settled, year, tuple(self._years[:first]), self.received, controls)

    def year_back(self, years: int) -> Book | None:
        """Return the book of the whole contract year `years` before this one; None if a base year or not known."""
        found = self.before(years)
        if found is None or self.year is None or self.year - years < 0:
            return None
        known = self._years
        controls = None if self.controls is None else self.controls.year_back(years)
        return Book(found, self.year - years, tuple(known[: len(known) - 1 - years]), {}, controls)

    def pooled(self) -> Book:
        """Return the book of all practices together, as of one practice; made once."""
        return self._pooled

    @cached_property
    def _pooled(self) -> Book:
        received = {actor: euros.sum(axis=0, keepdims=True) for actor, euros in self.received.items()}
        past = tuple(each.pooled() for each in self.past)
        controls = None if self.controls is None else self.controls.pooled()
        return replace(self, activity=self.activity.pooled(), past=past, received=received, controls=controls)

    @property
    def at_base(self) -> tuple[Activity, ...]:
        """Periods of the base years, in these as far as they came; of the first year where none is known to be one."""
        known = math.floor(sum(each.years for each in self.past) + 1.0 - _A_YEAR)
        years = 1.0 if self.year is None else max(1.0, known - self.year)
        periods: list[Activity] = []
        for each in (*self.past, self.activity):
            periods.append(each)
            if sum(period.years for period in periods) >= years - 1.0 + _A_YEAR:
                break
        return tuple(periods)

    @property
    def _years_before_period(self) -> Activity | None:
        """Activity of the contract year before this period; None at the start of a year."""
        periods: list[Activity] = []
        filled = 0.0
        for each in self.past:
            if filled >= _A_YEAR:
                periods, filled = [], 0.0
            periods.append(each)
            filled += each.years
        return reduce(Activity.plus, periods) if periods and filled < _A_YEAR else None

    @cached_property
    def _years(self) -> list[Activity]:
        """Return contract years, oldest first; the last one is that of this period, up to its end.

        Raises
        ------
        ModelError
            If the periods do not fill whole years.
        """
        quarters: list[list[Activity]] = [[]]
        filled = 0.0
        for each in (*self.past, self.activity):
            if filled >= _A_YEAR:
                quarters.append([])
                filled = 0.0
            quarters[-1].append(each)
            filled += each.years
            if filled > 2.0 - _A_YEAR and len(quarters[-1]) > 1:
                raise ModelError("book: a period reaches from one contract year into the next")
        return [reduce(Activity.plus, year) for year in quarters]
