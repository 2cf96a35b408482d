"""A population in a file, Parquet or CSV by suffix; what is read back is exactly what was written.

People are rows with the columns of `schema.COLUMNS`. Region, places, insurers and practices travel in the
file's head: in Parquet as metadata, in CSV as comment lines that hold JSON.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import Field, ValidationError

from paysim.errors import DataError, OutputError, Problem, nearest_name, shorten
from paysim.population.schema import COLUMN_NAMES, COLUMNS, SCHEMA, Population, Practice, range_problems
from paysim.reading import Column, Limits, Reader, write_atomic
from paysim.reading.batches import CsvTable, Faults
from paysim.reading.cells import explain_number, read_numbers
from paysim.reading.pages import unpacked_bytes

Model = TypeVar("Model", bound=Reader)
_METADATA = b"paysim_population"
_HEAD, _PRACTICE = "# population: ", "# practice: "
_SUFFIXES = (".parquet", ".csv")
_LIMITS = Limits()
_MOST_BYTES = 2_000_000_000


class _PracticeHead(Reader):
    name: Annotated[str, Field(min_length=1)]
    municipality: Annotated[int, Field(ge=0)]
    list_size: Annotated[int, Field(ge=1)]
    gp_fte: Annotated[float, Field(gt=0)]
    gps: Annotated[int, Field(ge=1, le=8)]
    nurse_fte: Annotated[float, Field(ge=0)]
    nurses: Annotated[int, Field(ge=0, le=8)]
    mental_nurse_fte: Annotated[float, Field(ge=0)]
    mental_nurses: Annotated[int, Field(ge=0, le=8)]
    weight: Annotated[float, Field(gt=0)]


class _Head(Reader):
    version: Annotated[Literal[3], Field(alias="schema")]
    region: str
    country: Literal["NL", "BE"]
    seed: Annotated[int, Field(ge=0)]
    municipalities: Annotated[list[str], Field(min_length=1)]
    insurers: Annotated[list[str], Field(min_length=1)]
    persons_in_region: Annotated[int, Field(ge=1)]
    sample_note: str
    import_note: str = ""


def write_population(population: Population, path: str | os.PathLike[str]) -> None:
    """Write a population; the file appears whole or not at all.

    Raises
    ------
    OutputError
        The suffix is neither ``.parquet`` nor ``.csv``, or the file cannot be written.
    """
    suffix = _suffix(path, OutputError)
    head = {
        "schema": SCHEMA,
        "region": population.region,
        "country": population.country,
        "seed": population.seed,
        "municipalities": list(population.municipalities),
        "insurers": list(population.insurers),
        "persons_in_region": population.persons_in_region,
        "sample_note": population.sample_note,
        "import_note": population.import_note,
    }
    practices = [asdict(practice) for practice in population.practices]
    data = _to_csv(population, head, practices) if suffix == ".csv" else _to_parquet(population, head, practices)
    write_atomic(path, data)


def read_population(path: str | os.PathLike[str]) -> Population:
    """Read a population written by `write_population`.

    Raises
    ------
    DataError
        With file, row (in CSV: line) and column: not such a file, one of an older version, columns missing,
        unknown or of another type, values out of range, practices and people that do not agree, or a file too large.
    """
    shown = os.fspath(path)
    parts = _from_csv(shown) if _suffix(path, DataError) == ".csv" else _from_parquet(shown)
    head, practices, columns, first_row = parts
    problems = range_problems(columns, shown, first_row)
    if not problems:
        problems = _disagreements(head, practices, columns, shown, first_row)
    if problems:
        raise DataError(*problems)
    return Population(
        region=head.region,
        country=head.country,
        seed=head.seed,
        municipalities=tuple(head.municipalities),
        insurers=tuple(head.insurers),
        practices=tuple(Practice(**each.model_dump()) for each in practices),
        persons_in_region=head.persons_in_region,
        sample_note=head.sample_note,
        import_note=head.import_note,
        **columns,
    )


def _suffix(path: str | os.PathLike[str], error: type[DataError] | type[OutputError]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise error(Problem("unknown kind of population file", os.fspath(path), found=suffix, allowed=_SUFFIXES))
    return suffix


def _to_csv(population: Population, head: dict[str, Any], practices: list[dict[str, Any]]) -> bytes:
    lines = [_HEAD + json.dumps(head, ensure_ascii=False)]
    lines += [_PRACTICE + json.dumps(each, ensure_ascii=False) for each in practices]
    lines += [f"# column {c.name}: {c.meaning}; {c.unit}, {c.low:g} to {c.high:g}" for c in COLUMNS]
    lines.append(",".join(COLUMN_NAMES))
    return ("\n".join(lines) + "\n").encode() + csv_rows(dict(_arrow(population)))


def csv_rows(columns: Mapping[str, Any]) -> bytes:
    """Return columns as the rows of a CSV file, without names; numbers read back exactly."""
    import pyarrow as pa
    import pyarrow.csv as pc

    sink = pa.BufferOutputStream()
    # Arrow writes the shortest text that reads back as the same number
    pc.write_csv(pa.table(dict(columns)), sink, pc.WriteOptions(include_header=False, quoting_style="needed"))
    return bytes(sink.getvalue().to_pybytes())


def _arrow(population: Population) -> Iterator[tuple[str, Any]]:
    import pyarrow as pa

    for column, array in population.columns():
        yield column.name, pa.array(array)


def _from_csv(shown: str) -> tuple[_Head, list[_PracticeHead], dict[str, np.ndarray], int]:
    table = CsvTable(shown)
    head: _Head | None = None
    practices: list[_PracticeHead] = []
    for number, line in enumerate(table.comments, 1):
        if line.startswith(_HEAD):
            head = _head(line.removeprefix(_HEAD), shown, number)
        elif line.startswith(_PRACTICE):
            practices.append(_parse(_PracticeHead, line.removeprefix(_PRACTICE), shown, number))
    if head is None or not practices:
        message = f"is not a population: the lines '{_HEAD.strip()} ...' and '{_PRACTICE.strip()} ...' are missing"
        raise DataError(Problem(message, shown, 1))
    _check_names(table.names, shown, table.header_line)
    rules = {c.name: Column(float if c.dtype == "float64" else int, c.low, c.high, unit=c.unit) for c in COLUMNS}
    faults = Faults(shown)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in rules}
    for batch in table.batches(list(rules), faults):
        for name, rule in rules.items():
            values, wrong = read_numbers(batch.columns[name], rule)
            faults.cells(batch, name, wrong, partial(explain_number, rule=rule))
            parts[name].append(values)
    faults.stop_if_any()
    read = {c.name: np.concatenate(parts[c.name]).astype(c.dtype) for c in COLUMNS}
    return head, practices, read, table.header_line + 1


def _to_parquet(population: Population, head: dict[str, Any], practices: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(dict(_arrow(population)))
    about = json.dumps({"head": head, "practices": practices}, ensure_ascii=False).encode()
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({_METADATA: about}), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _from_parquet(shown: str) -> tuple[_Head, list[_PracticeHead], dict[str, np.ndarray], int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not Path(shown).is_file():
        raise DataError(Problem("no such file", shown))
    try:
        file = pq.ParquetFile(shown)
        with file:
            about = (file.schema_arrow.metadata or {}).get(_METADATA)
            _check_size(file.metadata, shown)
            head, practices = _about(about, shown)
            _check_columns(file.schema_arrow, shown)
            table = file.read(columns=list(COLUMN_NAMES))
    except (pa.ArrowException, OSError, EOFError, ValueError) as exc:
        raise DataError(Problem(f"is not a readable Parquet file: {shorten(str(exc))}", shown)) from exc
    columns = {}
    for column in COLUMNS:
        array = table.column(column.name)
        if array.null_count:
            row = int(np.flatnonzero(array.is_null().to_numpy())[0]) + 1
            raise DataError(Problem("value is missing", shown, row, None, column.name))
        columns[column.name] = array.to_numpy()
    return head, practices, columns, 1


def _about(about: bytes | None, shown: str) -> tuple[_Head, list[_PracticeHead]]:
    """Return what the metadata of a Parquet file say."""
    if about is None:
        raise DataError(Problem("is not a population: the metadata 'paysim_population' is missing", shown))
    try:
        parsed = json.loads(about)
        head, practices = json.dumps(parsed["head"]), [json.dumps(each) for each in parsed["practices"]]
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise DataError(Problem("the metadata 'paysim_population' is broken", shown)) from exc
    return _head(head, shown, None), [_parse(_PracticeHead, each, shown, None) for each in practices]


def _check_size(meta: Any, shown: str) -> None:
    """Refuse before reading: too many rows or bytes."""
    size = sum(meta.row_group(index).total_byte_size for index in range(meta.num_row_groups))
    if size <= _MOST_BYTES and 0 < meta.num_rows <= _LIMITS.csv_rows:
        size = max(size, unpacked_bytes(Path(shown), meta))  # a footer may understate it
    if meta.num_rows > _LIMITS.csv_rows or size > _MOST_BYTES:
        message = f"too large: {meta.num_rows:,} rows, {size:,} bytes unpacked; at most {_LIMITS.csv_rows:,} rows"
        raise DataError(Problem(message, shown))
    if meta.num_rows == 0:
        raise DataError(Problem("holds no rows", shown))


def _check_columns(schema: Any, shown: str) -> None:
    """Refuse before reading: columns that are not those of a population."""
    _check_names(schema.names, shown, None)
    problems = []
    for column in COLUMNS:
        found = str(schema.field(column.name).type)
        if found != column.dtype.replace("float64", "double"):
            problems.append(Problem("wrong type", shown, None, None, column.name, found, (column.dtype,)))
    if problems:
        raise DataError(*problems)


def _check_names(names: Sequence[str], shown: str, line: int | None) -> None:
    problems = []
    for name in names:
        if name not in COLUMN_NAMES:
            near = nearest_name(name, set(COLUMN_NAMES) - set(names))
            problems.append(Problem("unknown column", shown, line, None, name, None, COLUMN_NAMES, near))
    for name in COLUMN_NAMES:
        if names.count(name) != 1:
            problems.append(Problem("column is missing or comes twice", shown, line, key=name))
    if problems:
        raise DataError(*problems)


def _head(text: str, shown: str, line: int | None) -> _Head:
    try:
        version = json.loads(text)["schema"]
    except (ValueError, KeyError, TypeError, RecursionError):
        version = None  # the model says what is wrong
    if type(version) is int and version < SCHEMA:
        message = "this population was made by an older version and lacks columns; make it again"
        raise DataError(Problem(message, shown, line, None, "schema", str(version), (str(SCHEMA),)))
    return _parse(_Head, text, shown, line)


def _parse(model: type[Model], text: str, shown: str, line: int | None) -> Model:
    try:
        return model.model_validate_json(text)
    except ValidationError as exc:
        fault = exc.errors(include_url=False)[0]
        key = ".".join(map(str, fault["loc"]))
        raise DataError(Problem(f"head of the file is broken: {fault['msg']}", shown, line, None, key)) from exc


def _disagreements(
    head: _Head, practices: list[_PracticeHead], columns: dict[str, np.ndarray], shown: str, first_row: int
) -> list[Problem]:
    """Check that indices exist, rows are sorted by practice and lists have the stated size."""
    problems = []
    limits = (
        ("practice", len(practices)),
        ("municipality", len(head.municipalities)),
        ("insurer", len(head.insurers)),
        ("person", head.persons_in_region),
    )
    for name, limit in limits:
        bad = np.flatnonzero(columns[name] >= limit)
        if len(bad):
            found = str(columns[name][bad[0]])
            message = "number is not in the head of the file"
            problems.append(Problem(message, shown, int(bad[0]) + first_row, None, name, found, (f"0 to {limit - 1}",)))
    if problems:
        return problems
    order = np.argsort(columns["person"], kind="stable")
    twice = np.flatnonzero(np.diff(columns["person"][order]) == 0)
    if len(twice):
        row = int(order[twice[0] + 1])
        problems.append(
            Problem("person comes twice", shown, row + first_row, None, "person", str(columns["person"][row]))
        )
    back = np.flatnonzero(np.diff(columns["practice"]) < 0)
    if len(back):
        problems.append(
            Problem("rows are not sorted by practice", shown, int(back[0]) + 1 + first_row, None, "practice")
        )
    sizes = np.bincount(columns["practice"], minlength=len(practices))
    for index, practice in enumerate(practices):
        if sizes[index] != practice.list_size:
            message = f"practice {practice.name!r} has {sizes[index]} rows, its list size says {practice.list_size}"
            problems.append(Problem(message, shown, key="practice"))
            break
        if practice.municipality >= len(head.municipalities):
            problems.append(Problem(f"practice {practice.name!r} lies in no municipality", shown, key="municipality"))
            break
    return problems
