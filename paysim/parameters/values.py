"""One value, one table, one override."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Status = Literal["found", "derived", "recalled", "assumed"]
Distribution = Literal["fixed", "normal", "lognormal", "beta", "gamma", "uniform"]
Value = float | str | tuple[float, ...]

COLUMNS = ("name", "value", "unit", "low", "high", "distribution", "source", "status")
"""Columns of every table of values, `Parameters.frame` and ``parameters.csv`` among them."""


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


def frozen(value: float | str | Sequence[float]) -> Value:
    """Return a value as it was read or given in the form in which it is kept."""
    if isinstance(value, str):
        return value
    return float(value) if isinstance(value, int | float) else tuple(float(each) for each in value)
