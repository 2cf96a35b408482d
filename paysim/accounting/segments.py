"""The 24 groups of people that contracts and providers tell apart.

A segment is an age band, whether the person lives in a deprived area, and a condition::

    segment = (age_band * 2 + deprived) * 3 + condition

The age bands are those of the Dutch registration fee (under 65, 65-74, 75-84, 85 and over). A person with
both diabetes and vascular disease counts under diabetes, as in the Dutch chronic-care programmes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

AGE_BAND_FROM = (0, 65, 75, 85)
"""First completed age of each band, in years; the last band is open."""

AGE_BAND_NAMES = ("under 65", "65-74", "75-84", "85 and over")
CONDITIONS = ("none", "vascular", "diabetes")
"""Condition by code. Vascular means cardiovascular disease or a registered high risk of it."""

SEGMENTS = len(AGE_BAND_FROM) * 2 * len(CONDITIONS)

SEXES = ("men", "women")
FINE_AGE_FROM = tuple(range(0, 100, 5))
"""First completed age of the five-year bands by which some terms tell people of a segment apart; the last is open."""

AGE_SEX = len(SEXES) * len(FINE_AGE_FROM)
"""Cells of sex and five-year band: sex * 20 + band."""


def segment_code(age: ArrayLike, deprived: ArrayLike, condition: ArrayLike) -> NDArray[np.int64]:
    """Return the segment of each person.

    Parameters
    ----------
    age
        ``[n]`` age in years, completed or with a fraction.
    deprived
        ``[n]`` 1 or True in a deprived area.
    condition
        ``[n]`` position in `CONDITIONS`.

    Returns
    -------
    ndarray
        ``[n]`` codes from 0 to 23.
    """
    band = np.searchsorted(AGE_BAND_FROM, np.asarray(age), side="right") - 1
    code = (band * 2 + np.asarray(deprived, dtype=np.int64)) * len(CONDITIONS) + np.asarray(condition)
    return np.asarray(code, dtype=np.int64)


def age_sex_code(age: ArrayLike, sex: ArrayLike) -> NDArray[np.int64]:
    """Return the cell of sex and five-year band ``[n]`` of each person, from age in years and position in `SEXES`."""
    band = np.searchsorted(FINE_AGE_FROM, np.asarray(age), side="right") - 1
    return np.asarray(np.asarray(sex, dtype=np.int64) * len(FINE_AGE_FROM) + band, dtype=np.int64)


def condition_code(diabetes: ArrayLike, vascular: ArrayLike) -> NDArray[np.int64]:
    """Return the condition of each person from two ``[n]`` indicators; diabetes wins over vascular."""
    code = np.where(np.asarray(diabetes, dtype=bool), 2, np.where(np.asarray(vascular, dtype=bool), 1, 0))
    return code.astype(np.int64)


def _columns() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    code = np.arange(SEGMENTS)
    columns = (code // (2 * len(CONDITIONS)), code // len(CONDITIONS) % 2, code % len(CONDITIONS))
    for column in columns:
        column.flags.writeable = False
    return columns


SEGMENT_AGE_BAND, SEGMENT_DEPRIVED, SEGMENT_CONDITION = _columns()
"""``[24]`` age band, deprivation (0 or 1) and condition of each segment."""

SEGMENT_NAMES = tuple(
    f"{AGE_BAND_NAMES[band]}, {'deprived' if deprived else 'not deprived'}, {CONDITIONS[condition]}"
    for band, deprived, condition in zip(SEGMENT_AGE_BAND, SEGMENT_DEPRIVED, SEGMENT_CONDITION, strict=True)
)
