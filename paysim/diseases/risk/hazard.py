"""From a risk within ten years to hazards year by year.

An equation gives the risk ``R(a)`` of a person of age ``a`` within the next ``n`` years, so the cumulative hazard
over them is ``H(a) = -ln(1 - R(a))``. How it is spread over the years follows from the same equation one year
later, all else held: ``g = ln H(a+1) - ln H(a)`` is the growth of the person's hazard with age, and::

    h_k = H(a) exp(g k) (exp(g) - 1) / (exp(g n) - 1),   k = 0 .. n-1,   sum of h_k = H(a)

is the hazard in the k-th year. At every birthday the equation is asked again with the risk factors of that
moment, and only ``h_0`` is used. Where ``ln H`` is linear in age, as in SCORE2 and SCORE2-OP, ten such hazards
with risk factors held add up to ``H(a)`` exactly; elsewhere nearly.

Equations adjusted for competing deaths give the risk of people who may die of something else first; their hazard
is then that of the subdistribution, a little below the hazard of those still alive.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_FLAT = 1e-9
"""A growth rate below which the hazard is spread evenly."""


def cumulative_hazard(risk: np.ndarray) -> np.ndarray:
    """Return ``-ln(1 - risk)``."""
    return np.asarray(-np.log1p(-np.asarray(risk, float)))


def risk_within(hazards: np.ndarray) -> np.ndarray:
    """Return the risk after yearly hazards ``[years, ...]``: ``1 - exp(-sum)``."""
    return np.asarray(-np.expm1(-np.asarray(hazards, float).sum(axis=0)))


def yearly_hazards(risk: np.ndarray, risk_next: np.ndarray, years: int = 10) -> np.ndarray:
    """Spread a risk over the years ahead.

    Parameters
    ----------
    risk
        Risk within `years` from now, each in (0, 1).
    risk_next
        The same person's risk within `years` from the next birthday, risk factors held.
    years
        How far the equation looks ahead.

    Returns
    -------
    numpy.ndarray
        ``[years, ...]`` mean hazards of each year, per person-year; their sum is ``-ln(1 - risk)``.
    """
    total = cumulative_hazard(risk)
    growth = np.asarray(np.log(cumulative_hazard(risk_next) / total))
    steep = np.where(np.abs(growth) < _FLAT, 1.0, growth)
    first = np.where(np.abs(growth) < _FLAT, 1.0 / years, np.expm1(steep) / np.expm1(steep * years))
    k = np.arange(years).reshape(-1, *(1,) * growth.ndim)
    return np.asarray(total * first * np.exp(growth * k))


def hazard_now(risk: np.ndarray, risk_next: np.ndarray, years: int = 10) -> np.ndarray:
    """Return the hazard until the next birthday, per person-year; see `yearly_hazards`."""
    return np.asarray(yearly_hazards(risk, risk_next, years)[0])


def refreshed(risk_at: Callable[[int], np.ndarray], birthdays: int, years: int = 10) -> np.ndarray:
    """Return yearly hazards when the equation is asked again at every birthday.

    Parameters
    ----------
    risk_at
        Birthdays from now -> the risk within `years` from then, with the risk factors of then.
    birthdays
        How many years to follow the person.

    Returns
    -------
    numpy.ndarray
        ``[birthdays, ...]``, per person-year. What follows one birthday depends on the equation at that birthday
        and one year on.
    """
    risks = [risk_at(k) for k in range(birthdays + 1)]
    return np.stack([hazard_now(risks[k], risks[k + 1], years) for k in range(birthdays)])
