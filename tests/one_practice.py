"""One real practice over two years, made and simulated once for all tests that look at it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from paysim.engine.cell import Base, Cell, run_arm, run_base
from paysim.engine.model import Model, build_model
from paysim.engine.region import Region
from paysim.parameters import Override
from paysim.scenario import Arm, Behaviour
from tests.toy import few_people, in_order, scenario

SAMPLE = 1500
YEARS = 2
Changes = tuple[tuple[str, float], ...]


def model_of(parameters: Changes = (), seed: int = 1, unlimited: bool = False) -> Model:
    """Return the model of one real practice, made once."""
    return _made(parameters, seed, unlimited)


def base_of(parameters: Changes = (), seed: int = 1, replicate: int = 0, unlimited: bool = False) -> Base:
    """Return the base run, simulated once."""
    return _simulated(parameters, seed, replicate, unlimited)


@lru_cache(maxsize=12)
def _made(parameters: Changes, seed: int, unlimited: bool) -> Model:
    short = replace(scenario(1, YEARS, seed), parameters=tuple(Override(name, value) for name, value in parameters))
    if not unlimited:
        return build_model(short, sample=SAMPLE)
    people = few_people(400)
    staff: dict[str, Any] = {f"{who}_fte": 1e6 for who in ("gp", "nurse", "mental_nurse")}
    staff |= {f"{who}s": 8 for who in ("gp", "nurse", "mental_nurse")}
    rich = tuple(replace(each, **staff) for each in people.practices)
    model = build_model(short, population=replace(people, practices=rich))
    tables = model.tables.copy()
    tables["weekdays"] = 7
    always = replace(model.care.book, opens_hour=0.0, closes_hour=24.0, weekdays=7)
    return replace(model, tables=tables, care=replace(model.care, book=always))


@lru_cache(maxsize=12)
def _simulated(parameters: Changes, seed: int, replicate: int, unlimited: bool) -> Base:
    return run_base(model_of(parameters, seed, unlimited), replicate)


def passive(model: Model, name: str = "dutch_today") -> Arm:
    return replace(model.scenario.arm(name), behaviour=Behaviour())


def run_of(
    arm: Arm | None = None,
    parameters: Changes = (),
    seed: int = 1,
    replicate: int = 0,
    process: Callable[[Region], Generator[Any, Any, None]] | None = None,
    unlimited: bool = False,
) -> tuple[Cell, np.ndarray]:
    """Return the cell of an arm, by default of passive `dutch_today`, and its event log."""
    model = model_of(parameters, seed, unlimited)
    log: list[np.ndarray] = []
    cell = run_arm(
        model,
        base_of(parameters, seed, replicate, unlimited),
        arm or passive(model),
        replicate,
        on_events=log.append,
        own_processes=(process,) if process else (),
    )
    return cell, in_order(log)
