"""A practice that weighs as `paysim.behaviour.profit_altruism` does, and chooses with errors.

For each patient a lever ``l`` within its limits is chosen with a chance proportional to ``exp(V(l) / noise)``: the
logit rule of bounded rationality (Godager and Wiesen 2013, J Health Econ 32:1105), with ``V(l) = gain (l - 1) -
altruism k (l - 1)^2 / 2`` euro per unit. That is a normal distribution around the best response with variance ``noise /
(altruism k)``, cut at the limits; what the practice does is its mean. Base levers hold the errors made at base, so
that the practice moves by the difference of means. With no noise it moves as `profit_altruism` does; the more noise,
the less it responds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import log_ndtr

from paysim.behaviour.profit_altruism import ProfitAltruism
from paysim.behaviour.situation import Floats

_LOG_ROOT_TWO_PI = 0.5 * np.log(2.0 * np.pi)


_NONE_EUR = 1e-9
"""Noise below which there is none: the normal distribution would be narrower than numbers can tell."""


@dataclass(frozen=True)
class Logit(ProfitAltruism):
    """Practices that respond to their contracts with errors; setting ``noise_eur`` is their size, euro per unit."""

    name: ClassVar[str] = "logit"
    settings: ClassVar[tuple[str, ...]] = (*ProfitAltruism.settings, "noise_eur")

    def _moves(self, gain: Floats, slope: Floats) -> Floats:
        noise = self.values["noise_eur"]
        best = super()._moves(gain, slope)
        if noise < _NONE_EUR:
            return best
        low, high = (limit - 1.0 for limit in self._limits())
        spread = np.sqrt(noise / slope)
        return cut_mean(best, spread, low, high) - cut_mean(np.zeros_like(best), spread, low, high)


def cut_mean(mean: Floats, spread: Floats, low: Floats, high: Floats) -> Floats:
    """Return the mean of a normal distribution cut below `low` and above `high`."""
    a, b = (low - mean) / spread, (high - mean) / spread
    # Mirrored where both limits lie above the mean: the chance between them is then a difference of small numbers.
    sign = np.where(a > 0.0, -1.0, 1.0)
    lower, upper = np.where(a > 0.0, -b, a), np.where(a > 0.0, -a, b)
    above, below = log_ndtr(upper), log_ndtr(lower)
    log_inside = above + np.log1p(-np.exp(np.minimum(below - above, -1e-300)))
    at_lower, at_upper = (np.exp(-0.5 * x**2 - _LOG_ROOT_TWO_PI - log_inside) for x in (lower, upper))
    return np.asarray(np.clip(mean + sign * spread * (at_lower - at_upper), low, high))
