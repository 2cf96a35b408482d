"""Keyed random numbers of trials: a draw depends on the pilot's seed, the trial, what is drawn and whose turn it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from paysim.kernel.streams import person_keys, run_key, uniforms

Floats = npt.NDArray[np.float64]

(
    WORLD,
    ORDER,
    VOLUNTEER,
    DRIFT_HERE,
    DRIFT_THERE,
    NOISE,
    LEAVING,
    PERMUTED,
    SIGNS,
    EXPECTING,
    DRIFT_OF_SITE,
    LEVEL_OF_SITE,
) = range(12)
"""What is drawn: the number of a stream."""


def uniform(seed: int, trials: int, what: int, count: int) -> Floats:
    """Return uniforms on (0, 1), ``[trials, count]``."""
    keys = person_keys(run_key(seed, 0), np.arange(trials))
    return uniforms(keys[:, None], what, np.arange(count)[None, :])


def normal(seed: int, trials: int, what: int, *shape: int) -> Floats:
    """Return standard normal numbers, ``[trials, *shape]``."""
    return np.asarray(ndtri(uniform(seed, trials, what, int(np.prod(shape)))).reshape(trials, *shape))
