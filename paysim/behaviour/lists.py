"""Who is on the list: whom a practice accepts, whom it keeps, and how long its list may grow.

What one more patient of a segment leaves a practice is derived from its contracts, as for every other lever: the people
of a segment are a little more in about half of the lists and fewer in the others, and the contracts are asked what they
would pay for either. They come with the care that such people use in the region: a practice knows what kind of patient
asks for a place, and not what this one will cost.

A practice may say no to those who ask for a place, may send people away, and may close its list earlier or later.
None of it makes a need or a cost disappear: who is not accepted asks elsewhere, and is without a practice while no
open list takes the person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from paysim.accounting.activity import Activity
from paysim.accounting.segments import SEGMENT_CONDITION, SEGMENTS
from paysim.behaviour.incentives import (
    by_oneself,
    directions,
    gp_hours_per_unit,
    in_gp_contacts,
    longer_by_condition,
    revenue_change,
    sign_patterns,
    staff_cost_per_unit,
)
from paysim.behaviour.situation import Floats, Situation

LIST_LEVERS = ("acceptance", "retention", "list_size")


@dataclass(frozen=True, eq=False)
class Lists:
    """What practices do about their lists; all ones is what they did in the base years.

    Attributes
    ----------
    accept
        ``[practice, segment]`` chance that somebody who asks for a place on an open list gets it.
    keep
        ``[practice, segment]`` share of a year's people who may stay, as far as it is up to the practice.
    size
        ``[practice]`` length at which the list closes, as a ratio.
    """

    accept: Floats
    keep: Floats
    size: Floats

    @classmethod
    def usual(cls, practices: int) -> Lists:
        """Return what practices did in the base years: everybody is accepted and stays."""
        return cls(np.ones((practices, SEGMENTS)), np.ones((practices, SEGMENTS)), np.ones(practices))

    def towards(self, best: Lists, share: Floats) -> Lists:
        """Return the way to `best` gone by a share of each practice ``[practice]``."""
        by_one = share[:, None]
        return Lists(
            self.accept + by_one * (best.accept - self.accept),
            self.keep + by_one * (best.keep - self.keep),
            self.size + share * (best.size - self.size),
        )

    def means(self, lived: Floats) -> Floats:
        """Return ``[practice, 3]`` the `LIST_LEVERS`, means over the people ``[practice, segment]`` of each list."""
        whole = lived.sum(axis=1)
        weight = np.divide(lived, whole[:, None], out=np.full_like(lived, 1.0 / SEGMENTS), where=whole[:, None] > 0.0)
        return np.stack([(self.accept * weight).sum(axis=1), (self.keep * weight).sum(axis=1), self.size], axis=1)


@dataclass(frozen=True, eq=False)
class PatientMargins:
    """What a further person-year on the list brings and takes, ``[practice, segment]`` each.

    Attributes
    ----------
    revenue_eur
        Payments to the practice, by its contracts.
    cost_eur
        Nurses' and assistants' time and material of the practice's own care.
    hours
        GP hours.
    years
        Person-years a year; where there are none the rest is zero.
    """

    revenue_eur: Floats
    cost_eur: Floats
    hours: Floats
    years: Floats

    def care_eur(self, gp_eur_per_hour: float) -> Floats:
        """Return ``[practice]`` the mean cost of practice care of a person-year, the GP's time at a wage."""
        whole = ((self.cost_eur + self.hours * gp_eur_per_hour) * self.years).sum(axis=1)
        lived = self.years.sum(axis=1)
        return np.asarray(np.divide(whole, lived, out=np.zeros_like(lived), where=lived > 0.0))


def patient_margins(situation: Situation) -> PatientMargins:
    """Return what a person-year of each segment brings and takes in each practice."""
    if situation not in _FOUND:
        _FOUND[situation] = _patient_margins(situation)
    return _FOUND[situation]


_FOUND: WeakKeyDictionary[Situation, PatientMargins] = WeakKeyDictionary()


def _patient_margins(situation: Situation) -> PatientMargins:
    activity = situation.activity if situation.activity.years == 1.0 else situation.activity.annualised()
    lived, revenue = activity.person_years, np.zeros(activity.person_years.shape)
    patterns = sign_patterns(situation, activity)
    for segment in range(SEGMENTS):
        there = lived[:, segment] > 0.0
        moves = [moved_lists(situation, np.arange(SEGMENTS) == segment, signs) for signs in patterns]
        changes = [revenue_change(situation, up, down)[there] for up, down, _ in moves]
        widths = [years[there] for _, _, years in moves]
        revenue[there, segment] = by_oneself(changes, widths, np.ones(there.sum()), situation.weight)
    use = _expected(activity.services, lived) * (lived > 0.0)[:, :, None]
    hours_per_unit = gp_hours_per_unit(situation)
    longer = longer_by_condition(situation)[:, SEGMENT_CONDITION] * (use @ (hours_per_unit * in_gp_contacts(situation)))
    return PatientMargins(revenue, use @ staff_cost_per_unit(situation), use @ hours_per_unit + longer, lived)


def moved_lists(
    situation: Situation, who: NDArray[np.bool_], signs: Floats | None = None
) -> tuple[Activity, Activity, Floats]:
    """Return the activity with more and with fewer people of some segments, half of the lists against the others.

    Parameters
    ----------
    who
        ``[segment]`` the segments that move.
    signs
        ``[practice]`` 1 where up is more people, -1 where it is fewer; by default about half of the lists each.

    Returns
    -------
    activity, activity, ndarray
        Up and down, and the person-years ``[practice]`` between them; negative where up is down.
    """
    activity = situation.activity if situation.activity.years == 1.0 else situation.activity.annualised()
    lived, by = activity.person_years, situation.terms.nudge * (directions(activity) if signs is None else signs)
    further = np.outer(by, who) * lived

    def moved(sign: float) -> Activity:
        def with_people(values: Floats) -> Floats:
            people = further if values.ndim == 2 else further[:, :, None]
            return np.asarray(np.maximum(values + sign * people * _expected(values, lived), 0.0))

        return replace(
            activity,
            services=with_people(activity.services),
            person_years=lived + sign * further,
            programme_years=with_people(activity.programme_years),
            coded_years=None if activity.coded_years is None else with_people(activity.coded_years),
        )

    return moved(1.0), moved(-1.0), 2.0 * further.sum(axis=1)


def _expected(values: Floats, lived: Floats) -> Floats:
    """Return what a person-year of each segment means in the whole region, ``[1, segment, ...]``."""
    whole, years = values.sum(axis=0, keepdims=True), lived.sum(axis=0, keepdims=True)
    years = years if values.ndim == 2 else years[:, :, None]
    return np.asarray(np.divide(whole, years, out=np.zeros_like(whole), where=years > 0.0))


__all__ = ["LIST_LEVERS", "Lists", "PatientMargins", "moved_lists", "patient_margins"]
