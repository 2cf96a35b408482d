"""Studies of many worlds: memory, what is not the engine, resuming, and reading many cells back."""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import paysim as ps
from benchmarks.workload import Timer
from paysim.analysis import worlds
from paysim.analysis.cells import CELLS
from paysim.analysis.cost_effectiveness import acceptability, strategies, value_of_information
from paysim.analysis.distributional import distributional, groups_of
from paysim.analysis.partial_information import partial_information
from paysim.analysis.worlds import World
from paysim.scenario import Scenario

NAME = "nl/achterhoek_four_models"
WARM_UP, WORLDS = 8, 48
DRAWS = 500
"""Of four arms: 2,000 cells of a draw and an arm."""


def small(arms: int, years: int) -> Scenario:
    """Return the scenario with its first arms and a short horizon."""
    scenario = ps.load_scenario(NAME)
    first = scenario.arms[:arms]
    return replace(scenario, arms=first, compare_with=(first[0].name,), horizon_years=years, base_years=1)


def resident_mb() -> float:
    """Return the memory that this process holds now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def memory(worlds_in_all: int = WORLDS, persons: int = 1_500) -> tuple[float, float]:
    """Return MB held after the warm-up and after the last of many worlds of two arms, in this process.

    Means of as many worlds as the warm-up has, because what Python holds swings from one world to the next.
    """
    scenario, held = small(2, 1), []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(worlds_in_all):
            worlds.simulate_world(World(scenario, persons, number, 0), folder)
            gc.collect()
            held.append(resident_mb())
    return float(np.mean(held[WARM_UP : 2 * WARM_UP])), float(np.mean(held[-WARM_UP:]))


@contextmanager
def timed(spent: list[float]) -> Iterator[None]:
    """Add up the CPU seconds inside the engine."""
    names = ("build_model", "run_base", "run_arm", "solve_arms")
    former = {name: getattr(worlds, name) for name in names}

    def watched(function):  # noqa: ANN001, ANN202  any function of the engine
        def call(*arguments, **named):  # noqa: ANN002, ANN003, ANN202
            start = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                spent.append(time.process_time() - start)

        return call

    for name, function in former.items():
        setattr(worlds, name, watched(function))
    try:
        yield
    finally:
        for name, function in former.items():
            setattr(worlds, name, function)


def overhead(persons: int, years: int, arms: int = 4) -> tuple[float, float]:
    """Return CPU seconds of a world, and those outside the engine."""
    scenario, spent = small(arms, years), []
    with tempfile.TemporaryDirectory() as folder:
        worlds.simulate_world(World(scenario, persons, 0, 0), folder)  # loads what is compiled
        with timed(spent), Timer() as whole:
            worlds.simulate_world(World(scenario, persons, 1, 0), folder)
    return whole.cpu, whole.cpu - sum(spent)


def reading(draws: int = DRAWS) -> dict[str, Timer]:
    """Return the time of finding, collecting and analysing many cells, of resuming a finished study, and of its report.

    One world is simulated; the others are copies of it with noise, under the names that they would have.
    """
    scenario, found = small(4, 1), {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "study"
        cells = place / CELLS
        ps.psa(scenario, place, draws=1, sample=1_500, workers=1)
        table = pq.read_table(next(cells.glob("*.parquet")))
        values = table["value"].to_numpy()
        for number in range(draws):
            noise = np.random.default_rng(number).normal(1.0, 0.02, len(values))
            noisy = table.set_column(table.column_names.index("value"), "value", pa.array(values * noise))
            worlds.write_world(cells / worlds.file_of(World(scenario, 1_500, number, 0)), noisy)
        with Timer() as found["a study of finished cells collected"]:
            study = ps.psa(scenario, place, draws=draws, sample=1_500, workers=1)
        with Timer() as found["cost-effectiveness, value of parameters, distribution"]:
            outcomes = study.outcomes()
            strategies(outcomes)
            acceptability(outcomes, np.linspace(0, 100_000, 101).tolist())
            value_of_information(outcomes, [20_000, 50_000, 80_000])
            partial_information(outcomes, study.parameters, 50_000)
            distributional(groups_of(study), 50_000)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with Timer() as found["`paysim resume` of the finished study"]:
            subprocess.run([sys.executable, "-m", "paysim", "resume", str(place), "--json"], check=True)  # noqa: S603
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        resumed = found["`paysim resume` of the finished study"]
        resumed.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found


def measure(quick: bool = False) -> list[tuple[str, str]]:
    """Return what was measured and what was found, each in a fresh process where memory counts."""
    number = 2 * WARM_UP if quick else WORLDS
    command = f"import json; from benchmarks.studies import memory; print(json.dumps(memory({number})))"
    done = subprocess.run([sys.executable, "-c", command], check=True, capture_output=True, text=True)  # noqa: S603
    early, late = json.loads(done.stdout.splitlines()[-1])
    whole, rest = overhead(1_500, 1) if quick else overhead(10_000, 10)
    rows = [
        (f"memory over {number} worlds of two arms, after {WARM_UP}", f"{early:.0f} to {late:.0f} MB"),
        ("growth", f"{late / early - 1:+.1%}"),
        ("a world of four arms, CPU s", f"{whole:.1f}"),
        ("of that outside the engine", f"{rest / whole:.1%}"),
    ]
    times = reading(20 if quick else DRAWS)
    return rows + [(f"{what}, CPU s (wall s)", f"{each.cpu:.1f} ({each.wall:.1f})") for what, each in times.items()]


if __name__ == "__main__":
    for what, value in measure("--quick" in sys.argv):
        print(f"| {what} | {value} |")
