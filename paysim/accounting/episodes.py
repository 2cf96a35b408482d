"""Acute episodes: the care of a person in a window after an admission, grouped from dated claims period by period.

An episode begins with a claim of a trigger service and runs for the window of its kind. A trigger inside a running
episode of the same kind, or of one that takes precedence, belongs to that episode; a trigger of a kind with precedence
ends the running one and begins its own. So a person is in one episode at a time and a claim in one at most. Windows run
on over the ends of periods and years: a `Register` remembers the episodes that are open.

Claims with a date belong to the episode in whose window the date lies. Use of a period that has no date is taken to be
spread evenly over the time that the person lived in it, and the part inside the window belongs to the episode.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Fate = Literal["truncate", "drop"]

STAYED, DIED, LEFT = 0, 1, 2
"""What became of a person in a period."""

CLAIM = np.dtype(
    [
        ("row", "i8"),  # of the person
        ("service", "i8"),  # position among the services
        ("day", "f8"),  # since the start
        ("quantity", "f8"),
        ("stay", "f8"),  # days in hospital
        ("severity", "i8"),  # chronic conditions besides what the admission is for
    ]
)
"""A claim with a date."""

OPEN = np.dtype([("row", "i8"), ("kind", "i8"), ("start", "f8"), ("until", "f8"), ("paid", "f8")])
"""An episode that goes on: who, position of its kind, days since the start, and euros paid so far."""


@dataclass(frozen=True)
class EpisodeKind:
    """One kind of episode.

    Attributes
    ----------
    name
        What it is called.
    triggers
        Services with which it begins.
    window_days
        Length, from the day of the trigger.
    after_discharge
        Whether the window begins with the discharge from the triggering stay, which is then part of the episode.
    """

    name: str
    triggers: tuple[str, ...]
    window_days: float
    after_discharge: bool = False


@dataclass(frozen=True)
class EpisodeRules:
    """How claims become episodes.

    Attributes
    ----------
    kinds
        In order of precedence, the first before all others.
    services
        Services in scope; empty: all.
    if_overtaken, if_died, if_left
        Whether an episode counts as far as it came, or not at all, when a kind with precedence ends it, or when the
        person dies or leaves before the window is over.

    Raises
    ------
    ValueError
        If there are no kinds, two share a name or a trigger, a kind has no trigger, or a window is no length of time.
    """

    kinds: tuple[EpisodeKind, ...]
    services: tuple[str, ...] = ()
    if_overtaken: Fate = "truncate"
    if_died: Fate = "truncate"
    if_left: Fate = "truncate"

    def __post_init__(self) -> None:
        triggers = [name for kind in self.kinds for name in kind.triggers]
        if not self.kinds or not all(kind.triggers for kind in self.kinds):
            raise ValueError("episodes need at least one kind, and each kind a trigger")
        if len({kind.name for kind in self.kinds}) < len(self.kinds):
            raise ValueError("two kinds of episode have the same name")
        if len(set(triggers)) < len(triggers):
            raise ValueError("a service can trigger one kind of episode only")
        if not all(0.0 < kind.window_days < np.inf for kind in self.kinds):
            raise ValueError("window_days must be above 0")

    def kind_of(self, service_names: tuple[str, ...]) -> Ints:
        """Return the position of the kind that each service triggers ``[service]``, -1 for none."""
        of = {name: k for k, kind in enumerate(self.kinds) for name in kind.triggers}
        return np.array([of.get(name, -1) for name in service_names], np.int64)

    def in_scope(self, service_names: tuple[str, ...]) -> NDArray[np.bool_]:
        """Return whether each service is in scope ``[service]``."""
        return np.array([not self.services or name in self.services for name in service_names])


@dataclass(frozen=True, eq=False)
class Rows:
    """A table about people of practices, one row a case.

    Attributes
    ----------
    practice, segment
        ``[n]`` whose list the person is on at the end of the period, and the segment then.
    weight
        ``[n]`` how many such cases a row stands for: 1, or a fraction where activity is expected.
    """

    practice: Ints
    segment: Ints
    weight: Floats

    def plus(self, later: Self) -> Self:
        """Return the rows of both periods."""
        names = [each.name for each in fields(self)]
        return type(self)(**{name: np.concatenate([getattr(self, name), getattr(later, name)]) for name in names})

    def scaled(self, factor: float) -> Self:
        """Return rows that stand for `factor` times as many cases."""
        return replace(self, weight=self.weight * factor)

    def weighted(self, factor: Floats) -> Self:
        """Return the rows at a weight by practice ``[practice]``, without those of weight 0."""
        kept = factor[self.practice] > 0.0
        rows = type(self)(**{each.name: getattr(self, each.name)[kept] for each in fields(self)})
        return replace(rows, weight=rows.weight * factor[rows.practice])

    def pooled(self) -> Self:
        """Return the rows as of one practice."""
        return replace(self, practice=np.zeros_like(self.practice))

    def summed(self, values: Floats, shape: tuple[int, ...]) -> Floats:
        """Return ``[practice, segment]`` sums of ``[n]`` values times weight."""
        total = np.zeros(shape)
        np.add.at(total, (self.practice, self.segment), self.weight * values)
        return total


@dataclass(frozen=True, eq=False)
class Stays(Rows):
    """Admissions of a period.

    Attributes
    ----------
    service
        ``[n]`` position among the services.
    days
        ``[n]`` length of stay.
    severity
        ``[n]`` chronic conditions of the model that the person has at admission, besides what the admission is for.
    coded_higher
        ``[n]`` share of such admissions that the hospital codes one group of severity higher than they are.
    """

    service: Ints
    days: Floats
    severity: Ints
    coded_higher: Floats


@dataclass(frozen=True, eq=False)
class Episodes(Rows):
    """Episodes of a period: one row for each that was running at some time of it.

    An episode over several periods has a row in each. Added up over periods, `begun` counts episodes and `payments` is
    all that was paid in them; what was dropped is taken back in the period in which it is.

    Attributes
    ----------
    kind
        ``[n]`` position of the kind.
    start
        ``[n]`` day of the trigger, since the start of the run (base years have negative days).
    begun
        ``[n]`` 1 if it began in the period, -1 if it began before and was dropped, else 0.
    ended
        ``[n]`` whether it ended in the period and counts.
    payments, total
        ``[n]`` euros in scope, of the period and since the episode began.
    """

    kind: Ints
    start: Floats
    begun: Floats
    ended: NDArray[np.bool_]
    payments: Floats
    total: Floats


@dataclass(frozen=True, eq=False)
class Lives:
    """The people with claims or open episodes in a period.

    Attributes
    ----------
    rows
        ``[n]`` in rising order.
    first, last
        ``[n]`` days since the start between which each lived here in the period.
    fate
        ``[n]`` `STAYED`, `DIED` or `LEFT`.
    practice, segment
        ``[n]`` of each at the end of the period.
    undated
        ``[n, service]`` quantities used in the period that have no date.
    """

    rows: Ints
    first: Floats
    last: Floats
    fate: Ints
    practice: Ints
    segment: Ints
    undated: Floats


class Register:
    """Groups claims into episodes, period after period.

    Parameters
    ----------
    service_names
        Names behind the positions of services.
    open_episodes
        Those that run on from before, see `OPEN`.
    """

    def __init__(
        self, rules: EpisodeRules, service_names: tuple[str, ...], open_episodes: np.ndarray | None = None
    ) -> None:
        self.rules = rules
        self.open = np.zeros(0, OPEN) if open_episodes is None else open_episodes.copy()
        self._kind_of, self._in_scope = rules.kind_of(service_names), rules.in_scope(service_names)
        self._window = np.array([kind.window_days for kind in rules.kinds])
        self._after_discharge = np.array([kind.after_discharge for kind in rules.kinds])

    def rows(self, claims: np.ndarray) -> Ints:
        """Return the rows of people who are in an episode, or begin one with these claims, in rising order."""
        begin = claims["row"][self._kind_of[claims["service"]] >= 0]
        return np.unique(np.concatenate([self.open["row"], begin]))

    def close(self, end: float, claims: np.ndarray, lives: Lives, prices_eur: Floats) -> Episodes:
        """Return the episodes of the period that ends on day `end`.

        Parameters
        ----------
        claims
            All claims of the period that have a date, of `lives` at least.
        lives
            The people in `rows`; others may be among them.
        prices_eur
            ``[practice, service]`` what is paid for a unit.
        """
        prices = np.where(self._in_scope, prices_eur, 0.0)[lives.practice]
        claims = claims[np.isin(claims["row"], lives.rows)]
        spells, begun, overtaken = self._spells(claims, lives)
        person = np.searchsorted(lives.rows, spells["row"])
        paid = self._undated(spells, person, lives, prices) + _dated(spells, claims, lives, prices)
        gone = np.where(spells["until"] > lives.last[person], lives.fate[person], STAYED)
        dropped = np.zeros(len(spells), bool)
        for happened, then in (
            (overtaken, self.rules.if_overtaken),
            (gone == DIED, self.rules.if_died),
            (gone == LEFT, self.rules.if_left),
        ):
            dropped |= happened & (then == "drop")
        over = (spells["until"] <= end) | (gone != STAYED)
        total = np.where(dropped, 0.0, spells["paid"] + paid)
        found = Episodes(
            practice=lives.practice[person],
            segment=lives.segment[person],
            weight=np.ones(len(spells)),
            kind=spells["kind"].copy(),
            start=spells["start"].copy(),
            begun=np.where(dropped, begun - 1.0, begun),
            ended=over & ~dropped,
            payments=total - spells["paid"],
            total=total,
        )
        spells["paid"] = total
        self.open = spells[~over & ~dropped]
        known = ~dropped | (begun == 0.0)
        return type(found)(**{each.name: getattr(found, each.name)[known] for each in fields(found)})

    def _spells(self, claims: np.ndarray, lives: Lives) -> tuple[np.ndarray, Floats, NDArray[np.bool_]]:
        """Return the episodes that run in the period, which of them begin in it, and which another kind ends."""
        triggers = claims[self._kind_of[claims["service"]] >= 0]
        kinds = self._kind_of[triggers["service"]]
        order = np.lexsort((kinds, triggers["day"], triggers["row"]))
        triggers, kinds = triggers[order], kinds[order]
        person = np.searchsorted(lives.rows, triggers["row"])
        spells = np.concatenate([self.open, np.zeros(len(triggers), OPEN)])
        began, overtaken = np.zeros(len(spells), bool), np.zeros(len(spells), bool)
        running = np.full(len(lives.rows), -1)  # each person's latest spell
        running[np.searchsorted(lives.rows, self.open["row"])] = np.arange(len(self.open))
        first = np.searchsorted(person, person, side="left")
        turn = np.arange(len(triggers)) - first
        for k in range(int(turn.max(initial=-1)) + 1):  # the first trigger of each person, then the second, ...
            at = np.flatnonzero(turn == k)
            now = running[person[at]]
            day, kind = triggers["day"][at], kinds[at]
            inside = (now >= 0) & (day < spells["until"][now])
            before = inside & (kind < spells["kind"][now])
            spells["until"][now[before]] = day[before]
            overtaken[now[before]] = True
            begins = ~inside | before
            new = len(self.open) + at[begins]
            at, day, kind = at[begins], day[begins], kind[begins]
            stay = np.where(self._after_discharge[kind], triggers["stay"][at], 0.0)
            spells["row"][new], spells["kind"][new], spells["start"][new] = triggers["row"][at], kind, day
            spells["until"][new] = day + stay + self._window[kind]
            began[new] = True
            running[person[at]] = new
        known = began | (np.arange(len(spells)) < len(self.open))
        return spells[known], began[known].astype(np.float64), overtaken[known]

    @staticmethod
    def _undated(spells: np.ndarray, person: Ints, lives: Lives, prices: Floats) -> Floats:
        """Return euros of use without a date that fall into each spell."""
        first, last = lives.first[person], lives.last[person]
        inside = np.maximum(np.minimum(spells["until"], last) - np.maximum(spells["start"], first), 0.0)
        part = np.divide(inside, last - first, out=np.zeros_like(inside), where=last > first)
        return np.asarray(part * (lives.undated * prices).sum(axis=1)[person])


def _dated(spells: np.ndarray, claims: np.ndarray, lives: Lives, prices: Floats) -> Floats:
    """Return euros of the claims that fall into each spell."""
    row = np.concatenate([spells["row"], claims["row"]])
    day = np.concatenate([spells["start"], claims["day"]])
    number = np.concatenate([np.arange(len(spells)), np.full(len(claims), -1)])
    order = np.lexsort((number < 0, day, row))  # a spell stands before the claim that triggers it
    latest = np.maximum.accumulate(np.where(number[order] >= 0, np.arange(len(order)), -1))
    spell = np.where(latest >= 0, number[order][latest], -1)
    at = order[(number[order] < 0) & (spell >= 0)] - len(spells)
    spell = spell[(number[order] < 0) & (spell >= 0)]
    belongs = (spells["row"][spell] == claims["row"][at]) & (claims["day"][at] < spells["until"][spell])
    at, spell = at[belongs], spell[belongs]
    person = np.searchsorted(lives.rows, claims["row"][at])
    euros = claims["quantity"][at] * prices[person, claims["service"][at]]
    return np.bincount(spell, euros, minlength=len(spells)).astype(np.float64)
