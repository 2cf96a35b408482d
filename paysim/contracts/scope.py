"""Scope of a contract: which practices take part, and for the people of which insurers it pays.

A contract sees the activity of its scope and nothing else, so that every component can be given a scope without knowing
of it. With one insurer of several, a practice's activity counts at the share of its list insured there: people of
different insurers are taken to use the same care.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats
from paysim.errors import ModelError, nearest_name


@dataclass(frozen=True)
class Participants:
    """Which practices take part.

    Attributes
    ----------
    share
        Of practices, on average: each takes part or not by its name, the same in every arm, sample and replicate, and
        whoever takes part at some share does so at every larger one.
    others
        Whether the contract is for those who do not.
    """

    share: float
    others: bool = False

    def factor(self, practice_names: tuple[str, ...]) -> Floats:
        """Return ``[practice]`` 1 for those for whom the contract is, 0 for the rest."""
        return np.array([1.0 if self.includes(_draw(name)) else 0.0 for name in practice_names])

    def includes(self, draw: float) -> bool:
        """Tell whether the contract is for practices with this draw, which is uniform from 0 to 1."""
        return (draw < self.share) != self.others

    @property
    def mean(self) -> float:
        """Share of practices for whom the contract is."""
        return 1.0 - self.share if self.others else self.share


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

    def book(self, book: Book) -> Book:
        """Return the book as this contract sees it.

        Raises
        ------
        ModelError
            If an insurer has nobody in the region.
        """
        if self.everything:
            return book
        past = tuple(_seen(self, each) for each in book.past)
        factor = self.factor(book.activity)[:, None]
        received = {actor: euros * factor for actor, euros in book.received.items()}
        return Book(_seen(self, book.activity), book.year, past, received)

    def factor(self, activity: Activity) -> Floats:
        """Return ``[practice]`` the share of each practice's activity that counts."""
        factor = np.ones(len(activity.practice_names))
        if self.participants is not None:
            factor = factor * self.participants.factor(activity.practice_names)
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
