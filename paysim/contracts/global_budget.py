"""Global budget: a sector is paid a fixed amount for a year in place of its tariffs, with a corridor for volume.

The budget is the value, at the schedule's prices, of what the practice's people used in the base year, carried forward
by a yearly growth rate, plus the growth of the population if `follows_population`. Volume V beyond a corridor around
the budget B is paid, and volume below it withheld, at the marginal share m::

    payment = B + m (V - clip(V, B (1 - c), B (1 + c)))

With m = 0 the sector earns the same whatever it does; with m = 1 and c = 0 it is paid its tariffs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats, Working
from paysim.contracts.schedule import Schedule, price_vector, require_unique, scaled_schedule
from paysim.contracts.tariff import Sector
from paysim.errors import ModelError


@dataclass(frozen=True)
class GlobalBudget:
    """A budget for a sector, set on its own past.

    Attributes
    ----------
    sector
        Actor that is paid.
    schedule
        Prices at which volume is valued, or the name of a file of kind ``schedule``.
    growth_per_year
        Yearly growth of the budget.
    cut_per_year
        Yearly cut of the budget, taken from its growth.
    follows_population
        Whether the budget grows with the person-years of each segment.
    corridor_share
        Deviation of volume, as share of the budget, that changes nothing.
    marginal_share
        Share of the prices that is paid beyond the corridor, and withheld below it.
    """

    kind: ClassVar[str] = "global_budget"
    scalable: ClassVar[bool] = True
    linear: ClassVar[bool] = False
    reads: ClassVar[frozenset[str]] = frozenset()
    base_years_needed: ClassVar[int] = 1

    sector: Sector
    schedule: Schedule = field(metadata={"file": "schedule"})
    growth_per_year: float = field(default=0.0, metadata={"unit": "per year"})
    cut_per_year: float = field(default=0.0, metadata={"unit": "per year"})
    follows_population: bool = False
    corridor_share: float = field(default=0.0, metadata={"unit": "share of the budget"})
    marginal_share: float = field(default=0.0, metadata={"unit": "share of the prices"})

    def __post_init__(self) -> None:
        require_unique(self.schedule)
        if self.marginal_share > 1.0 or self.corridor_share > 1.0:
            raise ValueError("corridor_share and marginal_share must lie between 0 and 1")
        if self.growth_per_year > 1.0 or self.cut_per_year > 1.0:
            raise ValueError("growth_per_year and cut_per_year must lie between 0 and 1")

    @property
    def payee(self) -> str:
        """The sector."""
        return self.sector

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros.

        Raises
        ------
        ModelError
            If the book holds no whole year before the contract began.
        """
        year = 0 if book.year is None else book.year
        if year < 0:  # base years are paid by the schedule: a budget has no past yet
            return book.activity.services @ self._prices(book.activity)
        base, factor = self._base(book)
        return book.growth(lambda so_far: self._due(so_far, base, factor))

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield budget and volume of the year so far, see `Explained`."""
        base, factor = self._base(book)
        so_far = book.to_date()
        prices = self._prices(so_far)
        yield Working("volume of the base year", (base.services @ prices).sum(axis=1), "EUR")
        yield Working("growth since the base year", factor, "factor")
        yield Working("budget of the year so far", self._budget(so_far, base, factor).sum(axis=1), "EUR")
        yield Working("volume of the year so far", (so_far.services @ prices).sum(axis=1), "EUR")
        yield Working("due for the year so far", self._due(so_far, base, factor).sum(axis=1), "EUR")

    def _base(self, book: Book) -> tuple[Activity, float]:
        """Return the base year, and the growth of the budget since."""
        year = 0 if book.year is None else book.year
        base = book.before(year + 1)
        if base is None:
            raise ModelError("global_budget: no base year is known before the start: base_years must be 1 or more")
        return base, (1.0 + self.growth_per_year - self.cut_per_year) ** (year + 1)

    def _budget(self, so_far: Activity, base: Activity, factor: float) -> Floats:
        budget = (base.services @ self._prices(so_far)) * factor * so_far.years
        if not self.follows_population:
            return np.asarray(budget)
        before = base.person_years * so_far.years
        return np.asarray(budget * np.divide(so_far.person_years, before, out=np.ones_like(before), where=before > 0.0))

    def _due(self, so_far: Activity, base: Activity, factor: float) -> Floats:
        budget = self._budget(so_far, base, factor)
        volume = so_far.services @ self._prices(so_far)
        of_practice, its_volume = budget.sum(axis=1), volume.sum(axis=1)
        low, high = of_practice * (1.0 - self.corridor_share), of_practice * (1.0 + self.corridor_share)
        beyond = self.marginal_share * (its_volume - np.clip(its_volume, low, high))
        part = np.divide(beyond, its_volume, out=np.zeros_like(beyond), where=its_volume > 0.0)
        return np.asarray(budget + part[:, None] * volume)

    def _prices(self, activity: Activity) -> Floats:
        return price_vector(self.schedule, (), activity.service_names)

    def scaled(self, k: float) -> GlobalBudget:
        """Return the same budget with prices times `k`."""
        return replace(self, schedule=scaled_schedule(self.schedule, k))

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return zeros ``[service]``: a budget has no price per unit."""
        return np.zeros(len(service_names))

    def list_prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return the schedule's ``[service]`` prices: a patient's deductible does not ask how the sector is paid."""
        return price_vector(self.schedule, (), service_names)

    def services_paid(self) -> frozenset[str]:
        """Return nothing: nothing is paid by the unit."""
        return frozenset()

    def services_covered(self) -> frozenset[str]:
        """Return the services that the budget is for."""
        return frozenset(row.service for row in self.schedule if row.price_eur > 0.0)
