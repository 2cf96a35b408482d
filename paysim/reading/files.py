"""Files as bytes: limits when reading, no half-written file when writing."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paysim.errors import DataError, InputError, OutputError, Problem, nearest_name


@dataclass(frozen=True)
class Limits:
    """What a reader accepts at most; beyond it a file is refused before it is read.

    Attributes
    ----------
    yaml_bytes, yaml_depth, yaml_nodes
        Size of a YAML file, depth of nesting, number of values and containers.
    csv_bytes, csv_rows, csv_columns
        Size of a table.
    """

    yaml_bytes: int = 1_000_000
    yaml_depth: int = 30
    yaml_nodes: int = 100_000
    csv_bytes: int = 500_000_000
    csv_rows: int = 5_000_000
    csv_columns: int = 500


LIMITS = Limits()
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def read_text(path: str | os.PathLike[str], max_bytes: int, error: type[InputError] = DataError) -> str:
    """Read a UTF-8 file whole; a byte-order mark of UTF-8 is dropped.

    Raises
    ------
    InputError
        Of the class `error`: no such file, a folder, too large, or not UTF-8.
    """
    check_file(path, max_bytes, error)
    try:
        raw = Path(path).read_bytes()
    except (OSError, ValueError) as exc:
        raise error(_unreadable(path, exc)) from exc
    return decode(raw, os.fspath(path), error)


def check_file(path: str | os.PathLike[str], max_bytes: int, error: type[InputError] = DataError) -> None:
    """Raise an error of the class `error` if there is no such file, or it is a folder or too large."""
    shown = os.fspath(path)
    file = Path(path)
    try:
        if file.is_dir():
            raise error(Problem("is a folder, not a file", file=shown))
        if not file.is_file():
            near = nearest_name(file.name, _siblings(file))
            found = str(file.with_name(near)) if near else None
            raise error(Problem("no such file", file=shown, nearest=found))
        size = file.stat().st_size
    except (OSError, ValueError) as exc:
        raise error(_unreadable(path, exc)) from exc
    if size > max_bytes:
        raise error(Problem(f"too large: {size:,} bytes, at most {max_bytes:,}", file=shown))


def _unreadable(path: str | os.PathLike[str], exc: Exception) -> Problem:
    return Problem(f"cannot be read: {getattr(exc, 'strerror', None) or exc}", file=os.fspath(path))


def decode(raw: bytes, shown: str, error: type[InputError] = DataError) -> str:
    """Decode UTF-8 bytes, refusing other encodings by name and place."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise error(Problem("is UTF-16; save it as UTF-8", file=shown, line=1, column=1))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        before = raw[: exc.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        message = f"is not UTF-8: byte 0x{raw[exc.start]:02x}; save it as UTF-8"
        raise error(Problem(message, file=shown, line=line, column=column)) from exc


def no_formula(value: Any) -> Any:
    """Return a cell for a CSV file: text that a spreadsheet would take for a formula gets an apostrophe.

    Carriage returns become line feeds, because Python's and pandas' writers do not quote a lone one.
    """
    if not isinstance(value, str):
        return value
    text = "'" + value if value.startswith(_FORMULA) else value
    return text.replace("\r\n", "\n").replace("\r", "\n")


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` so that `path` holds either its old content or all of the new.

    Raises
    ------
    OutputError
        If the folder does not exist or cannot be written to; `path` is then as it was and no other file is
        left.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except OSError as exc:
        message = f"cannot write {len(data):,} bytes: {exc.strerror or exc}"
        raise OutputError(Problem(message, file=os.fspath(path))) from exc
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    # The rename itself is durable only once the folder's entry is on disk; not every system can open a
    # folder.
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _siblings(file: Path) -> list[str]:
    try:
        return [entry.name for entry in file.parent.iterdir()]
    except OSError:
        return []
