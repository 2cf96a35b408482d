"""The 32 indicators: which measure each is, or why it is not modelled; and what every measure of the results is.

Both tables ship as CSV, so that an indicator or a description is added in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from paysim.reading import Column, read_table

AIMS = ("population health", "quality and experience", "costs", "staff", "equity")
"""The five aims, in the order in which a scorecard shows them."""
PROCESS = "process"
"""Aim of indicators of how a system works, which no scorecard shows."""
NUMBERS = 32

_FOLDER = Path(__file__).parent
_INDICATORS = {
    "number": Column(int, 1, NUMBERS),
    "aim": Column(str, levels=(*AIMS, PROCESS)),
    "indicator": Column(str),
    "measure": Column(str),
    "unit": Column(str),
    "modelled": Column(str, levels=("yes", "no")),
    "headline": Column(str, levels=("yes", "no")),
    "definition": Column(str),
    "reason": Column(str),
}
_DESCRIPTIONS = {"measure": Column(str, unique=True), "unit": Column(str), "description": Column(str)}


@dataclass(frozen=True)
class Indicator:
    """One row of the table; an indicator with several measures has several.

    Attributes
    ----------
    number
        1 to 32.
    measure
        Its name in `paysim.analysis.measures`; empty when not modelled.
    headline
        Whether the figure of a scorecard draws it.
    definition
        How it is counted here; empty when not modelled.
    reason
        Why it is not modelled; empty when it is.
    """

    number: int
    aim: str
    indicator: str
    measure: str
    unit: str
    modelled: bool
    headline: bool
    definition: str
    reason: str


@cache
def indicators() -> tuple[Indicator, ...]:
    """Return all rows, in the order of the table."""
    table = read_table(_FOLDER / "indicators.csv", _INDICATORS)
    numbers = [int(number) for number in table["number"]]
    flags = [[value == "yes" for value in table[name]] for name in ("modelled", "headline")]
    text = {name: [str(value) for value in table[name]] for name in ("aim", "indicator", "measure", "unit")}
    ends = [[str(value) for value in table[name]] for name in ("definition", "reason")]
    return tuple(Indicator(*row) for row in zip(numbers, *text.values(), *flags, *ends, strict=True))


@cache
def descriptions() -> dict[str, tuple[str, str]]:
    """Return unit and description by measure of the results; a name may hold ``*`` for a part that varies."""
    table = read_table(_FOLDER / "measures.csv", _DESCRIPTIONS)
    rows = zip(table["measure"], table["unit"], table["description"], strict=True)
    return {str(name): (str(unit), str(text)) for name, unit, text in rows}


def describe(measure: str) -> tuple[str, str] | None:
    """Return unit and description of a measure of the results, None if the table has none."""
    table = descriptions()
    if measure in table:
        return table[measure]
    return next((row for name, row in table.items() if fnmatchcase(measure, name)), None)
