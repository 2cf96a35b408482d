"""What a run is compared with: published values, each with its unit, tolerance, role, status and source.

Four tables are shipped beside this file. ``nl.csv`` and ``be.csv`` hold one published value a row, in the format that a
user's own file has too. ``tables.csv`` names tables of the package (life table, admissions, prevalences) whose rows are
targets as they stand, so that no number is written twice. ``standard_population.csv`` holds the people of whom a
published rate speaks: simulated rates are standardised to them by sex and age.
"""

from paysim.analysis.targets.model import (
    FOLDER,
    MEASURES,
    OPEN,
    RATES,
    SHARES,
    Target,
    split,
    standard_population,
)
from paysim.analysis.targets.reading import COLUMNS, read_targets
from paysim.analysis.targets.shipped import shipped_names, shipped_targets, years_of_life

__all__ = [
    "COLUMNS",
    "FOLDER",
    "MEASURES",
    "OPEN",
    "RATES",
    "SHARES",
    "Target",
    "read_targets",
    "shipped_names",
    "shipped_targets",
    "split",
    "standard_population",
    "years_of_life",
]
