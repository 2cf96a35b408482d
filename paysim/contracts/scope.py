"""Scope of a contract: which practices take part, and for the people of which insurers it pays.

A contract sees the activity of its scope and nothing else, so that every component can be given a scope without knowing
of it. With one insurer of several, a practice's activity counts at the share of its list insured there: people of
different insurers are taken to use the same care.

Practices take part by chance, or because they find it worth their while: then who does is decided in a run, year by
year (`paysim.behaviour.participation`), and a contract sees in each year those who take part in it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats
from paysim.errors import ModelError, nearest_name

By = Literal["chance", "expected_value"]


@dataclass(frozen=True)
class Participants:
    """Which practices take part.

    Attributes
    ----------
    share
        Of practices, on average: each takes part (by expected value: is asked) or not by its name, the same in every
        arm, sample and replicate, and whoever is in at some share is so at every larger one.
    others
        Whether the contract is for those who do not.
    by
        ``chance``: all who are drawn take part. ``expected_value``: those of them do to whom it is worth it.
    years
        By expected value: names of those who take part in contract year 0, 1, ..., the last ones go on. Empty until
        they have decided: nobody.
    """

    share: float = 1.0
    others: bool = False
    by: By = "chance"
    years: tuple[tuple[str, ...], ...] = ()

    @property
    def decides(self) -> bool:
        """Whether practices decide for themselves."""
        return self.by == "expected_value"

    def in_year(self, year: int | None) -> tuple[str, ...]:
        """Return who takes part in a contract year by expected value; None: in the last one."""
        if not self.years:
            return ()
        last = len(self.years) - 1
        return self.years[last if year is None else min(max(year, 0), last)]

    def asks(self, practice_name: str) -> bool:
        """Tell whether a practice is among those drawn."""
        return _draw(practice_name) < self.share

    def factor(self, practice_names: tuple[str, ...], year: int | None = None) -> Floats:
        """Return ``[practice]`` 1 for those for whom the contract is in a contract year, 0 for the rest."""
        if self.decides:
            inside = frozenset(self.in_year(year))
            return np.array([float((name in inside) != self.others) for name in practice_names])
        return np.array([1.0 if self.includes(_draw(name)) else 0.0 for name in practice_names])

    def includes(self, draw: float, *, willing: bool = True) -> bool:
        """Tell whether the contract is for practices with this draw, uniform from 0 to 1, and this wish."""
        return (draw < self.share and (willing or not self.decides)) != self.others

    @property
    def mean(self) -> float:
        """Share of practices for whom the contract is; by expected value: whom it may be for."""
        return 1.0 - self.share if self.others and not self.decides else 1.0 if self.others else self.share


@dataclass(frozen=True)
class Scope:
    """What of the region a contract is about; by default everything.

    Attributes
    ----------
    participants
        Practices; None: all.
    insurers
        Names of insurers; empty: all.
    """

    participants: Participants | None = None
    insurers: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether the contract is about the whole region."""
        return self.participants is None and not self.insurers

    @property
    def decided(self) -> bool:
        """Whether practices decide for themselves, so that who takes part differs from year to year."""
        return self.participants is not None and self.participants.decides

    def in_year(self, year: int | None) -> Scope:
        """Return the scope with those who take part in a contract year; None: in the last one."""
        who = self.participants
        if who is None or not who.decides:
            return self
        return replace(self, participants=replace(who, years=(who.in_year(year),)))

    def book(self, book: Book, years_behind: int = 0) -> Book:
        """Return the book as this contract sees it, with those who took part so many years before its year.

        Raises
        ------
        ModelError
            If an insurer has nobody in the region.
        """
        if self.everything:
            return book
        now = self.in_year(None if book.year is None else book.year - years_behind)
        past = tuple(_seen(now, each) for each in book.past)
        factor = now.factor(book.activity)[:, None]
        received = {actor: euros * factor for actor, euros in book.received.items()}
        return Book(_seen(now, book.activity), book.year, past, received)

    def controls(self, book: Book, years_behind: int = 0) -> Book | None:
        """Return the book of the practices that are not in the contract; None if it is for all."""
        who = self.participants
        if who is None:
            return None
        return replace(self, participants=replace(who, others=not who.others)).book(book, years_behind)

    def factor(self, activity: Activity, year: int | None = None) -> Floats:
        """Return ``[practice]`` the share of each practice's activity that counts in a contract year."""
        factor = np.ones(len(activity.practice_names))
        if self.participants is not None:
            factor = factor * self.participants.factor(activity.practice_names, year)
        return factor * self._insured(activity) if self.insurers else factor

    def _insured(self, activity: Activity) -> Floats:
        if activity.insurer_years is None:
            raise ModelError("contract: the activity does not say who is insured where")
        for name in self.insurers:
            if name not in activity.insurer_names:
                known = ", ".join(activity.insurer_names)
                near = nearest_name(name, activity.insurer_names)
                hint = f"; did you mean {near!r}?" if near else ""
                raise ModelError(f"contract: nobody is insured with {name!r}{hint} (insurers: {known})")
        mine = [activity.insurer_names.index(name) for name in self.insurers]
        own, whole = activity.insurer_years[:, mine].sum(axis=1), activity.insurer_years.sum(axis=1)
        return np.asarray(np.divide(own, whole, out=np.zeros_like(whole), where=whole > 0.0))


EVERYTHING = Scope()


@lru_cache(maxsize=128)  # of the periods before, which every settlement looks at again
def _seen(scope: Scope, activity: Activity) -> Activity:
    if scope.insurers:  # it is not known which of the persons are theirs
        activity = replace(activity, persons=None)
    return activity.weighted(scope.factor(activity))


@lru_cache(maxsize=4096)
def _draw(practice_name: str) -> float:
    digest = hashlib.sha256(f"takes part {practice_name}".encode()).digest()
    return float(int.from_bytes(digest[:8], "little")) / 2.0**64


def both(first: Scope, second: Scope) -> Scope:
    """Return the scope of a contract that is used within a scope.

    Raises
    ------
    ValueError
        If both say who takes part, or for which insurers.
    """
    if (first.participants and second.participants) or (first.insurers and second.insurers):
        raise ValueError("the contract has participants or insurers of its own")
    return replace(
        first,
        participants=first.participants or second.participants,
        insurers=first.insurers or second.insurers,
    )
