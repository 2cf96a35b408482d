"""How altruism is spread over practices: a normal distribution, cut from below."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from paysim.behaviour.situation import Floats
from paysim.kernel.streams import person_keys, run_key, uniforms

_DOMAIN = (1 << 40) + 1000
"""Takes the place of the replicate in the keys, far from the population's and the engine's."""

_ALTRUISM, _SPEED = 0, 1


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
