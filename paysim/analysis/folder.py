"""Writing a run folder: tidy tables, parameters, incentives, log, and the manifest last."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import paysim
from paysim.analysis.cells import CELLS, Finished, joined_bytes
from paysim.analysis.runs import (
    INCENTIVE_COLUMNS,
    MANIFEST,
    PARAMETER_COLUMNS,
    PARTIES,
    PARTY_COLUMNS,
    ROUND_COLUMNS,
    ROUNDS,
    SCHEMA,
    contracts_key,
)
from paysim.analysis.values import every_value
from paysim.contracts.parties import as_decided
from paysim.contracts.written import as_mapping
from paysim.engine.model import Model
from paysim.errors import ModelError
from paysim.population import Population
from paysim.reading import no_formula, write_atomic
from paysim.reading.seals import sealed, sha256_of


@lru_cache(maxsize=1)
def source_digest() -> str:
    """Return the SHA-256 of the package's code and data: what a result depends on besides its input."""
    total = hashlib.sha256()
    root = Path(paysim.__file__).parent
    for file in sorted(path for suffix in ("py", "yaml", "csv") for path in root.rglob(f"*.{suffix}")):
        total.update(str(file.relative_to(root)).encode())
        total.update(file.read_bytes())
    return total.hexdigest()


def write_run(
    folder: Path,
    model: Model,
    cells: Sequence[Finished],
    sample: int | None,
    engine: str,
    identity: str,
    request: Mapping[str, Any] | None = None,
) -> None:
    """Write everything but figures and report, from the folders of the cells; the manifest, last, makes it a run."""
    places = [folder / CELLS / cell.folder for cell in cells]
    files = {
        **{name: joined_bytes(place / name for place in places) for name in ("results.parquet", "ledger.parquet")},
        "parameters.csv": csv_bytes(parameter_rows(model, cells), PARAMETER_COLUMNS),
        "contracts.json": _contracts(model, cells),
        "incentives.csv": csv_bytes([row for cell in cells for row in cell.incentives], INCENTIVE_COLUMNS),
    }
    decided = [
        {"arm": cell.arm, "replicate": cell.replicate, **each.row()} for cell in cells for each in cell.decisions
    ]
    if decided:
        files[PARTIES] = csv_bytes(decided, PARTY_COLUMNS)
    rounds = [{"arm": cell.arm, "replicate": cell.replicate, **row} for cell in cells for row in cell.rounds]
    if rounds:
        files[ROUNDS] = csv_bytes(rounds, ROUND_COLUMNS)
    for name, data in files.items():
        write_atomic(folder / name, data)
    manifest = {**_manifest(model, cells, sample, engine), "identity": identity, "request": request}
    manifest["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    manifest["cells"] = {
        file.relative_to(folder).as_posix(): sha256_of(file)
        for cell in cells
        for file in sorted((folder / CELLS / cell.folder).glob("*"))
    }
    write_atomic(folder / MANIFEST, sealed(manifest))


def _contracts(model: Model, cells: Sequence[Finished]) -> bytes:
    """Return the contracts of every arm, before any factor of budget neutrality, with what their parties decided.

    Where parties decide and there are replicates, the arm comes once for each, see `contracts_key`.
    """
    found = {}
    for cell in cells:
        contracts = as_decided(model.scenario.arm(cell.arm).contracts, cell.decisions)
        if cell.replicate == 0 or cell.decisions:
            found[contracts_key(cell.arm, cell.replicate)] = [as_mapping(each) for each in contracts]
    return (json.dumps(found, indent=1) + "\n").encode()


def write_log(folder: Path, started: float, cells: Sequence[Finished]) -> None:
    """Write ``log.txt``: the only file of a run with a clock in it."""
    ended = time.time()
    lines = [
        f"started  {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(started))}",
        f"finished {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(ended))} after {ended - started:.1f} s",
        f"paysim {paysim.__version__}, Python {sys.version.split()[0]}, {sys.platform}",
        *(f"cell {cell.arm}, replicate {cell.replicate}: {cell.events} events" for cell in cells),
    ]
    write_atomic(folder / "log.txt", ("\n".join(lines) + "\n").encode())


def csv_bytes(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """Return rows as CSV with a header.

    Numbers are written so that they read back exactly, lists as JSON, and text so that no spreadsheet takes it
    for a formula.

    Raises
    ------
    ModelError
        If a row has other keys than `columns`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        if set(row) != set(columns):
            raise ModelError(f"row of a table has keys {sorted(row)}, not {sorted(columns)}")
        writer.writerow([_cell(row[name]) for name in columns])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, list | tuple) else no_formula(value)


def parameter_rows(model: Model, cells: Sequence[Finished] = ()) -> list[dict[str, Any]]:
    """Return every value the model of a run is made of, and the factors solved for the arms of its cells."""
    scales: dict[str, list[float]] = {}
    for cell in cells:
        scales.setdefault(cell.arm, []).append(cell.scale)
    return every_value(model.scenario, model.parameters, model.region, scales)


def population_digest(population: Population) -> str:
    """Return the SHA-256 of all people and practices."""
    total = hashlib.sha256(repr(population.practices).encode())
    for column, values in population.columns():
        total.update(column.name.encode())
        total.update(values.tobytes())
    return total.hexdigest()


def _manifest(model: Model, cells: Sequence[Finished], sample: int | None, engine: str) -> dict[str, Any]:
    scenario, population = model.scenario, model.population
    scale = {cell.arm: cell.scale for cell in cells}
    return {
        "schema": SCHEMA,
        "paysim_version": paysim.__version__,
        "source_sha256": source_digest(),
        "scenario": {
            "name": scenario.name,
            "title": scenario.title,
            "region": model.region.name,
            "region_title": model.region.title,
            "country": model.region.country,
            "sha256": scenario.sha256,
            "start": scenario.start.isoformat(),
            "horizon_years": scenario.horizon_years,
            "base_years": scenario.base_years,
            "population": scenario.population,
            "price_year": scenario.price_year,
            "discounting": {"costs": scenario.discounting.costs, "effects": scenario.discounting.effects},
            "diseases": list(scenario.diseases),
            "current": scenario.current,
            "compare_with": list(scenario.compare_with),
            "arms": [
                {
                    "name": arm.name,
                    "title": arm.title,
                    "behaviour": arm.behaviour.name,
                    "contracts": [contract.name for contract in arm.contracts],
                    "budget_neutral_to": arm.budget_neutral_to.arm if arm.budget_neutral_to else None,
                    "scale": scale[arm.name],
                    "cells": [cell.folder for cell in cells if cell.arm == arm.name],
                }
                for arm in scenario.arms
            ],
        },
        "seed": scenario.seed,
        "replicates": scenario.replicates,
        "engine": engine,
        "persons": len(population),
        "persons_in_region": population.persons_in_region,
        "practices": len(population.practices),
        "population_sha256": population_digest(population),
        "population_note": population.import_note,
        "sample": None
        if sample is None and not population.sample_note
        else {
            "asked": sample,
            "persons": len(population),
            "practices": len(population.practices),
            "weight": population.practices[0].weight,
            "note": population.sample_note,
        },
        "events": sum(cell.events for cell in cells),
        "checks": [check for cell in cells for check in cell.checks],
    }
