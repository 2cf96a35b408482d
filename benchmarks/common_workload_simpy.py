"""The common workload in idiomatic SimPy: one process per person, one resource per practice, one random stream.

See `benchmarks.workload` for the workload's numbers.
"""

from __future__ import annotations

import math
import random
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import simpy

from benchmarks import workload as w
from benchmarks.workload import Outcome


@dataclass
class Totals:
    deaths: int = 0
    visits: int = 0
    waited: float = 0.0  # years
    cost: float = 0.0
    qaly: float = 0.0
    events: int = 0


def time_to_death(draw: random.Random, age: float, ratio: float) -> float:
    """Return years to death at this age under the Gompertz law."""
    hazard = ratio * math.exp(w.GOMPERTZ_LEVEL + w.GOMPERTZ_SLOPE * age)
    return math.log1p(w.GOMPERTZ_SLOPE * draw.expovariate(1.0) / hazard) / w.GOMPERTZ_SLOPE


def person(
    env: simpy.Environment, server: simpy.Resource, draw: random.Random, totals: Totals
) -> Generator[Any, Any, None]:
    """One life: the earliest of death, onset, acute event and visit comes next; a visit waits its turn."""
    age, ill = draw.uniform(0.0, w.OLDEST), draw.random() < w.ILL_AT_START
    death = time_to_death(draw, age, w.MORTALITY_RATIO if ill else 1.0)
    onset = math.inf if ill else draw.expovariate(w.ONSET)
    acute = draw.expovariate(w.ACUTE) if ill else math.inf
    visit = draw.expovariate(w.VISITS_ILL if ill else w.VISITS)
    since = 0.0
    while True:
        upcoming = min(death, onset, acute, visit)
        stop = min(upcoming, w.YEARS)
        span = w.discounted(since, stop)
        totals.qaly += span * (w.UTILITY_ILL if ill else w.UTILITY)
        totals.cost += span * (w.COST_ILL_YEAR if ill else 0.0)
        since = stop
        if upcoming >= w.YEARS:
            return
        yield env.timeout(max(0.0, upcoming - env.now))
        totals.events += 1
        factor = math.exp(-w.DISCOUNT * env.now)
        if upcoming == death:
            totals.deaths += 1
            return
        if upcoming == visit:
            with server.request() as turn:
                yield turn
                totals.waited += env.now - visit
                yield env.timeout(w.SERVICE_YEARS)
            totals.events += 1
            totals.visits += 1
            totals.cost += w.COST_VISIT * math.exp(-w.DISCOUNT * env.now)
            visit = env.now + draw.expovariate(w.VISITS_ILL if ill else w.VISITS)
        elif upcoming == acute:
            totals.cost += w.COST_ACUTE * factor
            totals.qaly -= w.LOSS_ACUTE * factor
            acute = env.now + draw.expovariate(w.ACUTE)
        else:
            ill, onset = True, math.inf
            death = env.now + time_to_death(draw, age + env.now, w.MORTALITY_RATIO)
            acute = env.now + draw.expovariate(w.ACUTE)
            visit = env.now + draw.expovariate(w.VISITS_ILL)


def run(persons: int, seed: int = 1) -> Outcome:
    """Run the workload."""
    env, draw, totals = simpy.Environment(), random.Random(seed), Totals()  # noqa: S311 (no secrets here)
    servers = [simpy.Resource(env) for _ in range(w.practices(persons))]
    for number in range(persons):
        env.process(person(env, servers[number // w.PRACTICE_SIZE], draw, totals))
    with w.Timer() as timer:
        env.run(until=w.YEARS)
    return Outcome(
        engine="SimPy",
        persons=persons,
        timer=timer,
        events=totals.events,
        deaths=totals.deaths,
        visits=totals.visits,
        waited_minutes=totals.waited * w.MINUTES_PER_YEAR,
        cost=totals.cost,
        qaly=totals.qaly,
    )
