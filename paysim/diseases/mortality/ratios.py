"""What multiplies background mortality, so that all deaths of people with a disease are as its hazard ratio says.

A published hazard ratio of death is one of all causes, against people of the same sex and age without the disease.
Part of it comes by events and by other diseases that such people have more often; and background mortality is but a
third of all deaths. Multiplied by the ratio itself it gives more for diabetes and less for kidney failure than is
stated. So for every disease is solved, on the people at base,

    deaths of those who have it = sum over them of  ratio(age) x mortality of the others of their sex and age

together with the level at which all deaths are those of the life table. People in the year after an infarction or
stroke die as published instead: their excess is what other causes leave of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paysim.diseases.ages import FIVE_YEARS, fit_level
from paysim.diseases.cohort import Cohort
from paysim.kernel.spec import AGES

PASSES = 8
"""Ratios and levels depend on each other; more passes change them by less than a thousandth."""
LEAN = 100.0
"""Persons' weight with which a disease that few have leans on all diseases together."""
LEAN_FIRST_YEAR = 30.0
"""The same for the year after an event, which leans on the excess over the life table."""
MOST = 3.0
"""Largest logarithm of what multiplies the background."""
STEP = 0.5
LEAST_EXCESS = 0.1
"""Share of the excess after an event, as the ratio alone would give it, that always remains."""


@dataclass(frozen=True)
class Hazards:
    """Hazards of death per person-year before anything is solved.

    Attributes
    ----------
    fixed
        ``[n]`` in events and by rows with a level of their own.
    background
        ``[n]`` without any disease, before levelling.
    life
        ``[2, 111]`` of the life table.
    floor
        Least background mortality as a share of the life table.
    """

    fixed: np.ndarray
    background: np.ndarray
    life: np.ndarray
    floor: float


@dataclass(frozen=True)
class Group:
    """People with a disease.

    Attributes
    ----------
    who
        Their rows in the cohort.
    log_ratio
        Logarithm of their hazard ratio of death, before it fades.
    apart
        Rows of those with whom they are not compared: all who have the disease, in any of its forms.
    """

    who: np.ndarray
    log_ratio: float
    apart: np.ndarray


@dataclass(frozen=True)
class Excess(Group):
    """People later than a year after an event.

    Attributes
    ----------
    multiple
        Of each of `who`, what part of their background is excess before it is solved.
    """

    multiple: np.ndarray


@dataclass(frozen=True)
class FirstYear:
    """People within a year of an event: their rows, and their published mortality from any cause."""

    who: np.ndarray
    published: np.ndarray


@dataclass(frozen=True)
class Solved:
    """Logarithms to be added.

    Attributes
    ----------
    level
        Of background mortality, ``[2, 111]``.
    ratios
        Of background mortality for each `Group`.
    excess, first_year
        Of each `Excess` and `FirstYear`.
    shortfall
        Deaths a year by which the model exceeds the life table for the floor, ``[2, bands]``.
    """

    level: np.ndarray
    ratios: list[float]
    excess: list[float]
    first_year: list[float]
    shortfall: np.ndarray


def solve(
    cohort: Cohort,
    deaths: Hazards,
    fade: np.ndarray,
    groups: Sequence[Group],
    excesses: Sequence[Excess],
    first_years: Sequence[FirstYear],
) -> Solved:
    """Solve levels and ratios on a cohort; `fade` is the share of a log ratio that is left by age, ``[111]``."""
    people = _People(cohort, fade)
    persons = cohort.by_age()
    total = FIVE_YEARS.sums(persons * deaths.life)
    level, shortfall = np.zeros((2, AGES)), np.zeros_like(total)
    ratios = [each.log_ratio for each in groups]
    more, factor = [0.0] * len(excesses), [0.0] * len(first_years)
    for step in range(PASSES + 1):
        elsewhere, by_flags, multiple = deaths.fixed.copy(), np.zeros(len(cohort)), np.ones(len(cohort))
        for x, year in zip(factor, first_years, strict=True):
            elsewhere[year.who] += np.exp(x) * year.published
        for x, group in zip(ratios, groups, strict=True):
            by_flags[group.who] += x
        for x, excess in zip(more, excesses, strict=True):
            multiple[excess.who] += np.exp(x) * excess.multiple
        background = deaths.background * np.exp(by_flags * people.left)
        left = total - FIVE_YEARS.sums(cohort.by_age(elsewhere))
        amount = cohort.by_age(background * multiple)
        level = fit_level(np.maximum(left, deaths.floor * total), amount, FIVE_YEARS, persons)
        shortfall = np.maximum(deaths.floor * total - left, 0.0)
        if step == PASSES:
            break  # with the level of the last ratios
        background *= np.exp(cohort.at(level))
        relative = background * multiple
        everything = elsewhere + relative
        mean = _Mean(people, everything)
        ratios = _ratios(people, groups, ratios, everything, relative, mean)
        more = [
            x + _more(people, each, x, everything, background, mean) for x, each in zip(more, excesses, strict=True)
        ]
        factor = [
            _first_year(people, each, everything - _at(each.who, np.exp(x) * each.published, len(cohort)), deaths.life)
            for x, each in zip(factor, first_years, strict=True)
        ]
    return Solved(level, ratios, more, factor, shortfall)


def _at(rows: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    found = np.zeros(size)
    found[rows] = values
    return found


class _People:
    """Sums over rows of a cohort."""

    def __init__(self, cohort: Cohort, fade: np.ndarray) -> None:
        self.cell = cohort.sex.astype(np.int64) * AGES + cohort.age
        self.weight = np.ones(len(cohort)) if cohort.weight is None else cohort.weight
        self.left = fade[cohort.age]

    def total(self, rows: np.ndarray, amount: np.ndarray | float = 1.0) -> float:
        """Add up an amount of each of the rows."""
        return float((self.weight[rows] * amount).sum())

    def by_band(self, rows: np.ndarray | slice, amount: np.ndarray | float = 1.0) -> np.ndarray:
        """Add up an amount of each of the rows by sex and five years of age, ``[2, bands]``."""
        counted = np.bincount(self.cell[rows], self.weight[rows] * amount, minlength=2 * AGES)
        return FIVE_YEARS.sums(counted.reshape(2, AGES))


class _Mean:
    """Mean hazard of death of everybody but some, by sex and five years of age."""

    def __init__(self, people: _People, hazard: np.ndarray) -> None:
        self._people, self._hazard = people, hazard
        self._at_risk, self._dying = people.by_band(slice(None)), people.by_band(slice(None), hazard)

    def wanted(self, group: Group) -> float:
        """Return the deaths a year of a group that dies at its ratio to all others of the same sex and age."""
        people, apart = self._people, group.apart
        at_risk = self._at_risk - people.by_band(apart)
        dying = self._dying - people.by_band(apart, self._hazard[apart])
        mean = FIVE_YEARS.spread(np.divide(dying, at_risk, out=np.zeros_like(dying), where=at_risk > 1e-6)).ravel()
        ratio = np.exp(group.log_ratio * people.left[group.who])
        return people.total(group.who, ratio * mean[people.cell[group.who]])


def _ratios(
    people: _People,
    groups: Sequence[Group],
    ratios: Sequence[float],
    everything: np.ndarray,
    relative: np.ndarray,
    mean: _Mean,
) -> list[float]:
    """Take a step of Newton for every group; groups of few people lean on all together."""
    sizes = [people.total(each.who) for each in groups]
    found = []
    for each, x in zip(groups, ratios, strict=True):
        gap = mean.wanted(each) - people.total(each.who, everything[each.who])
        slope = people.total(each.who, relative[each.who] * people.left[each.who])
        found.append(x + float(np.clip(gap / slope, -STEP, STEP)) if slope > 0 else x)
    stated = sum(n * each.log_ratio for n, each in zip(sizes, groups, strict=True))
    of_all = sum(n * x for n, x in zip(sizes, found, strict=True)) / stated if stated > 0 else 1.0
    usual = [of_all * each.log_ratio for each in groups]
    leaned = [(n * x + LEAN * u) / (n + LEAN) for n, x, u in zip(sizes, found, usual, strict=True)]
    return [float(np.clip(x, 0.0, MOST)) for x in leaned]


def _more(
    people: _People, each: Excess, value: float, everything: np.ndarray, background: np.ndarray, mean: _Mean
) -> float:
    """Return the step by which the logarithm of the excess after an event grows."""
    plain = people.total(each.who, background[each.who] * each.multiple)  # what the ratio alone would give
    have = np.exp(value) * plain
    if have <= 0:
        return 0.0
    gap = mean.wanted(each) - people.total(each.who, everything[each.who])
    wanted = max(have + gap, LEAST_EXCESS * plain)
    n = people.total(each.who)
    return float(np.clip(np.log(wanted / have), -STEP, STEP)) * n / (n + LEAN)


def _first_year(people: _People, each: FirstYear, elsewhere: np.ndarray, life: np.ndarray) -> float:
    """Return the logarithm of the share of published mortality in the first year that other causes leave."""
    published = people.total(each.who, each.published)
    if published <= 0:
        return 0.0
    n, usual = people.total(each.who), people.total(each.who, life.ravel()[people.cell[each.who]])
    by_life = max(1.0 - usual / published, LEAST_EXCESS)
    by_others = max(1.0 - people.total(each.who, elsewhere[each.who]) / published, LEAST_EXCESS)
    return float(np.log((n * by_others + LEAN_FIRST_YEAR * by_life) / (n + LEAN_FIRST_YEAR)))
