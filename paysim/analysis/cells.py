"""Finished cells on disk: one folder each, named by the hash of all that went into it.

``cell.json`` is written last, is sealed, and names the SHA-256 of the other files, so a folder without it, or whose
files differ, is no finished cell and is simulated again.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from paysim.accounting.activity import Activity
from paysim.analysis.activities import pack, unpack
from paysim.contracts.parties import Decision
from paysim.engine.cell import Cell
from paysim.errors import OutputError, Problem
from paysim.kernel.records import State
from paysim.reading import write_atomic
from paysim.reading.locks import make_folder
from paysim.reading.seals import sealed, unsealed

if TYPE_CHECKING:
    import pyarrow as pa

CELLS = "cells"
"""Folder of the finished cells, in a run folder or that of a study."""

CELL = "cell.json"
_FILES = ("results.parquet", "ledger.parquet", "incentives.json", "activity.npz")


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished cell, as tables; `folder` is the name of the one that it was written to or read from."""

    arm: str
    replicate: int
    scale: float
    results: pa.Table
    ledger: pa.Table
    incentives: list[dict[str, Any]]
    quarters: tuple[Activity, ...]
    base_quarters: tuple[Activity, ...]
    events: int
    checks: list[dict[str, Any]]
    folder: str = ""
    decisions: tuple[Decision, ...] = ()
    rounds: tuple[dict[str, Any], ...] = ()

    def put_away(self) -> Finished:
        """Return the cell without tables and activity, which its folder holds: a run may have hundreds of cells."""
        results, ledger = self.results.schema.empty_table(), self.ledger.schema.empty_table()
        return replace(self, results=results, ledger=ledger, quarters=(), base_quarters=())


class Spool:
    """People who wait on disk to be forked: with 300,000 of them a copy in memory takes half a gigabyte.

    The file has no name, so nothing is left behind however the run ends.
    """

    def __init__(self, folder: Path, state: State) -> None:
        self._lock = threading.Lock()
        try:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed with this object
            for part in (state.people, state.calendar, state.practices):
                np.save(self._file, part)
        except OSError as exc:
            message = f"people cannot be kept on disk: {exc.strerror or exc}"
            raise OutputError(Problem(message, file=str(folder))) from exc

    def read(self) -> State:
        """Return the people, each time anew."""
        with self._lock:
            self._file.seek(0)
            people, calendar, practices = (np.load(self._file) for _ in range(3))
        return State(people, calendar, practices)


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as a Parquet file with page checksums; equal tables give equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return bytes(sink.getvalue())


def joined_bytes(files: Iterable[Path]) -> bytes:
    """Return the tables of Parquet files below each other as one Parquet file, without holding all of them at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink, writer = pa.BufferOutputStream(), None
    for file in files:
        table = pq.read_table(file)
        if writer is None:
            writer = pq.ParquetWriter(sink, table.schema, compression="zstd", write_page_checksum=True)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return bytes(sink.getvalue())


def results_table(columns: Mapping[str, np.ndarray]) -> pa.Table:
    """Return columns of results as an Arrow table, texts dictionary-encoded."""
    import pyarrow as pa

    def encode(values: np.ndarray) -> pa.Array:
        array = pa.array(values)
        return array.dictionary_encode() if values.dtype == object else array

    return pa.table({name: encode(values) for name, values in columns.items()})


def finish(cell: Cell, scale: float, folder: str) -> Finished:
    """Return a simulated cell as tables, for the folder of that name."""
    return Finished(
        arm=cell.arm,
        replicate=cell.replicate,
        scale=scale,
        results=results_table(cell.results),
        ledger=cell.ledger.to_arrow(),
        incentives=cell.incentives,
        quarters=cell.quarters,
        base_quarters=cell.base_quarters,
        events=cell.events,
        checks=cell.checks,
        folder=folder,
        decisions=cell.decisions,
        rounds=cell.rounds,
    )


def save(folder: Path, cell: Finished) -> None:
    """Write a finished cell, its index last."""
    make_folder(folder)
    files = {
        "results.parquet": parquet_bytes(cell.results),
        "ledger.parquet": parquet_bytes(cell.ledger),
        "incentives.json": json.dumps(cell.incentives, sort_keys=True).encode(),
        "activity.npz": pack((*cell.base_quarters, *cell.quarters)),
    }
    for name, data in files.items():
        write_atomic(folder / name, data)
    index = {
        "arm": cell.arm,
        "replicate": cell.replicate,
        "scale": cell.scale,
        "events": cell.events,
        "checks": cell.checks,
        "base_quarters": len(cell.base_quarters),
        "decisions": [each.row() for each in cell.decisions],
        "rounds": cell.rounds,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    write_atomic(folder / CELL, sealed(index))


def load(folder: Path) -> Finished | None:
    """Return the finished cell of a folder; None if there is none, or it is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        index = unsealed((folder / CELL).read_bytes())
        if index is None:
            return None
        data = {name: (folder / name).read_bytes() for name in _FILES}
        if any(hashlib.sha256(data[name]).hexdigest() != index["files"][name] for name in _FILES):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    quarters, before = unpack(data["activity.npz"]), index["base_quarters"]
    return Finished(
        arm=index["arm"],
        replicate=index["replicate"],
        scale=index["scale"],
        results=pq.read_table(pa.BufferReader(data["results.parquet"])),
        ledger=pq.read_table(pa.BufferReader(data["ledger.parquet"])),
        incentives=json.loads(data["incentives.json"]),
        quarters=quarters[before:],
        base_quarters=quarters[:before],
        events=index["events"],
        checks=index["checks"],
        folder=folder.name,
        decisions=tuple(Decision(**each) for each in index.get("decisions", ())),  # none in older folders
        rounds=tuple(index.get("rounds", ())),
    )
