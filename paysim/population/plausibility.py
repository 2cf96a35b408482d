"""Who in a population is hardly possible: notes, no errors, because a registry may be right.

Ages are orders of magnitude (assumed): below them the condition as the model means it is all but unknown, and a
mistaken column or code is the likelier cause.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from paysim.population.schema import Population


class ImplausibleWarning(UserWarning):
    """Imported people are hardly possible."""


YOUNGEST = MappingProxyType(
    {"smoker": 12, "ex_smoker": 12}
    | {"diabetes": 11, "depression": 8, "heart_failure": 18, "copd": 25, "pad": 25, "ckd": 11, "cancer": 1}
    | {"prior_mi": 20, "angina": 20, "prior_stroke": 16, "dementia": 35, "nursing_home": 35}
    | {"statin": 11, "bp_drugs": 11, "antiplatelet": 16, "enrolled": 16}
)
"""Age from which each trait is met at all, but for a person in thousands."""

SHARE = 0.001
"""Of all people of these ages: from here on it is said."""


def implausible(population: Population) -> list[str]:
    """Return one sentence for each trait that too many people have who are too young for it.

    Parameters
    ----------
    population
        People of a region, imported ones most of all.
    """
    notes = []
    for name, youngest in YOUNGEST.items():
        young = population.completed_age < youngest
        found = int(np.count_nonzero(young & (getattr(population, name) > 0)))
        if found > max(1.0, SHARE * np.count_nonzero(young)):
            of = int(np.count_nonzero(young))
            notes.append(f"{found:,} of {of:,} people under {youngest} have {name}: is the column what it says?")
    return notes
