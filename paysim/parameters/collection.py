"""The collection of all values: by name, by group, with overrides, and with a record of what was read."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from paysim.errors import DataError, Problem, ScenarioError, nearest_name, shorten
from paysim.parameters.prices import PriceLevel
from paysim.parameters.reader import read_parameters
from paysim.parameters.values import COLUMNS, Override, Parameter, Table, Value, frozen
from paysim.reading import number_hint
from paysim.reading.tables import read_any_table


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
        return cls(*read_parameters(path, group))

    def __or__(self, other: Parameters) -> Parameters:
        """Merge two collections; a name in both is an error."""
        twice = sorted((self._rows.keys() | self._tables.keys()) & (other._rows.keys() | other._tables.keys()))
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

    def has_table(self, name: str) -> bool:
        """Return whether there is a table of that name."""
        return self._prefix + name in self._tables

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
            known = [each.removeprefix(self._prefix) for each in sorted(self._tables) if each.startswith(self._prefix)]
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
            name, value = self._prefix + wanted.name, frozen(wanted.value)
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

    def with_rows(self, rows: Iterable[Parameter]) -> Parameters:
        """Return a copy in which whole rows, by full name, replace those of the same name."""
        return Parameters(
            ({**self._rows, **{row.name: row for row in rows}}).values(),
            self._tables.values(),
            prefix=self._prefix,
            read=self._read,
        )

    def priced(self, prices: PriceLevel) -> Parameters:
        """Return a copy in which every amount in euros of a year is in euros of the year of `prices`."""
        return self.with_rows(_priced(row, prices) for row in self._rows.values() if prices.of_unit(row.unit) != 1.0)

    def frame(self) -> list[dict[str, Any]]:
        """Return one row for every parameter and table, sorted by name.

        Keys: `COLUMNS` of `paysim.parameters.values`. A table's value names its file, its
        number of rows and the SHA-256 of the file.
        """
        rows: list[dict[str, Any]] = [
            {key: getattr(p, key) for key in COLUMNS} for p in self._rows.values() if p.name.startswith(self._prefix)
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


def _priced(row: Parameter, prices: PriceLevel) -> Parameter:
    factor, value = prices.of_unit(row.unit), row.value
    if isinstance(value, str):
        return row
    moved = tuple(each * factor for each in value) if isinstance(value, tuple) else value * factor
    low, high = (None if bound is None else bound * factor for bound in (row.low, row.high))
    source = f"{row.source}; x {factor:.4g} by consumer prices"
    return replace(row, value=moved, unit=prices.named(row.unit), low=low, high=high, source=source)


def _unlike(old: Value, new: Value) -> str:
    if type(old) is not type(new):
        kinds: dict[type, str] = {float: "one number", str: "a text", tuple: "a list of numbers"}
        hint = number_hint(new) if isinstance(new, str) else ""
        return f"{kinds[type(old)]} expected" + (f"; {hint}" if hint else "")
    if isinstance(old, tuple) and isinstance(new, tuple) and len(old) != len(new):
        return f"a list of {len(old)} numbers expected"
    numbers = new if isinstance(new, tuple) else (new,) if isinstance(new, float) else ()
    return "" if all(math.isfinite(number) for number in numbers) else "a number must be finite"


def _fingerprint(table: Table) -> str:
    raw = table.path.read_bytes()
    rows = sum(1 for line in raw.splitlines() if line.strip() and not line.startswith(b"#")) - 1
    return f"{table.path.name}, {rows} rows, sha256 {hashlib.sha256(raw).hexdigest()}"
