"""Which random stream a trait of a person or a practice uses.

A draw is a pure function of (seed, person or practice, trait). The domains take the place of the replicate
number, far above any replicate in use, so that no trait shares a draw with an event of the engine. Numbers
here are never reused: changing one changes everybody.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from scipy.special import ndtri  # type: ignore[import-untyped,unused-ignore]

from paysim.kernel.streams import person_keys, run_key, uniforms

_DOMAIN = 1 << 40


class Domain(IntEnum):
    """What a key stands for."""

    PLACEMENT = _DOMAIN
    PERSON = _DOMAIN + 1
    PRACTICE = _DOMAIN + 2


class Trait(IntEnum):
    """Process number of each trait; the occurrence is 0 unless stated."""

    PLACE = 0
    AGE = 1
    EDUCATION = 2
    DEPRIVED = 3
    SMOKER = 4
    DIABETES = 5
    PRIOR_MI = 6
    PRIOR_STROKE = 7
    RISK_FACTOR = 8  # occurrences 0..3
    BP_DRUGS = 9
    SECOND_BP_DRUG = 10
    STATIN = 11
    ENROLLED = 12
    FRAILTY = 13
    INSURER = 14
    PRACTICE_SIZE = 15
    LIST_SIZE = 16
    PRACTICE_DEPRIVED = 17
    EX_SMOKER = 18
    PREFERENTIAL = 19
    CONDITION = 20  # occurrence: number of the column's name, `stream_key`
    TREATMENT = 21  # as above
    MUNICIPALITY = 22  # of imported people whose place is not known


def keys(seed: int, domain: Domain, numbers: np.ndarray) -> np.ndarray:
    """Return one key for each person or practice number."""
    return person_keys(run_key(seed, int(domain)), numbers)


def uniform(keys_: np.ndarray, trait: Trait, occurrence: int = 0) -> np.ndarray:
    """Return uniforms on (0, 1), one per key."""
    return uniforms(keys_, int(trait), occurrence)


def normal(keys_: np.ndarray, trait: Trait, occurrence: int = 0) -> np.ndarray:
    """Return standard normals, one per key."""
    return np.asarray(ndtri(uniform(keys_, trait, occurrence)))
