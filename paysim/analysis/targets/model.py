"""What a target is: one published value, what it is about, and how far from it a simulated value may lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from paysim.diseases.ages import national_weights
from paysim.kernel.spec import AGES
from paysim.reading import read_table

FOLDER = Path(__file__).parent
ROLES = ("calibrate", "check", "held_out")
STATUSES = ("found", "derived", "recalled", "assumed")
SEXES = ("M", "F", "all")
TOLERANCES = ("percent", "absolute", "standard_errors", "interval", "none")
AREAS = ("NL", "BE", "BE_flanders")
STANDARDS = ("national", "who")
RATES = ("per_1000", "per_100000", "count")
SHARES = ("proportion", "percent", "per_1000", "count")
FACTOR_UNITS = ("mmHg", "mmol/L", "kg/m2", "proportion")
OPEN = 120
"""Written as the last age of an open band."""


@dataclass(frozen=True)
class Measure:
    """What a target can be about.

    Attributes
    ----------
    names
        What the column `what` names: ``process``, ``flag``, ``factor``, ``threshold`` (such as ``bmi>=30``) or nothing.
    units
        Units a value may have.
    among
        Whether the column `among` names flags: the people of whom it speaks.
    """

    names: str
    units: tuple[str, ...]
    among: bool = False


_TIMES = ("30_days", "1_year", "5_years")
MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "incidence": Measure("process", RATES),  # events per person-year, fatal ones too
        "admissions": Measure("process", RATES),  # events that reach hospital
        "deaths": Measure("any process", RATES),  # of all causes, or in some processes
        "prevalence": Measure("flag", SHARES),  # people with at least one of the flags
        "multimorbidity": Measure("flag", SHARES),  # people with at least two of the flags
        "coverage": Measure("flag", SHARES, among=True),
        **{f"survival_{time}": Measure("process", ("proportion", "percent")) for time in _TIMES},
        **{f"case_fatality_{time}": Measure("process", ("proportion", "percent")) for time in _TIMES},
        "risk_10_years": Measure("process", ("proportion", "percent"), among=True),
        "smart2_risk": Measure("process", ("proportion", "percent"), among=True),  # over the years observed
        "life_expectancy": Measure("", ("years",)),  # at age_from
        "life_expectancy_gap_education": Measure("", ("years",)),  # high minus low, at age_from
        "mean_age_at_death": Measure("", ("years",)),
        "mean_risk_factor": Measure("factor", FACTOR_UNITS),
        "share_at_or_above": Measure("threshold", ("proportion", "percent")),
        "utility": Measure("", ("utility",)),
    }
)


@dataclass(frozen=True, eq=False)
class Target:
    """One published value, or one band of a published table.

    Attributes
    ----------
    what, among
        Names of processes, flags or a risk factor, see `MEASURES`.
    age_from, age_to
        Completed ages, both included; `OPEN` is open.
    value
        As published, in `unit`; None where `by_age` holds it.
    tolerance, tolerance_kind
        ``percent`` (as a share of the value), ``absolute`` (in the unit), ``standard_errors`` (of the simulated value),
        ``interval`` (from `low` to `high`), ``none`` (shown, not judged).
    standard
        Population to which the simulated value is standardised: the area's own, or that of the WHO.
    title
        What it is about, in words; made from measure and names when empty.
    role
        ``calibrate``: may be fitted; ``check``: order of magnitude; ``held_out``: never fitted.
    by_age
        ``[2, 111]`` rates, shares or means, compared at the simulated ages.
    """

    id: str
    section: str
    measure: str
    what: tuple[str, ...]
    among: tuple[str, ...]
    sex: str
    age_from: int
    age_to: int
    value: float | None
    unit: str
    tolerance: float | None
    tolerance_kind: str
    low: float | None
    high: float | None
    standard: str
    area: str
    year: str
    role: str
    status: str
    source: str
    why: str
    title: str = ""
    by_age: np.ndarray | None = field(default=None, repr=False)

    @property
    def sexes(self) -> tuple[int, ...]:
        """Codes of the sexes it speaks of."""
        return (0, 1) if self.sex == "all" else (SEXES.index(self.sex),)

    @property
    def cells(self) -> np.ndarray:
        """``[2, 111]`` booleans: the sexes and ages it speaks of."""
        inside = np.zeros((2, AGES), bool)
        inside[list(self.sexes), self.age_from : self.age_to + 1] = True
        return inside

    @property
    def weights(self) -> np.ndarray | None:
        """Persons of the standard population in these cells, ``[2, 111]``; None for an area without one: a region."""
        if self.standard == "national" and self.area not in AREAS:
            return None
        area = "who" if self.standard == "who" else self.area
        return np.asarray(standard_population(area) * self.cells)


@cache
def standard_population(area: str) -> np.ndarray:
    """Return persons by sex and single age, ``[2, 111]``, of an area of `AREAS` or of the ``who`` standard."""
    columns = {"area": str, "sex": str, "age_from": int, "age_to": int, "persons": float}
    table = read_table(FOLDER / "standard_population.csv", columns)
    rows = [k for k, name in enumerate(table["area"]) if name == area]
    found = national_weights({name: [table[name][k] for k in rows] for name in ("sex", "age_from", "persons")})
    found.flags.writeable = False
    return found


def split(text: str) -> tuple[str, ...]:
    """Return the names joined by ``|``."""
    return tuple(part.strip() for part in text.split("|") if part.strip())
