"""Attribution: the people of a practice are not always those of its list, and their years and money go with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from paysim.accounting.activity import Activity, Persons
from paysim.accounting.segments import SEGMENTS
from paysim.contracts.protocol import Floats


@dataclass(frozen=True)
class Moves:
    """How much of each practice and segment belongs to which practice.

    Attributes
    ----------
    known
        ``[practice, segment]`` whether any single person is known; what is not known stays as it is.
    here
        ``[k]`` cell, as practice times segments plus segment, of the list.
    there, starts
        ``[m]`` cells of the practices they belong to, and at which of `here` those who come to each begin.
    lived
        ``[k]`` part of the person-years of `here`.
    paid
        ``[k, line]`` part of the payments of `here` on each line.
    persons
        Those who belong to a practice, there.
    """

    known: NDArray[np.bool_]
    here: NDArray[np.int64]
    there: NDArray[np.int64]
    starts: NDArray[np.int64]
    lived: Floats
    paid: Floats
    persons: Persons

    def of(self, activity: Activity) -> Activity:
        """Return the activity of the people who belong to a practice, moved there with their years and their money."""
        years = self._moved(activity.person_years[:, :, None], self.lived[:, None])[:, :, 0]
        payments = None if activity.payments is None else self._moved(activity.payments, self.paid)
        return replace(activity, person_years=years, payments=payments, persons=self.persons)

    def _moved(self, values: Floats, part: Floats) -> Floats:
        found = values * ~self.known[:, :, None]
        if len(self.here):
            flat = found.reshape(-1, found.shape[2])
            coming = values.reshape(flat.shape)[self.here] * part
            flat[self.there] += np.add.reduceat(coming, self.starts, axis=0)
        return found


def moves(persons: Persons, way: str, to: NDArray[np.int64], practices: int) -> Moves:
    """Return what moves with people to the practices they belong to.

    Of a practice and segment each person has the part of person-years lived, and of each line the part of what was paid
    for people by the unit; where nothing was, the part of person-years too.

    Parameters
    ----------
    way
        Name of the rule that says to whom they belong; the same people and the same rule are looked at once.
    to
        Practice of each person ``[n]``; -1: none.
    """
    known = _FOUND.setdefault(persons, {})
    if (way, practices) not in known:
        known[way, practices] = _moves(persons, to, practices)
    return known[way, practices]


_FOUND: WeakKeyDictionary[Persons, dict[tuple[str, int], Moves]] = WeakKeyDictionary()
"""A decision looks at the same people under very many turns of their practices' work."""


def _moves(persons: Persons, to: NDArray[np.int64], practices: int) -> Moves:
    here, cells = persons.practice * SEGMENTS + persons.segment, practices * SEGMENTS
    lived = np.bincount(here, persons.person_years, cells)
    paid = _summed(here, persons.payments, cells)
    lived_part = _part(persons.person_years, lived[here])
    paid_part = np.where(paid[here] > 0.0, _part(persons.payments, paid[here]), lived_part[:, None])
    counted = to >= 0
    pair = (to * SEGMENTS + persons.segment)[counted] * cells + here[counted]
    pairs, row = np.unique(pair, return_inverse=True)
    there, starts = np.unique(pairs // cells, return_index=True)
    return Moves(
        known=(lived > 0.0).reshape(practices, SEGMENTS),
        here=pairs % cells,
        there=there,
        starts=starts,
        lived=_summed(row, lived_part[counted, None], len(pairs))[:, 0],
        paid=_summed(row, paid_part[counted], len(pairs)),
        persons=replace(persons.taken(counted), practice=to[counted]),
    )


def _part(of: Floats, whole: Floats) -> Floats:
    return np.divide(of, whole, out=np.zeros_like(of), where=whole > 0.0)


def _summed(row: NDArray[np.int64], values: Floats, rows: int) -> Floats:
    """Return the sums ``[rows, column]`` of values ``[n, column]`` by row."""
    return np.stack([np.bincount(row, column, rows) for column in values.T], axis=1)
