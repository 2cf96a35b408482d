"""A scenario over many regions: each simulated by itself, all added up.

A region and a replicate is a world of its own (see `worlds`), so that a country goes through as many processes or
machines as there are, is taken up where it was stopped, and gives the same numbers however it was divided. Every region
has its own random numbers, keyed by its name: one more or less changes no other, and chance in the sum is that of
independent regions. Nobody moves from one region to another and hospitals serve their own region.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from paysim import catalog
from paysim.analysis.compare import t_interval
from paysim.analysis.measures import MEASURES, Measure, added_up, by_arm, paired
from paysim.analysis.measures import measure as find_measure
from paysim.analysis.worlds import PEOPLE, simulate_variants
from paysim.engine.cell import Progress
from paysim.errors import DataError, NotInResults, Problem, nearest_name
from paysim.population import load_region
from paysim.reading import write_atomic
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

POOLED = "all"
COLUMNS = (
    "region",
    "measure",
    "label",
    "unit",
    "arm",
    "baseline",
    "people",
    "value",
    "baseline_value",
    "difference",
    "low",
    "high",
)


@dataclass(frozen=True, eq=False)
class Regions:
    """What became of every region.

    Attributes
    ----------
    names
        Regions, in the order of their names.
    totals
        ``[(region, replicate, arm), measure]`` every measure of a region over the horizon, as ``results.parquet`` has
        it, and `worlds.PEOPLE`.
    baseline
        Arm that others are compared with.
    """

    names: tuple[str, ...]
    totals: pd.DataFrame
    baseline: str
    path: Path

    def table(self, measures: Sequence[str] | None = None, baseline: str | None = None) -> pd.DataFrame:
        """Return measures of all regions together and of each, with differences from a baseline.

        Parameters
        ----------
        measures
            Names as in `paysim compare`; by default all that results have.
        baseline
            Arm to compare with, by default that of the scenario.

        Returns
        -------
        DataFrame
            Columns `COLUMNS`; region `POOLED` first: totals are added up before they are divided, levels such as waits
            are weighed by people. ``people`` live there at the start. ``low`` and ``high`` are a t-interval over
            replicates, missing with one.

        Raises
        ------
        NotInResults
            If results lack a measure.
        DataError
            If there is no such arm.
        """
        import pandas as pd

        arms = list(dict.fromkeys(self.totals.index.get_level_values("arm")))
        base = baseline or self.baseline
        if base not in arms:
            near = nearest_name(base, arms)
            raise DataError(Problem("no such arm", key="baseline", found=base, allowed=tuple(arms), nearest=near))
        chosen = list(MEASURES) if measures is None else [find_measure(name) for name in measures]
        lacking = [each.name for each in chosen if not each.held_by(self.totals)]
        if measures is not None and lacking:
            raise NotInResults(Problem("results lack what this measure needs", str(self.path), found=lacking[0]))
        rows = []
        for what in (each for each in chosen if each.name not in lacking):
            frames = {POOLED: self._pooled(what)}
            at = self.totals.index.get_level_values("region")
            frames |= {name: self.totals[at == name].droplevel("region") for name in self.names}
            for name, frame in frames.items():
                parts = by_arm(frame)
                people = float(parts[base][PEOPLE].mean())
                for arm in (each for each in arms if each != base):
                    values, base_values = (each.to_numpy(np.float64) for each in paired(what, parts[arm], parts[base]))
                    apart = values - base_values
                    lead = (name, what.name, what.label, what.unit, arm, base, people)
                    rows.append((*lead, values.mean(), base_values.mean(), apart.mean(), *t_interval(apart)))
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def _pooled(self, what: Measure) -> pd.DataFrame:
        """Return ``[(replicate, arm), measure]`` of all regions together, what a measure needs."""
        return added_up(what, self.totals, PEOPLE, ["replicate", "arm"])


def regions(
    scenario: Scenario,
    names: Sequence[str],
    out: str | os.PathLike[str] | None = None,
    *,
    sample: int | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Regions:
    """Simulate a scenario in several regions.

    Parameters
    ----------
    names
        Regions of the library; ``*`` stands for any letters. They take the place of the scenario's own.
    out
        Folder for the worlds, which a later call takes up, and for ``regions.csv``; by default
        ``outputs/<name>-regions``.
    sample
        Whole practices with about this many people of each region; results are weighted to the region.
    workers, executor
        As of `paysim.psa`; they change no number.

    Raises
    ------
    DataError
        If a name fits no region, a region is of another country than the scenario's, or one cannot be simulated.
    OutputError
        If somebody else works in the folder.
    """
    chosen = chosen_regions(scenario, names)
    variants = [replace(scenario, region=name, seed=seed_of(scenario.seed, name)) for name in chosen]
    folder = Path(out) if out is not None else Path("outputs") / f"{scenario.name}-regions"
    results = simulate_variants(variants, folder, sample, scenario.replicates, workers, executor, progress)
    results.insert(0, "region", results.pop("draw").map(dict(enumerate(chosen))))
    totals = results.pivot_table(index=["region", "replicate", "arm"], columns="measure", values="value", sort=False)
    found = Regions(chosen, totals, scenario.compare_with[0], folder)
    text = found.table().to_csv(index=False, lineterminator="\n", float_format="%.12g")
    write_atomic(folder / "regions.csv", text.encode())
    return found


def chosen_regions(scenario: Scenario, patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the regions of the library that fit one of the names, in the order of their names.

    A star stands for regions of the scenario's own country whose people are all simulated; a nation, which is
    represented by fewer and holds the others, has to be named.

    Raises
    ------
    DataError
        If a name fits none, or is of another country.
    """
    known = catalog.names("populations")
    country = load_region(scenario.region).country
    found: list[str] = []
    for pattern in patterns:
        fits = [name for name in known if fnmatchcase(name, pattern)]
        if "*" in pattern:
            profiles = {name: load_region(name) for name in fits}
            fits = [name for name, each in profiles.items() if each.country == country and each.weight == 1.0]
        if not fits:
            near = nearest_name(pattern, known)
            raise DataError(Problem("fits no region", key="regions", found=pattern, nearest=near))
        found += fits
    if not found:
        raise DataError(Problem("name at least one region", key="regions"))
    foreign = [name for name in found if load_region(name).country != country]
    if foreign:
        message = f"the scenario pays as in {country}, so regions of that country are expected"
        raise DataError(Problem(message, key="regions", found=foreign[0]))
    return tuple(sorted(dict.fromkeys(found)))


def seed_of(seed: int, region: str) -> int:
    """Return the seed of a region: people and chance of its own, whichever regions are simulated beside it."""
    return int.from_bytes(hashlib.sha256(f"{seed} region {region}".encode()).digest()[:4], "little")
