"""Budget cap with claw-back: payments for a line of care over a yearly budget are paid back, wholly or in part.

Beside the component that pays, this one pays nothing until the payments of the contract year exceed the budget; then
it takes back its share of the excess. The budget grows with the person-years of the year so far, so a claw-back in one
quarter can be given back in a later one, and the year's total does not depend on how it is cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats, PaysNothingPerUnit, Working
from paysim.errors import ModelError


@dataclass(frozen=True)
class BudgetClawBack(PaysNothingPerUnit):
    """A yearly budget for the payments to the contract's providers.

    Attributes
    ----------
    budget_eur_per_person_year
        Budget for each listed person-year.
    claw_back_share
        Share of the excess that is paid back.
    scope
        ``practice``: each has its own budget; ``region``: one budget for all, whose excess falls on practices in
        proportion to their payments.
    """

    kind: ClassVar[str] = "budget_claw_back"
    reads: ClassVar[frozenset[str]] = frozenset({"payments"})

    budget_eur_per_person_year: float = field(metadata={"unit": "EUR per person-year"})
    claw_back_share: float = field(default=1.0, metadata={"unit": "share of the excess"})
    scope: Literal["practice", "region"] = "practice"

    def __post_init__(self) -> None:
        if self.claw_back_share > 1.0:
            raise ValueError("claw_back_share must lie between 0 and 1")

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros, negative: the growth of the year's excess times the share."""
        return book.growth(self._due)

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield payments, budget and excess of the year so far, see `Explained`."""
        year = book.to_date()
        paid, budget = self._payments(year).sum(axis=1), self.budget_eur_per_person_year * year.person_years.sum(axis=1)
        yield Working("payments of the year so far", paid, "EUR")
        yield Working("budget of the year so far", budget, "EUR")
        if self.scope == "region":
            yield Working("excess of the region", max(0.0, float(paid.sum() - budget.sum())), "EUR")
        else:
            yield Working("excess", np.maximum(paid - budget, 0.0), "EUR")
        yield Working("share of the excess paid back", self.claw_back_share, "share")
        yield Working("due for the year so far", self._due(year).sum(axis=1), "EUR")

    @staticmethod
    def _payments(activity: Activity) -> Floats:
        if activity.payments is None:
            raise ModelError("budget_claw_back: no payments to look at")
        return activity.payments[:, :, activity.lines.index("general_practice")]

    def _due(self, activity: Activity) -> Floats:
        paid = self._payments(activity)
        by_practice, lived = paid.sum(axis=1), activity.person_years.sum(axis=1)
        if self.scope == "region":
            total = by_practice.sum()
            over = max(0.0, float(total - self.budget_eur_per_person_year * lived.sum()))
            share = over / total if total > 0.0 else 0.0
            return np.asarray(-self.claw_back_share * share * paid)
        over_each = np.maximum(by_practice - self.budget_eur_per_person_year * lived, 0.0)
        part = np.divide(over_each, by_practice, out=np.zeros_like(over_each), where=by_practice > 0.0)
        return np.asarray(-self.claw_back_share * part[:, None] * paid)
