"""What practices are during a run: working time that changes by the year, lists that close, and a style of their own.

A practice closes its list to all but newborns when it has too many people per full-time GP, and opens it again when the
list has shrunk by a margin. In the data year lists close at the length beyond which the published share of practices
lies, so it follows from the region's own lists; when the region has more people per GP, it grows by a power of their
number.
"""

from __future__ import annotations

import hashlib

import numpy as np
from scipy.special import ndtri  # type: ignore[import-untyped,unused-ignore]

from paysim.care.access import BookTerms
from paysim.engine.model import Model
from paysim.kernel import streams
from paysim.kernel.records import (
    LANES,
    LEVERS,
    NEVER,
    PREVENTION,
    TICKS_PER_WEEK,
    TICKS_PER_YEAR,
    WEEKS_PER_PERIOD,
    State,
)
from paysim.population.practices import supply_growth

_DOMAIN, OTHERS, _CLOSING = ((1 << 40) + 2000 + k for k in range(3))
"""Take the place of the replicate in keys of practices' styles, of people on a list who are not simulated, and of
practices' ends, far from population, behaviour and engine."""
_QUARTERS = 4
"""Of the base years, the last ones: what is usual."""
_LEAST = 1e-9


class Staff:
    """Working time and lists of one arm's practices.

    Attributes
    ----------
    fte
        Working time of the year ``[P, 3]`` as supply has it, before practices take on more or fewer nurses.
    ends
        Year at whose beginning each practice closes down ``[P]``, or `NEVER`.
    room
        How many people each list took until it would close, when lists were last reviewed; None where no practice ever
        closes down.
    """

    def __init__(self, model: Model, state: State) -> None:
        self.model, self.state = model, state
        self.base = self.fte = working_time(model)
        self.growth = supply_growth(model.region, model.scenario.start.year, model.scenario.horizon_years)
        self.closes_at = closing_length(model)
        self.margin, self.stretch = model.care.practices.reopening_margin, model.care.practices.list_stretch
        self.people_per_gp = len(model.population) / self.base[:, 0].sum()
        self.quarters = 0  # learned from
        self.list_size: np.ndarray | float = 1.0  # at which lists close, as practices decide
        self.ends = closing_years(model)
        self.room: np.ndarray | None = None

    def change(self, now: int, cohort: float = 1.0) -> np.ndarray:
        """Give practices the working time of the year in which `now` lies; what is booked stays booked.

        Parameters
        ----------
        cohort
            Of a closed cohort, what it asks for as a share of what it asked for at the fork: it keeps that share of all
            working time. The rest of the book is for people who are not simulated (`meet_others`).

        Returns
        -------
        numpy.ndarray
            Numbers of the practices that close down now, at the beginning of a year.
        """
        year, practices = now // TICKS_PER_YEAR, self.state.practices
        nobody = np.zeros(0, np.int64)
        if now <= 0 or (cohort == 1.0 and not (self.growth[:year].any() or (self.ends <= year).any())):
            return nobody
        works = self.ends > year
        self.fte = self.base * np.prod(1.0 + self.growth[:year], axis=0) * max(cohort, _LEAST) * works[:, None]
        practices["servers"] *= works[:, None]
        practices["closed"][~works] = 1
        practices["share"] = np.clip(cohort, _LEAST, 1.0)
        if cohort < 1.0:
            practices["others_due"] = np.where(practices["others_due"] == NEVER, now, practices["others_due"])
        self._spread()
        return nobody if now % TICKS_PER_YEAR else np.flatnonzero(self.ends == year)

    def work(self, hours: np.ndarray | float) -> None:
        """Let staff work as practices decided ``[P, 3]``, a ratio: nurses are paid for it, GPs are not."""
        if not (self.state.practices["hours"] == hours).all():
            self.state.practices["hours"] = hours
            self._spread()

    def _spread(self) -> None:
        practices = self.state.practices
        practices["fte"] = self.fte
        practices["fte"][:, 1:] *= practices["hours"][:, 1:]
        set_hours(practices, self.model.care.book)

    def learn(self) -> None:
        """Remember what was asked for in the quarter of the base years that ends now: the mean of the last ones."""
        practices = self.state.practices
        self.quarters = min(self.quarters + 1, _QUARTERS)
        asked = practices["requests"] / (WEEKS_PER_PERIOD * TICKS_PER_WEEK)
        practices["usual"] += (asked - practices["usual"]) / self.quarters
        booked = practices["waits"].sum(axis=2)
        length = np.divide(practices["busy"], booked, out=np.zeros(booked.shape), where=booked > 0)
        practices["usual_ticks"] = np.where(booked > 0, np.round(length), practices["usual_ticks"])

    def review(self, listed: np.ndarray, without: float = 0.0) -> None:
        """Close and open lists.

        Parameters
        ----------
        listed
            People on each list ``[P]``.
        without
            People in the region who are on none.
        """
        practices, fte = self.state.practices, self.state.practices["fte"][:, 0]
        length = np.divide(listed, fte, out=np.full(len(listed), np.inf), where=fte > 0.0)
        now = (listed.sum() + without) / fte.sum()
        limit = self.closes_at * self.list_size * (now / self.people_per_gp) ** self.stretch
        limit = np.where(practices["closed"] == 1, limit * (1.0 - self.margin), limit)
        practices["closed"] = length >= limit
        if (self.ends < NEVER).any():
            places = np.multiply(limit, fte, out=np.zeros(len(fte)), where=fte > 0.0)  # a limit may be infinite
            self.room = np.ceil(np.maximum(places - listed, 0.0))


def working_time(model: Model) -> np.ndarray:
    """Return working time in the data year ``[P, 3]`` of GPs, nurses for somatic care and nurses for mental health."""
    every = model.population.practices
    return np.array([(each.gp_fte, each.nurse_fte, each.mental_nurse_fte) for each in every])


def book_hours(book: BookTerms, fte: np.ndarray) -> np.ndarray:
    """Return the hours a year in the book that working time ``[P, 3]`` gives, of the same professions ``[P, 3]``."""
    lanes = np.array([book.hours_per_year(*each) for each in fte]).reshape(-1, len(LANES))
    return np.column_stack([lanes[:, :2].sum(axis=1), lanes[:, 2:]])


def further_gp_hours(book: BookTerms, practices: np.ndarray) -> np.ndarray:
    """Return the hours a year that GPs work beyond their working time, as practices decide ``[P]``; below 0: less."""
    return np.asarray((practices["hours"][:, 0] - 1.0) * book_hours(book, practices["fte"])[:, 0])


def closing_length(model: Model) -> float:
    """Return the people per full-time GP from which on a list is closed; infinite if no practice ever closes."""
    share, practices = model.care.practices.closed_share, model.population.practices
    lengths = [practice.list_size / practice.gp_fte for practice in practices if practice.gp_fte > 0.0]
    return float(np.quantile(lengths, 1.0 - min(share, 1.0))) if share > 0.0 and lengths else np.inf


def closing_years(model: Model) -> np.ndarray:
    """Return the year of the run at whose beginning each practice closes down ``[P]``; `NEVER` for most.

    Of practices of one GP a share does so every year, by keyed draws that are the same in all arms and replicates.
    """
    terms, scenario = model.care.practices, model.scenario
    ends = np.full(len(model.population.practices), NEVER)
    if terms.solo_closing_rate <= 0.0:
        return ends
    solo = np.array([each.gps == 1 for each in model.population.practices])
    keys = practice_keys(model, _CLOSING)
    for year in range(scenario.horizon_years - 1, 0, -1):
        if scenario.start.year + year >= terms.solo_closing_from_year:
            ends[solo & (streams.uniforms(keys, year) < terms.solo_closing_rate)] = year
    return ends


def set_hours(practices: np.ndarray, book: BookTerms) -> None:
    """Spread the contact hours that working time gives over the opening hours; GPs work more or less than that."""
    for row in practices:
        open_hours = (book.closes_hour - book.opens_hour) * row["servers"]
        whole = row["fte"] / row["share"]  # of a closed cohort others share the book
        whole[0] *= row["hours"][0]
        row["stretch"] = open_hours / np.maximum(book.hours_per_weekday(*whole), 1e-6)


def styles(model: Model) -> dict[int, np.ndarray]:
    """Return how much more or less of something than others each practice does ``[P]``, by lever.

    Log-normal, keyed by the practice's name and the scenario's seed, and the same in all arms and replicates; the mean
    over the people of the region is 1.
    """
    practices, keys = model.population.practices, practice_keys(model, _DOMAIN)
    lists = np.bincount(model.population.practice, minlength=len(practices))
    found = {}
    for name, spread in model.care.practices.style_sd.items():
        lever = LEVERS.index(name)
        factor = np.exp(spread * ndtri(streams.uniforms(keys, lever)))
        found[lever] = factor * (lists.sum() / (lists @ factor)) if spread > 0.0 else np.ones(len(practices))
    return found


def set_styles(practices: np.ndarray, found: dict[int, np.ndarray]) -> None:
    """Write styles into the practices' rows: prevention moves treatment (health), the others activity."""
    practices["activity_style"] = practices["health_style"] = np.ones(len(LEVERS))
    for lever, factor in found.items():
        practices["health_style" if lever == PREVENTION else "activity_style"][:, lever] = factor


def set_quality(practices: np.ndarray, ratio: float) -> None:
    """Let practices with a nurse start, step up and enrol that many times as often as under the current rules."""
    with_nurse = practices["servers"][:, LANES.index("nurse")] > 0
    practices["health_style"][with_nurse, PREVENTION] *= ratio


def practice_keys(model: Model, domain: int) -> np.ndarray:
    """Return the keys of practices' own draws ``[P]``, by name, the same in all arms and replicates."""
    digests = (hashlib.sha256(each.name.encode("utf-8")).digest()[:8] for each in model.population.practices)
    numbers = np.array([int.from_bytes(each, "little") for each in digests], dtype=np.uint64)
    return np.asarray(streams.person_keys(streams.run_key(model.scenario.seed, domain), numbers))
