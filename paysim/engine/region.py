"""A region at work: SimPy coordinates everything that waits for something else.

Read `Region.processes` first: practices work through a week, people change practice and newcomers join, clinics and
hospital answer what left the practices, and every thirteenth week payers settle and providers decide. The order of
processes within a week is the order in which they are started; a user's own process (a closure, a winter wave) is one
more, provided that it too sleeps one week at a time.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import simpy

from paysim.accounting.activity import Activity
from paysim.behaviour.lists import Lists
from paysim.engine.accounts import Accounts
from paysim.engine.cohort import CONTACTS, ClosedCohort
from paysim.engine.compiled import CompiledPractices
from paysim.engine.feedback import PeerFeedback
from paysim.engine.hospital import Hospital
from paysim.engine.migration import Migration
from paysim.engine.programmes import Delivery
from paysim.engine.reference import ReferencePractices
from paysim.engine.staff import Staff
from paysim.kernel import streams
from paysim.kernel.records import PERIODS_PER_YEAR, REQUEST, TICKS_PER_WEEK, WEEKS_PER_PERIOD, WEEKS_PER_YEAR, State
from paysim.kernel.tables import stream_key

if TYPE_CHECKING:
    from paysim.engine.parties import Parties

Process = Generator[simpy.Event, Any, None]
Engine = Literal["compiled", "reference"]
ENGINES: tuple[Engine, ...] = ("compiled", "reference")


class Practices(Protocol):
    """What the region asks of an engine."""

    taken: int

    def advance(self, until: int) -> np.ndarray:
        """Bring everybody to `until`; return the requests that left the practices."""

    def levers_changed(self, tick: int) -> None:
        """Let clocks follow new levers."""

    def flags_changed(self, rows: np.ndarray, sets: int, clears: int, tick: int) -> None:
        """Change flags of the people in some rows, and let their clocks follow."""

    def people_moved(self, left: np.ndarray, came: np.ndarray) -> None:
        """Forget the people of some rows, and take up those of others."""

    def people_changed(self, rows: np.ndarray) -> None:
        """Take up the clocks of people in some rows that were changed from outside."""


@dataclass
class Region:
    """One arm of one replicate, week by week.

    Attributes
    ----------
    decide
        Called at the end of every quarter with the activity of the last year; sets practices' levers. None: nobody
        decides anything.
    cohort
        The shares of care that a closed cohort keeps; None: an open region, or before the fork.
    parties
        Who takes part in contracts and who leaves, year by year; None: nobody has a choice.
    feedback
        How practices learn from each other; None: not at all.
    programmes
        The programmes of population health management of this arm.
    own_processes
        A user's own SimPy processes, called with the region.
    """

    state: State
    tables: np.ndarray
    accounts: Accounts
    hospital: Hospital
    migration: Migration
    staff: Staff
    start: int
    engine: Engine = "compiled"
    on_events: Callable[[np.ndarray], None] | None = None
    decide: Callable[[Region, Activity], None] | None = None
    on_week: Callable[[int], None] | None = None
    cohort: ClosedCohort | None = None
    parties: Parties | None = None
    feedback: PeerFeedback | None = None
    programmes: Sequence[Delivery] = ()
    own_processes: Sequence[Callable[[Region], Process]] = ()
    env: simpy.Environment = field(init=False)
    practices: Practices = field(init=False)
    recent: list[Activity] = field(default_factory=list)
    requests: np.ndarray = field(init=False, default_factory=lambda: np.zeros(0, REQUEST))
    _running: list[Process] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.env = simpy.Environment(initial_time=self.start)
        self.practices = (
            CompiledPractices(self.state, self.tables, self.on_events)
            if self.engine == "compiled"
            else ReferencePractices(self.env, self.state, self.tables, self.on_events)
        )

        self.hospital.on_use = self.accounts.add

    def _admitted(self, rows: np.ndarray, service: int, days: np.ndarray) -> None:
        """Date the admissions that the hospital itself makes: in the week that ends now."""
        if self.accounts.admissions:
            self.accounts.admissions.admit(rows, service, int(self.env.now) - TICKS_PER_WEEK, days)

    def run(self, weeks: int) -> None:
        """Simulate a number of weeks, the work at the end of the last one included."""
        self.processes()
        self.env.run(until=self.env.process(self._sleep(weeks)))
        self._let_go()

    def _let_go(self) -> None:
        """End what sleeps: processes, their environment and this region hold each other, and with them all people.

        To look for such circles in everything there is takes as long as a small arm, so they are opened here.
        """
        for process in self._running:
            process.close()
        self._running.clear()
        self.hospital.on_admission = None
        self.env = simpy.Environment(initial_time=self.env.now)
        if self.engine == "reference" or self.own_processes:  # which may have started processes of their own
            gc.collect()

    def _sleep(self, weeks: int) -> Process:
        for _ in range(weeks):
            yield self.env.timeout(TICKS_PER_WEEK)

    def processes(self) -> None:
        """Start the region's processes; within a week they act in this order."""
        self.hospital.on_admission = self._admitted if self.accounts.admissions else None
        first = [self.work_in_practices(), self.move_people(), self.hospital.work(self.env)]
        first += [each.work(self) for each in self.programmes]
        last = [self.settle_and_decide(), self.turn_the_year()]
        for process in (*first, *(own(self) for own in self.own_processes), *last):
            self.env.process(process)
        self._running = [*first, *last]

    def work_in_practices(self) -> Process:
        """Practices take their calendar entries of a week; what leaves them goes to the hospital."""
        weeks = 0
        while True:
            yield self.env.timeout(TICKS_PER_WEEK)
            self.requests = self.practices.advance(int(self.env.now))
            self.requests["days"] *= self.hospital.stay_lever
            self.hospital.receive(self.requests)
            self.accounts.facts.admitted(self.requests)
            if self.accounts.admissions:
                self.accounts.admissions.request(self.requests)
            weeks += 1
            if self.on_week:
                self.on_week(weeks)

    def move_people(self) -> Process:
        """People who asked for another practice join it; newcomers join theirs; every quarter, those who have none."""
        week = 0
        while True:
            yield self.env.timeout(TICKS_PER_WEEK)
            week += 1
            now = int(self.env.now)
            self._moved(*self.migration.change_lists(self.requests, now))
            if week % WEEKS_PER_PERIOD == 0:
                self._moved(*self.migration.find_lists(now, self.staff.room))
            came = self.migration.arrive(now)
            self.hospital.arrive(came, now)
            self.practices.people_moved(np.zeros(0, np.int64), came)

    def _moved(self, left: np.ndarray, taken: np.ndarray) -> None:
        """Let everything that knows people by their rows follow them."""
        self.accounts.follow(left, taken)
        self.hospital.follow(left, taken)
        for each in self.programmes:
            each.follow(left, taken)
        self.practices.people_moved(left, taken)

    def turn_the_year(self) -> Process:
        """When the books of a year are closed, rows become free, people change insurer, staff and practices change.

        The share of a closed cohort follows it every quarter.
        """
        week = 0
        while True:
            yield self.env.timeout(TICKS_PER_WEEK)
            week += 1
            if week % WEEKS_PER_YEAR == 0:
                self.migration.turn_of_the_year(int(self.env.now))
                if self.cohort is None:
                    self._change_practices(1.0)
            if self.cohort and week % WEEKS_PER_PERIOD == 0:
                self.hospital.shares = shares = self.cohort.shares()
                self._change_practices(shares[CONTACTS])

    def _change_practices(self, cohort: float) -> None:
        """Let working time follow supply and a closed cohort; whoever was with a practice that ends goes elsewhere."""
        ended = self.staff.change(int(self.env.now), cohort)
        if len(ended):
            rows = self.migration.close_down(ended, int(self.env.now))
            self.practices.people_moved(rows, np.zeros(0, np.int64))

    def settle_and_decide(self) -> Process:
        """At the end of a quarter payers settle; then providers choose their levers for the next."""
        week = 0
        while True:
            yield self.env.timeout(TICKS_PER_WEEK)
            week += 1
            if week % WEEKS_PER_PERIOD:
                continue
            if self.accounts.admissions:
                self.accounts.admissions.coded_higher = self.hospital.coding_lever - 1.0
            activity = self.accounts.close(int(self.env.now))
            if self.env.now <= 0:
                self.staff.learn()
            self.accounts.records.hospital.append(self.hospital.counts())
            self.hospital.begin_period()
            self.accounts.records.refused.append(np.array([self.migration.refused]))
            lists = self.migration.lists or Lists.usual(len(activity.practice_names))
            own = lists.means(activity.person_years), self.state.practices["hours"]
            self.accounts.records.practice_levers.append(np.column_stack(own))
            self.accounts.records.let_go.append(np.array([self.migration.let_go]))
            self.migration.refused = self.migration.let_go = 0
            self.accounts.open()
            without = self.accounts.records.unlisted_years[-1].sum()
            self.staff.review(activity.person_years.sum(axis=1) * PERIODS_PER_YEAR, without * PERIODS_PER_YEAR)
            self.recent = [*self.recent, activity][-4:]
            if self.parties and self.accounts.period % PERIODS_PER_YEAR == 0:
                self.parties.year_begins(self.accounts)
            if self.decide:
                self.decide(self, reduce(Activity.plus, self.recent))
            if self.feedback and self.feedback.quarter_ends(activity.person_years.sum(axis=1) * PERIODS_PER_YEAR):
                self.practices.levers_changed(int(self.env.now))
            left, taken, without = self.migration.send_away(int(self.env.now))
            self._moved(left, taken)
            self.practices.people_changed(without)

    def set_lists(self, lists: Lists) -> None:
        """Let practices accept, keep and close their lists as they decided."""
        self.migration.lists, self.staff.list_size = lists, lists.size

    def living(self, from_age: int = 0) -> np.ndarray:
        """Return the rows of everybody alive of that age or older: for a user's own process."""
        rows, people = self.state.listed, self.state.people
        return np.asarray(rows[(people["alive"][rows] == 1) & (people["age"][rows] >= from_age)])

    def draw(self, rows: np.ndarray, what: str) -> np.ndarray:
        """Return this week's uniforms of people for a choice of a name: for a user's own process.

        They are keyed by person, name and week, so that they shift no other draw and are the same in every arm.
        """
        week = int(self.env.now) // TICKS_PER_WEEK
        return streams.uniforms(self.state.people["key"][rows], int(stream_key(f"own {what}")), week)
