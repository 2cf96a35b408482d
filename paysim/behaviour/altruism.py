"""How altruism is spread over practices, and the curvature of perceived benefit that follows from one study.

Altruism is normal, cut from below. Perceived benefit of a visit is quadratic in the visit-intensity lever
``l``, so that with margin ``m`` per visit a practice with altruism ``a`` moves by ``dl = dm / (a k)``,
``k`` being the curvature in euro per visit. The lever moves only the share ``s`` of contacts that practices
plan themselves, so a change of all contacts by ``c`` is one of the lever by ``c / s``. Ontario's physicians
lost the share ``f`` of a fee ``p`` and made 14% fewer contacts; ``k`` solves::

    mean over practices of max(l_min - 1, -f p / (a k)) = c / s

With c = -0.14, s = 0.30, f = 0.875, p = 32.04: dl = -0.467 for a loss of 28.04 euro a visit, k = 85 euro
(without the limit, 28.04 / 0.467 x mean of 1/a = 60.1 x 1.59 = 96 euro).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from paysim.behaviour.situation import Floats
from paysim.errors import Problem, ScenarioError
from paysim.kernel.streams import person_keys, run_key, uniforms
from paysim.parameters import Parameters

_DOMAIN = (1 << 40) + 1000
"""Takes the place of the replicate in the keys, far from the population's and the engine's."""

_ALTRUISM, _SPEED = 0, 1
_GRID: Floats = np.asarray((np.arange(2000) + 0.5) / 2000.0, dtype=np.float64)


def altruism_quantiles(uniform: Floats, mean: float, sd: float, least: float) -> Floats:
    """Return quantiles of altruism, a normal distribution cut below `least`."""
    if sd <= 0.0:
        return np.full(uniform.shape, max(mean, least))
    below = ndtr((least - mean) / sd)
    return np.asarray(np.maximum(mean + sd * ndtri(below + (1.0 - below) * uniform), least))


def practice_uniforms(seed: int, practice_names: Sequence[str]) -> tuple[Floats, Floats]:
    """Return two uniforms ``[practice]``, for altruism and speed, keyed by (seed, practice name)."""
    digests = (hashlib.sha256(name.encode("utf-8")).digest()[:8] for name in practice_names)
    numbers = np.array([int.from_bytes(each, "little") for each in digests], dtype=np.uint64)
    keys = person_keys(run_key(seed, _DOMAIN), numbers)
    return uniforms(keys, _ALTRUISM), uniforms(keys, _SPEED)


def visit_curvature_eur(parameters: Parameters) -> float:
    """Return the margin per visit, in euro, that doubles visit intensity at an altruism of one.

    Raises
    ------
    ScenarioError
        If the lever's lower limit keeps practices from the change of contacts observed.
    """
    p = parameters.group("behaviour")
    altruism = altruism_quantiles(_GRID, p["altruism_mean"], p["altruism_sd"], p["altruism_min"])
    lost = p["contact_fee_share_lost"] * p["contact_full_fee_eur"]
    wanted = p["contact_change"] / parameters["care.follow_up_share"]
    furthest = p["visit_intensity_min"] - 1.0
    if not furthest < wanted < 0.0:
        message = f"practices cannot change visits by {wanted:.2f}: the limits allow {furthest:.2f} to 0"
        raise ScenarioError(Problem(message, key="behaviour.contact_change"))

    def excess(log_curvature: float) -> float:
        change = -lost / (altruism * np.exp(log_curvature))
        return float(np.maximum(change, furthest).mean()) - wanted

    return float(np.exp(brentq(excess, -10.0, 20.0, xtol=1e-12)))
