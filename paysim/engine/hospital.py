"""What practices share: one specialist clinic with a waiting list, and the hospital's beds.

Both are SimPy processes that work once a week, after the practices' week is over. Referrals are seen in the order
in which they were made; emergencies are always admitted and displace elective care, which waits for a bed.

A sample of practices shares the region's whole clinic and beds with people who are not simulated: each week adds
a keyed Poisson number of ghost requests with mean (weight - 1) times the sample's own recent mean, so that a queue is
not falsified by scaling it down (small queues wait longer).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy
from scipy.special import pdtrik

from paysim.kernel import streams
from paysim.kernel.records import (
    ADMISSION_REQUEST,
    REFERRAL_REQUEST,
    REQUEST,
    TICKS_PER_WEEK,
    WEEKS_PER_YEAR,
    State,
)
from paysim.kernel.tables import stream_key

Process = Generator[simpy.Event, Any, None]

GHOST = -1
WEEK_BINS = 105
_RECENT_WEEKS = 13
_SETTLING_WEEKS = 26
"""First weeks of the base run, in which capacity follows demand; then the list is set and capacity fixed."""


@dataclass(frozen=True)
class HospitalTerms:
    """Capacity and habits of the clinic and the beds; numbers from `care/parameters`.

    Attributes
    ----------
    initial_wait_weeks
        Wait that the list at the start of the base run amounts to.
    margin, growth_per_year
        Clinic capacity over what keeps the list as long as it is, and its growth, as shares.
    patience_weeks
        Mean of the exponential patience with the offered wait; who will not wait is seen outside the region.
    elective_share, elective_stay_days
        Admissions per trajectory, and their mean stay.
    bed_occupancy
        Share of bed-days used at base, with which capacity is planned.
    """

    initial_wait_weeks: float
    margin: float
    growth_per_year: float
    patience_weeks: float
    elective_share: float
    elective_stay_days: float
    bed_occupancy: float


@dataclass
class Queue:
    """A waiting list in the order of request, with what happened this period."""

    waiting: np.ndarray = field(default_factory=lambda: np.zeros(0, REQUEST))
    served: int = 0
    left: int = 0
    waits: np.ndarray = field(default_factory=lambda: np.zeros(WEEK_BINS, np.int64))

    def clear_counts(self) -> None:
        """Start a new period."""
        self.served = self.left = 0
        self.waits[:] = 0


class Hospital:
    """The specialist clinic and the beds of a region.

    Parameters
    ----------
    key
        Of the run's random streams.
    weight
        Persons in the region per person simulated; 1 without sampling.
    services
        Codes of (specialist_trajectory, elective_admission) among the counted services.
    """

    def __init__(
        self, state: State, terms: HospitalTerms, key: np.uint64, weight: float, services: tuple[int, int]
    ) -> None:
        self.state, self.terms, self.key, self.weight = state, terms, key, weight
        self.trajectory, self.elective = services
        self.clinic, self.beds = Queue(), Queue()
        self.slots_per_week = 0.0
        self.bed_days_per_week = 0.0
        self.bed_days_used = 0.0
        self.demand = np.zeros((2, _RECENT_WEEKS))  # of the simulated practices: referrals; emergency bed-days
        self.week = 0
        self.inbox: list[np.ndarray] = []

    def receive(self, requests: np.ndarray) -> None:
        """Take in what left the practices in the week that just ended."""
        self.inbox.append(requests)

    def follow(self, left: np.ndarray, taken: np.ndarray) -> None:
        """Let requests follow people whose rows moved from `left` to `taken`."""
        order = np.argsort(left)
        left, taken = left[order], taken[order]
        for requests in (*self.inbox, self.clinic.waiting, self.beds.waiting):
            at = np.searchsorted(left, requests["row"])
            moved = at < np.searchsorted(left, requests["row"], side="right")
            requests["row"][moved] = taken[at[moved]]

    def work(self, env: simpy.Environment) -> Process:
        """Serve referrals, then admit: once a week, for ever."""
        while True:
            yield env.timeout(TICKS_PER_WEEK)
            requests = np.concatenate(self.inbox) if self.inbox else np.zeros(0, REQUEST)
            self.inbox.clear()
            referrals = requests[requests["kind"] == REFERRAL_REQUEST]
            emergencies = requests[requests["kind"] == ADMISSION_REQUEST]
            self._remember(len(referrals), float(emergencies["days"].sum()))
            now = int(env.now)
            seen = self._serve_clinic(now, referrals)
            self._serve_beds(now, float(emergencies["days"].sum()), seen)
            self.week += 1

    def _remember(self, referrals: int, bed_days: float) -> None:
        """Keep the recent weeks; while the base run settles, capacity follows demand."""
        self.demand[:, self.week % _RECENT_WEEKS] = referrals, bed_days
        if self.week < _SETTLING_WEEKS:
            recent = self._recent() * self.weight
            waits = self.terms.initial_wait_weeks / self.terms.patience_weeks
            self.slots_per_week = recent[0] * float(np.exp(-waits)) * (1.0 + self.terms.margin)
            elective = recent[0] * self.terms.elective_share * self.terms.elective_stay_days
            self.bed_days_per_week = (recent[1] + elective) / self.terms.bed_occupancy

    def _recent(self) -> np.ndarray:
        """Return the simulated practices' recent weekly mean: referrals, emergency bed-days."""
        return np.asarray(self.demand[:, : min(self.week + 1, _RECENT_WEEKS)].mean(axis=1))

    def _growth(self) -> float:
        years = max(0, self.week - _SETTLING_WEEKS) / WEEKS_PER_YEAR
        return float((1.0 + self.terms.growth_per_year) ** years)

    def _ghosts(self, kind: int, recent: float) -> int:
        """Return the keyed Poisson number of requests by people who are not simulated."""
        mean = (self.weight - 1.0) * recent
        if mean <= 0.0:
            return 0
        keys = np.array([self.key], np.uint64)
        u = streams.uniforms(keys, int(stream_key(f"ghosts {kind}")), self.week)[0]
        return max(0, int(np.ceil(pdtrik(u, mean))))

    def _mix(self, own: np.ndarray, ghosts: int, now: int) -> np.ndarray:
        """Put ghosts among the week's own requests, evenly in time."""
        if ghosts == 0:
            return own
        extra = np.zeros(ghosts, REQUEST)
        extra["row"], extra["person"] = GHOST, GHOST
        extra["tick"] = now - TICKS_PER_WEEK + ((np.arange(ghosts) + 0.5) / ghosts * TICKS_PER_WEEK).astype(np.int64)
        both = np.concatenate([own, extra])
        return both[np.lexsort((both["person"], both["tick"]))]

    def _draw(self, requests: np.ndarray, choice: str) -> np.ndarray:
        """Return keyed uniforms for requests: by person, need and choice; ghosts by place in the list."""
        process = int(stream_key(choice))
        own = requests["row"] != GHOST
        keys = np.full(len(requests), self.key, np.uint64)
        keys[own] = self.state.people["key"][requests["row"][own]]
        number = requests["number"].astype(np.int64) + (requests["process"].astype(np.int64) << 32)
        number[~own] = (np.int64(self.week) << 24) + np.arange(len(requests))[~own]
        return streams.uniforms(keys, process, number)

    def _serve_clinic(self, now: int, referrals: np.ndarray) -> np.ndarray:
        """Let the patient join, drop the dead, see as many as there are slots; return who was seen."""
        terms, queue = self.terms, self.clinic
        slots = self.slots_per_week * self._growth()
        arrivals = self._mix(referrals, self._ghosts(REFERRAL_REQUEST, float(self._recent()[0])), now)
        if self.week < _SETTLING_WEEKS:
            queue.waiting = self._initial_list(round(slots * terms.initial_wait_weeks), now)
        offered = (len(queue.waiting) + np.arange(len(arrivals))) / max(slots, 1e-9)
        patience = -terms.patience_weeks * np.log(self._draw(arrivals, "clinic patience"))
        stays = offered <= patience
        leavers = arrivals[~stays]
        queue.left += len(leavers)
        waiting = np.concatenate([queue.waiting, arrivals[stays]])
        waiting = waiting[self._alive(waiting)]
        whole = int(slots) + int(self._fraction("clinic") < slots - int(slots))
        seen, queue.waiting = waiting[:whole], waiting[whole:]
        queue.served += len(seen)
        weeks = np.minimum((now - seen["tick"]) // TICKS_PER_WEEK, WEEK_BINS - 1)
        np.add.at(queue.waits, weeks, 1)
        elsewhere = leavers[self._alive(leavers)]
        treated = np.concatenate([seen, elsewhere])
        self._count(treated, self.trajectory)
        return treated

    def _fraction(self, what: str) -> float:
        keys = np.array([self.key], np.uint64)
        return float(streams.uniforms(keys, int(stream_key(f"fraction {what}")), self.week)[0])

    def _initial_list(self, length: int, now: int) -> np.ndarray:
        """Return a list of people referred before the simulation, all ghosts: set anew while the base run settles.

        With this wait, a share exp(-wait / patience) of referrals joins the list, which is what capacity is set to:
        the list neither grows nor shrinks, and longer waits shorten themselves.
        """
        extra = np.zeros(length, REQUEST)
        extra["row"], extra["person"] = GHOST, GHOST
        span = self.terms.initial_wait_weeks * TICKS_PER_WEEK
        extra["tick"] = (
            now - TICKS_PER_WEEK - ((1.0 - (np.arange(length) + 0.5) / max(length, 1)) * span).astype(np.int64)
        )
        return extra

    def _serve_beds(self, now: int, emergency_days: float, seen: np.ndarray) -> None:
        """Emergencies take what they need; elective patients get the beds that are left, in order."""
        queue, terms = self.beds, self.terms
        emergency = emergency_days + (self.weight - 1.0) * float(self._recent()[1])
        wanted = seen[self._draw(seen, "elective admission") < terms.elective_share]
        wanted["tick"] = now
        wanted["days"] = -terms.elective_stay_days * np.log(self._draw(wanted, "elective stay"))
        waiting = np.concatenate([queue.waiting, wanted])
        waiting = waiting[self._alive(waiting)]
        capacity = self.bed_days_per_week * self._growth()
        used = np.cumsum(waiting["days"])
        fit = int(np.searchsorted(used, capacity - emergency, side="right"))
        admitted, queue.waiting = waiting[:fit], waiting[fit:]
        queue.served += len(admitted)
        weeks = np.minimum((now - admitted["tick"]) // TICKS_PER_WEEK, WEEK_BINS - 1)
        np.add.at(queue.waits, weeks, 1)
        self._count(admitted, self.elective)
        self.bed_days_used += emergency + (float(used[fit - 1]) if fit else 0.0)

    def _alive(self, requests: np.ndarray) -> np.ndarray:
        own = requests["row"] != GHOST
        alive = np.ones(len(requests), bool)
        rows, people = requests["row"][own], self.state.people
        alive[own] = (people["alive"][rows] == 1) & (people["id"][rows] == requests["person"][own])
        return alive

    def _count(self, requests: np.ndarray, service: int) -> None:
        rows = requests["row"][requests["row"] != GHOST]
        np.add.at(self.state.people["counts"], (rows, service), 1)

    def begin_period(self) -> None:
        """Forget the counts of the last period."""
        self.clinic.clear_counts()
        self.beds.clear_counts()
        self.bed_days_used = 0.0

    def save(self) -> dict[str, np.ndarray]:
        """Return everything a fork needs, as arrays."""
        numbers = np.array([self.slots_per_week, self.bed_days_per_week, float(self.week)])
        return {
            "clinic_waiting": self.clinic.waiting,
            "beds_waiting": self.beds.waiting,
            "hospital_demand": self.demand,
            "hospital_numbers": numbers,
        }

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Continue from `save`."""
        self.clinic.waiting = saved["clinic_waiting"].copy()
        self.beds.waiting = saved["beds_waiting"].copy()
        self.demand = saved["hospital_demand"].copy()
        self.slots_per_week, self.bed_days_per_week = map(float, saved["hospital_numbers"][:2])
        self.week = int(saved["hospital_numbers"][2])
