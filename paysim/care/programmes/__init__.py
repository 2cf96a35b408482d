"""Programmes of population health management: who is found, invited and helped, by whom, at what cost, to what effect.

A programme is one file of `programmes/`. It carries effects of *care* with their sources, never effects of a way of
paying.
"""

from paysim.care.programmes.model import (
    AIMS,
    COUNTS,
    EDUCATION,
    IN_PRACTICES,
    PAYERS,
    PROFESSIONS,
    PROVIDERS,
    SCORES,
    Deliver,
    Effects,
    Identify,
    Improve,
    Invite,
    Prices,
    Programme,
    ProgrammeUse,
    Tier,
)
from paysim.care.programmes.reading import ASSESSMENT, STAFF, programme_parameters, read_programme, settled
from paysim.care.programmes.rounds import Rounds
from paysim.care.programmes.tables import Added, with_programmes

__all__ = [
    "AIMS",
    "ASSESSMENT",
    "COUNTS",
    "EDUCATION",
    "IN_PRACTICES",
    "PAYERS",
    "PROFESSIONS",
    "PROVIDERS",
    "SCORES",
    "STAFF",
    "Added",
    "Deliver",
    "Effects",
    "Identify",
    "Improve",
    "Invite",
    "Prices",
    "Programme",
    "ProgrammeUse",
    "Rounds",
    "Tier",
    "programme_parameters",
    "read_programme",
    "settled",
    "with_programmes",
]
