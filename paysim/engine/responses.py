"""How practices answer their contracts during a run: what they know, what they decide, what it sets.

The base run's last year under `current` is the anchor: its levers are by definition the best response there, so an arm
that changes nothing moves nobody, and `current` shows no jump at year 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.segments import CONDITIONS
from paysim.behaviour import load_behaviour
from paysim.behaviour.hospital import HospitalMargin, coding_margin, elective_margin, follow_up_margin, stay_margin
from paysim.behaviour.incentives import incentive_table, make_anchor
from paysim.behaviour.lists import Lists, PatientMargins, patient_margins
from paysim.behaviour.participation import as_expected
from paysim.behaviour.passive import Passive
from paysim.behaviour.situation import HOURS, Anchor, Situation, response_terms
from paysim.contracts.contract import Contract
from paysim.engine.accounts import practice_bills
from paysim.engine.model import Model
from paysim.engine.region import Region
from paysim.engine.remarks import Remarks
from paysim.engine.staff import book_hours, working_time
from paysim.kernel.records import LEVERS, PERIODS_PER_YEAR
from paysim.scenario import Arm


@dataclass(frozen=True, eq=False)
class Step:
    """What the providers of an arm do in a quarter.

    Attributes
    ----------
    activity, health
        Levers of practices ``[practice, condition, lever]`` as they move activity, and as they move treatment and
        programmes.
    lists
        Whom practices accept and keep, and when they close their lists.
    elective, stay, follow_up, coding
        Levers of the hospital: planned admissions, length of stay, follow-up visits, and coding.
    hours
        Of GPs, nurses and nurses for mental health ``[practice, 3]``, a ratio to those of the data year's staff.
    """

    activity: np.ndarray
    health: np.ndarray
    lists: Lists
    elective: float = 1.0
    stay: float = 1.0
    follow_up: float = 1.0
    coding: float = 1.0
    hours: np.ndarray | float = 1.0


@dataclass(frozen=True, eq=False)
class LeverPath:
    """What the providers of an arm did, quarter by quarter."""

    steps: tuple[Step, ...]

    @property
    def quarters(self) -> int:
        """How many quarters are known."""
        return len(self.steps)

    @property
    def levers(self) -> np.ndarray:
        """Return the levers of practices as they move activity ``[quarter, practice, condition, lever]``."""
        return np.stack([step.activity for step in self.steps])

    def at(self, quarter: int) -> Step:
        """Return what was done in a quarter."""
        return self.steps[quarter]

    def with_health_of(self, other: LeverPath) -> LeverPath:
        """Return the same activity with treatment and programmes moved as in another path."""
        pairs = zip(self.steps, other.steps, strict=True)
        return LeverPath(tuple(replace(mine, health=theirs.health) for mine, theirs in pairs))


_OF_HOSPITAL: dict[str, Callable[[Situation], HospitalMargin]] = {
    "decide_hospital": elective_margin,
    "decide_stay": stay_margin,
    "decide_follow_up": follow_up_margin,
    "decide_coding": coding_margin,
}
"""How a behaviour decides on each lever of the hospital, in the order of `Step`, and what a unit of it brings."""


class Responses:
    """The providers of one arm.

    Parameters
    ----------
    base_years
        Activity of each base year; the last one is the providers' own recent past.
    of_current
        The model under the current arm's rules of delegation, where those of `model` are others.
    replay
        What providers do, in place of what they would decide.
    explained
        Whether `table` and `remarks` are kept; no decision depends on them.

    Attributes
    ----------
    table
        Rows of ``incentives.csv``: at the start, and at the end of every contract year.
    remarks
        Where decisions are at the edge of the model.
    path
        What was done in each quarter so far, see `LeverPath.steps`.
    """

    def __init__(
        self,
        model: Model,
        arm: Arm,
        base_years: Sequence[Activity],
        replicate: int,
        of_current: Model | None = None,
        replay: LeverPath | None = None,
        explained: bool = True,
    ) -> None:
        self.explained = explained
        self.model, self.arm, self.replicate, self.replay = model, arm, replicate, replay
        self.path: list[Step] = []
        self.of_current = of_current or model
        self.behaviour = load_behaviour(arm.behaviour.name, arm.behaviour.settings, model.parameters)
        self.traits = self.behaviour.traits(model.scenario.seed, [p.name for p in model.population.practices])
        self.base_years, self.base_activity = tuple(base_years), base_years[-1]
        practices = len(model.population.practices)
        self.base_fte = working_time(model)
        self.ones = np.ones((practices, len(CONDITIONS), len(LEVERS)))
        self.past = [self.ones] * PERIODS_PER_YEAR
        self.lists = Lists.usual(practices)
        self.quarter = 0
        self.table: list[dict[str, Any]] = []
        self.remarks = Remarks([each.name for each in model.population.practices])
        self.remarks.read_settings(arm.behaviour.settings, model.parameters)

    @cached_property
    def anchor(self) -> Anchor:
        """Margins, income and hours under `current` on the activity of the base run."""
        return make_anchor(self.under_current)

    @cached_property
    def patients_anchor(self) -> PatientMargins:
        """What a person-year on the list brought and took under `current` in the base year."""
        return patient_margins(self.under_current)

    @cached_property
    def hospital_anchor(self) -> dict[str, float]:
        """Euros that a unit of each of its levers brought the hospital under `current` in the base year."""
        return {name: margin(self.under_current).revenue_eur for name, margin in _OF_HOSPITAL.items()}

    @cached_property
    def under_current(self) -> Situation:
        """What practices know in the last base year, under `current`."""
        current = self.model.scenario.arm(self.model.scenario.current)
        situation = self._situation(
            self.of_current, current.contracts, self.base_activity, self.ones, -1, None, self.base_fte
        )
        return replace(situation, past=self.base_years[:-1])

    @cached_property
    def under_arm(self) -> Situation:
        """What practices know in the last base year, under the arm's contracts of contract year 0."""
        contracts = as_expected(self.arm.contracts, self.base_years, self.model.parameters)
        situation = self._situation(self.model, contracts, self.base_activity, self.ones, 0, self.anchor, self.base_fte)
        return replace(situation, past=self.base_years)

    def at_base(self) -> list[dict[str, Any]]:
        """Return the incentives under the arm's contracts on the activity of the base run."""
        return incentive_table(self.under_arm, self.behaviour, self.arm.name, self.replicate)

    def start(self, region: Region) -> None:
        """Choose the levers of the first quarter, on the activity of the base run."""
        self._decide(region, self.base_activity)

    def decide(self, region: Region, activity: Activity) -> None:
        """Choose the levers of the coming quarter, on the activity of the last four."""
        self.quarter += 1
        if self.replay is not None and self.quarter >= self.replay.quarters:
            return
        if self.quarter < self.model.scenario.horizon_years * PERIODS_PER_YEAR:
            self._decide(region, activity)
        else:
            self._look(self._now(region, activity))

    def _now(self, region: Region, activity: Activity) -> Situation:
        levers = region.state.practices["activity_levers"].copy()
        year = min(self.quarter // PERIODS_PER_YEAR, self.model.scenario.horizon_years - 1)
        fte, share = region.state.practices["fte"], region.state.practices["share"]
        situation = self._situation(self.model, self.arm.contracts, activity, levers, year, self.anchor, fte, share)
        return replace(situation, past=tuple(region.accounts.years[: len(self.base_years) + year]))

    def _decide(self, region: Region, activity: Activity) -> None:
        if self.replay is None:
            situation = self._now(region, activity)
            if self.quarter % PERIODS_PER_YEAR == 0:
                self._look(situation)
            levers = self.behaviour.decide(situation)
            if self.quarter % PERIODS_PER_YEAR == 0:
                self.lists = self._lists(situation)
            step = Step(levers, levers, self.lists, *self._hospital(region, situation))
            step = replace(step, hours=self._hours(situation, levers))
        else:
            step = self.replay.at(self.quarter)
        levers, health = step.activity, step.health
        self.past = [*self.past[1:], levers]
        self.path.append(step)
        region.set_lists(step.lists)
        region.staff.work(step.hours)
        practices = region.state.practices
        now = practices["activity_levers"], practices["health_levers"]
        if not (np.array_equal(levers, now[0]) and np.array_equal(health, now[1])):
            practices["activity_levers"] = levers
            practices["health_levers"] = health
            region.practices.levers_changed(int(region.env.now))
        region.hospital.elective_lever, region.hospital.stay_lever = step.elective, step.stay
        region.hospital.follow_up_lever, region.hospital.coding_lever = step.follow_up, step.coding

    # A user's own behaviour may be of levers alone, and know nothing of hours, lists or the hospital.

    def _hours(self, situation: Situation, levers: np.ndarray) -> np.ndarray:
        """Return the hours of the coming quarter ``[practice, 3]``, a ratio to those of the data year's staff."""
        decide = getattr(self.behaviour, "decide_hours", None)
        return np.ones((len(levers), len(HOURS))) if decide is None else np.asarray(decide(situation, levers))

    def _lists(self, situation: Situation) -> Lists:
        """Return what practices do about their lists in the coming year."""
        decide = getattr(self.behaviour, "decide_lists", None)
        if decide is None or isinstance(self.behaviour, Passive):
            return self.lists
        found: Lists = decide(self.lists, situation, self.patients_anchor)
        return found

    def _hospital(self, region: Region, situation: Situation) -> tuple[float, ...]:
        """Return the hospital's levers for the coming quarter, in the order of `Step`."""
        hospital = region.hospital
        now = hospital.elective_lever, hospital.stay_lever, hospital.follow_up_lever, hospital.coding_lever
        if isinstance(self.behaviour, Passive):
            return now
        levers = []
        for lever, (name, margin) in zip(now, _OF_HOSPITAL.items(), strict=True):
            decide = getattr(self.behaviour, name, None)
            if decide is not None:
                found = margin(situation)
                gain = round(found.revenue_eur - self.hospital_anchor[name], 2) if found.units else 0.0  # in cents
                lever = float(decide(lever, gain, found.cost_eur))
            levers.append(lever)
        return tuple(levers)

    def _look(self, situation: Situation) -> None:
        if not self.explained:
            return
        self.remarks.look(self.quarter + 1, self.behaviour, situation)
        self.table += incentive_table(situation, self.behaviour, self.arm.name, self.replicate)

    def _situation(
        self,
        model: Model,
        contracts: tuple[Contract, ...],
        activity: Activity,
        levers: np.ndarray,
        year: int,
        anchor: Anchor | None,
        fte: np.ndarray,
        share: np.ndarray | float = 1.0,
    ) -> Situation:
        care = model.care
        hours = book_hours(care.book, fte)[:, 0]
        costs = np.asarray(sum(practice_bills(model, activity, fte, share).values())) / activity.years
        return Situation(
            contracts=contracts,
            year=year,
            activity=activity,
            levers=levers,
            base_levers=self.ones,
            gp_hours_capacity=hours,
            practice_costs_eur=costs,
            traits=self.traits,
            services=replace(care.services, minutes=care.minutes),
            wages=care.costs.wages(),
            terms=response_terms(model.parameters),
            anchor=anchor,
            activity_levers=np.mean(self.past, axis=0),
            other_gp_hours=fte[:, 0] * care.costs.gp_hours_per_fte - hours,
            weight=model.population.practices[0].weight,
            nurse_year=care.costs.nurse_year(float(book_hours(care.book, np.ones((1, len(HOURS))))[0, 1])),
        )
