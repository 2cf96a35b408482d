"""Acute bundle: one price for all care in a window after an admission, borne by the hospital or an organisation.

Of each kind of episode k there is a target T_k, given or the mean of the base years, moved with the trend and less the
discount. An episode counts with what was paid in scope, C, cut off at a low and a high limit. Of all episodes that
ended in a year::

    target amount    A = sum of T_k
    difference       D = A - sum of C
    limited          L = D between -stop_loss x A and stop_gain x A
    with quality q   R = L (1 - gain_at_stake (1 - q)) if L > 0, else L (1 - loss_at_stake q)

Retrospective: providers are paid as usual; R is paid to who is at risk, or by them where it is negative, once a year,
`lag_quarters` after its close. Prospective: T_k is paid when an episode begins, and what is paid for care in scope is
taken back as it is paid (up to the high limit), so that who is at risk pays for that care; with the close of a year
R - D is added. Episodes that began before the start are not in the contract.

A positive payment goes to who is at risk. Rules of this form: United States, 42 CFR 510.210 to 510.305 (joint
replacement), 42 CFR 512.240 to 512.305 of 2017 (infarction), Bundled Payments for Care Improvement Advanced; the
numbers are the contract's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.episodes import EpisodeKind, EpisodeRules, Episodes
from paysim.contracts.protocol import Floats, SettledByYear, Working
from paysim.errors import ModelError
from paysim.kernel.records import WEEKS_PER_YEAR

_DAYS_PER_YEAR = 7.0 * WEEKS_PER_YEAR


@dataclass(frozen=True)
class BundledEpisode:
    """One kind of episode and its price; the order of kinds is their precedence.

    Attributes
    ----------
    name
        What the kind is called.
    triggers
        Services with which an episode begins.
    window_days
        Length, from the trigger, or from the discharge if `after_discharge`.
    target_eur
        Price of an episode before discount; not given: the mean of the base years, and where there were none the
        kind is left out.
    """

    name: str
    triggers: tuple[str, ...] = field(metadata={"names": "admissions"})
    window_days: float = field(metadata={"unit": "days"})
    after_discharge: bool = False
    target_eur: float | None = field(default=None, metadata={"unit": "EUR per episode"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return self.name


@dataclass(frozen=True, eq=False)
class _Year:
    """What a year is reconciled by: number of episodes, targets ``[practice, segment]`` and their sum, and so on."""

    count: float
    targets: Floats
    amount: float
    difference: float
    quality: float


@dataclass(frozen=True)
class AcuteBundle(SettledByYear):
    """Terms of an acute bundle.

    Attributes
    ----------
    episodes
        Kinds of episode.
    services
        Services in scope; empty: all.
    at_risk
        Actor that receives the bundle.
    payment
        ``retrospective`` or ``prospective``.
    base_year_weights
        Weights of the years before the start, oldest first, in targets that are not given.
    trend_per_year
        Yearly growth of those targets.
    discount_share
        Of the targets, kept by the payer.
    low_quantile, high_quantile
        Limits of what an episode counts with, as quantiles of the episodes of its kind: of the base years, moved with
        the trend, if a target is their mean; if all targets are given, of the year itself.
    cap_multiple
        Limit of what an episode counts with, in targets before discount; not given: none.
    stop_loss_share, stop_gain_share
        The most that is lost and gained in a year, of the target amount; not given: no limit.
    quality_indicator
        Name of the indicator that makes the quality score, of all practices together; not given: no adjustment.
    quality_floor, quality_full
        Values of the indicator at which the score is 0 and 1.
    gain_at_stake, loss_at_stake
        Part of a gain that is lost at score 0, and part of a loss that is forgiven at score 1.
    if_overtaken, if_died, if_left
        Whether an episode counts as far as it came when a kind with precedence ends it, or the person dies or leaves.
    lag_quarters
        Quarters from the close of a year to its settlement.
    """

    kind: ClassVar[str] = "acute_bundle"

    episodes: tuple[BundledEpisode, ...]
    services: tuple[str, ...] = field(default=(), metadata={"names": "services"})
    at_risk: Literal["hospital", "integrator", "care_group", "care_council"] = "hospital"
    payment: Literal["retrospective", "prospective"] = "retrospective"
    base_year_weights: tuple[float, ...] = (1.0,)
    trend_per_year: float = field(default=0.0, metadata={"unit": "per year"})
    discount_share: float = field(default=0.0, metadata={"unit": "share of the target"})
    low_quantile: float = field(default=0.0, metadata={"unit": "quantile of episodes of a kind"})
    high_quantile: float = field(default=1.0, metadata={"unit": "quantile of episodes of a kind"})
    cap_multiple: float | None = field(default=None, metadata={"unit": "targets"})
    stop_loss_share: float | None = field(default=None, metadata={"unit": "share of the target amount"})
    stop_gain_share: float | None = field(default=None, metadata={"unit": "share of the target amount"})
    quality_indicator: str | None = None
    quality_floor: float = field(default=0.0, metadata={"unit": "value of the indicator"})
    quality_full: float = field(default=1.0, metadata={"unit": "value of the indicator"})
    gain_at_stake: float = field(default=0.0, metadata={"unit": "share of the gain"})
    loss_at_stake: float = field(default=0.0, metadata={"unit": "share of the loss"})
    if_overtaken: Literal["truncate", "drop"] = "truncate"
    if_died: Literal["truncate", "drop"] = "truncate"
    if_left: Literal["truncate", "drop"] = "truncate"
    lag_quarters: int = 0

    def __post_init__(self) -> None:
        _ = self.episode_rules
        for name in ("discount_share", "low_quantile", "high_quantile", "gain_at_stake", "loss_at_stake"):
            if getattr(self, name) > 1.0:
                raise ValueError(f"{name} must lie between 0 and 1")
        if self.low_quantile >= self.high_quantile:
            raise ValueError("low_quantile must lie below high_quantile")
        if not self.base_year_weights or min(self.base_year_weights) < 0.0 or sum(self.base_year_weights) <= 0.0:
            raise ValueError("base_year_weights need a weight above 0, and none below")
        if self.quality_indicator is None and (self.gain_at_stake or self.loss_at_stake):
            raise ValueError("gain_at_stake and loss_at_stake need quality_indicator")
        if self.quality_floor == self.quality_full:
            raise ValueError("quality_floor and quality_full must differ")
        if not 0 <= self.lag_quarters <= 40:
            raise ValueError("lag_quarters must lie between 0 and 40")
        if self.payment == "prospective":
            if self.low_quantile > 0.0:
                raise ValueError("a prospective price has no low limit: leave low_quantile out")
            if self.high_quantile < 1.0 and not self._looks_back:
                raise ValueError("a prospective price knows no quantile of its own year: give cap_multiple instead")

    @cached_property
    def episode_rules(self) -> EpisodeRules:
        """How claims become episodes."""
        kinds = tuple(EpisodeKind(k.name, k.triggers, k.window_days, k.after_discharge) for k in self.episodes)
        return EpisodeRules(kinds, self.services, self.if_overtaken, self.if_died, self.if_left)

    @property
    def reads(self) -> frozenset[str]:  # type: ignore[override]
        """What it looks at."""
        return frozenset({"episodes"} | ({"indicators"} if self.quality_indicator else set()))

    @property
    def base_years_needed(self) -> int:
        """Years before the start that targets look back on."""
        return len(self.base_year_weights) if self._looks_back else 0

    @property
    def payee(self) -> str:  # type: ignore[override]
        """Who is at risk."""
        return self.at_risk

    @property
    def _looks_back(self) -> bool:
        return any(each.target_eur is None for each in self.episodes)

    @property
    def whole_run(self) -> bool:
        """Whether prices are paid for episodes that end later, so that terms cannot begin or end in between."""
        return self.payment == "prospective"

    def in_period(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros: of a prospective bundle prices less fees, as episodes run.

        Raises
        ------
        ModelError
            If the book lacks episodes by these rules, or a base year.
        """
        if self.payment == "retrospective" or (book.year is not None and book.year < 0):
            return np.zeros(book.activity.person_years.shape)
        prices, fees = self._in_advance(book)
        return prices - fees

    def for_year(self, due: Book, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros due for the episodes that ended in a year.

        Raises
        ------
        ModelError
            If the book lacks episodes by these rules, a base year, or the indicator.
        """
        year = self._ended(due)
        if not year.amount > 0.0:
            return np.zeros(book.activity.person_years.shape)
        return np.asarray(self._settled(year) / year.amount * year.targets)

    def workings(self, book: Book) -> Iterator[Working]:
        """Yield prices and fees of the period, and the reconciliation of the year that is due, see `Explained`."""
        if self.payment == "prospective" and (book.year is None or book.year >= 0):
            prices, fees = self._in_advance(book)
            yield Working("prices of episodes that began", prices.sum(axis=1), "EUR")
            yield Working("fees in scope, taken back", -fees.sum(axis=1), "EUR")
        due = self.due(book)
        if due is None:
            yield Working("years settled in this period", 0.0, "years")
            return
        year, whole = self._ended(due), " of all practices together"
        yield Working(f"episodes that ended{whole}", year.count, "units")
        yield Working(f"target amount{whole}", year.amount, "EUR")
        yield Working(f"payments counted{whole}", year.amount - year.difference, "EUR")
        if self.quality_indicator is not None:
            yield Working(f"quality score ({self.quality_indicator})", year.quality, "share")
        result = self.reconciled(year.difference, year.amount, year.quality)
        yield Working(f"result after limits and quality{whole}", result, "EUR")
        yield Working(f"due for the year{whole}", self._settled(year), "EUR")

    def _in_advance(self, book: Book) -> tuple[Floats, Floats]:
        """Return prices of episodes that began, and fees in scope, of the period ``[practice, segment]``."""
        rows, shape = self._rows(book.activity), book.activity.person_years.shape
        target, _, high = self._terms(book, rows)
        fees = np.minimum(rows.total, high) - np.minimum(rows.total - rows.payments, high)
        return rows.summed(rows.begun * target, shape), rows.summed((target > 0.0) * fees, shape)

    def _ended(self, due: Book) -> _Year:
        """Return the sums of a year over the episodes that ended in it."""
        rows = self._rows(due.activity)
        target, low, high = self._terms(due, rows)
        ended = rows.ended & (target > 0.0)
        targets = rows.summed(ended * target, due.activity.person_years.shape)
        counted = float(rows.weight @ (ended * np.clip(rows.total, low, high)))
        amount = float(targets.sum())
        return _Year(float(rows.weight @ ended), targets, amount, amount - counted, self.quality(due.activity))

    def _settled(self, year: _Year) -> float:
        result = self.reconciled(year.difference, year.amount, year.quality)
        return result - year.difference if self.payment == "prospective" else result

    def reconciled(self, difference: float, amount: float, quality: float) -> float:
        """Return what a year ends with, in euro, from the difference to the target amount; negative is paid back."""
        loss = np.inf if self.stop_loss_share is None else self.stop_loss_share * amount
        gain = np.inf if self.stop_gain_share is None else self.stop_gain_share * amount
        limited = float(np.clip(difference, -loss, gain))
        kept = 1.0 - self.gain_at_stake * (1.0 - quality) if limited > 0.0 else 1.0 - self.loss_at_stake * quality
        return limited * kept

    def quality(self, activity: Activity) -> float:
        """Return the quality score of a year, from 0 to 1; 0 without a denominator."""
        if self.quality_indicator is None:
            return 1.0
        if self.quality_indicator not in activity.indicators:
            known = ", ".join(sorted(activity.indicators)) or "none"
            raise ModelError(f"acute_bundle: no indicator {self.quality_indicator!r}; known: {known}")
        above, below = activity.indicators[self.quality_indicator].sum(axis=0)
        if not below > 0.0:
            return 0.0
        score = (above / below - self.quality_floor) / (self.quality_full - self.quality_floor)
        return float(np.clip(score, 0.0, 1.0))

    def _terms(self, book: Book, rows: Episodes) -> tuple[Floats, Floats, Floats]:
        """Return target after discount, and low and high limit of what each episode counts with ``[episode]``, in euro.

        A target grows to the year in which the episode began, in whichever year it ends (as 42 CFR 512.300: the target
        price is that of the day of admission), so that a price paid in advance is the one reconciled. It is 0 for what
        has no price under the contract: an episode from before the start, a kind that nobody had in the base years.
        """
        began = np.zeros(len(rows.kind), np.int64)
        if self._looks_back and book.year is not None:
            began = np.maximum(rows.start // _DAYS_PER_YEAR, 0.0).astype(np.int64)
        found = np.zeros((3, len(rows.kind)))
        for year in np.unique(began):
            here = began == year
            found[:, here] = np.stack(self._of_year(book, int(year)))[:, rows.kind[here]]
        target, low, high = found
        return np.where(_ours(rows), target, 0.0), low, high

    def _of_year(self, book: Book, began: int) -> tuple[Floats, Floats, Floats]:
        """Return target, low and high limit ``[kind]`` of episodes that began in a contract year."""
        year, weights, growth = 0 if book.year is None else book.year, np.ones(1), 1.0
        if self._looks_back:
            weights = np.array(self.base_year_weights) / sum(self.base_year_weights)
            known = [self._base_year(book, year + back) for back in range(len(weights), 0, -1)]
            middle = float(weights @ np.arange(len(weights), 0, -1))  # years from the base to the first year
            growth = (1.0 + self.trend_per_year) ** (middle + began)
        else:
            known = [self._rows(book.activity)]
        target, low, high = (np.zeros(len(self.episodes)) for _ in range(3))
        for k, each in enumerate(self.episodes):
            ended = [rows.ended & (rows.kind == k) & (self._looks_back | _ours(rows)) for rows in known]
            totals = growth * np.concatenate([rows.total[at] for rows, at in zip(known, ended, strict=True)])
            counts = np.concatenate(
                [w * _divided(rows.weight[at]) for w, rows, at in zip(weights, known, ended, strict=True)]
            )
            mean = float(np.average(totals, weights=counts)) if counts.sum() > 0.0 else 0.0
            low[k], high[k] = _limits(totals, counts, self.low_quantile, self.high_quantile)
            if self.cap_multiple is not None:
                high[k] = min(high[k], self.cap_multiple * (mean if each.target_eur is None else each.target_eur))
            target[k] = each.target_eur or 0.0
            if each.target_eur is None and counts.sum() > 0.0:
                target[k] = float(np.average(np.clip(totals, low[k], high[k]), weights=counts))
        return target * (1.0 - self.discount_share), low, high

    def _base_year(self, book: Book, back: int) -> Episodes:
        found = book.before(back)
        if found is None:
            raise ModelError(
                f"acute_bundle: the target looks back {back} years from contract year {book.year}, which are not "
                f"known: base_years must be {len(self.base_year_weights)} or more"
            )
        return self._rows(found)

    def _rows(self, activity: Activity) -> Episodes:
        if self.episode_rules not in activity.episodes:
            raise ModelError("acute_bundle: no episodes by these rules are known")
        return activity.episodes[self.episode_rules]


def _ours(rows: Episodes) -> np.ndarray:
    """Return which episodes began under the contract: from the start on."""
    return np.asarray(rows.start >= 0.0)


def _divided(weights: Floats) -> Floats:
    """Return weights as shares of their sum."""
    return weights / weights.sum() if weights.sum() > 0.0 else weights


def _limits(totals: Floats, weights: Floats, low: float, high: float) -> tuple[float, float]:
    """Return the values between which totals lie from the `low` to the `high` quantile; none at 0 and 1.

    A quantile is the smallest value at which the share of the weights reaches it.
    """
    if not weights.sum() > 0.0:
        return 0.0, np.inf
    order = np.argsort(totals, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    least, most = (
        float(totals[order[min(int(np.searchsorted(reached, q * (1.0 - 1e-12))), len(order) - 1)]]) for q in (low, high)
    )
    return (least if low > 0.0 else 0.0), (most if high < 1.0 else np.inf)
