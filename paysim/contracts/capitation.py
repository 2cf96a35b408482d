"""Capitation: an amount for every person-year on the list, whatever is done.

Payment = sum over segments of person-years x rate of the segment. The rates come from an explicit grid by age
and deprivation, or from one rate times relative weights; both may also go by sex, by five-year ages and by condition,
as the formulas of risk equalisation do. The provider's marginal revenue of one more contact
is zero; of one more person on the list it is the person's rate.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from paysim.accounting.book import Book
from paysim.accounting.segments import (
    AGE_BAND_FROM,
    CONDITIONS,
    FINE_AGE_FROM,
    SEGMENT_AGE_BAND,
    SEGMENT_CONDITION,
    SEGMENT_DEPRIVED,
    SEGMENTS,
    SEXES,
)
from paysim.contracts.protocol import Floats, PaysNothingPerUnit
from paysim.errors import ModelError

QUARTERS_PER_YEAR = 4

Dimension = Literal["age", "deprivation", "sex", "condition"]
Sex = Literal["men", "women"]
Condition = Literal["none", "vascular", "diabetes"]

MORE: dict[str, tuple[str, ...]] = {"sex": SEXES, "condition": CONDITIONS}
"""What the rows of a table may go by besides age and deprivation."""

_Cell = tuple[int, bool, str | None, str | None]


@dataclass(frozen=True)
class GridCell:
    """Rate of one cell: people from this age up to the next cell's, in or outside a deprived area.

    Attributes
    ----------
    age_from
        First completed age: a multiple of five up to 95.
    sex, condition
        Given in every row, or in none: then rates do not depend on it.
    """

    age_from: int
    deprived: bool
    eur_per_quarter: float = field(metadata={"unit": "EUR per person-quarter"})
    sex: Sex | None = None
    condition: Condition | None = None

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return _label(_key(self))


@dataclass(frozen=True)
class WeightCell:
    """Relative weight of one cell, as `GridCell`; 1 is the average person outside a deprived area."""

    age_from: int
    deprived: bool
    weight: float = field(metadata={"unit": "ratio to the average person outside a deprived area"})
    sex: Sex | None = None
    condition: Condition | None = None

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return _label(_key(self))


@dataclass(frozen=True)
class Capitation(PaysNothingPerUnit):
    """A payment per person-year on the list: give either `grid`, or a rate and the weights it varies with.

    Attributes
    ----------
    rate_eur_per_person_year
        Amount for a person of weight 1.
    weights
        What the weights vary with; empty: the same amount for everybody. With ``age`` alone the weights
        outside deprived areas apply to all; with ``deprivation`` alone those of the youngest band, relative
        to that band outside deprived areas. ``sex`` and ``condition`` come on top of both.
    weight_table
        Weights by age and deprivation (and sex, and condition), or the name of a file of kind ``weights``.
    grid
        Amounts by age and deprivation (and sex, and condition), or the name of a file of kind ``grid``.
    carve_outs
        Services of general practice that the amount is not for, so that others must pay them.
    """

    kind: ClassVar[str] = "capitation"
    scalable: ClassVar[bool] = True
    linear: ClassVar[bool] = True

    rate_eur_per_person_year: float | None = field(default=None, metadata={"unit": "EUR per person-year"})
    weights: tuple[Dimension, ...] = ()
    weight_table: tuple[WeightCell, ...] = field(
        default=(),
        metadata={"file": "weights", "default": "nl/gp_capitation_weights", "default_with": "weights"},
    )
    grid: tuple[GridCell, ...] = field(default=(), metadata={"file": "grid"})
    carve_outs: tuple[str, ...] = field(default=(), metadata={"names": "services"})

    def __post_init__(self) -> None:
        if (self.rate_eur_per_person_year is None) == (not self.grid):
            raise ValueError("give either rate_eur_per_person_year or grid")
        if self.grid and (self.weights or self.weight_table):
            raise ValueError("a grid already says what each age pays: leave weights out")
        if bool(self.weights) != bool(self.weight_table):
            raise ValueError("weights and weight_table go together: one is missing")
        if len(set(self.weights)) < len(self.weights):
            raise ValueError("a dimension of weights comes twice")
        _require_complete(self.grid, "grid")
        _require_complete(self.weight_table, "weight_table")
        if any(row.weight == 0.0 for row in self.weight_table):
            raise ValueError("a weight must be above 0")
        for name in MORE:
            if name in self.weights and not {"age", "deprivation"} <= set(self.weights):
                raise ValueError(f"weights by {name} take the whole table: name age and deprivation too")
            if (name in self.weights) != any(getattr(row, name) is not None for row in self.weight_table):
                raise ValueError(f"weights and the rows of weight_table must both have {name}, or neither")

    @property
    def reads(self) -> frozenset[str]:  # type: ignore[override]
        """What it looks at: sex and age, where rows go by sex or by finer ages than those of segments."""
        cells = [*map(_key, self.grid), *map(_key, self.weight_table)]
        fine = any(sex is not None or age not in AGE_BAND_FROM for age, _, sex, _ in cells)
        return frozenset({"age_sex"}) if fine else frozenset()

    @cached_property
    def _cells(self) -> dict[_Cell, float]:
        """Amount for a person-year of each cell; none if it is the same for everybody."""
        if self.grid:
            return {_key(row): row.eur_per_quarter * QUARTERS_PER_YEAR for row in self.grid}
        rate = self.rate_eur_per_person_year or 0.0
        cells = {_key(row): row.weight * rate for row in self.weight_table}
        if cells and "age" not in self.weights:
            youngest = min(row.age_from for row in self.weight_table)
            outside = next(row.weight for row in self.weight_table if row.age_from == youngest and not row.deprived)
            cells = {(0, *key[1:]): value / outside for key, value in cells.items() if key[0] == youngest}
        if "deprivation" not in self.weights:
            cells = {key: cells[key[0], False, key[2], key[3]] for key in cells}
        return cells

    @cached_property
    def eur_per_person_year(self) -> Floats:
        """``[segment]`` amount for a person-year, where it does not depend on more than the segment."""
        if not self._cells:
            return np.full(SEGMENTS, self.rate_eur_per_person_year or 0.0)
        starts = [_start(self._cells, age) for age in AGE_BAND_FROM]
        bands = [starts[band] for band in SEGMENT_AGE_BAND]
        return np.array([_found(self._cells, bands[at], None, at) for at in range(SEGMENTS)])

    @cached_property
    def eur_by_age_sex(self) -> Floats:
        """``[segment, cell]`` amount for a person-year by sex and five-year age within each segment."""
        starts = [_start(self._cells, age) for age in FINE_AGE_FROM]
        cells = [(start, sex) for sex in SEXES for start in starts]
        return np.array([[_found(self._cells, start, sex, at) for start, sex in cells] for at in range(SEGMENTS)])

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros: person-years times the segment's rate.

        Raises
        ------
        ModelError
            If rates go by sex or by finer ages, and the activity does not have them.
        """
        activity = book.activity
        if not self.reads:
            return activity.person_years * self.eur_per_person_year
        if activity.age_sex is None:
            raise ModelError("capitation: the activity does not say of which sex and age people are")
        return np.asarray(activity.person_years * np.einsum("pgc,gc->pg", activity.age_sex, self.eur_by_age_sex))

    def scaled(self, k: float) -> Capitation:
        """Return the same weights or grid with amounts times `k`."""
        if self.rate_eur_per_person_year is not None:
            return replace(self, rate_eur_per_person_year=self.rate_eur_per_person_year * k)
        rows = (replace(row, eur_per_quarter=row.eur_per_quarter * k) for row in self.grid)
        return replace(self, grid=tuple(rows))

    def services_covered(self) -> frozenset[str] | None:
        """Return None: all that the providers deliver to their list."""
        return None


def _key(row: GridCell | WeightCell) -> _Cell:
    return row.age_from, row.deprived, row.sex, row.condition


def _label(cell: _Cell) -> str:
    age_from, deprived, *more = cell
    named = [f"age_{age_from}_{'deprived' if deprived else 'not_deprived'}", *(name for name in more if name)]
    return "_".join(named)


def _require_complete(rows: Iterable[GridCell | WeightCell], name: str) -> None:
    cells = [_key(row) for row in rows]
    if not cells:
        return
    for age, *_ in cells:
        if age not in FINE_AGE_FROM:
            raise ValueError(f"{name}: age_from {age} is not a multiple of five from 0 to {FINE_AGE_FROM[-1]}")
    if len(set(cells)) < len(cells):
        raise ValueError(f"{name}: a cell comes twice")
    more: list[tuple[str | None, ...]] = []
    for at, (what, known) in enumerate(MORE.items(), start=2):
        given = {cell[at] is not None for cell in cells}
        if len(given) > 1:
            raise ValueError(f"{name}: some rows have a {what} and some have none")
        more.append(known if given == {True} else (None,))
    ages = {age for age, *_ in cells} | {0}
    wanted: set[_Cell] = set(itertools.product(ages, (False, True), *more))  # type: ignore[arg-type]
    missing = sorted(_label(cell) for cell in wanted - set(cells))
    if missing:
        raise ValueError(f"{name}: no row for {', '.join(missing)}")


def _start(cells: dict[_Cell, float], age: int) -> int:
    """Return the age whose cells hold for an age: its own, or the one below it."""
    return max(each for each, *_ in cells if each <= age)


def _found(cells: dict[_Cell, float], start: int, sex: str | None, segment: int) -> float:
    """Return the value of a cell; where rows do not go by sex or condition, they do not count."""
    _, _, by_sex, by_condition = next(iter(cells))
    condition = CONDITIONS[SEGMENT_CONDITION[segment]] if by_condition is not None else None
    return cells[start, bool(SEGMENT_DEPRIVED[segment]), sex if by_sex is not None else None, condition]
