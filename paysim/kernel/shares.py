"""Shares of inhabitants in the states of a disease, followed along age."""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def shares_along_age(life, come, ratio, extra, flow, steps: int, most: float, result):  # type: ignore[no-untyped-def]
    """Fill `result` with the mean share in each state over each completed age, by the midpoint rule.

    Parameters
    ----------
    life
        Hazard of death of all inhabitants per year, ``[2, ages]``.
    come, ratio, extra
        New cases per inhabitant a year, excess of the hazard ratio of death over one, and further deaths per
        person-year, ``[ages, states, 2]``.
    flow
        Rates between states per person-year, from column to row, ``[ages, states, states, 2]``.
    steps
        Steps a year.
    most
        Largest share of people in any state: some stay well, where published rates would leave nobody.
    result
        ``[states, 2, ages]``, zero.
    """
    ages, states = come.shape[0], come.shape[1]
    p, middle, after, first = [come[0] * 0.0 for _ in range(4)]
    step = 1.0 / steps
    for age in range(ages):
        for _ in range(steps):
            _change(p, life[:, age], come[age], ratio[age], extra[age], flow[age], first)
            _shares(p, first, step / 2, most, middle)
            _change(middle, life[:, age], come[age], ratio[age], extra[age], flow[age], first)
            _shares(p, first, step, most, after)
            for k in range(states):
                for sex in range(2):
                    result[k, sex, age] += (p[k, sex] + after[k, sex]) * step / 2
                    p[k, sex] = after[k, sex]


@njit(cache=True, nogil=True)
def _change(p, life, come, ratio, extra, flow, result):  # type: ignore[no-untyped-def]
    """Fill `result` with the change a year of the shares `p` ``[states, 2]`` at one age."""
    states = len(p)
    for sex in range(2):
        beyond = relative = 0.0
        for k in range(states):
            beyond += p[k, sex] * extra[k, sex]
            relative += p[k, sex] * ratio[k, sex]
        without = max(life[sex] - beyond, 0.0) / (1.0 + relative)
        mean = 0.0
        for k in range(states):
            mean += p[k, sex] * (ratio[k, sex] * without + extra[k, sex])
        for k in range(states):
            moved = 0.0
            for other in range(states):
                moved += flow[k, other, sex] * p[other, sex]
            gap = ratio[k, sex] * without + extra[k, sex]
            result[k, sex] = come[k, sex] - p[k, sex] * (gap - mean) + moved


@njit(cache=True, nogil=True)
def _shares(p, change, step: float, most: float, result):  # type: ignore[no-untyped-def]
    """Fill `result` with the shares a step later, none below zero and together at most `most`."""
    states = len(p)
    for sex in range(2):
        total = 0.0
        for k in range(states):
            result[k, sex] = max(p[k, sex] + change[k, sex] * step, 0.0)
            total += result[k, sex]
        for k in range(states):
            result[k, sex] /= max(total / most, 1.0)
