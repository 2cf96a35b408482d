"""The national life table as hazards, and how relative differences in mortality fade with age."""

from __future__ import annotations

import numpy as np

from paysim.diseases.ages import sex_index
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters


def life_table_hazard(params: Parameters) -> np.ndarray:
    """Return the hazard ``-ln(1 - q)`` of the national life table per person-year, ``[2, 111]``."""
    table = params.table("mortality.life_table")
    sex, age = sex_index(table["sex"]), np.asarray(table["age"], int)
    hazard = np.full((2, AGES), np.nan)
    hazard[sex, age] = -np.log1p(-np.minimum(np.asarray(table["qx"], float), 0.999))
    last = int(age.max())
    beyond = np.arange(last + 1, AGES) - last
    hazard[:, last + 1 :] = hazard[:, [last]] * np.exp(params["mortality.oldest_age_growth"] * beyond)
    return hazard


def fading(params: Parameters) -> np.ndarray:
    """Return the share of a relative mortality difference that is left at each age, ``[111]``."""
    p = params.group("mortality")
    ages = [p["fade_from_age"], p["fade_to_age"]]
    return np.asarray(np.interp(np.arange(AGES), ages, [1.0, p["fade_to_share"]]))


def faded(params: Parameters, ratio: float) -> np.ndarray:
    """Return a hazard ratio of death that fades with age, ``[2, 111]``."""
    return np.broadcast_to(np.exp(np.log(ratio) * fading(params)), (2, AGES))
