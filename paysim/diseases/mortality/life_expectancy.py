"""Years of life left by the national life table: what a death costs in life years."""

from __future__ import annotations

import numpy as np

from paysim.kernel.spec import AGES


def years_left(hazard: np.ndarray) -> np.ndarray:
    """Return remaining life expectancy at every birthday, ``[2, 111]`` years.

    With the hazard ``h`` constant within a year of age, ``e(a) = (1 - exp(-h)) / h + exp(-h) e(a + 1)``; the last
    age is open, ``e = 1 / h``.

    Parameters
    ----------
    hazard
        Per person-year by sex and completed age, ``[2, 111]``, positive; see
        `paysim.diseases.mortality.model.life_table_hazard`.
    """
    left = np.empty((2, AGES))
    left[:, -1] = 1.0 / hazard[:, -1]
    for age in range(AGES - 2, -1, -1):
        h = hazard[:, age]
        left[:, age] = -np.expm1(-h) / h + np.exp(-h) * left[:, age + 1]
    return left


def years_left_at(hazard: np.ndarray, left: np.ndarray, sex: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Return remaining life expectancy of people of an exact age, ``[n]`` years, undiscounted.

    Parameters
    ----------
    hazard, left
        ``[2, 111]``, `left` from `years_left` of `hazard`.
    sex
        ``[n]`` 0 or 1.
    age
        ``[n]`` years with fraction, 0 or more.
    """
    year = np.minimum(np.floor(age), AGES - 1).astype(np.int64)
    rest = np.where(year < AGES - 1, year + 1 - np.asarray(age, float), np.inf)
    h, then = hazard[sex, year], left[sex, np.minimum(year + 1, AGES - 1)]
    survive = np.exp(-h * rest)
    return np.asarray((1.0 - survive) / h + survive * then)
