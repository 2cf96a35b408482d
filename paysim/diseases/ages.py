"""From published age bands to single ages, keeping the totals of the bands.

Rates are log-linear between the middles of the bands; the levels at the middles are solved so that every band
total is kept. The same solver levels a hazard to what a cohort must produce.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from paysim.errors import DataError, Problem
from paysim.kernel.spec import AGES

SEXES = ("M", "F")
DAYS_30 = 30 / 364
"""Thirty days in model years of 52 weeks."""
FEWEST_PERSONS = 50
"""A cell with fewer persons borrows its level from its neighbours."""

_ROUNDS, _NO_GAP = 80, 1e-12


@dataclass(frozen=True)
class Bands:
    """Age bands, each from its first age to the one before the next band's; the last is open."""

    starts: tuple[int, ...]

    @property
    def of_age(self) -> np.ndarray:
        """Index of the band of every age, ``[111]``."""
        return np.searchsorted(np.array(self.starts), np.arange(AGES), side="right") - 1

    def sums(self, by_age: np.ndarray) -> np.ndarray:
        """Add up an array ``[2, 111]`` to ``[2, bands]``."""
        starts = np.minimum(np.array(self.starts), AGES - 1)
        return np.add.reduceat(np.asarray(by_age, float), starts, axis=1)

    def spread(self, by_band: np.ndarray) -> np.ndarray:
        """Give every age the value of its band: ``[2, bands]`` to ``[2, 111]``."""
        return np.asarray(by_band)[:, self.of_age]


FIVE_YEARS = Bands((0, 1, *range(5, 96, 5)))
TEN_YEARS = Bands((0, *range(30, 91, 10)))
"""The bands of the published admissions: 0-29, ten years each, 90 and over."""


def sex_index(sex: list[str]) -> np.ndarray:
    """Return 0 for M and 1 for F."""
    unknown = sorted(set(sex) - set(SEXES))
    if unknown:
        raise DataError(Problem("unknown sex", key="sex", found=unknown[0], allowed=SEXES))
    return np.array([SEXES.index(each) for each in sex])


def banded(table: Mapping[str, Any], column: str) -> tuple[Bands, np.ndarray]:
    """Return the bands of a table with columns sex, age_from, and its values ``[2, bands]``.

    Raises
    ------
    DataError
        If the two sexes have other bands, or the bands do not begin at age 0.
    """
    sex, start = sex_index(table["sex"]), np.asarray(table["age_from"], int)
    starts = np.unique(start)
    values = np.full((2, starts.size), np.nan)
    values[sex, np.searchsorted(starts, start)] = np.asarray(table[column], float)
    if np.isnan(values).any() or starts[0] != 0 or sex.size != values.size:
        raise DataError(Problem(f"{column}: every sex needs every age band once, from age 0 on", key="age_from"))
    return Bands(tuple(int(each) for each in starts)), values


def national_weights(table: Mapping[str, Any]) -> np.ndarray:
    """Return persons by sex and single age ``[2, 111]`` from five-year bands; the open band decays by age."""
    bands, persons = banded(table, "persons")
    weights = np.zeros((2, AGES))
    last = bands.starts[-1]
    for band, start in enumerate(bands.starts):
        ages = np.arange(start, bands.starts[band + 1] if start < last else AGES)
        shape = np.full(ages.size, 1.0) if start < last else 0.68 ** (ages - start)
        weights[:, ages] = persons[:, band, None] * shape / shape.sum()
    return weights


def fit_level(wanted: np.ndarray, amount: np.ndarray, bands: Bands, persons: np.ndarray | None = None) -> np.ndarray:
    """Return log multipliers by sex and age that bring `amount` to `wanted` in every band.

    Parameters
    ----------
    wanted
        ``[2, bands]``, totals to be met; cells that are not positive are left to their neighbours.
    amount
        ``[2, 111]``, what a multiplier of one produces at each age.
    persons
        ``[2, 111]``; bands with fewer than `FEWEST_PERSONS` are left to their neighbours.

    Returns
    -------
    numpy.ndarray
        ``[2, 111]``: piecewise linear between the middles of the bands, corrected by a constant per band for
        what the lines cannot meet. A sex without any usable band has one level for all ages, that of its total.
    """
    have = bands.sums(amount)
    usable = (wanted > 0) & (have > 0)
    if persons is not None:
        usable &= bands.sums(persons) >= FEWEST_PERSONS
    ages = np.arange(AGES, dtype=float)
    middle = np.divide(bands.sums(amount * (ages + 0.5)), have, out=np.zeros_like(have), where=have > 0)
    level = np.zeros((2, AGES))
    for s in range(2):
        k = np.flatnonzero(usable[s])
        if k.size == 0:
            some = have[s] > 0
            total = wanted[s, some].sum()
            level[s] = np.log(total / have[s, some].sum()) if total > 0 else 0.0
            continue
        nodes = np.log(wanted[s, k] / have[s, k])
        for _ in range(_ROUNDS):
            level[s] = np.interp(ages + 0.5, middle[s, k], nodes)
            gap = np.log(wanted[s, k] / bands.sums(amount * np.exp(level))[s, k])
            if np.abs(gap).max() < _NO_GAP:
                break
            nodes += 0.7 * gap
        rest = np.zeros(len(bands.starts))
        rest[k] = gap
        level[s] += rest[bands.of_age]
    return level


def smooth_rates(bands: Bands, rates: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return single-age rates ``[2, 111]`` whose weighted mean in every band is the published rate.

    Bands with a rate of zero stay zero.
    """
    wanted = rates * bands.sums(weights)
    smooth = np.exp(fit_level(wanted, weights, bands))
    return np.where(bands.spread(rates) > 0, smooth, 0.0)


def between_middles(bands: Bands, values: np.ndarray, last_width: int = 10) -> np.ndarray:
    """Return ``[2, 111]``: values linear between the middles of the bands, constant beyond the outer ones."""
    ends = (*bands.starts[1:], min(AGES, bands.starts[-1] + last_width))
    middle = (np.array(bands.starts) + np.array(ends)) / 2
    return np.stack([np.interp(np.arange(AGES) + 0.5, middle, row) for row in values])
