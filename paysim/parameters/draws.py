"""Draws of uncertain parameters from their distributions, for probabilistic sensitivity analysis.

The range of a parameter has its limits: what lies outside is not plausible and is never drawn. Inside, the family is
that of ``distribution`` about the value, with the range as its central 95% before it is cut (a symmetric normal so
keeps 0.87 of its spread): normal; lognormal; beta and gamma by the method of moments (Briggs, Claxton and Sculpher
2006, ch. 4); uniform. A range without a family, or one in which the family cannot be (a lognormal at 0), is taken as
triangular with the value as its peak, an assumption. Where a range is lopsided, the mean of draws is not the value. A
list of numbers moves together, at one quantile. What is ``fixed``, has no range, or was replaced by the scenario
keeps its value.

Every parameter has a quantile of its own in every draw, keyed by seed, draw and name: a parameter more or less changes
no other. Parameters that were fitted together are drawn together: their quantiles are those of normal scores with the
correlations of the fit (a Gaussian copula), each made of the quantiles of its own and of those before it in the list.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from scipy.special import betainc, betaincinv, gammainc, gammaincinv, ndtr, ndtri

from paysim.parameters.values import Override, Parameter

_Curve = Callable[[float], float]
Correlations = Mapping[tuple[str, str], float]

_WIDTH_95 = 2.0 * 1.959963984540054


def is_uncertain(parameter: Parameter) -> bool:
    """Tell whether a parameter is drawn."""
    low, high = parameter.low, parameter.high
    return (
        not isinstance(parameter.value, str)
        and low is not None
        and high is not None
        and low < high
        and parameter.distribution != "fixed"
        and parameter.status != "override"
    )


def draw(
    parameters: Iterable[Parameter], seed: int, number: int, correlations: Correlations | None = None
) -> tuple[Override, ...]:
    """Return the values of draw `number` of all uncertain parameters, in the order given.

    Parameters
    ----------
    correlations
        Of normal scores, by pair of names; a pair that is not named has none.
    """
    drawn = [each for each in parameters if is_uncertain(each)]
    found = {each.name: quantile(seed, number, each.name) for each in drawn}
    found |= _together(found, correlations or {})
    return tuple(Override(each.name, at_quantile(each, found[each.name])) for each in drawn)


def _together(quantiles: Mapping[str, float], correlations: Correlations) -> dict[str, float]:
    """Return the quantiles of parameters that are correlated with others, in place of independent ones."""
    pairs = {pair: value for pair, value in correlations.items() if set(pair) <= quantiles.keys()}
    names = [name for name in quantiles if any(name in pair for pair in pairs)]
    if not names:
        return {}
    matrix = np.eye(len(names))
    for (first, second), value in pairs.items():
        i, j = names.index(first), names.index(second)
        matrix[i, j] = matrix[j, i] = value
    scores = np.linalg.cholesky(matrix) @ ndtri([quantiles[name] for name in names])
    return dict(zip(names, ndtr(scores).tolist(), strict=True))


def quantile(seed: int, number: int, name: str) -> float:
    """Return the quantile of a parameter in a draw, uniform between 0 and 1."""
    digest = hashlib.sha256(f"{seed} draw {number} {name}".encode()).digest()
    return (int.from_bytes(digest[:8], "little") + 0.5) / 2.0**64


def at_quantile(parameter: Parameter, u: float) -> float | tuple[float, ...]:
    """Return the value of a parameter at a quantile of its distribution, inside its range."""
    low, high = parameter.low, parameter.high
    assert low is not None
    assert high is not None
    if isinstance(parameter.value, tuple):
        return tuple(_inside(each, low, high, parameter.distribution, u) for each in parameter.value)
    return _inside(float(parameter.value), low, high, parameter.distribution, u)


def _inside(value: float, low: float, high: float, family: str | None, u: float) -> float:
    """Return the quantile `u` of the family, cut at the range."""
    below_of, quantile_of = _family(value, low, high, family)
    below, above = below_of(low), below_of(high)
    drawn = float(quantile_of(below + u * (above - below)))
    return min(max(drawn, low), high) if math.isfinite(drawn) else value


def _family(value: float, low: float, high: float, family: str | None) -> tuple[_Curve, _Curve]:
    """Return the distribution function and its inverse; of `scipy.special`, a hundred times quicker than its stats."""
    sd = (high - low) / _WIDTH_95
    if family == "normal":
        return lambda x: ndtr((x - value) / sd), lambda q: value + sd * ndtri(q)
    if family == "lognormal" and low > 0.0:
        spread = (math.log(high) - math.log(low)) / _WIDTH_95
        return lambda x: ndtr(math.log(x / value) / spread), lambda q: value * math.exp(spread * ndtri(q))
    if family == "beta" and 0.0 < value < 1.0 and sd**2 < value * (1.0 - value):
        both = value * (1.0 - value) / sd**2 - 1.0
        a, b = value * both, (1.0 - value) * both
        return lambda x: betainc(a, b, min(max(x, 0.0), 1.0)), lambda q: betaincinv(a, b, q)
    if family == "gamma" and value > 0.0:
        shape, scale = (value / sd) ** 2, sd**2 / value
        return lambda x: gammainc(shape, max(x, 0.0) / scale), lambda q: scale * gammaincinv(shape, q)
    if family == "uniform":
        return lambda x: (x - low) / (high - low), lambda q: low + (high - low) * q
    peak = (min(max(value, low), high) - low) / (high - low)

    def triangle(q: float) -> float:
        at = math.sqrt(peak * q) if q < peak else 1.0 - math.sqrt((1.0 - peak) * (1.0 - q))
        return low + (high - low) * at

    return lambda x: float(x >= high), triangle  # nothing of a triangle is cut
