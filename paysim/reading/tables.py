"""Strict CSV: a header of `#` lines, a row of column names, and rows that hold what the columns promise.

Nothing is converted on the quiet: no blanks as zero, no `NA`, no decimal comma, no row with a field too many.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paysim.errors import DataError, InputError, Problem, nearest_name, shorten
from paysim.reading.files import LIMITS, Limits, read_text

NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class Column:
    """What a column of a table may hold.

    Attributes
    ----------
    type
        `int`, `float` or `str`.
    minimum, maximum
        Bounds, included.
    levels
        The only texts or numbers accepted, when not empty.
    required
        Whether the table must have the column.
    unique
        Whether no value may come twice.
    unit
        For messages and documentation.
    """

    type: type[int] | type[float] | type[str] = float
    minimum: float | None = None
    maximum: float | None = None
    levels: tuple[str, ...] | tuple[int, ...] = ()
    required: bool = True
    unique: bool = False
    unit: str = ""


@dataclass(frozen=True)
class RawTable:
    """A table as text: columns of cells, and the line of the file on which each row begins."""

    path: str
    names: tuple[str, ...]
    cells: dict[str, list[str]]
    lines: list[int]
    header_line: int
    source: list[str] = field(repr=False)

    def problem(self, message: str, row: int, name: str, **more: Any) -> Problem:
        """Return a `Problem` at one cell."""
        line = self.lines[row]
        column = field_place(self.source[line - 1], self.names.index(name))
        found = repr(shorten(self.cells[name][row]))
        return Problem(message, self.path, line, column, name, found, **more)


def read_table(
    path: str | os.PathLike[str],
    columns: Mapping[str, Column | type],
    limits: Limits = LIMITS,
    *,
    allow_extra: Sequence[str] = (),
    error: type[InputError] = DataError,
) -> dict[str, Any]:
    """Read a CSV file with known columns.

    Parameters
    ----------
    columns
        Name of each column and what it holds: a `Column`, or `int`, `float` or `str` for one without bounds.
    allow_extra
        Further columns that may be there; they are read as text.

    Returns
    -------
    dict
        Numeric columns as numpy arrays (int64 or float64), text columns as lists, in the order of `columns`.

    Raises
    ------
    InputError
        Of the class `error`, with file, line and column of up to 20 faults.
    """
    rules = {name: rule if isinstance(rule, Column) else Column(rule) for name, rule in columns.items()}
    return _checked(read_raw(path, limits, error), rules, allow_extra, error)


def _checked(
    table: RawTable, rules: Mapping[str, Column], allow_extra: Sequence[str], error: type[InputError]
) -> dict[str, Any]:
    _check_names(table, rules, allow_extra, error)
    problems: list[Problem] = []
    result: dict[str, Any] = {}
    for name, rule in rules.items():
        if name in table.cells:
            result[name] = _convert(table, name, rule, problems)
    result |= {name: table.cells[name] for name in allow_extra if name in table.cells and name not in result}
    if problems:
        raise error(*sorted(problems, key=lambda p: (p.line or 0, p.column or 0))[:_SHOWN_PROBLEMS])
    return result


def read_any_table(
    path: str | os.PathLike[str],
    text: Sequence[str] = (),
    limits: Limits = LIMITS,
    error: type[InputError] = DataError,
) -> dict[str, Any]:
    """Read a CSV file whose columns are not known beforehand.

    A column whose cells are all numbers is numeric; one in which no cell is a number is text. A mixture is
    refused, unless `text` names the column: one mistyped number must not turn a column into text.
    """
    table = read_raw(path, limits, error)
    rules = {name: Column(str if name in text else _guess(table, name, error)) for name in table.names}
    return _checked(table, rules, (), error)


def read_raw(path: str | os.PathLike[str], limits: Limits = LIMITS, error: type[InputError] = DataError) -> RawTable:
    """Read a CSV file as text cells, checking its shape only."""
    shown = os.fspath(path)
    text = read_text(path, limits.csv_bytes, error)
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise error(Problem("holds a NUL character; is it a text file?", shown, line, 1))
    source = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    skipped = 0
    while skipped < len(source) and (source[skipped].startswith("#") or not source[skipped].strip()):
        skipped += 1
    if skipped == len(source):
        raise error(Problem("holds no table: no row of column names", shown, max(1, skipped), 1))
    reader = csv.reader(io.StringIO("\n".join(source[skipped:])), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    names: tuple[str, ...] = ()
    before = 0
    try:
        for row in reader:
            first, before = skipped + before + 1, reader.line_num
            if not names:
                names = header_names(row, shown, first, limits, error)
            elif row:
                _check_row(row, names, shown, first, source, reader.line_num - first + skipped, error)
                rows.append(row)
                lines.append(first)
                if len(rows) > limits.csv_rows:
                    raise error(Problem(f"more than {limits.csv_rows:,} rows", shown, first, 1))
    except csv.Error as exc:
        raise error(Problem(f"is not CSV: {exc}", shown, skipped + before + 1, 1)) from exc
    if not rows:
        raise error(Problem("holds no rows below the column names", shown, skipped + 1, 1))
    cells = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    return RawTable(shown, names, cells, lines, skipped + 1, source)


def header_names(row: list[str], shown: str, line: int, limits: Limits, error: type[InputError]) -> tuple[str, ...]:
    """Return the names of the columns; one that is missing or comes twice is an error."""
    if len(row) > limits.csv_columns:
        raise error(Problem(f"{len(row):,} columns, at most {limits.csv_columns:,}", shown, line, 1))
    names = tuple(name.strip() for name in row)
    for index, name in enumerate(names):
        column = len(",".join(row[:index])) + (2 if index else 1)
        if not name:
            raise error(Problem(f"column {index + 1} has no name", shown, line, column))
        if name in names[:index]:
            raise error(Problem("column comes twice", shown, line, column, name))
    if len(names) == 1 and re.search(r"[;\t|]", names[0]):
        raise error(Problem("fields must be separated by commas", shown, line, 1, found=shorten(names[0])))
    return names


def _check_row(
    row: list[str],
    names: tuple[str, ...],
    shown: str,
    line: int,
    source: list[str],
    extra: int,
    error: type[InputError],
) -> None:
    if extra > 0:
        raise error(Problem("a field goes on over the end of the line; is a quote missing?", shown, line, 1))
    if len(row) != len(names):
        message = f"{len(row)} fields, but the table has {len(names)} columns"
        if len(row) > len(names):
            message += ": a comma within a number or text? Write a decimal point, or quote the text"
        column = field_place(source[line - 1], len(names)) if len(row) > len(names) else len(source[line - 1]) + 1
        raise error(Problem(message, shown, line, column, found=shorten(",".join(row))))


def _check_names(
    table: RawTable, rules: Mapping[str, Column], allow_extra: Sequence[str], error: type[InputError]
) -> None:
    problems = []
    header = table.source[table.header_line - 1]
    unknown = [name for name in table.names if name not in rules and name not in allow_extra]
    missing = [name for name, rule in rules.items() if rule.required and name not in table.cells]
    for name in unknown:
        column = field_place(header, table.names.index(name))
        near = nearest_name(name, missing) or nearest_name(name, set(rules) - set(table.names))
        problems.append(
            Problem("unknown column", table.path, table.header_line, column, name, None, tuple(rules), near)
        )
    for name in missing:
        near = nearest_name(name, unknown)
        problems.append(Problem("column is missing", table.path, table.header_line, 1, name, None, (), near))
    if problems:
        raise error(*problems[:_SHOWN_PROBLEMS])


def _convert(table: RawTable, name: str, rule: Column, problems: list[Problem]) -> Any:
    import numpy as np

    cells = table.cells[name]
    if rule.unique:
        _check_unique(table, name, problems)
    if rule.type is str:
        if rule.levels:
            _check_levels(table, name, tuple(str(level) for level in rule.levels), problems)
        return cells
    form = WHOLE if rule.type is int else NUMBER
    # Few values are different in a long column of codes or ages; each text is looked at once.
    wrong = {cell for cell in set(cells) if not form.fullmatch(cell)}
    bad = [row for row, cell in enumerate(cells) if cell in wrong] if wrong else []
    for row in bad[:_SHOWN_PROBLEMS]:
        problems.append(table.problem(number_message(cells[row], rule), row, name))
    if bad:
        return None
    try:
        values = np.array([rule.type(cell) for cell in cells], dtype=np.int64 if rule.type is int else np.float64)
    except (OverflowError, ValueError):
        row = max(range(len(cells)), key=lambda r: len(cells[r]))
        problems.append(table.problem("whole number too large", row, name))
        return None
    _check_range(table, name, rule, values, problems)
    return values


def _check_range(table: RawTable, name: str, rule: Column, values: Any, problems: list[Problem]) -> None:
    import numpy as np

    wrong = ~np.isfinite(values)
    if rule.minimum is not None:
        wrong |= values < rule.minimum
    if rule.maximum is not None:
        wrong |= values > rule.maximum
    if rule.levels:
        wrong |= ~np.isin(values, rule.levels)
    count = int(wrong.sum())
    for row in np.flatnonzero(wrong)[:_SHOWN_PROBLEMS]:
        finite = bool(np.isfinite(values[row]))
        text = "out of range" if finite else "a number must be finite"
        more = f" (first of {count:,} such rows)" if count > _SHOWN_PROBLEMS and row == np.flatnonzero(wrong)[0] else ""
        problems.append(table.problem(text + more, int(row), name, allowed=range_text(rule)))


def _check_levels(table: RawTable, name: str, levels: tuple[str, ...], problems: list[Problem]) -> None:
    known = set(levels)
    bad = [row for row, cell in enumerate(table.cells[name]) if cell not in known]
    for row in bad[:_SHOWN_PROBLEMS]:
        near = nearest_name(table.cells[name][row], levels)
        problems.append(table.problem("not one of the allowed values", row, name, allowed=levels, nearest=near))


def _check_unique(table: RawTable, name: str, problems: list[Problem]) -> None:
    seen: dict[str, int] = {}
    for row, cell in enumerate(table.cells[name]):
        if cell in seen and len(problems) < _SHOWN_PROBLEMS:
            problems.append(table.problem(f"comes twice; first on line {table.lines[seen[cell]]}", row, name))
        seen.setdefault(cell, row)


def number_message(cell: str, rule: Column) -> str:
    """Say why a cell is no number of the kind that the rule asks for."""
    wanted = "whole number expected" if rule.type is int else "number expected"
    if not cell.strip():
        return f"{wanted}; the cell is empty"
    if cell != cell.strip():
        return f"{wanted}; blanks around it"
    if re.fullmatch(r"[-+]?[0-9.]*,[0-9]+", cell):
        return f"{wanted}; write a decimal point, not a comma"
    if cell.endswith("%"):
        return f"{wanted}; write a percentage as a share, 3% as 0.03"
    if rule.type is int and re.fullmatch(r"0[0-9]+", cell):
        return f"{wanted}; leading zeros are ambiguous"
    if cell.strip("+-").lower() in ("na", "nan", "n/a", "null", "none", "inf", "infinity", "-", "."):
        return f"{wanted}; missing values are not accepted"
    return wanted


def range_text(rule: Column) -> tuple[str, ...]:
    """Say which numbers a rule accepts."""
    if rule.levels:
        return tuple(str(level) for level in rule.levels)
    unit = f" {rule.unit}" if rule.unit else ""
    if rule.minimum is not None and rule.maximum is not None:
        return (f"{rule.minimum:.15g} to {rule.maximum:.15g}{unit}",)
    if rule.minimum is not None:
        return (f"at least {rule.minimum:.15g}{unit}",)
    return (f"at most {rule.maximum:.15g}{unit}",) if rule.maximum is not None else ()


def _guess(table: RawTable, name: str, error: type[InputError]) -> type[int] | type[float] | type[str]:
    cells = table.cells[name]
    numbers = [bool(NUMBER.fullmatch(cell)) for cell in cells]
    if all(numbers):
        return int if all(WHOLE.fullmatch(cell) for cell in cells) else float
    if any(numbers):
        row = numbers.index(False)
        message = number_message(cells[row], Column()) + ", as in the rest of the column"
        raise error(table.problem(message, row, name))
    return str


def field_place(line: str, index: int) -> int:
    """Return the column, counted from 1, at which the field number `index` of a line begins."""
    quoted, seen = False, 0
    if index == 0:
        return 1
    for position, char in enumerate(line):
        if char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            seen += 1
            if seen == index:
                return position + 2
    return len(line) + 1
