"""Capitation: an amount for every person-year on the list, whatever is done.

Payment = sum over segments of person-years x rate of the segment. The rates come from an explicit grid by age
and deprivation, or from one rate times relative weights. The provider's marginal revenue of one more contact
is zero; of one more person on the list it is the person's rate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from paysim.accounting.book import Book
from paysim.accounting.segments import AGE_BAND_FROM, SEGMENT_AGE_BAND, SEGMENT_DEPRIVED, SEGMENTS
from paysim.contracts.protocol import Floats

QUARTERS_PER_YEAR = 4

Dimension = Literal["age", "deprivation"]


@dataclass(frozen=True)
class GridCell:
    """Rate of one cell: people from this age up to the next cell's, in or outside a deprived area."""

    age_from: int
    deprived: bool
    eur_per_quarter: float = field(metadata={"unit": "EUR per person-quarter"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return _label(self.age_from, self.deprived)


@dataclass(frozen=True)
class WeightCell:
    """Relative weight of one cell; 1 is the average person outside a deprived area."""

    age_from: int
    deprived: bool
    weight: float = field(metadata={"unit": "ratio to the average person outside a deprived area"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return _label(self.age_from, self.deprived)


@dataclass(frozen=True)
class Capitation:
    """A payment per person-year on the list: give either `grid`, or a rate and the weights it varies with.

    Attributes
    ----------
    rate_eur_per_person_year
        Amount for a person of weight 1.
    weights
        What the weights vary with; empty: the same amount for everybody. With ``age`` alone the weights
        outside deprived areas apply to all; with ``deprivation`` alone those of the youngest band, relative
        to that band outside deprived areas.
    weight_table
        Weights by age and deprivation, or the name of a file of kind ``weights``.
    grid
        Amounts by age and deprivation, or the name of a file of kind ``grid``.
    """

    kind: ClassVar[str] = "capitation"
    scalable: ClassVar[bool] = True
    linear: ClassVar[bool] = True
    reads: ClassVar[frozenset[str]] = frozenset()
    payee: ClassVar[str | None] = None

    rate_eur_per_person_year: float | None = field(default=None, metadata={"unit": "EUR per person-year"})
    weights: tuple[Dimension, ...] = ()
    weight_table: tuple[WeightCell, ...] = field(
        default=(),
        metadata={"file": "weights", "default": "nl/gp_capitation_weights", "default_with": "weights"},
    )
    grid: tuple[GridCell, ...] = field(default=(), metadata={"file": "grid"})

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

    @cached_property
    def eur_per_person_year(self) -> Floats:
        """``[segment]`` amount for a person-year."""
        if self.grid:
            cells = {(row.age_from, row.deprived): row.eur_per_quarter for row in self.grid}
            return _by_segment(cells) * QUARTERS_PER_YEAR
        rate = self.rate_eur_per_person_year or 0.0
        if not self.weights:
            return np.full(SEGMENTS, rate)
        cells = {(row.age_from, row.deprived): row.weight for row in self.weight_table}
        youngest = min(age for age, _ in cells)
        if "age" not in self.weights:
            outside = cells[youngest, False]
            cells = {(0, deprived): cells[youngest, deprived] / outside for deprived in (False, True)}
        if "deprivation" not in self.weights:
            cells = {(age, deprived): cells[age, False] for age, deprived in cells}
        return _by_segment(cells) * rate

    def settle(self, book: Book) -> Floats:
        """Return ``[practice, segment]`` euros: person-years times the segment's rate."""
        return book.activity.person_years * self.eur_per_person_year

    def scaled(self, k: float) -> Capitation:
        """Return the same weights or grid with amounts times `k`."""
        if self.rate_eur_per_person_year is not None:
            return replace(self, rate_eur_per_person_year=self.rate_eur_per_person_year * k)
        rows = (replace(row, eur_per_quarter=row.eur_per_quarter * k) for row in self.grid)
        return replace(self, grid=tuple(rows))

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return zeros ``[service]``: nothing is paid by the unit."""
        return np.zeros(len(service_names))

    def services_paid(self) -> frozenset[str]:
        """Return nothing: nothing is paid by the unit."""
        return frozenset()

    def services_covered(self) -> frozenset[str] | None:
        """Return None: all that the providers deliver to their list."""
        return None


def _label(age_from: int, deprived: bool) -> str:
    return f"age_{age_from}_{'deprived' if deprived else 'not_deprived'}"


def _require_complete(rows: Iterable[GridCell | WeightCell], name: str) -> None:
    cells = [(row.age_from, row.deprived) for row in rows]
    if not cells:
        return
    for age, _ in cells:
        if age not in AGE_BAND_FROM:
            raise ValueError(f"{name}: age_from {age} is not the start of an age band: {AGE_BAND_FROM}")
    if len(set(cells)) < len(cells):
        raise ValueError(f"{name}: a cell comes twice")
    ages = {age for age, _ in cells} | {0}
    missing = sorted({(age, deprived) for age in ages for deprived in (False, True)} - set(cells))
    if missing:
        raise ValueError(f"{name}: no row for {', '.join(_label(*cell) for cell in missing)}")


def _by_segment(cells: dict[tuple[int, bool], float]) -> Floats:
    """Spread ``{(age_from, deprived): value}`` over the segments; a missing age takes the band below it."""
    ages = sorted({age for age, _ in cells})
    values = []
    for band, deprived in zip(SEGMENT_AGE_BAND, SEGMENT_DEPRIVED, strict=True):
        age = max(age for age in ages if age <= AGE_BAND_FROM[band])
        values.append(cells[age, bool(deprived)])
    return np.array(values)
