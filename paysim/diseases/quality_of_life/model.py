"""Utility: disease-free utility by sex and age, lowered by the conditions a person has.

Decrements ``d`` are losses against people of the same sex and age without the condition. Those of several
conditions combine by ``quality_of_life.combination``, with ``u0`` the disease-free utility of sex and age:

``additive``
    ``u = u0 - sum of d``
``multiplicative``
    ``u = u0 * product of (1 - d / reference)``: each condition leaves a share of what there is. ``reference`` is
    the utility of the people without the condition from whom ``d`` was measured, one number for all ages; somebody
    with one condition and ``u0 = reference`` loses ``d`` exactly.
``minimum``
    ``u = u0 - largest d``: the worst condition counts, further ones do not.

Never below zero. Source of the three: Ara and Wailoo 2011, NICE DSU Technical Support Document 12.

Norms already contain disease, so disease-free utility is solved: the mean utility of the cohort equals the norm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from paysim.diseases.ages import FIVE_YEARS, fit_level, sex_index
from paysim.diseases.cohort import Cohort
from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.kernel.spec import AGES
from paysim.kernel.tables import UTILITY_RULES
from paysim.parameters import Parameters

CONDITIONS = (
    *("diabetes", "microvascular", "angina", "prior_mi", "recent_mi"),
    *("prior_stroke", "recent_stroke", "pad", "heart_failure"),
    *("ckd_3a", "ckd_3b", "ckd_4", "ckd_5", "copd", "depression"),
    *("cancer_good", "cancer_mid", "cancer_poor", "recent_cancer", "cancer_survivor", "dementia", "dementia_severe"),
)
"""Flags that lower utility."""

ON_TOP_OF = {
    "recent_mi": ("prior_mi",),
    "recent_stroke": ("prior_stroke",),
    "recent_cancer": ("cancer_good", "cancer_mid", "cancer_poor"),
    "dementia_severe": ("dementia",),
}
"""A flag that marks a worse time of a condition -> the flags one of which is held as well."""

_ROUNDS, _CLOSE = 40, 1e-9


@dataclass(frozen=True)
class Combination:
    """How decrements combine: a rule of `UTILITY_RULES`, and the utility from which they were measured."""

    rule: str
    reference: float


@dataclass(frozen=True)
class BaseUtility:
    """Disease-free utility and how well it meets the norm.

    Attributes
    ----------
    utility
        ``[2, 111]``, at most 1.
    capped
        ``[2, bands]`` (`FIVE_YEARS`) whether the cap of 1 binds for anybody in the band.
    gap
        ``[2, bands]`` norm less mean utility of the cohort; zero unless the cap or the floor of utility binds.
    """

    utility: np.ndarray
    capped: np.ndarray
    gap: np.ndarray


def norms(params: Parameters) -> np.ndarray:
    """Return the population norm of utility, ``[2, 111]``: linear between the ages of the table."""
    table = params.table("quality_of_life.norms")
    sex, age, value = sex_index(table["sex"]), np.asarray(table["age"], float), np.asarray(table["utility"])
    result = np.zeros((2, AGES))
    for s in range(2):
        order = np.argsort(age[sex == s])
        result[s] = np.interp(np.arange(AGES), age[sex == s][order], value[sex == s][order])
    return result


def combination(params: Parameters) -> Combination:
    """Return how decrements combine.

    Raises
    ------
    ScenarioError
        If ``quality_of_life.combination`` is no rule.
    """
    rule, reference = params.get_text("quality_of_life.combination"), params["quality_of_life.reference_utility"]
    if rule not in UTILITY_RULES:
        near = nearest_name(rule, UTILITY_RULES)
        key = "quality_of_life.combination"
        raise ScenarioError(Problem("unknown rule", key=key, found=rule, allowed=UTILITY_RULES, nearest=near))
    return Combination(rule, reference)


def decrements(params: Parameters, flags: Iterable[str] = CONDITIONS) -> dict[str, float]:
    """Return the change of utility per flag as `utilities` and the engine take it, negative.

    Flags that mark a worse time of a condition (`ON_TOP_OF`) belong to that condition under every rule. With ``p``
    the decrement of the condition and ``q`` what the flag adds, both flags together lose ``p + q``: the flag's own
    decrement is ``q`` where they add up, ``q reference / (reference - p)`` where they multiply, and ``p + q`` where
    the larger counts.

    Parameters
    ----------
    flags
        Those of a model, in their order; flags without a decrement are left out.

    Raises
    ------
    ScenarioError
        If the rule is unknown, the reference utility lies below a decrement, or a decrement is a gain.
    """
    how = combination(params)
    loss = {flag: _loss(params, f"quality_of_life.{flag}") for flag in CONDITIONS}
    if how.reference <= max(loss.values()):
        key, found = "quality_of_life.reference_utility", str(how.reference)
        raise ScenarioError(Problem("lies below the decrement of a condition", key=key, found=found))
    own = dict(loss)
    for flag, conditions in ON_TOP_OF.items():
        p, q = float(np.mean([loss[each] for each in conditions])), loss[flag]
        own[flag] = {"additive": q, "multiplicative": q * how.reference / (how.reference - p), "minimum": p + q}[
            how.rule
        ]
    return {flag: -own[flag] for flag in flags if flag in own}


def _loss(params: Parameters, name: str) -> float:
    """Return the utility that a condition takes, 0 or more; what a draw puts a little above zero takes nothing."""
    value, row = params[name], params.row(name)
    if value > 0.0 and (row.low is None or row.high is None or value > row.high - row.low):
        raise ScenarioError(Problem("is a gain: a decrement of utility is 0 or below", key=name, found=f"{value:g}"))
    return max(0.0, -value)


def utilities(base: np.ndarray, change: Mapping[str, float], cohort: Cohort, how: Combination) -> np.ndarray:
    """Return every person's utility now, ``[n]``.

    The same operations in the same order as the engine's, so equal to the last bit when `change` is in the order of
    the model's flags.
    """
    loss, share = np.zeros(len(cohort)), np.ones(len(cohort))
    for flag, each in change.items():
        held, amount = cohort.has(flag), abs(each)
        if how.rule == "multiplicative":
            share[held] *= 1.0 - amount / how.reference
        elif how.rule == "minimum":
            loss[held] = np.maximum(loss[held], amount)
        else:
            loss[held] += amount
    best = cohort.at(base)
    return np.asarray(np.maximum(best * share if how.rule == "multiplicative" else best - loss, 0.0))


def solve_base_utility(params: Parameters, cohort: Cohort) -> BaseUtility:
    """Solve disease-free utility: the cohort's mean utility by sex and five-year band equals the norm's mean.

    The norm is multiplied by a factor that is log-linear in age between the middles of the bands. The wanted mean of
    disease-free utility is moved by what is missing until the mean utility fits; utility is nearly linear in it.
    """
    how, change, norm = combination(params), decrements(params), norms(params)
    persons = cohort.by_age()
    here, amount = FIVE_YEARS.sums(persons), persons * norm
    wanted = FIVE_YEARS.sums(amount)
    base, gap, target = norm, np.full_like(wanted, np.inf), wanted.copy()
    for _ in range(_ROUNDS):
        base = np.minimum(norm * np.exp(fit_level(target, amount, FIVE_YEARS)), 1.0)
        before, gap = gap, wanted - FIVE_YEARS.sums(cohort.by_age(utilities(base, change, cohort, how)))
        if (np.minimum(np.abs(gap), np.abs(gap - before)) <= _CLOSE * here).all():
            break  # met, or held back by the cap
        target = np.minimum(target + gap, here)
    capped = FIVE_YEARS.sums((persons > 0) & (base >= 1.0)) > 0
    return BaseUtility(base, capped, np.divide(gap, here, out=np.zeros_like(gap), where=here > 0))


def base_utility(params: Parameters, cohort: Cohort) -> np.ndarray:
    """Return disease-free utility ``[2, 111]``; see `solve_base_utility`."""
    return solve_base_utility(params, cohort).utility
