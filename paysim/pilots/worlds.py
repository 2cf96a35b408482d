"""The runs that a pilot is drawn from: its scenario under the arms it needs, once, or once for each zone or region."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from paysim.analysis.execution import check_out, simulate
from paysim.analysis.runs import MANIFEST, Run, load_run
from paysim.analysis.worlds import process_pool
from paysim.engine.cell import Progress
from paysim.engine.model import load_parameters
from paysim.errors import DataError, Problem, ScenarioError
from paysim.pilots.model import Pilot
from paysim.population.practices import make_practices
from paysim.population.sampling import choose_practices
from paysim.scenario import Scenario


def needed(pilot: Pilot, region: str | None = None, replicates: int | None = None) -> Scenario:
    """Return the pilot's scenario with the arms and years that it needs, of its own region or another one.

    Each region has random numbers of its own, keyed by its name: with the same ones the people of two regions would
    fall ill together.
    """
    scenario = pilot.scenario
    wanted = {scenario.current, pilot.comparator_arm, pilot.trial_arm}
    wanted |= {arm.budget_neutral_to.arm for arm in scenario.arms if arm.budget_neutral_to and arm.name in wanted}
    seed = scenario.seed
    if region is not None:
        seed = int.from_bytes(hashlib.sha256(f"{seed}/{region}".encode()).digest()[:7])
    return replace(
        scenario,
        region=region or scenario.region,
        arms=tuple(arm for arm in scenario.arms if arm.name in wanted),
        compare_with=(pilot.comparator_arm,),
        horizon_years=pilot.end_year,
        replicates=replicates or scenario.replicates,
        seed=seed,
    )


def require_sites(pilot: Pilot, sample: int | None) -> None:
    """Refuse a sample with fewer practices than the pilot has sites, before anything is simulated.

    Raises
    ------
    ScenarioError
        Naming the smallest sample with enough practices.
    """
    if pilot.sites_are_regions:
        return
    scenario = pilot.scenario
    _, profile = load_parameters(scenario)
    practices, places = make_practices(profile, scenario.seed), profile.municipalities
    lists = np.array([each.list_size for each in practices])
    chosen = len(practices) if sample is None else len(choose_practices(practices, places, sample)[0])
    if chosen >= pilot.sites:
        return
    if len(practices) < pilot.sites:
        message = "more sites than the region has practices"
        raise ScenarioError(
            Problem(message, pilot.path, key="sites", found=str(pilot.sites), allowed=(f"at most {len(practices)}",))
        )
    # A sample of so many practices has about so many people; its number moves in thousands.
    wanted = int(np.ceil(lists.mean() * pilot.sites / 1000.0)) * 1000
    while wanted < lists.sum() and len(choose_practices(practices, places, wanted)[0]) < pilot.sites:
        wanted += 1000
    message = f"the sample has {chosen} practices, and the pilot {pilot.sites} sites"
    raise ScenarioError(
        Problem(message, pilot.path, key="sample", found=str(sample), allowed=(f"{wanted} or more", "no sample"))
    )


def simulate_worlds(
    pilot: Pilot,
    out: str | os.PathLike[str],
    *,
    sample: int | None = None,
    replicates: int | None = None,
    workers: int | None = None,
    processes: int = 1,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Run | dict[str, Run]:
    """Simulate what a pilot is drawn from; what is finished in the folder is taken up.

    Parameters
    ----------
    out
        The run folder; where sites are zones or regions, a folder of run folders.
    sample
        Whole practices with about this many people, of each region.
    workers, processes
        As `paysim.simulate`: with more than one process replicates are simulated side by side, or regions where sites
        are these. A process takes about 1 GB for 100,000 people.
    overwrite
        Replace runs of other input, such as of an earlier version of the pilot.

    Raises
    ------
    ScenarioError, DataError, OutputError
        As `paysim.simulate`.
    """
    folder = Path(out)
    if not pilot.sites_are_regions:
        scenario = needed(pilot, replicates=replicates)
        more: dict[str, Any] = {"workers": workers, "processes": processes, "progress": progress}
        return simulate(scenario, folder, sample=sample, overwrite=overwrite, **more)
    if not folder.is_dir():
        check_out(folder)
    how: dict[str, Any] = {"sample": sample, "workers": workers, "overwrite": overwrite}
    scenarios = {region: needed(pilot, region, replicates) for region in pilot.regions}
    if processes == 1:
        return {name: simulate(each, folder / name, progress=progress, **how) for name, each in scenarios.items()}
    with process_pool(min(processes, len(scenarios))) as pool:
        futures = [pool.submit(simulate, each, folder / name, **how) for name, each in scenarios.items()]
        for done, future in enumerate(as_completed(futures), 1):
            future.result()
            if progress:
                progress(f"{pilot.level}s", done, len(futures))
    return {name: load_run(folder / name) for name in scenarios}


def load_worlds(pilot: Pilot, path: str | os.PathLike[str]) -> Run | Mapping[str, Run]:
    """Return the run of a folder; where sites are zones or regions, one of each folder in it.

    Raises
    ------
    DataError
        A folder is no finished run, or a region has none.
    """
    folder = Path(path)
    if not pilot.sites_are_regions:
        return load_run(folder)
    if (folder / MANIFEST).is_file():
        message = f"one run, but sites are {pilot.level}s: `paysim pilot simulate` makes one for each"
        raise DataError(Problem(message, str(folder)))
    missing = [name for name in pilot.regions if not (folder / name / MANIFEST).is_file()]
    if missing:
        raise DataError(*(Problem("no finished run of this region", str(folder / name)) for name in missing))
    return {name: load_run(folder / name) for name in pilot.regions}
