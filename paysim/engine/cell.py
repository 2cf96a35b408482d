"""One cell of a run: the base run, or one arm of one replicate forked from it.

A cell takes values and returns values; it reads and writes no file, so it can run anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.ledger import Ledger
from paysim.behaviour.lists import LIST_LEVERS
from paysim.behaviour.situation import HOURS
from paysim.care.costs import BILLS
from paysim.care.model import FOLLOW_UP, TRAJECTORY
from paysim.contracts.neutrality import scaled, solve_scale, total_eur
from paysim.contracts.parties import Decision
from paysim.contracts.settlement import Settlement, tariff_of_sectors
from paysim.engine.accounts import Accounts
from paysim.engine.admissions import OpenEpisodes
from paysim.engine.cohort import ClosedCohort
from paysim.engine.facts import FACTS
from paysim.engine.feedback import PeerFeedback
from paysim.engine.groups import EXTRA
from paysim.engine.hospital import Hospital
from paysim.engine.migration import Migration
from paysim.engine.model import Model, under_rules
from paysim.engine.organisations import running_cost
from paysim.engine.oscillation import oscillating
from paysim.engine.overflow import overflowing
from paysim.engine.parties import Parties
from paysim.engine.programmes import Delivery, Register
from paysim.engine.region import Engine, Region
from paysim.engine.responses import LeverPath, Responses
from paysim.engine.staff import Staff, set_quality
from paysim.engine.start import initial_state
from paysim.engine.triage import Codes
from paysim.errors import ModelError
from paysim.kernel import streams
from paysim.kernel.records import (
    FIRST_TRANSITION,
    LEVERS,
    OUTCOMES,
    PERIODS_PER_YEAR,
    TICKS_PER_YEAR,
    WEEKS_PER_YEAR,
    State,
)
from paysim.outcomes import Apart, Counted, OwnMeasures, tabulate
from paysim.outcomes.society import society_terms
from paysim.scenario import Arm, Behaviour, Scenario

_DISTRICT_NURSING = "background_nursing"

Progress = Callable[[str, int, int], None]
"""Called as (what, weeks done, weeks in all)."""


@dataclass(frozen=True, eq=False)
class Base:
    """The base run's end: what every arm forks from.

    Attributes
    ----------
    quarters
        Activity of every quarter of the base years.
    open_episodes
        Acute episodes that run on at the fork.
    """

    state: State
    hospital: dict[str, np.ndarray]
    quarters: tuple[Activity, ...]
    events: int
    open_episodes: OpenEpisodes = field(default_factory=dict)

    @property
    def years(self) -> tuple[Activity, ...]:
        """Activity of each base year; the last one is the providers' own recent past."""
        return by_year(self.quarters)


@dataclass(frozen=True, eq=False)
class Cell:
    """What one arm of one replicate leaves.

    `decisions` are those of parties to its contracts, `rounds` those of its programmes (`care.programmes.rounds`).
    """

    arm: str
    replicate: int
    results: dict[str, np.ndarray]
    ledger: Ledger
    incentives: list[dict[str, Any]]
    quarters: tuple[Activity, ...]
    base_quarters: tuple[Activity, ...]
    events: int
    checks: list[dict[str, Any]] = field(default_factory=list)
    path: LeverPath = field(default_factory=lambda: LeverPath(()))
    decisions: tuple[Decision, ...] = ()
    rounds: tuple[dict[str, Any], ...] = ()


def run_base(model: Model, replicate: int, engine: Engine = "compiled", progress: Progress | None = None) -> Base:
    """Simulate the base years under `current`, from which every arm forks."""
    scenario = model.scenario
    years = scenario.base_years
    start = -years * TICKS_PER_YEAR
    state = initial_state(model, start, years + scenario.horizon_years, replicate)
    hospital = _hospital(model, state, replicate)
    hospital.house(state.listed)
    current = scenario.arm(scenario.current)
    accounts = Accounts(model, state, current.contracts, Ledger("base", 0, replicate), -years * PERIODS_PER_YEAR)
    migration = Migration(model, state, replicate)
    region = _region(model, state, accounts, hospital, migration, start, engine, years, "base years", progress)
    region.run(years * WEEKS_PER_YEAR)
    _check_people(state, accounts)
    going_on = accounts.admissions.open_episodes if accounts.admissions else {}
    return Base(state, hospital.save(), accounts.activities, region.practices.taken, going_on)


def run_arm(
    model: Model,
    base: Base,
    arm: Arm,
    replicate: int,
    engine: Engine = "compiled",
    progress: Progress | None = None,
    on_events: Callable[[np.ndarray], None] | None = None,
    own_processes: tuple[Any, ...] = (),
    own_measures: tuple[OwnMeasures, ...] = (),
    state: State | None = None,
    on_close: Callable[[Accounts, Settlement], None] | None = None,
    replay: LeverPath | None = None,
    explained: bool = True,
) -> Cell:
    """Simulate one arm over the horizon; its contracts have all rates solved.

    Parameters
    ----------
    own_processes
        A user's own SimPy processes, see `Region`.
    own_measures
        A user's own functions of what is counted, whose measures come to the results.
    state
        The people to go on with, changed in place; by default a copy of the base run's.
    on_close
        Called with the books at the close of every quarter.
    replay
        What providers do, in place of what they would decide.
    explained
        Whether the cell keeps incentives and remarks on decisions; studies of many worlds do without.
    """
    scenario, of_current = model.scenario, model
    model = under_rules(model, arm)
    state = base.state.copy() if state is None else state
    state.people["origin"] = state.people["practice"]
    quality = model.care.access.start_quality / of_current.care.access.start_quality
    if quality != 1.0:
        set_quality(state.practices, quality)
    hospital = _hospital(model, state, replicate)
    hospital.restore(base.hospital)
    ledger = Ledger(arm.name, 0, replicate)
    accounts = Accounts(model, state, arm.contracts, ledger, 0, base.quarters, base.open_episodes)
    accounts.on_close = on_close
    responses = Responses(model, arm, base.years, replicate, of_current, replay, explained)
    years = scenario.horizon_years
    migration = Migration(model, state, replicate)
    region = _region(model, state, accounts, hospital, migration, 0, engine, years, arm.name, progress, on_events)
    region.own_processes = own_processes
    region.programmes = _programmes(model, arm, state, accounts, ledger, replicate)
    region.recent = list(base.quarters[-PERIODS_PER_YEAR:])
    if scenario.population == "closed":
        region.cohort = ClosedCohort(model, state)
    region.decide = responses.decide
    region.feedback = PeerFeedback(model, state) if arm.peer_feedback else None
    region.parties = parties = Parties(model, arm, responses)
    parties.year_begins(accounts)
    responses.start(region)
    if quality != 1.0:
        region.practices.levers_changed(0)
    region.run(years * WEEKS_PER_YEAR)
    _check_people(state, accounts)
    ledger.check()
    apart = _apart(model, base, hospital.home_care.usual)
    counted, path = _counted(model, arm, accounts, apart), LeverPath(tuple(responses.path))
    return Cell(
        arm=arm.name,
        replicate=replicate,
        results=tabulate(counted, scenario.name, arm.name, 0, replicate, own_measures),
        ledger=ledger,
        incentives=responses.table,
        quarters=accounts.activities,
        base_quarters=base.quarters,
        events=region.practices.taken,
        path=path,
        decisions=tuple(parties.decisions),
        rounds=tuple(row for each in region.programmes for row in each.rounds.rows),
        checks=[
            {"id": f"ledger:{arm.name}:{replicate}", "what": "every posting sums to zero", "passed": True},
            {
                "id": f"people:{arm.name}:{replicate}",
                "what": "people and person-time are conserved",
                "passed": True,
            },
            *(
                {"id": f"costs:{arm.name}:{replicate}", "what": reason, "passed": False}
                for reason in (model.care.dear_trajectory,)
                if reason
            ),
            *(
                {"id": f"queue:{arm.name}:{replicate}", "what": reason, "passed": False}
                for reason in overflowing(hospital.queues).values()
            ),
            *(
                {"id": f"staff:{arm.name}:{replicate}:{each.programme.name}", "what": reason, "passed": False}
                for each in region.programmes
                if (reason := each.short_of_staff())
            ),
            *(
                {"id": f"decisions:{arm.name}:{replicate}:{lever}", "what": reason, "passed": False}
                for lever, reason in oscillating(path.levers, accounts.practice_names).items()
            ),
            *(
                {"id": f"remark:{arm.name}:{replicate}:{about}", "what": reason, "passed": True}
                for about, reason in responses.remarks.found.items()
            ),
        ],
    )


def settling_arm(scenario: Scenario) -> Arm:
    """Return the arm on whose activity budget-neutral rates are solved: the current one, without response."""
    current = scenario.arm(scenario.current)
    neutral = any(arm.budget_neutral_to for arm in scenario.arms)
    return replace(current, behaviour=Behaviour()) if neutral else current


def solve_arms(
    scenario: Scenario, activities: Sequence[Activity], past: Sequence[Activity] = ()
) -> dict[str, tuple[Arm, float]]:
    """Return every arm with its budget-neutral rates in place, and the factor on them.

    Parameters
    ----------
    activities
        What people use in each contract year from the start on when nobody responds: on this, practices are to be
        paid in all as in the arm named.
    past
        Activity of each base year, for terms that look back.
    """
    years = list(range(len(activities)))
    unpaid = [each.unpaid() for each in activities]  # each arm pays by its own contracts
    solved: dict[str, tuple[Arm, float]] = {}

    def solve(arm: Arm) -> tuple[Arm, float]:
        if arm.name not in solved:
            k = 1.0
            if arm.budget_neutral_to is not None:
                reference, _ = solve(scenario.arm(arm.budget_neutral_to.arm))
                wanted = total_eur(reference.contracts, unpaid, years, past)
                k = solve_scale(wanted, arm.contracts, unpaid, years, past)
                arm = replace(arm, contracts=scaled(arm.contracts, k))
            solved[arm.name] = arm, k
        return solved[arm.name]

    return {arm.name: solve(arm) for arm in scenario.arms}


def _region(
    model: Model,
    state: State,
    accounts: Accounts,
    hospital: Hospital,
    migration: Migration,
    start: int,
    engine: Engine,
    years: int,
    what: str,
    progress: Progress | None,
    on_events: Callable[[np.ndarray], None] | None = None,
) -> Region:
    staff = Staff(model, state)
    region = Region(state, model.tables, accounts, hospital, migration, staff, start, engine, on_events)
    if progress:
        region.on_week = lambda week: progress(what, week, years * WEEKS_PER_YEAR)
    return region


def _programmes(
    model: Model, arm: Arm, state: State, accounts: Accounts, ledger: Ledger, replicate: int
) -> list[Delivery]:
    register, known = Register(state), {each.name: each for each in model.programmes}
    return [
        Delivery(known[use.name], use, model, state, accounts, ledger, register, replicate) for use in arm.programmes
    ]


def _hospital(model: Model, state: State, replicate: int) -> Hospital:
    names, wards = model.care.services.names, model.care.hospital.wards
    services = [""] * FIRST_TRANSITION + [each.service or "" for each in model.transitions]
    urgency = dict(zip(names, model.care.services.urgency, strict=True))
    ward_of = model.care.hospital.ward_of
    codes = Codes(
        trajectory=names.index("specialist_trajectory"),
        elective=names.index("elective_admission"),
        emergency=names.index("admission_other"),
        other_emergency=services.index("admission_other") if "admission_other" in services else 0,
        flag_bit=model.flag_bit,
        service_of=np.array(services),
        stay_days=np.array([0.0] * FIRST_TRANSITION + [each.admission_days for each in model.transitions]),
        ward_of=np.array([wards.index(ward_of[name]) if name in ward_of else -1 for name in model.processes]),
        planned=np.array([urgency.get(name) == "planned" for name in services]),
    )
    key = streams.run_key(model.scenario.seed, replicate)
    return Hospital(state, model.care.hospital, key, model.population.practices[0].weight, codes)


def by_year(each: Sequence[Activity]) -> tuple[Activity, ...]:
    """Return the activity of each contract year from that of quarters."""
    return tuple(
        reduce(Activity.plus, each[first : first + PERIODS_PER_YEAR]) for first in range(0, len(each), PERIODS_PER_YEAR)
    )


def _check_people(state: State, accounts: Accounts) -> None:
    """Raise ModelError unless people and person-time add up."""

    def total(name: str) -> float:
        column = len(accounts.names) + EXTRA.index(name)
        return sum(float(groups[0, column]) for groups in accounts.records.groups)

    flows = {name: round(total(name)) for name in ("births", "arrivals", "deaths", "departures")}
    expected = accounts.people_at_start + flows["births"] + flows["arrivals"] - flows["deaths"] - flows["departures"]
    alive = int(state.people["alive"].sum())
    if alive != expected:
        raise ModelError(f"people: {accounts.people_at_start} at the start and {flows}, but {alive} alive at the end")
    records = accounts.records
    lived, on_lists = total("person_years"), float(np.sum(records.person_years))
    without = float(np.sum(records.unlisted_years))
    if not np.isclose(lived, on_lists + without, rtol=1e-9):
        raise ModelError(f"person-time: {lived} years in groups, {on_lists} on lists and {without} on none")


def _apart(model: Model, base: Base, usual_hours: float) -> tuple[Apart, ...]:
    """Return what follow-up visits, tests and care at home cost, and where these costs are held already.

    A trajectory of the catalogue is priced with its usual visits and tests. Hours of care at home after a discharge and
    for who waits for a nursing home are part of the district nursing of the last base year, as payments are.
    """
    care, costs = model.care, model.care.hospital.unit_costs
    nursing = care.services.index(_DISTRICT_NURSING)
    euros = sum(float(each.services[:, :, nursing].sum()) for each in base.quarters[-PERIODS_PER_YEAR:])
    euros *= model.population.practices[0].weight
    hours = usual_hours * WEEKS_PER_YEAR / euros if euros > 0.0 else 0.0
    hospital = care.services.sectors[care.services.index(TRAJECTORY)]
    return (
        Apart(FOLLOW_UP, costs.follow_up_eur, hospital, TRAJECTORY, costs.follow_ups),
        Apart("clinic_tests", costs.test_eur, hospital, TRAJECTORY, costs.tests),
        Apart("hours_of_home_care", costs.home_care_eur, care.services.sectors[nursing], _DISTRICT_NURSING, hours),
    )


def _counted(model: Model, arm: Arm, accounts: Accounts, apart: tuple[Apart, ...]) -> Counted:
    care, scenario, population = model.care, model.scenario, model.population
    arrays = accounts.records.arrays()
    fte = arrays["fte"].reshape(scenario.horizon_years, -1, *arrays["fte"].shape[1:]).mean(axis=1)  # [Y, P, 3]
    hours = [[care.book.hours_per_year(*each) for each in year] for year in fte]
    return Counted(
        dimensions=accounts.groups.dimensions,
        columns=(*accounts.names, *EXTRA, *FACTS),
        groups=np.stack(accounts.records.groups),
        arrays=arrays,
        service_names=accounts.names,
        sector_of=care.services.sectors,
        payment_eur=np.stack(
            [tariff_of_sectors(accounts.contracts, year, accounts.names) for year in range(scenario.horizon_years)]
        ),
        cost_eur=care.resource_cost_eur,
        revenue_kinds=(*accounts.kinds, "programmes"),
        bills=(*BILLS, "programmes"),
        weight=population.practices[0].weight,
        gp_fte=np.array([practice.gp_fte for practice in population.practices]),
        contact_hours=np.array(hours),
        staff_minutes=care.minutes[:, : fte.shape[2]],
        process_outcomes=OUTCOMES,
        lever_names=LEVERS,
        practice_lever_names=(*LIST_LEVERS, *HOURS),
        specialties=care.hospital.names,
        wards=care.hospital.wards,
        discount_costs=scenario.discounting.costs,
        discount_effects=scenario.discounting.effects,
        programme_names=tuple(each.name for each in model.programmes),
        inequality_aversion=model.parameters["outcomes.inequality_aversion"],
        apart=apart,
        society=society_terms(model.parameters),
        organising_eur=running_cost(
            arm, accounts.contracts, model.region.country, model.parameters, scenario.horizon_years
        ),
    )
