"""Probabilistic sensitivity analysis: a scenario simulated under many draws of its uncertain parameters.

Every draw has its own people, practices and chance, under a seed of its own, so that draws differ by all that is not
known. What was simulated before is taken up, see `worlds`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paysim import __version__
from paysim.analysis.cells import CELLS, digest, parquet_bytes
from paysim.analysis.execution import check_out
from paysim.analysis.folder import csv_bytes
from paysim.analysis.measures import records
from paysim.analysis.request import write_request
from paysim.analysis.worlds import (
    PEOPLE,
    WHOLE,
    World,
    all_of,
    draw_of,
    identity_of,
    per_head,
    seal_of,
    simulate_worlds,
    uncertain,
    whole_of,
)
from paysim.engine.cell import Progress
from paysim.errors import DataError, NotInResults, OutputError, Problem
from paysim.reading import write_atomic
from paysim.reading.locks import locked, make_folder
from paysim.reading.seals import SEAL, is_whole, sealed, sha256_of
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "psa.json"
SCHEMA = 1
COST, EFFECT = "spending_total_discounted", "qalys_discounted"
_DISCOUNTED = "_discounted"
"""Measures that count as cost and effect unless others are asked for."""


@dataclass(frozen=True, eq=False)
class Psa:
    """A finished study.

    Attributes
    ----------
    path
        Its folder.
    manifest
        What was asked and what failed.
    """

    path: Path
    manifest: dict[str, Any]

    @cached_property
    def results(self) -> pd.DataFrame:
        """Every measure of the whole region over the horizon: ``draw, replicate, arm, measure, value, unit``."""
        import pandas as pd

        return pd.read_parquet(self.path / "psa_results.parquet")

    @cached_property
    def by_education(self) -> pd.DataFrame:
        """`worlds.BY_EDUCATION` by education: ``draw, replicate, arm, group, measure, value, unit``.

        Raises
        ------
        NotInResults
            If the study was made before paysim kept them.
        """
        import pandas as pd

        file = self.path / "psa_education.parquet"
        if not file.is_file():
            raise NotInResults(Problem("the study has no results by education; make it anew", file=str(self.path)))
        return pd.read_parquet(file)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """Values drawn, a row a draw and a column a parameter; of a list the first element stands for all."""
        import pandas as pd

        return pd.read_csv(self.path / "psa_parameters.csv", index_col="draw")

    @cached_property
    def people(self) -> float:
        """Persons of the region when the arms begin, the mean of worlds."""
        table = self.results
        return float(table.loc[table["measure"] == PEOPLE, "value"].mean())

    def outcomes(self, cost: str = COST, effect: str | None = None) -> pd.DataFrame:
        """Return cost (EUR) and effect per head of the region at the start over the horizon.

        Parameters
        ----------
        cost
            A total in euro.
        effect
            By default QALYs, discounted if the cost is.

        Returns
        -------
        DataFrame
            ``draw, replicate, arm, cost, effect``.

        Raises
        ------
        NotInResults
            If there is no such measure.
        DataError
            If the cost is not in euro.
        """
        found = _outcomes(self.results, self.path, cost, effect or self.effect_of(cost))
        units = set(self.results.loc[self.results["measure"] == cost, "unit"])
        if units != {"EUR"}:
            held = f"{cost} in {', '.join(sorted(map(str, units)))}"
            raise DataError(Problem("is not an amount of euro", str(self.path), key="cost", found=held))
        return found

    @staticmethod
    def effect_of(cost: str) -> str:
        """Return the QALYs that go with a cost: both are discounted, or neither."""
        return EFFECT if cost.endswith(_DISCOUNTED) else EFFECT.removesuffix(_DISCOUNTED)

    def summary(self) -> pd.DataFrame:
        """Return mean, 2.5% and 97.5% quantile over draws of cost and effect, and of differences from the baseline.

        Replicates of a draw are averaged first. Columns: ``arm, measure, mean, low, high, difference, difference_low,
        difference_high``; per head over the horizon.
        """
        import pandas as pd

        mean = self.outcomes().groupby(["draw", "arm"], sort=False)[["cost", "effect"]].mean()
        base = self.manifest["compare_with"][0]
        rows = []
        for measure in ("cost", "effect"):
            wide = mean[measure].unstack("arm")
            for arm in self.manifest["arms"]:
                change = wide[arm] - wide[base]
                own, other = wide[arm].quantile([0.025, 0.975]), change.quantile([0.025, 0.975])
                rows.append((arm, measure, wide[arm].mean(), *own, change.mean(), *other))
        columns = ["arm", "measure", "mean", "low", "high", "difference", "difference_low", "difference_high"]
        return pd.DataFrame(rows, columns=columns)


def psa(
    scenario: Scenario,
    out: str | os.PathLike[str] | None = None,
    *,
    draws: int,
    replicates: int = 1,
    sample: int | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
    limit_s: float | None = None,
) -> Psa:
    """Simulate a scenario under draws of its uncertain parameters.

    Parameters
    ----------
    out
        Folder of the study; by default ``outputs/<name>-psa-<hash>``.
    draws, replicates
        How many sets of parameters, and how often chance is drawn anew under each.
    sample
        Simulate whole practices with about this many people.
    workers
        Processes side by side, by default one a processor; never changes a number.
    executor
        Any `concurrent.futures.Executor`, in place of processes of our own.
    progress
        Called as (what, worlds done, worlds in all).
    overwrite
        Replace another study in the folder.
    limit_s
        Seconds after which a world counts as hung; see `simulate_worlds`.

    Raises
    ------
    ScenarioError, DataError, OutputError
        Bad input, or a folder that holds something else or in which somebody else works; nothing was written.
    DataError
        If every world failed; names the first reason.
    """
    for key, value in (("draws", draws), ("replicates", replicates)):
        if value < 1:
            raise DataError(Problem("a whole number of 1 or more expected", key=key, found=str(value)))
    identity = identity_of_study(scenario, sample)
    folder = Path(out) if out is not None else Path("outputs") / f"{scenario.name}-psa-{identity[:12]}"
    check_out(folder, overwrite or (folder / MANIFEST).exists())
    with locked(folder):
        _make_room(folder, identity, overwrite, draws, replicates)
        asked = {"draws": draws, "replicates": replicates, "sample": sample}
        request = write_request(folder, "psa", scenario, identity, asked).as_mapping()
        worlds = [World(scenario, sample, k, r) for k in range(draws) for r in range(replicates)]
        failures: list[dict[str, Any]] = []
        files: dict[tuple[int, int], Path] = {}
        done = simulate_worlds(worlds, folder / CELLS, workers, executor, limit_s)
        for number, (world, file, error) in enumerate(done):
            if file is not None:
                files[world.draw, world.replicate] = file
            else:
                failures.append({"draw": world.draw, "replicate": world.replicate, "error": error})
            if progress:
                progress("draws", number + 1, len(worlds))
        failures.sort(key=lambda each: (each["draw"], each["replicate"]))
        if not files:
            raise DataError(Problem(f"no draw could be simulated: {failures[0]['error']}", file=str(folder)))
        _write(folder, worlds, files, failures, identity, draws, replicates, request)
    return load_psa(folder)


def identity_of_study(scenario: Scenario, sample: int | None) -> str:
    """Return the digest by which a folder knows its study, whatever the number of draws and replicates."""
    return digest(identity_of(scenario, sample))


def load_psa(path: str | os.PathLike[str]) -> Psa:
    """Open the folder of a study.

    Raises
    ------
    DataError
        If it holds no study, or a file differs from what was written.
    """
    folder = Path(path)
    try:
        data = (folder / MANIFEST).read_bytes()
        manifest = json.loads(data)
        wrong = [name for name, sha256 in manifest["files"].items() if sha256_of(folder / name) != sha256]
        if SEAL not in manifest or not is_whole(data):
            wrong.append(MANIFEST)
        if wrong:
            message = "differs from what was written; `paysim repair` mends it"
            raise DataError(*(Problem(message, str(folder / name)) for name in wrong))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise DataError(Problem("holds no finished sensitivity analysis", str(folder), found=str(exc))) from None
    return Psa(folder, manifest)


def _write(
    folder: Path,
    worlds: Sequence[World],
    files: dict[tuple[int, int], Path],
    failures: list[dict[str, Any]],
    identity: str,
    draws: int,
    replicates: int,
    request: dict[str, Any],
) -> None:
    """Write the tables of a study, in the order of draws, and its manifest last."""
    import pyarrow as pa

    scenario, sample = worlds[0].scenario, worlds[0].sample
    found = all_of(files)
    rows, groups = whole_of(found), found[found["group"] != WHOLE]
    drawn = uncertain(scenario)
    values = [_values(scenario, number) for number in sorted({number for number, _ in files})]
    outcomes = records(_outcomes(rows, folder, COST, EFFECT))
    written = {
        "psa_results.parquet": parquet_bytes(pa.Table.from_pandas(rows, preserve_index=False)),
        "psa_education.parquet": parquet_bytes(pa.Table.from_pandas(groups, preserve_index=False)),
        "psa_parameters.csv": csv_bytes(values, ["draw", *(each.name for each in drawn)]),
        "psa_outcomes.csv": csv_bytes(outcomes, ["draw", "replicate", "arm", "cost", "effect"]),
    }
    for name, data in written.items():
        write_atomic(folder / name, data)
    manifest = {
        "schema": SCHEMA,
        "paysim": __version__,
        "identity": identity,
        "scenario": scenario.name,
        "title": scenario.title,
        "country_region": scenario.region,
        "sha256": scenario.sha256,
        "population": scenario.population,
        "start": scenario.start.isoformat(),
        "price_year": scenario.price_year,
        "discounting": {"costs": scenario.discounting.costs, "effects": scenario.discounting.effects},
        "horizon_years": scenario.horizon_years,
        "seed": scenario.seed,
        "sample": sample,
        "draws": draws,
        "replicates": replicates,
        "arms": [arm.name for arm in scenario.arms],
        "current": scenario.current,
        "compare_with": list(scenario.compare_with),
        "failures": failures,
        "request": request,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in written.items()},
        "cells": {
            part.relative_to(folder).as_posix(): sha256_of(part)
            for file in sorted(files.values())
            for part in (file, seal_of(file))
        },
    }
    write_atomic(folder / MANIFEST, sealed(manifest))


def _values(scenario: Scenario, number: int) -> dict[str, Any]:
    row: dict[str, Any] = {"draw": number}
    for each in draw_of(scenario, number):
        row[each.name] = each.value[0] if isinstance(each.value, tuple) else each.value
    return row


def _outcomes(results: pd.DataFrame, source: Path, cost: str, effect: str) -> pd.DataFrame:
    return per_head(results, (cost, effect), source).set_axis(["cost", "effect"], axis=1).reset_index()


def _make_room(folder: Path, identity: str, overwrite: bool, draws: int, replicates: int) -> None:
    """Make the folder of a study; another or a larger study in it is refused, or replaced when it may be.

    Worlds that were simulated stay: their names say what they are. So does a damaged manifest's study.

    Raises
    ------
    OutputError
        If the folder holds something else.
    """
    manifest = folder / MANIFEST
    if manifest.exists():
        try:
            found = json.loads(manifest.read_bytes())
            more = found["draws"] > draws or found["replicates"] > replicates
            message = "" if found["identity"] == identity else "holds another study"
        except (ValueError, KeyError, TypeError):
            message, more = "holds another study", False
        message = message or ("holds a larger study" if more else "")
        if message and not overwrite:
            message += "; choose another folder, or replace it with --overwrite"
            raise OutputError(Problem(message, file=str(folder)))
        if message:
            manifest.unlink()
    make_folder(folder / CELLS)
