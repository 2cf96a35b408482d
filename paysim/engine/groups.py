"""Who is counted where: the groups over which a run's outcomes are added up, once a year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paysim.accounting.concentration import TRUNCATED_AT
from paysim.contracts.settlement import SETTLED
from paysim.engine.model import Model
from paysim.kernel.records import CONDITIONS, TICKS_PER_YEAR, State
from paysim.kernel.spec import AGES

AGE_BANDS = (("0-17", 0), ("18-44", 18), ("45-64", 45), ("65-74", 65), ("75-84", 75), ("85+", 85))
SEXES = ("men", "women")
EDUCATION = ("low", "mid", "high")
FIVE_YEAR_BANDS = 20
CELLS = len(EDUCATION) * len(SEXES) * FIVE_YEAR_BANDS
"""Cells of education x sex x age in five-year bands, for what is standardised."""
EXTRA = (
    "person_years",
    "healthy_years",
    "qalys",
    "utility_lost",
    "deaths",
    "life_years_lost",
    "expected_deaths",
    "births",
    "arrivals",
    "departures",
    "gp_payments",
    *(f"settled_{line}" for line in SETTLED),
    "patient_payments",
    "standing_costs",
    "staff_lent",
    "programme_years",
    "programme_cost",
    "programme_payments",
    "payments_by_others",
    "clinic_tests",
    "hours_of_home_care",
    *(f"payments_above_{euro}" for euro in TRUNCATED_AT),
)
"""What is added up besides the quantities of services."""


@dataclass(frozen=True, eq=False)
class Groups:
    """All groups of all dimensions, numbered through.

    Attributes
    ----------
    dimensions
        Dimension -> its group names, in order.
    offsets
        First number of each dimension's groups.
    """

    dimensions: dict[str, tuple[str, ...]]
    offsets: dict[str, int]

    @property
    def size(self) -> int:
        """How many groups there are in all."""
        return sum(len(names) for names in self.dimensions.values())

    def codes(self, state: State, rows: np.ndarray, tick: int) -> np.ndarray:
        """Return the group numbers of people ``[rows, dimensions]``.

        Ages are those at `tick`, the middle of the year, for the living and the dead, so that person-years, deaths
        and the deaths expected of a group are of the same people.
        """

        def take(name: str) -> np.ndarray:  # one field at a time: a whole row is a kilobyte
            return np.asarray(state.people[name][rows].astype(np.int64))

        age = np.clip((tick - take("birth")) // TICKS_PER_YEAR, 0, AGES - 1)
        starts = np.array([start for _, start in AGE_BANDS])
        by_dimension = {
            "all": np.zeros(len(rows), np.int64),
            "age": np.searchsorted(starts, age, side="right") - 1,
            "sex": take("sex"),
            "education": take("education"),
            "municipality": take("municipality"),
            "practice": take("practice"),
            "origin": take("origin"),
            "condition": take("segment") % 3,
            "age_sex": take("sex") * FIVE_YEAR_BANDS + np.minimum(age // 5, FIVE_YEAR_BANDS - 1),
        }
        return np.column_stack([self.offsets[name] + by_dimension[name] for name in self.dimensions])


def cell_codes(state: State, rows: np.ndarray, tick: int) -> np.ndarray:
    """Return the numbers of people's cells of education, sex and age at `tick` ``[rows, 1]``; see `CELLS`."""
    take = {name: state.people[name][rows].astype(np.int64) for name in ("birth", "sex", "education")}
    band = np.clip((tick - take["birth"]) // TICKS_PER_YEAR // 5, 0, FIVE_YEAR_BANDS - 1)
    codes = (take["education"] * len(SEXES) + take["sex"]) * FIVE_YEAR_BANDS + band
    return np.asarray(codes[:, None])


def make_groups(model: Model) -> Groups:
    """Return the groups of a model."""
    population = model.population
    bands = [f"{5 * k}-{5 * k + 4}" for k in range(FIVE_YEAR_BANDS - 1)] + [f"{5 * (FIVE_YEAR_BANDS - 1)}+"]
    dimensions = {
        "all": ("all",),
        "age": tuple(name for name, _ in AGE_BANDS),
        "sex": SEXES,
        "education": EDUCATION,
        "municipality": tuple(population.municipalities),
        "practice": tuple(practice.name for practice in population.practices),
        "origin": tuple(practice.name for practice in population.practices),
        "condition": CONDITIONS,
        "age_sex": tuple(f"{sex} {band}" for sex in "MF" for band in bands),
    }
    offsets, first = {}, 0
    for name, names in dimensions.items():
        offsets[name] = first
        first += len(names)
    return Groups(dimensions, offsets)
