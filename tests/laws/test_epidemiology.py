"""Laws of health: what is observed of people is what their hazards promise, within chance.

The hazards are reckoned here from the transitions' own tables and the people's states, in plain numpy, each month: a
process counted N times whose summed hazard is L has N - L of mean 0 and variance L.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from paysim.analysis.estimates import kaplan_meier
from paysim.analysis.observation import FATAL, Observation, Observer
from paysim.analysis.validation import standard_scenario
from paysim.diseases.cohort import Cohort, hazards
from paysim.engine.cell import Cell, run_arm, run_base
from paysim.engine.model import Model, build_model
from paysim.engine.region import Region
from paysim.kernel.records import TICKS_PER_WEEK, TICKS_PER_YEAR, WEEKS_PER_YEAR
from paysim.parameters import Override

PERSONS, YEARS, WEEKS = 15_000, 2, 4
ERRORS = 4.5
"""Standard errors: about one in 150,000 for each comparison, and there are a few dozen."""


@dataclass
class Promised:
    """Sums the hazards of a model's transitions over time, and of death of those alive at the start."""

    model: Model
    sums: dict[str, float] = field(default_factory=dict)
    first: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # numbers of those alive at the start
    deaths_of_first: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def watch(self, region: Region) -> Generator[Any, Any, None]:
        for step in range(YEARS * WEEKS_PER_YEAR // WEEKS):
            people = region.state.people[region.state.listed]
            people = people[people["alive"] == 1]
            if step == 0:
                self.first, self.deaths_of_first = np.sort(people["id"]), np.zeros(len(people))
            self.add(people, WEEKS / WEEKS_PER_YEAR)
            for _ in range(WEEKS):
                yield region.env.timeout(TICKS_PER_WEEK)

    def add(self, people: np.ndarray, years: float) -> None:
        flags = {name: people["flags"] & bit != 0 for name, bit in self.model.flag_bit.items()}
        cohort = Cohort(
            people["sex"].astype(np.int64),
            people["age"].astype(np.int64),
            people["covariates"],
            flags,
            people["deprived"],
            people["education"],
        )
        dying = np.zeros(len(people))
        for row in self.model.transitions:
            if row.kind not in ("death", "event", "onset"):
                continue
            rate = hazards(row, cohort)
            self.sums[row.name] = self.sums.get(row.name, 0.0) + float(rate.sum()) * years
            if row.kind == "death":
                dying += rate
            elif row.kind == "event":
                before, inside = cohort.at(row.dies_before_care), cohort.at(row.dies_in_care)
                dying += rate * (before + (1.0 - before) * inside)
        old = np.isin(people["id"], self.first)
        self.deaths_of_first[np.searchsorted(self.first, people["id"][old])] += dying[old] * years


@cache
def simulated() -> tuple[Model, Observation, Promised, Cell]:
    """A sample of Achterhoek without trends over two years, observed."""
    scenario = standard_scenario("achterhoek", YEARS)
    model = build_model(replace(scenario, base_years=1), sample=PERSONS)
    trends = [Override(row["name"], "off") for row in model.parameters.frame() if row["value"] == "on"]
    if trends:
        model = build_model(replace(scenario, base_years=1, parameters=tuple(trends)), sample=PERSONS)
    observer, promised = Observer(model, YEARS), Promised(model)
    cell = run_arm(
        model,
        run_base(model, 0),
        model.scenario.arms[0],
        0,
        on_events=observer.on_events,
        own_processes=(observer.watch, promised.watch),
    )
    return model, observer.result(), promised, cell


def test_incidence_is_what_the_hazards_promise() -> None:
    model, seen, promised, _ = simulated()
    squares = []
    for row in model.transitions:
        if row.kind not in ("death", "event", "onset"):
            continue
        expected, happened = promised.sums[row.name], int(seen.events([row.name]).sum())
        # Hazards are taken at the start of each month; within it they move by a percent or two at most.
        assert abs(happened - expected) <= ERRORS * np.sqrt(max(expected, 1.0)) + 0.02 * expected, row.name
        if expected >= 20.0:
            squares.append((happened - expected) ** 2 / expected)
    # All together: a sum of squares of as many normal deviates, so that a common error of a tenth is seen.
    assert len(squares) >= 4
    assert sum(squares) <= chi2.isf(1e-4, len(squares))


def test_all_events_together_are_what_the_hazards_promise() -> None:
    model, seen, promised, _ = simulated()
    names = [row.name for row in model.transitions if row.kind in ("death", "event", "onset")]
    expected, happened = sum(promised.sums[name] for name in names), int(seen.events(names).sum())
    assert expected > 500.0
    assert abs(happened - expected) <= ERRORS * np.sqrt(expected) + 0.01 * expected


def test_survival_is_what_the_hazards_promise() -> None:
    model, seen, promised, _ = simulated()
    dead = np.zeros(len(seen.people), bool)
    dead[seen.entries((), FATAL)["person"]] = True
    start = seen.snapshots[0]
    ids = seen.people["id"][start["person"]]
    expected = promised.deaths_of_first[np.searchsorted(promised.first, ids)]
    groups = {"everybody": np.ones(len(start), bool)} | {flag: seen.holds(0, [flag]) for flag in model.flag_bit}
    for name, group in groups.items():
        promise, died = float(expected[group].sum()), int(dead[start["person"][group]].sum())
        assert abs(died - promise) <= ERRORS * np.sqrt(max(promise, 1.0)) + 0.03 * promise, name


def test_case_fatality_after_an_event_is_what_the_table_promises() -> None:
    model, seen, _, _ = simulated()
    for row in model.transitions:
        if row.kind != "event":
            continue
        log = seen.entries([row.name])
        people = seen.people[log["person"]]
        age = np.minimum((log["tick"] - people["birth"]) // TICKS_PER_YEAR, 110)

        def at(table: Any, sex: np.ndarray = people["sex"], age: np.ndarray = age) -> np.ndarray:
            return np.broadcast_to(np.asarray(table, float), (2, 111))[sex, age]

        before, inside = at(row.dies_before_care), at(row.dies_in_care)
        dies = before + (1.0 - before) * inside
        died = np.isin(log["outcome"], FATAL).sum()
        assert abs(died - dies.sum()) <= ERRORS * np.sqrt(max((dies * (1 - dies)).sum(), 1.0)), row.name


def test_nothing_happens_after_death_or_departure() -> None:
    _, seen, _, _ = simulated()
    assert (seen.log["tick"] <= seen.people["exit"][seen.log["person"]]).all()
    assert (seen.log["tick"] >= seen.people["entry"][seen.log["person"]]).all()


def test_observed_totals_are_those_of_the_accounts() -> None:
    model, seen, _, cell = simulated()
    weight = model.population.practices[0].weight
    found = cell.results
    whole = (found["period"] == -1) & (found["dimension"] == "all")

    def total(measure: str) -> float:
        return float(found["value"][whole & (found["measure"] == measure)][0])

    assert seen.person_years.sum() * weight == pytest.approx(total("person_years"), rel=1e-9)
    assert seen.deaths().sum() * weight == pytest.approx(total("deaths"), rel=1e-12)
    assert seen.events(["birth"]).sum() * weight == pytest.approx(total("births"), rel=1e-12)
    qalys = sum(float(seen.snapshots[k]["utility"].sum()) for k in range(YEARS)) * weight
    assert qalys == pytest.approx(total("qalys"), rel=0.02)


def test_people_are_conserved_from_turn_to_turn() -> None:
    _, seen, _, _ = simulated()
    for k in range(YEARS + 1):
        now = seen.start + k * TICKS_PER_YEAR
        here = (seen.people["entry"] <= now) & (seen.people["exit"] > now)
        assert set(np.flatnonzero(here)) == set(seen.snapshots[k]["person"])
        assert seen.count(k).sum() == here.sum()


def test_follow_up_of_everybody_agrees_with_person_time() -> None:
    """Kaplan-Meier after first events cannot fall below the share that is never seen to die."""
    _, seen, _, _ = simulated()
    first, time, died = seen.follow_up(["diabetes_onset"])
    assert len(np.unique(first["person"])) == len(first)
    assert (time >= 0).all()
    assert (time <= seen.end - first["tick"]).all()
    if len(first):
        survival, _ = kaplan_meier(time, died, TICKS_PER_YEAR)
        assert np.isnan(survival) or survival >= 1.0 - died.mean() * len(first)
