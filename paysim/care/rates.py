"""Rates by sex and single year of age from published bands.

A band gives a mean; a person has an age. The curve is log-linear between nodes at the middle of the bands,
and the nodes are moved until the mean over the standard population of every band is the published one. It is
continuous and positive, and does not overshoot as a polynomial would. Below the first and above the last node
it is level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from paysim.errors import DataError, ModelError, Problem
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters

Floats = NDArray[np.float64]

ROUNDS = 500
"""Rounds of moving the nodes; the means of the shipped bands are then exact to 1e-12."""


def standard_population(params: Parameters) -> Floats:
    """Return the population of the Netherlands ``[2, 111]`` by sex and age, persons.

    Five-year bands are spread evenly; the open band is spread over 95-99. Used as weights only.
    """
    table = params.table("care.standard_population")
    persons = np.zeros((2, AGES))
    for sex, low, high, count in zip(table["sex"], table["age_lo"], table["age_hi"], table["persons"], strict=True):
        last = min(int(high), int(low) + 4)
        persons["MF".index(sex), int(low) : last + 1] = count / (last + 1 - int(low))
    return np.maximum(persons, 1e-6)  # every age has a weight, so that every mean exists


def band_curve(low: Sequence[int], high: Sequence[int], value: Sequence[float], weight: Floats) -> Floats:
    """Return a curve ``[111]`` whose weighted mean over every band is the band's value.

    Parameters
    ----------
    low, high
        First and last completed age of each band, in order; the last band ends at 110.
    value
        Mean of each band, above zero, in any unit.
    weight
        ``[111]`` persons by age, above zero.

    Raises
    ------
    ModelError
        If the bands do not cover the ages once, a value is not above zero, or no curve fits.
    """
    first, last, target = np.asarray(low), np.asarray(high), np.asarray(value, dtype=np.float64)
    if first[0] != 0 or last[-1] != AGES - 1 or not np.array_equal(first[1:], last[:-1] + 1):
        raise ModelError(f"age bands do not cover 0 to {AGES - 1} once: {first.tolist()} to {last.tolist()}")
    if not (target > 0.0).all():
        raise ModelError(f"a rate must be above zero: {target.tolist()}")
    ages = np.arange(AGES)
    band = np.searchsorted(first, ages, side="right") - 1
    total = np.bincount(band, weight)
    middle = np.bincount(band, weight * (ages + 0.5)) / total
    nodes = target.copy()
    for _ in range(ROUNDS):
        curve = np.exp(np.interp(ages + 0.5, middle, np.log(nodes)))
        nodes *= target * total / np.bincount(band, weight * curve)
    if not np.allclose(np.bincount(band, weight * curve) / total, target, rtol=1e-6):
        raise ModelError(f"no smooth curve through the bands {target.tolist()}")
    return np.asarray(curve)


class Profiles:
    """The table of age profiles, one curve per measure.

    Parameters
    ----------
    params
        Care parameters with the table ``care.age_profiles``.
    population
        ``[2, 111]`` weights.
    """

    def __init__(self, params: Parameters, population: Floats) -> None:
        self._table: Mapping[str, Any] = params.table("care.age_profiles")
        self._measure = np.array(self._table["measure"])
        self.population = population

    def curve(self, measure: str) -> Floats:
        """Return the curve ``[111]`` of a measure.

        Raises
        ------
        DataError
            If the table has no row for it.
        """
        rows = np.flatnonzero(self._measure == measure)
        if not rows.size:
            raise DataError(Problem("the table of age profiles has no such measure", key=measure))
        low, high, value = (self._table[name][rows] for name in ("age_lo", "age_hi", "value"))
        return band_curve(low, high, value, self.population.sum(axis=0))

    def by_sex(self, measure: str, ratio: str) -> Floats:
        """Return a rate ``[2, 111]`` of mean `measure` over both sexes, women's being `ratio` times men's."""
        both, women_per_man = self.curve(measure), self.curve(ratio)
        share_women = self.population[1] / self.population.sum(axis=0)
        men = both / (1.0 - share_women + share_women * women_per_man)
        return np.stack([men, men * women_per_man])

    def mean(self, rate: Floats) -> float:
        """Return the mean of a rate ``[111]`` or ``[2, 111]`` over the standard population."""
        return float((self.population * rate).sum() / self.population.sum())
