"""The real model: events and person-years per second of one core, and peak memory, by people and by diseases.

`python -m benchmarks.engine 10000 4` runs base years and one arm of the main scenario (0 people: the whole region) with
the first 4 diseases (default: all) in this process and prints one line of JSON; `measure` does so in a process of its
own, whose peak memory is then known.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.workload import Timer

SCENARIO = "scenarios/nl/achterhoek_four_models.yaml"
SIZES = (10_000, 100_000, 0)
DISEASES = (1, 4, 8, 12)


def run(persons: int, diseases: int | None = None) -> dict[str, float]:
    """Simulate the base years and the arm `current`; return what it took."""
    from paysim.engine.cell import run_arm, run_base
    from paysim.engine.compiled import CompiledPractices
    from paysim.engine.model import build_model
    from paysim.engine.start import initial_state
    from paysim.kernel.records import TICKS_PER_WEEK, WEEKS_PER_YEAR
    from paysim.population import synthesize
    from paysim.scenario import load_scenario

    scenario = load_scenario(SCENARIO)
    scenario = replace(scenario, diseases=scenario.diseases[:diseases])
    current = scenario.arm(scenario.current)
    tiny = build_model(replace(scenario, base_years=1, horizon_years=1), 1)
    run_arm(tiny, run_base(tiny, 0), current, 0)  # loads the compiled code
    with Timer() as people:
        population = synthesize(scenario.region, seed=scenario.seed, sample=persons or None)
    with Timer() as build:
        model = build_model(scenario, population=population)
    calendar = CompiledPractices(initial_state(model, 0, 1, 0), model.tables)
    with Timer() as alone:
        for week in range(1, WEEKS_PER_YEAR + 1):
            calendar.advance(week * TICKS_PER_WEEK)
    taken = calendar.taken
    del calendar  # its people: an arm needs one set of them
    with Timer() as whole:
        base = run_base(model, 0)
        cell = run_arm(model, base, current, 0, state=base.state)
    years = scenario.base_years + scenario.horizon_years
    return {
        "persons": len(model.population),
        "diseases": len(scenario.diseases),
        "processes": len(model.processes),
        "synthesis_s": people.cpu,
        "build_s": build.cpu,
        "years": years,
        "events": base.events + cell.events,
        "events_per_s_calendar": taken / alone.cpu,
        "events_per_s": (base.events + cell.events) / whole.cpu,
        "person_years_per_s": len(model.population) * years / whole.cpu,
        "cpu_s": whole.cpu,
        "wall_s": whole.wall,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def profile(persons: int, most: int = 16) -> list[tuple[str, int, float]]:
    """Return where the time of base years and one arm goes: function, calls, share of the time in it alone.

    Compiled functions count with the one that calls them. Python's profiler slows Python down, not compiled code, so
    shares of Python are somewhat overstated.
    """
    from paysim.engine.cell import run_arm, run_base
    from paysim.engine.model import build_model
    from paysim.scenario import load_scenario

    scenario = load_scenario(SCENARIO)
    current = scenario.arm(scenario.current)
    tiny = build_model(replace(scenario, base_years=1, horizon_years=1), 1)
    run_arm(tiny, run_base(tiny, 0), current, 0)  # loads the compiled code
    model = build_model(scenario, sample=persons or None)
    profiler = cProfile.Profile()
    profiler.enable()
    base = run_base(model, 0)
    run_arm(model, base, current, 0, state=base.state)
    profiler.disable()
    stats = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in stats.values())
    rows = [
        (f"{Path(file).parent.name}/{Path(file).stem}.{name}" if "paysim" in file else name, calls, own / total)
        for (file, _, name), (calls, _, own, _, _) in stats.items()
    ]
    return sorted(rows, key=lambda row: -row[2])[:most]


def measure(persons: int, diseases: int | None = None) -> dict[str, float]:
    """Return `run` of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.engine", str(persons), *([str(diseases)] if diseases else [])]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 (our own module)
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    print(json.dumps(run(*map(int, sys.argv[1:]))))
