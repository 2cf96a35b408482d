"""The people of a region: a profile of published margins, and the synthesis that reproduces them.

``load_region`` reads a region, ``synthesize`` makes its people and practices, ``describe`` compares them with
the margins, ``write_population`` and ``read_population`` keep them in a file. ``import_population`` reads people from
elsewhere, ``write_people`` writes people for elsewhere.
"""

from paysim.population.describe import describe
from paysim.population.exporting import write_people
from paysim.population.importing import import_population
from paysim.population.plausibility import ImplausibleWarning, implausible
from paysim.population.profile import RegionProfile, load_region
from paysim.population.schema import COLUMNS, Population, Practice
from paysim.population.store import read_population, write_population
from paysim.population.synthesis import synthesize

__all__ = [
    "COLUMNS",
    "ImplausibleWarning",
    "Population",
    "Practice",
    "RegionProfile",
    "describe",
    "implausible",
    "import_population",
    "load_region",
    "read_population",
    "synthesize",
    "write_people",
    "write_population",
]
