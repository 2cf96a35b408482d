"""Worlds: a scenario with other values, simulated whole, each in a file of its own.

A world is a set of values and one replicate: people sampled, the model levelled on them, the base years once, and every
arm from the same fork with the same random numbers. Worlds are independent of each other. Each is written under the
hash of all that goes into it as soon as it is done, so work that was stopped takes up what is there; a world that fails
costs only itself.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paysim import __version__
from paysim.analysis.cells import digest, parquet_bytes
from paysim.analysis.folder import source_digest
from paysim.analysis.measures import HORIZON
from paysim.engine.cell import Cell, by_year, run_arm, run_base, settling_arm, solve_arms
from paysim.engine.model import Model, build_model, load_parameters
from paysim.errors import NotInResults, Problem, nearest_name
from paysim.parameters import Parameter
from paysim.parameters.draws import draw, is_uncertain
from paysim.reading import write_atomic
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

ATTEMPTS = 3
PEOPLE = "people_at_start"
"""Persons of the region when the arms begin: the head in amounts per head, the same in every arm of a world."""


@dataclass(frozen=True)
class World:
    """One set of values and one replicate; both count from 0.

    Attributes
    ----------
    is_drawn
        Whether the uncertain parameters are those of the draw of this number; else the values are the scenario's.
    """

    scenario: Scenario
    sample: int | None
    draw: int
    replicate: int
    is_drawn: bool = True

    def drawn(self) -> Scenario:
        """Return the scenario with the parameters and the seed of the draw."""
        scenario = self.scenario
        if not self.is_drawn:
            return replace(scenario, replicates=1)
        changes = draw(uncertain(scenario), scenario.seed, self.draw)
        return replace(
            scenario,
            parameters=(*scenario.parameters, *changes),
            seed=_seed(scenario.seed, self.draw),
            replicates=1,
        )


def identity_of(scenario: Scenario, sample: int | None) -> dict[str, Any]:
    """Return all that goes into the worlds of a scenario, but the replicate."""
    return {
        "paysim": __version__,
        "source": source_digest(),
        "scenario": repr(replace(scenario, path="", sha256="", replicates=1, parameters=())),
        "parameters": [(each.name, repr(each.value)) for each in scenario.parameters],
        "sample": sample,
    }


def uncertain(scenario: Scenario) -> tuple[Parameter, ...]:
    """Return the parameters that are drawn: those of the model, without what the scenario itself replaces."""
    parameters, _ = load_parameters(scenario)
    return tuple(row for row in (parameters.row(name) for name in parameters) if is_uncertain(row))


def _seed(seed: int, number: int) -> int:
    """Return the seed of a draw: other people, practices and chance, so that draws differ by all that is not known."""
    return int.from_bytes(hashlib.sha256(f"{seed} world {number}".encode()).digest()[:4], "little")


def simulate_world(world: World, cells: str) -> str:
    """Simulate a world unless its file is there, and return the name of its file in the folder `cells`.

    The file, named by the hash of all that goes into it, has every measure of the whole region over the horizon, for
    every arm.
    """
    import pandas as pd
    import pyarrow as pa

    scenario = world.drawn()
    name = digest({**identity_of(scenario, world.sample), "replicate": world.replicate})[:32]
    file = Path(cells) / f"{name}.parquet"
    if _read(file) is not None:
        return file.name
    model = build_model(scenario, world.sample)
    heads = len(model.population) * model.population.practices[0].weight
    people = pd.DataFrame([{"measure": PEOPLE, "value": heads, "unit": "persons"}])
    tables = []
    for cell in _arms(model, world.replicate):
        found = pd.DataFrame(cell.results)
        found = found[(found["dimension"] == "all") & (found["period"] == HORIZON)]
        tables.append(pd.concat([found[["measure", "value", "unit"]], people]).assign(arm=cell.arm))
    whole = pd.concat(tables)[["arm", "measure", "value", "unit"]]
    write_atomic(file, parquet_bytes(pa.Table.from_pandas(whole, preserve_index=False)))
    return file.name


def results_of(files: Mapping[tuple[int, int], Path]) -> pd.DataFrame:
    """Return what worlds left, in the order of draw and replicate: ``draw, replicate, arm, measure, value, unit``."""
    import pandas as pd

    tables = []
    for (number, replicate), file in sorted(files.items()):
        table = pd.read_parquet(file)
        table.insert(0, "replicate", replicate)
        table.insert(0, "draw", number)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def per_head(results: pd.DataFrame, measures: Sequence[str], source: Path) -> pd.DataFrame:
    """Return ``[(draw, replicate, arm), measure]`` totals per head of the region at the start.

    Raises
    ------
    NotInResults
        If there is no such measure; names the nearest.
    """
    known = set(results["measure"])
    for name in measures:
        if name not in known:
            near = nearest_name(name, sorted(known))
            raise NotInResults(Problem("no such measure", file=str(source), found=name, nearest=near))
    table = results[results["measure"].isin([*measures, PEOPLE])].pivot_table(
        index=["draw", "replicate", "arm"], columns="measure", values="value", sort=False
    )
    return table[list(measures)].div(table[PEOPLE], axis=0)


def _arms(model: Model, replicate: int) -> Iterator[Cell]:
    """Yield the cells of all arms from one base run, with budget-neutral rates solved."""
    scenario = model.scenario
    base = run_base(model, replicate)
    current = scenario.arm(scenario.current)
    first, settling = run_arm(model, base, current, replicate), settling_arm(scenario)
    passive = first if settling == current else run_arm(model, base, settling, replicate)
    solved = solve_arms(scenario, by_year(passive.quarters), base.years)
    for arm in scenario.arms:
        yield first if arm.name == current.name else run_arm(model, base, solved[arm.name][0], replicate)


def simulate_worlds(
    worlds: Sequence[World], cells: Path, workers: int | None = None, executor: Executor | None = None
) -> Iterator[tuple[World, Path | None, str]]:
    """Yield every world with its file, or with the reason why it has none, as they are done.

    A process that dies takes down its pool: the worlds that were not done go to a new one, up to `ATTEMPTS` times.
    """
    left = list(worlds)
    for attempt in range(ATTEMPTS):
        pool = executor or ProcessPoolExecutor(workers or os.cpu_count() or 1, multiprocessing.get_context("spawn"))
        broken: list[World] = []
        try:
            futures = {pool.submit(simulate_world, world, str(cells)): world for world in left}
            for future in as_completed(futures):
                world = futures[future]
                try:
                    yield world, cells / future.result(), ""
                except (BrokenProcessPool, MemoryError) as exc:
                    if attempt + 1 == ATTEMPTS or executor is not None:
                        yield world, None, f"{type(exc).__name__}: {exc}"
                    else:
                        broken.append(world)
                except Exception as exc:
                    yield world, None, f"{type(exc).__name__}: {exc}"
        finally:
            if executor is None:
                pool.shutdown(cancel_futures=True)
        left = broken
        if not left:
            return


def _read(file: Path) -> pd.DataFrame | None:
    """Return what a world left; None if it is not there or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found: pd.DataFrame = pq.read_table(
            pa.BufferReader(file.read_bytes()), page_checksum_verification=True
        ).to_pandas()
    except (OSError, pa.ArrowException):
        return None
    return found
