"""Worlds: a scenario with other values, simulated whole, each in a file of its own.

A world is a set of values and one replicate: people sampled, the model levelled on them, the base years once, and every
arm from the same fork with the same random numbers. Worlds are independent of each other. Each is written under the
hash of all that goes into it as soon as it is done, so work that was stopped takes up what is there; a world that fails
costs only itself.
"""

from __future__ import annotations

import faulthandler
import hashlib
import multiprocessing
import os
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from paysim import __version__
from paysim.analysis.cells import CELLS, digest, parquet_bytes
from paysim.analysis.folder import source_digest
from paysim.analysis.measures import HORIZON, MEASURES
from paysim.behaviour import behaviour_correlations
from paysim.diseases.health import health_correlations
from paysim.engine.cell import Cell, Progress, by_year, run_arm, run_base, settling_arm, solve_arms
from paysim.engine.groups import EDUCATION as LEVELS
from paysim.engine.model import Model, build_model, load_parameters
from paysim.errors import DataError, InputError, ModelError, NotInResults, Problem, nearest_name
from paysim.parameters import Override, Parameter
from paysim.parameters.draws import draw, is_uncertain
from paysim.population import load_region
from paysim.reading import write_atomic
from paysim.reading.locks import locked, make_folder
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ATTEMPTS = 3
"""How often a world that fails is tried in all."""

PEOPLE = "people_at_start"
"""Persons of the region when the arms begin: the head in amounts per head, the same in every arm of a world."""

WHOLE = "all"
EDUCATION = "education"
BY_EDUCATION = (
    "qalys_discounted",
    "spending_total_discounted",
    "resource_cost_total_discounted",
    "patient_payments",
    "person_years",
    "quality_adjusted_life_expectancy",
)
"""Measures that a world keeps by education too, for who gains and who pays."""


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
        changes = draw_of(scenario, self.draw)
        return replace(
            scenario,
            parameters=(*scenario.parameters, *changes),
            seed=_seed(scenario.seed, self.draw, self.replicate),
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


@lru_cache(maxsize=4)  # asked for by every draw of a study
def uncertain(scenario: Scenario) -> tuple[Parameter, ...]:
    """Return the parameters that are drawn: those of the model, without what the scenario itself replaces."""
    parameters, _ = load_parameters(scenario)
    return tuple(row for row in (parameters.row(name) for name in parameters) if is_uncertain(row))


def draw_of(scenario: Scenario, number: int) -> tuple[Override, ...]:
    """Return the values of a draw: those that were fitted together drawn together, all others by themselves."""
    return draw(uncertain(scenario), scenario.seed, number, _correlations(scenario.region))


@lru_cache(maxsize=4)
def _correlations(region: str) -> dict[tuple[str, str], float]:
    return {**behaviour_correlations(), **health_correlations(load_region(region).country)}


def _seed(seed: int, number: int, replicate: int) -> int:
    """Return the seed of a world: other people, practices and lives in every draw and in each of its replicates.

    What replicates of a draw differ by is then all of chance, the sample of people and practices included.
    """
    text = f"{seed} world {number}" + (f" {replicate}" if replicate else "")
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def file_of(world: World) -> str:
    """Return the name of the file of a world: the hash of all that goes into it."""
    return f"{digest({**identity_of(world.drawn(), world.sample), 'replicate': world.replicate})[:32]}.parquet"


def simulate_world(world: World, cells: str, limit_s: float | None = None, source: str | None = None) -> str:
    """Simulate a world unless its file is there, and return the name of its file in the folder `cells`.

    The file, named by the hash of all that goes into it, has every measure of the whole region over the horizon, and
    `BY_EDUCATION`, for every arm; its SHA-256 lies beside it, written last.

    Parameters
    ----------
    source
        `source_digest` of who asks; a worker with another paysim must not answer.

    Raises
    ------
    DataError
        If this is another paysim.
    """
    if source is not None and source != source_digest():
        raise DataError("the worker has another version of paysim than the one that asks")
    with _watched(limit_s):
        file = Path(cells) / file_of(world)
        if read_world(file) is None:
            write_world(file, _simulated(world))
    return file.name


def write_world(file: Path, table: pa.Table) -> None:
    """Write what a world left, and its SHA-256 last."""
    data = parquet_bytes(table)
    write_atomic(file, data)
    write_atomic(seal_of(file), _seal(file, data))


def _simulated(world: World) -> pa.Table:
    import pandas as pd
    import pyarrow as pa

    scenario = world.drawn()
    model = build_model(scenario, world.sample)
    people = pd.DataFrame(_heads(model), columns=["group", "value"]).assign(measure=PEOPLE, unit="persons")
    tables = []
    for cell in _arms(model, world.replicate):
        of_horizon = cell.results["period"] == HORIZON
        found = pd.DataFrame({name: column[of_horizon] for name, column in cell.results.items()})
        kept = (found["dimension"] == WHOLE) | ((found["dimension"] == EDUCATION) & found["measure"].isin(BY_EDUCATION))
        tables.append(pd.concat([found[kept], people]).assign(arm=cell.arm))
    whole = pd.concat(tables)[["arm", "group", "measure", "value", "unit"]]
    return pa.Table.from_pandas(whole, preserve_index=False)


def _heads(model: Model) -> list[tuple[str, float]]:
    """Return the persons of the region when the arms begin: of all, and by education."""
    weight = model.population.practices[0].weight
    counts = np.bincount(model.population.education, minlength=len(LEVELS))
    return [(WHOLE, len(model.population) * weight), *zip(LEVELS, (counts * weight).tolist(), strict=True)]


def results_of(files: Mapping[tuple[int, int], Path]) -> pd.DataFrame:
    """Return what worlds left of the whole region: ``draw, replicate, arm, measure, value, unit``, in that order."""
    return whole_of(all_of(files))


def whole_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `all_of` that are of the whole region, as `results_of` has them."""
    return table[table["group"] == WHOLE].drop(columns="group").reset_index(drop=True)


def all_of(files: Mapping[tuple[int, int], Path]) -> pd.DataFrame:
    """Return all that worlds left, in the order of draw and replicate; ``group`` is `WHOLE` or a level of education.

    Columns ``draw, replicate, arm, group, measure, value, unit``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for (number, replicate), file in sorted(files.items()):
        table = pq.read_table(file)
        for name, value in (("replicate", replicate), ("draw", number)):
            table = table.add_column(0, name, pa.array(np.full(len(table), value)))
        tables.append(table)
    found: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return found


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


def measured(results: pd.DataFrame, names: Sequence[str], baseline: str, source: Path) -> pd.DataFrame:
    """Return ``[(draw, replicate, arm), name]``: measures as `compare` has them, or totals per head of the start.

    Parameters
    ----------
    baseline
        Arm compared with, by whose person-years fixed measures of all arms are divided.

    Raises
    ------
    NotInResults
        If results hold no such measure; names the nearest.
    """
    import pandas as pd

    from paysim.analysis.indicators import INDICATORS

    frame = results.pivot_table(index=["draw", "replicate", "arm"], columns="measure", values="value", sort=False)
    known = {each.name: each for each in (*MEASURES, *INDICATORS) if each.held_by(frame)}
    is_baseline = frame.index.get_level_values("arm") == baseline
    of_world = frame[is_baseline].groupby(level=["draw", "replicate"]).first()
    compared = frame[[]].join(of_world, on=["draw", "replicate"])
    found = {}
    for name in names:
        if name in known:
            found[name] = known[name].against(compared, frame)
        elif name in frame.columns:
            found[name] = frame[name] / frame[PEOPLE]
        else:
            near = nearest_name(name, [*known, *map(str, frame.columns)])
            raise NotInResults(Problem("no such measure", file=str(source), found=name, nearest=near))
    return pd.DataFrame(found)


def _arms(model: Model, replicate: int) -> Iterator[Cell]:
    """Yield the cells of all arms from one base run, with budget-neutral rates solved."""
    scenario = model.scenario
    base = run_base(model, replicate)
    current = scenario.arm(scenario.current)
    run = partial(run_arm, explained=False)
    first, settling = run(model, base, current, replicate), settling_arm(scenario)
    passive = first if settling == current else run(model, base, settling, replicate)
    solved = solve_arms(scenario, by_year(passive.quarters), base.years)
    for arm in scenario.arms:
        yield first if arm.name == current.name else run(model, base, solved[arm.name][0], replicate)


def simulate_worlds(
    worlds: Sequence[World],
    cells: Path,
    workers: int | None = None,
    executor: Executor | None = None,
    limit_s: float | None = None,
) -> Iterator[tuple[World, Path | None, str]]:
    """Yield every world with its file, or with the reason why it has none, as they are done.

    A world that fails is tried twice more, unless paysim itself refuses its input, which it would do again. A process
    that dies takes down its pool: what was at work then is tried alone, so that the world at fault costs no other.

    Parameters
    ----------
    workers
        Processes side by side, by default one a processor.
    executor
        Where to simulate, in place of processes of our own.
    limit_s
        Seconds after which a world counts as hung and its process is ended; only of processes of our own.
    """
    same = (str(cells.resolve()), limit_s, source_digest())
    together, alone = deque(range(len(worlds))), deque[int]()
    tries: Counter[int] = Counter()
    while together or alone:
        queue, size = (together, workers or os.cpu_count() or 1) if together else (alone, 1)
        with process_pool(size, executor) as pool:
            at_work: dict[Future[str], int] = {}
            size = len(worlds) if executor else size
            try:
                while queue or at_work:
                    while queue and len(at_work) < size:
                        at_work[pool.submit(simulate_world, worlds[queue[0]], *same)] = queue[0]
                        queue.popleft()
                    for future in wait(at_work, return_when=FIRST_COMPLETED).done:
                        error = future.exception()
                        if isinstance(error, BrokenExecutor):
                            raise error
                        number = at_work.pop(future)
                        tries[number] += 1
                        if error is None and not (cells / future.result()).is_file():
                            yield worlds[number], None, "its worker writes elsewhere: it must see the same folder"
                        elif error is None:
                            yield worlds[number], cells / future.result(), ""
                        elif tries[number] == ATTEMPTS or isinstance(error, InputError | ModelError):
                            yield worlds[number], None, f"{type(error).__name__}: {error}"
                        else:
                            (queue if executor else alone).append(number)
            except BrokenExecutor as error:
                gone = [*at_work.values(), *(queue if executor else ())]
                if executor:
                    queue.clear()  # an executor that is broken takes nothing more
                for number in gone:
                    tries[number] += 1
                    if executor or tries[number] == ATTEMPTS:
                        yield worlds[number], None, f"its process ended: {error}"
                    else:
                        alone.append(number)


@contextmanager
def process_pool(size: int, executor: Executor | None = None) -> Iterator[Executor]:
    """Lend the executor given, or a pool of processes that ends at once when we are interrupted, or killed."""
    if executor is not None:
        yield executor
        return
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(size, multiprocessing.get_context("spawn"), initializer=_end_with_parent)
    try:
        yield pool
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()  # files are renamed into place when whole, so nothing is left half-written
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Let this process end when its parent does: who is killed ends no pool, and its processes would wait for ever."""
    parent = multiprocessing.parent_process()

    def wait_for_end() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait_for_end, daemon=True).start()


@contextmanager
def _watched(limit_s: float | None) -> Iterator[None]:
    """End this process if it takes longer, whatever it is caught in, with a trace of where that was."""
    if limit_s is None or multiprocessing.parent_process() is None:
        yield
        return
    faulthandler.dump_traceback_later(limit_s, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def simulate_variants(
    variants: Sequence[Scenario],
    folder: Path,
    sample: int | None = None,
    replicates: int = 1,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Simulate variants of a scenario as they stand, each a world; what is in the folder is taken up.

    Returns
    -------
    DataFrame
        As `results_of`; ``draw`` is the number of the variant.

    Raises
    ------
    DataError
        If a variant cannot be simulated; what it replaces is named.
    OutputError
        If somebody else works in the folder.
    """
    worlds = [
        World(variant, sample, number, replicate, is_drawn=False)
        for number, variant in enumerate(variants)
        for replicate in range(replicates)
    ]
    files = {}
    with locked(folder):
        make_folder(folder / CELLS)
        for done, (world, file, error) in enumerate(simulate_worlds(worlds, folder / CELLS, workers, executor)):
            if file is None:
                changed = ", ".join(f"{each.name} {each.value}" for each in world.scenario.parameters) or "no change"
                raise DataError(Problem(f"cannot be simulated with {changed}: {error}", file=str(folder)))
            files[world.draw, world.replicate] = file
            if progress:
                progress("worlds", done + 1, len(worlds))
    return results_of(files)


def read_world(file: Path) -> pd.DataFrame | None:
    """Return what a world left; None if it is not there or not what was written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        data = file.read_bytes()
        if seal_of(file).read_bytes() != _seal(file, data):
            return None
        found: pd.DataFrame = pq.read_table(pa.BufferReader(data)).to_pandas()
    except (OSError, pa.ArrowException):
        return None
    return found


def seal_of(file: Path) -> Path:
    """Return the file with the SHA-256 of a world's file, in the form that ``sha256sum --check`` reads."""
    return file.with_suffix(".sha256")


def _seal(file: Path, data: bytes) -> bytes:
    return f"{hashlib.sha256(data).hexdigest()}  {file.name}\n".encode()
