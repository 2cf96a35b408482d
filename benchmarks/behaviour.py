"""What decisions cost: providers' decisions and incentives in a run, and the incentive map without one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from paysim.analysis.incentives import incentive_map
from paysim.engine.cell import by_year, run_arm, run_base, settling_arm, solve_arms
from paysim.engine.model import build_model
from paysim.engine.responses import Responses
from paysim.scenario import load_scenario

SCENARIO = "nl/achterhoek_answers"
ARMS = ("fee_for_service", "recorded_risk", "shared_savings")
"""Fees, which are linear; risk on record; savings, which practices weigh with chance and five years ahead."""

MAP_PERSONS = 30_000


@dataclass
class Spent:
    """CPU seconds spent in decisions."""

    seconds: float = 0.0


@contextmanager
def timed_decisions() -> Iterator[Spent]:
    """Time every decision that providers make, incentive tables included."""
    spent, kept = Spent(), (Responses.start, Responses.decide)

    def timed(call: Callable[..., None]) -> Callable[..., None]:
        def run(*arguments: Any) -> None:
            begun = time.process_time()
            call(*arguments)
            spent.seconds += time.process_time() - begun

        return run

    Responses.start, Responses.decide = (timed(call) for call in kept)  # type: ignore[method-assign]
    try:
        yield spent
    finally:
        Responses.start, Responses.decide = kept  # type: ignore[method-assign]


def measure(persons: int) -> Iterator[tuple[str, int, float, float]]:
    """Yield arm, practices, CPU seconds of decisions over the horizon, and of base years and arm together."""
    scenario = load_scenario(SCENARIO)
    model = build_model(scenario, persons)
    begun = time.process_time()
    base = run_base(model, 0)
    of_base = time.process_time() - begun
    passive = run_arm(model, base, settling_arm(scenario), 0)
    solved = solve_arms(scenario, by_year(passive.quarters), base.years)
    for name in ARMS:
        with timed_decisions() as spent:
            begun = time.process_time()
            run_arm(model, base, solved[name][0], 0)
            took = time.process_time() - begun
        yield name, len(model.population.practices), spent.seconds, of_base + took


def incentives() -> tuple[int, float]:
    """Return the arms, and the CPU seconds of the incentive map of all of them for every actor, base year included."""
    scenario = load_scenario(SCENARIO)
    begun = time.process_time()
    incentive_map(scenario, MAP_PERSONS)
    return len(scenario.arms), time.process_time() - begun
