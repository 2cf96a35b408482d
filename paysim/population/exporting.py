"""People as a table that `import_population` reads back exactly: names and levels in words, risk factors as z-scores.

Natural units would not do: a z-score taken back from a rounded pressure is another number.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from paysim.errors import DataError, OutputError, Problem
from paysim.population.fields import FIELDS
from paysim.population.schema import Population
from paysim.population.store import csv_rows
from paysim.reading import write_atomic
from paysim.reading.batches import SUFFIXES

PRACTICE_COLUMNS = (
    *("practice", "municipality", "gp_fte", "gps", "nurse_fte", "nurses"),
    *("mental_nurse_fte", "mental_nurses"),
)


def write_people(
    population: Population, path: str | os.PathLike[str], practices: str | os.PathLike[str] | None = None
) -> None:
    """Write the people of a whole region as a table, CSV or Parquet by suffix.

    Parameters
    ----------
    practices
        A CSV file for the practices and their staff. Without it, an import takes staff from list sizes.

    Raises
    ------
    DataError
        The population is a sample: its people would be taken for the region's.
    OutputError
        Another suffix, or a file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise OutputError(Problem("unknown kind of file", os.fspath(path), found=repr(suffix), allowed=SUFFIXES))
    if len(population) != population.persons_in_region:
        raise DataError("a sample cannot be written as the people of a region; `write_population` keeps samples")
    columns = dict(_columns(population))
    if practices is not None:
        write_atomic(practices, _practices(population))
    if suffix == ".csv":
        write_atomic(path, (",".join(columns) + "\n").encode() + csv_rows(columns))
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    write_atomic(path, bytes(sink.getvalue().to_pybytes()))


def _columns(population: Population) -> Iterator[tuple[str, Any]]:
    import pyarrow as pa

    names = {
        "practice": [practice.name for practice in population.practices],
        "municipality": list(population.municipalities),
        "insurer": list(population.insurers),
    }
    for column, values in population.columns():
        words = names.get(column.name) or list(FIELDS[column.name].levels or ())
        if words and words != [str(code) for code in range(len(words))]:
            codes = pa.array(values.astype(np.int32))
            yield column.name, pa.DictionaryArray.from_arrays(codes, pa.array(words)).cast(pa.string())
        else:
            yield column.name, pa.array(values)


def _practices(population: Population) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PRACTICE_COLUMNS)
    for each in population.practices:
        place = population.municipalities[each.municipality]
        staff = (each.gp_fte, each.gps, each.nurse_fte, each.nurses, each.mental_nurse_fte, each.mental_nurses)
        writer.writerow([each.name, place, *map(repr, staff)])
    return text.getvalue().encode()
