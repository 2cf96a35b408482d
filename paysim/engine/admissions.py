"""Admissions with their dates, for contracts that look at single stays or at acute episodes.

The only claims with a date in a run are admissions, emergency and planned, and what is paid at a death; all other use
is known by person and quarter, see `accounting.episodes`. Nothing is kept here unless a contract of the scenario looks
at it, and then only of people who were admitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.claims import tariff_table
from paysim.accounting.episodes import CLAIM, DIED, LEFT, STAYED, EpisodeRules, Lives, Register, Stays
from paysim.contracts.contract import Contract
from paysim.contracts.settlement import PAYERS
from paysim.engine.model import Model
from paysim.kernel.records import ADMISSION_REQUEST, FIRST_TRANSITION, NEVER, TICKS_PER_DAY, State

OpenEpisodes = Mapping[EpisodeRules, np.ndarray]


class Admissions:
    """The admissions of a quarter and the episodes that are open.

    Parameters
    ----------
    rules
        By which contracts group episodes.
    stays
        Whether a contract looks at single stays.
    open_episodes
        Those that run on from before.

    Attributes
    ----------
    coded_higher
        Share of this quarter's admissions that the hospital codes one group of severity higher than they are.
    """

    def __init__(
        self, model: Model, state: State, rules: Sequence[EpisodeRules], stays: bool, open_episodes: OpenEpisodes
    ) -> None:
        self.state, self.names, self.stays = state, model.care.services.names, stays
        self.registers = {each: Register(each, self.names, open_episodes.get(each)) for each in rules}
        self.coded_higher = 0.0
        self._chronic = np.array([model.flag_bit[flag] for flag in model.health.chronic], np.int64)
        self._service_of = np.full(FIRST_TRANSITION + len(model.transitions), -1)
        self._own = np.zeros(len(self._service_of), np.int64)  # flags of what an admission is for
        for k, each in enumerate(model.transitions):
            if each.service:
                self._service_of[FIRST_TRANSITION + k] = self.names.index(each.service)
                own = {*each.required, *each.required_any, *each.sets}
                self._own[FIRST_TRANSITION + k] = sum(model.flag_bit[flag] for flag in own)
        self._at_death = self.names.index("end_of_life")
        self._claims: list[np.ndarray] = []

    @classmethod
    def of(
        cls, model: Model, state: State, contracts: Sequence[Contract], open_episodes: OpenEpisodes
    ) -> Admissions | None:
        """Return what some contracts look at; None if none looks at stays or episodes."""
        parts = [part for each in contracts for part in each.components]
        rules = tuple(dict.fromkeys(part.episode_rules for part in parts if part.episode_rules is not None))
        stays = any("stays" in part.terms.reads for part in parts)
        return cls(model, state, rules, stays, open_episodes) if rules or stays else None

    @property
    def open_episodes(self) -> dict[EpisodeRules, np.ndarray]:
        """Return the episodes that run on."""
        return {rules: register.open.copy() for rules, register in self.registers.items()}

    def request(self, requests: np.ndarray) -> None:
        """Take the emergency admissions among a week's requests; rows must not have moved since."""
        admitted = requests[requests["kind"] == ADMISSION_REQUEST]
        process = admitted["process"]
        own = self._own[process]
        self.admit(admitted["row"], self._service_of[process], admitted["tick"], admitted["days"], own)

    def admit(
        self,
        rows: np.ndarray,
        service: np.ndarray | int,
        tick: np.ndarray | int,
        days: np.ndarray | float,
        own: np.ndarray | int = 0,
    ) -> None:
        """Take admissions for a service at a tick, with their length of stay, and flags of what they are for."""
        claims = np.zeros(len(rows), CLAIM)
        others = self.state.people["flags"][rows] & ~np.asarray(own, np.int64)
        claims["severity"] = ((others[:, None] & self._chronic) != 0).sum(axis=1)
        claims["row"], claims["service"], claims["stay"] = rows, service, days
        claims["day"], claims["quantity"] = np.asarray(tick) / TICKS_PER_DAY, 1.0
        self._claims.append(claims[claims["service"] >= 0])

    def follow(self, left: np.ndarray, taken: np.ndarray) -> None:
        """Let admissions and episodes follow people whose rows moved from `left` to `taken`."""
        if not len(left):
            return
        order = np.argsort(left)
        for each in (*self._claims, *(register.open for register in self.registers.values())):
            at = np.minimum(np.searchsorted(left[order], each["row"]), len(left) - 1)
            moved = left[order][at] == each["row"]
            each["row"][moved] = taken[order][at[moved]]

    def close(
        self,
        activity: Activity,
        start: int,
        end: int,
        used: np.ndarray,
        seen: np.ndarray,
        contracts: Sequence[Contract],
        year: int,
    ) -> Activity:
        """Return the activity of the quarter from tick `start` to `end` with its stays and episodes.

        Parameters
        ----------
        used
            ``[n, S]`` services of everybody.
        seen
            ``[n]`` what `kernel.use` noted of everybody.
        contracts, year
            By whose prices of this year episodes are reckoned.
        """
        claims = np.concatenate(self._claims) if self._claims else np.zeros(0, CLAIM)
        self._claims.clear()
        stays = None
        if self.stays:
            of = seen[claims["row"]]
            stays = Stays(
                of["practice"].astype(np.int64),
                of["segment"].astype(np.int64),
                claims["quantity"].copy(),
                claims["service"].copy(),
                claims["stay"].copy(),
                claims["severity"].copy(),
                np.full(len(claims), self.coded_higher),
            )
        prices = np.zeros((len(activity.practice_names), len(self.names)))
        for each in contracts:
            if each.payer in PAYERS and not each.by_person:
                prices += np.outer(each.scope.factor(activity, year), tariff_table(each.in_force(year), self.names))
        episodes = {}
        for rules, register in self.registers.items():
            rows = register.rows(claims)
            lives, dated = self._lives(rows, claims, start, end, used, seen)
            episodes[rules] = register.close(end / TICKS_PER_DAY, dated, lives, prices)
        return replace(activity, stays=stays, episodes=episodes)

    def _lives(
        self, rows: np.ndarray, claims: np.ndarray, start: int, end: int, used: np.ndarray, seen: np.ndarray
    ) -> tuple[Lives, np.ndarray]:
        """Return the people in `rows` in this quarter, and all their claims with a date."""
        people = self.state.people[rows]
        died, left = people["death"] < NEVER, people["departed"] == 1
        last = np.where(died, people["death"], np.where(left, people["since"], end))
        claims = claims[np.isin(claims["row"], rows)]
        undated = used[rows]
        np.subtract.at(undated, (np.searchsorted(rows, claims["row"]), claims["service"]), claims["quantity"])
        gone = died & (undated[:, self._at_death] > 0.0)
        at_death = np.zeros(int(gone.sum()), CLAIM)
        at_death["row"], at_death["service"] = rows[gone], self._at_death
        at_death["day"], at_death["quantity"] = people["death"][gone] / TICKS_PER_DAY, undated[gone, self._at_death]
        undated[:, self._at_death] = 0.0
        lives = Lives(
            rows,
            np.maximum(start, np.maximum(people["entered"], people["birth"])) / TICKS_PER_DAY,
            last / TICKS_PER_DAY,
            np.where(died, DIED, np.where(left, LEFT, STAYED)),
            seen["practice"][rows].astype(np.int64),
            seen["segment"][rows].astype(np.int64),
            undated,
        )
        return lives, np.concatenate([claims, at_death])
