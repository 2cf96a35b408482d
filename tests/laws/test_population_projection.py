"""The open population after ten years against a projection by cohort components, written from the tables alone.

Only who is born, comes, leaves and dies is compared, so what people ask of practices is silenced.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from paysim.engine.cell import run_base
from paysim.engine.model import Model, build_model
from paysim.kernel.spec import AGES
from tests.toy import scenario

YEARS = 10
REPLICATES = 3
BOYS = 1.05 / 2.05
DEMAND = ("need", "follow_up", "chronic_control", "acute", "treatment_start")


@pytest.fixture(scope="module")
def model() -> Model:
    """Return 12,000 people over ten years of a base run."""
    built = build_model(scenario(YEARS, 1), sample=12_000)
    tables = built.tables.copy()
    for r, each in enumerate(built.transitions, start=len(built.processes) - len(built.transitions)):
        if each.kind in DEMAND:
            tables["log_hazard"][0, r] = -np.inf
    return replace(built, tables=tables)


def _by_age(table: Any, column: str, low: str) -> np.ndarray:
    """Return a column of a table by sex and single age ``[2, 111]``; bands hold for every age in them."""
    found = np.full((2, AGES), np.nan)
    starts = np.asarray(table[low], int)
    for sex in (0, 1):
        mine = np.array([each == "MF"[sex] for each in table["sex"]])
        order = np.argsort(starts[mine])
        first, value = starts[mine][order], np.asarray(table[column], float)[mine][order]
        found[sex] = value[np.searchsorted(first, np.arange(AGES), side="right") - 1]
    return found


def projected(model: Model) -> np.ndarray:
    """Return inhabitants by sex and completed age after `YEARS` years, a year at a time.

    Within a year everybody lives half a year at one completed age and half at the next; who comes does so evenly over
    the year, and lives half of it here.
    """
    p, people = model.parameters, model.population
    sex, age = people.sex.astype(int), people.completed_age
    count = np.bincount(sex * AGES + age, minlength=2 * AGES).reshape(2, AGES).astype(float)
    moving = _by_age(p.table("migration.rates"), "per_1000", "age_from")
    moving *= count.sum() / (moving * count).sum()
    gross, net = p["migration.gross_turnover"], p["migration.net_rate"]
    coming = net * moving + _kept(p, count, (gross - net) * moving)
    arrivals = (gross * moving + coming) / 2 * count
    exit_rate = -np.log1p(-np.minimum(_by_age(p.table("mortality.life_table"), "qx", "age"), 0.999))
    exit_rate = exit_rate + (gross * moving - coming) / 2
    fertility = np.zeros(AGES)
    table = p.table("births.fertility")
    for low, high, births in zip(table["age_lo"], table["age_hi"], table["births_per_1000_women"], strict=True):
        fertility[int(low) : int(high) + 1] = births / 1000 * p["births.level"]
    for _ in range(YEARS):
        half = np.exp(-exit_rate / 2)  # half a year at one age
        stay = np.zeros_like(count)
        stay[:, 1:] = count[:, :-1] * half[:, :-1] * half[:, 1:]
        stay[:, -1] += count[:, -1] * half[:, -1] ** 2
        # Who comes is half a year older, on average, at the end of the year: half of them have had a birthday.
        stay += arrivals * half / 2
        stay[:, 1:] += arrivals[:, :-1] * half[:, :-1] / 2
        births = (fertility * (count[1] + stay[1]) / 2).sum()
        stay[:, 0] += births * np.array([BOYS, 1 - BOYS]) * np.sqrt(half[:, 0] ** 2)
        count = stay
    return count


def _kept(p: Any, count: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Return the net rate that keeps the region's young adults as many, relative to the nation's; zero in all."""
    nation = _by_age(p.table("mortality.national_population"), "persons", "age_from")  # of five years
    share = {a: count[:, a : a + 5].sum() / nation[:, a].sum() for a in range(15, 40, 5)}
    slope = np.array(
        [
            np.log(share[(a - 2) // 5 * 5 + 5] / share[(a - 2) // 5 * 5]) / 5 if 17 <= a < 37 else 0.0
            for a in range(AGES)
        ]
    )
    low, high = -10.0, 10.0
    for _ in range(100):  # bisection
        rate = np.clip(slope - (low + high) / 2 * room, -room, room) * p["migration.regional_ages"]
        low, high = ((low + high) / 2, high) if (rate * count).sum() > 0.0 else (low, (low + high) / 2)
    return np.asarray(rate)


def _decades(count: np.ndarray) -> np.ndarray:
    """Return ``[2, 10]``: ten-year ages, 90 and over last."""
    return np.add.reduceat(count, np.arange(0, 100, 10), axis=1)


@pytest.mark.parametrize("kind", ["open", pytest.param("closed", marks=pytest.mark.slow)])
def test_population_after_ten_years_is_that_of_a_cohort_component_projection(model: Model, kind: str) -> None:
    if kind == "closed":
        silent = model.tables.copy()
        for r, each in enumerate(model.transitions, start=len(model.processes) - len(model.transitions)):
            if each.kind in ("birth", "departure"):
                silent["log_hazard"][0, r] = -np.inf
        model = replace(model, tables=silent, migration=replace(model.migration, arrivals_per_year=0.0))
        zero = {"migration.gross_turnover": 0.0, "migration.net_rate": 0.0, "births.level": 0.0}
    else:
        zero = {}
    counts = []
    for replicate in range(REPLICATES):
        state = run_base(model, replicate).state
        people = state.people[state.listed]
        people = people[people["alive"] == 1]
        cell = people["sex"].astype(int) * AGES + people["age"]
        counts.append(_decades(np.bincount(cell, minlength=2 * AGES).reshape(2, AGES).astype(float)))
    simulated = np.mean(counts, axis=0)
    error = np.sqrt(np.var(counts, axis=0, ddof=1).mean() / REPLICATES)
    expected = _decades(projected(replace(model, parameters=_Replaced(model.parameters, zero))))  # type: ignore[arg-type]
    assert simulated.sum() == pytest.approx(expected.sum(), rel=0.01)
    large = expected > 300
    assert large.sum() >= 14
    error = np.maximum(error, np.std(counts, axis=0, ddof=1) / np.sqrt(REPLICATES))
    gap = np.abs(simulated - expected)
    assert (gap < 0.03 * expected + 2.5 * error)[large].all(), np.round(gap / np.maximum(expected, 1.0), 3)


class _Replaced:
    """Parameters with other values for some names."""

    def __init__(self, parameters: Any, values: dict[str, float]) -> None:
        self.parameters, self.values = parameters, values

    def __getitem__(self, name: str) -> float:
        return self.values[name] if name in self.values else self.parameters[name]

    def table(self, name: str) -> Any:
        return self.parameters.table(name)


def test_the_projection_can_fail(model: Model) -> None:
    """Without migration young adults would be fewer by more than the test above allows."""
    still = _Replaced(model.parameters, {"migration.net_rate": 0.0})
    one, other = (
        _decades(projected(each))
        for each in (model, replace(model, parameters=still))  # type: ignore[arg-type]
    )
    assert (one / other)[:, 2].min() > 1.05
