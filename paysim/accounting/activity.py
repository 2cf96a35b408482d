"""What providers did in a period: the only thing a contract may look at.

Quantities are floats because expected activity, on which a provider weighs a little more or less of something, is
fractional. Everything a contract with linear terms pays is a sum over the three arrays by practice and segment. What
only some contracts look at (payments by line, coded risk, indicators, single persons) is optional: absent means that
nobody reckoned it, and a component that needs it says so in its ``reads``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paysim.accounting.episodes import EpisodeRules, Episodes, Stays
from paysim.accounting.segments import AGE_SEX, SEGMENTS
from paysim.errors import ModelError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Persons:
    """The single persons of a year, for terms that look at one person's money (stop-loss, truncation).

    Attributes
    ----------
    practice, segment
        ``[n]`` whose list each is on at the end of the year (or was last), and the segment then.
    person_years
        ``[n]`` time lived in the year.
    payments
        ``[n, line]`` euros that payers paid for each, by budget line, before any reconciliation.
    contacts
        ``[n]`` contacts with general practice in the year.
    number
        ``[n]`` the person's id; None: not known.
    most_seen
        ``[n]`` practice that had most of these contacts, the last one of equals; -1: none had any. None: that of the
        list, for all who had a contact.
    listed_before, most_seen_before
        ``[n]`` the practice of the list, and the one that had most contacts, in the year before; -1: none. None: not
        known.
    """

    practice: NDArray[np.int64]
    segment: NDArray[np.int64]
    person_years: Floats
    payments: Floats
    contacts: Floats
    number: NDArray[np.int64] | None = None
    most_seen: NDArray[np.int64] | None = None
    listed_before: NDArray[np.int64] | None = None
    most_seen_before: NDArray[np.int64] | None = None

    def taken(self, rows: NDArray[np.bool_]) -> Persons:
        """Return some of the persons."""
        return self._each(lambda _, values: values[rows])

    def pooled(self) -> Persons:
        """Return the persons as of one practice; the same ones each time."""
        return self._pooled

    @cached_property
    def _pooled(self) -> Persons:
        of_practices = ("practice", "most_seen", "listed_before", "most_seen_before")
        return self._each(lambda name, values: np.minimum(values, 0) if name in of_practices else values)

    @property
    def seen_by(self) -> NDArray[np.int64]:
        """Practice to which each belongs by contacts ``[n]``, -1: none."""
        return np.where(self.contacts > 0.0, self.practice, -1) if self.most_seen is None else self.most_seen

    def after(self, before: Persons | None) -> Persons:
        """Return the persons with where they were in the year before; who was not there then was nowhere."""
        if before is None or before.number is None or self.number is None:
            return self
        order = np.argsort(before.number)
        known = before.number[order]
        at = np.minimum(np.searchsorted(known, self.number), max(len(known) - 1, 0))
        was = known[at] == self.number if len(known) else np.zeros(len(self.number), bool)

        def then(practice: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.where(was, practice[order][at], -1) if len(known) else np.full(len(was), -1)

        return replace(self, listed_before=then(before.practice), most_seen_before=then(before.seen_by))

    def _each(self, change: Callable[[str, Any], Any]) -> Persons:
        held = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(self, **{name: change(name, values) for name, values in held.items() if values is not None})


@dataclass(frozen=True, eq=False)
class Activity:
    """Activity of practices with their own listed people over one period.

    Attributes
    ----------
    service_names, practice_names
        Labels of the last axis of `services` and of the first axis of all arrays.
    services
        ``[practice, segment, service]`` quantity delivered, by any provider, to the practice's people.
    person_years
        ``[practice, segment]`` person-years on the practice's list.
    programme_years
        ``[practice, segment]`` person-years enrolled in a chronic-care programme.
    years
        Length of the period, in years.
    lines
        Labels of the last axis of `payments`: budget lines.
    payments
        ``[practice, segment, line]`` euros that payers paid for the practice's people by what was settled so far.
    coded_years
        ``[practice, segment]`` person-years times the recorded (coded) risk, 1 being the mean of the base year.
    age_sex
        ``[practice, segment, cell]`` share of the person-years of a segment by sex and five-year age, see
        `paysim.accounting.segments`. Each row adds up to 1, or to 0 where nobody is.
    fte_years
        ``[practice, 3]`` full-time years of GPs, of nurses for somatic care and of nurses for mental health.
    longer_hours
        ``[practice]`` hours that GPs spent on contacts beyond their usual length; negative where they were shorter.
    insurer_names
        Labels of the last axis of `insurer_years`.
    insurer_years
        ``[practice, insurer]`` person-years on the list by insurer.
    indicators
        ``{name: [practice, 2]}`` numerator and denominator of each indicator.
    persons
        The single persons of the year that closes with this period.
    episodes
        Acute episodes by the rules that group them.
    stays
        Single admissions, with their length; each is one unit of its service in `services` too.

    Raises
    ------
    ModelError
        If the arrays do not fit the labels or each other.
    """

    service_names: tuple[str, ...]
    practice_names: tuple[str, ...]
    services: Floats
    person_years: Floats
    programme_years: Floats
    years: float
    lines: tuple[str, ...] = ()
    payments: Floats | None = None
    coded_years: Floats | None = None
    age_sex: Floats | None = None
    fte_years: Floats | None = None
    longer_hours: Floats | None = None
    insurer_names: tuple[str, ...] = ()
    insurer_years: Floats | None = None
    indicators: dict[str, Floats] = field(default_factory=dict)
    persons: Persons | None = None
    episodes: Mapping[EpisodeRules, Episodes] = field(default_factory=dict)
    stays: Stays | None = None

    def __post_init__(self) -> None:
        cells = (len(self.practice_names), SEGMENTS)
        self._check("services", (*cells, len(self.service_names)))
        self._check("person_years", cells)
        self._check("programme_years", cells)
        self._check("payments", (*cells, len(self.lines)))
        self._check("coded_years", cells)
        self._check("age_sex", (*cells, AGE_SEX))
        self._check("fte_years", (cells[0], 3))
        self._check("longer_hours", cells[:1])
        self._check("insurer_years", (cells[0], len(self.insurer_names)))
        for name, found in self.indicators.items():
            if found.shape != (cells[0], 2):
                raise ModelError(f"activity: indicator {name} has shape {found.shape}, expected {(cells[0], 2)}")
        if not self.years >= 0.0:
            raise ModelError(f"activity: length of the period is {self.years} years, expected 0 or more")

    def _check(self, name: str, shape: tuple[int, ...]) -> None:
        found = getattr(self, name)
        if found is not None and found.shape != shape:
            raise ModelError(f"activity: {name} has shape {found.shape}, expected {shape}")

    @classmethod
    def empty(cls, service_names: Sequence[str], practice_names: Sequence[str], years: float) -> Activity:
        """Return activity of zero over a period of `years`."""
        cells = (len(practice_names), SEGMENTS)
        return cls(
            service_names=tuple(service_names),
            practice_names=tuple(practice_names),
            services=np.zeros((*cells, len(service_names))),
            person_years=np.zeros(cells),
            programme_years=np.zeros(cells),
            years=years,
        )

    def scaled(self, factor: float) -> Activity:
        """Return the same activity at the same pace over a period `factor` times as long; of no single persons."""
        return replace(
            self,
            services=self.services * factor,
            person_years=self.person_years * factor,
            programme_years=self.programme_years * factor,
            years=self.years * factor,
            payments=None if self.payments is None else self.payments * factor,
            coded_years=None if self.coded_years is None else self.coded_years * factor,
            fte_years=None if self.fte_years is None else self.fte_years * factor,
            longer_hours=None if self.longer_hours is None else self.longer_hours * factor,
            insurer_years=None if self.insurer_years is None else self.insurer_years * factor,
            indicators={name: counts * factor for name, counts in self.indicators.items()},
            persons=None,
            episodes={rules: rows.scaled(factor) for rules, rows in self.episodes.items()},
            stays=None if self.stays is None else self.stays.scaled(factor),
        )

    def weighted(self, factor: Floats) -> Activity:
        """Return the activity with each practice's at its own weight ``[practice]``; without rows of weight 0."""
        by_one, by_two = factor[:, None], factor[:, None, None]
        persons = self.persons
        if persons is not None and not (factor > 0.0).all():
            persons = persons.taken(factor[persons.practice] > 0.0)
        return replace(
            self,
            services=self.services * by_two,
            person_years=self.person_years * by_one,
            programme_years=self.programme_years * by_one,
            payments=None if self.payments is None else self.payments * by_two,
            coded_years=None if self.coded_years is None else self.coded_years * by_one,
            fte_years=None if self.fte_years is None else self.fte_years * by_one,
            longer_hours=None if self.longer_hours is None else self.longer_hours * factor,
            insurer_years=None if self.insurer_years is None else self.insurer_years * by_one,
            indicators={name: counts * by_one for name, counts in self.indicators.items()},
            persons=persons,
            episodes={rules: rows.weighted(factor) for rules, rows in self.episodes.items()},
            stays=None if self.stays is None else self.stays.weighted(factor),
        )

    def plus(self, later: Activity) -> Activity:
        """Return the activity of this period followed by that of `later`, of the same practices.

        What either period lacks, the sum lacks; single persons are those of the year that closed last.
        """
        if (self.service_names, self.practice_names) != (later.service_names, later.practice_names):
            raise ModelError("activity: two periods with different services or practices cannot be added")
        return replace(
            self,
            services=self.services + later.services,
            person_years=self.person_years + later.person_years,
            programme_years=self.programme_years + later.programme_years,
            years=self.years + later.years,
            payments=_sum(self.payments, later.payments),
            coded_years=_sum(self.coded_years, later.coded_years),
            age_sex=_mixed(self, later),
            fte_years=_sum(self.fte_years, later.fte_years),
            longer_hours=_sum(self.longer_hours, later.longer_hours),
            insurer_years=_sum(self.insurer_years, later.insurer_years),
            indicators={
                name: np.asarray(self.indicators.get(name, 0.0) + later.indicators.get(name, 0.0))
                for name in (self.indicators | later.indicators)
            },
            persons=self.persons if later.persons is None else later.persons,
            episodes={
                rules: rows.plus(later.episodes[rules])
                for rules, rows in self.episodes.items()
                if rules in later.episodes
            },
            stays=None if self.stays is None or later.stays is None else self.stays.plus(later.stays),
        )

    def unpaid(self) -> Activity:
        """Return the activity without what was paid for it, which is to be reckoned anew."""
        return self if self.payments is None and not self.lines else replace(self, lines=(), payments=None)

    def pooled(self) -> Activity:
        """Return the activity of all practices together, as of one practice called ``all``; made once."""
        return self._pooled

    @cached_property
    def _pooled(self) -> Activity:
        return replace(
            self,
            practice_names=("all",),
            services=self.services.sum(axis=0, keepdims=True),
            person_years=self.person_years.sum(axis=0, keepdims=True),
            programme_years=self.programme_years.sum(axis=0, keepdims=True),
            payments=None if self.payments is None else self.payments.sum(axis=0, keepdims=True),
            coded_years=None if self.coded_years is None else self.coded_years.sum(axis=0, keepdims=True),
            age_sex=None if self.age_sex is None else mix_of(self._by_age_sex(self.age_sex).sum(axis=0, keepdims=True)),
            fte_years=None if self.fte_years is None else self.fte_years.sum(axis=0, keepdims=True),
            longer_hours=None if self.longer_hours is None else self.longer_hours.sum(keepdims=True),
            insurer_years=None if self.insurer_years is None else self.insurer_years.sum(axis=0, keepdims=True),
            indicators={name: counts.sum(axis=0, keepdims=True) for name, counts in self.indicators.items()},
            persons=None if self.persons is None else self.persons.pooled(),
            episodes={rules: rows.pooled() for rules, rows in self.episodes.items()},
            stays=None if self.stays is None else self.stays.pooled(),
        )

    def _by_age_sex(self, mix: Floats) -> Floats:
        return mix * self.person_years[:, :, None]

    def annualised(self) -> Activity:
        """Return the activity of one year at this period's pace."""
        if not self.years > 0.0:
            raise ModelError("activity: a period of zero years has no yearly pace")
        return replace(self.scaled(1.0 / self.years), years=1.0)


def mix_of(counts: Floats) -> Floats:
    """Return ``[..., cell]`` shares of the last axis; zeros where nothing is counted."""
    total = counts.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(counts, total, out=np.zeros_like(counts), where=total > 0.0))


def _mixed(first: Activity, second: Activity) -> Floats | None:
    if first.age_sex is None or second.age_sex is None:
        return None
    return mix_of(first._by_age_sex(first.age_sex) + second._by_age_sex(second.age_sex))


def _sum(first: Floats | None, second: Floats | None) -> Floats | None:
    return None if first is None or second is None else first + second
