"""People from elsewhere: a region's own registry, one row a person, made into a population.

A table is read in batches, column by column; every cell at fault is reported with its place, and nothing is made
unless all are right. What the table does not know is drawn as for a synthesized population, given what it knows.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import numpy as np

from paysim.errors import DataError, Problem, ScenarioError, nearest_name
from paysim.population.fields import AGE_FIELDS, REQUIRED, PersonField, fields_of
from paysim.population.mapping import ColumnMapping, Source, read_mapping
from paysim.population.people import People, age_at, populate, source_note
from paysim.population.plausibility import ImplausibleWarning, implausible
from paysim.population.profile import RegionProfile, load_region
from paysim.population.schema import RISK_FACTORS, TOGETHER, Population
from paysim.population.synthea import read_synthea
from paysim.population.synthesis import check_whole
from paysim.reading import Column
from paysim.reading.batches import Batch, CsvTable, Faults, ParquetTable, open_table
from paysim.reading.cells import (
    explain_date,
    explain_level,
    explain_number,
    explain_text,
    read_dates,
    read_levels,
    read_numbers,
    read_texts,
)

Format = Literal["people", "synthea"]
FORMATS: tuple[Format, ...] = ("people", "synthea")
_LARGEST_SEED = 2**63 - 1
_DUPLICATES_SHOWN = 20


def import_population(
    path: str | os.PathLike[str],
    region: RegionProfile | str | os.PathLike[str],
    *,
    mapping: str | os.PathLike[str] | None = None,
    practices: str | os.PathLike[str] | None = None,
    seed: int = 1,
    reference_date: date | str | None = None,
    format: Format = "people",  # noqa: A002  the word the command uses
) -> Population:
    """Read the people of a region from a table, or from the output of Synthea.

    Parameters
    ----------
    path
        A CSV or Parquet file with one row a person (columns: ``paysim population import --schema``), or the folder with
        Synthea's ``patients.csv`` and ``conditions.csv``.
    region
        The region they live in: a profile, or the name or path of one.
    mapping
        A YAML file that says how the table names and measures things, see `paysim.population.mapping`.
    practices
        A CSV file with the staff of the practices that the table names: practice, municipality, gp_fte, gps,
        nurse_fte, nurses, and for mental health mental_nurse_fte, mental_nurses (left out: none). By default staff
        follows from list sizes by the norms of the region.
    seed
        Key of what is drawn because the table does not know it.
    reference_date
        The day at which ages are taken from dates of birth.

    Raises
    ------
    ScenarioError
        The region or the mapping is at fault.
    DataError
        The table is: with file, line (in Parquet: row) and column of up to 50 faults.

    Warns
    -----
    ImplausibleWarning
        For each trait that too many people are too young for, see `implausible`; they are imported all the same.
    """
    profile = region if isinstance(region, RegionProfile) else load_region(region)
    check_whole("seed", seed, 0, _LARGEST_SEED)
    if format not in FORMATS:
        near = nearest_name(format, FORMATS)
        raise ScenarioError(Problem("unknown format", key="format", found=format, allowed=FORMATS, nearest=near))
    day = _day(reference_date)
    if format == "synthea":
        if mapping is not None or practices is not None:
            raise ScenarioError("a mapping or a table of practices is for tables of people, not for Synthea's output")
        people = read_synthea(path, profile, seed, day)
    else:
        fields = fields_of(profile)
        chosen = ColumnMapping() if mapping is None else read_mapping(mapping, fields)
        people = _read_people(path, profile, fields, chosen, day)
    population = populate(profile, seed, people, practices)
    for note in implausible(population):
        warnings.warn(note, ImplausibleWarning, stacklevel=2)
    return population


def _day(given: date | str | None) -> np.datetime64 | None:
    if given is None:
        return None
    try:
        return np.datetime64(date.fromisoformat(given) if isinstance(given, str) else given, "D")
    except ValueError:
        raise ScenarioError(
            Problem("a day is expected", key="reference_date", found=repr(given), allowed=("YYYY-MM-DD",))
        ) from None


def _read_people(
    path: str | os.PathLike[str],
    profile: RegionProfile,
    fields: Mapping[str, PersonField],
    mapping: ColumnMapping,
    day: np.datetime64 | None,
) -> People:
    table = open_table(path)
    sources = _sources(table, fields, mapping, day, len(profile.municipalities))
    readers = {name: _Cells(fields[name], source, day) for name, source in sources.items()}
    faults = Faults(table.shown)
    _check_types(table, readers, faults)
    faults.stop_if_any()
    wanted = sorted({source.column for source in sources.values() if source.column is not None})
    parts: dict[str, list[Any]] = {name: [] for name in sources}
    lines: list[np.ndarray] = []
    for batch in table.batches(wanted, faults):
        values = {name: reader.read(batch, faults) for name, reader in readers.items()}
        _check_together(batch, values, sources, faults)
        if len(values["person"]) == len(batch):
            lines.append(batch.lines)
            parts["person"].append(values.pop("person"))
        if not faults.total:
            for name, part in values.items():
                parts[name].append(part)
    if lines:
        _check_unique(_joined(parts["person"]), np.concatenate(lines), table, sources["person"].column, faults)
    faults.stop_if_any()
    columns = {name: _joined(part) for name, part in parts.items()}
    if len(profile.municipalities) == 1:
        columns.setdefault("municipality", np.zeros(len(columns["person"]), np.int64))
    if "birth_date" in columns:
        assert day is not None
        columns["age"] = age_at(columns.pop("birth_date"), day)
    ids, practice = columns.pop("person"), columns.pop("practice", None)
    measured = {name: columns.pop(name) for name in RISK_FACTORS if name in columns}
    return People(ids, practice, columns, measured, source_note(table.path), nobody=mapping.nobody)


def _sources(
    table: CsvTable | ParquetTable,
    fields: Mapping[str, PersonField],
    mapping: ColumnMapping,
    day: np.datetime64 | None,
    places: int,
) -> dict[str, Source]:
    """Return where each column of ours comes from; a table with other columns than it should have is refused."""
    sources = dict(mapping.sources)
    for name in fields:
        if name not in sources and name in table.names and name not in mapping.ignore:
            sources[name] = Source(name, factor=1.0)
    used = {source.column for source in sources.values() if source.column is not None}
    problems = [
        table.problem(
            "unknown column; name it in a mapping file, under 'columns' or 'ignore'",
            name,
            allowed=tuple(fields),
            nearest=nearest_name(name, set(fields) - set(sources)),
        )
        for name in table.names
        if name not in used and name not in mapping.ignore
    ]
    for name in sorted(used | mapping.ignore):
        if name not in table.names:
            near = nearest_name(name, table.names)
            problems.append(table.problem("column is missing, though the mapping names it", name, nearest=near))
    problems += [
        table.problem("is in the table, and the mapping says that nobody has it", name)
        for name in sorted(mapping.nobody & set(sources))
    ]
    needed = [name for name, each in fields.items() if each.missing == REQUIRED]
    problems += [
        table.problem("column is missing", name, nearest=nearest_name(name, set(table.names) - used))
        for name in [*needed, *(["municipality"] if places > 1 else [])]
        if name not in sources
    ]
    ages = [name for name in AGE_FIELDS if name in sources]
    if len(ages) != 1:
        problems.append(
            table.problem("one column is needed of: " + ", ".join(AGE_FIELDS), "age", found=", ".join(ages))
        )
    if "birth_date" in sources and day is None:
        problems.append(table.problem("dates of birth need a reference date", "birth_date"))
    for factor in RISK_FACTORS:
        if factor in sources and f"z_{factor}" in sources:
            problems.append(table.problem(f"only one of {factor} and z_{factor} is needed", f"z_{factor}"))
    for name, other, _, _ in TOGETHER:
        if name in sources and other not in sources:
            problems.append(table.problem(f"needs the column {other!r} too", name))
    if problems:
        raise DataError(*problems[:50])
    return sources


@dataclass(frozen=True)
class _Cells:
    """How the cells of one column of ours are read."""

    field: PersonField
    source: Source
    day: np.datetime64 | None

    @property
    def levels(self) -> Mapping[str, int]:
        return self.source.levels or self.field.levels or {}

    @property
    def rule(self) -> Column:
        return Column(float, self.field.low / self.source.factor, self.field.high / self.source.factor, unit=self.unit)

    @property
    def unit(self) -> str:
        return self.source.unit or self.field.unit

    def read(self, batch: Batch, faults: Faults) -> Any:
        """Return the values of a batch, noting those at fault."""
        import pyarrow as pa

        name = self.source.column
        if name is None:
            alone = Batch({"constant": pa.array([self.source.constant])}, np.zeros(1, np.int64))
            value, wrong, explain = self._values(alone.columns["constant"])
            if wrong.any():
                message, allowed, near = explain(self.source.constant)
                problem = Problem(message, key=f"{self.field.name}.constant", found=self.source.constant)
                raise ScenarioError(replace(problem, allowed=allowed, nearest=near))
            first = value[0] if isinstance(value, np.ndarray) else value[0].as_py()
            return np.full(len(batch), first) if isinstance(value, np.ndarray) else pa.array([first] * len(batch))
        value, wrong, explain = self._values(batch.columns[name])
        if wrong.any():
            faults.cells(batch, name, wrong, explain)
        return value

    def _values(self, cells: Any) -> tuple[Any, np.ndarray, Any]:
        if self.field.kind == "text":
            return *read_texts(cells), explain_text
        if self.field.kind == "level":
            return *read_levels(cells, self.levels), lambda cell: explain_level(cell, self.levels)
        if self.field.kind == "date":
            values, wrong = read_dates(cells)
            assert self.day is not None
            ages = age_at(values, self.day)
            impossible = ~wrong & ~((ages >= 0) & (ages < 111))
            return values, wrong | impossible, self._explain_date
        values, wrong = read_numbers(cells, self.rule)
        scaled = values if self.source.factor == 1.0 else values * self.source.factor
        return scaled, wrong, lambda cell: explain_number(cell, self.rule)

    def _explain_date(self, cell: str) -> Any:
        import pyarrow as pa

        if read_dates(pa.array([cell]))[1][0]:
            return explain_date(cell)
        return f"gives an impossible age at the reference date {self.day}", ("0 to 110 years",), None


def _check_types(table: CsvTable | ParquetTable, readers: Mapping[str, _Cells], faults: Faults) -> None:
    """Note the columns of a Parquet file whose type cannot hold what they should."""
    if table.types is None:
        return
    import pyarrow.types as pt

    for reader in readers.values():
        name = reader.source.column
        if name is None:
            continue
        kind = table.types[name]
        inner = kind.value_type if pt.is_dictionary(kind) else kind
        text = pt.is_string(inner) or pt.is_large_string(inner)
        good = {
            "text": text or pt.is_integer(kind),
            "level": text or pt.is_integer(kind) or pt.is_boolean(kind),
            "date": text or pt.is_date32(kind),
            "number": pt.is_integer(kind) or pt.is_float32(kind) or pt.is_float64(kind),
        }[reader.field.kind]
        allowed = {
            "text": ("string", "integer"),
            "level": ("string", "integer", "bool"),
            "date": ("date32", "string"),
            "number": ("double", "float", "integer"),
        }[reader.field.kind]
        if not good:
            faults.add(table.problem("wrong type", name, found=str(kind), allowed=allowed))


def _check_together(batch: Batch, values: Mapping[str, Any], sources: Mapping[str, Source], faults: Faults) -> None:
    """Note people in whom two columns contradict each other."""
    for name, other, asks, message in TOGETHER:
        if name not in values or other not in values:
            continue
        wrong = (values[name] > 0) & ((values[other] == 0) if asks else (values[other] > 0))
        column = sources[name].column or sources[other].column
        if wrong.any() and column is not None:
            faults.cells(batch, column, wrong, lambda _, message=message: (message, (), None))  # type: ignore[misc]


def _joined(parts: Sequence[Any]) -> Any:
    import pyarrow as pa

    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return pa.concat_arrays(parts)


def _check_unique(
    ids: Any, lines: np.ndarray, table: CsvTable | ParquetTable, name: str | None, faults: Faults
) -> None:
    encoded = ids.dictionary_encode()
    if len(encoded.dictionary) == len(ids):
        return
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    ranked = codes[order]
    again = np.flatnonzero(ranked[1:] == ranked[:-1]) + 1
    where = "line" if isinstance(table, CsvTable) else "row"
    for place in again[:_DUPLICATES_SHOWN]:
        row, first = int(order[place]), int(order[np.searchsorted(ranked, ranked[place])])
        message = f"comes twice; first on {where} {lines[first]}"
        faults.add(Problem(message, table.shown, int(lines[row]), None, name or "", repr(ids[row].as_py())))
    faults.total += len(again[_DUPLICATES_SHOWN:])
