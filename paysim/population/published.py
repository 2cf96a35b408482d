"""Published levels that are compared with the people of a region and used for nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from paysim.population.profile import NATIONAL
from paysim.population.schema import EDUCATION
from paysim.reading import Column, read_table

_COLUMNS = {
    "trait": Column(str),
    "among": Column(str),
    "sex": Column(str, levels=("both", "M", "F")),
    "age_from": Column(int, 0, 110, unit="years"),
    "age_to": Column(int, 0, 150, unit="years"),
    "education": Column(str, levels=("all", *EDUCATION)),
    "value": Column(float, 0.0, 1.0, unit="proportion"),
    "bound": Column(str, levels=("equal", "at_least", "at_most")),
    "role": Column(str, levels=("fitted", "derived")),
    "year": Column(int, 1990, 2100),
    "source": Column(str),
    "status": Column(str, levels=("found", "derived", "recalled", "assumed")),
}


@dataclass(frozen=True)
class Level:
    """A published share of people with a trait.

    Attributes
    ----------
    trait, among
        Names of `paysim.population.joint.TRAITS`; among ``all`` is among everybody.
    value
        Proportion.
    bound
        Whether the share should equal the value or lies on one side of it.
    role
        ``fitted`` where the synthesis imposes it, else ``derived``.
    """

    trait: str
    among: str
    sex: str
    age_from: int
    age_to: int
    education: str
    value: float
    bound: Literal["equal", "at_least", "at_most"]
    role: Literal["fitted", "derived"]
    year: int
    source: str
    status: str


def published_levels(country: str) -> list[Level]:
    """Return the published levels of a country, ``NL`` or ``BE``, in the order of its file."""
    columns: dict[str, Any] = read_table(NATIONAL / country.lower() / "published.csv", _COLUMNS)
    cells = {name: list(map(rule.type, columns[name])) for name, rule in _COLUMNS.items()}
    return [Level(**dict(zip(cells, row, strict=True))) for row in zip(*cells.values(), strict=True)]
