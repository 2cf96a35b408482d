"""Printing: aligned columns for people, JSON for scripts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import typer


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, widest: int = 48) -> None:
    """Print rows in aligned columns; numbers to the right, long text cut, except in the outer columns."""
    cells = [[_text(row.get(name)) for name in columns] for row in rows]
    cells = [
        [cell if i in (0, len(columns) - 1) else _cut(cell, widest) for i, cell in enumerate(line)] for line in cells
    ]
    widths = [max(len(line[i]) for line in [list(columns), *cells]) for i in range(len(columns))]
    right = [bool(rows) and all(_number(row.get(name)) for row in rows) for name in columns]
    for line in [list(columns), *cells]:
        padded = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ]
        typer.echo("  ".join(padded).rstrip())


def as_json(value: Any) -> None:
    """Print one JSON document; numbers that are not finite become null."""
    typer.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        value += 0.0  # no minus before nothing
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(each) for each in value)
    return str(value)


def _cut(text: str, widest: int) -> str:
    return text if len(text) <= widest else text[: widest - 3] + "..."


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if hasattr(value, "item"):  # numbers of numpy
        return _plain(value.item())
    return value if isinstance(value, str | int | float | bool | None) else str(value)
