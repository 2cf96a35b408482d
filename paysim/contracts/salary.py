"""Salary: a yearly amount for each full-time equivalent, whatever is done and whoever is on the list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats, PaysNothingPerUnit, Working
from paysim.errors import ModelError


@dataclass(frozen=True)
class Salary(PaysNothingPerUnit):
    """Salaries of GPs and nurses.

    Attributes
    ----------
    gp_eur_per_fte_year, nurse_eur_per_fte_year, mental_nurse_eur_per_fte_year
        Amount for a full-time year.
    """

    kind: ClassVar[str] = "salary"
    scalable: ClassVar[bool] = True
    reads: ClassVar[frozenset[str]] = frozenset({"fte_years"})

    gp_eur_per_fte_year: float = field(metadata={"unit": "EUR per full-time year"})
    nurse_eur_per_fte_year: float = field(default=0.0, metadata={"unit": "EUR per full-time year"})
    mental_nurse_eur_per_fte_year: float = field(default=0.0, metadata={"unit": "EUR per full-time year"})

    @property
    def _rates(self) -> tuple[tuple[str, float], ...]:
        """Return who is paid what, in the order of `Activity.fte_years`."""
        return (
            ("GPs", self.gp_eur_per_fte_year),
            ("nurses", self.nurse_eur_per_fte_year),
            ("nurses for mental health", self.mental_nurse_eur_per_fte_year),
        )

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros, over the people of the list in proportion to person-years.

        Raises
        ------
        ModelError
            If the activity does not tell how much time is worked.
        """
        activity = book.activity
        if activity.fte_years is None:
            raise ModelError("salary: the activity has no fte_years")
        euros = activity.fte_years @ np.array([rate for _, rate in self._rates])
        lived = activity.person_years.sum(axis=1, keepdims=True)
        share = np.divide(activity.person_years, lived, out=np.zeros_like(activity.person_years), where=lived > 0.0)
        return np.asarray(euros[:, None] * share)

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield working time and salaries, see `Explained`."""
        assert book.activity.fte_years is not None  # `settle` has seen to it
        for number, (name, rate) in enumerate(self._rates):
            yield Working(f"working time of {name}", book.activity.fte_years[:, number], "full-time years")
            yield Working(f"salary of {name}", rate, "EUR per full-time year")

    def scaled(self, k: float) -> Salary:
        """Return the same salaries times `k`."""
        return replace(
            self,
            gp_eur_per_fte_year=self.gp_eur_per_fte_year * k,
            nurse_eur_per_fte_year=self.nurse_eur_per_fte_year * k,
            mental_nurse_eur_per_fte_year=self.mental_nurse_eur_per_fte_year * k,
        )

    def services_covered(self) -> frozenset[str] | None:
        """Return None: all that the providers deliver."""
        return None
