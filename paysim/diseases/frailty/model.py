"""Frailty: a permanent part, which the population has, times a part that changes at every birthday.

With z the changing part in deviations, ``z' = r z + sqrt(1 - r^2) e``; log frailty is
``permanent + s z - s^2 / 2``, so the mean of frailty stays what the permanent part says.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from paysim.kernel import streams
from paysim.kernel.tables import stream_key
from paysim.parameters import Parameters

GROUP = "frailty"
_STREAM = "frailty at base"


def terms(params: Parameters) -> tuple[float, float]:
    """Return the deviation of the changing part and its correlation between years."""
    return params[f"{GROUP}.yearly_sigma"], params[f"{GROUP}.yearly_correlation"]


def changing_part(population: Any, params: Parameters) -> np.ndarray:
    """Return ``s z - s^2 / 2`` of every person at base, ``[n]``, keyed by person."""
    sigma, _ = terms(params)
    keys = streams.person_keys(streams.run_key(int(population.seed), 0), np.asarray(population.person))
    z = ndtri(streams.uniforms(keys, int(stream_key(_STREAM))))
    return np.asarray(sigma * z - sigma * sigma / 2)
