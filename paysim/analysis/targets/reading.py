"""Strict reading of tables of targets, a user's own among them."""

from __future__ import annotations

import os
from collections.abc import Collection
from types import MappingProxyType
from typing import Any

import numpy as np

from paysim.analysis.observation import RISK_FACTORS
from paysim.analysis.targets.model import (
    AREAS,
    MEASURES,
    OPEN,
    RATES,
    ROLES,
    SEXES,
    SHARES,
    STANDARDS,
    STATUSES,
    TOLERANCES,
    Measure,
    Target,
    split,
)
from paysim.errors import DataError, Problem, nearest_name
from paysim.reading.tables import RawTable, read_raw

Known = tuple[Collection[str], Collection[str]]
"""Processes and flags that a table may name."""

_REQUIRED = (
    "id",
    "measure",
    "value",
    "unit",
    "tolerance",
    "tolerance_kind",
    "area",
    "year",
    "role",
    "status",
    "source",
)
_OPTIONAL = MappingProxyType(
    {"section": "", "what": "", "among": "", "sex": "all", "age_from": "0", "age_to": str(OPEN)}
    | {"low": "", "high": "", "standard": "national", "why": "", "title": ""}
)
COLUMNS = (*_REQUIRED, *_OPTIONAL)


def read_targets(path: str | os.PathLike[str], processes: Collection[str], flags: Collection[str]) -> list[Target]:
    """Read a table of targets.

    Parameters
    ----------
    path
        CSV with the columns `COLUMNS`; those with a default may be left out.
    processes, flags
        Names that `what` and `among` may use.

    Raises
    ------
    DataError
        With file, line and column: unknown column, measure, process, flag, unit, role or status (with the nearest
        name), a number that is none or out of range, an id that comes twice.
    """
    return read_rows(path, (processes, flags))


def read_rows(path: str | os.PathLike[str], known: Known | None) -> list[Target]:
    """Read a table of targets; with `known` None its processes and flags are taken as they are."""
    raw = read_raw(path)
    problems = _header_problems(raw)
    if problems:
        raise DataError(*problems)
    rows = [_Row(raw, k) for k in range(len(raw.lines))]
    targets = [row.target(known) for row in rows]
    seen: dict[str, int] = {}
    for k, target in enumerate(targets):
        if target.id in seen:
            problems.append(raw.problem(f"comes twice; first on line {raw.lines[seen[target.id]]}", k, "id"))
        seen.setdefault(target.id, k)
    problems += [problem for row in rows for problem in row.problems]
    if problems:
        raise DataError(*problems[:20])
    return targets


def _header_problems(raw: RawTable) -> list[Problem]:
    place = (raw.path, raw.header_line, 1)
    unknown = [name for name in raw.names if name not in COLUMNS]
    missing = [name for name in _REQUIRED if name not in raw.names]
    unused = [name for name in COLUMNS if name not in raw.names]
    problems = [Problem("unknown column", *place, n, None, COLUMNS, nearest_name(n, unused)) for n in unknown]
    return problems + [Problem("column is missing", *place, n, nearest=nearest_name(n, unknown)) for n in missing]


class _Row:
    """One row of a table of targets, and what is wrong with it."""

    def __init__(self, raw: RawTable, number: int) -> None:
        self.raw, self.number = raw, number
        self.problems: list[Problem] = []

    def text(self, name: str) -> str:
        cells = self.raw.cells.get(name)
        found = "" if cells is None else cells[self.number].strip()
        return found or _OPTIONAL.get(name, "")

    def fault(self, name: str, message: str, **more: Any) -> None:
        if name in self.raw.names:
            self.problems.append(self.raw.problem(message, self.number, name, **more))
        else:  # a column left out, whose default will not do here
            self.problems.append(Problem(message, self.raw.path, self.raw.lines[self.number], 1, name, **more))

    def one_of(self, name: str, allowed: Collection[str]) -> str:
        found = self.text(name)
        if found not in allowed:
            near = nearest_name(found, allowed)
            self.fault(name, "not one of the allowed values", allowed=tuple(allowed), nearest=near)
        return found

    def number_of(self, name: str, low: float = -np.inf, high: float = np.inf, needed: bool = True) -> float | None:
        text = self.text(name)
        if not text and not needed:
            return None
        try:
            value = float(text)
        except ValueError:
            self.fault(name, "number expected" + ("" if text else "; the cell is empty"))
            return None
        if not low <= value <= high or not np.isfinite(value):
            self.fault(name, "out of range", allowed=(f"{low:g} to {high:g}",))
        return value

    def age(self, name: str) -> int:
        value = self.number_of(name, 0, OPEN)
        if value is not None and value != int(value):
            self.fault(name, "whole number expected")
        return 0 if value is None or not np.isfinite(value) else int(value)

    def names(self, name: str, kind: str, known: Known | None) -> tuple[str, ...]:
        found = split(self.text(name))
        if not kind:
            if found:
                self.fault(name, "this measure names nothing here")
            return ()
        if not found and kind != "any process":
            self.fault(name, f"a {kind.replace('threshold', 'risk factor')} is missing")
        allowed: Collection[str] = RISK_FACTORS
        if kind in ("process", "any process", "flag"):
            if known is None:
                return found
            allowed = known[kind == "flag"]
        for each in found:
            plain, _, limit = each.partition(">=") if kind == "threshold" else (each, "", "0")
            if plain not in allowed:
                shown = sorted(allowed)
                self.fault(name, f"unknown {kind.removeprefix('any ')} {plain!r}", nearest=nearest_name(plain, shown))
            try:
                float(limit)
            except ValueError:
                self.fault(name, "write a risk factor and its limit, such as bmi>=30")
        return found

    def target(self, known: Known | None) -> Target:
        measure = MEASURES.get(self.one_of("measure", MEASURES), Measure("any process", (*RATES, *SHARES)))
        kind = self.one_of("tolerance_kind", TOLERANCES)
        target = Target(
            id=self.text("id"),
            section=self.text("section") or self.text("measure"),
            measure=self.text("measure"),
            what=self.names("what", measure.names, known),
            among=self.names("among", "flag" if measure.among else "", known),
            sex=self.one_of("sex", SEXES),
            age_from=self.age("age_from"),
            age_to=self.age("age_to"),
            value=self.number_of("value"),
            unit=self.one_of("unit", measure.units),
            tolerance=self.number_of("tolerance", 0.0, needed=kind not in ("interval", "none")),
            tolerance_kind=kind,
            low=self.number_of("low", needed=kind == "interval"),
            high=self.number_of("high", needed=kind == "interval"),
            standard=self.one_of("standard", STANDARDS),
            area=self.text("area"),
            year=self.text("year"),
            role=self.one_of("role", ROLES),
            status=self.one_of("status", STATUSES),
            source=self.text("source"),
            why=self.text("why"),
            title=self.text("title"),
        )
        if not target.id:
            self.fault("id", "is empty")
        if not target.source:
            self.fault("source", "is empty; say where the value is from")
        if target.unit == "count" and target.area not in AREAS:
            self.fault("area", "a count needs an area whose inhabitants are known", allowed=AREAS)
        if target.age_to < target.age_from:
            self.fault("age_to", "the band ends before it begins")
        if target.low is not None and target.high is not None and target.high < target.low:
            self.fault("high", "the interval ends before it begins")
        return target
