"""Every number of the model, each with its unit, source, status and range.

Values live in ``parameters.yaml`` beside the code that uses them::

    schema: 1
    parameters:
      - {name: consult_minutes, value: 10, unit: minutes, range: [8, 12], source: "...", status: assumed}
    tables:
      - {name: case_fatality, file: case_fatality.csv, unit: proportion, source: "...", status: found}

``found`` was read in the source named, ``derived`` was computed from such values, ``recalled`` is from memory
of the source and ``assumed`` is ours; the last two need a range. A parameter that no code reads is reported,
not ignored.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from paysim.errors import DataError, Problem, ScenarioError, nearest_name, shorten
from paysim.reading import Document, Name, Reader, bind, read_yaml
from paysim.reading.tables import read_any_table

Status = Literal["found", "derived", "recalled", "assumed"]
Distribution = Literal["fixed", "normal", "lognormal", "beta", "gamma", "uniform"]
Value = float | str | tuple[float, ...]

_Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class Parameter:
    """One value of the model and where it comes from.

    Attributes
    ----------
    name
        ``group.name``.
    value
        A number, a text or a tuple of numbers, in `unit`.
    low, high
        Plausible range of the value (of every element of a tuple); None where the source gives none.
    distribution
        Family used when parameters are drawn; ``fixed`` when the value is not uncertain, None when not
        stated.
    status
        ``found``, ``derived``, ``recalled``, ``assumed``, or ``override`` when a scenario replaced the value.
    """

    name: str
    value: Value
    unit: str
    low: float | None
    high: float | None
    distribution: str | None
    source: str
    status: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table of values in a CSV file beside ``parameters.yaml``."""

    name: str
    path: Path
    unit: str
    source: str
    status: str
    text_columns: tuple[str, ...] = ()
    note: str = ""


class Override(NamedTuple):
    """A value that replaces a parameter's, with the place where the user wrote it."""

    name: str
    value: Value
    file: str = ""
    line: int | None = None
    column: int | None = None


class _ParameterRow(Reader):
    name: Name
    value: float | str | list[float]
    unit: _Text
    range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    distribution: Distribution | None = None
    source: _Text
    status: Status
    note: str = ""


class _TableRow(Reader):
    name: Name
    file: _Text
    unit: _Text
    source: _Text
    status: Status
    text_columns: list[str] = []
    note: str = ""


class _ParameterFile(Reader):
    version: Annotated[Literal[1], Field(alias="schema")]
    parameters: list[_ParameterRow] = []
    tables: list[_TableRow] = []


class Parameters:
    """An immutable collection of parameters and tables, by qualified name ``group.name``.

    A view made by `group` shares the record of what has been read with the whole, so `unused` is complete.
    """

    def __init__(
        self,
        rows: Iterable[Parameter] = (),
        tables: Iterable[Table] = (),
        *,
        prefix: str = "",
        read: set[str] | None = None,
    ) -> None:
        self._rows: Mapping[str, Parameter] = MappingProxyType({row.name: row for row in rows})
        self._tables: Mapping[str, Table] = MappingProxyType({table.name: table for table in tables})
        self._prefix = prefix
        self._read: set[str] = set() if read is None else read

    @classmethod
    def load(cls, path: str | os.PathLike[str], group: str) -> Parameters:
        """Read one parameter file; every name in it gets the prefix ``group.``.

        Raises
        ------
        ScenarioError
            With file, line and column: a key is missing, unknown or of the wrong type, a name comes twice, a
            value lies outside its range, a recalled or assumed number has no range, or a table's file does
            not exist.
        """
        document = read_yaml(path)
        file = bind(_ParameterFile, document)
        problems = [*_row_problems(file, document), *_table_problems(file, document)]
        if problems:
            raise ScenarioError(*problems)
        folder = Path(path).parent
        rows = (_parameter(row, group) for row in file.parameters)
        tables = (
            Table(
                f"{group}.{t.name}",
                folder / t.file,
                t.unit,
                t.source,
                t.status,
                tuple(t.text_columns),
                t.note,
            )
            for t in file.tables
        )
        return cls(rows, tables)

    def __or__(self, other: Parameters) -> Parameters:
        """Merge two collections; a name in both is an error."""
        twice = sorted(
            (self._rows.keys() | self._tables.keys()) & (other._rows.keys() | other._tables.keys())
        )
        if twice:
            raise ScenarioError(*(Problem("parameter is defined twice", key=name) for name in twice))
        rows, tables = (
            [*self._rows.values(), *other._rows.values()],
            [*self._tables.values(), *other._tables.values()],
        )
        return Parameters(rows, tables, read=self._read | other._read)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._prefix + name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def __getitem__(self, name: str) -> float:
        """Return the value of a parameter that is one number, and note that it was read."""
        value = self._use(name)
        if isinstance(value, float):
            return value
        raise DataError(Problem("is not one number", key=self._prefix + name, found=shorten(value)))

    def get_text(self, name: str) -> str:
        """Return the value of a parameter that is a text, and note that it was read."""
        value = self._use(name)
        if isinstance(value, str):
            return value
        raise DataError(Problem("is not a text", key=self._prefix + name, found=shorten(value)))

    def get_list(self, name: str) -> tuple[float, ...]:
        """Return the value of a parameter that is a list of numbers, and note that it was read."""
        value = self._use(name)
        if isinstance(value, tuple):
            return value
        raise DataError(Problem("is not a list of numbers", key=self._prefix + name, found=shorten(value)))

    def row(self, name: str) -> Parameter:
        """Return a parameter with its unit, range, source and status, without counting it as read."""
        found = self._rows.get(self._prefix + name)
        if found is None:
            raise ScenarioError(self._unknown(name, "unknown parameter", self.names()))
        return found

    def table(self, name: str) -> dict[str, Any]:
        """Read a table and note that it was read.

        Returns
        -------
        dict
            Columns by name: numpy arrays (int64, float64), or lists for text, see
            `paysim.reading.tables.read_any_table`.
        """
        found = self._tables.get(self._prefix + name)
        if found is None:
            known = [
                each.removeprefix(self._prefix)
                for each in sorted(self._tables)
                if each.startswith(self._prefix)
            ]
            raise ScenarioError(self._unknown(name, "unknown table", known))
        self._read.add(found.name)
        return read_any_table(found.path, found.text_columns)

    def group(self, group: str) -> Parameters:
        """Return a view of one group, in which names are short."""
        prefix = f"{self._prefix}{group}."
        if not any(name.startswith(prefix) for name in (*self._rows, *self._tables)):
            groups = sorted({name.split(".")[0] for name in (*self._rows, *self._tables)})
            raise ScenarioError(self._unknown(group, "unknown group of parameters", groups))
        return Parameters(self._rows.values(), self._tables.values(), prefix=prefix, read=self._read)

    def names(self) -> list[str]:
        """Return the sorted names of the parameters, short in a view of a group."""
        return sorted(name.removeprefix(self._prefix) for name in self._rows if name.startswith(self._prefix))

    def override(self, changes: Iterable[tuple[str, Value] | Override]) -> Parameters:
        """Return a copy with some values replaced; their status becomes ``override``.

        Raises
        ------
        ScenarioError
            A name is unknown or comes twice, or a value is of another kind than the one it replaces. Values
            outside the stated range are accepted: the range is what is plausible, and a user may ask what if.
        """
        rows, problems, seen = dict(self._rows), [], set()
        for change in changes:
            wanted = Override(*change)
            name, value = self._prefix + wanted.name, _frozen(wanted.value)
            place = {"file": wanted.file, "line": wanted.line, "column": wanted.column, "key": wanted.name}
            if name not in rows:
                near = nearest_name(name, rows)
                problems.append(Problem("unknown parameter", **place, nearest=near))  # type: ignore[arg-type]
                continue
            if name in seen:
                problems.append(Problem("parameter is overridden twice", **place))  # type: ignore[arg-type]
            message = _unlike(rows[name].value, value)
            if message:
                problems.append(Problem(message, **place, found=shorten(value)))  # type: ignore[arg-type]
            seen.add(name)
            rows[name] = replace(rows[name], value=value, status="override")
        if problems:
            raise ScenarioError(*problems)
        return Parameters(rows.values(), self._tables.values(), prefix=self._prefix, read=self._read)

    def frame(self) -> list[dict[str, Any]]:
        """Return one row for every parameter and table, sorted by name.

        Keys: name, value, unit, low, high, distribution, source, status. A table's value names its file, its
        number of rows and the SHA-256 of the file.
        """
        rows: list[dict[str, Any]] = [
            {"name": p.name, "value": p.value, "unit": p.unit, "low": p.low, "high": p.high}
            | {"distribution": p.distribution, "source": p.source, "status": p.status}
            for p in self._rows.values()
            if p.name.startswith(self._prefix)
        ]
        rows += [
            {"name": t.name, "value": _fingerprint(t), "unit": t.unit, "low": None, "high": None}
            | {"distribution": None, "source": t.source, "status": t.status}
            for t in self._tables.values()
            if t.name.startswith(self._prefix)
        ]
        return sorted(rows, key=lambda row: str(row["name"]))

    def used(self) -> list[str]:
        """Return the qualified names that were read so far."""
        return sorted(name for name in self._read if name.startswith(self._prefix))

    def unused(self) -> list[str]:
        """Return the qualified names that nothing has read."""
        every = (*self._rows, *self._tables)
        return sorted(name for name in every if name.startswith(self._prefix) and name not in self._read)

    def _use(self, name: str) -> Value:
        value = self.row(name).value
        self._read.add(self._prefix + name)
        return value

    def _unknown(self, name: str, message: str, known: Sequence[str]) -> Problem:
        return Problem(message, key=self._prefix + name, nearest=nearest_name(name, known))


def _parameter(row: _ParameterRow, group: str) -> Parameter:
    low, high = row.range if row.range else (None, None)
    value, name = _frozen(row.value), f"{group}.{row.name}"
    return Parameter(name, value, row.unit, low, high, row.distribution, row.source, row.status, row.note)


def _frozen(value: float | str | Sequence[float]) -> Value:
    if isinstance(value, str):
        return value
    return float(value) if isinstance(value, int | float) else tuple(float(each) for each in value)


def _unlike(old: Value, new: Value) -> str:
    if type(old) is not type(new):
        kinds: dict[type, str] = {float: "one number", str: "a text", tuple: "a list of numbers"}
        return f"{kinds[type(old)]} expected"
    if isinstance(old, tuple) and isinstance(new, tuple) and len(old) != len(new):
        return f"a list of {len(old)} numbers expected"
    numbers = new if isinstance(new, tuple) else (new,) if isinstance(new, float) else ()
    return "" if all(math.isfinite(number) for number in numbers) else "a number must be finite"


def _row_problems(file: _ParameterFile, document: Document) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, row in enumerate(file.parameters):
        loc = ("parameters", index)
        if row.name in seen:
            yield document.problem("name comes twice", (*loc, "name"), found=row.name)
        seen.add(row.name)
        numbers = (
            [] if isinstance(row.value, str) else row.value if isinstance(row.value, list) else [row.value]
        )
        if isinstance(row.value, list) and not row.value:
            yield document.problem("an empty list is no value", (*loc, "value"))
        if row.range is None:
            if numbers and row.status in ("recalled", "assumed"):
                yield document.problem(
                    f"a number that is {row.status} needs a range [low, high]", (*loc, "status")
                )
            if row.distribution not in (None, "fixed"):
                yield document.problem(
                    f"{row.distribution} needs a range [low, high]", (*loc, "distribution")
                )
            continue
        yield from _range_problems(row, row.range, numbers, loc, document)


def _range_problems(
    row: _ParameterRow,
    bounds: list[float],
    numbers: Sequence[float],
    loc: tuple[str | int, ...],
    document: Document,
) -> Iterator[Problem]:
    low, high = bounds
    if low > high:
        yield document.problem(
            "low end of the range is above the high end", (*loc, "range"), found=[low, high]
        )
        return
    for number in numbers:
        if not low <= number <= high:
            yield document.problem(
                "value lies outside its range",
                (*loc, "value"),
                found=number,
                allowed=(f"{low:g} to {high:g}",),
            )
    if (row.distribution == "lognormal" and low <= 0) or (row.distribution == "gamma" and low < 0):
        yield document.problem(
            f"a {row.distribution} value cannot be negative or zero", (*loc, "range"), found=bounds
        )
    if row.distribution == "beta" and not 0 <= low <= high <= 1:
        yield document.problem("a beta value lies between 0 and 1", (*loc, "range"), found=bounds)


def _table_problems(file: _ParameterFile, document: Document) -> Iterator[Problem]:
    seen = {row.name for row in file.parameters}
    folder = Path(document.path).parent
    for index, table in enumerate(file.tables):
        if table.name in seen:
            yield document.problem("name comes twice", ("tables", index, "name"), found=table.name)
        seen.add(table.name)
        path, here = Path(table.file), ("tables", index, "file")
        if path.is_absolute():
            yield document.problem("write the file's path relative to this file", here, found=table.file)
        elif not (folder / path).is_file():
            near = nearest_name(path.name, [each.name for each in (folder / path).parent.glob("*.csv")])
            yield document.problem("no such file", here, found=table.file, nearest=near)


def _fingerprint(table: Table) -> str:
    raw = table.path.read_bytes()
    rows = sum(1 for line in raw.splitlines() if line.strip() and not line.startswith(b"#")) - 1
    return f"{table.path.name}, {rows} rows, sha256 {hashlib.sha256(raw).hexdigest()}"
