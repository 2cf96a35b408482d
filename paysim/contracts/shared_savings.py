"""Shared savings and losses: a provider group keeps part of what care of its people costs less than a benchmark.

Once a year, `lag_quarters` after the year closed, with A the payments for a practice's people on the lines counted::

    own history    sum over base years of weight x payments per person-year, moved with the trend and the case mix
    agreed         an amount per person-year, where the contract names one, in place of both
    norm           payments per person-year of every segment in the whole region in the base years, on the practice's
                   own people of the year, moved with the trend
    benchmark B    person-years x ((1 - norm_weight) x own history + norm_weight x norm) x (1 - discount)
    savings rate   s = (B - A) / B

Savings of at least the minimum are shared from the first euro or beyond the minimum, at `sharing_rate` and by corridor,
up to the cap; losses alike, where `loss_rate` is above zero. A positive payment goes to the providers, a negative one
comes from them. Base years are the years before the agreement, and after every `rebase_every_years` those before the
new one (the ratchet). Rules in this form: United States, 42 CFR part 425; the numbers are the contract's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from paysim.accounting.activity import Activity, Persons
from paysim.accounting.book import Book
from paysim.accounting.segments import CONDITIONS, SEGMENT_CONDITION, SEGMENTS
from paysim.contracts.attribution import moves
from paysim.contracts.protocol import Floats, SettledByYear, Working
from paysim.errors import ModelError

Line = Literal[
    "general_practice",
    "hospital",
    "out_of_hours",
    "pharmacy",
    "mental_health",
    "district_nursing",
    "other_care",
    "long_term_care",
]
CURATIVE: tuple[Line, ...] = (
    "general_practice",
    "hospital",
    "out_of_hours",
    "pharmacy",
    "mental_health",
    "district_nursing",
    "other_care",
)


@dataclass(frozen=True)
class SizeRow:
    """Minimum rate of savings or losses of a list of this size; linear in between, constant beyond the ends."""

    persons: int
    rate: float = field(metadata={"unit": "share of the benchmark"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return f"{self.persons}_persons"


@dataclass(frozen=True)
class Corridor:
    """Share that is kept of savings or losses up to this rate, from the corridor before."""

    up_to: float = field(metadata={"unit": "share of the benchmark"})
    kept: float = field(metadata={"unit": "share of savings or losses"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return f"up_to_{self.up_to:g}"


@dataclass(frozen=True)
class SharedSavings(SettledByYear):
    """Terms of shared savings.

    Attributes
    ----------
    sharing_rate, loss_rate
        Share of savings that is paid out, and of losses that is paid in.
    attribution
        ``enrolment``: everybody on the list counts. ``contact``: only people who had contact with general practice, who
        belong to the practice that saw them most (plurality; of equals the one that saw them last). In the model
        everybody uses the practice whose list they are on, so the two differ for those who changed it.
    assignment
        ``retrospective``: by list or contacts of the year that counts. ``prospective``: by those of the year before,
        known when the year begins; who came since counts for nobody, who changed practice still for the one before.
        Base years alike, so that one more of them is needed.
    conditions
        Only people with these conditions count, ``none`` for people without; empty: everybody.
    lines
        Budget lines of which payments count; empty: all but long-term care.
    base_year_weights
        Weights of the base years, oldest first; they are divided by their sum.
    agreed_eur_per_person_year
        A benchmark that is agreed (a target price) in place of history and norm: this amount for each person-year of
        the people who count, in the first contract year of the agreement. With `conditions`, truncation and caps it is
        a chronic year-bundle that is reconciled afterwards.
    norm_weight
        Weight of the region's norm against the practice's own history.
    trend
        ``region``: growth of the whole region's payments at equal case mix, in a contract for some practices of those
        alone; ``control``: growth of the practices that are not in the contract, at equal case mix; ``fixed``:
        `trend_per_year`; ``none``.
    trend_per_year
        Yearly growth of the benchmark with a fixed trend.
    case_mix_growth_cap
        The most by which the case mix of the practice's own history may grow; not given: no limit.
    truncate_above_eur
        What is paid for one person in a year beyond this does not count, in no year; not given: all counts.
    minimum_savings_rate
        Rate of savings, of the benchmark, from which they are shared.
    minimum_loss_rate
        Rate of losses, of the benchmark, from which they are shared.
    minimum_by_size
        Minimum rate of savings by number of persons on the list, in place of `minimum_savings_rate`.
    minimum_loss_by_size
        Minimum rate of losses by number of persons on the list, in place of `minimum_loss_rate`.
    beyond_minimum_only
        Whether only what exceeds the minimum is shared.
    corridors
        Share kept by rate, in rising order, before the sharing or loss rate; none: all.
    savings_cap_share
        The most that is paid out, as a share of the benchmark.
    loss_cap_share
        The most that is paid in, as a share of the benchmark; a positive number.
    discount_share
        Of the benchmark, kept by the payer.
    quality_indicator
        Name of the indicator on which payment of savings depends; not given: on none.
    quality_gate, quality_full
        Value below which nothing is paid, and value from which all is; in between in proportion.
    pooled
        Whether all practices are one organisation with one benchmark; its trend is then fixed or none.
    rebase_every_years
        Length of an agreement; 0: base years stay those before the start.
    lag_quarters
        Quarters from the close of a year to its settlement.
    recouped_eur_per_person
        An advance that was paid by other terms, for each person on the list in the first year: it is taken off savings
        until it is paid back, and off nothing else.
    """

    kind: ClassVar[str] = "shared_savings"

    sharing_rate: float = field(metadata={"unit": "share of savings"})
    loss_rate: float = field(default=0.0, metadata={"unit": "share of losses"})
    attribution: Literal["enrolment", "contact"] = "enrolment"
    assignment: Literal["retrospective", "prospective"] = "retrospective"
    conditions: tuple[Literal["none", "vascular", "diabetes"], ...] = ()
    lines: tuple[Line, ...] = ()
    base_year_weights: tuple[float, ...] = (1.0,)
    agreed_eur_per_person_year: float | None = field(default=None, metadata={"unit": "EUR per person-year"})
    norm_weight: float = field(default=0.0, metadata={"unit": "share"})
    trend: Literal["region", "control", "fixed", "none"] = "region"
    trend_per_year: float = field(default=0.0, metadata={"unit": "per year"})
    case_mix_growth_cap: float | None = field(default=None, metadata={"unit": "share over the agreement"})
    truncate_above_eur: float | None = field(default=None, metadata={"unit": "EUR per person per year"})
    minimum_savings_rate: float = field(default=0.0, metadata={"unit": "share of the benchmark"})
    minimum_loss_rate: float = field(default=0.0, metadata={"unit": "share of the benchmark"})
    minimum_by_size: tuple[SizeRow, ...] = ()
    minimum_loss_by_size: tuple[SizeRow, ...] = ()
    beyond_minimum_only: bool = False
    corridors: tuple[Corridor, ...] = ()
    savings_cap_share: float | None = field(default=None, metadata={"unit": "share of the benchmark"})
    loss_cap_share: float | None = field(default=None, metadata={"unit": "share of the benchmark"})
    discount_share: float = field(default=0.0, metadata={"unit": "share of the benchmark"})
    quality_indicator: str | None = None
    quality_gate: float = field(default=0.0, metadata={"unit": "share"})
    quality_full: float = field(default=0.0, metadata={"unit": "share"})
    pooled: bool = False
    rebase_every_years: int = 0
    lag_quarters: int = 0
    recouped_eur_per_person: float = field(default=0.0, metadata={"unit": "EUR per person"})

    def __post_init__(self) -> None:
        shares = ("sharing_rate", "loss_rate", "norm_weight", "discount_share", "minimum_savings_rate")
        for name in (*shares, "minimum_loss_rate", "quality_gate", "quality_full"):
            if getattr(self, name) > 1.0:
                raise ValueError(f"{name} must lie between 0 and 1")
        if not self.base_year_weights or min(self.base_year_weights) < 0.0 or sum(self.base_year_weights) <= 0.0:
            raise ValueError("base_year_weights need a weight above 0, and none below")
        if self.pooled and self.trend == "region":
            raise ValueError(
                "a whole region has no other trend than its own: pooled needs trend: control, fixed or none"
            )
        if self.agreed_eur_per_person_year is not None:
            if self.trend not in ("fixed", "none"):
                raise ValueError("an agreed benchmark has no past to grow from: it needs trend: fixed or none")
            if self.norm_weight or self.case_mix_growth_cap is not None or len(self.base_year_weights) > 1:
                raise ValueError("an agreed benchmark looks at no norm, case mix or base years: leave them out")
        if self.trend != "fixed" and self.trend_per_year:
            raise ValueError("trend_per_year belongs to trend: fixed")
        by_size = (self.minimum_by_size, self.minimum_loss_by_size)
        for rows, name in (*((each, "persons") for each in by_size), (self.corridors, "up_to")):
            values = [getattr(row, name) for row in rows]
            if values != sorted(set(values)):
                raise ValueError(f"rows must stand in rising order of {name}")
        if self.minimum_by_size and self.minimum_savings_rate:
            raise ValueError("give minimum_savings_rate or minimum_by_size, not both")
        if self.minimum_loss_by_size and self.minimum_loss_rate:
            raise ValueError("give minimum_loss_rate or minimum_loss_by_size, not both")
        if any(row.rate > 1.0 for rows in by_size for row in rows):
            raise ValueError("the rate of a size must lie between 0 and 1")
        if any(row.kept > 1.0 for row in self.corridors):
            raise ValueError("kept must lie between 0 and 1")
        if not 0 <= self.lag_quarters <= 40 or not 0 <= self.rebase_every_years <= 50:
            raise ValueError("lag_quarters must lie between 0 and 40, rebase_every_years between 0 and 50")
        if self.quality_full < self.quality_gate:
            raise ValueError("quality_full must not lie below quality_gate")
        if self.quality_indicator is None and self.quality_full:
            raise ValueError("a quality gate needs quality_indicator")

    @property
    def base_years_needed(self) -> int:
        """Years before the start that the benchmark looks back on."""
        history = 0 if self.agreed_eur_per_person_year is not None else len(self.base_year_weights)
        return history + (self.assignment == "prospective")

    @property
    def years_felt(self) -> int:
        """Years after its own in which a year still counts: to the end of the agreement whose benchmark it enters."""
        rebased = self.rebase_every_years if self.agreed_eur_per_person_year is None else 0
        return 2 * rebased - 1 if rebased else 0

    def looks_back_at(self, year: int | None, back: int) -> bool:
        """Tell whether a year's benchmark, or what is still owed of an advance, looks `back` years."""
        since = 0 if year is None else year - self._agreement_start(year)
        owed = self.recouped_eur_per_person > 0.0  # after all that every earlier year earned, by its own benchmark
        history = self.agreed_eur_per_person_year is None and since < back <= since + len(self.base_year_weights)
        return owed or history

    @property
    def reads(self) -> frozenset[str]:  # type: ignore[override]
        """What it looks at."""
        more = {"persons"} if self.truncate_above_eur is not None or self._looks_at_persons else set()
        return frozenset({"payments", *more} | ({"indicators"} if self.quality_indicator else set()))

    def for_year(self, due: Book, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros due for a year, over the people of now alike.

        Raises
        ------
        ModelError
            If the book lacks a base year, payments, or the indicator.
        """
        nothing = np.zeros(book.activity.person_years.shape)
        earned = self._reckoned(due)["earned"]
        paid = earned - self._recouped(due, earned)
        lived = book.activity.person_years
        if self.pooled:
            total = lived.sum()
            return np.asarray(paid[0] * lived / total) if total > 0.0 else nothing
        of_practice = lived.sum(axis=1, keepdims=True)
        return np.asarray(paid[:, None] * np.divide(lived, of_practice, out=nothing, where=of_practice > 0.0))

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield benchmark, savings rate and what is shared of it, see `Explained`."""
        due = self.due(book)
        if due is None:
            yield Working("years settled in this period", 0.0, "years")
            return
        found, of_whom = self._reckoned(due), " of all practices together" if self.pooled else ""
        yield Working("trend of the benchmark since the base years", self.growth(due), "factor")
        yield Working(f"benchmark{of_whom}", found["benchmark"], "EUR")
        yield Working(f"payments counted{of_whom}", found["actual"], "EUR")
        yield Working("savings rate (negative: losses)", found["rate"], "share of the benchmark")
        yield Working("minimum savings rate", found["minimum"], "share of the benchmark")
        if self.loss_rate:
            yield Working("minimum loss rate", found["minimum_loss"], "share of the benchmark")
        if self.quality_indicator is not None:
            yield Working(f"part that quality lets through ({self.quality_indicator})", found["quality"], "share")
        yield Working("shared", found["shared"], "share of the benchmark")
        back = self._recouped(due, found["earned"])
        if self.recouped_eur_per_person:
            yield Working(f"taken off for the advance{of_whom}", back, "EUR")
        yield Working(f"due for the year{of_whom}", found["earned"] - back, "EUR")

    def _reckoned(self, due: Book) -> dict[str, Floats]:
        """Return each step from the benchmark of a year to what it earned ``[practice]``; of one if pooled."""
        due = due.pooled() if self.pooled else due
        benchmark, actual = self.benchmark(due)
        rate = np.divide(benchmark - actual, benchmark, out=np.zeros_like(benchmark), where=benchmark > 0.0)
        persons = self._counted(due.activity).person_years.sum(axis=1) / due.activity.years
        quality = self.quality(due.activity)
        shared = self.shared(rate, persons, quality)
        return {
            "benchmark": benchmark,
            "actual": actual,
            "rate": rate,
            "minimum": self.minimum(persons),
            "minimum_loss": self.minimum_loss(persons),
            "quality": quality,
            "shared": shared,
            "earned": benchmark * shared,
        }

    def _recouped(self, due: Book, earned: Floats) -> Floats:
        """Return what is taken off what a year earned to pay the advance back ``[practice]``; of one if pooled."""
        due = due.pooled() if self.pooled else due
        if not self.recouped_eur_per_person:
            return np.zeros_like(earned)
        first = due.activity if not due.year else due.before(due.year)
        if first is None:
            raise ModelError("shared_savings: an advance is paid back over all years since the start")
        owed = self.recouped_eur_per_person * self._counted(first).person_years.sum(axis=1) / first.years
        for back in range(due.year or 0, 0, -1):
            earlier = due.year_back(back)
            if earlier is not None:
                owed = owed - np.minimum(owed, np.maximum(self._reckoned(earlier)["earned"], 0.0))
        return np.asarray(np.minimum(owed, np.maximum(earned, 0.0)))

    def shared(self, rate: Floats, persons: Floats, quality: Floats) -> Floats:
        """Return what is paid, as share of the benchmark, for savings rates ``[n]``; negative is paid in.

        Parameters
        ----------
        persons
            On the list ``[n]``.
        quality
            Part of the savings that quality lets through ``[n]``.
        """
        minimum, minimum_loss = self.minimum(persons), self.minimum_loss(persons)
        gain = np.where(rate >= minimum, np.maximum(rate, 0.0), 0.0)
        loss = np.where(-rate >= minimum_loss, np.maximum(-rate, 0.0), 0.0)
        if self.beyond_minimum_only:
            gain = np.maximum(gain - minimum, 0.0)
            loss = np.maximum(loss - minimum_loss, 0.0)
        out = self.sharing_rate * self._kept(gain) * quality
        back = self.loss_rate * self._kept(loss)
        out = out if self.savings_cap_share is None else np.minimum(out, self.savings_cap_share)
        back = back if self.loss_cap_share is None else np.minimum(back, self.loss_cap_share)
        return np.asarray(out - back)

    def minimum(self, persons: Floats) -> Floats:
        """Return the minimum savings rate of lists of a size ``[n]``."""
        return _by_size(self.minimum_by_size, self.minimum_savings_rate, persons)

    def minimum_loss(self, persons: Floats) -> Floats:
        """Return the minimum loss rate of lists of a size ``[n]``."""
        return _by_size(self.minimum_loss_by_size, self.minimum_loss_rate, persons)

    def quality(self, activity: Activity) -> Floats:
        """Return the part of savings that quality lets through ``[practice]``; without a denominator none."""
        if self.quality_indicator is None:
            return np.ones(len(activity.practice_names))
        if self.quality_indicator not in activity.indicators:
            known = ", ".join(sorted(activity.indicators)) or "none"
            raise ModelError(f"shared_savings: no indicator {self.quality_indicator!r}; known: {known}")
        above, below = activity.indicators[self.quality_indicator].T
        value = np.divide(above, below, out=np.zeros_like(above), where=below > 0.0)
        full = max(self.quality_full, self.quality_gate)
        part = np.divide(value, full, out=np.ones_like(value), where=full > 0.0)
        return np.where(value >= self.quality_gate, np.minimum(part, 1.0), 0.0)

    def benchmark(self, due: Book) -> tuple[Floats, Floats]:
        """Return benchmark and actual payments of a year ``[practice]``, in euro.

        Parameters
        ----------
        due
            Book of the year to settle.
        """
        now = self._counted(due.activity)
        lived = now.person_years.sum(axis=1)
        if self.agreed_eur_per_person_year is not None:
            agreed = self.agreed_eur_per_person_year * lived
            return agreed * self.growth(due) * (1.0 - self.discount_share), self._spent(now).sum(axis=1)
        years, weights = self._base_years(due), self._weights
        spent = [self._spent(each) for each in years]
        norm = self._norm(years, spent, weights)  # [segment] euro per person-year in the base years
        here = now.person_years @ norm
        own = np.zeros(len(lived))
        for weight, year, paid in zip(weights, years, spent, strict=True):
            then = year.person_years.sum(axis=1)
            per_person = np.divide(paid.sum(axis=1), then, out=np.zeros_like(then), where=then > 0.0)
            mix = _ratio(_ratio(here, lived), _ratio(year.person_years @ norm, then))
            if self.case_mix_growth_cap is not None:
                mix = np.minimum(mix, 1.0 + self.case_mix_growth_cap)
            own += weight * per_person * mix
        expected = (1.0 - self.norm_weight) * own * lived + self.norm_weight * here
        return expected * self.growth(due) * (1.0 - self.discount_share), self._spent(now).sum(axis=1)

    def growth(self, due: Book) -> float:
        """Return the trend of the benchmark, from the base years to the year of the book, as a factor.

        Raises
        ------
        ModelError
            If nobody is outside the contract whose growth could be taken.
        """
        if self.trend == "fixed":
            first = self._agreement_start(due.year)
            agreed = self.agreed_eur_per_person_year is not None
            middle = 0.0 if agreed else float(self._weights @ np.arange(len(self._weights), 0, -1))  # to the first year
            return float((1.0 + self.trend_per_year) ** (middle + (0 if due.year is None else due.year - first)))
        if self.trend == "none":
            return 1.0
        of = due
        if self.trend == "control":
            if due.controls is None or not due.controls.activity.person_years.any():
                raise ModelError("shared_savings: trend: control needs practices that are not in the contract")
            of = due.controls
        years, now = self._base_years(of), self._counted(of.activity)
        norm = self._norm(years, [self._spent(each) for each in years], self._weights)
        expected = float((now.person_years @ norm).sum())
        return float(self._spent(now).sum()) / expected if expected > 0.0 else 1.0

    @property
    def needs_controls(self) -> bool:
        """Whether it looks at practices that are not in the contract."""
        return self.trend == "control"

    @property
    def _weights(self) -> Floats:
        return np.array(self.base_year_weights) / sum(self.base_year_weights)

    def _base_years(self, due: Book) -> list[Activity]:
        return [self._base_year(due, back) for back in range(len(self.base_year_weights), 0, -1)]

    def _agreement_start(self, year: int | None) -> int:
        if year is None or not self.rebase_every_years:
            return 0
        return year // self.rebase_every_years * self.rebase_every_years

    def _base_year(self, due: Book, back: int) -> Activity:
        since = 0 if due.year is None else due.year - self._agreement_start(due.year)
        found = due.before(since + back)
        if found is None:
            raise ModelError(
                f"shared_savings: the benchmark looks back {since + back} years from contract year {due.year}, which "
                f"are not known: base_years must be {len(self.base_year_weights)} or more"
            )
        return self._counted(found)

    def _counted(self, activity: Activity) -> Activity:
        """Return the activity of the people who count."""
        if not (self._looks_at_persons or self.conditions):
            return activity  # not kept: what holds its own key would never be let go
        return _once(_COUNTED, activity, self, self._count)

    def _count(self, activity: Activity) -> Activity:
        if self._looks_at_persons:
            persons, to = self._belong(activity)
            way = f"{self.attribution} {self.assignment}"
            activity = moves(persons, way, to, len(activity.practice_names)).of(activity)
        if not self.conditions:
            return activity
        meant = self._meant
        return replace(
            activity,
            person_years=activity.person_years * meant,
            payments=None if activity.payments is None else activity.payments * meant[:, None],
        )

    @property
    def _meant(self) -> NDArray[np.bool_]:
        """Which segments count ``[segment]``."""
        if not self.conditions:
            return np.ones(SEGMENTS, bool)
        return np.isin(SEGMENT_CONDITION, [CONDITIONS.index(name) for name in self.conditions])

    @property
    def _looks_at_persons(self) -> bool:
        return self.attribution == "contact" or self.assignment == "prospective"

    def _belong(self, activity: Activity) -> tuple[Persons, NDArray[np.int64]]:
        """Return the single persons of a year, and the practice to which each belongs.

        Raises
        ------
        ModelError
            If they are not known, or where they were in the year before is not.
        """
        persons = activity.persons
        if persons is None:
            what = "attribution by contact" if self.attribution == "contact" else "prospective assignment"
            raise ModelError(f"shared_savings: {what} needs single persons")
        if self.assignment == "retrospective":
            return persons, persons.seen_by
        to = persons.most_seen_before if self.attribution == "contact" else persons.listed_before
        if to is None:
            raise ModelError("shared_savings: where people were in the year before is not known")
        return persons, to

    def _spent(self, year: Activity) -> Floats:
        """Return ``[practice, segment]`` euros that count in a year of the people who count."""
        return _once(_SPENT, year, self, self._spend)

    def _spend(self, year: Activity) -> Floats:
        if year.payments is None:
            raise ModelError("shared_savings: no payments to look at")
        counted = [year.lines.index(line) for line in self.lines or CURATIVE]
        spent = np.asarray(year.payments[:, :, counted].sum(axis=2))
        if self.truncate_above_eur is None:
            return spent
        if year.persons is None:
            raise ModelError("shared_savings: truncation needs the payments of single persons")
        persons = year.persons
        beyond = np.maximum(persons.payments[:, counted].sum(axis=1) - self.truncate_above_eur, 0.0)
        cell = persons.practice * SEGMENTS + persons.segment
        cut = np.bincount(cell, beyond, spent.size).reshape(spent.shape)
        return np.asarray(spent - cut * self._meant)

    @staticmethod
    def _norm(years: list[Activity], spent: list[Floats], weights: Floats) -> Floats:
        """Return the region's euros per person-year by segment ``[segment]`` over the base years."""
        norm = np.zeros(spent[0].shape[1])
        for weight, year, paid in zip(weights, years, spent, strict=True):
            lived = year.person_years.sum(axis=0)
            mean = paid.sum() / lived.sum() if lived.sum() > 0.0 else 0.0
            norm += weight * np.divide(paid.sum(axis=0), lived, out=np.full_like(lived, mean), where=lived > 0.0)
        return norm

    def _kept(self, rate: Floats) -> Floats:
        """Return what is kept of rates ``[n]`` by corridor; beyond the last one its share goes on."""
        if not self.corridors:
            return rate
        kept, low = np.zeros_like(rate), 0.0
        for row in self.corridors:
            last = row is self.corridors[-1]
            kept += row.kept * np.clip(rate - low, 0.0, np.inf if last else row.up_to - low)
            low = row.up_to
        return kept


T = TypeVar("T")
_Kept = WeakKeyDictionary[Activity, dict[SharedSavings, T]]
_COUNTED: _Kept[Activity] = WeakKeyDictionary()
_SPENT: _Kept[Floats] = WeakKeyDictionary()
"""A decision reckons with the same base years under very many turns of the year to come."""


def _once(kept: _Kept[T], year: Activity, terms: SharedSavings, make: Callable[[Activity], T]) -> T:
    """Return what terms make of a year, kept as long as the year is; two threads at once make the same twice."""
    found = kept.setdefault(year, {})
    if terms not in found:
        found[terms] = make(year)
    return found[terms]


def _by_size(rows: tuple[SizeRow, ...], fixed: float, persons: Floats) -> Floats:
    """Return the minimum rate of lists of a size ``[n]``: by size if there are rows, else the fixed one."""
    if not rows:
        return np.full(len(persons), fixed)
    sizes, rates = zip(*((row.persons, row.rate) for row in rows), strict=True)
    return np.asarray(np.interp(persons, sizes, rates))


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.ones_like(above), where=below > 0.0)
