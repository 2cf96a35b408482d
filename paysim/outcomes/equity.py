"""Equity by education: levels that do not depend on the groups' ages, and indices of inequality over them.

Life expectancy is that of a period life table in bands of five years with constant hazards,

    L_a = l_a (1 - exp(-5 m_a)) / m_a,    l_{a+5} = l_a exp(-5 m_a),    m_a = deaths / person-years,

the last band open, both sexes together. Quality-adjusted life expectancy weighs each L_a with the mean utility of the
band (Sullivan 1971). Other levels are standardised directly: rates of bands of sex and age, weighted by the
denominators of all levels of education together, over the bands in which every level has somebody. Indices:
`paysim.outcomes.inequality`, over shares of education in the denominator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from paysim.outcomes import inequality, spending
from paysim.outcomes.protocol import Counted, Measure

_BAND = 5.0
_GROUPS = ("all", "education")
_INDEX_UNITS = {"slope_index": "", "relative_index": "ratio to the mean", "concentration_index": "index -1 to 1"}


@dataclass(frozen=True)
class _Rate:
    """A level by education: `top` over `bottom`, columns of the cells, times `scale`."""

    name: str
    unit: str
    top: str
    bottom: str
    scale: float = 1.0


_RATES = (
    _Rate("ascvd_prevalence", "per 1,000 persons, standardised", "ascvd_persons", "persons", 1e3),
    _Rate("ldl_at_target", "% of people with ASCVD, standardised", "ascvd_ldl_at_target", "ascvd_persons", 1e2),
    _Rate("avoidable_admission_rate", "per 100,000, standardised", "avoidable_admissions", "person_years", 1e5),
    _Rate("spending_per_head", "EUR per head per year, standardised", "spending_total", "person_years"),
)


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield levels by education, their indices of inequality, and equally distributed equivalents."""
    cells = replace(counted, groups=counted.arrays["cells"])
    paid = next(each for each in spending.measures(cells) if each.name == "spending_total").values

    def of(column: str) -> np.ndarray:
        """Return a column ``[Y + 1, education, sex x age]``: of every year, and at last of all together."""
        values = paid if column == "spending_total" else cells.column(column)
        values = np.concatenate([values, values.sum(axis=0, keepdims=True)])
        return values.reshape(len(values), len(counted.dimensions["education"]), -1)

    lived, deaths, qalys = of("person_years"), of("deaths"), of("qalys")
    moments = range(len(lived))
    for name, unit, quality in (
        ("life_expectancy", "years", lived),
        ("quality_adjusted_life_expectancy", "QALY", qalys),
    ):
        level = np.stack([_expectancy(deaths[t], lived[t], quality[t]) for t in moments])
        yield from _unequal(name, unit, level, lived.sum(axis=-1), counted.inequality_aversion)
    for rate in _RATES:
        top, bottom = of(rate.top), of(rate.bottom)
        level = np.stack([rate.scale * standardised(top[t], bottom[t]) for t in moments])
        yield from _unequal(f"standardised_{rate.name}", rate.unit, level, bottom.sum(axis=-1))


def _unequal(
    name: str, unit: str, level: np.ndarray, size: np.ndarray, aversion: float | None = None
) -> Iterator[Measure]:
    """Yield a level ``[Y + 1, 1 + E]`` for all and by education, and indices over groups of `size` ``[Y + 1, E]``."""
    groups = level[:, 1:]
    yield Measure(name, unit, level[:-1], whole=level[-1], dimensions=_GROUPS)
    for index, own_unit in _INDEX_UNITS.items():
        value = getattr(inequality, index)(groups, size)[:, None]
        yield Measure(f"{name}_{index}", own_unit or unit, value[:-1], whole=value[-1])
    if aversion is not None:
        # The part that inequality between groups costs, off the level of all, which is no mean of the groups' levels.
        even = inequality.equally_distributed_equivalent(groups, size, aversion)
        value = level[:, :1] * (even / inequality.mean(groups, size))[:, None]
        yield Measure(f"{name}_equally_distributed", unit, value[:-1], whole=value[-1])


def standardised(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Return rates standardised for sex and age: ``[1 + E]``, of all levels together first.

    Parameters
    ----------
    top, bottom
        ``[E, cells]`` numerator and denominator.
    """
    both = np.stack([top, bottom])
    top, bottom = np.concatenate([both.sum(axis=1, keepdims=True), both], axis=1)
    held = (bottom > 0.0).all(axis=0)
    if not held.any():
        return np.full(len(top), np.nan)
    weight = bottom[0, held] / bottom[0, held].sum()
    return np.asarray(top[:, held] / bottom[:, held] @ weight)


def _expectancy(deaths: np.ndarray, lived: np.ndarray, qalys: np.ndarray) -> np.ndarray:
    """Return quality-adjusted life expectancy at birth ``[1 + E]``, of all levels first, from ``[E, sex x age]``."""
    both = np.stack([deaths, lived, qalys])
    by_age = both.reshape(*both.shape[:2], 2, -1).sum(axis=2)  # [3, E, bands]
    rows = np.concatenate([by_age.sum(axis=1, keepdims=True), by_age], axis=1)
    return np.array([life_expectancy(*rows[:, k]) for k in range(rows.shape[1])])


def life_expectancy(deaths: np.ndarray, lived: np.ndarray, qalys: np.ndarray | None = None) -> float:
    """Return life expectancy at birth from deaths and person-years by age in bands of five years, the last open.

    Parameters
    ----------
    deaths, lived
        ``[bands]``. Bands from the last with a death on are one open band; without any death the result is NaN.
    qalys
        QALYs lived by band: years are then weighted by ``qalys / lived``.
    """
    last = int(np.flatnonzero(deaths > 0).max(initial=-1))
    if last < 0:
        return float("nan")

    def joined(values: np.ndarray) -> np.ndarray:
        return np.append(values[:last], values[last:].sum())

    dead, years = joined(deaths), joined(lived)
    if not (years > 0.0).all():
        return float("nan")
    hazard = dead / years
    alive = np.exp(-_BAND * np.concatenate([[0.0], np.cumsum(hazard[:-1])]))
    stay = np.where(hazard > 0.0, -np.expm1(-_BAND * hazard) / np.where(hazard > 0.0, hazard, 1.0), _BAND)
    stay[-1] = 1.0 / hazard[-1]
    quality = 1.0 if qalys is None else joined(qalys) / years
    return float((alive * stay * quality).sum())
