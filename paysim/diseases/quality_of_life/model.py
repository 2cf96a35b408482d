"""Utility: disease-free utility by sex and age, less the decrements of the conditions a person has.

Norms already contain disease, so disease-free utility is solved: norm plus the mean decrement of the cohort's
cell, capped at one. Decrements add up.
"""

from __future__ import annotations

import numpy as np

from paysim.diseases.ages import FIVE_YEARS, sex_index
from paysim.diseases.cohort import Cohort
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters

CONDITIONS = ("diabetes", "prior_mi", "recent_mi", "prior_stroke", "recent_stroke")


def norms(params: Parameters) -> np.ndarray:
    """Return the population norm of utility, ``[2, 111]``: linear between the ages of the table."""
    table = params.table("quality_of_life.norms")
    sex, age, value = sex_index(table["sex"]), np.asarray(table["age"], float), np.asarray(table["utility"])
    result = np.zeros((2, AGES))
    for s in range(2):
        order = np.argsort(age[sex == s])
        result[s] = np.interp(np.arange(AGES), age[sex == s][order], value[sex == s][order])
    return result


def decrements(params: Parameters) -> dict[str, float]:
    """Return the change of utility per flag, negative."""
    return {flag: params[f"quality_of_life.{flag}"] for flag in CONDITIONS}


def base_utility(params: Parameters, cohort: Cohort) -> np.ndarray:
    """Return disease-free utility ``[2, 111]``: the cohort's mean by five-year band equals the norm."""
    loss = np.zeros(len(cohort))
    for flag, change in decrements(params).items():
        loss -= change * cohort.has(flag)
    persons, lost = FIVE_YEARS.sums(cohort.by_age()), FIVE_YEARS.sums(cohort.by_age(loss))
    mean = np.divide(lost, persons, out=np.zeros_like(lost), where=persons > 0)
    return np.asarray(np.minimum(norms(params) + FIVE_YEARS.spread(mean), 1.0))


def utilities(base: np.ndarray, change: dict[str, float], cohort: Cohort) -> np.ndarray:
    """Return every person's utility now, ``[n]``."""
    value = cohort.at(base).copy()
    for flag, each in change.items():
        value += each * cohort.has(flag)
    return value
