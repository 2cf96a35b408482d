"""A contract: components, each with its share and dates, between one payer and one group of providers.

Mixed payment is nothing special: it is several components with their own shares. The share applies to the
whole of a component, here and nowhere else, so that no component's arithmetic has to know of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np

from paysim.accounting.book import Book
from paysim.accounting.episodes import EpisodeRules
from paysim.accounting.ledger import ORGANISATIONS
from paysim.contracts.deductible import Deductible
from paysim.contracts.protocol import Component, Floats, PatientTerms, SettledByYear
from paysim.contracts.scope import EVERYTHING, Scope
from paysim.errors import Problem, ScenarioError
from paysim.parameters import Parameter

PRACTICES = "practices"
GENERAL_PRACTICE = "general_practice"
"""Budget line of everything that is paid to practices; other payees are their own budget line."""


@dataclass(frozen=True)
class Part:
    """One component in its place in a contract.

    Attributes
    ----------
    name
        Unique in the contract; the ledger's component.
    terms
        The component.
    share
        Share of the component's payments that this contract makes, from 0 to 1.
    from_year, until_year
        Contract years since the start (base years are negative) in which it is in force, the last one
        excluded; None: no limit.
    share_by_year
        Factor on the share in contract year 0, 1 and so on, for terms that come in or go out by steps; the last one
        goes on, and the first one holds before. Empty: always 1.
    share_due
        Share of what is due for an earlier year, for terms that are settled after its close; None: `share`.

    Raises
    ------
    ValueError
        If dates do not meet, or terms that cannot have any have dates.
    """

    name: str
    terms: Component
    share: float = 1.0
    from_year: int | None = None
    until_year: int | None = None
    share_by_year: tuple[float, ...] = ()
    share_due: float | None = None

    def __post_init__(self) -> None:
        if self.from_year is not None and self.until_year is not None and self.until_year <= self.from_year:
            raise ValueError(f"until_year must come after from_year: {self.until_year} and {self.from_year}")
        dated = self.from_year or self.until_year is not None or self.share_by_year
        if dated and getattr(self.terms, "whole_run", False):
            raise ValueError(f"{self.name} pays in advance for what ends later: it must be in force throughout")

    @property
    def kind(self) -> str:
        """The component's kind."""
        return self.terms.kind

    @property
    def scalable(self) -> bool:
        """Whether budget neutrality may multiply its rates."""
        return self.terms.scalable

    @property
    def linear(self) -> bool:
        """Whether payments are proportional to activity."""
        return self.terms.linear

    @property
    def base_years_needed(self) -> int:
        """Years before the start that the component looks back on."""
        needed: int = getattr(self.terms, "base_years_needed", 0)
        return needed

    def in_force(self, year: int | None) -> bool:
        """Tell whether the component pays in this contract year; None stands for a year in which all do.

        A component that settles years after their close pays on until its last year is settled.
        """
        if year is None:
            return True
        return self._dated(year, self.years_behind)

    def share_in(self, year: int | None) -> float:
        """Return the share of what is for a contract year, 0 outside the dates; None: of the last one."""
        if year is not None and not self._dated(year):
            return 0.0
        if not self.share_by_year:
            return self.share
        last = len(self.share_by_year) - 1
        return self.share * self.share_by_year[last if year is None else min(max(year, 0), last)]

    def _dated(self, year: int, longer: int = 0) -> bool:
        """Tell whether a year lies within the dates, or up to so many years after them."""
        begun = self.from_year is None or year >= self.from_year
        return begun and (self.until_year is None or year < self.until_year + longer)

    def at(self, year: int | None) -> Part:
        """Return the part as it is in a contract year, without dates; None: as in the last one."""
        if self.from_year is None and self.until_year is None and not self.share_by_year:
            return self
        due = self.share_due
        if isinstance(self.terms, SettledByYear):
            due = self.share_in(None if year is None else year - self.years_behind)
        undated = replace(self, from_year=None, until_year=None, share_by_year=())
        return replace(undated, share=self.share_in(year), share_due=due)

    @property
    def years_behind(self) -> int:
        """Contract years from a year that is settled after its close to the quarter in which it is."""
        return self.terms.years_behind if isinstance(self.terms, SettledByYear) else 0

    def settle(self, book: Book, earlier: Book | None = None) -> Floats:
        """Return ``[practice, segment]`` unrounded euros: the share of what the component pays.

        Parameters
        ----------
        earlier
            The book as it was seen `years_behind` ago, where other practices took part in the year that is due; None:
            the same ones.
        """
        share, due_share = self.share, self.share if self.share_due is None else self.share_due
        if share == due_share == 0.0:
            return np.zeros(book.activity.person_years.shape)
        if not isinstance(self.terms, SettledByYear) or (share == due_share and earlier is None):
            return self.terms.settle(book) * share
        paid, due, seen = self.terms.in_period(book) * share, self.terms.due(book), book
        if due is None:
            return paid
        if earlier is not None and due.year != book.year:
            due, seen = self.terms.due(earlier), earlier
            assert due is not None  # the same year
        return paid + self.terms.for_year(due, seen) * (share if due.year == book.year else due_share)

    def scaled(self, k: float) -> Part:
        """Return the part with the component's rates times `k`; itself if not scalable."""
        return replace(self, terms=self.terms.scaled(k)) if self.scalable else self

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return the ``[service]`` price per unit after the share."""
        return self.terms.prices_eur(service_names) * self.share

    def list_prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return the ``[service]`` price at which patients' deductible is reckoned, after the share."""
        listed = getattr(self.terms, "list_prices_eur", self.terms.prices_eur)
        return np.asarray(listed(service_names) * self.share)

    @property
    def years_felt(self) -> int:
        """Years after its own in which the activity of a year still moves payments, by becoming a benchmark."""
        felt: int = getattr(self.terms, "years_felt", 0)
        return felt

    def looks_back_at(self, year: int | None, back: int) -> bool:
        """Tell whether payments for a contract year look at the year `back` years before it; if in doubt, they do.

        Terms that do not say so look at years that are felt, and those that need base years at all before the start.
        """
        looks: Callable[[int | None, int], bool] | None = getattr(self.terms, "looks_back_at", None)
        if looks is not None:
            return looks(year, back)
        return back <= self.years_felt or (self.base_years_needed > 0 and back > (year or 0))

    @property
    def episode_rules(self) -> EpisodeRules | None:
        """How the component groups claims into episodes; None if it does not look at them."""
        rules: EpisodeRules | None = getattr(self.terms, "episode_rules", None)
        return rules

    def services_paid(self) -> frozenset[str]:
        """Return the services paid by the unit."""
        return self.terms.services_paid() if self.share > 0.0 else frozenset()

    def services_covered(self) -> frozenset[str] | None:
        """Return the services paid in advance; None: all that the providers deliver."""
        return self.terms.services_covered() if self.share > 0.0 else frozenset()

    @property
    def indicators(self) -> tuple[str, ...]:
        """Names of the indicators at which the component looks."""
        targets = (each.indicator for each in getattr(self.terms, "targets", ()))
        gate: str | None = getattr(self.terms, "quality_indicator", None)
        return (*targets, *(() if gate is None else (gate,)))

    @property
    def needs_controls(self) -> bool:
        """Whether the component looks at practices that are not in the contract."""
        return bool(getattr(self.terms, "needs_controls", False))

    @property
    def on_top(self) -> bool:
        """Whether it pays what another payer leaves of a price, so that the two pay it once."""
        return bool(getattr(self.terms, "patients_part", False))

    @property
    def carve_outs(self) -> frozenset[str]:
        """Services that a component which pays in advance for all that providers deliver leaves out."""
        return frozenset(getattr(self.terms, "carve_outs", ()))


@dataclass(frozen=True, eq=False)
class Payment:
    """What one component of a contract pays to one group for a period.

    Attributes
    ----------
    component, kind
        Name and kind of the component.
    payee
        ``practices``, a sector, or ``insurers``.
    account
        Budget line: ``general_practice`` or the sector; the kind of component for what insurers receive.
    euros
        ``[practice, segment]`` unrounded.
    check_eur
        The same total as the payer reckons it from the activity of all practices together; None where the
        terms do not add up over practices.
    """

    component: str
    kind: str
    payee: str
    account: str
    euros: Floats
    check_eur: float | None


@dataclass(frozen=True)
class Contract:
    """A composition of payment components.

    Attributes
    ----------
    name, title
        Name in the ledger, and words for a report.
    payer
        Actor that pays.
    providers
        ``practices``, ``sectors`` (each component names its own), or ``insurers`` for what patients pay back.
    components
        In the order of the file; no result depends on the order.
    amounts
        Every amount of the terms with unit, source and status, as written (not scaled).
    scope
        Which practices and insurers it is about.
    after_exit_of
        Organisation that has to leave before the contract begins, see `paysim.contracts.parties`; None: none.
    """

    name: str
    title: str
    payer: str
    providers: str
    components: tuple[Part, ...]
    amounts: tuple[Parameter, ...] = ()
    scope: Scope = EVERYTHING
    after_exit_of: str | None = None

    @property
    def by_person(self) -> bool:
        """Whether this is what patients pay back to insurers, settled person by person."""
        return (self.payer, self.providers) == ("patients", "insurers")

    def in_force(self, year: int | None = None) -> tuple[Part, ...]:
        """Return the components that pay in this contract year, at their share in it; none while it waits."""
        found = self._in_force.get(year)
        if found is None:
            waits = self.after_exit_of is not None
            found = () if waits else tuple(part.at(year) for part in self.components if part.in_force(year))
            self._in_force[year] = found  # arms in other threads may do the same at the same time
        return found

    @cached_property
    def _in_force(self) -> dict[int | None, tuple[Part, ...]]:
        return {}  # asked for at every settlement, and always the same

    def payment(self, part: Part, book: Book, *, checked: bool = True) -> Payment:
        """Return what one of the components pays for the period, unrounded.

        Parameters
        ----------
        checked
            Whether the payer reckons the total by itself.
        """
        seen, earlier = self.books(part, book)
        payee = part.terms.payee or self.providers
        check = float(part.settle(seen.pooled()).sum()) if checked and part.linear else None
        account = GENERAL_PRACTICE if payee == PRACTICES else part.kind if payee == "insurers" else payee
        if PRACTICES in (payee, self.payer) and self.payer in (*ORGANISATIONS, PRACTICES):
            account = "sharing_out"
        return Payment(part.name, part.kind, payee, account, part.settle(seen, earlier), check)

    def books(self, part: Part, book: Book) -> tuple[Book, Book | None]:
        """Return a book as a component sees it, and as it saw it in the year that is due if others took part then."""
        behind = part.years_behind if self.scope.decided else 0
        return self._seen(part, book), self._seen(part, book, behind) if behind else None

    def _seen(self, part: Part, book: Book, years_behind: int = 0) -> Book:
        seen = self.scope.book(book, years_behind)
        return replace(seen, controls=self.scope.controls(book, years_behind)) if part.needs_controls else seen

    def scaled(self, k: float) -> Contract:
        """Return the contract with the rates of all scalable components multiplied by `k`."""
        return replace(self, components=tuple(part.scaled(k) for part in self.components))


def scale(contract: Contract, k: float) -> Contract:
    """Return `contract` with the rates of all scalable components times `k`; grants stay as they are."""
    return contract.scaled(k)


def patients_terms(contracts: Iterable[Contract], year: int | None = None) -> list[tuple[Contract, Part, PatientTerms]]:
    """Return the terms among an arm's contracts that are settled person by person, each with where it stands.

    A part's share is already taken in the terms returned.

    Raises
    ------
    ScenarioError
        If there are two deductibles: which comes first is nowhere said.
    """
    found = [
        (contract, part, cast(PatientTerms, part.terms).at_share(part.share))
        for contract in contracts
        if contract.by_person
        for part in contract.in_force(year)
        if part.share > 0.0
    ]
    deductibles = [f"{contract.name}/{part.name}" for contract, part, _ in found if part.kind == Deductible.kind]
    if len(deductibles) > 1:
        raise ScenarioError(Problem("an arm can have one deductible at a time", found=", ".join(deductibles)))
    return found
