"""Prices of different years brought to one, by an explicit table of consumer prices (`price_index.csv`).

An amount says of which year its euros are: ``{value: 36.61, year: 2024, ...}`` in a contract, ``EUR 2023 per FTE-year``
in the unit of a parameter. What says no year is in prices of the scenario's year already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from paysim.errors import DataError, Problem
from paysim.reading.tables import Column, read_table

FILE = Path(__file__).parent / "price_index.csv"
COUNTRIES = ("NL", "BE")
_EUROS_OF = re.compile(r"EUR ([0-9]{4})\b")


@dataclass(frozen=True)
class PriceLevel:
    """Prices of a country in a year.

    Attributes
    ----------
    country
        NL or BE.
    year
        Calendar year of the euros wanted.
    """

    country: str
    year: int

    def __post_init__(self) -> None:
        _index(self.country, self.year)

    def factor(self, year: int) -> float:
        """Return what one euro of another year is in euros of this one, by consumer prices.

        Raises
        ------
        DataError
            If the table does not have the year or the country.
        """
        return 1.0 if year == self.year else _index(self.country, self.year) / _index(self.country, year)

    def of_unit(self, unit: str) -> float:
        """Return the factor for values of a unit: 1 unless it begins with ``EUR`` and a year."""
        found = _EUROS_OF.match(unit)
        return self.factor(int(found[1])) if found else 1.0

    def named(self, unit: str) -> str:
        """Return the unit in euros of this year."""
        return _EUROS_OF.sub(f"EUR {self.year}", unit, count=1) if _EUROS_OF.match(unit) else unit


def price_years(country: str) -> tuple[int, ...]:
    """Return the years that the table has for a country, in rising order."""
    return tuple(sorted(year for name, year in _table() if name == country))


def _index(country: str, year: int) -> float:
    found = _table().get((country, year))
    if found is None:
        years = price_years(country)
        allowed = (f"{years[0]} to {years[-1]}",) if years else COUNTRIES
        what = f"no consumer prices of {country} in this year"
        raise DataError(Problem(what, file=FILE.name, key="price_year", found=str(year), allowed=allowed))
    return found


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, int], float]:
    columns = {
        "country": Column(str, levels=COUNTRIES),
        "year": Column(int, minimum=1900, maximum=2100),
        "index": Column(float, minimum=1.0, unit="2015 = 100"),
        "status": Column(str),
    }
    table = read_table(FILE, columns)
    keys = zip(table["country"], (int(year) for year in table["year"]), strict=True)
    return dict(zip(keys, (float(each) for each in table["index"]), strict=True))
