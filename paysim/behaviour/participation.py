"""Joining and leaving a contract that nobody is obliged to: one rule, for scenarios and for pilots.

A practice that is asked reckons before every contract year what taking part would bring if the year were like one of
those it knows, each settled through the contracts themselves, with it and without::

    worth = mean gain - risk aversion x standard deviation of the gain - cost of running the contract

It joins if that is above zero and leaves if it is below; who is indifferent stays as they are. It takes its own people
and what it does to be as they were: regression to the mean of a benchmark it foresees, what it would do otherwise under
the contract it does not. Years under the contract are among those it knows once they are past. All who are asked are
taken to join, where what one is paid depends on the others (a rank, a pooled benchmark, a budget shared by all).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.contracts.contract import Contract
from paysim.contracts.parties import asked, decides, joined
from paysim.contracts.settlement import settle
from paysim.parameters import Parameters

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Weighing:
    """How whoever is asked weighs what taking part brings.

    Attributes
    ----------
    risk_aversion
        EUR of expected gain given up to be rid of one EUR of standard deviation.
    running_cost_eur
        What running the contract costs whoever takes part, EUR per head a year.
    """

    risk_aversion: float = 0.0
    running_cost_eur: float = 0.0

    def worth(self, expected: Floats, risk: Floats | float = 0.0) -> Floats:
        """Return what taking part is worth, EUR per head a year, from the mean gain and its standard deviation."""
        return np.asarray(expected - self.risk_aversion * np.asarray(risk) - self.running_cost_eur)


def weighing(parameters: Parameters) -> Weighing:
    """Read how practices weigh from parameters of the group ``behaviour``."""
    of = parameters.group("behaviour")
    return Weighing(of["participation_risk_aversion"], of["participation_cost_eur"])


def takes_part(worth: Floats, before: NDArray[np.bool_] | bool = False) -> NDArray[np.bool_]:
    """Tell who takes part: who gains, and of those who neither gain nor lose whoever took part `before`."""
    return np.asarray((worth > 0.0) | (np.asarray(before) & (worth == 0.0)))


def as_expected(
    contracts: tuple[Contract, ...], base_years: Sequence[Activity], parameters: Parameters
) -> tuple[Contract, ...]:
    """Return an arm's contracts with what practices decide for the first year, if any is left to them."""
    if not decides(contracts):
        return contracts
    found = prospect(contracts, 0, base_years, base_years)
    names = np.array(base_years[-1].practice_names)
    return joined(contracts, [tuple(names[found.willing(weighing(parameters))].tolist())])


@dataclass(frozen=True, eq=False)
class Prospect:
    """What taking part in a year promises ``[practice]``, EUR per listed person-year.

    Attributes
    ----------
    expected, risk
        Mean of what it brings, and standard deviation between the years that the practice knows (0 of one year).
    asked
        Whether the practice may take part.
    """

    expected: Floats
    risk: Floats
    asked: NDArray[np.bool_]

    def willing(self, weighing: Weighing, before: NDArray[np.bool_] | bool = False) -> NDArray[np.bool_]:
        """Tell who takes part, of whom some did so `before`."""
        return np.asarray(self.asked & takes_part(weighing.worth(self.expected, self.risk), before))


def prospect(contracts: Sequence[Contract], year: int, past: Sequence[Activity], known: Sequence[Activity]) -> Prospect:
    """Return what practices can expect of taking part in the contracts of an arm that leave it to them.

    Parameters
    ----------
    contracts
        All of the arm.
    year
        Contract year that comes.
    past
        Activity of all quarters before it, on which the contracts look back.
    known
        Years that the coming one may be like, all alike likely.
    """
    names = known[-1].practice_names
    who = asked(contracts, names)
    curative = [each for each in contracts if not each.by_person]
    inside, outside = joined(curative, [who]), joined(curative, [()])
    gains = np.stack([_gain(inside, outside, year, past, like) for like in known])
    risk = gains.std(axis=0, ddof=1) if len(known) > 1 else np.zeros(len(names))
    return Prospect(gains.mean(axis=0), risk, np.isin(names, who))


def _gain(
    inside: Sequence[Contract], outside: Sequence[Contract], year: int, past: Sequence[Activity], like: Activity
) -> Floats:
    """Return what practices receive more by taking part in a year that is like another one ``[practice]``."""
    book = Book(like.unpaid(), year, tuple(past))
    more = (settle(inside, book).practice_net() - settle(outside, book).practice_net()).sum(axis=1)
    lived = like.person_years.sum(axis=1)
    return np.asarray(np.divide(more, lived, out=np.zeros_like(more), where=lived > 0.0))
