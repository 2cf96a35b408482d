"""Who comes to the region, who leaves it, and who changes practice or insurer: what rows of people are given out.

People leave by a process of their own, at any moment; newcomers join, and people change practice, at the end of a
week. The schedule of arrivals is fixed before the base run: number k comes in the same week, with the same key, traits
and health in every arm, whoever has left and whatever row is free.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from paysim.accounting.segments import segment_code
from paysim.behaviour.lists import Lists
from paysim.engine.joining import Joining
from paysim.engine.model import Model
from paysim.engine.start import births_expected, copy_traits, room_for_births
from paysim.errors import ModelError
from paysim.kernel import advance as kernel
from paysim.kernel import streams
from paysim.kernel.records import (
    ARRIVAL,
    LIST_REQUEST,
    NEVER,
    PERIODS_PER_YEAR,
    PERSON,
    TICKS_PER_WEEK,
    TICKS_PER_YEAR,
    VACANT,
    WEEKS_PER_PERIOD,
    WEEKS_PER_YEAR,
    State,
)
from paysim.kernel.tables import stream_key

_NOBODY = np.zeros(1, PERSON)
_NOBODY["id"], _NOBODY["death"], _NOBODY["due"] = VACANT, NEVER, NEVER


class Migration:
    """The movements of one arm's people.

    Parameters
    ----------
    replicate
        Enters the keys of newcomers.

    Attributes
    ----------
    refused
        People who wanted another practice and found all lists closed, since it was last set to zero.
    let_go
        People whom their practice sent away, since it was last set to zero.
    lists
        Whom practices accept and keep; None: everybody.
    """

    def __init__(self, model: Model, state: State, replicate: int) -> None:
        scenario, population = model.scenario, model.population
        self.model, self.state, self.rates = model, state, model.migration
        self.begin = -scenario.base_years * TICKS_PER_YEAR
        self.end = scenario.horizon_years * TICKS_PER_YEAR
        self._key = streams.run_key(scenario.seed, replicate)
        self._births = births_expected(model, scenario.base_years + scenario.horizon_years)
        self._places = np.array([practice.municipality for practice in population.practices])
        self._joining = Joining(np.array([practice.list_size for practice in population.practices]), self._places)
        self._searching = bool(state.people["unlisted"][state.listed].any())
        self.refused = self.let_go = 0
        self.lists: Lists | None = None
        self._insurers = np.bincount(population.insurer, minlength=len(population.insurers)) / len(population)

    def change_lists(self, requests: np.ndarray, now: int) -> tuple[np.ndarray, np.ndarray]:
        """Give people who asked for another practice one; return their rows ``(left, taken)``.

        Who has died or left since, or finds all other lists closed or full, stays.
        """
        people = self.state.people
        asked = requests[requests["kind"] == LIST_REQUEST]
        _, first = np.unique(asked["row"], return_index=True)
        asked = asked[np.sort(first)]  # once a week
        asked = asked[people["alive"][asked["row"]] == 1]
        old = asked["row"].astype(np.int64)
        wish = _wish(people["key"][old], "practice chosen", asked["number"])
        home = people["practice"][old]
        welcome = self._welcome(people["key"][old], people["segment"][old])
        number = self._joining.choose(wish, home, self.rates.near_share, self._open(now), change=True, welcome=welcome)
        self.refused += int((number < 0).sum())
        return self._move(old[number >= 0], number[number >= 0], now)

    def close_down(self, numbers: np.ndarray, now: int) -> np.ndarray:
        """Leave the people of practices that close down without one; return their rows.

        They lose their appointments, and stay in their rows until another list takes them.
        """
        people, rows = self.state.people, self.state.listed
        rows = rows[(people["alive"][rows] == 1) & np.isin(people["practice"][rows], numbers)]
        people["unlisted"][rows] = 1
        kernel.join_lists(people, self.state.calendar, self.state.practices, self.model.tables, rows, now)
        self._searching = self._searching or len(rows) > 0
        return np.asarray(rows)

    def find_lists(self, now: int, room: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Let people without a practice join an open list; return the rows ``(left, taken)`` of those who had to move.

        Who has been without the longest goes first, and near home.

        Parameters
        ----------
        room
            How many people each list takes at most ``[P]``; by default as many as there are rows for.
        """
        people, nobody = self.state.people, np.zeros(0, np.int64)
        free = self._open(now)
        if room is not None:
            free = np.minimum(free, room).astype(np.int64)  # a list that never closes has room without end
        if not self._searching or not free.any():
            return nobody, nobody
        rows = self.state.listed
        rows = rows[(people["unlisted"][rows] == 1) & (people["alive"][rows] == 1)]
        rows = rows[np.lexsort((people["id"][rows], people["entered"][rows]))]
        self._searching = bool(len(rows))
        wish = _wish(people["key"][rows], "practice found", 0)  # the same as long as they search
        home = people["practice"][rows]
        welcome = self._welcome(people["key"][rows], people["segment"][rows])
        number = self._joining.choose(wish, home, 1.0, free, change=False, welcome=welcome)
        people["unlisted"][rows[number == home]] = 0
        elsewhere = (number >= 0) & (number != home)
        return self._move(rows[elsewhere], number[elsewhere], now)

    def send_away(self, now: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Let practices send people away at the beginning of a quarter.

        Returns
        -------
        ndarray, ndarray, ndarray
            Rows ``left`` and ``taken`` of those who found another practice, and rows of those who have none now; their
            appointments are dropped.
        """
        people, nobody = self.state.people, np.zeros(0, np.int64)
        if self.lists is None or (self.lists.keep == 1.0).all():
            return nobody, nobody, nobody
        rows = self.state.listed
        rows = rows[(people["alive"][rows] == 1) & (people["unlisted"][rows] == 0)]
        keep = self.lists.keep[people["practice"][rows], people["segment"][rows]]
        quarter = np.full(len(rows), (now - self.begin) // (WEEKS_PER_PERIOD * TICKS_PER_WEEK))
        u = streams.to_uniform(_wish(people["key"][rows], "sent away", quarter))
        rows = rows[u >= keep ** (1.0 / PERIODS_PER_YEAR)]
        self.let_go += len(rows)
        wish = _wish(people["key"][rows], "practice after being sent away", quarter[: len(rows)])
        welcome = self._welcome(people["key"][rows], people["segment"][rows])
        home = people["practice"][rows]
        number = self._joining.choose(wish, home, 1.0, self._open(now), change=True, welcome=welcome)
        without = rows[number < 0]
        people["unlisted"][without] = 1
        self._searching |= bool(len(without))
        kernel.join_lists(people, self.state.calendar, self.state.practices, self.model.tables, without, now)
        return *self._move(rows[number >= 0], number[number >= 0], now), without

    def _welcome(self, keys: np.ndarray, segments: np.ndarray) -> np.ndarray | None:
        """Return whether each practice would accept each person ``[n, P]``; None: all would accept all.

        A practice that does not accept a person will not next time either, as long as it is as choosy.
        """
        if self.lists is None or (self.lists.accept == 1.0).all():
            return None
        practices = np.arange(len(self._places), dtype=np.uint64)
        with np.errstate(over="ignore"):
            draws = streams.to_uniform(streams.splitmix64(_wish(keys, "accepted by", 0)[:, None], practices))
        return np.asarray(draws < self.lists.accept[:, segments].T)

    @cached_property
    def _segments(self) -> np.ndarray:
        """Segment in which each inhabitant of the base population starts, and so a newcomer like them."""
        people, masks, flags = self.model.population, self.model.tables[0]["masks"], self.model.flags_at_base
        condition = np.where(flags & masks[0], 2, np.where(flags & masks[1], 1, 0))
        return segment_code(people.age, people.deprived, condition)

    def _move(self, old: np.ndarray, number: np.ndarray, now: int) -> tuple[np.ndarray, np.ndarray]:
        """Put people in rows `old` on the lists `number`; return the rows ``(left, taken)``.

        The whole row moves, so that all that has been counted of a person goes along. Appointments with the old
        practice are dropped.
        """
        people = self.state.people
        new = self._take_rows(number)
        moved = people[old]
        place = self._places[number]
        elsewhere = place != self._places[moved["practice"]]
        moved["municipality"][elsewhere] = place[elsewhere]
        moved["practice"] = number
        moved["unlisted"] = 0
        people[new] = moved
        self._vacate(old)
        kernel.join_lists(people, self.state.calendar, self.state.practices, self.model.tables, new, now)
        return old, new

    def arrive(self, now: int) -> np.ndarray:
        """Let the newcomers of the week that ends at `now` join open lists; return their rows.

        Where all are closed they live near a practice without being on its list.

        Raises
        ------
        ModelError
            If there are no rows for them.
        """
        numbers = np.arange(self._arrived(now - TICKS_PER_WEEK), self._arrived(now))
        if not len(numbers):
            return numbers
        keys = streams.person_keys(self._key, ARRIVAL + numbers)
        at = streams.uniforms(keys, int(stream_key("newcomer resembles"))) * self.rates.resemblance[-1]
        who = np.searchsorted(self.rates.resemblance, at, side="right")
        home = self.model.population.practice[who]
        wish = _wish(keys, "first practice", 0)
        welcome = self._welcome(keys, self._segments[who])
        number = self._joining.choose(wish, home, 1.0, self._open(now), change=False, welcome=welcome)
        without = number < 0
        if without.any():
            left = self._free(now) - np.bincount(number[~without], minlength=len(self._places))
            number[without] = self._joining.choose(wish[without], home[without], 1.0, left, change=False)
            self._searching = True
        if (number < 0).any():
            raise ModelError(f"no list has room for {int((number < 0).sum())} newcomers to the region")
        rows, people = self._take_rows(number), self.state.people
        people[rows] = np.zeros(1, PERSON)
        people["key"][rows], people["id"][rows] = keys, ARRIVAL + numbers
        copy_traits(self.model, people, rows, who, now)
        elsewhere = self._places[number] != self._places[home]
        people["municipality"][rows[elsewhere]] = self._places[number[elsewhere]]
        people["practice"][rows], people["unlisted"][rows] = number, without
        kernel.enter_rows(people, self.state.calendar, self.state.practices, self.model.tables, rows, now)
        return rows

    def _arrived(self, tick: int) -> int:
        """Return how many have come up to `tick`: evenly in time, and independent of everything else."""
        weeks = (tick - self.begin) // TICKS_PER_WEEK
        return int(np.floor(self.rates.arrivals_per_year * (weeks / WEEKS_PER_YEAR) + 1e-9))

    def turn_of_the_year(self, now: int) -> None:
        """Give out the rows of the dead and departed again, and let people change insurer.

        Call it when the year's accounts are closed: nothing is counted of these people any more.
        """
        people = self.state.people
        rows = self.state.listed
        gone = people["alive"][rows] == 0
        self._vacate(rows[gone])
        self._change_insurers(rows[~gone], (now - self.begin) // TICKS_PER_YEAR)

    def _change_insurers(self, rows: np.ndarray, year: int) -> None:
        """Let a keyed share of people take another insurer, by the shares of the base population."""
        people, shares = self.state.people, self._insurers
        keys = people["key"][rows]
        changes = streams.uniforms(keys, int(stream_key("changes insurer")), year) < self.rates.insurer_change_rate
        rows, keys = rows[changes], keys[changes]
        own = people["insurer"][rows].astype(np.int64)
        upto = np.cumsum(shares)
        u = streams.uniforms(keys, int(stream_key("insurer chosen")), year) * (upto[-1] - shares[own])
        u += np.where(u >= upto[own] - shares[own], shares[own], 0.0)  # leave out one's own
        chosen = np.minimum(np.searchsorted(upto, u, side="right"), len(shares) - 1)
        people["insurer"][rows] = np.where(shares[own] < 1.0, chosen, own)

    def _open(self, now: int) -> np.ndarray:
        """Return how many newcomers each list takes ``[P]``: none where it is closed."""
        return np.where(self.state.practices["closed"] == 1, 0, self._free(now))

    def _free(self, now: int) -> np.ndarray:
        """Return how many newcomers each list can take ``[P]``: rows for births to come are not given away."""
        practices = self.state.practices
        births = self._births * max(0.0, (self.end - now) / (self.end - self.begin))
        rows = practices["room"] - practices["used"] + practices["vacancies"]
        return np.asarray(np.maximum(rows - room_for_births(births), 0))

    def _take_rows(self, numbers: np.ndarray) -> np.ndarray:
        rows = np.zeros(len(numbers), np.int64)
        kernel.take_rows(self.state.people, self.state.practices, numbers, rows)
        return rows

    def _vacate(self, rows: np.ndarray) -> None:
        """Clear rows and put them in front of the vacant rows of their lists."""
        people, practices = self.state.people, self.state.practices
        numbers = np.searchsorted(practices["first"], rows, side="right") - 1
        people[rows] = _NOBODY
        self.state.calendar[rows] = NEVER
        kernel.link_vacant(people, practices, rows, numbers)


def _wish(keys: np.ndarray, what: str, number: np.ndarray | int) -> np.ndarray:
    """Return the keys of people's choice among all practices ``[n]``, see `Joining.choose`."""
    with np.errstate(over="ignore"):
        return np.asarray(streams.word(keys, stream_key(what), np.asarray(number).astype(np.uint64)))
