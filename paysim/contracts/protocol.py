"""What every payment component is: frozen terms and a pure function from period activity to payments.

To add a way of paying, write ``paysim/contracts/<kind>.py`` with a frozen dataclass whose ``kind`` is the
file's name. Its fields are the keys of the component in YAML: an amount is a ``float`` field with
``metadata={"unit": ...}``; a table is a ``tuple`` of small frozen dataclasses and, with ``metadata={"file":
<kind of file>}``, may be given by the
name of a file. Nothing else has to be edited.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paysim.accounting.book import QUARTERS_PER_YEAR, Book
from paysim.accounting.claims import Cents

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Working:
    """One step of the reckoning of terms that are not proportional, see `Explained`.

    Attributes
    ----------
    what
        In words.
    value
        ``[practice]``, or one number for all practices together.
    unit
        Of the value.
    """

    what: str
    value: Floats | float
    unit: str

    @property
    def adds_up(self) -> bool:
        """Whether the values of practices may be added: amounts and counts, not shares and rates."""
        return self.unit in ("EUR", "person-years", "units", "points", "full-time years")


class Explained(Protocol):
    """Terms that say how they come to a payment; those proportional to activity need not."""

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield the steps that lead from the book to what is paid for the period, before the component's share."""
        ...


class PaysNothingPerUnit:
    """What terms have in common that pay no price per unit of a service; each says itself what differs."""

    scalable: ClassVar[bool] = False
    linear: ClassVar[bool] = False
    reads: ClassVar[frozenset[str]] = frozenset()
    payee: ClassVar[str | None] = None

    def scaled(self, k: float) -> Self:
        """Return itself."""
        return self

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return zeros ``[service]``: nothing is paid by the unit."""
        return np.zeros(len(service_names))

    def services_paid(self) -> frozenset[str]:
        """Return nothing: nothing is paid by the unit."""
        return frozenset()

    def services_covered(self) -> frozenset[str] | None:
        """Return nothing: no service in particular is paid in advance."""
        return frozenset()


class SettledByYear(PaysNothingPerUnit, ABC):
    """What terms have in common that settle a year once, some quarters after its close.

    What is due for a year goes by the share and the dates of that year, and not of the quarter in which it is settled,
    see `Part`.
    """

    lag_quarters: int

    @property
    def years_behind(self) -> int:
        """Contract years from the year that is settled to the quarter in which it is."""
        return -(-self.lag_quarters // QUARTERS_PER_YEAR)

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros: what the period itself moves, and what is due for a year."""
        paid, due = self.in_period(book), self.due(book)
        return paid if due is None else paid + self.for_year(due, book)

    def due(self, book: Book) -> Book | None:
        """Return the year that is settled in this period; None: none, or a base year."""
        found = book.year_due(self.lag_quarters)
        return None if found is None or (found.year is not None and found.year < 0) else found

    def in_period(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros that the period itself moves."""
        return np.zeros(book.activity.person_years.shape)

    @abstractmethod
    def for_year(self, due: Book, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros due for a year, settled in the period of `book`."""


class Component(Protocol):
    """Terms of one component of a contract."""

    kind: ClassVar[str]
    """Name of the component's file."""

    scalable: ClassVar[bool]
    """Whether budget neutrality may multiply its rates."""

    @property
    def linear(self) -> bool:
        """Whether payments are proportional to activity and add up over providers and periods."""
        ...

    @property
    def reads(self) -> frozenset[str]:
        """What it reads beyond services and person-time.

        Of `payments`, `coded_years`, `age_sex`, `indicators`, `persons`, `received`, `stays`, `episodes`. A component
        that reads episodes says how claims are grouped in its ``episode_rules``. Components that read payments are
        settled after those that do not, and those that read what an actor received after all others.
        """
        ...

    @property
    def payee(self) -> str | None:
        """Actor that is paid; None: the providers of the contract."""
        ...

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` unrounded euros paid for the period; negative is paid back."""
        ...

    def scaled(self, k: float) -> Self:
        """Return the same terms with every rate multiplied by `k`; itself if not scalable."""
        ...

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return the ``[service]`` price paid per unit, zero for services that are not paid by the unit."""
        ...

    def services_paid(self) -> frozenset[str]:
        """Return the services paid by the unit."""
        ...

    def services_covered(self) -> frozenset[str] | None:
        """Return the services paid per person or patient; None: all that the providers deliver."""
        ...


class PatientTerms(Component, Protocol):
    """Terms under which patients pay: reckoned person by person and contract year by contract year.

    A limit on a year cannot be taken from totals, so `settle` knows no limit.
    """

    def charged_eur(
        self, used: Floats, prices: Floats, service_names: tuple[str, ...], protected: NDArray[np.bool_]
    ) -> Floats:
        """Return ``[n]`` what a period charges to each person before the limit of the year.

        Parameters
        ----------
        used
            ``[n, service]`` quantities of the period.
        prices
            ``[service]`` list prices of what payers pay by the unit.
        protected
            ``[n]`` True for people with a lower part of their own.
        """
        ...

    def settle_persons(
        self, before_eur: ArrayLike, after_eur: ArrayLike, age_years: ArrayLike, protected: NDArray[np.bool_]
    ) -> Cents:
        """Return ``[n]`` whole cents that each patient owes for a period.

        Parameters
        ----------
        before_eur, after_eur
            ``[n]`` charged to the person since the contract year began, at start and end of the period.
        age_years
            ``[n]`` age of the contract year, so that nobody crosses an age limit within it.
        protected
            ``[n]`` True for people with a lower limit.
        """
        ...

    def at_share(self, share: float) -> Self:
        """Return the terms with every amount times `share`."""
        ...
