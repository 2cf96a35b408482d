"""A scenario from start to finish: cells in, a run folder out.

For each replicate the base run comes first; then the arm `current`, whose activity without response settles the rates
of budget-neutral arms; then the others, side by side. A finished cell is written under the hash of its full input, so
a run that was stopped takes up its finished cells. All files are written under a temporary name and renamed.
"""

from __future__ import annotations

import gc
import inspect
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from paysim import __version__
from paysim.analysis.cells import CELLS, Finished, Spool, digest, finish, load, save
from paysim.analysis.folder import population_digest, source_digest, write_log, write_run
from paysim.analysis.request import INPUT, write_request
from paysim.analysis.runs import MANIFEST, Run, load_run
from paysim.analysis.worlds import process_pool
from paysim.engine.cell import Base, Progress, by_year, run_arm, run_base, settling_arm, solve_arms
from paysim.engine.model import Model, build_model
from paysim.engine.region import ENGINES, Engine, Region
from paysim.errors import OutputError, Problem, ScenarioError, nearest_name
from paysim.kernel.records import State
from paysim.outcomes import OwnMeasures
from paysim.population import Population
from paysim.reading.locks import LOCK, locked, make_folder
from paysim.scenario import Arm, Scenario

OwnProcess = Callable[[Region], Generator[Any, Any, None]]
_PARTS = 4
"""Parts of the replicates for each process: every part synthesizes the people once, and tells when it is done."""


def simulate(
    scenario: Scenario,
    out: str | os.PathLike[str] | None = None,
    *,
    sample: int | None = None,
    workers: int | None = None,
    engine: Engine = "compiled",
    population: Population | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
    overwrite: bool = False,
    processes: int = 1,
    own_processes: Sequence[OwnProcess] = (),
    own_measures: Sequence[OwnMeasures] = (),
) -> Run:
    """Run a scenario and return its run folder, opened.

    Parameters
    ----------
    scenario
        See `paysim.load_scenario`; change its fields with `dataclasses.replace`.
    out
        The run folder; by default ``outputs/<name>-<first digits of the hash of all input>``.
    sample
        Simulate whole practices with about this many people; results are weighted to the region.
    workers
        Arms simulated side by side; never changes a number. By default as many as there are processors.
    engine
        ``compiled``, or ``reference``: pure SimPy, slow, the same event log byte for byte.
    population
        People to use instead of synthesizing the region's.
    progress
        Called as (what, weeks done, weeks in all), from several threads.
    executor
        A `concurrent.futures.Executor` whose workers share this process's memory.
    overwrite
        Replace another run in the folder; otherwise a folder that holds one, or other files, is refused.
    processes
        Replicates simulated side by side, each in a process of its own with people of its own; never changes a number.
        Not with a population, processes or measures of your own. A script that asks for it must do so under
        ``if __name__ == "__main__"``, as processes start by reading it.
    own_processes
        SimPy processes of your own, called with the region of every arm at year 0 (a closure, a winter wave): see
        docs/extending.md. Cells of an earlier run are then simulated again, because what a function reads from outside
        is not known.
    own_measures
        Functions of your own from what an arm counted (`paysim.outcomes.Counted`) to measures, which come to the
        results beside those of paysim: see docs/tutorials/modeller.md. Cells are then simulated again, as above.

    Raises
    ------
    ScenarioError, DataError
        Bad input; nothing was written.
    ModelError
        A law of the model was broken; cells finished before are kept.
    """
    started = time.time()
    check_engine(engine)
    if out is not None:
        check_out(Path(out), overwrite)
    model = build_model(scenario, sample, population)
    identity = identity_of(model, sample, engine) | _own(own_processes, own_measures)
    folder = Path(out) if out is not None else Path("outputs") / f"{scenario.name}-{digest(identity)[:12]}"
    with locked(folder):
        make_room(folder, digest(identity), overwrite)
        options = {"sample": sample, "engine": engine}
        request = write_request(folder, "run", scenario, digest(identity), options, population)
        own = (tuple(own_processes), tuple(own_measures))
        if min(processes, scenario.replicates) > 1 and population is None and not any(own):
            _simulate_ahead(scenario, folder, sample, engine, processes, progress)
        cells = _cells(model, folder, identity, engine, own, workers, executor, progress)
        write_run(folder, model, cells, sample, engine, digest(identity), request.as_mapping())
        write_log(folder, started, cells)
        return load_run(folder)


def _cells(
    model: Model,
    folder: Path,
    identity: dict[str, Any],
    engine: Engine,
    own: tuple[tuple[OwnProcess, ...], tuple[OwnMeasures, ...]],
    workers: int | None,
    executor: Executor | None,
    progress: Progress | None,
) -> list[Finished]:
    """Return the finished cells of all replicates and arms."""
    pool = executor or ThreadPoolExecutor(max_workers=max(1, workers or os.cpu_count() or 1))
    stop = threading.Event()

    def tick(what: str, done: int, total: int) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        if progress:
            progress(what, done, total)

    cells: list[Finished] = []
    try:
        for number in range(model.scenario.replicates):
            found = _Replicate(model, number, engine, pool, tick, folder / CELLS, identity, *own).run()
            cells += [each.put_away() for each in found]
    except BaseException:
        stop.set()  # arms that are being simulated side by side end with their week
        raise
    finally:
        if executor is None:
            pool.shutdown(cancel_futures=True)
    return cells


def _simulate_ahead(
    scenario: Scenario, folder: Path, sample: int | None, engine: Engine, processes: int, progress: Progress | None
) -> None:
    """Simulate replicates in processes of their own into cells, which are then found finished."""
    total, parts = scenario.replicates, min(scenario.replicates, _PARTS * processes)
    done = 0
    with process_pool(min(processes, parts)) as pool:
        every = [range(first, total, parts) for first in range(parts)]
        futures = [pool.submit(simulate_replicates, scenario, str(folder), sample, engine, part) for part in every]
        for future in as_completed(futures):
            done += future.result()
            if progress:
                progress("replicates", done, total)


def simulate_replicates(scenario: Scenario, folder: str, sample: int | None, engine: Engine, numbers: range) -> int:
    """Simulate the cells of some replicates into a run folder that somebody holds; return how many replicates."""
    model = build_model(scenario, sample, None)
    identity = identity_of(model, sample, engine)
    with ThreadPoolExecutor(max_workers=1) as pool:
        for number in numbers:
            _Replicate(model, number, engine, pool, None, Path(folder) / CELLS, identity).run()
    return len(numbers)


def check_engine(engine: str) -> None:
    """Raise ScenarioError unless there is an engine of that name."""
    if engine not in ENGINES:
        near = nearest_name(engine, ENGINES)
        raise ScenarioError(Problem("unknown engine", key="engine", found=engine, allowed=ENGINES, nearest=near))


def check_out(folder: Path, overwrite: bool = False) -> None:
    """Raise OutputError if a run cannot be written to this folder."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(Problem("is a file; a run needs a folder", file=str(folder)))
    if folder.is_dir() and not overwrite:
        inside = {path.name for path in folder.iterdir()}
        if inside and not inside & {MANIFEST, CELLS, LOCK}:
            raise OutputError(Problem("holds other files; give a run a folder of its own", file=str(folder)))
    parent = next(path for path in (folder, *folder.resolve().parents) if path.is_dir())
    if not os.access(parent, os.W_OK):
        raise OutputError(Problem("cannot be written to", file=str(parent)))


def make_room(folder: Path, identity: str, overwrite: bool) -> None:
    """Make the run folder; a finished run of other input is refused, or cleared away when it may be.

    Raises
    ------
    OutputError
        If the folder holds another run and `overwrite` is False.
    """
    make_folder(folder / CELLS)
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return
    try:
        found = json.loads(manifest.read_bytes()).get("identity")
    except (ValueError, AttributeError):
        found = None
    if found == identity:
        return
    if not overwrite:
        message = "holds another run; choose another folder, or replace that run with --overwrite"
        raise OutputError(Problem(message, file=str(folder)))
    manifest.unlink()  # first, so that a half-cleared folder is no run
    for name in (CELLS, INPUT, "figures"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "report.html").unlink(missing_ok=True)


def identity_of(model: Model, sample: int | None, engine: str) -> dict[str, Any]:
    """Return all input that the cells of a run share."""
    scenario = model.scenario
    return {
        "paysim": __version__,
        "source": source_digest(),
        "scenario": repr(replace(scenario, arms=(), path="", sha256="", replicates=1, parameters=())),
        "parameters": [(row["name"], repr(row["value"])) for row in model.parameters.frame()],
        "population": population_digest(model.population),
        "sample": sample,
        "engine": engine,
    }


def identity_of_run(scenario: Scenario, population: Population | None, sample: int | None, engine: str) -> str:
    """Return the digest by which a run folder knows its input; people are synthesized to know theirs."""
    return digest(identity_of(build_model(scenario, sample, population), sample, engine))


def _own(processes: Sequence[OwnProcess], measures: Sequence[OwnMeasures]) -> dict[str, Any]:
    """Return what is known of a user's own processes and measures: name and text of each."""

    def text(own: Callable[..., Any]) -> str:
        try:
            return inspect.getsource(own)
        except (OSError, TypeError):
            return repr(type(own))

    named: dict[str, Sequence[Callable[..., Any]]] = {"own_processes": processes, "own_measures": measures}
    found = {key: [(getattr(each, "__qualname__", ""), text(each)) for each in own] for key, own in named.items()}
    return {key: told for key, told in found.items() if told}


@dataclass
class _Replicate:
    """All cells of one replicate."""

    model: Model
    number: int
    engine: Engine
    pool: Executor
    progress: Progress | None
    cells: Path
    identity: dict[str, Any]
    own_processes: tuple[OwnProcess, ...] = ()
    own_measures: tuple[OwnMeasures, ...] = ()
    _people: Spool | None = None

    @cached_property
    def base(self) -> Base:
        """The base run, simulated when the first unfinished arm asks for it; its people wait in a spool."""
        base = run_base(self.model, self.number, self.engine, self.progress)
        self._people = Spool(self.cells.parent, base.state)
        base = replace(base, state=State.nobody())
        gc.collect()  # parts of the region hold each other, and with them all people
        return base

    def run(self) -> list[Finished]:
        """Return the finished cells of all arms, in the scenario's order."""
        scenario = self.model.scenario
        current = scenario.arm(scenario.current)
        first, settling = self.cell((current, 1.0)), settling_arm(scenario)
        passive = first if settling == current else self.cell((settling, 1.0))
        solved = solve_arms(scenario, by_year(passive.quarters), by_year(passive.base_quarters))
        others = [solved[arm.name] for arm in scenario.arms if arm.name != current.name]
        kept = {each[0].name: self.finished(*each) for each in others}
        missing = [each for each in others if kept[each[0].name] is None]
        if missing:
            _ = self.base  # simulated once, before the arms need it side by side
        futures = [self.pool.submit(self.simulate, each) for each in missing]
        cells = (first, *kept.values(), *(future.result() for future in futures))
        finished = {cell.arm: cell for cell in cells if cell is not None}
        return [finished[arm.name] for arm in scenario.arms]

    def folder(self, arm: Arm, scale: float) -> Path:
        """Return where the cell of an arm lives: the hash of all that goes into it."""
        current = self.model.scenario.arm(self.model.scenario.current)
        full = {
            **self.identity,
            "arm": repr(arm),
            "current": repr(current),
            "replicate": self.number,
            "scale": scale,
        }
        return self.cells / digest(full)[:32]

    def cell(self, solved: tuple[Arm, float]) -> Finished:
        """Return the finished cell of an arm: read back, or simulated and written."""
        return self.finished(*solved) or self.simulate(solved)

    def finished(self, arm: Arm, scale: float) -> Finished | None:
        """Return a cell that was simulated before, if it is known to be the same."""
        return None if self.own_processes or self.own_measures else load(self.folder(arm, scale))

    def simulate(self, solved: tuple[Arm, float]) -> Finished:
        """Simulate an arm and write its cell."""
        arm, scale = solved
        base = self.base
        assert self._people is not None
        state = self._people.read()
        cell = run_arm(
            self.model,
            base,
            arm,
            self.number,
            self.engine,
            self.progress,
            own_processes=self.own_processes,
            own_measures=self.own_measures,
            state=state,
        )
        del state
        gc.collect()  # parts of the region hold each other, and with them all people
        folder = self.folder(arm, scale)
        done = finish(cell, scale, folder.name)
        save(folder, done)
        return done
