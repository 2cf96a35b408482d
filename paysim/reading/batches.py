"""Tables of millions of rows, CSV or Parquet, read in batches with the place of every row.

CSV is held to the rules of `paysim.reading.tables`: UTF-8, commas, one row a line, as many fields as columns, quotes
only around a whole field. Cells are handed on as text, so nothing is converted before it is checked. A Parquet file is
refused on what its footer says before a row is read; text columns stay encoded as a dictionary, because a few hundred
bytes can stand for a long text in every one of millions of rows.
"""

from __future__ import annotations

import contextlib
import csv
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from paysim.errors import DataError, InputError, Problem, shorten
from paysim.reading.cells import Explained
from paysim.reading.files import LIMITS, Limits, check_file, decode
from paysim.reading.pages import unpacked_bytes
from paysim.reading.tables import field_place, header_names

SUFFIXES = (".csv", ".parquet")
MOST_UNPACKED_BYTES = 2_000_000_000
_CHUNK_BYTES = 8 << 20
_ROWS_AT_ONCE = 1 << 16
_SHOWN, _SHOWN_A_COLUMN = 50, 20
_BOM = b"\xef\xbb\xbf"
_QUOTE, _COMMA, _NEWLINE, _RETURN = b'",\n\r'


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows of a table.

    Attributes
    ----------
    columns
        Arrow arrays by name.
    lines
        Line of the file (in Parquet: number of the row, from 1) of each row.
    """

    columns: dict[str, Any]
    lines: np.ndarray
    names: tuple[str, ...] = ()
    chunk: bytes = b""
    first_line: int = 0

    def __len__(self) -> int:
        return len(self.lines)

    def text(self, row: int, name: str) -> str:
        """Return a cell as text; empty where it is missing."""
        value = self.columns[name][row].as_py()
        return "" if value is None else str(value)

    def place(self, row: int, name: str) -> tuple[int, int | None]:
        """Return line and column, counted from 1, of a cell; a cell of Parquet has no column number."""
        line = int(self.lines[row])
        if not self.chunk or name not in self.names:
            return line, None
        source = self.chunk.split(b"\n", line - self.first_line + 1)[line - self.first_line]
        return line, field_place(source.decode("utf-8", "replace"), self.names.index(name))


@dataclass
class Faults:
    """The problems of one file: the first of each column, and the number of all."""

    shown: str
    error: type[InputError] = DataError
    total: int = 0
    _kept: list[Problem] = field(default_factory=list)
    _by_key: dict[str, int] = field(default_factory=dict)

    def add(self, problem: Problem) -> None:
        """Note a problem."""
        self.total += 1
        seen = self._by_key[problem.key] = self._by_key.get(problem.key, 0) + 1
        if seen <= _SHOWN_A_COLUMN:
            self._kept.append(problem)

    def cells(self, batch: Batch, name: str, wrong: np.ndarray, explain: Callable[[str], Explained]) -> None:
        """Note the cells of a column that are wrong."""
        rows = np.flatnonzero(wrong)
        room = max(0, _SHOWN_A_COLUMN - self._by_key.get(name, 0))
        for row in rows[:room]:
            text = batch.text(int(row), name)
            message, allowed, near = explain(text)
            self.add(
                Problem(message, self.shown, *batch.place(int(row), name), name, repr(shorten(text)), allowed, near)
            )
        self.total += len(rows[room:])

    def stop_if_any(self) -> None:
        """Raise an error with what was found, if anything was."""
        if not self.total:
            return
        found = sorted(self._kept, key=lambda problem: (problem.line or 0, problem.column or 0))[:_SHOWN]
        more = self.total - len(found)
        if more:
            found.append(Problem(f"{more:,} more problems are not shown", self.shown))
        raise self.error(*found)


def open_table(path: str | os.PathLike[str], limits: Limits = LIMITS) -> CsvTable | ParquetTable:
    """Open a table by its suffix, ``.csv`` or ``.parquet``.

    Raises
    ------
    DataError
        Another suffix, no such file, too large, or not a file of that kind.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(Problem("unknown kind of file", os.fspath(path), found=repr(suffix), allowed=SUFFIXES))
    return CsvTable(path, limits) if suffix == ".csv" else ParquetTable(path, limits)


class CsvTable:
    """A CSV file with a row of column names, below any number of lines that begin with ``#``.

    Attributes
    ----------
    comments
        The lines above the column names.
    names
        Of the columns.
    header_line
        Where the names stand.
    """

    types: dict[str, Any] | None = None

    def __init__(self, path: str | os.PathLike[str], limits: Limits = LIMITS) -> None:
        self.path, self.shown, self._limits = Path(path), os.fspath(path), limits
        check_file(path, limits.csv_bytes)
        self.comments: list[str] = []
        self.names: tuple[str, ...] = ()
        with open(self.path, "rb") as file:
            self._start = len(_BOM) if file.read(len(_BOM)) == _BOM else 0
            file.seek(self._start)
            line = 0
            for raw in iter(lambda: file.readline(_CHUNK_BYTES), b""):
                line += 1
                self._check_bytes(raw, line)
                self._start += len(raw)
                text = decode(raw, self.shown).rstrip("\r\n")
                if text.startswith("#") or not text.strip():
                    self.comments.append(text)
                    continue
                self.header, self.header_line = text, line
                self.names = self._read_names(text, line)
                break
        if not self.names:
            raise DataError(Problem("holds no table: no row of column names", self.shown, max(1, line), 1))

    def _read_names(self, text: str, line: int) -> tuple[str, ...]:
        try:
            row = next(csv.reader([text], strict=True))
        except csv.Error as exc:
            raise DataError(Problem(f"is not CSV: {exc}", self.shown, line, 1)) from exc
        return header_names(row, self.shown, line, self._limits, DataError)

    def problem(self, message: str, name: str, **more: Any) -> Problem:
        """Return a `Problem` of a whole column, placed at its name."""
        column = field_place(self.header, self.names.index(name)) if name in self.names else 1
        return Problem(message, self.shown, self.header_line, column, name, **more)

    def batches(self, wanted: Sequence[str], faults: Faults) -> Iterator[Batch]:
        """Yield the rows, wanted columns only; rows that are not whole are noted in `faults` and left out.

        Raises
        ------
        DataError
            What follows cannot be read: another encoding, a broken quote, too many rows; or there are no rows.
        """
        first, rows = self.header_line + 1, 0
        for chunk in self._chunks():
            self._check_bytes(chunk, first, faults)
            batch = self._parse(chunk, first, wanted, faults)
            rows += len(batch)
            if rows > self._limits.csv_rows:
                faults.add(Problem(f"more than {self._limits.csv_rows:,} rows", self.shown, int(batch.lines[-1]), 1))
                faults.stop_if_any()
            first += chunk.count(b"\n")
            yield batch
        if rows == 0 and not faults.total:
            raise DataError(Problem("holds no rows below the column names", self.shown, self.header_line, 1))

    def _chunks(self) -> Iterator[bytes]:
        """Yield whole lines, about eight megabytes at a time, without the empty end of the file."""
        with open(self.path, "rb") as file:
            file.seek(self._start)
            rest = b""
            while block := file.read(_CHUNK_BYTES):
                rest += block
                cut = rest.rstrip(b"\r\n").rfind(b"\n") + 1  # blank lines wait for what comes after them
                if cut:
                    yield rest[:cut]
                    rest = rest[cut:]
                elif len(rest) > 2 * _CHUNK_BYTES:
                    raise DataError(Problem("a line is longer than a table can be wide", self.shown))
            rest = rest.rstrip(b"\r\n")
            if rest:
                yield rest + b"\n"

    def _check_bytes(self, chunk: bytes, first: int, faults: Faults | None = None) -> None:
        """Stop at what makes the rest unreadable: another encoding, NUL, stray line ends, broken quotes."""

        def stop(message: str, at: int) -> None:
            before = chunk[:at]
            column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
            problem = Problem(message, self.shown, first + before.count(b"\n"), column)
            if faults is None:
                raise DataError(problem)
            faults.add(problem)
            faults.stop_if_any()

        if first == 1 and chunk.startswith((b"\xff\xfe", b"\xfe\xff")):
            stop("is UTF-16; save it as UTF-8", 0)
        if b"\0" in chunk:
            stop("holds a NUL character; is it a text file?", chunk.index(b"\0"))
        if not chunk.isascii():
            try:
                chunk.decode("utf-8")
            except UnicodeDecodeError as exc:
                stop(f"is not UTF-8: byte 0x{chunk[exc.start]:02x}; save it as UTF-8", exc.start)
        if chunk.count(b"\r") > chunk.count(b"\r\n"):
            alone = re.search(rb"\r(?!\n)", chunk)
            stop(
                "a carriage return without a line feed; save it with ordinary line ends", alone.start() if alone else 0
            )
        if faults is None:
            return
        if chunk.startswith((b"\n", b"\r\n")):
            stop("a blank line within the table", 0)
        for blank in (b"\n\n", b"\n\r\n"):
            if blank in chunk:
                stop("a blank line within the table", chunk.index(blank) + 1)
        if b'"' in chunk:
            at, message = _broken_quote(chunk)
            if message:
                stop(message, at)

    def _parse(self, chunk: bytes, first: int, wanted: Sequence[str], faults: Faults) -> Batch:
        import pyarrow as pa
        import pyarrow.csv as pc

        left_out: list[int] = []

        def not_whole(row: Any) -> str:
            left_out.append(row.number - 1)
            line, source = first + row.number - 1, row.text
            message = f"{row.actual_columns} fields, but the table has {row.expected_columns} columns"
            column = len(source) + 1
            if row.actual_columns > row.expected_columns:
                message += ": a comma within a number or text? Write a decimal point, or quote the text"
                column = field_place(source, row.expected_columns)
            faults.add(Problem(message, self.shown, line, column, found=shorten(source)))
            return "skip"

        table = pc.read_csv(
            pa.BufferReader(chunk),
            # rows are numbered only without threads
            pc.ReadOptions(column_names=list(self.names), use_threads=False, block_size=len(chunk) + 1),
            pc.ParseOptions(ignore_empty_lines=False, invalid_row_handler=not_whole),
            pc.ConvertOptions(
                include_columns=list(wanted),
                column_types=dict.fromkeys(self.names, pa.string()),
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
        lines = np.delete(np.arange(first, first + chunk.count(b"\n")), left_out)
        columns = {name: table.column(name).combine_chunks() for name in wanted}
        return Batch(columns, lines, self.names, chunk, first)


class ParquetTable:
    """A Parquet file of plain columns.

    Attributes
    ----------
    names, types
        Of the columns; types are Arrow's.
    metadata
        Of the file, by key.
    """

    def __init__(self, path: str | os.PathLike[str], limits: Limits = LIMITS) -> None:
        import pyarrow.parquet as pq

        self.path, self.shown = Path(path), os.fspath(path)
        check_file(path, limits.csv_bytes)
        with _readable(self.shown):
            meta = pq.read_metadata(self.path)
            schema = meta.schema.to_arrow_schema()
            self.rows = int(meta.num_rows)
            groups = [meta.row_group(index) for index in range(meta.num_row_groups)]
            size = sum(max(group.total_byte_size, 0) for group in groups)
            if size <= MOST_UNPACKED_BYTES and 0 < self.rows <= limits.csv_rows:
                size = max(size, unpacked_bytes(self.path, meta))  # a footer may understate it
        if self.rows > limits.csv_rows or size > MOST_UNPACKED_BYTES:
            message = (
                f"too large: {self.rows:,} rows, {size:,} bytes unpacked; "
                f"at most {limits.csv_rows:,} rows and {MOST_UNPACKED_BYTES:,} bytes"
            )
            raise DataError(Problem(message, self.shown))
        if self.rows == 0:
            raise DataError(Problem("holds no rows", self.shown))
        self.names = header_names(list(schema.names), self.shown, 1, limits, DataError)
        self.types = dict(zip(schema.names, schema.types, strict=True))
        self.metadata: dict[bytes, bytes] = schema.metadata or {}

    def problem(self, message: str, name: str, **more: Any) -> Problem:
        """Return a `Problem` of a whole column."""
        return Problem(message, self.shown, key=name, **more)

    def batches(self, wanted: Sequence[str], faults: Faults) -> Iterator[Batch]:
        """Yield the rows, wanted columns only; cells without a value are noted in `faults`.

        Raises
        ------
        DataError
            The file is damaged, or unpacks to more than its footer says.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        text = [name for name in wanted if pa.types.is_string(self.types[name]) or _large(self.types[name])]
        rows, unpacked = 0, 0
        with _readable(self.shown), pq.ParquetFile(self.path, read_dictionary=text) as file:
            for part in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=list(wanted), use_threads=False):
                unpacked += part.nbytes
                if unpacked > MOST_UNPACKED_BYTES:
                    message = f"too large: unpacks to more than {MOST_UNPACKED_BYTES:,} bytes"
                    raise DataError(Problem(message, self.shown, rows + 1))
                batch = Batch(
                    dict(zip(part.schema.names, part.columns, strict=True)), np.arange(rows + 1, rows + len(part) + 1)
                )
                rows += len(part)
                yield self._without_holes(batch, faults)
        if rows != self.rows:
            raise DataError(Problem(f"is damaged: {rows:,} rows, but its footer says {self.rows:,}", self.shown))

    def _without_holes(self, batch: Batch, faults: Faults) -> Batch:
        whole = np.ones(len(batch), bool)
        for name, array in batch.columns.items():
            if array.null_count:
                hole = array.is_null().to_numpy(zero_copy_only=False)
                faults.cells(batch, name, hole, lambda _: ("value is missing", (), None))
                whole &= ~hole
        if whole.all():
            return batch
        return Batch({name: array.filter(whole) for name, array in batch.columns.items()}, batch.lines[whole])


def _large(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_large_string(kind))


@contextlib.contextmanager
def _readable(shown: str) -> Iterator[None]:
    """Turn Arrow's errors into ours."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, EOFError, ValueError, MemoryError) as exc:
        raise DataError(Problem(f"is not a readable Parquet file: {shorten(str(exc))}", shown)) from exc


def _broken_quote(chunk: bytes) -> tuple[int, str]:
    """Return where a quote neither begins nor ends a field, and what is wrong; an empty message if all is well.

    Quotes come in pairs: every other one opens. A pair side by side within a field is a quote meant as text.
    """
    raw = np.frombuffer(chunk, np.uint8)
    at = np.flatnonzero(raw == _QUOTE)
    if len(at) % 2:
        at = np.append(at, len(raw) - 1)  # a pair that never ends, ends with the last line
    opens, closes = at[0::2], at[1::2]
    before = np.where(opens > 0, raw[opens - 1], _NEWLINE)
    after = raw[np.minimum(closes + 1, len(raw) - 1)]
    doubled = np.append(False, opens[1:] == closes[:-1] + 1)
    begins = (before == _COMMA) | (before == _NEWLINE) | doubled
    ends = (after == _COMMA) | (after == _NEWLINE) | (after == _RETURN) | (after == _QUOTE)
    line = np.cumsum(raw == _NEWLINE)
    faults = [
        (opens, ~begins, "a quote within a field; put quotes around the whole field, and double those inside"),
        (opens, line[opens] != line[closes], "a field goes on over the end of the line; is a quote missing?"),
        (closes, ~ends, "a quoted field goes on after its quote"),
    ]
    found = [(int(places[wrong][0]), message) for places, wrong, message in faults if wrong.any()]
    return min(found, default=(0, ""))
