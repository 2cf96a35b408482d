"""How a payment came about: the workings of a component for one practice, line by line.

Terms that are proportional to activity need not say anything: their lines follow from what they pay for each service
and each segment, so that a new component is explained without further code. Terms that are not proportional say their
steps in ``workings``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from paysim.accounting.book import Book
from paysim.accounting.segments import SEGMENT_NAMES
from paysim.contracts.contract import Part
from paysim.contracts.protocol import Floats, Working

Rows = list[int]


@dataclass(frozen=True)
class Line:
    """One line of the workings of a payment.

    Attributes
    ----------
    what
        A service, a kind of people, or a step of the reckoning.
    quantity, unit
        How much of it.
    rate_eur
        Euro per unit, after the component's share; None for a step.
    eur
        Their product, part of what is paid; None for a step on the way.
    """

    what: str
    quantity: float | None
    unit: str
    rate_eur: float | None = None
    eur: float | None = None


def lines(part: Part, book: Book, rows: Rows, earlier: Book | None = None) -> list[Line]:
    """Return the workings of a component; the euros of the lines add up to what it pays for these practices.

    Parameters
    ----------
    book
        Of the period, as the component sees it in its round of the settlement.
    rows
        Numbers of practices, taken together.
    earlier
        The book of the year that is due, where other practices took part in it.
    """
    paid = part.settle(book, earlier)[rows]
    steps = getattr(part.terms, "workings", None)
    if steps is not None:
        return [
            *_steps(steps(earlier or book), rows),
            *_share(part),
            Line("paid for the period", None, "", None, _sum(paid)),
        ]
    by_service = list(_services(part, book, rows))
    return [*by_service, *_segments(part, book, rows, paid)]


def _steps(steps: Iterator[Working], rows: Rows) -> Iterator[Line]:
    for step in steps:
        values = np.atleast_1d(np.asarray(step.value, float))
        if values.size == 1:
            yield Line(step.what, float(values[0]), step.unit)
        elif len(rows) == 1 or step.adds_up:
            yield Line(step.what, float(values[rows].sum()), step.unit)


def _share(part: Part) -> Iterator[Line]:
    if part.share != 1.0:
        yield Line("share of the component", part.share, "share")
    if part.share_due is not None and part.share_due != part.share:
        yield Line("share of the component in the year that is due", part.share_due, "share")


def _services(part: Part, book: Book, rows: Rows) -> Iterator[Line]:
    """Yield a line for each service with a price that was delivered."""
    names = book.activity.service_names
    prices = part.prices_eur(names)
    used = book.activity.services[rows].sum(axis=(0, 1))
    for at in np.flatnonzero((prices != 0.0) & (used != 0.0)):
        yield Line(names[at], float(used[at]), "units", float(prices[at]), float(used[at] * prices[at]))


def _segments(part: Part, book: Book, rows: Rows, paid: Floats) -> Iterator[Line]:
    """Yield a line for each segment, of what is not paid by the unit."""
    activity = book.activity
    names = activity.service_names
    rest = paid - activity.services[rows] @ part.prices_eur(names)
    nobody = replace(activity, programme_years=0.0 * activity.programme_years)
    by_programme = not np.array_equal(part.settle(replace(book, activity=nobody))[rows], paid)
    years = (activity.programme_years if by_programme else activity.person_years)[rows].sum(axis=0)
    unit = "years in the programme" if by_programme else "person-years"
    noise = 1e-9 * max(1.0, float(np.abs(paid).sum()))  # of taking off what is paid by the unit
    if float(np.abs(rest).sum()) <= noise:
        return
    euros = rest.sum(axis=0)
    rates = np.divide(euros, years, out=np.zeros_like(euros), where=years > 0.0)
    lived = years > 0.0
    if lived.any() and np.ptp(rates[lived]) <= 1e-9 * abs(rates[lived][0]) and not euros[~lived].any():
        yield Line("all people", float(years.sum()), unit, float(rates[lived][0]), float(euros.sum()))
        return
    for at in np.flatnonzero(np.abs(euros) > noise):
        rate = float(rates[at]) if lived[at] else None
        yield Line(SEGMENT_NAMES[at], float(years[at]), unit, rate, float(euros[at]))


def _sum(paid: Floats) -> float:
    return float(paid.sum())
