"""The common workload of the two `common_workload_*` scripts: its numbers, and what a run of it reports.

People aged 0-90 fall ill, have acute events, visit a practice of 2,300 people that has one server open day and night
(first come, first served), and die; for ten years. The numbers are conventions of a benchmark, not of any population.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

YEARS = 10.0
OLDEST = 90.0
PRACTICE_SIZE = 2300
GOMPERTZ_LEVEL, GOMPERTZ_SLOPE = -10.5, 0.09  # mortality hazard exp(level + slope * age) per year
MORTALITY_RATIO = 1.8  # once ill
ILL_AT_START = 0.20
ONSET = 0.02  # per year
ACUTE = 0.25  # per year, once ill
VISITS, VISITS_ILL = 4.0, 8.0  # per year
SERVICE_MINUTES = 10
MINUTES_PER_YEAR = 364.0 * 24 * 60  # paysim's year of 52 weeks
SERVICE_YEARS = SERVICE_MINUTES / MINUTES_PER_YEAR
DISCOUNT = 0.035  # per year, continuous
COST_VISIT, COST_ACUTE, COST_ILL_YEAR = 40.0, 3000.0, 500.0
UTILITY, UTILITY_ILL, LOSS_ACUTE = 0.90, 0.75, 0.05

PUBLISHED = {
    "deaths, % of persons": (14.9, 15.6),
    "visits per person-year": (4.65, 4.75),
    "mean wait, minutes": (1.2, 1.3),
    "cost per person": (4085.0, 4232.0),
    "QALYs per person": (6.71, 6.81),
}
"""Range over other engines that ran this workload (SimPy, salabim, mesa, C and more), most with 10,000 people."""


def discounted(start: float, stop: float) -> float:
    """Return the discounted length of a span of time, in years."""
    return (math.exp(-DISCOUNT * start) - math.exp(-DISCOUNT * stop)) / DISCOUNT


def practices(persons: int) -> int:
    """Return the number of practices, the last one possibly short."""
    return -(-persons // PRACTICE_SIZE)


class Timer:
    """Seconds of CPU and of wall time inside a `with` block."""

    cpu = wall = 0.0

    def __enter__(self) -> Timer:
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu, self.wall = time.process_time() - self._cpu, time.perf_counter() - self._wall


@dataclass(frozen=True)
class Outcome:
    """What a run found, and what it took."""

    engine: str
    persons: int
    timer: Timer
    events: int
    deaths: int
    visits: int
    waited_minutes: float
    cost: float
    qaly: float

    @property
    def person_years_per_second(self) -> float:
        """Nominal person-years (the dead included) per CPU second."""
        return self.persons * YEARS / self.timer.cpu

    def results(self) -> dict[str, float]:
        """Return what all engines must agree on, under the names of `PUBLISHED`."""
        return {
            "deaths, % of persons": 100.0 * self.deaths / self.persons,
            "visits per person-year": self.visits / (self.persons * YEARS),
            "mean wait, minutes": self.waited_minutes / self.visits,
            "cost per person": self.cost / self.persons,
            "QALYs per person": self.qaly / self.persons,
        }
