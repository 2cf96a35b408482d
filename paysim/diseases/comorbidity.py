"""How often one lasting disease comes with another, given the hazard ratio at which it begins.

A hazard ratio is about new cases among people who have the first disease already. It is not the odds ratio of having
both: most people with diabetes got it late, so that years at risk, and often the infarction itself, came before; and
those with both die sooner. What is left follows from a population whose rates never changed. Along age, with shares of
people with neither, the first, the second and both (0, a, b, ab), new cases A and B per inhabitant a year and r the
ratio::

    d p0 /da = - p0 (A' + B')           + p0  (m - m0)
    d pa /da =   p0 A' - pa r B'        + pa  (m - ma)
    d pb /da =   p0 B' - pb A'          + pb  (m - mb)
    d pab/da =   pa r B' + pb A'        + pab (m - mab)
    A' = A / (p0 + pb),  B' = B / (p0 + r pa)

m is the life table's mortality. Both diseases multiply mortality, or the second adds to it where it has deaths of its
own.
"""

from __future__ import annotations

import numpy as np

from paysim.kernel.spec import AGES

STEPS_PER_YEAR = 2
FEWEST = 1e-7
"""Share of inhabitants with either disease under which the odds ratio is that of its beginning, (1 + r) / 2."""


def log_odds_ratio(
    life: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    ratio: np.ndarray | float,
    mortality: tuple[np.ndarray | float, np.ndarray | float],
    *,
    own_deaths: bool = False,
) -> np.ndarray:
    """Return the log odds ratio ``[2, 111]`` of having the second disease, with the first against without.

    Parameters
    ----------
    life
        Hazard of death of all inhabitants per year, ``[2, 111]``.
    first, second
        New cases per inhabitant a year, ``[2, 111]``.
    ratio
        Hazard ratio of the second disease with the first.
    mortality
        Hazard ratios of death with the first and with the second.
    own_deaths
        Whether the second adds deaths of its own instead of multiplying those of the first.
    """
    r, of_first, of_second = (np.broadcast_to(np.asarray(x, float), (2, AGES)) for x in (ratio, *mortality))
    both = of_first + of_second - 1.0 if own_deaths else of_first * of_second
    p = np.zeros((4, 2))
    p[0] = 1.0
    result = np.log((1.0 + r) / 2.0)
    step = 1.0 / STEPS_PER_YEAR
    for age in range(AGES):
        times = np.stack([np.ones(2), of_first[:, age], of_second[:, age], both[:, age]])
        rates = first[:, age], second[:, age], life[:, age], r[:, age], times
        middle = p
        for k in range(STEPS_PER_YEAR):
            p = np.clip(p + step * _change(p + 0.5 * step * _change(p, *rates), *rates), 0.0, None)
            p /= p.sum(axis=0)
            if k == STEPS_PER_YEAR // 2 - 1:
                middle = p
        enough = middle.min(axis=0) > FEWEST
        odds = middle[3] * middle[0] / np.maximum(middle[1] * middle[2], FEWEST**2)
        result[enough, age] = np.log(odds[enough])
    return result


def _change(
    p: np.ndarray, first: np.ndarray, second: np.ndarray, life: np.ndarray, ratio: np.ndarray, times: np.ndarray
) -> np.ndarray:
    """Return the change per year of the shares with neither, the first, the second and both, ``[4, 2]``."""
    new_first = first / np.maximum(p[0] + p[2], FEWEST)
    new_second = second / np.maximum(p[0] + ratio * p[1], FEWEST)
    come = np.stack([p[0] * new_first, p[0] * new_second, p[1] * ratio * new_second, p[2] * new_first])
    moved = np.stack([-come[0] - come[1], come[0] - come[2], come[1] - come[3], come[2] + come[3]])
    return np.asarray(moved + p * life * (1.0 - times / (p * times).sum(axis=0)))


__all__ = ["log_odds_ratio"]
