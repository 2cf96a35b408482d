"""Reading ``parameters.yaml``: what lacks a unit, a source, a status or a needed range is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.parameters.values import Distribution, Parameter, Status, Table, frozen
from paysim.reading import Document, Name, Reader, bind, number_hint, read_yaml

_Text = Annotated[str, Field(min_length=1)]


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


class ParameterFile(Reader):
    """A file of parameters and tables; a file with further keys derives from it."""

    version: Annotated[Literal[1], Field(alias="schema")]
    parameters: list[_ParameterRow] = []
    tables: list[_TableRow] = []


def read_parameters(path: str | os.PathLike[str], group: str) -> tuple[list[Parameter], list[Table]]:
    """Read the parameters and tables of one file; see `Parameters.load`."""
    document = read_yaml(path)
    file = bind(ParameterFile, document)
    problems = file_problems(file, document)
    if problems:
        raise ScenarioError(*problems)
    return rows_and_tables(file, path, group)


def file_problems(file: ParameterFile, document: Document) -> list[Problem]:
    """Return what is wrong with the rows and tables of a file whose keys are all right."""
    return [*_row_problems(file, document), *_table_problems(file, document)]


def rows_and_tables(
    file: ParameterFile, path: str | os.PathLike[str], group: str
) -> tuple[list[Parameter], list[Table]]:
    """Return the parameters and tables of a checked file, with ``group.`` before their names."""
    folder = Path(path).parent
    tables = []
    for each in file.tables:
        name, columns = f"{group}.{each.name}", tuple(each.text_columns)
        kept = (each.unit, each.source, each.status, columns, each.note)
        tables.append(Table(name, folder / each.file, *kept))
    return [_parameter(row, group) for row in file.parameters], tables


def _parameter(row: _ParameterRow, group: str) -> Parameter:
    low, high = row.range if row.range else (None, None)
    value, name = frozen(row.value), f"{group}.{row.name}"
    return Parameter(name, value, row.unit, low, high, row.distribution, row.source, row.status, row.note)


def _row_problems(file: ParameterFile, document: Document) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, row in enumerate(file.parameters):
        loc = ("parameters", index)
        if row.name in seen:
            yield document.problem("name comes twice", (*loc, "name"), found=row.name)
        seen.add(row.name)
        numbers = [] if isinstance(row.value, str) else row.value if isinstance(row.value, list) else [row.value]
        hint = number_hint(row.value) if isinstance(row.value, str) else ""
        if hint:
            yield document.problem(f"one number expected; {hint}", (*loc, "value"), found=row.value)
        if isinstance(row.value, list) and not row.value:
            yield document.problem("an empty list is no value", (*loc, "value"))
        if row.range is None:
            if numbers and row.status in ("recalled", "assumed"):
                yield document.problem(f"a number that is {row.status} needs a range [low, high]", (*loc, "status"))
            if row.distribution not in (None, "fixed"):
                yield document.problem(f"{row.distribution} needs a range [low, high]", (*loc, "distribution"))
            continue
        yield from range_problems(row, row.range, numbers, loc, document)


def range_problems(
    row: Any,
    bounds: list[float],
    numbers: Sequence[float],
    loc: tuple[str | int, ...],
    document: Document,
) -> Iterator[Problem]:
    """Find what is wrong with the range of a number: upside down, not around the value, or not of its distribution.

    Parameters
    ----------
    row
        Any model of a number that has a `distribution`.
    """
    low, high = bounds
    if low > high:
        yield document.problem("low end of the range is above the high end", (*loc, "range"), found=[low, high])
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
        yield document.problem(f"a {row.distribution} value cannot be negative or zero", (*loc, "range"), found=bounds)
    if row.distribution == "beta" and not 0 <= low <= high <= 1:
        yield document.problem("a beta value lies between 0 and 1", (*loc, "range"), found=bounds)


def _table_problems(file: ParameterFile, document: Document) -> Iterator[Problem]:
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
