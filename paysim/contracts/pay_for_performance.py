"""Pay for performance: money for indicators of a year, by target, by degree, by improvement or by rank.

Each indicator earns a score from 0 to 1; the mean score, weighted by points, times the money at stake is paid once a
year. The money is an amount per listed person-year, or part of the year's payments to the practice: withheld as they
are paid, and earned back by score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from scipy.stats import rankdata

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.contracts.protocol import Floats, SettledByYear, Working
from paysim.errors import ModelError, nearest_name


@dataclass(frozen=True)
class Target:
    """How one indicator is scored.

    Attributes
    ----------
    indicator
        Name, such as ``ldl_at_target``.
    points
        Weight in the mean score.
    form
        ``threshold``: 1 from `full` on; ``linear``: from 0 at `floor` to 1 at `full`; ``improvement``: the same on the
        change against the year before; ``rank``: 1 for the best practice, 0 for the last, ties share.
    floor, full
        Values of the indicator, or for improvement of its change; where `full` lies below `floor`, less is better.
    falling
        For improvement: whether a fall is an improvement, so that `floor` and `full` are sizes of a fall.
    fewest
        Denominator below which the practice is left out of this indicator.
    excluded_share
        The most of the denominator that practices may leave out (exceptions: unsuitable, or invited and did not come).
        They are taken to leave out those who would lower the score, as far as there are any.
    shrink_persons
        The value is pulled to the mean of all practices as if so many more persons had it: less noise of small lists.
    """

    indicator: str
    points: float = field(default=1.0, metadata={"unit": "points"})
    form: Literal["threshold", "linear", "improvement", "rank"] = "threshold"
    floor: float = field(default=0.0, metadata={"unit": "value of the indicator"})
    full: float = field(default=0.0, metadata={"unit": "value of the indicator"})
    fewest: float = field(default=0.0, metadata={"unit": "persons or person-years"})
    shrink_persons: float = field(default=0.0, metadata={"unit": "persons or person-years"})
    excluded_share: float = field(default=0.0, metadata={"unit": "share of the denominator"})
    falling: bool = False

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return f"{self.indicator}_{self.form}"

    @property
    def less_is_better(self) -> bool:
        """Whether a lower value of the indicator scores more."""
        return self.falling or self.full < self.floor


@dataclass(frozen=True)
class PayForPerformance(SettledByYear):
    """Targets and the money at stake.

    Attributes
    ----------
    targets
        What is scored.
    eur_per_person_year
        Money at stake for each listed person-year.
    withhold_share
        Or: share of the year's payments to general practice that is withheld, and earned back by score.
    lag_quarters
        Quarters from the close of a year to its settlement.
    """

    kind: ClassVar[str] = "pay_for_performance"

    targets: tuple[Target, ...]
    eur_per_person_year: float = field(default=0.0, metadata={"unit": "EUR per person-year"})
    withhold_share: float = field(default=0.0, metadata={"unit": "share of payments"})
    lag_quarters: int = 0

    def __post_init__(self) -> None:
        if not self.targets:
            raise ValueError("targets need at least one indicator")
        if bool(self.eur_per_person_year) == bool(self.withhold_share):
            raise ValueError("give either eur_per_person_year or withhold_share")
        if self.withhold_share > 1.0:
            raise ValueError("withhold_share must lie between 0 and 1")
        for each in self.targets:
            if each.form in ("linear", "improvement") and each.floor == each.full:
                raise ValueError(f"{each.indicator}: {each.form} needs floor and full that differ")
            if each.falling and each.form != "improvement":
                raise ValueError(f"{each.indicator}: falling belongs to improvement; else let full lie below floor")
            if not each.excluded_share < 1.0:
                raise ValueError(f"{each.indicator}: excluded_share must lie between 0 and 1, and below 1")
        if not any(each.points > 0.0 for each in self.targets):
            raise ValueError("no target has points")
        if not 0 <= self.lag_quarters <= 40:
            raise ValueError("lag_quarters must lie between 0 and 40")

    @property
    def years_felt(self) -> int:
        """Years after its own in which a year still counts: one, where improvement on it is scored."""
        return 1 if any(each.form == "improvement" for each in self.targets) else 0

    @property
    def reads(self) -> frozenset[str]:  # type: ignore[override]
        """What it looks at."""
        return frozenset({"indicators"} | ({"payments"} if self.withhold_share else set()))

    def in_period(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros: what is withheld now."""
        if not self.withhold_share or (book.year is not None and book.year < 0):
            return np.zeros(book.activity.person_years.shape)
        return np.asarray(-self.withhold_share * _payments(book.activity))

    def for_year(self, due: Book, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros that a year has earned."""
        return np.asarray(self.scores(due.activity, due.before(1))[:, None] * self._stake(due.activity))

    def scores(self, year: Activity, before: Activity | None) -> Floats:
        """Return the mean score of each practice ``[practice]``; 0 where no indicator has enough people.

        Parameters
        ----------
        before
            The year before, for improvement; without it improvement scores nothing.
        """
        total, points = np.zeros(len(year.practice_names)), np.zeros(len(year.practice_names))
        for target in self.targets:
            _, enough, score = self._scored(target, year, before)
            total += target.points * score
            points += target.points * enough
        return np.divide(total, points, out=np.zeros_like(total), where=points > 0.0)

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield values, scores and the money at stake, see `Explained`."""
        if self.withhold_share:
            yield Working("withheld now", self.withhold_share * _payments(book.activity).sum(axis=1), "EUR")
        due = self.due(book)
        if due is None:
            yield Working("years settled in this period", 0.0, "years")
            return
        for target in self.targets:
            value, enough, score = self._scored(target, due.activity, due.before(1))
            yield Working(f"{target.indicator}: value", value, "value")
            yield Working(f"{target.indicator}: score ({target.form})", score, "score")
            yield Working(f"{target.indicator}: points", target.points * enough, "points of weight")
        yield Working("mean score", self.scores(due.activity, due.before(1)), "score")
        yield Working("money at stake for the year", self._stake(due.activity).sum(axis=1), "EUR")

    def _stake(self, year: Activity) -> Floats:
        stake = self.withhold_share * _payments(year) if self.withhold_share else 0.0
        return np.asarray(stake + self.eur_per_person_year * year.person_years)

    def _scored(self, target: Target, year: Activity, before: Activity | None) -> tuple[Floats, Floats, Floats]:
        """Return value, whether enough people have it, and the score of an indicator ``[practice]`` each."""
        value, enough = _values(target, year)
        return value, enough, np.where(enough, self._score(target, value, enough, before), 0.0)

    @staticmethod
    def _score(target: Target, value: Floats, enough: Floats, before: Activity | None) -> Floats:
        if target.form == "threshold":
            down = target.full < target.floor
            return np.asarray((value <= target.full) if down else (value >= target.full), float)
        if target.form == "rank":
            score = np.zeros(len(value))
            if enough.sum() > 1:
                down = target.full < target.floor
                place = rankdata(-value[enough] if down else value[enough])
                score[enough] = (place - 1.0) / (enough.sum() - 1.0)
            return score
        if target.form == "improvement":
            if before is None or target.indicator not in before.indicators:
                return np.zeros(len(value))
            change = value - _values(target, before)[0]
            value = -change if target.falling else change
        return np.clip((value - target.floor) / (target.full - target.floor), 0.0, 1.0)


def _payments(activity: Activity) -> Floats:
    if activity.payments is None:
        raise ModelError("pay_for_performance: no payments to withhold from")
    return activity.payments[:, :, activity.lines.index("general_practice")]


def _values(target: Target, year: Activity) -> tuple[Floats, Floats]:
    """Return an indicator ``[practice]``, and who has a denominator that is large enough."""
    if target.indicator not in year.indicators:
        known = tuple(sorted(year.indicators))
        near = nearest_name(target.indicator, known)
        hint = f"; did you mean {near!r}?" if near else ""
        raise ModelError(f"pay_for_performance: no indicator {target.indicator!r} is known{hint}")
    above, below = year.indicators[target.indicator].T
    if target.excluded_share:
        most, bad = target.excluded_share * below, above if target.less_is_better else below - above
        left_out = np.minimum(most, np.maximum(bad, 0.0))
        above, below = (above - left_out if target.less_is_better else above), below - left_out
    mean = above.sum() / below.sum() if below.sum() > 0.0 else 0.0
    more = below + target.shrink_persons
    value = np.divide(above + target.shrink_persons * mean, more, out=np.zeros_like(above), where=more > 0.0)
    return value, (below > 0.0) & (below >= target.fewest)
