"""The runs that a pilot is drawn from: its scenario under the arms it needs, once, or once for each zone or region."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from paysim.analysis.execution import check_out, simulate
from paysim.analysis.runs import MANIFEST, Run, load_run
from paysim.engine.cell import Progress
from paysim.errors import DataError, Problem
from paysim.pilots.model import Pilot
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


def simulate_worlds(
    pilot: Pilot,
    out: str | os.PathLike[str],
    *,
    sample: int | None = None,
    replicates: int | None = None,
    workers: int | None = None,
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
        return simulate(scenario, folder, sample=sample, workers=workers, progress=progress, overwrite=overwrite)
    if not folder.is_dir():
        check_out(folder)
    how: dict[str, Any] = {"sample": sample, "workers": workers, "progress": progress, "overwrite": overwrite}
    runs: dict[str, Run] = {}
    for region in pilot.regions:
        scenario = needed(pilot, region, replicates)
        runs[region] = simulate(scenario, folder / region, **how)
    return runs


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
